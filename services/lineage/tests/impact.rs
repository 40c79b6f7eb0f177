//! What is affected, what of it runs now, and who sees what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_proto::v1;
use probity_query::QueryError;
use scenes::{DEVELOPER, Life, OPERATOR, digest, scope, set};
use serde_json::json;

/// Two models of which one runs, trained on the same data.
fn two_models() -> Life {
    let mut life = Life::new();
    life.train("model:credit/idle@1", &["dataset:credit/loans"]);
    life.train("model:credit/pd@1", &["dataset:credit/loans"]);
    let data = json!({ "version": "model:credit/pd@1", "use_case": "usecase:credit/origination" });
    life.say(OPERATOR, "deployment.started", "endpoint:credit/eu", data);
    life
}

#[test]
fn what_runs_comes_first_with_where_what_for_whose_and_who_uses_it() {
    let mut life = two_models();
    life.say("service:first", "model.ownership_accepted", "model:credit/pd", json!({ "role": "owner" }));
    let data = json!({ "direction": "consumer", "kind": "report", "reference": "Monthly" });
    life.say(DEVELOPER, "dependency.declared", "model:credit/pd", data);
    let impact = life.impact("dataset:credit/loans");
    assert_eq!((impact.total, impact.live), (2, 1));
    let first = &impact.affected[0];
    assert_eq!(first.version, "model:credit/pd@1");
    assert_eq!(first.endpoints, ["endpoint:credit/eu"]);
    assert_eq!(first.use_cases, ["usecase:credit/origination"]);
    assert_eq!(first.owners, ["service:first"]);
    assert_eq!(first.consumers, ["consumer:Monthly"]);
    assert_eq!(first.path, ["dataset:credit/loans".to_owned(), life.run(1), "model:credit/pd@1".to_owned()]);
    assert_eq!(first.indices, [1, 2, 3, 4]);
    assert_eq!(impact.affected[1].version, "model:credit/idle@1");
    life.folds_alike();
}

#[test]
fn an_owner_who_hands_over_is_no_longer_named() {
    let mut life = two_models();
    life.say("service:first", "model.ownership_accepted", "model:credit/pd", json!({ "role": "owner" }));
    let data = json!({ "role": "owner", "from": "service:first" });
    life.say("service:second", "model.ownership_accepted", "model:credit/pd", data);
    assert_eq!(life.impact("dataset:credit/loans").affected[0].owners, ["service:second"]);
}

#[test]
fn a_version_that_was_replaced_or_stopped_is_not_live() {
    let mut life = two_models();
    life.start("endpoint:credit/eu", "model:credit/pd@2");
    assert_eq!(life.impact("dataset:credit/loans").live, 0);
    life.say(
        OPERATOR,
        "deployment.rolled_back",
        "endpoint:credit/eu",
        json!({ "to": "model:credit/pd@1", "reason": "bad" }),
    );
    assert_eq!(life.impact("dataset:credit/loans").live, 1);
    life.say(OPERATOR, "deployment.stopped", "endpoint:credit/eu", json!({}));
    assert_eq!(life.impact("dataset:credit/loans").live, 0);
    life.folds_alike();
}

#[test]
fn a_version_that_is_stopped_in_an_emergency_does_not_run_but_is_still_there() {
    let mut life = two_models();
    life.say(OPERATOR, "deployment.suspended", "endpoint:credit/eu", json!({ "reason": "bad", "scope": "endpoint" }));
    let impact = life.impact("dataset:credit/loans");
    assert_eq!(impact.live, 0);
    assert!(impact.affected.iter().all(|affected| affected.endpoints.is_empty()));
    assert!(life.down("dataset:credit/loans").contains("endpoint:credit/eu"));
}

#[test]
fn a_start_that_happened_before_what_is_known_changes_nothing_now() {
    let mut life = two_models();
    let version = json!({ "version": "model:credit/pd@0" });
    life.say_of_day(OPERATOR, 1, "deployment.started", "endpoint:credit/eu", version);
    assert!(life.node("model:credit/pd@1").live);
    assert!(!life.node("model:credit/pd@0").live);
    let request = v1::WalkRequest {
        node: "model:credit/pd@0".to_owned(),
        direction: "downstream".to_owned(),
        include_ended: true,
        ..Default::default()
    };
    let said = scenes::edges(&life.walk_as(request).unwrap());
    assert!(said.contains("endpoint:credit/eu serves model:credit/pd@0 ended"), "{said:?}");
    life.folds_alike();
}

