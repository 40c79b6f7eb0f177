//! Keys sort as their parts do and batches and views agree with a plain map.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};

use probity_projection::{Cursor, Key, Packed, Parts, Store, StoreError, Table, View, Writes};
use probity_tlog::Hash;
use proptest::prelude::*;
use tempfile::TempDir;

const CACHE: usize = 8 << 20;
const NUMBERS: Table<u64> = Table::new(7);
const WORDS: Table<String> = Table::new(8);
const CURSOR: Cursor = Cursor { next_height: 0, tree_size: 0, root: Hash::EMPTY_ROOT };

fn view(dir: &TempDir) -> View {
    Store::open(dir.path(), CACHE).unwrap().view("v").unwrap()
}

/// Text as it may stand in a name: anything but a zero byte.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c/]{0,4}", "[^\\x00]{0,6}"]
}

type All = (String, u64, u32, u8, [u8; 4], String);

fn parts() -> impl Strategy<Value = All> {
    let small = prop_oneof![Just(0_u64), Just(255), Just(256), Just(u64::MAX), any::<u64>()];
    (text(), small, any::<u32>(), any::<u8>(), any::<[u8; 4]>(), text())
}

fn key((first, number, small, byte, fixed, last): &All) -> Key {
    NUMBERS.key().text(first).number(*number).small(*small).byte(*byte).fixed(fixed).text(last)
}

proptest! {
    #[test]
    fn keys_sort_as_their_parts_do(one in parts(), other in parts(), same in 0..6) {
        // Parts that are alike, so that later ones decide.
        let mut other = other;
        if same > 0 { other.0 = one.0.clone(); }
        if same > 1 { other.1 = one.1; }
        if same > 2 { other.2 = one.2; }
        if same > 3 { other.3 = one.3; }
        if same > 4 { other.4 = one.4; }
        let expected = one.cmp(&other);
        prop_assert_eq!(key(&one).cmp(&key(&other)), expected);
        prop_assert_eq!(key(&one).as_bytes().cmp(key(&other).as_bytes()), expected);
    }

    #[test]
    fn a_key_is_taken_apart_into_what_it_was_put_together_from(all in parts()) {
        let key = key(&all);
        let mut parts = Parts::of(key.as_bytes());
        prop_assert_eq!(parts.text().map(str::to_owned), Some(all.0));
        prop_assert_eq!(parts.number(), Some(all.1));
        prop_assert_eq!(parts.small(), Some(all.2));
        prop_assert_eq!(parts.byte(), Some(all.3));
        prop_assert_eq!(parts.fixed(), Some(all.4));
        prop_assert_eq!(parts.text().map(str::to_owned), Some(all.5));
        let none = (parts.text(), parts.number(), parts.small(), parts.byte(), parts.fixed::<2>());
        prop_assert_eq!(none, (None, None, None, None, None));
    }

    #[test]
    fn taking_apart_what_is_no_key_gives_nothing_and_does_not_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..20), order in prop::collection::vec(0..5, 0..8),
    ) {
        let mut parts = Parts::of(&bytes);
        for what in order {
            match what {
                0 => drop(parts.text()),
                1 => drop(parts.number()),
                2 => drop(parts.small()),
                3 => drop(parts.byte()),
                _ => drop(parts.fixed::<16>()),
            }
        }
    }

    #[test]
    fn the_beginning_of_a_text_covers_the_texts_that_begin_so(whole in text(), beginning in text()) {
        let covers = NUMBERS.key().text(&whole).as_bytes().starts_with(NUMBERS.key().beginning(&beginning).as_bytes());
        prop_assert_eq!(covers, whole.starts_with(&beginning));
    }
}

#[test]
fn a_text_with_a_zero_byte_does_not_reach_into_the_next_part() {
    let key = NUMBERS.key().text("a\0b").number(5);
    let mut parts = Parts::of(key.as_bytes());
    assert_eq!(parts.text(), Some("a\u{1}b"));
    assert_eq!(parts.number(), Some(5));
}

/// What may be done to a batch.
#[derive(Debug, Clone)]
enum Write {
    Put(u8, u64),
    Add(u8, u64),
    Bytes(u8, u64),
    Remove(u8),
    Apply,
    Keep,
    Freeze,
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (0..12_u8, any::<u64>()).prop_map(|(key, value)| Write::Put(key, value)),
        3 => (0..12_u8, 0..9_u64).prop_map(|(key, value)| Write::Add(key, value)),
        1 => (0..12_u8, 0..100_u64).prop_map(|(key, value)| Write::Bytes(key, value)),
        3 => (0..12_u8).prop_map(Write::Remove),
        2 => Just(Write::Apply),
        1 => Just(Write::Keep),
        1 => Just(Write::Freeze),
    ]
}

