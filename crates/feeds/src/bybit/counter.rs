//! The venue's end of public data.

use super::{
    category, from_ms, interval, size_of,
    stream::{name_of, topic_of},
    to_ms, traded,
    wire::Said,
};
use crate::{Ask, BookLevels, Told, Topic, Wish};
use engine::{Data, MarketEvent};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use market::{
    Bar, BarSize, Depth, Money, Price, Product, Quantity, Quote, Roster, Scale, Side, Timestamp,
    Traded,
};
use portfolio::InstrumentId;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Between two payments of funding.
const FUNDING_MS: i64 = 8 * 3_600_000;
const CONNECTION: &str = "box-public";

/// The box's end of one product: topics do not say of which product they are.
#[derive(Debug)]
pub struct Counter {
    product: Product,
    shown: Mutex<BTreeMap<InstrumentId, Shown>>,
}

/// A book as it was told, and the number of what was told last.
#[derive(Debug, Default)]
struct Shown {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    update: u64,
}

impl Counter {
    /// For this product.
    #[must_use]
    pub const fn new(product: Product) -> Self {
        Self { product, shown: Mutex::new(BTreeMap::new()) }
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<InstrumentId, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, path: &str, query: &Query<'_>, roster: &Roster) -> Result<Ask, Own> {
        if path == "time" {
            return Ok(Ask::Time);
        }
        let is_ours = query.get("category") == Some(category(self.product));
        let next = query.get("cursor").is_some_and(|cursor| !cursor.is_empty());
        let waits = query.get("status").is_some_and(|status| status != "Trading");
        if !is_ours || next || waits {
            return Err(Box::new(success(&json!({ "list": [] }), 0)));
        }
        let bad = |text: &str| Box::new(envelope(10001, text, &json!({}), 0));
        let instrument = || {
            let found = query.get("symbol").and_then(|name| roster.find(self.product, name));
            let number = found.and_then(|(place, _)| u32::try_from(place).ok());
            number.map(InstrumentId).ok_or_else(|| bad("params error: Symbol Invalid"))
        };
        let time = |name: &str| query.get(name).and_then(|text| text.parse().ok());
        match path {
            "instruments-info" => {
                let names = query.get("symbol").map(str::to_owned).into_iter().collect();
                Ok(Ask::Instruments(self.product, names))
            }
            "kline" => {
                let size = query.get("interval").and_then(size_of);
                let size = size.ok_or_else(|| bad("params error: interval invalid"))?;
                let limit = time("limit").unwrap_or(200).clamp(1, 1000);
                let (from, to) = span(size, limit, time("start"), time("end"))
                    .ok_or_else(|| bad("params error: start or end invalid"))?;
                Ok(Ask::Bars { instrument: instrument()?, size, from, to })
            }
            "orderbook" => {
                let depth = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(25);
                Ok(Ask::Book(instrument()?, depth))
            }
            _ => Err(Box::new(success(&json!({ "list": [] }), 0))),
        }
    }

    /// A change of a book, as the venue numbers it.
    fn change(&self, id: InstrumentId, one: &Traded, depth: &Depth) -> Value {
        let mut shown = self.shown();
        let book = shown.entry(id).or_default();
        book.update += 1;
        let side = if depth.side == Side::Buy { &mut book.bids } else { &mut book.asks };
        if depth.size == Quantity::ZERO {
            side.remove(&depth.price);
        } else {
            side.insert(depth.price, depth.size);
        }
        let level = json!([level(one, depth.price, depth.size)]);
        let (bids, asks) =
            if depth.side == Side::Buy { (level, json!([])) } else { (json!([]), level) };
        // The number 1 would be taken for a restart.
        json!({ "s": one.native.as_str(), "b": bids, "a": asks, "u": book.update + 1, "seq": book.update })
    }

