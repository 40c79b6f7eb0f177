//! Training runs.

use crate::{
    Digest, Number, Subject,
    SubjectKind::Model,
    Text,
    shared::{Code, Metric, Money},
    story::{self, day, digest},
};

choice! {
    /// Why a run came to nothing.
    pub enum FailureCause {
        /// The data was wrong or missing.
        Data,
        /// The code was wrong.
        Code,
        /// Machines failed or were too small.
        Infrastructure,
        /// It didn't converge or was too poor.
        Quality,
        /// Somebody stopped it.
        Cancelled,
        /// Nobody knows.
        Unknown,
    }
}

family! {
    /// What an event of the family `training` says.
    pub enum TrainingEvent("training");

    /// A run, or the development of a model, began.
    fact "started" v 1 on &[Model];
    pub struct Started {
        /// The run, as its platform calls it.
        run_id: Option<Text>,
        /// The data it learns from.
        datasets: Vec<Subject>,
        /// The digests of that data.
        dataset_digests: Vec<Digest>,
        /// The digest of its parameters.
        parameters_digest: Option<Digest>,
        /// Its code.
        code: Option<Code>,
    }
    sample {
        "occurred": day(38),
        "subject": story::scorecard(),
        "initiators": [story::DEVELOPER],
        "data": {
            "run_id": "b1946ac92492d234",
            "datasets": [story::applications()],
            "dataset_digests": [digest("applications-2025")],
            "parameters_digest": digest("parameters"),
        },
    }

    /// A run ended with a version.
    fact "completed" v 1 on &[Model];
    pub struct Completed {
        /// The run, as its platform calls it.
        run_id: Option<Text>,
        /// The version that came out of it.
        produced_version: Option<Subject>,
        /// The data it learnt from.
        datasets: Vec<Subject>,
        /// The digests of that data.
        dataset_digests: Vec<Digest>,
        /// The digest of its parameters.
        parameters_digest: Option<Digest>,
        /// Its code.
        code: Option<Code>,
        /// The digest of the environment it ran in.
        environment_digest: Option<Digest>,
        /// What its randomness began with.
        seed: Option<u64>,
        /// What it measured of itself.
        metrics: Vec<Metric>,
        /// How long it took, in seconds.
        duration_s: Option<Number>,
        /// What it cost.
        cost: Option<Money>,
        /// What electricity it took, in kilowatt-hours.
        energy_kwh: Option<Number>,
    }
    sample {
        "occurred": day(39),
        "subject": story::scorecard(),
        "about": [story::scorecard_version(), story::applications()],
        "regarding": story::id("training.started"),
        "initiators": [story::DEVELOPER],
        "external_ids": [{ "system": "mlflow", "id": "b1946ac92492d234" }],
        "data": {
            "run_id": "b1946ac92492d234",
            "produced_version": story::scorecard_version(),
            "datasets": [story::applications()],
            "dataset_digests": [digest("applications-2025")],
            "parameters_digest": digest("parameters"),
            "code": { "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8" },
            "environment_digest": digest("training image"),
            "seed": 20250214,
            "metrics": [{ "name": "auc", "value": 0.812 }, { "name": "ks", "value": 0.47 }],
            "duration_s": 5412.5,
            "cost": { "amount": 38.4, "currency": "EUR" },
            "energy_kwh": 11.2,
        },
    },
    "fraud-challenger" {
        "occurred": day(69),
        "subject": story::fraud(),
        "about": [story::challenger(), story::transactions()],
        "initiators": [story::FRAUD_DEVELOPER],
        "data": {
            "run_id": "card-fraud-2025-w11",
            "produced_version": story::challenger(),
            "datasets": [story::transactions()],
            "dataset_digests": [digest("transactions 2025-w10")],
            "code": { "commit": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" },
            "seed": 11,
            "metrics": [{ "name": "recall", "value": 0.814 }, { "name": "false positive rate", "value": 0.0091 }],
            "duration_s": 20110.0,
            "cost": { "amount": 212.8, "currency": "EUR" },
            "energy_kwh": 64.0,
        },
    },
    "fraud-retrained" {
        "occurred": day(133),
        "subject": story::fraud(),
        "about": [story::retrained(), story::later_transactions()],
        "causes": [story::id("plan.approved")],
        "initiators": [story::FRAUD_DEVELOPER],
        "data": {
            "run_id": "card-fraud-2025-w21",
            "produced_version": story::retrained(),
            "datasets": [story::later_transactions()],
            "dataset_digests": [digest("transactions 2025-w20")],
            "code": { "commit": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" },
            "environment_digest": digest("card-fraud pipeline"),
            "seed": 21,
            "metrics": [{ "name": "recall", "value": 0.809 }, { "name": "false positive rate", "value": 0.0094 }],
            "duration_s": 19870.0,
            "cost": { "amount": 209.3, "currency": "EUR" },
            "energy_kwh": 63.1,
        },
    }

    /// A run ended with nothing.
    fact "failed" v 1 on &[Model];
    pub struct Failed {
        /// Why.
        cause: FailureCause,
        /// The run, as its platform calls it.
        run_id: Option<Text>,
        /// What it said.
        detail: Option<Text>,
    }
    sample {
        "occurred": day(37),
        "subject": story::scorecard(),
        "initiators": [story::DEVELOPER],
        "data": {
            "cause": "data",
            "run_id": "7c211433f0207159",
            "detail": "Column employment_since holds dates after the application.",
        },
    }
}
