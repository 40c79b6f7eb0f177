//! What events say of versions.

use std::borrow::Cow;

use probity_domain::Gate;
use probity_domain::approvals::Grant;
use probity_domain::authority::{Enacted, Power};
use probity_domain::ids::model_of;
use probity_projection::{Batch, Cbor, ProjectionError, Recorded, Stated};
use probity_schemas::approval::ApprovalEvent;
use probity_schemas::model::VersionRegistered;
use probity_schemas::policy::Published;
use probity_schemas::training::Completed as TrainingCompleted;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::{Name, word};

use crate::fold::models;
use crate::records::versions::{
    AGES, Content, Decision, GATES, REQUESTS, Request, VERSIONS, Validation, VersionRecord, version_key,
};

/// Changes the record of a version, and how its model counts it.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    at_ms: u64,
    change: impl FnOnce(&mut VersionRecord),
) -> Result<(), ProjectionError> {
    let record = batch.record(&VERSIONS, version_key(subject))?;
    change(record);
    record.last_activity_ms = record.last_activity_ms.max(at_ms);
    let (before, now) = (record.counted.clone(), record.own_state().as_str());
    if before == now {
        return models::active(batch, model_of(subject), at_ms);
    }
    record.counted = now.to_owned();
    // What is said of the model as a whole, without a version, counts for its state but is no version of it.
    let first = before.is_empty() && subject.contains('@');
    let mut number = 0;
    models::change(batch, model_of(subject), |model| {
        if let Some(count) = model.versions.get_mut(&before) {
            *count = count.saturating_sub(1);
        }
        model.versions.retain(|_, count| *count > 0);
        *model.versions.entry(now.to_owned()).or_default() += 1;
        model.version_count += u64::from(first);
        number = model.version_count;
        model.last_activity_ms = model.last_activity_ms.max(at_ms);
    })?;
    if first {
        batch.put(&AGES, AGES.key().text(model_of(subject)).number(number), subject.to_owned());
    }
    Ok(())
}

/// Takes in what a version consists of.
pub(crate) fn register(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    registered: &VersionRegistered,
) -> Result<(), ProjectionError> {
    let text = |text: &Option<probity_schemas::Text>| text.as_ref().map(ToString::to_string);
    let components = registered.components.iter().map(|component| {
        let what = match (&component.subject, &component.reference, &component.digest) {
            (Some(subject), _, _) => subject.to_string(),
            (None, Some(reference), _) => reference.to_string(),
            (None, None, Some(digest)) => digest.to_string(),
            (None, None, None) => String::new(),
        };
        (word(&component.role), what)
    });
    let reference = registered.reference.as_ref().map(|reference| {
        let snapshot = reference.snapshot.as_ref().map(|snapshot| format!("@{snapshot}")).unwrap_or_default();
        format!("{}/{}{snapshot}", reference.provider, reference.name)
    });
    let code = registered
        .code
        .as_ref()
        .map(|code| text(&code.commit).or_else(|| code.digest.map(|digest| digest.to_string())).unwrap_or_default());
    let content = Content {
        digests: registered.artifacts.iter().map(|artifact| artifact.digest.to_string()).collect(),
        reference: reference.unwrap_or_default(),
        pinned: registered.reference.as_ref().and_then(|reference| reference.pinned).unwrap_or_default(),
        components: components.collect(),
        parents: registered.parents.iter().map(ToString::to_string).collect(),
        code: code.unwrap_or_default(),
        index: recorded.index,
    };
    change(batch, subject, recorded.sorted_at_ms(), |record| record.registrations.push(content))
}

/// Takes in a training run that produced a version.
pub(crate) fn train(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    completed: &TrainingCompleted,
) -> Result<(), ProjectionError> {
    // A run of one model says nothing of another one's versions.
    let own = recorded.event.subject.without_version();
    let produced = completed.produced_version.as_ref().filter(|produced| produced.without_version() == own);
    let Some(produced) = produced else { return Ok(()) };
    let datasets = completed.datasets.iter().map(ToString::to_string).collect();
    change(batch, &produced.to_string(), recorded.sorted_at_ms(), |record| {
        record.trainings.push((recorded.index, datasets));
    })
}

