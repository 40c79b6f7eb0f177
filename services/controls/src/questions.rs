//! The standing questions.

use serde::{Deserialize, Serialize};

macro_rules! questions {
    ($($(#[doc = $text:literal])+ $question:ident = $name:literal,)+) => {
        /// What is asked of everything that is recorded, all the time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Question {
            $($(#[doc = $text])+ $question,)+
        }

        impl Question {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$question),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$question => $name,)+ }
            }

            /// In words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$question => concat!($($text),+).trim(),)+ }
            }
        }
    };
}

questions! {
    /// What serves in a governed environment without a valid approval of exactly that artefact?
    LiveWithoutApproval = "live-without-approval",
    /// Which approvals of what serves have expired?
    ApprovalExpired = "approval-expired",
    /// Which approvals of what serves expire within thirty days?
    ApprovalExpiring = "approval-expiring",
    /// Which approvals were given before the evidence they rest on existed?
    ApprovedBeforeEvidence = "approved-before-evidence",
    /// Where did somebody approve what they had a hand in?
    AuthorIsApprover = "author-is-approver",
    /// Which conditions of approvals are overdue?
    ConditionOverdue = "condition-overdue",
    /// What serves more traffic than its approval allows?
    OverTrafficLimit = "over-traffic-limit",
    /// What serves that nobody has registered?
    UnregisteredDeployment = "unregistered-deployment",
    /// What serves is known by a name only, so that nobody can tell which bytes ran?
    BoundToName = "bound-to-name",
    /// Which models has nobody taken on?
    NoOwner = "no-owner",
    /// Whose owner has left?
    OwnerLeft = "owner-left",
    /// Which classifications have expired?
    ClassificationExpired = "classification-expired",
    /// Which reviews are overdue?
    ReviewOverdue = "review-overdue",
    /// Which findings are open?
    FindingOpen = "finding-open",
    /// Which findings are overdue?
    FindingOverdue = "finding-overdue",
    /// Which emergencies wait for their second signature beyond a day?
    EmergencyUnsigned = "emergency-unsigned",
    /// Which incidents are open?
    IncidentOpen = "incident-open",
    /// Which reportable incidents has no authority been told of?
    IncidentNotNotified = "incident-not-notified",
    /// Which authorities wait for an answer beyond its time?
    AuthorityWaits = "authority-waits",
    /// Which versions were registered again with other artefacts, so that one name stands for two things?
    VersionConflict = "version-conflict",
    /// What serves although it was retired?
    RetiredStillServing = "retired-still-serving",
    /// What was stopped in an emergency, and serves although nobody resumed it?
    ServingUnresumed = "serving-unresumed",
    /// What is said to have happened after it was recorded?
    DatedAhead = "dated-ahead",
}

impl Question {
    /// The question of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|question| question.name() == name)
    }

    /// Its byte in keys.
    pub fn byte(self) -> u8 {
        Self::ALL.iter().position(|other| *other == self).map_or(0, |position| position as u8)
    }
}
