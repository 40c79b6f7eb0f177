//! The commands that work on a ledger's files. Each module holds one: its arguments, what it does,
//! what it prints.

mod backup;
mod clock;
mod config;
mod init;
pub(crate) mod mirror;
mod own_word;
mod repair;
mod restore;
mod rules;
mod serve;
pub(crate) mod verify;
mod views;

pub(crate) use init::found;

use anyhow::Result;
use clap::Subcommand;
use probity_terminal::Answer;

/// The commands that found and operate a ledger.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Found a ledger: its keys, its first administrators, its first block.
    Init(init::InitArgs),
    /// Serve a ledger over gRPC.
    Serve(serve::ServeArgs),
    /// Show which rules a ledger is under, and adopt newer ones.
    Rules(rules::RulesArgs),
    /// Show how far the views of a stopped ledger are, or have one rebuilt.
    Views(views::ViewsArgs),
    /// Restore to a NATS stream what it lost, from the local log.
    Repair(repair::RepairArgs),
    /// Copy a ledger without its private keys, also while it is served.
    Backup(backup::BackupArgs),
    /// Make a data directory from a backup, held against the anchor or a checkpoint.
    Restore(restore::RestoreArgs),
    /// Let a ledger go on whose newest block is ahead of the clock.
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// Check a configuration file, and open what it names.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

impl OperatorCommand {
    /// Runs the command; with `json` it prints JSON instead of text.
    ///
    /// # Errors
    /// It was called wrongly, or the answer could not be found out.
    pub async fn run(self, json: bool) -> Result<Answer> {
        match self {
            Self::Init(args) => init::run(args, json).await,
            Self::Serve(args) => serve::run(args).await,
            Self::Rules(args) => rules::run(args, json).await,
            Self::Views(args) => views::run(args, json),
            Self::Repair(args) => repair::run(args, json).await,
            Self::Backup(args) => backup::run(args, json).await,
            Self::Restore(args) => restore::run(args, json).await,
            Self::Clock(command) => clock::run(command, json).await,
            Self::Config(command) => config::run(command, json).await,
        }
    }
}
