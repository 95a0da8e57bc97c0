//! Seeded worlds: what must hold in each, and that the laws bite.

#![allow(clippy::print_stdout, reason = "totals are for whoever reads the test's output")]

use engine::simulate::{Counts, FAULTS, Intents, ORDERS_MIN, Options, Trace, simulate};

/// Worlds that a run of all tests goes through; `stockade-bot simulate --seeds N` goes through more.
const SEEDS: u64 = 60;

/// Worlds that once broke a law, each with what was wrong then.
const BROKE_ONCE: [(u64, &str); 11] = [
    (0, "trades that were counted before their order was known were waited for again"),
    (12, "a stop was taken back while an entry that was lost with the power was on its way"),
    (52, "a late word of a stop that was over put it in the place of the one that stood"),
    (60, "the kernel was told of a stop and took it back"),
    (90, "likewise"),
    (266, "a kill switch that was let go on a full disk stood again after a crash"),
    (2380, "a position that no trade explained did not keep entries back"),
    (21465, "a stop that was sent before an entry replaced a larger one that the entry counted on"),
    (23494, "likewise"),
    (25698, "likewise"),
    (6213, "a stop was made smaller while an entry was on its way unknown"),
];

#[test]
fn every_law_holds_in_every_world() {
    let mut counts = Counts::default();
    for seed in 0..SEEDS {
        let verdict = simulate(seed, Options::default());
        assert!(verdict.broken.is_empty(), "seed {seed}: {}", verdict.broken.join("; "));
        counts.add(&verdict.counts);
    }
    println!("{counts:#?}");
    assert!(counts.orders_least >= ORDERS_MIN);
    assert!(FAULTS.iter().all(|fault| counts.faults.get(fault) >= Some(&SEEDS)));
}

#[test]
fn what_broke_once_holds() {
    for (seed, what) in BROKE_ONCE {
        let verdict = simulate(seed, Options::default());
        assert!(verdict.broken.is_empty(), "seed {seed} ({what}): {}", verdict.broken.join("; "));
    }
}

#[test]
fn without_intents_the_laws_break() {
    let options = Options { intents: Intents::Skipped, ..Options::default() };
    let broken = (0..1_000).map(|seed| simulate(seed, options)).find(|v| !v.broken.is_empty());
    let verdict = broken.expect("a bot that writes nothing down doubles an order before long");
    println!("seed {}: {}", verdict.seed, verdict.broken.join("; "));
}

#[test]
fn a_seed_is_one_world() {
    let options = Options { trace: Trace::Kept, ..Options::default() };
    let (one, two) = (simulate(7, options), simulate(7, options));
    assert!(one.trace.len() > 1_000);
    assert_eq!(one, two);
    assert_ne!(one.trace, simulate(8, options).trace);
}
