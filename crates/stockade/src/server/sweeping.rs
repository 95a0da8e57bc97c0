//! Sweeps at work: one of each person at a time, each with its stream and its flag.

use super::stream::{Last, Stream};
use crate::desk::{self, Desk, SweepEnded, SweepPlan, Watch};
use identity::Tenant;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Sweeps of everybody at the same time: each takes all cores in turn with the others.
const LIVE_MAX: usize = 4;

/// A sweep at work.
#[derive(Debug)]
pub struct SweepJob {
    tenant: Tenant,
    /// What readers hear.
    pub stream: Arc<Stream>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl SweepJob {
    fn of(tenant: Tenant) -> Arc<Self> {
        let (stream, stop, done) = (Arc::default(), Arc::default(), Arc::default());
        Arc::new(Self { tenant, stream, stop, done })
    }

    /// Sets whose outcome is there by now.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// All sweeps at work; cheap to clone.
#[derive(Clone)]
pub struct Sweeping(Arc<Inner>);

struct Inner {
    desk: Desk,
    live: Mutex<BTreeMap<Uuid, Arc<SweepJob>>>,
    /// Held while a sweep is taken on, so that nobody takes on two.
    taking: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
    closing: AtomicBool,
}

impl Sweeping {
    /// None yet.
    #[must_use]
    pub fn new(desk: Desk) -> Self {
        Self(Arc::new(Inner {
            desk,
            live: Mutex::default(),
            taking: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        }))
    }

    /// Starts a sweep; its name.
    pub async fn start(&self, tenant: Tenant, plan: SweepPlan) -> desk::Result<Uuid> {
        let _turn = self.0.taking.lock().await;
        self.is_free(&tenant)?;
        let id = self.0.desk.start_sweep(&tenant, plan).await?;
        self.spawn(tenant, id);
        Ok(id)
    }

    /// Lets a sweep that has stopped or failed go on.
    pub async fn resume(&self, tenant: Tenant, id: Uuid) -> desk::Result<()> {
        let _turn = self.0.taking.lock().await;
        self.0.desk.sweep_row(&tenant, id).await?;
        self.is_free(&tenant)?;
        self.0.desk.resume_sweep(&tenant, id).await?;
        self.spawn(tenant, id);
        Ok(())
    }

    fn is_free(&self, tenant: &Tenant) -> desk::Result<()> {
        let live = self.live();
        let busy = |what| Err(desk::Error::Busy { what, retry_after_s: 30 });
        if live.values().any(|job| job.tenant == *tenant) {
            return busy("another sweep of yours");
        }
        if live.len() >= LIVE_MAX || self.0.closing.load(Ordering::Relaxed) {
            return busy("other sweeps");
        }
        Ok(())
    }

    fn spawn(&self, tenant: Tenant, id: Uuid) {
        let job = SweepJob::of(tenant);
        self.live().insert(id, Arc::clone(&job));
        let all = self.clone();
        self.0.tasks.spawn(async move {
            let ended = all.work(&job, id).await;
            let told = all.0.desk.end_sweep(&job.tenant, id, &ended).await;
            all.live().remove(&id);
            let (name, data) = match (ended, told) {
                (_, Err(error)) => {
                    tracing::error!(%id, %error, "a sweep could not be ended in the database");
                    ("failed", json!({ "problem": { "title": error.to_string() } }))
                }
                (SweepEnded::Done, Ok(())) => ("done", json!({})),
                (SweepEnded::Stopped, Ok(())) => ("stopped", json!({})),
                (SweepEnded::Failed(problem), Ok(())) => {
                    ("failed", json!({ "problem": { "title": problem } }))
                }
            };
            job.stream.push(name, data.to_string(), Last::Yes);
        });
    }

    async fn work(&self, job: &Arc<SweepJob>, id: Uuid) -> SweepEnded {
        let (stream, count) = (Arc::clone(&job.stream), Arc::clone(&job.done));
        let tell = move |done: u64, total: u64| {
            count.store(done, Ordering::Relaxed);
            let data = json!({ "done": done, "total": total }).to_string();
            stream.push("progress", data, Last::No);
        };
        let watch = Watch::new(tell, Arc::clone(&job.stop));
        self.0.desk.run_sweep(&job.tenant, id, watch).await
    }

    /// A person's sweep at work.
    #[must_use]
    pub fn find(&self, tenant: &Tenant, id: Uuid) -> Option<Arc<SweepJob>> {
        self.live().get(&id).filter(|job| job.tenant == *tenant).map(Arc::clone)
    }

    /// Asks a person's sweep to stop; whether it was at work.
    #[must_use]
    pub fn stop(&self, tenant: &Tenant, id: Uuid) -> bool {
        let found = self.find(tenant, id);
        if let Some(job) = &found {
            job.stop.store(true, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Takes no more, stops those at work, and waits for them.
    pub async fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        for job in self.live().values() {
            job.stop.store(true, Ordering::Relaxed);
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Arc<SweepJob>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
