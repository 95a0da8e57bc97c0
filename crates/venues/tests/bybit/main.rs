//! Bybit's protocol from both ends: what one end writes the other reads, what was recorded is read,
//! and nothing that is strange breaks either.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read recorded data, and say so where it is absent"
)]

mod given;
mod hostile;
mod laws;
mod recorded;
mod requests;
mod scenes;
mod world;
