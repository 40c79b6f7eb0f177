//! The expensive part, ahead of the ordered one and on all cores: parse, decode, verify the
//! signature, hash the leaf.

use std::sync::Arc;

use bytes::Bytes;
use probity_schemas::Event;
use probity_statement::{Keyring, SignatureError, SignedStatement};
use probity_tlog::Hash;
use rayon::prelude::*;
use tokio::sync::oneshot;

use crate::error::Rejection;

/// Statements that are verified on one core at least before another one helps. One takes some 20 to 50 µs.
const TOGETHER: usize = 16;

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

/// Verifies submissions and keeps their order. One is verified where the caller stands; many are spread over all cores that
/// are idle, and the caller is woken once.
pub(crate) async fn verify_all(submissions: Vec<Submission>, keyring: Arc<Keyring>) -> Vec<VerifyResult> {
    let count = submissions.len();
    if count <= 1 {
        return submissions.into_iter().map(|submission| verify(submission, &keyring)).collect();
    }
    let (sender, receiver) = oneshot::channel();
    rayon::spawn_fifo(move || {
        let all = submissions.into_par_iter().with_min_len(TOGETHER);
        let verified: Vec<_> = all.map(|submission| verify(submission, &keyring)).collect();
        drop(sender.send(verified));
    });
    // They are only lost if verification panicked, which is a defect of ours: then none is taken.
    receiver.await.unwrap_or_else(|_| (0..count).map(|_| Err(Rejection::Unverified)).collect())
}
