//! Opening the log of a ledger, wherever its blocks go, and what of it people should know.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use probity_log::{Backend, FileLog, FileLogOptions, JetStreamError, JetStreamLog, NatsOptions, Prepared};
use probity_tlog::CheckpointVerifier;

use crate::advice;
use crate::ledger_dir::LedgerDir;

/// How long NATS has to answer where a founding broke off, and the pause between two attempts.
const FOUNDING: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(200);

/// A log that is open.
#[derive(Debug, Clone)]
pub(crate) struct OpenLog {
    /// The log, whatever carries it.
    pub(crate) backend: Arc<dyn Backend>,
    /// The same log where a stream carries it, for what only a stream can be asked.
    pub(crate) stream: Option<Arc<JetStreamLog>>,
}

/// Opens the log in `options`, on a stream if there is one.
pub(crate) async fn open(
    options: &FileLogOptions,
    verifier: CheckpointVerifier,
    nats: Option<&NatsOptions>,
    dir: &LedgerDir,
) -> Result<OpenLog> {
    let refused = |error| advice::does_not_open(error, dir.root());
    let log = match nats {
        Some(nats) => {
            let opened = JetStreamLog::open(options, verifier, nats).await;
            let log = opened.map_err(|error| match error {
                JetStreamError::Local(error) => refused(error),
                other => other.into(),
            })?;
            finish_founding(&log).await?;
            let log = Arc::new(log);
            OpenLog { backend: log.clone(), stream: Some(log) }
        }
        None => {
            let options = options.clone();
            let opened = tokio::task::spawn_blocking(move || FileLog::open(&options, verifier)).await?;
            OpenLog { backend: Arc::new(opened.map_err(refused)?), stream: None }
        }
    };
    report(&*log.backend);
    Ok(log)
}

/// Sends the first block again, if founding broke off before the stream was known to have it.
async fn finish_founding(log: &JetStreamLog) -> Result<()> {
    if log.reader().head().is_some() {
        return Ok(());
    }
    tracing::warn!("the ledger has no released block yet; its founding is finished once NATS answers");
    let finished = tokio::time::timeout(FOUNDING, async {
        while log.reader().head().is_none() {
            match log.prepare().await {
                Ok(Prepared::Ready) if log.reader().head().is_none() => bail!("nothing was ever written to the log"),
                Ok(_) => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    });
    finished.await.context("the founding could not be finished, because NATS does not answer")?
}

fn report(log: &dyn Backend) {
    let opening = log.opening();
    if opening.adopted > 0 {
        tracing::info!(blocks = opening.adopted, "blocks that were durable but not yet released are released now");
    }
    if let Some(place) = &opening.discarded {
        tracing::warn!(%place, "an unfinished write that nobody was told of was discarded");
    }
    if opening.rebuilt_tiles {
        tracing::warn!("the hash tiles were made again from the blocks");
    }
    if let Some(head) = log.reader().head() {
        tracing::info!(statements = head.tree_size, blocks = head.height + 1, root = %head.root, "the log is open");
    }
}
