//! What is known of models, versions, use cases and datasets, told life by life.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_inventory::query::{self, Filter};
use probity_proto::v1::InventoryFilter;
use probity_query::{Page, QueryError};
use scenes::{ANNA, BO, CI, E, LENDING, Life, PD, all, at, digest, values, version};
use serde_json::{Value, json};

/// A model with one version that is registered and trained.
fn developed() -> Life {
    let mut life = Life::new();
    life.register(PD);
    let artifacts = json!([{ "digest": digest(1), "form": "file" }]);
    life.say("model.version_registered", &version(1), json!({ "artifacts": artifacts }));
    life.say("training.completed", PD, json!({ "produced_version": version(1), "datasets": ["dataset:credit/loans"] }));
    life
}

fn approve(life: &mut Life, version: &str) -> u64 {
    life.approve(version)
}

fn states(life: &Life) -> (String, String) {
    (life.state(PD), life.version_state(&version(1)))
}

fn both(model: &str, version: &str) -> (String, String) {
    (model.to_owned(), version.to_owned())
}

#[test]
fn a_model_and_its_version_pass_through_the_states_of_their_life() {
    let mut life = Life::new();
    life.register(PD);
    assert_eq!(life.state(PD), "registered");
    life.say("model.version_registered", &version(1), json!({}));
    assert_eq!(states(&life), both("registered", "registered"));
    life.say("training.completed", PD, json!({ "produced_version": version(1) }));
    assert_eq!(states(&life), both("trained", "trained"));
    life.say("validation.completed", &version(1), json!({ "outcome": "passed-with-conditions" }));
    assert_eq!(states(&life), both("validated", "validated"));
    approve(&mut life, &version(1));
    assert_eq!(states(&life), both("approved", "approved"));
    life.start(E, &version(1));
    assert_eq!(states(&life), both("live", "live"));
    life.say("deployment.suspended", E, json!({ "reason": "It harms.", "scope": "endpoint" }));
    assert_eq!(states(&life), both("suspended", "suspended"));
    life.say_by(BO, "deployment.resumed", E, json!({ "rationale": "It does not." }));
    assert_eq!(states(&life), both("live", "live"));
    life.say("deployment.stopped", E, json!({}));
    assert_eq!(states(&life), both("approved", "approved"));
    life.say("retirement.completed", &version(1), json!({}));
    assert_eq!(states(&life), both("registered", "retired"));
    life.say("retirement.completed", PD, json!({}));
    assert_eq!(life.state(PD), "retired");
    life.say_by(BO, "retirement.reversed", PD, json!({ "reason": "It is needed." }));
    assert_eq!(life.state(PD), "registered");
    life.say_by(BO, "retirement.reversed", &version(1), json!({ "reason": "It is needed." }));
    assert_eq!(states(&life), both("approved", "approved"));
}

#[test]
fn what_only_others_speak_of_is_unregistered() {
    let mut life = Life::new();
    life.say("training.completed", PD, json!({ "produced_version": version(1) }));
    life.say("validation.completed", &version(2), json!({ "outcome": "failed" }));
    assert_eq!(life.version_state(&version(1)), "trained");
    assert_eq!(life.version_state(&version(2)), "unregistered");
    life.say("data.withdrawn", "dataset:credit/none", json!({ "reason": "Consent." }));
    life.start(E, "model:fraud/net");
    assert_eq!(life.state("model:fraud/net"), "live");
    life.say("deployment.stopped", E, json!({}));
    assert_eq!(life.state("model:fraud/net"), "unregistered");
    assert_eq!(life.model("model:fraud/net").versions, 0, "the model as a whole is no version of it");
}

#[test]
fn a_version_that_failed_the_last_validation_is_not_validated() {
    let mut life = developed();
    life.say("validation.completed", &version(1), json!({ "outcome": "passed" }));
    let failed = life.say("validation.completed", &version(1), json!({ "outcome": "failed" }));
    assert_eq!(states(&life), both("trained", "trained"));
    assert_eq!(life.version(&version(1)).validation.unwrap().value, "failed");
    life.void(failed);
    assert_eq!(states(&life), both("validated", "validated"));
}

