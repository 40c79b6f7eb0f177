//! What models lack as a whole, what is open or overdue, what waits for whom, and who may see it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_compliance::Question;
use probity_compliance::query::{self, Wanted};
use probity_query::{Page, QueryError};
use scenes::{ANNA, BO, CARA, CHIEF, DAY, DEPUTY, E, LENDING, Life, OLGA, PD, V1, all, at, digest, scope};
use serde_json::{Value, json};

const LATER: u64 = 1_000;
const APPROVER: [(&str, &str); 1] = [("credit/*", "approver")];
const FRAUD: &str = "model:fraud/net";

fn count(life: &Life, question: Question, at_ms: u64) -> usize {
    life.found(question, at_ms).len()
}

fn own(life: &mut Life, person: &str, role: &str) -> u64 {
    life.say_by(person, "model.ownership_accepted", PD, json!({ "role": role }))
}

#[test]
fn every_question_has_a_name_and_words_and_is_found_by_its_name() {
    for question in Question::ALL {
        assert_eq!(Question::named(question.name()), Some(*question));
        assert!(question.text().ends_with('?'));
    }
    assert_eq!(query::question("").unwrap(), None);
    assert!(matches!(query::question("none"), Err(QueryError::UnknownWord { field: "question", .. })));
    let counts = query::counts(Life::new().scene.view(), None, &scope(&["*"]), at(0)).unwrap().questions;
    assert_eq!(counts.len(), Question::ALL.len());
}

#[test]
fn a_model_lacks_an_owner_from_its_registration_until_somebody_accepts_it() {
    let mut life = Life::new();
    let registered = life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    assert_eq!(count(&life, Question::NoOwner, at(registered) - 1), 0);
    assert_eq!(
        life.found(Question::NoOwner, at(registered)),
        [(PD.to_owned(), "nobody has accepted to own it".to_owned())]
    );
    own(&mut life, ANNA, "data-owner");
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 0);
}

#[test]
fn a_model_that_is_void_or_retired_needs_no_owner() {
    let mut life = Life::new();
    let registered = life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    life.void_by(BO, registered);
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 1, "somebody else's fact stays");
    let retired = life.say("retirement.completed", PD, json!({}));
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 0);
    life.void(retired);
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 1);
    life.say("retirement.completed", PD, json!({}));
    life.say_by(BO, "retirement.reversed", PD, json!({ "reason": "It is needed." }));
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 1);
    life.void(registered);
    assert_eq!(life.everything(at(LATER)), []);
    assert_eq!(life.everything(u64::MAX), []);
}

#[test]
fn a_model_of_whom_only_one_registration_is_void_is_registered() {
    let mut life = Life::new();
    let first = life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    life.say("model.registered", PD, json!({ "purpose": "To lend well." }));
    life.void(first);
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 1);
}

