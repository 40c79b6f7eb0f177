//! Why a version may not serve for a purpose.

use std::fmt;

use probity_schemas::{Digest, Identity, Kid, Name};

use crate::ids::DatasetId;

/// Why something that let a version through is over, by time or by an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The approval's time is over.
    Expired {
        /// When it ended, in Unix milliseconds.
        at_ms: u64,
    },
    /// The approval was revoked.
    Revoked {
        /// Where.
        index: u64,
    },
    /// A condition of the approval was not met when it was due.
    ConditionOverdue {
        /// Its name.
        condition: Name,
    },
    /// The exception expired or was revoked.
    ExceptionOver {
        /// Where it was granted or invoked.
        index: u64,
    },
    /// The change plan expired.
    PlanExpired {
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// The change plan was revoked.
    PlanRevoked {
        /// Where.
        index: u64,
    },
    /// Approvals elsewhere are no longer honoured by the gate's policy.
    ElsewhereOver {
        /// Since when, in Unix milliseconds.
        at_ms: u64,
    },
}

/// Data that a version is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// A dataset, or one that it was derived from.
    Dataset(DatasetId),
    /// Data with this digest.
    Digest(Digest),
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dataset(dataset) => dataset.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Why nothing lets a version through a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lapse {
    /// No approval was requested.
    NotRequested,
    /// An approval by another body is recorded, which the gate's policy does not honour.
    OnlyElsewhere {
        /// Where.
        index: u64,
    },
    /// The request was rejected.
    Rejected {
        /// Where.
        index: u64,
    },
    /// Signatures are missing.
    Unsigned {
        /// The roles whose holders' signatures the gate still asks for.
        roles: Vec<Name>,
    },
    /// Somebody who signed had a hand in the version, as was recorded later.
    Involved {
        /// The person.
        person: Identity,
        /// Where that is recorded.
        index: u64,
    },
    /// The approval names other artefacts.
    OtherDigest,
    /// The approval is for other uses.
    OtherUse,
    /// The approval is for other environments.
    OtherEnvironment,
    /// The approval is for other jurisdictions.
    OtherJurisdiction,
    /// A condition that is to be met before deployment is open.
    ConditionOpen {
        /// Its name.
        condition: Name,
    },
    /// A document that the approval rests on was withdrawn.
    EvidenceWithdrawn {
        /// Where.
        index: u64,
    },
    /// The vendor changed the model under it.
    VendorChanged {
        /// Where that was recorded.
        index: u64,
    },
    /// The model was changed substantially.
    SubstantiallyChanged {
        /// Where that was recorded.
        index: u64,
    },
    /// The model's intended use was widened.
    UseWidened {
        /// Where that was recorded.
        index: u64,
    },
    /// Data that the version was made from was withdrawn.
    DataWithdrawn {
        /// Where.
        index: u64,
        /// Which data.
        data: DataSource,
    },
    /// The key that signed the approval was in other hands.
    KeyCompromised {
        /// The key.
        kid: Kid,
    },
    /// The model, or this version of it, was retired.
    Retired {
        /// Where.
        index: u64,
    },
    /// What let it through is over.
    Ended(End),
}

impl End {
    fn rests_on(&self) -> Option<u64> {
        match self {
            Self::Revoked { index } | Self::ExceptionOver { index } | Self::PlanRevoked { index } => Some(*index),
            Self::Expired { .. }
            | Self::ConditionOverdue { .. }
            | Self::PlanExpired { .. }
            | Self::ElsewhereOver { .. } => None,
        }
    }

    /// Since when, where the time alone ended it, in Unix milliseconds.
    #[must_use]
    pub fn at_ms(&self) -> Option<u64> {
        match self {
            Self::Expired { at_ms } | Self::PlanExpired { at_ms } | Self::ElsewhereOver { at_ms } => Some(*at_ms),
            _ => None,
        }
    }
}

impl End {
    fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "EXPIRED",
            Self::Revoked { .. } => "REVOKED",
            Self::ConditionOverdue { .. } => "CONDITION_OVERDUE",
            Self::ExceptionOver { .. } => "EXCEPTION_OVER",
            Self::PlanExpired { .. } => "PLAN_EXPIRED",
            Self::PlanRevoked { .. } => "PLAN_REVOKED",
            Self::ElsewhereOver { .. } => "ELSEWHERE_OVER",
        }
    }
}

