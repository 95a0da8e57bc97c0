//! `stockade factor` as people type it: the program itself, its files and its exit codes.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test runs the program and reads its files")]

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/us_stocks_daily.parquet")
}

/// A directory to work in.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("writes");
        self.path(name).display().to_string()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(STOCKADE);
        command.arg("factor").args(arguments).arg("--data-dir").arg(self.path("data"));
        command.env_clear().current_dir(self.0.path()).output().expect("starts")
    }

    /// Runs it and expects an exit code; what it said on stdout and stderr.
    fn ends(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (out, _) = self.ends(&[arguments, &["--json"]].concat(), 0);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }
}

/// Three names, sorted by date, with a group.
fn panel() -> String {
    let mut text = String::from("date,symbol,x,sector\n");
    for day in 1..=20_u32 {
        for (name, sector) in [("A", "s"), ("B", "s"), ("C", "t")] {
            let x = (day * 7 + u32::from(name.as_bytes()[0]) * 13) % 11;
            text.push_str(&format!("2024-01-{day:02},{name},{x}.5,{sector}\n"));
        }
    }
    text
}

#[test]
fn every_way_out_holds_the_same_values() {
    let desk = Desk::new();
    let data = desk.text("panel.csv", &panel());
    let set = desk.text("set.csv", "id,expression\nmean,\"ts_mean(x, 3)\"\nrank,rank(x)\n");
    let eval = |out: &str, more: &[&str]| {
        let base = ["eval", "--data", &data, "--expr-file", &set, "--out", out];
        desk.ends(&[&base[..], more].concat(), 0);
    };
    eval("wide", &[]);
    let wide = desk.read("wide/mean.csv");
    assert!(wide.starts_with(b"date,A,B,C\n2024-01-01,,,\n"), "{}", String::from_utf8_lossy(&wide));
    eval("streamed", &["--stream"]);
    eval("one", &["--threads", "1"]);
    for name in ["mean.csv", "rank.csv"] {
        let whole = desk.read(&format!("wide/{name}"));
        assert_eq!(desk.read(&format!("streamed/{name}")), whole, "{name}");
        assert_eq!(desk.read(&format!("one/{name}")), whole, "{name}");
    }
    for (format, file) in
        [("csv", "factors.csv"), ("parquet", "factors.parquet"), ("arrow", "factors.arrow")]
    {
        eval(format, &["--format", format, "--shape", "long"]);
        let long = desk.path(format).join(file).display().to_string();
        // What was written is a panel again: its field, evaluated, is what was written wide.
        let again = format!("{format}-again");
        desk.ends(&["eval", "--data", &long, "--expr", "mean", "--out", &again], 0);
        let text = String::from_utf8(desk.read(&format!("{again}/factor.csv"))).expect("text");
        // The first days have a rank and no mean: they are there.
        assert_eq!(text.as_bytes(), desk.read("wide/mean.csv"), "{format}");
    }
    eval("narrow", &["--float32"]);
    let narrow = String::from_utf8(desk.read("narrow/rank.csv")).expect("text");
    assert!(narrow.contains("0.33333334") && !narrow.contains("0.3333333333"), "{narrow}");
}

#[test]
fn a_file_out_of_order_is_no_stream_and_a_dataset_is_none_either() {
    let desk = Desk::new();
    let data = desk.text("p.csv", "date,symbol,x\n2024-01-03,A,1\n2024-01-02,A,2\n");
    let eval = ["eval", "--data", &data, "--expr", "x", "--out", "o", "--stream"];
    let (_, err) = desk.ends(&eval, 1);
    assert!(err.contains("line 3") && err.contains("sort the file by date"), "{err}");
    assert!(!desk.path("o").exists(), "nothing is half-written");
    desk.ends(&["eval", "--dataset", "d", "--expr", "x", "--out", "o", "--stream"], 2);
    desk.ends(&["eval", "--expr", "x", "--out", "o"], 2);
    desk.ends(&["eval", "--data", &data, "--dataset", "d", "--expr", "x", "--out", "o"], 2);
}

#[test]
fn a_text_is_checked_and_explained_without_data() {
    let desk = Desk::new();
    let told = desk.json(&["check", "ts_mean( close ,5)*(2)"]);
    assert_eq!(told["canonical"], "ts_mean(close, 5) * 2");
    assert_eq!((&told["lookback"], &told["fields"][0]), (&4.into(), &"close".into()));
    let (out, _) = desk.ends(&["check", "delay(close, -1)"], 3);
    assert!(out.contains("expression:1:") && out.contains("ahead"), "{out}");
    let (out, _) = desk.ends(&["check", "rank(eps)"], 3);
    assert!(out.contains("eps"), "{out}");
    desk.ends(&["check", "rank(eps)", "--fields", "eps"], 0);
    desk.ends(&["explain", "close", "--names", &u64::MAX.to_string()], 2);
    let explained = desk.json(&["explain", "rank(close)", "--rows", "100", "--names", "10"]);
    assert_eq!(explained["expression"]["nodes"], 2);
    // Ten names are padded to sixteen cells a row.
    assert_eq!(explained["cells"], 1600);
    let (out, _) = desk.ends(&["operators", "--markdown"], 0);
    assert!(out.contains("### Windows over the last rows") && out.contains("| `ts_mean("), "{out}");
    let rows = desk.json(&["operators"]);
    assert!(rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["cost"] != "")));
}

