//! Use cases: what is to be solved, who wants it, which models serve it, what was decided.

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::USES;
use crate::facets::{Indexed, namespace_of};
use crate::models::{self, Class, Use};

/// What is known of a use case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UseCaseRecord {
    pub(crate) proposals: Vec<Proposal>,
    /// accepted, declined or retired, in log order.
    pub(crate) decisions: Vec<(String, Stated)>,
    /// Kind, outcome.
    pub(crate) assessments: Vec<(String, String, Stated)>,
    pub(crate) models: Vec<LinkedModel>,
    pub(crate) classes: Vec<Class>,
    pub(crate) last_activity_ms: u64,
    indexed: Indexed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) title: String,
    pub(crate) problem: String,
    pub(crate) owner: String,
    pub(crate) sponsor: String,
    pub(crate) population: String,
    pub(crate) decision_type: String,
    pub(crate) jurisdictions: Vec<String>,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinkedModel {
    pub(crate) model: String,
    pub(crate) role: String,
    pub(crate) index: u64,
}

impl UseCaseRecord {
    pub(crate) fn state(&self) -> &str {
        match (self.decisions.last(), self.proposals.last()) {
            (Some((decision, _)), _) => decision,
            (None, Some(_)) => "proposed",
            (None, None) => "unregistered",
        }
    }

    pub(crate) fn forget(&mut self, index: u64) {
        self.proposals.retain(|entry| entry.stated.index != index);
        self.decisions.retain(|(_, stated)| stated.index != index);
        self.assessments.retain(|(_, _, stated)| stated.index != index);
        self.models.retain(|linked| linked.index != index);
        self.classes.retain(|class| class.stated.index != index);
    }

    /// One link for each model: the newest.
    pub(crate) fn current_models(&self) -> impl Iterator<Item = &LinkedModel> {
        let later = |linked: &LinkedModel| {
            self.models.iter().any(|other| other.model == linked.model && other.index > linked.index)
        };
        self.models.iter().filter(move |linked| !later(linked))
    }

    /// One class for each framework: the newest.
    pub(crate) fn current_classes(&self) -> impl Iterator<Item = &Class> {
        let later = |class: &Class| {
            let mut others = self.classes.iter();
            others.any(|other| other.framework == class.framework && other.stated.index > class.stated.index)
        };
        self.classes.iter().filter(move |class| !later(class))
    }

    /// The newest of each kind.
    pub(crate) fn current_assessments(&self) -> impl Iterator<Item = &(String, String, Stated)> {
        let later = |(kind, _, stated): &(String, String, Stated)| {
            self.assessments.iter().any(|(other, _, at)| other == kind && at.index > stated.index)
        };
        self.assessments.iter().filter(move |assessment| !later(assessment))
    }

    pub(crate) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.proposals.iter().map(|entry| entry.stated.index).collect();
        indices.extend(self.decisions.last().map(|(_, stated)| stated.index));
        indices.extend(self.current_assessments().map(|(_, _, stated)| stated.index));
        indices.extend(self.current_models().map(|linked| linked.index));
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    fn properties(&self, subject: &str) -> Indexed {
        let mut indexed = Indexed::new();
        indexed.facet("namespace", namespace_of(subject));
        indexed.facet("state", self.state());
        indexed.text(subject.split_once(':').map_or(subject, |(_, path)| path));
        for class in self.current_classes() {
            indexed.facet("class", &class.class);
            indexed.facet(&format!("class:{}", class.framework), &class.class);
        }
        if let Some(proposal) = self.proposals.last() {
            indexed.facet("owner", &proposal.owner);
            for jurisdiction in &proposal.jurisdictions {
                indexed.facet("jurisdiction", jurisdiction);
            }
            indexed.text(&proposal.title);
            indexed.text(&proposal.problem);
        }
        indexed
    }
}

/// Changes the record of a use case, and what it is found by.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    change: impl FnOnce(&mut UseCaseRecord),
) -> Result<(), ProjectionError> {
    let key = USES.key().text(subject);
    let record = batch.record(&USES, key.clone())?;
    change(record);
    let properties = record.properties(subject);
    if properties != record.indexed {
        let mut indexed = std::mem::take(&mut record.indexed);
        indexed.change(properties, subject, batch)?;
        batch.record(&USES, key)?.indexed = indexed;
    }
    Ok(())
}

/// Brings the models of a use up to date with it: they are found by its jurisdictions.
pub(crate) fn refresh_models(batch: &mut Batch<'_>, subject: &str) -> Result<(), ProjectionError> {
    let linked = batch.read(&USES, &USES.key().text(subject))?.unwrap_or_default().models;
    for linked in linked {
        models::change(batch, probity_domain::ids::model_of(&linked.model), |_| {})?;
    }
    Ok(())
}

/// Takes in what is said of a use case.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &UsecaseEvent,
) -> Result<(), ProjectionError> {
    let stated = Stated::of(recorded);
    let decided = |batch: &mut Batch<'_>, word: &str, stated: Stated| {
        change(batch, subject, |record| record.decisions.push((word.to_owned(), stated)))
    };
    match event {
        UsecaseEvent::Proposed(proposed) => {
            let identity = |identity: &Option<probity_schemas::Identity>| {
                identity.as_ref().map(ToString::to_string).unwrap_or_default()
            };
            let proposal = Proposal {
                title: recorded.event.title.as_ref().map(ToString::to_string).unwrap_or_default(),
                problem: proposed.problem.to_string(),
                owner: identity(&proposed.owner),
                sponsor: identity(&proposed.sponsor),
                population: proposed.population.as_ref().map(ToString::to_string).unwrap_or_default(),
                decision_type: proposed.decision_type.as_ref().map(word).unwrap_or_default(),
                jurisdictions: proposed.jurisdictions.iter().map(ToString::to_string).collect(),
                stated,
            };
            change(batch, subject, |record| record.proposals.push(proposal))?;
            refresh_models(batch, subject)
        }
        UsecaseEvent::Assessed(assessed) => {
            let outcome = assessed.outcome.as_ref().map(word).unwrap_or_default();
            change(batch, subject, |record| record.assessments.push((word(&assessed.kind), outcome, stated)))
        }
        UsecaseEvent::Accepted(_) => decided(batch, "accepted", stated),
        UsecaseEvent::Declined(_) => decided(batch, "declined", stated),
        UsecaseEvent::Retired(_) => decided(batch, "retired", stated),
        UsecaseEvent::Linked(linked) => {
            let (model, role, index) = (linked.model.to_string(), word(&linked.role), recorded.index);
            let whole = probity_domain::ids::model_of(&model).to_owned();
            change(batch, subject, |record| {
                record.models.push(LinkedModel { model, role: role.clone(), index });
            })?;
            let use_case = subject.to_owned();
            models::change(batch, &whole, |record| {
                record.use_cases.push(Use { use_case, role, index });
            })
        }
    }
}
