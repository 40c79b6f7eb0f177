//! Who may do what at each position, folded once for all views as the door folds it.

use std::sync::Arc;

use probity_domain::authority::{Authority, Enacted, TWO_PERSONS_SINCE};
use probity_domain::{Signed, SignedBy};
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::{Data, Digest, Event, Kid};
use probity_statement::SignedStatement;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::batch::Batch;
use crate::record::{Parts, RecordError, Table};
use crate::recorded::Recorded;
use crate::store::{StoreError, View};

/// Index → a statement that says who may do what, as it was recorded: from these the roster comes back.
const AUTHORITY: Table<Enacting> = Table::new(5);

/// A statement of authority.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Enacting {
    /// When it was recorded, in Unix milliseconds.
    time_ms: u64,
    /// The signed statement.
    statement: Vec<u8>,
}

/// Who may do what before the statement at a position.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    authority: Arc<Authority>,
    rule_set: u32,
}

impl Roster {
    /// The roster before the statement at `index`, from those that are kept.
    pub(crate) fn before(view: &View, index: u64) -> Result<Self, StoreError> {
        let mut roster = Self::default();
        for (key, enacting) in view.batch().records(&AUTHORITY, &AUTHORITY.key())? {
            let at = Parts::of(&key).number().unwrap_or_default();
            if at >= index {
                break;
            }
            // What was kept could be read then, so the store is damaged where it cannot be any more.
            let damaged = || RecordError { table: AUTHORITY.byte(), reason: postcard::Error::DeserializeBadEncoding };
            let statement = SignedStatement::parse(enacting.statement.into()).map_err(|_| damaged())?;
            let event = statement.event().map_err(|_| damaged())?;
            roster.enact(&statement, &event, at, enacting.time_ms);
        }
        Ok(roster)
    }

    /// Says of a statement who may do what with it, and takes in what it changes about that; one that `is_new` is kept.
    pub(crate) fn take(&mut self, recorded: &mut Recorded, batch: &mut Batch<'_>, is_new: bool) {
        if changes_authority(&recorded.event.data) {
            let (index, time_ms) = (recorded.index, recorded.recorded_at_ms());
            if is_new {
                let statement = recorded.statement.bytes().to_vec();
                batch.put(&AUTHORITY, AUTHORITY.key().number(index), Enacting { time_ms, statement });
            }
            recorded.enacted = self.enact(&recorded.statement, &recorded.event, index, time_ms);
        }
        recorded.authority = self.authority.clone();
    }

    fn enact(&mut self, statement: &SignedStatement, event: &Event, index: u64, time_ms: u64) -> Enacted {
        let authority = Arc::make_mut(&mut self.authority);
        match &event.data {
            Data::Ledger(LedgerEvent::Founded(founded)) => {
                *authority = Authority::found(founded);
                self.rule_set = founded.rule_set;
            }
            Data::Ledger(LedgerEvent::RulesAdopted(adopted)) => self.rule_set = adopted.rule_set,
            _ => {}
        }
        let signed = signed(authority, statement, index, time_ms);
        let issuer = statement.issuer();
        let number = authority.number(issuer).unwrap_or(u32::MAX);
        let by = SignedBy { issuer, number, subject: statement.subject(), signed };
        let digest = || Digest::from_bytes(Sha256::digest(statement.bytes()).into());
        authority.enact(event, by, digest, self.rule_set >= TWO_PERSONS_SINCE)
    }
}

/// With which key a statement was signed, where and when. A key that is not enrolled has no number of its own.
pub(crate) fn signed(authority: &Authority, statement: &SignedStatement, index: u64, time_ms: u64) -> Signed {
    let key = authority.key_of(&Kid::from_bytes(statement.kid().0));
    Signed { key: key.map_or(u32::MAX, |(_, number)| number), index, time_ms }
}

fn changes_authority(data: &Data) -> bool {
    matches!(data, Data::Authority(_) | Data::Policy(_) | Data::Ledger(_))
}
