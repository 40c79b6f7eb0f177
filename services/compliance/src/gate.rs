//! The deployment gate: whether bytes may run somewhere, as platforms ask before they let them.
//!
//! One decision for every shape in which it is asked for. Which version bytes are, is looked up; whether it may serve is
//! asked of `probity_domain`, as the door does.

use probity_domain::{Asking, Bytes, Denial, EndpointId, Evaluator, Purpose, Timeline, Use, Verdict, VersionId};
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use probity_schemas::shared::Environment;
use probity_schemas::{Digest, Subject};

use crate::facts::Folded;
use crate::records::endpoints::namespace;
use crate::records::subjects::{CONSISTS_OF, VERSIONS};

/// What is to run, and where.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The digest that is named; or why there is none.
    pub(crate) digest: Result<Digest, String>,
    pub(crate) environment: Environment,
    pub(crate) use_case: Option<Subject>,
    pub(crate) jurisdiction: Option<String>,
    pub(crate) endpoint: Option<EndpointId>,
}

/// What the gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
    UnknownDigest,
}

impl Decision {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::UnknownDigest => "UNKNOWN_DIGEST",
        }
    }
}

/// Reads a question; what is wrong with its form is an error, a reference without a digest is one that is denied.
///
/// # Errors
/// The environment, the use, the endpoint or a digest is not written as one.
pub(crate) fn asked(request: &v1::DeploymentQuestion) -> Result<Asked, QueryError> {
    let invalid = |field, reason: String| QueryError::Invalid { field, reason };
    let environment = match request.environment.as_str() {
        "" => Environment::Production,
        word => serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|_| {
            probity_query::unknown("environment", word, ["development", "test", "staging", "production"])
        })?,
    };
    let use_case = match request.use_case.as_str() {
        "" => None,
        text => Some(text.parse::<Subject>().map_err(|error| invalid("use_case", error.to_string()))?),
    };
    let endpoint = match request.endpoint.as_str() {
        "" => None,
        text => Some(
            EndpointId::parse(text)
                .ok_or_else(|| invalid("endpoint", format!("{text:?} is no endpoint:namespace/name")))?,
        ),
    };
    let jurisdiction = Some(request.jurisdiction.clone()).filter(|jurisdiction| !jurisdiction.is_empty());
    Ok(Asked { digest: digest_of(&request.artifact)?, environment, use_case, jurisdiction, endpoint })
}

/// The digest in what names an artefact: a digest, or a reference that ends with one (`registry/image@sha256:…`). A
/// reference without one names other bytes tomorrow.
fn digest_of(artifact: &str) -> Result<Result<Digest, String>, QueryError> {
    let named = artifact.rsplit_once('@').map_or(artifact, |(_, digest)| digest);
    if let Ok(digest) = named.parse() {
        return Ok(Ok(digest));
    }
    if artifact.is_empty() || named.starts_with("sha256:") || artifact.contains('@') {
        let reason = format!("{artifact:?} is no sha256:<64 hex digits>, and no reference that ends with one");
        return Err(QueryError::Invalid { field: "artifact", reason });
    }
    Ok(Err(format!("{artifact} names no digest: other bytes may run under this name tomorrow")))
}

/// Whether what is asked for may run at a moment, as far as the view knows; nothing of versions that may not be seen.
pub(crate) fn decide(
    view: &View,
    asked: &Asked,
    scope: &Scope,
    at_ms: u64,
) -> Result<v1::DeploymentDecision, QueryError> {
    let digest = match &asked.digest {
        Ok(digest) => *digest,
        Err(reason) => return Ok(answer(Decision::Deny, vec![why("NO_DIGEST", reason)])),
    };
    let facts = Folded(view);
    let evaluator = Evaluator::new(&facts, u64::MAX)?;
    let mut reasons = Vec::new();
    let mut known = false;
    for pair in view.scan_after(&CONSISTS_OF.key().text(&digest.to_string()), None) {
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let Some(version) = parts.text().and_then(|_| parts.text()) else { continue };
        let state = view.record(&VERSIONS, &VERSIONS.key().text(version))?.unwrap_or_default();
        let (Some(id), Some(namespace)) = (VersionId::parse(version), namespace(version)) else { continue };
        // A registration may have been taken back since.
        if !state.said.consists_of(&digest) || !scope.covers_subject(version) {
            continue;
        }
        known = true;
        let purpose = Purpose {
            version: id,
            namespace,
            bytes: Bytes::Digest(digest),
            use_case: asked.use_case.clone().map_or(Use::Unstated, Use::Case),
            environment: Some(asked.environment),
            jurisdiction: asked.jurisdiction.clone(),
        };
        match passes(&evaluator, &purpose, asked, at_ms)? {
            Ok(mut passed) => {
                version.clone_into(&mut passed.version);
                return Ok(passed);
            }
            Err(denied) => reasons.extend(denied.into_iter().map(|(gate, denial)| v1::DecisionReason {
                code: denial.lapse.code().to_owned(),
                text: scope.redact(&denial.lapse.to_string()),
                version: version.to_owned(),
                gate,
                indices: denial.rests_on,
            })),
        }
    }
    Ok(match known {
        true => answer(Decision::Deny, reasons),
        false => {
            let text = format!("no version that you may see is registered with {digest}");
            answer(Decision::UnknownDigest, vec![why("UNKNOWN_DIGEST", &text)])
        }
    })
}

