//! The widest registers that the machine has.
//!
//! A loop is compiled for the baseline, for AVX2 and for AVX-512, and chosen when it runs. None
//! fuses a multiplication with an addition, so all give the same bits.

/// Defines a function that runs its body with the widest registers of the processor.
macro_rules! wide {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident $(<$kind:ident: $bound:path>)? ($($arg:ident: $ty:ty),* $(,)?) $body:block
    ) => {
        $(#[$doc])*
        $vis fn $name $(<$kind: $bound>)? ($($arg: $ty),*) {
            #[inline(always)]
            fn plain $(<$kind: $bound>)? ($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$kind: $bound>)? ($($arg: $ty),*) {
                    plain($($arg),*);
                }
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512cd")]
                fn avx512 $(<$kind: $bound>)? ($($arg: $ty),*) {
                    plain($($arg),*);
                }
                // SAFETY: the functions need nothing but the processor's features, which `width`
                // has found. Their body is the safe `plain`, which the tests compare them with.
                #[allow(unsafe_code, reason = "the one call that the compiler cannot check")]
                match $crate::kernels::wide::width() {
                    $crate::kernels::wide::Width::Avx512 => return unsafe { avx512($($arg),*) },
                    $crate::kernels::wide::Width::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::kernels::wide::Width::Baseline => {}
                }
            }
            plain($($arg),*);
        }
    };
}
pub(super) use wide;

/// Registers that a loop may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    Baseline,
    Avx2,
    Avx512,
}

/// The widest registers of this processor.
#[cfg(target_arch = "x86_64")]
pub(crate) fn width() -> Width {
    use std::arch::is_x86_feature_detected as has;
    let wide = has!("avx512f") && has!("avx512vl") && has!("avx512dq");
    let found = if wide && has!("avx512bw") && has!("avx512cd") {
        Width::Avx512
    } else if has!("avx2") {
        Width::Avx2
    } else {
        Width::Baseline
    };
    #[cfg(test)]
    let found = found.min(WIDEST.get());
    found
}

#[cfg(test)]
thread_local! {
    static WIDEST: std::cell::Cell<Width> = const { std::cell::Cell::new(Width::Avx512) };
}

/// Runs `work` on this thread with loops of at most this width.
#[cfg(test)]
pub(crate) fn narrowed<R>(width: Width, work: impl FnOnce() -> R) -> R {
    WIDEST.set(width);
    let result = work();
    WIDEST.set(Width::Avx512);
    result
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::kernels::{Rows, stage};
    use crate::operators::{Across, Kernel, Window};
    use std::sync::atomic::AtomicBool;

    #[test]
    fn every_width_gives_the_same_bits() {
        let (rows, stride) = (50, 40);
        let value =
            |i: usize| if i % 17 == 3 { f64::NAN } else { ((i * 7919) % 1009) as f64 / 7.0 };
        let x: Vec<f64> = (0..rows * stride).map(value).collect();
        let y: Vec<f64> = (0..rows * stride).map(|i| value(i + 5)).collect();
        let cancel = AtomicBool::new(false);
        let all = [
            Window::Sum,
            Window::Mean,
            Window::Std,
            Window::Min,
            Window::Max,
            Window::Rank,
            Window::Corr,
        ];
        let run = |width| {
            narrowed(width, || {
                let windows =
                    all.into_iter().flat_map(|kind| [(kind, 6.0, 6.0), (kind, 21.0, 4.0)]);
                let windows =
                    windows.map(|(kind, n, least)| (Kernel::Window(kind), vec![n, least]));
                let across = [Across::Zscore, Across::Demean, Across::Scale, Across::Rank];
                let across = across.into_iter().map(|kind| (Kernel::Across(kind), vec![2.0]));
                let mut results = Vec::new();
                for (kernel, constants) in windows.chain(across) {
                    let mut out = vec![0.0; rows * stride];
                    let inputs: &[&[f64]] = &[&x, &y];
                    let rows = Rows {
                        inputs,
                        labels: &[],
                        times: &[],
                        stride,
                        names: 37,
                        cancel: &cancel,
                    };
                    let mut stage = stage(kernel, &constants, stride).expect("a stage");
                    stage.advance(&rows, &mut out);
                    results.extend(out.chunks(stride).flat_map(|row| row[..37].to_vec()));
                }
                results
                    .into_iter()
                    .map(|x| if x.is_nan() { 0 } else { x.to_bits() })
                    .collect::<Vec<u64>>()
            })
        };
        let baseline = run(Width::Baseline);
        assert!(run(Width::Avx2) == baseline && run(Width::Avx512) == baseline);
    }
}
