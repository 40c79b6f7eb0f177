//! Timelines: what is in them, for whom, as of when.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_audit::AuditProjector;
use probity_audit::timeline::{self, Question};
use probity_projection::SPAN;
use probity_projection::testing::{DAY_0, ORIGIN, Scene, key_of};
use probity_proto::v1;
use probity_query::{Page, QueryError, Scope};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const ADA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01";
const BO: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";
const CI: &str = "service:ci";
const DAY: u64 = 86_400;

fn scene() -> Scene<AuditProjector> {
    Scene::new()
}

fn registered(subject: &str) -> Value {
    json!({ "type": "model.registered", "subject": subject, "data": { "purpose": "To see." } })
}

fn version(subject: &str) -> Value {
    json!({ "type": "model.version_registered", "subject": subject, "data": {} })
}

fn corrects(scene: &Scene<AuditProjector>, index: u64, subject: &str, data: Value) -> Value {
    json!({ "type": "correction.recorded", "subject": subject, "regarding": scene.id(index), "data": data })
}

fn voids(scene: &Scene<AuditProjector>, index: u64, subject: &str) -> Value {
    corrects(scene, index, subject, json!({ "kind": "voids", "reason": "It was another model." }))
}

fn about(subject: &str) -> Question {
    Question { subject: Some(subject.parse().unwrap()), ..Question::default() }
}

fn page(scene: &Scene<AuditProjector>, scope: &Scope, question: &Question) -> Vec<v1::Entered> {
    let page = Page { size: 100, after: None };
    timeline::events(scene.view(), scope, question, &page).unwrap().items
}

fn indices(scene: &Scene<AuditProjector>, question: &Question) -> Vec<u64> {
    page(scene, &Scope::Everything, question).iter().map(|event| event.index).collect()
}

#[test]
fn a_models_timeline_includes_its_versions_and_a_versions_is_its_own() {
    let mut scene = scene();
    scene.record(ADA, 0, registered("model:credit/pd"));
    scene.record(ADA, 1, version("model:credit/pd@1"));
    scene.record(ADA, 2, version("model:credit/pd@2"));
    scene.record(ADA, 3, registered("model:credit/pd-other"));
    assert_eq!(indices(&scene, &about("model:credit/pd")), [0, 1, 2]);
    assert_eq!(indices(&scene, &about("model:credit/pd@2")), [2]);
    assert_eq!(indices(&scene, &Question { descending: true, ..about("model:credit/pd") }), [2, 1, 0]);
}

#[test]
fn what_an_event_is_also_about_has_it_in_its_timeline() {
    let mut scene = scene();
    let mut event = registered("model:credit/pd");
    event["about"] = json!(["dataset:credit/loans", "model:credit/pd@7"]);
    scene.record(ADA, 0, event);
    assert_eq!(indices(&scene, &about("dataset:credit/loans")), [0]);
    assert_eq!(indices(&scene, &about("model:credit/pd@7")), [0]);
    assert_eq!(indices(&scene, &about("model:credit/pd")), [0]);
}

#[test]
fn the_history_of_a_model_is_also_what_happened_where_it_serves() {
    let mut scene = scene();
    const E: &str = "endpoint:credit/scoring";
    let said =
        |event_type: &str, subject: &str, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    scene.record(ADA, 0, registered("model:credit/pd"));
    scene.record(
        CI,
        1,
        said("deployment.requested", E, json!({ "version": "model:credit/pd@1", "environment": "production" })),
    );
    scene.record(
        CI,
        2,
        said("deployment.started", E, json!({ "version": "model:credit/pd@1", "use_case": "usecase:credit/lending" })),
    );
    scene.record(BO, 3, said("incident.declared", E, json!({ "summary": "It declines everybody." })));
    scene.record(BO, 4, said("deployment.suspended", E, json!({ "reason": "It harms.", "scope": "endpoint" })));
    scene.record(CI, 5, said("deployment.upgraded", E, json!({ "to": "model:credit/pd2@1" })));
    scene.record(BO, 6, said("deployment.stopped", E, json!({})));
    scene.record(BO, 7, said("deployment.observed", E, json!({ "how_found": "A scan." })));
    assert_eq!(indices(&scene, &about("model:credit/pd")), [0, 1, 2, 3, 4, 5]);
    assert_eq!(indices(&scene, &about("model:credit/pd@1")), [1, 2, 3, 4, 5]);
    assert_eq!(indices(&scene, &about("model:credit/pd2")), [5, 6]);
    assert_eq!(indices(&scene, &about("usecase:credit/lending")), [2, 3, 4, 5, 6, 7]);
    assert_eq!(indices(&scene, &about("model:credit/pd@2")), [0; 0]);
}

