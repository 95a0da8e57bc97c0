//! The ledger of snapshots, and what it keeps.

#![allow(clippy::disallowed_methods, reason = "tests")]

use backup::{
    Act, Error, Ledger, Plan, Proof, Reason, Snapshot, Taken, Trigger, old_key_sets, plan,
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::date, tz::TimeZone};
use proptest::prelude::*;
use seal::{Secret, SigningKey};
use std::collections::BTreeSet;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

fn snapshot(id: u64) -> Snapshot {
    Snapshot {
        id: format!("{id:064x}"),
        trigger: Trigger::Nightly,
        manifest: String::new(),
        files: 1,
        bytes: 2,
        log_size: 3,
        keys: String::new(),
    }
}

fn at(day: i64) -> Timestamp {
    let start = date(2026, 1, 1).at(3, 0, 0, 0).to_zoned(TimeZone::UTC).expect("a time");
    start.timestamp().checked_add(SignedDuration::from_hours(24 * day)).expect("in range")
}

fn taken(number: u64, time: Timestamp) -> Taken {
    Taken { number, time, snapshot: snapshot(number) }
}

fn filled() -> Ledger {
    let mut ledger = Ledger::default();
    for day in 0..3 {
        ledger.add(at(day), Act::Taken(snapshot(u64::try_from(day).expect("small"))));
    }
    ledger.add(at(3), Act::Forgotten { of: vec![2] });
    let proof = Proof { of: 3, files: 1, rows: 2, log_size: 3, seconds: 4 };
    ledger.add(at(3), Act::Proved(proof));
    ledger
}

#[test]
fn a_ledger_reads_back_and_says_what_is_there() {
    let ledger = filled();
    let text = ledger.render(&key(1));
    let read = Ledger::parse(&text, key(1).verifying_key()).expect("reads");
    assert_eq!(read, ledger);
    let live: Vec<u64> = read.live().iter().map(|one| one.number).collect();
    assert_eq!((live, read.key_sets().len()), (vec![1, 3], 3));
    assert_eq!((read.taken_since(), read.last_proof().expect("one").1.of), (0, 3));
    assert!(read.continues("") && read.continues(&read.head()) && !read.continues("ab"));
    let [first, other] = [0, 77].map(|id| format!("{id:064x}"));
    assert_eq!(read.foreign([first.as_str(), other.as_str()]), [other.as_str()]);
}

#[test]
fn whatever_is_changed_in_a_ledger_is_found() {
    let text = filled().render(&key(1));
    for at in (0..text.len() - 1).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(
            changed == text || Ledger::parse(&changed, key(1).verifying_key()).is_err(),
            "{at}"
        );
    }
    assert!(matches!(
        Ledger::parse(&text, key(2).verifying_key()).expect_err("another's"),
        Error::Unsigned { .. }
    ));
    // Its own key does not make a line follow that was taken out.
    let lines: Vec<&str> = text.lines().collect();
    let cut = [lines[0], lines[2]].join("\n") + "\n";
    let body = cut.as_str();
    let message = format!("stockade/v1|backup|ledger\n{body}");
    let signature = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(key(1).sign(message.as_bytes()))
    };
    let error = Ledger::parse(&format!("{body}-- {signature}\n"), key(1).verifying_key());
    assert!(matches!(error.expect_err("a gap"), Error::Ledger { line: 2, .. }));
}

#[test]
fn snapshots_from_the_future_and_of_others_push_nothing_out() {
    let nights: Vec<Taken> =
        (0..40).map(|day| taken(day + 1, at(i64::try_from(day).expect("small")))).collect();
    let now = at(39);
    let kept = |plan: &Plan| {
        plan.keep
            .iter()
            .filter(|(_, why)| !why.contains(&Reason::Doubtful))
            .map(|(n, _)| *n)
            .collect::<BTreeSet<_>>()
    };
    let honest = kept(&plan(&nights, now));
    for years in [1, 70] {
        // A clock that was wrong for some nights; the last record tells the right time again.
        let mut wrong = nights.clone();
        for number in [10_usize, 20, 21] {
            wrong[number].time = at(365 * years + i64::try_from(number).expect("small"));
        }
        let plan = plan(&wrong, now);
        assert!(
            honest.iter().filter(|n| ![11, 21, 22].contains(*n)).all(|n| plan.keep.contains_key(n))
        );
        let late: Vec<u64> =
            [11, 21, 22].into_iter().filter(|n| plan.keep.contains_key(n)).collect();
        assert_eq!(late, [11, 21, 22], "kept, and counted for no day");
    }
    // What the weak twin does, which believes every date: seven future days push all honest ones out.
    let mut weak: Vec<&Taken> = nights.iter().collect();
    let planted: Vec<Taken> = (0..7)
        .map(|day| taken(100 + day, at(9_000 + i64::try_from(day).expect("small"))))
        .collect();
    weak.extend(&planted);
    weak.sort_by_key(|one| one.time);
    let weak: Vec<u64> = weak.iter().rev().take(7).map(|one| one.number).collect();
    assert!(weak.iter().all(|number| *number >= 100));
    // One wrong clock, right now: nothing more goes for it than for a right one.
    let next = |time: Timestamp| {
        let mut all = nights.clone();
        all.push(taken(41, time));
        plan(&all, time).keep.into_keys().collect::<Vec<u64>>()
    };
    assert_eq!(next(at(20_000)), next(at(40)));
    // A clock that went back to its first day lets nothing go at all.
    assert!(plan(&nights, Timestamp::UNIX_EPOCH).forget.is_empty());
}

