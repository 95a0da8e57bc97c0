//! Who decides: a strategy in code, or the rules of a strategy's text.

use super::{Decision, Desk, TimerId};
use crate::{Error, MarketEvent, ValueRows, order::Update};
use std::ops::Range;

/// A strategy as code. Every call may look at the [`Desk`] and ask it for orders; what it asks goes
/// through the risk gate before anything else happens.
///
/// It has no clock and no chance: the same calls give the same orders, in a backtest, on paper and
/// live. Rules in a strategy's text are an implementation like any other.
pub trait Trader {
    /// The market told something about one instrument.
    fn on_market(&mut self, event: &MarketEvent, desk: &mut Desk) -> Result<(), Error> {
        let _ = (event, desk);
        Ok(())
    }

    /// A row is complete: all its bars have closed, and these are the expressions' values.
    fn on_row(&mut self, values: Decision<'_>, desk: &mut Desk) -> Result<(), Error> {
        let _ = (values, desk);
        Ok(())
    }

    /// The venue said something about an order.
    fn on_update(&mut self, update: &Update, desk: &mut Desk) -> Result<(), Error> {
        let _ = (update, desk);
        Ok(())
    }

    /// A timer that it set is due.
    fn on_timer(&mut self, timer: TimerId, desk: &mut Desk) -> Result<(), Error> {
        let _ = (timer, desk);
        Ok(())
    }

    /// The first of these rows on which it may ask for anything, if nothing but rows happens
    /// before: rows that it leaves out are not handed to it. The default leaves none out.
    fn wakes(&mut self, values: &ValueRows<'_>, rows: Range<usize>, desk: &Desk) -> usize {
        let _ = (values, desk);
        rows.start
    }
}
