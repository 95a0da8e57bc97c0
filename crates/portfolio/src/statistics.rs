//! Means and deviations that never leave the numbers.

/// The value, unless it is NaN or infinite: nothing of that kind leaves this crate.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `a / b` where that is a number.
pub(crate) fn ratio(a: f64, b: f64) -> Option<f64> {
    finite(a / b)
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows are far below 2^53")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// Arithmetic mean; `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    ratio(values.iter().sum(), count(values.len()))
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
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    finite((squares / count(values.len() - 1)).sqrt())
}

/// Root mean square of what lies below 0, over all values; `None` of nothing.
pub(crate) fn downside(values: &[f64]) -> Option<f64> {
    let squares: f64 = values.iter().map(|v| v.min(0.0) * v.min(0.0)).sum();
    finite((squares / count(values.len())).sqrt())
}

/// Mean ÷ deviation × √periods; `None` where the deviation is 0.
pub(crate) fn sharpe(returns: &[f64], periods_per_year: f64) -> Option<f64> {
    let deviation = deviation(returns).filter(|d| *d > 0.0)?;
    ratio(mean(returns)? * periods_per_year.sqrt(), deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input_has_no_statistics() {
        assert_eq!((mean(&[]), deviation(&[]), downside(&[])), (None, None, None));
        assert_eq!((deviation(&[0.1]), deviation(&[0.1, 0.1, 0.1])), (None, Some(0.0)));
        assert_eq!((sharpe(&[0.1, 0.1], 252.0), sharpe(&[], 252.0)), (None, None));
        assert_eq!(mean(&[f64::MAX, f64::MAX]), None);
    }

    #[test]
    fn textbook_values() {
        assert_eq!(
            deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some((32.0_f64 / 7.0).sqrt())
        );
        assert_eq!(downside(&[0.02, -0.03, 0.01, -0.04]), Some((0.0025_f64 / 4.0).sqrt()));
        assert_eq!(sharpe(&[1.0, 3.0], 4.0), Some(4.0 / 2.0_f64.sqrt()));
    }
}
