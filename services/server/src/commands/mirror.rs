//! `probity checkpoint --mirror`: the static form of the whole log, for mirrors.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use probity_log::FileLogOptions;
use probity_terminal::{Answer, outln};

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::replay;

/// A mirror to write. It excludes the argument `height`, which another struct adds.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// Write checkpoint, hash tiles and entry bundles (C2SP tlog-tiles) below this directory, from
    /// the data directory given with --data, which may be served meanwhile. Everything is verified
    /// on the way.
    #[arg(long, value_name = "DIR", requires = "data", conflicts_with = "height")]
    mirror: Option<PathBuf>,
    /// The data directory for --mirror.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The anchor of the data directory, where it is not beside it.
    #[arg(long, value_name = "FILE", requires = "data")]
    anchor: Option<PathBuf>,
}

impl MirrorArgs {
    /// Writes the mirror, if one was asked for.
    ///
    /// # Errors
    /// The ledger is not there or does not verify, or the mirror cannot be written.
    pub fn run(&self) -> Result<Option<Answer>> {
        let (Some(mirror), Some(data)) = (&self.mirror, &self.data) else { return Ok(None) };
        let anchor = self.anchor.clone().unwrap_or_else(|| anchor_beside(data));
        let options = FileLogOptions::new(LedgerDir::new(data).log()).anchor(anchor);
        let verifier = replay::ledger_keys(&options)?.checkpoint_verifier()?;
        let head = probity_log::mirror(&options, verifier, mirror)?;
        outln!("{} statements written to {}", head.tree_size, mirror.display());
        Ok(Some(Answer::Yes))
    }
}
