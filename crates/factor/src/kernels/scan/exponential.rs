//! Exponential means: recursions over all of history.

use crate::kernels::wide::wide;
use crate::kernels::{Rows, Stage};
use crate::scalar::finite;
use market::Panel;

/// The mean of each name so far, seeded with its first value.
pub(super) struct Mean {
    state: Vec<f64>,
    weight: f64,
}

impl Mean {
    pub(super) fn new(constants: &[f64], stride: usize) -> Self {
        let n = constants.first().copied().unwrap_or(1.0);
        Self { state: vec![f64::NAN; stride], weight: 2.0 / (n + 1.0) }
    }
}

impl Stage for Mean {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        if let Ok(state) = self.state.as_mut_slice().try_into() {
            return few(out, rows.input(0), state, self.weight);
        }
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            step(out, x, &mut self.state, self.weight);
        }
    }
}

wide! {
    /// [`step`] down all rows of at most [`Panel::LANES`] names, whose state stays in a register.
    fn few(out: &mut [f64], x: &[f64], state: &mut [f64; Panel::LANES], weight: f64) {
        let rest = 1.0 - weight;
        let mut now = *state;
        let rows = out.as_chunks_mut::<{ Panel::LANES }>().0.iter_mut();
        for (out, x) in rows.zip(x.as_chunks::<{ Panel::LANES }>().0) {
            for ((out, x), e) in out.iter_mut().zip(x).zip(&mut now) {
                let next = weight * *x + rest * *e;
                let seeded = if e.is_nan() { *x } else { next };
                *out = if x.is_nan() { f64::NAN } else { seeded };
                *e = if x.is_nan() { *e } else { seeded };
            }
        }
        *state = now;
    }
}

wide! {
    /// e = a·x + (1 − a)·e, seeded with the first valid value; a missing one holds the state.
    fn step(out: &mut [f64], x: &[f64], state: &mut [f64], weight: f64) {
        let rest = 1.0 - weight;
        for ((out, x), e) in out.iter_mut().zip(x).zip(state) {
            let next = weight * *x + rest * *e;
            let seeded = if e.is_nan() { *x } else { next };
            *out = if x.is_nan() { f64::NAN } else { seeded };
            *e = if x.is_nan() { *e } else { seeded };
        }
    }
}

/// The mean of each name, seeded with the plain mean of its first n values, as in TA-Lib.
pub(super) struct Seeded {
    mean: Vec<f64>,
    sum: Vec<f64>,
    seen: Vec<f64>,
    rule: Rule,
}

/// How a value is weighed, and which values make the seed.
#[derive(Debug, Clone, Copy)]
struct Rule {
    n: f64,
    skip: f64,
    weight: f64,
}

impl Seeded {
    /// The first `skip` values are passed over.
    pub(super) fn new(n: f64, skip: f64, weight: f64, stride: usize) -> Self {
        let (mean, zeros) = (vec![f64::NAN; stride], vec![0.0; stride]);
        Self { mean, sum: zeros.clone(), seen: zeros, rule: Rule { n, skip, weight } }
    }
}

impl Stage for Seeded {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            seeded_step(out, x, (&mut self.mean, &mut self.sum, &mut self.seen), self.rule);
        }
    }
}

wide! {
    /// e = e + w·(x − e), which is missing until the seed is whole.
    fn seeded_step(
        out: &mut [f64],
        x: &[f64],
        state: (&mut [f64], &mut [f64], &mut [f64]),
        rule: Rule
    ) {
        let last = rule.skip + rule.n;
        let state = state.0.iter_mut().zip(state.1).zip(state.2);
        for ((out, x), ((e, sum), seen)) in out.iter_mut().zip(x).zip(state) {
            let missing = x.is_nan();
            let count = if missing { *seen } else { *seen + 1.0 };
            let counts = !missing & (count > rule.skip) & (count <= last);
            let total = if counts { *sum + *x } else { *sum };
            let next = *e + rule.weight * (*x - *e);
            let next = if count == last { total / rule.n } else { next };
            *out = finite(next);
            *out = if missing { f64::NAN } else { *out };
            *e = if missing { *e } else { next };
            *sum = total;
            *seen = count;
        }
    }
}
