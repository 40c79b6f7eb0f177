//! `probity correct`: say that a fact of one's own was wrong. The original stays.

use anyhow::Result;
use clap::Args;
use probity_terminal::{Answer, wrong_use};
use serde_json::{Map, Value};

use super::record::{Draft, FieldArgs, Recording, SignArgs};
use crate::fields::Path;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct CorrectArgs {
    /// The fact that is corrected, by its index in the log or its id.
    fact: String,
    /// What the correction does: amends a field, voids the whole, or says that it is about another
    /// subject. By default what the other options say.
    #[arg(long, value_name = "amends|voids|re-subjects")]
    kind: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The field that is wrong, such as purpose or event.title.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// What it should say.
    #[arg(long, value_name = "TEXT", requires = "field")]
    new: Option<String>,
    /// What it is about in truth. It counts no more for what it said it is about; for the other it counts once it is
    /// recorded there.
    #[arg(long, value_name = "SUBJECT", conflicts_with = "field")]
    new_subject: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(args: CorrectArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let found = recording.entry_named(&args.fact).await?;
    if found.event.info().is_act() {
        return Err(wrong_use!("index {} is an act; acts are revoked, never corrected", found.index));
    }
    let mut data = Map::new();
    let kind = args.kind.or(match (&args.field, &args.new_subject) {
        (Some(_), _) => Some("amends".to_owned()),
        (None, Some(_)) => Some("re-subjects".to_owned()),
        (None, None) => None,
    });
    let old = args.field.as_ref().map(|field| old(field, &serde_json::to_value(&found.event)?)).transpose()?.flatten();
    let given = [
        ("kind", kind),
        ("reason", args.reason),
        ("field", args.field),
        ("old", old),
        ("new", args.new),
        ("new_subject", args.new_subject),
    ];
    data.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))));
    let mut draft = Draft::filled("correction.recorded", &found.event.subject.to_string(), data.into())?;
    draft.regard(&found);
    draft.apply(&args.fields)?;
    recording.record(vec![draft], &args.sign).await
}

/// What a field says now, as text.
fn old(field: &str, event: &Value) -> Result<Option<String>> {
    let path: Path = field.parse().map_err(|error| wrong_use!("--field: {error}"))?;
    Ok(path.find(event).map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}
