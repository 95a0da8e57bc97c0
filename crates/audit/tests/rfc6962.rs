//! The tree against the well-known eight-leaf vectors of Certificate Transparency, and its laws.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests index into what they made"
)]

use audit::{
    Error, Frontier, Hash, NodeId, consistency_proof, empty_root, inclusion_proof, leaf_hash,
    nodes_for_consistency, nodes_for_inclusion, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A tree with all its nodes, and its root at every size.
struct Tree {
    nodes: BTreeMap<NodeId, Hash>,
    leaves: Vec<Hash>,
    roots: Vec<Hash>,
}

impl Tree {
    fn of(leaves: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut tree =
            Self { nodes: BTreeMap::new(), leaves: Vec::new(), roots: vec![empty_root()] };
        let mut frontier = Frontier::new();
        for leaf in leaves {
            let hash = leaf_hash(&leaf);
            frontier.append(hash, |id, hash| {
                assert!(tree.nodes.insert(id, hash).is_none(), "a node is complete once");
            });
            tree.leaves.push(hash);
            tree.roots.push(frontier.root());
        }
        tree
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        inclusion_proof(index, size, |id| self.nodes.get(&id).copied()).expect("the tree is whole")
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency_proof(old, new, |id| self.nodes.get(&id).copied()).expect("the tree is whole")
    }
}

fn eight() -> Tree {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"];
    let last = "606162636465666768696a6b6c6d6e6f";
    Tree::of(leaves.into_iter().chain([last]).map(|leaf| hex::decode(leaf).expect("hex")))
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let expected = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(eight().roots.iter().map(hex::encode).collect::<Vec<_>>(), expected);
}

#[test]
fn proofs_are_those_of_certificate_transparency() {
    let tree = eight();
    let check = |proof: Vec<Hash>, expected: &[&str]| {
        let starts: Vec<String> = proof.iter().map(|hash| hex::encode(&hash[..4])).collect();
        assert_eq!(starts, expected);
    };
    check(tree.inclusion(0, 1), &[]);
    check(tree.inclusion(0, 8), &["96a296d2", "5f083f0a", "6b47aaf2"]);
    check(tree.inclusion(5, 8), &["bc1a0643", "ca854ea1", "d37ee418"]);
    check(tree.inclusion(2, 3), &["fac54203"]);
    check(tree.inclusion(1, 5), &["6e340b9c", "5f083f0a", "bc1a0643"]);
    check(tree.consistency(1, 1), &[]);
    check(tree.consistency(1, 8), &["96a296d2", "5f083f0a", "6b47aaf2"]);
    check(tree.consistency(6, 8), &["0ebc5d34", "ca854ea1", "d37ee418"]);
    check(tree.consistency(2, 5), &["5f083f0a", "bc1a0643"]);
}

#[test]
fn an_index_or_a_size_outside_the_tree_is_an_error() {
    let tree = eight();
    let range = Error::Range { index: 8, size: 8 };
    assert_eq!(nodes_for_inclusion(8, 8), Err(range.clone()));
    assert_eq!(verify_inclusion(&[0; 32], 8, 8, &[], &tree.roots[8]), Err(range));
    assert_eq!(nodes_for_consistency(9, 8), Err(Error::RolledBack { seen: 9, size: 8 }));
    let missing = inclusion_proof(0, 8, |_| None);
    assert_eq!(missing, Err(Error::Node { level: 0, index: 1 }));
}

/// Every variant of a proof with one bit flipped, one hash dropped, doubled or swapped.
fn damaged(proof: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut variants = Vec::new();
    for at in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[at][bit / 8 % 32] ^= 1 << (bit % 8);
        variants.push(flipped);
        let mut dropped = proof.to_vec();
        dropped.remove(at);
        variants.push(dropped);
        let mut swapped = proof.to_vec();
        swapped.rotate_left(at);
        if swapped != proof {
            variants.push(swapped);
        }
    }
    variants.push([proof, &[[7; 32]]].concat());
    variants
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_inclusion_proof_verifies_and_no_damaged_one_does(size in 1_u64..70, bit in 0_usize..256) {
        let tree = Tree::of((0..size).map(|index| index.to_be_bytes().to_vec()));
        let root = &tree.roots[size as usize];
        for index in 0..size {
            let leaf = &tree.leaves[index as usize];
            let proof = tree.inclusion(index, size);
            prop_assert!(proof.len() <= 7);
            prop_assert_eq!(verify_inclusion(leaf, index, size, &proof, root), Ok(()));
            for bent in damaged(&proof, bit) {
                prop_assert!(verify_inclusion(leaf, index, size, &bent, root).is_err());
            }
            let mut other = *leaf;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(&other, index, size, &proof, root).is_err());
            let mut other = *root;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(leaf, index, size, &proof, &other).is_err());
            let elsewhere = (index + 1 + bit as u64 % size) % (size + 1);
            if elsewhere != index {
                prop_assert!(verify_inclusion(leaf, elsewhere, size, &proof, root).is_err());
            }
        }
    }

    #[test]
    fn every_consistency_proof_verifies_and_no_damaged_one_does(new in 1_u64..70, bit in 0_usize..256) {
        let tree = Tree::of((0..new).map(|index| index.to_be_bytes().to_vec()));
        for old in 0..=new {
            let pair = ((old, &tree.roots[old as usize]), (new, &tree.roots[new as usize]));
            let proof = tree.consistency(old, new);
            prop_assert_eq!(verify_consistency(pair.0, pair.1, &proof), Ok(()));
            for bent in damaged(&proof, bit) {
                prop_assert!(verify_consistency(pair.0, pair.1, &bent).is_err());
            }
            let mut other = *pair.0.1;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_consistency((old, &other), pair.1, &proof).is_err());
            let mut other = *pair.1.1;
            other[bit / 8] ^= 1 << (bit % 8);
            // From nothing to anything there is nothing to prove.
            prop_assert!(old == 0 || verify_consistency(pair.0, (new, &other), &proof).is_err());
        }
    }

    #[test]
    fn a_restored_frontier_is_the_one_that_grew(size in 0_u64..300) {
        let tree = Tree::of((0..size).map(|index| index.to_be_bytes().to_vec()));
        let restored = Frontier::restore(size, |id| tree.nodes.get(&id).copied()).expect("whole");
        prop_assert_eq!(restored.root(), tree.roots[size as usize]);
        prop_assert_eq!(Frontier::nodes(size).len() as u32, size.count_ones());
        let mut grown = restored;
        grown.append([9; 32], |_, _| {});
        prop_assert_eq!(grown.size(), size + 1);
    }
}
