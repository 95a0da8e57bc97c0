//! How much several factors say the same.

use crate::cross::{Orders, Ranks, Side, positions};
use crate::forward::dense;
use crate::statistics::{Mean, ratio};
use crate::stop::Stop;
use crate::{Error, Settings};
use market::{Column, Panel};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

/// Factors compared at once.
const FACTORS_MAX: usize = 64;

/// Rank correlations of factors with one another, as square tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlations {
    /// The factors, in the order given.
    pub names: Vec<String>,
    /// Mean over dates of the rank correlation over names with both values, at least three.
    pub mean: Vec<Vec<Option<f64>>>,
    /// Pearson correlation over all cells with both values of each date's places between 0 and 1.
    pub pooled: Vec<Vec<Option<f64>>>,
}

/// Compares factors of one panel, `names` wide, pair by pair.
pub fn correlations(
    factors: &[(&str, &Column)],
    names: usize,
    cancel: &AtomicBool,
) -> Result<Correlations, Error> {
    check(factors, names)?;
    let stop = Stop(cancel);
    let mut prepared = Vec::with_capacity(factors.len());
    for (_, column) in factors {
        prepared.push(Factor::of(column, names, stop)?);
    }
    let number = factors.len();
    let table = || vec![vec![None; number]; number];
    let (mut mean, mut pooled) = (table(), table());
    for (i, a) in prepared.iter().enumerate() {
        for (j, b) in prepared.iter().enumerate().skip(i) {
            let (of_dates, of_cells) = pair(a, b, names, stop)?;
            for (row, column) in [(i, j), (j, i)] {
                set(&mut mean, row, column, of_dates);
                set(&mut pooled, row, column, of_cells);
            }
        }
    }
    let names = factors.iter().map(|(name, _)| (*name).to_owned()).collect();
    Ok(Correlations { names, mean, pooled })
}

fn check(factors: &[(&str, &Column)], names: usize) -> Result<(), Error> {
    let within = |what, found, most| {
        if found <= most { Ok(()) } else { Err(Error::Range { what, found, least: 0, most }) }
    };
    within("the number of factors", factors.len(), FACTORS_MAX)?;
    within("the number of names", names, Settings::NAMES_MAX)?;
    let mut seen = BTreeSet::new();
    if let Some((name, _)) = factors.iter().find(|(name, _)| !seen.insert(*name)) {
        return Err(Error::Duplicate { name: (*name).to_owned() });
    }
    let stride = Panel::stride_of(names);
    let expected = factors.first().map_or(0, |(_, column)| column.rows() * stride);
    let fits = |column: &Column| column.values().len() == expected && column.stride() == stride;
    match factors.iter().find(|(_, column)| !fits(column)) {
        Some((_, column)) => Err(Error::Shape { found: column.values().len(), expected }),
        None => Ok(()),
    }
}

fn set(table: &mut [Vec<Option<f64>>], row: usize, column: usize, value: Option<f64>) {
    if let Some(cell) = table.get_mut(row).and_then(|row| row.get_mut(column)) {
        *cell = value;
    }
}

/// A factor, ranked once.
struct Factor {
    values: Vec<f64>,
    orders: Orders,
    places: Vec<f64>,
}

impl Factor {
    fn of(column: &Column, names: usize, stop: Stop<'_>) -> Result<Self, Error> {
        let values = dense(column, names, f64::is_finite, stop)?;
        let orders = Orders::of(&values, names, stop)?;
        let mut places = vec![f64::NAN; values.len()];
        for (t, row) in places.chunks_exact_mut(names.max(1)).enumerate() {
            positions(orders.row(t), row);
        }
        Ok(Self { values, orders, places })
    }
}

