//! Bybit's public data from both ends.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read recorded data, and say so where it is absent"
)]

mod books;
mod documented;
mod hostile;
mod laws;
mod recorded;
mod world;
