//! What serves at an endpoint, and what served: whether it may, or might.

use probity_domain::ids::model_of;
use probity_domain::served::Stretch;
use probity_domain::subjects::retirement;
use probity_domain::{Asking, Denial, End, EndpointId, Evaluator, Lapse, Pass};
use probity_projection::{Batch, ProjectionError};

use crate::facts::Folded;
use crate::records::deficiencies::{Found, replace};
use crate::records::endpoints::{ENDPOINTS, EndpointState, Stay, endpoint_key, namespace};
use crate::records::subjects::{MODELS, ModelState, VERSIONS, VersionState};
use probity_controls::Question;

/// Judges what serves at an endpoint.
pub(crate) fn endpoint(batch: &mut Batch<'_>, endpoint: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&ENDPOINTS, &endpoint_key(endpoint))?.unwrap_or_default();
    let mut found = Vec::new();
    for stay in state.running() {
        Judging::of(batch, endpoint, &state, stay)?.judge(&mut found)?;
    }
    replace(batch, endpoint, found)
}

/// Judges what served at an endpoint, of the stretches of time that are meant. They are over, so there is seldom a
/// reason to judge one again.
pub(crate) fn stretches(
    batch: &mut Batch<'_>,
    endpoint: &str,
    meant: impl Fn(&Stretch) -> bool,
) -> Result<(), ProjectionError> {
    let state = batch.read(&ENDPOINTS, &endpoint_key(endpoint))?.unwrap_or_default();
    for stretch in state.followed.value.before.iter().filter(|stretch| meant(stretch)) {
        let mut found = Vec::new();
        Judging::of(batch, endpoint, &state, state.over(stretch))?.judge(&mut found)?;
        replace(batch, &cause(endpoint, stretch), found)?;
    }
    Ok(())
}

/// A stretch of time is judged no more: it turned out that there was none. Those that are only too long ago to be
/// judged again stay as they were found.
pub(crate) fn forget(batch: &mut Batch<'_>, endpoint: &str, stretch: &Stretch) -> Result<(), ProjectionError> {
    replace(batch, &cause(endpoint, stretch), Vec::new())
}

fn cause(endpoint: &str, stretch: &Stretch) -> String {
    format!("{endpoint} from {} to {}: {}", stretch.share.began, stretch.ended, stretch.share.version)
}

/// One version that answers at an endpoint, or did, with what is known of it.
struct Judging<'a> {
    batch: &'a Batch<'a>,
    endpoint: &'a str,
    state: &'a EndpointState,
    stay: Stay<'a>,
    version: VersionState,
    model: ModelState,
    since_ms: u64,
}

impl<'a> Judging<'a> {
    fn of(
        batch: &'a Batch<'a>,
        endpoint: &'a str,
        state: &'a EndpointState,
        stay: Stay<'a>,
    ) -> Result<Self, ProjectionError> {
        let version = batch.read(&VERSIONS, &VERSIONS.key().text(&stay.share.version))?.unwrap_or_default();
        let model = batch.read(&MODELS, &MODELS.key().text(model_of(&stay.share.version)))?.unwrap_or_default();
        let since_ms = stay.share.began_ms;
        Ok(Self { batch, endpoint, state, stay, version, model, since_ms })
    }

    /// Something that holds from a moment on, and at the longest while the version answers; nothing where the one
    /// is after the other.
    fn found(&self, question: Question, reason: String, from_ms: u64, until_ms: Option<u64>) -> Option<Found> {
        let from_ms = from_ms.max(self.since_ms);
        let ended_ms = self.stay.ended.map(|(at_ms, _)| at_ms);
        let until_ms = [until_ms, ended_ms].into_iter().flatten().min();
        if until_ms.is_some_and(|until_ms| until_ms <= from_ms) {
            return None;
        }
        let share = self.stay.share;
        let plain = Found::new(question, self.endpoint, reason).from(from_ms).about(&share.version);
        let plain = plain.concerning(self.state.concerned_by(self.stay));
        let plain = plain.resting_on([share.began]).resting_on(self.stay.ended.map(|(_, index)| index));
        let plain = match self.state.sources.iter().find(|stated| stated.index == share.began) {
            Some(stated) => plain.stated(stated),
            None => plain,
        };
        Some(match until_ms {
            Some(until_ms) => plain.until(until_ms),
            None => plain,
        })
    }

