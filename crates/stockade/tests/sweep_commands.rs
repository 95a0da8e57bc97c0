//! `stockade sweep` as people type it, and as power cuts end it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs the program, kills it and reads its files"
)]

use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");

const STRATEGY: &str = "\
version: 1
name: cross
data: walks
parameters: { fast: 3, slow: 9 }
signals:
  long: ema(close, $fast) > ema(close, $slow)
  exit: ema(close, $fast) < ema(close, $slow)
sizing: { percent: 30 }
cash: 100000
";

const AXES: [&str; 6] =
    ["--axis", "fast=2..10:1", "--axis", "slow=5..50:5", "--where", "fast < slow"];

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// A directory to work in, with a dataset and a strategy.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a directory"));
        bench.import(7, &[]);
        std::fs::write(bench.path("s.yaml"), STRATEGY).expect("writes");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn import(&self, seed: u64, more: &[&str]) {
        let (mut dice, mut text) =
            (Dice(seed), "symbol,date,open,high,low,close,volume\n".to_owned());
        let start: jiff::civil::Date = "2010-01-04".parse().expect("a date");
        for symbol in ["AAA", "BBB"] {
            let mut price = 10_000;
            for day in 0..400 {
                let date = start.saturating_add(jiff::Span::new().days(day));
                let open = (price + dice.roll(41)).saturating_sub(20).max(1_000);
                price = (open + dice.roll(401)).saturating_sub(200).max(1_000);
                let (high, low) = (open.max(price), open.min(price));
                let cents = |n: u64| format!("{}.{:02}", n / 100, n % 100);
                let prices = [open, high, low, price].map(cents).join(",");
                text.push_str(&format!("{symbol},{date},{prices},1000\n"));
            }
        }
        std::fs::write(self.path("walks.csv"), text).expect("writes");
        let import = ["data", "import", "walks.csv", "--name", "walks"];
        self.ends(&[&import[..], more].concat(), 0);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(STOCKADE);
        command.args(arguments).arg("--data-dir").arg(self.path("data"));
        command.env_clear().current_dir(self.0.path());
        command
    }

    /// Runs it and expects an exit code; what it said on stdout and stderr.
    fn ends(&self, arguments: &[&str], code: i32) -> (String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&stdout), text(&stderr));
        assert_eq!(status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    fn run(&self, out: &str, more: &[&str]) -> (String, String) {
        self.ends(&[&["sweep", "run", "s.yaml", "--out", out], &AXES[..], more].concat(), 0)
    }

    fn table(&self, dir: &str) -> Vec<u8> {
        std::fs::read(self.path(dir).join("table.parquet")).expect("the table is there")
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str], want: &str) {
        let (_, said) = self.ends(arguments, 1);
        assert!(said.contains(want), "{arguments:?}: {said}");
    }
}

/// About as much as a batch takes in the log.
const BATCH_BYTES: u64 = 2_000;

#[test]
fn a_sweep_that_is_killed_fifty_times_ends_with_the_table_of_one_that_was_not() {
    let bench = Bench::new();
    bench.run("whole", &["--threads", "1"]);
    let want = bench.table("whole");
    let mut dice = Dice(50);
    let (mut kills, mut in_the_middle, mut sweeps) = (0, 0, 0);
    while kills < 50 {
        let dir = format!("killed-{sweeps}");
        let begun = bench.path(&dir).join("sweep.json").is_file();
        let first = [&["sweep", "run", "s.yaml", "--out", &dir], &AXES[..]].concat();
        let mut command =
            if begun { bench.command(&["sweep", "resume", &dir]) } else { bench.command(&first) };
        command.args(["--threads", if kills % 2 == 0 { "1" } else { "2" }]);
        let log = bench.path(&dir).join("rows.log");
        let length = || std::fs::metadata(&log).map_or(0, |log| log.len());
        let before = length();
        let goal = before + dice.roll(2 * BATCH_BYTES);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        // A moment after the log has grown so far, or at any moment where it need not grow.
        let mut turns = dice.roll(2_000);
        let ended = loop {
            if child.try_wait().expect("is asked").is_some() {
                break true;
            }
            if length() >= goal {
                turns = turns.saturating_sub(1);
            }
            if turns == 0 {
                break false;
            }
            std::thread::yield_now();
        };
        if ended {
            assert_eq!(bench.table(&dir), want, "{dir}");
            sweeps += 1;
            continue;
        }
        child.kill().expect("is killed");
        child.wait().expect("ends");
        kills += 1;
        in_the_middle += u32::from(length() > before);
    }
    let dir = format!("killed-{sweeps}");
    if bench.path(&dir).join("sweep.json").is_file() {
        bench.ends(&["sweep", "resume", &dir], 0);
    } else {
        bench.run(&dir, &[]);
    }
    assert_eq!(bench.table(&dir), want);
    println!("50 kills, {in_the_middle} of them between batches, {} whole sweeps", sweeps + 1);
    assert!(in_the_middle > 0, "no kill came after a batch");
}

