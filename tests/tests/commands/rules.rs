//! Which rules a ledger is under, and how an old one goes on under newer ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use probity_log::{Block, FileLog, FileLogOptions, Log, OpenError, first_block};
use probity_schemas::{Event, Identity};
use probity_statement::{LedgerSecrets, SecretKey, SignedStatement, Unsigned};
use probity_tests::{Server, granting};
use probity_tlog::{BlockTree, Frontier};
use serde_json::{Value, json};

use crate::shell::{Ran, Shell};

const ORIGIN: &str = "ledger.test/cli";

/// By then a program that was started has begun.
const BEGUN: Duration = Duration::from_secs(1);

const MODEL: &str = r#"{
    "type": "model.registered",
    "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
    "data": { "purpose": "Estimates the probability of default." }
}"#;

const SUSPENSION: &str = r#"{
    "type": "deployment.suspended",
    "subject": { "kind": "endpoint", "namespace": "credit", "name": "eu" },
    "data": { "reason": "It refuses everyone.", "scope": "endpoint" }
}"#;

/// A ledger of two administrators, Ada and Ben, as versions before rule set 2 founded them: with
/// roles and without a gate.
async fn founded_under_rule_set_1() -> Shell {
    founded_again(Some(1), 0).await
}

/// The same under another rule set, or the newest, and under a clock that was so many seconds ahead.
pub(crate) async fn founded_again(rule_set: Option<u32>, ahead_s: u64) -> Shell {
    let shell = Shell::new();
    for name in ["ada", "ben", "dora"] {
        shell.json(&["key", "new", "--person", name, &format!("{name}.key")]);
    }
    shell.json(&["init", "ledger", "--origin", ORIGIN, "--administrator", "ada.pub", "--administrator", "ben.pub"]);
    let secrets = secrets(&shell.path("ledger/keys"));
    let options = FileLogOptions::new(shell.path("ledger/log")).anchor(shell.path("ledger.anchor"));
    let present = first_block(&options).unwrap();
    let again = |index: u64| {
        let statement = SignedStatement::parse(present.statement(index).unwrap().to_vec().into()).unwrap();
        let mut event = serde_json::to_value(statement.event().unwrap()).unwrap();
        if let (0, Some(rule_set)) = (index, rule_set) {
            event["data"]["rule_set"] = json!(rule_set);
        }
        let event = Event::from_value(&event).unwrap();
        let unsigned = Unsigned::new(&event, statement.issuer(), ORIGIN, statement.kid()).unwrap();
        unsigned.sign(&secrets.checkpoint).unwrap()
    };
    let count = if rule_set == Some(1) { 2 } else { present.statements().len() as u64 };
    let statements: Vec<SignedStatement> = (0..count).map(again).collect();
    let time = present.time() + ahead_s;
    let leaves: Vec<_> = statements.iter().map(SignedStatement::leaf_hash).collect();
    let root = BlockTree::new(&Frontier::new(), &leaves).root();
    let checkpoint = secrets.checkpoint_signer().unwrap().sign(count, root, time);
    let bytes: Vec<_> = statements.iter().map(SignedStatement::bytes).collect();
    let block = Block::new(0, 0, time, &bytes, &checkpoint).unwrap();

    // A program that another test starts while this has the log open holds its lock too, until it
    // has begun.
    let mut tries = 0..100;
    let log = loop {
        fs::remove_dir_all(shell.path("ledger/log")).unwrap();
        fs::remove_file(shell.path("ledger.anchor")).unwrap_or_default();
        match FileLog::create(&options, secrets.public().checkpoint_verifier().unwrap()) {
            Err(OpenError::Locked { .. }) if tries.next().is_some() => tokio::time::sleep(BEGUN / 10).await,
            created => break created.unwrap(),
        }
    };
    log.enqueue(block).await.unwrap();
    drop(log);
    tokio::time::sleep(BEGUN).await;
    shell
}

fn secrets(keys: &Path) -> LedgerSecrets {
    let read = |name: &str| SecretKey::from_pem(&fs::read_to_string(keys.join(name)).unwrap(), None).unwrap();
    LedgerSecrets {
        origin: ORIGIN.parse().unwrap(),
        checkpoint: read("checkpoint.key"),
        clock: read("clock.key"),
        receipt: read("receipt.key"),
    }
}

/// Someone hands in an event that is written in a file.
fn record(shell: &Shell, server: &Server, event: &str, key: &str) -> Ran {
    shell.write("event.json", event);
    shell.run(&["record", "event.json", "--key", key, "--server", &server.address])
}

fn recorded(shell: &Shell, server: &Server, event: &str, key: &str) -> Value {
    shell.write("event.json", event);
    shell.json(&["record", "event.json", "--key", key, "--server", &server.address])
}

