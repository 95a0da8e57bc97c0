//! One connection of the public stream.

use super::{
    book::{Book, Outcome},
    category, clean, from_ms, interval, price, traded, unreadable, volume,
    wire::{Data, Kline, Levels, Message, Ticker, Trade},
};
use crate::{Ask, Error, PublicStream, Step, Told, Topic};
use engine::{Data as Told1, MarketEvent};
use market::{Bar, BarSize, Funding, Print, Product, Quote, Rate, Roster, Side, Timestamp, Traded};
use portfolio::InstrumentId;
use std::{collections::BTreeMap, sync::Arc};

const PING_NANOS: i64 = 20_000_000_000;
const PING: &str = r#"{"op":"ping"}"#;
/// Topics in one subscription: spot takes no more.
const ARGS_MAX: usize = 10;
/// Characters of all topics of a connection; the venue takes 21,000 with what stands between them.
const CHARACTERS_MAX: usize = 20_000;
/// Topics of one connection, so that one that breaks takes few with it.
const TOPICS_MAX: usize = 200;
/// Levels of a book.
const DEPTH: u32 = 50;

/// The streams that these topics take. What the venue or the roster does not have is left out.
pub(super) fn split(
    topics: &[Topic],
    roster: &Arc<Roster>,
    host: &str,
) -> Vec<Box<dyn PublicStream>> {
    let mut streams: Vec<Public> = Vec::new();
    for topic in topics {
        let Some((product, name)) = name_of(*topic, roster) else { continue };
        let length = name.len() + 3;
        let fits = |stream: &Public| {
            stream.product == product
                && stream.slots.len() < TOPICS_MAX
                && stream.characters + length <= CHARACTERS_MAX
        };
        if !streams.iter().any(fits) {
            streams.push(Public::new(product, Arc::clone(roster), host));
        }
        if let Some(stream) = streams.iter_mut().find(|stream| fits(stream)) {
            stream.characters += length;
            stream.slots.insert(name, Slot { topic: *topic, state: State::of(*topic) });
        }
    }
    streams.into_iter().map(|stream| Box::new(stream) as Box<dyn PublicStream>).collect()
}

/// The instrument of a topic.
pub(super) const fn instrument_of(topic: Topic) -> InstrumentId {
    match topic {
        Topic::Bars(id, _)
        | Topic::Trades(id)
        | Topic::Quotes(id)
        | Topic::Book(id)
        | Topic::Funding(id) => id,
    }
}

/// The venue's name of a topic.
pub(super) fn name_of(topic: Topic, roster: &Roster) -> Option<(Product, String)> {
    let one = traded(roster, instrument_of(topic)).ok()?;
    let symbol = &one.native;
    let name = match topic {
        Topic::Bars(_, size) => format!("kline.{}.{symbol}", interval(size)?),
        Topic::Trades(_) => format!("publicTrade.{symbol}"),
        Topic::Quotes(_) => format!("orderbook.1.{symbol}"),
        Topic::Book(_) => format!("orderbook.{DEPTH}.{symbol}"),
        Topic::Funding(_) if one.product == Product::Perpetual => format!("tickers.{symbol}"),
        Topic::Funding(_) => return None,
    };
    Some((one.product, name))
}

/// The topic of a venue's name.
pub(super) fn topic_of(name: &str, product: Product, roster: &Roster) -> Option<Topic> {
    let (kind, rest) = name.split_once('.')?;
    let (middle, symbol) = rest.split_once('.').unwrap_or(("", rest));
    let (place, _) = roster.find(product, symbol)?;
    let id = InstrumentId(u32::try_from(place).ok()?);
    Some(match (kind, middle) {
        ("kline", size) => Topic::Bars(id, super::size_of(size)?),
        ("publicTrade", "") => Topic::Trades(id),
        ("orderbook", "1") => Topic::Quotes(id),
        ("orderbook", "50") => Topic::Book(id),
        ("tickers", "") if product == Product::Perpetual => Topic::Funding(id),
        _ => return None,
    })
}

