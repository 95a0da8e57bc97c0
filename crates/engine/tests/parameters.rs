//! Parameters of a strategy's text: a set of values is the strategy with them written out.
#![allow(missing_docs, reason = "tests")]

use engine::{Strategy, Template, check_strategy, complete_strategy, parse_strategy};
use factor::Schema;
use market::Money;
use proptest::prelude::*;

const GOOD: &str = "\
version: 1
name: EMA cross
data: us-stocks-daily
parameters:
  fast: 10     # the short one
  slow: '30'
  size: 2.5
  cost: 5
signals:
  long:  ema(close, $fast) > ema(close, $slow)
  exit:  ema(close, $fast) < ema(close, $slow)
sizing: { percent: $size }
costs: { fee_bps: $cost }
";

const WRITTEN_OUT: &str = "\
version: 1
name: EMA cross
data: us-stocks-daily
signals:
  long:  ema(close, 10) > ema(close, 30)
  exit:  ema(close, 10) < ema(close, 30)
sizing: { percent: 2.5 }
costs: { fee_bps: 5 }
";

fn money(text: &str) -> Money {
    Money::parse(text).expect("a number")
}

fn problems(text: &str) -> String {
    let line = |p: &engine::Problem| {
        let help = p.help.as_ref().map(|h| format!("\n    {h}")).unwrap_or_default();
        format!("{}:{} [{}] <{}> {}{help}", p.line, p.column, p.code, p.span.of(text), p.message)
    };
    check_strategy(text, None).iter().map(line).collect::<Vec<_>>().join("\n")
}

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    problems(&GOOD.replacen(from, to, 1))
}

#[test]
fn a_text_with_parameters_is_the_text_with_numbers() {
    let plain = parse_strategy(WRITTEN_OUT).expect("a strategy");
    assert_eq!(parse_strategy(GOOD).expect("a strategy"), plain);
    assert_eq!(problems(GOOD), "");
    let template = Template::parse(GOOD).expect("a template");
    let names: Vec<_> = template.parameters().iter().map(|p| (&*p.name, p.default)).collect();
    let wanted = [("fast", "10"), ("slow", "30"), ("size", "2.5"), ("cost", "5")];
    assert_eq!(names, wanted.map(|(name, value)| (name, money(value))));
    assert_eq!(template.strategy(), &plain);
    let other = WRITTEN_OUT.replace("10)", "7)").replace("2.5", "50");
    let set = [("fast", money("7")), ("size", money("50"))];
    let set = template.with(&set).expect("a strategy");
    assert_eq!(set.to_string(), parse_strategy(&other).expect("a strategy").to_string());
}

#[test]
fn a_number_below_0_is_read_in_parentheses() {
    let text = |rule: &str, p: &str| {
        let parameters =
            if p.is_empty() { String::new() } else { format!("parameters: {{ p: {p} }}\n") };
        format!(
            "version: 1\nname: x\ndata: d\n{parameters}signals: {{ long: '{rule}' }}\nsizing: {{ fixed: 1 }}\n"
        )
    };
    let check = |rule: &str, p: &str| {
        let written = rule.replace("$p", &format!("({p})"));
        let ours = parse_strategy(&text(rule, p)).expect("a strategy").to_string();
        assert_eq!(ours, parse_strategy(&text(&written, "")).expect("a strategy").to_string());
        assert_eq!(parse_strategy(&ours).expect("reads back").to_string(), ours, "{rule}");
    };
    check("close ^ $p > 1", "-2");
    check("$p ^ 2 < close", "-3");
    check("close - $p > $p * close", "-0.5");
    check("close > -$p", "-100");
    check("close > $p", "0.1");
}

#[test]
fn only_the_values_change_in_the_text_of_a_set() {
    let template = Template::parse(GOOD).expect("a template");
    let set = [("slow", money("45")), ("fast", money("12.0")), ("size", money("0.25"))];
    let text = template.text_with(&set).expect("a text");
    let wanted = GOOD
        .replace("fast: 10 ", "fast: 12 ")
        .replace("slow: '30'", "slow: 45")
        .replace("size: 2.5", "size: 0.25");
    assert_eq!(text, wanted);
    assert_eq!(parse_strategy(&text).ok(), template.with(&set).ok());
    assert_eq!(template.text_with(&[]).ok().as_deref(), Some(GOOD));
}

