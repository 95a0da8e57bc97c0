//! Orders and what becomes of them, as bytes.

use super::wire::{Wire, tag};
use crate::order::{
    Amendment, Change, Distance, Ending, GroupId, Order, OrderId, OrderKind, Purpose, Refusal,
    Restrictions, Shortfall, Ticket, TimeInForce, Update,
};
use portfolio::Fill;

impl Wire for OrderId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes).map(Self)
    }
}

impl Wire for GroupId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes).map(Self)
    }
}

impl Wire for Distance {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ticks(ticks) => {
                out.push(0);
                ticks.put(out);
            }
            Self::Fraction(rate) => {
                out.push(1);
                rate.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match tag(bytes)? {
            0 => Wire::read(bytes).map(Self::Ticks),
            1 => Wire::read(bytes).map(Self::Fraction),
            _ => None,
        }
    }
}

impl Wire for OrderKind {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Market => 0,
            Self::Limit { .. } => 1,
            Self::Stop { .. } => 2,
            Self::StopLimit { .. } => 3,
            Self::Touched { .. } => 4,
            Self::TouchedLimit { .. } => 5,
            Self::Trailing { .. } => 6,
        });
        if let Self::Trailing { distance, from } = self {
            distance.put(out);
            from.put(out);
        }
        for price in [self.trigger(), self.limit()].into_iter().flatten() {
            price.put(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Market,
            1 => Self::Limit { price: Wire::read(bytes)? },
            2 => Self::Stop { trigger: Wire::read(bytes)? },
            3 => Self::StopLimit { trigger: Wire::read(bytes)?, price: Wire::read(bytes)? },
            4 => Self::Touched { trigger: Wire::read(bytes)? },
            5 => Self::TouchedLimit { trigger: Wire::read(bytes)?, price: Wire::read(bytes)? },
            6 => Self::Trailing { distance: Wire::read(bytes)?, from: Wire::read(bytes)? },
            _ => return None,
        })
    }
}

impl Wire for TimeInForce {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::GoodTillCancelled => 0,
            Self::ImmediateOrCancel => 1,
            Self::FillOrKill => 2,
            Self::GoodTill(_) => 3,
        });
        if let Self::GoodTill(until) = self {
            until.put(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::GoodTillCancelled,
            1 => Self::ImmediateOrCancel,
            2 => Self::FillOrKill,
            3 => Self::GoodTill(Wire::read(bytes)?),
            _ => return None,
        })
    }
}

impl Wire for Restrictions {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.bits());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let both = [Self::NONE, Self::POST_ONLY, Self::REDUCE_ONLY];
        let all = [both.as_slice(), &[Self::POST_ONLY.with(Self::REDUCE_ONLY)]].concat();
        let bits = tag(bytes)?;
        all.into_iter().find(|set| set.bits() == bits)
    }
}

impl Wire for Shortfall {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self == Self::Reduce));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        [Self::Reject, Self::Reduce].get(usize::from(tag(bytes)?)).copied()
    }
}

const PURPOSES: [Purpose; 7] = [
    Purpose::Entry,
    Purpose::Exit,
    Purpose::StopLoss,
    Purpose::TakeProfit,
    Purpose::Rebalance,
    Purpose::Liquidation,
    Purpose::Flatten,
];

impl Wire for Purpose {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Entry => 0,
            Self::Exit => 1,
            Self::StopLoss => 2,
            Self::TakeProfit => 3,
            Self::Rebalance => 4,
            Self::Liquidation => 5,
            Self::Flatten => 6,
        });
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        PURPOSES.get(usize::from(tag(bytes)?)).copied()
    }
}

