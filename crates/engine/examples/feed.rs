//! Measures how fast streams are merged, checked and summed up: events a second of one core.
//!
//! `cargo run --release -p engine --example feed`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement"
)]

#[path = "../tests/bench_data/mod.rs"]
mod bench_data;

use engine::{
    Data, MarketEvent,
    feed::{Basis, Candles, Checker, EveryQuote, Merge, Policy, Step},
};
use market::{BarSize, Pricing, Print, Quantity, Quote, Session, TickRules};
use portfolio::InstrumentId;
use std::{collections::VecDeque, hint::black_box, num::NonZeroU32, time::Instant};

const BATCH: usize = 4_096;

fn main() {
    let quotes = bench_data::quotes_5m();
    let count = quotes.len();
    let all: Vec<MarketEvent> = quotes.iter().map(|q| event(0, q)).collect();
    let every = |n: usize, k: usize| -> Vec<MarketEvent> {
        let of = |(_, q): (usize, &Quote)| event(u32::try_from(k).expect("small"), q);
        quotes.iter().enumerate().filter(|(i, _)| i % n == k).map(of).collect()
    };
    report("checker", count, || {
        let mut checker = Checker::new("quotes", TickRules::of(Pricing::Positive), Policy::Strict);
        for quote in &quotes {
            _ = black_box(checker.check(quote).expect("clean"));
        }
    });
    merge_of("merge of 1", count, &[&all]);
    for n in [2, 8, 64] {
        let parts: Vec<Vec<MarketEvent>> = (0..n).map(|k| every(n, k)).collect();
        let parts: Vec<&[MarketEvent]> = parts.iter().map(Vec::as_slice).collect();
        merge_of(&format!("merge of {n}, in turns"), count, &parts);
    }
    // A thousand of one, then a thousand of the other.
    let half = |k: usize| -> Vec<MarketEvent> {
        let of = |(i, q): (usize, &Quote)| (i / 1_000 % 2 == k).then(|| event(0, q));
        quotes.iter().enumerate().filter_map(of).collect()
    };
    let (a, b) = (half(0), half(1));
    merge_of("merge of 2, in long runs", count, &[&a, &b]);
    for n in [1, 100] {
        report(&format!("every {n} quotes"), count, || {
            let mut clock = EveryQuote::new(NonZeroU32::new(n).expect("above zero"));
            for quote in &quotes {
                _ = black_box(clock.take(quote).expect("fits"));
            }
        });
    }
    let prints: Vec<MarketEvent> = quotes.iter().map(print).collect();
    report("candles of 1m", count, || candles(&prints, Basis::Prints, &["1m"]));
    report("candles of 1m 5m 1h 1d", count, || {
        candles(&prints, Basis::Prints, &["1m", "5m", "1h", "1d"]);
    });
    report("candles of 1m, middles", count, || candles(&all, Basis::Mids, &["1m"]));
}

fn event(instrument: u32, quote: &Quote) -> MarketEvent {
    let (instrument, data) = (InstrumentId(instrument), Data::Quote(*quote));
    MarketEvent { time: quote.time, instrument, data }
}

fn print(quote: &Quote) -> MarketEvent {
    let (time, price, size) = (quote.time, quote.bid, Quantity(1));
    let data = Data::Print(Print { time, price, size, aggressor: None });
    MarketEvent { time, instrument: InstrumentId(0), data }
}

/// Best of seven.
fn report(what: &str, events: usize, mut run: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{what:28} {:8.1} M/s", events as f64 / best / 1e6);
}

/// Batches are made outside of what is measured.
fn merge_of(what: &str, events: usize, streams: &[&[MarketEvent]]) {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let cut = |stream: &&[MarketEvent]| stream.chunks(BATCH).map(<[_]>::to_vec).collect();
        let batches = streams.iter().map(cut).collect();
        let start = Instant::now();
        merge(batches);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{what:28} {:8.1} M/s", events as f64 / best / 1e6);
}

fn merge(mut streams: Vec<VecDeque<Vec<MarketEvent>>>) {
    let mut merge = Merge::new(streams.len());
    let mut spent = Vec::new();
    let mut lots = 0;
    loop {
        match merge.step() {
            Step::Run(events) => {
                for event in events {
                    if let Data::Quote(quote) = &event.data {
                        lots += quote.bid_size.0;
                    }
                }
            }
            Step::Needs(stream) => match streams[stream].pop_front() {
                Some(batch) => spent.push(merge.feed(stream, batch).expect("in order")),
                None => merge.end(stream).expect("asked for"),
            },
            Step::Done => break,
        }
    }
    black_box((lots, spent));
}

fn candles(events: &[MarketEvent], basis: Basis, sizes: &[&str]) {
    let sizes: Vec<BarSize> = sizes.iter().map(|s| s.parse().expect("a size")).collect();
    let mut candles = Candles::new();
    candles.add(InstrumentId(0), basis, &Session::always(), &sizes).expect("fits");
    let mut out = Vec::new();
    for event in events {
        candles.before(event, &mut out);
        out.clear();
        candles.take(event).expect("in order");
    }
    black_box(&candles);
}
