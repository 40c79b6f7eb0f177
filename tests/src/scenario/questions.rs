//! The questions of a scenario: asked of the real command over the views, and held against what the file says.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use probity_proto::v1;
use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::lineage_service_client::LineageServiceClient;
use probity_schemas::EventId;
use serde_json::Value;

use super::cast::Cast;
use super::file::Question;
use super::words::Words;
use crate::ledger::Server;

/// How long views may take: an unoptimised server folds a large import for a while.
const PATIENCE: Duration = Duration::from_secs(300);

/// A question that waits for its answer.
fn patiently<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

/// Waits until every view has taken in so many statements.
pub async fn views_at(server: &Server, min_tree_size: u64) -> Result<()> {
    let channel = server.channel().await?;
    let count =
        v1::CountRequest { kind: "model".to_owned(), by: "state".to_owned(), min_tree_size, ..Default::default() };
    InventoryServiceClient::new(channel.clone()).count(patiently(count)).await?;
    let events = v1::ListEventsRequest { page_size: 1, brief: true, min_tree_size, ..Default::default() };
    AuditServiceClient::new(channel.clone()).list_events(patiently(events)).await?;
    let questions = v1::ListQuestionsRequest { min_tree_size, ..Default::default() };
    ComplianceServiceClient::new(channel.clone()).list_questions(patiently(questions)).await?;
    let walk = v1::WalkRequest { node: "dataset:none/none".to_owned(), min_tree_size, ..Default::default() };
    match LineageServiceClient::new(channel).walk(patiently(walk)).await {
        Err(status) if status.code() != tonic::Code::NotFound && status.code() != tonic::Code::InvalidArgument => {
            Err(status.into())
        }
        _ => Ok(()),
    }
}

/// Asks every question.
pub(super) async fn ask(
    questions: &[Question],
    words: &mut Words,
    cast: &Cast,
    server: &Server,
    home: &Path,
) -> Result<()> {
    if questions.is_empty() {
        return Ok(());
    }
    views_at(server, words.size).await?;
    for question in questions {
        one(question, words, cast, server, home).with_context(|| format!("asked: {}", question.asks))?;
    }
    Ok(())
}

fn one(question: &Question, words: &mut Words, cast: &Cast, server: &Server, home: &Path) -> Result<()> {
    let nobody = EventId::from_hash([0; 16]);
    let mut command = Vec::new();
    for word in &question.command {
        let text = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        command.push(match text.strip_prefix("index of ") {
            Some(label) => words.labelled(label)?.index.to_string(),
            None => match text.split_once(':') {
                // A subject stays a text on the command line.
                Some((kind, _)) if kind != "person" && kind != "service" => text,
                _ => match words.resolve(&Value::String(text), cast, &nobody)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                },
            },
        });
    }
    ensure!(command.first().is_some_and(|first| first == "probity"), "it begins with probity");
    let output = crate::command()
        .current_dir(home)
        .args(command.split_off(1))
        .arg("--json")
        .env("PROBITY_SERVER", &server.address)
        .output()?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.code() == Some(question.exit), "it ended with {:?}: {stdout}{stderr}", output.status.code());
    let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{stdout}{stderr}"))?;
    let as_of = answer.get("as_of").or_else(|| answer.get("dossier")?.get("as_of"));
    let tree_size = as_of.and_then(|as_of| as_of["tree_size"].as_u64());
    ensure!(tree_size == Some(words.size), "it is as of {tree_size:?}, and {} statements are there", words.size);
    if let Some(expected) = &question.answer {
        let expected = in_text(expected, words, cast)?;
        if let Err(place) = holds(&answer, &expected, "") {
            bail!("at {place} it differs from {expected}: {answer:#}");
        }
    }
    for never in &question.never {
        let never = in_text(never, words, cast)?;
        ensure!(holds(&answer, &never, "").is_err(), "it holds {never}: {answer:#}");
    }
    Ok(())
}

/// Puts what they stand for in the place of words; subjects stay texts, as answers have them.
fn in_text(value: &Value, words: &mut Words, cast: &Cast) -> Result<Value> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix("index of ") {
            Some(label) => words.labelled(label)?.index.into(),
            None if text.contains(' ') && text.contains("person:") => {
                let resolved = text.split(' ').map(|word| match cast.named(word) {
                    Some(identity) => identity.to_string(),
                    None => word.to_owned(),
                });
                resolved.collect::<Vec<_>>().join(" ").into()
            }
            None => match words.resolve(value, cast, &EventId::from_hash([0; 16]))? {
                Value::Object(_) => value.clone(),
                resolved => resolved,
            },
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| in_text(item, words, cast)).collect::<Result<_>>()?)
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| Ok((name.clone(), in_text(value, words, cast)?));
            Value::Object(fields.iter().map(field).collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

/// Whether `found` holds all that `expected` names; else where it does not.
fn holds(found: &Value, expected: &Value, at: &str) -> Result<(), String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().try_for_each(|(name, expected)| {
            let at = format!("{at}/{name}");
            match found.get(name) {
                Some(found) => holds(found, expected, &at),
                None => Err(at),
            }
        }),
        (Value::Array(found), Value::Array(expected)) => {
            expected.iter().enumerate().try_for_each(|(number, expected)| {
                match found.iter().any(|found| holds(found, expected, at).is_ok()) {
                    true => Ok(()),
                    false => Err(format!("{at}/{number}")),
                }
            })
        }
        // Words within a longer text will do.
        (Value::String(found), Value::String(expected)) if found.contains(expected.as_str()) => Ok(()),
        (Value::Number(found), Value::Number(expected)) if found.as_f64() == expected.as_f64() => Ok(()),
        _ if found == expected => Ok(()),
        _ => Err(at.to_owned()),
    }
}
