//! What events say of findings, reviews, incidents and issues.

use probity_projection::{Batch, ProjectionError, Recorded, Referent};
use probity_schemas::finding::FindingEvent;
use probity_schemas::incident::IncidentEvent;
use probity_schemas::issue::IssueEvent;
use probity_schemas::review::ReviewEvent;
use probity_schemas::word;

use crate::judging::items::{judge_finding, judge_incident, judge_review};
use crate::records::deficiencies::replace;
use crate::records::items::{
    FINDINGS, Finding, INCIDENTS, ISSUES, Incident, Issue, Notice, OPEN_INCIDENTS, REVIEWS, REVIEWS_OF, Review, done,
    open_about, wait,
};

/// The subjects that a statement names beside its own, as far as its signer has a say there.
fn about(recorded: &Recorded) -> Vec<String> {
    let reached = recorded.event.about.iter().filter(|subject| recorded.reaches(subject));
    reached.map(ToString::to_string).collect()
}

/// Takes in what is said of a finding.
pub(crate) fn finding(batch: &mut Batch<'_>, recorded: &Recorded, event: &FindingEvent) -> Result<(), ProjectionError> {
    let index = match event {
        FindingEvent::Raised(raised) => {
            let finding = Finding {
                id: recorded.event.id.to_string(),
                subject: recorded.event.subject.to_string(),
                about: about(recorded),
                title: raised.title.to_string(),
                severity: word(&raised.severity),
                owner: raised.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
                due_ms: raised.due.map(|due| due.as_ms()),
                from_ms: recorded.sorted_at_ms(),
                closed_ms: None,
                indices: vec![recorded.index],
            };
            wait(batch, &finding.owner, recorded.index, "finding");
            batch.put(&FINDINGS, FINDINGS.key().number(recorded.index), finding);
            recorded.index
        }
        FindingEvent::Responded(_) | FindingEvent::Extended(_) | FindingEvent::Closed(_) => {
            let Some(opener) = recorded.answered() else { return Ok(()) };
            // One that is void was none.
            if !batch.contains(&FINDINGS.key().number(opener.index))? {
                return Ok(());
            }
            let finding = batch.record(&FINDINGS, FINDINGS.key().number(opener.index))?;
            finding.indices.push(recorded.index);
            match event {
                FindingEvent::Extended(extended) => finding.due_ms = Some(extended.due.as_ms()),
                FindingEvent::Closed(_) => {
                    finding.closed_ms = Some(recorded.sorted_at_ms());
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
                about: about(recorded),
                scope: scheduled.scope.as_ref().map(ToString::to_string).unwrap_or_default(),
                reviewer: scheduled.reviewer.as_ref().map(ToString::to_string).unwrap_or_default(),
                due_ms: scheduled.due.as_ms(),
                done: None,
            };
            schedule(batch, review)
        }
        ReviewEvent::Completed(completed) => {
            // The one that is answered; without one named, whatever was due for the subject.
            let answered = recorded.answered();
            let indices: Vec<u64> = match answered {
                Some(opener) => vec![opener.index],
                None => {
                    let keys = batch.keys(&REVIEWS_OF.key().text(&subject))?;
                    keys.iter().filter_map(|key| key.last_chunk().copied().map(u64::from_be_bytes)).collect()
                }
            };
            for index in indices {
                // One that is void was none.
                if !batch.contains(&REVIEWS.key().number(index))? {
                    continue;
                }
                let review = batch.record(&REVIEWS, REVIEWS.key().number(index))?;
                review.done = Some((recorded.index, recorded.sorted_at_ms()));
                let (of, reviewer) = (review.subject.clone(), review.reviewer.clone());
                batch.remove(REVIEWS_OF.key().text(&of).number(index));
                done(batch, &reviewer, index);
                judge_review(batch, index)?;
            }
            match completed.next_due {
                Some(due) => {
                    let id = recorded.event.id.to_string();
                    let (reviewer, about) = (recorded.signer(), about(recorded));
                    schedule(batch, Review { id, subject, about, reviewer, due_ms: due.as_ms(), ..Review::default() })
                }
                None => Ok(()),
            }
        }
    }
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
            about: about(recorded),
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
    let Some(opener) = recorded.answered() else { return Ok(()) };
    // One that is void was none.
    if !batch.contains(&INCIDENTS.key().number(opener.index))? {
        return Ok(());
    }
    let incident = batch.record(&INCIDENTS, INCIDENTS.key().number(opener.index))?;
    incident.indices.push(at);
    match event {
        IncidentEvent::Classified(classified) => {
            let regime = classified.regime.to_string();
            let link = classified.causal_link.as_ref().map(word).unwrap_or_default();
            incident.regimes.retain(|(other, ..)| *other != regime);
            let class = classified.class.as_ref().map(ToString::to_string).unwrap_or_default();
            incident.regimes.push((regime, word(&classified.reportable), class, link, at));
        }
        IncidentEvent::Updated(updated) => {
            if let Some(severity) = &updated.severity {
                incident.severity = word(severity);
            }
        }
        IncidentEvent::AuthorityNotified(notified) => {
            let sent = notified.sent_at.map(|sent| sent.as_ms());
            incident.notices.push(Notice {
                authority: notified.authority.to_string(),
                stage: word(&notified.stage),
                sent_at_ms: sent,
                sent_ms: sent.map_or(recorded.sorted_at_ms(), |sent| sent.min(recorded.recorded_at_ms())),
                index: at,
            });
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
    let Some(opener) = recorded.answered() else { return Ok(()) };
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
pub(crate) fn leave_out(batch: &mut Batch<'_>, opener: &Referent) -> Result<(), ProjectionError> {
    let index = opener.index;
    match opener.event_type.as_str() {
        "finding.raised" => {
            let Some(finding) = batch.read(&FINDINGS, &FINDINGS.key().number(index))? else { return Ok(()) };
            done(batch, &finding.owner, index);
            open_about(batch, [&finding.subject].into_iter().chain(&finding.about), index, None);
            batch.remove(FINDINGS.key().number(index));
            replace(batch, &format!("finding {index}"), Vec::new())
        }
        "review.scheduled" => {
            let Some(review) = batch.read(&REVIEWS, &REVIEWS.key().number(index))? else { return Ok(()) };
            batch.remove(REVIEWS_OF.key().text(&review.subject).number(index));
            done(batch, &review.reviewer, index);
            open_about(batch, [&review.subject].into_iter().chain(&review.about), index, None);
            batch.remove(REVIEWS.key().number(index));
            replace(batch, &format!("review {index}"), Vec::new())
        }
        "incident.declared" => {
            let Some(incident) = batch.read(&INCIDENTS, &INCIDENTS.key().number(index))? else { return Ok(()) };
            open_about(batch, [&incident.subject].into_iter().chain(&incident.about), index, None);
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
