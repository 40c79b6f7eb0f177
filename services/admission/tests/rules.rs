//! The rules one by one: each with the case it lets through and the cases it does not.
//!
//! That a rule cannot be changed unnoticed is tried with cargo-mutants, which changes the code bit by bit and expects these
//! suites to fail each time (the cases that came of it are in `edges`):
//!
//! ```sh
//! PROPTEST_CASES=64 cargo mutants -p probity-admission --timeout 60 -f 'services/admission/src/rules/*.rs' \
//!     -f 'services/admission/src/life/{approvals,plans}.rs' -f 'services/admission/src/authority/*.rs' \
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

mod scene;

use probity_admission::{CONFIRMATION_MAX_WAIT_MS, EMERGENCY_MAX_MS, Refusal};
use serde_json::{Value, json};

use scene::world::*;
use scene::{Door, NOW, confirmed, enrolled, granted, key, person, published, reason, registered, sha256, who};

/// What comes of trying, in a copy of the world.
fn tried(world: &World, seed: u8, tree: Value) -> String {
    outcome(world.clone().door.say(seed, tree))
}

fn outcome(result: Result<u64, Refusal>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => reason(&refusal),
    }
}

fn granting(world: &World, change: impl FnOnce(&mut Value)) -> Value {
    let mut tree = json!({
        "type": "approval.granted", "subject": version("1"), "regarding": world.ids["approval.requested"],
        "data": world.approval(),
    });
    change(&mut tree);
    tree
}

fn authorizing(change: impl FnOnce(&mut Value)) -> Value {
    let mut data = World::authorization();
    change(&mut data);
    json!({ "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": data })
}

