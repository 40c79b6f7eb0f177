//! Datasets: what they are, where they come from, whether they were withdrawn.

use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::data::DataEvent;
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::DATASETS;
use crate::facets::{Indexed, namespace_of};

/// What is known of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasetRecord {
    pub(crate) registrations: Vec<Registration>,
    pub(crate) withdrawals: Vec<u64>,
    pub(crate) last_activity_ms: u64,
    indexed: Indexed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Registration {
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

    fn properties(&self, subject: &str) -> Indexed {
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

/// Changes the record of a dataset, and what it is found by.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    at_ms: u64,
    change: impl FnOnce(&mut DatasetRecord),
) -> Result<(), ProjectionError> {
    let key = DATASETS.key().text(subject);
    let record = batch.record(&DATASETS, key.clone())?;
    change(record);
    record.last_activity_ms = record.last_activity_ms.max(at_ms);
    let properties = record.properties(subject);
    if properties != record.indexed {
        let mut indexed = std::mem::take(&mut record.indexed);
        indexed.change(properties, subject, batch)?;
        batch.record(&DATASETS, key)?.indexed = indexed;
    }
    Ok(())
}

/// Takes in what is said of a dataset.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &DataEvent,
) -> Result<(), ProjectionError> {
    let text = |text: &Option<probity_schemas::Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    change(batch, subject, recorded.sorted_at_ms(), |record| match event {
        DataEvent::Registered(registered) => record.registrations.push(Registration {
            title: match &recorded.event.title {
                Some(title) => title.to_string(),
                None => text(&registered.description),
            },
            kind: registered.kind.as_ref().map(word).unwrap_or_default(),
            digest: registered.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            source: text(&registered.source),
            license: text(&registered.license),
            personal_data: registered.personal_data.as_ref().map(word).unwrap_or_default(),
            derived_from: registered.derived_from.iter().map(ToString::to_string).collect(),
            index: recorded.index,
        }),
        DataEvent::Withdrawn(_) => record.withdrawals.push(recorded.index),
        DataEvent::DispositionRecorded(_) => {}
    })
}
