//! Statements and receipts: what a signer hands in and what the ledger hands back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use bytes::Bytes;
use probity_schemas::{Event, Identity, newest};
use probity_statement::{
    KeyError, LedgerSecrets, MAX_STATEMENT_LENGTH, PublicKey, Receipt, ReceiptError, RootSignature, SecretKey,
    SignedStatement, StatementError, Unsigned, attach_receipts, derived_event_id, detach_receipts,
};
use probity_tlog::{BlockTree, ConsistencyProof, Frontier, Hash, leaf_hash};

const AUDIENCE: &str = "ledger.test/models";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

fn signer() -> Identity {
    "service:ci-runner".parse().unwrap()
}

fn sample() -> Event {
    newest("model.registered").unwrap().sample().unwrap()
}

fn signed(event: &Event) -> SignedStatement {
    let key = key(7);
    Unsigned::new(event, &signer(), AUDIENCE, key.public().id()).unwrap().sign(&key).unwrap()
}

#[test]
fn a_statement_says_what_was_signed_and_verifies_with_the_signers_key_only() {
    let event = sample();
    let statement = signed(&event);
    assert_eq!(statement.event().unwrap(), event);
    assert_eq!(statement.issuer(), &signer());
    assert_eq!((statement.audience(), statement.subject()), (AUDIENCE, event.subject.to_string().as_str()));
    assert_eq!(&statement.bytes()[..2], [0xd2, 0x84], "a tagged COSE_Sign1");
    statement.verify(key(7).public()).unwrap();
    statement.verify(key(8).public()).unwrap_err();
}

#[test]
fn coset_reads_a_statement_as_we_do_and_verifies_it() {
    use coset::iana::EnumI64;
    use coset::{CoseSign1, RegisteredLabelWithPrivate, TaggedCborSerializable, iana};
    let statement = signed(&sample());
    let theirs = CoseSign1::from_tagged_slice(statement.bytes()).unwrap();
    let algorithm = RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA);
    assert_eq!(theirs.protected.header.alg, Some(algorithm));
    assert_eq!(theirs.protected.header.key_id, statement.kid().0);
    assert_eq!(theirs.payload.as_deref(), Some(statement.payload()));
    assert!(theirs.unprotected.is_empty());
    assert_eq!(iana::Algorithm::EdDSA.to_i64(), -8);
    let verify = |message: &[u8], signature: &[u8]| key(7).public().verify(message, signature.try_into().unwrap());
    theirs.verify_signature(&[], |signature, message| verify(message, signature)).unwrap();
    assert!(theirs.verify_signature(b"other", |signature, message| verify(message, signature)).is_err());
}

#[test]
fn every_type_of_event_survives_signing() {
    for info in probity_schemas::catalogue() {
        let event = info.sample().unwrap();
        assert_eq!(signed(&event).event().unwrap(), event, "{}", info.event_type);
    }
}

#[test]
fn any_changed_bit_of_a_statement_is_refused() {
    let statement = signed(&sample());
    let accepts = |bytes: Vec<u8>| {
        SignedStatement::parse(bytes.into()).is_ok_and(|changed| changed.verify(key(7).public()).is_ok())
    };
    assert!(accepts(statement.bytes().to_vec()));
    for at in 0..statement.bytes().len() {
        for bit in 0..8 {
            let mut changed = statement.bytes().to_vec();
            changed[at] ^= 1 << bit;
            assert!(!accepts(changed), "byte {at} bit {bit}");
        }
    }
    for length in 0..statement.bytes().len() {
        assert!(!accepts(statement.bytes()[..length].to_vec()), "cut to {length}");
    }
}

