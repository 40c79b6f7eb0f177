//! Questions to the view, without gRPC.

use std::collections::HashSet;

use probity_domain::ids::model_of;
use probity_domain::{
    Asking, Bytes, Denial, EndpointId, Evaluator, Facts as _, Ground, Lapse, Purpose, Timeline, Use, Verdict, VersionId,
};
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{Citation, Page, Paged, QueryError, Scope};
use probity_schemas::shared::Environment;
use probity_schemas::{Name, Namespace, NamespacePattern, word};

use crate::facts::Folded;
use crate::known::known;
use crate::records::approvals::{REQUESTS, RequestState, request_key};
use crate::records::deficiencies::{
    DEFICIENCIES, DEFICIENCIES_IN, DEFICIENCIES_OF, Found, namespace_of as namespace_text,
};
use crate::records::endpoints::{ENDPOINTS, endpoint_key, namespace as namespace_of, shown};
use crate::records::items::{INCIDENTS, Incident, OPEN_INCIDENTS};
use crate::records::subjects::{MODELS, VERSIONS};
use probity_controls::Question;

/// A namespace or all within it; `None` for no limit.
///
/// # Errors
/// It is neither.
pub fn namespace(text: &str) -> Result<Option<NamespacePattern>, QueryError> {
    let invalid = |error| QueryError::Invalid { field: "namespace", reason: format!("{error}") };
    match text {
        "" | "*" => Ok(None),
        text => text.parse().map(Some).map_err(invalid),
    }
}

/// Whether a subject is within what was asked for and may be seen.
fn within(subject: &str, asked: Option<&NamespacePattern>, scope: &Scope) -> bool {
    let namespace: Option<Namespace> = namespace_text(subject).parse().ok();
    let covers = |pattern: &NamespacePattern| namespace.as_ref().is_some_and(|namespace| pattern.covers(namespace));
    asked.is_none_or(covers) && scope.covers_subject(subject)
}

/// Whether something is within what was asked for and may be seen. Who sees what it concerns is told of it, and not of
/// the rest.
fn concerns(found: &Found, asked: Option<&NamespacePattern>, scope: &Scope) -> bool {
    let mut subjects = [&found.subject].into_iter().chain(&found.concerns);
    subjects.any(|subject| within(subject, asked, scope))
}

/// The question of a name.
///
/// # Errors
/// There is none.
pub fn question(name: &str) -> Result<Option<Question>, QueryError> {
    match name {
        "" => Ok(None),
        name => Question::named(name).map(Some).ok_or_else(|| {
            probity_query::unknown("question", name, Question::ALL.iter().map(|question| question.name()))
        }),
    }
}

/// Deficiencies that are looked at to count them.
pub const COUNTED: usize = 100_000;

/// How many deficiencies each question finds at a moment: at least so many, where more than [`COUNTED`] would have to be
/// looked at. Those of namespaces that are not asked for, or may not be seen, are not.
///
/// # Errors
/// The view could not be read.
pub fn counts(
    view: &View,
    asked: Option<&NamespacePattern>,
    scope: &Scope,
    at_ms: u64,
) -> Result<v1::ListQuestionsResponse, QueryError> {
    counts_among(view, asked, scope, at_ms, COUNTED)
}

