//! Means of series with gaps, their standard errors, and the normal law.

use crate::{Series, Summary, YearMonths};
use market::Timestamp;

#[allow(clippy::cast_precision_loss, reason = "counts of rows and cells are far below 2^53")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// The value, unless it is NaN or infinite: nothing of that kind leaves this crate.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `a / b` where that is a number.
pub(crate) fn ratio(a: f64, b: f64) -> Option<f64> {
    finite(a / b)
}

/// A sum and how many values went into it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: f64,
    number: usize,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.sum += value;
        self.number += 1;
    }

    pub(crate) fn value(self) -> Option<f64> {
        ratio(self.sum, count(self.number))
    }
}

/// Mean of the values there are, in their order.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut mean = Mean::default();
    values.into_iter().for_each(|value| mean.add(value));
    mean.value()
}

/// Sample standard deviation (ddof 1); equal values have exactly 0; `None` below two values.
pub(crate) fn deviation(values: &[f64]) -> Option<f64> {
    let first = values.first()?;
    if values.len() < 2 {
        return None;
    }
    if values.iter().all(|v| v.to_bits() == first.to_bits()) {
        return Some(0.0);
    }
    let mean = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    finite((squares / count(values.len() - 1)).sqrt())
}

/// Value at share `q` of the sorted values, linear between neighbours.
pub(crate) fn percentile(series: &Series, q: f64) -> Option<f64> {
    let mut values: Vec<f64> = series.iter().flatten().copied().collect();
    values.sort_unstable_by(f64::total_cmp);
    let place = count(values.len().checked_sub(1)?) * q;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of values"
    )]
    let below = place.floor() as usize;
    let low = values.get(below)?;
    let high = values.get(below + 1).unwrap_or(low);
    finite(low + (high - low) * (place - place.floor()))
}

