//! What an answer must take into account: the caller's own writes.

use std::fs;

use clap::Args;
use probity_statement::{Receipt, ReceiptProof};

use crate::client::Client;

/// The statement that an answer waits for.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct AfterArgs {
    /// Answer once this statement is taken into account: its index in the log, or a file with its
    /// receipt. By default what was recorded from here last; 0 waits for nothing.
    #[arg(long = "after", value_name = "RECEIPT|INDEX", value_parser = index_of)]
    index: Option<u64>,
}

impl AfterArgs {
    /// The number of statements that the answer must rest on at least.
    pub(crate) fn min_tree_size(self, client: &Client) -> u64 {
        self.index.map_or(client.recorded(), |index| index.saturating_add(1))
    }
}

fn index_of(text: &str) -> Result<u64, String> {
    if let Ok(index) = text.parse() {
        return Ok(index);
    }
    let bytes = fs::read(text).map_err(|error| format!("it is no index, and no file with a receipt: {error}"))?;
    let receipt = Receipt::parse(bytes.into()).map_err(|error| error.to_string())?;
    match receipt.proof() {
        ReceiptProof::Inclusion(proof) => Ok(proof.leaf_index),
        ReceiptProof::Consistency(_) => Err("this receipt proves consistency, not inclusion".to_owned()),
    }
}
