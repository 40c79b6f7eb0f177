//! A waiver of a gate takes as many persons as the gate, and what is revoked is revoked.

use serde_json::{Value, json};

use crate::scene::NOW;
use crate::scene::world::{
    APPROVER, COMPLIANCE, DAY, DEPLOYER, DEVELOPER, RISK_OFFICER, SECOND_APPROVER, World, model, ms, version,
};
use crate::{authorizing, gate, publish, tried};

fn two() -> Value {
    gate(json!({ "signatures": [{ "role": "approver", "persons": 2 }] }))
}

fn asked() -> World {
    let mut world = World::registered();
    assert_eq!(publish(&mut world, COMPLIANCE, 1, two()), "ok");
    let reason = json!({ "control": "production", "reason": "The old one is broken." });
    world.record(DEVELOPER, "exception.requested", model(), reason);
    world
}

fn waiver(until: u64) -> Value {
    json!({
        "control": "production", "reason": "For a week.", "compensating_controls": ["A person looks."],
        "expires_at": ms(until),
    })
}

fn sign(world: &mut World, seed: u8, until: u64) {
    world.answer(seed, "exception.granted", model(), "exception.requested", waiver(until));
}

#[test]
fn one_signature_does_not_waive_a_gate_of_two() {
    let mut world = asked();
    sign(&mut world, APPROVER, NOW + 9 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    let again = json!({
        "type": "exception.granted", "subject": model(), "regarding": world.ids["exception.requested"],
        "data": waiver(NOW + 9 * DAY),
    });
    assert_eq!(tried(&world, APPROVER, again), "SIGNED_ALREADY");
    sign(&mut world, RISK_OFFICER, NOW + 7 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world.pass(8 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn whoever_had_a_hand_in_the_version_does_not_waive_its_gate() {
    let mut world = asked();
    world.door.let_in(22, &["developer", "approver"]);
    world.record(22, "training.completed", model(), json!({ "produced_version": version("1") }));
    sign(&mut world, APPROVER, NOW + 9 * DAY);
    sign(&mut world, 22, NOW + 9 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    // It takes two others.
    let reason = json!({ "control": "production", "reason": "The old one is broken." });
    world.record(DEVELOPER, "exception.requested", model(), reason);
    for seed in [APPROVER, SECOND_APPROVER] {
        sign(&mut world, seed, NOW + 9 * DAY);
    }
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
}

#[test]
fn an_extension_takes_as_many_as_the_waiver() {
    let mut world = asked();
    for seed in [APPROVER, RISK_OFFICER] {
        sign(&mut world, seed, NOW + 7 * DAY);
    }
    let longer = |world: &World| {
        json!({
            "type": "exception.extended", "subject": model(), "regarding": world.ids["exception.granted"],
            "data": { "expires_at": ms(NOW + 90 * DAY), "reason": "Not yet." },
        })
    };
    world.record_with(APPROVER, longer(&world));
    assert_eq!(tried(&world, APPROVER, longer(&world)), "NOT_LATER");
    world.pass(8 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    world.record_with(SECOND_APPROVER, longer(&world));
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
}

#[test]
fn whoever_asked_for_a_waiver_does_not_extend_it() {
    let mut world = World::registered();
    world.door.let_in(22, &["developer", "approver"]);
    let reason = json!({ "control": "production", "reason": "The old one is broken." });
    world.record(22, "exception.requested", model(), reason);
    sign(&mut world, APPROVER, NOW + 7 * DAY);
    let longer = json!({
        "type": "exception.extended", "subject": model(), "regarding": world.ids["exception.granted"],
        "data": { "expires_at": ms(NOW + 90 * DAY), "reason": "Not yet." },
    });
    assert_eq!(tried(&world, 22, longer.clone()), "FOUR_EYES");
    assert_eq!(tried(&world, SECOND_APPROVER, longer), "ok");
}

#[test]
fn the_second_signature_of_an_emergency_is_no_waiver_by_one() {
    let mut world = World::registered();
    let three = gate(json!({ "signatures": [{ "role": "approver", "persons": 3 }] }));
    assert_eq!(publish(&mut world, COMPLIANCE, 1, three), "ok");
    let emergency = json!({ "control": "production", "reason": "Now.", "expires_at": ms(NOW + DAY) });
    world.record(APPROVER, "exception.invoked", model(), emergency);
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.invoked", waiver(NOW + 90 * DAY));
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world.pass(2 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_revocation_for_the_year_9999_is_not_in_the_way_of_one_for_now() {
    let mut world = World::approved();
    let never = json!({ "reason": "Some day.", "effective": 253_402_214_400_000_u64 });
    world.answer(APPROVER, "approval.revoked", version("1"), "approval.granted", never);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world.answer(SECOND_APPROVER, "approval.revoked", version("1"), "approval.granted", json!({ "reason": "Now." }));
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    // What is revoked already is not revoked for later.
    let later = json!({
        "type": "approval.revoked", "subject": version("1"), "regarding": world.ids["approval.granted"],
        "data": { "reason": "Later.", "effective": ms(NOW + 300 * DAY) },
    });
    assert_eq!(tried(&world, SECOND_APPROVER, later), "OPENER_CLOSED");
}
