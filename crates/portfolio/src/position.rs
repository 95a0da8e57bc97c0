//! One instrument's side of the ledger: what was filled, what is held, what it cost.

use crate::Error;
use market::{Money, Price, Quantity, Side, Timestamp};
use std::fmt;

/// An instrument by its place in the list that the ledger was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub u32);

impl InstrumentId {
    /// The place in a list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which position of an instrument a fill belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Leg {
    /// The one position of a netted account: buys and sells offset each other.
    #[default]
    Net,
    /// The long position of a hedged account: a buy enlarges it, a sell shrinks it.
    Long,
    /// The short position of a hedged account: a sell enlarges it, a buy shrinks it.
    Short,
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Net => "net",
            Self::Long => "long",
            Self::Short => "short",
        })
    }
}

/// Whether an order waited for the market or went to meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Liquidity {
    /// It rested and was taken.
    Maker,
    /// It took what rested.
    #[default]
    Taker,
}

/// An order met the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// The order it belongs to.
    pub order: u64,
    /// The row of the calendar on which it happened.
    pub row: u32,
    /// When it happened.
    pub time: Timestamp,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// Price × quantity.
    pub notional: Money,
    /// What the exchange took for it; not part of the notional. Negative is a rebate.
    pub fee: Money,
    /// Which position it belongs to.
    pub leg: Leg,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
}

/// A netted position: lots held (negative is short), what they cost, what was earned so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Lots held; negative is short.
    pub lots: i64,
    /// What the lots held cost when bought, or brought when sold short, by average cost.
    pub basis: Money,
    /// Profit of all lots closed so far, fees not taken off.
    pub realised: Money,
    /// Fees paid so far.
    pub fees: Money,
}

impl Position {
    /// Folds one fill in. A fill that crosses zero closes the old position and opens a new one.
    ///
    /// Average cost: closing `k` of `n` lots takes `basis × k / n` off, half to even at 1e-8; the
    /// last lot takes the rest, so that nothing is lost to rounding. On an error the position is
    /// as it was.
    pub fn apply(&mut self, fill: &Fill) -> Result<(), market::Error> {
        *self = self.after(fill)?;
        Ok(())
    }

    /// The position once a fill is in.
    #[inline]
    pub(crate) fn after(&self, fill: &Fill) -> Result<Self, market::Error> {
        let overflow = || market::Error::Overflow { what: "a position" };
        let size = i64::try_from(fill.quantity.0).map_err(|_| overflow())?;
        let signed = fill.side.sign() * size;
        let lots = self.lots.checked_add(signed).ok_or_else(overflow)?;
        let fees = self.fees.plus(fill.fee)?;
        if self.lots == 0 || (self.lots > 0) == (signed > 0) {
            let basis = self.basis.plus(fill.notional)?;
            return Ok(Self { lots, basis, realised: self.realised, fees });
        }
        let held = self.lots.unsigned_abs();
        let closing = held.min(fill.quantity.0);
        let cost = share(self.basis, closing, held)?;
        let proceeds = share(fill.notional, closing, fill.quantity.0)?;
        let gain = if self.lots > 0 { proceeds.minus(cost)? } else { cost.minus(proceeds)? };
        let realised = self.realised.plus(gain)?;
        let basis = self.basis.minus(cost)?.plus(fill.notional.minus(proceeds)?)?;
        Ok(Self { lots, basis, realised, fees })
    }

    /// The basis with the position's sign: what is subtracted from its value.
    #[inline]
    pub fn signed_basis(&self) -> Result<Money, market::Error> {
        if self.lots < 0 { self.basis.negated() } else { Ok(self.basis) }
    }

    /// Profit of the lots still held at this value of theirs (negative for a short).
    pub fn unrealised(&self, value: Money) -> Result<Money, Error> {
        Ok(value.minus(self.signed_basis()?)?)
    }

    /// A long and a short leg seen as one position: lots, signed basis, profit and fees add up.
    pub(crate) fn net(long: &Self, short: &Self) -> Self {
        let lots = long.lots.saturating_add(short.lots);
        let basis = long.basis.0.saturating_sub(short.basis.0);
        Self {
            lots,
            basis: Money(if lots < 0 { basis.saturating_neg() } else { basis }),
            realised: Money(long.realised.0.saturating_add(short.realised.0)),
            fees: Money(long.fees.0.saturating_add(short.fees.0)),
        }
    }
}

/// `part` of `whole` parts; the whole itself comes back untouched.
fn share(amount: Money, part: u64, whole: u64) -> Result<Money, market::Error> {
    if part == whole { Ok(amount) } else { amount.scaled(i128::from(part), i128::from(whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Instrument;

    fn fill(side: Side, lots: u64, price: i64) -> Fill {
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        let notional = instrument.notional(Price(price), Quantity(lots)).expect("in range");
        let (time, instrument) = (Timestamp::from_nanos(0), InstrumentId(0));
        let (quantity, price, fee) = (Quantity(lots), Price(price), Money::ZERO);
        Fill {
            order: 1,
            row: 0,
            time,
            instrument,
            side,
            quantity,
            price,
            notional,
            fee,
            leg: Leg::Net,
            liquidity: Liquidity::Taker,
        }
    }

    #[track_caller]
    fn check(fills: &[(Side, u64, i64)], lots: i64, basis: &str, realised: &str) {
        let mut position = Position::default();
        for (side, size, price) in fills {
            position.apply(&fill(*side, *size, *price)).expect("in range");
        }
        let money = |text| Money::parse(text).expect("money");
        let want =
            Position { lots, basis: money(basis), realised: money(realised), fees: Money::ZERO };
        assert_eq!(position, want);
    }

    #[test]
    fn average_cost_is_kept_and_profit_is_what_closing_brings() {
        use Side::{Buy, Sell};
        check(&[(Buy, 10, 1000)], 10, "100", "0");
        check(&[(Buy, 10, 1000), (Buy, 10, 2000)], 20, "300", "0");
        check(&[(Buy, 10, 1000), (Buy, 10, 2000), (Sell, 5, 2000)], 15, "225", "25");
        check(&[(Buy, 3, 1000), (Sell, 3, 900)], 0, "0", "-3");
        check(&[(Sell, 10, 1000), (Buy, 4, 900)], -6, "60", "4");
        check(&[(Buy, 10, 1000), (Sell, 15, 1100)], -5, "55", "10");
        check(&[(Buy, 3, 100), (Buy, 4, 101), (Sell, 2, 100)], 5, "5.02857143", "-0.01142857");
    }
}
