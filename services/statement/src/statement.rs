//! The signed statement: an event as its signer sealed it (RFC 9052 COSE_Sign1, RFC 9943 §6).
//!
//! Bytes are parsed once, strictly, and kept verbatim: verification, leaf hash and log all use what was received. A
//! [`SignedStatement`] is well formed but says nothing about its signature until [`SignedStatement::verify`] does.

use std::cmp::Ordering;
use std::ops::Range;

use bytes::Bytes;
use probity_schemas::{Event, EventError, Identity};
use probity_tlog::{Hash, leaf_hash};

use crate::cbor::{self, CborError, EncodeError, Profile, Reader, Tree, Writer};
use crate::keys::{BadSignature, KeyId, PublicKey, SIGNATURE_LENGTH, SecretKey};
use crate::signer::{Signer, SigningError, sign_checked};

/// The longest statement in bytes; an entry bundle gives lengths 16 bits.
pub const MAX_STATEMENT_LENGTH: usize = 65_535;

/// The media type of the payload, as in the protected header.
pub const EVENT_MEDIA_TYPE: &str = "application/vnd.probity.event+cbor";

/// EdDSA (RFC 9053), what statements are signed with.
pub(crate) const ALG_EDDSA: i64 = -8;
/// Ed25519, fully specified (RFC 9864), accepted as well.
pub(crate) const ALG_ED25519: i64 = -19;

/// Why bytes are not a signed statement, or a statement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Longer than [`MAX_STATEMENT_LENGTH`].
    #[error("{length} bytes long, at most {MAX_STATEMENT_LENGTH} are allowed")]
    TooLong {
        /// The length in bytes.
        length: usize,
    },
    /// Not the deterministic CBOR of a tagged COSE_Sign1.
    #[error("envelope: {0}")]
    Envelope(CborError),
    /// The protected header is not the deterministic CBOR that statements carry.
    #[error("protected header: {0}")]
    Header(CborError),
    /// Another signature algorithm than Ed25519.
    #[error("signature algorithm {0} is not accepted (use -8 or -19 with an Ed25519 key)")]
    Algorithm(i64),
    /// Another payload media type.
    #[error("content type {0:?} is not {EVENT_MEDIA_TYPE:?}")]
    ContentType(String),
    /// The issuer is not an identity.
    #[error("issuer {0:?} is not an identity such as person:<uuid> or service:<name>")]
    Issuer(String),
    /// The payload is not deterministic CBOR of a JSON tree.
    #[error("event: {0}")]
    Payload(CborError),
    /// The payload is not an event that this version knows.
    #[error("event: {0}")]
    Event(#[from] EventError),
    /// The header's subject is not the event's.
    #[error("the header is about {header}, the event about {event}")]
    SubjectMismatch {
        /// The subject in the protected header.
        header: String,
        /// The subject in the event.
        event: String,
    },
    /// An event that has no deterministic encoding.
    #[error("event: {0}")]
    Encode(#[from] EncodeError),
}

/// A well-formed statement and the bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    bytes: Bytes,
    protected: Range<usize>,
    payload: Range<usize>,
    signature: [u8; SIGNATURE_LENGTH],
    kid: KeyId,
    issuer: Identity,
    subject: Range<usize>,
    audience: Range<usize>,
    event_type: Range<usize>,
    version: u32,
}

impl SignedStatement {
    /// Parses strictly: tagged, empty unprotected map, exactly the headers of the format, canonical throughout. The
    /// payload is checked to be a canonical JSON tree but not decoded; [`event`](Self::event) does that.
    pub fn parse(bytes: Bytes) -> Result<Self, StatementError> {
        if bytes.len() > MAX_STATEMENT_LENGTH {
            return Err(StatementError::TooLong { length: bytes.len() });
        }
        let envelope = StatementError::Envelope;
        let mut reader = Reader::new(&bytes);
        reader.label_tag(18, "tag 18 (COSE_Sign1)").map_err(envelope)?;
        reader.array_of(4, "the four parts of a COSE_Sign1").map_err(envelope)?;
        let protected = part(&mut reader).map_err(envelope)?;
        reader.map_of(0, "an empty unprotected header").map_err(envelope)?;
        let payload = part(&mut reader).map_err(envelope)?;
        let signature = reader.byte_array("a signature of 64 bytes").map_err(envelope)?;
        reader.end().map_err(envelope)?;

        let header = Header::read(&bytes[protected.clone()])?;
        let kind = check_payload(&bytes[payload.clone()]).map_err(StatementError::Payload)?;
        let within = |text: &str| {
            let start = text.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + text.len()
        };
        let (subject, audience) = (within(header.subject), within(header.audience));
        let (event_type, version) = (within(kind.event_type), kind.version);
        let Header { kid, issuer, .. } = header;
        Ok(Self { protected, payload, signature, kid, issuer, subject, audience, event_type, version, bytes })
    }

