//! Founding a ledger, recording in it, showing and proving what is there.

use std::time::{Duration, Instant};

use probity_schemas::Identity;
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::shell::Shell;

const MODEL: &str = r#"{
    "type": "model.registered",
    "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
    "data": { "purpose": "Estimates the probability of default." }
}"#;

#[test]
fn a_ledger_is_not_founded_without_whom_and_where_it_needs() {
    let shell = Shell::new();
    for name in ["ada", "bob"] {
        shell.json(&["key", "new", "--person", name, &format!("{name}.key")]);
    }
    shell.json(&["key", "new", "--service", "robot", "robot.key"]);
    let init = |rest: &[&str]| shell.run(&[&["init", "ledger", "--origin", "ledger.test/cli"], rest].concat());
    let ada = ["--administrator", "ada.pub"];
    let bob = ["--administrator", "bob.pub"];
    for (arguments, named) in [
        (ada.to_vec(), "--single-administrator"),
        ([ada, bob].concat().into_iter().chain(["--single-administrator"]).collect(), "--single-administrator"),
        (vec!["--single-administrator", "--administrator", "robot.pub"], "service:robot"),
        (vec!["--single-administrator"], "--administrator"),
    ] {
        let refused = init(&arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert!(refused.err.contains(named), "{arguments:?}: {refused:?}");
        assert!(!shell.path("ledger").exists() && !shell.path("ledger.anchor").exists());
    }
    std::fs::create_dir(shell.path("ledger")).unwrap();
    shell.write("ledger/notes.txt", "mine");
    let refused = init(&[&ada[..], &bob].concat());
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.err.contains("ledger is not empty"), "{refused:?}");
    std::fs::remove_file(shell.path("ledger/notes.txt")).unwrap();
    assert_eq!(init(&[&ada[..], &bob].concat()).code, Some(0));
    assert_ne!(init(&[&ada[..], &bob].concat()).code, Some(0), "a ledger is not founded twice");
}

#[test]
fn someone_is_let_in_with_a_role_by_one_file_that_an_administrator_signs() {
    let shell = Shell::with_ledger();
    shell.write("model.json", MODEL);
    shell.json(&["key", "new", "--person", "Dora Dev", "dora.key"]);
    let refused = shell.run(&["record", "model.json", "--key", "dora.key"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("UNKNOWN_KEY"), "{refused:?}");

    let show = ["key", "show", "dora.key", "--enrol-in", "ledger.test/cli", "--role", "developer", "--in", "credit/*"];
    let enrolment = shell.run(&show);
    shell.write("enrol.json", &enrolment.out);
    assert_eq!(shell.json(&["record", "enrol.json", "--key", "ada.key"]).as_array().unwrap().len(), 2);
    let recorded = shell.run(&["record", "model.json", "--key", "dora.key"]);
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    shell.write("elsewhere.json", &MODEL.replace("\"credit\"", "\"claims\""));
    let refused = shell.run(&["record", "elsewhere.json", "--key", "dora.key"]);
    assert!(refused.code == Some(1) && refused.err.contains("NOT_AUTHORISED"), "{refused:?}");
}

#[test]
fn what_is_recorded_can_be_shown_and_proven_offline() {
    let shell = Shell::with_ledger();
    shell.write("model.json", MODEL);
    let recorded = shell.run(&["record", "model.json", "--key", "ada.key", "--receipts", "receipts"]);
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let index = recorded.out.split_whitespace().next().unwrap().to_owned();

    let entry = shell.run(&["entry", &index, "--out", "statement"]);
    assert_eq!(entry.code, Some(0), "{entry:?}");
    for part in ["model.registered", "credit/pd", "Ada Lovelace", "probability of default"] {
        assert!(entry.out.contains(part), "{part}: {}", entry.out);
    }
    let receipt = shell.run(&["receipt", &index, "--out", "receipt", "--transparent", "transparent"]);
    assert_eq!(receipt.code, Some(0), "{receipt:?}");
    let same = |one: &str, other: &str| {
        assert_eq!(std::fs::read(shell.path(one)).unwrap(), std::fs::read(shell.path(other)).unwrap());
    };
    same("statement", &format!("receipts/{index}.statement"));
    same("receipt", &format!("receipts/{index}.receipt"));

    let key = ["--receipt-key", "ledger/keys/receipt.pub", "--signer-key", "ada.pub"];
    let transparent = [&["verify", "--statement", "transparent"], &key[..]].concat();
    let apart = [&["verify", "--statement", "statement", "--receipt", "receipt"], &key[..]].concat();
    for arguments in [&transparent, &apart] {
        let verified = shell.run(arguments);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        assert!(verified.out.contains("verified: model.registered"), "{verified:?}");
        let json = shell.json(arguments);
        assert_eq!((&json["verified"], &json["signature_checked"]), (&json!(true), &json!(true)));
    }
    let bytes = std::fs::read(shell.path("transparent")).unwrap();
    for at in (0..bytes.len()).step_by(37) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(shell.path("transparent"), changed).unwrap();
        let refused = shell.run(&transparent);
        assert!(matches!(refused.code, Some(1 | 2)), "byte {at}: {refused:?}");
    }
    let another = [&["verify", "--statement", "statement", "--receipt", "receipt", "--receipt-key"], &["ada.pub"][..]];
    let refused = shell.run(&[&another.concat()[..], &["--origin", "ledger.test/cli"]].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.out.contains("DOES NOT VERIFY"), "{refused:?}");
}

