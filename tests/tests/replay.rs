//! Whoever holds a ledger's keys can write into its log what no honest registrar would have let in. Replaying finds it,
//! and judges every act by the rules of its own time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use probity_log::{Block, FileLog, FileLogOptions, Log};
use probity_schemas::{Clock, EventId, Identity, SystemClock};
use probity_statement::{LedgerSecrets, SecretKey, SignedStatement};
use probity_tests::{ORIGIN, Server, Signer, binary, enrolment, found, granting};
use probity_tlog::{BlockTree, Frontier, Hash};
use serde_json::{Value, json};
use sha2::Digest as _;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// A program that starts while a log is open holds its lock too until it has begun, so only one test has a ledger.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A ledger that is written by hand, past the registrar and whatever it would have asked.
struct Ledger {
    home: TempDir,
    secrets: LedgerSecrets,
    ada: Signer,
    ben: Signer,
    _alone: MutexGuard<'static, ()>,
}

impl Ledger {
    /// Founded by the real binary with two administrators.
    async fn founded() -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let (home, ada, ben) = (tempfile::tempdir().unwrap(), Signer::person().unwrap(), Signer::person().unwrap());
        let directory = home.path().join("ledger");
        found(&directory, &[ada.clone(), ben.clone()], None).unwrap();
        let read = |name: &str| {
            let pem = std::fs::read_to_string(directory.join("keys").join(name)).unwrap();
            SecretKey::from_pem(&pem, None).unwrap()
        };
        let origin = ORIGIN.parse().unwrap();
        let (checkpoint, clock, receipt) = (read("checkpoint.key"), read("clock.key"), read("receipt.key"));
        Self { home, secrets: LedgerSecrets { origin, checkpoint, clock, receipt }, ada, ben, _alone: alone }
    }

    /// As a version that knew no other rules founded it.
    async fn founded_under_the_first_rules() -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let (home, ada, ben) = (tempfile::tempdir().unwrap(), Signer::person().unwrap(), Signer::person().unwrap());
        let keys = home.path().join("ledger/keys");
        std::fs::create_dir_all(&keys).unwrap();
        let make = |name: &str| {
            let key = SecretKey::generate(&mut rand::rng()).unwrap();
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(keys.join(name));
            let pem = key.to_pem(None, &mut rand::rng()).unwrap();
            write!(file.as_mut().unwrap(), "identity: ledger:{ORIGIN}\n{}", *pem).unwrap();
            key
        };
        let origin = ORIGIN.parse().unwrap();
        let (checkpoint, clock, receipt) = (make("checkpoint.key"), make("clock.key"), make("receipt.key"));
        let ledger =
            Self { home, secrets: LedgerSecrets { origin, checkpoint, clock, receipt }, ada, ben, _alone: alone };
        let public = |key: &SecretKey| key.public().to_string();
        let administrator = |who: &Signer| json!({ "identity": who.identity, "public_key": public(&who.key), "kid": who.key.public().id().to_string() });
        let secrets = &ledger.secrets;
        let founded = json!({
            "origin": ORIGIN, "rule_set": 1, "single_administrator": false,
            "keys": {
                "checkpoint": public(&secrets.checkpoint), "clock": public(&secrets.clock),
                "receipt": public(&secrets.receipt),
            },
            "administrators": [administrator(&ledger.ada), administrator(&ledger.ben)],
        });
        let roles: Value = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
        let published = json!({
            "type": "policy.published", "subject": subject("policy", "probity", "roles"),
            "data": { "kind": "roles", "content": roles },
        });
        let genesis = [ledger.own("ledger.founded", founded), ledger.itself().state(published, ORIGIN).unwrap()];
        let log = FileLog::create(&ledger.options(), secrets.public().checkpoint_verifier().unwrap()).unwrap();
        let block = ledger.seal(&genesis, 0, &Frontier::new(), 0);
        log.enqueue(block).await.unwrap();
        ledger
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join("ledger")
    }

    fn options(&self) -> FileLogOptions {
        FileLogOptions::new(self.directory().join("log")).anchor(self.home.path().join("ledger.anchor"))
    }

    fn itself(&self) -> Signer {
        Signer { identity: Identity::Ledger(self.secrets.origin.clone()), key: self.secrets.checkpoint.clone() }
    }

    /// What the ledger says about itself.
    fn own(&self, event_type: &str, data: Value) -> SignedStatement {
        let event = json!({ "type": event_type, "subject": subject("ledger", "probity", "ledger"), "data": data });
        self.itself().state(event, ORIGIN).unwrap()
    }

    fn seal(&self, statements: &[SignedStatement], height: u64, before: &Frontier, earliest: u64) -> Block {
        let leaves: Vec<Hash> = statements.iter().map(SignedStatement::leaf_hash).collect();
        let tree = BlockTree::new(before, &leaves);
        let time = SystemClock.now().max(earliest);
        let size = before.size() + statements.len() as u64;
        let checkpoint = self.secrets.checkpoint_signer().unwrap().sign(size, tree.root(), time);
        let bytes: Vec<_> = statements.iter().map(SignedStatement::bytes).collect();
        Block::new(height, before.size(), time, &bytes, &checkpoint).unwrap()
    }

    /// Writes a block without asking admission, properly signed in every other respect. Returns its first index.
    async fn write(&self, statements: &[SignedStatement]) -> u64 {
        let verifier = self.secrets.public().checkpoint_verifier().unwrap();
        let log = FileLog::open(&self.options(), verifier).unwrap();
        let head = log.reader().head().unwrap();
        let frontier = log.tiles().frontier(head.tree_size).unwrap();
        log.enqueue(self.seal(statements, head.height + 1, &frontier, head.time)).await.unwrap();
        head.tree_size
    }

    /// Lets someone in properly, by both administrators where it takes two.
    fn let_in(&self, signer: &Signer, roles: &[&str]) -> Vec<SignedStatement> {
        let mut events = vec![enrolment(signer, ORIGIN, &[]).unwrap()];
        events.extend(roles.iter().map(|role| granting(&signer.identity, role, &["*"])));
        events.into_iter().flat_map(|event| confirmed(&self.ada, &self.ben, event)).collect()
    }

    /// Exit code and output of the real verifier.
    fn verify(&self) -> (Option<i32>, String) {
        self.verify_with(&[])
    }

    fn verify_with(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(binary().unwrap());
        let output = command.arg("verify").arg(self.directory()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// What the real server says when it does not start.
    fn does_not_serve(&self) -> String {
        Server::start(&self.directory(), &[]).map(|server| server.address.clone()).unwrap_err().to_string()
    }

    fn verifies_and_serves(&self) {
        let (code, said) = self.verify();
        assert_eq!(code, Some(0), "{said}");
        Server::start(&self.directory(), &[]).unwrap();
    }

    /// Both the verifier and the server stop at this index and say all of this.
    fn is_caught(&self, index: u64, says: &[&str]) {
        let (code, said) = self.verify();
        assert_eq!(code, Some(1), "{said}");
        for said in [said, self.does_not_serve()] {
            assert!(said.contains(&format!("the statement at index {index} ")), "index {index}: {said}");
            says.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
        }
    }
}

/// An act of power and the second person's yes.
fn confirmed(first: &Signer, second: &Signer, event: Value) -> [SignedStatement; 2] {
    let act = first.state(event, ORIGIN).unwrap();
    let event = act.event().unwrap();
    let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(act.bytes())));
    let yes = json!({
        "type": "authority.confirmed", "subject": event.subject, "regarding": event.id,
        "data": { "statement_digest": digest },
    });
    [act, second.state(yes, ORIGIN).unwrap()]
}

