//! Which gate policy decides, and which environments it guards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_domain::{At, Gates};
use probity_schemas::GatePolicy;
use probity_schemas::shared::Environment;
use serde_json::json;

fn policy(namespaces: &[&str], environments: &[&str], role: &str) -> GatePolicy {
    let signatures = json!([{ "role": role, "persons": 1 }]);
    let policy = json!({ "namespaces": namespaces, "environments": environments, "signatures": signatures });
    serde_json::from_value(policy).unwrap()
}

fn at(index: u64) -> At {
    At { index, time_ms: index * 1_000 }
}

/// The role that decides at the gate `production` for models of `credit/retail`, before an index.
fn decides(gates: &Gates, index: u64) -> Option<String> {
    let gate = gates.named(&"production".parse().unwrap(), &"credit/retail".parse().unwrap(), index)?;
    Some(gate.policy.signatures[0].role.to_string())
}

#[test]
fn the_policy_that_names_the_namespace_most_closely_decides_and_of_those_the_newest() {
    let mut gates = Gates::default();
    assert_eq!(decides(&gates, 9), None);
    gates.publish(&"policy:a/production@1".parse().unwrap(), &policy(&["credit/*"], &["production"], "close"), at(1));
    gates.publish(&"policy:b/production@1".parse().unwrap(), &policy(&["*"], &["production"], "wide"), at(2));
    assert_eq!(decides(&gates, 9).unwrap(), "close");
    gates.publish(&"policy:c/production@1".parse().unwrap(), &policy(&["credit/*"], &["production"], "newer"), at(3));
    assert_eq!(
        [1, 2, 3, 4].map(|index| decides(&gates, index)),
        [None, Some("close".to_owned()), Some("close".to_owned()), Some("newer".to_owned())]
    );
}

#[test]
fn a_later_version_of_a_policy_takes_the_earlier_ones_place() {
    let mut gates = Gates::default();
    gates.publish(&"policy:a/production@1".parse().unwrap(), &policy(&["credit/*"], &["production"], "first"), at(1));
    gates.publish(&"policy:a/production@2".parse().unwrap(), &policy(&["fraud/*"], &["production"], "second"), at(2));
    assert_eq!(decides(&gates, 2).unwrap(), "first");
    assert_eq!(decides(&gates, 3), None, "it is for other models now");
}

#[test]
fn every_gate_that_lists_an_environment_guards_it() {
    let mut gates = Gates::default();
    gates.publish(&"policy:a/production@1".parse().unwrap(), &policy(&["*"], &["production"], "approver"), at(1));
    gates.publish(
        &"policy:a/privacy@1".parse().unwrap(),
        &policy(&["*"], &["production", "staging"], "officer"),
        at(2),
    );
    gates.publish(&"policy:a/nothing@1".parse().unwrap(), &policy(&["*"], &[], "approver"), at(3));
    let guarding = |environment| {
        let gates = gates.guarding(environment, &"credit".parse().unwrap(), 9);
        gates.into_iter().map(|gate| gate.name().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(guarding(Environment::Production), ["privacy", "production"]);
    assert_eq!(guarding(Environment::Staging), ["privacy"]);
    assert!(guarding(Environment::Test).is_empty());
}

#[test]
fn a_gate_guards_an_environment_since_the_first_policy_of_its_name_that_does() {
    let mut gates = Gates::default();
    let since = |gates: &Gates, environment, namespace: &str| {
        gates.guards_since(&"production".parse().unwrap(), environment, &namespace.parse().unwrap())
    };
    gates.publish(&"policy:a/production@1".parse().unwrap(), &policy(&["credit/*"], &["staging"], "close"), at(2));
    gates.publish(&"policy:a/other@1".parse().unwrap(), &policy(&["*"], &["production"], "close"), at(3));
    gates.publish(&"policy:a/production@2".parse().unwrap(), &policy(&["*"], &["production"], "close"), at(5));
    gates.publish(&"policy:a/production@3".parse().unwrap(), &policy(&["*"], &["production"], "close"), at(7));
    assert_eq!(since(&gates, Environment::Production, "credit/retail"), 5_000);
    assert_eq!(since(&gates, Environment::Staging, "credit/retail"), 2_000);
}
