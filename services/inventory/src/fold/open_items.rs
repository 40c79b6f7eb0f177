//! What events say of issues, incidents and findings.

use probity_projection::{Batch, ProjectionError, Recorded, Referent};
use probity_schemas::SubjectKind;
use probity_schemas::incident::IncidentEvent;
use probity_schemas::issue::IssueEvent;
use probity_schemas::word;

use crate::fold::models;
use crate::records::open_items::{HandOff, ITEMS, ITEMS_OF, OPEN_FINDINGS, OPEN_ITEMS, OpenItemRecord};

fn open(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    title: String,
    severity: String,
) -> Result<(), ProjectionError> {
    let event = &recorded.event;
    // What anybody may say, as that there was an incident, concerns whatever it names.
    let anybody = recorded.authority.policy().anyone_may_record(event.info());
    let about = || event.about.iter().filter(|subject| anybody || recorded.reaches(subject));
    let subjects = || std::iter::once(&event.subject).chain(about());
    let mut models: Vec<String> = subjects()
        .filter(|subject| subject.kind == SubjectKind::Model)
        .map(|subject| subject.without_version().to_string())
        .collect();
    models.sort_unstable();
    models.dedup();
    let subjects: Vec<String> = subjects().map(|subject| subject.without_version().to_string()).collect();
    for subject in &subjects {
        batch.put(&ITEMS_OF, ITEMS_OF.key().text(subject).number(recorded.index), ());
    }
    let record = OpenItemRecord {
        kind: kind.to_owned(),
        id: event.id.to_string(),
        subject: event.subject.to_string(),
        models: models.clone(),
        subjects,
        title,
        severity,
        state: "open".to_owned(),
        opened: event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms())),
        indices: vec![recorded.index],
        ..OpenItemRecord::default()
    };
    batch.put(&ITEMS, ITEMS.key().number(recorded.index), record);
    batch.put(&OPEN_ITEMS, OPEN_ITEMS.key().number(recorded.index), ());
    models.iter().try_for_each(|model| count(batch, model, kind, true))
}

fn count(batch: &mut Batch<'_>, model: &str, kind: &str, opens: bool) -> Result<(), ProjectionError> {
    models::change(batch, model, |record| {
        let open = match kind {
            "issue" => &mut record.open_issues,
            "incident" => &mut record.open_incidents,
            _ => &mut record.open_findings,
        };
        *open = if opens { *open + 1 } else { open.saturating_sub(1) };
    })
}

/// Changes the item that an event answers, and how its models count it.
fn answer(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    change: impl FnOnce(&mut OpenItemRecord),
) -> Result<(), ProjectionError> {
    let Some(opener) = recorded.answered() else { return Ok(()) };
    let key = ITEMS.key().number(opener.index);
    // One that is void was none.
    if !batch.contains(&key)? {
        return Ok(());
    }
    let record = batch.record(&ITEMS, key)?;
    let before = record.is_open();
    change(record);
    record.indices.push(recorded.index);
    let (after, models) = (record.is_open(), record.models.clone());
    if before != after {
        let key = OPEN_ITEMS.key().number(opener.index);
        match after {
            true => batch.put(&OPEN_ITEMS, key, ()),
            false => batch.remove(key),
        }
        models.iter().try_for_each(|model| count(batch, model, kind, after))?;
    }
    Ok(())
}

/// An item that is void was none.
pub(crate) fn forget(batch: &mut Batch<'_>, opener: &Referent) -> Result<(), ProjectionError> {
    let key = ITEMS.key().number(opener.index);
    let Some(record) = batch.read(&ITEMS, &key)? else { return Ok(()) };
    batch.remove(key);
    batch.remove(OPEN_ITEMS.key().number(opener.index));
    for subject in &record.subjects {
        batch.remove(ITEMS_OF.key().text(subject).number(opener.index));
    }
    match record.is_open() {
        true => record.models.iter().try_for_each(|model| count(batch, model, &record.kind, false)),
        false => Ok(()),
    }
}

