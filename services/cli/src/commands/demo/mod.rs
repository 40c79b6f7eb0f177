//! `probity demo`: the whole thing on a throw-away ledger, in one command.

mod asking;
mod cast;
mod story;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;
use probity_proto::v1::{self, register_result::Result as Outcome};
use probity_schemas::{Digest, Event, EventId, Identity, Origin};
use probity_statement::{LedgerKeys, PublicKey, Receipt, SignedStatement};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::record::{check_receipt, complete, sign};
use crate::client::{Client, ServerArgs};
use cast::{Cast, Who};
use probity_terminal::{Answer, outln};
use story::StoryStep;

/// The demo's ledger.
const ORIGIN: &str = "ledger.example.com/demo";

/// How the demo is played.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the ledger in this directory, to look around in; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Who founds the demo's ledger.
#[derive(Debug)]
pub struct Founders {
    /// The ledger's origin.
    pub origin: Origin,
    /// Its first administrators.
    pub administrators: Vec<(Identity, PublicKey)>,
}

/// What the demo plays on: a ledger that it can have founded, served, verified and tampered with,
/// and the commands.
pub trait Stage {
    /// Founds the ledger below `home`, and gives the leaf hash of its founding statement.
    fn found(&mut self, home: &Path, founders: Founders) -> impl Future<Output = Result<String>>;

    /// Serves the ledger, and gives the server's address.
    fn start(&mut self) -> impl Future<Output = Result<String>>;

    /// Runs a command as a user would type it.
    fn run(&mut self, words: &[&str]) -> impl Future<Output = Result<()>>;

    /// Stops the server.
    fn stop(&mut self) -> impl Future<Output = Result<()>>;

    /// Verifies the ledger, and says so.
    ///
    /// # Errors
    /// The files could not be read.
    fn verify(&mut self) -> Result<bool>;

    /// Changes one byte of a statement in a copy of the ledger, and verifies the copy.
    ///
    /// # Errors
    /// The files could not be read or written.
    fn verify_changed(&mut self, statement: &[u8]) -> Result<bool>;

    /// Makes the checksum around that byte fit, and verifies the copy again.
    ///
    /// # Errors
    /// No byte was changed before, or the files could not be read or written.
    fn verify_forged(&mut self) -> Result<bool>;

    /// The ledger's data directory.
    ///
    /// # Errors
    /// No ledger was founded.
    fn directory(&mut self) -> Result<&Path>;
}

/// A statement and what the ledger gave for it.
struct RecordedStep {
    statement: SignedStatement,
    receipt: Receipt,
}

/// Plays the demo.
///
/// # Errors
/// Something did not go as the story says; then it is a defect.
pub async fn run(args: DemoArgs, stage: &mut impl Stage) -> Result<Answer> {
    let scratch = tempfile::tempdir()?;
    let home = match &args.keep {
        Some(path) if path.exists() => bail!("{} exists already; name a directory that does not", path.display()),
        Some(path) => {
            std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
            path.clone()
        }
        None => scratch.path().to_owned(),
    };
    let cast = Cast::new(&home)?;

    heading("A ledger is founded");
    let founders = Founders { origin: ORIGIN.parse()?, administrators: cast.administrators() };
    let leaf_hash = stage.found(&home, founders).await?;
    outln!("{ORIGIN} with two administrators; pin {leaf_hash}");

    let server = stage.start().await?;
    outln!("served over gRPC on {server}");
    let mut client = ServerArgs::of_own(server.clone()).connect().await?;
    let ledger = client.ledger().clone();

    heading("Everyone is let in, by an administrator's signature");
    record(&mut client, &ledger, &cast, cast.enrolments(&ledger.origin)?, true).await?;
    heading("A credit scorecard lives its whole life");
    let scorecard = record(&mut client, &ledger, &cast, story::scorecard(&cast), true).await?;
    heading("A vendor's language model helps with claims, until it does not");
    record(&mut client, &ledger, &cast, story::claims_assistant(&cast), true).await?;
    heading("What the ledger refuses");
    for (why, step) in story::forbidden() {
        outln!("{why}:");
        record(&mut client, &ledger, &cast, vec![step], false).await?;
    }

    asking::ask(&mut client, stage, &server, &home.join("people.toml")).await?;

    heading("Everything is verified offline, from the files alone");
    stage.stop().await?;
    stage.verify()?;

    heading("One byte of a copy is changed");
    let approval = scorecard
        .iter()
        .find(|recorded| recorded.statement.event().is_ok_and(|event| event.event_type() == "approval.granted"))
        .context("the story has an approval")?;
    if stage.verify_changed(approval.statement.bytes())? {
        bail!("the tampered copy verified; this is a defect");
    }
    heading("The forger makes the checksum fit");
    if stage.verify_forged()? {
        bail!("the forged copy verified; this is a defect");
    }
    heading("An outsider holds the changed approval against its receipt");
    show_receipt_refuses(&ledger, &approval.statement, &approval.receipt)?;

    if args.keep.is_some() {
        heading("Look around");
        outln!("probity serve {}", stage.directory()?.display());
        outln!("probity model credit/pd-scorecard --people {}", home.join("people.toml").display());
        outln!("probity verify {}", stage.directory()?.display());
    }
    Ok(Answer::Yes)
}

