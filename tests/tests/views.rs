//! Views through the real binary: they answer what was recorded, come back when they are deleted, and agree with what a
//! few lines compute straight from an inventory that was imported.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Output;

use probity_proto::v1;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_tests::scenario::views_at;
use probity_tests::{ORIGIN, Server, Signer, TestLedger, command, free_port, register};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

async fn inventory(server: &Server) -> InventoryServiceClient<Channel> {
    InventoryServiceClient::new(server.channel().await.unwrap())
}

fn model(name: &str) -> Value {
    json!({
        "type": "model.registered", "subject": { "kind": "model", "namespace": "credit", "name": name },
        "title": format!("Model {name}"), "data": { "purpose": "Estimates defaults." },
    })
}

/// Records and gives the tree size of the receipt.
async fn record(server: &Server, signer: &Signer, events: Vec<Value>) -> u64 {
    let statements: Vec<_> = events.into_iter().map(|event| signer.state(event, ORIGIN).unwrap()).collect();
    let mut client = server.registration().await.unwrap();
    let mut size = 0;
    for outcome in register(&mut client, &statements).await.unwrap() {
        match outcome {
            Outcome::Recorded(recorded) => size = size.max(recorded.tree_size),
            Outcome::Refused(refused) => panic!("{}", refused.message),
        }
    }
    size
}

fn probity(words: &[&str]) -> Output {
    command().args(words).output().unwrap()
}

/// The digests of all views, by name, while no server has them open.
fn digests(directory: &Path) -> BTreeMap<String, String> {
    let output = probity(&["views", &directory.to_string_lossy(), "--digest", "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "view"), text(row, "digest"))).collect()
}

#[tokio::test]
async fn a_client_with_a_receipt_reads_its_own_write() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let dora = Signer::person().unwrap();
    ledger.enrol(&server, &dora, &["developer"]).await.unwrap();
    let mut client = inventory(&server).await;
    for number in 0..20 {
        let name = format!("m-{number}");
        let min_tree_size = record(&server, &dora, vec![model(&name)]).await;
        let asked = v1::GetModelRequest { model: format!("model:credit/{name}"), min_tree_size };
        let answer = client.get_model(asked).await.unwrap().into_inner();
        let as_of = answer.as_of.unwrap();
        assert!(as_of.tree_size >= min_tree_size && as_of.halted.is_empty() && as_of.root.len() == 32);
        let found = answer.model.unwrap();
        assert_eq!((found.title, found.indices), (format!("Model {name}"), vec![min_tree_size - 1]));
    }
    // What cannot be there in time is said so, and not waited for beyond the deadline.
    let mut asked =
        tonic::Request::new(v1::GetModelRequest { model: "model:credit/m-0".into(), min_tree_size: 10_000 });
    asked.set_timeout(std::time::Duration::from_millis(300));
    let refused = client.get_model(asked).await.unwrap_err();
    // The client has a timer of its own for the same deadline, and says so in its own way if that is faster.
    assert!(matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled), "{refused}");
}

