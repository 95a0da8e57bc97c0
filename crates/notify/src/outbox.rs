//! What waits to be told over one channel: bounded, told once, paced, tried again. Time is an argument.
//!
//! The caller pushes whenever it likes and is never made to wait. Whoever sends asks [`Outbox::next`], sends
//! what it is given, and says with [`Outbox::settle`] what became of it; one parcel is on its way at a time.
//!
//! - Notices with one key within the quiet time are told once; at its end the last of them says how many more
//!   there were. One that matters more than the one told goes out at once.
//! - When many wait, those that are not critical go as one digest.
//! - When the queue is full the oldest of those that matter least goes, and the next parcel says how many did.
//! - Critical notices have a second, small bucket, and are never part of a digest. They wait a day for a channel
//!   that fails; others are given up after some attempts.

use crate::{Bucket, Channel, Level, Notice, Pace, deliver::Verdict};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Keys that are remembered at once.
const KEYS_MAX: usize = 512;
/// Titles in a digest.
const DIGEST_LINES_MAX: usize = 12;
/// The first wait after a failure.
const BACK_OFF_FIRST: SignedDuration = SignedDuration::from_secs(2);
/// The longest wait of our own after a failure.
const BACK_OFF_MAX: SignedDuration = SignedDuration::from_secs(300);
/// The longest wait that the other side may ask for.
const ASKED_WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Attempts for a notice that is not critical.
const ATTEMPTS_MAX: u32 = 8;
/// How old a critical notice may become while its channel fails.
const CRITICAL_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// When a parcel whose sender never said what became of it counts as lost on the way.
const ON_ITS_WAY_MAX: SignedDuration = SignedDuration::from_secs(180);

/// How an outbox behaves.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
    /// The most notices that wait, at least one.
    pub capacity: usize,
    /// How fast the channel may be fed.
    pub pace: Pace,
    /// What critical notices may take beyond that.
    pub urgent: Pace,
    /// How long notices of one key are told once.
    pub quiet: SignedDuration,
    /// What matters less than this is not told.
    pub floor: Level,
    /// From how many waiting notices on they go as one digest.
    pub digest_at: usize,
    /// Where the jitter of waits begins; another one for each channel.
    pub seed: u64,
}

impl OutboxSettings {
    /// What suits a channel.
    #[must_use]
    pub fn suited(channel: &Channel, seed: u64) -> Self {
        Self {
            capacity: 200,
            pace: channel.pace(),
            urgent: Pace::URGENT,
            quiet: SignedDuration::from_mins(5),
            floor: Level::Info,
            digest_at: 5,
            seed,
        }
    }
}

/// What became of a pushed notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// One like it was told lately; it is counted.
    Repeated,
    /// It matters less than this channel tells.
    BelowFloor,
    /// The queue is full of what matters more.
    Dropped,
}

/// What the sender is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send this, then settle it.
    Send(Parcel),
    /// Nothing before then; nothing at all before the next push, if `None`.
    Wait(Option<Timestamp>),
}

/// A notice to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The notice.
    pub notice: Notice,
    /// The how manieth attempt this is, from 1.
    pub attempt: u32,
}

/// What an outbox has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Notices that were taken into the queue, digests and summaries among them.
    pub queued: u64,
    /// Notices that arrived, digests among them.
    pub sent: u64,
    /// Notices that a digest stands for.
    pub digested: u64,
    /// Notices that were counted, because one like them was told.
    pub repeated: u64,
    /// Notices that a full queue had no room for.
    pub dropped: u64,
    /// Notices that were refused, or tried too often.
    pub given_up: u64,
}

#[derive(Debug, Clone)]
struct Waiting {
    notice: Notice,
    sequence: u64,
    attempts: u32,
    since: Timestamp,
}

#[derive(Debug, Clone)]
struct Told {
    until: Timestamp,
    level: Level,
    more: u32,
    last: Option<Notice>,
}

