//! Group commit: entries that no rows go with, from many callers at once, are kept many to an act.
//!
//! A disk that syncs in a millisecond keeps a thousand acts a second, however small they are. Whoever
//! comes while an act is being kept waits for the next one, and one of those who wait keeps it for all of
//! them. Nobody waits for others to come: one caller alone is as fast as an act of its own.

use crate::{Act, Error, Store};
use audit::Entry;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as Turn, oneshot};

/// The most entries that one act keeps.
const TOGETHER_MAX: usize = 1024;

/// Entries that wait for the next act.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    waiting: Mutex<Vec<Waiting>>,
    turn: Arc<Turn<()>>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    /// Hears the entry's index, or why it is not kept.
    kept: oneshot::Sender<Result<u64, String>>,
}

impl Store {
    /// Keeps an entry that no rows go with, in one act with whatever else waits to be kept; its index.
    /// It is durable when this returns.
    pub async fn record(&self, entry: Entry, now: Timestamp) -> Result<u64, Error> {
        // One that the log does not take is its caller's alone, and not of those whom it came with.
        audit::Opening::new(&entry, [0; 32])?;
        let (kept, mut answer) = oneshot::channel();
        let gathering = self.gathering();
        gathering.waiting().push(Waiting { entry, kept });
        let heard = loop {
            tokio::select! {
                biased;
                heard = &mut answer => break heard,
                turn = Arc::clone(&gathering.turn).lock_owned() => {
                    // Whoever is let go in the middle leaves nobody else's entry behind: the work is a
                    // task of its own. What came of it is heard in the next turn of this loop.
                    let store = self.clone();
                    let work = tokio::spawn(async move {
                        let _turn = turn;
                        store.keep_waiting(now).await;
                    });
                    let _ = work.await;
                }
            }
        };
        let kept = heard.unwrap_or_else(|_| Err("the server stops".to_owned()));
        kept.map_err(|problem| Error::Unkept { place: self.place().clone(), problem })
    }

    /// Keeps what waits now in one act, and tells everybody.
    async fn keep_waiting(&self, now: Timestamp) {
        let gathered: Vec<Waiting> = {
            let mut waiting = self.gathering().waiting();
            let count = waiting.len().min(TOGETHER_MAX);
            waiting.drain(..count).collect()
        };
        if gathered.is_empty() {
            return;
        }
        let (entries, callers): (Vec<Entry>, Vec<_>) =
            gathered.into_iter().map(|one| (one.entry, one.kept)).unzip();
        let act = async { Act::commit_all(self.begin().await?, entries, now).await };
        let committed = act.await.map_err(|error: Error| error.to_string());
        for (place, caller) in (0..).zip(callers) {
            let index = committed.as_ref().map(|kept| kept.indexes.start + place);
            // Whoever does not wait any more needs no answer.
            let _ = caller.send(index.map_err(Clone::clone));
        }
    }
}

impl Gathering {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
