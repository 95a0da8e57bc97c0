//! Public streams: topics are named in the address.

use super::{
    book::{Book, Change},
    interval, json, moment, price, size, size_of, unreadable,
};
use crate::{Ask, Error, PublicStream, Step, Told, Topic};
use engine::{Data, MarketEvent};
use market::{
    Bar, BarSize, Funding, Price, Print, Product, Quote, Rate, Roster, Side, Timestamp, Traded,
};
use portfolio::InstrumentId;
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap};

/// Where a topic of the futures is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    Spot,
    Public,
    Market,
}

impl Door {
    const fn of(product: Product, topic: &Topic) -> Self {
        match (product, topic) {
            (Product::Spot, _) => Self::Spot,
            (Product::Perpetual, Topic::Quotes(_) | Topic::Book(_)) => Self::Public,
            (Product::Perpetual, _) => Self::Market,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Spot => "",
            Self::Public => "/public",
            Self::Market => "/market",
        }
    }
}

/// Of which instrument a topic is.
pub(super) const fn instrument_of(topic: &Topic) -> InstrumentId {
    match topic {
        Topic::Bars(id, _)
        | Topic::Trades(id)
        | Topic::Quotes(id)
        | Topic::Book(id)
        | Topic::Funding(id) => *id,
    }
}

/// The venue's name of a topic; [`None`] if it has no such thing.
pub(super) fn stream_name(topic: &Topic, one: &Traded) -> Option<String> {
    let symbol = one.native.as_str().to_ascii_lowercase();
    let tail = match topic {
        Topic::Bars(_, size) => format!("kline_{}", interval(*size)?),
        Topic::Trades(_) if one.product == Product::Spot => "trade".to_owned(),
        Topic::Trades(_) => "aggTrade".to_owned(),
        Topic::Quotes(_) => "bookTicker".to_owned(),
        Topic::Book(_) => "depth@100ms".to_owned(),
        Topic::Funding(_) if one.product == Product::Perpetual => "markPrice@1s".to_owned(),
        Topic::Funding(_) => return None,
    };
    Some(format!("{symbol}@{tail}"))
}

/// The topic of this name.
pub(super) fn topic_of(name: &str, product: Product, roster: &Roster) -> Option<Topic> {
    let (symbol, tail) = name.split_once('@')?;
    let (place, one) = roster.find(product, &symbol.to_ascii_uppercase())?;
    let id = InstrumentId(u32::try_from(place).ok()?);
    let topic = match tail.strip_prefix("kline_") {
        Some(size) => Topic::Bars(id, size_of(size)?),
        None => match tail {
            "trade" | "aggTrade" => Topic::Trades(id),
            "bookTicker" => Topic::Quotes(id),
            "depth@100ms" | "depth" => Topic::Book(id),
            "markPrice@1s" | "markPrice" => Topic::Funding(id),
            _ => return None,
        },
    };
    stream_name(&topic, one).map(|_| topic)
}

/// As many connections as the topics need; what the venue does not have is left out.
pub(super) fn open(
    product: Product,
    host: &str,
    topics: &[Topic],
    roster: &Roster,
) -> Vec<Box<dyn PublicStream>> {
    let mut doors: BTreeMap<Door, Vec<(String, Line)>> = BTreeMap::new();
    for topic in topics {
        let one = roster.at(instrument_of(topic).index()).filter(|one| one.product == product);
        let Some((one, name)) = one.and_then(|one| Some((one, stream_name(topic, one)?))) else {
            continue;
        };
        let line = Line::new(*topic, one.clone());
        doors.entry(Door::of(product, topic)).or_default().push((name, line));
    }
    let mut out: Vec<Box<dyn PublicStream>> = Vec::new();
    for (door, mut rest) in doors {
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(super::TOPICS_MAX));
            let names: Vec<&str> = rest.iter().map(|(name, _)| name.as_str()).collect();
            let uri = format!("{host}{}/stream?streams={}", door.path(), names.join("/"));
            let lines = rest.into_iter().collect();
            let heard = Timestamp::default();
            out.push(Box::new(Listener { uri, lines, is_ready: false, heard }));
            rest = later;
        }
    }
    out
}

/// What is known of a topic.
enum Memory {
    /// The opening of the last bar.
    Bars(BarSize, Option<Timestamp>),
    /// The number of the last trade.
    Trades(Option<u64>),
    /// The number of the last quote.
    Quotes(Option<u64>),
    /// The book.
    Book(Book),
    /// When funding is paid next, at which rate, and the mark price.
    Funding(Option<Funding>),
}

