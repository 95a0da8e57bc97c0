//! How ticks and lots become money.

use crate::Error;
use market::{Instrument, Listing, Money, Price};

/// How ticks and lots of one instrument become money: price × lots × multiplier, with the powers
/// of ten and the multiplier worked out once, as one fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    multiplier: i128,
    divisor: i128,
}

impl Contract {
    /// Of an instrument whose unit is one unit of the underlying: the same figure as
    /// [`Instrument::notional`].
    #[must_use]
    pub fn of(instrument: &Instrument) -> Self {
        Self::multiplied(instrument, Money::UNIT)
    }

    /// Of a listing, its multiplier included; [`Error::Multiplier`] if that is not positive.
    pub fn listed(listing: &Listing) -> Result<Self, Error> {
        if listing.multiplier.0 <= 0 {
            let symbol = listing.instrument.symbol.clone();
            return Err(Error::Multiplier { symbol, multiplier: listing.multiplier });
        }
        Ok(Self::multiplied(&listing.instrument, listing.multiplier.0))
    }

    fn multiplied(instrument: &Instrument, multiplier: i128) -> Self {
        let decimals = instrument.price_scale.decimals() + instrument.lot_scale.decimals();
        // The multiplier counts in 1e-8, and so does money: the two cancel.
        let divisor = 10_i128.pow(u32::from(decimals));
        let (mut a, mut b) = (multiplier, divisor);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self { multiplier: multiplier / a, divisor: divisor / a }
    }

    /// Price × signed lots; exact where eight decimals suffice, else half to even.
    #[inline]
    pub fn value(self, price: Price, lots: i64) -> Result<Money, market::Error> {
        let product = i128::from(price.0) * i128::from(lots);
        if self.divisor == 1 {
            match product.checked_mul(self.multiplier) {
                Some(value) => Ok(Money(value)),
                // Made only here: an error that is made for every value and dropped costs more
                // than the product.
                None => Err(market::Error::Overflow { what: "the value of a position" }),
            }
        } else {
            Money(product).scaled(self.multiplier, self.divisor)
        }
    }

    /// Price × signed lots ÷ `parts`, half to even once: the value of a fraction of a lot.
    pub fn value_of_part(
        self,
        price: Price,
        lots: i64,
        parts: u32,
    ) -> Result<Money, market::Error> {
        let overflow = market::Error::Overflow { what: "the value of a fraction of a lot" };
        let divisor = self.divisor.checked_mul(i128::from(parts)).ok_or(overflow)?;
        Money(i128::from(price.0) * i128::from(lots)).scaled(self.multiplier, divisor)
    }

    /// The most whole lots whose exact value is at most `amount × part / of` at a positive price.
    ///
    /// Exact: one integer division, rounded towards zero. Nothing is affordable for an amount, a
    /// part or a price that is not positive.
    pub fn affordable(
        self,
        amount: Money,
        (part, of): (i128, i128),
        price: Price,
    ) -> Result<u64, market::Error> {
        if amount.0 <= 0 || part <= 0 || of <= 0 || price.0 <= 0 {
            return Ok(0);
        }
        let overflow = || market::Error::Overflow { what: "the size of an order" };
        let product = |a: i128, b: i128| a.checked_mul(b).ok_or_else(overflow);
        let budget = product(product(amount.0, part)?, self.divisor)?;
        let cost = product(product(of, i128::from(price.0))?, self.multiplier)?;
        i64::try_from(budget / cost).map(i64::unsigned_abs).map_err(|_| overflow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Currency, Quantity, Scale};
    use proptest::prelude::*;

    fn instrument(price: u8, lot: u8) -> Instrument {
        Instrument {
            symbol: "X".parse().expect("a symbol"),
            price_scale: Scale::new(price).expect("small"),
            lot_scale: Scale::new(lot).expect("small"),
            currency: Currency::USD,
        }
    }

    #[test]
    fn the_multiplier_counts_exactly() {
        let check = |(p, l): (u8, u8), multiplier: &str, (price, lots): (i64, i64), want: &str| {
            let mut listing = Listing::of(instrument(p, l));
            listing.multiplier = Money::parse(multiplier).expect("money");
            let value = Contract::listed(&listing).expect("positive").value(Price(price), lots);
            assert_eq!(value.map(|m| m.to_string()), Ok(want.to_owned()));
        };
        // An option of 100 shares at 1.25, 3 of them: 1.25 × 3 × 100.
        check((2, 0), "100", (125, 3), "375.00");
        // 7 coin contracts of 0.001 at 50,000.5: 50,000.5 × 7 × 0.001.
        check((1, 0), "0.001", (500_005, 7), "350.0035");
        check((1, 0), "0.001", (500_005, -7), "-350.0035");
        // 1 lot of 1e-8 at 1 tick of 1e-2, multiplier 0.5: 5e-11 is no 1e-8.
        check((2, 8), "0.5", (1, 1), "0.00");
        // 0.00000003 × 0.5 = 1.5e-8: half to even.
        check((8, 0), "0.5", (3, 1), "0.00000002");
        check((2, 0), "1", (-5, 3), "-0.15");
    }

    #[test]
    fn a_multiplier_of_nothing_is_refused() {
        for bad in [0, -1] {
            let mut listing = Listing::of(instrument(2, 0));
            listing.multiplier = Money(bad);
            let refused = Contract::listed(&listing);
            assert!(
                matches!(refused, Err(Error::Multiplier { multiplier: Money(m), .. }) if m == bad)
            );
        }
    }

    proptest! {
        #[test]
        fn a_contract_says_what_its_instrument_says(
            price in any::<i64>(), lots in any::<u32>(), p in 0u8..=12, l in 0u8..=12,
        ) {
            let instrument = instrument(p, l);
            let value = Contract::of(&instrument).value(Price(price), i64::from(lots));
            let notional = instrument.notional(Price(price), Quantity(u64::from(lots)));
            prop_assert_eq!(value.ok(), notional.ok());
            let listed = Contract::listed(&Listing::of(instrument.clone())).expect("positive");
            prop_assert_eq!(listed, Contract::of(&instrument));
        }
    }
}
