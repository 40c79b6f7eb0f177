//! The commands. Each module holds one: its arguments, what it does, what it prints.

mod approve;
mod check;
pub(crate) mod checkpoint;
mod compare;
mod compliance;
mod confirm;
mod correct;
pub mod demo;
mod dossier;
mod entry;
mod erase;
mod history;
mod hold;
mod impact;
mod import;
mod inbox;
mod key;
mod lineage;
mod list;
mod models;
mod needs;
mod pack;
mod people;
mod receipt;
mod record;
mod seen;
mod suspend;
mod vault;
pub(crate) mod verdicts;
pub(crate) mod verify;
mod why;

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_terminal::{Answer, wrong_use};

use crate::session::{PeopleArgs, SessionArgs};

/// A command that talks to a server.
#[derive(Debug, Args)]
pub struct Remote<T: Args> {
    #[command(flatten)]
    args: T,
    #[command(flatten)]
    session: SessionArgs,
}

/// A command with commands of its own that talk to a server.
#[derive(Debug, Args)]
pub struct RemoteGroup<T: Subcommand> {
    #[command(subcommand)]
    command: T,
    #[command(flatten)]
    session: SessionArgs,
}

/// Making and showing keys, which needs no server.
#[derive(Debug, Args)]
pub struct KeyGroup {
    #[command(subcommand)]
    command: key::KeyCommand,
    #[command(flatten)]
    people: PeopleArgs,
}

/// The commands that ask a ledger and record in it.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make and show keys.
    Key(KeyGroup),
    /// Show the keys that personal data are sealed under.
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Sign events and record them.
    Record(Remote<record::RecordArgs>),
    /// Approve a request.
    Approve(Remote<approve::ApproveArgs>),
    /// Reject a request for approval.
    Reject(Remote<approve::RejectArgs>),
    /// Confirm an enrolment, a role or a policy as the second person.
    Confirm(Remote<confirm::ConfirmArgs>),
    /// Stop what serves at an endpoint, in an emergency.
    Suspend(Remote<suspend::SuspendArgs>),
    /// Resume what was suspended.
    Resume(Remote<suspend::ResumeArgs>),
    /// Correct a fact of one's own; the original stays.
    Correct(Remote<correct::CorrectArgs>),
    /// Forbid erasure, and allow it again.
    Hold(RemoteGroup<hold::HoldCommand>),
    /// Erase what was sealed for a person or a case, by destroying the key.
    Erase(Remote<erase::EraseArgs>),
    /// Record an inventory from a CSV file.
    Import(Remote<import::ImportArgs>),
    /// Show a statement.
    Entry(Remote<entry::EntryArgs>),
    /// List models: state, class, owners, where they run; search and count them.
    Models(Remote<models::ModelsArgs>),
    /// Show everything about one model.
    Model(Remote<dossier::ModelArgs>),
    /// List use cases, deployments, datasets, monitors, issues and incidents, or value.
    List(RemoteGroup<list::ListCommand>),
    /// Show what a model still needs, and what to do about it.
    Needs(Remote<needs::NeedsArgs>),
    /// List who may sign, in which roles, and until when.
    People(Remote<people::PeopleListArgs>),
    /// Show what waits for a person and until when.
    Inbox(Remote<inbox::InboxArgs>),
    /// Show what is not in order: live without approval, no owner, overdue, and so on.
    Compliance(Remote<compliance::ComplianceArgs>),
    /// Ask whether an artefact may run somewhere: 0 yes, 1 no, 3 could not find out.
    Check(Remote<check::CheckArgs>),
    /// Show why a control of a pack gets its verdict: the rule, the statements, and how it came about.
    Why(Remote<why::WhyArgs>),
    /// Show who did what and when, or which version served at a moment.
    History(Remote<history::HistoryArgs>),
    /// Compare two versions of a model, or two points of the log.
    Compare(Remote<compare::CompareArgs>),
    /// Show what something comes from and what comes from it, from data to endpoints.
    Lineage(Remote<lineage::LineageArgs>),
    /// Show what is live and descends from a withdrawn dataset or a flawed model.
    Impact(Remote<impact::ImpactArgs>),
    /// Fetch the receipt of a statement.
    Receipt(Remote<receipt::ReceiptArgs>),
}

