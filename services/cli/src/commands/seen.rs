//! The documents and validations behind a version, as whoever decides sees them: what each is, what
//! it is called, when, and what it found. Never a bare digest.

use std::path::PathBuf;

use anyhow::{Context, Result};
use probity_proto::v1;
use probity_schemas::Digest;
use probity_terminal::wrong_use;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, failed};
use crate::output;

/// A document that is known here.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) digest: String,
    /// What it is, in a line.
    pub(super) words: String,
}

/// The documents about a version, and what its validations found, the oldest first.
pub(super) async fn about(version: &str, client: &mut Client) -> Result<(Vec<Seen>, Vec<String>)> {
    let request = v1::ListEventsRequest {
        subject: version.to_owned(),
        page_size: 500,
        min_tree_size: client.recorded(),
        ..v1::ListEventsRequest::default()
    };
    let events = client.audit.list_events(request).await.map_err(failed)?.into_inner().events;
    let whole = version.split('@').next().unwrap_or_default();
    let (mut documents, mut validations) = (Vec::new(), Vec::new());
    for event in events.iter().filter(|event| event.subject == version || event.subject == whole) {
        let when = event.occurred.as_ref().map_or(event.recorded_at * 1_000, |occurred| occurred.latest_ms);
        let place = format!("{}, index {}", output::day(when), event.index);
        if event.r#type == "evidence.attached" {
            let data: Value = serde_json::from_str(&event.event_json).unwrap_or_default();
            let text = |field: &str| data.pointer(field).and_then(Value::as_str).unwrap_or_default();
            let title = [text("/data/title"), &event.title].into_iter().find(|title| !title.is_empty()).unwrap_or("");
            let kind = [text("/data/kind"), text("/data/document_kind")];
            let kind = kind.into_iter().find(|kind| !kind.is_empty()).unwrap_or("document");
            documents.push(Seen { digest: text("/data/digest").to_owned(), words: words(kind, title, &place) });
        }
        for evidence in &event.evidence {
            let title = if evidence.title.is_empty() { &event.summary } else { &evidence.title };
            documents.push(Seen { digest: evidence.digest.clone(), words: words(&evidence.kind, title, &place) });
        }
        if event.r#type == "validation.completed" {
            validations.push(format!("{} ({place})", event.summary));
        }
    }
    documents.retain(|document| !document.digest.is_empty());
    Ok((documents, validations))
}

fn words(kind: &str, title: &str, place: &str) -> String {
    let title = if title.is_empty() { String::new() } else { format!(" “{title}”") };
    format!("{kind}{title}, {place}")
}

/// The digests of the files that somebody holds against what is recorded. One that is none of the
/// documents is refused.
pub(super) fn compared(files: &[PathBuf], documents: &[Seen]) -> Result<Vec<Digest>> {
    let mut digests = Vec::new();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let digest = Digest::from_bytes(Sha256::digest(&bytes).into());
        if !documents.iter().any(|document| document.digest == digest.to_string()) {
            let known: Vec<String> =
                documents.iter().map(|document| format!("  {}  {}", document.digest, document.words)).collect();
            let known = if known.is_empty() {
                "no document is".to_owned()
            } else {
                format!("these are:\n{}", known.join("\n"))
            };
            return Err(wrong_use!(
                "{} is none of the documents that are recorded about it: it is {digest}; {known}",
                path.display()
            ));
        }
        digests.push(digest);
    }
    Ok(digests)
}