fn gate(world: &mut World, content: Value) {
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

// Four eyes.

#[test]
fn whoever_registered_trained_or_requested_a_version_does_not_grant_for_it() {
    // 22 is a developer and an approver at once.
    let hands: [fn(&mut World); 4] = [
        |world| {
            let made = json!({ "artifacts": [{ "digest": digest("1"), "form": "file" }] });
            world.record(22, "model.version_registered", version("1"), made);
        },
        |world| {
            world.record(22, "training.completed", model(), json!({ "produced_version": version("1") }));
        },
        |world| {
            world.record(22, "approval.requested", version("1"), json!({ "gate": "production" }));
        },
        |world| {
            let tree = json!({
                "type": "training.completed", "subject": model(), "initiators": [person(22)],
                "data": { "produced_version": version("1") },
            });
            world.record_with(PIPELINE, tree);
        },
    ];
    let mut clean = World::requested();
    clean.door.let_in(22, &["developer", "approver"]);
    assert_eq!(tried(&clean, 22, granting(&clean, |_| {})), "ok");
    for hand in hands {
        let mut world = clean.clone();
        hand(&mut world);
        assert_eq!(tried(&world, 22, granting(&world, |_| {})), "FOUR_EYES");
        assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
    }
}

#[test]
fn whoever_answers_for_a_service_has_its_hands() {
    let mut world = World::requested();
    world.door.let_in(23, &["approver"]);
    world.door.let_in_where(61, &["developer"], &["*"], &[person(23)]);
    assert_eq!(tried(&world, 23, granting(&world, |_| {})), "ok");
    let tree = json!({
        "type": "training.completed", "subject": model(), "initiators": [person(DEVELOPER)],
        "data": { "produced_version": version("1") },
    });
    world.record_with(61, tree);
    assert_eq!(tried(&world, 23, granting(&world, |_| {})), "FOUR_EYES");
}

#[test]
fn a_service_that_names_nobody_may_have_been_set_in_motion_by_any_developer_or_the_owner() {
    let mut world = World::requested();
    world.door.let_in(22, &["developer", "approver"]);
    world.door.let_in(24, &["approver", "owner"]);
    // Elsewhere a developer, here only an approver.
    world.door.let_in(25, &["approver"]);
    world.door.let_in_where(26, &["approver"], &["*"], &[]);
    world.door.empower(1, 2, granted(&person(26), "developer", &["claims/*"])).unwrap();
    world.record(PIPELINE, "training.completed", model(), json!({ "produced_version": version("1") }));
    for (seed, expected) in [(22, "UNKNOWN_INITIATOR"), (24, "UNKNOWN_INITIATOR"), (25, "ok"), (26, "ok")] {
        assert_eq!(tried(&world, seed, granting(&world, |_| {})), expected, "{seed}");
    }
}

#[test]
fn a_run_that_did_not_name_its_version_is_held_against_it_once_the_version_names_the_run() {
    let mut world = World::registered();
    world.door.let_in(22, &["developer", "approver"]);
    let run = world.record(22, "training.completed", model(), json!({ "run_id": "7" }));
    let made = json!({ "artifacts": [{ "digest": digest("2"), "form": "file" }], "training_run": run });
    world.record(DEVELOPER, "model.version_registered", version("2"), made);
    world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let grant = |world: &World| {
        granting(world, |tree| {
            tree["subject"] = version("2");
            tree["data"]["digests"] = json!([digest("2")]);
        })
    };
    assert_eq!(tried(&world, 22, grant(&world)), "FOUR_EYES");
    assert_eq!(tried(&world, APPROVER, grant(&world)), "ok");
}

#[test]
fn a_proposer_does_not_accept_and_nobody_signs_the_same_request_twice() {
    let mut world = World::requested();
    let accepted = json!({
        "type": "usecase.accepted", "subject": subject("usecase", "loans"), "data": { "rationale": "Yes." },
    });
    assert_eq!(tried(&world, OWNER, accepted.clone()), "FOUR_EYES");
    assert_eq!(tried(&world, APPROVER, accepted), "ok");
    let grant = granting(&world, |_| {});
    world.door.say(APPROVER, grant.clone()).unwrap();
    assert_eq!(tried(&world, APPROVER, grant.clone()), "SIGNED_ALREADY");
    assert_eq!(tried(&world, SECOND_APPROVER, grant), "ok");
}

#[test]
fn services_decide_nothing() {
    let mut world = World::requested();
    world.door.let_in_where(62, &["approver"], &["*"], &[person(APPROVER)]);
    assert_eq!(tried(&world, 62, granting(&world, |_| {})), "TAKES_A_PERSON");
}

// Gates.

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
        Refusal::Broken(broken) => {
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

// Power.

#[test]
fn power_waits_for_a_second_person_and_for_nobody_else() {
    let mut door = Door::strict();
    door.let_in(17, &["compliance"]);
    door.let_in(19, &["administrator"]);
    let event = door.event(enrolled(&person(10), 10, &[]));
    let statement = door.sign(1, &event);
    door.submit(&statement, &event, None).unwrap();
    let digest = sha256(statement.bytes());
    // Enrolled, but not confirmed: the key is nobody's yet.
    assert!(matches!(door.say(10, registered("credit")), Err(Refusal::UnknownKey { .. })));
    let yes = confirmed(&event, &digest);
    let mut other_subject = yes.clone();
    other_subject["subject"] = json!(person(11).subject());
    let mut other_event = yes.clone();
    other_event["regarding"] = json!("0195e4f2-7000-7000-8000-000000000000");
    for (seed, tree, expected) in [
        (1, yes.clone(), "NOT_A_SECOND_PERSON"),
        (17, yes.clone(), "NOT_AUTHORISED"),
        (2, other_subject, "CONFIRMS_ANOTHER"),
        (2, other_event, "CONFIRMS_ANOTHER"),
        (2, confirmed(&event, &digest_of_nothing()), "NOTHING_TO_CONFIRM"),
    ] {
        assert_eq!(outcome(door.clone().say(seed, tree)), expected, "{seed}");
    }
    let mut late = door.clone();
    late.time += CONFIRMATION_MAX_WAIT_MS / 1_000 + 1;
    assert_eq!(outcome(late.say(2, yes.clone())), "CONFIRMATION_TOO_LATE");
    door.time += CONFIRMATION_MAX_WAIT_MS / 1_000;
    door.say(19, yes.clone()).unwrap();
    assert_eq!(outcome(door.clone().say(2, yes)), "NOTHING_TO_CONFIRM");
    // Enrolled now, but without a role.
    assert_eq!(outcome(door.say(10, registered("credit"))), "NOT_AUTHORISED");
    // And a role that waits is none.
    let event = door.event(granted(&person(10), "developer", &["*"]));
    let statement = door.sign(2, &event);
    door.submit(&statement, &event, None).unwrap();
    assert_eq!(outcome(door.say(10, registered("credit"))), "NOT_AUTHORISED");
    door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    door.say(10, registered("credit")).unwrap();
}

fn digest_of_nothing() -> String {
    sha256(b"")
}

#[test]
fn a_role_may_be_asked_for_with_the_enrolment_and_is_confirmed_after_it() {
    let mut door = Door::strict();
    let submit = |door: &mut Door, tree: Value| {
        let event = door.event(tree);
        let statement = door.sign(1, &event);
        door.submit(&statement, &event, None).map(|_| confirmed(&event, &sha256(statement.bytes())))
    };
    let unknown = submit(&mut door, granted(&person(10), "developer", &["*"]));
    assert!(matches!(unknown, Err(Refusal::NotEnrolled { .. })));
    let enrolment = submit(&mut door, enrolled(&person(10), 10, &[])).unwrap();
    let role = submit(&mut door, granted(&person(10), "developer", &["*"])).unwrap();
    assert!(matches!(door.clone().say(2, role.clone()), Err(Refusal::NotEnrolled { .. })));
    door.say(2, enrolment).unwrap();
    door.say(2, role).unwrap();
    door.say(10, registered("credit")).unwrap();
}

#[test]
fn a_policy_is_published_by_compliance_and_confirmed_by_someone_else() {
    let mut door = Door::strict();
    door.let_in(17, &["compliance"]);
    door.let_in(18, &["compliance"]);
    let roles = json!({
        "roles": { "boss": ["authority.*", "policy.*"] }, "any_enrolled": ["model.registered"], "readers": [],
    });
    let event = door.event(published("roles", "roles", roles));
    let statement = door.sign(17, &event);
    door.submit(&statement, &event, None).unwrap();
    let yes = confirmed(&event, &sha256(statement.bytes()));
    assert_eq!(outcome(door.say(17, registered("credit"))), "NOT_AUTHORISED");
    assert_eq!(outcome(door.clone().say(17, yes.clone())), "NOT_A_SECOND_PERSON");
    for second in [1, 18] {
        let mut door = door.clone();
        door.say(second, yes.clone()).unwrap();
        door.say(17, registered("credit")).unwrap();
    }
}

#[test]
fn one_administrator_is_enough_only_while_there_is_no_second() {
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        data["administrators"].as_array_mut().unwrap().pop();
        data["single_administrator"] = json!(true);
    });
    door.say(1, enrolled(&person(10), 10, &[])).unwrap();
    door.say(1, granted(&person(10), "administrator", &["*"])).unwrap();
    // Now there are two, and it takes both.
    let event = door.event(enrolled(&person(11), 11, &[]));
    let statement = door.sign(1, &event);
    door.submit(&statement, &event, None).unwrap();
    assert!(matches!(door.say(11, registered("credit")), Err(Refusal::UnknownKey { .. })));
    door.say(10, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    assert_eq!(outcome(door.say(11, registered("credit"))), "NOT_AUTHORISED");
}

#[test]
fn recovery_keys_let_an_administrator_in_together_and_do_nothing_else() {
    let recovery = [90_u8, 91, 92];
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        let keys: Vec<String> = recovery.iter().map(|seed| key(*seed).public().to_string()).collect();
        data["recovery"] = json!({ "threshold": 2, "keys": keys });
    });
    let ledger = scene::ledger();
    let mut signed = |seed: u8, tree: Value| {
        let event = door.event(tree);
        let kid = key(seed).public().id();
        let statement =
            probity_statement::Unsigned::new(&event, &ledger, scene::ORIGIN, kid).unwrap().sign(&key(seed)).unwrap();
        (door.submit(&statement, &event, None), event, sha256(statement.bytes()))
    };
    let (refused, ..) = signed(90, registered("credit"));
    assert_eq!(outcome(refused), "RECOVERY_KEY_ONLY");
    let (refused, ..) = signed(90, granted(&person(1), "administrator", &["*"]));
    assert_eq!(outcome(refused), "RECOVERY_KEY_ONLY");
    let (begun, event, digest) = signed(90, enrolled(&person(50), 50, &[]));
    begun.unwrap();
    let (again, ..) = signed(90, confirmed(&event, &digest));
    assert_eq!(outcome(again), "NOT_A_SECOND_PERSON");
    let (done, ..) = signed(92, confirmed(&event, &digest));
    done.unwrap();
    // The newcomer is an administrator: with the other one, others can be let in.
    door.empower(50, 1, enrolled(&person(51), 51, &[])).unwrap();
    door.empower(1, 50, granted(&person(51), "developer", &["*"])).unwrap();
    door.say(51, registered("credit")).unwrap();
}

