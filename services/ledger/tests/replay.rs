//! Taking in and verifying the blocks of another process: nothing is believed that was not judged
//! again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use probity_ledger::{AdoptionError, Genesis, IndexStore, ReplayError, Replica, Verifier};
use probity_log::simulated_disk::SimulatedDisk;
use probity_log::{Block, FileLog, FileLogOptions, Log as _};
use probity_registrar::{Founding, Registrar, RegistrarOptions, Submission, founding_block};
use probity_schemas::{Clock, Event, EventId, Identity};
use probity_statement::{LedgerSecrets, Possession, SecretKey, Unsigned};
use probity_tlog::{BlockTree, leaf_hash};
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW_MS: u64 = 1_790_000_000_000;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

struct Scene {
    secrets: LedgerSecrets,
    ada: (Identity, SecretKey),
    genesis: Block,
    store: IndexStore,
    _home: TempDir,
}

impl Scene {
    fn founded() -> Self {
        let key = |seed| SecretKey::from_seed(&[seed; 32]).unwrap();
        let origin = "ledger.test/replay".parse().unwrap();
        let secrets = LedgerSecrets { origin, checkpoint: key(1), clock: key(2), receipt: key(3) };
        let ada: (Identity, _) = ("person:00000000-0000-4000-8000-000000000001".parse().unwrap(), key(4));
        let administrators = vec![(ada.0.clone(), ada.1.public().clone())];
        let founding = Founding { administrators, single_administrator: true, recovery: None, succeeds: None };
        let mut number = 0;
        let random = || {
            number += 1;
            [number; 10]
        };
        let genesis = founding_block(&secrets, &founding, &StandingClock, random).unwrap();
        let home = tempfile::tempdir().unwrap();
        let store = IndexStore::open(home.path(), 16 << 20).unwrap();
        Self { secrets, ada, genesis, store, _home: home }
    }

    /// A log of its own that holds the founding block.
    fn log(&self) -> Arc<FileLog> {
        let disk = SimulatedDisk::default();
        let options = FileLogOptions::new("/ledger/log").storage(Arc::new(disk)).segment_length(8 << 20);
        let log = FileLog::create(&options, self.secrets.public().checkpoint_verifier().unwrap()).unwrap();
        block_on(log.enqueue(self.genesis.clone())).unwrap();
        Arc::new(log)
    }

    /// The process that takes in blocks.
    fn replica(&self) -> Replica {
        Replica::open(self.log(), self.store.tree("replica").unwrap(), Some(&self.secrets)).unwrap()
    }

    fn verifier(&self) -> Verifier {
        let genesis = Genesis::read(&self.genesis).unwrap();
        let mut verifier = Verifier::new(&genesis, self.store.tree("scratch").unwrap()).unwrap();
        verifier.push(self.genesis.clone()).unwrap();
        verifier
    }

    /// The blocks after the first, as a registrar makes them of requests of so many statements.
    async fn recorded(&self, requests: &[u64]) -> Vec<Block> {
        let log = self.log();
        let options = RegistrarOptions {
            backend: log.clone(),
            index: self.store.tree("registrar").unwrap(),
            secrets: Some(self.secrets.clone()),
            clock: Arc::new(StandingClock),
            waiting_statements: 10_000,
            waiting_bytes: 16 << 20,
            keeps_time: false,
        };
        let registrar = Registrar::open(options).unwrap();
        let mut number = 0;
        for count in requests {
            let submissions = (number..number + count)
                .map(|number| Submission { statement: self.statement(number), expected_revision: None })
                .collect();
            number += count;
            let results = tokio::time::timeout(PATIENCE, registrar.register(submissions));
            let results = results.await.expect("the registrar answers in time").unwrap();
            results.into_iter().for_each(|result| drop(result.unwrap()));
        }
        registrar.stop().await;
        let last = registrar.head().height;
        (1..=last).map(|height| log.reader().block(height).unwrap()).collect()
    }

    fn statement(&self, number: u64) -> Bytes {
        let subject = json!({ "kind": "model", "namespace": "credit", "name": "pd" });
        self.signed(number, "concern.raised", subject, json!({ "concern": format!("Number {number}.") }))
    }

    /// An act that changes who may sign: it can be recorded once.
    fn enrolment(&self, number: u64) -> Bytes {
        let key = SecretKey::from_seed(&[9; 32]).unwrap();
        let ben: Identity = "person:00000000-0000-4000-8000-000000000002".parse().unwrap();
        let possession = Possession::prove(&key, &self.secrets.origin, &ben);
        let data = json!({
            "kind": "person", "kid": key.public().id().to_string(), "public_key": key.public().to_string(),
            "possession": possession.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        });
        self.signed(number, "authority.enrolled", json!(ben.subject()), data)
    }

