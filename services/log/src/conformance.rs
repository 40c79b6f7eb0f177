//! What every [`Log`] must do, as a suite to run against an implementation: see [`all`].
//!
//! A check panics where the log does not conform. Each one starts with a log of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking, like any test")]

use std::time::Duration;

use ed25519_dalek::SigningKey;
use futures::StreamExt as _;
use probity_tlog::{BlockTree, CheckpointSigner, CheckpointVerifier, Frontier, Hash, leaf_hash};

use crate::{AppendError, Block, Chain, Head, Log, MAX_BLOCK_STATEMENTS};

/// Longer than any conforming log takes for a step of these checks.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a check watches for something that must not happen.
const A_WHILE: Duration = Duration::from_millis(50);

/// Makes the logs that are checked.
pub trait Harness {
    /// The implementation.
    type Log: Log;

    /// A new, empty log that shares nothing with any other.
    fn create(&self, verifier: CheckpointVerifier) -> impl Future<Output = Self::Log>;

    /// Closes a log and opens it again, as a new process would.
    fn reopen(&self, log: Self::Log, verifier: CheckpointVerifier) -> impl Future<Output = Self::Log>;
}

/// A ledger whose keys are known, which makes the blocks of a log one after another.
#[derive(Debug)]
pub struct Ledger {
    signer: CheckpointSigner,
    chain: Chain,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// The ledger with nothing recorded yet.
    #[must_use]
    pub fn new() -> Self {
        let key = |seed| SigningKey::from_bytes(&[seed; 32]);
        let signer = CheckpointSigner::new("ledger.test/conformance", key(1), key(2)).unwrap();
        let chain = Chain::new(signer.verifier());
        Self { signer, chain }
    }

    /// The ledger after `head`, the right edge of whose tree is `frontier`.
    #[must_use]
    pub fn at(frontier: Frontier, head: Option<Head>) -> Self {
        let Self { signer, .. } = Self::new();
        let chain = Chain::resume(signer.verifier(), frontier, head).unwrap();
        Self { signer, chain }
    }

    /// What opens this ledger's checkpoints.
    #[must_use]
    pub fn verifier(&self) -> CheckpointVerifier {
        self.signer.verifier()
    }

    /// The next block, with that many statements.
    pub fn block(&mut self, statements: usize) -> Block {
        let block = self.alternative(statements, "a");
        self.accept(&block);
        block
    }

    /// Goes on after a block that could come next.
    pub fn accept(&mut self, block: &Block) {
        self.chain.extend(block).unwrap();
    }

    /// Some next blocks of one to three statements.
    pub fn blocks(&mut self, count: usize) -> Vec<Block> {
        (0..count).map(|i| self.block(i % 3 + 1)).collect()
    }

    /// A block that could come next, with other statements for every `word`. The next block stays
    /// open.
    #[must_use]
    pub fn alternative(&self, statements: usize, word: &str) -> Block {
        let first = self.chain.size();
        let statements: Vec<_> = (0..statements as u64).map(|i| format!("statement {} {word}", first + i)).collect();
        self.of_statements(&statements)
    }

    /// A block of these statements that could come next. The next block stays open.
    #[must_use]
    pub fn of_statements<S: AsRef<[u8]>>(&self, statements: &[S]) -> Block {
        let leaves: Vec<Hash> = statements.iter().map(|statement| leaf_hash(statement.as_ref())).collect();
        let tree = BlockTree::new(self.chain.frontier(), &leaves);
        self.signed(tree.root(), statements)
    }

    /// A block with these statements and any root. The next block stays open.
    #[must_use]
    pub fn signed<S: AsRef<[u8]>>(&self, root: Hash, statements: &[S]) -> Block {
        let (height, first) = (self.chain.next_height(), self.chain.size());
        let time = 1_700_000_000 + height;
        let checkpoint = self.signer.sign(first + statements.len() as u64, root, time);
        Block::new(height, first, time, statements, &checkpoint).unwrap()
    }

    /// The head after the last block.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }
}

