//! What is said of one thing again and again costs no more each time: no record grows with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_compliance::{Question, query};
use probity_query::Scope;
use scenes::*;
use serde_json::json;

/// How many bytes the largest record of the view has: what a statement that changes it writes.
fn largest(life: &Life) -> usize {
    life.scene.view().scan(&[]).map(|pair| pair.unwrap().1.len()).max().unwrap()
}

/// Says something that often, and again that often: what the largest record grows by in the second half.
fn grows(life: &mut Life, times: u64, mut say: impl FnMut(&mut Life, u64) -> u64) -> usize {
    for n in 0..times {
        say(life, n);
    }
    let before = largest(life);
    for n in times..2 * times {
        say(life, n);
    }
    largest(life) - before
}

#[test]
fn no_record_grows_with_what_is_said_again() {
    let mut life = Life::new();
    life.register();
    // Positions get longer by a byte now and then; nothing else does.
    assert!(grows(&mut life, 60, |life, _| life.register_with(json!({}))) < 16);
    assert!(grows(&mut life, 60, |life, _| life.say("model.registered", PD, json!({ "purpose": "To lend." }))) < 16);
    let class = json!({ "framework": "eu-ai-act", "class": "high-risk", "basis": "Annex III" });
    assert!(grows(&mut life, 60, |life, _| life.say("model.classified", PD, class.clone())) < 16);
    let derived = json!({ "digest": digest(9), "derived_from": ["dataset:credit/loans"] });
    assert!(grows(&mut life, 60, |life, _| life.say("data.registered", "dataset:credit/joined", derived.clone())) < 16);
    let report = json!({ "outcome": "passed", "scopes": ["load"] });
    assert!(grows(&mut life, 60, |life, _| life.say_by(VERA, "validation.completed", V1, report.clone())) < 16);
}

#[test]
fn no_record_grows_with_the_places_where_something_serves_or_with_what_serves_in_one_place() {
    let mut life = Life::new();
    life.register();
    let started = json!({ "version": V1, "digest": digest(1), "environment": "production" });
    let place = |n: u64| format!("endpoint:credit/e{n}");
    assert!(grows(&mut life, 60, |life, n| life.say("deployment.started", &place(n), started.clone())) < 16);
    // Nobody says that what serves in the shadow has ended.
    let shadow = |n: u64| json!({ "version": format!("model:credit/pd@s{n}"), "exposure": "shadow" });
    assert!(grows(&mut life, 80, |life, n| life.say("deployment.started", E, shadow(n))) < 256);
    let stop = |n: u64| json!({ "reason": "r", "scope": "version", "version": format!("model:credit/pd@s{}", n + 96) });
    assert!(grows(&mut life, 80, |life, n| life.say("deployment.suspended", E, stop(n))) < 256);
}

#[test]
fn a_void_registration_leaves_the_others_of_its_version() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let again = life.register_with(json!({ "artifacts": [{ "digest": digest(2), "form": "file" }] }));
    let today = at(life.today());
    assert_eq!(life.found(Question::VersionConflict, today).len(), 1);
    let third = life.register_with(json!({}));
    life.void(again);
    assert_eq!(life.found(Question::VersionConflict, at(life.today())), []);
    life.void(third);
    life.start(json!({}));
    assert_eq!(life.found(Question::UnregisteredDeployment, at(life.today())), []);
}

#[test]
fn of_more_than_can_be_counted_it_is_said_that_there_are_at_least_so_many() {
    let mut life = Life::new();
    let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
    for _ in 0..5 {
        life.say_by(VERA, "finding.raised", PD, finding.clone());
    }
    let counted = |most| {
        let scope = scope(&["credit/*"]);
        let counted = query::counts_among(life.scene.view(), None, &scope, at(1_000), most).unwrap();
        (counted.questions.iter().map(|it| it.count).sum::<u64>(), counted.at_least)
    };
    assert_eq!(counted(4), (4, true));
    assert_eq!(counted(5), (5, false));
    let all = query::counts(life.scene.view(), None, &Scope::Everything, at(1_000)).unwrap();
    assert!(!all.at_least);
}
