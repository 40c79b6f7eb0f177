//! Views folded from events made by hand, without a log: for the tests of projectors and queries.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use probity_log::ReadError;
use probity_schemas::{Event, EventId, Identity};
use probity_statement::{SecretKey, SignedStatement, Unsigned};
use probity_tlog::leaf_hash;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::projector::Projector;
use crate::recorded::Recorded;
use crate::references::{References, resolve};
use crate::roster::Roster;
use crate::statements::Statements;
use crate::store::{Cursor, Store, View, Writes};

/// When the first statement is recorded, in Unix seconds: 2025-01-06T00:00:00Z.
pub const DAY_0: u64 = 1_736_121_600;

/// The ledger that the statements of a scene are made for.
pub const ORIGIN: &str = "ledger.test/views";

/// A directory for views that are made and thrown away by the thousand: in memory where the system has a place for that,
/// since a new store waits for the disk a dozen times.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The statements of a scene, by index.
#[derive(Debug, Default)]
struct Signed(Mutex<HashMap<u64, Bytes>>);

impl Statements for Signed {
    fn statement(&self, index: u64) -> Result<Bytes, ReadError> {
        let signed = self.0.lock().unwrap();
        signed.get(&index).cloned().ok_or(ReadError::NoSuchStatement { index })
    }
}

/// A view and what was folded into it.
#[derive(Debug)]
pub struct Scene<P> {
    projector: P,
    view: View,
    /// The table of event ids.
    references: View,
    roster: Roster,
    /// The index of the first statement.
    first: u64,
    /// Where it lies, and where others beside it do.
    directory: TempDir,
    recorded: Vec<Recorded>,
    signed: Arc<Signed>,
    ids: HashMap<String, u64>,
}

impl<P: Projector> Default for Scene<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Projector> Scene<P> {
    /// An empty view.
    pub fn new() -> Self {
        Self::beginning_at(0)
    }

    /// An empty view, into which the log is folded from this index on: for what depends on how long the log is.
    pub fn beginning_at(first: u64) -> Self {
        let directory = scratch();
        let store = Store::open(directory.path(), 8 << 20).unwrap();
        let signed = Arc::<Signed>::default();
        let view = store.view(P::NAME).unwrap().quoting(signed.clone());
        let references = References::tree(&store).unwrap();
        let (projector, roster, recorded, ids) = (P::default(), Roster::default(), Vec::new(), HashMap::new());
        Self { projector, view, references, roster, first, directory, recorded, signed, ids }
    }

    /// Records an event written as JSON, on the day whose number is given: without `id` (one is made from the index),
    /// `v` 1 unless it says so, subjects and identities as text. It happened at noon unless it says when; `null` for
    /// an unknown time. Gives the index.
    pub fn record(&mut self, signer: &str, day: u64, event: Value) -> u64 {
        let index = self.first + self.recorded.len() as u64;
        let recorded_at = DAY_0 + day * 86_400 + 43_200;
        let event = event_of(event, index, recorded_at);
        let statement = sign(&event, &signer.parse().unwrap());
        self.fold(Recorded::new(index, recorded_at, statement, event));
        index
    }

    /// The event id of what [`Self::record`] gave this index.
    pub fn id(&self, index: u64) -> String {
        self.recorded[(index - self.first) as usize].event.id.to_string()
    }

    /// Looks up what a statement refers to, and folds it.
    pub fn fold(&mut self, mut recorded: Recorded) {
        let mut looked_up = self.references.batch();
        resolve(&mut recorded, &mut self.roster, &mut looked_up, true).unwrap();
        let looked_up = Writes::of(looked_up, Cursor::NONE);
        self.references.write(looked_up);
        let mut batch = self.view.batch();
        self.projector.apply(&recorded, &mut batch).unwrap();
        let next_height = recorded.index + 1;
        let root = leaf_hash(recorded.statement.bytes());
        let writes = Writes::of(batch, Cursor { next_height, tree_size: next_height, root });
        self.view.write(writes);
        self.ids.insert(recorded.event.id.to_string(), recorded.index);
        self.signed.0.lock().unwrap().insert(recorded.index, recorded.statement.bytes().clone());
        self.recorded.push(recorded);
    }

    /// The view.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What was folded.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// The same statements folded into another view, `together` at a time: what it holds must be the same.
    pub fn fold_again(&self, together: usize) -> View {
        let directory = self.directory.path().join(format!("again-{together}"));
        let view = Store::open(&directory, 8 << 20).unwrap().view(P::NAME).unwrap();
        let mut view = view.quoting(self.signed.clone());
        let mut projector = P::default();
        for group in self.recorded.chunks(together) {
            let mut batch = view.batch();
            for recorded in group {
                projector.apply(recorded, &mut batch).unwrap();
            }
            let last = group.last().unwrap();
            let root = leaf_hash(last.statement.bytes());
            let next_height = last.index + 1;
            let writes = Writes::of(batch, Cursor { next_height, tree_size: next_height, root });
            view.write(writes);
        }
        view
    }
}

fn event_of(mut event: Value, index: u64, recorded_at: u64) -> Event {
    let fields = event.as_object_mut().unwrap();
    let mut random = [7; 10];
    random[2..].copy_from_slice(&index.to_be_bytes());
    fields.entry("id").or_insert_with(|| json!(EventId::from_time(recorded_at * 1_000, random).to_string()));
    fields.entry("v").or_insert(json!(1));
    fields.entry("occurred").or_insert(json!(recorded_at * 1_000));
    if fields["occurred"].is_null() {
        fields.remove("occurred");
    }
    subjects(&mut event);
    Event::from_value(&event).unwrap()
}

/// Subjects written as text become the objects they are in an event.
fn subjects(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Ok(subject) = text.parse::<probity_schemas::Subject>() {
                *value = serde_json::to_value(subject).unwrap();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(subjects),
        Value::Object(fields) => fields.values_mut().for_each(subjects),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The key that a signer of the scene has: always the same one.
pub fn key_of(signer: &str) -> SecretKey {
    SecretKey::from_seed(&Sha256::digest(signer).into()).unwrap()
}

fn sign(event: &Event, signer: &Identity) -> SignedStatement {
    let key = key_of(&signer.to_string());
    let unsigned = Unsigned::new(event, signer, ORIGIN, key.public().id()).unwrap();
    unsigned.sign(&key).unwrap()
}