#[test]
fn both_names_of_the_algorithm_are_accepted_and_no_other() {
    let event = sample();
    let unsigned = Unsigned::new(&event, &signer(), AUDIENCE, key(7).public().id()).unwrap();
    let with_algorithm = |algorithm: &[u8]| {
        // {1: alg, ...}: the header is a map of four that begins a4 01 27 for -8.
        let prefix = unsigned.prefix();
        let start = prefix.windows(3).position(|window| window == [0xa4, 0x01, 0x27]).unwrap();
        let mut protected = prefix[start..].to_vec();
        protected.splice(2..3, algorithm.iter().copied());
        let mut header = probity_statement::cbor::Writer::new();
        let length = protected.windows(2).position(|window| window == [0xa0, 0x59]).unwrap();
        header.tag(18).array(4).bytes(&protected[..length]).raw(&protected[length..]);
        let mut bytes = header.into_bytes();
        bytes.extend([0; 64]);
        SignedStatement::parse(bytes.into())
    };
    assert!(with_algorithm(&[0x27]).is_ok());
    assert!(with_algorithm(&[0x32]).is_ok(), "-19 is Ed25519 by its full name");
    assert!(matches!(with_algorithm(&[0x26]), Err(StatementError::Algorithm(-7))));
}

#[test]
fn the_header_must_be_about_the_subject_of_the_event() {
    let mut other = sample();
    other.subject = "model:credit/another".parse().unwrap();
    let (own, foreign) = (signed(&sample()), signed(&other));
    let cut = |statement: &SignedStatement| {
        let bytes = statement.bytes().to_vec();
        let payload = statement.payload().to_vec();
        let start = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
        (bytes[..start - 3].to_vec(), bytes[start - 3..].to_vec())
    };
    let mixed = [cut(&own).0, cut(&foreign).1].concat();
    let error = SignedStatement::parse(mixed.into()).unwrap().event().unwrap_err();
    assert!(matches!(error, StatementError::SubjectMismatch { .. }), "{error}");
}

#[test]
fn a_statement_that_is_too_long_is_refused_before_it_is_signed_and_when_it_is_read() {
    let mut event = sample();
    let text: String = "x".repeat(16_000);
    event.attributes =
        serde_json::from_value(serde_json::json!({ "a": text, "b": text, "c": text, "d": text, "e": text })).unwrap();
    let error = Unsigned::new(&event, &signer(), AUDIENCE, key(7).public().id()).unwrap_err();
    assert!(matches!(error, StatementError::TooLong { length } if length > MAX_STATEMENT_LENGTH), "{error}");
    let error = SignedStatement::parse(vec![0; MAX_STATEMENT_LENGTH + 1].into()).unwrap_err();
    assert!(matches!(error, StatementError::TooLong { .. }));
}

struct Recorded {
    statements: Vec<SignedStatement>,
    tree: BlockTree,
    signature: RootSignature,
    receipt_key: SecretKey,
}

/// Some statements in one block after a few others.
fn recorded() -> Recorded {
    let mut before = Frontier::new();
    (0..5u8).for_each(|n| before.push(leaf_hash(&[n])));
    let statements: Vec<_> = probity_schemas::catalogue().take(6).map(|info| signed(&info.sample().unwrap())).collect();
    let leaves: Vec<Hash> = statements.iter().map(SignedStatement::leaf_hash).collect();
    let tree = BlockTree::new(&before, &leaves);
    let receipt_key = key(9);
    let signature = RootSignature::sign(&receipt_key, AUDIENCE, tree.size(), &tree.root(), 1_700_000_000);
    Recorded { statements, tree, signature, receipt_key }
}

