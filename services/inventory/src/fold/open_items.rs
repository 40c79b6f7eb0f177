//! What events say of issues, incidents and findings.

use std::collections::BTreeSet;

use probity_domain::ids::model_of;
use probity_projection::{Batch, Parts, ProjectionError, Recorded, Referent, Table};
use probity_schemas::incident::IncidentEvent;
use probity_schemas::issue::IssueEvent;
use probity_schemas::word;

use crate::fold::models;
use crate::records::endpoints::ENDPOINTS;
use crate::records::open_items::{FINDINGS_OF, HandOff, ITEMS, ITEMS_OF, OPEN_FINDINGS, OPEN_ITEMS, OpenItemRecord};

/// Items of some kinds, and by what they are found.
type Kept = (&'static Table<OpenItemRecord>, &'static Table<()>);

const PROBLEMS: Kept = (&ITEMS, &ITEMS_OF);
const FINDINGS: Kept = (&OPEN_FINDINGS, &FINDINGS_OF);

/// An item that a statement opens. It is about what the statement is about, and about what that names besides, as far as
/// its signer has a say there.
fn opened(recorded: &Recorded, kind: &str) -> OpenItemRecord {
    let event = &recorded.event;
    let about = event.about.iter().filter(|subject| recorded.reaches(subject));
    let mut subjects: Vec<String> =
        [&event.subject].into_iter().chain(about).map(|subject| subject.without_version().to_string()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    OpenItemRecord {
        kind: kind.to_owned(),
        id: event.id.to_string(),
        subject: event.subject.to_string(),
        subjects,
        state: "open".to_owned(),
        opened: event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms())),
        indices: vec![recorded.index],
        ..OpenItemRecord::default()
    }
}

