//! The server's side of the demo: a throw-away ledger that is founded, served, verified and
//! tampered with.

mod tamper;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use probity_log::FileLogOptions;
use probity_registrar::Founding;
use probity_schemas::{Identity, Origin};
use probity_statement::PublicKey;
use probity_terminal::{self as terminal, outln};

use crate::commands::found;
use crate::config::{Config, NatsSection, anchor_beside};
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::replay::{self, Known};
use crate::running::Running;

/// Where the blocks of the demo's ledger live.
#[derive(Debug, Args)]
pub struct CarrierArgs {
    #[command(flatten)]
    nats: NatsArgs,
    /// On how many NATS servers: 1, 3 or 5.
    #[arg(long, value_name = "N", default_value = "1", requires = "url")]
    replicas: usize,
}

/// A throw-away ledger, served while it is [started](Self::start).
#[derive(Debug)]
pub struct DemoLedger {
    directory: PathBuf,
    copy: PathBuf,
    nats: Option<NatsSection>,
    running: Option<Running>,
    changed: Option<tamper::ChangedByte>,
}

impl DemoLedger {
    /// Founds a ledger below `home`, and gives it with the leaf hash of its founding statement.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub async fn found(
        home: &Path,
        origin: Origin,
        administrators: Vec<(Identity, PublicKey)>,
        carrier: CarrierArgs,
    ) -> Result<(Self, String)> {
        let directory = home.join("ledger");
        let founding = Founding { administrators, single_administrator: false, recovery: None, succeeds: None };
        let nats = carrier.nats.section();
        let stream = nats.as_ref().map(|nats| (nats.options(), carrier.replicas));
        let founded = found(&directory, None, origin, &founding, stream).await?;
        let copy = home.join("tampered");
        Ok((Self { directory, copy, nats, running: None, changed: None }, founded.founding_leaf_hash))
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Serves the ledger on a free port of loopback, and gives the server's address.
    ///
    /// # Errors
    /// The server does not start.
    pub async fn start(&mut self) -> Result<String> {
        let mut config = Config::load(None, Some(&self.directory), std::iter::empty())?;
        config.listen.grpc = SocketAddr::from(([127, 0, 0, 1], 0));
        config.nats = self.nats.clone();
        let running = Running::start(&config).await?;
        let address = format!("http://{}", running.address);
        self.running = Some(running);
        Ok(address)
    }

    /// Stops the server.
    ///
    /// # Errors
    /// It could not write everything down.
    pub async fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Verifies the ledger from its files, and says so.
    ///
    /// # Errors
    /// The files could not be read.
    pub fn verify(&self) -> Result<bool> {
        verify(&self.directory)
    }

    /// Changes one byte of `statement` in a copy of the ledger, and verifies the copy.
    ///
    /// # Errors
    /// The files could not be read or written.
    pub fn verify_changed(&mut self, statement: &[u8]) -> Result<bool> {
        let place = tamper::change_one_byte(&self.directory, &self.copy, statement)?;
        outln!("in {}, byte {}, within the approval of the scorecard", place.file.display(), place.offset);
        self.changed = Some(place);
        verify(&self.copy)
    }

    /// Makes the checksum around the changed byte fit, and verifies the copy again.
    ///
    /// # Errors
    /// Nothing was changed before, or the files could not be read or written.
    pub fn verify_forged(&self) -> Result<bool> {
        let place = self.changed.as_ref().ok_or_else(|| anyhow!("no byte was changed; this is a defect"))?;
        tamper::forge_checksum(place)?;
        verify(&self.copy)
    }
}

/// Verifies a data directory and says so.
fn verify(directory: &Path) -> Result<bool> {
    let dir = LedgerDir::new(directory);
    let options = FileLogOptions::new(dir.log()).anchor(anchor_beside(directory));
    match replay::verify(&options, &Known::default(), |_| {})? {
        Ok(sound) => {
            let head = sound.head.context("the log is empty")?;
            outln!("verified: {} statements, root {}", head.tree_size, head.root);
            outln!(
                "every signature, checkpoint, clock signature, root and admission; last {}",
                terminal::time(head.time)
            );
            Ok(true)
        }
        Err(unsound) => {
            outln!("DOES NOT VERIFY: {unsound}");
            Ok(false)
        }
    }
}
