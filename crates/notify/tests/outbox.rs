//! The outbox's rules, each with rows; then its laws over random days.

use jiff::{SignedDuration, Timestamp};
use notify::{Level, Next, Notice, Outbox, OutboxSettings, Pace, Parcel, Pushed, Verdict};
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn settings() -> OutboxSettings {
    OutboxSettings {
        capacity: 10,
        pace: Pace::new(2, 10),
        urgent: Pace::new(2, 60),
        quiet: SignedDuration::from_secs(300),
        floor: Level::Info,
        digest_at: 4,
        seed: 7,
    }
}

fn info(title: &str) -> Notice {
    Notice::new("", Level::Info, title, at(0))
}

fn critical(title: &str) -> Notice {
    Notice::new("", Level::Critical, title, at(0))
}

fn later() -> Verdict {
    Verdict::Later { after: None, why: "down".to_owned() }
}

/// The parcel that is handed out now.
fn sends(outbox: &mut Outbox, now: Timestamp) -> Option<Parcel> {
    match outbox.next(now) {
        Next::Send(parcel) => Some(parcel),
        Next::Wait(_) => None,
    }
}

/// Everything that goes out now while each arrives: titles with their lines.
fn drain(outbox: &mut Outbox, now: Timestamp) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(parcel) = sends(outbox, now) {
        let notice = &parcel.notice;
        out.push(
            std::iter::once(notice.title())
                .chain(notice.lines().iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("|"),
        );
        outbox.settle(Verdict::Sent, now);
    }
    out
}

#[test]
fn a_channel_is_fed_at_its_pace() {
    let mut outbox = Outbox::new(settings());
    for title in ["a", "b", "c"] {
        assert_eq!(outbox.push(info(title), at(0)), Pushed::Queued);
    }
    assert_eq!(drain(&mut outbox, at(0)), ["a", "b"]);
    assert_eq!(outbox.next(at(0)), Next::Wait(Some(at(10))));
    assert_eq!(drain(&mut outbox, at(9)), [""; 0]);
    assert_eq!(drain(&mut outbox, at(10)), ["c"]);
    assert_eq!(outbox.next(at(10)), Next::Wait(None));
}

#[test]
fn what_is_critical_goes_first_and_has_its_own_bucket() {
    let mut outbox = Outbox::new(settings());
    for title in ["a", "b", "c"] {
        outbox.push(info(title), at(0));
    }
    for title in ["A", "B", "C", "D", "E"] {
        outbox.push(critical(title), at(0));
    }
    // Two of the channel's own pace, two of the urgent one; the fifth waits for the channel.
    assert_eq!(drain(&mut outbox, at(0)), ["A", "B", "C", "D"]);
    assert_eq!(outbox.next(at(0)), Next::Wait(Some(at(10))));
    assert_eq!(drain(&mut outbox, at(10)), ["E"]);
    assert_eq!(drain(&mut outbox, at(30)), ["a", "b"]);
}

#[test]
fn what_repeats_is_told_once_and_counted() {
    let trouble = |level, title: &str| Notice::new("trouble", level, title, at(0));
    let mut outbox = Outbox::new(settings());
    assert_eq!(outbox.push(trouble(Level::Warning, "first"), at(0)), Pushed::Queued);
    for n in 0..5 {
        let notice = trouble(Level::Warning, &format!("again {n}"));
        assert_eq!(outbox.push(notice, at(n + 1)), Pushed::Repeated);
    }
    assert_eq!(drain(&mut outbox, at(10)), ["first"]);
    assert_eq!(outbox.next(at(10)), Next::Wait(Some(at(300))), "the end of the quiet time");
    // What matters more does not wait for it.
    assert_eq!(outbox.push(trouble(Level::Critical, "worse"), at(20)), Pushed::Queued);
    assert_eq!(drain(&mut outbox, at(20)), ["worse"]);
    for n in 0..3 {
        outbox.push(trouble(Level::Critical, &format!("still {n}")), at(30));
    }
    assert_eq!(drain(&mut outbox, at(319)), [""; 0]);
    assert_eq!(drain(&mut outbox, at(320)), ["still 2|and 2 more like this"]);
    assert_eq!(outbox.push(trouble(Level::Critical, "on"), at(321)), Pushed::Repeated);
    assert_eq!(drain(&mut outbox, at(700)), ["on"], "one alone has no more");
    // Without a key everything is told.
    for _ in 0..3 {
        assert_eq!(outbox.push(info("same"), at(1000)), Pushed::Queued);
    }
}

