//! `probity verify LEDGER`: a whole ledger from its files alone. Offline, without trusting the
//! server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use probity_log::{FileLogOptions, abandoned};
use probity_terminal::{self as terminal, Answer, outln};
use serde_json::json;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::replay::{self, Known, Sound};

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
    /// An earlier checkpoint of the ledger that you kept, as `probity checkpoint --out` writes it:
    /// the log must contain all that it covers.
    #[arg(long, value_name = "CHECKPOINT", requires = "directory")]
    against: Option<PathBuf>,
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
    let read = |path: &PathBuf| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let checkpoint = args.against.as_ref().map(read).transpose()?;
    let known = Known { founding_leaf_hash: args.pinned.as_deref(), checkpoint: checkpoint.as_deref() };
    let bar = terminal::progress("verifying", "statements");
    let outcome = replay::verify(&options, &known, |at| {
        if let Some(anchored) = at.anchored {
            bar.set_length(anchored.tree_size);
        }
        bar.set_position(at.statements);
    })?;
    bar.finish_and_clear();
    match outcome {
        Ok(sound) => {
            report(&sound, &known, &abandoned(&options)?, json)?;
            // Whole in itself is not yet the ledger that somebody saw.
            Ok(if sound.anchored || known.is_anything() { Answer::Yes } else { Answer::Unknown })
        }
        Err(unsound) if unsound.is_unreadable() => Err(unsound.into()),
        Err(unsound) => refuse(&unsound.to_string(), json),
    }
}

fn report(sound: &Sound, known: &Known<'_>, abandoned: &[PathBuf], json: bool) -> Result<()> {
    let statements = sound.head.map_or(0, |head| head.tree_size);
    let blocks = sound.head.map_or(0, |head| head.height + 1);
    let root = sound.head.map(|head| head.root.to_string());
    let recorded_at = sound.head.map_or(0, |head| head.time);
    if json {
        return Ok(terminal::json(&json!({
            "verified": true, "origin": sound.origin, "founding_leaf_hash": sound.founding_leaf_hash.to_string(),
            "statements": statements, "blocks": blocks, "root": root, "recorded_at": recorded_at,
            "anchored": sound.anchored, "pinned": known.founding_leaf_hash.is_some(),
            "against_checkpoint": known.checkpoint.is_some(), "checkpoint": sound.checkpoint, "abandoned": abandoned,
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
    if known.checkpoint.is_some() {
        outln!("the log contains all that the checkpoint given covers");
    }
    if !sound.anchored {
        outln!("no anchor was found: what is here is whole, but whether later blocks are missing cannot be told");
    }
    if !sound.anchored && !known.is_anything() {
        outln!(
            "there was nothing to hold it against: whether this is the ledger that you mean cannot be told either; \
             add --anchor, --pinned or --against"
        );
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
