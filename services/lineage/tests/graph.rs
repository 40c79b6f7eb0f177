//! What each statement says about what comes from what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_proto::v1;
use probity_query::QueryError;
use scenes::{DEVELOPER, Life, OPERATOR, digest, edges, set};
use serde_json::json;

#[test]
fn a_version_comes_from_its_run_and_the_run_from_data_code_and_environment() {
    let mut life = Life::new();
    let data = json!({
        "produced_version": "model:credit/pd@1", "datasets": ["dataset:credit/loans"],
        "code": { "commit": "9fceb02d" }, "environment_digest": digest("image"),
    });
    let run = life.say(DEVELOPER, "training.completed", "model:credit/pd", data);
    let run = life.run(run);
    let image = digest("image");
    let expected = set(["dataset:credit/loans", "code:9fceb02d", &image, &run, "model:credit/pd"]);
    assert_eq!(life.up("model:credit/pd@1"), expected);
    assert_eq!(life.down("dataset:credit/loans"), set(["model:credit/pd@1", &run, "model:credit/pd"]));
    let said = edges(&life.walk("upstream", "model:credit/pd@1"));
    assert!(said.contains(&format!("model:credit/pd@1 produced {run}")), "{said:?}");
    assert!(said.contains(&format!("{run} trained-on dataset:credit/loans")), "{said:?}");
    assert!(said.contains("model:credit/pd@1 version-of model:credit/pd"), "{said:?}");
    life.folds_alike();
}

#[test]
fn a_digest_is_the_dataset_that_registers_it_whichever_was_named_first() {
    for registered_first in [true, false] {
        let mut life = Life::new();
        let register = |life: &mut Life| {
            life.say(DEVELOPER, "data.registered", "dataset:credit/loans", json!({ "digest": digest("loans") }));
        };
        if registered_first {
            register(&mut life);
        }
        let data = json!({ "produced_version": "model:credit/pd@1", "dataset_digests": [digest("loans")] });
        life.say(DEVELOPER, "training.completed", "model:credit/pd", data);
        if !registered_first {
            assert!(!life.node(&digest("loans")).resolved);
            register(&mut life);
        }
        assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
        assert!(life.up("model:credit/pd@1").contains("dataset:credit/loans"));
        assert!(!life.up("model:credit/pd@1").contains(&digest("loans")));
        let node = life.node(&digest("loans"));
        assert_eq!((node.name.as_str(), node.resolved), ("dataset:credit/loans", true));
        assert_eq!(node.aliases, [digest("loans")]);
        life.folds_alike();
    }
}

#[test]
fn a_further_name_that_nothing_else_leads_to_is_still_shown_and_found() {
    let mut life = Life::new();
    let data = json!({ "artifacts": [{ "digest": digest("pd"), "form": "file" }] });
    life.say(DEVELOPER, "model.version_registered", "model:credit/pd@1", data);
    assert_eq!(life.node("model:credit/pd@1").aliases, [digest("pd")]);
    assert_eq!(life.node(&digest("pd")).name, "model:credit/pd@1");
    assert_eq!(life.path("model:credit/pd", &digest("pd")).nodes.len(), 2);
    assert_eq!(life.affected(&digest("pd")), ["model:credit/pd@1"]);
}

#[test]
fn an_edition_derived_from_an_earlier_one_of_its_name_may_come_from_any_part_of_it() {
    let mut life = Life::new();
    life.say(DEVELOPER, "data.registered", "dataset:credit/loans", json!({ "derived_from": ["dataset:credit/loans"] }));
    let data = json!({ "reason": "no consent", "digests": [digest("january"), digest("february")] });
    life.say(DEVELOPER, "data.withdrawn", "dataset:credit/loans", data);
    let both = set(["dataset:credit/loans", &digest("february")]);
    assert_eq!(life.down(&digest("january")), both);
    life.void(DEVELOPER, 0);
    assert_eq!(life.down(&digest("january")), set(["dataset:credit/loans"]));
    life.folds_alike();
}

