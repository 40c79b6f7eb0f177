//! The suite that every log must pass, on one server and on three.

use std::sync::atomic::{AtomicU32, Ordering};

use probity_log::conformance::{Harness, all};
use probity_log::{FileLogOptions, JetStreamLog, NatsOptions, StreamName};
use probity_tests::nats::NatsSetup;
use probity_tlog::CheckpointVerifier;
use tempfile::TempDir;

/// Logs on one cluster, one after another under the same name.
struct Streams {
    url: String,
    replicas: usize,
    home: TempDir,
    made: AtomicU32,
}

impl Streams {
    fn on(url: String, replicas: usize) -> Self {
        Self { url, replicas, home: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) }
    }

    fn options(&self, number: u32) -> FileLogOptions {
        FileLogOptions::new(self.home.path().join(format!("log-{number}"))).segment_length(2 << 20)
    }

    fn nats(&self) -> NatsOptions {
        NatsOptions::new(self.url.clone())
    }
}

impl Harness for Streams {
    type Log = JetStreamLog;

    async fn create(&self, verifier: CheckpointVerifier) -> JetStreamLog {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        if number > 1 {
            let client = async_nats::connect(self.url.split(',').map(str::to_owned).collect::<Vec<_>>()).await.unwrap();
            let name = StreamName::of(verifier.origin()).stream;
            async_nats::jetstream::new(client).delete_stream(name).await.unwrap();
        }
        JetStreamLog::create(&self.options(number), verifier, &self.nats(), self.replicas).await.unwrap()
    }

    async fn reopen(&self, log: JetStreamLog, verifier: CheckpointVerifier) -> JetStreamLog {
        log.close().await;
        let number = self.made.load(Ordering::Relaxed);
        JetStreamLog::open(&self.options(number), verifier, &self.nats()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_server() {
    let server = NatsSetup::new().start().unwrap();
    all(&Streams::on(server.url(), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_three_servers() {
    let cluster = NatsSetup::new().start_cluster().unwrap();
    all(&Streams::on(cluster.url(), 3)).await;
}
