//! A value against the one some rows earlier.

use super::wide::wide;
use super::{History, Rows, Stage, count};
use crate::operators::Lagged;
use crate::scalar::finite;

/// Keeps the rows between a value and the earlier one.
struct Lag {
    kind: Lagged,
    back: usize,
    history: History,
}

/// `constants` are the rows to look back.
pub(super) fn stage(kind: Lagged, constants: &[f64], stride: usize) -> Box<dyn Stage> {
    let back = count(constants, 0);
    Box::new(Lag { kind, back: back * stride, history: History::new(back, stride) })
}

impl Stage for Lag {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let (x, first) = self.history.push(rows.input(0));
        lagged(self.kind, out, x, first, self.back);
    }
}

wide! {
    /// Cells from `first` on of a column, against those `back` cells earlier; missing before them.
    fn lagged(op: Lagged, out: &mut [f64], x: &[f64], first: usize, back: usize) {
        let early = back.saturating_sub(first).min(out.len());
        let (missing, out) = out.split_at_mut(early);
        missing.fill(f64::NAN);
        let first = first + early;
        let (now, then) = if out.is_empty() {
            (&x[..0], &x[..0])
        } else {
            (&x[first..first + out.len()], &x[first - back..first - back + out.len()])
        };
        match op {
            Lagged::Delay => out.copy_from_slice(then),
            Lagged::Delta => pairs(out, now, then, |now, then| finite(now - then)),
            Lagged::Returns => pairs(out, now, then, |now, then| finite(now / then - 1.0)),
        }
    }
}

#[inline(always)]
fn pairs(out: &mut [f64], now: &[f64], then: &[f64], f: impl Fn(f64, f64) -> f64) {
    for ((out, now), then) in out.iter_mut().zip(now).zip(then) {
        *out = f(*now, *then);
    }
}