#[test]
fn the_library_is_listed_and_the_stated_rules_are_kept() {
    let desk = Desk::new();
    let all = desk.json(&["library"]);
    let all = all.as_array().expect("a list");
    assert!(all.len() >= 101, "{}", all.len());
    let one = desk.json(&["library", "ALPHA001"]);
    assert_eq!((&one["name"], &one["text"]), (&all[0]["name"], &all[0]["text"]));
    desk.ends(&["library", "nothing"], 2);
    let rules = desk.json(&["conformance"]);
    let rules = rules.as_array().expect("a list");
    assert!(rules.len() > 50 && rules.iter().all(|rule| rule["kept"] == true));
    let (out, _) = desk.ends(&["conformance"], 0);
    assert!(out.ends_with(&format!("{0} of {0} rules are kept\n", rules.len())), "{out}");
}

#[test]
fn a_factor_of_the_library_is_evaluated_by_its_name() {
    let desk = Desk::new();
    let sample = sample().display().to_string();
    desk.ends(&["eval", "--data", &sample, "--library", "alpha101", "--out", "o"], 0);
    assert!(desk.read("o/alpha101.csv").starts_with(b"date,AAPL,FB,GOOG,IBM,MSFT\n"));
    let (_, err) =
        desk.ends(&["eval", "--data", &sample, "--library", "alpha005", "--out", "o"], 1);
    assert!(err.contains("vwap"), "{err}");
}

#[test]
fn a_stream_that_needs_too_much_is_refused_before_it_begins() {
    let desk = Desk::new();
    let mut text = String::from("date,symbol,x\n");
    for name in 0..5000 {
        text.push_str(&format!("2024-01-01,N{name},1\n"));
    }
    let data = desk.text("wide.csv", &text);
    let mut set = String::from("id,expression\n");
    for window in 9970..10_000 {
        set.push_str(&format!("m{window},\"ts_mean(x, {window})\"\n"));
    }
    let set = desk.text("set.csv", &set);
    let eval = ["eval", "--data", &data, "--expr-file", &set, "--stream", "--shape", "long"];
    let (_, err) = desk.ends(&[&eval[..], &["--out", "out"]].concat(), 1);
    assert!(err.contains("the run would hold"), "{err}");
    assert!(!desk.path("out").exists(), "nothing is written");
}

#[test]
fn nothing_differs_when_the_future_is_cut_off() {
    let desk = Desk::new();
    let sample = sample().display().to_string();
    let text = "rank(ts_mean(close, 20) / ema(close, 50))";
    let found = desk.json(&["truncate-check", "--data", &sample, "--expr", text, "--cuts", "3"]);
    assert_eq!((&found["leaks"], &found["cuts"][1]), (&serde_json::json!([]), &1635.into()));
    assert_eq!(found["compared"], (817 + 1635 + 2452) * 5);
}

#[test]
fn a_factor_is_read_and_factors_are_compared() {
    let desk = Desk::new();
    let sample = sample().display().to_string();
    let page = desk.text("page.html", "the page of yesterday");
    let yesterday = std::fs::File::open(&page).expect("opens");
    let study = ["study", "--data", &sample, "--expr", "-returns(close, 5)", "--trials", "40"];
    let more = ["--horizons", "1,21", "--quantiles", "2", "--html", &page];
    let document = desk.json(&[&study[..], &more].concat());
    assert_eq!(document["settings"]["price"], "adj_close", "dividends count where they are known");
    assert_eq!(document["settings"]["periods_per_year"], 252.0);
    assert_eq!(document["horizons"][1]["rows"], 21);
    assert_eq!(document["horizons"][0]["deflated"]["trials"], 40);
    assert_eq!(document["survivorship"]["late"], 2, "GOOG and FB begin late");
    assert!(String::from_utf8_lossy(&desk.read("page.html")).starts_with("<!doctype html>"));
    let kept = std::io::read_to_string(yesterday).expect("reads");
    assert_eq!(kept, "the page of yesterday", "the new page takes its place as a whole");
    let (out, _) = desk.ends(&study, 0);
    assert!(out.contains("rank IC") && out.contains("tried on these data: 40"), "{out}");
    let set =
        desk.text("set.csv", "id,expression\na,\"returns(close, 5)\"\nb,\"-returns(close, 5)\"\n");
    let compared = desk.json(&["compare", "--data", &sample, "--expr-file", &set]);
    assert_eq!(compared["mean"][0][1], -1.0);
    assert_eq!(compared["overfitting"]["series"], 2);
    let refused = desk.ends(&[&study[..], &["--horizons", "0"]].concat(), 1);
    assert!(refused.1.contains("horizon"), "{}", refused.1);
}

#[test]
fn factors_belong_to_somebody_and_trials_are_counted_without_anybody() {
    let desk = Desk::new();
    let (_, err) = desk.ends(&["ls"], 1);
    assert!(err.contains("no account yet"), "{err}");
    let (_, err) = desk.ends(&["save", "m", "--expr", "close"], 1);
    assert!(err.contains("setup-link"), "{err}");
    let import = Command::new(STOCKADE)
        .args(["data", "import", "--name", "us", "--data-dir"])
        .arg(desk.path("data"))
        .arg(sample())
        .output()
        .expect("starts");
    assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    let eval = |text: &str| {
        let base = ["eval", "--dataset", "us", "--expr", text, "--out", "o"];
        desk.json(&[&base[..], &["--adjust", "none"]].concat())["trials"].clone()
    };
    assert_eq!([eval("close"), eval("close / open"), eval("(close)/open")], [1, 2, 2]);
    let whole = String::from_utf8(desk.read("o/factor.csv")).expect("text");
    assert_eq!(whole.lines().next(), Some("date,AAPL,FB,GOOG,IBM,MSFT"));
    let log = Command::new(STOCKADE)
        .args(["audit", "ls", "--kind", "expression.tried", "--json", "--data-dir"])
        .arg(desk.path("data"))
        .output()
        .expect("starts");
    let told = String::from_utf8_lossy(&log.stdout);
    assert_eq!(told.matches("expression.tried").count(), 2, "{told}");
}
