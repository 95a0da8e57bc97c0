//! A recorded market that is played again: its times are moved to now, and its pauses divided by the pace.
//!
//! A tape is text, one event a line, in order of time; times are milliseconds since 1970, prices and
//! sizes decimals in coins:
//!
//! ```text
//! quote,BTCUSDT,1700000000000,bid,bid size,ask,ask size
//! print,BTCUSDT,1700000000100,price,size,buy|sell
//! depth,BTCUSDT,1700000000100,buy|sell,price,size (0: the level is gone)
//! bar,BTCUSDT,1700000000000,open,high,low,close,volume (of a minute; the time is its open)
//! funding,BTCUSDT,1700000000000,rate
//! ```

use super::{market::minute_of, shelf::Shelf};
use anyhow::{Context, bail};
use engine::{Data, MarketEvent};
use market::{
    Bar, BarSize, Depth, Funding, Price, Print, Quantity, Quote, Rate, Roster, Side, Timestamp,
    Traded,
};
use portfolio::InstrumentId;
use std::path::Path;

/// The longest tape: 256 MiB of text.
const BYTES_MAX: u64 = 256 << 20;
const MINUTE: i64 = BarSize::MINUTE.nanos();

/// A tape and how far it was played.
#[derive(Debug, Clone)]
pub(super) struct Tape {
    events: Vec<MarketEvent>,
    next: usize,
    /// The moment on the tape that was "now" when the box began, and the moment when it did.
    from: Timestamp,
    began: Timestamp,
    speed: u32,
    /// Whether it has levels: then quotes say nothing that is not known.
    is_deep: bool,
}

impl Tape {
    /// Reads a file.
    pub(super) fn read(path: &Path, roster: &Roster) -> anyhow::Result<Vec<MarketEvent>> {
        let size = std::fs::metadata(path).with_context(|| path.display().to_string())?.len();
        if size > BYTES_MAX {
            bail!("{} has {size} bytes, {BYTES_MAX} are the most: cut it", path.display());
        }
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        parse(&text, roster).with_context(|| path.display().to_string())
    }

    /// Plays these events from `began` on, so many times faster than they happened: what lies before
    /// `from` on the tape is past by then.
    pub(super) fn new(
        events: Vec<MarketEvent>,
        (from, began): (Option<Timestamp>, Timestamp),
        speed: u32,
    ) -> Self {
        let first = events.first().map_or(began, |event| event.time);
        let from = from.unwrap_or(first);
        let next = events.partition_point(|event| event.time < from);
        let is_deep = events.iter().any(|event| matches!(event.data, Data::Depth(_)));
        Self { events, next, from, began, speed: speed.max(1), is_deep }
    }

    /// When an event of the tape happens in the box.
    fn at(&self, time: Timestamp) -> Timestamp {
        let after = time.nanos().saturating_sub(self.from.nanos());
        let pause = if after > 0 { after / i64::from(self.speed) } else { after };
        Timestamp::from_nanos(self.began.nanos().saturating_add(pause))
    }

    /// What had happened before the box began, its times moved by whole minutes.
    pub(super) fn past(&self) -> impl Iterator<Item = MarketEvent> + '_ {
        let shift =
            minute_of(self.began).saturating_sub(minute_of(self.from)).saturating_mul(MINUTE);
        let past = self.events.get(..self.next).unwrap_or(&[]);
        past.iter().map(move |event| moved(event, event.time.nanos().saturating_add(shift)))
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.events.get(self.next).map(|event| self.at(event.time))
    }

    /// The next event, and what follows from it for the book.
    pub(super) fn step(&mut self, shelves: &mut [Shelf], out: &mut Vec<MarketEvent>) {
        let Some(event) = self.events.get(self.next) else { return };
        self.next += 1;
        let event = moved(event, self.at(event.time).nanos());
        let Some(book) = shelves.get_mut(event.instrument.index()) else { return };
        let mut changes = Vec::new();
        let mut quote = None;
        match event.data {
            Data::Quote(_) if self.is_deep => return,
            Data::Quote(told) => {
                book.take(&told, &mut changes);
                quote = Some(event);
            }
            Data::Depth(depth) => {
                let before = book.quote(event.time);
                book.set(depth, &mut changes);
                let after = book.quote(event.time).filter(|now| before != Some(*now));
                quote = after.map(|now| MarketEvent { data: Data::Quote(now), ..event });
            }
            Data::Bar(bar, _) => return out.extend(of_bar(&bar, &event, book)),
            _ => out.push(event),
        }
        let depth = |depth| MarketEvent { data: Data::Depth(depth), ..event };
        out.extend(changes.into_iter().map(depth));
        out.extend(quote);
    }
}

