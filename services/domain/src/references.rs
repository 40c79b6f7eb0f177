//! Which earlier event an event id means.
//!
//! Ids are unique per issuer only: two issuers may use one id, by chance or to get into the way of each other. So a
//! reference means **the first event under that id that fits it, and where none fits, the first of all**:
//!
//! - A correction fits what its own signer recorded: it is about one's own fact and reaches nobody else's event.
//! - An answer fits an event of a type that it answers ([`answerable`]), about the same thing. What it can never
//!   answer cannot stand in its way, whoever recorded it first; this is also what the door goes by, which knows
//!   only what can be answered.
//! - Nothing else asks for more than the id.
//!
//! First is first in the order of the log. What was recorded after the reference is not meant by it: a later event that
//! uses an id again never takes the place of an earlier one, and what a statement means does not change after it was
//! recorded. A reference to nothing stays unresolved and is shown as such.

use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::{Data, Event, Identity, Subject};
use serde::{Deserialize, Serialize};

use crate::corrections::can_be_void;
use crate::ids::model_of;

/// A recorded event, as far as others can refer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referent {
    /// Its position in the log.
    pub index: u64,
    /// Who signed it.
    pub issuer: String,
    /// Its type, such as `issue.opened`.
    pub event_type: String,
    /// What it is about.
    pub subject: String,
    /// What it says something of, where that is another subject than its own: the model that a use is linked to, the
    /// version that a training run produced.
    pub concerns: Option<String>,
    /// The moment to sort it by, in Unix milliseconds.
    pub at_ms: u64,
}

impl Referent {
    /// What others can refer to of an event that is recorded at `index`.
    #[must_use]
    pub fn of(event: &Event, issuer: &Identity, index: u64, at_ms: u64) -> Self {
        Self {
            index,
            issuer: issuer.to_string(),
            event_type: event.event_type().to_owned(),
            subject: event.subject.to_string(),
            concerns: concerned(event).map(ToString::to_string),
            at_ms,
        }
    }

    /// What it says something of.
    #[must_use]
    pub fn concerned(&self) -> &str {
        self.concerns.as_deref().unwrap_or(&self.subject)
    }

    /// Its family, such as `issue`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.event_type.split_once('.').map_or(&*self.event_type, |(family, _)| family)
    }
}

fn concerned(event: &Event) -> Option<&Subject> {
    match &event.data {
        Data::Usecase(UsecaseEvent::Linked(linked)) => Some(&linked.model),
        Data::Training(TrainingEvent::Completed(completed)) => completed.produced_version.as_ref(),
        _ => None,
    }
}

/// The event that `event` refers to, among those that were recorded under the id before it, in the order of the log.
#[must_use]
pub fn meant<'r>(event: &Event, issuer: &str, recorded: &'r [Referent]) -> Option<&'r Referent> {
    let fits = |referent: &&Referent| match event.data {
        Data::Correction(_) => referent.issuer == issuer,
        _ => is_answered(event, referent),
    };
    let subject = event.subject.to_string();
    // One about the very version comes before one about another: the door lets acts answer that one only.
    recorded.iter().filter(fits).min_by_key(|referent| referent.subject != subject).or(recorded.first())
}

/// Whether an event that refers to `referent` answers, continues or closes it: that is of a type that it answers, and
/// about the same thing, in whatever version.
#[must_use]
pub fn is_answered(by: &Event, referent: &Referent) -> bool {
    answerable(by.event_type()).contains(&referent.event_type.as_str()) && is_about(by, referent)
}

/// Whether a correction of `referent` counts: of the signer's own fact, about the same thing.
#[must_use]
pub fn is_corrected(by: &Event, issuer: &str, referent: &Referent) -> bool {
    let own_fact = can_be_void(&referent.event_type, referent.issuer.as_str(), issuer);
    matches!(by.data, Data::Correction(_)) && own_fact && is_about(by, referent)
}

/// What a statement changes reaches as far as its signer's role, and that was looked at for its own subject.
fn is_about(event: &Event, referent: &Referent) -> bool {
    model_of(&event.subject.to_string()) == model_of(&referent.subject)
}

/// What answers, continues or closes what.
const ANSWERS: &[(&str, &[&str])] = &[
    ("approval.condition_met", &["approval.granted"]),
    ("approval.granted", &["approval.requested"]),
    ("approval.rejected", &["approval.requested"]),
    ("approval.revoked", &["approval.granted"]),
    ("concern.answered", &["concern.raised"]),
    ("dependency.ended", &["dependency.declared"]),
    ("deployment.attributed", &["deployment.observed"]),
    ("deployment.authorized", &["deployment.requested"]),
    ("deployment.resumed", &["deployment.suspended"]),
    ("evidence.withdrawn", &["evidence.attached"]),
    ("exception.extended", &["exception.granted"]),
    ("exception.granted", &["exception.requested", "exception.invoked"]),
    ("exception.revoked", &["exception.granted", "exception.invoked"]),
    ("experiment.concluded", &["experiment.opened"]),
    ("export.received", &["export.produced"]),
    ("finding.closed", &["finding.raised"]),
    ("finding.extended", &["finding.raised"]),
    ("finding.responded", &["finding.raised"]),
    ("hold.lifted", &["hold.set"]),
    ("incident.authority_notified", &["incident.declared"]),
    ("incident.authority_responded", &["incident.declared"]),
    ("incident.classified", &["incident.declared"]),
    ("incident.closed", &["incident.declared"]),
    ("incident.mitigated", &["incident.declared"]),
    ("incident.preserved", &["incident.declared"]),
    ("incident.updated", &["incident.declared"]),
    ("issue.reopened", &["issue.opened"]),
    ("issue.resolved", &["issue.opened"]),
    ("issue.root_cause_recorded", &["issue.opened"]),
    ("issue.routed", &["issue.opened"]),
    ("monitor.recovered", &["monitor.breached"]),
    ("plan.approved", &["plan.proposed"]),
    ("plan.revoked", &["plan.proposed"]),
    ("retirement.approved", &["retirement.proposed"]),
    ("retirement.completed", &["retirement.approved"]),
    ("retirement.reversed", &["retirement.approved", "retirement.completed"]),
    ("review.completed", &["review.scheduled"]),
    ("risk.accepted", &["risk.assessed"]),
    ("risk.adjustment_applied", &["risk.assessed"]),
    ("subscription.removed", &["subscription.configured"]),
    ("training.completed", &["training.started"]),
    ("training.failed", &["training.started"]),
    ("usecase.accepted", &["usecase.proposed"]),
    ("usecase.declined", &["usecase.proposed"]),
    ("validation.completed", &["validation.requested"]),
];

/// The types of event that an event of this type answers, continues or closes; none where it does not answer.
#[must_use]
pub fn answerable(event_type: &str) -> &'static [&'static str] {
    ANSWERS.binary_search_by_key(&event_type, |(answer, _)| answer).map_or(&[], |at| ANSWERS[at].1)
}

/// Whether events of this type are answered, continued or closed by others.
#[must_use]
pub fn is_answerable(event_type: &str) -> bool {
    ANSWERS.iter().any(|(_, takes)| takes.contains(&event_type))
}

/// Every type that answers, with what it answers.
pub fn answers() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ANSWERS.iter().copied()
}
