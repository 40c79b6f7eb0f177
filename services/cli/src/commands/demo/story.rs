//! What happens in the demo: the lives of two models, event by event.

use probity_schemas::Identity;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cast::{Cast, Who};
use Who::{Arno, Dana, Dev, Olivia, Otto, Pipeline, Rita, Vera};

/// Someone records something.
#[derive(Debug)]
pub(super) struct StoryStep {
    pub(super) who: Who,
    pub(super) event: Value,
    /// The type of the earlier event of the story that this one continues, answers or closes.
    pub(super) regarding: Option<&'static str>,
    /// The second person, where it takes two.
    pub(super) confirmed_by: Option<Who>,
}

impl StoryStep {
    fn regarding(mut self, event_type: &'static str) -> Self {
        self.regarding = Some(event_type);
        self
    }

    fn initiated_by(mut self, person: &Identity) -> Self {
        self.event["initiators"] = json!([person]);
        self
    }

    fn with_report(mut self, digest: &str) -> Self {
        let report = json!({ "digest": digest, "kind": "validation-report", "media_type": "application/pdf" });
        self.event["evidence"] = json!([report]);
        self
    }
}

fn step(who: Who, event_type: &str, subject: Value, title: &str, data: Value) -> StoryStep {
    StoryStep {
        who,
        event: json!({ "type": event_type, "subject": subject, "title": title, "data": data }),
        regarding: None,
        confirmed_by: None,
    }
}

fn subject(kind: &str, namespace: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": namespace, "name": name })
}

fn version(namespace: &str, name: &str, version: &str) -> Value {
    json!({ "kind": "model", "namespace": namespace, "name": name, "version": version })
}

/// The digest of something that stays outside the ledger.
fn digest(what: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(what)))
}

