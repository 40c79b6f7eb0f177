//! The one evaluator: from when until when a version may serve for a purpose, by what, and why not.
//!
//! Everything recorded up to the position that the [`Facts`] answer for is taken into account; what
//! changes with time alone is given for all times. The door asks for the present moment, a view keeps
//! the whole [`Timeline`].

use std::borrow::Cow;
use std::collections::HashSet;

use probity_schemas::approval::Before;
use probity_schemas::shared::Environment;
use probity_schemas::{Digest, Name, Namespace};

use crate::approvals::{Grant, HasSignature, missing, separate};
use crate::exceptions::Leave;
use crate::facts::{Excepted, Facts, Planned, Requested};
use crate::faults::{Fault, disturbances, hand, involved, out_of_scope};
use crate::gates::{Gate, Gates};
use crate::ids::{DatasetId, EndpointId, VersionId};
use crate::lapse::{DataSource, End, Lapse};
use crate::signed::{At, add};
use crate::subjects::{Model, Version, Withdrawal, retirement};
use crate::timeline::Timeline;
use crate::verdict::{Asking, Bytes, Denial, Ground, Pass, Purpose, Verdict};

/// A version and its model, read once for all the signatures that are asked about.
struct Known<'f> {
    version: Cow<'f, Version>,
    model: Cow<'f, Model>,
}

/// A signature and what speaks against it, the weightiest first.
struct Signature<'g, T> {
    given: &'g T,
    faults: Vec<Fault>,
}

impl<T: HasSignature> Signature<'_, T> {
    fn fault_at(&self, time_ms: u64) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.holds_at(time_ms))
    }

    fn moments(&self) -> impl Iterator<Item = u64> {
        let faults = self.faults.iter().flat_map(|fault| [Some(fault.from_ms), fault.until_ms]);
        faults.flatten().chain([self.given.signed().time_ms])
    }
}

/// Evaluates by the policies in force before one position.
pub struct Evaluator<'f, F: Facts> {
    facts: &'f F,
    gates: Cow<'f, Gates>,
    index: u64,
}

