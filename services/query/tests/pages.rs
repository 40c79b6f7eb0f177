//! Pages together are the list, whatever their sizes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_projection::{Cursor, Store, Table, View, Writes};
use probity_query::{Page, QueryError};
use probity_tlog::Hash;
use proptest::prelude::*;
use tempfile::TempDir;

const NUMBERS: Table<u64> = Table::new(7);
const CURSOR: Cursor = Cursor { next_height: 0, tree_size: 0, root: Hash::EMPTY_ROOT };

/// A list with enough keys for many leaves, of which every third is left out, and neighbours that
/// must not be found.
fn many() -> (TempDir, View) {
    let dir = tempfile::tempdir().unwrap();
    let mut view = Store::open(dir.path(), 8 << 20).unwrap().view("v").unwrap();
    let mut batch = view.batch();
    for number in (0..6_000_u64).filter(|number| number % 3 != 0) {
        batch.insert(NUMBERS.key().text("list").number(number), number.to_be_bytes());
    }
    for neighbour in ["lisa", "list-", "lit"] {
        for number in 0..700 {
            batch.insert(NUMBERS.key().text(neighbour).number(number), *b"no");
        }
    }
    let writes = Writes::of(batch, CURSOR);
    view.write(writes);
    view.keep().unwrap();
    (dir, view)
}

/// The numbers of the list that can be divided by `divisor`, page by page.
fn page(view: &View, divisor: u64, size: u32, token: &str) -> Result<(Vec<u64>, String), QueryError> {
    let page = Page::of(size, token)?;
    let items = view.scan_after(&NUMBERS.key().text("list"), page.after.as_deref()).map(|pair| {
        let (key, value) = pair?;
        let number = u64::from_be_bytes(value.try_into().unwrap());
        Ok((key, (number % divisor == 0).then_some(number)))
    });
    let paged = page.take(items)?;
    Ok((paged.items, paged.next_page_token))
}

#[test]
fn all_pages_together_are_the_list() {
    let (_dir, view) = &many();
    proptest!(ProptestConfig::with_cases(40), |(divisor in 1..3_000_u64, sizes in prop::collection::vec(200..1_500_u32, 1..5))| {
        let expected: Vec<u64> = (0..6_000).filter(|number| number % 3 != 0 && number % divisor == 0).collect();
        let (mut found, mut token) = (Vec::new(), String::new());
        for size in sizes.iter().cycle() {
            let (items, next) = page(view, divisor, *size, &token).unwrap();
            prop_assert!(items.len() <= (*size).min(1_000) as usize);
            // There is no page without anything on it, except for the only one of an empty list.
            prop_assert!(!items.is_empty() || expected.is_empty());
            found.extend(items);
            if next.is_empty() { break }
            token = next;
        }
        prop_assert_eq!(found, expected);
    });
}

#[test]
fn pages_have_a_usual_size_and_a_largest_one() {
    let (_dir, view) = &many();
    for (asked, given) in [(0, 50), (1, 1), (1_000, 1_000), (u32::MAX, 1_000)] {
        assert_eq!(page(view, 1, asked, "").unwrap().0.len(), given);
    }
}

#[test]
fn a_token_that_no_answer_gave_is_refused() {
    let (_dir, view) = &many();
    for token in ["?", "a b", "AA==", "%2F", "\u{e4}"] {
        let refused = page(view, 1, 5, token);
        assert!(matches!(refused, Err(QueryError::Invalid { field: "page_token", .. })), "{token}: {refused:?}");
    }
}
