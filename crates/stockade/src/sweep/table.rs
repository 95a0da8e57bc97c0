//! The rows of a whole sweep as one table.

use super::Result;
use catalog::TableColumn as Column;
use engine::sweep::{Grid, Row};
use std::path::Path;

/// The file's name.
pub const TABLE: &str = "table.parquet";

/// Writes the table: rows by set number, the parameters' values first.
pub(super) fn write(dir: &Path, grid: &Grid, rows: &[Row]) -> Result<()> {
    let mut columns: Vec<(String, Column)> = Vec::new();
    let whole = |read: fn(&Row) -> u64| Column::Whole(rows.iter().map(read).collect());
    let money = |read: fn(&Row) -> i128| Column::Money(rows.iter().map(read).collect());
    let ratio = |read: fn(&Row) -> Option<f64>| Column::Number(rows.iter().map(read).collect());
    let text = |read: fn(&Row) -> String| Column::Text(rows.iter().map(read).collect());
    columns.push(("set".to_owned(), whole(|row| row.number)));
    for (place, axis) in grid.axes().iter().enumerate() {
        let values = rows.iter().map(|row| row.values.get(place).map(|value| value.to_f64()));
        columns.push((format!("${}", axis.name()), Column::Number(values.collect())));
    }
    let rest = [
        ("equity", money(|row| row.equity.0)),
        ("total_return", ratio(|row| row.total_return)),
        ("sharpe", ratio(|row| row.sharpe)),
        ("max_drawdown", ratio(|row| row.max_drawdown)),
        ("trades", whole(|row| row.trades)),
        ("win_rate", ratio(|row| row.win_rate)),
        ("profit_factor", ratio(|row| row.profit_factor)),
        ("fees", money(|row| row.fees.0)),
        ("turnover", ratio(|row| row.turnover)),
        ("exposure", ratio(|row| row.exposure)),
        ("fills", whole(|row| row.fills)),
        ("run_id", text(|row| row.run_id.to_string())),
        ("digest", text(|row| row.digest.to_string())),
    ];
    columns.extend(rest.map(|(name, column)| (name.to_owned(), column)));
    Ok(catalog::write_table(&dir.join(TABLE), columns)?)
}
