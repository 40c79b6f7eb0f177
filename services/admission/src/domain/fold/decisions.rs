//! What is asked and decided: approvals, deployments, retirements, plans, exceptions.

use probity_domain::approvals::{Grant, Request, Signatories};
use probity_domain::authority::Authority;
use probity_domain::exceptions::{Exception, Leave};
use probity_domain::gathering::MOST;
use probity_domain::ids::model_of;
use probity_domain::plans::{Approval, Plan};
use probity_domain::{SignedBy, VersionId};
use probity_schemas::approval::ApprovalEvent;
use probity_schemas::deployment::{DeploymentEvent, StopScope, Suspended};
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::plan::PlanEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::{Digest, Event, Subject, Timestamp};

use super::key;
use crate::domain::{Case, DomainState, Key, OpenItem, Suspension};

impl DomainState {
    /// Adds a signature to the request that it answers.
    pub(crate) fn sign_request(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, grant: Grant) {
        let Some(OpenItem { case: Case::ApprovalRequest(request), at, .. }) = self.answered(event, by) else { return };
        request.grants.push(grant);
        let request = at.index;
        self.open(event, by, authority, Case::Grant(request));
    }

    pub(super) fn approval(
        &mut self,
        event: &Event,
        data: &ApprovalEvent,
        by: SignedBy<'_>,
        authority: &Authority,
    ) -> bool {
        match data {
            ApprovalEvent::Requested(requested) => {
                let (gate, digests) = (requested.gate.clone(), requested.digests.clone());
                let request = Request { gate, digests, grants: Vec::new() };
                self.open(event, by, authority, Case::ApprovalRequest(Box::new(request)))
            }
            ApprovalEvent::Rejected(_) => self.close(event, by),
            ApprovalEvent::ConditionMet(met) => {
                self.change_grant(event, by, |grant| grant.meet(&met.condition, by.signed))
            }
            ApprovalEvent::Revoked(revoked) => {
                let from_ms = revoked.effective.map_or(by.signed.time_ms, |at| at.as_ms());
                self.change_grant(event, by, |grant| grant.revoke(by.signed.index, from_ms))
            }
            // Which of the gate's roles a signature fills is for the rules to say: see `signature`.
            ApprovalEvent::Granted(_) | ApprovalEvent::RecordedElsewhere(_) => false,
        }
    }

    pub(super) fn change_grant(&mut self, event: &Event, by: SignedBy<'_>, change: impl FnOnce(&mut Grant)) -> bool {
        let Some(OpenItem { case: Case::Grant(request), at, .. }) = self.answered(event, by) else { return false };
        let (request, index) = (*request, at.index);
        if let Some(OpenItem { case: Case::ApprovalRequest(request), .. }) = self.items.get_mut(&request)
            && let Some(grant) = request.grants.iter_mut().find(|grant| grant.signed.index == index)
        {
            change(grant);
        }
        true
    }

    pub(super) fn deployment(
        &mut self,
        event: &Event,
        data: &DeploymentEvent,
        by: SignedBy<'_>,
        authority: &Authority,
    ) -> bool {
        let mut serves = |version: Option<&Subject>| {
            let version = version.map(key);
            match version {
                Some(version) => self.endpoints.entry(by.subject).serves = Some(version),
                None => return false,
            }
            true
        };
        match data {
            DeploymentEvent::Requested(_) => self.open(event, by, authority, Case::DeploymentRequest),
            DeploymentEvent::Started(started) => {
                let changed = serves(started.version.as_ref());
                if let Some(environment) = started.environment.filter(|_| changed) {
                    self.endpoints.entry(by.subject).environment = Some(environment);
                }
                changed
            }
            DeploymentEvent::Upgraded(upgraded) => serves(Some(&upgraded.to)),
            DeploymentEvent::Downgraded(downgraded) => serves(Some(&downgraded.to)),
            DeploymentEvent::RolledBack(rolled_back) => serves(Some(&rolled_back.to)),
            DeploymentEvent::Suspended(suspended) => self.suspend(event, suspended, by, authority),
            DeploymentEvent::Resumed(_) => self.close(event, by),
            _ => false,
        }
    }

    /// An emergency stop. Beyond the endpoint it reaches what its signer has a say over.
    fn suspend(&mut self, event: &Event, suspended: &Suspended, by: SignedBy<'_>, authority: &Authority) -> bool {
        let serves = self.endpoints.get(by.subject).and_then(|endpoint| endpoint.serves.clone());
        let version = suspended.version.as_ref().map(key).or(serves);
        let target = match suspended.scope {
            StopScope::Endpoint => None,
            StopScope::Version => version,
            StopScope::Model => version.map(|version| model_of(&version).into()),
        };
        let reach = authority.reach(by.issuer, event.info(), by.signed.time_ms);
        let within = |target: &Key| target.parse::<Subject>().is_ok_and(|subject| reach.covers(&subject.namespace));
        let target = target.filter(within);
        // Where nobody knows what serves, the whole endpoint is stopped rather than nothing.
        let scope = if target.is_some() { suspended.scope } else { StopScope::Endpoint };
        let opened = self.open(event, by, authority, Case::Suspension(Suspension { scope, target: target.clone() }));
        if opened {
            let here = self.endpoints.get(by.subject).map(|endpoint| endpoint.stops.as_slice());
            let here = self.with_stop(here.unwrap_or_default(), by.signed.index);
            self.endpoints.entry(by.subject).stops = here;
            if let Some(target) = &target {
                let aimed =
                    self.with_stop(self.stops.get(target).map(Vec::as_slice).unwrap_or_default(), by.signed.index);
                *self.stops.entry(target) = aimed;
            }
        }
        opened
    }

