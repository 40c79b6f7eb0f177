//! Reads items, and refuses those that are not canonical.

use super::float::check_float;
use super::{ARRAY, BYTES, CborError, MAP, NINT, Profile, SIMPLE, TAG, TEXT, UINT};

/// Pulls items out of bytes, refusing any head that is not the shortest. It does not compare map keys: run [`check`](super::check)
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
    pub(super) fn head(&mut self) -> Result<(u8, u8, u64), CborError> {
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
