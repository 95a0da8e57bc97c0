//! Many streams become one, in the order of [`MarketEvent::precedence`].

use super::Error;
use crate::MarketEvent;
use portfolio::InstrumentId;

/// Merges streams that come in batches.
///
/// It holds one batch of each stream. An event comes out once every stream that has not ended shows
/// what it has next, so the order depends on the streams alone, never on where batches were cut:
/// first by time, then by kind, then by instrument; what is equal in all three by the place of its
/// stream, and within a stream as it came.
#[derive(Debug)]
pub struct Merge {
    streams: Vec<Stream>,
    /// A heap of the streams that have something, the first to come out on top.
    heap: Vec<Head>,
    /// The stream to be fed, the first of those that lack a batch.
    hungry: Option<usize>,
}

/// What a merge does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// These come next, all of one stream: never empty.
    Run(&'a [MarketEvent]),
    /// This stream's next batch is needed, or its end.
    Needs(usize),
    /// All streams have ended.
    Done,
}

#[derive(Debug)]
struct Stream {
    batch: Vec<MarketEvent>,
    at: usize,
    state: State,
    /// Events so far.
    events: u64,
    last: Option<u128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Hungry,
    Fed,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    key: u128,
    stream: usize,
}

/// A number that orders events as [`MarketEvent::precedence`] does.
#[inline]
fn key(event: &MarketEvent) -> u128 {
    let InstrumentId(instrument) = event.instrument;
    // Flipping the sign bit orders signed times as unsigned numbers.
    let time = event.time.nanos().cast_unsigned() ^ (1 << 63);
    let rest = u64::from(event.data.rank()) << 32 | u64::from(instrument);
    u128::from(time) << 64 | u128::from(rest)
}

impl Merge {
    /// Of so many streams, numbered from 0.
    #[must_use]
    pub fn new(streams: usize) -> Self {
        let stream =
            || Stream { batch: Vec::new(), at: 0, state: State::Hungry, events: 0, last: None };
        let streams: Vec<Stream> = std::iter::repeat_with(stream).take(streams).collect();
        let hungry = (!streams.is_empty()).then_some(0);
        Self { heap: Vec::with_capacity(streams.len()), streams, hungry }
    }

    /// Hands over the next batch of a stream that lacks one; the spent one comes back, to be filled
    /// again. An empty batch changes nothing. A stream that goes back is an error.
    pub fn feed(
        &mut self,
        stream: usize,
        batch: Vec<MarketEvent>,
    ) -> Result<Vec<MarketEvent>, Error> {
        let slot = self.streams.get_mut(stream).filter(|s| s.state == State::Hungry);
        let slot = slot.ok_or(Error::NotAsked { stream })?;
        let mut last = slot.last.unwrap_or(0);
        for (event, number) in batch.iter().zip(slot.events + 1..) {
            let next = key(event);
            if next < last {
                let (name, time) = (event.data.name(), event.time);
                return Err(Error::Backwards { stream, event: number, name, time });
            }
            last = next;
        }
        let Some(first) = batch.first().map(key) else { return Ok(batch) };
        slot.last = Some(last);
        slot.events += batch.len() as u64;
        (slot.at, slot.state) = (0, State::Fed);
        let mut spent = std::mem::replace(&mut slot.batch, batch);
        spent.clear();
        self.heap.push(Head { key: first, stream });
        self.rise(self.heap.len() - 1);
        self.look();
        Ok(spent)
    }

    /// A stream that lacks a batch has no more.
    pub fn end(&mut self, stream: usize) -> Result<(), Error> {
        let slot = self.streams.get_mut(stream).filter(|s| s.state == State::Hungry);
        slot.ok_or(Error::NotAsked { stream })?.state = State::Ended;
        self.look();
        Ok(())
    }

