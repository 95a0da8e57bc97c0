//! Margin by brackets of position value, as venues of derivatives publish it.

use crate::{BracketFault, Error};
use market::{Money, Rate};

/// One bracket of position value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// It holds for values above this one, up to and including where the next one begins; in the
    /// instrument's currency.
    pub from: Money,
    /// Needed to take a position on, as a fraction of its whole value: 1 ÷ the most leverage.
    pub initial: Rate,
    /// Needed to keep it, as a fraction of its whole value, before the deduction.
    pub maintenance: Rate,
    /// What venues call the maintenance amount (Binance: `cum`) or the deduction (Bybit): it makes
    /// the rate of a bracket count only for the part of the value that lies in it.
    pub deduction: Money,
}

/// What a position of an instrument needs, by its value.
///
/// Initial margin = |value| × initial rate of the value's bracket. Maintenance margin = |value| ×
/// maintenance rate − deduction, where the deduction of bracket n is that of n − 1 plus `from` of
/// n × the step of the maintenance rate: so Binance ("Maintenance Amount") and Bybit ("Maintenance
/// Margin Deduction") publish it, and so the maintenance margin has no jump at a bracket's edge.
/// OKX applies a tier's rate to the whole position without a deduction: that jumps, and is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginTiers {
    brackets: Vec<Bracket>,
}

impl MarginTiers {
    /// Brackets as a venue publishes them, deductions included; [`Error::Bracket`] names the first
    /// one that does not fit.
    pub fn published(brackets: Vec<Bracket>) -> Result<Self, Error> {
        let wrong = |place, fault| Error::Bracket { place, fault };
        let first = brackets.first().ok_or(wrong(0, BracketFault::None))?;
        if first.from != Money::ZERO {
            return Err(wrong(0, BracketFault::NotFromZero));
        }
        for (place, bracket) in brackets.iter().enumerate() {
            let fits = Rate::ZERO <= bracket.maintenance
                && bracket.maintenance <= bracket.initial
                && bracket.maintenance < Rate::ONE
                && Rate::ZERO < bracket.initial
                && bracket.initial <= Rate::ONE;
            if !fits {
                return Err(wrong(place, BracketFault::Rates));
            }
            let before = place.checked_sub(1).and_then(|before| brackets.get(before));
            if before.is_some_and(|b| b.from >= bracket.from) {
                return Err(wrong(place, BracketFault::Order));
            }
            if before
                .is_some_and(|b| b.initial > bracket.initial || b.maintenance > bracket.maintenance)
            {
                return Err(wrong(place, BracketFault::Falling));
            }
            let continuous = deduction(before, bracket)?;
            if bracket.deduction != continuous {
                return Err(wrong(place, BracketFault::Deduction { continuous }));
            }
        }
        Ok(Self { brackets })
    }

    /// Brackets of (from, initial rate, maintenance rate); the deductions are worked out.
    pub fn progressive(brackets: &[(Money, Rate, Rate)]) -> Result<Self, Error> {
        let mut complete: Vec<Bracket> = Vec::with_capacity(brackets.len());
        for &(from, initial, maintenance) in brackets {
            let mut bracket = Bracket { from, initial, maintenance, deduction: Money::ZERO };
            bracket.deduction = deduction(complete.last(), &bracket)?;
            complete.push(bracket);
        }
        Self::published(complete)
    }

    /// The same rates for every value.
    pub fn flat(initial: Rate, maintenance: Rate) -> Result<Self, Error> {
        Self::progressive(&[(Money::ZERO, initial, maintenance)])
    }

    /// The same with initial rates of at least 1 ÷ `leverage`: what an account that chose a lower
    /// leverage than the venue's most has to bring. Zero counts as one.
    #[must_use]
    pub fn at_leverage(mut self, leverage: u32) -> Self {
        let own = initial_rate(leverage);
        for bracket in &mut self.brackets {
            bracket.initial = bracket.initial.max(own);
        }
        self
    }

    /// The brackets, in ascending order.
    #[must_use]
    pub fn brackets(&self) -> &[Bracket] {
        &self.brackets
    }

    /// Needed to take a position of this value on (its sign does not matter), half to even.
    pub fn initial(&self, value: Money) -> Result<Money, market::Error> {
        let value = value.magnitude()?;
        self.bracket(value).initial.of(value)
    }

    /// Needed to keep a position of this value, half to even; never below zero.
    pub fn maintenance(&self, value: Money) -> Result<Money, market::Error> {
        let value = value.magnitude()?;
        let bracket = self.bracket(value);
        Ok(bracket.maintenance.of(value)?.minus(bracket.deduction)?.max(Money::ZERO))
    }