#[test]
fn a_start_that_was_taken_back_gives_its_place_to_the_one_before() {
    let mut life = two_models();
    let start = life.start("endpoint:credit/eu", "model:credit/pd@2");
    let void = life.void(OPERATOR, start);
    assert!(life.node("model:credit/pd@1").live);
    assert!(!life.node("model:credit/pd@2").live);
    // That is not taken back: what was started after all is recorded again.
    life.void(OPERATOR, void);
    assert!(!life.node("model:credit/pd@2").live);
    life.start("endpoint:credit/eu", "model:credit/pd@2");
    assert!(life.node("model:credit/pd@2").live);
    life.folds_alike();
}

#[test]
fn an_artefact_that_runs_makes_the_version_live_that_registers_it_and_stands_for_itself_otherwise() {
    let mut life = Life::new();
    let observed = json!({ "how_found": "scan", "digest": digest("pd") });
    life.say(OPERATOR, "deployment.observed", "endpoint:credit/found", observed);
    assert_eq!(life.affected(&digest("pd")), [digest("pd")]);
    let data = json!({ "artifacts": [{ "digest": digest("pd"), "form": "file" }] });
    life.say(DEVELOPER, "model.version_registered", "model:credit/pd@1", data);
    let impact = life.impact("model:credit/pd");
    assert_eq!((impact.total, impact.live), (1, 1));
    assert_eq!(impact.affected[0].endpoints, ["endpoint:credit/found"]);
    assert!(life.node("model:credit/pd@1").live);
}

#[test]
fn a_model_that_runs_without_a_known_version_is_affected_itself() {
    let mut life = two_models();
    let version = json!({ "version": "model:credit/idle" });
    life.say(OPERATOR, "deployment.started", "endpoint:credit/us", version);
    assert_eq!(life.impact("dataset:credit/loans").live, 2);
    let data = json!({ "direction": "upstream", "kind": "model", "other": "model:credit/pd" });
    life.say(DEVELOPER, "dependency.declared", "model:credit/limits", data);
    assert!(life.affected("dataset:credit/loans").contains(&"model:credit/limits".to_owned()));
}

#[test]
fn datasets_made_from_it_are_on_the_way() {
    let mut life = Life::new();
    life.say(
        DEVELOPER,
        "data.registered",
        "dataset:credit/features",
        json!({ "derived_from": ["dataset:credit/raw"] }),
    );
    life.train("model:credit/pd@1", &["dataset:credit/features"]);
    let impact = life.impact("dataset:credit/raw");
    assert_eq!(impact.affected[0].path.len(), 4);
    assert_eq!(impact.affected[0].depth, 3);
}

#[test]
fn pages_hold_each_version_once_and_all_of_them_together() {
    let mut life = Life::new();
    for version in 0..25 {
        life.train(&format!("model:credit/pd@{version}"), &["dataset:credit/loans"]);
    }
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let node = "dataset:credit/loans".to_owned();
        let page =
            life.impact_as(v1::GetImpactRequest { node, page_size: 10, page_token, ..Default::default() }).unwrap();
        assert_eq!(page.total, 25);
        found.extend(page.affected.into_iter().map(|affected| affected.version));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, (0..25).map(|version| format!("model:credit/pd@{version}")).collect::<Vec<_>>());
    let live = v1::GetImpactRequest { node: "dataset:credit/loans".to_owned(), live_only: true, ..Default::default() };
    assert!(life.impact_as(live).unwrap().affected.is_empty());
}

/// A dataset of one house, made into another by a second, of which a third trains a model.
fn three_houses() -> Life {
    let mut life = Life::new();
    life.say(
        DEVELOPER,
        "data.registered",
        "dataset:bureau/secret",
        json!({ "derived_from": ["dataset:credit/loans"] }),
    );
    let run = life.train("model:credit/pd@1", &["dataset:bureau/secret"]);
    assert_eq!(run, 1);
    life.train("model:bureau/score@1", &["dataset:bureau/secret"]);
    life.scope = scope(&["credit"]);
    life
}

