//! What is committed can be read and proven.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::BTreeMap;

use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::SignedStatement;
use probity_tests::{Signer, TestLedger, register};
use probity_tlog::{ConsistencyProof, Hash, InclusionProof};
use serde_json::json;

fn model(number: u64) -> serde_json::Value {
    json!({
        "type": "model.registered",
        "subject": { "kind": "model", "namespace": "credit", "name": format!("m{number}") },
        "data": { "purpose": "Estimates something." },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_proven_at_every_size_and_every_size_extends_the_ones_before() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let developer = Signer::person().unwrap();
    ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
    let mut client = server.registration().await.unwrap();
    for batch in [1u64, 3, 1, 7, 2] {
        let statements: Vec<_> = (0..batch).map(|n| developer.state(model(n), ledger.origin()).unwrap()).collect();
        register(&mut client, &statements).await.unwrap();
    }
    let keys = server.keys().await.unwrap();
    let verifier = keys.checkpoint_verifier().unwrap();
    let mut log = server.log().await.unwrap();
    let newest = log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner();
    let mut roots = BTreeMap::new();
    for height in 0..=newest.height {
        let request = v1::GetCheckpointRequest { height: Some(height) };
        let checkpoint = log.get_checkpoint(request).await.unwrap().into_inner();
        let signed = verifier.open(&checkpoint.checkpoint).unwrap().checkpoint;
        assert_eq!(Hash::try_from(&checkpoint).unwrap(), signed.root);
        roots.insert(signed.size, signed.root);
    }
    for (size, root) in &roots {
        for index in 0..*size {
            let request = v1::GetInclusionProofRequest { index, tree_size: *size };
            let message = log.get_inclusion_proof(request).await.unwrap().into_inner();
            let (proof, leaf) = <(InclusionProof, Hash)>::try_from(&message).unwrap();
            proof.verify(&leaf, root).unwrap();
            let entry = log.get_entry(v1::GetEntryRequest { index }).await.unwrap().into_inner();
            assert_eq!(SignedStatement::parse(entry.statement).unwrap().leaf_hash(), leaf);
        }
        for (earlier, earlier_root) in roots.range(..size) {
            let request = v1::GetConsistencyProofRequest { first: *earlier, second: *size };
            let message = log.get_consistency_proof(request).await.unwrap().into_inner();
            ConsistencyProof::try_from(&message).unwrap().verify(earlier_root, root).unwrap();
        }
    }
    let beyond = v1::GetInclusionProofRequest { index: newest.tree_size, tree_size: 0 };
    assert_eq!(log.get_inclusion_proof(beyond).await.unwrap_err().code(), tonic::Code::OutOfRange);
    let nowhere = log.get_entry(v1::GetEntryRequest { index: newest.tree_size }).await.unwrap_err();
    assert_eq!(nowhere.code(), tonic::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_fetched_later_is_the_one_that_was_handed_out() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let developer = Signer::person().unwrap();
    ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
    let mut client = server.registration().await.unwrap();
    let statements: Vec<_> = (0..600).map(|n| developer.state(model(n), ledger.origin()).unwrap()).collect();
    let mut handed_out = Vec::new();
    for chunk in statements.chunks(50) {
        for outcome in register(&mut client, chunk).await.unwrap() {
            let Outcome::Recorded(recorded) = outcome else { panic!("{outcome:?}") };
            handed_out.push(recorded);
        }
    }
    let mut log = server.log().await.unwrap();
    for recorded in handed_out.iter().step_by(13) {
        let later = log.get_receipt(v1::GetReceiptRequest { index: recorded.index }).await.unwrap().into_inner();
        assert_eq!((later.receipt, later.tree_size), (recorded.receipt.clone(), recorded.tree_size));
        let asked = v1::GetEntryRequest { index: recorded.index };
        let entry = log.get_entry(asked).await.unwrap().into_inner();
        let both = log.get_entry_with_receipt(asked).await.unwrap().into_inner();
        assert_eq!(both.entry, Some(entry));
        assert_eq!((both.receipt, both.tree_size), (recorded.receipt.clone(), recorded.tree_size));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_listed_in_order_and_by_issuer() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let (one, other) = (Signer::person().unwrap(), Signer::person().unwrap());
    for signer in [&one, &other] {
        ledger.enrol(&server, signer, &["developer"]).await.unwrap();
    }
    let mut client = server.registration().await.unwrap();
    for number in 0..20 {
        let signer = if number % 2 == 0 { &one } else { &other };
        register(&mut client, &[signer.state(model(number), ledger.origin()).unwrap()]).await.unwrap();
    }
    let mut log = server.log().await.unwrap();
    let mut list = async |start: u64, end: u64, issuer: String| {
        let mut stream = log.list_entries(v1::ListEntriesRequest { start, end, issuer }).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(entry) = stream.message().await.unwrap() {
            entries.push(entry);
        }
        entries
    };
    let all = list(0, 0, String::new()).await;
    assert_eq!(all.iter().map(|entry| entry.index).collect::<Vec<_>>(), (0..all.len() as u64).collect::<Vec<_>>());
    let slice = list(3, 9, String::new()).await;
    assert_eq!(slice.iter().map(|entry| entry.index).collect::<Vec<_>>(), (3..9).collect::<Vec<_>>());
    let size = all.len() as u64;
    assert!(list(size, 0, String::new()).await.is_empty());
    let own = list(0, 0, one.identity.to_string()).await;
    assert_eq!(own.len(), 10);
    for entry in own {
        assert_eq!(SignedStatement::parse(entry.statement).unwrap().issuer(), &one.identity);
    }
    for (start, end) in [(size + 1, 0), (0, size + 1), (9, 3)] {
        let refused = log.list_entries(v1::ListEntriesRequest { start, end, issuer: String::new() }).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::OutOfRange, "{start}..{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_issuer_stated_is_found_among_what_others_did_on_disk_and_before_it_is() {
    let ledger = TestLedger::found().unwrap();
    let mut server = ledger.serve(&[]).unwrap();
    let (few, many) = (Signer::person().unwrap(), Signer::person().unwrap());
    for signer in [&few, &many] {
        ledger.enrol(&server, signer, &["developer"]).await.unwrap();
    }
    let mut expected = Vec::new();
    let listed = async |server: &probity_tests::Server, (start, end): (u64, u64)| {
        let issuer = few.identity.to_string();
        let request = v1::ListEntriesRequest { start, end, issuer };
        let mut entries = server.log().await.unwrap().list_entries(request).await.unwrap().into_inner();
        let mut found = Vec::new();
        while let Some(entry) = entries.message().await.unwrap() {
            let statement = SignedStatement::parse(entry.statement).unwrap();
            assert_eq!(statement.issuer(), &few.identity);
            found.push(entry.index);
        }
        found
    };
    // The first half is on disk after a restart, the second is not yet.
    for half in 0..2u64 {
        let mut client = server.registration().await.unwrap();
        for round in 0..40u64 {
            let by = |n: u64| if n % 7 == round % 7 { &few } else { &many };
            let statement = |n: u64| by(n).state(model(half * 10_000 + round * 100 + n), ledger.origin()).unwrap();
            let statements: Vec<_> = (0..20).map(statement).collect();
            let outcomes = register(&mut client, &statements).await.unwrap();
            for (n, outcome) in (0..).zip(outcomes) {
                match outcome {
                    Outcome::Recorded(recorded) if by(n).identity == few.identity => expected.push(recorded.index),
                    Outcome::Recorded(_) => {}
                    Outcome::Refused(refused) => panic!("{refused:?}"),
                }
            }
        }
        assert_eq!(listed(&server, (0, 0)).await, expected);
        if half == 0 {
            server.stop().unwrap();
            server = ledger.serve(&[]).unwrap();
            assert_eq!(listed(&server, (0, 0)).await, expected);
        }
    }
    let (start, end) = (expected[10] + 1, expected[200]);
    assert_eq!(listed(&server, (start, end)).await, expected[11..200]);
    let stranger = v1::ListEntriesRequest { issuer: Signer::person().unwrap().identity.to_string(), start: 0, end: 0 };
    let mut none = server.log().await.unwrap().list_entries(stranger).await.unwrap().into_inner();
    assert!(none.message().await.unwrap().is_none());
}
