//! For the command line: the same operations here, or by the server that runs on the directory.

mod house;

use super::{
    Accounts, Actor, Archived, Ask, BackupDone, BackupTerms, Backups, CertificateView, Desk,
    Drilled, Error, Files, Home, Intake, KeptEvidence, MachineToken, MachineView, NewEvidence,
    OwnFactor, OwnVersion, Paths, RecoveryLink, Remote, Result, ResultRef, Saved, SecretAct, Terms,
    UserImport, Watch, keyring, ledger, now, results, sha256_hex,
};
use audit::posture::Attested;
use backup::Trigger;
use catalog::{Catalog, Field, Grain, ImportReport, ImportRequest};
use edge::Machine;
use factor::Schema;
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};
use store::Store;
use tokio::runtime::{Builder, Runtime};

/// What is told of work in progress, and whether it shall go on.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// A way to do things in a data directory. Where a server runs there, it does them; otherwise
/// this process takes the directory for as long as the connection lives.
#[derive(Debug)]
pub enum Connection {
    /// This process holds the directory.
    Here(Here),
    /// A server does.
    There(Remote),
}

/// A desk with a runtime of its own.
#[derive(Debug)]
pub struct Here {
    runtime: Runtime,
    desk: Desk,
}

/// A finished backtest with its files.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// Its name and its first figures.
    pub result: ResultRef,
    /// Its files.
    pub files: Files,
}

/// Connects to whoever holds the directory, or takes it.
pub fn connect(home: impl Into<Home>) -> Result<Connection> {
    let home = home.into();
    if let Some(remote) = Remote::connect(&Paths::new(home.root()))? {
        return Ok(Connection::There(remote));
    }
    let runtime = runtime()?;
    let desk = runtime.block_on(Desk::open(home, "the command line", now()))?;
    Ok(Connection::Here(Here { runtime, desk }))
}

fn runtime() -> Result<Runtime> {
    let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|source| Error::File {
        doing: "start a worker for",
        path: PathBuf::from("the command"),
        source,
    })
}

impl Connection {
    /// Imports a file.
    pub fn import(&self, request: &ImportRequest, progress: Progress<'_>) -> Result<ImportReport> {
        match self {
            Self::Here(here) => {
                let (desk, request) = (here.desk.clone(), request.clone());
                here.watched(progress, move |watch| async move {
                    desk.import(Actor::Host, request, watch).await
                })
            }
            Self::There(remote) => remote.import(request, progress),
        }
    }

