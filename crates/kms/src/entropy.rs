//! The one place that asks the system for randomness.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use seal::Entropy;

/// The system's randomness.
#[derive(Debug, Clone, Default)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The source; it has no state of its own.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out).expect("a system without randomness cannot run anything safely");
    }
}
