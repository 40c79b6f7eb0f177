//! The life of many models, as it would be recorded: mostly monitoring, now and then a version with all that it takes.

use anyhow::Result;
use probity_controls::shipped::{SHIPPED, Shipped};
use probity_schemas::{Event, EventId, Identity};
use probity_statement::{KeyId, Unsigned};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

/// Statements about each model, on average.
const STATEMENTS_PER_MODEL: u64 = 200;
/// When it begins, in Unix milliseconds: a minute before the first block of the log was recorded.
const BEGINNING_MS: u64 = 1_699_999_940_000;
/// Milliseconds from one statement to the next: with a block of a hundred each second none is dated ahead.
const INTERVAL_MS: u64 = 10;
/// Datasets that many models are made from.
const COMMON_DATASETS: u64 = 40;

/// Makes statements, in the order in which they are recorded.
pub(crate) struct History {
    rng: StdRng,
    models: Vec<Life>,
    next: u64,
    persons: Vec<Identity>,
    service: Identity,
    origin: &'static str,
}

/// How far a model's life is.
#[derive(Debug, Clone, Default)]
struct Life {
    /// The next of the steps before its first version.
    begun: u32,
    versions: u64,
    /// The next step of the version under way; none while it is only watched.
    step: Option<u32>,
    request: Option<EventId>,
    run: Option<EventId>,
    issue: Option<EventId>,
    value: u64,
}

impl History {
    /// A history of about `statements`, the same every time.
    pub(crate) fn new(statements: u64, origin: &'static str) -> Result<Self> {
        let models = (statements / STATEMENTS_PER_MODEL).max(10);
        let person =
            |number: u128| Identity::Person(uuid::Uuid::from_u128(0x7000_0000_0000_4000_8000_0000_0000_0000 + number));
        Ok(Self {
            rng: StdRng::seed_from_u64(7),
            models: vec![Life::default(); models as usize],
            next: 0,
            persons: (1..=200).map(person).collect(),
            service: "service:platform".parse()?,
            origin,
        })
    }

    /// The first statement: the gate that what serves has to pass.
    fn gate(&mut self) -> Value {
        json!({
            "type": "policy.published",
            "subject": { "kind": "policy", "namespace": "probity", "name": "production" },
            "data": { "kind": "gate", "content": {
                "namespaces": ["*"], "environments": ["production"], "signatures": [{ "role": "approver", "persons": 1 }],
            } },
        })
    }

    /// The next statement, unsigned: views do not look at signatures, and signing would take most of the time.
    pub(crate) fn statement(&mut self) -> Result<Vec<u8>> {
        let (signer, mut event) = match self.next {
            0 => (self.service.clone(), self.gate()),
            next if next <= SHIPPED.len() as u64 => (self.service.clone(), pack(&SHIPPED[next as usize - 1])),
            _ => {
                let number = self.rng.random_range(0..self.models.len());
                self.about(number)
            }
        };
        let at_ms = self.at_ms();
        event["id"] = json!(self.id());
        event["v"] = json!(1);
        event["occurred"] = json!(at_ms);
        let event = Event::from_value(&event)?;
        self.next += 1;
        let mut bytes = Unsigned::new(&event, &signer, self.origin, KeyId([3; 32]))?.prefix();
        bytes.extend([0; 64]);
        Ok(bytes)
    }

    fn at_ms(&self) -> u64 {
        BEGINNING_MS + self.next * INTERVAL_MS
    }

    /// Ordered in time, as those of real clients are.
    fn id(&self) -> EventId {
        let mut random = [1u8; 10];
        random[2..].copy_from_slice(&self.next.to_be_bytes());
        EventId::from_time(self.at_ms(), random)
    }

    fn person(&self, number: usize, role: usize) -> Identity {
        self.persons[(number * 7 + role) % self.persons.len()].clone()
    }

    fn about(&mut self, number: usize) -> (Identity, Value) {
        if self.models[number].begun < 6 {
            self.models[number].begun += 1;
            return self.begin(number, self.models[number].begun);
        }
        if let Some(step) = self.models[number].step {
            self.models[number].step = if step == 9 { None } else { Some(step + 1) };
            return self.version(number, step);
        }
        match self.rng.random_range(0..100) {
            0..4 => {
                self.models[number].versions += 1;
                self.models[number].step = Some(1);
                self.version(number, 0)
            }
            4..14 => self.worth(number),
            14..19 => self.trouble(number),
            _ => self.watch(number),
        }
    }