#[test]
fn a_version_is_approved_while_one_approval_is_not_revoked() {
    let mut life = developed();
    let (one, two) = (approve(&mut life, &version(1)), approve(&mut life, &version(1)));
    for (index, state) in [(one, "approved"), (two, "trained")] {
        let data = json!({ "$regarding": life.scene.id(index), "reason": "It drifted." });
        life.say_by(BO, "approval.revoked", &version(1), data);
        assert_eq!(life.state(PD), state);
    }
    let rejected = json!({ "gate": "production", "reason": "No." });
    life.say_by(ANNA, "approval.rejected", &version(1), rejected);
    life.say("approval.recorded_elsewhere", &version(1), json!({ "body": "The board" }));
    let shown = life.version(&version(1)).approvals;
    let shown: Vec<_> = shown.iter().map(|it| (it.gate.as_str(), it.state.as_str())).collect();
    let expected =
        [("The board", "elsewhere"), ("production", "rejected"), ("production", "revoked"), ("production", "revoked")];
    assert_eq!(shown, expected);
    assert_eq!(life.state(PD), "trained", "neither is an approval here");
}

#[test]
fn a_version_shows_what_it_consists_of_and_was_made_from() {
    let mut life = developed();
    let shown = life.version(&version(1));
    assert_eq!((shown.digests, shown.datasets), (vec![digest(1)], vec!["dataset:credit/loans".to_owned()]));
    let data = json!({
        "reference": { "provider": "acme", "name": "large", "snapshot": "2025-01-01", "pinned": true },
        "components": [
            { "role": "prompt", "digest": digest(2) },
            { "role": "base-model", "subject": "model:vendor/base@1", "digest": digest(3) },
            { "role": "tool", "reference": "calculator" },
        ],
        "parents": [version(1)],
        "code": { "commit": "abc", "digest": digest(4) },
    });
    life.say("model.version_registered", &version(2), data);
    let shown = life.version(&version(2));
    assert_eq!((shown.reference.as_str(), shown.pinned), ("acme/large@2025-01-01", true));
    assert_eq!((shown.parents, shown.code.as_str()), (vec![version(1)], "abc"));
    let parts: Vec<_> = shown.components.into_iter().map(|it| (it.role, it.what)).collect();
    let expected = [
        ("prompt".to_owned(), digest(2)),
        ("base-model".to_owned(), "model:vendor/base@1".to_owned()),
        ("tool".to_owned(), "calculator".to_owned()),
    ];
    assert_eq!(parts, expected);
    assert_eq!(life.model(PD).versions, 2);
}

#[test]
fn versions_are_listed_the_newest_first_and_by_state() {
    let mut life = developed();
    for number in 2..5 {
        life.say("model.version_registered", &version(number), json!({}));
    }
    life.start(E, &version(3));
    let listed = |state: &str| -> Vec<String> {
        let found = query::versions(life.scene.view(), PD, state, &life.scope, &all()).unwrap().items;
        found.into_iter().map(|version| version.subject).collect()
    };
    assert_eq!(listed(""), [version(4), version(3), version(2), version(1)]);
    assert_eq!(listed("registered"), [version(4), version(2)]);
    assert_eq!(listed("live"), [version(3)]);
    let none = query::versions(life.scene.view(), "model:credit/none", "", &life.scope, &all());
    assert!(matches!(none, Err(QueryError::UnknownSubject { .. })));
}

#[test]
fn there_is_one_owner_for_each_role_and_it_is_the_last() {
    let mut life = Life::new();
    life.register(PD);
    let own = |life: &mut Life, person, role: &str| {
        life.say_by(person, "model.ownership_accepted", PD, json!({ "role": role }))
    };
    own(&mut life, ANNA, "owner");
    own(&mut life, ANNA, "technical-owner");
    let last = own(&mut life, BO, "owner");
    let expected = [format!("technical-owner {ANNA}"), format!("owner {BO}")];
    assert_eq!(values(&life.model(PD).owners), expected);
    assert_eq!(life.counts("model", "owner"), [(ANNA.to_owned(), 1), (BO.to_owned(), 1)]);
    life.void_by(BO, last);
    assert_eq!(values(&life.model(PD).owners), expected, "an act is not taken back by calling it void");
    own(&mut life, BO, "technical-owner");
    assert_eq!(life.counts("model", "owner"), [(BO.to_owned(), 1)]);
}

