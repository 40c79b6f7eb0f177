//! What subjects gather: whether there is room for more, and how much there is.

use probity_domain::gathering::{Full, MOST, MOST_BYTES, MOST_MATTERS};
use probity_domain::ids::model_of;
use probity_domain::references::answerable;
use probity_domain::serving::{Change, Step};
use probity_domain::signed::ordered_at_ms;
use probity_domain::subjects::{Dataset, Model, Version, Withdrawal};
use probity_domain::{Effect, SignedBy};
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::{Data, Event, EventId};

use super::{DomainState, Endpoint, Heap, Key};
use crate::violation::RuleViolation;

/// An event that is answered, continued or closed, and the model or other subject that it is about. What monitors find is
/// kept one by one everywhere, and there is no end of it.
fn answered(event: &Event, by: SignedBy<'_>) -> Option<(Key, EventId)> {
    let answers = !answerable(event.event_type()).is_empty() && !matches!(event.data, Data::Monitor(_));
    event.regarding.filter(|_| answers).map(|regarding| (model_of(by.subject).into(), regarding))
}

/// What comes or goes at an endpoint: the models that are said to serve there, or not any more.
fn moved(event: &Event, by: SignedBy<'_>, serves: Option<&Key>) -> (Vec<Key>, Vec<Key>) {
    let Some(step) = Step::of(event, by.signed.index, by.signed.time_ms) else { return Default::default() };
    let comes = step.change.names().filter(|name| name.starts_with("model:")).map(|name| model_of(name).into());
    let goes = match &step.change {
        Change::Stopped { version: Some(version) } => Some(model_of(version).into()),
        Change::Stopped { version: None } => serves.map(|version| model_of(version).into()),
        _ => None,
    };
    (comes.collect(), goes.into_iter().collect())
}

/// The moment of what happened at an endpoint, in Unix milliseconds, where that lies before the newest one. Whoever folds
/// it folds all that came after it once more.
fn late(event: &Event, by: SignedBy<'_>, here: Option<&Endpoint>) -> bool {
    let at_ms = ordered_at_ms(event.occurred.map(|at| at.latest().as_ms()), by.signed.time_ms);
    here.is_some_and(|here| at_ms < here.newest_ms) && Step::of(event, by.signed.index, at_ms).is_some()
}

fn full(of: &(impl ToString + ?Sized), room: Result<(), Full>) -> Result<(), RuleViolation> {
    room.map_err(|full| RuleViolation::too_many(of.to_string(), full))
}

impl DomainState {
    /// Whether there is room for one thing that an event says.
    pub(crate) fn takes(&self, effect: &Effect) -> Result<(), RuleViolation> {
        match effect {
            Effect::Version(version, said) => self.version_takes(version.as_str(), said),
            Effect::Model(model, said) => {
                let known = self.models.get(model.as_str());
                full(model, known.map_or_else(|| Model::default().takes(said), |known| known.takes(said)))
            }
            Effect::Dataset(dataset, said) => {
                let known = self.datasets.get(dataset.as_str());
                full(dataset, known.map_or_else(|| Dataset::default().takes(said), |known| known.takes(said)))
            }
            Effect::Run(run, said) => {
                let known = self.runs.get(run);
                full(&run.id, known.map_or_else(|| Version::default().takes(said), |known| known.takes(said)))?;
                let mut waiting = self.awaiting.get(run).into_iter().flatten();
                waiting.try_for_each(|version| self.version_takes(version.as_str(), said))
            }
            Effect::RunProduced(run, version) => {
                let known = self.awaiting.get(run).map(Vec::as_slice).unwrap_or_default();
                if !known.contains(version) {
                    full(&run.id, Full::unless("versions", known.len() + 1, MOST))?;
                }
                self.runs.get(run).map_or(Ok(()), |said| self.version_takes(version.as_str(), said))
            }
            Effect::DataWithdrawn(digest, withdrawal) => withdrawn(digest, self.withdrawn_data.get(digest), withdrawal),
            Effect::DocumentWithdrawn(digest, withdrawal) => withdrawn(digest, self.documents.get(digest), withdrawal),
            Effect::AttachmentWithdrawn(attached, withdrawal) => match self.attached.get(attached) {
                Some(digest) => withdrawn(digest, self.documents.get(digest), withdrawal),
                None => Ok(()),
            },
            Effect::Document(_) | Effect::Attached(..) => Ok(()),
        }
    }

    fn version_takes(&self, version: &str, said: &Version) -> Result<(), RuleViolation> {
        match self.versions.get(version) {
            Some(known) => full(version, known.takes(said)),
            None => full(version, Version::default().takes(said)),
        }
    }

