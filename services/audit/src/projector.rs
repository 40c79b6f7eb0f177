//! How one statement changes the view.

use probity_domain::serving::{Change, Serving, Step};
use probity_projection::{Batch, Key, ProjectionError, Projector, Recorded, Referent, StoreError};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::training::TrainingEvent;
use probity_schemas::{Data, Event, Subject, SubjectKind, correction};

use crate::layout::{
    self, ANSWERS, CONFIRMABLE, CORRECTIONS, Correction, ENDPOINTS, EventHead, EventRecord, FACTS, MOVED, SERVING,
    STEPS, SUBJECTS, TIMES, whole,
};
use crate::lists::{self, List};

/// Folds statements into the audit view. See the crate's documentation.
#[derive(Debug, Default)]
pub struct AuditProjector;

impl Projector for AuditProjector {
    const NAME: &'static str = "audit";
    // 2: answers and corrections stand under the position of what they refer to.
    // 5: the subjects that statements are about can be looked up.
    // 6: what statements say is in the log alone.
    // 7: corrections are not corrected.
    // 8: lists are kept in segments of spans of the log.
    const VERSION: u32 = 8;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let mut entry = EventRecord::of(recorded);
        let at_ms = recorded.sorted_at_ms();
        entry.head.concerns = concerned(recorded, batch)?;
        entry.head.confirms = confirmed(&recorded.event, batch)?;
        if let Data::Authority(_) | Data::Policy(_) = recorded.event.data {
            batch.put(&CONFIRMABLE, CONFIRMABLE.key().fixed(&entry.digest), recorded.index);
        }
        list(&entry.head, (recorded.index, at_ms), batch)?;
        batch.put(&TIMES, TIMES.key().number(at_ms).number(recorded.index), ());
        batch.put(&layout::ids(), layout::id_key(&layout::id_bytes(&recorded.event.id)).number(recorded.index), ());
        if let Some(regarded) = &recorded.referent {
            batch.put(&ANSWERS, ANSWERS.key().number(regarded.index).number(recorded.index), ());
        }
        facts(&recorded.event, recorded.index, batch);
        SUBJECTS.note(recorded, batch);
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

/// Versions and uses that a statement about endpoints concerns, at most.
const CONCERNED: usize = 32;

/// What a statement concerns because it is about endpoints: the versions that served there before it, or do with it, and
/// the use, where its signer has a say. So what happened where a model serves is part of the model's history.
fn concerned(recorded: &Recorded, batch: &mut Batch<'_>) -> Result<Vec<String>, ProjectionError> {
    let event = &recorded.event;
    let step = Step::of(event, recorded.index, recorded.sorted_at_ms());
    let mut concerned: Vec<String> = let_through(event).into_iter().map(ToString::to_string).collect();
    let mut note = |serving: &Serving| {
        let versions = serving.shares.iter().map(|share| &share.version).filter(|version| !version.is_empty());
        concerned.extend(versions.chain(&serving.use_case).cloned());
    };
    for endpoint in event.about.iter().chain([&event.subject]).filter(|subject| subject.kind == SubjectKind::Endpoint) {
        let key = SERVING.key().text(&endpoint.without_version().to_string());
        if batch.contains(&key)? {
            note(batch.record(&SERVING, key.clone())?);
        }
        if let Some(step) = step.as_ref().filter(|_| *endpoint == event.subject) {
            let serving = batch.record(&SERVING, key)?;
            serving.step(step);
            note(serving);
        }
    }
    concerned.sort_unstable();
    concerned.dedup();
    concerned.retain(|subject| subject.parse().is_ok_and(|subject| recorded.reaches(&subject)));
    concerned.truncate(CONCERNED);
    Ok(concerned)
}

/// The index of the act that a statement confirms.
fn confirmed(event: &Event, batch: &Batch<'_>) -> Result<Option<u64>, ProjectionError> {
    let Data::Authority(AuthorityEvent::Confirmed(confirmed)) = &event.data else { return Ok(None) };
    Ok(batch.read(&CONFIRMABLE, &CONFIRMABLE.key().fixed(confirmed.statement_digest.as_bytes()))?)
}

/// The version that is to serve, of a statement that changes nothing about what does.
fn let_through(event: &Event) -> Option<&Subject> {
    match &event.data {
        Data::Deployment(DeploymentEvent::Authorized(authorized)) => Some(&authorized.version),
        Data::Deployment(DeploymentEvent::Requested(requested)) => Some(&requested.version),
        Data::Deployment(DeploymentEvent::Failed(failed)) => failed.version.as_ref(),
        _ => None,
    }
}

/// Puts a statement into the lists that lead to it.
fn list(head: &EventHead, place: lists::TimelinePoint, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let named = head.about.iter().chain(&head.concerns).chain([&head.subject]);
    let mut subjects: Vec<&str> = named.map(|subject| whole(subject)).collect();
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
        SUBJECTS.add(&version.to_string(), batch);
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
    for subject in change.names() {
        SUBJECTS.add(subject, batch);
        batch.put(&ENDPOINTS, endpoints_key(subject).text(endpoint), ());
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
    }
    let noted = Correction { index, voids: correction.kind == CorrectionKind::Voids, new_subject };
    batch.put(&CORRECTIONS, layout::corrections_key(fact.index).number(index), noted);
    Ok(())
}
