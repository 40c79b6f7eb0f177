//! Use cases: what is to be solved, who wants it, which models serve it, what was decided.

use probity_projection::{Stated, Table};
use serde::{Deserialize, Serialize};

use crate::facets::{Indexed, namespace_of};
use crate::records::models::Class;

/// Use case → what it is.
pub(crate) const USES: Table<UseCaseRecord> = Table::new(3);

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
    pub(crate) indexed: Indexed,
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

    pub(crate) fn properties(&self, subject: &str) -> Indexed {
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