/// The state machine of one channel.
#[derive(Debug, Clone)]
pub struct Outbox {
    settings: OutboxSettings,
    queue: Vec<Waiting>,
    told: BTreeMap<String, Told>,
    on_its_way: Option<(Waiting, Timestamp)>,
    bucket: Bucket,
    urgent: Bucket,
    blocked_until: Option<Timestamp>,
    failures: u32,
    problem: Option<String>,
    dropped_untold: u64,
    counts: Counts,
    sequence: u64,
    random: u64,
    clock: Timestamp,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub const fn new(settings: OutboxSettings) -> Self {
        Self {
            queue: Vec::new(),
            told: BTreeMap::new(),
            on_its_way: None,
            bucket: Bucket::new(settings.pace),
            urgent: Bucket::new(settings.urgent),
            blocked_until: None,
            failures: 0,
            problem: None,
            dropped_untold: 0,
            counts: Counts {
                queued: 0,
                sent: 0,
                digested: 0,
                repeated: 0,
                dropped: 0,
                given_up: 0,
            },
            sequence: 0,
            random: settings.seed,
            clock: Timestamp::MIN,
            settings,
        }
    }

    /// Takes a notice in; never waits.
    pub fn push(&mut self, notice: Notice, now: Timestamp) -> Pushed {
        let now = self.advance(now);
        if notice.level() < self.settings.floor {
            return Pushed::BelowFloor;
        }
        if let Some(told) = self.told.get_mut(notice.key())
            && notice.level() <= told.level
        {
            told.more = told.more.saturating_add(1);
            told.last = Some(notice);
            self.counts.repeated += 1;
            return Pushed::Repeated;
        }
        self.remember(&notice, now);
        self.enqueue(notice, now)
    }

    /// What to do now.
    #[must_use = "a parcel that is handed out must be sent and settled"]
    pub fn next(&mut self, now: Timestamp) -> Next {
        let now = self.advance(now);
        if let Some((_, since)) = &self.on_its_way {
            let lost_at = later(*since, ON_ITS_WAY_MAX);
            if now < lost_at {
                return Next::Wait(Some(lost_at));
            }
            let why = "nobody said what became of it".to_owned();
            self.settle(Verdict::Later { after: None, why }, now);
        }
        let Some(level) = self.queue.iter().map(|waiting| waiting.notice.level()).max() else {
            let summaries = self.told.values().filter(|told| told.more > 0);
            return Next::Wait(summaries.map(|told| told.until).min());
        };
        if let Some(until) = self.blocked_until.filter(|until| now < *until) {
            return Next::Wait(Some(until));
        }
        let granted = self
            .bucket
            .take(now)
            .or_else(|| (level == Level::Critical).then(|| self.urgent.take(now)).flatten());
        if granted.is_none() {
            let urgent = (level == Level::Critical).then(|| self.urgent.ready_at(now)).flatten();
            return Next::Wait(self.bucket.ready_at(now).into_iter().chain(urgent).min());
        }
        let mut waiting = self.choose(level, now);
        if self.dropped_untold > 0 {
            let count = std::mem::take(&mut self.dropped_untold);
            waiting.notice = waiting
                .notice
                .line(&format!("{count} earlier notices were dropped: too many waited"));
        }
        waiting.attempts += 1;
        let parcel = Parcel { notice: waiting.notice.clone(), attempt: waiting.attempts };
        self.on_its_way = Some((waiting, now));
        Next::Send(parcel)
    }

    /// Says what became of the parcel on its way.
    pub fn settle(&mut self, verdict: Verdict, now: Timestamp) {
        let now = self.advance(now);
        let Some((waiting, _)) = self.on_its_way.take() else { return };
        match verdict {
            Verdict::Sent => {
                self.failures = 0;
                self.problem = None;
                self.counts.sent += 1;
            }
            Verdict::Refused { why } => {
                self.problem = Some(why);
                self.counts.given_up += 1;
            }
            Verdict::Later { after, why } => {
                let asked = after.unwrap_or_default().min(ASKED_WAIT_MAX);
                let wait = self.back_off().max(asked);
                self.try_again(waiting, later(now, wait), why, now);
            }
            Verdict::Denied { why } => {
                self.try_again(waiting, later(now, BACK_OFF_MAX), why, now);
            }
        }
    }

