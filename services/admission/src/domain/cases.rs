//! Matters: what one event opens and others answer or close.

use probity_domain::approvals::Request;
use probity_domain::exceptions::Exception;
use probity_domain::plans::Plan;
use probity_domain::{Actors, At, Signed};
use probity_schemas::deployment::StopScope;
use probity_schemas::{Identity, Name, NamespacePattern, Subject};
use serde::{Deserialize, Serialize};

use super::Key;

/// Something that was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenItem {
    pub(crate) case: Case,
    pub(crate) subject: Key,
    /// Where it was opened, and by whom.
    pub(crate) at: At,
    pub(crate) issuer: u32,
    pub(crate) actors: Actors,
    /// What closed it, while that counts.
    pub(crate) closed: Option<Signed>,
}

/// What it is about, by the type of the event that opened it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Case {
    /// `usecase.proposed`
    UseCaseProposal,
    /// `approval.requested`
    ApprovalRequest(Box<Request>),
    /// `approval.granted`: part of the request at this index.
    Grant(u64),
    /// `deployment.requested`
    DeploymentRequest,
    /// `deployment.suspended`
    Suspension(Suspension),
    /// `retirement.proposed`
    RetirementProposal,
    /// `retirement.approved`
    RetirementApproval,
    /// `retirement.completed`
    RetirementCompletion,
    /// `plan.proposed`
    Plan(Box<Plan>),
    /// `finding.raised`
    Finding { owner: Option<Identity> },
    /// `risk.assessed`
    RiskAssessment,
    /// `exception.requested`
    ExceptionRequest { control: Name },
    /// `exception.granted`
    Exception(Box<Exception>),
    /// `exception.invoked`
    Emergency(Box<Exception>),
    /// `hold.set`
    Hold(Box<Hold>),
    /// `subscription.configured`
    Subscription { name: Name },
}

impl Case {
    /// The type of the event that opens it.
    pub(crate) fn opened_by(&self) -> &'static str {
        match self {
            Self::UseCaseProposal => "usecase.proposed",
            Self::ApprovalRequest(_) => "approval.requested",
            Self::Grant(_) => "approval.granted",
            Self::DeploymentRequest => "deployment.requested",
            Self::Suspension(_) => "deployment.suspended",
            Self::RetirementProposal => "retirement.proposed",
            Self::RetirementApproval => "retirement.approved",
            Self::RetirementCompletion => "retirement.completed",
            Self::Plan(_) => "plan.proposed",
            Self::Finding { .. } => "finding.raised",
            Self::RiskAssessment => "risk.assessed",
            Self::ExceptionRequest { .. } => "exception.requested",
            Self::Exception(_) => "exception.granted",
            Self::Emergency(_) => "exception.invoked",
            Self::Hold(_) => "hold.set",
            Self::Subscription { .. } => "subscription.configured",
        }
    }
}

/// An emergency stop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Suspension {
    pub(crate) scope: StopScope,
    /// The version or model that is stopped, where not the endpoint is.
    pub(crate) target: Option<Key>,
}

/// What must not be erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hold {
    #[serde(with = "probity_domain::named")]
    pub(crate) subjects: Vec<Subject>,
    pub(crate) namespaces: Vec<NamespacePattern>,
}

impl Hold {
    /// Whether it covers a subject: itself, a version of it, or its namespace.
    pub(crate) fn covers(&self, subject: &Subject) -> bool {
        let named = |held: &Subject| held == subject || *held == subject.without_version();
        self.subjects.iter().any(named) || self.namespaces.iter().any(|pattern| pattern.covers(&subject.namespace))
    }
}
