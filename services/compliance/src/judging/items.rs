//! What findings, reviews and incidents lack.

use probity_projection::{Batch, ProjectionError};
use probity_schemas::incident::Reportable;
use probity_schemas::word;

use crate::questions::Question;
use crate::records::deficiencies::{Found, replace};
use crate::records::items::{FINDINGS, INCIDENTS, REVIEWS};

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

pub(crate) fn judge_review(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
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