    /// Stops with one more. Of too many, the first that were lifted are not looked at again.
    fn with_stop(&self, stops: &[u64], stop: u64) -> Vec<u64> {
        let mut too_many = (stops.len() + 1).saturating_sub(MOST);
        let mut kept = Vec::with_capacity(stops.len() + 1);
        for index in stops {
            let lifted = self.items.get(index).is_none_or(|item| item.closed.is_some());
            match too_many > 0 && lifted {
                true => too_many -= 1,
                false => kept.push(*index),
            }
        }
        kept.push(stop);
        kept
    }

    pub(super) fn retirement(
        &mut self,
        event: &Event,
        data: &RetirementEvent,
        by: SignedBy<'_>,
        authority: &Authority,
    ) -> bool {
        match data {
            RetirementEvent::Proposed(_) => self.open(event, by, authority, Case::RetirementProposal),
            RetirementEvent::Approved(_) => {
                self.close(event, by);
                self.open(event, by, authority, Case::RetirementApproval)
            }
            RetirementEvent::Completed(_) => self.open(event, by, authority, Case::RetirementCompletion),
            RetirementEvent::Reversed(_) => self.close(event, by),
            _ => false,
        }
    }

    pub(super) fn plan(&mut self, event: &Event, data: &PlanEvent, by: SignedBy<'_>, authority: &Authority) -> bool {
        match data {
            PlanEvent::Proposed(proposed) => {
                let plan = Plan { proposed: proposed.as_ref().clone(), approved: None, covered: Vec::new() };
                self.open(event, by, authority, Case::Plan(Box::new(plan)))
            }
            PlanEvent::Approved(_) => {
                let signatories = Signatories::of(event, by, authority);
                if let Some(Case::Plan(plan)) = self.answered(event, by).map(|item| &mut item.case) {
                    plan.approved = Some(Approval { signed: by.signed, signatories });
                }
                true
            }
            PlanEvent::Revoked(_) => self.close(event, by),
        }
    }

    pub(super) fn exception(
        &mut self,
        event: &Event,
        data: &ExceptionEvent,
        by: SignedBy<'_>,
        authority: &Authority,
    ) -> bool {
        match data {
            ExceptionEvent::Requested(requested) => {
                self.open(event, by, authority, Case::ExceptionRequest { control: requested.control.clone() })
            }
            ExceptionEvent::Granted(granted) => {
                // Under rule set 1 one can be granted that nobody asked for.
                let opener = self.answered(event, by).map(|item| {
                    if let Case::Emergency(emergency) = &mut item.case {
                        emergency.second = Some(by.signed);
                    }
                    item.at
                });
                let leave = leave(event, by, authority, granted.expires_at);
                let opener = opener.unwrap_or(by.signed.at());
                let exception = Exception::granted(granted.control.clone(), opener, leave);
                self.except(event, by, authority, Case::Exception(Box::new(exception)))
            }
            ExceptionEvent::Invoked(invoked) => {
                let leave = leave(event, by, authority, invoked.expires_at);
                let emergency = Exception::invoked(invoked.control.clone(), leave);
                self.except(event, by, authority, Case::Emergency(Box::new(emergency)))
            }
            ExceptionEvent::Extended(extended) => {
                let leave = leave(event, by, authority, extended.expires_at);
                if let Some(Case::Exception(exception)) = self.answered(event, by).map(|item| &mut item.case) {
                    exception.leaves.push(leave);
                }
                true
            }
            ExceptionEvent::Revoked(_) => {
                // Nor is the request answered any more.
                if let Some(Case::Exception(exception)) = self.answered(event, by).map(|item| &item.case)
                    && let opener = exception.opener.index
                    && let Some(OpenItem { case: Case::ExceptionRequest { .. }, closed, .. }) =
                        self.items.get_mut(&opener)
                {
                    closed.get_or_insert(by.signed);
                }
                self.close(event, by)
            }
        }
    }

    fn except(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, case: Case) -> bool {
        let opened = self.open(event, by, authority, case);
        if opened {
            self.exceptions.entry(by.subject).push(by.signed.index);
        }
        opened
    }

    /// Remembers that a version was let through by the plan that stands at an index.
    pub(crate) fn cover(&mut self, plan: u64, version: VersionId, digest: Option<Digest>) {
        if let Some(OpenItem { case: Case::Plan(plan), .. }) = self.items.get_mut(&plan) {
            plan.cover(version, digest);
        }
    }
}

fn leave(event: &Event, by: SignedBy<'_>, authority: &Authority, expires_at: Timestamp) -> Leave {
    let signatories = Signatories::of(event, by, authority);
    Leave { signed: by.signed, signatories, expires_at_ms: expires_at.as_ms() }
}
