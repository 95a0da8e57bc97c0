//! What can be wrong with data on its way into the kernel.

use market::{BarSize, Flaw, Timestamp};
use portfolio::InstrumentId;

/// Everything that data can be refused for; each message names the place and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A row of a stream cannot be.
    #[error("{stream}, row {row}: {flaw}")]
    Row {
        /// The stream's name.
        stream: String,
        /// The row, from 1, of the part that is read.
        row: u64,
        /// What is wrong, and the fix.
        flaw: Flaw,
    },
    /// A stream of a merge goes back.
    #[error(
        "stream {stream}, event {event}: a {name} of {time} comes after one that it precedes; \
         sort the stream by time, then kind, then instrument"
    )]
    Backwards {
        /// Which stream, from 0.
        stream: usize,
        /// The event, from 1.
        event: u64,
        /// Its kind.
        name: &'static str,
        /// Its time.
        time: Timestamp,
    },
    /// A batch came for a stream that has ended, was not asked for, or is not there.
    #[error("stream {stream} asked for no batch: hand one over when a step needs it")]
    NotAsked {
        /// Which stream, from 0.
        stream: usize,
    },
    /// Ticks for candles go back in time.
    #[error("instrument {} goes back from {before} to {time}: merge and sort the streams first", instrument.0)]
    Earlier {
        /// Whose.
        instrument: InstrumentId,
        /// The time of the tick before it.
        before: Timestamp,
        /// Its time.
        time: Timestamp,
    },
    /// Bars of one size cannot be put together from bars of another.
    #[error(
        "bars of {size} cannot be built from bars of {from}: build them from a size that divides them"
    )]
    NoFit {
        /// The size asked for.
        size: BarSize,
        /// What there is.
        from: BarSize,
    },
    /// A bar lies on both sides of a session's edge.
    #[error(
        "the bar of {size} at {time} lies on both sides of a session's open or close: \
         build from shorter bars"
    )]
    Straddles {
        /// Its size.
        size: BarSize,
        /// Its stamp.
        time: Timestamp,
    },
    /// A bar is not stamped with a beginning that bars of its size have.
    #[error(
        "instrument {} has a bar of {size} at {time}, where none begins: \
         give bars with the times at which they open", instrument.0
    )]
    OffGrid {
        /// Whose.
        instrument: InstrumentId,
        /// The bars' size.
        size: BarSize,
        /// The stamp.
        time: Timestamp,
    },
    /// A bar is of an instrument that is in no row.
    #[error("instrument {} is none of the {known} of the rows", instrument.0)]
    Stranger {
        /// Whose.
        instrument: InstrumentId,
        /// How many there are.
        known: usize,
    },
    /// Too many rows wait at once.
    #[error("{limit} rows wait already: take them out before bars of more rows are handed over")]
    Waiting {
        /// Rows that may wait.
        limit: usize,
    },
    /// A sum leaves its range.
    #[error(transparent)]
    Market(#[from] market::Error),
}
