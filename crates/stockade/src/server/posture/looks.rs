//! The probes: what each is called, how often it runs, and where its work is done.

use super::{Observatory, edges, house, machine, scan, watched};
use crate::server::state::App;
use audit::{
    Claim, claims,
    posture::{Attested, Facts, Seen},
};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Display;

/// A self-test; the register names it as `self:NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// Old and weak handshakes at the server's own door.
    Handshakes,
    /// The headers of its own answers.
    Headers,
    /// Strict transport, where the server has a public name.
    Hsts,
    /// Its own routes, without a session.
    Strangers,
    /// The table of routes: who may what.
    Roles,
    /// The page that shows all this.
    Page,
    /// How passwords lie in the database.
    Passwords,
    /// How long a guess of a password takes here.
    GuessCost,
    /// Whoever runs the server has a second factor.
    StaffFactors,
    /// What holds the root key.
    KeyHolder,
    /// The last backup.
    Backups,
    /// Who can open what was backed up.
    BackupKeys,
    /// The last proof of a restore.
    Drill,
    /// The newest checkpoint, and that it extends the one before.
    Log,
    /// The quarter's review of access.
    Review,
    /// Where the database is.
    Database,
    /// The certificate that is served.
    Certificate,
    /// Where this process listens.
    Listeners,
    /// The list of claims.
    Register,
    /// What the doctor sees of the machine.
    Doctor,
    /// The scan of the sources that the program was built from.
    Scan,
    /// The advisories that dependencies were held against.
    Advisories,
    /// Where weaknesses are reported.
    SecurityTxt,
    /// Until when reports are answered.
    ReportClocks,
    /// The parts of the installation.
    Health,
    /// Who is told of errors, and how.
    Errors,
    /// How openings of pages are counted.
    Visits,
    /// Where the machine stands, and what runs it.
    HostFacts,
    /// Whose address is kept out.
    Addresses,
}

/// What a probe found.
pub(super) enum Found {
    /// It could not look.
    Nothing,
    /// The same for every claim that names the probe.
    Seen(Seen),
    /// What a person signed for, inside the server.
    Attested(Attested),
    /// Something else for each claim.
    Each(Vec<(String, Seen)>),
}

impl Probe {
    /// Every probe.
    pub const ALL: [Self; 29] = [
        Self::Handshakes,
        Self::Headers,
        Self::Hsts,
        Self::Strangers,
        Self::Roles,
        Self::Page,
        Self::Passwords,
        Self::GuessCost,
        Self::StaffFactors,
        Self::KeyHolder,
        Self::Backups,
        Self::BackupKeys,
        Self::Drill,
        Self::Log,
        Self::Review,
        Self::Database,
        Self::Certificate,
        Self::Listeners,
        Self::Register,
        Self::Doctor,
        Self::Scan,
        Self::Advisories,
        Self::SecurityTxt,
        Self::ReportClocks,
        Self::Health,
        Self::Errors,
        Self::Visits,
        Self::HostFacts,
        Self::Addresses,
    ];

    /// Its name in the register, behind `self:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::Headers => "headers",
            Self::Hsts => "hsts",
            Self::Strangers => "strangers",
            Self::Roles => "roles",
            Self::Page => "page",
            Self::Passwords => "passwords",
            Self::GuessCost => "guess-cost",
            Self::StaffFactors => "staff-factors",
            Self::KeyHolder => "key-holder",
            Self::Backups => "backups",
            Self::BackupKeys => "backup-keys",
            Self::Drill => "drill",
            Self::Log => "log",
            Self::Review => "review",
            Self::Database => "database",
            Self::Certificate => "certificate",
            Self::Listeners => "listeners",
            Self::Register => "register",
            Self::Doctor => "doctor",
            Self::Scan => "scan",
            Self::Advisories => "advisories",
            Self::SecurityTxt => "security-txt",
            Self::ReportClocks => "report-clocks",
            Self::Health => "health",
            Self::Errors => "errors",
            Self::Visits => "visits",
            Self::HostFacts => "host-facts",
            Self::Addresses => "addresses",
        }
    }

    /// How often it runs; what costs much, rarely.
    pub(super) const fn every(self) -> SignedDuration {
        match self {
            Self::Strangers | Self::GuessCost | Self::Doctor => SignedDuration::from_hours(6),
            Self::KeyHolder | Self::Page | Self::SecurityTxt => SignedDuration::from_hours(1),
            _ => SignedDuration::from_mins(10),
        }
    }

    /// The claims that name it.
    pub(super) fn claims(self) -> impl Iterator<Item = &'static Claim> {
        let names = move |claim: &&Claim| {
            let own = |probe: &str| probe.strip_prefix("self:") == Some(self.name());
            claim.probe.split(", ").any(own)
        };
        claims().iter().filter(names)
    }

    /// Looks.
    pub(super) async fn look(self, app: &App, own: &Observatory) -> anyhow::Result<Found> {
        match self {
            Self::Handshakes => edges::handshakes(own).await,
            Self::Headers => edges::headers(own).await,
            Self::Hsts => Ok(edges::hsts(own)),
            Self::Strangers => edges::strangers(app, own).await,
            Self::SecurityTxt => edges::security_txt(app, own).await,
            Self::Page => edges::page(own).await,
            Self::Roles => Ok(house::roles(app)),
            Self::Register => Ok(house::register()),
            Self::Passwords => house::passwords(app).await,
            Self::GuessCost => house::guess_cost(app).await,
            Self::StaffFactors => house::staff_factors(app).await,
            Self::KeyHolder => house::key_holder(app).await,
            Self::ReportClocks => house::report_clocks(app).await,
            Self::Health => Ok(watched::health(app)),
            Self::Errors => Ok(watched::errors(app)),
            Self::Visits => watched::visits(app).await,
            Self::HostFacts => watched::host_facts(app).await,
            Self::Addresses => Ok(watched::addresses(app)),
            Self::Backups => house::backups(app).await,
            Self::BackupKeys => house::backup_keys(app).await,
            Self::Drill => house::drill(app).await,
            Self::Log => house::log(app).await,
            Self::Review => house::review(app).await,
            Self::Database => Ok(machine::database(app)),
            Self::Certificate => Ok(machine::certificate(app, own)),
            Self::Listeners => machine::listeners(app, own).await,
            Self::Doctor => machine::doctor(app, own).await,
            Self::Scan => scan::sources(),
            Self::Advisories => scan::advisories(crate::desk::now()),
        }
    }
}

/// What is seen, while it is put together; the first fault is the one that is told.
pub(super) struct Sight {
    at: Timestamp,
    method: String,
    facts: Facts,
    fault: Option<String>,
}

impl Sight {
    /// Seen now, in this way.
    pub(super) fn new(method: impl Into<String>) -> Self {
        let (at, method) = (crate::desk::now(), method.into());
        Self { at, method, facts: Facts::new(), fault: None }
    }

    /// A name and a value of what was seen.
    pub(super) fn fact(mut self, name: &str, value: impl Display) -> Self {
        self.facts.insert(name.to_owned(), value.to_string());
        self
    }

    /// Why the claim does not hold, if it does not.
    pub(super) fn fault(mut self, fault: Option<String>) -> Self {
        self.fault = self.fault.or(fault);
        self
    }

    pub(super) fn seen(self) -> Seen {
        let Self { at, method, facts, fault } = self;
        Seen { at, method, facts, fault }
    }

    pub(super) fn found(self) -> Found {
        Found::Seen(self.seen())
    }
}
