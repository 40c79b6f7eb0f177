//! The configuration of a server: one TOML file, environment variables over it, flags over those.
//!
//! Unknown keys are refused. `PROBITY_LISTEN__GRPC=127.0.0.1:7000` sets `grpc` in section
//! `[listen]`.

mod draft;
mod role;
mod sections;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use probity_schemas::Identity;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

pub(crate) use draft::{Draft, Mistake, Place};
pub(crate) use role::{Role, ViewName};
pub(crate) use sections::{
    AccessSection, CertificateIdentity, LedgerSection, LimitsSection, ListenSection, LogFormat, LogSection,
    NatsSection, ScrubSection, TlsSection, ViewsSection,
};

use crate::ledger_dir::LedgerDir;

/// Everything a server can be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// What this process does; everything by default.
    #[serde(default = "Role::all")]
    pub(crate) roles: Vec<Role>,
    pub(crate) ledger: LedgerSection,
    #[serde(default)]
    pub(crate) nats: Option<NatsSection>,
    #[serde(default)]
    pub(crate) listen: ListenSection,
    #[serde(default)]
    pub(crate) tls: Option<TlsSection>,
    #[serde(default)]
    pub(crate) access: AccessSection,
    #[serde(default)]
    pub(crate) limits: LimitsSection,
    #[serde(default)]
    pub(crate) views: ViewsSection,
    #[serde(default)]
    pub(crate) scrub: ScrubSection,
    #[serde(default)]
    pub(crate) log: LogSection,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", lines(.0))]
    Mistakes(Vec<Mistake>),
    #[error(
        "refusing to listen on {address} without TLS and client authentication: anyone could read the ledger. \
         Set [tls] certificate, private_key and client_ca, or listen on 127.0.0.1"
    )]
    Exposed { address: SocketAddr },
    #[error("[tls] needs client_ca on {address}: without client certificates nobody can be told apart")]
    NoClientAuthority { address: SocketAddr },
    #[error(
        "[[access.certificate]] of {identity} needs [tls] with client_ca: without it no client shows a certificate, \
         and everyone would be let in as if there were no mapping"
    )]
    NoCertificates { place: usize, identity: Identity },
    #[error(
        "refusing to serve HTTP on {address}: /metrics and /readyz have no authentication. Listen on 127.0.0.1, or set \
         [listen] http_exposed = true where only monitoring reaches that address"
    )]
    HttpExposed { address: SocketAddr },
    #[error("[ledger] segment_mib is {mib}: segments have from 2 to 4095 MiB")]
    Segments { mib: u64 },
    #[error("[limits] {key} is 0: nothing would ever be let in")]
    NothingAllowed { key: &'static str },
    #[error("roles without registrar need [nats]: without it this process is the only one of its ledger")]
    NoRegistrar,
    #[error("roles is empty: this process would do nothing")]
    NoRoles,
    #[error("[nats] url is missing: the addresses of NATS servers, such as nats://127.0.0.1:4222")]
    NoNatsUrl,
    #[error("[nats] url holds a user or password, which messages would show; set user, and PROBITY_NATS__PASSWORD")]
    SecretInNatsUrl,
    #[error("[nats] certificate and private_key belong together")]
    NatsCertificate,
    #[error("[[access.certificate]] of {identity}: sha256 is not 64 hexadecimal digits")]
    Fingerprint { place: usize, identity: Identity },
    #[error("[[access.certificate]] of {identity}: the same certificate is mapped to {other} already")]
    MappedTwice { place: usize, identity: Identity, other: Identity },
    #[error("[log] filter {filter:?}: {reason}")]
    Filter { filter: String, reason: ParseError },
}

/// The mistakes, one on a line.
fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigError {
    /// Whether it may come of a mistake in this section: what could not be read there was left out.
    pub(crate) fn may_come_of(&self, section: &str) -> bool {
        match self {
            Self::Exposed { .. } | Self::NoCertificates { .. } if section == "tls" => true,
            Self::NoRegistrar if section == "nats" => true,
            _ => self.key().split(['.', '[']).next() == Some(section),
        }
    }

    /// The key that it is about, as a path.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Read { .. } | Self::Mistakes(_) => String::new(),
            Self::Exposed { .. } => "listen.grpc".to_owned(),
            Self::NoClientAuthority { .. } => "tls".to_owned(),
            Self::NoCertificates { place, .. } => format!("access.certificate[{place}]"),
            Self::HttpExposed { .. } => "listen.http".to_owned(),
            Self::Segments { .. } => "ledger.segment_mib".to_owned(),
            Self::NothingAllowed { key } => format!("limits.{key}"),
            Self::NoRegistrar | Self::NoRoles => "roles".to_owned(),
            Self::NoNatsUrl | Self::SecretInNatsUrl => "nats.url".to_owned(),
            Self::NatsCertificate => "nats.certificate".to_owned(),
            Self::Fingerprint { place, .. } | Self::MappedTwice { place, .. } => {
                format!("access.certificate[{place}].sha256")
            }
            Self::Filter { .. } => "log.filter".to_owned(),
        }
    }
}

