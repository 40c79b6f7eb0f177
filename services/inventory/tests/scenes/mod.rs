//! Lives told to an inventory view, and questions about them.

#![allow(dead_code, reason = "each test file uses its own part")]

use probity_inventory::InventoryProjector;
use probity_inventory::query::{self, Filter, Problems};
use probity_projection::testing::{DAY_0, ORIGIN, Scene, key_of};
use probity_proto::v1;
use probity_query::{Page, QueryError, Scope};
use serde_json::{Value, json};

pub(crate) const ANNA: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01";
pub(crate) const BO: &str = "person:6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";
const LEDGER: &str = "ledger:ledger.test/views";
pub(crate) const CI: &str = "service:ci";
pub(crate) const PD: &str = "model:credit/pd";
pub(crate) const E: &str = "endpoint:credit/scoring";
pub(crate) const LENDING: &str = "usecase:credit/lending";

pub(crate) struct Life {
    pub(crate) scene: Scene<InventoryProjector>,
    pub(crate) scope: Scope,
}

/// Noon of the day whose number is given, in Unix milliseconds.
pub(crate) fn at(day: u64) -> u64 {
    (DAY_0 + day * 86_400 + 43_200) * 1_000
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

pub(crate) fn version(version: u8) -> String {
    format!("{PD}@{version}")
}

impl Life {
    pub(crate) fn new() -> Self {
        let scene = Scene::new();
        Self { scene, scope: Scope::Everything }
    }

    /// Records an event a day after the one before; fields of `data` whose names begin with `$` are the event's own.
    pub(crate) fn say_by(&mut self, signer: &str, event_type: &str, subject: &str, data: Value) -> u64 {
        let day = self.scene.recorded().len() as u64;
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

    pub(crate) fn say(&mut self, event_type: &str, subject: &str, data: Value) -> u64 {
        self.say_by(CI, event_type, subject, data)
    }

    /// An answer to the statement at `regarding`.
    pub(crate) fn answer(&mut self, event_type: &str, subject: &str, regarding: u64, mut data: Value) -> u64 {
        data["$regarding"] = self.scene.id(regarding).into();
        self.say(event_type, subject, data)
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

    pub(crate) fn register(&mut self, model: &str) -> u64 {
        self.say("model.registered", model, json!({ "purpose": "To see what will be paid back." }))
    }

    /// The first time something is approved: a ledger in which Bo is an approver, and a gate that takes an approver's
    /// signature.
    fn let_bo_approve(&mut self) {
        let public =
            |of: &str| -> String { key_of(of).public().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect() };
        let kid = |of: &str| key_of(of).public().id().to_string();
        let keys = json!({ "checkpoint": public(LEDGER), "clock": public("clock"), "receipt": public("receipt") });
        let founded = json!({ "origin": ORIGIN, "rule_set": 1, "keys": keys, "single_administrator": true,
            "administrators": [{ "identity": ANNA, "kid": kid(ANNA), "public_key": public(ANNA) }] });
        self.say_by(LEDGER, "ledger.founded", "ledger:probity/ledger", founded);
        let bo = format!("identity:{}", BO.replace(':', "/"));
        let enrolled =
            json!({ "kind": "person", "kid": kid(BO), "public_key": public(BO), "possession": "00".repeat(64) });
        self.say_by(ANNA, "authority.enrolled", &bo, enrolled);
        self.say_by(ANNA, "authority.role_granted", &bo, json!({ "role": "approver", "namespaces": ["*"] }));
        let signatures = json!([{ "role": "approver", "persons": 1 }]);
        let content = json!({ "environments": ["production"], "namespaces": ["*"], "signatures": signatures });
        let gate = json!({ "kind": "gate", "content": content });
        self.say_by(ANNA, "policy.published", "policy:credit/production@1", gate);
    }

    /// Asks for an approval, and gives it.
    pub(crate) fn approve(&mut self, version: &str) -> u64 {
        if !self.scene.recorded().iter().any(|it| it.event.event_type() == "ledger.founded") {
            self.let_bo_approve();
        }
        let request = self.say("approval.requested", version, json!({ "gate": "production" }));
        let id = self.scene.id(request);
        let data = json!({ "$regarding": id, "gate": "production", "meaning": "It may serve.", "scope": {} });
        self.say_by(BO, "approval.granted", version, data)
    }

    pub(crate) fn start(&mut self, endpoint: &str, version: &str) -> u64 {
        self.say("deployment.started", endpoint, json!({ "version": version, "environment": "production" }))
    }

    pub(crate) fn model(&self, model: &str) -> v1::Model {
        let mut found = query::models_named(self.scene.view(), &[model.to_owned()], &self.scope, &all()).unwrap();
        assert_eq!(found.items.len(), 1, "{model} is known");
        found.items.remove(0)
    }

    pub(crate) fn state(&self, model: &str) -> String {
        self.model(model).state
    }

    pub(crate) fn dossier(&self, model: &str) -> v1::GetModelResponse {
        probity_inventory::dossier(self.scene.view(), model, &self.scope).unwrap()
    }

    pub(crate) fn version(&self, version: &str) -> v1::Version {
        let model = version.split_once('@').unwrap().0;
        let versions = query::versions(self.scene.view(), model, "", &self.scope, &all()).unwrap().items;
        versions.into_iter().find(|found| found.subject == version).unwrap()
    }

    pub(crate) fn version_state(&self, version: &str) -> String {
        self.version(version).state
    }

    pub(crate) fn use_case(&self, use_case: &str) -> v1::UseCase {
        let found = query::use_cases(self.scene.view(), &Filter::default(), &self.scope, &all()).unwrap().items;
        found.into_iter().find(|found| found.subject == use_case).unwrap()
    }

    pub(crate) fn deployments(&self, model: &str) -> Vec<v1::Deployment> {
        query::deployments(self.scene.view(), &Filter::default(), model, &self.scope, &all()).unwrap().items
    }

    pub(crate) fn endpoint(&self, endpoint: &str) -> v1::Deployment {
        self.deployments("").into_iter().find(|found| found.endpoint == endpoint).unwrap()
    }

    /// What serves at an endpoint, as version and exposure, with what is stopped in parentheses.
    pub(crate) fn serving(&self, endpoint: &str) -> Vec<String> {
        let shown = |share: v1::Share| match share.suspended {
            true => format!("({} {})", share.version.trim_start_matches(PD), share.exposure),
            false => format!("{} {}", share.version.trim_start_matches(PD), share.exposure),
        };
        self.endpoint(endpoint).shares.into_iter().map(shown).collect()
    }

    pub(crate) fn problems(&self, asked: &Problems) -> Vec<v1::Problem> {
        query::problems(self.scene.view(), asked, &self.scope, &all()).unwrap().items
    }

    pub(crate) fn value(&self, subject: &str) -> Option<v1::Value> {
        let mut found = query::value(self.scene.view(), None, subject, &self.scope, &all()).unwrap().items;
        (!found.is_empty()).then(|| found.remove(0))
    }

    pub(crate) fn monitors(&self, subject: &str, state: &str) -> Vec<v1::Monitor> {
        query::monitors(self.scene.view(), None, subject, state, &self.scope, &all()).unwrap().items
    }

    /// The names of the models that a filter finds.
    pub(crate) fn found(&self, filter: v1::InventoryFilter) -> Vec<String> {
        let filter = Filter::of(filter).unwrap();
        let found = query::models(self.scene.view(), &filter, &self.scope, &all()).unwrap().items;
        found.into_iter().map(|model| model.subject).collect()
    }

    pub(crate) fn counts(&self, kind: &str, by: &str) -> Vec<(String, u64)> {
        let counts = query::counts(self.scene.view(), kind, by, None, &self.scope).unwrap();
        counts.into_iter().map(|counted| (counted.value, counted.count)).collect()
    }
}

pub(crate) fn values(facts: &[v1::Fact]) -> Vec<&str> {
    facts.iter().map(|fact| fact.value.as_str()).collect()
}

/// All items of a list that is asked for in pages of `size`.
pub(crate) fn in_pages<T>(size: u32, ask: impl Fn(&Page) -> Result<probity_query::Paged<T>, QueryError>) -> Vec<T> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let page = ask(&Page::of(size, &token).unwrap()).unwrap();
        assert!(page.items.len() <= size as usize);
        items.extend(page.items);
        token = page.next_page_token;
        if token.is_empty() {
            return items;
        }
        assert!(items.len() < 10_000, "the list has no end");
    }
}
