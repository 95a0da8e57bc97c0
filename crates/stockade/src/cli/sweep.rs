//! `stockade sweep`: many sets of a strategy's parameters, to a directory that can be resumed.

use super::{
    backtest::{drawn, read},
    configuration::data_dir,
    output::{Ending, Output, table, write_stdout},
    sweep_args::{Means as Asked, Run, Sort, Sweep},
};
use crate::{
    desk,
    sweep::{self, Means, Meta, Order, State, Watch},
};
use anyhow::bail;
use catalog::Catalog;
use engine::{strategy::plain_decimal, sweep::Row};
use serde::Serialize;
use settings::Settings;
use std::{
    cmp::Ordering,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

/// Runs a sweep command.
pub(super) fn run(command: &Sweep, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    match command {
        Sweep::Run(asked) => start(asked, settings, output)?,
        Sweep::Resume { dir, means } => {
            let catalog = catalog(settings)?;
            let means = means.into();
            work(dir, output, |watch| sweep::resume(&catalog, dir, (&means, watch)))?;
        }
        Sweep::Merge { out, dirs } => {
            let state = sweep::merge(out, dirs)?;
            tell(out, state, output)?;
        }
        Sweep::Show { dir, sort, top } => show(dir, *sort, *top, output)?,
        Sweep::Set { dir, number } => write_stdout(sweep::set_text(dir, *number)?.as_bytes())?,
    }
    Ok(Ending::Done)
}

fn catalog(settings: &Settings) -> anyhow::Result<Catalog> {
    Ok(Catalog::open(&desk::catalog_dir(&data_dir(settings)))?)
}

impl From<&Asked> for Means {
    fn from(asked: &Asked) -> Self {
        let threads = asked.threads.unwrap_or(Self::default().threads);
        Self { threads, memory_bytes: asked.memory << 20 }
    }
}

fn start(asked: &Run, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let text = read(&asked.file)?;
    if let Err(problems) = engine::parse_strategy(&text) {
        bail!("the strategy is not valid\n{}", drawn(&asked.file, &text, &problems));
    }
    let shard = asked.shard.parse()?;
    let order = Order { text: &text, axes: &asked.axes, conditions: &asked.conditions, shard };
    let sets = sweep::count(&order)?;
    output.note(&format!("{sets} sets, shard {shard}"));
    let catalog = catalog(settings)?;
    let means = (&asked.means).into();
    let out = asked.out.as_path();
    work(out, output, |watch| sweep::start(&catalog, out, &order, (&means, watch)))
}

/// Does the work with a progress bar, and Ctrl-C stops it.
fn work(
    dir: &Path,
    output: Output,
    work: impl FnOnce(&Watch) -> sweep::Result<State>,
) -> anyhow::Result<()> {
    super::interrupt::listen()?;
    let stop = Arc::new(AtomicBool::new(false));
    let bar = output.progress("sweep");
    let (drawn, asked) = (bar.clone(), Arc::clone(&stop));
    let watch = Watch::new(
        move |done, total| {
            drawn.set_length(total);
            drawn.set_position(done);
        },
        stop,
    );
    let ended = AtomicBool::new(false);
    let state = std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::sync::atomic::Ordering;
            while !ended.load(Ordering::Relaxed) {
                asked.fetch_or(super::interrupt::asked(), Ordering::Relaxed);
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
        });
        let state = work(&watch);
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        state
    });
    bar.finish_and_clear();
    let state = state?;
    tell(dir, state, output)?;
    if !state.is_complete() {
        bail!(
            "stopped: {} of {} sets are kept; `stockade sweep resume {}` goes on",
            state.done,
            state.sets,
            dir.display()
        );
    }
    Ok(())
}

#[derive(Serialize)]
struct Told<'a> {
    directory: &'a Path,
    done: u64,
    sets: u64,
    complete: bool,
}

fn tell(dir: &Path, state: State, output: Output) -> anyhow::Result<()> {
    let State { done, sets } = state;
    let told = Told { directory: dir, done, sets, complete: state.is_complete() };
    output.show(&told, |_| {
        if state.is_complete() {
            format!("{sets} sets in {}", dir.join(sweep::TABLE).display())
        } else {
            format!("{done} of {sets} sets")
        }
    })
}

