//! What a row's time says.

use super::{Rows, Stage};
use crate::operators::Calendar;

struct Days {
    kind: Calendar,
}

/// A fresh reading of times.
pub(super) fn stage(kind: Calendar, _constants: &[f64], _stride: usize) -> Box<dyn Stage> {
    Box::new(Days { kind })
}

impl Stage for Days {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        for (out, time) in out.chunks_exact_mut(rows.stride).zip(rows.times) {
            let Calendar::Year = self.kind;
            out.fill(f64::from(time.date().year()));
        }
    }
}
