//! `probity verify`: a whole ledger, or one statement with its receipt. Offline; trusts nobody.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use probity_log::{FileLogOptions, abandoned};
use probity_statement::{PublicKey, Receipt, ReceiptProof, SignedStatement, detach_receipts};
use serde_json::json;

use super::Global;
use crate::client::headline;
use crate::config::anchor_beside;
use crate::failure::{Answer, wrong_use};
use crate::ledger_dir::LedgerDir;
use crate::replay::{self, Sound};
use crate::{keyfile, output};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The data directory of a ledger, running or not, or a copy of one.
    #[arg(required_unless_present = "statement")]
    directory: Option<PathBuf>,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE", requires = "directory")]
    anchor: Option<PathBuf>,
    /// The leaf hash of the founding statement that you pinned.
    #[arg(long, value_name = "HASH", requires = "directory")]
    pinned: Option<String>,
    /// A statement file, or a transparent statement that holds its receipt.
    #[arg(long, value_name = "FILE", conflicts_with = "directory", requires = "receipt_key")]
    statement: Option<PathBuf>,
    /// The receipt of the statement.
    #[arg(long, value_name = "FILE", requires = "statement")]
    receipt: Option<PathBuf>,
    /// The ledger's public receipt key (keys/receipt.pub of its data directory).
    #[arg(long, value_name = "PUB", requires = "statement")]
    receipt_key: Option<PathBuf>,
    /// The signer's public key, to check the statement's own signature too.
    #[arg(long, value_name = "PUB", requires = "statement")]
    signer_key: Option<PathBuf>,
    /// The ledger it must be from. By default the one that the key file names.
    #[arg(long, requires = "statement")]
    origin: Option<String>,
}

pub(crate) fn run(args: VerifyArgs, global: &Global) -> Result<Answer> {
    match (&args.directory, &args.statement, &args.receipt_key) {
        (Some(directory), _, _) => ledger(directory, &args, global),
        (None, Some(statement), Some(key)) => single(statement, key, &args, global),
        _ => Err(wrong_use!("name a data directory, or --statement with --receipt-key")),
    }
}

fn ledger(directory: &Path, args: &VerifyArgs, global: &Global) -> Result<Answer> {
    let dir = LedgerDir::new(directory);
    if !dir.log().is_dir() {
        anyhow::bail!("{} is not the data directory of a ledger: it has no log/", directory.display());
    }
    let anchor = args.anchor.clone().unwrap_or_else(|| anchor_beside(directory));
    let options = FileLogOptions::new(dir.log()).anchor(anchor);
    let bar = output::progress("verifying", "statements");
    let outcome = replay::verify(&options, args.pinned.as_deref(), |at| {
        if let Some(anchored) = at.anchored {
            bar.set_length(anchored.tree_size);
        }
        bar.set_position(at.statements);
    })?;
    bar.finish_and_clear();
    match outcome {
        Ok(sound) => {
            report(&sound, &abandoned(&options)?, global.json)?;
            Ok(Answer::Yes)
        }
        Err(unsound) if unsound.is_unreadable() => Err(unsound.into()),
        Err(unsound) => refuse(&unsound.to_string(), global.json),
    }
}

fn report(sound: &Sound, abandoned: &[PathBuf], json: bool) -> Result<()> {
    let statements = sound.head.map_or(0, |head| head.tree_size);
    let blocks = sound.head.map_or(0, |head| head.height + 1);
    let root = sound.head.map(|head| head.root.to_string());
    let recorded_at = sound.head.map_or(0, |head| head.time);
    if json {
        return output::json(&json!({
            "verified": true, "origin": sound.origin, "founding_leaf_hash": sound.founding_leaf_hash,
            "statements": statements, "blocks": blocks, "root": root, "recorded_at": recorded_at,
            "anchored": sound.anchored, "checkpoint": sound.checkpoint, "abandoned": abandoned,
        }));
    }
    println!("verified: {statements} statements in {blocks} blocks of {}", sound.origin);
    println!("founding leaf hash  {}", sound.founding_leaf_hash);
    println!("root                {}", root.unwrap_or_default());
    println!("last recorded       {}", output::time(recorded_at));
    println!("checked: every signature, checkpoint, clock signature, root and admission");
    for path in abandoned {
        println!("abandoned           {}   (never released: the stream went on from another block)", path.display());
    }
    if !sound.anchored {
        println!("no anchor was found: what is here is whole, but whether later blocks are missing cannot be told");
    }
    Ok(())
}

