//! When margin runs out, and at which price it will.

use super::{Holding, Ledger, purse::Purse, requirement::maintenance_of};
use crate::{Contract, Error, InstrumentId, Leg, MarginTiers};
use market::{Money, Price, Pricing};

/// The account as a function of one instrument's price, everything else as it is.
struct Ahead<'a> {
    purse: &'a Purse,
    contract: Contract,
    tiers: Option<&'a MarginTiers>,
    lots: Vec<i64>,
    /// Equity less maintenance of all other currencies, in the account's.
    elsewhere: Money,
    /// Of this currency, without the instrument.
    equity: Money,
    maintenance: Money,
}

impl Ledger {
    /// Whether the venue would close positions now: something is held, and equity is less than the
    /// maintenance margin.
    pub fn is_liquidated(&self) -> Result<bool, Error> {
        let holds = self.books.iter().any(|book| book.held.position.lots != 0)
            || self.shorts.iter().any(|short| short.position.lots != 0);
        Ok(holds && self.equity()? < self.maintenance()?)
    }

    /// The first price on a leg's losing side, below the latest one for a long and above it for a
    /// short, at which equity is less than maintenance margin, everything else as it is: one tick
    /// before it the account still stands. The latest price, if it does not stand now.
    ///
    /// `None` where the leg is flat, or where no price does it: a long that was paid in full, a
    /// hedge that gains on that side. Of [`Leg::Net`] in a hedged account, the side on which both
    /// legs together lose.
    pub fn liquidation_price(&self, id: InstrumentId, leg: Leg) -> Result<Option<Price>, Error> {
        let (book, detail) = self.book(id)?;
        let lots = self.held(id, leg);
        let Some(latest) = book.mark.filter(|_| lots != 0) else { return Ok(None) };
        let ahead = self.ahead(id)?;
        if ahead.falls_short(latest.0)? {
            return Ok(Some(latest));
        }
        let end = match (lots > 0, detail.pricing) {
            (true, Pricing::Positive) => 1,
            (true, Pricing::Signed) => i64::MIN,
            (false, _) => i64::MAX,
        };
        Ok(ahead.first_short(latest.0, end)?.map(Price))
    }

    fn ahead(&self, id: InstrumentId) -> Result<Ahead<'_>, Error> {
        let (book, detail) = self.book(id)?;
        let purse = self.purse(book.purse);
        let tiers = detail.tiers.as_ref();
        let here = |of: &Purse| of.currency == purse.currency;
        let mut elsewhere = Money::ZERO;
        for other in std::iter::once(&self.home).chain(&self.foreign).filter(|p| !here(p)) {
            let needed = self.maintenance_in(self.place_of(other.currency)?)?;
            elsewhere = elsewhere.plus(other.convert(other.sums.equity()?)?)?;
            elsewhere = elsewhere.minus(other.convert(needed)?)?;
        }
        let mut equity = purse.sums.equity()?;
        let mut maintenance = self.maintenance_in(book.purse)?;
        let mut lots = Vec::with_capacity(2);
        for (_, Holding { position, value }) in self.holdings(id) {
            equity = equity.minus(*value)?;
            maintenance = maintenance.minus(maintenance_of(tiers, *value)?)?;
            lots.push(position.lots);
        }
        let contract = book.contract;
        Ok(Ahead { purse, contract, tiers, lots, elsewhere, equity, maintenance })
    }
}

impl Ahead<'_> {
    fn falls_short(&self, price: i64) -> Result<bool, Error> {
        let (mut equity, mut maintenance) = (self.equity, self.maintenance);
        for lots in &self.lots {
            let value = self.contract.value(Price(price), *lots)?;
            equity = equity.plus(value)?;
            maintenance = maintenance.plus(maintenance_of(self.tiers, value)?)?;
        }
        let here = self.purse.convert(equity)?.minus(self.purse.convert(maintenance)?)?;
        Ok(here.plus(self.elsewhere)? < Money::ZERO)
    }

    /// The first price from `stands` towards `end` that falls short.
    ///
    /// Maintenance is convex in the price (its rates rise with the value) and equity is linear, so
    /// what is left is concave: it crosses zero at most once on either side of a price at which the
    /// account stands. Steps that double find a price beyond the crossing, halving finds it.
    fn first_short(&self, stands: i64, end: i64) -> Result<Option<i64>, Error> {
        let (mut stands, mut step) = (stands, 1_i64);
        let falls = loop {
            if stands == end {
                return Ok(None);
            }
            let next = if end < stands {
                stands.saturating_sub(step).max(end)
            } else {
                stands.saturating_add(step).min(end)
            };
            match self.falls_short(next) {
                Ok(true) => break next,
                Ok(false) => (stands, step) = (next, step.saturating_mul(2)),
                // So far away that the value is no amount of money: no price does it.
                Err(Error::Market(market::Error::Overflow { .. })) => return Ok(None),
                Err(other) => return Err(other),
            }
        };
        let (mut stands, mut falls) = (i128::from(stands), i128::from(falls));
        while (falls - stands).abs() > 1 {
            let middle = i128::midpoint(stands, falls);
            let price = i64::try_from(middle).expect("it lies between two prices");
            if self.falls_short(price)? { falls = middle } else { stands = middle }
        }
        Ok(i64::try_from(falls).ok())
    }
}
