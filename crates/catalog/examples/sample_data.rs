//! Makes the sample data of this repository from the original CSV files.
//!
//! `cargo run -p catalog --example sample_data -- SRC_DIR OUT_DIR`; see `data/README.md`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a command of the house: reads files, writes files, says what it wrote"
)]

use arrow::{
    array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray},
    error::ArrowError,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{error::Error, fs::File, path::Path, sync::Arc};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Splits of the five stocks in these years, by their ex-dates.
const ACTIONS: &str = "symbol,date,action,numerator,denominator
AAPL,2000-06-21,split,2,1
AAPL,2005-02-28,split,2,1
MSFT,2003-02-18,split,2,1
";

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: sample_data SRC_DIR OUT_DIR".into());
    };
    let (source, target) = (Path::new(source), Path::new(target));
    let stocks = stocks(&source.join("us_stocks_daily_2000_2013.csv"))?;
    write(&target.join("us_stocks_daily.parquet"), &stocks)?;
    let rates = rates(&source.join("ecb_fx_daily_1999_on.csv"))?;
    write(&target.join("ecb_fx_daily.parquet"), &rates)?;
    std::fs::write(target.join("corporate_actions.csv"), ACTIONS)?;
    Ok(())
}

/// Days since 1970.
fn day(text: &str) -> Fallible<i32> {
    let date: jiff::civil::Date = text.parse()?;
    Ok(date.since(jiff::civil::date(1970, 1, 1))?.get_days())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter(columns)
}

/// All rows and columns as they are.
fn stocks(path: &Path) -> Fallible<RecordBatch> {
    let (mut dates, mut symbols, mut volume) = (Vec::new(), Vec::new(), Vec::new());
    let mut prices = [const { Vec::new() }; 5];
    for record in csv::Reader::from_path(path)?.records() {
        let record = record?;
        let cell = |i| record.get(i).ok_or("a short line");
        dates.push(day(cell(0)?)?);
        symbols.push(cell(1)?.to_owned());
        for (column, i) in prices.iter_mut().zip([2, 3, 4, 5, 7]) {
            column.push(cell(i)?.parse::<f64>()?);
        }
        volume.push(cell(6)?.parse::<i64>()?);
    }
    let [open, high, low, close, adj_close] = prices.map(|p| Arc::new(Float64Array::from(p)));
    Ok(batch(vec![
        ("date", Arc::new(Date32Array::from(dates))),
        ("symbol", Arc::new(StringArray::from(symbols))),
        ("open", open),
        ("high", high),
        ("low", low),
        ("close", close),
        ("volume", Arc::new(Int64Array::from(volume))),
        ("adj_close", adj_close),
    ])?)
}

/// One row a date and currency, in order of symbol and date; days without a quote are left out.
fn rates(path: &Path) -> Fallible<RecordBatch> {
    let mut reader = csv::Reader::from_path(path)?;
    let currencies: Vec<String> = reader.headers()?.iter().skip(1).map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let date = day(record.get(0).ok_or("a short line")?)?;
        for (currency, cell) in currencies.iter().zip(record.iter().skip(1)) {
            if !cell.is_empty() {
                rows.push((format!("EUR{currency}"), date, cell.parse::<f64>()?));
            }
        }
    }
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let dates = rows.iter().map(|row| row.1).collect::<Vec<_>>();
    let symbols = rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>();
    let values = rows.iter().map(|row| row.2).collect::<Vec<_>>();
    Ok(batch(vec![
        ("date", Arc::new(Date32Array::from(dates))),
        ("symbol", Arc::new(StringArray::from(symbols))),
        ("rate", Arc::new(Float64Array::from(values))),
    ])?)
}

fn write(path: &Path, batch: &RecordBatch) -> Fallible<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(19)?))
        .set_created_by("stockade sample_data".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    eprintln!("{}: {} rows", path.display(), batch.num_rows());
    Ok(())
}
