//! Damaged segments: below the anchor they are named, above it they are taken over or cleared away.

use std::os::unix::fs::FileExt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::scene::{FRAMES_START, Scene, copy, flip, open, stop};

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_of_a_released_block_is_named_with_file_offset_height_and_index() {
    let mut scene = Scene::recorded(&[1, 20, 3, 1]).await;
    let segment = scene.segment(0);
    for frame in scene.frames(0) {
        // Its length, its checksum, its head, its statements, and the end of its checkpoint.
        for at in [0, 3, 5, 9, frame.length / 2, frame.length - 1] {
            flip(&segment, frame.offset + at);
            scene.assert_named(&frame.place(&segment));
            flip(&segment, frame.offset + at);
        }
    }
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_of_a_segments_header_is_named() {
    let mut scene = Scene::recorded(&[2]).await;
    let segment = scene.segment(0);
    for at in [0, 8, 15, 16, 23, 40, FRAMES_START - 1] {
        flip(&segment, at);
        scene.assert_named(&format!("{}", segment.display()));
        flip(&segment, at);
    }
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_changed_together_with_its_checksum_does_not_verify() {
    let scene = Scene::recorded(&[3, 3, 3]).await;
    let segment = scene.segment(0);
    for frame in scene.frames(0) {
        let file = open(&segment);
        let mut bytes = vec![0; frame.length as usize];
        file.read_exact_at(&mut bytes, frame.offset).unwrap();
        let original = bytes.clone();
        // Inside the last statement's signature.
        let at = bytes.len() - frame.block.checkpoint().len() - 20;
        bytes[at] ^= 1;
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..4]), &bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_be_bytes());
        file.write_all_at(&bytes, frame.offset).unwrap();
        let (code, said) = scene.verify();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("(block {},", frame.block.height())), "{said}");
        file.write_all_at(&original, frame.offset).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zeroed_blocks_are_missed() {
    let mut scene = Scene::recorded(&[1, 1, 1]).await;
    let segment = scene.segment(0);
    let frames = scene.frames(0);
    let last = frames.last().unwrap();
    let file = open(&segment);
    for frame in &frames {
        let mut rest = vec![0; (last.end() - frame.offset) as usize];
        file.read_exact_at(&mut rest, frame.offset).unwrap();
        file.write_all_at(&vec![0; rest.len()], frame.offset).unwrap();
        scene.assert_named(&frame.place(&segment));
        file.write_all_at(&rest, frame.offset).unwrap();
    }
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_cut_short_is_named_with_what_is_missing() {
    let scene = Scene::recorded(&[1, 5]).await;
    let segment = scene.segment(0);
    let length = open(&segment).metadata().unwrap().len();
    let frames = scene.frames(0);
    // Its last byte, all that holds nothing, half a block, all blocks, and everything.
    let last = frames.last().unwrap();
    for cut in [length - 1, last.end(), last.end() - last.length / 2, FRAMES_START, 0] {
        open(&segment).set_len(cut).unwrap();
        scene.assert_named(&format!("{}", segment.display()));
        assert_eq!(open(&segment).metadata().unwrap().len(), cut, "nothing is repaired behind anyone's back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_segment_is_named() {
    let scene = Scene::recorded(&[1, 5]).await;
    let segment = scene.segment(0);
    std::fs::remove_file(&segment).unwrap();
    scene.assert_named(&format!("{}", segment.display()));
    std::fs::remove_file(scene.segment(1)).unwrap();
    scene.assert_named(&format!("{}", segment.display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_made_in_advance_that_was_deleted_is_made_again() {
    let mut scene = Scene::recorded(&[1, 5]).await;
    std::fs::remove_file(scene.segment(1)).unwrap();
    scene.assert_whole().await;
    assert!(scene.segment(1).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_block_above_the_anchor_is_taken_over_and_a_torn_one_is_discarded() {
    let mut scene = Scene::recorded(&[1, 5]).await;
    let older = scene.ledger.home.path().join("older");
    copy(&scene.anchor(), &older);
    let server = scene.ledger.serve(&[]).unwrap();
    scene.record(&server, 2).await;
    let unreleased = scene.acknowledged.len();
    scene.record(&server, 20).await;
    stop(server);

    copy(&older, &scene.anchor());
    scene.assert_whole().await;

    // The last two blocks are those of `assert_whole` and the one of 20; as if the latter had never been finished.
    let segment = scene.segment(0);
    let frames = scene.frames(0);
    let torn = &frames[frames.len() - 2];
    let garbage = vec![0; (frames[frames.len() - 1].end() - torn.offset - torn.length / 2) as usize];
    open(&segment).write_all_at(&garbage, torn.offset + torn.length / 2).unwrap();
    copy(&older, &scene.anchor());
    let lost: Vec<_> = scene.acknowledged.drain(unreleased..).map(|lost| lost.statement).collect();
    let said = scene.assert_whole().await;
    let (height, index) = (torn.block.height(), torn.block.first_index());
    let place = format!("(block {height}, from index {index})");
    assert!(said.contains("discarded") && said.contains(&place), "{place}: {said}");
    // What was in it was never answered in that world, and can be recorded.
    let server = scene.ledger.serve(&[]).unwrap();
    let outcomes = probity_tests::register(&mut server.registration().await.unwrap(), &lost).await.unwrap();
    for (statement, outcome) in lost.into_iter().zip(outcomes) {
        scene.acknowledge(statement, outcome);
    }
    stop(server);
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_above_the_anchor_is_cleared_away() {
    let mut scene = Scene::recorded(&[1, 5]).await;
    let mut garbage = vec![0; 3000];
    StdRng::seed_from_u64(7).fill_bytes(&mut garbage);
    for distance in [0, 1, 100_000, 1 << 20] {
        let end = scene.frames(0).last().unwrap().end();
        open(&scene.segment(0)).write_all_at(&garbage, end + distance).unwrap();
        let said = scene.assert_whole().await;
        let place = format!("{} offset {}", scene.segment(0).display(), end + distance);
        assert!(said.contains("discarded") && said.contains(&place), "{said}");
    }
    open(&scene.segment(1)).write_all_at(&garbage, 5000).unwrap();
    let said = scene.assert_whole().await;
    assert!(said.contains("discarded") && said.contains(&format!("{} offset 5000", scene.segment(1).display())));
}
