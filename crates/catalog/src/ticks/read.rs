//! Ticks read back, a row group at a time.

use super::{CHUNK_ROWS, Chunk, Logical, QuoteColumns, TradeColumns, chunk_digest, names};
use crate::{
    Catalog, Content, Error, Field, InstrumentEntry, Manifest, Result, catalog::wanted,
    disk::io_at, error::Damage,
};
use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{Int64Type, TimestampNanosecondType},
};
use market::Symbol;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
};
use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A row group that is still to be read.
struct Due {
    partition: usize,
    group: usize,
    /// The group's first row, from 0 of its file.
    from: u64,
    rows: u64,
    digest: String,
}

/// The row groups of one symbol, verified one after the other.
pub(super) struct Chunks {
    content: Content,
    paths: Vec<PathBuf>,
    due: VecDeque<Due>,
    open: Option<(usize, File, ArrowReaderMetadata)>,
    chunk: Chunk,
}

impl Chunks {
    pub(super) fn new(dir: &Path, manifest: &Manifest, symbol: &Symbol) -> Self {
        let content = manifest.dataset.bar.content();
        let mut due = VecDeque::new();
        for (partition, part) in manifest.partitions.iter().enumerate() {
            let (mut group, mut from) = (0, 0);
            for span in &part.spans {
                let mut left = span.rows;
                while left > 0 {
                    let rows = left.min(CHUNK_ROWS as u64);
                    if span.symbol == *symbol {
                        let digest = part.chunks.get(group).cloned().unwrap_or_default();
                        due.push_back(Due { partition, group, from, rows, digest });
                    }
                    (left, group, from) = (left - rows, group + 1, from + rows);
                }
            }
        }
        let paths = manifest.partitions.iter().map(|part| dir.join(&part.file)).collect();
        Self { content, paths, due, open: None, chunk: Chunk::of(content) }
    }

    /// The next row group, its digest verified; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&Chunk>> {
        let Some(due) = self.due.pop_front() else { return Ok(None) };
        let path = self.paths.get(due.partition).cloned().unwrap_or_default();
        let damaged = |damage| Error::Damaged { path: path.clone(), damage };
        let unreadable = |reason: &dyn ToString| damaged(Damage::Unreadable(reason.to_string()));
        self.open_partition(due.partition, &path)?;
        let Some((_, file, metadata)) = &self.open else { return Ok(None) };
        let file = file.try_clone().map_err(io_at("read", &path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
        if due.group >= builder.metadata().num_row_groups() {
            return Err(unreadable(&"it has too few row groups"));
        }
        let mask =
            ProjectionMask::roots(builder.parquet_schema(), 1..names(self.content).len() + 2);
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![due.group])
            .with_batch_size(CHUNK_ROWS)
            .build()
            .map_err(|error| unreadable(&error))?;
        self.chunk.clear();
        for batch in reader {
            let batch = batch.map_err(|error| unreadable(&error))?;
            append(&mut self.chunk, &batch)
                .ok_or_else(|| unreadable(&"its columns are not those of ticks"))?;
        }
        let columns = std::iter::once(&self.chunk.times).chain(&self.chunk.figures);
        let digest = chunk_digest(columns.map(Vec::as_slice));
        if digest != due.digest || self.chunk.times.len() as u64 != due.rows {
            return Err(damaged(Damage::Rows { from: due.from + 1, group: due.group }));
        }
        Ok(Some(&self.chunk))
    }

    fn open_partition(&mut self, partition: usize, path: &Path) -> Result<()> {
        if self.open.as_ref().is_some_and(|(open, ..)| *open == partition) {
            return Ok(());
        }
        let damaged = |damage| Error::Damaged { path: path.to_owned(), damage };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(Damage::Missing));
            }
            opened => opened.map_err(io_at("open", path))?,
        };
        let metadata = ArrowReaderMetadata::load(
            &file,
            parquet::arrow::arrow_reader::ArrowReaderOptions::new(),
        );
        let metadata = metadata.map_err(|error| damaged(Damage::Unreadable(error.to_string())))?;
        self.open = Some((partition, file, metadata));
        Ok(())
    }
}

