//! The trader that follows a strategy's text.

use super::{Decision, Desk, Trader, schedule::Calendar};
use crate::{
    Convention, Costs, Error, Rules, Sizing, Strategy, ValueRows, Values, exchange, risk::Gate,
};
use market::{Instrument, Money};
use std::ops::Range;

/// What a strategy asks for, in the units of its instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub(super) lookback: usize,
    pub(super) size: Size,
    pub(super) calendar: Calendar,
    /// What trading costs.
    pub costs: Costs,
    /// What stands before every order.
    pub gate: Gate,
    /// Where orders are filled.
    pub convention: Convention,
    /// Cash at the start.
    pub cash: Money,
}

/// [`Sizing`], resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Size {
    /// Lots per entry, by instrument.
    Lots(Vec<u64>),
    /// A fraction of equity: per entry, or over all weights.
    Share(i128, i128),
}

impl Terms {
    /// Of a strategy on these instruments; a fixed size must be whole lots of each.
    pub fn of(strategy: &Strategy, instruments: &[Instrument]) -> Result<Self, Error> {
        let unit = Money::UNIT;
        let size = match strategy.sizing {
            Sizing::Fixed(size) => {
                Size::Lots(instruments.iter().map(|i| lots_of(size, i)).collect::<Result<_, _>>()?)
            }
            Sizing::Percent(percent) => reduced(percent.0, unit * 100),
            Sizing::Exposure(part) => reduced(part.0, unit),
        };
        let calendar = match strategy.rules {
            Rules::Signals(_) => Calendar::every_row(),
            Rules::Weights { schedule, .. } => Calendar::of(schedule),
        };
        let (lookback, cash) = (strategy.lookback(), strategy.cash);
        let (costs, convention) = (strategy.costs, strategy.convention);
        let gate = strategy.guards.gate(instruments)?;
        Ok(Self { lookback, size, calendar, costs, gate, convention, cash })
    }

    /// The simulated venue that the strategy asks for.
    #[must_use]
    pub fn venue(&self, seed: u64) -> exchange::Terms {
        exchange::Terms {
            fees: self.costs.fees(),
            slippage: self.costs.slippage,
            latency: self.costs.latency,
            participation: self.costs.participation,
            seed,
            ..exchange::Terms::of(self.convention.model())
        }
    }
}

fn lots_of(size: Money, instrument: &Instrument) -> Result<u64, Error> {
    let scaled = size.0.checked_mul(i128::from(instrument.lot_scale.units()));
    let whole = scaled.filter(|s| s % Money::UNIT == 0).map(|s| s / Money::UNIT);
    let lots = whole.and_then(|lots| i64::try_from(lots).ok()).map(i64::unsigned_abs);
    lots.ok_or_else(|| Error::Lots {
        symbol: instrument.symbol.clone(),
        size: size.to_string(),
        lot: instrument.lot_scale.format(1),
    })
}

/// In lowest terms, so that products stay far from the end of the range.
fn reduced(part: i128, of: i128) -> Size {
    let (mut a, mut b) = (part, of);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Size::Share(part / a.max(1), of / a.max(1))
}

/// Signals or target weights, decided row by row.
#[derive(Debug, Clone)]
pub struct RuleTrader {
    pub(super) terms: Terms,
    pub(super) targets: Vec<i64>,
}

impl RuleTrader {
    /// Follows these terms on so many instruments.
    #[must_use]
    pub fn new(terms: Terms, instruments: usize) -> Self {
        Self { terms, targets: vec![0; instruments] }
    }
}

impl Trader for RuleTrader {
    #[inline]
    fn on_row(&mut self, values: Decision<'_>, desk: &mut Desk) -> Result<(), Error> {
        // A row of history decides nothing, and takes no turn of the schedule.
        if matches!(values, Decision::Nothing)
            || !self.terms.calendar.is_due(desk.row(), self.terms.lookback, desk.stamp())
        {
            return Ok(());
        }
        match values {
            Decision::Nothing => Ok(()),
            Decision::Signals(flags) => self.follow(flags, desk),
            Decision::Members(members) => {
                self.aim_at_members(members, desk)?;
                self.rebalance(desk)
            }
            Decision::Weights(weights) => {
                self.aim_at_weights(weights, desk)?;
                self.rebalance(desk)
            }
        }
    }

    fn wakes(&mut self, values: &ValueRows<'_>, rows: Range<usize>, desk: &Desk) -> usize {
        let first = rows.start.max(self.terms.lookback).min(rows.end);
        match values.values {
            Values::Signals { .. } if desk.instruments() == 1 => {
                let held = desk.intended(portfolio::InstrumentId(0));
                values.change(held, first..rows.end)
            }
            Values::Signals { .. } => first,
            // A schedule by the calendar looks at every row's time.
            _ => self
                .terms
                .calendar
                .next(first, self.terms.lookback)
                .map_or(first, |due| due.min(rows.end)),
        }
    }
}
