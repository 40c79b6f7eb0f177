//! The configuration of a server: one TOML file, environment variables over it, flags over those.
//!
//! Unknown keys are refused. `PROBITY_LISTEN__GRPC=127.0.0.1:7000` sets `grpc` in section `[listen]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use probity_schemas::Identity;
use serde::Deserialize;

use crate::ledger_dir::LedgerDir;

/// Everything a server can be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) ledger: LedgerSection,
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

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSection {
    /// The data directory that `probity init` made.
    pub(crate) directory: PathBuf,
    /// The anchor; by default beside the data directory. Better on another volume, outside the backup set.
    #[serde(default)]
    pub(crate) anchor: Option<PathBuf>,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ListenSection {
    pub(crate) grpc: SocketAddr,
    /// HTTP for `/livez`, `/readyz` and `/metrics`, which hold numbers and states but nothing of what is recorded.
    pub(crate) http: Option<SocketAddr>,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self { grpc: SocketAddr::from(([127, 0, 0, 1], 7170)), http: None }
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

/// How much may wait before callers are told to come back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Statements taken in and not yet answered.
    pub(crate) waiting_statements: usize,
    /// Memory of the index's page cache, in MiB.
    pub(crate) index_cache_mib: usize,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { waiting_statements: 16_384, index_cache_mib: 32 }
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
    /// Memory of their page cache, in MiB.
    pub(crate) cache_mib: usize,
}

impl Default for ViewsSection {
    fn default() -> Self {
        Self { enabled: ViewName::ALL.to_vec(), directory: None, cache_mib: 64 }
    }
}

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ViewName {
    Inventory,
    Audit,
    Lineage,
    Compliance,
}

impl ViewName {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Inventory, Self::Audit, Self::Lineage, Self::Compliance];
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
        let mut table = match file {
            Some(path) => read(path)?,
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
        config.check()?;
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
        for entry in &self.access.certificate {
            entry.fingerprint()?;
        }
        Ok(())
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

/// The default place of the anchor: beside the data directory, not in it, so that restoring the one does not quietly
/// take the other back as well.
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

fn read(path: &Path) -> Result<toml::Table, ConfigError> {
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
        let defaults = load("[ledger]\ndirectory = '/var/lib/probity/ledger'\n[log]\nfilter = 'info'\n", &[]).unwrap();
        assert_eq!(sample, defaults);
        // What is commented out parses as well once it is not.
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/probity.toml")).unwrap();
        let all =
            text.replace("# [tls]", "[tls]").replace("# [[access", "[[access").replace("12:34:…", &"ab:".repeat(32));
        let keys = ["anchor", "certificate", "private_key", "client_ca", "sha256", "identity", "http", "directory"];
        let all = keys.iter().fold(all, |text, key| text.replace(&format!("# {key} ="), &format!("{key} =")));
        let all = load(&all, &[]).unwrap();
        assert!(
            all.tls.unwrap().client_ca.is_some() && all.access.certificate.len() == 1 && all.ledger.anchor.is_some()
        );
        assert!(all.listen.http.is_some() && all.views.directory.is_some());
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
}