/// What a bar of a tape becomes in a box: the way from its open over its extremes to its close, the
/// nearer one first, all at its moment.
fn of_bar(bar: &Bar, event: &MarketEvent, shelf: &mut Shelf) -> Vec<MarketEvent> {
    let time = event.time;
    let falls_first = bar.open.0 - bar.low.0 <= bar.high.0 - bar.open.0;
    let (one, two) = if falls_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
    let size = Quantity((bar.volume.0 / 4).max(1));
    let mut out = Vec::new();
    for price in [bar.open, one, two, bar.close] {
        let quote =
            Quote { time, bid: price, ask: Price(price.0 + 1), bid_size: size, ask_size: size };
        let mut changes = Vec::new();
        shelf.take(&quote, &mut changes);
        let print = Print { time, price, size, aggressor: None };
        out.push(MarketEvent { data: Data::Print(print), ..*event });
        out.extend(changes.into_iter().map(|d| MarketEvent { data: Data::Depth(d), ..*event }));
        out.push(MarketEvent { data: Data::Quote(quote), ..*event });
    }
    out
}

/// The same event at another time.
fn moved(event: &MarketEvent, nanos: i64) -> MarketEvent {
    let time = Timestamp::from_nanos(nanos);
    let data = match event.data {
        Data::Quote(quote) => Data::Quote(Quote { time, ..quote }),
        Data::Print(print) => Data::Print(Print { time, ..print }),
        Data::Depth(depth) => Data::Depth(Depth { time, ..depth }),
        Data::Funding(funding) => Data::Funding(Funding { time, ..funding }),
        Data::Bar(bar, size) => Data::Bar(Bar { open_time: time, ..bar }, size),
        other => other,
    };
    MarketEvent { time, data, ..*event }
}

fn parse(text: &str, roster: &Roster) -> anyhow::Result<Vec<MarketEvent>> {
    let mut events: Vec<MarketEvent> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = || format!("line {}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some(event) = event(line, roster).with_context(place)? else { continue };
        if events.last().is_some_and(|last| last.time > event.time) {
            bail!("line {}: earlier than the line before: sort the tape by time", number + 1);
        }
        events.push(event);
    }
    if events.is_empty() {
        bail!("nothing on it is of what the box lists");
    }
    Ok(events)
}

/// [`None`] for an instrument that is not listed.
fn event(line: &str, roster: &Roster) -> anyhow::Result<Option<MarketEvent>> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [kind, symbol, ms, rest @ ..] = cells.as_slice() else {
        bail!("a line begins with kind, symbol, milliseconds");
    };
    let Some((instrument, one)) = find(roster, symbol) else { return Ok(None) };
    let ms: i64 = ms.parse().with_context(|| format!("{ms:?} are no milliseconds"))?;
    let nanos = ms.checked_mul(1_000_000).context("a time beyond the calendar")?;
    let time = Timestamp::from_nanos(nanos);
    let data = match (*kind, rest) {
        ("quote", [bid, bid_size, ask, ask_size]) => Data::Quote(Quote {
            time,
            bid: price(one, bid)?,
            bid_size: lots(one, bid_size)?,
            ask: price(one, ask)?,
            ask_size: lots(one, ask_size)?,
        }),
        ("print", [at, size, taker]) => Data::Print(Print {
            time,
            price: price(one, at)?,
            size: lots(one, size)?,
            aggressor: Some(side(taker)?),
        }),
        ("depth", [of, at, size]) => Data::Depth(Depth {
            time,
            side: side(of)?,
            price: price(one, at)?,
            size: lots(one, size)?,
        }),
        ("bar", [open, high, low, close, volume]) => Data::Bar(
            Bar {
                open_time: time,
                open: price(one, open)?,
                high: price(one, high)?,
                low: price(one, low)?,
                close: price(one, close)?,
                volume: lots(one, volume)?,
            },
            BarSize::MINUTE,
        ),
        ("funding", [rate]) => {
            Data::Funding(Funding { time, rate: Rate::parse(rate)?, mark: None })
        }
        _ => {
            bail!("no such line: quote, print, depth, bar and funding have 4, 3, 3, 5 and 1 values")
        }
    };
    if let Data::Quote(quote) = &data
        && quote.bid >= quote.ask
    {
        bail!("the bid is not below the ask");
    }
    Ok(Some(MarketEvent { time, instrument, data }))
}

fn find<'a>(roster: &'a Roster, symbol: &str) -> Option<(InstrumentId, &'a Traded)> {
    let is = |one: &Traded| {
        let plain = format!("{}{}", one.base, one.listing.instrument.currency);
        one.native.as_str() == symbol || plain == symbol
    };
    (0..).map(InstrumentId).zip(roster.all()).find(|(_, one)| is(one))
}