impl<'f, F: Facts> Evaluator<'f, F> {
    /// An evaluator that chooses gates by the policies in force before `index`; requests are judged by
    /// those in force when they were made.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn new(facts: &'f F, index: u64) -> Result<Self, F::Error> {
        Ok(Self { facts, gates: facts.gates()?, index })
    }

    /// The gates that guard an environment for models of a namespace: all of them have to be passed.
    #[must_use]
    pub fn guarding(&self, environment: Environment, namespace: &Namespace) -> Vec<Cow<'_, Gate>> {
        self.gates.guarding(environment, namespace, self.index)
    }

    /// Since when a gate has guarded an environment for models of a namespace, in Unix milliseconds.
    #[must_use]
    pub fn guards_since(&self, gate: &Name, environment: Environment, namespace: &Namespace) -> u64 {
        self.gates.guards_since(gate, environment, namespace)
    }

    /// When and by what a version may pass one gate, to serve at an endpoint; where none is named, exceptions for endpoints
    /// do not count.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn passage(
        &self,
        purpose: &Purpose,
        endpoint: Option<&EndpointId>,
        gate: &Name,
        asking: Asking,
    ) -> Result<Timeline<Verdict>, F::Error> {
        let mut ways = vec![self.approved(purpose, gate)?];
        let version = self.facts.version(&purpose.version)?.unwrap_or_default();
        let version = version.as_ref();
        let foreign = match purpose.bytes {
            Bytes::Digest(digest) => !version.artifacts.is_empty() && !version.consists_of(&digest),
            Bytes::Unstated => false,
        };
        // Whatever else lets the version through, other bytes than its own are not it.
        if !foreign {
            let model = purpose.version.model();
            let subjects = [purpose.version.as_str(), model.as_str()].into_iter();
            for subject in subjects.chain(endpoint.map(EndpointId::as_str)) {
                ways.extend(self.excepted(&self.facts.exceptions(subject)?, purpose, version, gate)?);
            }
            for planned in self.facts.plans(&purpose.version.model())? {
                ways.extend(self.planned(&planned, purpose, version, gate, asking)?);
            }
            ways.extend(self.elsewhere(purpose, version, gate));
        }
        let model = self.facts.model(&purpose.version.model())?.unwrap_or_default();
        Ok(unless_retired(either(&ways), &model, version))
    }

    /// The change plan by which a version that is let through passes one of the gates that guard its
    /// environment, where no approval and no exception does.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn used_plan(&self, purpose: &Purpose, endpoint: &EndpointId, time_ms: u64) -> Result<Option<u64>, F::Error> {
        let Some(environment) = purpose.environment else { return Ok(None) };
        for gate in self.guarding(environment, &purpose.namespace) {
            let passage = self.passage(purpose, Some(endpoint), gate.name(), Asking::ToEnter)?;
            if let Ok(Pass { ground: Ground::Plan(plan), .. }) = passage.at(time_ms) {
                return Ok(Some(*plan));
            }
        }
        Ok(None)
    }

    /// When an approval of a version at one gate holds: one of its requests has all the signatures
    /// that the gate's policy, as it was when the request was made, asks for.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn approved(&self, purpose: &Purpose, gate: &Name) -> Result<Timeline<Verdict>, F::Error> {
        let mut ways = Vec::new();
        for requested in self.facts.requests(&purpose.version)?.iter().rev() {
            if requested.request.gate == *gate {
                ways.extend(self.request(purpose, requested)?);
            }
        }
        if ways.is_empty() {
            let elsewhere = self.facts.version(&purpose.version)?.and_then(|version| version.elsewhere());
            let lapse = elsewhere.map_or(Lapse::NotRequested, |at| Lapse::OnlyElsewhere { index: at.index });
            return Ok(Timeline::always(Err(Denial::new(lapse, []))));
        }
        Ok(either(&ways))
    }

    /// When one request has all its signatures; `None` where no policy knew its gate.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn request(&self, purpose: &Purpose, requested: &Requested<'_>) -> Result<Option<Timeline<Verdict>>, F::Error> {
        let (at, request) = (requested.at, &requested.request);
        let Some(gate) = self.gates.named(&request.gate, &purpose.namespace, at.index) else { return Ok(None) };
        let rejected = match requested.rejected {
            Some(rejected) if self.facts.counts(&rejected)? => Some(rejected),
            _ => None,
        };
        let known = self.known(purpose)?;
        let mut signatures = Vec::with_capacity(request.grants.len());
        for grant in &request.grants {
            signatures.push(Signature { given: grant, faults: self.faults(purpose, &known, grant)? });
        }
        let moments = signatures.iter().flat_map(Signature::moments);
        let moments = moments.chain(rejected.map(|rejected| rejected.time_ms)).chain([at.time_ms]);
        let verdict_at = |time_ms: u64| -> Verdict {
            if time_ms < at.time_ms {
                return Err(Denial::new(Lapse::NotRequested, []));
            }
            if let Some(rejected) = rejected.filter(|rejected| rejected.time_ms <= time_ms) {
                return Err(Denial::new(Lapse::Rejected { index: rejected.index }, []));
            }
            let signed = signatures.iter().filter(|signature| signature.given.signed.time_ms <= time_ms);
            let (faulty, good): (Vec<_>, Vec<_>) = signed.partition(|signature| signature.fault_at(time_ms).is_some());
            let good: Vec<&Grant> = good.into_iter().map(|signature| signature.given).collect();
            let roles = missing(&gate.policy.signatures, &good);
            if roles.is_empty() {
                let limits = good.iter().filter_map(|grant| grant.scope.max_traffic_percent.map(|most| most.get()));
                return Ok(Pass {
                    ground: Ground::Approval,
                    max_traffic_percent: limits.reduce(f64::min),
                    rests_on: good.iter().map(|grant| grant.signed.index).chain([at.index]).collect(),
                });
            }
            match faulty.first().and_then(|signature| Some((signature.given, signature.fault_at(time_ms)?))) {
                Some((grant, fault)) => Err(Denial::new(fault.lapse.clone(), [grant.signed.index])),
                None => Err(Denial::new(Lapse::Unsigned { roles }, [at.index])),
            }
        };
        let judged = Timeline::changing_at(moments, verdict_at);
        Ok(Some(unless_retired(judged, &known.model, &known.version)))
    }

    /// When one signature holds, and why not.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn signature(&self, purpose: &Purpose, grant: &Grant) -> Result<Timeline<Result<(), Lapse>>, F::Error> {
        let signature = Signature { given: grant, faults: self.faults(purpose, &self.known(purpose)?, grant)? };
        let moments: Vec<u64> = signature.moments().collect();
        let holds_at = |time_ms| signature.fault_at(time_ms).map_or(Ok(()), |fault| Err(fault.lapse.clone()));
        Ok(Timeline::changing_at(moments, holds_at))
    }

    fn known(&self, purpose: &Purpose) -> Result<Known<'f>, F::Error> {
        Ok(Known {
            version: self.facts.version(&purpose.version)?.unwrap_or_default(),
            model: self.facts.model(&purpose.version.model())?.unwrap_or_default(),
        })
    }

    fn faults(&self, purpose: &Purpose, known: &Known<'_>, grant: &Grant) -> Result<Vec<Fault>, F::Error> {
        let (version, model) = (known.version.as_ref(), known.model.as_ref());
        let mut faults = Vec::new();
        if let Some((kid, at)) = self.facts.compromised(&grant.signed)? {
            faults.push(Fault::since(at.time_ms, Lapse::KeyCompromised { kid }));
        }
        faults.extend(involved(model, version, &grant.signatories));
        if let Some((index, from_ms)) = grant.revoked {
            faults.push(Fault::since(from_ms, Lapse::Ended(End::Revoked { index })));
        }
        if let Some(at_ms) = grant.expires_at_ms {
            faults.push(Fault::since(at_ms, Lapse::Ended(End::Expired { at_ms })));
        }
        faults.extend(out_of_scope(purpose, version, grant).into_iter().map(Fault::always));
        for condition in &grant.conditions {
            let met = match condition.met {
                Some(met) if self.facts.counts(&met)? => Some(met.time_ms),
                _ => None,
            };
            let name = condition.id.clone();
            if condition.before == Some(Before::Deployment) {
                let lapse = Lapse::ConditionOpen { condition: name };
                faults.push(Fault { from_ms: 0, until_ms: met, lapse });
            } else if let Some(due_ms) = condition.due_ms {
                let lapse = Lapse::Ended(End::ConditionOverdue { condition: name });
                faults.push(Fault { from_ms: due_ms, until_ms: met, lapse });
            }
        }
        let since = grant.signed.index;
        for digest in &grant.evidence_seen {
            let withdrawals = self.facts.document_withdrawn(digest)?;
            let within_reach = |withdrawal: &&Withdrawal| withdrawal.reach.covers(&purpose.namespace);
            let later = withdrawals.iter().filter(within_reach).map(|withdrawal| withdrawal.at);
            if let Some(at) = later.into_iter().find(|at| at.index > since) {
                faults.push(Fault::since(at.time_ms, Lapse::EvidenceWithdrawn { index: at.index }));
            }
        }
        faults.extend(disturbances(model, version, grant));
        if let Some((at, data)) = self.data_withdrawn(&purpose.namespace, version, since)? {
            faults.push(Fault::since(at.time_ms, Lapse::DataWithdrawn { index: at.index, data }));
        }
        Ok(faults)
    }

    /// Where data that a version was made from was withdrawn after the statement at `since`.
    ///
    /// Who has a say over a dataset withdraws it from every version that is made from it. A digest alone is
    /// withdrawn where the signer has a say.
    fn data_withdrawn(
        &self,
        namespace: &Namespace,
        version: &Version,
        since: u64,
    ) -> Result<Option<(At, DataSource)>, F::Error> {
        let later = |at: Option<At>| at.filter(|at| at.index > since);
        // Parts of datasets by their digests, to be found among those that the version was made from.
        let mut parts: Vec<(DatasetId, At, Digest)> = Vec::new();
        for digest in &version.dataset_digests {
            for withdrawal in self.facts.data_withdrawn(digest)?.iter().filter(|it| it.at.index > since) {
                if withdrawal.reach.covers(namespace) {
                    return Ok(Some((withdrawal.at, DataSource::Digest(*digest))));
                }
                parts.extend(withdrawal.dataset.clone().map(|dataset| (dataset, withdrawal.at, *digest)));
            }
        }
        let mut seen: HashSet<DatasetId> = HashSet::new();
        // Each dataset, and whether the version was made from it directly.
        let mut waiting: Vec<(DatasetId, bool)> = version.datasets.iter().map(|id| (id.clone(), true)).collect();
        while let Some((id, direct)) = waiting.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            if let Some((_, at, digest)) = parts.iter().find(|(dataset, ..)| *dataset == id) {
                return Ok(Some((*at, DataSource::Digest(*digest))));
            }
            let Some(dataset) = self.facts.dataset(&id)? else { continue };
            if let Some(at) = later(dataset.withdrawn()) {
                return Ok(Some((at, DataSource::Dataset(id))));
            }
            // Digests tell whether a part went in. Where there are none, it is taken to have gone in.
            let told_by_digests = direct && !version.dataset_digests.is_empty();
            if let Some(at) = later(dataset.partly_withdrawn()).filter(|_| !told_by_digests) {
                return Ok(Some((at, DataSource::Dataset(id))));
            }
            waiting.extend(dataset.derived_from.iter().map(|id| (id.clone(), false)));
        }
        Ok(None)
    }

    /// When a control that is no gate may be done without, by exceptions about any of these subjects. One person's leave
    /// is enough: no policy asks for more.
    ///
    /// # Errors
    /// A fact could not be read.
    pub fn excused(&self, purpose: &Purpose, control: &Name, subjects: &[&str]) -> Result<Timeline<Verdict>, F::Error> {
        let version = self.facts.version(&purpose.version)?.unwrap_or_default();
        let mut ways = Vec::new();
        for subject in subjects {
            ways.extend(self.excepted(&self.facts.exceptions(subject)?, purpose, &version, control)?);
        }
        Ok(match ways.is_empty() {
            true => Timeline::always(Err(Denial::new(Lapse::NotRequested, []))),
            false => either(&ways),
        })
    }

    /// When exceptions from a gate, or emergencies, let a version through it.
    fn excepted(
        &self,
        exceptions: &[Excepted<'_>],
        purpose: &Purpose,
        version: &Version,
        gate: &Name,
    ) -> Result<Vec<Timeline<Verdict>>, F::Error> {
        let mut ways = Vec::new();
        // The leaves that answer one request, or one emergency, make one exception together.
        let mut openers: Vec<At> = Vec::new();
        for excepted in exceptions.iter().filter(|excepted| excepted.exception.control == *gate) {
            add(&mut openers, excepted.exception.opener);
        }
        for opener in openers {
            let mut leaves: Vec<Signature<'_, Leave>> = Vec::new();
            for excepted in exceptions.iter().filter(|excepted| excepted.exception.opener == opener) {
                let exception = &excepted.exception;
                let revoked = match excepted.revoked {
                    Some(revoked) if self.facts.counts(&revoked)? => Some(revoked),
                    _ => None,
                };
                for leave in &exception.leaves {
                    let over = || Lapse::Ended(End::ExceptionOver { index: leave.signed.index });
                    let mut faults = vec![Fault::since(leave.expires_at_ms, over())];
                    faults.extend(revoked.map(|revoked| Fault::since(revoked.time_ms, over())));
                    if let Some((kid, at)) = self.facts.compromised(&leave.signed)? {
                        faults.push(Fault::since(at.time_ms, Lapse::KeyCompromised { kid }));
                    }
                    if !exception.emergency {
                        faults.extend(hand(version, &leave.signatories.persons));
                    }
                    leaves.push(Signature { given: leave, faults });
                }
                // In an emergency one person is enough, for its time.
                if let (true, Some(leave)) = (exception.emergency, leaves.last()) {
                    ways.push(self.leave(std::slice::from_ref(leave), 1));
                }
            }
            let places = self.gates.named(gate, &purpose.namespace, opener.index).map_or(1, |gate| gate.places());
            ways.push(self.leave(&leaves, places));
        }
        Ok(ways)
    }

    /// When as many separate persons as there are places have given leave.
    fn leave(&self, leaves: &[Signature<'_, Leave>], places: usize) -> Timeline<Verdict> {
        Timeline::changing_at(leaves.iter().flat_map(Signature::moments), |time_ms| {
            let begun = leaves.iter().filter(|leave| leave.given.signed.time_ms <= time_ms);
            let (faulty, good): (Vec<_>, Vec<_>) = begun.partition(|leave| leave.fault_at(time_ms).is_some());
            if separate(good.iter().map(|leave| leave.given.signatories.persons.as_slice())) >= places {
                let rests_on = good.iter().map(|leave| leave.given.signed.index).collect();
                return Ok(Pass { ground: Ground::Exception, max_traffic_percent: None, rests_on });
            }
            match faulty.iter().rev().find_map(|leave| leave.fault_at(time_ms)) {
                Some(fault) => Err(Denial::new(fault.lapse.clone(), [])),
                None => Err(Denial::new(Lapse::NotRequested, [])),
            }
        })
    }

    /// When a change plan covers a version. Its anchor must have passed the gate by an approval.
    fn planned(
        &self,
        planned: &Planned<'_>,
        purpose: &Purpose,
        version: &Version,
        gate: &Name,
        asking: Asking,
    ) -> Result<Option<Timeline<Verdict>>, F::Error> {
        let plan = &planned.plan;
        let Some(approval) = &plan.approved else { return Ok(None) };
        let approved = approval.signed;
        if !self.facts.counts(&approved)? {
            return Ok(None);
        }
        let revoked = match planned.revoked {
            Some(revoked) if self.facts.counts(&revoked)? => Some(revoked),
            _ => None,
        };
        let revoked_end =
            revoked.map(|by| (by.time_ms, Denial::new(Lapse::Ended(End::PlanRevoked { index: by.index }), [])));
        let pass =
            Pass { ground: Ground::Plan(planned.index), max_traffic_percent: None, rests_on: vec![approved.index] };
        if asking == Asking::ToServe && plan.has_covered(purpose) {
            return Ok(Some(between(approved.time_ms, revoked_end, pass)));
        }
        let Some(anchor) = VersionId::of(&plan.proposed.anchor) else { return Ok(None) };
        let Some(reference) = self.facts.version(&anchor)?.filter(|anchor| anchor.registered().is_some()) else {
            return Ok(None);
        };
        let bytes = match &purpose.bytes {
            Bytes::Digest(digest) => Some(digest),
            Bytes::Unstated => None,
        };
        let permitted = plan.permits(&purpose.version, version, bytes, reference.newest_validation(None));
        let involved = version.hand_of(&approval.signatories.persons).is_some();
        if !permitted || involved || self.data_withdrawn(&purpose.namespace, version, approved.index)?.is_some() {
            return Ok(None);
        }
        let expires_ms = plan.proposed.expires_at.as_ms();
        let expired = (expires_ms, Denial::new(Lapse::Ended(End::PlanExpired { at_ms: expires_ms }), [approved.index]));
        let end = revoked_end.filter(|(at, _)| *at < expires_ms).unwrap_or(expired);
        let mut anchored = Vec::new();
        let digests: Vec<&Digest> = reference.digests().collect();
        let bytes = match digests.is_empty() {
            true => vec![Bytes::Unstated],
            false => digests.into_iter().copied().map(Bytes::Digest).collect(),
        };
        for bytes in bytes {
            let purpose = Purpose { version: anchor.clone(), bytes, ..purpose.clone() };
            anchored.push(self.approved(&purpose, gate)?);
        }
        let anchored = either(&anchored);
        let live = between(approved.time_ms, Some(end), pass);
        let both = |time_ms| match (live.at(time_ms), anchored.at(time_ms)) {
            (Ok(pass), Ok(_)) => Ok(pass.clone()),
            (Ok(_), Err(denial)) | (Err(denial), _) => Err(denial.clone()),
        };
        Ok(Some(Timeline::changing_at(live.moments().chain(anchored.moments()), both)))
    }

    fn elsewhere(&self, purpose: &Purpose, version: &Version, gate: &Name) -> Option<Timeline<Verdict>> {
        let at = version.elsewhere()?;
        let until = self.gates.named(gate, &purpose.namespace, self.index)?.policy.elsewhere_until?.as_ms();
        let over = Denial::new(Lapse::Ended(End::ElsewhereOver { at_ms: until }), [at.index]);
        let pass = Pass { ground: Ground::Elsewhere, max_traffic_percent: None, rests_on: vec![at.index] };
        Some(between(at.time_ms, Some((until, over)), pass))
    }
}

/// It passes from a moment on, until an end.
fn between(from_ms: u64, end: Option<(u64, Denial)>, pass: Pass) -> Timeline<Verdict> {
    let not_yet = Err(Denial::new(Lapse::NotRequested, []));
    let moments = [from_ms].into_iter().chain(end.as_ref().map(|(until, _)| *until));
    Timeline::changing_at(moments, |time_ms| match &end {
        Some((until, denial)) if *until <= time_ms => Err(denial.clone()),
        _ if time_ms < from_ms => not_yet.clone(),
        _ => Ok(pass.clone()),
    })
}

/// Nothing lets through what is retired: not while it is.
fn unless_retired(verdicts: Timeline<Verdict>, model: &Model, version: &Version) -> Timeline<Verdict> {
    if model.retirements.is_empty() && version.retirements.is_empty() {
        return verdicts;
    }
    let retirement = retirement(model, version);
    Timeline::changing_at(verdicts.moments().chain(retirement.moments()), |time_ms| {
        match (verdicts.at(time_ms), retirement.at(time_ms)) {
            (Ok(_), Some(at)) => Err(Denial::new(Lapse::Retired { index: at.index }, [])),
            (verdict, _) => verdict.clone(),
        }
    })
}

/// One of several ways is enough. Where there is none, the first that was begun says why.
fn either(ways: &[Timeline<Verdict>]) -> Timeline<Verdict> {
    if let [only] = ways {
        return only.clone();
    }
    let moments = ways.iter().flat_map(Timeline::moments);
    Timeline::changing_at(moments, |time_ms| {
        let verdicts = || ways.iter().map(|way| way.at(time_ms));
        if let Some(pass) = verdicts().find(|verdict| verdict.is_ok()) {
            return pass.clone();
        }
        let begun = |verdict: &&Verdict| {
            !matches!(verdict, Err(Denial { lapse: Lapse::NotRequested | Lapse::OnlyElsewhere { .. }, .. }))
        };
        let denial = verdicts().find(begun).or_else(|| verdicts().next());
        denial.cloned().unwrap_or_else(|| Err(Denial::new(Lapse::NotRequested, [])))
    })
}
