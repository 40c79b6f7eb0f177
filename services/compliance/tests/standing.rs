//! That every answer tells one story: what is retired, what was stopped, what lies ahead, what is over, and whom a
//! finding concerns.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_compliance::Question;
use probity_compliance::query::{self, Wanted};
use probity_query::QueryError;
use scenes::{ANNA, BO, DAY, E, LENDING, Life, PD, V1, VERA, all, at, digest, scope};
use serde_json::{Value, json};

const LATER: u64 = 1_000;
const V2: &str = "model:credit/pd@2";

/// What is found about a subject at a moment: question, subject, since when, until when.
fn about(life: &Life, subject: &str, at_ms: u64, over: bool) -> Vec<(String, String, u64, Option<u64>)> {
    let wanted = Wanted { subject: subject.to_owned(), at_ms, over, ..Wanted::default() };
    let found = match query::deficiencies(life.scene.view(), &wanted, &life.scope, &all()) {
        Ok(found) => found.items,
        // Nothing at all is known of it.
        Err(QueryError::UnknownSubject { .. }) => Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let mut found: Vec<_> = found.into_iter().map(|it| (it.question, it.subject, it.since_ms, it.until_ms)).collect();
    found.sort();
    found
}

fn questions(life: &Life, subject: &str, at_ms: u64) -> Vec<String> {
    about(life, subject, at_ms, false).into_iter().map(|(question, ..)| question).collect()
}

fn standing(life: &Life, subject: &str) -> Vec<String> {
    let found = query::approvals(life.scene.view(), subject, &life.scope, at(LATER)).unwrap();
    found.into_iter().map(|it| it.standing).collect()
}

/// A version that was approved for production and serves since the next day.
fn serving() -> Life {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let request = life.request();
    life.grant_by(ANNA, request, json!({}));
    start(&mut life, json!({}));
    life
}

/// Starts it at noon of the day on which that is recorded.
fn start(life: &mut Life, more: Value) -> u64 {
    let now = at(life.today());
    life.start(scenes::with(json!({ "$occurred": now }), more))
}

#[test]
fn what_is_retired_and_serves_is_found_and_its_approval_is_over_until_that_is_reversed() {
    for subject in [PD, V1] {
        let mut life = serving();
        assert_eq!(questions(&life, PD, at(LATER)), [""; 0]);
        let retired = life.say("retirement.completed", subject, json!({}));
        let found = about(&life, PD, at(LATER), false);
        let since = at(retired);
        assert_eq!(
            found,
            [
                ("live-without-approval".to_owned(), E.to_owned(), since, None),
                ("retired-still-serving".to_owned(), E.to_owned(), since, None)
            ],
            "{subject}"
        );
        assert_eq!(standing(&life, V1), ["it was retired"]);
        assert_eq!(standing(&life, E), ["it was retired"]);
        assert_eq!(life.lacks(at(LATER)).as_deref(), Some("it was retired"));

        let reversed = life.say_by(BO, "retirement.reversed", subject, json!({ "reason": "It is needed." }));
        assert_eq!(questions(&life, PD, at(LATER)), [""; 0]);
        assert_eq!(standing(&life, V1), ["valid"]);
        let over = about(&life, PD, at(LATER), true);
        assert!(over.iter().all(|it| (it.2, it.3) == (since, Some(at(reversed)))), "{over:?}");
        assert_eq!(over.len(), 2);

        // That it was retired was wrong: then it never was.
        life.void(retired);
        assert_eq!(about(&life, PD, at(LATER), true), []);
    }
}

#[test]
fn another_version_of_a_model_is_not_retired_with_one() {
    let mut life = serving();
    life.say("model.version_registered", V2, json!({ "artifacts": [{ "digest": digest(2), "form": "file" }] }));
    life.say("retirement.completed", V2, json!({}));
    assert_eq!(standing(&life, V1), ["valid"]);
    assert_eq!(questions(&life, PD, at(LATER)), [""; 0]);
}

#[test]
fn what_is_started_while_it_is_stopped_serves_and_is_found_until_somebody_resumes_it() {
    let suspended = |life: &mut Life| {
        life.say("deployment.suspended", E, json!({ "scope": "endpoint", "reason": "It misjudges." }));
    };
    let mut life = serving();
    suspended(&mut life);
    assert_eq!(questions(&life, E, at(LATER)), [""; 0], "nothing answers");
    let started = start(&mut life, json!({}));
    let found = life.found(Question::ServingUnresumed, at(LATER));
    assert_eq!(found, [(E.to_owned(), "it was stopped in an emergency, and nobody resumed it".to_owned())]);
    assert_eq!(about(&life, V1, at(LATER), false)[0].2, at(started));
    life.say("deployment.resumed", E, json!({ "rationale": "It was mended." }));
    assert_eq!(life.found(Question::ServingUnresumed, at(LATER)), []);

    // So is what was seen to serve, and what gets traffic.
    let mut life = serving();
    suspended(&mut life);
    life.say("deployment.observed", E, json!({ "digest": digest(1), "how_found": "A scan." }));
    assert_eq!(life.found(Question::ServingUnresumed, at(LATER)).len(), 1);
    let mut life = serving();
    suspended(&mut life);
    life.say("deployment.traffic_changed", E, json!({ "allocations": [{ "version": V2, "percent": 100.0 }] }));
    assert_eq!(life.found(Question::ServingUnresumed, at(LATER)).len(), 1);

    // Whoever takes down what was stopped, and starts something else there, has not resumed it either.
    let mut life = serving();
    life.say("deployment.suspended", E, json!({ "scope": "version", "version": V1, "reason": "It misjudges." }));
    life.say("deployment.stopped", E, json!({ "version": V1, "reason": "It is replaced." }));
    life.start(json!({ "version": V2 }));
    assert_eq!(life.found(Question::ServingUnresumed, at(LATER)), [], "another version was meant");
}

#[test]
fn a_finding_about_an_endpoint_is_one_about_the_version_the_model_and_the_use_that_it_serves() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    start(&mut life, json!({ "use_case": LENDING }));
    for subject in [E, V1, PD, LENDING] {
        assert_eq!(questions(&life, subject, at(LATER)), ["live-without-approval"], "{subject}");
    }
    assert_eq!(questions(&life, V2, at(LATER)), [""; 0]);
    assert_eq!(questions(&life, "model:credit/p", at(LATER)), [""; 0]);

    let incident = life.say("incident.declared", E, json!({ "summary": "It declines everybody." }));
    for subject in [E, V1, PD, LENDING] {
        assert_eq!(questions(&life, subject, at(LATER)), ["incident-open", "live-without-approval"], "{subject}");
    }
    // Something else serves there now, and what is open concerns that.
    start(&mut life, json!({ "version": V2, "use_case": LENDING }));
    life.say("deployment.stopped", E, json!({ "version": V1, "reason": "It is replaced." }));
    assert_eq!(questions(&life, V1, at(LATER)), [""; 0]);
    assert!(questions(&life, V2, at(LATER)).contains(&"incident-open".to_owned()));
    life.void(incident);
    assert!(!questions(&life, V2, at(LATER)).contains(&"incident-open".to_owned()));
    start(&mut life, json!({ "version": V1 }));
    assert!(!life.everything(at(LATER)).iter().any(|it| it.question == "incident-open"), "void, and not judged again");
}

