//! The language: what is refused, where, with which words; and hostile input.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use factor::{CompletionKind, Expression, Limits, Schema, Span, Type, complete, operators};

fn schema() -> Schema {
    Schema { groups: ["sector".to_owned()].into(), ..Schema::bars() }
}

fn findings(text: &str) -> Vec<String> {
    match Expression::parse(text, &schema(), &Limits::default()) {
        Ok(expression) => vec![format!("ok: {expression}")],
        Err(found) => found
            .iter()
            .map(|one| {
                let help = one.help.as_ref().map_or_else(String::new, |help| format!(" | {help}"));
                let Span { start, end } = one.span;
                format!("{start}..{end} {}: {}{help}", one.code, one.message)
            })
            .collect(),
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(findings(text), expected, "{text}");
}

#[test]
fn precedence_is_the_usual_one() {
    check("open+close*2", &["ok: open + close * 2"]);
    check("(open+close)*2", &["ok: (open + close) * 2"]);
    check("-close^2", &["ok: -close ^ 2"]);
    check("2^-close", &["ok: 2 ^ (-close)"]);
    check("open-(close-low)", &["ok: open - (close - low)"]);
    check(
        "open<close and not low>1 or high==2",
        &["ok: open < close and not low > 1 or high == 2"],
    );
    check("and(open<close, low>1)", &["ok: open < close and low > 1"]);
    check("ts_mean( close ,5, min = 3 )", &["ok: ts_mean(close, 5, min=3)"]);
    check("add(open, close)", &["ok: open + close"]);
    check("1.5e3 * .5", &["ok: 1500 * 0.5"]);
}

#[test]
fn looking_ahead_is_a_type_error_that_says_so() {
    let help = "an expression sees the current row and earlier ones: count rows back, from 0";
    let ahead = |span: &str, what: &str, rows: &str| {
        format!("{span} look-ahead: {what} looks {rows} ahead | {help}")
    };
    check("delay(close, -1)", &[&ahead("13..15", "`delay` with d = -1", "1 row")]);
    check("delta(close, 1 - 3)", &[&ahead("13..18", "`delta` with d = -2", "2 rows")]);
    check("ts_mean(close, -5)", &[&ahead("15..17", "`ts_mean` with n = -5", "5 rows")]);
    check("returns(close, -1) > 0", &[&ahead("15..17", "`returns` with d = -1", "1 row")]);
}

#[test]
fn windows_are_whole_positive_bounded_constants() {
    check("ts_mean(close, 0)", &["15..16 window: n = 0 is not a whole number of at least 1"]);
    check("ts_mean(close, 2.5)", &["15..18 window: n = 2.5 is not a whole number of at least 1"]);
    check("ts_mean(close, 1e9)", &["15..18 window: n = 1000000000 is more than the 10000 allowed"]);
    check("ts_mean(close, open)", &["15..19 type: `n` must be a constant, such as 20"]);
    check("ts_mean(close, 5, min=6)", &["22..23 window: min=6 is more than the window's 5 rows"]);
    check("delay(close, 0 / 0)", &["13..18 window: d = NaN is not a whole number of at least 0"]);
}

#[test]
fn names_and_arguments_that_do_not_fit_are_named_with_a_remedy() {
    check("clsoe", &["0..5 unknown-name: there is no field `clsoe` | did you mean `close`?"]);
    check(
        "ts_maen(close, 5)",
        &["0..7 unknown-operator: there is no operator `ts_maen` | did you mean `ts_mean`?"],
    );
    check(
        "close(1)",
        &[
            "0..5 unknown-operator: there is no operator `close` | `close` is a field: a product needs its `*`",
        ],
    );
    check(
        "rank + 1",
        &["0..4 unknown-name: there is no field `rank` | `rank` is an operator: write `rank(x)`"],
    );
    check("rank(close, 1)", &["0..4 arity: `rank` takes 1 argument, here are 2 | write `rank(x)`"]);
    check(
        "ts_mean(close, 5, k=1)",
        &["18..19 keyword: `ts_mean` has no keyword `k=` | write `ts_mean(x, n, min=n)`"],
    );
    check(
        "close and open > 1",
        &["0..5 type: `and` takes truths here, and this is a number | compare it, as in `x > 0`"],
    );
    check("rank(sector)", &["5..11 type: `sector` is a group label, not a number"]);
    check("sector", &["0..6 type: a group label is no result: use it in an operator by groups"]);
    check("0 < close < 5", &["10..11 chain: comparisons do not chain | write `a < b and b < c`"]);
}

#[test]
fn several_errors_of_one_text_are_found_at_once() {
    check(
        "ts_mean(clsoe, -1) + rnak(open",
        &[
            "8..13 unknown-name: there is no field `clsoe` | did you mean `close`?",
            "15..17 look-ahead: `ts_mean` with n = -1 looks 1 row ahead | an expression sees the current row and earlier ones: count rows back, from 0",
            "21..25 unknown-operator: there is no operator `rnak` | did you mean `rank`?",
            "25..26 unclosed: this `(` has no `)`",
        ],
    );
    check(
        "open + * close ) 3x",
        &[
            "7..8 expected: a number, a name or `(` is missing before `*`",
            "15..16 trailing: `)` stands after the end of the expression | there is no `(` for it",
            "17..19 number: `3x` is not a number | write 12, 0.5 or 1e6; a product needs its `*`",
        ],
    );
    check("", &["0..0 expected: a number, a name or `(` is missing before the end of the text"]);
    check("(open close)", &["6..11 expected: `)` or an operator is missing before `close`"]);
}

#[test]
fn characters_outside_ascii_are_named_with_their_place() {
    check(
        "open − close",
        &[
            "5..8 character: `−` (U+2212) at byte 5 is not part of the language, which is ASCII | write `-`",
            "9..14 trailing: `close` stands after the end of the expression | join two expressions with an operator, such as `*` or `and`",
        ],
    );
    check("clоse", &[
        "0..2 unknown-name: there is no field `cl`",
        "2..4 character: `о` (U+043E) at byte 2 is not part of the language, which is ASCII",
        "4..6 trailing: `se` stands after the end of the expression | join two expressions with an operator, such as `*` or `and`",
    ]
    .map(|one| if one.starts_with("0..2") { "0..2 unknown-name: there is no field `cl` | the data have close, high, low, open, volume, sector" } else { one }));
    check(
        "close\u{202e}",
        &[
            "5..8 character: U+202E at byte 5 is not part of the language, which is ASCII | it is invisible: delete it",
        ],
    );
    check("close ** 2", &["6..8 character: `**` is not an operator | write `^` for a power"]);
}

#[test]
fn types_lookback_and_lag_are_known() {
    let of =
        |text: &str| Expression::parse(text, &schema(), &Limits::default()).expect("an expression");
    for (text, expected, lookback, lag) in [
        ("close", Type::Number, 0, 0),
        ("1 + 2", Type::Constant, 0, 0),
        ("close > open", Type::Truth, 0, 0),
        ("top(delay(close, 21) / delay(close, 252), 50)", Type::Truth, 252, 21),
        ("ts_mean(delta(close, 5), 20)", Type::Number, 24, 0),
        ("delay(close > open, 1)", Type::Truth, 1, 1),
        ("where(close > 1, close > 2, 0)", Type::Truth, 0, 0),
        ("where(close > 1, 1, 0)", Type::Number, 0, 0),
        ("ema(close, 10) > ema(close, 30)", Type::Truth, 29, 0),
    ] {
        let it = of(text);
        assert_eq!(
            (it.result_type(), it.lookback(), it.lag()),
            (expected, lookback, lag),
            "{text}"
        );
    }
}

#[test]
fn hostile_input_gets_a_short_typed_error() {
    let refused = |text: &str, limits: &Limits| {
        let found = Expression::parse(text, &schema(), limits).expect_err("is refused");
        assert!(found.len() <= 20, "few findings, not {}", found.len());
        found[0].code
    };
    let limits = Limits::default();
    let vast = Limits {
        text_bytes: usize::MAX,
        depth: usize::MAX,
        nodes: usize::MAX,
        ..Limits::default()
    };
    let million = 1_000_000;
    assert_eq!(refused(&"(".repeat(million), &limits), "length");
    assert_eq!(refused(&"(".repeat(million), &vast), "depth");
    assert_eq!(refused(&"-".repeat(million), &vast), "depth");
    assert_eq!(refused(&"rank(".repeat(million / 5), &vast), "depth");
    assert_eq!(refused(&"2^".repeat(million / 2), &vast), "depth");
    assert_eq!(refused(&")".repeat(million), &vast), "expected");
    assert_eq!(refused(&"é".repeat(million), &vast), "character");
    assert_eq!(refused(&"1 ".repeat(30_000), &limits), "trailing");
    assert_eq!(refused(&"close+".repeat(10_000), &limits), "nodes");
    assert_eq!(refused(&"x".repeat(million), &vast), "unknown-name");
    assert_eq!(refused(&format!("close{}", "\0".repeat(1000)), &limits), "character");
    let bomb = (0..100).fold("close".to_owned(), |inner, _| format!("ts_mean({inner}, 9999)"));
    assert_eq!(refused(&bomb, &limits), "window");
}

#[test]
fn many_unknown_names_hide_nothing_that_is_wrong_on_all_data() {
    let names: Vec<String> = (0..40).map(|i| format!("u{i}")).collect();
    let text = format!("{} + delay(close, -1)", names.join(" + "));
    let found = Expression::parse(&text, &schema(), &Limits::default()).expect_err("is refused");
    assert_eq!(found.len(), 20);
    assert_eq!(found.iter().filter(|one| one.code == "look-ahead").count(), 1);
}

#[test]
fn a_long_chain_is_parsed_shown_and_dropped_without_recursion() {
    let limits = Limits { nodes: usize::MAX, text_bytes: usize::MAX, ..Limits::default() };
    let text = format!("close{}", " + 1".repeat(200_000));
    let expression = Expression::parse(&text, &schema(), &limits).expect("is allowed");
    assert_eq!(expression.to_string().len(), text.len());
}

#[test]
fn completion_knows_what_may_stand_at_the_cursor() {
    let at = |text: &str| complete(text, text.len(), &schema());
    let labels = |text: &str| at(text).into_iter().map(|one| one.label).collect::<Vec<_>>();
    assert_eq!(labels("ts_m"), ["ts_mean", "ts_min", "ts_max", "ts_median"]);
    assert_eq!(labels("rank(cl"), ["close"]);
    assert_eq!(labels("close a"), ["and"]);
    assert_eq!(labels("ts_mean(close, 5, m")[..3], ["min=", "min", "max"]);
    assert_eq!(labels("scale(k")[0], "k=");
    assert_eq!(labels("12"), [""; 0]);
    let first = at("1 + vol").remove(0);
    assert_eq!((first.from, first.kind), (4, CompletionKind::Field));
    assert_eq!(
        at("").len(),
        5 + 1 + operators().iter().filter(|one| one.signature.contains('(')).count() + 2
    );
    assert_eq!(labels("let mid = 1; mi")[..2], ["mid", "min"]);
    assert_eq!(labels("let mid = mi")[0], "min", "not before its value is whole");
    assert_eq!(labels("let mi"), [""; 0], "the name is the writer's");
    assert_eq!(labels("let a = 1; le"), ["let"]);
}

#[test]
fn a_parameter_stands_for_its_number() {
    let numbers = [("n".to_owned(), 5.0), ("low".to_owned(), -0.5)].into();
    let parse = |text: &str| {
        Expression::parse_with(text, (&schema(), &numbers), &Limits::default())
            .map(|e| (e.to_string(), e.lookback()))
            .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let is = |text: &str, shown: &str, lookback: usize| {
        assert_eq!(parse(text), Ok((shown.to_owned(), lookback)));
        let written = Expression::parse(shown, &schema(), &Limits::default()).expect("reads");
        assert_eq!(written.to_string(), shown);
    };
    is("ts_mean(close, $n) + $n", "ts_mean(close, 5) + 5", 4);
    is("$low ^ 2 * close", "(-0.5) ^ 2 * close", 0);
    is("close ^ $low", "close ^ (-0.5)", 0);
    is("let x = $n * close; x - $low", "5 * close - -0.5", 0);
    let refused = |text: &str, want: &str| assert_eq!(parse(text), Err(vec![want.to_owned()]));
    refused(
        "close > $m",
        "8..10 [unknown-parameter] there is no parameter `$m` (there are: `$low`, `$n`)",
    );
    refused(
        "ts_mean(close, $low)",
        "15..19 [look-ahead] `ts_mean` with n = -0.5 looks 0.5 row ahead \
         (an expression sees the current row and earlier ones: count rows back, from 0)",
    );
    check(
        "close > $m",
        &["8..10 unknown-parameter: there is no parameter `$m` \
           | a strategy's text gives it a value under `parameters:`"],
    );
    check(
        "close > $ close",
        &["8..9 character: `$` (U+0024) at byte 8 is not part of the language, which is ASCII \
           | a parameter's name follows its `$`: write `$fast`"],
    );
    assert_eq!(factor::parameters("$n + $$low # $n").len(), 2);
}

/// An expression taken apart reads as a tree, and every part as a text of its own.
#[test]
fn an_expression_is_taken_apart() {
    let schema = schema();
    let told = |text: &str, most: usize| {
        let whole = Expression::parse(text, &schema, &Limits::default()).expect("parses");
        let line = |part: &factor::Part| format!("{}{}", " ".repeat(part.depth), part.text);
        whole.parts(most).iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let check = |text: &str, most: usize, want: &str| assert_eq!(told(text, most), want, "{text}");
    check("close", 9, "close");
    check("1 + 2", 9, "1 + 2");
    check(
        "(close > ts_mean(close,3)) and volume>1e3",
        9,
        "close > ts_mean(close, 3) and volume > 1000\n close > ts_mean(close, 3)\n  close\n  \
         ts_mean(close, 3)\n volume > 1000\n  volume",
    );
    check(
        "let a = ts_std(close, 5); a / (a + 1)",
        9,
        "ts_std(close, 5) / (ts_std(close, 5) + 1)\n ts_std(close, 5)\n  close\n ts_std(close, 5) + 1",
    );
    check("rank(close + volume)", 2, "rank(close + volume)\n close + volume");
}
