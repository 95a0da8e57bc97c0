//! The venue's end of a private stream.

use super::{logged_in, told};
use crate::{Hearing, KeyRing, text::Text};
use engine::live::{FillReport, OrderReport, OrderState, Triggered, VenueId, Word};
use market::{Quantity, Roster, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Private,
    Business,
}

impl Line {
    const fn channels(self) -> &'static [&'static str] {
        match self {
            Self::Private => &["orders", "account", "positions", "balance_and_position"],
            Self::Business => &["orders-algo", "algo-advance"],
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Socket {
    line: Line,
    account: Option<usize>,
    channels: BTreeSet<String>,
    /// Orders that work, as they were told last: a trade is told with its order.
    orders: BTreeMap<VenueId, OrderReport>,
    /// Orders that others became, by the number of the new one.
    woken: BTreeMap<VenueId, Triggered>,
}

/// What a client sends.
#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    op: Text<'a>,
    #[serde(borrow, default)]
    args: Vec<Login<'a>>,
}

/// A login, or a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Login<'a> {
    #[serde(borrow)]
    pub api_key: Text<'a>,
    #[serde(borrow)]
    pub passphrase: Text<'a>,
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    #[serde(borrow)]
    pub sign: Text<'a>,
    #[serde(borrow)]
    channel: Text<'a>,
    #[serde(borrow)]
    inst_type: Text<'a>,
}

fn failed(code: &str, words: &str) -> String {
    json!({ "event": "error", "code": code, "msg": words, "connId": "b0xb0xb0" }).to_string()
}

impl Socket {
    pub(super) const fn new(line: Line) -> Self {
        Self {
            line,
            account: None,
            channels: BTreeSet::new(),
            orders: BTreeMap::new(),
            woken: BTreeMap::new(),
        }
    }

    fn login(&mut self, login: &Login<'_>, keys: &KeyRing, now: Timestamp) -> String {
        match logged_in(login, keys, now) {
            Ok(account) => {
                self.account = Some(account);
                json!({ "event": "login", "code": "0", "msg": "", "connId": "b0xb0xb0" })
                    .to_string()
            }
            Err((_, code, words)) => failed(code, words),
        }
    }

    fn subscribe(&mut self, op: &str, wanted: &Login<'_>, send: &mut Vec<String>) {
        let channel = &*wanted.channel;
        if !self.line.channels().contains(&channel) {
            // Candles share a path with orders that wait: the public end answers for them.
            if self.line == Line::Private {
                let words = format!("Wrong URL or channel:{channel} doesn't exist.");
                send.push(failed("60018", &words));
            }
            return;
        }
        if self.account.is_none() {
            send.push(failed("60011", "Please log in"));
            return;
        }
        if op == "subscribe" {
            self.channels.insert(channel.to_owned());
        } else {
            self.channels.remove(channel);
        }
        let mut arg = json!({ "channel": channel });
        if let (Some(arg), Some(kind)) = (arg.as_object_mut(), wanted.inst_type.some()) {
            arg.insert("instType".to_owned(), json!(kind));
        }
        send.push(json!({ "event": op, "arg": arg, "connId": "b0xb0xb0" }).to_string());
    }

    fn push(&self, channel: &str, row: &Value, send: &mut Vec<String>) {
        if self.channels.contains(channel) {
            let kind = row.get("instType").cloned().unwrap_or(Value::Null);
            let arg = json!({ "channel": channel, "instType": kind, "uid": "1" });
            send.push(json!({ "arg": arg, "data": [row] }).to_string());
        }
    }

    fn order(&mut self, it: &OrderReport, roster: &Roster, send: &mut Vec<String>) {
        let Some(traded) = roster.at(it.instrument.index()) else { return };
        if let Some(venue) = it.venue {
            if it.state.is_final() {
                self.orders.remove(&venue);
            } else {
                self.orders.insert(venue, *it);
            }
        }
        if told::waits(it.kind) {
            let trails = it.kind.trigger().is_none();
            let channel = if trails { "algo-advance" } else { "orders-algo" };
            self.push(channel, &told::algo(it, traded, None), send);
            return;
        }
        let woke = it.venue.and_then(|venue| self.woken.get(&venue));
        self.push("orders", &told::order(it, traded, woke), send);
        if let Some(venue) = it.venue.filter(|_| it.state.is_final()) {
            self.woken.remove(&venue);
        }
    }

