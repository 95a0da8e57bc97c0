//! A run again, to look into it: what happened at each tick, and the account after it.

use super::{Desk, Error, JSON, Result, Stop};
use crate::report::{self, Executions, FILLS, ORDERS, REFUSALS, Tick, What};
use engine::{
    Outcome, Resources, Strategy,
    replay::{Replay, State},
};
use identity::{AccountId, Tenant};
use market::{BarSeries, Symbol, Timestamp};
use serde::Deserialize;
use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// A run in memory: its outcome, its data, its ticks.
#[derive(Debug)]
pub struct Recording {
    outcome: Outcome,
    series: Vec<BarSeries>,
    /// The calendar.
    times: Vec<Timestamp>,
    ticks: Vec<Tick>,
    /// The tick at which each row's bars closed.
    bars: Vec<usize>,
    /// What the tables say of fills, orders and refusals.
    fills: Vec<Vec<String>>,
    orders: Vec<Vec<String>>,
    refusals: Vec<Vec<String>>,
}

/// The account after a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The tick's number, from 1.
    pub tick: usize,
    /// The row of the calendar, from 0.
    pub row: usize,
    /// That row's time.
    pub time: Timestamp,
    /// Whether the row's bars have closed by now.
    pub closed: bool,
    /// Everything else.
    pub state: State,
}

/// What a tick can be looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The bars of a row closed.
    Bar,
    /// An order met the market.
    Fill,
    /// Something was refused.
    Refusal,
}

impl Recording {
    fn make((strategy, mut series): (Strategy, Vec<BarSeries>), stop: &Stop) -> Result<Self> {
        series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
        let threads = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
        let ticks = engine::ticks::Recording::Blocks;
        let resources = Resources { threads, ticks, ..Resources::default() };
        let outcome = engine::backtest_on(&strategy, &series, &resources, &mut Stopped(stop))?;
        let damaged = |error: engine::ticks::Damaged| Error::Report { problem: error.to_string() };
        let times = engine::calendar(&series);
        let ticks = report::ticks(&outcome.simulation.blocks, &times).map_err(damaged)?;
        let is_bar = |(number, tick): (usize, &Tick)| (tick.what == What::Bar).then_some(number);
        let bars = (1..).zip(&ticks).filter_map(is_bar).collect();
        let executions = Executions::of(&outcome).map_err(damaged)?;
        let orders = executions.orders().map_err(engine::Error::from)?;
        let (fills, refusals) = (executions.fills().collect(), executions.refusals().collect());
        Ok(Self { outcome, series, times, ticks, bars, fills, orders, refusals })
    }

    /// What came of the run.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The bars of a symbol as the run saw them.
    #[must_use]
    pub fn series(&self, symbol: &Symbol) -> Option<&BarSeries> {
        let found = self.series.binary_search_by(|one| one.instrument().symbol.cmp(symbol));
        found.ok().and_then(|at| self.series.get(at))
    }

    /// The ticks, numbered from 1.
    #[must_use]
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// The time of a row.
    #[must_use]
    pub fn time(&self, row: usize) -> Timestamp {
        self.times.get(row).copied().unwrap_or_default()
    }

    /// How many rows the calendar has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The row of `fills.csv` or `refusals.csv` that a tick is, or that of `orders.csv` that it is
    /// about, with the columns' names; none for what stands in none of them.
    #[must_use]
    pub fn line(&self, tick: Tick) -> Option<(&'static report::Schema, &[String])> {
        match (tick.what, tick.refusal) {
            (What::Fill(n), _) => Some((FILLS, self.fills.get(n)?)),
            (What::Word(..), Some(n)) => Some((REFUSALS, self.refusals.get(n)?)),
            // Orders are numbered from 1 as they are sent.
            (What::Word(_, Some(order)), None) => {
                let place = usize::try_from(order.0).ok()?.checked_sub(1)?;
                Some((ORDERS, self.orders.get(place)?))
            }
            _ => None,
        }
    }

