//! The rules one by one: each with the case it lets through and the cases it does not.
//!
//! That a rule cannot be changed unnoticed is tried with cargo-mutants, which changes the code bit by bit and expects these
//! suites to fail each time (the cases that came of it are in `edges`):
//!
//! ```sh
//! PROPTEST_CASES=64 cargo mutants -p probity-admission -p probity-domain --timeout 60 -f 'services/admission/src/rules/*.rs' \
//!     -f 'services/domain/src/{evaluator,approvals,plans}.rs' -f 'services/domain/src/authority/*.rs' \
//!     -f 'services/admission/src/{empower,policies,state}.rs' -- --tests
//! ```
//!
//! What it reports as missed is to be covered by a case, unless it is the same rule in other words: a statement never has
//! the index of another one, so `>` and `>=` between two indices are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../scene/mod.rs"]
mod scene;

mod four_eyes;
mod gates;
mod leave;
mod matters;
mod power;
mod ways_round;

use probity_admission::Refusal;
use serde_json::{Value, json};

use scene::world::*;
use scene::{confirmed, published, reason, sha256};

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

pub(crate) fn granting(world: &World, change: impl FnOnce(&mut Value)) -> Value {
    let mut tree = json!({
        "type": "approval.granted", "subject": version("1"), "regarding": world.ids["approval.requested"],
        "data": world.approval(),
    });
    change(&mut tree);
    tree
}

pub(crate) fn authorizing(change: impl FnOnce(&mut Value)) -> Value {
    let mut data = World::authorization();
    change(&mut data);
    json!({ "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": data })
}

pub(crate) fn gate(world: &mut World, content: Value) {
    let door = &mut world.door;
    let mut policy = json!({ "namespaces": ["*"], "environments": ["production"], "signatures": [] });
    for (field, value) in content.as_object().unwrap() {
        policy[field] = value.clone();
    }
    let event = door.event(published("production", "gate", policy));
    let statement = door.sign(COMPLIANCE, &event);
    door.submit(&statement, &event, None).unwrap();
    door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
}
