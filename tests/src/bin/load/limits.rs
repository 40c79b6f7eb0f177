//! What the machine allows: the two costs that no design of ours can avoid.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use ed25519_dalek::Signature;
use probity_statement::SIGNATURE_LENGTH;
use rayon::prelude::*;

use crate::events::Presigned;
use crate::phases::Latency;

/// How long each limit is measured.
const DURATION: Duration = Duration::from_secs(3);

/// Ed25519 verifications per second on all cores, of messages as long as the statements that are sent.
pub(crate) struct Verifications {
    /// Strict ones of a key about which nothing is known: the limit that everything is held against.
    pub(crate) strict: f64,
    /// Of a key that signs so often that it is prepared, as the one that sends is.
    pub(crate) prepared: f64,
}

/// Measures both limits of verification.
pub(crate) fn verifications(presigned: &mut Presigned) -> Result<Verifications> {
    let secret = presigned.signer.key.clone();
    let messages: Vec<_> = presigned.take(4_096)?.into_iter().map(|message| (secret.sign(&message), message)).collect();
    let key = secret.public();
    let strict = per_second(&messages, |message, signature| {
        key.as_dalek().verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    })?;
    let prepared = per_second(&messages, |message, signature| key.verify(message, signature).is_ok())?;
    Ok(Verifications { strict, prepared })
}

fn per_second(
    messages: &[([u8; SIGNATURE_LENGTH], Bytes)],
    verifies: impl Fn(&[u8], &[u8; SIGNATURE_LENGTH]) -> bool + Sync,
) -> Result<f64> {
    let started = Instant::now();
    let mut verified = 0u64;
    while started.elapsed() < DURATION {
        let good = messages.par_iter().filter(|(signature, message)| verifies(message, signature)).count();
        anyhow::ensure!(good == messages.len(), "a signature of our own does not verify");
        verified += good as u64;
    }
    Ok(verified as f64 / started.elapsed().as_secs_f64())
}

/// Writes of one statement's size into a file of zeros, each followed by `fdatasync`, beside the ledger.
pub(crate) fn fdatasync(directory: &Path) -> Result<Latency> {
    let path = directory.join("fdatasync-limit");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
    file.write_all_at(&vec![0; 8 << 20], 0)?;
    file.sync_all()?;
    let (mut samples, started, mut at) = (Vec::new(), Instant::now(), 0);
    while started.elapsed() < DURATION && at < 7 << 20 {
        let one = Instant::now();
        file.write_all_at(&[1; 900], at)?;
        file.sync_data()?;
        samples.push(one.elapsed());
        at += 900;
    }
    std::fs::remove_file(path)?;
    Ok(Latency::of(samples))
}
