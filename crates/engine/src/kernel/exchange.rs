//! The simulated exchange: market orders at a bar's open or close, unlimited liquidity, no spread.

use super::{Intent, Order, Refusal, RefusalReason, Shortfall};
use crate::{Error, FeeRate};
use market::{Money, Price, Quantity, Timestamp};
use portfolio::{Contract, Fill, InstrumentId, Ledger, Leg, Liquidity};

/// Orders that wait for a price, in the order in which they came.
///
/// An order waits until its instrument has a bar: a suspended name keeps its order, and the others
/// do not wait for it. Nobody is filled twice, nothing is filled without an order.
#[derive(Debug, Clone)]
pub struct Exchange {
    fee: FeeRate,
    working: Vec<Order>,
}

/// What became of an order at a price: a fill, a refusal of all or of the rest, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// What was done.
    pub fill: Option<Fill>,
    /// What was not.
    pub refusal: Option<Refusal>,
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

    /// The first waiting order from place `from` on whose instrument has a price, taken out, with
    /// that price and the place to go on from.
    pub fn next(
        &mut self,
        from: usize,
        price: impl Fn(InstrumentId) -> Option<Price>,
    ) -> Option<(Order, Price, usize)> {
        let mut waiting = self.working.iter().enumerate().skip(from);
        let (place, price) =
            waiting.find_map(|(place, order)| Some((place, price(order.instrument)?)))?;
        Some((self.working.remove(place), price, place))
    }

    /// Executes an order at a price, as far as the account allows.
    pub fn execute(
        &self,
        order: &Order,
        price: Price,
        ledger: &Ledger,
        (row, time): (u32, Timestamp),
    ) -> Result<Execution, Error> {
        let contract = ledger
            .contract(order.instrument)
            .ok_or(portfolio::Error::Instrument { instrument: order.instrument, known: 0 })?;
        let (quantity, reason) = match order.intent {
            Intent::Close => closable(order, ledger),
            Intent::Open => self.payable(order, price, contract, ledger)?,
        };
        let mut execution = Execution { fill: None, refusal: None };
        if quantity > Quantity::ZERO {
            let notional = value(contract, price, quantity)?;
            let (fee, instrument) = (self.fee.of(notional)?, order.instrument);
            let (order, side) = (order.id.0, order.side);
            execution.fill = Some(Fill {
                order,
                row,
                time,
                instrument,
                side,
                quantity,
                price,
                notional,
                fee,
                leg: Leg::Net,
                liquidity: Liquidity::Taker,
            });
        }
        if let Some(reason) = reason {
            let quantity = Quantity(order.quantity.0 - quantity.0);
            let (instrument, side) = (order.instrument, order.side);
            let order = Some(order.id);
            execution.refusal =
                Some(Refusal { order, row, time, instrument, side, quantity, reason });
        }
        Ok(execution)
    }

    /// How much of an order the account can take on: notional and fee within its buying power.
    fn payable(
        &self,
        order: &Order,
        price: Price,
        contract: Contract,
        ledger: &Ledger,
    ) -> Result<(Quantity, Option<RefusalReason>), Error> {
        let cost = |quantity| {
            let notional = value(contract, price, quantity)?;
            Ok::<Money, Error>(Money(notional.0.abs()).plus(self.fee.of(notional)?)?)
        };
        let available = ledger.buying_power()?;
        let needed = cost(order.quantity)?;
        if needed <= available {
            return Ok((order.quantity, None));
        }
        let reason = Some(RefusalReason::Cash { needed, available });
        if order.shortfall == Shortfall::Reject {
            return Ok((Quantity::ZERO, reason));
        }
        let whole = 10_000 * Money::UNIT;
        let share = (whole, whole + self.fee.bps().0);
        let mut lots = Quantity(contract.affordable(available, share, price)?);
        // A fee rounded up can exceed what the exact one would have left.
        while lots > Quantity::ZERO && cost(lots)? > available {
            lots = Quantity(lots.0 - 1);
        }
        Ok((lots.min(order.quantity), reason))
    }
}

/// How much of a closing order there is to close.
fn closable(order: &Order, ledger: &Ledger) -> (Quantity, Option<RefusalReason>) {
    let held = ledger.position(order.instrument).lots;
    let opposes = held.signum() == -order.side.sign();
    let most = Quantity(if opposes { held.unsigned_abs() } else { 0 });
    if order.quantity <= most {
        (order.quantity, None)
    } else {
        (most, Some(RefusalReason::NothingToClose))
    }
}

fn value(contract: Contract, price: Price, quantity: Quantity) -> Result<Money, Error> {
    let lots = i64::try_from(quantity.0)
        .map_err(|_| market::Error::Overflow { what: "the size of an order" })?;
    Ok(contract.value(price, lots)?)
}
