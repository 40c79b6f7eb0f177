//! Event ids are unique per issuer only: what an id names must not depend on who reused it.

use serde_json::{Value, json};

use crate::scene::NOW;
use crate::scene::world::{
    APPROVER, DAY, DEPLOYER, DEVELOPER, PIPELINE, RISK_OFFICER, World, digest, model, ms, version,
};
use crate::{ACCOMPLICE, INTRUDER, authorizing, invaded, record_as, theirs, tried};

/// A version in the sandbox with the bytes of the credit model's version 1.
fn copied(world: &mut World) -> Value {
    let copy = theirs("model", "toy", Some("1"));
    let made = json!({ "artifacts": [{ "digest": digest("1"), "form": "file" }] });
    world.record(INTRUDER, "model.registered", theirs("model", "toy", None), json!({ "purpose": "None." }));
    world.record(INTRUDER, "model.version_registered", copy.clone(), made);
    copy
}

#[test]
fn a_request_that_reuses_the_id_of_an_approved_one_is_not_approved_by_that() {
    let mut world = invaded(World::registered());
    let copy = copied(&mut world);
    // The developer has a role in both namespaces.
    let id = world.record(DEVELOPER, "approval.requested", copy.clone(), json!({ "gate": "production" }));
    let grant = json!({
        "type": "approval.granted", "subject": copy, "regarding": id,
        "data": {
            "gate": "production", "digests": [digest("1")], "meaning": "Good enough for a toy.",
            "scope": { "uses": [crate::subject("usecase", "loans")] },
        },
    });
    world.door.say(ACCOMPLICE, grant).unwrap();
    // The same id again, by a service, for the model that matters.
    let request = json!({ "type": "approval.requested", "subject": version("1"), "data": { "gate": "production" } });
    record_as(&mut world, PIPELINE, id, request).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_plan_that_reuses_the_id_of_an_approved_one_is_not_approved_by_that() {
    // The gate lets version 1 through, and version 2 by a live plan only.
    let mut world = invaded(World::approved());
    world.version("2", 0.81);
    let plan = |anchor: Value, model: Value| {
        json!({
            "type": "plan.proposed", "subject": model,
            "data": {
                "pipeline_digest": digest("pipeline"), "anchor": anchor, "permitted_changes": ["weights"],
                "bounds": [{ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.1 } }], "max_versions": 9, "expires_at": ms(NOW + 200 * DAY),
            },
        })
    };
    let copy = copied(&mut world);
    let theirs = theirs("model", "toy", None);
    let id = world.door.record(DEVELOPER, plan(copy, theirs.clone()));
    let yes = json!({
        "type": "plan.approved", "subject": theirs, "regarding": id, "data": { "meaning": "It is a toy." },
    });
    world.door.say(ACCOMPLICE, yes).unwrap();
    record_as(&mut world, PIPELINE, id, plan(version("1"), model())).unwrap();
    world.version("3", 0.81);
    let mut authorization = authorizing();
    authorization["data"]["version"] = version("3");
    authorization["data"]["digest"] = json!(digest("3"));
    assert_eq!(tried(&world, DEPLOYER, authorization), "GATE_CLOSED");
}

#[test]
fn an_emergency_that_reuses_the_id_of_a_long_waiver_lasts_as_long_as_an_emergency() {
    let mut world = invaded(World::registered());
    copied(&mut world);
    let theirs = theirs("model", "toy", None);
    let asked = json!({
        "type": "exception.requested", "subject": theirs, "data": { "control": "production", "reason": "A toy." },
    });
    let asked = world.door.record(INTRUDER, asked);
    let waiver = json!({
        "type": "exception.granted", "subject": theirs, "regarding": asked,
        "data": {
            "control": "production", "reason": "A toy.", "compensating_controls": ["None."],
            "expires_at": ms(NOW + 300 * DAY),
        },
    });
    let id = world.door.record(ACCOMPLICE, waiver);
    let emergency = json!({
        "type": "exception.invoked", "subject": model(),
        "data": { "control": "production", "reason": "Now.", "expires_at": ms(NOW + DAY) },
    });
    record_as(&mut world, APPROVER, id, emergency.clone()).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    // Nor is its second signature forgotten.
    assert_eq!(tried(&world, RISK_OFFICER, emergency), "EMERGENCY_UNSIGNED");
    world.pass(2 * DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn what_somebody_else_opened_under_the_same_id_is_answered_by_its_own_subject() {
    let mut world = invaded(World::registered());
    copied(&mut world);
    let request = json!({ "type": "approval.requested", "subject": version("1"), "data": { "gate": "production" } });
    let event = world.door.event(request.clone());
    // The intruder was faster, with an id they knew.
    let squat = json!({
        "type": "approval.requested", "subject": theirs("model", "toy", Some("1")), "data": { "gate": "production" },
    });
    record_as(&mut world, INTRUDER, event.id, squat).unwrap();
    record_as(&mut world, DEVELOPER, event.id, request).unwrap();
    world.ids.insert("approval.requested".to_owned(), event.id);
    world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", world.approval());
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
}

#[test]
fn ones_own_fact_is_void_although_somebody_else_used_its_id_first() {
    let mut world = invaded(World::approved());
    let retired = json!({ "type": "retirement.completed", "subject": model(), "data": {} });
    let event = world.door.event(retired.clone());
    let squat = json!({
        "type": "retirement.completed", "subject": theirs("model", "toy", None), "data": {},
    });
    record_as(&mut world, INTRUDER, event.id, squat).unwrap();
    record_as(&mut world, crate::OWNER, event.id, retired).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "RETIRED");
    let void = json!({
        "type": "correction.recorded", "subject": model(), "regarding": event.id,
        "data": { "kind": "voids", "reason": "It still runs." },
    });
    // The intruder's correction is about the intruder's own.
    world.door.say(INTRUDER, void.clone()).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "RETIRED");
    world.door.say(crate::OWNER, void).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
}
