//! Paper: live prices, and the kernel and exchange of a backtest; without I/O.

use super::{
    input::{Input, LineId, Outbox, Switch},
    look::{self, Around},
    market::Market,
    setup::{Plan, WarmRow},
};
use crate::view::{Counts, Links, View};
use anyhow::Context;
use engine::{
    Command, Digest, Outcome, PaperRun, RowEvaluator,
    feed::BuiltRow,
    risk,
    ticks::{Log, Recording},
};
use market::{Bar, BarSeries, Instrument, Timestamp};
use notify::Level;

/// A session on paper.
pub struct Paper {
    run: PaperRun,
    /// The same expressions once more, for what the strategy says of the latest row.
    evaluator: RowEvaluator,
    pub(super) market: Market,
    rows: u64,
    fills: u64,
    kill: Switch,
}

impl Paper {
    /// Before the first row; history is warmed up on.
    pub fn new(plan: &Plan, market: Market, warm: &[WarmRow]) -> anyhow::Result<Self> {
        let instruments = super::setup::instruments(market.roster());
        let log = Log::new(Recording::Nothing, Digest([0; 32]));
        let mut run = PaperRun::new(&plan.strategy, &instruments, log)?;
        let mut evaluator = RowEvaluator::new(&plan.strategy, &instruments)?;
        for row in warm {
            run.push(row.time, &row.bars)?;
            evaluator.push(row.time, &row.bars)?;
        }
        Ok(Self { run, evaluator, market, rows: 0, fills: 0, kill: Switch::Off })
    }

    /// Connects everything.
    pub fn begin(&mut self, out: &mut Outbox) {
        self.market.begin(out);
    }

    /// Takes one input.
    pub fn handle(
        &mut self,
        input: &Input,
        local: Timestamp,
        out: &mut Outbox,
    ) -> anyhow::Result<Vec<BuiltRow>> {
        let now = self.market.venue_time(local);
        match input {
            Input::Opened(line) => self.market.opened(*line, now, out),
            Input::Text(line, text) => self.market.heard(*line, text, now, out),
            Input::Closed(line) if *line != LineId::PRIVATE => self.market.closed(*line, out),
            Input::Came(id, arrival) => {
                self.market.came(*id, arrival, local, out);
            }
            Input::Kill(switch) => self.switch(*switch)?,
            Input::Closed(_) | Input::MayOpen(_) | Input::Tick => {}
        }
        self.market.tick(now, out);
        let mut taken = Vec::new();
        while let Some(row) = self.market.row(now)? {
            self.run.push(row.time, &row.bars)?;
            self.evaluator.push(row.time, &row.bars)?;
            self.rows += 1;
            taken.push(row);
        }
        let fills = self.run.so_far()?.0.len() as u64;
        if fills > self.fills {
            out.tell("paper-fill", Level::Info, &format!("{fills} fills so far"));
            self.fills = fills;
        }
        Ok(taken)
    }

    fn switch(&mut self, switch: Switch) -> anyhow::Result<()> {
        self.kill = switch;
        let gate = |state| Command::Gate(state);
        match switch {
            Switch::Off => self.run.command(gate(risk::State::Normal))?,
            Switch::NoEntries | Switch::CancelAll => {
                self.run.command(gate(risk::State::Halted))?;
            }
            Switch::Flatten => {
                self.run.command(gate(risk::State::Halted))?;
                self.run.command(Command::Flatten)?;
            }
        }
        Ok(())
    }

    /// When time alone changes something, by our clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let ahead = self.market.ahead_nanos();
        self.market.deadline().map(|due| super::market::shifted(due, ahead.saturating_neg()))
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self, plan: &Plan, around: &Around<'_>) -> View {
        let ledger = self.run.desk().ledger();
        let roster = self.market.roster();
        let mut view = look::common(plan, around, "paper");
        let up = self.market.links();
        view.ready = up.0 == up.1;
        view.kill = engine::live::Kill::from(self.kill).to_string();
        if self.kill != Switch::Off {
            view.barred.push("the kill switch is pulled".to_owned());
        }
        view.links = Links {
            public: up,
            private: true,
            clock_ahead_ms: self.market.ahead_nanos() / 1_000_000,
        };
        view.account = look::account(ledger);
        view.signals = look::signals(&self.evaluator, ledger, roster);
        view.positions = look::held(ledger, roster);
        view.counts = Counts {
            rows: self.rows,
            bars_late: self.market.arrivals().late,
            fills: self.fills,
            reconnects: self.market.reconnects,
            notices_waiting: around.notices_waiting,
            ..Counts::default()
        };
        view
    }

    /// What came of it.
    pub fn finish(self) -> anyhow::Result<engine::Simulation> {
        Ok(self.run.finish()?)
    }
}

/// What a session on paper came to, beside a backtest of the rows that it saw.
#[derive(Debug)]
pub struct Compared {
    /// The rows as series, in symbol order.
    pub series: Vec<BarSeries>,
    /// What paper came to.
    pub paper: Outcome,
    /// What a backtest comes to.
    pub backtest: Outcome,
}

/// Rows as one series an instrument.
pub fn series(
    plan: &Plan,
    instruments: &[Instrument],
    rows: &[WarmRow],
) -> anyhow::Result<Vec<BarSeries>> {
    let one = |(place, instrument): (usize, &Instrument)| {
        let bars = rows.iter().filter_map(|row| row.bars.get(place).copied().flatten());
        BarSeries::from_bars(instrument.clone(), plan.size, bars.collect::<Vec<Bar>>())
    };
    Ok(instruments.iter().enumerate().map(one).collect::<Result<_, _>>()?)
}

/// Holds a simulation against a backtest of its rows.
pub fn compare(
    plan: &Plan,
    instruments: &[Instrument],
    rows: &[WarmRow],
    simulation: engine::Simulation,
) -> anyhow::Result<Compared> {
    let series = series(plan, instruments, rows)?;
    let data = engine::columns_digest(&series);
    let paper = Outcome::of(&plan.strategy, &series, data, simulation)?;
    let backtest = engine::backtest(&plan.strategy, &series, &mut engine::Unwatched)
        .context("a backtest of the recorded rows")?;
    Ok(Compared { series, paper, backtest })
}
