//! State machines that walk down history, one for each name.
//!
//! What a name remembers is all that earlier rows leave behind, so neither chunks nor threads show.

#![allow(clippy::float_cmp, reason = "truths are exactly 1 or 0, counts are whole")]

mod directional;
mod exponential;
mod level;
mod running;
mod session;
mod trend;
mod windowed;

use super::{Rows, Stage, count, is_cancelled};
use crate::operators::Scan;
use crate::scalar::finite;

/// A fresh state for every name.
pub(super) fn stage(kind: Scan, constants: &[f64], stride: usize) -> Box<dyn Stage> {
    let n = count(constants, 0);
    let constant = |at: usize| constants.get(at).copied().unwrap_or(0.0);
    match kind {
        Scan::Ema => Box::new(exponential::Mean::new(constants, stride)),
        Scan::EmaSeeded => {
            let (n, skip) = (constant(0), constant(1));
            Box::new(exponential::Seeded::new(n, skip, 2.0 / (n + 1.0), stride))
        }
        Scan::Wilder => {
            let (n, skip) = (constant(0), constant(1));
            Box::new(exponential::Seeded::new(n, skip, 1.0 / n, stride))
        }
        Scan::Prior => Box::new(running::Prior::new(stride)),
        Scan::Cumulative => Box::new(running::Cumulative::new(stride)),
        Scan::Since => PerName::boxed(running::Since::default(), stride),
        Scan::Streak => PerName::boxed(running::Streak::default(), stride),
        Scan::TradeWhen => PerName::boxed(running::Held::default(), stride),
        Scan::Hump => Box::new(session::Hump::new(constant(0), stride)),
        Scan::VwapSession => Box::new(session::Vwap::new(stride)),
        Scan::Moves(kind) => PerName::boxed(directional::Moves::new(kind, n), stride),
        Scan::Directional(kind) => {
            Box::new(directional::Directional::new(kind, constant(0), stride))
        }
        Scan::Kama => PerName::boxed(trend::Kama::new(n), stride),
        Scan::Fisher => PerName::boxed(trend::Fisher::new(n), stride),
        Scan::Sar => PerName::boxed(level::Sar::new(constant(0), constant(1)), stride),
        Scan::Supertrend(shown) => {
            let rule = (constant(0), constant(1));
            Box::new(level::Supertrend::new(shown, rule, stride))
        }
        Scan::AvgDev | Scan::AroonUp | Scan::AroonDown => {
            Box::new(windowed::Windowed::new(kind, n, stride))
        }
    }
}

/// What one name remembers, and how a row changes it.
trait Machine<const K: usize>: Clone + Send + 'static {
    /// A row in which no input is missing.
    fn step(&mut self, x: [f64; K]) -> f64;

    /// Any row: where an input is missing the state is held and the result is missing.
    fn row(&mut self, x: [f64; K]) -> f64 {
        if x.iter().any(|x| x.is_nan()) { f64::NAN } else { finite(self.step(x)) }
    }
}

/// One machine for each name.
struct PerName<M, const K: usize> {
    machines: Vec<M>,
}

impl<const K: usize, M: Machine<K>> PerName<M, K> {
    fn boxed(fresh: M, stride: usize) -> Box<dyn Stage> {
        Box::new(Self { machines: vec![fresh; stride] })
    }
}

impl<const K: usize, M: Machine<K>> Stage for PerName<M, K> {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        for (t, out) in out.chunks_exact_mut(rows.stride).enumerate() {
            if is_cancelled(rows.cancel) {
                return;
            }
            let cells: [&[f64]; K] =
                std::array::from_fn(|k| &rows.input(k)[t * rows.stride..(t + 1) * rows.stride]);
            let names = self.machines.iter_mut().take(rows.names).enumerate();
            for ((j, machine), out) in names.zip(out) {
                *out = machine.row(std::array::from_fn(|k| cells[k][j]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::stage;
    use crate::kernels::wide::{Width, narrowed};
    use crate::operators::{Direction, Kernel, Line};
    use market::Timestamp;
    use std::sync::atomic::AtomicBool;

    const ALL: &[(Scan, &[f64])] = &[
        (Scan::Ema, &[5.0]),
        (Scan::EmaSeeded, &[5.0, 3.0]),
        (Scan::Wilder, &[4.0]),
        (Scan::Prior, &[]),
        (Scan::Cumulative, &[]),
        (Scan::Since, &[]),
        (Scan::Streak, &[]),
        (Scan::TradeWhen, &[]),
        (Scan::Hump, &[0.01]),
        (Scan::VwapSession, &[]),
        (Scan::Moves(Direction::Plus), &[4.0]),
        (Scan::Directional(Direction::Minus), &[3.0]),
        (Scan::Directional(Direction::Dx), &[3.0]),
        (Scan::Directional(Direction::Adx), &[3.0]),
        (Scan::Kama, &[4.0]),
        (Scan::Fisher, &[4.0]),
        (Scan::Sar, &[0.02, 0.2]),
        (Scan::Supertrend(Line::Level), &[3.0, 1.0]),
        (Scan::Supertrend(Line::Direction), &[3.0, 1.0]),
        (Scan::AvgDev, &[6.0]),
        (Scan::AroonUp, &[6.0]),
        (Scan::AroonDown, &[6.0]),
    ];

    #[test]
    fn neither_chunks_nor_widths_leave_a_trace() {
        let (rows, stride) = (60, 16);
        let value =
            |i: usize| if i % 11 == 3 { f64::NAN } else { ((i * 7919) % 61) as f64 / 4.0 + 1.0 };
        let columns: Vec<Vec<f64>> =
            (0..3).map(|k| (0..rows * stride).map(|i| value(i + 5 * k)).collect()).collect();
        let hour = |t: i64| Timestamp::from_nanos(t * 7 * 3_600_000_000_000);
        let times: Vec<Timestamp> = (0..60).map(hour).collect();
        let cancel = AtomicBool::new(false);
        for (kind, constants) in ALL {
            let run = |step: usize| {
                let mut stage = stage(Kernel::Scan(*kind), constants, stride).expect("a stage");
                let mut all = Vec::new();
                for from in (0..rows).step_by(step) {
                    let to = (from + step).min(rows);
                    let cells = from * stride..to * stride;
                    let inputs: Vec<&[f64]> = columns.iter().map(|x| &x[cells.clone()]).collect();
                    let mut out = vec![0.0; cells.len()];
                    let rows = Rows {
                        inputs: &inputs,
                        labels: &[],
                        times: &times[from..to],
                        stride,
                        names: 13,
                        cancel: &cancel,
                    };
                    stage.advance(&rows, &mut out);
                    all.extend(out.chunks(stride).flat_map(|row| row[..13].to_vec()));
                }
                all.into_iter()
                    .map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() })
                    .collect::<Vec<u64>>()
            };
            let whole = run(rows);
            assert!(whole.iter().any(|bits| *bits != u64::MAX), "{kind:?} has values");
            for step in [1, 2, 7, 16] {
                assert!(run(step) == whole, "{kind:?} by {step}");
            }
            for width in [Width::Baseline, Width::Avx2] {
                assert!(narrowed(width, || run(16)) == whole, "{kind:?} by {width:?}");
            }
        }
    }
}