#[test]
fn an_administrators_yes_does_not_complete_what_recovery_keys_began() {
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        let keys: Vec<String> = [90_u8, 91].iter().map(|seed| key(*seed).public().to_string()).collect();
        data["recovery"] = json!({ "threshold": 2, "keys": keys });
    });
    let event = door.event(enrolled(&person(50), 50, &[]));
    let kid = key(90).public().id();
    let statement =
        probity_statement::Unsigned::new(&event, &scene::ledger(), scene::ORIGIN, kid).unwrap().sign(&key(90)).unwrap();
    door.submit(&statement, &event, None).unwrap();
    assert_eq!(outcome(door.say(1, confirmed(&event, &sha256(statement.bytes())))), "NOT_A_SECOND_PERSON");
}

#[test]
fn what_a_stolen_key_did_since_it_was_stolen_counts_no_longer() {
    // An administrator's: whom it let in is out again, and the role it gave is gone.
    let mut door = Door::strict();
    door.let_in(10, &["developer"]);
    door.time += 100;
    door.let_in(11, &["developer"]);
    door.empower(1, 2, granted(&person(10), "operator", &["*"])).unwrap();
    let suspend = json!({
        "type": "deployment.suspended", "subject": subject("endpoint", "eu"),
        "data": { "reason": "It is broken.", "scope": "endpoint" },
    });
    assert_eq!(outcome(door.clone().say(10, suspend.clone())), "ok");
    let kid = key(2).public().id().to_string();
    let revoked = json!({
        "type": "authority.key_revoked", "subject": person(2).subject(),
        "data": { "kid": kid, "reason": "compromised", "compromised_since": ms(NOW + 50) },
    });
    door.say(1, revoked).unwrap();
    assert!(matches!(door.clone().say(11, registered("credit")), Err(Refusal::UnknownKey { .. })));
    assert_eq!(outcome(door.clone().say(10, suspend)), "NOT_AUTHORISED");
    // What it did before still holds.
    door.say(10, registered("credit")).unwrap();
    assert!(matches!(door.say(2, registered("credit")), Err(Refusal::KeyRevoked { .. })));

    // An approver's: a finding it closed is open again.
    let mut world = World::registered();
    let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
    world.record(VALIDATOR, "finding.raised", model(), finding);
    world.answer(APPROVER, "finding.closed", model(), "finding.raised", json!({ "rationale": "It is there." }));
    let close = json!({
        "type": "finding.closed", "subject": model(), "regarding": world.ids["finding.raised"],
        "data": { "rationale": "Really." },
    });
    assert_eq!(tried(&world, SECOND_APPROVER, close.clone()), "OPENER_CLOSED");
    let gone = json!({
        "kid": key(APPROVER).public().id().to_string(), "reason": "compromised", "compromised_since": ms(NOW - 1),
    });
    world.record(1, "authority.key_revoked", json!(person(APPROVER).subject()), gone);
    assert_eq!(tried(&world, SECOND_APPROVER, close), "ok");
}

