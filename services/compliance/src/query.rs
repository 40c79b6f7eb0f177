//! Questions to the view, without gRPC.

use probity_domain::ids::model_of;
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{Citation, Page, Paged, QueryError, Scope};
use probity_schemas::{Namespace, NamespacePattern};

use crate::catalogue::{
    DEFICIENCIES, DEFICIENCIES_OF, ENDPOINTS, INCIDENTS, MODELS, OPEN_INCIDENTS, REQUESTS, VERSIONS,
};
use crate::deficiencies::Found;
use crate::matters::Incident;
use crate::questions::Question;
use crate::standing::{Purpose, holds, standing};

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
    let path = subject.split_once(':').map_or(subject, |(_, path)| path);
    let namespace: Option<Namespace> = path.rsplit_once('/').and_then(|(namespace, _)| namespace.parse().ok());
    let covers = |pattern: &NamespacePattern| namespace.as_ref().is_some_and(|namespace| pattern.covers(namespace));
    asked.is_none_or(covers) && scope.covers_subject(subject)
}

/// The question of a name.
///
/// # Errors
/// There is none.
pub fn question(name: &str) -> Result<Option<Question>, QueryError> {
    match name {
        "" => Ok(None),
        name => Question::named(name).map(Some).ok_or_else(|| {
            let names: Vec<&str> = Question::ALL.iter().map(|question| question.name()).collect();
            QueryError::Invalid { field: "question", reason: format!("it is one of {}", names.join(", ")) }
        }),
    }
}

