//! Reports as the venue's rows.

use super::super::{
    place::{side_text, trade_mode},
    sign::millis,
    text::{kind, leg_text},
};
use engine::{
    live::{
        Balance, Cause, FillReport, FundingReport, KeyScope, Mode, OrderReport, OrderState,
        Permission, PositionReport, Triggered, VenueId,
    },
    order::{Distance, OrderKind, Restrictions},
};
use market::{Money, Price, Product, Quantity, Timestamp, Traded};
use portfolio::Liquidity;
use serde_json::{Value, json};

pub(super) fn ms(time: Timestamp) -> String {
    millis(time).to_string()
}

fn price(traded: &Traded, price: Price) -> String {
    let mut out = String::new();
    traded.push_price(price, &mut out);
    out
}

fn size(traded: &Traded, size: Quantity) -> String {
    let mut out = String::new();
    // A size that is no whole step of a contract cannot come from this venue's market.
    if traded.push_size(size, &mut out) { out } else { "0".to_owned() }
}

fn text<T: ToString>(it: Option<T>) -> String {
    it.map(|it| it.to_string()).unwrap_or_default()
}

/// The bill of a payment of funding.
pub(super) fn bill(it: &FundingReport, traded: &Traded) -> Value {
    let sort = if it.amount < Money::ZERO { "173" } else { "174" };
    let amount = it.amount.to_string();
    json!({
        "billId": it.payment.as_str(), "instType": kind(traded.product),
        "instId": traded.native.as_str(), "ccy": it.currency.as_str(), "mgnMode": "cross",
        "type": "8", "subType": sort, "balChg": amount, "pnl": amount, "fee": "0", "bal": "",
        "sz": "", "px": "", "posBal": "0", "posBalChg": "0", "ordId": "", "from": "", "to": "",
        "notes": "", "interest": "0", "tag": "", "ts": ms(it.time),
    })
}

/// Whether an order of this kind stands in the book of those that wait.
pub(super) const fn waits(kind: OrderKind) -> bool {
    !matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}

/// The venue writes what it takes with a minus.
fn fee(fee: Money) -> String {
    Money(fee.0.saturating_neg()).to_string()
}

const fn category(cause: Cause) -> &'static str {
    match cause {
        Cause::Owner => "normal",
        Cause::Liquidation => "full_liquidation",
        Cause::Deleveraging => "adl",
        Cause::Settlement => "delivery",
    }
}

/// An order that meets the market, and the one that it was before it woke.
pub(super) fn order(it: &OrderReport, traded: &Traded, woke: Option<&Triggered>) -> Value {
    let (state, source) = match it.state {
        OrderState::Filled => ("filled", ""),
        OrderState::Cancelled => ("canceled", "1"),
        OrderState::Expired => ("canceled", "14"),
        OrderState::Rejected => ("canceled", "31"),
        _ if it.filled.is_some_and(|filled| filled > Quantity::ZERO) => ("partially_filled", ""),
        _ => ("live", ""),
    };
    let post_only = it.restrictions.has(Restrictions::POST_ONLY);
    let (sort, px) = match it.kind.limit() {
        Some(limit) if post_only => ("post_only", price(traded, limit)),
        Some(limit) => ("limit", price(traded, limit)),
        None => ("market", String::new()),
    };
    let spot_market = traded.product == Product::Spot && it.kind.limit().is_none();
    let own = if woke.is_some() { String::new() } else { text(it.client) };
    json!({
        "instType": kind(traded.product), "instId": traded.native.as_str(),
        "ordId": text(it.venue), "clOrdId": own, "tag": "",
        "algoId": text(woke.and_then(|woke| woke.waiting)),
        "algoClOrdId": text(woke.and_then(|woke| woke.client)),
        "side": side_text(it.side), "posSide": leg_text(it.leg), "ordType": sort, "px": px,
        "sz": size(traded, it.quantity), "tdMode": trade_mode(traded.product),
        "tgtCcy": if spot_market { "base_ccy" } else { "" },
        "accFillSz": it.filled.map(|filled| size(traded, filled)).unwrap_or_default(),
        "avgPx": "", "fillPx": "", "fillSz": "0", "fillTime": "", "tradeId": "",
        "fee": "0", "feeCcy": "", "rebate": "0", "rebateCcy": "", "pnl": "0",
        "state": state, "cancelSource": source, "category": category(it.cause),
        "reduceOnly": flag(it.restrictions.has(Restrictions::REDUCE_ONLY)),
        "lever": "", "source": "", "attachAlgoOrds": [], "uTime": ms(it.time), "cTime": ms(it.time),
    })
}

