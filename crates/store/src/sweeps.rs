//! Sweeps: what was asked, how far each is, how it ended. The outcomes of their sets are files.

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

/// How a sweep stands. One that runs is `Running` here as well, so that a restart finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SweepState {
    /// At work.
    Running,
    /// Stopped, by its owner or by a restart; it can go on.
    Stopped,
    /// All sets are there.
    Done,
    /// Ended by an error; it can be tried again.
    Failed {
        /// What went wrong, for a person.
        problem: String,
    },
}

impl SweepState {
    /// Its name, as stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A sweep that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewSweep<'a> {
    /// Its name for good.
    pub id: Uuid,
    /// The strategy it was started from.
    pub strategy: Uuid,
    /// What the strategy calls itself.
    pub name: &'a str,
    /// The dataset that it goes over.
    pub dataset: &'a str,
    /// How many sets it has.
    pub sets: u64,
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SweepProgress {
    /// Sets whose outcome is there.
    pub done: u64,
    /// The set with the highest Sharpe ratio among them, and that ratio.
    pub best: Option<(u64, f64)>,
}

/// A sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow {
    /// Its name for good.
    pub id: Uuid,
    /// The strategy it was started from.
    pub strategy: Option<Uuid>,
    /// What the strategy calls itself.
    pub name: String,
    /// The dataset that it goes over.
    pub dataset: String,
    /// How it stands.
    pub state: SweepState,
    /// How many sets it has.
    pub sets: u64,
    /// How far it was when it last stopped.
    pub progress: SweepProgress,
    /// When it was asked for.
    pub created: Timestamp,
}

impl Act {
    /// Adds a sweep that runs.
    pub async fn insert_sweep(
        &mut self,
        tenant: &Tenant,
        sweep: NewSweep<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (connection, place) = self.parts(tenant).await?;
        sql(
            "INSERT INTO sweeps (sweep_id, account_id, strategy_id, name, dataset_name, state, sets, sets_done, created_us)
             VALUES ($1, $2, $3, $4, $5, 'running', $6, 0, $7)",
        )
        .bind(sweep.id.to_string())
        .bind(tenant.account().to_string())
        .bind(sweep.strategy.to_string())
        .bind(sweep.name)
        .bind(sweep.dataset)
        .bind(stored(sweep.sets))
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    /// Ends a sweep that runs; whether there was such a one.
    pub async fn end_sweep(
        &mut self,
        tenant: &Tenant,
        id: Uuid,
        state: &SweepState,
        progress: SweepProgress,
    ) -> Result<bool, Error> {
        let problem = match state {
            SweepState::Failed { problem } => Some(problem),
            SweepState::Running | SweepState::Stopped | SweepState::Done => None,
        };
        let (connection, place) = self.parts(tenant).await?;
        let done = sql(
            "UPDATE sweeps SET state = $1, problem = $2, sets_done = $3, best_set = $4, best_sharpe = $5
             WHERE sweep_id = $6 AND account_id = $7 AND state = 'running'",
        )
        .bind(state.as_str())
        .bind(problem)
        .bind(stored(progress.done))
        .bind(progress.best.map(|(set, _)| stored(set)))
        .bind(progress.best.map(|(_, sharpe)| sharpe))
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }

    /// Lets a sweep that has stopped or failed run again; whether there was such a one.
    pub async fn resume_sweep(&mut self, tenant: &Tenant, id: Uuid) -> Result<bool, Error> {
        self.on_sweep(
            "UPDATE sweeps SET state = 'running', problem = NULL
             WHERE sweep_id = $1 AND account_id = $2 AND state IN ('stopped', 'failed')",
            (tenant, id),
        )
        .await
    }

    /// Removes a sweep that does not run; whether there was such a one.
    pub async fn remove_sweep(&mut self, tenant: &Tenant, id: Uuid) -> Result<bool, Error> {
        self.on_sweep(
            "DELETE FROM sweeps WHERE sweep_id = $1 AND account_id = $2 AND state <> 'running'",
            (tenant, id),
        )
        .await
    }

    async fn on_sweep(
        &mut self,
        text: &'static str,
        (tenant, id): (&Tenant, Uuid),
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql(text)
            .bind(id.to_string())
            .bind(tenant.account().to_string())
            .execute(connection)
            .await
            .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }
}

const COLUMNS: &str = "SELECT sweep_id, account_id, strategy_id, name, dataset_name, state, sets, \
                       sets_done, best_set, best_sharpe, problem, created_us FROM sweeps ";

impl Store {
    /// A person's sweeps, the newest first; at most `limit`.
    pub async fn sweeps(&self, tenant: &Tenant, limit: u32) -> Result<Vec<SweepRow>, Error> {
        let order = "WHERE account_id = $1 ORDER BY created_us DESC, sweep_id DESC LIMIT $2";
        let rows = sql(sqlx::AssertSqlSafe(format!("{COLUMNS}{order}")))
            .bind(tenant.account().to_string())
            .bind(i64::from(limit))
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| sweep(row, self.place())).collect()
    }