type Passed = Result<v1::DeploymentDecision, Vec<(String, Denial)>>;

/// Whether a version passes every gate that guards the environment; if not, what each of them says.
fn passes(
    evaluator: &Evaluator<'_, Folded<'_, View>>,
    purpose: &Purpose,
    asked: &Asked,
    at_ms: u64,
) -> Result<Passed, QueryError> {
    let mut allowed = answer(Decision::Allow, Vec::new());
    let mut denied = Vec::new();
    let guarding = evaluator.guarding(asked.environment, &purpose.namespace);
    for gate in &guarding {
        let passage = evaluator.passage(purpose, asked.endpoint.as_ref(), gate.name(), Asking::ToEnter)?;
        match passage.at(at_ms) {
            Ok(pass) => {
                allowed.indices.extend(pass.rests_on.iter().copied());
                let limit = pass.max_traffic_percent.into_iter().chain(allowed.max_traffic_percent);
                allowed.max_traffic_percent = limit.reduce(f64::min);
                let ends = ends(&passage, at_ms).into_iter().chain(allowed.expires_at_ms);
                allowed.expires_at_ms = ends.min();
            }
            Err(denial) => denied.push((gate.name().to_string(), denial.clone())),
        }
    }
    if guarding.is_empty() {
        let text =
            format!("no gate guards {} for models of {}", probity_schemas::word(&asked.environment), purpose.namespace);
        allowed.reasons.push(why("NO_GATE", &text));
    }
    allowed.indices.sort_unstable();
    allowed.indices.dedup();
    Ok(if denied.is_empty() { Ok(allowed) } else { Err(denied) })
}

/// When something that passes at a moment passes no more.
fn ends(passage: &Timeline<Verdict>, at_ms: u64) -> Option<u64> {
    passage
        .spans()
        .filter(|(from_ms, _, verdict)| *from_ms > at_ms && verdict.is_err())
        .map(|(from_ms, ..)| from_ms)
        .min()
}

/// An answer without a place in the log yet.
pub(crate) fn answer(decision: Decision, reasons: Vec<v1::DecisionReason>) -> v1::DeploymentDecision {
    v1::DeploymentDecision { decision: decision.as_str().to_owned(), reasons, ..v1::DeploymentDecision::default() }
}

/// A reason that is about no version.
pub(crate) fn why(code: &str, text: &str) -> v1::DecisionReason {
    v1::DecisionReason { code: code.to_owned(), text: text.to_owned(), ..v1::DecisionReason::default() }
}

/// The answer where the view is too far behind the ledger: it has halted, or lacks statements that the ledger has while
/// the newest it knows is older than the caller takes. A ledger in which nothing happens is not behind.
pub(crate) fn stale(as_of: &v1::AsOf, head: u64, now_ms: u64, most_s: u64) -> Option<v1::DeploymentDecision> {
    let age_s = (now_ms / 1_000).saturating_sub(as_of.recorded_at);
    let text = match (as_of.halted.as_str(), as_of.tree_size < head) {
        ("", true) if age_s > most_s => {
            format!("the view is at {} of {head} statements, {age_s} s behind; {most_s} s are allowed", as_of.tree_size)
        }
        ("", _) => return None,
        (halted, _) => format!("the view has halted: {halted}"),
    };
    Some(answer(Decision::Deny, vec![why("STALE", &text)]))
}
