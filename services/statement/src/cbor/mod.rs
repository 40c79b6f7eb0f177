//! Deterministic CBOR (RFC 8949 §4.2.1): the only encoding Probity writes, and the only one it accepts.
//!
//! [`Writer`] and [`to_canonical`] produce it, [`check`] refuses everything else in one pass without allocating, and
//! [`Reader`] pulls a known shape out of bytes. What is accepted satisfies `encode(decode(x)) == x`: shortest heads,
//! definite lengths, map keys strictly ascending by their encoded bytes, finite floats in their shortest form, UTF-8
//! text, nothing after the item. The decoder of a general library would silently normalise all of these.

mod de;

use ciborium::Value;
use serde::Serialize;

pub use de::{DecodeError, Tree};

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

/// Writes canonical items in the order called. The caller puts map keys in order; [`check`] in the tests holds it to that.
#[derive(Debug, Default, Clone)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    fn head(&mut self, major: u8, value: u64) -> &mut Self {
        let major = major << 5;
        match value {
            0..=23 => self.0.push(major | value as u8),
            24..=0xff => self.0.extend([major | 24, value as u8]),
            0x100..=0xffff => {
                self.0.push(major | 25);
                self.0.extend((value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(major | 26);
                self.0.extend((value as u32).to_be_bytes());
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend(value.to_be_bytes());
            }
        }
        self
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(UINT, value)
    }

    /// A signed integer.
    pub fn int(&mut self, value: i64) -> &mut Self {
        if value < 0 { self.head(NINT, !value as u64) } else { self.head(UINT, value as u64) }
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64).raw(value)
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(TEXT, value.len() as u64).raw(value.as_bytes())
    }

    /// The head of an array; `len` items follow.
    pub fn array(&mut self, len: usize) -> &mut Self {
        self.head(ARRAY, len as u64)
    }

    /// The head of a map; `len` pairs follow, ascending by encoded key.
    pub fn map(&mut self, len: usize) -> &mut Self {
        self.head(MAP, len as u64)
    }

    /// A tag; its content follows.
    pub fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(TAG, tag)
    }

    /// The simple value null.
    pub fn null(&mut self) -> &mut Self {
        self.raw(&[0xf6])
    }

    /// The head of a byte string whose `len` bytes the caller appends.
    pub fn bytes_head(&mut self, len: usize) -> &mut Self {
        self.head(BYTES, len as u64)
    }

    /// Bytes that already are canonical CBOR.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Pulls items out of bytes, refusing any head that is not the shortest. It does not compare map keys: run [`check`]
