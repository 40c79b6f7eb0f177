//! What is opened and has to be closed: findings, reviews, incidents, emergencies, issues; and for whom they wait.

use probity_projection::{Batch, Identified, Parts, ProjectionError, Recorded};
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::finding::FindingEvent;
use probity_schemas::incident::{IncidentEvent, Reportable};
use probity_schemas::issue::IssueEvent;
use probity_schemas::review::ReviewEvent;
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    EMERGENCIES, EXCEPTIONS_OF, FINDINGS, IDS, INCIDENTS, ISSUES, OPEN_INCIDENTS, REVIEWS, REVIEWS_OF, UNSIGNED,
    WAITING,
};
use crate::deficiencies::{Found, replace};
use crate::judging;
use crate::questions::Question;

/// How long an emergency may wait for its second signature: a day.
pub(crate) const SECOND_SIGNATURE_MS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) severity: String,
    pub(crate) owner: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) from_ms: u64,
    pub(crate) closed: Option<u64>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) scope: String,
    pub(crate) reviewer: String,
    pub(crate) due_ms: u64,
    pub(crate) done: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) summary: String,
    pub(crate) severity: String,
    /// When somebody became aware, or when it was declared.
    pub(crate) aware_ms: u64,
    pub(crate) closed_ms: Option<u64>,
    /// Regime, reportable, class, causal link, where.
    pub(crate) regimes: Vec<(String, String, String, String, u64)>,
    /// Authority, stage, when, where.
    pub(crate) notices: Vec<(String, String, Option<u64>, u64)>,
    /// Authority, what it asks, until when, where.
    pub(crate) asks: Vec<(String, Vec<String>, Option<u64>, u64)>,
    pub(crate) indices: Vec<u64>,
}

/// `exception.granted` or `exception.invoked`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Emergency {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) control: String,
    pub(crate) reason: String,
    pub(crate) signer: String,
    pub(crate) at_ms: u64,
    pub(crate) expires_at_ms: u64,
    pub(crate) revoked_ms: Option<u64>,
    pub(crate) index: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) assignee: String,
    pub(crate) due_ms: Option<u64>,
}

/// Something waits for this very person.
pub(crate) fn wait(batch: &mut Batch<'_>, person: &str, index: u64, kind: &str) {
    if !person.is_empty() {
        batch.put(&WAITING, WAITING.key().text(person).number(index), kind.to_owned());
    }
}

/// It waits no longer.
pub(crate) fn done(batch: &mut Batch<'_>, person: &str, index: u64) {
    if !person.is_empty() {
        batch.remove(WAITING.key().text(person).number(index));
    }
}

fn regarded(batch: &Batch<'_>, recorded: &Recorded, event_type: &str) -> Result<Option<Identified>, ProjectionError> {
    Ok(IDS.regarded(batch, recorded)?.filter(|opener| opener.event_type == event_type))
}

/// Takes in what is said of a finding.
pub(crate) fn finding(batch: &mut Batch<'_>, recorded: &Recorded, event: &FindingEvent) -> Result<(), ProjectionError> {
    let index = match event {
        FindingEvent::Raised(raised) => {
            let finding = Finding {
                id: recorded.event.id.to_string(),
                subject: recorded.event.subject.to_string(),
                title: raised.title.to_string(),
                severity: word(&raised.severity),
                owner: raised.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
                due_ms: raised.due.map(|due| due.as_ms()),
                from_ms: recorded.sorted_at_ms(),
                closed: None,
                indices: vec![recorded.index],
            };
            wait(batch, &finding.owner, recorded.index, "finding");
            batch.put(&FINDINGS, FINDINGS.key().number(recorded.index), finding);
            recorded.index
        }
        FindingEvent::Responded(_) | FindingEvent::Extended(_) | FindingEvent::Closed(_) => {
            let Some(opener) = regarded(batch, recorded, "finding.raised")? else { return Ok(()) };
            let finding = batch.record(&FINDINGS, FINDINGS.key().number(opener.index))?;
            finding.indices.push(recorded.index);
            match event {
                FindingEvent::Extended(extended) => finding.due_ms = Some(extended.due.as_ms()),
                FindingEvent::Closed(_) => {
                    finding.closed = Some(recorded.index);
                    let owner = finding.owner.clone();
                    done(batch, &owner, opener.index);
                }
                FindingEvent::Raised(_) | FindingEvent::Responded(_) => {}
            }
            opener.index
        }
    };
    judge_finding(batch, index)
}

