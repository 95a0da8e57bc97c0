//! Where passwords are hashed and expressions evaluated: so many at a time, so many waiting, the rest is told to come back.

use super::{Error, Result};
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
    _permits: Arc<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
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
        let turns = Arc::new(Semaphore::new(workers));
        Self { what, turns, places: Arc::new(Semaphore::new(workers * (WAITING + 1))) }
    }

    /// Runs costly work when its turn comes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.enter(&Stop::default()).await?.run(work).await
    }

    /// Waits for a turn; told to stop while it waits, it is as if there had been no place.
    pub(super) async fn enter(&self, stop: &Stop) -> Result<Turn> {
        let busy = || Error::Busy { what: self.what, retry_after_s: RETRY_AFTER_S };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::select! {
            biased;
            turn = Arc::clone(&self.turns).acquire_owned() => turn.expect("the pool is never closed"),
            () = stop.told.cancelled() => return Err(busy()),
        };
        Ok(Turn { _permits: Arc::new((turn, place)) })
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
        while pool.places.available_permits() > 0 {
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
}
