//! Kills imports and backtests at random moments and looks at what is left.
//!
//! A crash must leave either what was there before or what was to be there after, a log that
//! verifies, and no debris that the next command does not sweep.

use crate::{flags::Flags, machine, process, report::minutes};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a single command may take before the loop gives up.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);
/// What is imported again and again, and what is traded.
const PRICES: &str = "data/us_stocks_daily.parquet";
const STRATEGY: &str = "examples/ema-cross.yaml";
/// The data set that every kill must leave alone.
const STEADY: &str = "us-stocks-daily";
/// What a result has beside its document and its page.
const TABLES: [&str; 5] = ["trades.csv", "fills.csv", "orders.csv", "refusals.csv", "ticks.log"];
/// The one hidden file that stays.
const LOCK: &str = ".lock";

/// The loop, its table and its verdict.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--times", "--seed", "--binary"], &["--keep"])?;
    let times: u32 = flags.value("--times", 100)?;
    let seed: u64 = flags.value("--seed", 1)?;
    let binary = flags.value("--binary", machine::target().join("debug/stockade"))?;
    if !binary.is_file() {
        bail!("{} is not built: run `cargo build -p stockade` first", binary.display());
    }
    let started = Instant::now();
    let mut bench = Bench::set_up(binary, seed)?;
    println!("seed {seed}; whole runs take {}", bench.whole_runs());
    let mut rows: BTreeMap<Job, Row> = BTreeMap::new();
    for round in 0..times {
        let job = if round % 2 == 0 { Job::Import } else { Job::Backtest };
        let killed = bench.interrupt(job, round)?;
        let findings = bench.look()?;
        let row = rows.entry(job).or_default();
        row.started += 1;
        row.killed += u32::from(killed);
        for finding in findings {
            println!("round {round}, {}: {finding}", job.name());
            row.findings += 1;
        }
    }
    let left = bench.finish()?;
    println!("\n{:<10} {:>8} {:>8} {:>9}", "job", "started", "killed", "findings");
    for (job, row) in &rows {
        let Row { started, killed, findings } = row;
        println!("{:<10} {started:>8} {killed:>8} {findings:>9}", job.name());
    }
    for finding in &left {
        println!("at the end: {finding}");
    }
    let bad = rows.values().map(|row| row.findings).sum::<usize>() + left.len();
    println!("{bad} findings, log verified after each kill, {} min", minutes(started.elapsed()));
    if !flags.has("--keep") && bad == 0 {
        fs::remove_dir_all(&bench.folder)?;
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Job {
    Import,
    Backtest,
}

impl Job {
    const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Backtest => "backtest",
        }
    }
}

#[derive(Default)]
struct Row {
    started: u32,
    killed: u32,
    findings: usize,
}

/// A data directory under attack.
struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    dice: Dice,
    steady_digest: String,
    whole: BTreeMap<Job, Duration>,
}

impl Bench {
    fn set_up(binary: PathBuf, seed: u64) -> Result<Self> {
        let folder = machine::target().join("xtask/kill-loop");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let (dice, whole) = (Dice(seed), BTreeMap::new());
        let mut bench = Self { binary, folder, dice, steady_digest: String::new(), whole };
        Self::succeed(&mut bench.stockade(&["data", "import", PRICES, "--name", STEADY]))?;
        bench.steady_digest =
            bench.digests()?.remove(STEADY).context("the import is not listed")?;
        for job in [Job::Import, Job::Backtest] {
            let begun = Instant::now();
            Self::succeed(&mut bench.job(job, u32::MAX)?)?;
            bench.whole.insert(job, begun.elapsed());
        }
        Ok(bench)
    }

    fn whole_runs(&self) -> String {
        let one =
            |(job, time): (&Job, &Duration)| format!("{} {} ms", job.name(), time.as_millis());
        self.whole.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Starts the job and kills it at a random moment; `false` when it was done before that.
    fn interrupt(&mut self, job: Job, round: u32) -> Result<bool> {
        let whole = self.whole.get(&job).copied().unwrap_or_default();
        let moment = whole.mul_f64(self.dice.fraction() * 1.05);
        let mut command = self.job(job, round)?;
        let mut child = process::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        // The random moment is what this chore is for.
        thread::sleep(moment);
        let ended = child.try_wait()?;
        child.kill().ok();
        child.wait()?;
        Ok(ended.is_none())
    }

    /// Everything that a kill must not have broken.
    fn look(&self) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let (status, said) = self.ask(&["audit", "verify"])?;
        if !status.success() {
            findings.push(format!("the log does not verify: {said}"));
        }
        for (name, digest) in self.digests()? {
            let (status, said) = self.ask(&["data", "check", &name])?;
            if !matches!(status.code(), Some(0 | 3)) {
                findings.push(format!("data set {name} is broken: {said}"));
            }
            if name == STEADY && digest != self.steady_digest {
                findings.push(format!("data set {name} has changed"));
            }
        }
        findings.extend(self.torn_results()?);
        Ok(findings)
    }

