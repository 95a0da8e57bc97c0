//! What a table holds, in a form that is the same for both databases: counts and digests.

use crate::{
    Error, Store,
    dialect::{self, Sort},
    error::Place,
    scope::Scope,
    sql::{Link, Row, Statement, Value, placeholders, sql},
    tables::{TABLES, Table},
};
use sqlx::AssertSqlSafe;

/// How many rows are read at a time.
const PAGE: usize = 500;

/// A table's rows in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// The table.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over its columns' names and its rows in the order of the key, hexadecimal.
    pub digest: String,
}

/// The rows of a table, page by page in the order of its key.
pub(crate) struct Pages {
    table: Table,
    columns: Vec<(String, Sort)>,
    /// The key of the last row that was read.
    last: Option<Vec<Value>>,
    rows: u64,
    digest: [u8; 32],
}

impl Store {
    /// Counts and digests of every table, all of one moment.
    pub async fn sums(&self) -> Result<Vec<TableSum>, Error> {
        let mut link = self.snapshot(Scope::House).await?;
        let mut sums = Vec::new();
        for table in TABLES {
            sums.push(sum(&mut link, self.place(), table).await?);
        }
        Ok(sums)
    }

    /// What the database itself finds wrong with its own files; nothing on a server, whose
    /// administrator has tools of their own for that.
    pub async fn flaws(&self) -> Result<Vec<String>, Error> {
        let mut link = self.reading(Scope::House).await?;
        let fault = |error| self.place().fault(error);
        if let Link::Postgres(_) = link {
            return Ok(Vec::new());
        }
        let mut flaws = Vec::new();
        for row in sql("PRAGMA integrity_check").fetch_all(&mut link).await.map_err(fault)? {
            let said: String = row.try_get(0).map_err(fault)?;
            if said != "ok" {
                flaws.push(said);
            }
        }
        for row in sql("PRAGMA foreign_key_check").fetch_all(&mut link).await.map_err(fault)? {
            let table: String = row.try_get(0).map_err(fault)?;
            flaws.push(format!("a row of {table} refers to one that is gone"));
        }
        Ok(flaws)
    }
}

/// One table's line.
pub(crate) async fn sum(link: &mut Link, place: &Place, table: &Table) -> Result<TableSum, Error> {
    let mut pages = Pages::begin(link, place, table).await?;
    while !pages.next(link, place).await?.is_empty() {}
    Ok(pages.finish())
}

/// How many rows a table has.
pub(crate) async fn count(link: &mut Link, place: &Place, table: &Table) -> Result<u64, Error> {
    let text = format!("SELECT COUNT(*) FROM {}", table.name);
    let row = sql(AssertSqlSafe(text)).fetch_one(link).await;
    let count: i64 = row.and_then(|row| row.try_get(0)).map_err(|error| place.fault(error))?;
    Ok(count.unsigned_abs())
}

impl Pages {
    pub(crate) async fn begin(
        link: &mut Link,
        place: &Place,
        table: &Table,
    ) -> Result<Self, Error> {
        let columns = dialect::columns(link, place, table.name).await?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let digest = seal::sha256(names.join("\n").as_bytes());
        Ok(Self { table: *table, columns, last: None, rows: 0, digest })
    }

    /// Names and sorts of the columns, ordered by name.
    pub(crate) fn columns(&self) -> &[(String, Sort)] {
        &self.columns
    }

    /// The next rows, with their values in the order of the columns; none at the end.
    pub(crate) async fn next(
        &mut self,
        link: &mut Link,
        place: &Place,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let fault = |error| place.fault(error);
        let found = self.statement().fetch_all(link).await.map_err(fault)?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            let values = self.columns.iter().map(|(name, sort)| value(row, name, *sort));
            let values = values.collect::<Result<Vec<_>, _>>().map_err(fault)?;
            let mut text = self.digest.to_vec();
            for value in &values {
                write(&mut text, value);
            }
            self.digest = seal::sha256(&text);
            self.rows += 1;
            rows.push(values);
        }
        if let Some(row) = found.last() {
            let of_key = |key: &&str| self.columns.iter().find(|(name, _)| name == *key);
            let columns = self.table.key.iter().filter_map(of_key);
            let last = columns.map(|(name, sort)| value(row, name, *sort));
            self.last = Some(last.collect::<Result<_, _>>().map_err(fault)?);
        }
        Ok(rows)
    }

    /// What all the rows come to.
    pub(crate) fn finish(self) -> TableSum {
        TableSum { table: self.table.name, rows: self.rows, digest: hex::encode(self.digest) }
    }

    fn statement(&self) -> Statement {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let (names, key) = (names.join(", "), self.table.key.join(", "));
        let beyond = match &self.last {
            None => String::new(),
            Some(last) => format!("WHERE ({key}) > ({})", placeholders(1, last.len())),
        };
        let text =
            format!("SELECT {names} FROM {} {beyond} ORDER BY {key} LIMIT {PAGE}", self.table.name);
        let last = self.last.iter().flatten().cloned();
        last.fold(sql(AssertSqlSafe(text)), Statement::bind)
    }
}

fn value(row: &Row, name: &str, sort: Sort) -> Result<Value, sqlx::Error> {
    Ok(match sort {
        Sort::Integer => Value::Integer(row.try_get(name)?),
        Sort::Real => Value::Real(row.try_get(name)?),
        Sort::Text => Value::Text(row.try_get(name)?),
        Sort::Blob => Value::Blob(row.try_get(name)?),
    })
}

/// A value as bytes that nothing else has: its sort, its length, itself.
fn write(out: &mut Vec<u8>, value: &Value) {
    let (tag, bytes) = match value {
        Value::Integer(Some(value)) => (1, value.to_be_bytes().to_vec()),
        Value::Real(Some(value)) => (2, value.to_bits().to_be_bytes().to_vec()),
        Value::Text(Some(value)) => (3, value.as_bytes().to_vec()),
        Value::Blob(Some(value)) => (4, value.clone()),
        Value::Integer(None) | Value::Real(None) | Value::Text(None) | Value::Blob(None) => {
            (0, Vec::new())
        }
    };
    out.push(tag);
    out.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_have_other_bytes() {
        let text = |text: &str| Value::Text(Some(text.to_owned()));
        let all = [
            vec![text("a"), text("bc")],
            vec![text("ab"), text("c")],
            vec![text("ab"), text("c"), Value::Text(None)],
            vec![text("ab"), Value::Blob(Some(b"c".to_vec()))],
            vec![text(""), Value::Text(None)],
            vec![Value::Text(None), text("")],
            vec![Value::Integer(Some(1))],
            vec![Value::Real(Some(f64::from_bits(1)))],
            vec![],
        ];
        let mut seen = std::collections::BTreeSet::new();
        for row in all {
            let mut bytes = Vec::new();
            for value in &row {
                write(&mut bytes, value);
            }
            assert!(seen.insert(bytes), "{row:?}");
        }
    }
}
