//! What was found by trying to get round the rules.

use probity_admission::Refusal;
use serde_json::json;

use crate::scene::world::{
    APPROVER, COMPLIANCE, DAY, DEPLOYER, OPERATOR, OWNER, PIPELINE, RISK_OFFICER, VALIDATOR, World, model, ms, subject,
    version,
};
use crate::scene::{NOW, confirmed, person, registered, sha256};
use crate::{authorizing, gate, granting, tried};

#[test]
fn a_validation_counts_at_a_gate_only_from_someone_who_had_no_hand_in_the_version() {
    let mut world = World::registered();
    let signatures = json!([{ "role": "approver", "persons": 1 }]);
    gate(&mut world, json!({ "signatures": signatures, "validation_scopes": ["fairness"] }));
    world.door.let_in(22, &["developer", "validator"]);
    world.record(22, "approval.requested", version("1"), json!({ "gate": "production" }));
    let fair = json!({ "scopes": ["fairness"], "outcome": "passed" });
    world.record(22, "validation.completed", version("1"), fair.clone());
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "NOT_VALIDATED");
    world.record(VALIDATOR, "validation.completed", version("1"), fair.clone());
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
    // Nor does it push the independent one aside.
    world.record(22, "validation.completed", version("1"), fair);
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
}

#[test]
fn a_stop_of_nobody_knows_what_stops_the_endpoint() {
    for scope in ["version", "model"] {
        let mut world = World::approved();
        let stop = json!({ "reason": "It refuses everyone.", "scope": scope });
        world.record(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
        assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "SUSPENDED", "{scope}");
    }
}

#[test]
fn a_retirement_recorded_by_mistake_is_void_and_the_model_goes_on() {
    let mut world = World::retired();
    let void = json!({
        "type": "correction.recorded", "subject": model(), "regarding": world.ids["retirement.completed"],
        "data": { "kind": "voids", "reason": "It still runs." },
    });
    let mut others = world.clone();
    others.door.say(OPERATOR, void.clone()).unwrap();
    assert_eq!(tried(&others, DEPLOYER, authorizing(|_| {})), "RETIRED");
    world.door.say(OWNER, void).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
}

#[test]
fn an_emergency_that_was_revoked_can_still_be_signed_and_only_then_be_invoked_again() {
    let mut world = World::registered();
    let invoked = json!({
        "type": "exception.invoked", "subject": model(),
        "data": { "control": "production", "reason": "The old one is broken.", "expires_at": ms(NOW + DAY) },
    });
    world.record_with(APPROVER, invoked.clone());
    world.answer(APPROVER, "exception.revoked", model(), "exception.invoked", json!({ "reason": "No more." }));
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    assert_eq!(tried(&world, APPROVER, invoked.clone()), "EMERGENCY_UNSIGNED");
    let second = json!({
        "control": "production", "reason": "Seen.", "compensating_controls": ["A person looks."], "expires_at": ms(NOW + 1),
    });
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.invoked", second);
    assert_eq!(tried(&world, APPROVER, invoked), "ok");
}

#[test]
fn a_service_for_which_nobody_answers_any_more_carries_nothing_out() {
    let mut world = World::approved();
    world.door.let_in_where(61, &["deployer"], &["*"], &[person(OPERATOR), person(DEPLOYER)]);
    let leaves = |world: &mut World, seed: u8| {
        world.record(1, "authority.departed", json!(person(seed).subject()), json!({ "last_day": ms(NOW - 1) }));
    };
    leaves(&mut world, OPERATOR);
    assert_eq!(tried(&world, 61, authorizing(|_| {})), "ok");
    leaves(&mut world, DEPLOYER);
    assert_eq!(tried(&world, 61, authorizing(|_| {})), "DEPARTED");
}

#[test]
fn a_further_key_of_a_service_takes_two_as_a_persons_does() {
    let mut world = World::empty();
    let further = crate::scene::enrolled(&crate::scene::who(PIPELINE), 63, &[person(1)]);
    let event = world.door.event(further);
    let statement = world.door.sign(1, &event);
    world.door.submit(&statement, &event, None).unwrap();
    let act = registered("credit");
    let by_the_new_key = |world: &World| {
        let mut door = world.door.clone();
        let event = door.event(act.clone());
        let unsigned = probity_statement::Unsigned::new(
            &event,
            &crate::scene::who(PIPELINE),
            crate::scene::ORIGIN,
            crate::scene::key(63).public().id(),
        );
        door.submit(&unsigned.unwrap().sign(&crate::scene::key(63)).unwrap(), &event, None)
    };
    assert!(matches!(by_the_new_key(&world), Err(Refusal::UnknownKey { .. })));
    world.door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    by_the_new_key(&world).unwrap();
}

#[test]
fn a_roles_policy_is_judged_again_when_it_takes_effect() {
    let mut world = World::empty();
    let policy = json!({ "roles": { "administrator": ["authority.*"] }, "any_enrolled": [], "readers": [] });
    let event = world.door.event(crate::scene::published("roles", "roles", policy));
    let statement = world.door.sign(COMPLIANCE, &event);
    world.door.submit(&statement, &event, None).unwrap();
    let withdrawn = |seed: u8| {
        json!({
            "type": "authority.role_withdrawn", "subject": person(seed).subject(), "data": { "role": "administrator" },
        })
    };
    world.door.say(1, withdrawn(2)).unwrap();
    world.door.empower(1, 39, withdrawn(39)).unwrap();
    let outcome = world.door.say(1, confirmed(&event, &sha256(statement.bytes())));
    assert!(matches!(outcome, Err(Refusal::NoAdministratorRole)), "{outcome:?}");
}

#[test]
fn recovery_keys_give_whatever_role_lets_others_in_by_the_policy_in_force() {
    let mut door = crate::scene::Door::founded(|data| {
        data["rule_set"] = json!(2);
        data["recovery"] = json!({ "threshold": 1, "keys": [crate::scene::key(90).public().to_string()] });
    });
    door.let_in(17, &["compliance"]);
    let roles = json!({ "keeper": ["authority.*"], "administrator": ["authority.*"], "compliance": ["policy.*"] });
    let policy = |roles: &serde_json::Value| {
        crate::scene::published("roles", "roles", json!({ "roles": roles, "any_enrolled": [], "readers": [] }))
    };
    let publish = |door: &mut crate::scene::Door, tree| {
        let event = door.event(tree);
        let statement = door.sign(17, &event);
        door.submit(&statement, &event, None).unwrap();
        door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    };
    publish(&mut door, policy(&roles));
    for seed in [1, 2] {
        door.empower(1, 2, crate::scene::granted(&person(seed), "keeper", &["*"])).unwrap();
    }
    publish(&mut door, policy(&json!({ "keeper": ["authority.*"], "compliance": ["policy.*"] })));
    let event = door.event(crate::scene::enrolled(&person(50), 50, &[]));
    let kid = crate::scene::key(90).public().id();
    let unsigned =
        probity_statement::Unsigned::new(&event, &crate::scene::ledger(), crate::scene::ORIGIN, kid).unwrap();
    door.submit(&unsigned.sign(&crate::scene::key(90)).unwrap(), &event, None).unwrap();
    door.empower(50, 1, crate::scene::enrolled(&person(51), 51, &[])).unwrap();
}
