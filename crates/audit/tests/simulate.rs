//! The seeded worlds of log, witnesses and readers: every law holds in all of them, everything happens in
//! them, and each law breaks when its wall is taken away.

use audit::simulate::{Counts, Wall, simulate};

/// Seeds that broke a law on the way, each with what it taught.
const FAILED_ONCE: [u64; 0] = [];

#[test]
fn every_law_holds_in_every_world() {
    let mut counts = Counts::new();
    for seed in (0..300).chain(FAILED_ONCE) {
        let verdict = simulate(seed, None);
        assert_eq!(verdict.broken, [], "seed {seed}");
        for (what, many) in verdict.counts {
            *counts.entry(what).or_default() += many;
        }
    }
    for what in [
        "acts",
        "acts lost with the machine",
        "checkpoints believed",
        "checkpoints without a quorum",
        "cosignatures",
        "forks seen by witnesses",
        "judgements overtaken",
        "lies",
        "logs refused by a reader",
        "restores",
        "rewrites",
        "rewritten logs seen by witnesses",
        "submissions from elsewhere",
        "submissions lost",
        "witnesses gone down",
        "witnesses put back",
    ] {
        assert!(counts.get(what).is_some_and(|many| *many > 20), "{what}: {counts:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in [1, 77, 4096] {
        assert_eq!(simulate(seed, None), simulate(seed, None));
    }
}

#[test]
fn without_its_wall_each_law_breaks() {
    for (wall, law) in Wall::ALL {
        let breaks =
            |seed| simulate(seed, Some(wall)).broken.iter().any(|(found, _)| *found == law);
        let first = (0..400).find(|seed| breaks(*seed));
        assert!(first.is_some(), "nothing breaks {law:?} without {wall:?}");
    }
}
