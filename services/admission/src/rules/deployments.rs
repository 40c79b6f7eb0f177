//! Deployments: what is let through to which environment, and what may go on after a stop.

use probity_schemas::deployment::{Authorized, StopScope};
use probity_schemas::{EventId, Name, Subject};

use super::Judging;
use crate::broken::Broken;
use crate::life::{Case, Lapse, Purpose, model_of};

impl Judging<'_> {
    /// `deployment.authorized`.
    pub(super) fn authorized(&self, authorized: &Authorized) -> Result<(), Broken> {
        let version = authorized.version.to_string();
        if self.event.regarding.is_some() {
            self.opener(&["deployment.requested"])?;
        }
        self.registered(&version)?;
        self.not_retired(&version)?;
        self.not_suspended(self.by.subject, &version)?;
        if let Some(until) = authorized.expires_at {
            self.later_than_now("expires_at", until.as_ms())?;
        }
        let Some(known) = self.state.life.version(&version) else {
            return Err(Broken::NotRegistered { subject: version });
        };
        match authorized.digest {
            Some(digest) if !known.digests.contains(&digest) => return Err(Broken::ForeignDigest { digest }),
            None if known.has_artifacts => return Err(Broken::DigestsMissing),
            _ => {}
        }
        if let Some(use_case) = &authorized.use_case {
            self.use_goes_on(use_case)?;
        }
        for gate in self.gates_of(authorized.environment, &authorized.version.namespace) {
            if let Err(lapse) = self.passes(authorized, &version, gate) {
                return Err(Broken::GateClosed { version, gate: gate.clone(), lapse });
            }
        }
        Ok(())
    }

    /// Whether an approval, a plan, an exception or an approval given elsewhere lets a version through a gate.
    fn passes(&self, authorized: &Authorized, version: &str, gate: &Name) -> Result<(), Lapse> {
        let lapse = match self.approved(authorized, version, gate) {
            Ok(()) => return Ok(()),
            Err(lapse) => lapse,
        };
        let excused = self.excused(version, gate) || self.covering_plan(authorized, version, gate).is_some();
        match excused || self.approved_elsewhere(&authorized.version, version, gate) {
            true => Ok(()),
            false => Err(lapse),
        }
    }

    fn approved(&self, authorized: &Authorized, version: &str, gate: &Name) -> Result<(), Lapse> {
        let namespace = &authorized.version.namespace;
        let purpose = Purpose {
            digest: authorized.digest.as_ref(),
            use_case: authorized.use_case.as_ref(),
            environment: authorized.environment,
            time_ms: self.by.signed.time_ms,
        };
        let policy_at = |index| self.state.policies.gate(gate.as_str(), namespace, index).cloned();
        self.state.life.approved(version, purpose, gate.as_str(), policy_at, &self.state.authority)
    }

    /// The plan that covers a version which no person approved, if one does. Its anchor must have passed the gate itself.
    pub(crate) fn covering_plan(&self, authorized: &Authorized, version: &str, gate: &Name) -> Option<EventId> {
        let anchor_approved = |anchor: &str| {
            let Some(known) = self.state.life.version(anchor) else { return false };
            let digests: Vec<Option<probity_schemas::Digest>> = match known.digests.is_empty() {
                true => vec![None],
                false => known.digests.iter().copied().map(Some).collect(),
            };
            digests
                .into_iter()
                .any(|digest| self.approved(&Authorized { digest, ..authorized.clone() }, anchor, gate).is_ok())
        };
        let (life, authority) = (&self.state.life, &self.state.authority);
        life.covering_plan(version, self.by.signed.time_ms, authority, anchor_approved)
    }

    /// The plan by which an authorised version got through, where no approval did.
    pub(crate) fn used_plan(&self, authorized: &Authorized) -> Option<EventId> {
        let version = authorized.version.to_string();
        let gates = self.gates_of(authorized.environment, &authorized.version.namespace);
        gates.into_iter().find_map(|gate| match self.approved(authorized, &version, gate) {
            Ok(()) => None,
            Err(_) if self.excused(&version, gate) => None,
            Err(_) => self.covering_plan(authorized, &version, gate),
        })
    }

    /// Whether an exception from the gate holds for the version, its model or the endpoint.
    fn excused(&self, version: &str, gate: &Name) -> bool {
        let life = &self.state.life;
        let subjects = [version, model_of(version), self.by.subject];
        let ids = subjects.iter().filter_map(|subject| life.exceptions.get(*subject)).flatten();
        ids.filter_map(|id| life.matter(id)).any(|matter| match &matter.case {
            Case::Exception(exception) | Case::Emergency(exception) => {
                self.counts(matter)
                    && exception.control == *gate
                    && self.state.authority.counts(&exception.signed)
                    && self.by.signed.time_ms < exception.expires_at
            }
            _ => false,
        })
    }

    fn approved_elsewhere(&self, subject: &Subject, version: &str, gate: &Name) -> bool {
        let recorded = self.state.life.versions.get(version).is_some_and(|version| version.elsewhere.is_some());
        let policy = self.state.policies.gate(gate.as_str(), &subject.namespace, self.by.signed.index);
        let until = policy.and_then(|policy| policy.elsewhere_until);
        recorded && until.is_some_and(|until| self.by.signed.time_ms < until.as_ms())
    }

    /// Nothing is let through to where somebody pulled the plug.
    fn not_suspended(&self, endpoint: &str, version: &str) -> Result<(), Broken> {
        let life = &self.state.life;
        let here = life.endpoints.get(endpoint).map(|endpoint| endpoint.stops.as_slice()).unwrap_or_default();
        let whole = |id: &&EventId| {
            let matter = life.matter(id);
            matter.is_some_and(
                |matter| matches!(&matter.case, Case::Suspension(stop) if stop.scope == StopScope::Endpoint),
            )
        };
        let targets = [version, model_of(version)];
        let aimed = targets.iter().filter_map(|subject| life.stops.get(*subject)).flatten();
        let open = here.iter().filter(whole).chain(aimed).filter_map(|id| life.matter(id));
        match open.into_iter().find(|matter| self.counts(matter)) {
            Some(stop) => Err(Broken::Suspended { subject: stop.subject.to_string(), index: stop.index }),
            None => Ok(()),
        }
    }

    /// `deployment.resumed`.
    pub(super) fn resumed(&self) -> Result<(), Broken> {
        let stop = self.opener(&["deployment.suspended"])?;
        let serves = self.state.life.endpoints.get(self.by.subject).and_then(|endpoint| endpoint.serves.as_ref());
        let target = match &stop.case {
            Case::Suspension(stop) => stop.target.as_ref(),
            _ => None,
        };
        match target.or(serves) {
            Some(version) => self.not_retired(version),
            None => Ok(()),
        }
    }
}
