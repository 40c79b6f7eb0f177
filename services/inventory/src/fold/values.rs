//! What events say of value and cost.

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::shared::Money;
use probity_schemas::value::ValueEvent;
use probity_schemas::word;

use crate::records::values::{VALUE_REPORTS, VALUES, ValueRecord, ValueReport};

/// Cited of one subject, at most: the newest.
const MAX_INDICES: usize = 64;

/// Takes in what is said of value or cost.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ValueEvent,
) -> Result<(), ProjectionError> {
    let money = |is_cost: bool, money: &Money| (is_cost, money.amount.get(), money.currency.to_string());
    let mut report = ValueReport::default();
    let mut review = None;
    match event {
        ValueEvent::KpiDefined(defined) => {
            let number = |number: Option<probity_schemas::Number>| number.map(|number| number.get());
            let (name, unit) = (defined.name.to_string(), defined.unit.to_string());
            report.defined = Some((name, unit, number(defined.baseline), number(defined.target)));
        }
        ValueEvent::Reported(reported) => {
            let at_ms = recorded.sorted_at_ms();
            report.money = reported.value.as_ref().map(|value| money(false, value));
            report.reported = reported.kpi.as_ref().map(|kpi| (kpi.name.to_string(), kpi.value.get(), at_ms));
        }
        ValueEvent::CostReported(reported) => report.money = Some(money(true, &reported.cost)),
        ValueEvent::Reviewed(reviewed) => review = Some((word(&reviewed.verdict), Stated::of(recorded))),
    }
    if report != ValueReport::default() {
        batch.put(&VALUE_REPORTS, VALUE_REPORTS.key().text(subject).number(recorded.index), report.clone());
    }
    let record = batch.record(&VALUES, VALUES.key().text(subject))?;
    record.take(&report);
    record.reviews.extend(review);
    record.indices.push(recorded.index);
    if record.indices.len() > MAX_INDICES {
        record.indices.remove(0);
    }
    Ok(())
}

/// Takes a statement back that is void: what the others say is summed up again.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    batch.remove(VALUE_REPORTS.key().text(subject).number(index));
    let key = VALUES.key().text(subject);
    let Some(before) = batch.read(&VALUES, &key)? else { return Ok(()) };
    let mut record = ValueRecord { reviews: before.reviews, indices: before.indices, ..ValueRecord::default() };
    for (_, report) in batch.records(&VALUE_REPORTS, &VALUE_REPORTS.key().text(subject))? {
        record.take(&report);
    }
    record.reviews.retain(|(_, stated)| stated.index != index);
    record.indices.retain(|at| *at != index);
    match record == ValueRecord::default() {
        true => batch.remove(key),
        false => batch.put(&VALUES, key, record),
    }
    Ok(())
}
