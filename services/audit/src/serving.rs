//! Which version decided: what served at an endpoint, for a model or for a use case, at a moment, as known by another.
//!
//! The steps of an endpoint are folded twice: those that certainly happened by then, and those that may have. What serves
//! after both is certain; what serves after one of them only is possible. A step that its issuer voided, or said to be of
//! another endpoint, does not count once that is known.

use std::collections::BTreeSet;

use probity_domain::ids::model_of;
use probity_domain::serving::{Serving, Share, Step};
use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use probity_schemas::{Subject, SubjectKind};

use crate::corrections::Correctness;
use crate::layout::{self, STEPS, whole};
use crate::projector::endpoints_key;
use crate::timeline::{exists, unknown};

/// Endpoints that are looked at for one model or use case.
const ENDPOINTS: usize = 1_000;

/// Asks what served.
///
/// `subject` is an endpoint, a model or one version of it (wherever it serves) or a use case; `at_ms` is in Unix
/// milliseconds, `known_by` in Unix seconds, inclusive. What is stopped in an emergency is there and said to be suspended.
///
/// # Errors
/// Nothing is known about the subject, or it is of another kind.
pub fn at(
    view: &View,
    scope: &Scope,
    subject: &Subject,
    at_ms: u64,
    known_by: Option<u64>,
) -> Result<Vec<v1::Served>, QueryError> {
    let known = layout::known(view, known_by)?;
    let text = subject.to_string();
    let endpoints = match subject.kind {
        SubjectKind::Endpoint => vec![whole(&text).to_owned()],
        SubjectKind::Model | SubjectKind::Usecase => layout::texts_under(view, &endpoints_key(&text), ENDPOINTS + 1)?,
        _ => {
            let reason = format!("{text} is not an endpoint, a model or a use case");
            return Err(QueryError::Invalid { field: "subject", reason });
        }
    };
    if endpoints.len() > ENDPOINTS {
        return Err(QueryError::TooMuch { what: "endpoints", limit: ENDPOINTS });
    }
    let is_known =
        exists(view, scope, &text)? || (scope.covers_subject(&text) && !endpoints_are_empty(view, &endpoints)?);
    if !is_known {
        return Err(unknown(view, scope, &text)?);
    }
    let mut served = Vec::new();
    for endpoint in endpoints.iter().filter(|endpoint| scope.covers_subject(endpoint)) {
        let steps = steps(view, scope, endpoint, known)?;
        let belongs = |serving: &Serving, share: &Share| match subject.kind {
            SubjectKind::Endpoint => true,
            SubjectKind::Usecase => serving.use_case.as_deref() == Some(&text),
            _ if subject.version.is_some() => share.version == text,
            _ => model_of(&share.version) == text,
        };
        let found = weigh(endpoint, &steps, at_ms, belongs).into_iter();
        served.extend(found.map(|share| in_sight_of(share, scope)));
    }
    Ok(served)
}

/// What serves at an endpoint that may be seen can be what may not.
fn in_sight_of(served: v1::Served, scope: &Scope) -> v1::Served {
    let hidden = scope.redact(&served.version) != served.version;
    v1::Served {
        version: scope.redact(&served.version),
        use_case: scope.redact(&served.use_case),
        digest: if hidden { String::new() } else { served.digest },
        ..served
    }
}

fn endpoints_are_empty(view: &View, endpoints: &[String]) -> Result<bool, QueryError> {
    for endpoint in endpoints {
        if view.scan_after(&layout::steps_key(endpoint), None).next().transpose()?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The steps of an endpoint that count among the first `known` statements, in the order of their moments.
fn steps(view: &View, scope: &Scope, endpoint: &str, known: u64) -> Result<Vec<Step>, QueryError> {
    let mut found = Vec::new();
    if !scope.covers_subject(endpoint) {
        return Ok(found);
    }
    for pair in view.scan_after(&layout::steps_key(endpoint), None) {
        let step = STEPS.decode(&pair?.1)?;
        // One of another endpoint in truth counts there once it is recorded there.
        if step.index < known && !Correctness::of(view, step.index, known)?.is_taken_back() {
            found.push(step);
        }
    }
    found.sort_by_key(|step| (step.at_ms, step.index));
    Ok(found)
}

/// What served after the steps that happened by a moment.
fn weigh(endpoint: &str, steps: &[Step], at_ms: u64, belongs: impl Fn(&Serving, &Share) -> bool) -> Vec<v1::Served> {
    // Of a step at an unknown moment it is certain that it had happened when it was recorded, which it sorts by.
    let recorded_by = |step: &Step| step.occurred.is_none() && step.at_ms <= at_ms;
    let certain = Serving::after(steps.iter().filter(|step| step.certainly_by(at_ms) || recorded_by(step)));
    let possible = Serving::after(steps.iter().filter(|step| step.possibly_by(at_ms)));
    // The same version, and as much at work.
    let same = |a: &Share, b: &Share| a.version == b.version && a.suspended == b.suspended && a.exposure == b.exposure;
    let mut served = Vec::new();
    for share in certain.shares.iter().filter(|share| belongs(&certain, share)) {
        let other = possible.shares.iter().find(|other| same(share, other) && belongs(&possible, other));
        let mut indices: BTreeSet<u64> = certain.indices.iter().copied().collect();
        let mut answer = answer(endpoint, &certain, share);
        if let Some(other) = other {
            indices.extend(&possible.indices);
            // What only one of them says of it is left open.
            answer.percent = share.percent.filter(|_| share.percent == other.percent);
            answer.digest = share.digest.clone().filter(|_| share.digest == other.digest).unwrap_or_default();
            answer.segment = share.segment.clone().filter(|_| share.segment == other.segment).unwrap_or_default();
            answer.certainty = "certain".to_owned();
        }
        answer.indices = indices.into_iter().collect();
        served.push(answer);
    }
    for share in possible.shares.iter().filter(|share| belongs(&possible, share)) {
        if !certain.shares.iter().any(|other| same(share, other) && belongs(&certain, other)) {
            let indices = possible.indices.clone();
            served.push(v1::Served { indices, ..answer(endpoint, &possible, share) });
        }
    }
    served
}

fn answer(endpoint: &str, serving: &Serving, share: &Share) -> v1::Served {
    v1::Served {
        endpoint: endpoint.to_owned(),
        version: share.version.clone(),
        digest: share.digest.clone().unwrap_or_default(),
        exposure: share.exposure.clone(),
        percent: share.percent,
        segment: share.segment.clone().unwrap_or_default(),
        environment: serving.environment.clone().unwrap_or_default(),
        use_case: serving.use_case.clone().unwrap_or_default(),
        suspended: share.suspended,
        certainty: "possible".to_owned(),
        indices: Vec::new(),
    }
}
