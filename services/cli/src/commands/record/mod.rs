//! `probity record`: sign events and record them.
//!
//! An event comes from a file, from a type's sample or from the command line. What is missing is asked for at a terminal;
//! what will be signed is shown in plain words before it is. The shortcuts (`probity approve` and the like) fill in a draft
//! and go the same way.

mod ask;
mod draft;
mod help;
mod recording;
mod show;
mod source;
mod submit;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, Args};
use probity_schemas::{Identity, Text, TypeInfo};
use probity_terminal::{Answer, wrong_use};

use crate::session::Session;
use crate::signing::KeyArgs;

pub(crate) use draft::{Draft, complete};
pub(crate) use recording::{Found, Recording};
pub(crate) use show::plain_words;
pub(crate) use submit::{check_receipt, sign};

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct RecordArgs {
    /// A type of event, such as approval.granted, or a JSON or YAML file with one event or a list of events; - for
    /// standard input. `id`, `v`, and for acts `occurred`, are filled in where they are left out.
    #[arg(value_name = "TYPE|FILE")]
    what: Option<String>,
    /// What the event is about, such as model:credit/pd-scorecard@3.1.0.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// The event that this one continues, answers or closes: its id, or its index in the log.
    #[arg(long, value_name = "ID|INDEX")]
    regarding: Option<String>,
    /// Where TYPE starts from: `sample`, or a file with an event.
    #[arg(long, value_name = "sample|FILE")]
    from: Option<String>,
    /// Open the event in $EDITOR before anything else is asked.
    #[arg(long)]
    edit: bool,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
    /// Print a sample event of this type to start from, such as model.registered.
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["what", "types"])]
    sample: Option<String>,
    /// List all types of events.
    #[arg(long, conflicts_with = "what")]
    types: bool,
    /// Show this help; after a type, what can be said in events of that type.
    #[arg(short, long, action = ArgAction::SetTrue)]
    help: bool,
}

/// What can be said about any event on the command line.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct FieldArgs {
    /// Fill in a field of the data, such as reason=Late or scope.environments=production; `event.` leads to the envelope,
    /// as in event.attributes.team=risk. JSON is taken as JSON, subjects and times also in short; a list grows by each
    /// --set that names it. Can be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Something else that the event concerns; can be repeated.
    #[arg(long, value_name = "SUBJECT")]
    about: Vec<String>,
    /// A document that the event rests on; its SHA-256 is recorded, the document stays here. Can be repeated.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// What the evidence is, such as validation-report: once for all, or once for each --evidence.
    #[arg(long, value_name = "KIND", requires = "evidence")]
    evidence_kind: Vec<Text>,
    /// A line for people.
    #[arg(long, value_name = "TEXT")]
    title: Option<Text>,
    /// Whom the signer speaks for.
    #[arg(long, value_name = "IDENTITY")]
    on_behalf_of: Option<Identity>,
    /// When it happened: RFC 3339, a date, a distance such as -2h, or EARLIEST..LATEST. By default now; a fact in a file
    /// says it itself, or nobody knows.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    occurred: Option<String>,
}

/// How an event is signed and recorded.
#[derive(Debug, Clone, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Record only while the subject has exactly this many statements.
    #[arg(long, value_name = "REVISION")]
    pub(crate) expect_revision: Option<u64>,
    /// Write statement and receipt of each event into this directory, as INDEX.statement and INDEX.receipt.
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

pub(crate) async fn run(args: RecordArgs, session: &Session) -> Result<Answer> {
    if args.help {
        return help::show(args.what.as_deref(), session);
    }
    if args.types {
        return help::types(session);
    }
    if let Some(event_type) = &args.sample {
        return help::sample(event_type);
    }
    let mut drafts = source::read(args.what.as_deref(), args.from.as_deref())?;
    if args.edit {
        for draft in &mut drafts {
            draft.edit()?;
        }
    }
    match drafts.as_mut_slice() {
        [draft] => {
            draft.apply(&args.fields)?;
            draft.subject(args.subject.as_deref())?;
            draft.regarding(args.regarding.as_deref());
        }
        _ if args.subject.is_some() || args.regarding.is_some() || !args.fields.is_empty() => {
            return Err(wrong_use!("fields on the command line are for one event; this file holds {}", drafts.len()));
        }
        _ => {}
    }
    record(drafts, &args.sign, session).await
}

/// Records drafts: asks for what is missing, shows them, signs them, sends them.
pub(crate) async fn record(drafts: Vec<Draft>, args: &SignArgs, session: &Session) -> Result<Answer> {
    for draft in &drafts {
        draft.check_complete()?;
    }
    let mut recording = Recording::start(args, session).await?;
    recording.record(drafts, args).await
}

impl FieldArgs {
    fn is_empty(&self) -> bool {
        self.set.is_empty()
            && self.about.is_empty()
            && self.evidence.is_empty()
            && self.title.is_none()
            && self.on_behalf_of.is_none()
            && self.occurred.is_none()
    }
}

/// Whether what is signed is shown before.
pub(crate) fn shows(args: &SignArgs) -> bool {
    args.dry_run || (at_terminal() && !args.yes)
}

/// Whether there is somebody who can be asked.
pub(crate) fn at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The type of this name.
fn info_of(event_type: &str) -> Result<&'static TypeInfo> {
    probity_schemas::newest(event_type).map_err(|error| wrong_use!("{error}"))
}
