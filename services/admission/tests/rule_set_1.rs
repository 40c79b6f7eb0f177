//! Who gets in at the door of a ledger under rule set 1: every act of authority by every kind of signer, and every reason
//! for a refusal. Old ledgers are judged like this for ever.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod scene;

use probity_admission::{
    ACT_MAX_AGE_MS, ACT_MAX_LEAD_MS, AdmitError, GenesisError, KNOWN_RULE_SETS, Position, Refusal, State, Submitted,
};
use probity_schemas::{Identity, Occurred, Timestamp};
use probity_statement::Unsigned;
use serde_json::{Value, json};

use scene::{Door, NOW, ORIGIN, enrolled, founding, granted, key, ledger, person, registered};

#[test]
fn each_role_records_what_the_default_policy_gives_it_and_nothing_else() {
    let roles = [
        "developer",
        "owner",
        "validator",
        "approver",
        "deployer",
        "operator",
        "risk-officer",
        "compliance",
        "auditor",
        "administrator",
        "importer",
    ];
    let expected: [(&str, &[&str]); 9] = [
        ("usecase.proposed", &["developer", "owner", "importer"]),
        ("model.registered", &["developer", "owner", "importer"]),
        ("training.completed", &["developer", "importer"]),
        ("validation.completed", &["validator", "importer"]),
        ("approval.granted", &["validator", "approver"]),
        ("deployment.authorized", &["deployer"]),
        ("deployment.suspended", &["deployer", "operator", "importer"]),
        ("retirement.approved", &["approver"]),
        ("authority.role_granted", &["administrator"]),
    ];
    for (event_type, allowed) in expected {
        for (number, role) in (10u8..).zip(roles) {
            let mut door = Door::new();
            door.enrol(number, &[role]);
            let sample = probity_schemas::newest(event_type).unwrap().sample().unwrap();
            let mut tree = serde_json::to_value(&sample).unwrap();
            for drop in ["id", "occurred", "regarding"] {
                tree.as_object_mut().unwrap().remove(drop);
            }
            if event_type == "authority.role_granted" {
                tree = granted(&person(number), "auditor", &["*"]);
            }
            let outcome = door.admit(&person(number), &key(number), tree);
            match outcome {
                Ok(_) => assert!(allowed.contains(&role), "{role} may not record {event_type}"),
                Err(Refusal::NotAuthorised { .. }) => {
                    assert!(!allowed.contains(&role), "{role} may record {event_type}")
                }
                Err(other) => panic!("{role} {event_type}: {other}"),
            }
        }
    }
}

#[test]
fn a_role_ends_when_it_was_given_to_end() {
    let mut door = Door::new();
    door.enrol(10, &[]);
    let mut until = granted(&person(10), "developer", &["credit/*"]);
    until["data"]["until"] = json!((NOW + 100) * 1_000);
    door.administer(until.clone()).unwrap();
    door.time = NOW + 99;
    door.admit(&person(10), &key(10), registered("credit")).unwrap();
    door.time = NOW + 100;
    let refusal = door.admit(&person(10), &key(10), registered("credit")).unwrap_err();
    assert!(matches!(refusal, Refusal::NotAuthorised { .. }));
    assert!(matches!(door.administer(until), Err(Refusal::AlreadyOver { .. })));
}

#[test]
fn anyone_enrolled_may_declare_an_incident_and_nobody_else() {
    let mut door = Door::new();
    let incident = json!({
        "type": "incident.declared", "subject": { "kind": "model", "namespace": "credit", "name": "m" },
        "data": { "summary": "It refuses everyone.", "severity": "high" },
    });
    let stranger = door.admit(&person(10), &key(10), incident.clone()).unwrap_err();
    assert!(matches!(stranger, Refusal::UnknownKey { .. }));
    door.enrol(10, &[]);
    door.admit(&person(10), &key(10), incident).unwrap();
}

