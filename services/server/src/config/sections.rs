//! The sections of the configuration, with their defaults.

use std::net::SocketAddr;
use std::path::PathBuf;

use probity_log::{DEFAULT_SEGMENT_LENGTH, NatsOptions};
use probity_schemas::Identity;
use serde::Deserialize;

use super::ConfigError;
use super::role::ViewName;

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSection {
    /// The data directory that `probity init` made.
    pub(crate) directory: PathBuf,
    /// The anchor; by default beside the data directory. Better on another volume, outside the
    /// backup set.
    #[serde(default)]
    pub(crate) anchor: Option<PathBuf>,
    /// The length that segments of the log grow to, in MiB: the first has 2, and each twice as much as
    /// the one before it.
    #[serde(default = "segment_mib")]
    pub(crate) segment_mib: u64,
}

fn segment_mib() -> u64 {
    DEFAULT_SEGMENT_LENGTH >> 20
}

/// The NATS servers whose stream carries the ledger's blocks.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatsSection {
    /// Addresses of NATS servers of one cluster, such as nats://a:4222,nats://b:4222.
    #[serde(default)]
    pub(crate) url: String,
    /// Credentials file (JWT and nkey seed) as nsc writes it.
    #[serde(default)]
    pub(crate) credentials: Option<PathBuf>,
    /// File that holds an nkey seed.
    #[serde(default)]
    pub(crate) nkey: Option<PathBuf>,
    /// User name.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// The password of the user.
    #[serde(default)]
    pub(crate) password: Option<String>,
    /// PEM certificates of the authority that the NATS servers' certificates come from; TLS is
    /// required then.
    #[serde(default)]
    pub(crate) ca: Option<PathBuf>,
    /// PEM client certificate.
    #[serde(default)]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM private key of the client certificate.
    #[serde(default)]
    pub(crate) private_key: Option<PathBuf>,
    /// Monitoring addresses of the servers, such as http://a:8222, to see whether they sync every
    /// message.
    #[serde(default)]
    pub(crate) monitoring: Vec<String>,
    /// Where clients reach this server, for other registrars to send them to; by default where it
    /// listens.
    #[serde(default)]
    pub(crate) advertise: Option<String>,
}

impl NatsSection {
    /// How to connect.
    pub(crate) fn options(&self) -> NatsOptions {
        NatsOptions {
            url: self.url.clone(),
            credentials: self.credentials.clone(),
            nkey: self.nkey.clone(),
            user: self.user.clone().map(|user| (user, self.password.clone().unwrap_or_default())),
            ca: self.ca.clone(),
            certificate: self.certificate.clone().zip(self.private_key.clone()),
        }
    }
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ListenSection {
    pub(crate) grpc: SocketAddr,
    /// HTTP for `/livez`, `/readyz` and `/metrics`, which hold numbers and states but nothing of
    /// what is recorded.
    pub(crate) http: Option<SocketAddr>,
    /// Whether `http` may be an address that other machines reach: anyone there reads it.
    pub(crate) http_exposed: bool,
    /// Whether whoever reaches the gRPC port without a client certificate, on loopback, is taken for
    /// the operator and reads everything. Without it they write only.
    pub(crate) trust_loopback: bool,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self { grpc: SocketAddr::from(([127, 0, 0, 1], 7170)), http: None, http_exposed: false, trust_loopback: true }
    }
}

/// TLS with client certificates. Needed off loopback.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// PEM chain of the server, leaf first.
    pub(crate) certificate: PathBuf,
    /// PEM private key of the server.
    pub(crate) private_key: PathBuf,
    /// PEM certificates of the authorities whose client certificates are let in.
    #[serde(default)]
    pub(crate) client_ca: Option<PathBuf>,
}

/// Which client certificate speaks for which identity.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AccessSection {
    pub(crate) certificate: Vec<CertificateIdentity>,
}

/// One mapping from a certificate to an identity.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateIdentity {
    /// SHA-256 of the certificate's DER, in hexadecimal; colons and case do not matter.
    pub(crate) sha256: String,
    /// Whose roles bound what the holder may read.
    pub(crate) identity: Identity,
}

