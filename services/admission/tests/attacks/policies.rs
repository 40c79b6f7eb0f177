//! Policies hold where those who publish and confirm them hold their roles, and nowhere else.

use serde_json::json;

use crate::scene::world::{COMPLIANCE, DEPLOYER, VALIDATOR, World, version};
use crate::{ACCOMPLICE, INTRUDER, authorizing, gate, invaded, publish, tried};

fn sandboxed(name: &str, kind: &str, content: serde_json::Value) -> serde_json::Value {
    json!({
        "type": "policy.published", "subject": { "kind": "policy", "namespace": "sandbox", "name": name },
        "data": { "kind": kind, "content": content },
    })
}

#[test]
fn officers_of_one_namespace_do_not_write_the_roles_of_the_ledger() {
    let mut world = invaded(World::registered());
    let mut roles: serde_json::Value = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
    roles["any_enrolled"] = json!(["*"]);
    assert_eq!(publish(&mut world, INTRUDER, ACCOMPLICE, sandboxed("roles", "roles", roles)), "OUT_OF_REACH");
}

#[test]
fn officers_of_one_namespace_publish_for_that_namespace_alone() {
    let signatures = json!([{ "role": "developer", "persons": 1 }]);
    let of = |namespaces: serde_json::Value| {
        sandboxed(
            "production",
            "gate",
            json!({ "namespaces": namespaces, "environments": [], "signatures": signatures }),
        )
    };
    for (namespaces, expected) in [
        (json!(["credit/*"]), "OUT_OF_REACH"),
        (json!(["*"]), "OUT_OF_REACH"),
        (json!(["sandbox", "credit"]), "OUT_OF_REACH"),
        (json!(["sandbox/*", "sandbox", "sandbox/toys"]), "ok"),
    ] {
        let mut world = invaded(World::registered());
        assert_eq!(publish(&mut world, INTRUDER, ACCOMPLICE, of(namespaces.clone())), expected, "{namespaces}");
    }
    let lifecycle = json!({
        "namespaces": ["credit"], "use_case_accepted": true, "owner_accepted": true, "classified": true,
    });
    let attributes = json!({ "namespaces": ["credit"], "fields": {} });
    for (kind, content) in [("lifecycle", lifecycle), ("attributes", attributes)] {
        let mut world = invaded(World::registered());
        let outcome = publish(&mut world, INTRUDER, ACCOMPLICE, sandboxed("mine", kind, content));
        assert_eq!(outcome, "OUT_OF_REACH", "{kind}");
    }
}

#[test]
fn both_hold_their_role_wherever_the_policy_holds() {
    // Published by an officer of all namespaces, confirmed by one of the sandbox.
    let mut world = invaded(World::registered());
    let everywhere = gate(json!({ "signatures": [{ "role": "developer", "persons": 1 }] }));
    assert_ne!(publish(&mut world, COMPLIANCE, INTRUDER, everywhere.clone()), "ok");
    let mut sandboxed = everywhere;
    sandboxed["subject"]["namespace"] = json!("sandbox");
    assert_eq!(publish(&mut world, COMPLIANCE, INTRUDER, sandboxed), "OUT_OF_REACH");
}

#[test]
fn a_later_version_of_a_policy_takes_those_who_may_change_the_earlier_one() {
    // Their namespace holds a policy for all: replaced by one for the sandbox, it would be gone elsewhere.
    let mut world = invaded(World::registered());
    let strict = json!([{ "role": "approver", "persons": 2 }]);
    let of = |namespaces: serde_json::Value| {
        sandboxed(
            "release",
            "gate",
            json!({ "namespaces": namespaces, "environments": ["production"], "signatures": strict }),
        )
    };
    assert_eq!(publish(&mut world, COMPLIANCE, 1, of(json!(["*"]))), "ok");
    assert_eq!(publish(&mut world, INTRUDER, ACCOMPLICE, of(json!(["sandbox"]))), "OUT_OF_REACH");
}

#[test]
fn a_narrower_gate_adds_to_what_a_wider_one_asks() {
    let mut world = World::registered();
    let mut narrow = gate(json!({
        "namespaces": ["credit"], "environments": [], "signatures": [{ "role": "validator", "persons": 1 }],
        "max_validity_days": 9,
    }));
    narrow["subject"]["namespace"] = json!("credit");
    assert_eq!(publish(&mut world, COMPLIANCE, 1, narrow), "ok");
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    // The wider one's approver and the narrower one's validator have to sign, both.
    world.record(crate::OWNER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let mut approval = world.approval();
    approval.as_object_mut().unwrap().remove("expires_at");
    world.answer(crate::APPROVER, "approval.granted", version("1"), "approval.requested", approval.clone());
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
    world.answer(VALIDATOR, "approval.granted", version("1"), "approval.requested", approval);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "ok");
    world.pass(10 * crate::DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing()), "GATE_CLOSED");
}
