//! Backups as the app makes them: what goes in, when, what the log hears of it, and how it is proved.

mod clearing;
mod handing;
mod keysets;
mod kits;
mod looking;
mod own;
mod proving;
mod pulling;
mod receiving;
mod restoring;
mod staging;
mod taking;
mod telling;
mod upgrade;

pub use clearing::{Pruned, Pruning, prune};
pub use handing::Handed;
pub use looking::{BackupList, backups_of, damage_of};
pub use pulling::{Pulled, Pulling, join_server, keep_handed, pull};
pub use restoring::{Restored, Restoring, restore};
pub use taking::BackupDone;
pub use telling::{BackupView, SnapshotView};
pub(crate) use upgrade::before_upgrade;

use super::{Actor, BackupAct, Deed, Desk, Error, Paths, Result, now};
use ::backup::{Act, Child, Ledger, Place, Trigger, backup_due, drill_due};
use edge::Machine;
use jiff::{SignedDuration, Timestamp};
use kms::{KeyRing, Purpose};
use seal::{AgeRecipient, SigningKey};
use serde::{Deserialize, Serialize};
use staging::Origin;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::Database;
use tokio_util::sync::CancellationToken;

/// How often the clock is looked at: it may jump.
const LOOKING: Duration = Duration::from_mins(1);
/// What the log takes of an error's words.
const WHY_CHARACTERS_MAX: usize = 500;

/// Where backups go, and who can open them after a loss.
#[derive(Debug, Clone, Default)]
pub struct BackupTerms {
    /// The place; none: there are no backups.
    pub place: Option<Place>,
    /// Keys of age that lie elsewhere.
    pub recipients: Vec<AgeRecipient>,
    /// The configuration file, where it lies outside of the data directory.
    pub config: Option<PathBuf>,
    /// The program that works, if it is not this one.
    pub worker: Option<PathBuf>,
    /// The machine that pulls backups and keeps them, where this one makes none.
    pub puller: Option<Machine>,
}

/// A drill that went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    /// The number of the snapshot that was restored.
    pub number: u64,
    /// Files that were equal.
    pub files: u64,
    /// Rows of tables that were equal.
    pub rows: u64,
    /// Entries of the audit log that verified.
    pub log_size: u64,
    /// How long it took.
    pub seconds: u64,
}

/// Backups of one data directory; cheap to clone.
#[derive(Debug, Clone)]
pub struct Backups(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    terms: BackupTerms,
    /// One at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// What failed last, and when.
    failed: Mutex<Failures>,
}

/// The last failure of each.
#[derive(Debug, Clone, Default)]
struct Failures {
    backup: Option<(Timestamp, String)>,
    drill: Option<(Timestamp, String)>,
}

/// What work on backups stands on; nothing of it needs an open database.
#[derive(Debug, Clone)]
struct Ground {
    paths: Paths,
    keys: KeyRing,
    database: Database,
    place: Place,
    child: Child,
    terms: BackupTerms,
}

impl Ground {
    fn new(
        (paths, keys, database): (Paths, KeyRing, Database),
        terms: &BackupTerms,
    ) -> Result<Self> {
        let place = terms.place.clone().ok_or_else(|| match &terms.puller {
            Some(machine) => Error::PulledBy { machine: machine.to_string() },
            None => Error::NoBackups,
        })?;
        let child = child(terms)?;
        Ok(Self { paths, keys, database, place, child, terms: terms.clone() })
    }

    /// What a stage is filled from.
    fn origin(&self) -> Origin<'_> {
        let (paths, database) = (&self.paths, &self.database);
        let (config, place) = (self.terms.config.as_deref(), Some(self.place.root()));
        Origin { paths, database, config, place }
    }

    /// Whether this machine pulls the backups of another one, whose keys these are.
    fn pulls(&self) -> bool {
        self.paths.machine().exists()
    }

    fn signer(&self) -> SigningKey {
        self.keys.signing(Purpose::Backups)
    }

    fn ledger(&self) -> Result<Ledger> {
        Ok(self.place.ledger(self.signer().verifying_key())?)
    }
}