fn role(shell: &Shell, role: &str) -> String {
    let dora = shell.json(&["key", "show", "dora.pub"])["identity"].clone();
    let dora: Identity = dora.as_str().unwrap().parse().unwrap();
    granting(&dora, role, &["*"]).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ledger_adopts_the_rules_and_goes_on_under_them() {
    let shell = founded_under_rule_set_1().await;
    let shown = shell.json(&["rules", "ledger"]);
    assert_eq!((&shown["rule_set"], &shown["since"], &shown["known"]), (&json!(1), &json!(0), &json!([1, 2])));
    let shown = shell.run(&["rules", "ledger"]);
    assert!(shown.out.contains("rule set 1") && shown.out.contains("rules adopt 2 ledger"), "{shown:?}");

    // Under the old rules one administrator is enough.
    let server = Server::start(&shell.path("ledger"), &[]).unwrap();
    let enrolment =
        shell.run(&["key", "show", "dora.key", "--enrol-in", ORIGIN, "--role", "developer", "--in", "credit/*"]);
    recorded(&shell, &server, &enrolment.out, "ada.key");
    recorded(&shell, &server, MODEL, "dora.key");
    let served = shell.run(&["rules", "adopt", "2", "ledger"]);
    assert_eq!(served.code, Some(3), "not while somebody else writes: {served:?}");
    assert!(served.err.contains(&format!("process {}", server.id())), "{served:?}");
    assert_eq!(server.stop().unwrap().0, Some(0));

    let adopted = shell.run(&["rules", "adopt", "2", "ledger", "--reason", "Power takes two."]);
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    for said in ["from index 5 on", "confirm", "nothing guards deployment"] {
        assert!(adopted.out.contains(said), "{said}: {adopted:?}");
    }
    let shown = shell.json(&["rules", "ledger"]);
    assert_eq!((&shown["rule_set"], &shown["since"]), (&json!(2), &json!(5)));

    // What was given before is still there; what is given from now on waits for a second person.
    let server = Server::start(&shell.path("ledger"), &[]).unwrap();
    let entry = shell.json(&["entry", "5", "--server", &server.address]);
    assert_eq!(
        (&entry["event"]["type"], &entry["event"]["data"]["rule_set"]),
        (&json!("ledger.rules_adopted"), &json!(2))
    );
    assert_eq!(entry["issuer"], format!("ledger:{ORIGIN}"));
    recorded(&shell, &server, &MODEL.replace("\"pd\"", "\"lgd\""), "dora.key");
    let granted = recorded(&shell, &server, &role(&shell, "operator"), "ada.key")[0]["index"].to_string();
    let refused = record(&shell, &server, SUSPENSION, "dora.key");
    assert!(refused.code == Some(1) && refused.err.contains("NOT_AUTHORISED"), "{refused:?}");
    let alone = shell.run(&["confirm", &granted, "--key", "ada.key", "--yes", "--server", &server.address]);
    assert!(alone.code == Some(1) && alone.err.contains("NOT_A_SECOND_PERSON"), "{alone:?}");
    let confirmed = shell.run(&["confirm", &granted, "--key", "ben.key", "--yes", "--server", &server.address]);
    assert_eq!(confirmed.code, Some(0), "{confirmed:?}");
    recorded(&shell, &server, SUSPENSION, "dora.key");
    assert_eq!(server.stop().unwrap().0, Some(0));

    let verified = shell.json(&["verify", "ledger"]);
    assert_eq!((&verified["verified"], &verified["statements"]), (&json!(true), &json!(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ledger_adopts_rules_that_nobody_knows_or_goes_back() {
    let shell = founded_under_rule_set_1().await;
    let size = || shell.json(&["verify", "ledger"])["statements"].clone();
    for number in ["0", "3", "4294967295"] {
        let unknown = shell.run(&["rules", "adopt", number, "ledger"]);
        assert_eq!(unknown.code, Some(1), "{unknown:?}");
        assert!(unknown.err.contains("upgrade") && unknown.err.contains(number), "{unknown:?}");
    }
    let same = shell.json(&["rules", "adopt", "1", "ledger"]);
    assert_eq!((&same["recorded"], &same["since"]), (&json!(false), &json!(0)));
    assert_eq!(size(), json!(2), "nothing was recorded");

    let adopted = shell.json(&["rules", "adopt", "2", "ledger"]);
    assert_eq!((&adopted["recorded"], &adopted["since"], &adopted["before"]), (&json!(true), &json!(2), &json!(1)));
    let back = shell.run(&["rules", "adopt", "1", "ledger"]);
    assert_eq!(back.code, Some(1), "{back:?}");
    assert!(back.err.contains("no ledger goes back") && back.err.contains("index 2"), "{back:?}");
    let again = shell.run(&["rules", "adopt", "2", "ledger"]);
    assert!(again.code == Some(0) && again.out.contains("in force already"), "{again:?}");
    assert_eq!(size(), json!(3));
}

#[test]
fn what_is_no_ledger_has_no_rules() {
    let shell = Shell::new();
    assert_eq!(shell.run(&["rules"]).code, Some(2));
    for arguments in [&["rules", "nowhere"][..], &["rules", "adopt", "2", "nowhere"]] {
        let ran = shell.run(arguments);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains("nowhere"), "{ran:?}");
    }
    assert!(!shell.path("nowhere").exists());
}
