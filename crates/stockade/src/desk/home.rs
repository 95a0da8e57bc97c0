//! An installation: its data directory, and the database that belongs to it.

use super::{Error, KeyTerms, Paths, Result};
use std::path::{Path, PathBuf};
use store::Database;

/// Where everything of an installation is. A path alone stands for a directory with its own
/// database of SQLite.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    database: Database,
    keys: KeyTerms,
}

impl Home {
    /// A directory, and the setting `database.url`: `sqlite` for a file in the directory.
    pub fn new(root: &Path, url: &str) -> Result<Self> {
        if url == "sqlite" {
            return Ok(Self::from(root));
        }
        let database = url.parse().map_err(Error::Store)?;
        Ok(Self { root: root.to_owned(), database, keys: KeyTerms::default() })
    }

    /// With a root key that is elsewhere than in the directory's key file.
    #[must_use]
    pub fn with_keys(self, keys: KeyTerms) -> Self {
        Self { keys, ..self }
    }

    /// Where the root key is.
    #[must_use]
    pub const fn keys(&self) -> &KeyTerms {
        &self.keys
    }

    /// The same, whose tables belong to the role of the setting `database.owner`; without one, to the
    /// server's own.
    pub fn owned_by(self, url: &str) -> Result<Self> {
        if url.is_empty() {
            return Ok(self);
        }
        let owner = url.parse().map_err(Error::Store)?;
        let database = self.database.owned_by(owner).map_err(Error::Store)?;
        Ok(Self { database, ..self })
    }

    /// The data directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }
}

impl From<&Path> for Home {
    fn from(root: &Path) -> Self {
        let database = Database::file(&Paths::new(root).database());
        Self { root: root.to_owned(), database, keys: KeyTerms::default() }
    }
}

impl From<&PathBuf> for Home {
    fn from(root: &PathBuf) -> Self {
        Self::from(root.as_path())
    }
}

impl From<PathBuf> for Home {
    fn from(root: PathBuf) -> Self {
        Self::from(root.as_path())
    }
}

impl From<&Home> for Home {
    fn from(home: &Home) -> Self {
        home.clone()
    }
}