#[test]
fn one_signature_gives_every_statement_of_a_block_its_receipt_and_none_fits_another() {
    let Recorded { statements, tree, signature, receipt_key } = recorded();
    for (position, statement) in statements.iter().enumerate() {
        let proof = tree.inclusion_proof(5 + position as u64).unwrap();
        let receipt = Receipt::parse(signature.inclusion_receipt(&proof).unwrap().into()).unwrap();
        let verify = |leaf: Hash| receipt.verify_inclusion(receipt_key.public(), AUDIENCE, &leaf);
        assert_eq!(verify(statement.leaf_hash()), Ok(tree.root()));
        for other in statements.iter().filter(|other| *other != statement) {
            assert_eq!(verify(other.leaf_hash()), Err(ReceiptError::Signature));
        }
        let elsewhere = receipt.verify_inclusion(receipt_key.public(), "ledger.test/other", &statement.leaf_hash());
        assert!(matches!(elsewhere, Err(ReceiptError::Origin { .. })));
        let with_other_key = receipt.verify_inclusion(key(1).public(), AUDIENCE, &statement.leaf_hash());
        assert!(matches!(with_other_key, Err(ReceiptError::Key { .. })));
    }
}

#[test]
fn any_changed_bit_of_a_receipt_is_refused() {
    let Recorded { statements, tree, signature, receipt_key } = recorded();
    let leaf = statements[3].leaf_hash();
    let receipt = signature.inclusion_receipt(&tree.inclusion_proof(8).unwrap()).unwrap();
    let accepts = |bytes: Vec<u8>| {
        Receipt::parse(bytes.into())
            .is_ok_and(|receipt| receipt.verify_inclusion(receipt_key.public(), AUDIENCE, &leaf).is_ok())
    };
    assert!(accepts(receipt.clone()));
    for at in 0..receipt.len() {
        for bit in 0..8 {
            let mut changed = receipt.clone();
            changed[at] ^= 1 << bit;
            assert!(!accepts(changed), "byte {at} bit {bit}");
        }
        assert!(!accepts(receipt[..at].to_vec()), "cut to {at}");
    }
}

#[test]
fn a_consistency_receipt_is_no_inclusion_receipt() {
    let Recorded { statements, tree, signature, receipt_key } = recorded();
    let mut whole = Frontier::new();
    (0..5u8).for_each(|n| whole.push(leaf_hash(&[n])));
    let older = whole.root();
    let inclusion = signature.inclusion_receipt(&tree.inclusion_proof(5).unwrap()).unwrap();
    let same = ConsistencyProof { first: tree.size(), second: tree.size(), path: Vec::new() };
    let consistency = Receipt::parse(signature.consistency_receipt(&same).unwrap().into()).unwrap();
    consistency.verify_consistency(receipt_key.public(), AUDIENCE, &tree.root(), &tree.root()).unwrap();
    assert!(consistency.verify_consistency(receipt_key.public(), AUDIENCE, &older, &tree.root()).is_err());
    let leaf = statements[0].leaf_hash();
    let error = consistency.verify_inclusion(receipt_key.public(), AUDIENCE, &leaf).unwrap_err();
    assert!(matches!(error, ReceiptError::Kind { .. }));
    let error =
        Receipt::parse(inclusion.into()).unwrap().verify_consistency(receipt_key.public(), AUDIENCE, &older, &older);
    assert!(matches!(error, Err(ReceiptError::Kind { .. })));
}

#[test]
fn a_transparent_statement_gives_back_statement_and_receipts() {
    let Recorded { statements, tree, signature, .. } = recorded();
    let receipt: Bytes = signature.inclusion_receipt(&tree.inclusion_proof(5).unwrap()).unwrap().into();
    let transparent = attach_receipts(&statements[0], std::slice::from_ref(&receipt)).unwrap();
    let (statement, receipts) = detach_receipts(&transparent).unwrap();
    assert_eq!((statement.as_slice(), receipts.as_slice()), (&statements[0].bytes()[..], [receipt].as_slice()));
    assert!(SignedStatement::parse(transparent.into()).is_err(), "the log takes nothing unprotected");
}

