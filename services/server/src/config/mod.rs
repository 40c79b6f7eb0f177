//! The configuration of a server: one TOML file, environment variables over it, flags over those.
//!
//! Unknown keys are refused. `PROBITY_LISTEN__GRPC=127.0.0.1:7000` sets `grpc` in section
//! `[listen]`.

mod role;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use probity_schemas::Identity;
use serde::Deserialize;

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
    #[error("{path} is not TOML: {source}")]
    Toml { path: PathBuf, source: toml::de::Error },
    #[error("environment variable {variable}: {section} is not a section")]
    Environment { variable: String, section: String },
    #[error("configuration: {path}: {message}")]
    Key { path: String, message: String },
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
    NoCertificates { identity: Identity },
    #[error(
        "refusing to serve HTTP on {address}: /metrics and /readyz have no authentication. Listen on 127.0.0.1, or set \
         [listen] http_exposed = true where only monitoring reaches that address"
    )]
    HttpExposed { address: SocketAddr },
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
    Fingerprint { identity: Identity },
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
        let mut table = match file {
            Some(path) => read_table(path)?,
            None => toml::Table::new(),
        };
        for (variable, value) in environment {
            overlay(&mut table, &variable, value)?;
        }
        if let Some(directory) = directory {
            let value = toml::Value::String(directory.to_string_lossy().into_owned());
            section(&mut table, "ledger").map(|section| section.insert("directory".to_owned(), value));
        }
        let config: Self = serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
            ConfigError::Key { path: error.path().to_string(), message: error.into_inner().message().to_owned() }
        })?;
        Ok(config)
    }

    /// Refuses what would let strangers in.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let address = self.listen.grpc;
        if !address.ip().is_loopback() {
            match &self.tls {
                None => return Err(ConfigError::Exposed { address }),
                Some(TlsSection { client_ca: None, .. }) => return Err(ConfigError::NoClientAuthority { address }),
                Some(_) => {}
            }
        }
        if self.roles.is_empty() {
            return Err(ConfigError::NoRoles);
        }
        if self.nats.is_none() && !self.is_registrar() {
            return Err(ConfigError::NoRegistrar);
        }
        if self.nats.as_ref().is_some_and(|nats| nats.url.trim().is_empty()) {
            return Err(ConfigError::NoNatsUrl);
        }
        if self.nats.as_ref().is_some_and(|nats| nats.url.contains('@')) {
            return Err(ConfigError::SecretInNatsUrl);
        }
        if self.nats.as_ref().is_some_and(|nats| nats.certificate.is_some() != nats.private_key.is_some()) {
            return Err(ConfigError::NatsCertificate);
        }
        let authenticated = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        for entry in &self.access.certificate {
            entry.fingerprint()?;
            if !authenticated {
                return Err(ConfigError::NoCertificates { identity: entry.identity.clone() });
            }
        }
        match self.listen.http {
            Some(address) if !address.ip().is_loopback() && !self.listen.http_exposed => {
                return Err(ConfigError::HttpExposed { address });
            }
            _ => {}
        }
        self.limits.check()
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

impl CertificateIdentity {
    /// The fingerprint's 32 bytes.
    pub(crate) fn fingerprint(&self) -> Result<[u8; 32], ConfigError> {
        let mut bytes = [0; 32];
        let digits: String = self.sha256.chars().filter(|c| *c != ':').collect();
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|_| ConfigError::Fingerprint { identity: self.identity.clone() })?;
        Ok(bytes)
    }
}

fn read_table(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    text.parse().map_err(|source| ConfigError::Toml { path: path.to_owned(), source })
}

/// Lays `PROBITY_SECTION__KEY=value` over the table; other variables are none of ours.
fn overlay(table: &mut toml::Table, variable: &str, value: String) -> Result<(), ConfigError> {
    let Some((name, key)) = variable.strip_prefix("PROBITY_").and_then(|rest| rest.split_once("__")) else {
        return Ok(());
    };
    let (name, key) = (name.to_lowercase(), key.to_lowercase());
    let not_a_section = || ConfigError::Environment { variable: variable.to_owned(), section: name.clone() };
    let section = section(table, &name).ok_or_else(not_a_section)?;
    // Numbers and booleans are written as in TOML, all else is text.
    let value = match format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v")) {
        Some(parsed @ (toml::Value::Integer(_) | toml::Value::Boolean(_))) => parsed,
        _ => toml::Value::String(value),
    };
    section.insert(key, value);
    Ok(())
}

fn section<'a>(table: &'a mut toml::Table, name: &str) -> Option<&'a mut toml::Table> {
    table.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new())).as_table_mut()
}

#[cfg(test)]
mod tests {
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
