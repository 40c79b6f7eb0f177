//! Statements made by hand, so that every part of them can be wrong.

use probity_schemas::{Clock, Event, EventId, Identity, SystemClock};
use probity_statement::cbor::{Writer, write_value};
use probity_statement::{EVENT_MEDIA_TYPE, SIGNATURE_LENGTH, SecretKey};
use probity_tests::Signer;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "ledger.test/hostile";

/// The parts of a statement, right until they are changed.
#[derive(Debug, Clone)]
pub(crate) struct Forged {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) kid: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) alg: i64,
    pub(crate) payload: Vec<u8>,
    key: SecretKey,
}

impl Forged {
    /// An event, which need not be one, as someone states it.
    pub(crate) fn new(signer: &Signer, event: &Value) -> Self {
        Self {
            issuer: signer.identity.to_string(),
            subject: subject_of(event),
            audience: ORIGIN.to_owned(),
            kid: signer.key.public().id().0.to_vec(),
            content_type: EVENT_MEDIA_TYPE.to_owned(),
            alg: -8,
            payload: encoded(event),
            key: signer.key.clone(),
        }
    }

    pub(crate) fn by(mut self, issuer: &Identity) -> Self {
        self.issuer = issuer.to_string();
        self
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = Writer::new();
        header.map(4).uint(1).int(self.alg).uint(3).text(&self.content_type).uint(4).bytes(&self.kid);
        header.uint(15).map(3).uint(1).text(&self.issuer).uint(2).text(&self.subject).uint(3).text(&self.audience);
        header.into_bytes()
    }

    pub(crate) fn signature(&self, header: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        let mut writer = Writer::new();
        writer.array(4).text("Signature1").bytes(header).bytes(&[]).bytes(&self.payload);
        self.key.sign(&writer.into_bytes())
    }

    /// Signed and put together.
    pub(crate) fn sealed(&self) -> Vec<u8> {
        self.sealed_with(&self.header())
    }

    pub(crate) fn sealed_with(&self, header: &[u8]) -> Vec<u8> {
        self.assembled(header, &self.signature(header))
    }

    pub(crate) fn assembled(&self, header: &[u8], signature: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.tag(18).array(4).bytes(header).map(0).bytes(&self.payload).bytes(signature);
        writer.into_bytes()
    }
}

/// A tree in the order and form of deterministic CBOR, whatever is in it.
pub(crate) fn encoded(tree: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    write_value(&mut writer, &ciborium::Value::serialized(tree).unwrap());
    writer.into_bytes()
}

/// The subject as it stands in the header, as far as the event has one.
pub(crate) fn subject_of(event: &Value) -> String {
    let part = |name: &str| event["subject"][name].as_str().unwrap_or("x").to_owned();
    let version = event["subject"].get("version").and_then(Value::as_str).map(|version| format!("@{version}"));
    format!("{}:{}/{}{}", part("kind"), part("namespace"), part("name"), version.unwrap_or_default())
}

pub(crate) fn now_ms() -> u64 {
    SystemClock.now_ms()
}

pub(crate) fn new_id(random: &mut impl Rng) -> String {
    let mut bytes = [0; 10];
    random.fill_bytes(&mut bytes);
    EventId::from_time(now_ms(), bytes).to_string()
}

/// An event with what is missing: an id, a version, the present time.
pub(crate) fn complete(mut event: Value, random: &mut impl Rng) -> Value {
    for (field, value) in [("id", json!(new_id(random))), ("v", json!(1)), ("occurred", json!(now_ms()))] {
        if event.get(field).is_none() {
            event[field] = value;
        }
    }
    event
}

/// Every sample of the catalogue, each as a new event.
pub(crate) fn samples(random: &mut impl Rng) -> Vec<Value> {
    let all = probity_schemas::catalogue().flat_map(|info| info.samples().map(|(_, sample)| sample.unwrap()));
    all.map(|sample: Event| {
        let mut tree = serde_json::to_value(sample).unwrap();
        tree["id"] = json!(new_id(random));
        tree["occurred"] = json!(now_ms());
        tree
    })
    .collect()
}

pub(crate) fn pick<'a, T>(list: &'a [T], random: &mut impl Rng) -> &'a T {
    &list[random.random_range(0..list.len())]
}
