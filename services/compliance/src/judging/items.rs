//! What findings, reviews and incidents lack.

use probity_domain::signed::is_dated_ahead;
use probity_projection::{Batch, Parts, ProjectionError, Recorded};
use probity_schemas::incident::Reportable;
use probity_schemas::word;

use crate::records::deficiencies::{Found, replace};
use crate::records::endpoints::{ENDPOINTS, endpoint_key};
use crate::records::items::{FINDINGS, INCIDENTS, OPEN_ABOUT, REVIEWS, open_about};
use probity_controls::Question;

/// What an item about these subjects concerns: they, and what serves at those of them that are endpoints.
fn concerned<'a>(
    batch: &Batch<'_>,
    subjects: impl Iterator<Item = &'a String>,
) -> Result<Vec<String>, ProjectionError> {
    let mut concerned = Vec::new();
    for subject in subjects {
        if subject.starts_with("endpoint:") {
            concerned.extend(batch.read(&ENDPOINTS, &endpoint_key(subject))?.unwrap_or_default().concerned());
        }
        concerned.push(subject.clone());
    }
    Ok(concerned)
}

/// Judges what is open about an endpoint: something else serves there now.
pub(crate) fn about(batch: &mut Batch<'_>, endpoint: &str) -> Result<(), ProjectionError> {
    for (key, kind) in batch.records(&OPEN_ABOUT, &OPEN_ABOUT.key().text(endpoint))? {
        let mut parts = Parts::of(&key);
        let (_, index) = (parts.text(), parts.number().unwrap_or_default());
        match kind.as_str() {
            "finding" => judge_finding(batch, index)?,
            "review" => judge_review(batch, index)?,
            _ => judge_incident(batch, index)?,
        }
    }
    Ok(())
}

/// Judges the date of a statement.
pub(crate) fn judge_date(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let recorded_ms = recorded.recorded_at_ms();
    let ahead = recorded.event.occurred.map(|at| at.earliest()).filter(|at| is_dated_ahead(at.as_ms(), recorded_ms));
    let Some(claimed) = ahead else { return Ok(()) };
    let event = &recorded.event;
    let reason = format!("{} is dated later than it was recorded, and counts from then on", event.event_type());
    let found = Found::new(Question::DatedAhead, &event.subject.to_string(), reason).from(recorded_ms);
    let named = event.about.iter().filter(|subject| recorded.reaches(subject));
    let about: Vec<String> = [&event.subject].into_iter().chain(named).map(ToString::to_string).collect();
    let found = found.concerning(concerned(batch, about.iter())?).resting_on([recorded.index]);
    let found = found.until(claimed.as_ms()).about(&event.id.to_string());
    replace(batch, &date_of(recorded.index), vec![found])
}

/// The statement is void, and so is its date.
pub(crate) fn undated(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    replace(batch, &date_of(index), Vec::new())
}

fn date_of(index: u64) -> String {
    format!("date of {index}")
}

pub(crate) fn judge_finding(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let finding = batch.read(&FINDINGS, &FINDINGS.key().number(index))?.unwrap_or_default();
    let subjects = || [&finding.subject].into_iter().chain(&finding.about);
    open_about(batch, subjects(), index, finding.closed_ms.is_none().then_some("finding"));
    let concerned = concerned(batch, subjects())?;
    let of = |question, from_ms| {
        let reason = format!("{} ({})", finding.title, finding.severity);
        let open = Found::new(question, &finding.subject, reason).from(from_ms).about(&finding.id);
        let open = open.concerning(concerned.clone()).resting_on(finding.indices.iter().copied());
        open.until_or_on(finding.closed_ms)
    };
    let mut found = vec![of(Question::FindingOpen, finding.from_ms)];
    found.extend(finding.due_ms.map(|due_ms| of(Question::FindingOverdue, due_ms)));
    replace(batch, &format!("finding {index}"), found)
}

pub(crate) fn judge_review(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let review = batch.read(&REVIEWS, &REVIEWS.key().number(index))?.unwrap_or_default();
    let subjects = || [&review.subject].into_iter().chain(&review.about);
    open_about(batch, subjects(), index, review.done.is_none().then_some("review"));
    let reason = match review.scope.as_str() {
        "" => "a review is overdue".to_owned(),
        scope => format!("the review of {scope} is overdue"),
    };
    let overdue = Found::new(Question::ReviewOverdue, &review.subject, reason).from(review.due_ms);
    let overdue = overdue.concerning(concerned(batch, subjects())?).about(&review.reviewer).resting_on([index]);
    let done = review.done;
    let overdue = overdue.until_or_on(done.map(|(_, at_ms)| at_ms)).resting_on(done.map(|(at, _)| at));
    replace(batch, &format!("review {index}"), vec![overdue])
}

pub(crate) fn judge_incident(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    let incident = batch.read(&INCIDENTS, &INCIDENTS.key().number(index))?.unwrap_or_default();
    let subjects = || [&incident.subject].into_iter().chain(&incident.about);
    open_about(batch, subjects(), index, incident.closed_ms.is_none().then_some("incident"));
    let concerned = concerned(batch, subjects())?;
    let of = |question, reason: String, from_ms| {
        let found = Found::new(question, &incident.subject, reason).from(from_ms).about(&incident.id);
        found.concerning(concerned.clone())
    };
    let open = of(Question::IncidentOpen, incident.summary.clone(), incident.aware_ms);
    let mut found = vec![open.until_or_on(incident.closed_ms).resting_on(incident.indices.iter().copied())];
    let told_ms = incident.notices.iter().map(|notice| notice.sent_ms).min();
    for (regime, reportable, _, _, at) in &incident.regimes {
        if *reportable == word(&Reportable::Yes) {
            let reason = format!("it is reportable under {regime}, and no authority has been told");
            let untold = of(Question::IncidentNotNotified, reason, incident.aware_ms).resting_on([index, *at]);
            found.push(untold.until_or_on(told_ms));
        }
    }
    for (authority, _, due, at) in &incident.asks {
        let mut answers = incident.notices.iter().filter(|told| told.authority == *authority && told.index > *at);
        if let Some(due_ms) = due {
            let reason = format!("{authority} waits for an answer");
            let waits = of(Question::AuthorityWaits, reason, *due_ms).resting_on([index, *at]);
            found.push(waits.until_or_on(answers.next().map(|told| told.sent_ms)));
        }
    }
    replace(batch, &format!("incident {index}"), found)
}
