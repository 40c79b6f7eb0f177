//! What is said in one namespace changes nothing in another: it is recorded, and shown as a claim.

use serde_json::{Value, json};

use crate::scene::person;
use crate::scene::world::{
    APPROVER, COMPLIANCE, DEPLOYER, DEVELOPER, OPERATOR, World, digest, model, subject, version,
};
use crate::{INTRUDER, MACHINE, authorizing, granting, invaded, theirs, tried};

/// A world in which version 1 is approved and may be let through, with the intruder in it.
fn approved() -> World {
    let world = invaded(World::approved());
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world
}

fn said(mut world: World, by: u8, event_type: &str, on: Value, data: Value) -> String {
    world.record(by, event_type, on, data);
    tried(&world, DEPLOYER, authorizing())
}

#[test]
fn somebody_elses_evidence_and_data_are_not_withdrawn_by_their_digests() {
    let evidence = json!({ "reason": "Wrong.", "digest": digest("report") });
    assert_eq!(said(approved(), INTRUDER, "evidence.withdrawn", theirs("model", "toy", None), evidence.clone()), "ok");
    assert_eq!(said(approved(), DEVELOPER, "evidence.withdrawn", model(), evidence), "GATE_CLOSED");
    let data = json!({ "reason": "No consent.", "digests": [digest("loans")] });
    assert_eq!(said(approved(), INTRUDER, "data.withdrawn", theirs("dataset", "mine", None), data.clone()), "ok");
    assert_eq!(said(approved(), DEVELOPER, "data.withdrawn", subject("dataset", "loans"), data), "GATE_CLOSED");
}

#[test]
fn the_steward_of_shared_data_withdraws_it_from_every_model_that_names_it() {
    let mut world = World::registered();
    world.door.let_in_where(52, &["developer"], &["shared"], &[]);
    let shared = json!({ "kind": "dataset", "namespace": "shared", "name": "addresses" });
    world.record(52, "data.registered", shared.clone(), json!({ "digest": digest("addresses") }));
    let run = json!({
        "produced_version": version("1"), "datasets": [shared], "dataset_digests": [digest("addresses")],
    });
    world.record(DEVELOPER, "training.completed", model(), run);
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", world.approval());
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    let part = json!({ "reason": "No consent.", "digests": [digest("addresses")] });
    assert_eq!(said(world.clone(), 52, "data.withdrawn", shared.clone(), part), "GATE_CLOSED");
    assert_eq!(said(world, 52, "data.withdrawn", shared, json!({ "reason": "No consent." })), "GATE_CLOSED");
}

#[test]
fn a_document_withdrawn_by_its_event_is_withdrawn_where_the_signer_has_a_say() {
    let mut world = invaded(World::requested());
    let attached = world.record(
        DEVELOPER,
        "evidence.attached",
        model(),
        json!({ "document_kind": "model-card", "digest": digest("card") }),
    );
    let mut approval = world.approval();
    approval["evidence_seen"] = json!([digest("report"), digest("card")]);
    world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", approval);
    let withdrawn = |on: Value| json!({ "type": "evidence.withdrawn", "subject": on, "regarding": attached, "data": { "reason": "Wrong." } });
    let mut attacked = world.clone();
    attacked.door.say(INTRUDER, withdrawn(theirs("model", "toy", None))).unwrap();
    assert_eq!(tried(&attacked, DEPLOYER, authorizing()), "ok");
    world.door.say(DEVELOPER, withdrawn(model())).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_vendors_change_reaches_the_models_in_the_signers_namespaces() {
    let seen = |on: Value| json!({ "type": "vendor.change_observed", "subject": on, "about": [model(), version("1")], "data": { "how": "Seen." } });
    let mut attacked = approved();
    let supplier = json!({ "kind": "supplier", "namespace": "sandbox", "name": "acme" });
    attacked.door.say(INTRUDER, seen(supplier.clone())).unwrap();
    assert_eq!(tried(&attacked, DEPLOYER, authorizing()), "ok");
    let mut world = approved();
    world.door.say(crate::OWNER, seen(supplier)).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn a_use_is_linked_by_those_who_have_a_say_over_the_model() {
    let mut world = invaded(World::approved_as(|approval| {
        approval.as_object_mut().unwrap().remove("scope");
        approval["scope"] = json!({});
    }));
    let mut authorization = authorizing();
    authorization["data"].as_object_mut().unwrap().remove("use_case");
    assert_eq!(tried(&world, DEPLOYER, authorization.clone()), "ok");
    let linked = |namespace: &str| {
        json!({
            "type": "usecase.linked", "subject": { "kind": "usecase", "namespace": namespace, "name": "x" },
            "data": { "model": model(), "role": "primary" },
        })
    };
    world.door.say(INTRUDER, linked("sandbox")).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorization.clone()), "ok");
    world.door.say(DEVELOPER, linked("credit")).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorization), "GATE_CLOSED");
}

