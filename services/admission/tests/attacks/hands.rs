//! Whose hands were in a version is found whenever it is recorded.

use serde_json::json;

use crate::scene::person;
use crate::scene::world::{APPROVER, DEPLOYER, DEVELOPER, PIPELINE, World, digest, model, subject, version};
use crate::{authorizing, granting, tried};

/// A developer and an approver at once.
const BOTH: u8 = 22;

fn with_both(mut world: World) -> World {
    world.door.let_in(BOTH, &["developer", "approver"]);
    world
}

fn approved_by_both() -> World {
    let mut world = with_both(World::requested());
    world.answer(BOTH, "approval.granted", version("1"), "approval.requested", world.approval());
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world
}

#[test]
fn whoever_approves_first_and_then_trains_or_registers_is_found() {
    let mut trained = approved_by_both();
    trained.record(BOTH, "training.completed", model(), json!({ "produced_version": version("1") }));
    assert_eq!(tried(&trained, DEPLOYER, authorizing()), "GATE_CLOSED");

    let mut registered = approved_by_both();
    let made = json!({ "artifacts": [{ "digest": digest("1"), "form": "file" }] });
    registered.record(BOTH, "model.version_registered", version("1"), made);
    assert_eq!(tried(&registered, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_service_that_names_nobody_afterwards_is_found_with_every_developer() {
    let mut world = approved_by_both();
    world.record(PIPELINE, "training.completed", model(), json!({ "produced_version": version("1") }));
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_run_has_trained_every_version_that_names_it() {
    let mut world = with_both(World::registered());
    let run = world.record(BOTH, "training.completed", model(), json!({ "datasets": [subject("dataset", "loans")] }));
    for name in ["2", "3"] {
        let made = json!({ "artifacts": [{ "digest": digest(name), "form": "file" }], "training_run": run });
        world.record(DEVELOPER, "model.version_registered", version(name), made);
    }
    for name in ["2", "3"] {
        let request = world.record(DEVELOPER, "approval.requested", version(name), json!({ "gate": "production" }));
        let mut approval = world.approval();
        approval["digests"] = json!([digest(name)]);
        let grant = json!({
            "type": "approval.granted", "subject": version(name), "regarding": request, "data": approval,
        });
        assert_eq!(tried(&world, BOTH, grant.clone()), "FOUR_EYES", "{name}");
        // And it comes from the run's data.
        world.door.say(APPROVER, grant).unwrap();
        let mut authorization = authorizing();
        authorization["data"]["version"] = version(name);
        authorization["data"]["digest"] = json!(digest(name));
        assert_eq!(tried(&world, DEPLOYER, authorization.clone()), "ok", "{name}");
        let mut later = world.clone();
        later.record(DEVELOPER, "data.withdrawn", subject("dataset", "loans"), json!({ "reason": "No consent." }));
        assert_eq!(tried(&later, DEPLOYER, authorization), "GATE_CLOSED", "{name}");
    }
}

#[test]
fn a_run_that_is_recorded_after_its_version_is_linked_to_it() {
    let mut world = with_both(World::registered());
    let event = world.door.event(json!({ "type": "training.completed", "subject": model(), "data": {} }));
    let made = json!({ "artifacts": [{ "digest": digest("2"), "form": "file" }], "training_run": event.id });
    world.record(DEVELOPER, "model.version_registered", version("2"), made);
    let request = world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let mut approval = world.approval();
    approval["digests"] = json!([digest("2")]);
    let grant = json!({ "type": "approval.granted", "subject": version("2"), "regarding": request, "data": approval });
    assert_eq!(tried(&world, BOTH, grant.clone()), "ok");
    let run = json!({ "type": "training.completed", "subject": model(), "data": {} });
    crate::record_as(&mut world, BOTH, event.id, run).unwrap();
    assert_eq!(tried(&world, BOTH, grant), "FOUR_EYES");
}

#[test]
fn a_run_of_another_model_is_no_run_of_this_one() {
    let mut world = with_both(World::registered());
    world.record(DEVELOPER, "model.registered", subject("model", "other"), json!({ "purpose": "Something else." }));
    let run = world.record(BOTH, "training.completed", subject("model", "other"), json!({}));
    let made = json!({ "artifacts": [{ "digest": digest("2"), "form": "file" }], "training_run": run });
    world.record(DEVELOPER, "model.version_registered", version("2"), made);
    let request = world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let mut approval = world.approval();
    approval["digests"] = json!([digest("2")]);
    let grant = json!({ "type": "approval.granted", "subject": version("2"), "regarding": request, "data": approval });
    assert_eq!(tried(&world, BOTH, grant), "ok");
}

#[test]
fn an_initiator_is_somebody_who_is_enrolled() {
    // A made-up person does not speak a service free of having been set in motion by a developer.
    let mut world = with_both(World::requested());
    let tree = json!({
        "type": "training.completed", "subject": model(), "initiators": [person(99)],
        "data": { "produced_version": version("1") },
    });
    world.record_with(PIPELINE, tree);
    assert_eq!(tried(&world, BOTH, granting(&world)), "UNKNOWN_INITIATOR");
}

#[test]
fn nobody_is_kept_from_approving_by_being_spoken_for_without_having_asked() {
    let mut world = World::requested();
    let tree = json!({
        "type": "training.completed", "subject": model(), "on_behalf_of": person(APPROVER),
        "data": { "produced_version": version("1") },
    });
    world.record_with(DEVELOPER, tree.clone());
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
    // Whoever delegated has hands in what is done for them.
    let mut asked = World::requested();
    let delegated =
        json!({ "to": person(DEVELOPER), "types": ["training.*"], "until": crate::ms(crate::scene::NOW + 99) });
    asked.record(APPROVER, "authority.delegated", json!(person(APPROVER).subject()), delegated);
    asked.record_with(DEVELOPER, tree);
    assert_eq!(tried(&asked, APPROVER, granting(&asked)), "FOUR_EYES");
    // And whoever answers for a service, in what it does for them.
    let mut own = World::requested();
    own.door.let_in_where(71, &["developer"], &["*"], &[person(APPROVER)]);
    let tree = json!({
        "type": "training.completed", "subject": model(), "on_behalf_of": person(APPROVER),
        "data": { "produced_version": version("1") },
    });
    own.record_with(71, tree);
    assert_eq!(tried(&own, APPROVER, granting(&own)), "FOUR_EYES");
}
