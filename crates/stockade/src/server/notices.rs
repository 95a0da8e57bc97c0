//! How many notices of payment processors came, by what came of them: whoever is refused makes no entry in the log,
//! because strangers could fill it.

use crate::desk::NoticeEnd;
use std::sync::atomic::{AtomicU64, Ordering};
use store::NoticeStanding;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Notices {
    noted: AtomicU64,
    quarantined: AtomicU64,
    known: AtomicU64,
    refused: AtomicU64,
    unexpected: AtomicU64,
    failed: AtomicU64,
}

impl Notices {
    /// Counts one.
    pub(super) fn note(&self, end: NoticeEnd) {
        let count = match end {
            NoticeEnd::Kept(NoticeStanding::Noted) => &self.noted,
            NoticeEnd::Kept(NoticeStanding::Quarantined) => &self.quarantined,
            NoticeEnd::Known => &self.known,
            NoticeEnd::Refused => &self.refused,
            NoticeEnd::Unexpected => &self.unexpected,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that could not be looked at, or not be kept: the processor is to send it again.
    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// What came of them, each with its word.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 6] {
        let of = |word, count: &AtomicU64| (word, count.load(Ordering::Relaxed));
        [
            of("noted", &self.noted),
            of("quarantined", &self.quarantined),
            of("known", &self.known),
            of("refused", &self.refused),
            of("unexpected", &self.unexpected),
            of("failed", &self.failed),
        ]
    }
}
