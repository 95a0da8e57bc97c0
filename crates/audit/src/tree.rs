//! The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf from its frontier.

use crate::Error;
use seal::{sha256, sha256_parts};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256(0x00, data).
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256_parts(&[&[0], data])
}

/// The hash of an inner node: SHA-256(0x01, left, right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // In one piece: parts cost more than the hash itself.
    let mut bytes = [1; 65];
    let [_, halves @ ..] = &mut bytes;
    let (first, second) = halves.split_at_mut(32);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    sha256(&bytes)
}

/// The root of the empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// A complete subtree: the leaves from `index << level` up to `(index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// How many levels above the leaves.
    pub level: u8,
    /// Its place in the level, from 0.
    pub index: u64,
}

/// The complete subtrees that make up the leaves from `low` to before `high`, left to right.
///
/// `low` must be a multiple of the smallest power of two not below `high - low`, as it is for
/// every node of an RFC 6962 tree; so the subtrees only shrink.
pub(crate) fn subtrees(low: u64, high: u64) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    let mut at = low;
    while at < high {
        let level = (high - at).ilog2();
        nodes.push(NodeId {
            level: u8::try_from(level).expect("the logarithm of 64 bits is below 64"),
            index: at >> level,
        });
        at += 1 << level;
    }
    nodes
}

/// One hash over complete subtrees of shrinking size: the root that RFC 6962 gives their leaves.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    hashes
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(empty_root)
}

/// What is needed of a tree to append to it and to state its root: one hash per set bit of its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// Of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// The nodes that [`Frontier::restore`] wants for a tree of this size, in its order.
    #[must_use]
    pub fn nodes(size: u64) -> Vec<NodeId> {
        subtrees(0, size)
    }

    /// The frontier of a tree that is kept elsewhere.
    pub fn restore(
        size: u64,
        mut source: impl FnMut(NodeId) -> Option<Hash>,
    ) -> Result<Self, Error> {
        let hashes = subtrees(0, size)
            .into_iter()
            .map(|id| source(id).ok_or(Error::Node { level: id.level, index: id.index }))
            .collect::<Result<_, _>>()?;
        Ok(Self { size, hashes })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }

    /// Appends a leaf's hash; reports the leaf and every inner node that it completes.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(NodeId, Hash)) {
        let mut node = NodeId { level: 0, index: self.size };
        let mut hash = leaf;
        completed(node, hash);
        while node.index % 2 == 1 {
            let left =
                self.hashes.pop().expect("an odd index has its left sibling on the frontier");
            hash = node_hash(&left, &hash);
            node = NodeId { level: node.level + 1, index: node.index / 2 };
            completed(node, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }
}
