//! What became of an account's cash, by cause.

use super::{Ledger, PositionMode};
use crate::{Carry, Error, InstrumentId, Leg};
use market::{Currency, Money, Rate};

/// One currency of an account since it was opened, in that currency.
///
/// Always: equity = start + realised + unrealised − fees + funding + dividends − borrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Which currency.
    pub currency: Currency,
    /// Units of the account's currency in one of it, if a rate was told.
    pub rate: Option<Rate>,
    /// Cash at the start.
    pub start: Money,
    /// Cash now.
    pub cash: Money,
    /// Cash and positions at their latest prices.
    pub equity: Money,
    /// Profit of all lots closed so far, fees not taken off.
    pub realised: Money,
    /// Profit of the lots still held, at their latest prices.
    pub unrealised: Money,
    /// Fees paid.
    pub fees: Money,
    /// Funding, dividends, borrow fees and interest.
    pub carry: Carry,
}

impl Ledger {
    /// Every currency of the account: its own first, then the others as they came.
    #[must_use]
    pub fn currencies(&self) -> Vec<Currency> {
        let others = self.foreign.iter().map(|purse| purse.currency);
        std::iter::once(self.home.currency).chain(others).collect()
    }

    /// Cash in one currency; nothing, if the account has no such currency.
    #[must_use]
    pub fn cash_in(&self, currency: Currency) -> Money {
        self.place_of(currency).map_or(Money::ZERO, |place| self.purse(place).sums.cash)
    }

    /// What became of one currency's cash; [`Error::Currency`] if the account has none of it.
    pub fn statement(&self, currency: Currency) -> Result<Statement, Error> {
        let place = self.place_of(currency)?;
        let purse = self.purse(place);
        let (mut realised, mut unrealised) = (Money::ZERO, Money::ZERO);
        for (id, book) in (0..).map(InstrumentId).zip(&self.books) {
            if book.purse != place {
                continue;
            }
            for (_, holding) in self.holdings(id) {
                realised = realised.plus(holding.position.realised)?;
                unrealised = unrealised.plus(holding.position.unrealised(holding.value)?)?;
            }
        }
        Ok(Statement {
            currency,
            rate: purse.rate,
            start: purse.start,
            cash: purse.sums.cash,
            equity: purse.sums.equity()?,
            realised,
            unrealised,
            fees: purse.sums.fees,
            carry: purse.carry,
        })
    }

    /// What holding one leg brought and cost; of a leg that the account does not have, nothing,
    /// but [`Leg::Net`] of a hedged account is the sum of both.
    pub fn carry(&self, id: InstrumentId, leg: Leg) -> Result<Carry, Error> {
        let [first, second] = self.book(id)?.1.carries;
        Ok(match (self.mode, leg) {
            (PositionMode::Netted, Leg::Net) | (PositionMode::Hedged, Leg::Long) => first,
            (PositionMode::Netted, Leg::Long | Leg::Short) => Carry::default(),
            (PositionMode::Hedged, Leg::Short) => second,
            (PositionMode::Hedged, Leg::Net) => Carry {
                funding: first.funding.plus(second.funding)?,
                dividends: first.dividends.plus(second.dividends)?,
                borrow: first.borrow.plus(second.borrow)?,
            },
        })
    }

    /// Profit of a leg's lots at the latest price, in the instrument's currency.
    pub fn unrealised(&self, id: InstrumentId, leg: Leg) -> Result<Money, Error> {
        self.book(id)?;
        let mut sum = Money::ZERO;
        for (own, holding) in self.holdings(id) {
            if own == leg || leg == Leg::Net {
                sum = sum.plus(holding.position.unrealised(holding.value)?)?;
            }
        }
        Ok(sum)
    }

    pub(super) fn place_of(&self, currency: Currency) -> Result<u32, Error> {
        let mut all = (0..).zip(std::iter::once(&self.home).chain(&self.foreign));
        let found = all.find(|(_, purse)| purse.currency == currency);
        found.map(|(place, _)| place).ok_or(Error::Currency { currency })
    }
}
