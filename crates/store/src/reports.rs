//! What browsers report: violations of our content security policy, counted by what they are.

use crate::{
    Act, Error, Store,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use jiff::Timestamp;

/// Kinds of violation that are kept; a flood of made-up ones pushes out the oldest.
const KEPT: i64 = 500;

/// One kind of violation and how often it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The page's path.
    pub page: String,
    /// The directive that forbade it.
    pub directive: String,
    /// What was forbidden.
    pub blocked: String,
    /// Its first characters, where the browser tells.
    pub sample: String,
    /// How often.
    pub seen: i64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

impl Act {
    /// Adds to the count of a kind of violation.
    pub async fn count_violation(&mut self, violation: &Violation) -> Result<(), Error> {
        let parts = [&violation.page, &violation.directive, &violation.blocked, &violation.sample];
        let key = hex::encode(seal::sha256(parts.map(String::as_str).join("\n").as_bytes()));
        let (connection, place) = self.parts(Scope::House).await?;
        sql(
            "INSERT INTO violations (violation_key, page, directive, blocked, sample, seen, first_us, last_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (violation_key) DO UPDATE SET seen = violations.seen + excluded.seen,
             last_us = excluded.last_us",
        )
        .bind(key)
        .bind(&violation.page)
        .bind(&violation.directive)
        .bind(&violation.blocked)
        .bind(&violation.sample)
        .bind(violation.seen)
        .bind(violation.first.as_microsecond())
        .bind(violation.last.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        sql("DELETE FROM violations WHERE violation_key NOT IN
             (SELECT violation_key FROM violations ORDER BY last_us DESC, violation_key LIMIT $1)")
        .bind(KEPT)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }
}

impl Store {
    /// All kinds of violation that are kept, the last seen first.
    pub async fn violations(&self) -> Result<Vec<Violation>, Error> {
        let rows =
            sql("SELECT page, directive, blocked, sample, seen, first_us, last_us FROM violations
             ORDER BY last_us DESC, violation_key")
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| self.violation(row)).collect()
    }

    fn violation(&self, row: &Row) -> Result<Violation, Error> {
        let fault = |error| self.place().fault(error);
        Ok(Violation {
            page: row.try_get("page").map_err(fault)?,
            directive: row.try_get("directive").map_err(fault)?,
            blocked: row.try_get("blocked").map_err(fault)?,
            sample: row.try_get("sample").map_err(fault)?,
            seen: row.try_get("seen").map_err(fault)?,
            first: time(row, "first_us", self.place())?,
            last: time(row, "last_us", self.place())?,
        })
    }
}
