//! A plain table as a Parquet file: for figures that are no prices.

use crate::{
    Error, Result,
    disk::{io_at, sync_dir},
};
use arrow::{
    array::{ArrayRef, Decimal128Array, Float64Array, StringArray, UInt64Array},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::Arc,
};

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum TableColumn {
    /// Whole numbers.
    Whole(Vec<u64>),
    /// Numbers; `None` is null.
    Number(Vec<Option<f64>>),
    /// Exact amounts in units of 1e-8, as `decimal(38, 8)`.
    Money(Vec<i128>),
    /// Text.
    Text(Vec<String>),
}

/// Digits of an exact amount, and those after its point.
const DIGITS: (u8, i8) = (38, 8);

/// Writes columns of one length to a Parquet file: under a temporary name first, flushed, renamed.
/// The same columns give the same bytes.
pub fn write_table(path: &Path, columns: Vec<(String, TableColumn)>) -> Result<()> {
    let bytes = parquet(columns).map_err(|source| Error::Io {
        doing: "make the table",
        path: path.to_owned(),
        source,
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}"));
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(io_at("write", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn parquet(columns: Vec<(String, TableColumn)>) -> io::Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (name, column) in columns {
        let (kind, is_optional, array) = array(column)?;
        fields.push(Field::new(name, kind, is_optional));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(io::Error::other)?;
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

fn array(column: TableColumn) -> io::Result<(DataType, bool, ArrayRef)> {
    Ok(match column {
        TableColumn::Whole(values) => {
            (DataType::UInt64, false, Arc::new(UInt64Array::from(values)))
        }
        TableColumn::Number(values) => {
            (DataType::Float64, true, Arc::new(Float64Array::from(values)))
        }
        TableColumn::Money(values) => {
            let (precision, scale) = DIGITS;
            let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
            let array = array.map_err(io::Error::other)?;
            (DataType::Decimal128(precision, scale), false, Arc::new(array))
        }
        TableColumn::Text(values) => (DataType::Utf8, false, Arc::new(StringArray::from(values))),
    })
}
