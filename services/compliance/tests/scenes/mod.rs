//! Lives told to a compliance view, and the standing questions about them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use probity_compliance::inbox::{self, Asker};
use probity_compliance::query::{self, Wanted};
use probity_compliance::{ComplianceProjector, Question};
use probity_projection::testing::{DAY_0, ORIGIN, Scene, key_of};
use probity_proto::v1;
use probity_query::{Access, Page, Scope};
use probity_schemas::{Identity, Namespace, NamespacePattern};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const ANNA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01";
pub(crate) const BO: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";
pub(crate) const CARA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c03";
pub(crate) const CHIEF: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c00";
pub(crate) const DEPUTY: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c09";
pub(crate) const VERA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c04";
pub(crate) const OLGA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c05";
pub(crate) const CI: &str = "service:ci";
pub(crate) const PD: &str = "model:credit/pd";
pub(crate) const V1: &str = "model:credit/pd@1";
pub(crate) const E: &str = "endpoint:credit/scoring";
pub(crate) const LENDING: &str = "usecase:credit/lending";
pub(crate) const DAY: u64 = 86_400_000;

pub(crate) struct Life {
    pub(crate) scene: Scene<ComplianceProjector>,
    pub(crate) scope: Scope,
    /// How many statements set the scene.
    pub(crate) before: u64,
}

const LEDGER: &str = "ledger:ledger.test/views";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn public_key(of: &str) -> String {
    hex(&key_of(of).public().to_bytes())
}

/// Noon of the day whose number is given, in Unix milliseconds.
pub(crate) fn at(day: u64) -> u64 {
    DAY_0 * 1_000 + day * DAY + DAY / 2
}

pub(crate) fn digest(number: u8) -> String {
    format!("sha256:{}", format!("{number:02x}").repeat(32))
}

/// Of somebody who holds roles in these namespaces.
pub(crate) fn scope(namespaces: &[&str]) -> Scope {
    Scope::of(namespaces.iter().map(|namespace| namespace.parse().unwrap()).collect())
}

pub(crate) fn all() -> Page {
    Page { size: 1_000, after: None }
}

/// Puts the fields of `more` into `data`.
pub(crate) fn with(mut data: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
    data
}

impl Life {
    /// A ledger with one administrator, who has let everyone else in: Anna, Bo and Cara may approve, Vera validates, Olga
    /// owns. The pipeline, for which Olga answers, develops and operates.
    pub(crate) fn new() -> Self {
        Self::founded(&[CHIEF])
    }

    /// The same with these administrators. Of two, each confirms what the other does.
    pub(crate) fn founded(administrators: &[&str]) -> Self {
        let scene = Scene::new();
        let mut life = Self { scene, scope: Scope::Everything, before: 0 };
        let keys =
            json!({ "checkpoint": public_key(LEDGER), "clock": public_key("clock"), "receipt": public_key("r") });
        let named = administrators.iter().map(|who| {
            json!({ "identity": who, "kid": key_of(who).public().id().to_string(), "public_key": public_key(who) })
        });
        let named: Vec<Value> = named.collect();
        let founded = json!({ "origin": ORIGIN, "rule_set": 2, "keys": keys, "administrators": named,
            "single_administrator": administrators.len() == 1 });
        life.set("ledger.founded", LEDGER, "ledger:probity/ledger", founded);
        let roles = json!({ "administrator": ["authority.*", "policy.*"], "approver": ["approval.*", "exception.*"],
            "validator": ["validation.*", "approval.*"],
            "platform": ["usecase.*", "model.*", "data.*", "training.*", "evidence.*", "vendor.*", "deployment.*"] });
        let policy = json!({ "kind": "roles", "content": { "roles": roles, "any_enrolled": [], "readers": [] } });
        life.set("policy.published", LEDGER, "policy:ledger/roles@1", policy);
        for who in [ANNA, BO, CARA, VERA, OLGA, CI] {
            let (kid, key) = (key_of(who).public().id().to_string(), public_key(who));
            let mut enrolled =
                json!({ "kind": "person", "kid": kid, "public_key": key, "possession": "00".repeat(64) });
            if who == CI {
                enrolled = with(enrolled, json!({ "kind": "service", "responsible": [OLGA] }));
                life.set("authority.enrolled", administrators[0], "identity:service/ci", enrolled);
            } else {
                life.empower(administrators, "authority.enrolled", who, enrolled);
            }
        }
        let roles = [(ANNA, "approver"), (BO, "approver"), (CARA, "approver"), (VERA, "validator"), (CI, "platform")];
        for (who, role) in roles {
            life.empower(administrators, "authority.role_granted", who, json!({ "role": role, "namespaces": ["*"] }));
        }
        life.before = life.today();
        life
    }

