//! Whoever asks for a letter learns nothing, and whoever asks for many works for it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test looks at the clock"
)]

use crate::browser::{Answer, Browser};
use crate::mail::{Reader, ask, meddle, newcomer, solved, start_as, worked};
use http::header;
use identity::{RegistrationMode, zero_bits};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const BOB: &str = "bob@example.org";
const CAROL: &str = "carol@example.org";
const NOBODY: &str = "nobody@example.org";

/// What an answer shows, less the number of the request, its second, what is left of the quota of whoever
/// asks, and the value of the cookie.
fn shown(answer: &Answer) -> String {
    let mut lines: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| {
            *name != "x-request-id" && *name != header::DATE && *name != "ratelimit"
        })
        .map(|(name, value)| {
            let value = value.to_str().expect("text");
            let value = if *name == header::SET_COOKIE {
                let (cookie, rest) = value.split_once('=').expect("a pair");
                format!("{cookie}=…{}", rest.split_once(';').expect("attributes").1)
            } else {
                value.to_owned()
            };
            format!("{name}: {value}")
        })
        .collect();
    lines.sort();
    format!("{} {lines:?} {}", answer.status, answer.text())
}

#[tokio::test]
async fn unknown_known_and_disabled_addresses_get_the_same_answer() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut reader = Reader::new(owner);
    newcomer(&server, &mut reader, BOB).await;
    newcomer(&server, &mut reader, CAROL).await;
    server.stop().await.expect("stops");
    let disable = "UPDATE accounts SET standing = 'disabled' WHERE account_id IN
         (SELECT account_id FROM accounts ORDER BY created_us DESC LIMIT 1)";
    meddle(root.path(), &[disable]).await;
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut reader = reader.moved(&server);
    for wish in ["register", "reset", "device", "loss"] {
        let mut answers = Vec::new();
        for email in [NOBODY, CAROL, BOB] {
            answers.push(shown(&ask(&mut Browser::new(&server), wish, email).await.expect(202)));
        }
        assert_eq!(answers[0], answers[2], "{wish}: unknown and known");
        assert_eq!(answers[1], answers[2], "{wish}: disabled and known");
    }
    // Errands run in their order: when the last letter is there, those that were to come are.
    reader.token(BOB, "device").await;
    let to = |letters: &[Value], email: &str, mark: &str| {
        let found = letters.iter().filter(|letter| {
            letter["to"] == email && letter["text"].as_str().expect("text").contains(mark)
        });
        found.count()
    };
    let letters = reader.letters().await;
    assert_eq!(to(&letters, NOBODY, "/link/"), 1, "to register, and nothing else");
    assert_eq!(to(&letters, CAROL, "/link/reset#"), 0, "a disabled account gets none");
    assert_eq!(to(&letters, BOB, "/link/reset#"), 1);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn unknown_and_known_addresses_take_the_same_time() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut reader = Reader::new(owner);
    newcomer(&server, &mut reader, BOB).await;
    let accounts = server.app().accounts();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..200_u32 {
        // Each from a place of its own, so that no bucket is empty.
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + round);
        let visitor = stockade::desk::Visitor {
            refresh: None,
            address: Some(address.into()),
            agent: "a test".to_owned(),
            device: None,
            work: None,
        };
        let place = usize::from(round % 2 == 1);
        let email = [NOBODY, BOB][place];
        let begun = Instant::now();
        let asked = accounts.ask_letter(&visitor, identity::Wish::Reset, email).await;
        asked.expect("taken in");
        times[place].push(begun.elapsed());
        // The queue has a bound: its hands get their turn.
        if round % 16 == 0 {
            tokio::time::timeout(Duration::from_secs(5), reader.letters()).await.expect("soon");
        }
    }
    let [unknown, known] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let apart = unknown.abs_diff(known);
    let allowed = (unknown.min(known) / 2).max(Duration::from_micros(100));
    assert!(apart <= allowed, "{unknown:?} and {known:?}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn whoever_registers_works_for_it_and_nobody_else_does() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut browser = Browser::new(&server);
    let form = json!({ "wish": "register", "email": NOBODY });
    let refused = browser.post("/api/v1/letters", form.clone()).await.expect(429).json();
    assert_eq!(refused["code"], "work", "{refused}");
    let work = solved(&mut browser).await;
    worked(&mut browser, "register", NOBODY, &work).await.expect(202);
    // An answer is good once, and another wish asks for none.
    worked(&mut browser, "register", NOBODY, &work).await.expect(429);
    ask(&mut browser, "reset", NOBODY).await.expect(202);
    let mut reader = Reader::new(owner);
    reader.token(NOBODY, "register").await;
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn who_asks_for_letters_to_many_solves_a_puzzle_first() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let light = browser.get("/api/v1/puzzle").await.expect(200).json();
    assert_eq!(light["bits"], 16, "what everybody does who registers");
    let mut asked = 0;
    let refused = loop {
        let answer = ask(&mut browser, "reset", &format!("p{asked}@example.org")).await;
        if answer.status != 202 {
            break answer.expect(429).json();
        }
        asked += 1;
        assert!(asked < 20, "a puzzle is asked");
    };
    assert_eq!(refused["code"], "work", "{refused}");
    assert!(asked >= 8, "a household is left alone: {asked}");

    let given = browser.get("/api/v1/puzzle").await.expect(200).json();
    let (puzzle, bits) = (given["puzzle"].as_str().expect("text"), given["bits"].as_u64());
    let bits = u32::try_from(bits.expect("a number")).expect("few");
    assert!(bits >= 16, "{bits}");
    let answer = (0..1_u64 << 40)
        .map(|n| format!("{n:x}"))
        .find(|answer| zero_bits(puzzle, answer) >= bits)
        .expect("there is one");
    let wrong = (0..1_u64 << 40)
        .map(|n| format!("{n:x}"))
        .find(|answer| zero_bits(puzzle, answer) < bits)
        .expect("there are many");
    for bad in ["", ".", "x.y", &format!("{puzzle}.{wrong}"), &format!("{puzzle}0.{answer}")] {
        worked(&mut browser, "reset", "q@example.org", bad).await.expect(429);
    }
    let work = format!("{puzzle}.{answer}");
    worked(&mut browser, "reset", "q@example.org", &work).await.expect(202);
    worked(&mut browser, "reset", "r@example.org", &work).await.expect(429);
    server.stop().await.expect("stops");
}
