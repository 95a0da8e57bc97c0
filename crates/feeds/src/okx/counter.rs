//! The venue's end of public data.

use super::{
    DEPTH_MAX, kind, size_of,
    stream::{Arg, channel, topic},
    text::{Text, millis},
};
use crate::{Ask, BookLevels, Told, Topic, Wish};
use engine::{Data, MarketEvent};
use http::{Request, Response, header::CONTENT_TYPE};
use market::{Bar, Depth, Funding, Price, Product, Quantity, Roster, Side, Timestamp, Traded};
use portfolio::InstrumentId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Rows of a page of candles.
const PAGE: usize = 300;
/// From one payment of funding to the next.
const FUNDING_NANOS: i64 = 8 * 3_600 * 1_000_000_000;

/// What the books are, for whoever subscribes later, and the numbers of messages.
#[derive(Debug, Default)]
struct Shelf {
    books: BTreeMap<InstrumentId, Ladder>,
    /// The number of the latest message, over all books and trades.
    sequence: u64,
}

#[derive(Debug, Default)]
struct Ladder {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    /// The number of the latest message about this book.
    sequence: u64,
    time: Timestamp,
}

/// The venue's end.
#[derive(Debug, Default)]
pub struct Counter {
    shelf: Mutex<Shelf>,
}

impl Counter {
    /// With empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // A book that somebody panicked over is a book all the same.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn depth(&self, instrument: InstrumentId, depth: &Depth, traded: &Traded) -> Value {
        let mut state = self.shelf();
        state.sequence += 1;
        let sequence = state.sequence;
        let ladder = state.books.entry(instrument).or_default();
        let previous = std::mem::replace(&mut ladder.sequence, sequence);
        ladder.time = depth.time;
        let told = json!([level(traded, (depth.price, depth.size))]);
        let (levels, bids, asks) = match depth.side {
            Side::Buy => (&mut ladder.bids, told, json!([])),
            Side::Sell => (&mut ladder.asks, json!([]), told),
        };
        if depth.size == Quantity::ZERO {
            levels.remove(&depth.price);
        } else {
            levels.insert(depth.price, depth.size);
        }
        let data = json!({
            "asks": asks, "bids": bids, "ts": millis(depth.time).to_string(), "checksum": 0,
            "seqId": sequence, "prevSeqId": previous,
        });
        json!({ "action": "update", "data": [data] })
    }

    /// The whole book, as a subscriber hears it first.
    fn snapshot(&self, instrument: InstrumentId, traded: &Traded) -> Value {
        let state = self.shelf();
        let empty = Ladder::default();
        let ladder = state.books.get(&instrument).unwrap_or(&empty);
        let row = |(price, size): (&Price, &Quantity)| level(traded, (*price, *size));
        let bids: Vec<Value> = ladder.bids.iter().rev().map(row).collect();
        let asks: Vec<Value> = ladder.asks.iter().map(row).collect();
        let data = json!({
            "asks": asks, "bids": bids, "ts": millis(ladder.time).to_string(), "checksum": 0,
            "seqId": ladder.sequence, "prevSeqId": -1,
        });
        json!({ "action": "snapshot", "data": [data] })
    }

    fn number(&self) -> u64 {
        let mut state = self.shelf();
        state.sequence += 1;
        state.sequence
    }
}

fn level(traded: &Traded, (price, size): (Price, Quantity)) -> Value {
    json!([price_text(traded, price), size_text_of(traded, size), "0", "1"])
}

fn price_text(traded: &Traded, price: Price) -> String {
    let mut out = String::new();
    traded.push_price(price, &mut out);
    out
}

fn size_text_of(traded: &Traded, size: Quantity) -> String {
    let mut out = String::new();
    // A size that is no whole step of a contract cannot come from this venue's market.
    if traded.push_size(size, &mut out) { out } else { "0".to_owned() }
}

/// A success with these rows.
fn success(data: &Value) -> Response<Vec<u8>> {
    respond(200, &json!({ "code": "0", "msg": "", "data": data }))
}