/// One connection.
#[derive(Debug)]
struct Public {
    product: Product,
    roster: Arc<Roster>,
    uri: String,
    slots: BTreeMap<String, Slot>,
    characters: usize,
    /// Subscriptions that are not confirmed yet.
    pending: usize,
    ping_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Slot {
    topic: Topic,
    state: State,
}

/// What is kept of a topic between two messages.
#[derive(Debug)]
enum State {
    Bars { size: BarSize, last: Option<Timestamp> },
    Trades,
    Quotes { book: Book, last: Option<Quote> },
    Book(Book),
    Funding { next: Option<Timestamp>, rate: Option<Rate>, mark: Option<market::Price> },
}

impl State {
    fn of(topic: Topic) -> Self {
        match topic {
            Topic::Bars(_, size) => Self::Bars { size, last: None },
            Topic::Trades(_) => Self::Trades,
            Topic::Quotes(_) => Self::Quotes { book: Book::default(), last: None },
            Topic::Book(_) => Self::Book(Book::default()),
            Topic::Funding(_) => Self::Funding { next: None, rate: None, mark: None },
        }
    }
}

/// What of a message could not be read.
type Bad = &'static str;

/// What hearing one message takes and gives.
struct Heard<'a> {
    topic: Topic,
    one: &'a Traded,
    text: &'a str,
    message: &'a Message<'a>,
    out: &'a mut Vec<Step>,
}

impl<'a> Heard<'a> {
    fn data<T: serde::Deserialize<'a>>(&self) -> Result<T, Bad> {
        let data: Result<Data<T>, _> = serde_json::from_str(self.text);
        data.map(|data| data.data).map_err(|_| "the data")
    }

    /// When the venue's matching made it, or else when it was sent.
    fn time(&self) -> Result<Timestamp, Bad> {
        from_ms(self.message.cts.unwrap_or(self.message.ts)).ok_or("a time")
    }

    fn event(&mut self, time: Timestamp, data: Told1) {
        let instrument = instrument_of(self.topic);
        self.out.push(Step::Event(MarketEvent { time, instrument, data }));
    }

    /// Closed bars; one that does not follow on the last one leaves a gap.
    fn bars(&mut self, size: BarSize, last: &mut Option<Timestamp>) -> Result<(), Bad> {
        for row in self.data::<Vec<Kline<'_>>>()?.iter().filter(|row| row.confirm) {
            let open_time = from_ms(row.start).ok_or("a time")?;
            let close = open_time.plus_nanos(size.nanos()).map_err(|_| "a time")?;
            if last.is_some_and(|last| open_time <= last) {
                continue;
            }
            let follows = last.and_then(|last| last.plus_nanos(size.nanos()).ok());
            if follows.is_some_and(|due| open_time > due) {
                self.out.push(Step::Gap(self.topic));
            }
            let paid = |text: &str| price(self.one, text).ok_or("a price");
            let bar = Bar {
                open_time,
                open: paid(&row.open)?,
                high: paid(&row.high)?,
                low: paid(&row.low)?,
                close: paid(&row.close)?,
                volume: volume(self.one, &row.volume).ok_or("a volume")?,
            };
            *last = Some(open_time);
            self.event(close, Told1::Bar(bar, size));
        }
        Ok(())
    }

    /// Trades of the book; blocks are agreed upon elsewhere.
    fn trades(&mut self) -> Result<(), Bad> {
        for row in self.data::<Vec<Trade<'_>>>()?.iter().filter(|row| !row.block) {
            let time = from_ms(row.time).ok_or("a time")?;
            let aggressor = match &*row.side {
                "Buy" => Some(Side::Buy),
                "Sell" => Some(Side::Sell),
                _ => None,
            };
            let price = price(self.one, &row.price).ok_or("a price")?;
            let size = volume(self.one, &row.size).ok_or("a size")?;
            self.event(time, Told1::Print(Print { time, price, size, aggressor }));
        }
        Ok(())
    }

    fn levels(&self, book: &mut Book, out: &mut Vec<market::Depth>) -> Result<Outcome, Bad> {
        let levels: Levels<'_> = self.data()?;
        let whole = self.message.kind == "snapshot";
        book.apply(&levels, whole, self.one, (self.time()?, out)).ok_or("a level")
    }

    fn quotes(&mut self, book: &mut Book, last: &mut Option<Quote>) -> Result<Outcome, Bad> {
        let outcome = self.levels(book, &mut Vec::new())?;
        let quote = book.quote(self.time()?).filter(|_| outcome == Outcome::Applied);
        // The venue repeats a book of one level every three seconds.
        let same = |a: &Quote, b: &Quote| Quote { time: a.time, ..*b } == *a;
        if let Some(quote) = quote.filter(|quote| !last.is_some_and(|last| same(quote, &last))) {
            *last = Some(quote);
            self.event(quote.time, Told1::Quote(quote));
        }
        Ok(outcome)
    }

    fn depth(&mut self, book: &mut Book) -> Result<Outcome, Bad> {
        let mut changed = Vec::new();
        let outcome = self.levels(book, &mut changed)?;
        if outcome == Outcome::Applied {
            for depth in changed {
                self.event(depth.time, Told1::Depth(depth));
            }
        }
        Ok(outcome)
    }

    fn funding(
        &mut self,
        next: &mut Option<Timestamp>,
        rate: &mut Option<Rate>,
        mark: &mut Option<market::Price>,
    ) -> Result<(), Bad> {
        let row: Ticker<'_> = self.data()?;
        if !row.next_funding_time.is_empty() {
            let due = row.next_funding_time.parse().ok().and_then(from_ms).ok_or("a time")?;
            if let (Some(paid), Some(rate)) = (next.filter(|paid| *paid < due), *rate) {
                let funding = Funding { time: paid, rate, mark: *mark };
                self.event(paid, Told1::Funding(funding));
            }
            *next = Some(due);
        }
        if !row.funding_rate.is_empty() {
            *rate = Some(Rate::parse(&row.funding_rate).map_err(|_| "a rate")?);
        }
        if !row.mark_price.is_empty() {
            *mark = Some(self.one.price_near(&row.mark_price).ok_or("a price")?);
        }
        Ok(())
    }
}