    /// Records what sets the scene.
    fn set(&mut self, event_type: &str, signer: &str, subject: &str, data: Value) -> u64 {
        let day = self.today();
        self.scene.record(signer, day, json!({ "type": event_type, "subject": subject, "data": data }))
    }

    /// An act of authority about a person by the first administrator, confirmed by the second if there is one.
    fn empower(&mut self, administrators: &[&str], event_type: &str, person: &str, data: Value) {
        let subject = format!("identity:{}", person.replace(':', "/"));
        let act = self.set(event_type, administrators[0], &subject, data);
        if let Some(second) = administrators.get(1) {
            self.set("authority.confirmed", second, &subject, json!({ "statement_digest": self.digest_of(act) }));
        }
    }

    /// The digest of a signed statement, by which a confirmation names it.
    pub(crate) fn digest_of(&self, index: u64) -> String {
        let statement = &self.scene.recorded()[index as usize].statement;
        format!("sha256:{}", hex(&Sha256::digest(statement.bytes())))
    }

    /// Records an event a day after the one before; fields of `data` whose names begin with `$` are the event's own.
    pub(crate) fn say_by(&mut self, signer: &str, event_type: &str, subject: &str, data: Value) -> u64 {
        let day = self.today();
        let mut event = json!({ "type": event_type, "subject": subject });
        let mut said = serde_json::Map::new();
        for (name, value) in data.as_object().unwrap() {
            match name.strip_prefix('$') {
                Some(own) => event[own] = value.clone(),
                None => drop(said.insert(name.clone(), value.clone())),
            }
        }
        event["data"] = Value::Object(said);
        self.scene.record(signer, day, event)
    }

    /// The day of the next statement.
    pub(crate) fn today(&self) -> u64 {
        self.scene.recorded().len() as u64
    }

    pub(crate) fn say(&mut self, event_type: &str, subject: &str, data: Value) -> u64 {
        self.say_by(CI, event_type, subject, data)
    }

    /// An answer to the statement at `regarding`.
    pub(crate) fn answer_by(
        &mut self,
        signer: &str,
        event_type: &str,
        subject: &str,
        regarding: u64,
        mut data: Value,
    ) -> u64 {
        data["$regarding"] = self.scene.id(regarding).into();
        self.say_by(signer, event_type, subject, data)
    }

    pub(crate) fn answer(&mut self, event_type: &str, subject: &str, regarding: u64, data: Value) -> u64 {
        self.answer_by(CI, event_type, subject, regarding, data)
    }

    pub(crate) fn void_by(&mut self, signer: &str, index: u64) -> u64 {
        let recorded = &self.scene.recorded()[index as usize].event;
        let (subject, id) = (recorded.subject.to_string(), recorded.id.to_string());
        let data = json!({ "$regarding": id, "kind": "voids", "reason": "It was wrong." });
        self.say_by(signer, "correction.recorded", &subject, data)
    }

    pub(crate) fn void(&mut self, index: u64) -> u64 {
        self.void_by(CI, index)
    }

    /// A gate to production with so many persons of the role `approver`.
    pub(crate) fn gate(&mut self, persons: u32) -> u64 {
        let content = json!({ "environments": ["production"], "namespaces": ["credit/*"],
            "signatures": [{ "role": "approver", "persons": persons }] });
        let data = json!({ "kind": "gate", "content": content });
        self.say_by(ANNA, "policy.published", "policy:credit/production@1", data)
    }

    /// A version with one artefact, of a model that is registered and owned.
    pub(crate) fn register(&mut self) -> u64 {
        self.say("model.registered", PD, json!({ "purpose": "To lend." }));
        self.say_by(OLGA, "model.ownership_accepted", PD, json!({ "role": "owner" }));
        self.register_with(json!({}))
    }

    /// The version with its artefact, and more in its registration.
    pub(crate) fn register_with(&mut self, more: Value) -> u64 {
        let artifacts = json!([{ "digest": digest(1), "form": "file" }]);
        self.say("model.version_registered", V1, with(json!({ "artifacts": artifacts }), more))
    }

