//! A program asks for a token; whoever is signed in sees who asks for what and how long, grants it, refuses
//! it, and takes it back.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test runs the program and looks at files")]

use crate::browser::{Answer, Browser, request, start};
use crate::people::{New, server_with};
use http::{Method, header};
use identity::ApiSecret;
use kms::SystemEntropy;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};
use stockade::server::Server;

const OWN: &str = "/api/v1/account/petition";

fn refused(answer: Answer, status: u16, code: &str) {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], code, "{problem}");
}

/// A program's secret, and its petition as it came back.
async fn asked(server: &Server, scope: &[&str]) -> (ApiSecret, Value) {
    let secret = ApiSecret::generate(&mut SystemEntropy::new());
    let digest = hex::encode(secret.digest());
    let form = json!({ "program": "night shift", "scope": scope, "days": 7, "digest": digest });
    let taken = Browser::new(server).post("/api/v1/petitions", form).await.expect(201).json();
    (secret, taken)
}

async fn state(server: &Server, secret: &ApiSecret) -> Answer {
    let form = json!({ "digest": hex::encode(secret.digest()) });
    Browser::new(server).post("/api/v1/petitions/state", form).await
}

async fn by(server: &Server, secret: &str, path: &str) -> Answer {
    let mut sent = request(Method::GET, path, None);
    let line = format!("Bearer {secret}");
    sent.headers_mut().insert(header::AUTHORIZATION, line.parse().expect("a line"));
    Browser::new(server).raw(sent).await
}

#[tokio::test]
async fn a_program_may_do_what_a_person_read_and_granted_and_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let (secret, taken) = asked(&server, &["strategy_read"]).await;
    let code = json!({ "code": taken["code"] });
    assert!(taken["page"].as_str().expect("a page").ends_with("/account/grant"));
    // Nobody who is not signed in learns or grants anything by the code, and the secret opens nothing yet.
    for path in [OWN, "/api/v1/account/petition/grant", "/api/v1/account/petition/refuse"] {
        Browser::new(&server).post(path, code.clone()).await.expect(401);
    }
    by(&server, secret.expose(), "/api/v1/strategies").await.expect(401);
    assert_eq!(state(&server, &secret).await.expect(200).json()["state"], "waiting");
    state(&server, &secret).await.expect(429);
    refused(owner.post(OWN, json!({ "code": "BBBB-BBBB" })).await, 404, "petition");

    let shown = owner.post(OWN, code.clone()).await.expect(200).json();
    assert_eq!(shown["program"], "night shift");
    assert_eq!((&shown["scope"], &shown["days"]), (&json!(["strategy_read"]), &json!(7)));
    assert_eq!((&shown["address"], &shown["beyond"]), (&json!("127.0.0.1"), &json!([])));
    owner.post("/api/v1/account/petition/grant", code.clone()).await.expect(204);
    by(&server, secret.expose(), "/api/v1/strategies").await.expect(200);
    by(&server, secret.expose(), "/api/v1/datasets").await.expect(403);
    refused(owner.post("/api/v1/account/petition/grant", code).await, 404, "petition");

    // It stands in the list with what it may do and how long, and is taken back there.
    let list = owner.get("/api/v1/account/tokens").await.expect(200).json();
    let row = &list["tokens"][0];
    assert_eq!((&row["label"], &row["scope"]), (&json!("night shift"), &json!(["strategy_read"])));
    let id = row["id"].as_str().expect("an id");
    owner.delete(&format!("/api/v1/account/tokens/{id}")).await.expect(204);
    by(&server, secret.expose(), "/api/v1/strategies").await.expect(401);
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    let count = |kind: &str| log.lines.iter().filter(|line| line.kind == kind).count();
    assert_eq!((count("token.granted"), count("token.revoked")), (1, 1));
    let held = log.lines.iter().any(|line| format!("{line:?}").contains(secret.expose()));
    assert!(!held, "the server never saw it but as a digest");
}

#[tokio::test]
async fn a_person_refuses_and_gives_nothing_that_is_not_theirs() {
    let directory = tempfile::tempdir().expect("a directory");
    let viewer = New { email: "eve@people.example", role: "viewer" };
    let (server, mut browsers) = server_with(directory.path(), &[viewer]).await;
    let eve = &mut browsers[0];
    let (secret, taken) = asked(&server, &["strategy_read", "strategy_write"]).await;
    let code = json!({ "code": taken["code"] });
    let shown = eve.post(OWN, code.clone()).await.expect(200).json();
    assert_eq!(shown["beyond"], json!(["strategy_write"]), "{shown}");
    let granted = eve.post("/api/v1/account/petition/grant", code.clone()).await;
    refused(granted, 403, "permission");
    by(&server, secret.expose(), "/api/v1/strategies").await.expect(401);
    eve.post("/api/v1/account/petition/refuse", code.clone()).await.expect(204);
    assert_eq!(state(&server, &secret).await.expect(200).json()["state"], "refused");
    refused(eve.post("/api/v1/account/petition/grant", code).await, 404, "petition");
    // What no token can ever do is not taken in at all.
    for (scope, days) in [(json!(["role_grant"]), 7), (json!([]), 7), (json!(["data_read"]), 400)] {
        let form =
            json!({ "program": "x", "scope": scope, "days": days, "digest": "00".repeat(32) });
        Browser::new(&server).post("/api/v1/petitions", form).await.expect(422);
    }
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    assert!(log.lines.iter().any(|line| line.kind == "token.refused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_shows_a_code_and_keeps_the_token_that_was_granted() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let file = directory.path().join("token");
    let mut program = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .env_clear()
        .arg("login")
        .arg(format!("https://localhost:{}", server.started.address.port()))
        .args(["--scope", "strategy_read", "--name", "script", "--out"])
        .arg(&file)
        .arg("--authority")
        .arg(&server.started.authority)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut said = BufReader::new(program.stderr.take().expect("asked for")).lines();
    let shown = tokio::task::spawn_blocking(move || {
        let mut words = Vec::new();
        while let Some(line) = said.next() {
            let line = line.expect("text");
            let code = line.trim().to_owned();
            words.push(line);
            if code.len() == 9 && code.as_bytes()[4] == b'-' {
                return (code, said);
            }
        }
        panic!("no code: {words:?}");
    });
    let (code, said) = shown.await.expect("joins");
    owner.post("/api/v1/account/petition/grant", json!({ "code": code })).await.expect(204);
    let ended = tokio::task::spawn_blocking(move || {
        let ended = program.wait().expect("ends");
        (ended, said.map_while(Result::ok).collect::<Vec<_>>())
    });
    let (ended, said) = ended.await.expect("joins");
    assert!(ended.success(), "{said:?}");
    let token = std::fs::read_to_string(&file).expect("the token");
    let mode = std::fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    by(&server, &token, "/api/v1/strategies").await.expect(200);
    by(&server, &token, "/api/v1/datasets").await.expect(403);
}
