//! What events say of requests for approval, of the signatures given to them, of gates and of change plans.

use probity_domain::approvals::{self, Signatories};
use probity_domain::authority::Authority;
use probity_domain::ids::model_of;
use probity_domain::plans::{Approval, Plan};
use probity_domain::{At, Gates, SignedBy, VersionId};
use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::approval::{ApprovalEvent, Granted, Requested};
use probity_schemas::plan::PlanEvent;
use probity_schemas::policy::Published;
use probity_schemas::{Digest, Subject};

use crate::fold::subjects;
use crate::judging;
use crate::records::approvals::{
    GATES, LAST_APPROVED, OPEN_REQUESTS, PLANS, PlanState, REQUESTS, RequestState, SEEN, Signature, plan_key,
    request_key,
};
use crate::records::subjects::VERSIONS;

/// Puts a policy into force; a gate can bind what serves already.
pub(crate) fn publish(
    batch: &mut Batch<'_>,
    subject: &Subject,
    published: &Published,
    at: At,
) -> Result<(), ProjectionError> {
    let Published::Gate(policy) = published else { return Ok(()) };
    batch.record(&GATES, GATES.key())?.publish(subject, policy, at);
    judging::all_endpoints(batch)
}

/// Takes in what is said of an approval.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    by: SignedBy<'_>,
    authority: &Authority,
    event: &ApprovalEvent,
) -> Result<(), ProjectionError> {
    let version = recorded.event.subject.to_string();
    match event {
        ApprovalEvent::Requested(requested) => request(batch, recorded, by, authority, requested)?,
        ApprovalEvent::Granted(granted) => grant(batch, recorded, by, authority, granted)?,
        ApprovalEvent::Rejected(_) => answer(batch, recorded, |request| request.rejected = Some(by.signed))?,
        ApprovalEvent::ConditionMet(met) => {
            change_grant(batch, recorded, |grant| grant.meet(&met.condition, by.signed))?;
        }
        ApprovalEvent::Revoked(revoked) => change_grant(batch, recorded, |grant| {
            let from_ms = revoked.effective.map_or(by.signed.time_ms, |at| at.as_ms());
            grant.revoke(recorded.index, from_ms);
        })?,
        ApprovalEvent::RecordedElsewhere(_) => subjects::note(batch, recorded, &version)?,
    }
    judging::version(batch, &version)
}

fn gates(batch: &Batch<'_>) -> Result<Gates, ProjectionError> {
    Ok(batch.read(&GATES, &GATES.key())?.unwrap_or_default().0)
}

fn request(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    by: SignedBy<'_>,
    authority: &Authority,
    requested: &Requested,
) -> Result<(), ProjectionError> {
    if recorded.is_repeat {
        return Ok(());
    }
    let (event, index) = (&recorded.event, recorded.index);
    let gates = gates(batch)?;
    let gate = gates.named(&requested.gate, &event.subject.namespace, index);
    let (gate_name, digests) = (requested.gate.clone(), requested.digests.clone());
    let request = RequestState {
        id: event.id,
        version: event.subject.to_string(),
        at: by.signed.at(),
        request: approvals::Request { gate: gate_name, digests, grants: Vec::new() },
        signatures: Vec::new(),
        rejected: None,
        actors: authority.actors(by.issuer, event, by.signed.time_ms).persons.iter().map(ToString::to_string).collect(),
        evidence: event.evidence.iter().map(|evidence| evidence.digest).collect(),
        wanted: gate.as_ref().map(|gate| gate.policy.signatures.to_vec()).unwrap_or_default(),
        policy: gate.map(|gate| (gate.subject.to_string(), gate.index)),
    };
    batch.put(&REQUESTS, request_key(index), Some(request));
    batch.put(&OPEN_REQUESTS, OPEN_REQUESTS.key().number(index), ());
    Ok(())
}

