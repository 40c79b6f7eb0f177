//! Keys, notes and checkpoints: what is written is read, and nothing else is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use ed25519_dalek::SigningKey;
use probity_tlog::{
    Checkpoint, CheckpointError, CheckpointSigner, CheckpointTextError, Hash, KeyKind, KeyName, KeyNameError, Line,
    MAX_SIGNATURES, Note, NoteError, NoteSigner, NoteVerifyError, Signature, VerifierKey, VerifierKeyError, leaf_hash,
};
use proptest::prelude::*;

const ORIGIN: &str = "ledger.example.com/models";

fn signer(name: &str, kind: KeyKind, seed: u8) -> NoteSigner {
    NoteSigner::new(KeyName::new(name).unwrap(), kind, SigningKey::from_bytes(&[seed; 32]))
}

fn checkpoint_signer() -> CheckpointSigner {
    CheckpointSigner::new(ORIGIN, SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32])).unwrap()
}

fn stored() -> String {
    checkpoint_signer().sign(42, leaf_hash(b"root"), 1_700_000_000)
}

#[test]
fn the_example_key_of_the_go_implementation_is_read_and_verifies_its_note() {
    // Published in the documentation of golang.org/x/mod/sumdb/note.
    let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert_eq!(key.to_string(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let parsed = Note::parse(note).unwrap();
    assert_eq!(parsed.to_string(), note);
    let verified = parsed.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!(verified[0].time, None);
}

#[test]
fn a_key_reads_back_from_its_text() {
    for kind in [KeyKind::Ed25519, KeyKind::CosignatureV1] {
        let key = signer(ORIGIN, kind, 7).verifier_key().clone();
        assert_eq!(key.to_string().parse::<VerifierKey>(), Ok(key));
    }
}

#[test]
fn a_key_text_with_another_name_id_or_type_is_refused() {
    let text = signer("a", KeyKind::Ed25519, 7).verifier_key().to_string();
    let renamed = text.replacen('a', "b", 1);
    assert!(matches!(renamed.parse::<VerifierKey>(), Err(VerifierKeyError::Id { .. })));
    let (name_and_id, key) = text.rsplit_once('+').unwrap();
    assert!(matches!(format!("{name_and_id}+Ag==").parse::<VerifierKey>(), Err(VerifierKeyError::Kind { .. })));
    assert_eq!(format!("{name_and_id}+AQ==").parse::<VerifierKey>(), Err(VerifierKeyError::Key));
    assert_eq!(format!("{name_and_id}+").parse::<VerifierKey>(), Err(VerifierKeyError::Base64));
    assert_eq!(key.parse::<VerifierKey>(), Err(VerifierKeyError::Fields));
    assert!(text.to_uppercase().parse::<VerifierKey>().is_err());
}

#[test]
fn names_that_would_break_a_note_are_refused() {
    assert_eq!(KeyName::new(""), Err(KeyNameError::Empty));
    for name in ["a b", "a+b", "a\nb", "a\u{a0}b", "a\u{0}b"] {
        assert!(matches!(KeyName::new(name), Err(KeyNameError::Character { .. })), "{name:?}");
    }
}

#[test]
fn both_kinds_of_signature_verify_and_the_time_comes_back() {
    let plain = signer("log", KeyKind::Ed25519, 1);
    let clock = signer("clock", KeyKind::CosignatureV1, 2);
    let text = "first\n\nsecond\n";
    let note = Note::new(text, vec![plain.sign(text, 5), clock.sign(text, 5)]).unwrap();
    let note = Note::parse(&note.to_string()).unwrap();
    assert_eq!(note.text(), text);
    let known = [clock.verifier_key().clone(), plain.verifier_key().clone()];
    let times: Vec<_> = note.verify(&known).unwrap().into_iter().map(|verified| verified.time).collect();
    assert_eq!(times, [None, Some(5)]);
}

#[test]
fn signatures_of_unknown_keys_are_ignored_but_a_known_key_must_verify() {
    let known = signer("log", KeyKind::Ed25519, 1);
    let text = "text\n";
    let unknown = |i: u8| Signature { blob: vec![i], ..signer("other", KeyKind::Ed25519, 100 + i).sign(text, 0) };
    let mut signatures: Vec<_> = (0..20).map(unknown).collect();
    signatures.push(known.sign(text, 0));
    let note = Note::new(text, signatures.clone()).unwrap();
    let keys = [known.verifier_key().clone()];
    assert_eq!(Note::parse(&note.to_string()).unwrap().verify(&keys).unwrap().len(), 1);

    signatures.push(known.sign("other text\n", 0));
    let forged = Note::new(text, signatures).unwrap();
    assert!(matches!(forged.verify(&keys), Err(NoteVerifyError::BadSignature { .. })));

    let unsigned = Note::new(text, vec![unknown(0)]).unwrap();
    assert_eq!(unsigned.verify(&keys), Err(NoteVerifyError::NoKnownSignature));
}

#[test]
fn malformed_notes_are_refused() {
    let line = signer("log", KeyKind::Ed25519, 1).sign("text\n", 0).to_string();
    let cases = [
        (String::new(), NoteError::Unsigned),
        ("text\n".into(), NoteError::Unsigned),
        ("text\n\n".into(), NoteError::Unsigned),
        (format!("text\n{line}\n"), NoteError::Unsigned),
        (format!("text\n\n{line}"), NoteError::UnfinishedLine),
        (format!("te\txt\n\n{line}\n"), NoteError::Control),
        (format!("text\r\n\n{line}\n"), NoteError::Control),
        (format!("text\n\n{line}\nno signature\n"), NoteError::Line { line: 1 }),
        (format!("text\n\n{line} \n"), NoteError::Line { line: 0 }),
        ("text\n\n— log AAAA\n".into(), NoteError::Line { line: 0 }),
        ("text\n\n— log AAAAAA==\n".into(), NoteError::Line { line: 0 }),
        ("text\n\n— l+g AAAAAAA=\n".into(), NoteError::Line { line: 0 }),
        (
            format!("text\n\n{}", format!("{line}\n").repeat(MAX_SIGNATURES + 1)),
            NoteError::TooManySignatures { found: MAX_SIGNATURES + 1 },
        ),
    ];
    for (note, error) in cases {
        assert_eq!(Note::parse(&note), Err(error), "{note:?}");
    }
}

#[test]
fn a_text_that_could_not_be_read_back_is_not_put_into_a_note() {
    let signature = signer("log", KeyKind::Ed25519, 1).sign("text", 0);
    assert_eq!(Note::new("text", vec![signature.clone()]), Err(NoteError::TextEnd));
    assert_eq!(Note::new("", vec![signature.clone()]), Err(NoteError::TextEnd));
    assert_eq!(Note::new("te\0xt\n", vec![signature]), Err(NoteError::Control));
    assert_eq!(Note::new("text\n", vec![]), Err(NoteError::Unsigned));
}

proptest! {
    #[test]
    fn no_note_is_read_that_would_be_written_otherwise(
        head in "[ -~é\n]{0,12}", foot in "(— [a-z+ ]{0,3} ?[A-Za-z0-9+/=]{8,12}\n?){0,3}[\n ]{0,2}",
    ) {
        let note = format!("{head}\n\n{foot}");
        if let Ok(parsed) = Note::parse(&note) {
            prop_assert_eq!(parsed.to_string(), note);
        }
    }
}

#[test]
fn a_checkpoint_text_has_one_spelling() {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 42, root: leaf_hash(b"root") };
    let text = checkpoint.to_text();
    assert_eq!(Checkpoint::parse(&text), Ok(checkpoint.clone()));
    let root = checkpoint.root.to_base64();
    let refused = [
        (format!("{ORIGIN}\n42\n{root}"), CheckpointTextError::Lines),
        (format!("{ORIGIN}\n42\n{root}\nextension\n"), CheckpointTextError::Lines),
        (format!("{ORIGIN}\n42\n{root}\n\n"), CheckpointTextError::Lines),
        (format!("\n42\n{root}\n"), CheckpointTextError::Origin),
        (format!("{ORIGIN}\n042\n{root}\n"), CheckpointTextError::Size),
        (format!("{ORIGIN}\n+42\n{root}\n"), CheckpointTextError::Size),
        (format!("{ORIGIN}\n18446744073709551616\n{root}\n"), CheckpointTextError::Size),
    ];
    for (text, error) in refused {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    assert!(matches!(Checkpoint::parse(&format!("{ORIGIN}\n42\nAAAA\n")), Err(CheckpointTextError::Root(_))));
}

#[test]
fn a_stored_checkpoint_opens_to_what_was_signed() {
    let opened = checkpoint_signer().verifier().open(&stored()).unwrap();
    assert_eq!(opened.checkpoint, Checkpoint { origin: ORIGIN.into(), size: 42, root: leaf_hash(b"root") });
    assert_eq!(opened.time, 1_700_000_000);
}

#[test]
fn a_stored_checkpoint_with_any_bit_changed_is_refused() {
    let verifier = checkpoint_signer().verifier();
    let note = stored();
    for position in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.clone().into_bytes();
            changed[position] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(verifier.open(&changed).is_err(), "byte {position}, bit {bit}: {changed:?}");
            }
        }
    }
}

