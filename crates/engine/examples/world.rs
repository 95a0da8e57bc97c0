//! Runs seeds of the simulation: `world FIRST COUNT [skip]`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "an example"
)]
use engine::simulate::{Counts, Intents, Options, simulate};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let first: u64 = args.get(1).and_then(|a| a.parse().ok()).unwrap_or(0);
    let count: u64 = args.get(2).and_then(|a| a.parse().ok()).unwrap_or(100);
    let intents = if args.get(3).is_some() { Intents::Skipped } else { Intents::Written };
    let mut counts = Counts::default();
    let mut failed = 0;
    for seed in first..first + count {
        let verdict = simulate(seed, &Options { intents });
        counts.add(&verdict.counts);
        if !verdict.broken.is_empty() {
            failed += 1;
            if failed <= 12 {
                println!("seed {seed}: {}", verdict.broken.join("; "));
            }
        }
    }
    println!("{failed} of {count} failed; {counts:#?}");
}