#[test]
fn nobody_signs_for_another_or_after_their_key_is_revoked() {
    let mut door = Door::new();
    door.enrol(10, &["developer"]);
    door.enrol(11, &["developer"]);
    let refusal = door.admit(&person(10), &key(11), registered("credit")).unwrap_err();
    assert!(matches!(refusal, Refusal::NotTheIssuersKey { .. }));
    let revoked = |seed: u8, of: u8| {
        let kid = key(seed).public().id().to_string();
        json!({
            "type": "authority.key_revoked", "subject": person(of).subject(),
            "data": { "kid": kid, "reason": "compromised", "compromised_since": (NOW - 10) * 1_000 },
        })
    };
    assert!(matches!(door.administer(revoked(10, 11)), Err(Refusal::NotTheirKey { .. })));
    let at = door.administer(revoked(10, 10)).unwrap();
    let refusal = door.admit(&person(10), &key(10), registered("credit")).unwrap_err();
    assert!(matches!(refusal, Refusal::KeyRevoked { revoked_at, .. } if revoked_at == at));
    let again = json!({
        "type": "authority.key_revoked", "subject": person(10).subject(),
        "data": { "kid": key(10).public().id().to_string(), "reason": "lost" },
    });
    assert!(matches!(door.administer(again), Err(Refusal::KeyRevoked { .. })));
    // A further key, enrolled for the same person, signs with the roles the person has.
    door.administer(enrolled(&person(10), 20, &[])).unwrap();
    door.admit(&person(10), &key(20), registered("credit")).unwrap();
}

#[test]
fn what_was_recorded_is_answered_even_when_its_key_is_revoked_since() {
    let mut door = Door::new();
    door.enrol(10, &["developer"]);
    let event = door.event(registered("credit"));
    let statement = Unsigned::new(&event, &person(10), ORIGIN, key(10).public().id()).unwrap().sign(&key(10)).unwrap();
    let index = door.submit(&statement, &event, None).unwrap();
    let kid = key(10).public().id().to_string();
    let revoked = json!({ "type": "authority.key_revoked", "subject": person(10).subject(), "data": { "kid": kid, "reason": "lost" } });
    door.administer(revoked).unwrap();
    assert_eq!(door.submit(&statement, &event, Some(99)), Ok(index));
}

#[test]
fn an_act_is_handed_in_within_a_day_and_not_ahead_of_the_clock() {
    let now = NOW * 1_000;
    let cases = [
        (now - ACT_MAX_AGE_MS, true),
        (now - ACT_MAX_AGE_MS - 1, false),
        (now + ACT_MAX_LEAD_MS, true),
        (now + ACT_MAX_LEAD_MS + 1, false),
    ];
    for (occurred, admitted) in cases {
        let mut door = Door::new();
        door.enrol(10, &["approver"]);
        let act = json!({
            "type": "retirement.approved", "subject": { "kind": "model", "namespace": "credit", "name": "m" },
            "occurred": occurred, "data": { "rationale": "Nobody uses it." },
        });
        let outcome = door.admit(&person(10), &key(10), act);
        assert_eq!(outcome.is_ok(), admitted, "{occurred}: {outcome:?}");
    }
    // A fact may be as old as it is, ahead of the clock, or of unknown time.
    let mut door = Door::new();
    door.enrol(10, &["developer"]);
    for occurred in [Some(Occurred::at(Timestamp::from_ms(0).unwrap())), Some(Occurred::at(Timestamp::MAX)), None] {
        let mut event = door.event(registered("credit"));
        event.occurred = occurred;
        let statement =
            Unsigned::new(&event, &person(10), ORIGIN, key(10).public().id()).unwrap().sign(&key(10)).unwrap();
        door.submit(&statement, &event, None).unwrap();
    }
}

