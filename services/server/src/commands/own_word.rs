//! What a ledger says of itself at its operator's word, while no registrar runs: signed with its own
//! key, and recorded as anyone's statement is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use probity_ledger::IndexStore;
use probity_log::{FileLogOptions, JetStreamLog};
use probity_registrar::{Leadership, Participant, Participation, Registered, Registrar, RegistrarOptions, Submission};
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::{Clock, Event, EventId, Occurred, Subject, SystemClock, Timestamp};
use probity_statement::{LedgerSecrets, SignedStatement, Unsigned};
use probity_terminal::wrong_use;
use rand::{Rng, RngExt as _};

use crate::config::Config;
use crate::ledger_dir::{INDEX_TREE, LedgerDir};
use crate::open_log::OpenLog;

/// How long to wait until no other registrar appends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a ledger is.
#[derive(Debug, Args)]
pub(super) struct LedgerArgs {
    /// The data directory of the ledger.
    pub(super) directory: PathBuf,
    /// The configuration file that the ledger is served with, if there is one.
    #[arg(long, env = "PROBITY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The anchor of the ledger, where it is not beside the data directory.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

impl LedgerArgs {
    pub(super) fn config(&self) -> Result<Config> {
        let loaded = Config::load(self.config.as_deref(), Some(&self.directory), std::env::vars());
        let mut config = loaded.map_err(|error| wrong_use!("{error}"))?;
        config.ledger.anchor = self.anchor.clone().or(config.ledger.anchor);
        Ok(config)
    }

    pub(super) fn log(&self) -> Result<FileLogOptions> {
        let dir = LedgerDir::new(&self.directory);
        if !dir.log().is_dir() {
            anyhow::bail!("{} is not the data directory of a ledger: it has no log/", self.directory.display());
        }
        Ok(FileLogOptions::new(dir.log()).anchor(self.config()?.anchor()))
    }
}

/// A statement of the ledger about itself.
#[derive(Debug)]
pub(super) struct OwnWord {
    pub(super) data: LedgerEvent,
    /// Whether its block may keep the time of the newest one, though that is ahead of this clock.
    pub(super) keeps_time: bool,
}

impl OwnWord {
    fn statement(&self, secrets: &LedgerSecrets) -> Result<SignedStatement> {
        let now_ms = SystemClock.now_ms();
        let mut random = [0; 10];
        rand::rng().fill_bytes(&mut random);
        let mut event = Event::new(EventId::from_time(now_ms, random), Subject::this_ledger(), self.data.clone());
        event.occurred = Some(Occurred::at(Timestamp::from_ms(now_ms)?));
        let (identity, kid) = (secrets.public().identity(), secrets.checkpoint.public().id());
        Ok(Unsigned::new(&event, &identity, secrets.origin.as_str(), kid)?.sign(&secrets.checkpoint)?)
    }

    /// Hands it in as anyone's statement is, so that it is judged, made durable and indexed like
    /// any other.
    pub(super) async fn record(
        &self,
        ledger: &LedgerArgs,
        log: OpenLog,
        dir: &LedgerDir,
        secrets: LedgerSecrets,
    ) -> Result<Registered> {
        let statement = self.statement(&secrets)?;
        let limits = ledger.config()?.limits;
        let store = IndexStore::open(&dir.index(), limits.index_cache_mib << 20)?;
        let OpenLog { backend, stream } = log;
        let options = RegistrarOptions {
            backend: backend.clone(),
            index: store.tree(INDEX_TREE)?,
            secrets: Some(secrets),
            clock: SystemClock::shared(),
            waiting_statements: limits.waiting_statements,
            waiting_bytes: limits.waiting_mib << 20,
            keeps_time: self.keeps_time,
        };
        let opened = tokio::task::spawn_blocking(move || Registrar::open(options)).await?;
        let registrar = opened.with_context(|| format!("the ledger in {} does not open", dir.root().display()))?;
        let registrar = Arc::new(registrar);
        let participant = match &stream {
            None => None,
            Some(stream) => Some(alone(stream, &registrar).await?),
        };
        let submission = Submission { statement: statement.bytes().clone(), expected_revision: None };
        let results = registrar.register(vec![submission]).await;
        if let Some(participant) = participant {
            participant.stop().await;
        }
        registrar.stop().await;
        backend.close().await;
        tokio::task::spawn_blocking(move || store.flush()).await??;
        let result = results?.into_iter().next().ok_or_else(|| anyhow!("the registrar did not answer"))?;
        Ok(result?)
    }
}

/// Waits until this process is the one that appends to the stream.
async fn alone(log: &Arc<JetStreamLog>, registrar: &Arc<Registrar>) -> Result<Participant> {
    let participation =
        Participation { log: log.clone(), may_lead: true, address: String::new(), id: rand::rng().random() };
    let participant = Participant::start(registrar.clone(), participation);
    let mut leadership = registrar.watch_leadership();
    let leads = leadership.wait_for(|leadership| *leadership == Leadership::Active);
    match tokio::time::timeout(PATIENCE, leads).await {
        Ok(Ok(_)) => Ok(participant),
        _ => Err(anyhow!(
            "another registrar of this ledger is active, or NATS does not answer; stop every registrar and try again"
        )),
    }
}
