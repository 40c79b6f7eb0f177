//! The house keeps its order: who may import whom, and where things stand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The views, which never import each other.
const VIEWS: &[&str] = &["inventory", "audit", "compliance", "lineage", "subscription"];
/// What a view's service may import.
const OF_A_VIEW: &[&str] = &["schemas", "statement", "domain", "projection", "query", "proto"];
/// What the ledger's read side may import.
const OF_THE_LEDGER: &[&str] = &["tlog", "schemas", "statement", "admission", "log", "proto", "query", "projection"];

/// Who may import whom, by folder: the table of the house. A folder that is not here yet has its
/// row already.
fn may_import(from: &str, to: &str) -> bool {
    let allowed: &[&str] = match from {
        "tlog" | "schemas" => &[],
        "statement" => &["tlog", "schemas"],
        "domain" | "importer" => &["schemas", "statement"],
        "admission" => &["schemas", "statement", "domain"],
        "proto" => &["tlog", "schemas", "statement"],
        "client" => &["proto", "statement", "schemas", "tlog"],
        "log" => &["tlog", "statement"],
        "ledger" => OF_THE_LEDGER,
        "registrar" => return to == "ledger" || OF_THE_LEDGER.contains(&to),
        "projection" => &["tlog", "schemas", "statement", "domain", "log"],
        "query" => &["schemas", "projection", "proto"],
        "subscription" => return to == "log" || OF_A_VIEW.contains(&to),
        view if VIEWS.contains(&view) => OF_A_VIEW,
        "export" => {
            let own = ["tlog", "schemas", "statement", "domain", "admission", "log", "ledger", "proto"];
            return own.contains(&to) || VIEWS.contains(&to);
        }
        "gateway" | "console" => return ["proto", "query", "ledger"].contains(&to) || VIEWS.contains(&to),
        "cli" => &["client", "proto", "export", "importer", "schemas", "statement", "domain", "terminal"],
        "server" => return !["cli", "probity", "tests"].contains(&to),
        "terminal" => &["schemas", "statement"],
        "probity" => &["cli", "server", "terminal"],
        "tests" => return true,
        unknown => panic!("{unknown} has no row in the import table; give it one"),
    };
    allowed.contains(&to)
}

fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folder(package: &str) -> &str {
    package.strip_prefix("probity-").unwrap_or(package)
}

/// The packages of ours that each of them imports, outside its tests.
fn imports(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let ours = |dependency: &Value| {
        let name = dependency["name"].as_str().unwrap();
        (dependency["kind"] != "dev" && names.contains(name)).then(|| folder(name).to_owned())
    };
    let of = |package: &Value| package["dependencies"].as_array().unwrap().iter().filter_map(ours).collect();
    packages.iter().map(|package| (folder(package["name"].as_str().unwrap()).to_owned(), of(package))).collect()
}

#[test]
fn every_import_is_one_that_the_table_allows() {
    for (from, to) in imports(&metadata()) {
        for to in to {
            assert!(may_import(&from, &to), "{from} may not import {to}");
        }
    }
}

#[test]
fn the_table_would_catch_a_wrong_arrow() {
    let imports = imports(&metadata());
    assert!(imports["registrar"].contains("admission"), "the test reads no dependencies");
    for (from, to) in [("tlog", "log"), ("projection", "proto"), ("audit", "lineage"), ("server", "cli")] {
        assert!(!may_import(from, to), "{from} may import {to}");
    }
}

#[test]
fn only_the_store_knows_sled_and_only_what_talks_to_people_knows_anyhow() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = folder(package["name"].as_str().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            match dependency["name"].as_str().unwrap() {
                "sled" => assert_eq!(name, "projection", "sled is the store's alone"),
                "anyhow" => assert!(
                    ["probity", "cli", "server", "tests"].contains(&name),
                    "{name} has errors of its own to give"
                ),
                _ => {}
            }
        }
    }
}

#[test]
fn every_package_is_named_after_its_folder_and_licensed() {
    for package in metadata()["packages"].as_array().unwrap() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let directory = manifest.strip_suffix("/Cargo.toml").unwrap();
        let folder_name = directory.rsplit('/').next().unwrap();
        assert_eq!(folder(package["name"].as_str().unwrap()), folder_name, "{manifest}");
        assert_eq!(package["license"], "Apache-2.0", "{manifest}");
        assert_eq!(package["edition"], "2024", "{manifest}");
    }
}
