//! Calls as the kit writes them.

use crate::data;
use engine::{
    live::{AttachedStop, Book, Call, NewOrder, OrderRef, Scope},
    order::{Amendment, Distance, OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Price, Product, Quantity, Rate, Roster, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg};
use serde_json::Value;

/// Reads calls about the instruments of one product.
pub struct Reader<'a> {
    pub roster: &'a Roster,
    pub product: Product,
}

/// A moment in milliseconds.
pub fn moment(ms: &Value) -> Timestamp {
    let ms = ms.as_i64().unwrap_or_else(|| panic!("{ms} is no time in milliseconds"));
    Timestamp::from_nanos(ms * 1_000_000)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{value} has no {key}"))
}

impl Reader<'_> {
    /// A call: its name alone, or `{name: arguments}`.
    pub fn call(&self, value: &Value) -> Call {
        let (name, it) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Object(map) => {
                let (name, it) = map.iter().next().expect("a call has a name");
                (name.as_str(), it)
            }
            other => panic!("{other} is no call"),
        };
        match name {
            "place" => Call::Place(self.place(it)),
            "cancel" => Call::Cancel(self.reference(it)),
            "amend" => self.amend(it),
            "cancel_all" => Call::CancelAll(self.maybe(it), book(it)),
            "order" => Call::Order(self.reference(it)),
            "open_orders" => Call::OpenOrders(self.maybe(it), book(it)),
            "fills" => Call::Fills {
                instrument: self.instrument(it).0,
                since: moment(&it["since"]),
                after: it["after"].as_str().map(|id| id.parse().expect("a number")),
            },
            "funding" => Call::Funding {
                instrument: self.instrument(it).0,
                since: moment(&it["since"]),
                until: moment(&it["until"]),
            },
            "positions" => Call::Positions,
            "balances" => Call::Balances,
            "heartbeat" => {
                Call::Heartbeat { instrument: self.maybe(it), seconds: count(&it["seconds"]) }
            }
            "key_scope" => Call::KeyScope,
            "mode" => Call::Mode,
            "set_mode" => Call::SetMode(data::mode(it.as_str().expect("a mode"))),
            "set_leverage" => Call::SetLeverage(self.instrument(it).0, count(&it["leverage"])),
            "listen_key" => Call::ListenKey,
            other => panic!("no call {other}"),
        }
    }

    fn instrument(&self, it: &Value) -> (InstrumentId, &Traded) {
        let name = text(it, "instrument");
        let found = self.roster.find(self.product, name);
        let (place, one) = found.unwrap_or_else(|| panic!("no instrument {name}"));
        (InstrumentId(u32::try_from(place).expect("few")), one)
    }

    fn maybe(&self, it: &Value) -> Option<InstrumentId> {
        it["instrument"].is_string().then(|| self.instrument(it).0)
    }

    fn reference(&self, it: &Value) -> OrderRef {
        OrderRef {
            instrument: self.instrument(it).0,
            client: it["client"].as_str().map(|name| name.parse().expect("a name")),
            venue: it["venue"].as_str().map(|id| id.parse().expect("a number")),
            conditional: it["conditional"].as_bool().unwrap_or(false),
        }
    }

    fn amend(&self, it: &Value) -> Call {
        let one = self.instrument(it).1;
        let change = Amendment {
            quantity: it["size"].as_str().map(|size| lots(one, size)),
            price: it["price"].as_str().map(|price| ticks(one, price)),
            trigger: it["trigger"].as_str().map(|price| ticks(one, price)),
        };
        Call::Amend(self.reference(it), change, it["side"].as_str().map(side))
    }

    fn place(&self, it: &Value) -> NewOrder {
        let (instrument, one) = self.instrument(it);
        let quantity = it["size"].as_str().map_or(Quantity::ZERO, |size| lots(one, size));
        let names = it["restrictions"].as_array().into_iter().flatten();
        let restrictions = names.fold(Restrictions::NONE, |all, name| all.with(restriction(name)));
        let ticket = Ticket {
            kind: kind(one, &it["kind"]),
            tif: tif(&it["tif"]),
            restrictions,
            display: it["display"].as_str().map(|size| lots(one, size)),
            leg: leg(it["leg"].as_str().unwrap_or("net")),
            ..Ticket::market(instrument, side(text(it, "side")), quantity)
        };
        let stop = it["stop"].is_object().then(|| AttachedStop {
            client: text(&it["stop"], "client").parse().expect("a name"),
            trigger: ticks(one, text(&it["stop"], "trigger")),
        });
        let scope = match it["scope"].as_str() {
            None => Scope::Size,
            Some("position") => Scope::Position,
            Some(other) => panic!("no scope {other}"),
        };
        NewOrder { client: text(it, "client").parse().expect("a name"), ticket, scope, stop }
    }
}

