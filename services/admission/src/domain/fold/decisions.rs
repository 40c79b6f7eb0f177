//! What is asked and decided: approvals, deployments, retirements, plans, exceptions.

use probity_domain::approvals::{Grant, Request};
use probity_domain::authority::Authority;
use probity_domain::exceptions::Exception;
use probity_domain::ids::model_of;
use probity_domain::plans::Plan;
use probity_domain::signed::add;
use probity_domain::{SignedBy, VersionId};
use probity_schemas::approval::ApprovalEvent;
use probity_schemas::deployment::{DeploymentEvent, StopScope};
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::plan::PlanEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::{Event, EventId, Subject};

use super::key;
use crate::domain::{Case, DomainState, OpenItem, Suspension};

impl DomainState {
    /// Adds a signature to the request that it answers.
    pub(crate) fn sign_request(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, grant: Grant) {
        let Some(regarding) = event.regarding else { return };
        if let Some(OpenItem { case: Case::ApprovalRequest(request), .. }) = self.items.get_mut(&regarding) {
            request.grants.push(grant);
            self.open(event, by, authority, Case::Grant(regarding));
        }
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
            ApprovalEvent::ConditionMet(met) => self.change_grant(event, |grant| grant.meet(&met.condition, by.signed)),
            ApprovalEvent::Revoked(revoked) => self.change_grant(event, |grant| {
                let from = revoked.effective.map_or(by.signed.time_ms, |at| at.as_ms());
                grant.revoked = Some((by.signed.index, from));
            }),
            // Which of the gate's roles a signature fills is for the rules to say: see `signature`.
            ApprovalEvent::Granted(_) | ApprovalEvent::RecordedElsewhere(_) => false,
        }
    }

    pub(super) fn change_grant(&mut self, event: &Event, change: impl FnOnce(&mut Grant)) -> bool {
        let Some(id) = event.regarding else { return false };
        let request = match self.items.get(&id).map(|item| &item.case) {
            Some(Case::Grant(request)) => *request,
            _ => return false,
        };
        if let Some(OpenItem { case: Case::ApprovalRequest(request), .. }) = self.items.get_mut(&request)
            && let Some(grant) = request.grants.iter_mut().find(|grant| grant.id == id)
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
            DeploymentEvent::Started(started) => serves(started.version.as_ref()),
            DeploymentEvent::Upgraded(upgraded) => serves(Some(&upgraded.to)),
            DeploymentEvent::Downgraded(downgraded) => serves(Some(&downgraded.to)),
            DeploymentEvent::RolledBack(rolled_back) => serves(Some(&rolled_back.to)),
            DeploymentEvent::Suspended(suspended) => {
                let endpoint = self.endpoints.entry(by.subject);
                endpoint.stops.push(event.id);
                let version = suspended.version.as_ref().map(key).or_else(|| endpoint.serves.clone());
                let target = match suspended.scope {
                    StopScope::Endpoint => None,
                    StopScope::Version => version,
                    StopScope::Model => version.map(|version| model_of(&version).into()),
                };
                // Where nobody knows what serves, the whole endpoint is stopped rather than nothing.
                let scope = if target.is_some() { suspended.scope } else { StopScope::Endpoint };
                if let Some(target) = &target {
                    self.stops.entry(target).push(event.id);
                }
                self.open(event, by, authority, Case::Suspension(Suspension { scope, target }))
            }
            DeploymentEvent::Resumed(_) => self.close(event, by),
            _ => false,
        }
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
            RetirementEvent::Completed(_) => {
                self.retire(by.subject, Some(by.signed.index));
                self.open(event, by, authority, Case::RetirementCompletion)
            }
            RetirementEvent::Reversed(_) => {
                self.retire(by.subject, None);
                self.close(event, by);
                true
            }
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
                if let Some(Case::Plan(plan)) = self.answered(event).map(|item| &mut item.case) {
                    plan.approved = Some(by.signed);
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
                // The second person's yes to an emergency, or the answer to a request.
                match self.answered(event).map(|item| (&mut item.case, &mut item.closed)) {
                    Some((Case::Emergency(emergency), _)) => emergency.second = Some(by.signed),
                    Some((_, closed)) => *closed = Some(by.signed),
                    None => {}
                }
                let (control, expires_at_ms) = (granted.control.clone(), granted.expires_at.as_ms());
                self.exceptions.entry(by.subject).push(event.id);
                let exception = Exception { control, signed: by.signed, expires_at_ms, second: None };
                self.open(event, by, authority, Case::Exception(Box::new(exception)))
            }
            ExceptionEvent::Invoked(invoked) => {
                let (control, expires_at_ms) = (invoked.control.clone(), invoked.expires_at.as_ms());
                self.exceptions.entry(by.subject).push(event.id);
                let exception = Exception { control, signed: by.signed, expires_at_ms, second: None };
                self.open(event, by, authority, Case::Emergency(Box::new(exception)))
            }
            ExceptionEvent::Extended(extended) => {
                if let Some(Case::Exception(exception)) = self.answered(event).map(|item| &mut item.case) {
                    exception.expires_at_ms = extended.expires_at.as_ms();
                }
                true
            }
            ExceptionEvent::Revoked(_) => self.close(event, by),
        }
    }

    /// Remembers that a version was let through by a plan.
    pub(crate) fn cover(&mut self, plan: &EventId, version: VersionId) {
        if let Some(OpenItem { case: Case::Plan(plan), .. }) = self.items.get_mut(plan) {
            add(&mut plan.covered, version);
        }
    }
}
