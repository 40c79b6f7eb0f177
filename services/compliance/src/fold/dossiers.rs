//! Keeping facts for the rules of control packs.

use std::collections::BTreeSet;

use probity_controls::Fact;
use probity_controls::dossier::Signing;
use probity_domain::corrections::takes_back;
use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::correction::CorrectionEvent;
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::{Data, Subject};

use crate::records::dossiers::{Amendment, FACTS, FACTS_ABOUT, Kept, fact_key};

/// Subjects that one fact is noted under beside its own.
const NOTED: usize = 64;

/// Keeps what is recorded, and notes what else it concerns: where its signer has a say.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let (event, authority) = (&recorded.event, &*recorded.authority);
    let by = recorded.by();
    let persons = authority.actors(by.issuer, event, by.signed.time_ms).persons;
    let roles = authority.held(by.issuer, &event.subject.namespace, recorded.recorded_at_ms());
    let signing = Signing {
        index: recorded.index,
        time_ms: recorded.sorted_at_ms(),
        recorded_ms: recorded.recorded_at_ms(),
        signer: recorded.signer(),
        persons: persons.iter().map(ToString::to_string).collect(),
        roles: roles.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect(),
        answers: recorded.answered().map(|referent| referent.index),
    };
    keep(batch, recorded, &event.subject.to_string(), Fact::of(event, signing));
    correct(batch, recorded)
}

/// Keeps a fact under its subject, and notes it under what else it concerns.
fn keep(batch: &mut Batch<'_>, recorded: &Recorded, subject: &str, fact: Fact) {
    let index = fact.index;
    let concerned: BTreeSet<String> = concerned(recorded).map(ToString::to_string).collect();
    for about in concerned.into_iter().filter(|about| *about != subject).take(NOTED) {
        batch.put(&FACTS_ABOUT, FACTS_ABOUT.key().text(&about).number(index), subject.to_owned());
    }
    batch.put(&FACTS, fact_key(subject, index), Kept { fact, ..Kept::default() });
}

/// What an event concerns beside its subject, as far as its signer has a say there.
fn concerned(recorded: &Recorded) -> impl Iterator<Item = &Subject> {
    let event = &recorded.event;
    let named: Vec<&Subject> = match &event.data {
        Data::Deployment(data) => match data {
            DeploymentEvent::Requested(requested) => vec![&requested.version],
            DeploymentEvent::Authorized(authorized) => vec![&authorized.version],
            DeploymentEvent::Started(started) => started.version.iter().collect(),
            DeploymentEvent::Failed(failed) => failed.version.iter().collect(),
            DeploymentEvent::TrafficChanged(changed) => changed.allocations.iter().map(|it| &it.version).collect(),
            DeploymentEvent::Upgraded(moved) => [&moved.to].into_iter().chain(&moved.from).collect(),
            DeploymentEvent::Downgraded(moved) => [&moved.to].into_iter().chain(&moved.from).collect(),
            DeploymentEvent::RolledBack(moved) => [&moved.to].into_iter().chain(&moved.from).collect(),
            DeploymentEvent::Suspended(suspended) => suspended.version.iter().collect(),
            DeploymentEvent::Stopped(stopped) => stopped.version.iter().collect(),
            DeploymentEvent::Attributed(attributed) => attributed.version.iter().collect(),
            DeploymentEvent::Resumed(_) | DeploymentEvent::Observed(_) => Vec::new(),
        },
        Data::Training(TrainingEvent::Completed(completed)) => completed.produced_version.iter().collect(),
        Data::Usecase(UsecaseEvent::Linked(linked)) => vec![&linked.model],
        _ => Vec::new(),
    };
    named.into_iter().chain(&event.about).filter(|subject| recorded.reaches(subject))
}

/// Takes in what a correction does to an earlier fact.
fn correct(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let Data::Correction(CorrectionEvent::Recorded(said)) = &recorded.event.data else { return Ok(()) };
    let Some(fact) = recorded.corrected() else { return Ok(()) };
    let key = fact_key(&fact.subject, fact.index);
    if !batch.contains(&key)? {
        return Ok(());
    }
    let kept = batch.record(&FACTS, key)?;
    match takes_back(said.kind) {
        true => kept.fact.taken_back = kept.fact.taken_back.or(Some(recorded.index)),
        false => kept.amendments.push(Amendment {
            index: recorded.index,
            field: said.field.as_ref().map(ToString::to_string).unwrap_or_default(),
            new: said.new.as_ref().map(ToString::to_string),
        }),
    }
    Ok(())
}
