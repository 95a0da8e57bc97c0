//! A repository in restic's format: the engine behind a few words.

use crate::{
    Error,
    file::make,
    key_file::{open_master, seal_master},
    local::LocalBackend,
    remote::BucketBackend,
    shelf::{Shelf, Upkeep},
    worker::{Stored, Target},
};
use rustic_core::{
    BackupOptions, CheckOptions, ConfigOptions, Credentials, FileType, KeyOptions, LimitOption,
    LsOptions, PathList, PruneOptions, Repository, RepositoryBackends, RepositoryOptions,
    RusticError, SnapshotOptions, WriteBackend,
    repofile::{MasterKey, Node, NodeType, SnapshotId},
};
use seal::Entropy;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Where the tree stands in each snapshot, whatever directory it was read from.
const AS_PATH: &str = "/stockade";
/// What other programs see as the machine's name.
const HOST: &str = "stockade";

type Open = Repository<rustic_core::OpenStatus>;

/// A repository and what opens it.
pub(crate) struct Engine<'a> {
    pub(crate) target: &'a Target,
    pub(crate) password: &'a str,
}

impl Engine<'_> {
    fn backend(&self) -> Arc<dyn WriteBackend> {
        match &self.target.shelf {
            Shelf::Directory(root) => Arc::new(LocalBackend::new(root)),
            Shelf::Bucket(bucket) => Arc::new(BucketBackend(bucket.clone(), self.target.upkeep)),
        }
    }

    fn closed(&self) -> Result<Repository<()>, Error> {
        let options = RepositoryOptions::default().no_cache(true);
        let backends = RepositoryBackends::new(self.backend(), None);
        Repository::new(&options, &backends).map_err(|error| engine(&error))
    }

    fn open(&self) -> Result<Open, Error> {
        self.closed()?.open(&Credentials::password(self.password)).map_err(|error| {
            if error.is_incorrect_password() {
                return Error::WrongPassword { repository: self.target.shelf.name() };
            }
            engine(&error)
        })
    }

    /// Makes an empty repository: its key file, then its configuration, by which it is one.
    pub(crate) fn init(&self, entropy: &mut dyn Entropy) -> Result<(), Error> {
        let backend = self.backend();
        backend.create().map_err(|error| engine(&error))?;
        let master = if let Some(master) = self.left_behind(&*backend)? {
            master
        } else {
            let (master, owner) = (MasterKey::new(), (self.password, HOST));
            let (id, bytes) = seal_master(&master, owner, entropy)?;
            let kept = backend.write_bytes(FileType::Key, &id, false, bytes.into());
            kept.map_err(|error| engine(&error))?;
            master
        };
        let made = self.closed()?.init(
            &Credentials::Masterkey(master),
            &KeyOptions::default(),
            &ConfigOptions::default(),
        );
        made.map(drop).map_err(|error| engine(&error))
    }

    /// The master key of a beginning that was cut off between the two: a second one beside it would open the key
    /// file and nothing else.
    fn left_behind(&self, backend: &dyn WriteBackend) -> Result<Option<MasterKey>, Error> {
        let failed = |error: Box<RusticError>| engine(&error);
        let Some(id) = backend.list(FileType::Key).map_err(failed)?.into_iter().next() else {
            return Ok(None);
        };
        let bytes = backend.read_full(FileType::Key, &id).map_err(failed)?;
        match open_master(&bytes, self.password)? {
            Some(master) => Ok(Some(master)),
            None => Err(Error::WrongPassword { repository: self.target.shelf.name() }),
        }
    }

    /// Takes a snapshot of a directory.
    pub(crate) fn backup(&self, source: &Path) -> Result<Stored, Error> {
        let failed = |error: Box<RusticError>| engine(&error);
        let repository = self.open()?.to_indexed_ids().map_err(failed)?;
        let snapshot =
            SnapshotOptions::default().host(HOST.to_owned()).to_snapshot().map_err(failed)?;
        let mut options = BackupOptions::default().as_path(PathBuf::from(AS_PATH)).no_scan(true);
        // A stage is made anew each night: what tells its files is their time and their size.
        options.parent_opts.ignore_ctime = true;
        options.parent_opts.ignore_inode = true;
        let source = PathList::from_iter([source]);
        let taken = repository.backup(&options, &source, snapshot).map_err(failed)?;
        let summary = taken.summary.unwrap_or_default();
        Ok(Stored {
            id: hex_id(&taken.id),
            time: taken.time.timestamp(),
            files: summary.total_files_processed,
            bytes: summary.total_bytes_processed,
        })
    }

    /// All snapshots, the oldest first, as the repository tells of them.
    pub(crate) fn list(&self) -> Result<Vec<Stored>, Error> {
        let mut all = self.open()?.get_all_snapshots().map_err(|error| engine(&error))?;
        all.sort_by(|a, b| a.time.cmp(&b.time));
        let stored = |one: rustic_core::repofile::SnapshotFile| {
            let summary = one.summary.unwrap_or_default();
            Stored {
                id: hex_id(&one.id),
                time: one.time.timestamp(),
                files: summary.total_files_processed,
                bytes: summary.total_bytes_processed,
            }
        };
        Ok(all.into_iter().map(stored).collect())
    }

    /// Looks for damage; what was found.
    pub(crate) fn check(&self, read_data: bool) -> Result<Vec<String>, Error> {
        let options = CheckOptions::default().read_data(read_data);
        let found = self.open()?.check(options).map_err(|error| engine(&error))?;
        if found.is_ok().is_ok() {
            // What a run that was stopped has left behind is no damage; the next clearing takes it away.
            return Ok(Vec::new());
        }
        Ok(found.0.iter().map(|(_, finding)| finding.to_string()).collect())
    }

    /// Lets snapshots go, and what only they held.
    pub(crate) fn forget(&self, ids: &[String]) -> Result<(), Error> {
        let failed = |error: Box<RusticError>| engine(&error);
        if self.target.upkeep == Upkeep::Elsewhere {
            return Err(Error::UpkeepElsewhere { place: self.target.shelf.name() });
        }
        let repository = self.open()?;
        let known = repository.get_all_snapshots().map_err(failed)?;
        let gone: Vec<SnapshotId> =
            known.iter().filter(|one| ids.contains(&hex_id(&one.id))).map(|one| one.id).collect();
        repository.delete_snapshots(&gone).map_err(failed)?;
        let mut options = PruneOptions::default();
        // Nobody else writes while a directory is held: nothing has to wait. Into a bucket another machine may
        // write at this moment: what looks unused is marked, and goes at the next time.
        options.instant_delete = matches!(self.target.shelf, Shelf::Directory(_));
        options.max_repack = LimitOption::Unlimited;
        let plan = repository.prune_plan(&options).map_err(failed)?;
        repository.prune(&options, plan).map_err(failed)
    }

    /// Writes a snapshot's tree into an empty directory, a file at a time: little memory, and whatever does
    /// not fit its name is an error.
    pub(crate) fn restore(&self, id: &str, into: &Path) -> Result<Stored, Error> {
        let failed = |error: Box<RusticError>| engine(&error);
        let repository = self.open()?.to_indexed().map_err(failed)?;
        let snapshot = repository.get_snapshot_from_str(id, |_| true).map_err(failed)?;
        let root = repository.node_from_snapshot_and_path(&snapshot, AS_PATH).map_err(failed)?;
        let listed = repository.ls(&root, &LsOptions::default()).map_err(failed)?;
        let (mut files, mut bytes) = (0, 0);
        for entry in listed {
            let (path, node) = entry.map_err(failed)?;
            let target = inside(into, &path)?;
            match node.node_type {
                NodeType::Dir => make(&target).map_err(Error::file("make", &target))?,
                NodeType::File => {
                    if let Some(parent) = target.parent() {
                        make(parent).map_err(Error::file("make", parent))?;
                    }
                    bytes += write(&target, &node, |out| repository.dump(&node, out))?;
                    files += 1;
                }
                // We put nothing else in.
                _ => return Err(Error::Differs { what: format!("{} is no file", path.display()) }),
            }
        }
        let id = hex_id(&snapshot.id);
        Ok(Stored { id, time: snapshot.time.timestamp(), files, bytes })
    }
}

