//! What monitors say.

use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::monitor::MonitorEvent;
use probity_schemas::shared::Threshold;
use probity_schemas::word;

use crate::records::monitors::{MONITORS, MonitorRecord};

fn shown(threshold: &Threshold) -> String {
    format!("{} {}", word(&threshold.comparison), threshold.value)
}

/// Takes in what a monitor says.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &MonitorEvent,
) -> Result<(), ProjectionError> {
    let name = match event {
        MonitorEvent::Configured(configured) => &configured.monitor,
        MonitorEvent::Reported(reported) => &reported.monitor,
        MonitorEvent::Breached(breached) => &breached.monitor,
        MonitorEvent::Recovered(recovered) => &recovered.monitor,
        MonitorEvent::Silent(silent) => &silent.monitor,
    };
    let record = batch.record(&MONITORS, MONITORS.key().text(subject).text(name.as_str()))?;
    let at_ms = recorded.sorted_at_ms();
    // What arrives late does not change how it stands now.
    let late = at_ms < record.last_report_ms;
    let stands = |record: &mut MonitorRecord, state: Option<&str>, value: Option<f64>| {
        if late {
            return;
        }
        if let Some(state) = state {
            state.clone_into(&mut record.state);
        }
        record.value = value.or(record.value);
        record.last_report_ms = at_ms;
        record.index = recorded.index;
    };
    match event {
        MonitorEvent::Configured(configured) => {
            record.family = word(&configured.family);
            record.metric = configured.metric.to_string();
            record.threshold = configured.threshold.as_ref().map(shown).unwrap_or_default();
            record.unit = configured.unit.as_ref().map(ToString::to_string).unwrap_or_default();
            record.configured = Some(recorded.index);
            if record.state.is_empty() {
                "configured".clone_into(&mut record.state);
                record.index = recorded.index;
            }
        }
        MonitorEvent::Reported(reported) => {
            // A report ends silence; a breach ends with a recovery, not with the next number.
            let state = (record.state != "breached").then_some("ok");
            stands(record, state, Some(reported.value.get()));
        }
        MonitorEvent::Breached(breached) => {
            stands(record, Some("breached"), breached.value.map(|value| value.get()));
        }
        MonitorEvent::Recovered(recovered) => {
            stands(record, Some("ok"), recovered.value.map(|value| value.get()));
        }
        MonitorEvent::Silent(_) => stands(record, Some("silent"), None),
    }
    Ok(())
}
