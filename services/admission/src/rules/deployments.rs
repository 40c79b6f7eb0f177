//! Deployments: what is let through to which environment, and what may go on after a stop.

use probity_domain::ids::model_of;
use probity_domain::{Asking, Denial, EndpointId, Evaluator, Lapse, Purpose, Verdict, VersionId};
use probity_schemas::Name;
use probity_schemas::deployment::{Authorized, StopScope};

use super::RuleContext;
use crate::domain::Case;
use crate::violation::RuleViolation;

impl RuleContext<'_> {
    /// `deployment.authorized`.
    pub(super) fn authorized(&self, authorized: &Authorized) -> Result<(), RuleViolation> {
        let version = authorized.version.to_string();
        if self.event.regarding.is_some() {
            self.opener()?;
        }
        self.registered(&version)?;
        self.not_retired(&version)?;
        self.not_suspended(self.by.subject, &version)?;
        if let Some(until) = authorized.expires_at {
            self.later_than_now("expires_at", until.as_ms())?;
        }
        let Some(known) = self.state.domain.version(&version) else {
            return Err(RuleViolation::NotRegistered { subject: version });
        };
        match authorized.digest {
            Some(digest) if !known.consists_of(&digest) => return Err(RuleViolation::ForeignDigest { digest }),
            None if !known.artifacts.is_empty() => return Err(RuleViolation::DigestsMissing),
            _ => {}
        }
        if let Some(use_case) = &authorized.use_case {
            self.use_goes_on(use_case)?;
        }
        for gate in self.guarding(authorized) {
            if let Err(denial) = self.passes(authorized, &gate) {
                return Err(RuleViolation::GateClosed { version, gate, lapse: denial.lapse });
            }
        }
        Ok(())
    }

    /// The gates that guard the environment for models of the version's namespace.
    fn guarding(&self, authorized: &Authorized) -> Vec<Name> {
        let (gates, index) = (self.state.policies.gates(), self.by.signed.index);
        let guarding = gates.guarding(authorized.environment, &authorized.version.namespace, index);
        guarding.iter().map(|gate| gate.name().clone()).collect()
    }

    /// Whether an approval, a plan, an exception or an approval given elsewhere lets a version through a gate
    /// now.
    fn passes(&self, authorized: &Authorized, gate: &Name) -> Verdict {
        let (Some(purpose), Some(endpoint)) = (Purpose::of(authorized), EndpointId::of(&self.event.subject)) else {
            return Err(Denial::new(Lapse::NotRequested, []));
        };
        let Ok(evaluator) = Evaluator::new(self.state, self.by.signed.index);
        let Ok(passage) = evaluator.passage(&purpose, Some(&endpoint), gate, Asking::ToEnter);
        passage.at(self.by.signed.time_ms).clone()
    }

    /// The plan by which an authorised version got through, where no approval did.
    pub(crate) fn used_plan(&self, authorized: &Authorized) -> Option<(u64, VersionId)> {
        let (purpose, endpoint) = (Purpose::of(authorized)?, EndpointId::of(&self.event.subject)?);
        let Ok(evaluator) = Evaluator::new(self.state, self.by.signed.index);
        let Ok(plan) = evaluator.used_plan(&purpose, &endpoint, self.by.signed.time_ms);
        Some((plan?, purpose.version))
    }

    /// Nothing is let through to where somebody pulled the plug.
    fn not_suspended(&self, endpoint: &str, version: &str) -> Result<(), RuleViolation> {
        let domain = &self.state.domain;
        let here = domain.endpoints.get(endpoint).map(|endpoint| endpoint.stops.as_slice()).unwrap_or_default();
        let whole = |index: &&u64| {
            let item = domain.item(**index);
            item.is_some_and(|item| matches!(&item.case, Case::Suspension(stop) if stop.scope == StopScope::Endpoint))
        };
        let targets = [version, model_of(version)];
        let aimed = targets.iter().filter_map(|subject| domain.stops.get(*subject)).flatten();
        let open = here.iter().filter(whole).chain(aimed).filter_map(|index| domain.item(*index));
        match open.into_iter().find(|item| self.counts(item)) {
            Some(stop) => Err(RuleViolation::Suspended { subject: stop.subject.to_string(), index: stop.at.index }),
            None => Ok(()),
        }
    }

    /// `deployment.resumed`.
    pub(super) fn resumed(&self) -> Result<(), RuleViolation> {
        let stop = self.opener()?;
        let serves = self.state.domain.endpoints.get(self.by.subject).and_then(|endpoint| endpoint.serves.as_ref());
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
