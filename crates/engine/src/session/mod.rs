//! The loop: who feeds the kernel and carries its actions out, where the exchange is simulated.

mod bars;
mod curve;
mod feed;

pub(crate) use bars::BarSession;
pub(crate) use curve::Curve;
pub(crate) use feed::BarFeed;
