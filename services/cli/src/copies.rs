//! Asking a copy of a ledger instead of a server.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use tonic::transport::Channel;

/// Opens the data directory of a ledger, or a copy of one, and gives the way to ask it.
pub type CopyOpener = Box<dyn Fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<Channel>>>> + Send + Sync>;

/// Where a copy takes statements: nowhere (RFC 6761, section 6.4).
pub(crate) const NOWHERE: &str = "http://copy.invalid";

static OPENER: OnceLock<CopyOpener> = OnceLock::new();

/// Says how `--ledger DIR` is asked. The first word counts.
pub fn open_copies_with(opener: CopyOpener) {
    let _ = OPENER.set(opener);
}

/// Opens a copy.
pub(crate) async fn open(directory: PathBuf) -> Result<Channel> {
    OPENER.get().context("this program does not open ledgers; this is a defect")?(directory).await
}
