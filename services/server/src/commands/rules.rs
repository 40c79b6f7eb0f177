//! `probity rules`: which rules acts are judged by, and the step to newer ones.
//!
//! A ledger goes on under the rules it was founded with until it adopts others: a statement by the
//! ledger itself, made by its operator while no registrar runs. From its position on the
//! new rules hold; what stands before is judged by the old ones for ever.

use std::ops::ControlFlow;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use probity_admission::KNOWN_RULE_SETS;
use probity_log::{Chain, FileLogOptions, scrub};
use probity_registrar::Registered;
use probity_schemas::ledger::{LedgerEvent, RulesAdopted};
use probity_schemas::{Data, Subject, Text};
use probity_statement::SignedStatement;
use probity_terminal::{self as terminal, Answer, outln, wrong_use};
use serde_json::json;

use super::own_word::{LedgerArgs, OwnWord};
use crate::config::NatsSection;
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::{open_log, replay};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: Option<RulesCommand>,
    #[command(flatten)]
    ledger: Option<LedgerArgs>,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Judge acts by another rule set from now on. The ledger must not be served meanwhile.
    Adopt(AdoptArgs),
}

#[derive(Debug, Args)]
struct AdoptArgs {
    /// The number of the rule set.
    number: u32,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    nats: NatsArgs,
    /// Why, to be recorded.
    #[arg(long, value_name = "TEXT")]
    reason: Option<Text>,
}

/// A rule set and the position it holds from.
#[derive(Debug, Clone, Copy)]
struct RuleSetInForce {
    number: u32,
    since: u64,
    /// The time of that block in Unix seconds.
    time: u64,
}

pub(crate) async fn run(args: RulesArgs, json: bool) -> Result<Answer> {
    match (args.command, args.ledger) {
        (Some(RulesCommand::Adopt(adopt)), _) => adopt.run(json).await,
        (None, Some(ledger)) => show(&ledger, json),
        (None, None) => Err(wrong_use!("name the data directory of a ledger")),
    }
}

fn show(ledger: &LedgerArgs, json: bool) -> Result<Answer> {
    let RuleSetInForce { number, since, time } = in_force(&ledger.log()?)?;
    if json {
        terminal::json(&json!({
            "rule_set": number, "since": since, "recorded_at": time, "known": KNOWN_RULE_SETS,
        }))?;
        return Ok(Answer::Yes);
    }
    outln!("in force  rule set {number}, since index {since} ({})", terminal::time(time));
    outln!("known     {}", numbers());
    match KNOWN_RULE_SETS.iter().max() {
        Some(newest) if number > *newest => outln!("\nThis version cannot judge by rule set {number}: upgrade."),
        Some(newest) if number < *newest => {
            outln!("\nTo go on under rule set {newest}:  probity rules adopt {newest} {}", ledger.directory.display());
        }
        _ => {}
    }
    Ok(Answer::Yes)
}

impl AdoptArgs {
    async fn run(&self, json: bool) -> Result<Answer> {
        if !KNOWN_RULE_SETS.contains(&self.number) {
            return Ok(no(json, &format!("this version knows {}, not {}: upgrade", numbers(), self.number)));
        }
        let options = self.ledger.log()?;
        let dir = LedgerDir::new(&self.ledger.directory);
        let secrets = dir.read_secrets()?;
        let verifier = replay::ledger_keys(&options)?.checkpoint_verifier()?;
        // The log is locked, so the rule set in force cannot change meanwhile.
        let nats = self.nats.clone().over(self.ledger.config()?.nats).as_ref().map(NatsSection::options);
        let log = open_log::open(&options, verifier, nats.as_ref(), &dir).await?;
        let before = in_force(&options)?;
        if before.number == self.number {
            return self.report(before, None, json);
        }
        if before.number > self.number {
            let RuleSetInForce { number, since, .. } = before;
            let wanted = self.number;
            return Ok(no(
                json,
                &format!("rule set {number} is in force since index {since}; no ledger goes back to {wanted}"),
            ));
        }
        let adopted = RulesAdopted { rule_set: self.number, reason: self.reason.clone() };
        let word = OwnWord { data: LedgerEvent::RulesAdopted(Box::new(adopted)), keeps_time: false };
        let recorded = word.record(&self.ledger, log, &dir, secrets).await?;
        self.report(before, Some(recorded), json)
    }

