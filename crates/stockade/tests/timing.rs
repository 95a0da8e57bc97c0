//! A refusal of a sign-in says the same and takes the same time, whatever was wrong.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the test measures time, and prints what it found"
)]

use crate::asked::{Seen, differ};
use crate::browser::{Browser, start};
use axum::{Json, Router, body::Body, routing::post};
use edge::Peer;
use http::{Request, StatusCode, header};
use identity::{Candidate, Cost, Passwords};
use seal::{MacKey, Secret};
use serde_json::{Value, json};
use sqlx::Connection;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use stockade::{
    desk::now,
    server::{self, Server},
};
use tower::ServiceExt;

/// Attempts at one account before its budget for unknown devices is spent.
const EACH: usize = 8;
/// Accounts for each of the kinds that aim at one.
const ACCOUNTS: usize = 5;

/// What is wrong; the number picks an account and makes the texts differ.
type Kind = (&'static str, fn(usize) -> (String, String));

const KINDS: [Kind; 9] = [
    ("wrong password", |n| (person("wrong", n), format!("nine small grey owls {n}"))),
    ("unknown address", |n| (format!("nobody{n}@example.org"), format!("nine small owls {n}"))),
    ("no address", |n| (format!("no address {n}"), format!("nine small grey owls {n}"))),
    ("disabled account", |n| (person("disabled", n), format!("nine small grey owls {n}"))),
    ("account without password", |n| (person("bare", n), format!("nine small grey owls {n}"))),
    ("empty password", |n| (person("empty", n), String::new())),
    ("64 characters", |n| (person("long", n), format!("{n:064}"))),
    ("over-long password", |n| (person("over", n), format!("{n:08000}"))),
    ("not normalised", |n| {
        (person("form", n), format!("\u{212b}\u{1e9b}\u{323}e\u{301} owls {n}"))
    }),
];

fn person(kind: &str, n: usize) -> String {
    format!("{kind}{}@example.org", n / EACH % ACCOUNTS)
}

/// A server with accounts whose password nobody knows: each has the owner's hash, which in another
/// row is nobody's.
async fn server_with_accounts(root: &Path) -> Server {
    let server = start(root).await;
    Browser::new(&server).set_up(&server).await;
    server.stop().await.expect("stops");
    let mut connection = crate::people::open(root).await;
    for kind in ["wrong", "disabled", "bare", "empty", "long", "over", "form"] {
        for n in 0..ACCOUNTS {
            let email = person(kind, n * EACH);
            let id =
                crate::people::account(root, &mut connection, &email, "trader").await.to_string();
            let text = match kind {
                "disabled" => "UPDATE accounts SET standing = 'disabled' WHERE account_id = $1",
                _ => "SELECT $1",
            };
            sqlx::query(text).bind(&id).execute(&mut connection).await.expect("is written");
            let hash = "INSERT INTO passwords (account_id, password_hash)
                        SELECT $1, password_hash FROM passwords LIMIT 1";
            if kind != "bare" {
                sqlx::query(hash).bind(&id).execute(&mut connection).await.expect("is written");
            }
        }
    }
    connection.close().await.expect("closes");
    start(root).await
}

/// Asks as somebody who never asked before, and how long it took.
async fn attempt(service: &Router, source: u32, kind: &Kind, n: usize) -> (Duration, Seen) {
    let (email, password) = kind.1(n);
    let text = json!({ "email": email, "password": password }).to_string();
    let mut request = Request::post("/api/v1/sign-in")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(text))
        .expect("a request");
    let address = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 | source), 9));
    request.extensions_mut().insert(Peer::Network(address));
    let begun = Instant::now();
    let answer = service.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let took = begun.elapsed();
    (took, Seen { status: parts.status, headers: parts.headers, body })
}

/// So many attempts of each kind in turn; every answer is compared with the first.
async fn measured(service: &Router, rounds: usize) -> Vec<(&'static str, Vec<Duration>)> {
    let mut times: Vec<(&str, Vec<Duration>)> = KINDS.map(|kind| (kind.0, Vec::new())).into();
    let mut first: Option<Seen> = None;
    let mut source = 0;
    // The first round finds everything cold and is not counted.
    for round in 0..=rounds {
        for place in 0..KINDS.len() {
            // Nobody comes always after the same one.
            let place = (place * 4 + round) % KINDS.len();
            source += 1;
            let (took, seen) = attempt(service, source, &KINDS[place], round).await;
            assert_eq!(
                seen.status,
                StatusCode::UNAUTHORIZED,
                "{}: {}",
                KINDS[place].0,
                seen.text()
            );
            if let Some(first) = &first {
                assert_eq!(differ(first, &seen), None, "{}", KINDS[place].0);
            }
            first.get_or_insert(seen);
            if round > 0 {
                times[place].1.push(took);
            }
        }
    }
    for (_, times) in &mut times {
        times.sort_unstable();
    }
    times
}