fn numbered(key: u8) -> Key {
    NUMBERS.key().text(if key < 6 { "low" } else { "high" }).byte(key)
}

fn of_prefix(expected: &BTreeMap<Vec<u8>, u64>, prefix: &Key) -> Vec<(Vec<u8>, u64)> {
    let found = expected.iter().filter(|(key, _)| key.starts_with(prefix.as_bytes()));
    found.map(|(key, value)| (key.clone(), *value)).collect()
}

/// Scans of a view in both directions, whole and from each key on, against a plain map.
fn agrees(view: &View, expected: &BTreeMap<Vec<u8>, u64>) -> Result<(), TestCaseError> {
    let read = |found: &mut dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>| {
        let pair =
            |pair: Result<(Vec<u8>, Vec<u8>), _>| pair.map(|(key, value)| (key, NUMBERS.decode(&value).unwrap()));
        found.map(pair).collect::<Result<Vec<_>, _>>().unwrap()
    };
    let all: Vec<(Vec<u8>, u64)> = expected.iter().map(|(key, value)| (key.clone(), *value)).collect();
    prop_assert_eq!(read(&mut view.scan(NUMBERS.key().as_bytes())), all.clone());
    for key in (0..12).map(numbered) {
        let key = key.as_bytes();
        let (mut after, mut before) = (all.clone(), all.clone());
        after.retain(|(other, _)| other.as_slice() > key);
        before.retain(|(other, _)| other.as_slice() < key);
        before.reverse();
        prop_assert_eq!(read(&mut view.scan_after(&NUMBERS.key(), Some(key))), after);
        prop_assert_eq!(read(&mut view.scan_before(&NUMBERS.key(), Some(key))), before);
        prop_assert_eq!(view.get(key).unwrap().is_some(), expected.contains_key(key));
    }
    Ok(())
}

#[test]
fn a_batch_sees_what_the_view_will_hold() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let store = Store::open(dir.path(), CACHE).unwrap();
    proptest!(|(writes in prop::collection::vec(write(), 0..40))| {
        let mut view = store.view("v").unwrap();
        view.clear().unwrap();
        let mut expected = BTreeMap::new();
        let mut applied = BTreeMap::new();
        let mut frozen = Vec::new();
        let mut batch = view.batch();
        for write in writes {
            match write {
                Write::Put(key, value) => {
                    batch.put(&NUMBERS, numbered(key), value);
                    expected.insert(numbered(key).into(), value);
                }
                Write::Add(key, value) => {
                    let record = batch.record(&NUMBERS, numbered(key)).unwrap();
                    *record = record.wrapping_add(value);
                    let held: &mut u64 = expected.entry(numbered(key).into()).or_default();
                    *held = held.wrapping_add(value);
                }
                Write::Bytes(key, value) => {
                    // A number below 128 is one byte.
                    batch.insert(numbered(key), [value as u8]);
                    expected.insert(numbered(key).into(), value);
                }
                Write::Remove(key) => {
                    batch.remove(numbered(key));
                    expected.remove(numbered(key).as_bytes());
                }
                Write::Apply | Write::Keep => {
                    let writes = Writes::of(batch, CURSOR);
                    view.write(writes);
                    if matches!(write, Write::Keep) {
                        view.keep().unwrap();
                    }
                    applied = expected.clone();
                    agrees(&view, &applied)?;
                    batch = view.batch();
                }
                Write::Freeze => frozen.push((view.frozen(), applied.clone())),
            }
            for key in 0..12 {
                let key = numbered(key);
                let there = expected.get(key.as_bytes()).copied();
                prop_assert_eq!(batch.read(&NUMBERS, &key).unwrap(), there);
                prop_assert_eq!(batch.contains(&key).unwrap(), there.is_some());
                let bytes = batch.get(key.as_bytes()).unwrap();
                prop_assert_eq!(bytes.map(|bytes| NUMBERS.decode(&bytes).unwrap()), there);
            }
            for prefix in [NUMBERS.key(), NUMBERS.key().text("low"), NUMBERS.key().text("high"), NUMBERS.key().text("no")] {
                let there = of_prefix(&expected, &prefix);
                prop_assert_eq!(batch.records(&NUMBERS, &prefix).unwrap(), there.clone());
                let keys: Vec<_> = there.into_iter().map(|(key, _)| key).collect();
                prop_assert_eq!(batch.keys(&prefix).unwrap(), keys);
            }
        }
        // Who reads a moment of the view reads that moment, whatever was written since.
        for (view, expected) in frozen {
            agrees(&view, &expected)?;
        }
    });
}

