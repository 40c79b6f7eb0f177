//! The background check: everything stored is read and verified again, from the first block, every
//! so often.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use probity_log::{Chain, FileLogOptions, JetStreamLog, ScrubError, Scrubbed, scrub};
use probity_registrar::{HaltReason, Registrar};
use probity_statement::LedgerKeys;
use tokio::task::JoinHandle;

use crate::config::Config;

/// Pause after each block, so that the check leaves the disk and a core to those who wait for an
/// answer.
const PAUSE_PER_BLOCK: Duration = Duration::from_micros(200);

/// Tells a running check to break off when its task is dropped.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Checks the log at every interval. A fault halts writes and says where it is; reads go on.
pub(crate) fn start(
    config: &Config,
    options: FileLogOptions,
    keys: LedgerKeys,
    registrar: Arc<Registrar>,
    stream: Option<Arc<JetStreamLog>>,
) -> JoinHandle<()> {
    let hours = config.scrub.interval_hours;
    tokio::spawn(async move {
        if hours == 0 {
            return;
        }
        let mut ticks = tokio::time::interval(Duration::from_secs(hours.saturating_mul(3_600)));
        // The first tick is immediate, and opening has just looked at the files; but at the ends of
        // the stream only.
        ticks.tick().await;
        if compare(stream.as_deref(), &registrar).await.is_break() {
            return;
        }
        loop {
            ticks.tick().await;
            let stopped = Arc::new(AtomicBool::new(false));
            let _stop = Stop(stopped.clone());
            let (options, keys) = (options.clone(), keys.clone());
            let run = tokio::task::spawn_blocking(move || check(&options, &keys, &stopped)).await;
            match run {
                Ok(Some(Ok(Scrubbed { head, .. }))) => {
                    let statements = head.map_or(0, |head| head.tree_size);
                    tracing::info!(statements, "the stored log was verified from the first block");
                }
                Ok(Some(Err(error))) => {
                    let reason = HaltReason::BackgroundCheck(Arc::new(error));
                    tracing::error!(%reason, "writes are refused");
                    return registrar.halt(reason);
                }
                Ok(None) | Err(_) => {}
            }
            if compare(stream.as_deref(), &registrar).await.is_break() {
                return;
            }
        }
    })
}

/// Compares the whole stream with the stored log, where there is one. A difference halts writes.
async fn compare(stream: Option<&JetStreamLog>, registrar: &Registrar) -> ControlFlow<()> {
    let Some(log) = stream else { return ControlFlow::Continue(()) };
    match log.compare(|_| {}).await {
        Ok(None) => {
            tracing::info!("the stream was compared with the stored log from the first block");
            ControlFlow::Continue(())
        }
        Ok(Some(disagreement)) => {
            let reason = HaltReason::Stream(Arc::new(disagreement));
            tracing::error!(%reason, "the background check compared the stream: writes are refused");
            registrar.halt(reason);
            ControlFlow::Break(())
        }
        Err(error) => {
            tracing::warn!(%error, "the stream could not be compared with the stored log");
            ControlFlow::Continue(())
        }
    }
}

fn check(options: &FileLogOptions, keys: &LedgerKeys, stopped: &AtomicBool) -> Option<Result<Scrubbed, ScrubError>> {
    let chain = Chain::new(keys.checkpoint_verifier().ok()?);
    let outcome = scrub(options, chain, |_, _, _| {
        std::thread::sleep(PAUSE_PER_BLOCK);
        if stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (!stopped.load(Ordering::Relaxed)).then_some(outcome)
}
