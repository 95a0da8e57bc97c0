//! Tiles and bundles: their paths, their laws, and the same tree as another implementation reads it.
#![allow(clippy::expect_used, clippy::panic, reason = "tests take apart what they made")]

mod story;

use audit::{
    BundleId, Error, Hash, NodeId, TILE_WIDTH, TileId, consistency_proof, node_in, read_bundle,
    read_tile, verify_consistency, write_bundle, write_tile,
};
use proptest::prelude::*;
use story::Log;
use tlog_tiles::{Hash as OtherHash, HashReader as _, Tile, TileHashReader, TileReader};

fn bytes(log: &Log, tile: TileId) -> Vec<u8> {
    write_tile(tile, |id| log.nodes.get(&id).copied()).expect("the log is whole")
}

#[test]
fn paths_are_those_of_the_specification() {
    let check = |path: &str, tile: TileId| {
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile), "{path}");
    };
    check("0/000", TileId { level: 0, index: 0, width: 256 });
    check("0/x001/x234/067", TileId { level: 0, index: 1_234_067, width: 256 });
    check("1/x001/000.p/112", TileId { level: 1, index: 1_000, width: 112 });
    check("7/999.p/1", TileId { level: 7, index: 999, width: 1 });
    let bundle = BundleId { index: 1_234_067, width: 8 };
    assert_eq!(bundle.to_string(), "entries/x001/x234/067.p/8");
    assert_eq!("entries/x001/x234/067.p/8".parse(), Ok(bundle));
    for bad in [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "00/000",
        "+0/000",
        "8/000",
        "0/x000/001",
        "0/001/002",
        "0/x001/67",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/01",
        "0/000.p/",
        "-1/000",
        "0/00a",
        "0/../000",
        "entries/000",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        let read = bad.parse::<TileId>();
        assert!(matches!(read, Err(Error::Malformed { what: "tile", .. })), "{bad}: {read:?}");
    }
}

/// The example of the specification: a tree of 70,000, and one of 256.
#[test]
fn a_tree_has_the_tiles_that_the_specification_counts() {
    let count = |size, level, whole: bool| {
        let is = |tile: &TileId| tile.level == level && (tile.width == TILE_WIDTH) == whole;
        TileId::all(size).filter(is).map(|tile| tile.width).collect::<Vec<_>>()
    };
    assert_eq!((count(70_000, 0, true).len(), count(70_000, 0, false)), (273, vec![112]));
    assert_eq!((count(70_000, 1, true).len(), count(70_000, 1, false)), (1, vec![17]));
    assert_eq!((count(70_000, 2, true).len(), count(70_000, 2, false)), (0, vec![1]));
    let all: Vec<String> = TileId::all(256).map(|tile| tile.to_string()).collect();
    assert_eq!(all, ["0/000", "1/000.p/1"]);
    assert_eq!(TileId::all(0).count(), 0);
}

/// Reads our tiles for the other implementation.
struct Shelf<'a> {
    log: &'a Log,
    size: u64,
}

impl TileReader for Shelf<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let path = tile.path();
            let ours: TileId =
                path.strip_prefix("tile/8/").expect("its prefix").parse().expect("a path");
            assert!(ours.fits(self.size), "{path} of {}", self.size);
            bytes(self.log, ours)
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn another_implementation_reads_the_same_tree() {
    let log = Log::of(70_000, "a");
    for size in [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 70_000] {
        let shelf = Shelf { log: &log, size };
        let reader = TileHashReader::new(size, OtherHash(log.root(size)), &shelf);
        // It checks every tile that it reads against the root.
        let theirs = |node: NodeId| -> Hash {
            let at = tlog_tiles::stored_hash_index(node.level, node.index);
            reader.read_hashes(&[at]).expect("the tiles are true").first().expect("one").0
        };
        for index in [0, 1, 254, 255, 256, 40_000, size - 1].into_iter().filter(|at| *at < size) {
            let node = NodeId { level: 0, index };
            assert_eq!(Some(&theirs(node)), log.nodes.get(&node), "{index} of {size}");
        }
        for old in [1, 200, 256, 300, 65_536].into_iter().filter(|old| *old < size) {
            let proof = tlog_tiles::prove_tree(size, old, &reader).expect("a proof");
            let proof: Vec<Hash> = proof.iter().map(|hash| hash.0).collect();
            let ours = consistency_proof(old, size, |id| log.nodes.get(&id).copied());
            assert_eq!(Ok(&proof), ours.as_ref(), "{old} to {size}");
            let pair = ((old, &log.root(old)), (size, &log.root(size)));
            assert_eq!(verify_consistency(pair.0, pair.1, &proof), Ok(()));
        }
    }
    let theirs: Vec<String> = Tile::new_tiles(8, 0, 70_000).iter().map(Tile::path).collect();
    let ours: Vec<String> = TileId::all(70_000).map(|tile| format!("tile/8/{tile}")).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn a_bundle_is_its_leaves() {
    let leaves = ["", "one\n", "zwei \u{2014}\n"];
    let bundle = BundleId { index: 0, width: 3 };
    let bytes = write_bundle(leaves).expect("short leaves");
    let read = read_bundle(bundle, &bytes).expect("a bundle");
    assert_eq!(read, leaves.map(str::as_bytes));
    for cut in 0..bytes.len() {
        let bytes = bytes.get(..cut).expect("shorter");
        assert!(matches!(read_bundle(bundle, bytes), Err(Error::Malformed { .. })), "{cut}");
    }
    assert!(read_bundle(BundleId { index: 0, width: 4 }, &bytes).is_err(), "one leaf short");
    assert!(matches!(write_bundle(["x".repeat(65_536).as_str()]), Err(Error::TooLarge { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever has the tiles of a tree has all its nodes, and nothing beyond them.
    #[test]
    fn tiles_hold_every_node_of_their_tree(size in 1_u64..1_500) {
        let log = Log::of(size, "a");
        for (node, hash) in &log.nodes {
            let tile = TileId::holding(*node, size).expect("the tree has it");
            prop_assert!(tile.fits(size));
            prop_assert!(TileId::all(size).any(|one| one == tile), "{tile} of {size}");
            let hashes = read_tile(tile, &bytes(&log, tile)).expect("whole");
            prop_assert_eq!(node_in(tile, &hashes, *node), Some(*hash));
        }
        let mut last = 0;
        for level in 0..12_u8 {
            let nodes = size >> level;
            let beyond = TileId::holding(NodeId { level, index: nodes }, size);
            prop_assert_eq!(beyond, None, "{} of {}", nodes, size);
            last = last.max(nodes);
        }
        prop_assert_eq!(last, size);
    }

    #[test]
    fn any_path_is_read_back(level in 0_u8..8, index in any::<u64>(), width in 1_u16..=256) {
        let tile = TileId { level, index, width };
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }
}