#[test]
fn the_newest_class_of_each_framework_and_use_counts_and_is_the_uses_too() {
    let mut life = Life::new();
    life.register(PD);
    let classify = |life: &mut Life, class: &str, framework: &str, used: Value| {
        let data = match used {
            Value::Null => json!({ "class": class, "framework": framework }),
            used => json!({ "class": class, "framework": framework, "use_case": used }),
        };
        life.say("model.classified", PD, data)
    };
    classify(&mut life, "tier-2", "sr-11-7", Value::Null);
    classify(&mut life, "tier-1", "sr-11-7", Value::Null);
    classify(&mut life, "limited-risk", "eu-ai-act", Value::Null);
    let high = classify(&mut life, "high-risk", "eu-ai-act", json!(LENDING));
    let classes = |life: &Life| -> Vec<String> {
        life.model(PD).classes.into_iter().map(|class| format!("{} {}", class.class, class.use_case)).collect()
    };
    assert_eq!(classes(&life), ["tier-1 ", "limited-risk ", &format!("high-risk {LENDING}")]);
    assert_eq!(life.use_case(LENDING).classes[0].class, "high-risk");
    assert_eq!(life.counts("model", "class:eu-ai-act"), [("high-risk".into(), 1), ("limited-risk".into(), 1)]);
    assert_eq!(life.counts("model", "class:sr-11-7"), [("tier-1".to_owned(), 1)]);
    life.void(high);
    assert_eq!(classes(&life), ["tier-1 ", "limited-risk "]);
    assert!(life.use_case(LENDING).classes.is_empty());
    assert_eq!(life.counts("usecase", "class"), []);
}

#[test]
fn a_class_of_a_use_that_is_void_gives_way_to_the_one_before() {
    let mut life = Life::new();
    life.register(PD);
    let classify = |life: &mut Life, class: &str| {
        life.say("model.classified", PD, json!({ "class": class, "framework": "eu-ai-act", "use_case": LENDING }))
    };
    classify(&mut life, "limited-risk");
    let high = classify(&mut life, "high-risk");
    life.void(high);
    assert_eq!(life.model(PD).classes[0].class, "limited-risk");
    assert_eq!(life.use_case(LENDING).classes[0].class, "limited-risk");
    assert_eq!(life.counts("usecase", "class"), [("limited-risk".to_owned(), 1)]);
}