#[test]
fn someone_signs_for_another_who_delegated_it_and_both_are_one_person() {
    let mut world = World::requested();
    world.door.let_in(22, &[]);
    let delegate = |types: &[&str]| {
        json!({
            "type": "authority.delegated", "subject": person(APPROVER).subject(),
            "data": { "to": person(22), "types": types, "from": ms(NOW + 10), "until": ms(NOW + 100) },
        })
    };
    let for_approver = |world: &World| granting(world, |tree| tree["on_behalf_of"] = json!(person(APPROVER)));
    assert_eq!(tried(&world, 22, for_approver(&world)), "NOT_DELEGATED");
    world.door.say(APPROVER, delegate(&["approval.*"])).unwrap();
    assert_eq!(tried(&world, 22, for_approver(&world)), "NOT_DELEGATED");
    world.pass(10);
    assert_eq!(tried(&world, 22, for_approver(&world)), "ok");
    // For oneself one needs a role of one's own.
    assert_eq!(tried(&world, 22, granting(&world, |_| {})), "NOT_AUTHORISED");
    // Not for other types, nor for others, nor handed on, nor for longer.
    let retire = json!({
        "type": "retirement.approved", "subject": model(), "on_behalf_of": person(APPROVER), "data": { "rationale": "Yes." },
    });
    assert_eq!(tried(&world, 22, retire), "NOT_DELEGATED");
    let other = granting(&world, |tree| tree["on_behalf_of"] = json!(person(SECOND_APPROVER)));
    assert_eq!(tried(&world, 22, other), "NOT_DELEGATED");
    let mut late = world.clone();
    late.pass(90);
    assert_eq!(tried(&late, 22, for_approver(&late)), "NOT_DELEGATED");
    // Delegator and delegate are one person: the second signature is the first one's again.
    world.door.say(22, for_approver(&world)).unwrap();
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "SIGNED_ALREADY");
    // Whoever had a hand in it does not sign for another either.
    let mut involved = World::requested();
    let to = json!({ "to": person(DEVELOPER), "types": ["approval.*"], "until": ms(NOW + 100) });
    involved.record(APPROVER, "authority.delegated", json!(person(APPROVER).subject()), to);
    assert_eq!(tried(&involved, DEVELOPER, for_approver(&involved)), "FOUR_EYES");
}

