//! `probity backup`: a copy of a ledger without its private keys, also while it is served.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use probity_ledger::{Genesis, with_causes};
use probity_log::{Backend as _, BlockReader, Chain, FileLog, FileLogOptions, Head, ReadOnlyLog, first_block};
use probity_terminal::{self as terminal, Answer, outln};
use probity_tlog::Checkpoint;
use serde_json::json;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;

/// Blocks that are on their way at once: more would only take memory.
const AT_ONCE: u64 = 256;

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory of a ledger, which may be served meanwhile.
    directory: PathBuf,
    /// Where to. A backup that is there is continued.
    target: PathBuf,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

pub(crate) async fn run(args: BackupArgs, json: bool) -> Result<Answer> {
    let BackupArgs { directory, target, anchor } = args;
    let anchor = anchor.unwrap_or_else(|| anchor_beside(&directory));
    let (from, to) = (LedgerDir::new(&directory), LedgerDir::new(&target));
    let (genesis, source) = open(&from, anchor)?;
    if !source.is_anchored() {
        bail!(
            "{} has no anchor, so which of its blocks were released cannot be told: give it with --anchor",
            directory.display()
        );
    }
    let head = source.reader().head().context("the ledger has no block yet")?;
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    // A backup vouches for nothing, so it has no anchor: its checkpoint says how far it goes.
    let options = FileLogOptions::new(to.log()).anchor(scratch.path().join("anchor"));
    let before = match fs::read_to_string(to.checkpoint()) {
        Ok(note) => {
            let checkpoint = own_checkpoint(&genesis, &note)
                .with_context(|| format!("{} is no checkpoint of this ledger", to.checkpoint().display()))?;
            let chain = Chain::new(genesis.keys().checkpoint_verifier()?);
            let joined = probity_log::join(&options, chain, &checkpoint, |_, _, _| {});
            joined.map_err(|error| anyhow!("the backup in {}: {}", target.display(), with_causes(&error)))?;
            checkpoint.size
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if target.exists() && fs::read_dir(&target)?.next().is_some() {
                bail!(
                    "{} is neither empty nor a backup, or one that broke off: it has no checkpoint",
                    target.display()
                );
            }
            fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
            0
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", to.checkpoint().display())),
    };
    let note = append(&options, &genesis, source.reader(), head, before == 0).await.with_context(|| {
        format!("the backup in {} could not be continued; nothing of the ledger was changed", target.display())
    })?;
    copy_public_keys(&from, &to)?;
    // Last, so that what it covers is there.
    write_whole(&to.checkpoint(), note.as_bytes())?;
    let added = head.tree_size - before;
    if json {
        terminal::json(&json!({
            "origin": genesis.keys().origin, "founding_leaf_hash": genesis.leaf_hash().to_string(),
            "target": target, "statements": head.tree_size, "added": added, "root": head.root.to_string(),
        }))?;
        return Ok(Answer::Yes);
    }
    outln!(
        "{} holds {} statements of {}, {added} of them new.",
        target.display(),
        head.tree_size,
        genesis.keys().origin
    );
    outln!("founding leaf hash  {}", genesis.leaf_hash());
    outln!("root                {}", head.root);
    outln!(
        "It has no private keys and no anchor. Check it with:  probity verify {0} --against {0}/checkpoint",
        target.display()
    );
    Ok(Answer::Yes)
}

/// Opens a log to be read, with what founded it.
pub(super) fn open(dir: &LedgerDir, anchor: PathBuf) -> Result<(Genesis, ReadOnlyLog)> {
    let options = FileLogOptions::new(dir.log()).anchor(anchor);
    let unsound = |error: &dyn std::error::Error| {
        anyhow!("the ledger in {} cannot be read: {}", dir.root().display(), with_causes(error))
    };
    let genesis = Genesis::read(&first_block(&options).map_err(|error| unsound(&error))?)?;
    let log = ReadOnlyLog::open(&options, genesis.keys().checkpoint_verifier()?).map_err(|error| unsound(&error))?;
    Ok((genesis, log))
}

/// A checkpoint that the ledger's keys signed.
pub(super) fn own_checkpoint(genesis: &Genesis, note: &str) -> Result<Checkpoint> {
    Ok(genesis.keys().checkpoint_verifier()?.open(note)?.checkpoint)
}

/// Appends to a log what it lacks of another one, each block verified, and gives the checkpoint at the
/// end.
pub(super) async fn append(
    options: &FileLogOptions,
    genesis: &Genesis,
    source: &BlockReader,
    head: Head,
    is_new: bool,
) -> Result<String> {
    let verifier = genesis.keys().checkpoint_verifier()?;
    let log = if is_new { FileLog::create(options, verifier) } else { FileLog::open(options, verifier) };
    let log = log.map_err(|error| anyhow!(with_causes(&error)))?;
    let bar = terminal::progress("copying", "statements");
    bar.set_length(head.tree_size);
    let mut next = log.reader().head().map_or(0, |head| head.height + 1);
    while next <= head.height {
        let until = head.height.min(next + AT_ONCE - 1);
        let blocks = (next..=until).map(|height| source.block(height)).collect::<Result<Vec<_>, _>>();
        let blocks = blocks.map_err(|error| anyhow!(with_causes(&error)))?;
        if let Some(last) = blocks.last() {
            bar.set_position(last.tree_size());
        }
        log.adopt(blocks).await.map_err(|error| anyhow!(with_causes(&error)))?;
        next = until + 1;
    }
    bar.finish_and_clear();
    log.close().await;
    if log.reader().head() != Some(head) {
        bail!("it holds another history than the ledger, or more of it");
    }
    Ok(source.block(head.height)?.checkpoint().to_owned())
}

/// Copies what may be shown of the ledger's keys.
pub(super) fn copy_public_keys(from: &LedgerDir, to: &LedgerDir) -> Result<()> {
    let (from, to) = (from.keys(), to.keys());
    let names = match fs::read_dir(&from) {
        Ok(names) => names,
        // A process that only follows has none.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot list {}", from.display())),
    };
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for name in names {
        let path = name?.path();
        if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|extension| extension == "pub")) {
            fs::copy(&path, to.join(name)).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes a file that is there as a whole or not at all.
fn write_whole(path: &Path, contents: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let write = || -> io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
