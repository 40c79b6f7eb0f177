//! `probity confirm`: the second person's yes.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::Global;
use super::record::{Draft, FieldArgs, Recording, SignArgs, shows};
use crate::failure::{Answer, wrong_use};

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The enrolments, grants of roles or policies that are confirmed, by their indices in the log or their ids.
    #[arg(required = true, value_name = "INDEX|ID")]
    names: Vec<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(args: ConfirmArgs, global: &Global) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, global).await?;
    let mut drafts = Vec::with_capacity(args.names.len());
    for name in args.names {
        let found = recording.entry_named(&name).await?;
        let index = found.index;
        if !matches!(found.event.info().family(), "authority" | "policy") {
            return Err(wrong_use!("index {index} is {}, which takes no confirmation", found.event.event_type()));
        }
        if shows(&args.sign) {
            eprintln!("Index {index} says\n{}", recording.words(&found.event, found.statement.issuer())?);
        }
        let data = json!({ "statement_digest": found.digest() });
        let mut draft = Draft::filled("authority.confirmed", &found.event.subject.to_string(), data)?;
        draft.regard(&found);
        draft.apply(&args.fields)?;
        drafts.push(draft);
    }
    recording.record(drafts, &args.sign).await
}
