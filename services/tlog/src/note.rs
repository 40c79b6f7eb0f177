//! Signed notes (C2SP signed-note) and timestamped cosignatures (C2SP tlog-cosignature).
//!
//! A note is a text, an empty line and signature lines. Whoever reads one ignores signatures of keys
//! it doesn't know, and refuses the whole note if one of a key it knows does not verify.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::{KeyId, KeyKind, KeyName, VerifierKey};

/// The most signature lines a note may have; the format asks readers for at least 16.
pub const MAX_SIGNATURES: usize = 100;

const LINE_START: &str = "— ";
const ID_LENGTH: usize = 4;
const TIME_LENGTH: usize = 8;
const ED25519_LENGTH: usize = 64;

/// One signature line: `— <name> base64(id ‖ blob)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: KeyName,
    /// The id of the key.
    pub id: KeyId,
    /// What follows the id: a signature, before it the time for a cosignature.
    pub blob: Vec<u8>,
}

/// A text with its signatures; parsed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Puts signatures under a text.
    ///
    /// # Errors
    /// The text is not one a note can carry, or there are none or too many signatures.
    pub fn new(text: impl Into<String>, signatures: Vec<Signature>) -> Result<Self, NoteError> {
        let text = text.into();
        if !text.ends_with('\n') {
            return Err(NoteError::TextEnd);
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Control);
        }
        match signatures.len() {
            0 => Err(NoteError::Unsigned),
            1..=MAX_SIGNATURES => Ok(Self { text, signatures }),
            found => Err(NoteError::TooManySignatures { found }),
        }
    }

    /// Reads a note; [`Note`]'s `Display` gives back the same bytes.
    ///
    /// # Errors
    /// Not a signed note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        // The text may itself contain empty lines: the last one ends it.
        let end = note.rfind("\n\n").ok_or(NoteError::Unsigned)? + 1;
        let (text, lines) = (&note[..end], &note[end + 1..]);
        if !lines.is_empty() && !lines.ends_with('\n') {
            return Err(NoteError::UnfinishedLine);
        }
        let signatures = lines
            .split_terminator('\n')
            .enumerate()
            .map(|(line, text)| {
                if line == MAX_SIGNATURES {
                    let found = lines.split_terminator('\n').count();
                    return Err(NoteError::TooManySignatures { found });
                }
                parse_line(text).ok_or(NoteError::Line { line })
            })
            .collect::<Result<_, _>>()?;
        Self::new(text, signatures)
    }

    /// What was signed, its final newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines in their order, those of unknown keys too.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Verifies every signature of a key among `known`.
    ///
    /// # Errors
    /// A known key's signature does not verify, or there is none of a known key.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Vec<Verified>, NoteVerifyError> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut keys = known.iter().filter(|key| signature.is_by(key)).peekable();
            if keys.peek().is_none() {
                continue;
            }
            let time = keys
                .find_map(|key| signature.verify(key, &self.text))
                .ok_or_else(|| NoteVerifyError::BadSignature { name: signature.name.clone(), id: signature.id })?;
            verified.push(Verified { name: signature.name.clone(), id: signature.id, time });
        }
        if verified.is_empty() {
            return Err(NoteVerifyError::NoKnownSignature);
        }
        Ok(verified)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        Self::parse(note)
    }
}

/// A signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name of the key.
    pub name: KeyName,
    /// The id of the key.
    pub id: KeyId,
    /// When the key signed, in Unix seconds; `None` for a plain signature.
    pub time: Option<u64>,
}

impl Signature {
    /// Whether name and id are those of `key`.
    #[must_use]
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }

    /// `Some` if `key` signed `text`, with the signed time if it is a cosignature.
    ///
    /// Verification is strict (RFC 8032 with canonical S, no key of small order).
    pub(crate) fn verify(&self, key: &VerifierKey, text: &str) -> Option<Option<u64>> {
        let (time, message, signature) = match key.kind() {
            KeyKind::Ed25519 => (None, text.to_owned(), self.blob.as_slice()),
            KeyKind::CosignatureV1 => {
                let (time, signature) = self.blob.split_first_chunk::<TIME_LENGTH>()?;
                let time = u64::from_be_bytes(*time);
                (Some(time), cosigned_message(text, time), signature)
            }
        };
        let signature = <&[u8; ED25519_LENGTH]>::try_from(signature).ok()?;
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verifying_key().verify_strict(message.as_bytes(), &signature).ok().map(|()| time)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = STANDARD.encode([&self.id.0, self.blob.as_slice()].concat());
        write!(f, "{LINE_START}{} {blob}", self.name)
    }
}

fn parse_line(line: &str) -> Option<Signature> {
    let (name, blob) = line.strip_prefix(LINE_START)?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok()?;
    let (id, blob) = blob.split_first_chunk::<ID_LENGTH>()?;
    if blob.is_empty() {
        return None;
    }
    Some(Signature { name: KeyName::new(name).ok()?, id: KeyId(*id), blob: blob.to_vec() })
}

fn cosigned_message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Signs notes with one named private key, plainly or with a time, as the key's kind says.
///
/// Its `Debug` form shows the public half only.
pub struct NoteSigner {
    public: VerifierKey,
    private: SigningKey,
}

impl NoteSigner {
    /// Puts a private key under a name.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, private: SigningKey) -> Self {
        let public = VerifierKey::new(name, kind, private.verifying_key());
        Self { public, private }
    }

    /// The public half, for whoever is to verify.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs a note's text (its final newline included), at `time` in Unix seconds.
    ///
    /// Only a [`KeyKind::CosignatureV1`] key signs the time; the other kind leaves it out.
    #[must_use]
    pub fn sign(&self, text: &str, time: u64) -> Signature {
        let blob = match self.public.kind() {
            KeyKind::Ed25519 => self.private.sign(text.as_bytes()).to_bytes().to_vec(),
            KeyKind::CosignatureV1 => {
                let message = cosigned_message(text, time);
                let signature = self.private.sign(message.as_bytes()).to_bytes();
                [time.to_be_bytes().as_slice(), &signature].concat()
            }
        };
        Signature { name: self.public.name().clone(), id: self.public.id(), blob }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteSigner").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Why text is no signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text is empty or does not end in a newline.
    #[error("the text of a note ends in a newline")]
    TextEnd,
    /// The text contains a control character other than newline.
    #[error("the text of a note contains a control character")]
    Control,
    /// There is no empty line with signatures below it.
    #[error("the note has no signatures")]
    Unsigned,
    /// The last signature line has no newline.
    #[error("the last signature line has no newline")]
    UnfinishedLine,
    /// Not `— <name> <base64>`.
    #[error("signature line {line} is malformed")]
    Line {
        /// The line's position among the signature lines, from 0.
        line: usize,
    },
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has {found} signature lines, more than {MAX_SIGNATURES}")]
    TooManySignatures {
        /// The number of lines.
        found: usize,
    },
}

/// Why a note is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteVerifyError {
    /// A key we know has not signed this.
    #[error("the signature of {name} (key {id}) does not verify")]
    BadSignature {
        /// The name of the known key.
        name: KeyName,
        /// The id of the known key.
        id: KeyId,
    },
    /// Nobody we know has signed it.
    #[error("no known key has signed the note")]
    NoKnownSignature,
}