    fn names(&self, number: usize) -> Names {
        let namespace = format!("unit-{:02}/team-{:02}", number % 20, number / 20 % 25);
        let name = format!("model-{number:05}");
        let of = |kind: &str| json!({ "kind": kind, "namespace": namespace, "name": name });
        let model = of("model");
        let mut version = model.clone();
        version["version"] = json!(format!("1.{}", self.models[number].versions));
        Names { model, version, endpoint: of("endpoint"), use_case: of("usecase"), dataset: of("dataset") }
    }

    fn begin(&mut self, number: usize, step: u32) -> (Identity, Value) {
        let Names { model, endpoint, use_case, dataset, .. } = self.names(number);
        let (owner, developer) = (self.person(number, 0), self.person(number, 1));
        match step {
            1 => (
                owner.clone(),
                json!({
                    "type": "usecase.proposed", "subject": use_case, "title": format!("Use {number}"),
                    "data": { "problem": "Too many decisions are made by hand, and no two people decide alike.",
                        "owner": owner, "jurisdictions": ["DE", "FR"], "decision_type": "automated" },
                }),
            ),
            2 => (
                developer,
                json!({
                    "type": "model.registered", "subject": model, "title": format!("Scorer {number}"),
                    "data": { "kind": "ml", "purpose": "Estimates how likely an applicant is to default within a year.",
                        "intended_uses": ["Decisions on small loans"], "origin_platform": "mlflow" },
                }),
            ),
            3 => (owner, json!({ "type": "model.ownership_accepted", "subject": model, "data": { "role": "owner" } })),
            4 => (
                owner,
                json!({
                    "type": "usecase.linked", "subject": use_case, "data": { "model": model, "role": "primary" },
                }),
            ),
            5 => (
                developer,
                json!({
                    "type": "data.registered", "subject": dataset,
                    "data": { "kind": "features", "digest": digest(2, number as u64), "source": "warehouse",
                        "derived_from": [common(number as u64)] },
                }),
            ),
            _ => (
                self.service.clone(),
                json!({
                    "type": "monitor.configured", "subject": endpoint,
                    "data": { "monitor": "psi", "metric": "population stability index", "family": "statistical",
                        "threshold": { "comparison": "at-most", "value": 0.2 }, "interval_s": 86_400 },
                }),
            ),
        }
    }

    fn version(&mut self, number: usize, step: u32) -> (Identity, Value) {
        let Names { model, version, endpoint, use_case, dataset } = self.names(number);
        let unique = number as u64 * 1_000 + self.models[number].versions;
        let (artifact, report) = (digest(1, unique), digest(4, unique));
        let (developer, validator, approver) = (self.person(number, 1), self.person(number, 2), self.person(number, 3));
        let service = self.service.clone();
        match step {
            0 => {
                self.models[number].run = Some(self.id());
                (
                    developer,
                    json!({
                        "type": "training.completed", "subject": model,
                        "data": { "run_id": format!("{unique:016x}"), "produced_version": version,
                            "datasets": [dataset, common(unique)], "dataset_digests": [digest(2, number as u64)],
                            "code": { "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8" },
                            "metrics": [{ "name": "auc", "value": 0.81 }, { "name": "ks", "value": 0.44 }],
                            "duration_s": 5412.5, "energy_kwh": 11.2 },
                    }),
                )
            }
            1 => (
                developer,
                json!({
                    "type": "model.version_registered", "subject": version,
                    "data": { "artifacts": [{ "digest": artifact, "form": "oci-manifest" }],
                        "code": { "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8" },
                        "training_run": self.models[number].run },
                }),
            ),
            2 => (
                developer,
                json!({
                    "type": "evidence.attached", "subject": version,
                    "data": { "document_kind": "model-card", "digest": digest(5, unique), "media_type": "text/markdown" },
                }),
            ),
            3 => (
                validator,
                json!({
                    "type": "validation.completed", "subject": version,
                    "evidence": [{ "digest": report, "kind": "validation-report", "media_type": "application/pdf" }],
                    "data": { "outcome": "passed", "scopes": ["soundness", "outcomes"],
                        "metrics": [{ "name": "auc", "value": 0.8, "threshold": { "comparison": "at-least", "value": 0.75 } }] },
                }),
            ),
            4 => {
                self.models[number].request = Some(self.id());
                (
                    developer,
                    json!({
                        "type": "approval.requested", "subject": version,
                        "data": { "gate": "production", "digests": [artifact], "scope": { "uses": [use_case] } },
                    }),
                )
            }
            5 => (
                approver,
                json!({
                    "type": "approval.granted", "subject": version, "regarding": self.models[number].request,
                    "data": { "gate": "production", "digests": [artifact], "evidence_seen": [report, digest(5, unique)],
                        "scope": { "uses": [use_case], "environments": ["production"] },
                        "expires_at": self.at_ms() + 31_536_000_000_u64,
                        "meaning": "I have read the validation report and let this version decide within the scope." },
                }),
            ),
            6 => (
                service,
                json!({
                    "type": "deployment.authorized", "subject": endpoint,
                    "data": { "version": version, "digest": artifact, "environment": "production", "use_case": use_case },
                }),
            ),
            7 => (
                service,
                json!({
                    "type": "deployment.started", "subject": endpoint,
                    "data": { "version": version, "digest": artifact, "environment": "production", "region": "eu-central",
                        "exposure": "live", "serving": "online", "use_case": use_case },
                }),
            ),
            8 => (
                service,
                json!({
                    "type": "deployment.traffic_changed", "subject": endpoint,
                    "data": { "allocations": [{ "version": version, "percent": 100 }], "champion": version },
                }),
            ),
            _ => (
                developer,
                json!({
                    "type": "dependency.declared", "subject": model,
                    "data": { "direction": "consumer", "kind": "report", "reference": format!("report-{}", number % 500) },
                }),
            ),
        }
    }

