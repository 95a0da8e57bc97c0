//! Letters as their readers get them: out of the outbox, by the owner, over HTTP.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test: a missing field fails it"
)]

use crate::browser::{Answer, Browser, options, request};
use http::Method;
use identity::{RegistrationMode, zero_bits};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};
use stockade::{
    desk::Paths,
    server::{Options, Server},
};

/// A password that stands alone.
pub const LONG: &str = "seven grey herons wade upstream at dawn";
/// Another one.
pub const LONGER: &str = "nobody counted the lamps along the quay";

/// A server in which everyone may register, or as `mode` says.
pub async fn start_as(root: &Path, mode: RegistrationMode) -> Server {
    let options = Options { registration: mode, ..options(root) };
    Server::start(options).await.expect("the server starts")
}

/// The owner, who reads the outbox, and which letters they have read.
pub struct Reader {
    pub owner: Browser,
    read: BTreeSet<String>,
}

impl Reader {
    pub fn new(owner: Browser) -> Self {
        Self { owner, read: BTreeSet::new() }
    }

    /// The same at a server that has started again.
    pub fn moved(&self, server: &Server) -> Self {
        Self { owner: self.owner.moved(server), read: self.read.clone() }
    }

    /// Every letter that waits.
    pub async fn letters(&mut self) -> Vec<Value> {
        let outbox = self.owner.get("/api/v1/outbox").await.expect(200).json();
        assert_eq!(outbox["post"], "kept");
        outbox["letters"].as_array().expect("letters").clone()
    }

    /// The next letter to an address whose text holds this; waits until it is there.
    pub async fn next(&mut self, to: &str, holds: &str) -> Value {
        let begun = Instant::now();
        loop {
            for letter in self.letters().await {
                let id = letter["id"].as_str().expect("an id").to_owned();
                let text = letter["text"].as_str().expect("a text");
                if letter["to"] == to && text.contains(holds) && self.read.insert(id) {
                    return letter;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no letter to {to} with {holds}");
            tokio::task::yield_now().await;
        }
    }

    /// The value of the next link of this purpose that is mailed to an address.
    pub async fn token(&mut self, to: &str, purpose: &str) -> String {
        let mark = format!("/link/{purpose}#");
        let letter = self.next(to, &mark).await;
        let text = letter["text"].as_str().expect("a text");
        let rest = text.split_once(&mark).expect("a link").1;
        rest.split_whitespace().next().expect("a value").to_owned()
    }
}

/// Asks for a letter; whoever registers solves the puzzle that everybody gets.
pub async fn ask(browser: &mut Browser, wish: &str, email: &str) -> Answer {
    if wish == "register" {
        let work = solved(browser).await;
        return worked(browser, wish, email, &work).await;
    }
    browser.post("/api/v1/letters", json!({ "wish": wish, "email": email })).await
}

/// Asks with a header that answers a puzzle.
pub async fn worked(browser: &mut Browser, wish: &str, email: &str, work: &str) -> Answer {
    let body = json!({ "wish": wish, "email": email });
    let mut asked = request(Method::POST, "/api/v1/letters", Some(body));
    asked.headers_mut().insert("stockade-work", work.parse().expect("a header"));
    browser.raw(asked).await
}

/// The server's puzzle with its answer.
pub async fn solved(browser: &mut Browser) -> String {
    let given = browser.get("/api/v1/puzzle").await.expect(200).json();
    let puzzle = given["puzzle"].as_str().expect("text");
    let bits = u32::try_from(given["bits"].as_u64().expect("a number")).expect("few");
    let mut answers = (0..1_u64 << 40).map(|n| format!("{n:x}"));
    let answer = answers.find(|answer| zero_bits(puzzle, answer) >= bits);
    format!("{puzzle}.{}", answer.expect("there is one"))
}

/// Refused in the words for every bad link.
pub fn refused(answer: Answer) {
    let problem = answer.expect(401).json();
    assert_eq!(problem["code"], "ticket", "{problem}");
}

/// Makes an account by a letter, with a password alone; its browser, signed in.
pub async fn newcomer(server: &Server, reader: &mut Reader, email: &str) -> Browser {
    let mut browser = Browser::new(server);
    ask(&mut browser, "register", email).await.expect(202);
    let token = reader.token(email, "register").await;
    let form = json!({ "token": token, "password": LONG });
    browser.post("/api/v1/register/finish", form).await.expect(200);
    browser
}

/// Changes rows behind the back of a server that does not run.
pub async fn meddle(root: &Path, statements: &[&str]) {
    let database = format!("sqlite://{}", Paths::new(root).database().display());
    let mut connection = SqliteConnection::connect(&database).await.expect("opens");
    for text in statements {
        let done = sqlx::query(sqlx::AssertSqlSafe(*text)).execute(&mut connection).await;
        assert!(done.expect("runs").rows_affected() > 0, "{text}");
    }
    connection.close().await.expect("closes");
}

/// Moves the ends of all links into the past.
pub const LINKS_OVER: &str = "UPDATE links SET issued_us = issued_us - 1000000000000, expires_us = expires_us - 1000000000000";
