//! Monitors: what is watched, and how it stands.

use probity_projection::Table;
use serde::{Deserialize, Serialize};

/// Subject, name → a monitor.
pub(crate) const MONITORS: Table<MonitorRecord> = Table::new(8);

/// Subject, name, index → what a monitor said there, so that it can be void.
pub(crate) const SAID: Table<Saying> = Table::new(24);

/// One word of a monitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saying {
    pub(crate) index: u64,
    /// The moment to sort it by, in Unix milliseconds.
    pub(crate) at_ms: u64,
    pub(crate) said: Word,
}

/// What a monitor says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Word {
    Configured {
        family: String,
        metric: String,
        threshold: String,
        unit: String,
    },
    Reported(f64),
    Breached(Option<f64>),
    Recovered(Option<f64>),
    #[default]
    Silent,
}

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
