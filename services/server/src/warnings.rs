//! What is known of the NATS servers that makes losing blocks likelier: said in the log, in metrics
//! and to `/readyz`.
//!
//! None of it stops anything: the local files hold every block, and a loss is found and repaired.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use probity_log::{JetStreamLog, MAX_BLOCK_LENGTH, Status};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::NatsSection;

/// How often the servers are asked how they sync.
const ROUND: Duration = Duration::from_secs(60);

/// How long a monitoring address has to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The first version whose streams can be trusted with this.
const OLDEST: (u64, u64) = (2, 10);

/// A reason to worry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Warning {
    /// The stream is on one server.
    OneReplica,
    /// The server is too old.
    OldServer { version: String },
    /// The server refuses long blocks.
    SmallMessages { max_payload: usize },
    /// A server acknowledges before its disk has what it acknowledges.
    SyncNotAlways { address: String, interval: String },
    /// No monitoring address is configured, or none answers, so it is unknown how servers sync.
    SyncUnknown { reason: String },
}

impl Warning {
    /// Its name in metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::OneReplica => "one_replica",
            Self::OldServer { .. } => "old_server",
            Self::SmallMessages { .. } => "small_messages",
            Self::SyncNotAlways { .. } => "sync_not_always",
            Self::SyncUnknown { .. } => "sync_unknown",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneReplica => write!(f, "the stream has one replica: with its server its blocks are out of reach"),
            Self::OldServer { version } => {
                write!(f, "nats-server {version} is older than {}.{}: upgrade it", OLDEST.0, OLDEST.1)
            }
            Self::SmallMessages { max_payload } => write!(
                f,
                "the server takes messages of {max_payload} bytes at most, and a block may have {MAX_BLOCK_LENGTH}: \
                 raise max_payload"
            ),
            Self::SyncNotAlways { address, interval } => write!(
                f,
                "the server at {address} syncs every {interval}: a power failure loses what it acknowledged; \
                 set `sync_interval: always` in its jetstream block"
            ),
            Self::SyncUnknown { reason } => {
                write!(f, "whether the servers run with `sync_interval: always` is not known: {reason}")
            }
        }
    }
}

/// Watches the servers and publishes the current warnings to the receiver.
pub(super) fn watch_servers(
    log: Arc<JetStreamLog>,
    nats: NatsSection,
) -> (watch::Receiver<Vec<Warning>>, JoinHandle<()>) {
    let (sender, receiver) = watch::channel(Vec::<Warning>::new());
    let task = tokio::spawn(async move {
        let mut status = log.status();
        let mut sync = sync_of(&nats.monitoring).await;
        let mut round = tokio::time::interval(ROUND);
        round.reset();
        loop {
            let mut warnings = of_status(&status.borrow_and_update());
            warnings.extend(sync.iter().cloned());
            sender.send_if_modified(|known| {
                for warning in warnings.iter().filter(|warning| !known.contains(*warning)) {
                    tracing::warn!("{warning}");
                }
                let changed = *known != warnings;
                *known = warnings;
                changed
            });
            tokio::select! {
                changed = status.changed() => if changed.is_err() { return },
                _ = round.tick() => sync = sync_of(&nats.monitoring).await,
            }
        }
    });
    (receiver, task)
}

fn of_status(status: &Status) -> Vec<Warning> {
    let Some(stream) = &status.stream else { return Vec::new() };
    let mut warnings = Vec::new();
    if stream.replicas < 2 {
        warnings.push(Warning::OneReplica);
    }
    let version = stream.server_version.clone();
    if !version.is_empty() && parsed(&version).is_none_or(|version| version < OLDEST) {
        warnings.push(Warning::OldServer { version });
    }
    // The longest block with the headers that fence it still fits into the default of the server.
    if stream.max_payload < MAX_BLOCK_LENGTH {
        warnings.push(Warning::SmallMessages { max_payload: stream.max_payload });
    }
    warnings
}

fn parsed(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

async fn sync_of(monitoring: &[String]) -> Vec<Warning> {
    if monitoring.is_empty() {
        let reason = "[nats] monitoring names no address to ask at".to_owned();
        return vec![Warning::SyncUnknown { reason }];
    }
    let mut warnings = Vec::new();
    for address in monitoring {
        let asked = tokio::time::timeout(ANSWER, ask(address)).await;
        match asked.map_err(|_| anyhow!("no answer within {} s", ANSWER.as_secs())).and_then(|asked| asked) {
            Ok(config) if config["sync_always"] == true => {}
            Ok(config) => {
                let interval = Duration::from_nanos(config["sync_interval"].as_u64().unwrap_or_default());
                warnings.push(Warning::SyncNotAlways { address: address.clone(), interval: format!("{interval:?}") });
            }
            Err(error) => warnings.push(Warning::SyncUnknown { reason: format!("{address}: {error:#}") }),
        }
    }
    warnings
}

/// The JetStream configuration of the server with this monitoring address.
async fn ask(address: &str) -> Result<Value> {
    let host = address.strip_prefix("http://").context("only http:// addresses can be asked")?.trim_end_matches('/');
    let connection = TcpStream::connect(host).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await?;
    let driving = tokio::spawn(connection);
    let request = Request::get("/varz").header("host", host).body(Empty::<bytes::Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    driving.abort();
    let told: Value = serde_json::from_slice(&body)?;
    told["jetstream"]["config"].as_object().cloned().map(Value::Object).context("the server runs no JetStream")
}

#[cfg(test)]
mod tests {
    use probity_log::StreamStatus;

    use super::*;

    fn kinds(version: &str, replicas: usize, max_payload: usize) -> Vec<&'static str> {
        let server_version = version.to_owned();
        let stream = StreamStatus { blocks: 1, replicas, leader: None, server_version, max_payload };
        let status = Status { reachable: true, stream: Some(stream), ..Status::default() };
        of_status(&status).iter().map(Warning::kind).collect()
    }

    #[test]
    fn what_a_server_says_of_itself_is_judged() {
        assert_eq!(kinds("2.15.1", 3, 1 << 20), Vec::<&str>::new());
        assert_eq!(kinds("2.10.0", 3, 8 << 20), Vec::<&str>::new());
        assert_eq!(kinds("2.9.25", 3, 1 << 20), ["old_server"]);
        assert_eq!(kinds("dev", 1, 1 << 20), ["one_replica", "old_server"]);
        assert_eq!(kinds("3.0.0", 5, 64 << 10), ["small_messages"]);
    }

    #[tokio::test]
    async fn where_nobody_can_be_asked_nothing_is_taken_for_granted() {
        assert_eq!(sync_of(&[]).await.iter().map(Warning::kind).collect::<Vec<_>>(), ["sync_unknown"]);
        let nowhere = sync_of(&["http://127.0.0.1:1".to_owned(), "ftp://x".to_owned()]).await;
        assert_eq!(nowhere.iter().map(Warning::kind).collect::<Vec<_>>(), ["sync_unknown", "sync_unknown"]);
        assert!(nowhere[1].to_string().contains("only http://"), "{}", nowhere[1]);
    }
}
