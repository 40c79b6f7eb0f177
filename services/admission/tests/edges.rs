//! The rules at their edges: cases that tell a rule from one that is almost the same.
//!
//! Most of these were found by changing the rules a little and seeing which changes no test noticed; `rules` says how to
//! repeat that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod scene;

use probity_admission::{
    ACT_MAX_AGE_MS, ACT_MAX_LEAD_MS, CONFIRMATION_MAX_WAIT_MS, EMERGENCY_MAX_MS, GenesisError, Refusal, State,
};
use probity_schemas::Event;
use probity_statement::Unsigned;
use serde_json::{Value, json};

use scene::world::*;
use scene::{
    Door, NOW, ORIGIN, confirmed, enrolled, founding, granted, key, ledger, person, published, reason, registered,
    sha256, who,
};

/// What comes of trying, in a copy of the world.
fn tried(world: &World, seed: u8, tree: Value) -> String {
    match world.clone().door.say(seed, tree) {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => reason(&refusal),
    }
}

/// Something that answers the newest event of a type.
fn answering(world: &World, event_type: &str, subject: Value, to: &str, data: Value) -> Value {
    json!({ "type": event_type, "subject": subject, "regarding": world.ids[to], "data": data })
}

fn granting(world: &World) -> Value {
    answering(world, "approval.granted", version("1"), "approval.requested", world.approval())
}

fn authorizing(name: &str) -> Value {
    let data = json!({
        "version": version(name), "digest": digest(name), "environment": "production",
        "use_case": subject("usecase", "loans"),
    });
    json!({ "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": data })
}

/// Why the way is closed, in words.
fn closed_because(world: &World, tree: Value) -> String {
    world.clone().door.say(DEPLOYER, tree).unwrap_err().to_string()
}

#[test]
fn the_limits_are_the_ones_that_are_promised() {
    let (minute, hour) = (60_000, 3_600_000);
    assert_eq!((ACT_MAX_AGE_MS, ACT_MAX_LEAD_MS), (24 * hour, 5 * minute));
    assert_eq!((EMERGENCY_MAX_MS, CONFIRMATION_MAX_WAIT_MS), (24 * hour, 7 * 24 * hour));
}

#[test]
fn a_condition_closes_the_way_from_its_day_on_or_at_once_until_it_is_met() {
    let conditional = |condition: Value| World::approved_as(|approval| approval["conditions"] = json!([condition]));
    let met = |world: &World, condition: &str| {
        let met = json!({ "condition": condition, "statement": "Done." });
        answering(world, "approval.condition_met", version("1"), "approval.granted", met)
    };
    let mut by_day = conditional(json!({ "id": "c", "text": "Do it.", "due": ms(NOW + 10) }));
    by_day.pass(9);
    assert_eq!(tried(&by_day, DEPLOYER, authorizing("1")), "ok");
    by_day.pass(1);
    assert_eq!(tried(&by_day, DEPLOYER, authorizing("1")), "GATE_CLOSED");
    assert!(closed_because(&by_day, authorizing("1")).contains("condition c"));
    assert_eq!(tried(&by_day, SECOND_APPROVER, met(&by_day, "another")), "NO_SUCH_CONDITION");
    by_day.door.say(SECOND_APPROVER, met(&by_day, "c")).unwrap();
    assert_eq!(tried(&by_day, DEPLOYER, authorizing("1")), "ok");
    assert_eq!(tried(&by_day, SECOND_APPROVER, met(&by_day, "c")), "NO_SUCH_CONDITION");

    let before = |what: &str| conditional(json!({ "id": "c", "text": "Do it.", "before": what }));
    assert_eq!(tried(&before("deployment"), DEPLOYER, authorizing("1")), "GATE_CLOSED");
    for later in ["full-traffic", "expiry"] {
        assert_eq!(tried(&before(later), DEPLOYER, authorizing("1")), "ok", "{later}");
    }
}