/// How workers are started.
fn child(terms: &BackupTerms) -> Result<Child> {
    Ok(match &terms.worker {
        Some(program) => Child::of(program),
        None => Child::own()?,
    })
}

impl Backups {
    /// By these terms.
    #[must_use]
    pub fn new(terms: BackupTerms) -> Self {
        let (turn, failed) = (Arc::default(), Mutex::default());
        Self(Arc::new(Inner { terms, turn, failed }))
    }

    /// Whether there is a place for them.
    #[must_use]
    pub fn are_on(&self) -> bool {
        self.0.terms.place.is_some()
    }

    /// Which machine pulls them, where this one makes none.
    #[must_use]
    pub fn puller(&self) -> Option<&Machine> {
        self.0.terms.puller.as_ref()
    }

    fn ground(&self, desk: &Desk) -> Result<Ground> {
        let whole = (desk.paths().clone(), desk.keys().clone(), desk.database().clone());
        Ground::new(whole, &self.0.terms)
    }

    /// Takes a snapshot, lets go what the rule lets go, and writes both into the log.
    pub async fn take(
        &self,
        desk: &Desk,
        (trigger, actor): (Trigger, Actor),
        stop: &Arc<AtomicBool>,
    ) -> Result<BackupDone> {
        let _turn = self.0.turn.lock().await;
        let taken = async {
            let ground = self.ground(desk)?;
            telling::tell(desk, &ground, actor).await?;
            let done = taking::take(&ground, (trigger, now()), stop).await?;
            telling::tell(desk, &ground, actor).await?;
            self.keep_standings(desk, &ground).await?;
            Ok::<_, Error>(done)
        };
        let taken = taken.await;
        self.note(desk, ("backup", actor), taken.as_ref().err()).await?;
        taken
    }

    /// Restores the newest snapshot into a scratch place, with nothing but what a loss would leave, compares
    /// all of it, and writes the proof into ledger and log.
    pub async fn drill(
        &self,
        desk: &Desk,
        actor: Actor,
        stop: &Arc<AtomicBool>,
    ) -> Result<Drilled> {
        let _turn = self.0.turn.lock().await;
        let drilled = async {
            let ground = self.ground(desk)?;
            telling::tell(desk, &ground, actor).await?;
            let drilled = proving::drill(&ground, now(), stop).await?;
            telling::tell(desk, &ground, actor).await?;
            Ok::<_, Error>(drilled)
        };
        let drilled = drilled.await;
        self.note(desk, ("drill", actor), drilled.as_ref().err()).await?;
        drilled
    }

    /// Remembers how it ended; a failure is an entry of the log.
    async fn note(
        &self,
        desk: &Desk,
        (what, actor): (&'static str, Actor),
        error: Option<&Error>,
    ) -> Result<()> {
        let failed = error.map(|error| (now(), error.to_string()));
        {
            let mut failures = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
            let last = if what == "drill" { &mut failures.drill } else { &mut failures.backup };
            last.clone_from(&failed);
        }
        let Some((time, why)) = failed else { return Ok(()) };
        tracing::error!(what, why, "a backup or its drill failed");
        let why = why.chars().take(WHY_CHARACTERS_MAX).collect();
        let deed = Deed::Backup(BackupAct::Failed { what, why });
        desk.store().begin().await?.commit(deed.entry(actor), time).await?;
        Ok(())
    }

    /// Writes beside the snapshots what a restore must not forget.
    async fn keep_standings(&self, desk: &Desk, ground: &Ground) -> Result<()> {
        let standings = desk.store().standings().await?;
        let ground = ground.clone();
        let text = telling::standings_text(&standings);
        tokio::task::spawn_blocking(move || {
            ground.place.keep_standings(&text, &ground.signer()).map(drop)
        })
        .await??;
        Ok(())
    }

    /// Takes away what a version before this one, or a run that was killed, has left in plaintext.
    async fn tidy(&self, desk: &Desk) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        let paths = desk.paths().clone();
        let keys = (!paths.machine().exists()).then(|| desk.keys().clone());
        tokio::task::spawn_blocking(move || own::tidy(&paths, keys.as_ref())).await?
    }