/// All digits: it prints only the first eight by itself.
fn hex_id(id: &SnapshotId) -> String {
    id.to_hex().as_str().to_owned()
}

/// A path below the directory: no snapshot leads out of it.
pub fn inside(root: &Path, path: &Path) -> Result<PathBuf, Error> {
    let mut target = root.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::CurDir => {}
            _ => return Err(Error::Differs { what: format!("the name {}", path.display()) }),
        }
    }
    Ok(target)
}

/// One file, with the size, the mode and the time that the snapshot has of it; its bytes.
fn write(
    target: &Path,
    node: &Node,
    dump: impl FnOnce(&mut BufWriter<File>) -> Result<(), Box<RusticError>>,
) -> Result<u64, Error> {
    let failed = || Error::file("write", target);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
    let mut out = BufWriter::new(file.map_err(failed())?);
    dump(&mut out).map_err(|error| engine(&error))?;
    out.flush().map_err(failed())?;
    let file = out.into_inner().map_err(|error| failed()(error.into_error()))?;
    let bytes = file.metadata().map_err(failed())?.len();
    if bytes != node.meta.size {
        let what = format!("{} has {bytes} bytes, not {}", target.display(), node.meta.size);
        return Err(Error::Differs { what });
    }
    let mode = node.meta.mode.map_or(0o600, |mode| mode & 0o700);
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed())?;
    if let Some(time) = node.meta.mtime {
        file.set_modified(time.into()).map_err(failed())?;
    }
    file.sync_all().map_err(failed())?;
    Ok(bytes)
}

