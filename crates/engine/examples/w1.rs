//! W1 of the benchmark: bars per CPU second of the full engine, in both conventions.
//!
//! `cargo run --release -p engine --example w1 [repetitions]`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::similar_names,
    reason = "a bench reads the clock and prints"
)]

#[path = "../tests/bench_data/mod.rs"]
mod bench_data;

use engine::{Resources, Unwatched, backtest, columns_digest, evaluate, parse_strategy, simulate};
use std::{hint::black_box, sync::atomic::AtomicBool, time::Instant};

/// Seconds this thread was on a core: other processes share the machine, so wall time misleads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The median and the least of several runs, as CPU and wall milliseconds.
fn time<T>(what: &str, rows: usize, repetitions: usize, mut run: impl FnMut() -> T) -> T {
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..repetitions {
        drop(last.take());
        let (start, on_cpu) = (Instant::now(), cpu_seconds());
        last = Some(black_box(run()));
        cpu.push(cpu_seconds() - on_cpu);
        wall.push(start.elapsed().as_secs_f64());
    }
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    let median = |times: &[f64]| times.get(repetitions / 2).copied().unwrap();
    let least = cpu.first().copied().unwrap();
    let rate = |seconds: f64| rows as f64 / seconds / 1e6;
    println!(
        "{what:<34} cpu median {:8.2} ms ({:6.1} M/s), least {:8.2} ms ({:6.1} M/s); wall median {:8.2} ms",
        median(&cpu) * 1e3,
        rate(median(&cpu)),
        least * 1e3,
        rate(least),
        median(&wall) * 1e3
    );
    last.unwrap()
}

fn main() {
    let repetitions = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(11);
    let series = [bench_data::bars_1m()];
    let rows = series.iter().map(market::BarSeries::len).sum();
    let (resources, never) = (Resources::default(), AtomicBool::new(false));
    for convention in ["next_open", "same_close"] {
        let strategy = parse_strategy(&bench_data::w1(convention)).unwrap();
        let all = || backtest(&strategy, &series, &mut Unwatched).unwrap();
        let outcome = time(&format!("W1 {convention}, all of it"), rows, repetitions, all);
        let signals = || evaluate(&strategy, &series, &resources, &never).unwrap();
        let values = time("   expressions (factor)", rows, repetitions, signals);
        let kernel = || simulate(&strategy, &series, &values, &mut Unwatched).unwrap();
        let simulation = time("   kernel, orders, ledger, curve", rows, repetitions, kernel);
        time("   digest of the data", rows, repetitions, || columns_digest(&series));
        assert_eq!(simulation, outcome.simulation, "the same input gives the same result");
        println!(
            "   fills {}, equity {}, ticks {}, run {}",
            simulation.fills.len(),
            simulation.final_equity().unwrap(),
            simulation.ticks,
            outcome.run_id
        );
    }
    let daily = bench_data::daily_500();
    let rows = daily.iter().map(market::BarSeries::len).sum();
    let strategy = parse_strategy(&bench_data::w4("next_open")).unwrap();
    let values = evaluate(&strategy, &daily, &resources, &never).unwrap();
    let all = || backtest(&strategy, &daily, &mut Unwatched).unwrap();
    let outcome = time("W4 next_open, all of it", rows, repetitions, all);
    let weights = || evaluate(&strategy, &daily, &resources, &never).unwrap();
    time("   expressions (factor)", rows, repetitions, weights);
    let kernel = || simulate(&strategy, &daily, &values, &mut Unwatched).unwrap();
    let simulation = time("   kernel, orders, ledger, curve", rows, repetitions, kernel);
    assert_eq!(simulation, outcome.simulation, "the same input gives the same result");
    println!("   fills {}, equity {}", simulation.fills.len(), simulation.final_equity().unwrap());
}