/// A ledger in which the pipeline may deploy in these namespaces.
fn founded(scene: &mut Scene<AuditProjector>, namespaces: &[&str]) {
    let public = |of: &str| {
        let bytes = key_of(of).public().to_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let kid = |of: &str| key_of(of).public().id().to_string();
    let keys = json!({ "checkpoint": public("log"), "clock": public("clock"), "receipt": public("receipt") });
    let named = json!([{ "identity": ADA, "kid": kid(ADA), "public_key": public(ADA) }]);
    let founded = json!({ "origin": ORIGIN, "rule_set": 2, "keys": keys, "administrators": named,
        "single_administrator": true });
    let roles = json!({ "administrator": ["authority.*", "policy.*"], "deployer": ["deployment.*"] });
    let content = json!({ "roles": roles, "any_enrolled": [], "readers": [] });
    let enrolled = json!({ "kind": "service", "kid": kid(CI), "public_key": public(CI),
        "possession": "00".repeat(64), "responsible": [ADA] });
    let granted = json!({ "role": "deployer", "namespaces": namespaces });
    let of =
        |event_type: &str, subject: &str, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    scene.record("ledger:ledger.test/views", 0, of("ledger.founded", "ledger:probity/ledger", founded));
    let policy = json!({ "kind": "roles", "content": content });
    scene.record("ledger:ledger.test/views", 0, of("policy.published", "policy:ledger/roles@1", policy));
    scene.record(ADA, 0, of("authority.enrolled", "identity:service/ci", enrolled));
    scene.record(ADA, 0, of("authority.role_granted", "identity:service/ci", granted));
}

#[test]
fn what_is_said_where_somebody_elses_model_serves_is_no_part_of_its_history() {
    let started = json!({ "type": "deployment.started", "subject": "endpoint:sandbox/mine",
        "data": { "version": "model:credit/pd@1" } });
    for (namespaces, is_part) in [(&["sandbox/*"][..], false), (&["sandbox/*", "credit/*"], true)] {
        let mut scene = scene();
        founded(&mut scene, namespaces);
        let registered = scene.record(ADA, 0, registered("model:credit/pd"));
        let started = scene.record(CI, 1, started.clone());
        let expected = if is_part { vec![registered, started] } else { vec![registered] };
        assert_eq!(indices(&scene, &about("model:credit/pd")), expected, "{namespaces:?}");
    }
}

#[test]
fn a_confirmation_says_what_it_confirms() {
    let mut scene = scene();
    founded(&mut scene, &["*"]);
    let granted = scene.recorded().iter().find(|it| it.event.event_type() == "authority.role_granted").unwrap();
    let (index, digest) = (granted.index, Sha256::digest(granted.statement.bytes()));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    for (subject, words) in [
        (
            "identity:service/ci",
            format!("confirmed index {index} (authority.role_granted): granted the role deployer in *"),
        ),
        ("identity:service/cd", format!("confirmed sha256:{}…", &digest[..12])),
    ] {
        let event = json!({ "type": "authority.confirmed", "subject": subject,
            "data": { "statement_digest": format!("sha256:{digest}") } });
        let confirmed = scene.record(BO, 1, event);
        let told = timeline::event(scene.view(), &Scope::Everything, confirmed).unwrap().event.unwrap();
        assert_eq!(told.summary, words);
    }
}

#[test]
fn what_is_dated_ahead_has_happened_when_it_was_recorded() {
    let mut scene = scene();
    let mut event = registered("model:credit/pd");
    event["occurred"] = json!((DAY_0 + 1_000 * DAY) * 1_000);
    scene.record(ADA, 3, event);
    let by = |day: u64| Question { at_ms: Some((DAY_0 + day * DAY) * 1_000), ..about("model:credit/pd") };
    assert_eq!(indices(&scene, &by(2)), [0; 0]);
    assert_eq!(indices(&scene, &by(4)), [0]);
}

#[test]
fn a_signers_timeline_has_what_was_signed_on_its_behalf() {
    let mut scene = scene();
    scene.record(ADA, 0, registered("model:credit/a"));
    let mut event = registered("model:credit/b");
    event["on_behalf_of"] = json!(ADA);
    scene.record(CI, 1, event);
    scene.record(CI, 2, registered("model:credit/c"));
    let by = |signer: &str| Question { signer: Some(signer.parse().unwrap()), ..Question::default() };
    assert_eq!(indices(&scene, &by(ADA)), [0, 1]);
    assert_eq!(indices(&scene, &by(CI)), [1, 2]);
    assert_eq!(indices(&scene, &by(BO)), [] as [u64; 0]);
}

#[test]
fn a_type_or_a_family_can_be_asked_for() {
    let mut scene = scene();
    scene.record(ADA, 0, registered("model:credit/a"));
    scene.record(
        ADA,
        0,
        json!({ "type": "training.failed", "subject": "model:credit/a", "data": { "cause": "data" } }),
    );
    scene.record(ADA, 0, version("model:credit/a@1"));
    scene.record(ADA, 0, registered("model:credit/b"));
    let of = |types: &str| Question { types: Some(types.parse().unwrap()), ..Question::default() };
    assert_eq!(indices(&scene, &of("model.registered")), [0, 3]);
    assert_eq!(indices(&scene, &of("model.*")), [0, 2, 3]);
    assert_eq!(indices(&scene, &Question { descending: true, ..of("model.*") }), [3, 2, 0]);
}

#[test]
fn what_is_outside_of_the_callers_namespaces_is_not_there() {
    let mut scene = scene();
    scene.record(ADA, 0, registered("model:credit/a"));
    let mut event = registered("model:fraud/b");
    event["about"] = json!(["model:credit/a"]);
    scene.record(ADA, 0, event);
    let scope = Scope::of(vec!["credit/*".parse().unwrap()]);
    let seen = |question: &Question| page(&scene, &scope, question).iter().map(|it| it.index).collect::<Vec<_>>();
    assert_eq!(seen(&Question::default()), [0]);
    assert_eq!(seen(&about("model:credit/a")), [0]);
    assert!(matches!(timeline::event(scene.view(), &scope, 1), Err(QueryError::NotFound { .. })));
    assert!(timeline::event(scene.view(), &scope, 0).is_ok());
}

#[test]
fn what_was_not_recorded_by_then_is_not_told_and_neither_are_corrections() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, registered("model:credit/a"));
    let correction = voids(&scene, event, "model:credit/a");
    scene.record(ADA, 5, correction);
    let known_by = |day: u64| {
        let question = Question { known_by: Some(DAY_0 + day * DAY), ..Question::default() };
        page(&scene, &Scope::Everything, &question)
    };
    assert!(known_by(0).is_empty());
    assert_eq!(known_by(1).len(), 1);
    assert!(known_by(1)[0].corrections.is_empty());
    assert_eq!(known_by(6).len(), 2);
    assert_eq!(known_by(6)[0].corrections[0].kind, "voids");
    let moment = Question { known_by: Some(DAY_0 + 5 * DAY + DAY / 2), ..Question::default() };
    assert_eq!(page(&scene, &Scope::Everything, &moment).len(), 2, "the moment itself is included");
}

