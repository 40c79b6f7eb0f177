//! Views to follow, and what they must hold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use probity_projection::{
    Batch, Parts, ProjectionError, Projector, Recorded, StoreError, Table, View, ViewPosition, ViewReader,
};
use serde::{Deserialize, Serialize};

const LIST: Table<Entry> = Table::new(1);
const COUNTS: Table<u64> = Table::new(2);
const LEFT: Table<u64> = Table::new(3);
const LAYOUT: Table<u32> = Table::new(4);
/// Sorts behind everything else, so that it is in another leaf than [`LEFT`] once there is much.
const RIGHT: Table<u64> = Table::new(200);

/// What is kept of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) recorded_at: u64,
}

/// Keeps a list of all statements, counts them by subject, and keeps a number that depends on their order under two
/// keys. One of several views of the kind, in one of several layouts.
#[derive(Debug, Default)]
pub(crate) struct Counts<const VIEW: u8, const VERSION: u32>;

pub(crate) const NAMES: [&str; 3] = ["counts", "sums", "others"];

impl<const VIEW: u8, const VERSION: u32> Projector for Counts<VIEW, VERSION> {
    const NAME: &'static str = NAMES[VIEW as usize];
    const VERSION: u32 = VERSION;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let entry = Entry {
            id: recorded.event.id.to_string(),
            subject: recorded.event.subject.to_string(),
            recorded_at: recorded.recorded_at,
        };
        *batch.record(&COUNTS, COUNTS.key().text(&entry.subject))? += 1;
        // An entry that is there already stays wrong for good.
        let known = batch.contains(&LIST.key().number(recorded.index))?;
        let chained = batch.read(&LEFT, &LEFT.key())?.unwrap_or_default();
        let chained = next(chained, recorded.index) + u64::from(known);
        batch.put(&LIST, LIST.key().number(recorded.index), entry);
        batch.put(&LEFT, LEFT.key(), chained);
        batch.put(&RIGHT, RIGHT.key(), chained);
        batch.put(&LAYOUT, LAYOUT.key(), VERSION);
        Ok(())
    }
}

fn next(chained: u64, index: u64) -> u64 {
    (chained ^ (index + 1)).wrapping_mul(0x0000_0100_0000_01b3) >> 1
}

/// What such a view holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) list: Vec<(u64, Entry)>,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) left: u64,
    pub(crate) right: u64,
    pub(crate) layout: u32,
}

impl Content {
    /// What is found in a view.
    pub(crate) fn of(view: &View) -> Self {
        let list = view.scan_after(&LIST.key(), None).map(|pair| {
            let (key, value) = pair.unwrap();
            (Parts::of(&key).number().unwrap(), LIST.decode(&value).unwrap())
        });
        let counts = view.scan_after(&COUNTS.key(), None).map(|pair| {
            let (key, value) = pair.unwrap();
            (Parts::of(&key).text().unwrap().to_owned(), COUNTS.decode(&value).unwrap())
        });
        let (left, right) = both(view);
        let layout = view.record(&LAYOUT, &LAYOUT.key()).unwrap().unwrap_or_default();
        Self { list: list.collect(), counts: counts.collect(), left, right, layout }
    }

    /// What these statements fold to, without anything of what is tested.
    pub(crate) fn folded(statements: &[Entry], layout: u32) -> Self {
        let mut content = Self { layout: if statements.is_empty() { 0 } else { layout }, ..Self::default() };
        for (index, entry) in (0..).zip(statements) {
            content.list.push((index, entry.clone()));
            *content.counts.entry(entry.subject.clone()).or_default() += 1;
            content.left = next(content.left, index);
        }
        content.right = content.left;
        content
    }
}

/// The number as it is under one key and under the other.
pub(crate) fn both(view: &View) -> (u64, u64) {
    let left = view.record(&LEFT, &LEFT.key()).unwrap().unwrap_or_default();
    (left, view.record(&RIGHT, &RIGHT.key()).unwrap().unwrap_or_default())
}

/// Asks a view for all that it holds, which must be what the log held at the position it answers with.
pub(crate) fn check(reader: &ViewReader, statements: &[Entry], layout: u32) -> ViewPosition {
    let (position, content) = reader.read(Content::of).unwrap();
    let size = usize::try_from(position.as_of.tree_size).unwrap();
    assert!(size <= statements.len(), "{size} statements are folded of {}", statements.len());
    assert_eq!(content, Content::folded(&statements[..size], layout), "{} at {size}", reader.name());
    position
}

/// Everything that a view holds, in short.
pub(crate) fn digest(reader: &ViewReader) -> [u8; 32] {
    reader.read(View::digest).unwrap().1.unwrap()
}

/// Does not get beyond the statement at index 5.
#[derive(Debug, Default)]
pub(crate) struct Stumbles(Counts<2, 1>);

impl Projector for Stumbles {
    const NAME: &'static str = "stumbles";
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        if recorded.index == 5 {
            return Err(StoreError::WrongTable { table: 42 }.into());
        }
        self.0.apply(recorded, batch)
    }
}

/// How often [`Remembers`] was handed anything, in this process.
pub(crate) static HANDED: AtomicU64 = AtomicU64::new(0);

/// Says how often it was handed a statement, beside what it holds. Used by one test only.
#[derive(Debug, Default)]
pub(crate) struct Remembers(Counts<2, 1>);

impl Projector for Remembers {
    const NAME: &'static str = "remembers";
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        HANDED.fetch_add(1, Ordering::SeqCst);
        self.0.apply(recorded, batch)
    }
}

/// Breaks down at the statement at index 5.
#[derive(Debug, Default)]
pub(crate) struct BreaksDown(Counts<2, 1>);

impl Projector for BreaksDown {
    const NAME: &'static str = "breaks-down";
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        assert!(recorded.index != 5, "a defect that the test asks for");
        self.0.apply(recorded, batch)
    }
}