#[test]
fn many_go_as_one_but_for_the_critical() {
    let mut outbox = Outbox::new(OutboxSettings { capacity: 100, ..settings() });
    for n in 0..20 {
        outbox.push(info(&format!("n{n}")), at(0));
    }
    outbox.push(Notice::new("", Level::Warning, "careful", at(0)), at(0));
    outbox.push(critical("now"), at(0));
    let out = drain(&mut outbox, at(0));
    let listed = (0..11).map(|n| format!("n{n}")).collect::<Vec<_>>().join("|");
    assert_eq!(
        out,
        ["now".to_owned(), format!("21 notices|[warning] careful|{listed}|and 9 more")]
    );
    assert_eq!(outbox.waiting(), 0);
}

#[test]
fn a_full_queue_lets_the_least_go_and_says_so() {
    let mut outbox = Outbox::new(OutboxSettings { digest_at: 100, ..settings() });
    for n in 0..9 {
        outbox.push(Notice::new("", Level::Warning, &format!("w{n}"), at(0)), at(0));
    }
    assert_eq!(outbox.push(info("i0"), at(0)), Pushed::Queued);
    assert_eq!(outbox.push(info("i1"), at(0)), Pushed::Queued, "the older one goes");
    assert_eq!(outbox.push(critical("c0"), at(0)), Pushed::Queued);
    assert_eq!(outbox.push(info("i2"), at(0)), Pushed::Dropped, "nothing matters less");
    assert_eq!(outbox.waiting(), 10);
    assert_eq!(
        drain(&mut outbox, at(0)),
        ["c0|3 earlier notices were dropped: too many waited", "w0"]
    );
    assert_eq!(outbox.counts().dropped, 3);
}

#[test]
fn a_failing_channel_is_tried_again_more_and_more_rarely() {
    let mut outbox = Outbox::new(OutboxSettings { pace: Pace::new(100, 1), ..settings() });
    outbox.push(info("a"), at(0));
    let (mut now, mut waits, mut attempts) = (at(0), Vec::new(), Vec::new());
    while let Some(parcel) = sends(&mut outbox, now) {
        attempts.push(parcel.attempt);
        outbox.settle(later(), now);
        let Next::Wait(until) = outbox.next(now) else { unreachable!("it is blocked") };
        let Some(until) = until else { break };
        waits.push(until.duration_since(now).as_millis());
        now = until;
    }
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
    for (wait, most) in waits.iter().zip([2, 4, 8, 16, 32, 64, 128]) {
        let most: i128 = most * 1000;
        assert!((most / 2..=most).contains(wait), "{wait} of {most}: {waits:?}");
    }
    assert_eq!((outbox.counts().given_up, outbox.problem()), (1, Some("down")));

    // The other side's wish is a floor, an hour is a ceiling, and the seed is all the chance there is.
    let wait = |after: i64, seed| {
        let mut outbox = Outbox::new(OutboxSettings { seed, ..settings() });
        outbox.push(critical("a"), at(0));
        assert!(sends(&mut outbox, at(0)).is_some());
        let after = Some(SignedDuration::from_secs(after));
        outbox.settle(Verdict::Later { after, why: String::new() }, at(0));
        match outbox.next(at(0)) {
            Next::Wait(Some(until)) => until.duration_since(at(0)),
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(wait(40, 1), SignedDuration::from_secs(40));
    assert_eq!(wait(1_000_000, 1), SignedDuration::from_hours(1));
    assert!(wait(0, 1) >= SignedDuration::from_secs(1) && wait(0, 1) == wait(0, 1));
    assert_ne!(wait(0, 1), wait(0, 2));
}

#[test]
fn what_one_message_suffers_is_not_what_the_channel_suffers() {
    let mut outbox = Outbox::new(settings());
    outbox.push(info("bad"), at(0));
    outbox.push(info("good"), at(0));
    assert_eq!(
        sends(&mut outbox, at(0)).map(|p| p.notice.title().to_owned()),
        Some("bad".to_owned())
    );
    outbox.settle(Verdict::Refused { why: "HTTP 400".to_owned() }, at(0));
    assert_eq!(outbox.problem(), Some("HTTP 400"));
    assert_eq!(drain(&mut outbox, at(0)), ["good"]);
    assert_eq!((outbox.counts().given_up, outbox.problem()), (1, None));

    outbox.push(critical("kept"), at(100));
    assert!(sends(&mut outbox, at(100)).is_some());
    outbox.settle(Verdict::Denied { why: "HTTP 401".to_owned() }, at(100));
    assert_eq!(outbox.next(at(101)), Next::Wait(Some(at(400))));
    assert_eq!(drain(&mut outbox, at(400)), ["kept"]);
}

#[test]
fn a_sender_that_never_comes_back_does_not_stop_the_channel() {
    let mut outbox = Outbox::new(settings());
    outbox.push(critical("a"), at(0));
    assert!(sends(&mut outbox, at(0)).is_some());
    assert_eq!(outbox.next(at(1)), Next::Wait(Some(at(180))));
    assert!(matches!(outbox.next(at(180)), Next::Wait(Some(_))), "a short wait first");
    let again = sends(&mut outbox, at(200)).map(|parcel| parcel.attempt);
    assert_eq!(again, Some(2));
    outbox.settle(Verdict::Sent, at(200));
    outbox.settle(Verdict::Sent, at(200));
    assert_eq!(outbox.counts().sent, 1, "settling what is not on its way does nothing");
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let mut outbox = Outbox::new(settings());
    outbox.push(info("a"), at(1000));
    outbox.push(info("b"), at(10));
    assert_eq!(drain(&mut outbox, at(0)), ["a", "b"]);
    outbox.push(info("c"), at(0));
    assert_eq!(outbox.next(at(0)), Next::Wait(Some(at(1010))));
    let floor = OutboxSettings { floor: Level::Warning, ..settings() };
    assert_eq!(Outbox::new(floor).push(info("a"), at(0)), Pushed::BelowFloor);
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8, u8),
    Pass(i64),
    Try(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..3, 0_u8..6).prop_map(|(level, key)| Step::Push(level, key)),
        2 => (0_i64..90).prop_map(Step::Pass),
        4 => (0_u8..10).prop_map(Step::Try),
    ]
}