pub(crate) fn judge_finding(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let finding = batch.read(&FINDINGS, &FINDINGS.key().number(index))?.unwrap_or_default();
    let mut found = Vec::new();
    if finding.closed.is_none() {
        let of = |question, from_ms| {
            let reason = format!("{} ({})", finding.title, finding.severity);
            let open = Found::new(question, &finding.subject, reason).from(from_ms).about(&finding.id);
            open.resting_on(finding.indices.iter().copied())
        };
        found.push(of(Question::FindingOpen, finding.from_ms));
        found.extend(finding.due_ms.map(|due_ms| of(Question::FindingOverdue, due_ms)));
    }
    replace(batch, &format!("finding {index}"), found)
}

/// Takes in what is said of a review.
pub(crate) fn review(batch: &mut Batch<'_>, recorded: &Recorded, event: &ReviewEvent) -> Result<(), ProjectionError> {
    let subject = recorded.event.subject.to_string();
    let schedule = |batch: &mut Batch<'_>, review: Review| {
        wait(batch, &review.reviewer, recorded.index, "review");
        batch.put(&REVIEWS_OF, REVIEWS_OF.key().text(&review.subject).number(recorded.index), ());
        batch.put(&REVIEWS, REVIEWS.key().number(recorded.index), review);
        judge_review(batch, recorded.index)
    };
    match event {
        ReviewEvent::Scheduled(scheduled) => {
            let review = Review {
                id: recorded.event.id.to_string(),
                subject,
                scope: scheduled.scope.as_ref().map(ToString::to_string).unwrap_or_default(),
                reviewer: scheduled.reviewer.as_ref().map(ToString::to_string).unwrap_or_default(),
                due_ms: scheduled.due.as_ms(),
                done: None,
            };
            schedule(batch, review)
        }
        ReviewEvent::Completed(completed) => {
            // The one that is answered; without one named, whatever was due for the subject.
            let answered = regarded(batch, recorded, "review.scheduled")?;
            let indices: Vec<u64> = match answered {
                Some(opener) => vec![opener.index],
                None => {
                    let keys = batch.keys(&REVIEWS_OF.key().text(&subject))?;
                    keys.iter().filter_map(|key| key.last_chunk().copied().map(u64::from_be_bytes)).collect()
                }
            };
            for index in indices {
                let review = batch.record(&REVIEWS, REVIEWS.key().number(index))?;
                review.done = Some(recorded.index);
                let (of, reviewer) = (review.subject.clone(), review.reviewer.clone());
                batch.remove(REVIEWS_OF.key().text(&of).number(index));
                done(batch, &reviewer, index);
                judge_review(batch, index)?;
            }
            match completed.next_due {
                Some(due) => {
                    let id = recorded.event.id.to_string();
                    let reviewer = recorded.signer();
                    schedule(batch, Review { id, subject, reviewer, due_ms: due.as_ms(), ..Review::default() })
                }
                None => Ok(()),
            }
        }
    }
}

fn judge_review(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let review = batch.read(&REVIEWS, &REVIEWS.key().number(index))?.unwrap_or_default();
    let mut found = Vec::new();
    if review.done.is_none() {
        let reason = match review.scope.as_str() {
            "" => "a review is overdue".to_owned(),
            scope => format!("the review of {scope} is overdue"),
        };
        let overdue = Found::new(Question::ReviewOverdue, &review.subject, reason).from(review.due_ms);
        found.push(overdue.about(&review.reviewer).resting_on([index]));
    }
    replace(batch, &format!("review {index}"), found)
}

