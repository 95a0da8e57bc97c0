//! The venue's end of public data.

use super::{
    clean, interval, json, millis, moment, size_of,
    stream::{stream_name, topic_of},
};
use crate::{Ask, BookLevels, PublicCounter, Told, Topic, Wish};
use engine::{Data, MarketEvent};
use http::{Request, Response};
use market::{Bar, Price, Product, Quantity, Roster, Settlement, Side, Timestamp, Traded};
use portfolio::InstrumentId;
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// Time between two payments of funding.
const FUNDING_MS: i64 = 8 * 3_600_000;
/// Names in one message or address.
const NAMES_MAX: usize = 1024;

/// The numbers that a venue gives its trades, quotes and books, by instrument.
#[derive(Debug, Default)]
struct Numbers {
    trades: BTreeMap<u32, u64>,
    quotes: BTreeMap<u32, u64>,
    books: BTreeMap<u32, u64>,
}

/// The next number of an instrument.
fn next(numbers: &mut BTreeMap<u32, u64>, id: InstrumentId) -> u64 {
    let number = numbers.entry(id.0).or_insert(0);
    *number = number.saturating_add(1);
    *number
}

/// The venue's end.
#[derive(Debug)]
pub struct Counter {
    product: Product,
    numbers: Mutex<Numbers>,
}

