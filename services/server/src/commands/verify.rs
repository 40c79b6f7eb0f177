//! `probity verify LEDGER`: a whole ledger from its files alone. Offline, without trusting the
//! server.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use probity_log::{FileLogOptions, abandoned};
use probity_terminal::{self as terminal, Answer, outln};
use serde_json::json;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::replay::{self, Sound};

/// A ledger to verify. The argument `statement`, which another struct adds, may stand in the place
/// of `directory`.
#[derive(Debug, Args)]
pub struct VerifyLedgerArgs {
    /// The data directory of a ledger, running or not, or a copy of one.
    #[arg(required_unless_present = "statement")]
    directory: Option<PathBuf>,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE", requires = "directory")]
    anchor: Option<PathBuf>,
    /// The leaf hash of the founding statement that you pinned.
    #[arg(long, value_name = "HASH", requires = "directory")]
    pinned: Option<String>,
}

impl VerifyLedgerArgs {
    /// Verifies the ledger, if one was named; with `json` it prints JSON instead of text.
    ///
    /// # Errors
    /// The files could not be read.
    pub fn run(&self, json: bool) -> Result<Option<Answer>> {
        self.directory.as_deref().map(|directory| ledger(directory, self, json)).transpose()
    }
}

fn ledger(directory: &Path, args: &VerifyLedgerArgs, json: bool) -> Result<Answer> {
    let dir = LedgerDir::new(directory);
    if !dir.log().is_dir() {
        anyhow::bail!("{} is not the data directory of a ledger: it has no log/", directory.display());
    }
    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(directory));
    let options = FileLogOptions::new(dir.log()).anchor(anchor);
    let bar = terminal::progress("verifying", "statements");
    let outcome = replay::verify(&options, args.pinned.as_deref(), |at| {
        if let Some(anchored) = at.anchored {
            bar.set_length(anchored.tree_size);
        }
        bar.set_position(at.statements);
    })?;
    bar.finish_and_clear();
    match outcome {
        Ok(sound) => {
            report(&sound, &abandoned(&options)?, json)?;
            Ok(Answer::Yes)
        }
        Err(unsound) if unsound.is_unreadable() => Err(unsound.into()),
        Err(unsound) => refuse(&unsound.to_string(), json),
    }
}

fn report(sound: &Sound, abandoned: &[PathBuf], json: bool) -> Result<()> {
    let statements = sound.head.map_or(0, |head| head.tree_size);
    let blocks = sound.head.map_or(0, |head| head.height + 1);
    let root = sound.head.map(|head| head.root.to_string());
    let recorded_at = sound.head.map_or(0, |head| head.time);
    if json {
        return Ok(terminal::json(&json!({
            "verified": true, "origin": sound.origin, "founding_leaf_hash": sound.founding_leaf_hash.to_string(),
            "statements": statements, "blocks": blocks, "root": root, "recorded_at": recorded_at,
            "anchored": sound.anchored, "checkpoint": sound.checkpoint, "abandoned": abandoned,
        }))?);
    }
    outln!("verified: {statements} statements in {blocks} blocks of {}", sound.origin);
    outln!("founding leaf hash  {}", sound.founding_leaf_hash);
    outln!("root                {}", root.unwrap_or_default());
    outln!("last recorded       {}", terminal::time(recorded_at));
    outln!("checked: every signature, checkpoint, clock signature, root and admission");
    for path in abandoned {
        outln!("abandoned           {}   (never released: the stream went on from another block)", path.display());
    }
    if !sound.anchored {
        outln!("no anchor was found: what is here is whole, but whether later blocks are missing cannot be told");
    }
    Ok(())
}

fn refuse(reason: &str, json: bool) -> Result<Answer> {
    if json {
        terminal::json(&json!({ "verified": false, "reason": reason }))?;
    } else {
        outln!("DOES NOT VERIFY: {reason}");
    }
    Ok(Answer::No)
}
