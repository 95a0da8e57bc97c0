//! How long a study takes on 500 names and 2,520 days.
//!
//! Budget: 1 s for four horizons, one thread. Peer: alphalens, `benches/research/peer.py`.
//! Run with `cargo bench -p research --bench study [-- ROUNDS]`; the least of the rounds counts.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a bench reads the clock and prints, and stops at the first thing that goes wrong"
)]

use market::{Column, Labels, Panel, Timestamp};
use research::{Participation, Settings, correlations, study};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const ROWS: usize = 2520;
const NAMES: usize = 500;

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(5);
    let (panel, factor) = drawn();
    let plain = Settings::default();
    let one = Settings { horizons: vec![1], decay: 0, ..plain.clone() };
    let group = Some("sector".to_owned());
    let full = Settings { group, capacity: Some(Participation::default()), ..plain.clone() };
    let cancel = AtomicBool::new(false);
    for (what, settings) in [
        ("one horizon, no decay", &one),
        ("four horizons, decay over 21 lags", &plain),
        ("the same with 11 groups and capacity", &full),
    ] {
        let run = || study(&factor, &panel, settings, &cancel).map(|study| study.horizons.len());
        report(what, rounds, || run().expect("fits"));
    }
    let close = panel.field("close").expect("is there");
    let pair = [("factor", &factor), ("close", close)];
    report("correlation of two factors", rounds, || {
        correlations(&pair, NAMES, &cancel).expect("fits").names.len()
    });
}

fn report(what: &str, rounds: usize, run: impl Fn() -> usize) {
    let (mut least, mut wall) = (f64::INFINITY, Duration::MAX);
    for _ in 0..rounds {
        let (start, on_cpu) = (Instant::now(), cpu_seconds());
        assert!(run() > 0);
        least = least.min(cpu_seconds() - on_cpu);
        wall = wall.min(start.elapsed());
    }
    println!("{what:<38} {:5.0} ms CPU, {:5.0} ms wall", least * 1e3, wall.as_secs_f64() * 1e3);
}

/// Seconds that this thread has run, as Linux counts them; other systems say 0.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

/// A walk of prices with volumes and sectors, and a factor that knows nothing.
fn drawn() -> (Panel, Column) {
    let mut state = 1_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 9_007_199_254_740_992.0 - 0.5
    };
    let [mut close, mut volume, mut factor] = std::array::from_fn(|_| Column::missing(ROWS, NAMES));
    let mut sector = Labels::missing(ROWS, NAMES);
    sector.names = (0..11).map(|group| format!("G{group}")).collect();
    let mut price = [100.0; NAMES];
    for t in 0..ROWS {
        for (j, price) in price.iter_mut().enumerate() {
            *price *= 1.0 + 0.04 * draw();
            close.set(t, j, *price);
            volume.set(t, j, 1000.0 * (1.0 + draw()));
            factor.set(t, j, draw());
            sector.set(t, j, (j % 11) as u32);
        }
    }
    let times = (0..ROWS).map(|t| Timestamp::from_nanos(86_400_000_000_000 * t as i64));
    let symbols = (0..NAMES).map(|j| format!("N{j}").parse().expect("a symbol"));
    let mut panel = Panel::new(times.collect(), symbols.collect());
    panel.insert("close", close).expect("fits");
    panel.insert("volume", volume).expect("fits");
    panel.insert_labels("sector", sector).expect("fits");
    (panel, factor)
}
