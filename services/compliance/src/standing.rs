//! Whether an approval covers what serves, and until when.

use std::collections::BTreeSet;

use probity_domain::ids::model_of;
use probity_projection::StoreError;

use crate::approvals::{Grant, Request};
use crate::catalogue::{COMPROMISED, Look, MODELS, PLANS, REQUESTS, VERSIONS, WITHDRAWN, part_of};
use crate::endpoints::Authorized;
use crate::subjects::VersionState;

/// What is to be covered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Purpose {
    pub(crate) version: String,
    pub(crate) digest: Option<String>,
    pub(crate) use_case: Option<String>,
    pub(crate) environment: Option<String>,
    /// Whether any use will do: of a version that is asked about by itself, wherever it may serve.
    pub(crate) any_use: bool,
}

/// A time in which something covers it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cover {
    pub(crate) from_ms: u64,
    /// The first moment at which it does not any more.
    pub(crate) until_ms: Option<u64>,
    /// Why it ends then.
    pub(crate) ends: String,
    pub(crate) indices: Vec<u64>,
    pub(crate) max_traffic_percent: Option<f64>,
}

/// Why nothing covers it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lapse {
    pub(crate) reason: String,
    pub(crate) indices: Vec<u64>,
}

impl Lapse {
    fn new(reason: impl Into<String>, indices: impl IntoIterator<Item = u64>) -> Self {
        Self { reason: reason.into(), indices: indices.into_iter().collect() }
    }
}

/// The cover that lasts longest, or why there is none: of the newest request.
pub(crate) fn standing<L: Look>(look: &L, purpose: &Purpose) -> Result<Result<Cover, Lapse>, StoreError> {
    let version = look.look_or_empty(&VERSIONS, &VERSIONS.key().text(&purpose.version))?;
    let mut best: Option<Cover> = None;
    let mut lapse = None;
    for index in version.requests.iter().rev() {
        let Some(request) = look.look(&REQUESTS, &REQUESTS.key().number(*index))? else { continue };
        match signed_by_all(look, &version, &request, purpose)? {
            Ok(cover) => {
                let longer = best.as_ref().is_none_or(|best| ends_at(best) < ends_at(&cover));
                if longer {
                    best = Some(cover);
                }
            }
            Err(found) => drop(lapse.get_or_insert(found)),
        }
    }
    if let Some(best) = best {
        return Ok(Ok(best));
    }
    Ok(Err(lapse.unwrap_or_else(|| match version.elsewhere {
        Some((index, _)) => Lapse::new("an approval elsewhere is recorded, none here", [index]),
        None => Lapse::new("nobody has asked for an approval of it", []),
    })))
}

fn ends_at(cover: &Cover) -> u64 {
    cover.until_ms.unwrap_or(u64::MAX)
}

fn signed_by_all<L: Look>(
    look: &L,
    version: &VersionState,
    request: &Request,
    purpose: &Purpose,
) -> Result<Result<Cover, Lapse>, StoreError> {
    if let Some(index) = request.rejected {
        return Ok(Err(Lapse::new("it was rejected", [index])));
    }
    let mut good: Vec<(&Grant, Cover)> = Vec::new();
    let mut lapse = None;
    for grant in &request.grants {
        match holds(look, version, grant, purpose)? {
            Ok(cover) => good.push((grant, cover)),
            Err(found) => drop(lapse.get_or_insert(found)),
        }
    }
    // The longest of each person; as many persons as the gate asks for, those whose signatures last longest.
    good.sort_by_key(|(_, cover)| std::cmp::Reverse(ends_at(cover)));
    let mut persons = BTreeSet::new();
    good.retain(|(grant, _)| persons.insert(grant.person().to_owned()));
    good.truncate(request.persons());
    if good.len() < request.persons() {
        let missing = request.persons() - good.len();
        let unsigned = || Lapse::new(format!("{missing} of its signatures are missing"), [request.index]);
        return Ok(Err(lapse.unwrap_or_else(unsigned)));
    }
    let from_ms = good.iter().map(|(_, cover)| cover.from_ms).max().unwrap_or_default();
    let first = good.iter().map(|(_, cover)| cover).min_by_key(|cover| ends_at(cover));
    let limits = good.iter().filter_map(|(_, cover)| cover.max_traffic_percent);
    Ok(Ok(Cover {
        from_ms,
        until_ms: first.and_then(|cover| cover.until_ms),
        ends: first.map(|cover| cover.ends.clone()).unwrap_or_default(),
        indices: good.iter().flat_map(|(_, cover)| cover.indices.iter().copied()).chain([request.index]).collect(),
        max_traffic_percent: limits.fold(None, |least: Option<f64>, limit| Some(least.map_or(limit, |l| l.min(limit)))),
    }))
}

