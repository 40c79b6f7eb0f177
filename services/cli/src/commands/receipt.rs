//! `probity receipt`: fetch the receipt of a statement, checked.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1;
use probity_statement::{Receipt, ReceiptProof, SignedStatement, attach_receipts};
use probity_terminal::{Answer, outln};
use serde_json::json;

use crate::client::failed;
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct ReceiptArgs {
    /// The statement's position in the log.
    index: u64,
    /// Write the receipt (RFC 9942) to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a transparent statement (RFC 9943) to this file: the statement with its receipt, in
    /// one.
    #[arg(long, value_name = "FILE")]
    transparent: Option<PathBuf>,
}

pub(crate) async fn run(args: ReceiptArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let response = client.log.get_receipt(v1::GetReceiptRequest { index: args.index }).await;
    let Some(response) = session.answered(response)? else { return Ok(Answer::No) };
    let receipt = Receipt::parse(response.receipt.clone()).context("the server sent no receipt")?;
    if let Some(path) = &args.out {
        fs::write(path, &response.receipt).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.transparent {
        let entry = client.log.get_entry(v1::GetEntryRequest { index: args.index }).await.map_err(failed)?.into_inner();
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
