//! The venue's words, for both ends.

use engine::{
    live::{Cause, OrderReport, OrderState},
    order::{Distance, OrderKind, Restrictions},
};
use market::{Price, Product, Rate, Side, Traded};
use portfolio::Leg;

/// `BUY`, `SELL`.
pub(super) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// The side of this name.
pub(super) fn side(name: &str) -> Option<Side> {
    match name {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// `BOTH`, `LONG`, `SHORT`.
pub(super) const fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Net => "BOTH",
        Leg::Long => "LONG",
        Leg::Short => "SHORT",
    }
}

/// The leg of this name; of spot, which has none, [`Leg::Net`].
pub(super) fn leg(name: Option<&str>) -> Option<Leg> {
    match name {
        None | Some("BOTH") => Some(Leg::Net),
        Some("LONG") => Some(Leg::Long),
        Some("SHORT") => Some(Leg::Short),
        Some(_) => None,
    }
}

/// Whether this side can only shrink this leg.
pub(super) const fn closes(leg: Leg, side: Side) -> bool {
    matches!((leg, side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy))
}

/// An order's type at the venue.
pub(super) const fn type_name(
    product: Product,
    kind: OrderKind,
    restrictions: Restrictions,
) -> &'static str {
    match (product, kind) {
        (_, OrderKind::Market) => "MARKET",
        (Product::Spot, OrderKind::Limit { .. }) if restrictions.has(Restrictions::POST_ONLY) => {
            "LIMIT_MAKER"
        }
        (_, OrderKind::Limit { .. }) => "LIMIT",
        (Product::Spot, OrderKind::Stop { .. } | OrderKind::Trailing { .. }) => "STOP_LOSS",
        (Product::Spot, OrderKind::StopLimit { .. }) => "STOP_LOSS_LIMIT",
        (Product::Spot, OrderKind::TouchedLimit { .. }) => "TAKE_PROFIT_LIMIT",
        (Product::Perpetual, OrderKind::Stop { .. }) => "STOP_MARKET",
        (Product::Perpetual, OrderKind::StopLimit { .. }) => "STOP",
        (Product::Perpetual, OrderKind::Touched { .. }) => "TAKE_PROFIT_MARKET",
        // A market order of spot, a limit order of the futures.
        (Product::Spot, OrderKind::Touched { .. })
        | (Product::Perpetual, OrderKind::TouchedLimit { .. }) => "TAKE_PROFIT",
        (Product::Perpetual, OrderKind::Trailing { .. }) => "TRAILING_STOP_MARKET",
    }
}

/// Whether an order waits for a trigger.
pub(super) const fn waits(kind: OrderKind) -> bool {
    !matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}

/// What an order's type and prices are at the venue.
#[derive(Default, Clone, Copy)]
pub(super) struct Shape<'a> {
    /// Its type.
    pub(super) name: &'a str,
    /// Its limit.
    pub(super) price: &'a str,
    /// Its trigger.
    pub(super) trigger: &'a str,
    /// How far a trailing stop of spot follows, in hundredths of a per cent.
    pub(super) delta: Option<i64>,
    /// How far one of the futures follows, in per cent.
    pub(super) rate: Option<&'a str>,
    /// From where on it follows.
    pub(super) from: Option<&'a str>,
    /// `GTC`, `GTX`, …
    pub(super) tif: &'a str,
}

/// 1/10,000 in units of a rate.
const BASIS_POINT: i128 = Rate::ONE.0 / 10_000;

