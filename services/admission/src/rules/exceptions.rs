//! Plans and exceptions: leave that is given ahead, for a time, with its bounds.

use probity_domain::approvals::{separate, signatories};
use probity_domain::exceptions::{EMERGENCY_MAX_MS, Leave};
use probity_schemas::Name;
use probity_schemas::exception::{Extended, Granted, Invoked};

use super::RuleContext;
use crate::domain::{Case, OpenItem};
use crate::violation::RuleViolation;

impl<'a> RuleContext<'a> {
    /// `plan.approved`.
    pub(super) fn plan_approved(&self) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.four_eyes(opener)?;
        self.registered(self.by.subject)?;
        self.not_retired(self.by.subject)?;
        let Case::Plan(plan) = &opener.case else { return Ok(()) };
        self.later_than_now("expires_at", plan.proposed.expires_at.as_ms())?;
        let approved = plan.approved.as_ref().map(|approval| approval.signed);
        match (approved.filter(|approved| self.state.authority.counts(approved)), self.event.regarding) {
            (Some(approved), Some(regarding)) => Err(RuleViolation::OpenerClosed { regarding, index: approved.index }),
            _ => Ok(()),
        }
    }

    /// `plan.revoked`.
    pub(super) fn plan_revoked(&self) -> Result<(), RuleViolation> {
        self.opener().map(drop)
    }

    /// `exception.granted`: the answer to a request, or the second signature of an emergency.
    pub(super) fn exception_granted(&self, granted: &Granted) -> Result<(), RuleViolation> {
        // An emergency is signed a second time even when it has been revoked: otherwise it could never be settled.
        let opener = match self.answered()? {
            opener if matches!(opener.case, Case::Emergency(_)) => opener,
            _ => self.opener()?,
        };
        self.four_eyes(opener)?;
        self.gives_leave_once(opener)?;
        let control = match &opener.case {
            Case::ExceptionRequest { control } => control,
            Case::Emergency(emergency) => &emergency.control,
            _ => return Ok(()),
        };
        self.same_control(control, &granted.control)?;
        self.known_model()?;
        self.not_retired(self.by.subject)?;
        self.later_than_now("expires_at", granted.expires_at.as_ms())
    }

    /// `exception.extended`.
    pub(super) fn exception_extended(&self, extended: &Extended) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.not_retired(self.by.subject)?;
        self.later_than_now("expires_at", extended.expires_at.as_ms())?;
        let Case::Exception(exception) = &opener.case else { return Ok(()) };
        // Whoever asked for it does not prolong it.
        if let Some(asked) = self.state.domain.item(exception.opener.index).filter(|asked| asked.at != opener.at) {
            self.four_eyes(asked)?;
        }
        match exception.ends_for(&self.actors.persons) {
            Some(until_ms) if extended.expires_at.as_ms() <= until_ms => Err(RuleViolation::NotLater { until_ms }),
            _ => Ok(()),
        }
    }

    /// Everybody signs one request, or one emergency, once.
    fn gives_leave_once(&self, opener: &OpenItem) -> Result<(), RuleViolation> {
        for leave in self.leaves(opener) {
            let persons = &leave.signatories.persons;
            if let Some(person) = self.actors.persons.iter().find(|person| persons.contains(person)) {
                return Err(RuleViolation::SignedAlready { person: person.clone(), index: leave.signed.index });
            }
        }
        Ok(())
    }

    /// The leaves that answer a request, or an emergency, and count.
    fn leaves(&self, opener: &OpenItem) -> impl Iterator<Item = &'a Leave> {
        let (state, opener) = (self.state, opener.at);
        let given = state.domain.exceptions.get(self.by.subject).into_iter().flatten();
        let open = given.filter_map(|at| state.domain.item(*at)).filter(|item| self.counts(item));
        let answering = open.filter_map(move |item| match &item.case {
            Case::Exception(exception) if exception.opener == opener => Some(exception),
            _ => None,
        });
        let leaves: Vec<&'a Leave> = answering.flat_map(|exception| &exception.leaves).collect();
        leaves.into_iter().filter(|leave| state.authority.counts(&leave.signed))
    }

    /// Whether this leave is the last that the request it answers takes: a gate's, as many as the gate.
    pub(crate) fn fills_the_places(&self) -> bool {
        let Ok(opener) = self.answered() else { return false };
        let Case::ExceptionRequest { control } = &opener.case else { return false };
        let gates = self.state.policies.gates();
        let gate = gates.named(control, &self.event.subject.namespace, opener.at.index);
        let own = signatories(self.event, self.by.issuer);
        let signed = self.leaves(opener).map(|leave| leave.signatories.persons.as_slice()).chain([own.as_slice()]);
        separate(signed) >= gate.map_or(1, |gate| gate.places())
    }

    /// `exception.revoked`.
    pub(super) fn exception_revoked(&self) -> Result<(), RuleViolation> {
        self.opener().map(drop)
    }

    /// `exception.invoked`: one person, a day at most, and not again before the second signature is there.
    pub(super) fn exception_invoked(&self, invoked: &Invoked) -> Result<(), RuleViolation> {
        self.known_model()?;
        self.not_retired(self.by.subject)?;
        let (until, now) = (invoked.expires_at.as_ms(), self.by.signed.time_ms);
        self.later_than_now("expires_at", until)?;
        let began = self.event.occurred.and_then(|occurred| occurred.exact()).map_or(now, |at| at.as_ms().min(now));
        if until > began.saturating_add(EMERGENCY_MAX_MS) {
            return Err(RuleViolation::EmergencyTooLong);
        }
        let domain = &self.state.domain;
        let earlier = domain.exceptions.get(self.by.subject).into_iter().flatten().filter_map(|at| domain.item(*at));
        match earlier.into_iter().find(|item| self.unsigned(item, &invoked.control)) {
            Some(item) => Err(RuleViolation::EmergencyUnsigned { index: item.at.index }),
            None => Ok(()),
        }
    }

    fn unsigned(&self, item: &OpenItem, control: &Name) -> bool {
        match &item.case {
            Case::Emergency(emergency) => {
                emergency.control == *control
                    && !emergency.second.is_some_and(|second| self.state.authority.counts(&second))
            }
            _ => false,
        }
    }

    fn same_control(&self, expected: &Name, found: &Name) -> Result<(), RuleViolation> {
        match expected == found {
            true => Ok(()),
            false => Err(RuleViolation::OpenerDiffers { field: "control", expected: expected.to_string() }),
        }
    }
}
