//! What events say of datasets.

use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::data::DataEvent;
use probity_schemas::word;

use crate::records::datasets::{DATASETS, DatasetRecord, DatasetRegistration};

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
        DataEvent::Registered(registered) => record.registrations.push(DatasetRegistration {
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
