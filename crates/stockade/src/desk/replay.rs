//! A run again, to look into it: what happened at each tick, and the account after it.

use super::{Desk, Error, JSON, Result, Stop};
use crate::report::{self, Executions, FILLS, REFUSALS, Tick, What};
use engine::{Outcome, Resources, Strategy, Values};
use identity::{AccountId, Tenant};
use market::{BarSeries, Money, Price, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Ledger, Position};
use serde::Deserialize;
use std::{
    collections::{BTreeSet, VecDeque},
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// A run in memory: its outcome, its data, its ticks.
#[derive(Debug)]
pub struct Recording {
    outcome: Outcome,
    series: Vec<BarSeries>,
    values: Values,
    ticks: Vec<Tick>,
    /// The tick at which each row's bars closed.
    bars: Vec<usize>,
    /// What the tables say of fills and refusals.
    fills: Vec<Vec<String>>,
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
    /// Money in hand.
    pub cash: Money,
    /// Cash and positions.
    pub equity: Money,
    /// Σ |value of positions|.
    pub gross: Money,
    /// Fees so far.
    pub fees: Money,
    /// What is held, by symbol.
    pub held: Vec<Held>,
    /// Orders that wait.
    pub working: Vec<Waiting>,
}

/// A position and its latest price.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Lots, cost and what was earned.
    pub position: Position,
    /// The latest price.
    pub price: Price,
    /// At that price; negative for a short.
    pub value: Money,
    /// What closing at that price would bring.
    pub unrealised: Money,
}

