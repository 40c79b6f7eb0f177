//! Power: the second person's yes, recovery, delegation, stolen keys, departures.

use probity_admission::{CONFIRMATION_MAX_WAIT_MS, Refusal};
use serde_json::{Value, json};

use crate::scene;
use crate::scene::world::{
    APPROVER, DEVELOPER, OWNER, PIPELINE, SECOND_APPROVER, VALIDATOR, World, model, ms, subject, version,
};
use crate::scene::{Door, NOW, confirmed, enrolled, granted, key, person, published, registered, sha256, who};
use crate::{granting, outcome, tried};

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
        "roles": { "administrator": ["authority.*", "policy.*"] }, "any_enrolled": ["model.registered"], "readers": [],
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
    door.compromise(2, ms(NOW + 50));
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
    world.door.compromise(APPROVER, ms(NOW - 1));
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
