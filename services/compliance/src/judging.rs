//! Judging: what a subject lacks, worked out again when something it rests on was recorded.

use probity_domain::ids::model_of;
use probity_domain::serving::Share;
use probity_projection::{Batch, Parts, ProjectionError, Stated};
use probity_schemas::Subject;

use crate::approvals::{self, Request};
use crate::catalogue::{
    EMERGENCIES, ENDPOINTS, EXCEPTIONS_OF, MADE_FROM, MODELS, PERSONS, PLANS_OF, REQUESTS, SEEN, SIGNED_WITH, VERSIONS,
};
use crate::deficiencies::{Found, replace};
use crate::endpoints::EndpointState;
use crate::questions::Question;
use crate::standing::{Cover, Lapse, Purpose, let_through, standing};
use crate::subjects::VersionState;

/// How long before its end an approval is said to expire: thirty days.
const EXPIRING_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The gate whose environments are governed where no policy says otherwise.
const GATE: &str = "production";

fn known_since(stated: Option<&Stated>) -> u64 {
    stated.and_then(|stated| stated.occurred).map_or(0, |(_, latest)| latest)
}

/// Judges a version, and every endpoint where it serves.
pub(crate) fn version(batch: &mut Batch<'_>, version: &str) -> Result<(), ProjectionError> {
    approvals_of(batch, version)?;
    let places = batch.read(&VERSIONS, &VERSIONS.key().text(version))?.unwrap_or_default().places;
    places.iter().try_for_each(|place| endpoint(batch, place))
}

/// Judges the approvals of a version.
pub(crate) fn approvals_of(batch: &mut Batch<'_>, version: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&VERSIONS, &VERSIONS.key().text(version))?.unwrap_or_default();
    let mut found = Vec::new();
    for index in &state.requests {
        let request = batch.read(&REQUESTS, &REQUESTS.key().number(*index))?.unwrap_or_default();
        signatures(version, &state, &request, &mut found);
    }
    elsewhere(version, &state, &mut found);
    replace(batch, version, found)
}

fn signatures(version: &str, state: &VersionState, request: &Request, found: &mut Vec<Found>) {
    for grant in &request.grants {
        let of = |question, reason: String| {
            Found::new(question, version, reason).from(grant.at_ms).about(&grant.stated.signer).stated(&grant.stated)
        };
        let hand = state.makers.iter().find(|(maker, _)| *maker == grant.stated.signer || *maker == grant.on_behalf_of);
        if let Some((maker, index)) = hand {
            let reason = format!("{maker} approved it and had a hand in it");
            found.push(of(Question::AuthorIsApprover, reason).resting_on([*index]));
        }
        for (digest, index) in &grant.premature {
            let reason = match index {
                Some(_) => format!("the approval rests on {digest}, which was made later"),
                None => format!("the approval rests on {digest}, which was not in the log"),
            };
            found.push(of(Question::ApprovedBeforeEvidence, reason).resting_on(*index));
        }
        let before =
            |(_, occurred): &(u64, Option<(u64, u64)>)| occurred.is_none_or(|(earliest, _)| earliest <= grant.at_ms);
        if !state.validations.is_empty() && !state.validations.iter().any(before) {
            let reason = "it was approved before it was validated for the first time".to_owned();
            found.push(of(Question::ApprovedBeforeEvidence, reason).resting_on(state.validations.iter().map(|v| v.0)));
        }
        for condition in grant.conditions.iter().filter(|condition| condition.met.is_none()) {
            if let Some(due_ms) = condition.due_ms {
                let reason = format!("condition {} is not met: {}", condition.id, condition.text);
                found.push(of(Question::ConditionOverdue, reason).from(due_ms).about(&condition.id));
            }
        }
        let in_force = grant.revoked.is_none() && request.rejected.is_none() && !state.places.is_empty();
        if let Some(expires_ms) = grant.expires_at_ms.filter(|_| in_force) {
            let soon = of(Question::ApprovalExpiring, "the approval of what serves expires soon".to_owned());
            found.push(soon.from(expires_ms.saturating_sub(EXPIRING_MS)).until(expires_ms));
        }
    }
}

fn elsewhere(version: &str, state: &VersionState, found: &mut Vec<Found>) {
    let Some((index, Some(approved_ms))) = state.elsewhere else { return };
    let before =
        |(_, occurred): &(u64, Option<(u64, u64)>)| occurred.is_none_or(|(earliest, _)| earliest <= approved_ms);
    if !state.validations.is_empty() && !state.validations.iter().any(before) {
        let reason = "it was approved elsewhere before it was validated for the first time";
        let validations = state.validations.iter().map(|(index, _)| *index);
        let early = Found::new(Question::ApprovedBeforeEvidence, version, reason).from(approved_ms);
        found.push(early.resting_on(validations.chain([index])));
    }
}

