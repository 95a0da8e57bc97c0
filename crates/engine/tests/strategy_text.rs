//! The strategy language: every fault has a place, a word for programs and a way out.
#![allow(missing_docs, reason = "tests")]

use engine::{CompletionKind, check_strategy, complete_strategy, parse_strategy};
use factor::Schema;

const GOOD: &str = "\
version: 1
name: EMA cross
data: us-stocks-daily
universe: [MSFT, AAPL]
signals:
  long:  ema(close, 10) > ema(close, 30)
  exit:  ema(close, 10) < ema(close, 30)
sizing: { fixed: 10 }
costs: { fee_bps: 2.5 }
";

/// Each problem as `line:column [code] <what is marked> message (help)`.
fn problems(text: &str) -> String {
    let line = |p: &engine::Problem| {
        let help = p.help.as_ref().map(|h| format!("\n    {h}")).unwrap_or_default();
        format!("{}:{} [{}] <{}> {}{help}", p.line, p.column, p.code, p.span.of(text), p.message)
    };
    check_strategy(text, None).iter().map(line).collect::<Vec<_>>().join("\n")
}

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    problems(&GOOD.replace(from, to))
}

#[test]
fn the_canonical_text_is_the_same_however_it_is_written() {
    let canonical = parse_strategy(GOOD).expect("a strategy").to_string();
    insta::assert_snapshot!(canonical, @r#"
    version: 1
    name: "EMA cross"
    data: "us-stocks-daily"
    universe: [AAPL, MSFT]
    adjust: splits
    bar: 1d
    signals:
      long: ema(close, 10) > ema(close, 30)
      exit: ema(close, 10) < ema(close, 30)
    sizing: { fixed: 10.00 }
    costs: { fee_bps: 2.50 }
    convention: next_open
    cash: 1000000.00
    currency: USD
    seed: 1
    "#);
    let other = "
# the same
data: \"us-stocks-daily\"
cash: 1000000.0
costs: {fee_bps: 2.50}
sizing:
  fixed: '10'
signals:
  long: >
    ema(close, 10)
      > ema(close, 30)
  exit: |
    ema( close,10 ) < ema(close,30)
universe: [AAPL, MSFT]
name: 'EMA cross'
version: \"1\"
";
    assert_eq!(parse_strategy(other).expect("a strategy").to_string(), canonical);
    assert_eq!(parse_strategy(&canonical).expect("canonical text reads").to_string(), canonical);
}

#[test]
fn keys_are_known_single_and_there() {
    insta::assert_snapshot!(with("sizing:", "sizeing:"), @r"
    1:1 [missing-key] <version> `sizing` is missing
        add `sizing: { fixed: 10 }`
    8:1 [unknown-key] <sizeing> `sizeing` is no key
        did you mean `sizing`?
    ");
    insta::assert_snapshot!(with("  exit:", "  ext:"), @r"
    7:3 [unknown-key] <ext> `ext` is no key of `signals`
        did you mean `exit`?
    ");
    insta::assert_snapshot!(with("costs:", "fee_bps: 3\ncosts:"), @r"
    9:1 [unknown-key] <fee_bps> `fee_bps` is no key
        `fee_bps` stands in `costs`
    ");
    insta::assert_snapshot!(with("name: EMA cross", "name: EMA cross\nname: again"), @r"
    3:1 [duplicate-key] <name> `name` is there twice
        keep one of them
    ");
    insta::assert_snapshot!(problems("name: x\nzzzzzz: 1\n"), @r"
    1:1 [missing-key] <name> `version` is missing
        add `version: 1`
    1:1 [missing-key] <name> `data` is missing
        add `data: us-stocks-daily`
    1:1 [missing-key] <name> neither `signals` nor `weights` is there
        add `signals:` with `long: …`, or `weights: …` with `schedule: …`
    1:1 [missing-key] <name> `sizing` is missing
        add `sizing: { fixed: 10 }`
    2:1 [unknown-key] <zzzzzz> `zzzzzz` is no key
        known keys are: version, name, data, universe, adjust, bar, parameters, signals, weights, schedule, sizing, costs, convention, cash, currency, seed, risk, protect
    ");
    insta::assert_snapshot!(with("{ fixed: 10 }", "{ }"), @r"
    8:9 [missing-key] <{ }> `sizing` has one of `fixed`, `percent` and `exposure`
        write for example `{ fixed: 10 }`
    ");
    insta::assert_snapshot!(with("{ fixed: 10 }", "{ fixed: 10, percent: 2 }"), @r"
    8:11 [missing-key] <fixed> `sizing` has one of `fixed`, `percent` and `exposure`
        write for example `{ fixed: 10 }`
    ");
    insta::assert_snapshot!(with("{ fixed: 10 }", "{ exposure: 0.5 }"), @r"
    8:11 [conflict] <exposure> `exposure` does not size signals
        use `fixed` or `percent`
    ");
    insta::assert_snapshot!(with("  long:", "  short:"), @r"
    7:3 [unused-key] <exit> `exit` closes what `long` opens, and `long` is not there
        add `long: …`
    ");
    insta::assert_snapshot!(with("costs:", "weights: close\nschedule: daily\ncosts:"), @r"
    9:1 [conflict] <weights> a strategy has `signals` or `weights`, not both
        remove one of them
    ");
}

#[test]
fn values_have_types_and_ranges() {
    insta::assert_snapshot!(with("version: 1", "version: 2"), @r#"
    1:10 [unknown-value] <2> `version` cannot be "2"
        it is one of: 1
    "#);
    insta::assert_snapshot!(with("fee_bps: 2.5", "fee_bps: ten"), @r#"
    9:19 [wrong-type] <ten> `costs.fee_bps` is a plain number, this is "ten"
        write it like 10: digits, at most eight after the point, no separators
    "#);
    insta::assert_snapshot!(with("fee_bps: 2.5", "fee_bps: 20000"), @r"
    9:19 [out-of-range] <20000> `costs.fee_bps` is 20000
        it is at least 0 and below 10000
    ");
    insta::assert_snapshot!(with("fixed: 10", "fixed: -10"), @r"
    8:18 [out-of-range] <-10> `sizing.fixed` is -10
        it is more than 0
    ");
    insta::assert_snapshot!(with("fixed: 10", "fixed: [10]"), @r"
    8:18 [wrong-type] <[10]> `sizing.fixed` is a single value, this is a list
        write for example 10
    ");
    insta::assert_snapshot!(with("[MSFT, AAPL]", "MSFT"), @r"
    4:11 [wrong-type] <MSFT> `universe` is a list of 1 to 20000 symbols, this is a single value
        write `[AAPL, MSFT]`, or leave the key out for all symbols
    ");
    insta::assert_snapshot!(with("[MSFT, AAPL]", "[MSFT, 'A B', MSFT]"), @r#"
    4:11 [duplicate-symbol] <[MSFT, 'A B', MSFT]> `universe` has a symbol twice
        keep one of them
    4:18 [symbol] <'A B'> "A B" is not a symbol: 1 to 32 of A-Z a-z 0-9 . _ : / -
    "#);
    insta::assert_snapshot!(with("costs:", "convention: next open\ncosts:"), @r#"
    9:13 [unknown-value] <next open> `convention` cannot be "next open"
        did you mean `next_open`? It is one of: next_open, same_close, touch, book
    "#);
    insta::assert_snapshot!(with("costs:", "cash: 1e6\ncurrency: usd\nseed: -1\nbar: 1 d\ncosts:"), @r#"
    9:7 [wrong-type] <1e6> `cash` is a plain number, this is "1e6"
        write it like 1000000: digits, at most eight after the point, no separators
    10:11 [unknown-value] <usd> "usd" is not a currency: capital letters, as USD (ISO 4217) or USDT (a coin's ticker)
    11:7 [wrong-type] <-1> `seed` is a whole number
        write digits only, at most 18446744073709551615
    12:6 [unknown-value] <1 d> `bar` cannot be "1 d"
        did you mean `1d`? It is one of: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 1d, 2d, 3d, 7d, `quote`, `every 100 quotes`
    "#);
    insta::assert_snapshot!(with("name: EMA cross", "name:"), @r"
    2:5 [wrong-type] <> `name` has no value
        write a value, such as EMA cross
    ");
    insta::assert_snapshot!(problems("- 1\n- 2\n"), @r"
    1:1 [wrong-type] <- 1
    - 2
    > a strategy is a mapping of keys, this is a list
        write `key: value` with keys of: version, name, data, universe, adjust, bar, parameters, signals, weights, schedule, sizing, costs, convention, cash, currency, seed, risk, protect
    ");
    insta::assert_snapshot!(problems("version: 1\nname: x\ndata: d\nweights: rank(close)\nschedule: every day\nsizing: {exposure: 2}\n"), @r#"
    5:11 [unknown-value] <every day> `schedule` cannot be "every day"
        it is `every 21 bars` (1 to 1000000), `daily`, `weekly` or `monthly`
    6:20 [out-of-range] <2> `sizing.exposure` is 2
        it is more than 0 and at most 1: this account has no leverage
    "#);
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    insta::assert_snapshot!(with("  long:", "\tlong:"), @r"
    6:1 [tab] <	> a tab stands in the indentation
        YAML is indented by spaces: replace the tab by two spaces
    ");
    insta::assert_snapshot!(with("{ fixed: 10 }", "{ fixed: 10"), @r"
    9:6 [yaml] <:> this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
        write `key: value`, one to a line; quote a value that has `: ` or ` #` in it
    ");
    insta::assert_snapshot!(with("name: EMA cross", "name: EMA: cross"), @r"
    2:10 [yaml] <:> this is not YAML: mapping values are not allowed in this context
        write `key: value`, one to a line; quote a value that has `: ` or ` #` in it
    ");
    insta::assert_snapshot!(with("name: EMA cross", "name: &a EMA cross"), @r"
    2:10 [not-plain] <EMA cross> anchors, aliases and tags are not used in strategies
        write the value out
    ");
    insta::assert_snapshot!(with("version: 1", "---\nversion: 1\n---\nversion: 1"), @r"
    4:1 [documents] <> a second document starts here
        keep one strategy in one file: remove everything from `---` on
    ");
    insta::assert_snapshot!(problems(""), @r"
    1:1 [empty] <> there is no strategy in this text
        start with `version: 1` and `name: …`
    ");
    insta::assert_snapshot!(problems("# nothing\n"), @r"
    1:1 [empty] <# nothing> there is no strategy in this text
        start with `version: 1` and `name: …`
    ");
    insta::assert_snapshot!(problems(&"[".repeat(3000)), @r"
    1:256 [yaml] <[> this is not YAML: recursion limit exceeded
        write `key: value`, one to a line; quote a value that has `: ` or ` #` in it
    ");
    insta::assert_snapshot!(problems(&"x".repeat(70_000)).chars().take(80).collect::<String>(), @"1:1 [too-large] <xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

/// The marked text of the first problem of an expression written in each YAML style.
#[track_caller]
fn marked(value: &str, want: &str) {
    let text = GOOD.replace("ema(close, 10) > ema(close, 30)", value);
    let found = check_strategy(&text, None);
    let first = found.first().unwrap_or_else(|| panic!("no problem in {text}"));
    assert_eq!(first.span.of(&text), want, "{first} in {value}");
}

#[test]
fn faults_of_expressions_are_marked_in_every_style_of_scalar() {
    marked("close > closs", "closs");
    marked("'close > closs'", "closs");
    marked("\"close > closs\"", "closs");
    marked("\"close \\u003e closs\"", "closs");
    marked("\"close > \\\n    closs\"", "closs");
    marked("close >\n    closs", "closs");
    marked("|\n    close >\n    closs\n", "closs");
    marked(">-\n    close\n      > closs\n", "closs");
    marked("close", "close");
}

#[test]
fn a_comma_in_braces_is_explained() {
    let text = "version: 1\nname: x\ndata: d\nsignals: { long: close > delay(close, 5) }\nsizing: { fixed: 1 }\n";
    let found = check_strategy(text, None);
    let last = found.last().expect("a problem");
    assert!(
        last.help.as_ref().is_some_and(|help| help.starts_with("a comma ends a value")),
        "{last}"
    );
}

#[test]
fn faults_of_expressions_keep_their_words() {
    insta::assert_snapshot!(with("ema(close, 30)\n  exit", "ema(close, 30) + delay(close, -1)\n  exit"), @r"
    6:57 [look-ahead] <-1> `delay` with d = -1 looks 1 row ahead
        an expression sees the current row and earlier ones: count rows back, from 0
    ");
    insta::assert_snapshot!(with("ema(close, 10) >", "emma(closs, 10) >"), @r"
    6:10 [unknown-operator] <emma> there is no operator `emma`
        did you mean `ema`?
    6:15 [unknown-name] <closs> there is no field `closs`
        did you mean `close`?
    ");
}

/// Labels of the completions at `|`, and what they replace.
fn complete(text: &str) -> String {
    let offset = text.find('|').expect("a cursor");
    let text = text.replacen('|', "", 1);
    let found = complete_strategy(&text, offset, &Schema::bars());
    let line = |c: &engine::Completion| {
        let kind = match c.kind {
            CompletionKind::Key => "key",
            CompletionKind::Value => "value",
            CompletionKind::Expression(_) => "expression",
        };
        format!("{kind} {} <{}>", c.label, &text[c.from..offset])
    };
    found.iter().map(line).take(6).collect::<Vec<_>>().join(", ")
}

#[test]
fn keys_values_and_expressions_are_completed() {
    insta::assert_snapshot!(complete("|"), @"key version <>, key name <>, key data <>, key universe <>, key adjust <>, key bar <>");
    insta::assert_snapshot!(complete("version: 1\nna|"), @"key name <na>");
    insta::assert_snapshot!(complete("signals:\n  long: close > open\n  |"), @"key exit <>, key short <>, key cover <>");
    insta::assert_snapshot!(complete("sizing: { fi|"), @"key fixed <fi>");
    insta::assert_snapshot!(complete("convention: |"), @"value next_open <>, value same_close <>, value touch <>, value book <>");
    insta::assert_snapshot!(complete("convention: same|"), @"value same_close <same>");
    insta::assert_snapshot!(complete("schedule: m|"), @"value monthly <m>");
    insta::assert_snapshot!(complete("signals:\n  long: ts_me|"), @"expression ts_mean <ts_me>, expression ts_median <ts_me>");
    insta::assert_snapshot!(complete("signals:\n  long: |\n"), @"expression close <>, expression high <>, expression low <>, expression open <>, expression volume <>, expression where <>");
    insta::assert_snapshot!(complete("signals:\n  long: >\n    clo|"), @"expression close <clo>");
    insta::assert_snapshot!(complete("weights: \"vol|\""), @"expression volume <vol>");
    insta::assert_snapshot!(complete("# com|"), @"");
    insta::assert_snapshot!(complete("costs: { fee_bps: |"), @"");
    insta::assert_snapshot!(complete("costs: { slippage: { ti|"), @"key ticks <ti>");
    insta::assert_snapshot!(complete("risk: { daily_loss: { fall: 0.1, then: r|"), @"value reduce_only <r>");
    insta::assert_snapshot!(complete("risk: { daily_loss: { fall: 0.1 }, stale|"), @"key stale_price <stale>");
    insta::assert_snapshot!(complete("costs:\n  latency:\n    fe|"), @"key feed_us <fe>");
    insta::assert_snapshot!(complete("bar: q|"), @"value quote <q>");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test reads the examples that it checks")]
fn every_example_is_a_strategy() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut looked = 0;
    for entry in std::fs::read_dir(folder).expect("the examples are in the repository") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("is read");
        let problems = engine::check_strategy(&text, None);
        assert!(problems.is_empty(), "{}: {problems:?}", path.display());
        looked += 1;
    }
    assert!(looked >= 3);
}

const ON_QUOTES: &str = "\
version: 1
name: Ticks
data: ticks
bar: every 100 quotes
signals:
  long: ema(close, 10) > ema(close, 30) and ask - bid < 0.05
sizing: { fixed: 10 }
costs:
  maker_bps: -0.5
  taker_bps: 5
  slippage: { spread: 0.5, noise_bps: 1 }
  latency: { order_us: 2000 }
convention: book
risk:
  order_size: 100
  order_notional: 5000
  position: 200
  price_collar_bps: 500
  stale_price: 90s
  leverage: 1
  order_rate: { orders: 10, within: 60s }
  working_orders: 5
  duplicate: 250ms
  drawdown: { fall: 0.2 }
  daily_loss: { amount: 2000, then: reduce_only }
protect:
  cool_down: { rest: 1h, reach: all }
  drawdown: { fall: 0.05, within: 7d, rest: 24h }
  low_profit: { trips: 5, within: 7d, least: 0.01, rest: 1d }
";

#[test]
fn quotes_costs_and_limits_have_one_canonical_text() {
    let canonical = parse_strategy(ON_QUOTES).expect("a strategy").to_string();
    insta::assert_snapshot!(canonical, @r#"
    version: 1
    name: "Ticks"
    data: "ticks"
    adjust: none
    bar: every 100 quotes
    signals:
      long: ema(close, 10) > ema(close, 30) and ask - bid < 0.05
    sizing: { fixed: 10.00 }
    costs: { maker_bps: -0.50, taker_bps: 5.00, slippage: { spread: 0.5, noise_bps: 1.00 }, latency: { feed_us: 0, order_us: 2000, response_us: 0 } }
    convention: book
    cash: 1000000.00
    currency: USD
    seed: 1
    risk: { order_size: 100.00, order_notional: 5000.00, position: 200.00, price_collar_bps: 500.00, stale_price: 90s, leverage: 1, order_rate: { orders: 10, within: 1m }, working_orders: 5, duplicate: 250ms, drawdown: { fall: 0.2, then: halt }, daily_loss: { amount: 2000.00, then: reduce_only } }
    protect: { cool_down: { after: loss, rest: 1h, reach: all }, drawdown: { fall: 0.05, within: 7d, rest: 1d }, low_profit: { trips: 5, within: 7d, least: 0.01, rest: 1d } }
    "#);
    assert_eq!(parse_strategy(&canonical).expect("canonical text reads").to_string(), canonical);
    let plain =
        ON_QUOTES.split("costs:").next().expect("a part").replace("every 100 quotes", "quote");
    let plain = parse_strategy(&plain).expect("a strategy");
    assert_eq!(
        (plain.convention, plain.clock.to_string()),
        (engine::Convention::Touch, "quote".into())
    );
    assert!(plain.guards.is_empty() && plain.costs == engine::Costs::default());
}

#[test]
fn what_makes_no_sense_together_is_said_with_a_way_out() {
    let on_quotes = |from: &str, to: &str| {
        assert!(ON_QUOTES.contains(from), "{from}");
        problems(&ON_QUOTES.replace(from, to))
    };
    insta::assert_snapshot!(on_quotes("convention: book", "convention: next_open"), @r"
    13:13 [conflict] <next_open> `next_open` fills from bars, and `bar: every 100 quotes` has quotes
        write `touch` or `book`
    ");
    insta::assert_snapshot!(with("costs:", "convention: touch\ncosts:"), @r"
    9:13 [conflict] <touch> `touch` fills from quotes, and `bar: 1d` has bars
        write `next_open` or `same_close`, or `bar: quote`
    ");
    insta::assert_snapshot!(on_quotes("bar: every", "universe: [A, B]\nadjust: splits\nbar: every"), @r"
    4:11 [conflict] <[A, B]> a strategy on quotes trades one symbol
        name one, and run the others by themselves
    5:9 [conflict] <splits> quotes are as they were printed: there are no splits to apply
        leave `adjust` out
    ");
    insta::assert_snapshot!(with("{ fee_bps: 2.5 }", "{ latency: { order_us: 1 }, slippage: { spread: 1 } }"), @r"
    9:10 [conflict] <latency> `latency` needs quotes: a bar is too coarse for it
        leave it out, or write `bar: quote`
    9:48 [conflict] <spread> `spread` is a part of bid to ask, and bars have neither
        use `bps` or `ticks`
    ");
    insta::assert_snapshot!(on_quotes("  latency: { order_us: 2000 }", "  participation: 0.1"), @r"
    12:3 [conflict] <participation> `participation` is a part of a bar's volume, and quotes have none
        leave it out: `book` fills at most what is shown
    ");
    insta::assert_snapshot!(with("{ fee_bps: 2.5 }", "{ fee_bps: 2.5, maker_bps: 1 }"), @r"
    9:10 [conflict] <fee_bps> `fee_bps` is for makers and takers alike
        write either `fee_bps`, or `maker_bps` and `taker_bps`
    ");
    insta::assert_snapshot!(with("{ fee_bps: 2.5 }", "{ taker_bps: 1 }"), @r"
    9:10 [missing-key] <taker_bps> `taker_bps` is there and `maker_bps` is not
        add `maker_bps: …`, or write `fee_bps` for both
    ");
    insta::assert_snapshot!(with("{ fee_bps: 2.5 }", "{ slippage: { ticks: 1, bps: 2 } }"), @r"
    9:22 [conflict] <ticks> `slippage` has one of `ticks`, `bps`, `spread` and `volume_share`
        write for example `{ ticks: 1 }`
    ");
    insta::assert_snapshot!(on_quotes("ask - bid", "asks - bid"), @r"
    6:45 [unknown-name] <asks> there is no field `asks`
        did you mean `ask`?
    ");
    insta::assert_snapshot!(with("costs:", "risk: { order_notional: 900, position_notional: 100 }\ncosts:"), @r"9:1 [conflict] <risk> order_notional: 900.00 can never be reached, position_notional allows 200.00: lower it, or raise position_notional");
    insta::assert_snapshot!(with("costs:", "risk: { stale_price: 5, daily_loss: { then: stop } }\ncosts:"), @r#"
    9:22 [wrong-type] <5> `risk.stale_price` is a length of time, this is "5"
        write a whole number and ms, s, m, h or d, such as `30m`, up to 3650d
    9:39 [missing-key] <then> `daily_loss` has one of `fall` and `amount`
        write for example `{ fall: 0.03 }`
    9:45 [unknown-value] <stop> `risk.daily_loss.then` cannot be "stop"
        it is one of: halt, reduce_only
    "#);
    insta::assert_snapshot!(with("costs:", "protect: { cool_down: { after: loss }, stop_loss_guard: { losses: 3, within: 1d, rest: 1h } }\ncosts:"), @r"
    9:25 [missing-key] <after> `protect.cool_down.rest` is missing
        add `rest: 1h`
    9:40 [never-acts] <stop_loss_guard> `stop_loss_guard` counts stop losses, and signals and weights send none
        it acts on liquidations only: `cool_down` and `low_profit` count all exits
    ");
}
