//! Timelines and serving over random histories, held against a plain list of what was recorded.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;

use probity_audit::timeline::{self, Question};
use probity_audit::{AuditProjector, serving};
use probity_domain::ids::model_of;
use probity_domain::serving::{Serving, Step};
use probity_projection::testing::{DAY_0, Scene};
use probity_projection::{Projector, Recorded};
use probity_query::{Page, Scope};
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::{Data, EventId, Subject, SubjectKind};
use proptest::prelude::*;
use serde_json::{Value, json};

const SIGNERS: [&str; 3] = ["service:ci", "service:cd", "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01"];
const ENDPOINTS: [&str; 3] = ["endpoint:credit/one", "endpoint:credit/two", "endpoint:fraud/three"];
const SUBJECTS: [&str; 6] = [
    "model:credit/pd",
    "model:credit/pd@1",
    "model:credit/pd@2",
    "model:fraud/net@1",
    "endpoint:credit/one",
    "usecase:credit/lending",
];
const DAY: u64 = 86_400;

/// What is drawn for one statement; the fields that a kind does not need are left alone.
#[derive(Debug, Clone)]
struct Drawn {
    kind: u8,
    signer: usize,
    behalf: Option<usize>,
    one: usize,
    other: usize,
    target: usize,
    /// Days, relative to the first: `None` for an unknown time.
    occurred: Option<(u64, u64)>,
    /// Days after the statement before.
    later: u64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let behalf = proptest::option::weighted(0.2, 0..SIGNERS.len());
    let occurred = proptest::option::weighted(0.8, (0..40u64, prop_oneof![3 => Just(0), 2 => 1..12u64]));
    (0..11u8, 0..SIGNERS.len(), behalf, 0..60usize, 0..60usize, 0..60usize, occurred, 0..3u64).prop_map(
        |(kind, signer, behalf, one, other, target, occurred, later)| Drawn {
            kind,
            signer,
            behalf,
            one,
            other,
            target,
            occurred,
            later,
        },
    )
}

fn at(day: u64) -> u64 {
    (DAY_0 + day * DAY) * 1_000
}

fn pick<'a>(from: &[&'a str], at: usize) -> &'a str {
    from[at % from.len()]
}

fn event(drawn: &Drawn, scene: &Scene<AuditProjector>) -> Value {
    let versions = [SUBJECTS[1], SUBJECTS[2], SUBJECTS[3]];
    let endpoint = pick(&ENDPOINTS, drawn.one);
    let version = pick(&versions, drawn.other);
    let of =
        |event_type: &str, subject: &str, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    let mut event = match drawn.kind {
        0 | 1 => {
            let exposure = ["live", "live", "canary", "shadow"][drawn.target % 4];
            let data = json!({ "version": version, "exposure": exposure, "use_case": "usecase:credit/lending" });
            of("deployment.started", endpoint, data)
        }
        2 => of(
            "deployment.stopped",
            endpoint,
            match drawn.target % 2 {
                0 => json!({}),
                _ => json!({ "version": version }),
            },
        ),
        3 => of("deployment.upgraded", endpoint, json!({ "to": version })),
        4 => of("deployment.suspended", endpoint, json!({ "reason": "It harms.", "scope": "endpoint" })),
        5..=7 if !scene.recorded().is_empty() => {
            let target = &scene.recorded()[drawn.target % scene.recorded().len()];
            let data = match drawn.kind {
                5 => json!({ "kind": "voids", "reason": "No." }),
                6 => json!({ "kind": "amends", "field": "reason", "reason": "No." }),
                _ if target.event.event_type().starts_with("deployment") => {
                    json!({ "kind": "re-subjects", "new_subject": endpoint, "reason": "No." })
                }
                _ => json!({ "kind": "re-subjects", "new_subject": pick(&SUBJECTS, drawn.one), "reason": "No." }),
            };
            let mut event = of("correction.recorded", &target.event.subject.to_string(), data);
            event["regarding"] = json!(target.event.id.to_string());
            event
        }
        8 => of("model.version_registered", version, json!({})),
        9 => of("evidence.attached", pick(&SUBJECTS, drawn.one), json!({ "document_kind": "card" })),
        _ => of("model.registered", pick(&SUBJECTS[..4], drawn.one), json!({ "purpose": "To see." })),
    };
    if drawn.target.is_multiple_of(5) {
        event["about"] = json!([pick(&SUBJECTS, drawn.other)]);
    }
    if let Some(behalf) = drawn.behalf {
        event["on_behalf_of"] = json!(SIGNERS[behalf]);
    }
    event["occurred"] = match drawn.occurred {
        None => Value::Null,
        Some((day, 0)) => json!(at(day)),
        Some((day, length)) => json!([at(day), at(day + length)]),
    };
    event
}

