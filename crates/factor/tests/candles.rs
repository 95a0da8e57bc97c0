//! Candlestick patterns against values recorded from TA-Lib.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "tests: a wrong index is a failure, and patterns have whole values"
)]

mod panels;
use factor::{Family, operators};
use panels::{bare, column, evaluate};
use serde_json::Value;

fn whole(values: &Value) -> Vec<usize> {
    let values = values.as_array().expect("a list").iter();
    values.map(|x| usize::try_from(x.as_u64().expect("a place")).expect("fits")).collect()
}

#[test]
fn patterns_have_the_values_of_ta_lib() {
    let recorded: Value = serde_json::from_str(include_str!("data/candles.json")).expect("JSON");
    let mut panel = None;
    for name in ["open", "high", "low", "close"] {
        let values = recorded["eighths"][name].as_array().expect("a column");
        let rows: Vec<[f64; 1]> =
            values.iter().map(|x| [x.as_f64().expect("a number") / 8.0]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let panel = panel.get_or_insert_with(|| bare(rows.len(), 1));
        panel.insert(name, column(&rows)).expect("fits");
    }
    let panel = panel.expect("has columns");
    let mut wrong = Vec::new();
    println!("{:30} {:22} {:>8} {:>6}", "pattern", "TA-Lib", "warm-up", "found");
    for operator in operators().iter().filter(|operator| operator.family == Family::Candle) {
        let function = operator.source.strip_prefix("TA-Lib ").expect("a function");
        let theirs = &recorded["patterns"][function];
        let ours = evaluate(&format!("{}(open, high, low, close)", operator.name), &panel);
        let mut values = vec![0.0; panel.rows()];
        let rows = whole(&theirs["rows"]);
        for (row, value) in rows.iter().zip(theirs["values"].as_array().expect("a list")) {
            values[*row] = value.as_f64().expect("a number");
        }
        let first = (0..panel.rows()).find(|t| !ours.at(*t, 0).is_nan()).expect("a value");
        let lookback = usize::try_from(theirs["lookback"].as_u64().expect("rows")).expect("fits");
        println!("{:30} {function:22} {first:>8} {:>6}", operator.name, rows.len());
        let differ = (lookback..panel.rows()).filter(|t| ours.at(*t, 0) != values[*t]).count();
        if differ > 0 || first > lookback || rows.len() < 2 {
            let at = (lookback..panel.rows()).find(|t| ours.at(*t, 0) != values[*t]);
            let at = at.map(|t| (t, ours.at(t, 0), values[t]));
            wrong.push((operator.name, differ, at, first, lookback, rows.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
