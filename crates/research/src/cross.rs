//! The names of one date in the order of a value, and how two orders agree.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "numeric kernel: names index rows of the panel's width; counts are far below 2^52"
)]

use crate::{Error, stop::Stop};

/// Correlations over fewer names are not computed.
pub(crate) const NAMES_MIN: usize = 3;

/// A name and the number of its value, equal values having the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    name: u32,
    class: u32,
}

/// Names with a value, in the order of their values.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    keys: Vec<(u64, u32)>,
}

impl Sorter {
    /// Appends the places of a row to `places`.
    pub(crate) fn sort(&mut self, row: &[f64], places: &mut Vec<Place>) {
        self.keys.clear();
        let valued = row.iter().zip(0_u32..).filter(|(x, _)| x.is_finite());
        self.keys.extend(valued.map(|(x, name)| (ordered(*x), name)));
        self.keys.sort_unstable();
        let mut class = 0;
        let mut before = self.keys.first().map_or(0, |(key, _)| *key);
        for (key, name) in &self.keys {
            class += u32::from(*key != before);
            before = *key;
            places.push(Place { name: *name, class });
        }
    }
}

/// Bits that compare like the number; both zeros are one value.
fn ordered(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The orders of all rows of a column.
#[derive(Debug)]
pub(crate) struct Orders {
    places: Vec<Place>,
    ends: Vec<usize>,
}

impl Orders {
    /// Sorts row after row; `values` is time-major, `names` wide.
    pub(crate) fn of(values: &[f64], names: usize, stop: Stop<'_>) -> Result<Self, Error> {
        let mut orders = Self { places: Vec::with_capacity(values.len()), ends: vec![0] };
        let mut sorter = Sorter::default();
        for row in values.chunks_exact(names.max(1)) {
            stop.check()?;
            sorter.sort(row, &mut orders.places);
            orders.ends.push(orders.places.len());
        }
        Ok(orders)
    }

    /// The order of row `t`; empty outside.
    pub(crate) fn row(&self, t: usize) -> &[Place] {
        match (self.ends.get(t), self.ends.get(t + 1)) {
            (Some(start), Some(end)) => &self.places[*start..*end],
            _ => &[],
        }
    }
}

/// Walks the places whose names are kept, class by class: calls with the doubled average rank of
/// the class, counted among those kept from 2 to twice their number.
fn walk(order: &[Place], keep: impl Fn(usize) -> bool, mut each: impl FnMut(usize, u32)) -> u32 {
    let mut below = 0;
    let mut start = 0;
    while start < order.len() {
        let class = order[start].class;
        let mut end = start;
        let mut size = 0;
        while end < order.len() && order[end].class == class {
            size += u32::from(keep(order[end].name as usize));
            end += 1;
        }
        if size > 0 {
            let doubled = 2 * below + size + 1;
            for place in &order[start..end] {
                each(place.name as usize, doubled);
            }
        }
        below += size;
        start = end;
    }
    below
}

/// Writes for each name of the order its place between 0 and 1: (average rank − ½) / number.
pub(crate) fn positions(order: &[Place], row: &mut [f64]) {
    let number = order.len() as f64;
    walk(order, |_| true, |name, doubled| row[name] = f64::from(doubled - 1) / (2.0 * number));
}

/// Rank correlation by the orders of two rows, with its room to work in.
#[derive(Debug)]
pub(crate) struct Ranks {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Ranks {
    pub(crate) fn new(names: usize) -> Self {
        Self { left: vec![0; names], right: vec![0; names] }
    }

    /// Spearman's correlation with average ranks over the names that have both values; `None`
    /// below three names or if a side is constant. Sums are whole numbers, hence exact.
    pub(crate) fn correlation(&mut self, a: Side<'_>, b: Side<'_>) -> Option<f64> {
        let keep = |name: usize| a.values[name].is_finite() && b.values[name].is_finite();
        let number = walk(a.order, keep, |name, rank| self.left[name] = rank);
        walk(b.order, keep, |name, rank| self.right[name] = rank);
        if (number as usize) < NAMES_MIN {
            return None;
        }
        let (mut aa, mut bb, mut ab) = (0_i64, 0_i64, 0_i64);
        for place in a.order {
            let name = place.name as usize;
            if b.values[name].is_finite() {
                let (x, y) = (i64::from(self.left[name]), i64::from(self.right[name]));
                aa += x * x;
                bb += y * y;
                ab += x * y;
            }
        }
        // Doubled ranks add up to n(n + 1), so the square of their sum over n is n(n + 1)².
        let n = i64::from(number);
        let centre = n * (n + 1) * (n + 1);
        let spread = ((aa - centre) as f64 * (bb - centre) as f64).sqrt();
        (spread > 0.0).then(|| ((ab - centre) as f64 / spread).clamp(-1.0, 1.0))
    }
}

/// One side of a rank correlation: a row and its order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) order: &'a [Place],
}

/// Pearson's correlation over the names that have both values; `None` below three names or if a
/// side is constant.
pub(crate) fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let both = || a.iter().zip(b).filter(|(x, y)| x.is_finite() && y.is_finite());
    let number = both().count();
    if number < NAMES_MIN {
        return None;
    }
    let (first_a, first_b) = both().next().map(|(x, y)| (ordered(*x), ordered(*y)))?;
    // Equal values have a mean that rounding can keep from being their value.
    if both().all(|(x, _)| ordered(*x) == first_a) || both().all(|(_, y)| ordered(*y) == first_b) {
        return None;
    }
    let correlation = |scale_a: f64, scale_b: f64| {
        let scaled = || both().map(|(x, y)| (x * scale_a, y * scale_b));
        let mean_a = scaled().map(|(x, _)| x).sum::<f64>() / number as f64;
        let mean_b = scaled().map(|(_, y)| y).sum::<f64>() / number as f64;
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (x, y) in scaled() {
            let (x, y) = (x - mean_a, y - mean_b);
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
        let safe = 1e-150..1e150;
        let value = ab / (aa * bb).sqrt();
        (safe.contains(&aa) && safe.contains(&bb)).then(|| value.clamp(-1.0, 1.0))
    };
    // Squares of very large and very small values leave the range of a double.
    let scale = |values: &mut dyn Iterator<Item = f64>| {
        (1.0 / values.fold(0.0, |most: f64, x| most.max(x.abs()))).min(1e300)
    };
    correlation(1.0, 1.0).or_else(|| {
        correlation(scale(&mut both().map(|(x, _)| *x)), scale(&mut both().map(|(_, y)| *y)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
        let mut sorter = Sorter::default();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        sorter.sort(a, &mut x);
        sorter.sort(b, &mut y);
        let side = |values, order| Side { values, order };
        Ranks::new(a.len()).correlation(side(a, &x), side(b, &y))
    }

    #[test]
    fn ranks_are_averaged_over_ties_and_counted_over_common_names() {
        let check = |a: &[f64], b: &[f64], want: Option<f64>| {
            assert_eq!(spearman(a, b), want, "{a:?} {b:?}");
            assert_eq!(spearman(b, a), want, "{b:?} {a:?}");
        };
        check(&[1.0, 2.0, 3.0], &[10.0, 20.0, 300.0], Some(1.0));
        check(&[1.0, 2.0, 3.0], &[3.0, 2.0, -1.0], Some(-1.0));
        // Ranks 1 2 3 4 and 1 3 2 4: 1 − 6·2 / (4·15).
        check(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0], Some(0.8));
        // The name without a value counts on neither side.
        check(&[1.0, NAN, 2.0, 3.0, 9.0], &[1.0, 7.0, 3.0, 2.0, NAN], Some(0.5));
        // Ranks 1.5 1.5 3 4 and 1 2 3 4: 4.5 / √(4.5 · 5).
        check(&[1.0, 1.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0], Some(9.0 / (90.0_f64).sqrt()));
        check(&[0.0, -0.0, 3.0], &[1.0, 1.0, 2.0], Some(1.0));
        check(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0], None);
        check(&[1.0, 2.0], &[1.0, 2.0], None);
        check(&[1.0, 2.0, NAN], &[1.0, 2.0, 3.0], None);
        check(&[1.0, 2.0, f64::INFINITY], &[1.0, 2.0, 3.0], None);
        check(&[], &[], None);
    }

    #[test]
    fn pearson_of_three_names() {
        let check = |a: &[f64], b: &[f64], want: Option<f64>| assert_eq!(pearson(a, b), want);
        check(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0], Some(1.0));
        // Deviations −1 0 1 and −1 1 0: 1 / √(2 · 2).
        check(&[1.0, 2.0, 3.0], &[0.0, 2.0, 1.0], Some(0.5));
        check(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0], None);
        check(&[1.0, 2.0], &[1.0, 2.0], None);
        check(&[1.0, 2.0, NAN, 3.0], &[2.0, 4.0, 1.0, 6.0], Some(1.0));
        check(&[1e300, 2e300, 3e300], &[2e-300, 4e-300, 6e-300], Some(1.0));
    }

    #[test]
    fn positions_lie_between_0_and_1() {
        let row = [5.0, NAN, 1.0, 5.0, 7.0];
        let mut order = Vec::new();
        Sorter::default().sort(&row, &mut order);
        let mut places = [NAN; 5];
        positions(&order, &mut places);
        assert_eq!((places[2], places[0], places[3], places[4]), (0.125, 0.5, 0.5, 0.875));
        assert!(places[1].is_nan());
    }
}
