//! A book kept in step with the venue's:
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel>.
//!
//! Each message names the one before it. A stream that begins with a snapshot begins there; one that
//! begins with a change waits for a snapshot that was asked for, with what comes meanwhile kept.

use super::text::{Text, Unread};
use crate::BookLevels;
use market::{Depth, Price, Quantity, Side, Timestamp, Traded};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};

/// Messages kept while a snapshot is on its way.
const WAITING_MAX: usize = 2000;
/// Snapshots that are asked for in a row, because they came too early.
const ASKED_MAX: u32 = 5;

/// A message of the channel, or an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub asks: Vec<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub bids: Vec<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub ts: Text<'a>,
    pub seq_id: i64,
    pub prev_seq_id: i64,
}

/// Levels: price, size, and what we have no use for.
pub(super) fn side(
    levels: &[Vec<Text<'_>>],
    traded: &Traded,
) -> Result<Vec<(Price, Quantity)>, Unread> {
    let read = |level: &Vec<Text<'_>>| {
        let (price, size) = level.first().zip(level.get(1)).ok_or(Unread("level"))?;
        let price = traded.price(price).ok_or(Unread("price"))?;
        Ok((price, traded.lots(size).ok_or(Unread("size"))?))
    };
    levels.iter().map(read).collect()
}

/// One message: what changed after which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub time: Timestamp,
    pub sequence: i64,
    pub previous: i64,
    pub bids: Vec<(Price, Quantity)>,
    pub asks: Vec<(Price, Quantity)>,
}

/// What follows from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the changes, if any, are in the list.
    Go,
    /// A snapshot is needed.
    Ask,
    /// The sequence broke: the book is nothing worth until it starts anew.
    Broken,
}

/// A book.
#[derive(Debug, Default)]
pub(super) struct Book {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is known.
    #[default]
    Empty,
    /// A snapshot is on its way; changes since then, and how often it was asked for.
    Waiting(VecDeque<Change>, u32),
    /// A snapshot that was asked for is in, of this message: the next one may overlap with it.
    Joined(i64),
    /// In step, up to this message.
    Live(i64),
}

impl Book {
    /// Forgets where it stands; the levels stay until they are known better.
    pub(super) fn restart(&mut self) {
        self.state = State::Empty;
    }

    /// A snapshot on the stream.
    pub(super) fn snapshot(&mut self, change: &Change, out: &mut Vec<Depth>) {
        self.replace(change, out);
        self.state = State::Live(change.sequence);
    }

    /// A change on the stream.
    pub(super) fn change(&mut self, change: Change, out: &mut Vec<Depth>) -> Next {
        match &mut self.state {
            State::Empty => {
                self.state = State::Waiting(VecDeque::from([change]), 1);
                Next::Ask
            }
            State::Waiting(kept, _) => {
                kept.push_back(change);
                if kept.len() <= WAITING_MAX {
                    return Next::Go;
                }
                self.state = State::Empty;
                Next::Broken
            }
            State::Joined(last) if change.sequence <= *last => Next::Go,
            State::Joined(last) if change.previous <= *last => {
                self.state = State::Live(change.sequence);
                self.apply(&change, out);
                Next::Go
            }
            // After maintenance a sequence may begin anew; it names the last one all the same.
            State::Live(last) if *last == change.previous => {
                *last = change.sequence;
                self.apply(&change, out);
                Next::Go
            }
            State::Joined(_) | State::Live(_) => {
                self.state = State::Empty;
                Next::Broken
            }
        }
    }

    /// The snapshot that was asked for.
    pub(super) fn fetched(&mut self, levels: &BookLevels, out: &mut Vec<Depth>) -> Next {
        let State::Waiting(kept, asked) = &mut self.state else { return Next::Go };
        let sequence = i64::try_from(levels.sequence).unwrap_or(0);
        let first = kept.iter().find(|change| change.sequence > sequence);
        if first.is_some_and(|change| change.previous > sequence) {
            if *asked < ASKED_MAX {
                *asked += 1;
                return Next::Ask;
            }
            self.state = State::Empty;
            return Next::Broken;
        }
        let kept = std::mem::take(kept);
        let time = kept.back().map_or(Timestamp::default(), |change| change.time);
        let (bids, asks) = (levels.bids.clone(), levels.asks.clone());
        let whole = Change { time, sequence, previous: -1, bids, asks };
        self.replace(&whole, out);
        self.state = State::Joined(sequence);
        let broken = kept.into_iter().any(|change| self.change(change, out) == Next::Broken);
        if broken { Next::Broken } else { Next::Go }
    }