/// Runs every check.
///
/// # Panics
/// The log does not conform.
pub async fn all<H: Harness>(harness: &H) {
    an_empty_log_has_no_head_and_no_blocks(harness).await;
    blocks_come_back_byte_for_byte(harness).await;
    blocks_queued_together_become_durable_in_order(harness).await;
    a_durable_block_is_visible(harness).await;
    reading_starts_anywhere_and_ends_at_the_head(harness).await;
    following_waits_for_what_comes(harness).await;
    a_block_that_does_not_follow_is_a_conflict(harness).await;
    a_block_that_does_not_verify_is_refused(harness).await;
    what_is_queued_behind_a_refused_block_fails_too(harness).await;
    nobody_has_to_wait_for_a_block(harness).await;
    the_fullest_block_fits(harness).await;
    everything_is_there_after_opening_again(harness).await;
}

/// Nothing was appended.
async fn an_empty_log_has_no_head_and_no_blocks<H: Harness>(harness: &H) {
    let log = harness.create(Ledger::new().verifier()).await;
    assert_eq!(log.head().await.unwrap(), None);
    assert_eq!(read(&log, 0).await, []);
}

async fn blocks_come_back_byte_for_byte<H: Harness>(harness: &H) {
    let (log, ledger, blocks) = with_blocks(harness, 20).await;
    let found = read(&log, 0).await;
    assert_eq!(found, blocks);
    for (found, block) in found.iter().zip(&blocks) {
        assert_eq!(found.bytes(), block.bytes());
    }
    assert_eq!(log.head().await.unwrap(), ledger.head());
}

async fn blocks_queued_together_become_durable_in_order<H: Harness>(harness: &H) {
    let mut ledger = Ledger::new();
    let log = harness.create(ledger.verifier()).await;
    let blocks = ledger.blocks(200);
    let queued: Vec<_> = blocks.iter().map(|block| log.enqueue(block.clone())).collect();
    for (durability, height) in queued.into_iter().zip(0..) {
        patiently(durability).await.unwrap();
        assert!(log.head().await.unwrap().unwrap().height >= height);
    }
    assert_eq!(read(&log, 0).await, blocks);
}

async fn a_durable_block_is_visible<H: Harness>(harness: &H) {
    let mut ledger = Ledger::new();
    let log = harness.create(ledger.verifier()).await;
    for block in ledger.blocks(10) {
        patiently(log.enqueue(block.clone())).await.unwrap();
        assert_eq!(log.head().await.unwrap().unwrap().height, block.height());
        assert_eq!(read(&log, block.height()).await, [block]);
    }
}

async fn reading_starts_anywhere_and_ends_at_the_head<H: Harness>(harness: &H) {
    let (log, _, blocks) = with_blocks(harness, 12).await;
    for start in 0..=12 {
        assert_eq!(read(&log, start as u64).await, blocks[start..]);
    }
    assert_eq!(read(&log, 13).await, []);
    assert_eq!(read(&log, u64::MAX).await, []);
}

async fn following_waits_for_what_comes<H: Harness>(harness: &H) {
    let (log, mut ledger, mut blocks) = with_blocks(harness, 5).await;
    let mut all = log.follow(0);
    let mut later = log.follow(5);
    for block in &blocks {
        assert_eq!(patiently(all.next()).await.unwrap().unwrap(), *block);
    }
    assert!(tokio::time::timeout(A_WHILE, later.next()).await.is_err(), "there is no block 5 yet");
    drop(later);
    let mut later = log.follow(5);
    for block in ledger.blocks(5) {
        patiently(log.enqueue(block.clone())).await.unwrap();
        assert_eq!(patiently(all.next()).await.unwrap().unwrap(), block);
        assert_eq!(patiently(later.next()).await.unwrap().unwrap(), block);
        blocks.push(block);
    }
}

async fn a_block_that_does_not_follow_is_a_conflict<H: Harness>(harness: &H) {
    let (log, mut ledger, mut blocks) = with_blocks(harness, 3).await;
    let head = ledger.head();
    // The same height again, with the same bytes and with others.
    let mut rival = Ledger::new();
    rival.blocks(2);
    for again in [blocks[2].clone(), rival.alternative(1, "b")] {
        assert_conflict(patiently(log.enqueue(again)).await, head);
    }
    let next = ledger.block(1);
    let after_a_gap = ledger.alternative(1, "a");
    assert_conflict(patiently(log.enqueue(after_a_gap)).await, head);
    assert_eq!(read(&log, 0).await, blocks);
    patiently(log.enqueue(next.clone())).await.unwrap();
    blocks.push(next);
    assert_eq!(read(&log, 0).await, blocks);
}