#[test]
fn an_owner_who_leaves_is_missed_until_somebody_else_takes_over() {
    let mut life = Life::new();
    life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    own(&mut life, BO, "owner");
    own(&mut life, BO, "technical-owner");
    let bo = "identity:person/6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";
    life.say("authority.departed", bo, json!({ "last_day": at(40) }));
    assert_eq!(count(&life, Question::OwnerLeft, at(40) - 1), 0);
    assert_eq!(count(&life, Question::OwnerLeft, at(40)), 2);
    own(&mut life, ANNA, "owner");
    assert_eq!(
        life.found(Question::OwnerLeft, at(40)),
        [(PD.to_owned(), format!("its technical-owner {BO} has left"))]
    );
    own(&mut life, ANNA, "technical-owner");
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn a_classification_expires_unless_a_newer_one_takes_its_place() {
    let mut life = Life::new();
    life.register();
    let classify = |life: &mut Life, framework: &str, expires: Option<u64>| {
        let mut data = json!({ "framework": framework, "class": "high-risk" });
        if let Some(expires) = expires {
            data["expires_at"] = expires.into();
        }
        life.say("model.classified", PD, data)
    };
    classify(&mut life, "sr-11-7", None);
    classify(&mut life, "eu-ai-act", Some(at(50)));
    let expired = |life: &Life, day: u64| count(life, Question::ClassificationExpired, at(day));
    assert_eq!((expired(&life, 49), expired(&life, 50)), (0, 1));
    let newer = classify(&mut life, "eu-ai-act", Some(at(90)));
    assert_eq!((expired(&life, 50), expired(&life, 89), expired(&life, 90)), (0, 0, 1));
    life.void(newer);
    assert_eq!((expired(&life, 49), expired(&life, 50)), (0, 1), "the one before holds again");
}

fn schedule(life: &mut Life, due: u64) -> u64 {
    life.say("review.scheduled", PD, json!({ "due": due, "reviewer": BO, "scope": "the data" }))
}

#[test]
fn a_review_is_overdue_until_it_is_completed_and_the_next_one_is_due_then() {
    let mut life = Life::new();
    let review = schedule(&mut life, at(20));
    let overdue = |life: &Life, day: u64| count(life, Question::ReviewOverdue, at(day));
    assert_eq!((overdue(&life, 19), overdue(&life, 20)), (0, 1));
    assert_eq!(life.found(Question::ReviewOverdue, at(20))[0].1, "the review of the data is overdue");
    life.answer_by(BO, "review.completed", PD, review, json!({ "outcome": "passed", "next_due": at(60) }));
    assert_eq!((overdue(&life, 20), overdue(&life, 59), overdue(&life, 60)), (0, 0, 1));
    life.say_by(BO, "review.completed", PD, json!({ "outcome": "passed" }));
    assert_eq!(overdue(&life, LATER), 0, "without one named, whatever was due for it is done");
    let wrong = schedule(&mut life, at(20));
    life.void(wrong);
    assert_eq!(life.everything(at(LATER)), []);
}

fn raise(life: &mut Life, due: u64) -> u64 {
    let data = json!({ "title": "No test.", "severity": "high", "source": "audit", "owner": BO, "due": due });
    life.say("finding.raised", V1, data)
}

#[test]
fn a_finding_is_open_until_it_is_closed_and_overdue_from_its_time_on() {
    let mut life = Life::new();
    let finding = raise(&mut life, at(20));
    let asked = |life: &Life, day: u64| {
        (count(life, Question::FindingOpen, at(day)), count(life, Question::FindingOverdue, at(day)))
    };
    assert_eq!(count(&life, Question::FindingOpen, at(finding) - 1), 0);
    assert_eq!((asked(&life, 19), asked(&life, 20)), ((1, 0), (1, 1)));
    life.answer_by(BO, "finding.responded", V1, finding, json!({ "response": "Soon." }));
    life.answer_by(ANNA, "finding.extended", V1, finding, json!({ "due": at(40), "reason": "Hard." }));
    assert_eq!((asked(&life, 39), asked(&life, 40)), ((1, 0), (1, 1)));
    life.answer_by(ANNA, "finding.closed", V1, finding, json!({ "rationale": "Done." }));
    assert_eq!(asked(&life, 40), (0, 0));
    let wrong = raise(&mut life, at(20));
    life.void_by(BO, wrong);
    assert_eq!(asked(&life, 40), (1, 1), "somebody else's fact stays");
    life.void(wrong);
    life.answer_by(ANNA, "finding.extended", V1, wrong, json!({ "due": at(50), "reason": "Hard." }));
    assert_eq!(life.everything(at(LATER)), []);
}

fn invoke(life: &mut Life, signer: &str) -> u64 {
    let data = json!({ "control": "production", "expires_at": at(90), "reason": "It burns." });
    life.say_by(signer, "exception.invoked", V1, data)
}

#[test]
fn an_emergency_has_a_day_for_its_second_signature() {
    let mut life = Life::new();
    let emergency = invoke(&mut life, ANNA);
    let unsigned = |life: &Life, at_ms| count(life, Question::EmergencyUnsigned, at_ms);
    assert_eq!((unsigned(&life, at(emergency) + DAY - 1), unsigned(&life, at(emergency) + DAY)), (0, 1));
    let data = json!({ "compensating_controls": ["A person looks."], "control": "production", "expires_at": at(90), "reason": "It burned." });
    life.answer_by(BO, "exception.granted", V1, emergency, data);
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn an_emergency_covers_what_was_let_through_on_it_until_it_is_over() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    invoke(&mut life, ANNA);
    life.say("deployment.authorized", E, json!({ "version": V1, "environment": "production" }));
    life.start(json!({}));
    assert_eq!((life.lacks(at(90) - 1), life.lacks(at(90)).is_some()), (None, true));
}

fn declare(life: &mut Life) -> u64 {
    life.say("incident.declared", E, json!({ "summary": "Refused all.", "aware_at": at(2), "severity": "high" }))
}

fn classify(life: &mut Life, incident: u64, reportable: &str) {
    let data = json!({ "regime": "eu-ai-act-73", "reportable": reportable });
    life.answer("incident.classified", E, incident, data);
}

#[test]
fn an_incident_is_open_from_when_somebody_knew_of_it_until_it_is_closed() {
    let mut life = Life::new();
    let incident = declare(&mut life);
    assert_eq!((count(&life, Question::IncidentOpen, at(2) - 1), count(&life, Question::IncidentOpen, at(2))), (0, 1));
    life.answer("incident.closed", E, incident, json!({}));
    assert_eq!(life.everything(at(LATER)), []);
    let wrong = declare(&mut life);
    life.void(wrong);
    life.answer("incident.updated", E, wrong, json!({ "summary": "Worse." }));
    assert_eq!(life.everything(at(LATER)), [], "what is said of it later does not bring it back");
}

#[test]
fn a_reportable_incident_is_to_be_told_to_an_authority() {
    let mut life = Life::new();
    let incident = declare(&mut life);
    let untold = |life: &Life| count(life, Question::IncidentNotNotified, at(LATER));
    classify(&mut life, incident, "undetermined");
    assert_eq!(untold(&life), 0);
    classify(&mut life, incident, "yes");
    assert_eq!(untold(&life), 1);
    classify(&mut life, incident, "no");
    assert_eq!(untold(&life), 0);
    classify(&mut life, incident, "yes");
    life.answer("incident.authority_notified", E, incident, json!({ "authority": "BNetzA", "stage": "initial" }));
    assert_eq!(untold(&life), 0);
}

#[test]
fn an_authority_that_asks_waits_from_its_time_on_until_it_is_told_again() {
    let mut life = Life::new();
    let incident = declare(&mut life);
    let notice = |life: &mut Life, authority: &str| {
        life.answer("incident.authority_notified", E, incident, json!({ "authority": authority, "stage": "initial" }));
    };
    notice(&mut life, "BNetzA");
    let asks = json!({ "authority": "BNetzA", "asks": ["Why?"], "due": at(30) });
    life.answer("incident.authority_responded", E, incident, asks);
    life.answer("incident.authority_responded", E, incident, json!({ "authority": "BNetzA" }));
    let waits = |life: &Life, day: u64| count(life, Question::AuthorityWaits, at(day));
    assert_eq!((waits(&life, 29), waits(&life, 30)), (0, 1));
    notice(&mut life, "BaFin");
    assert_eq!(waits(&life, 30), 1);
    notice(&mut life, "BNetzA");
    assert_eq!(waits(&life, 30), 0);
}

#[test]
fn incidents_are_told_with_their_clocks_the_newest_first() {
    let mut life = Life::new();
    let one = declare(&mut life);
    classify(&mut life, one, "yes");
    let notice = json!({ "authority": "BNetzA", "stage": "initial", "sent_at": at(3) });
    life.answer("incident.authority_notified", E, one, notice);
    let asks = json!({ "authority": "BNetzA", "asks": ["Why?"], "due": at(30) });
    life.answer("incident.authority_responded", E, one, asks);
    let closed = life.answer("incident.closed", E, one, json!({}));
    let two = declare(&mut life);
    let told = |life: &Life, open: bool, page: &Page| {
        query::incidents(life.scene.view(), None, open, &life.scope, at(40), page).unwrap()
    };
    let clocks = told(&life, false, &all()).items;
    assert_eq!(clocks.iter().map(|it| it.indices[0]).collect::<Vec<_>>(), [two, one]);
    assert_eq!((clocks[0].state.as_str(), clocks[0].elapsed_ms), ("open", at(40) - at(2)));
    assert_eq!((clocks[1].state.as_str(), clocks[1].elapsed_ms), ("closed", at(closed) - at(2)));
    assert_eq!(
        (clocks[1].regimes.len(), clocks[1].notices[0].sent_at_ms, clocks[1].asks[0].due_ms),
        (1, Some(at(3)), Some(at(30)))
    );
    assert_eq!(told(&life, true, &all()).items, clocks[..1]);
    let first = told(&life, false, &Page { size: 1, after: None });
    assert_eq!(first.items, clocks[..1]);
    let second = told(&life, false, &Page::of(1, &first.next_page_token).unwrap());
    assert_eq!((second.items, second.next_page_token.as_str()), (clocks[1..].to_vec(), ""));
    life.scope = scope(&["fraud"]);
    assert!(told(&life, false, &all()).items.is_empty());
}

#[test]
fn a_request_waits_for_those_whose_role_the_gate_asks_for() {
    let mut life = Life::new();
    life.gate(2);
    life.register();
    let data = json!({ "gate": "production", "$evidence": [{ "digest": digest(7), "kind": "report", "media_type": "text/plain" }] });
    let request = life.say("approval.requested", V1, data);
    let waits = |life: &Life, person: &str, roles: &[(&str, &str)]| life.waits(person, roles, at(39));
    assert_eq!(waits(&life, BO, &APPROVER), [("approval".to_owned(), request)]);
    assert_eq!(life.inbox(BO, &APPROVER, at(39))[0].evidence, [digest(7)]);
    assert!(waits(&life, BO, &[("fraud/*", "approver")]).is_empty(), "of another namespace");
    assert!(waits(&life, BO, &[("credit/*", "developer")]).is_empty(), "of another role");
    life.grant_by(BO, request, json!({}));
    assert!(waits(&life, BO, &APPROVER).is_empty(), "nobody signs twice");
    let task = life.inbox(CARA, &APPROVER, at(39)).remove(0).task;
    assert_eq!(task, "approve or reject it at gate production, 1 of 2 signatures are there");
    life.grant_by(CARA, request, json!({}));
    assert!(waits(&life, ANNA, &APPROVER).is_empty(), "it is signed by enough");
    let again = life.request();
    assert_eq!(life.inbox(BO, &APPROVER, at(39))[0].last_approved, V1);
    life.answer_by(CARA, "approval.rejected", V1, again, json!({ "gate": "production", "reason": "No." }));
    assert!(waits(&life, BO, &APPROVER).is_empty(), "it is rejected");
    let wrong = life.request();
    life.void(wrong);
    assert!(waits(&life, BO, &APPROVER).is_empty(), "it is void");
}

#[test]
fn a_request_does_not_wait_for_those_who_had_a_hand_in_it() {
    for (event_type, subject, data) in [
        ("model.version_registered", V1, json!({})),
        ("training.completed", PD, json!({ "produced_version": V1 })),
        ("approval.requested", V1, json!({ "gate": "production" })),
    ] {
        let mut life = Life::new();
        life.gate(1);
        life.say_by(BO, event_type, subject, data);
        life.request();
        assert!(life.waits(BO, &APPROVER, at(39)).is_empty(), "{event_type}");
        assert!(!life.waits(CARA, &APPROVER, at(39)).is_empty(), "{event_type}");
    }
}

#[test]
fn findings_reviews_issues_and_validations_wait_for_those_they_name() {
    let mut life = Life::new();
    let mine = |life: &Life| life.waits(BO, &[], at(39));
    let waits = |kind: &str, index: u64| vec![(kind.to_owned(), index)];
    let finding = raise(&mut life, at(20));
    assert_eq!(mine(&life), waits("finding", finding));
    assert!(life.waits(ANNA, &[], at(39)).is_empty());
    life.answer_by(ANNA, "finding.closed", V1, finding, json!({ "rationale": "Done." }));
    assert!(mine(&life).is_empty());
    let review = schedule(&mut life, at(20));
    assert_eq!(mine(&life), waits("review", review));
    life.answer_by(BO, "review.completed", PD, review, json!({ "outcome": "passed" }));
    assert!(mine(&life).is_empty());
    let issue = life.say("issue.opened", PD, json!({ "title": "It drifts." }));
    assert!(mine(&life).is_empty());
    let route = |life: &mut Life, person: &str| {
        life.answer("issue.routed", PD, issue, json!({ "team": "data", "assignee": person }));
    };
    route(&mut life, BO);
    assert_eq!(mine(&life), waits("issue", issue));
    route(&mut life, ANNA);
    assert!(mine(&life).is_empty());
    route(&mut life, BO);
    life.answer("issue.resolved", PD, issue, json!({ "resolution": "Done." }));
    assert!(mine(&life).is_empty());
    life.answer("issue.reopened", PD, issue, json!({ "reason": "Again." }));
    assert_eq!(mine(&life), waits("issue", issue));
    life.void(issue);
    route(&mut life, BO);
    assert!(mine(&life).is_empty(), "what is void waits for nobody, whatever is said of it");
    let validation = life.say("validation.requested", V1, json!({ "validator": BO }));
    assert_eq!(mine(&life), waits("validation", validation));
    life.answer_by(BO, "validation.completed", V1, validation, json!({ "outcome": "passed" }));
    assert!(mine(&life).is_empty());
    let validation = life.say("validation.requested", V1, json!({ "validator": BO }));
    life.void(validation);
    assert!(mine(&life).is_empty());
}

#[test]
fn an_emergency_waits_for_a_second_person_who_may_sign_it() {
    let mut life = Life::new();
    let emergency = invoke(&mut life, ANNA);
    let risk = [("credit/*", "risk-officer")];
    let expected = [("emergency".to_owned(), emergency)];
    assert_eq!(life.waits(BO, &risk, at(1)), expected);
    assert_eq!(life.waits(BO, &APPROVER, at(1)), expected);
    assert!(life.waits(BO, &[("credit/*", "developer")], at(1)).is_empty());
    assert!(life.waits(ANNA, &risk, at(1)).is_empty(), "who invoked it is no second person");
    assert_eq!(life.inbox(BO, &risk, at(1))[0].due_ms, Some(at(emergency) + DAY));
}

#[test]
fn acts_that_take_a_second_person_wait_for_one_for_seven_days() {
    let mut life = Life::founded(&[CHIEF, DEPUTY]);
    let policy = life.gate(1);
    let compliance = [("*", "compliance")];
    assert_eq!(life.waits(BO, &compliance, at(policy)), [("confirmation".to_owned(), policy)]);
    assert!(life.waits(ANNA, &compliance, at(policy)).is_empty(), "who signed it is no second person");
    assert!(life.waits(BO, &APPROVER, at(policy)).is_empty());
    let until = at(policy) + 7 * DAY;
    assert_eq!((life.waits(BO, &compliance, until - 1).len(), life.waits(BO, &compliance, until).len()), (1, 0));
    let granted = json!({ "namespaces": ["credit/*"], "role": "approver" });
    let role =
        life.say_by(ANNA, "authority.role_granted", "identity:person/6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c03", granted);
    assert_eq!(life.waits(BO, &compliance, at(role)).len(), 2);
    let bytes = life.scene.recorded()[policy as usize].statement.bytes().to_vec();
    let named = probity_schemas::Digest::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(&bytes).into());
    life.say_by(
        BO,
        "authority.confirmed",
        "policy:credit/production@1",
        json!({ "statement_digest": named.to_string() }),
    );
    assert_eq!(life.waits(CARA, &compliance, at(role)), [("confirmation".to_owned(), role)]);
}

