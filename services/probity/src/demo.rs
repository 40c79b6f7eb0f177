//! `probity demo`: the story is the client's, the ledger that it is played on the server's.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser as _};
use probity_cli::demo::{Founders, Stage};
use probity_server::demo::{CarrierArgs, DemoLedger};
use probity_terminal::Answer;

use crate::Cli;

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    story: probity_cli::DemoArgs,
    #[command(flatten)]
    carrier: CarrierArgs,
}

pub(crate) async fn run(args: Demo) -> Result<Answer> {
    let mut stage = LocalStage { carrier: Some(args.carrier), ledger: None };
    probity_cli::demo::run(args.story, &mut stage).await
}

/// A ledger in this process.
struct LocalStage {
    carrier: Option<CarrierArgs>,
    ledger: Option<DemoLedger>,
}

impl LocalStage {
    fn ledger(&mut self) -> Result<&mut DemoLedger> {
        self.ledger.as_mut().context("no ledger was founded; this is a defect")
    }
}

impl Stage for LocalStage {
    async fn found(&mut self, home: &Path, founders: Founders) -> Result<String> {
        let carrier = self.carrier.take().context("the ledger was founded before; this is a defect")?;
        let Founders { origin, administrators } = founders;
        let (ledger, leaf_hash) = DemoLedger::found(home, origin, administrators, carrier).await?;
        self.ledger = Some(ledger);
        Ok(leaf_hash)
    }

    async fn start(&mut self) -> Result<String> {
        self.ledger()?.start().await
    }

    async fn run(&mut self, words: &[&str]) -> Result<()> {
        match Cli::try_parse_from(["probity"].iter().chain(words)) {
            Ok(cli) => cli.run().await.map(drop),
            Err(error) => bail!("the demo asks wrongly; this is a defect: {error}"),
        }
    }

    async fn stop(&mut self) -> Result<()> {
        self.ledger()?.stop().await
    }

    fn verify(&mut self) -> Result<bool> {
        self.ledger()?.verify()
    }

    fn verify_changed(&mut self, statement: &[u8]) -> Result<bool> {
        self.ledger()?.verify_changed(statement)
    }

    fn verify_forged(&mut self) -> Result<bool> {
        self.ledger()?.verify_forged()
    }

    fn directory(&mut self) -> Result<&Path> {
        Ok(self.ledger()?.directory())
    }
}
