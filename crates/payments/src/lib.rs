//! Knows: payment processors: how what they tell is signed, and what it says.
//! Never knows: licences, orders, who paid, or what is done about it.

#![forbid(unsafe_code)]

mod decimal;
pub mod nowpayments;

pub use decimal::Amount;

/// Why a notice is not believed. Whoever sent it is told none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is larger than any that a processor sends.
    #[error("a notice has {found} bytes; {limit} at most are read")]
    Size {
        /// Bytes that came.
        found: usize,
        /// Bytes that are read.
        limit: usize,
    },
    /// Two readers could see two things in it.
    #[error("a notice is one JSON object in UTF-8, with no key twice, at most {depth} levels deep")]
    Shape {
        /// Objects and lists in one another, at most.
        depth: usize,
    },
    /// Nobody who knows the secret signed it.
    #[error("the signature is not the processor's")]
    Signature,
}
