//! The story the samples tell: three models of one bank. A credit scorecard from its proposal to its end, a
//! vendor's language model that helps with claims and changes without a word, and a fraud model with a challenger,
//! a way back and a plan by which it is trained again every week.
//!
//! Samples are written as JSON beside their types and read by the same code as anyone's events.
//! What they have in common, the names and the dates, is here.

use serde_json::{Value, json};

use crate::{Event, EventError, EventId, TypeInfo};

/// Completes a sample with what follows from its type, and reads it.
pub(crate) fn tell(info: &TypeInfo, label: Option<&str>, mut sample: Value) -> Result<Event, EventError> {
    sample["id"] = match label {
        Some(label) => id_of(info.event_type, label),
        None => id(info.event_type),
    };
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

/// The id of a further sample of a type.
pub(crate) fn id_of(event_type: &str, label: &str) -> Value {
    id(&format!("{event_type} {label}"))
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

/// The second use: helping clerks with insurance claims.
pub(crate) fn claims() -> Value {
    subject("usecase", "insurance", "claims-intake")
}

/// A vendor's language model with prompts and documents of one's own.
pub(crate) fn assistant() -> Value {
    subject("model", "insurance", "claims-assistant")
}

/// The assistant as it went live. Of the vendor's part no digest exists.
pub(crate) fn assistant_version() -> Value {
    versioned(assistant(), "2025-03")
}

pub(crate) fn assistant_endpoint() -> Value {
    subject("endpoint", "insurance", "claims-desk")
}

/// Who supplies the language model.
pub(crate) fn supplier() -> Value {
    subject("supplier", "insurance", "parlance")
}

/// What the assistant looks things up in.
pub(crate) fn wordings() -> Value {
    subject("dataset", "insurance", "wordings-index")
}

/// The third use: stopping fraudulent card payments.
pub(crate) fn screening() -> Value {
    subject("usecase", "payments", "card-screening")
}

pub(crate) fn fraud() -> Value {
    subject("model", "payments", "card-fraud")
}

/// The fraud model in service when the story begins.
pub(crate) fn champion() -> Value {
    versioned(fraud(), "5.2.0")
}

/// The one that means to take its place.
pub(crate) fn challenger() -> Value {
    versioned(fraud(), "6.0.0")
}

/// The first one that was trained by the plan.
pub(crate) fn retrained() -> Value {
    versioned(fraud(), "6.1.0")
}

pub(crate) fn fraud_endpoint() -> Value {
    subject("endpoint", "payments", "card-authorisation")
}

/// What the challenger learnt from.
pub(crate) fn transactions() -> Value {
    versioned(subject("dataset", "payments", "transactions"), "2025-w10")
}

/// What the fraud model learns from when the plan trains it again.
pub(crate) fn later_transactions() -> Value {
    versioned(subject("dataset", "payments", "transactions"), "2025-w20")
}

pub(crate) fn ledger() -> Value {
    subject("ledger", "probity", "ledger")
}

pub(crate) fn roles_policy() -> Value {
    subject("policy", "probity", "roles")
}

/// The gate before production.
pub(crate) fn production_gate() -> Value {
    subject("policy", "probity", "production")
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
pub(crate) const OPERATOR: &str = "person:d8f0a2b4-7c9e-4a15-93c7-6b1d5e4f3a10";
pub(crate) const CLAIMS_OWNER: &str = "person:41b3d5f7-9a2c-4e68-b0d4-3f7a1c6e8b11";
pub(crate) const FRAUD_OWNER: &str = "person:e7c9a1b3-5d8f-4061-8a2e-9d4b0f7c3e12";
pub(crate) const FRAUD_DEVELOPER: &str = "person:5c7e9a0b-2d4f-4b83-9e6a-1c8d3f5b7a13";
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

/// A sealed text: who could open it has destroyed the key.
pub(crate) fn sealed(key: &str, of: &str) -> String {
    let bytes = format!("d08356a20118180450{}a1054c{}5830{}", hex(key, 16), &hex(of, 16)[..24], hex(of, 48));
    let bytes: Vec<u8> = (0..bytes.len() / 2)
        .filter_map(|at| bytes.get(2 * at..2 * at + 2))
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect();
    // Were it not one, the sample that holds it would fail its test.
    crate::SealedText::from_bytes(bytes).map(|text| text.to_string()).unwrap_or_default()
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

/// The gate a ledger begins with, as a tree.
pub(crate) fn default_gate() -> Value {
    crate::DEFAULT_GATE.parse().unwrap_or_default()
}

/// The default roles as a tree.
pub(crate) fn default_roles() -> Value {
    // Were it not JSON, the sample that holds it would fail its test.
    crate::DEFAULT_ROLES.parse().unwrap_or_default()
}