/// Plain answers: everything is gone through, nothing is kept.
struct Oracle<'a>(&'a [Recorded]);

impl Oracle<'_> {
    fn known(&self, known_by: Option<u64>) -> usize {
        self.0.iter().filter(|recorded| known_by.is_none_or(|known_by| recorded.recorded_at <= known_by)).count()
    }

    /// The corrections of an event that count.
    fn corrections(&self, of: &Recorded, known: usize) -> Vec<&Recorded> {
        let own = |it: &&Recorded| {
            it.event.regarding == Some(of.event.id)
                && it.statement.issuer() == of.statement.issuer()
                && matches!(it.event.data, Data::Correction(_))
        };
        if of.event.info().is_act() || matches!(of.event.data, Data::Correction(_)) {
            return Vec::new();
        }
        self.0[..known].iter().filter(own).collect()
    }

    fn taken_back(&self, of: &Recorded, known: usize) -> bool {
        self.corrections(of, known).iter().any(|it| says(it).0 != CorrectionKind::Amends)
    }

    fn moved(&self, of: &Recorded, known: usize) -> Vec<String> {
        self.corrections(of, known).iter().filter_map(|it| says(it).1).collect()
    }

    /// What an event concerns because it is about endpoints: what served there before or after it.
    fn concerned(&self, it: &Recorded) -> Vec<String> {
        let mut found = Vec::new();
        for endpoint in it.event.about.iter().chain([&it.event.subject]).filter(|it| it.kind == SubjectKind::Endpoint) {
            let own = self.0.iter().filter(|other| other.event.subject == *endpoint);
            for until in [it.index, it.index + 1] {
                let mut serving = Serving::default();
                for other in own.clone().filter(|other| other.index < until) {
                    let step = Step::of(&other.event, other.index, other.sorted_at_ms());
                    step.into_iter().for_each(|step| serving.step(&step));
                }
                found.extend(serving.shares.iter().map(|share| share.version.clone()).chain(serving.use_case));
            }
        }
        found
    }

    fn events(&self, question: &Question, scope: &Scope) -> Vec<(u64, &'static str, Vec<u64>)> {
        let known = self.known(question.known_by);
        let matches = |asked: &Subject, found: &str| {
            let asked = asked.to_string();
            asked == found || asked == model_of(found)
        };
        let belongs = |it: &&Recorded| {
            let mut subjects = vec![it.event.subject.to_string()];
            subjects.extend(it.event.about.iter().map(ToString::to_string));
            subjects.extend(self.moved(it, known));
            subjects.extend(self.concerned(it));
            scope.covers_subject(&it.event.subject.to_string())
                && question.subject.as_ref().is_none_or(|asked| subjects.iter().any(|found| matches(asked, found)))
                && question
                    .signer
                    .as_ref()
                    .is_none_or(|asked| it.statement.issuer() == asked || it.event.on_behalf_of.as_ref() == Some(asked))
                && question.types.as_ref().is_none_or(|asked| asked.covers(it.event.info()))
                && question.namespaces.as_ref().is_none_or(|asked| asked.covers(&it.event.subject.namespace))
        };
        let happened = |it: &Recorded| match (question.at_ms, it.event.occurred) {
            (None, _) => Some(""),
            // What is recorded has happened.
            (Some(at), _) if it.recorded_at * 1_000 <= at => Some("yes"),
            (Some(_), None) => Some("possibly"),
            (Some(at), Some(occurred)) if occurred.latest().as_ms() <= at => Some("yes"),
            (Some(at), Some(occurred)) if occurred.earliest().as_ms() <= at => Some("possibly"),
            _ => None,
        };
        let mut found: Vec<_> =
            self.0[..known].iter().filter(belongs).filter_map(|it| Some((it, happened(it)?))).collect();
        if question.by_occurred {
            found.sort_by_key(|(it, _)| (it.sorted_at_ms(), it.index));
        }
        if question.descending {
            found.reverse();
        }
        let corrections = |it| self.corrections(it, known).iter().map(|it| it.index).collect();
        found.into_iter().map(|(it, happened)| (it.index, happened, corrections(it))).collect()
    }

    fn serving(&self, endpoint: &str, at_ms: u64, known_by: Option<u64>, possible: bool) -> Serving {
        let known = self.known(known_by);
        let here = |it: &&Recorded| it.event.subject.to_string() == endpoint && !self.taken_back(it, known);
        let certain = |it: &Recorded| match it.event.occurred {
            None => it.recorded_at * 1_000 <= at_ms,
            // What is dated ahead counts from when it was recorded.
            Some(occurred) => occurred.latest().as_ms().min(it.recorded_at * 1_000) <= at_ms,
        };
        let may = |it: &Recorded| {
            it.event.occurred.is_none_or(|at| at.earliest().as_ms().min(it.recorded_at * 1_000) <= at_ms)
        };
        let happened = |it: &&Recorded| if possible { may(it) } else { certain(it) };
        let step = |it: &Recorded| Step::of(&it.event, it.index, it.sorted_at_ms());
        let mut steps: Vec<Step> = self.0[..known].iter().filter(here).filter(happened).filter_map(step).collect();
        steps.sort_by_key(|step| (step.at_ms, step.index));
        Serving::after(&steps)
    }
}

