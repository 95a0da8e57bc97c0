//! Texts made to hurt: each is answered by a typed finding, or evaluated, within milliseconds.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    clippy::disallowed_types,
    reason = "tests: a wrong index is a failure, values are exact, and how long an answer takes is what is asked"
)]

mod panels;

use factor::{
    Error, Expression, Limits, Operator, ParameterKind, Plan, Run, Schema, complete, operators,
};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Far more than an answer takes on an idle machine, and far less than a step for every pair takes.
const PATIENCE: Duration = Duration::from_secs(1);

fn schema() -> Schema {
    Schema { groups: ["sector".to_owned()].into(), ..Schema::bars() }
}

/// What it gives, if the best of three tries is quick.
#[track_caller]
fn quick<T>(what: &str, f: impl Fn() -> T) -> T {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let value = f();
        best = best.min(start.elapsed());
        if best < PATIENCE {
            return value;
        }
    }
    panic!("{} takes {best:?}", excerpt(what))
}

fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The codes of the findings, in text order.
#[track_caller]
fn codes(text: &str, limits: &Limits) -> Vec<&'static str> {
    let read = quick(text, || Expression::parse(text, &schema(), limits));
    let found = read.expect_err(&excerpt(text));
    assert!(found.len() <= 20, "few findings, not {}", found.len());
    for one in &found {
        assert!(text.get(one.span.start..one.span.end).is_some(), "{one} cuts a character");
        assert!(one.to_string().len() < 900, "{one}");
    }
    found.iter().map(|one| one.code).collect()
}

#[track_caller]
fn refused(text: &str, code: &str) {
    assert_eq!(codes(text, &Limits::default()).first(), Some(&code), "{}", excerpt(text));
}

#[track_caller]
fn accepted(text: &str) -> Expression {
    let read = quick(text, || Expression::parse(text, &schema(), &Limits::default()));
    read.unwrap_or_else(|found| panic!("{}: {found:?}", excerpt(text)))
}

/// Limits that leave it to the parser itself to survive.
fn vast() -> Limits {
    Limits { text_bytes: usize::MAX, depth: usize::MAX, ..Limits::default() }
}

#[test]
fn a_text_of_a_million_nodes_is_refused() {
    let check = |text: &str, code: &str| {
        refused(text, "length");
        assert_eq!(codes(text, &vast()).first(), Some(&code), "{}", excerpt(text));
    };
    let million = 1_000_000;
    check(&"close+".repeat(million), "nodes");
    check(&"1,".repeat(million), "trailing");
    check(&format!("max({}1)", "1,".repeat(million)), "nodes");
    check(&"(".repeat(million), "depth");
    check(&"not ".repeat(million), "depth");
    check(&"let ".repeat(million), "expected");
    check(&"let a=1;".repeat(million / 8), "nodes");
    check(&"a=".repeat(million), "trailing");
    check(&"close\n".repeat(million), "trailing");
    check(&format!("1e{}", "9".repeat(million)), "number");
    check(&format!("0.{}e", "0".repeat(million)), "number");
    check(&"x".repeat(million), "unknown-name");
    check(&format!("{}(close)", "x".repeat(million)), "unknown-operator");
}

#[test]
fn comments_and_spaces_alone_are_no_expression() {
    for text in [" ", "\n\n\t", "#", "# ts_mean(close, 5)", "#\r\n#\n"] {
        refused(text, "expected");
    }
    refused(&"# comment\n".repeat(6000), "expected");
    accepted(&format!("{}close", "# comment\n".repeat(6000)));
}

#[test]
fn windows_inside_windows_are_refused_by_what_they_reach_and_cost() {
    let nest = |times: usize, n: usize| {
        (0..times).fold("close".to_owned(), |inner, _| format!("ts_mean({inner}, {n})"))
    };
    refused(&nest(100, 9999), "window");
    refused(&nest(200, 2), "depth");
    accepted(&nest(100, 100));
    let chain = (0..60).fold("let a0 = close; ".to_owned(), |text, i| {
        format!("{text}let a{} = delay(a{i}, 9999); ", i + 1)
    });
    refused(&format!("{chain}a60"), "window");

    // Ten of them are within reach; what they cost on a large panel is known, and refused unrun.
    let expression = accepted(&nest(10, 9999).replace("ts_mean", "ts_rank"));
    let limits = Limits::default();
    let plan =
        Plan::new(&[("it".to_owned(), expression)], &Schema::bars(), &limits).expect("a plan");
    let cost = plan.cost(1_000_000, 5000);
    assert!(cost.work > limits.work, "{cost:?}");
    let mut panel = panels::bare(100, 1);
    panel.insert("close", market::Column::missing(100, 1)).expect("fits");
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 12 };
    let refused = quick("a run", || plan.evaluate(&panel, &run));
    assert!(matches!(refused, Err(Error::Memory { .. } | Error::Work { .. })), "{refused:?}");
}

