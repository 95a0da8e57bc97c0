//! The program itself, as a process of its own: what it writes, and what lies in its memory.

use crate::browser::Browser;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufReader, ErrorKind},
    net::SocketAddr,
    os::unix::{
        fs::{FileExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");
/// Names another build of the program, for what is measured: that of the tests is not optimised.
const OTHER: &str = "PROGRAM_UNDER_TEST";

/// A server in a process of its own, killed when the test lets go of it.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    authority: PathBuf,
    pub link: Option<String>,
    /// Where its log goes.
    pub log: PathBuf,
}

impl Program {
    /// Serves a data directory, any free port, and logs into a file with this level and form.
    pub fn start(root: &Path, log: &Path, settings: &str) -> Self {
        std::fs::create_dir_all(root).expect("a directory");
        std::fs::write(root.join("stockade.toml"), settings).expect("writes");
        let program = std::env::var_os(OTHER).unwrap_or_else(|| STOCKADE.into());
        Self::started(Command::new(program), root, log)
    }

    /// The same as the user of this number, for a test that root runs: the program is copied to where
    /// that user may execute it.
    pub fn start_as(user: u32, root: &Path, log: &Path) -> Self {
        std::fs::create_dir_all(root).expect("a directory");
        let program = log.with_file_name("program");
        std::fs::copy(STOCKADE, &program).expect("copies");
        chown(root, Some(user), Some(user)).expect("is root's to give");
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        Self::started(command, root, log)
    }

    /// The same by another file of the program.
    pub fn start_file(program: &Path, root: &Path, log: &Path) -> Self {
        std::fs::create_dir_all(root).expect("a directory");
        Self::started(Command::new(program), root, log)
    }

    fn started(mut command: Command, root: &Path, log: &Path) -> Self {
        let said = File::create(log).expect("a log");
        let mut child = command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(root)
            .env_clear()
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("was asked for"));
        let mut told = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        let told = told.next();
        let told =
            told.unwrap_or_else(|| panic!("{}", std::fs::read_to_string(log).expect("text")));
        let told = told.expect("JSON");
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        Self {
            child,
            address: text("address").expect("an address").parse().expect("an address"),
            authority: text("authority").expect("a file").into(),
            link: text("setup_link"),
            log: log.to_owned(),
        }
    }

    /// A browser that trusts it.
    pub fn browser(&self) -> Browser {
        Browser::at(self.address, &self.authority)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged until now.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).expect("text")
    }

    /// Sends it a signal and waits for its end: with `TERM` a service manager stops it.
    pub fn end(mut self, signal: Signal) -> ExitStatus {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("is told");
        self.child.wait().expect("ends")
    }

    /// An image as a debugger of root's takes it, with all that the kernel lets it see; none where there
    /// is no such debugger.
    pub fn image(&self, place: &Path) -> Option<Vec<u8>> {
        let file = place.join(format!("image.{}", self.id()));
        let mut debugger = Command::new("gcore");
        debugger.arg("-a").arg("-o").arg(place.join("image")).arg(self.id().to_string());
        match debugger.stdin(Stdio::null()).output() {
            Ok(said) => {
                let bytes = std::fs::read(&file);
                let bytes = bytes.unwrap_or_else(|error| panic!("{error}: {said:?}"));
                std::fs::remove_file(&file).expect("removes");
                Some(bytes)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("gcore: {error}"),
        }
    }

    /// What the process may read and write in its own memory, as a core dump holds it, without the
    /// pages that hold nothing: each piece with what the kernel calls its region.
    pub fn memory(&self) -> Vec<(String, Vec<u8>)> {
        let place = PathBuf::from(format!("/proc/{}", self.id()));
        let maps = std::fs::read_to_string(place.join("maps")).expect("run it as its own user");
        let memory = File::open(place.join("mem")).expect("run it as its own user");
        let mut pieces = Vec::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().expect("a range"), words.next().expect("rights"));
            let name = words.nth(3).unwrap_or("anonymous").to_owned();
            // What the kernel lends (`[vvar]`) is not the process's own.
            if rights.starts_with("rw") && !name.starts_with("[v") {
                let (from, to) = range.split_once('-').expect("a range");
                let number = |text| u64::from_str_radix(text, 16).expect("an address");
                let full = full_pages(&memory, number(from), number(to));
                pieces.extend(full.into_iter().map(|bytes| (name.clone(), bytes)));
            }
        }
        assert!(!pieces.is_empty());
        pieces
    }
}

/// The pages of a region that hold something, those beside each other in one piece.
fn full_pages(memory: &File, from: u64, to: u64) -> Vec<Vec<u8>> {
    const PAGE: usize = 4096;
    let mut bytes = vec![0; usize::try_from(to - from).expect("it is in memory")];
    // A region may have gone since the list was made.
    if memory.read_exact_at(&mut bytes, from).is_err() {
        return Vec::new();
    }
    let mut pieces: Vec<Vec<u8>> = vec![Vec::new()];
    for page in bytes.chunks(PAGE) {
        let last = pieces.last_mut().expect("one at least");
        if page != &[0; PAGE][..page.len()] {
            last.extend_from_slice(page);
        } else if !last.is_empty() {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

impl Program {
    fn told(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.id())).expect("it runs")
    }

    /// The time that its threads have had a processor; of those that have ended, nothing.
    pub fn processor(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        let nanos = tasks.filter_map(|task| {
            let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// KiB of its memory: `VmRSS` now, `VmHWM` at most until now.
    pub fn kib(&self, name: &str) -> u64 {
        let status = self.told("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().expect("a number").parse().expect("a number")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already cannot be ended again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often a text stands in some bytes.
pub fn count(bytes: &[u8], text: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, text).count()
}

/// All files below a directory.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}