/// Mean of a series whose values look `overlap` rows ahead, with the standard error of W. K. Newey
/// and K. D. West, A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation
/// Consistent Covariance Matrix, Econometrica 55(3), 1987: weights 1 − k / (L + 1). L is the larger
/// of 2 (`overlap` − 1) and ⌊4 (n / 100)^(2/9)⌋ (the same, Automatic Lag Selection, Review of
/// Economic Studies 61(4), 1994): overlap reaches over `overlap` − 1 rows, and falling weights that
/// end there would leave out a third of it. A pair with a gap counts as 0 (E. Parzen, On Spectral
/// Analysis with Missing Observations, Sankhyā A 25, 1963).
pub(crate) fn summary(series: &Series, overlap: usize) -> Summary {
    let values: Vec<f64> = series.iter().flatten().copied().collect();
    let number = values.len();
    let error_lags = error_lags(number, overlap);
    let mut summary = Summary { count: number, error_lags, ..Summary::default() };
    let Some(mean) = mean(values.iter().copied()) else { return summary };
    let above = values.iter().filter(|value| **value > 0.0).count();
    summary.mean = Some(mean);
    summary.positive = ratio(count(above), count(number));
    summary.std = deviation(&values);
    let Some(std) = summary.std.filter(|std| *std > 0.0) else { return summary };
    summary.ratio = ratio(mean, std);
    summary.t_independent = ratio(mean * count(number).sqrt(), std);
    let error = long_run_variance(series, mean, error_lags) / count(number);
    summary.error = Some(error.sqrt()).filter(|error| error.is_finite() && *error > 0.0);
    summary.t = summary.error.and_then(|error| ratio(mean, error));
    summary.p = summary.t.map(two_sided);
    summary
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
fn error_lags(number: usize, overlap: usize) -> usize {
    let automatic = (4.0 * libm::pow(count(number) / 100.0, 2.0 / 9.0)).floor() as usize;
    automatic.max(2 * overlap.saturating_sub(1)).min(number.saturating_sub(1))
}

fn long_run_variance(series: &Series, mean: f64, lags: usize) -> f64 {
    // A gap stands as 0 among the deviations.
    let gaps = series.iter().map(|value| value.map_or(0.0, |value| value - mean));
    let deviations: Vec<f64> = gaps.collect();
    let number = count(series.iter().flatten().count());
    let covariance = |lag: usize| -> f64 {
        let later = deviations.iter().skip(lag);
        deviations.iter().zip(later).map(|(a, b)| a * b).sum::<f64>() / number
    };
    let weighted = (1..=lags).map(|lag| {
        let weight = 1.0 - count(lag) / count(lags + 1);
        2.0 * weight * covariance(lag)
    });
    covariance(0) + weighted.sum::<f64>()
}

/// Means by calendar month (UTC); years without a value in between are left out.
pub(crate) fn monthly(times: &[Timestamp], series: &Series) -> Vec<YearMonths> {
    let mut years: Vec<(i16, [Mean; 12], Mean)> = Vec::new();
    for (time, value) in times.iter().zip(series) {
        let Some(value) = value else { continue };
        let date = time.date();
        if years.last().is_none_or(|(year, ..)| *year != date.year()) {
            years.push((date.year(), [Mean::default(); 12], Mean::default()));
        }
        let month = usize::try_from(date.month() - 1).unwrap_or(0);
        if let Some((_, months, total)) = years.last_mut() {
            total.add(*value);
            if let Some(cell) = months.get_mut(month) {
                cell.add(*value);
            }
        }
    }
    let row = |(year, months, total): (i16, [Mean; 12], Mean)| YearMonths {
        year,
        months: months.map(Mean::value),
        total: total.value(),
    };
    years.into_iter().map(row).collect()
}

/// Probability of a normal value at most `x`.
pub(crate) fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// Probability of a normal value at least as far from 0 as `t`.
pub(crate) fn two_sided(t: f64) -> f64 {
    libm::erfc(t.abs() / std::f64::consts::SQRT_2)
}

/// The value that a normal variable exceeds with the probability `tail`, strictly between 0 and 1.
/// Halving an interval needs no table of coefficients; the tail keeps its digits when it is tiny.
pub(crate) fn normal_exceeded(tail: f64) -> f64 {
    if tail > 0.5 {
        return -normal_exceeded(1.0 - tail);
    }
    let (mut low, mut high) = (0.0_f64, 40.0_f64);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if normal_below(-middle) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, want: f64) {
        let found = found.expect("is defined");
        assert!((found - want).abs() <= 1e-12 * want.abs().max(1.0), "{found} is not {want}");
    }

    #[test]
    fn the_normal_law_of_the_tables() {
        let check = |tail: f64, want: f64| {
            assert!((normal_exceeded(tail) - want).abs() < 1e-12, "{tail}");
            assert!((normal_below(-want) / tail - 1.0).abs() < 1e-9, "{tail}");
        };
        check(0.5, 0.0);
        check(0.05, 1.644_853_626_951_472_7);
        check(0.025, 1.959_963_984_540_054);
        check(0.975, -1.959_963_984_540_054);
        check(1e-9, 5.997_807_015_007_687);
        assert!((two_sided(1.959_963_984_540_054) - 0.05).abs() < 1e-15);
    }

    #[test]
    fn the_error_of_a_mean_by_hand() {
        // Deviations 1 −1 1 −1: γ0 = 1, γ1 = −3/4; with L = 1 the weight is 1/2, so S = 1/4.
        let series = vec![Some(3.0), Some(1.0), Some(3.0), Some(1.0)];
        near(Some(long_run_variance(&series, 2.0, 0)), 1.0);
        near(Some(long_run_variance(&series, 2.0, 1)), 0.25);
        let summary = summary(&series, 1);
        assert_eq!((summary.count, summary.error_lags), (4, 1));
        near(summary.mean, 2.0);
        near(summary.std, (4.0_f64 / 3.0).sqrt());
        near(summary.error, 0.25);
        near(summary.t, 8.0);
        near(summary.positive, 1.0);
        near(summary.t_independent, 4.0 / (4.0_f64 / 3.0).sqrt());
    }

    #[test]
    fn a_gap_keeps_its_neighbours_apart() {
        let series = vec![Some(3.0), None, Some(1.0), Some(3.0), Some(1.0)];
        // Pairs of neighbours: (1, 3) and (3, 1), two products of −1 over four values.
        near(Some(long_run_variance(&series, 2.0, 1)), 1.0 - 0.5);
    }

    #[test]
    fn degenerate_series_have_no_figures() {
        let none = summary(&vec![None, None], 5);
        assert_eq!((none.count, none.mean, none.t, none.error_lags), (0, None, None, 0));
        let equal = summary(&vec![Some(0.1); 9], 1);
        assert_eq!((equal.std, equal.ratio, equal.t, equal.p), (Some(0.0), None, None, None));
        assert_eq!(percentile(&vec![None], 0.5), None);
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        let series: Series = [4.0, 1.0, 3.0, 2.0].map(Some).to_vec();
        near(percentile(&series, 0.5), 2.5);
        near(percentile(&series, 0.1), 1.3);
        near(percentile(&series, 1.0), 4.0);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let days = ["2023-12-31", "2024-01-01", "2024-01-31", "2024-03-01"];
        let times: Vec<Timestamp> = days.iter().map(|day| day.parse().expect("a day")).collect();
        let years = monthly(&times, &vec![Some(4.0), Some(1.0), Some(3.0), None]);
        let found: Vec<_> =
            years.iter().map(|y| (y.year, y.months[0], y.months[11], y.total)).collect();
        let want = [(2023, None, Some(4.0), Some(4.0)), (2024, Some(2.0), None, Some(2.0))];
        assert_eq!(found, want);
    }
}