#[test]
fn open_conditions_of_what_one_owns_wait_for_the_owner() {
    let mut life = Life::new();
    life.register();
    let request = life.request();
    let conditions = json!([{ "id": "c1", "text": "Watch it.", "due": at(60) }]);
    let grant = life.grant_by(BO, request, json!({ "conditions": conditions }));
    let item = life.inbox(OLGA, &[], at(39)).remove(0);
    assert_eq!((item.kind.as_str(), item.subject.as_str(), item.due_ms), ("condition", V1, Some(at(60))));
    assert!(life.inbox(CARA, &[], at(39)).is_empty());
    life.answer_by(BO, "approval.condition_met", V1, grant, json!({ "condition": "c1", "statement": "Done." }));
    assert!(life.inbox(OLGA, &[], at(39)).is_empty());
}

#[test]
fn the_most_urgent_comes_first_then_the_oldest() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let (late, early) = (raise(&mut life, at(90)), schedule(&mut life, at(50)));
    let issue = life.say("issue.opened", PD, json!({ "title": "It drifts." }));
    life.answer("issue.routed", PD, issue, json!({ "team": "data", "assignee": BO }));
    let request = life.request();
    let order: Vec<u64> = life.waits(BO, &APPROVER, at(39)).into_iter().map(|(_, index)| index).collect();
    assert_eq!(order, [early, late, issue, request]);
}