/// The same, where no more than `most` are looked at.
///
/// # Errors
/// The view could not be read.
pub fn counts_among(
    view: &View,
    asked: Option<&NamespacePattern>,
    scope: &Scope,
    at_ms: u64,
    most: usize,
) -> Result<v1::ListQuestionsResponse, QueryError> {
    scope.reaches(asked)?;
    let mut counted = [0; 256];
    let (mut looked_at, mut at_least) = (0, false);
    // What concerns several namespaces is counted once.
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    for namespaces in scope.within(asked) {
        let table = DEFICIENCIES_IN.key();
        let prefix = match &namespaces {
            NamespacePattern::All => table,
            NamespacePattern::Exactly(namespace) => table.text(namespace.as_str()),
            NamespacePattern::Within(root) => table.beginning(root.as_str()),
        };
        for pair in view.scan_after(&prefix, None) {
            if looked_at == most {
                at_least = true;
                break;
            }
            looked_at += 1;
            let (key, until_ms) = pair?;
            let mut parts = Parts::of(&key);
            let Some(namespace) = parts.text() else { continue };
            let in_sight = match namespace.parse() {
                Ok(namespace) => namespaces.covers(&namespace),
                Err(_) => namespaces == NamespacePattern::All,
            };
            let found = &key[namespace.len() + 2..];
            let (question, from_ms) = (parts.byte().unwrap_or_default(), parts.number().unwrap_or_default());
            let ended = DEFICIENCIES_IN.decode(&until_ms)?.is_some_and(|until_ms| until_ms <= at_ms);
            if in_sight && from_ms <= at_ms && !ended && seen.insert(found.to_vec()) {
                counted[usize::from(question)] += 1;
            }
        }
    }
    let questions = Question::ALL.iter().map(|question| v1::Question {
        name: question.name().to_owned(),
        text: question.text().to_owned(),
        count: counted[usize::from(question.byte())],
    });
    Ok(v1::ListQuestionsResponse { as_of: None, questions: questions.collect(), at_least })
}

/// What is asked for of deficiencies.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Of this question; `None` for all.
    pub question: Option<Question>,
    /// A namespace or all within it; `None` for no limit.
    pub namespace: Option<NamespacePattern>,
    /// Of this model (and its versions), endpoint or use case; empty for all.
    pub subject: String,
    /// The moment, in Unix milliseconds.
    pub at_ms: u64,
    /// Those that are over by then as well.
    pub over: bool,
}

/// Deficiencies at a moment: by question in the order in which they began, or those of one subject.
///
/// # Errors
/// The view could not be read.
pub fn deficiencies(
    view: &View,
    wanted: &Wanted,
    scope: &Scope,
    page: &Page,
) -> Result<Paged<v1::Deficiency>, QueryError> {
    scope.reaches(wanted.namespace.as_ref())?;
    if !wanted.subject.is_empty() {
        known(view, &wanted.subject, scope)?;
    }
    let show = |key: Vec<u8>, found: Found| {
        let holds = found.holds_at(wanted.at_ms) || wanted.over && found.from_ms <= wanted.at_ms;
        let fitting = holds && concerns(&found, wanted.namespace.as_ref(), scope);
        Ok((key, if fitting { Some(deficiency(view, found, scope)?) } else { None }))
    };
    if !wanted.subject.is_empty() {
        // A model's own name sorts right before those of its versions.
        let prefix = DEFICIENCIES_OF.key().beginning(&wanted.subject);
        return page.take(view.scan_after(&prefix, page.after.as_deref()).map(|pair| {
            let (key, kept) = pair?;
            let mut parts = Parts::of(&key);
            let subject = parts.text().unwrap_or_default().to_owned();
            let (byte, from_ms) = (parts.byte().unwrap_or_default(), parts.number().unwrap_or_default());
            let (cause, number) = (parts.text().unwrap_or_default(), parts.small().unwrap_or_default());
            let of = subject == wanted.subject || model_of(&subject) == wanted.subject;
            let asked = wanted.question.is_none_or(|question| question.byte() == byte);
            let kept = DEFICIENCIES_OF.decode(&kept)?;
            let place = DEFICIENCIES.key().byte(byte).number(from_ms).text(&kept).text(cause).small(number);
            // What concerns a model and a version of it is listed once.
            let is_of = |of: &String| *of == wanted.subject || model_of(of) == wanted.subject;
            let first = |found: &Found| {
                found.concerns.iter().chain([&found.subject]).filter(|of| is_of(of)).min() == Some(&subject)
            };
            match view.record(&DEFICIENCIES, &place)?.filter(|found| of && asked && first(found)) {
                Some(found) => show(key, found),
                None => Ok((key, None)),
            }
        }));
    }
    let prefix = match wanted.question {
        Some(question) => DEFICIENCIES.key().byte(question.byte()),
        None => DEFICIENCIES.key(),
    };
    page.take(view.scan_after(&prefix, page.after.as_deref()).map(|pair| {
        let (key, value) = pair?;
        show(key, DEFICIENCIES.decode(&value)?)
    }))
}

