//! Datasets: what they are, where they come from, whether they were withdrawn.

use probity_projection::Table;
use serde::{Deserialize, Serialize};

use crate::facets::{Indexed, namespace_of};

/// Dataset → what it is.
pub(crate) const DATASETS: Table<DatasetRecord> = Table::new(4);

/// What is known of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasetRecord {
    pub(crate) registrations: Vec<DatasetRegistration>,
    pub(crate) withdrawals: Vec<u64>,
    pub(crate) last_activity_ms: u64,
    pub(crate) indexed: Indexed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasetRegistration {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) digest: String,
    pub(crate) source: String,
    pub(crate) license: String,
    pub(crate) personal_data: String,
    pub(crate) derived_from: Vec<String>,
    pub(crate) index: u64,
}

impl DatasetRecord {
    pub(crate) fn state(&self) -> &'static str {
        match () {
            () if !self.withdrawals.is_empty() => "withdrawn",
            () if self.registrations.is_empty() => "unregistered",
            () => "registered",
        }
    }

    pub(crate) fn forget(&mut self, index: u64) {
        self.registrations.retain(|entry| entry.index != index);
        self.withdrawals.retain(|at| *at != index);
    }

    pub(crate) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.registrations.iter().map(|entry| entry.index).collect();
        indices.extend(&self.withdrawals);
        indices.sort_unstable();
        indices
    }

    pub(crate) fn properties(&self, subject: &str) -> Indexed {
        let mut indexed = Indexed::new();
        indexed.facet("namespace", namespace_of(subject));
        indexed.facet("state", self.state());
        indexed.text(subject.split_once(':').map_or(subject, |(_, path)| path));
        if let Some(registration) = self.registrations.last() {
            indexed.facet("kind", &registration.kind);
            indexed.text(&registration.title);
        }
        indexed
    }
}
