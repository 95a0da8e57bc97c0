//! The simulated exchange: market orders at a bar's open or close, unlimited liquidity, no spread.

use crate::{
    Account, Error, FeeRate,
    order::{Change, Ending, Order, Reason, Shortfall, Update},
};
use market::{Money, Price, Quantity, Timestamp};
use portfolio::{Contract, Fill, InstrumentId, Ledger, Liquidity};

/// Orders that wait for a price, in the order in which they came.
///
/// An order waits until its instrument has a bar: a suspended name keeps its order, and the others
/// do not wait for it. Nobody is filled twice, nothing is filled without an order.
#[derive(Debug, Clone)]
pub struct Exchange {
    fee: FeeRate,
    working: Vec<Order>,
}

impl Exchange {
    /// Nothing is working yet.
    #[must_use]
    pub const fn new(fee: FeeRate) -> Self {
        Self { fee, working: Vec::new() }
    }

    /// Takes an order in.
    pub fn submit(&mut self, order: Order) {
        self.working.push(order);
    }

    /// Orders that wait.
    #[must_use]
    pub fn working(&self) -> &[Order] {
        &self.working
    }

    /// Executes all waiting orders whose instrument has a price now, one after the other: each
    /// sees the account as the one before it left it.
    pub fn trade(
        &mut self,
        at: (u32, Timestamp),
        price: impl Fn(InstrumentId) -> Option<Price>,
        account: &mut impl Account,
    ) -> Result<(), Error> {
        let mut left = Vec::new();
        for order in std::mem::take(&mut self.working) {
            match price(order.ticket.instrument) {
                Some(price) => self.execute(&order, price, at, account)?,
                None => left.push(order),
            }
        }
        self.working = left;
        Ok(())
    }

    /// Executes an order at a price, as far as the account allows.
    fn execute(
        &self,
        order: &Order,
        price: Price,
        (row, time): (u32, Timestamp),
        account: &mut impl Account,
    ) -> Result<(), Error> {
        let ticket = order.ticket;
        let (instrument, side, ledger) = (ticket.instrument, ticket.side, account.ledger());
        let contract = ledger
            .contract(instrument)
            .ok_or(portfolio::Error::Instrument { instrument, known: 0 })?;
        let (quantity, reason) = if order.reduces_only() {
            closable(order, ledger)
        } else {
            self.payable(order, price, contract, ledger)?
        };
        let mut tell =
            |change| account.update(&Update { order: order.id, instrument, time, change });
        if quantity > Quantity::ZERO {
            let notional = value(contract, price, quantity)?;
            let (fee, leg, liquidity) = (self.fee.of(notional)?, ticket.leg, Liquidity::Taker);
            let order = order.id.0;
            tell(Change::Filled(Fill {
                order,
                row,
                time,
                instrument,
                side,
                quantity,
                price,
                notional,
                fee,
                leg,
                liquidity,
            }))?;
        }
        if let Some(reason) = reason {
            let rest = Quantity(ticket.quantity.0 - quantity.0);
            tell(Change::Ended { rest, why: Ending::Refused(reason) })?;
        }
        Ok(())
    }

    /// How much of an order the account can take on: notional and fee within its buying power.
    fn payable(
        &self,
        order: &Order,
        price: Price,
        contract: Contract,
        ledger: &Ledger,
    ) -> Result<(Quantity, Option<Reason>), Error> {
        let cost = |quantity| {
            let notional = value(contract, price, quantity)?;
            Ok::<Money, Error>(Money(notional.0.abs()).plus(self.fee.of(notional)?)?)
        };
        let (wanted, available) = (order.ticket.quantity, ledger.buying_power()?);
        let needed = cost(wanted)?;
        if needed <= available {
            return Ok((wanted, None));
        }
        let reason = Some(Reason::Cash { needed, available });
        if order.ticket.shortfall == Shortfall::Reject {
            return Ok((Quantity::ZERO, reason));
        }
        let whole = 10_000 * Money::UNIT;
        let share = (whole, whole + self.fee.bps().0);
        let mut lots = Quantity(contract.affordable(available, share, price)?);
        // A fee rounded up can exceed what the exact one would have left.
        while lots > Quantity::ZERO && cost(lots)? > available {
            lots = Quantity(lots.0 - 1);
        }
        Ok((lots.min(wanted), reason))
    }
}

/// How much of a closing order there is to close.
fn closable(order: &Order, ledger: &Ledger) -> (Quantity, Option<Reason>) {
    let ticket = order.ticket;
    let held = ledger.position(ticket.instrument).lots;
    let opposes = held.signum() == -ticket.side.sign();
    let most = Quantity(if opposes { held.unsigned_abs() } else { 0 });
    if ticket.quantity <= most {
        (ticket.quantity, None)
    } else {
        (most, Some(Reason::NothingToClose))
    }
}

fn value(contract: Contract, price: Price, quantity: Quantity) -> Result<Money, Error> {
    let lots = i64::try_from(quantity.0)
        .map_err(|_| market::Error::Overflow { what: "the size of an order" })?;
    Ok(contract.value(price, lots)?)
}