#[test]
fn unknown_and_interval_times_are_possible_and_never_a_date() {
    let mut scene = scene();
    let at = |day: u64| (DAY_0 + day * DAY) * 1_000;
    for occurred in [json!(at(1)), json!([at(1), at(9)]), Value::Null, json!(at(9)), json!([at(8), at(9)])] {
        let mut event = registered("model:credit/a");
        event["occurred"] = occurred;
        scene.record(ADA, 20, event);
    }
    let seen = page(&scene, &Scope::Everything, &Question { at_ms: Some(at(5)), ..Question::default() });
    let seen: Vec<_> = seen.iter().map(|event| (event.index, event.happened.as_str(), event.occurred)).collect();
    let between = |earliest_ms, latest_ms| Some(v1::Occurred { earliest_ms, latest_ms });
    let expected = [(0, "yes", between(at(1), at(1))), (1, "possibly", between(at(1), at(9))), (2, "possibly", None)];
    assert_eq!(seen, expected);
}

#[test]
fn a_timeline_can_be_in_the_order_of_what_happened() {
    let mut scene = scene();
    for day in [7, 3, 5] {
        let mut event = registered("model:credit/a");
        event["occurred"] = json!((DAY_0 + day * DAY) * 1_000);
        scene.record(ADA, 10, event);
    }
    for question in [Question::default(), about("model:credit/a")] {
        let question = Question { by_occurred: true, ..question };
        assert_eq!(indices(&scene, &question), [1, 2, 0]);
        assert_eq!(indices(&scene, &Question { descending: true, ..question }), [0, 2, 1]);
    }
}

