//! What the gate is asked to hold: bounds of orders and positions, equity limits, protections.

use super::{Day, Span, State};
use crate::order::Distance;
use market::{Money, Quantity, Rate};
use portfolio::InstrumentId;

/// Everything the gate holds; what is left out is not looked at. A bound itself is allowed, what
/// lies beyond it is not. Money is in the account's currency.
///
/// ```
/// use engine::risk::{Bounds, Gate, Limits};
/// use market::Money;
///
/// let bounds = Bounds { order_notional: Some(Money::from_whole(500)), ..Bounds::default() };
/// let limits = Limits { bounds, ..Limits::default() };
/// assert!(Gate::new(limits).is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of every instrument.
    pub bounds: Bounds,
    /// Of single instruments, in any order: what is set there goes before `bounds`.
    pub instruments: Vec<(InstrumentId, Bounds)>,
    /// Σ |value| of positions and of working orders that may enlarge one.
    pub exposure: Option<Money>,
    /// The same over equity.
    pub leverage: Option<Rate>,
    /// Orders in a sliding span.
    pub order_rate: Option<OrderRate>,
    /// Orders that work at once.
    pub working_orders: Option<u64>,
    /// The same order again (instrument, leg, side, size, kind, prices) within this span.
    pub duplicate: Option<Span>,
    /// Fall of equity from its peak. It stays tripped until someone releases it.
    pub drawdown: Option<Drawdown>,
    /// Fall of equity since the day began. It stays tripped until the next day begins.
    pub daily_loss: Option<DailyLoss>,
    /// What locks instruments for a while; each kind may come several times.
    pub protections: Vec<Protection>,
}

/// Bounds of one instrument's orders and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Lots of one order.
    pub order_size: Option<Quantity>,
    /// |value| of one order.
    pub order_notional: Option<Money>,
    /// |lots| held once the order and all others of its side are through.
    pub position: Option<Quantity>,
    /// The value of that, at the order's price.
    pub position_notional: Option<Money>,
    /// How far a limit, a trigger or an expected price may lie from the latest price.
    pub price_collar: Option<Distance>,
    /// How old the latest price may be.
    pub stale_price: Option<Span>,
}

/// So many orders in a sliding span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRate {
    /// How many.
    pub orders: u32,
    /// In how long.
    pub span: Span,
}

/// What a limit on equity does once it trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restraint {
    /// Nothing enlarges a position any more; what works goes on.
    ReduceOnly,
    /// The same, and working orders that may enlarge are cancelled.
    Halt,
}

/// A limit on the fall of equity from its peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawdown {
    /// The fall as a fraction of the peak.
    pub fall: Rate,
    /// What happens beyond it.
    pub then: Restraint,
}

/// A limit on the fall of equity since the day began, that is since the last figure before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyLoss {
    /// The fall, or its fraction of the equity at which the day began.
    pub loss: Threshold,
    /// When a day begins.
    pub day: Day,
    /// What happens beyond it.
    pub then: Restraint,
}

/// An amount, or a fraction of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Of the account's currency.
    Money(Money),
    /// Of what the user of this type says.
    Fraction(Rate),
}

/// What locks instruments for a while. A lock stops what would enlarge a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// So many round trips that a stop loss or a liquidation ended at a loss, within a span.
    StopLossGuard {
        /// How many.
        losses: u32,
        /// In how long.
        span: Span,
        /// How long the lock lasts.
        rest: Span,
        /// What is counted together, and locked.
        reach: Reach,
        /// Whether longs and shorts count together.
        sides: Sides,
    },
    /// A fall of equity from its highest within a span: locks everything, then starts anew from
    /// the equity of that moment.
    Drawdown {
        /// The fall as a fraction of the highest.
        fall: Rate,
        /// In how long; the highest is kept for up to a 64th longer.
        span: Span,
        /// How long the lock lasts.
        rest: Span,
    },
    /// A rest after a round trip ended.
    CoolDown {
        /// After which ones.
        after: TripEnd,
        /// How long the lock lasts.
        rest: Span,
        /// What is locked.
        reach: Reach,
    },
    /// The last so many round trips of an instrument, all within a span, earned less than this
    /// together.
    LowProfit {
        /// How many.
        trips: u32,
        /// In how long.
        span: Span,
        /// The least that is enough: profit after fees, or its fraction of what was entered.
        least: Threshold,
        /// How long the lock lasts.
        rest: Span,
    },
}

/// How far a protection reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The instrument that it happened to.
    Instrument,
    /// All of them.
    All,
}

/// Whether longs and shorts are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// They count together and are locked together.
    Together,
    /// Each counts alone; only the side that it happened to is locked.
    Apart,
}

/// How a round trip ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TripEnd {
    /// With a profit after fees.
    Win,
    /// With a loss, or with nothing.
    Loss,
}

impl Restraint {
    /// The state that it puts the gate in.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::ReduceOnly => State::ReduceOnly,
            Self::Halt => State::Halted,
        }
    }
}

impl Bounds {
    /// These, and `fallback` where nothing is set.
    #[must_use]
    pub(super) fn or(self, fallback: Self) -> Self {
        Self {
            order_size: self.order_size.or(fallback.order_size),
            order_notional: self.order_notional.or(fallback.order_notional),
            position: self.position.or(fallback.position),
            position_notional: self.position_notional.or(fallback.position_notional),
            price_collar: self.price_collar.or(fallback.price_collar),
            stale_price: self.stale_price.or(fallback.stale_price),
        }
    }
}

impl Limits {
    /// Whether a check has anything to look at while the gate is open and nothing is locked.
    pub(super) fn bound_orders(&self) -> bool {
        self.bounds != Bounds::default()
            || !self.instruments.is_empty()
            || self.exposure.is_some()
            || self.leverage.is_some()
            || self.order_rate.is_some()
            || self.working_orders.is_some()
            || self.duplicate.is_some()
    }

    /// Whether anything follows equity.
    pub(super) fn follow_equity(&self) -> bool {
        let windowed = |one: &Protection| matches!(one, Protection::Drawdown { .. });
        self.drawdown.is_some()
            || self.daily_loss.is_some()
            || self.protections.iter().any(windowed)
    }
}
