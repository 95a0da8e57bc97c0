//! Bybit's protocol from both ends: what one end writes the other reads, what was recorded is read,
//! and nothing that is strange breaks either.

#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests of recorded data")]

mod given;
mod laws;
mod world;