#[test]
fn rights_are_delegated_by_whose_they_are_to_another_enrolled_person() {
    let world = World::empty();
    let delegated = |subject: u8, to: Value, until: u64| {
        json!({
            "type": "authority.delegated", "subject": person(subject).subject(),
            "data": { "to": to, "types": ["*"], "until": until },
        })
    };
    let second = json!(person(SECOND_APPROVER));
    let cases = [
        (delegated(APPROVER, second.clone(), ms(NOW + 1)), "ok"),
        (delegated(OWNER, second.clone(), ms(NOW + 1)), "DELEGATES_FOR_ANOTHER"),
        (delegated(APPROVER, json!(person(APPROVER)), ms(NOW + 1)), "DELEGATES_TO_NOBODY"),
        (delegated(APPROVER, json!(person(99)), ms(NOW + 1)), "DELEGATES_TO_NOBODY"),
        (delegated(APPROVER, json!(who(PIPELINE)), ms(NOW + 1)), "DELEGATES_TO_NOBODY"),
        (delegated(APPROVER, second, ms(NOW)), "IN_THE_PAST"),
    ];
    for (tree, expected) in cases {
        assert_eq!(tried(&world, APPROVER, tree), expected);
    }
}

#[test]
fn whoever_has_left_signs_no_acts_but_may_still_report_facts() {
    let mut world = World::requested();
    let leaves = json!({ "last_day": ms(NOW + 10) });
    world.record(1, "authority.departed", json!(person(APPROVER).subject()), leaves);
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
    world.pass(11);
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "DEPARTED");
    let fact = json!({ "type": "approval.recorded_elsewhere", "subject": version("1"), "data": { "body": "Board" } });
    assert_eq!(tried(&world, APPROVER, fact), "ok");
    // Back by being enrolled again, with a new key, by two.
    world.door.empower(1, 2, enrolled(&person(APPROVER), 53, &[])).unwrap();
    let event = world.door.event(granting(&world, |_| {}));
    let kid = key(53).public().id();
    let statement = probity_statement::Unsigned::new(&event, &person(APPROVER), scene::ORIGIN, kid).unwrap();
    world.door.submit(&statement.sign(&key(53)).unwrap(), &event, None).unwrap();
}

// Plans and exceptions.

#[test]
fn a_plan_lets_through_what_its_pipeline_made_within_its_bounds() {
    let authorize = |name: &str| {
        let name = name.to_owned();
        authorizing(move |data| {
            data["version"] = version(&name);
            data["digest"] = json!(digest(&name));
        })
    };
    let cases = [(0.80, "ok"), (0.76, "ok"), (0.85, "ok"), (0.74, "GATE_CLOSED"), (0.86, "GATE_CLOSED")];
    for (auc, expected) in cases {
        let mut world = World::plan_approved();
        world.version("2", auc);
        assert_eq!(tried(&world, PIPELINE, authorize("2")), expected, "{auc}");
    }
    let mut world = World::plan_approved();
    // Made by another pipeline, or never measured.
    let other =
        json!({ "artifacts": [{ "digest": digest("x"), "form": "file" }], "code": { "digest": digest("other") } });
    world.record(DEVELOPER, "model.version_registered", version("x"), other);
    assert_eq!(tried(&world, PIPELINE, authorize("x")), "GATE_CLOSED");
    let unmeasured =
        json!({ "artifacts": [{ "digest": digest("y"), "form": "file" }], "code": { "digest": digest("pipeline") } });
    world.record(DEVELOPER, "model.version_registered", version("y"), unmeasured);
    assert_eq!(tried(&world, PIPELINE, authorize("y")), "GATE_CLOSED");
    // Two versions and no more; again for the same ones.
    for name in ["2", "3", "4"] {
        world.version(name, 0.8);
    }
    world.door.say(PIPELINE, authorize("2")).unwrap();
    world.door.say(PIPELINE, authorize("3")).unwrap();
    assert_eq!(tried(&world, PIPELINE, authorize("4")), "GATE_CLOSED");
    assert_eq!(tried(&world, PIPELINE, authorize("2")), "ok");
    // Not when its anchor's approval fell, nor when it ended.
    let mut fallen = world.clone();
    fallen.answer(APPROVER, "approval.revoked", version("1"), "approval.granted", json!({ "reason": "No." }));
    assert_eq!(tried(&fallen, PIPELINE, authorize("2")), "GATE_CLOSED");
    world.pass(200 * DAY);
    assert_eq!(tried(&world, PIPELINE, authorize("2")), "GATE_CLOSED");
}

