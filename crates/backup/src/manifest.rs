//! What a snapshot holds, written into it: whoever restores compares.

use crate::Error;
use jiff::Timestamp;
use seal::sha256;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// The manifest's name at the root of a snapshot.
pub const MANIFEST: &str = "manifest.json";
/// What is read at a time.
const PIECE: usize = 1 << 16;

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// Its path below the root.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A table of the database in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLine {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The digest of its rows, hexadecimal.
    pub digest: String,
}

/// All of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program that wrote it.
    pub version: String,
    /// When.
    pub time: Timestamp,
    /// The tables of the database file.
    pub tables: Vec<TableLine>,
    /// The key of the audit log in it.
    pub log_key: String,
    /// The log's signed checkpoint.
    pub checkpoint: String,
    /// Entries of the log in it.
    pub log_size: u64,
    /// Keys by their names and public halves: the keys themselves are not in it.
    pub keys: BTreeMap<String, String>,
    /// Every file but this one.
    pub files: Vec<FileLine>,
}

impl Manifest {
    /// Lists the files of a tree, each with its digest, the manifest left out.
    pub fn files_of(root: &Path) -> Result<Vec<FileLine>, Error> {
        let paths = Self::all_files(root)?;
        let paths = paths.iter().filter(|path| *path != MANIFEST);
        paths.map(|path| line(root, Path::new(path))).collect()
    }

    /// The files of a tree, by their paths below the root.
    pub(crate) fn all_files(root: &Path) -> Result<Vec<String>, Error> {
        let mut files = Vec::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            let place = root.join(&directory);
            let failed = || Error::file("list", &place);
            for entry in fs::read_dir(&place).map_err(failed())? {
                let entry = entry.map_err(failed())?;
                let path = directory.join(entry.file_name());
                if entry.file_type().map_err(failed())?.is_dir() {
                    waiting.push(path);
                } else {
                    files.push(path.display().to_string());
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The manifest at the root of a tree, as it stands there and as it reads.
    pub fn read(root: &Path) -> Result<(Vec<u8>, Self), Error> {
        let path = root.join(MANIFEST);
        let text = fs::read(&path).map_err(Error::file("read", &path))?;
        let manifest = serde_json::from_slice(&text)
            .map_err(|error| Error::Differs { what: format!("the manifest: {error}") })?;
        Ok((text, manifest))
    }

    /// Takes one that came from elsewhere to the root of its tree, if this is its digest.
    pub fn adopt(text: &[u8], digest: &str, root: &Path) -> Result<Self, Error> {
        if hex::encode(sha256(text)) != digest {
            return Err(Error::Differs { what: "the manifest".to_owned() });
        }
        let manifest = serde_json::from_slice(text)
            .map_err(|error| Error::Differs { what: format!("the manifest: {error}") })?;
        let path = root.join(MANIFEST);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(manifest)
    }

    /// Writes it to the root of its tree; its digest.
    pub fn write(&self, root: &Path) -> Result<String, Error> {
        let text = serde_json::to_vec_pretty(self).expect("texts and numbers");
        let path = root.join(MANIFEST);
        fs::write(&path, &text).map_err(Error::file("write", &path))?;
        Ok(hex::encode(sha256(&text)))
    }

    /// Reads the manifest of a tree that came back, whose digest the ledger has, and compares every file:
    /// none is missing, none is other, none is there besides.
    pub fn prove(root: &Path, digest: &str) -> Result<Self, Error> {
        let path = root.join(MANIFEST);
        let text = fs::read(&path).map_err(Error::file("read", &path))?;
        let differs = |what: String| Error::Differs { what };
        if hex::encode(sha256(&text)) != digest {
            return Err(differs("the manifest is not the one of the ledger".to_owned()));
        }
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| differs(format!("the manifest: {error}")))?;
        let there = Self::files_of(root)?;
        if there != manifest.files {
            let known: BTreeMap<&str, &FileLine> =
                manifest.files.iter().map(|file| (file.path.as_str(), file)).collect();
            let other = there.iter().find(|file| known.get(file.path.as_str()) != Some(file));
            let other = other.or_else(|| manifest.files.iter().find(|file| !there.contains(file)));
            return Err(differs(other.map_or_else(String::new, |file| file.path.clone())));
        }
        Ok(manifest)
    }

    /// Rows in all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

fn line(root: &Path, path: &Path) -> Result<FileLine, Error> {
    let place = root.join(path);
    let failed = || Error::file("read", &place);
    let mut file = File::open(&place).map_err(failed())?;
    let (mut digest, mut bytes) = (seal::Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(failed())?;
        if read == 0 {
            break;
        }
        digest.add(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    Ok(FileLine { path: path.display().to_string(), bytes, sha256: hex::encode(digest.end()) })
}
