//! How many acts and entries a second the store keeps, each act durable before it is reported; and how many
//! single entries from many callers at once, which it keeps many to an act.
//!
//! Budget: 300 acts a second at one entry an act, on a disk that takes 1 ms to sync; 20,000 entries a second
//! of many callers, and at most 2 ms more for a single entry than an act of its own takes.
//! Run with `cargo bench -p store --bench commits [-- DIRECTORY|ADDRESS]`; the directory decides the
//! disk, an address such as `postgres://stockade@%2Frun%2Fpostgresql/bench` the server.
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench reads the clock, and stops at the first thing that goes wrong"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::Timestamp;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::{
    io::Write,
    time::{Duration, Instant},
};
use store::{Database, Store};

const RUN: Duration = Duration::from_secs(3);

fn entry(number: u64) -> Entry {
    Entry {
        kind: Kind::stated("session.begun"),
        actor: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        subject: "01890a5d-ac96-774b-bcce-b302099a8058".to_owned(),
        detail: serde_json::json!({ "number": number, "address": "127.0.0.1" }),
    }
}

async fn open(database: &Database) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(database, ledger, entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

#[tokio::main]
async fn main() {
    let chosen = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let parent = chosen.unwrap_or_else(|| ".".to_owned());
    let mut out = std::io::stdout();
    for batch in [1_u64, 16, 256] {
        let directory = tempfile::tempdir_in(if parent.contains("://") { "." } else { &parent });
        let directory = directory.expect("a directory");
        let database = if parent.contains("://") {
            parent.parse().expect("an address")
        } else {
            Database::file(&directory.path().join("bench.db"))
        };
        let store = open(&database).await;
        let start = Instant::now();
        let mut acts = 0_u64;
        while start.elapsed() < RUN {
            let entries = (0..batch).map(entry).collect();
            let act = store.begin().await.expect("an act");
            act.commit_all(entries, Timestamp::UNIX_EPOCH).await.expect("kept");
            acts += 1;
        }
        let written = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let summary = store.verify_log(&[]).await.expect("whole");
        let verified = start.elapsed().as_secs_f64();
        let size = summary.checkpoint.size as f64;
        writeln!(
            out,
            "{batch:>4} entries an act: {:>6.0} acts/s, {:>7.0} entries/s kept; {:>7.0} entries/s verified",
            acts as f64 / written,
            (acts * batch) as f64 / written,
            size / verified,
        )
        .expect("somebody reads");
        store.close().await;
    }
    gathered(&parent).await;
}

/// Entries of so many callers at once; how many a second, and how long each waits.
async fn gathered(parent: &str) {
    let mut out = std::io::stdout();
    for callers in [1_u64, 16, 256, 2048] {
        let directory = tempfile::tempdir_in(if parent.contains("://") { "." } else { parent });
        let directory = directory.expect("a directory");
        let database = if parent.contains("://") {
            parent.parse().expect("an address")
        } else {
            Database::file(&directory.path().join("bench.db"))
        };
        let store = open(&database).await;
        let alone = {
            let start = Instant::now();
            let mut acts = 0_u32;
            while start.elapsed() < RUN / 3 {
                let act = store.begin().await.expect("an act");
                act.commit(entry(0), Timestamp::UNIX_EPOCH).await.expect("kept");
                acts += 1;
            }
            start.elapsed() / acts
        };
        let start = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    while start.elapsed() < RUN {
                        let begun = Instant::now();
                        store.record(entry(number), Timestamp::UNIX_EPOCH).await.expect("kept");
                        took.push(begun.elapsed());
                    }
                    took
                })
            })
            .collect();
        let mut took = Vec::new();
        for task in tasks {
            took.extend(task.await.expect("joins"));
        }
        let seconds = start.elapsed().as_secs_f64();
        took.sort_unstable();
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        let slow = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
        writeln!(
            out,
            "{callers:>4} callers: {:>7.0} entries/s kept; one takes {median:.2?}, 99 of 100 at most {slow:.2?}; an act of its own {alone:.2?}",
            took.len() as f64 / seconds,
        )
        .expect("somebody reads");
        store.close().await;
    }
}
