//! How much of an order the account lets through: what it can pay, and what it has to close.
//!
//! The one place that asks an account for money: an account with margin answers here.

use super::terms::FeeTerms;
use crate::{
    Error,
    order::{Order, Reason, Shortfall},
};
use market::{Money, Price, Side, Timestamp};
use portfolio::{Contract, Ledger, Liquidity};

/// A trade about to happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    pub(super) price: Price,
    pub(super) lots: u64,
    pub(super) liquidity: Liquidity,
    pub(super) time: Timestamp,
}

/// What a trade comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) notional: Money,
    pub(super) fee: Money,
}

impl Trade {
    #[inline]
    pub(super) fn cost(self, contract: Contract, fees: &FeeTerms) -> Result<Cost, Error> {
        let notional = value(contract, self.price, self.lots)?;
        let fee = fees.fee(notional, self.liquidity, self.time)?;
        Ok(Cost { notional, fee })
    }
}

/// What of a trade may happen, and why the rest may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) lots: u64,
    pub(super) reason: Option<Reason>,
}

/// Lots held against which an order of this side would close.
pub(super) fn closable(order: &Order, ledger: &Ledger) -> u64 {
    let held = ledger.position(order.ticket.instrument).lots;
    let opposes = held.signum() == -order.ticket.side.sign();
    if opposes { held.unsigned_abs() } else { 0 }
}

/// Whether the account lets all of a trade through that only closes or only opens: most do, and the
/// reasons why others do not are large.
#[inline]
pub(super) fn lets_all(
    order: &Order,
    (trade, cost): (Trade, Cost),
    ledger: &Ledger,
) -> Result<bool, Error> {
    let closing = closable(order, ledger).min(trade.lots);
    if closing > 0 || order.reduces_only() {
        return Ok(closing == trade.lots);
    }
    Ok(Money(cost.notional.0.abs()).plus(cost.fee)? <= ledger.buying_power()?)
}

/// What of a trade the account allows. What closes is free: an exit is never refused for cash. What
/// opens needs its notional, and all of it its fee, within the buying power.
pub(super) fn allowed(
    order: &Order,
    trade: Trade,
    terms: (Contract, &FeeTerms),
    ledger: &Ledger,
) -> Result<Allowed, Error> {
    let closing = closable(order, ledger).min(trade.lots);
    if closing == trade.lots {
        return Ok(Allowed { lots: closing, reason: None });
    }
    if order.reduces_only() {
        return Ok(Allowed { lots: closing, reason: Some(Reason::NothingToClose) });
    }
    payable(order, (trade, closing), terms, ledger)
}

/// How much of a trade can be paid whose first `closing` lots close a position.
fn payable(
    order: &Order,
    (trade, closing): (Trade, u64),
    (contract, fees): (Contract, &FeeTerms),
    ledger: &Ledger,
) -> Result<Allowed, Error> {
    let fee_of = |lots| Ok::<_, Error>(Trade { lots, ..trade }.cost(contract, fees)?.fee);
    let cost = |opening: u64| -> Result<Money, Error> {
        let notional = value(contract, trade.price, opening)?;
        Ok(Money(notional.0.abs()).plus(fee_of(closing + opening)?)?)
    };
    let opening = trade.lots - closing;
    let mut available = ledger.buying_power()?;
    if closing > 0 {
        available = available.plus(relief(order, trade.price, ledger, contract)?)?;
    }
    let needed = cost(opening)?;
    if needed <= available {
        return Ok(Allowed { lots: trade.lots, reason: None });
    }
    let reason = Some(Reason::Cash { needed, available });
    if order.ticket.shortfall == Shortfall::Reject {
        return Ok(Allowed { lots: closing, reason });
    }
    let after_closing = available.minus(fee_of(closing)?)?;
    let share = fees.net_of_fee(trade.liquidity);
    let mut lots = contract.affordable(after_closing, share, trade.price)?.min(opening);
    // A fee rounded up can exceed what the exact one would have left.
    while lots > 0 && cost(lots)? > available {
        lots -= 1;
    }
    Ok(Allowed { lots: closing + lots, reason })
}

/// By how much buying power grows once the whole position that an order opposes is closed at a
/// price: a long brings its value; a short costs its value, and what it blocked twice is free again.
fn relief(
    order: &Order,
    price: Price,
    ledger: &Ledger,
    contract: Contract,
) -> Result<Money, Error> {
    let id = order.ticket.instrument;
    let held = ledger.position(id).lots.unsigned_abs();
    let worth = value(contract, price, held)?;
    if order.ticket.side == Side::Sell {
        return Ok(worth);
    }
    let blocked = value(contract, ledger.latest(id).unwrap_or(price), held)?;
    Ok(blocked.plus(blocked)?.minus(worth)?)
}

pub(super) fn contract(order: &Order, ledger: &Ledger) -> Result<Contract, Error> {
    let instrument = order.ticket.instrument;
    let Some(contract) = ledger.contract(instrument) else {
        return Err(Error::Ledger(portfolio::Error::Instrument { instrument, known: 0 }));
    };
    Ok(contract)
}

pub(super) fn value(contract: Contract, price: Price, lots: u64) -> Result<Money, Error> {
    let lots = i64::try_from(lots)
        .map_err(|_| market::Error::Overflow { what: "the size of an order" })?;
    Ok(contract.value(price, lots)?)
}
