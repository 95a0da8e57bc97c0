//! What is said of how much of the past a value depends on, held against runs that begin late.
#![allow(clippy::indexing_slicing, reason = "tests: a wrong index is a failure")]

mod panels;
use factor::{Expression, Limits, Memory, ParameterKind, Plan, Run, Schema};
use market::{Column, Labels, Panel, Timestamp};
use panels::{bare, cut, rough};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{num::NonZeroUsize, sync::atomic::AtomicBool};

const FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "vwap", "cap"];
const LABELS: [&str; 3] = ["sector", "industry", "subindustry"];

/// An operator with something for all that it must be given.
fn call(operator: &factor::Operator) -> String {
    let mut series = ["close", "open", "high", "low", "volume"].iter().cycle();
    let given = operator.parameters.iter().filter(|one| !one.is_optional());
    let arguments: Vec<&str> = given
        .map(|one| match one.kind {
            ParameterKind::Number | ParameterKind::Any => series.next().copied().unwrap_or(""),
            ParameterKind::Truth => "close > open",
            ParameterKind::Group => "sector",
            ParameterKind::Constant | ParameterKind::Share => "0.5",
            _ => "5",
        })
        .collect();
    format!("{}({})", operator.name, arguments.join(", "))
}

fn set(schema: &Schema) -> Vec<(String, Expression)> {
    let library = factor::library().iter().map(|one| (one.name.to_owned(), one.text.to_owned()));
    let calls = factor::operators().iter().map(call).map(|text| (text.clone(), text));
    let texts = library.chain(calls);
    let parse = |text: &str| Expression::parse(text, schema, &Limits::default()).expect("parses");
    texts.map(|(name, text)| (name, parse(&text))).collect()
}

fn labelled(mut panel: Panel) -> Panel {
    for name in LABELS {
        let (rows, names) = (panel.rows(), panel.symbols().len());
        panel.insert_labels(name, Labels::missing(rows, names)).expect("fits");
    }
    panel
}

fn values(set: &[(String, Expression)], schema: &Schema, panel: Panel) -> Vec<Column> {
    let plan = Plan::new(set, schema, &Limits::default()).expect("a plan");
    let cancel = AtomicBool::new(false);
    let threads = NonZeroUsize::MIN;
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 4 << 30 };
    let columns = plan.evaluate(&labelled(panel), &run).expect("a result");
    columns.into_iter().map(|(_, column)| column).collect()
}

/// The first row, counted from the late beginning, after which no value differs in its bits.
fn agrees_from(whole: &Column, late: &Column, (rows, names): (usize, usize), from: usize) -> usize {
    let same = |t: usize| {
        (0..names).all(|j| {
            let (a, b) = (whole.at(from + t, j), late.at(t, j));
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        })
    };
    (0..rows - from).rev().find(|t| !same(*t)).map_or(0, |t| t + 1)
}

#[test]
fn what_only_looks_back_has_the_bits_of_a_longer_run_as_soon_as_it_says() {
    let schema = factor::library_schema();
    let set = set(&schema);
    let (rows, names) = (420, 9);
    for seed in [3, 4] {
        let source = rough(rows, names, seed);
        let mut panel = bare(rows, names);
        for (name, from) in FIELDS.iter().zip(["x", "y", "z"].iter().cycle()) {
            panel.insert(*name, source.field(from).expect("is there").clone()).expect("fits");
        }
        let whole = values(&set, &schema, panel.clone());
        let (mut exact, mut tight) = (0, 0);
        for from in [1, 40, 97] {
            let late = values(&set, &schema, cut(&panel, from, rows));
            for (((name, expression), whole), late) in set.iter().zip(&whole).zip(&late) {
                let memory = expression.memory();
                let first = agrees_from(whole, late, (rows, names), from);
                if memory.is_exact() && memory.rows < rows - from {
                    exact += 1;
                    tight += usize::from(first == memory.rows);
                    assert!(first <= memory.rows, "{name} agrees from {first}, said {memory:?}");
                }
            }
        }
        assert!(exact > 400 && tight > 100, "{exact} of which {tight} are tight");
    }
}

/// Prices that walk, without gaps, an hour apart.
fn walk(rows: usize) -> Panel {
    let mut dice = StdRng::seed_from_u64(5);
    let times = (0_i64..).take(rows).map(|t| Timestamp::from_nanos(t * 3_600_000_000_000));
    let mut panel = Panel::new(times.collect(), bare(1, 1).symbols().to_vec());
    let mut price = 100.0_f64;
    let mut bars = vec![Column::missing(rows, 1); FIELDS.len()];
    for t in 0..rows {
        let open = price;
        price *= 1.0 + dice.random_range(-0.01..0.01);
        let (top, bottom) = (dice.random_range(0.0..0.3), dice.random_range(0.0..0.3));
        let bar =
            [open, open.max(price) + top, open.min(price) - bottom, price, 5.0 + top, open, 9.0];
        bars.iter_mut().zip(bar).for_each(|(column, x)| column.set(t, 0, x));
    }
    for (name, column) in FIELDS.iter().zip(bars) {
        panel.insert(*name, column).expect("fits");
    }
    panel
}

#[test]
fn what_fades_is_settled_when_it_says() {
    let schema = factor::library_schema();
    let (rows, from) = (12_000, 700);
    let fading = |memory: &Memory| !memory.is_exact() && memory.settled.is_some();
    let set: Vec<_> = set(&schema).into_iter().filter(|(_, one)| fading(&one.memory())).collect();
    let panel = walk(rows);
    let whole = values(&set, &schema, panel.clone());
    let late = values(&set, &schema, cut(&panel, from, rows));
    let mut differed = 0;
    for (((name, expression), whole), late) in set.iter().zip(&whole).zip(&late) {
        let settled = expression.memory().settled.expect("fades");
        assert!(settled < rows - from, "{name} needs {settled} rows");
        differed += usize::from(agrees_from(whole, late, (rows, 1), from) > expression.lookback());
        for t in settled..rows - from {
            let (a, b) = (whole.at(from + t, 0), late.at(t, 0));
            let close = (a - b).abs() <= 1e-9 * (1.0 + a.abs());
            assert!(close || (a.is_nan() && b.is_nan()), "{name} at {t}: {a} is not {b}");
        }
    }
    assert!(set.len() > 20 && differed > 10, "{differed} of {} differ at first", set.len());
}
