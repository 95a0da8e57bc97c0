//! A result on disk: all of it under its name, or nothing.

use super::Error;
use rustix::process::{Pid, test_kill_process};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, ErrorKind, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What a file of a result holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What lies there: a table that was written while its run went on, or a result that is kept.
    At(PathBuf),
}

impl Part {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(bytes.as_slice()),
            Self::At(path) => Box::new(BufReader::new(File::open(path)?)),
        })
    }
}

/// The files of a result, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(Vec<(&'static str, Part)>);

/// Names of a result's files.
pub const JSON: &str = "result.json";
/// The trade list.
pub const TRADES: &str = "trades.csv";
/// The executions.
pub const FILLS: &str = "fills.csv";
/// The orders and what became of them.
pub const ORDERS: &str = "orders.csv";
/// What was refused, and why.
pub const REFUSALS: &str = "refusals.csv";
/// The tear sheet.
pub const TEARSHEET: &str = "tearsheet.html";

/// Every tick, chained; see [`engine::ticks`].
pub const TICKS: &str = "ticks.log";

static PLACING: Mutex<()> = Mutex::new(());

/// What names of unfinished results begin with.
const UNFINISHED: &str = ".unfinished-";

impl Files {
    /// Puts them into `results/<run_id>/`: written beside it, flushed, renamed. A result of that
    /// name that is already there and is the same stays; one that differs is replaced.
    pub fn place(&self, results: &Path, run_id: &str) -> Result<PathBuf, Error> {
        // Two runs of one strategy at a time have one name: they take turns.
        let _turn = PLACING.lock().unwrap_or_else(PoisonError::into_inner);
        let target = results.join(run_id);
        let beside = results.join(format!("{UNFINISHED}{run_id}-{}", std::process::id()));
        if results.is_symlink() {
            return Err(Error::Linked { path: results.to_owned() });
        }
        let work = || -> io::Result<()> {
            make_directory(results)?;
            if target.is_symlink() {
                fs::remove_file(&target)?;
            }
            remove(&beside)?;
            fs::DirBuilder::new().mode(0o700).create(&beside)?;
            for (name, part) in &self.0 {
                write(&beside.join(name), part)?;
            }
            File::open(&beside)?.sync_all()?;
            if target.is_dir() {
                if self.0.iter().all(|(name, part)| is(&target.join(name), part)) {
                    return remove(&beside);
                }
                let old = results.join(format!("{UNFINISHED}{run_id}-old-{}", std::process::id()));
                remove(&old)?;
                fs::rename(&target, &old)?;
                fs::rename(&beside, &target)?;
                remove(&old)?;
            } else {
                fs::rename(&beside, &target)?;
            }
            File::open(results)?.sync_all()
        };
        work().map_err(|source| {
            // What is left over is swept at the next start.
            let _ = remove(&beside);
            Error::File { doing: "write the result", path: target.clone(), source }
        })?;
        Ok(target)
    }

    /// These, each with its name.
    #[must_use]
    pub const fn new(parts: Vec<(&'static str, Part)>) -> Self {
        Self(parts)
    }

    /// Those of a result that is kept.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        let names = [JSON, TRADES, FILLS, ORDERS, REFUSALS, TEARSHEET, TICKS];
        Self(names.map(|name| (name, Part::At(directory.join(name)))).into())
    }

    /// Each file's name, and whether a directory has the same bytes under it.
    #[must_use]
    pub fn compared(&self, directory: &Path) -> Vec<(&'static str, bool)> {
        let compared = |(name, part): &(_, Part)| (*name, is(&directory.join(name), part));
        let mut found: Vec<_> = self.0.iter().map(compared).collect();
        found.sort_unstable();
        found
    }

    /// The bytes of one of them; none if there is no such file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let part = self.0.iter().find(|(known, _)| *known == name);
        let read = part.map_or(Ok(0), |(_, part)| part.open()?.read_to_end(&mut bytes));
        let failed = |source| Error::File { doing: "read", path: PathBuf::from(name), source };
        read.map_err(failed)?;
        Ok(bytes)
    }
}

/// Refuses a result that is, lies behind or holds a link: what a link leads to is nobody's result.
pub fn unlinked(directory: &Path) -> Result<(), Error> {
    let files = Files::at(directory);
    let inside = files.0.iter().map(|(name, _)| directory.join(name));
    let behind = directory.parent().map(Path::to_owned);
    let found = behind.into_iter().chain([directory.to_owned()]).chain(inside);
    match found.into_iter().find(|path| path.is_symlink()) {
        Some(path) => Err(Error::Linked { path }),
        None => Ok(()),
    }
}