#[test]
fn two_things_that_register_the_same_digest_hold_the_same() {
    let mut life = Life::new();
    for dataset in ["dataset:credit/loans", "dataset:risk/copy"] {
        life.say(DEVELOPER, "data.registered", dataset, json!({ "digest": digest("loans") }));
    }
    life.train("model:risk/pd@1", &["dataset:risk/copy"]);
    assert!(life.down("dataset:credit/loans").contains("model:risk/pd@1"));
    let said = edges(&life.walk("downstream", "dataset:credit/loans"));
    assert!(said.iter().any(|edge| edge.contains(" same-as ")), "{said:?}");
}

#[test]
fn what_nobody_registered_stays_visible_as_unresolved() {
    let mut life = Life::new();
    let data = json!({ "produced_version": "model:credit/pd@1", "dataset_digests": [digest("unknown")] });
    life.say(DEVELOPER, "training.completed", "model:credit/pd", data);
    let walk = life.walk("upstream", "model:credit/pd@1");
    let node = walk.nodes.iter().find(|node| node.name == digest("unknown")).unwrap();
    assert!(!node.resolved);
    assert_eq!(node.kind, "digest");
}

#[test]
fn components_parents_and_references_are_what_a_version_comes_from() {
    let mut life = Life::new();
    let data = json!({
        "components": [
            { "role": "base-model", "reference": "hub/llama" },
            { "role": "adapter", "digest": digest("lora") },
            { "role": "retrieval-index", "subject": "dataset:claims/wordings" },
        ],
        "parents": ["model:claims/desk@1"],
        "reference": { "provider": "acme", "name": "big", "snapshot": "2025-01" },
    });
    life.say(DEVELOPER, "model.version_registered", "model:claims/desk@2", data);
    let said = edges(&life.walk("upstream", "model:claims/desk@2"));
    for edge in [
        "model:claims/desk@2 based-on reference:hub/llama".to_owned(),
        format!("model:claims/desk@2 adapted-from {}", digest("lora")),
        "model:claims/desk@2 component dataset:claims/wordings".to_owned(),
        "model:claims/desk@2 derived-from model:claims/desk@1".to_owned(),
        "model:claims/desk@2 based-on reference:acme/big@2025-01".to_owned(),
        "reference:acme/big@2025-01 version-of reference:acme/big".to_owned(),
    ] {
        assert!(said.contains(&edge), "{edge} not in {said:?}");
    }
    assert_eq!(life.affected("reference:acme/big"), ["model:claims/desk@2"]);
    assert_eq!(life.affected(&digest("lora")), ["model:claims/desk@2"]);
}

#[test]
fn an_adapter_leads_back_to_the_version_whose_artefact_is_its_base() {
    let mut life = Life::new();
    let data = json!({ "components": [{ "role": "base-model", "digest": digest("base") }] });
    life.say(DEVELOPER, "model.version_registered", "model:claims/tuned@1", data);
    let data = json!({ "artifacts": [{ "digest": digest("base"), "form": "oms-root" }] });
    life.say(DEVELOPER, "model.version_registered", "model:lab/base@1", data);
    assert_eq!(life.affected("model:lab/base@1"), ["model:lab/base@1", "model:claims/tuned@1"]);
    assert!(life.up("model:claims/tuned@1").contains("model:lab/base@1"));
    life.folds_alike();
}

#[test]
fn a_run_that_was_started_and_completed_is_one_run() {
    let mut life = Life::new();
    let data = json!({ "datasets": ["dataset:credit/loans"] });
    let started = life.say(DEVELOPER, "training.started", "model:credit/pd", data);
    let data = json!({ "produced_version": "model:credit/pd@1" });
    let completed = life.say_regarding(DEVELOPER, "training.completed", "model:credit/pd", started, data);
    assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    let run = life.node(&life.run(started));
    assert_eq!((run.name, run.aliases), (life.run(completed), vec![life.run(started)]));
}

