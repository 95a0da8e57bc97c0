//! One message on its way from the first try to its end, as a value that a table can hold.
//!
//! The rules, all of them here:
//!
//! - A message is tried until a server takes it, refuses it for good, or its time is over: three days, or
//!   earlier when what it says is of no use any more.
//! - At most one try is under way. Who takes the message says so first ([`Posting::begin`]), in the table,
//!   and then sends. If nobody ever says what became of it, because the machine died, the try counts as lost
//!   after ten minutes and the message is tried again with the same `Message-ID`: at least once, and a copy is
//!   known as one.
//! - Between tries the wait doubles from a minute to four hours; half of it is by chance, from the message's id
//!   and the number of the try, so that the same row gives the same wait anywhere.
//! - When the end is reached the texts are gone: what is kept is the row, not the link in it.

use crate::{Message, Verdict};
use jiff::{SignedDuration, Timestamp};
use seal::{Secret, sha256_parts};

/// The first wait.
const WAIT_FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait of our own.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(4);
/// The shortest wait when nothing gets through until somebody mends the settings.
const WAIT_DENIED: SignedDuration = SignedDuration::from_mins(15);
/// How long a message is tried (RFC 5321, section 4.5.4.1, says four to five days; a letter about an account
/// is stale before).
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(72);
/// When a try counts as lost; longer than a relay ever takes.
const LOST_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// The most of a server's words that is kept.
const WHY_CHARS_MAX: usize = 200;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its next try.
    Waiting {
        /// Not before then.
        next: Timestamp,
    },
    /// A try is under way.
    UnderWay {
        /// Since when.
        since: Timestamp,
    },
    /// A server took it.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// It is not tried any more.
    GivenUp {
        /// When.
        at: Timestamp,
    },
}

/// A message and how far it has come: a row of a table. The texts in it are to be sealed there.
#[derive(Debug, Clone)]
pub struct Posting {
    /// The message.
    pub message: Message,
    /// When it was handed in.
    pub since: Timestamp,
    /// When it is of no use any more, at the latest after three days.
    pub until: Timestamp,
    /// Tries so far, the one under way among them.
    pub tries: u32,
    /// Where it stands.
    pub standing: Standing,
    /// What was said last; empty if nothing was.
    pub why: String,
}

impl Posting {
    /// A message that is handed in now and is of use until then.
    #[must_use]
    pub fn new(message: Message, useful_until: Option<Timestamp>, now: Timestamp) -> Self {
        let until = later(now, TRIED_FOR);
        Self {
            message,
            since: now,
            until: useful_until.map_or(until, |useful| useful.min(until)),
            tries: 0,
            standing: Standing::Waiting { next: now },
            why: String::new(),
        }
    }

    /// Whether it is sent or given up.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Sent { .. } | Standing::GivenUp { .. })
    }

    /// A try that began before this and was never heard of again counts as lost.
    #[must_use]
    pub fn lost_before(now: Timestamp) -> Timestamp {
        now.checked_sub(LOST_AFTER).unwrap_or(Timestamp::MIN)
    }

    /// When to call [`Posting::begin`] next; `None` when it is over.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Waiting { next } => Some(next),
            Standing::UnderWay { since } => Some(later(since, LOST_AFTER)),
            Standing::Sent { .. } | Standing::GivenUp { .. } => None,
        }
    }

    /// Begins a try if one is due: its number, by which [`Posting::settle`] knows it.
    ///
    /// The row is to be kept before the message is sent, and only if it still has one try less: of two
    /// machines that begin at once, one finds that the other did.
    pub fn begin(&mut self, now: Timestamp) -> Option<u32> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        if now >= self.until {
            let why =
                if self.why.is_empty() { "its time was over before a try" } else { &self.why };
            let why = why.to_owned();
            self.end(Standing::GivenUp { at: now }, &why);
            return None;
        }
        self.tries = self.tries.saturating_add(1);
        self.standing = Standing::UnderWay { since: now };
        Some(self.tries)
    }

    /// Says what became of a try.
    ///
    /// A try that counted as lost may still be heard of: that a server took the message ends it, whatever else
    /// is heard of an earlier try is old news.
    pub fn settle(&mut self, attempt: u32, verdict: &Verdict, now: Timestamp) {
        if self.is_over() {
            return;
        }
        let current = matches!(self.standing, Standing::UnderWay { .. }) && attempt == self.tries;
        match verdict {
            Verdict::Sent => self.end(Standing::Sent { at: now }, ""),
            _ if !current => {}
            Verdict::Refused { why } => self.end(Standing::GivenUp { at: now }, why),
            Verdict::Later { after, why } => {
                let asked = after.unwrap_or_default().min(WAIT_MAX);
                self.wait(self.back_off().max(asked), why, now);
            }
            Verdict::Denied { why } => self.wait(self.back_off().max(WAIT_DENIED), why, now),
        }
    }

    fn wait(&mut self, wait: SignedDuration, why: &str, now: Timestamp) {
        let next = later(now, wait);
        if next >= self.until {
            self.end(Standing::GivenUp { at: now }, why);
            return;
        }
        self.why = crate::cut(why, WHY_CHARS_MAX);
        self.standing = Standing::Waiting { next };
    }

    fn end(&mut self, standing: Standing, why: &str) {
        self.standing = standing;
        self.why = crate::cut(why, WHY_CHARS_MAX);
        self.message.text = Secret::new(String::new());
        self.message.html = None;
    }

    /// Twice as long after each try, of which the second half is by chance.
    fn back_off(&self) -> SignedDuration {
        let doublings = self.tries.saturating_sub(1).min(16);
        let half = WAIT_FIRST.saturating_mul(1 << doublings).min(WAIT_MAX) / 2;
        let digest =
            sha256_parts(&[b"wait", self.message.id.as_bytes(), &self.tries.to_be_bytes()]);
        let chance = digest.first_chunk::<4>().map_or(0, |four| u32::from_be_bytes(*four));
        let half_ms = half.as_millis().unsigned_abs();
        let chance_ms = u128::from(chance) * half_ms / u128::from(u32::MAX);
        half + SignedDuration::from_millis(i64::try_from(chance_ms).unwrap_or(0))
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