    fn apply(&mut self, change: &Change, out: &mut Vec<Depth>) {
        for (side, levels) in [(Side::Buy, &change.bids), (Side::Sell, &change.asks)] {
            for (price, size) in levels {
                self.put(side, *price, *size);
                out.push(Depth { time: change.time, side, price: *price, size: *size });
            }
        }
    }

    fn put(&mut self, of: Side, price: Price, size: Quantity) {
        let levels = match of {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        if size == Quantity::ZERO {
            levels.remove(&price);
        } else {
            levels.insert(price, size);
        }
    }

    /// Makes the book what the snapshot is: what is not in it goes.
    fn replace(&mut self, whole: &Change, out: &mut Vec<Depth>) {
        for (side, levels) in [(Side::Buy, &whole.bids), (Side::Sell, &whole.asks)] {
            let held = match side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            let fresh: BTreeMap<Price, Quantity> = levels.iter().copied().collect();
            let gone = held.keys().filter(|price| !fresh.contains_key(price));
            let gone = gone.map(|price| (*price, Quantity::ZERO));
            let news = fresh.iter().filter(|(price, size)| held.get(price) != Some(size));
            let all = gone.chain(news.map(|(price, size)| (*price, *size)));
            out.extend(all.map(|(price, size)| Depth { time: whole.time, side, price, size }));
            *held = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(previous: i64, sequence: i64, bids: &[(i64, u64)]) -> Change {
        let bids = bids.iter().map(|(price, size)| (Price(*price), Quantity(*size))).collect();
        Change { time: Timestamp::from_nanos(sequence), sequence, previous, bids, asks: Vec::new() }
    }

    fn told(out: &mut Vec<Depth>) -> Vec<(i64, u64)> {
        out.drain(..).map(|depth| (depth.price.0, depth.size.0)).collect()
    }

    /// The documentation's own example of a sequence.
    #[test]
    fn a_sequence_is_followed_through_silence_and_reset_and_breaks_where_it_lacks_one() {
        let (mut book, mut out) = (Book::default(), Vec::new());
        book.snapshot(&change(-1, 10, &[(1, 5), (2, 6)]), &mut out);
        assert_eq!(told(&mut out), [(1, 5), (2, 6)]);
        for (previous, sequence) in [(10, 15), (15, 15), (15, 3), (3, 5)] {
            assert_eq!(book.change(change(previous, sequence, &[]), &mut out), Next::Go);
        }
        assert_eq!(book.change(change(5, 6, &[(1, 0)]), &mut out), Next::Go);
        assert_eq!(told(&mut out), [(1, 0)]);
        assert_eq!(book.change(change(7, 8, &[]), &mut out), Next::Broken);
        // What the next snapshot does not have is taken away.
        book.snapshot(&change(-1, 20, &[(3, 1)]), &mut out);
        assert_eq!(told(&mut out), [(2, 0), (3, 1)]);
    }

    #[test]
    fn without_a_first_snapshot_one_is_asked_for_until_it_is_late_enough() {
        let (mut book, mut out) = (Book::default(), Vec::new());
        let levels = |sequence| BookLevels {
            sequence,
            bids: vec![(Price(1), Quantity(1))],
            asks: Vec::new(),
        };
        assert_eq!(book.change(change(10, 12, &[(1, 7)]), &mut out), Next::Ask);
        assert_eq!(book.change(change(12, 14, &[(1, 8)]), &mut out), Next::Go);
        assert_eq!(book.fetched(&levels(9), &mut out), Next::Ask);
        assert_eq!(told(&mut out), []);
        assert_eq!(book.fetched(&levels(13), &mut out), Next::Go);
        assert_eq!(told(&mut out), [(1, 1), (1, 8)]);
        assert_eq!(book.change(change(14, 15, &[(1, 0)]), &mut out), Next::Go);
        assert_eq!(told(&mut out), [(1, 0)]);
    }

    #[test]
    fn a_snapshot_that_never_comes_late_enough_breaks_the_book() {
        let (mut book, mut out) = (Book::default(), Vec::new());
        let levels = BookLevels { sequence: 0, bids: Vec::new(), asks: Vec::new() };
        assert_eq!(book.change(change(10, 12, &[]), &mut out), Next::Ask);
        let answers: Vec<Next> = (0..5).map(|_| book.fetched(&levels, &mut out)).collect();
        assert_eq!(answers, [Next::Ask, Next::Ask, Next::Ask, Next::Ask, Next::Broken]);
    }
}
