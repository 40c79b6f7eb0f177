//! What a statement would end, for whoever is about to sign it.
//!
//! No rule stands here. What holds is asked of the one evaluator, before the statement and after it,
//! and what held before and does not hold after it is what the statement ends.

use std::borrow::Cow;
use std::collections::BTreeSet;

use probity_domain::facts::Requested;
use probity_domain::ids::model_of;
use probity_domain::{Asking, Bytes, EndpointId, Evaluator, Facts as _, Ground, Lapse, Pass, Purpose, Use, VersionId};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::shared::Environment;
use probity_schemas::{Data, Event, Name, Subject, SubjectKind};
use serde_json::Value;

use crate::domain::Case;
use crate::state::{Position, State};

/// Versions, and endpoints, that are looked at for one statement, at most: who asks waits in front of the door.
const MOST: usize = 1_000;

/// Something that holds.
#[derive(Debug, Clone)]
pub enum Held {
    /// An approval: of what, and the index of the request that was granted.
    Approval(Purpose, u64),
    /// Something else that lets a version through a gate, at an endpoint where it serves or at any.
    Leave(Purpose, EndpointId, Name, Pass),
    /// What serves at an endpoint has passed every gate that guards it.
    Covered(Purpose, EndpointId),
}

/// What held is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An approval.
    Approval,
    /// An exception, or an emergency.
    Exception,
    /// A change plan.
    Plan,
    /// An approval by another body, which the gate's policy honours.
    Elsewhere,
    /// That it has passed every gate.
    Passage,
}

impl What {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Exception => "exception",
            Self::Plan => "change plan",
            Self::Elsewhere => "approval elsewhere",
            Self::Passage => "passage",
        }
    }
}

/// Something that held, and does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What it is.
    pub what: What,
    /// Of which version.
    pub version: VersionId,
    /// At which gate.
    pub gate: Name,
    /// The index of the request that was granted, or of the statement that let the version through; `None` where it is
    /// not one alone.
    pub index: Option<u64>,
    /// Why it does not hold any more.
    pub lapse: Lapse,
    /// The endpoints at which the version serves, as far as deployments were recorded.
    pub serves_at: Vec<String>,
}

impl State {
    /// What holds at a position, of the versions on which an event can bear: those of the models that it names, those
    /// made from the datasets that it names, those that serve where it is about; for a key, or the second signature of
    /// something that takes two, whichever was asked to be approved; for a policy, whatever serves. Of very many, the
    /// first.
    #[must_use]
    pub fn held(&self, event: &Event, position: Position) -> Vec<Held> {
        let Ok(evaluator) = Evaluator::new(self, position.index);
        let mut held = Vec::new();
        for version in self.borne_on(event) {
            let Ok(requests) = self.requests(&version);
            let indices = self.domain.versions.get(version.as_str()).map(|version| version.requests.clone());
            for (request, requested) in indices.unwrap_or_default().into_iter().zip(requests) {
                let Some(purpose) = self.purpose(&version, requested.request.digests.first().copied()) else {
                    continue;
                };
                if lapse(&evaluator, &purpose, &requested, position).is_none() {
                    held.push(Held::Approval(purpose, request));
                }
            }
            held.extend(self.leaves(&evaluator, event, &version, position));
        }
        if is_policy(event) {
            held.extend(
                self.served()
                    .filter(|(purpose, endpoint)| closed(&evaluator, purpose, endpoint, position).is_none())
                    .map(|(purpose, endpoint)| Held::Covered(purpose, endpoint)),
            );
        }
        held
    }

    /// What of it does not hold at a position.
    #[must_use]
    pub fn ended(&self, held: &[Held], position: Position) -> Vec<Ended> {
        let Ok(evaluator) = Evaluator::new(self, position.index + 1);
        let over = |what, purpose: &Purpose, gate: Name, index, lapse| {
            let version = purpose.version.clone();
            let serves_at = self.serving(version.as_str());
            Ended { what, version, gate, index, lapse, serves_at }
        };
        let ended = held.iter().filter_map(|held| match held {
            Held::Approval(purpose, index) => {
                let item = self.domain.item(*index)?;
                let Case::ApprovalRequest(request) = &item.case else { return None };
                let asked = Cow::Borrowed(request.as_ref());
                // What is void is not asked for any more.
                let is_asked = self.domain.versions.get(purpose.version.as_str())?.requests.contains(index);
                let requested = Requested { at: item.at, request: asked, rejected: item.closed.filter(|_| is_asked) };
                let lapse = match is_asked {
                    true => lapse(&evaluator, purpose, &requested, position)?,
                    false => Lapse::NotRequested,
                };
                Some(over(What::Approval, purpose, request.gate.clone(), Some(*index), lapse))
            }
            Held::Leave(purpose, endpoint, gate, pass) => {
                let Ok(passage) = evaluator.passage(purpose, Some(endpoint), gate, Asking::ToServe);
                let denial = passage.at(time_ms(position)).as_ref().err()?;
                let (what, index) = match pass.ground {
                    Ground::Approval => (What::Approval, None),
                    Ground::Exception => (What::Exception, pass.rests_on.first().copied()),
                    Ground::Plan(index) => (What::Plan, Some(index)),
                    Ground::Elsewhere => (What::Elsewhere, pass.rests_on.first().copied()),
                };
                Some(over(what, purpose, gate.clone(), index, denial.lapse.clone()))
            }
            Held::Covered(purpose, endpoint) => {
                let (gate, lapse) = closed(&evaluator, purpose, endpoint, position)?;
                let ended = over(What::Passage, purpose, gate, None, lapse);
                Some(Ended { serves_at: vec![endpoint.to_string()], ..ended })
            }
        });
        ended.collect()
    }