#[test]
fn only_its_issuer_corrects_a_fact_and_others_answer() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, registered("model:credit/a"));
    let correction = voids(&scene, event, "model:credit/a");
    scene.record(BO, 1, correction);
    let shown = timeline::event(scene.view(), &Scope::Everything, event).unwrap();
    assert!(shown.event.unwrap().corrections.is_empty());
    assert_eq!(shown.answers.iter().map(|answer| answer.index).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_act_is_never_corrected() {
    let mut scene = scene();
    let act = json!({ "type": "usecase.accepted", "subject": "usecase:credit/a", "data": { "rationale": "Good." } });
    let act = scene.record(ADA, 0, act);
    let correction = voids(&scene, act, "usecase:credit/a");
    scene.record(ADA, 1, correction);
    assert!(page(&scene, &Scope::Everything, &Question::default())[0].corrections.is_empty());
}

#[test]
fn an_amendment_is_shown_beside_what_it_amends() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, registered("model:credit/a"));
    let data = json!({ "kind": "amends", "field": "purpose", "old": "To see.", "new": "To hear.", "reason": "Typo." });
    let correction = corrects(&scene, event, "model:credit/a", data);
    scene.record(ADA, 1, correction);
    let shown = page(&scene, &Scope::Everything, &Question::default());
    let correction = &shown[0].corrections[0];
    assert_eq!(
        (correction.index, &*correction.kind, &*correction.field, &*correction.old, &*correction.new),
        (1, "amends", "purpose", "To see.", "To hear.")
    );
    assert!(shown[0].event_json.contains("To see."), "the original stays");
}

#[test]
fn a_correction_is_not_corrected() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, registered("model:credit/a"));
    let correction = voids(&scene, event, "model:credit/a");
    let correction = scene.record(ADA, 1, correction);
    let again = voids(&scene, correction, "model:credit/a");
    scene.record(ADA, 2, again);
    let shown = page(&scene, &Scope::Everything, &Question::default());
    assert_eq!(shown[0].corrections.len(), 1);
    assert!(shown[1].corrections.is_empty());
}

#[test]
fn what_is_about_another_subject_in_truth_is_in_both_timelines_once_that_is_known() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, version("model:credit/a@1"));
    scene.record(ADA, 1, registered("model:credit/b"));
    let data = json!({ "kind": "re-subjects", "new_subject": "model:credit/b@2", "reason": "Mixed up." });
    let correction = corrects(&scene, event, "model:credit/a", data);
    scene.record(ADA, 2, correction);
    for by_occurred in [false, true] {
        let asked = |subject: &str| indices(&scene, &Question { by_occurred, ..about(subject) });
        assert_eq!(asked("model:credit/a"), [0, 2]);
        assert_eq!(asked("model:credit/b"), [0, 1]);
        assert_eq!(asked("model:credit/b@2"), [0]);
        assert_eq!(asked("model:credit/b@3"), [] as [u64; 0]);
    }
    let before = Question { known_by: Some(DAY_0 + 2 * DAY), ..about("model:credit/b") };
    assert_eq!(indices(&scene, &before), [1]);
}

#[test]
fn nobody_but_the_issuer_moves_an_event_to_another_subject() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, registered("model:credit/a"));
    let data = json!({ "kind": "re-subjects", "new_subject": "model:credit/b", "reason": "Mixed up." });
    let correction = corrects(&scene, event, "model:credit/a", data);
    scene.record(BO, 1, correction);
    assert_eq!(indices(&scene, &about("model:credit/b")), [] as [u64; 0]);
}

#[test]
fn an_event_is_found_by_its_id_with_its_answers_and_causes() {
    let mut scene = scene();
    let cause = scene.record(ADA, 0, registered("model:credit/a"));
    let mut event = version("model:credit/a@1");
    event["causes"] = json!([scene.id(cause)]);
    let event = scene.record(ADA, 1, event);
    let answer = json!({
        "type": "evidence.attached", "subject": "model:credit/a@1", "regarding": scene.id(event),
        "data": { "document_kind": "model-card" },
    });
    scene.record(BO, 2, answer);
    let id = scene.id(event).parse().unwrap();
    let index = timeline::find(scene.view(), &Scope::Everything, &id, None).unwrap();
    let found = timeline::event(scene.view(), &Scope::Everything, index).unwrap();
    assert_eq!(index, event);
    assert_eq!(found.causes[0].index, cause);
    assert_eq!((found.answers[0].index, &*found.answers[0].summary), (2, "attached model-card"));
}

