//! Passkeys and the other factors over real HTTP: enrolled once shown to work, used once, and refused for
//! whatever is not as asked.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use crate::authenticator::Soft;
use crate::browser::{Answer, Browser, PASSWORD, code, start};
use crate::people::{New, open, server_with};
use serde_json::{Value, json};
use sqlx::Connection;
use stockade::server::Server;
use tempfile::TempDir;

const ADA: &str = "ada@people.example";

/// A server with a trader who has a password and nothing else.
async fn with_ada() -> (TempDir, Server, Browser) {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browsers) =
        server_with(root.path(), &[New { email: ADA, role: "trader" }]).await;
    (root, server, browsers.remove(0))
}

fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

async fn sign_in(browser: &mut Browser, email: &str) -> Value {
    let form = json!({ "email": email, "password": PASSWORD });
    browser.post("/api/v1/sign-in", form).await.expect(200).json()
}

fn password() -> Value {
    json!({ "password": PASSWORD })
}

/// Enrols a passkey with this proof.
async fn enrol(browser: &mut Browser, soft: &mut Soft, proof: Value) -> Answer {
    let begun = browser.post("/api/v1/account/passkeys/begin", json!({})).await.expect(200).json();
    let form = json!({
        "ticket": begun["ticket"], "label": "blue key", "attestation": soft.made(&begun),
        "proof": proof,
    });
    browser.post("/api/v1/account/passkeys", form).await
}

/// Enrols an authenticator by the password alone; its secret and the recovery codes. The code is that of
/// the step before: the one that is shown now is still good.
/// An authenticator: its secret, the recovery codes, and the code that enrolled it.
async fn enrol_totp(browser: &mut Browser) -> (String, Vec<String>, String) {
    loop {
        let begun = browser.post("/api/v1/account/totp/begin", json!({})).await.expect(200);
        let begun = begun.json();
        let secret = begun["totp"]["secret"].as_str().expect("a secret").to_owned();
        let used = code(&secret, -1);
        let form = json!({ "ticket": begun["ticket"], "code": used, "proof": password() });
        let answer = browser.post("/api/v1/account/totp", form).await;
        // The next step began in between: before the code was looked at, or while the proof was.
        if answer.status == 422 || (answer.status == 401 && answer.json()["code"] == "code") {
            continue;
        }
        let codes = answer.expect(200).json();
        let codes = codes["recovery_codes"].as_array().expect("codes").iter();
        let codes = codes.map(|code| code.as_str().expect("text").to_owned()).collect();
        return (secret, codes, used);
    }
}

