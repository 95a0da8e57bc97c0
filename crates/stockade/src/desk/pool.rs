//! Where passwords are hashed and expressions evaluated: so many at a time, so many waiting, the rest is told to come back.

use super::{Error, Result};
use identity::DeviceStanding;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Says that an answer is no longer wanted, to whoever waits for a turn and to what computes.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    told: CancellationToken,
    flag: Arc<AtomicBool>,
}

impl Stop {
    /// The answer is no longer wanted.
    pub fn stop(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.told.cancel();
    }

    /// Refuses to go on when the answer is no longer wanted.
    pub fn check(&self) -> Result<()> {
        if self.told.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The flag itself, for work that looks at one.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}

/// A place and a turn in a pool, for as long as a question takes and its answer is in memory.
#[derive(Debug, Clone)]
pub struct Turn {
    _permits: Arc<(OwnedSemaphorePermit, OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
}

/// In whose queue somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Of whoever is signed in, or comes on a device that the account knows.
    Known,
    /// Of all the world. Of these, so many are let through to the turns as there are turns: however
    /// many knock, one who is known waits for no more than what runs and those before them.
    Strangers,
}

impl From<DeviceStanding> for Queue {
    fn from(device: DeviceStanding) -> Self {
        match device {
            DeviceStanding::Known(_) => Self::Known,
            DeviceStanding::Unknown => Self::Strangers,
        }
    }
}

impl Turn {
    /// Runs costly work. It holds the turn too: a caller that goes away does not make room early.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.clone();
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

/// A bounded pool with a fair queue, so that a flood of questions cannot starve the machine.
#[derive(Debug)]
pub(super) struct Pool {
    what: &'static str,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

/// How many may wait for each that works.
const WAITING: usize = 8;
const RETRY_AFTER_S: u64 = 2;

impl Pool {
    /// Half of this machine's cores: each hash takes 64 MiB and a core.
    pub(super) fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self::new("other sign-ins", (cores / 2).max(1))
    }

    /// One at a time: each evaluation takes every core and up to 2 GiB.
    pub(super) fn of_evaluations() -> Self {
        Self::new("other evaluations", 1)
    }

    fn new(what: &'static str, workers: usize) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let places = workers * (WAITING + 1);
        Self {
            what,
            turns: semaphore(workers),
            places: semaphore(places),
            strangers: semaphore(places),
            gate: semaphore(workers),
        }
    }

    /// Runs costly work for whoever asks, when its turn comes among those of all the world.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.run_for(Queue::Strangers, work).await
    }

    /// Runs costly work for somebody, when its turn comes in their queue.
    pub(super) async fn run_for<T: Send + 'static>(
        &self,
        queue: Queue,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.enter_in(queue, &Stop::default()).await?.run(work).await
    }

    /// Waits for a turn; told to stop while it waits, it is as if there had been no place.
    pub(super) async fn enter(&self, stop: &Stop) -> Result<Turn> {
        self.enter_in(Queue::Known, stop).await
    }

    async fn enter_in(&self, queue: Queue, stop: &Stop) -> Result<Turn> {
        let busy = || Error::Busy { what: self.what, retry_after_s: RETRY_AFTER_S };
        let places = match queue {
            Queue::Known => &self.places,
            Queue::Strangers => &self.strangers,
        };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| busy())?;
        let waits = async {
            let gate = match queue {
                Queue::Known => None,
                Queue::Strangers => Some(Arc::clone(&self.gate).acquire_owned().await),
            };
            let gate = gate.map(|gate| gate.expect("the pool is never closed"));
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            (turn.expect("the pool is never closed"), gate)
        };
        let (turn, gate) = tokio::select! {
            biased;
            permits = waits => permits,
            () = stop.told.cancelled() => return Err(busy()),
        };
        Ok(Turn { _permits: Arc::new((turn, place, gate)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn the_pool_refuses_what_would_wait_too_long() {
        let pool = Arc::new(Pool::new("a test", 1));
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let mut running = Vec::new();
        for _ in 0..=WAITING {
            let (pool, wait) = (Arc::clone(&pool), Arc::clone(&wait));
            running.push(tokio::spawn(async move {
                pool.run(move || wait.lock().expect("not poisoned").recv()).await
            }));
        }
        while pool.strangers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| ()).await, Err(Error::Busy { .. })));
        for _ in 0..=WAITING {
            go.send(()).expect("somebody waits");
        }
        for task in running {
            task.await.expect("joins").expect("runs").expect("was told to go");
        }
        pool.run(|| ()).await.expect("there is room again");
    }

    #[tokio::test]
    async fn a_flood_of_strangers_keeps_nobody_out_who_is_known() {
        let pool = Arc::new(Pool::new("a test", 1));
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let mut running = Vec::new();
        let mut knock = |queue: Queue, name: &'static str| {
            let (pool, wait, order) = (Arc::clone(&pool), Arc::clone(&wait), Arc::clone(&order));
            let work = move || {
                wait.lock().expect("not poisoned").recv().expect("is told to go");
                order.lock().expect("not poisoned").push(name);
            };
            running.push(tokio::spawn(async move { pool.run_for(queue, work).await }));
        };
        for _ in 0..=WAITING {
            knock(Queue::Strangers, "stranger");
        }
        while pool.strangers.available_permits() > 0 || pool.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run_for(Queue::Strangers, || ()).await;
        assert!(matches!(refused, Err(Error::Busy { .. })), "strangers have no place left");
        for name in ["first", "second"] {
            let places = pool.places.available_permits();
            knock(Queue::Known, name);
            while pool.places.available_permits() == places {
                tokio::task::yield_now().await;
            }
        }
        for _ in 0..WAITING + 3 {
            go.send(()).expect("somebody waits");
        }
        for task in running {
            task.await.expect("joins").expect("runs");
        }
        let order = order.lock().expect("not poisoned").clone();
        assert_eq!(order[..3], ["stranger", "first", "second"], "{order:?}");
        assert_eq!(order.len(), WAITING + 3);
    }
}
