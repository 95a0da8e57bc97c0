//! How much of an order the account lets through: what it can pay, and what it has to close.
//!
//! The one place that asks an account for money. An account that is plain (one currency, netted, paid
//! in full) pays value and fee out of its buying power; any other one brings the initial margin that
//! its leg needs more than before, and the fee, out of what its positions leave of its equity. What other
//! orders hold back ([`Account::held_back`]) cannot be spent either way.

use super::fees::Fees;
use crate::{
    Account, Error,
    order::{Order, Reason, Shortfall},
};
use market::{Money, Price, Quantity, Side, Timestamp};
use portfolio::{Contract, Ledger, Leg, Liquidity};

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
    pub(super) fn cost(self, contract: Contract, fees: Fees<'_>) -> Result<Cost, Error> {
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
#[inline]
pub(super) fn closable(order: &Order, ledger: &Ledger) -> u64 {
    let ticket = &order.ticket;
    ledger.closable(ticket.instrument, ticket.leg, ticket.side)
}

/// Whether an order can only shrink what is held: by its word, or because the leg of a hedged account
/// that it closes never turns round.
pub(super) const fn only_closes(order: &Order) -> bool {
    let exits = matches!(
        (order.ticket.leg, order.ticket.side),
        (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy)
    );
    exits || order.reduces_only()
}

/// Whether the account lets all of a trade through that only closes or only opens: most do, and the
/// reasons why others do not are large.
#[inline]
pub(super) fn lets_all(
    order: &Order,
    (trade, cost): (Trade, Cost),
    account: &impl Account,
) -> Result<bool, Error> {
    let ledger = account.ledger();
    let closing = closable(order, ledger).min(trade.lots);
    if closing > 0 || only_closes(order) {
        return Ok(closing == trade.lots);
    }
    let others = account.held_back(order, (trade.price, trade.lots))?;
    if ledger.is_plain() {
        let needed = Money(cost.notional.0.abs()).plus(cost.fee)?.plus(others)?;
        return Ok(needed <= ledger.buying_power()?);
    }
    let needed = required(order, (trade.price, trade.lots), cost.fee, ledger)?.plus(others)?;
    Ok(needed <= ledger.available_for(order.ticket.instrument)?)
}

/// What of a trade the account allows. What closes is free: an exit is never refused for cash. What
/// opens needs its notional, and all of it its fee, within the buying power.
pub(super) fn allowed(
    order: &Order,
    trade: Trade,
    terms: (Contract, Fees<'_>),
    account: &impl Account,
) -> Result<Allowed, Error> {
    let ledger = account.ledger();
    let closing = closable(order, ledger).min(trade.lots);
    if closing == trade.lots {
        return Ok(Allowed { lots: closing, reason: None });
    }
    if only_closes(order) {
        return Ok(Allowed { lots: closing, reason: Some(Reason::NothingToClose) });
    }
    if !ledger.is_plain() {
        return affordable(order, (trade, closing), terms, account);
    }
    payable(order, (trade, closing), terms, account)
}

/// How much of a trade can be paid whose first `closing` lots close a position.
fn payable(
    order: &Order,
    (trade, closing): (Trade, u64),
    (contract, fees): (Contract, Fees<'_>),
    account: &impl Account,
) -> Result<Allowed, Error> {
    let ledger = account.ledger();
    let fee_of = |lots| Ok::<_, Error>(Trade { lots, ..trade }.cost(contract, fees)?.fee);
    let others = |lots: u64| account.held_back(order, (trade.price, lots));
    let cost = |opening: u64| -> Result<Money, Error> {
        let notional = value(contract, trade.price, opening)?;
        let lots = closing + opening;
        Ok(Money(notional.0.abs()).plus(fee_of(lots)?)?.plus(others(lots)?)?)
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
    let after_closing = available.minus(fee_of(closing)?)?.minus(others(trade.lots)?)?;
    let share = fees.net_of_fee(trade.liquidity);
    let mut lots = contract.affordable(after_closing, share, trade.price)?.min(opening);
    // A fee rounded up can exceed what the exact one would have left, and so can one by tiers.
    if cost(lots)? > available {
        lots = most(0, lots, |lots| Ok(cost(lots)? <= available))?;
    }
    Ok(Allowed { lots: closing + lots, reason })
}

/// What an order for so many lots at a price needs in an account that is not plain, in the account's
/// currency: initial margin that its leg does not have yet, and the fee.
pub(super) fn required(
    order: &Order,
    (price, lots): (Price, u64),
    fee: Money,
    ledger: &Ledger,
) -> Result<Money, Error> {
    let (id, at) = (order.ticket.instrument, (order.ticket.leg, order.ticket.side));
    let margin = ledger.requirement(id, at, Quantity(lots), price)?;
    Ok(margin.plus(ledger.converted(id, fee)?)?)
}

/// How much of a trade an account that is not plain can take on.
fn affordable(
    order: &Order,
    (trade, closing): (Trade, u64),
    (contract, fees): (Contract, Fees<'_>),
    account: &impl Account,
) -> Result<Allowed, Error> {
    let ledger = account.ledger();
    let available = ledger.available_for(order.ticket.instrument)?;
    let cost = |lots: u64| {
        let fee = Trade { lots, ..trade }.cost(contract, fees)?.fee;
        let others = account.held_back(order, (trade.price, lots))?;
        Ok::<_, Error>(required(order, (trade.price, lots), fee, ledger)?.plus(others)?)
    };
    let needed = cost(trade.lots)?;
    if needed <= available {
        return Ok(Allowed { lots: trade.lots, reason: None });
    }
    let reason = Some(Reason::Cash { needed, available });
    if order.ticket.shortfall == Shortfall::Reject {
        return Ok(Allowed { lots: closing, reason });
    }
    let lots = most(closing, trade.lots, |lots| Ok(cost(lots)? <= available))?;
    Ok(Allowed { lots, reason })
}

/// The largest number from `least` to `limit` that fits, where whatever is below one that fits fits
/// too; `least` needs no proof.
fn most(least: u64, limit: u64, fits: impl Fn(u64) -> Result<bool, Error>) -> Result<u64, Error> {
    let (mut good, mut bad) = (least, limit.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle)? { good = middle } else { bad = middle }
    }
    Ok(good)
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
