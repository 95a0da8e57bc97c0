//! The twin's log: leaves, tiles, a signed checkpoint, and a witness's word about it.

use audit::{
    Checkpoint, Cosigner, Frontier, Hash, NodeId, Signer, TileId, WitnessKey, leaf_hash, node_hash,
    write_tile,
};
use jiff::Timestamp;
use seal::{Secret, SigningKey};
use std::collections::BTreeMap;

/// A log of so many leaves, each of which says what `word` makes of its number.
pub struct Ledger {
    pub signer: Signer,
    pub size: u64,
    word: fn(u64) -> String,
    nodes: BTreeMap<NodeId, Hash>,
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

pub fn honest(at: u64) -> String {
    format!("leaf {at}")
}

/// The same, but that leaf 3 was written anew.
pub fn rewritten(at: u64) -> String {
    if at == 3 { "nothing happened".to_owned() } else { honest(at) }
}

impl Ledger {
    pub fn new(seed: u8, size: u64, word: fn(u64) -> String) -> Self {
        let mut nodes = BTreeMap::new();
        let mut row: Vec<Hash> = (0..size).map(|at| leaf_hash(word(at).as_bytes())).collect();
        let mut level = 0;
        while !row.is_empty() {
            for (index, hash) in row.iter().enumerate() {
                nodes.insert(NodeId { level, index: index as u64 }, *hash);
            }
            row = row.as_chunks::<2>().0.iter().map(|[a, b]| node_hash(a, b)).collect();
            level += 1;
        }
        Self { signer: Signer::named_by_key(key(seed)), size, word, nodes }
    }

    fn root(&self, size: u64) -> Hash {
        let mut frontier = Frontier::new();
        for at in 0..size {
            frontier.append(leaf_hash((self.word)(at).as_bytes()), |_, _| ());
        }
        frontier.root()
    }

    /// The signed checkpoint of so many leaves.
    pub fn note(&self, size: u64) -> String {
        Checkpoint::sign(size, &self.root(size), &self.signer).expect("signs")
    }

    /// The newest one that the witness saw.
    pub fn witnessed(&self) -> String {
        let note = self.note(self.size.min(WITNESSED));
        let line = witness().cosign(&note, Timestamp::now()).expect("cosigns");
        note + &line
    }

    pub fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let tile: TileId = path.parse().ok()?;
        tile.fits(self.size).then_some(())?;
        write_tile(tile, |node| self.nodes.get(&node).copied()).ok()
    }
}

/// As far as the witness has seen.
pub const WITNESSED: u64 = 290;

pub fn witness() -> Cosigner {
    Cosigner::new("witness.example", key(77)).expect("a name")
}

pub fn witness_key() -> WitnessKey {
    witness().public().clone()
}
