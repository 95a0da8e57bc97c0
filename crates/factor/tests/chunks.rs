//! Rows that come one by one, some by some or all at once, names given by `let`, and the future cut off.
#![allow(clippy::indexing_slicing, reason = "tests: a wrong index is a failure")]

mod panels;
use factor::{Error, Expression, Limits, ParameterKind, Plan, Run, Schema, truncate_check};
use market::{Labels, NarrowPanel, Panel};
use panels::{evaluate, evaluate_on, parse, rough};
use std::{num::NonZeroUsize, sync::atomic::AtomicBool};

const TEXTS: &[&str] = &[
    "x + y / z",
    "delay(x, 3) - delta(y, 2) + returns(x, 1)",
    "ts_mean(x, 5) + ts_std(y, 20, min=3) - ts_corr(x, y, 7)",
    "rank(ts_rank(x, 6)) + ema(rank(y), 4)",
    "where(x > ts_max(delay(y, 1), 12), cs_zscore(x), scale(z, k=2))",
    "ts_sum(fill(x, 0), 40) + ts_min(1, 3)",
];

fn plan(texts: &[&str], panel: &Panel) -> Plan {
    let set: Vec<_> =
        texts.iter().enumerate().map(|(i, text)| (format!("e{i}"), parse(text, panel))).collect();
    Plan::new(&set, &Schema::of(panel), &Limits::default()).expect("a plan")
}

/// The cells of all results, when so many rows are pushed at a time.
fn streamed(plan: &Plan, panel: &Panel, chunk: usize) -> Vec<Vec<u64>> {
    let mut stream = plan.stream(panel.symbols().len());
    let cancel = AtomicBool::new(false);
    let mut results = vec![Vec::new(); TEXTS.len()];
    let fields: Vec<_> = stream.fields().to_vec();
    for first in (0..panel.rows()).step_by(chunk) {
        let last = (first + chunk).min(panel.rows());
        let cells = first * stream.stride()..last * stream.stride();
        let rows: Vec<&[f64]> = fields
            .iter()
            .map(|name| &panel.field(name).expect("is there").values()[cells.clone()])
            .collect();
        stream.push(&panel.times()[first..last], (&rows, &[]), &cancel).expect("fits");
        for (i, result) in results.iter_mut().enumerate() {
            result.extend(stream.result(i).iter().map(|x| x.to_bits()));
        }
    }
    results
}

#[test]
fn rows_that_come_one_by_one_give_the_bits_of_the_whole() {
    for (seed, names) in [(1, 9), (2, 1), (3, 17)] {
        let panel = rough(137, names, seed);
        let plan = plan(TEXTS, &panel);
        let cancel = AtomicBool::new(false);
        for threads in [1, 2, 4] {
            let threads = NonZeroUsize::new(threads).expect("not 0");
            let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
            let batch = plan.evaluate(&panel, &run).expect("a result");
            let bits: Vec<Vec<u64>> = batch
                .iter()
                .map(|(_, column)| column.values().iter().map(|x| x.to_bits()).collect())
                .collect();
            for chunk in [1, 2, 7, 64, 137] {
                assert_eq!(streamed(&plan, &panel, chunk), bits, "rows {chunk}");
            }
        }
    }
}

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

#[test]
fn a_single_name_without_padding_gives_the_same_bits() {
    let bars = rough(200, 1, 7);
    let mut panel = panels::bare(200, 1);
    let names = ["open", "high", "low", "close", "volume", "vwap", "cap"];
    for (name, from) in names.iter().zip(["x", "y", "z"].iter().cycle()) {
        panel.insert(*name, bars.field(from).expect("is there").clone()).expect("fits");
    }
    for name in ["sector", "industry", "subindustry"] {
        panel.insert_labels(name, Labels::missing(200, 1)).expect("fits");
    }
    let schema = factor::library_schema();
    let parse = |text: &str| Expression::parse(text, &schema, &Limits::default()).expect("parses");
    let mut set: Vec<_> =
        factor::library().iter().map(|e| (e.name.to_owned(), parse(e.text))).collect();
    let texts = factor::operators().iter().map(call);
    set.extend(texts.map(|text| (text.clone(), parse(&text))));
    let plan = Plan::new(&set, &schema, &Limits::default()).expect("a plan");
    let mut stream = plan.lone_stream();
    assert_eq!(stream.stride(), 1);
    let cancel = AtomicBool::new(false);
    let threads = NonZeroUsize::MIN;
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let whole = plan.evaluate(&panel, &run).expect("a result");
    for (first, last) in [(0, 1), (1, 64), (64, 70), (70, 200)] {
        let part = |name: &str| -> Vec<f64> {
            let field = panel.field(name).expect("is there");
            (first..last).map(|t| field.row(t)[0]).collect()
        };
        let fields: Vec<Vec<f64>> = stream.fields().iter().map(|name| part(name)).collect();
        let fields: Vec<&[f64]> = fields.iter().map(Vec::as_slice).collect();
        let codes = vec![Labels::NONE; last - first];
        let codes = vec![&codes[..]; stream.groups().len()];
        stream.push(&panel.times()[first..last], (&fields, &codes), &cancel).expect("fits");
        for (i, (name, column)) in whole.iter().enumerate() {
            let want: Vec<u64> = (first..last).map(|t| column.row(t)[0].to_bits()).collect();
            let found: Vec<u64> = stream.result(i).iter().map(|x| x.to_bits()).collect();
            assert_eq!(found, want, "{name} from row {first}");
        }
    }
}

