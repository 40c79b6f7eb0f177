//! How one statement changes the view.

use probity_domain::serving::{Change, Step};
use probity_projection::{Batch, Key, ProjectionError, Projector, Recorded, Referent, StoreError};
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::training::TrainingEvent;
use probity_schemas::{Data, Event, correction};

use crate::layout::{
    self, ANSWERS, CORRECTIONS, Correction, ENDPOINTS, EventHead, EventRecord, FACTS, MOVED, STEPS, TIMES, whole,
};
use crate::lists::{self, List};

/// Folds statements into the audit view. See the crate's documentation.
#[derive(Debug, Default)]
pub struct AuditProjector;

impl Projector for AuditProjector {
    const NAME: &'static str = "audit";
    // 2: answers and corrections stand under the position of what they refer to.
    const VERSION: u32 = 4;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let entry = EventRecord::of(recorded);
        let at_ms = recorded.sorted_at_ms();
        list(&entry.head, (recorded.index, at_ms), batch)?;
        batch.put(&TIMES, TIMES.key().number(at_ms).number(recorded.index), ());
        batch.put(&layout::ids(), layout::id_key(&entry.head.id).number(recorded.index), ());
        if let Some(regarded) = &recorded.referent {
            batch.put(&ANSWERS, ANSWERS.key().number(regarded.index).number(recorded.index), ());
        }
        facts(&recorded.event, recorded.index, batch);
        step(recorded, &entry.head, batch);
        if let (Data::Correction(CorrectionEvent::Recorded(correction)), Some(fact)) =
            (&recorded.event.data, recorded.corrected())
        {
            correct(correction, fact, recorded.index, batch)?;
        }
        batch.put(&layout::events(), layout::event_key(recorded.index), entry);
        Ok(())
    }
}

/// Puts a statement into the lists that lead to it.
fn list(head: &EventHead, place: lists::TimelinePoint, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let mut subjects: Vec<&str> = head.about.iter().chain([&head.subject]).map(|subject| whole(subject)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    for subject in subjects {
        lists::append(batch, List::Subject(subject), place)?;
    }
    lists::append(batch, List::Identity(&head.signer), place)?;
    if let Some(behalf) = head.on_behalf_of.as_ref().filter(|behalf| **behalf != head.signer) {
        lists::append(batch, List::Identity(behalf), place)?;
    }
    lists::append(batch, List::Type(&head.event_type), place)
}

/// Notes where versions are described: what comparing two of them looks at.
fn facts(event: &Event, index: u64, batch: &mut Batch<'_>) {
    let produced = match &event.data {
        Data::Training(TrainingEvent::Completed(completed)) => completed.produced_version.as_ref(),
        _ if !crate::versions::DESCRIBING.contains(&event.event_type()) => return,
        _ => None,
    };
    for version in produced.into_iter().chain([&event.subject]).filter(|subject| subject.version.is_some()) {
        batch.put(&FACTS, FACTS.key().text(&version.to_string()).number(index), ());
    }
}

/// Keeps what a statement changes about what serves at an endpoint.
fn step(recorded: &Recorded, head: &EventHead, batch: &mut Batch<'_>) {
    let Some(step) = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms()) else { return };
    let endpoint = whole(&head.subject);
    note_endpoint(&step.change, endpoint, batch);
    let key = layout::step_key(endpoint, step.at_ms, step.index);
    batch.put(&STEPS, key, step);
}

/// Notes for which models and use cases something serves at an endpoint.
fn note_endpoint(change: &Change, endpoint: &str, batch: &mut Batch<'_>) {
    let mut note = |subject: &str| {
        if !subject.is_empty() {
            batch.put(&ENDPOINTS, endpoints_key(subject).text(endpoint), ());
        }
    };
    match change {
        Change::Started { share, use_case, .. } => {
            note(&share.version);
            use_case.iter().for_each(|use_case| note(use_case));
        }
        Change::Traffic { shares, .. } => shares.iter().for_each(|share| note(&share.version)),
        Change::Replaced { to, .. } => note(to),
        Change::Attributed { version, .. } => version.iter().for_each(|version| note(version)),
        Change::Nothing
        | Change::Requested
        | Change::Suspended { .. }
        | Change::Resumed
        | Change::Stopped { .. }
        | Change::Observed { .. } => {}
    }
}

/// The beginning of the keys of a model's or a use case's endpoints.
pub(crate) fn endpoints_key(subject: &str) -> Key {
    ENDPOINTS.key().text(whole(subject))
}

/// Notes a correction with what it corrects. Whether it holds is seen when it is asked about: it can be corrected itself.
fn correct(
    correction: &correction::Recorded,
    fact: &Referent,
    index: u64,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let new_subject = match correction.kind {
        CorrectionKind::ReSubjects => correction.new_subject.as_ref().map(ToString::to_string),
        CorrectionKind::Amends | CorrectionKind::Voids => None,
    };
    if let Some(subject) = &new_subject {
        let key = layout::moved_key(subject).number(fact.index).number(index);
        batch.put(&MOVED, key, subject.clone());
        // A step is of the endpoint to which it is moved, for the models and use cases that it names.
        if let Some(step) = batch.read(&STEPS, &layout::step_key(&fact.subject, fact.at_ms, fact.index))? {
            note_endpoint(&step.change, whole(subject), batch);
        }
    }
    let noted = Correction { index, voids: correction.kind == CorrectionKind::Voids, new_subject };
    batch.put(&CORRECTIONS, layout::corrections_key(fact.index).number(index), noted);
    Ok(())
}
