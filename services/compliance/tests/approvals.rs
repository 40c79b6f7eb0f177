//! What serves without an approval of exactly that, and what is wrong with approvals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_compliance::{Question, query};
use scenes::{ANNA, BO, CARA, CI, E, LENDING, Life, OLGA, PD, V1, VERA, at, digest, with};
use serde_json::{Value, json};

const LATER: u64 = 1_000;

/// A version that is approved and serves, with more in its approval or its start.
fn approved(grant: Value, start: Value) -> Life {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let request = life.request();
    life.grant_by(BO, request, grant);
    life.start(start);
    life
}

fn granted(life: &Life) -> u64 {
    life.scene.recorded().iter().find(|it| it.event.event_type() == "approval.granted").unwrap().index
}

fn started(life: &Life) -> u64 {
    life.scene.recorded().iter().find(|it| it.event.event_type() == "deployment.started").unwrap().index
}

#[test]
fn what_is_approved_as_it_serves_lacks_nothing() {
    let life = approved(json!({}), json!({}));
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn what_nobody_asked_about_lacks_an_approval_from_its_start_on() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let start = life.start(json!({}));
    assert_eq!(life.lacks(at(start) - 1), None);
    assert_eq!(life.lacks(at(start)).unwrap(), "no approval of it was requested");
    let found = life.everything(at(start)).remove(0);
    assert_eq!((found.owners, found.about, found.since_ms), (vec![OLGA.to_owned()], V1.to_owned(), at(start)));
    assert_eq!((found.indices, found.provenance.as_str()), (vec![start], "signed"));
    let request = life.request();
    assert_eq!(life.lacks(at(LATER)).unwrap(), "signatures are missing: approver");
    life.grant_by(BO, request, json!({}));
    assert_eq!(life.lacks(at(LATER)), None);
    life.say("deployment.stopped", E, json!({}));
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn an_approval_covers_the_digest_it_names_and_no_other() {
    let other = approved(json!({}), json!({ "digest": digest(2) }));
    assert_eq!(other.lacks(at(LATER)).unwrap(), "the approval names other artefacts");
    let named = approved(json!({ "digests": [digest(2)] }), json!({}));
    assert_eq!(named.lacks(at(LATER)).unwrap(), "the approval names other artefacts");
    let none = approved(json!({ "digests": [] }), json!({}));
    assert_eq!(none.lacks(at(LATER)).unwrap(), "the approval names other artefacts");
}

#[test]
fn where_nobody_said_which_bytes_serve_all_artefacts_have_to_be_approved() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let artifacts = json!([{ "digest": digest(1), "form": "file" }, { "digest": digest(2), "form": "file" }]);
    life.say("model.version_registered", V1, json!({ "artifacts": artifacts }));
    let request = life.request();
    life.grant_by(BO, request, json!({}));
    life.say("deployment.started", E, json!({ "version": V1, "environment": "production" }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the approval names other artefacts");
    life.grant_by(CARA, request, json!({ "digests": [digest(1), digest(2)] }));
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn an_approval_covers_the_uses_and_environments_it_names() {
    let uses = json!({ "scope": { "uses": [LENDING] } });
    let life = approved(uses.clone(), json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the approval is for other uses");
    let life = approved(uses.clone(), json!({ "use_case": "usecase:credit/other" }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the approval is for other uses");
    let life = approved(uses, json!({ "use_case": LENDING }));
    assert_eq!(life.lacks(at(LATER)), None);
    let life = approved(json!({ "scope": { "environments": ["staging"] } }), json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the approval is for other environments");
    let life = approved(json!({ "scope": { "environments": ["staging", "production"] } }), json!({}));
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn an_approval_that_is_revoked_covers_until_it_was() {
    let mut life = approved(json!({}), json!({}));
    let index = granted(&life);
    let revoked = life.answer_by(BO, "approval.revoked", V1, index, json!({ "reason": "It drifted." }));
    assert_eq!(life.lacks(at(revoked) - 1), None);
    assert_eq!(life.lacks(at(revoked)).unwrap(), "the approval was revoked");
    let mut life = approved(json!({}), json!({}));
    let index = granted(&life);
    life.answer_by(BO, "approval.revoked", V1, index, json!({ "reason": "It drifts.", "effective": at(99) }));
    assert_eq!((life.lacks(at(99) - 1), life.lacks(at(99))), (None, Some("the approval was revoked".to_owned())));
}

#[test]
fn an_approval_expires_and_that_is_said_thirty_days_before() {
    let life = approved(json!({ "expires_at": at(100) }), json!({}));
    let asked = |question, at_ms| life.found(question, at_ms).len();
    assert_eq!(asked(Question::ApprovalExpiring, at(70) - 1), 0);
    assert_eq!(asked(Question::ApprovalExpiring, at(70)), 1);
    assert_eq!((asked(Question::ApprovalExpiring, at(100) - 1), asked(Question::ApprovalExpiring, at(100))), (1, 0));
    assert_eq!((asked(Question::ApprovalExpired, at(100) - 1), asked(Question::ApprovalExpired, at(100))), (0, 1));
    assert_eq!(life.lacks(at(100) - 1), None);
    assert_eq!(life.lacks(at(100)).unwrap(), "the approval expired");
}

#[test]
fn an_approval_of_what_does_not_serve_is_not_said_to_expire() {
    let mut life = approved(json!({ "expires_at": at(100) }), json!({}));
    life.say("deployment.stopped", E, json!({}));
    assert_eq!(life.everything(at(99)), []);
    assert_eq!(life.everything(at(100)), []);
}

#[test]
fn the_approval_that_lasts_longest_counts() {
    let mut life = approved(json!({ "expires_at": at(100) }), json!({}));
    let request = life.request();
    life.grant_by(BO, request, json!({ "expires_at": at(200) }));
    assert_eq!((life.lacks(at(199)), life.lacks(at(200))), (None, Some("the approval expired".to_owned())));
    let request = life.request();
    life.grant_by(BO, request, json!({}));
    assert_eq!(life.lacks(at(9_999)), None);
}

#[test]
fn evidence_that_is_withdrawn_takes_the_approvals_with_it_that_rest_on_it() {
    let life = |name: Value| {
        let mut life = Life::new();
        life.gate(1);
        life.register();
        let attached = json!({ "document_kind": "test report", "digest": digest(7) });
        let attached = life.say("evidence.attached", V1, attached);
        let request = life.request();
        life.grant_by(BO, request, json!({ "evidence_seen": [digest(7)] }));
        life.start(json!({}));
        assert_eq!(life.everything(at(LATER)), []);
        life.answer("evidence.withdrawn", V1, attached, with(json!({ "reason": "A mistake." }), name));
        life
    };
    for name in [json!({}), json!({ "digest": digest(7) })] {
        assert_eq!(life(name).lacks(at(LATER)).unwrap(), "evidence it rests on was withdrawn");
    }
    assert_eq!(life(json!({ "digest": digest(8) })).lacks(at(LATER)), None);
    let mut again = life(json!({}));
    let request = again.request();
    again.grant_by(BO, request, json!({ "evidence_seen": [digest(7)] }));
    assert_eq!(again.lacks(at(LATER)), None, "who signs after the withdrawal knows of it");
}

/// A version that is trained on a dataset, approved, and serves.
fn trained(datasets: Value, digests: Value) -> Life {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    for (derived, from) in
        [("dataset:credit/features", "dataset:credit/loans"), ("dataset:credit/loans", "dataset:credit/raw")]
    {
        life.say("data.registered", derived, json!({ "derived_from": [from] }));
    }
    let data = json!({ "produced_version": V1, "datasets": datasets, "dataset_digests": digests });
    life.say("training.completed", PD, data);
    let request = life.request();
    life.grant_by(BO, request, json!({}));
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)), None);
    life
}

#[test]
fn data_that_is_withdrawn_takes_approvals_of_what_was_made_from_it_directly_or_not() {
    for withdrawn in ["dataset:credit/features", "dataset:credit/loans", "dataset:credit/raw"] {
        let mut life = trained(json!(["dataset:credit/features"]), json!([]));
        life.say("data.withdrawn", withdrawn, json!({ "reason": "Consent." }));
        let reason = life.lacks(at(LATER)).unwrap();
        assert_eq!(reason, format!("data it was made from was withdrawn since ({withdrawn})"));
        let request = life.request();
        life.grant_by(BO, request, json!({}));
        assert_eq!(life.lacks(at(LATER)), None, "who signs after the withdrawal knows of it");
    }
    let mut other = trained(json!(["dataset:credit/loans"]), json!([]));
    other.say("data.withdrawn", "dataset:credit/features", json!({ "reason": "Consent." }));
    assert_eq!(other.lacks(at(LATER)), None, "it was not made from that");
}

#[test]
fn a_part_of_the_data_that_is_withdrawn_takes_what_was_or_may_have_been_made_from_it() {
    let withdraw = |life: &mut Life, number: u8| {
        life.say("data.withdrawn", "dataset:credit/raw", json!({ "reason": "Consent.", "digests": [digest(number)] }));
    };
    let mut named = trained(json!(["dataset:credit/raw"]), json!([digest(3)]));
    withdraw(&mut named, 4);
    assert_eq!(named.lacks(at(LATER)), None, "another part");
    withdraw(&mut named, 3);
    assert!(named.lacks(at(LATER)).unwrap().contains(&digest(3)));
    let mut unnamed = trained(json!(["dataset:credit/raw"]), json!([]));
    withdraw(&mut unnamed, 4);
    assert!(unnamed.lacks(at(LATER)).is_some(), "nobody can tell");
    let mut derived = trained(json!(["dataset:credit/features"]), json!([]));
    withdraw(&mut derived, 4);
    assert!(derived.lacks(at(LATER)).is_some(), "nobody can tell of what was derived either");
}

#[test]
fn a_change_after_the_approval_takes_it() {
    let mut life = approved(json!({}), json!({}));
    life.say("change.declared", V1, json!({ "description": "A comment." }));
    assert_eq!(life.lacks(at(LATER)), None);
    life.say("change.declared", PD, json!({ "description": "Other data.", "substantial": true }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the model was changed substantially since");
    let request = life.request();
    life.grant_by(BO, request, json!({}));
    assert_eq!(life.lacks(at(LATER)), None);
    life.say(
        "vendor.change_observed",
        "supplier:vendor/acme",
        json!({ "$about": [PD], "how": "It answers otherwise." }),
    );
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the vendor has changed the model since");
}

#[test]
fn an_approval_without_uses_does_not_cover_uses_that_came_later() {
    let mut life = approved(json!({}), json!({}));
    life.say("usecase.linked", LENDING, json!({ "model": PD, "role": "primary" }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the intended use was widened since");
    let mut life = approved(json!({}), json!({}));
    life.say("model.registered", PD, json!({ "purpose": "To lend.", "intended_uses": ["Jobs"] }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the intended use was widened since");
    let uses = json!({ "scope": { "uses": [LENDING] } });
    let mut life = approved(uses, json!({ "use_case": LENDING }));
    life.say("usecase.linked", "usecase:credit/other", json!({ "model": PD, "role": "primary" }));
    assert_eq!(life.lacks(at(LATER)), None, "it names the use it covers");
}

fn revoke_key(life: &mut Life, since_ms: u64) {
    let kid = life.scene.recorded()[granted(life) as usize].statement.kid().to_string();
    let data = json!({ "kid": kid, "reason": "compromised", "compromised_since": since_ms });
    life.say_by(ANNA, "authority.key_revoked", "identity:person/6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02", data);
}

#[test]
fn what_was_signed_by_a_key_in_other_hands_is_no_approval() {
    let mut life = approved(json!({}), json!({}));
    let signed = at(granted(&life));
    revoke_key(&mut life, signed + 1);
    assert_eq!(life.lacks(at(LATER)), None, "it was signed before");
    revoke_key(&mut life, signed);
    let kid = life.scene.recorded()[granted(&life) as usize].statement.kid().to_string();
    assert_eq!(life.lacks(at(LATER)).unwrap(), format!("key {kid} that signed it was in other hands"));
}

#[test]
fn what_was_rejected_is_not_approved() {
    let mut life = approved(json!({}), json!({}));
    let rejected = json!({ "gate": "production", "reason": "No." });
    let request = granted(&life) - 1;
    life.answer_by(CARA, "approval.rejected", V1, request, rejected);
    assert_eq!(life.lacks(at(LATER)).unwrap(), "it was rejected");
}

#[test]
fn as_many_persons_have_to_sign_as_the_gate_asks_for() {
    let mut life = Life::new();
    life.gate(2);
    life.register();
    let request = life.request();
    life.start(json!({}));
    life.grant_by(BO, request, json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "signatures are missing: approver");
    life.grant_by(CARA, request, json!({ "$on_behalf_of": BO }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "signatures are missing: approver", "a delegate is no second person");
    life.grant_by(ANNA, request, json!({ "expires_at": at(99) }));
    assert_eq!((life.lacks(at(99) - 1), life.lacks(at(99))), (None, Some("the approval expired".to_owned())));
}

#[test]
fn what_nobody_sees_and_what_no_gate_governs_is_not_asked_for_an_approval() {
    let bare = |start: Value| {
        let mut life = Life::new();
        life.gate(1);
        life.register();
        life.start(start);
        life
    };
    assert_eq!(bare(json!({ "exposure": "shadow" })).lacks(at(LATER)), None);
    assert_eq!(bare(json!({ "environment": "test" })).lacks(at(LATER)), None);
    assert!(bare(json!({ "exposure": "canary" })).lacks(at(LATER)).is_some());
    let mut ungoverned = Life::new();
    ungoverned.register();
    ungoverned.start(json!({}));
    assert_eq!(ungoverned.lacks(at(LATER)), None);
    ungoverned.gate(1);
    assert!(ungoverned.lacks(at(LATER)).is_some(), "a gate governs what serves already");
    let mut unknown = Life::new();
    unknown.gate(1);
    unknown.register();
    unknown.say("deployment.started", E, json!({ "version": V1, "digest": digest(1) }));
    assert!(unknown.lacks(at(LATER)).is_some(), "where nobody said which environment it is, it may be any");
    unknown.say("deployment.suspended", E, json!({ "reason": "It harms.", "scope": "endpoint" }));
    assert_eq!(unknown.lacks(at(LATER)), None, "what is stopped does not serve");
}

/// An exception, what the gate let through on it, and the start.
fn excepted() -> (Life, u64) {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let data = json!({ "compensating_controls": ["A person looks."], "control": "production", "expires_at": at(50), "reason": "Urgent." });
    let exception = life.say_by(BO, "exception.granted", V1, data);
    let through = json!({ "version": V1, "digest": digest(1), "environment": "production" });
    life.say_by(CI, "deployment.authorized", E, through);
    life.start(json!({}));
    (life, exception)
}

#[test]
fn an_exception_covers_what_was_let_through_on_it_for_its_time() {
    let (mut life, exception) = excepted();
    assert_eq!(life.lacks(at(50) - 1), None);
    assert_eq!(life.lacks(at(50)).unwrap(), "the exception that let it through is over");
    life.answer_by(BO, "exception.extended", V1, exception, json!({ "expires_at": at(70), "reason": "Still." }));
    assert_eq!((life.lacks(at(70) - 1), life.lacks(at(70)).is_some()), (None, true));
    let revoked = life.answer_by(BO, "exception.revoked", V1, exception, json!({ "reason": "Enough." }));
    assert_eq!((life.lacks(at(revoked) - 1), life.lacks(at(revoked)).is_some()), (None, true));
    let (mut other, _) = excepted();
    other.start(json!({ "digest": digest(2) }));
    assert!(other.lacks(at(20)).is_some(), "other bytes were not let through");
}

#[test]
fn a_plan_covers_what_was_let_through_within_it_until_it_is_revoked() {
    let mut life = Life::new();
    life.gate(1);
    let anchor = "model:credit/pd@0";
    life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    life.say("model.version_registered", anchor, json!({ "artifacts": [{ "digest": digest(9), "form": "file" }] }));
    let request = life.say("approval.requested", anchor, json!({ "gate": "production" }));
    let data = json!({ "gate": "production", "meaning": "It may serve.", "scope": {}, "digests": [digest(9)] });
    life.answer_by(BO, "approval.granted", anchor, request, data);
    let bounds = json!([{ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.8 } }]);
    let data = json!({ "anchor": "model:credit/pd@0", "bounds": bounds, "expires_at": at(90), "max_versions": 3,
        "permitted_changes": ["data"], "pipeline_digest": digest(5) });
    let plan = life.say("plan.proposed", PD, data);
    let approved = life.answer_by(BO, "plan.approved", PD, plan, json!({ "meaning": "It may." }));
    assert_eq!(approved, plan + 1);
    life.register_with(json!({ "code": { "repository": "git", "commit": "c", "digest": digest(5) } }));
    let metrics = json!([{ "name": "auc", "value": 0.9 }]);
    life.say_by(VERA, "validation.completed", V1, json!({ "outcome": "passed", "metrics": metrics }));
    let through = json!({ "version": V1, "digest": digest(1), "environment": "production" });
    life.say("deployment.authorized", E, through);
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)), None, "it goes on when the plan is at its end");
    let revoked = life.answer_by(BO, "plan.revoked", PD, plan, json!({ "reason": "It drifts." }));
    assert_eq!(life.lacks(at(revoked) - 1), None);
    assert_eq!(life.lacks(at(revoked)).unwrap(), "the change plan that covers it was revoked");
}

#[test]
fn an_approval_given_elsewhere_is_none_here() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    life.say("approval.recorded_elsewhere", V1, json!({ "body": "The board", "approved_at": at(1) }));
    life.start(json!({}));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "an approval elsewhere is recorded, none here");
}

#[test]
fn evidence_has_to_be_there_before_the_approval_that_rests_on_it() {
    let early = |life: &Life| life.found(Question::ApprovedBeforeEvidence, at(LATER)).len();
    let life = |occurred: Option<u64>| {
        let mut life = Life::new();
        life.gate(1);
        life.register();
        if let Some(occurred) = occurred {
            let data = json!({ "$occurred": occurred, "document_kind": "test report", "digest": digest(7) });
            life.say("evidence.attached", V1, data);
        }
        let request = life.request();
        life.grant_by(BO, request, json!({ "evidence_seen": [digest(7)] }));
        life
    };
    assert_eq!(early(&life(Some(at(4)))), 0);
    assert_eq!(early(&life(Some(at(40)))), 1, "it was made later");
    let none = life(None);
    let found = none.found(Question::ApprovedBeforeEvidence, at(LATER));
    assert!(found[0].0 == V1 && found[0].1.ends_with("which was not in the log"));
    assert!(none.found(Question::ApprovedBeforeEvidence, at(granted(&none)) - 1).is_empty());
}

#[test]
fn what_is_validated_for_the_first_time_after_its_approval_was_approved_too_early() {
    let early = |life: &Life| life.found(Question::ApprovedBeforeEvidence, at(LATER)).len();
    let mut life = approved(json!({}), json!({}));
    assert_eq!(early(&life), 0, "whether it is validated at all is asked by the gate");
    life.say("validation.completed", V1, json!({ "outcome": "passed" }));
    assert_eq!(early(&life), 1);
    life.say("validation.completed", V1, json!({ "$occurred": at(3), "outcome": "passed" }));
    assert_eq!(early(&life), 0);
    let mut elsewhere = Life::new();
    elsewhere.say("approval.recorded_elsewhere", V1, json!({ "body": "The board", "approved_at": at(0) }));
    elsewhere.say("validation.completed", V1, json!({ "outcome": "passed" }));
    assert_eq!(early(&elsewhere), 1);
}

#[test]
fn whoever_had_a_hand_in_it_is_not_to_approve_it() {
    let own = |life: &Life| life.found(Question::AuthorIsApprover, at(LATER)).len();
    assert_eq!(own(&approved(json!({}), json!({}))), 0);
    for (event_type, subject, data) in [
        ("model.version_registered", V1, json!({ "artifacts": [{ "digest": digest(1), "form": "file" }] })),
        ("training.completed", PD, json!({ "produced_version": V1 })),
        ("approval.requested", V1, json!({ "gate": "production" })),
        ("training.completed", PD, json!({ "produced_version": V1, "$on_behalf_of": BO, "$initiators": [BO] })),
    ] {
        let signer = if data["$initiators"].is_null() { BO } else { CI };
        let mut life = approved(json!({}), json!({}));
        life.say_by(signer, event_type, subject, data);
        assert_eq!(own(&life), 1, "by {event_type}");
    }
    let mut delegated = approved(json!({ "$on_behalf_of": ANNA }), json!({}));
    delegated.say_by(ANNA, "training.completed", PD, json!({ "produced_version": V1 }));
    assert_eq!(own(&delegated), 1, "the maker's delegate");
}

#[test]
fn whoever_answers_for_a_service_has_a_hand_in_what_it_makes() {
    let mut life = Life::new();
    let enrolled = json!({ "kid": "a".repeat(64), "kind": "service", "possession": "b".repeat(128), "public_key": "c".repeat(64), "responsible": [BO] });
    life.say_by(ANNA, "authority.enrolled", "identity:service/ci", enrolled);
    life.register();
    let request = life.request();
    life.grant_by(BO, request, json!({}));
    let found = life.found(Question::AuthorIsApprover, at(LATER));
    assert_eq!(found, [(V1.to_owned(), format!("{BO} approved it and had a hand in it"))]);
}

#[test]
fn conditions_are_to_be_met_by_their_time_and_hold_the_approval_up() {
    let condition = |more: Value| json!({ "conditions": [with(json!({ "id": "c1", "text": "Watch it." }), more)] });
    let mut life = approved(condition(json!({ "due": at(60) })), json!({}));
    assert_eq!(life.found(Question::ConditionOverdue, at(60) - 1), []);
    assert_eq!(
        life.found(Question::ConditionOverdue, at(60)),
        [(V1.to_owned(), "condition c1 is not met: Watch it.".to_owned())]
    );
    assert_eq!(life.lacks(at(60) - 1), None);
    assert_eq!(life.lacks(at(60)).unwrap(), "condition c1 of the approval was not met");
    let index = granted(&life);
    life.answer_by(BO, "approval.condition_met", V1, index, json!({ "condition": "c2", "statement": "Another." }));
    assert_eq!(life.found(Question::ConditionOverdue, at(60)).len(), 1);
    life.answer_by(BO, "approval.condition_met", V1, index, json!({ "condition": "c1", "statement": "Done." }));
    assert_eq!(life.everything(at(60)), []);
    let mut before = approved(condition(json!({ "before": "deployment" })), json!({}));
    let open = "condition c1 of the approval is to be met before deployment and is open";
    assert_eq!(before.lacks(at(LATER)).unwrap(), open);
    let index = granted(&before);
    before.answer_by(BO, "approval.condition_met", V1, index, json!({ "condition": "c1", "statement": "Done." }));
    assert_eq!(before.everything(at(LATER)), []);
}

#[test]
fn what_serves_more_traffic_than_its_approval_allows_is_found() {
    let mut life = approved(json!({ "scope": { "max_traffic_percent": 10.0 } }), json!({}));
    let divide = |life: &mut Life, percent: f64| {
        life.say("deployment.traffic_changed", E, json!({ "allocations": [{ "version": V1, "percent": percent }] }));
        life.found(Question::OverTrafficLimit, at(LATER))
    };
    assert_eq!(life.found(Question::OverTrafficLimit, at(LATER)), [], "nobody said how much it gets");
    assert_eq!(divide(&mut life, 10.0), []);
    let expected = "it gets 10.5 % of the traffic, and its approval allows 10 %".to_owned();
    assert_eq!(divide(&mut life, 10.5), [(E.to_owned(), expected)]);
    assert_eq!(divide(&mut life, 5.0), []);
    assert_eq!(life.lacks(at(LATER)), None);
}

#[test]
fn what_serves_and_is_not_registered_is_found() {
    let unregistered = |life: &Life| -> Vec<String> {
        life.found(Question::UnregisteredDeployment, at(LATER)).into_iter().map(|(_, reason)| reason).collect()
    };
    let mut life = Life::new();
    let seen = life.say("deployment.observed", E, json!({ "digest": digest(1), "how_found": "In the traffic." }));
    assert_eq!(unregistered(&life), ["it was seen serving, and nobody has said what it is"]);
    assert_eq!(life.everything(at(seen))[0].provenance, "observed");
    assert!(life.found(Question::UnregisteredDeployment, at(seen) - 1).is_empty());
    life.say("deployment.attributed", E, json!({ "false_alarm": false, "version": V1 }));
    assert_eq!(unregistered(&life), [format!("{V1} is not registered")]);
    let registered = life.say("model.version_registered", V1, json!({}));
    assert!(unregistered(&life).is_empty());
    life.void(registered);
    assert_eq!(unregistered(&life), [format!("{V1} is not registered")]);
    let mut whole = Life::new();
    whole.say("deployment.started", E, json!({ "version": PD }));
    assert_eq!(unregistered(&whole), [format!("{PD} is not registered")]);
    whole.say("model.registered", PD, json!({ "purpose": "To lend." }));
    assert!(unregistered(&whole).is_empty());
}

#[test]
fn what_serves_and_is_known_by_a_name_only_is_found() {
    let bound = |life: &Life| -> Vec<String> {
        life.found(Question::BoundToName, at(LATER)).into_iter().map(|(_, reason)| reason).collect()
    };
    let mut life = Life::new();
    life.say("deployment.started", E, json!({ "version": PD }));
    assert_eq!(bound(&life), [format!("nobody has said which version of {PD} serves")]);
    let life = |registered: Value, started: Value| {
        let mut life = Life::new();
        life.say("model.version_registered", V1, registered);
        life.say("deployment.started", E, with(json!({ "version": V1 }), started));
        bound(&life)
    };
    assert_eq!(life(json!({}), json!({})), [format!("{V1} has no digest and no fixed reference")]);
    let artifacts = json!({ "artifacts": [{ "digest": digest(1), "form": "file" }] });
    assert_eq!(life(artifacts.clone(), json!({})), [format!("nobody has said which bytes of {V1} serve")]);
    assert!(life(artifacts, json!({ "digest": digest(1) })).is_empty());
    let reference = |pinned: bool| json!({ "reference": { "provider": "acme", "name": "large", "pinned": pinned } });
    assert_eq!(life(reference(false), json!({})).len(), 1);
    assert!(life(reference(true), json!({})).is_empty());
}

#[test]
fn an_approval_is_told_with_its_signatures_policy_and_whether_it_holds() {
    let mut life = Life::new();
    let gate = life.gate(2);
    life.register();
    let request = life.request();
    let conditions = json!([{ "id": "c1", "text": "Watch it." }]);
    life.grant_by(BO, request, json!({ "expires_at": at(100), "conditions": conditions }));
    let second = life.grant_by(CARA, request, json!({}));
    life.start(json!({}));
    let told =
        |life: &Life, subject: &str, at_ms| query::approvals(life.scene.view(), subject, &life.scope, at_ms).unwrap();
    for subject in [V1, E] {
        let standing = told(&life, subject, at(99)).remove(0);
        assert_eq!((standing.standing.as_str(), standing.gate.as_str()), ("valid", "production"));
        assert_eq!((standing.policy.as_str(), standing.policy_index), ("policy:credit/production", gate));
        assert_eq!((standing.request_index, standing.digest), (request, digest(1)));
        let signers: Vec<_> = standing.signatures.iter().map(|it| (it.signer.as_str(), it.standing.as_str())).collect();
        assert_eq!(signers, [(BO, "holds"), (CARA, "holds")]);
        assert_eq!(standing.signatures[0].conditions, ["c1 (open): Watch it."]);
        let early = told(&life, subject, at(second) - 1).remove(0);
        assert_eq!(early.standing, "signatures are missing: approver");
        let late = told(&life, subject, at(100)).remove(0);
        assert_eq!(
            (late.standing.as_str(), late.signatures[0].standing.as_str()),
            ("the approval expired", "the approval expired")
        );
        assert_eq!(late.signatures[1].standing, "holds");
    }
    life.scope = scenes::scope(&["fraud"]);
    assert!(query::approvals(life.scene.view(), V1, &life.scope, at(99)).is_err());
}

#[test]
fn a_start_or_a_request_that_is_void_is_as_if_it_had_not_been_said() {
    let mut life = approved(json!({}), json!({}));
    let request = granted(&life) - 1;
    life.void_by(CARA, request);
    assert_eq!(life.lacks(at(LATER)), None, "somebody else's fact stays");
    life.void(request);
    assert_eq!(life.lacks(at(LATER)).unwrap(), "no approval of it was requested");
    let start = started(&life);
    life.void(start);
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn what_serves_again_because_a_start_is_void_serves_since_its_own_start() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let first = life.start(json!({}));
    let second = life.start(json!({ "version": "model:credit/pd@2" }));
    life.void(second);
    assert_eq!((life.lacks(at(first) - 1), life.lacks(at(first)).is_some()), (None, true));
}

#[test]
fn an_act_stays_when_it_is_called_void() {
    let mut life = approved(json!({}), json!({}));
    let grant = granted(&life);
    life.void_by(BO, grant);
    assert_eq!(life.lacks(at(LATER)), None);
    life.say("deployment.suspended", E, json!({ "reason": "It harms.", "scope": "endpoint" }));
    let resumed = life.say_by(BO, "deployment.resumed", E, json!({ "rationale": "It does not." }));
    life.answer_by(BO, "approval.revoked", V1, grant, json!({ "reason": "It drifts." }));
    life.void_by(BO, resumed);
    assert!(life.lacks(at(LATER)).is_some(), "it serves on");
}

#[test]
fn a_version_that_is_registered_again_with_another_digest_is_a_conflict_and_the_first_approval_does_not_cover_it() {
    let mut life = approved(json!({}), json!({}));
    let conflict = |life: &Life| life.found(Question::VersionConflict, at(LATER));
    life.register();
    assert_eq!(conflict(&life), [], "the same again is none");
    let other = json!({ "artifacts": [{ "digest": digest(2), "form": "file" }] });
    let again = life.say("model.version_registered", V1, other);
    assert_eq!(conflict(&life), [(V1.to_owned(), "it was registered again with other artefacts".to_owned())]);
    assert_eq!(life.lacks(at(LATER)), None, "the first digest serves, and is approved");
    life.start(json!({ "digest": digest(2) }));
    assert_eq!(life.lacks(at(LATER)).unwrap(), "the approval names other artefacts");
    life.void(again);
    assert_eq!(conflict(&life), []);
}
