//! Laws: no look-ahead, no trace of older history, the same bits for any number of threads.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use factor::{Error, Expression, Limits, Plan, Run, Schema};
use panels::{cut, evaluate, evaluate_on, parse, rough};
use proptest::prelude::*;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

/// Every operator, and nests of them.
const TEXTS: &[&str] = &[
    "x + y * z - x / y",
    "where(x > y and not z < 0 or is_nan(x), fill(x, y), abs(z))",
    "sign(x) + sqrt(abs(y)) + log(abs(x)) + signed_power(z, 1.5) + min(x, y) ^ 2 - max(y, z)",
    "delay(x, 3) + delta(y, 2) + returns(z, 1)",
    "ts_sum(x, 7)",
    "ts_mean(x / 3, 20)",
    "ts_std(x / 3, 13)",
    "ts_min(x, 9) + ts_max(y, 6)",
    "ts_rank(x, 12, min=3)",
    "ts_corr(x, y, 11)",
    "ts_corr(x / 3, y, 20, min=5)",
    "ts_std(x / 3, 20, min=4) + ts_mean(z / 7, 20, min=1) + ts_sum(y, 9, min=2)",
    "ts_min(x, 21, min=2) - ts_max(y, 21, min=1)",
    "rank(x) + cs_zscore(y) + cs_demean(z) + scale(x, k=2) + top(y, 3)",
    "rank(ts_corr(rank(x), ts_mean(y / 3, 4, min=2), 6, min=3)) * ts_std(delta(z, 1), 5, min=2)",
];
const STATEFUL: &[&str] = &["ema(x, 5)", "ts_mean(ema(x / 3, 9), 4, min=1) - rank(ema(y, 3))"];

fn all() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().chain(STATEFUL).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cutting_off_the_future_changes_no_bit(seed in any::<u64>(), end in 1_usize..120) {
        let panel = rough(120, 19, seed);
        let past = cut(&panel, 0, end);
        for text in all() {
            let (whole, part) = (evaluate(text, &panel), evaluate(text, &past));
            prop_assert_eq!(&whole, &whole, "not even equal to itself");
            for t in 0..end {
                prop_assert_eq!(bits(whole.row(t)), bits(part.row(t)), "{} at row {}", text, t);
            }
        }
    }

    #[test]
    fn history_before_the_window_leaves_no_trace(seed in any::<u64>(), first in 0_usize..80) {
        let panel = rough(120, 19, seed);
        for text in TEXTS {
            let lookback = parse(text, &panel).lookback();
            let late = cut(&panel, first, 120);
            let (whole, part) = (evaluate(text, &panel), evaluate(text, &late));
            for t in (first + lookback)..120 {
                prop_assert_eq!(bits(whole.row(t)), bits(part.row(t - first)), "{} at row {}", text, t);
            }
        }
    }
}

fn bits(row: &[f64]) -> Vec<u64> {
    row.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let panel = rough(900, 203, 7);
    for text in all() {
        let one = evaluate_on(text, &panel, 1);
        for threads in [2, 3, 8] {
            let more = evaluate_on(text, &panel, threads);
            assert!(
                (0..900).all(|t| bits(one.row(t)) == bits(more.row(t))),
                "{text}, {threads} threads"
            );
        }
    }
}

#[test]
fn an_operator_sees_only_the_values_of_its_argument() {
    let mut panel = rough(80, 11, 3);
    for inner in ["x / 3", "ts_mean(x / 3, 4, min=1)", "rank(x)"] {
        let column = evaluate(inner, &panel);
        panel.insert("inner", column).expect("fits");
        for outer in
            ["rank(@)", "ts_std(@, 6, min=2)", "ema(@, 4)", "ts_corr(@, y, 5, min=2)", "top(@, 4)"]
        {
            let nested = evaluate(&outer.replace('@', inner), &panel);
            let stored = evaluate(&outer.replace('@', "inner"), &panel);
            assert!(
                (0..80).all(|t| bits(nested.row(t)) == bits(stored.row(t))),
                "{outer} of {inner}"
            );
        }
    }
}

