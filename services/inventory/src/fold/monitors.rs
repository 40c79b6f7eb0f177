//! What monitors say.

use probity_projection::{Batch, Key, Parts, ProjectionError, Recorded};
use probity_schemas::monitor::MonitorEvent;
use probity_schemas::shared::Threshold;
use probity_schemas::word;

use crate::records::monitors::{MONITORS, MonitorRecord, SAID, Saying, Word};

fn shown(threshold: &Threshold) -> String {
    format!("{} {}", word(&threshold.comparison), threshold.value)
}

fn key(subject: &str, name: &str) -> Key {
    MONITORS.key().text(subject).text(name)
}

/// Takes in what a monitor says.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &MonitorEvent,
) -> Result<(), ProjectionError> {
    let (name, said) = match event {
        MonitorEvent::Configured(configured) => {
            let said = Word::Configured {
                family: word(&configured.family),
                metric: configured.metric.to_string(),
                threshold: configured.threshold.as_ref().map(shown).unwrap_or_default(),
                unit: configured.unit.as_ref().map(ToString::to_string).unwrap_or_default(),
            };
            (&configured.monitor, said)
        }
        MonitorEvent::Reported(reported) => (&reported.monitor, Word::Reported(reported.value.get())),
        MonitorEvent::Breached(breached) => {
            (&breached.monitor, Word::Breached(breached.value.map(|value| value.get())))
        }
        MonitorEvent::Recovered(recovered) => {
            (&recovered.monitor, Word::Recovered(recovered.value.map(|value| value.get())))
        }
        MonitorEvent::Silent(silent) => (&silent.monitor, Word::Silent),
    };
    let saying = Saying { index: recorded.index, at_ms: recorded.sorted_at_ms(), said };
    hear(batch.record(&MONITORS, key(subject, name.as_str()))?, &saying);
    batch.put(&SAID, SAID.key().text(subject).text(name.as_str()).number(recorded.index), saying);
    Ok(())
}

/// How a monitor stands after one more word.
fn hear(record: &mut MonitorRecord, Saying { index, at_ms, said }: &Saying) {
    // What arrives late does not change how it stands now.
    let late = *at_ms < record.last_report_ms;
    let stands = |record: &mut MonitorRecord, state: Option<&str>, value: Option<f64>| {
        if late {
            return;
        }
        if let Some(state) = state {
            state.clone_into(&mut record.state);
        }
        record.value = value.or(record.value);
        record.last_report_ms = *at_ms;
        record.index = *index;
    };
    match said {
        Word::Configured { family, metric, threshold, unit } => {
            record.family.clone_from(family);
            record.metric.clone_from(metric);
            record.threshold.clone_from(threshold);
            record.unit.clone_from(unit);
            record.configured = Some(*index);
            if record.state.is_empty() {
                "configured".clone_into(&mut record.state);
                record.index = *index;
            }
        }
        Word::Reported(value) => {
            // A report ends silence; a breach ends with a recovery, not with the next number.
            let state = (record.state != "breached").then_some("ok");
            stands(record, state, Some(*value));
        }
        Word::Breached(value) => stands(record, Some("breached"), *value),
        Word::Recovered(value) => stands(record, Some("ok"), *value),
        Word::Silent => stands(record, Some("silent"), None),
    }
}

/// What a monitor said at `index` is void: it stands as if it had not said it.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    for monitor in batch.keys(&MONITORS.key().text(subject))? {
        let mut parts = Parts::of(&monitor);
        let (_, Some(name)) = (parts.text(), parts.text()) else { continue };
        let all = SAID.key().text(subject).text(name);
        let voided = all.clone().number(index);
        if !batch.contains(&voided)? {
            continue;
        }
        batch.remove(voided);
        let rest = batch.records(&SAID, &all)?;
        if rest.is_empty() {
            batch.remove(key(subject, name));
            continue;
        }
        let mut record = MonitorRecord::default();
        rest.iter().for_each(|(_, saying)| hear(&mut record, saying));
        batch.put(&MONITORS, key(subject, name), record);
    }
    Ok(())
}
