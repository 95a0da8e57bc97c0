//! The fast evaluator against a slow one that is written from the stated rules, cell by cell.
//!
//! Random texts over random rough panels. A result that is stated step by step has to have the
//! slow one's very value; sums in an order that is not stated may differ by a rounding. More cases:
//! `PROPTEST_CASES=200000 cargo test -p factor --test agreement`.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
mod reference;

use factor::{Family, Operator};
use market::Panel;
use proptest::prelude::*;
use reference::draw::Draw;
use reference::known::{KNOWN, Known};
use reference::{Call, Data, Text, Tree, compare, draw, random, value};

/// Bytes from which a panel and a text are drawn; fewer and smaller ones give simpler cases.
fn seeds() -> impl Strategy<Value = draw::Seed> {
    prop::collection::vec(any::<u8>(), 12..160).prop_map(draw::Seed)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(3000),
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fast_evaluator_agrees_with_the_slow_one(seed in seeds()) {
        let mut draw = Draw::new(&seed.0);
        let (panel, values) = draw::panel(&mut draw);
        let (text, grade) = random::text(&mut draw, values);
        let (table, largest) = value(&text, &Data::of(&panel));
        let written = text.to_string();
        let fast = panels::evaluate(&written, &panel);
        let found = compare::difference(&fast, &table, (grade, largest));
        prop_assert_eq!(found, None, "{} over {:?}, known {:?}", written, values, grade);
    }
}

/// Every operator at the root, so that none is left out by chance.
#[test]
fn every_operator_agrees_with_the_slow_one_by_itself() {
    for known in KNOWN.iter() {
        for seed in 0..24 {
            let bytes = some_bytes(seed);
            let mut draw = Draw::new(&bytes);
            let (panel, values) = draw::panel(&mut draw);
            agrees(&mut draw, (&panel, values, 40), known);
        }
    }
}

/// Long windows and wide days: what is fast there is computed in another way than on a small panel.
#[test]
fn every_operator_agrees_with_the_slow_one_over_long_windows_and_wide_days() {
    use draw::Values::{Prices, Quarters, Ties};
    // A long product overflows half-way in one order and not in another.
    let far = |known: &Known| !known.is_cellwise() && known.name != "ts_product";
    for (i, known) in KNOWN.iter().enumerate().filter(|(_, known)| far(known)) {
        let seed = u8::try_from(i).expect("few operators");
        for (shape, values) in
            [((700, 2), Ties), ((500, 1), Prices), ((3, 900), Ties), ((2, 300), Quarters)]
        {
            let bytes = some_bytes(seed.wrapping_add(shape.0 as u8));
            let mut draw = Draw::new(&bytes);
            let panel = draw::shaped(&mut draw, values, shape);
            agrees(&mut draw, (&panel, values, 400), known);
        }
    }
}

fn some_bytes(seed: u8) -> Vec<u8> {
    (0..64_u8).map(|i| seed.wrapping_mul(37).wrapping_add(i.wrapping_mul(101))).collect()
}

/// Compares one call of an operator, if the panel's values go with it.
#[track_caller]
fn agrees(
    draw: &mut Draw<'_>,
    (panel, values, longest): (&Panel, draw::Values, usize),
    known: &'static Known,
) {
    let Some((text, grade)) = random::rooted(draw, (values, longest), known) else { return };
    let (table, largest) = value(&text, &Data::of(panel));
    let fast = panels::evaluate(&text.to_string(), panel);
    let found = compare::difference(&fast, &table, (grade, largest));
    assert_eq!(found, None, "{text} over {values:?}, {} rows", panel.rows());
}

/// Where operators that the slow evaluator does not know are compared with recorded values, or
/// with values worked out by hand.
const ELSEWHERE: &[(&str, &str)] = &[
    ("tests/indicators.rs", include_str!("indicators.rs")),
    ("tests/data/indicators.json", include_str!("data/indicators.json")),
];

/// `tests/candles.rs` compares every pattern of the table with these records.
const PATTERNS: &str = include_str!("data/candles.json");

#[test]
fn every_operator_of_the_table_is_compared_with_something() {
    let elsewhere = |operator: &Operator| {
        let function = operator.source.strip_prefix("TA-Lib ");
        let pattern = function.is_some_and(|name| PATTERNS.contains(&format!("\"{name}\"")));
        let called = format!("{}(", operator.name);
        (operator.family == Family::Candle && pattern)
            || (operator.family == Family::Indicator
                && ELSEWHERE.iter().any(|(_, text)| called_in(text, &called)))
    };
    let known = |name: &str| KNOWN.iter().any(|one| one.name == name);
    let bare: Vec<&str> = factor::operators()
        .iter()
        .filter(|operator| !known(operator.name) && !elsewhere(operator))
        .map(|operator| operator.name)
        .collect();
    let files: Vec<&str> = ELSEWHERE.iter().map(|(file, _)| *file).collect();
    assert!(bare.is_empty(), "{bare:?} are neither in the slow evaluator's list nor in {files:?}");
    assert_eq!(KNOWN.len(), reference::known::design().len(), "the slow one knows more");
}

/// Whether a text calls exactly that operator: `rsi(` is not in `my_rsi(`.
fn called_in(text: &str, called: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(called).any(|(at, _)| !text[..at].ends_with(word))
}

#[test]
fn a_wide_day_with_close_values_and_outliers_is_ranked_like_the_slow_one() {
    let rank = KNOWN.iter().find(|one| one.name == "rank").expect("is there");
    let call = Call {
        known: rank,
        series: vec![Tree::Field("x")],
        group: None,
        constants: Vec::new(),
        plain: false,
    };
    let text = Text { lets: Vec::new(), result: Tree::Call(call) };
    for seed in 0..6 {
        let mut panel = panels::rough(6, 700, seed);
        let mut column = panel.field("x").expect("is there").clone();
        for (j, value) in [(0, 0.0), (1, 1e-300), (2, -1e300), (3, 1e300)] {
            column.set(2, j, value);
        }
        for j in 0..700 {
            column.set(3, j, 1e9 + ((j * 7919) % 701) as f64 * 1e-5);
            column.set(4, j, if j % 3 == 0 { 0.0 } else { 1.0 + ((j * 31) % 97) as f64 * 1e-15 });
        }
        panel.insert("x", column).expect("fits");
        let (table, largest) = value(&text, &Data::of(&panel));
        let fast = panels::evaluate("rank(x)", &panel);
        let grade = rank.grade(&[], &[]);
        assert_eq!(compare::difference(&fast, &table, (grade, largest)), None, "seed {seed}");
    }
}