impl Public {
    fn new(product: Product, roster: Arc<Roster>, host: &str) -> Self {
        let uri = format!("{host}/v5/public/{}", category(product));
        let (slots, pending, ping_at) = (BTreeMap::new(), 0, None);
        Self { product, roster, uri, slots, characters: 0, pending, ping_at }
    }

    fn reply(&mut self, message: &Message<'_>, out: &mut Vec<Step>) -> Result<(), Error> {
        if message.op != "subscribe" {
            return Ok(());
        }
        if message.success == Some(false) {
            let words = clean(&message.ret_msg);
            return Err(unreadable(format!("a subscription was refused: {words}")));
        }
        let is_first = message.req_id != "again";
        if is_first && self.pending > 0 {
            self.pending -= 1;
            if self.pending == 0 {
                out.push(Step::Ready);
            }
        }
        Ok(())
    }
}

impl PublicStream for Public {
    fn uri(&self) -> String {
        self.uri.clone()
    }

    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        let names: Vec<&String> = self.slots.keys().collect();
        for (number, names) in names.chunks(ARGS_MAX).enumerate() {
            let args = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
            send.push(format!(r#"{{"req_id":"{number}","op":"subscribe","args":[{args}]}}"#));
            self.pending += 1;
        }
        self.ping_at = now.plus_nanos(PING_NANOS).ok();
    }

    fn hear(
        &mut self,
        text: &str,
        _: Timestamp,
        out: &mut Vec<Step>,
        send: &mut Vec<String>,
    ) -> Result<(), Error> {
        let message: Message<'_> =
            serde_json::from_str(text).map_err(|_| unreadable("no message"))?;
        if message.topic.is_empty() {
            return self.reply(&message, out);
        }
        let Some(slot) = self.slots.get_mut(&*message.topic) else { return Ok(()) };
        let one = traded(&self.roster, instrument_of(slot.topic))?;
        let topic = slot.topic;
        let mut heard = Heard { topic, one, text, message: &message, out };
        let applied = |()| Outcome::Applied;
        let outcome = match &mut slot.state {
            State::Bars { size, last } => heard.bars(*size, last).map(applied),
            State::Trades => heard.trades().map(applied),
            State::Quotes { book, last } => heard.quotes(book, last),
            State::Book(book) => heard.depth(book),
            State::Funding { next, rate, mark } => heard.funding(next, rate, mark).map(applied),
        };
        let outcome =
            outcome.map_err(|what| unreadable(format!("{what} in {}", clean(&message.topic))))?;
        if outcome == Outcome::Broken {
            out.push(Step::Gap(topic));
            for op in ["unsubscribe", "subscribe"] {
                let name = &message.topic;
                send.push(format!(r#"{{"req_id":"again","op":"{op}","args":["{name}"]}}"#));
            }
        }
        Ok(())
    }

    /// Everything comes by the stream.
    fn fetched(&mut self, _: &Ask, _: &Told, _: &mut Vec<Step>) {}

    fn deadline(&self) -> Option<Timestamp> {
        self.ping_at
    }

    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>) {
        if self.ping_at.is_some_and(|at| now >= at) {
            send.push(PING.to_owned());
            self.ping_at = now.plus_nanos(PING_NANOS).ok();
        }
    }
}
