//! `probity config`: check a configuration before a server meets it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_terminal::{self as terminal, Answer, errln, outln};
use serde_json::json;

use crate::config::{Config, ConfigError};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration file with the environment over it, and say what is wrong with it.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    file: PathBuf,
}

pub(crate) fn run(command: ConfigCommand, json: bool) -> Result<Answer> {
    let ConfigCommand::Check(args) = command;
    match Config::load(Some(&args.file), None, std::env::vars()) {
        Ok(config) => {
            if json {
                terminal::json(&json!({ "ok": true }))?;
            } else {
                let tls = if config.tls.is_some() { "with TLS" } else { "without TLS (loopback only)" };
                outln!("{}: ok", args.file.display());
                outln!("ledger  {}", config.ledger.directory.display());
                outln!("anchor  {}", config.anchor().display());
                outln!("gRPC    {} {tls}", config.listen.grpc);
            }
            Ok(Answer::Yes)
        }
        Err(error @ ConfigError::Read { .. }) => Err(error.into()),
        Err(error) => {
            if json {
                terminal::json(&json!({ "ok": false, "error": error.to_string() }))?;
            }
            errln!("probity: {error}");
            Ok(Answer::No)
        }
    }
}
