//! Servers that would keep the visitor, or have it forget what it saw: the bounds and the memory hold.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests with servers of their own, on threads, against the clock"
)]

mod twin;

use probe::{
    Ask, Bounds, Errand, Error, Memory,
    Outcome::{Broken, Held, Unseen},
    Pace, Target, Trust,
};
use std::{
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use twin::{
    Asked, Plan, Reply, Twin,
    ledger::{Ledger, honest, rewritten},
    said, told, trickle, with,
};

fn lying(lie: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) -> Plan {
    Plan { lie: Arc::new(lie), ..Plan::default() }
}

/// As long as these visits may take.
const SHORT: Bounds = Bounds { requests: 3_000, bytes: 64 << 20, time: Duration::from_secs(3) };

/// What was done with so little time did not take much more of it.
fn soon<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = act();
    assert!(begun.elapsed() < Duration::from_secs(12), "{what}: {:?}", begun.elapsed());
    done
}

#[test]
fn bytes_that_come_one_by_one_hold_nobody_for_longer_than_the_visit() {
    let twin = Twin::start(Plan { drips: true, ..Plan::default() });
    let ask = Ask { bounds: SHORT, only: vec!["nosniff"], ..twin.ask() };
    let found = soon("an answer", || twin.visited_as(&ask));
    assert_eq!(with(&found, Unseen), ["nosniff"]);
    let is_late = |seen: &str| seen.contains("bound of time") || seen.contains("too long");
    assert!(is_late(said(&found, "nosniff")), "{}", told(&found));
    // A handshake that never ends: one long record of it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let _ = trickle(
                &mut tcp,
                &[&[22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb], &[3; 0x3000][..]].concat(),
            );
        }
    });
    let target = Target::parse("https://twin.example", Some(address)).unwrap();
    let visit = || probe::visit(&target, &Trust::Web, &ask, jiff::Timestamp::now, |_| ());
    let ended = soon("a handshake", visit);
    assert!(ended.as_ref().is_err_and(|error| is_late(&error.to_string())), "{ended:?}");
}

#[test]
fn every_byte_counts_whatever_is_in_it() {
    let twin = Twin::start(Plan::default());
    let bounds = Bounds { bytes: 500, ..SHORT };
    let ask = Ask { bounds, only: vec!["nosniff"], ..twin.ask() };
    let ended = probe::visit(&twin.target(), &twin.trust(), &ask, jiff::Timestamp::now, |_| ());
    assert!(matches!(ended, Err(Error::Spent { what: "bytes" })), "{ended:?}");
}