#[tokio::test]
async fn views_that_are_deleted_killed_or_built_anew_hold_the_same_afterwards() {
    let ledger = TestLedger::found().unwrap();
    let dora = Signer::person().unwrap();
    let server = ledger.serve(&[]).unwrap();
    ledger.enrol(&server, &dora, &["developer"]).await.unwrap();
    let mut size = 0;
    for round in 0..10 {
        size = record(&server, &dora, (0..20).map(|n| model(&format!("m-{round}-{n}"))).collect()).await;
    }
    // Killed while views are behind or not yet on disk: what is missing is folded again.
    server.kill().unwrap();
    let server = ledger.serve(&[]).unwrap();
    views_at(&server, size).await.unwrap();
    server.stop().unwrap();
    let after_a_crash = digests(&ledger.directory());
    assert_eq!(after_a_crash.len(), 4);

    std::fs::remove_dir_all(ledger.directory().join("views")).unwrap();
    let server = ledger.serve(&[]).unwrap();
    views_at(&server, size).await.unwrap();
    server.stop().unwrap();
    assert_eq!(digests(&ledger.directory()), after_a_crash);

    let directory = ledger.directory();
    for name in after_a_crash.keys() {
        let output = probity(&["views", &directory.to_string_lossy(), "--rebuild", name]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(
        String::from_utf8_lossy(&probity(&["views", &directory.to_string_lossy()]).stdout)
            .matches("being built")
            .count(),
        4
    );
    let server = ledger.serve(&[]).unwrap();
    views_at(&server, size).await.unwrap();
    server.stop().unwrap();
    assert_eq!(digests(&directory), after_a_crash);
    let unknown = probity(&["views", &directory.to_string_lossy(), "--rebuild", "inventroy"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test]
async fn who_keeps_the_server_running_sees_how_far_the_views_are() {
    let ledger = TestLedger::found().unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let server = ledger.serve(&[("PROBITY_LISTEN__HTTP", &address)]).unwrap();
    views_at(&server, 3).await.unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/livez").starts_with("HTTP/1.1 200"));
    // On NATS it takes a moment until the stream has been looked at.
    let mut ready = get("/readyz");
    for _ in 0..100 {
        if ready.starts_with("HTTP/1.1 200") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        ready = get("/readyz");
    }
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("lineage: ok: 3 statements, 0 behind"), "{ready}");
    let metrics = get("/metrics");
    for line in [
        "probity_log_statements 3",
        "probity_view_statements{view=\"audit\"} 3",
        "probity_view_halted{view=\"compliance\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn a_view_that_is_not_configured_is_not_there() {
    let ledger = TestLedger::found().unwrap();
    let config = ledger.home.path().join("probity.toml");
    let text = format!(
        "[ledger]\ndirectory = {:?}\n[listen]\ngrpc = '127.0.0.1:0'\n[views]\nenabled = ['audit']\n{}",
        ledger.directory(),
        ledger.carrier.section()
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::with_config(&config).unwrap();
    let refused = inventory(&server).await.count(v1::CountRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let output = command().args(["history", "--json"]).env("PROBITY_SERVER", &server.address).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The federal inventory as published, where it stands; says so where it does not.
fn real_inventory() -> Option<PathBuf> {
    let path = std::env::var_os("PROBITY_INVENTORY").map(PathBuf::from);
    if path.is_none() {
        println!("NOT RUN: PROBITY_INVENTORY does not name the file");
    }
    path
}

/// How often each value occurs in a column of the file, straight from the file; rows that repeat others in every cell
/// count once.
fn straight_from(file: &Path, column: usize) -> BTreeMap<String, u64> {
    let bytes = std::fs::read(file).unwrap();
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let rows: BTreeSet<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(|cell| cell.trim().to_owned()).collect()).collect();
    let mut counts = BTreeMap::new();
    for row in rows.into_iter().filter(|row| !row[column].is_empty()) {
        *counts.entry(row[column].clone()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn an_imported_inventory_is_counted_as_the_file_counts_it() {
    let Some(file) = real_inventory() else { return };
    let header = {
        let bytes = std::fs::read(&file).unwrap();
        let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&bytes);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.headers().unwrap().iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let column = |name: &str| header.iter().position(|found| found.trim().starts_with(name)).unwrap();

    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let importer = Signer::service("inventory-import").unwrap();
    ledger.enrol(&server, &importer, &["importer"]).await.unwrap();
    let key = ledger.home.path().join("importer.key");
    importer.write_key(&key).unwrap();
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/import/us-federal-2024.toml");
    let output = command()
        .arg("import")
        .arg(&file)
        .arg("--mapping")
        .arg(mapping)
        .arg("--key")
        .arg(&key)
        .args(["--json", "--server", &server.address])
        .output()
        .unwrap();
    // Three rows repeat others in all cells and are refused, which is a clear no.
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    let mut log = server.log().await.unwrap();
    let size = log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size;
    views_at(&server, size).await.unwrap();
    let mut client = inventory(&server).await;
    let mut counted = async |by: &str| -> BTreeMap<String, u64> {
        let asked = v1::CountRequest { kind: "model".into(), by: by.into(), ..v1::CountRequest::default() };
        let counts = client.count(asked).await.unwrap().into_inner().counts;
        counts.into_iter().map(|counted| (counted.value, counted.count)).collect()
    };
    let agencies = straight_from(&file, column("Agency Abbreviation"));
    let by_name = |counts: BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        counts.into_iter().map(|(name, count)| (name.to_lowercase().replace([' ', '/', '.'], "-"), count)).collect()
    };
    assert_eq!(counted("namespace").await, by_name(agencies.clone()));
    assert_eq!(agencies.values().sum::<u64>(), 2_130);
    assert_eq!(counted("attribute:stage").await, straight_from(&file, column("Stage of Development")));
    let mut impact: BTreeMap<String, u64> = BTreeMap::new();
    for (text, count) in straight_from(&file, column("Is the AI use case rights-impacting")) {
        // The file spells some of them in more than one way.
        let class = match text.to_lowercase().as_str() {
            "neither" => "neither",
            "both" => "rights-and-safety-impacting",
            "rights-impacting" => "rights-impacting",
            "safety-impacting" => "safety-impacting",
            _ => continue,
        };
        *impact.entry(class.to_owned()).or_default() += count;
    }
    assert_eq!(counted("class:omb-m-24-10").await, impact);

    // Nobody has taken any of them on, and the record says how it knows of them.
    let questions = command()
        .args(["compliance", "--question", "no-owner", "--limit", "1", "--json"])
        .env("PROBITY_SERVER", &server.address)
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&questions.stdout).unwrap();
    assert_eq!(answer["deficiencies"][0]["provenance"], "imported");
}