    /// Removes a dataset.
    pub fn remove_dataset(&self, name: &str) -> Result<()> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.remove_dataset(Actor::Host, name)),
            Self::There(remote) => remote.remove_dataset(name),
        }
    }

    /// Runs a strategy, under the owner's name where there is one.
    pub fn run_backtest(&self, text: &str, progress: Progress<'_>) -> Result<FinishedRun> {
        let result = match self {
            Self::Here(here) => {
                let (desk, text) = (here.desk.clone(), text.to_owned());
                here.watched(progress, move |watch| async move {
                    let tenant = desk.host_tenant().await?;
                    desk.run_backtest(tenant.as_ref(), text, watch).await
                })?
            }
            Self::There(remote) => remote.run_backtest(text, progress)?,
        };
        Ok(FinishedRun::of(result))
    }

    /// The token of a fresh set-up link.
    pub fn issue_setup(&self) -> Result<String> {
        match self {
            Self::Here(here) => {
                let token = here.runtime.block_on(here.desk.issue_setup(Actor::Host))?;
                Ok(token.text().expose().clone())
            }
            Self::There(remote) => remote.issue_setup(),
        }
    }

    /// A fresh recovery link for an account; letters tell those who run the server.
    pub fn issue_recovery(&self, email: &str, terms: Terms) -> Result<RecoveryLink> {
        match self {
            Self::Here(here) => here.runtime.block_on(async {
                let accounts = Accounts::open(here.desk.clone(), terms).await?;
                accounts.issue_recovery(email).await
            }),
            Self::There(remote) => remote.quick(&Ask::IssueRecovery { email: email.to_owned() }),
        }
    }

    /// Ends everybody's sessions; how many.
    pub fn end_everybodys_sessions(&self, terms: Terms) -> Result<u64> {
        match self {
            Self::Here(here) => here.runtime.block_on(async {
                let accounts = Accounts::open(here.desk.clone(), terms).await?;
                accounts.end_everybodys_sessions_from_host().await
            }),
            Self::There(remote) => remote.quick(&Ask::EndSessions),
        }
    }

    /// Takes over the accounts of a file; no letter tells of it.
    pub fn import_users(
        &self,
        file: &Path,
        (intake, terms): (Intake, Terms),
        progress: Progress<'_>,
    ) -> Result<UserImport> {
        match self {
            Self::Here(here) => {
                let (desk, file) = (here.desk.clone(), file.to_owned());
                here.watched(progress, move |watch| async move {
                    let accounts = Accounts::open(desk, terms).await?;
                    accounts.import_users(file, intake, watch).await
                })
            }
            Self::There(remote) => remote.import_users(file.to_owned(), intake, progress),
        }
    }

    /// Counts expressions as tried on a dataset; how many distinct ones have been by now.
    pub fn count_trials(&self, dataset: &str, texts: &[String]) -> Result<u64> {
        match self {
            Self::Here(here) => here.runtime.block_on(async {
                let tenant = here.desk.host_tenant().await?;
                here.desk.count_trials(tenant.as_ref(), dataset, texts).await
            }),
            Self::There(remote) => {
                let digests = texts.iter().map(|text| sha256_hex(text.as_bytes())).collect();
                remote.quick(&Ask::CountTrials { dataset: dataset.to_owned(), digests })
            }
        }
    }

    /// Writes into the log what was done with a secret.
    pub fn note_secret(&self, act: SecretAct) -> Result<()> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.note_secret(act)),
            Self::There(remote) => remote.quick(&Ask::NoteSecret(act)),
        }
    }

    /// Makes a backup.
    pub fn back_up(&self, terms: BackupTerms) -> Result<BackupDone> {
        match self {
            Self::Here(here) => {
                let asked = (Trigger::Asked, Actor::Host);
                let backups = Backups::new(terms);
                here.runtime.block_on(backups.take(&here.desk, asked, &Arc::default()))
            }
            Self::There(remote) => remote.quick(&Ask::Backup),
        }
    }

    /// Proves a restore.
    pub fn drill(&self, terms: BackupTerms) -> Result<Drilled> {
        match self {
            Self::Here(here) => {
                let backups = Backups::new(terms);
                here.runtime.block_on(backups.drill(&here.desk, Actor::Host, &Arc::default()))
            }
            Self::There(remote) => remote.quick(&Ask::Drill),
        }
    }

    /// A token by which a machine comes in.
    pub fn add_machine(&self, machine: &Machine) -> Result<MachineToken> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.add_machine(Actor::Host, machine)),
            Self::There(remote) => remote.quick(&Ask::AddMachine { machine: machine.to_string() }),
        }
    }

    /// Puts a machine out.
    pub fn revoke_machine(&self, machine: &Machine) -> Result<()> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.revoke_machine(Actor::Host, machine))
            }
            Self::There(remote) => {
                remote.quick(&Ask::RevokeMachine { machine: machine.to_string() })
            }
        }
    }

    /// Every machine.
    pub fn machines(&self) -> Result<Vec<MachineView>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.machines()),
            Self::There(remote) => remote.quick(&Ask::Machines),
        }
    }

    /// How the certificate for the server's names stands; nothing where no server runs, or none asks for one.
    pub fn certificate(&self) -> Result<Option<CertificateView>> {
        match self {
            Self::Here(_) => Ok(None),
            Self::There(remote) => remote.quick(&Ask::Certificate),
        }
    }

    /// Orders another certificate now, and waits for what becomes of it.
    pub fn renew_certificate(&self) -> Result<Option<CertificateView>> {
        match self {
            Self::Here(_) => Ok(None),
            Self::There(remote) => remote.quick(&Ask::RenewCertificate),
        }
    }

    /// Keeps a document that a person signs for.
    pub fn add_evidence(&self, new: NewEvidence) -> Result<KeptEvidence> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.add_evidence(Actor::Host, new)),
            Self::There(remote) => remote.quick(&Ask::AddEvidence(Box::new(new))),
        }
    }

    /// What was signed for last, by claim.
    pub fn attested(&self) -> Result<BTreeMap<String, Attested>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.attested()),
            Self::There(remote) => remote.quick(&Ask::Attested),
        }
    }

    /// The owner's factors.
    pub fn factors(&self, archived: Archived) -> Result<Vec<OwnFactor>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.own_factors(archived)),
            Self::There(remote) => {
                remote.quick(&Ask::Factors { archived: archived == Archived::Shown })
            }
        }
    }

    /// The versions of one of the owner's factors, the newest first.
    pub fn factor_versions(&self, name: &str) -> Result<Vec<OwnVersion>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.own_versions(name)),
            Self::There(remote) => remote.quick(&Ask::FactorVersions { name: name.to_owned() }),
        }
    }

    /// Keeps an expression under a name; its version.
    pub fn save_factor(&self, saved: Saved) -> Result<i64> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.save_factor(&saved)),
            Self::There(remote) => remote.quick(&Ask::SaveFactor(Box::new(saved))),
        }
    }

    /// Puts one of the owner's factors away.
    pub fn archive_factor(&self, name: &str) -> Result<()> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.archive_named(name)),
            Self::There(remote) => remote.quick(&Ask::ArchiveFactor { name: name.to_owned() }),
        }
    }

    /// The address of the server that holds the directory, if one does.
    pub fn address(&self) -> Result<Option<String>> {
        match self {
            Self::Here(_) => Ok(None),
            Self::There(remote) => remote.status().map(|status| Some(status.address)),
        }
    }
}

