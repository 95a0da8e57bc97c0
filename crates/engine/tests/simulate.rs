//! Seeded worlds: what must hold in each, and that the laws bite.

#![allow(clippy::print_stdout, reason = "totals are for whoever reads the test's output")]

use engine::{
    live::{StopHolds, StopTiming},
    simulate::{
        Counts, Entries, Exits, FAULTS, Intents, Lists, ORDERS_MIN, Options, Paid, Takes, Trace,
        simulate,
    },
};

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

/// Likewise, in the worlds of `stockade-bot simulate`.
const BROKE_AS_THEY_ARE: [(u64, &str); 5] = [
    (27468, "the doubt that a power loss left was forgotten by the life after the next"),
    (72530, "likewise"),
    (80660, "the law itself: one move of the market fired a stop and filled an entry that rested"),
    (85400, "a late cancel of the life before took the stop away on which an entry counted"),
    (89614, "an entry counted on a stop that the venue no longer listed, before it was asked"),
];

/// Likewise, where stops come along with entries.
const BROKE_WITH_ENTRIES: [(u64, &str); 4] = [
    (0, "a stop that came along took the place of another before its entry's trades were known"),
    (79, "a stop that its trader may take back was counted as a guard by the law itself"),
    (274, "likewise"),
    (1565, "so was one that was on its way out, for lots of which the bot did not know yet"),
];

/// Likewise, on spot.
const BROKE_ON_SPOT: [(u64, StopHolds, &str); 4] = [
    (
        7,
        StopHolds::Coins,
        "coins that were bought by an order whose intent was lost were not looked for",
    ),
    (42, StopHolds::Coins, "what a stranger bought while no bot was there was not looked for"),
    (48, StopHolds::Coins, "likewise"),
    (
        7940,
        StopHolds::Coins,
        "exits were refused again and again for coins that a stranger's order sold",
    ),
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
        let options = Options { takes: Takes::FirstOrBehind, ..Options::default() };
        let verdict = simulate(seed, options);
        assert!(verdict.broken.is_empty(), "seed {seed} ({what}): {}", verdict.broken.join("; "));
    }
}

#[test]
fn what_broke_once_as_worlds_are_holds() {
    for (seed, what) in BROKE_AS_THEY_ARE {
        let broken = simulate(seed, Options::default()).broken.join("; ");
        assert_eq!(broken, "", "seed {seed} ({what})");
    }
}

#[test]
fn what_broke_once_with_entries_holds() {
    let options = Options { takes: Takes::Only(StopTiming::WithEntry), ..Options::default() };
    for (seed, what) in BROKE_WITH_ENTRIES {
        let broken = simulate(seed, options).broken.join("; ");
        assert_eq!(broken, "", "seed {seed} ({what})");
    }
}

#[test]
fn what_broke_once_on_spot_holds() {
    for (seed, holds, what) in BROKE_ON_SPOT {
        let broken = simulate(seed, spot(holds)).broken.join("; ");
        assert_eq!(broken, "", "seed {seed} ({what})");
    }
}

#[test]
fn without_intents_the_laws_break() {
    let options = Options { intents: Intents::Skipped, ..Options::default() };
    let broken = (0..1_000).map(|seed| simulate(seed, options)).find(|v| !v.broken.is_empty());
    let verdict = broken.expect("a bot that writes nothing down doubles an order before long");
    println!("seed {}: {}", verdict.seed, verdict.broken.join("; "));
}

/// Where an entry brings its stop along, a bot whose stops follow is caught as soon as it holds something.
#[test]
fn where_stops_come_along_a_stop_that_follows_is_too_late() {
    let takes = Takes::Only(StopTiming::WithEntry);
    for seed in 0..10 {
        let weak = Options { takes, entries: Entries::Bare, ..Options::default() };
        let broken = simulate(seed, weak).broken.join("; ");
        assert!(broken.contains("are held and stops stand for 0"), "seed {seed}: {broken}");
    }
}

#[test]
fn every_law_holds_where_stops_come_along() {
    let options = Options { takes: Takes::Only(StopTiming::WithEntry), ..Options::default() };
    let mut counts = Counts::default();
    for seed in 0..SEEDS {
        let verdict = simulate(seed, options);
        assert!(verdict.broken.is_empty(), "seed {seed}: {}", verdict.broken.join("; "));
        counts.add(&verdict.counts);
    }
    println!("{counts:#?}");
    assert!(counts.guarded > counts.orders / 10, "entries bring their stops along");
}

/// A list that names no orders told of a trade before the order had its number: it was booked as somebody
/// else's, and its order, with a stop for both, stood for ever.
#[test]
fn every_law_holds_where_lists_of_trades_have_numbers_only() {
    for takes in [Takes::Drawn, Takes::Only(StopTiming::WithEntry)] {
        let options = Options { takes, lists: Lists::Numbered, ..Options::default() };
        for seed in 0..SEEDS {
            let broken = simulate(seed, options).broken.join("; ");
            assert_eq!(broken, "", "seed {seed}");
        }
    }
    for seed in 0..SEEDS {
        let options = Options { lists: Lists::Numbered, ..spot(StopHolds::Coins) };
        assert_eq!(simulate(seed, options).broken.join("; "), "", "seed {seed} on spot");
    }
}

/// Worlds on spot, at a venue whose stops hold this.
fn spot(holds: StopHolds) -> Options {
    Options { paid: Paid::InFull(holds), ..Options::default() }
}

#[test]
fn every_law_holds_on_spot() {
    for holds in [StopHolds::Coins, StopHolds::Nothing] {
        let mut counts = Counts::default();
        for seed in 0..SEEDS {
            let broken = simulate(seed, spot(holds));
            counts.add(&broken.counts);
            assert_eq!(broken.broken.join("; "), "", "seed {seed}, {holds:?}");
        }
        println!("{holds:?} {counts:#?}");
        assert!(counts.orders_least >= ORDERS_MIN);
        let had = FAULTS.iter().filter(|fault| fault.is_had(Paid::InFull(holds)));
        assert!(had.clone().all(|fault| counts.faults.get(fault) >= Some(&SEEDS)));
    }
}

/// A bot whose exits go out while the stop stands never gets rid of its coins.
#[test]
fn where_stops_hold_the_coins_an_exit_beside_the_stop_is_stranded() {
    for seed in 0..10 {
        let weak = Options { exits: Exits::Blocked, ..spot(StopHolds::Coins) };
        let broken = simulate(seed, weak).broken.join("; ");
        assert!(broken.contains("were refused in a row"), "seed {seed}: {broken}");
    }
}

#[test]
fn a_seed_is_one_world() {
    let options = Options { trace: Trace::Kept, ..Options::default() };
    let (one, two) = (simulate(7, options), simulate(7, options));
    assert!(one.trace.len() > 1_000);
    assert_eq!(one, two);
    assert_ne!(one.trace, simulate(8, options).trace);
}
