//! Logs on a server of their own.

use std::time::Duration;

use probity_log::conformance::Ledger;
use probity_log::{Block, Disagreement, FileLogOptions, JetStreamLog, Log, NatsOptions, Status, StreamName};
use probity_tests::nats::{NatsServer, NatsSetup};
use tempfile::TempDir;

/// Longer than anything takes here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What `waiting` comes to. A test that would wait for ever fails instead.
pub(crate) async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, waiting).await.expect("it never comes")
}

/// A server, and a log whose blocks are in it.
pub(crate) struct World {
    pub(crate) home: TempDir,
    pub(crate) nats: NatsServer,
    pub(crate) ledger: Ledger,
    pub(crate) log: JetStreamLog,
}

impl World {
    /// A log with this many blocks.
    pub(crate) async fn with_blocks(count: usize) -> Self {
        Self::on(NatsSetup::new().start().unwrap(), count).await
    }

    /// The same on a server that was started before.
    pub(crate) async fn on(nats: NatsServer, count: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new();
        let options = FileLogOptions::new(home.path().join("log")).segment_length(1 << 20);
        let log = JetStreamLog::create(&options, ledger.verifier(), &NatsOptions::new(nats.url()), 1).await.unwrap();
        for block in ledger.blocks(count) {
            log.enqueue(block).await.unwrap();
        }
        Self { home, nats, ledger, log }
    }

    pub(crate) fn options(&self) -> FileLogOptions {
        FileLogOptions::new(self.home.path().join("log")).segment_length(1 << 20)
    }

    pub(crate) fn nats_options(&self) -> NatsOptions {
        NatsOptions::new(self.nats.url())
    }

    /// Closes the log and opens it again, as a new process would.
    pub(crate) async fn reopen(&mut self) {
        self.log.close().await;
        self.log = self.open().await;
    }

    pub(crate) async fn open(&self) -> JetStreamLog {
        JetStreamLog::open(&self.options(), self.ledger.verifier(), &self.nats_options()).await.unwrap()
    }

    /// Another process's log of the same ledger, in files of its own.
    pub(crate) async fn second(&self, name: &str) -> JetStreamLog {
        let options = FileLogOptions::new(self.home.path().join(name)).segment_length(1 << 20);
        drop(probity_log::FileLog::create(&options, self.ledger.verifier()).unwrap());
        JetStreamLog::open(&options, self.ledger.verifier(), &self.nats_options()).await.unwrap()
    }

    /// Someone who speaks to the server directly.
    pub(crate) async fn intruder(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.nats.url()).await.unwrap())
    }

    pub(crate) fn name(&self) -> StreamName {
        StreamName::of(self.ledger.verifier().origin())
    }

    /// Waits until the log says why it is halted.
    pub(crate) async fn halted(&self) -> Disagreement {
        let status = self.until(|status| status.halted.is_some()).await;
        (*status.halted.unwrap()).clone()
    }

    /// Waits until the log has compared itself with the stream.
    pub(crate) async fn agreed(&self) -> Status {
        self.until(|status| status.reachable && status.stream.is_some()).await
    }

    pub(crate) async fn until(&self, holds: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.log.status();
        let status = tokio::time::timeout(PATIENCE, status.wait_for(holds)).await;
        status.expect("it does not come about").unwrap().clone()
    }

    /// What is released.
    pub(crate) fn released(&self) -> Vec<Block> {
        released(&self.log)
    }
}

/// What is released in a log.
pub(crate) fn released(log: &JetStreamLog) -> Vec<Block> {
    let count = log.reader().head().map_or(0, |head| head.height + 1);
    (0..count).map(|height| log.reader().block(height).unwrap()).collect()
}
