//! What was seen of each log before: its key and its last checkpoint, a file each.

use super::Error;
use audit::{Checkpoint, Seen, Verifier};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// The largest file: a key and a checkpoint.
const BYTES_MAX: u64 = 300_000;

/// A directory of what was seen.
#[derive(Debug, Clone)]
pub struct Memory(PathBuf);

impl Memory {
    /// In this directory; it is made when there is something to remember.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The key and the last checkpoint of the log at this address.
    pub fn of(&self, address: &str) -> Result<Option<(Verifier, Seen)>, Error> {
        let path = self.path(address);
        let file = |source| Error::File { doing: "read", path: path.clone(), source };
        let text = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(error)),
            Ok(found) if found.len() > BYTES_MAX => return Err(Error::Memory { path }),
            Ok(_) => fs::read_to_string(&path).map_err(file)?,
        };
        let read = || {
            let (key, note) = text.split_once('\n')?;
            let key: Verifier = key.parse().ok()?;
            let checkpoint = Checkpoint::verify(note, &key).ok()?;
            Some((key, Seen { checkpoint, note: note.to_owned() }))
        };
        // To forget in silence would be to believe whatever comes next.
        read().map(Some).ok_or(Error::Memory { path })
    }

    /// Remembers, whole or not at all, before anything is said of it.
    pub fn keep(&self, address: &str, key: &Verifier, note: &str) -> Result<(), Error> {
        let path = self.path(address);
        let file = |source| Error::File { doing: "write", path: path.clone(), source };
        fs::create_dir_all(&self.0).map_err(file)?;
        let mut new = tempfile::NamedTempFile::new_in(&self.0).map_err(file)?;
        new.write_all(format!("{key}\n{note}").as_bytes()).map_err(file)?;
        new.as_file().sync_all().map_err(file)?;
        new.persist(&path).map_err(|error| file(error.error))?;
        Ok(())
    }

    fn path(&self, address: &str) -> PathBuf {
        self.0.join(format!("{}.log", hex::encode(seal::sha256(address.as_bytes()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::Signer;
    use seal::{Secret, SigningKey};

    #[test]
    fn what_was_seen_is_remembered_whole_or_complained_of() {
        let directory = tempfile::tempdir().expect("a directory");
        let memory = Memory::at(&directory.path().join("seen"));
        let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([7; 32])));
        let note = Checkpoint::sign(5, &[9; 32], &signer).expect("a note");
        assert!(memory.of("https://a").expect("read").is_none());
        memory.keep("https://a", signer.verifier(), &note).expect("kept");
        let (key, seen) = memory.of("https://a").expect("read").expect("it is there");
        assert_eq!((&key, seen.checkpoint.size, &seen.note), (signer.verifier(), 5, &note));
        assert!(memory.of("https://b").expect("read").is_none());
        let path = memory.path("https://a");
        let whole = fs::read_to_string(&path).expect("read");
        for damaged in [whole.replace("\n5\n", "\n4\n"), String::new(), "x".repeat(400_000)] {
            fs::write(&path, damaged).expect("written");
            assert!(matches!(memory.of("https://a"), Err(Error::Memory { .. })));
        }
    }
}
