//! The rows of a sweep as they come: batches, each with its length and checksum, appended and
//! flushed. What a kill has torn off the end is cut away at the next start.

use super::{
    Result,
    error::{Error, file},
};
use engine::{Digest, sweep::Row};
use market::Money;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// The file's name.
pub const ROWS: &str = "rows.log";
/// The file's first bytes.
const MAGIC: &[u8; 16] = b"stockade rows 1\n";
/// Bytes of a batch's checksum: the beginning of its SHA-256.
const SUM_BYTES: usize = 8;
/// The largest batch that is read.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// A log that is open for more, and nobody else's.
pub(super) struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens or makes the log of a directory; its rows so far. A torn end is cut away.
    pub(super) fn open(dir: &Path, axes: usize) -> Result<(Self, Vec<Row>)> {
        let path = dir.join(ROWS);
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut out = opened.map_err(file("open", &path))?;
        match flock(&out, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::InUse { path: dir.to_owned() });
            }
            Err(errno) => return Err(file("lock", &path)(errno.into())),
        }
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).map_err(file("read", &path))?;
        let (rows, whole) = parse(&bytes, axes, &path)?;
        let repair = |out: &mut File| -> std::io::Result<()> {
            out.set_len(whole as u64)?;
            out.seek(SeekFrom::End(0))?;
            if whole == 0 {
                out.write_all(MAGIC)?;
            }
            out.sync_all()?;
            File::open(dir)?.sync_all()
        };
        repair(&mut out).map_err(file("write", &path))?;
        Ok((Self { file: out, path }, rows))
    }

    /// Appends a batch and flushes it.
    pub(super) fn append(&mut self, rows: &[Row]) -> Result<()> {
        let mut payload = Vec::with_capacity(rows.len() * 256);
        for row in rows {
            encode(row, &mut payload);
        }
        let mut record = Vec::with_capacity(payload.len() + 16);
        record.extend((payload.len() as u64).to_le_bytes());
        record.extend(checksum(&payload));
        record.extend(payload);
        let work = |out: &mut File| {
            out.write_all(&record)?;
            out.sync_data()
        };
        work(&mut self.file).map_err(file("write", &self.path))
    }
}

/// The rows of a directory, in the order in which they came; a torn end is left out.
pub(super) fn read(dir: &Path, axes: usize) -> Result<Vec<Row>> {
    let path = dir.join(ROWS);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(parse(&bytes, axes, &path)?.0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(file("read", &path)(source)),
    }
}

fn checksum(payload: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    let whole = seal::sha256(payload);
    sum.iter_mut().zip(whole).for_each(|(byte, of)| *byte = of);
    sum
}

/// The rows, and the bytes up to the last whole batch.
fn parse(bytes: &[u8], axes: usize, path: &Path) -> Result<(Vec<Row>, usize)> {
    let damaged = |what: &str| Error::Damaged { path: path.to_owned(), what: what.to_owned() };
    let Some(mut rest) = bytes.strip_prefix(MAGIC.as_slice()) else {
        // A kill may have come before all of the first bytes were on disk.
        return if MAGIC.starts_with(bytes) {
            Ok((Vec::new(), 0))
        } else {
            Err(damaged("it begins with other words"))
        };
    };
    let mut rows = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_le_bytes(*head)).unwrap_or(usize::MAX);
        let Some((sum, after)) = after.split_first_chunk::<SUM_BYTES>() else { break };
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        if length > BATCH_BYTES_MAX || checksum(payload) != *sum {
            break;
        }
        let mut reader = Reader(payload);
        while !reader.0.is_empty() {
            rows.push(reader.row(axes).ok_or_else(|| damaged("a batch has no whole rows"))?);
        }
        rest = after;
    }
    Ok((rows, bytes.len() - rest.len()))
}

fn encode(row: &Row, out: &mut Vec<u8>) {
    out.extend(row.number.to_le_bytes());
    for value in &row.values {
        out.extend(value.0.to_le_bytes());
    }
    out.extend(row.run_id.0);
    out.extend(row.digest.0);
    out.extend(row.equity.0.to_le_bytes());
    out.extend(row.fees.0.to_le_bytes());
    out.extend(row.fills.to_le_bytes());
    out.extend(row.trades.to_le_bytes());
    for ratio in ratios(row) {
        // A ratio is never NaN, which stands for none.
        out.extend(ratio.unwrap_or(f64::NAN).to_le_bytes());
    }
}

fn ratios(row: &Row) -> [Option<f64>; 7] {
    [
        row.total_return,
        row.sharpe,
        row.max_drawdown,
        row.win_rate,
        row.profit_factor,
        row.turnover,
        row.exposure,
    ]
}

/// NaN stands for none.
fn ratio(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn money(&mut self) -> Option<Money> {
        self.bytes().map(i128::from_le_bytes).map(Money)
    }

    fn number(&mut self) -> Option<f64> {
        self.bytes().map(f64::from_le_bytes)
    }

    fn row(&mut self, axes: usize) -> Option<Row> {
        Some(Row {
            number: u64::from_le_bytes(self.bytes()?),
            values: (0..axes).map(|_| self.money()).collect::<Option<_>>()?,
            run_id: Digest(self.bytes()?),
            digest: Digest(self.bytes()?),
            equity: self.money()?,
            fees: self.money()?,
            fills: u64::from_le_bytes(self.bytes()?),
            trades: u64::from_le_bytes(self.bytes()?),
            total_return: ratio(self.number()?),
            sharpe: ratio(self.number()?),
            max_drawdown: ratio(self.number()?),
            win_rate: ratio(self.number()?),
            profit_factor: ratio(self.number()?),
            turnover: ratio(self.number()?),
            exposure: ratio(self.number()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> Row {
        Row {
            number,
            values: vec![Money(5), Money(-7)],
            run_id: Digest([1; 32]),
            digest: Digest([2; 32]),
            equity: Money(-3),
            total_return: Some(-0.5),
            sharpe: None,
            max_drawdown: Some(0.0),
            fills: 9,
            trades: 4,
            win_rate: Some(0.25),
            profit_factor: None,
            fees: Money(11),
            turnover: Some(3.5),
            exposure: Some(0.1),
        }
    }

    #[test]
    fn a_log_that_is_cut_anywhere_keeps_its_whole_batches_and_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut log, rows) = Log::open(dir.path(), 2).expect("opens");
        assert_eq!(rows, []);
        assert!(matches!(Log::open(dir.path(), 2), Err(Error::InUse { .. })));
        log.append(&[row(0), row(1)]).expect("appends");
        log.append(&[row(2)]).expect("appends");
        drop(log);
        let path = dir.path().join(ROWS);
        let whole = std::fs::read(&path).expect("is there");
        let first = whole.len() - (whole.len() - MAGIC.len() - 32) / 3 - 16;
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).expect("writes");
            let (mut log, rows) = Log::open(dir.path(), 2).expect("opens");
            let want = match length {
                _ if length == whole.len() => 3,
                _ if length >= first => 2,
                _ => 0,
            };
            assert_eq!(rows.len(), want, "cut at {length}");
            log.append(&[row(7)]).expect("appends");
            assert_eq!(read(dir.path(), 2).expect("reads").last(), Some(&row(7)));
        }
        let mut flipped = whole.clone();
        flipped[MAGIC.len() + 40] ^= 1;
        std::fs::write(&path, &flipped).expect("writes");
        assert_eq!(read(dir.path(), 2).expect("reads"), []);
        std::fs::write(&path, b"something else entirely").expect("writes");
        assert!(matches!(Log::open(dir.path(), 2), Err(Error::Damaged { .. })));
    }
}
