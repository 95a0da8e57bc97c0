//! Requests to calls.

use super::{No, mode, refusal, respond};
use crate::{
    okx::text::{self, find},
    text::Text,
};
use engine::{
    live::{AttachedStop, Book, Call, ClientId, NewOrder, OrderRef, Scope},
    order::{
        Amendment, Distance, OrderKind, Purpose, Restrictions, Shortfall, Ticket, TimeInForce,
    },
};
use http::{Method, Request, Response};
use market::{Price, Product, Quantity, Rate, Roster, Side, Timestamp, Traded};
use portfolio::InstrumentId;
use serde::Deserialize;
use serde_json::{Value, json};

type Refusal = Box<Response<Vec<u8>>>;

macro_rules! wish {
    ($($field:ident),* $(,)?) => {
        /// What a body says.
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Wish<'a> {
            $(#[serde(borrow)] $field: Text<'a>,)*
            #[serde(borrow)]
            attach_algo_ords: Vec<Attached<'a>>,
        }
    };
}

/// A stop or target that comes along with an order; what this end does not keep is told by `rest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attached<'a> {
    #[serde(borrow)]
    attach_algo_cl_ord_id: Text<'a>,
    #[serde(borrow)]
    sl_trigger_px: Text<'a>,
    #[serde(borrow)]
    sl_ord_px: Text<'a>,
    #[serde(borrow)]
    sl_trigger_px_type: Text<'a>,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
}

wish! {
    inst_id, td_mode, cl_ord_id, algo_cl_ord_id, ord_id, algo_id, side, pos_side, ord_type, sz, px,
    tgt_ccy, ban_amend, reduce_only, close_fraction, sl_trigger_px, sl_ord_px, tp_trigger_px,
    tp_ord_px, trigger_px, order_px, callback_ratio, callback_spread, active_px, new_sz, new_px,
    new_sl_trigger_px, new_sl_ord_px, new_tp_trigger_px, new_tp_ord_px, new_trigger_px, new_ord_px,
    pos_mode, lever, time_out,
}

fn wrong(parameter: &str) -> Refusal {
    let words = format!("Parameter {parameter} error");
    Box::new(respond(400, &json!({ "code": "51000", "msg": words, "data": [] })))
}

/// A refusal of one order, as an order's request tells it.
fn order_refused((status, code, words): No) -> Refusal {
    let data = json!([{
        "ordId": "", "clOrdId": "", "algoId": "", "algoClOrdId": "", "tag": "", "sCode": code,
        "sMsg": words
    }]);
    Box::new(respond(status, &json!({ "code": "1", "msg": "Operation failed.", "data": data })))
}

const NO_INSTRUMENT: No =
    (200, "51001", "Instrument ID, Instrument ID code or Spread ID doesn't exist.");

/// The value of a query's parameter.
pub(super) fn query(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, value)| *key == name && !value.is_empty())?.1;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What a request comes to: at least one call, or the venue's refusal.
pub(super) fn calls(request: &Request<Vec<u8>>, roster: &Roster) -> Result<Vec<Call>, Refusal> {
    let path = request.uri().path().strip_prefix("/api/v5/").unwrap_or("");
    if request.method() == Method::GET {
        return got(path, request.uri().query().unwrap_or(""), roster);
    }
    if request.method() != Method::POST {
        return Err(refusal((405, "50115", "Invalid request method.")));
    }
    let body = request.body();
    if body.is_empty() {
        return Err(refusal((400, "50000", "Body for POST request cannot be empty.")));
    }
    let bad = |_| refusal((400, "50002", "JSON syntax error"));
    let wishes: Vec<Wish<'_>> = if body.first() == Some(&b'[') {
        serde_json::from_slice(body).map_err(bad)?
    } else {
        vec![serde_json::from_slice(body).map_err(bad)?]
    };
    wishes.iter().map(|wish| posted(path, wish, roster)).collect()
}

fn posted(path: &str, wish: &Wish<'_>, roster: &Roster) -> Result<Call, Refusal> {
    match path {
        "trade/order" | "trade/batch-orders" => place(wish, roster, Book::Plain),
        "trade/order-algo" => place(wish, roster, Book::Conditional),
        "trade/cancel-order" | "trade/cancel-batch-orders" => {
            Ok(Call::Cancel(reference(wish, roster, Book::Plain)?))
        }
        "trade/cancel-algos" | "trade/cancel-advance-algos" => {
            Ok(Call::Cancel(reference(wish, roster, Book::Conditional)?))
        }
        "trade/amend-order" | "trade/amend-batch-orders" => amend(wish, roster, Book::Plain),
        "trade/amend-algos" => amend(wish, roster, Book::Conditional),
        "trade/cancel-all-after" => match wish.time_out.parse() {
            Ok(seconds) if seconds == 0 || (10..=120).contains(&seconds) => {
                Ok(Call::Heartbeat { instrument: None, seconds })
            }
            _ => Err(wrong("timeOut")),
        },
        "account/set-position-mode" => {
            mode(&wish.pos_mode).map(Call::SetMode).ok_or_else(|| wrong("posMode"))
        }
        "account/set-leverage" => {
            let (instrument, _) = instrument(&wish.inst_id, roster)?;
            let times = wish.lever.parse().map_err(|_| wrong("lever"))?;
            Ok(Call::SetLeverage(instrument, times))
        }
        _ => Err(no_path()),
    }
}

