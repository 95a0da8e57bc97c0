//! The outcomes of a sweep by column, as a page draws and sorts them.

use engine::sweep::Row;
use market::Money;
use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;

/// A measure of the table.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasureView {
    name: &'static str,
    /// `ratio`, `percent`, `money` or `count`.
    unit: &'static str,
    /// Whether `high` or `low` values are the better ones.
    better: &'static str,
}

/// How a measure is read from a row.
type Read = fn(&Row) -> Option<f64>;

/// Name, unit, which way is better, and where it stands in a row. A drawdown is never above 0.
const MEASURES: [(&str, &str, &str, Read); 10] = [
    ("sharpe", "ratio", "high", |row| row.sharpe),
    ("total_return", "percent", "high", |row| row.total_return),
    ("max_drawdown", "percent", "high", |row| row.max_drawdown),
    ("profit_factor", "ratio", "high", |row| row.profit_factor),
    ("win_rate", "percent", "high", |row| row.win_rate),
    ("trades", "count", "high", |row| Some(count(row.trades))),
    ("final_equity", "money", "high", |row| Some(row.equity.to_f64())),
    ("fees", "money", "low", |row| Some(row.fees.to_f64())),
    ("turnover", "ratio", "low", |row| row.turnover),
    ("exposure", "percent", "low", |row| row.exposure),
];

/// The measures that the table has.
pub(super) fn measures() -> Vec<MeasureView> {
    MEASURES.iter().map(|(name, unit, better, _)| MeasureView { name, unit, better }).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a count for a page, far below 2^53")]
fn count(value: u64) -> f64 {
    value as f64
}

/// The table as the pages read all their tables. A column of a parameter is `$` and its name: a
/// parameter may be called as a measure is.
#[derive(Serialize)]
struct Table<'a> {
    total: usize,
    from: usize,
    rows: usize,
    columns: Columns<'a>,
}

struct Columns<'a>(&'a [String], &'a [Row]);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(names, rows) = self;
        let mut map = serializer.serialize_map(Some(1 + names.len() + MEASURES.len()))?;
        map.serialize_entry("set", &rows.iter().map(|row| row.number).collect::<Vec<_>>())?;
        for (place, name) in names.iter().enumerate() {
            let value = |row: &Row| row.values.get(place).copied().map(Money::to_f64);
            let column: Vec<Option<f64>> = rows.iter().map(value).collect();
            map.serialize_entry(&format!("${name}"), &column)?;
        }
        for (name, _, _, read) in MEASURES {
            // JSON has no infinity: a profit factor without losers has no figure.
            let column: Vec<Option<f64>> =
                rows.iter().map(|row| read(row).filter(|value| value.is_finite())).collect();
            map.serialize_entry(name, &column)?;
        }
        map.end()
    }
}

/// The finished sets as JSON; `names` are those of the axes.
pub(super) fn columns(names: &[String], rows: &[Row]) -> Result<Vec<u8>, serde_json::Error> {
    let columns = Columns(names, rows);
    serde_json::to_vec(&Table { total: rows.len(), from: 0, rows: rows.len(), columns })
}
