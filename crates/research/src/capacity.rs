//! How large the long-short book may be before it is too much of what is traded.
#![allow(
    clippy::indexing_slicing,
    reason = "numeric kernel: traded values are rows × names, like everything they meet"
)]

use crate::forward::{dense, field};
use crate::statistics::{count, finite, percentile};
use crate::study::Reading;
use crate::{Capacity, Error, Participation, Series};

/// Mean of price × units over the last rows up to each, a row without trade counting as 0.
pub(crate) fn traded_value(reading: &Reading<'_>) -> Result<Option<Vec<f64>>, Error> {
    let Some(Participation { volume, rows, .. }) = &reading.settings.capacity else {
        return Ok(None);
    };
    let column = field(reading.panel, volume, "capacity")?;
    let fits = |units: f64| units.is_finite() && units >= 0.0;
    let mut values = dense(column, reading.names, fits, reading.stop)?;
    for (value, price) in values.iter_mut().zip(&reading.prices.values) {
        let product = *value * price;
        *value = if product.is_finite() { product } else { 0.0 };
    }
    let mut means = vec![0.0; values.len()];
    for t in 0..reading.rows {
        reading.stop.check()?;
        let first = (t + 1).saturating_sub(*rows);
        let mean = &mut means[t * reading.names..(t + 1) * reading.names];
        for s in first..=t {
            let row = &values[s * reading.names..(s + 1) * reading.names];
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += value;
            }
        }
        for mean in mean {
            *mean /= count(t + 1 - first);
        }
    }
    Ok(Some(means))
}

/// With w the weights of the tranche (top +1, bottom −1 in all), Δw their change from the tranche
/// that it replaces, D the traded values and p the share: a book B, long plus short, trades
/// B / 2 · |Δw| / horizon of a name. Pooled: B = 2 p · horizon · Σ D / Σ |Δw|; strict: the least
/// 2 p · horizon · D / |Δw|; both over the names that the tranche holds.
pub(crate) fn capacity(
    reading: &Reading<'_>,
    rows: usize,
    traded: &[f64],
) -> Result<Capacity, Error> {
    let share = reading.settings.capacity.as_ref().map_or(0.0, |capacity| capacity.share);
    let scale = 2.0 * share * count(rows);
    let (mut pooled, mut strict): (Series, Series) =
        (vec![None; reading.rows], vec![None; reading.rows]);
    for t in 0..reading.rows {
        reading.stop.check()?;
        let Some(now) = reading.book.weights(t) else { continue };
        let before = t.checked_sub(rows).and_then(|t| reading.book.weights(t));
        let (mut value, mut change, mut least) = (0.0, 0.0, f64::INFINITY);
        for j in 0..reading.names {
            let weight = now.of(j);
            if weight == 0.0 {
                continue;
            }
            let step = (weight - before.map_or(0.0, |before| before.of(j))).abs();
            let day = traded[t * reading.names + j];
            value += day;
            change += step;
            if step > 0.0 {
                least = least.min(day / step);
            }
        }
        pooled[t] = finite(scale * value / change);
        strict[t] = finite(scale * least);
    }
    Ok(Capacity {
        pooled_median: percentile(&pooled, 0.5),
        strict_median: percentile(&strict, 0.5),
        pooled_low: percentile(&pooled, 0.1),
        strict_low: percentile(&strict, 0.1),
        pooled,
        strict,
    })
}