    /// The last tick of the newest row at or before a time; the first tick if there is none.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> usize {
        let rows = self.times.partition_point(|row| *row <= time);
        rows.checked_sub(1).and_then(|row| self.bars.get(row)).copied().unwrap_or(1)
    }

    /// The nearest ticks of a sort before and after one.
    #[must_use]
    pub fn near(&self, tick: usize, sort: Sort) -> (Option<usize>, Option<usize>) {
        let is = |number: &usize| {
            self.ticks.get(number - 1).is_some_and(|tick| match sort {
                Sort::Bar => tick.what == What::Bar,
                Sort::Fill => matches!(tick.what, What::Fill(_)),
                Sort::Refusal => tick.refusal.is_some(),
            })
        };
        let before = (1..tick).rev().find(is);
        (before, (tick + 1..=self.ticks.len()).find(is))
    }

    /// The account after a tick; `None` for a number that no tick has.
    ///
    /// The kernel is told again what it was told up to there, and must do what it did.
    pub fn moment(&self, tick: usize) -> Result<Option<Moment>> {
        let Some(now) = tick.checked_sub(1).and_then(|n| self.ticks.get(n)) else {
            return Ok(None);
        };
        let (strategy, run) = (&self.outcome.strategy, &self.outcome.simulation);
        let log = (self.outcome.run_id, run.blocks.as_slice());
        let mut replay = Replay::new(strategy, &self.series, log)?;
        let state = replay.run_to(tick as u64)?;
        let row = now.row as usize;
        let closed = self.bars.get(row).is_some_and(|bar| *bar <= tick);
        Ok(Some(Moment { tick, row, time: self.time(row), closed, state }))
    }
}

/// Looks at the flag of a question.
struct Stopped<'a>(&'a Stop);

impl engine::Watch for Stopped<'_> {
    fn progress(&mut self, _done: usize, _total: usize) -> ControlFlow<()> {
        if self.0.check().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn cancel(&self) -> Option<&std::sync::atomic::AtomicBool> {
        Some(self.0.flag())
    }
}

/// Runs that are kept in memory.
const KEPT: usize = 3;

/// Runs that people look into, the last used first.
#[derive(Debug, Default)]
pub struct Recordings(Mutex<VecDeque<(AccountId, String, Arc<Recording>)>>);

impl Recordings {
    fn find(&self, account: AccountId, run_id: &str) -> Option<Arc<Recording>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(whose, run, _)| *whose == account && run == run_id)?;
        let found = kept.remove(at)?;
        let recording = Arc::clone(&found.2);
        kept.push_front(found);
        Some(recording)
    }

    fn keep(&self, account: AccountId, run_id: String, recording: &Arc<Recording>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((account, run_id, Arc::clone(recording)));
        kept.truncate(KEPT);
    }
}

