//! The shipped factors: they parse, they need what they say, and the 101 alphas equal the paper's
//! formulas as `library/values.py` evaluates them, independently, in numpy.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "small whole numbers"
)]

use factor::{Entry, Expression, Limits, Plan, Run, library, library_schema};
use market::{Column, Labels, Panel, Timestamp};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

const ROWS: usize = 300;
const NAMES: usize = 20;
const SHOWN: usize = 3;
const FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "vwap", "cap"];

fn alphas() -> impl Iterator<Item = &'static Entry> {
    library().iter().filter(|entry| entry.heading == "101 Formulaic Alphas")
}

#[test]
fn every_text_parses_and_says_what_it_is() {
    for entry in library() {
        let parsed = Expression::parse(entry.text, &library_schema(), &Limits::default());
        assert!(parsed.is_ok(), "{}: {:?}", entry.name, parsed.err());
        assert!(!entry.fields.is_empty() && !entry.summary.is_empty(), "{}", entry.name);
        assert!(!entry.source.is_empty() && !entry.heading.is_empty(), "{}", entry.name);
    }
    let names: Vec<&str> = alphas().map(|entry| entry.name).collect();
    let expected: Vec<String> = (1..=101).map(|number| format!("alpha{number:03}")).collect();
    assert_eq!(names, expected);
    assert_eq!(library().len(), 101 + 18);
}

#[test]
fn nineteen_alphas_need_more_than_prices_and_volume() {
    let needs = |entry: &Entry| {
        let cap = entry.fields.iter().filter(|field| *field == "cap");
        let all: Vec<&str> = entry.groups.iter().chain(cap).map(String::as_str).collect();
        (!all.is_empty()).then(|| format!("{} {}", &entry.name[5..], all.join("+")))
    };
    let found: Vec<String> = alphas().filter_map(needs).collect();
    let expected = "048 subindustry, 056 cap, 058 sector, 059 industry, 063 industry, \
        067 sector+subindustry, 069 industry, 070 industry, 076 sector, 079 sector, 080 industry, \
        082 sector, 087 industry, 089 industry, 090 subindustry, 091 industry, 093 industry, \
        097 industry, 100 subindustry";
    assert_eq!(found.join(", "), expected);
}

#[test]
fn the_alphas_equal_the_papers_formulas_in_numpy() {
    let (panel, schema, limits) = (panel(), library_schema(), Limits::default());
    let parse = |entry: &Entry| {
        let parsed = Expression::parse(entry.text, &schema, &limits).expect("tested above");
        (entry.name.to_owned(), parsed)
    };
    let set: Vec<(String, Expression)> = alphas().map(parse).collect();
    let plan = Plan::new(&set, &schema, &limits).expect("a plan");
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let results = plan.evaluate(&panel, &run).expect("results");
    let recorded = include_str!("data/alphas.txt");
    assert_eq!(recorded.lines().count(), results.len());
    let wrong: Vec<String> = recorded
        .lines()
        .zip(&results)
        .flat_map(|(line, (name, column))| differences(line, name, column))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a column is not what was recorded: cells of the last rows, missing ones, the sum of all.
fn differences(line: &str, name: &str, column: &Column) -> Vec<String> {
    let mut parts = line.split(' ');
    let mut next = || parts.next().expect("the line is whole");
    assert_eq!(next(), name);
    let missing: usize = next().parse().expect("a count");
    let unsure: usize = next().parse().expect("a count");
    let total: f64 = next().parse().expect("a sum");
    let cells = || (0..ROWS).flat_map(|t| (0..NAMES).map(move |j| column.at(t, j)));
    let mut wrong = Vec::new();
    let found = cells().filter(|x| x.is_nan()).count();
    if unsure == 0 && found != missing {
        wrong.push(format!("{name}: {found} cells are missing, not {missing}"));
    }
    let sum: f64 = cells().filter(|x| !x.is_nan()).map(f64::abs).sum();
    if unsure == 0 && !near(sum, total) {
        wrong.push(format!("{name}: the cells add up to {sum}, not {total}"));
    }
    for (at, expected) in parts.enumerate().filter(|(_, expected)| *expected != "~") {
        let found = column.at(ROWS - SHOWN + at / NAMES, at % NAMES);
        let expected: f64 = expected.parse().expect("a number");
        if !near(found, expected) {
            wrong.push(format!("{name}: cell {at} is {found}, not {expected}"));
        }
    }
    wrong
}

fn near(found: f64, expected: f64) -> bool {
    (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
}

/// `SplitMix64`, as in `values.py`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

/// The panel of `values.py`: whole cents and whole lots, with a suspension, a late listing, a gap.
fn panel() -> Panel {
    let day = 86_400_000_000_000;
    let times = (0..ROWS).map(|t| Timestamp::from_nanos(t as i64 * day)).collect();
    let symbols = (0..NAMES).map(|j| format!("S{j:02}").parse().expect("a symbol")).collect();
    let mut panel = Panel::new(times, symbols);
    let mut columns = FIELDS.map(|_| Column::missing(ROWS, NAMES));
    for j in 0..NAMES {
        for (t, values) in history(j).into_iter().enumerate() {
            let gone = (j == 3 && (20..26).contains(&t)) || (j == 7 && t < 30);
            for ((field, column), value) in FIELDS.iter().zip(&mut columns).zip(values) {
                let gap = *field == "volume" && j == 11 && t == 280;
                column.set(t, j, if gone || gap { f64::NAN } else { value });
            }
        }
    }
    for (field, column) in FIELDS.into_iter().zip(columns) {
        panel.insert(field, column).expect("fits");
    }
    for (group, of) in [("sector", 3), ("industry", 5), ("subindustry", 7)] {
        let mut labels = Labels::missing(ROWS, NAMES);
        for (t, j) in (0..ROWS).flat_map(|t| (0..NAMES).map(move |j| (t, j))) {
            if (group, j) != ("subindustry", 19) {
                labels.set(t, j, (j % of) as u32);
            }
        }
        panel.insert_labels(group, labels).expect("fits");
    }
    panel
}

/// One name's days, in the order of [`FIELDS`].
fn history(j: usize) -> Vec<[f64; 7]> {
    let mut dice = Dice(j as u64 + 1);
    let mut close = 2_000 + dice.below(20_000);
    let shares = 1_000 + dice.below(100_000);
    let day = |_| {
        let open = close + close * dice.below(41) / 1_000 - close * 20 / 1_000;
        close = open + open * dice.below(61) / 1_000 - open * 30 / 1_000;
        let high = open.max(close) + dice.below(200);
        let low = open.min(close) - dice.below(200);
        let volume = 100 * (1 + dice.below(5_000));
        let prices = [open, high, low, close].map(|cents| cents as f64 / 100.0);
        let vwap = (open + high + low + close) as f64 / 400.0;
        let cap = (close * shares) as f64 / 100.0;
        [prices[0], prices[1], prices[2], prices[3], volume as f64, vwap, cap]
    };
    (0..ROWS).map(day).collect()
}