    /// What comes next.
    #[inline]
    pub fn step(&mut self) -> Step<'_> {
        if let Some(stream) = self.hungry {
            return Step::Needs(stream);
        }
        let Some(Head { stream, .. }) = self.heap.first().copied() else { return Step::Done };
        // The next head but the top is one of the top's two children.
        let rival = self.heap.iter().skip(1).take(2).min().copied();
        let Some(slot) = self.streams.get_mut(stream) else { return Step::Done };
        let start = slot.at;
        slot.at = match rival {
            None => slot.batch.len(),
            Some(rival) => slot.reach(stream, rival),
        };
        if let Some(key) = slot.batch.get(slot.at).map(key) {
            if let Some(top) = self.heap.first_mut() {
                top.key = key;
            }
            self.sink();
        } else {
            slot.state = State::Hungry;
            self.heap.swap_remove(0);
            self.sink();
            self.hungry = Some(stream);
        }
        let slot = self.streams.get(stream);
        Step::Run(slot.and_then(|slot| slot.batch.get(start..slot.at)).unwrap_or(&[]))
    }

    fn look(&mut self) {
        self.hungry = self.streams.iter().position(|s| s.state == State::Hungry);
    }

    /// Lifts a new head to its place.
    fn rise(&mut self, mut at: usize) {
        while at > 0 && self.heap.get(at) < self.heap.get((at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    /// Lets a changed top sink to its place.
    #[inline]
    fn sink(&mut self) {
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(first) = self.heap.get(left) else { return };
            let child = match self.heap.get(right) {
                Some(second) if second < first => right,
                _ => left,
            };
            if self.heap.get(at) <= self.heap.get(child) {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }
}

impl Stream {
    /// How far this stream goes before a rival's head: past one event at least.
    #[inline]
    fn reach(&self, stream: usize, rival: Head) -> usize {
        let rest = self.batch.get(self.at..).unwrap_or(&[]);
        let before = |event: &MarketEvent| Head { key: key(event), stream } < rival;
        // Streams of like density alternate; one that stands alone for long is leapt through.
        let near = rest.iter().take(NEAR).take_while(|event| before(event)).count();
        if near < NEAR {
            return self.at + near.max(1);
        }
        let mut step = NEAR;
        while rest.get(near + step).is_some_and(before) {
            step *= 2;
        }
        let end = rest.len().min(near + step);
        let window = rest.get(near..end).unwrap_or(&[]);
        self.at + near + window.partition_point(before)
    }
}

/// Events looked at one by one before leaping.
const NEAR: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;
    use market::{
        Bar, BarSize, Depth, Funding, Price, Print, Quantity, Quote, Rate, Side, Status, Timestamp,
    };
    use std::cmp::Ordering;

    fn event(nanos: i64, instrument: u32, kind: u8) -> MarketEvent {
        let (time, price, size) = (Timestamp::from_nanos(nanos), Price(1), Quantity(1));
        let data = match kind {
            0 => Data::Status(Status::Trading),
            1 => Data::Split { numerator: 2, denominator: 1 },
            2 => Data::Dividend { amount: market::Money::ZERO },
            3 => Data::Conversion { currency: market::Currency::EUR, rate: Rate::ONE },
            4 => Data::Funding(Funding { time, rate: Rate::ZERO, mark: None }),
            5 => Data::Print(Print { time, price, size, aggressor: None }),
            6 => Data::Depth(Depth { time, side: Side::Buy, price, size }),
            7 => {
                Data::Quote(Quote { time, bid: price, ask: price, bid_size: size, ask_size: size })
            }
            _ => {
                let bar = Bar {
                    open_time: time,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: size,
                };
                Data::Bar(bar, BarSize::MINUTE)
            }
        };
        MarketEvent { time, instrument: InstrumentId(instrument), data }
    }

    #[test]
    fn the_key_orders_as_the_rule_does() {
        let mut all = Vec::new();
        for nanos in [i64::MIN, -1, 0, 1, i64::MAX] {
            for kind in 0..9 {
                all.extend([0, 1, u32::MAX].map(|instrument| event(nanos, instrument, kind)));
            }
        }
        for a in &all {
            for b in &all {
                assert_eq!(key(a).cmp(&key(b)), a.precedence(b), "{a:?} {b:?}");
            }
        }
        assert_eq!(all.iter().max_by(|a, b| a.precedence(b)), all.last());
        assert_eq!(event(1, 2, 3).precedence(&event(1, 2, 3)), Ordering::Equal);
    }

    #[test]
    fn a_stream_that_goes_back_is_an_error() {
        let check = |events: &[MarketEvent], want: &str| {
            let mut merge = Merge::new(2);
            merge.feed(0, vec![event(5, 1, 7)]).expect("the first");
            merge.end(1).expect("is not ended");
            assert!(matches!(merge.step(), Step::Run([_])));
            let error = merge.feed(0, events.to_vec()).expect_err("goes back").to_string();
            assert!(error.starts_with(want), "{error}");
        };
        let at = "1970-01-01T00:00:00.000000005Z";
        check(&[event(4, 1, 7)], "stream 0, event 2: a quote of 1970-01-01T00:00:00.000000004Z");
        check(&[event(5, 1, 7), event(5, 1, 5)], &format!("stream 0, event 3: a print of {at}"));
        check(&[event(5, 0, 7)], &format!("stream 0, event 2: a quote of {at}"));
    }

    #[test]
    fn batches_are_taken_when_they_are_asked_for() {
        let mut merge = Merge::new(2);
        assert_eq!(merge.step(), Step::Needs(0));
        merge.feed(1, vec![event(1, 0, 5)]).expect("any that lacks one");
        assert_eq!(merge.step(), Step::Needs(0));
        assert_eq!(merge.feed(1, Vec::new()), Err(Error::NotAsked { stream: 1 }));
        assert_eq!(merge.end(2), Err(Error::NotAsked { stream: 2 }));
        merge.feed(0, Vec::new()).expect("says nothing yet");
        assert_eq!(merge.step(), Step::Needs(0));
        merge.end(0).expect("lacks one");
        assert_eq!(merge.step(), Step::Run(&[event(1, 0, 5)]));
        assert_eq!(merge.step(), Step::Needs(1));
        let spent = merge.feed(1, vec![event(2, 0, 5)]).expect("asked for");
        assert!(spent.is_empty() && spent.capacity() > 0);
        assert_eq!(merge.step(), Step::Run(&[event(2, 0, 5)]));
        merge.end(1).expect("lacks one");
        assert_eq!(merge.step(), Step::Done);
        assert_eq!(Merge::new(0).step(), Step::Done);
    }
}
