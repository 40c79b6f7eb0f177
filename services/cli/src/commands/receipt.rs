//! `probity receipt`: fetch the receipt of a statement, checked; or prove without the ledger's receipt
//! key that a statement is in the log.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1;
use probity_statement::{Receipt, ReceiptProof, SignedStatement, attach_receipts};
use probity_terminal::{Answer, outln, wrong_use};
use probity_tlog::LogProof;
use serde_json::json;

use crate::client::{Client, failed};
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct ReceiptArgs {
    /// The statement's index in the log, or its event's id.
    #[arg(value_name = "INDEX|ID")]
    event: String,
    /// Write the receipt (RFC 9942) to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a transparent statement (RFC 9943) to this file: the statement with its receipt, in
    /// one.
    #[arg(long, value_name = "FILE")]
    transparent: Option<PathBuf>,
    /// Write a proof (C2SP tlog-proof) to this file: that the statement is in the tree of the newest
    /// checkpoint. It takes no key of the ledger, so a copy gives it as well.
    #[arg(long, value_name = "FILE.tlog-proof")]
    proof: Option<PathBuf>,
}

pub(crate) async fn run(args: ReceiptArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let index = client.index(&args.event).await?;
    let of_copy = session.server.ledger.is_some();
    if of_copy && (args.out.is_some() || args.transparent.is_some()) {
        return Err(wrong_use!(
            "a copy makes no receipts: the ledger signs them with a key that is in no copy. Ask its server, or whoever \
             recorded the statement; --proof FILE writes what a copy proves by itself"
        ));
    }
    if of_copy || args.proof.is_some() {
        let proven = prove(index, args.proof.as_deref(), &mut client, session).await?;
        if of_copy || proven == Answer::No || (args.out.is_none() && args.transparent.is_none()) {
            return Ok(proven);
        }
    }
    let response = client.log.get_receipt(v1::GetReceiptRequest { index }).await;
    let Some(response) = session.answered(response)? else { return Ok(Answer::No) };
    let receipt = Receipt::parse(response.receipt.clone()).context("the server sent no receipt")?;
    if let Some(path) = &args.out {
        fs::write(path, &response.receipt).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.transparent {
        let entry = client.log.get_entry(v1::GetEntryRequest { index }).await.map_err(failed)?.into_inner();
        let statement = SignedStatement::parse(entry.statement).context("the server sent no statement")?;
        let ledger = client.ledger().clone();
        receipt.verify_inclusion(&ledger.receipt, ledger.origin.as_str(), &statement.leaf_hash())?;
        let transparent = attach_receipts(&statement, std::slice::from_ref(&response.receipt))?;
        fs::write(path, transparent).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let ReceiptProof::Inclusion(proof) = receipt.proof() else {
        anyhow::bail!("the server sent another kind of receipt")
    };
    if session.json {
        output::json(&json!({
            "origin": receipt.origin(), "index": proof.leaf_index, "tree_size": proof.tree_size,
            "recorded_at": receipt.time(), "kid": receipt.kid().to_string(),
            "path": proof.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
    } else {
        outln!("receipt of {}", receipt.origin());
        outln!("index     {} in a tree of {}", proof.leaf_index, proof.tree_size);
        outln!("recorded  {}", output::time(receipt.time()));
        outln!("key       {}", receipt.kid());
        outln!("path      {} hashes", proof.path.len());
    }
    Ok(Answer::Yes)
}

/// Proves by the newest checkpoint that a statement is in the log.
async fn prove(index: u64, out: Option<&Path>, client: &mut Client, session: &Session) -> Result<Answer> {
    let newest =
        client.log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.map_err(failed)?.into_inner();
    let request = v1::GetInclusionProofRequest { index, tree_size: newest.tree_size };
    let Some(found) = session.answered(client.log.get_inclusion_proof(request).await)? else { return Ok(Answer::No) };
    let (proof, leaf) = (&found).try_into()?;
    let proof = LogProof::new(proof, newest.checkpoint);
    // What is written was checked, with the keys of the founding statement.
    let signed = proof.verify(&client.ledger().checkpoint_verifier()?, &leaf)?;
    if let Some(path) = out {
        fs::write(path, proof.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if session.json {
        output::json(&json!({
            "origin": signed.checkpoint.origin, "index": index, "tree_size": signed.checkpoint.size,
            "root": signed.checkpoint.root.to_string(), "checkpoint_at": signed.time, "proof": proof.to_string(),
        }))?;
        return Ok(Answer::Yes);
    }
    outln!("in the log of {}", signed.checkpoint.origin);
    outln!("index       {index} in a tree of {}", signed.checkpoint.size);
    outln!("root        {}", signed.checkpoint.root);
    outln!("checkpoint  {}", output::time(signed.time));
    match out {
        Some(path) => outln!("proof       {}", path.display()),
        None => outln!("proof       --proof FILE writes it; a receipt (RFC 9942) comes from the ledger's server"),
    }
    Ok(Answer::Yes)
}
