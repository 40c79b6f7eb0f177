//! `probity approve` and `probity reject`: answer a request for approval.

use anyhow::Result;
use clap::Args;
use probity_schemas::approval::{ApprovalEvent, Requested};
use probity_schemas::{Data, Digest};
use probity_terminal::{Answer, wrong_use};
use serde_json::{Map, Value, json};

use super::record::{Draft, FetchedStatement, FieldArgs, Recording, SignArgs};
use crate::session::Session;

#[derive(Debug, Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// What the signature means, in words that you saw and stand for.
    #[arg(long, value_name = "TEXT")]
    meaning: Option<String>,
    /// Something that has to be done for the approval to hold, with a name such as monthly-report;
    /// can be repeated.
    #[arg(long = "condition", value_name = "NAME=TEXT")]
    conditions: Vec<String>,
    /// When it ends: RFC 3339, a date, or a distance such as +365d.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

#[derive(Debug, Args)]
pub struct RejectArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

#[derive(Debug, Args)]
struct RequestArgs {
    /// The approval.requested that is answered, by its index in the log or its id. Gate, artefacts
    /// and scope are taken from it.
    request: String,
    /// The digest of a document that you saw; can be repeated. By default the documents attached to
    /// the request.
    #[arg(long, value_name = "DIGEST")]
    evidence_seen: Vec<Digest>,
}

pub(crate) async fn approve(args: ApproveArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let (request, found) = args.request.find(&mut recording).await?;
    let mut data = args.request.data(&request, &found)?;
    data.insert("scope".to_owned(), request.scope.map_or(Ok(json!({})), serde_json::to_value)?);
    data.extend(args.meaning.map(|meaning| ("meaning".to_owned(), meaning.into())));
    data.extend(args.expires.map(|expires| ("expires_at".to_owned(), expires.into())));
    let conditions = args.conditions.iter().map(|condition| match condition.split_once('=') {
        Some((id, text)) => Ok(json!({ "id": id, "text": text })),
        None => Err(wrong_use!("--condition {condition}: write NAME=TEXT")),
    });
    let conditions = conditions.collect::<Result<Vec<Value>>>()?;
    if !conditions.is_empty() {
        data.insert("conditions".to_owned(), conditions.into());
    }
    answer("approval.granted", data, &found, &args.fields, recording, &args.sign).await
}

pub(crate) async fn reject(args: RejectArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let (request, found) = args.request.find(&mut recording).await?;
    let mut data = args.request.data(&request, &found)?;
    data.extend(args.reason.map(|reason| ("reason".to_owned(), reason.into())));
    answer("approval.rejected", data, &found, &args.fields, recording, &args.sign).await
}

impl RequestArgs {
    async fn find(&self, recording: &mut Recording<'_>) -> Result<(Requested, FetchedStatement)> {
        let found = recording.entry_of(&self.request, &["approval.requested"]).await?;
        match &found.event.data {
            Data::Approval(ApprovalEvent::Requested(request)) => Ok(((**request).clone(), found)),
            _ => Err(wrong_use!("index {} is {}", found.index, found.event.event_type())),
        }
    }

    /// The data that both answers have in common.
    fn data(&self, request: &Requested, found: &FetchedStatement) -> Result<Map<String, Value>> {
        let mut data = Map::new();
        data.insert("gate".to_owned(), request.gate.as_str().into());
        let seen = match self.evidence_seen.as_slice() {
            [] => found.event.evidence.iter().map(|evidence| evidence.digest).collect(),
            seen => seen.to_vec(),
        };
        for (name, digests) in [("digests", &request.digests), ("evidence_seen", &seen)] {
            if !digests.is_empty() {
                data.insert(name.to_owned(), serde_json::to_value(digests)?);
            }
        }
        Ok(data)
    }
}

async fn answer(
    event_type: &str,
    data: Map<String, Value>,
    found: &FetchedStatement,
    fields: &FieldArgs,
    mut recording: Recording<'_>,
    sign: &SignArgs,
) -> Result<Answer> {
    let mut draft = Draft::filled(event_type, &found.event.subject.to_string(), data.into())?;
    draft.regard(found);
    draft.apply(fields)?;
    recording.record(vec![draft], sign).await
}