#[test]
fn a_plan_takes_another_person_and_covers_nothing_made_before_it() {
    let mut world = World::approved();
    world.version("2", 0.8);
    let bound = json!({ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 } });
    let plan = json!({
        "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data"],
        "bounds": [bound], "max_versions": 2, "expires_at": ms(NOW + 200 * DAY),
    });
    world.door.let_in(22, &["developer", "approver"]);
    world.record(22, "plan.proposed", model(), plan);
    let approve = json!({
        "type": "plan.approved", "subject": model(), "regarding": world.ids["plan.proposed"], "data": { "meaning": "Yes." },
    });
    assert_eq!(tried(&world, 22, approve.clone()), "FOUR_EYES");
    world.door.say(APPROVER, approve).unwrap();
    let early = authorizing(|data| {
        data["version"] = version("2");
        data["digest"] = json!(digest("2"));
    });
    assert_eq!(tried(&world, DEPLOYER, early), "GATE_CLOSED");
}

#[test]
fn an_emergency_lasts_a_day_and_waits_for_its_second_signature() {
    let mut world = World::registered();
    let invoked = |until: u64| {
        json!({
            "type": "exception.invoked", "subject": model(),
            "data": { "control": "production", "reason": "The old one is broken.", "expires_at": until },
        })
    };
    assert_eq!(tried(&world, APPROVER, invoked(ms(NOW) + EMERGENCY_MAX_MS + 1)), "EMERGENCY_TOO_LONG");
    assert_eq!(tried(&world, APPROVER, invoked(ms(NOW))), "IN_THE_PAST");
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    world.record_with(APPROVER, invoked(ms(NOW) + EMERGENCY_MAX_MS));
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    world.pass(DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    let again = ms(NOW + DAY) + EMERGENCY_MAX_MS;
    assert_eq!(tried(&world, APPROVER, invoked(again)), "EMERGENCY_UNSIGNED");
    let second = json!({
        "type": "exception.granted", "subject": model(), "regarding": world.ids["exception.invoked"],
        "data": {
            "control": "production", "reason": "Seen.", "compensating_controls": ["A person looks."],
            "expires_at": ms(NOW + 2 * DAY),
        },
    });
    assert_eq!(tried(&world, APPROVER, second.clone()), "FOUR_EYES");
    let mut other = second.clone();
    other["data"]["control"] = json!("staging");
    assert_eq!(tried(&world, RISK_OFFICER, other), "OPENER_DIFFERS");
    world.door.say(RISK_OFFICER, second).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    assert_eq!(tried(&world, APPROVER, invoked(again)), "ok");
}

#[test]
fn an_exception_is_extended_only_to_a_later_end_and_only_excuses_its_own_control() {
    let mut world = World::registered();
    let wish = json!({ "control": "staging", "reason": "The launch is on Monday." });
    world.record(APPROVER, "exception.requested", model(), wish);
    let mut exception = json!({
        "control": "staging", "reason": "Monday.", "compensating_controls": ["A person looks."],
        "expires_at": ms(NOW + DAY),
    });
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.requested", exception.clone());
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    let extended = |until: u64| {
        json!({
            "type": "exception.extended", "subject": model(), "regarding": world.ids["exception.granted"],
            "data": { "expires_at": until, "reason": "A week more." },
        })
    };
    assert_eq!(tried(&world, RISK_OFFICER, extended(ms(NOW + DAY))), "NOT_LATER");
    assert_eq!(tried(&world, RISK_OFFICER, extended(ms(NOW + 2 * DAY))), "ok");
    exception["control"] = json!("production");
    let unasked = json!({ "type": "exception.granted", "subject": model(), "regarding": world.ids["exception.requested"], "data": exception });
    assert_eq!(tried(&world, RISK_OFFICER, unasked), "OPENER_CLOSED");
}

// The rest.

#[test]
fn a_stop_holds_as_far_as_it_was_said_to_reach() {
    let stop = |scope: &str| {
        let mut world = World::approved();
        let started = json!({ "version": version("1"), "environment": "production" });
        world.record(DEPLOYER, "deployment.started", subject("endpoint", "eu"), started);
        let stop = json!({ "reason": "It refuses everyone.", "scope": scope });
        world.record(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
        world
    };
    let elsewhere = {
        let mut tree = authorizing(|_| {});
        tree["subject"] = subject("endpoint", "us");
        tree
    };
    for (scope, here, there) in
        [("endpoint", "SUSPENDED", "ok"), ("version", "SUSPENDED", "SUSPENDED"), ("model", "SUSPENDED", "SUSPENDED")]
    {
        let world = stop(scope);
        assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), here, "{scope}");
        assert_eq!(tried(&world, DEPLOYER, elsewhere.clone()), there, "{scope}");
    }
    // Resumed where it was stopped, and not for another's stop.
    let mut world = stop("model");
    let resume = |name: &str| {
        json!({
            "type": "deployment.resumed", "subject": subject("endpoint", name),
            "regarding": world.ids["deployment.suspended"], "data": { "rationale": "Mended." },
        })
    };
    let (there, here) = (resume("us"), resume("eu"));
    assert_eq!(tried(&world, DEPLOYER, there), "OPENER_OF_ANOTHER");
    world.door.say(DEPLOYER, here).unwrap();
    assert_eq!(tried(&world, DEPLOYER, elsewhere), "ok");
}