    fn worth(&mut self, number: usize) -> (Identity, Value) {
        let Names { use_case, .. } = self.names(number);
        self.models[number].value += 1;
        let period = json!({ "from": self.at_ms() - 2_592_000_000, "until": self.at_ms() });
        let money = json!({ "amount": 1_250.5, "currency": "EUR" });
        let data = match self.models[number].value % 2 {
            0 => {
                json!({ "type": "value.reported", "data": { "period": period, "value": money, "attribution": "estimated" } })
            }
            _ => {
                json!({ "type": "value.cost_reported", "data": { "period": period, "cost": money, "kind": "serving" } })
            }
        };
        let mut event = data;
        event["subject"] = use_case;
        (self.person(number, 0), event)
    }

    fn trouble(&mut self, number: usize) -> (Identity, Value) {
        let Names { model, endpoint, .. } = self.names(number);
        let service = self.service.clone();
        match self.models[number].issue.take() {
            None => {
                self.models[number].issue = Some(self.id());
                (
                    service,
                    json!({
                        "type": "issue.opened", "subject": endpoint, "about": [model],
                        "data": { "title": "Answers take longer than agreed", "severity": "medium" },
                    }),
                )
            }
            Some(issue) => (
                service,
                json!({
                    "type": "issue.resolved", "subject": endpoint, "regarding": issue,
                    "data": { "resolution": "The cache was too small." },
                }),
            ),
        }
    }

    fn watch(&mut self, number: usize) -> (Identity, Value) {
        let Names { endpoint, .. } = self.names(number);
        let value = f64::from(self.rng.random_range(1..40)) / 100.0;
        (
            self.service.clone(),
            json!({
                "type": "monitor.reported", "subject": endpoint,
                "data": { "monitor": "psi", "value": value, "sample_count": 12_000,
                    "window": { "from": self.at_ms() - 86_400_000, "until": self.at_ms() } },
            }),
        )
    }
}

/// A control pack is adopted.
fn pack(shipped: &Shipped) -> Value {
    json!({
        "type": "policy.published",
        "subject": { "kind": "policy", "namespace": "controls", "name": shipped.name },
        "data": { "kind": "control-pack", "content": { "text": shipped.text } },
    })
}

struct Names {
    model: Value,
    version: Value,
    endpoint: Value,
    use_case: Value,
    dataset: Value,
}

/// The artefact of a model's version.
pub(crate) fn artifact(model: u64, version: u64) -> String {
    digest(1, model * 1_000 + version)
}

fn digest(what: u64, number: u64) -> String {
    format!("sha256:{what:016x}{number:048x}")
}

/// One of the datasets that many are made from.
pub(crate) fn common(number: u64) -> Value {
    let name = format!("common-{:02}", number % COMMON_DATASETS);
    json!({ "kind": "dataset", "namespace": "shared/data", "name": name })
}
