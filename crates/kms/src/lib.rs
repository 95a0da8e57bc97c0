//! Knows: key holders; today the key file.
//! Never knows: what is sealed.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate reads key files and the system's randomness"
)]

mod entropy;
mod key_file;
mod purpose;

pub use entropy::SystemEntropy;
pub use key_file::{Error, KeyFile};
pub use purpose::Purpose;
