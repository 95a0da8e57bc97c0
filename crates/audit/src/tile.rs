//! Tiles (<https://c2sp.org/tlog-tiles>): the tree in files that never change, 256 hashes of a level each.

use crate::{Error, Hash, NodeId, node_hash};
use std::{fmt, str::FromStr};

/// Hashes of a whole tile, and leaves of a whole bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of the tree that one level of tiles spans.
const LEVELS: u8 = 8;
/// The highest level of tiles that a tree of 64 bits has.
const LEVEL_MAX: u8 = 7;

/// A tile: its level, its place in the level, and how many of its hashes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    /// 0 holds leaves; each hash of level n + 1 is the root of a whole tile of level n.
    pub level: u8,
    /// From 0.
    pub index: u64,
    /// 1 to 256; fewer only at the right edge.
    pub width: u16,
}

impl TileId {
    /// All tiles of a tree of this size, the partial ones at its right edge included; level by level.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        (0..=LEVEL_MAX).flat_map(move |level| {
            let hashes = size.checked_shr(u32::from(LEVELS * level)).unwrap_or(0);
            let whole = hashes / u64::from(TILE_WIDTH);
            let rest = u16::try_from(hashes % u64::from(TILE_WIDTH)).unwrap_or(0);
            let full = (0..whole).map(move |index| Self { level, index, width: TILE_WIDTH });
            full.chain((rest > 0).then_some(Self { level, index: whole, width: rest }))
        })
    }

    /// The tile of a tree of this size that has a hash from which this node follows; [`None`] if the tree does
    /// not have the node.
    #[must_use]
    pub fn holding(node: NodeId, size: u64) -> Option<Self> {
        let level = node.level / LEVELS;
        let first = node.index.checked_shl(u32::from(node.level % LEVELS))?;
        let index = first / u64::from(TILE_WIDTH);
        let hashes = size.checked_shr(u32::from(LEVELS * level)).unwrap_or(0);
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = u16::try_from(hashes.checked_sub(before)?.min(TILE_WIDTH.into())).ok()?;
        let last = (node.index.checked_add(1)?.checked_shl(node.level.into())?).checked_sub(1)?;
        (width > 0 && last < size).then_some(Self { level, index, width })
    }

    /// The nodes of the tree that it holds, in its order.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> {
        let first = self.index.saturating_mul(u64::from(TILE_WIDTH));
        let level = self.level.saturating_mul(LEVELS);
        (0..u64::from(self.width)).map(move |at| NodeId { level, index: first.saturating_add(at) })
    }

    /// Where a tree of this size has it, if it does; a whole tile goes on being there when the log grows.
    #[must_use]
    pub fn fits(self, size: u64) -> bool {
        let hashes = size.checked_shr(u32::from(LEVELS.saturating_mul(self.level))).unwrap_or(0);
        let end = self.index.checked_mul(u64::from(TILE_WIDTH));
        let end = end.and_then(|first| first.checked_add(u64::from(self.width)));
        self.level <= LEVEL_MAX
            && (1..=TILE_WIDTH).contains(&self.width)
            && end.is_some_and(|end| end <= hashes)
    }
}

/// The path below `tile/`, without it: `0/x001/067.p/12`.
impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.level, Place(self.index, self.width))
    }
}

impl FromStr for TileId {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let (level, place) = path.split_once('/').ok_or_else(wrong_path)?;
        let Place(index, width) = place.parse()?;
        let level: u8 = level.parse().map_err(|_| wrong_path())?;
        let tile = Self { level, index, width };
        // Only the one way to write it is read: no leading zeroes, no plus sign.
        if level <= LEVEL_MAX && tile.to_string() == path { Ok(tile) } else { Err(wrong_path()) }
    }
}

/// Leaves of a log as they lie at `tile/entries/`: their place, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleId {
    /// From 0.
    pub index: u64,
    /// 1 to 256.
    pub width: u16,
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entries/{}", Place(self.index, self.width))
    }
}

