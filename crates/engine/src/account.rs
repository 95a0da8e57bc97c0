//! The account that a simulated exchange settles against.

use crate::{
    Error,
    order::{Order, Reason, Update},
};
use market::{Money, Price};
use portfolio::Ledger;

/// Whose orders a simulated exchange executes. Each execution is told before the next one is worked
/// out, so that it sees the account as the one before it left it.
pub trait Account {
    /// Cash, positions and their prices, all executions told so far included.
    fn ledger(&self) -> &Ledger;

    /// Takes what the exchange did.
    fn update(&mut self, update: &Update) -> Result<(), Error>;

    /// Why the account cannot stand for an order that would rest, at its limit or at the market as the
    /// order meets it. Where orders are paid only when they trade, as in a backtest, there is no reason.
    #[inline]
    fn objection(&self, _order: &Order, _market: Option<Price>) -> Result<Option<Reason>, Error> {
        Ok(None)
    }

    /// Why an order whose trigger was reached must not trade: what it sells is not there any more.
    #[inline]
    fn bars(&self, _order: &Order) -> Result<Option<Reason>, Error> {
        Ok(None)
    }

    /// Money that other orders hold back, once so many lots of this one have traded at a price; in the
    /// account's currency.
    #[inline]
    fn held_back(&self, _order: &Order, _trade: (Price, u64)) -> Result<Money, Error> {
        Ok(Money::ZERO)
    }
}

/// An account that only keeps its books and what it was told: an exchange on its own, and tests.
#[derive(Debug, Clone)]
pub struct Books {
    /// Cash and positions.
    pub ledger: Ledger,
    /// Everything it was told, in order.
    pub updates: Vec<Update>,
}

impl Account for Books {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn update(&mut self, update: &Update) -> Result<(), Error> {
        if let crate::order::Change::Filled(fill) = &update.change {
            self.ledger.apply(fill)?;
        }
        self.updates.push(*update);
        Ok(())
    }
}
