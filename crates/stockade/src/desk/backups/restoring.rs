//! A server brought back into an empty directory. It begins a new log, and nothing that was ended, erased or
//! taken from somebody lives again.

use super::{
    BackupTerms, child,
    proving::{Brought, Means},
    staging::{CONFIG, DATABASE, clean},
    taking::write_private,
    telling::standings_of,
};
use crate::desk::{
    Actor, BackupAct, Deed, Error, Paths, Result, ledger, now, results::make_directory,
};
use ::backup::{Error as Fault, Place};
use audit::{Checkpoint, Verifier};
use kms::SystemEntropy;
use seal::{AgeIdentity, Entropy};
use serde::Serialize;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};
use store::{Database, Reborn, Store};

/// What is brought back, and where to.
#[derive(Debug)]
pub struct Restoring {
    /// The place of the backups.
    pub from: Place,
    /// An empty directory, or one that is not there yet.
    pub into: PathBuf,
    /// Whom the recovery kit was sealed to.
    pub identity: AgeIdentity,
    /// The snapshot's number; the newest unless named.
    pub number: Option<u64>,
    /// The program that works, if it is not this one.
    pub worker: Option<PathBuf>,
}

/// What came back.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The number of the snapshot.
    pub number: u64,
    /// Files that are equal.
    pub files: u64,
    /// Rows of tables that were equal before the restore changed what it has to.
    pub rows: u64,
    /// Entries of the log that ended with the loss.
    pub old_log_size: u64,
    /// The old log, as a file that verifies by itself.
    pub old_log: PathBuf,
    /// The key of the new log.
    pub log_key: String,
    /// Sessions that are over.
    pub sessions: u64,
    /// API tokens and bots that have to be made anew.
    pub credentials: u64,
    /// Accounts erased after the backup, and again now.
    pub erased: u64,
    /// Accounts disabled, or with another role, as they were when last written down.
    pub lowered: u64,
    /// Accounts whose sign-in changed after the backup, and is again as it was before that.
    pub changed: Vec<String>,
    /// Licences suspended or revoked after the backup, and again now.
    pub licences: u64,
    /// Whether there was a list of what happened to accounts and licences after the backup.
    pub standings: bool,
}

/// The checkpoint of the old log that witnesses know, or the backup's own.
struct Left {
    key: String,
    checkpoint: Checkpoint,
    witnessed: Option<Checkpoint>,
    file: PathBuf,
}

/// Restores. Until all of it has been compared, the directory stays empty.
pub async fn restore(ask: Restoring, stop: &Arc<AtomicBool>) -> Result<Restored> {
    let into = std::path::absolute(&ask.into).unwrap_or_else(|_| ask.into.clone());
    refuse_files(&into)?;
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    let work = into.with_file_name(name);
    let terms = BackupTerms { worker: ask.worker, ..BackupTerms::default() };
    let place = ask.from;
    if !place.is_founded()? {
        return Err(Fault::Nothing { place: place.root() }.into());
    }
    let hold = place.hold()?;
    let means = Means {
        child: child(&terms)?,
        place,
        identity: ask.identity,
        number: ask.number,
        work: work.clone(),
    };
    let halt = Arc::clone(stop);
    let brought = tokio::task::spawn_blocking(move || {
        clean(&means.work)?;
        means.bring(&halt)
    })
    .await??;
    drop(hold);
    let restored = brought.live_again().await?;
    settle(&brought.tree, &into)?;
    // What is left is the empty directory that it was brought to.
    let _ = fs::remove_dir_all(&work);
    Ok(restored)
}

fn refuse_files(into: &Path) -> Result<()> {
    match fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Ok(false) => Err(Fault::NotEmpty { path: into.to_owned() }.into()),
        Ok(true) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::File { doing: "list", path: into.to_owned(), source }),
    }
}

fn settle(tree: &Path, into: &Path) -> Result<()> {
    fs::rename(tree, into)
        .and_then(|()| fs::File::open(into.parent().unwrap_or(into))?.sync_all())
        .map_err(|source| Error::File { doing: "put in place", path: into.to_owned(), source })
}

