//! Reports of weaknesses: sealed texts, the digests of receipts, and the course of each. What a report says is
//! opened elsewhere.

use crate::{
    Act, Error, Place, Store,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::{optional_time, time},
};
use disclosure::{Course, Moments, Severity};
use jiff::Timestamp;
use uuid::Uuid;

/// Reports that are kept; more are not taken in.
pub const REPORTS_MAX: u32 = 10_000;

/// Who sealed a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedBy {
    /// Whoever sent it: this server never had its words.
    Sender,
    /// This server, in the moment in which it came.
    Server,
}

impl SealedBy {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Server => "server",
        }
    }
}

/// A report that has just come.
#[derive(Debug, Clone, Copy)]
pub struct NewReport<'a> {
    /// Its number.
    pub id: Uuid,
    /// What is kept of its receipt.
    pub receipt_hash: &'a [u8; 32],
    /// The file of age.
    pub sealed: &'a [u8],
    /// Who made it.
    pub sealed_by: SealedBy,
    /// Whether its sender wants to be named.
    pub credit: bool,
    /// The leaf of the log that holds its digest.
    pub leaf: u64,
    /// When it came.
    pub received: Timestamp,
}

/// A report, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Its number.
    pub id: Uuid,
    /// Who sealed it.
    pub sealed_by: SealedBy,
    /// Whether its sender wants to be named.
    pub credit: bool,
    /// As whom its sender is thanked in public.
    pub thanks: Option<String>,
    /// The leaf of the log that holds its digest.
    pub leaf: u64,
    /// How often it was moved.
    pub moves: u32,
    /// Its course.
    pub course: Course,
}

const COLUMNS: &str = "SELECT report_id, sealed_by, credit, thanks, leaf_index, moves, severity,
     received_us, acknowledged_us, triaged_us, breach_us, notified_us, fixed_us, published_us,
     declined_us FROM security_reports";

impl Store {
    /// Every report, the newest first.
    pub async fn security_reports(&self) -> Result<Vec<ReportRow>, Error> {
        let text = format!("{COLUMNS} ORDER BY received_us DESC, report_id DESC");
        let rows = sql(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| report(row, self.place())).collect()
    }

    /// A report by its number.
    pub async fn security_report(&self, id: Uuid) -> Result<Option<ReportRow>, Error> {
        let text = format!("{COLUMNS} WHERE report_id = $1");
        self.one_report(sql(sqlx::AssertSqlSafe(text)).bind(id.hyphenated().to_string())).await
    }

    /// A report by what is kept of its receipt.
    pub async fn security_report_of(&self, hash: &[u8; 32]) -> Result<Option<ReportRow>, Error> {
        let text = format!("{COLUMNS} WHERE receipt_hash = $1");
        self.one_report(sql(sqlx::AssertSqlSafe(text)).bind(hash.as_slice())).await
    }

    async fn one_report(&self, statement: Statement) -> Result<Option<ReportRow>, Error> {
        let row = statement
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| report(&row, self.place())).transpose()
    }

    /// The sealed text of a report.
    pub async fn sealed_report(&self, id: Uuid) -> Result<Option<Vec<u8>>, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT sealed FROM security_reports WHERE report_id = $1")
            .bind(id.hyphenated().to_string())
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        row.map(|row| row.try_get(0)).transpose().map_err(fault)
    }
}

impl Act {
    /// Keeps a report; `false` if there are as many as there may be.
    pub async fn keep_report(&mut self, new: &NewReport<'_>) -> Result<bool, Error> {
        let row = sql("INSERT INTO security_reports (report_id, receipt_hash, sealed, sealed_by,
             credit, leaf_index, moves, received_us)
             SELECT $1, $2, $3, $4, $5, $6, 0, $7
             WHERE (SELECT COUNT(*) FROM security_reports) < $8")
        .bind(new.id.hyphenated().to_string())
        .bind(new.receipt_hash.as_slice())
        .bind(new.sealed)
        .bind(new.sealed_by.as_str())
        .bind(i64::from(new.credit))
        .bind(i64::try_from(new.leaf).unwrap_or(i64::MAX))
        .bind(new.received.as_microsecond())
        .bind(i64::from(REPORTS_MAX));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Keeps the course of a report after a move, if nobody moved it since it was read; whether it does.
    pub async fn move_report(&mut self, before: &ReportRow, after: &Course) -> Result<bool, Error> {
        let moments = after.moments();
        let micros = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
        let row = sql("UPDATE security_reports SET moves = moves + 1, severity = $1,
             acknowledged_us = $2, triaged_us = $3, breach_us = $4, notified_us = $5,
             fixed_us = $6, published_us = $7, declined_us = $8
             WHERE report_id = $9 AND moves = $10")
        .bind(moments.severity.map(|severity| severity.as_str().to_owned()))
        .bind(micros(moments.acknowledged))
        .bind(micros(moments.triaged))
        .bind(micros(moments.breach))
        .bind(micros(moments.notified))
        .bind(micros(moments.fixed))
        .bind(micros(moments.published))
        .bind(micros(moments.declined))
        .bind(before.id.hyphenated().to_string())
        .bind(i64::from(before.moves));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Thanks the sender of a report under a name, or no longer, if they wished it and the report is published;
    /// whether that is so.
    pub async fn thank_report(&mut self, id: Uuid, name: Option<&str>) -> Result<bool, Error> {
        let row = sql("UPDATE security_reports SET thanks = $1
             WHERE report_id = $2 AND credit = 1 AND published_us IS NOT NULL")
        .bind(name.map(str::to_owned))
        .bind(id.hyphenated().to_string());
        Ok(self.run(Scope::House, row).await? == 1)
    }
}

fn report(row: &Row, place: &Place) -> Result<ReportRow, Error> {
    let fault = |error| place.fault(error);
    let id: String = row.try_get("report_id").map_err(fault)?;
    let damaged = |why: &str| place.damaged("security_reports", &id, why.to_owned());
    let number = |column: &str| -> Result<i64, Error> { row.try_get(column).map_err(fault) };
    let sealed_by: String = row.try_get("sealed_by").map_err(fault)?;
    let severity: Option<String> = row.try_get("severity").map_err(fault)?;
    let severity = severity.map(|word| word.parse::<Severity>()).transpose();
    let moments = Moments {
        received: time(row, "received_us", place)?,
        acknowledged: optional_time(row, "acknowledged_us", place)?,
        triaged: optional_time(row, "triaged_us", place)?,
        severity: severity.map_err(|()| damaged("its severity is none"))?,
        breach: optional_time(row, "breach_us", place)?,
        notified: optional_time(row, "notified_us", place)?,
        fixed: optional_time(row, "fixed_us", place)?,
        published: optional_time(row, "published_us", place)?,
        declined: optional_time(row, "declined_us", place)?,
    };
    let course = Course::kept(moments);
    Ok(ReportRow {
        id: Uuid::try_parse(&id).map_err(|_| damaged("its number is none"))?,
        sealed_by: match sealed_by.as_str() {
            "sender" => SealedBy::Sender,
            "server" => SealedBy::Server,
            _ => return Err(damaged("it does not say who sealed it")),
        },
        credit: number("credit")? == 1,
        thanks: row.try_get("thanks").map_err(fault)?,
        leaf: u64::try_from(number("leaf_index")?).map_err(|_| damaged("its leaf is none"))?,
        moves: u32::try_from(number("moves")?).map_err(|_| damaged("its moves are none"))?,
        course: course.ok_or_else(|| damaged("its steps cannot have followed each other"))?,
    })
}