#[test]
fn letters_that_only_look_right_are_named() {
    for text in [
        "сlose",                 // Cyrillic es
        "cl\u{200b}ose",         // zero-width space
        "close\u{202e} + open",  // right-to-left override
        "\u{2067}close\u{2069}", // isolates
        "\u{feff}close",         // byte order mark
        "close\u{301}",          // combining accent
        "ｃｌｏｓｅ",            // full width
        "close + １２",          // full-width digits
        "close \u{2212} open",   // minus sign
        "close\u{a0}+ open",     // no-break space
        "let a = 1\u{37e} a",    // Greek question mark, looks like a semicolon
        "close \u{2062} open",   // invisible times
        "max\u{ff08}close, 1)",  // full-width parenthesis
        "close # ok\u{2028}+",   // a line separator does not end a comment: inside it is all right
        "close\0",
        "close\u{1b}[2J",
        "\u{1f4c8}",
        "close + \u{10ffff}",
        "ﬁll(close, 0)",     // a ligature
        "closе",             // Cyrillic ie
        "ts_mean(close, ٥)", // an Arabic digit
    ] {
        if text.contains('#') {
            accepted(text);
        } else {
            assert!(codes(text, &Limits::default()).contains(&"character"), "{text:?}");
        }
    }
    refused(&"\u{202e}\u{200b}".repeat(10_000), "character");
    refused(&"a\u{301}".repeat(15_000), "character");
}

#[test]
fn doubling_by_let_stays_linear() {
    let bomb = |times: usize, sign: &str| {
        let lets = (1..=times).map(|i| format!("let a{i} = a{} {sign} a{};", i - 1, i - 1));
        format!("let a0 = close; {} a{times}", lets.collect::<Vec<_>>().join(" "))
    };
    let sixty = accepted(&bomb(60, "+"));
    assert_eq!(sixty.nodes(), 61);
    let shown = quick("shown", || sixty.to_string());
    assert!(shown.len() < 10_000, "{} bytes", shown.len());
    assert_eq!(accepted(&shown).to_string(), shown);

    let mut panel = panels::bare(1, 1);
    panel.insert("close", panels::column(&[&[1.5]])).expect("fits");
    let result = quick("sixty doublings", || panels::evaluate(&bomb(60, "+"), &panel));
    assert_eq!(result.at(0, 0), 1.5 * 2_f64.powi(60));
    let result = quick("a thousand doublings", || panels::evaluate(&bomb(1200, "+"), &panel));
    assert!(result.at(0, 0).is_nan(), "what overflows is missing");
    let result = quick("squares", || panels::evaluate(&bomb(60, "*"), &panel));
    assert!(result.at(0, 0).is_nan());

    let calls = (1..=60)
        .map(|i| format!("let a{i} = where(a{0} > 0, max(a{0}, 1), fill(a{0}, a{0}));", i - 1));
    let text = format!("let a0 = close; {} a60", calls.collect::<Vec<_>>().join(" "));
    assert!(accepted(&text).to_string().len() < 20_000);
    assert!(quick("calls", || panels::evaluate(&text, &panel)).at(0, 0) == 1.5);
}

#[test]
fn operators_that_are_texts_stay_linear_too() {
    let defined = || operators().iter().filter(|operator| operator.definition().is_some());
    let call = |operator: &Operator, inner: &str| {
        let inputs = operator.positional().filter(|one| one.kind.is_series()).count();
        let windows = operator.positional().filter(|one| !one.kind.is_series());
        let windows: String = windows.map(|_| ", 2").collect();
        let inputs = vec![inner; inputs].join(", ");
        format!("{}({inputs}{windows})", operator.name)
    };
    for (i, operator) in defined().enumerate() {
        if operator.parameters.iter().any(|one| matches!(one.kind, ParameterKind::Group)) {
            continue;
        }
        // One inside another sixty times, through `let`: its inputs stand in its text many times over.
        let chain = (0..60).map(|i| {
            let value = call(operator, &format!("a{i}"));
            format!("let a{} = {value}; ", i + 1)
        });
        let text = format!("let a0 = close > 1; {}a60", chain.collect::<Vec<_>>().concat());
        let read = quick(&text, || Expression::parse(&text, &schema(), &Limits::default()));
        if let Ok(expression) = read {
            assert!(expression.nodes() < 60 * 150, "{text}: {} nodes", expression.nodes());
            let shown = quick(&text, || expression.to_string());
            assert!(shown.len() < 1 << 20, "{}: {} bytes", operator.name, shown.len());
        }
        // As many side by side as a text may hold, for some of them.
        if i % 6 > 0 {
            continue;
        }
        let one = call(operator, "close");
        let many = vec![one.as_str(); 60_000 / (one.len() + 1)].join("+");
        let _ = quick(&many, || Expression::parse(&many, &schema(), &Limits::default()));
    }
}

