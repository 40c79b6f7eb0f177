//! Packs that mean harm, or are simply wrong: a named fault when they are read, or an answer that says why there is none.
//! Never a hang, and never a pass that rests on nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use probity_controls::dossier::{Dossier, Signing};
use probity_controls::pack::PACK_MAX;
use probity_controls::{Fact, Judgement, Moment, Pack, PackFault, Verdict};

const NOW: u64 = 1_800_000_000_000;

fn pack_text(rule: &str) -> String {
    format!(
        r#"[pack]
name = "house"
edition = "1"
title = "House rules"
jurisdiction = "us"
sources = [{{ title = "The handbook", articles = "all" }}]
not_covered = ["the rest"]

[parameter.limit]
value = 30
meaning = "days"

[[control]]
id = "one"
article = "1"
requirement = "it is in order"
applies_to = "every model"
rule = '''
{rule}
'''
evidence = ["model.registered"]
severity = "low"
responsible = "owner"
lacks = "it is not in order"
"#
    )
}

fn faults(rule: &str) -> Vec<PackFault> {
    Pack::load(&pack_text(rule)).err().unwrap_or_default()
}

fn facts(event_type: &str, count: u64, data: &str) -> Vec<Fact> {
    let fact = |index| {
        let signing = Signing {
            index,
            time_ms: NOW - 1_000_000 + index,
            signer: "person:a".to_owned(),
            persons: vec!["person:a".to_owned()],
            ..Signing::default()
        };
        Fact::new(event_type, "model:credit/pd@1", data.as_bytes().to_vec(), signing)
    };
    (0..count).map(fact).collect()
}

fn judge(rule: &str, facts: Vec<Fact>) -> Judgement {
    let pack = Pack::load(&pack_text(rule)).unwrap_or_else(|faults| panic!("{rule}: {faults:?}"));
    pack.judge(&pack.controls[0], &Dossier::new("model:credit/pd@1", facts), Moment::at(NOW), true)
}