    /// The whole book.
    fn whole(&self, id: InstrumentId, one: &Traded) -> Value {
        let mut shown = self.shown();
        let book = shown.entry(id).or_default();
        let row = |(price, size): (&Price, &Quantity)| level(one, *price, *size);
        let bids: Vec<_> = book.bids.iter().rev().map(row).collect();
        let asks: Vec<_> = book.asks.iter().map(row).collect();
        json!({ "s": one.native.as_str(), "b": bids, "a": asks, "u": book.update + 1, "seq": book.update })
    }
}

type Own = Box<Response<Vec<u8>>>;

/// The span of a page of bars, as a client gives its bounds; both belong to it.
fn span(
    size: BarSize,
    limit: i64,
    start: Option<i64>,
    end: Option<i64>,
) -> Option<(Timestamp, Timestamp)> {
    let page = size.nanos() / 1_000_000 * limit;
    let (first, last) = match (start, end) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, start.checked_add(page)?),
        (None, Some(end)) => (end.checked_sub(page)?, end),
        (None, None) => (0, i64::MAX / 2_000_000),
    };
    Some((from_ms(first)?, from_ms(last.checked_add(1)?)?))
}

/// Parameters of a query; the public ones need no escapes.
struct Query<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Query<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.split('&').filter_map(|pair| pair.split_once('=')).collect())
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }
}

