//! `stockade-bot simulate`: seeded worlds on all cores, their totals, and the seeds that broke a law.

use super::args::{Held, Simulate};
use crate::output::{Ending, Output};
use engine::live::StopHolds;
use engine::simulate::{
    Counts, FAULTS, Intents, Lists, ORDERS_MIN, Options, Paid, Trace, Verdict, simulate,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Seeds that are listed.
const BROKEN_MAX: usize = 20;
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// What came of all worlds.
#[derive(Debug, Default, Serialize)]
struct Told {
    seeds: u64,
    orders: u64,
    orders_least: u64,
    /// Entries that brought their stop along.
    guarded: u64,
    fills: u64,
    lives: u64,
    records: u64,
    faults: BTreeMap<&'static str, u64>,
    /// Worlds with too few orders, or without some kind of fault.
    thin: u64,
    /// Worlds that broke a law.
    broken: u64,
    broken_seeds: Vec<(u64, Vec<String>)>,
    intents: &'static str,
}

#[derive(Default)]
struct Sum {
    counts: Counts,
    thin: u64,
    broken: u64,
    listed: Vec<(u64, Vec<String>)>,
}

impl Sum {
    fn add(&mut self, verdict: Verdict, paid: Paid) {
        self.counts.add(&verdict.counts);
        let has = |fault| verdict.counts.faults.get(fault).is_some_and(|count| *count > 0);
        let mut wanted = FAULTS.iter().filter(|fault| fault.is_had(paid));
        let is_thin = verdict.counts.orders < ORDERS_MIN || !wanted.all(has);
        self.thin += u64::from(is_thin);
        if !verdict.broken.is_empty() {
            self.broken += 1;
            self.listed.push((verdict.seed, verdict.broken));
            self.listed.sort();
            self.listed.truncate(BROKEN_MAX);
        }
    }
}

/// Runs it.
pub(super) fn run(ask: &Simulate, output: Output) -> anyhow::Result<Ending> {
    let intents = if ask.without_intents { Intents::Skipped } else { Intents::Written };
    let paid = match ask.spot {
        Some(Held::Coins) => Paid::InFull(StopHolds::Coins),
        Some(Held::Nothing) => Paid::InFull(StopHolds::Nothing),
        None => Paid::OnMargin,
    };
    let lists = if ask.numbered { Lists::Numbered } else { Lists::Named };
    let options = Options { intents, paid, lists, ..Options::default() };
    if ask.trace {
        let verdict = simulate(ask.first, Options { trace: Trace::Kept, ..options });
        let lines = [verdict.trace, verdict.broken].concat();
        output.show(&lines, |lines: &Vec<String>| lines.join("\n"))?;
        return Ok(Ending::Done);
    }
    let sum = all(ask.first, ask.seeds, options, output);
    let told = Told {
        seeds: sum.counts.seeds,
        orders: sum.counts.orders,
        orders_least: sum.counts.orders_least,
        guarded: sum.counts.guarded,
        fills: sum.counts.fills,
        lives: sum.counts.lives,
        records: sum.counts.records,
        faults: sum.counts.faults.iter().map(|(fault, count)| (fault.name(), *count)).collect(),
        thin: sum.thin,
        broken: sum.broken,
        broken_seeds: sum.listed,
        intents: if ask.without_intents { "skipped" } else { "written" },
    };
    output.show(&told, text)?;
    let is_fine = told.broken == 0 && told.thin == 0;
    Ok(if is_fine { Ending::Done } else { Ending::Findings })
}

/// All worlds, on all cores; the sum does not depend on how many there are.
fn all(first: u64, seeds: u64, options: Options, output: Output) -> Sum {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= seeds {
                    is_over.store(true, Ordering::Relaxed);
                    return;
                }
                let verdict = simulate(first.wrapping_add(place), options);
                sum.lock().unwrap_or_else(PoisonError::into_inner).add(verdict, options.paid);
            }
        };
        for _ in 0..threads {
            scope.spawn(work);
        }
        let mut told = begun;
        while !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                let done = next.load(Ordering::Relaxed).min(seeds);
                output.note(&format!("{done} of {seeds} after {} s", begun.elapsed().as_secs()));
            }
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn text(told: &Told) -> String {
    let mut out = format!(
        "{} worlds, intents {}: {} orders (at least {} each), {} of them with their stops, {} trades, \
         {} lives, {} records\n",
        told.seeds,
        told.intents,
        told.orders,
        told.orders_least,
        told.guarded,
        told.fills,
        told.lives,
        told.records
    );
    for (fault, count) in &told.faults {
        out += &format!("  {count:>12}  {fault}\n");
    }
    if told.thin > 0 {
        out += &format!("{} worlds had too few orders, or not every kind of fault\n", told.thin);
    }
    for (seed, laws) in &told.broken_seeds {
        out += &format!("seed {seed}: {}\n", laws.join("; "));
    }
    out + &match told.broken {
        0 => "every law held in every world".to_owned(),
        broken => format!("{broken} worlds broke a law"),
    }
}