impl Shape<'_> {
    /// The kind of order, and what its type forbids it; [`None`] for one that this version does not
    /// know.
    pub(super) fn kind(&self, product: Product, one: &Traded) -> Option<(OrderKind, Restrictions)> {
        let price = || one.price(self.price);
        let trigger = || one.price(self.trigger);
        let kind = match (product, self.name) {
            (_, "MARKET") => OrderKind::Market,
            (_, "LIMIT" | "LIMIT_MAKER") => OrderKind::Limit { price: price()? },
            // An order of the venue's own: at its price, if it has one.
            (Product::Perpetual, "LIQUIDATION") => match price() {
                Some(price) if price.0 > 0 => OrderKind::Limit { price },
                _ => OrderKind::Market,
            },
            (Product::Spot, "STOP_LOSS") if self.delta.is_some_and(|delta| delta > 0) => {
                let fraction = Rate(i128::from(self.delta?) * BASIS_POINT);
                OrderKind::Trailing { distance: Distance::Fraction(fraction), from: None }
            }
            (Product::Spot, "STOP_LOSS") | (Product::Perpetual, "STOP_MARKET") => {
                OrderKind::Stop { trigger: trigger()? }
            }
            (Product::Spot, "STOP_LOSS_LIMIT") | (Product::Perpetual, "STOP") => {
                OrderKind::StopLimit { trigger: trigger()?, price: price()? }
            }
            (Product::Spot, "TAKE_PROFIT") | (Product::Perpetual, "TAKE_PROFIT_MARKET") => {
                OrderKind::Touched { trigger: trigger()? }
            }
            (Product::Spot, "TAKE_PROFIT_LIMIT") | (Product::Perpetual, "TAKE_PROFIT") => {
                OrderKind::TouchedLimit { trigger: trigger()?, price: price()? }
            }
            (Product::Perpetual, "TRAILING_STOP_MARKET") => self.trailing(one)?,
            _ => return None,
        };
        let post_only = self.name == "LIMIT_MAKER" || self.tif == "GTX";
        let restrictions = if post_only { Restrictions::POST_ONLY } else { Restrictions::NONE };
        Some((kind, restrictions))
    }

    fn trailing(&self, one: &Traded) -> Option<OrderKind> {
        let distance = match self.rate {
            Some(rate) if rate != "0" => Distance::Fraction(Rate(Rate::parse(rate).ok()?.0 / 100)),
            _ => Distance::Ticks(0),
        };
        let from = match self.from {
            Some(text) => Some(one.price(text)?).filter(|price| *price != Price(0)),
            None => None,
        };
        Some(OrderKind::Trailing { distance, from })
    }
}

/// A fraction as the venue writes it in per cent; [`None`] if a hundred times it has no end.
pub(super) fn per_cent(rate: Rate) -> Option<String> {
    rate.0.checked_mul(100).map(|hundred| Rate(hundred).to_string())
}

/// A fraction in hundredths of a per cent, if it is a whole number of them.
pub(super) fn basis_points(rate: Rate) -> Option<i64> {
    let whole = rate.0 > 0 && rate.0 % BASIS_POINT == 0;
    whole.then(|| i64::try_from(rate.0 / BASIS_POINT).ok()).flatten()
}

/// How an order of the plain book stands.
pub(super) fn state(status: &str) -> Option<OrderState> {
    Some(match status {
        // PENDING_CANCEL is listed as unused: it is not gone yet. PENDING_NEW waits for another order.
        // The last two are the venue's own orders, of liquidation and deleveraging.
        "NEW" | "PARTIALLY_FILLED" | "PENDING_NEW" | "PENDING_CANCEL" | "NEW_INSURANCE"
        | "NEW_ADL" => OrderState::Working,
        "FILLED" => OrderState::Filled,
        "CANCELED" => OrderState::Cancelled,
        "REJECTED" => OrderState::Rejected,
        "EXPIRED" | "EXPIRED_IN_MATCH" => OrderState::Expired,
        _ => return None,
    })
}

/// The venue's word for a state of a plain order.
pub(super) const fn state_name(state: OrderState, is_partial: bool) -> &'static str {
    match (state, is_partial) {
        (OrderState::Waiting | OrderState::Triggered | OrderState::Working, false) => "NEW",
        (OrderState::Waiting | OrderState::Triggered | OrderState::Working, true) => {
            "PARTIALLY_FILLED"
        }
        (OrderState::Filled, _) => "FILLED",
        (OrderState::Cancelled, _) => "CANCELED",
        (OrderState::Expired, _) => "EXPIRED",
        (OrderState::Rejected, _) => "REJECTED",
    }
}

/// Who made an order: the venue names its own.
pub(super) fn cause(client: &str) -> Cause {
    if client.starts_with("autoclose-") {
        Cause::Liquidation
    } else if client.starts_with("adl_autoclose") {
        Cause::Deleveraging
    } else if client.starts_with("settlement_autoclose-")
        || client.starts_with("delivery_autoclose-")
    {
        Cause::Settlement
    } else {
        Cause::Owner
    }
}

/// The name of an order as the venue tells it: what it made itself has names of its own.
pub(super) fn told_name(order: &OrderReport) -> String {
    let own = match order.cause {
        Cause::Owner => return order.client.map(|client| client.to_string()).unwrap_or_default(),
        Cause::Liquidation => "autoclose-",
        Cause::Deleveraging => return "adl_autoclose".to_owned(),
        Cause::Settlement => "settlement_autoclose-",
    };
    order
        .client
        .map_or_else(|| format!("{own}{}", order.time.nanos() / 1_000_000), |c| c.to_string())
}
