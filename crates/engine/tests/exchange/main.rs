//! The simulated exchange, as a specification: what is sent, what the market does, what comes of it.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests"
)]

mod accounts;
mod bars;
mod book;
mod laws;
mod rules;
mod scene;
mod touch;
mod w2a;
