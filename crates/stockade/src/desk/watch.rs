//! A thread between work that takes long and whoever waits for it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Tells how far work is, and tells the work to stop.
#[derive(Clone)]
pub struct Watch {
    progress: Arc<dyn Fn(u64, u64) + Send + Sync>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Calls `progress` with what is done and what there is in all; the work stops soon after
    /// `stop` becomes true.
    pub fn new(progress: impl Fn(u64, u64) + Send + Sync + 'static, stop: Arc<AtomicBool>) -> Self {
        Self { progress: Arc::new(progress), stop }
    }

    /// Nobody waits.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(|_, _| {}, Arc::default())
    }

    /// Tells how far the work is.
    pub fn tell(&self, done: u64, total: u64) {
        (self.progress)(done, total);
    }

    /// Whether the work shall stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The flag, for work on another thread.
    #[must_use]
    pub fn shared_flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// The flag itself, for work that looks at one.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.stop
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch(stopped: {})", self.is_stopped())
    }
}
