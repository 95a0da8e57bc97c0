//! The account as it stood after a tick of a past run.

use super::PastRun;
use crate::{
    desk::{self, Error, Result},
    report::{self, PositionView, WorkingView},
};
use catalog::Catalog;
use engine::{
    replay::{Replay, State},
    ticks::Block,
};
use market::Instrument;
use serde::Serialize;

/// The account after a tick, in the words and units that a person reads.
#[derive(Debug, Serialize)]
pub struct StateView {
    /// The run.
    pub run_id: String,
    /// The tick, from 1; 0 before the first one.
    pub tick: u64,
    /// Ticks of the run.
    pub ticks: u64,
    /// The latest row of the calendar, from 0.
    pub row: u32,
    /// When; nothing before the first tick.
    pub time: Option<String>,
    /// Money in hand.
    pub cash: String,
    /// Cash and positions.
    pub equity: String,
    /// Σ |value of positions|.
    pub gross: String,
    /// Fees so far.
    pub fees: String,
    /// What the risk gate lets through.
    pub gate: String,
    /// Refusals so far.
    pub refused: u64,
    /// What is held.
    pub positions: Vec<PositionView>,
    /// Orders that are out.
    pub working: Vec<WorkingView>,
    /// What happened last: the tick, and a line.
    pub recent: Vec<(u64, String)>,
}

/// Rebuilds the account after a tick, or at the end: the kernel is told again what it was told, and
/// must do what the log says that it did.
pub fn state(past: &PastRun, catalog: &Catalog, tick: Option<u64>) -> Result<StateView> {
    let log = (past.beginning, past.blocks.as_slice());
    let ticks = past.blocks.last().map_or(0, |block: &Block| block.first + block.ticks - 1);
    if let Some(tick) = tick.filter(|tick| *tick > ticks) {
        return Err(Error::NoTick { tick, ticks });
    }
    let tick = tick.unwrap_or(u64::MAX);
    if past.strategy.clock.counts_quotes() {
        let (instrument, mut stream) =
            desk::quotes_of(catalog, &past.strategy, &past.quotes(catalog)?)?;
        let mut replay = Replay::on_quotes(&past.strategy, &instrument, &mut stream, log)?;
        return view(past, &[instrument], &replay.run_to(tick)?, ticks);
    }
    let (_, series) = past.series(catalog)?;
    let state = Replay::new(&past.strategy, &series, log)?.run_to(tick)?;
    let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
    view(past, &instruments, &state, ticks)
}

fn view(
    past: &PastRun,
    instruments: &[Instrument],
    state: &State,
    ticks: u64,
) -> Result<StateView> {
    let line = |(tick, entry): &(u64, engine::ticks::Entry)| {
        (*tick, report::entry::entry(instruments, entry))
    };
    Ok(StateView {
        run_id: past.document.run_id.clone(),
        tick: state.tick,
        ticks,
        row: state.row,
        time: state.time.map(|time| time.to_string()),
        cash: state.cash.to_string(),
        equity: state.equity.to_string(),
        gross: state.gross.to_string(),
        fees: state.fees.to_string(),
        gate: state.gate.to_string(),
        refused: state.refused,
        positions: report::positions(instruments, state).map_err(engine::Error::from)?,
        working: report::working(instruments, state),
        recent: state.recent.iter().map(line).collect(),
    })
}
