//! The seeded worlds: every law holds in all of them, everything happens in them, and each law
//! breaks when its wall is taken away.

use identity::simulate::{Counts, Wall, simulate};

/// Seeds that broke a law on the way, each with what it taught.
const FAILED_ONCE: [u64; 0] = [];

#[test]
fn every_law_holds_in_every_world() {
    let mut counts = Counts::default();
    for seed in (0..300).chain(FAILED_ONCE) {
        let verdict = simulate(seed, None);
        assert_eq!(verdict.broken, [], "seed {seed}");
        counts.add(&verdict.counts);
    }
    assert!(counts.admitted > 1000 && counts.refused > 1000, "{counts:?}");
    assert!(counts.overtaken > 100 && counts.crashes > 50, "{counts:?}");
    for kind in [
        "session.refreshed",
        "refresh.repeated",
        "refresh.reused",
        "recovery.used",
        "password.changed",
        "password.reset",
        "address.changed",
        "address.kept",
        "factor.enrolled",
        "factor.lost",
        "factor.kept",
        "factor.replaced",
        "device.vouched",
        "account.role_changed",
        "account.disabled",
        "act.proposed",
        "act.approved",
        "act.cancelled",
        "act.carried",
    ] {
        assert!(counts.events.contains_key(kind), "{kind} never happened: {counts:?}");
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
        let breaks = |seed| simulate(seed, Some(wall)).broken.iter().any(|(l, _)| *l == law);
        let first = (0..400).find(|seed| breaks(*seed));
        assert!(first.is_some(), "nothing breaks {law:?} without {wall:?}");
    }
}
