//! One process owns a data directory; a second one hears who does.

use super::{Error, Paths};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
};

/// Held as long as the data directory is this process's own; a killed process lets go of it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What the lock file may say at most.
const BYTES_MAX: u64 = 256;

impl Lock {
    /// Takes the directory for `holder`, such as `the server`.
    pub fn take(paths: &Paths, holder: &str) -> Result<Self, Error> {
        let path = paths.lock();
        let failed = |source| Error::File { doing: "lock", path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // A link in its place would have another file cut to nothing.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Who holds it is a courtesy; that it is held is what counts.
                let _ = (&mut file).take(BYTES_MAX).read_to_string(&mut text);
                let holder = text.trim().chars().filter(|c| !c.is_control()).collect();
                return Err(Error::InUse { root: paths.root().to_owned(), holder });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        let line = format!("{holder}, process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(line.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_hears_who_the_first_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let paths = Paths::new(directory.path());
        let first = Lock::take(&paths, "the server").expect("free");
        let refused = Lock::take(&paths, "another").expect_err("held");
        let words = refused.to_string();
        let pid = format!("the server, process {}", std::process::id());
        assert!(words.contains(&pid) && words.contains("stop it"), "{words}");
        drop(first);
        Lock::take(&paths, "another").expect("free again");
    }
}
