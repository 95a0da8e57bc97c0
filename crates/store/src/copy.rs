//! One database into another, of the same or the other kind: whole and compared, or not at all.

use crate::{
    Database, Error, TableSum,
    database::Purpose,
    dialect,
    error::Place,
    migrate::{self, MIGRATIONS},
    open::prepare,
    pools::Pools,
    scope::Scope,
    sql::{Link, insertion, sql},
    sums::{Pages, count, sum},
    tables::{TABLES, Table},
};
use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use std::ops::ControlFlow;

/// Values of one statement; SQLite takes 32,766, PostgreSQL 65,535.
const VALUES_MAX: usize = 8_000;

/// What is told of a copy in progress: rows that are done, and rows in all; and whether it shall
/// go on.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send);

/// Copies every row into an empty database, makes it if it is a file that is not there, and
/// compares counts and digests before anything is kept.
///
/// What is written to the first database in the meantime is not copied: stop its servers first.
pub async fn copy(
    (from, to): (&Database, &Database),
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Vec<TableSum>, Error> {
    let (source, target) = (from.place(), to.place());
    if from.path().is_some_and(|path| !path.exists()) {
        return Err(Error::Missing { place: source });
    }
    let reading = Pools::open(from, Purpose::Reading).await?;
    let snapshot = reading.snapshot(Scope::House).await;
    let mut reader = snapshot.map_err(|error| source.fault(error))?;
    migrate::check(&mut reader, &source, MIGRATIONS).await?;
    dialect::check_walls(&mut reader, &source).await?;
    refuse_rows(to, &target).await?;
    let writing = prepare(to, now).await?;
    let mut writer = writing.writing(&target).await?;
    writer.enter(Scope::House).await.map_err(|error| target.fault(error))?;
    let copied =
        Copying { reader: &mut reader, source: &source, writer: &mut writer, target: &target }
            .tables(progress)
            .await;
    let sums = match copied {
        Ok(sums) => sums,
        Err(error) => {
            drop((reader, writer));
            tokio::join!(reading.close(), writing.close());
            return Err(error);
        }
    };
    writer.commit(&target).await?;
    drop(reader);
    tokio::join!(reading.close(), writing.close());
    Ok(sums)
}

/// A target that has rows is not touched, not even by a migration.
async fn refuse_rows(to: &Database, place: &Place) -> Result<(), Error> {
    if to.path().is_some_and(|path| !path.exists()) {
        return Ok(());
    }
    let fault = |error| place.fault(error);
    let pools = Pools::open(to, Purpose::Reading).await?;
    let mut link = pools.snapshot(Scope::House).await.map_err(fault)?;
    let known = dialect::tables(&mut link, place).await?;
    for table in TABLES.iter().filter(|table| known.iter().any(|name| name == table.name)) {
        let text = format!("SELECT 1 FROM {} LIMIT 1", table.name);
        let row = sql(AssertSqlSafe(text)).fetch_optional(&mut link).await.map_err(fault)?;
        if row.is_some() {
            return Err(Error::NotEmpty { place: place.clone(), table: table.name });
        }
    }
    drop(link);
    pools.close().await;
    Ok(())
}

/// Both ends of a copy.
struct Copying<'a> {
    reader: &'a mut Link,
    source: &'a Place,
    writer: &'a mut Link,
    target: &'a Place,
}

impl Copying<'_> {
    async fn tables(&mut self, progress: Progress<'_>) -> Result<Vec<TableSum>, Error> {
        let mut total = 0;
        for table in TABLES {
            total += count(self.reader, self.source, table).await?;
        }
        let mut done = 0;
        let mut sums = Vec::new();
        for table in TABLES {
            let read = self.table(table, (&mut done, total), progress).await?;
            let written = sum(self.writer, self.target, table).await?;
            if read != written {
                let problem = format!("{} rows were read, {} are there", read.rows, written.rows);
                return Err(self.unequal(table, problem));
            }
            sums.push(written);
        }
        Ok(sums)
    }

    async fn table(
        &mut self,
        table: &Table,
        (done, total): (&mut u64, u64),
        progress: Progress<'_>,
    ) -> Result<TableSum, Error> {
        let mut pages = Pages::begin(self.reader, self.source, table).await?;
        let there = dialect::columns(self.writer, self.target, table.name).await?;
        if pages.columns() != there {
            return Err(self.unequal(table, "its columns differ".to_owned()));
        }
        let width = pages.columns().len().max(1);
        loop {
            if progress(*done, total).is_break() {
                return Err(Error::Stopped { place: self.target.clone() });
            }
            let rows = pages.next(self.reader, self.source).await?;
            if rows.is_empty() {
                return Ok(pages.finish());
            }
            *done += u64::try_from(rows.len()).unwrap_or(0);
            for some in rows.chunks((VALUES_MAX / width).max(1)) {
                let names: Vec<&str> = pages.columns().iter().map(|c| c.0.as_str()).collect();
                let insert = insertion(table.name, &names, some);
                insert.execute(self.writer).await.map_err(|error| self.target.fault(error))?;
            }
        }
    }

    fn unequal(&self, table: &Table, problem: String) -> Error {
        Error::Unequal { place: self.target.clone(), table: table.name, problem }
    }
}
