//! Wide CSV: a row a date, a column a symbol.

use crate::{Result, disk::write_whole};
use market::{Column, Symbol, Timestamp};
use std::path::Path;

/// Writes one column as CSV and returns its bytes; the file appears whole or not at all.
///
/// The header is `date` and the symbols; a missing value is empty; a number is the shortest
/// text that reads back as the same `f64`, without a needless `.0`. Rows and names beyond the
/// column's shape are empty.
pub fn write_wide(
    path: &Path,
    times: &[Timestamp],
    symbols: &[Symbol],
    column: &Column,
) -> Result<u64> {
    let mut text = String::with_capacity(times.len().saturating_mul(symbols.len()) * 12 + 1024);
    text.push_str("date");
    for symbol in symbols {
        text.push(',');
        text.push_str(symbol.as_str());
    }
    text.push('\n');
    let mut digits = zmij::Buffer::new();
    for (t, time) in times.iter().enumerate() {
        text.push_str(&time.to_string());
        let row = column.row(t);
        for j in 0..symbols.len() {
            text.push(',');
            if let Some(value) = row.get(j).filter(|value| value.is_finite()) {
                let shortest = digits.format_finite(*value);
                text.push_str(shortest.strip_suffix(".0").unwrap_or(shortest));
            }
        }
        text.push('\n');
    }
    write_whole(path, text.as_bytes())?;
    Ok(text.len() as u64)
}
