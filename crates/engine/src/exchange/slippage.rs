//! How much worse than the market a taker trades. No model ever improves a price.

use super::random::SplitMix64;
use market::{Listing, Price, Pricing, Rate, Side, Towards};

/// A model and its noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slippage {
    /// What is always paid.
    pub impact: Impact,
    /// A fraction of the price of which an evenly drawn part is paid besides.
    pub noise: Rate,
}

/// What a taker pays beside the price that is there; always rounded up to whole price steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// Nothing.
    None,
    /// So many ticks.
    Ticks(u32),
    /// This fraction of the price.
    Fraction(Rate),
    /// This fraction of the spread; nothing where there is no quote.
    Spread(Rate),
    /// This fraction of the price × √(size / volume): the square-root law. The volume is the bar's,
    /// the size shown at the touch, or the level's; where none is known, size and volume are equal.
    VolumeShare(Rate),
}

/// A trade about to happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shot {
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) lots: u64,
    /// What the market showed or traded in lots; 0 if unknown.
    pub(super) volume: u64,
    /// In ticks; 0 if unknown.
    pub(super) spread: u64,
}

impl Slippage {
    /// None at all.
    pub const NONE: Self = Self { impact: Impact::None, noise: Rate::ZERO };

    /// Of a model, without noise.
    #[must_use]
    pub const fn of(impact: Impact) -> Self {
        Self { impact, noise: Rate::ZERO }
    }

    /// Whether every price is left as it is.
    pub(super) fn is_none(&self) -> bool {
        self.noise == Rate::ZERO && matches!(self.impact, Impact::None)
    }

    /// The price after slippage, on the venue's grid, and one that can exist.
    #[inline]
    pub(super) fn worsen(&self, shot: Shot, listing: &Listing, dice: &mut SplitMix64) -> Price {
        if self.is_none() {
            return shot.price;
        }
        let most = fraction(self.noise, shot.price.0.unsigned_abs());
        let ticks = self.impact.ticks(shot).saturating_add(dice.up_to(most));
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        if ticks == 0 {
            return shot.price;
        }
        match shot.side {
            Side::Buy => listing.snap(Price(shot.price.0.saturating_add(ticks)), Towards::Up),
            Side::Sell => {
                let low = listing.snap(Price(shot.price.0.saturating_sub(ticks)), Towards::Down);
                let least = Price(i64::from(listing.price_step.max(1))).min(shot.price);
                if listing.pricing == Pricing::Positive { low.max(least) } else { low }
            }
        }
    }
}

impl Impact {
    fn ticks(self, shot: Shot) -> u64 {
        let price = shot.price.0.unsigned_abs();
        match self {
            Self::None => 0,
            Self::Ticks(ticks) => u64::from(ticks),
            Self::Fraction(rate) => fraction(rate, price),
            Self::Spread(rate) => fraction(rate, shot.spread),
            Self::VolumeShare(rate) => {
                let volume = if shot.volume == 0 { shot.lots } else { shot.volume };
                // √(lots / volume) in 1e-9: the product stays below 2^128 for any size.
                let scaled = u128::from(shot.lots) * 1_000_000_000_000_000_000;
                let root = (scaled / u128::from(volume.max(1))).isqrt();
                let root = i128::try_from(root).unwrap_or(i128::MAX);
                let share = rate.0.max(0).saturating_mul(root).saturating_add(999_999_999);
                fraction(Rate(share / 1_000_000_000), price)
            }
        }
    }
}

/// `rate × ticks`, rounded up; nothing of a negative rate.
pub(super) fn fraction(rate: Rate, ticks: u64) -> u64 {
    let product = rate.0.max(0).saturating_mul(i128::from(ticks));
    let up = product.saturating_add(Rate::ONE.0 - 1) / Rate::ONE.0;
    u64::try_from(up).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Buy, Sell};
    use market::Instrument;

    fn listing(step: u32, pricing: Pricing) -> Listing {
        let mut listing = Listing::of(Instrument::share("X".parse().expect("a symbol")));
        (listing.price_step, listing.pricing) = (step, pricing);
        listing
    }

    #[test]
    fn a_price_only_gets_worse_by_whole_steps() {
        let check = |impact, side, (price, step): (i64, u32), want: i64| {
            let shot = Shot { side, price: Price(price), lots: 25, volume: 100, spread: 8 };
            let (one, mut dice) = (listing(step, Pricing::Positive), SplitMix64::new(1));
            let got = Slippage::of(impact).worsen(shot, &one, &mut dice);
            assert_eq!(got, Price(want), "{impact:?} {side}");
        };
        let rate = |text| Rate::parse(text).expect("a rate");
        check(Impact::None, Buy, (1003, 5), 1003); // nothing moves it, not even the grid
        check(Impact::Ticks(2), Buy, (1000, 1), 1002);
        check(Impact::Ticks(2), Sell, (1000, 5), 995); // 998, down to the grid
        check(Impact::Fraction(rate("0.0005")), Buy, (1000, 1), 1001); // 0.5 up to 1
        check(Impact::Fraction(rate("0.002")), Sell, (1000, 1), 998);
        check(Impact::Spread(rate("0.25")), Buy, (1000, 1), 1002); // 8 × 1/4
        check(Impact::VolumeShare(rate("0.01")), Buy, (1000, 1), 1005); // 1 % × √(25/100) = 0.5 %
        check(Impact::Ticks(50), Sell, (20, 1), 1); // no share is sold for nothing
        check(Impact::Ticks(50), Sell, (20, 5), 5);
    }

    #[test]
    fn signed_prices_fall_below_zero() {
        let (one, mut dice) = (listing(1, Pricing::Signed), SplitMix64::new(1));
        let shot = Shot { side: Side::Sell, price: Price(3), lots: 1, volume: 0, spread: 0 };
        assert_eq!(Slippage::of(Impact::Ticks(5)).worsen(shot, &one, &mut dice), Price(-2));
    }

    #[test]
    fn noise_is_drawn_from_the_seed_and_never_helps() {
        let noisy = Slippage { impact: Impact::Ticks(1), noise: Rate(10_000_000_000) }; // 1 %
        let one = listing(1, Pricing::Positive);
        let draw = |seed| {
            let mut dice = SplitMix64::new(seed);
            let shot = Shot { side: Side::Buy, price: Price(1000), lots: 1, volume: 0, spread: 0 };
            (0..50).map(|_| noisy.worsen(shot, &one, &mut dice).0).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!(draw(3).iter().all(|price| (1001..=1011).contains(price)));
    }
}