#[test]
fn a_stored_checkpoint_with_a_byte_missing_or_too_many_is_refused() {
    let verifier = checkpoint_signer().verifier();
    let note = stored();
    for (position, character) in note.char_indices() {
        let mut shorter = note.clone();
        shorter.remove(position);
        assert!(verifier.open(&shorter).is_err(), "without {position}");
        let mut longer = note.clone();
        longer.insert(position, character);
        assert!(verifier.open(&longer).is_err(), "{position} doubled");
    }
    assert!(verifier.open(&format!("{note}\n")).is_err());
}

#[test]
fn a_stored_checkpoint_has_exactly_its_two_lines_in_order() {
    let verifier = checkpoint_signer().verifier();
    let note = Note::parse(&stored()).unwrap();
    let [log, clock] = note.signatures() else { panic!("two lines") };
    let open = |lines: &[&Signature]| {
        let lines = lines.iter().map(|line| (*line).clone()).collect();
        verifier.open(&Note::new(note.text(), lines).unwrap().to_string())
    };
    assert!(open(&[log, clock]).is_ok());
    assert_eq!(open(&[log]), Err(CheckpointError::SignatureCount { found: 1 }));
    assert_eq!(open(&[log, clock, clock]), Err(CheckpointError::SignatureCount { found: 3 }));
    assert!(matches!(open(&[clock, log]), Err(CheckpointError::Key { line: Line::Checkpoint, .. })));
    assert!(matches!(open(&[log, log]), Err(CheckpointError::Key { line: Line::Clock, .. })));
}

