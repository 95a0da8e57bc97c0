//! Servers that witness each other, programs that witness a server, and what an insider's rewrite meets.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers and programs that they started, against the clock"
)]

use crate::browser::options;
use audit::{Quorum, Verifier, WitnessKey};
use jiff::Timestamp;
use std::{
    ops::ControlFlow,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};
use stockade::{
    desk::{Actor, Home, WitnessTerms, keys_of},
    server::{Options, Server},
    watching::{Asked, Error, Memory, Question, Site, cosigner, verify},
};

async fn witness_key(root: &Path) -> WitnessKey {
    let keys = keys_of(&Home::from(root)).await.expect("keys");
    cosigner(&keys).public().clone()
}

async fn start(root: &Path, witnesses: WitnessTerms) -> Server {
    Server::start(Options { witnesses, ..options(root) }).await.expect("starts")
}

fn log_key(server: &Server) -> Verifier {
    server.app().desk().log_key().parse().expect("a key")
}

/// Acts, each of which is a leaf.
async fn act(server: &Server, times: usize) {
    for _ in 0..times {
        server.app().desk().issue_setup(Actor::Host).await.expect("an act");
    }
}

async fn size(server: &Server) -> u64 {
    server.app().desk().log_head().await.expect("a head").checkpoint.size
}

/// A log with a witness that it asks: the second server.
async fn pair(roots: [&Path; 2]) -> (Server, Server) {
    // Both keys follow from the key files, so each can be told of the other before either runs.
    let first = start(roots[0], WitnessTerms::default()).await;
    let log = log_key(&first);
    first.stop().await.expect("stops");
    let witness =
        start(roots[1], WitnessTerms { logs: vec![log], ..WitnessTerms::default() }).await;
    let first = start(roots[0], asking(&witness, roots[1]).await).await;
    (first, witness)
}

async fn asking(witness: &Server, root: &Path) -> WitnessTerms {
    let address = witness.started.url.parse().expect("an address");
    let asked = vec![Asked { address, key: witness_key(root).await }];
    let authority = Some(witness.started.authority.clone());
    WitnessTerms { asked, authority, ..WitnessTerms::default() }
}

/// Waits until it is so, and not for ever.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} does not happen");
        tokio::task::yield_now().await;
    }
}

