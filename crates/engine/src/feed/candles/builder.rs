//! One candle at a time.

use super::{Basis, Candle};
use market::{Bar, BarSize, Error, Price, Quantity, Span, Timestamp};
use portfolio::InstrumentId;

/// The candle of one size that is open now, if any.
#[derive(Debug)]
pub(super) struct Builder {
    size: BarSize,
    open: Option<(Span, Bar)>,
}

impl Builder {
    pub(super) const fn new(size: BarSize) -> Self {
        Self { size, open: None }
    }

    pub(super) const fn size(&self) -> BarSize {
        self.size
    }

    /// The first instant after the open candle.
    #[inline]
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|(span, _)| span.end)
    }

    pub(super) fn span(&self) -> Option<Span> {
        self.open.map(|(span, _)| span)
    }

    /// Begins a candle with its first price.
    pub(super) fn open(&mut self, span: Span, price: Price, volume: Quantity) {
        let open_time = span.stamp;
        let bar = Bar { open_time, open: price, high: price, low: price, close: price, volume };
        self.open = Some((span, bar));
    }

    /// Begins a candle with its first shorter bar.
    pub(super) fn begin(&mut self, span: Span, bar: &Bar) {
        self.open = Some((span, Bar { open_time: span.stamp, ..*bar }));
    }

    /// Goes on with a price.
    #[inline]
    pub(super) fn tick(&mut self, price: Price, volume: Quantity) -> Result<(), Error> {
        if let Some((_, bar)) = &mut self.open {
            bar.volume = sum(bar.volume, volume)?;
            bar.high = bar.high.max(price);
            bar.low = bar.low.min(price);
            bar.close = price;
        }
        Ok(())
    }

    /// Goes on with a shorter bar.
    pub(super) fn join(&mut self, next: &Bar) -> Result<(), Error> {
        if let Some((_, bar)) = &mut self.open {
            bar.volume = sum(bar.volume, next.volume)?;
            bar.high = bar.high.max(next.high);
            bar.low = bar.low.min(next.low);
            bar.close = next.close;
        }
        Ok(())
    }

    /// Closes the open candle.
    pub(super) fn close(&mut self, instrument: InstrumentId, basis: Basis) -> Option<Candle> {
        let (span, bar) = self.open.take()?;
        Some(Candle { end: span.end, instrument, size: self.size, basis, bar })
    }
}

#[inline]
fn sum(a: Quantity, b: Quantity) -> Result<Quantity, Error> {
    let overflow = Error::Overflow { what: "the volume of a bar" };
    a.0.checked_add(b.0).map(Quantity).ok_or(overflow)
}
