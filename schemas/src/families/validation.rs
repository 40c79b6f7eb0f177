//! Independent validation.

use crate::{
    Digest, Identity, Number,
    SubjectKind::Model,
    Text, Timestamp, Title,
    shared::{Metric, Outcome},
    story::{self, day, digest},
};

choice! {
    /// What is validated.
    pub enum Scope {
        /// Whether the method is right for the purpose.
        Soundness,
        /// Whether what it predicts comes true.
        Outcomes,
        /// Whether it treats groups alike.
        Fairness,
        /// Whether it withstands attacks.
        Security,
        /// Whether it withstands load.
        Load,
    }
}

family! {
    /// What an event of the family `validation` says.
    pub enum ValidationEvent("validation");

    /// Someone asked for a validation.
    fact "requested" v 1 on &[Model];
    pub struct Requested {
        /// Of what.
        scopes: Vec<Scope>,
        /// By whom.
        validator: Option<Identity>,
        /// By when.
        due: Option<Timestamp>,
    }
    sample {
        "occurred": day(41),
        "subject": story::scorecard_version(),
        "data": { "scopes": ["soundness", "outcomes", "fairness"], "validator": story::VALIDATOR, "due": day(55) },
    }

    /// A validation ended.
    fact "completed" v 1 on &[Model];
    pub struct Completed {
        /// How; absent where it is only known that it ended.
        outcome: Option<Outcome>,
        /// What was looked at.
        scopes: Vec<Scope>,
        /// Who did it, when not the signer.
        validator: Option<Title>,
        /// The digest of the artefact that was validated.
        model_digest: Option<Digest>,
        /// The digest of the data it was validated on.
        dataset_digest: Option<Digest>,
        /// What was measured.
        metrics: Vec<Metric>,
        /// The latency below which half of the answers came, in milliseconds.
        latency_p50_ms: Option<Number>,
        /// The latency below which 99 of 100 answers came, in milliseconds.
        latency_p99_ms: Option<Number>,
        /// Answers per second.
        throughput_rps: Option<Number>,
        /// What it can't do.
        limitations: Vec<Text>,
        /// What has to hold for the outcome to hold.
        conditions: Vec<Text>,
    }
    sample {
        "occurred": day(53),
        "subject": story::scorecard_version(),
        "about": [story::applications()],
        "regarding": story::id("validation.requested"),
        "evidence": [{
            "digest": digest("validation report"),
            "kind": "validation-report",
            "media_type": "application/pdf",
            "title": "Validation of pd-scorecard 3.1.0",
        }],
        "data": {
            "outcome": "passed-with-conditions",
            "scopes": ["soundness", "outcomes", "fairness"],
            "model_digest": digest("pd-scorecard 3.1.0"),
            "dataset_digest": digest("applications-2025 hold-out"),
            "metrics": [
                { "name": "auc", "value": 0.807, "threshold": { "comparison": "at-least", "value": 0.75 } },
                {
                    "name": "approval rate ratio",
                    "value": 0.86,
                    "threshold": { "comparison": "at-least", "value": 0.8 },
                    "slice": "age 18-25",
                },
            ],
            "latency_p50_ms": 4.1,
            "latency_p99_ms": 11.6,
            "throughput_rps": 850.0,
            "limitations": ["Too few self-employed applicants to say anything about them."],
            "conditions": ["Self-employed applicants go to a person."],
        },
    },
    "claims" {
        "occurred": day(55),
        "subject": story::assistant_version(),
        "evidence": [{
            "digest": digest("assistant validation report"),
            "kind": "validation-report",
            "media_type": "application/pdf",
            "title": "Validation of claims-assistant 2025-03",
        }],
        "data": {
            "outcome": "passed-with-conditions",
            "scopes": ["outcomes", "security"],
            "dataset_digest": digest("200 probe questions"),
            "metrics": [
                { "name": "answers with the right clause", "value": 91.0, "unit": "%", "threshold": { "comparison": "at-least", "value": 85.0 } },
                { "name": "injected instructions followed", "value": 0.0, "unit": "%", "threshold": { "comparison": "at-most", "value": 1.0 } },
            ],
            "latency_p99_ms": 6400.0,
            "limitations": ["The vendor may change the model at any time; the probe questions are asked every day."],
            "conditions": ["A clerk decides every claim."],
        },
    },
    "fraud-challenger" {
        "occurred": day(76),
        "subject": story::challenger(),
        "about": [story::transactions()],
        "evidence": [{
            "digest": digest("challenger validation report"),
            "kind": "validation-report",
            "media_type": "application/pdf",
            "title": "Validation of card-fraud 6.0.0",
        }],
        "data": {
            "outcome": "passed",
            "scopes": ["soundness", "outcomes", "load"],
            "model_digest": digest("card-fraud 6.0.0"),
            "dataset_digest": digest("transactions 2025-w10 hold-out"),
            "metrics": [
                { "name": "recall", "value": 0.811, "threshold": { "comparison": "at-least", "value": 0.78 } },
                {
                    "name": "false positive rate",
                    "value": 0.0098,
                    "threshold": { "comparison": "at-most", "value": 0.012 },
                    "slice": "payments abroad",
                },
            ],
            "latency_p50_ms": 3.2,
            "latency_p99_ms": 9.8,
            "throughput_rps": 2400.0,
        },
    },
    "fraud-retrained" {
        "occurred": day(133),
        "subject": story::retrained(),
        "about": [story::later_transactions()],
        "causes": [story::id("plan.approved")],
        "data": {
            "outcome": "passed",
            "scopes": ["outcomes"],
            "model_digest": digest("card-fraud 6.1.0"),
            "dataset_digest": digest("transactions 2025-w20 hold-out"),
            "metrics": [
                { "name": "recall", "value": 0.806, "threshold": { "comparison": "at-least", "value": 0.78 } },
                {
                    "name": "false positive rate",
                    "value": 0.0101,
                    "threshold": { "comparison": "at-most", "value": 0.012 },
                    "slice": "payments abroad",
                },
            ],
        },
    }
}