impl Lapse {
    /// A word for programs, in capitals.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRequested => "NOT_REQUESTED",
            Self::OnlyElsewhere { .. } => "ONLY_ELSEWHERE",
            Self::Rejected { .. } => "REJECTED",
            Self::Unsigned { .. } => "UNSIGNED",
            Self::Involved { .. } => "FOUR_EYES",
            Self::OtherDigest => "OTHER_DIGEST",
            Self::OtherUse => "OTHER_USE",
            Self::OtherEnvironment => "OTHER_ENVIRONMENT",
            Self::OtherJurisdiction => "OTHER_JURISDICTION",
            Self::ConditionOpen { .. } => "CONDITION_OPEN",
            Self::EvidenceWithdrawn { .. } => "EVIDENCE_WITHDRAWN",
            Self::VendorChanged { .. } => "VENDOR_CHANGED",
            Self::SubstantiallyChanged { .. } => "SUBSTANTIALLY_CHANGED",
            Self::UseWidened { .. } => "USE_WIDENED",
            Self::DataWithdrawn { .. } => "DATA_WITHDRAWN",
            Self::KeyCompromised { .. } => "KEY_COMPROMISED",
            Self::Retired { .. } => "RETIRED",
            Self::Ended(end) => end.code(),
        }
    }

    /// The index of the statement that stands against it, where there is one.
    #[must_use]
    pub fn rests_on(&self) -> Option<u64> {
        match self {
            Self::OnlyElsewhere { index }
            | Self::Rejected { index }
            | Self::Involved { index, .. }
            | Self::EvidenceWithdrawn { index }
            | Self::VendorChanged { index }
            | Self::SubstantiallyChanged { index }
            | Self::UseWidened { index }
            | Self::DataWithdrawn { index, .. }
            | Self::Retired { index } => Some(*index),
            Self::Ended(end) => end.rests_on(),
            Self::NotRequested
            | Self::Unsigned { .. }
            | Self::OtherDigest
            | Self::OtherUse
            | Self::OtherEnvironment
            | Self::OtherJurisdiction
            | Self::ConditionOpen { .. }
            | Self::KeyCompromised { .. } => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { .. } => f.write_str("the approval expired"),
            Self::Revoked { .. } => f.write_str("the approval was revoked"),
            Self::ConditionOverdue { condition } => write!(f, "condition {condition} of the approval was not met"),
            Self::ExceptionOver { .. } => f.write_str("the exception that let it through is over"),
            Self::PlanExpired { .. } => f.write_str("the change plan that covers it expired"),
            Self::PlanRevoked { .. } => f.write_str("the change plan that covers it was revoked"),
            Self::ElsewhereOver { .. } => f.write_str("approvals elsewhere are no longer honoured"),
        }
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequested => f.write_str("no approval of it was requested"),
            Self::OnlyElsewhere { .. } => f.write_str("an approval elsewhere is recorded, none here"),
            Self::Rejected { .. } => f.write_str("it was rejected"),
            Self::Unsigned { roles } => {
                let roles = roles.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
                write!(f, "signatures are missing: {roles}")
            }
            Self::Involved { person, .. } => write!(f, "{person} signed it and had a hand in the version"),
            Self::OtherDigest => f.write_str("the approval names other artefacts"),
            Self::OtherUse => f.write_str("the approval is for other uses"),
            Self::OtherEnvironment => f.write_str("the approval is for other environments"),
            Self::OtherJurisdiction => f.write_str("the approval is for other jurisdictions"),
            Self::ConditionOpen { condition } => {
                write!(f, "condition {condition} of the approval is to be met before deployment and is open")
            }
            Self::EvidenceWithdrawn { .. } => f.write_str("evidence it rests on was withdrawn"),
            Self::VendorChanged { .. } => f.write_str("the vendor has changed the model since"),
            Self::SubstantiallyChanged { .. } => f.write_str("the model was changed substantially since"),
            Self::UseWidened { .. } => f.write_str("the intended use was widened since"),
            Self::DataWithdrawn { data, .. } => write!(f, "data it was made from was withdrawn since ({data})"),
            Self::KeyCompromised { kid } => write!(f, "key {kid} that signed it was in other hands"),
            Self::Retired { .. } => f.write_str("it was retired"),
            Self::Ended(end) => end.fmt(f),
        }
    }
}