fn grant(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    by: SignedBy<'_>,
    authority: &Authority,
    granted: &Granted,
) -> Result<(), ProjectionError> {
    let event = &recorded.event;
    let at_ms = recorded.sorted_at_ms();
    let mut premature = Vec::new();
    for digest in &granted.evidence_seen {
        match subjects::document(batch, digest)? {
            None => premature.push((*digest, None)),
            Some((index, Some((earliest, _)))) if earliest > at_ms => premature.push((*digest, Some(index))),
            Some(_) => {}
        }
    }
    let signature = Signature {
        on_behalf_of: event.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
        meaning: granted.meaning.to_string(),
        conditions: granted.conditions.iter().map(|condition| condition.text.to_string()).collect(),
        at_ms,
        premature,
        stated: Stated::of(recorded),
    };
    let Some(opener) = recorded.answered() else { return Ok(()) };
    for digest in &granted.evidence_seen {
        batch.put(&SEEN, SEEN.key().text(&digest.to_string()).number(opener.index), ());
    }
    let key = LAST_APPROVED.key().text(signature.person()).text(model_of(&opener.subject));
    batch.put(&LAST_APPROVED, key, (opener.subject.clone(), recorded.index));
    let gates = gates(batch)?;
    let namespace = &event.subject.namespace;
    let gate = gates.named(&granted.gate, namespace, opener.index);
    let grant = approvals::Grant::of(event, granted, by, gate.as_deref(), authority);
    answer(batch, recorded, |request| {
        request.request.grants.push(grant);
        request.signatures.push(signature);
    })
}

/// Changes the request that an event answers.
fn answer(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    change: impl FnOnce(&mut RequestState),
) -> Result<(), ProjectionError> {
    match recorded.answered() {
        Some(opener) => change_request(batch, opener.index, change),
        None => Ok(()),
    }
}

/// Changes a request, and notes whether it waits for signatures.
fn change_request(
    batch: &mut Batch<'_>,
    index: u64,
    change: impl FnOnce(&mut RequestState),
) -> Result<(), ProjectionError> {
    let Some(request) = batch.record(&REQUESTS, request_key(index))? else { return Ok(()) };
    change(request);
    let open = request.is_open();
    match open {
        true => batch.put(&OPEN_REQUESTS, OPEN_REQUESTS.key().number(index), ()),
        false => batch.remove(OPEN_REQUESTS.key().number(index)),
    }
    Ok(())
}

fn change_grant(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    change: impl FnOnce(&mut approvals::Grant),
) -> Result<(), ProjectionError> {
    let Some(given) = recorded.answered() else { return Ok(()) };
    let is = |grant: &approvals::Grant| grant.signed.index == given.index;
    let version = batch.read(&VERSIONS, &VERSIONS.key().text(&recorded.event.subject.to_string()))?;
    for index in version.unwrap_or_default().said.requests {
        let request = batch.read(&REQUESTS, &request_key(index))?.flatten();
        let found = request.is_some_and(|request| request.request.grants.iter().any(is));
        if found {
            return change_request(batch, index, |request| {
                if let Some(grant) = request.request.grants.iter_mut().find(|grant| is(grant)) {
                    change(grant);
                }
            });
        }
    }
    Ok(())
}

/// Takes in what is said of a plan.
pub(crate) fn plan(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    by: SignedBy<'_>,
    authority: &Authority,
    event: &PlanEvent,
) -> Result<(), ProjectionError> {
    let signed = by.signed;
    let model = model_of(&recorded.event.subject.to_string()).to_owned();
    if let PlanEvent::Proposed(proposed) = event {
        if recorded.is_repeat {
            return Ok(());
        }
        let plan = Plan { proposed: proposed.as_ref().clone(), approved: None, covered: Vec::new() };
        let state = PlanState { id: recorded.event.id, plan, revoked: None };
        batch.put(&PLANS, plan_key(recorded.index), Some(state));
        return Ok(());
    }
    let Some(opener) = recorded.answered() else { return Ok(()) };
    // One that is void was none.
    if !batch.contains(&plan_key(opener.index))? {
        return Ok(());
    }
    let signatories = Signatories::of(&recorded.event, by, authority);
    if let Some(state) = batch.record(&PLANS, plan_key(opener.index))? {
        match event {
            PlanEvent::Approved(_) => state.plan.approved = Some(Approval { signed, signatories }),
            PlanEvent::Revoked(_) => state.revoked = Some(signed),
            PlanEvent::Proposed(_) => {}
        }
    }
    judging::endpoints_of(batch, &model)
}

/// Notes that a version was let through by the plan that stands at an index.
pub(crate) fn cover(
    batch: &mut Batch<'_>,
    plan: Option<u64>,
    version: &VersionId,
    digest: Option<Digest>,
) -> Result<(), ProjectionError> {
    let Some(index) = plan else { return Ok(()) };
    if let Some(state) = batch.record(&PLANS, plan_key(index))? {
        state.plan.cover(version.clone(), digest);
    }
    Ok(())
}
