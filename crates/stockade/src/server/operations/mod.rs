//! What whoever runs the server watches: its health, its metrics, its errors, and how often pages are opened.

pub mod errors;
pub mod health;
pub mod judge;
mod metrics;
mod probes;
mod traffic;
pub mod visits;
mod watch;

pub use errors::{ErrorTerms, Reporter};
pub use health::{Health, Part, Reading};
pub use metrics::serve as serve_metrics;
pub use traffic::Traffic;
pub use visits::{Counting, Visits};
pub use watch::watch;

use crate::desk::Result;
use jiff::Timestamp;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

/// How a server is watched.
#[derive(Debug, Clone)]
pub struct OperationsTerms {
    /// Bytes that must be free where the data lies.
    pub disk_free_min: u64,
    /// Where metrics are read, if anywhere; an address of this machine.
    pub metrics: Option<SocketAddr>,
    /// How errors are reported, where a DSN is sealed.
    pub errors: ErrorTerms,
    /// Whether openings of pages are counted.
    pub visits: Counting,
    /// Where the machine stands, for everybody to read; empty where that is not said.
    pub region: String,
}

impl Default for OperationsTerms {
    fn default() -> Self {
        Self {
            disk_free_min: 512 << 20,
            metrics: None,
            errors: ErrorTerms::default(),
            visits: Counting::On,
            region: String::new(),
        }
    }
}

/// What is watched of a server that runs.
pub struct Operations {
    terms: OperationsTerms,
    started: Timestamp,
    health: Health,
    traffic: Traffic,
    visits: Visits,
    reporter: OnceLock<Arc<Reporter>>,
    metrics_at: OnceLock<SocketAddr>,
}

impl Operations {
    /// Nothing is seen yet.
    #[must_use]
    pub fn new(terms: OperationsTerms) -> Self {
        let visits = Visits::new(terms.visits);
        let (reporter, metrics_at) = (OnceLock::new(), OnceLock::new());
        let (health, traffic) = (Health::default(), Traffic::default());
        let started = crate::desk::now();
        Self { terms, started, health, traffic, visits, reporter, metrics_at }
    }

    /// How the server is watched.
    #[must_use]
    pub const fn terms(&self) -> &OperationsTerms {
        &self.terms
    }

    /// When it was started.
    #[must_use]
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// The parts of the installation, and when each was last looked at.
    #[must_use]
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Requests that were answered.
    #[must_use]
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Openings of pages.
    #[must_use]
    pub const fn visits(&self) -> &Visits {
        &self.visits
    }

    /// Who reports errors, if anybody.
    #[must_use]
    pub fn reporter(&self) -> Option<&Arc<Reporter>> {
        self.reporter.get()
    }

    /// Where metrics are read, if anywhere.
    #[must_use]
    pub fn metrics_at(&self) -> Option<SocketAddr> {
        self.metrics_at.get().copied()
    }

    /// Reports errors from now on.
    pub fn report_to(&self, reporter: Arc<Reporter>) {
        let _ = self.reporter.set(reporter);
    }

    /// Metrics are read there from now on.
    pub fn read_at(&self, address: SocketAddr) {
        let _ = self.metrics_at.set(address);
    }
}

/// Who reports errors, by the DSN that is sealed here; nobody, where none is.
pub fn reporter(desk: &crate::desk::Desk, terms: &ErrorTerms) -> Result<Option<Arc<Reporter>>> {
    let Some(dsn) = desk.secrets()?.find(errors::SECRET)? else { return Ok(None) };
    Ok(Some(Arc::new(Reporter::new(&dsn, terms)?)))
}
