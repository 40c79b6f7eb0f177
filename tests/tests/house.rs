//! The house keeps its order: who may import whom, and what stands where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const VIEWS: &[&str] = &["inventory", "audit", "compliance", "lineage"];

/// Who may import whom, by folder. `tests` and `probity` may import all.
fn allowed(from: &str) -> Option<&'static [&'static str]> {
    Some(match from {
        "tlog" | "schemas" => &[],
        "statement" => &["tlog", "schemas"],
        "admission" | "importer" => &["schemas", "statement"],
        "proto" => &["tlog", "schemas", "statement"],
        "log" => &["tlog", "statement"],
        "projection" => &["tlog", "schemas", "statement", "log", "proto"],
        "registrar" => &["tlog", "schemas", "statement", "admission", "log", "projection", "proto"],
        "subscription" => &["schemas", "statement", "projection", "proto", "log"],
        "export" => &[
            "tlog",
            "schemas",
            "statement",
            "admission",
            "log",
            "proto",
            "inventory",
            "audit",
            "compliance",
            "lineage",
        ],
        "console" => &["proto", "inventory", "audit", "compliance", "lineage"],
        view if VIEWS.contains(&view) => &["schemas", "statement", "projection", "proto"],
        "probity" | "tests" => return None,
        unknown => panic!("{unknown} has no place in the import table; give it one"),
    })
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

/// What each of our packages imports of ours, outside its tests.
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
fn nobody_imports_whom_the_table_does_not_allow() {
    for (from, to) in imports(&metadata()) {
        let Some(allowed) = allowed(&from) else { continue };
        for arrow in to {
            assert!(allowed.contains(&arrow.as_str()), "{from} may not import {arrow}; it may import {allowed:?}");
        }
    }
}

#[test]
fn the_table_would_catch_a_wrong_arrow() {
    let imports = imports(&metadata());
    assert!(imports["registrar"].contains("admission"), "the test reads no dependencies");
    assert!(!allowed("tlog").unwrap().contains(&"log"));
}

#[test]
fn only_the_store_knows_sled_and_only_the_binary_knows_anyhow() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = folder(package["name"].as_str().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            match dependency["name"].as_str().unwrap() {
                "sled" => assert_eq!(name, "projection", "sled is the store's alone"),
                "anyhow" => assert!(["probity", "tests"].contains(&name), "{name} has errors of its own to give"),
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
