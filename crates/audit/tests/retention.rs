//! Seven years: purges that come too early, bodies that are gone too early, ten years of days.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests index into what they made")]

use audit::{
    Checkpoint, Entry, Error, ExportLine, Frontier, Kind, Ledger, Purge, Replay, Row, Signer,
    kept_until, sample, verify_export,
};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn ledger() -> Ledger {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])))
}

/// A log with an entry at each of these times, and its last checkpoint.
fn log(ledger: &Ledger, times: &[Timestamp]) -> (Vec<Row>, String) {
    let (mut frontier, mut entropy) = (Frontier::new(), SeededEntropy::new(1));
    let (mut rows, mut note) = (Vec::new(), String::new());
    for (number, now) in times.iter().enumerate() {
        let entry = Entry {
            kind: Kind::stated("account.created"),
            actor: "host".to_owned(),
            subject: format!("subject {number}"),
            detail: serde_json::json!({}),
        };
        let batch = ledger.append(&mut frontier, &[entry], *now, &mut entropy).expect("appends");
        rows.extend(batch.rows);
        note = batch.checkpoint;
    }
    (rows, note)
}

fn replayed(ledger: &Ledger, rows: &[Row], note: &str) -> Result<u64, Error> {
    let mut replay = Replay::new([note], ledger.verifier())?;
    for row in rows {
        replay.push(row, ledger.open(row)?.as_ref())?;
    }
    replay.finish().map(|summary| summary.bodies)
}

#[test]
fn seven_years_are_counted_by_the_calendar() {
    let check = |from: &str, until: &str| assert_eq!(kept_until(time(from)), time(until), "{from}");
    check("2026-11-30T06:00:00Z", "2033-11-30T06:00:00Z");
    check("2024-02-28T23:59:59Z", "2031-02-28T23:59:59Z");
    check("2024-02-29T00:00:00Z", "2031-03-01T00:00:00Z");
    check("2024-02-29T23:59:59Z", "2031-03-01T00:00:00Z");
    check("2025-12-31T23:59:59Z", "2032-12-31T23:59:59Z");
    check("2021-03-01T00:00:00Z", "2028-03-01T00:00:00Z");
}

#[test]
fn a_purge_before_its_time_is_refused_and_says_when() {
    let check = |before: &str, now: &str, allowed: bool| {
        let purge = Purge::new(day(before), time(now));
        assert_eq!(purge.is_ok(), allowed, "{before} at {now}: {purge:?}");
    };
    check("2020-01-01", "2026-12-31T23:59:59Z", false);
    check("2020-01-01", "2027-01-01T00:00:00Z", true);
    check("2024-02-29", "2031-02-28T23:59:59Z", false);
    check("2024-02-29", "2031-03-01T00:00:00Z", true);
    check("2026-11-30", "2026-11-30T06:00:00Z", false);
    check("2030-01-01", "2026-11-30T06:00:00Z", false);
    let refused = Purge::new(day("2026-01-01"), time("2026-11-30T06:00:00Z")).expect_err("early");
    assert!(refused.to_string().contains("2033-01-01"), "{refused}");
}

/// A day at a time for ten years, leap days and year ends among them: what a purge takes is seven years
/// old, what is a day older than that it takes.
#[test]
fn over_ten_years_of_days_no_purge_takes_a_body_too_early_or_is_refused_too_long() {
    let start = day("2026-11-30");
    let noon =
        |date: Date| date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).expect("a time").timestamp();
    for number in 0..3653 {
        let date = start.checked_add(Span::new().days(number)).expect("a day");
        let now = noon(date);
        let mut before = date.checked_sub(Span::new().years(7)).expect("a day");
        before = before.checked_add(Span::new().days(3)).expect("a day");
        let purge = loop {
            match Purge::new(before, now) {
                Ok(purge) => break purge,
                Err(_) => before = before.yesterday().expect("a day"),
            }
        };
        let youngest = Timestamp::from_microsecond(purge.before().as_microsecond() - 1);
        let youngest = youngest.expect("in range");
        let age = now.duration_since(youngest).as_hours() / 24;
        assert!((2556..=2558).contains(&age), "{date}: {age} days");
        assert!(kept_until(youngest) <= now, "{date}");
    }
}

