//! Uses that models are put to, from the business question to the end.

use crate::{
    Identity, Number, Subject,
    SubjectKind::Usecase,
    Text, Timestamp, Title,
    shared::Outcome,
    story::{self, day},
};

choice! {
    /// Who decides in the end.
    pub enum DecisionType {
        /// The model alone.
        Automated,
        /// The model proposes, a person decides.
        HumanApproved,
        /// The model decides, a person may step in.
        HumanOverseen,
        /// The model informs, nobody decides by it alone.
        Informational,
    }
}

record! {
    /// A measure the use is meant to move.
    pub struct KpiTarget {
        /// The measure.
        name: Title,
        /// Its unit.
        unit: Option<Text>,
        /// Where it stands.
        baseline: Option<Number>,
        /// Where it should go.
        target: Option<Number>,
    }
}

choice! {
    /// What was asked of a use case.
    pub enum AssessmentKind {
        /// What it does to people's data.
        Privacy,
        /// Whether it should be done at all.
        Ethics,
        /// Whether it may be done.
        Legal,
        /// What it is worth.
        Value,
        /// Whether it can be done.
        Feasibility,
        /// Whether it is a model in the sense of the rules.
        IsItAModel,
    }
}

choice! {
    /// What a model does in a use.
    pub enum ModelRole {
        /// It serves the use.
        Primary,
        /// It competes with the primary one.
        Challenger,
        /// It takes over when the primary one can't serve.
        Fallback,
        /// It makes an input of another one.
        Component,
        /// It checks or limits another one.
        Guardrail,
    }
}