fn pushed(level: u8, key: u8, n: usize, now: Timestamp) -> Notice {
    let level = [Level::Info, Level::Warning, Level::Critical].get(usize::from(level)).copied();
    let key = if key < 3 { String::new() } else { format!("k{key}") };
    Notice::new(&key, level.unwrap_or(Level::Info), &format!("n{n}"), now)
}

fn verdict(kind: u8) -> Verdict {
    let why = String::new();
    match kind {
        0 => Verdict::Later { after: Some(SignedDuration::from_secs(20)), why },
        1 => Verdict::Denied { why },
        2 | 3 => later(),
        _ => Verdict::Sent,
    }
}

proptest! {
    /// Nothing critical is lost while there is room; no window has more than its pace; the books balance.
    #[test]
    fn laws_of_an_outbox(steps in prop::collection::vec(step(), 1..150), seed in any::<u64>()) {
        let mut outbox = Outbox::new(OutboxSettings { capacity: 160, seed, ..settings() });
        let mut now = 0;
        let (mut wanted, mut told, mut sent_at) = (Vec::new(), Vec::new(), Vec::new());
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Pass(seconds) => now += seconds,
                Step::Push(level, key) => {
                    let notice = pushed(level, key, n, at(now));
                    let critical = notice.level() == Level::Critical;
                    if outbox.push(notice, at(now)) == Pushed::Queued && critical {
                        wanted.push(format!("n{n}"));
                    }
                }
                Step::Try(kind) => if let Some(parcel) = sends(&mut outbox, at(now)) {
                    sent_at.push(now);
                    if verdict(kind) == Verdict::Sent {
                        told.push(parcel.notice.title().to_owned());
                    }
                    outbox.settle(verdict(kind), at(now));
                },
            }
            let counts = outbox.counts();
            let settled = counts.sent + counts.digested + counts.dropped + counts.given_up;
            prop_assert_eq!(counts.queued, settled + outbox.waiting() as u64);
        }
        for _ in 0..400 {
            now += 60;
            if let Some(parcel) = sends(&mut outbox, at(now)) {
                sent_at.push(now);
                told.push(parcel.notice.title().to_owned());
                outbox.settle(Verdict::Sent, at(now));
            }
        }
        for title in &wanted {
            prop_assert!(told.contains(title), "{title} was not told: {told:?}");
        }
        prop_assert_eq!(outbox.waiting(), 0);
        for (first, from) in sent_at.iter().enumerate() {
            for window in [1, 30, 600] {
                let sent = sent_at.iter().skip(first).filter(|t| **t < from + window).count();
                let most = (2 + window / 10) + (2 + window / 60);
                prop_assert!(i64::try_from(sent).expect("few") <= most, "{sent} in {window} s");
            }
        }
    }
}
