//! The last n rows of a name: rules 4 to 7.

use super::{Cell, Input, Table};

/// A valid value, and its place among the window's n rows, the oldest 1.
type Seen = (f64, f64);

/// The valid values of the n rows up to `t`, rows before the panel left out.
fn seen(x: &Table, (t, j): (usize, usize), n: usize) -> Vec<Seen> {
    let place = |s: usize| (n - (t - s)) as f64;
    let rows = (0..=t).filter(|s| t - s < n);
    rows.filter_map(|s| x[s][j].map(|x| (place(s), x))).collect()
}

/// Operators on one series and a window.
pub fn rule(input: &Input<'_>) -> Table {
    let (x, n) = (&input.series[0], input.n());
    // The fewest values stand behind the window; `ts_quantile` has its share elsewhere.
    let least = least(input);
    input.data.each(|t, j| {
        let seen = seen(x, (t, j), n);
        if seen.len() < least {
            return None;
        }
        let values: Vec<f64> = seen.iter().map(|(_, x)| *x).collect();
        let now = x[t][j];
        match input.name {
            "ts_rank" => Some(average_rank(now?, &values) / values.len() as f64),
            "ts_zscore" => {
                let std = variance(&values)?.sqrt();
                if std == 0.0 { None } else { Some((now? - mean(&values)) / std) }
            }
            "ts_slope" | "ts_rsquare" | "ts_resi" => line(input.name, &seen, now),
            "ts_argmax" => first_place(&seen, |x, best| x > best),
            "ts_argmin" => first_place(&seen, |x, best| x < best),
            "decay_linear" => {
                let weights: f64 = seen.iter().map(|(place, _)| place).sum();
                Some(seen.iter().map(|(place, x)| place * x).sum::<f64>() / weights)
            }
            "ts_quantile" => Some(quantile(&values, input.constants[1])),
            name => of_values(name, &values),
        }
    })
}

/// The constant called `min` in the table: the last one of a window's.
fn least(input: &Input<'_>) -> usize {
    *input.constants.last().expect("a window has constants") as usize
}

fn of_values(name: &str, values: &[f64]) -> Cell {
    match name {
        "ts_sum" => Some(values.iter().sum()),
        "ts_mean" => Some(mean(values)),
        "ts_product" => Some(values.iter().product()),
        "ts_min" => values.iter().copied().reduce(|a, b| if b < a { b } else { a }),
        "ts_max" => values.iter().copied().reduce(|a, b| if b > a { b } else { a }),
        "ts_var" => variance(values),
        "ts_std" => variance(values).map(f64::sqrt),
        "ts_median" => Some(quantile(values, 0.5)),
        "ts_skew" => skewness(values),
        "ts_kurt" => kurtosis(values),
        _ => unreachable!("{name}"),
    }
}

/// `ts_count`: valid values in the last n rows, never missing.
pub fn count(input: &Input<'_>) -> Table {
    input.data.each(|t, j| Some(seen(&input.series[0], (t, j), input.n()).len() as f64))
}

/// Operators on two series and a window, over the rows where both are valid.
pub fn paired(input: &Input<'_>) -> Table {
    let (x, y, n) = (&input.series[0], &input.series[1], input.n());
    let least = least(input);
    input.data.each(|t, j| {
        let rows = (0..=t).filter(|s| t - s < n);
        let pairs: Vec<(f64, f64)> = rows.filter_map(|s| x[s][j].zip(y[s][j])).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        if x.len() < least {
            return None;
        }
        match input.name {
            "ts_cov" => covariance(&x, &y),
            "ts_corr" => correlation(&x, &y),
            name => unreachable!("{name}"),
        }
    })
}

/// The mean of the places that the equal values take in sorted order.
pub fn average_rank(x: f64, among: &[f64]) -> f64 {
    let below = among.iter().filter(|y| **y < x).count() as f64;
    let equal = among.iter().filter(|y| **y == x).count() as f64;
    // From place below + 1 to place below + equal.
    below + f64::midpoint(1.0, equal)
}

pub fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

pub fn is_constant(of: &[f64]) -> bool {
    of.iter().all(|x| *x == of[0])
}

pub fn variance(of: &[f64]) -> Cell {
    covariance(of, of)
}

fn covariance(x: &[f64], y: &[f64]) -> Cell {
    if x.len() < 2 {
        return None;
    }
    if is_constant(x) || is_constant(y) {
        return Some(0.0);
    }
    let (mx, my) = (mean(x), mean(y));
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    Some(products / (x.len() as f64 - 1.0))
}

fn correlation(x: &[f64], y: &[f64]) -> Cell {
    if x.len() < 2 || is_constant(x) || is_constant(y) {
        return None;
    }
    let r = covariance(x, y)? / (variance(x)?.sqrt() * variance(y)?.sqrt());
    Some(r.clamp(-1.0, 1.0))
}

/// The mean of the deviations to the power `p`.
fn moment(of: &[f64], p: i32) -> f64 {
    let middle = mean(of);
    of.iter().map(|x| (x - middle).powi(p)).sum::<f64>() / of.len() as f64
}

/// G1 of Joanes and Gill (1998).
fn skewness(of: &[f64]) -> Cell {
    let n = of.len() as f64;
    if of.len() < 3 || is_constant(of) {
        return None;
    }
    let g1 = moment(of, 3) / moment(of, 2).powf(1.5);
    Some(g1 * (n * (n - 1.0)).sqrt() / (n - 2.0))
}

/// G2 of Joanes and Gill (1998), in excess of the normal distribution.
fn kurtosis(of: &[f64]) -> Cell {
    let n = of.len() as f64;
    if of.len() < 4 || is_constant(of) {
        return None;
    }
    let g2 = moment(of, 4) / moment(of, 2).powi(2) - 3.0;
    Some((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0))
}

/// Between the sorted values, at h = (m − 1) q.
pub fn quantile(of: &[f64], q: f64) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    let h = (sorted.len() as f64 - 1.0) * q;
    let (low, high) = (sorted[h.floor() as usize], sorted[h.ceil() as usize]);
    low + (h - h.floor()) * (high - low)
}

fn first_place(seen: &[Seen], better: impl Fn(f64, f64) -> bool) -> Cell {
    let mut best = *seen.first()?;
    for one in seen {
        if better(one.1, best.1) {
            best = *one;
        }
    }
    Some(best.0)
}

/// Least squares of the values on their places.
fn line(name: &str, seen: &[Seen], now: Cell) -> Cell {
    let places: Vec<f64> = seen.iter().map(|(place, _)| *place).collect();
    let values: Vec<f64> = seen.iter().map(|(_, x)| *x).collect();
    let constant = is_constant(&values);
    let slope = || {
        if constant { Some(0.0) } else { Some(covariance(&places, &values)? / variance(&places)?) }
    };
    match name {
        "ts_slope" => slope(),
        "ts_rsquare" => correlation(&places, &values).map(|r| r * r),
        _ => {
            let now = now?;
            if constant {
                return Some(0.0);
            }
            // The current row has the last place.
            let newest = places[places.len() - 1];
            Some(now - mean(&values) - slope()? * (newest - mean(&places)))
        }
    }
}