    /// After an undisturbed run of each job nothing temporary may be left.
    fn finish(&mut self) -> Result<Vec<String>> {
        for job in [Job::Import, Job::Backtest] {
            Self::succeed(&mut self.job(job, u32::MAX - 1)?)?;
        }
        let mut findings = self.look()?;
        let mut files = Vec::new();
        walk(&self.data(), &mut files)?;
        walk(&self.results(), &mut files)?;
        let debris = files.iter().filter(|file| is_temporary(file));
        findings.extend(debris.map(|file| format!("left behind: {}", file.display())));
        Ok(findings)
    }

    /// Results that are listed under their final name and lack something.
    fn torn_results(&self) -> Result<Vec<String>> {
        let results = self.results();
        let mut torn = Vec::new();
        if !results.is_dir() {
            return Ok(torn);
        }
        for entry in fs::read_dir(&results)? {
            let folder = entry?.path();
            if is_temporary(&folder) || !folder.is_dir() {
                continue;
            }
            let json = fs::read_to_string(folder.join("result.json")).unwrap_or_default();
            let page = fs::read_to_string(folder.join("tearsheet.html")).unwrap_or_default();
            let whole = serde_json::from_str::<Value>(&json).is_ok()
                && page.trim_end().ends_with("</html>")
                && TABLES.iter().all(|name| folder.join(name).is_file())
                // The chain of ticks is verified, and the kernel told again.
                && self.ask(&["replay", &folder.to_string_lossy(), "--json"])?.0.success();
            if !whole {
                torn.push(format!("{} is half-written", folder.display()));
            }
        }
        Ok(torn)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn results(&self) -> PathBuf {
        self.folder.join("results")
    }

    fn stockade(&self, arguments: &[&str]) -> Command {
        let program = self.binary.to_string_lossy();
        let mut command = process::command(&program, &["--data-dir"], &machine::project());
        command.arg(self.data()).arg("--quiet").args(arguments);
        command
    }

    /// The command of a job; each round is an input of its own, so that there is work to do.
    fn job(&self, job: Job, round: u32) -> Result<Command> {
        if job == Job::Import {
            let name = format!("round-{}", round % 5);
            return Ok(self.stockade(&["data", "import", PRICES, "--name", &name, "--replace"]));
        }
        let text = fs::read_to_string(machine::project().join(STRATEGY))
            .with_context(|| format!("reading {STRATEGY}"))?;
        let own: Vec<&str> = text.lines().filter(|line| !line.starts_with("cash:")).collect();
        let file = self.folder.join("strategy.yaml");
        let cash = u64::from(round) + 100_000;
        fs::write(&file, format!("{}\ncash: {cash}\n", own.join("\n")))?;
        Ok(self.stockade(&[
            "backtest",
            "run",
            &file.to_string_lossy(),
            "--out",
            &self.results().to_string_lossy(),
        ]))
    }

    fn digests(&self) -> Result<BTreeMap<String, String>> {
        let (status, said) = self.ask(&["data", "ls", "--json"])?;
        if !status.success() {
            bail!("`stockade data ls` fails after a kill: {said}");
        }
        let listed: Value = serde_json::from_str(&said).context("`data ls --json` is not JSON")?;
        let rows = listed.get("datasets").unwrap_or(&listed).as_array().cloned();
        let text = |row: &Value, key: &str| row.get(key)?.as_str().map(str::to_owned);
        let pairs = rows.unwrap_or_default().into_iter();
        Ok(pairs.filter_map(|row| Some((text(&row, "name")?, text(&row, "digest")?))).collect())
    }

    fn succeed(command: &mut Command) -> Result<()> {
        let mut child = process::spawn(command.stdout(Stdio::null()))?;
        match process::wait_at_most(&mut child, COMMAND_LIMIT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("{} ended with {status}", process::shown(command)),
            None => {
                child.kill().ok();
                bail!("{} took longer than {} s", process::shown(command), COMMAND_LIMIT.as_secs())
            }
        }
    }

    fn ask(&self, arguments: &[&str]) -> Result<(ExitStatus, String)> {
        let done = self.stockade(arguments).output()?;
        let said = if done.status.success() { done.stdout } else { done.stderr };
        Ok((done.status, String::from_utf8_lossy(&said).trim().to_owned()))
    }
}

/// Names under which nothing finished is kept.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name != LOCK && (name.starts_with('.') || path.extension().is_some_and(|e| e == "tmp"))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push(entry.path());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// xorshift64*: a seeded sequence, so that a bad round can be played again.
struct Dice(u64);

impl Dice {
    /// Evenly in [0, 1).
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_are_seeded_and_even() {
        let throw = |seed| {
            let mut dice = Dice(seed);
            (0..1000).map(|_| dice.fraction()).collect::<Vec<_>>()
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        let mean = throw(7).iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(throw(0).iter().all(|f| (0.0..1.0).contains(f)));
    }

    #[test]
    fn temporary_names_are_known() {
        assert!(is_temporary(Path::new("results/.unfinished-12")));
        assert!(!is_temporary(Path::new("catalog/.lock")));
        assert!(is_temporary(Path::new("a/part.parquet.tmp")));
        assert!(!is_temporary(Path::new("results/0a1b")));
    }
}