#[test]
fn an_act_answers_what_is_there_and_fits() {
    let world = World::approved();
    let cases: [(Value, &str); 4] = [
        (json!("0195e4f2-7000-7000-8000-000000000000"), "OPENER_UNKNOWN"),
        (json!(world.ids["usecase.proposed"]), "OPENER_UNFIT"),
        (json!(world.ids["approval.granted"]), "OPENER_UNFIT"),
        (Value::Null, "OPENER_MISSING"),
    ];
    for (regarding, expected) in cases {
        let tree = granting(&world, |tree| match regarding {
            Value::Null => drop(tree.as_object_mut().unwrap().remove("regarding")),
            id => tree["regarding"] = id,
        });
        assert_eq!(tried(&world, SECOND_APPROVER, tree), expected);
    }
}

#[test]
fn a_hold_keeps_what_it_covers_wherever_its_sealed_texts_are() {
    let erase = |on: Value, key: &str| {
        json!({
            "type": "payload.erased", "subject": on,
            "data": { "key": key, "kind": "sealing-key", "legal_basis": "GDPR Art. 17" },
        })
    };
    let hold = |data: Value| {
        let mut world = World::registered();
        let mut set = json!({ "scope": "All of it.", "legal_basis": "Court order 4711" });
        for (field, value) in data.as_object().unwrap() {
            set[field] = value.clone();
        }
        world.record(COMPLIANCE, "hold.set", subject("usecase", "loans"), set);
        world
    };
    let kid = [7_u8; 16];
    let hex = kid.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (world, expected) in [
        (hold(json!({})), "ok"),
        (hold(json!({ "covers": [model()] })), "ON_HOLD"),
        (hold(json!({ "namespaces": ["credit/*"] })), "ON_HOLD"),
        (hold(json!({ "namespaces": ["claims/*"] })), "ok"),
    ] {
        assert_eq!(tried(&world, COMPLIANCE, erase(version("1"), &hex)), expected);
    }
    // Erased about another subject, while the key's texts are in the held one's events too.
    let mut world = hold(json!({ "covers": [model()] }));
    assert_eq!(tried(&world, COMPLIANCE, erase(subject("dataset", "loans"), &hex)), "ok");
    let sealed = json!({ "title": sealed_text(&kid), "severity": "high", "source": "validator" });
    world.record(VALIDATOR, "finding.raised", model(), sealed);
    assert_eq!(tried(&world, COMPLIANCE, erase(subject("dataset", "loans"), &hex)), "ON_HOLD");
    world.answer(COMPLIANCE, "hold.lifted", subject("usecase", "loans"), "hold.set", json!({ "reason": "Over." }));
    assert_eq!(tried(&world, COMPLIANCE, erase(subject("dataset", "loans"), &hex)), "ok");
}

