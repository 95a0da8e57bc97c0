//! `stockade diff` of a live session, on the files that `stockade-bot export` writes: the bot's own tests
//! hold theirs to the same bytes.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs the program and changes its files"
)]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use stockade::past::{LiveSession, compare_live};

const SESSION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live_session");

fn said(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(arguments).env_clear().current_dir(empty.path());
    command.output().expect("runs")
}

fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["live.json", "bars.csv", "strategy.yaml"] {
        fs::copy(Path::new(SESSION).join(name), dir.path().join(name)).expect("copies");
    }
    dir
}

#[test]
fn a_live_session_is_told_beside_the_backtest_of_its_rows() {
    let output = said(&["diff", SESSION]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    insta::assert_snapshot!(text, @r"
    live      bybit perpetual, 2 lives of the bot, 2023-11-14T22:14:00Z to 2023-11-14T22:23:02Z
    backtest  of its 9 rows, deciding from 2023-11-14T22:14:00Z on
    down      2023-11-14T22:16:00Z to 2023-11-14T22:18:00Z: the bot was down
    0 decisions are the same, 8 differ; the first:
    row                   symbol   side  live                                 backtest                              bps  sent  filled     cost  why
    2023-11-14T22:14:00Z  BTCUSDT  buy   0.010 of 0.010 at 101.01, fees 0.00  0.010 of 0.010 at 101.00, fees 0.00  0.99  0 ms  0 ms     0.0001  slippage: another price
    2023-11-14T22:15:00Z  BTCUSDT  sell  0.010 of 0.010 at 100.49, fees 0.00  0.010 of 0.010 at 100.50, fees 0.00  1.00  0 ms  0 ms     0.0001  slippage: another price
    2023-11-14T22:16:00Z  BTCUSDT  buy   no order                             0.010 of 0.010 at 100.80, fees 0.00                         0.01  missed: the bot was down from 2023-11-14T22:16:00Z to 2023-11-14T22:18:00Z
    2023-11-14T22:18:00Z  BTCUSDT  sell  no order                             0.010 of 0.010 at 101.10, fees 0.00                       -0.007  missed: the bot was down from 2023-11-14T22:16:00Z to 2023-11-14T22:18:00Z
    2023-11-14T22:20:00Z  BTCUSDT  buy   no order                             0.010 of 0.010 at 101.50, fees 0.00                        0.003  held back: the kill switch is pulled
    2023-11-14T22:21:00Z  BTCUSDT  buy   0.010 of 0.010 at 102.01, fees 0.00  no order                                   0 ms  0 ms     0.0021  follows from difference 5
    2023-11-14T22:21:00Z  BTCUSDT  sell  0.010 of 0.010 at 101.99, fees 0.00  no order                                                 -0.0019  the bot closed it: kill switch, or no stop to be had
    2023-11-14T22:22:00Z  BTCUSDT  sell  no order                             0.000 of 0.010                                              0.00  follows from difference 7

    cost of    decisions   amount
    close              1  -0.0019
    down               2    0.003
    follows            2   0.0021
    held-back          1    0.003
    slippage           2   0.0002

    shortfall 0.0064: the backtest's trades earned 0.001, the live ones -0.0054, up to the last closes
    cash that no trade explains, between lives: 0.0052 (funding, interest, transfers)
    held      BTCUSDT: live 0.000, backtest 0.010 – they differ
    ");
    let short = said(&["diff", SESSION, "--limit", "1"]);
    let text = String::from_utf8(short.stdout).expect("text");
    assert!(text.contains("and 7 more: --limit shows them"), "{text}");
}

fn units(text: &Value) -> i128 {
    let money = market::Money::parse(text.as_str().expect("a text")).expect("money");
    money.0
}

#[test]
fn its_costs_add_up_in_json() {
    let output = said(&["diff", SESSION, "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = told["differences"].as_array().expect("a list");
    let by_trade: i128 = all.iter().map(|one| units(&one["cost"])).sum();
    let totals = told["totals"].as_array().expect("a list");
    let by_cause: i128 = totals.iter().map(|one| units(&one["cost"])).sum();
    let shortfall = units(&told["shortfall"]);
    assert_eq!((by_trade, by_cause), (shortfall, shortfall));
    assert_eq!(shortfall, units(&told["backtest"]) - units(&told["live"]));
    for one in all {
        let parts = ["by_price", "by_fees", "by_rest"].map(|name| units(&one[name]));
        assert_eq!(parts.iter().sum::<i128>(), units(&one["cost"]), "{one}");
    }
    let causes: Vec<&str> = all.iter().filter_map(|one| one["cause"].as_str()).collect();
    let want = ["slippage", "slippage", "down", "down", "held-back", "follows", "close", "follows"];
    assert_eq!(causes, want);
    assert_eq!(all[0]["slippage_bps"], "0.99009901");
}

#[test]
fn decisions_at_the_backtests_prices_are_the_same_and_what_nobody_explains_is_said() {
    let dir = copy();
    let path = dir.path().join("live.json");
    let text = fs::read_to_string(&path).expect("reads");
    let mut told: Value = serde_json::from_str(&text).expect("JSON");
    // The first two decisions alone, at the opens of the bars after them.
    let bars = fs::read_to_string(dir.path().join("bars.csv")).expect("reads");
    let lines: Vec<&str> = bars.split_inclusive('\n').take(4).collect();
    let open = |line: &str| line.split(',').nth(2).expect("an open").to_owned();
    for (place, line) in [(0, lines[2]), (1, lines[3])] {
        told["fills"][place]["price"] = open(line).into();
    }
    for list in ["fills", "orders"] {
        let all = told[list].as_array().expect("a list").clone();
        let is_early = |one: &&Value| one["for"].as_str().is_none_or(|role| role == "strategy");
        let early: Vec<Value> = all.into_iter().filter(|one| is_early(&one)).take(2).collect();
        told[list] = early.into();
    }
    for list in ["silences", "held_back", "positions"] {
        told[list] = Value::Array(Vec::new());
    }
    let digest =
        lines.iter().fold([0; 32], |digest, line| seal::sha256_parts(&[&digest, line.as_bytes()]));
    told["bars_digest"] = hex::encode(digest).into();
    told["rows"] = 3.into();
    fs::write(dir.path().join("bars.csv"), lines.concat()).expect("writes");
    fs::write(&path, told.to_string()).expect("writes");
    let found = compare_live(&LiveSession::read(dir.path()).expect("reads")).expect("compares");
    let rest: Vec<&str> = found.differences.iter().map(|one| one.cause).collect();
    assert_eq!(
        (found.same, rest),
        (2, vec!["unexplained"]),
        "an entry that nobody explains is said"
    );
}

#[test]
fn what_was_changed_is_refused_with_its_place() {
    let check = |file: &str, from: &str, to: &str, want: &str| {
        let dir = copy();
        let path: PathBuf = dir.path().join(file);
        let text = fs::read_to_string(&path).expect("reads");
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replacen(from, to, 1)).expect("writes");
        let read = LiveSession::read(dir.path());
        let refused = match read {
            Err(error) => error.to_string(),
            Ok(session) => session.backtest().expect_err(from).to_string(),
        };
        assert!(refused.contains(want), "{file}: {from}: {refused}");
    };
    check("bars.csv", "101.20,101.20", "101.30,101.30", "export again");
    check("bars.csv", "100.50,100.80", "100.5x,100.80", "line 4: price");
    check("bars.csv", "time,symbol", "symbol,time", "line 1: not");
    check("bars.csv", "BTCUSDT", "ETHUSDT", "line 2: ETHUSDT is not among the instruments");
    check("bars.csv", "\n2", "\nx", "line 2: time");
    check("live.json", "\"layout\": 1", "\"layout\": 2", "layout 2, this version reads 1");
    check("live.json", "\"BTCUSDT\"", "\"ETHUSDT\"", "\"BTCUSDT\" is not among its instruments");
    check("live.json", "\"buy\"", "\"hold\"", "\"hold\" is no side");
    check("live.json", "\"down\"", "\"asleep\"", "\"asleep\" is no reason");
    check("live.json", "\"cash\": \"10000.00\"", "\"cash\": \"much\"", "cash");
    check("live.json", "\"rows\": 9", "\"rows\": 10", "export again");
    check("strategy.yaml", "bar: 1m", "bar: 5m", "bars of 1m, the strategy decides on 5m");
    check("strategy.yaml", "close > open", "close > opn", "opn");
    let dir = copy();
    let path = dir.path().join("bars.csv");
    let text = fs::read_to_string(&path).expect("reads");
    let session = LiveSession::read(dir.path()).expect("reads");
    let refused = |text: &str| {
        fs::write(&path, text).expect("writes");
        session.backtest().expect_err("is refused").to_string()
    };
    let last = text.lines().last().expect("a line");
    assert!(refused(&format!("{text}{last}\n")).contains("a second bar"));
    assert!(refused(&format!("{text}{}\n", "1".repeat(2_000))).contains("too long"));
    assert!(refused(text.trim_end()).contains("no end"), "a torn end");
    assert!(refused(&text.replace(&format!("{last}\n"), "")).contains("export again"));
}

#[test]
fn a_live_session_is_named_alone_and_a_run_is_not() {
    let two = said(&["diff", SESSION, "5a750a20"]);
    assert_eq!(two.status.code(), Some(2), "{two:?}");
    assert!(String::from_utf8_lossy(&two.stderr).contains("name it alone"));
    let one = said(&["diff", "5a750a20"]);
    assert_eq!(one.status.code(), Some(2), "{one:?}");
    assert!(String::from_utf8_lossy(&one.stderr).contains("name both"));
}
