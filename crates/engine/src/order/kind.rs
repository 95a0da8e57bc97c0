//! What an order asks for, and for how long.

use market::{Price, Rate, Timestamp};
use std::fmt;

/// When an order trades, and at which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// At once, at whatever price is there.
    Market,
    /// At this price or a better one.
    Limit {
        /// The worst price it accepts.
        price: Price,
    },
    /// A market order from the moment the market trades at the trigger or beyond it: up for a buy,
    /// down for a sell.
    Stop {
        /// Where it wakes.
        trigger: Price,
    },
    /// A limit order from the moment the market trades at the trigger or beyond it.
    StopLimit {
        /// Where it wakes.
        trigger: Price,
        /// The worst price it then accepts.
        price: Price,
    },
    /// A market order from the moment the market trades at the trigger or on the *better* side of
    /// it: down for a buy, up for a sell.
    Touched {
        /// Where it wakes.
        trigger: Price,
    },
    /// A limit order that wakes as [`OrderKind::Touched`] does.
    TouchedLimit {
        /// Where it wakes.
        trigger: Price,
        /// The worst price it then accepts.
        price: Price,
    },
    /// A stop whose trigger follows the market at a distance, towards profit only.
    Trailing {
        /// How far behind the best price since it became active.
        distance: Distance,
        /// It starts to follow once the market trades here; `None` for at once.
        from: Option<Price>,
    },
}

/// A distance between prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// So many ticks.
    Ticks(u64),
    /// This fraction of the price; worked out in ticks, rounded away from the price.
    Fraction(Rate),
}

/// How long an order waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTillCancelled,
    /// Not at all: what does not trade at once is cancelled.
    ImmediateOrCancel,
    /// Not at all: it trades whole at once or is cancelled whole.
    FillOrKill,
    /// Up to and including this moment.
    GoodTill(Timestamp),
}

/// What an order must not do; a refusal or a smaller order is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restrictions(u8);

impl Restrictions {
    /// Nothing is ruled out.
    pub const NONE: Self = Self(0);
    /// It must not take liquidity: refused if it would trade on arrival.
    pub const POST_ONLY: Self = Self(1);
    /// It must not enlarge a position: cut to what is held, refused if nothing is.
    pub const REDUCE_ONLY: Self = Self(2);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` hold.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// As one byte, for the tick log.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl OrderKind {
    /// The price it will not go beyond, once it is awake.
    #[must_use]
    pub const fn limit(self) -> Option<Price> {
        match self {
            Self::Limit { price }
            | Self::StopLimit { price, .. }
            | Self::TouchedLimit { price, .. } => Some(price),
            Self::Market | Self::Stop { .. } | Self::Touched { .. } | Self::Trailing { .. } => None,
        }
    }

    /// Where it wakes, if it sleeps at a fixed price.
    #[must_use]
    pub const fn trigger(self) -> Option<Price> {
        match self {
            Self::Stop { trigger }
            | Self::StopLimit { trigger, .. }
            | Self::Touched { trigger }
            | Self::TouchedLimit { trigger, .. } => Some(trigger),
            Self::Market | Self::Limit { .. } | Self::Trailing { .. } => None,
        }
    }

    /// What it becomes when it wakes.
    #[must_use]
    pub const fn awake(self) -> Self {
        match self.limit() {
            Some(price) => Self::Limit { price },
            None => Self::Market,
        }
    }

    /// Its name in tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit { .. } => "limit",
            Self::Stop { .. } => "stop",
            Self::StopLimit { .. } => "stop_limit",
            Self::Touched { .. } => "market_if_touched",
            Self::TouchedLimit { .. } => "limit_if_touched",
            Self::Trailing { .. } => "trailing_stop",
        }
    }
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoodTillCancelled => f.write_str("gtc"),
            Self::ImmediateOrCancel => f.write_str("ioc"),
            Self::FillOrKill => f.write_str("fok"),
            Self::GoodTill(until) => write!(f, "gtd {until}"),
        }
    }
}
