//! Copies of a ledger: made without its keys, asked without a server, left as they are, and restored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use probity_tests::scenario::{Scenario, replay};
use probity_tests::{Carrier, ORIGIN, Server, TestLedger, binary};
use serde_json::{Value, json};
use tempfile::TempDir;

const MODEL: &str = "model:payments/card-fraud";

/// How a command ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A ledger with a model's whole life in it, below `home`.
struct Scene {
    home: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = "scenarios/02-traffic-upgrade-downgrade-rollback-retire.yaml";
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        replay(&Scenario::parse(&text).unwrap(), home.path()).await.unwrap();
        Self { home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary().unwrap());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PROBITY_")) {
            command.env_remove(name);
        }
        command.current_dir(self.home.path()).args(words);
        command.env("PROBITY_STATE", self.path("state")).env("PROBITY_CACHE", self.path("cache"));
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        ran(&mut self.command(words))
    }

    fn good(&self, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        ran
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Every file below a directory with all of its bytes.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn copy_all(from: &Path, to: &Path) {
    for (path, bytes) in contents(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

/// Questions of every command that asks.
const QUESTIONS: &[&[&str]] = &[
    &["models"],
    &["models", "--count-by", "state"],
    &["model", MODEL],
    &["list", "use-cases"],
    &["list", "deployments"],
    &["list", "datasets"],
    &["list", "monitors"],
    &["list", "problems"],
    &["list", "value"],
    &["history", MODEL],
    &["history", "--type", "approval.*"],
    &["history", "endpoint:payments/checkout", "--serving", "--at", "-1h"],
    &["compare", "model:payments/card-fraud@1", "model:payments/card-fraud@2"],
    &["lineage", MODEL],
    &["impact", MODEL],
    &["compliance"],
    &["compliance", MODEL],
    &["entry", "0"],
    &["entry", "12"],
    &["checkpoint"],
    &["checkpoint", "--keys"],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_answers_every_question_as_the_server_does_and_stays_as_it_is() {
    let scene = Scene::set().await;
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    let made = scene.good(&["backup", "ledger", "copy"]);
    assert!(made.out.contains("no private keys"), "{made:?}");
    let before = contents(&scene.path("copy"));
    assert!(!before.keys().any(|path| path.extension().is_some_and(|extension| extension == "key")), "{before:?}");
    assert!(before.contains_key(&scene.path("copy/keys/receipt.pub")));
    // A question that counts in relation to now is asked at about the same moment.
    for question in QUESTIONS {
        let asked = |more: &[&str]| scene.run(&[*question, more, &["--json"]].concat());
        let (served, copied) = (asked(&["--server", &server.address]), asked(&["--ledger", "copy"]));
        assert_eq!(served.code, copied.code, "{question:?}: {served:?} {copied:?}");
        let settled = |ran: &Ran| {
            let mut answer = ran.json();
            for moment in ["now_ms", "at_ms"] {
                answer.as_object_mut().map(|answer| answer.remove(moment));
            }
            answer
        };
        match matches!(served.code, Some(0 | 1)) && !served.out.is_empty() {
            true => assert_eq!(settled(&served), settled(&copied), "{question:?}"),
            false => panic!("{question:?}: {served:?}"),
        }
        assert!(copied.err.contains("nothing in it is changed"), "{copied:?}");
    }
    // A directory that is served is asked the same way.
    let own = scene.good(&["models", "--ledger", "ledger", "--json"]);
    assert_eq!(own.json(), scene.good(&["models", "--server", &server.address, "--json"]).json());
    server.stop().unwrap();
    assert!(contents(&scene.path("copy")) == before, "the copy was changed");
    let home: Vec<_> = fs::read_dir(scene.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!home.iter().any(|name| name == "copy.anchor"), "{home:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_ask_one_copy_that_cannot_be_written() {
    let scene = Scene::set().await;
    scene.good(&["backup", "ledger", "copy"]);
    let before = contents(&scene.path("copy"));
    let asked: Vec<_> = (0..4)
        .map(|_| {
            let mut command = scene.command(&["history", MODEL, "--ledger", "copy", "--json"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<_> = asked.into_iter().map(|asked| asked.wait_with_output().unwrap()).collect();
    for answer in &answers {
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        assert_eq!(answer.stdout, answers[0].stdout);
    }
    assert!(contents(&scene.path("copy")) == before, "the copy was changed");
    // Where nothing can be kept it is answered all the same.
    fs::write(scene.path("file"), "").unwrap();
    let ran = ran(scene.command(&["models", "--ledger", "copy"]).env("PROBITY_CACHE", scene.path("file")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("nothing is kept"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_in_a_copy() {
    let scene = Scene::set().await;
    for words in [
        &["record", "--from", "sample", "--key", "any.key"][..],
        &["confirm", "3", "--key", "any.key"],
        &["suspend", "endpoint:payments/checkout", "--reason", "Any.", "--key", "any.key"],
        &["impact", MODEL, "--raise-findings", "Any.", "--key", "any.key"],
    ] {
        let ran = scene.run(&[words, &["--ledger", "ledger"]].concat());
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
    }
    let ran = scene.run(&["confirm", "3", "--key", "any.key", "--ledger", "ledger"]);
    assert!(ran.err.contains("--server"), "{ran:?}");
    let ran = scene.run(&["models", "--ledger", "ledger", "--pin", &"ab".repeat(32)]);
    assert!(ran.code == Some(3) && ran.err.contains("not the one that is pinned"), "{ran:?}");
    let ran = scene.run(&["models", "--ledger", "state"]);
    assert!(ran.code == Some(3) && ran.err.contains("no log/"), "{ran:?}");
}

/// Changes a byte in the middle of the statement at an index, wherever it is in the files of a log, and
/// makes the checksum of its block fit again.
fn forge(directory: &Path, statement: &[u8]) {
    for entry in fs::read_dir(directory.join("log/segments")).unwrap() {
        let file = entry.unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        let Some(start) = bytes.windows(statement.len()).position(|window| window == statement) else { continue };
        let offset = start + statement.len() / 2;
        bytes[offset] ^= 1;
        let frame = (0..offset - 8).rev().find_map(|start| {
            let length = u32::from_be_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
            let end = start.checked_add(8)?.checked_add(length)?;
            (bytes[start + 8] == 0xa5 && (offset..bytes.len()).contains(&end) && length < 1 << 20)
                .then_some((start, end))
        });
        let (start, end) = frame.unwrap();
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[start..start + 4]), &bytes[start + 8..end]);
        bytes[start + 4..start + 8].copy_from_slice(&checksum.to_be_bytes());
        fs::write(&file, bytes).unwrap();
        return;
    }
    panic!("the statement is in no segment");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_copy_is_not_answered_from() {
    let scene = Scene::set().await;
    scene.good(&["backup", "ledger", "copy"]);
    scene.good(&["entry", "12", "--ledger", "copy", "--out", "12.statement"]);
    copy_all(&scene.path("copy"), &scene.path("forged"));
    forge(&scene.path("forged"), &fs::read(scene.path("12.statement")).unwrap());
    // Whether it was read before, and is kept, or not.
    let entry = scene.run(&["entry", "12", "--ledger", "forged"]);
    assert!(entry.code == Some(3) && entry.out.is_empty(), "{entry:?}");
    fs::remove_dir_all(scene.path("cache")).unwrap();
    for question in [&["entry", "12"][..], &["models"], &["entry", "11"]] {
        let ran = scene.run(&[question, &["--ledger", "forged"]].concat());
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains("does not verify"), "{ran:?}");
    }
    // One that was cut off behind its checkpoint, as somebody does who hides what came last.
    copy_all(&scene.path("copy"), &scene.path("short"));
    let segment = scene.path("short/log/segments/0000000000.segment");
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 600..].fill(0);
    fs::write(&segment, bytes).unwrap();
    let ran = scene.run(&["models", "--ledger", "short"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_forged_after_the_copy_was_read_is_not_shown() {
    let TestLedger { home, administrator, .. } =
        TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Files).unwrap();
    let scene = Scene { home };
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    // More than one tile of hashes, which opening a log believes until somebody asks.
    let concern = || {
        let event = json!({
            "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
            "data": { "concern": "One of many." },
        });
        administrator.state(event, ORIGIN).unwrap()
    };
    let statements: Vec<_> = (0..600).map(|_| concern()).collect();
    for some in statements.chunks(100) {
        probity_tests::register(&mut server.registration().await.unwrap(), some).await.unwrap();
    }
    server.stop().unwrap();
    // A copy of all files with the anchor is not read from the beginning every time.
    copy_all(&scene.path("ledger"), &scene.path("copy"));
    fs::copy(scene.path("ledger.anchor"), scene.path("copy.anchor")).unwrap();
    scene.good(&["entry", "50", "--ledger", "copy", "--out", "50.statement"]);
    forge(&scene.path("copy"), &fs::read(scene.path("50.statement")).unwrap());
    let entry = scene.run(&["entry", "50", "--ledger", "copy"]);
    assert!(entry.code == Some(3) && entry.out.is_empty(), "{entry:?}");
    assert!(entry.err.contains("probity verify"), "{entry:?}");
    scene.good(&["entry", "450", "--ledger", "copy"]);
    assert_eq!(scene.run(&["verify", "copy"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_and_is_restored_against_what_is_known() {
    let TestLedger { home, administrator, .. } =
        TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Files).unwrap();
    let scene = Scene { home };
    let record = async |server: &Server, count: usize| {
        let concern = || {
            let event = json!({
                "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
                "data": { "concern": "One of many." },
            });
            administrator.state(event, ORIGIN).unwrap()
        };
        let statements: Vec<_> = (0..count).map(|_| concern()).collect();
        probity_tests::register(&mut server.registration().await.unwrap(), &statements).await.unwrap();
    };
    scene.good(&["backup", "ledger", "old"]);
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    record(&server, 400).await;
    let first = scene.good(&["backup", "ledger", "copy", "--json"]).json();
    probity_tests::found(&scene.path("other"), &[probity_tests::Signer::person().unwrap()], None).unwrap();
    record(&server, 1).await;
    let second = scene.good(&["backup", "ledger", "copy", "--json"]).json();
    assert_eq!(second["added"], 1);
    assert_eq!(second["statements"].as_u64(), first["statements"].as_u64().map(|before| before + 1));
    let same = scene.good(&["backup", "ledger", "copy", "--json"]).json();
    assert_eq!((&same["added"], &same["root"]), (&0.into(), &second["root"]));
    server.stop().unwrap();
    let other = scene.run(&["backup", "other", "copy"]);
    assert!(other.code == Some(3) && other.err.contains("checkpoint"), "{other:?}");

    // It cannot be served by mistake.
    let served = scene.run(&["serve", "copy", "--listen", "127.0.0.1:0"]);
    assert!(served.code == Some(3) && !served.err.is_empty(), "{served:?}");

    // The machine is lost, the anchor is not: it says whether a backup holds everything.
    fs::rename(scene.path("ledger"), scene.path("lost")).unwrap();
    let refused = scene.run(&["restore", "old", "ledger", "--keys", "lost/keys"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("401 that were acknowledged are missing"), "{refused:?}");
    assert!(!scene.path("ledger").exists());
    let refused = scene.run(&["restore", "copy", "ledger", "--keys", "other/keys"]);
    assert!(refused.code == Some(1) && refused.err.contains("private keys"), "{refused:?}");
    scene.good(&["restore", "copy", "ledger", "--keys", "lost/keys"]);
    scene.good(&["verify", "ledger"]);
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    let now = scene.good(&["checkpoint", "--server", &server.address, "--json"]).json();
    assert_eq!(now["root"], second["root"]);
    server.stop().unwrap();

    // The anchor is lost too: somebody has to name a checkpoint.
    fs::rename(scene.path("ledger.anchor"), scene.path("lost.anchor")).unwrap();
    let refused = scene.run(&["restore", "copy", "again", "--keys", "lost/keys"]);
    assert!(refused.code == Some(2) && refused.err.contains("--against"), "{refused:?}");
    let refused = scene.run(&["restore", "old", "again", "--keys", "lost/keys", "--against", "copy/checkpoint"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    scene.good(&["restore", "copy", "again", "--keys", "lost/keys", "--against", "old/checkpoint"]);
    scene.good(&["verify", "again"]);
    Server::start(&scene.path("again"), &[]).unwrap().stop().unwrap();
}

/// The lines of commands in a page.
fn lines_of(page: &str) -> Vec<String> {
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_auditors_guide_runs_as_it_stands() {
    let scene = Scene::set().await;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/guide/auditors.md");
    let lines = lines_of(&fs::read_to_string(page).unwrap());
    assert!(lines.len() >= 12, "{lines:?}");
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    scene.good(&["checkpoint", "--server", &server.address, "--out", "earlier.checkpoint"]);
    let founding = scene.good(&["verify", "ledger", "--json"]).json()["founding_leaf_hash"].clone();
    // Who signed the statement that the page looks at.
    let entry = scene.good(&["entry", "12", "--server", &server.address, "--json"]).json();
    let issuer = entry["issuer"].as_str().unwrap();
    let signer = fs::read_dir(scene.home.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        path.extension().is_some_and(|extension| extension == "pub")
            && fs::read_to_string(path).is_ok_and(|text| text.contains(issuer))
    });
    fs::copy(signer.expect("the signer's public key"), scene.path("signer.pub")).unwrap();
    let path = format!("{}:{}", binary().unwrap().parent().unwrap().display(), std::env::var("PATH").unwrap());
    for line in lines {
        let mut shell = Command::new("sh");
        shell.current_dir(scene.home.path()).args(["-c", &line]).env("PATH", &path);
        shell.env("PROBITY_STATE", scene.path("state")).env("PROBITY_CACHE", scene.path("cache"));
        shell.env("PROBITY_SERVER", &server.address).env("FOUNDING", founding.as_str().unwrap());
        let ran = ran(&mut shell);
        let fits = match line.starts_with("probity compliance") {
            // What is not in order is a clear answer as well.
            true => matches!(ran.code, Some(0 | 1)),
            false => ran.code == Some(0),
        };
        assert!(fits, "{line}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_proves_that_a_statement_is_in_the_log_without_a_key_of_the_ledger() {
    let scene = Scene::set().await;
    scene.good(&["backup", "ledger", "copy"]);
    scene.good(&["entry", "12", "--ledger", "copy", "--out", "12.statement"]);
    let refused = scene.run(&["receipt", "12", "--ledger", "copy", "--out", "12.receipt"]);
    assert!(refused.code == Some(2) && refused.err.contains("--proof FILE"), "{refused:?}");
    assert!(!scene.path("12.receipt").exists());

    let before = contents(&scene.path("copy"));
    let proven = scene.good(&["receipt", "12", "--ledger", "copy", "--proof", "12.tlog-proof", "--json"]).json();
    assert_eq!(contents(&scene.path("copy")), before);
    let proof = fs::read_to_string(scene.path("12.tlog-proof")).unwrap();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex 12\n") && proven["proof"] == json!(proof), "{proof}");
    let keys = scene.good(&["checkpoint", "--keys", "--ledger", "copy"]);
    fs::write(scene.path("ledger.keys"), keys.out).unwrap();
    let verify = |statement: &str, more: &[&str]| {
        let words =
            ["verify", "--statement", statement, "--proof", "12.tlog-proof", "--checkpoint-keys", "ledger.keys"];
        scene.run(&[&words[..], more].concat())
    };
    let recorded = verify("12.statement", &[]);
    assert!(recorded.code == Some(3) && recorded.out.contains("its signature not checked"), "{recorded:?}");
    let issuer = scene.good(&["entry", "12", "--ledger", "copy", "--json"]).json()["issuer"].clone();
    let signer = fs::read_dir(scene.home.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        path.extension().is_some_and(|extension| extension == "pub")
            && fs::read_to_string(path).is_ok_and(|text| text.contains(issuer.as_str().unwrap()))
    });
    let signer = signer.unwrap();
    let verified = verify("12.statement", &["--signer-key", signer.to_str().unwrap()]);
    assert!(verified.code == Some(0) && verified.out.contains("verified: "), "{verified:?}");
    assert!(verified.out.contains("before its checkpoint of"), "{verified:?}");

    scene.good(&["entry", "13", "--ledger", "copy", "--out", "13.statement"]);
    assert_eq!(verify("13.statement", &[]).code, Some(1), "it is about another statement");
    fs::write(scene.path("12.tlog-proof"), proof.replace("index 12", "index 13")).unwrap();
    assert_eq!(verify("12.statement", &[]).code, Some(1), "it is at another place");
    let words = ["verify", "--statement", "12.statement", "--proof", "12.tlog-proof"];
    assert_eq!(scene.run(&words).code, Some(2), "without keys it proves nothing");
    // A server proves the same, with a receipt besides.
    let server = Server::start(&scene.path("ledger"), &[]).unwrap();
    let both = ["receipt", "12", "--proof", "served.tlog-proof", "--out", "12.receipt", "--server", &server.address];
    scene.good(&both);
    assert!(scene.path("12.receipt").exists());
    assert!(fs::read_to_string(scene.path("served.tlog-proof")).unwrap().starts_with("c2sp.org/tlog-proof@v1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_an_anchor_is_verified_once_and_again_when_a_file_changes() {
    let scene = Scene::set().await;
    scene.good(&["backup", "ledger", "copy"]);
    let before = "verified before and the same since";
    let ask = || scene.run(&["models", "--ledger", "copy"]);
    let untouched = contents(&scene.path("copy"));
    assert!(!ask().err.contains(before));
    let again = ask();
    assert!(again.code == Some(0) && again.err.contains(before), "{again:?}");
    assert_eq!(contents(&scene.path("copy")), untouched, "it is remembered elsewhere");

    // The same bytes written again are not known to be the same.
    let (path, bytes) = untouched
        .iter()
        .find(|(path, _)| path.extension().is_some_and(|it| it == "log"))
        .unwrap_or_else(|| untouched.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap());
    fs::write(path, bytes).unwrap();
    assert!(!ask().err.contains(before));
    assert!(ask().err.contains(before));
    let middle = bytes.iter().position(|byte| *byte != 0).unwrap() + 200;
    let mut broken = bytes.clone();
    broken[middle] ^= 1;
    fs::write(path, &broken).unwrap();
    let refused = ask();
    assert!(refused.code != Some(0) && refused.err.contains("does not verify"), "{refused:?}");
    fs::write(path, bytes).unwrap();
    assert_eq!(ask().code, Some(0));
}
