//! Stops, openers, holds, corrections, attestations, facts, rule sets, snapshots.

use probity_admission::Refusal;
use serde_json::{Value, json};

use crate::scene;
use crate::scene::world::{
    APPROVER, COMPLIANCE, DAY, DEPLOYER, DEVELOPER, OPERATOR, OWNER, PIPELINE, SECOND_APPROVER, VALIDATOR, World,
    digest, model, ms, subject, version,
};
use crate::scene::{Door, NOW, enrolled, key, person, registered};
use crate::{authorizing, granting, outcome, tried};

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
    // And there is no way back.
    let back = json!({
        "type": "ledger.rules_adopted", "subject": { "kind": "ledger", "namespace": "probity", "name": "ledger" },
        "data": { "rule_set": 1 },
    });
    assert_eq!(outcome(door.clone().admit(&scene::ledger(), &key(101), back)), "RULES_GO_BACK");
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
