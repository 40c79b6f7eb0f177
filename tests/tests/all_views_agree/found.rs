//! Where they disagreed once.

use serde_json::{Value, json};

use crate::asking::{Disagreements, Inventory, Views, all_agree, at_the_door, found, gates_agree, of, standings};
use crate::history::{BEGINNING, BOTH, Move, OUTSIDER, authorization};
use crate::scene::world::*;
use crate::scene::{person, published, who};
use probity_compliance::Question;
use probity_domain::Lapse;

const EU: &str = "endpoint:credit/eu";
const V1: &str = "model:credit/pd@1";
const MODEL: &str = "model:credit/pd";

/// A life that all of them have followed.
struct Told {
    world: World,
    views: Views,
}

impl Told {
    fn new() -> Self {
        Self { world: BEGINNING.clone(), views: Views::default() }
    }

    /// The same, with version 1 approved for production.
    fn approved() -> Self {
        let mut told = Self::new();
        told.approve(APPROVER);
        told
    }

    fn approve(&mut self, by: u8) {
        self.say(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
        let data = json!({ "gate": "production", "digests": [digest("1")], "scope": {}, "meaning": "It may.",
            "evidence_seen": [digest("report")] });
        self.answer(by, "approval.granted", "approval.requested", data);
    }

    fn say(&mut self, by: u8, event_type: &str, subject: Value, data: Value) -> usize {
        self.say_so(by, json!({ "type": event_type, "subject": subject, "data": data }))
    }

    /// Says something a day after what was said before, and gives its index.
    fn say_so(&mut self, by: u8, tree: Value) -> usize {
        self.world.pass(DAY);
        self.world.record_with(by, tree);
        self.world.door.log.len() - 1
    }

    fn answer(&mut self, by: u8, event_type: &str, to: &str, data: Value) -> usize {
        let opener = self.world.door.log.iter().rev().find(|(_, event, _)| event.event_type() == to).unwrap();
        let (subject, id) = (json!(opener.1.subject), json!(opener.1.id));
        self.say_so(by, json!({ "type": event_type, "subject": subject, "regarding": id, "data": data }))
    }

    /// Whoever said what stands at an index takes it back.
    fn correct(&mut self, index: usize, data: Value) -> usize {
        let (statement, event, _) = &self.world.door.log[index];
        let by = (1..=70).find(|seed| who(*seed) == *statement.issuer()).unwrap();
        let tree =
            json!({ "type": "correction.recorded", "subject": event.subject, "regarding": event.id, "data": data });
        self.say_so(by, tree)
    }

    fn void(&mut self, index: usize) -> usize {
        self.correct(index, json!({ "kind": "voids", "reason": "It was wrong." }))
    }

    fn start(&mut self, more: Value) -> usize {
        let mut data = json!({ "version": version("1"), "digest": digest("1"), "environment": "production" });
        for (field, value) in more.as_object().unwrap() {
            data[field] = value.clone();
        }
        self.say(DEPLOYER, "deployment.started", subject("endpoint", "eu"), data)
    }

    /// All of them agree.
    fn agree(&mut self) {
        self.views.follow(&self.world);
        let mut told = Disagreements::default();
        all_agree(&self.world, &self.views, &mut told);
        gates_agree(&self.world, &self.views, &mut told);
        assert_eq!(told.0, [""; 0]);
    }

    /// Why the door does not let version 1 through.
    fn lapse(&self) -> Option<Lapse> {
        let asked = authorization(&Move { what: 32, who: 0, which: 0, one: 0, two: 1, later: 0, when: 9 });
        at_the_door(&self.world, asked).unwrap().map(|(_, lapse)| lapse)
    }

    fn now_ms(&self) -> u64 {
        ms(self.world.door.time)
    }

    fn found(&self, question: Question) -> Vec<(String, u64, Option<u64>)> {
        let found = found(self.views.compliance.view(), MODEL, self.now_ms(), true);
        of(&found, question).map(|it| (it.subject.clone(), it.since_ms, it.until_ms)).collect()
    }

    fn recorded_ms(&self, index: usize) -> u64 {
        ms(self.world.door.log[index].2)
    }

    fn inventory(&self) -> Inventory<'_> {
        Inventory(self.views.inventory.view())
    }
}

