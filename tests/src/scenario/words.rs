//! What the words of a scenario file stand for: digests, people, subjects, times, ids of earlier steps.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use probity_schemas::{Clock, Digest, EventId, Identity, Subject, SystemClock};
use probity_statement::SealingKey;
use rand::Rng;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::cast::Cast;
use crate::ledger::ORIGIN;

/// Day 0 of all scenarios, 6 January 2025, in Unix milliseconds.
const DAY_0: u64 = 1_736_121_600_000;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// The kinds of subjects, so that a text with a colon is not mistaken for one.
const KINDS: [&str; 8] = ["model", "usecase", "dataset", "endpoint", "supplier", "identity", "policy", "ledger"];

/// What was recorded under a label.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    pub(super) id: EventId,
    pub(super) index: u64,
    pub(super) statement_digest: String,
}

/// What has happened so far, as far as later steps speak of it.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) labels: HashMap<String, Labelled>,
    /// How many statements there are about each subject.
    pub(super) revisions: HashMap<String, u64>,
    /// How many there are, and the root over them.
    pub(super) size: u64,
    pub(super) root: String,
    sealing_keys: HashMap<String, SealingKey>,
}

/// The present, in Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    SystemClock.now_ms()
}

/// The digest of a document or artefact that is known by its name alone.
pub(super) fn digest(of: &[u8]) -> String {
    Digest::from_bytes(Sha256::digest(of).into()).to_string()
}

impl Words {
    /// The words of a ledger that holds this many statements already.
    pub(super) fn after(size: u64) -> Self {
        Self { size, ..Self::default() }
    }

    /// Puts what they stand for in the place of all words in a tree. `event` is the event that it becomes part of.
    pub(super) fn resolve(&mut self, tree: &Value, cast: &Cast, event: &EventId) -> Result<Value> {
        Ok(match tree {
            Value::String(text) => self.word(text, cast, event).with_context(|| format!("{text:?}"))?,
            Value::Array(items) => {
                let mut resolved = Vec::new();
                for item in items {
                    for item in repeated(item)? {
                        resolved.push(self.resolve(&item, cast, event)?);
                    }
                }
                Value::Array(resolved)
            }
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| Ok((name.clone(), self.resolve(value, cast, event)?));
                Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>>>()?)
            }
            other => other.clone(),
        })
    }

    fn word(&mut self, text: &str, cast: &Cast, event: &EventId) -> Result<Value> {
        if let Some(name) = text.strip_prefix("digest of ") {
            return Ok(digest(name.as_bytes()).into());
        }
        if let Some(label) = text.strip_prefix("statement digest of ") {
            return Ok(self.labelled(label)?.statement_digest.clone().into());
        }
        if let Some(label) = text.strip_prefix("id of ") {
            return Ok(json!(self.labelled(label)?.id));
        }
        if let Some(key) = text.strip_prefix("key id of ") {
            return Ok(cast.key(key)?.public().id().to_string().into());
        }
        if let Some(subject) = text.strip_prefix("revision of ") {
            return Ok(self.revisions.get(subject).copied().unwrap_or(0).into());
        }
        if let Some(rest) = text.strip_prefix("sealed under ") {
            let (key, clear) = rest.split_once(": ").context("it takes `sealed under KEY: TEXT`")?;
            let mut nonce = [0; 12];
            rand::rng().fill_bytes(&mut nonce);
            let sealed = self.sealing_key(key).seal(&clear.parse()?, &ORIGIN.parse()?, event, nonce)?;
            return Ok(serde_json::to_value(sealed)?);
        }
        if let Some(key) = text.strip_prefix("sealing key ") {
            return Ok(self.sealing_key(key).id().to_string().into());
        }
        match text {
            "size of the log" => return Ok(self.size.into()),
            "root of the log" => return Ok(self.root.clone().into()),
            _ => {}
        }
        if let Some(time) = time(text, now_ms()) {
            return Ok(time.into());
        }
        if let Some(identity) = cast.named(text) {
            return Ok(json!(identity));
        }
        match text.split_once(':') {
            Some((kind, name)) if KINDS.contains(&kind) && !name.contains(' ') => Ok(json!(subject(text, cast)?)),
            _ => Ok(text.into()),
        }
    }

    pub(super) fn labelled(&self, label: &str) -> Result<&Labelled> {
        self.labels.get(label).with_context(|| format!("no earlier step is labelled {label:?}"))
    }

    fn sealing_key(&mut self, name: &str) -> &SealingKey {
        let key = self.sealing_keys.entry(name.to_owned());
        key.or_insert_with(|| SealingKey::generate(&mut rand::rng()))
    }
}

/// A subject; people stand in it by name, as in `identity:person/olivia`.
pub(super) fn subject(text: &str, cast: &Cast) -> Result<Subject> {
    if let Some(identity) = text.strip_prefix("identity:").and_then(|who| cast.named(&who.replacen('/', ":", 1))) {
        return Ok(Identity::subject(identity));
    }
    text.parse().with_context(|| format!("{text:?} is not a subject"))
}

/// `day 12`, `day 12 09:30`, `now`, `now+2s`, `now-3d`.
fn time(text: &str, now: u64) -> Option<u64> {
    if let Some(rest) = text.strip_prefix("day ") {
        let (day, clock) = rest.split_once(' ').unwrap_or((rest, "0:0"));
        let (hour, minute) = clock.split_once(':')?;
        let (day, hour, minute): (u64, u64, u64) = (day.parse().ok()?, hour.parse().ok()?, minute.parse().ok()?);
        return Some(DAY_0 + day * DAY + (hour * 60 + minute) * MINUTE);
    }
    let rest = text.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(now);
    }
    let unit = match rest.chars().last()? {
        's' => 1_000,
        'm' => MINUTE,
        'h' => 60 * MINUTE,
        'd' => DAY,
        _ => return None,
    };
    let count: i64 = rest[..rest.len() - 1].parse().ok()?;
    now.checked_add_signed(count.checked_mul(unit as i64)?)
}

/// An item of a list once, or `{ for: ..., item: ... }` once for each.
fn repeated(item: &Value) -> Result<Vec<Value>> {
    let Value::Object(fields) = item else { return Ok(vec![item.clone()]) };
    match (fields.get("for"), fields.get("item")) {
        (Some(names), Some(item)) => Ok(each(names)?.iter().map(|name| fill_in(item, name)).collect()),
        _ => Ok(vec![item.clone()]),
    }
}

/// The names that `for` goes through.
pub(super) fn each(names: &Value) -> Result<Vec<String>> {
    match names {
        Value::Array(names) => {
            let name = |name: &Value| name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            Ok(names.iter().map(name).collect())
        }
        Value::String(range) => {
            let (first, last) = range.split_once("..").context("it takes a list or a range like 1..40")?;
            let (first, last): (u32, u32) = (first.parse()?, last.parse()?);
            Ok((first..=last).map(|number| format!("{number:02}")).collect())
        }
        other => bail!("it takes a list or a range like 1..40, not {other}"),
    }
}

/// Puts a name in the place of `<n>` everywhere in a tree.
pub(super) fn fill_in(tree: &Value, name: &str) -> Value {
    match tree {
        Value::String(text) => text.replace("<n>", name).into(),
        Value::Array(items) => items.iter().map(|item| fill_in(item, name)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(field, value)| (field.clone(), fill_in(value, name))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