impl FromStr for BundleId {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let Place(index, width) = path.strip_prefix("entries/").ok_or_else(wrong_path)?.parse()?;
        let bundle = Self { index, width };
        if bundle.to_string() == path { Ok(bundle) } else { Err(wrong_path()) }
    }
}

/// A place in a level and a width: three digits a part, all but the last after an `x`.
struct Place(u64, u16);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(index, width) = self;
        let digits = index.to_string();
        let padded = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
        let parts = padded.len() / 3;
        for part in 0..parts {
            let three = padded.get(part * 3..part * 3 + 3).unwrap_or_default();
            write!(f, "{}{three}", if part + 1 == parts { "" } else { "x" })?;
            if part + 1 < parts {
                f.write_str("/")?;
            }
        }
        if *width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (place, width) = match text.split_once(".p/") {
            Some((place, width)) => (place, width.parse().map_err(|_| wrong_path())?),
            None => (text, TILE_WIDTH),
        };
        if !(1..=TILE_WIDTH).contains(&width) || text.len() > 40 {
            return Err(wrong_path());
        }
        let mut index = 0_u64;
        for part in place.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let number: u64 = digits.parse().map_err(|_| wrong_path())?;
            index = index
                .checked_mul(1000)
                .and_then(|index| index.checked_add(number))
                .ok_or_else(wrong_path)?;
        }
        Ok(Self(index, width))
    }
}

fn wrong_path() -> Error {
    let problem = "not the path of a tile: level, place in parts of three digits, and .p/width, as in 0/x001/067.p/12";
    Error::Malformed { what: "tile", line: 1, problem }
}

/// A tile as bytes: hash after hash. [`None`] if the source lacks one.
pub fn write_tile(
    tile: TileId,
    mut source: impl FnMut(NodeId) -> Option<Hash>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(usize::from(tile.width) * 32);
    for node in tile.nodes() {
        let hash = source(node).ok_or(Error::Node { level: node.level, index: node.index })?;
        bytes.extend_from_slice(&hash);
    }
    Ok(bytes)
}

/// The hashes of a tile that came from elsewhere; only the tree's root says whether they are true.
pub fn read_tile(tile: TileId, bytes: &[u8]) -> Result<Vec<Hash>, Error> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() && hashes.len() == usize::from(tile.width) {
        return Ok(hashes.to_vec());
    }
    let problem = "has not 32 bytes for each of its hashes";
    Err(Error::Malformed { what: "tile", line: 1, problem })
}

/// The node of a tree that lies in, or below the root of, this tile.
#[must_use]
pub fn node_in(tile: TileId, hashes: &[Hash], node: NodeId) -> Option<Hash> {
    let height = node.level.checked_sub(tile.level.checked_mul(LEVELS)?)?;
    let first = node.index.checked_shl(height.into())?;
    let start = first.checked_sub(tile.index.checked_mul(TILE_WIDTH.into())?)?;
    let start = usize::try_from(start).ok()?;
    let mut row =
        hashes.get(start..start.checked_add(1_usize.checked_shl(height.into())?)?)?.to_vec();
    while row.len() > 1 {
        let (pairs, _) = row.as_chunks::<2>();
        row = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// A bundle as bytes: each leaf behind its length in two bytes, the higher first.
pub fn write_bundle<'a>(leaves: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        let length =
            u16::try_from(leaf.len()).map_err(|_| Error::TooLarge { found: leaf.len() })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf.as_bytes());
    }
    Ok(bytes)
}

/// The leaves of a bundle.
pub fn read_bundle(bundle: BundleId, mut bytes: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let malformed = |problem| Error::Malformed { what: "bundle of leaves", line: 1, problem };
    let mut leaves = Vec::with_capacity(bundle.width.into());
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk().ok_or(malformed("ends in a length"))?;
        let (leaf, rest) = rest
            .split_at_checked(u16::from_be_bytes(*length).into())
            .ok_or(malformed("ends in a leaf"))?;
        leaves.push(leaf);
        bytes = rest;
    }
    if leaves.len() == usize::from(bundle.width) {
        Ok(leaves)
    } else {
        Err(malformed("has not as many leaves as its name says"))
    }
}