/// An order that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: u64,
    /// When it was sent.
    pub time: Timestamp,
    /// What is to be traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
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
        let resources = Resources { threads, ..Resources::default() };
        let outcome = engine::backtest_on(&strategy, &series, &resources, &mut Stopped(stop))?;
        let values = engine::evaluate(&strategy, &series, &resources, stop.flag())?;
        let ticks = report::ticks(&outcome);
        let is_bar = |(number, tick): (usize, &Tick)| (tick.what == What::Bar).then_some(number);
        let bars = (1..).zip(&ticks).filter_map(is_bar).collect();
        let executions = Executions::of(&outcome);
        let (fills, refusals) = (executions.fills().collect(), executions.refusals().collect());
        Ok(Self { outcome, series, values, ticks, bars, fills, refusals })
    }

    /// What came of the run.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The ticks, numbered from 1.
    #[must_use]
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// The time of a row.
    #[must_use]
    pub fn time(&self, row: usize) -> Timestamp {
        let point = self.outcome.simulation.curve.get(row);
        point.map_or(Timestamp::from_nanos(0), |point| point.time)
    }

    /// The row of `fills.csv` or `refusals.csv` that a tick is, with the columns' names; none for bars.
    #[must_use]
    pub fn line(&self, tick: Tick) -> Option<(&'static report::Schema, &[String])> {
        match tick.what {
            What::Bar => None,
            What::Fill(n) => Some((FILLS, self.fills.get(n)?)),
            What::Refusal(n) => Some((REFUSALS, self.refusals.get(n)?)),
        }
    }

    /// The last tick of the newest row at or before a time; the first tick if there is none.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> usize {
        let rows = self.outcome.simulation.curve.partition_point(|point| point.time <= time);
        rows.checked_sub(1).and_then(|row| self.bars.get(row)).copied().unwrap_or(1)
    }

    /// The nearest ticks of a sort before and after one.
    #[must_use]
    pub fn near(&self, tick: usize, sort: Sort) -> (Option<usize>, Option<usize>) {
        let is = |number: &usize| {
            let what = self.ticks.get(number - 1).map(|tick| tick.what);
            matches!(
                (what, sort),
                (Some(What::Bar), Sort::Bar)
                    | (Some(What::Fill(_)), Sort::Fill)
                    | (Some(What::Refusal(_)), Sort::Refusal)
            )
        };
        let before = (1..tick).rev().find(is);
        (before, (tick + 1..=self.ticks.len()).find(is))
    }

    /// The account after a tick; `None` for a number that no tick has.
    pub fn moment(&self, tick: usize) -> Result<Option<Moment>> {
        let Some(now) = tick.checked_sub(1).and_then(|n| self.ticks.get(n)) else {
            return Ok(None);
        };
        let failed = |error: portfolio::Error| Error::Engine(error.into());
        let mut ledger = Ledger::open(self.outcome.strategy.cash, &self.outcome.instruments);
        let mut next = vec![0; self.series.len()];
        for passed in self.ticks.iter().take(tick) {
            match passed.what {
                What::Bar => self.mark(passed.row, &mut next, &mut ledger).map_err(failed)?,
                What::Fill(n) => {
                    let fill = self.outcome.simulation.fills.get(n);
                    ledger.apply(fill.expect("a tick names a fill of its run")).map_err(failed)?;
                }
                What::Refusal(_) => {}
            }
        }
        let row = now.row as usize;
        let money = |error: portfolio::Error| failed(error);
        Ok(Some(Moment {
            tick,
            row,
            time: self.time(row),
            closed: self.bars.get(row).is_some_and(|bar| *bar <= tick),
            cash: ledger.cash(),
            equity: ledger.equity().map_err(money)?,
            gross: ledger.gross().map_err(money)?,
            fees: ledger.fees(),
            held: self.held(&ledger).map_err(failed)?,
            working: self.working(tick, row)?,
        }))
    }

    fn mark(
        &self,
        row: u32,
        next: &mut [usize],
        ledger: &mut Ledger,
    ) -> Result<(), portfolio::Error> {
        let time = self.time(row as usize);
        for ((id, series), next) in (0..).map(InstrumentId).zip(&self.series).zip(next) {
            if series.times().get(*next) == Some(&time) {
                ledger.mark(id, series.close().get(*next).copied().unwrap_or_default())?;
                *next += 1;
            }
        }
        Ok(())
    }

    fn held(&self, ledger: &Ledger) -> Result<Vec<Held>, portfolio::Error> {
        let ids = (0..).map(InstrumentId).take(self.series.len());
        let open = ids.filter(|id| ledger.position(*id).lots != 0);
        open.map(|instrument| {
            let position = ledger.position(instrument);
            let price = ledger.latest(instrument).unwrap_or_default();
            let contract = ledger.contract(instrument);
            let value = contract.map_or(Ok(Money::ZERO), |c| c.value(price, position.lots))?;
            let unrealised = position.unrealised(value)?;
            Ok(Held { instrument, position, price, value, unrealised })
        })
        .collect()
    }

    /// Orders that wait after a tick: those that a run over the rows so far leaves, without those
    /// that have met the market since.
    fn working(&self, tick: usize, row: usize) -> Result<Vec<Waiting>> {
        let bar = self.bars.get(row).copied().unwrap_or(tick);
        let (last, since) =
            if tick < bar { (row.checked_sub(1), bar - 1) } else { (Some(row), tick) };
        let Some(last) = last else { return Ok(Vec::new()) };
        let until = self.time(last);
        let shortened = |series: &BarSeries| {
            let bars = series.iter().take_while(|bar| bar.open_time <= until);
            BarSeries::from_bars(series.instrument().clone(), series.size(), bars)
        };
        let series = self.series.iter().map(shortened).collect::<Result<Vec<_>, _>>();
        let series = series.map_err(|error| Error::Engine(error.into()))?;
        let strategy = &self.outcome.strategy;
        let run = engine::simulate(strategy, &series, &self.values, &mut engine::Unwatched)?;
        let from = self.bars.get(last).copied().unwrap_or(0);
        let run_by = self.ticks.iter().take(tick.min(since)).skip(from);
        let all = &self.outcome.simulation;
        let gone: BTreeSet<u64> = run_by
            .filter_map(|passed| match passed.what {
                What::Bar => None,
                What::Fill(n) => all.fills.get(n).map(|fill| fill.order),
                What::Refusal(n) => all.refusals.get(n).and_then(|r| Some(r.order?.0)),
            })
            .collect();
        let waiting = run.unfilled.iter().filter(|order| !gone.contains(&order.id.0));
        Ok(waiting
            .map(|order| Waiting {
                id: order.id.0,
                time: order.time,
                instrument: order.instrument,
                side: order.side,
                quantity: order.quantity,
            })
            .collect())
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
    use market::{Bar, BarSize, Instrument};

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
                let found = (moment.time, moment.equity, moment.cash, moment.gross);
                assert_eq!(found, (point.time, point.equity, point.cash, point.gross), "{rules}");
                assert!(moment.closed && moment.row == row);
            }
            let end = run.moment(run.ticks.len()).expect("in range").expect("is there");
            let waiting: Vec<u64> =
                run.outcome.simulation.unfilled.iter().map(|o| o.id.0).collect();
            assert_eq!(end.working.iter().map(|o| o.id).collect::<Vec<_>>(), waiting);
        }
    }

    #[test]
    fn an_order_waits_from_its_decision_to_its_fill() {
        // AAA closes at 10.10 on the first day, so 30 are bought at the open of the second.
        let run = recording(RULES[0]);
        let moment = |tick| run.moment(tick).expect("in range").expect("is there");
        let (decided, filled) = (moment(1), moment(2));
        assert_eq!(
            decided.working.iter().map(|o| (o.id, o.quantity.0)).collect::<Vec<_>>(),
            [(1, 30)]
        );
        assert!(decided.closed && decided.held.is_empty());
        assert!(!filled.closed && filled.working.is_empty());
        assert_eq!(
            (filled.cash.to_string(), filled.fees.to_string()),
            ("699.70".into(), "0.30".into())
        );
        let held = &filled.held[0];
        assert_eq!(
            (held.position.lots, held.price, held.unrealised),
            (30, Price(1000), Money::ZERO)
        );
        // 30 × 10.10 after the bar.
        assert_eq!(moment(3).equity.to_string(), "1002.70");
        assert!(run.moment(0).expect("in range").is_none());
        assert!(run.moment(run.ticks.len() + 1).expect("in range").is_none());
    }

    #[test]
    fn ticks_are_found_by_sort_and_by_time() {
        let run = recording(RULES[0]);
        let check = |tick, sort, want| assert_eq!(run.near(tick, sort), want, "{tick} {sort:?}");
        check(1, Sort::Bar, (None, Some(3)));
        check(1, Sort::Fill, (None, Some(2)));
        check(2, Sort::Bar, (Some(1), Some(3)));
        check(
            run.ticks.len(),
            Sort::Fill,
            (run.fills.last().map(|f| f[1].parse().expect("a tick")), None),
        );
        let at = |text: &str| run.at(text.parse().expect("a time"));
        assert_eq!((at("2020-01-06"), at("2020-01-07T12:00:00Z"), at("1999-01-01")), (1, 3, 1));
        assert_eq!(at("2099-01-01"), *run.bars.last().expect("has rows"));
    }
}
