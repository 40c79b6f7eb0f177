//! What the door refuses is found here, and what it lets through is not: gates, roles, environments and times.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_compliance::{Question, query};
use probity_proto::v1;
use scenes::{ANNA, BO, CHIEF, DAY, DEPUTY, E, Life, PD, V1, VERA, at, digest, with};
use serde_json::{Value, json};

const LATER: u64 = 1_000;

/// A gate with this name to these environments, and more in its policy.
fn gate(life: &mut Life, name: &str, environments: Value, more: Value) -> u64 {
    let content = json!({ "environments": environments, "namespaces": ["credit/*"],
        "signatures": [{ "role": "approver", "persons": 1 }] });
    let data = json!({ "kind": "gate", "content": with(content, more) });
    life.say_by(CHIEF, "policy.published", &format!("policy:credit/{name}@1"), data)
}

fn request(life: &mut Life, gate: &str) -> u64 {
    life.say("approval.requested", V1, json!({ "gate": gate, "digests": [digest(1)] }))
}

fn grant(life: &mut Life, signer: &str, request: u64, gate: &str) -> u64 {
    let data = json!({ "gate": gate, "meaning": "It may serve.", "scope": {}, "digests": [digest(1)] });
    life.answer_by(signer, "approval.granted", V1, request, data)
}

fn except(life: &mut Life, subject: &str, control: &str, until: u64) -> u64 {
    let data = json!({ "compensating_controls": ["A person looks."], "control": control, "expires_at": until,
        "reason": "Urgent." });
    life.say_by(BO, "exception.granted", subject, data)
}

fn told(life: &Life, subject: &str, at_ms: u64) -> Vec<v1::ApprovalStanding> {
    query::approvals(life.scene.view(), subject, &life.scope, at_ms).unwrap()
}

#[test]
fn two_approvers_are_not_one_approver_and_one_validator() {
    let mut life = Life::new();
    let signatures = json!([{ "role": "approver", "persons": 1 }, { "role": "validator", "persons": 1 }]);
    gate(&mut life, "production", json!(["production"]), json!({ "signatures": signatures }));
    life.register();
    let request = request(&mut life, "production");
    grant(&mut life, BO, request, "production");
    grant(&mut life, ANNA, request, "production");
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "signatures are missing: validator");
    assert_eq!(told(&life, V1, at(LATER))[0].standing, "signatures are missing: validator");
    let waits = |life: &Life, person, role| life.waits(person, &[("credit/*", role)], at(LATER));
    assert_eq!(waits(&life, VERA, "validator"), [("approval".to_owned(), request)], "it waits for a validator");
    assert!(waits(&life, scenes::CARA, "approver").is_empty(), "and for no further approver");
    grant(&mut life, VERA, request, "production");
    assert_eq!((life.lacks(at(LATER)), waits(&life, VERA, "validator")), (None, vec![]));
}

#[test]
fn an_exception_from_another_control_than_the_gate_does_not_count() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    except(&mut life, V1, "monitoring", at(LATER + 1));
    let through = json!({ "version": V1, "digest": digest(1), "environment": "production" });
    life.say("deployment.authorized", E, through);
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "no approval of it was requested");
    except(&mut life, V1, "production", at(LATER + 1));
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn every_gate_that_guards_an_environment_has_to_be_passed() {
    let mut life = Life::new();
    gate(&mut life, "production", json!(["production"]), json!({}));
    gate(&mut life, "privacy", json!(["production"]), json!({}));
    life.register();
    let first = request(&mut life, "production");
    grant(&mut life, BO, first, "production");
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "gate privacy: no approval of it was requested");
    let standings: Vec<_> = told(&life, E, at(LATER)).into_iter().map(|it| (it.gate, it.standing)).collect();
    let expected = [("production", "valid"), ("privacy", "no approval of it was requested")];
    assert_eq!(standings, expected.map(|(gate, standing)| (gate.to_owned(), standing.to_owned())));
    let second = request(&mut life, "privacy");
    grant(&mut life, ANNA, second, "privacy");
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn an_approval_at_the_gate_to_test_is_none_for_production() {
    let mut life = Life::new();
    gate(&mut life, "production", json!(["production"]), json!({}));
    gate(&mut life, "test", json!(["test"]), json!({}));
    life.register();
    let request = request(&mut life, "test");
    grant(&mut life, BO, request, "test");
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "no approval of it was requested");
    let standings: Vec<_> = told(&life, E, at(LATER)).into_iter().map(|it| (it.gate, it.standing)).collect();
    let expected = [("test", "gate test does not guard production"), ("production", "no approval of it was requested")];
    assert_eq!(standings, expected.map(|(gate, standing)| (gate.to_owned(), standing.to_owned())));
}