#[test]
fn what_ended_an_approval_and_was_taken_back_ends_it_no_more_at_the_door_and_in_the_views() {
    let about = |model: &Value| json!([model]);
    let ends: [(u8, Value); 5] = [
        (
            DEVELOPER,
            json!({ "type": "change.declared", "subject": version("1"),
            "data": { "description": "Other data.", "substantial": true } }),
        ),
        (
            RISK_OFFICER,
            json!({ "type": "vendor.change_observed", "subject": subject("supplier", "acme"),
            "about": about(&model()), "data": { "how": "It answers otherwise." } }),
        ),
        (
            DEVELOPER,
            json!({ "type": "data.withdrawn", "subject": subject("dataset", "loans"),
            "data": { "reason": "Consent.", "digests": [digest("loans")] } }),
        ),
        (
            DEVELOPER,
            json!({ "type": "evidence.withdrawn", "subject": version("1"),
            "data": { "reason": "Wrong.", "digest": digest("report") } }),
        ),
        (
            OWNER,
            json!({ "type": "usecase.linked", "subject": subject("usecase", "cards"),
            "data": { "model": model(), "role": "primary" } }),
        ),
    ];
    for (by, said) in ends {
        let mut told = Told::approved();
        told.start(json!({}));
        let index = told.say_so(by, said.clone());
        assert!(told.lapse().is_some(), "{said}");
        told.agree();
        assert_eq!(told.found(Question::LiveWithoutApproval).len(), 1, "{said}");
        told.void(index);
        assert_eq!(told.lapse(), None, "{said}");
        told.agree();
        assert_eq!(told.found(Question::LiveWithoutApproval), [], "{said}");
        assert_eq!(standings(told.views.compliance.view(), V1, told.now_ms())[0].standing, "valid", "{said}");
    }
}