/// over the whole input first, or compare the keys with the ones the format prescribes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// The offset of the next unread byte.
    pub fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let rest = &self.input[self.at..];
        let len = usize::try_from(len).ok().filter(|len| *len <= rest.len());
        let len = len.ok_or(CborError::Truncated { at: self.input.len() })?;
        self.at += len;
        Ok(&rest[..len])
    }

    /// Major type, additional information and argument of the next head.
    fn head(&mut self) -> Result<(u8, u8, u64), CborError> {
        let start = self.at;
        let initial = *self.input.get(start).ok_or(CborError::Truncated { at: start })?;
        self.at += 1;
        let (major, info) = (initial >> 5, initial & 31);
        let width = match info {
            0..=23 => return Ok((major, info, u64::from(info))),
            24..=27 => 1usize << (info - 24),
            28..=30 => return Err(CborError::NotAllowed { what: "a reserved head", at: start }),
            _ => return Err(CborError::IndefiniteLength { at: start }),
        };
        let value = self.take(width as u64)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let shortest = match width {
            1 => value >= if major == SIMPLE { 32 } else { 24 },
            2 => value > 0xff,
            4 => value > 0xffff,
            _ => value > 0xffff_ffff,
        };
        // The argument of a float is its bit pattern; `check_float` judges that.
        let float = major == SIMPLE && width > 1;
        if !(shortest || float) {
            return Err(CborError::NotShortest { at: start });
        }
        Ok((major, info, value))
    }

    fn expect(&mut self, major: u8, what: &'static str) -> Result<u64, CborError> {
        let at = self.at;
        match self.head()? {
            (found, _, value) if found == major => Ok(value),
            _ => Err(CborError::Expected { what, at }),
        }
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.expect(UINT, "an unsigned integer")
    }

    /// An integer that fits an `i64`.
    pub fn int(&mut self) -> Result<i64, CborError> {
        let at = self.at;
        let (major, _, value) = self.head()?;
        let value = i64::try_from(value).ok();
        match (major, value) {
            (UINT, Some(value)) => Ok(value),
            (NINT, Some(value)) => Ok(!value),
            _ => Err(CborError::Expected { what: "an integer of at most 63 bits", at }),
        }
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let len = self.expect(BYTES, "a byte string")?;
        self.take(len)
    }

    /// A byte string of exactly `N` bytes.
    pub fn byte_array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CborError> {
        let at = self.at;
        self.bytes()?.try_into().map_err(|_| CborError::Expected { what, at })
    }

    /// A text string.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let len = self.expect(TEXT, "a text string")?;
        let at = self.at;
        std::str::from_utf8(self.take(len)?).map_err(|_| CborError::Utf8 { at })
    }

    /// The length of an array.
    pub fn array(&mut self) -> Result<usize, CborError> {
        self.expect(ARRAY, "an array").map(|len| len as usize)
    }

    /// The number of pairs of a map.
    pub fn map(&mut self) -> Result<usize, CborError> {
        self.expect(MAP, "a map").map(|len| len as usize)
    }

    /// A tag number.
    pub fn tag(&mut self) -> Result<u64, CborError> {
        self.expect(TAG, "a tag")
    }

    /// The simple value null.
    pub fn null(&mut self) -> Result<(), CborError> {
        let at = self.at;
        if self.take(1)? == [0xf6] { Ok(()) } else { Err(CborError::Expected { what: "null", at }) }
    }

    /// The tag `tag`.
    pub fn label_tag(&mut self, tag: u64, what: &'static str) -> Result<(), CborError> {
        let at = self.at;
        if self.tag()? == tag { Ok(()) } else { Err(CborError::Expected { what, at }) }
    }

    /// An array of exactly `len` items.
    pub fn array_of(&mut self, len: usize, what: &'static str) -> Result<(), CborError> {
        let at = self.at;
        if self.array()? == len { Ok(()) } else { Err(CborError::Expected { what, at }) }
    }

    /// A map of exactly `len` pairs.
    pub fn map_of(&mut self, len: usize, what: &'static str) -> Result<(), CborError> {
        let at = self.at;
        if self.map()? == len { Ok(()) } else { Err(CborError::Expected { what, at }) }
    }

    /// The integer `label`, as a map key or a constant.
    pub fn label(&mut self, label: i64, what: &'static str) -> Result<(), CborError> {
        let at = self.at;
        if self.int()? == label { Ok(()) } else { Err(CborError::Expected { what, at }) }
    }

    /// Skips one item, checking that it is canonical and fits `profile`; returns its bytes.
    pub fn item(&mut self, profile: Profile) -> Result<&'a [u8], CborError> {
        let start = self.at;
        self.walk(profile, 0)?;
        Ok(&self.input[start..self.at])
    }

    /// Refuses bytes after the last item.
    pub fn end(&self) -> Result<(), CborError> {
        match self.input.len() - self.at {
            0 => Ok(()),
            count => Err(CborError::Trailing { at: self.at, count }),
        }
    }

    fn walk(&mut self, profile: Profile, depth: usize) -> Result<(), CborError> {
        let at = self.at;
        let (major, info, value) = self.head()?;
        if (ARRAY..=TAG).contains(&major) && depth >= profile.max_depth {
            return Err(CborError::TooDeep { at, limit: profile.max_depth });
        }
        if profile.json_tree && (major == BYTES || major == TAG) {
            return Err(CborError::NotAllowed { what: "a byte string or tag", at });
        }
        match major {
            UINT | NINT => {}
            BYTES => drop(self.take(value)?),
            TEXT => {
                std::str::from_utf8(self.take(value)?).map_err(|_| CborError::Utf8 { at })?;
            }
            ARRAY => {
                for _ in 0..value {
                    self.walk(profile, depth + 1)?;
                }
            }
            MAP => self.walk_map(value, profile, depth)?,
            TAG => self.walk(profile, depth + 1)?,
            _ => match (info, value) {
                (20 | 21, _) => {}
                (22, _) if !profile.json_tree => {}
                (22, _) => return Err(CborError::NotAllowed { what: "null (leave the field out)", at }),
                (25..=27, bits) => check_float(info, bits, at)?,
                _ => return Err(CborError::NotAllowed { what: "a simple value", at }),
            },
        }
        Ok(())
    }

    fn walk_map(&mut self, pairs: u64, profile: Profile, depth: usize) -> Result<(), CborError> {
        let mut previous: &[u8] = &[];
        for _ in 0..pairs {
            let at = self.at;
            if profile.json_tree && self.input.get(at).is_some_and(|byte| byte >> 5 != TEXT) {
                return Err(CborError::NotAllowed { what: "a map key that is not text", at });
            }
            self.walk(profile, depth + 1)?;
            let key = &self.input[at..self.at];
            match previous.cmp(key) {
                std::cmp::Ordering::Less => previous = key,
                std::cmp::Ordering::Equal => return Err(CborError::DuplicateKey { at }),
                std::cmp::Ordering::Greater => return Err(CborError::KeyOrder { at }),
            }
            self.walk(profile, depth + 1)?;
        }
        Ok(())
    }
}

/// Whether a float's bits are finite and could not be written shorter (RFC 8949 §4.2.1 with §4.2.2's rule 1).
fn check_float(info: u8, bits: u64, at: usize) -> Result<(), CborError> {
    let value = match info {
        25 if bits >> 10 & 31 != 31 => return Ok(()),
        25 => f64::INFINITY,
        26 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    };
    if !value.is_finite() {
        return Err(CborError::NotFinite { at });
    }
    let width = match shortest_float(value) {
        Float::Half(_) => 25,
        Float::Single(_) => 26,
        Float::Double(_) => 27,
    };
    if width == info { Ok(()) } else { Err(CborError::NotShortest { at }) }
}

enum Float {
    Half(u16),
    Single(u32),
    Double(u64),
}

/// The shortest of binary16, binary32 and binary64 that holds `value` exactly.
fn shortest_float(value: f64) -> Float {
    let single = value as f32;
    if f64::from(single).to_bits() != value.to_bits() {
        return Float::Double(value.to_bits());
    }
    let bits = single.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let exponent = (bits >> 23 & 0xff) as i32 - 127;
    let mantissa = bits & 0x7f_ffff;
    match exponent {
        _ if bits << 1 == 0 => Float::Half(sign),
        -14..=15 if mantissa.trailing_zeros() >= 13 => {
            Float::Half(sign | ((exponent + 15) as u16) << 10 | (mantissa >> 13) as u16)
        }
        // Subnormal halves: the implicit bit becomes explicit and shifts right.
        -24..=-15 => {
            let full = mantissa | 0x80_0000;
            let shift = (-exponent - 1) as u32;
            if full.trailing_zeros() >= shift {
                Float::Half(sign | (full >> shift) as u16)
            } else {
                Float::Single(bits)
            }
        }
        _ => Float::Single(bits),
    }
}

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