    /// A trade is told with its order as it is then.
    fn fill(&mut self, it: &FillReport, roster: &Roster, send: &mut Vec<String>) {
        let Some(traded) = roster.at(it.instrument.index()) else { return };
        let known = it.venue.and_then(|venue| self.orders.get_mut(&venue));
        let report = match known {
            Some(order) => {
                let before = order.filled.unwrap_or(Quantity::ZERO).0;
                let filled = Quantity(before.saturating_add(it.quantity.0).min(order.quantity.0));
                let whole = filled == order.quantity;
                order.filled = Some(filled);
                order.state = if whole { OrderState::Filled } else { OrderState::Working };
                OrderReport { time: it.time, ..*order }
            }
            None => OrderReport {
                client: it.client,
                venue: it.venue,
                instrument: it.instrument,
                side: it.side,
                leg: it.leg,
                kind: engine::order::OrderKind::Market,
                restrictions: engine::order::Restrictions::NONE,
                quantity: it.quantity,
                filled: Some(it.quantity),
                state: OrderState::Filled,
                cause: it.cause,
                time: it.time,
            },
        };
        let woke = it.venue.and_then(|venue| self.woken.get(&venue));
        let row = told::order(&report, traded, woke);
        self.push("orders", &told::traded_order(row, it, traded), send);
    }

    fn triggered(&mut self, it: &Triggered, roster: &Roster, send: &mut Vec<String>) {
        self.woken.insert(it.venue, *it);
        let Some(order) = it.waiting.and_then(|waiting| self.orders.remove(&waiting)) else {
            return;
        };
        let Some(traded) = roster.at(order.instrument.index()) else { return };
        let woken = OrderReport { state: OrderState::Triggered, ..order };
        let trails = order.kind.trigger().is_none();
        let channel = if trails { "algo-advance" } else { "orders-algo" };
        self.push(channel, &told::algo(&woken, traded, Some(it.venue)), send);
    }
}

impl Hearing for Socket {
    fn account(&self) -> Option<usize> {
        self.account
    }

    fn hear(&mut self, text: &str, keys: &KeyRing, now: Timestamp, send: &mut Vec<String>) {
        if text == "ping" {
            send.push("pong".to_owned());
            return;
        }
        let Ok(message) = serde_json::from_str::<Message<'_>>(text) else {
            send.push(failed("60012", "Invalid request"));
            return;
        };
        for arg in &message.args {
            match &*message.op {
                "login" => send.push(self.login(arg, keys, now)),
                op @ ("subscribe" | "unsubscribe") => self.subscribe(op, arg, send),
                _ => send.push(failed("60012", "Invalid request")),
            }
        }
    }

    fn tell(&mut self, word: &Word, roster: &Roster, now: Timestamp, send: &mut Vec<String>) {
        if self.account.is_none() {
            return;
        }
        match word {
            Word::Order(it) => self.order(it, roster, send),
            Word::Fill(it) => self.fill(it, roster, send),
            Word::Triggered(it) => self.triggered(it, roster, send),
            Word::Position(it) => {
                if let Some(traded) = roster.at(it.instrument.index()) {
                    self.push("positions", &told::position(it, traded), send);
                }
            }
            Word::Balance(it) => {
                self.push("account", &json!({ "details": [told::coin(it, now)] }), send);
            }
            Word::Ending => {
                let words =
                    "The connection will soon be closed for a service upgrade. Please reconnect.";
                let notice = json!({ "event": "notice", "code": "64008", "msg": words, "connId": "b0xb0xb0" });
                send.push(notice.to_string());
            }
            Word::Funding(it) => {
                let row = json!({
                    "pTime": told::ms(it.time), "eventType": "funding_fee",
                    "balData": [], "posData": [], "trades": []
                });
                self.push("balance_and_position", &row, send);
            }
            Word::Ready | Word::Gap | Word::Funded => {}
        }
    }
}
