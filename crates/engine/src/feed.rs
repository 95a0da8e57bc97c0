//! Data on its way into the kernel: judged, merged into one stream, summed up into candles.
//!
//! Nothing here waits or reads: whoever has the data hands it over in batches of any size, and what
//! comes out does not depend on where the batches were cut.

mod candles;
mod checker;
mod clock;
mod error;
mod merge;
mod rows;

pub use candles::{Basis, Candle, Candles};
pub use checker::{Checked, Checker, Policy, Verdict};
pub use clock::{EveryQuote, Mid, QuoteRow};
pub use error::Error;
pub use merge::{Merge, Step};
pub use rows::{Arrival, Arrivals, BuiltRow, Gap, RowBuilder, RowTerms};
