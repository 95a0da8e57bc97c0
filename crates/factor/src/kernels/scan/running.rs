//! What is carried from row to row: the last value, sums, counts, held values.

use super::Machine;
use crate::kernels::wide::wide;
use crate::kernels::{Rows, Stage};
use crate::scalar::finite;

/// The last value before the current one.
pub(super) struct Prior {
    last: Vec<f64>,
}

impl Prior {
    pub(super) fn new(stride: usize) -> Self {
        Self { last: vec![f64::NAN; stride] }
    }
}

impl Stage for Prior {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            prior(out, x, &mut self.last);
        }
    }
}

wide! {
    fn prior(out: &mut [f64], x: &[f64], last: &mut [f64]) {
        for ((out, x), last) in out.iter_mut().zip(x).zip(last) {
            *out = if x.is_nan() { f64::NAN } else { *last };
            *last = if x.is_nan() { *last } else { *x };
        }
    }
}

/// The sum of all values so far.
pub(super) struct Cumulative {
    sum: Vec<f64>,
}

impl Cumulative {
    pub(super) fn new(stride: usize) -> Self {
        Self { sum: vec![0.0; stride] }
    }
}

impl Stage for Cumulative {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            cumulative(out, x, &mut self.sum);
        }
    }
}

wide! {
    fn cumulative(out: &mut [f64], x: &[f64], sum: &mut [f64]) {
        for ((out, x), sum) in out.iter_mut().zip(x).zip(sum) {
            let next = *sum + *x;
            *out = finite(next);
            *sum = if x.is_nan() { *sum } else { next };
        }
    }
}

/// Rows since a truth was 1; missing rows are counted, for rows are time.
#[derive(Debug, Clone, Default)]
pub(super) struct Since {
    rows: Option<f64>,
}

impl Machine<1> for Since {
    fn step(&mut self, [truth]: [f64; 1]) -> f64 {
        self.rows = if truth == 1.0 { Some(0.0) } else { self.rows.map(|rows| rows + 1.0) };
        self.rows.unwrap_or(f64::NAN)
    }

    fn row(&mut self, [truth]: [f64; 1]) -> f64 {
        if truth.is_nan() {
            self.rows = self.rows.map(|rows| rows + 1.0);
            return f64::NAN;
        }
        self.step([truth])
    }
}

/// How many values in a row were 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Streak {
    length: f64,
}

impl Machine<1> for Streak {
    fn step(&mut self, [truth]: [f64; 1]) -> f64 {
        self.length = if truth == 1.0 { self.length + 1.0 } else { 0.0 };
        self.length
    }
}

/// A value that is taken when a truth is 1 and given up when another one is.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    value: Option<f64>,
}

impl Machine<3> for Held {
    fn step(&mut self, [enter, value, exit]: [f64; 3]) -> f64 {
        if exit == 1.0 {
            self.value = None;
        } else if enter == 1.0 {
            self.value = Some(value);
        }
        self.value.unwrap_or(f64::NAN)
    }

    fn row(&mut self, [enter, value, exit]: [f64; 3]) -> f64 {
        // The value matters only in the row in which it is taken.
        if enter.is_nan() || exit.is_nan() { f64::NAN } else { self.step([enter, value, exit]) }
    }
}
