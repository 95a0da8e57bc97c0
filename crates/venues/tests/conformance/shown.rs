//! Answers and words in the kit's compact form: what is not known is not there.

use engine::{
    live::{
        Answer, Balance, Cause, FillReport, FundingReport, KeyScope, Mode, OrderReport, OrderState,
        Permission, PositionReport, RefusedKind, Triggered, Unknown, Word,
    },
    order::{Distance, OrderKind, Restrictions},
};
use market::{Price, Quantity, Roster, Timestamp, Traded};
use portfolio::{InstrumentId, Leg, Liquidity};
use serde_json::{Map, Value, json};

/// Shows what is said of these instruments.
pub struct Shower<'a>(pub &'a Roster);

fn ms(time: Timestamp) -> i64 {
    time.nanos() / 1_000_000
}

/// An object of what is there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

#[allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "so that it can be a field that is there, and the last step of one that may be"
)]
fn some(text: impl ToString) -> Option<Value> {
    Some(Value::String(text.to_string()))
}

impl Shower<'_> {
    fn traded(&self, id: InstrumentId) -> &Traded {
        self.0.at(id.index()).expect("an instrument of the roster")
    }

    fn price(&self, id: InstrumentId, price: Price) -> String {
        let mut out = String::new();
        self.traded(id).push_price(price, &mut out);
        out
    }

    fn size(&self, id: InstrumentId, quantity: Quantity) -> String {
        let mut out = String::new();
        assert!(self.traded(id).push_size(quantity, &mut out), "a size of the venue");
        out
    }

    /// An answer.
    pub fn answer(&self, answer: &Answer) -> Value {
        match answer {
            Answer::Done => json!("done"),
            Answer::Order(order) => json!({ "order": self.order(order) }),
            Answer::Woken(order, venue) => {
                json!({ "order": self.order(order), "woke_as": venue.as_str() })
            }
            Answer::Orders(all) => {
                json!({ "orders": all.iter().map(|one| self.order(one)).collect::<Vec<_>>() })
            }
            Answer::Fills { fills, more } => {
                let fills: Vec<_> = fills.iter().map(|one| self.fill(one)).collect();
                json!({ "fills": fills, "more": more })
            }
            Answer::Funding(all) => {
                json!({ "funding": all.iter().map(|one| self.funding(one)).collect::<Vec<_>>() })
            }
            Answer::Positions(all) => {
                json!({ "positions": all.iter().map(|one| self.position(one)).collect::<Vec<_>>() })
            }
            Answer::Balances(all) => {
                json!({ "balances": all.iter().map(balance).collect::<Vec<_>>() })
            }
            Answer::Scope(scope) => json!({ "scope": key_scope(scope) }),
            Answer::Mode(Mode::Hedge) => json!({ "mode": "hedge" }),
            Answer::Mode(Mode::OneWay) => json!({ "mode": "one_way" }),
            Answer::ListenKey(key) => json!({ "listen_key": key }),
            Answer::Refused(refused) => {
                json!({ "refused": refusal(refused.kind), "code": refused.code })
            }
            Answer::NotFound => json!("not_found"),
            Answer::Throttled { until } => json!({ "throttled": ms(*until) }),
            Answer::Unknown(Unknown::Lost) => json!({ "unknown": "lost" }),
            Answer::Unknown(Unknown::Server) => json!({ "unknown": "server" }),
            Answer::Unknown(Unknown::Garbled) => json!({ "unknown": "garbled" }),
            Answer::Unknown(Unknown::Unsent) => json!({ "unknown": "unsent" }),
        }
    }

    /// A word.
    pub fn word(&self, word: &Word) -> Value {
        match word {
            Word::Order(order) => json!({ "order": self.order(order) }),
            Word::Fill(fill) => json!({ "fill": self.fill(fill) }),
            Word::Triggered(it) => json!({ "triggered": triggered(it) }),
            Word::Position(position) => json!({ "position": self.position(position) }),
            Word::Balance(it) => json!({ "balance": balance(it) }),
            Word::Funding(paid) => json!({ "funding": self.funding(paid) }),
            Word::Funded => json!("funded"),
            Word::Ready => json!("ready"),
            Word::Gap => json!("gap"),
            Word::Ending => json!("ending"),
        }
    }

    fn funding(&self, it: &FundingReport) -> Value {
        object([
            ("payment", some(it.payment)),
            ("instrument", some(&self.traded(it.instrument).native)),
            ("amount", some(it.amount)),
            ("currency", some(it.currency)),
            ("time", some(ms(it.time))),
        ])
    }

    fn order(&self, it: &OrderReport) -> Value {
        let id = it.instrument;
        object([
            ("client", it.client.and_then(some)),
            ("venue", it.venue.and_then(some)),
            ("instrument", some(&self.traded(id).native)),
            ("side", some(it.side)),
            ("leg", leg(it.leg)),
            ("kind", Some(self.kind(id, it.kind))),
            ("restrictions", restrictions(it.restrictions)),
            ("size", some(self.size(id, it.quantity))),
            ("filled", it.filled.and_then(|filled| some(self.size(id, filled)))),
            ("state", some(state(it.state))),
            ("cause", cause(it.cause)),
            ("time", Some(json!(ms(it.time)))),
        ])
    }

    fn kind(&self, id: InstrumentId, kind: OrderKind) -> Value {
        let shown = |price| self.price(id, price);
        match kind {
            OrderKind::Market => json!("market"),
            OrderKind::Limit { price } => json!({ "limit": shown(price) }),
            OrderKind::Stop { trigger } => json!({ "stop": shown(trigger) }),
            OrderKind::Touched { trigger } => json!({ "touched": shown(trigger) }),
            OrderKind::StopLimit { trigger, price } => {
                json!({ "stop_limit": [shown(trigger), shown(price)] })
            }
            OrderKind::TouchedLimit { trigger, price } => {
                json!({ "touched_limit": [shown(trigger), shown(price)] })
            }
            OrderKind::Trailing { distance, from } => {
                let (ticks, fraction) = match distance {
                    Distance::Ticks(ticks) => (Some(json!(ticks)), None),
                    Distance::Fraction(rate) => (None, some(rate)),
                };
                let from = from.and_then(|price| some(shown(price)));
                json!({ "trailing": object([("ticks", ticks), ("fraction", fraction), ("from", from)]) })
            }
        }
    }

    fn fill(&self, it: &FillReport) -> Value {
        let id = it.instrument;
        let liquidity = match it.liquidity {
            Liquidity::Maker => "maker",
            Liquidity::Taker => "taker",
        };
        object([
            ("trade", some(it.trade)),
            ("client", it.client.and_then(some)),
            ("venue", it.venue.and_then(some)),
            ("instrument", some(&self.traded(id).native)),
            ("side", some(it.side)),
            ("leg", leg(it.leg)),
            ("price", some(self.price(id, it.price))),
            ("size", some(self.size(id, it.quantity))),
            ("fee", some(it.fee)),
            ("fee_currency", it.fee_currency.and_then(some)),
            ("liquidity", some(liquidity)),
            ("cause", cause(it.cause)),
            ("time", Some(json!(ms(it.time)))),
        ])
    }

    fn position(&self, it: &PositionReport) -> Value {
        let id = it.instrument;
        let sign = if it.lots < 0 { "-" } else { "" };
        let size = self.size(id, Quantity(it.lots.unsigned_abs()));
        object([
            ("instrument", some(&self.traded(id).native)),
            ("leg", leg(it.leg)),
            ("size", some(format!("{sign}{size}"))),
            ("entry", it.entry.and_then(|price| some(self.price(id, price)))),
            ("liquidation", it.liquidation.and_then(|price| some(self.price(id, price)))),
            ("leverage", it.leverage.map(|leverage| json!(leverage))),
            ("time", Some(json!(ms(it.time)))),
        ])
    }
}

