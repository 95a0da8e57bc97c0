//! OKX, API version 5: public data of spot and USDT perpetuals.
//!
//! Documentation: <https://www.okx.com/docs-v5/en/#order-book-trading-market-data>,
//! <https://www.okx.com/docs-v5/en/#public-data>. Candles are told on a connection of their own. Books
//! are checked by `seqId` and `prevSeqId`: checksums are 0 since 23 June 2026
//! (<https://www.okx.com/help/okx-order-book-channels-checksum-field-deprecation>), and the stream's first
//! snapshot is announced to end (<https://www.okx.com/docs-v5/log_en/>), so that a book starts from
//! either a snapshot or a request.

mod book;
mod counter;
mod instruments;
mod stream;
mod text;

pub use counter::Counter;

use crate::{Ask, BookLevels, Error, Hosts, PublicStream, Told, Topic};
use http::{Request, Response, StatusCode};
use market::{Bar, BarSize, Product, Roster, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;
use serde::Deserialize;
use std::sync::LazyLock;
use stream::{Line, Listener};
use text::{Text, Unread, clean, millis, time};

/// Bars on a page.
const BARS_MAX: i64 = 300;
/// The most levels of a book.
const DEPTH_MAX: u32 = 400;
/// Requests are counted over two seconds.
const SPAN_SECONDS: u32 = 2;

/// Sizes with the venue's names; those of a day and parts of it begin at midnight UTC.
const SIZES: [(&str, &str); 14] = [
    ("1m", "1m"),
    ("3m", "3m"),
    ("5m", "5m"),
    ("15m", "15m"),
    ("30m", "30m"),
    ("1h", "1H"),
    ("2h", "2H"),
    ("4h", "4H"),
    ("6h", "6Hutc"),
    ("12h", "12Hutc"),
    ("1d", "1Dutc"),
    ("2d", "2Dutc"),
    ("3d", "3Dutc"),
    ("7d", "1Wutc"),
];

static KNOWN: LazyLock<Vec<BarSize>> =
    LazyLock::new(|| SIZES.iter().filter_map(|(ours, _)| ours.parse().ok()).collect());

/// The venue's name of a size.
fn size_text(size: BarSize) -> Option<&'static str> {
    SIZES.iter().find(|(ours, _)| ours.parse() == Ok(size)).map(|(_, theirs)| *theirs)
}

/// The size that the venue names so.
fn size_of(theirs: &str) -> Option<BarSize> {
    SIZES.iter().find(|(_, name)| *name == theirs).and_then(|(ours, _)| ours.parse().ok())
}

/// The venue's word for a product.
const fn kind(product: Product) -> &'static str {
    match product {
        Product::Spot => "SPOT",
        Product::Perpetual => "SWAP",
    }
}

/// The instrument of this name; names differ between products here.
fn find<'r>(roster: &'r Roster, name: &str) -> Option<(InstrumentId, &'r Traded)> {
    let product = if name.ends_with("-SWAP") { Product::Perpetual } else { Product::Spot };
    let (place, traded) = roster.find(product, name)?;
    u32::try_from(place).ok().map(|place| (InstrumentId(place), traded))
}

fn native(roster: &Roster, instrument: InstrumentId) -> Result<&Traded, Error> {
    let known = roster.all().len();
    roster.at(instrument.index()).ok_or(Error::Instrument { number: instrument.0, known })
}

/// A response: a code, a message, rows.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Envelope<'a, T> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow, default)]
    msg: Text<'a>,
    #[serde(default = "Vec::new")]
    data: Vec<T>,
}

/// Requests and answers.
#[derive(Debug, Clone)]
pub struct Source {
    hosts: Hosts,
}

impl Source {
    /// At these hosts.
    #[must_use]
    pub const fn new(hosts: Hosts) -> Self {
        Self { hosts }
    }

    fn path(ask: &Ask, roster: &Roster) -> Result<String, Error> {
        Ok(match ask {
            Ask::Time => "/api/v5/public/time".to_owned(),
            Ask::Instruments(product, names) => {
                let one = match names.as_slice() {
                    [one] => format!("&instId={one}"),
                    _ => String::new(),
                };
                format!("/api/v5/public/instruments?instType={}{one}", kind(*product))
            }
            Ask::Bars { instrument, size, from, to } => {
                let what = || format!("bars of {size}");
                let bar = size_text(*size)
                    .ok_or_else(|| Error::Unsupported { venue: VenueName::Okx, what: what() })?;
                // Both bounds are exclusive, and the newest come first: no more than a page is asked for.
                let span = size.nanos().saturating_mul(BARS_MAX);
                let page = from.nanos().saturating_add(span).min(to.nanos());
                let before = millis(*from).saturating_sub(1);
                let after = millis(Timestamp::from_nanos(page));
                format!(
                    "/api/v5/market/history-candles?instId={}&bar={bar}&before={before}&after={after}&limit={BARS_MAX}",
                    native(roster, *instrument)?.native,
                )
            }
            Ask::Book(instrument, depth) => format!(
                "/api/v5/market/books?instId={}&sz={}",
                native(roster, *instrument)?.native,
                (*depth).clamp(1, DEPTH_MAX),
            ),
        })
    }
}

impl crate::Source for Source {
    fn venue(&self) -> VenueName {
        VenueName::Okx
    }

