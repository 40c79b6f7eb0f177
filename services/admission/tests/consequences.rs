//! Who is about to sign is told what it ends: approvals, exceptions, change plans, and what serves and would not pass a gate.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod scene;

use probity_admission::{Position, What};
use probity_domain::Lapse;
use scene::world::*;
use scene::{compromised, confirmed, published, sha256};
use serde_json::{Value, json};

/// What ended, at which gate, by which statement it held, why not any more, and where it serves.
type Told = (What, String, Option<u64>, Lapse, Vec<String>);

/// What a statement would end, and what it did end once it was recorded: the same.
fn ends(world: &mut World, by: u8, tree: Value) -> Vec<Told> {
    world.pass(DAY);
    let event = world.door.event(tree.clone());
    let position = Position { index: world.door.next, block_time: world.door.time };
    let held = world.door.state.held(&event, position);
    world.door.say(by, tree).unwrap();
    let ended = world.door.state.ended(&held, position);
    ended.into_iter().map(|it| (it.what, it.gate.to_string(), it.index, it.lapse, it.serves_at)).collect()
}

fn whats(world: &mut World, by: u8, tree: Value) -> Vec<(What, String)> {
    ends(world, by, tree).into_iter().map(|(what, gate, ..)| (what, gate)).collect()
}

fn start(world: &mut World, name: &str) {
    let started = json!({ "version": version(name), "digest": digest(name), "environment": "production" });
    world.record(DEPLOYER, "deployment.started", subject("endpoint", "eu"), started);
}

fn answer(world: &World, event_type: &str, to: &str, on: Value, data: Value) -> Value {
    json!({ "type": event_type, "subject": on, "regarding": world.ids[to], "data": data })
}

/// A version that passes by an exception of its endpoint.
fn excepted() -> World {
    let mut world = World::registered();
    start(&mut world, "1");
    let asked = json!({ "control": "production", "reason": "Urgent." });
    world.record(DEVELOPER, "exception.requested", subject("endpoint", "eu"), asked);
    let data = json!({ "control": "production", "reason": "Urgent.", "compensating_controls": ["Eyes."],
        "expires_at": ms(world.door.time + 90 * DAY) });
    world.answer(APPROVER, "exception.granted", subject("endpoint", "eu"), "exception.requested", data);
    world
}

#[test]
fn who_revokes_an_exception_is_told_what_served_by_it() {
    let mut world = excepted();
    let granted = world.door.next - 1;
    let revoked = answer(
        &world,
        "exception.revoked",
        "exception.granted",
        subject("endpoint", "eu"),
        json!({ "reason": "Enough." }),
    );
    let ended = ends(&mut world, APPROVER, revoked);
    let [(What::Exception, gate, Some(index), Lapse::Ended(_), serves_at)] = ended.as_slice() else {
        panic!("{ended:?}")
    };
    assert_eq!((gate.as_str(), *index), ("production", granted));
    assert_eq!(serves_at, &["endpoint:credit/eu"]);
}

#[test]
fn who_revokes_a_change_plan_is_told_which_versions_it_covered() {
    let mut world = World::plan_approved();
    world.version("2", 0.79);
    start(&mut world, "2");
    let revoked = answer(&world, "plan.revoked", "plan.proposed", model(), json!({ "reason": "It drifts." }));
    let ended = ends(&mut world, APPROVER, revoked);
    assert!(ended.iter().all(|(what, ..)| *what == What::Plan), "{ended:?}");
    let of_what_serves = ended.iter().find(|(.., serves_at)| serves_at == &["endpoint:credit/eu"]);
    assert!(matches!(of_what_serves, Some((_, _, Some(_), Lapse::Ended(_), _))), "{ended:?}");
}

#[test]
fn who_confirms_that_a_key_was_in_other_hands_is_told_which_approvals_it_signed() {
    let mut world = World::approved();
    let request = world.door.next - 2;
    let revoked = compromised(APPROVER, ms(world.door.time - DAY));
    world.pass(DAY);
    let event = world.door.event(revoked.clone());
    let statement = world.door.sign(1, &event);
    assert_eq!(whats(&mut world, 1, json!(revoked)), [], "the first signature ends no approval");
    let by_digest = {
        let (statement, event, _) = world.door.log.last().unwrap();
        confirmed(event, &sha256(statement.bytes()))
    };
    drop(statement);
    let ended = ends(&mut world, 2, by_digest);
    let [(What::Approval, gate, Some(index), Lapse::KeyCompromised { .. }, _)] = ended.as_slice() else {
        panic!("{ended:?}")
    };
    assert_eq!((gate.as_str(), *index), ("production", request));
}

#[test]
fn who_confirms_a_policy_is_told_what_serves_and_does_not_pass_its_gate() {
    let mut world = World::approved();
    start(&mut world, "1");
    let gate = |environment: &str| {
        let content = json!({ "environments": [environment], "namespaces": ["*"],
            "signatures": [{ "role": "validator", "persons": 1 }] });
        published("ethics", "gate", content)
    };
    let confirm = |world: &mut World, environment: &str| {
        world.pass(DAY);
        world.door.say(COMPLIANCE, gate(environment)).unwrap();
        let (statement, event, _) = world.door.log.last().unwrap();
        let tree = confirmed(event, &sha256(statement.bytes()));
        ends(world, 37, tree)
    };
    assert_eq!(confirm(&mut world, "staging"), [], "it serves in production");
    let ended = confirm(&mut world, "production");
    assert_eq!(
        ended,
        [(What::Passage, "ethics".to_owned(), None, Lapse::NotRequested, vec!["endpoint:credit/eu".to_owned()])]
    );
}

#[test]
fn who_takes_back_a_request_is_told_that_its_approval_ends_and_who_says_nothing_new_ends_nothing() {
    let mut world = World::approved();
    let request = world.door.next - 2;
    assert_eq!(
        whats(
            &mut world,
            DEVELOPER,
            json!({ "type": "approval.requested", "subject": version("1"),
        "data": { "gate": "production" } })
        ),
        []
    );
    let (_, event, _) = &world.door.log[request as usize];
    let void = json!({ "type": "correction.recorded", "subject": event.subject, "regarding": event.id,
        "data": { "kind": "voids", "reason": "A slip." } });
    let ended = ends(&mut world, DEVELOPER, void);
    let [(What::Approval, _, Some(index), Lapse::NotRequested, _)] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!(*index, request);
}