#[test]
fn a_version_that_names_its_run_comes_from_it_before_the_run_is_recorded_too() {
    let mut life = Life::new();
    let id = "0194f4c8-0000-7000-8000-00000000000a";
    life.say(DEVELOPER, "model.version_registered", "model:credit/pd@1", json!({ "training_run": id }));
    assert!(!life.node(&format!("run:{id}")).resolved);
    let event = json!({
        "type": "training.completed", "id": id, "subject": "model:credit/pd",
        "data": { "datasets": ["dataset:credit/loans"] },
    });
    life.scene.record(DEVELOPER, 1, event);
    assert!(life.node(&format!("run:{id}")).resolved);
    assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    life.folds_alike();
}

#[test]
fn a_run_of_a_model_that_names_no_version_leaves_earlier_versions_alone() {
    let mut life = Life::new();
    life.train("model:credit/pd@1", &["dataset:credit/old"]);
    life.say(DEVELOPER, "training.completed", "model:credit/pd", json!({ "datasets": ["dataset:credit/new"] }));
    assert!(!life.down("dataset:credit/new").contains("model:credit/pd@1"));
    assert!(life.down("dataset:credit/new").contains("model:credit/pd"));
    assert!(life.up("model:credit/pd").contains("dataset:credit/new"));
    assert!(!life.up("model:credit/pd@1").contains("dataset:credit/new"));
}

#[test]
fn a_model_leads_to_its_versions_and_a_version_not_to_its_sisters() {
    let mut life = Life::new();
    life.train("model:credit/pd@1", &["dataset:credit/old"]);
    life.train("model:credit/pd@2", &["dataset:credit/new"]);
    let data = json!({ "direction": "consumer", "kind": "report", "reference": "Monthly" });
    life.say(DEVELOPER, "dependency.declared", "model:credit/pd", data);
    assert_eq!(life.affected("model:credit/pd"), ["model:credit/pd@1", "model:credit/pd@2"]);
    assert_eq!(life.affected("dataset:credit/old"), ["model:credit/pd@1"]);
    // Who uses the model as a whole uses some version of it.
    assert!(life.down("dataset:credit/old").contains("consumer:Monthly"));
    assert!(!life.down("dataset:credit/old").contains("model:credit/pd@2"));
    assert!(life.up("consumer:Monthly").is_superset(&set(["dataset:credit/old", "dataset:credit/new"])));
    assert!(!life.up("model:credit/pd@1").contains("model:credit/pd@2"));
    let said = edges(&life.walk("downstream", "dataset:credit/old"));
    assert!(said.contains("model:credit/pd contains model:credit/pd@1"), "{said:?}");
}

#[test]
fn a_dependency_that_ended_is_walked_only_on_request() {
    let mut life = Life::new();
    let data = json!({ "direction": "upstream", "kind": "dataset", "other": "dataset:credit/rates" });
    let declared = life.say(DEVELOPER, "dependency.declared", "model:credit/pd", data);
    assert!(life.up("model:credit/pd").contains("dataset:credit/rates"));
    let ended = life.say_regarding(OPERATOR, "dependency.ended", "model:credit/pd", declared, json!({}));
    assert!(!life.up("model:credit/pd").contains("dataset:credit/rates"));
    let request = v1::WalkRequest {
        node: "model:credit/pd".to_owned(),
        direction: "upstream".to_owned(),
        include_ended: true,
        ..Default::default()
    };
    let said = edges(&life.walk_as(request).unwrap());
    assert!(said.contains("model:credit/pd consumes dataset:credit/rates ended"), "{said:?}");
    life.void(OPERATOR, ended);
    assert!(life.up("model:credit/pd").contains("dataset:credit/rates"));
    life.folds_alike();
}

