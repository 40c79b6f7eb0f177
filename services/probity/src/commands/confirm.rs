//! `probity confirm`: the second person's yes.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::Global;
use super::record::{Draft, FieldArgs, Recording, SignArgs, shows};
use crate::failure::{Answer, wrong_use};

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The enrolment, grant of a role or policy that is confirmed, by its index in the log.
    index: u64,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(args: ConfirmArgs, global: &Global) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, global).await?;
    let found = recording.entry(args.index).await?;
    if !matches!(found.event.info().family(), "authority" | "policy") {
        return Err(wrong_use!("index {} is {}, which takes no confirmation", args.index, found.event.event_type()));
    }
    if shows(&args.sign) {
        eprintln!("Index {} says\n{}", args.index, recording.words(&found.event, found.statement.issuer())?);
    }
    let data = json!({ "statement_digest": found.digest() });
    let mut draft = Draft::filled("authority.confirmed", &found.event.subject.to_string(), data)?;
    draft.regard(&found);
    draft.apply(&args.fields)?;
    recording.record(vec![draft], &args.sign).await
}