#[test]
fn an_exception_about_the_endpoint_or_the_model_covers_what_serves_there() {
    for subject in [E, PD] {
        let mut life = Life::new();
        life.gate(1);
        life.register();
        life.start(json!({}));
        let exception = except(&mut life, subject, "production", at(90));
        assert_eq!(life.lacks(at(exception)), None, "{subject}");
        assert_eq!(life.lacks(at(90)).unwrap(), "the exception that let it through is over", "{subject}");
        assert_eq!(told(&life, E, at(exception))[0].standing, "valid by an exception");
    }
}

#[test]
fn an_approval_ends_when_the_policy_caps_it() {
    let mut life = Life::new();
    gate(&mut life, "production", json!(["production"]), json!({ "max_validity_days": 30 }));
    life.register();
    let request = request(&mut life, "production");
    let grant = grant(&mut life, BO, request, "production");
    life.start(json!({}));
    let end = at(grant) + 30 * DAY;
    assert_eq!((life.lacks(end - 1), life.lacks(end)), (None, Some("the approval expired".to_owned())));
    assert_eq!(life.found(Question::ApprovalExpired, at(grant) + 40 * DAY).len(), 1);
    assert_eq!(told(&life, V1, at(grant) + 40 * DAY)[0].standing, "the approval expired");
    assert_eq!(told(&life, V1, end)[0].signatures[0].expires_at_ms, Some(end));
}

#[test]
fn what_serves_in_a_governed_staging_needs_the_gate_to_staging() {
    let mut life = Life::new();
    gate(&mut life, "production", json!(["production"]), json!({}));
    gate(&mut life, "staging", json!(["staging"]), json!({}));
    life.register();
    let first = request(&mut life, "production");
    grant(&mut life, BO, first, "production");
    life.start(json!({ "environment": "staging" }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "no approval of it was requested");
    let second = request(&mut life, "staging");
    grant(&mut life, BO, second, "staging");
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn an_approval_elsewhere_is_honoured_until_the_policy_ends_that() {
    let mut life = Life::new();
    gate(&mut life, "production", json!(["production"]), json!({ "elsewhere_until": at(90) }));
    life.register();
    life.say("approval.recorded_elsewhere", V1, json!({ "body": "The board", "approved_at": at(1) }));
    life.start(json!({}));
    assert_eq!(life.lacks(at(90) - 1), None);
    assert_eq!(life.lacks(at(90)).unwrap(), "approvals elsewhere are no longer honoured");
    assert_eq!(told(&life, E, at(89))[0].standing, "valid by an approval elsewhere");
}

#[test]
fn a_policy_takes_effect_with_its_confirmation_and_not_before() {
    let mut life = Life::founded(&[CHIEF, DEPUTY]);
    let strict = gate(&mut life, "production", json!(["production"]), json!({}));
    let confirm = |life: &mut Life, act: u64| {
        let data = json!({ "statement_digest": life.digest_of(act) });
        life.say_by(DEPUTY, "authority.confirmed", "policy:credit/production@1", data)
    };
    life.register();
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)), None, "nobody has confirmed the gate");
    confirm(&mut life, strict);
    assert!(life.lacks(at(LATER)).is_some());
    // One person alone opens the gate again, and nothing comes of it.
    let open = gate(&mut life, "production", json!([]), json!({}));
    assert!(life.lacks(at(LATER)).is_some(), "findings vanish by a policy that nobody confirmed");
    confirm(&mut life, open);
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn what_was_approved_late_was_not_approved_before() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let start = life.start(json!({}));
    let request = life.request();
    let grant = life.grant_by(BO, request, json!({}));
    assert_eq!(life.lacks(at(start)).unwrap(), "no approval of it was requested");
    assert_eq!(life.lacks(at(request)).unwrap(), "signatures are missing: approver");
    assert_eq!(life.lacks(at(grant)), None);
}