#[test]
fn withdrawn_data_is_marked_with_its_parts_and_what_was_made_of_the_whole_rests_on_the_parts() {
    let mut life = Life::new();
    life.train("model:credit/pd@1", &["dataset:credit/loans"]);
    let data = json!({ "reason": "no consent", "digests": [digest("part 7")] });
    let withdrawn = life.say(DEVELOPER, "data.withdrawn", "dataset:credit/loans", data);
    assert!(life.node("dataset:credit/loans").withdrawn);
    assert!(life.node(&digest("part 7")).withdrawn);
    assert_eq!(life.affected(&digest("part 7")), ["model:credit/pd@1"]);
    life.void(DEVELOPER, withdrawn);
    assert!(!life.node("dataset:credit/loans").withdrawn);
    assert_eq!(life.affected(&digest("part 7")), [""; 0]);
}

#[test]
fn a_retired_model_is_marked_until_that_is_reversed() {
    let mut life = Life::new();
    life.say(DEVELOPER, "retirement.completed", "model:credit/pd@1", json!({}));
    assert!(life.node("model:credit/pd@1").withdrawn);
    life.say(DEVELOPER, "retirement.reversed", "model:credit/pd@1", json!({ "reason": "not yet" }));
    assert!(!life.node("model:credit/pd@1").withdrawn);
}

#[test]
fn models_under_two_names_are_one_and_a_split_off_part_comes_from_the_other() {
    let mut life = Life::new();
    life.train("model:credit/old@1", &["dataset:credit/loans"]);
    let data = json!({ "relation": "renamed-from", "other": "model:credit/old" });
    life.say(DEVELOPER, "model.linked", "model:credit/pd", data);
    let data = json!({ "relation": "split-from", "other": "model:credit/pd" });
    life.say(DEVELOPER, "model.linked", "model:credit/part", data);
    assert!(life.up("model:credit/pd").contains("dataset:credit/loans"));
    assert!(life.affected("model:credit/pd").contains(&"model:credit/old@1".to_owned()));
    assert!(life.down("dataset:credit/loans").contains("model:credit/part"));
    let said = edges(&life.walk("upstream", "model:credit/old"));
    assert!(said.contains("model:credit/pd renamed-from model:credit/old"), "{said:?}");
}

