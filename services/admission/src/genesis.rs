//! The first statement: from it everything else follows.

use probity_domain::authority::Authority;
use probity_schemas::ledger::{Founded, LedgerEvent};
use probity_schemas::{Data, Identity};
use probity_statement::{KeyError, KeyId, LedgerKeys, LedgerKeysError, PublicKey, SignedStatement, StatementError};

use crate::KNOWN_RULE_SETS;
use crate::domain::DomainState;
use crate::policies::Policies;
use crate::state::State;

/// Why a statement does not found a ledger.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not a founding statement, or not signed by the ledger it founds.
    #[error(transparent)]
    Keys(#[from] LedgerKeysError),
    /// Not a readable event.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Rules that this version does not know: it must not guess.
    #[error("the ledger was founded under rule set {found}; this version knows {KNOWN_RULE_SETS:?}: upgrade")]
    UnknownRuleSet {
        /// The rule set.
        found: u32,
    },
    /// An administrator who is not a person.
    #[error("administrator {identity} is not a person")]
    NotAPerson {
        /// The identity.
        identity: Identity,
    },
    /// An administrator's key that cannot be used.
    #[error("the key of administrator {identity}: {source}")]
    AdministratorKey {
        /// The identity.
        identity: Identity,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A thumbprint that is not its key's.
    #[error("the key of administrator {identity} has thumbprint {actual}, not the one stated")]
    WrongKid {
        /// The identity.
        identity: Identity,
        /// The key's own thumbprint.
        actual: KeyId,
    },
    /// The same person or key twice.
    #[error("administrator {identity} is named twice, or shares a key")]
    Repeated {
        /// The identity.
        identity: Identity,
    },
    /// The number of administrators is not what the statement says it is.
    #[error(
        "{count} administrators, but single_administrator is {single}: two are needed, unless one is declared to be enough"
    )]
    Administrators {
        /// How many are named.
        count: usize,
        /// What it declares.
        single: bool,
    },
    /// A recovery key that cannot be used, or is there twice.
    #[error("recovery key {number} of the founding statement is not usable, or is there twice")]
    RecoveryKey {
        /// Which, counted from 1.
        number: usize,
    },
}

impl State {
    /// The state after statement 0 of a ledger, which must be `ledger.founded`, signed by the ledger itself.
    pub fn found(statement: &SignedStatement) -> Result<Self, GenesisError> {
        let keys = LedgerKeys::from_founding(statement)?;
        let event = statement.event()?;
        let Data::Ledger(LedgerEvent::Founded(founded)) = event.data else {
            return Err(LedgerKeysError::NotFounding { found: event.event_type() }.into());
        };
        if !KNOWN_RULE_SETS.contains(&founded.rule_set) {
            return Err(GenesisError::UnknownRuleSet { found: founded.rule_set });
        }
        check_administrators(&keys, &founded)?;
        check_recovery_keys(&keys, &founded)?;
        let authority = Authority::found(&founded);
        Ok(Self::new(keys.origin, founded.rule_set, authority, Policies::default(), DomainState::default()))
    }
}

fn check_administrators(ledger: &LedgerKeys, founded: &Founded) -> Result<(), GenesisError> {
    let (count, single) = (founded.administrators.len(), founded.single_administrator);
    if (count == 1) != single {
        return Err(GenesisError::Administrators { count, single });
    }
    let mut taken = vec![(ledger.identity(), ledger.checkpoint.id())];
    for administrator in &founded.administrators {
        let identity = administrator.identity.clone();
        if !matches!(identity, Identity::Person(_)) {
            return Err(GenesisError::NotAPerson { identity });
        }
        let key = match PublicKey::from_bytes(administrator.public_key.as_bytes()) {
            Ok(key) => key.id(),
            Err(source) => return Err(GenesisError::AdministratorKey { identity, source }),
        };
        if key.0 != *administrator.kid.as_bytes() {
            return Err(GenesisError::WrongKid { identity, actual: key });
        }
        if taken.iter().any(|(who, kid)| *who == identity || *kid == key) {
            return Err(GenesisError::Repeated { identity });
        }
        taken.push((identity, key));
    }
    Ok(())
}

fn check_recovery_keys(ledger: &LedgerKeys, founded: &Founded) -> Result<(), GenesisError> {
    let administrators = founded.administrators.iter().map(|administrator| KeyId(*administrator.kid.as_bytes()));
    let mut taken: Vec<KeyId> = administrators.chain([ledger.checkpoint.id()]).collect();
    let keys = founded.recovery.iter().flat_map(|recovery| &recovery.keys);
    for (number, key) in (1..).zip(keys) {
        match PublicKey::from_bytes(key.as_bytes()) {
            Ok(key) if !taken.contains(&key.id()) => taken.push(key.id()),
            _ => return Err(GenesisError::RecoveryKey { number }),
        }
    }
    Ok(())
}