/// How many deficiencies each question finds at a moment.
///
/// # Errors
/// The view could not be read.
pub fn counts(
    view: &View,
    asked: Option<&NamespacePattern>,
    scope: &Scope,
    at_ms: u64,
) -> Result<Vec<v1::Question>, QueryError> {
    let mut questions = Vec::new();
    for question in Question::ALL {
        let mut count = 0;
        for pair in view.scan_after(&DEFICIENCIES.key().byte(question.byte()), None) {
            let (key, value) = pair?;
            let mut parts = Parts::of(&key);
            let (_, from_ms) = (parts.byte(), parts.number().unwrap_or_default());
            // They are in the order in which they begin.
            if from_ms > at_ms {
                break;
            }
            let subject = parts.text().unwrap_or_default();
            if within(subject, asked, scope) && DEFICIENCIES.decode(&value)?.holds_at(at_ms) {
                count += 1;
            }
        }
        questions.push(v1::Question { name: question.name().to_owned(), text: question.text().to_owned(), count });
    }
    Ok(questions)
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
    let show = |key: Vec<u8>, found: Found| {
        let fitting = found.holds_at(wanted.at_ms) && within(&found.subject, wanted.namespace.as_ref(), scope);
        Ok((key, if fitting { Some(deficiency(view, found)?) } else { None }))
    };
    if !wanted.subject.is_empty() {
        // A model's own name sorts right before those of its versions.
        let prefix = DEFICIENCIES_OF.key().beginning(&wanted.subject);
        return page.take(view.scan_after(&prefix, page.after.as_deref()).map(|pair| {
            let (key, _) = pair?;
            let mut parts = Parts::of(&key);
            let subject = parts.text().unwrap_or_default().to_owned();
            let (byte, from_ms) = (parts.byte().unwrap_or_default(), parts.number().unwrap_or_default());
            let (cause, number) = (parts.text().unwrap_or_default(), parts.small().unwrap_or_default());
            let of = subject == wanted.subject || model_of(&subject) == wanted.subject;
            let asked = wanted.question.is_none_or(|question| question.byte() == byte);
            let place = DEFICIENCIES.key().byte(byte).number(from_ms).text(&subject).text(cause).small(number);
            match view.record(&DEFICIENCIES, &place)?.filter(|_| of && asked) {
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

fn deficiency(view: &View, found: Found) -> Result<v1::Deficiency, QueryError> {
    let model = [&found.subject, &found.about].into_iter().find(|subject| subject.starts_with("model:"));
    let owners = match model {
        Some(model) => owners(view, model)?,
        None => Vec::new(),
    };
    Ok(v1::Deficiency {
        question: found.question.name().to_owned(),
        subject: found.subject,
        reason: found.reason,
        since_ms: found.from_ms,
        owners,
        about: found.about,
        provenance: found.provenance,
        indices: found.indices,
    })
}

pub(crate) fn owners(view: &View, subject: &str) -> Result<Vec<String>, QueryError> {
    let model = view.record(&MODELS, &MODELS.key().text(model_of(subject)))?.unwrap_or_default();
    let mut owners: Vec<String> = model.owners.into_iter().map(|(_, person, _)| person).collect();
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
    if !scope.covers_subject(subject) {
        return Err(not_found());
    }
    if !subject.starts_with("endpoint:") {
        let state = view.record(&VERSIONS, &VERSIONS.key().text(subject))?.ok_or_else(not_found)?;
        let purpose = Purpose {
            version: subject.to_owned(),
            digest: state.artifacts.first().cloned(),
            any_use: true,
            ..Purpose::default()
        };
        return standings(view, &purpose, "", at_ms);
    }
    let state = view.record(&ENDPOINTS, &ENDPOINTS.key().text(subject))?.ok_or_else(not_found)?;
    let mut found = Vec::new();
    for share in state.followed.value.running() {
        let purpose = state.purpose(share);
        found.extend(standings(view, &purpose, subject, at_ms)?);
    }
    Ok(found)
}

fn standings(
    view: &View,
    purpose: &Purpose,
    endpoint: &str,
    at_ms: u64,
) -> Result<Vec<v1::ApprovalStanding>, QueryError> {
    let version = view.record(&VERSIONS, &VERSIONS.key().text(&purpose.version))?.unwrap_or_default();
    let overall = match standing(view, purpose)? {
        Err(lapse) => lapse.reason,
        Ok(cover) if cover.from_ms > at_ms => "not given yet at that moment".to_owned(),
        Ok(cover) if cover.until_ms.is_some_and(|until| until <= at_ms) => cover.ends,
        Ok(_) => "valid".to_owned(),
    };
    let answer = |standing: String| v1::ApprovalStanding {
        version: purpose.version.clone(),
        endpoint: endpoint.to_owned(),
        digest: purpose.digest.clone().unwrap_or_default(),
        standing,
        ..v1::ApprovalStanding::default()
    };
    let mut found = Vec::new();
    for index in version.requests.iter().rev() {
        let request = view.record(&REQUESTS, &REQUESTS.key().number(*index))?.unwrap_or_default();
        let mut signatures = Vec::new();
        for grant in &request.grants {
            let standing = match holds(view, &version, grant, purpose)? {
                Err(lapse) => lapse.reason,
                Ok(cover) if cover.until_ms.is_some_and(|until| until <= at_ms) => cover.ends,
                Ok(_) => "holds".to_owned(),
            };
            let conditions = grant.conditions.iter().map(|condition| {
                let met = if condition.met.is_some() { "met" } else { "open" };
                format!("{} ({met}): {}", condition.id, condition.text)
            });
            signatures.push(v1::ApprovalSignature {
                signer: grant.stated.signer.clone(),
                on_behalf_of: grant.on_behalf_of.clone(),
                meaning: grant.meaning.clone(),
                evidence_seen: grant.evidence_seen.clone(),
                conditions: conditions.collect(),
                expires_at_ms: grant.expires_at_ms,
                standing,
                source: Some(grant.stated.source()),
            });
        }
        let (policy, policy_index) = request.policy.clone().unwrap_or_default();
        found.push(v1::ApprovalStanding {
            gate: request.gate.clone(),
            policy,
            policy_index,
            signatures,
            request_index: request.index,
            standing: match request.rejected {
                Some(index) => format!("it was rejected (index {index})"),
                None => overall.clone(),
            },
            ..answer(String::new())
        });
    }
    if found.is_empty() {
        found.push(answer(overall));
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
            .map(|(authority, stage, sent_at_ms, index)| v1::Notice { authority, stage, sent_at_ms, index })
            .collect(),
        asks: incident
            .asks
            .into_iter()
            .map(|(authority, asks, due_ms, index)| v1::Ask { authority, asks, due_ms, index })
            .collect(),
        indices: incident.indices,
    }
}
