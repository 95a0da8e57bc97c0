//! Public streams: <https://www.okx.com/docs-v5/en/#overview-websocket>.

use super::{
    book::{self, Book, Change, Next},
    find, size_of, size_text,
    text::{Text, Unread, clean, time},
};
use crate::{Ask, Error, PublicStream, Step, Told, Topic};
use engine::{Data, MarketEvent};
use market::{Depth, Funding, Print, Quote, Rate, Roster, Side, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The venue hangs up after 30 s of silence: ask for a sign of life before.
const SILENCE_NANOS: i64 = 20_000_000_000;
/// Channels of one connection: the venue recommends fewer than 30 deep books.
const BOOKS_MAX: usize = 25;
const TOPICS_MAX: usize = 200;
/// Channels of one message, which has at most 64 KB.
const ARGS_MAX: usize = 100;
/// Levels that are asked for.
const DEPTH: u32 = 400;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Trades, books, funding.
    Public,
    /// Candles.
    Business,
}

/// Topics in parts that one connection may have.
pub(super) fn parts(topics: Vec<Topic>) -> Vec<Vec<Topic>> {
    let mut parts: Vec<Vec<Topic>> = Vec::new();
    let books = |part: &[Topic]| part.iter().filter(|t| matches!(t, Topic::Book(_))).count();
    for topic in topics {
        let has_room = |part: &&mut Vec<Topic>| {
            let is_book = matches!(topic, Topic::Book(_));
            part.len() < TOPICS_MAX && (!is_book || books(part) < BOOKS_MAX)
        };
        match parts.last_mut().filter(has_room) {
            Some(part) => part.push(topic),
            None => parts.push(vec![topic]),
        }
    }
    parts
}

/// A topic's channel and instrument; [`None`] if there is none.
pub(super) fn channel(topic: Topic, roster: &Roster) -> Option<(String, String)> {
    let (name, instrument) = match topic {
        Topic::Bars(instrument, size) => (format!("candle{}", size_text(size)?), instrument),
        Topic::Trades(instrument) => ("trades".to_owned(), instrument),
        Topic::Quotes(instrument) => ("bbo-tbt".to_owned(), instrument),
        Topic::Book(instrument) => ("books".to_owned(), instrument),
        Topic::Funding(instrument) => ("funding-rate".to_owned(), instrument),
    };
    let native = roster.at(instrument.index())?.native.as_str().to_owned();
    Some((name, native))
}

/// The topic of a channel.
pub(super) fn topic(channel: &str, native: &str, roster: &Roster) -> Option<Topic> {
    let (instrument, _) = find(roster, native)?;
    Some(match channel {
        "trades" => Topic::Trades(instrument),
        "bbo-tbt" => Topic::Quotes(instrument),
        "books" => Topic::Book(instrument),
        "funding-rate" => Topic::Funding(instrument),
        other => Topic::Bars(instrument, size_of(other.strip_prefix("candle")?)?),
    })
}

/// One connection.
#[derive(Debug)]
pub(super) struct Listener {
    host: String,
    line: Line,
    topics: Vec<Topic>,
    roster: Roster,
    awaited: usize,
    deadline: Option<Timestamp>,
    books: BTreeMap<InstrumentId, Book>,
    /// The opening of each topic's latest bar.
    bars: BTreeMap<Topic, Timestamp>,
    /// When funding is next paid.
    due: BTreeMap<InstrumentId, Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    event: Text<'a>,
    #[serde(borrow, default)]
    code: Text<'a>,
    #[serde(borrow, default)]
    msg: Text<'a>,
    #[serde(borrow, default)]
    arg: Arg<'a>,
    #[serde(borrow, default)]
    action: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Arg<'a> {
    #[serde(borrow)]
    pub channel: Text<'a>,
    #[serde(borrow)]
    pub inst_id: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct TradeRow<'a> {
    #[serde(borrow)]
    px: Text<'a>,
    #[serde(borrow)]
    sz: Text<'a>,
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(borrow)]
    ts: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FundingRow<'a> {
    #[serde(borrow)]
    funding_time: Text<'a>,
    #[serde(borrow)]
    sett_state: Text<'a>,
    #[serde(borrow)]
    sett_funding_rate: Text<'a>,
}