#[test]
fn whoever_made_a_version_does_not_say_that_a_condition_of_its_approval_is_met() {
    let mut world = World::registered();
    world.door.let_in(22, &["developer", "approver"]);
    world.record(22, "training.completed", model(), json!({ "produced_version": version("1") }));
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let mut approval = world.approval();
    approval["conditions"] = json!([{ "id": "c", "text": "Do it." }]);
    world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", approval);
    let met = json!({ "condition": "c", "statement": "Done." });
    let met = answering(&world, "approval.condition_met", version("1"), "approval.granted", met);
    assert_eq!(tried(&world, 22, met.clone()), "FOUR_EYES");
    assert_eq!(tried(&world, APPROVER, met), "ok");
}

#[test]
fn a_signature_that_was_taken_back_can_be_given_again() {
    let mut world = World::approved();
    assert_eq!(tried(&world, APPROVER, granting(&world)), "SIGNED_ALREADY");
    world.answer(APPROVER, "approval.revoked", version("1"), "approval.granted", json!({ "reason": "Too early." }));
    assert_eq!(tried(&world, DEPLOYER, authorizing("1")), "GATE_CLOSED");
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
}

#[test]
fn the_newest_request_says_why_the_way_is_closed_and_an_older_one_may_open_it() {
    let mut world = World::approved();
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    assert_eq!(tried(&world, DEPLOYER, authorizing("1")), "ok");
    world.answer(APPROVER, "approval.revoked", version("1"), "approval.granted", json!({ "reason": "No." }));
    let said = closed_because(&world, authorizing("1"));
    assert!(said.contains("signatures are missing"), "{said}");
}

#[test]
fn who_owns_a_model_is_no_stranger_to_what_a_service_made_for_it() {
    let mut world = World::requested();
    world.door.let_in(24, &["approver", "owner"]);
    world.record(24, "model.ownership_accepted", model(), json!({ "role": "owner" }));
    let gone =
        json!({ "type": "authority.role_withdrawn", "subject": person(24).subject(), "data": { "role": "owner" } });
    world.door.say(1, gone).unwrap();
    assert_eq!(tried(&world, 24, granting(&world)), "ok");
    world.record(PIPELINE, "training.completed", model(), json!({ "produced_version": version("1") }));
    assert_eq!(tried(&world, 24, granting(&world)), "UNKNOWN_INITIATOR");
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
}

#[test]
fn what_has_artefacts_is_authorised_by_naming_one() {
    let world = World::approved();
    let mut unnamed = authorizing("1");
    unnamed["data"].as_object_mut().unwrap().remove("digest");
    assert_eq!(tried(&world, DEPLOYER, unnamed), "DIGESTS_MISSING");
}

#[test]
fn nothing_is_granted_for_a_version_that_nobody_registered() {
    let mut world = World::registered();
    world.record(DEVELOPER, "approval.requested", version("9"), json!({ "gate": "production" }));
    let mut grant = granting(&world);
    grant["subject"] = version("9");
    assert_eq!(tried(&world, APPROVER, grant), "NOT_REGISTERED");
}

/// A plan under which two more versions may serve, and an exception for a day.
fn planned_and_excepted() -> World {
    let mut world = World::plan_approved();
    for name in ["2", "3", "4"] {
        world.version(name, 0.8);
    }
    let wish = json!({ "control": "production", "reason": "The launch is on Monday." });
    world.record(APPROVER, "exception.requested", model(), wish);
    world
}

#[test]
fn what_an_exception_lets_through_is_not_counted_against_a_plan() {
    let mut world = planned_and_excepted();
    let exception = json!({
        "control": "production", "reason": "Monday.", "compensating_controls": ["A person looks."],
        "expires_at": ms(NOW + DAY),
    });
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.requested", exception);
    for name in ["2", "3"] {
        world.door.say(DEPLOYER, authorizing(name)).unwrap();
    }
    world.pass(DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing("4")), "ok", "the plan has room for two");
}

#[test]
fn an_exception_is_granted_for_the_control_that_was_asked_for() {
    let world = planned_and_excepted();
    let exception = |control: &str| {
        let data = json!({
            "control": control, "reason": "Monday.", "compensating_controls": ["A person looks."],
            "expires_at": ms(NOW + DAY),
        });
        answering(&world, "exception.granted", model(), "exception.requested", data)
    };
    assert_eq!(tried(&world, RISK_OFFICER, exception("staging")), "OPENER_DIFFERS");
    assert_eq!(tried(&world, RISK_OFFICER, exception("production")), "ok");
}

