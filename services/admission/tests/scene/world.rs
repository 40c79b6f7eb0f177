//! A small world to try acts in: one model with a version, one use, one endpoint, and everyone there is.

use std::collections::BTreeMap;

use probity_schemas::EventId;
use serde_json::{Value, json};

use super::{Door, NOW, person};

/// Everyone who acts in the world, by seed.
pub(crate) const DEVELOPER: u8 = 10;
pub(crate) const OWNER: u8 = 11;
pub(crate) const VALIDATOR: u8 = 12;
pub(crate) const APPROVER: u8 = 13;
pub(crate) const DEPLOYER: u8 = 14;
pub(crate) const OPERATOR: u8 = 15;
pub(crate) const RISK_OFFICER: u8 = 16;
pub(crate) const COMPLIANCE: u8 = 17;
pub(crate) const SECOND_APPROVER: u8 = 21;
pub(crate) const PIPELINE: u8 = 60;

/// The roles of the default policy that people hold, each with someone who had no hand in the world yet.
pub(crate) const NEWCOMERS: [(&str, u8); 11] = [
    ("developer", 30),
    ("owner", 31),
    ("validator", 32),
    ("approver", 33),
    ("deployer", 34),
    ("operator", 35),
    ("risk-officer", 36),
    ("compliance", 37),
    ("auditor", 38),
    ("administrator", 39),
    ("importer", 40),
];

/// Every role of the default policy that people hold.
pub(crate) const ROLES: [&str; 11] = {
    let mut roles = [""; 11];
    let mut at = 0;
    while at < roles.len() {
        roles[at] = NEWCOMERS[at].0;
        at += 1;
    }
    roles
};

/// A day in seconds.
pub(crate) const DAY: u64 = 86_400;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) door: Door,
    /// The newest event of each type.
    pub(crate) ids: BTreeMap<String, EventId>,
}

pub(crate) fn subject(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": "credit", "name": name })
}

pub(crate) fn model() -> Value {
    subject("model", "pd")
}

pub(crate) fn version(name: &str) -> Value {
    json!({ "kind": "model", "namespace": "credit", "name": "pd", "version": name })
}

pub(crate) fn digest(of: &str) -> String {
    super::sha256(of.as_bytes())
}

pub(crate) fn ms(seconds: u64) -> u64 {
    seconds * 1_000
}

impl World {
    /// Everyone is there, nothing has happened.
    pub(crate) fn empty() -> Self {
        let mut door = Door::strict();
        let roles = [
            (DEVELOPER, "developer"),
            (OWNER, "owner"),
            (VALIDATOR, "validator"),
            (APPROVER, "approver"),
            (DEPLOYER, "deployer"),
            (OPERATOR, "operator"),
            (RISK_OFFICER, "risk-officer"),
            (COMPLIANCE, "compliance"),
            (SECOND_APPROVER, "approver"),
        ];
        for (seed, role) in roles.into_iter().chain(NEWCOMERS.map(|(role, seed)| (seed, role))) {
            door.let_in(seed, &[role]);
        }
        door.let_in_where(PIPELINE, &["developer", "deployer"], &["*"], &[person(DEVELOPER)]);
        Self { door, ids: BTreeMap::new() }
    }

    /// Someone records something; it is admitted.
    pub(crate) fn record(&mut self, seed: u8, event_type: &str, subject: Value, data: Value) -> EventId {
        self.record_with(seed, json!({ "type": event_type, "subject": subject, "data": data }))
    }

    /// The same with more in the envelope.
    pub(crate) fn record_with(&mut self, seed: u8, tree: Value) -> EventId {
        let event_type = tree["type"].as_str().unwrap().to_owned();
        let id = self.door.record(seed, tree);
        self.ids.insert(event_type, id);
        id
    }

    /// Something that answers the newest event of a type.
    pub(crate) fn answer(&mut self, seed: u8, event_type: &str, subject: Value, to: &str, data: Value) -> EventId {
        let tree = json!({ "type": event_type, "subject": subject, "regarding": self.ids[to], "data": data });
        self.record_with(seed, tree)
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.door.time += seconds;
    }