    /// What else than an approval lets a version through a gate at a position, where it serves.
    fn leaves(
        &self,
        evaluator: &Evaluator<'_, Self>,
        event: &Event,
        version: &VersionId,
        position: Position,
    ) -> Vec<Held> {
        let Some(purpose) = self.purpose(version, None) else { return Vec::new() };
        // One that is for an endpoint holds there alone.
        let mut places = self.serving(version.as_str());
        places.truncate(MOST);
        places.push(format!("endpoint:{}/anywhere", purpose.namespace));
        places.extend(EndpointId::of(&event.subject).map(|endpoint| endpoint.to_string()));
        let places: BTreeSet<EndpointId> = places.iter().filter_map(|place| EndpointId::parse(place)).collect();
        let mut held: Vec<Held> = Vec::new();
        for gate in self.policies.gates().names(&purpose.namespace, position.index) {
            for place in &places {
                let Ok(passage) = evaluator.passage(&purpose, Some(place), gate, Asking::ToServe);
                let Ok(pass) = passage.at(time_ms(position)) else { continue };
                let same = |known: &Held| matches!(known, Held::Leave(_, _, of, known) if of == gate && known == pass);
                if pass.ground != Ground::Approval && !held.iter().any(same) {
                    held.push(Held::Leave(purpose.clone(), place.clone(), gate.clone(), pass.clone()));
                }
            }
        }
        held
    }

    /// The versions on which an event can bear.
    fn borne_on(&self, event: &Event) -> Vec<VersionId> {
        let mut named = BTreeSet::new();
        gather(&serde_json::to_value(event).unwrap_or_default(), &mut named);
        let everything =
            matches!(&event.data, Data::Authority(AuthorityEvent::KeyRevoked(_) | AuthorityEvent::Confirmed(_)));
        let here = self.domain.endpoints.get(event.subject.to_string().as_str());
        let here = here.and_then(|endpoint| endpoint.serves.as_deref());
        let made_from = |version: &probity_domain::subjects::Version| {
            version.datasets.iter().any(|dataset| named.contains(model_of(dataset.as_str())))
        };
        let versions = self.domain.versions.iter().filter(|(name, version)| {
            let is_meant = named.contains(model_of(name)) || here == Some(name);
            // What nobody asked to approve has nothing that could end, but a leave of its own.
            is_meant || !version.requests.is_empty() && (everything || made_from(version))
        });
        let mut versions: Vec<VersionId> = versions.filter_map(|(name, _)| VersionId::parse(name)).take(MOST).collect();
        versions.sort_unstable();
        versions
    }

    /// What serves where, as far as deployments were recorded. Of very many, the first.
    fn served(&self) -> impl Iterator<Item = (Purpose, EndpointId)> {
        let serving = self.domain.endpoints.iter().filter_map(|(name, endpoint)| {
            let version = VersionId::parse(endpoint.serves.as_deref()?)?;
            let purpose = self.purpose(&version, None)?;
            let environment = endpoint.environment.unwrap_or(Environment::Production);
            Some((Purpose { environment: Some(environment), ..purpose }, EndpointId::parse(name)?))
        });
        serving.take(MOST)
    }

    /// What a version is asked about for, by itself: whatever the use and the environment.
    fn purpose(&self, version: &VersionId, asked: Option<probity_schemas::Digest>) -> Option<Purpose> {
        let known = self.domain.versions.get(version.as_str())?;
        let bytes = asked.or_else(|| known.artifacts.first().map(|artifact| artifact.digest));
        Some(Purpose {
            version: version.clone(),
            namespace: version.as_str().parse::<Subject>().ok()?.namespace,
            bytes: bytes.map_or(Bytes::Unstated, Bytes::Digest),
            use_case: Use::Any,
            environment: None,
            jurisdiction: None,
        })
    }

    fn serving(&self, version: &str) -> Vec<String> {
        let serving = self.domain.endpoints.iter().filter(|(_, endpoint)| endpoint.serves.as_deref() == Some(version));
        let mut serving: Vec<String> = serving.map(|(name, _)| name.to_string()).collect();
        serving.sort_unstable();
        serving
    }
}

fn time_ms(position: Position) -> u64 {
    position.block_time.saturating_mul(1_000)
}

/// Whether an event publishes a policy, or can be the second signature of one.
fn is_policy(event: &Event) -> bool {
    matches!(&event.data, Data::Policy(_)) || event.subject.kind == SubjectKind::Policy
}

/// The first gate that what serves at an endpoint does not pass at a position, and why not.
fn closed(
    evaluator: &Evaluator<'_, State>,
    purpose: &Purpose,
    endpoint: &EndpointId,
    position: Position,
) -> Option<(Name, Lapse)> {
    let environment = purpose.environment.unwrap_or(Environment::Production);
    evaluator.guarding(environment, &purpose.namespace).into_iter().find_map(|gate| {
        let Ok(passage) = evaluator.passage(purpose, Some(endpoint), gate.name(), Asking::ToServe);
        let denial = passage.at(time_ms(position)).as_ref().err()?;
        Some((gate.name().clone(), denial.lapse.clone()))
    })
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
        Some(judged) => judged.at(time_ms(position)).as_ref().err().map(|it| it.lapse.clone()),
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
