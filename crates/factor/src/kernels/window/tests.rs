use super::stage;
use crate::kernels::wide::{Width, narrowed};
use crate::kernels::{Rows, Stage};
use crate::operators::Window;
use std::sync::atomic::AtomicBool;

const ROWS: usize = 70;
/// More than two tiles, the last one not whole.
const STRIDE: usize = 72;

const ALL: [Window; 22] = [
    Window::Sum,
    Window::Mean,
    Window::Var,
    Window::Std,
    Window::Zscore,
    Window::Skew,
    Window::Kurt,
    Window::Cov,
    Window::Corr,
    Window::Slope,
    Window::Rsquare,
    Window::Resi,
    Window::Min,
    Window::Max,
    Window::Argmin,
    Window::Argmax,
    Window::Product,
    Window::Decay,
    Window::Count,
    Window::Rank,
    Window::Median,
    Window::Quantile,
];

/// Values with ties; every name whose number 3 divides has gaps, the others none.
fn column(seed: usize) -> Vec<f64> {
    let value = |i: usize| {
        let dice = (i + seed).wrapping_mul(2_654_435_761) >> 7;
        let gap = (i % STRIDE).is_multiple_of(3) && dice.is_multiple_of(5);
        if gap { f64::NAN } else { (dice % 97) as f64 / 7.0 }
    };
    (0..ROWS * STRIDE).map(value).collect()
}

fn constants(kind: Window, n: usize, least: usize) -> Vec<f64> {
    let (n, least) = (n as f64, least as f64);
    match kind {
        Window::Quantile => vec![n, 0.3, least],
        Window::Count => vec![n],
        _ => vec![n, least],
    }
}

/// The bits of all cells when so many rows come at a time; every missing value is alike.
fn bits(kind: Window, constants: &[f64], rows: usize) -> Vec<u64> {
    let (x, y) = (column(1), column(2));
    let mut stage = stage(kind, constants, STRIDE);
    let mut all = vec![0.0; ROWS * STRIDE];
    let cells = rows * STRIDE;
    for ((out, x), y) in all.chunks_mut(cells).zip(x.chunks(cells)).zip(y.chunks(cells)) {
        advance(&mut *stage, &[x, y], out);
    }
    all.into_iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
}

fn advance(stage: &mut dyn Stage, inputs: &[&[f64]], out: &mut [f64]) {
    let cancel = AtomicBool::new(false);
    let rows =
        Rows { inputs, labels: &[], times: &[], stride: STRIDE, names: STRIDE, cancel: &cancel };
    stage.advance(&rows, out);
}

#[test]
fn neither_the_cut_into_chunks_nor_the_register_width_shows_in_any_bit() {
    for kind in ALL {
        for (n, least) in [(1, 1), (2, 1), (4, 4), (6, 3), (16, 16), (21, 21), (21, 4), (90, 2)] {
            let constants = constants(kind, n, least);
            let whole = bits(kind, &constants, ROWS);
            for rows in [1, 3, 16] {
                assert!(bits(kind, &constants, rows) == whole, "{kind:?} {n} {least}, {rows}");
            }
            for width in [Width::Baseline, Width::Avx2] {
                let narrow = narrowed(width, || bits(kind, &constants, ROWS));
                assert!(narrow == whole, "{kind:?} {n} {least}, {width:?}");
            }
        }
    }
}

#[test]
fn a_window_without_a_gap_has_the_same_bits_whether_it_may_have_gaps_or_not() {
    for kind in ALL.into_iter().filter(|kind| *kind != Window::Count) {
        for n in [3, 20, 31, 64] {
            let strict = bits(kind, &constants(kind, n, n), 16);
            let lenient = bits(kind, &constants(kind, n, n - 1), 16);
            let full = |cell: &usize| !(cell % STRIDE).is_multiple_of(3) && cell / STRIDE + 1 >= n;
            for cell in (0..ROWS * STRIDE).filter(full) {
                assert_eq!(strict[cell], lenient[cell], "{kind:?} {n}, cell {cell}");
            }
        }
    }
}

#[test]
fn a_raised_flag_ends_a_long_run_early() {
    let mut stage = stage(Window::Rank, &[5000.0, 1.0], STRIDE);
    let (x, cancel) = (column(1), AtomicBool::new(true));
    let inputs: &[&[f64]] = &[&x];
    let rows =
        Rows { inputs, labels: &[], times: &[], stride: STRIDE, names: STRIDE, cancel: &cancel };
    let mut out = vec![7.0; ROWS * STRIDE];
    stage.advance(&rows, &mut out);
    assert!(out.iter().filter(|x| **x > 6.0).count() > ROWS * STRIDE / 2);
}