impl Brought {
    /// Ends the old log, begins the new one, and applies what happened after the backup.
    async fn live_again(&self) -> Result<Restored> {
        let now = now();
        let paths = Paths::new(&self.tree);
        let store = self.open(now).await?;
        let left = leave(&store, &paths).await?;
        store.close().await;
        let standings = self.standings.as_deref().map(standings_of).transpose()?;
        let database = Database::file(&self.tree.join(DATABASE));
        let is_told = standings.is_some();
        let since = standings.unwrap_or_default();
        let reborn = store::be_reborn(&database, &self.wrapped, &since, now).await?;
        let era = another_era(self.keys.era(), &mut SystemEntropy::new());
        put(&paths.era(), format!("{era}\n").as_bytes())?;
        self.keep_means(&paths)?;
        let log_key = self.begin(&left, era).await?;
        let Reborn { sessions, credentials, erased, lowered, changed, licences } = reborn;
        Ok(Restored {
            number: self.taken.number,
            files: self.manifest.files.len() as u64,
            rows: self.manifest.rows(),
            old_log_size: left.checkpoint.size,
            old_log: left.file,
            log_key,
            sessions,
            credentials,
            erased,
            lowered,
            changed,
            licences,
            standings: is_told,
        })
    }

    /// Opens the database under the new log's key, whose first entry names the old log.
    async fn begin(&self, left: &Left, era: u32) -> Result<String> {
        let keys = self.keys.clone().of_era(era);
        let database = Database::file(&self.tree.join(DATABASE));
        let entropy = Box::new(SystemEntropy::new());
        let store = Store::open(&database, ledger(&keys), entropy, now()).await?;
        let deed = Deed::Backup(BackupAct::Restored {
            number: self.taken.number,
            log: left.key.clone(),
            size: left.checkpoint.size,
            root: hex::encode(left.checkpoint.root),
            witnessed: left.witnessed.as_ref().map(|seen| seen.size),
            witnessed_root: left.witnessed.as_ref().map(|seen| hex::encode(seen.root)),
            ledger: self.ledger.head(),
        });
        store.begin().await?.commit(deed.entry(Actor::Host), now()).await?;
        let key = store.log_key();
        store.close().await;
        Ok(key)
    }

    /// The restored server goes on with the same backups.
    fn keep_means(&self, paths: &Paths) -> Result<()> {
        let directory = paths.backup();
        make_directory(&directory).map_err(|source| Error::File {
            doing: "make",
            path: directory.clone(),
            source,
        })?;
        let password = format!("{}\n", self.password.expose());
        write_private(&directory.join("password"), password.as_bytes())?;
        let (config, own) = (self.tree.join(CONFIG), self.tree.join("stockade.toml"));
        if config.exists() && !own.exists() {
            fs::copy(&config, &own).map_err(|source| Error::File {
                doing: "write",
                path: own,
                source,
            })?;
        }
        Ok(())
    }
}

/// The era of a restore: drawn, because a second restore of the same snapshot knows nothing of the first, and
/// two logs under one key are a fork. Eras have no order.
fn another_era(was: u32, entropy: &mut dyn Entropy) -> u32 {
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let era = u32::from_be_bytes(bytes);
        // 0 is the era before any restore.
        if era != 0 && era != was {
            return era;
        }
    }
}

/// Writes the old log out, whole and by itself verifiable, and says where it ended.
async fn leave(store: &Store, paths: &Paths) -> Result<Left> {
    let head = store.log_head().await?;
    let key: Verifier = store.log_key().parse()?;
    let said = store.cosignatures().await?;
    let witnessed = said.iter().max_by_key(|one| one.size);
    let witnessed = witnessed.map(|one| Checkpoint::verify(&one.note, &key)).transpose()?;
    let directory = paths.old_logs();
    let root = hex::encode(head.checkpoint.root);
    let name = format!("{}-{}.jsonl", head.checkpoint.size, root.get(..12).unwrap_or(&root));
    let file = directory.join(name);
    let failed = |source| Error::File { doing: "write", path: file.clone(), source };
    make_directory(&directory).map_err(failed)?;
    let mut new = tempfile::NamedTempFile::new_in(&directory).map_err(failed)?;
    let mut export = store.export().await?;
    while let Some(piece) = export.next().await? {
        new.write_all(piece.as_bytes()).map_err(failed)?;
    }
    new.as_file().sync_all().map_err(failed)?;
    new.persist(&file).map_err(|error| failed(error.error))?;
    let file = PathBuf::from("logs").join(file.file_name().unwrap_or_default());
    Ok(Left { key: key.to_string(), checkpoint: head.checkpoint, witnessed, file })
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::File { doing: "replace", path: path.to_owned(), source: error });
        }
        _ => {}
    }
    write_private(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::another_era;
    use seal::{Entropy, SeededEntropy};

    /// Gives the same bytes until they run out.
    struct Scripted(Vec<u32>);

    impl Entropy for Scripted {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.remove(0).to_be_bytes());
        }
    }

    #[test]
    fn an_era_is_drawn_and_never_the_one_that_was() {
        let drawn = |seed| another_era(0, &mut SeededEntropy::new(seed));
        assert_ne!(drawn(1), drawn(2), "two restores of one snapshot");
        assert_eq!(another_era(7, &mut Scripted(vec![0, 7, 9])), 9);
    }
}
