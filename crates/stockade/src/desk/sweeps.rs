//! Sweeps of a person: asked for, run, ended; each step an act of its own in the log.

use super::{
    Actor, Deed, Desk, Error, Result, SweepAct, Watch, new_id, now, results, sha256_hex,
    sweep_plan::{SweepFault, SweepWords, bars_of, grid_of},
};
use crate::sweep::{self, Means, Order};
use engine::{
    Template,
    strategy::plain_decimal,
    sweep::{Grid, Row, Shard},
};
use identity::{AccountId, Tenant};
use market::Money;
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};
use store::{NewSweep, SweepProgress, SweepRow, SweepState};
use uuid::Uuid;

/// How a sweep ended, for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SweepEnded {
    /// The outcomes of all sets are there.
    Done,
    /// It was asked to stop.
    Stopped,
    /// Something went wrong, in words.
    Failed(String),
}

/// A sweep that is asked for: what it would do, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    strategy: Uuid,
    text: String,
    words: SweepWords,
    /// What the strategy calls itself, and its dataset.
    name: String,
    dataset: String,
    /// The strategy's parameters with its own values.
    pub parameters: Vec<(String, String)>,
    /// How many sets it has; `None` where something is wrong.
    pub sets: Option<u64>,
    /// Bars that each set goes over.
    pub bars: Option<u64>,
    /// What is wrong; one without faults can be started.
    pub faults: Vec<SweepFault>,
}

/// What a sweep goes over.
#[derive(Debug, Clone)]
pub struct SweepAbout {
    /// Currency of the account.
    pub currency: String,
    /// Swept parameters with their values.
    pub axes: Vec<(String, Vec<String>)>,
    /// The other parameters.
    pub fixed: Vec<(String, String)>,
    /// The conditions.
    pub conditions: Vec<String>,
}

/// One set of a sweep.
#[derive(Debug, Clone)]
pub struct SweepSet {
    /// The values of its parameters, the swept ones first.
    pub values: Vec<(String, String)>,
    /// The strategy with these values written in.
    pub text: String,
    /// The run id of its backtest, once it is run.
    pub run_id: Option<String>,
}

/// Bytes for the sets that one sweep runs at once.
const MEMORY_BYTES: u64 = 256 << 20;
/// Sweeps that a person may keep.
const KEPT_MAX: u32 = 200;

impl Desk {
    /// A person's sweeps, the newest first.
    pub async fn sweeps(&self, tenant: &Tenant) -> Result<Vec<SweepRow>> {
        Ok(self.store().sweeps(tenant, KEPT_MAX).await?)
    }

    /// One of a person's sweeps.
    pub async fn sweep_row(&self, tenant: &Tenant, id: Uuid) -> Result<SweepRow> {
        let found = self.store().sweep(tenant, id).await?;
        found.ok_or(Error::NotFound { what: "sweep" })
    }

    /// Looks at a sweep that is asked for of one of a person's strategies.
    pub async fn plan_sweep(
        &self,
        tenant: &Tenant,
        strategy: Uuid,
        words: SweepWords,
    ) -> Result<SweepPlan> {
        let text = self.strategy(tenant, strategy).await?.text;
        let desk = self.clone();
        tokio::task::spawn_blocking(move || Ok(desk.planned(strategy, text, words))).await?
    }

    fn planned(&self, strategy: Uuid, text: String, words: SweepWords) -> SweepPlan {
        let mut plan = SweepPlan {
            strategy,
            name: super::title(&text),
            dataset: String::new(),
            parameters: Vec::new(),
            sets: None,
            bars: None,
            faults: Vec::new(),
            text,
            words,
        };
        let template = match Template::parse(&plan.text) {
            Ok(template) => template,
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                plan.faults.push(SweepFault::at("strategy", first));
                return plan;
            }
        };
        let own = template.parameters().iter();
        plan.parameters = own.map(|one| (one.name.clone(), plain_decimal(one.default))).collect();
        plan.dataset.clone_from(&template.strategy().data);
        match self.catalog().manifest(&plan.dataset) {
            Ok(manifest) => plan.bars = Some(bars_of(&manifest, template.strategy())),
            Err(error) => plan.faults.push(SweepFault::at("strategy", error.to_string())),
        }
        match grid_of(&template, &plan.words) {
            Ok(grid) => plan.sets = Some(grid.sets()),
            Err(faults) => plan.faults.extend(faults),
        }
        plan
    }
}

impl Desk {
    fn sweep_dir(&self, account: AccountId, id: Uuid) -> PathBuf {
        self.paths().sweeps(account).join(id.to_string())
    }