/// Signs and records each step, and checks its receipt.
async fn record(
    client: &mut Client,
    ledger: &LedgerKeys,
    cast: &Cast,
    steps: Vec<StoryStep>,
    expected: bool,
) -> Result<Vec<RecordedStep>> {
    let mut recorded: Vec<RecordedStep> = Vec::new();
    let mut last_of: HashMap<&'static str, EventId> = HashMap::new();
    for mut step in steps {
        if let Some(earlier) = step.regarding {
            let id = last_of.get(earlier).with_context(|| format!("the story has no {earlier} before"))?;
            step.event["regarding"] = json!(id);
        }
        let event = complete(step.event, "")?;
        last_of.insert(event.event_type(), event.id);
        let Some(answer) = submit(client, ledger, cast, step.who, &event, expected).await? else { continue };
        let Some(second) = step.confirmed_by else {
            recorded.push(answer);
            continue;
        };
        let yes = json!({
            "type": "authority.confirmed", "subject": event.subject, "regarding": event.id,
            "data": { "statement_digest": sha256_of(answer.statement.bytes()) },
        });
        recorded.push(answer);
        recorded.extend(submit(client, ledger, cast, second, &complete(yes, "")?, expected).await?);
    }
    Ok(recorded)
}

/// Signs and records one event, and says what became of it.
async fn submit(
    client: &mut Client,
    ledger: &LedgerKeys,
    cast: &Cast,
    who: Who,
    event: &Event,
    expected: bool,
) -> Result<Option<RecordedStep>> {
    let statement = sign(event, cast.signer(who), ledger)?;
    match outcome(client, &statement).await? {
        Outcome::Recorded(answer) => {
            check_receipt(&answer, &statement, ledger)?;
            outln!("{:>4}  {:<22} {}", answer.index, who.name(), line(event, cast));
            if !expected {
                bail!("this should have been refused; this is a defect");
            }
            Ok(Some(RecordedStep { receipt: Receipt::parse(answer.receipt)?, statement }))
        }
        Outcome::Refused(refused) if expected => bail!("{} was refused: {}", line(event, cast), refused.message),
        Outcome::Refused(refused) => {
            outln!("   -  {:<22} {}", who.name(), line(event, cast));
            outln!("      refused: {} ({})", refused.message, refused.reason);
            Ok(None)
        }
    }
}

fn sha256_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

async fn outcome(client: &mut Client, statement: &SignedStatement) -> Result<Outcome> {
    let results = client.register(std::slice::from_ref(statement)).await?;
    let result: Option<v1::RegisterResult> = results.into_iter().next();
    result.and_then(|result| result.result).context("the server's answer is empty")
}

fn line(event: &Event, cast: &Cast) -> String {
    let subject = cast.show(&event.subject);
    match &event.title {
        Some(title) => format!("{:<27} {subject}: {title}", event.event_type()),
        None => format!("{:<27} {subject}", event.event_type()),
    }
}

/// Holds the changed statement against its receipt, as an outsider would who has only these two and
/// the public key.
fn show_receipt_refuses(ledger: &LedgerKeys, statement: &SignedStatement, receipt: &Receipt) -> Result<()> {
    let verify = |statement: &SignedStatement| {
        receipt.verify_inclusion(&ledger.receipt, ledger.origin.as_str(), &statement.leaf_hash())
    };
    verify(statement).context("the receipt of the true statement")?;
    outln!("the receipt of the approval verifies with the true statement");
    let mut bytes = statement.bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let changed = SignedStatement::parse(Bytes::from(bytes)).context("the changed statement")?;
    match verify(&changed) {
        Ok(_) => bail!("the receipt verified with a changed statement; this is a defect"),
        Err(error) => outln!("and with one bit of it changed: {error}"),
    }
    Ok(())
}

fn heading(text: &str) {
    outln!("\n== {text}");
}
