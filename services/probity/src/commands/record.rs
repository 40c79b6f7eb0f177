//! `probity record`: sign events and record them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use probity_proto::v1::{self, register_result::Result as Outcome};
use probity_registrar::{Clock, SystemClock};
use probity_schemas::{Event, EventId, Identity, Timestamp};
use probity_statement::{LedgerKeys, Receipt, SignedStatement, Signer as Key, Unsigned};
use rand::Rng;
use serde_json::{Value, json};

use super::Global;
use crate::client::{failed, headline};
use crate::failure::{Answer, wrong_use};
use crate::keyfile::{self, Signer};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// A JSON file with one event or a list of events; - for standard input. `id`, `v`, and for acts `occurred`, are
    /// filled in where they are left out.
    #[arg(required_unless_present_any = ["sample", "types"])]
    file: Option<PathBuf>,
    /// The signer's key file.
    #[arg(long, env = "PROBITY_KEY", required_unless_present_any = ["sample", "types"])]
    key: Option<PathBuf>,
    /// Who signs, where the key file does not say.
    #[arg(long = "as", value_name = "IDENTITY")]
    identity: Option<Identity>,
    /// Record only while the subject has exactly this many statements.
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
    /// Write statement and receipt of each event into this directory, as INDEX.statement and INDEX.receipt.
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// Print a sample event of this type to start from, such as model.registered.
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["file", "types"])]
    sample: Option<String>,
    /// List all types of events.
    #[arg(long, conflicts_with = "file")]
    types: bool,
}

pub(crate) async fn run(args: RecordArgs, global: &Global) -> Result<Answer> {
    if args.types {
        return types(global);
    }
    if let Some(event_type) = &args.sample {
        return sample(event_type);
    }
    let (Some(file), Some(key)) = (&args.file, &args.key) else {
        return Err(wrong_use!("a file and --key are needed"));
    };
    let signer = keyfile::read(key, args.identity.clone())?;
    let events = read_events(file)?;
    let mut client = global.server.connect().await?;
    let ledger = client.ledger().await?;
    let statements = events.iter().map(|event| sign(event, &signer, &ledger)).collect::<Result<Vec<_>>>()?;
    let submissions = statements
        .iter()
        .map(|statement| v1::Submission {
            statement: statement.bytes().clone(),
            expected_revision: args.expect_revision,
        })
        .collect();
    let response = client.registration.register(v1::RegisterRequest { submissions }).await.map_err(failed)?;
    let results = response.into_inner().results;

    let mut answer = Answer::Yes;
    let mut rows = Vec::new();
    for ((event, statement), result) in events.iter().zip(&statements).zip(results) {
        match result.result {
            Some(Outcome::Recorded(recorded)) => {
                check_receipt(&recorded, statement, &ledger)?;
                if let Some(dir) = &args.receipts {
                    save(dir, &recorded, statement)?;
                }
                rows.push(recorded_row(event, &recorded, global.json));
            }
            Some(Outcome::Refused(refused)) => {
                answer = Answer::No;
                eprintln!("refused  {}: {} ({})", headline(event), refused.message, refused.reason);
                rows.push(json!({ "id": event.id, "refused": refused.reason, "message": refused.message }));
            }
            None => anyhow::bail!("the server's answer for {} is empty; it is newer than this client", headline(event)),
        }
    }
    if global.json {
        output::json(&rows)?;
    }
    Ok(answer)
}

fn recorded_row(event: &Event, recorded: &v1::Recorded, quiet: bool) -> Value {
    if !quiet {
        let again = if recorded.already_recorded { " (already recorded)" } else { "" };
        println!("{:>8}  {}{again}", recorded.index, headline(event));
    }
    json!({
        "id": event.id, "index": recorded.index, "tree_size": recorded.tree_size,
        "recorded_at": recorded.recorded_at, "already_recorded": recorded.already_recorded,
    })
}

/// A receipt is only worth something once it has been checked: with the statement as we signed it.
pub(crate) fn check_receipt(recorded: &v1::Recorded, statement: &SignedStatement, ledger: &LedgerKeys) -> Result<()> {
    let receipt = Receipt::parse(recorded.receipt.clone())?;
    receipt
        .verify_inclusion(&ledger.receipt, ledger.origin.as_str(), &statement.leaf_hash())
        .with_context(|| format!("the server's receipt for index {} is not valid", recorded.index))?;
    Ok(())
}

fn save(dir: &Path, recorded: &v1::Recorded, statement: &SignedStatement) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for (extension, bytes) in [("statement", statement.bytes()), ("receipt", &recorded.receipt)] {
        let path = dir.join(format!("{}.{extension}", recorded.index));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Signs an event for a ledger.
pub(crate) fn sign<K: Key>(event: &Event, signer: &Signer<K>, ledger: &LedgerKeys) -> Result<SignedStatement> {
    let kid = signer.key.public().id();
    let unsigned =
        Unsigned::new(event, &signer.identity, ledger.origin.as_str(), kid).with_context(|| headline(event))?;
    unsigned.sign_with(&signer.key).with_context(|| headline(event))
}

fn read_events(path: &Path) -> Result<Vec<Event>> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    let tree: Value =
        serde_json::from_str(&text).map_err(|error| wrong_use!("{} is not JSON: {error}", path.display()))?;
    match tree {
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(at, item)| complete(item, &format!("[{at}] "))).collect()
        }
        single => Ok(vec![complete(single, "")?]),
    }
}

/// Reads an event as a person wrote it, filling in what only a machine would know. `place` is where it stands.
pub(crate) fn complete(tree: Value, place: &str) -> Result<Event> {
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let now_ms = SystemClock.now_ms();
    let event = Event::from_draft(tree, EventId::from_time(now_ms, random), Timestamp::from_ms(now_ms)?);
    event.map_err(|error| wrong_use!("{place}{error}"))
}

fn sample(event_type: &str) -> Result<Answer> {
    let info = probity_schemas::newest(event_type).map_err(|error| wrong_use!("{error}"))?;
    let mut tree = serde_json::to_value(info.sample()?)?;
    if let Value::Object(fields) = &mut tree {
        for filled_in in ["id", "v", "occurred", "regarding", "causes"] {
            fields.remove(filled_in);
        }
    }
    output::json(&tree)?;
    Ok(Answer::Yes)
}

fn types(global: &Global) -> Result<Answer> {
    if global.json {
        let types: Vec<Value> = probity_schemas::catalogue()
            .map(|info| json!({ "type": info.event_type, "v": info.version, "act": info.is_act() }))
            .collect();
        output::json(&types)?;
        return Ok(Answer::Yes);
    }
    let mut table = output::table(&["TYPE", "V", "NATURE", "ABOUT"]);
    for info in probity_schemas::catalogue() {
        let kinds = info.subject_kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        let nature = if info.is_act() { "act" } else { "fact" };
        table.add_row([info.event_type, &info.version.to_string(), nature, &kinds]);
    }
    println!("{table}");
    Ok(Answer::Yes)
}
