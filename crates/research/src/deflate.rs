//! How much of a Sharpe ratio is luck, after so many trials.

use crate::statistics::{count, deviation, finite, mean, normal_below, normal_exceeded, ratio};
use crate::{Deflated, Series, Settings};

/// Euler and Mascheroni's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// One minus the confidence that a track record must give.
const DOUBT: f64 = 0.05;

/// D. H. Bailey and M. López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management
/// 40(5), 2014; the track record length is theirs of The Sharpe Ratio Efficient Frontier, Journal
/// of Risk 15(2), 2012. All ratios per row.
pub(crate) fn deflated(returns: &Series, settings: &Settings) -> Deflated {
    let values: Vec<f64> = returns.iter().flatten().copied().collect();
    let trials = settings.trials;
    let variance = trials.variance.or_else(|| ratio(1.0, count(values.len()) - 1.0));
    let variance = variance.filter(|variance| *variance >= 0.0);
    let expected_max = variance.map(|variance| expected_max(trials.count, variance));
    let annual = settings.periods_per_year.sqrt();
    let mut figures = Deflated {
        count: values.len(),
        trials: trials.count,
        variance,
        expected_max,
        expected_max_annual: expected_max.and_then(|ratio| finite(ratio * annual)),
        ..Deflated::default()
    };
    let Some(shape) = Shape::of(&values) else { return figures };
    figures.sharpe = Some(shape.sharpe);
    figures.skew = Some(shape.skew);
    figures.kurtosis = Some(shape.kurtosis);
    figures.probabilistic = shape.probability(0.0);
    figures.deflated = expected_max.and_then(|chance| shape.probability(chance));
    figures.track_record = shape.track_record(0.0);
    figures.track_record_deflated = expected_max.and_then(|chance| shape.track_record(chance));
    figures
}

/// The highest of `trials` Sharpe ratios that are 0 in truth and estimated with this variance.
fn expected_max(trials: u64, variance: f64) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 trials one more does not count")]
    let trials = trials as f64;
    let (near, far) =
        (normal_exceeded(1.0 / trials), normal_exceeded(1.0 / (trials * std::f64::consts::E)));
    variance.sqrt() * ((1.0 - EULER) * near + EULER * far)
}

/// Sharpe ratio and the moments that its estimate's error depends on.
struct Shape {
    number: f64,
    sharpe: f64,
    skew: f64,
    kurtosis: f64,
}

impl Shape {
    fn of(values: &[f64]) -> Option<Self> {
        let std = deviation(values).filter(|std| *std > 0.0)?;
        let middle = mean(values.iter().copied())?;
        let moment = |of: fn(f64) -> f64| mean(values.iter().map(|v| of(v - middle)));
        let second = moment(|x| x * x)?;
        Some(Self {
            number: count(values.len()),
            sharpe: ratio(middle, std)?,
            skew: ratio(moment(|x| x * x * x)?, second * second.sqrt())?,
            kurtosis: ratio(moment(|x| x * x * x * x)?, second * second)?,
        })
    }

    /// 1 − γ₃ SR + (γ₄ − 1) / 4 · SR², positive for every law.
    fn unevenness(&self) -> f64 {
        1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe
    }

    /// That the true ratio is above `other`.
    fn probability(&self, other: f64) -> Option<f64> {
        let error = (self.unevenness() / (self.number - 1.0)).sqrt();
        ratio(self.sharpe - other, error).map(normal_below)
    }

    /// Rows needed for that probability to be 95 %; `None` if the ratio is not above `other`.
    fn track_record(&self, other: f64) -> Option<f64> {
        if self.sharpe <= other {
            return None;
        }
        let steps = normal_exceeded(DOUBT) / (self.sharpe - other);
        finite(1.0 + self.unevenness() * steps * steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_many_worthless_trials() {
        let check = |trials: u64, variance: f64, want: f64| {
            let found = expected_max(trials, variance);
            assert!((found - want).abs() < 1e-12, "{trials}: {found}");
        };
        check(1, 1.0, 0.0);
        // (1 − γ) Φ⁻¹(0.9) + γ Φ⁻¹(1 − 0.1 / e), from scipy.stats.norm.
        check(10, 1.0, 1.574_598_301_345_75);
        check(100, 0.25, 1.265_301_446_600_841);
        check(1_000_000_000_000, 1.0, 7.114_218_172_363_33);
    }
}
