//! What the view holds: its tables, their keys and their records.
//!
//! | table | key | record |
//! |---|---|---|
//! | events | index | what filters look at, and the digest of the statement, which is in the log |
//! | lists | list, span of the log | what the span put into the list (see `lists`) |
//! | times | moment, index | nothing |
//! | ids | event id, index | nothing |
//! | answers | index of the event that is regarded, index | nothing |
//! | corrections | index of the event that is corrected, index | what its issuer corrected |
//! | moved | subject without version, index of the event, index of the correction | the subject with its version |
//! | steps | endpoint, moment, index | what a statement changes about what serves there |
//! | endpoints | model or use case, endpoint | nothing |
//! | facts | version, index | nothing |
//! | serving | endpoint | what serves there, as far as was recorded |
//! | confirmable | digest of a statement that can be confirmed | its index |
//! | subjects | subject, with and without its version | nothing |
//!
//! Event ids are unique per issuer only, so an id may lead to several events. Which of them a statement refers to, and
//! which corrections count as their issuer's own, the follower has looked up.

use probity_domain::serving::{Serving, Step};
use probity_domain::signed::ordered_at_ms;
use probity_projection::{Key, Parts, Provenance, Recorded, StoreError, Subjects, Table, View};
use probity_query::QueryError;
use probity_schemas::{Event, EventId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const EVENTS: Table<EventRecord> = Table::new(1);
/// The beginning of the same records.
const HEADS: Table<EventHead> = Table::new(1);
pub(crate) const TIMES: Table<()> = Table::new(3);
const IDS: Table<()> = Table::new(4);
pub(crate) const ANSWERS: Table<()> = Table::new(5);
pub(crate) const CORRECTIONS: Table<Correction> = Table::new(6);
pub(crate) const MOVED: Table<String> = Table::new(7);
pub(crate) const STEPS: Table<Step> = Table::new(8);
pub(crate) const ENDPOINTS: Table<()> = Table::new(9);
pub(crate) const FACTS: Table<()> = Table::new(10);
pub(crate) const SERVING: Table<Serving> = Table::new(11);
pub(crate) const CONFIRMABLE: Table<u64> = Table::new(12);
pub(crate) const SUBJECTS: Subjects = Subjects::new(13);

/// What filters look at. Stands in front of its entry, so that it can be read without the rest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EventHead {
    /// Unix seconds.
    pub(crate) recorded_at: u64,
    /// The earliest and the latest it can have happened, in Unix milliseconds; `None` where nobody knows.
    pub(crate) occurred: Option<(u64, u64)>,
    pub(crate) event_type: String,
    pub(crate) subject: String,
    pub(crate) about: Vec<String>,
    /// What it concerns because it is about an endpoint: the versions that served there, and the use.
    pub(crate) concerns: Vec<String>,
    pub(crate) signer: String,
    pub(crate) on_behalf_of: Option<String>,
    /// The index of the act that it confirms.
    pub(crate) confirms: Option<u64>,
    provenance: Option<Provenance>,
}

impl EventHead {
    /// The earliest and the latest it can have happened, in Unix milliseconds, and never later than it was
    /// recorded: a date that lies ahead puts nothing off.
    pub(crate) fn happened(&self) -> Option<(u64, u64)> {
        let recorded_ms = self.recorded_at.saturating_mul(1_000);
        self.occurred.map(|(earliest, latest)| (earliest.min(recorded_ms), latest.min(recorded_ms)))
    }

    /// The moment to sort it by, as [`Recorded::sorted_at_ms`] says it.
    pub(crate) fn sorted_at_ms(&self) -> u64 {
        ordered_at_ms(self.occurred.map(|(_, latest_ms)| latest_ms), self.recorded_at.saturating_mul(1_000))
    }

    pub(crate) fn provenance(&self) -> &'static str {
        self.provenance.map_or("", Provenance::as_str)
    }
}

/// One statement.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EventRecord {
    pub(crate) head: EventHead,
    /// SHA-256 of the signed statement.
    pub(crate) digest: [u8; 32],
}