    fn judge(&self, found: &mut Vec<Found>) -> Result<(), ProjectionError> {
        let share = self.stay.share;
        if let Some(stop) = share.unresumed {
            let reason = "it was stopped in an emergency, and nobody resumed it".to_owned();
            let unresumed = self.found(Question::ServingUnresumed, reason, 0, None);
            found.extend(unresumed.map(|unresumed| unresumed.resting_on([stop])));
        }
        if share.version.is_empty() {
            let reason = "it was seen serving, and nobody has said what it is".to_owned();
            found.extend(self.found(Question::UnregisteredDeployment, reason, 0, None));
            return Ok(());
        }
        let named = share.version.contains('@');
        let registered = match named {
            true => self.version.is_registered(),
            false => self.model.registered.is_some(),
        };
        if !registered {
            let reason = format!("{} is not registered", share.version);
            found.extend(self.found(Question::UnregisteredDeployment, reason, 0, None));
        }
        self.retired(found);
        self.bound(named, found);
        // The answers of a shadow version are not used, so it decides nothing.
        match share.exposure.as_str() {
            "shadow" => Ok(()),
            _ => self.governed(found),
        }
    }

    /// What serves although it, or its model, was retired.
    fn retired(&self, found: &mut Vec<Found>) {
        for (from_ms, until_ms, retired) in retirement(&self.model.said, &self.version.said).spans() {
            let Some(retired) = retired else { continue };
            let reason = format!("{} was retired", self.stay.share.version);
            let serves = self.found(Question::RetiredStillServing, reason, from_ms, until_ms);
            found.extend(serves.map(|serves| serves.resting_on([retired.index])));
        }
    }

    /// What serves and is only known by a name.
    fn bound(&self, named: bool, found: &mut Vec<Found>) {
        let share = self.stay.share;
        let reason = match () {
            () if !named => format!("nobody has said which version of {} serves", share.version),
            () if share.digest.is_some() || self.version.is_pinned() => return,
            () if self.version.said.artifacts.is_empty() => {
                format!("{} has no digest and no fixed reference", share.version)
            }
            () => format!("nobody has said which bytes of {} serve", share.version),
        };
        found.extend(self.found(Question::BoundToName, reason, 0, None));
    }

    /// Whether what serves has passed every gate that guards where it serves, from when until when.
    fn governed(&self, found: &mut Vec<Found>) -> Result<(), ProjectionError> {
        let facts = Folded(self.batch);
        let evaluator = Evaluator::new(&facts, u64::MAX)?;
        let (share, environment) = (self.stay.share, self.stay.environment);
        let (Some(purpose), Some(id)) = (self.state.purpose(self.stay), EndpointId::parse(self.endpoint)) else {
            // Of a model without a version there is no approval.
            let namespace = [share.version.as_str(), self.endpoint].into_iter().find_map(namespace);
            if let Some(of) = namespace {
                let gates = evaluator.guarding(environment, &of);
                let since = gates.iter().map(|gate| evaluator.guards_since(gate.name(), environment, &of)).min();
                let reason = Lapse::NotRequested.to_string();
                found.extend(since.and_then(|since| self.found(Question::LiveWithoutApproval, reason, since, None)));
            }
            return Ok(());
        };
        let gates = evaluator.guarding(environment, &purpose.namespace);
        let several = gates.len() > 1;
        let mut limited = None;
        for gate in gates {
            // What served before there was a gate did no wrong.
            let guards_ms = evaluator.guards_since(gate.name(), environment, &purpose.namespace);
            let passage = evaluator.passage(&purpose, Some(&id), gate.name(), Asking::ToServe)?;
            for (from_ms, until_ms, verdict) in passage.spans() {
                let mut push = |question, reason: &str, rests_on: &[u64]| {
                    let during = self.found(question, reason.to_owned(), from_ms.max(guards_ms), until_ms);
                    found.extend(during.map(|during| during.resting_on(rests_on.iter().copied())));
                };
                match verdict {
                    Err(Denial { lapse, rests_on }) => {
                        let reason = match several {
                            true => format!("gate {}: {lapse}", gate.name()),
                            false => lapse.to_string(),
                        };
                        push(Question::LiveWithoutApproval, &reason, rests_on);
                        if let Lapse::Ended(End::Expired { .. }) = lapse {
                            push(Question::ApprovalExpired, &reason, rests_on);
                        }
                    }
                    Ok(Pass { max_traffic_percent, rests_on, .. }) => {
                        let over = |limit: &f64| share.percent.is_some_and(|percent| percent > *limit);
                        if let Some(limit) = max_traffic_percent.filter(over).filter(|_| limited != Some(from_ms)) {
                            limited = Some(from_ms);
                            let percent = share.percent.unwrap_or_default();
                            let reason =
                                format!("it gets {percent} % of the traffic, and its approval allows {limit} %");
                            let divided = [rests_on.as_slice(), &[share.index]].concat();
                            let from_ms = from_ms.max(self.divided_ms());
                            let over = self.found(Question::OverTrafficLimit, reason, from_ms, until_ms);
                            found.extend(over.map(|over| over.resting_on(divided)));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Since when the version gets the part of the traffic that it gets.
    fn divided_ms(&self) -> u64 {
        let divided = self.state.sources.iter().find(|stated| stated.index == self.stay.share.index);
        divided.map_or(0, |stated| stated.known_since_ms())
    }
}
