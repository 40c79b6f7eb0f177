//! Gates: whose signatures, on what, for what, until when.

use probity_admission::Refusal;
use serde_json::{Value, json};

use crate::scene::world::{
    APPROVER, COMPLIANCE, DAY, DEPLOYER, DEVELOPER, OPERATOR, OWNER, SECOND_APPROVER, VALIDATOR, World, digest, model,
    ms, subject, version,
};
use crate::scene::{NOW, confirmed, person, published, registered, sha256};
use crate::{authorizing, gate, granting, tried};

#[test]
fn the_gate_asks_for_its_signatures_and_each_person_fills_one_place() {
    let mut world = World::registered();
    world.door.let_in(22, &["approver", "validator"]);
    world.door.let_in(23, &["validator"]);
    gate(
        &mut world,
        json!({ "signatures": [{ "role": "approver", "persons": 1 }, { "role": "validator", "persons": 1 }] }),
    );
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let grant = |world: &World| granting(world, |_| {});
    assert_eq!(tried(&world, OPERATOR, grant(&world)), "NOT_AUTHORISED");
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    // One person with both roles is one signature.
    world.door.say(22, grant(&world)).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    // Whichever role the other one has, the first fills the place that is left.
    for other in [APPROVER, 23] {
        let mut complete = world.clone();
        complete.door.say(other, grant(&world)).unwrap();
        assert_eq!(tried(&complete, DEPLOYER, authorizing(|_| {})), "ok", "{other}");
    }
    // Two of one role do not fill the other's place.
    let mut world = World::registered();
    gate(
        &mut world,
        json!({ "signatures": [{ "role": "approver", "persons": 1 }, { "role": "validator", "persons": 1 }] }),
    );
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    world.door.say(APPROVER, grant(&world)).unwrap();
    world.door.say(SECOND_APPROVER, grant(&world)).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
}

#[test]
fn a_request_is_judged_by_the_policy_that_was_in_force_when_it_was_made() {
    let mut world = World::requested();
    gate(&mut world, json!({ "signatures": [{ "role": "approver", "persons": 2 }] }));
    world.door.say(APPROVER, granting(&world, |_| {})).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    // The next request needs two.
    world.record(
        DEVELOPER,
        "model.version_registered",
        version("2"),
        json!({ "artifacts": [{ "digest": digest("2"), "form": "file" }] }),
    );
    world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let second = |tree: &mut Value| {
        tree["subject"] = version("2");
        tree["data"]["digests"] = json!([digest("2")]);
    };
    let authorize = authorizing(|data| {
        data["version"] = version("2");
        data["digest"] = json!(digest("2"));
    });
    world.door.say(APPROVER, granting(&world, second)).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorize.clone()), "GATE_CLOSED");
    world.door.say(SECOND_APPROVER, granting(&world, second)).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorize), "ok");
}

#[test]
fn a_gate_that_no_policy_knows_is_named_with_the_nearest_one() {
    let mut world = World::registered();
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "producton" }));
    let grant = granting(&world, |tree| tree["data"]["gate"] = json!("producton"));
    let refusal = world.door.say(APPROVER, grant).unwrap_err().to_string();
    assert!(refusal.contains("did you mean production?"), "{refusal}");
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "OPENER_DIFFERS");
}

#[test]
fn a_gate_can_ask_for_validations_and_end_approvals() {
    let mut world = World::registered();
    let signatures = json!([{ "role": "approver", "persons": 1 }]);
    gate(&mut world, json!({ "signatures": signatures, "validation_scopes": ["fairness"], "max_validity_days": 10 }));
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let grant = |world: &World| granting(world, |_| {});
    assert_eq!(tried(&world, APPROVER, grant(&world)), "NOT_VALIDATED");
    world.record(
        VALIDATOR,
        "validation.completed",
        version("1"),
        json!({ "scopes": ["fairness"], "outcome": "passed" }),
    );
    let mut failed = world.clone();
    failed.record(
        VALIDATOR,
        "validation.completed",
        version("1"),
        json!({ "scopes": ["fairness"], "outcome": "failed" }),
    );
    assert_eq!(tried(&failed, APPROVER, grant(&failed)), "NOT_VALIDATED");
    world.door.say(APPROVER, grant(&world)).unwrap();
    world.pass(10 * DAY - 1);
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    world.pass(1);
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
}

