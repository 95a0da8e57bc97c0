//! What a look at a part of the installation comes to: pure functions of what was seen.

use crate::desk::ListView;
use audit::posture::Standing;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What was seen of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// How it stands.
    pub standing: Standing,
    /// What was seen, for whoever runs the server.
    pub detail: String,
    /// What to do about it; empty where there is nothing to do.
    pub fix: &'static str,
    /// The same in numbers, by the names of metrics.
    pub figures: Vec<(&'static str, f64)>,
}

impl Word {
    /// A word without numbers.
    #[must_use]
    pub fn new(standing: Standing, detail: impl Into<String>) -> Self {
        Self { standing, detail: detail.into(), fix: "", figures: Vec::new() }
    }

    /// What to do where it does not stand well.
    #[must_use]
    pub const fn fix(mut self, fix: &'static str) -> Self {
        self.fix = fix;
        self
    }

    /// A number of what was seen.
    #[must_use]
    pub fn figure(mut self, name: &'static str, value: f64) -> Self {
        self.figures.push((name, value));
        self
    }
}

/// Lossy above 2^53, where a metric does not matter to the byte.
#[allow(clippy::cast_precision_loss, reason = "a metric is a float by its format")]
fn number(value: u64) -> f64 {
    value as f64
}

/// Lists of addresses that are kept out. One that is stale holds all the same.
#[must_use]
pub fn lists(lists: &[ListView]) -> Word {
    if lists.is_empty() {
        return Word::new(Standing::Off, "no list of addresses is held against whoever comes");
    }
    let broken = lists.iter().filter(|one| one.problem.is_some()).count();
    let stale = lists.iter().filter(|one| one.stale).count();
    let prefixes: usize = lists.iter().map(|one| one.prefixes).sum();
    let detail = format!(
        "{} lists with {prefixes} prefixes; {stale} are older than they should be, {broken} lie there damaged",
        lists.len()
    );
    let whole = if stale + broken == 0 { Standing::Good } else { Standing::Warning };
    let word = Word::new(whole, detail);
    if whole == Standing::Good { word } else { word.fix("stockade limits show") }
}

/// Room where the data lies. Little is told before it is too little.
#[must_use]
pub fn disk(free: u64, total: u64, min: u64) -> Word {
    let mib = |bytes: u64| bytes >> 20;
    let detail = format!("{} MiB of {} MiB are free", mib(free), mib(total));
    let standing = if free < min {
        Standing::Failing
    } else if free < min.saturating_mul(4) || free < total / 20 {
        Standing::Warning
    } else {
        Standing::Good
    };
    let word = Word::new(standing, detail)
        .figure("disk_free_bytes", number(free))
        .figure("disk_size_bytes", number(total));
    if standing == Standing::Good {
        word
    } else {
        word.fix("make room: `stockade backup prune`, old results, another disk for data.dir")
    }
}

/// A clock that went by more than this is set and not merely slewed.
const JUMP_MIN: Duration = Duration::from_secs(2);
/// Clocks are slewed by so many parts in a million at most.
const SLEW_PPM: u32 = 1000;
/// So long a jump is told.
const JUMP_TOLD: Duration = Duration::from_mins(2);

/// Holds the clock on the wall against the one that only goes forward.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    last: Option<(Timestamp, Duration)>,
    /// When it jumped last, and by how many seconds.
    jumped: Option<(Duration, f64)>,
    jumps: u64,
}