fn subject(kind: &str, namespace: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": namespace, "name": name })
}

fn version() -> Value {
    json!({ "kind": "model", "namespace": "credit", "name": "pd", "version": "1" })
}

fn model() -> Value {
    subject("model", "credit", "pd")
}

fn digest() -> String {
    format!("sha256:{}", "5a".repeat(32))
}

fn event(event_type: &str, subject: &Value, data: Value) -> Value {
    json!({ "type": event_type, "subject": subject, "data": data })
}

/// A model with a version and a request for its approval; the request's id comes with it.
fn registered(by: &Signer) -> (Vec<SignedStatement>, EventId) {
    let events = [
        event("model.registered", &model(), json!({ "purpose": "Estimates defaults." })),
        event("model.version_registered", &version(), json!({ "artifacts": [{ "digest": digest(), "form": "file" }] })),
        event("approval.requested", &version(), json!({ "gate": "production" })),
    ];
    let statements: Vec<_> = events.into_iter().map(|event| by.state(event, ORIGIN).unwrap()).collect();
    let request = statements[2].event().unwrap().id;
    (statements, request)
}

fn approval(by: &Signer, request: EventId) -> SignedStatement {
    let data = json!({ "gate": "production", "digests": [digest()], "scope": {}, "meaning": "Yes." });
    let mut event = event("approval.granted", &version(), data);
    event["regarding"] = json!(request);
    by.state(event, ORIGIN).unwrap()
}

