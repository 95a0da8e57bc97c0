//! Panels for the tests.
#![allow(dead_code, reason = "each test file uses its part")]

use factor::{Expression, Limits, Plan, Run, Schema};
use market::{Column, Panel, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

pub const NAN: f64 = f64::NAN;
const DAY: i64 = 86_400_000_000_000;

/// An empty panel of so many days and names.
pub fn bare(rows: usize, names: usize) -> Panel {
    let times = (0_i64..).take(rows).map(|t| Timestamp::from_nanos(t * DAY)).collect();
    let symbols = (0..names).map(|j| format!("S{j:04}").parse().expect("a symbol")).collect();
    Panel::new(times, symbols)
}

/// One field `x` from rows of days.
pub fn of_rows(rows: &[&[f64]]) -> Panel {
    let mut panel = bare(rows.len(), rows[0].len());
    panel.insert("x", column(rows)).expect("fits");
    panel
}

/// One field `x` of one name.
pub fn of_name(values: &[f64]) -> Panel {
    let rows: Vec<[f64; 1]> = values.iter().map(|x| [*x]).collect();
    let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
    of_rows(&rows)
}

pub fn column(rows: &[&[f64]]) -> Column {
    let mut column = Column::missing(rows.len(), rows[0].len());
    for (t, row) in rows.iter().enumerate() {
        for (j, x) in row.iter().enumerate() {
            column.set(t, j, *x);
        }
    }
    column
}

/// Fields `x y z` with gaps, ties, suspensions, constant names and late listings.
///
/// Values are quarters between −8 and 8, so that sums and small products of them are exact.
pub fn rough(rows: usize, names: usize, seed: u64) -> Panel {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut panel = bare(rows, names);
    for field in ["x", "y", "z"] {
        let mut column = Column::missing(rows, names);
        for j in 0..names {
            let listed = if dice.random_bool(0.3) { dice.random_range(0..rows.max(1)) } else { 0 };
            let gaps = [0.0, 0.1, 0.4][dice.random_range(0..3)];
            let still = [0.0, 0.3, 1.0][dice.random_range(0..3)];
            let mut value = quarter(&mut dice);
            for t in listed..rows {
                if !dice.random_bool(still) {
                    value = quarter(&mut dice);
                }
                if !dice.random_bool(gaps) {
                    column.set(t, j, value);
                }
            }
        }
        panel.insert(field, column).expect("fits");
    }
    panel
}

fn quarter(dice: &mut StdRng) -> f64 {
    f64::from(dice.random_range(-32_i32..=32)) / 4.0
}

/// The panel's rows from `first` up to `end`.
pub fn cut(panel: &Panel, first: usize, end: usize) -> Panel {
    let mut part = Panel::new(panel.times()[first..end].to_vec(), panel.symbols().to_vec());
    for name in panel.field_names() {
        let column = panel.field(name).expect("is there");
        let stride = column.stride();
        let values = column.values()[first * stride..end * stride].to_vec();
        part.insert(name, Column::from_values(values, stride).expect("whole rows")).expect("fits");
    }
    part
}

pub fn parse(text: &str, panel: &Panel) -> Expression {
    let parsed = Expression::parse(text, &Schema::of(panel), &Limits::default());
    parsed.unwrap_or_else(|found| panic!("{text}: {found:?}"))
}

pub fn evaluate_on(text: &str, panel: &Panel, threads: usize) -> Column {
    let set = [("it".to_owned(), parse(text, panel))];
    let plan = Plan::new(&set, &Schema::of(panel), &Limits::default()).expect("a plan");
    let threads = NonZeroUsize::new(threads).expect("at least one");
    let cancel = AtomicBool::new(false);
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
    plan.evaluate(panel, &run).expect("a result").remove(0).1
}

pub fn evaluate(text: &str, panel: &Panel) -> Column {
    evaluate_on(text, panel, 1)
}
