//! Tables of a run: CSV on disk, columns of JSON for the page. The schema says what a column holds.

use catalog::is_formula;
use market::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{collections::BTreeMap, io::Write};

/// What the cells of a column are. An empty cell is a value that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// An exact decimal: as text on disk, as the nearest double on the page.
    Figure,
    /// A moment: as the result document writes it on disk, microseconds since 1970 on the page.
    Time,
    /// A text; on the page a place in the list of those that occur.
    Words,
}

/// The columns of a table in their order; programs may rely on it.
pub type Schema = [(&'static str, Kind)];

/// A stored table that cannot be read again.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is no CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// Its columns are others.
    #[error("the columns are {found}, not {wanted}")]
    Columns {
        /// Those of the file.
        found: String,
        /// Those of the schema.
        wanted: String,
    },
    /// A cell does not hold what its column is for.
    #[error("row {row}, {column}: {text:?} cannot be read")]
    Cell {
        /// The row, from 1.
        row: usize,
        /// The column's name.
        column: &'static str,
        /// What is there.
        text: String,
    },
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A table as CSV: RFC 4180 with a header row. A text that a spreadsheet would take for a formula
/// begins with an apostrophe, which spreadsheets do not show.
pub fn to_csv(
    schema: &'static Schema,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<Vec<u8>, csv::Error> {
    let mut table = TableWriter::new(schema, Vec::new())?;
    rows.into_iter().try_for_each(|row| table.row(row))?;
    table.finish()
}

/// A table as CSV, row by row, into whatever takes bytes.
#[derive(Debug)]
pub struct TableWriter<W: Write> {
    schema: &'static Schema,
    writer: csv::Writer<W>,
}

impl<W: Write> TableWriter<W> {
    /// Begins with the header row.
    pub fn new(schema: &'static Schema, to: W) -> Result<Self, csv::Error> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
        writer.write_record(schema.iter().map(|(name, _)| name))?;
        Ok(Self { schema, writer })
    }

    /// One more row.
    pub fn row(&mut self, mut row: Vec<String>) -> Result<(), csv::Error> {
        let words = row.iter_mut().zip(self.schema).filter(|(_, (_, kind))| *kind == Kind::Words);
        words.for_each(|(cell, _)| harmless(cell));
        self.writer.write_record(&row)
    }

    /// What took the bytes, with all of them.
    pub fn finish(self) -> Result<W, csv::Error> {
        self.writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// Puts an apostrophe before a text that a spreadsheet would take for a formula.
pub(super) fn harmless(cell: &mut String) {
    if is_formula(cell) {
        cell.insert(0, '\'');
    }
}

fn plain(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(text)
}

/// The columns of a table, or of a part of its rows.
#[derive(Debug, Serialize)]
pub struct Columns {
    /// Rows of the whole table.
    pub total: usize,
    /// The place of the first row that is here, from 0.
    pub from: usize,
    /// Rows that are here.
    pub rows: usize,
    #[serde(rename = "columns", serialize_with = "as_map")]
    cells: Vec<(&'static str, Cells)>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Cells {
    Count(Vec<Option<u64>>),
    Figure(Vec<Option<f64>>),
    Time(Vec<Option<i64>>),
    Words(Texts),
}

/// Texts, each once, and which of them stands in each row.
#[derive(Debug, Default, Serialize)]
struct Texts {
    words: Vec<String>,
    places: Vec<Option<u32>>,
    #[serde(skip)]
    known: BTreeMap<String, u32>,
}

fn as_map<S: Serializer>(
    columns: &[(&'static str, Cells)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(columns.len()))?;
    for (name, cells) in columns {
        map.serialize_entry(name, cells)?;
    }
    map.end()
}

impl Columns {
    /// None yet.
    #[must_use]
    pub fn new(schema: &Schema, from: usize) -> Self {
        let empty = |kind| match kind {
            Kind::Count => Cells::Count(Vec::new()),
            Kind::Figure => Cells::Figure(Vec::new()),
            Kind::Time => Cells::Time(Vec::new()),
            Kind::Words => Cells::Words(Texts::default()),
        };
        let cells = schema.iter().map(|(name, kind)| (*name, empty(*kind))).collect();
        Self { total: 0, from, rows: 0, cells }
    }

    /// At most `count` rows of a stored table, from place `from` on.
    pub fn read(
        schema: &Schema,
        csv: &[u8],
        (from, count): (usize, usize),
    ) -> Result<Self, TableError> {
        let mut reader = csv::Reader::from_reader(csv);
        let wanted: Vec<&str> = schema.iter().map(|(name, _)| *name).collect();
        let found = reader.headers()?;
        if found.iter().ne(wanted.iter().copied()) {
            let found = found.iter().collect::<Vec<_>>().join(",");
            return Err(TableError::Columns { found, wanted: wanted.join(",") });
        }
        let mut columns = Self::new(schema, from);
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            if (from..from.saturating_add(count)).contains(&columns.total) {
                columns.push(&record)?;
            }
            columns.total += 1;
        }
        Ok(columns)
    }

    /// Adds a row as a stored table has it.
    fn push(&mut self, record: &csv::StringRecord) -> Result<(), TableError> {
        self.rows += 1;
        for ((name, cells), text) in self.cells.iter_mut().zip(record) {
            cells.push(text).ok_or_else(|| TableError::Cell {
                row: self.total + 1,
                column: name,
                text: text.to_owned(),
            })?;
        }
        Ok(())
    }

    /// Adds a row; its cells are those of [`to_csv`].
    pub fn add(&mut self, row: &[String]) -> Result<(), TableError> {
        self.push(&csv::StringRecord::from(row))?;
        self.total += 1;
        Ok(())
    }

    /// As compact JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, TableError> {
        Ok(serde_json::to_vec(self)?)
    }
}

impl Cells {
    /// `None` where the text is not of the column's kind.
    fn push(&mut self, text: &str) -> Option<()> {
        let none = text.is_empty();
        match self {
            Self::Count(cells) => cells.push(if none { None } else { Some(text.parse().ok()?) }),
            Self::Figure(cells) => cells.push(if none { None } else { Some(text.parse().ok()?) }),
            Self::Time(cells) if none => cells.push(None),
            Self::Time(cells) => {
                let time: Timestamp = text.parse().ok()?;
                cells.push(Some(time.nanos().div_euclid(1000)));
            }
            Self::Words(words) if none => words.places.push(None),
            Self::Words(words) => words.push(plain(text))?,
        }
        Some(())
    }
}

impl Texts {
    fn push(&mut self, text: &str) -> Option<()> {
        let place = if let Some(place) = self.known.get(text) {
            *place
        } else {
            let place = u32::try_from(self.words.len()).ok()?;
            self.words.push(text.to_owned());
            self.known.insert(text.to_owned(), place);
            place
        };
        self.places.push(Some(place));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: [(&str, Kind); 4] =
        [("n", Kind::Count), ("price", Kind::Figure), ("time", Kind::Time), ("why", Kind::Words)];

    fn row(cells: [&str; 4]) -> Vec<String> {
        cells.map(str::to_owned).into()
    }

    fn table(rows: &[[&str; 4]]) -> Vec<u8> {
        to_csv(&SCHEMA, rows.iter().map(|cells| row(*cells))).expect("writes")
    }

    #[test]
    fn a_table_is_quoted_where_it_must_be_and_never_a_formula() {
        let check = |why: &str, want: &str| {
            let csv = table(&[["1", "-2.50", "2020-01-02", why]]);
            let text = String::from_utf8(csv.clone()).expect("UTF-8");
            assert_eq!(text, format!("n,price,time,why\r\n1,-2.50,2020-01-02,{want}\r\n"));
            let read = Columns::read(&SCHEMA, &csv, (0, 9)).expect("reads");
            let json = serde_json::to_value(&read).expect("JSON");
            assert_eq!(json["columns"]["why"]["words"], json!([why]), "comes back as it was");
        };
        check("plain", "plain");
        check("a, b", "\"a, b\"");
        check("say \"no\"", "\"say \"\"no\"\"\"");
        check("=1+1", "'=1+1");
        check("@SUM", "'@SUM");
        check("-A1", "'-A1");
        check("+1", "'+1");
        check("\tx", "'\tx");
        check("\r1", "\"'\r1\"");
        check("\n=1", "\"'\n=1\"");
        check("\u{ff1d}1", "'\u{ff1d}1");
        check("\u{ff20}x", "'\u{ff20}x");
        check("'quoted'", "'quoted'");
        check("'=1", "''=1");
    }

    #[test]
    fn columns_hold_numbers_microseconds_and_each_word_once() {
        let csv = table(&[
            ["1", "0.1", "1970-01-01T00:00:01.5Z", "b"],
            ["2", "", "", ""],
            ["3", "123456789.12345678", "2020-01-02", "a"],
            ["4", "1", "2020-01-02", "b"],
        ]);
        let check = |part: (usize, usize), want: serde_json::Value| {
            let read = Columns::read(&SCHEMA, &csv, part).expect("reads");
            let json: serde_json::Value =
                serde_json::from_slice(&read.to_json().expect("JSON")).expect("JSON");
            assert_eq!(json, want);
        };
        check(
            (0, 3),
            json!({ "total": 4, "from": 0, "rows": 3, "columns": {
                "n": [1, 2, 3],
                "price": [0.1, null, 123_456_789.123_456_78],
                "time": [1_500_000, null, 1_577_923_200_000_000_i64],
                "why": { "words": ["b", "a"], "places": [0, null, 1] },
            } }),
        );
        check(
            (3, usize::MAX),
            json!({ "total": 4, "from": 3, "rows": 1, "columns": {
                "n": [4], "price": [1.0], "time": [1_577_923_200_000_000_i64],
                "why": { "words": ["b"], "places": [0] },
            } }),
        );
        check(
            (9, 9),
            json!({ "total": 4, "from": 9, "rows": 0, "columns": {
                "n": [], "price": [], "time": [], "why": { "words": [], "places": [] },
            } }),
        );
    }

    #[test]
    fn a_table_of_another_shape_is_refused() {
        let check = |csv: &str, want: &str| {
            let refused = Columns::read(&SCHEMA, csv.as_bytes(), (0, 9)).expect_err("refused");
            assert_eq!(refused.to_string(), want);
        };
        check("n,price\r\n", "the columns are n,price, not n,price,time,why");
        check("n,price,time,why\r\n1,2,x,y\r\n", "row 1, time: \"x\" cannot be read");
        check("n,price,time,why\r\n1,2,,y\r\n-1,2,,y\r\n", "row 2, n: \"-1\" cannot be read");
    }
}
