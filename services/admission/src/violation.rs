//! The rules that acts break, each as data: what stands against it, and where in the log that is written.

use probity_domain::Lapse;
use probity_domain::gathering::Full;
use probity_schemas::validation::Scope;
use probity_schemas::{Digest, EventId, Identity, Name, Namespace, NamespacePattern};

use crate::moment::moment;

/// A rule that an act breaks. [`RuleViolation::reason`] is its name for machines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RuleViolation {
    /// Services carry out; they never decide.
    #[error("{event_type} takes a person; {issuer} is not one")]
    TakesAPerson {
        /// The act.
        event_type: &'static str,
        /// Who signed it.
        issuer: Identity,
    },
    /// A recovery key was used for something else.
    #[error("a recovery key can do nothing but enrol administrators, with authority.enrolled and authority.confirmed")]
    RecoveryKeyOnly,
    /// Someone who has left.
    #[error("{person} left on {}; whoever leaves signs no acts", moment(.last_day_ms))]
    Departed {
        /// Who.
        person: Identity,
        /// The end of the last day, in Unix milliseconds.
        last_day_ms: u64,
    },
    /// Spoke for someone who did not ask for it.
    #[error("{delegator} has not delegated {event_type} to {delegate} for this time")]
    NotDelegated {
        /// Who was spoken for.
        delegator: Identity,
        /// Who spoke.
        delegate: Identity,
        /// The act.
        event_type: &'static str,
    },
    /// Gave away another's rights.
    #[error("only {subject} delegates what {subject} may do")]
    DelegatesForAnother {
        /// Whose rights they are.
        subject: Identity,
    },
    /// A delegation that leads nowhere.
    #[error("{to} cannot be delegated to: it takes another enrolled person")]
    DelegatesToNobody {
        /// To whom.
        to: Identity,
    },
    /// Both hands are the same person's.
    #[error("{person} had a hand in this (index {index}); it takes someone who had not")]
    FourEyes {
        /// Who.
        person: Identity,
        /// Where that is recorded.
        index: u64,
    },
    /// It may have been made by the person who now decides on it.
    #[error(
        "a service that names no initiator had a hand in this (index {index}), so no developer or owner of the model decides on it, and {person} is one"
    )]
    UnknownInitiator {
        /// Who.
        person: Identity,
        /// Where the service's part is recorded.
        index: u64,
    },
    /// An act that answers something must say what.
    #[error("regarding is missing: {event_type} answers an event of type {}", .takes.join(" or "))]
    OpenerMissing {
        /// The act.
        event_type: &'static str,
        /// What it can answer.
        takes: &'static [&'static str],
    },
    /// What it answers is not there.
    #[error("there is no event {regarding} that this could answer; it answers {}", .takes.join(" or "))]
    OpenerUnknown {
        /// The event it names.
        regarding: EventId,
        /// What it can answer.
        takes: &'static [&'static str],
    },
    /// What it answers is something else.
    #[error("{regarding} is of type {found}; this answers {}", .takes.join(" or "))]
    OpenerUnfit {
        /// The event it names.
        regarding: EventId,
        /// What that is.
        found: &'static str,
        /// What it can answer.
        takes: &'static [&'static str],
    },
    /// What it answers is about something else.
    #[error("{regarding} is about {found}, not about the subject of this act")]
    OpenerOfAnother {
        /// The event it names.
        regarding: EventId,
        /// Its subject.
        found: String,
    },
    /// What it answers is settled.
    #[error("{regarding} is no longer open: it was settled at index {index}")]
    OpenerClosed {
        /// The event it names.
        regarding: EventId,
        /// Where it was settled.
        index: u64,
    },
    /// It says something else than what it answers.
    #[error("{field} is not what the event it answers says ({expected})")]
    OpenerDiffers {
        /// The field.
        field: &'static str,
        /// What the event says.
        expected: String,
    },
    /// Nothing is granted for what is not registered.
    #[error("{subject} is not registered")]
    NotRegistered {
        /// What.
        subject: String,
    },
    /// Nothing is granted for what has ended.
    #[error("{subject} was retired at index {index}; retirement.reversed comes first")]
    Retired {
        /// What.
        subject: String,
        /// Where.
        index: u64,
    },
    /// No policy says what the gate asks for.
    #[error(
        "no policy of a gate {gate} is in force for {namespace}{}",
        .nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
    )]
    NoSuchGate {
        /// The gate.
        gate: Name,
        /// Where.
        namespace: Namespace,
        /// The most similar one.
        nearest: Option<Name>,
    },
    /// The gate does not ask for this person's signature.
    #[error("gate {gate} takes signatures of {}; {person} holds none of these roles in {namespace}", names(.roles))]
    NotASignatory {
        /// The gate.
        gate: Name,
        /// Where.
        namespace: Namespace,
        /// Who signed.
        person: Identity,
        /// The roles it asks for.
        roles: Vec<Name>,
    },
    /// One person counts once.
    #[error("{person} has signed this already (index {index})")]
    SignedAlready {
        /// Who.
        person: Identity,
        /// Where.
        index: u64,
    },
    /// An approval binds the artefacts it names, so it has to name them.
    #[error("the version has artefacts: the approval names the digests that it is for")]
    DigestsMissing,
    /// An artefact that the version does not have, or that was not asked for.
    #[error("{digest} is not of this version, or was not requested")]
    ForeignDigest {
        /// The digest.
        digest: Digest,
    },
    /// Evidence that nobody can look up.
    #[error("evidence {digest} is not in the log; evidence.attached comes first")]
    EvidenceUnknown {
        /// The digest.
        digest: Digest,
    },
    /// Evidence that no longer holds.
    #[error("evidence {digest} was withdrawn at index {index}")]
    EvidenceWithdrawn {
        /// The digest.
        digest: Digest,
        /// Where.
        index: u64,
    },
    /// The gate asks for a validation first.
    #[error(
        "the gate asks for a validation of scope {scope:?} that has not failed, by someone who had no hand in the version"
    )]
    NotValidated {
        /// Of what.
        scope: Scope,
    },
    /// The use has not been taken up.
    #[error("{use_case} has not been accepted, or has been retired")]
    UseNotAccepted {
        /// Which.
        use_case: String,
    },
    /// Nobody answers for the model.
    #[error("nobody has accepted the ownership of {model}")]
    NoOwner {
        /// Which.
        model: String,
    },
    /// Nobody has said how much is at stake.
    #[error("{model} has not been classified, or its classification has expired")]
    NotClassified {
        /// Which.
        model: String,
    },
    /// A time that is over before it begins.
    #[error("{field} ({}) is not after the time of the block", moment(.at_ms))]
    InThePast {
        /// The field.
        field: &'static str,
        /// The time.
        at_ms: u64,
    },
    /// An approval has no such condition, or it is met.
    #[error("the approval has no open condition {condition}")]
    NoSuchCondition {
        /// The condition.
        condition: Name,
    },
    /// The way to serving is closed.
    #[error("{version} has not passed gate {gate}: {}; no plan, exception or earlier approval lets it through", cited(.lapse))]
    GateClosed {
        /// The version.
        version: String,
        /// The gate.
        gate: Name,
        /// What the approval lacks.
        lapse: Lapse,
    },
    /// It was stopped in an emergency.
    #[error("{subject} was suspended at index {index}; deployment.resumed comes first")]
    Suspended {
        /// What.
        subject: String,
        /// Where.
        index: u64,
    },
    /// Nobody closes a finding against themselves.
    #[error("{person} owns the finding; someone else closes or extends it")]
    OwnFinding {
        /// Who.
        person: Identity,
    },
    /// An emergency lasts a day.
    #[error("an emergency lasts at most 24 hours; for longer, exception.granted")]
    EmergencyTooLong,
    /// An emergency that nobody has signed a second time is not prolonged by another one.
    #[error("the emergency at index {index} waits for its second signature (exception.granted)")]
    EmergencyUnsigned {
        /// Where it was invoked.
        index: u64,
    },
    /// An end that is not later than the one there is.
    #[error("the new end is not after the present one ({})", moment(.until_ms))]
    NotLater {
        /// The present end.
        until_ms: u64,
    },
    /// A hold keeps it.
    #[error("{subject} is under a hold (index {index}); nothing of it is erased")]
    OnHold {
        /// What.
        subject: String,
        /// Where the hold was set.
        index: u64,
    },
    /// Decides for namespaces in which the signer has no say.
    #[error("{who} does not hold a role for this in {beyond}, where it would take effect")]
    OutOfReach {
        /// The signer.
        who: Identity,
        /// The namespaces.
        beyond: NamespacePattern,
    },
    /// Attests what nobody has recorded.
    #[error("{subject} is at revision {actual}; {stated} cannot be attested")]
    RevisionAhead {
        /// The subject.
        subject: String,
        /// The revision attested.
        stated: u64,
        /// The revision there is.
        actual: u64,
    },
    /// Nothing waits for this yes.
    #[error("no statement with digest {statement_digest} waits for a confirmation")]
    NothingToConfirm {
        /// The digest.
        statement_digest: Digest,
    },
    /// Too late a yes.
    #[error("the act at index {index} has waited more than seven days; it has to be signed anew")]
    ConfirmationTooLate {
        /// Where it is.
        index: u64,
    },
    /// The yes is about something else than the act.
    #[error("the act at index {index} is about {subject}; its confirmation has the same subject and regarding")]
    ConfirmsAnother {
        /// Where the act is.
        index: u64,
        /// Its subject.
        subject: String,
    },
    /// The same hands twice.
    #[error("the act at index {index} takes a second person, or the recovery keys that began it")]
    NotASecondPerson {
        /// Where the act is.
        index: u64,
    },
    /// Rules are not given up again.
    #[error("rule set {present} is in force; the ledger does not go back to {found}")]
    RulesGoBack {
        /// The rule set in force.
        present: u32,
        /// The one that was to be adopted.
        found: u32,
    },
    /// More than one subject gathers.
    #[error("there are {most} {what} of {of} already, and no more are taken; a new version or subject begins anew")]
    TooMany {
        /// Of what there would be too much.
        of: String,
        /// What.
        what: &'static str,
        /// How much there can be.
        most: usize,
    },
    /// A field under `attributes` that the namespace's schema does not have.
    #[error(
        "the schema published for {namespace} has no attribute {field}{}",
        .nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
    )]
    UnknownAttribute {
        /// The field.
        field: String,
        /// Where.
        namespace: Namespace,
        /// The most similar one.
        nearest: Option<Name>,
    },
    /// A field under `attributes` that is not what the schema says.
    #[error("attribute {field} must be {expected}")]
    AttributeUnfit {
        /// The field.
        field: String,
        /// What the schema says.
        expected: String,
    },
}

