//! Bars: a stamp at the open, decided at the close.

use crate::{Error, Instrument, Price, Quantity, Timestamp, excerpt};
use std::{fmt, str::FromStr};

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarSize(i64);

/// Every size the house knows, with its name.
const SIZES: [(&str, i64); 14] = [
    ("1m", MINUTE),
    ("3m", 3 * MINUTE),
    ("5m", 5 * MINUTE),
    ("15m", 15 * MINUTE),
    ("30m", 30 * MINUTE),
    ("1h", HOUR),
    ("2h", 2 * HOUR),
    ("4h", 4 * HOUR),
    ("6h", 6 * HOUR),
    ("12h", 12 * HOUR),
    ("1d", DAY),
    ("2d", 2 * DAY),
    ("3d", 3 * DAY),
    ("7d", 7 * DAY),
];

impl BarSize {
    /// One calendar day.
    pub const DAY: Self = Self(DAY);
    /// One minute.
    pub const MINUTE: Self = Self(MINUTE);

    /// Length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The size of exactly `nanos`, if the house knows it.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Option<Self> {
        SIZES.iter().find(|(_, n)| *n == nanos).map(|(_, n)| Self(*n))
    }

    /// A day or longer: such bars follow a calendar of sessions, not the clock.
    #[must_use]
    pub const fn is_daily(self) -> bool {
        self.0 >= DAY
    }
}

impl FromStr for BarSize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        SIZES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, nanos)| Self(*nanos))
            .ok_or_else(|| Error::BarSize { text: excerpt(text) })
    }
}

impl fmt::Display for BarSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = SIZES.iter().find(|(_, n)| *n == self.0).map_or("?", |(name, _)| name);
        f.write_str(name)
    }
}

/// One bar of one instrument, in its ticks and lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// When it opened.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded size.
    pub volume: Quantity,
}

/// The bars of one instrument as columns of equal length, times strictly increasing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarSeries {
    instrument: Instrument,
    size: BarSize,
    bars: Columns,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Columns {
    times: Vec<Timestamp>,
    open: Vec<Price>,
    high: Vec<Price>,
    low: Vec<Price>,
    close: Vec<Price>,
    volume: Vec<Quantity>,
}

impl BarSeries {
    /// Checks that times strictly increase.
    pub fn from_bars(
        instrument: Instrument,
        size: BarSize,
        bars: impl IntoIterator<Item = Bar>,
    ) -> Result<Self, Error> {
        let mut series = Self { instrument, size, bars: Columns::default() };
        for bar in bars {
            series.push(bar)?;
        }
        Ok(series)
    }

    /// Appends one bar; its time must come after the last one's.
    pub fn push(&mut self, bar: Bar) -> Result<(), Error> {
        if self.bars.times.last().is_some_and(|last| *last >= bar.open_time) {
            return Err(Error::Order {
                symbol: self.instrument.symbol.clone(),
                row: self.len(),
                time: bar.open_time,
            });
        }
        self.bars.times.push(bar.open_time);
        self.bars.open.push(bar.open);
        self.bars.high.push(bar.high);
        self.bars.low.push(bar.low);
        self.bars.close.push(bar.close);
        self.bars.volume.push(bar.volume);
        Ok(())
    }

    /// Whose bars they are.
    #[must_use]
    #[inline]
    pub const fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// How long each bar is.
    #[must_use]
    pub const fn size(&self) -> BarSize {
        self.size
    }

    /// Number of bars.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bars.times.len()
    }

    /// No bars at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bars.times.is_empty()
    }

    /// Opening times.
    #[must_use]
    #[inline]
    pub fn times(&self) -> &[Timestamp] {
        &self.bars.times
    }

    /// First prices.
    #[must_use]
    #[inline]
    pub fn open(&self) -> &[Price] {
        &self.bars.open
    }

    /// Highest prices.
    #[must_use]
    #[inline]
    pub fn high(&self) -> &[Price] {
        &self.bars.high
    }

    /// Lowest prices.
    #[must_use]
    #[inline]
    pub fn low(&self) -> &[Price] {
        &self.bars.low
    }

    /// Last prices.
    #[must_use]
    #[inline]
    pub fn close(&self) -> &[Price] {
        &self.bars.close
    }

    /// Traded sizes.
    #[must_use]
    #[inline]
    pub fn volume(&self) -> &[Quantity] {
        &self.bars.volume
    }

    /// The bar at `row`, if there is one.
    #[must_use]
    pub fn bar(&self, row: usize) -> Option<Bar> {
        Some(Bar {
            open_time: *self.bars.times.get(row)?,
            open: *self.bars.open.get(row)?,
            high: *self.bars.high.get(row)?,
            low: *self.bars.low.get(row)?,
            close: *self.bars.close.get(row)?,
            volume: *self.bars.volume.get(row)?,
        })
    }

    /// All bars in order.
    pub fn iter(&self) -> impl Iterator<Item = Bar> + '_ {
        (0..self.len()).filter_map(|row| self.bar(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(nanos: i64) -> Bar {
        let open_time = Timestamp::from_nanos(nanos);
        let price = Price(100);
        Bar { open_time, open: price, high: price, low: price, close: price, volume: Quantity(1) }
    }

    #[test]
    fn sizes_are_named() {
        for (name, nanos) in SIZES {
            let size: BarSize = name.parse().expect("a size");
            assert_eq!((size.nanos(), size.to_string().as_str()), (nanos, name));
        }
        assert!("90s".parse::<BarSize>().is_err());
    }

    #[test]
    fn time_only_goes_forward() {
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        let built = BarSeries::from_bars(instrument, BarSize::DAY, [bar(1), bar(2), bar(2)]);
        assert!(matches!(built, Err(Error::Order { row: 2, .. })));
    }
}