/// Judges what serves at an endpoint.
pub(crate) fn endpoint(batch: &mut Batch<'_>, endpoint: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&ENDPOINTS, &ENDPOINTS.key().text(endpoint))?.unwrap_or_default();
    let mut found = Vec::new();
    for share in state.followed.value.running() {
        one_share(batch, endpoint, &state, share, &mut found)?;
    }
    replace(batch, endpoint, found)
}

fn one_share(
    batch: &Batch<'_>,
    endpoint: &str,
    state: &EndpointState,
    share: &Share,
    found: &mut Vec<Found>,
) -> Result<(), ProjectionError> {
    let source = state.sources.iter().find(|stated| stated.index == share.index);
    let since = known_since(source);
    let of = |question, reason: String| {
        let plain = Found::new(question, endpoint, reason).from(since).about(&share.version).resting_on([share.index]);
        match source {
            Some(stated) => plain.stated(stated),
            None => plain,
        }
    };
    let version = batch.read(&VERSIONS, &VERSIONS.key().text(&share.version))?.unwrap_or_default();
    let named = share.version.contains('@');
    let model = batch.read(&MODELS, &MODELS.key().text(model_of(&share.version)))?.unwrap_or_default();
    match (share.version.is_empty(), named) {
        (true, _) => {
            let reason = "it was seen serving, and nobody has said what it is".to_owned();
            found.push(of(Question::UnregisteredDeployment, reason));
            return Ok(());
        }
        (false, true) if version.registered.is_none() => {
            found.push(of(Question::UnregisteredDeployment, format!("{} is not registered", share.version)));
        }
        (false, false) if model.registered().is_none() => {
            found.push(of(Question::UnregisteredDeployment, format!("{} is not registered", share.version)));
        }
        _ => {}
    }
    bound(share, &version, named, &of, found);
    if !governed(batch, endpoint, share, state)? {
        return Ok(());
    }
    let purpose = state.purpose(share);
    approval(batch, state, share, &purpose, since, &of, found)
}

/// What serves and is only known by a name.
fn bound(
    share: &Share,
    version: &VersionState,
    named: bool,
    of: &impl Fn(Question, String) -> Found,
    found: &mut Vec<Found>,
) {
    let reason = match () {
        () if !named => format!("nobody has said which version of {} serves", share.version),
        () if share.digest.is_some() || version.pinned => return,
        () if version.artifacts.is_empty() => format!("{} has no digest and no fixed reference", share.version),
        () => format!("nobody has said which bytes of {} serve", share.version),
    };
    found.push(of(Question::BoundToName, reason));
}

/// Whether what serves here has to have passed a gate.
fn governed(batch: &Batch<'_>, endpoint: &str, share: &Share, state: &EndpointState) -> Result<bool, ProjectionError> {
    // What nobody sees decides nothing.
    if share.exposure == "shadow" {
        return Ok(false);
    }
    let subject = share.version.parse::<Subject>().or_else(|_| endpoint.parse());
    let Ok(subject) = subject else { return Ok(true) };
    let Some(gate) = approvals::gate(batch, GATE, &subject.namespace, u64::MAX)? else { return Ok(false) };
    let environment = state.followed.value.environment.as_deref();
    let listed = |environment: &str| gate.environments.iter().any(|listed| listed == environment);
    // Where nobody said which environment it is, it may be any.
    Ok(gate.environments.is_empty() || environment.is_none_or(listed))
}

fn approval(
    batch: &Batch<'_>,
    state: &EndpointState,
    share: &Share,
    purpose: &Purpose,
    since: u64,
    of: &impl Fn(Question, String) -> Found,
    found: &mut Vec<Found>,
) -> Result<(), ProjectionError> {
    match cover(batch, state, purpose)? {
        Err(Lapse { reason, indices }) => {
            found.push(of(Question::LiveWithoutApproval, reason).resting_on(indices));
        }
        Ok(cover) => {
            if let Some(until_ms) = cover.until_ms {
                let from = until_ms.max(since);
                let ends = of(Question::LiveWithoutApproval, cover.ends.clone()).from(from);
                found.push(ends.resting_on(cover.indices.iter().copied()));
                if cover.ends.contains("expired") {
                    let expired = of(Question::ApprovalExpired, cover.ends.clone()).from(from);
                    found.push(expired.resting_on(cover.indices.iter().copied()));
                }
            }
            let over = |limit: &f64| share.percent.is_some_and(|percent| percent > *limit);
            if let Some(limit) = cover.max_traffic_percent.filter(over) {
                let percent = share.percent.unwrap_or_default();
                let reason = format!("it gets {percent} % of the traffic, and its approval allows {limit} %");
                found.push(of(Question::OverTrafficLimit, reason).resting_on(cover.indices.iter().copied()));
            }
        }
    }
    Ok(())
}