#[test]
fn amendments_change_one_field_and_those_that_are_void_change_nothing() {
    let mut life = Life::new();
    life.say(
        "model.registered",
        PD,
        json!({
            "$title": "Probability of default", "$attributes": { "cost_centre": "C1", "tier": 2 },
            "purpose": "To lend.", "kind": "ml", "supplier": "supplier:vendor/acme",
            "intended_uses": ["Loans"], "excluded_uses": ["Jobs"],
        }),
    );
    let amend = |life: &mut Life, field: &str, new: &str| {
        life.say("model.amended", PD, json!({ "field": field, "new": new, "reason": "It was wrong." }))
    };
    let kind = amend(&mut life, "kind", "statistical");
    amend(&mut life, "title", "PD");
    amend(&mut life, "purpose", "To lend well.");
    life.void(kind);
    let data = json!({ "field": "attribute", "attribute": "cost_centre", "new": "C2", "reason": "Moved." });
    life.say("model.amended", PD, data);
    life.say("model.amended", PD, json!({ "field": "attribute", "attribute": "tier", "reason": "Gone." }));
    let model = life.model(PD);
    assert_eq!((model.title.as_str(), model.purpose.as_str()), ("PD", "To lend well."));
    assert_eq!(model.supplier, "supplier:vendor/acme");
    assert_eq!(life.dossier(PD).attributes_json, r#"{"cost_centre":"C2"}"#);
    assert_eq!(
        (life.dossier(PD).intended_uses, life.dossier(PD).excluded_uses),
        (vec!["Loans".to_owned()], vec!["Jobs".to_owned()])
    );
    assert_eq!(life.counts("model", "attribute:cost_centre"), [("C2".to_owned(), 1)]);
    assert_eq!(life.counts("model", "attribute:tier"), []);
}

#[test]
fn a_long_value_of_ones_own_field_is_counted_and_found() {
    let mut life = Life::new();
    // Longer than what is indexed as it stands, alike at the beginning, and cut inside a letter.
    let long = |end: &str| format!("{}{end}", "ö".repeat(60));
    let values =
        [("a", long("one")), ("b", long("two")), ("c", long("one")), ("d", "x".repeat(97)), ("e", "x".repeat(96))];
    for (name, value) in &values {
        let subject = format!("model:credit/{name}");
        life.say("model.registered", &subject, json!({ "$attributes": { "use": value }, "purpose": "To lend." }));
    }
    let counted = life.counts("model", "attribute:use");
    let numbers: Vec<u64> = counted.iter().map(|(_, count)| *count).collect();
    assert_eq!((numbers.iter().sum::<u64>(), counted.len()), (5, 4), "{counted:?}");
    let found = |value: &str| {
        let filter = InventoryFilter { attribute: format!("use={value}"), ..InventoryFilter::default() };
        let page = Page::of(0, "").unwrap();
        let found = query::models(life.scene.view(), &Filter::of(filter).unwrap(), &life.scope, &page).unwrap();
        found.items.into_iter().map(|model| model.subject).collect::<Vec<_>>()
    };
    assert_eq!(found(&long("one")), ["model:credit/a", "model:credit/c"]);
    assert_eq!(found(&long("two")), ["model:credit/b"]);
    assert_eq!(found(&long("three")), [] as [String; 0]);
    assert_eq!(found(&"x".repeat(97)), ["model:credit/d"]);
    assert_eq!(found(&"x".repeat(96)), ["model:credit/e"]);
    // What is counted can be asked for, and fits into a line.
    for (value, count) in &counted {
        assert!(value.len() <= 96 && found(value).len() as u64 == *count, "{value}");
    }
}

#[test]
fn an_amendment_that_is_void_takes_only_its_own_change_back() {
    let mut life = Life::new();
    life.say("model.registered", PD, json!({ "purpose": "To lend.", "kind": "ml" }));
    let kind = json!({ "field": "kind", "new": "statistical", "reason": "It was wrong." });
    let kind = life.say("model.amended", PD, kind);
    life.say("model.amended", PD, json!({ "field": "title", "new": "PD", "reason": "It had none." }));
    life.void(kind);
    let model = life.model(PD);
    assert_eq!((model.title.as_str(), model.kind.as_str()), ("PD", "ml"));
}

fn propose(life: &mut Life, use_case: &str, jurisdictions: Value) -> u64 {
    let data =
        json!({ "$title": "Lending", "problem": "Who pays back?", "owner": ANNA, "jurisdictions": jurisdictions });
    life.say("usecase.proposed", use_case, data)
}

fn link(life: &mut Life, use_case: &str, model: &str, role: &str) -> u64 {
    life.say("usecase.linked", use_case, json!({ "model": model, "role": role }))
}

#[test]
fn a_use_case_passes_through_its_states_and_shows_its_newest_assessments() {
    let mut life = Life::new();
    propose(&mut life, LENDING, json!(["DE"]));
    assert_eq!(life.use_case(LENDING).state, "proposed");
    life.say("usecase.assessed", LENDING, json!({ "kind": "privacy", "outcome": "failed" }));
    life.say("usecase.assessed", LENDING, json!({ "kind": "legal" }));
    let passed = life.say("usecase.assessed", LENDING, json!({ "kind": "privacy", "outcome": "passed" }));
    assert_eq!(values(&life.use_case(LENDING).assessments), ["legal", "privacy passed"]);
    life.void(passed);
    assert_eq!(values(&life.use_case(LENDING).assessments), ["privacy failed", "legal"]);
    life.say_by(BO, "usecase.accepted", LENDING, json!({ "rationale": "It pays." }));
    assert_eq!(life.use_case(LENDING).state, "accepted");
    life.say_by(BO, "usecase.retired", LENDING, json!({ "reason": "It does not." }));
    assert_eq!(life.use_case(LENDING).state, "retired");
    let shown = life.use_case(LENDING);
    assert_eq!((shown.title.as_str(), shown.owner.unwrap().value.as_str()), ("Lending", ANNA));
    link(&mut life, "usecase:credit/other", PD, "primary");
    assert_eq!(life.use_case("usecase:credit/other").state, "unregistered");
    life.say_by(BO, "usecase.declined", "usecase:credit/other", json!({ "rationale": "No." }));
    assert_eq!(life.use_case("usecase:credit/other").state, "declined");
}

#[test]
fn a_model_is_found_by_the_jurisdictions_of_its_uses_as_they_are_now() {
    let mut life = Life::new();
    life.register(PD);
    link(&mut life, LENDING, &version(1), "primary");
    assert_eq!(life.model(PD).use_cases, [LENDING]);
    assert!(life.model(PD).jurisdictions.is_empty());
    let first = propose(&mut life, LENDING, json!(["DE", "FR"]));
    assert_eq!(life.model(PD).jurisdictions, ["DE", "FR"]);
    assert_eq!(life.counts("model", "jurisdiction"), [("DE".to_owned(), 1), ("FR".to_owned(), 1)]);
    let second = propose(&mut life, LENDING, json!(["AT"]));
    assert_eq!(life.counts("model", "jurisdiction"), [("AT".to_owned(), 1)]);
    life.void(second);
    assert_eq!(life.model(PD).jurisdictions, ["DE", "FR"]);
    life.void(first);
    assert_eq!(life.counts("model", "jurisdiction"), []);
    assert_eq!(life.counts("model", "namespace"), [("credit".to_owned(), 1)], "a version is no model");
}

#[test]
fn a_link_that_is_void_gives_way_to_the_one_before() {
    let mut life = Life::new();
    life.register(PD);
    link(&mut life, LENDING, PD, "challenger");
    let later = link(&mut life, LENDING, PD, "primary");
    let roles =
        |life: &Life| -> Vec<String> { life.use_case(LENDING).models.into_iter().map(|linked| linked.role).collect() };
    assert_eq!(roles(&life), ["primary"]);
    assert_eq!(life.model(PD).use_cases, [LENDING]);
    life.void_by(BO, later);
    assert_eq!(roles(&life), ["primary"], "somebody else's fact stays");
    life.void(later);
    assert_eq!(roles(&life), ["challenger"]);
    assert_eq!(life.model(PD).use_cases, [LENDING]);
}

#[test]
fn links_and_dependencies_are_in_the_dossier_until_they_end_or_are_void() {
    let mut life = Life::new();
    life.register(PD);
    life.say("model.linked", PD, json!({ "other": "model:credit/old", "relation": "renamed-from" }));
    let declare = |life: &mut Life, data: Value| life.say("dependency.declared", PD, data);
    let one =
        declare(&mut life, json!({ "direction": "upstream", "kind": "dataset", "other": "dataset:credit/loans" }));
    let two = declare(&mut life, json!({ "direction": "consumer", "kind": "report", "reference": "Risk report" }));
    declare(&mut life, json!({ "direction": "consumer", "kind": "service", "description": "Somebody" }));
    let shown = |life: &Life| -> Vec<String> {
        life.dossier(PD)
            .dependencies
            .into_iter()
            .map(|it| format!("{} {} {}", it.direction, it.kind, it.what))
            .collect()
    };
    assert_eq!(values(&life.dossier(PD).links), ["renamed-from model:credit/old"]);
    let expected =
        ["upstream dataset dataset:credit/loans", "consumer report Risk report", "consumer service Somebody"];
    assert_eq!(shown(&life), expected);
    life.answer("dependency.ended", PD, one, json!({}));
    life.void(two);
    assert_eq!(shown(&life), expected[2..]);
}

#[test]
fn a_dataset_is_registered_until_it_is_withdrawn() {
    let mut life = Life::new();
    let loans = "dataset:credit/loans";
    let data = json!({ "description": "Loans", "kind": "raw", "digest": digest(1), "personal_data": "personal" });
    life.say("data.registered", loans, data);
    let dataset = |life: &Life| {
        query::datasets(life.scene.view(), &Filter::default(), &life.scope, &all()).unwrap().items.remove(0)
    };
    assert_eq!((dataset(&life).state.as_str(), dataset(&life).title.as_str()), ("registered", "Loans"));
    assert_eq!((dataset(&life).personal_data.as_str(), dataset(&life).digest), ("personal", digest(1)));
    let withdrawn = life.say("data.withdrawn", loans, json!({ "reason": "Consent." }));
    assert_eq!(dataset(&life).state, "withdrawn");
    let filter = |state| Filter::by("", &[("state", state)]).unwrap();
    let listed = |life: &Life, state| query::datasets(life.scene.view(), &filter(state), &life.scope, &all()).unwrap();
    assert_eq!((listed(&life, "withdrawn").items.len(), listed(&life, "registered").items.len()), (1, 0));
    life.void(withdrawn);
    assert_eq!(dataset(&life).state, "registered");
    assert_eq!((listed(&life, "withdrawn").items.len(), listed(&life, "registered").items.len()), (0, 1));
}

#[test]
fn whatever_is_said_of_a_model_is_activity_and_what_is_late_is_not_the_last() {
    let mut life = developed();
    assert_eq!(life.model(PD).last_activity_ms, at(2));
    life.say("risk.assessed", PD, json!({ "kind": "model" }));
    assert_eq!(life.model(PD).last_activity_ms, at(3));
    life.say("validation.completed", &version(1), json!({ "$occurred": at(0), "outcome": "passed" }));
    assert_eq!(life.model(PD).last_activity_ms, at(3));
    life.start(E, &version(1));
    assert_eq!((life.model(PD).last_activity_ms, life.version(&version(1)).last_activity_ms), (at(5), at(5)));
}

#[test]
fn an_answer_cites_the_statements_it_rests_on_and_who_made_them() {
    let mut life = Life::new();
    let registered = life.register(PD);
    life.say_by(ANNA, "model.ownership_accepted", PD, json!({ "role": "owner" }));
    let owner = life.say_by(BO, "model.ownership_accepted", PD, json!({ "role": "owner" }));
    let class = life.say("model.classified", PD, json!({ "class": "tier-1", "framework": "sr-11-7" }));
    assert_eq!(life.model(PD).indices, [registered, owner, class]);
    let source = life.model(PD).owners.remove(0).source.unwrap();
    assert_eq!((source.index, source.signer.as_str()), (owner, BO));
    let source = life.model(PD).classes.remove(0).source.unwrap();
    assert_eq!((source.signer.as_str(), source.provenance.as_str()), (CI, "signed"));
    life.void(registered);
    assert_eq!(life.state(PD), "unregistered");
    assert_eq!(life.model(PD).indices, [owner, class]);
}

#[test]
fn a_version_that_is_registered_again_with_another_digest_shows_both() {
    let mut life = developed();
    assert!(life.version(&version(1)).conflicting_digests.is_empty());
    let artifacts = json!([{ "digest": digest(2), "form": "file" }]);
    life.say("model.version_registered", &version(1), json!({ "artifacts": artifacts }));
    let shown = life.version(&version(1));
    assert_eq!((shown.digests, shown.conflicting_digests), (vec![digest(2)], vec![digest(1)]));
}

const SHARED: &str = "01943ad7-aa80-7000-889c-b25826563124";

#[test]
fn of_two_signers_who_use_one_id_each_takes_back_their_own() {
    let mut life = Life::new();
    life.register(PD);
    let class = |class: &str| json!({ "$id": SHARED, "framework": "eu-ai-act", "class": class });
    life.say_by(CI, "model.classified", PD, class("high-risk"));
    let other = life.say_by(BO, "model.classified", PD, class("limited-risk"));
    life.void_by(BO, other);
    assert_eq!(life.model(PD).classes.iter().map(|class| &*class.class).collect::<Vec<_>>(), ["high-risk"]);
    life.void_by(ANNA, other);
    assert_eq!(life.model(PD).classes.len(), 1, "whoever said nothing under the id has nothing to take back");
    life.void_by(CI, other);
    assert!(life.model(PD).classes.is_empty());
}

#[test]
fn who_uses_the_id_of_an_issue_again_takes_no_answers_from_it() {
    let mut life = Life::new();
    life.register(PD);
    life.say_by(BO, "concern.raised", PD, json!({ "$id": SHARED, "concern": "Why?" }));
    let issue = life.say_by(CI, "issue.opened", PD, json!({ "$id": SHARED, "title": "It drifts." }));
    let again = life.say_by(ANNA, "issue.opened", PD, json!({ "$id": SHARED, "title": "It does not." }));
    assert_eq!(life.model(PD).open_issues, 2);
    life.answer("issue.resolved", PD, again, json!({ "resolution": "Done." }));
    let wanted = query::Problems { open: Some(true), ..query::Problems::default() };
    let open = query::problems(life.scene.view(), &wanted, &life.scope, &all()).unwrap().items;
    assert_eq!(open.iter().map(|it| it.indices[0]).collect::<Vec<_>>(), [again], "not {issue}, which came first");
}

#[test]
fn a_model_that_is_amended_over_and_over_takes_no_more_room_than_what_is_said_of_it() {
    let mut life = Life::new();
    // As large as a statement can be, and amended in a few words.
    let field = |number: usize| (format!("field_{number:03}"), Value::from("x".repeat(400)));
    let attributes: serde_json::Map<String, Value> = (0..100).map(field).collect();
    life.say("model.registered", PD, json!({ "$attributes": attributes, "purpose": "To lend." }));
    let bytes = |life: &Life| -> usize {
        life.scene.view().scan(&[]).map(|pair| pair.unwrap()).map(|(key, value)| key.len() + value.len()).sum()
    };
    let before = bytes(&life);
    for number in 0..200 {
        let data =
            json!({ "field": "attribute", "attribute": "owner", "new": format!("{number}"), "reason": "Moved." });
        life.say("model.amended", PD, data);
    }
    // Each is kept by itself, in so many bytes; a copy of the registration would take 40,000.
    assert!(bytes(&life) - before < 200 * 300, "{} bytes", bytes(&life) - before);
    assert!(life.dossier(PD).attributes_json.contains(r#""owner":"199""#));
    // More than the view keeps of ones own fields is in the log.
    for number in 0..200 {
        let new = "y".repeat(400);
        let data =
            json!({ "field": "attribute", "attribute": format!("more_{number:03}"), "new": new, "reason": "More." });
        life.say("model.amended", PD, data);
    }
    assert!(life.dossier(PD).attributes_json.len() <= 64 << 10);
}

#[test]
fn what_is_in_a_list_or_an_object_of_ones_own_fields_is_counted_and_found() {
    let mut life = Life::new();
    for (name, own) in [
        ("a", json!({ "tags": ["retail", "retail", "pilot"], "risk": { "level": "high", "by": { "year": 2026 } } })),
        ("b", json!({ "tags": ["pilot", 7], "risk": { "level": "low" } })),
        ("c", json!({ "tags": "retail", "rows": [{ "id": "x" }, { "id": "y" }] })),
        ("d", json!({ "tags": (0..1_000).map(|n| format!("t{n}")).collect::<Vec<_>>() })),
    ] {
        let subject = format!("model:credit/{name}");
        life.say("model.registered", &subject, json!({ "$attributes": own, "purpose": "To lend." }));
    }
    let counted = |by: &str| {
        let counted = life.counts("model", &format!("attribute:{by}")).into_iter();
        counted.filter(|(value, _)| !value.starts_with('t')).collect::<Vec<_>>()
    };
    let of = |value: &str, count: u64| (value.to_owned(), count);
    assert_eq!(counted("tags"), [of("7", 1), of("pilot", 2), of("retail", 2)]);
    assert_eq!(counted("risk.level"), [of("high", 1), of("low", 1)]);
    assert_eq!(counted("risk.by.year"), [of("2026", 1)]);
    assert_eq!(counted("rows.id"), [of("x", 1), of("y", 1)]);
    assert_eq!(counted("risk"), []);
    // One that has too many is found by some of them.
    assert!((100..300).contains(&life.counts("model", "attribute:tags").len()));
    let filter = InventoryFilter { attribute: "tags=retail".to_owned(), ..InventoryFilter::default() };
    let page = Page::of(0, "").unwrap();
    let found = query::models(life.scene.view(), &Filter::of(filter).unwrap(), &life.scope, &page).unwrap();
    let found: Vec<_> = found.items.into_iter().map(|model| model.subject).collect();
    assert_eq!(found, ["model:credit/a", "model:credit/c"]);
}