impl EventRecord {
    pub(crate) fn of(recorded: &Recorded) -> Self {
        let event = &recorded.event;
        let head = EventHead {
            recorded_at: recorded.recorded_at,
            occurred: event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms())),
            event_type: event.event_type().to_owned(),
            subject: event.subject.to_string(),
            about: event.about.iter().map(ToString::to_string).collect(),
            concerns: Vec::new(),
            signer: recorded.signer(),
            on_behalf_of: event.on_behalf_of.as_ref().map(ToString::to_string),
            confirms: None,
            provenance: Some(recorded.provenance()),
        };
        Self { head, digest: Sha256::digest(recorded.statement.bytes()).into() }
    }

    /// What it says, of the one at `index`: from the log.
    pub(crate) fn event(&self, view: &View, index: u64) -> Result<Event, QueryError> {
        let statement = view.statement(index, &self.digest)?;
        // It was readable when it was folded, and these are the same bytes.
        Ok(statement.event().map_err(|_| StoreError::Changed { index })?)
    }
}

/// What the issuer of an event corrected about it later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Correction {
    pub(crate) index: u64,
    pub(crate) voids: bool,
    /// What the event is about in truth.
    pub(crate) new_subject: Option<String>,
}

/// The beginning of a hash, for keys only: whoever reads what stands under one compares with the text itself.
pub(crate) fn short(kind: u8, text: &str) -> [u8; 8] {
    let digest = Sha256::new().chain_update([kind]).chain_update(text).finalize();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

/// A subject without its version.
pub(crate) fn whole(subject: &str) -> &str {
    subject.split_once('@').map_or(subject, |(whole, _)| whole)
}

pub(crate) fn event_key(index: u64) -> Key {
    EVENTS.key().number(index)
}

pub(crate) fn id_key(id: &[u8; 16]) -> Key {
    IDS.key().fixed(id)
}

pub(crate) fn corrections_key(corrected: u64) -> Key {
    CORRECTIONS.key().number(corrected)
}

pub(crate) fn moved_key(subject: &str) -> Key {
    MOVED.key().text(whole(subject))
}

pub(crate) fn step_key(endpoint: &str, at_ms: u64, index: u64) -> Key {
    steps_key(endpoint).number(at_ms).number(index)
}

pub(crate) fn steps_key(endpoint: &str) -> Key {
    STEPS.key().text(whole(endpoint))
}

/// The table of events, for what is written.
pub(crate) const fn events() -> Table<EventRecord> {
    EVENTS
}

pub(crate) const fn ids() -> Table<()> {
    IDS
}

pub(crate) fn entry(view: &View, index: u64) -> Result<Option<EventRecord>, StoreError> {
    view.record(&EVENTS, &event_key(index))
}

pub(crate) fn head(view: &View, index: u64) -> Result<Option<EventHead>, StoreError> {
    view.record(&HEADS, &event_key(index))
}

/// Statements that were folded.
pub(crate) fn size(view: &View) -> Result<u64, StoreError> {
    Ok(view.cursor()?.map_or(0, |cursor| cursor.tree_size))
}

/// How many statements were recorded by then (Unix seconds); all where nothing is asked. The times of the log never go
/// back, so they are a beginning of it.
pub(crate) fn known(view: &View, known_by: Option<u64>) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, size(view)?);
    let Some(known_by) = known_by else { return Ok(high) };
    while low < high {
        let middle = low + (high - low) / 2;
        match head(view, middle)? {
            Some(head) if head.recorded_at <= known_by => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The indices of the events with this id, in the order of the log.
pub(crate) fn indices_of(view: &View, id: &[u8; 16]) -> Result<Vec<u64>, StoreError> {
    numbers_under(view, &id_key(id), usize::MAX)
}

/// The numbers that follow a beginning of keys, at most so many of them.
pub(crate) fn numbers_under(view: &View, prefix: &Key, most: usize) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for pair in view.scan_after(prefix, None).take(most) {
        let (key, _) = pair?;
        found.extend(key.get(prefix.as_bytes().len()..).and_then(|rest| rest.try_into().ok()).map(u64::from_be_bytes));
    }
    Ok(found)
}

/// The texts that follow a beginning of keys, at most so many of them.
pub(crate) fn texts_under(view: &View, prefix: &Key, most: usize) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for pair in view.scan_after(prefix, None).take(most) {
        let (key, _) = pair?;
        // One byte before the rest stands for that of a table.
        let rest = key.get(prefix.as_bytes().len() - 1..).unwrap_or_default();
        found.extend(Parts::of(rest).text().map(str::to_owned));
    }
    Ok(found)
}

pub(crate) fn id_bytes(id: &EventId) -> [u8; 16] {
    *id.as_uuid().as_bytes()
}