    /// How many wait or are on their way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.on_its_way.is_some())
    }

    /// What has been done so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What the channel last complained of, until something arrives again.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The clock never runs backwards here; on the way, quiet times that are over are summed up.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.clock = self.clock.max(now);
        let now = self.clock;
        let over: Vec<String> = self
            .told
            .iter()
            .filter(|(_, told)| told.until <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            self.sum_up(&key, now);
        }
        now
    }

    /// Ends the quiet time of a key; the last of those that were counted says how many there were.
    fn sum_up(&mut self, key: &str, now: Timestamp) {
        let Some(Told { more, last: Some(last), .. }) = self.told.remove(key) else { return };
        self.remember(&last, now);
        let notice =
            if more > 1 { last.line(&format!("and {} more like this", more - 1)) } else { last };
        self.enqueue(notice, now);
    }

    fn remember(&mut self, notice: &Notice, now: Timestamp) {
        if notice.key().is_empty() {
            return;
        }
        if self.told.len() >= KEYS_MAX && !self.told.contains_key(notice.key()) {
            // The one whose quiet time ends first; what it counted stays in the counts.
            let first = self.told.iter().min_by_key(|(_, told)| told.until);
            if let Some(key) = first.map(|(key, _)| key.clone()) {
                self.told.remove(&key);
            }
        }
        let until = later(now, self.settings.quiet);
        let told = Told { until, level: notice.level(), more: 0, last: None };
        self.told.insert(notice.key().to_owned(), told);
    }

    fn enqueue(&mut self, notice: Notice, now: Timestamp) -> Pushed {
        if self.waiting() >= self.settings.capacity.max(1) {
            self.counts.dropped += 1;
            self.dropped_untold += 1;
            let least = self.queue.iter().enumerate();
            let least = least.min_by_key(|(_, w)| (w.notice.level(), w.sequence));
            match least.map(|(index, waiting)| (index, waiting.notice.level())) {
                Some((index, level)) if level <= notice.level() => drop(self.queue.remove(index)),
                _ => return Pushed::Dropped,
            }
        }
        self.counts.queued += 1;
        self.sequence += 1;
        let waiting = Waiting { notice, sequence: self.sequence, attempts: 0, since: now };
        self.queue.push(waiting);
        Pushed::Queued
    }

    /// The oldest of the level that matters most, or a digest when many wait.
    fn choose(&mut self, level: Level, now: Timestamp) -> Waiting {
        let fresh = |w: &Waiting| w.attempts == 0 && w.notice.level() < Level::Critical;
        let many = self.queue.iter().filter(|waiting| fresh(waiting)).count();
        if level < Level::Critical && many >= self.settings.digest_at.max(2) {
            let (mut part, rest) = std::mem::take(&mut self.queue).into_iter().partition(fresh);
            self.queue = rest;
            return self.digest(&mut part, now);
        }
        let best = self.queue.iter().enumerate().filter(|(_, w)| w.notice.level() == level);
        let best = best.min_by_key(|(_, w)| w.sequence).map_or(0, |(index, _)| index);
        self.queue.remove(best)
    }

    fn digest(&mut self, part: &mut [Waiting], now: Timestamp) -> Waiting {
        part.sort_by_key(|w| (std::cmp::Reverse(w.notice.level()), w.sequence));
        let level = part.iter().map(|w| w.notice.level()).max().unwrap_or(Level::Info);
        let at = part.iter().map(|w| w.notice.at()).max().unwrap_or(now);
        let mut notice = Notice::new("", level, &format!("{} notices", part.len()), at);
        for waiting in part.iter().take(DIGEST_LINES_MAX) {
            notice = notice.line(&waiting.notice.headline());
        }
        if let Some(more) = part.len().checked_sub(DIGEST_LINES_MAX).filter(|more| *more > 0) {
            notice = notice.line(&format!("and {more} more"));
        }
        self.counts.digested += part.len() as u64;
        self.counts.queued += 1;
        self.sequence += 1;
        Waiting { notice, sequence: self.sequence, attempts: 0, since: now }
    }

    fn try_again(&mut self, waiting: Waiting, at: Timestamp, why: String, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.problem = Some(why);
        self.blocked_until = Some(at);
        let spent = if waiting.notice.level() == Level::Critical {
            now.duration_since(waiting.since) >= CRITICAL_AGE_MAX
        } else {
            waiting.attempts >= ATTEMPTS_MAX
        };
        if spent {
            self.counts.given_up += 1;
        } else {
            self.queue.push(waiting);
        }
    }

    /// Twice as long after each failure, of which the second half is by chance.
    fn back_off(&mut self) -> SignedDuration {
        let doubled = BACK_OFF_FIRST.saturating_mul(1 << self.failures.min(10));
        let half = doubled.min(BACK_OFF_MAX) / 2;
        let half_ms = u64::try_from(half.as_millis()).unwrap_or(0);
        // SplitMix64: small, and the same for the same seed.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let chance_ms = (z ^ (z >> 31)) % (half_ms + 1);
        half + SignedDuration::from_millis(i64::try_from(chance_ms).unwrap_or(0))
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
