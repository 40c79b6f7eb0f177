//! What each type of event says about what comes from what.

use probity_domain::serving::Step;
use probity_projection::{Batch, ProjectionError, Projector, Recorded, StoreError};
use probity_schemas::data::{self, DataEvent};
use probity_schemas::dependency::{self, DependencyEvent, Direction};
use probity_schemas::model::{self, ComponentRole, ModelEvent, VersionRegistered};
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::shared::Code;
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::{Data, Digest, Subject};

use crate::graph::{Fate, Relation};
use crate::names::{Kind, Name};
use crate::telling::Telling;

/// Folds statements into the graph of what comes from what.
#[derive(Debug, Default)]
pub struct LineageProjector;

impl Projector for LineageProjector {
    const NAME: &'static str = "lineage";
    // 4: facts stand under their positions, and runs that share an id are told apart.
    const VERSION: u32 = 7;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let mut telling = Telling::of(recorded, batch);
        let said = match &recorded.event.data {
            Data::Data(event) => telling.dataset(event)?,
            Data::Training(event) => telling.training(event)?,
            Data::Model(event) => telling.model(event)?,
            Data::Dependency(event) => telling.dependency(event)?,
            Data::Usecase(event) => telling.use_case(event)?,
            Data::Retirement(event) => telling.retirement(event)?,
            Data::Correction(_) => telling.correction()?,
            Data::Deployment(_) => match Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms()) {
                Some(step) => telling.step(step).map(|()| true)?,
                None => false,
            },
            _ => false,
        };
        if said {
            telling.end();
        }
        Ok(())
    }
}

/// Whether a statement said anything that can be taken back.
type Said = Result<bool, StoreError>;

impl Telling<'_, '_> {
    fn subject(&mut self) -> Result<u32, StoreError> {
        self.node(&Name::from(&self.recorded.event.subject))
    }

