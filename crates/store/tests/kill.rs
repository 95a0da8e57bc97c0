//! Killed at any moment, the store keeps every act that it reported, and its log verifies.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs itself as a child and kills it"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::Timestamp;
use places::both;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};
use store::Store;

mod places;

/// The address of the database for the child; absent in an ordinary run.
const DATABASE: &str = "STOCKADE_TEST_KILL_DATABASE";

async fn open(url: &str) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(u64::from(std::process::id())));
    Store::open(&url.parse().expect("an address"), ledger, entropy, Timestamp::UNIX_EPOCH)
        .await
        .expect("opens")
}

/// The child: commits until it is killed, and reports each act once it is kept.
#[tokio::test]
async fn child_that_commits_until_it_is_killed() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let store = open(&url).await;
    let mut out = std::io::stdout();
    for number in 0_u64.. {
        let entry = |at: u64| Entry {
            kind: Kind::stated("a.b"),
            actor: "host".to_owned(),
            subject: format!("{number}"),
            detail: at.into(),
        };
        let entries = (0..=number % 3).map(entry).collect();
        let act = store.begin().await.expect("an act");
        let committed = act.commit_all(entries, Timestamp::UNIX_EPOCH).await.expect("kept");
        writeln!(out, "kept {}", committed.indexes.end).expect("the parent listens");
        out.flush().expect("the parent listens");
    }
}

#[tokio::test]
async fn a_store_killed_at_any_moment_keeps_what_it_reported() {
    for place in both() {
        let mut reported = 0;
        for round in 0..12_usize {
            let mut child = Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", "child_that_commits_until_it_is_killed", "--nocapture"])
                .env(DATABASE, &place.url)
                .stdout(Stdio::piped())
                .spawn()
                .expect("starts");
            let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
            let kept = lines.map_while(Result::ok).filter_map(|line| {
                line.split_once("kept ").and_then(|(_, number)| number.parse::<u64>().ok())
            });
            // The child is somewhere between this report and a later one when it dies.
            for number in kept.take(round * 7 + 1) {
                reported = number;
            }
            child.kill().expect("it runs");
            child.wait().expect("it ends");
            let store = open(&place.url).await;
            let size = store.verify_log(&[]).await.expect("whole").checkpoint.size;
            assert!(size >= reported, "round {round}: {size} of {reported} kept");
            store.close().await;
        }
        assert!(reported > 400, "the children did commit");
    }
}
