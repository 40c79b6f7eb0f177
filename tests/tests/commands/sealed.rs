//! Personal data are sealed in the log and erased by destroying a key; what was proven stays
//! proven.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shell::Shell;

const PERSON: &str = "Mrs Example of 12 Example Street";

/// A complaint that names somebody, sealed for `label`. Returns its index.
fn complaint(shell: &Shell, label: &str) -> String {
    let text = format!(
        "type: usecase.proposed\nsubject: usecase:claims/assistant\ndata:\n  problem: {{ seal: '{PERSON}', for: {label} }}\n"
    );
    shell.write("complaint.yaml", &text);
    shell.recorded(&["record", "complaint.yaml", "--key", "ada.key", "--vault", "vault"])
}

fn with_compliance() -> Shell {
    let shell = Shell::with_ledger();
    shell.grant("ada.pub", "compliance");
    shell
}

const ERASE: [&str; 10] = [
    "erase",
    "case-17",
    "--legal-basis",
    "Art. 17 GDPR",
    "--subject",
    "usecase:claims/assistant",
    "--vault",
    "vault",
    "--key",
    "ada.key",
];

#[test]
fn a_sealed_text_is_read_with_its_key_and_never_again_without() {
    let shell = with_compliance();
    let (first, second, other) =
        (complaint(&shell, "case-17"), complaint(&shell, "case-17"), complaint(&shell, "case-18"));
    let keys = shell.json(&["vault", "list", "--vault", "vault"]);
    let labels: Vec<&str> = keys.as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["case-17", "case-18"], "one key for each label");
    for file in std::fs::read_dir(shell.path("vault")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
    }
    let sealed = |index: &str| shell.event(index)["data"]["problem"].as_str().unwrap().to_owned();
    assert!(sealed(&first).starts_with("sealed:") && sealed(&first) != sealed(&second));

    let shown = |index: &str| shell.run(&["entry", index, "--vault", "vault"]).out;
    assert!(shown(&first).contains(PERSON) && shown(&other).contains(PERSON));
    let stranger = shell.run(&["entry", &first]).out;
    assert!(!stranger.contains(PERSON) && stranger.contains("[sealed; its key is not here]"), "{stranger}");

    let erased = shell.run(&ERASE);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert!(!shown(&first).contains(PERSON) && !shown(&second).contains(PERSON));
    assert!(shown(&other).contains(PERSON), "another case has another key");
    let index = erased.out.split_whitespace().next().unwrap();
    assert_eq!(shell.event(index)["data"]["key"], keys[0]["key"]);
    let left: Vec<String> = std::fs::read_dir(shell.path("vault"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, [format!("{}.sealing-key", keys[1]["key"].as_str().unwrap())], "nothing else stays behind");
    assert_eq!(shell.json(&["verify", "ledger"])["verified"], true, "the log is what it was");
    let again = shell.run(&ERASE);
    assert!(again.code == Some(2) && again.err.contains("case-17"), "{again:?}");
}

#[test]
fn what_is_sealed_is_nowhere_in_the_log_and_shown_to_who_signs() {
    let shell = with_compliance();
    shell.write("draft.json", &format!(
        r#"{{"type":"usecase.proposed","subject":"usecase:claims/assistant","data":{{"problem":{{"seal":"{PERSON}","for":"case-17"}}}}}}"#
    ));
    let without = shell.run(&["record", "draft.json", "--key", "ada.key"]);
    assert!(without.code == Some(2) && without.err.contains("--vault"), "{without:?}");
    let shown = shell.run(&["record", "draft.json", "--key", "ada.key", "--vault", "vault", "--dry-run"]);
    assert!(shown.err.contains(PERSON) && shown.err.contains("case-17"), "{shown:?}");
    assert!(!shell.path("vault").exists(), "nothing was signed, and no key made");
    complaint(&shell, "case-17");
    let mut files = vec![shell.path("ledger")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in ["Mrs Example", "case-17"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
}

/// What cbor2 and cryptography make of a sealed text; none where it does not open.
fn unseal(given: &Value) -> Option<String> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    let python = std::env::var_os("PROBITY_PYTHON").unwrap_or_else(|| venv.into());
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/unseal.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("no Python environment in target/venv; run ./test, which makes it: {error}"));
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() || error == "it does not open\n", "{error}");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn tools_that_nobody_here_wrote_open_a_sealed_text_in_its_event_and_in_no_other() {
    let shell = with_compliance();
    let event = shell.event(&complaint(&shell, "case-17"));
    let id = shell.json(&["vault", "list", "--vault", "vault"])[0]["key"].as_str().unwrap().to_owned();
    let file = shell.read(&format!("vault/{id}.sealing-key"));
    let key = file.lines().find_map(|line| line.strip_prefix("key = ")).unwrap().trim_matches('"');
    let given =
        json!({ "key": key, "origin": "ledger.test/cli", "event": event["id"], "sealed": event["data"]["problem"] });
    assert_eq!(unseal(&given).as_deref(), Some(PERSON));
    for (field, other) in [
        ("key", "00".repeat(32)),
        ("origin", "ledger.test/other".to_owned()),
        ("event", "01970000-0000-7000-8000-000000000000".to_owned()),
    ] {
        let mut wrong = given.clone();
        wrong[field] = other.into();
        assert_eq!(unseal(&wrong), None, "{field}");
    }
}

