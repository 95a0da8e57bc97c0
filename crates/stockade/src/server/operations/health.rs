//! The parts of the installation: each is looked at by itself, now and then, and what was seen is kept with its
//! time. No request makes the server look.

use super::{
    judge::{ClockWatch, Word},
    probes,
};
use crate::{desk::now, server::state::App};
use audit::posture::{HealthPart, Standing};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often it is looked what is due.
const TURN: Duration = Duration::from_secs(5);
/// How long a look may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A part of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Whether the database keeps what is written.
    Database,
    /// Room where the data lies.
    Disk,
    /// Whether the clock was set.
    Clock,
    /// The newest checkpoint of the log.
    Log,
    /// The certificate that is served.
    Certificate,
    /// The queue of letters.
    Letters,
    /// Backups and the proof of them.
    Backups,
    /// Lists of addresses that are kept out.
    Lists,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Database,
        Self::Disk,
        Self::Clock,
        Self::Log,
        Self::Certificate,
        Self::Letters,
        Self::Backups,
        Self::Lists,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Log => "log",
            Self::Certificate => "certificate",
            Self::Letters => "letters",
            Self::Backups => "backups",
            Self::Lists => "lists",
        }
    }

    /// Whether the server is not ready without it.
    #[must_use]
    pub const fn is_needed(self) -> bool {
        !matches!(self, Self::Letters | Self::Backups | Self::Lists)
    }

    /// How often it is looked at.
    #[must_use]
    pub const fn every(self) -> Duration {
        match self {
            Self::Clock => Duration::from_secs(15),
            Self::Database | Self::Disk => Duration::from_secs(30),
            Self::Log | Self::Letters | Self::Lists => Duration::from_mins(1),
            Self::Certificate => Duration::from_mins(5),
            Self::Backups => Duration::from_mins(10),
        }
    }

    /// For how long a look counts: two may fail to come.
    #[must_use]
    pub const fn fresh_s(self) -> u64 {
        self.every().as_secs() * 3 + 30
    }
}

/// What was last seen of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When it was looked at.
    pub at: Timestamp,
    /// How long that took.
    pub took: Duration,
    /// What was seen.
    pub word: Word,
}

/// The parts, and what was last seen of each.
pub struct Health {
    began: Instant,
    clock: Mutex<ClockWatch>,
    seen: Mutex<BTreeMap<Part, Reading>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { began: Instant::now(), clock: Mutex::default(), seen: Mutex::default() }
    }
}

impl Health {
    /// Looks at what is due until the server stops.
    pub async fn run(&self, app: &App, stop: &CancellationToken) {
        let mut turns = tokio::time::interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: BTreeMap<Part, Instant> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = turns.tick() => {}
            }
            let is_due = |part: &Part| {
                looked.get(part).is_none_or(|at| at.elapsed() + TURN / 2 >= part.every())
            };
            for part in Part::ALL.into_iter().filter(is_due).collect::<Vec<_>>() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.look(app, part) => {}
                }
                looked.insert(part, Instant::now());
            }
        }
    }

    /// Looks at one part now.
    pub async fn look(&self, app: &App, part: Part) {
        let begun = Instant::now();
        let word = match tokio::time::timeout(WITHIN, probes::look(part, app, self)).await {
            Ok(Ok(word)) => word,
            Ok(Err(error)) => Word::new(Standing::Failing, format!("{error:#}"))
                .fix("the log of the server says more"),
            Err(_) => Word::new(Standing::Failing, "there was no answer within 10 seconds")
                .fix("the log of the server says more"),
        };
        self.keep(part, Reading { at: now(), took: begun.elapsed(), word });
    }

    /// Keeps what was seen, and says so where it is another word than before.
    pub fn keep(&self, part: Part, reading: Reading) {
        let (standing, detail) = (reading.word.standing, reading.word.detail.clone());
        let before = self.seen().insert(part, reading).map(|before| before.word.standing);
        if before == Some(standing) {
            return;
        }
        let (part, standing) = (part.name(), standing.as_str());
        match before {
            None if standing == "good" || standing == "off" => {}
            _ if standing == "good" => tracing::info!(part, "a part of the installation is well"),
            _ => tracing::warn!(part, standing, detail, "a part of the installation is not well"),
        }
    }

    /// The clocks, as they were last held against one another.
    pub(super) fn clock_word(&self, keeper: Option<String>) -> Word {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.look(now(), self.began.elapsed(), keeper)
    }

    /// What was last seen of each part, whether that still counts or not.
    #[must_use]
    pub fn readings(&self) -> BTreeMap<Part, Reading> {
        self.seen().clone()
    }

    /// The parts for everybody, as they stand now.
    #[must_use]
    pub fn parts(&self, now: Timestamp) -> Vec<HealthPart> {
        let seen = self.seen();
        let of = |part: Part| {
            let reading = seen.get(&part);
            let whole = HealthPart {
                part: part.name().to_owned(),
                standing: reading.map_or(Standing::Unknown, |reading| reading.word.standing),
                needed: part.is_needed(),
                probed_at: reading.map(|reading| reading.at),
                fresh_s: part.fresh_s(),
            };
            whole.at(now)
        };
        Part::ALL.into_iter().map(of).collect()
    }

    /// The names of parts that are needed and do not serve.
    #[must_use]
    pub fn lacking(&self, now: Timestamp) -> Vec<String> {
        let parts = self.parts(now).into_iter();
        parts.filter(|part| part.needed && !part.standing.serves()).map(|part| part.part).collect()
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<Part, Reading>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn reading(at: Timestamp, standing: Standing) -> Reading {
        Reading { at, took: Duration::ZERO, word: Word::new(standing, "x") }
    }

    #[test]
    fn a_server_is_ready_when_all_that_it_needs_was_seen_well_a_moment_ago() {
        let (health, now) = (Health::default(), crate::desk::now());
        assert_eq!(health.lacking(now).len(), 5, "nothing was looked at yet");
        for part in Part::ALL {
            health.keep(part, reading(now, Standing::Good));
        }
        assert!(health.lacking(now).is_empty());
        health.keep(Part::Letters, reading(now, Standing::Failing));
        assert!(health.lacking(now).is_empty(), "letters are not needed");
        health.keep(Part::Disk, reading(now, Standing::Failing));
        assert_eq!(health.lacking(now), ["disk"]);
        health.keep(Part::Disk, reading(now, Standing::Warning));
        assert!(health.lacking(now).is_empty());
        // Three looks that did not come: what was seen before them says nothing.
        let later = now + SignedDuration::from_secs(121);
        assert_eq!(health.lacking(later), ["database", "disk", "clock"]);
    }

    #[test]
    fn every_part_is_named_once_and_its_look_counts_for_longer_than_until_the_next() {
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert!(part.fresh_s() > 2 * part.every().as_secs());
            assert!(Part::ALL.iter().skip(at + 1).all(|other| other.name() != part.name()));
        }
    }
}
