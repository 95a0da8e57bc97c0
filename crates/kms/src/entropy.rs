//! The one place that asks the system for randomness.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::{SecureRandom, SystemRandom},
    rsa::{KeyPair, KeySize},
};
use seal::{Entropy, Secret};

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

/// A new RSA key of 2,048 bits in PKCS#8: what every verifier of mail reads, and what still fits into DNS.
#[must_use]
pub fn new_rsa_key() -> Secret<Vec<u8>> {
    let pair = KeyPair::generate(KeySize::Rsa2048)
        .expect("a system without randomness cannot run anything safely");
    let der =
        AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a pair held in memory has an encoding");
    Secret::new(der.as_ref().to_vec())
}
