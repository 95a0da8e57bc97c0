//! One story that a log can tell: its leaves, with all that proofs need.

use crate::{
    Checkpoint, Frontier, Hash, NodeId, Signer, Submission, consistency_proof, empty_root,
};
use std::collections::BTreeMap;

/// A log's content, however it came about.
#[derive(Debug, Clone)]
pub(super) struct Tale {
    leaves: Vec<Hash>,
    roots: Vec<Hash>,
    nodes: BTreeMap<NodeId, Hash>,
    frontier: Frontier,
}

impl Tale {
    pub(super) fn new() -> Self {
        Self {
            leaves: Vec::new(),
            roots: vec![empty_root()],
            nodes: BTreeMap::new(),
            frontier: Frontier::new(),
        }
    }

    pub(super) fn add(&mut self, leaf: Hash) {
        self.frontier.append(leaf, |id, hash| {
            self.nodes.insert(id, hash);
        });
        self.leaves.push(leaf);
        self.roots.push(self.frontier.root());
    }

    /// The same up to here, and from here on whatever is added.
    pub(super) fn cut(&self, size: u64) -> Self {
        let mut cut = Self::new();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        for leaf in self.leaves.iter().take(size) {
            cut.add(*leaf);
        }
        cut
    }

    pub(super) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn leaf(&self, index: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(index).ok()?).copied()
    }

    /// Whether this story begins so.
    pub(super) fn begins(&self, checkpoint: &Checkpoint) -> bool {
        let at = usize::try_from(checkpoint.size).unwrap_or(usize::MAX);
        self.roots.get(at) == Some(&checkpoint.root)
    }

    pub(super) fn note(&self, signer: &Signer) -> String {
        Checkpoint::sign(self.size(), &self.frontier.root(), signer).unwrap_or_default()
    }

    /// The proof from there; what a liar without one sends is empty.
    pub(super) fn proof(&self, old: u64) -> Vec<Hash> {
        let nodes = |id| self.nodes.get(&id).copied();
        consistency_proof(old, self.size(), nodes).unwrap_or_default()
    }

    /// What goes to a witness that says it has `old`.
    pub(super) fn submission(&self, old: u64, signer: &Signer) -> Submission {
        Submission { old, proof: self.proof(old), note: self.note(signer) }
    }
}