/// A row as JSON: ratios are numbers or null, exact amounts text.
#[derive(Serialize)]
struct Line {
    set: u64,
    values: serde_json::Map<String, serde_json::Value>,
    equity: String,
    total_return: Option<f64>,
    sharpe: Option<f64>,
    max_drawdown: Option<f64>,
    trades: u64,
    win_rate: Option<f64>,
    profit_factor: Option<f64>,
    fees: String,
    turnover: Option<f64>,
    exposure: Option<f64>,
    fills: u64,
    run_id: String,
    digest: String,
}

fn show(dir: &Path, sort: Sort, top: usize, output: Output) -> anyhow::Result<()> {
    let meta = sweep::meta(dir)?;
    let (_, grid) = meta.parts()?;
    let names: Vec<&str> = grid.axes().iter().map(engine::sweep::Axis::name).collect();
    let mut rows = sweep::rows(dir)?;
    let done = rows.len() as u64;
    rows.sort_by(|a, b| better(sort, a, b).then(a.number.cmp(&b.number)));
    rows.truncate(top);
    if output.is_json() {
        let lines: Vec<Line> = rows.iter().map(|row| line(row, &names)).collect();
        return output.show(&lines, |_| String::new());
    }
    let state = sweep::state(dir)?;
    write_stdout(text(&meta, &names, &rows).as_bytes())?;
    output.note(&format!("{done} of {} sets are done, shard {}", state.sets, meta.shard));
    Ok(())
}

/// Higher is better; sets without the figure come last.
fn better(sort: Sort, a: &Row, b: &Row) -> Ordering {
    let highest = |figure: fn(&Row) -> Option<f64>| {
        let of = |row| figure(row).unwrap_or(f64::NEG_INFINITY);
        of(b).total_cmp(&of(a))
    };
    match sort {
        Sort::Sharpe => highest(|row| row.sharpe),
        Sort::Return => highest(|row| row.total_return),
        Sort::Equity => b.equity.cmp(&a.equity),
        Sort::Drawdown => highest(|row| row.max_drawdown),
        Sort::ProfitFactor => highest(|row| row.profit_factor),
        Sort::WinRate => highest(|row| row.win_rate),
        Sort::Trades => b.trades.cmp(&a.trades),
        Sort::Set => Ordering::Equal,
    }
}

fn text(meta: &Meta, names: &[&str], rows: &[Row]) -> String {
    let mut lines = vec![["set"].iter().chain(names).map(|name| (*name).to_owned()).collect()];
    let figures = ["return", "Sharpe", "drawdown", "trades", "winners", "profit factor", "fees"];
    if let Some(head) = lines.first_mut() {
        let head: &mut Vec<String> = head;
        head.extend(figures.map(str::to_owned));
    }
    let ratio = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let part = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| format!("{:.2} %", value * 100.0))
    };
    for row in rows {
        let mut line = vec![row.number.to_string()];
        line.extend(row.values.iter().map(|value| plain_decimal(*value)));
        line.extend([
            part(row.total_return),
            ratio(row.sharpe),
            part(row.max_drawdown),
            row.trades.to_string(),
            part(row.win_rate),
            ratio(row.profit_factor),
            row.fees.to_string(),
        ]);
        lines.push(line);
    }
    format!("{} on {}\n\n{}\n", super::output::plain(&meta.name), meta.dataset, table(&lines))
}

fn line(row: &Row, names: &[&str]) -> Line {
    let values = names.iter().zip(&row.values);
    let values = values.map(|(name, value)| ((*name).to_owned(), plain_decimal(*value).into()));
    Line {
        set: row.number,
        values: values.collect(),
        equity: row.equity.to_string(),
        total_return: row.total_return,
        sharpe: row.sharpe,
        max_drawdown: row.max_drawdown,
        trades: row.trades,
        win_rate: row.win_rate,
        profit_factor: row.profit_factor,
        fees: row.fees.to_string(),
        turnover: row.turnover,
        exposure: row.exposure,
        fills: row.fills,
        run_id: row.run_id.to_string(),
        digest: row.digest.to_string(),
    }
}
