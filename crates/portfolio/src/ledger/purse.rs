//! Cash of one currency, and what is held in it.

use crate::{Carry, CashFlow, Error};
use market::{Currency, Money, Rate};

/// One currency of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Purse {
    pub(super) sums: Sums,
    pub(super) currency: Currency,
    /// Units of the account's currency in one of this.
    pub(super) rate: Option<Rate>,
    /// Cash at the start.
    pub(super) start: Money,
    pub(super) carry: Carry,
}

/// The sums of a currency that change with every price and fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) cash: Money,
    /// Cash less the signed basis of the positions that were not paid for: with the value of all
    /// positions it is the equity.
    pub(super) stake: Money,
    pub(super) fees: Money,
    /// Value of longs at their latest prices.
    pub(super) long: Money,
    /// Value of shorts at their latest prices, without its sign.
    pub(super) short: Money,
}

impl Purse {
    pub(super) fn new(currency: Currency) -> Self {
        let (sums, carry) = (Sums::default(), Carry::default());
        Self { sums, currency, rate: None, start: Money::ZERO, carry }
    }

    /// An amount of this currency in that of the account, half to even. The rate is needed only
    /// where there is something to convert.
    pub(super) fn convert(&self, amount: Money) -> Result<Money, Error> {
        match self.rate {
            Some(Rate::ONE) => Ok(amount),
            Some(rate) => Ok(rate.of(amount)?),
            None if amount == Money::ZERO && self.sums.is_empty() => Ok(Money::ZERO),
            None => Err(Error::NoRate { currency: self.currency }),
        }
    }

    /// The sums and the carry once these flows are in.
    pub(super) fn with<'a>(
        &self,
        records: impl Iterator<Item = &'a CashFlow>,
    ) -> Result<(Sums, Carry), Error> {
        let (mut sums, mut carry) = (self.sums, self.carry);
        for record in records {
            sums.receive(record.amount)?;
            carry = carry.with(record)?;
        }
        Ok((sums, carry))
    }
}

impl Sums {
    #[inline]
    pub(super) fn equity(&self) -> Result<Money, Error> {
        Ok(self.stake.plus(self.long)?.minus(self.short)?)
    }

    #[inline]
    pub(super) fn gross(&self) -> Result<Money, Error> {
        Ok(self.long.plus(self.short)?)
    }

    /// Nothing is held, nothing owed.
    pub(super) fn is_empty(&self) -> bool {
        [self.cash, self.stake, self.long, self.short] == [Money::ZERO; 4]
    }

    /// Cash comes in, or goes out where it is negative.
    #[inline]
    pub(super) fn receive(&mut self, amount: Money) -> Result<(), market::Error> {
        (self.cash, self.stake) = (self.cash.plus(amount)?, self.stake.plus(amount)?);
        Ok(())
    }

    /// One position has another value now. On an error nothing is changed.
    #[inline]
    pub(super) fn revalue(&mut self, old: Money, new: Money) -> Result<(), market::Error> {
        let (mut long, mut short) = (self.long, self.short);
        if old.0 >= 0 {
            long = long.minus(old)?;
        } else {
            short = short.plus(old)?;
        }
        if new.0 >= 0 {
            long = long.plus(new)?;
        } else {
            short = short.minus(new)?;
        }
        (self.long, self.short) = (long, short);
        Ok(())
    }
}