#[test]
fn a_puzzle_takes_no_more_than_a_visit_gives() {
    let puzzling = |puzzle: String| {
        lying(move |asked, reply| match asked.path.as_str() {
            "/api/v1/sign-in" => Reply::new(429, "application/json", r#"{"code":"work"}"#),
            "/api/v1/puzzle" => {
                let given = serde_json::json!({ "puzzle": puzzle, "bits": 24 });
                Reply::new(200, "application/json", given.to_string())
            }
            _ => reply,
        })
    };
    let look = |puzzle: &str| {
        let twin = Twin::start(puzzling(puzzle.to_owned()));
        let ask = Ask { bounds: SHORT, only: vec!["token-facts"], ..twin.ask() };
        let found = soon("a puzzle", || twin.visited_as(&ask));
        assert_eq!(with(&found, Unseen), ["token-facts"]);
        said(&found, "token-facts").to_owned()
    };
    for puzzle in ["", "x\r\nhost: other.example", &"x".repeat(257), &"x".repeat(4 << 20)] {
        let seen = look(puzzle);
        assert!(seen.contains("more work than a visit does"), "{seen}");
    }
    // One without an answer among the first sixteen million.
    let seen = look("a-fair-puzzle-0");
    assert!(seen.contains("longer than a visit waits") || seen.contains("bound of time"), "{seen}");
}

#[test]
fn a_log_that_nobody_saw_go_on_does_not_take_the_place_of_the_remembered_one() {
    let away = |asked: &Asked, reply: Reply| {
        if asked.path.starts_with("/log/tile/") { Reply { status: 503, ..reply } } else { reply }
    };
    let log = ["log-signature", "log-consistency"];
    for (what, plan, only) in [
        (
            "written anew, and no tile is shown",
            Plan { ledger: Ledger::new(1, 300, rewritten), ..lying(away) },
            &log[..],
        ),
        ("no tile is shown", lying(away), &log),
        (
            "another key, and nobody asked for the log",
            Plan { ledger: Ledger::new(2, 300, honest), ..Plan::default() },
            &["posture"],
        ),
        (
            "written anew, and nobody asked whether it goes on",
            Plan { ledger: Ledger::new(1, 300, rewritten), ..Plan::default() },
            &["log-signature"],
        ),
    ] {
        let twin = Twin::start(plan);
        let before = twin.ask().memory.unwrap();
        let found = twin.visited(only);
        assert_eq!(with(&found, Broken), Vec::<&str>::new(), "{what}: {}", told(&found));
        let after = found.memory.unwrap();
        assert_eq!(after.log_key, before.log_key, "{what}");
        assert_eq!((after.checkpoint, after.at), (before.checkpoint, before.at), "{what}");
    }
    // It is found at the next visit, which is held against the old one.
    let twin = Twin::start(Plan { ledger: Ledger::new(1, 300, rewritten), ..Plan::default() });
    assert_eq!(with(&twin.visited(&log), Broken), ["log-consistency"]);
    // One that was seen to go on is remembered, and its posture with it.
    let twin = Twin::start(Plan::default());
    let found = twin.visited(&["log-consistency", "posture"]);
    assert_eq!(with(&found, Held), ["log-consistency", "posture"], "{}", told(&found));
    let (before, after) = (twin.ask().memory.unwrap(), found.memory.unwrap());
    assert_eq!(after.checkpoint, Ledger::new(1, 300, honest).note(300));
    assert!(after.posture.unwrap().1 > before.posture.unwrap().1);
}

#[test]
fn an_errand_about_another_claim_leaves_the_remembered_log_alone() {
    let twin = Twin::start(Plan { ledger: Ledger::new(2, 300, honest), ..Plan::default() });
    let directory = tempfile::tempdir().unwrap();
    let since = directory.path().join("seen.json");
    let (url, before) = (twin.target().to_string(), twin.ask().memory.unwrap());
    before.keep(&since, &url).unwrap();
    let errand = |claim: &str| Errand {
        url: url.clone(),
        connect: Some(twin.address),
        authority: Some(hex::encode(seal::sha256(&twin.root))),
        since: Some(since.clone()),
        claims: vec![claim.to_owned()],
        ..Errand::default()
    };
    let remembered = || Memory::read(&since, &url).unwrap().unwrap();
    let report = errand("S60").run(jiff::Timestamp::now, |_, _, _| ()).unwrap();
    assert_eq!(report.findings, 0, "{}", report.text());
    let after = remembered();
    assert_eq!((after.log_key, after.checkpoint), (before.log_key, before.checkpoint));
    let report = errand("M13").run(jiff::Timestamp::now, |_, _, _| ()).unwrap();
    assert_eq!(report.findings, 1, "{}", report.text());
}

#[test]
fn a_first_visit_remembers_no_other_log_than_the_one_that_was_named() {
    let twin = Twin::start(Plan::default());
    let named = |seed| Some(Ledger::new(seed, 1, honest).signer.verifier().clone());
    let look = |log_key| {
        let only = vec!["posture"];
        twin.visited_as(&Ask { log_key, only, memory: None, ..twin.ask() }).memory
    };
    assert!(look(named(1)).is_some() && look(None).is_some());
    assert_eq!(look(named(2)), None);
}

#[test]
fn whoever_is_patient_comes_again_when_told_to_and_is_not_held_for_longer_than_the_visit() {
    // A server that lets nobody in at the first time of asking, and says when to come again.
    let slow = |pause: &'static str| {
        let before = std::sync::Mutex::new(std::collections::BTreeSet::new());
        lying(move |asked, reply| {
            let is_first =
                before.lock().unwrap().insert(format!("{} {}", asked.method, asked.path));
            let slower = twin::conduct::problem(429).with("retry-after", pause);
            if is_first && asked.path.starts_with("/api/") { slower } else { reply }
        })
    };
    let look = |pause, pace| {
        let twin = Twin::start(slow(pause));
        let ask = Ask { bounds: SHORT, pace, only: vec!["anonymous-factors"], ..twin.ask() };
        let found = soon("a visit", || twin.visited_as(&ask));
        told(&found)
    };
    let swift = look("1", Pace::Swift);
    assert!(swift.contains("slower"), "{swift}");
    let patient = look("1", Pace::Patient);
    assert!(!patient.contains("slower"), "{patient}");
    // Not for what ends behind the visit, nor for what is no time.
    for pause in ["3600", "18446744073709551615", "-1", "soon", ""] {
        let seen = look(pause, Pace::Patient);
        assert!(seen.contains("slower"), "{pause}: {seen}");
    }
}
