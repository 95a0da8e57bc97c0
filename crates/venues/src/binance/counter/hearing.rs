//! The venue's end of the private streams.

use super::{
    params::{in_time, is_signature},
    write::{
        Terms, algo_status, number, plain_status, price_text, reduces, signed_text, size_text,
    },
};
use crate::{
    Hearing, KeyRing,
    binance::{
        millis,
        names::{leg_name, side_name, told_name, type_name, waits},
    },
};
use engine::live::{
    Balance, FillReport, FundingReport, OrderReport, OrderState, PositionReport, Triggered,
    VenueId, Word,
};
use market::{Money, Product, Quantity, Roster, Timestamp, Traded};
use portfolio::Liquidity;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Orders that are remembered, so that a trade can be told with its order.
const ORDERS_MAX: usize = 10_000;

/// An order as it was told last, and what was told of its trades.
#[derive(Debug, Clone, Copy)]
struct Known {
    order: OrderReport,
    traded: u64,
}

/// What was told of orders.
#[derive(Debug, Default)]
struct Memory(BTreeMap<VenueId, Known>);

impl Memory {
    fn order(&mut self, order: &OrderReport) {
        let Some(id) = order.venue else { return };
        if self.0.len() >= ORDERS_MAX && !self.0.contains_key(&id) {
            self.0.pop_first();
        }
        let traded = self.0.get(&id).map_or(0, |known| known.traded);
        self.0.insert(id, Known { order: *order, traded });
    }

    /// The order of a trade, as it stands after it; one that was never told is as its trade says.
    fn after(&mut self, fill: &FillReport) -> OrderReport {
        let known = fill.venue.and_then(|id| self.0.get_mut(&id));
        let mut alone = Known { order: of_trade(fill), traded: 0 };
        let known = known.unwrap_or(&mut alone);
        known.traded = known.traded.saturating_add(fill.quantity.0);
        let order = &mut known.order;
        let filled = Quantity(known.traded.max(order.filled.unwrap_or_default().0));
        order.filled = Some(filled);
        if !order.state.is_final() {
            let is_whole = filled >= order.quantity;
            order.state = if is_whole { OrderState::Filled } else { OrderState::Working };
        }
        OrderReport { time: fill.time, ..*order }
    }
}

fn of_trade(fill: &FillReport) -> OrderReport {
    OrderReport {
        client: fill.client,
        venue: fill.venue,
        instrument: fill.instrument,
        side: fill.side,
        leg: fill.leg,
        kind: engine::order::OrderKind::Market,
        restrictions: engine::order::Restrictions::NONE,
        quantity: fill.quantity,
        filled: None,
        state: OrderState::Working,
        cause: fill.cause,
        time: fill.time,
    }
}

/// The venue's word for what happened, if nothing traded.
const fn execution(state: OrderState) -> &'static str {
    match state {
        OrderState::Waiting | OrderState::Triggered | OrderState::Working => "NEW",
        OrderState::Filled => "TRADE",
        OrderState::Cancelled => "CANCELED",
        OrderState::Expired => "EXPIRED",
        OrderState::Rejected => "REJECTED",
    }
}

