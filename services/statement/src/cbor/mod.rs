//! Deterministic CBOR (RFC 8949 §4.2.1): the only encoding Probity writes, and the only one it accepts.
//!
//! [`Writer`] and [`to_canonical`] produce it, [`check`] refuses everything else in one pass without allocating, and
//! [`Reader`] pulls a known shape out of bytes. What is accepted satisfies `encode(decode(x)) == x`: shortest heads,
//! definite lengths, map keys strictly ascending by their encoded bytes, finite floats in their shortest form, UTF-8
//! text, nothing after the item. The decoder of a general library would silently normalise all of these.

mod de;
mod float;
mod reader;
mod writer;

use ciborium::Value;
use serde::Serialize;

pub use de::{DecodeError, Tree};
pub use reader::Reader;
pub use writer::Writer;

use float::{Float, shortest_float};

/// What an item may contain, beyond being canonical.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Deepest permitted nesting of arrays, maps and tags.
    pub max_depth: usize,
    /// Whether the item must also be a JSON tree: text keys only, and no byte strings, tags or nulls.
    pub json_tree: bool,
}

impl Profile {
    /// Envelopes (statements, receipts, blocks): any canonical item, at most 16 deep.
    pub const ENVELOPE: Profile = Profile { max_depth: 16, json_tree: false };
    /// Event payloads: the same tree as its JSON form, at most 16 deep.
    pub const EVENT: Profile = Profile { max_depth: 16, json_tree: true };
}

/// Why bytes are not the deterministic CBOR that was expected. `at` is a byte offset into the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "`at` is described once, above")]
pub enum CborError {
    /// The input ends inside an item.
    #[error("ends in the middle of an item at byte {at}")]
    Truncated { at: usize },
    /// An integer, length or float is longer than it need be.
    #[error("not in its shortest form at byte {at}")]
    NotShortest { at: usize },
    /// Indefinite lengths have no place in deterministic CBOR.
    #[error("indefinite length at byte {at}")]
    IndefiniteLength { at: usize },
    /// A map key does not sort after the one before it.
    #[error("map key out of order at byte {at}")]
    KeyOrder { at: usize },
    /// A map holds the same key twice.
    #[error("map key repeated at byte {at}")]
    DuplicateKey { at: usize },
    /// Text that is not UTF-8.
    #[error("text is not UTF-8 at byte {at}")]
    Utf8 { at: usize },
    /// NaN and the infinities have no JSON form.
    #[error("float is not finite at byte {at}")]
    NotFinite { at: usize },
    /// More nesting than the profile allows.
    #[error("nested deeper than {limit} at byte {at}")]
    TooDeep { at: usize, limit: usize },
    /// A simple value or head that this profile has no use for.
    #[error("{what} is not allowed at byte {at}")]
    NotAllowed { what: &'static str, at: usize },
    /// Another type than the format prescribes.
    #[error("expected {what} at byte {at}")]
    Expected { what: &'static str, at: usize },
    /// Bytes after the end of the item.
    #[error("{count} bytes after the end of the item at byte {at}")]
    Trailing { at: usize, count: usize },
}

const UINT: u8 = 0;
const NINT: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// Checks that `bytes` are one canonical item that fits `profile`, and nothing else.
pub fn check(bytes: &[u8], profile: Profile) -> Result<(), CborError> {
    let mut reader = Reader::new(bytes);
    reader.item(profile)?;
    reader.end()
}

/// Why a value could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The value has no CBOR form (its `Serialize` implementation refused).
    #[error("cannot be encoded: {0}")]
    Value(#[from] ciborium::value::Error),
    /// The value holds something that the canonical form excludes.
    #[error(transparent)]
    NotCanonical(#[from] CborError),
}

/// Encodes any serialisable value as a deterministic JSON tree.
///
/// # Errors
/// If the value holds byte strings, nulls, non-finite floats or other things that an event may not hold.
pub fn to_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let value = Value::serialized(value)?;
    let mut writer = Writer::with_capacity(512);
    write_value(&mut writer, &value);
    let bytes = writer.into_bytes();
    check(&bytes, Profile::EVENT)?;
    Ok(bytes)
}

/// Encodes any CBOR value canonically.
pub fn write_value(writer: &mut Writer, value: &Value) {
    match value {
        Value::Integer(integer) => match u64::try_from(*integer) {
            Ok(value) => drop(writer.head(UINT, value)),
            Err(_) => drop(writer.head(NINT, (-1 - i128::from(*integer)) as u64)),
        },
        Value::Bytes(bytes) => drop(writer.bytes(bytes)),
        Value::Float(float) => drop(match shortest_float(*float) {
            Float::Half(bits) => writer.raw(&[0xf9]).raw(&bits.to_be_bytes()),
            Float::Single(bits) => writer.raw(&[0xfa]).raw(&bits.to_be_bytes()),
            Float::Double(bits) => writer.raw(&[0xfb]).raw(&bits.to_be_bytes()),
        }),
        Value::Text(text) => drop(writer.text(text)),
        Value::Bool(value) => drop(writer.raw(&[if *value { 0xf5 } else { 0xf4 }])),
        Value::Tag(tag, content) => write_value(writer.tag(*tag), content),
        Value::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| write_value(writer, item));
        }
        Value::Map(pairs) => {
            let mut encoded: Vec<(Vec<u8>, &Value)> = pairs
                .iter()
                .map(|(key, value)| {
                    let mut writer = Writer::new();
                    write_value(&mut writer, key);
                    (writer.into_bytes(), value)
                })
                .collect();
            encoded.sort_by(|a, b| a.0.cmp(&b.0));
            writer.map(encoded.len());
            for (key, value) in encoded {
                write_value(writer.raw(&key), value);
            }
        }
        // `Value` is non-exhaustive; what it may grow has no place in an event, and `check` says so.
        _ => drop(writer.null()),
    }
}
