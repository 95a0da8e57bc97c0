//! The loop: who feeds the kernel and carries its actions out, where the exchange is simulated.

mod bars;
mod curve;
mod feed;
mod ticks;
mod wiring;

pub(crate) use bars::BarSession;
pub(crate) use curve::Curve;
pub(crate) use feed::{BarFeed, Feed, PresentRow};
pub use ticks::{Quotes, Session};
pub(crate) use wiring::Wiring;

#[cfg(test)]
mod tests;