struct Line {
    topic: Topic,
    one: Traded,
    memory: Memory,
}

/// One connection.
struct Listener {
    uri: String,
    lines: BTreeMap<String, Line>,
    is_ready: bool,
    /// When something was heard last.
    heard: Timestamp,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    e: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<Name<'a>>,
    #[serde(default)]
    id: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow, default)]
    e: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Kline<'a> {
    #[serde(borrow)]
    k: KlineBar<'a>,
}

#[derive(Deserialize)]
struct KlineBar<'a> {
    t: i64,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    h: Cow<'a, str>,
    #[serde(borrow)]
    l: Cow<'a, str>,
    #[serde(borrow)]
    c: Cow<'a, str>,
    #[serde(borrow)]
    v: Cow<'a, str>,
    x: bool,
}

/// `trade` of spot and `aggTrade` of the futures.
#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(default)]
    t: Option<u64>,
    #[serde(default)]
    a: Option<u64>,
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow)]
    q: Cow<'a, str>,
    #[serde(rename = "T")]
    time: i64,
    /// Whether the buyer's order rested.
    m: bool,
}

/// Spot says neither time.
#[derive(Deserialize)]
struct Ticker<'a> {
    u: u64,
    #[serde(borrow)]
    b: Cow<'a, str>,
    #[serde(borrow, rename = "B")]
    bid_size: Cow<'a, str>,
    #[serde(borrow)]
    a: Cow<'a, str>,
    #[serde(borrow, rename = "A")]
    ask_size: Cow<'a, str>,
    #[serde(rename = "T", default)]
    time: Option<i64>,
}

#[derive(Deserialize)]
struct DepthUpdate<'a> {
    #[serde(rename = "E")]
    sent: i64,
    #[serde(rename = "T", default)]
    time: Option<i64>,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    #[serde(default)]
    pu: Option<u64>,
    #[serde(borrow)]
    b: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(borrow)]
    a: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Deserialize)]
struct MarkPrice<'a> {
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow)]
    r: Cow<'a, str>,
    #[serde(rename = "T")]
    next: i64,
}

fn data<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    json::<Wrapped<T>>(text).map(|outer| outer.data)
}

impl Line {
    fn new(topic: Topic, one: Traded) -> Self {
        let memory = match topic {
            Topic::Bars(_, size) => Memory::Bars(size, None),
            Topic::Trades(_) => Memory::Trades(None),
            Topic::Quotes(_) => Memory::Quotes(None),
            Topic::Book(id) => Memory::Book(Book::new(id, one.product)),
            Topic::Funding(_) => Memory::Funding(None),
        };
        Self { topic, one, memory }
    }