fn append(chunk: &mut Chunk, batch: &RecordBatch) -> Option<()> {
    let (times, figures) = batch.columns().split_first()?;
    let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
    chunk.times.extend_from_slice(times.values());
    if figures.len() != chunk.figures.len() {
        return None;
    }
    for (column, values) in chunk.figures.iter_mut().zip(figures) {
        let values = values.as_primitive_opt::<Int64Type>().filter(|v| v.null_count() == 0)?;
        column.extend_from_slice(values.values());
    }
    Some(())
}

/// Quotes of one symbol, streamed: it holds one row group of 131,072 rows, and hands over nothing
/// that is not what was imported.
pub struct QuoteStream {
    entry: InstrumentEntry,
    digest: [u8; 32],
    sized: bool,
    chunks: Chunks,
    columns: QuoteColumns,
}

/// Trades of one symbol, streamed as [`QuoteStream`] does.
pub struct TradeStream {
    entry: InstrumentEntry,
    digest: [u8; 32],
    chunks: Chunks,
    columns: TradeColumns,
}

impl QuoteStream {
    /// Whose quotes, in which units, how many.
    #[must_use]
    pub const fn entry(&self) -> &InstrumentEntry {
        &self.entry
    }

    /// SHA-256 over the logical columns of this symbol alone, whatever dataset holds them: what is
    /// handed over has this digest, or is refused.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether the source has sizes.
    #[must_use]
    pub const fn is_sized(&self) -> bool {
        self.sized
    }

    /// The next quotes, verified; `None` at the end. A file that is not the one that was imported,
    /// or changes while it is read, is an error that names it and the row.
    pub fn read(&mut self) -> Result<Option<&QuoteColumns>> {
        let Some(chunk) = self.chunks.next()? else { return Ok(None) };
        self.columns.fill(chunk);
        Ok(Some(&self.columns))
    }
}

impl TradeStream {
    /// Whose trades, in which units, how many.
    #[must_use]
    pub const fn entry(&self) -> &InstrumentEntry {
        &self.entry
    }

    /// As [`QuoteStream::digest`].
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The next trades, verified as those of [`QuoteStream::read`] are; `None` at the end.
    pub fn read(&mut self) -> Result<Option<&TradeColumns>> {
        let Some(chunk) = self.chunks.next()? else { return Ok(None) };
        self.columns.fill(chunk);
        Ok(Some(&self.columns))
    }
}

impl Catalog {
    /// The quotes of one symbol, to be read piece by piece.
    pub fn quotes(&self, name: &str, symbol: &Symbol) -> Result<QuoteStream> {
        let manifest = self.manifest(name)?;
        let (entry, digest, chunks) = self.ticks(&manifest, symbol, Content::Quotes)?;
        let sized = [Field::BidSize, Field::AskSize];
        let sized = sized.iter().all(|field| manifest.dataset.fields.contains(field));
        Ok(QuoteStream { entry, digest, sized, chunks, columns: QuoteColumns::default() })
    }

    /// The trades of one symbol, to be read piece by piece.
    pub fn trades(&self, name: &str, symbol: &Symbol) -> Result<TradeStream> {
        let manifest = self.manifest(name)?;
        let (entry, digest, chunks) = self.ticks(&manifest, symbol, Content::Trades)?;
        Ok(TradeStream { entry, digest, chunks, columns: TradeColumns::default() })
    }

    fn ticks(
        &self,
        manifest: &Manifest,
        symbol: &Symbol,
        content: Content,
    ) -> Result<(InstrumentEntry, [u8; 32], Chunks)> {
        manifest.must_hold(content)?;
        let name = &manifest.dataset.name;
        // Refuses what is not there, and says what is near.
        wanted(manifest, Some(std::slice::from_ref(symbol)))?;
        let found = manifest.instruments.iter().find(|entry| entry.symbol == *symbol);
        let entry = found.cloned().ok_or_else(|| Error::NoSymbol {
            dataset: name.clone(),
            symbol: symbol.to_string(),
            suggestion: None,
        })?;
        let chunks = Chunks::new(&self.path(name), manifest, symbol);
        let mut logical = Logical::new(manifest.dataset.bar, &manifest.dataset.fields);
        chunks.due.iter().for_each(|due| logical.chunk(&due.digest));
        logical.end(&entry);
        Ok((entry, logical.bytes(), chunks))
    }
}
