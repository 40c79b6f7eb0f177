//! `probity verify --statement`: one statement with its receipt or proof. Offline, without trusting the
//! server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use probity_statement::{PublicKey, Receipt, ReceiptProof, SignedStatement, detach_receipts};
use probity_terminal::{Answer, keyfile, outln, wrong_use};
use probity_tlog::{CheckpointVerifier, LogProof, LogProofError, VerifierKey};
use serde_json::json;

use crate::client::headline;
use crate::output;
use crate::session::PeopleArgs;

/// A statement to verify. It excludes the argument `directory`, which another struct adds.
#[derive(Debug, Args)]
pub struct VerifyStatementArgs {
    /// A statement file, or a transparent statement that holds its receipt.
    #[arg(long, value_name = "FILE", conflicts_with = "directory", requires = "held_against")]
    statement: Option<PathBuf>,
    /// The receipt of the statement.
    #[arg(long, value_name = "FILE", requires = "statement")]
    receipt: Option<PathBuf>,
    /// The ledger's public receipt key (keys/receipt.pub of its data directory).
    #[arg(long, value_name = "PUB", requires = "statement", group = "held_against")]
    receipt_key: Option<PathBuf>,
    /// In place of a receipt, a proof that the statement is in the log (C2SP tlog-proof).
    #[arg(long, value_name = "FILE.tlog-proof", requires_all = ["statement", "checkpoint_keys"], conflicts_with = "receipt")]
    proof: Option<PathBuf>,
    /// The keys of the ledger's checkpoints, as `probity checkpoint --keys` prints them.
    #[arg(long, value_name = "FILE", requires = "proof", group = "held_against")]
    checkpoint_keys: Option<PathBuf>,
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
        let Some(statement) = &self.statement else { return Ok(None) };
        match (&self.receipt_key, &self.proof, &self.checkpoint_keys) {
            (_, Some(proof), Some(keys)) => by_proof(statement, proof, keys, self, json).map(Some),
            (Some(key), ..) => single(statement, key, self, json).map(Some),
            _ => Ok(None),
        }
    }
}

impl VerifyStatementArgs {
    fn signer(&self) -> Result<Option<PublicKey>> {
        Ok(self.signer_key.as_deref().map(keyfile::read_public).transpose()?.map(|public| public.key))
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

/// Holds a statement against its receipt.
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
    let signer = args.signer()?;
    match recorded(bytes, receipt, &key.key, &origin, signer.as_ref()) {
        Err(reason) => refuse(&reason, json),
        Ok(proven) => told(&proven, &origin, signer.is_some(), args, json),
    }
}

/// Holds a statement against a proof and the keys of its ledger's checkpoints.
fn by_proof(statement: &Path, proof: &Path, keys: &Path, args: &VerifyStatementArgs, json: bool) -> Result<Answer> {
    let text = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let verifier = checkpoint_keys(&text(keys)?).map_err(|reason| wrong_use!("{}: {reason}", keys.display()))?;
    let origin = args.origin.clone().unwrap_or_else(|| verifier.origin().to_owned());
    let signer = args.signer()?;
    match in_log(read(statement)?, &text(proof)?, &verifier, &origin, signer.as_ref()) {
        Err(reason) => refuse(&reason, json),
        Ok(proven) => told(&proven, &origin, signer.is_some(), args, json),
    }
}

/// The keys that `probity checkpoint --keys` prints: the checkpoint key's, then the clock key's.
fn checkpoint_keys(text: &str) -> Result<CheckpointVerifier, String> {
    let mut keys = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.trim().parse::<VerifierKey>());
    let (Some(checkpoint), Some(clock), None) = (keys.next(), keys.next(), keys.next()) else {
        return Err("it takes the two lines that `probity checkpoint --keys` prints".to_owned());
    };
    let (checkpoint, clock) = (checkpoint.map_err(|it| it.to_string())?, clock.map_err(|it| it.to_string())?);
    let origin = checkpoint.name().as_str().to_owned();
    let verifier = CheckpointVerifier::new(origin, *checkpoint.verifying_key(), *clock.verifying_key());
    let verifier = verifier.map_err(|error| error.to_string())?;
    match (verifier.checkpoint_key(), verifier.clock_key()) == (&checkpoint, &clock) {
        true => Ok(verifier),
        false => Err("the two keys are not those of one ledger's checkpoints".to_owned()),
    }
}

