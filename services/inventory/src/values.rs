//! Value and cost of use cases and models, beside what was aimed at.

use std::collections::BTreeMap;

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::shared::Money;
use probity_schemas::value::ValueEvent;
use probity_schemas::word;
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

/// What one statement says of value or cost, so that it can be taken back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Whether it is cost, how much, and in which currency.
    money: Option<(bool, f64, String)>,
    /// What it says of an indicator: its name and, of a definition, unit, baseline and target; or a value and its moment.
    defined: Option<(String, String, Option<f64>, Option<f64>)>,
    reported: Option<(String, f64, u64)>,
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

    fn take(&mut self, entry: &Entry) {
        if let Some((is_cost, amount, currency)) = &entry.money {
            let sums = if *is_cost { &mut self.cost } else { &mut self.value };
            *sums.entry(currency.clone()).or_default() += amount;
        }
        if let Some((name, unit, baseline, target)) = &entry.defined {
            let kpi = self.kpi(name);
            unit.clone_into(&mut kpi.unit);
            (kpi.baseline, kpi.target) = (*baseline, *target);
        }
        if let Some((name, value, at_ms)) = &entry.reported {
            let kpi = self.kpi(name);
            if kpi.value.is_none_or(|(_, earlier)| earlier <= *at_ms) {
                kpi.value = Some((*value, *at_ms));
            }
        }
    }
}

/// Takes in what is said of value or cost.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ValueEvent,
) -> Result<(), ProjectionError> {
    let money = |is_cost: bool, money: &Money| (is_cost, money.amount.get(), money.currency.to_string());
    let mut entry = Entry::default();
    let mut review = None;
    match event {
        ValueEvent::KpiDefined(defined) => {
            let number = |number: Option<probity_schemas::Number>| number.map(|number| number.get());
            let (name, unit) = (defined.name.to_string(), defined.unit.to_string());
            entry.defined = Some((name, unit, number(defined.baseline), number(defined.target)));
        }
        ValueEvent::Reported(reported) => {
            let at_ms = recorded.sorted_at_ms();
            entry.money = reported.value.as_ref().map(|value| money(false, value));
            entry.reported = reported.kpi.as_ref().map(|kpi| (kpi.name.to_string(), kpi.value.get(), at_ms));
        }
        ValueEvent::CostReported(reported) => entry.money = Some(money(true, &reported.cost)),
        ValueEvent::Reviewed(reviewed) => review = Some((word(&reviewed.verdict), Stated::of(recorded))),
    }
    if entry != Entry::default() {
        batch.put(&ENTRIES, ENTRIES.key().text(subject).number(recorded.index), entry.clone());
    }
    let record = batch.record(&VALUES, VALUES.key().text(subject))?;
    record.take(&entry);
    record.reviews.extend(review);
    record.indices.push(recorded.index);
    if record.indices.len() > MAX_INDICES {
        record.indices.remove(0);
    }
    Ok(())
}

/// Takes a statement back that is void: what the others say is summed up again.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    batch.remove(ENTRIES.key().text(subject).number(index));
    let key = VALUES.key().text(subject);
    let Some(before) = batch.read(&VALUES, &key)? else { return Ok(()) };
    let mut record = ValueRecord { reviews: before.reviews, indices: before.indices, ..ValueRecord::default() };
    for (_, entry) in batch.records(&ENTRIES, &ENTRIES.key().text(subject))? {
        record.take(&entry);
    }
    record.reviews.retain(|(_, stated)| stated.index != index);
    record.indices.retain(|at| *at != index);
    match record == ValueRecord::default() {
        true => batch.remove(key),
        false => batch.put(&VALUES, key, record),
    }
    Ok(())
}