#[test]
fn an_approval_recorded_elsewhere_is_honoured_until_the_policy_says() {
    let mut world = World::registered();
    world.record(VALIDATOR, "approval.recorded_elsewhere", version("1"), json!({ "body": "Model risk committee" }));
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    let signatures = json!([{ "role": "approver", "persons": 1 }]);
    gate(&mut world, json!({ "signatures": signatures, "elsewhere_until": ms(NOW + DAY) }));
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    world.pass(DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
}

#[test]
fn an_approval_binds_the_artefacts_the_scope_and_the_evidence() {
    let world = World::requested();
    let cases: [(&str, Value, &str); 5] = [
        ("digests", json!([]), "DIGESTS_MISSING"),
        ("digests", json!([digest("other")]), "FOREIGN_DIGEST"),
        ("evidence_seen", json!([digest("never attached")]), "EVIDENCE_UNKNOWN"),
        ("expires_at", json!(ms(NOW)), "IN_THE_PAST"),
        ("expires_at", json!(ms(NOW + 1)), "ok"),
    ];
    for (field, value, expected) in cases {
        assert_eq!(tried(&world, APPROVER, granting(&world, |tree| tree["data"][field] = value)), expected, "{field}");
    }
    // What was not asked for is not approved.
    let mut narrow = World::registered();
    narrow.record(
        DEVELOPER,
        "approval.requested",
        version("1"),
        json!({ "gate": "production", "digests": [digest("x")] }),
    );
    assert_eq!(tried(&narrow, APPROVER, granting(&narrow, |_| {})), "FOREIGN_DIGEST");

    let world = World::approved_as(|approval| approval["scope"]["environments"] = json!(["production"]));
    let other_use = subject("usecase", "mortgages");
    let cases: [(&str, Value, &str); 5] = [
        ("use_case", json!(other_use), "GATE_CLOSED"),
        ("use_case", Value::Null, "GATE_CLOSED"),
        ("digest", json!(digest("other")), "FOREIGN_DIGEST"),
        ("environment", json!("development"), "ok"),
        ("expires_at", json!(ms(NOW)), "IN_THE_PAST"),
    ];
    for (field, value, expected) in cases {
        let tree = authorizing(|data| match value {
            Value::Null => drop(data.as_object_mut().unwrap().remove(field)),
            value => data[field] = value,
        });
        assert_eq!(tried(&world, DEPLOYER, tree), expected, "{field}");
    }
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    // For staging only, it does not let through to production.
    let staging = World::approved_as(|approval| approval["scope"]["environments"] = json!(["staging"]));
    assert_eq!(tried(&staging, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
}

#[test]
fn a_model_without_artefacts_is_approved_by_what_it_refers_to() {
    let mut world = World::empty();
    let reference = json!({ "reference": { "provider": "example-ai", "name": "large" } });
    world.record(DEVELOPER, "model.version_registered", version("1"), reference);
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let grant = granting(&world, |tree| {
        tree["data"] =
            json!({ "gate": "production", "scope": {}, "meaning": "Yes.", "digests": [], "evidence_seen": [] });
    });
    world.door.say(APPROVER, grant).unwrap();
    let authorize = authorizing(|data| drop(data.as_object_mut().unwrap().remove("digest")));
    assert_eq!(tried(&world, DEPLOYER, authorize.clone()), "ok");
    // And the silent change of the vendor ends it.
    world.record(OWNER, "vendor.change_observed", model(), json!({ "how": "Answers differ." }));
    assert_eq!(tried(&world, DEPLOYER, authorize), "GATE_CLOSED");
}

#[test]
fn an_approval_says_why_it_no_longer_holds_and_cites_it() {
    let mut world = World::approved();
    let index = world.door.next;
    world.record(DEVELOPER, "data.withdrawn", subject("dataset", "loans"), json!({ "reason": "No consent." }));
    match world.door.say(DEPLOYER, authorizing(|_| {})).unwrap_err() {
        Refusal::RuleViolation(broken) => {
            assert_eq!(broken.rests_on(), Some(index));
            assert!(broken.to_string().contains("data it was made from was withdrawn"), "{broken}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn withdrawn_data_is_found_through_what_it_was_derived_into_and_by_its_parts() {
    let derived = |origin: &str| json!({ "derived_from": [subject("dataset", origin)] });
    let mut base = World::approved();
    base.record(DEVELOPER, "data.registered", subject("dataset", "loans"), derived("extract"));
    base.record(DEVELOPER, "data.registered", subject("dataset", "extract"), derived("raw"));
    // Round in a circle, and still an end.
    base.record(DEVELOPER, "data.registered", subject("dataset", "raw"), derived("loans"));
    let withdrawn = |name: &str, digests: Value| {
        let mut world = base.clone();
        let mut data = json!({ "reason": "No consent." });
        if !digests.as_array().unwrap().is_empty() {
            data["digests"] = digests;
        }
        world.record(DEVELOPER, "data.withdrawn", subject("dataset", name), data);
        tried(&world, DEPLOYER, authorizing(|_| {}))
    };
    assert_eq!(withdrawn("raw", json!([])), "GATE_CLOSED");
    assert_eq!(withdrawn("unrelated", json!([])), "ok");
    // A part that the version names, one that it does not, and one further up where nobody can tell.
    assert_eq!(withdrawn("loans", json!([digest("loans")])), "GATE_CLOSED");
    assert_eq!(withdrawn("loans", json!([digest("another part")])), "ok");
    assert_eq!(withdrawn("raw", json!([digest("another part")])), "GATE_CLOSED");
    assert_eq!(tried(&base, DEPLOYER, authorizing(|_| {})), "ok");
}

#[test]
fn a_model_that_comes_to_serve_another_use_keeps_only_approvals_that_name_theirs() {
    let linked = |world: &mut World| {
        let link = json!({ "model": model(), "role": "primary" });
        world.record(OWNER, "usecase.linked", subject("usecase", "mortgages"), link);
    };
    let mut named = World::approved();
    linked(&mut named);
    assert_eq!(tried(&named, DEPLOYER, authorizing(|_| {})), "ok");
    let mut open = World::approved_as(|approval| approval["scope"] = json!({}));
    assert_eq!(tried(&open, DEPLOYER, authorizing(|_| {})), "ok");
    linked(&mut open);
    assert_eq!(tried(&open, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
}

#[test]
fn lifecycle_policies_ask_for_an_accepted_use_an_owner_and_a_class() {
    let policy = |field: &str| {
        let mut content = json!({ "namespaces": ["credit/*"], "use_case_accepted": false, "owner_accepted": false, "classified": false });
        content[field] = json!(true);
        content
    };
    type Mend = fn(&mut World);
    let cases: [(&str, &str, Mend); 3] = [
        ("use_case_accepted", "USE_NOT_ACCEPTED", |world| {
            let yes = json!({ "rationale": "Yes." });
            world.answer(APPROVER, "usecase.accepted", subject("usecase", "loans"), "usecase.proposed", yes);
        }),
        ("owner_accepted", "NO_OWNER", |world| {
            world.record(OWNER, "model.ownership_accepted", model(), json!({ "role": "owner" }));
        }),
        ("classified", "NOT_CLASSIFIED", |world| {
            let class = json!({ "framework": "eu-ai-act", "class": "high-risk", "expires_at": ms(NOW + DAY) });
            world.record(DEVELOPER, "model.classified", model(), class);
        }),
    ];
    for (field, expected, mend) in cases {
        let mut world = World::requested();
        let event = world.door.event(published("lifecycle", "lifecycle", policy(field)));
        let statement = world.door.sign(COMPLIANCE, &event);
        world.door.submit(&statement, &event, None).unwrap();
        // Not in force before the second person's yes.
        assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
        world.door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
        assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), expected);
        mend(&mut world);
        assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok", "{field}");
        if field == "classified" {
            world.pass(DAY);
            assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), expected);
        }
    }
    // An owner who left answers for nothing.
    let mut world = World::requested();
    let event = world.door.event(published("lifecycle", "lifecycle", policy("owner_accepted")));
    let statement = world.door.sign(COMPLIANCE, &event);
    world.door.submit(&statement, &event, None).unwrap();
    world.door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    world.record(OWNER, "model.ownership_accepted", model(), json!({ "role": "owner" }));
    world.record(1, "authority.departed", json!(person(OWNER).subject()), json!({ "last_day": ms(NOW - 1) }));
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "NO_OWNER");
}

#[test]
fn a_users_own_fields_are_held_to_the_schema_of_their_namespace() {
    let mut world = World::empty();
    let fields = json!({
        "cost_centre": { "kind": "text" }, "tier": { "kind": "text", "values": ["1", "2"] },
        "headcount": { "kind": "number" }, "reviewed": { "kind": "boolean" }, "since": { "kind": "date" },
    });
    let event =
        world.door.event(published("fields", "attributes", json!({ "namespaces": ["credit"], "fields": fields })));
    let statement = world.door.sign(COMPLIANCE, &event);
    world.door.submit(&statement, &event, None).unwrap();
    world.door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    let with = |namespace: &str, attributes: Value| {
        let mut tree = registered(namespace);
        tree["attributes"] = attributes;
        tree
    };
    let cases = [
        (json!({ "cost_centre": "4711", "tier": "2", "headcount": 3, "reviewed": true, "since": "2025-03-14" }), "ok"),
        (json!({ "cost_center": "4711" }), "UNKNOWN_ATTRIBUTE"),
        (json!({ "tier": "3" }), "ATTRIBUTE_UNFIT"),
        (json!({ "headcount": "3" }), "ATTRIBUTE_UNFIT"),
        (json!({ "reviewed": "yes" }), "ATTRIBUTE_UNFIT"),
        (json!({ "since": "14.03.2025" }), "ATTRIBUTE_UNFIT"),
        (json!({ "since": "2025-13-14" }), "ATTRIBUTE_UNFIT"),
    ];
    for (attributes, expected) in cases {
        assert_eq!(tried(&world, DEVELOPER, with("credit", attributes.clone())), expected, "{attributes}");
    }
    assert_eq!(tried(&world, DEVELOPER, with("claims", json!({ "anything": [1] }))), "ok");
    let refusal = world.door.say(DEVELOPER, with("credit", json!({ "cost_center": "4711" }))).unwrap_err();
    assert!(refusal.to_string().contains("did you mean cost_centre?"), "{refusal}");
}
