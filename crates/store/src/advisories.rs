//! Advisories that are out: each revision as it was worded, and the report that it answers.

use crate::{
    Act, Error, Place, Store,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use disclosure::AdvisoryId;
use jiff::Timestamp;
use uuid::Uuid;

/// Revisions of one advisory, at most.
pub const REVISIONS_MAX: u32 = 99;
/// Rows that are read at once: decades of advisories.
const ROWS_MAX: i64 = 20_000;

/// A revision of an advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisoryRow {
    /// The advisory's name.
    pub id: AdvisoryId,
    /// Which revision, from 1 on.
    pub revision: u32,
    /// The report that it answers.
    pub report: Option<Uuid>,
    /// What it says.
    pub wording: String,
    /// What is new in it.
    pub note: String,
    /// The leaf of the log that holds its digest.
    pub leaf: u64,
    /// When it was published.
    pub at: Timestamp,
}

impl Store {
    /// Every revision of every advisory, in the order of their names and numbers.
    pub async fn advisories(&self) -> Result<Vec<AdvisoryRow>, Error> {
        let rows = sql("SELECT year, number, revision, report_id, wording, note, leaf_index,
             published_us FROM advisories ORDER BY year, number, revision LIMIT $1")
        .bind(ROWS_MAX)
        .fetch_all(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| advisory(row, self.place())).collect()
    }
}

impl Act {
    /// The name that the next advisory of a year has; none, if the year has as many as it may. Nobody else takes
    /// it before the end of this act.
    pub async fn next_advisory(&mut self, year: i16) -> Result<Option<AdvisoryId>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = sql("SELECT COALESCE(MAX(number), 0) FROM advisories WHERE year = $1")
            .bind(i64::from(year))
            .fetch_one(link)
            .await
            .map_err(fault)?;
        let last: i64 = row.try_get(0).map_err(fault)?;
        let next = u16::try_from(last).ok().and_then(|last| last.checked_add(1));
        Ok(next.and_then(|number| AdvisoryId::new(year, number)))
    }

    /// Keeps a revision; `false` if that one is there already, or is not the one that follows.
    pub async fn keep_advisory(&mut self, row: &AdvisoryRow) -> Result<bool, Error> {
        let statement =
            sql("INSERT INTO advisories (year, number, revision, report_id, wording, note,
             leaf_index, published_us)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE (SELECT COALESCE(MAX(revision), 0) FROM advisories
             WHERE year = $1 AND number = $2) = $3 - 1")
            .bind(i64::from(row.id.year()))
            .bind(i64::from(row.id.number()))
            .bind(i64::from(row.revision))
            .bind(row.report.map(|id| id.hyphenated().to_string()))
            .bind(&row.wording)
            .bind(&row.note)
            .bind(i64::try_from(row.leaf).unwrap_or(i64::MAX))
            .bind(row.at.as_microsecond());
        Ok(self.run(Scope::House, statement).await? == 1)
    }
}

fn advisory(row: &Row, place: &Place) -> Result<AdvisoryRow, Error> {
    let fault = |error| place.fault(error);
    let number = |column: &str| -> Result<i64, Error> { row.try_get(column).map_err(fault) };
    let (year, count) = (number("year")?, number("number")?);
    let name = format!("{year}-{count}");
    let damaged = |why: &str| place.damaged("advisories", &name, why.to_owned());
    let id = i16::try_from(year).ok().zip(u16::try_from(count).ok());
    let id = id.and_then(|(year, number)| AdvisoryId::new(year, number));
    let report: Option<String> = row.try_get("report_id").map_err(fault)?;
    let report = report.map(|text| Uuid::try_parse(&text)).transpose();
    Ok(AdvisoryRow {
        id: id.ok_or_else(|| damaged("its name is none"))?,
        revision: u32::try_from(number("revision")?)
            .map_err(|_| damaged("its revision is none"))?,
        report: report.map_err(|_| damaged("its report is none"))?,
        wording: row.try_get("wording").map_err(fault)?,
        note: row.try_get("note").map_err(fault)?,
        leaf: u64::try_from(number("leaf_index")?).map_err(|_| damaged("its leaf is none"))?,
        at: time(row, "published_us", place)?,
    })
}