#[test]
fn nobody_sees_what_is_of_other_namespaces() {
    let mut life = Life::new();
    life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    life.say("model.registered", FRAUD, json!({ "purpose": "To find." }));
    let finding = json!({ "title": "No test.", "severity": "high", "source": "audit", "owner": BO });
    life.say("finding.raised", FRAUD, finding);
    assert_eq!((count(&life, Question::NoOwner, at(39)), life.waits(BO, &[], at(39)).len()), (2, 1));
    life.scope = scope(&["credit/*"]);
    let seen: Vec<String> = life.everything(at(39)).into_iter().map(|it| it.subject).collect();
    assert_eq!(seen, [PD]);
    assert_eq!((count(&life, Question::NoOwner, at(39)), count(&life, Question::FindingOpen, at(39))), (1, 0));
    assert!(life.waits(BO, &[], at(39)).is_empty());
    let wanted = Wanted { subject: FRAUD.to_owned(), at_ms: at(39), ..Wanted::default() };
    let outside = query::deficiencies(life.scene.view(), &wanted, &life.scope, &all());
    assert!(matches!(outside, Err(QueryError::Denied(_))), "it says so, instead of nothing");
    let wanted = Wanted { subject: "model:credit/pdd".to_owned(), at_ms: at(39), ..Wanted::default() };
    match query::deficiencies(life.scene.view(), &wanted, &life.scope, &all()) {
        Err(QueryError::UnknownSubject { nearest, .. }) => assert_eq!(nearest.as_deref(), Some(PD)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn deficiencies_are_narrowed_by_question_namespace_and_subject_and_come_in_pages() {
    let mut life = Life::new();
    for model in [PD, "model:credit/pd2", FRAUD, "model:credit/retail/x"] {
        life.say("model.registered", model, json!({ "purpose": "To lend." }));
    }
    raise(&mut life, at(5));
    life.say("finding.raised", LENDING, json!({ "title": "No test.", "severity": "low", "source": "audit" }));
    let found = |wanted: &Wanted| -> Vec<String> {
        let whole = query::deficiencies(life.scene.view(), wanted, &life.scope, &all()).unwrap().items;
        for size in 1..4 {
            let (mut pages, mut token) = (Vec::new(), String::new());
            loop {
                let page = Page::of(size, &token).unwrap();
                let page = query::deficiencies(life.scene.view(), wanted, &life.scope, &page).unwrap();
                pages.extend(page.items);
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(pages, whole, "{size} at a time");
        }
        whole.into_iter().map(|it| format!("{} {}", it.question, it.subject)).collect()
    };
    let wanted = |question, namespace: &str, subject: &str| {
        let (namespace, subject) = (query::namespace(namespace).unwrap(), subject.to_owned());
        Wanted { question, namespace, subject, at_ms: at(39), over: false }
    };
    assert_eq!(found(&wanted(None, "*", "")).len(), 7);
    assert_eq!(found(&wanted(Some(Question::NoOwner), "credit/*", "")).len(), 3);
    assert_eq!(found(&wanted(Some(Question::NoOwner), "credit", "")).len(), 2);
    let of_pd = ["no-owner model:credit/pd", "finding-open model:credit/pd@1", "finding-overdue model:credit/pd@1"];
    assert_eq!(found(&wanted(None, "*", PD)), of_pd);
    assert_eq!(found(&wanted(Some(Question::FindingOpen), "*", PD)), of_pd[1..2]);
    assert_eq!(found(&wanted(None, "*", V1)), of_pd[1..]);
    assert_eq!(found(&wanted(None, "*", LENDING)), [format!("finding-open {LENDING}")]);
    let counts = query::counts(life.scene.view(), query::namespace("fraud").unwrap().as_ref(), &life.scope, at(39))
        .unwrap()
        .questions;
    assert_eq!(counts.iter().map(|it| it.count).sum::<u64>(), 1);
}

#[test]
fn a_change_a_link_and_a_validation_that_are_void_are_as_if_they_had_not_been_said() {
    let said: [(&str, &str, Value); 3] = [
        ("change.declared", PD, json!({ "description": "Other data.", "substantial": true })),
        ("usecase.linked", LENDING, json!({ "model": V1, "role": "primary" })),
        ("validation.completed", V1, json!({ "outcome": "passed" })),
    ];
    for (event_type, subject, data) in said {
        let mut life = Life::new();
        life.gate(1);
        life.register();
        let request = life.request();
        life.grant_by(BO, request, json!({}));
        life.start(json!({}));
        let wrong = life.say(event_type, subject, data.clone());
        assert_eq!(life.everything(at(LATER)).len(), 1, "{event_type}");
        life.void_by(CARA, wrong);
        assert_eq!(life.everything(at(LATER)).len(), 1, "{event_type}: somebody else's fact stays");
        life.void(wrong);
        assert_eq!(life.everything(at(LATER)), [], "{event_type}");
    }
}

#[test]
fn a_model_that_was_retired_twice_stays_retired_when_one_of_them_is_void() {
    let mut life = Life::new();
    life.say("model.registered", PD, json!({ "purpose": "To lend." }));
    life.say("retirement.completed", PD, json!({}));
    let again = life.say("retirement.completed", PD, json!({}));
    life.void(again);
    assert_eq!(count(&life, Question::NoOwner, at(LATER)), 0);
}