impl Config {
    /// Reads `file` (if any), lays the environment over it and checks the whole.
    pub(crate) fn load(
        file: Option<&Path>,
        directory: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let config = Self::read(file, directory, environment)?;
        config.check()?;
        Ok(config)
    }

    /// Reads without checking, for a caller that overrides some of it first.
    pub(crate) fn read(
        file: Option<&Path>,
        directory: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        match Draft::read(file, directory, environment)?.config() {
            (Some(config), mistakes) if mistakes.is_empty() => Ok(config),
            (_, mistakes) => Err(ConfigError::Mistakes(mistakes)),
        }
    }

    /// Refuses what would let strangers in.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that makes no sense, or would let strangers in.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        let address = self.listen.grpc;
        if !address.ip().is_loopback() {
            match &self.tls {
                None => found.push(ConfigError::Exposed { address }),
                Some(TlsSection { client_ca: None, .. }) => found.push(ConfigError::NoClientAuthority { address }),
                Some(_) => {}
            }
        }
        if self.roles.is_empty() {
            found.push(ConfigError::NoRoles);
        }
        if self.nats.is_none() && !self.is_registrar() && !self.roles.is_empty() {
            found.push(ConfigError::NoRegistrar);
        }
        if let Some(nats) = &self.nats {
            if nats.url.trim().is_empty() {
                found.push(ConfigError::NoNatsUrl);
            }
            if nats.url.contains('@') {
                found.push(ConfigError::SecretInNatsUrl);
            }
            if nats.certificate.is_some() != nats.private_key.is_some() {
                found.push(ConfigError::NatsCertificate);
            }
        }
        found.extend(self.access_faults());
        if let Some(address) = self.listen.http.filter(|address| !address.ip().is_loopback())
            && !self.listen.http_exposed
        {
            found.push(ConfigError::HttpExposed { address });
        }
        let mib = self.ledger.segment_mib;
        if !(2..4_096).contains(&mib) {
            found.push(ConfigError::Segments { mib });
        }
        found.extend(self.limits.faults());
        found.extend(self.log.filter().err());
        found
    }

    fn access_faults(&self) -> Vec<ConfigError> {
        let authenticated = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let mut found = Vec::new();
        let mut mapped: HashMap<[u8; 32], &Identity> = HashMap::new();
        for (place, CertificateIdentity { identity, .. }) in self.access.certificate.iter().enumerate() {
            match self.access.fingerprint(place) {
                Err(error) => found.push(error),
                Ok(fingerprint) => {
                    if let Some(other) = mapped.insert(fingerprint, identity) {
                        let (identity, other) = (identity.clone(), other.clone());
                        found.push(ConfigError::MappedTwice { place, identity, other });
                    }
                }
            }
            if !authenticated {
                found.push(ConfigError::NoCertificates { place, identity: identity.clone() });
            }
        }
        found
    }

    /// Whether this process takes statements, or stands by to.
    pub(crate) fn is_registrar(&self) -> bool {
        self.roles.contains(&Role::Registrar)
    }

    /// The views that this process answers from.
    pub(crate) fn enabled_views(&self) -> impl Iterator<Item = ViewName> {
        let has_role = |view: &ViewName| self.roles.contains(&Role::View(*view));
        ViewName::all().filter(|view| self.views.enabled.contains(view)).filter(has_role)
    }

    /// Where the views are.
    pub(crate) fn views(&self) -> PathBuf {
        self.views.directory.clone().unwrap_or_else(|| LedgerDir::new(&self.ledger.directory).views())
    }

    /// Where the anchor is: as configured, or beside the data directory.
    pub(crate) fn anchor(&self) -> PathBuf {
        self.ledger.anchor.clone().unwrap_or_else(|| anchor_beside(&self.ledger.directory))
    }
}

/// The default place of the anchor: beside the data directory, not in it, so that restoring the one
/// does not quietly take the other back as well.
pub(crate) fn anchor_beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".anchor");
    directory.with_file_name(name)
}

impl AccessSection {
    /// The 32 bytes of the fingerprint at a place of the list.
    pub(crate) fn fingerprint(&self, place: usize) -> Result<[u8; 32], ConfigError> {
        let mut bytes = [0; 32];
        let Some(entry) = self.certificate.get(place) else { return Ok(bytes) };
        let digits: String = entry.sha256.chars().filter(|c| *c != ':').collect();
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|_| ConfigError::Fingerprint { place, identity: entry.identity.clone() })?;
        Ok(bytes)
    }
}

