//! The secrets of the server, sealed in one file under the installation's keys: passwords of services, keys
//! that sign mail, keys of vendors.
//!
//! The file is read anew for each use, so the command line and a running server see one another's changes
//! without a word between them; of two writers the slower one looks again.

mod act;
mod known;
mod vendors;

pub use act::SecretAct;
pub use known::{KnownSecret, secret_named};
pub use vendors::{VENDORS_MAX, VendorKey, is_vendor};

use super::{Actor, Deed, Desk, Error, Home, Paths, Result, keyring, now};
use jiff::Timestamp;
use kms::{Holder, KeyRing, Listed, NewSecret, SecretStore, SystemEntropy};
use seal::Secret;
use std::path::{Path, PathBuf};

/// Attempts to write beside others who write.
const TURNS_MAX: usize = 8;

/// Who put a secret in from the machine itself.
pub const BY_HOST: &str = "host";

/// The sealed store of an installation.
#[derive(Debug, Clone)]
pub struct Secrets {
    path: PathBuf,
    keys: KeyRing,
}

/// What putting a secret in came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKept {
    /// What may be told of it.
    pub listed: Listed,
    /// The fingerprint of the value that it took the place of.
    pub before: Option<String>,
}

impl SecretKept {
    /// Whether the same value was there already.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.before.as_ref() == Some(&self.listed.fingerprint)
    }
}

impl Secrets {
    /// Those of a data directory. What an earlier version kept under another name is taken over: the file
    /// is the same.
    pub fn of(root: &Path, keys: &KeyRing) -> Result<Self> {
        let paths = Paths::new(root);
        let (path, old) = (paths.secrets(), paths.old_secrets());
        if path.symlink_metadata().is_err() && old.symlink_metadata().is_ok() {
            let failed = |source| Error::File { doing: "rename", path: old.clone(), source };
            std::fs::rename(&old, &path).map_err(failed)?;
        }
        Ok(Self { path, keys: keys.clone() })
    }

    /// The store, if anything was ever put in.
    fn store(&self) -> Result<Option<SecretStore>> {
        match SecretStore::open(&self.path, Holder::Ring(&self.keys)) {
            Ok(store) => Ok(Some(store)),
            Err(kms::Error::Absent { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What there is, by name; never a value.
    pub fn list(&self) -> Result<Vec<Listed>> {
        Ok(self.store()?.map(|store| store.list()).unwrap_or_default())
    }

    /// A secret's value, if it is there.
    pub fn find(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>> {
        let found = self.store()?.map(|store| store.get(name)).transpose();
        match found {
            Err(kms::Error::NoSecret { .. }) => Ok(None),
            other => Ok(other?),
        }
    }

    /// Puts a secret in, or another value in its place. A value that is there already stays as it is, with
    /// its date.
    pub fn keep(
        &self,
        name: &str,
        by: &str,
        value: &Secret<Vec<u8>>,
        now: Timestamp,
    ) -> Result<SecretKept> {
        again(|| {
            let entropy = &mut SystemEntropy::new();
            let mut store = match self.store()? {
                Some(store) => store,
                None => SecretStore::create(&self.path, Holder::Ring(&self.keys), entropy)?,
            };
            let before = store.list().into_iter().find(|listed| listed.name == name);
            if let Some(listed) = before.clone()
                && listed.fingerprint == store.fingerprint(value)
            {
                return Ok(SecretKept { before: Some(listed.fingerprint.clone()), listed });
            }
            let secret = NewSecret { name, label: by, created: now, value };
            let listed = match before {
                Some(_) => store.replace(secret, entropy)?,
                None => store.put(secret, entropy)?,
            };
            Ok(SecretKept { listed, before: before.map(|listed| listed.fingerprint) })
        })
    }

    /// Takes a secret out; what it was.
    pub fn remove(&self, name: &str) -> Result<Listed> {
        again(|| {
            let missing = || Error::NotFound { what: "secret" };
            let mut store = self.store()?.ok_or_else(missing)?;
            let mut all = store.list().into_iter();
            let listed = all.find(|listed| listed.name == name).ok_or_else(missing)?;
            store.remove(name, &mut SystemEntropy::new())?;
            Ok(listed)
        })
    }
}

/// Does it, and again where somebody else wrote meanwhile.
fn again<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..TURNS_MAX {
        match work() {
            Err(Error::Key(kms::Error::Changed { .. } | kms::Error::Exists { .. })) => {}
            other => return other,
        }
    }
    work()
}

impl Desk {
    /// The sealed secrets.
    pub fn secrets(&self) -> Result<Secrets> {
        Secrets::of(self.paths().root(), self.keys())
    }

    /// Writes into the log what the command line did with secrets.
    pub async fn note_secret(&self, act: SecretAct) -> Result<()> {
        let kept = self.store().begin().await?;
        kept.commit(Deed::Secret(act).entry(Actor::Host), now()).await?;
        Ok(())
    }
}

/// The secrets of an installation whose database may not be known yet: its password may be one of them.
pub async fn secrets_of(home: &Home) -> Result<Secrets> {
    let paths = Paths::new(home.root());
    super::results::make_directory(home.root()).map_err(|source| Error::File {
        doing: "make the data directory",
        path: home.root().to_owned(),
        source,
    })?;
    let there = [paths.key_ring(), paths.key_file()];
    let keys = if there.iter().any(|path| path.symlink_metadata().is_ok()) {
        keyring::open_existing(home).await?
    } else {
        keyring::open(home).await?
    };
    Secrets::of(home.root(), &keys.ring)
}

#[cfg(test)]
mod tests;
