//! Our side of `benches/factor`: the 82 alphas, single operators, the first result of a process.
//!
//! `wq101 all DIRECTORY THREADS [SAVE]` and `wq101 operators[-again] DIRECTORY THREADS` read the panel that
//! `benches/factor/panel.py` wrote there and print a line of JSON for each piece of work, as the peers'
//! scripts do; `wq101 first` computes a ten-line expression on five names. On Linux, where the kernel
//! tells the CPU time.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    reason = "a program: it reads files and its CPU time, and prints"
)]

use factor::{Expression, Limits, Plan, Run, Schema, library};
use market::{Column, Labels, Panel, Timestamp};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

/// Work runs at least so often and so long.
const RUNS: u32 = 3;
const SECONDS: f64 = 1.0;
const DAY_NS: i64 = 86_400_000_000_000;
const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "vwap"];
const SINGLE: [&str; 13] = [
    "rank",
    "ts_sum(20)",
    "ts_mean(20)",
    "ts_std(20)",
    "ts_corr(20)",
    "ts_rank(20)",
    "ts_argmax(20)",
    "ts_min(20)",
    "decay_linear(20)",
    "delta(5)",
    "ema(20)",
    "group_demean(sector)",
    "ts_mean(250)",
];
/// Ten lines, as somebody would type them.
const TEN_LINES: &str = "let ret = returns(close, 1);
let market = ret - cs_demean(ret);
let beta = ts_cov(ret, market, 60) / ts_cov(market, market, 60);
let own = ret - beta * market;
let momentum = delay(ts_sum(own, 120), 21);
let calm = -ts_std(own, 60);
let volume_up = volume / ts_mean(volume, 20) - 1;
let high = close / ts_max(close, 250);
let score = rank(momentum) + rank(calm) + 0.5 * rank(high) - 0.25 * rank(volume_up);
where(ts_count(close, 250) < 250, 0, cs_zscore(score))";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let part = |at: usize| arguments.get(at).map(String::as_str).ok_or("too few arguments");
    let threads = |text: &str| text.parse::<NonZeroUsize>();
    match part(0)? {
        "all" => all(&read(part(1)?)?, threads(part(2)?)?, part(3).ok()),
        "operators" => operators(&read(part(1)?)?, threads(part(2)?)?, Memory::New),
        "operators-again" => operators(&read(part(1)?)?, threads(part(2)?)?, Memory::Kept),
        "first" => first(),
        other => Err(format!("there is no part {other:?}").into()),
    }
}

/// Where results are written: the compiled peer is given the same arrays for each run.
#[derive(Clone, Copy, PartialEq)]
enum Memory {
    New,
    Kept,
}

/// The alphas that read prices and volume only.
fn all(panel: &Panel, threads: NonZeroUsize, save: Option<&str>) -> Result<(), Failure> {
    let entries = library().iter().filter(|entry| {
        entry.heading.starts_with("101")
            && entry.groups.is_empty()
            && !entry.fields.contains(&"cap".to_owned())
    });
    let set: Vec<(&str, &str)> = entries.map(|entry| (entry.name, entry.text)).collect();
    let plan = plan(&set, panel)?;
    let results = evaluate(&plan, panel, threads)?;
    if let Some(directory) = save {
        for (name, column) in &results {
            write(
                &Path::new(directory).join(format!("{name}.npy")),
                column,
                panel.symbols().len(),
            )?;
        }
    }
    drop(results);
    let cells = panel.rows() * panel.symbols().len() * set.len();
    for memory in [Memory::New, Memory::Kept] {
        measured("wq101", &plan, (panel, threads, memory), cells)?;
    }
    Ok(())
}