fn no_path() -> Refusal {
    Box::new(respond(404, &json!({ "code": "404", "msg": "Invalid request path", "data": [] })))
}

fn got(path: &str, text: &str, roster: &Roster) -> Result<Vec<Call>, Refusal> {
    let get = |name: &str| query(text, name);
    let of = || match get("instId") {
        Some(name) => instrument(&name, roster).map(|(id, _)| Some(id)),
        None => Ok(None),
    };
    let call = match path {
        "trade/order" => Call::Order(asked_order(text, roster)?),
        "trade/order-algo" => Call::Order(asked_algo(text)?),
        "trade/orders-pending" => Call::OpenOrders(of()?, Book::Plain),
        "trade/orders-algo-pending" => Call::OpenOrders(of()?, Book::Conditional),
        "trade/fills" | "trade/fills-history" => {
            let ms = get("begin").and_then(|ms| ms.parse::<i64>().ok()).unwrap_or(0);
            let instrument = of()?.ok_or_else(|| wrong("instId"))?;
            let since = Timestamp::from_nanos(ms.saturating_mul(1_000_000));
            Call::Fills { instrument, since, after: None }
        }
        "account/bills" if get("type").as_deref() == Some("8") => {
            let ms = |name: &str, other: i64| {
                let ms = get(name).and_then(|ms| ms.parse::<i64>().ok()).unwrap_or(other);
                Timestamp::from_nanos(ms.saturating_mul(1_000_000))
            };
            let instrument = of()?.ok_or_else(|| wrong("instId"))?;
            Call::Funding { instrument, since: ms("begin", 0), until: ms("end", i64::MAX) }
        }
        "account/positions" => Call::Positions,
        "account/balance" => Call::Balances,
        "account/config" => return Ok(vec![Call::KeyScope, Call::Mode]),
        _ => return Err(aside(path, roster)),
    };
    Ok(vec![call])
}

/// What client libraries ask for besides, with as little as they take.
fn aside(path: &str, roster: &Roster) -> Refusal {
    let data = match path {
        "asset/currencies" => {
            let all = roster.all().iter();
            let mut coins: Vec<String> = all
                .flat_map(|one| [one.base, one.listing.instrument.currency])
                .map(|coin| coin.to_string())
                .collect();
            coins.sort_unstable();
            coins.dedup();
            coins.iter().map(|coin| currency(coin)).collect()
        }
        "account/trade-fee" => {
            json!([{ "category": "1", "level": "Lv1", "maker": "-0.0008", "taker": "-0.001",
                "makerU": "-0.0002", "takerU": "-0.0005", "instType": "SPOT", "ts": "0" }])
        }
        "trade/orders-history"
        | "trade/orders-history-archive"
        | "trade/orders-algo-history"
        | "account/positions-history"
        | "account/leverage-info"
        | "account/bills"
        | "account/instruments"
        | "asset/balances" => json!([]),
        _ => return no_path(),
    };
    Box::new(respond(200, &json!({ "code": "0", "msg": "", "data": data })))
}

fn currency(coin: &str) -> Value {
    json!({
        "ccy": coin, "name": coin, "chain": format!("{coin}-Box"), "canDep": false, "canWd": false,
        "canInternal": false, "mainNet": true, "minFee": "0", "maxFee": "0", "fee": "0",
        "minWd": "0", "maxWd": "0", "minDep": "0", "wdTickSz": "8",
    })
}

fn instrument<'r>(name: &str, roster: &'r Roster) -> Result<(InstrumentId, &'r Traded), Refusal> {
    find(roster, name).ok_or_else(|| order_refused(NO_INSTRUMENT))
}

fn names<const A: usize, const B: usize>(
    client: &str,
    venue: &str,
) -> Result<(Option<engine::live::Name<A>>, Option<engine::live::Name<B>>), Refusal> {
    let named = (text::name(client), text::name(venue));
    if named.0.is_none() && named.1.is_none() {
        let no = (200, "51003", "Either client order ID or order ID is required.");
        return Err(order_refused(no));
    }
    Ok(named)
}

