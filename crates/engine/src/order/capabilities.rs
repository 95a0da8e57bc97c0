//! What a venue can do by itself.

use super::{OrderKind, Restrictions, Ticket, TimeInForce};

/// What a venue can do by itself, beyond market and limit orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(u16);

/// Each with its name.
const NAMES: [(Capabilities, &str); 10] = [
    (Capabilities::STOP, "stop"),
    (Capabilities::STOP_LIMIT, "stop-limit"),
    (Capabilities::TOUCHED, "if-touched"),
    (Capabilities::TRAILING, "trailing"),
    (Capabilities::POST_ONLY, "post-only"),
    (Capabilities::REDUCE_ONLY, "reduce-only"),
    (Capabilities::ICEBERG, "iceberg"),
    (Capabilities::FILL_OR_KILL, "fill-or-kill"),
    (Capabilities::GOOD_TILL, "good-till"),
    (Capabilities::GROUPS, "one-cancels-others"),
];

impl Capabilities {
    /// Market and limit orders that are good till cancelled, and immediate-or-cancel.
    pub const PLAIN: Self = Self(0);
    /// Stops.
    pub const STOP: Self = Self(1);
    /// Stop-limit orders.
    pub const STOP_LIMIT: Self = Self(1 << 1);
    /// Market and limit orders that wake on the better side.
    pub const TOUCHED: Self = Self(1 << 2);
    /// Trailing stops.
    pub const TRAILING: Self = Self(1 << 3);
    /// Post-only.
    pub const POST_ONLY: Self = Self(1 << 4);
    /// Reduce-only.
    pub const REDUCE_ONLY: Self = Self(1 << 5);
    /// Icebergs.
    pub const ICEBERG: Self = Self(1 << 6);
    /// Fill-or-kill.
    pub const FILL_OR_KILL: Self = Self(1 << 7);
    /// Good till a moment.
    pub const GOOD_TILL: Self = Self(1 << 8);
    /// One cancels the others.
    pub const GROUPS: Self = Self(1 << 9);
    /// Everything.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are there.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What an order needs of its venue.
    #[must_use]
    pub fn of(ticket: &Ticket) -> Self {
        let kind = match ticket.kind {
            OrderKind::Market | OrderKind::Limit { .. } => Self::PLAIN,
            OrderKind::Stop { .. } => Self::STOP,
            OrderKind::StopLimit { .. } => Self::STOP_LIMIT,
            OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. } => Self::TOUCHED,
            OrderKind::Trailing { .. } => Self::TRAILING,
        };
        let tif = match ticket.tif {
            TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel => Self::PLAIN,
            TimeInForce::FillOrKill => Self::FILL_OR_KILL,
            TimeInForce::GoodTill(_) => Self::GOOD_TILL,
        };
        let when = |needed: bool, what: Self| if needed { what } else { Self::PLAIN };
        kind.with(tif)
            .with(when(ticket.restrictions.has(Restrictions::POST_ONLY), Self::POST_ONLY))
            .with(when(ticket.restrictions.has(Restrictions::REDUCE_ONLY), Self::REDUCE_ONLY))
            .with(when(ticket.display.is_some(), Self::ICEBERG))
            .with(when(ticket.group.is_some(), Self::GROUPS))
    }

    /// Their names, for messages.
    #[must_use]
    pub fn names(self) -> String {
        let there = NAMES.iter().filter(|(one, _)| self.has(*one)).map(|(_, name)| *name);
        there.collect::<Vec<_>>().join(", ")
    }
}