    /// Takes a sweep on; [`Desk::run_sweep`] and [`Desk::end_sweep`] are still to be called.
    pub async fn start_sweep(&self, tenant: &Tenant, plan: SweepPlan) -> Result<Uuid> {
        if self.store().sweeps(tenant, KEPT_MAX).await?.len() >= KEPT_MAX as usize {
            return Err(Error::Limit { what: "sweeps", limit: KEPT_MAX as usize });
        }
        self.check_room(tenant).await?;
        let now = now();
        let id = new_id(now);
        let directory = self.sweep_dir(tenant.account(), id);
        let SweepPlan { strategy, text, words, name, dataset, .. } = plan;
        let (hash, desk) = (sha256_hex(text.as_bytes()), self.clone());
        let sets = tokio::task::spawn_blocking(move || {
            let (axes, conditions) = (words.axes(), words.conditions);
            let (axes, conditions) = (axes.as_slice(), conditions.as_slice());
            let order = Order { text: &text, axes, conditions, shard: Shard::WHOLE };
            // Begun and stopped at once: whatever is wrong with the data is told here and now.
            let stopped = Watch::new(|_, _| (), Arc::new(AtomicBool::new(true)));
            sweep::start(desk.catalog(), &directory, &order, (&means(), &stopped))
        })
        .await??
        .sets;
        // Without its row the directory is nobody's, and the next start removes it.
        let mut act = self.store().begin().await?;
        let sweep = NewSweep { id, strategy, name: &name, dataset: &dataset, sets };
        act.insert_sweep(tenant, sweep, now).await?;
        let deed = Deed::Sweep { id, act: SweepAct::Started { text: hash, sets } };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(id)
    }

    /// Lets a sweep that has stopped or failed go on; [`Desk::run_sweep`] is still to be called.
    pub async fn resume_sweep(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let mut act = self.store().begin().await?;
        if !act.resume_sweep(tenant, id).await? {
            drop(act);
            let state = self.sweep_row(tenant, id).await?.state;
            return Err(Error::SweepState { state: state.as_str(), wanted: "stopped or failed" });
        }
        let deed = Deed::Sweep { id, act: SweepAct::Resumed };
        act.commit(deed.entry(Actor::Account(tenant.account())), now()).await?;
        Ok(())
    }

