//! Texts that only the holders of a key can read.
//!
//! A sealed text stands wherever a text may stand. Here it is recognised and taken apart, never opened: that takes a
//! key, and keys are for others. Once its key is destroyed it is a text that says nothing, and everything computed
//! over it (digests, proofs, views) stays valid.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{ParseError, Text};

/// A sealed text: `sealed:` and the unpadded base64url (RFC 4648 §5) of a tagged COSE_Encrypt0 (RFC 9052 §5.2),
///
/// `16([<< {1: 24, 4: bstr .size 16} >>, {5: bstr .size 12}, bstr])`
///
/// with ChaCha20/Poly1305 (24, RFC 9053 §4.3), the key's id (4), and the nonce (5). Exactly this layout in
/// deterministic CBOR; one sealed text has one spelling.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealedText(Vec<u8>);

/// Tag 16, a list of three, and the protected header up to the key's id.
const HEAD: [u8; 9] = [0xd0, 0x83, 0x56, 0xa2, 0x01, 0x18, 0x18, 0x04, 0x50];
/// The unprotected header up to the nonce.
const NONCE_HEAD: [u8; 3] = [0xa1, 0x05, 0x4c];
const KEY_ID: usize = 16;
const NONCE: usize = 12;
const KEY_ID_AT: usize = HEAD.len();
const NONCE_AT: usize = KEY_ID_AT + KEY_ID + NONCE_HEAD.len();
const CIPHERTEXT_AT: usize = NONCE_AT + NONCE;
/// A tag of Poly1305 and at least one byte of text.
const SHORTEST: usize = 17;

const FORM: ParseError = ParseError::Form {
    what: "sealed text",
    expected: "sealed:<base64url of a COSE_Encrypt0 with ChaCha20/Poly1305>; \
               a text that isn't sealed can't begin with \"sealed:\"",
};

impl SealedText {
    /// What every sealed text begins with, and no other text.
    pub const PREFIX: &'static str = "sealed:";

    /// Takes the bytes of a tagged COSE_Encrypt0.
    ///
    /// # Errors
    /// [`ParseError::Form`] unless they are laid out exactly as a sealed text's.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ParseError> {
        if bytes.len() > Text::MAX
            || !bytes.starts_with(&HEAD)
            || bytes.get(KEY_ID_AT + KEY_ID..NONCE_AT) != Some(&NONCE_HEAD)
        {
            return Err(FORM);
        }
        let ciphertext = bytes.get(CIPHERTEXT_AT..).and_then(byte_string).ok_or(FORM)?;
        if ciphertext.len() < SHORTEST {
            return Err(FORM);
        }
        Ok(Self(bytes))
    }

    /// The bytes of the tagged COSE_Encrypt0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of the key it is sealed under. It names the key and says nothing about it.
    pub fn key_id(&self) -> [u8; 16] {
        part(&self.0, KEY_ID_AT)
    }

    /// The id of the key as `payload.erased` names it: 32 lower-case hex digits.
    pub fn key_name(&self) -> String {
        self.key_id().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The nonce.
    pub fn nonce(&self) -> [u8; 12] {
        part(&self.0, NONCE_AT)
    }

    /// The bytes of the protected header, as the authenticated data holds them (RFC 9052 §5.3).
    pub fn protected(&self) -> &[u8] {
        self.0.get(3..KEY_ID_AT + KEY_ID).unwrap_or_default()
    }

    /// The ciphertext with its tag.
    pub fn ciphertext(&self) -> &[u8] {
        self.0.get(CIPHERTEXT_AT..).and_then(byte_string).unwrap_or_default()
    }
}

/// The `N` bytes at `at`. Their presence was checked when the text was made.
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

/// The content of one definite byte string with the shortest head (RFC 8949 §4.2.1) that ends where `bytes` end.
fn byte_string(bytes: &[u8]) -> Option<&[u8]> {
    let (length, content) = match bytes {
        [head @ 0x40..=0x57, content @ ..] => (usize::from(head - 0x40), content),
        [0x58, length @ 24..=0xff, content @ ..] => (usize::from(*length), content),
        [0x59, high @ 1..=0xff, low, content @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), content),
        _ => return None,
    };
    (content.len() == length).then_some(content)
}

impl FromStr for SealedText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(FORM)?;
        Self::from_bytes(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| FORM)?)
    }
}

impl fmt::Display for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed under {}", self.key_name())
    }
}

impl TryFrom<SealedText> for Text {
    type Error = ParseError;

    fn try_from(sealed: SealedText) -> Result<Self, ParseError> {
        sealed.to_string().try_into()
    }
}