impl ClockWatch {
    /// Both clocks now; `keeper` says what is wrong with whatever keeps the one on the wall, if something is.
    pub fn look(&mut self, wall: Timestamp, steady: Duration, keeper: Option<String>) -> Word {
        if let Some((wall_before, steady_before)) = self.last {
            let passed = steady.saturating_sub(steady_before);
            let off = wall.duration_since(wall_before).as_secs_f64() - passed.as_secs_f64();
            let allowed = JUMP_MIN + passed * SLEW_PPM / 1_000_000;
            if off.abs() > allowed.as_secs_f64() {
                self.jumped = Some((steady, off));
                self.jumps += 1;
            }
        }
        self.last = Some((wall, steady));
        let recent = self.jumped.filter(|(at, _)| steady.saturating_sub(*at) < JUMP_TOLD);
        let word = match (recent, keeper) {
            (Some((_, off)), _) => {
                Word::new(Standing::Failing, format!("the clock was set by {off:+.1} seconds"))
                    .fix("look what set it: `timedatectl timesync-status`, `chronyc tracking`")
            }
            (None, Some(why)) => {
                Word::new(Standing::Warning, why).fix("sudo timedatectl set-ntp true")
            }
            (None, None) => Word::new(Standing::Good, "it goes as fast as time does"),
        };
        word.figure("clock_jumps_total", number(self.jumps))
    }
}

/// Letters older than this wait for longer than a mail server's moods.
const LETTER_AGE_WARNED: SignedDuration = SignedDuration::from_hours(1);
const LETTER_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// The queue of letters, where a mail server takes them.
#[must_use]
pub fn letters(waiting: u64, oldest: Option<Timestamp>, is_sent: bool, now: Timestamp) -> Word {
    let age = oldest.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    let figures = |word: Word| {
        word.figure("letters_waiting", number(waiting))
            .figure("letters_oldest_seconds", age.as_secs_f64().max(0.0))
    };
    if !is_sent {
        let detail = format!("no mail server is set; {waiting} letters wait in the outbox");
        return figures(Word::new(Standing::Off, detail));
    }
    let detail = format!("{waiting} wait, the oldest for {} minutes", age.as_mins());
    let standing = if age > LETTER_AGE_MAX {
        Standing::Failing
    } else if age > LETTER_AGE_WARNED {
        Standing::Warning
    } else {
        Standing::Good
    };
    let word = figures(Word::new(standing, detail));
    if standing == Standing::Good {
        word
    } else {
        word.fix(
            "the outbox shows what the mail server says; `stockade mail check` looks at the domain",
        )
    }
}

/// What is known of the certificate that the next handshake serves.
#[derive(Debug, Clone)]
pub struct CertificateSight {
    /// Until when it holds.
    pub expires: Timestamp,
    /// Why it should be another one by now, if it should.
    pub late: Option<String>,
    /// Whether somebody else issues it and renews it by rules of their own.
    pub by_acme: bool,
}

/// The machine's own authority renews when a month is left.
const CERTIFICATE_LEFT_MIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The certificate.
#[must_use]
pub fn certificate(seen: &CertificateSight, now: Timestamp) -> Word {
    let left = seen.expires.duration_since(now);
    let days = left.as_hours() / 24;
    let at = number(u64::try_from(seen.expires.as_second()).unwrap_or(0));
    let figure = |word: Word| word.figure("certificate_not_after_seconds", at);
    if !left.is_positive() {
        let detail = format!("it ran out on {}", seen.expires.strftime("%Y-%m-%d %H:%M UTC"));
        let word = Word::new(Standing::Failing, detail);
        return figure(word.fix("stockade certificate renew"));
    }
    if let Some(late) = &seen.late {
        let word = Word::new(Standing::Warning, late.clone());
        return figure(word.fix("stockade certificate show"));
    }
    let detail = format!("it holds for {days} days");
    if !seen.by_acme && left < CERTIFICATE_LEFT_MIN {
        let word = Word::new(Standing::Warning, format!("{detail} and should have been renewed"));
        return figure(word.fix("look at the log of the server, then start it again"));
    }
    figure(Word::new(Standing::Good, detail))
}

/// What is known of backups.
#[derive(Debug, Clone, Default)]
pub struct BackupSight {
    /// Whether any are made.
    pub is_on: bool,
    /// When the last one was made.
    pub last: Option<Timestamp>,
    /// When a restore was last proved.
    pub proved: Option<Timestamp>,
    /// Why the last try failed, if it did.
    pub failed: Option<String>,
}

