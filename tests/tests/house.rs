//! The house keeps its order: who may import whom, and where things stand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
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
        "controls" => &["schemas", "domain"],
        "admission" => &["schemas", "statement", "domain"],
        "proto" => &["tlog", "schemas", "statement"],
        "client" => &["proto", "statement", "schemas", "tlog"],
        "log" => &["tlog", "statement"],
        "ledger" => OF_THE_LEDGER,
        "registrar" => return to == "ledger" || OF_THE_LEDGER.contains(&to),
        "projection" => &["tlog", "schemas", "statement", "domain", "log"],
        "query" => &["schemas", "projection", "proto"],
        "subscription" => return to == "log" || OF_A_VIEW.contains(&to),
        "compliance" => return to == "controls" || OF_A_VIEW.contains(&to),
        view if VIEWS.contains(&view) => OF_A_VIEW,
        "export" => {
            let own = ["tlog", "schemas", "statement", "domain", "admission", "log", "ledger", "proto"];
            return own.contains(&to) || VIEWS.contains(&to);
        }
        "gateway" | "console" => return ["proto", "query", "ledger"].contains(&to) || VIEWS.contains(&to),
        "cli" => {
            &["client", "proto", "export", "importer", "schemas", "statement", "domain", "controls", "terminal", "tlog"]
        }
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
fn only_the_stores_know_their_engines_and_only_what_talks_to_people_knows_anyhow() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = folder(package["name"].as_str().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            match dependency["name"].as_str().unwrap() {
                "fjall" => assert_eq!(name, "projection", "only the store of views knows fjall"),
                "sled" => assert_eq!(name, "ledger", "only the index of event ids knows sled"),
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

/// Crates in which no circle of files may exist: a file is understood with those that it imports, and not with all.
const WITHOUT_CIRCLES: &[&str] = &["inventory", "audit", "compliance", "lineage"];

/// The modules of a crate by their paths, `["records", "models"]` for `src/records/models.rs`, with their text.
fn modules(source: &Path) -> BTreeMap<Vec<String>, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![source.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let relative = path.strip_prefix(source).unwrap().with_extension("");
            let mut module: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            if module != ["lib"] {
                found.insert(module, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// Every path that a file names after this word (`crate` or `super`): several for `crate::{a, b::{c, d}}`.
fn paths_after(word: &str, text: &str) -> Vec<Vec<String>> {
    fn tree(text: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
        let mut path = before.to_vec();
        let mut at = 0;
        loop {
            let rest = &text[at..];
            let blank = rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            at += blank;
            if let Some(list) = rest.strip_prefix('{') {
                at += 1;
                let mut inside = list;
                loop {
                    let read = tree(inside, &path, found);
                    at += read;
                    inside = &inside[read..];
                    let next = inside.chars().next();
                    at += next.map_or(0, char::len_utf8);
                    inside = inside.strip_prefix([',', '}']).unwrap_or_default();
                    if next != Some(',') {
                        return at;
                    }
                }
            }
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end > 0 {
                path.push(rest[..end].to_owned());
            }
            at += end;
            match rest[end..].strip_prefix("::") {
                Some(_) => at += 2,
                None => {
                    found.push(path);
                    // What follows a name in a list: a blank, `as other`.
                    return at + rest[end..].find([',', '}', ';', '\n']).unwrap_or(0);
                }
            }
        }
    }
    let mut found = Vec::new();
    let code: Vec<&str> = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect();
    let code = code.join("\n");
    for (at, _) in code.match_indices(&format!("{word}::")) {
        let inside_a_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if !inside_a_word {
            tree(&code[at + word.len() + 2..], &[], &mut found);
        }
    }
    found
}

/// Which modules of a crate each of them imports.
fn imported(modules: &BTreeMap<Vec<String>, String>) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let known =
        |path: &[String]| (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|it| modules.contains_key(it));
    let of = |(module, text): (&Vec<String>, &String)| {
        let above = &module[..module.len() - 1];
        let beside = paths_after("super", text).into_iter().map(|path| [above, &path].concat());
        let named = paths_after("crate", text).into_iter().chain(beside);
        let found = named.filter_map(|path| known(&path)).filter(|found| found != module);
        (module.clone(), found.collect())
    };
    modules.iter().map(of).collect()
}

/// A circle of modules, if there is one: each imports the next, and the last the first.
fn circle(imported: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<String>> {
    fn walk(
        module: &Vec<String>,
        way: &mut Vec<Vec<String>>,
        done: &mut BTreeSet<Vec<String>>,
        imported: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = way.iter().position(|earlier| earlier == module) {
            return Some(way[begin..].iter().map(|module| module.join("::")).collect());
        }
        if done.contains(module) {
            return None;
        }
        way.push(module.clone());
        let found = imported[module].iter().find_map(|next| walk(next, way, done, imported));
        way.pop();
        done.insert(module.clone());
        found
    }
    let mut done = BTreeSet::new();
    imported.keys().find_map(|module| walk(module, &mut Vec::new(), &mut done, imported))
}

#[test]
fn no_circle_of_files_exists_inside_the_views() {
    let mut circles = Vec::new();
    for name in WITHOUT_CIRCLES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services").join(name).join("src");
        let imported = imported(&modules(&source));
        assert!(imported.values().any(|found| !found.is_empty()), "nothing was read of {name}");
        circles.extend(circle(&imported).map(|found| format!("{name}: {} and so on", found.join(" → "))));
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_of_files_would_be_found() {
    let file = |path: &str, text: &str| (path.split('/').map(str::to_owned).collect::<Vec<String>>(), text.to_owned());
    let straight = BTreeMap::from([
        file("models", "use crate::records::{models::{MODELS, Model as Record}, uses};\n// crate::fold"),
        file("records/models", "use super::uses::USES; // super::super"),
        file("records/uses", "let x = other_crate::models::X;"),
        file("fold", "fn f() { crate::models::change(); super::nothing() }"),
    ]);
    let found = imported(&straight);
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<String>>();
    assert_eq!(found[&path("models")], BTreeSet::from([path("records::models"), path("records::uses")]));
    assert_eq!(found[&path("records::models")], BTreeSet::from([path("records::uses")]));
    assert_eq!(found[&path("fold")], BTreeSet::from([path("models")]));
    assert_eq!(circle(&found), None);
    let mut round = straight;
    round.insert(path("records::uses"), "use crate::fold;".to_owned());
    assert_eq!(circle(&imported(&round)).unwrap().len(), 4);
}
