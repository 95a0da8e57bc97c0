//! One backup: gather, hand to the worker, write the ledger, let go what the rule lets go.

use super::{
    Ground,
    clearing::Clearing,
    keysets::lines,
    kits::{kit, refuse_others},
    own::Own,
    staging::{DATABASE, clean, fill},
};
use crate::desk::{Error, Result, ledger};
use ::backup::{
    Act, Answer, Hold, Ledger, Manifest, Order, Snapshot, Stored, TableLine, Trigger, Upkeep,
};
use audit::Checkpoint;
use jiff::Timestamp;
use kms::{KeyRing, Purpose, SystemEntropy};
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};
use store::DatabaseCopy;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupDone {
    /// Its number in the ledger.
    pub number: u64,
    /// Its id in the repository.
    pub snapshot: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries of the audit log in it.
    pub log_size: u64,
    /// Numbers of the snapshots that were let go.
    pub forgotten: Vec<u64>,
}

/// Takes a snapshot. Nothing is written into the log: a killed process could not either, so that is the
/// ledger's to tell.
pub(super) async fn take(
    ground: &Ground,
    (trigger, now): (Trigger, Timestamp),
    stop: &Arc<AtomicBool>,
) -> Result<BackupDone> {
    let own = ground.clone();
    let begun = tokio::task::spawn_blocking(move || {
        let begun = Taking::begin(own)?;
        fill(&begun.ground.origin(), &begun.stage)?;
        Ok::<_, Error>(begun)
    })
    .await??;
    let copy = store::copy_out(&ground.database, &begun.stage.join(DATABASE), now).await?;
    let halt = Arc::clone(stop);
    tokio::task::spawn_blocking(move || {
        let staged = Staged::write((&begun.ground.keys, &begun.stage), &copy, now)?;
        begun.finish(staged, (trigger, now), &halt)
    })
    .await?
}

/// A stage that is whole.
#[derive(Debug)]
pub(super) struct Staged {
    /// SHA-256 of its manifest.
    pub(super) manifest: String,
    /// Entries of the log in it.
    pub(super) log_size: u64,
    /// The wrapped keys, one a line: they lie apart.
    pub(super) keys: Secret<String>,
    /// What must outlive the database, where it came with the rest.
    pub(super) standings: Option<String>,
}

/// A backup under way.
pub(super) struct Taking {
    pub(super) ground: Ground,
    hold: Hold,
    password: Secret<String>,
    /// The sealed kit, which is written when there is something to be opened by it.
    kit: Vec<u8>,
    ledger: Ledger,
    /// What is to be backed up, once it is filled.
    pub(super) stage: PathBuf,
}

impl Staged {
    /// Writes the manifest of a stage.
    pub(super) fn write(
        (keys, stage): (&KeyRing, &Path),
        copy: &DatabaseCopy,
        now: Timestamp,
    ) -> Result<Self> {
        let own = ledger(keys);
        let log_size = Checkpoint::verify(&copy.checkpoint, own.verifier())?.size;
        let table = |sum: &store::TableSum| TableLine {
            table: sum.table.to_owned(),
            rows: sum.rows,
            digest: sum.digest.clone(),
        };
        let public = |purpose: Purpose| {
            let key = keys.signing(purpose);
            (purpose.name().to_owned(), hex::encode(key.verifying_key().as_bytes()))
        };
        let manifest = Manifest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: now,
            tables: copy.sums.iter().map(table).collect(),
            log_key: own.verifier().to_string(),
            checkpoint: copy.checkpoint.clone(),
            log_size,
            keys: Purpose::ALL.into_iter().map(public).collect::<BTreeMap<_, _>>(),
            files: Manifest::files_of(stage)?,
        };
        let manifest = manifest.write(stage)?;
        let keys = Secret::new(lines(&copy.keys));
        Ok(Self { manifest, log_size, keys, standings: None })
    }
}

impl Taking {
    /// Takes the place, which stays as it is until the stage is whole.
    pub(super) fn begin(ground: Ground) -> Result<Self> {
        let hold = ground.place.hold()?;
        let own = Own::of(&ground);
        refuse_others(&ground, &own.made()?)?;
        let ledger = ground.ledger()?;
        let secrets = own.secrets(&ground.place)?;
        let kit = kit(&ground.keys, &secrets.password)?;
        let (recipients, drill) = (&ground.terms.recipients, secrets.drill.recipient());
        let kit = kit.seal(recipients, drill, &mut SystemEntropy::new())?;
        let stage = ground.paths.backup().join("stage");
        clean(&stage)?;
        Ok(Self { ground, hold, password: secrets.password, kit, ledger, stage })
    }

    /// Writes what opens it all, takes the snapshot of its stage, and lets go what the rule lets go.
    pub(super) fn finish(
        mut self,
        staged: Staged,
        (trigger, now): (Trigger, Timestamp),
        stop: &AtomicBool,
    ) -> Result<BackupDone> {
        let Staged { manifest, log_size, keys, standings } = staged;
        let last = self.ledger.last_taken().map(|record| record.number);
        self.hold.keep_kit(&self.kit, last)?;
        if !self.ground.place.is_founded()? {
            self.work(Order::Init, stop)?;
        }
        let number = self.ledger.records().len() as u64 + 1;
        let name = self.keep_keys(number, &keys)?;
        let stored = self.store(stop)?;
        let Stored { id, files, bytes, .. } = stored;
        let snapshot =
            Snapshot { id: id.clone(), trigger, manifest, files, bytes, log_size, keys: name };
        self.ledger.add(now, Act::Taken(snapshot));
        self.hold.keep_ledger(&self.ledger, &self.ground.signer())?;
        if let Some(standings) = standings {
            self.hold.keep_standings(&standings, &self.ground.signer(), last)?;
        }
        clean(&self.stage)?;
        let forgotten = self.clear(now, stop)?;
        Ok(BackupDone { number, snapshot: id, files, bytes, log_size, forgotten })
    }

    /// The wrapped keys lie apart: each set is a file of its own, so that a key that is gone is gone.
    fn keep_keys(&self, number: u64, keys: &Secret<String>) -> Result<String> {
        let sealing = self.ground.keys.sealing(Purpose::Backups);
        let text = keys.expose().as_bytes();
        Ok(self.hold.keep_keys(number, text, &sealing, &mut SystemEntropy::new())?)
    }

    fn store(&self, stop: &AtomicBool) -> Result<Stored> {
        let order = Order::Backup { source: self.stage.clone() };
        match self.work(order, stop)? {
            Answer::Snapshot(stored) => Ok(stored),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets go what the rule lets go, where that is ours to do.
    fn clear(self, now: Timestamp, stop: &AtomicBool) -> Result<Vec<u64>> {
        if self.ground.place.upkeep() == Upkeep::Elsewhere {
            return Ok(Vec::new());
        }
        let Self { ground, hold, password, ledger, .. } = self;
        let signer = ground.signer();
        let clearing = Clearing { hold, child: ground.child, password, signer };
        Ok(clearing.clear(ledger, now, stop)?.snapshots)
    }

    fn work(&self, order: Order, stop: &AtomicBool) -> Result<Answer> {
        let repository = self.ground.place.repository();
        Ok(self.ground.child.run((&repository, &self.password), order, stop)?)
    }
}

pub(super) fn unexpected(answer: &Answer) -> Error {
    ::backup::Error::Engine(format!("an unexpected answer: {answer:?}")).into()
}

/// A new file for its owner alone.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    let failed = |source: io::Error| Error::File { doing: "write", path: path.to_owned(), source };
    written.map_err(failed)
}
