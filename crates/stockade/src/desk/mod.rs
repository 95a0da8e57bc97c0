//! The app's operations, used by the server and the command line alike: no HTTP, no terminal.

mod access_keys;
mod accounts;
mod address;
mod address_lists;
mod advisories;
mod approvals;
mod backtests;
mod backups;
mod blocks;
mod certificate;
mod certificate_letters;
mod connect;
mod data;
mod duties;
mod erasure;
mod errands;
mod error;
mod factors;
mod fresh;
mod holder;
mod home;
mod host_recovery;
mod invitations;
mod keeping;
mod key_act;
mod keyring;
mod leases;
mod letters;
mod licences;
mod links;
mod lock;
mod log;
mod loss;
mod machines;
mod moments;
mod new_password;
mod newcomers;
mod outbox;
mod own;
mod own_account;
mod panels;
mod passkeys;
mod paths;
mod payments;
mod peers;
mod petitions;
mod pool;
mod postman;
mod posture;
mod posture_act;
mod presence;
mod proof;
mod quotes;
mod ranked;
mod reconcile;
mod record;
mod release;
mod remote;
mod replay;
mod report_letters;
mod reset;
mod results;
mod retention;
mod reviews;
mod room;
mod run;
mod second_factors;
mod secrets;
mod security_reports;
mod sessions;
mod setup;
mod sign_in;
mod step_up;
mod strategies;
mod studies;
mod suspicion;
mod sweep_act;
mod sweep_plan;
mod sweeps;
mod takeout;
mod tokens;
mod trials;
mod user_import;
mod users;
mod views;
mod violations;
mod watch;
mod witnesses;
mod work;
mod workbench;