impl LogSection {
    /// What is written, as configured or by default.
    pub(crate) fn filter(&self) -> Result<EnvFilter, ConfigError> {
        // The NATS client says again what the log says of its connection.
        let filter = self.filter.as_deref().unwrap_or("info,async_nats=warn");
        EnvFilter::try_new(filter).map_err(|reason| ConfigError::Filter { filter: filter.to_owned(), reason })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("probity.toml");
        fs::write(&file, text).unwrap();
        let environment = environment.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Config::load(Some(&file), None, environment)
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = load(
            "[ledger]\ndirectory = 'a'\n[limits]\nwaiting_statements = 7\n",
            &[("PROBITY_LISTEN__GRPC", "127.0.0.1:1"), ("PROBITY_LIMITS__WAITING_STATEMENTS", "9"), ("HOME", "/x")],
        )
        .unwrap();
        assert_eq!(config.listen.grpc.port(), 1);
        assert_eq!(config.limits.waiting_statements, 9);
        assert_eq!(config.anchor(), Path::new("a.anchor"));
    }

    #[test]
    fn the_documented_sample_holds_the_defaults() {
        let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/probity.toml"));
        let sample = Config::load(Some(sample), None, std::iter::empty()).unwrap();
        let defaults =
            load("[ledger]\ndirectory = '/var/lib/probity/ledger'\n[log]\nfilter = 'info,async_nats=warn'\n", &[])
                .unwrap();
        assert_eq!(sample, defaults);
        // What is commented out parses as well once it is not.
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/probity.toml")).unwrap();
        let all = text
            .replace("# [tls]", "[tls]")
            .replace("# [nats]", "[nats]")
            .replace("# [[access", "[[access")
            .replace("12:34:…", &"ab:".repeat(32));
        let of_nats = ["url", "credentials", "nkey", "user", "password", "ca", "monitoring", "advertise"].into_iter();
        let keys = ["anchor", "certificate", "private_key", "client_ca", "sha256", "identity", "http", "directory"];
        let all = keys
            .into_iter()
            .chain(of_nats)
            .fold(all, |text, key| text.replace(&format!("# {key} ="), &format!("{key} =")));
        let all = load(&all, &[]).unwrap();
        assert!(
            all.tls.unwrap().client_ca.is_some() && all.access.certificate.len() == 1 && all.ledger.anchor.is_some()
        );
        assert!(all.listen.http.is_some() && all.views.directory.is_some());
        let nats = all.nats.unwrap();
        assert!(nats.credentials.is_some() && nats.advertise.is_some() && nats.monitoring.len() == 1);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = load("[ledger]\ndirectory = 'a'\ndirectroy = 'b'\n", &[]).unwrap_err().to_string();
        assert!(error.contains("directroy"), "{error}");
    }

    #[test]
    fn off_loopback_tls_and_client_authentication_are_required() {
        let exposed = "[ledger]\ndirectory = 'a'\n[listen]\ngrpc = '0.0.0.0:7170'\n";
        assert!(matches!(load(exposed, &[]), Err(ConfigError::Exposed { .. })));
        let half = format!("{exposed}[tls]\ncertificate = 'c'\nprivate_key = 'k'\n");
        assert!(matches!(load(&half, &[]), Err(ConfigError::NoClientAuthority { .. })));
        assert!(load(&format!("{half}client_ca = 'ca'\n"), &[]).is_ok());
    }

    #[test]
    fn a_mapping_of_certificates_without_client_authentication_is_refused() {
        let mapping = format!("[[access.certificate]]\nsha256 = '{}'\nidentity = 'service:risk'\n", "ab".repeat(32));
        for tls in ["", "[tls]\ncertificate = 'c'\nprivate_key = 'k'\n"] {
            let error = load(&format!("[ledger]\ndirectory = 'a'\n{tls}{mapping}"), &[]).unwrap_err();
            assert!(error.to_string().contains("service:risk") && error.to_string().contains("client_ca"), "{error}");
        }
    }

    #[test]
    fn no_password_stands_in_an_address_that_messages_show() {
        let error = load("[ledger]\ndirectory = 'a'\n[nats]\nurl = 'nats://ada:secret@h:1'\n", &[]).unwrap_err();
        assert!(matches!(error, ConfigError::SecretInNatsUrl) && !error.to_string().contains("secret@"), "{error}");
    }

    #[test]
    fn http_off_loopback_has_to_be_asked_for() {
        let exposed = "[ledger]\ndirectory = 'a'\n[listen]\nhttp = '0.0.0.0:7180'\n";
        assert!(matches!(load(exposed, &[]), Err(ConfigError::HttpExposed { .. })));
        assert!(load(&format!("{exposed}http_exposed = true\n"), &[]).is_ok());
    }

    #[test]
    fn a_limit_that_lets_nothing_in_is_refused_by_name() {
        let error = load("[ledger]\ndirectory = 'a'\n[limits]\nreads = 0\n", &[]).unwrap_err().to_string();
        assert!(error.contains("reads is 0"), "{error}");
    }
}