fn refusal(status: u16, code: &str, words: &str) -> Box<Response<Vec<u8>>> {
    Box::new(respond(status, &json!({ "code": code, "msg": words, "data": [] })))
}

fn respond(status: u16, body: &Value) -> Response<Vec<u8>> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(body.to_string().into_bytes()).unwrap_or_default()
}

/// The parameters of a query.
struct Query<'a>(&'a str);

impl Query<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        let ms = self.get(name)?.parse::<i64>().ok()?;
        ms.checked_mul(1_000_000).map(Timestamp::from_nanos)
    }
}

type Asked = Result<Ask, Box<Response<Vec<u8>>>>;

fn instrument(query: &Query<'_>, roster: &Roster) -> Result<InstrumentId, Box<Response<Vec<u8>>>> {
    let name = query
        .get("instId")
        .ok_or_else(|| refusal(400, "50014", "Parameter instId can not be empty."))?;
    let words = "Instrument ID, Instrument ID code or Spread ID doesn't exist.";
    super::find(roster, name).map(|(id, _)| id).ok_or_else(|| refusal(200, "51001", words))
}

fn instruments(query: &Query<'_>) -> Asked {
    let names = query.get("instId").map(str::to_owned).into_iter().collect();
    match query.get("instType") {
        Some("SPOT") => Ok(Ask::Instruments(Product::Spot, names)),
        Some("SWAP") => Ok(Ask::Instruments(Product::Perpetual, names)),
        // There are none here.
        Some("FUTURES" | "OPTION" | "MARGIN" | "EVENTS") => Err(Box::new(success(&json!([])))),
        _ => Err(refusal(400, "51000", "Parameter instType error")),
    }
}

fn bars(query: &Query<'_>, roster: &Roster) -> Asked {
    let instrument = instrument(query, roster)?;
    let size = size_of(query.get("bar").unwrap_or("1m"));
    let size = size.ok_or_else(|| refusal(400, "51000", "Parameter bar error"))?;
    let behind = |time: Timestamp| time.plus_nanos(1_000_000).unwrap_or(time);
    Ok(Ask::Bars {
        instrument,
        size,
        from: query.moment("before").map_or(Timestamp::from_nanos(0), behind),
        to: query.moment("after").unwrap_or(Timestamp::from_nanos(i64::MAX)),
    })
}