#[test]
fn what_is_not_there_is_a_clear_no() {
    let shell = Shell::with_ledger();
    for command in ["entry", "receipt"] {
        let ran = shell.run(&[command, "4711"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("4711"), "{ran:?}");
    }
}

#[test]
fn an_event_with_a_name_nobody_knows_is_wrong_use_and_the_nearest_name_is_given() {
    let shell = Shell::with_ledger();
    for (wrong, right) in [("model.registred", "model.registered"), ("porpose", "purpose"), ("namespaze", "namespace")]
    {
        shell.write("wrong.json", &MODEL.replace(right, wrong));
        let refused = shell.run(&["record", "wrong.json", "--key", "ada.key"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(wrong) && refused.err.contains(right), "{refused:?}");
    }
    shell.write("list.json", &format!("[{MODEL}, {}]", MODEL.replace("credit", "")));
    let refused = shell.run(&["record", "list.json", "--key", "ada.key"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("[1]"), "it says which of them: {refused:?}");
    shell.write("not.json", "model.registered");
    assert_eq!(shell.run(&["record", "not.json", "--key", "ada.key"]).code, Some(2));
}

#[test]
fn a_refused_event_is_a_clear_no_with_its_reason_and_the_others_are_recorded() {
    let shell = Shell::with_ledger();
    shell.json(&["key", "new", "--person", "Eve", "eve.key"]);
    shell.write("model.json", MODEL);
    let refused = shell.run(&["record", "model.json", "--key", "eve.key"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("UNKNOWN_KEY"), "{refused:?}");

    let model: Value = serde_json::from_str(MODEL).unwrap();
    let eve: Identity = shell.json(&["key", "show", "eve.pub"])["identity"].as_str().unwrap().parse().unwrap();
    let withdrawn = json!({
        "type": "authority.role_withdrawn", "subject": eve.subject(), "data": { "role": "developer" },
    });
    shell.write("both.json", &json!([withdrawn, model]).to_string());
    let mixed = shell.run(&["record", "both.json", "--key", "ada.key"]);
    assert_eq!(mixed.code, Some(1), "{mixed:?}");
    assert!(mixed.out.contains("model.registered") && mixed.err.contains("refused"), "{mixed:?}");
}

#[test]
fn a_server_that_cannot_be_reached_is_named_and_nothing_is_said_about_the_event() {
    let shell = Shell::new();
    shell.json(&["key", "new", "--person", "Ada", "ada.key"]);
    shell.write("model.json", MODEL);
    let nobody = ["--server", "http://127.0.0.1:1"];
    for arguments in [&["record", "model.json", "--key", "ada.key"][..], &["entry", "0"], &["checkpoint"]] {
        let ran = shell.run(&[arguments, &nobody].concat());
        assert_eq!(ran.code, Some(3), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains("127.0.0.1:1"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn every_answer_is_to_be_had_as_json() {
    let shell = Shell::with_ledger();
    shell.write("model.json", MODEL);
    let recorded = shell.json(&["record", "model.json", "--key", "ada.key"]);
    let index = recorded[0]["index"].as_u64().unwrap();
    let entry = shell.json(&["entry", &index.to_string()]);
    assert_eq!((&entry["index"], &entry["event"]["type"]), (&json!(index), &json!("model.registered")));
    let receipt = shell.json(&["receipt", &index.to_string()]);
    assert_eq!((&receipt["index"], &receipt["origin"]), (&json!(index), &json!("ledger.test/cli")));
    let checkpoint = shell.json(&["checkpoint", "--out", "checkpoint"]);
    assert_eq!(checkpoint["tree_size"], index + 1);
    assert_eq!(checkpoint["checkpoint"], shell.read("checkpoint"));
    assert_eq!(shell.run(&["checkpoint"]).out, shell.read("checkpoint"));
    let founding = shell.json(&["checkpoint", "--height", "0"]);
    assert_ne!(founding["root"], checkpoint["root"]);
    let verified = shell.json(&["verify", "ledger"]);
    assert_eq!((&verified["statements"], &verified["root"]), (&json!(index + 1), &checkpoint["root"]));
    let pinned = verified["founding_leaf_hash"].as_str().unwrap();
    assert_eq!(shell.json(&["verify", "ledger", "--pinned", pinned])["verified"], true);
    let other = shell.run(&["verify", "ledger", "--pinned", "00", "--json"]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert_eq!(serde_json::from_str::<Value>(&other.out).unwrap()["verified"], false);
    assert_eq!(shell.json(&["key", "show", "ada.pub"])["identity"], entry["issuer"]);
}

#[test]
fn the_notes_verifier_keys_configure_a_stock_verifier() {
    let shell = Shell::with_ledger();
    let keys = shell.json(&["checkpoint", "--keys"]);
    let (checkpoint, clock) = (keys["checkpoint"].as_str().unwrap(), keys["clock"].as_str().unwrap());
    assert_eq!(shell.run(&["checkpoint", "--keys"]).out, format!("{checkpoint}\n{clock}\n"));
    assert!(checkpoint.starts_with("ledger.test/cli+") && clock.starts_with("ledger.test/cli/clock+"), "{keys}");
    let note = shell.run(&["checkpoint"]).out;
    let verifies = |note: &str| {
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(checkpoint).unwrap())]);
        Note::from_bytes(note.as_bytes()).unwrap().verify(&known).is_ok()
    };
    assert!(verifies(&note), "{note}");
    assert!(!verifies(&note.replacen("ledger.test/cli\n", "ledger.test/clj\n", 1)));
}

#[test]
fn names_of_people_are_shown_where_the_directory_knows_them_and_stay_out_of_the_log() {
    let shell = Shell::with_ledger();
    let person = shell.json(&["key", "show", "ada.pub"])["identity"].as_str().unwrap().to_owned();
    assert!(shell.read("people.toml").contains("Ada Lovelace"));
    let last = (shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap() - 1).to_string();
    let shown = shell.run(&["entry", &last]);
    assert!(shown.out.contains("Ada Lovelace"), "{shown:?}");
    let mut files = vec![shell.path("ledger")];
    let mut searched = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"Lovelace"), "{} holds the name", path.display());
        searched += u32::from(bytes.windows(person.len()).any(|window| window == person.as_bytes()));
    }
    assert!(searched > 0, "the identity is there, so this search finds what is there");
    std::fs::remove_file(shell.path("people.toml")).unwrap();
    let forgotten = shell.run(&["entry", &last]);
    assert!(!forgotten.out.contains("Lovelace") && forgotten.out.contains(&person), "{forgotten:?}");
}

#[test]
fn the_demo_shows_what_it_is_all_about_within_a_minute() {
    let started = Instant::now();
    let ran = Shell::new().run(&["demo"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("verified") && ran.out.contains("DOES NOT VERIFY"), "{}", ran.out);
    assert!(started.elapsed() < Duration::from_secs(60), "it took {:?}", started.elapsed());
}
