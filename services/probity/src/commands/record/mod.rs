//! `probity record`: sign events and record them.
//!
//! An event comes from a file, from a type's sample or from the command line. What is missing is asked for at a terminal;
//! what will be signed is shown in plain words before it is. The shortcuts (`probity approve` and the like) fill in a draft
//! and go the same way.

mod ask;
mod draft;
mod help;
mod show;
mod submit;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, Args};
use probity_proto::v1;
use probity_schemas::{Digest, Event, EventId, Identity, Text, TypeInfo};
use probity_statement::{LedgerKeys, SignedStatement};
use sha2::{Digest as _, Sha256};

use super::Global;
use crate::client::{Client, failed, headline};
use crate::failure::{Answer, wrong_use};
use crate::keyfile::Signer;
use crate::output;
use crate::people::People;
use crate::signing::{AnyKey, KeyArgs};
use crate::vault::Vault;

pub(crate) use draft::{Draft, complete};
pub(crate) use show::plain_words;
pub(crate) use submit::{check_receipt, sign};

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct RecordArgs {
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
    /// When it happened: RFC 3339, now, a distance such as -2h, or EARLIEST..LATEST. Of an act, and of a fact that says
    /// nothing here, the present moment; but not of events in files.
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

pub(crate) async fn run(args: RecordArgs, global: &Global) -> Result<Answer> {
    if args.help {
        return help::show(args.what.as_deref(), global);
    }
    if args.types {
        return help::types(global);
    }
    if let Some(event_type) = &args.sample {
        return help::sample(event_type);
    }
    let mut drafts = draft::read(args.what.as_deref(), args.from.as_deref())?;
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
    record(drafts, &args.sign, global).await
}

/// Records drafts: asks for what is missing, shows them, signs them, sends them.
pub(crate) async fn record(drafts: Vec<Draft>, args: &SignArgs, global: &Global) -> Result<Answer> {
    for draft in &drafts {
        draft.check_complete()?;
    }
    let mut recording = Recording::start(args, global).await?;
    recording.record(drafts, args).await
}

/// Somebody at work on a ledger.
pub(crate) struct Recording<'a> {
    pub(crate) global: &'a Global,
    pub(crate) signer: Signer<AnyKey>,
    pub(crate) client: Client,
    pub(crate) ledger: LedgerKeys,
    people: People,
}

/// A statement that is in the log.
pub(crate) struct Found {
    pub(crate) index: u64,
    pub(crate) statement: SignedStatement,
    pub(crate) event: Event,
}

impl Found {
    /// The digest of the signed statement: what confirmations name it by.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(Sha256::digest(self.statement.bytes()).into())
    }
}

impl<'a> Recording<'a> {
    /// Opens the key and connects.
    pub(crate) async fn start(args: &SignArgs, global: &'a Global) -> Result<Self> {
        let signer = args.key.open(global)?;
        let mut client = global.server.connect().await?;
        let ledger = client.ledger().await?;
        Ok(Self { global, signer, client, ledger, people: global.people()? })
    }

    /// Records drafts with this key.
    pub(crate) async fn record(&mut self, drafts: Vec<Draft>, args: &SignArgs) -> Result<Answer> {
        match self.prepare(drafts, args).await? {
            Some(events) => self.submit(&events, args).await,
            None => Ok(if args.dry_run { Answer::Yes } else { Answer::No }),
        }
    }

    /// Turns drafts into events that may be signed; none if they are not to be.
    pub(crate) async fn prepare(&mut self, mut drafts: Vec<Draft>, args: &SignArgs) -> Result<Option<Vec<Event>>> {
        let vault = args.vault.as_deref().map(Vault::new);
        let mut events = Vec::with_capacity(drafts.len());
        for draft in &mut drafts {
            self.resolve(draft).await?;
            draft.check_complete()?;
            if !ask::missing(draft)? {
                eprintln!("Nothing was recorded.");
                return Ok(None);
            }
            events.push(draft.finish(&self.ledger.origin, vault.as_ref())?);
        }
        if shows(args) {
            self.show(&drafts, &events);
        }
        if args.dry_run {
            if self.global.json {
                output::json(&events)?;
            }
            return Ok(None);
        }
        if at_terminal() && !args.yes && !ask::may_sign(events.len())? {
            eprintln!("Nothing was recorded.");
            return Ok(None);
        }
        Ok(Some(events))
    }

    fn show(&self, drafts: &[Draft], events: &[Event]) {
        /// So many are shown in full; of the others, one line.
        const IN_FULL: usize = 5;
        for (at, (draft, event)) in drafts.iter().zip(events).enumerate() {
            match at {
                0..IN_FULL => {
                    eprintln!("You are about to sign\n{}", draft.in_words(event, &self.signer.identity, &self.people))
                }
                _ => eprintln!("and {}", headline(event)),
            }
        }
    }

    /// Puts the id of the event that a draft regards in the place of its index.
    async fn resolve(&mut self, draft: &mut Draft) -> Result<()> {
        let Some(regarding) = draft.regards.take() else { return Ok(()) };
        if let Ok(index) = regarding.parse() {
            let found = self.entry(index).await?;
            draft.regard(&found);
        } else {
            let id: EventId = regarding.parse().map_err(|error| {
                wrong_use!("--regarding {regarding:?}: {error}; an index of the log will do as well")
            })?;
            draft.tree["regarding"] = id.to_string().into();
        }
        Ok(())
    }

    /// Fetches a statement.
    pub(crate) async fn entry(&mut self, index: u64) -> Result<Found> {
        let entry = self.client.log.get_entry(v1::GetEntryRequest { index }).await;
        let entry = entry.map_err(|status| match status.code() {
            tonic::Code::NotFound => wrong_use!("{}", status.message()),
            _ => failed(status),
        })?;
        let statement = SignedStatement::parse(entry.into_inner().statement)?;
        let event = statement.event()?;
        Ok(Found { index, statement, event })
    }

    /// Fetches a statement of one of these types, named by its index.
    pub(crate) async fn entry_of(&mut self, index: &str, types: &[&str]) -> Result<Found> {
        let Ok(index) = index.parse() else {
            return Err(wrong_use!(
                "{index:?} is not an index of the log; the server finds events by their index only"
            ));
        };
        let found = self.entry(index).await?;
        match types.contains(&found.event.event_type()) {
            true => Ok(found),
            false => Err(wrong_use!("index {index} is {}, not {}", found.event.event_type(), types.join(" or "))),
        }
    }

    /// What a recorded event says, for people.
    pub(crate) fn words(&self, event: &Event, issuer: &Identity) -> Result<String> {
        let tree = serde_json::to_value(event)?;
        Ok(plain_words(event.info(), &tree, issuer, &self.people, &[]))
    }
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
