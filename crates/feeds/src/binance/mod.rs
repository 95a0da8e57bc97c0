//! Binance: public data of spot and USDⓈ-M futures.
//!
//! Read on 2026-11-29 at <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints>,
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams> and
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api>; the futures'
//! streams stand at `/public` (quotes, books) and `/market` (bars, trades, mark prices) since 2026-04-23:
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Important-WebSocket-Change-Notice>.
//!
//! - The most leverage of an instrument is told to a key only; it is listed as 125, the most of any.
//! - An order's bounds are those that hold for market and limit orders both.
//! - A name or coin with other letters than our symbols have is not listed.
//! - Trades of the futures are aggregated by the venue: one print for each price that an order took.
//! - Funding is told as it is paid: when the mark price's message names the next time of payment.

mod book;
mod counter;
mod listing;
mod stream;

pub use counter::Counter;

use crate::{Ask, BookLevels, Error, Hosts, PublicStream, Told, Topic};
use http::{Request, Response, StatusCode};
use market::{Bar, BarSize, Price, Product, Quantity, Roster, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;
use serde::Deserialize;
use std::{borrow::Cow, sync::LazyLock};

/// Bars on a page.
const BARS_MAX: i64 = 1000;
/// Topics on a connection: the venue takes 1,024, addresses have a length.
const TOPICS_MAX: usize = 200;
/// Depths of the futures' book; spot takes any up to the last of its own.
const DEPTHS: [u32; 7] = [5, 10, 20, 50, 100, 500, 1000];
/// The deepest book of spot.
const SPOT_DEPTH_MAX: u32 = 5000;
/// How long to wait if the venue does not say.
const WAIT_SECONDS: u32 = 10;

/// Sizes with the venue's names.
const SIZES: [(&str, &str); 13] = [
    ("1m", "1m"),
    ("3m", "3m"),
    ("5m", "5m"),
    ("15m", "15m"),
    ("30m", "30m"),
    ("1h", "1h"),
    ("2h", "2h"),
    ("4h", "4h"),
    ("6h", "6h"),
    ("12h", "12h"),
    ("1d", "1d"),
    ("3d", "3d"),
    ("7d", "1w"),
];

static KNOWN: LazyLock<Vec<BarSize>> =
    LazyLock::new(|| SIZES.iter().filter_map(|(ours, _)| ours.parse().ok()).collect());

/// The venue's name of a size.
fn interval(size: BarSize) -> Option<&'static str> {
    SIZES.iter().find(|(ours, _)| ours.parse() == Ok(size)).map(|(_, theirs)| *theirs)
}

/// The size of this name.
fn size_of(theirs: &str) -> Option<BarSize> {
    SIZES.iter().find(|(_, name)| *name == theirs).and_then(|(ours, _)| ours.parse().ok())
}

fn unreadable(what: impl Into<String>) -> Error {
    Error::Unreadable { venue: VenueName::Binance, what: what.into() }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { venue: VenueName::Binance, what: what.into() }
}

/// Without what moves a cursor or turns text round, and cut to 200 characters.
fn clean(text: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().filter(|c| !c.is_control() && !hidden(*c)).take(200).collect()
}

fn moment(ms: i64) -> Result<Timestamp, Error> {
    let nanos = ms.checked_mul(1_000_000).ok_or_else(|| unreadable("a time beyond all times"))?;
    Ok(Timestamp::from_nanos(nanos))
}

