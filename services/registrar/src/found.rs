//! Founding a ledger: block 0.

use std::convert::Infallible;

use probity_admission::{
    AdmitError, CURRENT_RULE_SET, EmptyHistory, GenesisError, Position, State, Submitted, Verdict,
};
use probity_log::Block;
use probity_schemas::ledger::{Administrator, Founded, LedgerEvent, LedgerHead, LedgerKeys, Recovery};
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{
    Clock, DEFAULT_GATE, DEFAULT_ROLES, Data, Event, EventId, Kid, Name, Namespace, NonEmpty, Occurred, ParseError,
    PublicKey, Subject, SubjectKind, Timestamp,
};
use probity_statement::{LedgerSecrets, SignedStatement, StatementError, Unsigned};
use probity_tlog::{Frontier, KeyNameError};

use crate::block::{OpenBlock, SealError, Sealer};

/// What whoever founds a ledger decides.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The first who may enrol others: their identities and keys.
    pub administrators: Vec<(probity_schemas::Identity, probity_statement::PublicKey)>,
    /// Whether one administrator is declared to be enough.
    pub single_administrator: bool,
    /// How many of the recovery keys have to sign, and the keys; none for no recovery.
    pub recovery: Option<(u32, Vec<probity_statement::PublicKey>)>,
    /// The ledger that this one goes on from.
    pub succeeds: Option<LedgerHead>,
}

/// Why a ledger cannot be founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// No administrator was named.
    #[error("a ledger needs administrators")]
    NoAdministrators,
    /// The recovery keys do not make sense.
    #[error("{threshold} of {keys} recovery keys can never sign")]
    RecoveryThreshold {
        /// How many have to sign.
        threshold: u32,
        /// How many there are.
        keys: usize,
    },
    /// The statement would not found a ledger.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A statement could not be made.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The origin cannot stand in a checkpoint.
    #[error(transparent)]
    Origin(#[from] KeyNameError),
    /// A value of the vocabulary could not be made.
    #[error(transparent)]
    Vocabulary(#[from] ParseError),
    /// The default policy is not readable. A defect of this build.
    #[error("a default policy is not readable: {0}")]
    Policy(#[from] serde_json::Error),
    /// A default policy is not admitted under the current rules. A defect of this build.
    #[error("a default policy is not admitted: {0}")]
    PolicyRefused(#[source] Box<AdmitError<Infallible>>),
    /// Two default policies have the same event id: the random source repeats itself.
    #[error("a default policy has the event id of the statement at index {index}")]
    PolicyRepeated {
        /// Where the id was used first.
        index: u64,
    },
    /// The block could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Makes block 0: statement 0 founds the ledger, statements 1 and 2 put the default roles and the
/// gate to production into force.
///
/// # Errors
/// What `founding` says cannot found a ledger, or a default policy of this build is unusable.
pub fn founding_block(
    secrets: &LedgerSecrets,
    founding: &Founding,
    clock: &dyn Clock,
    mut random: impl FnMut() -> [u8; 10],
) -> Result<Block, FoundError> {
    let now_ms = clock.now_ms();
    let occurred = Some(Occurred::at(Timestamp::from_ms(now_ms)?));
    let mut state_it = |subject: Subject, title: &str, data: Data| -> Result<(SignedStatement, Event), FoundError> {
        let mut event = Event::new(EventId::from_time(now_ms, random()), subject, data);
        event.occurred = occurred;
        event.title = Some(title.parse()?);
        let identity = secrets.public().identity();
        let kid = secrets.checkpoint.public().id();
        let unsigned = Unsigned::new(&event, &identity, secrets.origin.as_str(), kid)?;
        Ok((unsigned.sign(&secrets.checkpoint)?, event))
    };
    let founded = LedgerEvent::Founded(Box::new(founded(secrets, founding)?));
    let (first, _) = state_it(Subject::this_ledger(), "The ledger is founded", founded.into())?;
    let policies = [
        ("roles", "The roles this ledger begins with", Published::Roles(serde_json::from_str(DEFAULT_ROLES)?)),
        ("production", "The gate to production", Published::Gate(serde_json::from_str(DEFAULT_GATE)?)),
    ];

    let mut after = State::found(&first)?;
    let time = now_ms / 1_000;
    let mut open = OpenBlock::new(0, time, Frontier::new(), after.mark());
    let mut push = |statement: &SignedStatement| open.push(statement.bytes().clone(), statement.leaf_hash());
    push(&first);
    for (index, (name, title, policy)) in (1..).zip(policies) {
        let published = PolicyEvent::Published(Box::new(policy));
        let (statement, event) = state_it(policy_subject(name)?, title, published.into())?;
        let submitted = Submitted { statement: &statement, event: &event, expected_revision: None };
        match after.admit(submitted, Position { index, block_time: time }, &EmptyHistory) {
            Ok(Verdict::Admitted(_)) => push(&statement),
            Ok(Verdict::AlreadyRecorded { index }) => {
                return Err(FoundError::PolicyRepeated { index });
            }
            Err(error) => return Err(FoundError::PolicyRefused(Box::new(error))),
        }
    }
    let sealed = Sealer::new(secrets.clone())?.seal(open)?;
    Ok(sealed.committed.block().clone())
}

fn founded(secrets: &LedgerSecrets, founding: &Founding) -> Result<Founded, FoundError> {
    let public = |key: &probity_statement::PublicKey| PublicKey::from_bytes(key.to_bytes());
    let administrators: Vec<Administrator> = founding
        .administrators
        .iter()
        .map(|(identity, key)| Administrator {
            identity: identity.clone(),
            public_key: public(key),
            kid: Kid::from_bytes(key.id().0),
        })
        .collect();
    let keys = secrets.public();
    let recovery = match &founding.recovery {
        None => None,
        Some((threshold, keys)) => {
            let impossible = || FoundError::RecoveryThreshold { threshold: *threshold, keys: keys.len() };
            if *threshold == 0 || *threshold as usize > keys.len() {
                return Err(impossible());
            }
            let keys = NonEmpty::try_from(keys.iter().map(public).collect::<Vec<_>>()).map_err(|_| impossible())?;
            Some(Recovery { threshold: *threshold, keys })
        }
    };
    Ok(Founded {
        origin: secrets.origin.clone(),
        rule_set: CURRENT_RULE_SET,
        keys: LedgerKeys {
            checkpoint: public(&keys.checkpoint),
            clock: public(&keys.clock),
            receipt: public(&keys.receipt),
        },
        administrators: NonEmpty::try_from(administrators).map_err(|_| FoundError::NoAdministrators)?,
        single_administrator: founding.single_administrator,
        recovery,
        succeeds: founding.succeeds.clone(),
    })
}

fn policy_subject(name: &str) -> Result<Subject, ParseError> {
    let (namespace, name): (Namespace, Name) = ("probity".parse()?, name.parse()?);
    Ok(Subject { kind: SubjectKind::Policy, namespace, name, version: None })
}
