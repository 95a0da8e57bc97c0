//! Small panels for the tests.

use market::{Column, Labels, Panel, Timestamp};

pub(crate) const NAN: f64 = f64::NAN;

/// The rows of a column, padded.
pub(crate) fn column<R: AsRef<[f64]>>(rows: &[R]) -> Column {
    let mut column = Column::missing(rows.len(), rows.first().map_or(0, |row| row.as_ref().len()));
    for (t, row) in rows.iter().enumerate() {
        for (j, value) in row.as_ref().iter().enumerate() {
            column.set(t, j, *value);
        }
    }
    column
}

/// A panel of days with the closes.
pub(crate) fn panel<R: AsRef<[f64]>>(close: &[R]) -> Panel {
    let day = 86_400_000_000_000;
    let times = (0..close.len())
        .map(|t| Timestamp::from_nanos(day * (19_723 + i64::try_from(t).expect("a few rows"))));
    let names = close.first().map_or(0, |row| row.as_ref().len());
    let symbols = (0..names).map(|j| format!("N{j}").parse().expect("a symbol")).collect();
    let mut panel = Panel::new(times.collect(), symbols);
    panel.insert("close", column(close)).expect("the same shape");
    panel
}

/// The same labels on every row; an empty text is none.
pub(crate) fn labels(rows: usize, names: &[&str]) -> Labels {
    let mut labels = Labels::missing(rows, names.len());
    let mut distinct: Vec<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    for t in 0..rows {
        for (j, name) in names.iter().enumerate() {
            if let Some(code) = distinct.iter().position(|one| one == name) {
                labels.set(t, j, u32::try_from(code).expect("a few labels"));
            }
        }
    }
    labels.names = distinct.into_iter().map(str::to_owned).collect();
    labels
}
