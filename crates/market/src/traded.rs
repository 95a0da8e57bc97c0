//! A venue's decimal texts to whole ticks and lots, and back, without a rounding nobody asked for.

use crate::{Price, Quantity, Scale, Traded, money::divide_half_even};

/// Digits that are read: more is no price and no size.
const DIGITS_MAX: usize = 36;
/// `contract` counts in 1e-8.
const CONTRACT_DECIMALS: u8 = 8;

/// Plain decimal digits as an integer and how many of them stood behind the point, noughts at the end
/// not counted.
fn digits(text: &str) -> Option<(i128, u8)> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let fraction = fraction.trim_end_matches('0');
    let length = whole.len() + fraction.len();
    if body.is_empty() || body == "." || length > DIGITS_MAX {
        return None;
    }
    let mut value = 0_i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value = value * 10 + i128::from(digit);
    }
    let decimals = u8::try_from(fraction.len()).ok()?;
    Some((if negative { -value } else { value }, decimals))
}

fn ten_to(power: u8) -> Option<i128> {
    10_i128.checked_pow(u32::from(power))
}

/// `numerator / denominator` if that is whole.
fn whole(numerator: i128, denominator: i128) -> Option<i128> {
    (numerator.checked_rem(denominator)? == 0).then(|| numerator / denominator)
}

/// A decimal in units of `10^-scale`; [`None`] if it has more decimals, or is none.
fn exact(text: &str, scale: Scale) -> Option<i64> {
    let (value, decimals) = digits(text)?;
    let missing = scale.decimals().checked_sub(decimals)?;
    i64::try_from(value.checked_mul(ten_to(missing)?)?).ok()
}

