//! What browsers report: counted in memory, written once a minute, so that nobody floods the log.

use super::{Actor, Deed, Desk, Result, now};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use store::Violation;

/// Reports that came in since the last write.
#[derive(Debug, Default)]
pub struct Violations(Mutex<Counts>);

/// Page, directive, what was blocked, its first characters; and how often.
type Counts = BTreeMap<[String; 4], i64>;

/// Kinds counted apart between two writes; further ones are counted together.
const KINDS_MAX: usize = 200;
/// The longest part of a report that is kept, in characters.
const PART_CHARS_MAX: usize = 200;

impl Violations {
    /// Counts one: page, directive, what was blocked, its first characters.
    pub fn count(&self, parts: [&str; 4]) {
        let clean = |part: &str| -> String {
            part.chars().filter(|c| !c.is_control()).take(PART_CHARS_MAX).collect()
        };
        let mut key = parts.map(clean);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= KINDS_MAX && !counts.contains_key(&key) {
            key = ["others", "others", "others", ""].map(str::to_owned);
        }
        *counts.entry(key).or_insert(0) += 1;
    }

    /// Counts again what could not be written down.
    fn put_back(&self, counts: Counts) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, seen) in counts {
            *kept.entry(key).or_insert(0) += seen;
        }
    }

    fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Desk {
    /// Writes what was counted, with one entry in the log.
    pub async fn keep_violations(&self, counted: &Violations) -> Result<()> {
        let counts = counted.take();
        if counts.is_empty() {
            return Ok(());
        }
        let written = self.write_violations(&counts).await;
        if written.is_err() {
            counted.put_back(counts);
        }
        written
    }

    async fn write_violations(&self, counts: &Counts) -> Result<()> {
        let now = now();
        let count = counts.values().sum::<i64>().unsigned_abs();
        let mut act = self.store().begin().await?;
        for ([page, directive, blocked, sample], seen) in counts {
            let (page, directive) = (page.clone(), directive.clone());
            let (blocked, sample, seen) = (blocked.clone(), sample.clone(), *seen);
            let (first, last) = (now, now);
            let violation = Violation { page, directive, blocked, sample, seen, first, last };
            act.count_violation(&violation).await?;
        }
        act.commit(Deed::ViolationsSeen { count }.entry(Actor::Server), now).await?;
        Ok(())
    }

    /// What browsers have reported, the last seen first.
    pub async fn violations(&self, counted: &Violations) -> Result<Vec<Violation>> {
        self.keep_violations(counted).await?;
        Ok(self.store().violations().await?)
    }
}
