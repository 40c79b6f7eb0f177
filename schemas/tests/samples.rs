//! Every type comes with an event that shows what it is for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;

use probity_schemas::{Event, EventSeed, TypeInfo, catalogue};
use serde::{Deserialize, Deserializer, de::DeserializeSeed};

/// Every sample there is, with its type.
fn samples() -> impl Iterator<Item = (&'static TypeInfo, Event)> {
    catalogue().flat_map(|info| {
        info.samples()
            .map(move |(label, sample)| (info, sample.unwrap_or_else(|error| panic!("{info:?} {label:?}: {error}"))))
    })
}

thread_local! {
    static ANNOUNCED: Cell<Option<&'static TypeInfo>> = const { Cell::new(None) };
}

/// Hands a seed to ciborium, which takes none.
struct Announced(Event);

impl<'de> Deserialize<'de> for Announced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let info = ANNOUNCED.get().unwrap();
        EventSeed::from(info).deserialize(deserializer).map(Self)
    }
}

fn cbor(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(event, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_sample_is_an_event_of_its_type() {
    for (info, event) in samples() {
        assert_eq!(event.info(), info);
    }
}

#[test]
fn every_sample_survives_json() {
    for (_, event) in samples() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(Event::from_json(&text).unwrap(), event);
        event.validate().unwrap();
    }
}

#[test]
fn every_sample_survives_cbor_in_one_pass() {
    for (info, event) in samples() {
        ANNOUNCED.set(Some(info));
        let Announced(read) = ciborium::from_reader(cbor(&event).as_slice()).unwrap();
        assert_eq!(read, event, "{info:?}");
    }
}

#[test]
fn json_and_cbor_are_the_same_tree() {
    for (info, event) in samples() {
        let through_cbor: serde_json::Value = ciborium::from_reader(cbor(&event).as_slice()).unwrap();
        assert_eq!(through_cbor, serde_json::to_value(&event).unwrap(), "{info:?}");
    }
}

#[test]
fn every_sample_is_what_its_schema_allows() {
    for (info, event) in samples() {
        let schema = serde_json::Value::from(info.json_schema());
        let validator = jsonschema::validator_for(&schema).unwrap();
        let tree = serde_json::to_value(event).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&tree).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{info:?}: {errors:#?}");
    }
}