#[test]
fn canonical_text_reads_back_as_itself() {
    let panel = rough(40, 5, 9);
    let more = [
        "-(-x) ^ 2 ^ -y",
        "(x ^ y) ^ z",
        "not (not x > 1) == (y > 2)",
        "x - (y - z) - (x / (y / z))",
        "(x < y) < z",
        "delay(x, 2 * 3)",
        "ts_mean(x, 5, min=5)",
        "scale(x, k=-0.5)",
        "1e300 * 1e-7 * x",
    ];
    for text in all().chain(more) {
        let once = parse(text, &panel);
        let twice = parse(&once.to_string(), &panel);
        assert_eq!(once.to_string(), twice.to_string(), "{text}");
        assert_eq!(evaluate(text, &panel), evaluate(&once.to_string(), &panel), "{text} is {once}");
    }
}

fn plan(texts: &[&str], limits: &Limits) -> Result<Plan, Error> {
    let schema = Schema::bars();
    let one = |(i, text): (usize, &&str)| {
        (format!("f{i}"), Expression::parse(text, &schema, limits).expect("an expression"))
    };
    Plan::new(&texts.iter().enumerate().map(one).collect::<Vec<_>>(), &schema, limits)
}

#[test]
fn what_expressions_share_is_there_once() {
    let limits = Limits::default();
    let nodes = |texts: &[&str]| plan(texts, &limits).expect("a plan").nodes();
    assert_eq!(nodes(&["rank(close)", "rank(close) + 1", "1 + rank(close)"]), 4);
    assert_eq!(nodes(&["close * (2 + 3)", "close * 5"]), 3);
    assert_eq!(nodes(&["delay(close, 10)", "delay(close, 2 * 5)"]), 2);
}

#[test]
fn cost_is_known_before_a_run_and_refused_above_the_limits() {
    let limits = Limits::default();
    let cost = plan(&["ts_mean(close, 20) / close"], &limits).expect("a plan").cost(100, 10);
    // One result, three columns of work beside it, and a window that keeps at most 6 × 20 rows of 32.
    assert_eq!((cost.cells, cost.bytes), (2 * 1600, ((100 + 3 * 100) * 16 + 120 * 32) * 8));
    let chain = format!("close{}", " + abs(close * 2)".repeat(50));
    let cost = plan(&[&chain], &limits).expect("a plan").cost(100, 8);
    assert!(cost.bytes <= 7 * 800 * 8, "memory is freed after its last use: {}", cost.bytes);

    let panel = {
        let mut panel = panels::bare(100, 8);
        panel.insert("close", market::Column::missing(100, 8)).expect("fits");
        panel
    };
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1000 };
    let refused = plan(&["rank(close)"], &limits).expect("a plan").evaluate(&panel, &run);
    assert_eq!(refused.err(), Some(Error::Memory { needed: 3 * 6400, limit: 1000 }));
    let little = Limits { work: 1000, ..Limits::default() };
    let refused = plan(&["rank(close)"], &little).expect("a plan").evaluate(&panel, &run);
    assert_eq!(refused.err(), Some(Error::Work { needed: 16_000, limit: 1000 }));
    let little = Limits { plan_nodes: 2, ..Limits::default() };
    assert_eq!(plan(&["close + 1"], &little).err(), Some(Error::Nodes { found: 3, limit: 2 }));
    let run = Run { memory_bytes_max: 1 << 20, ..run };
    let refused = plan(&["open + 1"], &limits).expect("a plan").evaluate(&panel, &run);
    assert_eq!(refused.err(), Some(Error::Field { name: "open".into() }));
}

#[test]
fn a_raised_flag_ends_a_run() {
    let panel = rough(50, 9, 1);
    let set = [("it".to_owned(), parse("rank(ts_mean(x, 5))", &panel))];
    let plan = Plan::new(&set, &Schema::of(&panel), &Limits::default()).expect("a plan");
    let cancel = AtomicBool::new(true);
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("at least one");
        let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
        assert_eq!(plan.evaluate(&panel, &run), Err(Error::Cancelled));
    }
}