/// The statuses of so many sign-ins that give the same factor at once, sorted.
async fn at_once(server: &Server, ada: &Browser, kind: &str, code: &str) -> Vec<u16> {
    let mut asked = Vec::new();
    for _ in 0..3 {
        let mut browser = Browser::new(server);
        // Her device, and not the session that she is in: a sign-in would leave it.
        browser.cookies.clone_from(&ada.cookies);
        browser.cookies.retain(|name, _| name.ends_with("device"));
        let challenge = sign_in(&mut browser, ADA).await["challenge"].clone();
        let form = json!({ "challenge": challenge, "kind": kind, "code": code });
        asked.push(
            async move { browser.post("/api/v1/sign-in/factor", form).await.status.as_u16() },
        );
    }
    let mut answers = futures_util::future::join_all(asked).await;
    answers.sort_unstable();
    answers
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_a_step_up_and_a_sign_in_of_its_own() {
    let (_root, server, mut ada) = with_ada().await;
    let mut soft = Soft::new(3, &server.started.url);
    let mut before = Browser::new(&server);
    sign_in(&mut before, ADA).await;
    before.get("/api/v1/account").await.expect(200);
    let codes = enrol(&mut ada, &mut soft, password()).await.expect(200).json();
    assert_eq!(codes["recovery_codes"].as_array().map(Vec::len), Some(10), "they come along");
    refused(before.get("/api/v1/account").await, 401, "ended");
    // The session that did it goes on under the token that came back.
    let account = ada.get("/api/v1/account").await.expect(200).json();
    assert_eq!(account["passkeys"][0]["label"], "blue key");
    assert_eq!(account["passkey_origin"], server.started.url.as_str());

    let mut other = Browser::new(&server);
    let asked = sign_in(&mut other, ADA).await;
    assert_eq!(asked["factors"], json!(["passkey", "recovery"]));
    assert!(other.cookies.is_empty(), "a password alone opens nothing any more");
    let mut form = soft.factor(&asked["passkey"]);
    form["challenge"] = asked["challenge"].clone();
    other.post("/api/v1/sign-in/factor", form.clone()).await.expect(200);
    refused(other.post("/api/v1/sign-in/factor", form).await, 401, "ticket");

    let mut alone = Browser::new(&server);
    let begin = "/api/v1/sign-in/passkey/begin";
    let asked = alone.post(begin, json!({})).await.expect(200).json();
    assert_eq!((&asked["allow"], &asked["user_verification"]), (&json!([]), &json!("required")));
    let form = json!({ "ticket": asked["ticket"], "assertion": soft.answer(&asked) });
    alone.post("/api/v1/sign-in/passkey", form.clone()).await.expect(200);
    refused(Browser::new(&server).post("/api/v1/sign-in/passkey", form).await, 401, "ticket");
    let asked = alone.post("/api/v1/session/passkey", json!({})).await.expect(200).json();
    let proof = json!({ "factor": soft.factor(&asked) });
    alone.post("/api/v1/session/step-up", proof).await.expect(204);
    assert_eq!(alone.get("/api/v1/session").await.json()["level"], "dangerous");

    // One that does not verify its user is one factor of two.
    soft.verifies = false;
    let asked = alone.post("/api/v1/session/passkey", json!({})).await.expect(200).json();
    let proof = json!({ "factor": soft.factor(&asked) });
    refused(alone.post("/api/v1/session/step-up", proof).await, 401, "credentials");
    let asked = alone.post("/api/v1/session/passkey", json!({})).await.expect(200).json();
    let proof = json!({ "password": PASSWORD, "factor": soft.factor(&asked) });
    alone.post("/api/v1/session/step-up", proof).await.expect(204);
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_passkeys_answer_is_refused_for_whatever_is_not_as_asked() {
    let (_root, server, mut ada) = with_ada().await;
    let url = server.started.url.clone();
    let mut evil = Soft::new(9, "https://evil.example");
    refused(enrol(&mut ada, &mut evil, password()).await, 401, "passkey");
    let mut soft = Soft::new(3, &url);
    soft.counter = 7;
    let wrong = json!({ "password": "wrong" });
    refused(enrol(&mut ada, &mut soft, wrong).await, 401, "credentials");
    enrol(&mut ada, &mut soft, password()).await.expect(200);
    let check = async |soft: Soft, code: &str| {
        let mut browser = Browser::new(&server);
        let begin = "/api/v1/sign-in/passkey/begin";
        let asked = browser.post(begin, json!({})).await.expect(200).json();
        let form = json!({ "ticket": asked["ticket"], "assertion": soft.answer(&asked) });
        let answer = browser.post("/api/v1/sign-in/passkey", form).await;
        if code.is_empty() {
            answer.expect(200);
        } else {
            refused(answer, 401, code);
            assert!(browser.cookies.is_empty());
        }
    };
    let counting = |counter| Soft { counter, ..soft.clone() };
    check(Soft { origin: "https://evil.example".to_owned(), ..counting(8) }, "passkey").await;
    check(Soft { origin: "https://localhost".to_owned(), ..counting(8) }, "passkey").await;
    check(Soft { verifies: false, ..counting(8) }, "passkey").await;
    check(Soft::new(4, &url), "passkey").await;
    check(counting(8), "").await;
    check(counting(8), "passkey").await;
    check(counting(5), "passkey").await;
    check(counting(9), "").await;
    // An answer to another challenge, and a ticket of nobody's.
    let mut browser = Browser::new(&server);
    let begin = "/api/v1/sign-in/passkey/begin";
    let one = browser.post(begin, json!({})).await.expect(200).json();
    let two = browser.post(begin, json!({})).await.expect(200).json();
    let soft = counting(10);
    let form = json!({ "ticket": two["ticket"], "assertion": soft.answer(&one) });
    refused(browser.post("/api/v1/sign-in/passkey", form).await, 401, "passkey");
    let form = json!({ "ticket": "x".repeat(43), "assertion": soft.answer(&one) });
    refused(browser.post("/api/v1/sign-in/passkey", form).await, 401, "ticket");
    let log = server.app().desk().log(&store::LogPage { limit: 200, ..Default::default() }).await;
    let lines = log.expect("reads").lines;
    let copies = lines.iter().filter(|line| line.kind == "passkey.cloned").count();
    assert_eq!(copies, 2, "its owner hears of a counter that went back");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn one_code_opens_one_session_however_many_ask_at_once() {
    let (_root, server, mut ada) = with_ada().await;
    let (secret, codes, used) = enrol_totp(&mut ada).await;
    assert_eq!(codes.len(), 10);
    // The code that enrolled it is used up, also while it would be good otherwise.
    let mut browser = Browser::new(&server);
    let asked = sign_in(&mut browser, ADA).await;
    assert_eq!(asked["factors"], json!(["totp", "recovery"]));
    let used = json!({ "challenge": asked["challenge"], "kind": "totp", "code": used });
    refused(browser.post("/api/v1/sign-in/factor", used).await, 401, "code");
    assert_eq!(at_once(&server, &ada, "totp", &code(&secret, 0)).await, [200, 401, 401]);
    // One of several challenges: the others are no way around.
    ada.post("/api/v1/session/refresh", json!({})).await.expect(204);
    assert_eq!(at_once(&server, &ada, "recovery", &codes[0]).await, [200, 401, 401]);
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_last_factor_stays_where_the_role_asks_for_one() {
    let (_root, server, mut ada) = with_ada().await;
    let mut soft = Soft::new(3, &server.started.url);
    enrol(&mut ada, &mut soft, password()).await.expect(200);
    let remove = "/api/v1/account/factors/remove";
    let key = ada.get("/api/v1/account").await.json()["passkeys"][0]["key"].clone();
    let proof = async |browser: &mut Browser, soft: &Soft| {
        let asked = browser.post("/api/v1/session/passkey", json!({})).await.expect(200).json();
        json!({ "password": PASSWORD, "factor": soft.factor(&asked) })
    };
    let mut form = json!({ "kind": "passkey", "key": key, "proof": proof(&mut ada, &soft).await });
    refused(ada.post(remove, form.clone()).await, 409, "rule");
    form["password"] = json!("short one");
    let said = refused(ada.post(remove, form.clone()).await, 422, "password");
    assert!(said["detail"].as_str().expect("text").contains("15 are needed"), "{said}");
    form["password"] = json!("nine quiet herons wade upstream");
    form["proof"] = json!({ "password": PASSWORD });
    refused(ada.post(remove, form.clone()).await, 401, "code");
    form["key"] = json!("A".repeat(43));
    refused(ada.post(remove, form.clone()).await, 404, "not-found");
    form["key"] = ada.get("/api/v1/account").await.json()["passkeys"][0]["key"].clone();
    form["proof"] = proof(&mut ada, &soft).await;
    ada.post(remove, form).await.expect(204);
    let account = ada.get("/api/v1/account").await.expect(200).json();
    assert_eq!((&account["passkeys"], &account["recovery"]), (&json!([]), &json!(0)));

    // The owner's role asks for one: neither a password nor a second way leads around it.
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let proof = json!({
        "password": PASSWORD, "factor": { "kind": "recovery", "code": codes[0] },
    });
    let form = json!({
        "kind": "totp", "password": "nine quiet herons wade upstream", "proof": proof,
    });
    refused(owner.post(remove, form).await, 403, "mfa_required");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_password_alone_opens_a_session_that_does_no_more_than_its_role_may() {
    let root = tempfile::tempdir().expect("a directory");
    let people =
        [New { email: ADA, role: "trader" }, New { email: "max@people.example", role: "admin" }];
    let (server, _) = server_with(root.path(), &people).await;
    let mut ada = Browser::new(&server);
    let answer = sign_in(&mut ada, ADA).await;
    assert_eq!(answer["factors"], json!([]));
    assert_eq!(answer["account"]["email"], ADA);
    ada.get("/api/v1/strategies").await.expect(200);
    let mut max = Browser::new(&server);
    sign_in(&mut max, "max@people.example").await;
    for path in ["/api/v1/audit", "/api/v1/strategies", "/api/v1/datasets"] {
        refused(max.get(path).await, 403, "mfa_required");
    }
    let token = json!({ "label": "x", "scope": ["data_read"], "days": 1 });
    refused(max.post("/api/v1/account/tokens", token).await, 403, "mfa_required");
    let (secret, _, _) = enrol_totp(&mut max).await;
    // Enrolled is not proven: the session is what it was opened by.
    refused(max.get("/api/v1/audit").await, 403, "mfa_required");
    max.step_up(PASSWORD, "totp", &code(&secret, 0)).await.expect(204);
    max.get("/api/v1/audit").await.expect(200);
    // Whoever has no password is nobody to a password.
    let wrong = json!({ "email": ADA, "password": "wrong" });
    let nobody = json!({ "email": "nobody@people.example", "password": PASSWORD });
    let mut browser = Browser::new(&server);
    let one = browser.post("/api/v1/sign-in", wrong).await.expect(401).text();
    assert_eq!(one, browser.post("/api/v1/sign-in", nobody).await.expect(401).text());
    server.stop().await.expect("stops");
}

const BOB: &str = "bob@people.example";

/// Puts one row's column into the other's and back: what whoever writes to the database can do who has
/// none of the server's keys.
async fn swapped(
    root: &TempDir,
    server: Server,
    (table, column): (&str, &str),
    people: [&mut Browser; 2],
) -> Server {
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    let read = format!("SELECT account_id, {column} FROM {table} ORDER BY account_id");
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(read)).fetch_all(&mut connection).await;
    let rows: Vec<(String, Vec<u8>)> = rows.expect("reads");
    let [(one, his), (other, hers)] = &rows[..] else { panic!("two of {table}") };
    for (account, value) in [(one, hers), (other, his)] {
        let write = format!("UPDATE {table} SET {column} = $1 WHERE account_id = $2");
        let write = sqlx::query(sqlx::AssertSqlSafe(write)).bind(value).bind(account);
        write.execute(&mut connection).await.expect("writes");
    }
    connection.close().await.expect("closes");
    let server = start(root.path()).await;
    for browser in people {
        *browser = browser.moved(&server);
    }
    server
}

/// What comes of a sign-in with a factor; nobody is let in unless it is 200.
async fn tried(server: &Server, email: &str, give: impl FnOnce(&Value) -> Value) -> Answer {
    let mut browser = Browser::new(server);
    let asked = sign_in(&mut browser, email).await;
    let mut form = give(&asked);
    form["challenge"] = asked["challenge"].clone();
    let answer = browser.post("/api/v1/sign-in/factor", form).await;
    assert_eq!(browser.cookies.len() > 1, answer.status == 200, "{}", answer.text());
    answer
}

#[tokio::test]
async fn a_factor_that_was_moved_in_the_database_lets_nobody_in() {
    let root = tempfile::tempdir().expect("a directory");
    let new = [New { email: ADA, role: "trader" }, New { email: BOB, role: "trader" }];
    let (server, mut browsers) = server_with(root.path(), &new).await;
    let (mut bob, mut ada) = (browsers.remove(1), browsers.remove(0));
    let url = server.started.url.clone();
    let (mut hers, mut his) = (Soft::new(3, &url), Soft::new(5, &url));
    enrol(&mut ada, &mut hers, password()).await.expect(200);
    enrol(&mut bob, &mut his, password()).await.expect(200);
    let cose = ("passkeys", "cose");
    let server = swapped(&root, server, cose, [&mut ada, &mut bob]).await;
    // Neither with her own authenticator nor with one that has the key which lies in her row now.
    hers.origin.clone_from(&server.started.url);
    let forged = Soft { key: his.key, ..hers.clone() };
    for soft in [&hers, &forged] {
        let broken = tried(&server, ADA, |asked| soft.factor(&asked["passkey"])).await;
        refused(broken, 500, "internal");
    }
    let server = swapped(&root, server, cose, [&mut ada, &mut bob]).await;
    hers.origin.clone_from(&server.started.url);
    // Twin: moved back, it opens.
    tried(&server, ADA, |asked| hers.factor(&asked["passkey"])).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_secret_that_was_moved_in_the_database_lets_nobody_in() {
    let root = tempfile::tempdir().expect("a directory");
    let new = [New { email: ADA, role: "trader" }, New { email: BOB, role: "trader" }];
    let (server, mut browsers) = server_with(root.path(), &new).await;
    // The owner's is a third row, which stays as it is.
    let (mut bob, mut ada) = (browsers.remove(1), browsers.remove(0));
    let ((hers, _, _), (his, _, _)) = (enrol_totp(&mut ada).await, enrol_totp(&mut bob).await);
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    let own = "DELETE FROM totp WHERE account_id = (SELECT account_id FROM accounts WHERE role = 'owner')";
    sqlx::query(own).execute(&mut connection).await.expect("writes");
    connection.close().await.expect("closes");
    let server = start(root.path()).await;
    let server = swapped(&root, server, ("totp", "secret"), [&mut ada, &mut bob]).await;
    for secret in [&hers, &his] {
        let form = json!({ "kind": "totp", "code": code(secret, 0) });
        refused(tried(&server, ADA, |_| form).await, 500, "internal");
    }
    let server = swapped(&root, server, ("totp", "secret"), [&mut ada, &mut bob]).await;
    let form = json!({ "kind": "totp", "code": code(&hers, 0) });
    tried(&server, ADA, |_| form).await.expect(200);
    server.stop().await.expect("stops");
}
