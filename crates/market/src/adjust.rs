//! Splits, undone forward: what is known on a day never changes an earlier day.
//!
//! Back-adjusting rewrites history at each new split, so a factor computed before it differs
//! from the same factor computed after. A forward factor starts at 1 and grows: prices are
//! multiplied and sizes divided by the product of all splits up to and including the day.

use crate::{Bar, BarSeries, Error, Price, Quantity, Scale, Symbol, Timestamp};

/// Something a company does to its shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorporateAction {
    /// Whose shares.
    pub symbol: Symbol,
    /// The first bar's time at which it is in the price.
    pub effective: Timestamp,
    /// What happens.
    pub action: Action,
}

/// What a company can do to its shares; dividends come with the ledger that pays them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `numerator` new shares for `denominator` old ones: 2 for 1 halves the price.
    Split {
        /// New shares.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
    },
}

/// Which prices a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Adjustment {
    /// As they were printed that day.
    Raw,
    /// Forward factors for splits.
    Splits,
}

/// The cumulative factor from a time on, as a fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitFactor {
    /// From this bar on.
    pub from: Timestamp,
    /// The price is multiplied by this …
    pub numerator: i128,
    /// … and divided by this.
    pub denominator: i128,
}

/// The series with forward split factors applied to prices and sizes.
///
/// Exact where the factors are whole; otherwise prices gain [`EXTRA_DECIMALS`] decimals and
/// round half to even, sizes round half to even to a lot.
pub fn adjust_splits(series: &BarSeries, actions: &[CorporateAction]) -> Result<BarSeries, Error> {
    let factors = factors(series, actions)?;
    let whole = factors.iter().all(|f| f.denominator == 1);
    let mut instrument = series.instrument().clone();
    let finer = if whole { 0 } else { EXTRA_DECIMALS };
    instrument.price_scale = Scale::new(instrument.price_scale.decimals() + finer)
        .ok_or(Error::Overflow { what: "the decimals of an adjusted price" })?;
    let unit = 10_i128.pow(u32::from(finer));
    let bars = series.iter().map(|bar| {
        let now = factors.iter().rev().find(|f| f.from <= bar.open_time);
        let (n, d) = now.map_or((1, 1), |f| (f.numerator, f.denominator));
        scale_bar(bar, (n * unit, d), (d, n))
    });
    let bars: Vec<Bar> = bars.collect::<Result<_, _>>()?;
    BarSeries::from_bars(instrument, series.size(), bars)
}

/// Decimals an adjusted price gains where a factor is no whole number (a reverse split).
pub const EXTRA_DECIMALS: u8 = 4;

fn factors(series: &BarSeries, actions: &[CorporateAction]) -> Result<Vec<SplitFactor>, Error> {
    let symbol = &series.instrument().symbol;
    let mut own: Vec<&CorporateAction> = actions.iter().filter(|a| a.symbol == *symbol).collect();
    own.sort_by_key(|a| a.effective);
    let (mut n, mut d) = (1_i128, 1_i128);
    let mut factors = Vec::with_capacity(own.len());
    for action in own {
        let Action::Split { numerator, denominator } = action.action;
        if numerator == 0 || denominator == 0 {
            let (symbol, on) = (symbol.clone(), action.effective);
            return Err(Error::Split { symbol, on, numerator, denominator });
        }
        let overflow = || Error::Overflow { what: "a cumulative split factor" };
        n = n.checked_mul(i128::from(numerator)).ok_or_else(overflow)?;
        d = d.checked_mul(i128::from(denominator)).ok_or_else(overflow)?;
        let shared = greatest_common_divisor(n, d);
        (n, d) = (n / shared, d / shared);
        factors.push(SplitFactor { from: action.effective, numerator: n, denominator: d });
    }
    Ok(factors)
}

fn scale_bar(bar: Bar, price: (i128, i128), size: (i128, i128)) -> Result<Bar, Error> {
    let ratio = |value: i128, (n, d): (i128, i128)| {
        value.checked_mul(n).and_then(|product| crate::money::divide_half_even(product, d))
    };
    let overflow = || Error::Overflow { what: "an adjusted bar" };
    let of_price = |p: Price| {
        let value = ratio(i128::from(p.0), price).ok_or_else(overflow)?;
        i64::try_from(value).map(Price).map_err(|_| overflow())
    };
    let volume = ratio(i128::from(bar.volume.0), size).ok_or_else(overflow)?;
    Ok(Bar {
        open_time: bar.open_time,
        open: of_price(bar.open)?,
        high: of_price(bar.high)?,
        low: of_price(bar.low)?,
        close: of_price(bar.close)?,
        volume: u64::try_from(volume).map(Quantity).map_err(|_| overflow())?,
    })
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BarSize, Instrument};

    fn day(n: i64) -> Timestamp {
        Timestamp::from_nanos(n * BarSize::DAY.nanos())
    }

    fn series(closes: &[i64]) -> BarSeries {
        let bars = closes.iter().zip(0..).map(|(close, n)| {
            let p = Price(*close);
            Bar { open_time: day(n), open: p, high: p, low: p, close: p, volume: Quantity(600) }
        });
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        BarSeries::from_bars(instrument, BarSize::DAY, bars).expect("in order")
    }

    fn split(on: i64, numerator: u32, denominator: u32) -> CorporateAction {
        let symbol = "X".parse().expect("a symbol");
        CorporateAction {
            symbol,
            effective: day(on),
            action: Action::Split { numerator, denominator },
        }
    }

    #[track_caller]
    fn check(closes: &[i64], splits: &[CorporateAction], want: &[i64], volumes: &[u64], scale: u8) {
        let adjusted = adjust_splits(&series(closes), splits).expect("adjusts");
        let ticks: Vec<i64> = adjusted.close().iter().map(|p| p.0).collect();
        let sizes: Vec<u64> = adjusted.volume().iter().map(|q| q.0).collect();
        assert_eq!((ticks.as_slice(), sizes.as_slice()), (want, volumes));
        assert_eq!(adjusted.instrument().price_scale.decimals(), scale);
    }

    #[test]
    fn factors_grow_forward_from_one() {
        check(&[100, 50, 51], &[split(1, 2, 1)], &[100, 100, 102], &[600, 300, 300], 2);
        let twice = [split(2, 3, 1), split(1, 2, 1)];
        check(&[60, 30, 10], &twice, &[60, 60, 60], &[600, 300, 100], 2);
        check(&[10, 100], &[split(1, 1, 10)], &[100_000, 100_000], &[600, 6000], 6);
        check(&[10, 20], &[], &[10, 20], &[600, 600], 2);
    }

    #[test]
    fn a_later_split_leaves_earlier_days_alone() {
        let without = adjust_splits(&series(&[100, 101]), &[]).expect("adjusts");
        let with = adjust_splits(&series(&[100, 101, 50]), &[split(2, 2, 1)]).expect("adjusts");
        assert_eq!(without.close(), with.close().get(..2).expect("two rows"));
    }

    #[test]
    fn a_split_by_nothing_is_refused() {
        let refused = adjust_splits(&series(&[1]), &[split(0, 0, 1)]);
        assert!(matches!(refused, Err(Error::Split { numerator: 0, .. })));
    }
}
