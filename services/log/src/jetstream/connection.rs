//! How a process reaches NATS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use tokio::sync::watch;

use super::configuration::StreamName;
use super::error::StreamError;
use super::stream::BlockStream;

/// The longest pause between two attempts to connect again.
const RECONNECT: Duration = Duration::from_secs(2);

/// Where NATS is and how to get in. Made with the address; the rest is added field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NatsOptions {
    /// Addresses of servers of one cluster, such as `nats://a:4222,nats://b:4222`.
    pub url: String,
    /// A credentials file (JWT and nkey seed) as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// A file that holds an nkey seed and nothing else.
    pub nkey: Option<PathBuf>,
    /// A user name and its password.
    pub user: Option<(String, String)>,
    /// PEM certificates of the authority that the servers' certificates come from. Given, TLS is
    /// required.
    pub ca: Option<PathBuf>,
    /// PEM files of this client's certificate and private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl NatsOptions {
    /// NATS at these addresses, without credentials.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Connects; the result is there at once if `patiently`, and the connection whenever it can be
    /// made.
    pub(super) async fn connect(
        &self,
        origin: &str,
        patiently: bool,
        connected: watch::Sender<u64>,
    ) -> Result<BlockStream, StreamError> {
        let mut options = ConnectOptions::new()
            .name(format!("probity {origin}"))
            .ping_interval(Duration::from_secs(5))
            .connection_timeout(Duration::from_secs(5))
            .reconnect_delay_callback(|attempts| {
                RECONNECT.min(Duration::from_millis(50 * (1 << attempts.min(6)) as u64))
            })
            .event_callback({
                let news = Arc::new(News { connected, last: Mutex::new(String::new()) });
                move |event| {
                    let news = news.clone();
                    async move { news.take_note(&event) }
                }
            });
        if patiently {
            options = options.retry_on_initial_connect();
        }
        if let Some(path) = &self.credentials {
            options = options.credentials(&read(path)?).map_err(|source| unreadable(path, source))?;
        }
        if let Some(path) = &self.nkey {
            options = options.nkey(read(path)?.trim().to_owned());
        }
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(path) = &self.ca {
            read(path)?;
            options = options.add_root_certificates(path.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.certificate {
            read(certificate)?;
            read(key)?;
            options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
        }
        let servers: Vec<&str> = self.url.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
        let client = options.connect(servers).await.map_err(StreamError::nats)?;
        Ok(BlockStream::new(client, StreamName::of(origin)))
    }
}

fn read(path: &Path) -> Result<String, StreamError> {
    std::fs::read_to_string(path).map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: std::io::Error) -> StreamError {
    StreamError::Credentials { path: path.to_owned(), source: Arc::new(source) }
}

/// What happened to the connection so far.
struct News {
    /// Counts how often there was a new one.
    connected: watch::Sender<u64>,
    /// What was said last: an attempt that fails like the one before it is not told again.
    last: Mutex<String>,
}

impl News {
    fn take_note(&self, event: &Event) {
        let is_new = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, event.to_string()) != *last
        };
        match event {
            Event::Connected => {
                tracing::info!("connected to NATS");
                self.connected.send_modify(|count| *count += 1);
            }
            Event::Disconnected => tracing::warn!("the connection to NATS is lost; it is tried again"),
            Event::SlowConsumer(_) => tracing::warn!("NATS delivers faster than blocks are taken in"),
            Event::LameDuckMode | Event::Draining | Event::Closed => tracing::info!(%event, "NATS"),
            Event::ServerError(_) | Event::ClientError(_) if is_new => tracing::warn!(%event, "NATS"),
            Event::ServerError(_) | Event::ClientError(_) => tracing::debug!(%event, "NATS"),
        }
    }
}