/// Opens an issue or incident.
fn open(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    title: String,
    severity: String,
) -> Result<(), ProjectionError> {
    let record = OpenItemRecord { title, severity, ..opened(recorded, kind) };
    batch.put(&ITEMS, ITEMS.key().number(recorded.index), record);
    batch.put(&OPEN_ITEMS, OPEN_ITEMS.key().number(recorded.index), ());
    relate(batch, PROBLEMS, recorded.index)
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

/// What an item concerns now: its subjects, and what serves at those of them that are endpoints.
fn concerned(batch: &Batch<'_>, subjects: &[String]) -> Result<Vec<String>, ProjectionError> {
    let mut concerned: BTreeSet<String> = subjects.iter().cloned().collect();
    for endpoint in subjects.iter().filter(|subject| subject.starts_with("endpoint:")) {
        let served = batch.read(&ENDPOINTS, &ENDPOINTS.key().text(endpoint))?.unwrap_or_default().concerned();
        concerned.extend(served.iter().map(|subject| model_of(subject).to_owned()));
    }
    Ok(concerned.into_iter().collect())
}

/// Brings what an open item is found by, and how its models count it, up to date with what serves.
fn relate(batch: &mut Batch<'_>, (records, found_by): Kept, index: u64) -> Result<(), ProjectionError> {
    let key = records.key().number(index);
    let Some(record) = batch.read(records, &key)?.filter(OpenItemRecord::is_open) else { return Ok(()) };
    let now = concerned(batch, &record.subjects)?;
    for gone in record.concerned.iter().filter(|subject| !now.contains(subject)) {
        batch.remove(found_by.key().text(gone).number(index));
        if gone.starts_with("model:") {
            count(batch, gone, &record.kind, false)?;
        }
    }
    for come in now.iter().filter(|subject| !record.concerned.contains(subject)) {
        batch.put(found_by, found_by.key().text(come).number(index), ());
        if come.starts_with("model:") {
            count(batch, come, &record.kind, true)?;
        }
    }
    batch.record(records, key)?.concerned = now;
    Ok(())
}

/// Something else serves at an endpoint now: what is open about it concerns that.
pub(crate) fn serves_otherwise(batch: &mut Batch<'_>, endpoint: &str) -> Result<(), ProjectionError> {
    for kept in [PROBLEMS, FINDINGS] {
        for key in batch.keys(&kept.1.key().text(endpoint))? {
            let mut parts = Parts::of(&key);
            let (_, index) = (parts.text(), parts.number().unwrap_or_default());
            relate(batch, kept, index)?;
        }
    }
    Ok(())
}

/// Changes the item that an event answers, and how its models count it.
fn answer(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
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
    let (after, item) = (record.is_open(), record.clone());
    if before != after {
        let key = OPEN_ITEMS.key().number(opener.index);
        match after {
            true => batch.put(&OPEN_ITEMS, key, ()),
            false => batch.remove(key),
        }
        item.models().try_for_each(|model| count(batch, model, &item.kind, after))?;
        relate(batch, PROBLEMS, opener.index)?;
    }
    Ok(())
}

/// An item is none: it was void, or it is a finding that is settled.
fn leave_out(batch: &mut Batch<'_>, (records, found_by): Kept, index: u64) -> Result<(), ProjectionError> {
    let key = records.key().number(index);
    let Some(record) = batch.read(records, &key)? else { return Ok(()) };
    batch.remove(key);
    for subject in &record.concerned {
        batch.remove(found_by.key().text(subject).number(index));
    }
    match record.is_open() {
        true => record.models().try_for_each(|model| count(batch, model, &record.kind, false)),
        false => Ok(()),
    }
}

/// An item that is void was none.
pub(crate) fn forget(batch: &mut Batch<'_>, opener: &Referent) -> Result<(), ProjectionError> {
    batch.remove(OPEN_ITEMS.key().number(opener.index));
    leave_out(batch, PROBLEMS, opener.index)
}

/// Takes in what is said of an issue.
pub(crate) fn issue(batch: &mut Batch<'_>, recorded: &Recorded, event: &IssueEvent) -> Result<(), ProjectionError> {
    match event {
        IssueEvent::Opened(opened) => {
            let severity = opened.severity.as_ref().map(word).unwrap_or_default();
            open(batch, recorded, "issue", opened.title.to_string(), severity)
        }
        IssueEvent::Routed(routed) => answer(batch, recorded, |record| {
            record.hand_offs.push(HandOff {
                team: word(&routed.team),
                assignee: routed.assignee.as_ref().map(ToString::to_string).unwrap_or_default(),
                ticket: routed.ticket.as_ref().map(|t| format!("{} {}", t.system, t.id)).unwrap_or_default(),
                due_ms: routed.due.map(|due| due.as_ms()),
                index: recorded.index,
            });
        }),
        IssueEvent::RootCauseRecorded(cause) => {
            answer(batch, recorded, |record| record.root_cause = word(&cause.class))
        }
        IssueEvent::Resolved(_) => answer(batch, recorded, |record| record.state = "resolved".to_owned()),
        IssueEvent::Reopened(_) => answer(batch, recorded, |record| record.state = "open".to_owned()),
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
        IncidentEvent::Classified(classified) => answer(batch, recorded, |record| {
            let class = classified.class.as_ref().map(ToString::to_string).unwrap_or_default();
            let regime = classified.regime.to_string();
            record.regimes.retain(|(other, ..)| *other != regime);
            record.regimes.push((regime, word(&classified.reportable), class, recorded.index));
        }),
        IncidentEvent::Updated(updated) => answer(batch, recorded, |record| {
            if let Some(severity) = &updated.severity {
                record.severity = word(severity);
            }
        }),
        IncidentEvent::Mitigated(_) => answer(batch, recorded, |record| {
            if record.state == "open" {
                record.state = "mitigated".to_owned();
            }
        }),
        IncidentEvent::Closed(closed) => answer(batch, recorded, |record| {
            record.state = "closed".to_owned();
            if let Some(cause) = &closed.root_cause {
                record.root_cause = cause.to_string();
            }
        }),
        IncidentEvent::Preserved(_) | IncidentEvent::AuthorityNotified(_) | IncidentEvent::AuthorityResponded(_) => {
            answer(batch, recorded, |_| {})
        }
    }
}

/// A finding is opened: how many are open is all that the inventory says of them.
pub(crate) fn raise(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    batch.put(&OPEN_FINDINGS, OPEN_FINDINGS.key().number(recorded.index), opened(recorded, "finding"));
    relate(batch, FINDINGS, recorded.index)
}

/// A finding is closed, or void.
pub(crate) fn settle(batch: &mut Batch<'_>, finding: &Referent) -> Result<(), ProjectionError> {
    leave_out(batch, FINDINGS, finding.index)
}
