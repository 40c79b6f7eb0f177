//! The log of local files passes the suite that every log must pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::atomic::{AtomicU32, Ordering};

use probity_log::conformance::{Harness, all};
use probity_log::{FileLog, FileLogOptions};
use probity_tlog::CheckpointVerifier;
use tempfile::TempDir;

/// Logs in a directory that is removed in the end, with segments that hold a few blocks or all of
/// them.
struct Files {
    root: TempDir,
    segment_length: u64,
    made: AtomicU32,
}

impl Files {
    fn with_segments_of(segment_length: u64) -> Self {
        Self { root: tempfile::tempdir().unwrap(), segment_length, made: AtomicU32::new(0) }
    }

    fn options(&self, number: u32) -> FileLogOptions {
        FileLogOptions::new(self.root.path().join(format!("log-{number}"))).segment_length(self.segment_length)
    }
}

impl Harness for Files {
    type Log = FileLog;

    async fn create(&self, verifier: CheckpointVerifier) -> FileLog {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        FileLog::create(&self.options(number), verifier).unwrap()
    }

    async fn reopen(&self, log: FileLog, verifier: CheckpointVerifier) -> FileLog {
        drop(log);
        FileLog::open(&self.options(self.made.load(Ordering::Relaxed)), verifier).unwrap()
    }
}

#[tokio::test]
async fn with_segments_that_hold_everything() {
    all(&Files::with_segments_of(8 * 1024 * 1024)).await;
}

#[tokio::test]
async fn with_segments_that_hold_one_large_block() {
    all(&Files::with_segments_of(1024 * 1024)).await;
}