fn count(value: &Value) -> u32 {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_else(|| panic!("{value}: a count"))
}

fn lots(one: &Traded, size: &str) -> Quantity {
    one.lots(size).unwrap_or_else(|| panic!("{size} is no size of {}", one.native))
}

fn ticks(one: &Traded, price: &str) -> Price {
    one.price(price).unwrap_or_else(|| panic!("{price} is no price of {}", one.native))
}

fn book(it: &Value) -> Book {
    match it["book"].as_str() {
        None | Some("both") => Book::Both,
        Some("plain") => Book::Plain,
        Some("conditional") => Book::Conditional,
        Some(other) => panic!("no book {other}"),
    }
}

fn side(text: &str) -> Side {
    match text {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => panic!("no side {other}"),
    }
}

fn leg(text: &str) -> Leg {
    match text {
        "net" => Leg::Net,
        "long" => Leg::Long,
        "short" => Leg::Short,
        other => panic!("no leg {other}"),
    }
}

fn restriction(name: &Value) -> Restrictions {
    match name.as_str() {
        Some("post_only") => Restrictions::POST_ONLY,
        Some("reduce_only") => Restrictions::REDUCE_ONLY,
        _ => panic!("no restriction {name}"),
    }
}

fn tif(it: &Value) -> TimeInForce {
    match it.as_str() {
        Some("ioc") => TimeInForce::ImmediateOrCancel,
        Some("fok") => TimeInForce::FillOrKill,
        Some("gtc") => TimeInForce::GoodTillCancelled,
        Some(other) => panic!("no time in force {other}"),
        None if it["good_till"].is_i64() => TimeInForce::GoodTill(moment(&it["good_till"])),
        None => TimeInForce::GoodTillCancelled,
    }
}

/// `"market"`, `{"limit": price}`, `{"stop": trigger}`, `{"stop_limit": [trigger, price]}`,
/// `{"touched": …}`, `{"touched_limit": …}`, `{"trailing": {"fraction" or "ticks", "from"}}`.
fn kind(one: &Traded, it: &Value) -> OrderKind {
    if it == "market" {
        return OrderKind::Market;
    }
    let (name, what) = it.as_object().and_then(|map| map.iter().next()).expect("a kind of order");
    let price = |value: &Value| ticks(one, value.as_str().expect("a price"));
    match name.as_str() {
        "limit" => OrderKind::Limit { price: price(what) },
        "stop" => OrderKind::Stop { trigger: price(what) },
        "touched" => OrderKind::Touched { trigger: price(what) },
        "stop_limit" => OrderKind::StopLimit { trigger: price(&what[0]), price: price(&what[1]) },
        "touched_limit" => {
            OrderKind::TouchedLimit { trigger: price(&what[0]), price: price(&what[1]) }
        }
        "trailing" => OrderKind::Trailing {
            distance: match what["ticks"].as_u64() {
                Some(ticks) => Distance::Ticks(ticks),
                None => Distance::Fraction(Rate::parse(text(what, "fraction")).expect("a rate")),
            },
            from: what["from"].as_str().map(|text| ticks(one, text)),
        },
        other => panic!("no kind of order {other}"),
    }
}
