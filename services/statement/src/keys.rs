//! Ed25519 keys: thumbprints (RFC 9679), strict verification (RFC 8032), and the PEM files that `openssl` reads and writes.
//!
//! Nothing here touches a file or a random source: PEM is text in and out, randomness is the caller's.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncodePrivateKey, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::cbor::Writer;
use crate::prepared::Prepared;

/// Bytes of an Ed25519 signature.
pub const SIGNATURE_LENGTH: usize = 64;

/// The RFC 9679 thumbprint of a public key: SHA-256 over its COSE_Key. Shown in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 32]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        decode_hex(text).map(KeyId)
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 64 hexadecimal digits.
    #[error("not 64 hexadecimal digits")]
    Hex,
    /// The bytes are not the canonical encoding of a point of large order.
    #[error("not a usable Ed25519 public key: non-canonical or of small order")]
    Unusable,
    /// The PEM text holds no key of the expected kind.
    #[error("not a PEM file with an Ed25519 {expected}")]
    Pem {
        /// The PEM kind that was looked for.
        expected: &'static str,
    },
    /// The private key is encrypted and no passphrase was given.
    #[error("the private key is encrypted: a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open this private key")]
    WrongPassphrase,
    /// A key could not be encoded; the inputs were unusable, such as an over-long passphrase.
    #[error("the private key could not be encoded")]
    Encode,
}

/// A signature that does not verify strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A public key, decompressed once and with its thumbprint at hand.
#[derive(Clone)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
    /// Of all copies of it together.
    prepared: Arc<Prepared>,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The 32 bytes of the key in lower-case hex.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.key.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode_hex(text)?)
    }
}

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032 §5.1.2, refusing non-canonical encodings and points of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Unusable)?;
        Self::from_dalek(key)
    }

    fn from_dalek(key: VerifyingKey) -> Result<Self, KeyError> {
        if key.is_weak() || key.to_edwards().compress().as_bytes() != key.as_bytes() {
            return Err(KeyError::Unusable);
        }
        // {1: 1 (OKP), -1: 6 (Ed25519), -2: x}, in deterministic order.
        let mut cose_key = Writer::with_capacity(48);
        cose_key.map(3).uint(1).uint(1).int(-1).uint(6).int(-2).bytes(key.as_bytes());
        let id = KeyId(Sha256::digest(cose_key.into_bytes()).into());
        Ok(Self { key, id, prepared: Arc::default() })
    }

    /// The 32 bytes of the key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The thumbprint that statements name this key by.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key as the curve library has it, for signed notes.
    pub fn as_dalek(&self) -> &VerifyingKey {
        &self.key
    }

    /// Verifies strictly: canonical S, no small-order R or key, no batching (RFC 8032 §5.1.7, cofactorless). A key whose
    /// copies have verified hundreds of signatures does so two times as fast, and then takes 640 KiB.
    ///
    /// # Errors
    /// The signature does not verify.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> Result<(), BadSignature> {
        let signature = Signature::from_bytes(signature);
        let verifies = match self.prepared.verify(&self.key, message, &signature) {
            Some(verifies) => verifies,
            None => self.key.verify_strict(message, &signature).is_ok(),
        };
        if verifies { Ok(()) } else { Err(BadSignature) }
    }

    /// `-----BEGIN PUBLIC KEY-----` (SPKI).
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Encode)
    }

    /// Reads an SPKI PEM, as `openssl pkey -pubout` writes it; text before it is skipped.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyError::Pem { expected: "public key" })?;
        Self::from_dalek(key)
    }
}

/// A private key. Its memory is wiped when dropped.
#[derive(Clone)]
pub struct SecretKey {
    key: SigningKey,
    public: PublicKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public)
    }
}

impl SecretKey {
    /// The key of a 32-byte seed.
    ///
    /// # Errors
    /// Never for a random seed: only if the derived public key is unusable.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let public = PublicKey::from_dalek(key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// A new key from the caller's random source.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key as the curve library has it, for signed notes.
    pub fn as_dalek(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a message; the same message always gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.key.sign(message).to_bytes()
    }

    /// PKCS#8 PEM, version 1 (the one every `openssl` reads); with a passphrase, encrypted by PBES2 with scrypt and AES-256-CBC.
    pub fn to_pem<R: CryptoRng>(&self, passphrase: Option<&str>, rng: &mut R) -> Result<Zeroizing<String>, KeyError> {
        let mut pair = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let document = pair.to_pkcs8_der();
        pair.secret_key.zeroize();
        let document = document.map_err(|_| KeyError::Encode)?;
        let Some(passphrase) = passphrase else {
            return document.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|_| KeyError::Encode);
        };
        let parameters = pbes2::Parameters::generate_scrypt(rng).map_err(|_| KeyError::Encode)?;
        let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyError::Encode)?;
        let encrypted = info.encrypt_with_params(parameters, passphrase).map_err(|_| KeyError::Encode)?;
        encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(|_| KeyError::Encode)
    }

    /// Whether a PEM file holds an encrypted private key.
    pub fn is_encrypted_pem(pem: &str) -> bool {
        pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    }

    /// Reads PKCS#8 PEM, plain or encrypted, as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        const EXPECTED: KeyError = KeyError::Pem { expected: "private key (PKCS#8)" };
        let (label, mut document) = SecretDocument::from_pem(pem).map_err(|_| EXPECTED)?;
        match label {
            "PRIVATE KEY" => {}
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
                let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| EXPECTED)?;
                document = encrypted.decrypt(passphrase).map_err(|_| KeyError::WrongPassphrase)?;
            }
            _ => return Err(EXPECTED),
        }
        let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| EXPECTED)?;
        let mut pair = KeypairBytes::try_from(info).map_err(|_| EXPECTED)?;
        let key = Self::from_seed(&pair.secret_key);
        pair.secret_key.zeroize();
        let key = key?;
        match pair.public_key {
            Some(public) if public.to_bytes() != key.public.to_bytes() => Err(EXPECTED),
            _ => Ok(key),
        }
    }
}

fn decode_hex(text: &str) -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::Hex)?;
    Ok(bytes)
}