/// What spot's `executionReport` and the futures' `ORDER_TRADE_UPDATE` share.
fn order_body(one: &Traded, order: &OrderReport, fill: Option<&FillReport>) -> Value {
    let terms = Terms::of(one, order);
    let client = order.client.or(fill.and_then(|fill| fill.client));
    let named = told_name(&OrderReport { client, ..*order });
    let text = |quantity: Option<Quantity>| size_text(one, quantity.unwrap_or_default());
    let mut body = json!({
        "s": one.native.as_str(), "c": named,
        "S": side_name(order.side), "o": type_name(one.product, order.kind, order.restrictions),
        "f": terms.tif, "q": size_text(one, order.quantity), "p": terms.price,
        "x": if fill.is_some() { "TRADE" } else { execution(order.state) },
        "X": plain_status(order), "i": number(order.venue), "l": text(fill.map(|fill| fill.quantity)),
        "z": text(order.filled), "L": fill.map_or("0".to_owned(), |f| price_text(one, f.price)),
        "n": fill.map_or("0".to_owned(), |f| f.fee.to_string()),
        "N": fill.and_then(|f| f.fee_currency).map(|asset| asset.to_string()),
        "T": millis(order.time), "t": fill.map_or(Value::from(-1), |f| number(Some(f.trade))),
        "m": fill.is_some_and(|fill| fill.liquidity == Liquidity::Maker)
    });
    let more = if one.product == Product::Spot {
        json!({
            "P": terms.trigger, "d": terms.delta, "F": "0", "g": -1, "C": "", "r": "NONE",
            "w": order.state != OrderState::Waiting, "O": millis(order.time), "Z": "0", "Y": "0", "Q": "0"
        })
    } else {
        json!({
            "sp": terms.trigger, "ap": "0", "R": reduces(order), "ps": leg_name(order.leg),
            "cp": false, "AP": terms.from, "cr": terms.rate, "wt": "CONTRACT_PRICE",
            "ot": type_name(one.product, order.kind, order.restrictions), "rp": "0", "V": "NONE", "gtd": 0
        })
    };
    if let (Some(map), Value::Object(more)) = (body.as_object_mut(), more) {
        map.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    body
}

fn algo_body(one: &Traded, order: &OrderReport, woke: Option<VenueId>) -> Value {
    let terms = Terms::of(one, order);
    let mut body = json!({
        "caid": order.client.map(|client| client.to_string()).unwrap_or_default(),
        "aid": number(order.venue), "at": "CONDITIONAL",
        "o": type_name(one.product, order.kind, order.restrictions), "s": one.native.as_str(),
        "S": side_name(order.side), "ps": leg_name(order.leg), "f": "GTC",
        "q": size_text(one, order.quantity), "X": algo_status(order.state),
        "ai": woke.map(|id| id.to_string()).unwrap_or_default(), "tp": terms.trigger, "p": terms.price,
        "cp": order.quantity == Quantity::ZERO, "R": reduces(order), "wt": "CONTRACT_PRICE", "tt": 0,
        "gtd": 0, "rm": ""
    });
    if let (Some(filled), Some(map)) = (order.filled, body.as_object_mut()) {
        map.insert("aq".to_owned(), size_text(one, filled).into());
    }
    body
}

/// The futures' user stream.
pub(super) struct Futures {
    account: usize,
    memory: Memory,
}

impl Futures {
    pub(super) fn boxed(account: usize) -> Box<dyn Hearing> {
        Box::new(Self { account, memory: Memory::default() })
    }

    fn position(position: &PositionReport, one: &Traded, ms: i64) -> Value {
        let entry = position.entry.map_or("0".to_owned(), |price| price_text(one, price));
        let held = json!({
            "s": one.native.as_str(), "pa": signed_text(one, position.lots), "ep": entry,
            "bep": entry, "cr": "0", "up": "0", "mt": "cross", "iw": "0",
            "ps": leg_name(position.leg)
        });
        let change = json!({ "m": "ORDER", "B": [], "P": [held] });
        json!({ "e": "ACCOUNT_UPDATE", "E": ms, "T": millis(position.time), "a": change })
    }

    fn balance(balance: &Balance, ms: i64) -> Value {
        let (total, free) = (balance.total.to_string(), balance.available.to_string());
        let wallet = json!({
            "a": balance.currency.as_str(), "wb": total, "cw": free, "bc": "0"
        });
        let change = json!({ "m": "ORDER", "B": [wallet], "P": [] });
        json!({ "e": "ACCOUNT_UPDATE", "E": ms, "T": ms, "a": change })
    }

    /// As for a crossed position: the coin and the change, and no position. What the wallet holds then
    /// is told by the balance behind it.
    fn funding(paid: &FundingReport, ms: i64) -> Value {
        let wallet = json!({ "a": paid.currency.as_str(), "bc": paid.amount.to_string() });
        let change = json!({ "m": "FUNDING_FEE", "B": [wallet], "P": [] });
        json!({ "e": "ACCOUNT_UPDATE", "E": ms, "T": millis(paid.time), "a": change })
    }

    fn message(&mut self, word: &Word, roster: &Roster, ms: i64) -> Option<Value> {
        let update = |order: &OrderReport, body: Value| json!({ "e": "ORDER_TRADE_UPDATE", "E": ms, "T": millis(order.time), "o": body });
        let algo = |order: &OrderReport, woke: Option<VenueId>| {
            let body = algo_body(roster.at(order.instrument.index())?, order, woke);
            Some(json!({ "e": "ALGO_UPDATE", "E": ms, "T": millis(order.time), "o": body }))
        };
        match word {
            Word::Order(order) => {
                self.memory.order(order);
                if waits(order.kind) {
                    return algo(order, None);
                }
                let one = roster.at(order.instrument.index())?;
                Some(update(order, order_body(one, order, None)))
            }
            Word::Fill(fill) => {
                let order = self.memory.after(fill);
                let one = roster.at(fill.instrument.index())?;
                Some(update(&order, order_body(one, &order, Some(fill))))
            }
            Word::Triggered(Triggered { waiting, venue, .. }) => {
                let known = self.memory.0.get(waiting.as_ref()?)?;
                algo(&OrderReport { state: OrderState::Triggered, ..known.order }, Some(*venue))
            }
            Word::Position(position) => {
                let one = roster.at(position.instrument.index())?;
                Some(Self::position(position, one, ms))
            }
            Word::Balance(balance) => Some(Self::balance(balance, ms)),
            Word::Funding(paid) => Some(Self::funding(paid, ms)),
            Word::Ending => Some(json!({ "e": "listenKeyExpired", "E": ms, "listenKey": "" })),
            Word::Ready | Word::Gap | Word::Funded => None,
        }
    }
}

/// A message of a client.
#[derive(Deserialize)]
struct Message {
    method: String,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    id: Value,
}

impl Hearing for Futures {
    fn account(&self) -> Option<usize> {
        Some(self.account)
    }

    fn hear(&mut self, text: &str, _: &KeyRing, _: Timestamp, send: &mut Vec<String>) {
        let answer = match serde_json::from_str::<Message>(text) {
            Err(_) => json!({ "error": { "code": 3, "msg": "Invalid JSON" } }),
            Ok(message) => match message.method.as_str() {
                "LIST_SUBSCRIPTIONS" => json!({ "result": [], "id": message.id }),
                "SUBSCRIBE" | "UNSUBSCRIBE" => json!({ "result": null, "id": message.id }),
                _ => json!({ "error": { "code": 2, "msg": "Invalid request" }, "id": message.id }),
            },
        };
        send.push(answer.to_string());
    }

    fn tell(&mut self, word: &Word, roster: &Roster, now: Timestamp, send: &mut Vec<String>) {
        send.extend(self.message(word, roster, millis(now)).map(|message| message.to_string()));
    }
}

/// A connection of spot's WebSocket API with at most one subscription.
pub(super) struct Spot {
    account: Option<usize>,
    memory: Memory,
}

impl Spot {
    pub(super) fn boxed() -> Box<dyn Hearing> {
        Box::new(Self { account: None, memory: Memory::default() })
    }

    fn message(&mut self, word: &Word, roster: &Roster, ms: i64) -> Option<Value> {
        let report = |one: &Traded, order: &OrderReport, fill: Option<&FillReport>| {
            let mut body = order_body(one, order, fill);
            if let Some(map) = body.as_object_mut() {
                map.insert("e".to_owned(), "executionReport".into());
                map.insert("E".to_owned(), ms.into());
            }
            body
        };
        Some(match word {
            Word::Order(order) => {
                self.memory.order(order);
                report(roster.at(order.instrument.index())?, order, None)
            }
            Word::Fill(fill) => {
                let order = self.memory.after(fill);
                report(roster.at(fill.instrument.index())?, &order, Some(fill))
            }
            Word::Balance(balance) => {
                let locked = balance.total.minus(balance.available).unwrap_or(Money::ZERO);
                let held = json!({
                    "a": balance.currency.as_str(), "f": balance.available.to_string(),
                    "l": locked.to_string()
                });
                json!({ "e": "outboundAccountPosition", "E": ms, "u": ms, "B": [held] })
            }
            Word::Ending => json!({ "e": "eventStreamTerminated", "E": ms }),
            Word::Triggered(_)
            | Word::Position(_)
            | Word::Funding(_)
            | Word::Funded
            | Word::Ready
            | Word::Gap => return None,
        })
    }

    /// Whose subscription it is, or the venue's code and words against it.
    fn subscribe(
        params: &Value,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<usize, (u16, i64, &'static str)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let all = params.as_object().ok_or((
            400,
            -1102,
            "Mandatory parameter 'apiKey' was not sent, was empty/null, or malformed.",
        ))?;
        let key = all.get("apiKey").and_then(Value::as_str).unwrap_or("");
        let unknown = (401, -2015, "Invalid API-key, IP, or permissions for action.");
        let account = keys.accounts.iter().position(|keys| keys.key == key).ok_or(unknown)?;
        let number = |name: &str| all.get(name).and_then(|value| text(value).parse::<i64>().ok());
        let missing = (
            400,
            -1102,
            "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
        );
        let sent = number("timestamp").ok_or(missing)?;
        let window = number("recvWindow").unwrap_or(5000);
        in_time(sent, window, now).map_err(|words| (400, -1021, words))?;
        // The payload is in the order of the names.
        let mut pairs: Vec<(&String, String)> = all
            .iter()
            .filter(|(name, _)| *name != "signature")
            .map(|(name, value)| (name, text(value)))
            .collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let signature = all.get("signature").and_then(Value::as_str).unwrap_or("");
        let wrong = (400, -1022, "Signature for this request is not valid.");
        let secret = &keys.accounts.get(account).ok_or(unknown)?.secret;
        if is_signature(secret, &pairs.join("&"), signature) { Ok(account) } else { Err(wrong) }
    }
}