    fn all_from<'s>(
        &mut self,
        later: u32,
        earlier: impl IntoIterator<Item = &'s Subject>,
        relation: Relation,
    ) -> Result<(), StoreError> {
        for earlier in earlier {
            let earlier = self.node(&Name::from(earlier))?;
            self.comes_from(later, earlier, relation)?;
        }
        Ok(())
    }

    fn dataset(&mut self, event: &DataEvent) -> Said {
        match event {
            DataEvent::Registered(registered) => self.dataset_registered(registered)?,
            DataEvent::Withdrawn(withdrawn) => {
                let dataset = self.subject()?;
                self.mark(dataset, Fate::Withdrawn)?;
                for digest in &withdrawn.digests {
                    let part = self.node(&Name::digest(digest))?;
                    if part != dataset {
                        // What is somebody else's as well is withdrawn as this dataset's part alone.
                        if !self.is_somebody_elses(part)? {
                            self.mark(part, Fate::Withdrawn)?;
                        }
                        self.part_of(dataset, part, Relation::PartOf)?;
                    }
                }
            }
            DataEvent::DispositionRecorded(_) => return Ok(false),
        }
        Ok(true)
    }

    fn dataset_registered(&mut self, registered: &data::Registered) -> Result<(), StoreError> {
        let dataset = self.subject()?;
        self.register(dataset)?;
        if let Some(digest) = &registered.digest {
            let digest = self.node(&Name::digest(digest))?;
            self.alias(dataset, digest)?;
        }
        self.all_from(dataset, &registered.derived_from, Relation::DerivedFrom)?;
        if let Some(source) = &registered.source {
            let source = self.node(&Name::reference(source))?;
            self.comes_from(dataset, source, Relation::DerivedFrom)?;
        }
        Ok(())
    }

    fn training(&mut self, event: &TrainingEvent) -> Said {
        match event {
            TrainingEvent::Started(started) => {
                let run = self.own_run()?;
                self.register(run)?;
                self.trained_on(run, &started.datasets, &started.dataset_digests)?;
                self.made_with(run, started.code.as_ref(), None)?;
            }
            TrainingEvent::Completed(completed) => {
                let run = self.own_run()?;
                self.register(run)?;
                if let Some(started) = self.recorded.answered()
                    && let Some(started) = self.fact_of(started.index)?.and_then(|fact| fact.registers)
                {
                    self.alias(run, started)?;
                }
                self.trained_on(run, &completed.datasets, &completed.dataset_digests)?;
                self.made_with(run, completed.code.as_ref(), completed.environment_digest.as_ref())?;
                let own = &self.recorded.event.subject;
                let produced = completed.produced_version.as_ref().unwrap_or(own);
                // A run of one model says nothing of another one's versions.
                if produced.without_version() != own.without_version() {
                    return Ok(true);
                }
                let produced = Name::from(produced);
                let made = self.node(&produced)?;
                // Of a model of which nobody says which version it is, only some version came out of the run.
                if produced.kind == Kind::Model {
                    self.part_of(made, run, Relation::Produced)?;
                } else {
                    self.comes_from(made, run, Relation::Produced)?;
                }
            }
            TrainingEvent::Failed(_) => return Ok(false),
        }
        Ok(true)
    }

    fn trained_on(&mut self, run: u32, datasets: &[Subject], digests: &[Digest]) -> Result<(), StoreError> {
        self.all_from(run, datasets, Relation::TrainedOn)?;
        for digest in digests {
            let digest = self.node(&Name::digest(digest))?;
            self.comes_from(run, digest, Relation::TrainedOn)?;
        }
        Ok(())
    }

    fn made_with(&mut self, made: u32, code: Option<&Code>, environment: Option<&Digest>) -> Result<(), StoreError> {
        let commit = code.and_then(|code| code.commit.as_ref()).map(|commit| Name::commit(commit));
        let tree = code.and_then(|code| code.digest.as_ref()).map(Name::code);
        for name in [commit, tree, environment.map(Name::environment)].into_iter().flatten() {
            let node = self.node(&name)?;
            self.comes_from(made, node, Relation::BuiltFrom)?;
        }
        Ok(())
    }

    fn model(&mut self, event: &ModelEvent) -> Said {
        match event {
            ModelEvent::Registered(registered) => {
                let model = self.subject()?;
                self.register(model)?;
                self.all_from(model, &registered.supplier, Relation::SuppliedBy)?;
            }
            ModelEvent::VersionRegistered(registered) => self.version_registered(registered)?,
            // That two models are one is for those to say who have a say over both.
            ModelEvent::Linked(linked) if !self.recorded.reaches(&linked.other) => return Ok(false),
            ModelEvent::Linked(linked) => {
                let model = self.subject()?;
                let other = self.node(&Name::from(&linked.other))?;
                match linked.relation {
                    model::Relation::SameAs => self.same(model, other, [Relation::SameAs; 2])?,
                    model::Relation::RenamedFrom => {
                        self.same(model, other, [Relation::RenamedFrom, Relation::RenamedTo])?;
                    }
                    model::Relation::SplitFrom => self.comes_from(model, other, Relation::SplitFrom)?,
                }
            }
            ModelEvent::OwnershipAccepted(accepted) => {
                self.accept(accepted)?;
                return Ok(false);
            }
            ModelEvent::Classified(_) | ModelEvent::Amended(_) => return Ok(false),
        }
        Ok(true)
    }

    fn version_registered(&mut self, registered: &VersionRegistered) -> Result<(), StoreError> {
        let version = self.subject()?;
        self.register(version)?;
        for artifact in &registered.artifacts {
            let artifact = self.node(&Name::digest(&artifact.digest))?;
            self.alias(version, artifact)?;
        }
        for component in &registered.components {
            let relation = match component.role {
                ComponentRole::BaseModel => Relation::BasedOn,
                ComponentRole::Adapter => Relation::AdaptedFrom,
                ComponentRole::Prompt
                | ComponentRole::Guardrail
                | ComponentRole::RetrievalIndex
                | ComponentRole::Tool
                | ComponentRole::FeatureView => Relation::Component,
            };
            let subject = component.subject.as_ref().map(Name::from);
            let digest = component.digest.as_ref().map(Name::digest);
            let reference = component.reference.as_ref().map(|reference| Name::reference(reference));
            for name in [subject, digest, reference].into_iter().flatten() {
                let node = self.node(&name)?;
                self.comes_from(version, node, relation)?;
            }
        }
        if let Some(reference) = &registered.reference {
            let (name, all) = Name::provided(reference);
            let node = self.node(&name)?;
            self.comes_from(version, node, Relation::BasedOn)?;
            if let Some(all) = all {
                let all = self.node(&all)?;
                self.part_of(all, node, Relation::VersionOf)?;
            }
        }
        self.made_with(version, registered.code.as_ref(), registered.environment_digest.as_ref())?;
        self.all_from(version, &registered.parents, Relation::DerivedFrom)?;
        if let Some(run) = registered.training_run {
            let run = self.node(&Name::run(run))?;
            self.comes_from(version, run, Relation::Produced)?;
        }
        Ok(())
    }

    fn dependency(&mut self, event: &DependencyEvent) -> Said {
        match event {
            DependencyEvent::Declared(declared) => self.dependency_declared(declared)?,
            DependencyEvent::Ended(_) => {
                let Some(declared) = self.recorded.answered() else { return Ok(false) };
                self.end_dependency(declared.index, true)?;
                self.fact.ends = Some(declared.index);
            }
        }
        Ok(true)
    }

    fn dependency_declared(&mut self, declared: &dependency::Declared) -> Result<(), StoreError> {
        let other = match (&declared.other, &declared.reference, declared.direction) {
            (Some(other), _, _) => Name::from(other),
            (None, Some(reference), Direction::Upstream) => Name::reference(reference),
            (None, Some(reference), Direction::Consumer) => Name::consumer(reference),
            (None, None, _) => return Ok(()),
        };
        // What consumes a model is said by those who have a say over it, where it has a name here.
        let consumer = declared.other.as_ref().filter(|_| declared.direction == Direction::Consumer);
        if consumer.is_some_and(|consumer| !self.recorded.reaches(consumer)) {
            return Ok(());
        }
        let (model, other) = (self.subject()?, self.node(&other)?);
        self.fact.is_dependency = true;
        match declared.direction {
            Direction::Upstream => self.comes_from(model, other, Relation::Consumes),
            Direction::Consumer => self.comes_from(other, model, Relation::Consumes),
        }
    }

    fn use_case(&mut self, event: &UsecaseEvent) -> Said {
        match event {
            UsecaseEvent::Proposed(_) => {
                let use_case = self.subject()?;
                self.register(use_case)?;
            }
            UsecaseEvent::Linked(linked) => {
                let (use_case, model) = (self.subject()?, self.node(&Name::from(&linked.model))?);
                self.comes_from(use_case, model, Relation::For)?;
            }
            UsecaseEvent::Assessed(_)
            | UsecaseEvent::Accepted(_)
            | UsecaseEvent::Declined(_)
            | UsecaseEvent::Retired(_) => return Ok(false),
        }
        Ok(true)
    }

    fn retirement(&mut self, event: &RetirementEvent) -> Said {
        let fate = match event {
            RetirementEvent::Completed(_) => Fate::Retired,
            RetirementEvent::Reversed(_) => Fate::KeptStep,
            RetirementEvent::Proposed(_)
            | RetirementEvent::Approved(_)
            | RetirementEvent::ArtifactArchived(_)
            | RetirementEvent::ArtifactDestroyed(_) => return Ok(false),
        };
        let model = self.subject()?;
        self.mark(model, fate)?;
        Ok(true)
    }

    /// A correction puts nothing into the graph itself: it takes back what another statement put there.
    fn correction(&mut self) -> Said {
        if let Some(fact) = self.recorded.taken_back() {
            self.take_back(fact.index)?;
        }
        Ok(false)
    }
}
