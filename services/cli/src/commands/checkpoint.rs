//! `probity checkpoint`: the newest signed checkpoint, or that of a block.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1;
use probity_terminal::{Answer, out};
use serde_json::json;

use crate::client::failed;
use crate::output;
use crate::session::SessionArgs;

/// Which checkpoint to show, and where to write it.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// The checkpoint of this block instead of the newest.
    #[arg(long)]
    height: Option<u64>,
    /// Write the signed note to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show the verifier keys of the notes, `name+id+key`, as other tools are configured with: the
    /// checkpoint key's, then the clock key's.
    #[arg(long, conflicts_with_all = ["height", "out"])]
    keys: bool,
    #[command(flatten)]
    session: SessionArgs,
}

impl CheckpointArgs {
    /// Shows the checkpoint; with `json` it prints JSON instead of text.
    ///
    /// # Errors
    /// The server cannot be reached, or its checkpoint does not verify.
    pub async fn run(self, json: bool) -> Result<Answer> {
        let Self { height, out, keys, session } = self;
        let session = session.open(json);
        let mut client = session.server.connect().await?;
        if keys {
            let verifier = client.ledger().checkpoint_verifier()?;
            let (checkpoint, clock) = (verifier.checkpoint_key(), verifier.clock_key());
            match session.json {
                true => output::json(&json!({ "checkpoint": checkpoint.to_string(), "clock": clock.to_string() }))?,
                false => out!("{checkpoint}\n{clock}\n"),
            }
            return Ok(Answer::Yes);
        }
        let request = v1::GetCheckpointRequest { height };
        let response = client.log.get_checkpoint(request).await.map_err(failed)?.into_inner();
        // What is shown was checked: with the keys of the founding statement.
        let ledger = client.ledger().clone();
        let signed = ledger.checkpoint_verifier()?.open(&response.checkpoint).context("the server's checkpoint")?;
        if let Some(path) = &out {
            fs::write(path, &response.checkpoint).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if session.json {
            output::json(&json!({
                "origin": signed.checkpoint.origin, "tree_size": signed.checkpoint.size,
                "root": signed.checkpoint.root.to_string(), "recorded_at": signed.time, "height": response.height,
                "checkpoint": response.checkpoint,
            }))?;
        } else if out.is_none() {
            out!("{}", response.checkpoint);
        }
        Ok(Answer::Yes)
    }
}
