//! `probity entry`: show a statement.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1;
use probity_schemas::{Digest, EventId, Origin};
use probity_statement::{SealingKeyId, SignedStatement};
use probity_terminal::{Answer, outln};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::headline;
use crate::output;
use crate::people::People;
use crate::session::Session;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub struct EntryArgs {
    /// Its index in the log, or its event's id.
    #[arg(value_name = "INDEX|ID")]
    event: String,
    /// Write the statement's bytes to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The directory of sealing keys, to open what is sealed under them.
    #[arg(long, env = "PROBITY_VAULT", value_name = "DIR")]
    vault: Option<PathBuf>,
}

pub(crate) async fn run(args: EntryArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let index = client.index(&args.event).await?;
    let entry = client.log.get_entry(v1::GetEntryRequest { index }).await;
    let Some(entry) = session.answered(entry)? else { return Ok(Answer::No) };
    if let Some(path) = &args.out {
        fs::write(path, &entry.statement).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let statement = SignedStatement::parse(entry.statement.clone()).context("the server sent no statement")?;
    let event = statement.event().context("the event is not readable by this version")?;
    let digest = Digest::from_bytes(Sha256::digest(statement.bytes()).into());
    let tree = serde_json::to_value(&event)?;
    let sealed = SealedTexts {
        vault: args.vault.as_deref().map(Vault::new),
        origin: statement.audience().parse().context("the statement's audience")?,
        event: event.id,
    };
    if session.json {
        let mut opened = Map::new();
        sealed.gather(&tree, "", &mut opened)?;
        let mut document = json!({
            "index": entry.index, "height": entry.height, "recorded_at": entry.recorded_at,
            "issuer": statement.issuer(), "kid": statement.kid().to_string(),
            "statement_digest": digest, "event": tree,
        });
        if !opened.is_empty() {
            document["opened"] = opened.into();
        }
        output::json(&document)?;
        return Ok(Answer::Yes);
    }
    let people = session.people()?;
    outln!("{}", headline(&event));
    outln!("index     {} in block {}", entry.index, entry.height);
    outln!("recorded  {}", output::time(entry.recorded_at));
    outln!("occurred  {}", output::occurred(event.occurred.as_ref()));
    outln!("signed by {} with key {}", people.show(&statement.issuer().to_string()), statement.kid());
    outln!("event     {}", event.id);
    outln!("digest    {digest}");
    output::json(&named(sealed.show(tree)?, &people))?;
    Ok(Answer::Yes)
}

/// The sealed texts of one event.
struct SealedTexts {
    vault: Option<Vault>,
    origin: Origin,
    event: EventId,
}

impl SealedTexts {
    /// The text, where it is sealed and the key is here.
    fn open(&self, text: &str) -> Result<Option<String>> {
        let Some(vault) = &self.vault else { return Ok(None) };
        Ok(vault.open(text, &self.origin, &self.event)?.map(|text| text.as_str().to_owned()))
    }

    /// Shows texts that were sealed opened, or says that they cannot be.
    fn show(&self, tree: Value) -> Result<Value> {
        Ok(match tree {
            Value::String(text) if SealingKeyId::of(&text).is_some() => match self.open(&text)? {
                Some(opened) => format!("{opened} [opened]").into(),
                None => "[sealed; its key is not here]".into(),
            },
            Value::Array(items) => items.into_iter().map(|item| self.show(item)).collect::<Result<_>>()?,
            Value::Object(fields) => {
                let show = |(name, value)| Ok((name, self.show(value)?));
                Value::Object(fields.into_iter().map(show).collect::<Result<_>>()?)
            }
            other => other,
        })
    }

    /// Gathers what can be opened, by its place (RFC 6901): the event itself stays as it was
    /// signed.
    fn gather(&self, tree: &Value, at: &str, opened: &mut Map<String, Value>) -> Result<()> {
        match tree {
            Value::String(text) => {
                if let Some(text) = self.open(text)? {
                    opened.insert(at.to_owned(), text.into());
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.gather(item, &format!("{at}/{index}"), opened)?;
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.gather(value, &format!("{at}/{name}"), opened)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
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