#[test]
fn a_checkpoint_of_another_log_or_by_other_keys_is_refused() {
    let key = |seed| SigningKey::from_bytes(&[seed; 32]);
    let verifier = checkpoint_signer().verifier();
    let other_origin = CheckpointSigner::new("other.example.com", key(1), key(2)).unwrap();
    let other_keys = CheckpointSigner::new(ORIGIN, key(3), key(4)).unwrap();
    let swapped_keys = CheckpointSigner::new(ORIGIN, key(2), key(1)).unwrap();
    for signer in [other_origin, other_keys, swapped_keys] {
        let note = signer.sign(42, Hash::EMPTY_ROOT, 0);
        assert!(matches!(verifier.open(&note), Err(CheckpointError::Key { line: Line::Checkpoint, .. })));
    }
    // The right keys over a text that names another log.
    let text = Checkpoint { origin: "other".into(), size: 1, root: Hash::EMPTY_ROOT }.to_text();
    let lines = vec![
        signer(ORIGIN, KeyKind::Ed25519, 1).sign(&text, 9),
        signer(&format!("{ORIGIN}/clock"), KeyKind::CosignatureV1, 2).sign(&text, 9),
    ];
    let note = Note::new(text, lines).unwrap().to_string();
    assert_eq!(verifier.open(&note), Err(CheckpointError::Origin { found: "other".into() }));
}

#[test]
fn private_keys_do_not_appear_in_debug_output() {
    let secret = format!("{:?}", [1_u8; 32]);
    assert!(!format!("{:?}", checkpoint_signer()).contains(&secret));
}