/// The largest distance between two distributions (Kolmogorov and Smirnov), both sorted.
#[allow(clippy::cast_precision_loss, reason = "a few hundred")]
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |times: &[Duration], at| times.partition_point(|time| *time <= at) as f64;
    let apart = |at: &Duration| {
        let one = share(one, *at) / one.len() as f64;
        (one - share(other, *at) / other.len() as f64).abs()
    };
    one.iter().chain(other).map(apart).fold(0.0, f64::max)
}

/// What two samples of one distribution exceed once in ten thousand times.
#[allow(clippy::cast_precision_loss, reason = "a few hundred")]
fn allowed(samples: usize) -> f64 {
    (-(0.0001_f64 / 2.0).ln() / 2.0).sqrt() * (2.0 / samples as f64).sqrt()
}

/// Kinds whose times are not those of a wrong password.
fn told_apart(times: &[(&'static str, Vec<Duration>)]) -> Vec<&'static str> {
    let (_, wrong) = &times[0];
    let apart = |(_, these): &&(&str, Vec<Duration>)| distance(wrong, these) > allowed(wrong.len());
    times.iter().filter(apart).map(|(name, _)| *name).collect()
}

#[tokio::test]
async fn what_was_wrong_shows_in_no_answer_and_takes_no_other_time() {
    let root = tempfile::tempdir().expect("a directory");
    let server = server_with_accounts(root.path()).await;
    let times = measured(&server::router(server.app()), 12).await;
    assert_eq!(told_apart(&times), Vec::<&str>::new(), "{times:?}");
    server.stop().await.expect("stops");
}

/// A server that looks before it hashes, as many do.
fn weak() -> Router {
    let pepper = MacKey::new(Secret::new([1; 32]));
    let passwords = Arc::new(Passwords::new(pepper, Cost::PASSWORD, Cost::RECOVERY));
    let handler = async move |Json(form): Json<Value>| {
        let text = |name: &str| form[name].as_str().unwrap_or_default().to_owned();
        let (email, password) = (text("email"), text("password"));
        let unknown =
            ["nobody", "no ", "bare", "disabled"].iter().any(|one| email.starts_with(one));
        if !unknown && !password.is_empty() && password.len() < 1000 {
            let check =
                move || passwords.verify(None, &Candidate::new(&Secret::new(password)), now());
            drop(tokio::task::spawn_blocking(check).await.expect("joins"));
        }
        (StatusCode::UNAUTHORIZED, "no")
    };
    Router::new().route("/api/v1/sign-in", post(handler))
}

#[tokio::test]
async fn a_server_that_returns_early_is_told_apart() {
    let times = measured(&weak(), 12).await;
    let early = [
        "unknown address",
        "no address",
        "disabled account",
        "account without password",
        "empty password",
        "over-long password",
    ];
    assert_eq!(told_apart(&times), early, "{times:?}");
}

#[tokio::test]
#[ignore = "a measurement: minutes, and on a quiet machine"]
async fn print_the_times_of_refusals() {
    let root = tempfile::tempdir().expect("a directory");
    let server = server_with_accounts(root.path()).await;
    let times = measured(&server::router(server.app()), EACH * ACCOUNTS - 1).await;
    let (_, wrong) = &times[0];
    println!(
        "| what was wrong | p10 ms | median ms | p90 ms | distance, at most {:.2} |",
        allowed(wrong.len())
    );
    println!("|---|---|---|---|---|");
    for (name, these) in &times {
        let at = |tenth: usize| these[these.len() * tenth / 10].as_secs_f64() * 1e3;
        let apart = distance(wrong, these);
        println!("| {name} | {:.1} | {:.1} | {:.1} | {apart:.2} |", at(1), at(5), at(9));
    }
    assert_eq!(told_apart(&times), Vec::<&str>::new());
    server.stop().await.expect("stops");
}

#[test]
fn the_distance_is_that_of_the_books() {
    let of = |times: &[u64]| times.iter().map(|t| Duration::from_millis(*t)).collect::<Vec<_>>();
    let check = |one: &[u64], other: &[u64], want: f64| {
        let found = distance(&of(one), &of(other));
        assert!((found - want).abs() < 1e-9, "{one:?} {other:?}: {found}");
    };
    check(&[1, 2, 3], &[1, 2, 3], 0.0);
    check(&[1, 2, 3, 4], &[3, 4, 5, 6], 0.5);
    check(&[1, 2], &[3, 4], 1.0);
    assert!((allowed(12) - 0.909).abs() < 0.001, "{}", allowed(12));
}