#[test]
fn a_log_whose_bodies_went_too_early_does_not_verify() {
    let ledger = ledger();
    let times = [
        "2020-01-01T00:00:00Z",
        "2024-02-29T12:00:00Z",
        "2031-02-28T12:00:00Z",
        "2031-03-08T12:00:00Z",
    ];
    let times = times.map(time);
    let (rows, note) = log(&ledger, &times);
    assert_eq!(replayed(&ledger, &rows, &note), Ok(4));
    let without = |gone: &[usize]| {
        let mut rows = rows.clone();
        for index in gone {
            rows[*index].sealed = None;
        }
        rows
    };
    assert_eq!(replayed(&ledger, &without(&[0]), &note), Ok(3), "it was old enough");
    let early = Error::PrunedEarly { index: 1, until: time("2031-03-01T00:00:00Z") };
    assert_eq!(replayed(&ledger, &without(&[1]), &note), Err(early.clone()), "a day short");
    assert_eq!(replayed(&ledger, &without(&[0, 1]), &note), Err(early.clone()));
    // An export is held to the same, by whoever reads it.
    let export = |rows: &[Row]| {
        let head = [
            ExportLine::Key { key: ledger.verifier().to_string() },
            ExportLine::Checkpoint { note: note.clone() },
        ];
        let lines = rows.iter().map(|row| ExportLine::leaf(row, &ledger).expect("a line"));
        let lines: Vec<String> = head.into_iter().chain(lines).map(|line| line.to_text()).collect();
        verify_export(lines.iter().map(String::as_str), None, &[]).map(|told| told.summary.bodies)
    };
    assert_eq!(export(&without(&[0])), Ok(3));
    assert_eq!(export(&without(&[1])), Err(early));
    // The weak twin looks at roots alone: the tree is the same with the bodies and without.
    assert_eq!(log(&ledger, &times).1, note);
}

#[test]
fn a_clock_that_jumped_or_fell_back_makes_nothing_old() {
    let ledger = ledger();
    let check = |times: &[&str], gone: usize, is_early: bool| {
        let times: Vec<Timestamp> = times.iter().copied().map(time).collect();
        let (mut rows, note) = log(&ledger, &times);
        rows[gone].sealed = None;
        let told = replayed(&ledger, &rows, &note);
        assert_eq!(matches!(told, Err(Error::PrunedEarly { .. })), is_early, "{times:?}: {told:?}");
    };
    let (then, next) = ("2027-01-01T00:00:00Z", "2027-01-20T00:00:00Z");
    let (jumped, week) = ("2040-01-01T00:00:00Z", "2040-01-08T00:00:00Z");
    check(&[then, jumped], 0, true);
    check(&[then, jumped, next], 0, true);
    check(&[then, jumped, "2040-01-07T00:00:00Z"], 0, true);
    check(&[then, jumped, week], 0, false);
    // What a boot at 1970 wrote is as young as what stands before it, or as what first follows it.
    let (boot, later) = ("1970-01-01T00:00:05Z", "2034-02-01T00:00:00Z");
    check(&[then, boot, next, "2028-01-01T00:00:00Z"], 1, true);
    check(&[boot, then, next], 0, true);
    check(&[boot], 0, true);
    check(&[then, boot, later, jumped], 1, false);
    check(&[boot, then, later, jumped], 0, false);
    check(&[boot, then, "2033-12-31T00:00:00Z", "2033-12-31T12:00:00Z"], 0, true);
}

#[test]
fn samples_follow_from_the_root_and_lie_everywhere() {
    let of = |byte: u8, size: u64| Checkpoint { origin: "x".to_owned(), size, root: [byte; 32] };
    assert_eq!(sample(&of(1, 0), 10).len(), 0, "an empty log has nothing to sample");
    assert_eq!(sample(&of(1, 1), 10).into_iter().collect::<Vec<_>>(), [0]);
    assert_eq!(sample(&of(1, 1000), 50), sample(&of(1, 1000), 50));
    assert_ne!(sample(&of(1, 1000), 50), sample(&of(2, 1000), 50));
    let places = sample(&of(3, 1000), 400);
    let quarters: Vec<usize> =
        (0..4).map(|q| places.range(q * 250..(q + 1) * 250).count()).collect();
    assert!(quarters.iter().all(|count| (50..=120).contains(count)), "{quarters:?}");
}
