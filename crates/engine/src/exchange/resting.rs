//! An order at the venue.

use super::{
    price::{better, beyond, within},
    slippage::fraction,
};
use crate::order::{Distance, Order, OrderKind, Restrictions, TimeInForce};
use market::{Listing, Price, Quantity, Side, Timestamp, Towards};

/// An order that works: it rests, or waits for its trigger or its next price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// What was asked, as amended since.
    pub order: Order,
    /// What has not traded yet.
    pub left: Quantity,
    /// Whether it waits for a trigger.
    pub stage: Stage,
    /// Its number by arrival; later if it lost its place.
    pub(super) place: u64,
    /// When it reached the venue.
    pub(super) arrived: Timestamp,
    /// Whether the market met it before.
    pub(super) since: Since,
    /// The best price since a trailing stop became active.
    pub(super) best: Option<Price>,
    /// The bar whose path it was held against last, and which part of the path.
    pub(super) walked: Option<(Timestamp, Walk)>,
    /// Its place in a book's queue.
    pub(super) queue: Place,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its trigger.
    Asleep,
    /// It meets the market.
    Awake,
    /// It is done; nothing can happen to it.
    Ended,
}

/// Whether an order met the market before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Not yet: what it trades with, it takes.
    New,
    /// It did, and rests.
    Rested,
}

/// Which part of a bar's path an order saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// All that came after the open.
    Whole,
    /// An unknown part: it arrived on the way.
    Late,
}

/// A place in the queue of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Lots of others that trade first; `None` while the level cannot be seen.
    pub(super) ahead: Option<u64>,
    /// What printed there since the level was told last.
    pub(super) printed: u64,
    /// Lots of ours that stand there: an iceberg shows a part only.
    pub(super) shown: u64,
}

/// What decides the price at which an order takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    pub(super) side: Side,
    pub(super) lots: u64,
    pub(super) limit: Option<Price>,
}

/// On which side of its trigger an order wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// The worse side: a stop.
    Beyond,
    /// The better side: a touched order.
    Better,
}

impl Sense {
    /// Whether the market at this price wakes an order of this side.
    pub(super) fn reached(self, side: Side, price: Price, trigger: Price) -> bool {
        match self {
            Self::Beyond => within(side.opposite(), price, trigger),
            Self::Better => within(side, price, trigger),
        }
    }
}

impl Resting {
    pub(super) fn new(order: Order, place: u64, arrived: Timestamp) -> Self {
        let asleep = sense(order.ticket.kind).is_some();
        Self {
            order,
            left: order.ticket.quantity,
            stage: if asleep { Stage::Asleep } else { Stage::Awake },
            place,
            arrived,
            since: Since::New,
            best: None,
            walked: None,
            queue: Place::default(),
        }
    }

    /// What traded so far.
    #[must_use]
    pub const fn filled(&self) -> Quantity {
        Quantity(self.order.ticket.quantity.0.saturating_sub(self.left.0))
    }

    /// Where it wakes now; `None` if it is awake, or trails and has not begun to follow.
    #[must_use]
    pub fn trigger(&self, listing: &Listing) -> Option<Price> {
        if self.stage != Stage::Asleep {
            return None;
        }
        match self.order.ticket.kind {
            OrderKind::Trailing { distance, .. } => {
                self.best.map(|best| trail(listing, self.order.ticket.side, best, distance))
            }
            kind => kind.trigger(),
        }
    }

    pub(super) const fn side(&self) -> Side {
        self.order.ticket.side
    }

    pub(super) const fn limit(&self) -> Option<Price> {
        self.order.ticket.kind.limit()
    }

    pub(super) const fn taker(&self) -> Taker {
        Taker { side: self.side(), lots: self.left.0, limit: self.limit() }
    }

    pub(super) const fn posts_only(&self) -> bool {
        self.order.ticket.restrictions.has(Restrictions::POST_ONLY)
    }

    pub(super) const fn is_live(&self) -> bool {
        !matches!(self.stage, Stage::Ended)
    }

    pub(super) const fn is_awake(&self) -> bool {
        matches!(self.stage, Stage::Awake)
    }

    /// The order as it works now: one that woke is what it became.
    pub(super) const fn as_it_works(&self) -> Order {
        let mut order = self.order;
        if self.is_awake() {
            order.ticket.kind = order.ticket.kind.awake();
        }
        order
    }

    /// Whether what does not trade at once is cancelled.
    pub(super) const fn is_hasty(&self) -> bool {
        let tif = self.order.ticket.tif;
        matches!(tif, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill)
    }

    pub(super) fn sense(&self) -> Option<Sense> {
        if self.stage == Stage::Asleep { sense(self.order.ticket.kind) } else { None }
    }

    /// Whether the market at this price wakes it.
    pub(super) fn wakes_at(&self, listing: &Listing, price: Price) -> bool {
        match (self.sense(), self.trigger(listing)) {
            (Some(sense), Some(trigger)) => sense.reached(self.side(), price, trigger),
            _ => false,
        }
    }

    /// A trailing stop follows the market at this price, towards profit only.
    pub(super) fn follow(&mut self, price: Price) {
        let OrderKind::Trailing { from, .. } = self.order.ticket.kind else { return };
        // A buy profits from lower prices, a sell from higher ones.
        let side = self.side();
        self.best = match self.best {
            Some(best) => Some(better(side, best, price)),
            None if from.is_none_or(|from| within(side, price, from)) => Some(price),
            None => None,
        };
    }
}

const fn sense(kind: OrderKind) -> Option<Sense> {
    match kind {
        OrderKind::Market | OrderKind::Limit { .. } => None,
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } | OrderKind::Trailing { .. } => {
            Some(Sense::Beyond)
        }
        OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. } => Some(Sense::Better),
    }
}

/// The trigger of a trailing stop: at its distance behind the best price, away from it to the grid.
fn trail(listing: &Listing, side: Side, best: Price, distance: Distance) -> Price {
    let trigger = beyond(side, best, ticks(distance, best));
    listing.snap(trigger, far(side))
}

/// Away from the market, for a trigger or a bound behind it.
pub(super) const fn far(side: Side) -> Towards {
    match side {
        Side::Buy => Towards::Up,
        Side::Sell => Towards::Down,
    }
}

/// A distance in ticks, rounded away from the price it is measured from.
pub(super) fn ticks(distance: Distance, price: Price) -> u64 {
    match distance {
        Distance::Ticks(ticks) => ticks,
        Distance::Fraction(rate) => fraction(rate, price.0.unsigned_abs()),
    }
}
