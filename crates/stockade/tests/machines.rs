//! Workers and bots at a real server: added by the API, joined, heard, put out; on one server and on two.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers that they started, against the clock"
)]

use crate::browser::{Browser, options};
use crate::{people, server_of_tests::fresh};
use audit::{Cosigner, Submission, Verifier, judge};
use edge::{Kit, MachineClient, join, renew};
use http::{Method, StatusCode};
use hyper::body::Bytes;
use seal::{Secret, SigningKey};
use serde_json::{Value, json};
use sqlx::Connection;
use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use stockade::{
    desk::{Actor, Home, machine_named},
    server::{Options, Server},
};
use tokio::net::TcpStream;

const WITHIN: Duration = Duration::from_secs(20);

async fn open(home: Home, at: &str) -> Server {
    let root = home.root().to_owned();
    let machines = Some(at.parse().expect("an address"));
    Server::start(Options { home, machines, ..options(&root) }).await.expect("starts")
}

/// A server with an owner, to which machines can come.
async fn house(root: &Path) -> (Server, Browser) {
    let server = open(root.into(), "127.0.0.1:0").await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    (server, owner)
}

fn machines_at(server: &Server) -> SocketAddr {
    server.started.machines.expect("machines come in")
}

async fn added(owner: &mut Browser, machine: &str) -> String {
    let made = owner.post("/api/v1/machines", json!({ "machine": machine })).await.expect(201);
    made.json()["token"].as_str().expect("a token").to_owned()
}

async fn joined(server: &Server, token: &str, path: &Path) -> Result<MachineClient, edge::Error> {
    let address = machines_at(server);
    let stream = TcpStream::connect(address).await.expect("connects");
    Ok(MachineClient::new(join(stream, token, path).await?, address.to_string()))
}

fn word(state: &str) -> Value {
    json!({ "version": "1.2.3", "world": "live", "state": state,
        "ticked": "2026-06-01T00:00:00Z", "witness": null })
}

async fn say(client: &mut MachineClient, word: &Value) -> Result<StatusCode, edge::Error> {
    let body = ("application/json", Bytes::from(word.to_string()));
    Ok(client.ask(Method::POST, "/v1/word", body, WITHIN).await?.0)
}

async fn row(owner: &mut Browser, machine: &str) -> Value {
    let page = owner.get("/api/v1/machines").await.expect(200).json();
    let rows = page["machines"].as_array().expect("a list").clone();
    rows.into_iter().find(|row| row["machine"] == machine).expect("is listed")
}