impl RuleViolation {
    pub(crate) fn too_many(of: impl ToString, Full { what, most }: Full) -> Self {
        Self::TooMany { of: of.to_string(), what, most }
    }

    /// The rule's name for machines, such as `FOUR_EYES`.
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// The position of the statement that stands against the act, where there is one.
    pub fn rests_on(&self) -> Option<u64> {
        match self {
            Self::FourEyes { index, .. }
            | Self::UnknownInitiator { index, .. }
            | Self::OpenerClosed { index, .. }
            | Self::Retired { index, .. }
            | Self::SignedAlready { index, .. }
            | Self::EvidenceWithdrawn { index, .. }
            | Self::Suspended { index, .. }
            | Self::EmergencyUnsigned { index }
            | Self::OnHold { index, .. }
            | Self::ConfirmationTooLate { index }
            | Self::ConfirmsAnother { index, .. }
            | Self::NotASecondPerson { index } => Some(*index),
            Self::GateClosed { lapse, .. } => lapse.rests_on(),
            _ => None,
        }
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Why an approval is missing, with the position or the moment that shows it.
fn cited(lapse: &Lapse) -> String {
    let at_ms = match lapse {
        Lapse::Ended(end) => end.at_ms(),
        _ => None,
    };
    match (lapse.rests_on(), at_ms) {
        (Some(index), _) => format!("{lapse} (index {index})"),
        (None, Some(at_ms)) => format!("{lapse} on {}", moment(&at_ms)),
        (None, None) => lapse.to_string(),
    }
}
