//! Whether there is room for what a statement adds: a bound for everything that one subject gathers, facts included.

use probity_domain::gathering::{Full, MOST_PENDING};
use probity_domain::{SignedBy, effects};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::{Data, Event};

use crate::state::State;
use crate::violation::RuleViolation;

impl State {
    /// Refuses what would make one subject gather more than it may.
    pub(crate) fn has_room(&self, event: &Event, by: SignedBy<'_>, bytes: usize) -> Result<(), RuleViolation> {
        for effect in effects(event, by, &self.authority) {
            self.domain.takes(&effect)?;
        }
        self.domain.takes_matters(event, by, bytes)?;
        self.waits_with_few(event, by)
    }

    /// What waits for a second person, or is delegated, is somebody's who has a right to it, and still has a bound.
    fn waits_with_few(&self, event: &Event, by: SignedBy<'_>) -> Result<(), RuleViolation> {
        let (now_ms, authority) = (by.signed.time_ms, &self.authority);
        let (what, count) = match &event.data {
            Data::Authority(AuthorityEvent::Delegated(_)) => {
                ("delegations", authority.delegations_of(by.issuer, now_ms))
            }
            Data::Authority(AuthorityEvent::Confirmed(_)) => return Ok(()),
            Data::Policy(_) | Data::Authority(AuthorityEvent::Enrolled(_) | AuthorityEvent::RoleGranted(_)) => {
                ("acts that wait for a second person", authority.waiting_of(by.issuer, true, now_ms))
            }
            // Counted apart: whoever has asked for much can still put somebody out.
            Data::Authority(_) => {
                ("removals that wait for a second person", authority.waiting_of(by.issuer, false, now_ms))
            }
            _ => return Ok(()),
        };
        Full::unless(what, count + 1, MOST_PENDING).map_err(|full| RuleViolation::too_many(by.issuer, full))
    }
}