/// Whether one signature covers the purpose, and from when until when.
pub(crate) fn holds<L: Look>(
    look: &L,
    version: &VersionState,
    grant: &Grant,
    purpose: &Purpose,
) -> Result<Result<Cover, Lapse>, StoreError> {
    let index = grant.stated.index;
    let later = |at: Option<u64>| at.filter(|at| *at > index);
    if let Some(since) = look.look(&COMPROMISED, &COMPROMISED.key().text(&grant.kid))?
        && grant.stated.recorded_at.saturating_mul(1_000) >= since
    {
        return Ok(Err(Lapse::new("the key that signed it was in other hands", [index])));
    }
    if !version.artifacts.is_empty() {
        let named = purpose.digest.as_ref().is_some_and(|digest| grant.digests.contains(digest));
        let all = purpose.digest.is_none() && version.artifacts.iter().all(|digest| grant.digests.contains(digest));
        if !named && !all {
            return Ok(Err(Lapse::new("the approval names other artefacts", [index])));
        }
    }
    if !purpose.any_use
        && !grant.uses.is_empty()
        && purpose.use_case.as_ref().is_none_or(|used| !grant.uses.contains(used))
    {
        return Ok(Err(Lapse::new("the approval is for other uses", [index])));
    }
    if let Some(environment) = &purpose.environment
        && !grant.environments.is_empty()
        && !grant.environments.contains(environment)
    {
        return Ok(Err(Lapse::new("the approval is for other environments", [index])));
    }
    for digest in &grant.evidence_seen {
        if let Some(at) = later(look.look(&WITHDRAWN, &WITHDRAWN.key().text(digest))?) {
            return Ok(Err(Lapse::new("evidence it rests on was withdrawn", [index, at])));
        }
    }
    let model = look.look_or_empty(&MODELS, &MODELS.key().text(model_of(&purpose.version)))?;
    for disturbances in [&model.disturbances, &version.disturbances] {
        for (at, what) in [
            (&disturbances.vendor_changed, "the vendor has changed the model since"),
            (&disturbances.substantially_changed, "the model was changed substantially since"),
            (&disturbances.use_widened, "the intended use was widened since"),
        ] {
            if let Some(at) = later(at.last().copied()) {
                return Ok(Err(Lapse::new(what, [index, at])));
            }
        }
    }
    if grant.uses.is_empty()
        && let Some(at) = model.first_links().find(|at| *at > index)
    {
        return Ok(Err(Lapse::new("the intended use was widened since", [index, at])));
    }
    let made_from = version.datasets.iter().chain(&version.dataset_digests).map(|(from, _)| from);
    let parts = version.datasets.iter().filter(|_| version.dataset_digests.is_empty());
    let parts: Vec<String> = parts.map(|(from, _)| part_of(from)).collect();
    for from in made_from.chain(&parts) {
        if let Some(at) = later(look.look(&WITHDRAWN, &WITHDRAWN.key().text(from))?) {
            return Ok(Err(Lapse::new(format!("data it was made from was withdrawn since ({from})"), [index, at])));
        }
    }
    if grant.conditions.iter().any(|condition| condition.before_deployment && condition.met.is_none()) {
        return Ok(Err(Lapse::new("a condition that was to be met before deployment is open", [index])));
    }
    Ok(Ok(lasting(grant)))
}

/// From when until when a signature that nothing else speaks against holds.
fn lasting(grant: &Grant) -> Cover {
    let mut cover = Cover {
        from_ms: grant.at_ms,
        until_ms: None,
        ends: String::new(),
        indices: vec![grant.stated.index],
        max_traffic_percent: grant.max_traffic_percent,
    };
    let mut ends = |at_ms: u64, why: String, index: Option<u64>| {
        if cover.until_ms.is_none_or(|until| at_ms < until) {
            cover.until_ms = Some(at_ms);
            cover.ends = why;
            cover.indices.extend(index);
        }
    };
    if let Some(at_ms) = grant.expires_at_ms {
        ends(at_ms, "the approval expired".to_owned(), None);
    }
    if let Some((index, from_ms)) = grant.revoked {
        ends(from_ms, "the approval was revoked".to_owned(), Some(index));
    }
    for condition in grant.conditions.iter().filter(|condition| condition.met.is_none()) {
        if let Some(due_ms) = condition.due_ms {
            ends(due_ms, format!("condition {} of the approval was not met", condition.id), None);
        }
    }
    cover
}

/// What covers a version that the gate let through without an approval of its own: a plan for its model, or an
/// exception. The door has recomputed the plan's bounds.
pub(crate) fn let_through<L: Look>(
    look: &L,
    authorized: &Authorized,
    plans: &[u64],
    exceptions: &[crate::matters::Emergency],
) -> Result<Option<Cover>, StoreError> {
    let cover = |until_ms: Option<u64>, ends: &str, index: u64| Cover {
        from_ms: authorized.at_ms,
        until_ms,
        ends: ends.to_owned(),
        indices: vec![authorized.index, index],
        max_traffic_percent: None,
    };
    for index in plans {
        let Some(plan) = look.look(&PLANS, &PLANS.key().number(*index))? else { continue };
        let Some((_, from_ms)) = plan.approved.filter(|(at, _)| *at < authorized.index) else { continue };
        let within = from_ms <= authorized.at_ms && authorized.at_ms < plan.expires_at_ms;
        let revoked = plan.revoked.filter(|(at, _)| *at > authorized.index);
        if within && plan.revoked.is_none_or(|(at, _)| at > authorized.index) {
            let until = revoked.map(|(_, at_ms)| at_ms);
            return Ok(Some(cover(until, "the plan that covers it was revoked", *index)));
        }
    }
    let mut best: Option<Cover> = None;
    for exception in exceptions.iter().filter(|exception| exception.index < authorized.index) {
        let until = exception.revoked_ms.map_or(exception.expires_at_ms, |at| at.min(exception.expires_at_ms));
        let found = cover(Some(until), "the exception that let it through is over", exception.index);
        if best.as_ref().is_none_or(|best| ends_at(best) < until) {
            best = Some(found);
        }
    }
    Ok(best)
}
