//! Where randomness comes from is an argument.

use crate::hash::hmac_sha256;

/// A source of unpredictable bytes: the system's in production, a seed in simulation.
pub trait Entropy {
    /// Overwrites all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

impl<E: Entropy + ?Sized> Entropy for Box<E> {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

/// `N` bytes from the source.
pub fn random<const N: usize>(entropy: &mut (impl Entropy + ?Sized)) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}

/// The same bytes for the same seed: HMAC-SHA256(seed, counter). For simulation, never for keys.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: [u8; 32],
    counter: u64,
}

impl SeededEntropy {
    /// Starts the stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: hmac_sha256(b"stockade/v1 seeded entropy", &seed.to_be_bytes()), counter: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = hmac_sha256(&self.seed, &self.counter.to_be_bytes());
            self.counter += 1;
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_stream_and_another_changes_it() {
        let draw = |seed| random::<40>(&mut SeededEntropy::new(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut stream = SeededEntropy::new(1);
        assert_ne!(random::<32>(&mut stream), random::<32>(&mut stream));
    }
}
