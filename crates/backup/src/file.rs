//! Files that are there whole or not at all, for their owner alone.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// What an unfinished file ends in, where a file without a name cannot be had.
const DRAFT: &str = ".draft";

/// A directory and those above it, for their owner alone.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Writes a file that is not there yet, and needs no right to remove or to replace one: it has no name before
/// all of it is on the disk.
pub(crate) fn add(path: &Path, parts: &[impl AsRef<[u8]>]) -> io::Result<()> {
    add_by(path, |file| parts.iter().try_for_each(|part| file.write_all(part.as_ref())))
}

/// The same, where it is written piece by piece.
pub(crate) fn add_by(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let parent = parent(path)?;
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match openat(CWD, parent, flags, Mode::RUSR | Mode::WUSR) {
        Ok(nameless) => {
            let mut file = File::from(nameless);
            write(&mut file)?;
            file.sync_all()?;
            let own = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, own.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
            sync(parent)
        }
        // Some file systems, and those of other machines, have no files without names.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            replace_by(path, write)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a file in the place of what may stand there.
pub(crate) fn replace(path: &Path, parts: &[impl AsRef<[u8]>]) -> io::Result<()> {
    replace_by(path, |file| parts.iter().try_for_each(|part| file.write_all(part.as_ref())))
}

fn replace_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let parent = parent(path)?;
    let mut draft = path.to_owned().into_os_string();
    draft.push(DRAFT);
    let draft = PathBuf::from(draft);
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    if let Err(error) = write(&mut file).and_then(|()| file.sync_all()) {
        // A disk that is full has room again for what is worth more.
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    fs::rename(&draft, path)?;
    sync(parent)
}

/// The directory of a file, made where it is missing.
fn parent(path: &Path) -> io::Result<&Path> {
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make(parent)?;
    Ok(parent)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_replaces_nothing_and_leaves_no_half() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("below/one");
        add(&path, &["whole", " text"]).expect("is added");
        let again = add(&path, &["other"]).expect_err("stands there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("reads"), b"whole text");
        replace(&path, &["other"]).expect("is replaced");
        assert_eq!(fs::read(&path).expect("reads"), b"other");
        let names = fs::read_dir(directory.path().join("below")).expect("lists").count();
        assert_eq!(names, 1, "no draft stays");
    }
}
