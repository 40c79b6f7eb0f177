//! Making the data directory of a process that takes part in a ledger which is on NATS already.

use std::fs;

use anyhow::{Context, Result, bail};
use probity_log::{FileLogOptions, JetStreamLog, StreamName, first_stream_block};
use probity_statement::{LedgerKeys, SignedStatement};
use probity_terminal::{self as terminal, Answer, outln, wrong_use};
use serde_json::json;

use super::InitArgs;
use crate::config::{NatsSection, ViewName, anchor_beside};
use crate::ledger_dir::LedgerDir;

/// Copies the keys if there are any, checks that the stream is the ledger's, and takes in its first
/// block.
pub(super) async fn run(args: &InitArgs, nats: &NatsSection, json: bool) -> Result<Answer> {
    let directory = &args.directory;
    if directory.exists() && fs::read_dir(directory)?.next().is_some() {
        bail!("{} is not empty; a process has a directory of its own", directory.display());
    }
    let dir = LedgerDir::new(directory);
    let secrets = args.origin_keys.as_deref().map(LedgerDir::read_secrets_in).transpose()?;
    let origin = match (&secrets, &args.origin) {
        (Some(secrets), _) => secrets.origin.clone(),
        (None, Some(origin)) => origin.clone(),
        (None, None) => return Err(wrong_use!("--origin is needed")),
    };
    let options = nats.options();
    let stream = StreamName::of(origin.as_str()).stream;
    let first = first_stream_block(&options, origin.as_str()).await;
    let first = first.with_context(|| format!("the first block of stream {stream} on {}", nats.url))?;
    let first = first.with_context(|| format!("stream {stream} is empty"))?;
    let statement = SignedStatement::parse(first.statement(0).unwrap_or_default().to_vec().into());
    let statement = statement.with_context(|| format!("the first statement of stream {stream}"))?;
    let keys = LedgerKeys::from_founding(&statement).context("the founding statement")?;
    let leaf = statement.leaf_hash().to_string();
    if let Some(pinned) = args.follow.as_ref().filter(|pinned| **pinned != leaf) {
        let reason = format!("stream {stream} is another ledger: its founding leaf hash is {leaf}, not {pinned}");
        return Ok(terminal::no(json, &reason));
    }
    if keys.origin != origin || secrets.as_ref().is_some_and(|secrets| secrets.public() != keys) {
        return Ok(terminal::no(json, &format!("stream {stream} is the ledger of other keys, {}", keys.origin)));
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    if let Some(secrets) = &secrets {
        dir.write_secrets(secrets)?;
    }
    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(directory));
    let files = FileLogOptions::new(dir.log()).anchor(anchor);
    JetStreamLog::join(&files, keys.checkpoint_verifier()?, &options, first).await?.close().await;
    if json {
        terminal::json(&json!({ "origin": origin, "founding_leaf_hash": leaf, "keys": secrets.is_some() }))?;
        return Ok(Answer::Yes);
    }
    outln!("{} takes part in ledger {origin}.", directory.display());
    outln!("founding leaf hash  {leaf}");
    let serve = args.serve_command(Some(nats));
    match secrets {
        Some(_) => outln!("\nStart it, as the active registrar or a standby:  {serve}"),
        None => {
            let views: Vec<&str> = ViewName::all().map(ViewName::as_str).collect();
            outln!("\nStart it:  {serve} --roles {}", views.join(","));
        }
    }
    Ok(Answer::Yes)
}
