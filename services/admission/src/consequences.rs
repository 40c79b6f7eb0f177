//! What a statement would end, for whoever is about to sign it.
//!
//! No rule stands here. What holds is asked of the one evaluator, before the statement and after it,
//! and what held before and does not hold after it is what the statement ends.

use std::collections::BTreeSet;

use probity_domain::facts::Requested;
use probity_domain::ids::model_of;
use probity_domain::{Bytes, Evaluator, Facts as _, Lapse, Purpose, Use, VersionId};
use probity_schemas::{Event, Name, Subject, SubjectKind};
use serde_json::Value;

use crate::domain::Case;
use crate::state::{Position, State};

/// Versions that are looked at for one statement, at most: who asks waits in front of the door.
const MOST: usize = 1_000;

/// An approval that holds.
#[derive(Debug, Clone)]
pub struct HeldApproval {
    purpose: Purpose,
    request: u64,
}

/// An approval that held, and does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedApproval {
    /// What was approved.
    pub version: VersionId,
    /// At which gate.
    pub gate: Name,
    /// The index of the request that was granted.
    pub request: u64,
    /// Why it does not hold any more.
    pub lapse: Lapse,
    /// The endpoints at which the version serves, as far as deployments were recorded.
    pub serves_at: Vec<String>,
}

impl State {
    /// The approvals that hold at a position, of the versions on which an event can bear: those of the
    /// models that it names, and those made from the datasets that it names. Of very many, the first.
    #[must_use]
    pub fn held_approvals(&self, event: &Event, position: Position) -> Vec<HeldApproval> {
        let Ok(evaluator) = Evaluator::new(self, position.index);
        let mut held = Vec::new();
        for version in self.named_by(event) {
            let Ok(requests) = self.requests(&version);
            let indices = self.domain.versions.get(version.as_str()).map(|version| version.requests.clone());
            for (request, requested) in indices.unwrap_or_default().into_iter().zip(requests) {
                let Some(purpose) = self.purpose(&version, &requested) else { continue };
                if lapse(&evaluator, &purpose, &requested, position).is_none() {
                    held.push(HeldApproval { purpose, request });
                }
            }
        }
        held
    }

    /// Those of these approvals that do not hold at a position.
    #[must_use]
    pub fn ended(&self, held: &[HeldApproval], position: Position) -> Vec<EndedApproval> {
        let Ok(evaluator) = Evaluator::new(self, position.index + 1);
        let over = held.iter().filter_map(|approval| {
            let item = self.domain.item(approval.request)?;
            let Case::ApprovalRequest(request) = &item.case else { return None };
            let requested =
                Requested { at: item.at, request: std::borrow::Cow::Borrowed(request.as_ref()), rejected: item.closed };
            let lapse = lapse(&evaluator, &approval.purpose, &requested, position)?;
            let version = approval.purpose.version.clone();
            let serves_at = self.serving(version.as_str());
            Some(EndedApproval { version, gate: request.gate.clone(), request: approval.request, lapse, serves_at })
        });
        over.collect()
    }

    /// The versions on which an event can bear.
    fn named_by(&self, event: &Event) -> Vec<VersionId> {
        let mut named = BTreeSet::new();
        gather(&serde_json::to_value(event).unwrap_or_default(), &mut named);
        let is_meant = |version: &str| named.contains(model_of(version));
        let made_from = |version: &probity_domain::subjects::Version| {
            version.datasets.iter().any(|dataset| named.contains(model_of(dataset.as_str())))
        };
        let versions = self.domain.versions.iter().filter(|(name, version)| {
            // What nobody asked to approve has nothing that could end.
            !version.requests.is_empty() && (is_meant(name) || made_from(version))
        });
        let mut versions: Vec<VersionId> = versions.filter_map(|(name, _)| VersionId::parse(name)).take(MOST).collect();
        versions.sort_unstable();
        versions
    }

    /// What a request asks for, by itself: whatever the use and the environment.
    fn purpose(&self, version: &VersionId, requested: &Requested<'_>) -> Option<Purpose> {
        let known = self.domain.versions.get(version.as_str())?;
        let asked = requested.request.digests.first().copied();
        let bytes = asked.or_else(|| known.artifacts.first().map(|artifact| artifact.digest));
        Some(Purpose {
            version: version.clone(),
            namespace: version.as_str().parse::<Subject>().ok()?.namespace,
            bytes: bytes.map_or(Bytes::Unstated, Bytes::Digest),
            use_case: Use::Any,
            environment: None,
        })
    }

    fn serving(&self, version: &str) -> Vec<String> {
        let serving = self.domain.endpoints.iter().filter(|(_, endpoint)| endpoint.serves.as_deref() == Some(version));
        let mut serving: Vec<String> = serving.map(|(name, _)| name.to_string()).collect();
        serving.sort_unstable();
        serving
    }
}

/// Why a request does not let its version through at a position; `None` where it does.
fn lapse(
    evaluator: &Evaluator<'_, State>,
    purpose: &Purpose,
    requested: &Requested<'_>,
    position: Position,
) -> Option<Lapse> {
    let Ok(judged) = evaluator.request(purpose, requested);
    match judged {
        // No policy knows its gate, so it never held.
        None => Some(Lapse::NotRequested),
        Some(judged) => judged.at(position.block_time.saturating_mul(1_000)).as_ref().err().map(|it| it.lapse.clone()),
    }
}

/// The models and datasets, without their versions, that stand anywhere in an event.
fn gather(tree: &Value, named: &mut BTreeSet<String>) {
    match tree {
        Value::Array(items) => items.iter().for_each(|item| gather(item, named)),
        Value::Object(fields) => {
            if let Ok(subject) = serde_json::from_value::<Subject>(tree.clone())
                && matches!(subject.kind, SubjectKind::Model | SubjectKind::Dataset)
            {
                named.insert(subject.without_version().to_string());
            }
            fields.values().for_each(|field| gather(field, named));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