#[test]
fn what_let_a_version_through_and_was_taken_back_lets_it_through_no_more() {
    // A request, and a validation that a gate asks for.
    let mut told = Told::approved();
    let request = told.world.door.log.len() - 2;
    assert_eq!(told.lapse(), None);
    told.agree();
    assert_eq!(told.inventory().versions()[V1].state, "approved");
    told.void(request);
    assert_eq!(told.lapse(), Some(Lapse::NotRequested));
    told.agree();
    assert_eq!(told.inventory().versions()[V1].state, "validated");

    let mut told = Told::new();
    let gate = json!({ "environments": ["production"], "namespaces": ["*"], "validation_scopes": ["fairness"],
        "signatures": [{ "role": "approver", "persons": 1 }] });
    told.world.door.empower(COMPLIANCE, 37, published("production", "gate", gate)).unwrap();
    let report = json!({ "outcome": "passed", "scopes": ["fairness"] });
    let report = told.say(VALIDATOR, "validation.completed", version("1"), report);
    told.approve(APPROVER);
    told.void(report);
    told.say(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let data = json!({ "gate": "production", "digests": [digest("1")], "scope": {}, "meaning": "It may." });
    let id = json!(told.world.ids["approval.requested"]);
    let grant = json!({ "type": "approval.granted", "subject": version("1"), "regarding": id, "data": data });
    assert!(told.world.door.say(SECOND_APPROVER, grant).is_err(), "it is not validated any more");
    told.agree();
}

#[test]
fn nobody_takes_back_a_hand_that_they_had_or_bytes_that_they_named() {
    let mut told = Told::new();
    let run = json!({ "produced_version": version("1"), "datasets": [subject("dataset", "loans")] });
    let run = told.say(BOTH, "training.completed", model(), run);
    let other = json!({ "artifacts": [{ "digest": digest("other"), "form": "file" }] });
    let other = told.say(DEVELOPER, "model.version_registered", version("1"), other);
    told.void(run);
    told.void(other);
    told.say(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
    let id = json!(told.world.ids["approval.requested"]);
    let data =
        json!({ "gate": "production", "digests": [digest("1"), digest("other")], "scope": {}, "meaning": "It may." });
    let grant = json!({ "type": "approval.granted", "subject": version("1"), "regarding": id, "data": data });
    assert!(told.world.door.say(BOTH, grant).is_err(), "they trained it");
    told.agree();
}

#[test]
fn a_hand_that_is_recorded_late_and_taken_back_still_speaks_against_the_approval_everywhere() {
    let mut told = Told::new();
    told.approve(BOTH);
    assert_eq!(told.lapse(), None);
    let run = told.say(BOTH, "training.completed", model(), json!({ "produced_version": version("1") }));
    let involved = Some(Lapse::Involved { person: person(BOTH), index: run as u64 });
    assert_eq!(told.lapse(), involved);
    told.void(run);
    assert_eq!(told.lapse(), involved);
    told.agree();
}

#[test]
fn what_is_void_stays_void_for_everybody() {
    let mut told = Told::approved();
    let void = [
        told.start(json!({})),
        told.say(OWNER, "retirement.completed", version("2"), json!({})),
        told.say(DEVELOPER, "data.withdrawn", subject("dataset", "loans"), json!({ "reason": "Consent." })),
        told.say(DEVELOPER, "model.version_registered", version("3"), json!({})),
    ]
    .map(|index| told.void(index));
    told.agree();
    for correction in void {
        told.void(correction);
    }
    told.agree();
    assert_eq!(told.lapse(), None);
    assert!(told.inventory().places()[EU].shares.is_empty());
    assert_eq!(told.inventory().versions()["model:credit/pd@2"].state, "validated");
}

#[test]
fn what_is_about_something_else_in_truth_counts_there_once_it_is_recorded_there() {
    let mut told = Told::approved();
    let started = told.start(json!({}));
    let moved = json!({ "kind": "re-subjects", "new_subject": subject("endpoint", "us"), "reason": "Mixed up." });
    told.correct(started, moved);
    told.agree();
    assert!(told.inventory().places()[EU].shares.is_empty());
    assert!(!told.inventory().places().contains_key("endpoint:credit/us"));
    assert_eq!(told.inventory().versions()[V1].state, "approved");
}

#[test]
fn what_was_recorded_last_says_whether_something_is_retired_whatever_it_is_dated() {
    let mut told = Told::new();
    told.say(OWNER, "retirement.completed", model(), json!({}));
    told.answer(APPROVER, "retirement.reversed", "retirement.completed", json!({ "reason": "It is needed." }));
    told.agree();
    assert_eq!(told.inventory().model().state, "validated");
    let before = told.now_ms() - ms(20 * DAY);
    told.say_so(OWNER, json!({ "type": "retirement.completed", "subject": model(), "occurred": before, "data": {} }));
    told.agree();
    assert_eq!(told.inventory().model().state, "retired");
}

#[test]
fn a_version_is_approved_once_all_signatures_are_there_that_its_gate_asks_for() {
    let mut told = Told::new();
    let gate = json!({ "environments": ["production"], "namespaces": ["*"],
        "signatures": [{ "role": "approver", "persons": 2 }] });
    told.world.door.empower(COMPLIANCE, 37, published("production", "gate", gate)).unwrap();
    told.approve(APPROVER);
    told.agree();
    assert_eq!(told.inventory().versions()[V1].state, "validated", "one of two");
    let data = json!({ "gate": "production", "digests": [digest("1")], "scope": {}, "meaning": "It may." });
    told.answer(SECOND_APPROVER, "approval.granted", "approval.requested", data);
    told.agree();
    assert_eq!(told.inventory().versions()[V1].state, "approved");
    told.answer(SECOND_APPROVER, "approval.revoked", "approval.granted", json!({ "reason": "No." }));
    told.agree();
    assert_eq!(told.inventory().versions()[V1].state, "validated");
}

#[test]
fn what_is_open_about_an_endpoint_is_open_for_the_model_and_the_use_that_it_serves() {
    let mut told = Told::approved();
    let declared = json!({ "summary": "It declines everybody." });
    told.say(OPERATOR, "incident.declared", subject("endpoint", "eu"), declared);
    let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
    told.say(VALIDATOR, "finding.raised", subject("endpoint", "eu"), finding);
    told.agree();
    let open = |told: &Told| {
        let model = told.inventory().model();
        (model.open_incidents, model.open_findings)
    };
    assert_eq!(open(&told), (0, 0));
    told.start(json!({ "use_case": subject("usecase", "cards") }));
    told.agree();
    assert_eq!(open(&told), (1, 1));
    assert_eq!(
        told.inventory().incidents("usecase:credit/cards").len(),
        1,
        "though nothing is recorded about that use"
    );
    told.say(DEPLOYER, "deployment.stopped", subject("endpoint", "eu"), json!({}));
    told.agree();
    assert_eq!(open(&told), (0, 0));
    // Whoever has no say over the model puts nothing to it.
    let away = |kind: &str| json!({ "kind": kind, "namespace": "sandbox", "name": "x" });
    told.say(OUTSIDER, "deployment.started", away("endpoint"), json!({ "version": version("1") }));
    let claimed = json!({ "type": "incident.declared", "subject": away("endpoint"), "about": [model()],
        "data": { "summary": "It declines everybody." } });
    told.say_so(OUTSIDER, claimed);
    told.agree();
    assert_eq!(open(&told), (0, 0));
}

#[test]
fn what_concerns_a_model_and_a_version_of_it_is_listed_once() {
    let mut told = Told::new();
    let declared = json!({ "type": "incident.declared", "subject": version("1"), "about": [model()],
        "data": { "summary": "It declines everybody." } });
    told.say_so(OPERATOR, declared);
    told.agree();
    assert_eq!(told.found(Question::IncidentOpen).len(), 1);
}

#[test]
fn what_is_seen_to_serve_where_everything_was_stopped_was_not_resumed_whatever_it_is() {
    let mut told = Told::approved();
    told.start(json!({}));
    let stop = json!({ "reason": "It misjudges.", "scope": "endpoint" });
    told.say(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
    let seen = json!({ "how_found": "A scan.", "digest": digest("unknown") });
    told.say(OPERATOR, "deployment.observed", subject("endpoint", "eu"), seen);
    told.agree();
    let at_eu = found(told.views.compliance.view(), EU, told.now_ms(), false);
    assert_eq!(of(&at_eu, Question::ServingUnresumed).count(), 1);
}

#[test]
fn what_nobody_knows_the_time_of_is_found_since_it_was_recorded_and_what_had_no_gate_since_there_is_one() {
    let mut told = Told::new();
    let started = json!({ "type": "deployment.started", "subject": subject("endpoint", "eu"), "occurred": null,
        "data": { "version": version("1"), "digest": digest("1"), "environment": "production" } });
    let index = told.say_so(DEPLOYER, started);
    told.agree();
    assert_eq!(told.found(Question::LiveWithoutApproval), [(EU.to_owned(), told.recorded_ms(index), None)]);

    let mut told = Told::new();
    told.start(json!({ "environment": "test" }));
    told.agree();
    assert_eq!(told.found(Question::LiveWithoutApproval), [], "no gate guards it");
    told.world.pass(DAY);
    let gate = json!({ "environments": ["test"], "namespaces": ["*"],
        "signatures": [{ "role": "approver", "persons": 1 }] });
    let gate = told.world.door.empower(COMPLIANCE, 37, published("testing", "gate", gate)).unwrap();
    told.agree();
    let since = told.recorded_ms(gate as usize);
    assert_eq!(told.found(Question::LiveWithoutApproval), [(EU.to_owned(), since, None)]);
}

#[test]
fn nobody_takes_back_what_somebody_else_said_and_nobody_answers_it_for_them() {
    let mut told = Told::approved();
    told.start(json!({}));
    let declared = told.say(OPERATOR, "incident.declared", model(), json!({ "summary": "It declines everybody." }));
    let retired = told.say(OWNER, "retirement.completed", version("2"), json!({}));
    let withdrawn = told.say(DEVELOPER, "data.withdrawn", subject("dataset", "cards"), json!({ "reason": "Consent." }));
    told.agree();
    let said = |told: &Told| {
        let inventory = told.inventory();
        let versions: Vec<String> = inventory.versions().values().map(|version| version.state.clone()).collect();
        (versions, inventory.model().open_incidents, inventory.places()[EU].shares.len(), told.lapse())
    };
    let before = said(&told);
    for index in [declared - 1, declared, retired, withdrawn] {
        let event = &told.world.door.log[index].1;
        let void = json!({ "type": "correction.recorded", "subject": event.subject, "regarding": event.id,
            "data": { "kind": "voids", "reason": "It was wrong." } });
        told.say_so(RISK_OFFICER, void);
    }
    // Nor does an answer that is about something else reach it, or the same id by another issuer.
    let (id, on) =
        (json!(told.world.door.log[declared].1.id), json!({ "kind": "model", "namespace": "sandbox", "name": "x" }));
    told.say_so(OUTSIDER, json!({ "type": "incident.closed", "subject": on, "regarding": id, "data": {} }));
    told.agree();
    assert_eq!(said(&told), before);
    assert_eq!(told.inventory().datasets()["dataset:credit/cards"].state, "withdrawn");
}

#[test]
fn what_answers_something_that_was_void_makes_nothing_of_it() {
    let mut told = Told::new();
    let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
    let openers = [
        told.say(OPERATOR, "incident.declared", model(), json!({ "summary": "It declines everybody." })),
        told.say(OPERATOR, "issue.opened", model(), json!({ "title": "It drifts." })),
        told.say(OWNER, "review.scheduled", model(), json!({ "due": ms(told.world.door.time + 9 * DAY) })),
        told.say(VALIDATOR, "finding.raised", model(), finding),
        told.say(
            DEVELOPER,
            "dependency.declared",
            model(),
            json!({ "direction": "upstream", "kind": "model", "other": subject("model", "other") }),
        ),
    ];
    for index in openers {
        told.void(index);
    }
    told.answer(OPERATOR, "incident.classified", "incident.declared", json!({ "regime": "law", "reportable": "yes" }));
    told.answer(OPERATOR, "incident.closed", "incident.declared", json!({}));
    told.answer(OPERATOR, "issue.routed", "issue.opened", json!({ "team": "data", "assignee": person(OPERATOR) }));
    told.answer(OPERATOR, "issue.reopened", "issue.opened", json!({ "reason": "Again." }));
    told.answer(OWNER, "review.completed", "review.scheduled", json!({ "outcome": "passed" }));
    told.answer(VALIDATOR, "finding.responded", "finding.raised", json!({ "response": "It is monitored." }));
    told.answer(DEVELOPER, "dependency.ended", "dependency.declared", json!({ "reason": "Gone." }));
    told.agree();
    let model = told.inventory().model();
    assert_eq!((model.open_incidents, model.open_issues, model.open_findings), (0, 0, 0));
    let problems = probity_inventory::query::Problems::default();
    let all = probity_query::Page { size: 100, after: None };
    let scope = probity_query::Scope::Everything;
    let view = told.views.inventory.view();
    assert_eq!(probity_inventory::query::problems(view, &problems, &scope, &all).unwrap().items, []);
    let view = told.views.compliance.view();
    assert_eq!(probity_compliance::query::incidents(view, None, false, &scope, told.now_ms(), &all).unwrap().items, []);
    let open = found(view, "", told.now_ms() + ms(90 * DAY), true);
    let of_openers = ["incident-open", "incident-not-notified", "finding-open", "finding-overdue", "review-overdue"];
    assert!(!open.iter().any(|it| of_openers.contains(&it.question.as_str())), "{open:?}");
}
