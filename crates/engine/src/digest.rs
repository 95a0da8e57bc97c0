//! What a run is called, and what came of it, as SHA-256.

use crate::{SEMANTICS, Simulation, Strategy};
use market::{BarSeries, Side};
use portfolio::{EquityPoint, Fill};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// 32 bytes that stand for a content; prints as lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Of the logical columns: for each series its symbol, units, bar size and length, then times,
/// open, high, low, close and volume as little-endian 64-bit integers. Never of a file's bytes.
#[must_use]
pub fn columns_digest(series: &[BarSeries]) -> Digest {
    let mut hash = Hash::new("stockade columns 1");
    hash.number(series.len() as u64);
    for one in series {
        let instrument = one.instrument();
        hash.text(instrument.symbol.as_str());
        hash.text(&instrument.currency.to_string());
        hash.number(u64::from(instrument.price_scale.decimals()));
        hash.number(u64::from(instrument.lot_scale.decimals()));
        hash.number(one.size().nanos().cast_unsigned());
        hash.number(one.len() as u64);
        hash.column(one.times().iter().map(|t| t.nanos().cast_unsigned()));
        for prices in [one.open(), one.high(), one.low(), one.close()] {
            hash.column(prices.iter().map(|p| p.0.cast_unsigned()));
        }
        hash.column(one.volume().iter().map(|q| q.0));
    }
    hash.finish()
}

/// Of the data, the canonical strategy, the convention and the number of the semantics: whoever
/// has the same four gets the same figures.
#[must_use]
pub fn run_id(columns: Digest, strategy: &Strategy) -> Digest {
    let mut hash = Hash::new("stockade run 1");
    hash.0.update(columns.0);
    hash.text(&strategy.to_string());
    hash.text(&strategy.convention.to_string());
    hash.number(u64::from(SEMANTICS));
    hash.finish()
}

/// Of what came out: fills, the number of refusals, and equity over time.
pub(crate) fn outcome_digest(run: Digest, simulation: &Simulation) -> Digest {
    let mut hash = Hash::new("stockade outcome 1");
    hash.0.update(run.0);
    hash.number(simulation.fills.len() as u64);
    simulation.fills.iter().for_each(|fill| hash.fill(fill));
    hash.rest(simulation);
    hash.finish()
}

/// Of what came out of a run on quotes, whose fills are not kept: the fills as they come, then
/// their number, and the rest as of other runs.
pub(crate) struct FillHash {
    hash: Hash,
    fills: u64,
}

impl FillHash {
    pub(crate) fn new(run: Digest) -> Self {
        let mut hash = Hash::new("stockade outcome of quotes 1");
        hash.0.update(run.0);
        Self { hash, fills: 0 }
    }

    pub(crate) fn fill(&mut self, fill: &Fill) {
        self.fills += 1;
        self.hash.fill(fill);
    }

    pub(crate) fn finish(mut self, simulation: &Simulation) -> Digest {
        self.hash.number(self.fills);
        self.hash.rest(simulation);
        self.hash.finish()
    }
}

/// Bytes of a fill: order, row, twice the instrument and one for a sale, price, size and
/// fee. The notional follows from them.
const FILL_BYTES: usize = 48;
/// Points that are hashed at a time.
const POINTS: usize = 256;

fn put<const N: usize, const M: usize>(bytes: &mut [u8; M], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..at + N) {
        place.copy_from_slice(&value);
    }
}

struct Hash(Sha256);

impl Hash {
    fn new(what: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.text(what);
        hash
    }

    fn fill(&mut self, fill: &Fill) {
        let mut bytes = [0_u8; FILL_BYTES];
        put(&mut bytes, 0, fill.order.to_le_bytes());
        put(&mut bytes, 8, fill.row.to_le_bytes());
        let sells = u32::from(fill.side == Side::Sell);
        put(&mut bytes, 12, (fill.instrument.0 << 1 | sells).to_le_bytes());
        put(&mut bytes, 16, fill.price.0.to_le_bytes());
        put(&mut bytes, 24, fill.quantity.0.to_le_bytes());
        put(&mut bytes, 32, fill.fee.0.to_le_bytes());
        self.0.update(bytes);
    }

    /// The number of refusals and the curve.
    fn rest(&mut self, simulation: &Simulation) {
        self.number(simulation.refused);
        self.number(simulation.curve.len() as u64);
        for points in simulation.curve.chunks(POINTS) {
            self.equity(points);
        }
    }

    /// Equity of up to [`POINTS`] points: 64 bits each where all fit into them, else 128; a byte
    /// before them says which. Times are the data's, cash and exposure follow from the fills.
    fn equity(&mut self, points: &[EquityPoint]) {
        let fits = |point: &EquityPoint| i64::try_from(point.equity.0).is_ok();
        let narrow = points.iter().all(fits);
        let mut block = [0_u8; POINTS * 16];
        let width = if narrow {
            let cells = block.as_chunks_mut::<8>().0.iter_mut();
            #[allow(clippy::cast_possible_truncation, reason = "all of them fit")]
            cells.zip(points).for_each(|(cell, p)| *cell = (p.equity.0 as i64).to_le_bytes());
            8
        } else {
            let cells = block.as_chunks_mut::<16>().0.iter_mut();
            cells.zip(points).for_each(|(cell, p)| *cell = p.equity.0.to_le_bytes());
            16
        };
        self.0.update([u8::from(!narrow)]);
        self.0.update(block.get(..points.len() * width).unwrap_or(&[]));
    }

    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    /// Length first, so that two texts never run into each other.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn column(&mut self, values: impl Iterator<Item = u64>) {
        let mut block = [0_u8; 4096];
        let mut used = 0;
        for value in values {
            if let Some(place) = block.get_mut(used..used + 8) {
                place.copy_from_slice(&value.to_le_bytes());
            }
            used += 8;
            if used == block.len() {
                self.0.update(block);
                used = 0;
            }
        }
        self.0.update(block.get(..used).unwrap_or(&[]));
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
