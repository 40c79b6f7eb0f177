//! Opens what a configuration names, before a server meets it: directories, keys, certificates, the
//! anchor, NATS. Nothing is changed, and nothing is locked.

use std::io;
use std::path::Path;
use std::time::Duration;

use probity_ledger::with_causes;
use probity_log::storage::Disk;
use probity_log::{Anchor, FileLogOptions, first_block, first_stream_block};
use probity_schemas::{Clock as _, SystemClock};
use probity_statement::LedgerKeys;

use crate::config::{Config, NatsSection};
use crate::ledger_dir::LedgerDir;
use crate::{renewal, replay, tls};

/// How long NATS has to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What was found on opening it all.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What a server would refuse to start with, or fail at: the key that names it, and why.
    pub(crate) faults: Vec<(String, String)>,
    /// What works today and should be looked at.
    pub(crate) warnings: Vec<(String, String)>,
}

impl Found {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push((key.into(), message.into()));
    }
}

/// Opens everything that `config` names. Where a mistake in how it is written has taken the
/// directory of the ledger away, that is left out.
pub(crate) async fn open_all(config: &Config) -> Found {
    let mut found = Found::default();
    let keys = match config.ledger.directory.as_os_str().is_empty() {
        true => None,
        false => open_ledger(config, &mut found),
    };
    if let Some(section) = &config.tls {
        for error in tls::faults(section) {
            found.fault(format!("tls.{}", error.key), error.to_string());
        }
    }
    if let Some(nats) = &config.nats {
        open_nats(nats, keys.as_ref(), &mut found).await;
    }
    if let Some(views) = &config.views.directory
        && let Some(reason) = not_makeable(views)
    {
        found.fault("views.directory", format!("[views] directory {}: {reason}", views.display()));
    }
    let now = SystemClock.now();
    for (key, file) in renewal::files(config) {
        let Some(expiry) = renewal::expiry(&file) else { continue };
        match expiry.left(now) {
            left if left <= 0 => found.fault(key, expiry.told(now).to_string()),
            _ if expiry.is_near(now) => found.warnings.push((key.to_owned(), expiry.told(now).to_string())),
            _ => {}
        }
    }
    found
}

/// The ledger's own files; gives the keys that it names.
fn open_ledger(config: &Config, found: &mut Found) -> Option<LedgerKeys> {
    let directory = &config.ledger.directory;
    let dir = LedgerDir::new(directory);
    let shown = directory.display();
    if let Err(error) = std::fs::read_dir(directory) {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "; probity init makes it",
            _ => "",
        };
        found.fault("ledger.directory", format!("[ledger] directory {shown}: {error}{advice}"));
        return None;
    }
    let options = FileLogOptions::new(dir.log()).anchor(config.anchor());
    if let Err(error) = first_block(&options) {
        let message = format!("[ledger] directory {shown} holds no ledger: {}", with_causes(&error));
        found.fault("ledger.directory", message);
        return None;
    }
    let keys = replay::ledger_keys(&options).map_err(|error| {
        found.fault("ledger.directory", format!("[ledger] directory {shown}: {error}"));
    });
    let keys = keys.ok();
    if config.is_registrar() {
        match (dir.read_secrets(), &keys) {
            (Err(error), _) => found.fault("ledger.directory", format!("the ledger's private keys: {error:#}")),
            (Ok(secrets), Some(keys)) if secrets.public() != *keys => {
                let message = format!("the keys in {} are not those of the ledger in {shown}", dir.keys().display());
                found.fault("ledger.directory", message);
            }
            _ => {}
        }
    }
    // Beside the data directory, unless it is named.
    let key = if config.ledger.anchor.is_some() { "ledger.anchor" } else { "ledger.directory" };
    let anchor = config.anchor();
    match Anchor::peek(&Disk, &anchor) {
        Ok(Some(_)) => {}
        Ok(None) => found.fault(
            key,
            format!("the anchor {} is not there; put it back, or see probity init --join", anchor.display()),
        ),
        Err(error) => found.fault(key, with_causes(&error)),
    }
    keys
}

/// The files of `[nats]`, and whether its stream is that of the ledger.
async fn open_nats(nats: &NatsSection, keys: Option<&LedgerKeys>, found: &mut Found) {
    let files = [
        ("credentials", &nats.credentials),
        ("nkey", &nats.nkey),
        ("ca", &nats.ca),
        ("certificate", &nats.certificate),
        ("private_key", &nats.private_key),
    ];
    let before = found.faults.len();
    for (key, file) in files {
        let Some(path) = file else { continue };
        if let Err(error) = std::fs::read(path) {
            found.fault(format!("nats.{key}"), format!("[nats] {key} {}: {error}", path.display()));
        }
    }
    // Who is asked for depends on the ledger, and how on the files.
    let Some(keys) = keys.filter(|_| found.faults.len() == before && !nats.url.is_empty()) else { return };
    let (options, origin) = (nats.options(), keys.origin.as_str());
    let asked = tokio::time::timeout(ANSWER, first_stream_block(&options, origin)).await;
    let reason = match asked {
        Ok(Ok(Some(_))) => return,
        Ok(Ok(None)) => "the ledger's stream is empty".to_owned(),
        Ok(Err(error)) => with_causes(&error),
        Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
    };
    found.fault("nats.url", format!("[nats] {}: {reason}", nats.url));
}

/// Why a directory neither is there nor can be made.
fn not_makeable(path: &Path) -> Option<String> {
    let there = path.ancestors().find(|path| path.as_os_str().is_empty() || path.exists());
    let there = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match std::fs::metadata(there) {
        Ok(metadata) if !metadata.is_dir() => Some(format!("{} is no directory", there.display())),
        Ok(metadata) if metadata.permissions().readonly() => Some(format!("{} cannot be written to", there.display())),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}
