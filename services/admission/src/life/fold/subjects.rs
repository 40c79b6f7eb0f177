//! What there is: uses, models, versions, datasets, training runs.

use std::sync::Arc;

use probity_schemas::data::DataEvent;
use probity_schemas::model::{ComponentRole, ModelEvent};
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::{Event, SubjectKind};

use super::key;
use crate::authority::Authority;
use crate::life::subjects::Owner;
use crate::life::{Case, Life, Standing, Version, add, model_of};

impl Life {
    pub(super) fn use_case(
        &mut self,
        event: &Event,
        data: &UsecaseEvent,
        by: Standing<'_>,
        authority: &Authority,
    ) -> bool {
        match data {
            UsecaseEvent::Proposed(_) => {
                let persons = authority.actors(by.issuer, event).persons;
                let use_case = self.use_cases.entry(by.subject);
                use_case.proposed.get_or_insert(by.signed.index);
                persons.into_iter().for_each(|person| add(&mut use_case.proposers, person));
                self.open(event, by, authority, Case::UseCaseProposal)
            }
            UsecaseEvent::Accepted(_) => {
                self.use_cases.entry(by.subject).accepted = Some(by.signed);
                self.close(event, by);
                true
            }
            UsecaseEvent::Declined(_) => {
                self.use_cases.entry(by.subject).accepted = None;
                self.close(event, by);
                true
            }
            UsecaseEvent::Retired(_) => {
                self.use_cases.entry(by.subject).retired = Some(by.signed);
                true
            }
            UsecaseEvent::Linked(linked) => {
                let model = self.models.entry(linked.model.without_version().to_string().as_str());
                if !model.uses.iter().any(|(key, _)| **key == *by.subject) {
                    model.uses.push((by.subject.into(), by.signed.index));
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn model(&mut self, event: &Event, data: &ModelEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            ModelEvent::Registered(registered) => {
                let model = self.models.entry(model_of(by.subject));
                let again = model.registered.is_some();
                model.registered.get_or_insert(by.signed.index);
                let widened = registered.intended_uses.iter().any(|used| !model.intended_uses.contains(used));
                if again && widened {
                    model.disturbances.use_widened = Some(by.signed.index);
                }
                registered.intended_uses.iter().for_each(|used| add(&mut model.intended_uses, used.clone()));
                true
            }
            ModelEvent::VersionRegistered(registered) => {
                let run = registered.training_run.and_then(|run| self.runs.remove(&run));
                let actors = authority.actors(by.issuer, event);
                let version = self.versions.entry(by.subject);
                version.registered.get_or_insert(by.signed.index);
                version.has_artifacts |= !registered.artifacts.is_empty();
                let components = registered.components.iter().filter_map(|component| component.digest);
                let digests = registered.artifacts.iter().map(|artifact| artifact.digest).chain(components);
                digests.for_each(|digest| add(&mut version.digests, digest));
                let code = registered.code.as_ref().and_then(|code| code.digest);
                code.into_iter().for_each(|digest| add(&mut version.pipelines, digest));
                let indexes = registered.components.iter().filter(|part| part.role == ComponentRole::RetrievalIndex);
                let indexes = indexes.filter_map(|part| part.subject.as_ref());
                for dataset in indexes.filter(|subject| subject.kind == SubjectKind::Dataset) {
                    add(&mut version.datasets, key(dataset));
                }
                version.involve(actors, by.signed.index);
                if let Some(run) = run {
                    version.absorb(Arc::unwrap_or_clone(run));
                }
                true
            }
            ModelEvent::Classified(classified) => {
                let until = classified.expires_at.map(|until| until.as_ms());
                self.models.entry(model_of(by.subject)).classified_until = Some(until);
                true
            }
            ModelEvent::OwnershipAccepted(accepted) => {
                let owners = &mut self.models.entry(model_of(by.subject)).owners;
                owners.retain(|owner| owner.role != accepted.role);
                owners.push(Owner { role: accepted.role, person: by.issuer.clone(), signed: by.signed });
                true
            }
            _ => false,
        }
    }

    pub(super) fn dataset(&mut self, data: &DataEvent, by: Standing<'_>) -> bool {
        match data {
            DataEvent::Registered(registered) if !registered.derived_from.is_empty() => {
                let dataset = self.datasets.entry(by.subject);
                registered.derived_from.iter().for_each(|origin| add(&mut dataset.derived_from, key(origin)));
                true
            }
            DataEvent::Withdrawn(withdrawn) => {
                let whole = withdrawn.digests.is_empty() && withdrawn.window.is_none();
                let dataset = self.datasets.entry(by.subject);
                let slot = if whole { &mut dataset.withdrawn } else { &mut dataset.partly_withdrawn };
                *slot = Some(by.signed.index);
                for digest in &withdrawn.digests {
                    self.withdrawn_data.insert(*digest, by.signed.index);
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn training(
        &mut self,
        event: &Event,
        data: &TrainingEvent,
        by: Standing<'_>,
        authority: &Authority,
    ) -> bool {
        let TrainingEvent::Completed(completed) = data else { return false };
        let mut run = Version {
            pipelines: completed.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
            datasets: completed.datasets.iter().map(key).collect(),
            dataset_digests: completed.dataset_digests.clone(),
            ..Version::default()
        };
        run.involve(authority.actors(by.issuer, event), by.signed.index);
        let named = completed.produced_version.as_ref().or(Some(&event.subject));
        match named.filter(|subject| subject.version.is_some()) {
            Some(produced) => self.versions.entry(produced.to_string().as_str()).absorb(run),
            None => self.runs.insert(event.id, run),
        }
        true
    }
}
