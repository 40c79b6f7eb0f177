//! Verification for keys that sign often: from multiples of the key that are worked out once.
//!
//! `[s]B - [k]A` takes 253 doublings where A is met for the first time. With the multiples of A and B by every byte at every
//! place at hand it takes 64 additions and no doubling. The verdict is that of
//! [`VerifyingKey::verify_strict`](ed25519_dalek::VerifyingKey::verify_strict) on every input: `tests/verdicts.rs`. Nothing
//! here is secret, so nothing takes care to run in constant time.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, IsIdentity as _};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

/// Signatures of a key after which its multiples are worked out. That takes as long as some forty verifications.
const OFTEN: u32 = 512;

/// Keys that have their multiples at a time: some 30 MiB.
const KEYS: usize = 48;

/// Bytes of a scalar.
const PLACES: usize = 32;

/// Multiples at each place: a byte is taken as a number from -127 to 128, and a point is negated for nothing.
const MULTIPLES: usize = 128;

/// How many keys have their multiples now.
static PREPARED: AtomicUsize = AtomicUsize::new(0);

static OF_BASE: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// The multiples of a point by 1 to 128, by 256 times that, and so on: 640 KiB.
struct Multiples(Box<[EdwardsPoint]>);

impl Multiples {
    fn of(point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(PLACES * MULTIPLES);
        let mut unit = point;
        for _ in 0..PLACES {
            let mut multiple = unit;
            for _ in 1..MULTIPLES {
                multiples.push(multiple);
                multiple += unit;
            }
            multiples.push(multiple);
            unit = multiple + multiple;
        }
        Self(multiples.into())
    }

    /// The point times `scalar`. A scalar is below 2^253, so that nothing is carried over its last byte.
    fn times(&self, scalar: &Scalar) -> EdwardsPoint {
        let mut sum = EdwardsPoint::identity();
        let mut carry = 0;
        for (multiples, byte) in self.0.chunks_exact(MULTIPLES).zip(scalar.as_bytes()) {
            let digit = i32::from(*byte) + carry;
            carry = i32::from(digit > 128);
            let digit = digit - 256 * carry;
            let multiple = usize::try_from(digit.abs() - 1).ok().and_then(|at| multiples.get(at));
            match multiple {
                Some(multiple) if digit > 0 => sum += multiple,
                Some(multiple) => sum -= multiple,
                None => {}
            }
        }
        sum
    }
}

/// What is worked out for a key, once it is seen to sign often.
#[derive(Default)]
pub(crate) struct Prepared {
    uses: AtomicU32,
    multiples: OnceLock<Multiples>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("is_ready", &self.multiples.get().is_some()).finish_non_exhaustive()
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if self.multiples.get().is_some() {
            PREPARED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Prepared {
    /// Whether `signature` of `message` by `key` verifies strictly; `None` where nothing is prepared, and it has to be
    /// found out by other means. `key` is always the same, and is not of small order.
    pub(crate) fn verify(&self, key: &VerifyingKey, message: &[u8], signature: &Signature) -> Option<bool> {
        match self.multiples.get() {
            Some(multiples) => Some(verifies(multiples, key, message, signature)),
            None => {
                // Only one of those that verify at once gets this number.
                if self.uses.fetch_add(1, Ordering::Relaxed) == OFTEN {
                    self.prepare(key);
                }
                None
            }
        }
    }

    fn prepare(&self, key: &VerifyingKey) {
        let one_more = |count: usize| (count < KEYS).then_some(count + 1);
        if PREPARED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
            let unset = self.multiples.set(Multiples::of(-key.to_edwards()));
            debug_assert!(unset.is_ok(), "the multiples are worked out once");
        }
    }
}

/// RFC 8032 §5.1.7 without the cofactor: R is the encoding of `[s]B - [k]A`, s is canonical, R is not of small order.
fn verifies(negated: &Multiples, key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*signature.s_bytes())) else { return false };
    let hash = Sha512::new().chain_update(signature.r_bytes()).chain_update(key.as_bytes()).chain_update(message);
    let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let r = OF_BASE.times(&s) + negated.times(&k);
    // Encodings are compared, so that one that is not canonical is none.
    r.compress().as_bytes() == signature.r_bytes() && !r.mul_by_cofactor().is_identity()
}