    fn hear(&mut self, text: &str, now: Timestamp, out: &mut Vec<Step>) -> Result<(), Error> {
        let (one, topic) = (&self.one, self.topic);
        let instrument = instrument_of(&topic);
        let event = |time, data| Step::Event(MarketEvent { time, instrument, data });
        match &mut self.memory {
            Memory::Bars(span, last) => {
                let Some(bar) = bar(&data::<Kline<'_>>(text)?.k, one)? else { return Ok(()) };
                let after = |time: Timestamp| time.plus_nanos(span.nanos()).ok();
                match *last {
                    Some(known) if known >= bar.open_time => return Ok(()),
                    Some(known) if after(known) != Some(bar.open_time) => {
                        out.push(Step::Gap(topic));
                    }
                    _ => {}
                }
                *last = Some(bar.open_time);
                let end =
                    after(bar.open_time).ok_or_else(|| unreadable("a time beyond all times"))?;
                out.push(event(end, Data::Bar(bar, *span)));
            }
            Memory::Trades(last) => {
                let trade: Trade<'_> = data(text)?;
                let print = print(&trade, one)?;
                let number = if trade.e == "trade" { trade.t } else { trade.a };
                let number = number.ok_or_else(|| unreadable("a trade without a number"))?;
                match *last {
                    Some(known) if known >= number => return Ok(()),
                    Some(known) if known + 1 != number => out.push(Step::Gap(topic)),
                    _ => {}
                }
                *last = Some(number);
                out.push(event(print.time, Data::Print(print)));
            }
            Memory::Quotes(last) => {
                let ticker: Ticker<'_> = data(text)?;
                if last.is_some_and(|known| known >= ticker.u) {
                    return Ok(());
                }
                let quote = quote(&ticker, one, now)?;
                *last = Some(ticker.u);
                out.push(event(quote.time, Data::Quote(quote)));
            }
            Memory::Book(book) => book.changed(change(&data(text)?, one)?, out),
            Memory::Funding(known) => {
                let next = funding(&data(text)?, one)?;
                let paid = known.replace(next).filter(|before| before.time < next.time);
                out.extend(paid.map(|paid| event(paid.time, Data::Funding(paid))));
            }
        }
        Ok(())
    }
}

/// A bar, if it has closed.
fn bar(k: &KlineBar<'_>, one: &Traded) -> Result<Option<Bar>, Error> {
    if !k.x {
        return Ok(None);
    }
    Ok(Some(Bar {
        open_time: moment(k.t)?,
        open: price(one, &k.o)?,
        high: price(one, &k.h)?,
        low: price(one, &k.l)?,
        close: price(one, &k.c)?,
        volume: one.lots_near(&k.v).ok_or_else(|| unreadable("a volume that is none"))?,
    }))
}

fn print(trade: &Trade<'_>, one: &Traded) -> Result<Print, Error> {
    Ok(Print {
        time: moment(trade.time)?,
        price: price(one, &trade.p)?,
        size: size(one, &trade.q)?,
        aggressor: Some(if trade.m { Side::Sell } else { Side::Buy }),
    })
}

fn quote(ticker: &Ticker<'_>, one: &Traded, now: Timestamp) -> Result<Quote, Error> {
    Ok(Quote {
        time: ticker.time.map_or(Ok(now), moment)?,
        bid: price(one, &ticker.b)?,
        ask: price(one, &ticker.a)?,
        bid_size: size(one, &ticker.bid_size)?,
        ask_size: size(one, &ticker.ask_size)?,
    })
}

fn change(update: &DepthUpdate<'_>, one: &Traded) -> Result<Change, Error> {
    let mut levels = Vec::with_capacity(update.b.len() + update.a.len());
    for (side, all) in [(Side::Buy, &update.b), (Side::Sell, &update.a)] {
        for (at, quantity) in all {
            levels.push((side, price(one, at)?, size(one, quantity)?));
        }
    }
    if update.first > update.u {
        return Err(unreadable("numbers of a book that run backwards"));
    }
    Ok(Change {
        numbers: (update.first, update.u),
        before: update.pu,
        time: moment(update.time.unwrap_or(update.sent))?,
        levels,
    })
}

fn funding(mark: &MarkPrice<'_>, one: &Traded) -> Result<Funding, Error> {
    Ok(Funding {
        time: moment(mark.next)?,
        rate: Rate::parse(&mark.r).map_err(|_| unreadable("a rate that is none"))?,
        mark: Some(one.price_near(&mark.p).ok_or_else(|| unreadable("a price that is none"))?)
            .filter(|mark| *mark != Price(0)),
    })
}

/// The stream's name, where it always stands.
fn quick_name(text: &str) -> Option<&str> {
    text.strip_prefix("{\"stream\":\"")?.split_once('"').map(|(name, _)| name)
}

impl PublicStream for Listener {
    fn uri(&self) -> String {
        self.uri.clone()
    }

    /// A question that changes nothing shows by its answer, whatever that is, that the stream is up, for
    /// want of a greeting.
    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.is_ready = false;
        self.heard = now;
        for line in self.lines.values_mut() {
            *line = Line::new(line.topic, line.one.clone());
        }
        send.push(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#.to_owned());
    }

    fn hear(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Vec<Step>,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        self.heard = now;
        if let Some(line) = quick_name(text).and_then(|name| self.lines.get_mut(name)) {
            return line.hear(text, now, out);
        }
        let head: Head<'_> = json(text)?;
        let event = head.e.as_deref().or(head.data.as_ref().map(|data| data.e.as_ref()));
        if event == Some("serverShutdown") {
            out.push(Step::Ending);
            return Ok(());
        }
        if let Some(line) = head.stream.and_then(|name| self.lines.get_mut(name.as_ref())) {
            return line.hear(text, now, out);
        }
        if head.id.is_some() && !std::mem::replace(&mut self.is_ready, true) {
            out.push(Step::Ready);
        }
        Ok(())
    }

    fn fetched(&mut self, asked: &Ask, told: &Told, out: &mut Vec<Step>) {
        let (Ask::Book(of, _), Told::Book(levels)) = (asked, told) else { return };
        for line in self.lines.values_mut() {
            if let (Topic::Book(id), Memory::Book(book)) = (line.topic, &mut line.memory)
                && id == *of
            {
                book.fetched(levels, self.heard, out);
            }
        }
    }

    /// The venue pings; whoever holds the socket answers.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn tick(&mut self, _: Timestamp, _: &mut Vec<String>) {}
}