/// A night's backup may be late by two hours, and a week's proof by a day.
const BACKUP_AGE_WARNED: SignedDuration = SignedDuration::from_hours(26);
const BACKUP_AGE_MAX: SignedDuration = SignedDuration::from_hours(3 * 24);
const PROOF_AGE_WARNED: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Backups and the proof of them.
#[must_use]
pub fn backups(seen: &BackupSight, now: Timestamp) -> Word {
    if !seen.is_on {
        return Word::new(Standing::Warning, "no backups are made: nobody said where to")
            .fix("set backup.place and backup.recipients");
    }
    let age = |time: Timestamp| now.duration_since(time);
    let mut word = match seen.last {
        None => Word::new(Standing::Warning, "no backup was made yet").fix("stockade backup now"),
        Some(last) if age(last) > BACKUP_AGE_MAX => {
            let detail = format!("the last backup is {} hours old", age(last).as_hours());
            Word::new(Standing::Failing, detail).fix("stockade backup now")
        }
        Some(last) if age(last) > BACKUP_AGE_WARNED => {
            let detail = format!("the last backup is {} hours old", age(last).as_hours());
            Word::new(Standing::Warning, detail).fix("stockade backup now")
        }
        Some(last) => Word::new(
            Standing::Good,
            format!("the last backup is {} hours old", age(last).as_hours()),
        ),
    };
    if word.standing == Standing::Good && seen.proved.is_none_or(|at| age(at) > PROOF_AGE_WARNED) {
        word = Word::new(Standing::Warning, "no restore was proved for a week")
            .fix("stockade backup drill");
    }
    if word.standing == Standing::Good
        && let Some(why) = &seen.failed
    {
        word = Word::new(Standing::Warning, format!("the last try failed: {why}"))
            .fix("stockade backup now");
    }
    let seconds = |time: Timestamp| age(time).as_secs_f64().max(0.0);
    if let Some(last) = seen.last {
        word = word.figure("backup_age_seconds", seconds(last));
    }
    match seen.proved {
        Some(proved) => word.figure("restore_proved_age_seconds", seconds(proved)),
        None => word,
    }
}

