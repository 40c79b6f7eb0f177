//! Value and cost of use cases and models, beside what was aimed at.

use std::collections::BTreeMap;

use probity_projection::{Stated, Table};
use serde::{Deserialize, Serialize};

/// Subject → its value and cost.
pub(crate) const VALUES: Table<ValueRecord> = Table::new(11);
/// Subject, index → one report of value or cost.
pub(crate) const VALUE_REPORTS: Table<ValueReport> = Table::new(12);

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
pub(crate) struct ValueReport {
    /// Whether it is cost, how much, and in which currency.
    pub(crate) money: Option<(bool, f64, String)>,
    /// What it says of an indicator: its name and, of a definition, unit, baseline and target; or a value and its moment.
    pub(crate) defined: Option<(String, String, Option<f64>, Option<f64>)>,
    pub(crate) reported: Option<(String, f64, u64)>,
}

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

    pub(crate) fn take(&mut self, report: &ValueReport) {
        if let Some((is_cost, amount, currency)) = &report.money {
            let sums = if *is_cost { &mut self.cost } else { &mut self.value };
            *sums.entry(currency.clone()).or_default() += amount;
        }
        if let Some((name, unit, baseline, target)) = &report.defined {
            let kpi = self.kpi(name);
            unit.clone_into(&mut kpi.unit);
            (kpi.baseline, kpi.target) = (*baseline, *target);
        }
        if let Some((name, value, at_ms)) = &report.reported {
            let kpi = self.kpi(name);
            if kpi.value.is_none_or(|(_, earlier)| earlier <= *at_ms) {
                kpi.value = Some((*value, *at_ms));
            }
        }
    }
}