/// From the idea to the end: a scorecard for consumer loans.
pub(super) fn scorecard(cast: &Cast) -> Vec<StoryStep> {
    let use_case = subject("usecase", "credit", "loan-origination");
    let model = subject("model", "credit", "pd-scorecard");
    let v3 = version("credit", "pd-scorecard", "3.1.0");
    let applications = subject("dataset", "credit", "applications-2025");
    let endpoint = subject("endpoint", "credit", "origination-eu");
    let artifact = digest("pd-scorecard 3.1.0");
    let report = digest("validation report of pd-scorecard 3.1.0");
    let scope = json!({ "uses": [use_case], "environments": ["production"], "jurisdictions": ["DE", "AT"] });
    vec![
        step(
            Olivia,
            "usecase.proposed",
            use_case.clone(),
            "Decide small loans within a minute",
            json!({
                "problem": "Applicants wait two days for an answer, and a third of them leave.",
                "owner": cast.identity(Olivia), "jurisdictions": ["DE", "AT"], "decision_type": "human-overseen",
            }),
        ),
        step(
            Rita,
            "risk.assessed",
            use_case.clone(),
            "Fundamental rights",
            json!({
                "kind": "fundamental-rights", "likelihood": "possible", "impact": "high", "treatment": "mitigate",
                "summary": "Young applicants could be refused more often than their defaults justify.",
            }),
        ),
        step(
            Dev,
            "model.registered",
            model.clone(),
            "Probability of default, consumer loans",
            json!({
                "kind": "statistical", "purpose": "Estimates the probability that an applicant defaults within a year.",
                "intended_uses": ["Deciding consumer loans up to 20,000 EUR."], "excluded_uses": ["Mortgages."],
            }),
        ),
        step(
            Dev,
            "data.registered",
            applications.clone(),
            "Applications of 2025",
            json!({
                "kind": "features", "digest": digest("applications of 2025"), "source": "loan system, nightly extract",
                "personal_data": "pseudonymous", "record_count": 412_884,
            }),
        ),
        step(
            Pipeline,
            "training.completed",
            model.clone(),
            "Run b1946ac9",
            json!({
                "run_id": "b1946ac9", "produced_version": v3, "datasets": [applications],
                "dataset_digests": [digest("applications of 2025")],
                "metrics": [{ "name": "auc", "value": 0.812 }], "duration_s": 5_412, "energy_kwh": 11.2,
            }),
        )
        .initiated_by(cast.identity(Dev)),
        step(
            Dev,
            "model.version_registered",
            v3.clone(),
            "Version 3.1.0",
            json!({
                "artifacts": [{ "digest": artifact, "form": "file" }],
                "code": { "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8" },
            }),
        ),
        step(
            Vera,
            "validation.completed",
            v3.clone(),
            "Passed, with one condition",
            json!({
                "outcome": "passed-with-conditions", "scopes": ["soundness", "outcomes", "fairness"],
                "model_digest": artifact,
                "metrics": [{ "name": "auc", "value": 0.807, "threshold": { "comparison": "at-least", "value": 0.75 } }],
                "conditions": ["Self-employed applicants go to a person."],
            }),
        )
        .with_report(&report),
        step(
            Vera,
            "approval.requested",
            v3.clone(),
            "For production",
            json!({
                "gate": "production", "scope": scope, "digests": [artifact],
            }),
        ),
        step(
            Arno,
            "approval.granted",
            v3.clone(),
            "For production, with one condition",
            json!({
                "gate": "production", "digests": [artifact], "scope": scope, "evidence_seen": [report],
                "meaning": "I have read the validation report and let this version decide loans within the scope.",
                "conditions": [{ "id": "self-employed", "text": "Self-employed applicants go to a person." }],
            }),
        )
        .regarding("approval.requested"),
        step(
            Dana,
            "deployment.authorized",
            endpoint.clone(),
            "Version 3.1.0 in production",
            json!({
                "version": v3, "digest": artifact, "use_case": use_case, "environment": "production",
            }),
        ),
        step(
            Dana,
            "deployment.started",
            endpoint.clone(),
            "Version 3.1.0, canary",
            json!({
                "version": v3, "digest": artifact, "environment": "production", "region": "eu-central-1",
                "exposure": "canary", "serving": "online", "use_case": use_case,
            }),
        ),
        step(
            Otto,
            "incident.declared",
            endpoint.clone(),
            "Applicants refused by mistake",
            json!({
                "summary": "Since midnight the scorecard refuses nine of ten applicants.", "severity": "high",
                "affected_groups": ["applicants paid by the month"],
            }),
        ),
        step(
            Otto,
            "deployment.suspended",
            endpoint.clone(),
            "The plug is pulled",
            json!({
                "reason": "Nine of ten applicants are refused.", "scope": "endpoint",
            }),
        )
        .regarding("incident.declared"),
        step(
            Otto,
            "incident.closed",
            endpoint,
            "A feature was computed in the wrong time zone",
            json!({
                "corrective_actions": ["The feature is computed in UTC, and a test holds it there."],
            }),
        )
        .regarding("incident.declared"),
        step(
            Olivia,
            "retirement.proposed",
            model.clone(),
            "A successor is ready",
            json!({
                "reason": "Version 4 was built anew.",
            }),
        ),
        step(
            Arno,
            "retirement.approved",
            model.clone(),
            "Yes",
            json!({
                "rationale": "The successor has run beside it for a quarter.",
            }),
        )
        .regarding("retirement.proposed"),
        step(
            Olivia,
            "retirement.completed",
            model,
            "Switched off",
            json!({
                "reason": "Replaced.", "data_disposition": "archived",
            }),
        )
        .regarding("retirement.approved"),
    ]
}

