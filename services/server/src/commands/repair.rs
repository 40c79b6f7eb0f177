//! `probity repair`: put back what a NATS stream lost, from the local log.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use dialoguer::Confirm;
use probity_ledger::with_causes;
use probity_log::{FileLogOptions, JetStreamError, Repair, Shortfall, StreamName};
use probity_terminal::{self as terminal, Answer, errln, outln, wrong_use};
use serde_json::json;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::replay;

#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The data directory of the registrar whose checkpoint is the highest. It must be stopped, and
    /// so must every other registrar of the ledger.
    directory: PathBuf,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    #[command(flatten)]
    nats: NatsArgs,
    /// On how many NATS servers a stream that has to be made anew is kept: 1, 3 or 5.
    #[arg(long, value_name = "N", default_value = "1")]
    replicas: usize,
    /// Do not ask before writing.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: RepairArgs, json: bool) -> Result<Answer> {
    let Some(nats) = args.nats.clone().section() else { return Err(wrong_use!("--nats is needed")) };
    let dir = LedgerDir::new(&args.directory);
    if !dir.log().is_dir() {
        anyhow::bail!("{} is not the data directory of a ledger: it has no log/", args.directory.display());
    }
    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(&args.directory));
    let options = FileLogOptions::new(dir.log()).anchor(anchor);
    let keys = replay::ledger_keys(&options)?;
    let stream = StreamName::of(keys.origin.as_str()).stream;

    let bar = terminal::progress("comparing", "blocks");
    let servers = nats.options();
    let examined = Repair::examine(&options, keys.checkpoint_verifier()?, &servers, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let examined = examined.await;
    bar.finish_and_clear();
    let repair = match examined {
        Ok(repair) => repair,
        Err(JetStreamError::Disagrees(disagreement)) => {
            return Ok(terminal::no(json, &format!("stream {stream} is left alone: {disagreement}")));
        }
        Err(error) => return Err(anyhow::anyhow!("{}", with_causes(&error))),
    };
    let shortfall = repair.shortfall();
    if shortfall.is_none() {
        report(&stream, shortfall, false, json)?;
        return Ok(Answer::Yes);
    }
    describe(&stream, shortfall, &args.directory);
    if !args.yes && !ask()? {
        return Ok(terminal::no(json, "nothing was written"));
    }
    let bar = terminal::progress("publishing", "blocks");
    let put_back = repair.put_back(args.replicas, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let put_back = put_back.await;
    bar.finish_and_clear();
    put_back
        .map_err(|error| anyhow::anyhow!("{}", with_causes(&error)))
        .context("the repair broke off; run it again")?;
    report(&stream, shortfall, true, json)?;
    Ok(Answer::Yes)
}

/// What is wrong and what would be done, on standard error: standard output is for what was done.
fn describe(stream: &str, shortfall: Shortfall, directory: &Path) {
    let Shortfall { no_stream, another_stream, in_stream, released } = shortfall;
    if no_stream {
        errln!("There is no stream {stream}. It would be made anew.");
    } else {
        errln!("Stream {stream} has {in_stream} of {released} blocks; those agree with {}.", directory.display());
    }
    if another_stream {
        errln!("It is not the stream that this ledger was recorded in, but one that was made since.");
    }
    if in_stream < released {
        errln!("Blocks {in_stream} to {} would be published as they are.", released - 1);
    }
    errln!("No registrar of this ledger may run meanwhile, and none may have a higher checkpoint than this one.");
}

fn ask() -> Result<bool> {
    let asked = Confirm::new().with_prompt("Write to the stream?").default(false).interact();
    asked.context("nobody is there to be asked; --yes does not ask")
}

fn report(stream: &str, shortfall: Shortfall, repaired: bool, json: bool) -> Result<()> {
    let Shortfall { no_stream, another_stream, in_stream, released } = shortfall;
    let published = if repaired { released.saturating_sub(in_stream) } else { 0 };
    if json {
        return Ok(terminal::json(&json!({
            "stream": stream, "made_anew": no_stream, "another_stream": another_stream,
            "published": published, "blocks": released.max(in_stream),
        }))?);
    }
    match repaired {
        true => {
            outln!("repaired: {published} block(s) published; stream {stream} has {} blocks", released.max(in_stream))
        }
        false => outln!(
            "nothing to repair: stream {stream} has {in_stream} blocks, every one that was released here ({released}) \
             among them"
        ),
    }
    Ok(())
}