fn asked_order(text: &str, roster: &Roster) -> Result<OrderRef, Refusal> {
    let get = |name: &str| query(text, name).unwrap_or_default();
    let (client, venue) = names(&get("clOrdId"), &get("ordId"))?;
    let (instrument, _) = instrument(&get("instId"), roster)?;
    Ok(OrderRef { instrument, client, venue, conditional: false })
}

/// The venue is not told the instrument here: any.
fn asked_algo(text: &str) -> Result<OrderRef, Refusal> {
    let get = |name: &str| query(text, name).unwrap_or_default();
    let (client, venue) = names(&get("algoClOrdId"), &get("algoId"))?;
    Ok(OrderRef { instrument: InstrumentId(u32::MAX), client, venue, conditional: true })
}

fn reference(wish: &Wish<'_>, roster: &Roster, book: Book) -> Result<OrderRef, Refusal> {
    let conditional = book == Book::Conditional;
    let (instrument, _) = instrument(&wish.inst_id, roster)?;
    let (client, venue) = if conditional {
        names(&wish.algo_cl_ord_id, &wish.algo_id)?
    } else {
        names(&wish.cl_ord_id, &wish.ord_id)?
    };
    Ok(OrderRef { instrument, client, venue, conditional })
}

fn amend(wish: &Wish<'_>, roster: &Roster, book: Book) -> Result<Call, Refusal> {
    let order = reference(wish, roster, book)?;
    let (_, traded) = instrument(&wish.inst_id, roster)?;
    let at = |all: [&Text<'_>; 3]| {
        let text = all.into_iter().find_map(|text| text.some().filter(|text| *text != "-1"));
        text.map(|text| price(traded, text, "newPx")).transpose()
    };
    let change = Amendment {
        quantity: wish.new_sz.some().map(|text| size(traded, text)).transpose()?,
        price: at([&wish.new_px, &wish.new_sl_ord_px, &wish.new_ord_px])?
            .or(at([&wish.new_tp_ord_px; 3])?),
        trigger: at([&wish.new_sl_trigger_px, &wish.new_tp_trigger_px, &wish.new_trigger_px])?,
    };
    if change == Amendment::default() {
        return Err(order_refused((200, "51500", "You must enter a price, quantity, or TP/SL")));
    }
    Ok(Call::Amend(order, change, None))
}

fn price(traded: &Traded, text: &str, name: &str) -> Result<Price, Refusal> {
    let price = traded.price(text).filter(|price| price.0 > 0);
    price.ok_or_else(|| wrong(name))
}

fn size(traded: &Traded, text: &str) -> Result<Quantity, Refusal> {
    let no = (200, "51121", "Order quantity must be a multiple of the lot size.");
    let size = traded.lots(text).filter(|size| *size > Quantity::ZERO);
    size.ok_or_else(|| order_refused(no))
}

/// A name for an order whose owner gave it none, the same for the same order of the same moment.
fn nameless(what: &str, said: &str) -> Result<ClientId, Refusal> {
    let digest = hex::encode(seal::sha256(said.as_bytes()));
    let name = digest.get(..24).and_then(|digits| text::name(&format!("{what}{digits}")));
    name.ok_or_else(|| wrong("clOrdId"))
}

fn place(wish: &Wish<'_>, roster: &Roster, book: Book) -> Result<Call, Refusal> {
    let waits = book == Book::Conditional;
    let (instrument, traded) = instrument(&wish.inst_id, roster)?;
    let side = text::side(&wish.side).map_err(|_| wrong("side"))?;
    let leg = text::leg(&wish.pos_side).map_err(|_| wrong("posSide"))?;
    let whole = waits && wish.close_fraction.some().is_some();
    let (kind, tif) = if waits {
        (algo(wish, traded)?, TimeInForce::GoodTillCancelled)
    } else {
        plain(wish, traded, side)?
    };
    let quantity = if whole { Quantity::ZERO } else { size(traded, &wish.sz)? };
    let reduces = &*wish.reduce_only == "true" || text::closes(leg, side);
    let mut ticket = Ticket {
        kind,
        tif,
        leg,
        purpose: if reduces { Purpose::Exit } else { Purpose::Entry },
        ..Ticket::market(instrument, side, quantity)
    };
    if reduces {
        ticket = ticket.restricted(Restrictions::REDUCE_ONLY);
    }
    if &*wish.ord_type == "post_only" {
        ticket = ticket.restricted(Restrictions::POST_ONLY);
    }
    let is_spot_market = traded.product == Product::Spot && kind == OrderKind::Market;
    if is_spot_market && &*wish.ban_amend != "true" {
        ticket.shortfall = Shortfall::Reduce;
    }
    let given = if waits { wish.algo_cl_ord_id.some() } else { None };
    let client = match given.or_else(|| wish.cl_ord_id.some()) {
        Some(name) => text::name(name).ok_or_else(|| wrong("clOrdId"))?,
        None => nameless("box", &format!("{wish:?}"))?,
    };
    let stop = attached(wish, traded, (&ticket, waits))?;
    let scope = if whole { Scope::Position } else { Scope::Size };
    Ok(Call::Place(NewOrder { client, ticket, scope, stop }))
}