fn pair(
    a: &Factor,
    b: &Factor,
    names: usize,
    stop: Stop<'_>,
) -> Result<(Option<f64>, Option<f64>), Error> {
    let mut ranks = Ranks::new(names);
    let mut mean = Mean::default();
    let rows = a.values.chunks_exact(names.max(1)).zip(b.values.chunks_exact(names.max(1)));
    for (t, (x, y)) in rows.enumerate() {
        stop.check()?;
        let left = Side { values: x, order: a.orders.row(t) };
        let right = Side { values: y, order: b.orders.row(t) };
        if let Some(value) = ranks.correlation(left, right) {
            mean.add(value);
        }
    }
    Ok((mean.value(), pooled(&a.places, &b.places)))
}

/// Places lie around ½ on both sides, so that sums of squares keep their digits.
fn pooled(a: &[f64], b: &[f64]) -> Option<f64> {
    let cells = || a.iter().zip(b).filter(|(x, y)| x.is_finite() && y.is_finite());
    let (mut number, mut x, mut y) = (0.0, 0.0, 0.0);
    for (a, b) in cells() {
        number += 1.0;
        x += a;
        y += b;
    }
    let (middle_x, middle_y) = (x / number, y / number);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in cells() {
        let (x, y) = (a - middle_x, b - middle_y);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    if aa <= 0.0 || bb <= 0.0 {
        return None;
    }
    ratio(ab, aa.sqrt() * bb.sqrt()).map(|value| value.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NAN, column};

    static LIVE: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_factor_is_itself_and_the_opposite_of_its_negative() {
        let up = column(&[&[1.0, 2.0, 3.0, 4.0], &[4.0, 2.0, NAN, 1.0], &[1.0, NAN, NAN, 2.0]]);
        let down =
            column(&[&[-1.0, -2.0, -3.0, -4.0], &[-4.0, -2.0, NAN, -1.0], &[5.0, 1.0, 2.0, NAN]]);
        let same = correlations(&[("up", &up), ("twice", &up)], 4, &LIVE).expect("fits");
        assert_eq!(same.mean, vec![vec![Some(1.0); 2]; 2]);
        assert_eq!(same.pooled, vec![vec![Some(1.0); 2]; 2]);
        let found = correlations(&[("up", &up), ("down", &down)], 4, &LIVE).expect("fits");
        // The last row has one name in common, too few for a date.
        assert_eq!(found.mean[0][1], Some(-1.0));
        assert_eq!(found.mean[1][0], Some(-1.0));
        assert_eq!(found.names, ["up", "down"]);
    }

    #[test]
    fn dates_count_alike_in_the_mean() {
        let a = column(&[&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, NAN]]);
        let b = column(&[&[1.0, 3.0, 2.0, 4.0], &[3.0, 2.0, 1.0, NAN]]);
        let found = correlations(&[("a", &a), ("b", &b)], 4, &LIVE).expect("fits");
        assert!((found.mean[0][1].expect("defined") + 0.1).abs() < 1e-15);
        // Places 1/8 3/8 5/8 7/8 against 1/8 5/8 3/8 7/8, and 1/6 3/6 5/6 against 5/6 3/6 1/6:
        // sums of products 1/4 and −2/9, of squares 5/16 + 2/9 on both sides.
        let want = (0.25 - 2.0 / 9.0) / (5.0 / 16.0 + 2.0 / 9.0);
        assert!((found.pooled[0][1].expect("defined") - want).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (a, b) = (column(&[&[1.0]]), column(&[&[1.0], &[2.0]]));
        let check = |list: &[(&str, &Column)], names, want: &Error| {
            assert_eq!(correlations(list, names, &LIVE).as_ref(), Err(want));
        };
        check(&[("a", &a), ("b", &b)], 1, &Error::Shape { found: 16, expected: 8 });
        check(&[("a", &a), ("a", &a)], 1, &Error::Duplicate { name: "a".into() });
        check(&[("a", &a)], 9, &Error::Shape { found: 8, expected: 16 });
        let empty = correlations(&[], 0, &LIVE).expect("nothing to compare");
        assert!(empty.names.is_empty() && empty.mean.is_empty());
    }
}
