//! `probity demo`: the whole thing on a throw-away ledger, in one command.

mod asking;
mod cast;
mod story;
mod tamper;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use probity_log::FileLogOptions;
use probity_proto::v1::{self, register_result::Result as Outcome};
use probity_registrar::Founding;
use probity_schemas::{Digest, Event, EventId, Origin};
use probity_statement::{LedgerKeys, Receipt, SignedStatement};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::init::found;
use super::record::{check_receipt, complete, sign};
use crate::client::{Client, ServerArgs};
use crate::config::{Config, anchor_beside};
use crate::failure::Answer;
use crate::ledger_dir::LedgerDir;
use crate::nats::NatsArgs;
use crate::server::Running;
use crate::{output, replay};
use cast::{Cast, Who};
use story::Step;

/// The demo's ledger.
const ORIGIN: &str = "ledger.example.com/demo";

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the ledger in this directory, to look around in; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    nats: NatsArgs,
    /// On how many NATS servers: 1, 3 or 5.
    #[arg(long, value_name = "N", default_value = "1", requires = "url")]
    replicas: usize,
}

/// A statement and what the ledger gave for it.
struct Recorded {
    statement: SignedStatement,
    receipt: Receipt,
}

pub(crate) async fn run(args: DemoArgs) -> Result<Answer> {
    let scratch = tempfile::tempdir()?;
    let home = match &args.keep {
        Some(path) if path.exists() => bail!("{} exists already; name a directory that does not", path.display()),
        Some(path) => {
            std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
            path.clone()
        }
        None => scratch.path().to_owned(),
    };
    let origin: Origin = ORIGIN.parse()?;
    let cast = Cast::new(&home)?;
    let directory = home.join("ledger");

    heading("A ledger is founded");
    let administrators = cast.administrators();
    let founding = Founding { administrators, single_administrator: false, recovery: None, succeeds: None };
    let nats = args.nats.section();
    let stream = nats.as_ref().map(|nats| (nats.options(), args.replicas));
    let founded = found(&directory, None, origin, &founding, stream).await?;
    println!("{} with two administrators; pin {}", founded.origin, founded.founding_leaf_hash);

    let mut config = Config::load(None, Some(&directory), std::iter::empty())?;
    config.listen.grpc = SocketAddr::from(([127, 0, 0, 1], 0));
    config.nats = nats;
    let running = Running::start(&config).await?;
    let server = format!("http://{}", running.address);
    println!("served over gRPC on {server}");
    let mut client =
        ServerArgs { server: server.clone(), ca: None, client_cert: None, client_key: None }.connect().await?;
    let ledger = client.ledger().await?;

    heading("Everyone is let in, by an administrator's signature");
    record(&mut client, &ledger, &cast, cast.enrolments(&ledger.origin)?, true).await?;
    heading("A credit scorecard lives its whole life");
    let scorecard = record(&mut client, &ledger, &cast, story::scorecard(&cast), true).await?;
    heading("A vendor's language model helps with claims, until it does not");
    record(&mut client, &ledger, &cast, story::claims_assistant(&cast), true).await?;
    heading("What the ledger refuses");
    for (why, step) in story::forbidden() {
        println!("{why}:");
        record(&mut client, &ledger, &cast, vec![step], false).await?;
    }

    asking::ask(&mut client, &server, &home.join("people.toml")).await?;

    heading("Everything is verified offline, from the files alone");
    running.stop().await?;
    verify_all(&directory)?;

    heading("One byte of a copy is changed");
    let approval = scorecard
        .iter()
        .find(|recorded| recorded.statement.event().is_ok_and(|event| event.event_type() == "approval.granted"))
        .context("the story has an approval")?;
    let copy = home.join("tampered");
    let place = tamper::change_one_byte(&directory, &copy, approval.statement.bytes())?;
    println!("in {}, byte {}, within the approval of the scorecard", place.file.display(), place.offset);
    if verify_all(&copy)? {
        bail!("the tampered copy verified; this is a defect");
    }
    heading("The forger makes the checksum fit");
    tamper::forge_checksum(&place)?;
    if verify_all(&copy)? {
        bail!("the forged copy verified; this is a defect");
    }
    heading("An outsider holds the changed approval against its receipt");
    tamper::show_receipt_refuses(&ledger, &approval.statement, &approval.receipt)?;

    if args.keep.is_some() {
        heading("Look around");
        println!("probity serve {}", directory.display());
        println!("probity --people {} model credit/pd-scorecard", home.join("people.toml").display());
        println!("probity verify {}", directory.display());
    }
    Ok(Answer::Yes)
}

/// Signs and records each step, and checks its receipt.
async fn record(
    client: &mut Client,
    ledger: &LedgerKeys,
    cast: &Cast,
    steps: Vec<Step>,
    expected: bool,
) -> Result<Vec<Recorded>> {
    let mut recorded: Vec<Recorded> = Vec::new();
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
) -> Result<Option<Recorded>> {
    let statement = sign(event, cast.signer(who), ledger)?;
    match outcome(client, &statement).await? {
        Outcome::Recorded(answer) => {
            check_receipt(&answer, &statement, ledger)?;
            println!("{:>4}  {:<22} {}", answer.index, who.name(), line(event, cast));
            if !expected {
                bail!("this should have been refused; this is a defect");
            }
            Ok(Some(Recorded { receipt: Receipt::parse(answer.receipt)?, statement }))
        }
        Outcome::Refused(refused) if expected => bail!("{} was refused: {}", line(event, cast), refused.message),
        Outcome::Refused(refused) => {
            println!("   -  {:<22} {}", who.name(), line(event, cast));
            println!("      refused: {} ({})", refused.message, refused.reason);
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

/// Verifies a data directory and says so.
fn verify_all(directory: &Path) -> Result<bool> {
    let dir = LedgerDir::new(directory);
    let options = FileLogOptions::new(dir.log()).anchor(anchor_beside(directory));
    match replay::verify(&options, None, |_| {})? {
        Ok(sound) => {
            let head = sound.head.context("the log is empty")?;
            println!("verified: {} statements, root {}", head.tree_size, head.root);
            println!(
                "every signature, checkpoint, clock signature, root and admission; last {}",
                output::time(head.time)
            );
            Ok(true)
        }
        Err(unsound) => {
            println!("DOES NOT VERIFY: {unsound}");
            Ok(false)
        }
    }
}

fn heading(text: &str) {
    println!("\n== {text}");
}
