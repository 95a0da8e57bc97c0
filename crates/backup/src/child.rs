//! The one place that starts a program, and it starts this very program: arguments are constants, the
//! environment is empty, what it must know goes through a pipe.

use crate::{
    Error,
    worker::{Answer, Order, Request, Target, WORKER},
};
use seal::Secret;
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child as Process, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};
use zeroize::Zeroizing;

/// An answer is shorter.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// What is kept of a worker's last words.
const SAID_BYTES_MAX: u64 = 4 << 10;
/// How often it is looked whether somebody wants it to stop.
const LOOKING: Duration = Duration::from_millis(100);

/// How workers are started.
#[derive(Debug, Clone)]
pub struct Child {
    program: PathBuf,
}

impl Child {
    /// By this very program.
    pub fn own() -> Result<Self, Error> {
        // The link holds while the file is replaced by an update.
        let link = Path::new("/proc/self/exe");
        let program = if link.exists() {
            link.to_owned()
        } else {
            std::env::current_exe().map_err(Error::file("find", "this program"))?
        };
        Ok(Self { program })
    }

    /// By another build of it, as tests have it.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    /// Has an order done on a repository; ends it where `stop` becomes true.
    pub fn run(
        &self,
        (repository, password): (&Target, &Secret<String>),
        order: Order,
        stop: &AtomicBool,
    ) -> Result<Answer, Error> {
        let request = Request::new((repository, password), order);
        let order = Zeroizing::new(serde_json::to_vec(&request).expect("texts and paths"));
        let mut process = self.start()?;
        let talked = talk(&mut process, &order, stop);
        if talked.is_err() {
            // It may have ended by itself.
            let _ = process.kill();
        }
        let status = process.wait().map_err(Error::file("wait for", &self.program))?;
        let (answer, said) = talked?;
        match serde_json::from_slice(&answer) {
            Ok(Answer::WrongPassword) => {
                Err(Error::WrongPassword { repository: repository.shelf.name() })
            }
            Ok(Answer::Failed { message }) => Err(Error::Engine(message)),
            Ok(answer) => Ok(answer),
            Err(_) => Err(ended(status, &said)),
        }
    }

    fn start(&self) -> Result<Process, Error> {
        let mut command = Command::new(&self.program);
        command.arg(WORKER).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(Error::file("start", &self.program))
    }
}

/// Hands the order over; its answer, and what it said besides.
fn talk(
    process: &mut Process,
    order: &[u8],
    stop: &AtomicBool,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let failed = || Error::file("talk to", "the backup worker");
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (process.stdin.take(), process.stdout.take(), process.stderr.take())
    else {
        return Err(failed()(std::io::ErrorKind::BrokenPipe.into()));
    };
    // One that ended before it read says so by its status.
    let _ = stdin.write_all(order);
    drop(stdin);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
            let mut said = Vec::new();
            // Last words are no answer: without them it is told as well.
            let _ = stderr.take(SAID_BYTES_MAX).read_to_end(&mut said);
            let _ = tell.send(read.map(|_| (answer, said)));
        });
        loop {
            match told.recv_timeout(LOOKING) {
                Ok(answer) => return answer.map_err(failed()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed()(std::io::ErrorKind::BrokenPipe.into()));
                }
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                    // The reader ends when the process does.
                    let _ = process.kill();
                    return Err(Error::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    })
}

/// What it means that a worker ended without a word.
fn ended(status: ExitStatus, said: &[u8]) -> Error {
    use std::os::unix::process::ExitStatusExt;
    let last = String::from_utf8_lossy(said);
    let last = last.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut said = if last.is_empty() { String::new() } else { format!(": {}", last.trim()) };
    if status.signal() == Some(6) && last.contains("memory allocation") {
        said.push_str("; it may take no more memory than it did");
    }
    Error::Worker { status: status.to_string(), said }
}