pub use accounts::{Accounts, Opened, Terms, Visitor};
pub use address_lists::{AddressTerms, LISTS_MAX, ListView, LoadedLists, SignedList, mark_of};
pub use advisories::{AdvisoryText, AdvisoryView, Issue};
pub use approvals::Approvals;
pub use backtests::{Ended, ResultRef};
pub(crate) use backups::before_upgrade;
pub use backups::{
    BackupDone, BackupList, BackupTerms, BackupView, Backups, Drilled, Handed, Pruned, Pruning,
    Pulled, Pulling, Restored, Restoring, SnapshotView, backups_of, damage_of, join_server,
    keep_handed, prune, pull, restore,
};
pub use blocks::{BlockView, NewBlock, prefix_named};
pub use certificate::CertificateView;
pub use certificate_letters::Served;
pub use connect::{
    Connection, FinishedRun, connect, log_keys, open_for_reading, publish, schema, schema_of,
    text_digest,
};
pub use error::{Error, Result};
pub use factors::{Archived, Draft, EXPRESSION_BYTES_MAX, FACTOR_NAME_CHARS_MAX, panel_schema};
pub use fresh::{FactorMade, FreshFactor};
pub use holder::{HolderTerms, KeyTerms};
pub use home::Home;
pub use host_recovery::RecoveryLink;
pub use invitations::InvitationLine;
pub use key_act::KeyAct;
pub use keyring::{KeyStatus, Rewrapped, Unrecoverable, attest, key_status, recover_keys};
pub use leases::{Activated, Checked, NoLease};
pub use letters::Letters;
pub use licences::{
    InstanceView, IssuedLicence, LICENCE_INSTANCES_MAX, LICENCE_NOTE_CHARS_MAX, LicenceDetail,
    LicencePage, LicenceTurn, LicenceView, LicenceWish,
};
pub use lock::Lock;
pub use log::{LogLine, LogView};
pub use loss::{LossPage, LossStage};
pub use machines::{MachineToken, MachineView, machine_named};
pub use moments::{newest, row_text};
pub(crate) use new_password::read_breached;
pub use newcomers::{First, Welcome};
pub use outbox::{Outbox, Post, WaitingLetter};
pub use own::{OwnFactor, OwnVersion, Saved};
pub use own_account::OwnAccount;
pub use passkeys::{PasskeyAnswer, PasskeyAsk, PasskeyMade};
pub use paths::Paths;
pub use payments::{NOTICE_SECRET, NoticeEnd, NoticePage, NoticeView};
pub use petitions::{PetitionAsked, PetitionShown};
pub use pool::{Stop, Turn};
pub use posture::{KeptEvidence, NewEvidence, Shown, StateTurn};
pub use posture_act::PostureAct;
pub use proof::{Given, ProofForm};
pub use quotes::Look;
pub(crate) use quotes::{Guide, compute_guided, quotes_of};
pub use reconcile::{Orphan, Reconciled, Why, reconcile};
pub use record::{
    Actor, BackupAct, CertificateAct, Deed, DisclosureAct, LicenceAct, LimitAct, MachineAct,
    PaymentAct, entries, entry, summary,
};
pub use release::{ReleaseAct, release_ask};
pub use remote::{AddressAsk, Ask, LicenceAsk, Remote, Say, Status, WireImport};
pub use replay::{Moment, Recording, Recordings, Sort};
pub use reset::ResetAsks;
pub(crate) use results::make_directory;
pub use results::{FILLS, Files, JSON, ORDERS, Part, REFUSALS, TEARSHEET, TICKS, TRADES};
pub use retention::{Purged, purge};
pub use reviews::ReviewView;
pub use room::{BACKTESTS_MAX, ROOM_BYTES_MAX};
pub use run::Computed;
pub(crate) use run::{compute_on, compute_on_quotes, quotes_digest, series_of};
pub use second_factors::{FactorKept, PasskeyBegun, TotpBegun};
pub use secrets::{
    BY_HOST, KnownSecret, SecretAct, SecretKept, Secrets, VENDORS_MAX, VendorKey, is_vendor,
    secret_named, secrets_of,
};
pub use security_reports::{
    Brought, ClockView, DisclosureTerms, ReportText, ReportView, StepView, Taken, Tally, step_named,
};
pub use sessions::{Guest, Minutes, SessionLine};
pub use setup::{Begun, Finished};
pub use sign_in::{FactorAsk, SignInStep};
pub use step_up::Renewed;
pub use strategies::{TEXT_BYTES_MAX, title};
pub use studies::{Kept, Studies};
pub use sweep_act::SweepAct;
pub use sweep_plan::{SWEEP_SETS_MAX, SweepFault, SweepWords};
pub use sweeps::{SweepAbout, SweepEnded, SweepPlan, SweepSet};
pub use takeout::Takeout;
pub use tokens::TokenWish;
pub use user_import::{Intake, RefusedLine, UserImport};
pub use users::{SESSIONS_COUNTED, UserLine, UserSearch, UserView};
pub use views::{Sight, Views};
pub use violations::Violations;
pub use watch::Watch;
pub use witnesses::{NotCosigned, Trouble, WitnessTerms, WitnessView, Witnesses};
pub use workbench::{
    Asked, EXPRESSIONS_MAX, Evaluated, HISTORY_ROWS_MAX, Intent, Reading, Understood, settings,
};

use keeping::{Known, Plan};
use keyring::OpenKeys;

use audit::{Ledger, Signer};
use catalog::Catalog;
use identity::{AccountId, Tenant};
use jiff::Timestamp;
use kms::{KeyRing, Purpose, Root, SystemEntropy};
use panels::Panels;
use pool::Pool;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use store::{Database, Store};
use uuid::Uuid;

/// One data directory, open; cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    paths: Paths,
    keys: KeyRing,
    root: Option<Arc<dyn Root>>,
    /// The holder of the root key has been away for longer than it may be.
    closed: AtomicBool,
    database: Database,
    store: Store,
    catalog: Catalog,
    panels: Panels,
    /// Where expressions are evaluated.
    bench: Pool,
    /// The catalogue has changed and the log does not know it yet.
    unsettled: AtomicBool,
    /// The database's write-ahead log may still have a key that was erased.
    uncleared: AtomicBool,
    _lock: Lock,
}

