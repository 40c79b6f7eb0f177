//! The arguments of `probity record` and of the commands that record for it.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use probity_schemas::Text;

use super::prompt::at_terminal;
use crate::signing::KeyArgs;

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct RecordArgs {
    /// A type of event, such as approval.granted, or a JSON or YAML file with one event or a list
    /// of events; - for standard input. `id`, `v`, and for acts `occurred`, are filled in where
    /// they are left out.
    #[arg(value_name = "TYPE|FILE")]
    pub(super) what: Option<String>,
    /// What the event is about, such as model:credit/pd-scorecard@3.1.0 or, in short,
    /// credit/pd-scorecard; or the index or id of an event about it.
    #[arg(long, value_name = "SUBJECT")]
    pub(super) subject: Option<String>,
    /// The event that this one continues, answers or closes: its index in the log, its id, or what it
    /// is about where only one such is open.
    #[arg(long, value_name = "INDEX|ID|SUBJECT")]
    pub(super) regarding: Option<String>,
    /// Where TYPE starts from: `sample`, or a file with an event.
    #[arg(long, value_name = "sample|FILE")]
    pub(super) from: Option<String>,
    /// Open the event in $EDITOR before anything else is asked.
    #[arg(long)]
    pub(super) edit: bool,
    #[command(flatten)]
    pub(super) fields: FieldArgs,
    #[command(flatten)]
    pub(super) sign: SignArgs,
    /// Print a sample event of this type to start from, such as model.registered.
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["what", "types"])]
    pub(super) sample: Option<String>,
    /// List all types of events.
    #[arg(long, conflicts_with = "what")]
    pub(super) types: bool,
    /// Show this help; after a type, what can be said in events of that type.
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub(super) help: bool,
}

/// What can be said about any event on the command line.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct FieldArgs {
    /// Fill in a field of the data, such as reason=Late or scope.environments=production; `event.`
    /// leads to the envelope, as in event.attributes.team=risk. JSON is taken as JSON, subjects and
    /// times also in short; a list grows by each --set that names it. Can be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub(super) set: Vec<String>,
    /// Something else that the event concerns; can be repeated.
    #[arg(long, value_name = "SUBJECT")]
    pub(super) about: Vec<String>,
    /// A document that the event rests on; its SHA-256 is recorded, the document stays here. Can be
    /// repeated.
    #[arg(long, value_name = "FILE")]
    pub(super) evidence: Vec<PathBuf>,
    /// What the evidence is, such as validation-report: once for all, or once for each --evidence.
    #[arg(long, value_name = "KIND", requires = "evidence")]
    pub(super) evidence_kind: Vec<Text>,
    /// A line for people.
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<Text>,
    /// Whom the signer speaks for.
    #[arg(long, value_name = "NAME|IDENTITY")]
    pub(super) on_behalf_of: Option<String>,
    /// When it happened: RFC 3339, a date, a distance such as -2h, or EARLIEST..LATEST. By default
    /// now; a fact in a file says it itself, or nobody knows.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) occurred: Option<String>,
}

/// How an event is signed and recorded.
#[derive(Debug, Clone, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Record only while the subject has exactly this many statements.
    #[arg(long, value_name = "REVISION")]
    pub(crate) expect_revision: Option<u64>,
    /// Write statement and receipt of each event into this directory, as INDEX.statement and
    /// INDEX.receipt.
    #[arg(long, value_name = "DIR")]
    pub(crate) receipts: Option<PathBuf>,
    /// Do not ask before signing.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be signed, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The directory of sealing keys, for texts that are written as {"seal": TEXT, "for": LABEL}.
    #[arg(long, env = "PROBITY_VAULT", value_name = "DIR")]
    pub(crate) vault: Option<PathBuf>,
}

impl FieldArgs {
    /// The files that are named as evidence, which are not to be attached then.
    pub(crate) fn take_evidence(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.evidence)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
            && self.about.is_empty()
            && self.evidence.is_empty()
            && self.title.is_none()
            && self.on_behalf_of.is_none()
            && self.occurred.is_none()
    }
}

impl SignArgs {
    /// Whether what is signed is shown before.
    pub(crate) fn shows(&self) -> bool {
        self.dry_run || (at_terminal() && !self.yes)
    }
}
