//! Cells per CPU second of single operators on a seeded panel of 500 names and 2,520 days.
//!
//! `cargo run --release -p factor --example operators [NAMES DAYS THREADS]`; on Linux, where the
//! kernel tells a thread's CPU time. One line for each operator: the mean over one second of runs.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program: it reads its arguments and its CPU time and prints a table"
)]

use factor::{Expression, Limits, Plan, Run, Schema};
use market::{Column, Panel, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

type Failure = Box<dyn std::error::Error>;

/// An operator runs at least so often and so long.
const RUNS: u32 = 5;
const SECONDS: f64 = 1.0;
const WORK: &[(&str, &str)] = &[
    ("ts_mean20", "ts_mean(close, 20)"),
    ("ts_std20", "ts_std(close, 20)"),
    ("ts_corr20", "ts_corr(close, volume, 20)"),
    ("ts_rank20", "ts_rank(close, 20)"),
    ("ts_sum20", "ts_sum(close, 20)"),
    ("ts_min20", "ts_min(close, 20)"),
    ("delta5", "delta(close, 5)"),
    ("ema20", "ema(close, 20)"),
    ("cs_rank", "rank(close)"),
    ("cs_rank of returns", "rank(change)"),
    ("cs_zscore", "cs_zscore(close)"),
    ("ts_mean250", "ts_mean(close, 250)"),
    ("ts_std20, min=10", "ts_std(close, 20, min=10)"),
];

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let names = arguments.next().transpose()?.unwrap_or(500);
    let days = arguments.next().transpose()?.unwrap_or(2520);
    let threads = arguments.next().transpose()?.unwrap_or(1);
    let panel = panel(names, days)?;
    println!("{names} names x {days} days, {threads} thread(s), float64");
    println!("{:<20} {:>10} {:>14} {:>10}", "operator", "CPU ms", "cells/CPU s", "wall ms");
    for (name, text) in WORK {
        let (cpu, wall) = mean(text, &panel, threads)?;
        let cells = (names * days) as f64;
        println!("{name:<20} {:>10.2} {:>14.3e} {:>10.2}", cpu * 1e3, cells / cpu, wall * 1e3);
    }
    Ok(())
}

/// Prices as a random walk, as `gen_panel` of the peers' scripts makes them: dense, no gaps.
fn panel(names: usize, days: usize) -> Result<Panel, Failure> {
    let mut dice = StdRng::seed_from_u64(20_240_607);
    let day = 86_400_000_000_000;
    let times = (0..i64::try_from(days)?).map(|t| Timestamp::from_nanos(t * day)).collect();
    let symbols = (0..names).map(|j| format!("S{j}").parse()).collect::<Result<_, _>>()?;
    let mut columns = [(); 3].map(|()| Column::missing(days, names));
    let [close, change, volume] = &mut columns;
    for j in 0..names {
        let mut price = dice.random_range(5.0_f64.ln()..400.0_f64.ln());
        let spread = dice.random_range(0.01..0.03);
        let usual = dice.random_range(2e5_f64.ln()..2e7_f64.ln());
        for t in 0..days {
            let step = 0.0002 + spread * normal(&mut dice);
            price += step;
            close.set(t, j, price.exp());
            change.set(t, j, step);
            volume.set(t, j, (usual + 0.35 * normal(&mut dice) + 8.0 * step.abs()).exp().floor());
        }
    }
    let mut panel = Panel::new(times, symbols);
    for (name, column) in ["close", "change", "volume"].into_iter().zip(columns) {
        panel.insert(name, column)?;
    }
    Ok(panel)
}

/// Near enough to a normal deviate: twelve uniform ones.
fn normal(dice: &mut StdRng) -> f64 {
    (0..12).map(|_| dice.random::<f64>()).sum::<f64>() - 6.0
}

/// The mean CPU and wall seconds of one evaluation, after two warm-ups.
fn mean(text: &str, panel: &Panel, threads: usize) -> Result<(f64, f64), Failure> {
    let (schema, limits) = (Schema::of(panel), Limits::default());
    let expression =
        Expression::parse(text, &schema, &limits).map_err(|found| format!("{found:?}"))?;
    let plan = Plan::new(&[("it".to_owned(), expression)], &schema, &limits)?;
    let cancel = AtomicBool::new(false);
    let threads = NonZeroUsize::new(threads).ok_or("at least one thread")?;
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 32 };
    drop((plan.evaluate(panel, &run)?, plan.evaluate(panel, &run)?));
    // The kernel counts a thread's time in ticks of up to 10 ms: only many runs together are exact.
    let (before, start) = (cpu_seconds()?, started());
    let mut runs = 0_u32;
    while runs < RUNS || start.elapsed().as_secs_f64() < SECONDS {
        drop(plan.evaluate(panel, &run)?);
        runs += 1;
    }
    let (cpu, wall) = (cpu_seconds()? - before, start.elapsed().as_secs_f64());
    Ok((cpu / f64::from(runs), wall / f64::from(runs)))
}

#[allow(clippy::disallowed_types, reason = "a program that measures time")]
fn started() -> std::time::Instant {
    std::time::Instant::now()
}

/// CPU seconds of the threads alive: exact for one thread; for more, only the wall time counts.
fn cpu_seconds() -> Result<f64, Failure> {
    let mut nanos = 0_u64;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(nanos as f64 * 1e-9)
}
