//! Backtests on a bounded pool: so many at a time, so many waiting, each with its stream.

use super::stream::{Last, Stream};
use crate::desk::{self, Desk, Ended, Watch, now};
use identity::Tenant;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// How many backtests run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// At the same time.
    pub workers: usize,
    /// Waiting for their turn.
    pub queue: usize,
}

/// A backtest that waits or runs.
#[derive(Debug)]
pub struct Job {
    /// Whose it is.
    tenant: Tenant,
    /// What readers hear.
    pub stream: Arc<Stream>,
    /// Ends the wait for a turn.
    asked: CancellationToken,
    /// Ends the work.
    stop: Arc<AtomicBool>,
    running: AtomicBool,
}

impl Job {
    fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.asked.cancel();
    }

    /// Whether its turn has come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }
}

/// All backtests that wait or run; cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    desk: Desk,
    capacity: Capacity,
    turns: Arc<Semaphore>,
    live: Mutex<BTreeMap<Uuid, Arc<Job>>>,
    tasks: TaskTracker,
    closing: AtomicBool,
}

/// Progress is told at most once per so many parts of the whole.
const PARTS: u64 = 200;

impl Jobs {
    /// None yet.
    #[must_use]
    pub fn new(desk: Desk, capacity: Capacity) -> Self {
        Self(Arc::new(Inner {
            desk,
            capacity,
            turns: Arc::new(Semaphore::new(capacity.workers)),
            live: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        }))
    }

    /// Takes a backtest on and runs it when its turn comes.
    pub async fn submit(
        &self,
        tenant: Tenant,
        strategy: Option<Uuid>,
        text: String,
    ) -> desk::Result<Uuid> {
        let places = self.0.capacity.workers + self.0.capacity.queue;
        if self.live().len() >= places || self.0.closing.load(Ordering::Relaxed) {
            return Err(desk::Error::Busy { what: "other backtests", retry_after_s: 10 });
        }
        let id = self.0.desk.queue_backtest(&tenant, strategy, &text).await?;
        let job = Arc::new(Job {
            tenant,
            stream: Arc::default(),
            asked: CancellationToken::new(),
            stop: Arc::default(),
            running: AtomicBool::new(false),
        });
        self.live().insert(id, Arc::clone(&job));
        let jobs = self.clone();
        self.0.tasks.spawn(async move {
            jobs.run(id, &job, text).await;
            jobs.live().remove(&id);
        });
        Ok(id)
    }

    async fn run(&self, id: Uuid, job: &Arc<Job>, text: String) {
        let turn = tokio::select! {
            biased;
            () = job.asked.cancelled() => None,
            turn = Arc::clone(&self.0.turns).acquire_owned() => turn.ok(),
        };
        let ended = match turn {
            Some(_turn) => self.work(job, text).await,
            None => Ended::Cancelled,
        };
        if ended == Ended::Cancelled && self.0.closing.load(Ordering::Relaxed) {
            return self.interrupt(id, job).await;
        }
        self.end(id, job, ended).await;
    }

    async fn work(&self, job: &Arc<Job>, text: String) -> Ended {
        job.running.store(true, Ordering::Relaxed);
        let teller = Arc::clone(job);
        let told = std::sync::atomic::AtomicU64::new(u64::MAX);
        let tell = move |done: u64, total: u64| {
            let part = done.saturating_mul(PARTS) / total.max(1);
            if told.swap(part, Ordering::Relaxed) != part {
                let data = json!({ "done": done, "total": total }).to_string();
                teller.stream.push("progress", data, Last::No);
            }
        };
        let watch = Watch::new(tell, Arc::clone(&job.stop));
        self.0.desk.try_backtest(&job.tenant, text, watch).await
    }

    /// Keeps how it ended, and tells the readers.
    async fn end(&self, id: Uuid, job: &Job, ended: Ended) {
        let kept = self.0.desk.end_backtest(&job.tenant, id, &ended).await;
        let (name, data) = match (ended, kept) {
            (_, Err(error)) => {
                tracing::error!(%id, %error, "a backtest could not be ended in the database");
                let problem = json!({ "code": "internal", "message": error.to_string() });
                ("failed", json!({ "problem": problem }))
            }
            (Ended::Done(result), Ok(())) => ("done", json!({ "run_id": result.run_id })),
            (Ended::Failed(problem), Ok(())) => ("failed", json!({ "problem": problem })),
            (Ended::Cancelled, Ok(())) => ("cancelled", json!({})),
        };
        job.stream.push(name, data.to_string(), Last::Yes);
    }

    async fn interrupt(&self, id: Uuid, job: &Job) {
        if let Err(error) = self.0.desk.interrupt(&job.tenant, id, now()).await {
            tracing::error!(%id, %error, "a backtest could not be ended; the next start does it");
        }
        job.stream.push("cancelled", "{}".to_owned(), Last::Yes);
    }

    /// A person's backtest that waits or runs.
    #[must_use]
    pub fn find(&self, tenant: &Tenant, id: Uuid) -> Option<Arc<Job>> {
        self.live().get(&id).filter(|job| job.tenant == *tenant).map(Arc::clone)
    }

    /// Asks a person's backtest to stop; whether it was still there.
    #[must_use]
    pub fn cancel(&self, tenant: &Tenant, id: Uuid) -> bool {
        let found = self.find(tenant, id);
        if let Some(job) = &found {
            job.ask_to_stop();
        }
        found.is_some()
    }

    /// How many wait or run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.live().len()
    }

    /// Takes no more, stops those that run, and waits for them.
    pub async fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        for job in self.live().values() {
            job.ask_to_stop();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Arc<Job>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
