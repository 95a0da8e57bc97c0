//! What the gate is told about an order and the account, and what it answers.

use crate::order::{Breach, Restrictions, Ticket};
use market::{Money, Price, Quantity, Side, Timestamp};
use portfolio::Leg;

/// The numbers that a check needs. The kernel works them out; money is in the account's currency.
///
/// An amendment is checked as the ticket that it would make of the order, with figures that leave
/// the order itself out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The kernel's time.
    pub now: Timestamp,
    /// The latest price of the instrument; `None` if it never had one.
    pub reference: Option<Reference>,
    /// The price at which a market order is expected to trade, where that is known.
    pub expected: Option<Price>,
    /// Lots held of the ticket's leg; negative is short.
    pub held: i64,
    /// |value| of what is held of the leg.
    pub held_value: Money,
    /// What working orders of the leg may still buy.
    pub buying: Pending,
    /// What working orders of the leg may still sell.
    pub selling: Pending,
    /// What the account is worth.
    pub equity: Money,
    /// Σ |value| of all positions.
    pub gross: Money,
    /// Σ |value| of all working orders that may enlarge a position.
    pub opening: Money,
    /// Orders that work.
    pub working: u64,
    /// |value| of the ticket's whole size at the price it may come to trade at; `None` if there is
    /// no such price.
    pub value: Option<Money>,
}

/// A price and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The price.
    pub price: Price,
    /// When it was made.
    pub time: Timestamp,
}

/// Lots that working orders of one side may still trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Of orders that may enlarge a position.
    pub opening: Quantity,
    /// Of reduce-only orders.
    pub reducing: Quantity,
}

/// The gate lets an order through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// As it was asked.
    AsAsked,
    /// It would close a position and go beyond. What goes beyond is refused; what closes is not,
    /// for a position is never stranded.
    Cut {
        /// The lots that pass, as a reduce-only order.
        at_most: Quantity,
        /// What the rest was refused for.
        breach: Breach,
    },
}

impl Pass {
    /// The ticket that may be sent.
    #[must_use]
    pub fn ticket(&self, asked: &Ticket) -> Ticket {
        match self {
            Self::AsAsked => *asked,
            Self::Cut { at_most, .. } => {
                let display = asked.display.map(|shown| shown.min(*at_most));
                let cut = Ticket { quantity: *at_most, display, ..*asked };
                cut.restricted(Restrictions::REDUCE_ONLY)
            }
        }
    }
}

/// What an order does to the position of its leg, at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only shrinks what is held, whatever else trades first.
    Reduces,
    /// It may enlarge a position.
    Enlarges {
        /// Lots that it takes off what is held, whatever else trades first.
        closing: u64,
        /// Lots that may enlarge.
        opening: u64,
        /// Lots of it that would shrink what is held as a reduce-only order.
        closable: u64,
    },
}

impl Facts {
    /// An order reduces if its side opposes what is held, and either the venue holds it to that
    /// (reduce-only, or the closing side of a hedged leg), or it and everything else that works on
    /// its side together come to no more than what is held. The word of its purpose counts nothing.
    pub(super) fn effect(&self, ticket: &Ticket) -> Effect {
        let quantity = ticket.quantity.0;
        let closes_leg = match ticket.leg {
            Leg::Net => None,
            Leg::Long => Some(ticket.side == Side::Sell),
            Leg::Short => Some(ticket.side == Side::Buy),
        };
        let opposes = self.held.signum() == -ticket.side.sign() && closes_leg != Some(false);
        if !opposes {
            return Effect::Enlarges { closing: 0, opening: quantity, closable: 0 };
        }
        let held_to_it = ticket.restrictions.has(Restrictions::REDUCE_ONLY) || closes_leg.is_some();
        let held = self.held.unsigned_abs();
        let pending = self.pending(ticket.side);
        let taken = pending.opening.0.saturating_add(pending.reducing.0);
        let closing = quantity.min(held.saturating_sub(taken));
        if held_to_it || closing == quantity {
            return Effect::Reduces;
        }
        Effect::Enlarges { closing, opening: quantity - closing, closable: quantity.min(held) }
    }