/// The stop that an order brings along. An order that brings more than this end keeps, and would stand
/// here without it, is worse than none: it is refused.
fn attached(
    wish: &Wish<'_>,
    traded: &Traded,
    (ticket, waits): (&Ticket, bool),
) -> Result<Option<AttachedStop>, Refusal> {
    let no = || wrong("attachAlgoOrds");
    let Some(one) = wish.attach_algo_ords.first() else { return Ok(None) };
    let keeps = wish.attach_algo_ords.len() == 1
        && one.rest.values().all(|value| value == "")
        && &*one.sl_ord_px == "-1"
        && matches!(&*one.sl_trigger_px_type, "" | "last");
    let opens = !waits && !ticket.restrictions.has(Restrictions::REDUCE_ONLY);
    if !keeps || !opens || traded.product == Product::Spot {
        return Err(no());
    }
    let trigger = price(traded, &one.sl_trigger_px, "slTriggerPx")?;
    let client = match one.attach_algo_cl_ord_id.some() {
        Some(name) => text::name(name).ok_or_else(no)?,
        None => nameless("boxstop", &format!("{wish:?}"))?,
    };
    Ok(Some(AttachedStop { client, trigger }))
}

fn plain(
    wish: &Wish<'_>,
    traded: &Traded,
    side: Side,
) -> Result<(OrderKind, TimeInForce), Refusal> {
    let limit = || price(traded, &wish.px, "px").map(|price| OrderKind::Limit { price });
    Ok(match &*wish.ord_type {
        "market" => {
            // By default a purchase is for an amount of money: this end takes sizes only.
            let by_money = traded.product == Product::Spot
                && side == Side::Buy
                && &*wish.tgt_ccy != "base_ccy";
            if by_money {
                return Err(wrong("tgtCcy"));
            }
            (OrderKind::Market, TimeInForce::GoodTillCancelled)
        }
        "optimal_limit_ioc" => (OrderKind::Market, TimeInForce::ImmediateOrCancel),
        "limit" | "post_only" => (limit()?, TimeInForce::GoodTillCancelled),
        "ioc" => (limit()?, TimeInForce::ImmediateOrCancel),
        "fok" => (limit()?, TimeInForce::FillOrKill),
        _ => return Err(wrong("ordType")),
    })
}

fn algo(wish: &Wish<'_>, traded: &Traded) -> Result<OrderKind, Refusal> {
    let limit = |text: &Text<'_>| {
        let text = text.some().filter(|text| *text != "-1");
        text.map(|text| price(traded, text, "ordPx")).transpose()
    };
    let stop = |trigger: &str, then: &Text<'_>| -> Result<OrderKind, Refusal> {
        let trigger = price(traded, trigger, "slTriggerPx")?;
        Ok(match limit(then)? {
            Some(price) => OrderKind::StopLimit { trigger, price },
            None => OrderKind::Stop { trigger },
        })
    };
    match (&*wish.ord_type, wish.sl_trigger_px.some(), wish.tp_trigger_px.some()) {
        ("conditional" | "oco", Some(trigger), _) => stop(trigger, &wish.sl_ord_px),
        ("conditional" | "oco", None, Some(trigger)) => {
            let trigger = price(traded, trigger, "tpTriggerPx")?;
            Ok(match limit(&wish.tp_ord_px)? {
                Some(price) => OrderKind::TouchedLimit { trigger, price },
                None => OrderKind::Touched { trigger },
            })
        }
        // It wakes from either side at the venue; here from the losing one.
        ("trigger", _, _) => stop(&wish.trigger_px, &wish.order_px),
        ("move_order_stop", _, _) => {
            let distance = if let Some(ratio) = wish.callback_ratio.some() {
                Rate::parse(ratio).ok().map(Distance::Fraction)
            } else {
                let spread = price(traded, &wish.callback_spread, "callbackSpread")?;
                u64::try_from(spread.0).ok().map(Distance::Ticks)
            };
            let from = wish.active_px.some().map(|text| price(traded, text, "activePx"));
            let distance = distance.ok_or_else(|| wrong("callbackRatio"))?;
            Ok(OrderKind::Trailing { distance, from: from.transpose()? })
        }
        _ => Err(wrong("ordType")),
    }
}
