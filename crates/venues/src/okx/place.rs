//! New orders as the venue wants them.
//!
//! Orders that meet the market: <https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-place-order>.
//! Orders that wait: <https://www.okx.com/docs-v5/en/#order-book-trading-algo-trading-post-place-algo-order>.
//! A stop is the venue's stop-loss, which wakes on the losing side of the market for its side; an
//! order if touched is its take-profit.

use super::{
    request::{Target, traded, unsupported},
    text::{self, close, push},
};
use crate::{Error, Setup};
use engine::{
    live::{AttachedStop, Mode, NewOrder, Scope},
    order::{Distance, OrderKind, Restrictions, Shortfall, Ticket, TimeInForce},
};
use market::{Price, Product, Quantity, Side, Traded};
use portfolio::Leg;

/// The request that makes an order.
pub(super) fn place(setup: &Setup, order: &NewOrder) -> Result<Target, Error> {
    let ticket = &order.ticket;
    let traded = traded(setup, ticket.instrument)?;
    if ticket.display.is_some() {
        return Err(unsupported("iceberg"));
    }
    let waits = !matches!(ticket.kind, OrderKind::Market | OrderKind::Limit { .. });
    let mut body = String::with_capacity(320);
    body.push('{');
    push(&mut body, "instId", traded.native.as_str());
    push(&mut body, "tdMode", trade_mode(setup.product));
    push(&mut body, if waits { "algoClOrdId" } else { "clOrdId" }, order.client.as_str());
    push(&mut body, "side", side_text(ticket.side));
    let whole = waits && order.scope == Scope::Position && setup.product == Product::Perpetual;
    if whole {
        push(&mut body, "closeFraction", "1");
    } else {
        let mut value = String::new();
        size(traded, ticket.quantity, &mut value)?;
        push(&mut body, "sz", &value);
    }
    owner(setup, ticket, whole, &mut body)?;
    if let Some(stop) = &order.stop {
        attach(traded, ticket, stop, &mut body)?;
    }
    if waits {
        let buys_coins = setup.product == Product::Spot && ticket.side == Side::Buy;
        if buys_coins && matches!(ticket.kind, OrderKind::Trailing { .. }) {
            // The documentation does not say in which coin its size is.
            return Err(unsupported("trailing purchase on spot"));
        }
        if buys_coins && ticket.kind.limit().is_none() {
            // As with a market order, it would be for so much of the quote currency.
            push(&mut body, "tgtCcy", "base_ccy");
        }
        algo(traded, ticket, whole, &mut body)?;
        close(&mut body);
        return Ok(Target::post("/api/v5/trade/order-algo", body));
    }
    plain(setup, traded, ticket, &mut body)?;
    close(&mut body);
    let target = Target::post("/api/v5/trade/order", body);
    Ok(Target { expires: true, ..target })
}

/// Coins are paid in full, contracts share the account's margin.
pub(super) const fn trade_mode(product: Product) -> &'static str {
    match product {
        Product::Spot => "cash",
        Product::Perpetual => "cross",
    }
}

pub(super) const fn side_text(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Appends a size in coins or contracts.
pub(super) fn size(traded: &Traded, size: Quantity, out: &mut String) -> Result<(), Error> {
    out.clear();
    if traded.push_size(size, out) { Ok(()) } else { Err(unsupported("part of a contract's step")) }
}

/// Which position it is for, and whether it may enlarge it.
fn owner(setup: &Setup, ticket: &Ticket, whole: bool, body: &mut String) -> Result<(), Error> {
    let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY);
    match (setup.product, setup.mode, ticket.leg) {
        // A sale of coins that are paid in full can make no debt.
        (Product::Spot, _, _) if reduces && ticket.side == Side::Buy => {
            return Err(unsupported("purchase on spot that reduces a position"));
        }
        (Product::Spot, _, _) => {}
        (_, Mode::OneWay, Leg::Net) => {
            if reduces || whole {
                body.push_str("\"reduceOnly\":true,");
            }
        }
        (_, Mode::Hedge, leg @ (Leg::Long | Leg::Short)) => {
            if (reduces || whole) && !text::closes(leg, ticket.side) {
                return Err(unsupported("order that enlarges the leg it is to reduce"));
            }
            push(body, "posSide", text::leg_text(leg));
        }
        (_, Mode::Hedge, Leg::Net) => return Err(unsupported("order of no leg in hedge mode")),
        (_, Mode::OneWay, _) => return Err(unsupported("order of a leg in one-way mode")),
    }
    Ok(())
}

