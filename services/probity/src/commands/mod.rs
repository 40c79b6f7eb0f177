//! The commands. Each module holds one: its arguments, what it does, what it prints.

mod checkpoint;
mod config;
mod demo;
mod entry;
mod import;
mod init;
mod key;
mod receipt;
mod record;
mod serve;
mod verify;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::client::ServerArgs;
use crate::failure::Answer;
use crate::people::{self, People};

/// The system of record for AI governance: a signed, append-only ledger of every model's life.
///
/// Exit codes: 0 done or yes, 1 a clear no (refused, does not verify), 2 wrong use, 3 could not find out.
#[derive(Debug, Parser)]
#[command(name = "probity", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The directory of people's names, a file kept outside the ledger.
    #[arg(long, env = people::VARIABLE, default_value = "people.toml", value_name = "FILE", global = true)]
    pub(crate) people: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

impl Global {
    /// The names that are known here.
    pub(crate) fn people(&self) -> Result<People> {
        People::load(&self.people)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Found a ledger: its keys, its first administrators, its first block.
    Init(init::InitArgs),
    /// Serve a ledger over gRPC.
    Serve(serve::ServeArgs),
    /// Make and show keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Sign events and record them.
    Record(record::RecordArgs),
    /// Record an inventory from a CSV file.
    Import(import::ImportArgs),
    /// Show a statement.
    Entry(entry::EntryArgs),
    /// Fetch the receipt of a statement.
    Receipt(receipt::ReceiptArgs),
    /// Show the newest signed checkpoint, or write the static form for mirrors.
    Checkpoint(checkpoint::CheckpointArgs),
    /// Verify a whole ledger, or one statement with its receipt, without trusting anyone.
    Verify(verify::VerifyArgs),
    /// See the whole thing work: a throw-away ledger, two models' lives, verification, tampering.
    Demo(demo::DemoArgs),
    /// Check a configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<Answer> {
        let global = &self.global;
        match self.command {
            Command::Init(args) => init::run(args, global).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Key(command) => key::run(command, global),
            Command::Record(args) => record::run(args, global).await,
            Command::Import(args) => import::run(args, global).await,
            Command::Entry(args) => entry::run(args, global).await,
            Command::Receipt(args) => receipt::run(args, global).await,
            Command::Checkpoint(args) => checkpoint::run(args, global).await,
            Command::Verify(args) => verify::run(args, global),
            Command::Demo(args) => demo::run(args).await,
            Command::Config(command) => config::run(command, global),
        }
    }
}
