//! Reasons and limits, as bytes.

use super::wire::{Wire, tag};
use crate::{
    order::{Amount, Breach, Limit, Reason},
    risk::{Span, State},
};

impl Wire for State {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Normal => 0,
            Self::ReduceOnly => 1,
            Self::Halted => 2,
        });
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        [Self::Normal, Self::ReduceOnly, Self::Halted].get(usize::from(tag(bytes)?)).copied()
    }
}

impl Wire for Amount {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Money(money) => {
                out.push(0);
                money.put(out);
            }
            Self::Lots(lots) => {
                out.push(1);
                lots.put(out);
            }
            Self::Price(price) => {
                out.push(2);
                price.put(out);
            }
            Self::Count(count) => {
                out.push(3);
                count.put(out);
            }
            Self::Fraction(rate) => {
                out.push(4);
                rate.put(out);
            }
            Self::Time(time) => {
                out.push(5);
                time.put(out);
            }
            Self::State(state) => {
                out.push(6);
                state.put(out);
            }
            Self::Span(span) => {
                out.push(7);
                span.nanos().unsigned_abs().put(out);
            }
            Self::Unknown => out.push(8),
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Money(Wire::read(bytes)?),
            1 => Self::Lots(Wire::read(bytes)?),
            2 => Self::Price(Wire::read(bytes)?),
            3 => Self::Count(Wire::read(bytes)?),
            4 => Self::Fraction(Wire::read(bytes)?),
            5 => Self::Time(Wire::read(bytes)?),
            6 => Self::State(Wire::read(bytes)?),
            7 => Self::Span(Span::from_nanos(Wire::read(bytes)?)),
            8 => Self::Unknown,
            _ => return None,
        })
    }
}

/// Limits by their tags; new ones go to the end.
const LIMITS: [Limit; 18] = [
    Limit::State,
    Limit::OrderSize,
    Limit::OrderNotional,
    Limit::Position,
    Limit::PositionNotional,
    Limit::Exposure,
    Limit::Leverage,
    Limit::OrderRate,
    Limit::WorkingOrders,
    Limit::PriceCollar,
    Limit::Duplicate,
    Limit::Drawdown,
    Limit::DailyLoss,
    Limit::StopLossGuard,
    Limit::CoolDown,
    Limit::Lock,
    Limit::StalePrice,
    Limit::LowProfit,
];

impl Wire for Limit {
    fn put(&self, out: &mut Vec<u8>) {
        let place = LIMITS.iter().position(|limit| limit == self);
        out.push(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        LIMITS.get(usize::from(tag(bytes)?)).copied()
    }
}

impl Wire for Breach {
    fn put(&self, out: &mut Vec<u8>) {
        self.limit.put(out);
        self.value.put(out);
        self.bound.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            limit: Wire::read(bytes)?,
            value: Wire::read(bytes)?,
            bound: Wire::read(bytes)?,
        })
    }
}

/// Appends a tag and two values.
fn pair(out: &mut Vec<u8>, tag: u8, a: &impl Wire, b: &impl Wire) {
    out.push(tag);
    a.put(out);
    b.put(out);
}

impl Wire for Reason {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cash { needed, available } => pair(out, 0, needed, available),
            Self::NothingToClose => out.push(1),
            Self::LessThanALot => out.push(2),
            Self::NeverPriced => out.push(3),
            Self::WouldTake { price, best } => pair(out, 4, price, best),
            Self::OffTick { price, step } => pair(out, 5, price, step),
            Self::WrongSide { trigger, market } => pair(out, 6, trigger, market),
            Self::Size { size, min, max, step } => {
                pair(out, 7, size, min);
                max.put(out);
                step.put(out);
            }
            Self::Notional { value, bound } => pair(out, 8, value, bound),
            Self::Liquidity { wanted, there } => pair(out, 9, wanted, there),
            Self::UnknownOrder => out.push(10),
            Self::NotTrading => out.push(11),
            Self::Unsupported => out.push(13),
            Self::Limit(breach) => {
                out.push(12);
                breach.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Cash { needed: Wire::read(bytes)?, available: Wire::read(bytes)? },
            1 => Self::NothingToClose,
            2 => Self::LessThanALot,
            3 => Self::NeverPriced,
            4 => Self::WouldTake { price: Wire::read(bytes)?, best: Wire::read(bytes)? },
            5 => Self::OffTick { price: Wire::read(bytes)?, step: Wire::read(bytes)? },
            6 => Self::WrongSide { trigger: Wire::read(bytes)?, market: Wire::read(bytes)? },
            7 => Self::Size {
                size: Wire::read(bytes)?,
                min: Wire::read(bytes)?,
                max: Wire::read(bytes)?,
                step: Wire::read(bytes)?,
            },
            8 => Self::Notional { value: Wire::read(bytes)?, bound: Wire::read(bytes)? },
            9 => Self::Liquidity { wanted: Wire::read(bytes)?, there: Wire::read(bytes)? },
            10 => Self::UnknownOrder,
            11 => Self::NotTrading,
            12 => Self::Limit(Wire::read(bytes)?),
            13 => Self::Unsupported,
            _ => return None,
        })
    }
}