#[test]
fn a_plan_that_was_revoked_covers_nothing() {
    let mut world = World::plan_approved();
    world.version("2", 0.8);
    assert_eq!(tried(&world, DEPLOYER, authorizing("2")), "ok");
    world.answer(APPROVER, "plan.revoked", model(), "plan.proposed", json!({ "reason": "No more." }));
    assert_eq!(tried(&world, DEPLOYER, authorizing("2")), "GATE_CLOSED");
}

#[test]
fn a_bound_is_held_against_its_own_metric_on_its_own_slice() {
    let validated = |metrics: Value| {
        let mut world = World::plan_approved();
        world.version("2", 0.8);
        let passed = json!({ "outcome": "passed", "scopes": ["soundness"], "metrics": metrics });
        world.record(VALIDATOR, "validation.completed", version("2"), passed);
        tried(&world, DEPLOYER, authorizing("2"))
    };
    let auc = json!({ "name": "auc", "value": 0.8 });
    assert_eq!(validated(json!([{ "name": "loss", "value": 0.1 }, auc])), "ok");
    assert_eq!(validated(json!([{ "name": "loss", "value": 0.8 }])), "GATE_CLOSED");
    assert_eq!(validated(json!([{ "name": "auc", "slice": "young", "value": 0.8 }])), "GATE_CLOSED");
    assert_eq!(validated(json!([{ "name": "auc", "slice": "young", "value": 0.1 }, auc])), "ok");
}

#[test]
fn a_bound_can_be_a_ceiling() {
    let mut base = World::approved();
    let bound = json!({ "name": "loss", "threshold": { "comparison": "at-most", "value": 0.25 } });
    let plan = json!({
        "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data"],
        "bounds": [bound], "max_versions": 2, "expires_at": ms(NOW + 200 * DAY),
    });
    base.record(DEVELOPER, "plan.proposed", model(), plan);
    base.answer(APPROVER, "plan.approved", model(), "plan.proposed", json!({ "meaning": "Yes." }));
    base.version("2", 0.8);
    for (loss, expected) in [(0.125, "ok"), (0.25, "ok"), (0.375, "GATE_CLOSED")] {
        let mut world = base.clone();
        let metrics = json!([{ "name": "loss", "value": loss }]);
        let passed = json!({ "outcome": "passed", "scopes": ["soundness"], "metrics": metrics });
        world.record(VALIDATOR, "validation.completed", version("2"), passed);
        assert_eq!(tried(&world, DEPLOYER, authorizing("2")), expected, "{loss}");
    }
}