impl Counter {
    /// A counter where a name on a stream, which says no product, is one of this product.
    #[must_use]
    pub fn new(product: Product) -> Self {
        Self { product, numbers: Mutex::default() }
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn respond(status: u16, body: &Value) -> Response<Vec<u8>> {
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json;charset=UTF-8")
        .header("x-mbx-used-weight-1m", "1");
    response.body(body.to_string().into_bytes()).expect("plain headers and a known status")
}

fn refuse(code: i64, text: &str) -> Box<Response<Vec<u8>>> {
    Box::new(respond(400, &value!({ "code": code, "msg": text })))
}

type Asked = Result<Ask, Box<Response<Vec<u8>>>>;

/// A request's parameters.
struct Params(Vec<(String, String)>);

impl Params {
    fn of(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            (
                name.to_owned(),
                text.replace("%22", "\"")
                    .replace("%5B", "[")
                    .replace("%5D", "]")
                    .replace("%2C", ","),
            )
        };
        Self(pairs.take(NAMES_MAX).map(split).collect())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Box<Response<Vec<u8>>>> {
        let illegal = || {
            let text = format!(
                "Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            );
            refuse(-1100, &text)
        };
        self.text(name).map(|text| text.parse().map_err(|_| illegal())).transpose()
    }

    fn symbol(
        &self,
        product: Product,
        roster: &Roster,
    ) -> Result<InstrumentId, Box<Response<Vec<u8>>>> {
        let name = self.text("symbol").ok_or_else(|| {
            refuse(
                -1102,
                "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
            )
        })?;
        let found = roster.find(product, name).and_then(|(place, _)| u32::try_from(place).ok());
        found.map(InstrumentId).ok_or_else(|| refuse(-1121, "Invalid symbol."))
    }

    fn bars(&self, product: Product, roster: &Roster) -> Asked {
        let instrument = self.symbol(product, roster)?;
        let size = self.text("interval").and_then(size_of);
        let size = size.ok_or_else(|| refuse(-1120, "Invalid interval."))?;
        let time = |ms: i64| moment(ms).map_err(|_| refuse(-1102, "Invalid time."));
        let from = self.number("startTime")?.unwrap_or(0);
        let to = self.number("endTime")?.map_or(i64::MAX / 1_000_000, |end| end.saturating_add(1));
        Ok(Ask::Bars {
            instrument,
            size,
            from: time(from)?,
            to: time(to.min(i64::MAX / 1_000_000))?,
        })
    }

    fn names(&self) -> Vec<String> {
        let list = self.text("symbols").and_then(|text| serde_json::from_str(text).ok());
        let one = self.text("symbol").map(|name| vec![name.to_owned()]);
        list.or(one).unwrap_or_default()
    }
}

impl PublicCounter for Counter {
    /// Besides ours, what a client library asks for before it trades: a ping, and the lists of other
    /// products, which are empty here.
    fn asked(&self, request: &Request<Vec<u8>>, roster: &Roster) -> Option<Asked> {
        let path = request.uri().path();
        let (product, tail) = match (path.strip_prefix("/api/v3/"), path.strip_prefix("/fapi/v1/"))
        {
            (Some(tail), _) => (Product::Spot, tail),
            (_, Some(tail)) => (Product::Perpetual, tail),
            (None, None) if path.ends_with("/v1/exchangeInfo") => {
                return Some(Err(Box::new(respond(200, &value!({ "symbols": [] })))));
            }
            (None, None) => return None,
        };
        let params = Params::of(request.uri().query());
        Some(match tail {
            "time" => Ok(Ask::Time),
            "ping" => Err(Box::new(respond(200, &value!({})))),
            "exchangeInfo" => Ok(Ask::Instruments(product, params.names())),
            "klines" => params.bars(product, roster),
            "depth" => params.symbol(product, roster).and_then(|id| {
                let limit = params.number("limit")?.unwrap_or(100);
                let wrong = || refuse(-1130, "Data sent for parameter 'limit' is not valid.");
                Ok(Ask::Book(id, u32::try_from(limit).map_err(|_| wrong())?))
            }),
            _ => return None,
        })
    }

    fn respond(
        &self,
        ask: &Ask,
        told: &Told,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        let body = match (ask, told) {
            (_, Told::Time(time)) => value!({ "serverTime": millis(*time) }),
            (Ask::Instruments(product, _), Told::Instruments(all)) => {
                let symbols: Vec<Value> = all.iter().map(listed).collect();
                exchange_info(*product, &symbols, now)
            }
            (Ask::Bars { instrument, size, .. }, Told::Bars(bars)) => {
                let Some(one) = roster.at(instrument.index()) else {
                    return *refuse(-1121, "Invalid symbol.");
                };
                let span = size.nanos() / 1_000_000;
                Value::Array(bars.iter().map(|(_, bar)| row(one, bar, span)).collect())
            }
            (Ask::Book(instrument, levels), Told::Book(book)) => {
                let Some(one) = roster.at(instrument.index()) else {
                    return *refuse(-1121, "Invalid symbol.");
                };
                let sequence = *self.numbers().books.entry(instrument.0).or_insert(book.sequence);
                snapshot(one, book, sequence, *levels)
            }
            _ => {
                value!({ "code": -1000, "msg": "An unknown error occurred while processing the request." })
            }
        };
        let status = if body.get("code").is_some() { 500 } else { 200 };
        respond(status, &body)
    }

    fn stream(&self, path_and_query: &str, roster: &Roster) -> Option<Vec<Topic>> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let tail = ["/public", "/market"].into_iter().find_map(|door| path.strip_prefix(door));
        let product = if tail.is_some() { Product::Perpetual } else { self.product };
        let names = match tail.unwrap_or(path) {
            "/stream" => {
                query.split('&').find_map(|pair| pair.strip_prefix("streams=")).unwrap_or("")
            }
            "/ws" => "",
            other => other.strip_prefix("/ws/")?,
        };
        let names = names.split('/').filter(|name| !name.is_empty()).take(NAMES_MAX);
        Some(names.filter_map(|name| topic_of(name, product, roster)).collect())
    }

    fn hear(&self, text: &str, roster: &Roster, send: &mut Vec<String>) -> Vec<(Topic, Wish)> {
        #[derive(Deserialize)]
        struct Message {
            method: String,
            #[serde(default)]
            params: Vec<String>,
            #[serde(default)]
            id: Value,
        }
        let Ok(message) = json::<Message>(text) else {
            send.push(r#"{"error":{"code":3,"msg":"Invalid JSON: expected value"}}"#.to_owned());
            return Vec::new();
        };
        let wish = match message.method.as_str() {
            "SUBSCRIBE" => Wish::Subscribe,
            "UNSUBSCRIBE" => Wish::Unsubscribe,
            "LIST_SUBSCRIPTIONS" => {
                send.push(value!({ "result": [], "id": message.id }).to_string());
                return Vec::new();
            }
            other => {
                let text = format!("Invalid request: unknown variant {}", clean(other));
                let fault = value!({ "error": { "code": 2, "msg": text }, "id": message.id });
                send.push(fault.to_string());
                return Vec::new();
            }
        };
        send.push(value!({ "result": null, "id": message.id }).to_string());
        let names = message.params.iter().take(NAMES_MAX);
        let topics = names.filter_map(|name| topic_of(name, self.product, roster));
        topics.map(|topic| (topic, wish)).collect()
    }

    fn tell(&self, event: &MarketEvent, roster: &Roster, send: &mut Vec<(Topic, String)>) {
        let id = event.instrument;
        let Some(one) = roster.at(id.index()) else { return };
        for (topic, body) in self.messages(event, id, one) {
            if let Some(name) = stream_name(&topic, one) {
                send.push((topic, value!({ "stream": name, "data": body }).to_string()));
            }
        }
    }
}

impl Counter {
    fn messages(&self, event: &MarketEvent, id: InstrumentId, one: &Traded) -> Vec<(Topic, Value)> {
        let (ms, symbol) = (millis(event.time), one.native.as_str());
        let (at, sized) = (|price| price_text(one, price), |quantity| size_text(one, quantity));
        match &event.data {
            Data::Bar(bar, span) => {
                let Some(name) = interval(*span) else { return Vec::new() };
                let open = millis(bar.open_time);
                let k = value!({
                    "t": open, "T": ms - 1, "s": symbol, "i": name, "f": -1, "L": -1,
                    "o": at(bar.open), "c": at(bar.close), "h": at(bar.high), "l": at(bar.low),
                    "v": sized(bar.volume), "n": 0, "x": true, "q": "0", "V": "0", "Q": "0", "B": "0"
                });
                let body = value!({ "e": "kline", "E": ms, "s": symbol, "k": k });
                vec![(Topic::Bars(id, *span), body)]
            }
            Data::Print(print) => {
                let number = next(&mut self.numbers().trades, id);
                let maker = print.aggressor == Some(Side::Sell);
                let (key, name) = match one.product {
                    Product::Spot => ("t", "trade"),
                    Product::Perpetual => ("a", "aggTrade"),
                };
                let body = value!({
                    "e": name, "E": ms, "s": symbol, key: number, "p": at(print.price),
                    "q": sized(print.size), "T": millis(print.time), "m": maker
                });
                vec![(Topic::Trades(id), body)]
            }
            Data::Quote(quote) => {
                let number = next(&mut self.numbers().quotes, id);
                let mut body = value!({
                    "u": number, "s": symbol, "b": at(quote.bid), "B": sized(quote.bid_size),
                    "a": at(quote.ask), "A": sized(quote.ask_size)
                });
                if let (Product::Perpetual, Some(map)) = (one.product, body.as_object_mut()) {
                    map.insert("e".to_owned(), "bookTicker".into());
                    map.insert("E".to_owned(), ms.into());
                    map.insert("T".to_owned(), millis(quote.time).into());
                }
                vec![(Topic::Quotes(id), body)]
            }
            Data::Depth(depth) => {
                let number = next(&mut self.numbers().books, id);
                let level = value!([[at(depth.price), sized(depth.size)]]);
                let (bids, asks) = match depth.side {
                    Side::Buy => (level, value!([])),
                    Side::Sell => (value!([]), level),
                };
                let body = value!({
                    "e": "depthUpdate", "E": ms, "T": ms, "s": symbol, "U": number, "u": number,
                    "pu": number - 1, "b": bids, "a": asks
                });
                vec![(Topic::Book(id), body)]
            }
            Data::Funding(paid) => {
                // The venue says the next payment: this one is over once another is the next.
                let message = |next: i64| {
                    let mark = paid.mark.map_or_else(|| "0".to_owned(), at);
                    value!({
                        "e": "markPriceUpdate", "E": ms, "s": symbol, "p": mark, "i": mark, "P": mark,
                        "r": paid.rate.to_string(), "T": next
                    })
                };
                let due = millis(paid.time);
                let both = [message(due), message(due.saturating_add(FUNDING_MS))];
                both.map(|body| (Topic::Funding(id), body)).to_vec()
            }
            _ => Vec::new(),
        }
    }
}

fn price_text(one: &Traded, price: Price) -> String {
    let mut out = String::new();
    one.push_price(price, &mut out);
    out
}

/// The venue counts in coins: every lot is so many decimals of one.
fn size_text(one: &Traded, quantity: Quantity) -> String {
    let mut out = String::new();
    if one.push_size(quantity, &mut out) { out } else { "0".to_owned() }
}

fn row(one: &Traded, bar: &Bar, span_ms: i64) -> Value {
    let (open, at) = (millis(bar.open_time), |price| price_text(one, price));
    value!([
        open,
        at(bar.open),
        at(bar.high),
        at(bar.low),
        at(bar.close),
        size_text(one, bar.volume),
        open + span_ms - 1,
        "0",
        0,
        "0",
        "0",
        "0"
    ])
}

fn snapshot(one: &Traded, book: &BookLevels, sequence: u64, most: u32) -> Value {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let side = |levels: &[(Price, Quantity)]| -> Vec<Value> {
        let shown = levels.iter().take(most);
        shown
            .map(|(price, size)| value!([price_text(one, *price), size_text(one, *size)]))
            .collect()
    };
    value!({ "lastUpdateId": sequence, "bids": side(&book.bids), "asks": side(&book.asks) })
}

fn exchange_info(product: Product, symbols: &[Value], now: Timestamp) -> Value {
    let (weight, orders) = if product == Product::Spot { (6000, 100) } else { (2400, 300) };
    value!({
        "timezone": "UTC", "serverTime": millis(now), "exchangeFilters": [], "symbols": symbols,
        "rateLimits": [
            { "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight },
            { "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": orders }
        ]
    })
}

/// One unit of the last decimal, times so many.
fn step_text(scale: market::Scale, units: u64) -> String {
    scale.format(i64::try_from(units).unwrap_or(i64::MAX))
}

fn listed(one: &Traded) -> Value {
    let listing = &one.listing;
    let (prices, lots) = (listing.price_scale(), listing.instrument.lot_scale);
    let bounds = |name: &str| {
        value!({
            "filterType": name, "minQty": step_text(lots, listing.size_min.0),
            "maxQty": step_text(lots, listing.size_max.0), "stepSize": step_text(lots, listing.size_step)
        })
    };
    let tick = step_text(prices, u64::from(listing.price_step));
    let price = value!({
        "filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick
    });
    let (quote, least) = (listing.instrument.currency.as_str(), listing.notional_min.to_string());
    let notional = match one.product {
        Product::Spot => {
            value!({ "filterType": "NOTIONAL", "minNotional": least, "applyMinToMarket": true })
        }
        Product::Perpetual => value!({ "filterType": "MIN_NOTIONAL", "notional": least }),
    };
    let mut entry = value!({
        "symbol": one.native.as_str(), "status": if one.trading { "TRADING" } else { "BREAK" },
        "baseAsset": one.base.as_str(), "baseAssetPrecision": 8, "quoteAsset": quote,
        "quotePrecision": 8, "quoteAssetPrecision": 8,
        "filters": [price, bounds("LOT_SIZE"), bounds("MARKET_LOT_SIZE"), notional]
    });
    let own = if listing.settlement == Settlement::Margin {
        value!({
            "pair": one.native.as_str(), "contractType": "PERPETUAL", "marginAsset": quote,
            "deliveryDate": 4_133_404_800_000_i64, "onboardDate": 0,
            "pricePrecision": prices.decimals(), "quantityPrecision": lots.decimals(),
            "underlyingType": "COIN",
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"]
        })
    } else {
        value!({
            "isSpotTradingAllowed": true, "isMarginTradingAllowed": false, "icebergAllowed": true,
            "ocoAllowed": false, "cancelReplaceAllowed": true, "amendAllowed": true,
            "permissions": [], "permissionSets": [["SPOT"]],
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
        })
    };
    if let (Some(all), Some(more)) = (entry.as_object_mut(), own.as_object()) {
        all.extend(more.clone());
    }
    entry
}
