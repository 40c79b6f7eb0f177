//! Commands in pipes and scripts: a reader that goes away, answers and errors as JSON, one's own
//! writes, days, names.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::shell::{Ran, Shell, run};

const KEY: [&str; 2] = ["--key", "ada.key"];

/// A model that was registered; the index of its statement.
fn register(shell: &Shell, name: &str) -> String {
    let subject = format!("model:credit/{name}");
    let words = ["record", "model.registered", "--subject", &subject, "--set", "purpose=To test.", "--set", "kind=ml"];
    shell.recorded(&[&words, &KEY[..]].concat())
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = Shell::with_ledger();
    for words in [&["record", "--types"][..], &["history"], &["--help"], &["rules", "ledger"]] {
        let mut child =
            shell.probity(words).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() && !err.contains("panicked"), "{words:?}: {status:?}, {err}");
    }
}

#[test]
fn output_that_could_not_be_written_is_a_failure() {
    let shell = Shell::with_ledger();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = shell.probity(&["history"]).stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && err.contains("standard output"), "{err}");
}

#[test]
fn with_json_a_no_and_an_error_are_documents_too() {
    let shell = Shell::with_ledger();
    let not_there: [&[&str]; 5] = [
        &["model", "credit/nothing"],
        &["entry", "4711"],
        &["receipt", "4711"],
        &["lineage", "model:credit/nothing"],
        &["rules", "adopt", "99", "ledger"],
    ];
    for words in not_there {
        let ran = run(shell.probity(words).arg("--json"));
        let said = document(&ran);
        assert_eq!((ran.code, &said["exit_code"]), (Some(1), &json!(1)), "{words:?}: {ran:?}");
        assert!(ran.err.contains(said["error"].as_str().unwrap()), "{words:?}: {ran:?}");
    }
    let wrong: [(&[&str], i32); 5] = [
        (&["model", "credit/nothing", "--server", "http://127.0.0.1:1"], 3),
        (&["record", "model.registerd", "--key", "ada.key"], 2),
        (&["models", "--limit", "many"], 2),
        (&["modles"], 2),
        (&["verify", "nowhere"], 3),
    ];
    for (words, code) in wrong {
        let ran = run(shell.probity(words).arg("--json"));
        let said = document(&ran);
        assert_eq!((ran.code, &said["exit_code"]), (Some(code), &json!(code)), "{words:?}: {ran:?}");
        assert!(!said["error"].as_str().unwrap().is_empty(), "{words:?}: {ran:?}");
    }
}

