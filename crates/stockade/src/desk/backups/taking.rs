//! One backup: gather, hand to the worker, write the ledger, let go what the rule lets go.

use super::{
    Ground,
    clearing::Clearing,
    staging::{DATABASE, clean, fill},
};
use crate::desk::{Error, Paths, Result, ledger, results::make_directory};
use ::backup::{
    Act, Answer, Hold, Kit, Ledger, Manifest, Order, Place, Snapshot, Stored, TableLine, Trigger,
    Upkeep,
};
use audit::Checkpoint;
use jiff::Timestamp;
use kms::{Holder, KeyFile, KeyRing, Purpose, RingFile, SoftRoot, SystemEntropy};
use seal::{AgeIdentity, Secret, random};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};
use store::{DatabaseCopy, WrappedKey};

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

/// What this machine keeps of its own for backups.
pub(super) struct Secrets {
    /// The password of the repository.
    pub(super) password: Secret<String>,
    /// Who opens the recovery kit in a drill.
    pub(super) drill: AgeIdentity,
}

/// A line of the set of wrapped keys.
#[derive(Serialize, Deserialize)]
struct KeyLine {
    account: String,
    sealed: String,
}

/// Takes a snapshot. Nothing is written into the log: a killed process could not either, so that is the
/// ledger's to tell.
pub(super) async fn take(
    ground: &Ground,
    (trigger, now): (Trigger, Timestamp),
    stop: &Arc<AtomicBool>,
) -> Result<BackupDone> {
    let (own, halt) = (ground.clone(), Arc::clone(stop));
    let begun = tokio::task::spawn_blocking(move || {
        let begun = Taking::begin(own, &halt)?;
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
}

/// A backup under way.
pub(super) struct Taking {
    pub(super) ground: Ground,
    hold: Hold,
    secrets: Secrets,
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
        Ok(Self { manifest, log_size, keys: Secret::new(lines(&copy.keys)) })
    }
}

impl Taking {
    /// Takes the place, and writes what opens it: all but the snapshot.
    pub(super) fn begin(ground: Ground, stop: &AtomicBool) -> Result<Self> {
        let hold = ground.place.hold()?;
        let ledger = ground.ledger()?;
        let secrets = secrets(&ground.paths, &ground.place)?;
        let kit = kit((&ground.paths, &ground.keys), &secrets.password)?;
        let recipients = &ground.terms.recipients;
        let sealed = kit.seal(recipients, secrets.drill.recipient(), &mut SystemEntropy::new())?;
        hold.keep_kit(&sealed)?;
        if !ground.place.is_founded()? {
            let repository = ground.place.repository();
            ground.child.run((&repository, &secrets.password), Order::Init, stop)?;
        }
        let stage = ground.paths.backup().join("stage");
        clean(&stage)?;
        Ok(Self { ground, hold, secrets, ledger, stage })
    }

    /// Takes the snapshot of its stage, and lets go what the rule lets go.
    pub(super) fn finish(
        mut self,
        staged: Staged,
        (trigger, now): (Trigger, Timestamp),
        stop: &AtomicBool,
    ) -> Result<BackupDone> {
        let Staged { manifest, log_size, keys } = staged;
        let number = self.ledger.records().len() as u64 + 1;
        let name = self.keep_keys(number, &keys)?;
        let stored = self.store(stop)?;
        let Stored { id, files, bytes, .. } = stored;
        let snapshot =
            Snapshot { id: id.clone(), trigger, manifest, files, bytes, log_size, keys: name };
        self.ledger.add(now, Act::Taken(snapshot));
        self.hold.keep_ledger(&self.ledger, &self.ground.signer())?;
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
        let Self { ground, hold, secrets, ledger, .. } = self;
        let signer = ground.signer();
        let clearing = Clearing { hold, child: ground.child, password: secrets.password, signer };
        Ok(clearing.clear(ledger, now, stop)?.snapshots)
    }

    fn work(&self, order: Order, stop: &AtomicBool) -> Result<Answer> {
        let repository = self.ground.place.repository();
        Ok(self.ground.child.run((&repository, &self.secrets.password), order, stop)?)
    }
}

/// The keys of this installation, wherever its root key is, under a key file of the kit's own.
pub(super) fn kit((paths, keys): (&Paths, &KeyRing), password: &Secret<String>) -> Result<Kit> {
    let directory = paths.backup().join("kit");
    clean(&directory)?;
    let (key_file, ring) = (directory.join("key"), directory.join("ring"));
    let mut entropy = SystemEntropy::new();
    let file = KeyFile::open_or_create(&key_file, &mut entropy)?;
    let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy)?;
    RingFile::create(&ring, keys, (&root, None), crate::desk::now(), &mut entropy)?;
    let [key_file, ring] = [read(&key_file)?, read(&ring)?].map(Secret::new);
    clean(&directory)?;
    Ok(Kit { password: password.clone(), key_file, ring })
}