impl Listener {
    pub(super) fn new(host: &str, line: Line, topics: Vec<Topic>, roster: Roster) -> Self {
        Self {
            host: host.to_owned(),
            line,
            topics,
            roster,
            awaited: 0,
            deadline: None,
            books: BTreeMap::new(),
            bars: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }

    fn ask(&self, operation: &str, topics: &[Topic], send: &mut Vec<String>) {
        for some in topics.chunks(ARGS_MAX) {
            let args = some.iter().filter_map(|topic| channel(*topic, &self.roster));
            let args = args.map(|(channel, native)| {
                format!(r#"{{"channel":"{channel}","instId":"{native}"}}"#)
            });
            let args: Vec<String> = args.collect();
            send.push(format!(r#"{{"op":"{operation}","args":[{}]}}"#, args.join(",")));
        }
    }

    fn event(&mut self, message: &Message<'_>, out: &mut Vec<Step>) -> Result<(), Error> {
        match &*message.event {
            "subscribe" if self.awaited > 0 => {
                self.awaited -= 1;
                if self.awaited == 0 {
                    out.push(Step::Ready);
                }
            }
            "notice" => out.push(Step::Ending),
            "error" => {
                let (venue, code) = (VenueName::Okx, message.code.parse().unwrap_or(-1));
                return Err(Error::Refused { venue, code, text: clean(&message.msg) });
            }
            _ => {}
        }
        Ok(())
    }

    fn rows(
        &mut self,
        message: &Message<'_>,
        text: &str,
        out: &mut Vec<Step>,
        send: &mut Vec<String>,
    ) -> Result<(), Unread> {
        let Message { arg, action, .. } = message;
        let Some(topic) = topic(&arg.channel, &arg.inst_id, &self.roster) else { return Ok(()) };
        let Some((instrument, traded)) = find(&self.roster, &arg.inst_id) else { return Ok(()) };
        match topic {
            Topic::Trades(_) => {
                for row in read::<TradeRow<'_>>(text)? {
                    let print = print(&row, traded)?;
                    out.push(event(instrument, print.time, Data::Print(print)));
                }
            }
            Topic::Quotes(_) => {
                for row in read::<book::Row<'_>>(text)? {
                    let told = quote(&row, traded)?;
                    out.extend(told.map(|told| event(instrument, told.time, Data::Quote(told))));
                }
            }
            Topic::Bars(_, size) => {
                for row in read::<Vec<Text<'_>>>(text)? {
                    let Some(bar) = super::bar(&row, traded)? else { continue };
                    let last = self.bars.get(&topic).copied();
                    if last.is_some_and(|last| bar.open_time <= last) {
                        continue;
                    }
                    let next = last.and_then(|last| last.plus_nanos(size.nanos()).ok());
                    if next.is_some_and(|next| bar.open_time > next) {
                        out.push(Step::Gap(topic));
                    }
                    let closes =
                        bar.open_time.plus_nanos(size.nanos()).map_err(|_| Unread("ts"))?;
                    self.bars.insert(topic, bar.open_time);
                    out.push(event(instrument, closes, Data::Bar(bar, size)));
                }
            }
            Topic::Funding(_) => {
                for row in read::<FundingRow<'_>>(text)? {
                    let due = time(&row.funding_time, "fundingTime")?;
                    let before = self.due.insert(instrument, due);
                    let paid = paid(&row, before.filter(|before| *before < due))?;
                    out.extend(paid.map(|paid| event(instrument, paid.time, Data::Funding(paid))));
                }
            }
            Topic::Book(_) => {
                let rows = read::<book::Row<'_>>(text)?;
                let read: Result<Vec<_>, _> = rows.iter().map(|row| change(row, traded)).collect();
                for change in read? {
                    self.book(instrument, action, change, (out, send));
                }
            }
        }
        Ok(())
    }

    fn book(
        &mut self,
        instrument: InstrumentId,
        action: &str,
        change: Change,
        (out, send): (&mut Vec<Step>, &mut Vec<String>),
    ) {
        let mut depths = Vec::new();
        let book = self.books.entry(instrument).or_default();
        let next = if action == "snapshot" {
            book.snapshot(&change, &mut depths);
            Next::Go
        } else {
            book.change(change, &mut depths)
        };
        told(instrument, depths, out);
        match next {
            Next::Go => {}
            Next::Ask => out.push(Step::Fetch(Ask::Book(instrument, DEPTH))),
            Next::Broken => {
                out.push(Step::Gap(Topic::Book(instrument)));
                self.ask("unsubscribe", &[Topic::Book(instrument)], send);
                self.ask("subscribe", &[Topic::Book(instrument)], send);
            }
        }
    }
}

