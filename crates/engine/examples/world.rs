//! Runs seeds of the simulation: `world FIRST COUNT [skip|trace]`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example speaks and reads its arguments"
)]

use engine::simulate::{Counts, Intents, Options, Trace, simulate};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |place: usize, or: u64| args.get(place).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (first, count) = (number(1, 0), number(2, 100));
    let word = args.get(3).map_or("", String::as_str);
    let intents = if word == "skip" { Intents::Skipped } else { Intents::Written };
    let trace = if word == "trace" { Trace::Kept } else { Trace::None };
    let mut counts = Counts::default();
    let mut failed = 0;
    for seed in first..first + count {
        let verdict = simulate(seed, Options { intents, trace });
        counts.add(&verdict.counts);
        verdict.trace.iter().for_each(|line| println!("{line}"));
        if !verdict.broken.is_empty() {
            failed += 1;
            if failed <= 12 {
                println!("seed {seed}: {}", verdict.broken.join("; "));
            }
        }
    }
    println!("{failed} of {count} failed; {counts:?}");
}
