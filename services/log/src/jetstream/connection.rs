//! How a process reaches NATS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Auth, AuthError, ConnectOptions, Event};
use nkeys::KeyPair;
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
        let mut options = self
            .authenticating()?
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

impl NatsOptions {
    /// Options that say who this client is. Files are read again for every connection, so that credentials
    /// which were replaced in time are used.
    fn authenticating(&self) -> Result<ConnectOptions, StreamError> {
        if self.credentials.is_none() && self.nkey.is_none() && self.user.is_none() {
            return Ok(ConnectOptions::new());
        }
        // What is wrong with the files shows now, not when the first connection is lost.
        self.authentication(&[])?;
        let of = self.clone();
        Ok(ConnectOptions::with_auth_callback(move |nonce: Vec<u8>| {
            let authentication = of.authentication(&nonce);
            async move { authentication.map_err(AuthError::new) }
        }))
    }

    /// What this client says of itself to a server that sent `nonce`.
    fn authentication(&self, nonce: &[u8]) -> Result<Auth, StreamError> {
        let mut auth = Auth::new();
        if let Some(path) = &self.credentials {
            let text = read(path)?;
            let (jwt, seed) = credentials(&text).ok_or_else(|| unusable(path, "it is no credentials file of nsc"))?;
            auth.signature = Some(signature(path, seed, nonce)?.1);
            auth.jwt = Some(jwt.to_owned());
        }
        if let Some(path) = &self.nkey {
            let (nkey, signed) = signature(path, read(path)?.trim(), nonce)?;
            (auth.nkey, auth.signature) = (Some(nkey), Some(signed));
        }
        if let Some((user, password)) = &self.user {
            (auth.username, auth.password) = (Some(user.clone()), Some(password.clone()));
        }
        Ok(auth)
    }
}

/// The public key of a seed, and its signature of `nonce`.
fn signature(path: &Path, seed: &str, nonce: &[u8]) -> Result<(String, Vec<u8>), StreamError> {
    let pair = KeyPair::from_seed(seed).map_err(|error| unusable(path, error))?;
    let signed = pair.sign(nonce).map_err(|error| unusable(path, error))?;
    Ok((pair.public_key(), signed))
}

/// The user JWT and the nkey seed in the text of a credentials file as `nsc` writes it: each stands between
/// two lines of dashes.
#[must_use]
pub fn credentials(text: &str) -> Option<(&str, &str)> {
    let is_mark = |line: &str| line.starts_with("---");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let marked = lines.windows(3).filter(|lines| is_mark(lines[0]) && is_mark(lines[2]) && !is_mark(lines[1]));
    let mut marked = marked.map(|lines| lines[1]);
    marked.next().zip(marked.next())
}

fn unusable(path: &Path, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StreamError {
    unreadable(path, std::io::Error::new(std::io::ErrorKind::InvalidData, reason))
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