#[test]
fn each_way_to_enrol_wrongly_is_refused_and_changes_nothing() {
    let service: Identity = "service:ci".parse().unwrap();
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut tree = enrolled(&service, 30, &[person(1)]);
        change(&mut tree);
        tree
    };
    let other_kid = key(31).public().id().to_string();
    let weak = "00".repeat(32);
    let nobody: [Identity; 1] = [person(77)];
    type Expected = fn(&Refusal) -> bool;
    let cases: [(Value, Expected); 8] = [
        (wrong(&|tree| tree["data"]["kind"] = "person".into()), |r| matches!(r, Refusal::WrongSignerKind { .. })),
        (wrong(&|tree| tree["data"]["kid"] = other_kid.clone().into()), |r| matches!(r, Refusal::WrongKid { .. })),
        (wrong(&|tree| tree["data"]["public_key"] = weak.clone().into()), |r| matches!(r, Refusal::UnusableKey)),
        (wrong(&|tree| tree["subject"]["name"] = "other".into()), |r| matches!(r, Refusal::NoPossession { .. })),
        (wrong(&|tree| tree["subject"]["namespace"] = "elsewhere".into()), |r| {
            matches!(r, Refusal::NotAnIdentity { .. })
        }),
        (enrolled(&service, 30, &[]), |r| matches!(r, Refusal::NobodyResponsible)),
        (enrolled(&service, 30, &nobody), |r| matches!(r, Refusal::NotAPerson { .. })),
        (enrolled(&person(9), 2, &[]), |r| matches!(r, Refusal::KeyTaken { .. })),
    ];
    let mut door = Door::new();
    for (tree, expected) in cases {
        let before = door.state.to_snapshot().unwrap();
        let refusal = door.administer(tree).unwrap_err();
        assert!(expected(&refusal), "{refusal:?}");
        assert_eq!(door.state.keyring().get(&key(30).public().id()), None);
        assert_eq!(
            State::from_snapshot(&before).unwrap().to_snapshot().unwrap().len(),
            door.state.to_snapshot().unwrap().len()
        );
    }
    door.administer(enrolled(&service, 30, &[person(1)])).unwrap();
}

#[test]
fn roles_are_given_to_the_enrolled_by_their_right_names_and_taken_as_they_were_given() {
    let mut door = Door::new();
    assert!(matches!(door.administer(granted(&person(50), "developer", &["*"])), Err(Refusal::NotEnrolled { .. })));
    door.enrol(10, &[]);
    let refusal = door.administer(granted(&person(10), "develper", &["*"])).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::UnknownRole { nearest: Some(name), .. } if name.as_str() == "developer"),
        "{refusal}"
    );
    door.administer(granted(&person(10), "developer", &["credit/*", "claims"])).unwrap();
    let withdrawn = |namespaces: &[&str]| {
        let data = json!({ "role": "developer", "namespaces": namespaces });
        json!({ "type": "authority.role_withdrawn", "subject": person(10).subject(), "data": data })
    };
    assert!(matches!(door.administer(withdrawn(&["treasury"])), Err(Refusal::RoleNotHeld { .. })));
    door.administer(withdrawn(&["credit/*"])).unwrap();
    assert!(matches!(door.admit(&person(10), &key(10), registered("credit")), Err(Refusal::NotAuthorised { .. })));
    door.admit(&person(10), &key(10), registered("claims")).unwrap();
}