impl crate::PublicCounter for Counter {
    fn asked(&self, request: &Request<Vec<u8>>, roster: &Roster) -> Option<Asked> {
        let query = Query(request.uri().query().unwrap_or(""));
        Some(match request.uri().path() {
            "/api/v5/public/time" => Ok(Ask::Time),
            "/api/v5/public/instruments" => instruments(&query),
            "/api/v5/market/candles" | "/api/v5/market/history-candles" => bars(&query, roster),
            "/api/v5/market/books" | "/api/v5/market/books-full" => {
                let depth = query.get("sz").and_then(|sz| sz.parse().ok()).unwrap_or(1);
                instrument(&query, roster).map(|id| Ask::Book(id, depth.clamp(1, DEPTH_MAX)))
            }
            // What a client library asks for besides, and can do without.
            path if path.starts_with("/api/v5/public/")
                || path.starts_with("/api/v5/market/")
                || path == "/api/v5/system/status" =>
            {
                Err(Box::new(success(&json!([]))))
            }
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
        let of = |id: InstrumentId| roster.at(id.index());
        match (ask, told) {
            (_, Told::Time(time)) => success(&json!([{ "ts": millis(*time).to_string() }])),
            (_, Told::Instruments(all)) => {
                success(&all.iter().map(instrument_row).collect::<Value>())
            }
            (Ask::Bars { instrument, .. }, Told::Bars(bars)) => {
                let Some(traded) = of(*instrument) else { return success(&json!([])) };
                let newest = bars.iter().rev().take(PAGE);
                success(&newest.map(|(_, bar)| bar_row(bar, traded)).collect::<Value>())
            }
            (Ask::Book(instrument, depth), Told::Book(levels)) => {
                let Some(traded) = of(*instrument) else { return success(&json!([])) };
                success(&json!([book_row(levels, *depth, traded, now)]))
            }
            _ => success(&json!([])),
        }
    }

    fn stream(&self, path_and_query: &str, _roster: &Roster) -> Option<Vec<Topic>> {
        let path = path_and_query.split('?').next().unwrap_or("");
        matches!(path, "/ws/v5/public" | "/ws/v5/business").then(Vec::new)
    }

    fn hear(&self, text: &str, roster: &Roster, send: &mut Vec<String>) -> Vec<(Topic, Wish)> {
        if text == "ping" {
            send.push("pong".to_owned());
            return Vec::new();
        }
        let Ok(wish) = serde_json::from_str::<Wished<'_>>(text) else {
            send.push(failed("60012", &format!("Invalid request: {text}")));
            return Vec::new();
        };
        let kind = match &*wish.op {
            "subscribe" => Wish::Subscribe,
            "unsubscribe" => Wish::Unsubscribe,
            // A login is the private end's, which shares a path with this one.
            _ => return Vec::new(),
        };
        let mut out = Vec::new();
        for arg in &wish.args {
            let Some(topic) = topic(&arg.channel, &arg.inst_id, roster) else {
                if !arg.inst_id.is_empty() {
                    let words = format!("channel:{},instId:{}", &*arg.channel, &*arg.inst_id);
                    send.push(failed("60018", &format!("Wrong URL or {words} doesn't exist.")));
                }
                continue;
            };
            let echo = json!({ "channel": &*arg.channel, "instId": &*arg.inst_id });
            let said = json!({ "event": &*wish.op, "arg": echo, "connId": "b0xb0xb0" });
            send.push(said.to_string());
            if let (Topic::Book(id), Wish::Subscribe) = (topic, kind) {
                let snapshot = roster.at(id.index()).map(|traded| self.snapshot(id, traded));
                send.extend(snapshot.and_then(|it| addressed(topic, it, roster)));
            }
            out.push((topic, kind));
        }
        out
    }

    fn tell(&self, event: &MarketEvent, roster: &Roster, send: &mut Vec<(Topic, String)>) {
        let instrument = event.instrument;
        let Some(traded) = roster.at(instrument.index()) else { return };
        let mut say = |topic: Topic, message: Value| {
            send.extend(addressed(topic, message, roster).map(|text| (topic, text)));
        };
        let data = |row: Value| json!({ "data": [row] });
        let ms = |time: Timestamp| millis(time).to_string();
        match &event.data {
            Data::Print(print) => {
                let side = if print.aggressor == Some(Side::Sell) { "sell" } else { "buy" };
                let number = self.number();
                say(
                    Topic::Trades(instrument),
                    data(json!({
                        "instId": traded.native.as_str(), "tradeId": number.to_string(),
                        "px": price_text(traded, print.price), "sz": size_text_of(traded, print.size),
                        "side": side, "ts": ms(print.time), "count": "1", "source": "0",
                        "seqId": number,
                    })),
                );
            }
            Data::Quote(quote) => say(
                Topic::Quotes(instrument),
                data(json!({
                    "asks": [level(traded, (quote.ask, quote.ask_size))],
                    "bids": [level(traded, (quote.bid, quote.bid_size))],
                    "ts": ms(quote.time), "seqId": self.number(),
                })),
            ),
            Data::Depth(depth) => {
                say(Topic::Book(instrument), self.depth(instrument, depth, traded));
            }
            Data::Bar(bar, size) => {
                say(Topic::Bars(instrument, *size), data(bar_row(bar, traded)));
            }
            Data::Funding(funding) => {
                for row in funding_rows(funding, traded) {
                    say(Topic::Funding(instrument), data(row));
                }
            }
            _ => {}
        }
    }
}

/// What a client wants to hear.
#[derive(Debug, Deserialize)]
struct Wished<'a> {
    #[serde(borrow, default)]
    op: Text<'a>,
    #[serde(borrow, default)]
    args: Vec<Arg<'a>>,
}