async fn look(
    server: &Server,
    memory: &Path,
    witness: Vec<WitnessKey>,
) -> Result<(u64, bool), Error> {
    let mut site = Site::new(
        server.started.url.parse().expect("an address"),
        Some(&server.started.authority),
    )?;
    let quorum = Quorum::new(witness.len(), witness).expect("as many as there are");
    let question = Question { key: None, quorum, seen: Vec::new(), now: Timestamp::now() };
    let progress = |_, _| ControlFlow::Continue(());
    let found = verify(&mut site, &Memory::at(memory), &question, progress).await?;
    Ok((found.checkpoint.size, found.is_witnessed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rewrite_with_all_keys_is_caught_by_a_witness_and_by_an_old_checkpoint() {
    let roots = [0, 1, 2].map(|_| tempfile::tempdir().expect("a directory"));
    let [log, other, memory] = [0, 1, 2].map(|at| roots[at].path());
    let (server, witness) = pair([log, other]).await;
    act(&server, 20).await;
    let key = witness_key(other).await;
    let seen = size(&server).await;
    until("a cosignature", async || {
        let said = server.app().witnesses().views(server.app().desk()).await.expect("read");
        said.iter().any(|one| one.said.as_ref().is_some_and(|said| said.size >= seen))
    })
    .await;
    let found = look(&server, memory, vec![key.clone()]).await.expect("the log is whole");
    assert_eq!(found, (size(&server).await, true), "rebuilt, and witnessed");
    act(&server, 3).await;
    let grown = look(&server, memory, Vec::new()).await.expect("it continues");
    assert_eq!(grown.0, seen + 3);

    // The insider has root: he throws the log away, and begins another with the same keys, only longer.
    let address = server.started.address;
    server.stop().await.expect("stops");
    for file in ["stockade.db", "stockade.db-wal", "stockade.db-shm"] {
        let _ = std::fs::remove_file(log.join(file));
    }
    let again = async |witnesses| {
        let options = Options { witnesses, listen: address, ..options(log) };
        Server::start(options).await.expect("starts where it was")
    };
    let server = again(WitnessTerms::default()).await;
    act(&server, 40).await;
    server.stop().await.expect("stops");
    let server = again(asking(&witness, other).await).await;
    assert!(size(&server).await > grown.0);
    let refused = look(&server, memory, Vec::new()).await.expect_err("it is another log");
    assert!(matches!(refused, Error::Log(audit::Error::RootMismatch { .. })), "{refused}");
    let nobody = Path::new(memory).join("newcomer");
    let first = look(&server, &nobody, vec![key]).await.expect("a newcomer sees nothing wrong");
    assert!(!first.1, "but that no witness saw it");
    until("the refusal", async || {
        let said = server.app().witnesses().views(server.app().desk()).await.expect("read");
        said.iter().any(|one| one.trouble.as_ref().is_some_and(|trouble| trouble.is_refusal))
    })
    .await;
    let page = store::LogPage {
        kind: Some("log.not_cosigned".parse().expect("a kind")),
        ..store::LogPage::default()
    };
    let entries = server.app().desk().log(&page).await.expect("the log").lines;
    assert_eq!(entries.len(), 1, "written down, once: {entries:?}");
    assert!(entries[0].summary.contains("rewritten"), "{}", entries[0].summary);
    server.stop().await.expect("stops");
    witness.stop().await.expect("stops");
}

/// Every file of a directory, in another one.
fn copied(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            std::fs::create_dir_all(&to).expect("made");
            copied(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_machine_that_was_cloned_only_one_goes_on_for_who_has_seen_the_other() {
    let roots = [0, 1, 2].map(|_| tempfile::tempdir().expect("a directory"));
    let [own, clone, memory] = [0, 1, 2].map(|at| roots[at].path());
    let server = start(own, WitnessTerms::default()).await;
    let address = server.started.address;
    act(&server, 10).await;
    server.stop().await.expect("stops");
    // Keys, log and all; each of the two goes on as if it were the only one.
    copied(own, clone);
    let at = async |root: &Path, acts| {
        let server = Server::start(Options { listen: address, ..options(root) }).await;
        let server = server.expect("starts where it was");
        act(&server, acts).await;
        server
    };
    let server = at(own, 3).await;
    let key = log_key(&server);
    let seen = look(&server, memory, Vec::new()).await.expect("the log is whole");
    server.stop().await.expect("stops");
    let server = at(clone, 9).await;
    assert_eq!(log_key(&server), key, "it signs by the same key");
    assert!(size(&server).await > seen.0);
    let refused = look(&server, memory, Vec::new()).await.expect_err("it is another log");
    assert!(matches!(refused, Error::Log(audit::Error::RootMismatch { .. })), "{refused}");
    let newcomer = memory.join("newcomer");
    look(&server, &newcomer, Vec::new()).await.expect("a newcomer sees nothing wrong");
    server.stop().await.expect("stops");
    // And from there the first one is the other.
    let server = at(own, 9).await;
    let refused = look(&server, &newcomer, Vec::new()).await.expect_err("it is another log");
    assert!(matches!(refused, Error::Log(audit::Error::RootMismatch { .. })), "{refused}");
    server.stop().await.expect("stops");
}

fn stockade(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("--data-dir")
        .arg(data)
        .args(words)
        .output()
        .expect("runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_witnesses_a_server_that_knows_it() {
    let roots = [0, 1, 2].map(|_| tempfile::tempdir().expect("a directory"));
    let [log, own, stranger] = [0, 1, 2].map(|at| roots[at].path());
    let told = stockade(own, &["audit", "witness-key"]);
    let key = String::from_utf8(told.stdout).expect("text").trim().to_owned();
    let heard = vec![key.parse().expect("a key")];
    let server = start(log, WitnessTerms { heard, ..WitnessTerms::default() }).await;
    act(&server, 300).await;
    let (url, authority) = (server.started.url.clone(), server.started.authority.clone());
    let authority = authority.to_str().expect("a path");
    let run = |data: &Path, words: &[&str]| {
        let words = [words, ["--authority", authority].as_slice()].concat();
        let output = stockade(data, &words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let before = run(stranger, &["audit", "verify", &url, "--witness", &key]);
    assert_eq!(before.0, Some(3), "{}", before.1);
    assert!(before.1.contains("too few witnesses"), "{}", before.1);
    let cosigned = run(own, &["audit", "witness", &url]);
    assert_eq!(cosigned.0, Some(0), "{}", cosigned.1);
    act(&server, 5).await;
    let after = run(stranger, &["audit", "verify", &url, "--witness", &key]);
    assert_eq!(after.0, Some(0), "{}", after.1);
    assert!(after.1.contains("continues   the 302 entries"), "{}", after.1);
    assert!(after.1.contains("witnessed   302 entries, by stockade.witness/"), "{}", after.1);
    assert_eq!(run(own, &["audit", "witness", &url]).0, Some(0), "it goes on from there");
    let unknown = run(stranger, &["audit", "witness", &url]);
    assert_eq!(unknown.0, Some(1), "{}", unknown.1);
    assert!(unknown.1.contains("403"), "nobody named it: {}", unknown.1);
    // Nobody's word, however it is wrong, is a refusal and no fault of the server's.
    let newest = server.app().desk().log_head().await.expect("a head");
    let line = "\u{2014} stockade.witness/0000000000000000 AAAAAAAA\n";
    for wrong in
        ["", "x", &newest.note, &(newest.note.clone() + line), &newest.note.replace("\n3", "\n4")]
    {
        let body = http_body_util::Full::new(hyper::body::Bytes::from(wrong.to_owned()));
        let request = http::Request::post("/log/cosignatures").body(body).expect("a request");
        let answer = crate::browser::Browser::new(&server).raw(request).await;
        assert_eq!(answer.status.as_u16(), 403, "{wrong:?}: {}", answer.text());
    }
    // A key from elsewhere that is not the log's.
    let other = "example.com/log+1234";
    assert_eq!(run(own, &["audit", "verify", &url, "--key", other]).0, Some(2));
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_submission_is_refused_by_the_protocols_codes() {
    let roots = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let (server, witness) = pair([roots[0].path(), roots[1].path()]).await;
    let browser = crate::browser::Browser::new(&witness);
    let head = server.app().desk().log_head().await.expect("a head");
    let post = async |body: String| {
        let mut browser = browser.clone();
        // As Go's and Python's clients send it: no content type, no word of an origin.
        let request = http::Request::post("/log/add-checkpoint")
            .body(http_body_util::Full::new(hyper::body::Bytes::from(body)));
        let answer = browser.raw(request.expect("a request")).await;
        (answer.status.as_u16(), answer.headers.get("content-type").cloned(), answer.body)
    };
    let submission = |old: u64, note: &str| format!("old {old}\n\n{note}");
    let stranger = head.note.replace("stockade.log/", "other.log/");
    assert_eq!(post(submission(0, &stranger)).await.0, 404, "a log that it does not witness");
    let forged = head.note.replacen(&format!("\n{}\n", head.checkpoint.size), "\n9999\n", 1);
    assert_eq!(post(submission(0, &forged)).await.0, 403, "signed by nobody");
    assert_eq!(post(submission(9999, &head.note)).await.0, 400, "longer before than after");
    assert_eq!(post("nonsense".to_owned()).await.0, 400);
    assert_eq!(post("x".repeat(40_000)).await.0, 413);
    until("the first cosignature", async || {
        let said = server.app().witnesses().views(server.app().desk()).await.expect("read");
        said.iter().any(|one| one.said.is_some())
    })
    .await;
    let (status, kind, body) = post(submission(1, &head.note)).await;
    let size = String::from_utf8(body.to_vec()).expect("text");
    if head.checkpoint.size != 1 {
        assert_eq!(
            (status, kind.expect("a type").as_bytes()),
            (409, b"text/x.tlog.size".as_slice())
        );
        assert!(size.trim_end().parse::<u64>().is_ok_and(|size| size > 1), "{size}");
    }
    for (path, status) in [
        ("/log/checkpoint", 200),
        ("/log/key", 200),
        ("/log/witness", 200),
        ("/log/tile/0/000.p/1", 200),
        ("/log/tile/0/000", 404),
        ("/log/tile/9/000", 404),
        ("/log/tile/0/..%2f..%2fstockade.key", 404),
        ("/log/witnessed", 404),
    ] {
        assert_eq!(browser.clone().get(path).await.status.as_u16(), status, "{path}");
    }
    server.stop().await.expect("stops");
    witness.stop().await.expect("stops");
}
