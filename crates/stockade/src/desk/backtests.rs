//! Backtests: asked for, run, ended; each step an act of its own in the log.

use super::{
    Actor, Deed, Desk, Error, Result, Watch, new_id, now, results,
    run::{self, Computed},
    sha256_hex, title,
};
use identity::Tenant;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use store::{BacktestRow, BacktestState, NewBacktest};
use uuid::Uuid;

/// How a backtest ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With a result.
    Done(ResultRef),
    /// Without: a stable word and what a person reads, as JSON.
    Failed(Value),
    /// Stopped.
    Cancelled,
}

/// Where a result lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRef {
    /// Hash of data, strategy, convention and semantics.
    pub run_id: String,
    /// Digest of the outcome.
    pub digest: String,
    /// What the strategy calls itself.
    pub name: String,
    /// The directory with its files.
    pub directory: PathBuf,
    /// The figures that people look at first, JSON.
    pub summary: Value,
}

/// Backtests that a list shows.
const LISTED: u32 = 500;

impl Desk {
    /// A person's backtests, the newest first.
    pub async fn backtests(&self, tenant: &Tenant) -> Result<Vec<BacktestRow>> {
        Ok(self.store().backtests(tenant, LISTED).await?)
    }

    /// One of a person's backtests.
    pub async fn backtest(&self, tenant: &Tenant, id: Uuid) -> Result<BacktestRow> {
        let found = self.store().backtest(tenant, id).await?;
        found.ok_or(Error::NotFound { what: "backtest" })
    }

    /// Where a person's result lies, if it is theirs.
    pub async fn result_dir(&self, tenant: &Tenant, id: Uuid) -> Result<PathBuf> {
        match self.backtest(tenant, id).await?.state {
            BacktestState::Done { run_id, .. } => {
                let directory = self.paths().results(tenant.account()).join(run_id);
                results::unlinked(&directory)?;
                Ok(directory)
            }
            _ => Err(Error::NotFound { what: "result yet" }),
        }
    }

    /// Takes a backtest on: its text must be whole, so that what cannot run is refused at once.
    pub async fn queue_backtest(
        &self,
        tenant: &Tenant,
        strategy: Option<Uuid>,
        text: &str,
    ) -> Result<Uuid> {
        engine::parse_strategy(text).map_err(Error::Strategy)?;
        self.check_room(tenant).await?;
        let now = now();
        let id = new_id(now);
        let name = title(text);
        let mut act = self.store().begin().await?;
        let backtest = NewBacktest { id, strategy, name: &name, text };
        act.insert_backtest(tenant, &backtest, now).await?;
        let deed = Deed::BacktestQueued { id, text: sha256_hex(text.as_bytes()) };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(id)
    }

    /// Runs a backtest that was taken on; [`Desk::end_backtest`] is still to be called.
    pub async fn try_backtest(&self, tenant: &Tenant, text: String, watch: Watch) -> Ended {
        let results = self.paths().results(tenant.account());
        ended(&self.compute(text, results, watch).await)
    }

    /// Runs a strategy from the command line: under the owner's name where there is one.
    pub async fn run_backtest(
        &self,
        tenant: Option<&Tenant>,
        text: String,
        watch: Watch,
    ) -> Result<ResultRef> {
        let Some(tenant) = tenant else {
            let result = self.compute(text, self.paths().host_results(), watch).await?;
            let (run_id, digest) = (result.run_id.clone(), result.digest.clone());
            let deed = Deed::BacktestDone { id: new_id(now()), run_id, digest };
            self.store().begin().await?.commit(deed.entry(Actor::Host), now()).await?;
            return Ok(result);
        };
        let id = self.queue_backtest(tenant, None, &text).await?;
        let results = self.paths().results(tenant.account());
        let outcome = self.compute(text, results, watch).await;
        self.end_backtest(tenant, id, &ended(&outcome)).await?;
        outcome
    }

    /// Ends a backtest that a stop of the process has interrupted.
    pub async fn interrupt(&self, tenant: &Tenant, id: Uuid, now: Timestamp) -> Result<()> {
        let problem = json!({
            "code": "interrupted",
            "message": "interrupted by a restart of the server",
            "fix": "run it again",
        });
        let state = BacktestState::Failed { problem: problem.to_string() };
        let mut act = self.store().begin().await?;
        if act.finish_backtest(tenant, id, &state, now).await? {
            let deed = Deed::BacktestFailed { id, code: "interrupted".to_owned() };
            act.commit(deed.entry(Actor::Server), now).await?;
        }
        Ok(())
    }

    async fn compute(&self, text: String, results: PathBuf, watch: Watch) -> Result<ResultRef> {
        let desk = self.clone();
        tokio::task::spawn_blocking(move || {
            let computed = run::compute((desk.catalog(), &results), &text, &watch)?;
            // Tables that were written while the run went on lie there until they are placed.
            let Computed { run_id, digest, name, summary, files, scratch: _scratch } = computed;
            let directory = files.place(&results, &run_id)?;
            Ok(ResultRef { run_id, digest, name, directory, summary })
        })
        .await?
    }

    /// Writes how a backtest ended, unless that is written already.
    pub async fn end_backtest(&self, tenant: &Tenant, id: Uuid, ended: &Ended) -> Result<()> {
        let (state, deed, actor) = match ended {
            Ended::Done(result) => (
                BacktestState::Done {
                    run_id: result.run_id.clone(),
                    summary: result.summary.to_string(),
                },
                Deed::BacktestDone {
                    id,
                    run_id: result.run_id.clone(),
                    digest: result.digest.clone(),
                },
                Actor::Server,
            ),
            Ended::Failed(problem) => {
                let code = problem.get("code").and_then(Value::as_str).unwrap_or("failed");
                let state = BacktestState::Failed { problem: problem.to_string() };
                (state, Deed::BacktestFailed { id, code: code.to_owned() }, Actor::Server)
            }
            Ended::Cancelled => (
                BacktestState::Cancelled,
                Deed::BacktestCancelled { id },
                Actor::Account(tenant.account()),
            ),
        };
        let now = now();
        let mut act = self.store().begin().await?;
        if act.finish_backtest(tenant, id, &state, now).await? {
            act.commit(deed.entry(actor), now).await?;
        }
        Ok(())
    }
}

fn ended(outcome: &Result<ResultRef>) -> Ended {
    match outcome {
        Ok(result) => Ended::Done(result.clone()),
        Err(Error::Cancelled | Error::Engine(engine::Error::Cancelled)) => Ended::Cancelled,
        Err(error) => Ended::Failed(problem(error)),
    }
}

/// A failure in the words that a list shows.
fn problem(error: &Error) -> Value {
    let code = match error {
        Error::Strategy(_) => "strategy",
        Error::Catalog(_) => "data",
        Error::Engine(_) | Error::NoOpen { .. } | Error::NoSizes { .. } => "run",
        Error::File { .. } => "disk",
        _ => "failed",
    };
    json!({ "code": code, "message": error.to_string() })
}
