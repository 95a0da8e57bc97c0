//! What starts anew each day, and what depends on the day's other names.

use crate::kernels::{Rows, Stage, is_cancelled};
use crate::scalar::finite;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The price weighted by volume since the start of the UTC day.
pub(super) struct Vwap {
    day: Option<i64>,
    value: Vec<f64>,
    volume: Vec<f64>,
}

impl Vwap {
    pub(super) fn new(stride: usize) -> Self {
        Self { day: None, value: vec![0.0; stride], volume: vec![0.0; stride] }
    }
}

impl Stage for Vwap {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let stride = rows.stride;
        let prices = rows.input(0).chunks_exact(stride).zip(rows.input(1).chunks_exact(stride));
        let days = out.chunks_exact_mut(stride).zip(prices).zip(rows.times);
        for ((out, (price, volume)), time) in days {
            let day = Some(time.nanos().div_euclid(DAY_NANOS));
            if self.day != day {
                self.day = day;
                self.value.fill(0.0);
                self.volume.fill(0.0);
            }
            for (j, out) in out.iter_mut().enumerate() {
                let value = price[j] * volume[j];
                if value.is_nan() {
                    *out = f64::NAN;
                    continue;
                }
                self.value[j] += value;
                self.volume[j] += volume[j];
                *out = finite(self.value[j] / self.volume[j]);
            }
        }
    }
}

/// A value that stays where it is, or moves by at most a share of the day's sum of absolute values.
pub(super) struct Hump {
    share: f64,
    last: Vec<f64>,
}

impl Hump {
    pub(super) fn new(share: f64, stride: usize) -> Self {
        Self { share, last: vec![f64::NAN; stride] }
    }
}

impl Stage for Hump {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            if is_cancelled(rows.cancel) {
                return;
            }
            let x = &x[..rows.names];
            let total: f64 = x.iter().filter(|x| !x.is_nan()).map(|x| x.abs()).sum();
            let limit = self.share * total;
            for ((out, x), last) in out.iter_mut().zip(x).zip(&mut self.last) {
                let change = *x - *last;
                let next = if last.is_nan() {
                    *x
                } else if change.abs() > limit {
                    *last + limit.copysign(change)
                } else {
                    *last
                };
                *out = if x.is_nan() { f64::NAN } else { finite(next) };
                *last = if x.is_nan() { *last } else { *out };
            }
        }
    }
}