#[test]
fn an_answer_waits_for_the_statement_that_it_is_to_come_after() {
    let shell = Shell::with_ledger();
    let mut last = String::new();
    for number in 0..5 {
        last = register(&shell, &format!("m{number}"));
        let models = shell.json(&["models", "--after", &last]);
        assert_eq!(models["models"].as_array().unwrap().len(), number + 1);
        let size = models["as_of"]["tree_size"].as_u64().unwrap();
        assert!(size > last.parse().unwrap(), "{models}");
    }
    shell.json(&["receipt", &last, "--out", "last.receipt"]);
    for words in [
        &["models", "--count-by", "kind"][..],
        &["model", "credit/m4"],
        &["list", "deployments"],
        &["list", "use-cases"],
        &["history", "model:credit/m4"],
        &["history", "model:credit/m4", "--serving"],
    ] {
        let ran = run(shell.probity(words).args(["--after", "last.receipt", "--json"]));
        let size = &document(&ran).pointer("/as_of/tree_size").cloned();
        let size = size.clone().or_else(|| document(&ran).pointer("/dossier/as_of/tree_size").cloned());
        assert!(size.unwrap().as_u64().unwrap() > last.parse().unwrap(), "{words:?}: {ran:?}");
    }
    for wrong in ["no-such-file", "ada.pub"] {
        let ran = shell.run(&["models", "--after", wrong]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

#[test]
fn a_date_without_a_time_says_which_instant_it_means() {
    let shell = Shell::with_ledger();
    for words in [&["history"][..], &["compliance"]] {
        for json in [&[][..], &["--json"]] {
            let ran = run(shell.probity(words).args(["--at", "2026-03-12"]).args(json));
            assert!(ran.err.contains("--at 2026-03-12 is 2026-03-12T00:00:00Z"), "{words:?}: {ran:?}");
        }
        let ran = run(shell.probity(words).args(["--at", "2026-03-12T00:00:00Z"]));
        assert!(!ran.err.contains("--at"), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_day_is_signed_as_the_interval_that_it_is() {
    const DAY: u64 = 86_400_000;
    // 2026-11-20T00:00:00Z
    const START: u64 = 1_795_132_800_000;
    let shell = Shell::with_ledger();
    let occurred = |text: &str| {
        let words = ["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=To test."];
        let rest = ["--set", "kind=ml", "--occurred", text];
        let index = shell.recorded(&[&words[..], &rest, &KEY].concat());
        shell.event(&index)["occurred"].clone()
    };
    assert_eq!(occurred("2026-11-20"), json!([START, START + DAY - 1]));
    assert_eq!(occurred("2026-11-20..2026-11-21"), json!([START, START + 2 * DAY - 1]));
    assert_eq!(occurred("2026-11-20..2026-11-20T12:00:00Z"), json!([START, START + DAY / 2]));
    assert_eq!(occurred("2026-11-20T00:00:00Z"), json!(START));
    shell.write(
        "event.yaml",
        "type: model.registered\nsubject: model:credit/pd\noccurred: 2026-11-20\ndata: {purpose: To test., kind: ml}\n",
    );
    let index = shell.recorded(&["record", "event.yaml", "--key", "ada.key"]);
    assert_eq!(shell.event(&index)["occurred"], json!([START, START + DAY - 1]));
}

fn typed(command: &mut Command, text: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn standard_input_may_be_yaml_that_begins_with_a_brace() {
    let shell = Shell::with_ledger();
    let record = |text: &str| typed(&mut shell.probity(&["record", "-", "--key", "ada.key"]), text);
    let yaml = "{type: model.registered, subject: model:credit/pd, data: {purpose: To test., kind: ml}}";
    let ran = record(yaml);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = record(r#"{"type": "model.registered","#);
    assert!(ran.code == Some(2) && ran.err.contains("is not JSON"), "{ran:?}");
}

#[test]
fn a_malformed_name_is_wrong_use_and_not_a_missing_thing() {
    let shell = Shell::with_ledger();
    let wrong: [&[&str]; 11] = [
        &["model", "Credit/PD"],
        &["model", "credit"],
        &["history", "model:Credit/pd"],
        &["compliance", "model:Credit/pd"],
        &["compliance", "model:Credit/pd", "--approvals"],
        &["lineage", "model:Credit/pd"],
        &["impact", "dataset:Credit/pd"],
        &["list", "deployments", "--model", "pd"],
        &["list", "monitors", "--of", "pd"],
        &["models", "--owner", "Zoe"],
        &["models", "--in", "Credit"],
    ];
    for words in wrong {
        let ran = shell.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_range_beyond_the_end_of_the_log_is_refused_without_waiting() {
    let shell = Shell::with_ledger();
    // The view would be waited for until the deadline; a question about what is not there has no
    // deadline to wait for.
    let ran = shell.run(&["compare", "1", "999999"]);
    assert!(ran.code == Some(2) && ran.err.contains("to_tree_size: the ledger has"), "{ran:?}");
    let ran = shell.run(&["compare", "999998", "999999"]);
    assert!(ran.code == Some(2) && ran.err.contains("from_tree_size: the ledger has"), "{ran:?}");
}

#[test]
fn a_new_ledger_says_how_to_start_it_with_what_it_was_given() {
    let shell = Shell::new();
    shell.json(&["key", "new", "--person", "Ada", "ada.key"]);
    let words = ["init", "my ledger", "--origin", "ledger.test/cli", "--single-administrator"];
    let rest = ["--administrator", "ada.pub", "--anchor", "elsewhere.anchor"];
    let ran = shell.run(&[&words[..], &rest].concat());
    let start = "Start it:  PROBITY_LEDGER__ANCHOR=elsewhere.anchor probity serve 'my ledger'";
    assert!(ran.out.contains(start), "{ran:?}");
}