/// Each over all six fields at once, as the peers'; times are for one field.
fn operators(panel: &Panel, threads: NonZeroUsize, memory: Memory) -> Result<(), Failure> {
    for work in SINGLE {
        let text = |field: &str| {
            let other = if field == "volume" { "close" } else { "volume" };
            match work.split_once('(') {
                Some(("ts_corr", rest)) => format!("ts_corr({field}, {other}, {rest}"),
                Some((name, rest)) => format!("{name}({field}, {rest}"),
                None => format!("{work}({field})"),
            }
        };
        let texts = FIELDS.map(text);
        let set: Vec<(&str, &str)> =
            FIELDS.into_iter().zip(texts.iter().map(String::as_str)).collect();
        let plan = plan(&set, panel)?;
        let cells = panel.rows() * panel.symbols().len();
        measured(work, &plan, (panel, threads, memory), cells)?;
    }
    Ok(())
}

fn first() -> Result<(), Failure> {
    let (rows, names) = (500, 5);
    let mut panel = bare(rows, names)?;
    for (field, base) in [("close", 100_i32), ("volume", 1_000_000)] {
        let mut column = Column::missing(rows, names);
        let mut state = 7_u32;
        for t in 0..rows {
            for j in 0..names {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                column.set(t, j, f64::from(base) * (1.0 + f64::from(state >> 16) / 1e6));
            }
        }
        panel.insert(field, column)?;
    }
    let plan = plan(&[("score", TEN_LINES)], &panel)?;
    let results = evaluate(&plan, &panel, NonZeroUsize::MIN)?;
    for (name, column) in &results {
        let last: Vec<f64> = (0..names).map(|j| column.at(rows - 1, j)).collect();
        println!("{name} {last:?}");
    }
    Ok(())
}

fn plan(set: &[(&str, &str)], panel: &Panel) -> Result<Plan, Failure> {
    let (schema, limits) = (Schema::of(panel), Limits::default());
    let parse = |(name, text): &(&str, &str)| {
        let parsed = Expression::parse(text, &schema, &limits);
        let parsed = parsed.map_err(|found| format!("{name}: {found:?}"))?;
        Ok(((*name).to_owned(), parsed))
    };
    let set = set.iter().map(parse).collect::<Result<Vec<_>, String>>()?;
    Ok(Plan::new(&set, &schema, &limits)?)
}

fn evaluate(
    plan: &Plan,
    panel: &Panel,
    threads: NonZeroUsize,
) -> Result<Vec<(String, Column)>, Failure> {
    let cancel = AtomicBool::new(false);
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 36 };
    Ok(plan.evaluate(panel, &run)?)
}

/// Prints the mean CPU and the fastest wall time of some runs after a warm-up, and the peak memory.
fn measured(
    work: &str,
    plan: &Plan,
    (panel, threads, memory): (&Panel, NonZeroUsize, Memory),
    cells: usize,
) -> Result<(), Failure> {
    let sum = digest(&evaluate(plan, panel, threads)?, panel);
    let cancel = AtomicBool::new(false);
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 36 };
    let mut columns = Vec::new();
    let (mut wall, mut total, mut runs) = (f64::MAX, 0.0, 0_u32);
    let first = cpu_seconds(threads)?;
    while runs < RUNS || total < SECONDS {
        let start = Instant::now();
        plan.evaluate_into(panel, &run, &mut columns)?;
        if memory == Memory::New {
            columns.clear();
        }
        let took = start.elapsed().as_secs_f64();
        (wall, total, runs) = (wall.min(took), total + took, runs + 1);
    }
    // The kernel counts in ticks of some milliseconds: only all runs together are exact.
    let cpu = (cpu_seconds(threads)? - first) / f64::from(runs);
    let shared = if work == "wq101" { 1.0 } else { FIELDS.len() as f64 };
    let engine = if memory == Memory::Kept { "ours, kept columns" } else { "ours" };
    let held = plan.cost(panel.rows(), panel.symbols().len()).bytes >> 20;
    println!(
        "{{\"engine\": \"{engine}\", \"threads\": {threads}, \"work\": \"{work}\", \"cells\": {cells}, \
         \"cpu\": {}, \"wall\": {}, \"peak_mib\": {:.1}, \"nodes\": {}, \"stated_mib\": {held}, \"sum\": {sum:?}}}",
        cpu / shared,
        wall / shared,
        peak_mib()?,
        plan.nodes(),
    );
    Ok(())
}