/// A log that was signed later than now was signed by a clock that went wrong since.
const LOG_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The newest checkpoint of the log: its size and when it was signed.
#[must_use]
pub fn log(size: u64, signed: Timestamp, now: Timestamp) -> Word {
    let age = now.duration_since(signed);
    let word = if age < -LOG_AHEAD_MAX {
        let detail = format!("its newest checkpoint is signed {} s ahead of now", -age.as_secs());
        Word::new(Standing::Failing, detail).fix("set the clock right: entries get its time")
    } else {
        Word::new(
            Standing::Good,
            format!("{size} entries, the newest {} minutes old", age.as_mins()),
        )
    };
    word.figure("log_entries", number(size))
        .figure("log_checkpoint_age_seconds", age.as_secs_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
    }

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_disk_that_fills_up_is_told_before_it_is_full() {
        let check = |free_mib: u64, total_mib: u64, want| {
            let word = disk(free_mib << 20, total_mib << 20, 512 << 20);
            assert_eq!(word.standing, want, "{free_mib} of {total_mib}");
            assert_eq!(word.fix.is_empty(), want == Standing::Good);
        };
        check(0, 100_000, Standing::Failing);
        check(511, 100_000, Standing::Failing);
        check(512, 100_000, Standing::Warning);
        check(2048, 100_000, Standing::Warning);
        check(4999, 100_000, Standing::Warning);
        check(5001, 100_000, Standing::Good);
        check(2048, 10_000, Standing::Good);
    }

    #[test]
    fn a_clock_that_is_set_is_seen_and_one_that_is_slewed_is_not() {
        let check = |looks: &[(i64, u64)], want| {
            let mut watch = ClockWatch::default();
            let words: Vec<Standing> = looks
                .iter()
                .map(|(wall, steady)| {
                    watch.look(at(*wall), Duration::from_secs(*steady), None).standing
                })
                .collect();
            assert_eq!(words.last(), Some(&want), "{looks:?}: {words:?}");
        };
        check(&[(0, 0)], Standing::Good);
        check(&[(0, 0), (15, 15)], Standing::Good);
        check(&[(0, 0), (16, 15)], Standing::Good);
        check(&[(0, 0), (18, 15)], Standing::Failing);
        check(&[(0, 0), (-3600, 15)], Standing::Failing);
        check(&[(0, 0), (3600, 15), (3615, 30)], Standing::Failing);
        // After two minutes the jump is over, and time goes on from where it is.
        check(&[(0, 0), (3600, 15), (3720, 136)], Standing::Good);
        // An hour's slew of a part in two thousand is none.
        check(&[(0, 0), (3602, 3600)], Standing::Good);
        let mut watch = ClockWatch::default();
        let word = watch.look(at(0), Duration::ZERO, Some("nothing keeps it".to_owned()));
        assert_eq!(word.standing, Standing::Warning);
    }

    #[test]
    fn letters_that_wait_for_long_are_told_where_somebody_should_take_them() {
        let check = |age: i64, is_sent, want| {
            assert_eq!(letters(3, Some(at(-age)), is_sent, at(0)).standing, want, "{age}");
        };
        check(60, true, Standing::Good);
        check(2 * HOUR, true, Standing::Warning);
        check(25 * HOUR, true, Standing::Failing);
        check(25 * HOUR, false, Standing::Off);
        assert_eq!(letters(0, None, true, at(0)).standing, Standing::Good);
    }

    #[test]
    fn a_certificate_near_its_end_is_told_and_one_that_ran_out_fails() {
        let check = |left: i64, late: Option<&str>, by_acme, want| {
            let seen =
                CertificateSight { expires: at(left), late: late.map(str::to_owned), by_acme };
            assert_eq!(certificate(&seen, at(0)).standing, want, "{left}");
        };
        check(30 * DAY, None, false, Standing::Good);
        check(6 * DAY, None, false, Standing::Warning);
        // Some last for six days: whoever issues it says when it is late.
        check(5 * DAY, None, true, Standing::Good);
        check(5 * DAY, Some("not renewed"), true, Standing::Warning);
        check(1, None, true, Standing::Good);
        check(0, None, true, Standing::Failing);
        check(-DAY, Some("not renewed"), true, Standing::Failing);
    }

    #[test]
    fn backups_that_are_old_or_never_proved_are_told() {
        let seen = |last: Option<i64>, proved: Option<i64>| BackupSight {
            is_on: true,
            last: last.map(|age| at(-age)),
            proved: proved.map(|age| at(-age)),
            failed: None,
        };
        let check = |seen: &BackupSight, want| {
            assert_eq!(backups(seen, at(0)).standing, want, "{seen:?}");
        };
        check(&BackupSight::default(), Standing::Warning);
        check(&seen(None, None), Standing::Warning);
        check(&seen(Some(HOUR), Some(DAY)), Standing::Good);
        check(&seen(Some(27 * HOUR), Some(DAY)), Standing::Warning);
        check(&seen(Some(4 * DAY), Some(DAY)), Standing::Failing);
        check(&seen(Some(HOUR), None), Standing::Warning);
        check(&seen(Some(HOUR), Some(9 * DAY)), Standing::Warning);
        let failed = Some("the place is away".to_owned());
        check(&BackupSight { failed, ..seen(Some(HOUR), Some(DAY)) }, Standing::Warning);
    }

    #[test]
    fn a_log_that_is_signed_ahead_of_now_fails() {
        assert_eq!(log(7, at(-DAY), at(0)).standing, Standing::Good);
        assert_eq!(log(7, at(200), at(0)).standing, Standing::Good);
        assert_eq!(log(7, at(400), at(0)).standing, Standing::Failing);
    }
}