fn triggered(it: &Triggered) -> Value {
    object([
        ("client", it.client.and_then(some)),
        ("waiting", it.waiting.and_then(some)),
        ("venue", some(it.venue)),
    ])
}

fn balance(it: &Balance) -> Value {
    object([
        ("currency", some(it.currency)),
        ("total", some(it.total)),
        ("available", some(it.available)),
    ])
}

fn key_scope(it: &KeyScope) -> Value {
    let said = |permission| match permission {
        Permission::Yes => some("yes"),
        Permission::No => some("no"),
        Permission::Unsaid => None,
    };
    object([
        ("trade", said(it.trade)),
        ("withdraw", said(it.withdraw)),
        ("restricted", said(it.restricted)),
        ("seen_from", it.seen_from.and_then(some)),
        ("expires", it.expires.map(|time| json!(ms(time)))),
    ])
}

fn leg(leg: Leg) -> Option<Value> {
    match leg {
        Leg::Net => None,
        Leg::Long => some("long"),
        Leg::Short => some("short"),
    }
}

fn restrictions(all: Restrictions) -> Option<Value> {
    let named =
        [(Restrictions::POST_ONLY, "post_only"), (Restrictions::REDUCE_ONLY, "reduce_only")];
    let there: Vec<_> =
        named.into_iter().filter(|(one, _)| all.has(*one)).map(|(_, name)| name).collect();
    (!there.is_empty()).then(|| json!(there))
}

fn state(state: OrderState) -> &'static str {
    match state {
        OrderState::Waiting => "waiting",
        OrderState::Triggered => "triggered",
        OrderState::Working => "working",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Expired => "expired",
        OrderState::Rejected => "rejected",
    }
}

fn cause(cause: Cause) -> Option<Value> {
    match cause {
        Cause::Owner => None,
        Cause::Liquidation => some("liquidation"),
        Cause::Deleveraging => some("deleveraging"),
        Cause::Settlement => some("settlement"),
    }
}

/// A refusal's sort, by name.
pub fn refusal(kind: RefusedKind) -> &'static str {
    match kind {
        RefusedKind::Attachment => "attachment",
        RefusedKind::DuplicateName => "duplicate_name",
        RefusedKind::Balance => "balance",
        RefusedKind::Filter => "filter",
        RefusedKind::ReduceOnly => "reduce_only",
        RefusedKind::WouldTake => "would_take",
        RefusedKind::WouldTrigger => "would_trigger",
        RefusedKind::Clock => "clock",
        RefusedKind::Key => "key",
        RefusedKind::NotTrading => "not_trading",
        RefusedKind::OrderDone => "order_done",
        RefusedKind::Setup => "setup",
        RefusedKind::Busy => "busy",
        RefusedKind::Other => "other",
    }
}
