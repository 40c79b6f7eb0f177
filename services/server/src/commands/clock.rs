//! `probity clock`: how a ledger whose newest block is ahead of the clock goes on.
//!
//! The times of blocks never go back. A block that was sealed under a clock set ahead keeps the
//! ledger waiting until its time has passed, unless its operator says that it is to go on: then
//! blocks keep that time until the clock has reached it. The word is recorded in the ledger itself.

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_schemas::ledger::{LedgerEvent, Recovered, TreeHead};
use probity_schemas::{Clock as _, Digest, Identity, SystemClock, Text};
use probity_terminal::{self as terminal, Answer, outln};
use serde_json::json;

use super::own_word::{LedgerArgs, OwnWord};
use crate::config::NatsSection;
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::{open_log, replay};

#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Let a ledger take statements although its newest block is ahead of the clock, and record who
    /// decided it. The ledger must not be served meanwhile.
    GoOn(GoOnArgs),
}

#[derive(Debug, Args)]
pub struct GoOnArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    nats: NatsArgs,
    /// Who decided it, such as person:UUID; may be given again.
    #[arg(long, value_name = "IDENTITY", required = true)]
    decided_by: Vec<Identity>,
    /// What happened and why it cannot wait, to be recorded.
    #[arg(long, value_name = "TEXT")]
    reason: Text,
}

pub(crate) async fn run(command: ClockCommand, json: bool) -> Result<Answer> {
    let ClockCommand::GoOn(args) = command;
    args.run(json).await
}

impl GoOnArgs {
    async fn run(self, json: bool) -> Result<Answer> {
        let options = self.ledger.log()?;
        let dir = LedgerDir::new(&self.ledger.directory);
        let secrets = dir.read_secrets()?;
        let verifier = replay::ledger_keys(&options)?.checkpoint_verifier()?;
        let nats = self.nats.clone().over(self.ledger.config()?.nats).as_ref().map(NatsSection::options);
        let log = open_log::open(&options, verifier, nats.as_ref(), &dir).await?;
        let Some(head) = log.backend.reader().head() else { anyhow::bail!("the ledger has no block") };
        let ahead_s = head.time.saturating_sub(SystemClock.now());
        if ahead_s == 0 {
            return Ok(terminal::no(json, "the newest block is not ahead of this clock: nothing was recorded"));
        }
        let from = TreeHead { tree_size: head.tree_size, root: Digest::from_bytes(head.root.0) };
        let recovered = Recovered { from, action: self.reason.clone(), decided_by: self.decided_by.clone() };
        let word = OwnWord { data: LedgerEvent::Recovered(Box::new(recovered)), keeps_time: true };
        let recorded = word.record(&self.ledger, log, &dir, secrets).await?;
        let until = terminal::time(recorded.recorded_at);
        if json {
            terminal::json(&json!({
                "index": recorded.index, "ahead_s": ahead_s, "blocks_keep_time": recorded.recorded_at,
            }))?;
        } else {
            outln!("Recorded at index {}. Serve the ledger again: it takes statements.", recorded.index);
            outln!(
                "Its newest block is {ahead_s} s ahead of this clock, so blocks say {until} until that time has come."
            );
            outln!("Acts whose own time is more than 24 h before it are refused until then; facts are taken.");
        }
        Ok(Answer::Yes)
    }
}
