//! Coordinates, paths and hashes of hash tiles (C2SP tlog-tiles).
//!
//! A tile is a row of up to 256 hashes of one level; tile level L holds nodes of tree level 8·L, so
//! the root over a full tile is one hash of the tile level above.

use std::fmt;
use std::str::FromStr;

use crate::{Hash, node_hash};

/// Tree levels from one tile level to the next.
pub const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;
/// The highest tile level a tree of at most 2⁶⁴ − 1 leaves has.
const TOP_LEVEL: u8 = 7;

/// Names one tile: `width` hashes of tree level `8 * level`, from node `256 * index` on.
///
/// Displayed as its path below the log's root, `tile/<L>/<N>[.p/<W>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

impl TileId {
    /// The tile at tile level `level` (0..=7), position `index`, with `width` hashes (1..=256).
    ///
    /// # Errors
    /// No tree has such a tile.
    pub const fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > TOP_LEVEL || index > u64::MAX >> (TILE_HEIGHT * level) >> TILE_HEIGHT {
            return Err(TileError::OutsideEveryTree { level, index });
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        Ok(Self { level, index, width })
    }

    /// The tile as it is in a tree of `tree_size` leaves, full or partial; `None` where that tree
    /// has no hash of it.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, tree_size: u64) -> Option<Self> {
        let hashes = tree_size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))?;
        let width = hashes.saturating_sub(index.checked_mul(TILE_WIDTH.into())?);
        let width = width.min(TILE_WIDTH.into()).try_into().ok()?;
        Self::new(level, index, width).ok()
    }

    /// All tiles of a tree of `tree_size` leaves, level by level, the partial one of a level last.
    pub fn all(tree_size: u64) -> impl Iterator<Item = Self> {
        (0..=TOP_LEVEL).flat_map(move |level| (0..).map_while(move |index| Self::in_tree(level, index, tree_size)))
    }

    /// The tile level, from 0 (leaf hashes).
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The position among the tiles of its level.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The number of hashes, 1..=256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether the tile is full and so will never change.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The path below the log's root, without a leading slash.
    #[must_use]
    pub fn path(self) -> String {
        self.to_string()
    }

    /// Reads exactly what [`TileId::path`] writes.
    ///
    /// # Errors
    /// Any other text, such as one with leading zeros or `.p/256`.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let (level, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError::Prefix)?;
        let level = parse_decimal(level, TOP_LEVEL.into()).ok_or(TilePathError::Level)?;
        let (index, width) = parse_position(rest)?;
        #[expect(clippy::cast_possible_truncation, reason = "parse_decimal bounds the level by 7")]
        Self::new(level as u8, index, width).map_err(|_| TilePathError::Index)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_position(f, self.index, self.width)
    }
}

impl FromStr for TileId {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::parse(path)
    }
}

/// The root over the hashes of one complete subtree: of a full tile, the one hash it contributes to
/// the tile level above, eight tree levels up.
///
/// # Errors
/// The number of hashes is not a power of two.
pub fn subtree_root(hashes: &[Hash]) -> Result<Hash, TileError> {
    if !hashes.len().is_power_of_two() {
        return Err(TileError::NotASubtree { found: hashes.len() });
    }
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    Ok(row[0])
}

/// Coordinates or contents no tile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Beyond a tree of 2⁶⁴ − 1 leaves.
    #[error("no tree has a tile {index} at level {level}")]
    OutsideEveryTree {
        /// The tile level.
        level: u8,
        /// The position within the level.
        index: u64,
    },
    /// Not 1..=256 wide.
    #[error("a tile is 1 to 256 wide, not {width}")]
    Width {
        /// The width given.
        width: u16,
    },
    /// Only a power of two of hashes makes up a complete subtree.
    #[error("{found} hashes are no complete subtree")]
    NotASubtree {
        /// The number of hashes given.
        found: usize,
    },
}

/// Which part of a tile's or bundle's path is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TilePathError {
    /// Not below `tile/<L>/` or `tile/entries/`.
    #[error("a tile path starts with tile/<level>/ or tile/entries/")]
    Prefix,
    /// Not a level from 0 to 7 without leading zeros.
    #[error("a tile level is 0 to 7")]
    Level,
    /// Not an index written as `x001/x234/067`.
    #[error("a tile index is written in groups of three digits, as x001/x234/067")]
    Index,
    /// Not `.p/<W>` with a width from 1 to 255.
    #[error("a partial width is .p/1 to .p/255")]
    Width,
}

/// Writes `x001/x234/067[.p/<W>]`.
pub(crate) fn write_position(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut divisor = 1;
    while index / divisor >= 1000 {
        divisor *= 1000;
    }
    while divisor > 1 {
        write!(f, "x{:03}/", index / divisor % 1000)?;
        divisor /= 1000;
    }
    write!(f, "{:03}", index % 1000)?;
    if width < TILE_WIDTH {
        write!(f, ".p/{width}")?;
    }
    Ok(())
}

/// Reads what [`write_position`] writes into the index and the width.
pub(crate) fn parse_position(text: &str) -> Result<(u64, u16), TilePathError> {
    let (digits, width) = match text.split_once(".p/") {
        None => (text, TILE_WIDTH),
        Some((digits, width)) => {
            let width = parse_decimal(width, u64::from(TILE_WIDTH) - 1)
                .and_then(|width| u16::try_from(width).ok())
                .filter(|width| *width > 0)
                .ok_or(TilePathError::Width)?;
            (digits, width)
        }
    };
    let index = parse_index(digits).ok_or(TilePathError::Index)?;
    Ok((index, width))
}

fn parse_index(digits: &str) -> Option<u64> {
    let (leading, last) = match digits.rsplit_once('/') {
        None => (None, digits),
        Some((leading, last)) => (Some(leading), last),
    };
    let mut index: u64 = 0;
    for group in leading.into_iter().flat_map(|leading| leading.split('/')) {
        index = append_group(index, group.strip_prefix('x')?)?;
        // The first group of several is there because it isn't zero.
        if index == 0 {
            return None;
        }
    }
    append_group(index, last)
}

fn append_group(index: u64, group: &str) -> Option<u64> {
    if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    index.checked_mul(1000)?.checked_add(group.parse().ok()?)
}

/// A decimal number without sign or leading zeros, at most `max`.
fn parse_decimal(text: &str, max: u64) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= max)
}