const fn flag(so: bool) -> &'static str {
    if so { "true" } else { "false" }
}

/// The same, with the trade that made it so.
pub(super) fn traded_order(row: Value, fill: &FillReport, traded: &Traded) -> Value {
    let mut row = row;
    let more = json!({
        "tradeId": fill.trade.as_str(), "fillPx": price(traded, fill.price),
        "fillSz": size(traded, fill.quantity), "fillTime": ms(fill.time),
        "fillFee": fee(fill.fee), "fillFeeCcy": text(fill.fee_currency),
        "execType": liquidity(fill.liquidity), "lastPx": price(traded, fill.price),
    });
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
    row
}

const fn liquidity(it: Liquidity) -> &'static str {
    match it {
        Liquidity::Maker => "M",
        Liquidity::Taker => "T",
    }
}

/// An order that waits, and the one that it became.
pub(super) fn algo(it: &OrderReport, traded: &Traded, child: Option<VenueId>) -> Value {
    let state = match it.state {
        _ if child.is_some() => "effective",
        OrderState::Waiting | OrderState::Working => "live",
        OrderState::Triggered | OrderState::Filled => "effective",
        OrderState::Cancelled | OrderState::Expired => "canceled",
        OrderState::Rejected => "order_failed",
    };
    let whole = it.quantity == Quantity::ZERO;
    let px = |at: Option<Price>| at.map(|at| price(traded, at)).unwrap_or_default();
    let then = it.kind.limit().map_or_else(|| "-1".to_owned(), |limit| price(traded, limit));
    let trigger = px(it.kind.trigger());
    let none = String::new;
    let (stop, touched) = match it.kind {
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } => ((trigger, then), (none(), none())),
        OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. } => {
            ((none(), none()), (trigger, then))
        }
        _ => ((none(), none()), (none(), none())),
    };
    let (sort, ratio, spread, from) = match it.kind {
        OrderKind::Trailing { distance: Distance::Fraction(rate), from } => {
            ("move_order_stop", rate.to_string(), none(), px(from))
        }
        OrderKind::Trailing { distance: Distance::Ticks(ticks), from } => {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            ("move_order_stop", none(), price(traded, Price(ticks)), px(from))
        }
        _ => ("conditional", none(), none(), none()),
    };
    let children: Vec<String> = child.iter().map(ToString::to_string).collect();
    json!({
        "instType": kind(traded.product), "instId": traded.native.as_str(),
        "algoId": text(it.venue), "algoClOrdId": text(it.client), "clOrdId": "",
        "ordId": text(child), "ordIdList": children, "side": side_text(it.side),
        "posSide": leg_text(it.leg), "ordType": sort, "state": state,
        "sz": if whole { none() } else { size(traded, it.quantity) },
        "closeFraction": if whole { "1" } else { "" },
        "slTriggerPx": stop.0, "slOrdPx": stop.1, "slTriggerPxType": "last",
        "tpTriggerPx": touched.0, "tpOrdPx": touched.1, "tpTriggerPxType": "last",
        "triggerPx": "", "ordPx": "", "callbackRatio": ratio, "callbackSpread": spread,
        "activePx": from, "tdMode": trade_mode(traded.product), "actualSz": "0", "actualPx": "",
        "reduceOnly": flag(it.restrictions.has(Restrictions::REDUCE_ONLY)),
        "tag": "", "lever": "", "failCode": "", "uTime": ms(it.time), "cTime": ms(it.time),
    })
}