/// The one part of a result that is needed to run it again.
#[derive(Deserialize)]
struct Written {
    strategy: Text,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

impl Desk {
    /// A person's finished backtest, run again unless it is in memory; `None` when what is run now
    /// is not what was run then: the data or the engine are others.
    pub async fn record(
        &self,
        tenant: &Tenant,
        id: Uuid,
        kept: &Arc<Recordings>,
        stop: &Stop,
    ) -> Result<Option<Arc<Recording>>> {
        let directory = self.result_dir(tenant, id).await?;
        let run_id = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let account = tenant.account();
        if let Some(found) = kept.find(account, &run_id) {
            return Ok(Some(found));
        }
        let (desk, kept, ending) = (self.clone(), Arc::clone(kept), stop.clone());
        self.in_turn(stop, move || {
            // Somebody may have asked the same while this waited for its turn.
            if let Some(found) = kept.find(account, &run_id) {
                return Ok(Some(found));
            }
            let path = directory.join(JSON);
            let bytes = std::fs::read(&path).map_err(|source| Error::File {
                doing: "read",
                path,
                source,
            })?;
            let written: Written = serde_json::from_slice(&bytes)
                .map_err(|error| Error::Report { problem: error.to_string() })?;
            let strategy =
                engine::parse_strategy(&written.strategy.text).map_err(Error::Strategy)?;
            if strategy.clock.counts_quotes() {
                return Err(Error::OnQuotes);
            }
            let universe = strategy.universe.as_deref();
            let series = desk.catalog().series(&strategy.data, universe, strategy.adjust)?;
            let recording = Arc::new(Recording::make((strategy, series), &ending)?);
            if recording.outcome.run_id.to_string() != run_id {
                return Ok(None);
            }
            kept.keep(account, run_id, &recording);
            Ok(Some(recording))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, BarSize, Instrument, Price, Quantity};

    fn series(symbol: &str, prices: &[i64]) -> BarSeries {
        let instrument = Instrument::share(symbol.parse().expect("a symbol"));
        let bar = |(day, price): (i64, &i64)| {
            let open_time = Timestamp::from_nanos(day * BarSize::DAY.nanos());
            let (open, close) = (Price(*price), Price(*price + 10));
            Bar { open_time, open, high: close, low: open, close, volume: Quantity(1) }
        };
        BarSeries::from_bars(instrument, BarSize::DAY, (18_267..).zip(prices).map(bar))
            .expect("in order")
    }

    fn recording(rules: &str) -> Recording {
        let costs = "costs: { fee_bps: 10 }";
        let text = format!("version: 1\nname: n\ndata: d\n{rules}\ncash: 1000\n{costs}\n");
        let strategy = engine::parse_strategy(&text).expect("a strategy");
        let prices = [1000, 1000, 900, 900, 1000, 1000];
        let series = vec![series("AAA", &prices), series("BBB", &[500, 400, 500, 500, 400])];
        Recording::make((strategy, series), &Stop::default()).expect("runs")
    }

    const RULES: [&str; 3] = [
        "signals:\n  long: close > 9.5\n  exit: close < 9.5\nsizing: { fixed: 30 }",
        "signals:\n  long: close > 4.5\n  exit: close < 4.5\nsizing: { percent: 60 }\n\
         convention: same_close",
        "weights: close > 4.5\nschedule: daily\nsizing: { exposure: 0.9 }",
    ];

    #[test]
    fn at_the_end_of_each_row_the_account_is_the_one_of_the_curve() {
        for rules in RULES {
            let run = recording(rules);
            let last = |row: usize| run.ticks.iter().rposition(|t| t.row as usize == row);
            let curve = &run.outcome.simulation.curve;
            assert_eq!(curve.len(), 6);
            for (row, point) in curve.iter().enumerate() {
                let tick = last(row).expect("each row has ticks") + 1;
                let moment = run.moment(tick).expect("in range").expect("is there");
                let now = &moment.state;
                let found = (moment.time, now.equity, now.cash, now.gross);
                assert_eq!(found, (point.time, point.equity, point.cash, point.gross), "{rules}");
                assert!(moment.closed && moment.row == row);
            }
            let end = run.moment(run.ticks.len()).expect("in range").expect("is there");
            let waiting: Vec<u64> =
                run.outcome.simulation.unfilled.iter().map(|o| o.id.0).collect();
            let working = end.state.working.iter().map(|w| w.order.id.0);
            assert_eq!(working.collect::<Vec<_>>(), waiting);
        }
    }

    #[test]
    fn an_order_waits_from_its_decision_to_its_fill() {
        // AAA closes at 10.10 on the first day, so 30 are bought at the open of the second.
        let run = recording(RULES[0]);
        let moment = |tick| run.moment(tick).expect("in range").expect("is there");
        // At tick 2 the venue has the order, tick 3 is its fill.
        let (decided, filled) = (moment(1), moment(3));
        let working = decided.state.working.iter().map(|w| (w.order.id.0, w.open.0));
        assert_eq!(working.collect::<Vec<_>>(), [(1, 30)]);
        assert!(decided.closed && decided.state.positions.is_empty());
        assert!(!filled.closed && filled.state.working.is_empty());
        assert_eq!(
            (filled.state.cash.to_string(), filled.state.fees.to_string()),
            ("699.70".into(), "0.30".into())
        );
        let (_, position, price) = filled.state.positions[0];
        assert_eq!((position.lots, price), (30, Some(Price(1000))));
        assert!(run.moment(0).expect("in range").is_none());
        assert!(run.moment(run.ticks.len() + 1).expect("in range").is_none());
    }

    #[test]
    fn ticks_are_found_by_sort_and_by_time() {
        let run = recording(RULES[0]);
        let check = |tick, sort, want| assert_eq!(run.near(tick, sort), want, "{tick} {sort:?}");
        check(1, Sort::Bar, (None, Some(4)));
        check(1, Sort::Fill, (None, Some(3)));
        check(3, Sort::Bar, (Some(1), Some(4)));
        check(
            run.ticks.len(),
            Sort::Fill,
            (run.fills.last().map(|f| f[1].parse().expect("a tick")), None),
        );
        let at = |text: &str| run.at(text.parse().expect("a time"));
        assert_eq!((at("2020-01-06"), at("2020-01-07T12:00:00Z"), at("1999-01-01")), (1, 4, 1));
        assert_eq!(at("2099-01-01"), *run.bars.last().expect("has rows"));
    }
}