impl Desk {
    /// Takes the directory for `holder`, such as `the server`, making what is not there yet; ends
    /// what a killed process left unfinished.
    pub async fn open(home: impl Into<Home>, holder: &str, now: Timestamp) -> Result<Self> {
        let home = home.into();
        let root = home.root();
        let paths = Paths::new(root);
        results::make_directory(root).map_err(|source| Error::File {
            doing: "make the data directory",
            path: root.to_owned(),
            source,
        })?;
        results::only_ours(root)?;
        let lock = Lock::take(&paths, holder)?;
        let OpenKeys { ring: keys, root: root_key } = keyring::open(&home).await?;
        let entropy = Box::new(SystemEntropy::new());
        let store = Store::open(home.database(), ledger(&keys), entropy, now).await?;
        let prices = paths.catalog();
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(&prices)).await??;
        let unsettled = AtomicBool::new(false);
        let (panels, bench) = (Panels::default(), Pool::of_evaluations());
        let (root, closed) = (root_key, AtomicBool::new(false));
        // What was killed between an erasure and this has not cleared it.
        let uncleared = AtomicBool::new(true);
        let database = home.database().clone();
        let inner = Inner {
            paths,
            keys,
            root,
            closed,
            database,
            store,
            catalog,
            panels,
            bench,
            unsettled,
            uncleared,
            _lock: lock,
        };
        let desk = Self(Arc::new(inner));
        desk.tidy(now).await?;
        Ok(desk)
    }

    /// Ends what a stop has interrupted and removes results that nothing refers to.
    async fn tidy(&self, now: Timestamp) -> Result<()> {
        for (account, id) in self.store().unfinished_backtests().await? {
            self.interrupt(&Tenant::host(account), id, now).await?;
        }
        self.reconcile_datasets(now).await?;
        results::sweep(&self.paths().host_results(), |_| true)?;
        self.settle_sweeps().await?;
        for account in self.tenants()? {
            let results = self.paths().results(account);
            let known = self.store().run_ids(account).await?;
            let swept = results::sweep(&results, |name| known.iter().any(|run| run == name))?;
            if swept > 0 {
                tracing::info!(%account, swept, "removed unfinished results");
            }
        }
        Ok(())
    }

    /// Accounts that have files here.
    fn tenants(&self) -> Result<Vec<AccountId>> {
        let root = self.paths().tenants();
        let entries = match std::fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::File { doing: "list", path: root, source }),
        };
        let account = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.ok()?.file_name().to_str()?.parse().ok()
        };
        Ok(entries.filter_map(account).collect())
    }

    /// Waits for the last act and closes the database.
    pub async fn close(&self) {
        self.store().close().await;
    }

    /// What lies where.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.0.paths
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    pub(crate) fn root(&self) -> Option<&Arc<dyn Root>> {
        self.0.root.as_ref()
    }

    /// Whether nothing is served, because the holder of the root key is away.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    fn close_or_open(&self, closed: bool) {
        self.0.closed.store(closed, Ordering::Relaxed);
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    fn unsettled(&self) -> &AtomicBool {
        &self.0.unsettled
    }

    fn uncleared(&self) -> &AtomicBool {
        &self.0.uncleared
    }

    fn panels(&self) -> &Panels {
        &self.0.panels
    }

    fn bench(&self) -> &Pool {
        &self.0.bench
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({})", self.paths().root().display())
    }
}

/// The clock of the app: read here, handed on as an argument.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A fresh identifier, ordered by time.
pub(crate) fn new_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let bits = seal::random(&mut SystemEntropy::new());
    uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

/// Where the catalogue of a data directory lies, for commands that only read prices.
#[must_use]
pub fn catalog_dir(root: &Path) -> PathBuf {
    Paths::new(root).catalog()
}

/// The keys of an installation, made at the first time.
pub async fn keys_of(home: &Home) -> Result<KeyRing> {
    Ok(keyring::open(home).await?.ring)
}

/// How often an installation came back from a backup.
fn era_of(paths: &Paths) -> Result<u32> {
    let path = paths.era();
    let file = |source| Error::File { doing: "read", path: path.clone(), source };
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| file(std::io::ErrorKind::InvalidData.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(file(error)),
    }
}

/// The log's keys.
fn ledger(keys: &KeyRing) -> Ledger {
    let signer = Signer::named_by_key(keys.signing(Purpose::AuditLog));
    Ledger::new(signer, &keys.sealing(Purpose::Retention))
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(seal::sha256(bytes))
}

#[cfg(test)]
mod tests;