/// A trade that is asked for.
pub(super) fn fill(it: &FillReport, traded: &Traded) -> Value {
    let sort = match it.cause {
        Cause::Owner => "1",
        Cause::Liquidation => "104",
        Cause::Deleveraging => "125",
        Cause::Settlement => "112",
    };
    json!({
        "instType": kind(traded.product), "instId": traded.native.as_str(),
        "tradeId": it.trade.as_str(), "billId": it.trade.as_str(), "ordId": text(it.venue),
        "clOrdId": text(it.client), "side": side_text(it.side), "posSide": leg_text(it.leg),
        "fillPx": price(traded, it.price), "fillSz": size(traded, it.quantity),
        "fee": fee(it.fee), "feeCcy": text(it.fee_currency), "execType": liquidity(it.liquidity),
        "subType": sort, "tag": "", "fillPnl": "0", "fillTime": ms(it.time), "ts": ms(it.time),
    })
}

/// A position; the venue counts a short leg upwards.
pub(super) fn position(it: &PositionReport, traded: &Traded) -> Value {
    let held = size(traded, Quantity(it.lots.unsigned_abs()));
    let is_net = it.leg == portfolio::Leg::Net;
    let pos = if is_net && it.lots < 0 { format!("-{held}") } else { held };
    let near = |at: Option<Price>| at.map(|at| price(traded, at)).unwrap_or_default();
    let entry = near(it.entry);
    json!({
        "instType": "SWAP", "instId": traded.native.as_str(), "posSide": leg_text(it.leg),
        "pos": pos, "avgPx": entry, "markPx": entry, "last": entry, "liqPx": near(it.liquidation),
        "lever": text(it.leverage), "mgnMode": "cross", "posId": "1", "ccy": "USDT", "upl": "0",
        "uplRatio": "0", "imr": "", "mmr": "", "margin": "", "mgnRatio": "", "notionalUsd": "",
        "adl": "0", "tradeId": "", "closeOrderAlgo": [], "uTime": ms(it.time), "cTime": ms(it.time),
    })
}

/// What is held of a coin.
pub(super) fn coin(it: &Balance, now: Timestamp) -> Value {
    // A profit that is not realised makes more free than there is in cash.
    let frozen = it.total.minus(it.available).unwrap_or(Money::ZERO).max(Money::ZERO);
    json!({
        "ccy": it.currency.as_str(), "cashBal": it.total.to_string(), "eq": it.total.to_string(),
        "availBal": it.available.to_string(), "availEq": it.available.to_string(),
        "frozenBal": frozen.to_string(), "ordFrozen": frozen.to_string(), "upl": "0",
        "eqUsd": "", "uTime": ms(now),
    })
}

/// The account's and the key's set-up.
pub(super) fn config(scope: Option<&KeyScope>, mode: Option<Mode>) -> Value {
    let may = |permission: Permission, word: &'static str| {
        (permission == Permission::Yes).then_some(word)
    };
    let all = scope.map(|scope| [may(scope.trade, "trade"), may(scope.withdraw, "withdraw")]);
    let words = all.into_iter().flatten().flatten();
    let perm: Vec<&str> = std::iter::once("read_only").chain(words).collect();
    let bound = scope.is_some_and(|scope| scope.restricted == Permission::Yes);
    json!({
        "uid": "1", "mainUid": "1", "acctLv": "2", "autoLoan": false, "greeksType": "PA",
        "posMode": mode.map(super::super::request::mode_text).unwrap_or_default(),
        "perm": perm.join(","), "ip": if bound { "203.0.113.7" } else { "" },
        "label": "box", "level": "Lv1", "roleType": "0", "type": "0", "ctIsoMode": "automatic",
    })
}