fn failed(code: &str, words: &str) -> String {
    json!({ "event": "error", "code": code, "msg": words, "connId": "b0xb0xb0" }).to_string()
}

/// A message with the channel that it is of.
fn addressed(of: Topic, mut message: Value, roster: &Roster) -> Option<String> {
    let (channel, native) = channel(of, roster)?;
    let arg = json!({ "channel": channel, "instId": native });
    message.as_object_mut()?.insert("arg".to_owned(), arg);
    Some(message.to_string())
}

/// A payment that is due, and the same once it is paid.
fn funding_rows(funding: &Funding, traded: &Traded) -> [Value; 2] {
    let later = |times: i64| {
        let nanos = FUNDING_NANOS.saturating_mul(times);
        millis(funding.time.plus_nanos(nanos).unwrap_or(funding.time)).to_string()
    };
    let rate = funding.rate.to_string();
    let row = |due: String, next: String, paid: &str, state: &str| {
        json!({
            "instId": traded.native.as_str(), "instType": "SWAP", "fundingRate": rate,
            "fundingTime": due, "nextFundingRate": "", "nextFundingTime": next,
            "method": "current_period", "settFundingRate": paid, "settState": state,
            "ts": millis(funding.time).to_string(),
        })
    };
    [row(later(0), later(1), "", "processing"), row(later(1), later(2), &rate, "settled")]
}

fn bar_row(bar: &Bar, traded: &Traded) -> Value {
    let price = |price| price_text(traded, price);
    let volume = size_text_of(traded, bar.volume);
    json!([
        millis(bar.open_time).to_string(),
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        volume,
        volume,
        volume,
        "1"
    ])
}

fn book_row(levels: &BookLevels, depth: u32, traded: &Traded, now: Timestamp) -> Value {
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let side = |levels: &[(Price, Quantity)]| -> Vec<Value> {
        levels.iter().take(depth).map(|one| level(traded, *one)).collect()
    };
    json!({
        "asks": side(&levels.asks), "bids": side(&levels.bids),
        "ts": millis(now).to_string(), "seqId": levels.sequence,
    })
}

/// An instrument as the venue lists it.
fn instrument_row(traded: &Traded) -> Value {
    let listing = &traded.listing;
    let size = |size: Quantity| size_text_of(traded, size);
    let step = i64::from(listing.price_step);
    let quote = listing.instrument.currency.as_str();
    let base = traded.base.as_str();
    let perpetual = traded.product == Product::Perpetual;
    let only = |when: bool, text: String| if when { text } else { String::new() };
    let family = only(perpetual, format!("{base}-{quote}"));
    json!({
        "instType": kind(traded.product), "instId": traded.native.as_str(),
        "instFamily": family, "uly": family,
        "baseCcy": only(!perpetual, base.to_owned()), "quoteCcy": only(!perpetual, quote.to_owned()),
        "settleCcy": only(perpetual, quote.to_owned()),
        "ctVal": only(perpetual, traded.contract.to_string()), "ctMult": only(perpetual, "1".to_owned()),
        "ctValCcy": only(perpetual, base.to_owned()), "ctType": only(perpetual, "linear".to_owned()),
        "tickSz": price_text(traded, Price(step)), "lotSz": size(Quantity(listing.size_step)),
        "minSz": size(listing.size_min), "maxLmtSz": size(listing.size_max),
        "maxMktSz": size(listing.size_max), "maxTwapSz": size(listing.size_max),
        "maxIcebergSz": size(listing.size_max), "maxTriggerSz": size(listing.size_max),
        "maxStopSz": size(listing.size_max), "maxLmtAmt": "", "maxMktAmt": "",
        "lever": only(perpetual, traded.leverage_max.to_string()),
        "state": if traded.trading { "live" } else { "suspend" },
        "alias": "", "category": "1", "expTime": "", "listTime": "1548133413000", "optType": "",
        "stk": "", "ruleType": "normal",
    })
}
