//! The venue's end of public data.

mod rows;
mod shown;

use super::{
    category, from_ms, size_of,
    stream::{name_of, topic_of},
    to_ms, traded,
    wire::Said,
};
use crate::{Ask, BookLevels, Told, Topic, Wish};
use engine::{Data, MarketEvent};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use market::{BarSize, Price, Product, Quantity, Roster, Side, Timestamp};
use portfolio::InstrumentId;
use rows::{bar, best, instrument, kline, level, merged, price, size};
use serde_json::{Value, json};
use shown::Shown;
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
            "tickers" => {
                let wanted = query.get("symbol");
                let list: Vec<_> = self.tickers(roster, wanted);
                let listed = category(self.product);
                Err(Box::new(success(&json!({ "category": listed, "list": list }), 0)))
            }
            _ => Err(Box::new(success(&json!({ "list": [] }), 0))),
        }
    }

    fn tickers(&self, roster: &Roster, wanted: Option<&str>) -> Vec<Value> {
        let shown = self.shown();
        let all = roster.all().iter().zip(0_u32..);
        let ours = all.filter(|(one, _)| {
            let named = wanted.is_none_or(|name| name == one.native.as_str());
            one.product == self.product && named
        });
        let none = Shown::default();
        let row = |(one, id)| shown.get(&InstrumentId(id)).unwrap_or(&none).ticker(one);
        ours.map(row).collect()
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
                let book = json!({ "topic": name, "type": "snapshot", "ts": 0, "data": self.shown().entry(*id).or_default().whole(one) });
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
                self.shown().entry(id).or_default().traded(print);
                let side = if print.aggressor == Some(Side::Sell) { "Sell" } else { "Buy" };
                let at = to_ms(print.time);
                let row = json!([{
                    "T": at, "s": one.native.as_str(), "S": side, "v": size(one, print.size),
                    "p": price(one, print.price), "L": "ZeroPlusTick", "i": at.to_string(), "BT": false,
                }]);
                push(Topic::Trades(id), "snapshot", ms, row);
            }
            Data::Quote(quote) => {
                self.shown().entry(id).or_default().quoted(quote);
                push(Topic::Quotes(id), "snapshot", ms, best(one, quote));
            }
            Data::Depth(depth) => {
                push(
                    Topic::Book(id),
                    "delta",
                    ms,
                    self.shown().entry(id).or_default().change(one, depth),
                );
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
