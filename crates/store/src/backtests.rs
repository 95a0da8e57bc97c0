//! Backtests: what was asked, and how it ended.

use crate::{
    Act, Error, Store,
    error::Place,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use identity::{AccountId, Tenant};
use jiff::Timestamp;
use uuid::Uuid;

/// How far a backtest is, as far as the database knows: what runs is still queued here, so that
/// a restart finds it unfinished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BacktestState {
    /// Waiting or running.
    Queued,
    /// Finished with a result.
    Done {
        /// Hash of data, strategy, convention and semantics: the result's directory.
        run_id: String,
        /// The result's summary, JSON.
        summary: String,
    },
    /// Ended without a result.
    Failed {
        /// Why, JSON.
        problem: String,
    },
    /// Stopped by its owner.
    Cancelled,
}

impl BacktestState {
    /// Its name, as stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A backtest that is asked for.
#[derive(Debug, Clone)]
pub struct NewBacktest<'a> {
    /// Its name for good.
    pub id: Uuid,
    /// The strategy it was started from, if it is a kept one.
    pub strategy: Option<Uuid>,
    /// What the strategy calls itself.
    pub name: &'a str,
    /// The strategy's text as it is run.
    pub text: &'a str,
}

/// A backtest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestRow {
    /// Its name for good.
    pub id: Uuid,
    /// The strategy it was started from, if it is a kept one.
    pub strategy: Option<Uuid>,
    /// What the strategy calls itself.
    pub name: String,
    /// How far it is.
    pub state: BacktestState,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl Act {
    /// Adds a backtest that waits.
    pub async fn insert_backtest(
        &mut self,
        tenant: &Tenant,
        backtest: &NewBacktest<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (connection, place) = self.parts(tenant).await?;
        sql(
            "INSERT INTO backtests (backtest_id, account_id, strategy_id, name, strategy_text, state, created_us)
             VALUES ($1, $2, $3, $4, $5, 'queued', $6)",
        )
        .bind(backtest.id.to_string())
        .bind(tenant.account().to_string())
        .bind(backtest.strategy.map(|id| id.to_string()))
        .bind(backtest.name)
        .bind(backtest.text)
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    /// Ends a backtest that has not ended; whether there was such a one.
    pub async fn finish_backtest(
        &mut self,
        tenant: &Tenant,
        id: Uuid,
        state: &BacktestState,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (run_id, summary, problem) = match state {
            BacktestState::Done { run_id, summary } => (Some(run_id), Some(summary), None),
            BacktestState::Failed { problem } => (None, None, Some(problem)),
            BacktestState::Queued | BacktestState::Cancelled => (None, None, None),
        };
        let (connection, place) = self.parts(tenant).await?;
        let done = sql(
            "UPDATE backtests SET state = $1, run_id = $2, summary = $3, problem = $4, finished_us = $5
             WHERE backtest_id = $6 AND account_id = $7 AND state = 'queued'",
        )
        .bind(state.as_str())
        .bind(run_id)
        .bind(summary)
        .bind(problem)
        .bind(now.as_microsecond())
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }
}

/// What is left of a backtest that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedBacktest {
    /// Its result, if it had one and no other backtest of the person has the same.
    pub result: Option<String>,
}

impl Act {
    /// Removes a backtest that is over; [`None`] if there is no such one.
    pub async fn remove_backtest(
        &mut self,
        tenant: &Tenant,
        id: Uuid,
    ) -> Result<Option<RemovedBacktest>, Error> {
        let account = tenant.account().to_string();
        let (connection, place) = self.parts(tenant).await?;
        let fault = |error| place.fault(error);
        let row = sql("DELETE FROM backtests WHERE backtest_id = $1 AND account_id = $2
               AND state <> 'queued' RETURNING run_id")
        .bind(id.to_string())
        .bind(&account)
        .fetch_optional(connection)
        .await
        .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let run_id: Option<String> = row.try_get(0).map_err(fault)?;
        let Some(run_id) = run_id else { return Ok(Some(RemovedBacktest { result: None })) };
        let other = sql("SELECT 1 FROM backtests WHERE account_id = $1 AND run_id = $2 LIMIT 1")
            .bind(account)
            .bind(&run_id)
            .fetch_optional(connection)
            .await
            .map_err(fault)?;
        Ok(Some(RemovedBacktest { result: other.is_none().then_some(run_id) }))
    }
}

const COLUMNS: &str = "SELECT backtest_id, strategy_id, name, state, run_id, problem, summary, \
                       created_us, finished_us FROM backtests ";

impl Store {
    /// A person's backtests, the newest first; at most `limit`.
    pub async fn backtests(&self, tenant: &Tenant, limit: u32) -> Result<Vec<BacktestRow>, Error> {
        let order = "WHERE account_id = $1 ORDER BY created_us DESC, backtest_id DESC LIMIT $2";
        let rows = sql(sqlx::AssertSqlSafe(format!("{COLUMNS}{order}")))
            .bind(tenant.account().to_string())
            .bind(i64::from(limit))
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| backtest(row, self.place())).collect()
    }

