//! What was seen of the last release, so that an older one and another key are noticed.

use super::Known;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fmt::Display,
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

/// The newest release that ran here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// The key that signed it, as minisign writes it.
    pub key: String,
    /// Its version.
    pub version: String,
    /// When its sources were committed.
    pub committed_at: Timestamp,
}

impl Memory {
    /// Of a release that was found good.
    pub(super) fn of(known: &Known) -> Self {
        Self {
            key: known.key.clone(),
            version: known.release.version.clone(),
            committed_at: known.release.committed_at,
        }
    }

    /// What was kept, if anything was; what does not read is not taken for nothing.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let cannot = |error: &dyn Display| format!("cannot read {}: {error}", path.display());
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| cannot(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(&error)),
        }
    }

    /// Keeps it, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        if Self::read(path)?.as_ref() == Some(self) {
            return Ok(());
        }
        let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(cannot)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
        let text = serde_json::to_string(self).expect("texts and times have a JSON text");
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
        file.persist(path).map(drop).map_err(|error| cannot(error.error))
    }
}
