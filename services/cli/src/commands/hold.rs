//! `probity hold`: keep what must not be erased.

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_schemas::NamespacePattern;
use probity_terminal::Answer;
use serde_json::{Map, Value};

use super::record::{Draft, FieldArgs, Recording, SignArgs, record};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Forbid that anything of a subject is erased.
    Set(SetArgs),
    /// End a hold.
    Lift(LiftArgs),
}

#[derive(Debug, Args)]
pub struct SetArgs {
    /// What is held, such as model:credit/pd-scorecard.
    subject: String,
    /// What it is about, such as a law suit.
    #[arg(long, value_name = "TEXT")]
    scope: Option<String>,
    /// The law or order that demands it.
    #[arg(long, value_name = "TEXT")]
    legal_basis: Option<String>,
    /// A further subject that is held; can be repeated.
    #[arg(long, value_name = "SUBJECT")]
    covers: Vec<String>,
    /// Namespaces of which everything is held, such as credit/*; can be repeated.
    #[arg(long = "in", value_name = "NAMESPACES")]
    namespaces: Vec<NamespacePattern>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

#[derive(Debug, Args)]
pub struct LiftArgs {
    /// What is held; or the hold.set that ends, by its index in the log or its id.
    hold: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(command: HoldCommand, session: &Session) -> Result<Answer> {
    match command {
        HoldCommand::Set(args) => set(args, session).await,
        HoldCommand::Lift(args) => lift(args, session).await,
    }
}

async fn set(args: SetArgs, session: &Session) -> Result<Answer> {
    let mut data = Map::new();
    data.extend(args.scope.map(|scope| ("scope".to_owned(), Value::from(scope))));
    data.extend(args.legal_basis.map(|basis| ("legal_basis".to_owned(), Value::from(basis))));
    if !args.covers.is_empty() {
        data.insert("covers".to_owned(), args.covers.into());
    }
    if !args.namespaces.is_empty() {
        data.insert("namespaces".to_owned(), serde_json::to_value(args.namespaces)?);
    }
    let mut draft = Draft::filled("hold.set", &args.subject, data.into())?;
    draft.apply(&args.fields)?;
    record(vec![draft], &args.sign, session).await
}

async fn lift(args: LiftArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let found = recording.entry_of(&args.hold, &["hold.set"], &[]).await?;
    let mut data = Map::new();
    data.extend(args.reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
    let mut draft = Draft::filled("hold.lifted", &found.event.subject.to_string(), data.into())?;
    draft.regard(&found);
    draft.apply(&args.fields)?;
    recording.record(vec![draft], &args.sign).await
}