fn price(one: &Traded, text: &str) -> anyhow::Result<Price> {
    let found = one.price(text).filter(|price| one.listing.admits(*price));
    found.with_context(|| format!("{text:?} is no price on the grid of {}", one.native))
}

/// Coins as lots.
fn lots(one: &Traded, text: &str) -> anyhow::Result<Quantity> {
    let units = one.listing.instrument.lot_scale.parse(text)?;
    Ok(Quantity(u64::try_from(units).with_context(|| format!("{text:?} is below zero"))?))
}

fn side(text: &str) -> anyhow::Result<Side> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => bail!("{text:?} is neither buy nor sell"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::listings, *};
    use market::{Product, VenueName};

    fn roster() -> Roster {
        listings::listed(VenueName::Binance, Product::Perpetual, &[]).expect("a table").roster
    }

    #[test]
    fn a_line_that_cannot_be_played_is_named_with_its_place() {
        let check = |text: &str, want: &str| {
            let refused = parse(text, &roster()).expect_err(text);
            let words = format!("{refused:#}");
            assert!(words.contains(want), "{words}");
        };
        check("quote,BTCUSDT,1,9.0,1,8.0,1", "line 1: the bid is not below the ask");
        check("# of mine\n\nquote,BTCUSDT,x,9,1,10,1", "line 3: \"x\" are no milliseconds");
        check("print,BTCUSDT,1,9.05,1,buy", "no price on the grid of BTCUSDT");
        check("print,BTCUSDT,1,9,1,up", "neither buy nor sell");
        check("print,BTCUSDT,2,9,1,buy\nprint,BTCUSDT,1,9,1,buy", "line 2: earlier than the line");
        check("trade,BTCUSDT,1,9,1,buy", "no such line");
        check("print,DOGEUSDT,1,9,1,buy", "nothing on it is of what the box lists");
    }

    #[test]
    fn the_book_is_what_the_tape_says_and_no_more() {
        let check = |text: &str, bids: &[i64], asks: &[i64]| {
            let at = Timestamp::from_nanos(0);
            let mut tape = Tape::new(parse(text, &roster()).expect("a tape"), (None, at), 1);
            let (mut shelves, mut out) = (vec![Shelf::default(); 3], Vec::new());
            while tape.deadline().is_some() {
                tape.step(&mut shelves, &mut out);
            }
            let prices = |side: &std::collections::BTreeMap<Price, Quantity>| {
                side.keys().map(|price| price.0).collect::<Vec<_>>()
            };
            assert_eq!(prices(&shelves[0].bids), bids, "{text}");
            assert_eq!(prices(&shelves[0].asks), asks, "{text}");
            let quoted = out.iter().any(|event| matches!(event.data, Data::Quote(_)));
            assert!(quoted, "{text}");
        };
        let falls = "quote,BTCUSDT,1,9.0,1,9.1,1\nquote,BTCUSDT,2,8.0,1,8.1,1";
        check(falls, &[80], &[81]);
        check("quote,BTCUSDT,1,9.0,1,9.1,1\nquote,BTCUSDT,2,9.5,1,9.6,1", &[95], &[96]);
        check("bar,BTCUSDT,60000,9.0,9.9,8.5,9.2,8", &[92], &[93]);
        let levels =
            "depth,BTCUSDT,1,buy,9.0,1\ndepth,BTCUSDT,1,sell,9.1,1\ndepth,BTCUSDT,2,buy,8.9,2";
        check(&format!("{levels}\nquote,BTCUSDT,3,1,1,2,1"), &[89, 90], &[91]);
        check(&format!("{levels}\ndepth,BTCUSDT,3,buy,9.0,0"), &[89], &[91]);
    }

    #[test]
    fn pauses_are_divided_by_the_pace_and_the_past_keeps_its_own() {
        let text = "print,BTCUSDT,60000,9,1,buy\nprint,BTCUSDT,120000,9,1,buy\nprint,BTCUSDT,180000,9,1,buy";
        let events = parse(text, &roster()).expect("a tape");
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let mut tape = Tape::new(events, (Some(at(120)), at(6_000)), 10);
        let past: Vec<_> = tape.past().map(|event| event.time).collect();
        assert_eq!(past, [at(5_940)]);
        let (mut shelves, mut out) = (vec![Shelf::default(); 3], Vec::new());
        while tape.deadline().is_some() {
            tape.step(&mut shelves, &mut out);
        }
        let times: Vec<_> = out.iter().map(|event| event.time).collect();
        assert_eq!(times, [at(6_000), at(6_006)]);
    }
}
