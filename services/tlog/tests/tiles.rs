//! Coordinates, paths and contents of tiles and entry bundles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod naive;

use naive::NaiveTree;
use probity_tlog::{
    BundleError, BundleId, NodeReader as _, TileError, TileId, TilePathError, append_entry, decode_bundle, subtree_root,
};
use proptest::prelude::*;

#[test]
fn paths_are_written_as_in_the_specification() {
    let cases = [
        (0, 0, 256, "tile/0/000"),
        (0, 67, 256, "tile/0/067"),
        (3, 999, 1, "tile/3/999.p/1"),
        (1, 1000, 256, "tile/1/x001/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (0, 1_234_067, 255, "tile/0/x001/x234/067.p/255"),
        (0, u64::MAX >> 8, 256, "tile/0/x072/x057/x594/x037/x927/935"),
    ];
    for (level, index, width, path) in cases {
        let tile = TileId::new(level, index, width).unwrap();
        assert_eq!(tile.path(), path);
        assert_eq!(TileId::parse(path), Ok(tile));
    }
    let bundle = BundleId::new(1_234_067, 7).unwrap();
    assert_eq!(bundle.path(), "tile/entries/x001/x234/067.p/7");
    assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
    assert_eq!(bundle.first_entry(), 1_234_067 * 256);
}

#[test]
fn any_other_spelling_of_a_path_is_refused() {
    for path in [
        "",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/+00",
        "tile/0/x000/000",
        "tile/0/x001/x000",
        "tile/0/001/000",
        "tile/0/xx01/000",
        "tile/0/x0001/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "tile/7/001",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/x099/x999/x999/x999/x999/x999/999",
        "tile/entries/000",
        "tile/data/000",
    ] {
        assert!(TileId::parse(path).is_err(), "{path:?}");
    }
    assert_eq!(BundleId::parse("tile/0/000"), Err(TilePathError::Prefix));
    assert_eq!(BundleId::parse("tile/entries/0"), Err(TilePathError::Index));
    assert_eq!(BundleId::parse("tile/entries/000.p/0"), Err(TilePathError::Width));
}

#[test]
fn no_tile_is_empty_too_wide_or_outside_every_tree() {
    assert_eq!(TileId::new(0, 0, 0), Err(TileError::Width { width: 0 }));
    assert_eq!(TileId::new(0, 0, 257), Err(TileError::Width { width: 257 }));
    assert_eq!(TileId::new(8, 0, 1), Err(TileError::OutsideEveryTree { level: 8, index: 0 }));
    assert_eq!(TileId::new(7, 1, 1), Err(TileError::OutsideEveryTree { level: 7, index: 1 }));
    assert_eq!(BundleId::new(0, 0), Err(TileError::Width { width: 0 }));
    assert!(BundleId::new(u64::MAX >> 8, 256).is_ok());
    assert!(BundleId::new((u64::MAX >> 8) + 1, 256).is_err());
}

#[test]
fn the_tiles_of_a_tree_are_those_the_specification_lists() {
    let paths = |size| TileId::all(size).map(TileId::path).collect::<Vec<_>>();
    assert_eq!(paths(0), Vec::<String>::new());
    assert_eq!(paths(1), ["tile/0/000.p/1"]);
    assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
    // The example of C2SP tlog-tiles: a tree of 70,000 leaves.
    let tiles = paths(70_000);
    assert_eq!(tiles.len(), 273 + 1 + 2 + 1);
    assert_eq!(tiles[272], "tile/0/272");
    assert_eq!(tiles[273..], ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let bundles = |size| BundleId::all(size).map(BundleId::path).collect::<Vec<_>>();
    assert_eq!(bundles(0), Vec::<String>::new());
    assert_eq!(bundles(257), ["tile/entries/000", "tile/entries/001.p/1"]);
    assert_eq!(bundles(512), ["tile/entries/000", "tile/entries/001"]);
}

#[test]
fn the_root_over_a_full_tile_is_the_node_eight_levels_up() {
    let tree = NaiveTree::of_size(512);
    assert_eq!(subtree_root(&tree.0[256..]), Ok(tree.node(8, 1).unwrap()));
    assert_eq!(subtree_root(&tree.0[4..8]), Ok(tree.node(2, 1).unwrap()));
    assert_eq!(subtree_root(&tree.0[7..8]), Ok(tree.0[7]));
    assert_eq!(subtree_root(&tree.0[..3]), Err(TileError::NotASubtree { found: 3 }));
    assert_eq!(subtree_root(&[]), Err(TileError::NotASubtree { found: 0 }));
}

#[test]
fn a_bundle_is_the_entries_with_their_lengths() {
    let mut bundle = Vec::new();
    append_entry(&mut bundle, b"ab").unwrap();
    append_entry(&mut bundle, b"").unwrap();
    append_entry(&mut bundle, b"c").unwrap();
    assert_eq!(bundle, b"\x00\x02ab\x00\x00\x00\x01c");
    assert_eq!(decode_bundle(&bundle), Ok(vec![&b"ab"[..], b"", b"c"]));
    assert_eq!(decode_bundle(&[]), Ok(vec![]));
}

#[test]
fn a_bundle_that_ends_inside_an_entry_or_is_too_wide_is_refused() {
    assert_eq!(decode_bundle(b"\x00\x01a\x00"), Err(BundleError::Truncated { entry: 1 }));
    assert_eq!(decode_bundle(b"\x00\x02a"), Err(BundleError::Truncated { entry: 0 }));
    assert_eq!(decode_bundle(&[0; 2 * 257]), Err(BundleError::TooManyEntries));
    assert_eq!(decode_bundle(&[0; 2 * 256]).unwrap().len(), 256);
    let mut bundle = b"as it was".to_vec();
    let too_long = BundleError::EntryTooLong { length: 65_536 };
    assert_eq!(append_entry(&mut bundle, &[0; 65_536]), Err(too_long));
    assert_eq!(bundle, b"as it was");
    assert!(append_entry(&mut bundle, &[0; 65_535]).is_ok());
}

proptest! {
    #[test]
    fn a_path_leads_back_to_its_tile(level in 0_u8..8, index in any::<u64>(), width in 1_u16..=256) {
        let index = index >> (8 * level) >> 8;
        let tile = TileId::new(level, index, width).unwrap();
        prop_assert_eq!(TileId::parse(&tile.path()), Ok(tile));
    }

    #[test]
    fn no_text_is_read_that_would_be_written_otherwise(path in "tile/[0-9]{1,2}(/x?[0-9]{2,4}){1,4}(\\.p/[0-9]{0,3})?") {
        if let Ok(tile) = TileId::parse(&path) {
            prop_assert_eq!(tile.path(), path);
        }
    }
}