/// A vendor's model, whose weights are not at hand.
pub(super) fn claims_assistant(cast: &Cast) -> Vec<StoryStep> {
    let use_case = subject("usecase", "claims", "first-notice");
    let model = subject("model", "claims", "claims-assistant");
    let snapshot = version("claims", "claims-assistant", "2026-08");
    let endpoint = subject("endpoint", "claims", "assistant");
    let protocol = digest("test protocol of the assistant");
    vec![
        step(
            Olivia,
            "usecase.proposed",
            use_case.clone(),
            "Summaries of first notices of loss",
            json!({
                "problem": "Handlers read forty pages to learn what happened.", "owner": cast.identity(Olivia),
            }),
        ),
        step(
            Dev,
            "model.registered",
            model.clone(),
            "A vendor's language model behind a prompt of ours",
            json!({
                "kind": "vendor", "purpose": "Summarises a claim for the handler who decides it.",
                "excluded_uses": ["Deciding a claim."],
            }),
        ),
        step(
            Dev,
            "model.version_registered",
            snapshot.clone(),
            "No digest: bound to a name of the vendor",
            json!({
                "reference": { "provider": "example-ai", "name": "large", "snapshot": "2026-08-01", "pinned": true },
                "components": [{ "role": "prompt", "digest": digest("prompt 12") }],
            }),
        ),
        step(
            Vera,
            "validation.completed",
            snapshot.clone(),
            "Passed",
            json!({
                "outcome": "passed", "scopes": ["outcomes"], "limitations": ["Only German claims were tested."],
            }),
        )
        .with_report(&protocol),
        step(
            Vera,
            "approval.requested",
            snapshot.clone(),
            "For production",
            json!({ "gate": "production", "digests": [digest("prompt 12")] }),
        ),
        step(
            Arno,
            "approval.granted",
            snapshot.clone(),
            "For production",
            json!({
                "gate": "production", "digests": [digest("prompt 12")],
                "scope": { "uses": [use_case], "environments": ["production"] },
                "evidence_seen": [protocol],
                "meaning": "I have read the test protocol. A handler reads every summary.",
            }),
        )
        .regarding("approval.requested"),
        step(
            Dana,
            "deployment.started",
            endpoint.clone(),
            "The August snapshot",
            json!({
                "version": snapshot, "environment": "production", "exposure": "live", "serving": "online",
            }),
        ),
        step(
            Rita,
            "incident.declared",
            endpoint.clone(),
            "A summary left out an injury",
            json!({
                "summary": "A handler settled a claim without knowing of an injury.", "severity": "high",
            }),
        ),
        step(Dana, "deployment.stopped", endpoint, "Taken out of service", json!({ "reason": "The incident." })),
        step(
            Olivia,
            "retirement.completed",
            model,
            "The use case was given up",
            json!({
                "reason": "Summaries that must be checked save nobody time.",
            }),
        ),
    ]
}

/// Events that the ledger refuses.
pub(super) fn forbidden() -> Vec<(&'static str, StoryStep)> {
    let v4 = version("credit", "pd-scorecard", "4.0.0");
    let scope = json!({ "uses": [subject("usecase", "credit", "loan-origination")], "environments": ["production"] });
    let data = json!({
        "gate": "production", "digests": [digest("pd-scorecard 4.0.0")], "scope": scope, "evidence_seen": [],
        "meaning": "It works on my machine.",
    });
    let own = step(Dev, "approval.granted", v4.clone(), "My own model", data.clone());
    let mut old = step(Arno, "approval.granted", v4, "Signed last year, handed in now", data);
    old.event["occurred"] = json!(1_735_689_600_000_u64);
    let elsewhere = step(
        Dev,
        "model.registered",
        subject("model", "treasury", "rates"),
        "Not his",
        json!({
            "purpose": "Forecasts interest rates.",
        }),
    );
    let production = subject("endpoint", "credit", "origination-eu");
    let unapproved =
        json!({ "version": version("claims", "claims-assistant", "2026-08"), "environment": "production" });
    let retired = step(Dana, "deployment.authorized", production, "What was retired", unapproved);
    vec![
        ("A developer approves", own),
        ("A model that has been retired is let through to production", retired),
        ("An approval that was dropped is handed in a year later", old),
        ("A developer of credit and claims registers a model of treasury", elsewhere),
    ]
}