    /// The statement exactly as it was received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The thumbprint of the key it says it was signed with.
    pub fn kid(&self) -> KeyId {
        self.kid
    }

    /// Who says it.
    pub fn issuer(&self) -> &Identity {
        &self.issuer
    }

    /// What it is about, as text.
    pub fn subject(&self) -> &str {
        self.text(&self.subject)
    }

    /// The origin of the ledger it was made for.
    pub fn audience(&self) -> &str {
        self.text(&self.audience)
    }

    /// The event as signed.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload.clone()]
    }

    /// Its leaf in the tree (RFC 9162 §2.1.1).
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.bytes)
    }

    /// Verifies the signature over the received bytes.
    ///
    /// # Errors
    /// If it does not verify strictly, or `key` is not the one the statement names.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        if key.id() != self.kid {
            return Err(BadSignature);
        }
        key.verify(&sig_structure(&self.bytes[self.protected.clone()], self.payload()), &self.signature)
    }

    /// Decodes the event and holds it against the header.
    pub fn event(&self) -> Result<Event, StatementError> {
        let kind = Kind { event_type: self.text(&self.event_type), version: self.version };
        let event = decode_checked(self.payload(), kind)?;
        let subject = event.subject.to_string();
        if subject != self.subject() {
            return Err(StatementError::SubjectMismatch { header: self.subject().to_owned(), event: subject });
        }
        Ok(event)
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // Parsed as text from these very bytes.
        std::str::from_utf8(&self.bytes[range.clone()]).unwrap_or_default()
    }
}

/// An event ready to be signed, by whatever holds the key.
#[derive(Debug, Clone)]
pub struct Unsigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    /// Encodes `event` as `issuer` will state it to the ledger `audience` with the key `kid`.
    pub fn new(event: &Event, issuer: &Identity, audience: &str, kid: KeyId) -> Result<Self, StatementError> {
        let payload = cbor::to_canonical(event)?;
        let mut header = Writer::with_capacity(192);
        header.map(4).uint(1).int(ALG_EDDSA).uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&kid.0);
        header.uint(15).map(3).uint(1).text(&issuer.to_string()).uint(2).text(&event.subject.to_string());
        header.uint(3).text(audience);
        let unsigned = Self { protected: header.into_bytes(), payload };
        match unsigned.prefix().len() + SIGNATURE_LENGTH {
            length if length > MAX_STATEMENT_LENGTH => Err(StatementError::TooLong { length }),
            _ => Ok(unsigned),
        }
    }

    /// The bytes to put under the Ed25519 signature: COSE's Sig_structure (RFC 9052 §4.4).
    pub fn to_be_signed(&self) -> Vec<u8> {
        sig_structure(&self.protected, &self.payload)
    }

    /// The statement without its signature: append the 64 signature bytes and it is complete.
    pub fn prefix(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.protected.len() + self.payload.len() + 16);
        writer.tag(18).array(4).bytes(&self.protected).map(0).bytes(&self.payload).bytes_head(SIGNATURE_LENGTH);
        writer.into_bytes()
    }

    /// Signs it with a key that is kept elsewhere, and checks the signature before it is used.
    ///
    /// # Errors
    /// If the holder does not sign, or not with the key that the statement names.
    pub fn sign_with<S: Signer + ?Sized>(&self, signer: &S) -> Result<SignedStatement, SigningError> {
        let mut bytes = self.prefix();
        bytes.extend_from_slice(&sign_checked(signer, &self.to_be_signed())?);
        let statement = SignedStatement::parse(bytes.into()).map_err(SigningError::new)?;
        if statement.kid() != signer.public().id() {
            return Err(BadSignature.into());
        }
        Ok(statement)
    }

    /// Signs it.
    pub fn sign(&self, key: &SecretKey) -> Result<SignedStatement, StatementError> {
        let mut bytes = self.prefix();
        bytes.extend_from_slice(&key.sign(&self.to_be_signed()));
        SignedStatement::parse(bytes.into())
    }
}

