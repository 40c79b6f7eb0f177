//! A ledger under rule set 2 with everyone in their roles and every kind of matter open, and the server that is attacked.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_schemas::{Digest, Event, Identity};
use probity_statement::{SecretKey, SignedStatement};
use probity_tests::{Server, Signer, binary, enrolment, granting, register};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::attempt::Attempt;
use crate::forge::{Forged, ORIGIN, complete};

/// How long an honest statement may take, whatever came before it.
const DEADLINE: Duration = Duration::from_secs(20);

/// How much more memory the server may hold at the end than after its start, in KiB.
const MORE_MEMORY_KIB: u64 = 512 << 10;

/// Connections that attack at once.
const CONNECTIONS: usize = 4;

pub(crate) struct Scene {
    home: TempDir,
    pub(crate) server: Server,
    people: HashMap<&'static str, Signer>,
    pub(crate) recovery: Signer,
    /// What was opened, by the name that it is called here.
    opened: HashMap<&'static str, Value>,
    /// Everything that honest people recorded, in order.
    pub(crate) honest: Vec<(u64, Bytes)>,
    /// Attempts that were answered wrongly, all families together.
    wrong: Vec<String>,
    memory: u64,
    random: StdRng,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut people: HashMap<&'static str, Signer> = HashMap::new();
        for name in ["ada", "ben"] {
            people.insert(name, Signer::person().unwrap());
        }
        let recovery = Signer { identity: Identity::Ledger(ORIGIN.parse().unwrap()), key: new_key() };
        let mut init = Command::new(binary().unwrap());
        init.arg("init").arg(home.path().join("ledger")).args(["--origin", ORIGIN, "--recovery-threshold", "1"]);
        for (flag, name, signer) in [
            ("--administrator", "ada", &people["ada"]),
            ("--administrator", "ben", &people["ben"]),
            ("--recovery-key", "recovery", &recovery),
        ] {
            let path = home.path().join(name).with_extension("pub");
            signer.write_public_key(&path).unwrap();
            init.arg(flag).arg(path);
        }
        let output = init.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let server = Server::start(&home.path().join("ledger"), &[]).unwrap();
        let random = StdRng::seed_from_u64(0);
        let (opened, honest) = (HashMap::new(), Vec::new());
        let mut scene = Self { home, server, people, recovery, opened, honest, wrong: Vec::new(), memory: 0, random };
        scene.let_everyone_in().await;
        scene.open_matters().await;
        scene.memory = scene.memory_kib();
        scene
    }

    /// Everyone who has a name here.
    pub(crate) fn who(&self, name: &str) -> &Signer {
        &self.people[name]
    }

    /// The id of what was opened under a name.
    pub(crate) fn opened(&self, name: &str) -> &Value {
        &self.opened[name]["id"]
    }

    /// The whole event that was opened under a name.
    pub(crate) fn opener(&self, name: &str) -> &Value {
        &self.opened[name]
    }

    /// The digest of an honest statement, by its event's id.
    pub(crate) fn digest_of(&self, name: &str) -> String {
        let id = self.opened(name).as_str().unwrap();
        let statements = self.honest.iter().map(|(_, bytes)| SignedStatement::parse(bytes.clone()).unwrap());
        let found = statements.into_iter().find(|statement| statement.event().unwrap().id.to_string() == id).unwrap();
        digest_of(found.bytes())
    }

    async fn let_everyone_in(&mut self) {
        let all = [
            "developer",
            "owner",
            "validator",
            "approver",
            "deployer",
            "operator",
            "risk-officer",
            "compliance",
            "auditor",
            "importer",
        ];
        let everywhere: &[&str] = &["*"];
        let crowd: [(&'static str, &[&str], &[&str]); 8] = [
            ("developer", &["developer"], everywhere),
            ("approver", &["approver"], everywhere),
            ("operator", &["operator"], everywhere),
            ("compliance", &["compliance"], everywhere),
            // Holds every role but an administrator's, so that nothing but the rules stands in the way.
            ("jack", &all, everywhere),
            // Makes and decides.
            ("both", &["developer", "approver", "compliance"], everywhere),
            ("neighbour", &["developer"], &["cred1t/*", "credit-", "credit_x/*", "creditt", "c/redit"]),
            ("revoked", &["developer"], everywhere),
        ];
        for (name, roles, namespaces) in crowd {
            let signer = Signer::person().unwrap();
            self.empower(enrolment(&signer, ORIGIN, &[]).unwrap()).await;
            for role in roles {
                self.empower(granting(&signer.identity, role, namespaces)).await;
            }
            self.people.insert(name, signer);
        }
        let responsible = self.who("developer").identity.clone();
        let pipeline = Signer::service("pipeline").unwrap();
        self.honest("ada", enrolment(&pipeline, ORIGIN, &[responsible]).unwrap()).await;
        for role in ["developer", "deployer", "approver", "administrator"] {
            self.empower(granting(&pipeline.identity, role, everywhere)).await;
        }
        self.people.insert("pipeline", pipeline);
        let kid = self.who("revoked").key.public().id().to_string();
        let subject = self.who("revoked").identity.subject();
        let revoked =
            json!({ "type": "authority.key_revoked", "subject": subject, "data": { "kid": kid, "reason": "lost" } });
        self.honest("ada", revoked).await;
        // Enrolled by one, and nobody has confirmed it.
        let waiting = Signer::person().unwrap();
        let enrolled = self.honest("ada", enrolment(&waiting, ORIGIN, &[]).unwrap()).await;
        self.opened.insert("enrolment", enrolled);
        self.people.insert("waiting", waiting);
        let stranger = Signer::person().unwrap();
        self.people.insert("stranger", stranger);
    }

    async fn open_matters(&mut self) {
        let year = crate::forge::now_ms() + 300 * 86_400_000;
        let digest = |of: &str| digest_of(of.as_bytes());
        let made = |name: &str| json!({ "artifacts": [{ "digest": digest(name), "form": "file" }] });
        let by: [(&str, &'static str, &str, Value, Value); 19] = [
            (
                "developer",
                "use",
                "usecase.proposed",
                thing("usecase", "loans"),
                json!({ "problem": "It takes too long." }),
            ),
            (
                "developer",
                "model",
                "model.registered",
                thing("model", "pd"),
                json!({ "purpose": "Estimates defaults." }),
            ),
            ("developer", "version", "model.version_registered", version("1"), made("1")),
            ("developer", "request", "approval.requested", version("1"), json!({ "gate": "production" })),
            ("both", "own version", "model.version_registered", version("2"), made("2")),
            ("both", "own request", "approval.requested", version("2"), json!({ "gate": "production" })),
            ("pipeline", "blind version", "model.version_registered", version("3"), made("3")),
            ("developer", "blind request", "approval.requested", version("3"), json!({ "gate": "production" })),
            (
                "jack",
                "finding",
                "finding.raised",
                thing("model", "pd"),
                json!({ "title": "No monitoring.", "severity": "high", "source": "validator" }),
            ),
            (
                "jack",
                "closed finding",
                "finding.raised",
                thing("model", "pd"),
                json!({ "title": "No owner.", "severity": "high", "source": "validator" }),
            ),
            (
                "jack",
                "risk",
                "risk.assessed",
                thing("usecase", "loans"),
                json!({ "kind": "fundamental-rights", "summary": "It may err." }),
            ),
            (
                "both",
                "plan",
                "plan.proposed",
                thing("model", "pd"),
                json!({
                    "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data"],
                    "bounds": [{ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 } }],
                    "max_versions": 2, "expires_at": year,
                }),
            ),
            (
                "both",
                "wish",
                "exception.requested",
                thing("model", "pd"),
                json!({ "control": "production", "reason": "Monday." }),
            ),
            ("jack", "retirement", "retirement.proposed", thing("model", "pd"), json!({ "reason": "Replaced." })),
            (
                "compliance",
                "hold",
                "hold.set",
                thing("model", "pd"),
                json!({ "scope": "All of it.", "legal_basis": "Court order" }),
            ),
            (
                "compliance",
                "subscription",
                "subscription.configured",
                json!({ "kind": "ledger", "namespace": "probity", "name": "ledger" }),
                json!({
                    "name": "risk-engine", "delivery": { "kind": "webhook", "target": "https://risk.example/hooks", "signature": "ed25519" },
                    "types": ["incident.*"], "namespaces": ["credit/*"],
                }),
            ),
            (
                "operator",
                "stop",
                "deployment.suspended",
                thing("endpoint", "eu"),
                json!({ "reason": "It refuses everyone.", "scope": "endpoint" }),
            ),
            (
                "both",
                "own policy",
                "policy.published",
                json!({ "kind": "policy", "namespace": "probity", "name": "staging" }),
                json!({
                    "kind": "gate",
                    "content": { "namespaces": ["*"], "environments": ["staging"], "signatures": [{ "role": "approver", "persons": 1 }] },
                }),
            ),
            (
                "approver",
                "delegation",
                "authority.delegated",
                json!(self.who("approver").identity.subject()),
                json!({
                    "to": self.who("operator").identity, "types": ["plan.revoked"], "until": year,
                }),
            ),
        ];
        for (who, name, event_type, subject, data) in by {
            let event = self.honest(who, json!({ "type": event_type, "subject": subject, "data": data })).await;
            self.opened.insert(name, event);
        }
        let answers: [(&str, &'static str, &str, &str, Value); 2] = [
            (
                "approver",
                "grant",
                "approval.granted",
                "request",
                json!({
                    "gate": "production", "digests": [digest("1")], "scope": {}, "evidence_seen": [], "meaning": "Yes.",
                }),
            ),
            ("approver", "closing", "finding.closed", "closed finding", json!({ "rationale": "There is one." })),
        ];
        for (who, name, event_type, opener, data) in answers {
            let (subject, regarding) = (self.opener(opener)["subject"].clone(), self.opened(opener).clone());
            let tree = json!({ "type": event_type, "subject": subject, "regarding": regarding, "data": data });
            let event = self.honest(who, tree).await;
            self.opened.insert(name, event);
        }
    }

    /// Someone honest records something. Returns the event.
    pub(crate) async fn honest(&mut self, who: &str, tree: Value) -> Value {
        let event = complete(tree, &mut self.random);
        let decoded = Event::from_value(&event).unwrap_or_else(|error| panic!("{event}: {error}"));
        let statement = self.who(who).sign(&decoded, ORIGIN).unwrap();
        let mut client = self.server.registration().await.unwrap();
        let answer = tokio::time::timeout(DEADLINE, register(&mut client, std::slice::from_ref(&statement))).await;
        match answer.expect("an honest statement is answered in time").unwrap().remove(0) {
            Outcome::Recorded(recorded) => self.honest.push((recorded.index, statement.bytes().clone())),
            Outcome::Refused(refused) => panic!("{event}: {refused:?}"),
        }
        event
    }

    /// An act of power by Ada that Ben confirms.
    async fn empower(&mut self, tree: Value) {
        let event = self.honest("ada", tree).await;
        let digest = digest_of(&self.honest.last().unwrap().1);
        let yes = json!({
            "type": "authority.confirmed", "subject": event["subject"], "regarding": event["id"],
            "data": { "statement_digest": digest },
        });
        self.honest("ben", yes).await;
    }

    /// Attacks on several connections in requests of mixed size, and looks whether the server is as it was.
    pub(crate) async fn withstands(&mut self, family: &str, mut attempts: Vec<Attempt>, random: &mut StdRng) {
        let started = std::time::Instant::now();
        let count = attempts.len();
        attempts.shuffle(random);
        let mut requests: Vec<Vec<Attempt>> = vec![Vec::new(); CONNECTIONS];
        let mut streams: Vec<Vec<Vec<Attempt>>> = vec![Vec::new(); CONNECTIONS];
        for (at, attempt) in attempts.into_iter().enumerate() {
            let connection = at % CONNECTIONS;
            requests[connection].push(attempt);
            if random.random_bool(0.03) {
                streams[connection].push(std::mem::take(&mut requests[connection]));
            }
        }
        streams.iter_mut().zip(requests).for_each(|(stream, rest)| stream.push(rest));
        let mut attacks = Vec::new();
        for stream in streams {
            let mut client = self.server.registration().await.unwrap();
            attacks.push(tokio::spawn(async move {
                let mut wrong = Vec::new();
                for attempts in stream {
                    let submission = |attempt: &Attempt| v1::Submission {
                        statement: attempt.statement.clone(),
                        expected_revision: attempt.expected_revision,
                    };
                    let request = v1::RegisterRequest { submissions: attempts.iter().map(submission).collect() };
                    let results = client.register(request).await.unwrap().into_inner().results;
                    assert_eq!(results.len(), attempts.len());
                    let judged = attempts.iter().zip(results);
                    wrong.extend(judged.filter_map(|(attempt, result)| attempt.judge(&result.result.unwrap())));
                }
                wrong
            }));
        }
        let mut wrong = Vec::new();
        for attack in attacks {
            wrong.extend(attack.await.unwrap());
        }
        let recorded: Vec<_> = wrong.iter().filter(|wrong| wrong.contains("RECORDED")).collect();
        assert!(recorded.is_empty(), "{family}: {recorded:#?}");
        self.wrong.extend(wrong.into_iter().take(20).map(|wrong| format!("{family}: {wrong}")));
        self.is_as_before(family).await;
        eprintln!("{family}: {count} in {:?}", started.elapsed());
    }

    /// Nothing was recorded but what honest people did; one more of them is answered; memory is within bounds.
    pub(crate) async fn is_as_before(&mut self, after: &str) {
        let honest = self.honest.last().map(|(index, _)| index + 1).unwrap();
        assert_eq!(self.size().await, honest, "after {after}");
        let name = format!("after-{honest}");
        self.honest(
            "developer",
            json!({ "type": "model.registered", "subject": thing("model", &name), "data": { "purpose": "None." } }),
        )
        .await;
        assert_eq!(self.size().await, honest + 1, "after {after}");
        let memory = self.memory_kib();
        assert!(memory < self.memory + MORE_MEMORY_KIB, "after {after}: {} KiB, {memory} KiB now", self.memory);
    }

    pub(crate) async fn size(&self) -> u64 {
        let mut log = self.server.log().await.unwrap();
        log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size
    }

    /// The memory that the server holds.
    fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What can be read is what honest people recorded, in their order; the server ends in peace and the ledger verifies.
    pub(crate) async fn ends_clean(self) {
        let wrong = self.wrong.join("\n");
        assert!(wrong.is_empty(), "answered wrongly, up to 20 of a family:\n{wrong}");
        let mut log = self.server.log().await.unwrap();
        let all = v1::ListEntriesRequest { start: 3, end: 0, issuer: String::new() };
        let mut entries = log.list_entries(all).await.unwrap().into_inner();
        let mut honest = self.honest.iter();
        while let Some(entry) = entries.message().await.unwrap() {
            assert_eq!(honest.next(), Some(&(entry.index, entry.statement)), "index {} is not honest", entry.index);
        }
        assert_eq!(honest.next(), None, "nothing honest is lost");
        drop(log);
        let (code, said) = self.server.stop().unwrap();
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        let verified =
            Command::new(binary().unwrap()).arg("verify").arg(self.home.path().join("ledger")).output().unwrap();
        assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
    }

    /// A right statement of a fact by the developer, to be spoilt.
    pub(crate) fn sound(&self, random: &mut StdRng) -> Forged {
        let name = format!("m{}", random.random::<u32>());
        let tree = json!({
            "type": "model.registered", "subject": thing("model", &name), "title": "Héllo",
            "attributes": { "numbers": [1, 24, 256, 65_536, 4_294_967_296_u64, -1, 0.5, 1.1], "yes": true },
            "data": { "purpose": "Estimates something.", "intended_uses": ["Small loans."] },
        });
        Forged::new(self.who("developer"), &complete(tree, random))
    }
}

pub(crate) fn new_key() -> SecretKey {
    SecretKey::generate(&mut rand::rng()).unwrap()
}

pub(crate) fn thing(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": "credit", "name": name })
}

pub(crate) fn version(name: &str) -> Value {
    json!({ "kind": "model", "namespace": "credit", "name": "pd", "version": name })
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    Digest::from_bytes(Sha256::digest(bytes).into()).to_string()
}
