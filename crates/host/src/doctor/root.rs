//! The machine's files, or a picture of them under a prefix.

use jiff::Timestamp;
use std::{
    fs::{self, File, Metadata},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// The most of a file that is read.
pub(super) const BYTES_MAX: u64 = 1 << 20;
/// The most entries of a directory that are listed.
const ENTRIES_MAX: usize = 20_000;

/// Where the machine's files are: `/`, or a directory that holds a picture of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

/// What became of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Text(String),
    Absent,
    /// It is there, or may be; why it cannot be read.
    Unreadable(String),
}

impl Reading {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// A picture of a machine in a directory.
    #[must_use]
    pub fn picture(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn read(&self, path: impl AsRef<Path>) -> Reading {
        let path = path.as_ref();
        let read = || {
            let mut bytes = Vec::new();
            File::open(self.path(path))?.take(BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        match read() {
            Ok(text) => Reading::Text(text),
            Err(error) if is_absent(&error) => Reading::Absent,
            Err(error) => Reading::Unreadable(format!("{}: {error}", path.display())),
        }
    }

    /// The first word of a file.
    pub(super) fn word(&self, path: impl AsRef<Path>) -> Option<String> {
        let reading = self.read(path);
        reading.text().and_then(|text| text.split_whitespace().next()).map(str::to_owned)
    }

    pub(super) fn metadata(&self, path: impl AsRef<Path>) -> std::io::Result<Metadata> {
        fs::metadata(self.path(path))
    }

    pub(super) fn exists(&self, path: impl AsRef<Path>) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    pub(super) fn modified(&self, path: impl AsRef<Path>) -> Option<Timestamp> {
        let modified = self.metadata(path).ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    }

    /// The names in a directory, sorted; `None` if it cannot be listed.
    pub(super) fn list(&self, directory: impl AsRef<Path>) -> Option<Vec<String>> {
        let entries = fs::read_dir(self.path(directory)).ok()?;
        let names = entries.filter_map(Result::ok).take(ENTRIES_MAX);
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Some(names)
    }

    /// Where a link leads.
    pub(super) fn link(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    /// Paths that fit a pattern with `*` in its last part, sorted.
    pub(super) fn matching(&self, pattern: &str) -> Vec<String> {
        let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
        let Some((before, after)) = name.split_once('*') else { return vec![pattern.to_owned()] };
        let names = self.list(directory).unwrap_or_default();
        let fits = |name: &String| {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
                && !name.starts_with('.')
        };
        names.into_iter().filter(fits).map(|name| format!("{directory}/{name}")).collect()
    }

    /// The programs that run: number and name.
    pub(super) fn processes(&self) -> Vec<(String, String)> {
        let numbers = self.list("/proc").unwrap_or_default().into_iter();
        let numbers = numbers.filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
        numbers
            .filter_map(|number| {
                let name = self.word(format!("/proc/{number}/comm"))?;
                Some((number, name))
            })
            .collect()
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
