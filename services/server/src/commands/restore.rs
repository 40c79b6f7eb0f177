//! `probity restore`: a data directory from a backup, held against what is known of the ledger.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use probity_ledger::{Genesis, with_causes};
use probity_log::storage::Disk;
use probity_log::{Anchor, Chain, FileLogOptions, ReadOnlyLog};
use probity_terminal::{self as terminal, Answer, outln, wrong_use};
use probity_tlog::{Checkpoint, Hash};
use serde_json::json;

use super::backup::{append, copy_public_keys, open, own_checkpoint};
use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::replay::{self, Known};

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup, as `probity backup` made it.
    backup: PathBuf,
    /// The data directory to make.
    directory: PathBuf,
    /// The directory of the ledger's private keys, which are not in a backup. Without it they have to be
    /// put in place by hand.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Where the anchor is lost: the newest checkpoint that anybody holds, such as a client, a mirror or
    /// an auditor. Statements that were recorded after it are given up.
    #[arg(long, value_name = "CHECKPOINT")]
    against: Option<PathBuf>,
}

pub(crate) async fn run(args: RestoreArgs, json: bool) -> Result<Answer> {
    let directory = &args.directory;
    if directory.exists() && fs::read_dir(directory)?.next().is_some() {
        bail!("{} is not empty; a backup is restored to a directory of its own", directory.display());
    }
    let (from, to) = (LedgerDir::new(&args.backup), LedgerDir::new(directory));
    let note = fs::read_to_string(from.checkpoint())
        .with_context(|| format!("{} is no backup: its checkpoint cannot be read", args.backup.display()))?;
    // There is none in a backup.
    let no_anchor = args.backup.join("no-anchor");
    let files = FileLogOptions::new(from.log()).anchor(&no_anchor);
    let known = Known { founding_leaf_hash: None, checkpoint: Some(&note) };
    let bar = terminal::progress("verifying the backup", "statements");
    let verified = replay::verify(&files, &known, |at| bar.set_position(at.statements))?;
    bar.finish_and_clear();
    match verified {
        Ok(_) => {}
        Err(unsound) if unsound.is_unreadable() => return Err(unsound.into()),
        Err(unsound) => return Ok(no(json, &format!("the backup does not verify: {unsound}"))),
    }
    let (genesis, source) = open(&from, no_anchor)?;
    let head = source.reader().head().context("the backup holds no block")?;

    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(directory));
    let anchored = Anchor::peek(&Disk, &anchor).map_err(|error| anyhow!(with_causes(&error)))?;
    let against = match (&anchored, &args.against) {
        (Some(Some(head)), _) => Some((head.tree_size, head.root, anchor.display().to_string())),
        (Some(None), _) => None,
        (None, Some(path)) => {
            let Checkpoint { size, root, .. } = read_checkpoint(&genesis, path)?;
            Some((size, root, path.display().to_string()))
        }
        (None, None) => {
            return Err(wrong_use!(
                "there is no anchor at {}, so it is not known whether the backup holds everything that was acknowledged. \
                 Put the anchor back, or name the newest checkpoint that anybody holds with --against; {} is that of the \
                 backup itself",
                anchor.display(),
                from.checkpoint().display()
            ));
        }
    };
    if let Some((size, root, place)) = against
        && let Some(reason) = lacks(&source, head.tree_size, (size, root))?
    {
        return Ok(no(
            json,
            &format!(
                "{place} covers {size} statements; {reason}. Nothing was made. Look for a newer copy: a standby, a \
                      projector, the stream, a mirror"
            ),
        ));
    }
    let secrets = args.keys.as_deref().map(LedgerDir::read_secrets_in).transpose()?;
    if secrets.as_ref().is_some_and(|secrets| secrets.public() != *genesis.keys()) {
        return Ok(no(json, "the private keys given are not those of the ledger in the backup"));
    }

    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let files = FileLogOptions::new(to.log());
    append(&files.clone().anchor(scratch.path().join("anchor")), &genesis, source.reader(), head, true).await?;
    if anchored.is_none() {
        let chain = Chain::new(genesis.keys().checkpoint_verifier()?);
        let joined = probity_log::join(&files.anchor(&anchor), chain, &own_checkpoint(&genesis, &note)?, |_, _, _| {});
        joined.map_err(|error| anyhow!(with_causes(&error)))?;
    }
    match &secrets {
        Some(secrets) => to.write_secrets(secrets)?,
        None => copy_public_keys(&from, &to)?,
    }
    if json {
        terminal::json(&json!({
            "origin": genesis.keys().origin, "directory": directory, "anchor": anchor, "statements": head.tree_size,
            "root": head.root.to_string(), "keys": secrets.is_some(), "anchor_made": anchored.is_none(),
        }))?;
        return Ok(Answer::Yes);
    }
    outln!("{} holds the {} statements of the backup.", directory.display(), head.tree_size);
    outln!("root    {}", head.root);
    match anchored {
        Some(_) => outln!("anchor  {}   (it was there, and the backup reaches it)", anchor.display()),
        None => outln!("anchor  {}   (made; what was recorded after it is given up)", anchor.display()),
    }
    if secrets.is_none() {
        outln!("Put the private keys into {} before it is served.", to.keys().display());
    }
    outln!("Check it, then start it:  probity verify {0} && probity serve {0}", directory.display());
    Ok(Answer::Yes)
}

fn read_checkpoint(genesis: &Genesis, path: &Path) -> Result<Checkpoint> {
    let note = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    own_checkpoint(genesis, &note).with_context(|| format!("{} is no checkpoint of this ledger", path.display()))
}

/// What a log of `held` statements lacks of a tree, if anything.
fn lacks(log: &ReadOnlyLog, held: u64, (size, root): (u64, Hash)) -> Result<Option<String>> {
    if size > held {
        return Ok(Some(format!("the backup ends with {held}, so {} that were acknowledged are missing", size - held)));
    }
    let frontier = log.reader().tiles().frontier(size).map_err(|error| anyhow!(with_causes(&error)))?;
    let differs = frontier.root() != root;
    Ok(differs.then(|| "the first statements of the backup are others: one of the two was forged".to_owned()))
}

fn no(json: bool, reason: &str) -> Answer {
    terminal::no(json, &format!("not restored: {reason}"))
}