#[test]
fn what_an_incident_names_besides_is_concerned_as_well() {
    let mut life = serving();
    let data = json!({ "summary": "It declines everybody.", "$about": [E] });
    let incident = life.say("incident.declared", "usecase:credit/cards", data);
    assert_eq!(questions(&life, "usecase:credit/cards", at(LATER)), ["incident-open"]);
    assert_eq!(questions(&life, E, at(LATER)), ["incident-open"]);
    assert_eq!(questions(&life, PD, at(LATER)), ["incident-open"]);
    life.answer("incident.closed", "usecase:credit/cards", incident, json!({ "corrective_actions": ["A limit."] }));
    assert_eq!(questions(&life, PD, at(LATER)), [""; 0]);
    assert_eq!(about(&life, PD, at(LATER), true).len(), 1);
}

#[test]
fn whoever_sees_the_model_alone_is_told_that_something_is_wrong_and_not_where() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let hidden = "endpoint:retail/scoring";
    life.say("deployment.started", hidden, json!({ "version": V1, "environment": "production" }));
    life.scope = scope(&["credit/*"]);
    let wanted = Wanted { subject: PD.to_owned(), at_ms: at(LATER), ..Wanted::default() };
    let found = query::deficiencies(life.scene.view(), &wanted, &life.scope, &all()).unwrap().items;
    assert!(found.iter().any(|it| it.question == "live-without-approval"), "{found:?}");
    assert!(!format!("{found:?}").contains("retail"), "{found:?}");
    life.found(Question::LiveWithoutApproval, at(LATER));
    life.scope = scope(&["fraud/*"]);
    assert_eq!(life.everything(at(LATER)), []);
}

