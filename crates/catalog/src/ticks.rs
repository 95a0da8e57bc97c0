//! Quotes and trades: rows of whole ticks and lots in the order of symbol, time and file.
//!
//! A partition holds up to [`ROWS_MAX`] rows, in row groups of one symbol of [`CHUNK_ROWS`] rows
//! each, but for the last of a symbol. The manifest has the digest of each group's logical columns,
//! so a reader that holds one group at a time knows that what it hands over is what was imported,
//! and notices a file that changes under it. The dataset's digest is made of those digests: it does
//! not depend on partitions.

mod check;
mod columns;
mod merge;
mod read;
mod write;

pub use columns::{QuoteColumns, TradeColumns};
pub use read::{QuoteStream, TradeStream};

pub(crate) use check::check;
pub(crate) use merge::merge;

use crate::{Content, Field, Grain, InstrumentEntry};
use sha2::{Digest, Sha256};

/// Rows of a row group: bounds what writer and reader hold. A change of it changes every digest.
pub(crate) const CHUNK_ROWS: usize = 1 << 17;
/// Rows of a partition: whole groups.
pub(crate) const ROWS_MAX: u64 = 1 << 22;

/// Rows of one symbol as they are stored: times, and figures by their place in the content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) times: Vec<i64>,
    /// Quotes: bid, ask, and their sizes. Trades: price, size, side (1 buy, -1 sell, 0 unknown).
    pub(crate) figures: Vec<Vec<i64>>,
}

impl Chunk {
    pub(crate) fn of(content: Content) -> Self {
        Self { times: Vec::new(), figures: vec![Vec::new(); names(content).len()] }
    }

    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.figures.iter_mut().for_each(Vec::clear);
    }
}

/// Names of the stored figures.
pub(crate) const fn names(content: Content) -> &'static [&'static str] {
    match content {
        Content::Quotes => &["bid", "ask", "bid_size", "ask_size"],
        Content::Trades => &["price", "size", "side"],
        Content::Bars => &[],
    }
}

/// SHA-256 over the columns of a row group: the number of rows, then column after column as
/// little-endian 64-bit integers.
pub(crate) fn chunk_digest<'a>(columns: impl IntoIterator<Item = &'a [i64]>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"stockade ticks chunk 1\n");
    let mut block = [0_u8; 8192];
    for column in columns {
        hash.update((column.len() as u64).to_le_bytes());
        for part in column.chunks(block.len() / 8) {
            for (slot, value) in block.chunks_exact_mut(8).zip(part) {
                slot.copy_from_slice(&value.to_le_bytes());
            }
            hash.update(block.get(..part.len() * 8).unwrap_or(&[]));
        }
    }
    hex::encode(hash.finalize())
}

/// SHA-256 over what a dataset of ticks means: its content and fields; for each instrument its
/// symbol, units, currency and rows, and the digests of its row groups.
pub(crate) struct Logical(Sha256);

impl Logical {
    pub(crate) fn new(grain: Grain, fields: &[Field]) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("stockade ticks 1\n{grain} {fields:?}\n"));
        Self(hash)
    }

    pub(crate) fn chunk(&mut self, digest: &str) {
        self.0.update(digest);
        self.0.update("\n");
    }

    /// After the row groups of an instrument.
    pub(crate) fn end(&mut self, entry: &InstrumentEntry) {
        let (symbol, currency) = (&entry.symbol, entry.currency);
        let (price, lot, rows) = (entry.price_decimals, entry.lot_decimals, entry.rows);
        self.0.update(format!("{symbol} {price} {lot} {currency} {rows}\n"));
    }

    pub(crate) fn finish(self) -> String {
        hex::encode(self.bytes())
    }

    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
