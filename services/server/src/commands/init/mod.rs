//! `probity init`: found a ledger, or join a copy of one to an anchor again.

mod follow;
mod start;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use probity_ledger::with_causes;
use probity_log::{
    ArrivalError, Chain, FileLog, FileLogOptions, JetStreamLog, JoinError, Log, NatsOptions, StreamError, StreamName,
    first_stream_block,
};
use probity_registrar::{Founding, founding_block};
use probity_schemas::ledger::LedgerHead;
use probity_schemas::{Digest, Identity, Origin, SystemClock};
use probity_statement::PublicKey;
use probity_terminal::{self as terminal, Answer, keyfile, outln, wrong_use};
use probity_tlog::{Checkpoint, Note, leaf_hash};
use rand::Rng;
use serde_json::json;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::replay;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The data directory to make.
    directory: PathBuf,
    /// The ledger's name for ever, such as ledger.example.com/models: the audience of every
    /// statement.
    #[arg(long, required_unless_present_any = ["join", "origin_keys"])]
    origin: Option<Origin>,
    /// Public key file of an administrator, as `probity key new --person` writes it. Give it twice.
    #[arg(long = "administrator", value_name = "PUB", required_unless_present_any = ["join", "origin_keys", "follow"])]
    administrators: Vec<PathBuf>,
    /// One administrator is enough. It is recorded, and every report shows it.
    #[arg(long)]
    single_administrator: bool,
    /// Public key file of an offline recovery key; it can do nothing but enrol administrators.
    #[arg(long = "recovery-key", value_name = "PUB", requires = "recovery_threshold")]
    recovery_keys: Vec<PathBuf>,
    /// How many recovery keys have to sign.
    #[arg(long, value_name = "M", requires = "recovery_keys")]
    recovery_threshold: Option<u32>,
    /// The last checkpoint of the ledger that this one goes on from.
    #[arg(long, value_name = "CHECKPOINT")]
    succeeds: Option<PathBuf>,
    /// The anchor: by default beside the data directory. Better on another volume, outside the
    /// backup set.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Make the missing anchor of an existing ledger from this checkpoint, after verifying that the
    /// log reaches it.
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["origin", "administrators", "succeeds"])]
    join: Option<PathBuf>,
    #[command(flatten)]
    nats: NatsArgs,
    /// On how many NATS servers the ledger's stream is kept: 1, 3 or 5.
    #[arg(long, value_name = "N", default_value = "1", requires = "url", value_parser = replicas)]
    replicas: usize,
    /// Make the data directory of another registrar of a ledger on NATS, with the keys in this
    /// directory (`keys` of the first one's data directory).
    #[arg(long, value_name = "DIR", requires = "url", conflicts_with_all = ["origin", "administrators", "join", "succeeds"])]
    origin_keys: Option<PathBuf>,
    /// Make the data directory of a process that only follows a ledger on NATS: the founding leaf
    /// hash that was pinned. Name the ledger with --origin.
    #[arg(long, value_name = "HASH", requires_all = ["url", "origin"], conflicts_with_all = ["administrators", "join", "succeeds"])]
    follow: Option<String>,
}

fn replicas(text: &str) -> Result<usize, String> {
    match text {
        "1" | "3" | "5" => text.parse().map_err(|_| text.to_owned()),
        _ => Err("1, 3 or 5".to_owned()),
    }
}

pub(crate) async fn run(args: InitArgs, json: bool) -> Result<Answer> {
    if let Some(checkpoint) = &args.join {
        return join(&args, checkpoint, json);
    }
    let nats = args.nats.clone().section();
    if let Some(nats) = nats.as_ref().filter(|_| args.origin_keys.is_some() || args.follow.is_some()) {
        return follow::run(&args, nats, json).await;
    }
    let Some(origin) = args.origin.clone() else { return Err(wrong_use!("--origin is needed")) };
    let founding = founding(&args)?;
    let stream = nats.as_ref().map(|nats| (nats.options(), args.replicas));
    let founded = found(&args.directory, args.anchor.as_deref(), origin, &founding, stream).await?;
    let administrators: Vec<String> = founding.administrators.iter().map(|(who, _)| who.to_string()).collect();
    if json {
        terminal::json(&json!({
            "origin": founded.origin, "founding_leaf_hash": founded.founding_leaf_hash,
            "administrators": administrators, "receipt_key": founded.receipt_key,
        }))?;
    } else {
        outln!("Ledger {} is founded in {}.", founded.origin, args.directory.display());
        outln!("founding leaf hash  {}   (pin this)", founded.founding_leaf_hash);
        for (administrator, path) in administrators.iter().zip(&args.administrators) {
            outln!("administrator       {administrator}   ({})", path.display());
        }
        outln!("receipt key         {}   (give this to whoever checks receipts)", founded.receipt_key.display());
        if let Some(nats) = &nats {
            let stream = StreamName::of(&founded.origin).stream;
            outln!("stream              {stream}   ({} replica(s) on {})", args.replicas, nats.url);
        }
        outln!("\nStart it:  {}", args.serve_command(nats.as_ref()));
    }
    Ok(Answer::Yes)
}

fn founding(args: &InitArgs) -> Result<Founding> {
    let administrators = args.administrators.iter().map(|path| administrator(path)).collect::<Result<Vec<_>>>()?;
    if args.single_administrator != (administrators.len() == 1) {
        return Err(wrong_use!(
            "{} administrator(s) given: a ledger has two or more, or one with --single-administrator",
            administrators.len()
        ));
    }
    let recovery = match args.recovery_threshold {
        None => None,
        Some(threshold) => {
            let read = |path: &PathBuf| keyfile::read_public(path).map(|public| public.key);
            Some((threshold, args.recovery_keys.iter().map(read).collect::<Result<Vec<_>, _>>()?))
        }
    };
    let succeeds = args.succeeds.as_deref().map(predecessor).transpose()?;
    Ok(Founding { administrators, single_administrator: args.single_administrator, recovery, succeeds })
}