    /// Makes backups and drills when they are due, until the server stops.
    pub async fn run(&self, desk: &Desk, stop: &CancellationToken) {
        if let Err(error) = self.tidy(desk).await {
            tracing::error!(%error, "what an earlier run of backups left could not be cleared");
        }
        if !self.are_on() {
            return;
        }
        let halt = Arc::new(AtomicBool::new(false));
        let mut looking = tokio::time::interval(LOOKING);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looking.tick() => {}
            }
            let mut work = std::pin::pin!(async {
                // What was just backed up may be the first that there is to prove.
                if self.look(desk, &halt).await && !stop.is_cancelled() {
                    self.look(desk, &halt).await;
                }
            });
            tokio::select! {
                () = &mut work => {}
                () = stop.cancelled() => {
                    halt.store(true, Ordering::Relaxed);
                    work.await;
                    return;
                }
            }
        }
    }

    /// What is due now, is done; whether a backup was made.
    async fn look(&self, desk: &Desk, halt: &Arc<AtomicBool>) -> bool {
        let due = match self.due(desk).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "the backups could not be looked at");
                return false;
            }
        };
        // What fails is an entry of the log, and is tried again.
        if due.backup <= now() {
            let asked = (Trigger::Nightly, Actor::Server);
            if let Ok(done) = self.take(desk, asked, halt).await {
                tracing::info!(number = done.number, bytes = done.bytes, "a backup was made");
                return true;
            }
        } else if due.drill.is_some_and(|drill| drill <= now()) {
            if let Ok(done) = self.drill(desk, Actor::Server, halt).await {
                tracing::info!(number = done.number, rows = done.rows, "a restore was proved");
            }
        } else if let Ok(ground) = self.ground(desk)
            && founded(&ground).await
            && let Err(error) = self.keep_standings(desk, &ground).await
        {
            tracing::error!(%error, "what a restore must know could not be written");
        }
        false
    }

    /// When the next ones are due.
    async fn due(&self, desk: &Desk) -> Result<Due> {
        let ground = self.ground(desk)?;
        let ledger = tokio::task::spawn_blocking(move || ground.ledger()).await??;
        Ok(self.due_by(&ledger))
    }

    fn due_by(&self, ledger: &Ledger) -> Due {
        let failures = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let history = |last: Option<Timestamp>, failed: Option<(Timestamp, String)>| {
            ::backup::History { last, failed: failed.map(|(time, _)| time) }
        };
        let taken = history(ledger.last_taken().map(|record| record.time), failures.backup);
        let proved = history(ledger.last_proof().map(|(record, _)| record.time), failures.drill);
        let now = now();
        let backup = backup_due(taken, now);
        Due { backup, drill: drill_due(proved, !ledger.live().is_empty(), now) }
    }
}

/// Whether there are backups; a store that does not answer is no news of that.
async fn founded(ground: &Ground) -> bool {
    let place = ground.place.clone();
    tokio::task::spawn_blocking(move || place.is_founded().unwrap_or(false)).await.unwrap_or(false)
}

/// When the next ones are due.
#[derive(Debug, Clone, Copy)]
struct Due {
    backup: Timestamp,
    drill: Option<Timestamp>,
}

/// Seconds since.
fn seconds_since(start: Timestamp) -> u64 {
    let took: SignedDuration = now().duration_since(start);
    u64::try_from(took.as_secs()).unwrap_or(0)
}

/// Numbers of snapshots whose record is of this act.
fn count(act: &Act) -> u64 {
    match act {
        Act::Forgotten { of } | Act::KeysForgotten { of } => of.len() as u64,
        Act::Taken(_) | Act::Proved(_) => 1,
    }
}