/// Decodes the canonical CBOR of an event.
///
/// # Errors
/// If it is not canonical, or not an event of a known type, version and shape.
pub fn decode_event(payload: &[u8]) -> Result<Event, StatementError> {
    let kind = check_payload(payload).map_err(StatementError::Payload)?;
    decode_checked(payload, kind)
}

/// Decodes what [`check_payload`] has accepted.
fn decode_checked(payload: &[u8], kind: Kind<'_>) -> Result<Event, StatementError> {
    Event::decode(kind.event_type, kind.version, || Tree::new(payload)).map_err(StatementError::Event)
}

/// What must be known of an event before its data can be read; canonical order puts both behind the data.
#[derive(Clone, Copy)]
struct Kind<'a> {
    event_type: &'a str,
    version: u32,
}

/// Checks that a payload is a canonical JSON tree, and finds `type` and `v` on the way: one pass, for every statement
/// there is goes through here.
fn check_payload(payload: &[u8]) -> Result<Kind<'_>, CborError> {
    const FIELD: Profile = Profile { max_depth: Profile::EVENT.max_depth - 1, ..Profile::EVENT };
    let mut reader = Reader::new(payload);
    let (mut event_type, mut version) = (None, None);
    let mut previous: &[u8] = &[];
    for _ in 0..reader.map()? {
        let at = reader.position();
        let name = reader.text()?;
        let key = &payload[at..reader.position()];
        match previous.cmp(key) {
            Ordering::Less => previous = key,
            Ordering::Equal => return Err(CborError::DuplicateKey { at }),
            Ordering::Greater => return Err(CborError::KeyOrder { at }),
        }
        let at = reader.position();
        match name {
            "type" => event_type = Some(reader.text()?),
            "v" => {
                let value = u32::try_from(reader.uint()?);
                version = Some(value.map_err(|_| CborError::Expected { what: "a version of 32 bits", at })?);
            }
            _ => drop(reader.item(FIELD)?),
        }
    }
    reader.end()?;
    let at = reader.position();
    let event_type = event_type.ok_or(CborError::Expected { what: "a field \"type\"", at })?;
    let version = version.ok_or(CborError::Expected { what: "a field \"v\"", at })?;
    Ok(Kind { event_type, version })
}

/// Where the next byte string's content lies.
fn part(reader: &mut Reader<'_>) -> Result<Range<usize>, CborError> {
    let len = reader.bytes()?.len();
    Ok(reader.position() - len..reader.position())
}

/// `["Signature1", protected, h'', payload]` (RFC 9052 §4.4).
pub(crate) fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(protected.len() + payload.len() + 32);
    writer.array(4).text("Signature1").bytes(protected).bytes(&[]).bytes(payload);
    writer.into_bytes()
}

struct Header<'a> {
    kid: KeyId,
    issuer: Identity,
    subject: &'a str,
    audience: &'a str,
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, StatementError> {
        let header = StatementError::Header;
        let mut reader = Reader::new(bytes);
        reader.map_of(4, "the headers alg, content type, kid and CWT claims").map_err(header)?;
        reader.label(1, "label 1 (alg)").map_err(header)?;
        let algorithm = reader.int().map_err(header)?;
        if algorithm != ALG_EDDSA && algorithm != ALG_ED25519 {
            return Err(StatementError::Algorithm(algorithm));
        }
        reader.label(3, "label 3 (content type)").map_err(header)?;
        let content_type = reader.text().map_err(header)?;
        if content_type != EVENT_MEDIA_TYPE {
            return Err(StatementError::ContentType(content_type.to_owned()));
        }
        reader.label(4, "label 4 (kid)").map_err(header)?;
        let kid = KeyId(reader.byte_array("a thumbprint of 32 bytes").map_err(header)?);
        reader.label(15, "label 15 (CWT claims)").map_err(header)?;
        reader.map_of(3, "the claims iss, sub and aud").map_err(header)?;
        reader.label(1, "claim 1 (iss)").map_err(header)?;
        let issuer = reader.text().map_err(header)?;
        reader.label(2, "claim 2 (sub)").map_err(header)?;
        let subject = reader.text().map_err(header)?;
        reader.label(3, "claim 3 (aud)").map_err(header)?;
        let audience = reader.text().map_err(header)?;
        reader.end().map_err(header)?;
        let issuer = issuer.parse().map_err(|_| StatementError::Issuer(issuer.to_owned()))?;
        Ok(Self { kid, issuer, subject, audience })
    }
}