fn refuse(reason: &str, json: bool) -> Result<Answer> {
    if json {
        output::json(&json!({ "verified": false, "reason": reason }))?;
    } else {
        println!("DOES NOT VERIFY: {reason}");
    }
    Ok(Answer::No)
}

fn read(path: &Path) -> Result<Bytes> {
    Ok(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?.into())
}

fn single(statement: &Path, key: &Path, args: &VerifyArgs, global: &Global) -> Result<Answer> {
    let key = keyfile::read_public(key)?;
    let origin = match (&args.origin, &key.identity) {
        (Some(origin), _) => origin.clone(),
        (None, Some(probity_schemas::Identity::Ledger(origin))) => origin.to_string(),
        (None, _) => return Err(wrong_use!("the key file does not name its ledger; add --origin")),
    };
    let bytes = read(statement)?;
    let (bytes, receipt) = match &args.receipt {
        Some(path) => (bytes, read(path)?),
        None => match detach_receipts(&bytes) {
            Ok((bytes, receipts)) if !receipts.is_empty() => (bytes.into(), receipts[0].clone()),
            _ => return Err(wrong_use!("the statement carries no receipt; add --receipt")),
        },
    };
    let signer = args.signer_key.as_deref().map(keyfile::read_public).transpose()?.map(|public| public.key);
    match check(bytes, receipt, &key.key, &origin, signer.as_ref()) {
        Err(reason) => refuse(&reason, global.json),
        Ok(proven) => {
            let Proven { statement, receipt, index, size } = &proven;
            if global.json {
                output::json(&json!({
                    "verified": true, "origin": origin, "index": index, "tree_size": size,
                    "recorded_at": receipt.time(), "issuer": statement.issuer(), "subject": statement.subject(),
                    "signature_checked": signer.is_some(),
                }))?;
                return Ok(Answer::Yes);
            }
            let what = statement.event().map_or_else(|_| statement.subject().to_owned(), |event| headline(&event));
            println!("verified: {what}");
            println!("recorded by {origin} at index {index}, {}", output::time(receipt.time()));
            println!("signed by   {}", global.people()?.show(&statement.issuer().to_string()));
            if signer.is_none() {
                println!("the signer's own signature was not checked: add --signer-key to do so");
            }
            Ok(Answer::Yes)
        }
    }
}

struct Proven {
    statement: SignedStatement,
    receipt: Receipt,
    index: u64,
    size: u64,
}

fn check(
    statement: Bytes,
    receipt: Bytes,
    key: &PublicKey,
    origin: &str,
    signer: Option<&PublicKey>,
) -> Result<Proven, String> {
    let statement = SignedStatement::parse(statement).map_err(|error| format!("statement: {error}"))?;
    let receipt = Receipt::parse(receipt).map_err(|error| error.to_string())?;
    receipt.verify_inclusion(key, origin, &statement.leaf_hash()).map_err(|error| error.to_string())?;
    if statement.audience() != origin {
        return Err(format!("statement: made for {}, not for {origin}", statement.audience()));
    }
    if let Some(signer) = signer {
        if signer.id() != statement.kid() {
            return Err(format!("statement: signed with key {}, not with {}", statement.kid(), signer.id()));
        }
        statement.verify(signer).map_err(|error| format!("statement: {error}"))?;
    }
    let (index, size) = match receipt.proof() {
        ReceiptProof::Inclusion(proof) => (proof.leaf_index, proof.tree_size),
        ReceiptProof::Consistency(_) => return Err("receipt: proves consistency, not inclusion".to_owned()),
    };
    Ok(Proven { statement, receipt, index, size })
}
