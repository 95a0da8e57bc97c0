//! The messages that wait, and which of them goes next: a state machine over [`Posting`]s, without a clock.
//!
//! The rows live in the caller's table. The queue is filled from it at the start, says which row to keep
//! after every step, and forgets a row once it is over.

use crate::{Brake, Error, Posting, Standing, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Tries under way at once.
const UNDER_WAY_MAX: usize = 4;
/// What became of a message that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedIn {
    /// It waits.
    Queued,
    /// There is one with this id: it is the same, and nothing changes.
    Known,
}

/// What to do now.
#[derive(Debug)]
pub enum Step {
    /// Keep this row, and only then send its message and settle the try.
    Send(Box<Posting>),
    /// Keep this row: its time was over.
    Over(Box<Posting>),
    /// Nothing before then; nothing at all before the next message, if `None`.
    Wait(Option<Timestamp>),
}

/// The messages that are not over.
#[derive(Debug, Default)]
pub struct Queue {
    postings: BTreeMap<String, Posting>,
    capacity: usize,
    brake: Brake,
    problem: Option<String>,
}

impl Queue {
    /// A queue with what the table holds; rows that are over are passed over.
    ///
    /// `capacity` bounds what is handed in later, never what was promised before.
    #[must_use]
    pub fn restore(rows: impl IntoIterator<Item = Posting>, capacity: usize) -> Self {
        let open = rows.into_iter().filter(|posting| !posting.is_over());
        let postings = open.map(|posting| (posting.message.id.clone(), posting)).collect();
        Self { postings, capacity: capacity.max(1), brake: Brake::default(), problem: None }
    }

    /// Takes a row that the table has just been given.
    pub fn hand_in(&mut self, posting: Posting) -> Result<HandedIn, Error> {
        if self.postings.contains_key(&posting.message.id) {
            return Ok(HandedIn::Known);
        }
        if self.postings.len() >= self.capacity {
            return Err(Error::Full { capacity: self.capacity });
        }
        self.postings.insert(posting.message.id.clone(), posting);
        Ok(HandedIn::Queued)
    }

    /// What to do now; the one that has waited longest goes first.
    #[must_use = "a message that is handed out must be sent and settled"]
    pub fn next(&mut self, now: Timestamp) -> Step {
        let under_way = |p: &&Posting| matches!(p.standing, Standing::UnderWay { .. });
        let busy = self.postings.values().filter(under_way).count();
        let first = self
            .postings
            .values()
            .filter(|posting| busy < UNDER_WAY_MAX || under_way(posting))
            .filter_map(|posting| {
                posting.due().map(|due| (due, posting.since, &posting.message.id))
            })
            .min();
        let Some((due, _, id)) = first else { return Step::Wait(None) };
        let due = self.brake.until().map_or(due, |until| due.max(until));
        if now < due {
            return Step::Wait(Some(due));
        }
        let id = id.clone();
        let Some(mut posting) = self.postings.remove(&id) else { return Step::Wait(None) };
        if posting.begin(now).is_none() {
            return Step::Over(Box::new(posting));
        }
        self.postings.insert(id, posting.clone());
        Step::Send(Box::new(posting))
    }

    /// Says what became of a try; the row to keep, unless nothing changed.
    pub fn settle(
        &mut self,
        id: &str,
        attempt: u32,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Option<Posting> {
        self.brake.heard(verdict, now);
        match verdict {
            Verdict::Sent => self.problem = None,
            Verdict::Denied { why } | Verdict::Later { why, .. } => {
                self.problem = Some(why.clone());
            }
            Verdict::Refused { .. } => {}
        }
        let posting = self.postings.get_mut(id)?;
        let before = (posting.standing, posting.tries);
        posting.settle(attempt, verdict, now);
        if before == (posting.standing, posting.tries) {
            return None;
        }
        let row = posting.clone();
        if row.is_over() {
            self.postings.remove(id);
        }
        Some(row)
    }

    /// How many are not over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.postings.len()
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.postings.is_empty()
    }

    /// What the server last complained of, until it takes something again.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}
