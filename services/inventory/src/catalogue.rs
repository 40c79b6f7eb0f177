//! The tables of the view.

use probity_domain::serving::Step;
use probity_projection::{Key, Stated, Steps, Table};

use crate::datasets::DatasetRecord;
use crate::deployments::{EndpointRecord, Place};
use crate::matters::MatterRecord;
use crate::models::{DependencyRecord, ModelRecord};
use crate::monitors::MonitorRecord;
use crate::uses::UseCaseRecord;
use crate::values::{Entry, ValueRecord};
use crate::versions::VersionRecord;

/// Model → what it is.
pub(crate) const MODELS: Table<ModelRecord> = Table::new(1);
/// Model, version → what it is.
pub(crate) const VERSIONS: Table<VersionRecord> = Table::new(2);
/// Use case → what it is.
pub(crate) const USES: Table<UseCaseRecord> = Table::new(3);
/// Dataset → what it is.
pub(crate) const DATASETS: Table<DatasetRecord> = Table::new(4);
/// Endpoint → what serves there.
pub(crate) const ENDPOINTS: Table<EndpointRecord> = Table::new(5);
/// Endpoint, moment, index → what changed there.
pub(crate) const STEPS: Steps<Step> = Steps::new(6);
/// Model, endpoint, version → that it serves there.
pub(crate) const PLACES: Table<Place> = Table::new(7);
/// Subject, name → a monitor.
pub(crate) const MONITORS: Table<MonitorRecord> = Table::new(8);
/// Index of the event that opened it → an issue or incident.
pub(crate) const MATTERS: Table<MatterRecord> = Table::new(9);
/// Subject, index → that a matter is about it.
pub(crate) const MATTERS_OF: Table<()> = Table::new(10);
/// Subject → its value and cost.
pub(crate) const VALUES: Table<ValueRecord> = Table::new(11);
/// Subject, index → one report of value or cost.
pub(crate) const ENTRIES: Table<Entry> = Table::new(12);
/// Model, index → a dependency.
pub(crate) const DEPENDENCIES: Table<DependencyRecord> = Table::new(13);
/// Endpoint, index → where what it says comes from.
pub(crate) const SOURCES: Table<Vec<Stated>> = Table::new(21);
/// Kind, property, value, subject → that the subject has it.
pub(crate) const FACETS: Table<()> = Table::new(15);
/// Kind, property, namespace, value → how many have it.
pub(crate) const COUNTS: Table<u64> = Table::new(16);
/// Kind, word, subject → that the word occurs in its name, title or purpose.
pub(crate) const WORDS: Table<()> = Table::new(17);
/// Index of the event that opened it → that a matter is open.
pub(crate) const OPEN_MATTERS: Table<()> = Table::new(18);
/// Index → that a finding is open.
pub(crate) const OPEN_FINDINGS: Table<()> = Table::new(20);
/// Model, number → its versions in the order in which they came to be known.
pub(crate) const AGES: Table<String> = Table::new(19);

/// The key of a version: beside the other versions of its model.
pub(crate) fn version_key(subject: &str) -> Key {
    let (model, version) = subject.split_once('@').unwrap_or((subject, ""));
    VERSIONS.key().text(model).text(version)
}
