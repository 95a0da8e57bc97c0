//! A lost second factor, and the operator's way back in.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test asks the server over its socket")]

use crate::browser::{Answer, Browser, EMAIL, PASSWORD, code};
use crate::mail::{LONG, LONGER, Reader, ask, meddle, newcomer, refused, start_as};
use identity::RegistrationMode;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use stockade::{desk, server::Server};

const BOB: &str = "bob@example.org";
const DAY_LATER: &str = "UPDATE losses SET ready_us = ready_us - 86400000000";

async fn world(root: &Path) -> (Server, Reader, Vec<String>) {
    let server = start_as(root, RegistrationMode::Open).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    (server, Reader::new(owner), codes)
}

fn said(answer: Answer, status: u16, code: &str) {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], code, "{problem}");
}

/// The codes that a replacement shows.
fn shown(answer: Answer) -> Vec<String> {
    let codes = answer.expect(200).json()["recovery_codes"].as_array().expect("codes").clone();
    assert_eq!(codes.len(), 10);
    codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect()
}

/// The first code of a new authenticator.
fn first(begun: &Value) -> Value {
    let secret = begun["totp"]["secret"].as_str().expect("a secret");
    json!({ "ticket": begun["ticket"], "code": code(secret, 0) })
}

#[tokio::test]
async fn a_lost_factor_waits_a_day_and_is_replaced_by_password_and_link() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut lost = Browser::new(&server);
    ask(&mut lost, "loss", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "loss").await;
    let follow = json!({ "token": token });
    refused(Browser::new(&server).post("/api/v1/loss/begin", follow.clone()).await);
    let begun = lost.post("/api/v1/loss/begin", follow).await.expect(200).json();
    assert_eq!(begun["state"], "open", "{begun}");
    let declare = |password: &str| json!({ "token": token, "password": password });
    said(lost.post("/api/v1/loss/declare", declare("wrong")).await, 401, "credentials");
    let waiting = lost.post("/api/v1/loss/declare", declare(PASSWORD)).await.expect(200).json();
    assert_eq!((&waiting["state"], &waiting["vouching"]), (&json!("waiting"), &json!(false)));
    refused(lost.post("/api/v1/loss/declare", declare(PASSWORD)).await);
    reader.next(EMAIL, "/link/loss-stop#").await;

    // Another letter within the day: nothing to enrol yet.
    ask(&mut lost, "loss", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "loss").await;
    let early = lost.post("/api/v1/loss/begin", json!({ "token": token })).await.expect(200);
    assert_eq!(early.json()["state"], "waiting");
    server.stop().await.expect("stops");
    meddle(root.path(), &[DAY_LATER]).await;

    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut reader = reader.moved(&server);
    let mut lost = lost.moved(&server);
    let ready = lost.post("/api/v1/loss/begin", json!({ "token": token })).await.expect(200).json();
    assert_eq!(ready["state"], "ready", "{ready}");
    let totp = first(&ready["factor"]);
    let replace = |password: &str, totp: &Value| json!({ "token": token, "password": password, "totp": totp });
    let path = "/api/v1/loss/replace";
    said(lost.post(path, replace("wrong", &totp)).await, 401, "credentials");
    let bad = json!({ "ticket": ready["factor"]["ticket"], "code": "000000" });
    said(lost.post(path, replace(PASSWORD, &bad)).await, 401, "code");
    let codes = shown(lost.post(path, replace(PASSWORD, &totp)).await);
    refused(lost.post(path, replace(PASSWORD, &totp)).await);
    // The old authenticator is nothing any more, and every session is over.
    reader.owner.get("/api/v1/sessions").await.expect(401);
    lost.sign_in("totp", &code(&reader.owner.secret, 0)).await.expect(401);
    lost.sign_in("recovery", &codes[0]).await.expect(200);
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    for kind in ["factor.lost", "factor.replaced"] {
        assert!(log.lines.iter().any(|line| line.kind == kind), "{kind}");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_letter_stops_a_recovery_and_so_does_a_session() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, codes) = world(root.path()).await;
    let mut thief = Browser::new(&server);
    let mut declared = async |reader: &mut Reader| {
        ask(&mut thief, "loss", EMAIL).await.expect(202);
        let token = reader.token(EMAIL, "loss").await;
        let form = json!({ "token": token, "password": PASSWORD });
        thief.post("/api/v1/loss/declare", form).await.expect(200);
    };
    declared(&mut reader).await;
    // From the session: the owner stops it, and all sessions end.
    let mut stopped = reader.owner.post("/api/v1/loss/cancel", json!({})).await;
    assert_eq!(stopped.status, 204, "{}", stopped.text());
    reader.owner.get("/api/v1/sessions").await.expect(401);
    reader.owner.sign_in("recovery", &codes[0]).await.expect(200);
    stopped = reader.owner.post("/api/v1/loss/cancel", json!({})).await;
    said(stopped, 404, "not-found");

    declared(&mut reader).await;
    let stop = reader.token(EMAIL, "loss-stop").await;
    // The letter of the recovery that was stopped is void, the newest one is good, once.
    let mut telephone = Browser::new(&server);
    let mut good = telephone.post("/api/v1/loss/stop", json!({ "token": stop })).await;
    if good.status == 401 {
        let stop = reader.token(EMAIL, "loss-stop").await;
        good = telephone.post("/api/v1/loss/stop", json!({ "token": stop })).await;
    }
    good.expect(204);
    reader.owner.get("/api/v1/sessions").await.expect(401);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_account_without_a_second_factor_has_none_to_lose() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = newcomer(&server, &mut reader, BOB).await;
    ask(&mut bob, "loss", BOB).await.expect(202);
    let token = reader.token(BOB, "loss").await;
    let form = json!({ "token": token, "password": LONG });
    said(bob.post("/api/v1/loss/declare", form).await, 401, "code");
    said(bob.post("/api/v1/loss/vouch", json!({})).await, 403, "permission");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn another_administrator_vouches_for_whoever_runs_the_server() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    newcomer(&server, &mut reader, BOB).await;
    server.stop().await.expect("stops");
    let promote = "UPDATE accounts SET role = 'admin' WHERE role = 'trader'";
    meddle(root.path(), &[promote]).await;
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut reader = reader.moved(&server);
    let account = reader.owner.get("/api/v1/session").await.json()["account"]["id"].clone();
    let mut lost = Browser::new(&server);
    ask(&mut lost, "loss", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "loss").await;
    let form = json!({ "token": token, "password": PASSWORD });
    let waiting = lost.post("/api/v1/loss/declare", form).await.expect(200).json();
    assert_eq!(waiting["vouching"], json!(true), "{waiting}");
    // Nobody vouches for themselves.
    let own = reader.owner.post("/api/v1/loss/vouch", json!({ "account": account })).await;
    said(own, 409, "rule");
    server.stop().await.expect("stops");
    meddle(root.path(), &[DAY_LATER]).await;
    let server = start_as(root.path(), RegistrationMode::Open).await;
    let mut reader = reader.moved(&server);
    let mut lost = lost.moved(&server);
    ask(&mut lost, "loss", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "loss").await;
    let page = lost.post("/api/v1/loss/begin", json!({ "token": token })).await.expect(200).json();
    assert_eq!((&page["state"], &page["vouching"]), (&json!("waiting"), &json!(true)), "{page}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_operator_prints_a_link_that_works_once_and_everybody_hears_of_it() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let path = root.path().to_owned();
    let issued = tokio::task::spawn_blocking(move || {
        let here = desk::connect(&path).expect("connects");
        let letters = desk::Letters::from_here("https://localhost:1").expect("letters");
        let registration = RegistrationMode::Invite;
        let terms =
            desk::Terms { letters, registration, post: desk::Post::Kept, breached: Arc::default() };
        let nobody = here.issue_recovery("nobody@example.org", terms.clone());
        assert!(nobody.expect_err("no such account").to_string().contains("no such account"));
        here.issue_recovery(EMAIL, terms).expect("a link")
    });
    let token = issued.await.expect("joins").token;
    reader.next(EMAIL, "made a recovery link").await;
    let mut operator = Browser::new(&server);
    let follow = json!({ "token": token });
    let begun = operator.post("/api/v1/recover/begin", follow).await.expect(200).json();
    let finish = |password: &str, totp: &Value| json!({ "token": token, "password": password, "totp": totp });
    let path = "/api/v1/recover/finish";
    let bad = json!({ "ticket": begun["ticket"], "code": "000000" });
    said(operator.post(path, finish(LONGER, &bad)).await, 401, "code");
    said(operator.post(path, finish("password", &first(&begun))).await, 422, "password");
    let none = json!({ "token": token, "password": LONGER });
    operator.post(path, none).await.expect(422);
    let codes = shown(operator.post(path, finish(LONGER, &first(&begun))).await);
    refused(operator.post(path, finish(LONGER, &first(&begun))).await);
    reader.owner.get("/api/v1/sessions").await.expect(401);
    operator.get("/api/v1/sessions").await.expect(401);
    let old = json!({ "email": EMAIL, "password": PASSWORD });
    operator.post("/api/v1/sign-in", old).await.expect(401);
    let new = json!({ "email": EMAIL, "password": LONGER });
    let asked = operator.post("/api/v1/sign-in", new).await.expect(200).json();
    let factor = json!({ "challenge": asked["challenge"], "kind": "recovery", "code": codes[0] });
    operator.post("/api/v1/sign-in/factor", factor).await.expect(200);
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    for kind in ["recover.issued", "recover.used"] {
        assert!(log.lines.iter().any(|line| line.kind == kind), "{kind}");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn who_has_one_try_left_and_a_puzzle_to_solve_comes_through() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut lost = Browser::new(&server);
    lost.source = Some(std::net::Ipv4Addr::new(127, 0, 0, 9).into());
    ask(&mut lost, "loss", EMAIL).await.expect(202);
    let link = reader.token(EMAIL, "loss").await;
    // Somebody behind the same address asks for letters until puzzles are asked of it.
    let mut spent = 1;
    while ask(&mut lost, "reset", &format!("n{spent}@example.org")).await.status == 202 {
        spent += 1;
    }
    let burst = identity::Limits::default().source.burst;
    for _ in spent..burst - 1 {
        let nothing = json!({ "token": "nothing" });
        assert_eq!(lost.post("/api/v1/address/stop", nothing).await.status, 401);
    }
    let declare = json!({ "token": link, "password": PASSWORD });
    said(lost.post("/api/v1/loss/declare", declare.clone()).await, 429, "work");
    let waiting = lost.post_worked("/api/v1/loss/declare", declare).await.expect(200).json();
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    server.stop().await.expect("stops");
}
