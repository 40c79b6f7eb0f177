//! A view holds what was written to it, and nothing of a batch that was not applied.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use probity_projection::{Cursor, Store, Writes};
use probity_tlog::Hash;

const CACHE: usize = 8 << 20;

fn cursor(next_height: u64) -> Cursor {
    Cursor { next_height, tree_size: next_height * 10, root: Hash([next_height as u8; 32]) }
}

#[test]
fn a_batch_and_its_cursor_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path(), CACHE).unwrap();
        let mut view = store.view("registrar").unwrap();
        assert_eq!(view.cursor().unwrap(), None);
        let mut batch = view.batch();
        batch.insert(*b"\x01b", *b"2");
        batch.insert(*b"\x01a", *b"1");
        batch.insert(*b"\x02a", *b"other table");
        let writes = Writes::of(batch, cursor(3));
        view.write(writes);
        view.keep().unwrap();
    }
    let view = Store::open(dir.path(), CACHE).unwrap().view("registrar").unwrap();
    assert_eq!(view.cursor().unwrap(), Some(cursor(3)));
    let pairs: Vec<_> = view.scan(b"\x01").map(Result::unwrap).collect();
    assert_eq!(pairs, [(b"\x01a".to_vec(), b"1".to_vec()), (b"\x01b".to_vec(), b"2".to_vec())]);
}

#[test]
fn a_batch_sees_its_own_writes_and_the_view_does_not_before_it_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let mut view = Store::open(dir.path(), CACHE).unwrap().view("v").unwrap();
    let mut batch = view.batch();
    batch.insert(*b"\x01k", *b"old");
    let writes = Writes::of(batch, cursor(1));
    view.write(writes);

    let mut batch = view.batch();
    assert_eq!(batch.get(b"\x01k").unwrap(), Some(b"old".to_vec()));
    batch.insert(*b"\x01k", *b"new");
    assert_eq!(batch.get(b"\x01k").unwrap(), Some(b"new".to_vec()));
    batch.remove(*b"\x01k");
    assert_eq!(batch.get(b"\x01k").unwrap(), None);
    assert_eq!(view.get(b"\x01k").unwrap(), Some(b"old".to_vec()));
    let writes = Writes::of(batch, cursor(2));
    view.write(writes);
    assert_eq!(view.get(b"\x01k").unwrap(), None);
}

#[test]
fn a_cleared_view_starts_from_the_first_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut view = Store::open(dir.path(), CACHE).unwrap().view("v").unwrap();
    let mut batch = view.batch();
    batch.insert(*b"\x01k", *b"v");
    let writes = Writes::of(batch, cursor(1));
    view.write(writes);
    view.clear().unwrap();
    assert_eq!(view.cursor().unwrap(), None);
    assert_eq!(view.scan(b"\x01").count(), 0);
}