    /// The most lots that are held on the order's side once it is through, whatever else of that
    /// side trades with it. Reduce-only orders bring a position to nothing at most.
    pub(super) fn lots_after(&self, ticket: &Ticket) -> u64 {
        let pending = self.pending(ticket.side);
        let held = i128::from(self.held) * i128::from(ticket.side.sign());
        let reducing = i128::from(pending.reducing.0);
        let base = if held < 0 { (held + reducing).min(0) } else { held };
        let after = base + i128::from(pending.opening.0) + i128::from(ticket.quantity.0);
        u64::try_from(after.max(0)).unwrap_or(u64::MAX)
    }

    const fn pending(&self, side: Side) -> Pending {
        match side {
            Side::Buy => self.buying,
            Side::Sell => self.selling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portfolio::InstrumentId;

    const fn pending(opening: u64, reducing: u64) -> Pending {
        Pending { opening: Quantity(opening), reducing: Quantity(reducing) }
    }

    #[test]
    fn what_an_order_does_is_told_from_what_is_held_and_what_works() {
        use Side::{Buy, Sell};
        let none = pending(0, 0);
        let check = |held, side, lots, work: Pending, want: Option<(u64, u64, u64)>, after| {
            let facts = Facts { held, buying: work, selling: work, ..Facts::default() };
            let ticket = Ticket::market(InstrumentId(0), side, Quantity(lots));
            let want = want.map_or(Effect::Reduces, |(closing, opening, closable)| {
                Effect::Enlarges { closing, opening, closable }
            });
            assert_eq!(facts.effect(&ticket), want);
            assert_eq!(facts.lots_after(&ticket), after);
        };
        check(0, Buy, 5, none, Some((0, 5, 0)), 5);
        check(10, Buy, 5, none, Some((0, 5, 0)), 15);
        check(10, Buy, 5, pending(3, 10), Some((0, 5, 0)), 18); // 10 + 3 + 5; nothing to reduce
        check(10, Sell, 10, none, None, 0);
        check(-10, Buy, 4, none, None, 0);
        check(10, Sell, 15, none, Some((10, 5, 10)), 5);
        check(10, Sell, 6, pending(4, 0), None, 0); // 6 + 4 of 10
        check(10, Sell, 7, pending(4, 0), Some((6, 1, 7)), 1); // 10 − 4 − 7 = −1
        check(10, Sell, 10, pending(0, 10), Some((0, 10, 10)), 10); // the stop fires first
        check(10, Sell, 10, pending(0, 25), Some((0, 10, 10)), 10); // stop and target: to 0 at most
        check(-10, Buy, 15, pending(2, 4), Some((4, 11, 10)), 11); // −10 + 4 + 2 + 15
    }

    #[test]
    fn a_promise_to_reduce_counts_only_where_there_is_something_to_reduce() {
        let check = |leg, side, held, restriction, reduces: bool| {
            let facts = Facts { held, ..Facts::default() };
            let ticket = Ticket::market(InstrumentId(0), side, Quantity(99));
            let ticket = Ticket { leg, ..ticket.restricted(restriction) };
            assert_eq!(facts.effect(&ticket) == Effect::Reduces, reduces, "{ticket:?} {held}");
        };
        let (flag, none) = (Restrictions::REDUCE_ONLY, Restrictions::NONE);
        check(Leg::Net, Side::Sell, 10, flag, true); // the venue cuts 99 to 10
        check(Leg::Net, Side::Sell, 10, none, false);
        check(Leg::Net, Side::Sell, 0, flag, false);
        check(Leg::Net, Side::Sell, -10, flag, false);
        check(Leg::Net, Side::Buy, 10, flag, false);
        check(Leg::Long, Side::Sell, 10, none, true);
        check(Leg::Long, Side::Sell, 0, none, false);
        check(Leg::Short, Side::Buy, -10, none, true);
        check(Leg::Short, Side::Sell, 10, flag, false); // no such position can be
    }
}
