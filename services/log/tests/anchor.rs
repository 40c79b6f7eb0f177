//! The anchor by itself: it only goes forward, and a write that was cut short loses nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use probity_log::simulated_disk::{Mode, SimulatedDisk, Survivors};
use probity_log::storage::Storage as _;
use probity_log::{Anchor, AnchorError, Head};
use probity_tlog::Hash;

const PATH: &str = "/volume/probity.anchor";

fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    disk.create_dir_all(Path::new("/volume")).unwrap();
    disk
}

fn create(disk: &SimulatedDisk, head: Option<Head>) -> Result<Anchor, AnchorError> {
    Anchor::create(disk, Path::new(PATH), head)
}

fn open(disk: &SimulatedDisk) -> Anchor {
    Anchor::open(disk, Path::new(PATH)).unwrap().unwrap()
}

fn head(height: u64) -> Head {
    Head { height, tree_size: height * 3 + 1, root: Hash([height as u8; 32]), time: 100 + height }
}

#[test]
fn an_anchor_says_what_it_was_moved_to() {
    let disk = disk();
    assert!(Anchor::open(&disk, Path::new(PATH)).unwrap().is_none());
    let mut anchor = create(&disk, None).unwrap();
    assert_eq!(anchor.head(), None);
    assert_eq!(open(&disk).head(), None);
    for height in [0, 1, 2, 7, 8] {
        anchor.advance(head(height)).unwrap();
        assert_eq!(open(&disk).head(), Some(head(height)));
        assert_eq!(Anchor::peek(&disk, Path::new(PATH)).unwrap(), Some(Some(head(height))));
    }
    anchor.advance(head(8)).unwrap();
    assert!(matches!(create(&disk, None), Err(AnchorError::Exists { .. })));
}

#[test]
fn an_anchor_never_goes_back_and_never_takes_another_root() {
    let disk = disk();
    let mut anchor = create(&disk, Some(head(5))).unwrap();
    let older = [head(4), Head { height: 5, ..head(6) }, Head { time: 1, ..head(6) }, Head { tree_size: 1, ..head(6) }];
    for older in older {
        assert!(matches!(anchor.advance(older), Err(AnchorError::Backwards { .. })), "{older:?}");
    }
    let forks = [Head { root: Hash([9; 32]), ..head(5) }, Head { height: 6, ..head(5) }, Head { time: 106, ..head(5) }];
    for fork in forks {
        assert!(matches!(anchor.advance(fork), Err(AnchorError::Disagrees { .. })), "{fork:?}");
    }
    assert_eq!(open(&disk).head(), Some(head(5)));
}

#[test]
fn an_advance_that_is_cut_short_leaves_the_old_or_the_new() {
    for mode in [Mode::EndsBefore, Mode::EndsHalfway, Mode::EndsAfter, Mode::Fails, Mode::FailsHalfway] {
        for at in 0..2 {
            for survivors in [Survivors::All, Survivors::None, Survivors::Some] {
                let disk = disk();
                let mut anchor = create(&disk, None).unwrap();
                anchor.advance(head(0)).unwrap();
                anchor.advance(head(1)).unwrap();
                disk.fail_at(at, mode);
                anchor.advance(head(2)).unwrap_err();
                let disk = disk.after_power_cut(survivors);
                let mut anchor = open(&disk);
                assert!([Some(head(1)), Some(head(2))].contains(&anchor.head()), "{mode:?} at {at}: {anchor:?}");
                anchor.advance(head(3)).unwrap();
                assert_eq!(open(&disk.after_power_cut(Survivors::None)).head(), Some(head(3)));
            }
        }
    }
}

#[test]
fn an_advance_that_was_not_synced_is_synced_before_the_other_slot_is_given_up() {
    let disk = disk();
    let mut anchor = create(&disk, None).unwrap();
    anchor.advance(head(0)).unwrap();
    disk.fail_at(1, Mode::Fails);
    anchor.advance(head(1)).unwrap_err();
    disk.restart();
    let mut anchor = open(&disk);
    assert_eq!(anchor.head(), Some(head(1)), "it is in the page cache");
    disk.fail_at(0, Mode::EndsHalfway);
    anchor.advance(head(2)).unwrap_err();
    assert_eq!(open(&disk.after_power_cut(Survivors::All)).head(), Some(head(1)));
}

#[test]
fn two_slots_that_contradict_each_other_are_refused() {
    let (disk, fork) = (disk(), self::disk());
    create(&disk, Some(head(5))).unwrap();
    create(&fork, Some(Head { root: Hash([9; 32]), ..head(5) })).unwrap();
    let mut bytes = disk.contents(Path::new(PATH));
    bytes[4096..].copy_from_slice(&fork.contents(Path::new(PATH))[4096..]);
    disk.set_contents(Path::new(PATH), bytes);
    let refused = Anchor::open(&disk, Path::new(PATH));
    assert!(matches!(refused, Err(AnchorError::Disagrees { .. })), "{refused:?}");
}