#[test]
fn threads_memory_and_shards_do_not_show() {
    let bench = Bench::new();
    bench.run("whole", &[]);
    let want = bench.table("whole");
    bench.run("small", &["--threads", "3", "--memory", "1"]);
    assert_eq!(bench.table("small"), want);
    for (shard, dir) in [("1/3", "a"), ("2/3", "b"), ("3/3", "c")] {
        bench.run(dir, &["--shard", shard]);
    }
    bench.ends(&["sweep", "merge", "merged", "c", "a", "b"], 0);
    assert_eq!(bench.table("merged"), want);
    bench.refuses(&["sweep", "merge", "m2", "a", "c"], "name the directories of all shards");
    bench.ends(
        &["sweep", "run", "s.yaml", "--axis", "fast=2..4:1", "--axis", "slow=9", "--out", "other"],
        0,
    );
    bench.refuses(&["sweep", "merge", "m3", "a", "other"], "an axis differs");
    bench.refuses(&["sweep", "merge", "whole", "a", "b", "c"], "holds a sweep or other files");
}

#[test]
fn a_set_is_the_backtest_of_its_text() {
    let bench = Bench::new();
    bench.run("out", &[]);
    let (shown, _) = bench.ends(&["sweep", "show", "out", "--top", "3", "--json"], 0);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let best = &shown[0];
    let number = best["set"].to_string();
    let (text, _) = bench.ends(&["sweep", "set", "out", &number], 0);
    let fast = best["values"]["fast"].as_str().expect("a number");
    assert!(text.contains(&format!("fast: {fast},")), "{text}");
    std::fs::write(bench.path("set.yaml"), &text).expect("writes");
    let (result, _) = bench.ends(&["backtest", "run", "set.yaml", "--json"], 0);
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!((&result["run_id"], &result["digest"]), (&best["run_id"], &best["digest"]));
    let (listed, _) = bench.ends(&["sweep", "show", "out", "--sort", "drawdown", "--top", "2"], 0);
    assert_eq!(
        listed.lines().filter(|line| line.ends_with(|c: char| c.is_ascii_digit())).count(),
        2
    );
}

#[test]
fn what_cannot_be_swept_is_refused_with_the_way_out() {
    let bench = Bench::new();
    let run = |more: &[&'static str]| [&["sweep", "run", "s.yaml", "--out", "x"], more].concat();
    bench.refuses(&run(&["--axis", "quick=1..3:1"]), "no parameter `quick`: it has fast, slow");
    bench.refuses(&run(&["--axis", "fast=1..3:0"]), "the step is not above 0");
    bench.refuses(&run(&["--axis", "fast=1..3:1", "--where", "fast > 3"]), "no set satisfies");
    bench.refuses(
        &run(&["--axis", "fast=1..1001:1", "--axis", "slow=1..1000:1"]),
        "1001000 sets, 1000000 are allowed",
    );
    bench.refuses(&run(&["--axis", "fast=1..3:1", "--shard", "3/2"]), "`3/2` is no shard");
    bench.refuses(&run(&["--axis", "fast=0..3:1"]), "fast=0 makes no strategy");
    assert!(!bench.path("x").exists(), "nothing is left of what was refused");
    bench.refuses(&["sweep", "resume", "x"], "there is no sweep in x");
    bench.run("out", &[]);
    bench.refuses(&["sweep", "set", "out", "99999"], "there is no set 99999");
    bench.import(8, &["--replace"]);
    bench.refuses(&["sweep", "resume", "out"], "walks has changed since the sweep was started");
}
