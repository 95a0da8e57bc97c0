//! Bybit's public data: spot and USDT perpetuals, API version 5.
//!
//! Sources, read in November 2026, under <https://bybit-exchange.github.io/docs/v5>: `/market/time`,
//! `/market/instrument`, `/market/kline`, `/market/orderbook`, `/ws/connect`,
//! `/websocket/public/{kline,trade,orderbook,ticker}`, `/rate-limit`.
//!
//! - A book comes whole with the subscription, then by its changes, each numbered one higher than the
//!   one before; the venue sends the whole again whenever it has lost count, with the number 1 after a
//!   restart. A missing number is a [`crate::Step::Gap`], and the topic is asked for anew.
//! - The best bid and ask are the book of one level, which comes whole each time.
//! - Funding is told as it is paid: when the ticker's next time of payment moves on, the one before has
//!   been paid at the rate that was shown last.
//! - Weekly bars begin on Mondays, so they are not the house's bars of seven days.
//! - The venue lists at most a thousand instruments or bars on a page.

mod book;
mod counter;
mod listing;
mod stream;
mod wire;

pub use counter::Counter;

use crate::{Ask, BookLevels, Error, Hosts, PublicStream, Topic};
use http::{Method, Request, Response, StatusCode};
use market::{Bar, BarSize, Price, Product, Quantity, Roster, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;
use std::sync::Arc;
use wire::{Head, KlineRow, Levels, Page, Whole};

const NANOS_IN_MS: i64 = 1_000_000;
/// Instruments on a page.
const ROWS_MAX: usize = 1000;
/// Bars on a page.
const BARS_MAX: i64 = 1000;
/// The most of the venue's words that are kept.
const WORDS_MAX: usize = 200;

const MINUTE: i64 = 60_000_000_000;

/// The venue's names of bar sizes, by minutes.
const INTERVALS: [(i64, &str); 11] = [
    (1, "1"),
    (3, "3"),
    (5, "5"),
    (15, "15"),
    (30, "30"),
    (60, "60"),
    (120, "120"),
    (240, "240"),
    (360, "360"),
    (720, "720"),
    (1440, "D"),
];

/// The client's end.
#[derive(Debug)]
pub struct Source {
    hosts: Hosts,
    sizes: &'static [BarSize],
}

impl Source {
    /// At these hosts.
    #[must_use]
    pub fn new(hosts: Hosts) -> Self {
        static SIZES: std::sync::OnceLock<Vec<BarSize>> = std::sync::OnceLock::new();
        let sizes = SIZES.get_or_init(|| {
            let nanos = INTERVALS.iter().map(|(minutes, _)| minutes * MINUTE);
            nanos.filter_map(BarSize::from_nanos).collect()
        });
        Self { hosts, sizes }
    }

    fn get(&self, path_and_query: &str) -> Result<Request<Vec<u8>>, Error> {
        let uri = format!("{}{path_and_query}", self.hosts.rest);
        let request = Request::builder().method(Method::GET).uri(uri).body(Vec::new());
        request.map_err(|_| unsupported("host like this"))
    }
}

/// The venue's name of a product.
const fn category(product: Product) -> &'static str {
    match product {
        Product::Spot => "spot",
        Product::Perpetual => "linear",
    }
}

fn interval(size: BarSize) -> Option<&'static str> {
    let found = INTERVALS.iter().find(|(minutes, _)| minutes * MINUTE == size.nanos());
    found.map(|(_, name)| *name)
}

fn size_of(interval: &str) -> Option<BarSize> {
    let found = INTERVALS.iter().find(|(_, name)| *name == interval);
    found.and_then(|(minutes, _)| BarSize::from_nanos(minutes * MINUTE))
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { venue: VenueName::Bybit, what: what.into() }
}

fn unreadable(what: impl Into<String>) -> Error {
    Error::Unreadable { venue: VenueName::Bybit, what: what.into() }
}

/// The venue's words without control characters, cut to 200.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect()
}

const fn to_ms(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_IN_MS)
}

fn from_ms(ms: i64) -> Option<Timestamp> {
    ms.checked_mul(NANOS_IN_MS).map(Timestamp::from_nanos)
}

fn traded(roster: &Roster, id: InstrumentId) -> Result<&Traded, Error> {
    let found = usize::try_from(id.0).ok().and_then(|place| roster.at(place));
    found.ok_or(Error::Instrument { number: id.0, known: roster.all().len() })
}

/// A price that was paid; ticks were coarser or finer in the past, so the nearest one counts.
fn price(traded: &Traded, text: &str) -> Option<Price> {
    traded.price(text).or_else(|| traded.price_near(text))
}

/// A volume: lots were coarser or finer in the past too.
fn volume(traded: &Traded, text: &str) -> Option<Quantity> {
    traded.lots(text).or_else(|| traded.lots_near(text))
}

impl crate::Source for Source {
    fn venue(&self) -> VenueName {
        VenueName::Bybit
    }

