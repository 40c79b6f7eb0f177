//! `probity suspend` and `probity resume`: pull the plug, and put it back.

use anyhow::Result;
use clap::Args;
use probity_schemas::SubjectKind;
use probity_terminal::Answer;
use serde_json::{Map, Value};

use super::record::{Draft, FieldArgs, Recording, SignArgs, record};
use crate::session::Session;

#[derive(Debug, Args)]
pub struct SuspendArgs {
    /// Where it serves, such as endpoint:credit/scoring or, in short, credit/scoring; or the index or id
    /// of an event about it. Where nothing is known to serve, it is recorded once that is confirmed.
    endpoint: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How far it reaches: this endpoint, a version wherever it serves, or a model in all its
    /// versions.
    #[arg(long, default_value = "endpoint", value_name = "endpoint|version|model")]
    scope: String,
    /// Which version or model, where the scope is one.
    #[arg(long, value_name = "SUBJECT")]
    version: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// What was suspended, such as credit/scoring; or the deployment.suspended that ends, by its index
    /// in the log or its id.
    suspension: String,
    /// Why it may serve again.
    #[arg(long, value_name = "TEXT")]
    rationale: Option<String>,
    /// What changed since it was stopped; can be repeated.
    #[arg(long = "change", value_name = "TEXT")]
    changes: Vec<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn suspend(args: SuspendArgs, session: &Session) -> Result<Answer> {
    let mut data = Map::new();
    data.insert("scope".to_owned(), args.scope.into());
    data.extend(args.reason.map(|reason| ("reason".to_owned(), reason.into())));
    data.extend(args.version.map(|version| ("version".to_owned(), version.into())));
    let mut draft = Draft::filled("deployment.suspended", &args.endpoint, data.into())?;
    draft.apply(&args.fields)?;
    record(vec![draft], &args.sign, session).await
}

pub(crate) async fn resume(args: ResumeArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let found = recording.entry_of(&args.suspension, &["deployment.suspended"], &[SubjectKind::Endpoint]).await?;
    let mut data = Map::new();
    data.extend(args.rationale.map(|rationale| ("rationale".to_owned(), Value::from(rationale))));
    if !args.changes.is_empty() {
        data.insert("changes".to_owned(), args.changes.into());
    }
    let mut draft = Draft::filled("deployment.resumed", &found.event.subject.to_string(), data.into())?;
    draft.regard(&found);
    draft.apply(&args.fields)?;
    recording.record(vec![draft], &args.sign).await
}
