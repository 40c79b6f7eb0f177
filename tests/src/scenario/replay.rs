//! Replaying a scenario through the real command, and holding what comes back against what the file says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_statement::{LedgerKeys, Receipt, ReceiptProof, SignedStatement};
use serde_json::Value;
use tonic::transport::Channel;

use super::cast::{Cast, opening};
use super::event::{Prepared, confirmation, prepare};
use super::file::{Scenario, Step};
use super::questions;
use super::words::{Labelled, Words, digest, each, fill_in};
use crate::ledger::{ORIGIN, Server, command, found, register};

/// What a ledger holds before anyone speaks: its founding, roles and gate.
const FOUNDING_STATEMENTS: u64 = 3;

/// What came of a scenario.
#[derive(Debug)]
pub struct Replayed {
    /// How many statements the ledger holds.
    pub statements: u64,
    /// How many of the scenario's steps were refused, as it says.
    pub refused: usize,
    /// The types that its steps recorded.
    pub types: BTreeSet<String>,
}

/// Replays a scenario in an empty directory.
pub async fn replay(scenario: &Scenario, home: &Path) -> Result<Replayed> {
    let cast = Cast::of(scenario)?;
    let directory = home.join("ledger");
    let recovery = match &scenario.recovery {
        Some(recovery) => {
            let keys = recovery.keys.iter().map(|key| cast.signer(key, None)).collect::<Result<Vec<_>>>()?;
            Some((recovery.threshold, keys))
        }
        None => None,
    };
    let recovery = recovery.as_ref().map(|(threshold, keys)| (*threshold, keys.as_slice()));
    found(&directory, &cast.administrators()?, recovery)?;
    let server = Server::start(&directory, &[])?;
    let mut stage = Stage {
        registration: server.registration().await?,
        log: server.log().await?,
        keys: server.keys().await?,
        words: Words::after(FOUNDING_STATEMENTS),
        cast,
        server: server.address.clone(),
        home,
        refused: 0,
        types: BTreeSet::new(),
    };
    stage.begin(&opening(scenario)?).await.context("before the first step")?;
    stage.types.clear();
    for (number, step) in (1..).zip(&scenario.steps) {
        let what = step.label.as_deref().or(step.event_type.as_deref()).unwrap_or("command");
        stage.step(step).await.with_context(|| format!("step {number} ({what} by {})", step.who))?;
    }
    let Stage { mut words, refused, types, cast, .. } = stage;
    questions::ask(&scenario.questions, &mut words, &cast, &server, home).await?;
    let (code, said) = server.stop()?;
    ensure!(code == Some(0), "the server ended with {code:?}: {said}");
    verify(&directory, words.size)?;
    Ok(Replayed { statements: words.size, refused, types })
}

/// The real verifier judges every act again, and finds as many statements as were given receipts.
fn verify(directory: &Path, statements: u64) -> Result<()> {
    let output = command().args(["verify", "--json"]).arg(directory).output()?;
    let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| said(&output))?;
    ensure!(output.status.code() == Some(0), "probity verify: {}", said(&output));
    ensure!(answer["statements"] == statements, "{} statements verified, {statements} recorded", answer["statements"]);
    Ok(())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

struct Stage<'a> {
    registration: RegistrationServiceClient<Channel>,
    log: LogServiceClient<Channel>,
    keys: LedgerKeys,
    words: Words,
    cast: Cast,
    server: String,
    home: &'a Path,
    refused: usize,
    types: BTreeSet<String>,
}

