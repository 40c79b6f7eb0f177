//! The first statement: from it everything else follows.

use probity_schemas::ledger::{Founded, LedgerEvent};
use probity_schemas::{Data, Identity, Name};
use probity_statement::{KeyError, KeyId, LedgerKeys, LedgerKeysError, PublicKey, SignedStatement, StatementError};

use crate::KNOWN_RULE_SETS;
use crate::authority::{ADMINISTRATOR, Authority};
use crate::life::Life;
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
    /// The rule sets of this version do not know the role of administrators.
    #[error("the name of the administrator role is not valid")]
    RoleName,
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
        let mut authority = Authority::default();
        let ledger = keys.identity();
        authority.add(&ledger, &keys.checkpoint, Vec::new(), Vec::new());
        appoint_administrators(&mut authority, &founded)?;
        add_recovery_keys(&mut authority, &ledger, &founded)?;
        Ok(Self::new(keys.origin, founded.rule_set, authority, Policies::default(), Life::default()))
    }
}

fn appoint_administrators(authority: &mut Authority, founded: &Founded) -> Result<(), GenesisError> {
    let (count, single) = (founded.administrators.len(), founded.single_administrator);
    if (count == 1) != single {
        return Err(GenesisError::Administrators { count, single });
    }
    let role: Name = ADMINISTRATOR.parse().map_err(|_| GenesisError::RoleName)?;
    for administrator in &founded.administrators {
        let identity = administrator.identity.clone();
        if !matches!(identity, Identity::Person(_)) {
            return Err(GenesisError::NotAPerson { identity });
        }
        let key = match PublicKey::from_bytes(administrator.public_key.as_bytes()) {
            Ok(key) => key,
            Err(source) => return Err(GenesisError::AdministratorKey { identity, source }),
        };
        if key.id().0 != *administrator.kid.as_bytes() {
            return Err(GenesisError::WrongKid { identity, actual: key.id() });
        }
        if authority.number(&identity).is_some() || authority.has_key(key.id()) {
            return Err(GenesisError::Repeated { identity });
        }
        authority.add(&identity, &key, Vec::new(), Vec::new());
        authority.appoint(&identity, role.clone(), Vec::new());
    }
    Ok(())
}

fn add_recovery_keys(authority: &mut Authority, ledger: &Identity, founded: &Founded) -> Result<(), GenesisError> {
    let Some(recovery) = &founded.recovery else {
        authority.constitute(founded.single_administrator, 0);
        return Ok(());
    };
    authority.constitute(founded.single_administrator, recovery.threshold);
    for (number, key) in (1..).zip(&recovery.keys) {
        match PublicKey::from_bytes(key.as_bytes()) {
            Ok(key) if !authority.has_key(key.id()) => authority.add_recovery_key(ledger, &key),
            _ => return Err(GenesisError::RecoveryKey { number }),
        }
    }
    Ok(())
}
