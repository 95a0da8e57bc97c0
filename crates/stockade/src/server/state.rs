//! What every handler can reach.

use super::{jobs::Jobs, sweeping::Sweeping};
use crate::desk::{Accounts, Desk, Recordings, Studies, Views, Violations};
use edge::Exposure;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// The running app; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    desk: Desk,
    accounts: Accounts,
    jobs: Jobs,
    sweeping: Sweeping,
    violations: Violations,
    views: Views,
    studies: Studies,
    recordings: Arc<Recordings>,
    exposure: Exposure,
    document: OnceLock<String>,
    stop: CancellationToken,
}

impl App {
    /// Around an open desk.
    #[must_use]
    pub fn new(
        accounts: Accounts,
        jobs: Jobs,
        exposure: Exposure,
        stop: CancellationToken,
    ) -> Self {
        let desk = accounts.desk().clone();
        let sweeping = Sweeping::new(desk.clone());
        let (violations, views) = (Violations::default(), Views::default());
        Self(Arc::new(Inner {
            desk,
            accounts,
            jobs,
            sweeping,
            violations,
            views,
            studies: Studies::default(),
            recordings: Arc::default(),
            exposure,
            document: OnceLock::new(),
            stop,
        }))
    }

    /// The app's operations.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Who comes in.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Sweeps at work.
    #[must_use]
    pub fn sweeping(&self) -> &Sweeping {
        &self.0.sweeping
    }

    /// Backtests that wait or run.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// Who looks at the log.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.0.views
    }

    /// Read-outs of factors.
    #[must_use]
    pub fn studies(&self) -> &Studies {
        &self.0.studies
    }

    /// Runs that people look into.
    #[must_use]
    pub fn recordings(&self) -> &Arc<Recordings> {
        &self.0.recordings
    }

    /// What browsers report.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.0.violations
    }

    /// Who may be able to reach this server.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        self.0.exposure
    }

    /// The OpenAPI document, once the routes are mounted.
    #[must_use]
    pub fn document(&self) -> &str {
        self.0.document.get().map_or("{}", String::as_str)
    }

    /// Keeps the document; the first one stays.
    pub(super) fn keep_document(&self, text: String) {
        let _ = self.0.document.set(text);
    }

    /// Becomes cancelled when the server stops: open streams end then.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}
