//! Which version decided at a moment, as known by another.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_audit::{AuditProjector, serving};
use probity_projection::testing::{DAY_0, Scene};
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use serde_json::{Value, json};

const CI: &str = "service:ci";
const BO: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";
const DAY: u64 = 86_400;
const E: &str = "endpoint:credit/scoring";

fn at(day: u64) -> u64 {
    (DAY_0 + day * DAY) * 1_000
}

fn scene() -> Scene<AuditProjector> {
    Scene::new()
}

fn started(endpoint: &str, version: &str, occurred: Value) -> Value {
    let data = json!({ "version": version, "environment": "production", "use_case": "usecase:credit/lending" });
    json!({ "type": "deployment.started", "subject": endpoint, "occurred": occurred, "data": data })
}

fn corrected(scene: &Scene<AuditProjector>, index: u64, data: Value) -> Value {
    json!({ "type": "correction.recorded", "subject": E, "regarding": scene.id(index), "data": data })
}

fn served(scene: &Scene<AuditProjector>, subject: &str, day: u64, known_by: Option<u64>) -> Vec<v1::Served> {
    let known_by = known_by.map(|day| DAY_0 + day * DAY);
    serving::at(scene.view(), &Scope::Everything, &subject.parse().unwrap(), at(day), known_by).unwrap()
}

fn versions(served: &[v1::Served]) -> Vec<(&str, &str)> {
    served.iter().map(|served| (served.version.as_str(), served.certainty.as_str())).collect()
}

#[test]
fn the_version_that_decided_at_a_moment_is_named_with_what_that_rests_on() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    scene.record(CI, 5, started(E, "model:credit/pd@2", json!(at(5))));
    assert_eq!(versions(&served(&scene, E, 3, None)), [("model:credit/pd@1", "certain")]);
    let now = served(&scene, E, 6, None);
    assert_eq!(versions(&now), [("model:credit/pd@2", "certain")]);
    assert_eq!((&*now[0].environment, &*now[0].exposure, &now[0].indices[..]), ("production", "live", &[1][..]));
    assert!(served(&scene, E, 0, None).is_empty());
}

#[test]
fn what_was_recorded_late_was_not_known_before() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    scene.record(CI, 30, started(E, "model:credit/pd@2", json!(at(2))));
    assert_eq!(versions(&served(&scene, E, 10, Some(10))), [("model:credit/pd@1", "certain")]);
    assert_eq!(versions(&served(&scene, E, 10, None)), [("model:credit/pd@2", "certain")]);
}

#[test]
fn steps_are_folded_in_the_order_of_their_moments() {
    let mut scene = scene();
    scene.record(CI, 8, started(E, "model:credit/pd@2", json!(at(5))));
    scene.record(CI, 9, started(E, "model:credit/pd@1", json!(at(1))));
    assert_eq!(versions(&served(&scene, E, 10, None)), [("model:credit/pd@2", "certain")]);
}

#[test]
fn where_an_interval_leaves_it_open_both_are_possible() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    scene.record(CI, 9, started(E, "model:credit/pd@2", json!([at(4), at(8)])));
    let open = [("model:credit/pd@1", "possible"), ("model:credit/pd@2", "possible")];
    assert_eq!(versions(&served(&scene, E, 3, None)), [("model:credit/pd@1", "certain")]);
    assert_eq!(versions(&served(&scene, E, 6, None)), open);
    assert_eq!(versions(&served(&scene, E, 9, None)), [("model:credit/pd@2", "certain")]);
}

#[test]
fn what_started_nobody_knows_when_is_possible_at_any_moment_before_it_was_recorded_and_certain_from_then_on() {
    let mut scene = scene();
    scene.record(CI, 9, started(E, "model:credit/pd@2", Value::Null));
    assert_eq!(versions(&served(&scene, E, 2, None)), [("model:credit/pd@2", "possible")]);
    assert_eq!(versions(&served(&scene, E, 10, None)), [("model:credit/pd@2", "certain")]);
}

