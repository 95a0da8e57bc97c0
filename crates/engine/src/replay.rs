//! Rebuilding a run from its tape and its log: the kernel is told again what it was told, and must
//! ask again for what it asked.

mod bars;
mod quotes;

pub use quotes::QuoteSource;

use crate::{
    Action, Digest, Engine, Error, Event, RuleTrader, Strategy, Terms, Working,
    order::Refusal,
    risk,
    ticks::{Block, BlockError, Damaged, Entry, Log, Recording, verify},
};
use bars::BarTape;
use market::{BarSeries, Instrument, Money, Price, Timestamp};
use portfolio::{InstrumentId, Ledger, Position};
use quotes::QuoteTape;
use std::collections::VecDeque;

/// Where a run stands after a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The tick, from 1; 0 before the first one.
    pub tick: u64,
    /// The latest row of the calendar.
    pub row: u32,
    /// When the tick was.
    pub time: Option<Timestamp>,
    /// Money in hand.
    pub cash: Money,
    /// Cash and positions at their latest prices.
    pub equity: Money,
    /// Σ |value| of positions.
    pub gross: Money,
    /// All fees paid.
    pub fees: Money,
    /// What the risk gate lets through.
    pub gate: risk::State,
    /// Positions that are not flat, with the price that values them.
    pub positions: Vec<(InstrumentId, Position, Option<Price>)>,
    /// Orders that are out, by instrument.
    pub working: Vec<Working>,
    /// What happened last, the latest entry last.
    pub recent: Vec<(u64, Entry)>,
    /// Refusals so far.
    pub refused: u64,
}

/// Why a log cannot be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The log is not whole.
    #[error(transparent)]
    Log(#[from] BlockError),
    /// The log is for more rows than the tape has.
    #[error("the log goes on after the last of {rows} rows or quotes: it belongs to other data")]
    TapeEnds {
        /// Rows or quotes of the tape.
        rows: usize,
    },
    /// The kernel asks for something else than it did.
    #[error("at tick {tick} the kernel does not do what the log says: {said}; it does: {does}")]
    Differs {
        /// The tick.
        tick: u64,
        /// What the log says, or nothing.
        said: String,
        /// What the kernel does, or nothing.
        does: String,
    },
    /// The state after a block is another one.
    #[error("after tick {tick} the account stands elsewhere than the log says")]
    StateDiffers {
        /// The block's last tick.
        tick: u64,
    },
    /// The tape cannot be read.
    #[error("the quotes cannot be read: {0}")]
    Tape(String),
    /// The run itself failed.
    #[error(transparent)]
    Run(#[from] Error),
}

impl From<Damaged> for ReplayError {
    fn from(damaged: Damaged) -> Self {
        Self::Log(damaged.into())
    }
}

/// What the market told in a run.
trait Tape {
    /// Tells the kernel the next thing; when that was, or `None` at the end.
    fn tell(
        &mut self,
        engine: &mut Engine<RuleTrader>,
        actions: &mut Vec<Action>,
    ) -> Result<Option<Timestamp>, ReplayError>;

    /// How many things it has told.
    fn told(&self) -> usize;
}

/// Entries that a state remembers.
const RECENT: usize = 64;

/// A run that is told again, tick by tick.
///
/// Nothing simulates an exchange here: what it said is in the log. The kernel writes a log of its
/// own on the way, and the two must be the same, entry for entry and block for block.
pub struct Replay<'a> {
    engine: Engine<RuleTrader>,
    tape: Box<dyn Tape + 'a>,
    time: Option<Timestamp>,
    actions: Vec<Action>,
    recent: VecDeque<(u64, Entry)>,
    blocks: &'a [Block],
    /// The block that is being told, and how far into its entries.
    block: usize,
    entries: VecDeque<Entry>,
}

