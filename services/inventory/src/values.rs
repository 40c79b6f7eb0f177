//! Value and cost of use cases and models, beside what was aimed at.

use std::collections::BTreeMap;

use probity_projection::{Batch, ProjectionError, Recorded, Stated, word};
use probity_schemas::shared::Money;
use probity_schemas::value::ValueEvent;
use serde::{Deserialize, Serialize};

use crate::catalogue::{ENTRIES, VALUES};

/// What is known of the value of a subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ValueRecord {
    /// Currency → sum.
    pub(crate) value: BTreeMap<String, f64>,
    pub(crate) cost: BTreeMap<String, f64>,
    pub(crate) kpis: Vec<KpiRecord>,
    pub(crate) reviews: Vec<(String, Stated)>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KpiRecord {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) baseline: Option<f64>,
    pub(crate) target: Option<f64>,
    /// The newest value, and when it was reported.
    pub(crate) value: Option<(f64, u64)>,
}

/// One report, so that it can be taken back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    is_cost: bool,
    amount: f64,
    currency: String,
}

/// Cited of one subject, at most: the newest.
const MAX_INDICES: usize = 64;

impl ValueRecord {
    fn kpi(&mut self, name: &str) -> &mut KpiRecord {
        let position = match self.kpis.iter().position(|kpi| kpi.name == name) {
            Some(position) => position,
            None => {
                self.kpis.push(KpiRecord { name: name.to_owned(), ..KpiRecord::default() });
                self.kpis.len() - 1
            }
        };
        &mut self.kpis[position]
    }

    fn add(&mut self, entry: &Entry, sign: f64) {
        let sums = if entry.is_cost { &mut self.cost } else { &mut self.value };
        *sums.entry(entry.currency.clone()).or_default() += sign * entry.amount;
    }
}

/// Takes in what is said of value or cost.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ValueEvent,
) -> Result<(), ProjectionError> {
    let entry = |is_cost: bool, money: &Money| Entry {
        is_cost,
        amount: money.amount.get(),
        currency: money.currency.to_string(),
    };
    let entry = match event {
        ValueEvent::Reported(reported) => reported.value.as_ref().map(|money| entry(false, money)),
        ValueEvent::CostReported(reported) => Some(entry(true, &reported.cost)),
        ValueEvent::KpiDefined(_) | ValueEvent::Reviewed(_) => None,
    };
    if let Some(entry) = &entry {
        batch.put(&ENTRIES, ENTRIES.key().text(subject).number(recorded.index), entry.clone());
    }
    let record = batch.record(&VALUES, VALUES.key().text(subject))?;
    if let Some(entry) = &entry {
        record.add(entry, 1.0);
    }
    match event {
        ValueEvent::KpiDefined(defined) => {
            let kpi = record.kpi(&defined.name);
            kpi.unit = defined.unit.to_string();
            kpi.baseline = defined.baseline.map(|number| number.get());
            kpi.target = defined.target.map(|number| number.get());
        }
        ValueEvent::Reported(reported) => {
            if let Some(metric) = &reported.kpi {
                let at_ms = recorded.sorted_at_ms();
                let kpi = record.kpi(&metric.name);
                if kpi.value.is_none_or(|(_, earlier)| earlier <= at_ms) {
                    kpi.value = Some((metric.value.get(), at_ms));
                }
            }
        }
        ValueEvent::Reviewed(reviewed) => record.reviews.push((word(&reviewed.verdict), Stated::of(recorded))),
        ValueEvent::CostReported(_) => {}
    }
    record.indices.push(recorded.index);
    if record.indices.len() > MAX_INDICES {
        record.indices.remove(0);
    }
    Ok(())
}

/// Takes a report back that is void.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let key = ENTRIES.key().text(subject).number(index);
    let entry = batch.read(&ENTRIES, &key)?;
    batch.remove(key);
    let key = VALUES.key().text(subject);
    if batch.contains(&key)? {
        let record = batch.record(&VALUES, key)?;
        if let Some(entry) = entry {
            record.add(&entry, -1.0);
        }
        record.reviews.retain(|(_, stated)| stated.index != index);
        record.indices.retain(|at| *at != index);
    }
    Ok(())
}