#[test]
fn keys_that_are_marked_are_there_until_they_are_removed() {
    const MARKS: Table<()> = Table::new(10);
    let mark = |key: u8| MARKS.key().byte(key);
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let store = Store::open(dir.path(), CACHE).unwrap();
    proptest!(|(writes in prop::collection::vec(write(), 0..60))| {
        let mut view = store.view("v").unwrap();
        view.clear().unwrap();
        let mut expected = BTreeSet::new();
        let mut batch = view.batch();
        for write in writes {
            match write {
                Write::Put(key, _) | Write::Add(key, _) | Write::Bytes(key, _) => {
                    batch.mark(&MARKS, mark(key));
                    expected.insert(Vec::from(mark(key)));
                }
                Write::Remove(key) => {
                    batch.remove(mark(key));
                    expected.remove(mark(key).as_bytes());
                }
                Write::Freeze => {
                    // What was given up leaves no trace.
                    batch = view.batch();
                    expected = keys_of(view.scan(MARKS.key().as_bytes()), usize::MAX).into_iter().collect();
                }
                Write::Apply | Write::Keep => {
                    let writes = Writes::of(batch, CURSOR);
                    view.write(writes);
                    if matches!(write, Write::Keep) {
                        view.keep().unwrap();
                    }
                    let found: BTreeSet<_> = keys_of(view.scan(MARKS.key().as_bytes()), usize::MAX).into_iter().collect();
                    prop_assert_eq!(&found, &expected);
                    batch = view.batch();
                }
            }
            for key in 0..12 {
                prop_assert_eq!(batch.contains(&mark(key)).unwrap(), expected.contains(mark(key).as_bytes()));
            }
        }
    });
}

/// What becomes of a view after a statement.
#[derive(Debug, Clone, Copy)]
enum Then {
    Batch,
    Write,
    Keep,
    OpenAgain,
}

#[test]
fn a_row_of_a_span_goes_on_where_it_was_kept_and_only_there() {
    const ROWS: Table<Packed<(u64, i64)>> = Table::new(9);
    const SPAN: u64 = 5;
    let then =
        prop_oneof![3 => Just(Then::Batch), 3 => Just(Then::Write), 2 => Just(Then::Keep), 1 => Just(Then::OpenAgain)];
    proptest!(ProptestConfig::with_cases(64), |(history in prop::collection::vec((0..3_u8, any::<i64>(), then), 0..40))| {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut view = Some(view(&dir));
        let mut expected = BTreeMap::<(u8, u64), Vec<(u64, i64)>>::new();
        let mut waiting = Vec::new();
        for (index, (row, value, then)) in (0_u64..).zip(history) {
            expected.entry((row, index / SPAN)).or_default().push((index, value));
            waiting.push((row, index, value));
            let open = view.as_mut().unwrap();
            if !matches!(then, Then::Batch) {
                let mut batch = open.batch();
                for (row, index, value) in waiting.drain(..) {
                    let key = ROWS.key().byte(row).number(index / SPAN);
                    batch.record_since(&ROWS, key, index - index % SPAN).unwrap().push(&(index, value)).unwrap();
                }
                let writes = Writes::of(batch, Cursor { tree_size: index + 1, ..CURSOR });
                open.write(writes);
            }
            if matches!(then, Then::Keep | Then::OpenAgain) {
                open.keep().unwrap();
            }
            if matches!(then, Then::OpenAgain) {
                drop(view.take());
                view = Some(self::view(&dir));
            }
            if waiting.is_empty() {
                let mut found = BTreeMap::new();
                for pair in view.as_ref().unwrap().scan_after(&ROWS.key(), None) {
                    let (key, value) = pair.unwrap();
                    let mut parts = Parts::of(&key);
                    let row = ROWS.decode(&value).unwrap();
                    prop_assert_eq!(row.count(), row.all().unwrap().len() as u64);
                    found.insert((parts.byte().unwrap(), parts.number().unwrap()), row.all().unwrap());
                }
                prop_assert_eq!(&found, &expected);
            }
        }
    });
}

#[test]
fn a_key_that_is_used_for_two_types_is_a_defect_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let view = view(&dir);
    let mut batch = view.batch();
    batch.put(&WORDS, WORDS.key().text("k"), "a word that is no number".repeat(9));
    let bytes = batch.get(WORDS.key().text("k").as_bytes()).unwrap().unwrap();
    assert_eq!(WORDS.decode(&bytes).unwrap(), "a word that is no number".repeat(9));
    batch.insert(NUMBERS.key().text("k"), [255; 12]);
    let found = batch.read(&NUMBERS, &NUMBERS.key().text("k"));
    assert!(matches!(&found, Err(StoreError::Record(error)) if error.table == 7), "{found:?}");
}