impl Here {
    /// Runs work on the runtime and hands its progress to the caller's own thread.
    fn watched<T, F>(&self, progress: Progress<'_>, work: impl FnOnce(Watch) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (tell, told) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let watch = Watch::new(
            move |done, total| {
                // Nobody listens any more once the work is done.
                let _ = tell.send((done, total));
            },
            Arc::clone(&stop),
        );
        let task = self.runtime.spawn(work(watch));
        // Ends when the work drops its watch.
        for (done, total) in told {
            if progress(done, total).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        self.runtime.block_on(task)?
    }
}

impl FinishedRun {
    fn of(result: ResultRef) -> Self {
        Self { files: Files::at(&result.directory), result }
    }
}

/// Puts a result's files where a person wants them: `out/<run_id>/`, whole or not at all.
pub fn publish(finished: &FinishedRun, out: &Path) -> Result<PathBuf> {
    results::sweep_dead(out)?;
    finished.files.place(out, &finished.result.run_id)
}

/// The names that expressions over a dataset may use.
pub fn schema(root: &Path, name: &str) -> Result<Schema> {
    Ok(schema_of(&Catalog::open(&Paths::new(root).catalog())?.manifest(name)?))
}

/// The names that expressions over a dataset may use, by its manifest.
#[must_use]
pub fn schema_of(manifest: &catalog::Manifest) -> Schema {
    let name = |field: &Field| match field {
        Field::Open => Some("open"),
        Field::High => Some("high"),
        Field::Low => Some("low"),
        Field::Close => Some("close"),
        Field::Volume => Some("volume"),
        _ => None,
    };
    let set = &manifest.dataset;
    if set.bar == Grain::Quotes {
        return Schema::quotes();
    }
    let own = set.fields.iter().filter_map(name).map(str::to_owned);
    // Extra columns are kept beside the bars; the engine's panel is made of bars alone.
    Schema { fields: own.collect(), groups: std::collections::BTreeSet::new() }
}

/// The database for reading, beside a server that may be running.
pub async fn open_for_reading(home: &Home) -> anyhow::Result<Store> {
    let keys = keyring::open_existing(home).await?.ring;
    Ok(Store::open_read_only(home.database(), ledger(&keys)).await?)
}

/// The log's keys of a data directory, whose keys must be there.
pub async fn log_keys(home: &Home) -> Result<audit::Ledger> {
    Ok(ledger(&keyring::open_existing(home).await?.ring))
}

/// A stable name for a strategy's text, as the log has it.
#[must_use]
pub fn text_digest(text: &str) -> String {
    sha256_hex(text.as_bytes())
}