fn push(mut units: u128, decimals: usize, out: &mut String) {
    let mut buffer = [b'0'; 40];
    let mut at = buffer.len();
    while units > 0 || buffer.len() - at <= decimals {
        at -= 1;
        let Some(place) = buffer.get_mut(at) else { return };
        *place = b'0' + u8::try_from(units % 10).unwrap_or(0);
        units /= 10;
    }
    let text = buffer.get(at..).and_then(|used| std::str::from_utf8(used).ok()).unwrap_or("");
    let (whole, fraction) = text.split_at(text.len() - decimals.min(text.len()));
    out.push_str(whole);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

impl Traded {
    /// A price in ticks; [`None`] if it lies between two ticks or is no decimal.
    #[must_use]
    pub fn price(&self, text: &str) -> Option<Price> {
        exact(text, self.listing.price_scale()).map(Price)
    }

    /// The tick nearest to a price that is worked out (an average, a liquidation price), half to even.
    #[must_use]
    pub fn price_near(&self, text: &str) -> Option<Price> {
        let (value, decimals) = digits(text)?;
        let scale = self.listing.price_scale().decimals();
        let ticks = if decimals <= scale {
            value.checked_mul(ten_to(scale - decimals)?)?
        } else {
            divide_half_even(value, ten_to(decimals - scale)?)?
        };
        i64::try_from(ticks).ok().map(Price)
    }

    /// A size in the venue's own units (coins, or contracts) in lots, below zero where the venue
    /// writes it so; [`None`] if it is no whole number of lots.
    #[must_use]
    pub fn signed_lots(&self, text: &str) -> Option<i64> {
        let (value, decimals) = digits(text)?;
        let lots = ten_to(self.listing.instrument.lot_scale.decimals())?;
        let scaled = value.checked_mul(self.contract.0)?.checked_mul(lots)?;
        i64::try_from(whole(scaled, ten_to(decimals + CONTRACT_DECIMALS)?)?).ok()
    }

    /// The lots nearest to a size that is a sum (a volume), half to even; [`None`] if it is below zero.
    #[must_use]
    pub fn lots_near(&self, text: &str) -> Option<Quantity> {
        let (value, decimals) = digits(text)?;
        let lots = ten_to(self.listing.instrument.lot_scale.decimals())?;
        let scaled = value.checked_mul(self.contract.0)?.checked_mul(lots)?;
        let near = divide_half_even(scaled, ten_to(decimals + CONTRACT_DECIMALS)?)?;
        u64::try_from(near).ok().map(Quantity)
    }

    /// A size in the venue's own units in lots; [`None`] if it is below zero or no whole number.
    #[must_use]
    pub fn lots(&self, text: &str) -> Option<Quantity> {
        self.signed_lots(text).and_then(|lots| u64::try_from(lots).ok()).map(Quantity)
    }

    /// Appends a price as the venue reads it, without noughts at the end.
    pub fn push_price(&self, price: Price, out: &mut String) {
        if price.0 < 0 {
            out.push('-');
        }
        let decimals = usize::from(self.listing.price_scale().decimals());
        push(u128::from(price.0.unsigned_abs()), decimals, out);
    }

    /// Appends a size in the venue's own units; says whether it could: lots that make no eight decimals
    /// of a contract cannot be written.
    #[must_use]
    pub fn push_size(&self, quantity: Quantity, out: &mut String) -> bool {
        let Some(units) = self.units(quantity) else { return false };
        push(units, 8, out);
        true
    }

    /// A size in 1e-8 of the venue's own units.
    fn units(&self, quantity: Quantity) -> Option<u128> {
        let lots = ten_to(self.listing.instrument.lot_scale.decimals())?;
        let scaled = i128::from(quantity.0).checked_mul(10_i128.pow(16))?;
        let units = whole(scaled, self.contract.0.checked_mul(lots)?)?;
        u128::try_from(units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, Instrument, Listing, Money, Product};
    use proptest::prelude::*;

    fn traded(price: u8, lot: u8, contract: i128) -> Traded {
        let instrument = Instrument {
            symbol: "X".parse().expect("a symbol"),
            price_scale: Scale::new(price).expect("small"),
            lot_scale: Scale::new(lot).expect("small"),
            currency: Currency::USDT,
        };
        Traded {
            native: instrument.symbol.clone(),
            product: Product::Perpetual,
            base: "BTC".parse().expect("a coin"),
            contract: Money(contract),
            listing: Listing::of(instrument),
            trading: true,
            leverage_max: 20,
        }
    }

    #[test]
    fn prices_are_whole_ticks_or_nothing() {
        let one = traded(2, 3, Money::UNIT);
        for (text, want) in [
            ("50000.10", Some(5_000_010)),
            ("0.01000", Some(1)),
            ("-3", Some(-300)),
            ("7.", Some(700)),
            (".5", Some(50)),
            ("0.001", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1,0", None),
            ("99999999999999999999999999999999999999", None),
            ("92233720368547758.08", None),
        ] {
            assert_eq!(one.price(text), want.map(Price), "{text}");
        }
        for (text, want) in [("1.005", 100), ("1.015", 102), ("0.0149999999", 1), ("12", 1200)] {
            assert_eq!(one.price_near(text), Some(Price(want)), "{text}");
        }
    }

    #[test]
    fn sizes_are_counted_in_what_the_venue_counts_in() {
        let coins = traded(2, 3, Money::UNIT);
        assert_eq!(coins.lots("1.5"), Some(Quantity(1500)));
        assert_eq!(coins.lots("0.0005"), None);
        assert_eq!((coins.lots_near("0.0005"), coins.lots_near("-1")), (Some(Quantity(0)), None));
        assert_eq!((coins.lots("-1"), coins.signed_lots("-1")), (None, Some(-1000)));
        // A contract of 0.01 coins, traded by the tenth: a lot is 0.001 coins.
        let contracts = traded(1, 3, Money::UNIT / 100);
        assert_eq!(contracts.lots("12.3"), Some(Quantity(123)));
        assert_eq!(contracts.lots("0.05"), None);
        // A contract of 1,000 coins.
        assert_eq!(traded(6, 0, Money::UNIT * 1000).lots("7"), Some(Quantity(7000)));
        let text = |one: &Traded, lots| {
            let mut out = String::new();
            one.push_size(Quantity(lots), &mut out).then_some(out)
        };
        assert_eq!(text(&contracts, 123).as_deref(), Some("12.3"));
        assert_eq!(text(&coins, 1500).as_deref(), Some("1.5"));
        assert_eq!(text(&coins, 0).as_deref(), Some("0"));
        assert_eq!(text(&traded(6, 0, Money::UNIT * 3), 1), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            ticks: i64, lots in 0..u64::MAX / 2, price in 0u8..=12, lot in 0u8..=8, zeros in 0u32..4,
        ) {
            let one = traded(price, lot, Money::UNIT / 10_i128.pow(zeros));
            let mut text = String::new();
            one.push_price(Price(ticks), &mut text);
            prop_assert_eq!(one.price(&text), Some(Price(ticks)));
            prop_assert_eq!(one.price_near(&text), Some(Price(ticks)));
            let mut text = String::new();
            if one.push_size(Quantity(lots), &mut text) {
                prop_assert_eq!(one.lots(&text), Some(Quantity(lots)));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}") {
            let one = traded(4, 4, 12_345);
            let _ = (one.price(&text), one.price_near(&text), one.lots(&text));
        }
    }
}