#[test]
fn whoever_has_no_say_over_a_model_adds_no_findings_to_it() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let claimed = json!({ "version": V1, "environment": "production", "use_case": LENDING });
    life.say_by(VERA, "deployment.started", "endpoint:retail/mine", claimed.clone());
    let ahead = at(life.today() + 100);
    let planned = json!({ "summary": "It will fail.", "$about": [PD], "$occurred": ahead });
    life.say_by(VERA, "incident.declared", "endpoint:retail/mine", planned);
    for subject in [PD, V1, LENDING] {
        assert_eq!(questions(&life, subject, at(life.today())), [""; 0], "{subject}");
    }
    let claims = questions(&life, "endpoint:retail/mine", at(life.today()));
    assert!(claims.contains(&"live-without-approval".to_owned()), "it is found where it was said: {claims:?}");
    // Once somebody says so who may, it is the model's.
    life.say("deployment.started", "endpoint:retail/mine", claimed);
    assert!(questions(&life, PD, at(life.today())).contains(&"live-without-approval".to_owned()));
}

#[test]
fn a_fact_that_is_dated_ahead_puts_nothing_off() {
    let in_2099 = 4_070_908_800_000_u64;
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let recorded = life.start(json!({ "$occurred": in_2099 }));
    let now = at(recorded + 1);
    assert_eq!(
        about(&life, PD, now, false),
        [
            ("dated-ahead".to_owned(), E.to_owned(), at(recorded), Some(in_2099)),
            ("live-without-approval".to_owned(), E.to_owned(), at(recorded), None)
        ]
    );
    life.void(recorded);
    assert_eq!(about(&life, PD, at(LATER), true), []);

    // A monitor's report, a day that is not over yet, a clock that is a minute fast: no question.
    let day = at(life.today()) - DAY / 2;
    life.start(json!({ "$occurred": [day, day + DAY - 1] }));
    assert_eq!(life.found(Question::DatedAhead, at(LATER)), []);
    let soon = at(life.today()) + 60_000;
    life.start(json!({ "$occurred": soon }));
    assert_eq!(life.found(Question::DatedAhead, at(LATER)), []);
}

#[test]
fn a_finding_holds_from_when_all_its_causes_did_and_can_be_asked_for_when_it_is_over() {
    let mut life = serving();
    let data = json!({ "digest": digest(9), "document_kind": "report" });
    let attached = life.say("evidence.attached", V1, data);
    let request = life.request();
    life.grant_by(BO, request, json!({ "evidence_seen": [digest(9)] }));
    // The first approval is revoked: from then on the second alone holds.
    let first = life.scene.recorded().iter().find(|it| it.event.event_type() == "approval.granted").unwrap().index;
    life.answer_by(ANNA, "approval.revoked", V1, first, json!({ "reason": "It is replaced." }));
    assert_eq!(life.lacks(at(LATER)), None);
    let withdrawn = life.answer("evidence.withdrawn", V1, attached, json!({ "digest": digest(9), "reason": "Wrong." }));
    let since = at(withdrawn);
    let open = |until| ("live-without-approval".to_owned(), E.to_owned(), since, until);
    assert_eq!(about(&life, PD, at(LATER), false), [open(None)]);

    let now = at(life.today());
    let stopped = life.say("deployment.stopped", E, json!({ "$occurred": now, "reason": "It misjudges." }));
    assert_eq!(about(&life, PD, at(LATER), false), []);
    assert_eq!(about(&life, PD, at(LATER), true), [open(Some(now))], "it served without an approval until then");
    assert_eq!(about(&life, E, since, false), [open(Some(now))], "asked for as of that moment");
    life.void(stopped);
    assert_eq!(about(&life, PD, at(LATER), true), [open(None)], "it was not stopped after all");
}

#[test]
fn however_often_something_was_started_and_stopped_every_breach_stays_askable() {
    let mut life = Life::new();
    life.gate(1);
    life.register();
    let mut expected = Vec::new();
    for _ in 0..20 {
        let from = at(life.today());
        start(&mut life, json!({}));
        let until = at(life.today());
        life.say("deployment.stopped", E, json!({ "$occurred": until, "reason": "A try." }));
        expected.push(("live-without-approval".to_owned(), E.to_owned(), from, Some(until)));
    }
    assert_eq!(about(&life, E, at(LATER), true), expected);
    assert_eq!(about(&life, E, at(LATER), false), []);
}