const fn millis(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

fn price(one: &Traded, text: &str) -> Result<Price, Error> {
    one.price(text).ok_or_else(|| unreadable("a price off the instrument's ticks"))
}

fn size(one: &Traded, text: &str) -> Result<Quantity, Error> {
    one.lots(text).ok_or_else(|| unreadable("a size off the instrument's lots"))
}

fn traded(roster: &Roster, id: InstrumentId) -> Result<&Traded, Error> {
    let known = roster.all().len();
    roster.at(id.index()).ok_or(Error::Instrument { number: id.0, known })
}

/// The bot's end, for one product.
#[derive(Debug, Clone)]
pub struct Source {
    product: Product,
    hosts: Hosts,
}

impl Source {
    /// Public data of one product.
    #[must_use]
    pub const fn new(product: Product, hosts: Hosts) -> Self {
        Self { product, hosts }
    }

    const fn base(&self) -> &'static str {
        match self.product {
            Product::Spot => "/api/v3",
            Product::Perpetual => "/fapi/v1",
        }
    }

    fn own<'r>(&self, roster: &'r Roster, id: InstrumentId) -> Result<&'r Traded, Error> {
        let one = traded(roster, id)?;
        if one.product == self.product { Ok(one) } else { Err(unsupported("two products at once")) }
    }

    fn depth(&self, wanted: u32) -> u32 {
        match self.product {
            Product::Spot => wanted.clamp(1, SPOT_DEPTH_MAX),
            Product::Perpetual => {
                DEPTHS.into_iter().find(|depth| *depth >= wanted).unwrap_or(DEPTHS[6])
            }
        }
    }
}

/// A name that needs no escape in an address, or [`None`].
fn plain(name: &str) -> Option<&str> {
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_plain.then_some(name)
}

impl crate::Source for Source {
    fn venue(&self) -> VenueName {
        VenueName::Binance
    }

    fn sizes(&self) -> &'static [BarSize] {
        &KNOWN
    }

    fn request(&self, ask: &Ask, roster: &Roster) -> Result<Request<Vec<u8>>, Error> {
        let tail = match ask {
            Ask::Time => "/time".to_owned(),
            Ask::Instruments(product, _) if *product != self.product => {
                return Err(unsupported("two products at once"));
            }
            // The futures' endpoint takes no names.
            Ask::Instruments(Product::Spot, names) if !names.is_empty() => {
                let quoted: Option<Vec<String>> =
                    names.iter().map(|name| plain(name).map(|n| format!("%22{n}%22"))).collect();
                let names = quoted.ok_or_else(|| unsupported("an instrument of such a name"))?;
                format!("/exchangeInfo?symbols=%5B{}%5D", names.join(","))
            }
            Ask::Instruments(..) => "/exchangeInfo".to_owned(),
            Ask::Bars { instrument, size, from, to } => {
                let name = interval(*size).ok_or_else(|| unsupported(format!("bars of {size}")))?;
                let symbol = &self.own(roster, *instrument)?.native;
                // The end is included at the venue.
                let (from, to) = (millis(*from), millis(*to) - 1);
                format!(
                    "/klines?symbol={symbol}&interval={name}&startTime={from}&endTime={to}&limit={BARS_MAX}"
                )
            }
            Ask::Book(instrument, levels) => {
                let symbol = &self.own(roster, *instrument)?.native;
                format!("/depth?symbol={symbol}&limit={}", self.depth(*levels))
            }
        };
        let uri = format!("{}{}{tail}", self.hosts.rest, self.base());
        Request::get(uri)
            .body(Vec::new())
            .map_err(|_| unsupported("a host or symbol of such letters"))
    }

    fn answer(
        &self,
        ask: &Ask,
        response: &Response<Vec<u8>>,
        roster: &Roster,
    ) -> Result<Told, Error> {
        refused(response)?;
        let text = std::str::from_utf8(response.body()).map_err(|_| unreadable("no text"))?;
        match ask {
            Ask::Time => moment(json::<Clock>(text)?.server_time).map(Told::Time),
            Ask::Instruments(product, names) => {
                let mut all = listing::read(text, *product)?;
                all.retain(|one| {
                    names.is_empty() || names.iter().any(|name| name == one.native.as_str())
                });
                Ok(Told::Instruments(all))
            }
            Ask::Bars { instrument, size, from, to } => {
                let one = self.own(roster, *instrument)?;
                let until = date(response).unwrap_or(*to);
                let bars = bars(text, one, *size)?.into_iter();
                let is_asked = |bar: &Bar| {
                    let closes = bar.open_time.plus_nanos(size.nanos());
                    bar.open_time >= *from
                        && bar.open_time < *to
                        && closes.is_ok_and(|end| end <= until)
                };
                Ok(Told::Bars(bars.filter(is_asked).map(|bar| (bar.open_time, bar)).collect()))
            }
            Ask::Book(instrument, _) => {
                let one = self.own(roster, *instrument)?;
                let body: Levels<'_> = json(text)?;
                let side = |levels: &[(Cow<'_, str>, Cow<'_, str>)]| {
                    levels.iter().map(|(p, q)| Ok((price(one, p)?, size(one, q)?))).collect()
                };
                let (bids, asks): (Result<Vec<_>, Error>, Result<Vec<_>, Error>) =
                    (side(&body.bids), side(&body.asks));
                Ok(Told::Book(BookLevels {
                    sequence: body.last_update_id,
                    bids: bids?,
                    asks: asks?,
                }))
            }
        }
    }

    fn streams(&self, topics: &[Topic], roster: &Roster) -> Vec<Box<dyn PublicStream>> {
        stream::open(self.product, &self.hosts.stream, topics, roster)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Clock {
    server_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Levels<'a> {
    last_update_id: u64,
    #[serde(borrow)]
    bids: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(borrow)]
    asks: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Deserialize)]