/// What covers what serves: an approval of it, or what the gate let it through on.
fn cover(batch: &Batch<'_>, state: &EndpointState, purpose: &Purpose) -> Result<Result<Cover, Lapse>, ProjectionError> {
    let lapse = match standing(batch, purpose)? {
        Ok(cover) => return Ok(Ok(cover)),
        Err(lapse) => lapse,
    };
    let same = |digest: &str| purpose.digest.as_deref().is_none_or(|serves| digest.is_empty() || serves == digest);
    let authorized = state.authorized.iter().find(|it| it.version == purpose.version && same(&it.digest));
    let Some(authorized) = authorized else { return Ok(Err(lapse)) };
    let numbers = |keys: Vec<Vec<u8>>| -> Vec<u64> {
        keys.iter().filter_map(|key| key.last_chunk().copied().map(u64::from_be_bytes)).collect()
    };
    let model = model_of(&purpose.version);
    let plans = numbers(batch.keys(&PLANS_OF.key().text(model))?);
    let mut exceptions = Vec::new();
    for subject in [purpose.version.as_str(), model] {
        for index in numbers(batch.keys(&EXCEPTIONS_OF.key().text(subject))?) {
            exceptions.extend(batch.read(&EMERGENCIES, &EMERGENCIES.key().number(index))?);
        }
    }
    let let_through = let_through(batch, authorized, &plans, &exceptions)?;
    Ok(let_through.ok_or(lapse))
}

/// Judges every endpoint where a version of the model serves.
pub(crate) fn endpoints_of(batch: &mut Batch<'_>, model: &str) -> Result<(), ProjectionError> {
    // A model's own name sorts right before those of its versions.
    let keys = batch.keys(&VERSIONS.key().beginning(model))?;
    for key in keys {
        let of = Parts::of(&key).text().unwrap_or_default().to_owned();
        if model_of(&of) == model {
            version(batch, &of)?;
        }
    }
    Ok(())
}

/// Judges every version that was made from this dataset or digest.
pub(crate) fn made_from(batch: &mut Batch<'_>, from: &str) -> Result<(), ProjectionError> {
    for key in batch.keys(&MADE_FROM.key().text(from))? {
        let mut parts = Parts::of(&key);
        let (_, made) = (parts.text(), parts.text().unwrap_or_default().to_owned());
        version(batch, &made)?;
    }
    Ok(())
}

/// Judges every version with a signature that rests on this document, or was made with this key.
pub(crate) fn signed(batch: &mut Batch<'_>, documents: &[String], kids: &[String]) -> Result<(), ProjectionError> {
    let prefixes = documents.iter().map(|digest| SEEN.key().text(digest));
    let prefixes = prefixes.chain(kids.iter().map(|kid| SIGNED_WITH.key().text(kid)));
    for prefix in prefixes.collect::<Vec<_>>() {
        for key in batch.keys(&prefix)? {
            let index = key.last_chunk().copied().map_or(0, u64::from_be_bytes);
            let request = batch.read(&REQUESTS, &REQUESTS.key().number(index))?.unwrap_or_default();
            version(batch, &request.version)?;
        }
    }
    Ok(())
}

/// Judges every endpoint: a gate was changed.
pub(crate) fn all_endpoints(batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
    for key in batch.keys(&ENDPOINTS.key())? {
        let of = Parts::of(&key).text().unwrap_or_default().to_owned();
        endpoint(batch, &of)?;
    }
    Ok(())
}

/// Judges what is said of a model as a whole.
pub(crate) fn model(batch: &mut Batch<'_>, model: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&MODELS, &MODELS.key().text(model))?.unwrap_or_default();
    let mut found = Vec::new();
    if let Some(registered) = state.registered().filter(|_| state.retired.is_none()) {
        if state.owners.is_empty() {
            let nobody = Found::new(Question::NoOwner, model, "nobody has accepted to own it");
            found.push(nobody.from(known_since(Some(registered))).stated(registered));
        }
        for (role, person, index) in &state.owners {
            let known = batch.read(&PERSONS, &PERSONS.key().text(person))?.unwrap_or_default();
            if let Some((left_ms, at)) = known.departed.filter(|(_, at)| at > index) {
                let left = Found::new(Question::OwnerLeft, model, format!("its {role} {person} has left"));
                found.push(left.from(left_ms).about(person).resting_on([*index, at]));
            }
        }
        for (framework, class, expires, index) in state.current_classes() {
            if let Some(expires_ms) = expires {
                let reason = format!("its classification {class} by {framework} has expired");
                let expired = Found::new(Question::ClassificationExpired, model, reason);
                found.push(expired.from(*expires_ms).about(framework).resting_on([*index]));
            }
        }
    }
    replace(batch, &format!("{model} as a whole"), found)
}
