//! Sealed texts open for who has the key, in the event they were made for, and for nobody else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coset::{CborSerializable, CoseEncrypt0, TaggedCborSerializable, iana};
use probity_schemas::{EventId, Origin, Text};
use probity_statement::{SealError, SealingKey, SealingKeyId, UnsealError};
use proptest::prelude::*;

fn origin() -> Origin {
    "ledger.test/sealed".parse().unwrap()
}

fn event(n: u8) -> EventId {
    EventId::from_time(1_700_000_000_000, [n; 10])
}

fn key(n: u8) -> SealingKey {
    SealingKey::from_bytes([n; 32])
}

fn seal(plain: &str) -> Text {
    key(1).seal(&plain.parse().unwrap(), &origin(), &event(1), [9; 12]).unwrap()
}

fn bytes(sealed: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(sealed.strip_prefix("sealed:").unwrap()).unwrap()
}

#[test]
fn a_sealed_text_opens_with_its_key_in_its_event_only() {
    let sealed = seal("Mrs Example, born 1970");
    assert_eq!(*key(1).open(&sealed, &origin(), &event(1)).unwrap(), "Mrs Example, born 1970");
    assert_eq!(SealingKeyId::of(&sealed), Some(key(1).id()));
    let other_key = key(2).open(&sealed, &origin(), &event(1));
    assert!(matches!(other_key, Err(UnsealError::OtherKey(id)) if id == key(1).id()));
    let other_event = key(1).open(&sealed, &origin(), &event(2));
    assert!(matches!(other_event, Err(UnsealError::Forged)));
    let other_ledger = key(1).open(&sealed, &"ledger.test/other".parse().unwrap(), &event(1));
    assert!(matches!(other_ledger, Err(UnsealError::Forged)));
}

#[test]
fn a_sealed_text_with_any_byte_changed_does_not_open() {
    let sealed = bytes(&seal("Mrs Example"));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let changed = format!("sealed:{}", URL_SAFE_NO_PAD.encode(changed));
        assert!(key(1).open(&changed, &origin(), &event(1)).is_err(), "byte {at}");
    }
    let text = seal("Mrs Example");
    for other in [text.trim_start_matches("sealed:"), &format!("{}=", &*text), &format!("{}A", &*text), "sealed:", "x"]
    {
        assert!(key(1).open(other, &origin(), &event(1)).is_err(), "{other}");
    }
}

#[test]
fn the_length_of_a_sealed_text_shows_only_in_steps() {
    let lengths = |texts: &[&str]| texts.iter().map(|text| seal(text).len()).collect::<Vec<_>>();
    let same = lengths(&["x", "Mr Li", "Mrs Wolfeschlegelsteinhausenberg"[..30].into()]);
    assert_eq!(same, vec![same[0]; 3]);
    assert!(lengths(&[&"x".repeat(31)])[0] > same[0]);
}

#[test]
fn what_does_not_fit_a_text_is_not_sealed() {
    let longest = (12_000..12_400).rev().find_map(|length| {
        let plain: Text = "x".repeat(length).parse().unwrap();
        match key(1).seal(&plain, &origin(), &event(1), [0; 12]) {
            Ok(sealed) => Some((length, sealed)),
            Err(SealError::TooLong { .. }) => None,
            Err(other) => panic!("{other}"),
        }
    });
    let (length, sealed) = longest.unwrap();
    assert!(length > 12_100 && sealed.len() <= Text::MAX, "{length}");
    assert_eq!(key(1).open(&sealed, &origin(), &event(1)).unwrap().len(), length);
}

#[test]
fn the_envelope_is_a_cose_encrypt0_as_coset_reads_it() {
    let envelope = CoseEncrypt0::from_tagged_slice(&bytes(&seal("Mrs Example"))).unwrap();
    let alg = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ChaCha20Poly1305);
    assert_eq!(envelope.protected.header.alg, Some(alg));
    assert_eq!(envelope.protected.header.key_id, key(1).id().0);
    assert_eq!(envelope.unprotected.iv, [9; 12]);
    let place = ciborium::Value::Array(vec![
        ciborium::Value::Text(origin().to_string()),
        ciborium::Value::Text(event(1).to_string()),
    ]);
    let opened = envelope.decrypt_ciphertext(
        &place.to_vec().unwrap(),
        || chacha20poly1305::aead::Error,
        |ciphertext, aad| {
            use chacha20poly1305::aead::{Aead, KeyInit, Payload};
            let cipher = chacha20poly1305::ChaCha20Poly1305::new(&[1; 32].into());
            cipher.decrypt(&[9; 12].into(), Payload { msg: ciphertext, aad })
        },
    );
    let opened = opened.unwrap();
    assert_eq!((opened.len(), &opened[..2]), (32, &[0, 11][..]));
    assert_eq!(&opened[2..13], b"Mrs Example");
    assert!(opened[13..].iter().all(|byte| *byte == 0));
}

/// A sealed text with these bytes in it, made by somebody who has the key.
fn sealed_by_hand(padded: &[u8]) -> String {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    let place = ciborium::Value::Array(vec![origin().to_string().into(), event(1).to_string().into()]);
    let envelope = coset::CoseEncrypt0Builder::new()
        .protected(
            coset::HeaderBuilder::new()
                .algorithm(iana::Algorithm::ChaCha20Poly1305)
                .key_id(key(1).id().0.to_vec())
                .build(),
        )
        .unprotected(coset::HeaderBuilder::new().iv(vec![9; 12]).build())
        .create_ciphertext(padded, &place.to_vec().unwrap(), |msg, aad| {
            let cipher = chacha20poly1305::ChaCha20Poly1305::new(&[1; 32].into());
            cipher.encrypt(&[9; 12].into(), Payload { msg, aad }).unwrap()
        })
        .build();
    format!("sealed:{}", URL_SAFE_NO_PAD.encode(envelope.to_tagged_vec().unwrap()))
}

#[test]
fn padding_has_one_form() {
    let padded = |text: &str, length: u16, whole: usize| {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes.resize(whole, 0);
        bytes
    };
    assert_eq!(sealed_by_hand(&padded("Mrs Example", 11, 32)), seal("Mrs Example").as_str(), "coset seals the same");
    let mut dirty = padded("Mrs Example", 11, 32);
    dirty[31] = 1;
    for wrong in [
        padded("Mrs Example", 11, 64),
        padded("Mrs Example", 11, 33),
        padded("Mrs Example", 300, 32),
        dirty,
        padded("", 0, 1),
        [&[0, 1, 0xff][..], &[0; 29]].concat(),
    ] {
        let opened = key(1).open(&sealed_by_hand(&wrong), &origin(), &event(1));
        assert!(matches!(opened, Err(UnsealError::Forged)), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn every_text_comes_back_as_it_was(plain in "[^\\p{C}\\s][^\\p{C}]{0,300}", n in any::<u8>(), nonce in any::<[u8; 12]>()) {
        let plain: Text = plain.parse().unwrap();
        let sealed = key(n).seal(&plain, &origin(), &event(n), nonce).unwrap();
        let opened = key(n).open(&sealed, &origin(), &event(n)).unwrap();
        prop_assert_eq!(opened.as_str(), plain.as_str());
    }
}