fn deficiency(view: &View, found: Found, scope: &Scope) -> Result<v1::Deficiency, QueryError> {
    let model = [&found.subject, &found.about].into_iter().find(|subject| subject.starts_with("model:"));
    let owners = match model.filter(|model| scope.covers_subject(model)) {
        Some(model) => owners(view, model)?,
        None => Vec::new(),
    };
    Ok(v1::Deficiency {
        question: found.question.name().to_owned(),
        subject: scope.redact(&found.subject),
        reason: scope.redact(&found.reason),
        since_ms: found.from_ms,
        until_ms: found.until_ms,
        owners,
        about: scope.redact(&found.about),
        provenance: found.provenance,
        indices: found.indices,
    })
}

pub(crate) fn owners(view: &View, subject: &str) -> Result<Vec<String>, QueryError> {
    let model = view.record(&MODELS, &MODELS.key().text(model_of(subject)))?.unwrap_or_default();
    let mut owners: Vec<String> = model.said.owners.into_iter().map(|owner| owner.person.to_string()).collect();
    owners.sort_unstable();
    owners.dedup();
    Ok(owners)
}

/// Whether approvals of a version, or of what serves at an endpoint, hold at a moment.
///
/// # Errors
/// There is no such version or endpoint, or none that may be seen; or the view could not be read.
pub fn approvals(
    view: &View,
    subject: &str,
    scope: &Scope,
    at_ms: u64,
) -> Result<Vec<v1::ApprovalStanding>, QueryError> {
    let not_found = || QueryError::NotFound { what: subject.to_owned() };
    scope.must_cover(subject)?;
    let named = match subject.starts_with("endpoint:") {
        true => view.contains(&endpoint_key(subject))?,
        false => view.contains(&VERSIONS.key().text(subject))?,
    };
    if !named {
        known(view, subject, scope)?;
    }
    if !subject.starts_with("endpoint:") {
        let state = view.record(&VERSIONS, &VERSIONS.key().text(subject))?.ok_or_else(not_found)?;
        let (version, namespace) = VersionId::parse(subject).zip(namespace_of(subject)).ok_or_else(not_found)?;
        let bytes = state.said.artifacts.first().map_or(Bytes::Unstated, |artifact| Bytes::Digest(artifact.digest));
        let purpose = Purpose { version, namespace, bytes, use_case: Use::Any, environment: None, jurisdiction: None };
        return standings(view, &purpose, None, at_ms);
    }
    let state = view.record(&ENDPOINTS, &endpoint_key(subject))?.ok_or_else(not_found)?;
    let endpoint = EndpointId::parse(subject).ok_or_else(not_found)?;
    let mut found = Vec::new();
    for stay in state.running() {
        match state.purpose(stay) {
            Some(purpose) => found.extend(standings(view, &purpose, Some(&endpoint), at_ms)?),
            None => found.push(v1::ApprovalStanding {
                version: stay.share.version.clone(),
                endpoint: subject.to_owned(),
                standing: Lapse::NotRequested.to_string(),
                ..v1::ApprovalStanding::default()
            }),
        }
    }
    // What serves there may be somebody else's: that it is not in order is told, not what it is.
    let seen = |standing: v1::ApprovalStanding| match scope.covers_subject(&standing.version) {
        true => standing,
        false => v1::ApprovalStanding {
            version: scope.redact(&standing.version),
            endpoint: standing.endpoint,
            gate: standing.gate,
            standing: scope.redact(&standing.standing),
            ..v1::ApprovalStanding::default()
        },
    };
    Ok(found.into_iter().map(seen).collect())
}

