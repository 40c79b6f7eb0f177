//! A door to stand at: a ledger's admission state, people with keys, and what has been recorded, in memory.

#![allow(dead_code, reason = "each suite uses what it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub(crate) mod world;

use std::collections::HashMap;
use std::convert::Infallible;

use probity_admission::{AdmitError, History, Position, Refusal, State, Submitted, Verdict};
use probity_schemas::{Event, EventId, Identity, Origin, Timestamp};
use probity_statement::{Possession, SecretKey, SignedStatement, Unsigned};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "ledger.test/models";
/// The time of the blocks in these tests, in Unix seconds.
pub(crate) const NOW: u64 = 1_750_000_000;

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

pub(crate) fn person(seed: u8) -> Identity {
    format!("person:00000000-0000-4000-8000-0000000000{seed:02x}").parse().unwrap()
}

/// Whose key a seed's is: below 60 a person's, from there on a service's.
pub(crate) fn who(seed: u8) -> Identity {
    if seed < 60 { person(seed) } else { format!("service:s{seed}").parse().unwrap() }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    probity_schemas::Digest::from_bytes(sha2::Sha256::digest(bytes).into()).to_string()
}

/// What has been recorded, in memory.
#[derive(Default, Clone)]
pub(crate) struct Past {
    pub(crate) events: HashMap<(u32, EventId), u64>,
    pub(crate) revisions: HashMap<String, u64>,
}

impl History for Past {
    type Error = Infallible;

    fn event_index(&self, issuer: u32, id: &EventId) -> Result<Option<u64>, Infallible> {
        Ok(self.events.get(&(issuer, *id)).copied())
    }

    fn revision(&self, subject: &str) -> Result<u64, Infallible> {
        Ok(self.revisions.get(subject).copied().unwrap_or(0))
    }
}

#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) state: State,
    pub(crate) past: Past,
    pub(crate) next: u64,
    pub(crate) time: u64,
    /// Everything admitted, with the time of its block, in the order of the log.
    pub(crate) log: Vec<(SignedStatement, Event, u64)>,
}

pub(crate) fn ledger() -> Identity {
    Identity::Ledger(ORIGIN.parse().unwrap())
}

pub(crate) fn founding(change: impl FnOnce(&mut Value)) -> SignedStatement {
    let public = |seed: u8| key(seed).public().to_string();
    let administrator = |seed: u8| json!({ "identity": person(seed), "public_key": public(seed), "kid": key(seed).public().id().to_string() });
    let mut event = json!({
        "id": EventId::from_time(1, [0; 10]), "type": "ledger.founded", "v": 1,
        "subject": "ledger:probity/ledger".parse::<probity_schemas::Subject>().unwrap(),
        "data": {
            "origin": ORIGIN, "rule_set": 1,
            "keys": { "checkpoint": public(101), "clock": public(102), "receipt": public(103) },
            "administrators": [administrator(1), administrator(2)], "single_administrator": false,
        },
    });
    change(&mut event["data"]);
    let event = Event::from_value(&event).unwrap();
    Unsigned::new(&event, &ledger(), ORIGIN, key(101).public().id()).unwrap().sign(&key(101)).unwrap()
}

impl Door {
    /// A ledger under rule set 1 with two administrators (1 and 2) and the default policy.
    pub(crate) fn new() -> Self {
        Self::founded(|_| {})
    }

    /// The same under rule set 2, with the default gate.
    pub(crate) fn strict() -> Self {
        let mut door = Self::founded(|data| data["rule_set"] = json!(2));
        door.publish_gate();
        door
    }

    pub(crate) fn founded(change: impl FnOnce(&mut Value)) -> Self {
        let founding = founding(change);
        let state = State::found(&founding).unwrap();
        let event = founding.event().unwrap();
        let mut door = Self { state, past: Past::default(), next: 1, time: NOW, log: vec![(founding, event, NOW)] };
        let policy: Value = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
        door.admit(&ledger(), &key(101), published("roles", "roles", policy)).unwrap();
        door
    }

    pub(crate) fn publish_gate(&mut self) {
        let gate: Value = serde_json::from_str(probity_schemas::DEFAULT_GATE).unwrap();
        self.admit(&ledger(), &key(101), published("production", "gate", gate)).unwrap();
    }

    /// Whoever has this seed records an event, and it is admitted. Returns its id.
    pub(crate) fn record(&mut self, seed: u8, tree: Value) -> EventId {
        let event = self.event(tree);
        let statement = self.sign(seed, &event);
        self.submit(&statement, &event, None).unwrap_or_else(|refusal| panic!("{}: {refusal}", event.event_type()));
        event.id
    }

    /// The same, where it may be refused.
    pub(crate) fn say(&mut self, seed: u8, tree: Value) -> Result<u64, Refusal> {
        let event = self.event(tree);
        let statement = self.sign(seed, &event);
        self.submit(&statement, &event, None)
    }

    pub(crate) fn sign(&self, seed: u8, event: &Event) -> SignedStatement {
        Unsigned::new(event, &who(seed), ORIGIN, key(seed).public().id()).unwrap().sign(&key(seed)).unwrap()
    }

    /// An act of power by one administrator, confirmed by another.
    pub(crate) fn empower(&mut self, first: u8, second: u8, tree: Value) -> Result<u64, Refusal> {
        let event = self.event(tree);
        let statement = self.sign(first, &event);
        self.submit(&statement, &event, None)?;
        self.say(second, confirmed(&event, &sha256(statement.bytes())))
    }

