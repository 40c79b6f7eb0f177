//! Four eyes: whose hands must not meet.

use serde_json::json;

use crate::scene::world::{
    APPROVER, DEVELOPER, OWNER, PIPELINE, SECOND_APPROVER, World, digest, model, subject, version,
};
use crate::scene::{granted, person};
use crate::{granting, tried};

#[test]
fn whoever_registered_trained_or_requested_a_version_does_not_grant_for_it() {
    // 22 is a developer and an approver at once.
    let hands: [fn(&mut World); 4] = [
        |world| {
            let made = json!({ "artifacts": [{ "digest": digest("1"), "form": "file" }] });
            world.record(22, "model.version_registered", version("1"), made);
        },
        |world| {
            world.record(22, "training.completed", model(), json!({ "produced_version": version("1") }));
        },
        |world| {
            world.record(22, "approval.requested", version("1"), json!({ "gate": "production" }));
        },
        |world| {
            let tree = json!({
                "type": "training.completed", "subject": model(), "initiators": [person(22)],
                "data": { "produced_version": version("1") },
            });
            world.record_with(PIPELINE, tree);
        },
    ];
    let mut clean = World::requested();
    clean.door.let_in(22, &["developer", "approver"]);
    assert_eq!(tried(&clean, 22, granting(&clean, |_| {})), "ok");
    for hand in hands {
        let mut world = clean.clone();
        hand(&mut world);
        assert_eq!(tried(&world, 22, granting(&world, |_| {})), "FOUR_EYES");
        assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
    }
}

#[test]
fn whoever_answers_for_a_service_has_its_hands() {
    let mut world = World::requested();
    world.door.let_in(23, &["approver"]);
    world.door.let_in_where(61, &["developer"], &["*"], &[person(23)]);
    assert_eq!(tried(&world, 23, granting(&world, |_| {})), "ok");
    let tree = json!({
        "type": "training.completed", "subject": model(), "initiators": [person(DEVELOPER)],
        "data": { "produced_version": version("1") },
    });
    world.record_with(61, tree);
    assert_eq!(tried(&world, 23, granting(&world, |_| {})), "FOUR_EYES");
}

#[test]
fn a_service_that_names_nobody_may_have_been_set_in_motion_by_any_developer_or_the_owner() {
    let mut world = World::requested();
    world.door.let_in(22, &["developer", "approver"]);
    world.door.let_in(24, &["approver", "owner"]);
    // Elsewhere a developer, here only an approver.
    world.door.let_in(25, &["approver"]);
    world.door.let_in_where(26, &["approver"], &["*"], &[]);
    world.door.empower(1, 2, granted(&person(26), "developer", &["claims/*"])).unwrap();
    world.record(PIPELINE, "training.completed", model(), json!({ "produced_version": version("1") }));
    for (seed, expected) in [(22, "UNKNOWN_INITIATOR"), (24, "UNKNOWN_INITIATOR"), (25, "ok"), (26, "ok")] {
        assert_eq!(tried(&world, seed, granting(&world, |_| {})), expected, "{seed}");
    }
}

#[test]
fn a_run_that_did_not_name_its_version_is_held_against_it_once_the_version_names_the_run() {
    let mut world = World::registered();
    world.door.let_in(22, &["developer", "approver"]);
    let run = world.record(22, "training.completed", model(), json!({ "run_id": "7" }));
    let made = json!({ "artifacts": [{ "digest": digest("2"), "form": "file" }], "training_run": run });
    world.record(DEVELOPER, "model.version_registered", version("2"), made);
    world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let grant = |world: &World| {
        granting(world, |tree| {
            tree["subject"] = version("2");
            tree["data"]["digests"] = json!([digest("2")]);
        })
    };
    assert_eq!(tried(&world, 22, grant(&world)), "FOUR_EYES");
    assert_eq!(tried(&world, APPROVER, grant(&world)), "ok");
}

#[test]
fn a_proposer_does_not_accept_and_nobody_signs_the_same_request_twice() {
    let mut world = World::requested();
    let accepted = json!({
        "type": "usecase.accepted", "subject": subject("usecase", "loans"), "data": { "rationale": "Yes." },
    });
    assert_eq!(tried(&world, OWNER, accepted.clone()), "FOUR_EYES");
    assert_eq!(tried(&world, APPROVER, accepted), "ok");
    let grant = granting(&world, |_| {});
    world.door.say(APPROVER, grant.clone()).unwrap();
    assert_eq!(tried(&world, APPROVER, grant.clone()), "SIGNED_ALREADY");
    assert_eq!(tried(&world, SECOND_APPROVER, grant), "ok");
}

#[test]
fn services_decide_nothing() {
    let mut world = World::requested();
    world.door.let_in_where(62, &["approver"], &["*"], &[person(APPROVER)]);
    assert_eq!(tried(&world, 62, granting(&world, |_| {})), "TAKES_A_PERSON");
}
