//! `probity confirm`: the second person's yes.

use anyhow::Result;
use clap::Args;
use probity_terminal::{Answer, errln, wrong_use};
use serde_json::json;

use super::record::{Draft, FieldArgs, Recording, SignArgs};
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The enrolments, grants of roles, policies, revocations or withdrawals that are confirmed, by
    /// their indices in the log or their ids.
    #[arg(required = true, value_name = "INDEX|ID")]
    names: Vec<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(args: ConfirmArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let mut drafts = Vec::with_capacity(args.names.len());
    for name in args.names {
        let found = recording.entry_named(&name).await?;
        let index = found.index;
        if !matches!(found.event.info().family(), "authority" | "policy") {
            return Err(wrong_use!("index {index} is {}, which takes no confirmation", found.event.event_type()));
        }
        // Whoever asks again has what they want.
        let answers = recording.client.answers(index).await?;
        if let Some(done) = answers.iter().find(|answer| answer.r#type == "authority.confirmed") {
            let who = recording.people().show(&done.signer);
            errln!("index {index} was confirmed at {} by {who}, {}", done.index, output::time(done.recorded_at));
            continue;
        }
        if args.sign.shows() {
            errln!("Index {index} says\n{}", recording.words(&found.event, found.statement.issuer())?);
        }
        let data = json!({ "statement_digest": found.digest() });
        let mut draft = Draft::filled("authority.confirmed", &found.event.subject.to_string(), data)?;
        draft.regard(&found);
        draft.apply(&args.fields)?;
        drafts.push(draft);
    }
    if drafts.is_empty() {
        if session.json {
            output::json(&json!([]))?;
        }
        return Ok(Answer::Yes);
    }
    recording.record(drafts, &args.sign).await
}