async fn a_block_that_does_not_verify_is_refused<H: Harness>(harness: &H) {
    let (log, mut ledger, mut blocks) = with_blocks(harness, 3).await;
    let wrong_root = ledger.signed(Hash([7; 32]), &["statement"]);
    let good = ledger.alternative(1, "a");
    let statements: Vec<_> = good.statements().collect();
    let signature_cut = good.checkpoint().replacen("\u{2014} ", "- ", 1);
    let unsigned = Block::new(good.height(), good.first_index(), good.time(), &statements, &signature_cut).unwrap();
    let later = Block::new(good.height(), good.first_index(), good.time() + 1, &statements, good.checkpoint()).unwrap();
    for bad in [wrong_root, unsigned, later] {
        let refused = patiently(log.enqueue(bad)).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(read(&log, 0).await, blocks);
    let next = ledger.block(2);
    patiently(log.enqueue(next.clone())).await.unwrap();
    blocks.push(next);
    assert_eq!(read(&log, 0).await, blocks);
}

async fn what_is_queued_behind_a_refused_block_fails_too<H: Harness>(harness: &H) {
    let (log, mut ledger, blocks) = with_blocks(harness, 3).await;
    ledger.block(1);
    let queued: Vec<_> = ledger.blocks(5).into_iter().map(|block| log.enqueue(block)).collect();
    for durability in queued {
        let refused = patiently(durability).await;
        assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(read(&log, 0).await, blocks);
}

async fn nobody_has_to_wait_for_a_block<H: Harness>(harness: &H) {
    let mut ledger = Ledger::new();
    let log = harness.create(ledger.verifier()).await;
    let blocks = ledger.blocks(6);
    for block in &blocks[..5] {
        drop(log.enqueue(block.clone()));
    }
    patiently(log.enqueue(blocks[5].clone())).await.unwrap();
    assert_eq!(read(&log, 0).await, blocks);
}

async fn the_fullest_block_fits<H: Harness>(harness: &H) {
    let mut ledger = Ledger::new();
    let log = harness.create(ledger.verifier()).await;
    let block = ledger.block(MAX_BLOCK_STATEMENTS);
    patiently(log.enqueue(block.clone())).await.unwrap();
    let large = ledger.of_statements(&vec![vec![b'x'; 65_000]; 15]);
    patiently(log.enqueue(large.clone())).await.unwrap();
    assert_eq!(read(&log, 0).await, [block, large]);
}

async fn everything_is_there_after_opening_again<H: Harness>(harness: &H) {
    let (mut log, mut ledger, mut blocks) = with_blocks(harness, 7).await;
    for _ in 0..3 {
        log = harness.reopen(log, ledger.verifier()).await;
        assert_eq!(read(&log, 0).await, blocks);
        assert_eq!(log.head().await.unwrap(), ledger.head());
        let next = ledger.block(2);
        patiently(log.enqueue(next.clone())).await.unwrap();
        blocks.push(next);
    }
    assert_eq!(read(&log, 0).await, blocks);
}

async fn with_blocks<H: Harness>(harness: &H, count: usize) -> (H::Log, Ledger, Vec<Block>) {
    let mut ledger = Ledger::new();
    let log = harness.create(ledger.verifier()).await;
    let blocks = ledger.blocks(count);
    for block in &blocks {
        patiently(log.enqueue(block.clone())).await.unwrap();
    }
    (log, ledger, blocks)
}

async fn read<L: Log>(log: &L, height: u64) -> Vec<Block> {
    let blocks = patiently(log.read(height).collect::<Vec<_>>()).await;
    blocks.into_iter().map(|block| block.unwrap()).collect()
}

async fn patiently<F: Future>(future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("nothing happened for {PATIENCE:?}"),
    }
}

fn assert_conflict(outcome: Result<(), AppendError>, expected: Option<Head>) {
    match outcome {
        Err(AppendError::Conflict { head }) => assert_eq!(head, expected),
        other => panic!("{other:?} is no conflict"),
    }
}
