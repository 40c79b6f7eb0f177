//! What a view holds: keys that sort as their parts do, and records under them.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value of a view. Encoded with postcard, which has no field names: a record that changes its fields needs a higher
/// [`Projector::VERSION`](crate::Projector::VERSION). Nothing in it may depend on the order of a hash table, so that a
/// view that is folded again has the same bytes.
pub trait Record: Serialize + DeserializeOwned + Clone + Default + fmt::Debug + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Default + fmt::Debug + Send + Sync + 'static> Record for T {}

/// A record whose bytes are not those of its type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a record of table {table} is not readable; delete the view, it comes back from the log: {reason}")]
pub struct RecordError {
    /// The table's byte.
    pub table: u8,
    /// What is wrong.
    pub reason: postcard::Error,
}

/// One table of a view: the first byte of its keys, and what its values are.
pub struct Table<V> {
    byte: u8,
    value: PhantomData<fn() -> V>,
}

impl<V: Record> Table<V> {
    /// The table whose keys begin with `byte`, which is not 0.
    pub const fn new(byte: u8) -> Self {
        assert!(byte != 0, "keys that begin with 0 are the view's own");
        Self { byte, value: PhantomData }
    }

    /// The byte.
    pub(crate) const fn byte(&self) -> u8 {
        self.byte
    }

    /// The beginning of all its keys.
    pub fn key(&self) -> Key {
        Key(vec![self.byte])
    }

    /// Reads a record that a scan found.
    ///
    /// # Errors
    /// It is none of this table's.
    pub fn decode(&self, bytes: &[u8]) -> Result<V, RecordError> {
        decode(self.byte, bytes)
    }
}

impl<V> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.byte)
    }
}

pub(crate) fn decode<V: Record>(table: u8, bytes: &[u8]) -> Result<V, RecordError> {
    postcard::from_bytes(bytes).map_err(|reason| RecordError { table, reason })
}

pub(crate) fn encode<V: Record>(table: u8, value: &V) -> Result<Vec<u8>, RecordError> {
    postcard::to_allocvec(value).map_err(|reason| RecordError { table, reason })
}

/// A key, or the beginning of one, put together part by part.
///
/// Keys sort by their first part, then by their second, and so on. A text ends with a zero byte, so that `a` sorts before
/// `ab` whatever follows; it must not hold one itself, and no name of the vocabulary does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    /// A whole text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().map(|byte| byte.max(1)));
        self.0.push(0);
        self
    }

    /// The beginning of a text: for scans.
    #[must_use]
    pub fn beginning(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().map(|byte| byte.max(1)));
        self
    }

    /// A number; smaller ones sort first.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// A number below 2^32; smaller ones sort first.
    #[must_use]
    pub fn small(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// One byte.
    #[must_use]
    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Bytes of a fixed length, such as a UUID or a digest.
    #[must_use]
    pub fn fixed<const N: usize>(mut self, bytes: &[u8; N]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// Takes a key apart again, part by part, in the order in which it was put together.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// The parts of `key` after the table's byte.
    pub fn of(key: &'a [u8]) -> Self {
        Self(key.get(1..).unwrap_or_default())
    }

    /// The next text; `None` where there is none.
    pub fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..)?;
        std::str::from_utf8(text).ok()
    }

    /// The next number.
    pub fn number(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// The next small number.
    pub fn small(&mut self) -> Option<u32> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    /// The next bytes of a fixed length.
    pub fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }
}

/// A record that waits in a batch, whatever its type.
pub(crate) trait Held: fmt::Debug + Send + Sync {
    fn encode(&self, table: u8) -> Result<Vec<u8>, RecordError>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<V: Record> Held for V {
    fn encode(&self, table: u8) -> Result<Vec<u8>, RecordError> {
        encode(table, self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