#[test]
fn faults_are_shown_where_they_stand() {
    insta::assert_snapshot!(with("$fast) >", "$fasd) >"), @r"
    10:21 [unknown-parameter] <$fasd> there is no parameter `$fasd`
        there are: `$cost`, `$fast`, `$size`, `$slow`
    ");
    insta::assert_snapshot!(with("percent: $size", "percent: $sice"), @r"
    7:3 [unused-parameter] <size> nothing uses `$size`
        write `$size` where its number belongs, or remove it
    12:20 [unknown-parameter] <$sice> there is no parameter `$sice`
        did you mean `$size`? There are: `$fast`, `$slow`, `$size`, `$cost`
    ");
    insta::assert_snapshot!(with("  cost: 5", "  cost: 5\n  spare: 1"), @r"
    9:3 [unused-parameter] <spare> nothing uses `$spare`
        write `$spare` where its number belongs, or remove it
    ");
    insta::assert_snapshot!(with("  cost: 5", "  Cost: 5\n  cost: 5\n  cost: 6"), @r"
    8:3 [parameter-name] <Cost> this is not the name of a parameter
        write a small letter, then small letters, digits and `_`, at most 32
    10:3 [duplicate-key] <cost> `cost` is there twice
        keep one of them
    ");
    insta::assert_snapshot!(with("  fast: 10 ", "  fast: ten "), @r#"
    5:9 [wrong-type] <ten> `parameters.fast` is a plain number, this is "ten"
        write it like 10: digits, at most eight after the point, no separators
    "#);
    insta::assert_snapshot!(with("  fast: 10 ", "  fast: "), @r"
    5:7 [wrong-type] <> `parameters.fast` has no value
        write a value, such as 10
    ");
    insta::assert_snapshot!(with("  fast: 10 ", "  fast: -10 "), @r"
    10:21 [look-ahead] <$fast> `ema` with n = -10 looks 10 rows ahead
        an expression sees the current row and earlier ones: count rows back, from 0
    11:21 [look-ahead] <$fast> `ema` with n = -10 looks 10 rows ahead
        an expression sees the current row and earlier ones: count rows back, from 0
    ");
    insta::assert_snapshot!(with("  fast: 10 ", "  fast: $slow "), @r"
    5:9 [wrong-type] <$slow> a parameter is a number, not another parameter
        write the number out
    ");
}

#[test]
fn what_a_parameter_brings_about_is_shown_where_it_is_used() {
    insta::assert_snapshot!(with("size: 2.5", "size: 250"), @r"
    12:20 [out-of-range] <$size> `sizing.percent` is $size, which stands for 250
        it is more than 0 and at most 100
    ");
    insta::assert_snapshot!(with("ema(close, $fast) >", "closs + ema(close, $fast) >"), @r"
    10:10 [unknown-name] <closs> there is no field `closs`
        did you mean `close`?
    ");
    insta::assert_snapshot!(problems(&WRITTEN_OUT.replace("10) >", "$fast) >")), @r"
    5:21 [unknown-parameter] <$fast> there is no parameter `$fast`
        a strategy's text gives it a value under `parameters:`
    ");
    insta::assert_snapshot!(problems(&GOOD.replace("parameters:\n", "parameters: 5\nx:\n")), @r"
    4:13 [wrong-type] <5> `parameters` is a mapping, this is a single value
        write a name and a number to a line: `fast: 10`
    5:1 [unknown-key] <x> `x` is no key
        known keys are: version, name, data, universe, adjust, bar, parameters, signals, weights, schedule, sizing, costs, convention, cash, currency, seed
    11:21 [unknown-parameter] <$fast> there is no parameter `$fast`
        a strategy's text gives it a value under `parameters:`
    11:41 [unknown-parameter] <$slow> there is no parameter `$slow`
        a strategy's text gives it a value under `parameters:`
    12:21 [unknown-parameter] <$fast> there is no parameter `$fast`
        a strategy's text gives it a value under `parameters:`
    12:41 [unknown-parameter] <$slow> there is no parameter `$slow`
        a strategy's text gives it a value under `parameters:`
    13:20 [unknown-parameter] <$size> there is no parameter `$size`
        give it a value under `parameters:`
    14:19 [unknown-parameter] <$cost> there is no parameter `$cost`
        give it a value under `parameters:`
    ");
    let many = ["  pa: 1\n", "  pb: 1\n"].concat().repeat(9);
    let many = with("parameters:\n", &format!("parameters:\n{many}"));
    assert!(many.contains("there are 22 parameters"), "{many}");
}

#[test]
fn values_that_a_template_does_not_know_are_refused() {
    let template = Template::parse(GOOD).expect("a template");
    let refused = |set: &[(&str, Money)]| {
        let found = template.with(set).expect_err("refused");
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(refused(&[("fasst", money("1"))]), @"line 5, column 3: there is no parameter `fasst` (did you mean `$fast`? There are: `$fast`, `$slow`, `$size`, `$cost`)");
    insta::assert_snapshot!(refused(&[("fast", money("2.5"))]), @r"
    line 10, column 21: n = 2.5 is not a whole number of at least 1
    line 11, column 21: n = 2.5 is not a whole number of at least 1
    ");
    insta::assert_snapshot!(refused(&[("cost", money("10000"))]), @"line 13, column 19: `costs.fee_bps` is $cost, which stands for 10000 (it is at least 0 and below 10000)");
}

#[test]
fn parameters_are_completed_after_their_sign() {
    let complete = |text: &str| {
        let offset = text.find('|').expect("a cursor");
        let text = text.replacen('|', "", 1);
        let found = complete_strategy(&text, offset, &Schema::bars());
        let shown =
            found.iter().take(4).map(|c| format!("{} <{}>", c.insert, &text[c.from..offset]));
        shown.collect::<Vec<_>>().join(", ")
    };
    let head = "parameters:\n  fast: 10\n  slow: 30 # long\n";
    insta::assert_snapshot!(complete(&format!("{head}signals:\n  long: ema(close, $|")), @"fast <>, slow <>");
    insta::assert_snapshot!(complete(&format!("{head}signals:\n  long: ema(close, $s|) > 1")), @"slow <s>");
    insta::assert_snapshot!(complete(&format!("{head}sizing: {{ fixed: $|")), @"fast <>, slow <>");
    insta::assert_snapshot!(complete(&format!("{head}signals:\n  long: $fast > clo|")), @"close <clo>");
    insta::assert_snapshot!(complete("parameters: { fast: 1, slow: 2 }\nweights: close * $|"), @"fast <>, slow <>");
    insta::assert_snapshot!(complete("parameters:\n  fa|"), @"");
    insta::assert_snapshot!(complete("para|"), @"parameters:  <para>");
}

fn set() -> impl proptest::strategy::Strategy<Value = (i64, i64, i64, i64)> {
    (1..400_i64, 1..400_i64, 1..10_000_i64, 0..1_000_i64)
}

proptest! {
    #[test]
    fn a_set_is_its_text_is_the_numbers_written_out((fast, slow, size, cost) in set()) {
        let template = Template::parse(GOOD).expect("a template");
        let hundredth = |n: i64| Money(i128::from(n) * Money::UNIT / 100);
        let (size, cost) = (hundredth(size), hundredth(cost));
        let values = [
            ("fast", Money::from_whole(fast)),
            ("slow", Money::from_whole(slow)),
            ("size", size),
            ("cost", cost),
        ];
        let set: Strategy = template.with(&values).expect("a strategy");
        let text = template.text_with(&values).expect("a text");
        let out = WRITTEN_OUT
            .replace("close, 10)", &format!("close,{fast})"))
            .replace("close, 30)", &format!("close,{slow})"))
            .replace("2.5", &size.to_string())
            .replace("fee_bps: 5", &format!("fee_bps: {cost}"));
        prop_assert_eq!(&set, &parse_strategy(&text).expect("a strategy"));
        prop_assert_eq!(set.to_string(), parse_strategy(&out).expect("a strategy").to_string());
    }
}