impl Stage<'_> {
    /// Hands in many steps at once, all of which are recorded.
    async fn begin(&mut self, steps: &[Step]) -> Result<()> {
        let mut all = Vec::new();
        for step in steps {
            let first = prepare(step, &mut self.words, &self.cast)?;
            let second = step.confirmed_by.as_deref().map(|by| confirmation(by, &first, &self.cast)).transpose()?;
            all.push(first);
            all.extend(second);
        }
        let statements: Vec<SignedStatement> = all.iter().map(|prepared| prepared.statement.clone()).collect();
        let outcomes = register(&mut self.registration, &statements).await?;
        for (prepared, outcome) in all.iter().zip(outcomes) {
            let what = prepared.event.event_type();
            match outcome {
                Outcome::Recorded(recorded) => self.take_in(prepared, recorded)?,
                Outcome::Refused(refused) => bail!("{what} was refused: {} ({})", refused.message, refused.reason),
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<()> {
        if step.wait > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(step.wait)).await;
        }
        let Some(names) = &step.each else { return self.once(step).await };
        let template = serde_json::to_value(step)?;
        for name in each(names)? {
            let one: Step = serde_json::from_value(fill_in(&template, &name))?;
            self.once(&one).await.with_context(|| format!("for {name}"))?;
        }
        Ok(())
    }

    async fn once(&mut self, step: &Step) -> Result<()> {
        if !step.command.is_empty() {
            return self.command(step).await;
        }
        let prepared = prepare(step, &mut self.words, &self.cast)?;
        let outcome = self.submit(&prepared).await?;
        match (outcome, &step.refused) {
            (Outcome::Recorded(recorded), None) => self.take_in(&prepared, recorded)?,
            (Outcome::Refused(refused), Some(reason)) => {
                let because = step.because.as_deref().unwrap_or_default();
                ensure!(
                    refused.reason == *reason && refused.message.contains(because),
                    "it should be refused as {reason} ({because}), and was as {}: {}",
                    refused.reason,
                    refused.message
                );
                self.refused += 1;
                return Ok(());
            }
            (Outcome::Recorded(recorded), Some(reason)) => {
                bail!("it should be refused as {reason}, and was recorded at {}", recorded.index)
            }
            (Outcome::Refused(refused), None) => bail!("refused as {}: {}", refused.reason, refused.message),
        }
        self.types.insert(prepared.event.event_type().to_owned());
        if let Some(label) = &step.label {
            let index = self.words.size - 1;
            self.label(label, &prepared, index)?;
        }
        let Some(by) = &step.confirmed_by else { return Ok(()) };
        let second = confirmation(by, &prepared, &self.cast)?;
        match self.submit(&second).await? {
            Outcome::Recorded(recorded) => self.take_in(&second, recorded),
            Outcome::Refused(refused) => {
                bail!("its confirmation was refused: {} ({})", refused.message, refused.reason)
            }
        }
    }

    fn label(&mut self, label: &str, prepared: &Prepared, index: u64) -> Result<()> {
        let statement_digest = digest(prepared.statement.bytes());
        let labelled = Labelled { id: prepared.event.id, index, statement_digest };
        let earlier = self.words.labels.insert(label.to_owned(), labelled);
        ensure!(earlier.is_none(), "two steps are labelled {label:?}");
        Ok(())
    }

    async fn submit(&mut self, prepared: &Prepared) -> Result<Outcome> {
        let outcomes = register(&mut self.registration, std::slice::from_ref(&prepared.statement)).await?;
        outcomes.into_iter().next().context("no answer")
    }

    /// Checks a receipt without trusting who gave it, and remembers that the statement is there.
    fn take_in(&mut self, prepared: &Prepared, recorded: v1::Recorded) -> Result<()> {
        ensure!(!recorded.already_recorded, "it was recorded before");
        self.believe(&prepared.statement, recorded.index, recorded.receipt)
    }

    fn believe(&mut self, statement: &SignedStatement, index: u64, receipt: Bytes) -> Result<()> {
        let receipt = Receipt::parse(receipt)?;
        let root = receipt.verify_inclusion(&self.keys.receipt, ORIGIN, &statement.leaf_hash())?;
        let ReceiptProof::Inclusion(proof) = receipt.proof() else { bail!("the receipt proves no inclusion") };
        ensure!(proof.leaf_index == index, "the receipt is for index {}, not {index}", proof.leaf_index);
        ensure!(index == self.words.size, "it stands at {index}; {} statements were recorded", self.words.size);
        self.words.size = index + 1;
        if proof.tree_size == self.words.size {
            self.words.root = format!("sha256:{}", hex::encode(root.0));
        }
        *self.words.revisions.entry(statement.subject().to_owned()).or_default() += 1;
        Ok(())
    }

    /// Runs the real command with the person's key, and checks what it recorded.
    async fn command(&mut self, step: &Step) -> Result<()> {
        let word = |word: &Value| {
            let text = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
            match text.strip_prefix("index of ") {
                Some(label) => Ok(self.words.labelled(label)?.index.to_string()),
                None => Ok(text),
            }
        };
        let mut words: Vec<String> = step.command.iter().map(word).collect::<Result<_>>()?;
        ensure!(words.first().is_some_and(|first| first == "probity"), "it begins with probity");
        let key = self.key_file(step)?;
        let output = command()
            .current_dir(self.home)
            .args(words.split_off(1))
            .args(["--json", "--key", &key])
            .env("PROBITY_SERVER", &self.server)
            .output()?;
        match (&step.refused, output.status.code()) {
            (None, Some(0)) => {}
            (Some(reason), code) if code != Some(0) && said(&output).contains(reason.as_str()) => {
                self.refused += 1;
                return Ok(());
            }
            (expected, code) => bail!("it ended with {code:?}, expected {expected:?}: {}", said(&output)),
        }
        let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| said(&output))?;
        let index = answer[0]["index"].as_u64().with_context(|| said(&output))?;
        let entry = self.log.get_entry(v1::GetEntryRequest { index }).await?.into_inner();
        let receipt = self.log.get_receipt(v1::GetReceiptRequest { index }).await?.into_inner();
        let statement = SignedStatement::parse(entry.statement)?;
        self.believe(&statement, index, receipt.receipt)?;
        let prepared = Prepared { event: statement.event()?, statement };
        self.types.insert(prepared.event.event_type().to_owned());
        match &step.label {
            Some(label) => self.label(label, &prepared, index),
            None => Ok(()),
        }
    }

    fn key_file(&self, step: &Step) -> Result<String> {
        let signer = self.cast.signer(&step.who, step.with.as_deref())?;
        let name = format!("{}.key", step.with.as_deref().unwrap_or(&step.who));
        let path = self.home.join(&name);
        if !path.exists() {
            signer.write_key(&path)?;
        }
        Ok(name)
    }
}