struct Fault<'a> {
    code: i64,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| unreadable("another shape than is documented"))
}

/// What is no success.
fn refused(response: &Response<Vec<u8>>) -> Result<(), Error> {
    let (venue, status) = (VenueName::Binance, response.status());
    if status.is_success() {
        return Ok(());
    }
    let turned_away =
        [StatusCode::TOO_MANY_REQUESTS, StatusCode::IM_A_TEAPOT, StatusCode::FORBIDDEN];
    if turned_away.contains(&status) {
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let seconds = header.and_then(|text| text.trim().parse().ok()).unwrap_or(WAIT_SECONDS);
        return Err(Error::Throttled { venue, seconds });
    }
    let fault: Fault<'_> = serde_json::from_slice(response.body())
        .map_err(|_| unreadable(format!("status {}", status.as_u16())))?;
    Err(Error::Refused { venue, code: fault.code, text: clean(&fault.msg) })
}

/// The venue's clock, as its answer has it, to the second.
fn date(response: &Response<Vec<u8>>) -> Option<Timestamp> {
    let text = response.headers().get("date")?.to_str().ok()?;
    http_date(text)
}

/// `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110).
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let place = MONTHS.find(month).filter(|at| month.len() == 3 && at % 3 == 0)?;
    format!("{year}-{:02}-{day}T{time}Z", place / 3 + 1).parse().ok()
}

/// A page of bars. Prices and volumes from before a change of the instrument's steps are taken to the
/// nearest of today's.
fn bars(text: &str, one: &Traded, size: BarSize) -> Result<Vec<Bar>, Error> {
    type Row<'a> = (
        i64,
        Cow<'a, str>,
        Cow<'a, str>,
        Cow<'a, str>,
        Cow<'a, str>,
        Cow<'a, str>,
        serde::de::IgnoredAny,
        serde::de::IgnoredAny,
        serde::de::IgnoredAny,
        serde::de::IgnoredAny,
        serde::de::IgnoredAny,
        serde::de::IgnoredAny,
    );
    let rows: Vec<Row<'_>> = json(text)?;
    let near = |text: &str| one.price_near(text).ok_or_else(|| unreadable("a price that is none"));
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        let bar = Bar {
            open_time: moment(row.0)?,
            open: near(&row.1)?,
            high: near(&row.2)?,
            low: near(&row.3)?,
            close: near(&row.4)?,
            volume: one.lots_near(&row.5).ok_or_else(|| unreadable("a volume that is none"))?,
        };
        if out.last().is_some_and(|last: &Bar| last.open_time >= bar.open_time) {
            return Err(unreadable(format!("bars of {size} out of order")));
        }
        out.push(bar);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(
            http_date("Tue, 15 Nov 1994 08:12:31 GMT").map(|time| time.to_string()).as_deref(),
            Some("1994-11-15T08:12:31Z")
        );
        for bad in ["", "Tue, 15 Xyz 1994 08:12:31 GMT", "15 Nov 1994", "Tue, 1 N 1 1 GMT"] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }
}