#[test]
fn only_the_signer_of_a_fact_takes_it_back_and_it_stays_so() {
    let mut life = Life::new();
    let run = life.train("model:credit/pd@1", &["dataset:credit/loans"]);
    life.void(OPERATOR, run);
    assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    let void = life.void(DEVELOPER, run);
    assert!(!life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    assert!(!life.node(&life.run(run)).resolved);
    life.void(DEVELOPER, void);
    assert!(!life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    life.train("model:credit/pd@1", &["dataset:credit/loans"]);
    assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    life.folds_alike();
}

#[test]
fn a_digest_is_no_longer_a_dataset_once_the_registration_is_taken_back() {
    let mut life = Life::new();
    let data = json!({ "produced_version": "model:credit/pd@1", "dataset_digests": [digest("loans")] });
    life.say(DEVELOPER, "training.completed", "model:credit/pd", data);
    let registered = json!({ "digest": digest("loans") });
    let registered = life.say(DEVELOPER, "data.registered", "dataset:credit/loans", registered);
    assert!(life.down("dataset:credit/loans").contains("model:credit/pd@1"));
    life.void(DEVELOPER, registered);
    assert!(life.down("dataset:credit/loans").is_empty());
    assert!(life.up("model:credit/pd@1").contains(&digest("loans")));
    assert!(!life.node("dataset:credit/loans").resolved);
}

#[test]
fn circles_end_and_limits_say_that_there_is_more() {
    let mut life = Life::new();
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let data = json!({ "derived_from": [format!("dataset:x/{from}")] });
        life.say(DEVELOPER, "data.registered", &format!("dataset:x/{to}"), data);
    }
    let walk = life.walk("downstream", "dataset:x/a");
    assert_eq!((walk.nodes.len(), walk.edges.len(), walk.truncated), (3, 3, false));
    let limited = |max_depth, max_nodes| {
        let (node, direction) = ("dataset:x/a".to_owned(), "downstream".to_owned());
        let walk = life.walk_as(v1::WalkRequest { node, direction, max_depth, max_nodes, ..Default::default() });
        walk.map(|walk| (walk.nodes.len(), walk.truncated)).unwrap()
    };
    assert_eq!(limited(1, 0), (2, true));
    assert_eq!(limited(2, 0), (3, false));
    assert_eq!(limited(0, 2), (2, true));
}

#[test]
fn many_edges_of_one_node_are_all_walked() {
    let mut life = Life::new();
    for version in 0..100 {
        life.train(&format!("model:credit/pd@{version}"), &["dataset:credit/loans"]);
    }
    assert_eq!(life.impact("dataset:credit/loans").total, 100);
    assert_eq!(life.down("dataset:credit/loans").len(), 201);
    life.folds_alike();
}

#[test]
fn a_path_is_the_shortest_and_goes_upstream_first() {
    let mut life = Life::new();
    life.say(DEVELOPER, "data.registered", "dataset:x/b", json!({ "derived_from": ["dataset:x/a"] }));
    let run = life.train("model:x/m@1", &["dataset:x/b", "dataset:x/a"]);
    let names = |path: v1::FindPathResponse| path.nodes.into_iter().map(|node| node.name).collect::<Vec<_>>();
    let run = life.run(run);
    assert_eq!(names(life.path("model:x/m@1", "dataset:x/a")), ["model:x/m@1", &run, "dataset:x/a"]);
    assert_eq!(names(life.path("dataset:x/a", "model:x/m@1")), ["dataset:x/a", &run, "model:x/m@1"]);
    life.say(DEVELOPER, "data.registered", "dataset:x/c", json!({}));
    assert_eq!(names(life.path("dataset:x/c", "model:x/m@1")), [""; 0]);
    assert_eq!(life.path("dataset:x/a", "model:x/m@1").edges.len(), 2);
}

#[test]
fn a_node_that_nobody_named_is_not_found() {
    let life = Life::new();
    let request =
        v1::WalkRequest { node: "dataset:x/a".to_owned(), direction: "upstream".to_owned(), ..Default::default() };
    assert!(matches!(life.walk_as(request.clone()), Err(QueryError::UnknownSubject { .. })));
    let request = v1::WalkRequest { direction: "sideways".to_owned(), ..request };
    assert!(matches!(life.walk_as(request), Err(QueryError::Invalid { field: "direction", .. })));
}

const SHARED: &str = "01943ad7-aa80-7000-889c-b25826563124";

#[test]
fn of_two_signers_who_use_one_id_each_takes_back_their_own() {
    let mut life = Life::new();
    let said = |dataset: &str| {
        json!({ "id": SHARED, "type": "data.registered", "subject": dataset,
            "data": { "derived_from": ["dataset:credit/raw"] } })
    };
    let one = life.scene.record(DEVELOPER, 0, said("dataset:credit/a"));
    life.scene.record(OPERATOR, 1, said("dataset:credit/b"));
    life.void(DEVELOPER, one);
    let down = life.down("dataset:credit/raw");
    assert!(!down.contains("dataset:credit/a") && down.contains("dataset:credit/b"), "{down:?}");
    life.folds_alike();
}

#[test]
fn a_run_that_uses_the_id_of_another_is_a_run_of_its_own() {
    let mut life = Life::new();
    let run = |dataset: &str| {
        json!({ "id": SHARED, "type": "training.completed", "subject": "model:credit/pd",
            "data": { "datasets": [dataset] } })
    };
    life.scene.record(DEVELOPER, 0, run("dataset:credit/a"));
    life.scene.record(OPERATOR, 1, run("dataset:credit/b"));
    life.say(DEVELOPER, "model.version_registered", "model:credit/pd@1", json!({ "training_run": SHARED }));
    let up = life.up("model:credit/pd@1");
    assert!(up.contains("dataset:credit/a") && !up.contains("dataset:credit/b"), "{up:?}");
}
