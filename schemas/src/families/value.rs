//! Value: what a model is meant to be worth, what it was worth, and what it cost.

use crate::{
    Identity, Number,
    SubjectKind::{Model, Usecase},
    Text, Timestamp, Title,
    shared::{Metric, Money, Window},
    story::{self, day},
};

choice! {
    /// How one knows that the model brought it about.
    pub enum Attribution {
        /// From an experiment.
        Experiment,
        /// From before and after.
        BeforeAndAfter,
        /// From a statistical estimate.
        Estimated,
        /// From somebody's judgement.
        Judged,
    }
}

choice! {
    /// What money was spent on.
    pub enum CostKind {
        /// Making it.
        Development,
        /// Training it.
        Training,
        /// Letting it serve.
        Serving,
        /// What suppliers charge.
        License,
        /// People who look after it.
        Staff,
        /// Validation, audit and reports.
        Compliance,
    }
}

choice! {
    /// What an expert says of a model in use.
    pub enum ValueVerdict {
        /// It does what it was meant to.
        Effective,
        /// Its answers are right, yet nothing came of them.
        AccurateWithoutEffect,
        /// Its answers are not right enough.
        Inaccurate,
        /// It does harm.
        Harmful,
        /// Nobody can tell.
        Unclear,
    }
}

family! {
    /// What an event of the family `value` says.
    pub enum ValueEvent("value");

    /// A measure says what success is.
    fact "kpi_defined" v 1 on &[Usecase, Model];
    pub struct KpiDefined {
        /// The measure.
        name: Title,
        /// Its unit.
        unit: Text,
        /// Where it stands.
        baseline: Option<Number>,
        /// Where it should go.
        target: Option<Number>,
        /// By when.
        due: Option<Timestamp>,
        /// How it is measured.
        method: Option<Text>,
    }
    sample {
        "occurred": day(10),
        "subject": story::screening(),
        "data": {
            "name": "losses by card fraud",
            "unit": "EUR per month",
            "baseline": 412_000.0,
            "target": 330_000.0,
            "due": day(180),
            "method": "Chargebacks booked as fraud, by the month of the payment.",
        },
    }

    /// What it was worth in a period.
    fact "reported" v 1 on &[Usecase, Model];
    pub struct Reported {
        /// The period.
        period: Window,
        /// In money; negative for a loss.
        value: Option<Money>,
        /// In the measure that says what success is.
        kpi: Option<Metric>,
        /// How one knows that the model brought it about.
        attribution: Option<Attribution>,
        /// In words.
        method: Option<Text>,
    }
    sample {
        "occurred": day(150),
        "subject": story::screening(),
        "about": [story::fraud()],
        "regarding": story::id("value.kpi_defined"),
        "data": {
            "period": { "from": day(115), "until": day(145) },
            "value": { "amount": 37_900.0, "currency": "EUR" },
            "kpi": { "name": "losses by card fraud", "value": 374_100.0, "unit": "EUR per month" },
            "attribution": "experiment",
            "method": "The effect of the experiment, carried over to all payments.",
        },
    }

    /// What it cost in a period.
    fact "cost_reported" v 1 on &[Usecase, Model];
    pub struct CostReported {
        /// The period.
        period: Window,
        /// How much.
        cost: Money,
        /// What for; absent for everything together.
        kind: Option<CostKind>,
        /// In words.
        description: Option<Text>,
    }
    sample {
        "occurred": day(150),
        "subject": story::fraud(),
        "data": {
            "period": { "from": day(115), "until": day(145) },
            "cost": { "amount": 6_480.0, "currency": "EUR" },
            "kind": "serving",
        },
    }

    /// An expert looked at what came of it.
    fact "reviewed" v 1 on &[Usecase, Model];
    pub struct Reviewed {
        /// What they say.
        verdict: ValueVerdict,
        /// Why.
        rationale: Text,
        /// Who, when not the signer.
        expert: Option<Identity>,
        /// The time they looked at.
        period: Option<Window>,
    }
    sample {
        "occurred": day(220),
        "subject": story::claims(),
        "about": [story::assistant()],
        "data": {
            "verdict": "accurate-without-effect",
            "rationale": "The answers are right, but clerks wait for the expert's report anyway: no claim is settled sooner.",
            "expert": story::CLAIMS_OWNER,
            "period": { "from": day(75), "until": day(215) },
        },
    }
}
