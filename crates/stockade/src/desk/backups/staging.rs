//! What goes into a snapshot: a tree beside the data, of links where nothing ever changes and of copies where
//! something may.

use crate::desk::{Error, Paths, Result, results::make_directory};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use store::Database;

/// What is no part of a backup: keys stay where keys are, the database comes as a copy, the rest is of this
/// moment only. `tls` holds the private key of this machine's own authority; a restored one makes another.
const LEFT_OUT: [&str; 6] =
    ["stockade.lock", "stockade.sock", "stockade.key", "stockade.ring", "tls", "backup"];
/// Files below these are written once and renamed into place: a link holds them as they are.
const NEVER_CHANGE: [&str; 2] = ["catalog", "results"];
/// Where a configuration from elsewhere lies in a snapshot.
pub(super) const CONFIG: &str = "config/stockade.toml";
/// The database in a snapshot.
pub(super) const DATABASE: &str = "stockade.db";

/// What a stage is filled from.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) paths: &'a Paths,
    pub(super) database: &'a Database,
    /// The configuration file, where it lies outside of the data directory.
    pub(super) config: Option<&'a Path>,
    /// Where backups go, which is no part of one.
    pub(super) place: Option<PathBuf>,
}

/// An empty directory to work in, under this name.
pub(super) fn clean(directory: &Path) -> Result<()> {
    let file = |doing| {
        let path = directory.to_owned();
        move |source| Error::File { doing, path, source }
    };
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file("clear")(error)),
        _ => {}
    }
    make_directory(directory).map_err(file("make"))
}

/// Fills a stage with everything but the database.
pub(super) fn fill(origin: &Origin<'_>, stage: &Path) -> Result<()> {
    let root = origin.paths.root();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let from = root.join(&directory);
        let failed = |source| Error::File { doing: "list", path: from.clone(), source };
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = directory.join(entry.file_name());
            if is_left_out(origin, &path) {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() {
                place((&root.join(&path), &stage.join(&path)), never_changes(&path))?;
            }
        }
    }
    if let Some(config) = origin.config
        && !config.starts_with(root)
    {
        place((config, &stage.join(CONFIG)), false)?;
    }
    Ok(())
}

fn is_left_out(origin: &Origin<'_>, path: &Path) -> bool {
    let whole = origin.paths.root().join(path);
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let is_top = path.components().count() == 1;
    let database = origin.database.path();
    let of_database = database.is_some_and(|database| {
        let stem = database.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        whole.parent() == database.parent() && name.starts_with(&*stem)
    });
    // A database of before this one, which stood here under the usual name.
    let of_old = is_top && name.starts_with(DATABASE);
    origin.place.as_deref() == Some(&*whole)
        || of_database
        || of_old
        || (is_top && LEFT_OUT.contains(&&*name))
}

fn never_changes(path: &Path) -> bool {
    path.components().any(|part| NEVER_CHANGE.iter().any(|name| part.as_os_str() == *name))
}

/// A file in its place of the stage. One that is gone by now is no part of this moment.
fn place((from, to): (&Path, &Path), linked: bool) -> Result<()> {
    let failed = |source| Error::File { doing: "stage", path: from.to_owned(), source };
    if let Some(parent) = to.parent() {
        make_directory(parent).map_err(failed)?;
    }
    // Where the system links nothing, a copy does as well.
    if linked && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let copied = (|| {
        let about = fs::metadata(from)?;
        fs::copy(from, to)?;
        // The engine knows by the time that it has a file already.
        File::open(to)?.set_modified(about.modified()?)
    })();
    match copied {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed),
    }
}
