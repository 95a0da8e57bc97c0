//! Many seeded worlds of people, thieves and servers:
//! `cargo run --release -p identity --example simulate -- FIRST COUNT`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for the command line, not the core"
)]

use identity::simulate::{Counts, simulate};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (first, count) = match numbers.as_slice() {
        [first, count] => (*first, *count),
        [count] => (0, *count),
        _ => (0, 1000),
    };
    let mut counts = Counts::default();
    let mut broken = 0;
    for seed in first..first.saturating_add(count) {
        let verdict = simulate(seed, None);
        counts.add(&verdict.counts);
        for (law, what) in &verdict.broken {
            println!("seed {seed}: {law:?}: {what}");
            broken += 1;
        }
    }
    println!("{counts:#?}");
    println!("{broken} broken laws in {count} worlds");
    std::process::exit(i32::from(broken > 0));
}
