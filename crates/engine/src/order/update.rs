//! What a venue says about an order.

use super::OrderId;
use market::{Money, Price, Quantity, Side, Timestamp};
use portfolio::{Fill, InstrumentId};
use std::fmt;

/// A venue's word about one order, at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// Whose.
    pub order: OrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// When the venue did it.
    pub time: Timestamp,
    /// What it did.
    pub change: Change,
}

/// What a venue did with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It rests, or waits for its trigger.
    Accepted,
    /// It woke: its trigger was reached.
    Triggered,
    /// A part or all of it traded.
    Filled(Fill),
    /// Its price, trigger or size is another one now.
    Amended {
        /// What rests, all told.
        quantity: Quantity,
    },
    /// What was left of it is gone, and why.
    Ended {
        /// How much never traded.
        rest: Quantity,
        /// Why.
        why: Ending,
    },
    /// A cancel or an amendment came too late or made no sense; the order is as it was.
    Unchanged {
        /// Why.
        why: Reason,
    },
}

impl Change {
    /// Its name in logs and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Triggered => "triggered",
            Self::Filled(_) => "fill",
            Self::Amended { .. } => "amended",
            Self::Ended { .. } => "ended",
            Self::Unchanged { .. } => "unchanged",
        }
    }
}

/// Why an order, or the rest of it, is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its owner took it back.
    Cancelled,
    /// Its time was up: IOC, FOK, GTD, or the instrument closed.
    Expired,
    /// It was refused, and why.
    Refused(Reason),
}

/// An order, or a part of it, that never met the market; or a wish that never became an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The order; `None` for a wish.
    pub order: Option<OrderId>,
    /// The row on which it was refused.
    pub row: u32,
    /// When it was refused.
    pub time: Timestamp,
    /// What was to be traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much of it was refused.
    pub quantity: Quantity,
    /// Why.
    pub reason: Reason,
}

/// Why something was refused: the limit, the value and the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Notional and fee exceed what the account may still take on.
    Cash {
        /// Notional and fee of the whole order, or its initial margin and fee.
        needed: Money,
        /// What is free.
        available: Money,
    },
    /// There was nothing (left) to close.
    NothingToClose,
    /// The size comes to less than one lot.
    LessThanALot,
    /// The instrument never had a price.
    NeverPriced,
    /// A post-only order would have traded on arrival.
    WouldTake {
        /// Its limit.
        price: Price,
        /// The best price of the other side.
        best: Price,
    },
    /// The price lies off the venue's grid, or cannot exist.
    OffTick {
        /// The price.
        price: Price,
        /// The grid's step, in ticks.
        step: u32,
    },
    /// A stop whose trigger the market has passed already, or a touched one it has not left.
    WrongSide {
        /// Its trigger.
        trigger: Price,
        /// The market.
        market: Price,
    },
    /// The size lies outside the venue's bounds or off its step.
    Size {
        /// The size.
        size: Quantity,
        /// The least.
        min: Quantity,
        /// The most.
        max: Quantity,
        /// The step.
        step: u64,
    },
    /// Price × size is less than the venue takes.
    Notional {
        /// What it comes to.
        value: Money,
        /// The least.
        bound: Money,
    },
    /// There is not enough on the other side for a fill-or-kill order.
    Liquidity {
        /// What it wants.
        wanted: Quantity,
        /// What is there within its price.
        there: Quantity,
    },
    /// No order of this number is working.
    UnknownOrder,
    /// Orders of the instrument do not meet the market now.
    NotTrading,
    /// The venue has no such order, or the order no such price.
    Unsupported,
    /// A limit of the risk gate.
    Limit(Breach),
}

/// A limit of the risk gate, the value that breaks it and the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// Which limit.
    pub limit: Limit,
    /// What the order would make of it.
    pub value: Amount,
    /// What is allowed.
    pub bound: Amount,
}

/// A figure of a limit, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// An amount of the account's currency.
    Money(Money),
    /// Lots of the instrument.
    Lots(u64),
    /// Ticks of the instrument.
    Price(Price),
    /// A number of things.
    Count(u64),
    /// A fraction.
    Fraction(market::Rate),
    /// A moment.
    Time(Timestamp),
    /// A length of time.
    Span(crate::risk::Span),
    /// A state of the gate.
    State(crate::risk::State),
    /// A figure that nobody knows: a limit that needs it lets nothing enlarge.
    Unknown,
}

