//! `probity verify --statement`: one statement with its receipt. Offline, without trusting the
//! server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use probity_statement::{PublicKey, Receipt, ReceiptProof, SignedStatement, detach_receipts};
use probity_terminal::{Answer, keyfile, outln, wrong_use};
use serde_json::json;

use crate::client::headline;
use crate::output;
use crate::session::PeopleArgs;

/// A statement to verify. It excludes the argument `directory`, which another struct adds.
#[derive(Debug, Args)]
pub struct VerifyStatementArgs {
    /// A statement file, or a transparent statement that holds its receipt.
    #[arg(long, value_name = "FILE", conflicts_with = "directory", requires = "receipt_key")]
    statement: Option<PathBuf>,
    /// The receipt of the statement.
    #[arg(long, value_name = "FILE", requires = "statement")]
    receipt: Option<PathBuf>,
    /// The ledger's public receipt key (keys/receipt.pub of its data directory).
    #[arg(long, value_name = "PUB", requires = "statement")]
    receipt_key: Option<PathBuf>,
    /// The signer's public key, to check the statement's own signature too. Without it the exit code
    /// is 3: that the statement was recorded is proven, that its signer signed it is not.
    #[arg(long, value_name = "PUB", requires = "statement")]
    signer_key: Option<PathBuf>,
    /// The ledger it must be from. By default the one that the key file names.
    #[arg(long, requires = "statement")]
    origin: Option<String>,
    #[command(flatten)]
    people: PeopleArgs,
}

impl VerifyStatementArgs {
    /// Verifies the statement, if one was named; with `json` it prints JSON instead of text.
    ///
    /// # Errors
    /// A file could not be read, or something to hold the statement against is missing.
    pub fn run(&self, json: bool) -> Result<Option<Answer>> {
        let (Some(statement), Some(key)) = (&self.statement, &self.receipt_key) else { return Ok(None) };
        single(statement, key, self, json).map(Some)
    }
}

fn refuse(reason: &str, json: bool) -> Result<Answer> {
    if json {
        output::json(&json!({ "verified": false, "reason": reason }))?;
    } else {
        outln!("DOES NOT VERIFY: {reason}");
    }
    Ok(Answer::No)
}

fn read(path: &Path) -> Result<Bytes> {
    Ok(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?.into())
}

fn single(statement: &Path, key: &Path, args: &VerifyStatementArgs, json: bool) -> Result<Answer> {
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
        Err(reason) => refuse(&reason, json),
        Ok(proven) => {
            let Proven { statement, receipt, index, size } = &proven;
            // That it was recorded is proven; that its signer signed it is the ledger's word only.
            let answer = if signer.is_some() { Answer::Yes } else { Answer::Unknown };
            if json {
                output::json(&json!({
                    "verified": signer.is_some(), "recorded": true, "origin": origin, "index": index, "tree_size": size,
                    "recorded_at": receipt.time(), "issuer": statement.issuer(), "subject": statement.subject(),
                    "signature_checked": signer.is_some(),
                }))?;
                return Ok(answer);
            }
            let what = statement.event().map_or_else(|_| statement.subject().to_owned(), |event| headline(&event));
            // Only what was checked from end to end is called verified.
            match signer {
                Some(_) => outln!("verified: {what}"),
                None => outln!("recorded, its signature not checked: {what}"),
            }
            outln!("recorded by {origin} at index {index}, {}", output::time(receipt.time()));
            outln!("signed by   {}", args.people.load()?.show(&statement.issuer().to_string()));
            if signer.is_none() {
                outln!(
                    "the signer's own signature was not checked, as there is no key to hold it against: add --signer-key"
                );
            }
            Ok(answer)
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
