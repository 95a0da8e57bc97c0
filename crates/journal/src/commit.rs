//! Group commit: one thread flushes whatever was appended since its last flush.

use crate::{
    error::{Error, failed},
    journal::Journal,
};
use std::{
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// What the writer and the flushing thread share.
#[derive(Debug)]
pub struct Flush {
    appended: AtomicU64,
    durable: AtomicU64,
    failed: AtomicBool,
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    path: PathBuf,
    asked: u64,
    stopping: bool,
    reason: Option<String>,
}

impl Flush {
    /// All up to `sequence` is in `file` and on the disk.
    pub fn new(file: Arc<File>, path: PathBuf, sequence: u64) -> Self {
        let state = State { file, path, asked: 0, stopping: false, reason: None };
        Self {
            appended: AtomicU64::new(sequence),
            durable: AtomicU64::new(sequence),
            failed: AtomicBool::new(false),
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// The hot path's one word: what is in the file now. Wakes nobody.
    pub fn appended(&self, sequence: u64) {
        self.appended.store(sequence, Ordering::Release);
    }

    /// The last record that is on the disk.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Refuses for ever once a flush has failed.
    pub fn check(&self) -> Result<(), Error> {
        if self.failed.load(Ordering::Acquire) { refusal(&self.lock()) } else { Ok(()) }
    }

    /// Flushes what was appended so far, here and now.
    pub fn flush(&self) -> Result<u64, Error> {
        self.check()?;
        let (file, target) = {
            let state = self.lock();
            // In this order under the lock: a new segment takes the lock too, so all records up to
            // `target` are in this file or in an earlier one that is on the disk.
            (Arc::clone(&state.file), self.appended.load(Ordering::Acquire))
        };
        if target <= self.durable() {
            return Ok(self.durable());
        }
        let flushed = file.sync_data();
        let mut state = self.lock();
        // Another thread's failure came first: what this flush says is no longer worth anything.
        refusal(&state)?;
        match flushed {
            Ok(()) => {
                self.durable.fetch_max(target, Ordering::AcqRel);
            }
            Err(error) => self.fail(&mut state, error.to_string()),
        }
        self.done.notify_all();
        refusal(&state)?;
        Ok(target)
    }

    /// From now on records go to `file`; all before are on the disk.
    pub fn turn(&self, file: Arc<File>, path: PathBuf) {
        let mut state = self.lock();
        state.file = file;
        state.path = path;
    }

    /// Remembers a failure that leaves in doubt what is on the disk.
    pub fn doubt(&self, reason: String) -> Error {
        let mut state = self.lock();
        self.fail(&mut state, reason.clone());
        self.done.notify_all();
        Error::Flush { file: state.path.clone(), reason }
    }

    /// Asks the thread to flush soon.
    fn ask(&self, sequence: u64) {
        let mut state = self.lock();
        state.asked = state.asked.max(sequence);
        self.work.notify_one();
    }

    fn wait(&self, sequence: u64, timeout: Duration) -> Result<(), Error> {
        if self.durable() >= sequence {
            return Ok(());
        }
        self.ask(sequence);
        let open = |state: &mut State| state.reason.is_none() && self.durable() < sequence;
        let (state, _) = self
            .done
            .wait_timeout_while(self.lock(), timeout, open)
            .unwrap_or_else(PoisonError::into_inner);
        if self.durable() >= sequence {
            return Ok(());
        }
        refusal(&state)?;
        Err(Error::Late { sequence, timeout })
    }

    /// The thread: flushes when asked, and `every` so often when something was appended.
    fn run(&self, every: Duration) {
        loop {
            let idle = |state: &mut State| !state.stopping && state.asked <= self.durable();
            let (state, _) = self
                .work
                .wait_timeout_while(self.lock(), every, idle)
                .unwrap_or_else(PoisonError::into_inner);
            let stopping = state.stopping;
            drop(state);
            // A failure is kept for whoever asks next; there is nothing left to do here.
            if self.flush().is_err() || stopping {
                return;
            }
            self.settle();
        }
    }

    /// Takes back what was asked beyond what was ever appended, so that the thread can rest.
    fn settle(&self) {
        let mut state = self.lock();
        state.asked = state.asked.min(self.appended.load(Ordering::Acquire));
    }

    fn fail(&self, state: &mut State, reason: String) {
        state.reason.get_or_insert(reason);
        self.failed.store(true, Ordering::Release);
    }

    /// No code panics while it holds the lock, so there is no poison to speak of.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sticky failure, if there was one.
fn refusal(state: &State) -> Result<(), Error> {
    match &state.reason {
        None => Ok(()),
        Some(reason) => Err(Error::Flush { file: state.path.clone(), reason: reason.clone() }),
    }
}

/// The thread that makes a journal durable; ends, with a last flush, when it is dropped.
///
/// Appending wakes nobody: the order goes out first, then [`Committer::request`] or
/// [`Committer::wait`] asks for the flush. Whoever waits at the same time shares one.
#[derive(Debug)]
pub struct Committer {
    flush: Arc<Flush>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread, which also flushes unasked, `every` so often.
    pub fn start(journal: &Journal, every: Duration) -> Result<Self, Error> {
        let flush = Arc::clone(journal.shared());
        let shared = Arc::clone(&flush);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || shared.run(every))
            .map_err(failed(journal.path(), "start the flushing thread for"))?;
        Ok(Self { flush, thread: Some(thread) })
    }

    /// The last record that survives the end of the machine.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.flush.durable()
    }

    /// Asks for everything appended so far to be flushed soon, and does not wait.
    pub fn request(&self) {
        self.flush.ask(self.flush.appended.load(Ordering::Acquire));
    }

    /// Waits until the record is durable, at most for `timeout`.
    pub fn wait(&self, sequence: u64, timeout: Duration) -> Result<(), Error> {
        self.flush.wait(sequence, timeout)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.flush.lock().stopping = true;
        self.flush.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread has nothing that can panic; if it did, the journal says what is durable.
            let _ = thread.join();
        }
        self.flush.lock().stopping = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Flush {
        let file = File::options().write(true).open(path).expect("the device is there");
        Flush::new(Arc::new(file), path.into(), 0)
    }

    #[test]
    fn a_failed_flush_is_final_for_everyone() {
        // A device that cannot be flushed says so, as a broken disk does.
        let flush = Arc::new(of("/dev/null"));
        flush.appended(1);
        let shared = Arc::clone(&flush);
        let thread = std::thread::spawn(move || shared.run(Duration::from_mins(1)));
        let error = flush.wait(1, Duration::from_mins(1)).expect_err("it cannot be flushed");
        assert!(matches!(error, Error::Flush { .. }), "{error}");
        thread.join().expect("the thread ends by itself");
        for _ in 0..2 {
            assert!(matches!(flush.check(), Err(Error::Flush { .. })));
            assert!(matches!(flush.flush(), Err(Error::Flush { .. })));
            let waited = flush.wait(1, Duration::from_mins(1));
            assert!(matches!(waited, Err(Error::Flush { .. })));
        }
        assert_eq!(flush.durable(), 0);
    }

    #[test]
    fn what_was_never_appended_is_late_and_not_believed() {
        let flush = of("/dev/null");
        let error = flush.wait(1, Duration::from_millis(1)).expect_err("nobody flushes");
        assert!(matches!(error, Error::Late { sequence: 1, .. }), "{error}");
    }
}
