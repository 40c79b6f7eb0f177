//! A text that begins with `sealed:` is a sealed text or none at all.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value;
use probity_schemas::{Event, EventError, SealedText, Text, find};
use proptest::prelude::*;
use serde_json::json;

const KEY_ID: [u8; 16] = [0xab; 16];
const NONCE: [u8; 12] = [7; 12];

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn protected(algorithm: i64, key_id: &[u8]) -> Value {
    let header = Value::Map(vec![(1.into(), algorithm.into()), (4.into(), Value::Bytes(key_id.to_vec()))]);
    Value::Bytes(bytes_of(&header))
}

fn unprotected(nonce: &[u8]) -> Value {
    Value::Map(vec![(5.into(), Value::Bytes(nonce.to_vec()))])
}

fn tagged(tag: u64, parts: Vec<Value>) -> Vec<u8> {
    bytes_of(&Value::Tag(tag, Box::new(Value::Array(parts))))
}

/// The bytes of a sealed text as an encoder that isn't ours writes them.
fn sealed(ciphertext: &[u8]) -> Vec<u8> {
    tagged(16, vec![protected(24, &KEY_ID), unprotected(&NONCE), Value::Bytes(ciphertext.to_vec())])
}

fn text_of(bytes: &[u8]) -> String {
    format!("sealed:{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn a_sealed_text_names_its_key_and_gives_its_parts() {
    let bytes = sealed(&[1; 40]);
    let text: Text = text_of(&bytes).parse().unwrap();
    let found = text.sealed().unwrap();
    assert_eq!(found.key_id(), KEY_ID);
    assert_eq!(found.key_name(), "ab".repeat(16));
    assert_eq!(found.nonce(), NONCE);
    assert_eq!(found.ciphertext(), [1; 40]);
    assert_eq!(Value::Bytes(found.protected().to_vec()), protected(24, &KEY_ID));
    assert_eq!(found.as_bytes(), bytes);
    assert_eq!(Text::try_from(found).unwrap(), text);
}

#[test]
fn a_text_that_is_not_sealed_has_nothing_sealed_in_it() {
    for text in ["a purpose", "Sealed: yes", " sealed:x", "unsealed:x"] {
        assert_eq!(text.parse::<Text>().unwrap().sealed(), None, "{text}");
    }
}

#[test]
fn what_only_begins_like_a_sealed_text_is_refused_with_the_form_it_should_have() {
    let mut event = serde_json::to_value(find("model.registered", 1).unwrap().sample().unwrap()).unwrap();
    event["data"]["purpose"] = json!("sealed: the deal with the bureau");
    let error = Event::from_value(&event).unwrap_err();
    assert!(
        matches!(&error, EventError::Refused { path, reason } if path == "data.purpose"
            && reason.contains("sealed text must have the form sealed:<base64url")),
        "{error:?}"
    );
    let schema = find("model.registered", 1).unwrap().json_schema().to_value();
    assert!(!jsonschema::is_valid(&schema, &event));
    event["data"]["purpose"] = json!(text_of(&sealed(&[1; 17])));
    assert!(jsonschema::is_valid(&schema, &event));
    Event::from_value(&event).unwrap();
}

#[test]
fn any_other_layout_is_refused() {
    let ciphertext = || Value::Bytes(vec![1; 40]);
    let key = || protected(24, &KEY_ID);
    let nonce = || unprotected(&NONCE);
    let sorted_otherwise =
        Value::Bytes(bytes_of(&Value::Map(vec![(4.into(), Value::Bytes(KEY_ID.to_vec())), (1.into(), 24.into())])));
    let good = sealed(&[1; 40]);
    let mut longer = good.clone();
    longer.push(0);
    let mut long_head = good[..good.len() - 42].to_vec();
    long_head.extend([0x59, 0, 40]);
    long_head.extend([1; 40]);
    let mut long_head_of_few = sealed(&[1; 20]);
    long_head_of_few.splice(good.len() - 42.., [0x58, 20]);
    long_head_of_few.extend([1; 20]);
    for (what, bytes) in [
        ("a longer head than few bytes need", long_head_of_few),
        ("another tag", tagged(18, vec![key(), nonce(), ciphertext()])),
        ("four parts", tagged(16, vec![key(), nonce(), ciphertext(), Value::Null])),
        ("two parts", tagged(16, vec![key(), nonce()])),
        ("another algorithm", tagged(16, vec![protected(3, &KEY_ID), nonce(), ciphertext()])),
        ("a short key id", tagged(16, vec![protected(24, &KEY_ID[1..]), nonce(), ciphertext()])),
        ("an unsorted header", tagged(16, vec![sorted_otherwise, nonce(), ciphertext()])),
        ("a short nonce", tagged(16, vec![key(), unprotected(&NONCE[1..]), ciphertext()])),
        ("no nonce", tagged(16, vec![key(), Value::Map(vec![]), ciphertext()])),
        ("a detached ciphertext", tagged(16, vec![key(), nonce(), Value::Null])),
        ("a tag without a text", sealed(&[1; 16])),
        ("a byte too many", longer),
        ("a byte too few", good[..good.len() - 1].to_vec()),
        ("a longer head than needed", long_head),
        ("nothing", Vec::new()),
    ] {
        assert!(SealedText::from_bytes(bytes.clone()).is_err(), "{what}");
        assert!(text_of(&bytes).parse::<Text>().is_err(), "{what}");
    }
    let text = text_of(&good);
    for (what, text) in [
        ("padding", format!("{text}=")),
        ("white space", format!("{text} ")),
        ("another alphabet", text.replace("-", "+").replace('_', "/") + "+"),
    ] {
        assert!(text.parse::<Text>().is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn a_sealed_text_of_any_length_is_read_back(ciphertext in prop::collection::vec(any::<u8>(), 17..12_000)) {
        let text = text_of(&sealed(&ciphertext));
        let read: SealedText = text.parse().unwrap();
        prop_assert_eq!(read.ciphertext(), ciphertext);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn bytes_that_are_read_as_sealed_are_their_only_spelling(
        mut bytes in prop::collection::vec(any::<u8>(), 17..300).prop_map(|ciphertext| sealed(&ciphertext)),
        at in any::<prop::sample::Index>(),
        other in any::<u8>(),
    ) {
        let at = at.index(bytes.len());
        bytes[at] = other;
        if let Ok(read) = SealedText::from_bytes(bytes.clone()) {
            let parts = tagged(16, vec![
                Value::Bytes(read.protected().to_vec()),
                unprotected(&read.nonce()),
                Value::Bytes(read.ciphertext().to_vec()),
            ]);
            prop_assert_eq!(parts, bytes);
        }
    }
}
