//! Opening the log of a ledger, wherever its blocks go, and what of it people should know.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use probity_log::{
    FatalError, FileLog, FileLogOptions, JetStreamError, JetStreamLog, NatsOptions, Opening, Prepared, Status,
};
use probity_registrar::Carrier;
use probity_tlog::CheckpointVerifier;

use crate::advice;
use crate::ledger_dir::LedgerDir;

/// How long NATS has to answer where a founding broke off, and the pause between two attempts.
const FOUNDING: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(200);

/// Opens the log in `options`, on a stream if there is one.
pub(crate) async fn open(
    options: &FileLogOptions,
    verifier: CheckpointVerifier,
    nats: Option<&NatsOptions>,
    dir: &LedgerDir,
) -> Result<Carrier> {
    let refused = |error| advice::does_not_open(error, dir.root());
    let carrier = match nats {
        Some(nats) => {
            let opened = JetStreamLog::open(options, verifier, nats).await;
            let log = opened.map_err(|error| match error {
                JetStreamError::Local(error) => refused(error),
                other => other.into(),
            })?;
            finish_founding(&log).await?;
            Carrier::Stream(Arc::new(log))
        }
        None => {
            let options = options.clone();
            let opened = tokio::task::spawn_blocking(move || FileLog::open(&options, verifier)).await?;
            Carrier::Files(Arc::new(opened.map_err(refused)?))
        }
    };
    report(opening(&carrier), &carrier);
    Ok(carrier)
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

fn opening(carrier: &Carrier) -> &Opening {
    match carrier {
        Carrier::Files(log) => log.opening(),
        Carrier::Stream(log) => log.opening(),
    }
}

/// How the log stands with its stream; `None` where there is none.
pub(crate) fn status(carrier: &Carrier) -> Option<Status> {
    match carrier {
        Carrier::Files(_) => None,
        Carrier::Stream(log) => Some(log.status().borrow().clone()),
    }
}

/// Resolves when the local files have failed.
pub(crate) async fn failed(carrier: &Carrier) -> Arc<FatalError> {
    match carrier {
        Carrier::Files(log) => log.failed().await,
        Carrier::Stream(log) => log.failed().await,
    }
}

/// Gives up waiting for a stream that does not answer, and closes the files.
pub(crate) async fn close(carrier: &Carrier) {
    match carrier {
        Carrier::Files(_) => {}
        Carrier::Stream(log) => log.close().await,
    }
}

fn report(opening: &Opening, carrier: &Carrier) {
    if opening.adopted > 0 {
        tracing::info!(blocks = opening.adopted, "blocks that were durable but not yet released are released now");
    }
    if let Some(place) = &opening.discarded {
        tracing::warn!(%place, "an unfinished write that nobody was told of was discarded");
    }
    if opening.rebuilt_tiles {
        tracing::warn!("the hash tiles were made again from the blocks");
    }
    if let Some(head) = carrier.reader().head() {
        tracing::info!(statements = head.tree_size, blocks = head.height + 1, root = %head.root, "the log is open");
    }
}
