//! The benchmark's workloads through the whole kernel, a JSON line each, beside which peers stand.
//!
//! `cargo run --release -p engine --example kernel -- W1 next_open [repetitions]`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench reads the clock and prints"
)]

#[path = "../tests/bench_data/mod.rs"]
mod bench_data;

use bench_data::QuoteColumns;
use engine::{
    Digest, QuoteRun, Simulation, Template, Unwatched,
    exchange::{FeeTerms, Model, Terms},
    parse_strategy, simulate_streaming,
    sweep::{Grid, Row, SETS_AT_ONCE, Sweep},
    ticks::{Log, Recording},
};
use market::{BarSeries, Instrument, Listing, Money, Rate};
use sha2::{Digest as _, Sha256};
use std::{hint::black_box, num::NonZeroU32, sync::atomic::AtomicBool, time::Instant};

/// Seconds this thread was on a core: other processes share the machine, so wall time misleads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// A figure of the process from `/proc/self/status`, in MiB.
fn mebibytes(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What a workload runs on.
enum Tape {
    Bars(Vec<BarSeries>),
    /// Bars, and the axes of a sweep.
    Sweep(Vec<BarSeries>, [&'static str; 2]),
    Quotes(QuoteColumns, u32),
}

struct Work {
    name: String,
    tape: Tape,
    text: String,
}

fn columns() -> QuoteColumns {
    bench_data::columns(&bench_data::quotes_5m())
}

fn work(name: &str, convention: &str) -> Work {
    let (tape, text) = match name {
        "W1" => (Tape::Bars(vec![bench_data::bars_1m()]), bench_data::w1(convention)),
        "W2a" => (Tape::Quotes(columns(), 1), bench_data::w2()),
        "W2b" => (Tape::Quotes(columns(), 100), bench_data::w2()),
        "W3" => {
            let (text, axes) = bench_data::w3();
            (Tape::Sweep(vec![bench_data::bars_100k()], axes), text)
        }
        "W4" => (Tape::Bars(bench_data::daily_500()), bench_data::w4(convention)),
        other => panic!("{other} is not a workload: W1, W2a, W2b, W3 or W4"),
    };
    Work { name: name.to_owned(), tape, text }
}

impl Work {
    fn rows(&self) -> usize {
        match &self.tape {
            Tape::Bars(series) => series.iter().map(BarSeries::len).sum(),
            Tape::Sweep(series, _) => 400 * series.iter().map(BarSeries::len).sum::<usize>(),
            Tape::Quotes(columns, _) => columns.len(),
        }
    }

    fn run(&self) -> Done {
        match &self.tape {
            Tape::Bars(series) => {
                let strategy = parse_strategy(&self.text).unwrap();
                Done::of(&simulate_streaming(&strategy, series, log(), &mut Unwatched).unwrap())
            }
            Tape::Sweep(series, axes) => {
                let template = Template::parse(&self.text).unwrap();
                let axes = axes.iter().map(|axis| axis.parse().unwrap()).collect();
                let grid = Grid::new(&template, axes, Vec::new()).unwrap();
                let sweep = Sweep::new(&template, &grid, series).unwrap();
                let all: Vec<u64> = (0..grid.sets()).collect();
                // As large as a batch of the command line.
                let batches = all.chunks(SETS_AT_ONCE);
                let never = AtomicBool::new(false);
                let rows = batches.flat_map(|part| sweep.run_batch(part, &never).unwrap());
                Done::all(&rows.collect::<Vec<_>>())
            }
            Tape::Quotes(columns, per_row) => {
                let strategy = parse_strategy(&self.text).unwrap();
                let listing = Listing::of(Instrument::share("BENCH".parse().unwrap()));
                let rate = Rate::from_bps(10);
                let venue = Terms { fees: FeeTerms::new(rate, rate), ..Terms::of(Model::Touch) };
                let clock = NonZeroU32::new(*per_row).unwrap();
                let mut run =
                    QuoteRun::new(&strategy, &listing, (clock, venue), (0, log())).unwrap();
                run.take(&columns.quotes(), &AtomicBool::new(false)).unwrap();
                Done::of(&run.finish().unwrap())
            }
        }
    }
}

fn log() -> Log {
    Log::new(Recording::Chain, Digest([0; 32]))
}

/// What came of a pass; of a sweep the sums, and for its chain the digests of all sets.
struct Done {
    fills: u64,
    equity: Money,
    ticks: u64,
    chain: Digest,
}

impl Done {
    fn of(run: &Simulation) -> Self {
        let equity = run.final_equity().unwrap();
        Self { fills: run.fills.len() as u64, equity, ticks: run.ticks, chain: run.chain }
    }

    fn all(rows: &[Row]) -> Self {
        let mut hash = Sha256::new();
        for row in rows {
            hash.update(row.digest.0);
        }
        let equity = rows.iter().try_fold(Money::ZERO, |sum, row| sum.plus(row.equity)).unwrap();
        let fills = rows.iter().map(|row| row.fills).sum();
        Self { fills, equity, ticks: 0, chain: Digest(hash.finalize().into()) }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |place: usize| arguments.get(place).map(String::as_str);
    let convention = word(1).unwrap_or("next_open");
    let work = work(word(0).unwrap_or("W1"), convention);
    let repetitions = word(2).and_then(|n| n.parse().ok()).unwrap_or(11);
    let rows = work.rows();
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..repetitions {
        let (start, on_cpu) = (Instant::now(), cpu_seconds());
        last = Some(black_box(work.run()));
        times.push((cpu_seconds() - on_cpu, start.elapsed().as_secs_f64()));
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (cpu, wall) = times[repetitions / 2];
    let outcome = last.unwrap();
    println!(
        "{{\"peer\":\"stockade\",\"version\":\"{}\",\"workload\":\"{}\",\"convention\":\"{convention}\",\
         \"rows\":{rows},\"wall_s\":{wall:.6},\"cpu_s\":{cpu:.6},\"rows_per_cpu_s\":{:.0},\
         \"least_cpu_s\":{:.6},\"peak_mib\":{},\"fills\":{},\"equity\":{},\"ticks\":{},\"chain\":\"{}\"}}",
        env!("CARGO_PKG_VERSION"),
        work.name,
        rows as f64 / cpu,
        times[0].0,
        mebibytes("VmHWM"),
        outcome.fills,
        outcome.equity,
        outcome.ticks,
        outcome.chain,
    );
}
