//! Risks: seen, accepted, compensated for.

use crate::{
    Subject,
    SubjectKind::{Model, Usecase},
    Text, Timestamp,
    shared::{Metric, Outcome, Severity},
    story::{self, day},
};

choice! {
    /// What kind of risk, or of assessment.
    pub enum RiskKind {
        /// What wrong results do.
        Model,
        /// What it does to people's rights.
        FundamentalRights,
        /// What it does to people's safety.
        Safety,
        /// What it does to people's data.
        Privacy,
        /// What attackers do with it.
        Security,
        /// What happens when it isn't there.
        Operational,
        /// What the law says to it.
        Legal,
        /// What depending on others does.
        ThirdParty,
        /// All of it: a general impact assessment.
        Impact,
    }
}

choice! {
    /// How likely.
    pub enum Likelihood {
        /// Hardly.
        Rare,
        /// Rather not.
        Unlikely,
        /// Perhaps.
        Possible,
        /// Rather yes.
        Likely,
        /// Almost surely.
        AlmostCertain,
    }
}

choice! {
    /// What is done about a risk.
    pub enum Treatment {
        /// Not doing what brings it.
        Avoid,
        /// Making it smaller.
        Mitigate,
        /// Letting someone else bear it.
        Transfer,
        /// Bearing it.
        Accept,
    }
}

family! {
    /// What an event of the family `risk` says.
    pub enum RiskEvent("risk");

    /// Someone looked at a risk.
    fact "assessed" v 1 on &[Model, Usecase];
    pub struct Assessed {
        /// Which.
        kind: RiskKind,
        /// How likely it is.
        likelihood: Option<Likelihood>,
        /// How bad it would be.
        impact: Option<Severity>,
        /// What is done about it.
        treatment: Option<Treatment>,
        /// How the assessment ended, where it was one to pass.
        outcome: Option<Outcome>,
        /// What was found, in words.
        summary: Option<Text>,
    }
    sample {
        "occurred": day(20),
        "subject": story::origination(),
        "about": [story::scorecard()],
        "data": {
            "kind": "fundamental-rights",
            "likelihood": "possible",
            "impact": "high",
            "treatment": "mitigate",
            "summary": "Young applicants could be refused more often than their defaults justify.",
        },
    }

    /// Someone bears a risk, for a time.
    act "accepted" v 1 on &[Model, Usecase];
    pub struct Accepted {
        /// Why it may be borne.
        rationale: Text,
        /// When it has to be looked at again.
        expires_at: Timestamp,
        /// What keeps it small.
        compensating_controls: Vec<Text>,
    }
    sample {
        "occurred": day(56),
        "subject": story::origination(),
        "about": [story::scorecard()],
        "regarding": story::id("risk.assessed"),
        "data": {
            "rationale": "The remaining difference lies within the bound set by the board.",
            "expires_at": day(240),
            "compensating_controls": ["Monthly report by age group."],
        },
    }

    /// Results are corrected for a known weakness.
    fact "adjustment_applied" v 1 on &[Model, Usecase];
    pub struct AdjustmentApplied {
        /// What is done to them.
        description: Text,
        /// By how much.
        size: Option<Metric>,
        /// What makes up for it in the end.
        until_version: Option<Subject>,
        /// When it ends at the latest.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(150),
        "subject": story::scorecard_version(),
        "data": {
            "description": "Probabilities are raised for applicants from closed branches, of whom little is known.",
            "size": { "name": "probability of default", "value": 0.5, "unit": "percentage points" },
            "expires_at": day(330),
        },
    }
}