/// A text that looks as if it was sealed under a key; what is inside does not matter here.
fn sealed_text(kid: &[u8; 16]) -> String {
    use base64::Engine;
    let mut bytes = vec![0xd0, 0x83, 0x56, 0xa2, 0x01, 0x18, 0x18, 0x04, 0x50];
    bytes.extend(kid);
    bytes.extend([0xa1, 0x05, 0x4c]);
    bytes.extend([1; 12]);
    bytes.extend([0x58, 0x30]);
    bytes.extend([2; 48]);
    format!("sealed:{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn a_fact_is_made_void_by_whoever_recorded_it_and_an_act_never_is() {
    let void = |world: &World, of: &str| {
        json!({
            "type": "correction.recorded", "subject": version("1"), "regarding": world.ids[of],
            "data": { "kind": "voids", "reason": "Asked by mistake." },
        })
    };
    let mut world = World::requested();
    // Anyone may say so; it only counts from its own author.
    world.door.say(OPERATOR, void(&world, "approval.requested")).unwrap();
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "ok");
    world.door.say(DEVELOPER, void(&world, "approval.requested")).unwrap();
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "OPENER_CLOSED");
    let mut world = World::approved();
    world.door.say(APPROVER, void(&world, "approval.granted")).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
}

#[test]
fn only_what_is_recorded_can_be_attested() {
    let world = World::registered();
    let attest = |revision: u64| {
        json!({
            "type": "attestation.given", "subject": model(),
            "data": { "subjects": [{ "subject": model(), "revision": revision }], "statement": "True." },
        })
    };
    let there = world.door.past.revisions["model:credit/pd"];
    assert_eq!(tried(&world, OWNER, attest(there)), "ok");
    assert_eq!(tried(&world, OWNER, attest(there + 1)), "REVISION_AHEAD");
}

#[test]
fn no_rule_refuses_a_fact() {
    // Everything that stands against acts, at once.
    let mut world = World::retired();
    world.record(COMPLIANCE, "hold.set", model(), json!({ "scope": "All.", "legal_basis": "Court order" }));
    let stop = json!({ "reason": "It refuses everyone.", "scope": "model", "version": version("1") });
    world.record(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
    world.record(1, "authority.departed", json!(person(DEVELOPER).subject()), json!({ "last_day": ms(NOW - DAY) }));
    world.door.let_in(
        70 - 20,
        &[
            "importer",
            "developer",
            "owner",
            "validator",
            "approver",
            "deployer",
            "operator",
            "risk-officer",
            "compliance",
        ],
    );
    let mut tried_some = 0;
    for info in probity_schemas::catalogue().filter(|info| !info.is_act()) {
        if ["ledger", "import", "authority"].contains(&info.family()) {
            continue;
        }
        let mut tree = serde_json::to_value(info.sample().unwrap()).unwrap();
        tree.as_object_mut().unwrap().remove("id");
        tree["attributes"] = json!({});
        assert_eq!(tried(&world, 50, tree), "ok", "{}", info.event_type);
        tried_some += 1;
    }
    assert!(tried_some > 60, "{tried_some}");
}

#[test]
fn the_rules_hold_from_the_position_they_were_adopted_at() {
    let mut door = Door::founded(|_| {});
    door.enrol(13, &["approver"]);
    let unasked =
        json!({ "type": "retirement.approved", "subject": model(), "data": { "rationale": "Nobody uses it." } });
    assert_eq!(outcome(door.clone().say(13, unasked.clone())), "ok");
    let before = door.clone();
    let adopted = json!({
        "type": "ledger.rules_adopted", "subject": { "kind": "ledger", "namespace": "probity", "name": "ledger" },
        "data": { "rule_set": 2 },
    });
    door.admit(&scene::ledger(), &key(101), adopted).unwrap();
    assert_eq!(door.state.rule_set(), 2);
    // From here on an act answers something, and power takes two.
    assert_eq!(outcome(door.clone().say(13, unasked.clone())), "OPENER_MISSING");
    door.administer(enrolled(&person(14), 14, &[])).unwrap();
    assert!(matches!(door.say(14, registered("credit")), Err(Refusal::UnknownKey { .. })));
    // Before it the old rules go on to be the right ones.
    assert_eq!(outcome(before.clone().say(13, unasked)), "ok");
}

#[test]
fn a_snapshot_is_the_state_with_all_that_is_open_in_it() {
    let mut world = World::plan_approved();
    world.version("2", 0.8);
    let restored = probity_admission::State::from_snapshot(&world.door.state.to_snapshot().unwrap()).unwrap();
    assert_eq!(restored.counts(), world.door.state.counts());
    world.door.state = restored;
    let authorize = authorizing(|data| {
        data["version"] = version("2");
        data["digest"] = json!(digest("2"));
    });
    assert_eq!(tried(&world, PIPELINE, authorize), "ok");
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    assert_eq!(tried(&world, APPROVER, granting(&world, |_| {})), "SIGNED_ALREADY");
}