#[test]
fn a_run_of_a_model_in_another_namespace_puts_no_hands_and_no_data_into_a_version() {
    let run = json!({
        "type": "training.completed", "subject": theirs("model", "toy", None), "initiators": [person(APPROVER)],
        "data": { "produced_version": version("1"), "datasets": [theirs("dataset", "mine", None)] },
    });
    let mut world = invaded(World::requested());
    world.door.say(MACHINE, run).unwrap();
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
    world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", world.approval());
    let gone = json!({ "reason": "Mine." });
    assert_eq!(said(world, INTRUDER, "data.withdrawn", theirs("dataset", "mine", None), gone), "ok");
}

#[test]
fn a_request_to_deploy_from_another_namespace_puts_no_hands_into_a_version() {
    let asked = json!({
        "type": "deployment.requested", "subject": theirs("endpoint", "x", None), "initiators": [person(APPROVER)],
        "data": { "version": version("1"), "environment": "production" },
    });
    let mut world = invaded(World::requested());
    world.door.say(MACHINE, asked).unwrap();
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
}

#[test]
fn a_stop_at_ones_own_endpoint_stops_nothing_elsewhere() {
    let stop = |scope: &str| json!({ "reason": "Mine.", "scope": scope, "version": version("1") });
    for scope in ["version", "model"] {
        assert_eq!(
            said(approved(), INTRUDER, "deployment.suspended", theirs("endpoint", "x", None), stop(scope)),
            "ok"
        );
        let elsewhere = subject("endpoint", "us");
        assert_eq!(said(approved(), OPERATOR, "deployment.suspended", elsewhere, stop(scope)), "SUSPENDED", "{scope}");
    }
}

#[test]
fn a_hold_covers_what_its_setter_has_a_say_over() {
    let mut world = approved();
    let hold = |namespaces: Value, covers: Value| {
        json!({
            "type": "hold.set", "subject": theirs("model", "toy", None),
            "data": { "scope": "All.", "legal_basis": "None.", "namespaces": namespaces, "covers": covers },
        })
    };
    assert_eq!(tried(&world, INTRUDER, hold(json!(["credit"]), json!([]))), "OUT_OF_REACH");
    assert_eq!(tried(&world, INTRUDER, hold(json!(["*"]), json!([]))), "OUT_OF_REACH");
    assert_eq!(tried(&world, INTRUDER, hold(json!([]), json!([model()]))), "OUT_OF_REACH");
    assert_eq!(tried(&world, INTRUDER, hold(json!(["sandbox"]), json!([theirs("model", "other", None)]))), "ok");
    // Erasure goes on elsewhere.
    world.door.say(INTRUDER, hold(json!(["sandbox"]), json!([]))).unwrap();
    let erased = json!({
        "type": "payload.erased", "subject": model(),
        "data": { "key": "a salt", "kind": "salt", "legal_basis": "GDPR Art. 17" },
    });
    assert_eq!(tried(&world, COMPLIANCE, erased), "ok");
}

#[test]
fn nobody_attests_or_has_sent_to_them_what_they_have_no_say_over() {
    let world = approved();
    let attested = |subject: Value| {
        let on = theirs("model", "toy", None);
        json!({
            "type": "attestation.given", "subject": on,
            "data": { "subjects": [{ "subject": subject, "revision": 0 }], "statement": "All is well." },
        })
    };
    assert_eq!(tried(&world, INTRUDER, attested(model())), "OUT_OF_REACH");
    assert_eq!(tried(&world, INTRUDER, attested(theirs("model", "toy", None))), "ok");
    assert_eq!(tried(&world, COMPLIANCE, attested(model())), "ok");
    let mut world = world;
    world.door.let_in_where(52, &["compliance"], &["probity"], &[]);
    let subscribed = |namespaces: Value| {
        let mut data = json!({
            "name": "mine", "delivery": { "kind": "webhook", "target": "https://mine.example/", "signature": "ed25519" },
        });
        if !namespaces.is_null() {
            data["namespaces"] = namespaces;
        }
        let on = json!({ "kind": "ledger", "namespace": "probity", "name": "ledger" });
        json!({ "type": "subscription.configured", "subject": on, "data": data })
    };
    for namespaces in [Value::Null, json!(["*"]), json!(["credit"])] {
        assert_eq!(tried(&world, 52, subscribed(namespaces.clone())), "OUT_OF_REACH", "{namespaces}");
        assert_eq!(tried(&world, COMPLIANCE, subscribed(namespaces)), "ok");
    }
    assert_eq!(tried(&world, 52, subscribed(json!(["probity"]))), "ok");
}
