//! Many seeded worlds of a log, witnesses and readers:
//! `cargo run --release -p audit --example worlds -- FIRST COUNT`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for the command line, not the core"
)]

use audit::simulate::{Counts, simulate};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (first, count) = match numbers.as_slice() {
        [first, count] => (*first, *count),
        [count] => (0, *count),
        _ => (0, 1000),
    };
    let (mut counts, mut broken) = (Counts::new(), 0);
    for seed in first..first.saturating_add(count) {
        let verdict = simulate(seed, None);
        for (what, many) in verdict.counts {
            *counts.entry(what).or_default() += many;
        }
        for (law, what) in verdict.broken {
            println!("seed {seed}: {law:?}: {what}");
            broken += 1;
        }
    }
    println!("{counts:#?}");
    println!("{broken} broken laws in {count} worlds");
    std::process::exit(i32::from(broken > 0));
}
