//! The events that others can refer to, by their ids: one table for all views, which outlives the rebuilding of each.
//!
//! It follows the log as views do, and ahead of them: with the groups that it has taken in, its cursor and the end of the
//! log land in one batch, before any view sees them. What it says of a statement depends on the statements before that
//! one only, so a view that is folded anew is told the same as one that followed. The rules stand in the domain.

use probity_domain::references::{Referent, is_answerable, meant};
use probity_schemas::EventId;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::group::Group;
use crate::kept::{Gathering, Kept};
use crate::log_end::LogEnd;
use crate::record::{Key, Table};
use crate::recorded::Recorded;
use crate::roster::Roster;
use crate::store::{Store, StoreError, View, Writes};

/// The tree that holds the table.
const TREE: &str = "references.2";

/// Id → the first event that has it.
const FIRST: Table<First> = Table::new(1);
/// Id, index → a later event of another issuer that has the same id.
const LATER: Table<Referent> = Table::new(2);

/// The first event of an id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    referent: Referent,
    /// Whether there are later ones.
    shared: bool,
}

/// The table, and how far it is.
#[derive(Debug)]
pub(crate) struct References {
    view: View,
    end: LogEnd,
    kept: Kept,
    /// Who may do what before the next statement, and its index.
    roster: Option<(u64, Roster)>,
}

impl References {
    /// The tree of the table in a store.
    pub(crate) fn tree(store: &Store) -> Result<View, StoreError> {
        store.view(TREE)
    }

    /// The table, to go on from `end`; anew where the log has not been where it is.
    pub(crate) fn open(mut view: View, end: Option<LogEnd>, beginning: &LogEnd) -> Result<Self, StoreError> {
        let end = match end {
            Some(end) => end,
            None => {
                tracing::warn!("the table of event ids is of another log, or damaged; it is folded anew");
                view.clear()?;
                beginning.clone()
            }
        };
        let kept = Kept::now(Gathering::default(), end.chain.size());
        Ok(Self { view, end, kept, roster: None })
    }

    /// How much of it gathers in memory.
    pub(crate) fn gather(&mut self, gathering: Gathering) {
        self.kept = Kept::now(gathering, self.end.chain.size());
    }

    /// The log up to where it is taken in.
    pub(crate) fn end(&self) -> &LogEnd {
        &self.end
    }

    /// Says of each statement of a group what it refers to and who may do what with it, and takes in those
    /// that are new here.
    pub(crate) fn resolve(&mut self, group: &mut Group) -> Result<(), StoreError> {
        let size = self.end.chain.size();
        let first = group.recorded.first().map_or(size, |recorded| recorded.index);
        let mut roster = match self.roster.take() {
            Some((next, roster)) if next == first => roster,
            _ => Roster::before(&self.view, first)?,
        };
        let mut batch = self.view.batch();
        for recorded in &mut group.recorded {
            resolve(recorded, &mut roster, &mut batch, recorded.index >= size)?;
        }
        self.roster = Some((group.end.chain.size(), roster));
        if group.end.chain.size() > size {
            let cursor = group.end.keep(&mut batch)?;
            let writes = Writes::of(batch, cursor);
            self.view.write(writes);
            self.end = group.end.clone();
            self.kept.keep_if_due(&mut self.view, self.end.chain.size(), group.span_ends)?;
        }
        Ok(())
    }

    /// Writes to the files what gathers in memory, if it is time to.
    pub(crate) fn keep_if_due(&mut self) -> Result<(), StoreError> {
        self.kept.keep_if_due(&mut self.view, self.end.chain.size(), false)
    }

    /// Writes to the files what gathers in memory.
    pub(crate) fn keep(&mut self) -> Result<(), StoreError> {
        self.kept.keep(&mut self.view, self.end.chain.size())
    }
}

/// Says of a statement what it refers to and who may do what with it; one that `is_new` is taken in.
pub(crate) fn resolve(
    recorded: &mut Recorded,
    roster: &mut Roster,
    batch: &mut Batch<'_>,
    is_new: bool,
) -> Result<(), StoreError> {
    roster.take(recorded, batch, is_new);
    let (index, issuer) = (recorded.index, recorded.signer());
    if let Some(id) = &recorded.event.regarding {
        let candidates = under(batch, id, index)?;
        recorded.referent = meant(&recorded.event, &issuer, &candidates).cloned();
    }
    recorded.is_repeat = repeats(recorded, batch)?;
    if is_new {
        take_in(recorded, batch)?;
    }
    Ok(())
}

/// Whether an earlier event has the id, the type and the subject of one that others answer.
fn repeats(recorded: &Recorded, batch: &Batch<'_>) -> Result<bool, StoreError> {
    let event_type = recorded.event.event_type();
    if !is_answerable(event_type) {
        return Ok(false);
    }
    let subject = recorded.statement.subject();
    let earlier = under(batch, &recorded.event.id, recorded.index)?;
    Ok(earlier.iter().any(|other| other.event_type == event_type && other.subject == subject))
}

fn first_key(id: &EventId) -> Key {
    FIRST.key().fixed(id.as_uuid().as_bytes())
}

fn later_key(id: &EventId) -> Key {
    LATER.key().fixed(id.as_uuid().as_bytes())
}

/// The events before `index` that have this id, in the order of the log.
fn under(batch: &Batch<'_>, id: &EventId, index: u64) -> Result<Vec<Referent>, StoreError> {
    let Some(First { referent, shared }) = batch.read(&FIRST, &first_key(id))? else { return Ok(Vec::new()) };
    let mut found = vec![referent];
    if shared {
        found.extend(batch.records(&LATER, &later_key(id))?.into_iter().map(|(_, referent)| referent));
    }
    found.retain(|referent| referent.index < index);
    Ok(found)
}

fn take_in(recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let (event, index) = (&recorded.event, recorded.index);
    let referent = Referent::of(event, recorded.statement.issuer(), index, recorded.sorted_at_ms());
    let key = first_key(&event.id);
    if batch.contains(&key)? {
        batch.record(&FIRST, key)?.shared = true;
        batch.put(&LATER, later_key(&event.id).number(index), referent);
    } else {
        batch.put(&FIRST, key, First { referent, shared: false });
    }
    Ok(())
}