/// Removes what a killed run left unfinished, and every result that `is_known` does not know.
pub fn sweep(results: &Path, is_known: impl Fn(&str) -> bool) -> Result<usize, Error> {
    let failed = |source| Error::File { doing: "sweep", path: results.to_owned(), source };
    let entries = match fs::read_dir(results) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut swept = 0;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(UNFINISHED) || !is_known(&name) {
            remove(&entry.path()).map_err(failed)?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Removes unfinished results of processes that are no more; those of living ones stay.
pub fn sweep_dead(results: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { doing: "sweep", path: results.to_owned(), source };
    let entries = match fs::read_dir(results) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(UNFINISHED).and_then(|rest| rest.rsplit_once('-'));
        let writer = pid.and_then(|(_, pid)| pid.parse().ok()).and_then(Pid::from_raw);
        if writer.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH)) {
            remove(&entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Makes a directory that only its owner enters, and its parents.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Refuses a directory that somebody else owns or may write: they could put files in our way.
pub fn only_ours(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { doing: "look at", path: path.to_owned(), source };
    let found = fs::metadata(path).map_err(failed)?;
    let owner = rustix::process::geteuid().as_raw();
    if found.uid() == owner && found.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(Error::Exposed { path: path.to_owned() })
    }
}

fn write(path: &Path, part: &Part) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(&mut part.open()?, &mut file)?;
    file.sync_all()
}

/// Whether a file holds this, looked at piece by piece.
fn is(path: &Path, part: &Part) -> bool {
    let same = || -> io::Result<bool> {
        let (mut one, mut other) = (BufReader::new(File::open(path)?), part.open()?);
        let (mut a, mut b) = (vec![0; PIECE], vec![0; PIECE]);
        loop {
            let count = fill(&mut one, &mut a)?;
            if fill(&mut other, &mut b)? != count || a.get(..count) != b.get(..count) {
                return Ok(false);
            }
            if count == 0 {
                return Ok(true);
            }
        }
    };
    same().unwrap_or(false)
}

/// Bytes that are compared at a time.
const PIECE: usize = 1 << 16;

/// Reads until the piece is full or nothing is left.
fn fill(from: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = piece.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            n => count += n,
        }
    }
    Ok(count)
}

/// A directory beside the results for what a run writes while it goes on; gone when it is dropped,
/// and swept at the next start if the process is killed.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one for a run of this name.
    pub fn create(results: &Path, run_id: &str) -> Result<Self, Error> {
        let number = SCRATCHES.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let path = results.join(format!("{UNFINISHED}{run_id}-tables-{number}-{pid}"));
        let work = || -> io::Result<()> {
            make_directory(results)?;
            remove(&path)?;
            fs::DirBuilder::new().mode(0o700).create(&path)
        };
        work().map_err(|source| Error::File { doing: "make", path: path.clone(), source })?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Weather: what stays is swept at the next start.
        drop(remove(&self.0));
    }
}

static SCRATCHES: AtomicU64 = AtomicU64::new(0);

/// Removes a directory with all in it, if it is there.
pub fn remove_directory(path: &Path) -> Result<(), Error> {
    remove(path).map_err(|source| Error::File { doing: "remove", path: path.to_owned(), source })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        Files::new(vec![(JSON, Part::Bytes(text.as_bytes().to_vec()))])
    }

    #[test]
    fn a_result_is_placed_whole_and_placed_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let results = directory.path().join("results");
        for text in ["one", "one", "two"] {
            let path = files(text).place(&results, "abc").expect("places");
            assert_eq!(fs::read_to_string(path.join(JSON)).expect("reads"), text);
            assert_eq!(fs::read_dir(&results).expect("lists").count(), 1, "nothing beside it");
        }
    }

    #[test]
    fn runs_of_one_name_take_turns() {
        let directory = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let results = directory.path();
                let text = if n % 2 == 0 { "even" } else { "odd" };
                scope.spawn(move || files(text).place(results, "run").expect("places"));
            }
        });
        let left: Vec<_> = fs::read_dir(directory.path()).expect("lists").collect();
        assert_eq!(left.len(), 1, "nothing beside the result");
        assert!(directory.path().join("run").join(JSON).exists());
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_the_living_are_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = |pid: u32| {
            let path = directory.path().join(format!(".unfinished-run-{pid}"));
            fs::create_dir(&path).expect("makes");
            path
        };
        // No process has this number: it lies above the kernel's largest.
        let (dead, alive) = (made(0x7fff_fff0), made(std::process::id()));
        sweep_dead(directory.path()).expect("sweeps");
        assert!(!dead.exists() && alive.exists());
        sweep_dead(&directory.path().join("nowhere")).expect("nothing there");
    }

    #[test]
    fn the_sweep_takes_what_is_unfinished_or_unknown() {
        let directory = tempfile::tempdir().expect("a directory");
        let results = directory.path();
        files("x").place(results, "known").expect("places");
        files("x").place(results, "orphan").expect("places");
        fs::create_dir(results.join(".unfinished-known-1")).expect("makes");
        assert_eq!(sweep(results, |name| name == "known").expect("sweeps"), 2);
        assert!(results.join("known").is_dir());
        assert_eq!(sweep(&results.join("nowhere"), |_| true).expect("nothing there"), 0);
    }
}
