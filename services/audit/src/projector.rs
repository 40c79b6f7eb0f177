//! How one statement changes the view.

use probity_domain::serving::{Change, Step};
use probity_projection::{Batch, Key, ProjectionError, Projector, Recorded, StoreError};
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::training::TrainingEvent;
use probity_schemas::{Data, Event, EventId, correction};

use crate::layout::{
    self, ANSWERS, CORRECTIONS, Correction, ENDPOINTS, Entry, FACTS, Head, Kept, MOVED, Moved, STEPS, TIMES, whole,
};
use crate::lists::{self, List};

/// Folds statements into the audit view. See the crate's documentation.
#[derive(Debug, Default)]
pub struct AuditProjector;

impl Projector for AuditProjector {
    const NAME: &'static str = "audit";
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let entry = Entry::of(recorded);
        let at_ms = recorded.sorted_at_ms();
        list(&entry.head, (recorded.index, at_ms), batch)?;
        batch.put(&TIMES, TIMES.key().number(at_ms).number(recorded.index), ());
        batch.put(&layout::ids(), layout::id_key(&entry.head.id).number(recorded.index), ());
        if let Some(regarding) = &recorded.event.regarding {
            let regarding = layout::id_bytes(regarding);
            batch.put(&ANSWERS, ANSWERS.key().fixed(&regarding).number(recorded.index), ());
        }
        facts(&recorded.event, recorded.index, batch);
        step(recorded, &entry.head, batch);
        if let (Data::Correction(CorrectionEvent::Recorded(correction)), Some(regarding)) =
            (&recorded.event.data, &recorded.event.regarding)
        {
            correct(correction, regarding, recorded.index, &entry.head, batch)?;
        }
        batch.put(&layout::events(), layout::event_key(recorded.index), entry);
        Ok(())
    }
}

/// Puts a statement into the lists that lead to it.
fn list(head: &Head, place: lists::Place, batch: &mut Batch<'_>) -> Result<(), StoreError> {
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
fn step(recorded: &Recorded, head: &Head, batch: &mut Batch<'_>) {
    let Some(step) = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms()) else { return };
    let endpoint = whole(&head.subject);
    note_endpoint(&step.change, endpoint, batch);
    let key = layout::step_key(endpoint, step.at_ms, step.index);
    let is_act = recorded.event.info().is_act();
    batch.put(&STEPS, key, Kept { step, id: head.id, issuer: head.signer.clone(), is_act });
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

/// Notes a correction with what it corrects. Whether it counts is seen when it is asked about: the event may have another
/// issuer, and may be recorded after its correction.
fn correct(
    correction: &correction::Recorded,
    regarding: &EventId,
    index: u64,
    head: &Head,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let regarding = layout::id_bytes(regarding);
    let new_subject = match correction.kind {
        CorrectionKind::ReSubjects => correction.new_subject.as_ref().map(ToString::to_string),
        CorrectionKind::Amends | CorrectionKind::Voids => None,
    };
    if let Some(subject) = &new_subject {
        let issuer = head.signer.clone();
        let moved = Moved { issuer, index, subject: subject.clone() };
        batch.record(&MOVED, layout::moved_key(subject).fixed(&regarding))?.push(moved);
        move_step(&regarding, &head.signer, subject, batch)?;
    }
    let noted = Correction { index, id: head.id, voids: correction.kind == CorrectionKind::Voids, new_subject };
    batch.record(&CORRECTIONS, layout::corrections_key(&regarding, &head.signer))?.push(noted);
    Ok(())
}

/// Notes the endpoint to which a step is moved for the models and use cases that the step names.
fn move_step(id: &[u8; 16], issuer: &str, endpoint: &str, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let prefix = layout::id_key(id);
    for key in batch.keys(&prefix)? {
        let number = key.get(prefix.as_bytes().len()..).and_then(|rest| rest.try_into().ok());
        let Some(index) = number.map(u64::from_be_bytes) else { continue };
        let Some(entry) = batch.read(&layout::events(), &layout::event_key(index))? else { continue };
        let key = layout::step_key(&entry.head.subject, entry.head.sorted_at_ms(), index);
        if entry.head.signer == issuer
            && let Some(kept) = batch.read(&STEPS, &key)?
        {
            note_endpoint(&kept.step.change, whole(endpoint), batch);
        }
    }
    Ok(())
}