    /// Works on a sweep until all sets are there, it is stopped, or something goes wrong.
    pub async fn run_sweep(&self, tenant: &Tenant, id: Uuid, watch: Watch) -> SweepEnded {
        let (desk, directory) = (self.clone(), self.sweep_dir(tenant.account(), id));
        let work = move || sweep::resume(desk.catalog(), &directory, (&means(), &watch));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(state)) if state.is_complete() => SweepEnded::Done,
            Ok(Ok(_)) => SweepEnded::Stopped,
            Ok(Err(error)) => {
                tracing::error!(%id, %error, "a sweep failed");
                SweepEnded::Failed(told(&error))
            }
            Err(error) => SweepEnded::Failed(Error::from(error).to_string()),
        }
    }

    /// Writes how a sweep ended, unless that is written already.
    pub async fn end_sweep(&self, tenant: &Tenant, id: Uuid, ended: &SweepEnded) -> Result<()> {
        let rows = self.rows_of(tenant.account(), id).await;
        // What cannot be read again is told where it is asked for.
        let progress = progress(rows.as_deref().unwrap_or_default());
        let done = progress.done;
        let (state, what) = match ended {
            SweepEnded::Done => (SweepState::Done, SweepAct::Done { sets: done }),
            SweepEnded::Stopped => (SweepState::Stopped, SweepAct::Stopped { done }),
            SweepEnded::Failed(problem) => {
                let problem = problem.clone();
                (SweepState::Failed { problem }, SweepAct::Failed { done })
            }
        };
        let mut act = self.store().begin().await?;
        if act.end_sweep(tenant, id, &state, progress).await? {
            let deed = Deed::Sweep { id, act: what };
            act.commit(deed.entry(Actor::Server), now()).await?;
        }
        Ok(())
    }

    /// Removes a sweep that does not run, with its outcomes.
    pub async fn remove_sweep(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let mut act = self.store().begin().await?;
        if !act.remove_sweep(tenant, id).await? {
            drop(act);
            let state = self.sweep_row(tenant, id).await?.state;
            return Err(Error::SweepState { state: state.as_str(), wanted: "at rest" });
        }
        let deed = Deed::Sweep { id, act: SweepAct::Removed };
        act.commit(deed.entry(Actor::Account(tenant.account())), now()).await?;
        // The row is gone; what a kill leaves of the directory goes at the next start.
        let directory = self.sweep_dir(tenant.account(), id);
        tokio::task::spawn_blocking(move || results::remove_directory(&directory)).await?
    }

    /// What one of a person's sweeps goes over.
    pub async fn sweep_about(&self, tenant: &Tenant, id: Uuid) -> Result<SweepAbout> {
        let (template, grid) = self.sweep_parts(tenant, id).await?;
        let plain = |values: &[Money]| values.iter().map(|value| plain_decimal(*value)).collect();
        let axes = grid.axes().iter().map(|axis| (axis.name().to_owned(), plain(axis.values())));
        Ok(SweepAbout {
            currency: template.strategy().currency.to_string(),
            axes: axes.collect(),
            fixed: fixed(&template, &grid),
            conditions: grid.conditions().iter().map(ToString::to_string).collect(),
        })
    }

    /// The finished sets of one of a person's sweeps by number, and the names of its axes.
    pub async fn sweep_rows(&self, tenant: &Tenant, id: Uuid) -> Result<(Vec<String>, Vec<Row>)> {
        let (_, grid) = self.sweep_parts(tenant, id).await?;
        let names = grid.axes().iter().map(|axis| axis.name().to_owned()).collect();
        Ok((names, self.rows_of(tenant.account(), id).await?))
    }

    /// One set of one of a person's sweeps.
    pub async fn sweep_set(&self, tenant: &Tenant, id: Uuid, number: u64) -> Result<SweepSet> {
        let (template, grid) = self.sweep_parts(tenant, id).await?;
        let values = grid.values(number).map_err(|_| Error::NotFound { what: "set" })?;
        let named = grid.named(&values);
        let text = template.text_with(&named).map_err(Error::Strategy)?;
        let swept = named.iter().map(|(name, value)| ((*name).to_owned(), plain_decimal(*value)));
        let values = swept.chain(fixed(&template, &grid)).collect();
        let rows = self.rows_of(tenant.account(), id).await?;
        let row = rows.iter().find(|row| row.number == number);
        Ok(SweepSet { values, text, run_id: row.map(|row| row.run_id.to_string()) })
    }

    /// What was asked, if it is the person's.
    async fn sweep_parts(&self, tenant: &Tenant, id: Uuid) -> Result<(Template, Grid)> {
        self.sweep_row(tenant, id).await?;
        let directory = self.sweep_dir(tenant.account(), id);
        let work = move || sweep::meta(&directory)?.parts();
        Ok(tokio::task::spawn_blocking(work).await??)
    }

    async fn rows_of(&self, account: AccountId, id: Uuid) -> Result<Vec<Row>> {
        let directory = self.sweep_dir(account, id);
        Ok(tokio::task::spawn_blocking(move || sweep::rows(&directory)).await??)
    }

    /// Sweeps that a stop has interrupted are stopped, and directories without a row go.
    pub(super) async fn settle_sweeps(&self) -> Result<()> {
        for (account, row) in self.store().running_sweeps().await? {
            self.end_sweep(&Tenant::host(account), row.id, &SweepEnded::Stopped).await?;
        }
        for account in self.tenants()? {
            let known = self.store().sweeps(&Tenant::host(account), u32::MAX).await?;
            let is_known = |name: &str| known.iter().any(|row| row.id.to_string() == name);
            results::sweep(&self.paths().sweeps(account), is_known)?;
        }
        Ok(())
    }
}

/// A failure in the words of a page: where its files lie is for the server's log.
fn told(error: &sweep::Error) -> String {
    use sweep::Error as E;
    match error {
        E::DataChanged { data, .. } => format!(
            "{data} has changed since the sweep was started: bring the old data back, or start a new sweep"
        ),
        E::Semantics { then, now } => format!(
            "the sweep was made by an engine of semantics {then}, this is {now}: start a new sweep"
        ),
        E::File { .. } => {
            "the server could not read or write the sweep's files; its log says why".to_owned()
        }
        E::NoSweep { .. } | E::Damaged { .. } | E::Contradiction { .. } => {
            "the sweep's files are damaged: delete it, and start a new one".to_owned()
        }
        other => other.to_string(),
    }
}

/// What one sweep on the server may use; several share the cores.
fn means() -> Means {
    Means { memory_bytes: MEMORY_BYTES, ..Means::default() }
}

/// Parameters that are not swept, with the text's own values.
fn fixed(template: &Template, grid: &Grid) -> Vec<(String, String)> {
    let own = template.parameters().iter();
    own.filter(|one| grid.axes().iter().all(|axis| axis.name() != one.name))
        .map(|one| (one.name.clone(), plain_decimal(one.default)))
        .collect()
}

fn progress(rows: &[Row]) -> SweepProgress {
    let sharpes = rows.iter().filter_map(|row| Some((row.number, row.sharpe?)));
    // Of equal ones the first.
    let best = sharpes.reduce(|best, one| if one.1 > best.1 { one } else { best });
    SweepProgress { done: rows.len() as u64, best }
}
