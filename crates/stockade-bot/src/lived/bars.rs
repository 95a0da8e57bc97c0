//! Rows as a table that `stockade data import` reads, a row at a time.

use anyhow::Context;
use market::{Bar, Instrument, Timestamp};
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The table's first line.
const HEADING: &str = "time,symbol,open,high,low,close,volume\n";

/// A table that is being written, by time and symbol.
#[derive(Debug)]
pub struct Bars {
    out: BufWriter<File>,
    /// Each line is hashed with the digest of all before it.
    digest: [u8; 32],
    /// Rows so far.
    pub rows: u64,
    /// The last one's time.
    pub last: Option<Timestamp>,
}

impl Bars {
    /// An empty table.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let out = BufWriter::new(file.with_context(|| path.display().to_string())?);
        let mut bars = Self { out, digest: [0; 32], rows: 0, last: None };
        bars.line(HEADING)?;
        Ok(bars)
    }

    /// Appends a row.
    pub fn row(
        &mut self,
        time: Timestamp,
        instruments: &[Instrument],
        bars: &[Option<Bar>],
    ) -> anyhow::Result<()> {
        for (instrument, bar) in instruments.iter().zip(bars) {
            if let Some(bar) = bar {
                self.line(&line(time, instrument, bar))?;
            }
        }
        self.rows += 1;
        self.last = Some(time);
        Ok(())
    }

    fn line(&mut self, text: &str) -> anyhow::Result<()> {
        self.digest = seal::sha256_parts(&[&self.digest, text.as_bytes()]);
        self.out.write_all(text.as_bytes()).context("bars.csv")
    }

    /// Flushes it to the disk; the digest of its lines, in hexadecimal.
    pub fn finish(mut self) -> anyhow::Result<String> {
        self.out.flush().context("bars.csv")?;
        self.out.get_ref().sync_all().context("bars.csv")?;
        Ok(hex::encode(self.digest))
    }
}

/// A bar as exact decimals.
fn line(time: Timestamp, instrument: &Instrument, bar: &Bar) -> String {
    let (price, size) = (instrument.price_scale, instrument.lot_scale);
    let volume = i64::try_from(bar.volume.0).unwrap_or(i64::MAX);
    format!(
        "{time},{},{},{},{},{},{}\n",
        instrument.symbol,
        price.format(bar.open.0),
        price.format(bar.high.0),
        price.format(bar.low.0),
        price.format(bar.close.0),
        size.format(volume)
    )
}

/// Writes a file that is its owner's alone.
pub fn private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = opened.with_context(|| path.display().to_string())?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}
