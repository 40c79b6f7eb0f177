//! What changed between two versions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;

use probity_audit::{AuditProjector, versions};
use probity_projection::testing::Scene;
use probity_query::{QueryError, Scope};
use serde_json::{Value, json};

const CI: &str = "service:ci";
const OLD: &str = "model:credit/pd@1";
const NEW: &str = "model:credit/pd@2";

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn scene() -> Scene<AuditProjector> {
    let mut scene = Scene::new();
    let registered = |version: &str, letter: char, commit: &str| {
        let data = json!({
            "artifacts": [{ "digest": digest(letter), "form": "file" }],
            "code": { "repository": "https://git.example/pd", "commit": commit },
        });
        json!({ "type": "model.version_registered", "subject": version, "data": data })
    };
    scene.record(CI, 0, registered(OLD, 'a', "one"));
    scene.record(CI, 1, registered(NEW, 'b', "two"));
    scene
}

fn trained(version: &str, auc: f64) -> Value {
    let data = json!({ "produced_version": version, "run_id": format!("run {version}"), "seed": 7,
        "metrics": [{ "name": "auc", "value": auc }] });
    json!({ "type": "training.completed", "subject": "model:credit/pd", "data": data })
}

fn corrected(scene: &Scene<AuditProjector>, index: u64, data: Value) -> Value {
    json!({ "type": "correction.recorded", "subject": "model:credit/pd", "regarding": scene.id(index), "data": data })
}

fn compare(scene: &Scene<AuditProjector>) -> (BTreeMap<String, (String, String)>, Vec<u64>) {
    let (from, to) = (OLD.parse().unwrap(), NEW.parse().unwrap());
    let (differences, indices) = versions::compare(scene.view(), &Scope::Everything, &from, &to).unwrap();
    (differences.into_iter().map(|it| (it.field, (it.from, it.to))).collect(), indices)
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn artefacts_and_code_are_compared_and_what_is_the_same_is_left_out() {
    let scene = scene();
    let (differences, indices) = compare(&scene);
    assert_eq!(differences["code.commit"], pair("one", "two"));
    assert!(differences["artifacts"].0.contains(&digest('a')) && differences["artifacts"].1.contains(&digest('b')));
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert_eq!(indices, [0, 1]);
}

#[test]
fn trainings_and_validations_are_compared_metric_by_metric() {
    let mut scene = scene();
    scene.record(CI, 2, trained(OLD, 0.7));
    scene.record(CI, 3, trained(NEW, 0.8));
    let validated = json!({ "type": "validation.completed", "subject": NEW,
        "data": { "outcome": "passed", "metrics": [{ "name": "ratio", "value": 0.9, "slice": "age 18-25" }] } });
    scene.record(CI, 4, validated);
    let (differences, indices) = compare(&scene);
    assert_eq!(differences["training.metrics.auc"], pair("0.7", "0.8"));
    assert_eq!(differences["validation.outcome"], pair("", "passed"));
    assert_eq!(differences["validation.metrics.ratio [age 18-25]"], pair("", "0.9"));
    assert!(!differences.keys().any(|field| field.contains("run_id") || field.contains("produced_version")));
    assert_eq!(indices, [0, 1, 2, 3, 4]);
}

#[test]
fn the_training_that_a_registration_names_is_the_one() {
    let mut scene = scene();
    let run = scene.record(
        CI,
        2,
        json!({ "type": "training.completed", "subject": "model:credit/pd", "data": { "seed": 9 } }),
    );
    scene.record(CI, 3, trained(NEW, 0.8));
    let again =
        json!({ "type": "model.version_registered", "subject": NEW, "data": { "training_run": scene.id(run) } });
    scene.record(CI, 4, again);
    let (differences, _) = compare(&scene);
    assert_eq!(differences["training.seed"], pair("", "9"));
    assert!(!differences.contains_key("training.metrics.auc"));
}

#[test]
fn a_voided_fact_is_left_out_and_an_amended_one_says_what_it_should_have_said() {
    let mut scene = scene();
    let old = scene.record(CI, 2, trained(OLD, 0.7));
    let new = scene.record(CI, 3, trained(NEW, 0.8));
    let amends = json!({ "kind": "amends", "field": "data.seed", "old": "7", "new": "8", "reason": "Typo." });
    let correction = corrected(&scene, new, amends.clone());
    let correction = scene.record(CI, 4, correction);
    let (differences, indices) = compare(&scene);
    assert_eq!(differences["training.seed"], pair("7", "8"));
    assert!(indices.contains(&correction), "the correction is cited");
    let voids = corrected(&scene, old, json!({ "kind": "voids", "reason": "It failed." }));
    scene.record(CI, 5, voids);
    let (differences, indices) = compare(&scene);
    assert_eq!(differences["training.metrics.auc"], pair("", "0.8"));
    assert!(!indices.contains(&old));
}

#[test]
fn a_fact_about_another_version_in_truth_is_its() {
    let mut scene = scene();
    let validated = json!({ "type": "validation.completed", "subject": OLD, "data": { "outcome": "failed" } });
    let validated = scene.record(CI, 2, validated);
    let data = json!({ "kind": "re-subjects", "new_subject": NEW, "reason": "Mixed up." });
    let correction = corrected(&scene, validated, data);
    scene.record(CI, 3, correction);
    let (differences, _) = compare(&scene);
    assert_eq!(differences["validation.outcome"], pair("", "failed"));
}

#[test]
fn a_version_nobody_spoke_of_is_not_there() {
    let scene = scene();
    let ask = |to: &str| {
        let (from, to) = (OLD.parse().unwrap(), to.parse().unwrap());
        versions::compare(scene.view(), &Scope::Everything, &from, &to)
    };
    assert!(matches!(ask("model:credit/pd@9"), Err(QueryError::UnknownSubject { .. })));
    assert!(matches!(ask("model:credit/none@1"), Err(QueryError::UnknownSubject { .. })));
}