#[test]
fn a_forget_that_takes_too_much_is_refused() {
    let nights: Vec<Taken> =
        (0..200).map(|day| taken(day + 1, at(i64::try_from(day).expect("small")))).collect();
    let plan = plan(&nights, at(199));
    let gone = plan.forget.len();
    assert!(gone > 150);
    let refused = plan.clone().allowed(1).expect_err("far more than one can push out");
    assert!(matches!(refused, Error::TooMany { allowed: 4, .. }), "{refused}");
    assert!(plan.allowed(200).is_ok());
}

#[test]
fn wrapped_keys_are_gone_after_thirty_five_days() {
    let sets: Vec<Taken> =
        (0..60).map(|day| taken(day + 1, at(i64::try_from(day).expect("small")))).collect();
    let gone = old_key_sets(&sets, at(59));
    assert_eq!(gone, (1..=25).collect::<BTreeSet<u64>>());
    // The newest stays, however old it is; one from the future goes with the one that follows it.
    let mut late = sets[..3].to_vec();
    late[1].time = at(40_000);
    assert_eq!(old_key_sets(&late, at(900)), [1, 2].into_iter().collect());
}

/// What the rule keeps of all that was ever taken, by a second way of saying it.
fn oracle(all: &[(u64, Timestamp)]) -> BTreeSet<u64> {
    let Some(((newest, _), counted)) = all.split_last() else { return BTreeSet::new() };
    let mut kept = BTreeSet::from([*newest]);
    for (format, count) in [("%Y-%m-%d", 7), ("%G-%V", 8), ("%Y-%m", 12)] {
        let name = |time: Timestamp| time.to_zoned(TimeZone::UTC).strftime(format).to_string();
        let mut names: Vec<String> = counted.iter().map(|(_, time)| name(*time)).collect();
        names.dedup();
        for wanted in names.iter().rev().take(count) {
            kept.extend(
                counted.iter().rev().find(|(_, time)| name(*time) == *wanted).map(|one| one.0),
            );
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    /// Ten years of nights with gaps, backups by hand, leap days and year ends: letting go night by night
    /// keeps what the rule keeps of the whole, and never more goes at once than is allowed.
    #[test]
    fn over_ten_years_the_rule_holds_every_night(
        odds in prop::collection::vec(0_u8..20, 3_660), first in 0_i64..1_500
    ) {
        let mut all: Vec<(u64, Timestamp)> = Vec::new();
        let mut live: Vec<Taken> = Vec::new();
        let mut since = 0;
        for (day, odd) in (first..).zip(odds) {
            let runs: &[i64] = match odd { 0 => &[], 1 => &[0, 5, 9], _ => &[0] };
            for hours in runs {
                let time = at(day).checked_add(hours.hours()).expect("in range");
                let number = all.len() as u64 + 1;
                all.push((number, time));
                live.push(taken(number, time));
                since += 1;
                // Not every backup is followed by a clearing.
                if odd == 2 {
                    continue;
                }
                let decided = plan(&live, time).allowed(since).expect("never too much");
                live.retain(|one| !decided.forget.contains(&one.number));
                since = 0;
                let there: BTreeSet<u64> = live.iter().map(|one| one.number).collect();
                // The whole is looked at now and then; it is what takes the time.
                if number.is_multiple_of(61) {
                    let tail = all.len().saturating_sub(1_200);
                    prop_assert_eq!(there, oracle(&all[tail..]));
                }
            }
        }
        prop_assert!(live.len() <= 28, "{} are kept", live.len());
    }
}