/// Enough keys for many leaves, of which every third is left out, and neighbours that must not be found.
fn many() -> (TempDir, View, Vec<Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let mut view = view(&dir);
    let mut batch = view.batch();
    let mut keys = Vec::new();
    for number in (0..6_000_u64).filter(|number| number % 3 != 0) {
        let key: Vec<u8> = NUMBERS.key().text("list").number(number).into();
        batch.insert(key.clone(), number.to_be_bytes());
        keys.push(key);
    }
    for neighbour in [NUMBERS.key().text("lisa"), NUMBERS.key().text("list-"), NUMBERS.key().text("lit")] {
        for number in 0..700 {
            batch.insert(neighbour.clone().number(number), *b"no");
        }
    }
    batch.insert(Table::<u64>::new(6).key().byte(255), *b"no");
    batch.insert(WORDS.key(), *b"no");
    let writes = Writes::of(batch, CURSOR);
    view.write(writes);
    view.keep().unwrap();
    (dir, view, keys)
}

fn keys_of(found: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>, limit: usize) -> Vec<Vec<u8>> {
    found.take(limit).map(|pair| pair.unwrap().0).collect()
}

#[test]
fn scans_in_both_directions_find_all_and_nothing_else() {
    let (_dir, view, keys) = &many();
    let prefix = NUMBERS.key().text("list");
    assert_eq!(keys_of(view.scan(prefix.as_bytes()), usize::MAX), *keys);
    assert_eq!(keys_of(view.scan_after(&prefix, None), usize::MAX), *keys);
    let backwards: Vec<_> = keys.iter().rev().cloned().collect();
    assert_eq!(keys_of(view.scan_before(&prefix, None), usize::MAX), backwards);
    for none in [NUMBERS.key().text("nothing"), NUMBERS.key().text(""), WORDS.key().text("list")] {
        assert_eq!(keys_of(view.scan_after(&none, None), usize::MAX), Vec::<Vec<u8>>::new());
        assert_eq!(keys_of(view.scan_before(&none, None), usize::MAX), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn every_key_is_found_from_its_neighbours_on_both_sides() {
    // Wherever leaves end, one of these is at their boundary.
    let (_dir, view, keys) = &many();
    let prefix = NUMBERS.key().text("list");
    for (place, key) in keys.iter().enumerate() {
        let next = keys.get(place + 1).cloned();
        assert_eq!(keys_of(view.scan_after(&prefix, Some(key)), 1).pop(), next, "after {place}");
        let previous = place.checked_sub(1).map(|place| keys[place].clone());
        assert_eq!(keys_of(view.scan_before(&prefix, Some(key)), 1).pop(), previous, "before {place}");
    }
}

#[test]
fn scans_from_anywhere_are_those_of_a_plain_list() {
    let (_dir, view, keys) = &many();
    proptest!(|(number in 0..6_100_u64, limit in 0..900_usize, elsewhere in prop::option::of(prop::collection::vec(any::<u8>(), 0..10)))| {
        let prefix = NUMBERS.key().text("list");
        let mark = elsewhere.unwrap_or_else(|| prefix.clone().number(number).into());
        let after: Vec<_> = keys.iter().filter(|key| **key > mark).take(limit).cloned().collect();
        prop_assert_eq!(keys_of(view.scan_after(&prefix, Some(&mark)), limit), after);
        let before: Vec<_> = keys.iter().rev().filter(|key| **key < mark).take(limit).cloned().collect();
        prop_assert_eq!(keys_of(view.scan_before(&prefix, Some(&mark)), limit), before);
    });
}

#[test]
fn a_scan_from_a_key_of_another_list_finds_this_list_or_nothing() {
    let (_dir, view, keys) = &many();
    let all = keys.len();
    // Keys of other lists, before and after this one, and those beyond all.
    let anywhere = [
        (NUMBERS.key().text("lisa").number(5), all),
        (NUMBERS.key().text("lit").number(5), 0),
        (WORDS.key().text("list"), 0),
        (NUMBERS.key(), all),
    ];
    for (key, expected) in anywhere {
        let mark: Vec<u8> = key.into();
        let found = keys_of(view.scan_after(&NUMBERS.key().text("list"), Some(&mark)), usize::MAX);
        assert_eq!(found.len(), expected);
        assert!(found.is_empty() || found == *keys);
    }
}
