//! Inclusion and consistency proofs: RFC 6962 section 2.1 makes them, RFC 9162 section 2.1 checks them.

use crate::{
    Error, Hash, NodeId, node_hash,
    tree::{fold, subtrees},
};

/// The leaves from the first to before the second, always one node of the tree.
type Range = (u64, u64);

/// The largest power of two below `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// PATH(index, D\[size\]) of RFC 6962, as ranges from the leaf's sibling up to the root's child.
fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range>, Error> {
    if index >= size {
        return Err(Error::Range { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut ranges = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push((middle, high));
            high = middle;
        } else {
            ranges.push((low, middle));
            low = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// PROOF(old, D\[new\]) of RFC 6962, as ranges.
fn consistency_ranges(old: u64, new: u64) -> Result<Vec<Range>, Error> {
    if old > new {
        return Err(Error::RolledBack { seen: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, new);
    let mut ranges = Vec::new();
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            ranges.push((middle, high));
            high = middle;
        } else {
            ranges.push((low, middle));
            low = middle;
        }
    }
    if low != 0 {
        ranges.push((low, high));
    }
    ranges.reverse();
    Ok(ranges)
}

/// The nodes to have at hand for [`inclusion_proof`].
pub fn nodes_for_inclusion(index: u64, size: u64) -> Result<Vec<NodeId>, Error> {
    Ok(nodes(&inclusion_ranges(index, size)?))
}

/// The nodes to have at hand for [`consistency_proof`].
pub fn nodes_for_consistency(old: u64, new: u64) -> Result<Vec<NodeId>, Error> {
    Ok(nodes(&consistency_ranges(old, new)?))
}

fn nodes(ranges: &[Range]) -> Vec<NodeId> {
    ranges.iter().flat_map(|&(low, high)| subtrees(low, high)).collect()
}

/// The proof that leaf `index` is in the tree of `size` leaves, from the sibling up.
pub fn inclusion_proof(
    index: u64,
    size: u64,
    source: impl FnMut(NodeId) -> Option<Hash>,
) -> Result<Vec<Hash>, Error> {
    hashes(&inclusion_ranges(index, size)?, source)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves.
pub fn consistency_proof(
    old: u64,
    new: u64,
    source: impl FnMut(NodeId) -> Option<Hash>,
) -> Result<Vec<Hash>, Error> {
    hashes(&consistency_ranges(old, new)?, source)
}

fn hashes(
    ranges: &[Range],
    mut source: impl FnMut(NodeId) -> Option<Hash>,
) -> Result<Vec<Hash>, Error> {
    let hash = |&(low, high): &Range| {
        let parts = subtrees(low, high)
            .into_iter()
            .map(|id| source(id).ok_or(Error::Node { level: id.level, index: id.index }))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(fold(&parts))
    };
    ranges.iter().map(hash).collect()
}

/// Checks an inclusion proof (RFC 9162, section 2.1.3.2); `size` must come from a signed checkpoint.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    if index >= size {
        return Err(Error::Range { index, size });
    }
    let wrong = Error::Proof { what: "inclusion" };
    let (mut from, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(wrong);
        }
        if from % 2 == 1 || from == last {
            hash = node_hash(sibling, &hash);
            while from % 2 == 0 && from != 0 {
                from /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        from /= 2;
        last /= 2;
    }
    if last == 0 && seal::equal(&hash, root) { Ok(()) } else { Err(wrong) }
}

/// Checks a consistency proof (RFC 9162, section 2.1.4.2) between two signed (size, root) pairs.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), Error> {
    let wrong = Error::Proof { what: "consistency" };
    if old > new {
        return Err(Error::RolledBack { seen: old, size: new });
    }
    if old == new {
        return match (proof.is_empty(), seal::equal(old_root, new_root)) {
            (true, true) => Ok(()),
            (_, false) => Err(Error::Fork { size: old }),
            (false, _) => Err(wrong),
        };
    }
    if old == 0 {
        let honest = proof.is_empty() && seal::equal(old_root, &crate::empty_root());
        return if honest { Ok(()) } else { Err(wrong) };
    }
    // A complete old tree is a node of the new one, and so not repeated in the proof.
    let whole = old.is_power_of_two().then_some(old_root);
    let mut path = whole.into_iter().chain(proof);
    let start = *path.next().ok_or(wrong.clone())?;
    let shift = (old - 1).trailing_ones();
    let (mut from, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (start, start);
    for node in path {
        if last == 0 {
            return Err(wrong);
        }
        if from % 2 == 1 || from == last {
            old_hash = node_hash(node, &old_hash);
            new_hash = node_hash(node, &new_hash);
            while from % 2 == 0 && from != 0 {
                from /= 2;
                last /= 2;
            }
        } else {
            new_hash = node_hash(&new_hash, node);
        }
        from /= 2;
        last /= 2;
    }
    let leads = seal::equal(&old_hash, old_root) && seal::equal(&new_hash, new_root);
    if last == 0 && leads { Ok(()) } else { Err(wrong) }
}
