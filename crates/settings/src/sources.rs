//! The layers above the defaults, as they are read from the machine.

use crate::Error;
use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// The largest configuration file that is read.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What every variable of ours begins with.
pub(crate) const PREFIX: &str = "STOCKADE_";

/// The text of a configuration file and where it lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Where it lay.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl FileText {
    /// Reads a file; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(Error::TooLarge { path: path.to_owned() });
        }
        Ok(Some(Self { path: path.to_owned(), text }))
    }
}

/// A value given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The setting it sets.
    pub key: &'static str,
    /// The flag as it is typed, with its dashes.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Everything that may stand above the defaults, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<FileText>,
    /// Variables that begin with `STOCKADE_`, and their values.
    pub environment: Vec<(String, String)>,
    /// Flags that were given.
    pub flags: Vec<Flag>,
    /// Which keys and variables are secrets that no layer may set, and how their store calls them.
    pub sealed: Option<fn(&str) -> Option<String>>,
}

impl Sources {
    /// How the store calls the secret that a key or a variable would set.
    pub(crate) fn secret(&self, written: &str) -> Option<String> {
        self.sealed.and_then(|named| named(written))
    }
}

impl Sources {
    /// Every `STOCKADE_` variable of this process, in order of name.
    #[must_use]
    pub fn environment_of_process() -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        found.sort();
        found
    }
}