#[test]
fn what_was_stopped_for_a_version_is_not_resumed_once_that_version_is_retired() {
    let mut world = World::approved();
    world.version("2", 0.8);
    let started = json!({ "version": version("2"), "environment": "production" });
    world.record(DEPLOYER, "deployment.started", subject("endpoint", "eu"), started);
    let stop = json!({ "reason": "It refuses everyone.", "scope": "version", "version": version("1") });
    world.record(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
    let resume = |world: &World| {
        let go = json!({ "rationale": "Mended." });
        answering(world, "deployment.resumed", subject("endpoint", "eu"), "deployment.suspended", go)
    };
    assert_eq!(tried(&world, DEPLOYER, resume(&world)), "ok");
    world.record(OWNER, "retirement.proposed", version("1"), json!({ "reason": "Replaced." }));
    let yes = json!({ "rationale": "Nobody needs it." });
    world.answer(APPROVER, "retirement.approved", version("1"), "retirement.proposed", yes);
    world.answer(OWNER, "retirement.completed", version("1"), "retirement.approved", json!({}));
    assert_eq!(tried(&world, DEPLOYER, resume(&world)), "RETIRED");
}

#[test]
fn a_subscription_is_removed_by_its_name() {
    let mut world = World::registered();
    let ledger = json!({ "kind": "ledger", "namespace": "probity", "name": "ledger" });
    let sample = probity_schemas::newest("subscription.configured").unwrap().sample().unwrap();
    let mut data = serde_json::to_value(sample).unwrap()["data"].take();
    data["name"] = json!("risk-feed");
    world.record(COMPLIANCE, "subscription.configured", ledger.clone(), data);
    for (name, expected) in [("other-feed", "OPENER_DIFFERS"), ("risk-feed", "ok")] {
        let gone = json!({ "name": name });
        let gone = answering(&world, "subscription.removed", ledger.clone(), "subscription.configured", gone);
        assert_eq!(tried(&world, COMPLIANCE, gone), expected);
    }
}

#[test]
fn a_sealing_key_that_cannot_be_one_covers_no_other_subject() {
    let mut world = World::registered();
    world.record(COMPLIANCE, "hold.set", model(), json!({ "scope": "All of it.", "legal_basis": "Court order 4711" }));
    for key in ["7", "a salt", &"7".repeat(31), &"7".repeat(33), &"é".repeat(16), &"g".repeat(32)] {
        let data = json!({ "key": key, "kind": "sealing-key", "legal_basis": "GDPR Art. 17" });
        let erase = json!({ "type": "payload.erased", "subject": subject("dataset", "loans"), "data": data });
        assert_eq!(tried(&world, COMPLIANCE, erase), "ok", "{key}");
    }
}

#[test]
fn all_keys_come_back_with_a_snapshot() {
    let mut world = World::empty();
    let state = State::from_snapshot(&world.door.state.to_snapshot().unwrap()).unwrap();
    for seed in [1, 2, DEVELOPER, PIPELINE] {
        assert!(state.keyring().get(&key(seed).public().id()).is_some(), "{seed}");
    }
    world.door.say(1, granted(&person(APPROVER), "auditor", &["*"])).unwrap();
}

#[test]
fn a_ledger_is_not_founded_with_one_key_for_two() {
    let same_key = |data: &mut Value| {
        for field in ["public_key", "kid"] {
            data["administrators"][1][field] = data["administrators"][0][field].clone();
        }
    };
    assert!(matches!(State::found(&founding(same_key)).unwrap_err(), GenesisError::Repeated { .. }));
    let recovery = |data: &mut Value| {
        data["recovery"] = json!({ "threshold": 1, "keys": [data["administrators"][0]["public_key"]] });
    };
    assert!(State::found(&founding(recovery)).is_err());
}

#[test]
fn a_stolen_keys_signature_counts_until_the_very_moment_it_was_stolen() {
    for (since, expected) in [(ms(NOW), "GATE_CLOSED"), (ms(NOW) + 1, "ok")] {
        let mut world = World::approved();
        world.door.compromise(APPROVER, since);
        assert_eq!(tried(&world, DEPLOYER, authorizing("1")), expected, "{since}");
    }
}

#[test]
fn whoever_leaves_signs_until_the_end_of_their_last_day() {
    let mut world = World::requested();
    world.record(1, "authority.departed", json!(person(APPROVER).subject()), json!({ "last_day": ms(NOW) }));
    assert_eq!(tried(&world, APPROVER, granting(&world)), "ok");
    world.pass(1);
    assert_eq!(tried(&world, APPROVER, granting(&world)), "DEPARTED");
}

/// Whether one administrator is enough to let someone in now.
fn alone(door: &Door, newcomer: u8) -> bool {
    let mut door = door.clone();
    door.say(1, enrolled(&person(newcomer), newcomer, &[])).unwrap();
    !matches!(door.say(newcomer, registered("credit")), Err(Refusal::UnknownKey { .. }))
}

#[test]
fn a_single_administrator_is_alone_whenever_nobody_else_could_confirm() {
    let mut single = Door::founded(|data| {
        data["rule_set"] = json!(2);
        data["administrators"].as_array_mut().unwrap().pop();
        data["single_administrator"] = json!(true);
    });
    single.say(1, enrolled(&person(10), 10, &[])).unwrap();
    assert!(alone(&single, 11));
    single.say(1, granted(&person(10), "developer", &["*"])).unwrap();
    assert!(alone(&single, 11), "a developer confirms nothing");

    let mut for_a_time = single.clone();
    let mut grant = granted(&person(10), "administrator", &["*"]);
    grant["data"]["until"] = json!(ms(NOW + 100));
    for_a_time.say(1, grant).unwrap();
    assert!(!alone(&for_a_time, 11));
    for_a_time.time += 100;
    assert!(alone(&for_a_time, 11));

    let mut departed = single.clone();
    departed.say(1, granted(&person(10), "administrator", &["*"])).unwrap();
    let gone = json!({
        "type": "authority.departed", "subject": person(10).subject(), "data": { "last_day": ms(NOW + 100) },
    });
    departed.empower(1, 10, gone).unwrap();
    departed.time += 100;
    assert!(!alone(&departed, 11));
    departed.time += 1;
    assert!(alone(&departed, 11));

    // A service confirms nothing, whatever its roles.
    single.say(1, enrolled(&who(60), 60, &[person(1)])).unwrap();
    single.say(1, granted(&who(60), "administrator", &["*"])).unwrap();
    assert!(alone(&single, 11));
}

#[test]
fn where_power_takes_two_a_roles_policy_leaves_someone_to_confirm() {
    let called = |role: &str, types: &[&str]| {
        published("roles", "roles", json!({ "roles": { role: types }, "any_enrolled": [], "readers": [] }))
    };
    let roles = |types: &[&str]| called("administrator", types);
    let enough_for_one = ["authority.enrolled", "authority.role_granted"];
    let enough_for_two = ["authority.enrolled", "authority.role_granted", "authority.confirmed"];
    let world = World::empty();
    assert_eq!(tried(&world, COMPLIANCE, roles(&enough_for_one)), "NoAdministratorRole");
    assert_eq!(tried(&world, COMPLIANCE, roles(&enough_for_two)), "ok");
    for short in [&enough_for_two[1..], &["authority.enrolled", "authority.confirmed"]] {
        assert_eq!(tried(&world, COMPLIANCE, roles(short)), "NoAdministratorRole", "{short:?}");
    }
    // A role that nobody holds, or one person only, lets nobody in.
    assert_eq!(tried(&world, COMPLIANCE, called("boss", &enough_for_two)), "NoAdministratorRole");
    let mut one_left = world.clone();
    for (seed, second) in [(2, 39), (39, 39)] {
        let withdrawn = json!({
            "type": "authority.role_withdrawn", "subject": person(seed).subject(), "data": { "role": "administrator" },
        });
        assert_eq!(tried(&one_left, COMPLIANCE, roles(&enough_for_two)), "ok");
        // The last but one goes with a second signature.
        match seed == second {
            true => one_left.door.empower(1, second, withdrawn).unwrap(),
            false => one_left.door.say(1, withdrawn).unwrap(),
        };
    }
    assert_eq!(tried(&one_left, COMPLIANCE, roles(&enough_for_two)), "NoAdministratorRole");
    let mut old = Door::new();
    old.enrol(10, &["compliance"]);
    old.say(10, called("boss", &enough_for_one)).unwrap();
}

#[test]
fn the_ledger_sets_its_first_gate_in_its_first_breath_and_never_again() {
    let gate: Value = serde_json::from_str(probity_schemas::DEFAULT_GATE).unwrap();
    let by_the_ledger = |door: &mut Door, name: &str| {
        let outcome = door.admit(&ledger(), &key(101), published(name, "gate", gate.clone()));
        outcome.map_err(|refusal| reason(&refusal))
    };
    let refused = Err("NOT_AUTHORISED".to_owned());
    let strict = || Door::founded(|data| data["rule_set"] = json!(2));
    let mut door = strict();
    assert_eq!(by_the_ledger(&mut door, "production"), Ok(2));
    assert_eq!(by_the_ledger(&mut door, "staging"), refused);
    let mut late = strict();
    late.admit(&ledger(), &key(101), verified()).unwrap();
    assert_eq!(by_the_ledger(&mut late, "production"), refused);
    assert_eq!(
        by_the_ledger(&mut Door::new(), "production"),
        refused,
        "under rule set 1 there are no gates to begin with"
    );
}

fn verified() -> Value {
    json!({
        "type": "ledger.verified", "subject": { "kind": "ledger", "namespace": "probity", "name": "ledger" },
        "data": { "tree_size": 1, "root": format!("sha256:{}", "0".repeat(64)) },
    })
}

/// Compliance publishes a policy and an administrator confirms it.
fn publish(world: &mut World, namespace: &str, mut tree: Value) {
    tree["subject"]["namespace"] = json!(namespace);
    let event = world.door.event(tree);
    let statement = world.door.sign(COMPLIANCE, &event);
    world.door.submit(&statement, &event, None).unwrap();
    world.door.say(1, confirmed(&event, &sha256(statement.bytes()))).unwrap();
}

#[test]
fn of_several_gates_of_a_name_each_asks_for_what_it_asks_and_a_later_version_takes_an_earlier_ones_place() {
    let gate = |namespaces: &str, persons: u32| {
        let signatures = json!([{ "role": "approver", "persons": persons }]);
        let content = json!({ "namespaces": [namespaces], "environments": ["production"], "signatures": signatures });
        published("production", "gate", content)
    };
    // In which order, and whether one signature is enough.
    type Gates<'a> = &'a [(&'a str, &'a str, u32)];
    let cases: [(Gates<'_>, &str); 6] = [
        (&[], "ok"),
        (&[("credit", "credit/*", 2)], "GATE_CLOSED"),
        (&[("credit", "claims/*", 2)], "ok"),
        (&[("a", "credit", 2), ("b", "credit/*", 1), ("c", "*", 1)], "GATE_CLOSED"),
        (&[("a", "credit", 2), ("b", "credit", 1)], "GATE_CLOSED"),
        (&[("a", "credit", 1), ("b", "credit", 2), ("b", "credit", 1)], "ok"),
    ];
    for (gates, expected) in cases {
        let mut world = World::registered();
        for (namespace, patterns, persons) in gates {
            publish(&mut world, namespace, gate(patterns, *persons));
        }
        world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
        let approval = world.approval();
        world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", approval);
        assert_eq!(tried(&world, DEPLOYER, authorizing("1")), expected, "{gates:?}");
    }
}

#[test]
fn a_date_is_a_date() {
    let mut world = World::empty();
    let fields = json!({ "since": { "kind": "date" } });
    publish(&mut world, "probity", published("fields", "attributes", json!({ "namespaces": ["*"], "fields": fields })));
    let with = |since: &str| {
        let mut tree = registered("credit");
        tree["attributes"] = json!({ "since": since });
        tried(&world, DEVELOPER, tree)
    };
    for date in ["2025-01-01", "2025-12-31", "0001-02-03"] {
        assert_eq!(with(date), "ok", "{date}");
    }
    let no_dates = [
        "2025-00-10",
        "2025-13-10",
        "2025-01-00",
        "2025-01-32",
        "25-01-01",
        "2025-1-01",
        "2025-01-1",
        "2025-01-01-01",
        "2025-01",
        "2025",
        "2025-xx-01",
        "today",
    ];
    for text in no_dates {
        assert_eq!(with(text), "ATTRIBUTE_UNFIT", "{text}");
    }
}

#[test]
fn a_name_is_suggested_only_where_it_is_near() {
    let mut world = World::registered();
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "prodcton" }));
    let said = |world: &World, gate: &str| {
        let mut grant = granting(world);
        grant["data"]["gate"] = json!(gate);
        world.clone().door.say(APPROVER, grant).unwrap_err().to_string()
    };
    assert!(said(&world, "prodcton").contains("did you mean production?"));
    world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "staging" }));
    assert!(!said(&world, "staging").contains("did you mean"));
}

#[test]
fn three_recovery_keys_are_three() {
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        let keys: Vec<String> = [90_u8, 91, 92].iter().map(|seed| key(*seed).public().to_string()).collect();
        data["recovery"] = json!({ "threshold": 3, "keys": keys });
    });
    let enrolment = door.event(enrolled(&person(50), 50, &[]));
    let sign = |seed: u8, event: &Event| {
        Unsigned::new(event, &ledger(), ORIGIN, key(seed).public().id()).unwrap().sign(&key(seed)).unwrap()
    };
    let begun = sign(90, &enrolment);
    door.submit(&begun, &enrolment, None).unwrap();
    for seed in [91, 92] {
        assert!(matches!(door.clone().say(50, registered("credit")), Err(Refusal::UnknownKey { .. })), "{seed}");
        let yes = door.event(confirmed(&enrolment, &sha256(begun.bytes())));
        door.submit(&sign(seed, &yes), &yes, None).unwrap();
    }
    door.empower(50, 1, granted(&person(50), "developer", &["*"])).unwrap();
    door.say(50, registered("credit")).unwrap();
}