/// Says what was proven.
fn told(proven: &Proven, origin: &str, signed: bool, args: &VerifyStatementArgs, json: bool) -> Result<Answer> {
    let Proven { statement, time, index, size, .. } = proven;
    // That it was recorded is proven; that its signer signed it is the ledger's word only.
    let answer = if signed { Answer::Yes } else { Answer::Unknown };
    let by_receipt = matches!(proven.by, By::Receipt);
    if json {
        let mut said = json!({
            "verified": signed, "recorded": true, "origin": origin, "index": index, "tree_size": size,
            "issuer": statement.issuer(), "subject": statement.subject(), "signature_checked": signed,
        });
        said[if by_receipt { "recorded_at" } else { "checkpoint_at" }] = (*time).into();
        output::json(&said)?;
        return Ok(answer);
    }
    let what = statement.event().map_or_else(|_| statement.subject().to_owned(), |event| headline(&event));
    // Only what was checked from end to end is called verified.
    match signed {
        true => outln!("verified: {what}"),
        false => outln!("recorded, its signature not checked: {what}"),
    }
    match by_receipt {
        true => outln!("recorded by {origin} at index {index}, {}", output::time(*time)),
        false => outln!("recorded by {origin} at index {index}, before its checkpoint of {}", output::time(*time)),
    }
    outln!("signed by   {}", args.people.load()?.show(&statement.issuer().to_string()));
    if !signed {
        outln!("the signer's own signature was not checked, as there is no key to hold it against: add --signer-key");
    }
    Ok(answer)
}

/// What proves that a statement was recorded.
enum By {
    Receipt,
    Checkpoint,
}

struct Proven {
    statement: SignedStatement,
    by: By,
    /// When it was recorded, or was so at the latest, in Unix seconds.
    time: u64,
    index: u64,
    size: u64,
}

fn recorded(
    statement: Bytes,
    receipt: Bytes,
    key: &PublicKey,
    origin: &str,
    signer: Option<&PublicKey>,
) -> Result<Proven, String> {
    let statement = parsed(statement)?;
    let receipt = Receipt::parse(receipt).map_err(|error| error.to_string())?;
    receipt.verify_inclusion(key, origin, &statement.leaf_hash()).map_err(|error| error.to_string())?;
    holds(&statement, origin, signer)?;
    match receipt.proof() {
        ReceiptProof::Inclusion(proof) => {
            let (index, size) = (proof.leaf_index, proof.tree_size);
            Ok(Proven { statement, by: By::Receipt, time: receipt.time(), index, size })
        }
        ReceiptProof::Consistency(_) => Err("receipt: proves consistency, not inclusion".to_owned()),
    }
}

fn in_log(
    statement: Bytes,
    proof: &str,
    verifier: &CheckpointVerifier,
    origin: &str,
    signer: Option<&PublicKey>,
) -> Result<Proven, String> {
    let statement = parsed(statement)?;
    let proof: LogProof = proof.parse().map_err(|error: LogProofError| format!("proof: {error}"))?;
    let signed = proof.verify(verifier, &statement.leaf_hash()).map_err(|error| format!("proof: {error}"))?;
    holds(&statement, origin, signer)?;
    Ok(Proven { statement, by: By::Checkpoint, time: signed.time, index: proof.index(), size: signed.checkpoint.size })
}

fn parsed(statement: Bytes) -> Result<SignedStatement, String> {
    SignedStatement::parse(statement).map_err(|error| format!("statement: {error}"))
}

/// Whether a statement is for this ledger, and by this signer where one is named.
fn holds(statement: &SignedStatement, origin: &str, signer: Option<&PublicKey>) -> Result<(), String> {
    if statement.audience() != origin {
        return Err(format!("statement: made for {}, not for {origin}", statement.audience()));
    }
    let Some(signer) = signer else { return Ok(()) };
    if signer.id() != statement.kid() {
        return Err(format!("statement: signed with key {}, not with {}", statement.kid(), signer.id()));
    }
    statement.verify(signer).map_err(|error| format!("statement: {error}"))
}
