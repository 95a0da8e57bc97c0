//! How often the best of several series is below the middle of them elsewhere.
#![allow(
    clippy::indexing_slicing,
    reason = "numeric kernel: every table here is series × slices or as long as the series"
)]

use crate::statistics::{count, mean, ratio};
use crate::stop::Stop;
use crate::{Error, Series};
use std::sync::atomic::AtomicBool;

/// Series compared at once.
const SERIES_MAX: usize = 1000;
/// Slices of the rows: 16 make 12,870 combinations.
const SLICES_MAX: usize = 16;

/// How often the best of several series is below the middle of them elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Overfitting {
    /// Series compared.
    pub series: usize,
    /// Rows used: those where every series has a value, the first ones cut so that slices are equal.
    pub rows: usize,
    /// Slices of the rows.
    pub slices: usize,
    /// Ways to choose half of the slices.
    pub combinations: usize,
    /// Share of combinations whose best series is at or below the median elsewhere.
    pub probability: Option<f64>,
    /// By combination: ln(ω / (1 − ω)), ω being the best one's rank elsewhere ÷ (series + 1).
    pub logits: Vec<f64>,
    /// Share of combinations whose best series loses elsewhere.
    pub loss: Option<f64>,
    /// Change of the Sharpe ratio elsewhere for a unit more where it was chosen.
    pub slope: Option<f64>,
}

/// Probability of backtest overfitting by combinatorially symmetric cross-validation: D. H. Bailey,
/// J. M. Borwein, M. López de Prado and Q. J. Zhu, The Probability of Backtest Overfitting, Journal
/// of Computational Finance 20(4), 2017 (circulated in 2015). The measure is the Sharpe ratio per
/// row; a series that does not vary has 0.
///
/// `returns` has a series for each expression tried, `slices` is even.
pub fn overfitting(
    returns: &[Series],
    slices: usize,
    cancel: &AtomicBool,
) -> Result<Overfitting, Error> {
    let within = |what, found: usize, least, most| {
        if (least..=most).contains(&found) {
            Ok(())
        } else {
            Err(Error::Range { what, found, least, most })
        }
    };
    within("the number of series", returns.len(), 2, SERIES_MAX)?;
    within("the number of slices", slices, 2, SLICES_MAX)?;
    if slices % 2 == 1 {
        let value = slices.to_string();
        return Err(Error::Number { what: "the number of slices", value, rule: "even" });
    }
    let table = common(returns)?;
    let length = table.first().map_or(0, Vec::len) / slices;
    within("the number of rows of a slice", length, 2, usize::MAX)?;
    let table: Vec<Vec<Sums>> = table.iter().map(|row| sliced(row, slices, length)).collect();
    let mut trials = Trials::default();
    for chosen in 0..1_u32 << slices {
        if chosen.count_ones() as usize * 2 != slices {
            continue;
        }
        Stop(cancel).check()?;
        trials.take(&table, chosen);
    }
    Ok(trials.figures(returns.len(), length * slices, slices))
}

/// The rows where every series has a value.
fn common(returns: &[Series]) -> Result<Vec<Vec<f64>>, Error> {
    let expected = returns.first().map_or(0, Vec::len);
    if let Some((at, series)) = returns.iter().enumerate().find(|(_, s)| s.len() != expected) {
        return Err(Error::Length { at, found: series.len(), expected });
    }
    let complete = |t: &usize| returns.iter().all(|series| series[*t].is_some_and(f64::is_finite));
    let rows: Vec<usize> = (0..expected).filter(complete).collect();
    let kept = |series: &Series| rows.iter().filter_map(|t| series[*t]).collect();
    Ok(returns.iter().map(kept).collect())
}

/// What a Sharpe ratio needs of a slice, taken from the series' first value so that little cancels.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    number: f64,
    base: f64,
    first: f64,
    second: f64,
}

fn sliced(row: &[f64], slices: usize, length: usize) -> Vec<Sums> {
    let row = &row[row.len() - slices * length..];
    let base = row[0];
    let sums = |slice: &[f64]| Sums {
        number: count(slice.len()),
        base,
        first: slice.iter().map(|value| value - base).sum(),
        second: slice.iter().map(|value| (value - base) * (value - base)).sum(),
    };
    row.chunks_exact(length).map(sums).collect()
}

/// Smaller than this share of the mean square, a variance is what rounding left.
const ROUNDING: f64 = 1e-14;

fn sharpe(slices: &[Sums], chosen: impl Fn(usize) -> bool) -> f64 {
    let mut all = Sums::default();
    for (_, slice) in slices.iter().enumerate().filter(|(at, _)| chosen(*at)) {
        all.number += slice.number;
        all.base = slice.base;
        all.first += slice.first;
        all.second += slice.second;
    }
    let squares = all.second - all.first * all.first / all.number;
    if squares <= ROUNDING * all.second {
        return 0.0;
    }
    (all.base + all.first / all.number) / (squares / (all.number - 1.0)).sqrt()
}

/// The outcomes of the combinations.
#[derive(Debug, Default)]
struct Trials {
    logits: Vec<f64>,
    inside: Vec<f64>,
    outside: Vec<f64>,
}