    /// One of a person's sweeps.
    pub async fn sweep(&self, tenant: &Tenant, id: Uuid) -> Result<Option<SweepRow>, Error> {
        let only = "WHERE sweep_id = $1 AND account_id = $2";
        let row = sql(sqlx::AssertSqlSafe(format!("{COLUMNS}{only}")))
            .bind(id.to_string())
            .bind(tenant.account().to_string())
            .fetch_optional(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| sweep(&row, self.place())).transpose()
    }

    /// Everybody's sweeps that run: after a start, those that a stop has interrupted.
    pub async fn running_sweeps(&self) -> Result<Vec<(AccountId, SweepRow)>, Error> {
        let only = "WHERE state = 'running' ORDER BY created_us";
        let rows = sql(sqlx::AssertSqlSafe(format!("{COLUMNS}{only}")))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        let pair = |row: &Row| {
            let account: String =
                row.try_get("account_id").map_err(|error| self.place().fault(error))?;
            let account = account
                .parse()
                .map_err(|e: identity::Error| self.place().damaged("sweeps", &account, e))?;
            Ok((account, sweep(row, self.place())?))
        };
        rows.iter().map(pair).collect()
    }
}

fn sweep(row: &Row, place: &Place) -> Result<SweepRow, Error> {
    let fault = |error| place.fault(error);
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(fault);
    let number = |column: &str| row.try_get::<Option<i64>, _>(column).map_err(fault);
    let name = text("sweep_id")?.unwrap_or_default();
    let uuid =
        |text: &str| Uuid::try_parse(text).map_err(|error| place.damaged("sweeps", &name, error));
    let state: String = row.try_get("state").map_err(fault)?;
    let state = match (state.as_str(), text("problem")?) {
        ("running", None) => SweepState::Running,
        ("stopped", None) => SweepState::Stopped,
        ("done", None) => SweepState::Done,
        ("failed", Some(problem)) => SweepState::Failed { problem },
        (state, _) => return Err(place.damaged("sweeps", &name, format!("state {state:?}"))),
    };
    let count = |column: &str| {
        let found = number(column)?.unwrap_or_default();
        u64::try_from(found).map_err(|error| place.damaged("sweeps", &name, error))
    };
    let sharpe: Option<f64> = row.try_get("best_sharpe").map_err(fault)?;
    let best = sharpe.map(|sharpe| Ok::<_, Error>((count("best_set")?, sharpe))).transpose()?;
    Ok(SweepRow {
        id: uuid(&name)?,
        strategy: text("strategy_id")?.as_deref().map(uuid).transpose()?,
        name: row.try_get("name").map_err(fault)?,
        dataset: row.try_get("dataset_name").map_err(fault)?,
        state,
        sets: count("sets")?,
        progress: SweepProgress { done: count("sets_done")?, best },
        created: time(row, "created_us", place)?,
    })
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