#[test]
fn a_text_full_of_unknown_names_is_answered_as_quickly() {
    let names: Vec<String> = (0..4900).map(|i| format!("q{i:05}")).collect();
    refused(&names.join("+"), "unknown-name");
    let calls: Vec<String> = (0..3300).map(|i| format!("q{i:05}(1)")).collect();
    refused(&calls.join("+"), "unknown-operator");
    let keywords: Vec<String> = (0..3000).map(|i| format!("k{i}=1")).collect();
    refused(&format!("scale(close, {})", keywords.join(",")), "keyword");
    let same = "k=1,".repeat(9000);
    refused(&format!("scale(close, {same} k=1)"), "keyword");
    let lets = (0..2000).map(|i| format!("let v{i:04}=1;")).collect::<Vec<_>>().concat();
    refused(&format!("{lets}{}", names[..2900].join("+")), "unknown-name");
    let long = "w".repeat(40);
    let lets = (0..1000).map(|i| format!("let {long}{i}=1;")).collect::<Vec<_>>().concat();
    refused(&format!("{lets}{}", format!("{long}x+").repeat(300)), "unknown-name");
    let again = "let v=1;".repeat(4000);
    refused(&format!("{again}v"), "let");
    refused(&format!("close{}", " < close".repeat(3000)), "chain");
    refused(&"sector+".repeat(4000), "type");
}

#[test]
fn absurd_windows_are_refused_by_name() {
    for n in [
        "0",
        "-0",
        "0.5",
        "2.5",
        "1e300",
        "1e-300",
        "10001",
        "9007199254740993",
        "2^63",
        "2^64",
        "-(2^70)",
    ] {
        let text = format!("ts_mean(close, {n})");
        assert!(matches!(codes(&text, &Limits::default())[0], "window" | "look-ahead"), "{text}");
    }
    for n in ["-1", "-5", "1 - 3", "-1e3"] {
        refused(&format!("ts_mean(close, {n})"), "look-ahead");
        refused(&format!("delay(close, {n})"), "look-ahead");
    }
    // What folds to no number, and what is none.
    for n in [
        "1/0",
        "0/0",
        "log(-1)",
        "sqrt(-4)",
        "1e308*10",
        "(-8)^0.5",
        "close",
        "close > 1",
        "is_nan(close)",
        "ts_mean(3, 2)",
    ] {
        let text = format!("ts_mean(close, {n})");
        let found = codes(&text, &Limits::default());
        assert!(matches!(found[0], "constant" | "window" | "range" | "type"), "{text}: {found:?}");
    }
    for least in ["0", "-1", "6", "1.5", "1e300", "0/0", "close"] {
        let text = format!("ts_mean(close, 5, min={least})");
        let found = codes(&text, &Limits::default());
        assert!(matches!(found[0], "type" | "window" | "look-ahead"), "{text}: {found:?}");
    }
    for text in [
        "top(close, 0)",
        "top(close, -1)",
        "top(close, 0.5)",
        "delay(close, 1.5)",
        "delay(close, 1e300)",
    ] {
        assert!(matches!(codes(text, &Limits::default())[0], "window" | "look-ahead"), "{text}");
    }
    for text in [
        "nan",
        "NaN",
        "inf",
        "close + infinity",
        "1e309 * close",
        "0x10",
        "1_000",
        "1e",
        "1.2.3",
        "5f64",
    ] {
        let found = codes(text, &Limits::default());
        assert!(matches!(found[0], "unknown-name" | "number"), "{text}: {found:?}");
    }
    let expression = accepted("ts_mean(close, 1)");
    assert_eq!(expression.lookback(), 0);
    accepted("delay(close, 0)");
    accepted("ts_mean(close, 10000)");
    accepted("ts_mean(close, 2.0 + 3)");
}

#[test]
fn completion_answers_quickly_anywhere() {
    let texts = [
        "ts_mean(".repeat(8000),
        "((((".repeat(16_000),
        "let a = 1; ".repeat(6000),
        (0..5000).map(|i| format!("let v{i}=1;")).collect::<Vec<_>>().concat(),
        "é".repeat(30_000),
        "# ".repeat(30_000),
        "x".repeat(64_000),
    ];
    for text in texts {
        for at in [0, 1, text.len() / 2, text.len() - 1, text.len(), usize::MAX] {
            quick(&text, || complete(&text, at, &schema()));
        }
    }
}
