//! Attacks on the rules, each by somebody who is enrolled and means harm. All of them got through once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../scene/mod.rs"]
mod scene;

mod administrators;
mod bytes;
mod hands;
mod heaps;
mod ids;
mod noted;
mod policies;
mod reach;
mod waivers;

use probity_admission::Refusal;
use probity_schemas::EventId;
use serde_json::{Value, json};

use scene::world::*;
use scene::{confirmed, published, reason, sha256};

/// Somebody with every role, in `sandbox` alone.
pub(crate) const INTRUDER: u8 = 50;

/// Their accomplice, with the same roles there.
pub(crate) const ACCOMPLICE: u8 = 51;

/// A service of the intruder's, with the roles of a developer and a deployer in `sandbox`.
pub(crate) const MACHINE: u8 = 70;

/// Lets the intruder and their accomplice into a world.
pub(crate) fn invaded(mut world: World) -> World {
    world.door.let_in_where(INTRUDER, &ROLES, &["sandbox/*"], &[]);
    world.door.let_in_where(ACCOMPLICE, &ROLES, &["sandbox/*"], &[]);
    world.door.let_in_where(MACHINE, &["developer", "deployer"], &["sandbox/*"], &[scene::person(INTRUDER)]);
    world
}

/// What comes of trying, in a copy of the world.
pub(crate) fn tried(world: &World, seed: u8, tree: Value) -> String {
    outcome(world.clone().door.say(seed, tree))
}

pub(crate) fn outcome(result: Result<u64, Refusal>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => reason(&refusal),
    }
}

/// Somebody records something under an id of their choice.
pub(crate) fn record_as(world: &mut World, seed: u8, id: EventId, tree: Value) -> Result<u64, Refusal> {
    let door = &mut world.door;
    let event = door.event_as(tree, id);
    let statement = door.sign(seed, &event);
    door.submit(&statement, &event, None)
}

/// A subject in the intruder's namespace.
pub(crate) fn theirs(kind: &str, name: &str, version: Option<&str>) -> Value {
    let mut subject = json!({ "kind": kind, "namespace": "sandbox", "name": name });
    if let Some(version) = version {
        subject["version"] = json!(version);
    }
    subject
}

/// The authorisation of version 1 of the credit model in production.
pub(crate) fn authorizing() -> Value {
    json!({ "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": World::authorization() })
}

/// The approval of version 1 of the credit model.
pub(crate) fn granting(world: &World) -> Value {
    json!({
        "type": "approval.granted", "subject": version("1"), "regarding": world.ids["approval.requested"],
        "data": world.approval(),
    })
}

/// A policy that one publishes and another confirms.
pub(crate) fn publish(world: &mut World, by: u8, confirmer: u8, policy: Value) -> String {
    let door = &mut world.door;
    let event = door.event(policy);
    let statement = door.sign(by, &event);
    match door.submit(&statement, &event, None) {
        Ok(_) => outcome(door.say(confirmer, confirmed(&event, &sha256(statement.bytes())))),
        Err(refusal) => reason(&refusal),
    }
}

/// A gate policy for models of all namespaces, with these fields changed.
pub(crate) fn gate(content: Value) -> Value {
    let mut policy = json!({
        "namespaces": ["*"], "environments": ["production"], "signatures": [{ "role": "approver", "persons": 1 }],
    });
    for (field, value) in content.as_object().unwrap() {
        policy[field] = value.clone();
    }
    published("production", "gate", policy)
}