#[test]
fn rows_that_do_not_fit_are_refused_and_a_cancelled_stream_stays_so() {
    let panel = rough(10, 3, 1);
    let plan = plan(&["ts_mean(x, 3)"], &panel);
    let mut stream = plan.stream(3);
    let (go, stop) = (AtomicBool::new(false), AtomicBool::new(true));
    let row = &panel.field("x").expect("is there").values()[..8];
    let time = &panel.times()[..1];
    assert_eq!(stream.push(time, (&[], &[]), &go), Err(Error::Shape { cells: 8 }));
    assert_eq!(stream.push(time, (&[&row[..7]], &[]), &go), Err(Error::Shape { cells: 8 }));
    assert_eq!(stream.push(time, (&[row], &[]), &go), Ok(()));
    assert_eq!(stream.push(time, (&[row], &[]), &stop), Err(Error::Cancelled));
    assert_eq!(stream.push(time, (&[row], &[]), &go), Err(Error::Cancelled));
}

#[test]
fn a_name_given_by_let_stands_for_its_value() {
    let panel = rough(40, 5, 4);
    let check = |text: &str, same: &str| {
        assert_eq!(parse(text, &panel).to_string(), parse(same, &panel).to_string());
        assert_eq!(evaluate(text, &panel), evaluate(same, &panel));
    };
    check("let m = ts_mean(x, 5); x - m", "x - ts_mean(x, 5)");
    check(
        "let n = 2 * 5; let m = ts_mean(x, n);\n# a remark\nm / n",
        "ts_mean(x, 2 * 5) / (2 * 5)",
    );
    check("let x = y; x + z", "y + z");
}

#[test]
fn doubling_lets_stay_small_and_read_back() {
    let panel = rough(5, 2, 1);
    let mut text = "let a0 = x + 1; ".to_owned();
    for i in 1..=60 {
        text += &format!("let a{i} = a{0} + a{0}; ", i - 1);
    }
    text += "a60";
    let parsed = parse(&text, &panel);
    assert_eq!(parsed.nodes(), 63);
    let shown = parsed.to_string();
    assert!(shown.len() < 2_000, "{shown}");
    assert_eq!(parse(&shown, &panel), parsed);
    assert_eq!(evaluate(&text, &panel), evaluate(&shown, &panel));
}

#[test]
fn rewriting_changes_no_bit() {
    let panel = rough(60, 11, 9);
    for (text, same) in [
        ("rank(rank(x))", "rank(x)"),
        ("-(-x)", "x"),
        ("-1 * x", "-x"),
        ("x / 1 * 1 - 0", "x"),
        ("delay(delay(x, 2), 3)", "delay(x, 5)"),
        ("delay(x, 0)", "x"),
        ("ts_mean(x, 1) + ts_max(y, 1)", "x + y"),
    ] {
        let plan = plan(&[text, same], &panel);
        let alone = evaluate_on(text, &panel, 1);
        assert_eq!(alone, evaluate_on(same, &panel, 1), "{text}");
        let shared = plan.nodes();
        assert_eq!(shared, self::plan(&[same], &panel).nodes(), "{text} is {same}");
    }
}

#[test]
fn cutting_the_future_off_changes_nothing() {
    let panel = rough(90, 6, 5);
    let plan = plan(TEXTS, &panel);
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let found = truncate_check(&plan, &panel, &[0, 1, 17, 89, 90, 500], &run).expect("runs");
    assert_eq!(found.cuts, [0, 1, 17, 89]);
    assert_eq!(found.compared, (1 + 17 + 89) * 6 * TEXTS.len() as u64);
    assert_eq!(found.leaks, []);
}

#[test]
fn columns_stored_as_f32_are_computed_in_f64_and_rounded_once() {
    let panel = rough(70, 10, 6);
    let plan = plan(TEXTS, &panel);
    let cancel = AtomicBool::new(false);
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("not 0");
        let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
        let wide = plan.evaluate(&panel, &run).expect("a result");
        // The panel's quarters are `f32` already, so only the results are rounded.
        let narrow = NarrowPanel::from(panel.clone());
        let narrow = plan.evaluate_narrow(&narrow, &run).expect("a result");
        for ((name, wide), (_, narrow)) in wide.iter().zip(&narrow) {
            let rounded = market::NarrowColumn::rounded(wide.values(), wide.stride());
            let same = rounded.values().iter().zip(narrow.values());
            let same = same
                .into_iter()
                .all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
            assert!(same, "{name}");
        }
    }
}

#[test]
fn columns_of_an_earlier_run_are_written_again_and_hold_nothing_of_it() {
    let panel = rough(70, 10, 6);
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let fresh = plan(TEXTS, &panel).evaluate(&panel, &run).expect("a result");
    let mut columns = Vec::new();
    // Other expressions, more of them, then fewer, and another panel in between.
    plan(&["x", "y", "z", "1", "x * y", "rank(x)", "-y"], &panel)
        .evaluate_into(&panel, &run, &mut columns)
        .expect("a result");
    let first = columns[0].values().as_ptr();
    plan(TEXTS, &panel).evaluate_into(&panel, &run, &mut columns).expect("a result");
    assert!(columns.iter().eq(fresh.iter().map(|(_, column)| column)));
    assert_eq!(columns[0].values().as_ptr(), first, "no new memory");
    let other = rough(20, 3, 7);
    plan(&["x"], &other).evaluate_into(&other, &run, &mut columns).expect("a result");
    assert_eq!((columns.len(), columns[0].rows()), (1, 20));
    plan(TEXTS, &panel).evaluate_into(&panel, &run, &mut columns).expect("a result");
    assert!(columns.iter().eq(fresh.iter().map(|(_, column)| column)));
}
