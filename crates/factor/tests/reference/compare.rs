//! Whether the crate's column is the table that the rules give.

use super::Table;
use super::known::{Grade, Level};
use market::Column;

/// The first cell that differs, in words; values that are known exactly have to be equal.
pub fn difference(
    column: &Column,
    table: &Table,
    (grade, largest): (Grade, f64),
) -> Option<String> {
    for (t, day) in table.iter().enumerate() {
        for (j, expected) in day.iter().enumerate() {
            let got = column.at(t, j);
            let alike = match expected {
                None => got.is_nan(),
                Some(expected) if grade.level >= Level::Same => got == *expected,
                // A rounding weighs what the largest number on the way weighs.
                Some(expected) => (got - expected).abs() <= 1e-9 * expected.abs() + 1e-12 * largest,
            };
            if !alike {
                let expected = expected.map_or("missing".to_owned(), |x| format!("{x:?}"));
                return Some(format!("row {t}, name {j}: {got:?} where the rules give {expected}"));
            }
        }
        if column.row(t).iter().skip(day.len()).any(|x| !x.is_nan()) {
            return Some(format!("row {t}: the padding is not missing"));
        }
    }
    (column.rows() != table.len()).then(|| format!("{} rows", column.rows()))
}
