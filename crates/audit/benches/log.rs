//! What a log costs its verifiers and its witnesses, beside another implementation. `cargo bench -p audit`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench measures time and prints it"
)]

use audit::{
    Checkpoint, Cosigner, Frontier, Hash, Kind, Leaf, NodeId, Seen, Signer, Submission,
    consistency_proof, inclusion_proof, judge, verify_inclusion,
};
use jiff::Timestamp;
use seal::{Secret, SigningKey};
use std::{hint::black_box, time::Instant};
use tlog_tiles::{Error, Hash as OtherHash, HashReader};

const LEAVES: u64 = 10_000_000;
const KEPT: u64 = 1 << 20;
const PROOFS: u64 = 20_000;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

/// Runs so often and prints what one costs.
fn report(what: &str, times: u64, mut run: impl FnMut(u64)) {
    let start = Instant::now();
    (0..times).for_each(&mut run);
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(times).expect("few"));
    println!("{what}: {each:.0} ns");
}

fn leaf(index: u64) -> Leaf {
    let mut commitment = [7; 32];
    commitment[..8].copy_from_slice(&index.to_be_bytes());
    let time = Timestamp::from_second(1_800_000_000 + index.cast_signed()).expect("a time");
    Leaf::new(time, Kind::stated("session.opened"), commitment).expect("a leaf")
}

/// Nodes by level, as a store has them.
struct Nodes(Vec<Vec<Hash>>);

impl Nodes {
    fn get(&self, id: NodeId) -> Option<Hash> {
        self.0.get(usize::from(id.level))?.get(usize::try_from(id.index).ok()?).copied()
    }
}

/// The peer's way to its nodes: one number for each.
impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<OtherHash>, Error> {
        let hash = |index: &u64| {
            let (level, index) = tlog_tiles::split_stored_hash_index(*index);
            OtherHash(self.get(NodeId { level, index }).expect("it was stored"))
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

fn main() {
    let start = Instant::now();
    let mut frontier = Frontier::new();
    for index in 0..LEAVES {
        frontier.append(leaf(index).hash(), |_, _| ());
    }
    black_box(frontier.root());
    let (seconds, millions) = (start.elapsed().as_secs_f64(), LEAVES / 1_000_000);
    println!("{millions} million leaves, from their text to the root: {seconds:.1} s");

    let mut nodes = Nodes(vec![Vec::new(); 32]);
    let mut frontier = Frontier::new();
    for index in 0..KEPT {
        frontier.append(leaf(index).hash(), |id, hash| {
            nodes.0.get_mut(usize::from(id.level)).expect("a level").push(hash);
        });
    }
    let (size, root) = (KEPT - 1, {
        let all = Frontier::restore(KEPT - 1, |id| nodes.get(id)).expect("whole");
        all.root()
    });
    let place = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
    report("an inclusion proof in a million", PROOFS, |n| {
        black_box(inclusion_proof(place(n), size, |id| nodes.get(id)).expect("a proof"));
    });
    report("the same by tlog_tiles", PROOFS, |n| {
        black_box(tlog_tiles::prove_record(size, place(n), &nodes).expect("a proof"));
    });
    let index = place(1);
    let proof = inclusion_proof(index, size, |id| nodes.get(id)).expect("a proof");
    let hash = nodes.get(NodeId { level: 0, index }).expect("a leaf");
    report("its check", PROOFS, |_| {
        verify_inclusion(&hash, index, size, black_box(&proof), &root).expect("it holds");
    });
    let theirs = proof.iter().map(|hash| OtherHash(*hash)).collect();
    report("the same by tlog_tiles", PROOFS, |_| {
        let (root, hash) = (OtherHash(root), OtherHash(hash));
        tlog_tiles::check_record(black_box(&theirs), size, root, index, hash).expect("it holds");
    });
    witness(&nodes, (size, root));
}

/// One submission: the log's signature, the proof, the cosignature.
fn witness(nodes: &Nodes, (size, root): (u64, Hash)) {
    let signer = Signer::named_by_key(key(1));
    let old = size - 5;
    let before = Frontier::restore(old, |id| nodes.get(id)).expect("whole").root();
    let note = Checkpoint::sign(old, &before, &signer).expect("a note");
    let checkpoint = Checkpoint::verify(&note, signer.verifier()).expect("signed");
    let seen = Seen { checkpoint, note };
    let proof = consistency_proof(old, size, |id| nodes.get(id)).expect("a proof");
    let note = Checkpoint::sign(size, &root, &signer).expect("a note");
    let text = Submission { old, proof, note }.to_text();
    let cosigner = Cosigner::new("bench.example/w", key(2)).expect("a name");
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    report("a submission, from its text to the cosignature", 2_000, |_| {
        let submission = Submission::parse(&text).expect("a submission");
        let next = judge(&submission, signer.verifier(), Some(&seen)).expect("it extends");
        black_box(cosigner.cosign(&next.note, now).expect("signed"));
    });
}