impl Wire for Ticket {
    fn put(&self, out: &mut Vec<u8>) {
        self.instrument.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.kind.put(out);
        self.tif.put(out);
        self.restrictions.put(out);
        self.display.put(out);
        self.leg.put(out);
        self.shortfall.put(out);
        self.purpose.put(out);
        self.group.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            instrument: Wire::read(bytes)?,
            side: Wire::read(bytes)?,
            quantity: Wire::read(bytes)?,
            kind: Wire::read(bytes)?,
            tif: Wire::read(bytes)?,
            restrictions: Wire::read(bytes)?,
            display: Wire::read(bytes)?,
            leg: Wire::read(bytes)?,
            shortfall: Wire::read(bytes)?,
            purpose: Wire::read(bytes)?,
            group: Wire::read(bytes)?,
        })
    }
}

impl Wire for Order {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.tick.put(out);
        self.row.put(out);
        self.time.put(out);
        self.ticket.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            id: Wire::read(bytes)?,
            tick: Wire::read(bytes)?,
            row: Wire::read(bytes)?,
            time: Wire::read(bytes)?,
            ticket: Wire::read(bytes)?,
        })
    }
}

impl Wire for Amendment {
    fn put(&self, out: &mut Vec<u8>) {
        self.quantity.put(out);
        self.price.put(out);
        self.trigger.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            quantity: Wire::read(bytes)?,
            price: Wire::read(bytes)?,
            trigger: Wire::read(bytes)?,
        })
    }
}

impl Wire for Fill {
    fn put(&self, out: &mut Vec<u8>) {
        self.order.put(out);
        self.row.put(out);
        self.time.put(out);
        self.instrument.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.price.put(out);
        self.notional.put(out);
        self.fee.put(out);
        self.leg.put(out);
        self.liquidity.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            order: Wire::read(bytes)?,
            row: Wire::read(bytes)?,
            time: Wire::read(bytes)?,
            instrument: Wire::read(bytes)?,
            side: Wire::read(bytes)?,
            quantity: Wire::read(bytes)?,
            price: Wire::read(bytes)?,
            notional: Wire::read(bytes)?,
            fee: Wire::read(bytes)?,
            leg: Wire::read(bytes)?,
            liquidity: Wire::read(bytes)?,
        })
    }
}

impl Wire for Ending {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cancelled => out.push(0),
            Self::Expired => out.push(1),
            Self::Refused(reason) => {
                out.push(2);
                reason.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Cancelled,
            1 => Self::Expired,
            2 => Self::Refused(Wire::read(bytes)?),
            _ => return None,
        })
    }
}

impl Wire for Change {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted => out.push(0),
            Self::Triggered => out.push(1),
            Self::Filled(fill) => {
                out.push(2);
                fill.put(out);
            }
            Self::Amended { quantity } => {
                out.push(3);
                quantity.put(out);
            }
            Self::Ended { rest, why } => {
                out.push(4);
                rest.put(out);
                why.put(out);
            }
            Self::Unchanged { why } => {
                out.push(5);
                why.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Accepted,
            1 => Self::Triggered,
            2 => Self::Filled(Wire::read(bytes)?),
            3 => Self::Amended { quantity: Wire::read(bytes)? },
            4 => Self::Ended { rest: Wire::read(bytes)?, why: Wire::read(bytes)? },
            5 => Self::Unchanged { why: Wire::read(bytes)? },
            _ => return None,
        })
    }
}

impl Wire for Update {
    fn put(&self, out: &mut Vec<u8>) {
        self.order.put(out);
        self.instrument.put(out);
        self.time.put(out);
        self.change.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            order: Wire::read(bytes)?,
            instrument: Wire::read(bytes)?,
            time: Wire::read(bytes)?,
            change: Wire::read(bytes)?,
        })
    }
}

impl Wire for Refusal {
    fn put(&self, out: &mut Vec<u8>) {
        self.order.put(out);
        self.row.put(out);
        self.time.put(out);
        self.instrument.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.reason.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            order: Wire::read(bytes)?,
            row: Wire::read(bytes)?,
            time: Wire::read(bytes)?,
            instrument: Wire::read(bytes)?,
            side: Wire::read(bytes)?,
            quantity: Wire::read(bytes)?,
            reason: Wire::read(bytes)?,
        })
    }
}
