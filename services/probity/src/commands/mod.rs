//! The commands. Each module holds one: its arguments, what it does, what it prints.

mod approve;
mod checkpoint;
mod compare;
mod compliance;
mod config;
mod confirm;
mod correct;
mod demo;
mod dossier;
mod entry;
mod erase;
mod history;
mod hold;
mod impact;
mod import;
mod inbox;
mod init;
mod key;
mod lineage;
mod list;
mod models;
mod receipt;
mod record;
mod repair;
mod rules;
mod serve;
mod suspend;
mod vault;
mod verify;
mod views;

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
    /// Say yes to a request for approval.
    Approve(approve::ApproveArgs),
    /// Say no to a request for approval.
    Reject(approve::RejectArgs),
    /// Be the second person who says yes to an enrolment, a role or a policy.
    Confirm(confirm::ConfirmArgs),
    /// Pull the plug: stop what serves at an endpoint.
    Suspend(suspend::SuspendArgs),
    /// Let serve again what was suspended.
    Resume(suspend::ResumeArgs),
    /// Correct a fact of one's own; the original stays.
    Correct(correct::CorrectArgs),
    /// Forbid erasure, and allow it again.
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// Show the keys that personal data are sealed under.
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Erase what was sealed for a person or case, by destroying its key.
    Erase(erase::EraseArgs),
    /// Record an inventory from a CSV file.
    Import(import::ImportArgs),
    /// Show a statement.
    Entry(entry::EntryArgs),
    /// List models: state, class, owners, where they run; search and count them.
    Models(models::ModelsArgs),
    /// Show everything about one model.
    Model(dossier::ModelArgs),
    /// List use cases, deployments, datasets, monitors, issues and incidents, or value.
    #[command(subcommand)]
    List(list::ListCommand),
    /// Show what waits for a person, until when, and what changed since what they approved last.
    Inbox(inbox::InboxArgs),
    /// Show what the standing questions find: live without approval, no owner, overdue, and so on.
    Compliance(compliance::ComplianceArgs),
    /// Show who did what, when, and on whose behalf; or which version served at a moment.
    History(history::HistoryArgs),
    /// Show what changed between two versions, or was recorded between two points of the log.
    Compare(compare::CompareArgs),
    /// Show what something comes from, and what comes from it: data, runs, versions, endpoints, consumers.
    Lineage(lineage::LineageArgs),
    /// Show what runs now and descends from a withdrawn dataset or a flawed model, and raise findings.
    Impact(impact::ImpactArgs),
    /// Fetch the receipt of a statement.
    Receipt(receipt::ReceiptArgs),
    /// Show the newest signed checkpoint, or write the static form for mirrors.
    Checkpoint(checkpoint::CheckpointArgs),
    /// Show which rules a ledger is under, and adopt newer ones.
    Rules(rules::RulesArgs),
    /// Show how far the views of a ledger are, while it is not served; have one built anew.
    Views(views::ViewsArgs),
    /// Put back what a NATS stream lost of a ledger, from the local log.
    Repair(repair::RepairArgs),
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
            Command::Approve(args) => approve::approve(args, global).await,
            Command::Reject(args) => approve::reject(args, global).await,
            Command::Confirm(args) => confirm::run(args, global).await,
            Command::Suspend(args) => suspend::suspend(args, global).await,
            Command::Resume(args) => suspend::resume(args, global).await,
            Command::Correct(args) => correct::run(args, global).await,
            Command::Hold(command) => hold::run(command, global).await,
            Command::Vault(command) => vault::run(command, global),
            Command::Erase(args) => erase::run(args, global).await,
            Command::Import(args) => import::run(args, global).await,
            Command::Entry(args) => entry::run(args, global).await,
            Command::Models(args) => models::run(args, global).await,
            Command::Model(args) => dossier::run(args, global).await,
            Command::List(command) => list::run(command, global).await,
            Command::Inbox(args) => inbox::run(args, global).await,
            Command::Compliance(args) => compliance::run(args, global).await,
            Command::History(args) => history::run(args, global).await,
            Command::Compare(args) => compare::run(args, global).await,
            Command::Lineage(args) => lineage::run(args, global).await,
            Command::Impact(args) => impact::run(args, global).await,
            Command::Receipt(args) => receipt::run(args, global).await,
            Command::Checkpoint(args) => checkpoint::run(args, global).await,
            Command::Rules(args) => rules::run(args, global).await,
            Command::Views(args) => views::run(args, global),
            Command::Repair(args) => repair::run(args, global).await,
            Command::Verify(args) => verify::run(args, global),
            Command::Demo(args) => demo::run(args).await,
            Command::Config(command) => config::run(command, global),
        }
    }
}
