//! A validation is about bytes, and about those alone.

use serde_json::{Value, json};

use crate::scene::person;
use crate::scene::world::{APPROVER, COMPLIANCE, DEPLOYER, DEVELOPER, VALIDATOR, World, digest, version};
use crate::{authorizing, gate, publish, tried};

/// A world whose gate asks for a validation of fairness, with version 1 registered and not yet validated
/// for it.
fn world() -> World {
    let mut world = World::registered();
    assert_eq!(publish(&mut world, COMPLIANCE, 1, gate(json!({ "validation_scopes": ["fairness"] }))), "ok");
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    world
}

fn granting(world: &World, bytes: &str) -> Value {
    let mut tree = crate::granting(world);
    tree["data"]["digests"] = json!([digest(bytes)]);
    tree
}

fn replaced(world: &mut World, name: &str) {
    let made = json!({
        "artifacts": [{ "digest": digest("other bytes"), "form": "file" }], "code": { "digest": digest("pipeline") },
    });
    world.record(DEVELOPER, "model.version_registered", version(name), made);
}

#[test]
fn bytes_that_are_registered_after_a_validation_are_not_validated_by_it() {
    for named in [json!({ "model_digest": digest("1") }), json!({})] {
        let mut world = world();
        let mut data = json!({ "scopes": ["fairness"], "outcome": "passed" });
        data.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
        world.record(VALIDATOR, "validation.completed", version("1"), data);
        assert_eq!(tried(&world, APPROVER, granting(&world, "1")), "ok");
        replaced(&mut world, "1");
        assert_eq!(tried(&world, APPROVER, granting(&world, "other bytes")), "NOT_VALIDATED", "{named}");
        assert_eq!(tried(&world, APPROVER, granting(&world, "1")), "ok");
        let fair = json!({ "scopes": ["fairness"], "outcome": "passed", "model_digest": digest("other bytes") });
        world.record(VALIDATOR, "validation.completed", version("1"), fair);
        assert_eq!(tried(&world, APPROVER, granting(&world, "other bytes")), "ok");
    }
}

#[test]
fn a_plan_covers_the_bytes_that_were_measured() {
    let mut world = World::plan_approved();
    world.version("2", 0.81);
    let authorize = |bytes: &str| {
        let mut tree = authorizing();
        tree["data"]["version"] = version("2");
        tree["data"]["digest"] = json!(digest(bytes));
        tree
    };
    assert_eq!(tried(&world, DEPLOYER, authorize("2")), "ok");
    replaced(&mut world, "2");
    assert_eq!(tried(&world, DEPLOYER, authorize("other bytes")), "GATE_CLOSED");
    assert_eq!(tried(&world, DEPLOYER, authorize("2")), "ok");
}

#[test]
fn a_validation_says_that_it_passed() {
    for (outcome, expected) in [
        (json!("passed"), "ok"),
        (json!("passed-with-conditions"), "ok"),
        (json!("failed"), "NOT_VALIDATED"),
        (json!("inconclusive"), "NOT_VALIDATED"),
        (Value::Null, "NOT_VALIDATED"),
    ] {
        let mut world = world();
        let mut data = json!({ "scopes": ["fairness"] });
        if !outcome.is_null() {
            data["outcome"] = outcome.clone();
        }
        world.record(VALIDATOR, "validation.completed", version("1"), data);
        assert_eq!(tried(&world, APPROVER, granting(&world, "1")), expected, "{outcome}");
    }
}

#[test]
fn nobody_in_particular_is_not_an_independent_validator() {
    let mut world = world();
    world.door.let_in_where(72, &["validator"], &["*"], &[person(DEPLOYER)]);
    let fair = json!({ "scopes": ["fairness"], "outcome": "passed" });
    world.record(72, "validation.completed", version("1"), fair.clone());
    assert_eq!(tried(&world, APPROVER, granting(&world, "1")), "NOT_VALIDATED");
    let named = json!({
        "type": "validation.completed", "subject": version("1"), "initiators": [person(VALIDATOR)], "data": fair,
    });
    world.record_with(72, named);
    assert_eq!(tried(&world, APPROVER, granting(&world, "1")), "ok");
}

#[test]
fn whoever_measured_within_a_plan_had_no_hand_in_the_version() {
    // The developer's own measurement does not keep version 2 within the plan.
    let mut world = World::plan_approved();
    world.door.let_in(22, &["developer", "validator"]);
    let made = json!({
        "artifacts": [{ "digest": digest("2"), "form": "file" }], "code": { "digest": digest("pipeline") },
    });
    world.record(22, "model.version_registered", version("2"), made);
    let measured = json!({
        "outcome": "passed", "scopes": ["outcomes"], "metrics": [{ "name": "auc", "value": 0.81 }],
    });
    world.record(22, "validation.completed", version("2"), measured.clone());
    let mut tree = authorizing();
    tree["data"]["version"] = version("2");
    tree["data"]["digest"] = json!(digest("2"));
    assert_eq!(tried(&world, DEPLOYER, tree.clone()), "GATE_CLOSED");
    world.record(VALIDATOR, "validation.completed", version("2"), measured);
    assert_eq!(tried(&world, DEPLOYER, tree), "ok");
}