async fn kinds(owner: &mut Browser, kind: &str) -> usize {
    let log = owner.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
    log["entries"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_machine_joins_once_is_heard_and_is_cut_off_when_it_is_put_out() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = house(root.path()).await;
    let path = root.path().join("kit.pem");
    let token = added(&mut owner, "bot/one").await;
    let waits = row(&mut owner, "bot/one").await;
    assert_eq!((&waits["belongs"], &waits["epoch"]), (&json!(false), &json!(0)), "{waits}");
    assert!(waits["token_ends"].is_string() && waits["certificate_ends"].is_null(), "{waits}");
    let mut bot = joined(&server, &token, &path).await.expect("comes in");
    assert_eq!(say(&mut bot, &word("trading")).await.expect("is heard"), StatusCode::OK);
    let heard = row(&mut owner, "bot/one").await;
    let said = [&heard["state"], &heard["world"], &heard["version"], &heard["silent"]];
    assert_eq!(said, [&json!("trading"), &json!("live"), &json!("1.2.3"), &json!(false)]);
    assert_eq!((&heard["belongs"], &heard["epoch"]), (&json!(true), &json!(1)), "{heard}");
    assert!(heard["seen"].is_string() && heard["certificate_ends"].is_string(), "{heard}");
    // The token is used up.
    let again = joined(&server, &token, &root.path().join("other.pem")).await.err().expect("once");
    assert!(again.to_string().contains("was used"), "{again}");
    // What is no word is refused, and changes nothing.
    for bad in [
        json!({}),
        word("dancing"),
        json!({ "version": "1 2", "world": "live", "state": "idle", "ticked": null, "witness": null }),
        json!({ "version": "1", "world": "live", "state": "idle", "ticked": null, "witness": "x" }),
    ] {
        let status = say(&mut bot, &bad).await.expect("an answer");
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    assert_eq!(row(&mut owner, "bot/one").await["state"], "trading");
    // Put out: the open connection ends, the next handshake is refused, in words.
    owner.post("/api/v1/machines/revoke", json!({ "machine": "bot/one" })).await.expect(204);
    let refused = say(&mut bot, &word("trading")).await.expect_err("is out");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    let stream = TcpStream::connect(machines_at(&server)).await.expect("connects");
    let refused = renew(stream, bot.kit(), &path).await.err().expect("is out");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    assert_eq!(row(&mut owner, "bot/one").await["belongs"], false);
    owner.post("/api/v1/machines/revoke", json!({ "machine": "bot/one" })).await.expect(404);
    for (kind, times) in [
        ("machine.authority_made", 1),
        ("machine.added", 1),
        ("machine.joined", 1),
        ("machine.revoked", 1),
    ] {
        assert_eq!(kinds(&mut owner, kind).await, times, "{kind}");
    }
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_belongs_outlives_a_restart_and_the_old_epoch_does_not() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = house(root.path()).await;
    let path = root.path().join("kit.pem");
    let token = added(&mut owner, "worker/alpha").await;
    let mut first = joined(&server, &token, &path).await.expect("comes in");
    assert_eq!(say(&mut first, &word("idle")).await.expect("is heard"), StatusCode::OK);
    let token = added(&mut owner, "worker/alpha").await;
    let unused = added(&mut owner, "worker/beta").await;
    assert_eq!(say(&mut first, &word("idle")).await.expect("goes on"), StatusCode::OK);
    let at = machines_at(&server).to_string();
    server.stop().await.expect("stops");
    let server = open(root.path().into(), &at).await;
    let mut owner = owner.moved(&server);
    assert_eq!(say(&mut first, &word("idle")).await.expect("still in"), StatusCode::OK);
    // The next certificate, over the same port; both are of one epoch.
    let stream = TcpStream::connect(machines_at(&server)).await.expect("connects");
    renew(stream, first.kit(), &path).await.expect("renewed");
    assert_eq!(kinds(&mut owner, "machine.renewed").await, 1);
    // Another one comes in under the name: certificates of before are refused.
    let mut second = joined(&server, &token, &root.path().join("two.pem")).await.expect("comes in");
    assert_eq!(say(&mut second, &word("idle")).await.expect("is heard"), StatusCode::OK);
    let refused = say(&mut first, &word("idle")).await.expect_err("the old epoch");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    // A token that was not used is taken back with its machine.
    owner.post("/api/v1/machines/revoke", json!({ "machine": "worker/beta" })).await.expect(204);
    let refused = joined(&server, &unused, &root.path().join("x.pem")).await.err().expect("void");
    assert!(refused.to_string().contains("was used"), "{refused}");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_machine_is_a_witness_of_the_log_by_the_key_that_it_named() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = house(root.path()).await;
    let token = added(&mut owner, "bot/one").await;
    let mut bot = joined(&server, &token, &root.path().join("kit.pem")).await.expect("comes in");
    let ask = async |bot: &mut MachineClient, method, path: &str, body: String| {
        let body = ("text/plain", Bytes::from(body));
        let (status, body) = bot.ask(method, path, body, WITHIN).await.expect("an answer");
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let (_, key) = ask(&mut bot, Method::GET, "/v1/log/key", String::new()).await;
    let log: Verifier = key.trim().parse().expect("a key");
    assert_eq!(log.to_string(), server.app().desk().log_key());
    let of =
        |seed| Cosigner::new("stockade.witness/x", SigningKey::from_seed(&Secret::new([seed; 32])));
    let (witness, other) = (of(1).expect("a name"), of(2).expect("a name"));
    let mut seen = None;
    for turn in 0..2 {
        let old = seen.as_ref().map_or(0, |seen: &audit::Seen| seen.checkpoint.size);
        let path = format!("/v1/log/submission/{old}");
        let (status, text) = ask(&mut bot, Method::GET, &path, String::new()).await;
        assert_eq!(status, StatusCode::OK);
        let submission = Submission::parse(&text).expect("a submission");
        let next = judge(&submission, &log, seen.as_ref()).expect("goes on from what was seen");
        let now = jiff::Timestamp::now();
        let by = |who: &Cosigner| {
            format!("{}{}", next.note, who.cosign(&next.note, now).expect("signs"))
        };
        let bring = "/v1/log/cosignature";
        if turn == 0 {
            let (status, _) = ask(&mut bot, Method::POST, bring, by(&witness)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "it named no key yet");
            let mut named = word("trading");
            named["witness"] = json!(witness.public().to_string());
            assert_eq!(say(&mut bot, &named).await.expect("is heard"), StatusCode::OK);
        }
        let (status, _) = ask(&mut bot, Method::POST, bring, by(&other)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "somebody else's key");
        let (status, why) = ask(&mut bot, Method::POST, bring, by(&witness)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{why}");
        let views = server.app().witnesses().views(server.app().desk()).await.expect("read");
        let said = views.iter().find(|view| view.key == *witness.public()).expect("is listed");
        assert_eq!(said.said.as_ref().map(|said| said.size), Some(next.checkpoint.size));
        seen = Some(next);
        added(&mut owner, "bot/two").await;
    }
    assert!(row(&mut owner, "bot/one").await["witness"] == true);
    let published = owner.get("/log/witnessed").await.expect(200).text();
    assert!(published.contains("stockade.witness/x"), "{published}");
    // Nothing else is served here, and the pages' own routes are not.
    for path in ["/api/v1/machines", "/", "/v1/log/submission/x", "/health"] {
        let (status, _) = ask(&mut bot, Method::GET, path, String::new()).await;
        assert!(status.is_client_error(), "{path}: {status}");
    }
    let (status, _) = ask(&mut bot, Method::POST, "/v1/word", "x".repeat(40_000)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_machine_that_is_put_out_on_one_server_is_out_on_the_other_within_a_second() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let home = |root: &Path| Home::new(root, &database.url).expect("an address");
    let first = open(home(roots[0].path()), "127.0.0.1:0").await;
    let mut owner = Browser::new(&first);
    owner.set_up(&first).await;
    std::fs::copy(roots[0].path().join("stockade.key"), roots[1].path().join("stockade.key"))
        .expect("copies");
    let second = open(home(roots[1].path()), "127.0.0.1:0").await;
    let kit = roots[0].path().join("kit.pem");
    let token = added(&mut owner, "bot/one").await;
    joined(&first, &token, &kit).await.expect("comes in");
    // One authority: what the first issued is good at the second.
    let again = || Kit::open(&kit).expect("reads").expect("a kit");
    let mut there = MachineClient::new(again(), machines_at(&second).to_string());
    let begun = Instant::now();
    while say(&mut there, &word("trading")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it belongs there too");
    }
    owner.post("/api/v1/machines/revoke", json!({ "machine": "bot/one" })).await.expect(204);
    let ended = Instant::now();
    loop {
        let begun = Instant::now();
        // A fresh handshake each time: the connection that lives is cut besides.
        let mut fresh = MachineClient::new(again(), machines_at(&second).to_string());
        match say(&mut fresh, &word("trading")).await {
            Err(edge::Error::PutOut { .. }) => break,
            // Let in by the roll of before, and refused by the rows or cut off meanwhile.
            Ok(StatusCode::FORBIDDEN) | Err(edge::Error::ServerAway { .. }) => {}
            other => panic!("{other:?}"),
        }
        let late = begun.duration_since(ended);
        assert!(late < Duration::from_secs(1), "still let in after {late:?}");
    }
    let refused = say(&mut there, &word("trading")).await.expect_err("cut and refused");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_leaves_takes_the_machines_along() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, owner) = house(root.path()).await;
    let at = machines_at(&server).to_string();
    server.stop().await.expect("stops");
    let mut connection = people::open(root.path()).await;
    let gone = people::account(root.path(), &mut connection, "eve@example.org", "trader").await;
    connection.close().await.expect("closes");
    let server = open(root.path().into(), &at).await;
    let mut owner = owner.moved(&server);
    let desk = server.app().desk();
    let add = async |actor, name: &str| {
        let machine = machine_named(name).expect("a machine");
        desk.add_machine(actor, &machine).await.expect("a token").token
    };
    let (hers, unused) =
        (add(Actor::Account(gone), "bot/hers").await, add(Actor::Account(gone), "bot/next").await);
    let hosts = add(Actor::Host, "bot/hosts").await;
    let path = root.path().join("hers.pem");
    let mut hers = joined(&server, &hers, &path).await.expect("comes in");
    let mut hosts = joined(&server, &hosts, &root.path().join("h.pem")).await.expect("comes in");
    for machine in [&mut hers, &mut hosts] {
        assert_eq!(say(machine, &word("trading")).await.expect("is heard"), StatusCode::OK);
    }
    assert_eq!(row(&mut owner, "bot/hers").await["keeper"], "trader");
    assert_eq!(row(&mut owner, "bot/hosts").await["keeper"], Value::Null);
    owner.post(&format!("/api/v1/users/{gone}/disable"), json!({})).await.expect(204);
    let refused = say(&mut hers, &word("trading")).await.expect_err("went with her");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    let refused = joined(&server, &unused, &root.path().join("n.pem")).await.err().expect("void");
    assert!(refused.to_string().contains("was used"), "{refused}");
    assert_eq!(say(&mut hosts, &word("trading")).await.expect("stays"), StatusCode::OK);
    assert_eq!(kinds(&mut owner, "machine.revoked").await, 1, "hers alone, once");
    // Whoever comes back lets her machines in anew.
    owner.post(&format!("/api/v1/users/{gone}/enable"), json!({})).await.expect(204);
    let stream = TcpStream::connect(machines_at(&server)).await.expect("connects");
    let refused = renew(stream, hers.kit(), &path).await.err().expect("is out");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    let refused = joined(&server, &unused, &root.path().join("n.pem")).await.err().expect("void");
    assert!(refused.to_string().contains("was used"), "{refused}");
    assert!(row(&mut owner, "bot/next").await["token_ends"].is_null(), "none is out");
    let again = add(Actor::Account(gone), "bot/next").await;
    joined(&server, &again, &root.path().join("n.pem")).await.expect("by another token");
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_who_runs_the_server_lets_machines_in_and_the_server_is_none() {
    let root = tempfile::tempdir().expect("a directory");
    let server = crate::browser::start(root.path()).await;
    let mut owner = Browser::new(&server);
    Browser::new(&server).get("/api/v1/machines").await.expect(401);
    owner.set_up(&server).await;
    let page = owner.get("/api/v1/machines").await.expect(200).json();
    assert_eq!(page, json!({ "listen": null, "machines": [] }));
    for bad in ["server/x", "bot", "bot/", "bot/A", "bot/a/b", ""] {
        let refused = owner.post("/api/v1/machines", json!({ "machine": bad })).await.expect(422);
        assert!(refused.json()["fix"].is_string(), "{}", refused.text());
    }
    server.stop().await.expect("stops");
}