fn says(correction: &Recorded) -> (CorrectionKind, Option<String>) {
    match &correction.event.data {
        Data::Correction(CorrectionEvent::Recorded(it)) => (it.kind, it.new_subject.as_ref().map(ToString::to_string)),
        _ => unreachable!("only corrections are asked"),
    }
}

fn question() -> impl Strategy<Value = (Question, bool)> {
    let types = ["deployment.*", "model.registered", "correction.recorded", "fact:*"];
    let namespaces = ["credit", "fraud/*"];
    (
        proptest::option::weighted(0.4, 0..SUBJECTS.len()),
        proptest::option::weighted(0.3, 0..SIGNERS.len()),
        proptest::option::weighted(0.3, 0..types.len()),
        proptest::option::weighted(0.2, 0..namespaces.len()),
        proptest::option::weighted(0.4, 0..50u64),
        proptest::option::weighted(0.4, 0..60u64),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(
            move |(subject, signer, kind, namespace, at_day, known_day, (descending, by_occurred, scoped))| {
                let question = Question {
                    subject: subject.map(|it| SUBJECTS[it].parse().unwrap()),
                    signer: signer.map(|it| SIGNERS[it].parse().unwrap()),
                    types: kind.map(|it| types[it].parse().unwrap()),
                    namespaces: namespace.map(|it| namespaces[it].parse().unwrap()),
                    at_ms: at_day.map(at),
                    known_by: known_day.map(|day| DAY_0 + day * DAY),
                    descending,
                    by_occurred,
                    brief: true,
                    ..Question::default()
                };
                (question, scoped)
            },
        )
}

fn recorded(history: &[Drawn]) -> Scene<AuditProjector> {
    let mut scene = Scene::new();
    let mut day = 0;
    for drawn in history {
        day += drawn.later;
        let event = event(drawn, &scene);
        scene.record(SIGNERS[drawn.signer], day, event);
    }
    scene
}

fn all_pages(
    scene: &Scene<AuditProjector>,
    scope: &Scope,
    question: &Question,
    size: u32,
) -> Vec<(u64, String, Vec<u64>)> {
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = timeline::events(scene.view(), scope, question, &Page::of(size, &token).unwrap()).unwrap();
        assert!(page.items.len() <= size as usize);
        seen.extend(page.items.into_iter().map(|it| {
            (it.index, it.happened, it.corrections.iter().map(|correction| correction.index).collect::<Vec<_>>())
        }));
        token = page.next_page_token;
        if token.is_empty() {
            return seen;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn timelines_are_as_if_everything_were_gone_through(
        history in proptest::collection::vec(drawn(), 1..60),
        questions in proptest::collection::vec((question(), 1..9u32), 24),
    ) {
        let scene = recorded(&history);
        let oracle = Oracle(scene.recorded());
        for ((question, scoped), size) in questions {
            let scope = if scoped { Scope::of(vec!["credit/*".parse().unwrap()]) } else { Scope::Everything };
            let seen = all_pages(&scene, &scope, &question, size);
            let seen: Vec<_> = seen.iter().map(|(index, happened, by)| (*index, happened.as_str(), by.clone())).collect();
            prop_assert_eq!(seen, oracle.events(&question, &scope), "{:?}", question);
        }
    }

    #[test]
    fn what_served_is_as_if_every_step_were_folded(
        history in proptest::collection::vec(drawn(), 1..60),
        moments in proptest::collection::vec((0..50u64, proptest::option::of(0..60u64)), 12),
    ) {
        let scene = recorded(&history);
        let oracle = Oracle(scene.recorded());
        for (day, known_day) in moments {
            let known_by = known_day.map(|day| DAY_0 + day * DAY);
            let mut of_pd = BTreeSet::new();
            for endpoint in ENDPOINTS {
                let answer = serving::at(scene.view(), &Scope::Everything, &endpoint.parse().unwrap(), at(day), known_by);
                let names = |serving: &Serving| -> BTreeSet<(String, bool, String)> {
                    serving.shares.iter().map(|it| (it.version.clone(), it.suspended, it.exposure.clone())).collect()
                };
                let certain = names(&oracle.serving(endpoint, at(day), known_by, false));
                let possible = names(&oracle.serving(endpoint, at(day), known_by, true));
                let Ok(answer) = answer else {
                    prop_assert!(certain.is_empty() && possible.is_empty());
                    continue;
                };
                let told = |certainty: &str| -> BTreeSet<_> {
                    let told = answer.iter().filter(|it| it.certainty == certainty);
                    told.map(|it| (it.version.clone(), it.suspended, it.exposure.clone())).collect()
                };
                prop_assert_eq!(told("certain"), certain.intersection(&possible).cloned().collect());
                prop_assert_eq!(told("possible"), certain.symmetric_difference(&possible).cloned().collect());
                let pd = answer.iter().filter(|it| model_of(&it.version) == "model:credit/pd");
                of_pd.extend(pd.map(|it| (it.endpoint.clone(), it.version.clone(), it.certainty.clone())));
            }
            let model = serving::at(scene.view(), &Scope::Everything, &SUBJECTS[0].parse().unwrap(), at(day), known_by);
            let model = model.unwrap_or_default().into_iter().map(|it| (it.endpoint, it.version, it.certainty));
            prop_assert_eq!(model.collect::<BTreeSet<_>>(), of_pd);
        }
    }

    #[test]
    fn folding_again_in_other_groups_gives_the_same_bytes(history in proptest::collection::vec(drawn(), 1..60)) {
        let scene = recorded(&history);
        let digest = scene.view().digest().unwrap();
        for together in BTreeSet::from([1, 7, history.len()]) {
            let again = scene.fold_again(together);
            prop_assert_eq!(again.digest().unwrap(), digest, "in groups of {}", together);
        }
    }
}

#[test]
fn long_lists_have_the_same_bytes_in_other_groups_too() {
    let mut scene = Scene::<AuditProjector>::new();
    for _ in 0..400 {
        let data = json!({ "purpose": "To see." });
        scene.record(
            "service:ci",
            0,
            json!({ "type": "model.registered", "subject": "model:credit/pd", "data": data }),
        );
    }
    let digest = scene.view().digest().unwrap();
    for together in [1, 7, 127, 128, 129, 400] {
        assert_eq!(scene.fold_again(together).digest().unwrap(), digest, "in groups of {together}");
    }
}

#[test]
fn ids_that_several_signers_used_name_no_event_by_themselves_and_are_corrected_by_each_for_itself() {
    let mut scene = Scene::<AuditProjector>::new();
    let id = "01943ad7-aa80-7000-889c-b25826563124";
    for signer in [SIGNERS[0], SIGNERS[1]] {
        let event = json!({ "id": id, "type": "model.registered", "subject": "model:credit/pd", "data": { "purpose": "To see." } });
        scene.record(signer, 0, event);
    }
    let correction = json!({ "type": "correction.recorded", "subject": "model:credit/pd", "regarding": id,
        "data": { "kind": "voids", "reason": "No." } });
    scene.record(SIGNERS[1], 1, correction);
    let id: EventId = id.parse().unwrap();
    let find = |signer: Option<&str>| {
        let signer = signer.map(|signer| signer.parse().unwrap());
        timeline::find(scene.view(), &Scope::Everything, &id, signer.as_ref())
    };
    let ambiguous = find(None).unwrap_err().to_string();
    let [one, other] = [SIGNERS[0], SIGNERS[1]];
    let expected = format!("event {id} is index 0 by {one} and index 1 by {other}; name the signer or the index");
    assert_eq!(ambiguous, expected);
    assert_eq!([find(Some(one)).unwrap(), find(Some(other)).unwrap()], [0, 1]);
    let page = Page { size: 9, after: None };
    let events = timeline::events(scene.view(), &Scope::Everything, &Question::default(), &page).unwrap().items;
    assert_eq!(events.iter().map(|event| event.corrections.len()).collect::<Vec<_>>(), [0, 1, 0]);
    let asks = json!({ "type": "concern.raised", "subject": "model:credit/pd", "regarding": id, "causes": [id],
        "data": { "concern": "Why?" } });
    scene.record(SIGNERS[2], 2, asks);
    let answered = |index| {
        let answers = timeline::event(scene.view(), &Scope::Everything, index).unwrap().answers;
        answers.iter().map(|it| it.index).collect::<Vec<_>>()
    };
    assert_eq!([answered(0), answered(1)], [vec![3], vec![2]]);
    let causes = timeline::event(scene.view(), &Scope::Everything, 3).unwrap().causes;
    assert_eq!(causes.iter().map(|it| it.index).collect::<Vec<_>>(), [0]);
    assert_eq!(AuditProjector::NAME, "audit");
}
