//! Experiments: one version tried against another, and what was decided on it.

use crate::{
    Name, NonEmpty, Number, Percent, Subject,
    SubjectKind::Model,
    Text, Timestamp, Title,
    shared::Comparison,
    story::{self, day},
};

record! {
    /// One side of an experiment.
    pub struct Arm {
        /// Its name within the experiment.
        name: Name,
        /// Whether the others are compared with it.
        control: bool,
        /// The version it gets; absent where it gets none.
        version: Option<Subject>,
        /// How much of the traffic it gets.
        percent: Option<Percent>,
        /// Who is in it; absent for a random part of everyone.
        segment: Option<Text>,
    }
}

record! {
    /// What an experiment measures.
    pub struct ExperimentKpi {
        /// The measure.
        name: Title,
        /// Its unit.
        unit: Option<Text>,
        /// Which difference is worth it, in the measure's unit.
        minimum_effect: Option<Number>,
        /// Which side is good.
        better: Option<Comparison>,
    }
}

record! {
    /// Where an effect lies.
    pub struct Interval {
        /// At least there.
        low: Number,
        /// At most there.
        high: Number,
        /// How sure that is, such as 95.
        confidence_percent: Percent,
    }
}

choice! {
    /// What is done after an experiment.
    pub enum ExperimentDecision {
        /// The new version gets more.
        Grow,
        /// The new version gets nothing more.
        Stop,
        /// Something is changed and tried again.
        Tweak,
    }
}

family! {
    /// What an event of the family `experiment` says.
    pub enum ExperimentEvent("experiment");

    /// Versions are tried against each other.
    fact "opened" v 1 on &[Model];
    pub struct Opened {
        /// What one expects.
        hypothesis: Text,
        /// What is measured to find out.
        kpi: ExperimentKpi,
        /// The sides.
        arms: NonEmpty<Arm>,
        /// What must not get worse meanwhile.
        guardrails: Vec<ExperimentKpi>,
        /// How many cases each side needs.
        planned_sample_count: Option<u64>,
        /// When it ends at the latest.
        planned_until: Option<Timestamp>,
    }
    sample {
        "occurred": day(84),
        "subject": story::fraud(),
        "about": [story::champion(), story::challenger(), story::fraud_endpoint()],
        "causes": [story::id_of("approval.granted", "fraud")],
        "title": "Challenger against champion, spring 2025",
        "data": {
            "hypothesis": "Version 6.0.0 stops a tenth more of the fraudulent amount without stopping more honest payments.",
            "kpi": { "name": "fraud stopped", "unit": "% of the amount", "minimum_effect": 5.0, "better": "at-least" },
            "arms": [
                { "name": "champion", "control": true, "version": story::champion(), "percent": 90.0 },
                { "name": "challenger", "control": false, "version": story::challenger(), "percent": 10.0 },
            ],
            "guardrails": [{ "name": "honest payments stopped", "unit": "%", "better": "at-most" }],
            "planned_sample_count": 2_000_000,
            "planned_until": day(112),
        },
    }

    /// The trial is over.
    fact "concluded" v 1 on &[Model];
    pub struct Concluded {
        /// What is done now.
        decision: ExperimentDecision,
        /// How large the difference was, in the unit of what was measured.
        effect: Option<Number>,
        /// Where it lies.
        interval: Option<Interval>,
        /// The side that was better.
        winner: Option<Name>,
        /// How many cases were counted.
        sample_count: Option<u64>,
        /// Why it was decided so.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(112),
        "subject": story::fraud(),
        "about": [story::champion(), story::challenger()],
        "regarding": story::id("experiment.opened"),
        "data": {
            "decision": "grow",
            "effect": 9.2,
            "interval": { "low": 6.8, "high": 11.5, "confidence_percent": 95.0 },
            "winner": "challenger",
            "sample_count": 2_310_447,
            "rationale": "It stops more fraud on every slice; honest payments stopped stay at 0.9 %.",
        },
    }
}