/// The engine's words without its advice to report a bug elsewhere.
fn engine(error: &RusticError) -> Error {
    let said = error.display_log();
    let mut said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    said.truncate(said.char_indices().nth(600).map_or(said.len(), |(at, _)| at));
    Error::Engine(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    #[test]
    fn a_beginning_that_was_cut_off_is_ended_under_the_same_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, tree) = (directory.path().join("repository"), directory.path().join("tree"));
        fs::create_dir(&tree).expect("a tree");
        fs::write(tree.join("a"), "some bytes").expect("a file");
        let target = Target { shelf: Shelf::Directory(root.clone()), upkeep: Upkeep::Here };
        let engine = Engine { target: &target, password: "a password" };
        let mut entropy = SeededEntropy::new(1);
        engine.init(&mut entropy).expect("made");
        // The configuration is written last: without it there is no repository yet.
        fs::remove_file(root.join("config")).expect("cut off");
        let other = Engine { target: &target, password: "another" };
        let refused = other.init(&mut entropy);
        assert!(matches!(refused, Err(Error::WrongPassword { .. })), "{refused:?}");
        engine.init(&mut entropy).expect("ended");
        let taken = engine.backup(&tree).expect("a snapshot");
        let keys = fs::read_dir(root.join("keys")).expect("keys").count();
        assert_eq!((keys, engine.list().expect("a list").len()), (1, 1));
        let back = directory.path().join("back");
        engine.restore(&taken.id, &back).expect("brought back");
        assert_eq!(fs::read(back.join("a")).expect("a file"), b"some bytes");
    }

    #[test]
    fn a_snapshot_of_somebody_else_is_told_and_outlives_all_that_is_let_go() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, tree) = (directory.path().join("repository"), directory.path().join("tree"));
        let target = Target { shelf: Shelf::Directory(root), upkeep: Upkeep::Here };
        let engine = Engine { target: &target, password: "a password" };
        engine.init(&mut SeededEntropy::new(1)).expect("made");
        let put = |text: &str| {
            fs::create_dir_all(&tree).expect("a tree");
            fs::write(tree.join("a"), text).expect("a file");
            engine.backup(&tree).expect("a snapshot").id
        };
        let (first, foreign, second) = (put("ours"), put("of somebody else"), put("ours too"));
        let ids = || engine.list().expect("a list").into_iter().map(|one| one.id);
        engine.forget(std::slice::from_ref(&first)).expect("lets go");
        assert_eq!(ids().collect::<Vec<_>>(), [foreign.clone(), second.clone()]);
        // Whoever was killed after that lets it go again.
        engine.forget(&[first]).expect("it is gone already");
        engine.forget(&[]).expect("clears");
        assert!(engine.check(true).expect("is read").is_empty());
        for (id, text) in [(&foreign, "of somebody else"), (&second, "ours too")] {
            let back = directory.path().join(id);
            engine.restore(id, &back).expect("brought back");
            assert_eq!(fs::read(back.join("a")).expect("a file"), text.as_bytes());
        }
        assert_eq!(ids().count(), 2);
    }
}
