//! The log that is folded: real blocks in real files, by keys that are known.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use probity_log::conformance::Ledger;
use probity_log::{FileLog, FileLogOptions, Log as _};
use probity_statement::{LedgerKeys, SecretKey};
use serde_json::{Value, json};

use crate::history::History;

/// The origin of the ledgers that the log's own conformance suite makes.
pub(crate) const ORIGIN: &str = "ledger.test/conformance";

/// Statements of a block, as a busy server makes them.
const BLOCK: usize = 100;

/// The keys of that ledger.
pub(crate) fn keys() -> Result<LedgerKeys> {
    let key = |seed: u8| Ok::<_, anyhow::Error>(SecretKey::from_seed(&[seed; 32])?.public().clone());
    Ok(LedgerKeys { origin: ORIGIN.parse()?, checkpoint: key(1)?, clock: key(2)?, receipt: key(3)? })
}

/// Opens the log that [`generate`] wrote.
pub(crate) fn open(directory: &Path) -> Result<FileLog> {
    let options = FileLogOptions::new(directory.join("log"));
    Ok(FileLog::open(&options, keys()?.checkpoint_verifier()?)?)
}

/// Writes a log of so many statements.
pub(crate) async fn generate(directory: &Path, statements: u64) -> Result<Value> {
    let started = Instant::now();
    let options = FileLogOptions::new(directory.join("log"));
    let mut ledger = Ledger::new();
    let log = FileLog::create(&options, ledger.verifier())?;
    let mut history = History::new(statements, ORIGIN)?;
    let (mut written, mut bytes, mut last) = (0, 0, None);
    while written < statements {
        let count = BLOCK.min(usize::try_from(statements - written)?);
        let block: Vec<Vec<u8>> = (0..count).map(|_| history.statement()).collect::<Result<_>>()?;
        bytes += block.iter().map(Vec::len).sum::<usize>();
        let block = ledger.of_statements(&block);
        ledger.accept(&block);
        last = Some(log.enqueue(block));
        written += count as u64;
    }
    last.context("no statement")?.await?;
    Ok(json!({
        "seconds": started.elapsed().as_secs_f64(),
        "statement_bytes": bytes as u64 / statements,
        "log_bytes": bytes,
    }))
}

/// What goes on where [`generate`] stopped: statements and blocks that continue the log.
pub(crate) struct Writer {
    pub(crate) history: History,
    pub(crate) ledger: Ledger,
}

impl Writer {
    /// Takes up the history after the log's last statement.
    pub(crate) fn after(log: &FileLog) -> Result<Self> {
        let head = log.reader().head().context("an empty log")?;
        let mut history = History::new(head.tree_size, ORIGIN)?;
        for _ in 0..head.tree_size {
            history.statement()?;
        }
        let frontier = log.tiles().frontier(head.tree_size)?;
        Ok(Self { history, ledger: Ledger::at(frontier, Some(head)) })
    }
}
