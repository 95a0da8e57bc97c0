//! A result on disk: all of it under its name, or nothing.

use super::Error;
use rustix::process::{Pid, test_kill_process};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The files of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `result.json`.
    pub json: Vec<u8>,
    /// `trades.csv`.
    pub trades: Vec<u8>,
    /// `fills.csv`.
    pub fills: Vec<u8>,
    /// `orders.csv`.
    pub orders: Vec<u8>,
    /// `refusals.csv`.
    pub refusals: Vec<u8>,
    /// `tearsheet.html`.
    pub tearsheet: Vec<u8>,
    /// `ticks.log`.
    pub ticks: Vec<u8>,
}

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
        let work = || -> io::Result<()> {
            make_directory(results)?;
            remove(&beside)?;
            fs::DirBuilder::new().mode(0o700).create(&beside)?;
            for (name, bytes) in self.named() {
                write(&beside.join(name), bytes)?;
            }
            File::open(&beside)?.sync_all()?;
            if target.is_dir() {
                if self.named().iter().all(|(name, bytes)| is(&target.join(name), bytes)) {
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

    /// Those that lie in a directory; `read` is asked for each by its name.
    pub fn read<E>(read: impl Fn(&str) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        Ok(Self {
            json: read(JSON)?,
            trades: read(TRADES)?,
            fills: read(FILLS)?,
            orders: read(ORDERS)?,
            refusals: read(REFUSALS)?,
            tearsheet: read(TEARSHEET)?,
            ticks: read(TICKS)?,
        })
    }

    const fn named(&self) -> [(&'static str, &Vec<u8>); 7] {
        [
            (JSON, &self.json),
            (TRADES, &self.trades),
            (FILLS, &self.fills),
            (ORDERS, &self.orders),
            (REFUSALS, &self.refusals),
            (TEARSHEET, &self.tearsheet),
            (TICKS, &self.ticks),
        ]
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

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn is(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).is_ok_and(|found| found == bytes)
}

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
        Files::read(|_| Ok::<_, Error>(text.as_bytes().to_vec())).expect("is there")
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