    /// Says what is different from now on; `recorded` is missing where nothing is.
    fn report(&self, before: RuleSetInForce, recorded: Option<Registered>, json: bool) -> Result<Answer> {
        let number = self.number;
        let (since, time) = recorded.as_ref().map_or((before.since, before.time), |it| (it.index, it.recorded_at));
        if json {
            terminal::json(&json!({
                "rule_set": number, "since": since, "recorded_at": time, "before": before.number,
                "recorded": recorded.is_some(),
            }))?;
            return Ok(Answer::Yes);
        }
        if recorded.is_none() {
            outln!("Rule set {number} is in force already, since index {since}. Nothing was recorded.");
            return Ok(Answer::Yes);
        }
        outln!("Rule set {number} is in force from index {since} on ({}).", terminal::time(time));
        outln!("What stands before it keeps its effect: it is judged by rule set {} for ever.\n", before.number);
        for change in (before.number..number).filter_map(|old| changes(old + 1)).flatten() {
            outln!("- {change}");
        }
        Ok(Answer::Yes)
    }
}

/// The rule set in force at the end of a log: what the founding statement names, or the last that
/// was adopted.
fn in_force(options: &FileLogOptions) -> Result<RuleSetInForce> {
    let chain = Chain::new(replay::ledger_keys(options)?.checkpoint_verifier()?);
    let bar = terminal::progress("reading", "statements");
    let mut found = None;
    let scrubbed = scrub(options, chain, |block, at, _| {
        if let Some(anchored) = at.anchored {
            bar.set_length(anchored.tree_size);
        }
        bar.set_position(at.statements);
        for (since, bytes) in (block.first_index()..).zip(block.statements()) {
            if let Some(number) = named_in(bytes) {
                found = Some(RuleSetInForce { number, since, time: block.time() });
            }
        }
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    scrubbed?;
    found.ok_or_else(|| anyhow!("the log does not say which rules it is under"))
}

/// The rule set that a statement of the ledger about itself puts into force.
fn named_in(bytes: &[u8]) -> Option<u32> {
    let statement = SignedStatement::parse(bytes.to_vec().into()).ok()?;
    if statement.subject() != Subject::this_ledger().to_string() {
        return None;
    }
    match statement.event().ok()?.data {
        Data::Ledger(LedgerEvent::Founded(founded)) => Some(founded.rule_set),
        Data::Ledger(LedgerEvent::RulesAdopted(adopted)) => Some(adopted.rule_set),
        _ => None,
    }
}

/// What a rule set changes against the one before it, for people.
fn changes(number: u32) -> Option<&'static [&'static str]> {
    match number {
        2 => Some(&[
            "An enrolment of a person, a grant of a role and a policy take effect once a second person has confirmed them \
             (probity confirm).",
            "Whoever made, trained or asked for something does not decide on it; services decide nothing.",
            "Approvals, plans and exceptions answer a request that is open and about the same thing.",
            "A gate policy says whose signatures let a version through, and to where. Where none is published, nothing \
             guards deployment: publish one (policy.published, kind gate).",
            "Acts on behalf of others take a delegation; whoever has left signs nothing; holds forbid erasure.",
        ]),
        _ => None,
    }
}

fn numbers() -> String {
    let numbers: Vec<String> = KNOWN_RULE_SETS.iter().map(u32::to_string).collect();
    format!("rule sets {}", numbers.join(", "))
}

fn no(json: bool, reason: &str) -> Answer {
    terminal::no(json, &format!("no rules were adopted: {reason}"))
}
