//! Keys that are kept elsewhere: what they sign is as good as what we sign, and is checked before it is used.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::cell::Cell;

use probity_schemas::{EventId, Identity, Origin, model::Registered};
use probity_statement::{Possession, PublicKey, SecretKey, Signer, SigningError, Unsigned};

/// Somebody who is asked, and may answer wrongly.
struct Elsewhere {
    key: SecretKey,
    claims: PublicKey,
    flip: Option<usize>,
    asked: Cell<u32>,
}

impl Signer for Elsewhere {
    fn public(&self) -> &PublicKey {
        &self.claims
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.asked.set(self.asked.get() + 1);
        let mut signature = self.key.sign(message);
        if let Some(at) = self.flip {
            signature[at] ^= 1;
        }
        Ok(signature)
    }
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32]).unwrap()
}

fn elsewhere(holds: u8, claims: u8, flip: Option<usize>) -> Elsewhere {
    Elsewhere { key: key(holds), claims: key(claims).public().clone(), flip, asked: Cell::new(0) }
}

fn unsigned(kid: u8) -> Unsigned {
    let data = Registered::new("Estimates something.".parse().unwrap());
    let event = probity_schemas::Event::new(EventId::from_hash([3; 16]), "model:credit/pd".parse().unwrap(), data);
    let issuer: Identity = "service:pipeline".parse().unwrap();
    Unsigned::new(&event, &issuer, "ledger.test/signers", key(kid).public().id()).unwrap()
}

#[test]
fn a_key_that_is_elsewhere_signs_the_same_statement() {
    let signer = elsewhere(1, 1, None);
    let statement = unsigned(1).sign_with(&signer).unwrap();
    assert_eq!(statement, unsigned(1).sign(&key(1)).unwrap());
    assert_eq!(signer.asked.get(), 1, "its holder is asked once");
    assert_eq!(unsigned(1).sign_with(&key(1)).unwrap(), statement, "a key of this process is a signer too");
}

#[test]
fn a_signature_that_does_not_verify_is_never_used() {
    let (origin, identity): (Origin, Identity) =
        ("ledger.test/signers".parse().unwrap(), "service:pipeline".parse().unwrap());
    let wrong = [elsewhere(2, 1, None), elsewhere(1, 1, Some(0)), elsewhere(1, 1, Some(63))];
    for signer in &wrong {
        assert!(unsigned(1).sign_with(signer).is_err());
        assert!(Possession::prove_with(signer, &origin, &identity).is_err());
    }
    let other_kid = unsigned(2).sign_with(&elsewhere(1, 1, None));
    assert!(other_kid.is_err(), "the statement names another key");
}

#[test]
fn possession_is_proven_by_a_key_that_is_elsewhere() {
    let (origin, identity): (Origin, Identity) =
        ("ledger.test/signers".parse().unwrap(), "service:pipeline".parse().unwrap());
    let proof = Possession::prove_with(&elsewhere(1, 1, None), &origin, &identity).unwrap();
    assert_eq!(proof, Possession::prove(&key(1), &origin, &identity));
    assert!(proof.verify(key(1).public(), &origin, &identity).is_ok());
}
