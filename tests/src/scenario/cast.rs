//! Who takes part in a scenario, with their keys, and how they are let in.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use probity_schemas::{Identity, RolesPolicy};
use probity_statement::{Possession, SecretKey};
use serde_json::{Value, json};

use super::file::{Scenario, Step};
use crate::Signer;
use crate::ledger::ORIGIN;

/// The two who found every scenario's ledger.
pub(super) const ADMINISTRATORS: [&str; 2] = ["ada", "ben"];

const ENROLLED: &str = "authority.enrolled";

/// Everyone with their keys, by the names they have in the file.
#[derive(Debug)]
pub(super) struct Cast {
    /// By `person:name` or `service:name`.
    identities: HashMap<String, Identity>,
    keys: HashMap<String, SecretKey>,
    recovery: BTreeSet<String>,
}

impl Cast {
    /// Makes identities and keys for everyone who signs or is enrolled.
    pub(super) fn of(scenario: &Scenario) -> Result<Self> {
        let mut cast = Self { identities: HashMap::new(), keys: HashMap::new(), recovery: BTreeSet::new() };
        for name in ADMINISTRATORS.into_iter().chain(scenario.people.keys().map(String::as_str)) {
            cast.add(&format!("person:{name}"))?;
            cast.new_key(name)?;
        }
        for name in scenario.services.keys() {
            cast.add(&format!("service:{name}"))?;
            cast.new_key(name)?;
        }
        for key in scenario.recovery.iter().flat_map(|recovery| &recovery.keys) {
            cast.new_key(key)?;
            cast.recovery.insert(key.clone());
        }
        for step in scenario.steps.iter().filter(|step| step.event_type.as_deref() == Some(ENROLLED)) {
            let subject = step.subject.as_deref().unwrap_or_default();
            cast.add(&subject.trim_start_matches("identity:").replacen('/', ":", 1))?;
            let key = step.key.as_deref().context("an enrolment names its `key`")?;
            cast.new_key(key)?;
        }
        Ok(cast)
    }

    fn add(&mut self, name: &str) -> Result<()> {
        let identity = match name.strip_prefix("service:") {
            Some(service) => Identity::Service(service.parse()?),
            None => Identity::Person(uuid::Uuid::new_v4()),
        };
        self.identities.entry(name.to_owned()).or_insert(identity);
        Ok(())
    }

    fn new_key(&mut self, name: &str) -> Result<()> {
        let key = SecretKey::generate(&mut rand::rng())?;
        self.keys.entry(name.to_owned()).or_insert(key);
        Ok(())
    }

    /// Whoever is called `person:name` or `service:name`.
    pub(super) fn named(&self, text: &str) -> Option<&Identity> {
        self.identities.get(text)
    }

    /// A key by its name.
    pub(super) fn key(&self, name: &str) -> Result<&SecretKey> {
        self.keys.get(name).with_context(|| format!("there is no key {name:?}"))
    }

    /// Whoever signs under this name, with the key named, or their first one.
    pub(super) fn signer(&self, who: &str, with: Option<&str>) -> Result<Signer> {
        let key = self.key(with.unwrap_or(who))?.clone();
        if self.recovery.contains(who) {
            return Ok(Signer { identity: Identity::Ledger(ORIGIN.parse()?), key });
        }
        let known = self.identity(who).with_context(|| format!("nobody is called {who:?}"))?;
        Ok(Signer { identity: known.clone(), key })
    }

    /// A person or service by name.
    pub(super) fn identity(&self, name: &str) -> Option<&Identity> {
        self.named(&format!("person:{name}")).or_else(|| self.named(&format!("service:{name}")))
    }

    pub(super) fn administrators(&self) -> Result<Vec<Signer>> {
        ADMINISTRATORS.iter().map(|name| self.signer(name, None)).collect()
    }

    /// What an enrolment says of a key and of who is enrolled with it.
    pub(super) fn enrolment(&self, identity: &Identity, key: &str) -> Result<Value> {
        let key = self.key(key)?;
        let kind = if matches!(identity, Identity::Service(_)) { "service" } else { "person" };
        let possession = Possession::prove(key, &ORIGIN.parse()?, identity);
        Ok(json!({
            "kind": kind, "kid": key.public().id().to_string(), "public_key": key.public().to_string(),
            "possession": hex::encode(possession.0),
        }))
    }
}

/// The steps that come before a scenario's own: everyone is let in, and its policies are published.
pub(super) fn opening(scenario: &Scenario) -> Result<Vec<Step>> {
    let [ada, ben] = ADMINISTRATORS.map(str::to_owned);
    let defaults: RolesPolicy = serde_json::from_str(probity_schemas::DEFAULT_ROLES)?;
    let mut steps = Vec::new();
    let mut grants = Vec::new();
    let everyone =
        scenario.people.iter().map(|(name, person)| ("person", name, &person.roles, &person.namespaces, None));
    let programs = scenario
        .services
        .iter()
        .map(|(name, service)| ("service", name, &service.roles, &service.namespaces, Some(&service.responsible)));
    for (kind, name, roles, namespaces, responsible) in everyone.chain(programs) {
        let power = |event_type: &str| Step {
            who: ada.clone(),
            event_type: Some(event_type.to_owned()),
            subject: Some(format!("identity:{kind}/{name}")),
            confirmed_by: Some(ben.clone()),
            ..Step::default()
        };
        let mut enrolled = Step { key: Some(name.clone()), ..power(ENROLLED) };
        if let Some(responsible) = responsible {
            enrolled.confirmed_by = None;
            enrolled
                .data
                .insert("responsible".to_owned(), responsible.iter().map(|name| format!("person:{name}")).collect());
        }
        steps.push(enrolled);
        for role in roles {
            let data = [("role".to_owned(), json!(role)), ("namespaces".to_owned(), json!(namespaces))];
            grants.push((role.clone(), Step { data: data.into(), ..power("authority.role_granted") }));
        }
    }
    let known = |(role, _): &(String, Step)| defaults.roles.keys().any(|known| known.as_str() == role);
    let (known, custom): (Vec<_>, Vec<_>) = grants.into_iter().partition(known);
    steps.extend(known.into_iter().map(|(_, step)| step));
    for policy in &scenario.policies {
        let data = [("kind".to_owned(), json!(policy.kind)), ("content".to_owned(), policy.content.clone())];
        steps.push(Step {
            who: policy.by.clone(),
            event_type: Some("policy.published".to_owned()),
            subject: Some(format!("policy:probity/{}", policy.name)),
            data: data.into(),
            confirmed_by: Some(policy.confirmed_by.clone()),
            ..Step::default()
        });
    }
    // Roles that only the scenario's own policy knows.
    steps.extend(custom.into_iter().map(|(_, step)| step));
    Ok(steps)
}
