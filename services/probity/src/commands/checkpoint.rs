//! `probity checkpoint`: the newest signed checkpoint, or the static form of the whole log for mirrors.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_log::{FileLog, FileLogOptions};
use probity_proto::v1;
use serde_json::json;

use super::Global;
use crate::client::failed;
use crate::config::anchor_beside;
use crate::failure::Answer;
use crate::ledger_dir::LedgerDir;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// The checkpoint of this block instead of the newest.
    #[arg(long)]
    height: Option<u64>,
    /// Write the signed note to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write checkpoint, hash tiles and entry bundles (C2SP tlog-tiles) below this directory, from the data directory
    /// given with --data. The ledger must not be served meanwhile.
    #[arg(long, value_name = "DIR", requires = "data", conflicts_with = "height")]
    mirror: Option<PathBuf>,
    /// The data directory for --mirror.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The anchor of the data directory, where it is not beside it.
    #[arg(long, value_name = "FILE", requires = "data")]
    anchor: Option<PathBuf>,
}

pub(crate) async fn run(args: CheckpointArgs, global: &Global) -> Result<Answer> {
    if let (Some(mirror), Some(data)) = (&args.mirror, &args.data) {
        let dir = LedgerDir::new(data);
        let verifier = dir.read_secrets()?.public().checkpoint_verifier()?;
        let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(data));
        let options = FileLogOptions::new(dir.log()).anchor(anchor);
        let head = FileLog::export_at_rest(&options, verifier, mirror)?;
        println!("{} statements written to {}", head.tree_size, mirror.display());
        return Ok(Answer::Yes);
    }
    let mut client = global.server.connect().await?;
    let request = v1::GetCheckpointRequest { height: args.height };
    let response = client.log.get_checkpoint(request).await.map_err(failed)?.into_inner();
    // What is shown was checked: with the keys of the founding statement.
    let ledger = client.ledger().await?;
    let signed = ledger.checkpoint_verifier()?.open(&response.checkpoint).context("the server's checkpoint")?;
    if let Some(path) = &args.out {
        fs::write(path, &response.checkpoint).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if global.json {
        output::json(&json!({
            "origin": signed.checkpoint.origin, "tree_size": signed.checkpoint.size,
            "root": signed.checkpoint.root.to_string(), "recorded_at": signed.time, "height": response.height,
            "checkpoint": response.checkpoint,
        }))?;
    } else if args.out.is_none() {
        print!("{}", response.checkpoint);
    }
    Ok(Answer::Yes)
}