/// The limits of the risk gate, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// The gate's state allows no order of this sort.
    State,
    /// Size of one order.
    OrderSize,
    /// Value of one order.
    OrderNotional,
    /// Lots held once the order is through.
    Position,
    /// Value held in one instrument.
    PositionNotional,
    /// Σ |value| of all positions and working orders.
    Exposure,
    /// Σ |value| over equity.
    Leverage,
    /// Orders in a span of time.
    OrderRate,
    /// Orders that work at once.
    WorkingOrders,
    /// Distance of a price from the market.
    PriceCollar,
    /// The same order again within a span of time.
    Duplicate,
    /// Fall of equity from its peak.
    Drawdown,
    /// Fall of equity since the day began.
    DailyLoss,
    /// Stop losses in a span of time.
    StopLossGuard,
    /// Rest after an exit.
    CoolDown,
    /// Round trips of an instrument that earned too little.
    LowProfit,
    /// The instrument is locked.
    Lock,
    /// The price it would trade at is too old.
    StalePrice,
}

impl Limit {
    /// Its name in settings, tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::OrderSize => "order_size",
            Self::OrderNotional => "order_notional",
            Self::Position => "position",
            Self::PositionNotional => "position_notional",
            Self::Exposure => "exposure",
            Self::Leverage => "leverage",
            Self::OrderRate => "order_rate",
            Self::WorkingOrders => "working_orders",
            Self::PriceCollar => "price_collar",
            Self::Duplicate => "duplicate",
            Self::Drawdown => "drawdown",
            Self::DailyLoss => "daily_loss",
            Self::StopLossGuard => "stop_loss_guard",
            Self::CoolDown => "cool_down",
            Self::LowProfit => "low_profit",
            Self::Lock => "lock",
            Self::StalePrice => "stale_price",
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money(money) => write!(f, "{money}"),
            Self::Lots(lots) => write!(f, "{lots} lots"),
            Self::Price(price) => write!(f, "{} ticks", price.0),
            Self::Count(count) => write!(f, "{count}"),
            Self::Fraction(rate) => write!(f, "{rate}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::Span(span) => write!(f, "{span}"),
            Self::State(state) => write!(f, "{state}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, value, bound } = self;
        let name = limit.name();
        match (value, bound) {
            (Amount::State(state), _) => write!(f, "{name}: {state}"),
            (Amount::Time(_), Amount::Time(until)) => write!(f, "{name}: locked until {until}"),
            (Amount::Time(_), Amount::Unknown) => write!(f, "{name}: locked until it is lifted"),
            _ => write!(f, "{name}: {value}, the limit is {bound}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cash { needed, available } => {
                write!(f, "needs {needed}, the account may take on {available}")
            }
            Self::NothingToClose => f.write_str("nothing is left to close"),
            Self::LessThanALot => f.write_str("the size is less than one lot"),
            Self::NeverPriced => f.write_str("the instrument never had a price"),
            Self::WouldTake { price, best } => {
                write!(f, "post-only at {} would trade at {} at once", price.0, best.0)
            }
            Self::OffTick { price, step } => {
                write!(f, "the price of {} ticks is no positive multiple of {step}", price.0)
            }
            Self::WrongSide { trigger, market } => {
                write!(f, "the trigger at {} lies on the wrong side of {}", trigger.0, market.0)
            }
            Self::Size { size, min, max, step } => {
                let (size, min, max) = (size.0, min.0, max.0);
                write!(f, "{size} lots, the venue takes {min} to {max} in steps of {step}")
            }
            Self::Notional { value, bound } => {
                write!(f, "comes to {value}, the venue takes {bound} and more")
            }
            Self::Liquidity { wanted, there } => {
                write!(f, "wants {} lots at once, {} are there", wanted.0, there.0)
            }
            Self::UnknownOrder => f.write_str("no such order is working"),
            Self::NotTrading => f.write_str("the instrument does not trade now"),
            Self::Unsupported => {
                f.write_str("the venue has no such order, or the order no such price")
            }
            Self::Limit(breach) => write!(f, "{breach}"),
        }
    }
}