/// Takes in what is said of an incident.
pub(crate) fn incident(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    event: &IncidentEvent,
) -> Result<(), ProjectionError> {
    let at = recorded.index;
    if let IncidentEvent::Declared(declared) = event {
        let incident = Incident {
            id: recorded.event.id.to_string(),
            subject: recorded.event.subject.to_string(),
            summary: declared.summary.to_string(),
            severity: declared.severity.as_ref().map(word).unwrap_or_default(),
            aware_ms: declared.aware_at.map_or_else(|| recorded.sorted_at_ms(), |aware| aware.as_ms()),
            indices: vec![at],
            ..Incident::default()
        };
        batch.put(&INCIDENTS, INCIDENTS.key().number(at), incident);
        batch.put(&OPEN_INCIDENTS, OPEN_INCIDENTS.key().number(at), ());
        return judge_incident(batch, at);
    }
    let Some(opener) = regarded(batch, recorded, "incident.declared")? else { return Ok(()) };
    // One that is void was none.
    if !batch.contains(&INCIDENTS.key().number(opener.index))? {
        return Ok(());
    }
    let incident = batch.record(&INCIDENTS, INCIDENTS.key().number(opener.index))?;
    incident.indices.push(at);
    let text = |text: &Option<probity_schemas::Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    match event {
        IncidentEvent::Classified(classified) => {
            let regime = classified.regime.to_string();
            let link = classified.causal_link.as_ref().map(word).unwrap_or_default();
            incident.regimes.retain(|(other, ..)| *other != regime);
            incident.regimes.push((regime, word(&classified.reportable), text(&classified.class), link, at));
        }
        IncidentEvent::Updated(updated) => {
            if let Some(severity) = &updated.severity {
                incident.severity = word(severity);
            }
        }
        IncidentEvent::AuthorityNotified(notified) => {
            let sent = notified.sent_at.map(|sent| sent.as_ms());
            incident.notices.push((notified.authority.to_string(), word(&notified.stage), sent, at));
        }
        IncidentEvent::AuthorityResponded(responded) => {
            let asks = responded.asks.iter().map(ToString::to_string).collect();
            let due = responded.due.map(|due| due.as_ms());
            incident.asks.push((responded.authority.to_string(), asks, due, at));
        }
        IncidentEvent::Closed(_) => {
            incident.closed_ms = Some(recorded.sorted_at_ms());
            batch.remove(OPEN_INCIDENTS.key().number(opener.index));
        }
        IncidentEvent::Declared(_) | IncidentEvent::Mitigated(_) | IncidentEvent::Preserved(_) => {}
    }
    judge_incident(batch, opener.index)
}

pub(crate) fn judge_incident(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let incident = batch.read(&INCIDENTS, &INCIDENTS.key().number(index))?.unwrap_or_default();
    let of = |question, reason: String, from_ms| {
        Found::new(question, &incident.subject, reason).from(from_ms).about(&incident.id)
    };
    let mut found = Vec::new();
    if incident.closed_ms.is_none() {
        let open = of(Question::IncidentOpen, incident.summary.clone(), incident.aware_ms);
        found.push(open.resting_on(incident.indices.iter().copied()));
    }
    let told = !incident.notices.is_empty();
    for (regime, reportable, _, _, at) in &incident.regimes {
        if *reportable == word(&Reportable::Yes) && !told {
            let reason = format!("it is reportable under {regime}, and no authority has been told");
            found.push(of(Question::IncidentNotNotified, reason, incident.aware_ms).resting_on([index, *at]));
        }
    }
    for (authority, _, due, at) in &incident.asks {
        let answered = incident.notices.iter().any(|(other, _, _, told)| other == authority && told > at);
        if let Some(due_ms) = due.filter(|_| !answered) {
            let reason = format!("{authority} waits for an answer");
            found.push(of(Question::AuthorityWaits, reason, due_ms).resting_on([index, *at]));
        }
    }
    replace(batch, &format!("incident {index}"), found)
}

/// Takes in what is said of an exception.
pub(crate) fn exception(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    event: &ExceptionEvent,
) -> Result<(), ProjectionError> {
    let (index, subject) = (recorded.index, recorded.event.subject.to_string());
    let opened = |control: &probity_schemas::Name, reason: &probity_schemas::Text, expires_at_ms| Emergency {
        id: recorded.event.id.to_string(),
        subject: subject.clone(),
        control: control.to_string(),
        reason: reason.to_string(),
        signer: recorded.signer(),
        at_ms: recorded.sorted_at_ms(),
        expires_at_ms,
        revoked_ms: None,
        index,
    };
    match event {
        ExceptionEvent::Requested(_) => return Ok(()),
        ExceptionEvent::Invoked(invoked) => {
            let emergency = opened(&invoked.control, &invoked.reason, invoked.expires_at.as_ms());
            let reason = format!("the emergency about {} waits for its second signature", emergency.control);
            let unsigned = Found::new(Question::EmergencyUnsigned, &subject, reason);
            let unsigned = unsigned.from(emergency.at_ms + SECOND_SIGNATURE_MS).about(&emergency.id);
            batch.put(&UNSIGNED, UNSIGNED.key().number(index), ());
            batch.put(&EXCEPTIONS_OF, EXCEPTIONS_OF.key().text(&subject).number(index), ());
            batch.put(&EMERGENCIES, EMERGENCIES.key().number(index), emergency);
            replace(batch, &format!("emergency {index}"), vec![unsigned.resting_on([index])])?;
        }
        ExceptionEvent::Granted(granted) => {
            let exception = opened(&granted.control, &granted.reason, granted.expires_at.as_ms());
            batch.put(&EXCEPTIONS_OF, EXCEPTIONS_OF.key().text(&subject).number(index), ());
            batch.put(&EMERGENCIES, EMERGENCIES.key().number(index), exception);
            if let Some(emergency) = regarded(batch, recorded, "exception.invoked")? {
                batch.remove(UNSIGNED.key().number(emergency.index));
                replace(batch, &format!("emergency {}", emergency.index), Vec::new())?;
            }
        }
        ExceptionEvent::Extended(extended) => {
            let Some(opener) = IDS.regarded(batch, recorded)? else { return Ok(()) };
            batch.record(&EMERGENCIES, EMERGENCIES.key().number(opener.index))?.expires_at_ms =
                extended.expires_at.as_ms();
        }
        ExceptionEvent::Revoked(_) => {
            let Some(opener) = IDS.regarded(batch, recorded)? else { return Ok(()) };
            batch.record(&EMERGENCIES, EMERGENCIES.key().number(opener.index))?.revoked_ms =
                Some(recorded.sorted_at_ms());
        }
    }
    match subject.starts_with("model:") {
        true => judging::endpoints_of(batch, probity_domain::ids::model_of(&subject)),
        false => Ok(()),
    }
}

