//! Whole lives of versions, ten statements each, so that admission has something to remember: registration, training,
//! validation, evidence, request, approval, deployment, monitoring.

use anyhow::Result;
use bytes::Bytes;
use probity_schemas::{Event, EventId};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Signer;

/// The statements of one life.
pub const STATEMENTS: u64 = 10;

/// Versions of one model.
const VERSIONS: u64 = 20;

/// Everyone who has a part in a life.
#[derive(Debug)]
pub struct Lives {
    developer: Signer,
    validator: Signer,
    approver: Signer,
    deployer: Signer,
    operator: Signer,
    origin: &'static str,
    started_ms: u64,
    next: u64,
}

impl Lives {
    /// Everyone with a key, for statements to the ledger `origin`.
    pub fn new(origin: &'static str, started_ms: u64) -> Result<Self> {
        Ok(Self {
            developer: Signer::person()?,
            validator: Signer::person()?,
            approver: Signer::person()?,
            deployer: Signer::service("deployer")?,
            operator: Signer::service("operator")?,
            origin,
            started_ms,
            next: 0,
        })
    }

    /// Who has to be let in, in which roles.
    pub fn cast(&self) -> [(&Signer, &'static str); 5] {
        [
            (&self.developer, "developer"),
            (&self.validator, "validator"),
            (&self.approver, "approver"),
            (&self.deployer, "deployer"),
            (&self.operator, "operator"),
        ]
    }

    /// The statements of the next `count` lives, each life's in order and next to each other.
    pub fn take(&mut self, count: u64) -> Result<Vec<Bytes>> {
        let first = self.next;
        self.next += count;
        let lives: Vec<Vec<Bytes>> =
            (first..self.next).into_par_iter().map(|number| self.life(number)).collect::<Result<_>>()?;
        Ok(lives.into_iter().flatten().collect())
    }

    /// One life, by its number.
    pub fn life(&self, number: u64) -> Result<Vec<Bytes>> {
        let name = format!("model-{:04}", number / VERSIONS);
        let model = json!({ "kind": "model", "namespace": "lives/models", "name": name });
        let mut version = model.clone();
        version["version"] = format!("1.{}.0", number % VERSIONS).into();
        let endpoint = json!({ "kind": "endpoint", "namespace": "lives/endpoints", "name": name });
        let use_case = json!({ "kind": "usecase", "namespace": "lives/uses", "name": name });
        let digest = |what: u64| format!("sha256:{what:016x}{number:048x}");
        let (artifact, report, run) = (digest(1), digest(2), format!("{number:016x}"));
        let at = |step: u64| self.id(number * STATEMENTS + step);
        let evidence = json!([{ "digest": report, "kind": "validation-report", "media_type": "application/pdf" }]);
        let metrics = json!([
            { "name": "auc", "value": 0.8125, "threshold": { "comparison": "at-least", "value": 0.75 } },
            { "name": "ks", "value": 0.47 },
        ]);
        let place = json!({
            "version": version, "digest": artifact, "environment": "production", "use_case": use_case,
        });
        let steps: [(&Signer, &str, &Value, Value); STATEMENTS as usize] = [
            (
                &self.developer,
                "training.completed",
                &model,
                json!({
                    "run_id": run, "produced_version": version, "dataset_digests": [digest(3)],
                    "datasets": [{ "kind": "dataset", "namespace": "lives/data", "name": "applications-2025" }],
                    "metrics": metrics, "duration_s": 5412.5, "energy_kwh": 11.2,
                }),
            ),
            (
                &self.developer,
                "model.version_registered",
                &version,
                json!({
                    "artifacts": [{ "digest": artifact, "form": "oci-manifest" }],
                    "code": { "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "digest": digest(4) },
                    "training_run": at(0),
                }),
            ),
            (
                &self.developer,
                "evidence.attached",
                &version,
                json!({ "document_kind": "model-card", "digest": digest(5), "media_type": "text/markdown" }),
            ),
            (
                &self.validator,
                "validation.completed",
                &version,
                json!({ "outcome": "passed", "scopes": ["soundness", "outcomes"], "metrics": metrics }),
            ),
            (&self.developer, "approval.requested", &version, json!({ "gate": "production", "digests": [artifact] })),
            (
                &self.approver,
                "approval.granted",
                &version,
                json!({
                    "gate": "production", "digests": [artifact], "evidence_seen": [report, digest(5)],
                    "scope": { "uses": [use_case], "environments": ["production"] },
                    "meaning": "I have read the validation report and let this version decide within the scope.",
                }),
            ),
            (&self.deployer, "deployment.authorized", &endpoint, place.clone()),
            (&self.deployer, "deployment.started", &endpoint, place),
            (
                &self.operator,
                "monitor.reported",
                &endpoint,
                json!({ "monitor": "psi", "value": 0.04, "sample_count": 12_000 }),
            ),
            (
                &self.operator,
                "monitor.reported",
                &endpoint,
                json!({ "monitor": "approval-rate", "value": 0.61, "sample_count": 12_000 }),
            ),
        ];
        let mut statements = Vec::with_capacity(steps.len());
        for (step, (signer, event_type, subject, data)) in (0..).zip(steps) {
            let mut event = json!({
                "id": at(step), "type": event_type, "v": 1, "occurred": self.started_ms, "subject": subject, "data": data,
            });
            match event_type {
                "validation.completed" => event["evidence"] = evidence.clone(),
                "approval.granted" => event["regarding"] = json!(at(4)),
                _ => {}
            }
            statements.push(signer.sign(&Event::from_value(&event)?, self.origin)?.bytes().clone());
        }
        Ok(statements)
    }

    /// Ordered in time, as those of real clients are.
    fn id(&self, number: u64) -> EventId {
        let mut random = [1u8; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        EventId::from_time(self.started_ms + number / 50, random)
    }
}
