//! `probity entry`: show a statement.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1;
use probity_statement::SignedStatement;
use serde_json::{Value, json};

use super::Global;
use crate::client::{failed, headline};
use crate::failure::Answer;
use crate::output;
use crate::people::People;

#[derive(Debug, Args)]
pub(crate) struct EntryArgs {
    /// Its position in the log.
    index: u64,
    /// Write the statement's bytes to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(args: EntryArgs, global: &Global) -> Result<Answer> {
    let mut client = global.server.connect().await?;
    let entry = client.log.get_entry(v1::GetEntryRequest { index: args.index }).await;
    let entry = match entry {
        Ok(entry) => entry.into_inner(),
        Err(status) if status.code() == tonic::Code::NotFound => {
            eprintln!("probity: {}", status.message());
            return Ok(Answer::No);
        }
        Err(status) => return Err(failed(status)),
    };
    if let Some(path) = &args.out {
        fs::write(path, &entry.statement).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let statement = SignedStatement::parse(entry.statement.clone()).context("the server sent no statement")?;
    let event = statement.event().context("the event is not readable by this version")?;
    let tree = serde_json::to_value(&event)?;
    if global.json {
        output::json(&json!({
            "index": entry.index, "height": entry.height, "recorded_at": entry.recorded_at,
            "issuer": statement.issuer(), "kid": statement.kid().to_string(), "event": tree,
        }))?;
        return Ok(Answer::Yes);
    }
    let people = global.people()?;
    println!("{}", headline(&event));
    println!("index     {} in block {}", entry.index, entry.height);
    println!("recorded  {}", output::time(entry.recorded_at));
    println!("occurred  {}", output::occurred(event.occurred.as_ref()));
    println!("signed by {} with key {}", people.show(&statement.issuer().to_string()), statement.kid());
    println!("event     {}", event.id);
    println!("{}", serde_json::to_string_pretty(&named(tree, &people))?);
    Ok(Answer::Yes)
}

/// Shows the names of people where they are known, for display only.
fn named(tree: Value, people: &People) -> Value {
    match tree {
        Value::String(text) if text.starts_with("person:") => match people.show(&text) {
            name if name == text => Value::String(text),
            name => Value::String(format!("{text} ({name})")),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(|item| named(item, people)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, named(value, people))).collect())
        }
        other => other,
    }
}