fn envelope(code: i64, text: &str, result: &Value, time: i64) -> Response<Vec<u8>> {
    let body = json!({
        "retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": time,
    });
    let mut response = Response::new(body.to_string().into_bytes());
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn success(result: &Value, time: i64) -> Response<Vec<u8>> {
    envelope(0, "OK", result, time)
}

fn price(one: &Traded, price: Price) -> String {
    let mut out = String::new();
    one.push_price(price, &mut out);
    out
}

fn size(one: &Traded, lots: Quantity) -> String {
    let mut out = String::new();
    if !one.push_size(lots, &mut out) {
        out = units(one.listing.instrument.lot_scale, lots.0);
    }
    out
}

fn units(scale: Scale, units: u64) -> String {
    i64::try_from(units).map_or_else(|_| i64::MAX.to_string(), |units| scale.format(units))
}

fn level(one: &Traded, at: Price, lots: Quantity) -> Value {
    json!([price(one, at), size(one, lots)])
}

fn amount(money: Money) -> String {
    let text = money.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An instrument in the venue's words.
fn instrument(one: &Traded) -> Value {
    let listing = &one.listing;
    let lots = |lots: Quantity| units(listing.instrument.lot_scale, lots.0);
    let tick = listing.price_scale().format(i64::from(listing.price_step));
    let step = units(listing.instrument.lot_scale, listing.size_step);
    let (least, most) = (lots(listing.size_min), lots(listing.size_max));
    let notional = amount(listing.notional_min);
    let quote = listing.instrument.currency;
    let common = json!({
        "symbol": one.native.as_str(), "status": if one.trading { "Trading" } else { "Closed" },
        "baseCoin": one.base.as_str(), "quoteCoin": quote.as_str(),
    });
    let own = match one.product {
        Product::Spot => json!({
            "innovation": "0", "marginTrading": "none", "stTag": "0", "symbolType": "",
            "priceFilter": { "tickSize": tick },
            "lotSizeFilter": {
                "basePrecision": step, "quotePrecision": "0.00000001", "minOrderQty": least,
                "maxOrderQty": most, "minOrderAmt": notional, "maxOrderAmt": "",
                "maxLimitOrderQty": most, "maxMarketOrderQty": most,
            },
        }),
        Product::Perpetual => json!({
            "contractType": "LinearPerpetual", "settleCoin": quote.as_str(),
            "launchTime": "1585526400000", "deliveryTime": "0", "deliveryFeeRate": "",
            "priceScale": listing.price_scale().decimals().to_string(),
            "leverageFilter": {
                "minLeverage": "1", "maxLeverage": one.leverage_max.to_string(), "leverageStep": "0.01",
            },
            "priceFilter": { "minPrice": tick, "maxPrice": "", "tickSize": tick },
            "lotSizeFilter": {
                "maxOrderQty": most, "minOrderQty": least, "qtyStep": step, "maxMktOrderQty": most,
                "postOnlyMaxOrderQty": most, "minNotionalValue": notional,
            },
            "unifiedMarginTrade": true, "fundingInterval": 480, "copyTrading": "none",
            "isPreListing": false,
        }),
    };
    merged(common, own)
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut one, other) {
        all.extend(more);
    }
    one
}

fn bar(one: &Traded, bar: &Bar) -> Value {
    let at = |at: Price| price(one, at);
    json!([
        to_ms(bar.open_time).to_string(),
        at(bar.open),
        at(bar.high),
        at(bar.low),
        at(bar.close),
        size(one, bar.volume),
        "0",
    ])
}

impl crate::PublicCounter for Counter {
    fn asked(&self, request: &Request<Vec<u8>>, roster: &Roster) -> Option<Result<Ask, Own>> {
        let path = request.uri().path().strip_prefix("/v5/market/")?;
        Some(self.read(path, &Query::of(request.uri().query().unwrap_or("")), roster))
    }

    fn respond(
        &self,
        ask: &Ask,
        told: &Told,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        let one = match ask {
            Ask::Bars { instrument, .. } | Ask::Book(instrument, _) => {
                traded(roster, *instrument).ok()
            }
            Ask::Time | Ask::Instruments(..) => None,
        };
        let (name, listed) = (one.map_or("", |one| one.native.as_str()), category(self.product));
        match told {
            Told::Time(time) => {
                let ms = to_ms(*time);
                let second = (ms / 1000).to_string();
                let nano = time.nanos().to_string();
                success(&json!({ "timeSecond": second, "timeNano": nano }), ms)
            }
            Told::Instruments(all) => {
                let rows: Vec<_> = all.iter().map(instrument).collect();
                let list = json!({ "category": listed, "list": rows, "nextPageCursor": "" });
                success(&list, to_ms(now))
            }
            Told::Bars(bars) => {
                let rows = one.map(|one| bars.iter().rev().map(|(_, one_bar)| bar(one, one_bar)));
                let rows: Vec<_> = rows.into_iter().flatten().collect();
                let list = json!({ "category": listed, "symbol": name, "list": rows });
                success(&list, to_ms(now))
            }
            Told::Book(BookLevels { sequence, bids, asks }) => {
                let side = |side: &[(Price, Quantity)]| -> Vec<Value> {
                    let rows = one.map(|one| side.iter().map(|(at, lots)| level(one, *at, *lots)));
                    rows.into_iter().flatten().collect()
                };
                let book = json!({
                    "s": name, "b": side(bids), "a": side(asks), "ts": to_ms(now), "u": sequence,
                    "seq": sequence, "cts": to_ms(now),
                });
                success(&book, to_ms(now))
            }
        }
    }

    fn stream(&self, path_and_query: &str, _: &Roster) -> Option<Vec<Topic>> {
        let path = path_and_query.split('?').next().unwrap_or(path_and_query);
        let ours = format!("/v5/public/{}", category(self.product));
        (path == ours).then(Vec::new)
    }

    fn hear(&self, text: &str, roster: &Roster, send: &mut Vec<String>) -> Vec<(Topic, Wish)> {
        let reply = |op: &str, id: &str, wrong: Option<String>| {
            json!({
                "success": wrong.is_none(), "ret_msg": wrong.unwrap_or_default(), "op": op,
                "req_id": id, "conn_id": CONNECTION,
            })
            .to_string()
        };
        let Ok(said) = serde_json::from_str::<Said<'_>>(text) else {
            send.push(reply("", "", Some("Params Error".to_owned())));
            return Vec::new();
        };
        let wish = match &*said.op {
            "subscribe" => Wish::Subscribe,
            "unsubscribe" => Wish::Unsubscribe,
            "ping" => {
                let pong = json!({
                    "success": true, "ret_msg": "pong", "op": "ping", "req_id": said.req_id,
                    "conn_id": CONNECTION,
                });
                send.push(pong.to_string());
                return Vec::new();
            }
            _ => {
                send.push(reply(&said.op, &said.req_id, Some("op type is not found".to_owned())));
                return Vec::new();
            }
        };
        let mut topics = Vec::with_capacity(said.args.len());
        for name in &said.args {
            let Some(topic) = topic_of(name, self.product, roster) else {
                let wrong = Some(format!("Invalid topic: {}", super::clean(name)));
                send.push(reply(&said.op, &said.req_id, wrong));
                return Vec::new();
            };
            topics.push((topic, wish));
        }
        send.push(reply(&said.op, &said.req_id, None));
        for (topic, wish) in &topics {
            if let (Topic::Book(id), Wish::Subscribe) = (topic, wish)
                && let (Ok(one), Some((_, name))) = (traded(roster, *id), name_of(*topic, roster))
            {
                let book = json!({ "topic": name, "type": "snapshot", "ts": 0, "data": self.whole(*id, one) });
                send.push(book.to_string());
            }
        }
        topics
    }

    fn tell(&self, event: &MarketEvent, roster: &Roster, send: &mut Vec<(Topic, String)>) {
        let id = event.instrument;
        let Ok(one) = traded(roster, id) else { return };
        if one.product != self.product {
            return;
        }
        let mut push = |topic: Topic, kind: &str, ms: i64, data: Value| {
            if let Some((_, name)) = name_of(topic, roster) {
                let text =
                    json!({ "topic": name, "type": kind, "ts": ms, "cts": ms, "data": data });
                send.push((topic, text.to_string()));
            }
        };
        let ms = to_ms(event.time);
        match &event.data {
            Data::Bar(bar, size) => {
                push(Topic::Bars(id, *size), "snapshot", ms, kline(one, bar, *size));
            }
            Data::Print(print) => {
                let side = if print.aggressor == Some(Side::Sell) { "Sell" } else { "Buy" };
                let at = to_ms(print.time);
                let row = json!([{
                    "T": at, "s": one.native.as_str(), "S": side, "v": size(one, print.size),
                    "p": price(one, print.price), "L": "ZeroPlusTick", "i": at.to_string(), "BT": false,
                }]);
                push(Topic::Trades(id), "snapshot", ms, row);
            }
            Data::Quote(quote) => push(Topic::Quotes(id), "snapshot", ms, best(one, quote)),
            Data::Depth(depth) => {
                push(Topic::Book(id), "delta", ms, self.change(id, one, depth));
            }
            Data::Funding(funding) => {
                let due = to_ms(funding.time);
                let mut row = json!({
                    "symbol": one.native.as_str(), "fundingRate": funding.rate.to_string(),
                    "nextFundingTime": due.to_string(), "fundingIntervalHour": "8",
                });
                if let Some(mark) = funding.mark {
                    row = merged(row, json!({ "markPrice": price(one, mark) }));
                }
                push(Topic::Funding(id), "snapshot", ms, row);
                let next = due.saturating_add(FUNDING_MS).to_string();
                push(Topic::Funding(id), "delta", ms, json!({ "nextFundingTime": next }));
            }
            Data::Status(_)
            | Data::Split { .. }
            | Data::Dividend { .. }
            | Data::Conversion { .. } => {}
        }
    }
}

fn kline(one: &Traded, bar: &Bar, size_of_bar: BarSize) -> Value {
    let start = to_ms(bar.open_time);
    let end = start.saturating_add(size_of_bar.nanos() / 1_000_000).saturating_sub(1);
    json!([{
        "start": start, "end": end, "interval": interval(size_of_bar).unwrap_or(""),
        "open": price(one, bar.open), "close": price(one, bar.close), "high": price(one, bar.high),
        "low": price(one, bar.low), "volume": size(one, bar.volume), "turnover": "0",
        "confirm": true, "timestamp": end,
    }])
}

fn best(one: &Traded, quote: &Quote) -> Value {
    let number = to_ms(quote.time).max(2);
    json!({
        "s": one.native.as_str(), "b": [level(one, quote.bid, quote.bid_size)],
        "a": [level(one, quote.ask, quote.ask_size)], "u": number, "seq": number,
    })
}