/// Whether a version that is to be let through to an endpoint passes every gate that guards the environment, at a
/// moment: what the door answers to `deployment.authorized`. A denial names the gate.
///
/// # Errors
/// The view could not be read.
pub fn check(
    view: &View,
    endpoint: &EndpointId,
    purpose: &Purpose,
    at_ms: u64,
) -> Result<Result<(), (Name, Denial)>, QueryError> {
    let facts = Folded(view);
    let evaluator = Evaluator::new(&facts, u64::MAX)?;
    let environment = purpose.environment.unwrap_or(Environment::Production);
    for gate in evaluator.guarding(environment, &purpose.namespace) {
        let passage = evaluator.passage(purpose, Some(endpoint), gate.name(), Asking::ToEnter)?;
        if let Err(denial) = passage.at(at_ms) {
            return Ok(Err((gate.name().clone(), denial.clone())));
        }
    }
    Ok(Ok(()))
}

/// How a version stands at each gate it was brought to, and at those that guard where it serves.
fn standings(
    view: &View,
    purpose: &Purpose,
    endpoint: Option<&EndpointId>,
    at_ms: u64,
) -> Result<Vec<v1::ApprovalStanding>, QueryError> {
    let facts = Folded(view);
    let evaluator = Evaluator::new(&facts, u64::MAX)?;
    let environment = purpose.environment.unwrap_or(Environment::Production);
    let guarding = evaluator.guarding(environment, &purpose.namespace);
    let guarding: Vec<Name> = guarding.iter().map(|gate| gate.name().clone()).collect();
    let answer = |gate: &Name, standing: String| v1::ApprovalStanding {
        version: purpose.version.to_string(),
        endpoint: endpoint.map(ToString::to_string).unwrap_or_default(),
        digest: shown(&purpose.bytes).map(ToString::to_string).unwrap_or_default(),
        gate: gate.to_string(),
        standing,
        ..v1::ApprovalStanding::default()
    };
    let indices = view.record(&VERSIONS, &VERSIONS.key().text(purpose.version.as_str()))?.unwrap_or_default();
    let indices = indices.said.requests;
    let mut found = Vec::new();
    for (index, requested) in indices.iter().zip(facts.requests(&purpose.version)?).rev() {
        let Some(request) = view.record(&REQUESTS, &request_key(*index))?.flatten() else { continue };
        let gate = &requested.request.gate;
        let standing = match evaluator.request(purpose, &requested)? {
            _ if endpoint.is_some() && !guarding.contains(gate) => {
                format!("gate {gate} does not guard {}", word(&environment))
            }
            Some(timeline) => in_words(&timeline, at_ms),
            None => format!("no policy knew gate {gate} when it was requested"),
        };
        let (policy, policy_index) = request.policy.clone().unwrap_or_default();
        found.push(v1::ApprovalStanding {
            policy,
            policy_index,
            signatures: signatures(&evaluator, purpose, &request, at_ms)?,
            request_index: *index,
            ..answer(gate, standing)
        });
    }
    // What lets it through without an approval of its own, and the gates at which none was requested.
    for gate in &guarding {
        let approved = evaluator.approved(purpose, gate)?;
        let asked = found.iter().any(|standing| standing.gate == gate.as_str());
        let passage = match endpoint {
            Some(endpoint) => evaluator.passage(purpose, Some(endpoint), gate, Asking::ToServe)?,
            None => approved.clone(),
        };
        let excused = approved.at(at_ms).is_err() && passage.at(at_ms).is_ok();
        if excused || !asked {
            found.push(answer(gate, in_words(&passage, at_ms)));
        }
    }
    if found.is_empty() {
        let lapse = Lapse::NotRequested.to_string();
        found.push(v1::ApprovalStanding {
            version: purpose.version.to_string(),
            endpoint: endpoint.map(ToString::to_string).unwrap_or_default(),
            standing: lapse,
            ..v1::ApprovalStanding::default()
        });
    }
    Ok(found)
}

