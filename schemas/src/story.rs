//! The story the samples tell: a bank's credit scorecard from its proposal to its end.
//!
//! Samples are written as JSON beside their types and read by the same code as anyone's events.
//! What they have in common, the names and the dates, is here.

use serde_json::{Value, json};

use crate::{Event, EventError, EventId, TypeInfo};

/// Completes a sample with what follows from its type, and reads it.
pub(crate) fn tell(info: &TypeInfo, mut sample: Value) -> Result<Event, EventError> {
    sample["id"] = id(info.event_type);
    sample["type"] = json!(info.event_type);
    sample["v"] = json!(info.version);
    Event::from_value(&sample)
}

/// The id of the sample of a type, to refer to it from others.
pub(crate) fn id(event_type: &str) -> Value {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&scramble(event_type, 0).to_be_bytes());
    json!(EventId::from_time(day(0), random))
}

/// Nine in the morning (UTC), `days` days after Monday, 6 January 2025; in milliseconds.
pub(crate) fn day(days: u64) -> u64 {
    const START: u64 = 1_736_154_000_000;
    START + days * 86_400_000
}

/// The use the story is about: deciding small loans.
pub(crate) fn origination() -> Value {
    subject("usecase", "credit", "loan-origination")
}

pub(crate) fn scorecard() -> Value {
    subject("model", "credit", "pd-scorecard")
}

/// The version the story follows.
pub(crate) fn scorecard_version() -> Value {
    versioned(scorecard(), "3.1.0")
}

/// The version in service before it.
pub(crate) fn previous_version() -> Value {
    versioned(scorecard(), "3.0.2")
}

pub(crate) fn applications() -> Value {
    subject("dataset", "credit", "applications-2025")
}

pub(crate) fn endpoint() -> Value {
    subject("endpoint", "credit", "origination-eu")
}

pub(crate) fn ledger() -> Value {
    subject("ledger", "probity", "ledger")
}

pub(crate) fn roles_policy() -> Value {
    subject("policy", "probity", "roles")
}

pub(crate) fn subject(kind: &str, namespace: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": namespace, "name": name })
}

fn versioned(mut subject: Value, version: &str) -> Value {
    subject["version"] = json!(version);
    subject
}

pub(crate) const DEVELOPER: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01";
pub(crate) const OWNER: &str = "person:2f4b8a90-57c3-4e19-8a6d-91c7d0e4b502";
pub(crate) const VALIDATOR: &str = "person:a1d3e5f7-2c4b-4f68-b0a2-7d9e1c3f5a03";
pub(crate) const APPROVER: &str = "person:c85f2e14-6a9d-4b37-8e21-0f4d6b8a2c04";
pub(crate) const FIRST_ADMINISTRATOR: &str = "person:0d9b7c3a-e1f5-4826-9c4e-b6a8d2f01e05";
pub(crate) const SECOND_ADMINISTRATOR: &str = "person:74e6a0c8-3b5d-4f92-a7e1-5c9d3b1f8a06";
pub(crate) const PIPELINE: &str = "service:training-pipeline";
pub(crate) const ORIGIN: &str = "ledger.bank.example/models";

/// The subject of an identity.
pub(crate) fn identity(identity: &str) -> Value {
    let (kind, name) = identity.split_once(':').unwrap_or(("person", identity));
    subject("identity", kind, name)
}

/// A digest that is always the same for the same `of`.
pub(crate) fn digest(of: &str) -> String {
    format!("sha256:{}", hex(of, 32))
}

/// `bytes` bytes that are always the same for the same `of`, in hexadecimal.
pub(crate) fn hex(of: &str, bytes: usize) -> String {
    (0..bytes / 8).map(|part| format!("{:016x}", scramble(of, part))).collect()
}

/// FNV-1a, finished so that neighbouring parts look unrelated. Nothing rests on it but looks.
fn scramble(of: &str, part: usize) -> u64 {
    let hash = of
        .bytes()
        .chain(part.to_string().bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

/// The default roles as a tree.
pub(crate) fn default_roles() -> Value {
    // Were it not JSON, the sample that holds it would fail its test.
    crate::DEFAULT_ROLES.parse().unwrap_or_default()
}
