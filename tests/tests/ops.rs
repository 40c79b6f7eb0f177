//! What operators are given is true: dashboards name metrics that exist, units and runbooks name commands that exist,
//! manifests are well-formed, and what stands twice is the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use probity_tests::{TestLedger, binary, free_port};
use serde_json::Value;

/// Metrics of a process on NATS, which a ledger in files does not have.
const ON_NATS: [&str; 5] = [
    "probity_registrar_active",
    "probity_nats_connected",
    "probity_nats_stream_blocks",
    "probity_nats_unsettled",
    "probity_nats_warning",
];

fn ops(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(ops(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a directory whose names end so.
fn files(directory: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(ops(directory)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: Vec<String> =
        names.filter(|name| name.ends_with(ending)).map(|name| format!("{directory}/{name}")).collect();
    assert!(!found.is_empty(), "no {ending} in {directory}");
    found
}

fn probity(arguments: &[&str]) -> Output {
    Command::new(binary().unwrap()).args(arguments).output().unwrap()
}

/// Every metric in `text`: words that start with `probity_`, without what a counter or a histogram adds.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let of = |word: &str| {
        let added = ["_total", "_bucket", "_count", "_sum"].into_iter().find_map(|added| word.strip_suffix(added));
        added.unwrap_or(word).to_owned()
    };
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("probity_"))
        .map(of)
        .collect()
}

/// The metrics of a real server.
fn scraped() -> BTreeSet<String> {
    let ledger = TestLedger::found().unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let _server = ledger.serve(&[("PROBITY_LISTEN__HTTP", &address)]).unwrap();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    metrics_in(&answer)
}

#[test]
fn dashboard_and_runbooks_name_only_metrics_that_there_are() {
    let mut exist = scraped();
    assert!(exist.contains("probity_log_statements"), "{exist:?}");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/server/src/http.rs");
    let source = std::fs::read_to_string(source).unwrap();
    for name in ON_NATS {
        let name_in_source = format!("\"{}\"", name.strip_prefix("probity_").unwrap());
        assert!(source.contains(&name_in_source), "{name} is gone from the server");
        exist.insert(name.to_owned());
    }
    let dashboard: Value = serde_json::from_str(&text("grafana/probity.json")).unwrap();
    let mut shown = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            shown.extend(metrics_in(target["expr"].as_str().unwrap()));
        }
    }
    let unknown: Vec<_> = shown.difference(&exist).collect();
    assert!(unknown.is_empty(), "the dashboard shows what nobody measures: {unknown:?}");
    let hidden: Vec<_> = exist.difference(&shown).collect();
    assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
    for runbook in files("runbooks", ".md") {
        let unknown: Vec<_> = metrics_in(&text(&runbook)).difference(&exist).cloned().collect();
        assert!(unknown.is_empty(), "{runbook} names metrics that nobody measures: {unknown:?}");
    }
}

/// All documents of a YAML file.
fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn compose_file_and_manifests_are_yaml_without_secrets() {
    let compose = &documents("compose.yaml")[0];
    for service in ["nats", "registrar", "projector"] {
        assert!(compose["services"][service].is_object(), "{service}");
    }
    for manifest in files("kubernetes", ".yaml") {
        for document in documents(&manifest) {
            assert!(document["apiVersion"].is_string() && document["metadata"]["name"].is_string(), "{manifest}");
            assert_ne!(document["kind"], "Secret", "{manifest} holds a secret");
            if document["kind"] != "Namespace" {
                assert_eq!(document["metadata"]["namespace"], "probity", "{manifest}");
            }
        }
    }
}

/// A text that a config map holds.
fn in_config_map(manifest: &str, key: &str) -> String {
    let documents = documents(manifest);
    let map = documents.iter().find(|document| document["kind"] == "ConfigMap").unwrap();
    map["data"][key].as_str().unwrap().to_owned()
}

#[test]
fn the_manifests_have_the_permissions_that_are_tested_and_sync_every_message() {
    assert_eq!(in_config_map("kubernetes/nats.yaml", "permissions.conf"), text("nats/permissions.conf"));
    let configuration = in_config_map("kubernetes/nats.yaml", "nats.conf");
    for (name, text) in [("kubernetes", configuration), ("container", text("nats/containers.conf"))] {
        assert!(text.contains("sync_interval: always"), "{name} does not sync every message");
        let home = tempfile::tempdir().unwrap();
        std::fs::copy(ops("nats/permissions.conf"), home.path().join("permissions.conf")).unwrap();
        std::fs::write(home.path().join("nats.conf"), text).unwrap();
        let mut command = Command::new(probity_tests::nats::nats_server().unwrap());
        command.arg("-t").arg("-c").arg(home.path().join("nats.conf")).env("NATS_NAME", "probity-nats-0");
        for password in ["REGISTRAR_PASSWORD", "PROJECTOR_PASSWORD", "ADMIN_PASSWORD"] {
            command.env(password, "secret");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_configurations_of_containers_are_good() {
    let mut configurations: Vec<(String, String)> =
        files("container", ".toml").into_iter().map(|path| (path.clone(), text(&path))).collect();
    for manifest in ["kubernetes/registrar.yaml", "kubernetes/projector.yaml"] {
        configurations.push((manifest.to_owned(), in_config_map(manifest, "probity.toml")));
    }
    for (name, text) in configurations {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("probity.toml");
        std::fs::write(&file, text).unwrap();
        let output = probity(&["config", "check", "--file-only", file.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whether `probity` has this command with these flags; `line` starts after its name.
fn check_command(place: &str, line: &str) {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap();
    // A second word may be the name of a part of it, as in `rules adopt`.
    let second: Vec<&str> = words.clone().next().filter(|word| !word.starts_with('-')).into_iter().collect();
    let help = probity(&[&[command], &second[..], &["--help"]].concat());
    assert!(help.status.success(), "{place}: there is no `probity {command}`");
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<&str> = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
    for flag in words.filter(|word| word.starts_with("--")) {
        assert!(known.contains(flag), "{place}: `probity {command}` has no {flag}");
    }
}

#[test]
fn units_start_commands_that_there_are() {
    for unit in files("systemd", ".service") {
        let text = text(&unit);
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
        match line.split_once(' ').unwrap() {
            ("probity", arguments) => check_command(&unit, arguments),
            ("nats-server", arguments) => {
                let file = arguments.strip_prefix("-c /etc/nats/").unwrap();
                assert!(ops("nats").join(file).is_file(), "{unit}: {file}");
            }
            (other, _) => panic!("{unit} starts {other}"),
        }
    }
}

#[test]
fn runbooks_name_commands_and_pages_that_there_are() {
    let mut commands = 0;
    for runbook in files("runbooks", ".md") {
        let text = text(&runbook);
        for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("probity ")) {
            check_command(&runbook, line);
            commands += 1;
        }
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(ops("runbooks").join(link).is_file(), "{runbook} leads to {link}, which is not there");
        }
    }
    assert!(commands > 10, "only {commands} commands were found");
}