/// Takes in what is said of an issue.
pub(crate) fn issue(batch: &mut Batch<'_>, recorded: &Recorded, event: &IssueEvent) -> Result<(), ProjectionError> {
    if let IssueEvent::Opened(opened) = event {
        let issue = Issue {
            id: recorded.event.id.to_string(),
            subject: recorded.event.subject.to_string(),
            title: opened.title.to_string(),
            ..Issue::default()
        };
        batch.put(&ISSUES, ISSUES.key().number(recorded.index), issue);
        return Ok(());
    }
    let Some(opener) = regarded(batch, recorded, "issue.opened")? else { return Ok(()) };
    // One that is void was none.
    if !batch.contains(&ISSUES.key().number(opener.index))? {
        return Ok(());
    }
    let issue = batch.record(&ISSUES, ISSUES.key().number(opener.index))?;
    let before = issue.assignee.clone();
    match event {
        IssueEvent::Routed(routed) => {
            issue.assignee = routed.assignee.as_ref().map(ToString::to_string).unwrap_or_default();
            issue.due_ms = routed.due.map(|due| due.as_ms());
            let now = issue.assignee.clone();
            done(batch, &before, opener.index);
            wait(batch, &now, opener.index, "issue");
        }
        IssueEvent::Resolved(_) => done(batch, &before, opener.index),
        IssueEvent::Reopened(_) => wait(batch, &before, opener.index, "issue"),
        IssueEvent::Opened(_) | IssueEvent::RootCauseRecorded(_) => {}
    }
    Ok(())
}

/// What was opened is void: nothing more is waited for.
pub(crate) fn forget(batch: &mut Batch<'_>, opener: &Identified) -> Result<(), ProjectionError> {
    let index = opener.index;
    match opener.event_type.as_str() {
        "finding.raised" => {
            let finding = batch.record(&FINDINGS, FINDINGS.key().number(index))?;
            finding.closed = Some(index);
            let owner = finding.owner.clone();
            done(batch, &owner, index);
            judge_finding(batch, index)
        }
        "review.scheduled" => {
            let review = batch.record(&REVIEWS, REVIEWS.key().number(index))?;
            review.done = Some(index);
            let (subject, reviewer) = (review.subject.clone(), review.reviewer.clone());
            batch.remove(REVIEWS_OF.key().text(&subject).number(index));
            done(batch, &reviewer, index);
            judge_review(batch, index)
        }
        "incident.declared" => {
            batch.remove(INCIDENTS.key().number(index));
            batch.remove(OPEN_INCIDENTS.key().number(index));
            replace(batch, &format!("incident {index}"), Vec::new())
        }
        "issue.opened" => {
            let assignee = batch.read(&ISSUES, &ISSUES.key().number(index))?.unwrap_or_default().assignee;
            done(batch, &assignee, index);
            batch.remove(ISSUES.key().number(index));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The parts of a key that names a person and an index.
pub(crate) fn waiting_index(key: &[u8]) -> Option<u64> {
    let mut parts = Parts::of(key);
    parts.text()?;
    parts.number()
}
