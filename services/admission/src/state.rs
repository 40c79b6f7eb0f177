//! The state machine.

use std::sync::Arc;

use probity_schemas::authority::AuthorityEvent;
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Event, EventId, Identity, Origin};
use probity_statement::{Keyring, SignedStatement};

use crate::authority::Authority;
use crate::history::History;
use crate::refusal::Refusal;
use crate::{KNOWN_RULE_SETS, rules};

/// Where a statement would stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its index in the log.
    pub index: u64,
    /// The time of its block in Unix seconds.
    pub block_time: u64,
}

/// A statement that asks to be recorded. Its signature has been verified with the key it names.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'a> {
    /// The statement.
    pub statement: &'a SignedStatement,
    /// Its event, decoded.
    pub event: &'a Event,
    /// How many statements the submitter expects about the subject, if it matters to them.
    pub expected_revision: Option<u64>,
}

/// What became of a statement that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs at this position; the state is the one after it.
    Admitted(Admitted),
    /// An event of this issuer and id stands at `index`. Whether it is the same statement, its bytes say.
    AlreadyRecorded {
        /// The position of the earlier event.
        index: u64,
    },
}

/// What the history learns of an admitted statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The issuer's number, in order of enrolment.
    pub issuer: u32,
    /// The event's id.
    pub id: EventId,
    /// How many statements there are about the subject, this one included.
    pub revision: u64,
}

/// Why a statement was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError<E> {
    /// It may not be recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// From here on, rules hold that this version does not know: whoever judges must stop.
    #[error("rule set {found} holds from index {index} on; this version knows {KNOWN_RULE_SETS:?}: upgrade")]
    UnknownRuleSet {
        /// The rule set.
        found: u32,
        /// The position it holds from.
        index: u64,
    },
    /// The history could not be asked.
    #[error("the history could not be read: {0}")]
    History(E),
}

/// Everything admission knows, folded from the statements so far. Cloning is cheap: what did not change is shared.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) origin: Origin,
    pub(crate) rule_set: u32,
    pub(crate) authority: Arc<Authority>,
    keyring: Arc<Keyring>,
    changes: u64,
}

impl State {
    pub(crate) fn new(origin: Origin, rule_set: u32, authority: Authority) -> Self {
        let keyring = Arc::new(authority.keyring());
        Self { origin, rule_set, authority: Arc::new(authority), keyring, changes: 0 }
    }

    /// The ledger's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The rule set in force.
    pub fn rule_set(&self) -> u32 {
        self.rule_set
    }

    /// Every key that may have signed something.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Counts the statements that changed this state since it was founded or restored; while it stands still, an
    /// earlier snapshot is as good as a new one.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether an identity may read the whole ledger at this time (Unix seconds).
    pub fn may_read_all(&self, identity: &Identity, time: u64) -> bool {
        self.authority.may_read_all(identity, time.saturating_mul(1_000))
    }

    /// The number under which an issuer's event ids are indexed.
    pub fn issuer_number(&self, identity: &Identity) -> Option<u32> {
        self.authority.number(identity)
    }

    /// Judges a statement at its position. If it is admitted, this is the state after it; otherwise nothing changed.
    pub fn admit<H: History>(
        &mut self,
        submitted: Submitted<'_>,
        position: Position,
        history: &H,
    ) -> Result<Verdict, AdmitError<H::Error>> {
        let Submitted { statement, event, expected_revision } = submitted;
        if statement.audience() != self.origin.as_str() {
            let (expected, found) = (self.origin.to_string(), statement.audience().to_owned());
            return Err(Refusal::WrongAudience { expected, found }.into());
        }
        let issuer = self.authority.issuer(statement.issuer(), statement.kid())?;
        // Before any rule that may have changed since: what was recorded is answered for ever.
        if let Some(index) = history.event_index(issuer, &event.id).map_err(AdmitError::History)? {
            return Ok(Verdict::AlreadyRecorded { index });
        }
        self.authority.not_revoked(statement.kid())?;
        let time_ms = position.block_time.saturating_mul(1_000);
        self.may_record(statement.issuer(), event, position.index, time_ms)?;
        if event.info().is_act() {
            rules::judge(event, time_ms)?;
        }
        let revision = history.revision(statement.subject()).map_err(AdmitError::History)?;
        if let Some(expected) = expected_revision.filter(|expected| *expected != revision) {
            let subject = statement.subject().to_owned();
            return Err(Refusal::RevisionConflict { subject, expected, actual: revision }.into());
        }
        self.take_effect(event, position, time_ms)?;
        Ok(Verdict::Admitted(Admitted { issuer, id: event.id, revision: revision + 1 }))
    }

    fn may_record(&self, issuer: &Identity, event: &Event, index: u64, time_ms: u64) -> Result<(), Refusal> {
        let info = event.info();
        match (issuer, &event.data) {
            // The ledger holds no roles: it speaks about itself, and founds with the policies it starts from.
            (Identity::Ledger(_), Data::Ledger(_)) => Ok(()),
            (Identity::Ledger(_), Data::Policy(_)) if self.is_founding(index) => Ok(()),
            (_, Data::Ledger(_)) => Err(Refusal::LedgerOnly { event_type: info.event_type }),
            _ => self.authority.may_record(issuer, info, &event.subject.namespace, time_ms),
        }
    }

    /// Whether the ledger has no policy yet, which is so in the genesis block only.
    fn is_founding(&self, index: u64) -> bool {
        index > 0 && !self.authority.has_policy()
    }

    /// Changes the state as the admitted event says. Refuses before it changes anything.
    fn take_effect<E>(&mut self, event: &Event, position: Position, time_ms: u64) -> Result<(), AdmitError<E>> {
        match &event.data {
            Data::Authority(AuthorityEvent::Enrolled(enrolled)) => {
                let key = {
                    let origin = self.origin.clone();
                    authority(self).enrol(event, enrolled, &origin)
                }?;
                Arc::make_mut(&mut self.keyring).insert(key);
            }
            Data::Authority(AuthorityEvent::RoleGranted(granted)) => authority(self).grant(event, granted, time_ms)?,
            Data::Authority(AuthorityEvent::RoleWithdrawn(withdrawn)) => authority(self).withdraw(event, withdrawn)?,
            Data::Authority(AuthorityEvent::KeyRevoked(revoked)) => {
                authority(self).revoke(event, revoked, position.index)?;
            }
            Data::Policy(PolicyEvent::Published(published)) => match published.as_ref() {
                Published::Roles(policy) => authority(self).adopt(policy)?,
                _ => return Ok(()),
            },
            Data::Ledger(LedgerEvent::RulesAdopted(adopted)) => {
                if !KNOWN_RULE_SETS.contains(&adopted.rule_set) {
                    return Err(AdmitError::UnknownRuleSet { found: adopted.rule_set, index: position.index });
                }
                self.rule_set = adopted.rule_set;
            }
            _ => return Ok(()),
        }
        self.changes += 1;
        Ok(())
    }
}

/// The authority, to be changed: copied first if an earlier state still shares it.
fn authority(state: &mut State) -> &mut Authority {
    Arc::make_mut(&mut state.authority)
}