    pub(crate) fn request(&mut self) -> u64 {
        self.say("approval.requested", V1, json!({ "gate": "production", "digests": [digest(1)] }))
    }

    pub(crate) fn grant_by(&mut self, signer: &str, request: u64, more: Value) -> u64 {
        let data = json!({ "gate": "production", "meaning": "It may serve.", "scope": {}, "digests": [digest(1)] });
        self.answer_by(signer, "approval.granted", V1, request, with(data, more))
    }

    pub(crate) fn start(&mut self, more: Value) -> u64 {
        let data = json!({ "version": V1, "digest": digest(1), "environment": "production" });
        self.say("deployment.started", E, with(data, more))
    }

    /// What a question finds at a moment: subject and reason.
    pub(crate) fn found(&self, question: Question, at_ms: u64) -> Vec<(String, String)> {
        let wanted = Wanted { question: Some(question), at_ms, ..Wanted::default() };
        let found = query::deficiencies(self.scene.view(), &wanted, &self.scope, &all()).unwrap().items;
        assert!(found.iter().all(|it| it.question == question.name() && it.since_ms <= at_ms));
        let counted = query::counts(self.scene.view(), None, &self.scope, at_ms).unwrap();
        let count = counted.questions.iter().find(|it| it.name == question.name()).unwrap().count;
        assert_eq!(count, found.len() as u64, "as many are counted as are listed");
        found.into_iter().map(|it| (it.subject, it.reason)).collect()
    }

    /// Why what serves at [`E`] serves without an approval, if it does: at a moment.
    pub(crate) fn lacks(&self, at_ms: u64) -> Option<String> {
        let found = self.found(Question::LiveWithoutApproval, at_ms);
        assert!(found.len() < 2 && found.iter().all(|(subject, _)| subject == E));
        found.into_iter().next().map(|(_, reason)| reason)
    }

    /// Everything that is found at a moment, of all questions.
    pub(crate) fn everything(&self, at_ms: u64) -> Vec<v1::Deficiency> {
        let wanted = Wanted { at_ms, ..Wanted::default() };
        query::deficiencies(self.scene.view(), &wanted, &self.scope, &all()).unwrap().items
    }

    /// What waits for a person who holds these roles in these namespaces.
    pub(crate) fn inbox(&self, person: &str, roles: &[(&str, &str)], at_ms: u64) -> Vec<v1::InboxItem> {
        let access =
            Roles(roles.iter().map(|(namespace, role)| (namespace.parse().unwrap(), (*role).to_owned())).collect());
        let identity: Identity = person.parse().unwrap();
        let asker = Asker { identity: &identity, access: &access, at_ms };
        inbox::items(self.scene.view(), &asker, &self.scope).unwrap()
    }

    /// The kinds of what waits for a person, and the statements to answer.
    pub(crate) fn waits(&self, person: &str, roles: &[(&str, &str)], at_ms: u64) -> Vec<(String, u64)> {
        self.inbox(person, roles, at_ms).into_iter().map(|item| (item.kind, item.index)).collect()
    }

    /// How everything stands: by moment, what each question finds.
    pub(crate) fn standing(&self, moments: &[u64]) -> BTreeMap<u64, Vec<v1::Deficiency>> {
        moments.iter().map(|at_ms| (*at_ms, self.everything(*at_ms))).collect()
    }
}

/// The same roles for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Roles(Vec<(NamespacePattern, String)>);

impl Access for Roles {
    fn namespaces(&self, _identity: &Identity, _now: u64) -> Vec<NamespacePattern> {
        self.0.iter().map(|(pattern, _)| pattern.clone()).collect()
    }

    fn roles(&self, _identity: &Identity, namespace: &Namespace, _now: u64) -> Vec<String> {
        self.0.iter().filter(|(pattern, _)| pattern.covers(namespace)).map(|(_, role)| role.clone()).collect()
    }

    fn roles_for(&self, identity: &Identity, event_type: &str, namespace: &Namespace, now: u64) -> Vec<String> {
        let policy: probity_schemas::RolesPolicy = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
        let info = probity_schemas::newest(event_type).unwrap();
        let mut roles = self.roles(identity, namespace, now);
        roles.retain(|role| policy.may_record(&role.parse().unwrap(), info));
        roles
    }

    fn roster(&self, _: u64) -> Vec<probity_query::Member> {
        Vec::new()
    }

    fn tree_size(&self) -> u64 {
        u64::MAX
    }
}
