//! Across the names of one day, and within its groups: rules 8 and 9.

use super::windows::{average_rank, is_constant, mean, quantile, variance};
use super::{Cell, Input, Table};

/// The values of a day among which name `j` stands: those of its group, or all.
fn around(input: &Input<'_>, x: &Table, (t, j): (usize, usize)) -> Option<Vec<f64>> {
    let names = 0..input.data.names;
    let Some(labels) = input.labels else {
        return Some(names.filter_map(|i| x[t][i]).collect());
    };
    let own = labels[t][j]?;
    Some(names.filter(|i| labels[t][*i] == Some(own)).filter_map(|i| x[t][i]).collect())
}

/// Operators on one series of a day; with a label, on those of one's group.
pub fn rule(input: &Input<'_>) -> Table {
    let x = &input.series[0];
    input.data.each(|t, j| {
        let now = x[t][j]?;
        let all = around(input, x, (t, j))?;
        match input.name {
            "rank" | "group_rank" => Some(average_rank(now, &all) / all.len() as f64),
            "cs_zscore" | "group_zscore" => {
                let std = variance(&all)?.sqrt();
                if std == 0.0 { None } else { Some((now - mean(&all)) / std) }
            }
            "cs_demean" | "group_demean" | "group_neutralize" | "indneutralize" => {
                Some(now - mean(&all))
            }
            "scale" => {
                let sum: f64 = all.iter().map(|x| x.abs()).sum();
                Some(input.constants[0] * now / sum)
            }
            "buckets" => {
                let k = input.constants[0];
                Some((k * average_rank(now, &all) / (all.len() as f64 + 1.0)).floor() + 1.0)
            }
            "winsorize" => winsorized(now, &all, input.constants[0]),
            "top" => place(&x[t], j, |a, b| a > b).map(|place| flag(place < input.n())),
            "bottom" => place(&x[t], j, |a, b| a < b).map(|place| flag(place < input.n())),
            name => unreachable!("{name}"),
        }
    })
}

/// A figure of the day or of one's group, for names without a value too.
pub fn figure(input: &Input<'_>) -> Table {
    input.data.each(|t, j| {
        let all = around(input, &input.series[0], (t, j))?;
        match input.name {
            "cs_count" | "group_count" => Some(all.len() as f64),
            _ if all.is_empty() => None,
            "cs_sum" | "group_sum" => Some(all.iter().sum()),
            "cs_mean" | "group_mean" => Some(mean(&all)),
            "cs_std" => variance(&all).map(f64::sqrt),
            "cs_median" => Some(quantile(&all, 0.5)),
            name => unreachable!("{name}"),
        }
    })
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// How many names come before name `j`; of equals the earlier column comes first.
fn place(day: &[Cell], j: usize, before: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let now = day[j]?;
    let ahead = |i: usize| day[i].is_some_and(|x| before(x, now) || (x == now && i < j));
    Some((0..day.len()).filter(|i| ahead(*i)).count())
}

fn winsorized(now: f64, all: &[f64], k: f64) -> Cell {
    let std = variance(all)?.sqrt();
    if is_constant(all) {
        return Some(now);
    }
    let (low, high) = (mean(all) - k * std, mean(all) + k * std);
    Some(if now < low {
        low
    } else if now > high {
        high
    } else {
        now
    })
}

/// `cs_resid(y, x)`: what a line over the day's names leaves of y.
pub fn residual(input: &Input<'_>) -> Table {
    let (y, x) = (&input.series[0], &input.series[1]);
    input.data.each(|t, j| {
        let (own_x, own_y) = x[t][j].zip(y[t][j])?;
        let pairs: Vec<(f64, f64)> =
            (0..input.data.names).filter_map(|i| x[t][i].zip(y[t][i])).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        if x.len() < 3 || is_constant(&x) {
            return None;
        }
        let (mx, my) = (mean(&x), mean(&y));
        let products: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
        let squares: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
        Some(own_y - my - products / squares * (own_x - mx))
    })
}