    fn sizes(&self) -> &'static [BarSize] {
        self.sizes
    }

    fn request(&self, ask: &Ask, roster: &Roster) -> Result<Request<Vec<u8>>, Error> {
        match ask {
            Ask::Time => self.get("/v5/market/time"),
            Ask::Instruments(product, names) => {
                let category = category(*product);
                let path = format!("/v5/market/instruments-info?category={category}");
                match (names.as_slice(), product) {
                    ([one], _) if one.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                        self.get(&format!("{path}&symbol={one}"))
                    }
                    (_, Product::Spot) => self.get(&path),
                    (_, Product::Perpetual) => self.get(&format!("{path}&limit=1000")),
                }
            }
            Ask::Bars { instrument, size, from, to } => {
                let one = traded(roster, *instrument)?;
                let name = interval(*size).ok_or_else(|| unsupported(format!("bars of {size}")))?;
                // The venue lists newest first and cuts the oldest off.
                let page = from.nanos().saturating_add(size.nanos().saturating_mul(BARS_MAX));
                let end = to_ms(Timestamp::from_nanos(page.min(to.nanos()))).saturating_sub(1);
                self.get(&format!(
                    "/v5/market/kline?category={}&symbol={}&interval={name}&start={}&end={end}&limit={BARS_MAX}",
                    category(one.product), one.native, to_ms(*from)
                ))
            }
            Ask::Book(instrument, depth) => {
                let one = traded(roster, *instrument)?;
                let most = if one.product == Product::Spot { 200 } else { 500 };
                self.get(&format!(
                    "/v5/market/orderbook?category={}&symbol={}&limit={}",
                    category(one.product),
                    one.native,
                    (*depth).clamp(1, most)
                ))
            }
        }
    }

    fn answer(
        &self,
        ask: &Ask,
        response: &Response<Vec<u8>>,
        roster: &Roster,
    ) -> Result<crate::Told, Error> {
        let body = response.body();
        let head = head(response)?;
        match ask {
            Ask::Time => {
                let time = from_ms(head.time).filter(|time| time.nanos() > 0);
                time.map(crate::Told::Time).ok_or_else(|| unreadable("the time"))
            }
            Ask::Instruments(product, names) => {
                let rows: Page<'_, wire::InstrumentRow<'_>> = result(body)?;
                let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
                let found = rows.list.iter().filter(|row| wanted(&row.symbol));
                let traded: Vec<_> =
                    found.filter_map(|row| listing::traded(row, *product)).collect();
                // Of what stands on a further page nothing is known.
                let cut = rows.list.len() >= ROWS_MAX && !rows.next_page_cursor.is_empty();
                if cut && (names.is_empty() || traded.len() < names.len()) {
                    return Err(unsupported("list of all instruments on one page: name one"));
                }
                Ok(crate::Told::Instruments(traded))
            }
            Ask::Bars { instrument, size, from, to } => {
                let rows: Page<'_, KlineRow<'_>> = result(body)?;
                let one = traded(roster, *instrument)?;
                let mut bars = Vec::with_capacity(rows.list.len());
                for row in rows.list.iter().rev() {
                    let bar = bar(row, one).ok_or_else(|| unreadable("a bar"))?;
                    let open = bar.open_time;
                    let close = open.nanos().saturating_add(size.nanos());
                    let within = (from..to).contains(&&open);
                    if within && close <= head.time.saturating_mul(NANOS_IN_MS) {
                        bars.push((open, bar));
                    }
                }
                Ok(crate::Told::Bars(bars))
            }
            Ask::Book(instrument, _) => {
                let levels: Levels<'_> = result(body)?;
                let one = traded(roster, *instrument)?;
                let read = |side: &[[std::borrow::Cow<'_, str>; 2]]| {
                    side.iter().map(|level| book::level(level, one)).collect::<Option<Vec<_>>>()
                };
                let sides = read(&levels.b).zip(read(&levels.a));
                let (bids, asks) = sides.ok_or_else(|| unreadable("a level"))?;
                Ok(crate::Told::Book(BookLevels { sequence: levels.u, bids, asks }))
            }
        }
    }

    fn streams(&self, topics: &[Topic], roster: &Roster) -> Vec<Box<dyn PublicStream>> {
        stream::split(topics, &Arc::new(roster.clone()), &self.hosts.stream)
    }
}

fn result<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    let whole: Result<Whole<T>, _> = serde_json::from_slice(body);
    whole.map(|whole| whole.result).map_err(|_| unreadable("the result"))
}

/// The beginning of a successful answer.
fn head(response: &Response<Vec<u8>>) -> Result<Head<'_>, Error> {
    let venue = VenueName::Bybit;
    let headers = response.headers();
    let retry = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let busy = |seconds: u32| Error::Throttled { venue, seconds: retry.unwrap_or(seconds) };
    let status = response.status();
    // An address that asks too often is barred for ten minutes.
    if status == StatusCode::FORBIDDEN {
        return Err(busy(600));
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(busy(1));
    }
    let head: Head<'_> =
        serde_json::from_slice(response.body()).map_err(|_| unreadable("an answer"))?;
    match head.ret_code {
        0 => Ok(head),
        10006 | 10018 | 10429 | 429 | 10000 | 10016 => Err(busy(1)),
        code => Err(Error::Refused { venue, code, text: clean(&head.ret_msg) }),
    }
}

fn bar(row: &KlineRow<'_>, one: &Traded) -> Option<Bar> {
    let [start, open, high, low, close, size, ..] = row.as_slice() else { return None };
    Some(Bar {
        open_time: from_ms(start.parse().ok()?)?,
        open: price(one, open)?,
        high: price(one, high)?,
        low: price(one, low)?,
        close: price(one, close)?,
        volume: volume(one, size)?,
    })
}
