//! Compares the stream with the local log on every new connection, on a new leader, and every few
//! seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::checking::{Identity, Known};
use super::error::JetStreamError;
use super::stream::{BlockStream, Info};
use super::{Status, StreamStatus, halt};
use crate::BlockReader;
use crate::storage::Storage;

/// How often to look when nothing happens. A new leader is noticed by this.
const ROUND: Duration = Duration::from_secs(3);

/// Looks after one stream.
#[derive(Debug)]
pub(super) struct StreamMonitor {
    pub(super) stream: BlockStream,
    pub(super) reader: BlockReader,
    pub(super) identity: Identity,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) status: Arc<watch::Sender<Status>>,
    pub(super) connected: watch::Receiver<u64>,
}

impl StreamMonitor {
    /// Goes round until a disagreement is found: then a person looks.
    pub(super) async fn run(mut self) {
        while self.status.borrow().halted.is_none() {
            self.connected.mark_unchanged();
            self.check().await;
            let woken = tokio::time::timeout(ROUND, self.connected.changed()).await;
            if matches!(woken, Ok(Err(_))) {
                // The connection is gone for good.
                return;
            }
        }
    }

    async fn check(&self) {
        let created = match self.identity.read(&*self.storage) {
            Ok(created) => created,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "which stream this log is on cannot be read: nothing is compared");
                return self.unreachable();
            }
        };
        match (Known { reader: &self.reader, created }).check(&self.stream).await {
            Ok(info) => self.agrees(created, &info),
            Err(JetStreamError::Disagrees(disagreement)) => {
                halt(&self.status, Arc::new(disagreement));
            }
            Err(error) => {
                tracing::debug!(%error, "asking the stream");
                self.unreachable();
            }
        }
    }

    fn unreachable(&self) {
        if self.status.send_if_modified(|status| std::mem::replace(&mut status.reachable, false)) {
            tracing::warn!("the stream does not answer");
        }
    }

    fn agrees(&self, created: Option<i128>, info: &Info) {
        // Only a stream that was seen to hold this ledger's blocks is taken for its stream.
        if created.is_none()
            && self.reader.head().is_some()
            && let Err(error) = self.identity.write(&*self.storage, info.created)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "which stream this log is on is not written down");
        }
        let server = self.stream.client.server_info();
        let stream = StreamStatus {
            blocks: info.last_sequence,
            replicas: info.config.num_replicas,
            leader: info.leader.clone(),
            server_version: server.version,
            max_payload: server.max_payload,
        };
        self.status.send_if_modified(|status| {
            let before = status.stream.as_ref().and_then(|stream| stream.leader.clone());
            if before.is_some() && before != stream.leader {
                tracing::info!(leader = stream.leader, "the stream has another leader");
            }
            let changed = !status.reachable || status.stream.as_ref() != Some(&stream);
            status.reachable = true;
            status.stream = Some(stream);
            changed
        });
    }
}