/// Takes in a validation.
pub(crate) fn validate(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ValidationEvent,
) -> Result<(), ProjectionError> {
    let ValidationEvent::Completed(completed) = event else { return Ok(()) };
    let outcome = completed.outcome.as_ref().map(word).unwrap_or_default();
    change(batch, subject, recorded.sorted_at_ms(), |record| {
        record.validations.push(Validation { outcome, stated: Stated::of(recorded) });
    })
}

/// Puts a gate policy into force.
pub(crate) fn publish(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    if let Enacted::InForce { power: Power::Publish { subject, published }, .. } = &recorded.enacted
        && let Published::Gate(policy) = published.as_ref()
    {
        batch.record(&GATES, GATES.key())?.publish(subject, policy, recorded.by().signed.at());
    }
    Ok(())
}

/// The gate of a request that was made at an index.
fn gate(batch: &Batch<'_>, recorded: &Recorded, name: &Name, index: u64) -> Result<Option<Gate>, ProjectionError> {
    let gates = batch.read(&GATES, &GATES.key())?.unwrap_or_default();
    Ok(gates.named(name, &recorded.event.subject.namespace, index).map(Cow::into_owned))
}

/// Changes a request, and notes with its version whether it is granted.
fn change_request(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    index: u64,
    change_it: impl FnOnce(&mut Request),
) -> Result<(), ProjectionError> {
    let key = REQUESTS.key().number(index);
    if !batch.contains(&key)? {
        return Ok(());
    }
    let request = batch.record(&REQUESTS, key)?;
    change_it(request);
    let granted = request.is_granted();
    change(batch, &recorded.event.subject.to_string(), recorded.sorted_at_ms(), |record| {
        record.approved.retain(|other| *other != index);
        record.approved.extend(granted.then_some(index));
    })
}

/// Takes in what was decided about a version.
pub(crate) fn decide(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ApprovalEvent,
) -> Result<(), ProjectionError> {
    let request = recorded.answered().map(|request| request.index);
    let decision = |gate: String, state: &str, expires_at_ms: Option<u64>| Decision {
        gate,
        state: state.to_owned(),
        expires_at_ms,
        request,
        stated: Stated::of(recorded),
    };
    let at_ms = recorded.sorted_at_ms();
    let decision = match event {
        ApprovalEvent::Requested(requested) => {
            if !recorded.is_repeat {
                let gate = gate(batch, recorded, &requested.gate, recorded.index)?;
                let wanted = gate.map(|gate| gate.policy.signatures.to_vec());
                let request = Request { wanted, ..Request::default() };
                batch.put(&REQUESTS, REQUESTS.key().number(recorded.index), request);
            }
            return change(batch, subject, at_ms, |_| {});
        }
        ApprovalEvent::Granted(granted) => {
            if let Some(request) = request {
                let gate = gate(batch, recorded, &granted.gate, request)?;
                let grant = Grant::of(&recorded.event, granted, recorded.by(), gate.as_ref(), &recorded.authority);
                change_request(batch, recorded, request, |request| request.grants.push(Cbor(grant)))?;
            }
            decision(granted.gate.to_string(), "granted", granted.expires_at.map(|at| at.as_ms()))
        }
        ApprovalEvent::Rejected(rejected) => {
            if let Some(request) = request {
                change_request(batch, recorded, request, |request| request.rejected = true)?;
            }
            decision(rejected.gate.to_string(), "rejected", None)
        }
        ApprovalEvent::RecordedElsewhere(elsewhere) => decision(elsewhere.body.to_string(), "elsewhere", None),
        ApprovalEvent::Revoked(_) => {
            let Some(grant) = recorded.answered() else { return Ok(()) };
            let mut request = None;
            change(batch, subject, at_ms, |record| {
                let revoked = record.approvals.iter_mut().find(|decision| decision.stated.index == grant.index);
                revoked.into_iter().for_each(|decision| {
                    decision.state = "revoked".to_owned();
                    request = decision.request;
                });
            })?;
            let revoke = |request: &mut Request| request.grants.retain(|given| given.signed.index != grant.index);
            return request.map_or(Ok(()), |request| change_request(batch, recorded, request, revoke));
        }
        ApprovalEvent::ConditionMet(_) => {
            return change(batch, subject, at_ms, |_| {});
        }
    };
    change(batch, subject, at_ms, |record| record.approvals.push(decision))
}
