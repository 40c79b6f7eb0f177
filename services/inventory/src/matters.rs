//! Issues and incidents: what was opened, to whom it was handed, how it ended. And what can be answered or taken back.

use probity_projection::{Batch, ProjectionError, Recorded, word};
use probity_schemas::incident::IncidentEvent;
use probity_schemas::issue::IssueEvent;
use probity_schemas::{EventId, Subject, SubjectKind};
use serde::{Deserialize, Serialize};

use crate::catalogue::{MATTERS, MATTERS_OF, OPEN_MATTERS, OPENERS};
use crate::models;

/// An issue or incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MatterRecord {
    /// issue or incident
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// The models it counts for.
    pub(crate) models: Vec<String>,
    pub(crate) title: String,
    pub(crate) severity: String,
    /// open, mitigated, resolved or closed
    pub(crate) state: String,
    pub(crate) hand_offs: Vec<HandOff>,
    pub(crate) root_cause: String,
    /// Regime, reportable, class, where.
    pub(crate) regimes: Vec<(String, String, String, u64)>,
    pub(crate) opened: Option<(u64, u64)>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandOff {
    pub(crate) team: String,
    pub(crate) assignee: String,
    pub(crate) ticket: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) index: u64,
}

/// What an event opened, so that others can answer it, and its signer take it back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opener {
    pub(crate) index: u64,
    pub(crate) signer: String,
    pub(crate) subject: String,
    /// finding, issue, incident, dependency, value, deployment; empty for what can only be taken back.
    pub(crate) kind: String,
    pub(crate) at_ms: u64,
    pub(crate) closed: bool,
}

impl MatterRecord {
    pub(crate) fn is_open(&self) -> bool {
        self.state == "open" || self.state == "mitigated"
    }
}

/// Remembers an event by its id. Ids are unique for each signer only: the first one keeps it.
pub(crate) fn remember(batch: &mut Batch<'_>, recorded: &Recorded, kind: &str) -> Result<(), ProjectionError> {
    remember_of(batch, recorded, kind, &recorded.event.subject)
}

/// The same of an event that says something of another subject than its own.
pub(crate) fn remember_of(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    subject: &Subject,
) -> Result<(), ProjectionError> {
    let key = OPENERS.key().fixed(recorded.event.id.as_uuid().as_bytes());
    if !batch.contains(&key)? {
        let opener = Opener {
            index: recorded.index,
            signer: recorded.signer(),
            subject: subject.to_string(),
            kind: kind.to_owned(),
            at_ms: recorded.sorted_at_ms(),
            closed: false,
        };
        batch.put(&OPENERS, key, opener);
    }
    Ok(())
}

/// What the event of this id opened.
pub(crate) fn opener(batch: &Batch<'_>, id: Option<EventId>) -> Result<Option<Opener>, ProjectionError> {
    let Some(id) = id else { return Ok(None) };
    Ok(batch.read(&OPENERS, &OPENERS.key().fixed(id.as_uuid().as_bytes()))?)
}

/// Marks what the event of this id opened as closed; whether it was open.
pub(crate) fn close_opener(batch: &mut Batch<'_>, id: Option<EventId>) -> Result<bool, ProjectionError> {
    let Some(id) = id else { return Ok(false) };
    let key = OPENERS.key().fixed(id.as_uuid().as_bytes());
    if !batch.contains(&key)? {
        return Ok(false);
    }
    let opener = batch.record(&OPENERS, key)?;
    Ok(!std::mem::replace(&mut opener.closed, true))
}

fn open(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    title: String,
    severity: String,
) -> Result<(), ProjectionError> {
    let event = &recorded.event;
    let subjects = || std::iter::once(&event.subject).chain(&event.about);
    let mut models: Vec<String> = subjects()
        .filter(|subject| subject.kind == SubjectKind::Model)
        .map(|subject| subject.without_version().to_string())
        .collect();
    models.sort_unstable();
    models.dedup();
    for subject in subjects() {
        let key = MATTERS_OF.key().text(&subject.without_version().to_string()).number(recorded.index);
        batch.put(&MATTERS_OF, key, ());
    }
    let record = MatterRecord {
        kind: kind.to_owned(),
        id: event.id.to_string(),
        subject: event.subject.to_string(),
        models: models.clone(),
        title,
        severity,
        state: "open".to_owned(),
        opened: event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms())),
        indices: vec![recorded.index],
        ..MatterRecord::default()
    };
    batch.put(&MATTERS, MATTERS.key().number(recorded.index), record);
    batch.put(&OPEN_MATTERS, OPEN_MATTERS.key().number(recorded.index), ());
    remember(batch, recorded, kind)?;
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

/// Changes the matter that an event regards, and how its models count it.
fn answer(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    kind: &str,
    change: impl FnOnce(&mut MatterRecord),
) -> Result<(), ProjectionError> {
    let Some(opener) = opener(batch, recorded.event.regarding)?.filter(|opener| opener.kind == kind) else {
        return Ok(());
    };
    let record = batch.record(&MATTERS, MATTERS.key().number(opener.index))?;
    let before = record.is_open();
    change(record);
    record.indices.push(recorded.index);
    let (after, models) = (record.is_open(), record.models.clone());
    if before != after {
        let key = OPEN_MATTERS.key().number(opener.index);
        match after {
            true => batch.put(&OPEN_MATTERS, key, ()),
            false => batch.remove(key),
        }
        models.iter().try_for_each(|model| count(batch, model, kind, after))?;
    }
    Ok(())
}

/// A matter that is void was none.
pub(crate) fn forget(batch: &mut Batch<'_>, opener: &Opener) -> Result<(), ProjectionError> {
    let key = MATTERS.key().number(opener.index);
    let Some(record) = batch.read(&MATTERS, &key)? else { return Ok(()) };
    batch.remove(key);
    batch.remove(OPEN_MATTERS.key().number(opener.index));
    let subjects = record.models.iter().chain([&record.subject]);
    for subject in subjects {
        let whole = probity_projection::serving::model_of(subject);
        batch.remove(MATTERS_OF.key().text(whole).number(opener.index));
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

/// A finding is opened or closed: how many are open is all that the inventory says of them.
pub(crate) fn finding(batch: &mut Batch<'_>, recorded: &Recorded, opens: bool) -> Result<(), ProjectionError> {
    let subject = match opens {
        true => {
            remember(batch, recorded, "finding")?;
            recorded.event.subject.to_string()
        }
        false => {
            let id = recorded.event.regarding;
            let Some(opener) = opener(batch, id)?.filter(|opener| opener.kind == "finding") else { return Ok(()) };
            if !close_opener(batch, id)? {
                return Ok(());
            }
            opener.subject
        }
    };
    match subject.starts_with("model:") {
        true => count(batch, probity_projection::serving::model_of(&subject), "finding", opens),
        false => Ok(()),
    }
}
