//! Sealed texts: what a person may ask to be forgotten, encrypted under a key of its own that is kept outside the log.
//!
//! A sealed text ([`SealedText`]) is `sealed:` and, in base64url without padding, a tagged COSE_Encrypt0 (RFC 9052 §5.2) in deterministic
//! CBOR: `16([<< {1: 24, 4: id of the key} >>, {5: nonce}, ciphertext])`, with ChaCha20/Poly1305 (RFC 9053 §4.3, RFC 8439).
//! The Enc_structure's external_aad is the deterministic CBOR of `[origin, event id]`: moved to another ledger or another
//! event, a sealed text does not open.
//!
//! What is encrypted is the text's length in two bytes, big-endian, the text in UTF-8, and zeros up to a multiple of
//! [`PADDED_TO`] bytes, so that the length of a name or an address says little.
//!
//! Whoever destroys the key has erased the text wherever copies of the log are; leaf, proofs and receipts stay as they were.

use std::fmt;
use std::str::FromStr;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use probity_schemas::{EventId, Origin, ParseError, SealedText, Text};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::cbor::Writer;

/// ChaCha20/Poly1305 in the registry of COSE algorithms.
const ALG_CHACHA20_POLY1305: i64 = 24;
/// Plain texts are padded to a multiple of so many bytes.
const PADDED_TO: usize = 32;
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const ID_LENGTH: usize = 16;

/// The name of a sealing key. It says nothing about what is sealed or for whom. Shown in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealingKeyId(pub [u8; ID_LENGTH]);

impl SealingKeyId {
    /// The key that a text is sealed under; `None` where the text is not a sealed one.
    pub fn of(text: &str) -> Option<Self> {
        text.parse::<SealedText>().ok().map(|sealed| Self(sealed.key_id()))
    }
}

impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeyId({self})")
    }
}

impl FromStr for SealingKeyId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut id = [0; ID_LENGTH];
        hex::decode_to_slice(text, &mut id).map(|()| Self(id))
    }
}

/// A key that texts of one person or case are sealed under. Its memory is wiped when dropped.
#[derive(Clone)]
pub struct SealingKey {
    key: Zeroizing<[u8; KEY_LENGTH]>,
    id: SealingKeyId,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// Why a text could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Longer than can be sealed within a text.
    #[error("{length} bytes are too long to be sealed; keep the document outside and name it by a digest")]
    TooLong {
        /// The length in bytes.
        length: usize,
    },
    /// What was sealed is not a text.
    #[error(transparent)]
    Text(#[from] ParseError),
    /// The cipher refused.
    #[error("the text cannot be encrypted")]
    Cipher,
}

/// Why a sealed text does not open.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// Not a sealed text.
    #[error(transparent)]
    NotSealed(#[from] ParseError),
    /// Sealed under another key.
    #[error("sealed under the key {0}")]
    OtherKey(SealingKeyId),
    /// Changed, or taken from another event or ledger.
    #[error("changed, or sealed for another event or ledger")]
    Forged,
}

impl SealingKey {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_LENGTH]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"probity sealing key id v1\n");
        hash.update(bytes);
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; ID_LENGTH];
        id.copy_from_slice(&digest[..ID_LENGTH]);
        Self { key: Zeroizing::new(bytes), id: SealingKeyId(id) }
    }

    /// A new key from the caller's random source.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(&mut *bytes);
        Self::from_bytes(*bytes)
    }

    /// The bytes, for whoever keeps them.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_LENGTH]> {
        self.key.clone()
    }

    /// The name that sealed texts know it by.
    pub fn id(&self) -> SealingKeyId {
        self.id
    }

    /// Seals a text for one event of one ledger. A nonce must never be used twice with one key: draw it at random.
    pub fn seal(
        &self,
        plain: &Text,
        origin: &Origin,
        event: &EventId,
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<Text, SealError> {
        let too_long = SealError::TooLong { length: plain.len() };
        let Ok(length) = u16::try_from(plain.len()) else { return Err(too_long) };
        // With room enough from the start: a vector that grows leaves its old bytes behind.
        let mut padded = Zeroizing::new(Vec::with_capacity(plain.len() + 2 + PADDED_TO));
        padded.extend(length.to_be_bytes());
        padded.extend(plain.as_bytes());
        let whole = padded.len().next_multiple_of(PADDED_TO);
        padded.resize(whole, 0);

        let mut protected = Writer::with_capacity(24);
        protected.map(2).uint(1).int(ALG_CHACHA20_POLY1305).uint(4).bytes(&self.id.0);
        let protected = protected.into_bytes();
        let aad = enc_structure(&protected, origin, event);
        let payload = Payload { msg: &padded, aad: &aad };
        let ciphertext = self.cipher().encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Cipher)?;
        let mut sealed = Writer::with_capacity(ciphertext.len() + 64);
        sealed.tag(16).array(3).bytes(&protected).map(1).uint(5).bytes(&nonce).bytes(&ciphertext);
        let sealed = SealedText::from_bytes(sealed.into_bytes())?;
        match Text::try_from(sealed) {
            Err(ParseError::TooLong { .. }) => Err(too_long),
            text => Ok(text?),
        }
    }

    /// Opens a sealed text of one event of one ledger.
    pub fn open(&self, sealed: &str, origin: &Origin, event: &EventId) -> Result<Zeroizing<String>, UnsealError> {
        let sealed: SealedText = sealed.parse()?;
        let id = SealingKeyId(sealed.key_id());
        if id != self.id {
            return Err(UnsealError::OtherKey(id));
        }
        let aad = enc_structure(sealed.protected(), origin, event);
        let payload = Payload { msg: sealed.ciphertext(), aad: &aad };
        let padded = self.cipher().decrypt(&Nonce::from(sealed.nonce()), payload).map_err(|_| UnsealError::Forged)?;
        unpad(&Zeroizing::new(padded)).ok_or(UnsealError::Forged)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

/// The one form that [`SealingKey::seal`] gives: no more padding than needed, and nothing but zeros in it.
fn unpad(padded: &[u8]) -> Option<Zeroizing<String>> {
    let (length, rest) = padded.split_first_chunk()?;
    let (text, zeros) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    if zeros.len() >= PADDED_TO || !padded.len().is_multiple_of(PADDED_TO) || zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    std::str::from_utf8(text).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// `["Encrypt0", protected, external_aad]` (RFC 9052 §5.3), external_aad = `<< [origin, event id] >>`.
fn enc_structure(protected: &[u8], origin: &Origin, event: &EventId) -> Vec<u8> {
    let mut place = Writer::with_capacity(96);
    place.array(2).text(origin.as_str()).text(&event.to_string());
    let mut writer = Writer::with_capacity(192);
    writer.array(3).text("Encrypt0").bytes(protected).bytes(&place.into_bytes());
    writer.into_bytes()
}