    fn signed(&self, number: u64, event_type: &str, subject: Value, data: Value) -> Bytes {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let event = json!({
            "id": EventId::from_time(NOW_MS + number, random), "v": 1, "type": event_type, "occurred": NOW_MS,
            "subject": subject, "data": data,
        });
        let event = Event::from_value(&event).unwrap();
        let (identity, key) = &self.ada;
        let unsigned = Unsigned::new(&event, identity, self.secrets.origin.as_str(), key.public().id()).unwrap();
        Bytes::copy_from_slice(unsigned.sign(key).unwrap().bytes())
    }

    /// A block that the ledger's keys sealed after `blocks`, whatever is in it.
    fn sealed_after(&self, blocks: &[Block], statements: &[Bytes]) -> Block {
        let last = blocks.last().unwrap_or(&self.genesis);
        let mut frontier = probity_tlog::Frontier::new();
        for statement in [&self.genesis].into_iter().chain(blocks).flat_map(Block::statements) {
            frontier.push(leaf_hash(statement));
        }
        let leaves: Vec<_> = statements.iter().map(|statement| leaf_hash(statement)).collect();
        let tree = BlockTree::new(&frontier, &leaves);
        let size = last.tree_size() + statements.len() as u64;
        let checkpoint = self.secrets.checkpoint_signer().unwrap().sign(size, tree.root(), last.time());
        Block::new(last.height() + 1, last.tree_size(), last.time(), statements, &checkpoint).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_another_process_are_taken_in_and_answer_with_the_same_receipts() {
    let scene = Scene::founded();
    let blocks = scene.recorded(&[1, 3, 2]).await;
    let mut replica = scene.replica();
    replica.adopt(&blocks[..1]).unwrap();
    // Some of them came before.
    replica.adopt(&blocks).unwrap();
    let last = blocks.last().unwrap();
    assert_eq!((replica.head.height, replica.head.tree_size), (last.height(), last.tree_size()));
    assert_eq!(replica.ledger().head(), replica.head);
    for block in &blocks {
        for (index, statement) in (block.first_index()..).zip(block.statements()) {
            assert_eq!(replica.ledger().block_of(index).unwrap().statement(index), Some(statement));
            let (receipt, size) = replica.ledger().receipt(index).unwrap();
            assert_eq!(size, block.tree_size());
            let receipt = probity_statement::Receipt::parse(receipt.into()).unwrap();
            let key = scene.secrets.receipt.public();
            receipt.verify_inclusion(key, scene.secrets.origin.as_str(), &leaf_hash(statement)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_precedes_a_block_that_should_not_have_been_sealed_is_taken_in_and_no_more() {
    let scene = Scene::founded();
    let blocks = scene.recorded(&[1, 1]).await;
    let mut forged = scene.statement(7).to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let repeated = scene.sealed_after(&blocks, &[scene.enrolment(5), scene.statement(0)]);
    let unsigned = scene.sealed_after(&blocks, &[forged.into()]);
    let index = repeated.first_index();
    let mut replica = scene.replica();
    let before = replica.adopt(&[blocks.clone(), vec![repeated]].concat()).unwrap_err();
    let AdoptionError::Inadmissible { fault: ReplayError::Repeated { index: at, first, .. } } = before else {
        panic!("{before}")
    };
    assert_eq!((at, first), (index + 1, 3));
    assert_eq!(replica.head.height, 2);
    let refused = replica.adopt(&[unsigned]).unwrap_err();
    let AdoptionError::Inadmissible { fault: ReplayError::Signature { index: at, .. } } = refused else {
        panic!("{refused}")
    };
    assert_eq!((at, replica.head.height), (index, 2));
    // Nothing of what was refused is remembered: the enrolment before the bad one is a first one still.
    let next = scene.sealed_after(&blocks, &[scene.enrolment(5)]);
    replica.adopt(&[next]).unwrap();
    assert_eq!(replica.head.height, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_does_not_continue_the_log_is_named_and_changes_nothing() {
    let scene = Scene::founded();
    let blocks = scene.recorded(&[1, 1, 1]).await;
    let mut replica = scene.replica();
    let refused = replica.adopt(&blocks[1..]).unwrap_err();
    assert!(matches!(refused, AdoptionError::Unverified { height: 1, index: 3, .. }), "{refused}");
    assert_eq!(replica.head.height, 0);
    replica.adopt(&blocks).unwrap();
    assert_eq!(replica.head.height, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_finds_an_id_that_is_used_again_thousands_of_statements_later() {
    let scene = Scene::founded();
    let mut blocks = scene.recorded(&[1_000; 9]).await;
    let mut verifier = scene.verifier();
    for block in &blocks {
        verifier.push(block.clone()).unwrap();
    }
    verifier.finish().unwrap();

    blocks.push(scene.sealed_after(&blocks, &[scene.statement(1)]));
    scene.store.tree("scratch").unwrap().clear().unwrap();
    let mut verifier = scene.verifier();
    let pushed = blocks.iter().try_for_each(|block| verifier.push(block.clone()));
    let fault = pushed.and_then(|()| verifier.finish()).unwrap_err();
    let ReplayError::Repeated { index, first, .. } = fault else { panic!("{fault}") };
    assert_eq!((index, first), (9_003, 4));
}
