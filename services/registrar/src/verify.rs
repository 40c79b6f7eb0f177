//! The expensive part, ahead of the ordered one and on all cores: parse, decode, verify the
//! signature, hash the leaf.

use std::sync::Arc;

use bytes::Bytes;
use probity_schemas::Event;
use probity_statement::{Keyring, SignatureError, SignedStatement};
use probity_tlog::Hash;
use tokio::sync::oneshot;

use crate::error::Rejection;

/// Statements verified in one go on one core. One takes about 50 µs.
const CHUNK: usize = 16;

/// What a client handed in.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The statement's bytes.
    pub statement: Bytes,
    /// How many statements the client expects about its subject, if it cares.
    pub expected_revision: Option<u64>,
}

/// A statement that is well formed and whose signature verifies.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) statement: SignedStatement,
    pub(crate) event: Event,
    pub(crate) leaf: Hash,
    pub(crate) expected_revision: Option<u64>,
    /// Whether the key is still to be looked up, in order: it may be enrolled by a statement just
    /// ahead of this one.
    pub(crate) key_unknown: bool,
}

pub(crate) type VerifyResult = Result<Box<Verified>, Rejection>;

fn verify(submission: Submission, keyring: &Keyring) -> VerifyResult {
    let statement = SignedStatement::parse(submission.statement)?;
    let event = statement.event()?;
    let key_unknown = match keyring.verify(&statement) {
        Ok(()) => false,
        Err(SignatureError::UnknownKey { .. }) => true,
        Err(SignatureError::Bad(_)) => return Err(Rejection::BadSignature { kid: statement.kid() }),
    };
    let leaf = statement.leaf_hash();
    Ok(Box::new(Verified { statement, event, leaf, expected_revision: submission.expected_revision, key_unknown }))
}

/// Verifies submissions and keeps their order. One is verified where the caller stands; many are
/// spread over all cores.
pub(crate) async fn verify_all(submissions: Vec<Submission>, keyring: Arc<Keyring>) -> Vec<VerifyResult> {
    if submissions.len() <= 1 {
        return submissions.into_iter().map(|submission| verify(submission, &keyring)).collect();
    }
    let mut chunks = Vec::with_capacity(submissions.len().div_ceil(CHUNK));
    let mut submissions = submissions.into_iter();
    loop {
        let chunk: Vec<Submission> = submissions.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        let (sender, receiver) = oneshot::channel();
        let keyring = keyring.clone();
        let count = chunk.len();
        rayon::spawn_fifo(move || {
            let verified: Vec<_> = chunk.into_iter().map(|submission| verify(submission, &keyring)).collect();
            drop(sender.send(verified));
        });
        chunks.push((receiver, count));
    }
    let mut verified = Vec::new();
    for (chunk, count) in chunks {
        // A chunk is only lost if its verification panicked; its statements are then refused, not
        // taken.
        match chunk.await {
            Ok(results) => verified.extend(results),
            Err(_) => verified.extend((0..count).map(|_| Err(Rejection::Unverified))),
        }
    }
    verified
}
