//! Tapes for laws: random ones with holes, and seeded walks.
#![allow(
    dead_code,
    missing_docs,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "test data, shared by tests"
)]

use market::{Bar, BarSeries, BarSize, Instrument, Price, Quantity, Timestamp};
use proptest::prelude::*;

pub const ROWS: usize = 60;
pub const NAMES: usize = 3;

/// Open and close of each row and name; `None` where the name has no bar.
pub type Tape = Vec<[Option<(i64, i64)>; NAMES]>;

pub fn tape() -> impl Strategy<Value = Tape> {
    let cell = prop::option::weighted(0.85, (500i64..2_000, 500i64..2_000));
    prop::collection::vec([cell.clone(), cell.clone(), cell], ROWS)
}

pub fn series(tape: &Tape) -> Vec<BarSeries> {
    let one = |j: usize| {
        let bars = tape.iter().enumerate().filter_map(|(row, cells)| {
            let (open, close) = cells[j]?;
            Some(bar(row, open, close))
        });
        of(&format!("S{j}"), bars)
    };
    (0..NAMES).map(one).collect()
}

pub fn rows(series: &[BarSeries]) -> usize {
    let mut times: Vec<_> = series.iter().flat_map(BarSeries::times).collect();
    times.sort_unstable();
    times.dedup();
    times.len()
}

fn bar(row: usize, open: i64, close: i64) -> Bar {
    let open_time = Timestamp::from_nanos(row as i64 * BarSize::DAY.nanos());
    let (open, close) = (Price(open), Price(close));
    let (high, low) = (open.max(close), open.min(close));
    Bar { open_time, open, high, low, close, volume: Quantity(1) }
}

fn of(symbol: &str, bars: impl Iterator<Item = Bar>) -> BarSeries {
    let instrument = Instrument::share(symbol.parse().expect("a symbol"));
    BarSeries::from_bars(instrument, BarSize::DAY, bars).expect("in order")
}

/// `SplitMix64`: small, seeded, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// Bars of given opens and closes, a day each.
pub fn bars(symbol: &str, prices: &[(i64, i64)]) -> BarSeries {
    of(symbol, prices.iter().enumerate().map(|(row, (open, close))| bar(row, *open, *close)))
}

/// A walk of so many bars, open apart from the last close.
pub fn walk(symbol: &str, rows: usize, seed: u64) -> BarSeries {
    let mut dice = Dice(seed);
    let mut price = 10_000_i64;
    let bars = (0..rows).map(|row| {
        let open = (price + dice.roll(41) as i64 - 20).max(100);
        price = (open + dice.roll(401) as i64 - 200).max(100);
        bar(row, open, price)
    });
    of(symbol, bars)
}

/// One to four walks with holes, all from one seed.
pub fn seeded(seed: u64) -> Vec<BarSeries> {
    let mut dice = Dice(seed ^ 0xA5A5);
    let names = 1 + dice.roll(4);
    let one = |name: u64| {
        let whole = walk("X", 120, seed * 31 + name);
        let mut dice = Dice(seed * 17 + name);
        let bars = (0..whole.len()).filter(|_| name == 0 || dice.roll(10) > 0);
        let bars: Vec<Bar> =
            bars.map(|row| bar(row, whole.open()[row].0, whole.close()[row].0)).collect();
        of(&format!("N{name}"), bars.into_iter())
    };
    (0..names).map(one).collect()
}
