//! The fast evaluator against a slow one that is written from the stated rules, cell by cell.
//!
//! The slow one shares no code with the crate: it has its own tree, from which the text for the
//! crate is written. Inner trees hold only operators whose results are exact on the panels' quarters,
//! so that a rounding never turns a comparison or a tie; the inexact operators stand outermost.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use market::Panel;
use proptest::prelude::*;
use std::fmt;

#[derive(Debug, Clone)]
enum Tree {
    Field(&'static str),
    Number(i8),
    One(&'static str, Box<Tree>),
    Two(&'static str, Box<Tree>, Box<Tree>),
    Where(Box<Tree>, Box<Tree>, Box<Tree>),
    /// delay delta returns ema top
    Rows(&'static str, Box<Tree>, usize),
    Window(&'static str, Box<Tree>, usize, usize),
    Corr(Box<Tree>, Box<Tree>, usize, usize),
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Number(value) => write!(f, "({value})"),
            Self::One("-", x) => write!(f, "(-{x})"),
            Self::One(name, x) => write!(f, "{name}({x})"),
            Self::Two(name, a, b) if name.chars().all(char::is_alphabetic) => {
                write!(f, "{name}({a}, {b})")
            }
            Self::Two(sign, a, b) => write!(f, "({a} {sign} {b})"),
            Self::Where(c, a, b) => write!(f, "where({c} > 0, {a}, {b})"),
            Self::Rows(name, x, d) => write!(f, "{name}({x}, {d})"),
            Self::Window(name, x, n, k) if n == k => write!(f, "{name}({x}, {n})"),
            Self::Window(name, x, n, k) => write!(f, "{name}({x}, {n}, min={k})"),
            Self::Corr(x, y, n, k) => write!(f, "ts_corr({x}, {y}, {n}, min={k})"),
        }
    }
}

/// A day-by-name table; `None` is missing.
type Table = Vec<Vec<Option<f64>>>;

fn slow(tree: &Tree, panel: &Panel) -> Table {
    let (rows, names) = (panel.rows(), panel.symbols().len());
    let cells = |f: &dyn Fn(usize, usize) -> Option<f64>| -> Table {
        (0..rows).map(|t| (0..names).map(|j| f(t, j).filter(|x| x.is_finite())).collect()).collect()
    };
    let known = |x: f64| (!x.is_nan()).then_some(x);
    match tree {
        Tree::Field(name) => cells(&|t, j| known(panel.field(name).expect("is there").at(t, j))),
        Tree::Number(value) => cells(&|_, _| Some(f64::from(*value))),
        Tree::One(name, x) => {
            let x = slow(x, panel);
            cells(&|t, j| one(name, x[t][j], &x[t]))
        }
        Tree::Two(sign, a, b) => {
            let (a, b) = (slow(a, panel), slow(b, panel));
            cells(&|t, j| {
                if *sign == "fill" { a[t][j].or(b[t][j]) } else { two(sign, a[t][j]?, b[t][j]?) }
            })
        }
        Tree::Where(c, a, b) => {
            let (c, a, b) = (slow(c, panel), slow(a, panel), slow(b, panel));
            cells(&|t, j| if c[t][j]? > 0.0 { a[t][j] } else { b[t][j] })
        }
        Tree::Rows(name, x, d) => {
            let x = slow(x, panel);
            cells(&|t, j| lagged(name, &x, (t, j), *d))
        }
        Tree::Window(name, x, n, k) => {
            let x = slow(x, panel);
            cells(&|t, j| {
                let first = (t + 1).saturating_sub(*n);
                let seen: Vec<f64> = (first..=t).filter_map(|s| x[s][j]).collect();
                if seen.len() < *k { None } else { window(name, &seen, x[t][j]) }
            })
        }
        Tree::Corr(x, y, n, k) => {
            let (x, y) = (slow(x, panel), slow(y, panel));
            cells(&|t, j| {
                let first = (t + 1).saturating_sub(*n);
                let pairs: Vec<(f64, f64)> =
                    (first..=t).filter_map(|s| x[s][j].zip(y[s][j])).collect();
                if pairs.len() < *k { None } else { correlation(&pairs) }
            })
        }
    }
}

fn one(name: &str, x: Option<f64>, day: &[Option<f64>]) -> Option<f64> {
    let day: Vec<f64> = day.iter().filter_map(|x| *x).collect();
    let flag = |holds: bool| Some(f64::from(u8::from(holds)));
    if name == "is_nan" {
        return flag(x.is_none());
    }
    let x = x?;
    match name {
        "abs" => Some(if x < 0.0 { -x } else { x }),
        "-" => Some(-x),
        "sign" => Some(if x == 0.0 { 0.0 } else { x / x.abs() }),
        "log" => (x > 0.0).then(|| x.ln()),
        "sqrt" => (x >= 0.0).then(|| x.sqrt()),
        "rank" => Some(average_rank(x, &day) / day.len() as f64),
        "cs_demean" => Some(x - mean(&day)),
        "cs_zscore" => deviation(&day).filter(|std| *std > 0.0).map(|std| (x - mean(&day)) / std),
        "scale" => Some(x / day.iter().map(|x| x.abs()).sum::<f64>()),
        _ => unreachable!("{name}"),
    }
}

fn two(sign: &str, a: f64, b: f64) -> Option<f64> {
    let flag = |holds: bool| Some(f64::from(u8::from(holds)));
    match sign {
        "+" => Some(a + b),
        "-" => Some(a - b),
        "*" => Some(a * b),
        "/" => Some(a / b),
        "^" => Some(a.powf(b)),
        "min" => Some(if a < b { a } else { b }),
        "max" => Some(if a > b { a } else { b }),
        "<" => flag(a < b),
        "<=" => flag(a <= b),
        ">" => flag(a > b),
        ">=" => flag(a >= b),
        "==" => flag(a == b),
        "!=" => flag(a != b),
        _ => unreachable!("{sign}"),
    }
}

fn lagged(name: &str, x: &Table, (t, j): (usize, usize), d: usize) -> Option<f64> {
    let then = || t.checked_sub(d).and_then(|s| x[s][j]);
    match name {
        "delay" => then(),
        "delta" => Some(x[t][j]? - then()?),
        "returns" => Some(x[t][j]? / then()? - 1.0),
        "top" => {
            let now = x[t][j]?;
            let ahead =
                |i: usize| x[t][i].is_some_and(|other| other > now || (other == now && i < j));
            let before = (0..x[t].len()).filter(|i| ahead(*i)).count();
            Some(f64::from(u8::from(before < d)))
        }
        "ema" => {
            x[t][j]?;
            let weight = 2.0 / (d as f64 + 1.0);
            (0..=t).filter_map(|s| x[s][j]).fold(None, |state, x| match state {
                None => Some(x),
                Some(state) => Some(weight * x + (1.0 - weight) * state),
            })
        }
        _ => unreachable!("{name}"),
    }
}

fn window(name: &str, seen: &[f64], now: Option<f64>) -> Option<f64> {
    match name {
        "ts_sum" => Some(seen.iter().sum()),
        "ts_mean" => Some(mean(seen)),
        "ts_std" => deviation(seen),
        "ts_min" => seen.iter().copied().reduce(|a, b| if b < a { b } else { a }),
        "ts_max" => seen.iter().copied().reduce(|a, b| if b > a { b } else { a }),
        "ts_rank" => Some(average_rank(now?, seen) / seen.len() as f64),
        _ => unreachable!("{name}"),
    }
}

/// The mean of the places that the equal values take in sorted order.
fn average_rank(x: f64, among: &[f64]) -> f64 {
    let mut sorted = among.to_vec();
    sorted.sort_by(f64::total_cmp);
    let places: Vec<f64> =
        sorted.iter().enumerate().filter(|(_, y)| **y == x).map(|(i, _)| i as f64 + 1.0).collect();
    mean(&places)
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

fn constant(of: &[f64]) -> bool {
    of.iter().all(|x| *x == of[0])
}

fn deviation(of: &[f64]) -> Option<f64> {
    if of.len() < 2 {
        return None;
    }
    let squares: f64 = of.iter().map(|x| (x - mean(of)).powi(2)).sum();
    Some(if constant(of) { 0.0 } else { (squares / (of.len() as f64 - 1.0)).sqrt() })
}

fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    if pairs.len() < 2 || constant(&x) || constant(&y) {
        return None;
    }
    let (mx, my) = (mean(&x), mean(&y));
    let product: f64 = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    let r = product / ((x.len() as f64 - 1.0) * deviation(&x)? * deviation(&y)?);
    Some(r.clamp(-1.0, 1.0))
}

fn exact() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["x", "y", "z"]).prop_map(Tree::Field),
        1 => (-3_i8..=3).prop_map(Tree::Number),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let boxed = inner.prop_map(Box::new);
        let two = vec!["+", "-", "*", "min", "max", "fill", "<", "<=", ">", ">=", "==", "!="];
        let one = prop::sample::select(vec!["abs", "-", "sign", "is_nan"]);
        let rows = prop::sample::select(vec!["delay", "delta"]);
        prop_oneof![
            (one, boxed.clone()).prop_map(|(name, x)| Tree::One(name, x)),
            (prop::sample::select(two), boxed.clone(), boxed.clone())
                .prop_map(|(sign, a, b)| Tree::Two(sign, a, b)),
            (boxed.clone(), boxed.clone(), boxed.clone())
                .prop_map(|(c, a, b)| Tree::Where(c, a, b)),
            (rows, boxed, 0_usize..5).prop_map(|(name, x, d)| Tree::Rows(name, x, d)),
        ]
    })
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let boxed = || exact().prop_map(Box::new);
    let window = (1_usize..28).prop_flat_map(|n| (Just(n), prop_oneof![Just(n), 1..=n]));
    let one = prop::sample::select(vec!["log", "sqrt", "rank", "cs_demean", "cs_zscore", "scale"]);
    let rows = prop::sample::select(vec!["returns", "top", "ema"]);
    let rolling = vec!["ts_sum", "ts_mean", "ts_std", "ts_min", "ts_max", "ts_rank"];
    prop_oneof![
        2 => exact(),
        4 => (one, boxed()).prop_map(|(name, x)| Tree::One(name, x)),
        1 => (prop::sample::select(vec!["/", "^"]), boxed(), boxed()).prop_map(|(sign, a, b)| Tree::Two(sign, a, b)),
        3 => (rows, boxed(), 1_usize..12).prop_map(|(name, x, d)| Tree::Rows(name, x, d)),
        6 => (prop::sample::select(rolling), boxed(), window.clone())
            .prop_map(|(name, x, (n, k))| Tree::Window(name, x, n, k)),
        3 => (boxed(), boxed(), window).prop_map(|(x, y, (n, k))| Tree::Corr(x, y, n, k)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_evaluator_agrees_with_the_slow_one(
        tree in any_tree(), seed in any::<u64>(), rows in 1_usize..45, names in 1_usize..43,
    ) {
        let panel = panels::rough(rows, names, seed);
        let text = tree.to_string();
        let (fast, slow) = (panels::evaluate(&text, &panel), slow(&tree, &panel));
        for (t, day) in slow.iter().enumerate() {
            for (j, expected) in day.iter().enumerate() {
                let (got, expected) = (fast.at(t, j), expected.unwrap_or(f64::NAN));
                let near = (got - expected).abs() <= 1e-9 * (1.0 + expected.abs());
                prop_assert!(
                    near || (got.is_nan() && expected.is_nan()),
                    "{} at row {}, name {}: {} where the rules give {}", text, t, j, got, expected
                );
            }
        }
    }
}

#[test]
fn a_wide_day_with_close_values_and_outliers_is_ranked_like_the_slow_one() {
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
        let tree = Tree::One("rank", Box::new(Tree::Field("x")));
        let (fast, slow) = (panels::evaluate("rank(x)", &panel), slow(&tree, &panel));
        for (t, day) in slow.iter().enumerate() {
            for (j, expected) in day.iter().enumerate() {
                let got = fast.at(t, j);
                assert!(
                    expected.map_or(got.is_nan(), |x| (x - got).abs() < 1e-12),
                    "row {t}, name {j}"
                );
            }
        }
    }
}