#[test]
fn a_rule_that_would_run_for_ever_is_ended_and_says_so() {
    let facts = facts("monitor.reported", 5_000, r#"{"monitor":"drift","value":1.0}"#);
    let rule = "monitor.reported.all(a, monitor.reported.all(b, monitor.reported.all(c, \
                monitor.reported.exists(d, d.data.value >= c.data.value))))";
    let judgement = judge(rule, facts);
    assert_eq!(judgement.verdict, Verdict::Indeterminate);
    assert!(judgement.reason.contains("steps"), "{}", judgement.reason);
}

#[test]
fn lists_that_grow_by_themselves_are_ended_too() {
    let facts = facts("monitor.reported", 3_000, r#"{"monitor":"drift","value":1.0}"#);
    let doubled = "(monitor.reported + monitor.reported)";
    let mut rule = doubled.to_owned();
    for _ in 0..6 {
        rule = format!("({rule} + {rule})");
    }
    let judgement = judge(&format!("{rule}.size() > 0"), facts);
    assert_eq!(judgement.verdict, Verdict::Indeterminate, "{judgement:?}");
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_when_it_is_read() {
    let long = "x".repeat(10 << 20);
    let faults_of = |text: &str| Pack::load(text).unwrap_err();
    assert!(faults_of(&long)[0].message.contains(&PACK_MAX.to_string()));
    for (rule, named) in [
        (format!("{}true{}", "(".repeat(400), ")".repeat(400)), "within each other"),
        (format!("{}true", "!".repeat(5_000)), "bytes, at most"),
        (format!("model.registered.size() > 0{}", " && true".repeat(600)), "bytes, at most"),
        (format!("model{}", ".registered".repeat(300)), "unknown"),
        (format!("version.{}x == \"\"", "a.".repeat(1_500)), "within each other"),
    ] {
        let faults = faults(&rule);
        assert!(!faults.is_empty() && faults[0].line > 10, "{named}: {faults:?}");
    }
}

#[test]
fn expressions_that_explode_are_not_in_the_language() {
    for (rule, named) in [
        (r#"model.registered.exists(m, m.data.purpose.matches("(a+)+$"))"#, "unknown function matches"),
        (r#"model.registered.exists(m, m.data.purpose + m.data.purpose == "x")"#, "cannot be added"),
        ("[1, 2, 3].map(x, [1, 2, 3]).size() > 0", "map cannot gather"),
        ("{1: 2}.size() > 0", "no objects of their own"),
    ] {
        let faults = faults(rule);
        assert!(faults.iter().any(|fault| fault.message.contains(named)), "{rule}: {faults:?}");
    }
}

#[test]
fn a_type_error_in_a_branch_that_is_rarely_taken_is_found_when_the_pack_is_read() {
    for (rule, named) in [
        ("model.registered.size() > 0 || model.registered.exists(m, m.data.purpose > 3)", "cannot be compared"),
        ("model.registered.size() > 0 ? true : risk.assessed", "one side is"),
        (r#"false && fresh(risk.assessed, "365 days")"#, "this is a text"),
        ("model.registered.exists(m, m.data.porpose == \"x\")", "did you mean purpose?"),
        ("model.registred.size() > 0", "did you mean model.registered?"),
        ("validation.completed.exists(v, v.data.outcome == \"pased\")", "did you mean passed?"),
        ("fresh(risk.assessed, days(parameter.limmit))", "did you mean limit?"),
        ("finds(\"finding-overdu\")", "did you mean finding-overdue?"),
        ("fresh(risk.assessed)", "fresh(facts, span)"),
        ("risk.assessed", "a rule says true or false"),
        ("risk.assessed.all(r, r.outcome == \"passed\")", "did you mean data.outcome?"),
        ("risk.assessed.all(r, risk.assessed.all(r, true))", "taken already"),
        ("now() > timestamp(\"2027-01-01T00:00:00Z\")", "unknown function now"),
        ("true &&", "Syntax"),
    ] {
        let faults = faults(rule);
        let found = faults.iter().any(|fault| fault.message.contains(named) || fault.message.contains("mismatched"));
        assert!(found, "{rule}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.control.as_deref() == Some("one")), "{faults:?}");
    }
}

#[test]
fn nothing_missing_makes_a_pass() {
    for rule in [
        "true",
        "incident.declared.all(i, false)",
        "!incident.declared.exists(i, true)",
        "incident.declared.size() == 0",
        "!finds(\"finding-overdue\")",
        "risk.assessed.filter(r, r.data.kind == \"safety\").all(r, has(r.data.treatment))",
    ] {
        let judgement = judge(rule, Vec::new());
        assert_eq!(judgement.verdict, Verdict::Indeterminate, "{rule}: {judgement:?}");
    }
}

#[test]
fn what_is_not_stated_is_not_taken_for_a_no_or_a_yes() {
    let validated = || facts("validation.completed", 1, r#"{"scopes":["soundness"]}"#);
    for rule in [
        "validation.completed.exists(v, v.data.outcome == \"passed\")",
        "validation.completed.all(v, v.data.outcome != \"failed\")",
        "validation.completed.filter(v, v.data.outcome == \"failed\").size() == 0",
        "last(risk.assessed).data.treatment == \"accept\"",
    ] {
        let judgement = judge(rule, validated());
        assert_eq!(judgement.verdict, Verdict::Indeterminate, "{rule}: {judgement:?}");
    }
    let judgement =
        judge("validation.completed.exists(v, has(v.data.outcome) && v.data.outcome == \"passed\")", validated());
    assert_eq!(judgement.verdict, Verdict::Fail, "{judgement:?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = pack_text("model.registred.size() > 0").replace("not_covered = [\"the rest\"]", "not_covered = []");
    let text = text.replace("evidence = [\"model.registered\"]", "evidence = [\"model.registred\"]");
    let faults = Pack::load(&text).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.is_sorted_by_key(|fault| fault.line));
}