    /// How many backtests a person has.
    pub async fn count_backtests(&self, tenant: &Tenant) -> Result<u64, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT COUNT(*) FROM backtests WHERE account_id = $1")
            .bind(tenant.account().to_string())
            .fetch_one(&mut self.reading(tenant).await?)
            .await
            .map_err(fault)?;
        let count: i64 = row.try_get(0).map_err(fault)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// One of a person's backtests.
    pub async fn backtest(&self, tenant: &Tenant, id: Uuid) -> Result<Option<BacktestRow>, Error> {
        let only = "WHERE backtest_id = $1 AND account_id = $2";
        let row = sql(sqlx::AssertSqlSafe(format!("{COLUMNS}{only}")))
            .bind(id.to_string())
            .bind(tenant.account().to_string())
            .fetch_optional(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| backtest(&row, self.place())).transpose()
    }

    /// Whose backtests have not ended: those that a stop has interrupted.
    pub async fn unfinished_backtests(&self) -> Result<Vec<(AccountId, Uuid)>, Error> {
        let fault = |error| self.place().fault(error);
        let rows = sql("SELECT backtest_id, account_id FROM backtests WHERE state = 'queued' ORDER BY created_us")
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        let pair = |row: &Row| {
            let account: String = row.try_get("account_id").map_err(fault)?;
            let account = account
                .parse()
                .map_err(|e: identity::Error| self.place().damaged("backtests", &account, e))?;
            Ok((account, uuid(row, "backtest_id", self.place())?))
        };
        rows.iter().map(pair).collect()
    }

    /// The results that an account's backtests refer to.
    pub async fn run_ids(&self, account: AccountId) -> Result<Vec<String>, Error> {
        let rows = sql(
            "SELECT DISTINCT run_id FROM backtests WHERE account_id = $1 AND run_id IS NOT NULL ORDER BY run_id",
        )
        .bind(account.to_string())
        .fetch_all(&mut self.reading(Scope::Account(account)).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        let name = |row: &Row| row.try_get(0).map_err(|error| self.place().fault(error));
        rows.iter().map(name).collect()
    }
}

fn backtest(row: &Row, place: &Place) -> Result<BacktestRow, Error> {
    let fault = |error| place.fault(error);
    let id = uuid(row, "backtest_id", place)?;
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(fault);
    let name: String = row.try_get("state").map_err(fault)?;
    let state = match (name.as_str(), text("run_id")?, text("problem")?) {
        ("queued", None, None) => BacktestState::Queued,
        ("done", Some(run_id), None) => {
            BacktestState::Done { run_id, summary: text("summary")?.unwrap_or_default() }
        }
        ("failed", None, Some(problem)) => BacktestState::Failed { problem },
        ("cancelled", None, None) => BacktestState::Cancelled,
        (state, ..) => return Err(place.damaged("backtests", id, format!("state {state:?}"))),
    };
    let strategy = text("strategy_id")?.is_some().then(|| uuid(row, "strategy_id", place));
    let finished: Option<i64> = row.try_get("finished_us").map_err(fault)?;
    Ok(BacktestRow {
        id,
        strategy: strategy.transpose()?,
        name: row.try_get("name").map_err(fault)?,
        state,
        created: time(row, "created_us", place)?,
        finished: finished.is_some().then(|| time(row, "finished_us", place)).transpose()?,
    })
}

fn uuid(row: &Row, column: &str, place: &Place) -> Result<Uuid, Error> {
    let text: String = row.try_get(column).map_err(|error| place.fault(error))?;
    Uuid::try_parse(&text).map_err(|error| place.damaged("backtests", &text, error))
}