#[test]
fn a_label_has_one_key_however_many_seal_at_once() {
    let shell = with_compliance();
    shell.write(
        "complaint.yaml",
        "type: usecase.proposed\nsubject: usecase:claims/assistant\ndata:\n  problem: { seal: x, for: case-17 }\n",
    );
    std::fs::create_dir(shell.path("vault")).unwrap();
    let vault = std::fs::File::open(shell.path("vault")).unwrap();
    vault.lock().unwrap();
    let sealing = ["record", "complaint.yaml", "--key", "ada.key", "--vault", "vault"];
    let mut children: Vec<_> = (0..4).map(|_| shell.probity(&sealing).stdout(Stdio::null()).spawn().unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none(), "whoever would make a key waits for its turn");
    }
    vault.unlock().unwrap();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(shell.json(&["vault", "list", "--vault", "vault"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_hold_keeps_the_key_until_it_is_lifted() {
    let shell = with_compliance();
    let index = complaint(&shell, "case-17");
    let hold = shell.recorded(&[
        "hold",
        "set",
        "usecase:claims/assistant",
        "--scope",
        "A law suit",
        "--legal-basis",
        "Art. 17(3)(e) GDPR",
        "--key",
        "ada.key",
    ]);
    let refused = shell.run(&ERASE);
    assert!(refused.code == Some(1) && refused.err.contains("ON_HOLD"), "{refused:?}");
    assert!(shell.run(&["entry", &index, "--vault", "vault"]).out.contains(PERSON));
    let lifted = shell.run(&["hold", "lift", &hold, "--reason", "It is settled.", "--key", "ada.key"]);
    assert_eq!(lifted.code, Some(0), "{lifted:?}");
    assert_eq!(shell.run(&ERASE).code, Some(0));
    assert!(!shell.run(&["entry", &index, "--vault", "vault"]).out.contains(PERSON));
}

#[test]
fn an_erasure_that_was_cut_short_is_finished_by_running_it_again() {
    let shell = with_compliance();
    let index = complaint(&shell, "case-17");
    let id = shell.json(&["vault", "list", "--vault", "vault"])[0]["key"].as_str().unwrap().to_owned();
    // In the way of destroying the key, after the erasure is recorded.
    let obstacle = shell.path(&format!("vault/{id}.destroying"));
    std::fs::create_dir(&obstacle).unwrap();
    std::fs::write(obstacle.join("x"), "x").unwrap();
    let size = || shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap();
    let before = size();
    // The obstacle is met before anything is recorded: nothing is announced that cannot be done.
    let cut = shell.run(&ERASE);
    assert_eq!(cut.code, Some(3), "{cut:?}");
    assert_eq!(size(), before);
    std::fs::remove_dir_all(&obstacle).unwrap();

    // Killed between recording and destroying: the note of what was signed is there, and so is the
    // key.
    let key = std::fs::read(shell.path(&format!("vault/{id}.sealing-key"))).unwrap();
    let erased = shell.run(&[&ERASE[..], &["--receipts", "out"]].concat());
    let recorded = erased.out.split_whitespace().next().unwrap().to_owned();
    let statement = std::fs::read(shell.path(&format!("out/{recorded}.statement"))).unwrap();
    shell.write(&format!("vault/{id}.erasure"), &hex::encode(statement));
    private(&shell, &format!("vault/{id}.sealing-key"), &key);
    assert!(shell.run(&["entry", &index, "--vault", "vault"]).out.contains(PERSON), "the key is back");
    let before = size();
    let again = shell.run(&ERASE);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.contains("already recorded"), "{again:?}");
    assert_eq!((size(), std::fs::read_dir(shell.path("vault")).unwrap().count()), (before, 0));

    // Killed while the file was being overwritten.
    private(&shell, &format!("vault/{id}.destroying"), &key);
    let finished = shell.run(&ERASE);
    assert!(finished.code == Some(0) && finished.err.contains("finished"), "{finished:?}");
    assert_eq!((size(), std::fs::read_dir(shell.path("vault")).unwrap().count()), (before, 0));
}

fn private(shell: &Shell, name: &str, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(shell.path(name), bytes).unwrap();
    std::fs::set_permissions(shell.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}
