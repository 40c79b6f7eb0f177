//! Monitors: what is watched, and how it stands.

use probity_projection::Table;
use serde::{Deserialize, Serialize};

/// Subject, name → a monitor.
pub(crate) const MONITORS: Table<MonitorRecord> = Table::new(8);

/// What is known of a monitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MonitorRecord {
    /// configured, ok, breached or silent
    pub(crate) state: String,
    pub(crate) family: String,
    pub(crate) metric: String,
    pub(crate) threshold: String,
    pub(crate) unit: String,
    pub(crate) value: Option<f64>,
    pub(crate) last_report_ms: u64,
    pub(crate) configured: Option<u64>,
    /// The statement that says how it stands.
    pub(crate) index: u64,
}
