//! `probity approve` and `probity reject`: answer a request for approval.

use anyhow::Result;
use clap::Args;
use probity_schemas::approval::{ApprovalEvent, Requested};
use probity_schemas::{Data, Digest, SubjectKind};
use probity_terminal::{Answer, wrong_use};
use serde_json::{Map, Value, json};

use super::record::{Draft, FetchedStatement, FieldArgs, Recording, SignArgs};
use super::seen;
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
    /// Until when a condition has to be met: TIME for all of them, NAME=TIME for one; can be repeated.
    #[arg(long = "due", value_name = "[NAME=]TIME", requires = "conditions")]
    due: Vec<String>,
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
    /// The approval.requested that is answered: its index in the log, its id, or what it is about,
    /// such as credit/pd-scorecard@3.1.0, where one such waits. Gate, artefacts and scope are taken
    /// from it.
    request: String,
    /// The digest of a document that you saw; can be repeated. By default those that you hold against
    /// what is recorded with --evidence FILE, else the documents attached to the request.
    #[arg(long, value_name = "DIGEST")]
    evidence_seen: Vec<Digest>,
}

pub(crate) async fn approve(args: ApproveArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let mut fields = args.fields;
    let (request, found) = args.request.find(&mut recording).await?;
    let (mut data, notes) = args.request.data(&request, &found, &mut fields, &mut recording).await?;
    data.insert("scope".to_owned(), request.scope.map_or(Ok(json!({})), serde_json::to_value)?);
    data.extend(args.meaning.map(|meaning| ("meaning".to_owned(), meaning.into())));
    data.extend(args.expires.map(|expires| ("expires_at".to_owned(), expires.into())));
    let conditions = args.conditions.iter().map(|condition| match condition.split_once('=') {
        Some((id, text)) => {
            let mut condition = json!({ "id": id, "text": text });
            if let Some(due) = due(&args.due, id) {
                condition["due"] = due.into();
            }
            Ok(condition)
        }
        None => Err(wrong_use!("--condition {condition}: write NAME=TEXT")),
    });
    let conditions = conditions.collect::<Result<Vec<Value>>>()?;
    if !conditions.is_empty() {
        data.insert("conditions".to_owned(), conditions.into());
    }
    answer("approval.granted", data, &found, (&fields, notes), recording, &args.sign).await
}

/// Until when a condition has to be met: what is said of it by name, else what is said of all.
fn due<'a>(said: &'a [String], id: &str) -> Option<&'a str> {
    let named = said.iter().find_map(|due| due.strip_prefix(id)?.strip_prefix('='));
    named.or_else(|| said.iter().find(|due| !due.contains('=')).map(String::as_str))
}

pub(crate) async fn reject(args: RejectArgs, session: &Session) -> Result<Answer> {
    let mut recording = Recording::start(&args.sign, session).await?;
    let mut fields = args.fields;
    let (request, found) = args.request.find(&mut recording).await?;
    let (mut data, notes) = args.request.data(&request, &found, &mut fields, &mut recording).await?;
    data.extend(args.reason.map(|reason| ("reason".to_owned(), reason.into())));
    answer("approval.rejected", data, &found, (&fields, notes), recording, &args.sign).await
}

impl RequestArgs {
    async fn find(&self, recording: &mut Recording<'_>) -> Result<(Requested, FetchedStatement)> {
        let found = recording.entry_of(&self.request, &["approval.requested"], &[SubjectKind::Model]).await?;
        match &found.event.data {
            Data::Approval(ApprovalEvent::Requested(request)) => Ok(((**request).clone(), found)),
            _ => Err(wrong_use!("index {} is {}", found.index, found.event.event_type())),
        }
    }

    /// The data that both answers have in common, and what the documents and validations are, for
    /// whoever decides.
    async fn data(
        &self,
        request: &Requested,
        found: &FetchedStatement,
        fields: &mut FieldArgs,
        recording: &mut Recording<'_>,
    ) -> Result<(Map<String, Value>, Vec<Note>)> {
        let mut data = Map::new();
        data.insert("gate".to_owned(), request.gate.as_str().into());
        let (documents, validations) = seen::about(&found.event.subject.to_string(), &mut recording.client).await?;
        // A file is held against what is recorded; nothing new is attached to a decision.
        let compared = seen::compared(&fields.take_evidence(), &documents)?;
        let seen = match (self.evidence_seen.as_slice(), compared.as_slice()) {
            ([], []) => found.event.evidence.iter().map(|evidence| evidence.digest).collect(),
            (named, compared) => [named, compared].concat(),
        };
        for (name, digests) in [("digests", &request.digests), ("evidence_seen", &seen)] {
            if !digests.is_empty() {
                data.insert(name.to_owned(), serde_json::to_value(digests)?);
            }
        }
        let mut notes: Vec<Note> = validations.into_iter().map(|validation| ("validation", validation)).collect();
        for digest in &seen {
            let same = if compared.contains(digest) { "; the file that you have is this one" } else { "" };
            let known = documents.iter().find(|document| document.digest == digest.to_string());
            notes.push(match known {
                Some(document) => ("evidence", format!("{}{same}", document.words)),
                None => ("evidence", format!("{digest}, which no statement about it names")),
            });
        }
        if seen.is_empty() {
            notes.push(("evidence", "none".to_owned()));
        }
        Ok((data, notes))
    }
}

/// What is known beyond the event, for showing only.
type Note = (&'static str, String);

async fn answer(
    event_type: &str,
    data: Map<String, Value>,
    found: &FetchedStatement,
    (fields, notes): (&FieldArgs, Vec<Note>),
    mut recording: Recording<'_>,
    sign: &SignArgs,
) -> Result<Answer> {
    let mut draft = Draft::filled(event_type, &found.event.subject.to_string(), data.into())?;
    draft.regard(found);
    notes.into_iter().for_each(|(label, text)| draft.note(label, text));
    draft.apply(fields)?;
    recording.record(vec![draft], sign).await
}