#[test]
fn keys_survive_their_files_and_only_their_passphrase_opens_them() {
    let key = key(3);
    let plain = key.to_pem(None, &mut rand::rng()).unwrap();
    assert_eq!(SecretKey::from_pem(&plain, None).unwrap().public(), key.public());
    let locked = key.to_pem(Some("correct horse"), &mut rand::rng()).unwrap();
    assert!(SecretKey::is_encrypted_pem(&locked) && !SecretKey::is_encrypted_pem(&plain));
    assert_eq!(SecretKey::from_pem(&locked, Some("correct horse")).unwrap().public(), key.public());
    assert_eq!(SecretKey::from_pem(&locked, Some("wrong")).unwrap_err(), KeyError::WrongPassphrase);
    assert_eq!(SecretKey::from_pem(&locked, None).unwrap_err(), KeyError::PassphraseNeeded);
    let public = key.public().to_pem().unwrap();
    assert_eq!(&PublicKey::from_pem(&public).unwrap(), key.public());
    assert!(SecretKey::from_pem(&public, None).is_err());
}

#[test]
fn keys_of_small_order_and_non_canonical_encodings_are_no_keys() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut non_canonical = [0xff; 32];
    non_canonical[0] = 0xee;
    non_canonical[31] = 0x7f;
    for bytes in [[0; 32], identity, non_canonical] {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Unusable));
    }
}

#[test]
fn the_thumbprint_is_that_of_rfc_9679() {
    // SHA-256 over {1: 1, -1: 6, -2: x}, put together by hand.
    use sha2::Digest;
    let public = key(3).public().clone();
    let mut cose_key = vec![0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20];
    cose_key.extend(public.to_bytes());
    assert_eq!(public.id().0, <[u8; 32]>::from(sha2::Sha256::digest(cose_key)));
}

#[test]
fn a_derived_id_depends_on_each_of_its_parts_and_on_nothing_else() {
    let id = |system, native, event_type| derived_event_id(&signer(), system, native, event_type);
    assert_eq!(id("a", "b", "c"), id("a", "b", "c"));
    assert_ne!(id("a", "b", "c"), id("ab", "", "c"));
    assert_ne!(id("a", "b", "c"), id("a", "b", "d"));
    assert_ne!(id("a", "b", "c"), derived_event_id(&"service:other".parse().unwrap(), "a", "b", "c"));
}

#[test]
fn ledger_keys_come_only_from_a_founding_statement_by_the_ledger_itself() {
    use probity_statement::{LedgerKeys, LedgerKeysError};
    let origin: probity_schemas::Origin = AUDIENCE.parse().unwrap();
    let secrets = LedgerSecrets { origin: origin.clone(), checkpoint: key(1), clock: key(2), receipt: key(3) };
    let mut tree = serde_json::to_value(newest("ledger.founded").unwrap().sample().unwrap()).unwrap();
    tree["data"]["origin"] = AUDIENCE.into();
    for (name, key) in [("checkpoint", &secrets.checkpoint), ("clock", &secrets.clock), ("receipt", &secrets.receipt)] {
        tree["data"]["keys"][name] = key.public().to_string().into();
    }
    let event = Event::from_value(&tree).unwrap();
    let by = |issuer: &Identity, audience: &str, key: &SecretKey| {
        let statement = Unsigned::new(&event, issuer, audience, key.public().id()).unwrap().sign(key).unwrap();
        LedgerKeys::from_founding(&statement)
    };
    let ledger = Identity::Ledger(origin);
    assert_eq!(by(&ledger, AUDIENCE, &secrets.checkpoint).unwrap(), secrets.public());
    assert!(matches!(by(&signer(), AUDIENCE, &secrets.checkpoint), Err(LedgerKeysError::NotByItself { .. })));
    assert!(matches!(by(&ledger, "other.test/x", &secrets.checkpoint), Err(LedgerKeysError::NotByItself { .. })));
    assert!(matches!(by(&ledger, AUDIENCE, &secrets.clock), Err(LedgerKeysError::Signature(_))));
    assert!(matches!(LedgerKeys::from_founding(&signed(&sample())), Err(LedgerKeysError::NotFounding { .. })));
}