    fn bracket(&self, value: Money) -> &Bracket {
        let above = self.brackets.partition_point(|bracket| bracket.from < value);
        self.brackets.get(above.saturating_sub(1)).expect("there is a first bracket")
    }
}

/// 1 ÷ `leverage`, rounded up to 1e-12, so that never less is asked than the venue does. Zero
/// counts as one.
#[must_use]
pub const fn initial_rate(leverage: u32) -> Rate {
    let leverage = if leverage == 0 { 1 } else { leverage as i128 };
    Rate((Rate::ONE.0 + leverage - 1) / leverage)
}

/// The deduction that leaves no jump where a bracket begins.
fn deduction(before: Option<&Bracket>, bracket: &Bracket) -> Result<Money, market::Error> {
    let Some(before) = before else { return Ok(Money::ZERO) };
    let overflow = market::Error::Overflow { what: "the step of a margin rate" };
    let step = bracket.maintenance.0.checked_sub(before.maintenance.0).ok_or(overflow)?;
    Rate(step).of(bracket.from)?.plus(before.deduction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bracket(from: &str, initial: &str, maintenance: &str, deduction: &str) -> Bracket {
        Bracket {
            from: Money::parse(from).expect("money"),
            initial: Rate::parse(initial).expect("a rate"),
            maintenance: Rate::parse(maintenance).expect("a rate"),
            deduction: Money::parse(deduction).expect("money"),
        }
    }

    #[test]
    fn brackets_that_do_not_fit_are_named() {
        let check = |brackets: &[Bracket], place: usize, fault: BracketFault| {
            let refused = MarginTiers::published(brackets.to_vec());
            assert_eq!(refused, Err(Error::Bracket { place, fault }));
        };
        let first = bracket("0", "0.01", "0.005", "0");
        check(&[], 0, BracketFault::None);
        check(&[bracket("1", "0.01", "0.005", "0")], 0, BracketFault::NotFromZero);
        check(&[bracket("0", "0.01", "0.02", "0")], 0, BracketFault::Rates);
        check(&[bracket("0", "1.01", "0.02", "0")], 0, BracketFault::Rates);
        check(&[bracket("0", "0", "0", "0")], 0, BracketFault::Rates);
        check(&[first, bracket("0", "0.02", "0.01", "0")], 1, BracketFault::Order);
        check(&[first, bracket("100", "0.009", "0.005", "0")], 1, BracketFault::Falling);
        check(&[first, bracket("100", "0.02", "0.004", "0")], 1, BracketFault::Falling);
        // 100 × (0.01 − 0.005) = 0.5, published as 0.4.
        let money = |text| Money::parse(text).expect("money");
        let fault = BracketFault::Deduction { continuous: money("0.5") };
        check(&[first, bracket("100", "0.02", "0.01", "0.4")], 1, fault);
        let fault = BracketFault::Deduction { continuous: Money::ZERO };
        check(&[bracket("0", "0.01", "0.005", "1")], 0, fault);
    }

    #[test]
    fn leverage_becomes_a_rate_that_never_asks_less() {
        let check = |leverage, want: &str| assert_eq!(initial_rate(leverage).to_string(), want);
        check(125, "0.008");
        check(3, "0.333333333334");
        check(1, "1");
        check(0, "1");
        let tiers = MarginTiers::progressive(&[
            (Money::ZERO, initial_rate(100), Rate::from_bps(50)),
            (Money::from_whole(1000), initial_rate(10), Rate::from_bps(100)),
        ]);
        let chosen = tiers.expect("they fit").at_leverage(20);
        let rates: Vec<String> = chosen.brackets().iter().map(|b| b.initial.to_string()).collect();
        assert_eq!(rates, ["0.05", "0.1"]);
    }

    proptest! {
        #[test]
        fn maintenance_has_no_jump_and_never_falls(
            steps in prop::collection::vec((1i64..1_000_000, 0i64..500), 1..8),
            at in 0i128..1_000_000_000_000_000,
        ) {
            let (mut from, mut maintenance) = (Money::ZERO, 10);
            let mut brackets = vec![(from, Rate::ONE, Rate::from_bps(maintenance))];
            for (width, step) in steps {
                from = from.plus(Money::from_whole(width)).expect("in range");
                maintenance += step;
                brackets.push((from, Rate::ONE, Rate::from_bps(maintenance)));
            }
            let tiers = MarginTiers::progressive(&brackets).expect("they fit");
            let of = |units| tiers.maintenance(Money(units)).expect("in range").0;
            for bracket in tiers.brackets() {
                let edge = bracket.from.0;
                prop_assert!((of(edge + 1) - of(edge)).abs() <= 2, "rounding at most");
            }
            prop_assert!(of(at + 1) >= of(at) - 1, "rounding at most");
            prop_assert_eq!(of(at), of(-at));
        }
    }
}
