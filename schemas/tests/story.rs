//! The samples tell one story, in which nothing refers to what isn't there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};

use probity_schemas::{Data, Event, EventId, catalogue, find, incident::IncidentEvent, payload::PayloadEvent};

fn story() -> HashMap<EventId, Event> {
    let samples = catalogue().flat_map(|info| info.samples().map(|(_, sample)| sample.unwrap()));
    let mut story = HashMap::new();
    for event in samples {
        let id = event.id;
        let event_type = event.event_type();
        assert_eq!(story.insert(id, event), None, "two samples of one name: {event_type}");
    }
    story
}

#[test]
fn every_event_referred_to_is_there_and_came_first() {
    let story = story();
    for event in story.values() {
        for id in event.regarding.iter().chain(&event.causes) {
            let other = story.get(id).unwrap_or_else(|| panic!("{} refers to {id}", event.event_type()));
            let (before, after) = (other.occurred.unwrap(), event.occurred.unwrap());
            assert!(before.earliest() <= after.latest(), "{} before {}", event.event_type(), other.event_type());
        }
    }
}

/// The acts that answer, continue or close another event, and which.
const OPENERS: &[(&str, &[&str])] = &[
    ("usecase.accepted", &["usecase.proposed"]),
    ("usecase.declined", &["usecase.proposed"]),
    ("usecase.retired", &["usecase.accepted"]),
    ("model.ownership_accepted", &["model.registered"]),
    ("plan.approved", &["plan.proposed"]),
    ("plan.revoked", &["plan.approved"]),
    ("finding.closed", &["finding.raised"]),
    ("finding.extended", &["finding.raised"]),
    ("risk.accepted", &["risk.assessed"]),
    ("approval.granted", &["approval.requested"]),
    ("approval.rejected", &["approval.requested"]),
    ("approval.condition_met", &["approval.granted"]),
    ("approval.revoked", &["approval.granted"]),
    ("exception.granted", &["exception.requested"]),
    ("exception.extended", &["exception.granted"]),
    ("exception.revoked", &["exception.granted"]),
    ("deployment.authorized", &["deployment.requested"]),
    ("deployment.resumed", &["deployment.suspended"]),
    ("retirement.approved", &["retirement.proposed"]),
    ("retirement.reversed", &["retirement.approved"]),
    ("authority.role_withdrawn", &["authority.role_granted"]),
    ("authority.confirmed", &["authority.role_granted"]),
    ("hold.lifted", &["hold.set"]),
    ("subscription.removed", &["subscription.configured"]),
];

#[test]
fn an_act_that_answers_something_names_it_and_is_about_the_same_thing() {
    let story = story();
    for (event_type, openers) in OPENERS {
        assert!(find(event_type, 1).unwrap().is_act(), "{event_type}");
        for act in story.values().filter(|event| event.event_type() == *event_type) {
            let opener = &story[&act.regarding.expect(event_type)];
            assert!(openers.contains(&opener.event_type()), "{event_type} answers {}", opener.event_type());
            assert_eq!(act.subject, opener.subject, "{event_type}");
        }
    }
    let alone: BTreeSet<_> = catalogue()
        .filter(|info| info.is_act() && !OPENERS.iter().any(|(event_type, _)| *event_type == info.event_type))
        .map(|info| info.event_type)
        .collect();
    let expected = [
        "attestation.given",
        "authority.delegated",
        "authority.enrolled",
        "authority.key_revoked",
        "authority.role_granted",
        "exception.invoked",
        "hold.set",
        "payload.erased",
        "policy.published",
        "subscription.configured",
    ];
    assert_eq!(alone, BTreeSet::from(expected), "acts that open something");
}

#[test]
fn three_models_go_through_the_same_stations() {
    let story = story();
    for model in ["model:credit/pd-scorecard", "model:insurance/claims-assistant", "model:payments/card-fraud"] {
        for station in [
            "model.registered",
            "model.ownership_accepted",
            "model.version_registered",
            "validation.completed",
            "approval.requested",
            "approval.granted",
        ] {
            let there =
                story.values().any(|e| e.event_type() == station && e.subject.without_version().to_string() == model);
            assert!(there, "{model} has no {station}");
        }
    }
}

#[test]
fn what_was_erased_stays_in_the_record_as_a_sealed_text() {
    let story = story();
    let erased = story.values().find_map(|event| match &event.data {
        Data::Payload(PayloadEvent::Erased(erased)) => Some(erased.key.to_string()),
        _ => None,
    });
    let sealed = story.values().find_map(|event| match &event.data {
        Data::Incident(IncidentEvent::Updated(updated)) => updated.summary.sealed(),
        _ => None,
    });
    assert_eq!(sealed.unwrap().key_name(), erased.unwrap());
}
