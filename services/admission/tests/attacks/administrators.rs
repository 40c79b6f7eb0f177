//! Nobody rules alone, and nobody puts everyone out alone.

use serde_json::{Value, json};

use crate::outcome;
use crate::scene::world::{APPROVER, DEPLOYER, World, ms};
use crate::scene::{Door, NOW, confirmed, enrolled, granted, key, ledger, person, published, registered, sha256, who};
use crate::{authorizing, tried};

fn revoked(seed: u8, since: Option<u64>) -> Value {
    let mut data = json!({ "kid": key(seed).public().id().to_string(), "reason": "compromised" });
    if let Some(since) = since {
        data["compromised_since"] = json!(ms(since));
    }
    json!({ "type": "authority.key_revoked", "subject": person(seed).subject(), "data": data })
}

fn withdrawn(seed: u8) -> Value {
    json!({ "type": "authority.role_withdrawn", "subject": person(seed).subject(), "data": { "role": "administrator" } })
}

fn departed(seed: u8) -> Value {
    json!({ "type": "authority.departed", "subject": person(seed).subject(), "data": { "last_day": ms(NOW - 9) } })
}

/// A ledger that one administrator founded, who let a second one in.
fn founded_by_one() -> Door {
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        data["single_administrator"] = json!(true);
        data["administrators"].as_array_mut().unwrap().pop();
    });
    door.publish_gate();
    assert!(rules_alone(&door));
    door.say(1, enrolled(&person(2), 2, &[])).unwrap();
    door.say(1, granted(&person(2), "administrator", &["*"])).unwrap();
    door
}

/// Whether the first administrator can give a role without anybody else.
fn rules_alone(door: &Door) -> bool {
    let mut door = door.clone();
    let own = door.say(1, granted(&person(1), "developer", &["*"]));
    own.is_ok() && door.say(1, registered("credit")).is_ok()
}

#[test]
fn one_of_two_administrators_does_not_get_rid_of_the_other_with_one_signature() {
    for act in [withdrawn(2), revoked(2, None), revoked(2, Some(NOW - 99)), departed(2)] {
        let mut door = founded_by_one();
        assert!(!rules_alone(&door));
        let event = door.event(act.clone());
        let statement = door.sign(1, &event);
        door.submit(&statement, &event, None).unwrap();
        assert!(!rules_alone(&door), "{act}");
        // The other one is still there, and can be asked.
        door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
        assert!(rules_alone(&door), "{act}: with both signatures it is as both said");
    }
}

#[test]
fn nobody_puts_everyone_out_with_one_signature() {
    for act in [withdrawn, |seed| revoked(seed, None), departed] {
        let mut door = Door::strict();
        for seed in [2, 1] {
            // Whether it is recorded or refused, both remain.
            let _ = door.say(1, act(seed));
        }
        let event = door.event(enrolled(&person(20), 20, &[]));
        let statement = door.sign(1, &event);
        door.submit(&statement, &event, None).unwrap();
        door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    }
}

#[test]
fn of_three_administrators_one_is_put_out_at_once() {
    let mut door = Door::strict();
    door.let_in(3, &["administrator"]);
    door.say(1, revoked(3, None)).unwrap();
    assert_eq!(outcome(door.say(3, withdrawn(1))), "KeyRevoked");
    // One of the two who are left needs the other again.
    door.say(1, withdrawn(2)).unwrap();
    door.empower(2, 1, enrolled(&person(20), 20, &[])).unwrap();
}

#[test]
fn whom_a_revoked_key_let_in_goes_with_the_second_persons_yes() {
    let mut door = Door::strict();
    door.let_in(3, &["administrator"]);
    door.let_in(4, &["administrator"]);
    door.time += 100;
    door.empower(3, 4, enrolled(&person(20), 20, &[])).unwrap();
    door.empower(3, 4, granted(&person(20), "developer", &["*"])).unwrap();
    door.say(20, registered("credit")).unwrap();
    let event = door.event(revoked(3, Some(NOW + 50)));
    let statement = door.sign(1, &event);
    door.submit(&statement, &event, None).unwrap();
    // The key is out at once. What it did before stands until somebody else agrees.
    assert_eq!(outcome(door.say(3, withdrawn(1))), "KeyRevoked");
    door.say(20, registered("credit/a")).unwrap();
    door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    assert_eq!(outcome(door.say(20, registered("credit/b"))), "UnknownKey");
}

#[test]
fn an_approval_ends_with_the_confirmed_compromise_of_its_key() {
    let mut world = World::approved();
    let event = world.door.event(revoked(APPROVER, Some(NOW - 99)));
    let statement = world.door.sign(1, &event);
    world.door.submit(&statement, &event, None).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world.door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}

#[test]
fn recovery_keys_enrol_persons_and_nothing_else() {
    let mut door = Door::founded(|data| {
        data["rule_set"] = json!(2);
        data["recovery"] = json!({ "threshold": 1, "keys": [key(90).public().to_string()] });
    });
    let service = enrolled(&who(73), 73, &[person(1)]);
    assert_eq!(outcome(door.admit(&ledger(), &key(90), service)), "RECOVERY_KEY_ONLY");
    assert_eq!(outcome(door.admit(&ledger(), &key(90), enrolled(&person(50), 50, &[]))), "ok");
}

#[test]
fn a_roles_policy_keeps_two_who_have_a_key() {
    let mut door = Door::strict();
    door.let_in(3, &["administrator"]);
    door.let_in(17, &["compliance"]);
    let publish = |door: &mut Door, roles: &Value| {
        let event = door.event(published("roles", "roles", roles.clone()));
        let statement = door.sign(17, &event);
        door.submit(&statement, &event, None)?;
        door.say(1, confirmed(&event, &sha256(statement.bytes())))
    };
    let mut roles: Value = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
    roles["roles"]["keeper"] = json!(["authority.*"]);
    publish(&mut door, &roles).unwrap();
    for seed in [1, 3] {
        door.empower(1, 2, granted(&person(seed), "keeper", &["*"])).unwrap();
    }
    // Two would keep the power; one of them has lost their key.
    roles["roles"]["administrator"] = json!(["authority.delegated"]);
    assert_eq!(outcome(publish(&mut door.clone(), &roles)), "ok");
    door.say(1, revoked(3, None)).unwrap();
    assert_eq!(outcome(publish(&mut door, &roles)), "NoAdministratorRole");
}

/// Who let whom in is asked for every signature: it must not take twice as long with each generation.
#[test]
fn many_generations_of_administrators_are_no_more_work_than_one() {
    let mut door = Door::strict();
    let (mut first, mut second) = (1_u8, 2_u8);
    for generation in 0..24_u8 {
        let (a, b) = (10 + 2 * generation, 11 + 2 * generation);
        for seed in [a, b] {
            door.empower(first, second, enrolled(&person(seed), seed, &[])).unwrap();
            door.empower(first, second, granted(&person(seed), "administrator", &["*"])).unwrap();
        }
        (first, second) = (a, b);
    }
}
