//! `probity record` guides a person: it explains a type, takes an event from flags or files, says
//! all that is missing, and shows what will be signed.

use probity_schemas::{Clock, SystemClock};
use serde_json::json;

use crate::shell::Shell;

const KEY: [&str; 2] = ["--key", "ada.key"];

#[test]
fn a_type_is_explained_with_its_fields_who_may_record_it_and_a_sample_that_is_one() {
    let shell = Shell::with_ledger();
    let help = shell.run(&["record", "approval.granted", "--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    for part in ["an act", "approver", "meaning*", "What the signature means", "full-traffic", "expires_at", "+90d"] {
        assert!(help.out.contains(part), "{part}: {}", help.out);
    }
    assert!(!help.out.contains("expires_at*"), "what may be left out has no star: {}", help.out);
    let plain = shell.run(&["record", "--help"]);
    assert!(plain.code == Some(0) && plain.out.contains("Usage: probity record"), "{plain:?}");
    let unknown = shell.run(&["record", "approval.grantd", "--help"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("approval.granted"), "{unknown:?}");

    let help = shell.run(&["record", "model.registered", "--help"]);
    let sample = help.out.split_once("--from sample:\n").unwrap().1;
    shell.write("sample.yaml", sample);
    let recorded = shell.run(&["record", "sample.yaml", "--key", "ada.key"]);
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
}

#[test]
fn an_event_can_be_said_on_the_command_line() {
    let shell = Shell::with_ledger();
    shell.write("report.pdf", "42");
    let before = time();
    let arguments = [
        "record",
        "usecase.proposed",
        "--subject",
        "usecase:credit/loans",
        "--set",
        "problem=2 many",
        "--set",
        "jurisdictions=DE",
        "--set",
        "jurisdictions=AT",
        "--set",
        "decision_type=human-overseen",
        "--set",
        r#"kpi_targets={"name":"default rate"}"#,
        "--set",
        "kpi_targets.0.target=1.5",
        "--set",
        "event.attributes.team=risk",
        "--about",
        "model:credit/pd",
        "--title",
        "Loans",
        "--evidence",
        "report.pdf",
        "--evidence-kind",
        "minutes",
        "--key",
        "ada.key",
    ];
    let event = shell.event(&shell.recorded(&arguments));
    let data = json!({
        "problem": "2 many", "jurisdictions": ["DE", "AT"], "decision_type": "human-overseen",
        "kpi_targets": [{ "name": "default rate", "target": 1.5 }],
    });
    assert_eq!(event["data"], data);
    assert_eq!(event["about"], json!([{ "kind": "model", "namespace": "credit", "name": "pd" }]));
    assert_eq!((&event["title"], &event["attributes"]), (&json!("Loans"), &json!({ "team": "risk" })));
    let digest = "sha256:73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049";
    assert_eq!(event["evidence"], json!([{ "digest": digest, "kind": "minutes", "media_type": "application/pdf" }]));
    assert!((before..=time()).contains(&event["occurred"].as_u64().unwrap()), "it happens now");

    let first = shell.recorded(&[
        "record",
        "model.registered",
        "--subject",
        "model:credit/pd",
        "--set",
        "purpose=PD",
        "--occurred",
        "2026-01-31T10:00:00Z",
        "--key",
        "ada.key",
    ]);
    assert_eq!(shell.event(&first)["occurred"], 1_769_853_600_000_u64);
    let second = shell.recorded(&[
        "record",
        "evidence.attached",
        "--from",
        "sample",
        "--subject",
        "model:credit/pd",
        "--regarding",
        &first,
        "--key",
        "ada.key",
    ]);
    assert_eq!(shell.event(&second)["regarding"], shell.event(&first)["id"], "an index stands for the event there");
}

fn time() -> u64 {
    SystemClock.now_ms()
}

#[test]
fn all_that_is_missing_is_said_at_once_where_nobody_can_be_asked() {
    let shell = Shell::with_ledger();
    let size = shell.json(&["checkpoint"])["tree_size"].clone();
    let refused = shell.run(&[&["record", "approval.granted", "--set", "conditions={}"], &KEY[..]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for field in ["subject ", "gate ", "scope ", "meaning ", "conditions.0.id ", "conditions.0.text "] {
        assert!(refused.err.contains(field), "{field}: {}", refused.err);
    }
    assert!(!refused.err.contains("expires_at"), "it may be left out: {}", refused.err);
    shell.write("empty.yaml", "type: approval.granted");
    let refused = shell.run(&["record", "empty.yaml", "--key", "ada.key"]);
    assert!(refused.code == Some(2) && refused.err.contains("meaning "), "{refused:?}");
    for (set, said) in [
        ("decision_type=nobody", "human-overseen"),
        ("porblem=x", "problem"),
        ("kpi_targets.1.name=x", "list of 0"),
        ("problem", "FIELD=VALUE"),
        ("owner=zoe", "person:<uuid>"),
    ] {
        let arguments = ["record", "usecase.proposed", "--subject", "usecase:a/b", "--set", "problem=x", "--set", set];
        let refused = shell.run(&[&arguments, &KEY[..]].concat());
        assert!(refused.code == Some(2) && refused.err.contains(said), "{set}: {refused:?}");
    }
    assert_eq!(shell.json(&["checkpoint"])["tree_size"], size, "nothing was recorded");
}

#[test]
fn yaml_and_json_files_say_the_same() {
    let shell = Shell::with_ledger();
    let yaml = "
        # what we know
        - type: usecase.proposed
          subject: usecase:credit/loans
          occurred: 2026-01-31T10:00:00Z
          data: { problem: no, jurisdictions: [NO, SE] }
        - type: model.registered
          subject: { kind: model, namespace: credit, name: pd }
          occurred: 2026-01-30..2026-01-31
          data: { purpose: 'Estimates: defaults' }
    ";
    shell.write("events.yaml", yaml);
    shell.write("events.json", &json!([
        { "type": "usecase.proposed", "subject": "usecase:credit/loans", "occurred": 1_769_853_600_000_u64,
          "data": { "problem": "no", "jurisdictions": ["NO", "SE"] } },
        { "type": "model.registered", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
          "occurred": [1_769_731_200_000_u64, 1_769_903_999_999_u64], "data": { "purpose": "Estimates: defaults" } },
    ]).to_string());
    let events = |file: &str| {
        let rows = shell.json(&["record", file, "--key", "ada.key"]);
        let indices = rows.as_array().unwrap().iter().map(|row| row["index"].to_string());
        let events = indices.map(|index| shell.event(&index));
        events
            .map(|mut event| {
                event.as_object_mut().unwrap().remove("id");
                event
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(events("events.yaml"), events("events.json"));
    shell.write("wrong.yaml", "type: [model.registered");
    let refused = shell.run(&["record", "wrong.yaml", "--key", "ada.key"]);
    assert!(refused.code == Some(2) && refused.err.contains("wrong.yaml is not YAML"), "{refused:?}");
    let refused = shell.run(&["record", "events.yaml", "--set", "problem=x", "--key", "ada.key"]);
    assert!(refused.code == Some(2) && refused.err.contains("one event"), "{refused:?}");
    let nothing = shell.run(&["record", "nothing.yaml", "--key", "ada.key"]);
    assert!(nothing.code == Some(2) && nothing.err.contains("nothing.yaml"), "{nothing:?}");
}

#[test]
fn what_would_be_signed_is_shown_in_plain_words_and_not_signed() {
    let shell = Shell::with_ledger();
    let size = shell.json(&["checkpoint"])["tree_size"].clone();
    let person = shell.json(&["key", "show", "ada.pub"])["identity"].as_str().unwrap().to_owned();
    let owner = format!("owner={person}");
    let shown = shell.run(&[
        "record",
        "usecase.proposed",
        "--subject",
        "usecase:credit/loans",
        "--set",
        "problem=Too many",
        "--set",
        &owner,
        "--occurred",
        "-48h",
        "--dry-run",
        "--key",
        "ada.key",
    ]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let words = shown.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "usecase.proposed a fact: it says what happened",
        "about usecase:credit/loans",
        &format!("as Ada Lovelace ({person})"),
        &format!("owner Ada Lovelace ({person})"),
        "(2 days ago)",
        "problem Too many",
    ] {
        assert!(words.contains(part), "{part}: {}", shown.err);
    }
    let shown = shell.run(&[
        "record",
        "approval.granted",
        "--from",
        "sample",
        "--set",
        "expires_at=+30d",
        "--set",
        "scope.max_traffic_percent=12.5",
        "--dry-run",
        "--key",
        "ada.key",
    ]);
    let words = shown.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in
        ["an act: it takes effect by being recorded", "max traffic 12.5 %", "(in 30 days)", "(now)", "credit/loan"]
    {
        assert!(words.contains(part), "{part}: {}", shown.err);
    }
    assert_eq!(shell.json(&["checkpoint"])["tree_size"], size, "nothing was recorded");
}