impl Trials {
    fn take(&mut self, table: &[Vec<Sums>], chosen: u32) {
        let inside = |at: usize| chosen >> at & 1 == 1;
        let mut best = (0, f64::NEG_INFINITY);
        for (at, slices) in table.iter().enumerate() {
            let ratio = sharpe(slices, inside);
            if ratio > best.1 {
                best = (at, ratio);
            }
        }
        let elsewhere: Vec<f64> =
            table.iter().map(|slices| sharpe(slices, |at| !inside(at))).collect();
        let own = elsewhere[best.0];
        let below = elsewhere.iter().filter(|ratio| **ratio < own).count();
        let above = elsewhere.iter().filter(|ratio| **ratio > own).count();
        // The average rank of those that are equal to it.
        let rank = (count(below) + 1.0 + count(table.len() - above)) / 2.0;
        let place = rank / count(table.len() + 1);
        self.logits.push(libm::log(place / (1.0 - place)));
        self.inside.push(best.1);
        self.outside.push(own);
    }

    fn figures(self, series: usize, rows: usize, slices: usize) -> Overfitting {
        let combinations = self.logits.len();
        let share = |number: usize| ratio(count(number), count(combinations));
        Overfitting {
            series,
            rows,
            slices,
            combinations,
            probability: share(self.logits.iter().filter(|logit| **logit <= 0.0).count()),
            loss: share(self.outside.iter().filter(|ratio| **ratio < 0.0).count()),
            slope: slope(&self.inside, &self.outside),
            logits: self.logits,
        }
    }
}

/// Least squares of `y` on 1 and `x`.
fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let (middle_x, middle_y) = (mean(x.iter().copied())?, mean(y.iter().copied())?);
    let pairs = || x.iter().zip(y).map(|(x, y)| (x - middle_x, y - middle_y));
    let product: f64 = pairs().map(|(x, y)| x * y).sum();
    let square: f64 = pairs().map(|(x, _)| x * x).sum();
    if square > 0.0 { ratio(product, square) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    static LIVE: AtomicBool = AtomicBool::new(false);

    fn series(values: &[f64]) -> Series {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn the_best_everywhere_is_no_accident() {
        let good = series(&[3.0, 4.0, 3.0, 4.5, 3.0, 4.0, 3.0, 4.5]);
        let bad = series(&[-1.0, 1.0, -1.0, 1.5, -1.0, 1.0, -1.0, 1.5]);
        let found = overfitting(&[bad, good], 4, &LIVE).expect("fits");
        assert_eq!((found.combinations, found.rows), (6, 8));
        assert_eq!((found.probability, found.loss), (Some(0.0), Some(0.0)));
        // Rank 2 of 2, ω = 2/3.
        assert!(found.logits.iter().all(|logit| (logit - libm::log(2.0)).abs() < 1e-15));
    }

    #[test]
    fn what_is_best_in_one_half_only_is_an_accident() {
        let early = series(&[3.0, 4.0, -3.0, -4.0]);
        let late = series(&[-3.0, -4.0, 3.0, 4.0]);
        let found = overfitting(&[early, late], 2, &LIVE).expect("fits");
        assert_eq!((found.probability, found.loss), (Some(1.0), Some(1.0)));
        assert!(found.logits.iter().all(|logit| (logit + libm::log(2.0)).abs() < 1e-15));
    }

    #[test]
    fn rows_with_a_gap_and_the_odd_first_row_are_left_out() {
        let mut gap = series(&[9.0, 1.0, 2.0, 5.0, 1.0, 2.0]);
        gap[3] = None;
        let other = series(&[9.0, 2.0, 1.0, 5.0, 2.0, 1.0]);
        let found = overfitting(&[gap, other], 2, &LIVE).expect("fits");
        assert_eq!((found.rows, found.combinations), (4, 2));
    }

    #[test]
    fn a_series_that_does_not_vary_has_ratio_0() {
        let flat = series(&[0.1; 8]);
        let fair = series(&[0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]);
        let found = overfitting(&[flat, fair], 4, &LIVE).expect("fits");
        assert_eq!(found.probability, Some(0.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |returns: &[Series], slices: usize, want: &str| {
            let error = overfitting(returns, slices, &LIVE).expect_err(want);
            assert_eq!(error.to_string(), want);
        };
        let (short, long) = (series(&[0.1, 0.2]), series(&[0.1, 0.2, 0.3, 0.4]));
        check(&[], 2, "the number of series is 0: 2 to 1000 are allowed");
        let pair = [long.clone(), long.clone()];
        check(&pair, 3, "the number of slices is 3: it must be even");
        check(&pair, 18, "the number of slices is 18: 2 to 16 are allowed");
        check(
            &[long, short],
            2,
            "series 1 has 2 rows, the first has 4: cut them to the same dates",
        );
        assert!(matches!(overfitting(&pair, 4, &LIVE), Err(Error::Range { found: 1, .. })));
        let up = AtomicBool::new(true);
        assert_eq!(overfitting(&pair, 2, &up), Err(Error::Cancelled));
    }
}
