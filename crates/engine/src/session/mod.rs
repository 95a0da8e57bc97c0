//! The loop: who feeds the kernel and carries its actions out, where the exchange is simulated.

mod bars;
mod curve;
mod feed;
mod wiring;

pub(crate) use bars::BarSession;
pub(crate) use curve::Curve;
pub(crate) use feed::BarFeed;
pub(crate) use wiring::Wiring;
