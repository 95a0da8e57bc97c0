//! A place of backups: the repository, the sets of wrapped keys, the ledger, what must outlive the database,
//! and the sealed kit. One at a time works there.

use crate::{Error, Ledger, local::make, signed};
use rustix::fs::{FlockOperation, flock};
use seal::{Aad, Entropy, SealingKey, Secret, SigningKey, VerifyingKey};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const LEDGER: &str = "ledger";
const STANDINGS: &str = "standings";
const KIT: &str = "recovery.age";
const KEYS: &str = "keys";
const REPOSITORY: &str = "repository";
const LOCK: &str = "lock";
const READ_ME: &str = "README";
/// What any of its files has at most.
const BYTES_MAX: u64 = 64 << 20;

const WORDS: &str = "Backups of a Stockade server.\n\n\
repository    snapshots in restic's format: restic -r repository snapshots\n\
recovery.age  the password and the key file, sealed: age -d -i IDENTITY recovery.age\n\
keys          wrapped keys of accounts, sealed, one file for each of the last 35 days\n\
ledger        what was taken, let go and proved, signed\n\
standings     who was erased, disabled or lost a role, signed: a restore applies it\n\n\
To bring a server back: stockade backup restore --from THIS --into DIR --identity IDENTITY\n";

/// Where backups lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(PathBuf);

/// The only one who works there, for as long as it lives.
#[derive(Debug)]
pub struct Hold {
    place: Place,
    _lock: File,
}

impl Place {
    /// A directory; nothing is made yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(std::path::absolute(root).unwrap_or_else(|_| root.to_owned()))
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> PathBuf {
        self.0.join(REPOSITORY)
    }

    /// Whether there is a repository.
    #[must_use]
    pub fn is_founded(&self) -> bool {
        self.repository().join("config").is_file()
    }

    /// The ledger, if there is one.
    pub fn ledger(&self, key: &VerifyingKey) -> Result<Ledger, Error> {
        match self.text(LEDGER)? {
            Some(text) => Ledger::parse(&text, key),
            None => Ok(Ledger::default()),
        }
    }

    /// What must outlive the database, if it was written; its text is the caller's.
    pub fn standings(&self, key: &VerifyingKey) -> Result<Option<String>, Error> {
        let Some(text) = self.text(STANDINGS)? else { return Ok(None) };
        signed::verify(STANDINGS, &text, key).map(|body| Some(body.to_owned()))
    }

    /// Writes what must outlive the database, unless it stands there; whether it was written.
    pub fn keep_standings(&self, body: &str, key: &SigningKey) -> Result<bool, Error> {
        let text = signed::sign(STANDINGS, body, key);
        if self.text(STANDINGS)?.as_deref() == Some(text.as_str()) {
            return Ok(false);
        }
        put(&self.0.join(STANDINGS), text.as_bytes()).map(|()| true)
    }

    /// The sealed kit, and where it lies.
    pub fn kit(&self) -> Result<(Vec<u8>, PathBuf), Error> {
        let path = self.0.join(KIT);
        let bytes = read(&path)?.ok_or_else(|| Error::Nothing { place: self.0.clone() })?;
        Ok((bytes, path))
    }

    /// A set of wrapped keys.
    pub fn keys(&self, name: &str, key: &SealingKey) -> Result<Secret<Vec<u8>>, Error> {
        let path = self.0.join(KEYS).join(name);
        let missing = || Error::File {
            doing: "read",
            path: path.clone(),
            source: io::ErrorKind::NotFound.into(),
        };
        let sealed = read(&path)?.ok_or_else(missing)?;
        let what = || format!("the wrapped keys {}", path.display());
        key.open(&aad(name), &sealed).map_err(|source| Error::Sealed { what: what(), source })
    }

    /// Takes the place, or says that somebody has it.
    pub fn hold(&self) -> Result<Hold, Error> {
        make(&self.0).map_err(Error::file("make", &self.0))?;
        let path = self.0.join(LOCK);
        let mut open = OpenOptions::new();
        let file = open.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(Error::file("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Hold { place: self.clone(), _lock: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy { place: self.0.clone() }),
            Err(error) => Err(Error::file("lock", path)(error.into())),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let path = self.0.join(name);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|error| Error::file("read", path)(io::Error::other(error)))
    }
}

impl Hold {
    /// The place.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Writes the ledger.
    pub fn keep_ledger(&self, ledger: &Ledger, key: &SigningKey) -> Result<(), Error> {
        put(&self.place.0.join(LEDGER), ledger.render(key).as_bytes())
    }

    /// Writes the sealed kit, and what a person reads who finds all this.
    pub fn keep_kit(&self, sealed: &[u8]) -> Result<(), Error> {
        put(&self.place.0.join(READ_ME), WORDS.as_bytes())?;
        put(&self.place.0.join(KIT), sealed)
    }

    /// Writes a set of wrapped keys under its name, sealed.
    pub fn keep_keys(
        &self,
        name: &str,
        keys: &[u8],
        key: &SealingKey,
        entropy: &mut dyn Entropy,
    ) -> Result<(), Error> {
        put(&self.place.0.join(KEYS).join(name), &key.seal(&aad(name), keys, entropy))
    }

    /// Deletes sets of wrapped keys; one that is gone already is no error.
    pub fn drop_keys<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        for name in names {
            let path = self.place.0.join(KEYS).join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::file("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A set of keys is for its name: an old one does not pass for a new one.
const fn aad(name: &str) -> Aad<'_> {
    Aad { tenant: "", table: "backup", row: name, column: "keys", kind: "json" }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::file("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    Ok(Some(bytes))
}

/// Whole or not at all, for its owner alone.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = || Error::file("write", path);
    let parent = path.parent().unwrap_or(path);
    make(parent).map_err(failed())?;
    let draft = path.with_extension("draft");
    let mut open = OpenOptions::new();
    let file = open.write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let mut file = file.map_err(failed())?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed())?;
    fs::rename(&draft, path).map_err(failed())?;
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed())
}