#[test]
fn a_walk_goes_through_what_the_caller_may_not_see_without_naming_it() {
    let life = three_houses();
    let walk = life.walk("downstream", "dataset:credit/loans");
    let names: Vec<&str> = walk.nodes.iter().map(|node| node.name.as_str()).collect();
    let run = life.run(1);
    assert_eq!(names, ["dataset:credit/loans", "hidden:1", &run, "model:credit/pd@1", "model:credit/pd"]);
    let hidden = &walk.nodes[1];
    assert_eq!((hidden.kind.as_str(), hidden.aliases.len()), ("dataset", 0));
    assert!(!format!("{walk:?}").contains("bureau"));
    let impact = life.impact("dataset:credit/loans");
    assert_eq!(impact.total, 1);
    assert_eq!(impact.affected[0].path, ["dataset:credit/loans", "hidden", &run, "model:credit/pd@1"]);
    assert_eq!(life.path("model:credit/pd@1", "dataset:credit/loans").nodes[2].name, "hidden:1");
}

#[test]
fn what_lies_behind_the_hidden_and_leads_nowhere_the_caller_may_see_is_not_shown() {
    let life = three_houses();
    assert!(life.down("dataset:credit/loans").iter().filter(|name| name.starts_with("hidden")).count() == 1);
}

#[test]
fn a_caller_who_asks_for_what_they_may_not_see_is_told_that_there_is_no_such_thing() {
    let life = three_houses();
    for node in ["dataset:bureau/secret", "model:bureau/score@1", &life.run(2), "hidden:1"] {
        let request = v1::GetImpactRequest { node: node.to_owned(), ..Default::default() };
        assert!(
            matches!(
                life.impact_as(request),
                Err(QueryError::NotFound { .. } | QueryError::UnknownSubject { nearest: None, .. })
            ),
            "{node}"
        );
    }
}

#[test]
fn a_digest_is_seen_by_whoever_sees_a_subject_whose_statements_name_it() {
    let mut life = Life::new();
    let data = json!({ "produced_version": "model:credit/pd@1", "dataset_digests": [digest("loans")] });
    life.say(DEVELOPER, "training.completed", "model:credit/pd", data);
    life.say(DEVELOPER, "data.registered", "dataset:bureau/secret", json!({ "digest": digest("loans") }));
    life.scope = scope(&["credit"]);
    let up = life.up("model:credit/pd@1");
    assert!(up.contains(&digest("loans")), "{up:?}");
    assert!(!up.iter().any(|name| name.contains("bureau")), "{up:?}");
    life.scope = scope(&["elsewhere"]);
    let request = v1::GetImpactRequest { node: digest("loans"), ..Default::default() };
    assert!(matches!(life.impact_as(request), Err(QueryError::NotFound { .. })));
}

#[test]
fn a_hidden_endpoint_still_counts_as_running() {
    let mut life = Life::new();
    life.train("model:credit/pd@1", &["dataset:credit/loans"]);
    life.start("endpoint:platform/eu", "model:credit/pd@1");
    life.scope = scope(&["credit"]);
    let impact = life.impact("dataset:credit/loans");
    assert_eq!((impact.live, impact.affected[0].endpoints.as_slice()), (1, ["hidden".to_owned()].as_slice()));
    assert_eq!(life.down("model:credit/pd@1"), set(["hidden:1", "model:credit/pd"]));
}

#[test]
fn what_is_retired_by_itself_or_with_its_model_is_marked_so() {
    let mut life = two_models();
    life.say(DEVELOPER, "retirement.completed", "model:credit/idle", json!({}));
    let retired = |life: &Life| {
        let affected = life.impact("dataset:credit/loans").affected;
        affected.into_iter().map(|it| (it.version, it.retired)).collect::<Vec<_>>()
    };
    let expected = [("model:credit/pd@1".to_owned(), false), ("model:credit/idle@1".to_owned(), true)];
    assert_eq!(retired(&life), expected);
    life.say(DEVELOPER, "retirement.reversed", "model:credit/idle", json!({ "reason": "Not yet." }));
    life.say(DEVELOPER, "retirement.completed", "model:credit/pd@1", json!({}));
    assert_eq!(retired(&life).into_iter().map(|(_, retired)| retired).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn an_owner_stays_whose_acceptance_is_called_void() {
    let mut life = two_models();
    let accepted = life.say("service:first", "model.ownership_accepted", "model:credit/pd", json!({ "role": "owner" }));
    life.void("service:first", accepted);
    assert_eq!(life.impact("dataset:credit/loans").affected[0].owners, ["service:first"]);
}