impl Hearing for Spot {
    fn account(&self) -> Option<usize> {
        self.account
    }

    fn hear(&mut self, text: &str, keys: &KeyRing, now: Timestamp, send: &mut Vec<String>) {
        let fault = |status: u16, code: i64, text: &str, id: &Value| json!({ "id": id, "status": status, "error": { "code": code, "msg": text } });
        let answer = match serde_json::from_str::<Message>(text) {
            Err(_) => fault(400, -1135, "Invalid JSON Request", &Value::Null),
            Ok(Message { method, params, id }) => match method.as_str() {
                "userDataStream.subscribe.signature" => match Self::subscribe(&params, keys, now) {
                    Ok(account) => {
                        self.account = Some(account);
                        json!({ "id": id, "status": 200, "result": { "subscriptionId": 0 } })
                    }
                    Err((status, code, text)) => fault(status, code, text, &id),
                },
                "userDataStream.unsubscribe" => {
                    self.account = None;
                    json!({ "id": id, "status": 200, "result": {} })
                }
                "ping" => json!({ "id": id, "status": 200, "result": {} }),
                _ => fault(400, -1020, "This operation is not supported.", &id),
            },
        };
        send.push(answer.to_string());
    }

    fn tell(&mut self, word: &Word, roster: &Roster, now: Timestamp, send: &mut Vec<String>) {
        if self.account.is_none() {
            return;
        }
        let message = self.message(word, roster, millis(now));
        let wrapped = message.map(|event| json!({ "subscriptionId": 0, "event": event }));
        send.extend(wrapped.map(|message| message.to_string()));
    }
}
