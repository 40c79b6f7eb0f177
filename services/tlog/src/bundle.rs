//! Entry bundles: the statements themselves in the static form of the log (C2SP tlog-tiles).

use std::fmt;
use std::str::FromStr;

use crate::tile::{TILE_WIDTH, TileError, TilePathError, parse_position, write_position};

/// Names one entry bundle: `width` entries from log index `256 * index` on.
///
/// Displayed as its path below the log's root, `tile/entries/<N>[.p/<W>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleId {
    index: u64,
    width: u16,
}

impl BundleId {
    /// The bundle at position `index` with `width` entries (1..=256).
    ///
    /// # Errors
    /// No tree has such a bundle.
    pub const fn new(index: u64, width: u16) -> Result<Self, TileError> {
        if index > u64::MAX / TILE_WIDTH as u64 {
            return Err(TileError::OutsideEveryTree { level: 0, index });
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        Ok(Self { index, width })
    }

    /// All bundles of a tree of `tree_size` leaves; only the last one can be partial.
    pub fn all(tree_size: u64) -> impl Iterator<Item = Self> {
        let width = u64::from(TILE_WIDTH);
        (0..tree_size.div_ceil(width)).filter_map(move |index| {
            let rest = (tree_size - index * width).min(width);
            Self::new(index, u16::try_from(rest).ok()?).ok()
        })
    }

    /// The position among the bundles.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The number of entries, 1..=256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether the bundle is full and so will never change.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The log index of the first entry.
    #[must_use]
    pub const fn first_entry(self) -> u64 {
        self.index * TILE_WIDTH as u64
    }

    /// The path below the log's root, without a leading slash.
    #[must_use]
    pub fn path(self) -> String {
        self.to_string()
    }

    /// Reads exactly what [`BundleId::path`] writes.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/entries/").ok_or(TilePathError::Prefix)?;
        let (index, width) = parse_position(rest)?;
        Self::new(index, width).map_err(|_| TilePathError::Index)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_position(f, self.index, self.width)
    }
}

impl FromStr for BundleId {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::parse(path)
    }
}

/// Appends `u16be length ‖ entry` to a bundle.
///
/// # Errors
/// The entry is longer than 65,535 bytes; the bundle is left as it was.
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { length: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Splits a bundle into its entries, which must fill it exactly.
///
/// # Errors
/// The last entry is cut short, or there are more than 256.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        if entries.len() == usize::from(TILE_WIDTH) {
            return Err(BundleError::TooManyEntries);
        }
        let truncated = BundleError::Truncated { entry: entries.len() };
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(truncated)?;
        entries.push(entry);
        rest = tail;
    }
    Ok(entries)
}

/// Why bytes are no entry bundle, or an entry fits into none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The two-byte length cannot hold it.
    #[error("an entry of {length} bytes is longer than 65535")]
    EntryTooLong {
        /// The entry's length in bytes.
        length: usize,
    },
    /// The bundle ends inside an entry.
    #[error("the bundle ends inside its entry {entry}")]
    Truncated {
        /// The entry's position within the bundle, from 0.
        entry: usize,
    },
    /// A bundle holds at most 256 entries.
    #[error("the bundle holds more than 256 entries")]
    TooManyEntries,
}
