//! Which event a reference means, and what a correction turns.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::HashMap;
use std::convert::Infallible;

use probity_domain::corrections::{CHAIN_MAX, Standing, Standings, Turn, correct};
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

#[derive(Default)]
struct Kept(HashMap<u64, Standing>);

impl Standings for Kept {
    type Error = Infallible;

    fn standing(&self, index: u64) -> Result<Standing, Infallible> {
        Ok(self.0.get(&index).cloned().unwrap_or_default())
    }

    fn keep(&mut self, index: u64, standing: Standing) -> Result<(), Infallible> {
        self.0.insert(index, standing);
        Ok(())
    }
}

impl Kept {
    fn correct(&mut self, index: u64, fact: u64, kind: CorrectionKind) -> Vec<(u64, CorrectionKind, bool)> {
        let Ok(turns) = correct(self, index, of(fact, ALICE, "model.classified", "pd"), kind);
        turns.into_iter().map(|Turn { fact, kind, holds }| (fact.index, kind, holds)).collect()
    }

    fn is_void(&self, index: u64) -> bool {
        self.0.get(&index).is_some_and(Standing::is_void)
    }
}

#[test]
fn a_correction_that_is_void_turns_back_what_it_turned() {
    use CorrectionKind::{Amends, ReSubjects, Voids};
    let mut kept = Kept::default();
    assert_eq!(kept.correct(1, 0, ReSubjects), [(0, ReSubjects, true)]);
    assert_eq!(kept.correct(2, 0, Voids), [(0, Voids, true)]);
    assert_eq!(kept.correct(3, 0, Voids), [(0, Voids, true)]);
    assert!(kept.is_void(0));
    // The re-subjection is void, and one of two corrections that make the fact void.
    assert_eq!(kept.correct(4, 1, Voids), [(1, Voids, true), (0, ReSubjects, false)]);
    assert_eq!(kept.correct(5, 2, Voids), [(2, Voids, true), (0, Voids, false)]);
    assert!(kept.is_void(0), "the other one holds");
    assert_eq!(kept.correct(6, 3, Voids), [(3, Voids, true), (0, Voids, false)]);
    assert!(!kept.is_void(0));
    // The correction of the correction is taken back; it is void only once, however often that is said.
    assert_eq!(kept.correct(7, 6, Voids), [(6, Voids, true), (3, Voids, false), (0, Voids, true)]);
    assert_eq!(kept.correct(8, 6, Voids), [(6, Voids, true)]);
    assert!(kept.is_void(0));
    assert_eq!(kept.correct(9, 7, Amends), [(7, Amends, true)]);
}

#[test]
fn a_chain_of_corrections_ends_somewhere() {
    let mut kept = Kept::default();
    for index in 1..=u64::from(CHAIN_MAX) {
        assert_eq!(kept.correct(index, index - 1, CorrectionKind::Voids).len() as u64, index);
    }
    let before = kept.0.clone();
    let end = u64::from(CHAIN_MAX);
    assert_eq!(kept.correct(end + 1, end, CorrectionKind::Voids), []);
    assert_eq!(kept.0, before);
}
