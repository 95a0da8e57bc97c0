//! Which of two prices is worse, from the side that trades.

use market::{Price, Side};

/// The one that is worse to trade at.
pub(super) fn worse(side: Side, a: Price, b: Price) -> Price {
    match side {
        Side::Buy => a.max(b),
        Side::Sell => a.min(b),
    }
}

/// The one that is better to trade at.
pub(super) fn better(side: Side, a: Price, b: Price) -> Price {
    worse(side.opposite(), a, b)
}

/// Whether a limit accepts this price.
pub(super) fn within(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// Whether the market stands strictly beyond a resting limit: whoever rests there has traded.
pub(super) fn through(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price < limit,
        Side::Sell => price > limit,
    }
}

/// `ticks` worse than a price.
pub(super) fn beyond(side: Side, price: Price, ticks: u64) -> Price {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    match side {
        Side::Buy => Price(price.0.saturating_add(ticks)),
        Side::Sell => Price(price.0.saturating_sub(ticks)),
    }
}
