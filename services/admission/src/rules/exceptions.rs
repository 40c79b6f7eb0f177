//! Plans and exceptions: leave that is given ahead, for a time, with its bounds.

use probity_domain::exceptions::EMERGENCY_MAX_MS;
use probity_schemas::Name;
use probity_schemas::exception::{Extended, Granted, Invoked};

use super::RuleContext;
use crate::domain::{Case, OpenItem};
use crate::violation::RuleViolation;

impl RuleContext<'_> {
    /// `plan.approved`.
    pub(super) fn plan_approved(&self) -> Result<(), RuleViolation> {
        let opener = self.opener(&["plan.proposed"])?;
        self.four_eyes(opener)?;
        self.registered(self.by.subject)?;
        self.not_retired(self.by.subject)?;
        let Case::Plan(plan) = &opener.case else { return Ok(()) };
        self.later_than_now("expires_at", plan.proposed.expires_at.as_ms())?;
        match (plan.approved.filter(|approved| self.state.authority.counts(approved)), self.event.regarding) {
            (Some(approved), Some(regarding)) => Err(RuleViolation::OpenerClosed { regarding, index: approved.index }),
            _ => Ok(()),
        }
    }

    /// `plan.revoked`.
    pub(super) fn plan_revoked(&self) -> Result<(), RuleViolation> {
        self.opener(&["plan.proposed"]).map(drop)
    }

    /// `exception.granted`: the answer to a request, or the second signature of an emergency.
    pub(super) fn exception_granted(&self, granted: &Granted) -> Result<(), RuleViolation> {
        let takes = &["exception.requested", "exception.invoked"];
        // An emergency is signed a second time even when it has been revoked: otherwise it could never be settled.
        let opener = match self.answered(takes)? {
            opener if matches!(opener.case, Case::Emergency(_)) => opener,
            _ => self.opener(takes)?,
        };
        self.four_eyes(opener)?;
        let control = match &opener.case {
            Case::ExceptionRequest { control } => control,
            Case::Emergency(emergency) => &emergency.control,
            _ => return Ok(()),
        };
        self.same_control(control, &granted.control)?;
        if let Case::Emergency(emergency) = &opener.case
            && let (Some(second), Some(regarding)) = (emergency.second, self.event.regarding)
            && self.state.authority.counts(&second)
        {
            return Err(RuleViolation::OpenerClosed { regarding, index: second.index });
        }
        self.known_model()?;
        self.not_retired(self.by.subject)?;
        self.later_than_now("expires_at", granted.expires_at.as_ms())
    }

    /// `exception.extended`.
    pub(super) fn exception_extended(&self, extended: &Extended) -> Result<(), RuleViolation> {
        let opener = self.opener(&["exception.granted"])?;
        self.not_retired(self.by.subject)?;
        self.later_than_now("expires_at", extended.expires_at.as_ms())?;
        match &opener.case {
            Case::Exception(exception) if extended.expires_at.as_ms() <= exception.expires_at_ms => {
                Err(RuleViolation::NotLater { until_ms: exception.expires_at_ms })
            }
            _ => Ok(()),
        }
    }

    /// `exception.revoked`.
    pub(super) fn exception_revoked(&self) -> Result<(), RuleViolation> {
        self.opener(&["exception.granted", "exception.invoked"]).map(drop)
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
        let earlier = domain.exceptions.get(self.by.subject).into_iter().flatten().filter_map(|id| domain.item(id));
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