/// The sum of what became of `close`, from row 50 on: the peers' has to be the same.
fn digest(results: &[(String, Column)], panel: &Panel) -> f64 {
    let names = panel.symbols().len();
    let column = results.iter().find(|(name, _)| name == "close").map(|(_, column)| column);
    let rows = column.into_iter().flat_map(|column| (50..column.rows()).map(|t| column.row(t)));
    rows.flat_map(|row| row.iter().take(names)).filter(|x| !x.is_nan()).sum()
}

/// CPU seconds so far: of the one thread, or of all that were.
fn cpu_seconds(threads: NonZeroUsize) -> Result<f64, Failure> {
    let number = |text: Option<&str>| {
        text.ok_or("a field is not there")?.parse::<f64>().map_err(Failure::from)
    };
    if threads.get() == 1 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
        return Ok(number(text.split_whitespace().next())? * 1e-9);
    }
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = text.rsplit_once(')').ok_or("no process name")?;
    let mut parts = after.split_whitespace().skip(11);
    Ok((number(parts.next())? + number(parts.next())?) / 100.0)
}

fn peak_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

fn bare(rows: usize, names: usize) -> Result<Panel, Failure> {
    let times = (0..i64::try_from(rows)?).map(|t| Timestamp::from_nanos(t * DAY_NS)).collect();
    let symbols = (0..names).map(|j| format!("S{j}").parse()).collect::<Result<_, _>>()?;
    Ok(Panel::new(times, symbols))
}

/// The panel that the peers read too: the same files, the same bytes.
fn read(directory: &str) -> Result<Panel, Failure> {
    let file = |name: &str| npy(&Path::new(directory).join(format!("{name}.npy")));
    let (shape, _) = file("close")?;
    let &[rows, names] = shape.as_slice() else { return Err("not days x names".into()) };
    let mut panel = bare(rows, names)?;
    for field in FIELDS {
        let (_, values) = file(field)?;
        let mut column = Column::missing(rows, names);
        for (at, value) in values.into_iter().enumerate() {
            column.set(at / names, at % names, value);
        }
        panel.insert(field, column)?;
    }
    let (_, sectors) = file("sector")?;
    let mut labels = Labels::missing(rows, names);
    for (at, j) in (0..rows).flat_map(|t| (0..names).map(move |j| (t, j))) {
        let sector = sectors.get(j).copied().unwrap_or_default();
        labels.set(at, j, format!("{sector}").parse()?);
    }
    panel.insert_labels("sector", labels)?;
    Ok(panel)
}

/// Reads a `NumPy` file of little-endian float64 in C order (format 1.0): its shape and its values.
fn npy(path: &Path) -> Result<(Vec<usize>, Vec<f64>), Failure> {
    let bytes = std::fs::read(path)?;
    let (head, rest) = bytes.split_at_checked(10).ok_or("too short")?;
    let [b'\x93', b'N', b'U', b'M', b'P', b'Y', 1, 0, low, high] = *head else {
        return Err("not a NumPy file of format 1.0".into());
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let (header, data) = rest.split_at_checked(length).ok_or("too short")?;
    let header = std::str::from_utf8(header)?;
    if !header.contains("'descr': '<f8'") || !header.contains("'fortran_order': False") {
        return Err("not little-endian float64 in C order".into());
    }
    let shape = header.split(['(', ')']).nth(1).ok_or("no shape")?;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape = sizes.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let values = data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    Ok((shape, values))
}

/// Writes a column as such a file, without padding.
fn write(path: &Path, column: &Column, names: usize) -> Result<(), Failure> {
    let rows = column.rows();
    let header =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {names}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").into_bytes());
    for t in 0..rows {
        let row = column.row(t).get(..names).ok_or("the row is short")?;
        bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(std::fs::write(path, bytes)?)
}