family! {
    /// What an event of the family `usecase` says.
    pub enum UsecaseEvent("usecase");

    /// Someone asked whether a model could help.
    fact "proposed" v 1 on &[Usecase];
    pub struct Proposed {
        /// The problem to solve, or the purpose to serve.
        problem: Text,
        /// Who answers for the use.
        owner: Option<Identity>,
        /// Who pays for it.
        sponsor: Option<Identity>,
        /// What it should achieve.
        kpi_targets: Vec<KpiTarget>,
        /// Whom it affects.
        population: Option<Text>,
        /// Where it applies: ISO 3166 codes or names of supervisors' areas.
        jurisdictions: Vec<Text>,
        /// Who decides in the end.
        decision_type: Option<DecisionType>,
    }
    sample {
        "occurred": day(0),
        "subject": story::origination(),
        "title": "Can a model decide small consumer loans within a minute?",
        "external_ids": [{ "system": "jira", "id": "CRED-1207" }],
        "data": {
            "problem": "Applicants for loans up to 20,000 EUR wait two days for an answer, and a third of them leave.",
            "owner": story::OWNER,
            "sponsor": story::APPROVER,
            "kpi_targets": [{ "name": "time to decision", "unit": "s", "baseline": 172800.0, "target": 60.0 }],
            "population": "private persons of age in Germany and Austria",
            "jurisdictions": ["DE", "AT"],
            "decision_type": "human-overseen",
        },
    },
    "claims" {
        "occurred": day(22),
        "subject": story::claims(),
        "title": "Can clerks find the right clause of a policy sooner?",
        "data": {
            "problem": "A clerk reads forty pages of wordings for a claim that is settled in ten minutes.",
            "owner": story::CLAIMS_OWNER,
            "kpi_targets": [{ "name": "time to first answer", "unit": "min", "baseline": 55.0, "target": 20.0 }],
            "population": "holders of household and liability policies in Germany",
            "jurisdictions": ["DE"],
            "decision_type": "human-approved",
        },
    },
    "fraud" {
        "occurred": day(5),
        "subject": story::screening(),
        "title": "Stopping fraudulent card payments while they happen",
        "data": {
            "problem": "Card fraud costs 412,000 EUR a month, and the rules of the processor find half of it.",
            "owner": story::FRAUD_OWNER,
            "kpi_targets": [{ "name": "losses by card fraud", "unit": "EUR per month", "baseline": 412000.0, "target": 330000.0 }],
            "population": "card holders",
            "jurisdictions": ["DE", "AT"],
            "decision_type": "automated",
        },
    },
    "mood-from-voice" {
        "occurred": day(6),
        "subject": story::subject("usecase", "credit", "mood-from-voice"),
        "data": { "problem": "Callers hang up before the advisor notices that they are annoyed." },
    }

    /// One question about the use was answered.
    fact "assessed" v 1 on &[Usecase];
    pub struct Assessed {
        /// The question.
        kind: AssessmentKind,
        /// The answer; absent where it is only known that there is one.
        outcome: Option<Outcome>,
        /// Why.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(4),
        "subject": story::origination(),
        "regarding": story::id("usecase.proposed"),
        "data": {
            "kind": "privacy",
            "outcome": "passed-with-conditions",
            "rationale": "Only data of the application and of the credit bureau; nothing from payment accounts without consent.",
        },
    },
    "claims" {
        "occurred": day(26),
        "subject": story::claims(),
        "regarding": story::id_of("usecase.proposed", "claims"),
        "data": {
            "kind": "is-it-a-model",
            "outcome": "passed",
            "rationale": "It drafts answers that people act on; whoever made it, it counts as a model of ours.",
        },
    }

    /// The use is to be built.
    act "accepted" v 1 on &[Usecase];
    pub struct Accepted {
        /// Why.
        rationale: Text,
        /// What has to hold.
        conditions: Vec<Text>,
    }
    sample {
        "occurred": day(9),
        "subject": story::origination(),
        "regarding": story::id("usecase.proposed"),
        "data": {
            "rationale": "The market expects it and the data is there.",
            "conditions": ["A person can be asked for a second look."],
        },
    },
    "claims" {
        "occurred": day(31),
        "subject": story::claims(),
        "regarding": story::id_of("usecase.proposed", "claims"),
        "data": {
            "rationale": "It helps clerks and decides nothing.",
            "conditions": ["A clerk decides every claim.", "Nothing about a person's health goes to the vendor."],
        },
    },
    "fraud" {
        "occurred": day(9),
        "subject": story::screening(),
        "regarding": story::id_of("usecase.proposed", "fraud"),
        "data": { "rationale": "The law asks for transaction monitoring, and the losses grow." },
    }

    /// The use is not to be built.
    act "declined" v 1 on &[Usecase];
    pub struct Declined {
        /// Why.
        rationale: Text,
    }
    sample {
        "occurred": day(9),
        "subject": story::subject("usecase", "credit", "mood-from-voice"),
        "regarding": story::id_of("usecase.proposed", "mood-from-voice"),
        "data": { "rationale": "Inferring emotions of applicants is nothing we want to do." },
    }

    /// A model serves the use.
    fact "linked" v 1 on &[Usecase];
    pub struct Linked {
        /// The model.
        model: Subject,
        /// What it does there.
        role: ModelRole,
    }
    sample {
        "occurred": day(12),
        "subject": story::origination(),
        "data": { "model": story::scorecard(), "role": "primary" },
    },
    "claims" {
        "occurred": day(34),
        "subject": story::claims(),
        "data": { "model": story::assistant(), "role": "primary" },
    },
    "fraud" {
        "occurred": day(12),
        "subject": story::screening(),
        "data": { "model": story::fraud(), "role": "primary" },
    }

    /// The use ended.
    act "retired" v 1 on &[Usecase];
    pub struct Retired {
        /// Why.
        reason: Text,
        /// What serves the purpose from now on.
        successor: Option<Subject>,
        /// From when on nobody may use it.
        effective: Option<Timestamp>,
    }
    sample {
        "occurred": day(700),
        "subject": story::origination(),
        "regarding": story::id("usecase.accepted"),
        "data": { "reason": "The product was sold.", "effective": day(730) },
    }
}
