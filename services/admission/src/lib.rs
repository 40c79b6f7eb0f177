//! Who may record what, in which order: a state machine folded from statements.
//!
//! [`State::admit`] judges one statement at its position and, if it is admitted, becomes the state after it. The same
//! code runs at the door, at a restart, and in an outsider's verifier, so it reads nothing but its arguments: no clock,
//! no file, no network. Which event ids and revisions exist is asked of a [`History`], because they do not fit in memory.
//!
//! Facts are refused for one of four reasons only: their form, their signer, their signer's roles, and that there is no
//! room: a subject gathers so much and no more (`room`). Acts also obey the rules of `rules`, each of which is a variant of
//! [`RuleViolation`].
//!
//! Which rules hold is itself in the log. Rule set 1 asks of an act that it is timely and its signer authorised; power
//! takes effect with one signature. Rule set 2 holds everything in `rules`, and power takes two persons. Whatever the
//! rule set, the state is folded from every statement, so that a later rule set knows the past.

mod authority;
mod consequences;
mod domain;
mod empower;
mod facts;
mod genesis;
mod history;
mod moment;
mod policies;
mod refusal;
mod room;
mod rules;
mod snapshot;
mod state;
mod violation;

pub use consequences::{Ended, Held, What};
pub use genesis::GenesisError;
pub use history::{EmptyHistory, History};
pub use probity_domain::authority::{CONFIRMATION_MAX_WAIT_MS, Enrolee, HeldRole};
pub use probity_domain::exceptions::EMERGENCY_MAX_MS;
pub use probity_domain::{End, Lapse};
pub use refusal::Refusal;
pub use rules::{ACT_MAX_AGE_MS, ACT_MAX_LEAD_MS};
pub use snapshot::SnapshotError;
pub use state::{AdmitError, Admitted, Mark, Position, Rights, State, Submitted, Verdict};
pub use violation::RuleViolation;

/// The number of the rule set that this version founds ledgers with.
pub const CURRENT_RULE_SET: u32 = 2;

/// The rule sets that this version can judge by. A ledger under another one needs a newer version.
pub const KNOWN_RULE_SETS: &[u32] = &[1, 2];

/// The first rule set under which power takes two persons and acts obey the rules.
pub(crate) const RULES_OF_POWER: u32 = probity_domain::authority::TWO_PERSONS_SINCE;
