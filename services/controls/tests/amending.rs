//! A corrected field says what the correction says, as it was written.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use probity_controls::Fact;
use probity_controls::dossier::Signing;
use serde_json::{Value, json};

fn amended(field: &str, new: Option<&str>) -> Value {
    let said =
        json!({ "run_id": "7", "duration_s": 12.5, "cost": { "amount": 38.4, "currency": "EUR" }, "metrics": [] });
    let mut fact =
        Fact::new("training.completed", "model:credit/pd@1", said.to_string().into_bytes(), Signing::default());
    fact.amend(field, new);
    serde_json::from_slice(&fact.said).unwrap()
}

#[test]
fn a_number_stays_a_number_and_a_text_a_text() {
    assert_eq!(amended("data.cost.amount", Some("41.9"))["cost"]["amount"], json!(41.9));
    assert_eq!(amended("duration_s", Some("3"))["duration_s"], json!(3));
    assert_eq!(amended("run_id", Some("8"))["run_id"], json!("8"));
    assert_eq!(amended("data.cost.currency", Some("CHF"))["cost"]["currency"], json!("CHF"));
    assert_eq!(amended("run_id", None).get("run_id"), None);
}

#[test]
fn what_a_fact_does_not_have_is_left_alone() {
    let before = amended("event.title", Some("x"));
    assert_eq!(before["run_id"], json!("7"));
    assert_eq!(before, amended("metrics.0.value", Some("1")));
}