#[test]
fn only_the_ledger_speaks_about_itself_and_it_sets_no_policy_once_it_is_founded() {
    let mut door = Door::new();
    door.enrol(10, &["ledger", "compliance"]);
    let verified = json!({
        "type": "ledger.verified", "subject": { "kind": "ledger", "namespace": "probity", "name": "ledger" },
        "data": { "tree_size": 1, "root": format!("sha256:{}", "0".repeat(64)) },
    });
    let refusal = door.admit(&person(10), &key(10), verified.clone()).unwrap_err();
    assert!(matches!(refusal, Refusal::LedgerOnly { .. }));
    door.admit(&ledger(), &key(101), verified).unwrap();
    let policy = |roles: Value| {
        json!({
            "type": "policy.published", "subject": { "kind": "policy", "namespace": "probity", "name": "roles" },
            "data": { "kind": "roles", "content": { "roles": roles, "any_enrolled": [], "readers": [] } },
        })
    };
    let sound = policy(json!({ "boss": ["authority.*", "policy.*"] }));
    assert!(matches!(door.admit(&ledger(), &key(101), sound.clone()), Err(Refusal::NotAuthorised { .. })));
    let locked_out = policy(json!({ "boss": ["model.*"] }));
    assert!(matches!(door.admit(&person(10), &key(10), locked_out), Err(Refusal::NoAdministratorRole)));
    door.admit(&person(10), &key(10), sound).unwrap();
    // The new policy holds from its position on.
    assert!(matches!(door.administer(granted(&person(10), "boss", &["*"])), Err(Refusal::NotAuthorised { .. })));
}

#[test]
fn an_unknown_rule_set_stops_whoever_judges() {
    let error = State::found(&founding(|data| data["rule_set"] = json!(99))).unwrap_err();
    assert!(matches!(error, GenesisError::UnknownRuleSet { found: 99 }) && error.to_string().contains("upgrade"));
    let mut door = Door::new();
    let unknown = KNOWN_RULE_SETS.iter().max().unwrap() + 1;
    let event = door.event(json!({
        "type": "ledger.rules_adopted", "subject": { "kind": "ledger", "namespace": "probity", "name": "ledger" },
        "data": { "rule_set": unknown },
    }));
    let statement = Unsigned::new(&event, &ledger(), ORIGIN, key(101).public().id()).unwrap().sign(&key(101)).unwrap();
    let submitted = Submitted { statement: &statement, event: &event, expected_revision: None };
    let error = door.state.admit(submitted, Position { index: 2, block_time: NOW }, &door.past).unwrap_err();
    assert!(matches!(error, AdmitError::UnknownRuleSet { index: 2, .. }) && error.to_string().contains("upgrade"));
}

#[test]
fn a_ledger_is_founded_by_two_persons_or_by_one_that_says_so() {
    let one = |data: &mut Value| drop(data["administrators"].as_array_mut().unwrap().pop());
    let error = State::found(&founding(one)).unwrap_err();
    assert!(matches!(error, GenesisError::Administrators { count: 1, single: false }));
    let single = |data: &mut Value| {
        one(data);
        data["single_administrator"] = json!(true);
    };
    State::found(&founding(single)).unwrap();
    let twice = |data: &mut Value| data["administrators"][1] = data["administrators"][0].clone();
    assert!(matches!(State::found(&founding(twice)).unwrap_err(), GenesisError::Repeated { .. }));
    let service = |data: &mut Value| data["administrators"][0]["identity"] = json!("service:ci");
    assert!(matches!(State::found(&founding(service)).unwrap_err(), GenesisError::NotAPerson { .. }));
    let other_kid = |data: &mut Value| data["administrators"][0]["kid"] = data["administrators"][1]["kid"].clone();
    assert!(matches!(State::found(&founding(other_kid)).unwrap_err(), GenesisError::WrongKid { .. }));
}

#[test]
fn a_snapshot_is_the_state() {
    let mut door = Door::new();
    door.enrol(10, &["developer"]);
    door.state = State::from_snapshot(&door.state.to_snapshot().unwrap()).unwrap();
    door.admit(&person(10), &key(10), registered("credit")).unwrap();
    assert!(matches!(door.admit(&person(11), &key(11), registered("credit")), Err(Refusal::UnknownKey { .. })));
    assert!(!door.state.rights().may_read_all(&person(10), NOW));
    door.administer(granted(&person(10), "auditor", &["*"])).unwrap();
    assert!(door.state.rights().may_read_all(&person(10), NOW));
    assert!(State::from_snapshot(b"not a snapshot").is_err());
}