    /// A use, a dataset, a model and its version 1 with its validation, by those whose work it is.
    pub(crate) fn registered() -> Self {
        let mut world = Self::empty();
        world.record(
            OWNER,
            "usecase.proposed",
            subject("usecase", "loans"),
            json!({ "problem": "It takes too long." }),
        );
        world.record(DEVELOPER, "data.registered", subject("dataset", "loans"), json!({ "digest": digest("loans") }));
        let intended = json!({ "purpose": "Estimates defaults.", "intended_uses": ["Small loans."] });
        world.record(DEVELOPER, "model.registered", model(), intended);
        world.version("1", 0.8);
        world
    }

    /// A version with a training run and a validation that measured this AUC.
    pub(crate) fn version(&mut self, name: &str, auc: f64) {
        let run = json!({
            "produced_version": version(name), "datasets": [subject("dataset", "loans")],
            "dataset_digests": [digest("loans")],
        });
        self.record(DEVELOPER, "training.completed", model(), run);
        let made = json!({
            "artifacts": [{ "digest": digest(name), "form": "file" }], "code": { "digest": digest("pipeline") },
        });
        self.record(DEVELOPER, "model.version_registered", version(name), made);
        let report =
            json!({ "digest": digest("report"), "kind": "validation-report", "media_type": "application/pdf" });
        self.record_with(
            VALIDATOR,
            json!({
                "type": "validation.completed", "subject": version(name), "evidence": [report],
                "data": {
                    "outcome": "passed", "scopes": ["soundness", "outcomes"],
                    "metrics": [{ "name": "auc", "value": auc }],
                },
            }),
        );
    }

    pub(crate) fn requested() -> Self {
        let mut world = Self::registered();
        world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
        world
    }

    pub(crate) fn approval(&self) -> Value {
        json!({
            "gate": "production", "digests": [digest("1")], "scope": { "uses": [subject("usecase", "loans")] },
            "evidence_seen": [digest("report")], "meaning": "I have read the report.",
            "expires_at": ms(NOW + 300 * DAY),
        })
    }

    pub(crate) fn approved() -> Self {
        Self::approved_as(|_| {})
    }

    pub(crate) fn approved_as(change: impl FnOnce(&mut Value)) -> Self {
        let mut world = Self::requested();
        let mut approval = world.approval();
        change(&mut approval);
        world.answer(APPROVER, "approval.granted", version("1"), "approval.requested", approval);
        world
    }

    pub(crate) fn authorization() -> Value {
        json!({
            "version": version("1"), "digest": digest("1"), "environment": "production",
            "use_case": subject("usecase", "loans"),
        })
    }

    pub(crate) fn suspended() -> Self {
        let mut world = Self::approved();
        let started = json!({ "version": version("1"), "environment": "production" });
        world.record(DEPLOYER, "deployment.started", subject("endpoint", "eu"), started);
        let stop = json!({ "reason": "It refuses everyone.", "scope": "endpoint" });
        world.record(OPERATOR, "deployment.suspended", subject("endpoint", "eu"), stop);
        world
    }

    pub(crate) fn retired() -> Self {
        let mut world = Self::approved();
        world.record(OWNER, "retirement.proposed", model(), json!({ "reason": "Replaced." }));
        let yes = json!({ "rationale": "Nobody needs it." });
        world.answer(APPROVER, "retirement.approved", model(), "retirement.proposed", yes);
        world.answer(OWNER, "retirement.completed", model(), "retirement.approved", json!({}));
        world
    }

    /// A plan for retraining version 1: its AUC at least 0.75 and within 0.05 of version 1's.
    pub(crate) fn plan_approved() -> Self {
        let mut world = Self::approved();
        let bound =
            json!({ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 }, "max_drift": 0.05 });
        let plan = json!({
            "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data", "weights"],
            "bounds": [bound], "max_versions": 2, "expires_at": ms(NOW + 200 * DAY),
        });
        world.record(DEVELOPER, "plan.proposed", model(), plan);
        world.answer(
            APPROVER,
            "plan.approved",
            model(),
            "plan.proposed",
            json!({ "meaning": "Within these bounds, yes." }),
        );
        world
    }
}