#[test]
fn long_lists_are_paged_in_both_directions_without_a_gap() {
    let mut scene = scene();
    for number in 0..300 {
        scene.record(ADA, 0, registered(if number % 2 == 0 { "model:credit/a" } else { "model:credit/b" }));
    }
    for (question, every) in [(about("model:credit/a"), 2), (Question::default(), 1)] {
        for (descending, by_occurred) in [(false, false), (true, false), (false, true), (true, true)] {
            let question = Question { descending, by_occurred, ..question.clone() };
            let mut expected: Vec<u64> = (0..300).step_by(every).collect();
            if descending {
                expected.reverse();
            }
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let page = Page::of(7, &token).unwrap();
                let page = timeline::events(scene.view(), &Scope::Everything, &question, &page).unwrap();
                seen.extend(page.items.iter().map(|event| event.index));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(seen, expected, "descending {descending}, by_occurred {by_occurred}");
        }
    }
}

#[test]
fn what_was_recorded_between_two_points_of_the_log_can_be_asked_for() {
    let mut scene = scene();
    for subject in ["model:credit/a", "model:fraud/b", "model:credit/a", "model:credit/a", "model:credit/c"] {
        scene.record(ADA, 0, registered(subject));
    }
    let between = Question { from: 1, to: Some(4), ..Question::default() };
    assert_eq!(indices(&scene, &between), [1, 2, 3]);
    assert_eq!(indices(&scene, &Question { subject: about("model:credit/a").subject, ..between.clone() }), [2, 3]);
    assert_eq!(indices(&scene, &Question { namespaces: Some("fraud".parse().unwrap()), ..between }), [1]);
}

#[test]
fn what_is_about_another_version_of_the_same_model_in_truth_is_there_once() {
    let mut scene = scene();
    let event = scene.record(ADA, 0, version("model:credit/a@1"));
    let data = json!({ "kind": "re-subjects", "new_subject": "model:credit/a@2", "reason": "Mixed up." });
    let correction = corrects(&scene, event, "model:credit/a@1", data);
    scene.record(ADA, 1, correction);
    for (descending, expected) in [(false, [0, 1]), (true, [1, 0])] {
        for by_occurred in [false, true] {
            assert_eq!(indices(&scene, &Question { descending, by_occurred, ..about("model:credit/a") }), expected);
        }
    }
}

/// Lists are cut where spans of the log end; nobody who reads one notices.
#[test]
fn lists_read_the_same_across_the_spans_in_which_they_are_kept() {
    for first in [SPAN - 1, SPAN - 20, 3 * SPAN - 33] {
        let mut scene = Scene::<AuditProjector>::beginning_at(first);
        for number in 0..60 {
            // Dated back, on dates that go to and fro.
            let mut event = registered(["model:credit/pd", "model:credit/lgd"][usize::from(number % 3 == 0)]);
            event["occurred"] = json!((DAY_0 + (number * 7) % 11 * DAY) * 1_000);
            scene.record([ADA, BO][usize::from(number % 4 == 0)], 20, event);
        }
        let of = |kept: &dyn Fn(u64) -> bool| -> Vec<(u64, u64)> {
            let recorded = scene.recorded().iter().filter(|recorded| kept(recorded.index - first));
            recorded.map(|recorded| (recorded.index, recorded.sorted_at_ms())).collect()
        };
        let questions = [
            (about("model:credit/pd"), of(&|number| number % 3 != 0)),
            (Question { signer: Some(BO.parse().unwrap()), ..Question::default() }, of(&|number| number % 4 == 0)),
            (Question { types: Some("model.registered".parse().unwrap()), ..Question::default() }, of(&|_| true)),
        ];
        for (question, all) in questions {
            let ends = [0, 1, first, first + 1, SPAN - 1, SPAN, SPAN + 1, first + 30, 3 * SPAN, first + 60];
            for (from, to) in ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to))) {
                for (descending, by_occurred) in [(false, false), (true, false), (false, true), (true, true)] {
                    let question = Question { from, to: Some(to), descending, by_occurred, ..question.clone() };
                    let mut expected: Vec<_> = all.iter().filter(|(index, _)| (from..to).contains(index)).collect();
                    if by_occurred {
                        expected.sort_by_key(|(index, at_ms)| (*at_ms, *index));
                    }
                    if descending {
                        expected.reverse();
                    }
                    let expected: Vec<u64> = expected.into_iter().map(|(index, _)| *index).collect();
                    assert_eq!(paged(&scene, &question, 7), expected, "{question:?}");
                }
            }
        }
    }
}

/// All pages, in pages of this size.
fn paged(scene: &Scene<AuditProjector>, question: &Question, size: u32) -> Vec<u64> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page::of(size, &token).unwrap();
        let page = timeline::events(scene.view(), &Scope::Everything, question, &page).unwrap();
        found.extend(page.items.iter().map(|event| event.index));
        token = page.next_page_token;
        if token.is_empty() {
            return found;
        }
    }
}
