//! The widest registers that the machine has.
//!
//! A loop is compiled twice, for the baseline and for AVX2, and chosen when it runs. Neither fuses
//! a multiplication with an addition, so both give the same bits.

/// Defines a function that runs its body with AVX2 where the processor has it.
macro_rules! wide {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn plain($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    plain($($arg),*);
                }
                if $crate::kernels::wide::has_avx2() {
                    // SAFETY: `avx2` needs nothing but a processor with AVX2, and this one has it.
                    // Its body is the safe `plain` below, which the tests compare it with.
                    #[allow(unsafe_code, reason = "the one call that the compiler cannot check")]
                    unsafe {
                        avx2($($arg),*);
                    }
                    return;
                }
            }
            plain($($arg),*);
        }
    };
}
pub(super) use wide;

#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    #[cfg(test)]
    if NARROW.get() {
        return false;
    }
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(test)]
thread_local! {
    static NARROW: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `work` on this thread with the baseline's loops.
#[cfg(test)]
pub(crate) fn narrowly<R>(work: impl FnOnce() -> R) -> R {
    NARROW.set(true);
    let result = work();
    NARROW.set(false);
    result
}