fn authorization(by: &Signer) -> SignedStatement {
    let data = json!({ "version": version(), "digest": digest(), "environment": "production" });
    by.state(event("deployment.authorized", &subject("endpoint", "credit", "eu"), data), ORIGIN).unwrap()
}

fn fact(by: &Signer, name: &str) -> SignedStatement {
    let data = json!({ "purpose": "Estimates something." });
    by.state(event("model.registered", &subject("model", "credit", name), data), ORIGIN).unwrap()
}

/// An honest ledger with a developer who is an approver and a deployer too, another approver, and a request; the index
/// at which the version was registered.
async fn honest() -> (Ledger, Signer, Signer, EventId, u64) {
    let ledger = Ledger::founded().await;
    let (dora, arno) = (Signer::person().unwrap(), Signer::person().unwrap());
    let mut statements = ledger.let_in(&dora, &["developer", "approver", "deployer"]);
    statements.extend(ledger.let_in(&arno, &["approver"]));
    let (made, request) = registered(&dora);
    let at = statements.len() as u64 + 1;
    statements.extend(made);
    let first = ledger.write(&statements).await;
    (ledger, dora, arno, request, first + at)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_by_hand_within_the_rules_is_as_good_as_any() {
    let (ledger, dora, arno, request, _) = honest().await;
    ledger.write(&[approval(&arno, request), authorization(&dora)]).await;
    ledger.verifies_and_serves();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_by_whoever_registered_the_version_is_caught() {
    let (ledger, dora, arno, request, made) = honest().await;
    // Others come before and after it, in the same block.
    let block = [fact(&dora, "before"), approval(&dora, request), approval(&arno, request), fact(&dora, "after")];
    let first = ledger.write(&block).await;
    let hand = format!("had a hand in this (index {made})");
    ledger.is_caught(first + 1, &["approval.granted", &dora.identity.to_string(), &hand]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_same_person_gave_and_confirmed_is_caught() {
    let (ledger, dora, ..) = honest().await;
    let both = confirmed(&ledger.ada, &ledger.ada, granting(&dora.identity, "compliance", &["*"]));
    let first = ledger.write(&both).await;
    ledger.is_caught(first + 1, &["authority.confirmed", &format!("the act at index {first} takes a second person")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_that_nobody_asked_for_is_caught() {
    let (ledger, _, arno, ..) = honest().await;
    let data = json!({
        "control": "production", "reason": "Monday.", "compensating_controls": ["A person looks."],
        "expires_at": 4_102_444_800_000_u64,
    });
    let first = ledger.write(&[arno.state(event("exception.granted", &model(), data), ORIGIN).unwrap()]).await;
    ledger.is_caught(first, &["regarding is missing: exception.granted answers"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_let_through_a_closed_gate_is_caught() {
    let (ledger, dora, ..) = honest().await;
    let first = ledger.write(&[authorization(&dora)]).await;
    ledger.is_caught(first, &["deployment.authorized", "has not passed gate production"]);
}

/// Acts that the first rules take and the second refuse: power with one signature, an end that nobody proposed, and a
/// version that nobody approved.
fn as_it_was(ledger: &Ledger, who: &Signer) -> Vec<SignedStatement> {
    let alone = [enrolment(who, ORIGIN, &[]).unwrap()]
        .into_iter()
        .chain(["developer", "approver", "deployer"].map(|role| granting(&who.identity, role, &["*"])));
    let mut statements: Vec<_> = alone.map(|event| ledger.ada.state(event, ORIGIN).unwrap()).collect();
    let (made, request) = registered(who);
    statements.extend(made);
    statements.extend([approval(who, request), authorization(who), unasked(who)]);
    statements
}

fn unasked(by: &Signer) -> SignedStatement {
    by.state(event("retirement.approved", &model(), json!({ "rationale": "Nobody uses it." })), ORIGIN).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ledger_is_judged_by_its_own_rules_up_to_the_position_where_it_adopts_others() {
    let ledger = Ledger::founded_under_the_first_rules().await;
    let who = Signer::person().unwrap();
    ledger.write(&as_it_was(&ledger, &who)).await;
    ledger.verifies_and_serves();
    ledger.write(&[ledger.own("ledger.rules_adopted", json!({ "rule_set": 2 })), fact(&who, "next")]).await;
    ledger.verifies_and_serves();
    // What was right before is wrong from there on.
    let index = ledger.write(&[unasked(&who)]).await;
    ledger.is_caught(index, &["regarding is missing: retirement.approved answers"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_founded_under_the_second_rules_refuses_what_the_first_took() {
    let ledger = Ledger::founded().await;
    let who = Signer::person().unwrap();
    let first = ledger.write(&as_it_was(&ledger, &who)).await;
    // The first to fail is the first statement of whom one person alone let in: an enrolment and three roles wait.
    ledger.is_caught(first + 4, &["is not enrolled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_this_version_does_not_know_stop_it_and_ask_for_a_newer_one() {
    let ledger = Ledger::founded().await;
    let index = ledger.write(&[ledger.own("ledger.rules_adopted", json!({ "rule_set": 99 }))]).await;
    ledger.is_caught(index, &["rule set 99", "upgrade"]);
}

/// Files and directories of a ledger, elsewhere.
fn copy(from: &[PathBuf], to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp").arg("-R").args(from).arg(to).status().unwrap();
    assert!(copied.success(), "{from:?} is not copied to {to:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_its_own_keys_rewrote_is_caught_by_an_earlier_checkpoint() {
    let (ledger, dora, ..) = honest().await;
    let home = ledger.home.path();
    let files = [home.join("ledger"), home.join("ledger.anchor")];
    let before = home.join("before");
    copy(&files, &before);
    let first = ledger.write(&[fact(&dora, "first")]).await;
    let (code, said) = ledger.verify_with(&["--json"]);
    assert_eq!(code, Some(0), "{said}");
    let checkpoint = home.join("kept.checkpoint");
    let report: Value = serde_json::from_str(&said).unwrap();
    std::fs::write(&checkpoint, report["checkpoint"].as_str().unwrap()).unwrap();
    let against = ["--against", checkpoint.to_str().unwrap()];
    ledger.write(&[fact(&dora, "second")]).await;
    let (code, said) = ledger.verify_with(&against);
    assert_eq!(code, Some(0), "{said}");

    std::fs::remove_dir_all(&files[0]).unwrap();
    copy(&[before.join("ledger"), before.join("ledger.anchor")], home);
    // More at once than what it replaces: no block ends where the checkpoint does.
    ledger.write(&[fact(&dora, "other"), fact(&dora, "more")]).await;
    let (code, said) = ledger.verify();
    assert_eq!(code, Some(0), "in itself it is whole: {said}");
    let (code, said) = ledger.verify_with(&against);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("the first {} statements are not those of the checkpoint", first + 1)), "{said}");
}
