//! `probity vault`: what can be forgotten.

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_terminal::Answer;
use serde_json::{Value, json};
use std::path::PathBuf;

use crate::output;
use crate::vault::Vault;

#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// List the sealing keys: for whom, since when, and the id that events name them by.
    List(ListArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// The directory of sealing keys.
    #[arg(long, env = "PROBITY_VAULT", value_name = "DIR")]
    vault: PathBuf,
}

pub(crate) fn run(command: VaultCommand, json: bool) -> Result<Answer> {
    let VaultCommand::List(args) = command;
    let keys = Vault::new(&args.vault).keys()?;
    if json {
        let row = |kept: &crate::vault::VaultKey| -> Value {
            json!({ "label": kept.label, "key": kept.key.id().to_string(), "made": kept.made })
        };
        output::json(&keys.iter().map(row).collect::<Vec<_>>())?;
        return Ok(Answer::Yes);
    }
    let mut table = output::table(&["LABEL", "MADE", "KEY"]);
    for kept in &keys {
        table.add_row([kept.label.clone(), output::time_ms(kept.made), kept.key.id().to_string()]);
    }
    table.print();
    Ok(Answer::Yes)
}