    fn sizes(&self) -> &'static [BarSize] {
        &KNOWN
    }

    fn request(&self, ask: &Ask, roster: &Roster) -> Result<Request<Vec<u8>>, Error> {
        let uri = [self.hosts.rest.as_str(), &Self::path(ask, roster)?].concat();
        let what = "host or symbol of these characters".to_owned();
        let wrong = |_| Error::Unsupported { venue: VenueName::Okx, what };
        Request::builder().uri(uri).body(Vec::new()).map_err(wrong)
    }

    fn answer(
        &self,
        ask: &Ask,
        response: &Response<Vec<u8>>,
        roster: &Roster,
    ) -> Result<Told, Error> {
        let read = match ask {
            Ask::Time => rows::<Clock<'_>>(response)?
                .first()
                .map_or(Err(Unread("data")), |clock| time(&clock.ts, "ts").map(Told::Time)),
            Ask::Instruments(product, names) => {
                let rows = rows::<instruments::Row<'_>>(response)?;
                let read = rows.iter().filter_map(|row| instruments::traded(row, *product));
                let asked = |one: &Traded| {
                    names.is_empty() || names.iter().any(|name| name == one.native.as_str())
                };
                Ok(Told::Instruments(read.filter(asked).collect()))
            }
            Ask::Bars { instrument, from, to, .. } => {
                let rows = rows::<Vec<Text<'_>>>(response)?;
                let one = native(roster, *instrument)?;
                let read = rows.iter().filter_map(|row| bar(row, one).transpose());
                let within = |mut bars: Vec<Bar>| {
                    bars.sort_by_key(|bar| bar.open_time);
                    bars.dedup_by_key(|bar| bar.open_time);
                    let bars = bars.into_iter().map(|bar| (bar.open_time, bar));
                    bars.filter(|(open, _)| open >= from && open < to).collect()
                };
                read.collect::<Result<Vec<_>, _>>().map(within).map(Told::Bars)
            }
            Ask::Book(instrument, _) => {
                let rows = rows::<book::Row<'_>>(response)?;
                let one = native(roster, *instrument)?;
                rows.first().map_or(Err(Unread("data")), |row| levels(row, one).map(Told::Book))
            }
        };
        read.map_err(unreadable)
    }

    fn streams(&self, topics: &[Topic], roster: &Roster) -> Vec<Box<dyn PublicStream>> {
        let (bars, others): (Vec<Topic>, Vec<Topic>) =
            topics.iter().partition(|topic| matches!(topic, Topic::Bars(..)));
        let parts = |line: Line, all: Vec<Topic>| {
            let whole = stream::parts(all);
            whole.into_iter().map(move |topics| (line, topics))
        };
        let all = parts(Line::Business, bars).chain(parts(Line::Public, others));
        let open = |(line, topics)| -> Box<dyn PublicStream> {
            Box::new(Listener::new(&self.hosts.stream, line, topics, roster.clone()))
        };
        all.map(open).collect()
    }
}

#[derive(Debug, Deserialize)]
struct Clock<'a> {
    #[serde(borrow)]
    ts: Text<'a>,
}

fn unreadable(Unread(what): Unread) -> Error {
    Error::Unreadable { venue: VenueName::Okx, what: what.to_owned() }
}

/// The rows of a success, or why there are none.
fn rows<'a, T: Deserialize<'a>>(response: &'a Response<Vec<u8>>) -> Result<Vec<T>, Error> {
    let venue = VenueName::Okx;
    let status = response.status();
    let throttled = Error::Throttled { venue, seconds: SPAN_SECONDS };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(throttled);
    }
    let envelope: Result<Envelope<'a, T>, _> = serde_json::from_slice(response.body());
    match envelope {
        Ok(envelope) if &*envelope.code == "0" && status == StatusCode::OK => Ok(envelope.data),
        Ok(envelope) => Err(match &*envelope.code {
            "50011" | "50013" | "50040" => throttled,
            code => {
                let code = code.parse().unwrap_or(-1);
                Error::Refused { venue, code, text: clean(&envelope.msg) }
            }
        }),
        Err(_) => Err(Error::Unreadable { venue, what: format!("a body of status {status}") }),
    }
}

/// A candle, if it has closed: opening time, open, high, low, close, volume, …, whether it has closed.
fn bar(row: &[Text<'_>], traded: &Traded) -> Result<Option<Bar>, Unread> {
    let field = |place: usize| row.get(place).map(|text| &**text).ok_or(Unread("candle"));
    if field(8)? != "1" {
        return Ok(None);
    }
    // A candle is older than a change of the tick or the lot may be.
    let price = |place| traded.price_near(field(place)?).ok_or(Unread("price"));
    Ok(Some(Bar {
        open_time: time(field(0)?, "ts")?,
        open: price(1)?,
        high: price(2)?,
        low: price(3)?,
        close: price(4)?,
        volume: text::lots_down(traded, field(5)?).ok_or(Unread("vol"))?,
    }))
}

fn levels(row: &book::Row<'_>, traded: &Traded) -> Result<BookLevels, Unread> {
    Ok(BookLevels {
        sequence: u64::try_from(row.seq_id).unwrap_or(0),
        bids: book::side(&row.bids, traded)?,
        asks: book::side(&row.asks, traded)?,
    })
}
