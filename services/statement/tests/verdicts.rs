//! A key that signs often is verified from prepared multiples: with the verdict of strict verification, whatever the input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};
use probity_statement::{PublicKey, SecretKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha512};

/// How many inputs are made up; `PROBITY_MUTATIONS` says another number. With these, signatures that are good have nearly
/// every byte at every place of both scalars.
fn count() -> usize {
    std::env::var("PROBITY_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000)
}

/// A key that has signed so often that it is prepared.
fn prepared(bytes: &[u8; 32]) -> PublicKey {
    let key = PublicKey::from_bytes(bytes).unwrap();
    (0..600).for_each(|_| assert!(key.verify(b"never signed", &[1; 64]).is_err()));
    key
}

/// Both verdicts, which are the same.
fn verdict(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let strict = VerifyingKey::from_bytes(&key.to_bytes()).unwrap();
    let expected = strict.verify_strict(message, &Signature::from_bytes(signature)).is_ok();
    assert_eq!(key.verify(message, signature).is_ok(), expected, "{key}: {message:02x?} {signature:02x?}");
    expected
}

fn scalar(rng: &mut StdRng) -> Scalar {
    let mut wide = [0; 64];
    rng.fill(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

/// A number plus the order of the group: the same scalar, not canonical.
fn plus_order(s: &Scalar) -> [u8; 32] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut sum = [0; 32];
    let mut carry = 0;
    for (at, (one, other)) in s.as_bytes().iter().zip(ORDER).enumerate() {
        carry += u16::from(*one) + u16::from(other);
        sum[at] = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    sum
}

#[test]
fn signatures_and_what_is_like_them_get_the_verdict_of_strict_verification() {
    let mut rng = StdRng::seed_from_u64(8032);
    let (mut good, mut bad) = (0, 0);
    for number in 0..8 {
        let secret = SecretKey::from_seed(&[number; 32]).unwrap();
        let key = prepared(&secret.public().to_bytes());
        for _ in 0..count() / 8 {
            let mut message = vec![0; rng.random_range(0..200)];
            rng.fill(&mut message[..]);
            let mut signature = secret.sign(&message);
            match rng.random_range(0..6) {
                0 => {}
                1 => signature[rng.random_range(0..64)] ^= 1 << rng.random_range(0..8),
                2 => signature[rng.random_range(0..64)] = rng.random(),
                3 => message.push(0),
                4 => {
                    let s = Scalar::from_canonical_bytes(*signature.last_chunk().unwrap()).unwrap();
                    signature[32..].copy_from_slice(&plus_order(&s));
                }
                _ => rng.fill(&mut signature),
            }
            match verdict(&key, &message, &signature) {
                true => good += 1,
                false => bad += 1,
            }
        }
    }
    assert!(good > count() / 10 && bad > count() / 2, "{good} {bad}");
}

/// Every way in which verifiers are known to differ: keys and commitments with a part of small order, scalars that are 0 or not
/// canonical, encodings that are not canonical.
#[test]
fn the_edges_on_which_verifiers_differ_get_the_verdict_of_strict_verification() {
    let mut rng = StdRng::seed_from_u64(25519);
    // The encodings of small order, those with y above the prime or with the sign of zero set among them.
    let mut small: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    for y in [0_u8, 1, 2] {
        let mut above = [0xff; 32];
        above[0] = 0xed + y;
        above[31] = 0x7f;
        let mut signed = above;
        signed[31] = 0xff;
        small.extend([above, signed]);
    }
    small.extend([[0; 32], [1; 32]].map(|mut bytes: [u8; 32]| {
        bytes[1..31].fill(0);
        bytes[31] = 0x80;
        bytes
    }));
    let (mut good, mut bad) = (0, 0);
    for torsion in EIGHT_TORSION {
        let secret = scalar(&mut rng);
        let point: EdwardsPoint = B * secret + torsion;
        let bytes = point.compress().to_bytes();
        let key = prepared(&bytes);
        for message in 0..64_u32 {
            let message = message.to_be_bytes();
            let nonce = scalar(&mut rng);
            let regular = EIGHT_TORSION.map(|torsion| (B * nonce + torsion).compress().to_bytes());
            for r in regular.iter().chain(&small) {
                let k = challenge(r, &bytes, &message);
                for s in [nonce + k * secret, k * secret, Scalar::ZERO, Scalar::ONE, nonce] {
                    for s in [s.to_bytes(), plus_order(&s)] {
                        match verdict(&key, &message, &joined(*r, s)) {
                            true => good += 1,
                            false => bad += 1,
                        }
                    }
                }
            }
        }
    }
    // Each commitment fits one in eight challenges.
    assert!(good > 300 && bad > 10_000, "{good} {bad}");
}