impl<'a> Replay<'a> {
    /// Of a run's log, on the series that it ran on; the log is verified first.
    pub fn new(
        strategy: &Strategy,
        series: &'a [BarSeries],
        log: (Digest, &'a [Block]),
    ) -> Result<Self, ReplayError> {
        Self::after_history(strategy, series, 0, log)
    }

    /// Of the log of a run that began with so many rows of history, on which nothing was decided.
    pub fn after_history(
        strategy: &Strategy,
        series: &'a [BarSeries],
        history: usize,
        log: (Digest, &'a [Block]),
    ) -> Result<Self, ReplayError> {
        let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
        let tape = Box::new(BarTape::new(strategy, series, history)?);
        Self::of(strategy, &instruments, tape, log)
    }

    /// Of the log of a run on quotes, which are read again from their beginning.
    pub fn on_quotes(
        strategy: &Strategy,
        instrument: &Instrument,
        source: &'a mut dyn QuoteSource,
        log: (Digest, &'a [Block]),
    ) -> Result<Self, ReplayError> {
        let tape = Box::new(QuoteTape::new(strategy, instrument, source)?);
        Self::of(strategy, std::slice::from_ref(instrument), tape, log)
    }

    fn of(
        strategy: &Strategy,
        instruments: &[Instrument],
        tape: Box<dyn Tape + 'a>,
        (beginning, blocks): (Digest, &'a [Block]),
    ) -> Result<Self, ReplayError> {
        verify(beginning, blocks)?;
        let terms = Terms::of(strategy, instruments)?;
        let ledger = Ledger::open(terms.cash, instruments);
        let gate = terms.gate.clone();
        let trader = RuleTrader::new(terms, instruments.len());
        let log = Log::new(Recording::Blocks, beginning);
        Ok(Self {
            engine: Engine::new(trader, ledger, instruments.len(), log).guarded(gate),
            tape,
            time: None,
            actions: Vec::new(),
            recent: VecDeque::new(),
            blocks,
            block: 0,
            entries: VecDeque::new(),
        })
    }

    /// Ticks of the whole log.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.first + block.ticks - 1)
    }

    /// Goes on to a tick, or to the end; never back.
    pub fn run_to(&mut self, tick: u64) -> Result<State, ReplayError> {
        while self.engine.desk().tick() < tick {
            let Some(entry) = self.entry()? else { break };
            self.tell(entry, tick)?;
        }
        // What the tick made the kernel ask for belongs to it.
        while let Some(entry) = self.entries.front().filter(|entry| entry.ticks() == 0) {
            self.remember(*entry);
            self.entries.pop_front();
        }
        self.state()
    }

    /// The next entry of the log.
    fn entry(&mut self) -> Result<Option<Entry>, ReplayError> {
        while self.entries.is_empty() {
            if self.block > 0 {
                self.compare(self.block - 1)?;
            }
            let Some(block) = self.blocks.get(self.block) else { return Ok(None) };
            self.entries = block.entries().collect::<Result<_, _>>()?;
            self.block += 1;
        }
        Ok(self.entries.pop_front())
    }

    /// Tells the kernel what an entry says; of a run of rows, only those up to `tick`.
    fn tell(&mut self, entry: Entry, tick: u64) -> Result<(), ReplayError> {
        match entry {
            Entry::Market(count) => {
                let wanted = count.min(tick - self.engine.desk().tick());
                for _ in 0..wanted {
                    self.market()?;
                }
                if wanted < count {
                    self.entries.push_front(Entry::Market(count - wanted));
                }
            }
            Entry::Update(update) => {
                self.time = Some(update.time);
                self.engine.handle(&Event::Update(&update), update.time, &mut self.actions)?;
            }
            Entry::Timer(timer, now) => {
                self.time = Some(now);
                self.engine.handle(&Event::Timer(timer), now, &mut self.actions)?;
            }
            Entry::Command(command, now) => {
                self.time = Some(now);
                self.engine.handle(&Event::Command(command), now, &mut self.actions)?;
            }
            Entry::Adopted(order) => {
                let time = order.time;
                self.time = Some(time);
                self.engine.handle(&Event::Adopt(&order), time, &mut self.actions)?;
            }
            Entry::Booked(flow, now) => {
                self.time = Some(now);
                self.engine.handle(&Event::Booked(&flow), now, &mut self.actions)?;
            }
            // The kernel's own doing: its own log is compared with it.
            Entry::Action(_) | Entry::Refusal(_) | Entry::Flow(_) => {}
        }
        self.actions.clear();
        self.remember(entry);
        Ok(())
    }

    fn remember(&mut self, entry: Entry) {
        if !matches!(entry, Entry::Market(_)) {
            self.recent.push_back((self.engine.desk().tick(), entry));
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
    }

    /// Hands the next thing of the tape to the kernel.
    fn market(&mut self) -> Result<(), ReplayError> {
        let Some(time) = self.tape.tell(&mut self.engine, &mut self.actions)? else {
            return Err(ReplayError::TapeEnds { rows: self.tape.told() });
        };
        self.time = Some(time);
        Ok(())
    }

    /// Holds the kernel's own block against the log's.
    fn compare(&mut self, place: usize) -> Result<(), ReplayError> {
        let Some(said) = self.blocks.get(place) else { return Ok(()) };
        if place + 1 == self.blocks.len() {
            self.engine.finish();
        }
        let does = self.engine.log().take();
        if does.last().map(|block| block.hash) == Some(said.hash) {
            return Ok(());
        }
        let does: Vec<Entry> = does.iter().flat_map(Block::entries).collect::<Result<_, _>>()?;
        let said_entries: Vec<Entry> = said.entries().collect::<Result<_, _>>()?;
        let mut tick = said.first - 1;
        for place in 0..does.len().max(said_entries.len()) {
            let (a, b) = (said_entries.get(place), does.get(place));
            if a != b {
                let words = |entry: Option<&Entry>| {
                    entry.map_or_else(|| "nothing".to_owned(), |entry| format!("{entry:?}"))
                };
                return Err(ReplayError::Differs { tick, said: words(a), does: words(b) });
            }
            tick += a.map_or(0, Entry::ticks);
        }
        Err(ReplayError::StateDiffers { tick })
    }

    fn state(&self) -> Result<State, ReplayError> {
        let desk = self.engine.desk();
        let ledger = desk.ledger();
        let ids = || (0..).map(InstrumentId).take(desk.instruments());
        let positions = ids().map(|id| (id, ledger.position(id), ledger.latest(id)));
        Ok(State {
            tick: desk.tick(),
            row: desk.row(),
            time: self.time,
            cash: ledger.cash(),
            equity: ledger.equity().map_err(Error::from)?,
            gross: ledger.gross().map_err(Error::from)?,
            fees: ledger.fees(),
            gate: desk.gate().state(desk.now()),
            positions: positions.filter(|(_, position, _)| position.lots != 0).collect(),
            working: ids().flat_map(|id| desk.working(id).to_vec()).collect(),
            recent: self.recent.iter().copied().collect(),
            refused: desk.refusals().1,
        })
    }

    /// The first thousand refusals so far.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        self.engine.desk().refusals().0
    }
}

/// Replays a whole log and gives its end.
pub fn replay(
    strategy: &Strategy,
    series: &[BarSeries],
    log: (Digest, &[Block]),
) -> Result<State, ReplayError> {
    Replay::new(strategy, series, log)?.run_to(u64::MAX)
}
