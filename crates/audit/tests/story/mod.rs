//! A log in memory, for the tests of its readers.
#![allow(dead_code, clippy::expect_used, reason = "each test takes what it needs")]

use audit::{
    Checkpoint, Cosigner, Frontier, Hash, NodeId, Seen, Signer, Submission, consistency_proof,
    empty_root, leaf_hash,
};
use seal::{Secret, SigningKey};
use std::collections::BTreeMap;

/// A log with all its nodes, its leaves and its root at every size.
pub struct Log {
    pub signer: Signer,
    pub nodes: BTreeMap<NodeId, Hash>,
    pub leaves: Vec<String>,
    pub roots: Vec<Hash>,
}

impl Log {
    /// Of so many leaves, which say `word` and their number.
    pub fn of(size: u64, word: &str) -> Self {
        let signer = Signer::new("example.com/log", key(1)).expect("a key's name");
        let mut log =
            Self { signer, nodes: BTreeMap::new(), leaves: Vec::new(), roots: vec![empty_root()] };
        let mut frontier = Frontier::new();
        for at in 0..size {
            let leaf = format!("{word} {at}\n");
            frontier.append(leaf_hash(leaf.as_bytes()), |id, hash| {
                log.nodes.insert(id, hash);
            });
            log.leaves.push(leaf);
            log.roots.push(frontier.root());
        }
        log
    }

    /// The root of its first leaves.
    pub fn root(&self, size: u64) -> Hash {
        let at = usize::try_from(size).expect("small");
        *self.roots.get(at).expect("the log is that large")
    }

    /// The signed checkpoint over its first leaves.
    pub fn note(&self, size: u64) -> String {
        Checkpoint::sign(size, &self.root(size), &self.signer).expect("a note")
    }

    /// What a witness that cosigned this has.
    pub fn seen(&self, size: u64) -> Seen {
        let note = self.note(size);
        let checkpoint = Checkpoint::verify(&note, self.signer.verifier()).expect("signed");
        Seen { checkpoint, note }
    }

    /// What goes to a witness that has `old`.
    pub fn submission(&self, old: u64, new: u64) -> Submission {
        let proof = consistency_proof(old, new, |id| self.nodes.get(&id).copied());
        Submission { old, proof: proof.expect("the log is whole"), note: self.note(new) }
    }
}

/// The key of this number.
pub fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

/// A witness with the key of this number.
pub fn witness(name: &str, byte: u8) -> Cosigner {
    Cosigner::new(name, key(byte)).expect("a key's name")
}