    /// Whether there is room for an answer, a correction, an exception, or for one more place where a model serves.
    pub(crate) fn takes_matters(&self, event: &Event, by: SignedBy<'_>, bytes: usize) -> Result<(), RuleViolation> {
        if let Some(answered) = answered(event, by) {
            let heap = self.answers.get(&answered).copied().unwrap_or_default();
            full(&answered.1, Full::unless("answers", heap.count + 1, MOST))?;
            full(&answered.1, Full::unless("bytes of answers", heap.bytes + bytes, MOST_BYTES))?;
        }
        if matches!(event.data, Data::Correction(_)) {
            let of = model_of(by.subject);
            let heap = self.corrections.get(of).copied().unwrap_or_default();
            full(of, Full::unless("corrections", heap.count + 1, MOST))?;
        }
        if matches!(event.data, Data::Exception(ExceptionEvent::Granted(_) | ExceptionEvent::Invoked(_))) {
            let count = self.exceptions.get(by.subject).map_or(0, Vec::len);
            full(by.subject, Full::unless("exceptions", count + 1, MOST_MATTERS))?;
        }
        if let Data::Deployment(DeploymentEvent::Suspended(suspended)) = &event.data {
            let here = self.endpoints.get(by.subject);
            let stops = here.map(|endpoint| endpoint.stops.as_slice()).unwrap_or_default();
            full(by.subject, self.stopped_seldom(stops))?;
            let serves = here.and_then(|endpoint| endpoint.serves.clone());
            let version = suspended.version.as_ref().map(|version| version.to_string().into()).or(serves);
            for stopped in version.iter().flat_map(|version| [&**version, model_of(version)]) {
                full(stopped, self.stopped_seldom(self.stops.get(stopped).map(Vec::as_slice).unwrap_or_default()))?;
            }
        }
        let here = self.endpoints.get(by.subject);
        if let Some(here) = here.filter(|here| late(event, by, Some(here))) {
            full(by.subject, Full::unless("deployments told of late", here.late + 1, MOST))?;
        }
        let (comes, _) = moved(event, by, None);
        for model in comes {
            let known = self.places.get(&(model.clone(), by.number)).map(Vec::as_slice).unwrap_or_default();
            if !known.iter().any(|endpoint| **endpoint == *by.subject) {
                full(&model, Full::unless("endpoints where one signer says that it serves", known.len() + 1, MOST))?;
            }
        }
        Ok(())
    }

    /// Whether there is room for one more of these emergency stops: those that were lifted make room.
    fn stopped_seldom(&self, stops: &[u64]) -> Result<(), Full> {
        let lifted = |index: &u64| self.items.get(index).is_none_or(|item| item.closed.is_some());
        let full = stops.len() >= MOST && !stops.iter().any(lifted);
        Full::unless("emergency stops that nobody lifted", stops.len() + usize::from(full), MOST)
    }

    /// Counts what an event adds. Returns whether anything changed.
    pub(crate) fn heap_up(&mut self, event: &Event, by: SignedBy<'_>, bytes: usize) -> bool {
        let mut changed = false;
        if let Some(answered) = answered(event, by) {
            let heap = self.answers.make(answered);
            *heap = Heap { count: heap.count + 1, bytes: heap.bytes + bytes };
            changed = true;
        }
        if matches!(event.data, Data::Correction(_)) {
            self.corrections.entry(model_of(by.subject)).count += 1;
            changed = true;
        }
        let here = self.endpoints.get(by.subject);
        let (is_late, serves) = (late(event, by, here), here.and_then(|endpoint| endpoint.serves.clone()));
        if matches!(event.data, Data::Deployment(_)) {
            let at_ms = ordered_at_ms(event.occurred.map(|at| at.latest().as_ms()), by.signed.time_ms);
            let here = self.endpoints.entry(by.subject);
            here.newest_ms = here.newest_ms.max(at_ms);
            here.late += usize::from(is_late);
            changed = true;
        }
        let (comes, goes) = moved(event, by, serves.as_ref());
        let at = |places: &[Key]| places.iter().position(|endpoint| **endpoint == *by.subject);
        for place in comes.into_iter().map(|model| (model, by.number)) {
            if self.places.get(&place).is_none_or(|places| at(places).is_none()) {
                let endpoint = self.key(by.subject);
                self.places.make(place).push(endpoint);
                changed = true;
            }
        }
        for place in goes.into_iter().map(|model| (model, by.number)) {
            if let Some(known) = self.places.get(&place).and_then(|places| at(places)) {
                self.places.make(place).swap_remove(known);
                changed = true;
            }
        }
        changed
    }

    /// The subjects whose events hold texts sealed under a key.
    pub(crate) fn sealed_under(&self, kid: [u8; 16]) -> impl Iterator<Item = &Key> {
        let count = self.sealed.get(&kid).copied().unwrap_or_default();
        (1..=count).filter_map(move |number| self.sealed_in.get(&(kid, number)))
    }
}

fn withdrawn(
    digest: &probity_schemas::Digest,
    known: Option<&Vec<Withdrawal>>,
    withdrawal: &Withdrawal,
) -> Result<(), RuleViolation> {
    full(digest, withdrawal.added_to(known.map(Vec::as_slice).unwrap_or_default()))
}
