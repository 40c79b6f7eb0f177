//! Names, ids and text form of the public keys that sign notes (C2SP signed-note).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

/// The name of a key: not empty, without white space, control characters or `+`.
///
/// By convention a URL without scheme, such as `ledger.example.com/models`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Checks a name.
    ///
    /// # Errors
    /// A note could not carry it.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyNameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(KeyNameError::Empty);
        }
        let forbidden = |c: &char| c.is_whitespace() || c.is_control() || *c == '+';
        match name.chars().find(forbidden) {
            Some(character) => Err(KeyNameError::Character { name, character }),
            None => Ok(Self(name)),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why text is no [`KeyName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyNameError {
    /// Nothing there.
    #[error("a key name is empty")]
    Empty,
    /// White space, a control character or `+`.
    #[error("the key name {name:?} contains {character:?}")]
    Character {
        /// The name given.
        name: String,
        /// The first character that may not be in it.
        character: char,
    },
}

/// What a key signs, and so what its signature lines contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// Ed25519 over the note's text (C2SP signed-note, type 01).
    Ed25519,
    /// Ed25519 over a time and the note's text (C2SP tlog-cosignature `cosignature/v1`, type 04).
    CosignatureV1,
}

impl KeyKind {
    /// The signature type byte that enters the key id and the key's text form.
    #[must_use]
    pub const fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    const fn from_type_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::CosignatureV1),
            _ => None,
        }
    }
}

/// The first four bytes of SHA-256(name ‖ 0A ‖ type ‖ public key); displayed as hex.
///
/// It finds a key and proves nothing: two keys may share an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &KeyName, kind: KeyKind, key: &VerifyingKey) -> Self {
        let mut sha = Sha256::new();
        sha.update(name.as_str());
        sha.update([b'\n', kind.type_byte()]);
        sha.update(key.as_bytes());
        let hash: [u8; 32] = sha.finalize().into();
        Self([hash[0], hash[1], hash[2], hash[3]])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A public key under its name. Its text form is the `vkey` that other tools are configured with:
/// `name+id+base64(type ‖ public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    id: KeyId,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Puts a key under a name.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, key: VerifyingKey) -> Self {
        let id = KeyId::of(&name, kind, &key);
        Self { name, kind, id, key }
    }

    /// The name that appears in signature lines.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The id that appears in signature lines.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The public key itself.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![self.kind.type_byte()];
        typed.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(VerifierKeyError::Fields);
        };
        let typed = STANDARD.decode(typed).map_err(|_| VerifierKeyError::Base64)?;
        let (type_byte, key) = typed.split_first().ok_or(VerifierKeyError::Base64)?;
        let kind = KeyKind::from_type_byte(*type_byte).ok_or(VerifierKeyError::Kind { type_byte: *type_byte })?;
        let key = VerifyingKey::try_from(key).map_err(|_| VerifierKeyError::Key)?;
        let parsed = Self::new(KeyName::new(name)?, kind, key);
        if parsed.id.to_string() == id {
            Ok(parsed)
        } else {
            Err(VerifierKeyError::Id { written: id.to_owned(), computed: parsed.id })
        }
    }
}

/// Why text is no [`VerifierKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// Not `name+id+key`.
    #[error("a verifier key is written name+id+key")]
    Fields,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The last field is not canonical base64 of at least one byte.
    #[error("the key is not standard padded base64")]
    Base64,
    /// A signature type this crate does not verify.
    #[error("signature type {type_byte:#04x} is neither Ed25519 (0x01) nor cosignature/v1 (0x04)")]
    Kind {
        /// The type byte found.
        type_byte: u8,
    },
    /// Not the 32 bytes of an Ed25519 public key.
    #[error("the key is not an Ed25519 public key")]
    Key,
    /// The written id is not that of this name and key: one of them was changed.
    #[error("the key id is {written:?} where name and key give {computed}")]
    Id {
        /// The id found.
        written: String,
        /// The id that belongs to name and key.
        computed: KeyId,
    },
}
