//! Deterministic CBOR: what is written is accepted, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use ciborium::Value;
use probity_statement::cbor::{self, CborError, Profile, Writer, write_value};
use proptest::prelude::*;
use serde::Deserialize;

fn check(bytes: &[u8]) -> Result<(), CborError> {
    cbor::check(bytes, Profile::ENVELOPE)
}

/// Any tree that an event could hold.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from),
        any::<f32>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from),
        (-2048i16..2048).prop_map(|small| Value::from(f64::from(small) / 32.0)),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map("[a-z]{0,30}", inner, 0..8)
                .prop_map(|map| Value::Map(map.into_iter().map(|(key, value)| (Value::from(key), value)).collect())),
        ]
    })
}

fn encode(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    write_value(&mut writer, value);
    writer.into_bytes()
}

proptest! {
    #[test]
    fn what_is_written_is_accepted_and_decodes_to_itself(value in tree()) {
        let bytes = encode(&value);
        prop_assert_eq!(cbor::check(&bytes, Profile::EVENT), Ok(()));
        let decoded: Value = ciborium::from_reader(bytes.as_slice()).unwrap();
        prop_assert_eq!(encode(&decoded), bytes);
    }

    #[test]
    fn what_is_accepted_encodes_to_itself(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if check(&bytes).is_ok() {
            let decoded: Value = ciborium::from_reader(bytes.as_slice()).unwrap();
            // A null is written as itself; nothing else is lost on the way.
            prop_assert_eq!(encode(&decoded), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_says_something_else(value in tree(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let bytes = encode(&value);
        let mut changed = bytes.clone();
        let at = at.index(bytes.len());
        changed[at] ^= flip;
        if cbor::check(&changed, Profile::EVENT).is_ok() {
            let decoded: Value = ciborium::from_reader(changed.as_slice()).unwrap();
            prop_assert_eq!(encode(&decoded), changed);
        }
    }

    #[test]
    fn our_decoder_agrees_with_the_general_one(value in tree()) {
        let bytes = encode(&value);
        let ours = serde_json::Value::deserialize(cbor::Tree::new(&bytes)).unwrap();
        let theirs: serde_json::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn the_examples_of_rfc_8949_appendix_a_that_are_deterministic_are_accepted() {
    for example in [
        "00",
        "17",
        "1818",
        "1903e8",
        "1a000f4240",
        "1bffffffffffffffff",
        "3863",
        "3bffffffffffffffff",
        "f90000",
        "f98000",
        "f93c00",
        "fb3ff199999999999a",
        "f97bff",
        "fa47c35000",
        "fa7f7fffff",
        "fb7e37e43c8800759c",
        "f90001",
        "f90400",
        "fbc010666666666666",
        "f4",
        "f5",
        "f6",
        "40",
        "4401020304",
        "60",
        "6161",
        "62c3bc",
        "64f0908591",
        "80",
        "83010203",
        "a0",
        "a201020304",
        "a26161016162820203",
        "c074323031332d30332d32315432303a30343a30305a",
    ] {
        assert_eq!(check(&hex::decode(example).unwrap()), Ok(()), "{example}");
    }
}

#[test]
fn everything_that_has_a_shorter_form_is_refused() {
    for example in ["1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3800", "5801aa", "7801aa"]
    {
        let error = check(&hex::decode(example).unwrap());
        assert!(matches!(error, Err(CborError::NotShortest { at: 0 })), "{example}: {error:?}");
    }
    for float in ["fa3f800000", "fb3ff0000000000000", "fb40f86a0000000000", "fa00000000", "fb8000000000000000"] {
        let error = check(&hex::decode(float).unwrap());
        assert!(matches!(error, Err(CborError::NotShortest { at: 0 })), "{float}: {error:?}");
    }
}

#[test]
fn each_way_of_not_being_canonical_has_its_own_error() {
    type Expected = fn(&CborError) -> bool;
    let cases: [(&str, Expected); 13] = [
        ("9fff", |error| matches!(error, CborError::IndefiniteLength { at: 0 })),
        ("5f4101ff", |error| matches!(error, CborError::IndefiniteLength { at: 0 })),
        ("a2020101 02", |error| matches!(error, CborError::KeyOrder { at: 3 })),
        ("a201010102", |error| matches!(error, CborError::DuplicateKey { at: 3 })),
        ("61ff", |error| matches!(error, CborError::Utf8 { at: 0 })),
        ("f97e00", |error| matches!(error, CborError::NotFinite { at: 0 })),
        ("f97c00", |error| matches!(error, CborError::NotFinite { at: 0 })),
        ("fa7fc00000", |error| matches!(error, CborError::NotFinite { at: 0 })),
        ("f7", |error| matches!(error, CborError::NotAllowed { at: 0, .. })),
        ("f820", |error| matches!(error, CborError::NotAllowed { at: 0, .. })),
        ("0000", |error| matches!(error, CborError::Trailing { at: 1, count: 1 })),
        ("8201", |error| matches!(error, CborError::Truncated { at: 2 })),
        ("1c", |error| matches!(error, CborError::NotAllowed { at: 0, .. })),
    ];
    for (example, expected) in cases {
        let error = check(&hex::decode(example.replace(' ', "")).unwrap()).unwrap_err();
        assert!(expected(&error), "{example}: {error:?}");
    }
}

#[test]
fn nesting_beyond_sixteen_and_lengths_beyond_the_input_end_at_once() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0x00]].concat();
    assert_eq!(check(&nested(16)), Ok(()));
    assert_eq!(check(&nested(17)), Err(CborError::TooDeep { at: 16, limit: 16 }));
    assert!(check(&vec![0x81; 1 << 20]).is_err());
    assert!(check(&hex::decode("9bffffffffffffffff").unwrap()).is_err());
    assert!(check(&hex::decode("bbffffffffffffffff00").unwrap()).is_err());
}

#[test]
fn an_event_holds_no_bytes_tags_nulls_or_keys_that_are_not_text() {
    for example in ["4101", "c100", "f6", "a10101", "a16161f6", "8140"] {
        let bytes = hex::decode(example).unwrap();
        assert_eq!(check(&bytes), Ok(()), "{example}");
        assert!(cbor::check(&bytes, Profile::EVENT).is_err(), "{example}");
    }
}
