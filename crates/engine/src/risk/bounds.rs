//! Bounds of single orders, positions and the account, each as a comparison of two figures. What
//! cannot be worked out is a breach: nothing is enlarged on an unknown figure.

use super::{Bounds, Facts};
use crate::order::{Amount, Breach, Distance, Limit, OrderKind, Ticket};
use market::{Money, Price, Rate};

/// What an order that may enlarge a position does to the account.
pub(super) struct Load<'a> {
    pub(super) ticket: &'a Ticket,
    pub(super) facts: &'a Facts,
    /// Lots that it takes off what is held.
    pub(super) closing: u64,
    /// Lots that may enlarge.
    pub(super) opening: u64,
}

impl Load<'_> {
    /// Size and value of the order.
    pub(super) fn order(&self, bounds: &Bounds) -> Option<Breach> {
        let size = self.ticket.quantity;
        if let Some(bound) = bounds.order_size
            && size > bound
        {
            return breach(Limit::OrderSize, Amount::Lots(size.0), Amount::Lots(bound.0));
        }
        over(Limit::OrderNotional, self.value(), bounds.order_notional?)
    }

    /// Lots and value held once the order is through.
    pub(super) fn position(&self, bounds: &Bounds) -> Option<Breach> {
        if bounds.position.is_none() && bounds.position_notional.is_none() {
            return None;
        }
        let lots = self.facts.lots_after(self.ticket);
        if let Some(bound) = bounds.position
            && lots > bound.0
        {
            return breach(Limit::Position, Amount::Lots(lots), Amount::Lots(bound.0));
        }
        over(Limit::PositionNotional, self.share(lots), bounds.position_notional?)
    }

    /// Σ |value| of positions and orders, alone and over equity.
    pub(super) fn exposure(&self, most: Option<Money>, leverage: Option<Rate>) -> Option<Breach> {
        if most.is_none() && leverage.is_none() {
            return None;
        }
        let exposure = self.exposure_after();
        if let Some(bound) = most
            && let Some(breach) = over(Limit::Exposure, exposure, bound)
        {
            return Some(breach);
        }
        let (bound, equity) = (leverage?, self.facts.equity);
        // Exactly: exposure × 1 ≤ bound × equity. Without equity, any exposure is too much.
        let left = exposure.and_then(|exposure| exposure.0.checked_mul(Rate::ONE.0));
        let right = bound.0.checked_mul(equity.0);
        if equity > Money::ZERO
            && matches!((left, right), (Some(left), Some(right)) if left <= right)
        {
            return None;
        }
        let ratio = exposure.filter(|_| equity > Money::ZERO);
        let ratio = ratio.and_then(|exposure| Rate::ratio(exposure, equity).ok());
        let value = ratio.map_or(Amount::Unknown, Amount::Fraction);
        breach(Limit::Leverage, value, Amount::Fraction(bound))
    }

    /// What is there, and what the order opens. An order that crosses zero closes first: what it
    /// takes off a position counts off.
    pub(super) fn exposure_after(&self) -> Option<Money> {
        let (facts, held) = (self.facts, self.facts.held.unsigned_abs());
        let opened = self.share(self.opening)?;
        let closed = match held {
            0 => Money::ZERO,
            _ => facts.held_value.scaled(i128::from(self.closing), i128::from(held)).ok()?,
        };
        let there = facts.gross.plus(facts.opening).ok()?;
        there.plus(opened).ok()?.minus(closed).ok()
    }

    pub(super) fn value(&self) -> Option<Money> {
        self.facts.value?.0.checked_abs().map(Money)
    }

    /// The value of so many lots at the order's price.
    pub(super) fn share(&self, lots: u64) -> Option<Money> {
        let quantity = i128::from(self.ticket.quantity.0);
        if lots == 0 {
            return Some(Money::ZERO);
        }
        self.value()?.scaled(i128::from(lots), quantity).ok()
    }
}

/// Orders that work, this one included.
pub(super) fn working(most: Option<u64>, facts: &Facts) -> Option<Breach> {
    let (bound, value) = (most?, facts.working.saturating_add(1));
    if value <= bound {
        return None;
    }
    breach(Limit::WorkingOrders, Amount::Count(value), Amount::Count(bound))
}

/// The age of the latest price, and how far from it the order's prices lie.
pub(super) fn price(bounds: &Bounds, ticket: &Ticket, facts: &Facts) -> Option<Breach> {
    if bounds.stale_price.is_none() && bounds.price_collar.is_none() {
        return None;
    }
    if let Some(bound) = bounds.stale_price {
        let age = facts.reference.map(|it| super::Span::between(it.time, facts.now));
        if age.is_none_or(|age| age > bound) {
            let value = age.map_or(Amount::Unknown, Amount::Span);
            return breach(Limit::StalePrice, value, Amount::Span(bound));
        }
    }
    let collar = bounds.price_collar?;
    let prices = prices(ticket, facts);
    let band = facts.reference.and_then(|it| band(it.price, collar));
    let Some((low, high)) = band else {
        let first = prices.into_iter().flatten().next()?;
        return breach(Limit::PriceCollar, Amount::Price(first), Amount::Unknown);
    };
    for price in prices.into_iter().flatten() {
        if price < low {
            return breach(Limit::PriceCollar, Amount::Price(price), Amount::Price(low));
        }
        if price > high {
            return breach(Limit::PriceCollar, Amount::Price(price), Amount::Price(high));
        }
    }
    None
}

/// Every price that an order names, or is expected to trade at.
pub(super) fn prices(ticket: &Ticket, facts: &Facts) -> [Option<Price>; 3] {
    let kind = ticket.kind;
    let third = match kind {
        OrderKind::Market => facts.expected,
        OrderKind::Trailing { from, .. } => from,
        _ => None,
    };
    [kind.limit(), kind.trigger(), third]
}

/// The lowest and the highest price that lie within a distance, in whole ticks.
pub(super) fn band(reference: Price, collar: Distance) -> Option<(Price, Price)> {
    let width = match collar {
        Distance::Ticks(ticks) => i128::from(ticks),
        Distance::Fraction(rate) => {
            i128::from(reference.0).abs().checked_mul(rate.0)?.div_euclid(Rate::ONE.0)
        }
    };
    let clamp = |price: i128| {
        let price = price.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        i64::try_from(price).ok().map(Price)
    };
    let middle = i128::from(reference.0);
    Some((clamp(middle.checked_sub(width)?)?, clamp(middle.checked_add(width)?)?))
}

fn over(limit: Limit, value: Option<Money>, bound: Money) -> Option<Breach> {
    if value.is_some_and(|value| value <= bound) {
        return None;
    }
    breach(limit, value.map_or(Amount::Unknown, Amount::Money), Amount::Money(bound))
}

#[allow(clippy::unnecessary_wraps, reason = "every caller answers with an option")]
const fn breach(limit: Limit, value: Amount, bound: Amount) -> Option<Breach> {
    Some(Breach { limit, value, bound })
}
