//! What the machine allows: the two costs that no design of ours can avoid.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use probity_statement::SignedStatement;
use rayon::prelude::*;

use crate::events::Presigned;
use crate::phases::Latency;

/// How long each limit is measured.
const DURATION: Duration = Duration::from_secs(3);

/// Strict Ed25519 verifications per second on all cores, over statements like those that are sent.
pub(crate) fn verify_per_second(presigned: &mut Presigned) -> Result<f64> {
    let key = presigned.signer.key.public().clone();
    let statements: Vec<SignedStatement> =
        presigned.take(4_096)?.into_iter().map(SignedStatement::parse).collect::<Result<_, _>>()?;
    let started = Instant::now();
    let mut verified = 0u64;
    while started.elapsed() < DURATION {
        let good = statements.par_iter().filter(|statement| statement.verify(&key).is_ok()).count();
        anyhow::ensure!(good == statements.len(), "a statement of our own does not verify");
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