/// Takes in what is said of an issue.
pub(crate) fn issue(batch: &mut Batch<'_>, recorded: &Recorded, event: &IssueEvent) -> Result<(), ProjectionError> {
    match event {
        IssueEvent::Opened(opened) => {
            let severity = opened.severity.as_ref().map(word).unwrap_or_default();
            open(batch, recorded, "issue", opened.title.to_string(), severity)
        }
        IssueEvent::Routed(routed) => answer(batch, recorded, "issue", |record| {
            record.hand_offs.push(HandOff {
                team: word(&routed.team),
                assignee: routed.assignee.as_ref().map(ToString::to_string).unwrap_or_default(),
                ticket: routed.ticket.as_ref().map(|t| format!("{} {}", t.system, t.id)).unwrap_or_default(),
                due_ms: routed.due.map(|due| due.as_ms()),
                index: recorded.index,
            });
        }),
        IssueEvent::RootCauseRecorded(cause) => {
            answer(batch, recorded, "issue", |record| record.root_cause = word(&cause.class))
        }
        IssueEvent::Resolved(_) => answer(batch, recorded, "issue", |record| record.state = "resolved".to_owned()),
        IssueEvent::Reopened(_) => answer(batch, recorded, "issue", |record| record.state = "open".to_owned()),
    }
}

/// Takes in what is said of an incident.
pub(crate) fn incident(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    event: &IncidentEvent,
) -> Result<(), ProjectionError> {
    match event {
        IncidentEvent::Declared(declared) => {
            let severity = declared.severity.as_ref().map(word).unwrap_or_default();
            open(batch, recorded, "incident", declared.summary.to_string(), severity)
        }
        IncidentEvent::Classified(classified) => answer(batch, recorded, "incident", |record| {
            let class = classified.class.as_ref().map(ToString::to_string).unwrap_or_default();
            let regime = classified.regime.to_string();
            record.regimes.retain(|(other, ..)| *other != regime);
            record.regimes.push((regime, word(&classified.reportable), class, recorded.index));
        }),
        IncidentEvent::Updated(updated) => answer(batch, recorded, "incident", |record| {
            if let Some(severity) = &updated.severity {
                record.severity = word(severity);
            }
        }),
        IncidentEvent::Mitigated(_) => answer(batch, recorded, "incident", |record| {
            if record.state == "open" {
                record.state = "mitigated".to_owned();
            }
        }),
        IncidentEvent::Closed(closed) => answer(batch, recorded, "incident", |record| {
            record.state = "closed".to_owned();
            if let Some(cause) = &closed.root_cause {
                record.root_cause = cause.to_string();
            }
        }),
        IncidentEvent::Preserved(_) | IncidentEvent::AuthorityNotified(_) | IncidentEvent::AuthorityResponded(_) => {
            answer(batch, recorded, "incident", |_| {})
        }
    }
}

/// A finding is opened: how many are open is all that the inventory says of them.
pub(crate) fn raise(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    batch.put(&OPEN_FINDINGS, OPEN_FINDINGS.key().number(recorded.index), ());
    count_finding(batch, &recorded.event.subject.to_string(), true)
}

/// A finding is closed, or void.
pub(crate) fn settle(batch: &mut Batch<'_>, finding: &Referent) -> Result<(), ProjectionError> {
    let key = OPEN_FINDINGS.key().number(finding.index);
    if !batch.contains(&key)? {
        return Ok(());
    }
    batch.remove(key);
    count_finding(batch, &finding.subject, false)
}

fn count_finding(batch: &mut Batch<'_>, subject: &str, opens: bool) -> Result<(), ProjectionError> {
    match subject.starts_with("model:") {
        true => count(batch, probity_domain::ids::model_of(subject), "finding", opens),
        false => Ok(()),
    }
}
