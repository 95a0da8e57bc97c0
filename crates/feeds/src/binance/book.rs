//! An order book kept in step: a snapshot, and each change after it.
//!
//! Spot: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly>;
//! futures: <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly>.

use crate::{Ask, BookLevels, Step, Topic};
use engine::{Data, MarketEvent};
use market::{Depth, Price, Product, Quantity, Side, Timestamp};
use portfolio::InstrumentId;
use std::collections::BTreeMap;

/// Changes that are kept while a snapshot is under way: more, and it is asked for again.
const WAITING_MAX: usize = 1000;
/// Changes to let pass before a snapshot that was older than they are is asked for again: they come ten a
/// second.
const LATE: u8 = 10;
/// Levels of a snapshot.
pub(super) const LEVELS: u32 = 1000;

/// One message of changes.
pub(super) struct Change {
    /// The first and the last number in it.
    pub(super) numbers: (u64, u64),
    /// The last number of the message before it; only the futures say it.
    pub(super) before: Option<u64>,
    pub(super) time: Timestamp,
    pub(super) levels: Vec<(Side, Price, Quantity)>,
}

/// Where a book stands.
enum State {
    /// Nothing was heard of it yet.
    Idle,
    /// A snapshot was asked for; what has happened since.
    Waiting(Vec<Change>),
    /// The snapshot was older than the first of these; after so many more another one is asked for.
    Late(Vec<Change>, u8),
    /// The number of the snapshot, and no change since.
    Started(u64),
    /// In step with the venue up to this number.
    Following(u64),
}

/// A book.
pub(super) struct Book {
    instrument: InstrumentId,
    product: Product,
    state: State,
    /// What was told of it: a new snapshot takes back what is not in it.
    told: BTreeMap<(Side, Price), Quantity>,
}

impl Book {
    pub(super) const fn new(instrument: InstrumentId, product: Product) -> Self {
        Self { instrument, product, state: State::Idle, told: BTreeMap::new() }
    }

    fn ask(&mut self, first: Vec<Change>, out: &mut Vec<Step>) {
        self.state = State::Waiting(first);
        out.push(Step::Fetch(Ask::Book(self.instrument, LEVELS)));
    }

    /// Takes a change.
    pub(super) fn changed(&mut self, change: Change, out: &mut Vec<Step>) {
        match &mut self.state {
            State::Waiting(waiting) if waiting.len() < WAITING_MAX => waiting.push(change),
            State::Idle | State::Waiting(_) => self.ask(vec![change], out),
            State::Late(waiting, left) if *left > 1 => {
                waiting.push(change);
                *left -= 1;
            }
            State::Late(waiting, _) => {
                let mut waiting = std::mem::take(waiting);
                waiting.push(change);
                self.ask(waiting, out);
            }
            State::Started(_) | State::Following(_) => self.follow(change, out),
        }
    }

    /// Takes a snapshot, and what has happened since.
    pub(super) fn fetched(&mut self, book: &BookLevels, now: Timestamp, out: &mut Vec<Step>) {
        let waiting = match std::mem::replace(&mut self.state, State::Idle) {
            State::Waiting(waiting) => waiting,
            other => {
                self.state = other;
                return;
            }
        };
        // The snapshot must not be older than what is waiting.
        if waiting.first().is_some_and(|first| self.is_too_late(first, book.sequence)) {
            self.state = State::Late(waiting, LATE);
            return;
        }
        let mut levels = BTreeMap::new();
        levels.extend(book.bids.iter().map(|(price, size)| ((Side::Buy, *price), *size)));
        levels.extend(book.asks.iter().map(|(price, size)| ((Side::Sell, *price), *size)));
        let gone = self.told.keys().filter(|level| !levels.contains_key(level)).copied();
        let gone: Vec<_> = gone.map(|(side, price)| (side, price, Quantity::ZERO)).collect();
        let fresh = levels.iter().map(|((side, price), size)| (*side, *price, *size));
        let all: Vec<_> = gone.into_iter().chain(fresh).collect();
        self.tell(&all, now, out);
        self.state = State::Started(book.sequence);
        for change in waiting {
            // A break asks for another snapshot: the rest waits for that one.
            self.changed(change, out);
        }
    }

    /// Whether something between a snapshot and this change was missed.
    const fn is_too_late(&self, change: &Change, sequence: u64) -> bool {
        match self.product {
            Product::Spot => change.numbers.0 > sequence.saturating_add(1),
            Product::Perpetual => change.numbers.0 > sequence,
        }
    }

    fn follow(&mut self, change: Change, out: &mut Vec<Step>) {
        let (first, last) = change.numbers;
        let fits = match (&self.state, self.product) {
            (State::Started(sequence), product) => {
                let is_old = match product {
                    Product::Spot => last <= *sequence,
                    Product::Perpetual => last < *sequence,
                };
                if is_old {
                    return;
                }
                !self.is_too_late(&change, *sequence)
            }
            (State::Following(number), _) if last <= *number => return,
            (State::Following(number), Product::Spot) => first == number.saturating_add(1),
            (State::Following(number), Product::Perpetual) => change.before == Some(*number),
            (State::Idle | State::Waiting(_) | State::Late(..), _) => return,
        };
        if !fits {
            out.push(Step::Gap(Topic::Book(self.instrument)));
            self.ask(vec![change], out);
            return;
        }
        self.tell(&change.levels, change.time, out);
        self.state = State::Following(last);
    }

    fn tell(&mut self, levels: &[(Side, Price, Quantity)], time: Timestamp, out: &mut Vec<Step>) {
        for (side, price, size) in levels.iter().copied() {
            if size == Quantity::ZERO {
                self.told.remove(&(side, price));
            } else {
                self.told.insert((side, price), size);
            }
            let data = Data::Depth(Depth { time, side, price, size });
            out.push(Step::Event(MarketEvent { time, instrument: self.instrument, data }));
        }
    }
}
