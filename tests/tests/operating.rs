//! A day of whoever operates a server: certificates, metrics, log lines, room on the disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::Path;
use std::process::{Command, Stdio};

use probity_proto::v1;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_tests::{Carrier, Signer, TestLedger, binary, free_port, http};
use serde_json::{Value, json};

fn ledger() -> TestLedger {
    TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Files).unwrap()
}

/// The value of the metric whose line begins so.
fn metric(text: &str, line: &str) -> Option<f64> {
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_refusals_are_counted_and_timed() {
    let ledger = ledger();
    let at = format!("127.0.0.1:{}", free_port().unwrap());
    let server = ledger.serve(&[("PROBITY_LISTEN__HTTP", &at)]).unwrap();
    let stranger = Signer::person().unwrap();
    let event = json!({
        "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
        "data": { "concern": "Anything." },
    });
    let statements = [
        ledger.administrator.state(event.clone(), ledger.origin()).unwrap(),
        stranger.state(event, ledger.origin()).unwrap(),
    ];
    let mut registration = server.registration().await.unwrap();
    probity_tests::register(&mut registration, &statements).await.unwrap();
    let mut inventory = InventoryServiceClient::new(server.channel().await.unwrap());
    inventory.list_models(v1::ListModelsRequest::default()).await.unwrap();
    let missing = v1::GetModelRequest { model: "model:credit/none".into(), min_tree_size: 0 };
    inventory.get_model(missing).await.unwrap_err();

    let (_, text) = http(&at, "/metrics").await.unwrap();
    let ended = |method: &str, code: &str| {
        metric(&text, &format!("probity_calls_ended_total{{method=\"probity.v1.{method}\",code=\"{code}\"}} "))
    };
    assert_eq!(ended("InventoryService/ListModels", "OK"), Some(1.0), "{text}");
    assert_eq!(ended("InventoryService/GetModel", "NOT_FOUND"), Some(1.0), "{text}");
    assert!(ended("RegistrationService/Register", "OK") >= Some(1.0), "{text}");
    let refused =
        |of: &str, reason: &str| metric(&text, &format!("probity_refusals_total{{of=\"{of}\",reason=\"{reason}\"}} "));
    assert_eq!(refused("call", "NOT_FOUND"), Some(1.0), "{text}");
    assert_eq!(refused("statement", "UNKNOWN_KEY"), Some(1.0), "{text}");
    let timed = "probity_call_duration_seconds_count{method=\"probity.v1.InventoryService/ListModels\"} ";
    assert_eq!(metric(&text, timed), Some(1.0), "{text}");
    for of in ["log", "views", "anchor"] {
        assert!(metric(&text, &format!("probity_disk_available_bytes{{of=\"{of}\"}} ")) > Some(0.0), "{text}");
    }
    assert_eq!(metric(&text, "probity_waiting_statements "), Some(0.0));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(metric(&text, &format!("probity_build_info{{version=\"{version}\"}} ")), Some(1.0), "{text}");
}

fn serve_with_json(directory: &Path) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.arg("serve").arg(directory).args(["--listen", "127.0.0.1:0"]).env("PROBITY_LOG__FORMAT", "json");
    command.stdin(Stdio::null());
    command
}

#[track_caller]
fn assert_json_lines(text: &str) -> Vec<Value> {
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?} in {text}")))
        .collect();
    assert!(!lines.is_empty());
    lines
}

#[test]
fn a_log_in_json_holds_nothing_else() {
    let ledger = ledger();
    let environment = [("PROBITY_LOG__FORMAT", "json"), ("PROBITY_LOG__FILTER", "info")];
    let mut command = serve_with_json(&ledger.directory());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).envs(environment).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    // A second one fails, and says so in the same form.
    let failed = serve_with_json(&ledger.directory()).output().unwrap();
    assert_eq!(failed.status.code(), Some(3));
    let said = assert_json_lines(&String::from_utf8(failed.stderr).unwrap());
    assert!(said.iter().any(|line| line.to_string().contains("process")), "{said:?}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_json_lines(&String::from_utf8(ended.stderr).unwrap());
}

#[test]
fn an_empty_ledger_takes_little_room() {
    fn bytes(directory: &Path) -> u64 {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| match entry.path() {
                path if path.is_dir() => bytes(&path),
                path => std::fs::metadata(path).unwrap().len(),
            })
            .sum()
    }
    let ledger = ledger();
    assert!(bytes(&ledger.directory()) < 8 << 20);
    let server = ledger.serve(&[("PROBITY_LEDGER__SEGMENT_MIB", "2")]).unwrap();
    server.stop().unwrap();
}

/// The lines of commands in a page.
fn lines_of(page: &str) -> Vec<String> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        in_block ^= line.starts_with("```");
        lines.extend(line.strip_prefix("    ").filter(|_| !in_block).map(str::to_owned));
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_page_on_tls_runs_as_it_stands() {
    let ledger = ledger();
    let client = Signer::service("risk-dashboard").unwrap();
    let plain = ledger.serve(&[]).unwrap();
    ledger.enrol(&plain, &client, &["auditor"]).await.unwrap();
    plain.stop().unwrap();
    let home = ledger.home.path();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/guide/tls.md")).unwrap();
    let port = free_port().unwrap();
    let path = format!("{}:{}", binary().unwrap().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut server = None;
    let lines = lines_of(&page);
    assert!(lines.len() >= 11, "{lines:?}");
    for line in lines {
        if line.starts_with("probity config check") {
            // As the page has it, with what was printed, and the rest of a configuration.
            let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
            let output = Command::new("openssl")
                .args(["x509", "-noout", "-fingerprint", "-sha256", "-in", "client.pem"])
                .current_dir(home)
                .output()
                .unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            let block =
                block.replace('…', printed.trim().split('=').nth(1).unwrap()).replace(":7170", &format!(":{port}"));
            let block = block.replace("\"service:risk-dashboard\"", &format!("{:?}", client.identity.to_string()));
            let config = format!("[ledger]\ndirectory = {:?}\n{block}", ledger.directory());
            std::fs::write(home.join("probity.toml"), config).unwrap();
        }
        if line.contains("$PORT") && server.is_none() {
            let mut command = Command::new(binary().unwrap());
            command.current_dir(home).args(["serve", "--config", "probity.toml"]).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let out = child.stdout.as_mut().unwrap();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
            assert!(line.contains("probity serves"), "{line}");
            server = Some(Stopped(child));
        }
        let mut shell = Command::new("sh");
        shell.current_dir(home).args(["-c", &line]).env("PATH", &path).env("PORT", port.to_string());
        let output = shell.env("PROBITY_STATE", home.join("state")).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}: {said}");
    }
    drop(server);
}

/// A process that is killed when this is dropped.
struct Stopped(std::process::Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
