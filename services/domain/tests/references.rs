//! Which event a reference means, and what a correction takes back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_domain::corrections::{can_be_void, takes_back};
use probity_domain::references::{Referent, answerable, answers, is_answered, is_corrected, meant};
use probity_schemas::Event;
use probity_schemas::correction::CorrectionKind;
use serde_json::{Value, json};

const ALICE: &str = "service:alice";
const MALLORY: &str = "service:mallory";

fn event(event_type: &str, name: &str, data: Value) -> Event {
    let subject = json!({ "kind": "model", "namespace": "credit", "name": name });
    let event = json!({ "id": "01943ad7-aa80-7000-889c-b25826563124", "v": 1, "occurred": 1_736_154_000_000_u64,
        "type": event_type, "subject": subject, "data": data });
    Event::from_value(&event).unwrap()
}

fn correction() -> Event {
    event("correction.recorded", "pd", json!({ "kind": "voids", "reason": "No." }))
}

fn routed(name: &str) -> Event {
    event("issue.routed", name, json!({ "team": "data" }))
}

fn of(index: u64, issuer: &str, event_type: &str, name: &str) -> Referent {
    let (event_type, subject) = (event_type.to_owned(), format!("model:credit/{name}"));
    Referent { index, issuer: issuer.to_owned(), event_type, subject, ..Referent::default() }
}

fn index_meant(by: &Event, issuer: &str, recorded: &[Referent]) -> Option<u64> {
    meant(by, issuer, recorded).map(|referent| referent.index)
}

#[test]
fn a_later_event_under_the_same_id_never_takes_the_place_of_the_first() {
    let recorded = [of(3, ALICE, "issue.opened", "pd"), of(7, MALLORY, "issue.opened", "pd")];
    for issuer in [ALICE, MALLORY] {
        assert_eq!(index_meant(&routed("pd"), issuer, &recorded), Some(3));
    }
    assert_eq!(index_meant(&routed("pd"), ALICE, &[]), None);
}

#[test]
fn what_can_never_be_answered_does_not_stand_in_the_way_of_what_can() {
    let recorded = [of(3, MALLORY, "concern.raised", "pd"), of(7, ALICE, "issue.opened", "pd@2")];
    assert_eq!(index_meant(&routed("pd"), ALICE, &recorded), Some(7));
    let of_versions = [of(3, MALLORY, "issue.opened", "pd@2"), of(7, ALICE, "issue.opened", "pd")];
    assert_eq!(index_meant(&routed("pd"), ALICE, &of_versions), Some(7), "the very subject comes first");
    // About another thing it answers nothing, and is shown with the first of that id.
    assert_eq!(index_meant(&routed("other"), ALICE, &recorded), Some(3));
    assert!(!is_answered(&routed("other"), &recorded[1]));
    let asked = event("model.registered", "pd", json!({ "purpose": "To see." }));
    assert_eq!(index_meant(&asked, ALICE, &recorded), Some(3));
}

#[test]
fn a_correction_reaches_what_its_own_signer_recorded_and_nobody_elses() {
    let recorded = [of(3, ALICE, "model.classified", "pd"), of(7, MALLORY, "model.classified", "pd")];
    assert_eq!(index_meant(&correction(), ALICE, &recorded), Some(3));
    assert_eq!(index_meant(&correction(), MALLORY, &recorded), Some(7));
    // What others say of it is an answer like any other.
    assert_eq!(index_meant(&correction(), "service:bo", &recorded), Some(3));
    assert!(is_corrected(&correction(), ALICE, &recorded[0]));
    assert!(!is_corrected(&correction(), "service:bo", &recorded[0]));
    assert!(!is_corrected(&routed("pd"), ALICE, &recorded[0]));
}

#[test]
fn acts_are_never_corrected_and_neither_is_what_is_about_another_thing() {
    assert!(!is_corrected(&correction(), ALICE, &of(3, ALICE, "approval.granted", "pd")));
    assert!(!is_corrected(&correction(), ALICE, &of(3, ALICE, "model.classified", "other")));
}

#[test]
fn every_type_that_answers_or_is_answered_is_in_the_vocabulary() {
    let mut before = "";
    for (answer, openers) in answers() {
        assert!(before < answer, "{answer} is not in order");
        before = answer;
        assert_eq!(answerable(answer), openers);
        for event_type in openers.iter().chain([&answer]) {
            assert!(probity_schemas::newest(event_type).is_ok(), "{event_type}");
        }
    }
    assert!(answerable("monitor.reported").is_empty());
}

#[test]
fn a_correction_is_not_corrected_so_what_is_void_stays_void() {
    assert!(!is_corrected(&correction(), ALICE, &of(3, ALICE, "correction.recorded", "pd")));
    assert!(can_be_void("deployment.started", ALICE, ALICE) && !can_be_void("correction.recorded", ALICE, ALICE));
    use CorrectionKind::{Amends, ReSubjects, Voids};
    assert!(takes_back(Voids) && takes_back(ReSubjects) && !takes_back(Amends));
}
