//! Writes the partitions of a dataset of ticks.

use super::{CHUNK_ROWS, Chunk, ROWS_MAX, chunk_digest, names};
use crate::{
    Content, Partition, Result, Span,
    disk::{io_at, sync_dir},
    part::{Counted, write_error},
};
use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use market::{Symbol, Timestamp};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file being written.
struct Open {
    path: PathBuf,
    writer: ArrowWriter<Counted>,
    rows: u64,
    times: Option<(i64, i64)>,
    spans: Vec<Span>,
    chunks: Vec<String>,
}

/// Takes rows in the order of symbol and time.
pub(super) struct Writer {
    dir: PathBuf,
    content: Content,
    schema: SchemaRef,
    chunk: Chunk,
    open: Option<Open>,
    done: Vec<Partition>,
}

fn schema(content: Content) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut fields =
        vec![Field::new("symbol", DataType::Utf8, false), Field::new("time", time, false)];
    fields.extend(names(content).iter().map(|name| Field::new(*name, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}

fn properties(content: Content) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    // Groups are ended by hand, at the ends of symbols too.
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(CHUNK_ROWS));
    for name in names(content).iter().chain(&["time"]) {
        let column = ColumnPath::from(*name);
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    builder.build()
}

impl Writer {
    pub(super) fn new(dir: &Path, content: Content) -> Self {
        let (chunk, schema) = (Chunk::of(content), schema(content));
        Self { dir: dir.to_owned(), content, schema, chunk, open: None, done: Vec::new() }
    }

    /// Appends a row; the digest of a row group that it completes.
    pub(super) fn push(
        &mut self,
        symbol: &Symbol,
        time: i64,
        figures: [i64; 4],
    ) -> Result<Option<String>> {
        self.chunk.times.push(time);
        for (column, figure) in self.chunk.figures.iter_mut().zip(figures) {
            column.push(figure);
        }
        if self.chunk.times.len() >= CHUNK_ROWS { self.end(symbol) } else { Ok(None) }
    }

    /// Ends the row group of a symbol, if there is one; its digest.
    pub(super) fn end(&mut self, symbol: &Symbol) -> Result<Option<String>> {
        let (Some(first), Some(last)) = (self.chunk.times.first(), self.chunk.times.last()) else {
            return Ok(None);
        };
        let (first, last) = (*first, *last);
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start()?,
        };
        let rows = self.chunk.times.len() as u64;
        let columns = std::iter::once(&self.chunk.times).chain(&self.chunk.figures);
        let digest = chunk_digest(columns.map(Vec::as_slice));
        let batch = self.batch(symbol);
        let written = batch.map_err(Into::into).and_then(|batch| {
            open.writer.write(&batch)?;
            open.writer.flush()
        });
        written.map_err(|error| write_error(&open.path, error))?;
        self.chunk.clear();
        open.rows += rows;
        let (from, to) = open.times.unwrap_or((first, last));
        open.times = Some((from.min(first), to.max(last)));
        open.chunks.push(digest.clone());
        match open.spans.last_mut() {
            Some(span) if span.symbol == *symbol => span.rows += rows,
            _ => open.spans.push(Span { symbol: symbol.clone(), rows }),
        }
        if open.rows >= ROWS_MAX {
            self.close(open)?;
        } else {
            self.open = Some(open);
        }
        Ok(Some(digest))
    }

    fn batch(&mut self, symbol: &Symbol) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = self.chunk.times.len();
        let symbols = StringArray::from_iter_values(std::iter::repeat_n(symbol.as_str(), rows));
        let take = std::mem::take::<Vec<i64>>;
        let times = TimestampNanosecondArray::from(take(&mut self.chunk.times));
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(symbols), Arc::new(times.with_timezone("UTC"))];
        for figures in &mut self.chunk.figures {
            arrays.push(Arc::new(Int64Array::from(take(figures))));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }

    fn start(&self) -> Result<Open> {
        let path = self.dir.join(format!("part-{:05}.parquet", self.done.len()));
        let (counted, schema) = (Counted::create(&path)?, Arc::clone(&self.schema));
        let writer = ArrowWriter::try_new(counted, schema, Some(properties(self.content)));
        let writer = writer.map_err(|error| write_error(&path, error))?;
        Ok(Open { path, writer, rows: 0, times: None, spans: Vec::new(), chunks: Vec::new() })
    }

    fn close(&mut self, open: Open) -> Result<()> {
        let Open { path, writer, rows, times, spans, chunks } = open;
        let counted = writer.into_inner().map_err(|error| write_error(&path, error))?;
        let (bytes, sha256) = counted.settle().map_err(io_at("flush", &path))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (first, last) = times.unwrap_or_default();
        let (first, last) = (Timestamp::from_nanos(first), Timestamp::from_nanos(last));
        self.done.push(Partition { file, bytes, sha256, rows, first, last, spans, chunks });
        Ok(())
    }

    /// Closes the last partition; all are on disk when this returns.
    pub(super) fn finish(mut self) -> Result<Vec<Partition>> {
        if let Some(open) = self.open.take() {
            self.close(open)?;
        }
        sync_dir(&self.dir)?;
        Ok(self.done)
    }
}
