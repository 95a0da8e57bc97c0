//! What every handler can reach.

use super::{
    Notices, OperationsTerms, Rates, Row, StrictTransport, addresses::Addresses,
    certificates::Certificates, jobs::Jobs, operations::Operations, posture::Observatory,
    quota::Quotas, security_reports::Reporting, sweeping::Sweeping, withheld::Withheld,
};
use crate::desk::{Accounts, Backups, Desk, Recordings, Studies, Views, Violations, Witnesses};
use edge::{Exposure, Roll};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};
use tokio_util::sync::CancellationToken;

/// The running app; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    desk: Desk,
    accounts: Accounts,
    jobs: Jobs,
    witnesses: Witnesses,
    backups: Backups,
    observatory: Observatory,
    reporting: Reporting,
    sweeping: Sweeping,
    violations: Violations,
    views: Views,
    studies: Studies,
    recordings: Arc<Recordings>,
    withheld: Withheld,
    exposure: Exposure,
    strict: StrictTransport,
    operations: Operations,
    notices: Notices,
    quotas: Quotas,
    addresses: Addresses,
    roll: Roll,
    machines_at: OnceLock<SocketAddr>,
    plain_at: OnceLock<SocketAddr>,
    certificates: OnceLock<Arc<Certificates>>,
    table: OnceLock<(Vec<Row>, String)>,
    stop: CancellationToken,
}

impl App {
    /// Around an open desk.
    #[must_use]
    pub fn new(
        accounts: Accounts,
        jobs: Jobs,
        (witnesses, backups, observatory, reporting): (Witnesses, Backups, Observatory, Reporting),
        (exposure, strict, operations): (Exposure, StrictTransport, OperationsTerms),
        ((rates, addresses), stop): ((Rates, Addresses), CancellationToken),
    ) -> Self {
        let desk = accounts.desk().clone();
        let sweeping = Sweeping::new(desk.clone());
        let (violations, views) = (Violations::default(), Views::default());
        Self(Arc::new(Inner {
            desk,
            accounts,
            jobs,
            witnesses,
            backups,
            observatory,
            reporting,
            sweeping,
            violations,
            views,
            studies: Studies::default(),
            recordings: Arc::default(),
            withheld: Withheld::default(),
            exposure,
            strict,
            operations: Operations::new(operations),
            notices: Notices::default(),
            quotas: Quotas::new(rates),
            addresses,
            roll: Roll::default(),
            machines_at: OnceLock::new(),
            plain_at: OnceLock::new(),
            certificates: OnceLock::new(),
            table: OnceLock::new(),
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

    /// Who witnesses the log, and whose this server witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &Witnesses {
        &self.0.witnesses
    }

    /// Backups, and the proof of them.
    #[must_use]
    pub fn backups(&self) -> &Backups {
        &self.0.backups
    }

    /// What the server sees of itself.
    #[must_use]
    pub fn observatory(&self) -> &Observatory {
        &self.0.observatory
    }

    /// Where weaknesses are reported, and to whom.
    #[must_use]
    pub fn reporting(&self) -> &Reporting {
        &self.0.reporting
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

    /// The secrets that no answer may hold.
    #[must_use]
    pub fn withheld(&self) -> &Withheld {
        &self.0.withheld
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

    /// What browsers are told of strict transport.
    #[must_use]
    pub fn strict_transport(&self) -> StrictTransport {
        self.0.strict
    }

    /// How the server is watched.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// What came of what processors of payments told.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.0.notices
    }

    /// Who asks how often.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// Whom the server keeps out by address.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.0.addresses
    }

    /// Which machines belong, as their handshakes know it.
    #[must_use]
    pub fn roll(&self) -> &Roll {
        &self.0.roll
    }

    /// Where machines come in, if they do.
    #[must_use]
    pub fn machines_at(&self) -> Option<SocketAddr> {
        self.0.machines_at.get().copied()
    }

    /// Keeps where machines come in.
    pub(super) fn open_to_machines(&self, address: SocketAddr) {
        let _ = self.0.machines_at.set(address);
    }

    /// Where the port without TLS is, if there is one.
    #[must_use]
    pub fn plain_at(&self) -> Option<SocketAddr> {
        self.0.plain_at.get().copied()
    }

    /// Keeps where the port without TLS is.
    pub(super) fn open_in_plain(&self, address: SocketAddr) {
        let _ = self.0.plain_at.set(address);
    }

    /// Whoever sees to the certificate for the server's names, if an ACME server is asked for one.
    #[must_use]
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.0.certificates.get()
    }

    /// Keeps who sees to the certificate.
    pub(super) fn certify(&self, certificates: Arc<Certificates>) {
        let _ = self.0.certificates.set(certificates);
    }

    /// The OpenAPI document, once the routes are mounted.
    #[must_use]
    pub fn document(&self) -> &str {
        self.0.table.get().map_or("{}", |(_, document)| document.as_str())
    }

    /// The rows of the table, once the routes are mounted.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        self.0.table.get().map_or(&[], |(rows, _)| rows.as_slice())
    }

    /// The methods that a path of the table takes, as `Allow` lists them.
    pub(super) fn methods(&self, path: &str) -> String {
        let mut known = Vec::new();
        for row in self.rows().iter().filter(|row| row.path == path) {
            known.push(row.method.as_str());
            if row.method == http::Method::GET {
                known.push("HEAD");
            }
        }
        known.push("OPTIONS");
        known.join(", ")
    }

    /// Keeps rows and document; the first ones stay.
    pub(super) fn keep_table(&self, rows: Vec<Row>, document: String) {
        let _ = self.0.table.set((rows, document));
    }

    /// Becomes cancelled when the server stops: open streams end then.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}