fn administrator(path: &Path) -> Result<(Identity, PublicKey)> {
    let public = keyfile::read_public(path)?;
    match public.identity {
        Some(identity @ Identity::Person(_)) => Ok((identity, public.key)),
        Some(other) => Err(wrong_use!("{} is the key of {other}; an administrator is a person", path.display())),
        None => {
            Err(wrong_use!("{} does not say whose key it is: add a line `identity: person:<uuid>`", path.display()))
        }
    }
}

fn read_checkpoint(path: &Path) -> Result<(String, Checkpoint)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let note = Note::parse(&text).with_context(|| format!("{} is not a signed note", path.display()))?;
    let checkpoint =
        Checkpoint::parse(note.text()).with_context(|| format!("{} is not a checkpoint", path.display()))?;
    Ok((text, checkpoint))
}

fn predecessor(path: &Path) -> Result<LedgerHead> {
    let (_, checkpoint) = read_checkpoint(path)?;
    let origin = checkpoint.origin.parse().with_context(|| format!("the origin {:?}", checkpoint.origin))?;
    Ok(LedgerHead { origin, tree_size: checkpoint.size, root: Digest::from_bytes(checkpoint.root.0) })
}

/// A ledger that has just been founded.
#[derive(Debug)]
pub(crate) struct FoundedLedger {
    pub(crate) origin: String,
    pub(crate) founding_leaf_hash: String,
    pub(crate) receipt_key: PathBuf,
}

/// Makes the directory, the keys and block 0.
pub(crate) async fn found(
    directory: &Path,
    anchor: Option<&Path>,
    origin: Origin,
    founding: &Founding,
    stream: Option<(NatsOptions, usize)>,
) -> Result<FoundedLedger> {
    if directory.exists() && fs::read_dir(directory)?.next().is_some() {
        return Err(wrong_use!("{} is not empty; a ledger is founded in a directory of its own", directory.display()));
    }
    let dir = LedgerDir::new(directory);
    let secrets = LedgerDir::new_secrets(origin)?;
    let random = || {
        let mut bytes = [0; 10];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    };
    // Everything that can be refused is refused before anything is written.
    let block = founding_block(&secrets, founding, &SystemClock, random)?;
    if let Some((nats, _)) = &stream {
        must_not_exist(nats, secrets.origin.as_str()).await?;
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    dir.write_secrets(&secrets)?;
    let anchor = anchor.map_or_else(|| anchor_beside(directory), Path::to_owned);
    let options = FileLogOptions::new(dir.log()).anchor(anchor);
    let verifier = secrets.public().checkpoint_verifier()?;
    let founding_leaf_hash = block.statement(0).map(|statement| leaf_hash(statement).to_string()).unwrap_or_default();
    match stream {
        Some((nats, replicas)) => {
            let log = JetStreamLog::create(&options, verifier, &nats, replicas).await?;
            let recorded = log.enqueue(block).await;
            log.close().await;
            recorded?;
        }
        None => FileLog::create(&options, verifier)?.enqueue(block).await?,
    }
    Ok(FoundedLedger { origin: secrets.origin.to_string(), founding_leaf_hash, receipt_key: dir.receipt_public_key() })
}

/// Asks NATS before anything is written: whether it can be reached, and has no stream of this
/// ledger.
async fn must_not_exist(nats: &NatsOptions, origin: &str) -> Result<()> {
    match first_stream_block(nats, origin).await {
        Err(ArrivalError::Stream(StreamError::Gone { .. })) => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context(format!("NATS at {}", nats.url))),
        Ok(_) => bail!(
            "there is a stream {} already. To take part in its ledger: probity init DIR --origin-keys or --follow",
            StreamName::of(origin).stream
        ),
    }
}

/// Makes the anchor of an existing log from a checkpoint that the operator vouches for.
fn join(args: &InitArgs, path: &Path, json: bool) -> Result<Answer> {
    let (text, checkpoint) = read_checkpoint(path)?;
    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(&args.directory));
    if anchor.exists() {
        return Err(wrong_use!("{} exists; an anchor is only made where there is none", anchor.display()));
    }
    let options = FileLogOptions::new(LedgerDir::new(&args.directory).log()).anchor(&anchor);
    let verifier = match replay::ledger_keys(&options) {
        Ok(keys) => keys.checkpoint_verifier()?,
        Err(unsound) if unsound.is_unreadable() => return Err(unsound.into()),
        Err(unsound) => return Ok(no(json, &unsound.to_string())),
    };
    if let Err(error) = verifier.open(&text) {
        return Ok(no(json, &format!("{} is not of this ledger: {error}", path.display())));
    }
    let joined = match probity_log::join(&options, Chain::new(verifier), &checkpoint, |_, _, _| {}) {
        Ok(joined) => joined,
        Err(error @ (JoinError::OtherLog { .. } | JoinError::NotInLog { .. } | JoinError::Scrub(_))) => {
            return Ok(no(json, &with_causes(&error)));
        }
        Err(error) => return Err(error.into()),
    };
    if json {
        terminal::json(&json!({ "anchor": anchor, "tree_size": joined.tree_size, "root": joined.root.to_string() }))?;
    } else {
        outln!("{} made at {} statements, root {}", anchor.display(), joined.tree_size, joined.root);
    }
    Ok(Answer::Yes)
}

fn no(json: bool, reason: &str) -> Answer {
    terminal::no(json, &format!("no anchor was made: {reason}"))
}