/// Wrapped keys, one a line.
fn lines(keys: &[WrappedKey]) -> String {
    let line = |key: &WrappedKey| {
        let line = KeyLine { account: key.account.clone(), sealed: hex::encode(&key.sealed) };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    };
    keys.iter().map(line).collect()
}

/// The wrapped keys of a set.
pub(super) fn keys_of(text: &[u8]) -> Result<Vec<WrappedKey>> {
    let differs = |what: String| ::backup::Error::Differs { what };
    let text = std::str::from_utf8(text).map_err(|error| differs(error.to_string()))?;
    let key = |line: &str| {
        let KeyLine { account, sealed } = serde_json::from_str(line)
            .map_err(|error| differs(format!("the wrapped keys: {error}")))?;
        let sealed = hex::decode(sealed).map_err(|error| differs(error.to_string()))?;
        Ok(WrappedKey { account, sealed })
    };
    text.lines().map(key).collect()
}

pub(super) fn unexpected(answer: &Answer) -> Error {
    ::backup::Error::Engine(format!("an unexpected answer: {answer:?}")).into()
}

/// The password and the drill's identity of this machine, made for the first backup.
pub(super) fn secrets(paths: &Paths, place: &Place) -> Result<Secrets> {
    let drill = drill_identity(paths)?;
    let path = paths.backup().join("password");
    if !path.exists() {
        if place.is_founded()? {
            return Err(::backup::Error::NoPassword { place: place.root(), path }.into());
        }
        let digits = hex::encode(random::<32>(&mut SystemEntropy::new()));
        write_private(&path, format!("{digits}\n").as_bytes())?;
    }
    Ok(Secrets { password: password(paths, place)?, drill })
}

/// Who opens the recovery kit in a drill, made at the first time.
pub(super) fn drill_identity(paths: &Paths) -> Result<AgeIdentity> {
    let directory = paths.backup();
    make_directory(&directory).map_err(|source| Error::File {
        doing: "make",
        path: directory.clone(),
        source,
    })?;
    let path = directory.join("drill.identity");
    if !path.exists() {
        let made = AgeIdentity::generate(&mut SystemEntropy::new());
        write_private(&path, made.to_file().as_bytes())?;
    }
    identity(&path)
}

/// The password of the repository, as it lies on this machine.
pub(super) fn password(paths: &Paths, place: &Place) -> Result<Secret<String>> {
    let path = paths.backup().join("password");
    if !path.exists() {
        return Err(::backup::Error::NoPassword { place: place.root(), path }.into());
    }
    let text = String::from_utf8_lossy(&read(&path)?).trim().to_owned();
    Ok(Secret::new(text))
}

/// An identity out of its file.
pub(super) fn identity(path: &Path) -> Result<AgeIdentity> {
    let text = read(path)?;
    let parsed = AgeIdentity::from_file(&String::from_utf8_lossy(&text));
    let what = path.display().to_string();
    Ok(parsed.map_err(|source| ::backup::Error::Sealed { what, source })?)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::File { doing: "read", path: path.to_owned(), source })
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