fn told(instrument: InstrumentId, depths: Vec<Depth>, out: &mut Vec<Step>) {
    out.extend(depths.into_iter().map(|depth| event(instrument, depth.time, Data::Depth(depth))));
}

const fn event(instrument: InstrumentId, time: Timestamp, data: Data) -> Step {
    Step::Event(MarketEvent { time, instrument, data })
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<Vec<T>, Unread> {
    #[derive(Deserialize)]
    struct Rows<T> {
        data: Vec<T>,
    }
    serde_json::from_str::<Rows<T>>(text).map(|rows| rows.data).map_err(|_| Unread("data"))
}

fn print(row: &TradeRow<'_>, traded: &Traded) -> Result<Print, Unread> {
    let aggressor = match &*row.side {
        "buy" => Some(Side::Buy),
        "sell" => Some(Side::Sell),
        _ => None,
    };
    Ok(Print {
        time: time(&row.ts, "ts")?,
        price: traded.price(&row.px).ok_or(Unread("px"))?,
        size: traded.lots(&row.sz).ok_or(Unread("sz"))?,
        aggressor,
    })
}

/// The best bid and ask; [`None`] while one side is empty, or both cross before trading begins.
fn quote(row: &book::Row<'_>, traded: &Traded) -> Result<Option<Quote>, Unread> {
    let (bids, asks) = (book::side(&row.bids, traded)?, book::side(&row.asks, traded)?);
    let time = time(&row.ts, "ts")?;
    let both = bids.first().zip(asks.first());
    Ok(both.filter(|(bid, ask)| bid.0 <= ask.0).map(|(bid, ask)| Quote {
        time,
        bid: bid.0,
        ask: ask.0,
        bid_size: bid.1,
        ask_size: ask.1,
    }))
}

fn change(row: &book::Row<'_>, traded: &Traded) -> Result<Change, Unread> {
    Ok(Change {
        time: time(&row.ts, "ts")?,
        sequence: row.seq_id,
        previous: row.prev_seq_id,
        bids: book::side(&row.bids, traded)?,
        asks: book::side(&row.asks, traded)?,
    })
}

/// The payment that was due, once the next one is and the venue says what was paid.
fn paid(row: &FundingRow<'_>, due: Option<Timestamp>) -> Result<Option<Funding>, Unread> {
    let Some(time) = due else { return Ok(None) };
    if &*row.sett_state != "settled" || row.sett_funding_rate.is_empty() {
        return Ok(None);
    }
    // More decimals than we keep are of no weight: a rate has twelve here.
    let text = &row.sett_funding_rate;
    let kept = text.find('.').map_or(text.len(), |point| text.len().min(point + 13));
    let rate = text.get(..kept).and_then(|text| Rate::parse(text).ok());
    let rate = rate.ok_or(Unread("settFundingRate"))?;
    Ok(Some(Funding { time, rate, mark: None }))
}

impl PublicStream for Listener {
    fn uri(&self) -> String {
        let path = match self.line {
            Line::Public => "/ws/v5/public",
            Line::Business => "/ws/v5/business",
        };
        [self.host.as_str(), path].concat()
    }

    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        self.awaited = self.topics.iter().filter_map(|one| channel(*one, &self.roster)).count();
        self.books.values_mut().for_each(Book::restart);
        self.ask("subscribe", &self.topics, send);
    }

    fn hear(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Vec<Step>,
        send: &mut Vec<String>,
    ) -> Result<(), Error> {
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        if text == "pong" {
            return Ok(());
        }
        let message: Result<Message<'_>, _> = serde_json::from_str(text);
        let message = message.map_err(|_| super::unreadable(Unread("a message")))?;
        if !message.event.is_empty() {
            return self.event(&message, out);
        }
        let before = out.len();
        self.rows(&message, text, out, send).map_err(|unread| {
            out.truncate(before);
            super::unreadable(unread)
        })
    }

    fn fetched(&mut self, ask: &Ask, told_levels: &Told, out: &mut Vec<Step>) {
        let (Ask::Book(instrument, _), Told::Book(levels)) = (ask, told_levels) else { return };
        let Some(book) = self.books.get_mut(instrument) else { return };
        let mut depths = Vec::new();
        let next = book.fetched(levels, &mut depths);
        told(*instrument, depths, out);
        match next {
            Next::Go => {}
            Next::Ask => out.push(Step::Fetch(Ask::Book(*instrument, DEPTH))),
            // The next change starts the book again by itself.
            Next::Broken => out.push(Step::Gap(Topic::Book(*instrument))),
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        send.push("ping".to_owned());
    }
}
