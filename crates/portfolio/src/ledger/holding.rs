//! One position at its latest value, and how fills and splits change it.

use super::purse::Sums;
use crate::{Contract, Error, Fill, Position};
use market::{Money, Price, Settlement, Side};

/// A position and what it is worth at the latest price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Holding {
    pub(super) position: Position,
    pub(super) value: Money,
}

impl Holding {
    /// Takes a fill in, and its cash, fee and value into the sums. On an error nothing is changed.
    #[inline]
    pub(super) fn fill(
        &mut self,
        fill: &Fill,
        (contract, settlement): (Contract, Settlement),
        sums: &mut Sums,
    ) -> Result<(), market::Error> {
        let position = self.position.after(fill)?;
        let value = contract.value(fill.price, position.lots)?;
        let mut stake = sums.stake;
        let received = match settlement {
            Settlement::Cash if fill.side == Side::Buy => {
                fill.notional.plus(fill.fee)?.negated()?
            }
            Settlement::Cash => fill.notional.minus(fill.fee)?,
            Settlement::Margin => {
                let owed = position.signed_basis()?.minus(self.position.signed_basis()?)?;
                stake = stake.minus(owed)?;
                position.realised.minus(self.position.realised)?.minus(fill.fee)?
            }
        };
        let (cash, stake) = (sums.cash.plus(received)?, stake.plus(received)?);
        let fees = sums.fees.plus(fill.fee)?;
        sums.revalue(self.value, value)?;
        (sums.cash, sums.stake, sums.fees) = (cash, stake, fees);
        (self.position, self.value) = (position, value);
        Ok(())
    }

    /// The same at another price.
    pub(super) fn marked(
        self,
        contract: Contract,
        price: Price,
        sums: &mut Sums,
    ) -> Result<Self, Error> {
        let value = contract.value(price, self.position.lots)?;
        sums.revalue(self.value, value)?;
        Ok(Self { value, ..self })
    }

    /// Lots × ratio. What is left over is sold at `last`, and the cash that moved comes back with
    /// the holding; its value is still that of before the split.
    pub(super) fn split(
        mut self,
        (numerator, denominator): (u32, u32),
        last: Price,
        (contract, settlement): (Contract, Settlement),
        sums: &mut Sums,
    ) -> Result<(Self, Option<Money>), Error> {
        let overflow = || market::Error::Overflow { what: "the lots of a split" };
        let before = self.position;
        let parts = i128::from(before.lots) * i128::from(numerator);
        let whole = parts / i128::from(denominator);
        self.position.lots = i64::try_from(whole).map_err(|_| overflow())?;
        let rest = i64::try_from(parts % i128::from(denominator)).map_err(|_| overflow())?;
        if rest == 0 {
            return Ok((self, None));
        }
        // rest ÷ denominator new lots at last × denominator ÷ numerator each.
        let brought = contract.value_of_part(last, rest, numerator)?;
        let cost = if whole == 0 {
            before.basis
        } else {
            before.basis.scaled(i128::from(rest).abs(), parts.abs())?
        };
        let signed = if rest < 0 { cost.negated()? } else { cost };
        let gain = brought.minus(signed)?;
        self.position.basis = before.basis.minus(cost)?;
        self.position.realised = before.realised.plus(gain)?;
        let moved = match settlement {
            Settlement::Cash => brought,
            Settlement::Margin => {
                sums.stake = sums.stake.plus(signed)?;
                gain
            }
        };
        sums.receive(moved)?;
        Ok((self, Some(moved)))
    }
}
