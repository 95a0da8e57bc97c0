//! What a flood of sign-ins does to everybody else, and what a signed-in request costs: measured, not
//! judged, with the optimised program.
//!
//! ```console
//! $ cargo build --release -p stockade
//! $ PROGRAM_UNDER_TEST=$PWD/target/release/stockade \
//!     cargo nextest run --workspace load:: --run-ignored only --no-capture
//! ```

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the test runs the program, measures time, and prints what it found"
)]

use crate::browser::{Browser, PASSWORD, request};
use crate::process::Program;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use serde_json::json;
use sqlx::Connection;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};

/// People with a device that their account knows.
const KNOWN: usize = 30;
/// Strangers' connections, each of which tries twice a second.
const STRANGERS: usize = 100;
/// Attempts of a stranger before another address is taken, so that no source's budget helps.
const PER_SOURCE: usize = 15;
const QUIET: Duration = Duration::from_secs(20);
const FLOOD: Duration = Duration::from_mins(1);

/// A connection that is kept.
struct Line(http1::SendRequest<Full<Bytes>>);

impl Line {
    async fn of(browser: &Browser) -> Self {
        let stream = browser.connect().await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    async fn ask(&mut self, mut sent: Request<Full<Bytes>>, cookies: &str) -> (u16, Duration) {
        sent.headers_mut().insert(header::HOST, "localhost".parse().expect("a host"));
        if !cookies.is_empty() {
            sent.headers_mut().insert(header::COOKIE, cookies.parse().expect("cookies"));
        }
        self.0.ready().await.expect("the connection is kept");
        let begun = Instant::now();
        let answer = self.0.send_request(sent).await.expect("an answer");
        let status = answer.status().as_u16();
        answer.into_body().collect().await.expect("a body");
        (status, begun.elapsed())
    }
}

fn cookies(browser: &Browser) -> String {
    let pairs = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

fn sign_in(email: &str, password: &str) -> Request<Full<Bytes>> {
    request(Method::POST, "/api/v1/sign-in", Some(json!({ "email": email, "password": password })))
}

#[derive(Default, Clone)]
struct Times(Arc<Mutex<Vec<(u16, Duration)>>>);

impl Times {
    fn add(&self, one: (u16, Duration)) {
        self.0.lock().expect("a lock").push(one);
    }

    /// How many, with which statuses, and median, 99th of a hundred and longest in ms.
    fn row(&self) -> String {
        let mut seen = self.0.lock().expect("a lock").clone();
        seen.sort_by_key(|(_, took)| *took);
        let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
        for (status, _) in &seen {
            *statuses.entry(*status).or_default() += 1;
        }
        let at = |hundredth: usize| {
            let place = (seen.len() * hundredth / 100).min(seen.len().saturating_sub(1));
            seen.get(place).map_or(0.0, |(_, took)| took.as_secs_f64() * 1e3)
        };
        format!("{} | {:.2} | {:.2} | {:.2} | {statuses:?}", seen.len(), at(50), at(99), at(100))
    }
}

/// A running program, its owner, and people whose devices their accounts know.
async fn world(root: &Path, log: &Path) -> (Program, Browser, Vec<(String, Browser)>) {
    let program = Program::start(root, log, "");
    let mut owner = program.browser();
    owner.set_up_by(program.link.as_deref().expect("a link")).await;
    assert!(program.end(Signal::TERM).success());
    let mut connection = crate::people::open(root).await;
    let mut emails = Vec::new();
    for n in 0..KNOWN {
        let email = format!("known{n}@people.example");
        crate::people::with_password(root, &mut connection, &email, "trader").await;
        emails.push(email);
    }
    connection.close().await.expect("closes");
    let program = Program::start(root, log, "");
    let mut known = Vec::new();
    for (n, email) in (1..).zip(emails) {
        let mut browser = program.browser();
        browser.source = Some(Ipv4Addr::new(127, 9, 9, n).into());
        let form = json!({ "email": email, "password": PASSWORD });
        browser.post("/api/v1/sign-in", form).await.expect(200);
        known.push((email, browser));
    }
    let mut here = program.browser();
    here.cookies = owner.cookies;
    here.post("/api/v1/session/refresh", json!({})).await.expect(204);
    (program, here, known)
}

/// Signed-in requests, fifty a second.
async fn work(owner: Browser, until: Instant, times: Times) {
    let (mut line, cookies) = (Line::of(&owner).await, cookies(&owner));
    let mut ticks = interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < until {
        ticks.tick().await;
        let sent = request(Method::GET, "/api/v1/sessions", None);
        times.add(line.ask(sent, &cookies).await);
    }
}

/// Each of the people in turn, ten sign-ins at most.
async fn come_in(known: Vec<(String, Browser)>, until: Instant, times: Times) {
    let mut ticks = interval(FLOOD / u32::try_from(KNOWN * 9).expect("few"));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for (email, browser) in known.iter().cycle().take(KNOWN * 9) {
        ticks.tick().await;
        if Instant::now() >= until {
            return;
        }
        let device = browser.cookies.get("__Host-stockade-device").expect("a device");
        let begun = Instant::now();
        let mut line = Line::of(browser).await;
        let cookies = format!("__Host-stockade-device={device}");
        let (status, _) = line.ask(sign_in(email, PASSWORD), &cookies).await;
        times.add((status, begun.elapsed()));
    }
}

/// One of the strangers: wrong passwords at accounts that are there and at such as are not.
async fn attack(mut browser: Browser, until: Instant, times: Times, sources: Arc<AtomicU32>) {
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut n = 0_usize;
    while Instant::now() < until {
        let source = sources.fetch_add(1, Ordering::Relaxed);
        browser.source = Some(Ipv4Addr::from_bits(0x7f10_0000 + source).into());
        let mut line = Line::of(&browser).await;
        for _ in 0..PER_SOURCE {
            ticks.tick().await;
            n += 1;
            let email = match n % 4 {
                0 => format!("known{}@people.example", n % KNOWN),
                _ => format!("nobody{source}x{n}@people.example"),
            };
            times.add(line.ask(sign_in(&email, &format!("wrong {n}")), "").await);
        }
    }
}

async fn remember(program: &Program, until: Instant) -> u64 {
    let mut most = 0;
    let mut ticks = interval(Duration::from_millis(250));
    while Instant::now() < until {
        ticks.tick().await;
        most = most.max(program.kib("VmRSS:"));
    }
    most / 1024
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").expect("text");
    load.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: two minutes, on a quiet machine"]
async fn print_what_a_flood_of_sign_ins_does() {
    let place = tempfile::tempdir().expect("a directory");
    let (program, owner, known) =
        world(&place.path().join("data"), &place.path().join("log")).await;
    println!("load before: {}; memory {} MiB", load(), program.kib("VmRSS:") / 1024);
    println!(
        "| what | requests | median ms | p99 ms | longest ms | statuses |\n|---|---|---|---|---|---|"
    );
    let (quiet, flood, signed, strangers) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    work(owner.clone(), Instant::now() + QUIET, quiet.clone()).await;
    println!("| signed-in, quiet | {} |", quiet.row());

    let (until, began) = (Instant::now() + FLOOD, program.processor());
    let sources = Arc::new(AtomicU32::new(1));
    let mut tasks = vec![
        tokio::spawn(work(owner, until, flood.clone())),
        tokio::spawn(come_in(known, until, signed.clone())),
    ];
    for _ in 0..STRANGERS {
        let (browser, sources) = (program.browser(), Arc::clone(&sources));
        tasks.push(tokio::spawn(attack(browser, until, strangers.clone(), sources)));
    }
    let most = remember(&program, until).await;
    for task in tasks {
        task.await.expect("joins");
    }
    println!("| signed-in, in the flood | {} |", flood.row());
    println!("| sign-in on a known device | {} |", signed.row());
    println!("| strangers | {} |", strangers.row());
    let used = program.processor().saturating_sub(began).as_secs_f64() / FLOOD.as_secs_f64();
    println!("load after: {}; memory at most {most} MiB; {used:.2} processors", load());
    let seen = strangers.0.lock().expect("a lock").clone();
    assert!(seen.iter().all(|(status, _)| [401, 429].contains(status)));
    assert!(program.end(Signal::TERM).success());
}

#[tokio::test]
#[ignore = "a measurement, on a quiet machine"]
async fn print_what_a_signed_in_request_costs() {
    const BATCH: u32 = 500;
    let place = tempfile::tempdir().expect("a directory");
    let (program, owner, _) = world(&place.path().join("data"), &place.path().join("log")).await;
    let (mut line, signed) = (Line::of(&owner).await, cookies(&owner));
    // Both are a refusal in JSON and read nothing: the second has passed the door of its route.
    let kinds = [
        ("no route, no cookies", "/api/v1/nothing", ""),
        ("no route, with cookies", "/api/v1/nothing", signed.as_str()),
        ("a guarded route, signed in", "/api/v1/backtests/none", signed.as_str()),
        ("one's sessions, signed in", "/api/v1/sessions", signed.as_str()),
    ];
    let mut spent: [Vec<Duration>; 4] = Default::default();
    for _ in 0..12 {
        for ((_, path, cookies), spent) in kinds.iter().zip(&mut spent) {
            let before = program.processor();
            for _ in 0..BATCH {
                line.ask(request(Method::GET, path, None), cookies).await;
            }
            spent.push(program.processor().saturating_sub(before) / BATCH);
        }
    }
    println!("load: {}\n| request | CPU µs, median of 12 batches | least |\n|---|---|---|", load());
    for ((name, _, _), spent) in kinds.iter().zip(&mut spent) {
        spent.sort_unstable();
        let micros = |n: usize| spent[n].as_secs_f64() * 1e6;
        println!("| {name} | {:.1} | {:.1} |", micros(6), micros(0));
    }
    assert!(program.end(Signal::TERM).success());
}
