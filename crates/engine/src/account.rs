//! The account that a simulated exchange settles against.

use crate::{Error, order::Update};
use portfolio::Ledger;

/// Whose orders a simulated exchange executes. Each execution is told before the next one is worked
/// out, so that it sees the account as the one before it left it.
pub trait Account {
    /// Cash, positions and their prices, all executions told so far included.
    fn ledger(&self) -> &Ledger;

    /// Takes what the exchange did.
    fn update(&mut self, update: &Update) -> Result<(), Error>;
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
