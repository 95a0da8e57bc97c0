//! The twin's log: leaves, tiles, a signed checkpoint, and a witness's word about it.

use audit::{
    Checkpoint, Cosigner, Frontier, Hash, Kind, Leaf, NodeId, Receipt, Signer, TileId, WitnessKey,
    inclusion_proof, leaf_hash, node_hash, write_tile,
};
use jiff::Timestamp;
use seal::{Secret, SigningKey};
use std::{collections::BTreeMap, sync::OnceLock};

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

/// Where the entry stands that people are told of.
pub const OWN: u64 = 299;

/// What is written down of a sign-in.
pub fn own_leaf() -> &'static Leaf {
    static LEAF: OnceLock<Leaf> = OnceLock::new();
    LEAF.get_or_init(|| leaf("session.opened"))
}

/// What stands before it.
fn leaf_before() -> &'static Leaf {
    static LEAF: OnceLock<Leaf> = OnceLock::new();
    LEAF.get_or_init(|| leaf("session.refused"))
}

fn leaf(kind: &'static str) -> Leaf {
    Leaf::new(Timestamp::now(), Kind::stated(kind), [9; 32]).expect("a time of now")
}

pub fn honest(at: u64) -> String {
    match at {
        OWN => own_leaf().to_text(),
        at if at + 1 == OWN => leaf_before().to_text(),
        at => format!("leaf {at}"),
    }
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

    /// The proof of one of the two last leaves.
    pub fn receipt(&self, index: u64) -> String {
        let leaf = if index == OWN { own_leaf() } else { leaf_before() }.clone();
        let proof = inclusion_proof(index, self.size, |node| self.nodes.get(&node).copied());
        let (proof, checkpoint) = (proof.expect("it is there"), self.note(self.size));
        Receipt { index, leaf, opening: None, proof, checkpoint }.to_text()
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