    /// A key turns out to have been in other hands since a moment, in Unix milliseconds: both administrators say so.
    pub(crate) fn compromise(&mut self, seed: u8, since_ms: u64) {
        self.empower(1, 2, compromised(seed, since_ms)).unwrap();
    }

    /// Lets someone in, by both administrators.
    pub(crate) fn let_in(&mut self, seed: u8, roles: &[&str]) {
        self.let_in_where(seed, roles, &["*"], &[]);
    }

    pub(crate) fn let_in_where(&mut self, seed: u8, roles: &[&str], namespaces: &[&str], responsible: &[Identity]) {
        match who(seed) {
            Identity::Person(_) => self.empower(1, 2, enrolled(&who(seed), seed, &[])).unwrap(),
            _ => self.say(1, enrolled(&who(seed), seed, responsible)).unwrap(),
        };
        for role in roles {
            self.empower(1, 2, granted(&who(seed), role, namespaces)).unwrap();
        }
    }

    pub(crate) fn event(&self, tree: Value) -> Event {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next.to_be_bytes());
        self.event_as(tree, EventId::from_time(self.time * 1_000, random))
    }

    /// An event under an id of one's own choice.
    pub(crate) fn event_as(&self, mut tree: Value, id: EventId) -> Event {
        if tree.get("occurred").is_none() {
            tree["occurred"] = json!(self.time * 1_000);
        }
        // Nobody knows when.
        if tree["occurred"].is_null() {
            tree.as_object_mut().unwrap().remove("occurred");
        }
        Event::from_draft(tree, id, Timestamp::from_ms(self.time * 1_000).unwrap()).unwrap()
    }

    pub(crate) fn admit(&mut self, issuer: &Identity, key: &SecretKey, tree: Value) -> Result<u64, Refusal> {
        let event = self.event(tree);
        let statement = Unsigned::new(&event, issuer, ORIGIN, key.public().id()).unwrap().sign(key).unwrap();
        self.submit(&statement, &event, None)
    }

    pub(crate) fn submit(
        &mut self,
        statement: &SignedStatement,
        event: &Event,
        expected_revision: Option<u64>,
    ) -> Result<u64, Refusal> {
        let position = Position { index: self.next, block_time: self.time };
        match self.state.admit(Submitted { statement, event, expected_revision }, position, &self.past) {
            Ok(Verdict::Admitted(admitted)) => {
                self.past.events.insert((admitted.issuer, admitted.id), self.next);
                self.past.revisions.insert(statement.subject().to_owned(), admitted.revision);
                self.next += 1;
                self.log.push((statement.clone(), event.clone(), self.time));
                Ok(position.index)
            }
            Ok(Verdict::AlreadyRecorded { index }) => Ok(index),
            Err(AdmitError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }

    /// By the first administrator.
    pub(crate) fn administer(&mut self, tree: Value) -> Result<u64, Refusal> {
        self.admit(&person(1), &key(1), tree)
    }

    pub(crate) fn enrol(&mut self, seed: u8, roles: &[&str]) {
        self.administer(enrolled(&person(seed), seed, &[])).unwrap();
        for role in roles {
            self.administer(granted(&person(seed), role, &["*"])).unwrap();
        }
    }
}

pub(crate) fn enrolled(identity: &Identity, seed: u8, responsible: &[Identity]) -> Value {
    let origin: Origin = ORIGIN.parse().unwrap();
    let possession = Possession::prove(&key(seed), &origin, identity);
    let kind = if matches!(identity, Identity::Person(_)) { "person" } else { "service" };
    let mut data = json!({
        "kind": kind, "kid": key(seed).public().id().to_string(), "public_key": key(seed).public().to_string(),
        "possession": possession.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    });
    if !responsible.is_empty() {
        data["responsible"] = json!(responsible);
    }
    json!({ "type": "authority.enrolled", "subject": identity.subject(), "data": data })
}

pub(crate) fn granted(identity: &Identity, role: &str, namespaces: &[&str]) -> Value {
    json!({ "type": "authority.role_granted", "subject": identity.subject(), "data": { "role": role, "namespaces": namespaces } })
}

pub(crate) fn compromised(seed: u8, since_ms: u64) -> Value {
    json!({
        "type": "authority.key_revoked", "subject": who(seed).subject(),
        "data": { "kid": key(seed).public().id().to_string(), "reason": "compromised", "compromised_since": since_ms },
    })
}

pub(crate) fn published(name: &str, kind: &str, content: Value) -> Value {
    json!({
        "type": "policy.published", "subject": { "kind": "policy", "namespace": "probity", "name": name },
        "data": { "kind": kind, "content": content },
    })
}

pub(crate) fn confirmed(event: &Event, digest: &str) -> Value {
    json!({
        "type": "authority.confirmed", "subject": event.subject, "regarding": event.id,
        "data": { "statement_digest": digest },
    })
}

/// The name of a refusal for machines.
pub(crate) fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::RuleViolation(broken) => broken.reason().to_owned(),
        Refusal::NotAuthorised { .. } => "NOT_AUTHORISED".to_owned(),
        other => format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
    }
}

pub(crate) fn registered(namespace: &str) -> Value {
    json!({
        "type": "model.registered", "subject": { "kind": "model", "namespace": namespace, "name": "m" },
        "data": { "purpose": "Estimates something." },
    })
}
