//! Versions: what they consist of, how they were made, what was found and decided about them.

use probity_domain::ids::model_of;
use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::approval::ApprovalEvent;
use probity_schemas::model::VersionRegistered;
use probity_schemas::training::Completed as TrainingCompleted;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::{AGES, VERSIONS, version_key};
use crate::models;

/// What is known of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) registrations: Vec<Content>,
    pub(crate) trainings: Vec<(u64, Vec<String>)>,
    pub(crate) validations: Vec<Validation>,
    pub(crate) approvals: Vec<Decision>,
    pub(crate) retirements: Vec<(u64, bool)>,
    /// Where it serves: endpoint, and whether it is stopped there in an emergency.
    pub(crate) places: Vec<(String, bool)>,
    pub(crate) last_activity_ms: u64,
    /// The state under which its model counts it.
    counted: String,
}

/// What a version consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) digests: Vec<String>,
    pub(crate) reference: String,
    pub(crate) pinned: bool,
    /// Role, and what it is.
    pub(crate) components: Vec<(String, String)>,
    pub(crate) parents: Vec<String>,
    pub(crate) code: String,
    pub(crate) index: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validation {
    pub(crate) outcome: String,
    pub(crate) stated: Stated,
}

/// An approval, or what became of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) gate: String,
    /// granted, rejected, revoked, elsewhere
    pub(crate) state: String,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) stated: Stated,
}

impl VersionRecord {
    pub(crate) fn state(&self) -> &'static str {
        let passed = |validation: &Validation| validation.outcome.starts_with("passed");
        match () {
            () if self.places.iter().any(|(_, suspended)| !suspended) => "live",
            () if !self.places.is_empty() => "suspended",
            () if self.retirements.last().is_some_and(|(_, completed)| *completed) => "retired",
            () if self.approvals.iter().any(|decision| decision.state == "granted") => "approved",
            () if self.validations.last().is_some_and(passed) => "validated",
            () if !self.trainings.is_empty() => "trained",
            () if self.registrations.is_empty() => "unregistered",
            () => "registered",
        }
    }

    pub(crate) fn forget(&mut self, index: u64) {
        self.registrations.retain(|entry| entry.index != index);
        self.trainings.retain(|(at, _)| *at != index);
        self.validations.retain(|entry| entry.stated.index != index);
        self.approvals.retain(|entry| entry.stated.index != index);
        self.retirements.retain(|(at, _)| *at != index);
    }

    /// Digests that earlier registrations gave and the last one does not.
    pub(crate) fn conflicting_digests(&self) -> Vec<String> {
        let Some((last, earlier)) = self.registrations.split_last() else { return Vec::new() };
        let mut digests: Vec<String> = earlier.iter().flat_map(|content| content.digests.iter().cloned()).collect();
        digests.retain(|digest| !last.digests.is_empty() && !last.digests.contains(digest));
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    pub(crate) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.registrations.iter().map(|entry| entry.index).collect();
        indices.extend(self.trainings.iter().map(|(index, _)| *index));
        indices.extend(self.validations.last().map(|validation| validation.stated.index));
        indices.extend(self.approvals.iter().map(|decision| decision.stated.index));
        indices.extend(self.retirements.last().map(|(index, _)| *index));
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

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
    let (before, now) = (record.counted.clone(), record.state());
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
    let Some(produced) = &completed.produced_version else { return Ok(()) };
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

/// Takes in what was decided about a version.
pub(crate) fn decide(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ApprovalEvent,
) -> Result<(), ProjectionError> {
    let decision = |gate: String, state: &str, expires_at_ms: Option<u64>| Decision {
        gate,
        state: state.to_owned(),
        expires_at_ms,
        stated: Stated::of(recorded),
    };
    let at_ms = recorded.sorted_at_ms();
    let decision = match event {
        ApprovalEvent::Granted(granted) => {
            decision(granted.gate.to_string(), "granted", granted.expires_at.map(|at| at.as_ms()))
        }
        ApprovalEvent::Rejected(rejected) => decision(rejected.gate.to_string(), "rejected", None),
        ApprovalEvent::RecordedElsewhere(elsewhere) => decision(elsewhere.body.to_string(), "elsewhere", None),
        ApprovalEvent::Revoked(_) => {
            let Some(grant) = recorded.answered() else { return Ok(()) };
            return change(batch, subject, at_ms, |record| {
                let revoked = record.approvals.iter_mut().find(|decision| decision.stated.index == grant.index);
                revoked.into_iter().for_each(|decision| decision.state = "revoked".to_owned());
            });
        }
        ApprovalEvent::Requested(_) | ApprovalEvent::ConditionMet(_) => {
            return change(batch, subject, at_ms, |_| {});
        }
    };
    change(batch, subject, at_ms, |record| record.approvals.push(decision))
}