impl ClientCommand {
    /// Where it records, for commands that do.
    fn records_in(&self) -> Option<&SessionArgs> {
        match self {
            Self::Record(Remote { session, .. })
            | Self::Approve(Remote { session, .. })
            | Self::Reject(Remote { session, .. })
            | Self::Confirm(Remote { session, .. })
            | Self::Suspend(Remote { session, .. })
            | Self::Resume(Remote { session, .. })
            | Self::Correct(Remote { session, .. })
            | Self::Hold(RemoteGroup { session, .. })
            | Self::Erase(Remote { session, .. })
            | Self::Import(Remote { session, .. }) => Some(session),
            Self::Impact(Remote { args, session }) if args.records() => Some(session),
            Self::Compliance(Remote { args, session }) if args.records() => Some(session),
            _ => None,
        }
    }

    /// Runs the command; with `json` it prints JSON instead of text.
    ///
    /// # Errors
    /// It was called wrongly, or the answer could not be found out.
    pub async fn run(self, json: bool) -> Result<Answer> {
        if self.records_in().is_some_and(SessionArgs::is_of_copy) {
            return Err(wrong_use!(
                "--ledger is a copy, in which nothing can be recorded; name the server with --server"
            ));
        }
        match self {
            Self::Key(KeyGroup { command, people }) => key::run(command, &people, json),
            Self::Vault(command) => vault::run(command, json),
            Self::Record(Remote { args, session }) => record::run(args, &session.open(json)).await,
            Self::Approve(Remote { args, session }) => approve::approve(args, &session.open(json)).await,
            Self::Reject(Remote { args, session }) => approve::reject(args, &session.open(json)).await,
            Self::Confirm(Remote { args, session }) => confirm::run(args, &session.open(json)).await,
            Self::Suspend(Remote { args, session }) => suspend::suspend(args, &session.open(json)).await,
            Self::Resume(Remote { args, session }) => suspend::resume(args, &session.open(json)).await,
            Self::Correct(Remote { args, session }) => correct::run(args, &session.open(json)).await,
            Self::Hold(RemoteGroup { command, session }) => hold::run(command, &session.open(json)).await,
            Self::Erase(Remote { args, session }) => erase::run(args, &session.open(json)).await,
            Self::Import(Remote { args, session }) => import::run(args, &session.open(json)).await,
            Self::Entry(Remote { args, session }) => entry::run(args, &session.open_to_read(json)).await,
            Self::Models(Remote { args, session }) => models::run(args, &session.open_to_read(json)).await,
            Self::Model(Remote { args, session }) => dossier::run(args, &session.open_to_read(json)).await,
            Self::List(RemoteGroup { command, session }) => list::run(command, &session.open_to_read(json)).await,
            Self::Needs(Remote { args, session }) => needs::run(args, &session.open_to_read(json)).await,
            Self::People(Remote { args, session }) => people::run(args, &session.open_to_read(json)).await,
            Self::Inbox(Remote { args, session }) => inbox::run(args, &session.open_to_read(json)).await,
            Self::Compliance(Remote { args, session }) => compliance::run(args, session, json).await,
            Self::Check(Remote { args, session }) => check::run(args, &session.open_to_read(json)).await,
            Self::Why(Remote { args, session }) => why::run(args, &session.open_to_read(json)).await,
            Self::History(Remote { args, session }) => history::run(args, &session.open_to_read(json)).await,
            Self::Compare(Remote { args, session }) => compare::run(args, &session.open_to_read(json)).await,
            Self::Lineage(Remote { args, session }) => lineage::run(args, &session.open_to_read(json)).await,
            Self::Impact(Remote { args, session }) => impact::run(args, &session.open(json)).await,
            Self::Receipt(Remote { args, session }) => receipt::run(args, &session.open(json)).await,
        }
    }
}