/// A stop that the order brings along. The venue makes an order of it, under this name, once the order
/// is over, for what it traded: wholly, or in part with the rest cancelled.
/// <https://www.okx.com/en-eu/help/okx-announcement-on-optimizing-order-placement-for-order-attached-take>
fn attach(
    traded: &Traded,
    ticket: &Ticket,
    stop: &AttachedStop,
    body: &mut String,
) -> Result<(), Error> {
    let meets = matches!(ticket.kind, OrderKind::Market | OrderKind::Limit { .. });
    if !meets || traded.product == Product::Spot {
        return Err(unsupported("stop that comes along with such an order"));
    }
    body.push_str("\"attachAlgoOrds\":[{");
    push(body, "attachAlgoClOrdId", stop.client.as_str());
    push_price(body, "slTriggerPx", traded, stop.trigger);
    push(body, "slOrdPx", "-1");
    push(body, "slTriggerPxType", "last");
    close(body);
    body.push_str("],");
    Ok(())
}

fn push_price(body: &mut String, name: &str, traded: &Traded, price: Price) {
    let mut value = String::new();
    traded.push_price(price, &mut value);
    push(body, name, &value);
}

/// An order that meets the market.
fn plain(setup: &Setup, traded: &Traded, ticket: &Ticket, body: &mut String) -> Result<(), Error> {
    let post_only = ticket.restrictions.has(Restrictions::POST_ONLY);
    let OrderKind::Limit { price } = ticket.kind else {
        if post_only {
            return Err(unsupported("post-only market order"));
        }
        return market_order(setup, ticket, body);
    };
    let kind = match (ticket.tif, post_only) {
        (TimeInForce::GoodTillCancelled, false) => "limit",
        (TimeInForce::GoodTillCancelled, true) => "post_only",
        (TimeInForce::ImmediateOrCancel, false) => "ioc",
        (TimeInForce::FillOrKill, false) => "fok",
        (TimeInForce::GoodTill(_), _) => return Err(unsupported("order good till a moment")),
        (_, true) => return Err(unsupported("post-only order that may not rest")),
    };
    push(body, "ordType", kind);
    push_price(body, "px", traded, price);
    Ok(())
}

fn market_order(setup: &Setup, ticket: &Ticket, body: &mut String) -> Result<(), Error> {
    match (setup.product, ticket.tif) {
        (Product::Spot, TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel) => {
            push(body, "ordType", "market");
            // Without these, a purchase is for so much of the quote currency, and is cut to what is there.
            push(body, "tgtCcy", "base_ccy");
            if ticket.shortfall == Shortfall::Reject {
                body.push_str("\"banAmend\":true,");
            }
        }
        (Product::Perpetual, TimeInForce::GoodTillCancelled) => push(body, "ordType", "market"),
        (Product::Perpetual, TimeInForce::ImmediateOrCancel) => {
            push(body, "ordType", "optimal_limit_ioc");
        }
        _ => return Err(unsupported("market order of this time in force")),
    }
    Ok(())
}

/// An order that waits for a trigger, by the last price.
fn algo(traded: &Traded, ticket: &Ticket, whole: bool, body: &mut String) -> Result<(), Error> {
    if ticket.tif != TimeInForce::GoodTillCancelled {
        return Err(unsupported("conditional order of this time in force"));
    }
    if ticket.restrictions.has(Restrictions::POST_ONLY) {
        return Err(unsupported("conditional order that is post-only"));
    }
    let mut pair = |names: [&str; 2], trigger: Price, limit: Option<Price>| {
        push(body, "ordType", "conditional");
        let [at, then] = names;
        push_price(body, at, traded, trigger);
        match limit {
            Some(price) => push_price(body, then, traded, price),
            None => push(body, then, "-1"),
        }
    };
    let (stop, touched) = (["slTriggerPx", "slOrdPx"], ["tpTriggerPx", "tpOrdPx"]);
    match ticket.kind {
        OrderKind::Stop { trigger } => pair(stop, trigger, None),
        OrderKind::Touched { trigger } => pair(touched, trigger, None),
        _ if whole => return Err(unsupported("such an order for a whole position")),
        OrderKind::StopLimit { trigger, price } => pair(stop, trigger, Some(price)),
        OrderKind::TouchedLimit { trigger, price } => pair(touched, trigger, Some(price)),
        OrderKind::Trailing { distance, from } => {
            push(body, "ordType", "move_order_stop");
            match distance {
                Distance::Fraction(rate) => push(body, "callbackRatio", &rate.to_string()),
                Distance::Ticks(ticks) => {
                    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
                    push_price(body, "callbackSpread", traded, Price(ticks));
                }
            }
            if let Some(from) = from {
                push_price(body, "activePx", traded, from);
            }
        }
        OrderKind::Market | OrderKind::Limit { .. } => {}
    }
    Ok(())
}
