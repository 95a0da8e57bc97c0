//! Rows that acts have made, with what of them the log's entries tell as well.

use crate::{
    Error, LogPage, Store,
    log::PAGE_ROWS_MAX,
    scope::Scope,
    sql::{Link, Row, sql},
};
use audit::Record;
use jiff::Timestamp;
use seal::sha256;

/// A row that an act made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActedRow {
    /// Its table.
    pub table: &'static str,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub made: Timestamp,
    /// How it stands, in the words of its table: role and standing of an account, whether a session is
    /// `live` or `over`, SHA-256 of a strategy's text, what became of a notice, the state of a licence; empty where
    /// nothing of it changes.
    pub standing: String,
}

/// What the log tells, and what stands in the tables.
#[derive(Debug)]
pub enum Acted {
    /// An entry.
    Entry(Box<Record>),
    /// A row.
    Row(ActedRow),
}

/// Table, id, time, and what else is compared. Erased accounts are nobody's any more.
const ROWS: [(&str, &str); 9] = [
    (
        "accounts",
        "SELECT account_id, created_us, role || ' ' || standing FROM accounts
         WHERE erased_us IS NULL AND account_id > $1 ORDER BY account_id LIMIT $2",
    ),
    (
        "sessions",
        "SELECT session_id, opened_us, CASE WHEN ended_us IS NULL THEN 'live' ELSE 'over' END
         FROM sessions WHERE session_id > $1 ORDER BY session_id LIMIT $2",
    ),
    (
        "credentials",
        "SELECT credential_id, created_us, '' FROM credentials
         WHERE credential_id > $1 ORDER BY credential_id LIMIT $2",
    ),
    (
        "strategies",
        "SELECT strategy_id, created_us, strategy_text FROM strategies
         WHERE strategy_id > $1 ORDER BY strategy_id LIMIT $2",
    ),
    (
        "factors",
        "SELECT factor_id, created_us, '' FROM factors
         WHERE factor_id > $1 ORDER BY factor_id LIMIT $2",
    ),
    (
        "backtests",
        "SELECT backtest_id, created_us, '' FROM backtests
         WHERE backtest_id > $1 ORDER BY backtest_id LIMIT $2",
    ),
    (
        "sweeps",
        "SELECT sweep_id, created_us, '' FROM sweeps
         WHERE sweep_id > $1 ORDER BY sweep_id LIMIT $2",
    ),
    (
        "payment_notices",
        "SELECT notice_digest, received_us, standing FROM payment_notices
         WHERE notice_digest > $1 ORDER BY notice_digest LIMIT $2",
    ),
    (
        "licences",
        "SELECT licence_id, issued_us, state FROM licences
         WHERE licence_id > $1 ORDER BY licence_id LIMIT $2",
    ),
];

const PAGE: u32 = 500;

impl Store {
    /// Hands the whole log to `each`, the newest entry first, and then every row that an act must have made, a table
    /// after the other: all of one moment, whoever acts meanwhile.
    pub async fn acted(&self, mut each: impl FnMut(Acted)) -> Result<(), Error> {
        let mut reading = self.snapshot(Scope::House).await?;
        let mut before = None;
        loop {
            let page = LogPage { before, limit: PAGE_ROWS_MAX, ..LogPage::default() };
            let records = self.log_page_by(&mut reading, &page).await?;
            let Some(last) = records.last() else { break };
            before = Some(last.index);
            for record in records {
                each(Acted::Entry(Box::new(record)));
            }
        }
        self.acted_rows(&mut reading, |row| each(Acted::Row(row))).await
    }

    async fn acted_rows(
        &self,
        reading: &mut Link,
        mut each: impl FnMut(ActedRow),
    ) -> Result<(), Error> {
        for (table, text) in ROWS {
            let mut after = String::new();
            loop {
                let rows = sql(text)
                    .bind(&after)
                    .bind(i64::from(PAGE))
                    .fetch_all(reading)
                    .await
                    .map_err(|error| self.place().fault(error))?;
                for row in &rows {
                    let row = self.acted_row(table, row)?;
                    after.clone_from(&row.id);
                    each(row);
                }
                if rows.len() < PAGE as usize {
                    break;
                }
            }
        }
        Ok(())
    }

    fn acted_row(&self, table: &'static str, row: &Row) -> Result<ActedRow, Error> {
        let fault = |error| self.place().fault(error);
        let id: String = row.try_get(0).map_err(fault)?;
        let made: i64 = row.try_get(1).map_err(fault)?;
        let made = Timestamp::from_microsecond(made)
            .map_err(|error| self.place().damaged(table, &id, error))?;
        let standing: String = row.try_get(2).map_err(fault)?;
        let standing = match table {
            "strategies" => hex::encode(sha256(standing.as_bytes())),
            _ => standing,
        };
        Ok(ActedRow { table, id, made, standing })
    }
}