/// How much may be under way before callers are turned away.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Statements taken in and not yet answered.
    pub(crate) waiting_statements: usize,
    /// Their bytes, in MiB; at least 16, which is the longest request.
    pub(crate) waiting_mib: usize,
    /// Bytes received for calls that are not yet answered, in MiB.
    pub(crate) received_mib: usize,
    /// The same of one client certificate.
    pub(crate) received_mib_per_caller: usize,
    /// Connections in all.
    pub(crate) connections: usize,
    /// Connections from one address.
    pub(crate) connections_per_address: usize,
    /// Calls at once on one connection (HTTP/2 streams).
    pub(crate) calls_per_connection: u32,
    /// Questions under way in all.
    pub(crate) reads: usize,
    /// Questions under way of one client certificate.
    pub(crate) reads_per_caller: usize,
    /// Requests to record under way in all.
    pub(crate) writes: usize,
    /// Requests to record under way of one client certificate.
    pub(crate) writes_per_caller: usize,
    /// Streams under way in all, such as lists of entries.
    pub(crate) streams: usize,
    /// Streams under way of one client certificate.
    pub(crate) streams_per_caller: usize,
    /// Questions that read files at the same moment; others wait for their turn.
    pub(crate) reading_threads: usize,
    /// How many of them for one caller; 0 for half of the processor's cores.
    pub(crate) reading_threads_per_caller: usize,
    /// How long a question may read, in seconds.
    pub(crate) query_seconds: u64,
    /// Memory of the index's page cache, in MiB.
    pub(crate) index_cache_mib: usize,
}

impl LimitsSection {
    /// How many questions of one caller read at the same moment.
    pub(crate) fn reading_threads_of_one(&self) -> usize {
        match self.reading_threads_per_caller {
            0 => std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
            threads => threads,
        }
    }

    /// Limits that let nothing in.
    pub(super) fn faults(&self) -> impl Iterator<Item = ConfigError> + use<> {
        let limits = [
            ("waiting_statements", self.waiting_statements),
            ("received_mib", self.received_mib),
            ("received_mib_per_caller", self.received_mib_per_caller),
            ("connections", self.connections),
            ("connections_per_address", self.connections_per_address),
            ("calls_per_connection", self.calls_per_connection as usize),
            ("reads", self.reads),
            ("reads_per_caller", self.reads_per_caller),
            ("writes", self.writes),
            ("writes_per_caller", self.writes_per_caller),
            ("streams", self.streams),
            ("streams_per_caller", self.streams_per_caller),
            ("reading_threads", self.reading_threads),
            ("query_seconds", self.query_seconds as usize),
        ];
        limits.into_iter().filter(|(_, limit)| *limit == 0).map(|(key, _)| ConfigError::NothingAllowed { key })
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            waiting_statements: 16_384,
            waiting_mib: 64,
            received_mib: 128,
            received_mib_per_caller: 32,
            connections: 1_024,
            connections_per_address: 256,
            calls_per_connection: 256,
            reads: 512,
            reads_per_caller: 32,
            writes: 1_024,
            writes_per_caller: 256,
            streams: 64,
            streams_per_caller: 8,
            reading_threads: 64,
            reading_threads_per_caller: 0,
            query_seconds: 10,
            index_cache_mib: 32,
        }
    }
}

/// What is folded from the log to be asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ViewsSection {
    /// Which views there are.
    pub(crate) enabled: Vec<ViewName>,
    /// Where they are; by default `views` in the data directory.
    pub(crate) directory: Option<PathBuf>,
    /// Memory of their cache of blocks, in MiB.
    pub(crate) cache_mib: usize,
}

impl Default for ViewsSection {
    fn default() -> Self {
        Self { enabled: ViewName::all().collect(), directory: None, cache_mib: 64 }
    }
}

/// The background check of everything stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScrubSection {
    /// Hours between two runs; 0 switches it off.
    pub(crate) interval_hours: u64,
}

impl Default for ScrubSection {
    fn default() -> Self {
        Self { interval_hours: 24 }
    }
}

/// What the server writes to standard error.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// `text` or `json`.
    pub(crate) format: LogFormat,
    /// As in the `tracing` crate, such as `info` or `probity_registrar=debug`.
    pub(crate) filter: Option<String>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}