fn in_words(timeline: &Timeline<Verdict>, at_ms: u64) -> String {
    match timeline.at(at_ms) {
        Ok(pass) => match pass.ground {
            Ground::Approval => "valid".to_owned(),
            Ground::Exception => "valid by an exception".to_owned(),
            Ground::Plan(_) => "valid by a change plan".to_owned(),
            Ground::Elsewhere => "valid by an approval elsewhere".to_owned(),
        },
        Err(denial) => denial.lapse.to_string(),
    }
}

fn signatures(
    evaluator: &Evaluator<'_, Folded<'_, View>>,
    purpose: &Purpose,
    request: &RequestState,
    at_ms: u64,
) -> Result<Vec<v1::ApprovalSignature>, QueryError> {
    let mut found = Vec::new();
    for (grant, signature) in request.request.grants.iter().zip(&request.signatures) {
        let standing = match evaluator.signature(purpose, grant)?.at(at_ms) {
            Ok(()) => "holds".to_owned(),
            Err(lapse) => lapse.to_string(),
        };
        let conditions = grant.conditions.iter().zip(&signature.conditions).map(|(condition, text)| {
            let met = if condition.met.is_some() { "met" } else { "open" };
            format!("{} ({met}): {text}", condition.id)
        });
        found.push(v1::ApprovalSignature {
            signer: signature.stated.signer.clone(),
            on_behalf_of: signature.on_behalf_of.clone(),
            meaning: signature.meaning.clone(),
            evidence_seen: grant.evidence_seen.iter().map(ToString::to_string).collect(),
            conditions: conditions.collect(),
            expires_at_ms: grant.expires_at_ms,
            standing,
            source: Some(signature.stated.source()),
        });
    }
    Ok(found)
}

/// Incidents with their clocks, the newest first.
///
/// # Errors
/// The view could not be read.
pub fn incidents(
    view: &View,
    asked: Option<&NamespacePattern>,
    open_only: bool,
    scope: &Scope,
    at_ms: u64,
    page: &Page,
) -> Result<Paged<v1::IncidentClock>, QueryError> {
    scope.reaches(asked)?;
    let prefix = if open_only { OPEN_INCIDENTS.key() } else { INCIDENTS.key() };
    page.take(view.scan_before(&prefix, page.after.as_deref()).map(|pair| {
        let (key, _) = pair?;
        let index = Parts::of(&key).number().unwrap_or_default();
        let incident = view.record(&INCIDENTS, &INCIDENTS.key().number(index))?;
        let incident = incident.filter(|incident| within(&incident.subject, asked, scope));
        Ok((key, incident.map(|incident| clock(incident, at_ms))))
    }))
}

fn clock(incident: Incident, at_ms: u64) -> v1::IncidentClock {
    let until = incident.closed_ms.unwrap_or(at_ms);
    v1::IncidentClock {
        id: incident.id,
        subject: incident.subject,
        summary: incident.summary,
        severity: incident.severity,
        state: if incident.closed_ms.is_some() { "closed" } else { "open" }.to_owned(),
        aware_at_ms: incident.aware_ms,
        elapsed_ms: until.saturating_sub(incident.aware_ms),
        regimes: incident
            .regimes
            .into_iter()
            .map(|(regime, reportable, class, causal_link, index)| v1::Regime {
                regime,
                reportable,
                class,
                causal_link,
                index,
            })
            .collect(),
        notices: incident
            .notices
            .into_iter()
            .map(|notice| v1::Notice {
                authority: notice.authority,
                stage: notice.stage,
                sent_at_ms: notice.sent_at_ms,
                index: notice.index,
            })
            .collect(),
        asks: incident
            .asks
            .into_iter()
            .map(|(authority, asks, due_ms, index)| v1::Ask { authority, asks, due_ms, index })
            .collect(),
        indices: incident.indices,
    }
}
