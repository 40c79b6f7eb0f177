//! Signers, and the events that let them in.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use probity_schemas::{Clock, Event, EventId, Identity, SystemClock};
use probity_statement::{Possession, SecretKey, SignedStatement, Unsigned};
use rand::Rng;
use serde_json::{Value, json};

/// Someone who signs.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Who.
    pub identity: Identity,
    /// With what.
    pub key: SecretKey,
}

impl Signer {
    /// A new person with a new key.
    pub fn person() -> Result<Self> {
        Ok(Self { identity: Identity::Person(uuid::Uuid::new_v4()), key: SecretKey::generate(&mut rand::rng())? })
    }

    /// A service of this name with a new key.
    pub fn service(name: &str) -> Result<Self> {
        Ok(Self { identity: Identity::Service(name.parse()?), key: SecretKey::generate(&mut rand::rng())? })
    }

    /// Writes the private key as `probity key new` does, for commands to sign with.
    pub fn write_key(&self, path: &Path) -> Result<()> {
        let pem = self.key.to_pem(None, &mut rand::rng())?;
        std::fs::write(path, format!("identity: {}\n{}", self.identity, *pem))?;
        Ok(std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?)
    }

    /// Writes the public key as `probity key new` does, for `probity init` to take.
    pub fn write_public_key(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, format!("identity: {}\n{}", self.identity, self.key.public().to_pem()?))?)
    }

    /// Signs an event for the ledger `origin`.
    pub fn sign(&self, event: &Event, origin: &str) -> Result<SignedStatement> {
        Ok(Unsigned::new(event, &self.identity, origin, self.key.public().id())?.sign(&self.key)?)
    }

    /// Signs an event written as JSON, to which id, version and (for acts) the present time are added where missing.
    pub fn state(&self, event: Value, origin: &str) -> Result<SignedStatement> {
        self.sign(&complete(event)?, origin)
    }
}

/// Adds what is missing to an event written as JSON.
fn complete(mut tree: Value) -> Result<Event> {
    let now = SystemClock.now_ms();
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let defaults = [
        ("id", Value::from(EventId::from_time(now, random).to_string())),
        ("v", Value::from(1)),
        ("occurred", Value::from(now)),
    ];
    for (key, value) in defaults {
        if tree.get(key).is_none() {
            tree[key] = value;
        }
    }
    Ok(Event::from_value(&tree)?)
}

/// The event that enrols a signer.
pub fn enrolment(signer: &Signer, origin: &str, responsible: &[Identity]) -> Result<Value> {
    let key = signer.key.public();
    let kind = if matches!(signer.identity, Identity::Person(_)) { "person" } else { "service" };
    let possession = Possession::prove(&signer.key, &origin.parse()?, &signer.identity);
    let mut data = json!({
        "kind": kind, "kid": key.id().to_string(), "public_key": key.to_string(),
        "possession": hex::encode(possession.0),
    });
    if !responsible.is_empty() {
        data["responsible"] = json!(responsible);
    }
    Ok(json!({ "type": "authority.enrolled", "subject": signer.identity.subject(), "data": data }))
}

/// The event that gives a signer a role.
pub fn granting(identity: &Identity, role: &str, namespaces: &[&str]) -> Value {
    let data = json!({ "role": role, "namespaces": namespaces });
    json!({ "type": "authority.role_granted", "subject": identity.subject(), "data": data })
}