#[test]
fn a_voided_start_does_not_count_unless_nobody_knew_yet() {
    let mut scene = scene();
    let start = scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    let correction = corrected(&scene, start, json!({ "kind": "voids", "reason": "It never came up." }));
    scene.record(BO, 2, correction.clone());
    assert_eq!(versions(&served(&scene, E, 9, None)), [("model:credit/pd@1", "certain")], "not its issuer");
    scene.record(
        CI,
        5,
        json!({ "id": "01943ad7-aa80-7000-889c-b25826563124", "type": correction["type"],
        "subject": E, "regarding": correction["regarding"], "data": correction["data"] }),
    );
    assert!(served(&scene, E, 9, None).is_empty());
    assert_eq!(versions(&served(&scene, E, 9, Some(3))), [("model:credit/pd@1", "certain")]);
}

#[test]
fn a_start_at_another_endpoint_in_truth_counts_there_once_it_is_recorded_there() {
    let mut scene = scene();
    let start = scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    let data = json!({ "kind": "re-subjects", "new_subject": "endpoint:credit/batch", "reason": "Mixed up." });
    let correction = corrected(&scene, start, data);
    scene.record(CI, 5, correction);
    assert!(served(&scene, E, 9, None).is_empty());
    assert!(served(&scene, "model:credit/pd", 9, None).is_empty());
    scene.record(CI, 5, started("endpoint:credit/batch", "model:credit/pd@1", json!(at(1))));
    assert_eq!(versions(&served(&scene, "endpoint:credit/batch", 9, None)), [("model:credit/pd@1", "certain")]);
    let of_model = served(&scene, "model:credit/pd", 9, None);
    assert_eq!(of_model.iter().map(|served| &*served.endpoint).collect::<Vec<_>>(), ["endpoint:credit/batch"]);
}

#[test]
fn a_model_a_version_and_a_use_case_are_asked_for_at_all_their_endpoints() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    scene.record(CI, 1, started("endpoint:credit/batch", "model:credit/pd@2", json!(at(1))));
    scene.record(CI, 1, started("endpoint:credit/other", "model:credit/lgd@1", json!(at(1))));
    let both = [("model:credit/pd@2", "certain"), ("model:credit/pd@1", "certain")];
    assert_eq!(versions(&served(&scene, "model:credit/pd", 2, None)), both);
    assert_eq!(versions(&served(&scene, "model:credit/pd@1", 2, None)), both[1..]);
    assert_eq!(served(&scene, "usecase:credit/lending", 2, None).len(), 3);
}

#[test]
fn an_emergency_stop_is_shown_as_such() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:credit/pd@1", json!(at(1))));
    let stop = json!({ "type": "deployment.suspended", "subject": E, "occurred": at(2),
        "data": { "reason": "It harms.", "scope": "endpoint" } });
    scene.record(CI, 2, stop);
    let suspended = served(&scene, E, 3, None);
    assert_eq!(versions(&suspended), [("model:credit/pd@1", "certain")]);
    assert!(suspended[0].suspended);
    assert!(!served(&scene, E, 1, None)[0].suspended);
}

#[test]
fn an_endpoint_nobody_spoke_of_or_outside_of_the_namespaces_is_not_there() {
    let mut scene = scene();
    scene.record(CI, 1, started(E, "model:fraud/pd@1", json!(at(1))));
    let ask = |scope: &Scope, subject: &str| serving::at(scene.view(), scope, &subject.parse().unwrap(), at(2), None);
    let fraud = Scope::of(vec!["fraud".parse().unwrap()]);
    assert!(matches!(ask(&Scope::Everything, "endpoint:credit/none"), Err(QueryError::UnknownSubject { .. })));
    assert!(matches!(ask(&fraud, E), Err(QueryError::UnknownSubject { .. })));
    assert!(matches!(ask(&Scope::Everything, "dataset:credit/a"), Err(QueryError::Invalid { .. })));
    assert!(!matches!(ask(&fraud, "model:fraud/pd"), Ok(served) if !served.is_empty()));
}
