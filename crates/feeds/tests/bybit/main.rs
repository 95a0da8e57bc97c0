//! Bybit's public data from both ends.

#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests of recorded data")]

mod books;
mod laws;
mod world;
