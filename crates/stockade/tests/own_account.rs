//! One's own account over real HTTP: what a change ends, tokens, the history, the export, the end.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files that the server wrote")]

use crate::browser::{Answer, Browser, PASSWORD, options, request, start};
use crate::people::{New, server_with};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, header};
use http_body_util::BodyExt;
use identity::{AccountId, LetterPart, Vault};
use jiff::SignedDuration;
use kms::{KeyFile, Purpose};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use stockade::{
    desk::{Paths, now},
    server::{Rule, Server, routes},
};
use tempfile::TempDir;

const ADA: &str = "ada@people.example";
const STRATEGY: &str = "version: 1\nname: N\ndata: none\nbar: 1d\nsignals:\n  long: close > 1\n\
sizing: { fixed: 1 }\ncosts: { fee_bps: 0 }\nconvention: next_open\ncash: 1000\ncurrency: USD\n";

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

fn proof() -> Value {
    json!({ "password": PASSWORD })
}

async fn signed_in(server: &Server) -> Browser {
    let mut browser = Browser::new(server);
    let form = json!({ "email": ADA, "password": PASSWORD });
    browser.post("/api/v1/sign-in", form).await.expect(200);
    browser
}

async fn token(browser: &mut Browser, scope: &[&str]) -> (String, String) {
    let form = json!({ "label": "a script", "scope": scope, "days": 30 });
    let made = browser.post("/api/v1/account/tokens", form).await.expect(201).json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&made["secret"]), text(&made["token"]["id"]))
}

/// A request by a token and nothing else.
async fn by(
    server: &Server,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let mut asked = request(method, path, body);
    let line = format!("Bearer {token}").parse().expect("a header");
    asked.headers_mut().insert(header::AUTHORIZATION, line);
    Browser::new(server).raw(asked).await
}

/// Opens the stream of a backtest that waits for ever; what was heard until its end.
async fn stream(browser: &mut Browser, token: Option<&str>) -> tokio::task::JoinHandle<String> {
    let started = browser.post("/api/v1/backtests", json!({ "text": STRATEGY })).await;
    let id = started.expect(202).json()["id"].as_str().expect("an id").to_owned();
    let mut asked = request(Method::GET, &format!("/api/v1/backtests/{id}/events"), None);
    let mut who = browser.clone();
    if let Some(token) = token {
        who.cookies.clear();
        let line = format!("Bearer {token}").parse().expect("a header");
        asked.headers_mut().insert(header::AUTHORIZATION, line);
    }
    let answer = who.send(asked).await;
    assert_eq!(answer.status(), 200);
    tokio::spawn(async move {
        let body = answer.into_body().collect().await.expect("an end").to_bytes();
        String::from_utf8(body.to_vec()).expect("text")
    })
}

/// The same with nobody at work, so that streams stay open.
async fn idle(root: &Path, server: Server, browser: &Browser) -> (Server, Browser) {
    server.stop().await.expect("stops");
    let mut idle = options(root);
    idle.capacity.workers = 0;
    let server = Server::start(idle).await.expect("starts");
    let browser = browser.moved(&server);
    (server, browser)
}

#[tokio::test]
async fn a_changed_password_ends_what_is_open_elsewhere_at_once() {
    let (root, server, ada) = with_ada().await;
    let (server, mut ada) = idle(root.path(), server, &ada).await;
    let mut other = signed_in(&server).await;
    let heard = stream(&mut other, None).await;
    let old = ada.cookies.clone();
    let change = "/api/v1/account/password";
    let form = |new: &str, proof: Value| json!({ "password": new, "proof": proof });
    let new = "nine quiet herons wade upstream";
    refused(ada.post(change, form("short", proof())).await, 422, "password");
    refused(ada.post(change, form(new, json!({ "password": "x" }))).await, 401, "credentials");
    refused(ada.post(change, form(new, json!({}))).await, 401, "credentials");
    let extra = json!({ "password": PASSWORD, "factor": { "kind": "totp", "code": "123456" } });
    refused(ada.post(change, form(new, extra)).await, 401, "code");
    other.get("/api/v1/account").await.expect(200);
    ada.post(change, form(new, proof())).await.expect(204);
    assert!(!heard.await.expect("joins").contains("event:"), "it ended with its session");
    refused(other.get("/api/v1/account").await, 401, "ended");
    refused(other.post("/api/v1/session/refresh", json!({})).await, 401, "ended");
    // The session that did it goes on, under a new token; the one before is overtaken.
    ada.get("/api/v1/account").await.expect(200);
    let mut before = Browser::new(&server);
    before.cookies = old;
    refused(before.get("/api/v1/account").await, 401, "signed-out");
    let form = json!({ "email": ADA, "password": PASSWORD });
    refused(Browser::new(&server).post("/api/v1/sign-in", form).await, 401, "credentials");
    let form = json!({ "email": ADA, "password": new });
    Browser::new(&server).post("/api/v1/sign-in", form).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_and_nothing_fresh() {
    let (root, server, ada) = with_ada().await;
    let (server, mut ada) = idle(root.path(), server, &ada).await;
    let make = "/api/v1/account/tokens";
    for (scope, days) in [
        (json!(["audit_export"]), 1),
        (json!(["own_factors"]), 1),
        (json!(["audit_read"]), 1),
        (json!(["nonsense"]), 1),
        (json!([]), 1),
        (json!(["data_read"]), 0),
        (json!(["data_read"]), 366),
    ] {
        let form = json!({ "label": "x", "scope": scope, "days": days });
        let said = refused(ada.post(make, form).await, 422, "invalid");
        assert_eq!(said["place"], "scope");
    }
    let (secret, id) = token(&mut ada, &["strategy_read", "backtest_read", "backtest_run"]).await;
    assert!(secret.starts_with("stk_") && secret.len() == 53, "{secret}");
    let list = ada.get(make).await.expect(200).json();
    assert_eq!(list["tokens"][0]["last_used"], Value::Null);
    assert!(!list.to_string().contains(&secret));
    by(&server, &secret, Method::GET, "/api/v1/strategies", None).await.expect(200);
    let list = ada.get(make).await.expect(200).json();
    assert!(list["tokens"][0]["last_used"].is_string(), "{list}");

    // Every route of the table: those that the scope names, and no other.
    let table = routes::table();
    let mut reached = 0;
    for row in table.rows() {
        let Rule::Needs(permission) = row.rule else { continue };
        let path = row.path.replace("{id}", &id).replace("{handle}", &id).replace("{index}", "0");
        let path = path.replace("{name}", "x").replace("{number}", "1");
        let body = (row.method != Method::GET).then(|| json!({}));
        let answer = by(&server, &secret, row.method.clone(), &path, body).await;
        let scope = ["StrategyRead", "BacktestRead", "BacktestRun"];
        if scope.contains(&format!("{permission:?}").as_str()) {
            reached += 1;
            assert!(![401, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
        } else {
            refused(answer, 403, "permission");
        }
    }
    assert!(reached > 20, "{reached}");

    // Whoever names a token is nobody else, whatever cookies come along.
    for line in ["Bearer stk_x", "Bearer", "Basic eDp5", "Bearer  ", "bearer\tx"] {
        let mut asked = request(Method::GET, "/api/v1/strategies", None);
        asked.headers_mut().insert(header::AUTHORIZATION, line.parse().expect("a header"));
        refused(ada.raw(asked).await, 401, "signed-out");
    }
    let mut bent = secret.clone();
    bent.replace_range(10..11, if &secret[10..11] == "a" { "b" } else { "a" });
    let bent = by(&server, &bent, Method::GET, "/api/v1/strategies", None).await;
    refused(bent, 401, "signed-out");

    // Revoked, it ends on its next request, and so does what it holds open.
    let heard = stream(&mut ada, Some(&secret)).await;
    ada.delete(&format!("{make}/{id}")).await.expect(204);
    assert!(!heard.await.expect("joins").contains("event:"));
    let gone = by(&server, &secret, Method::GET, "/api/v1/strategies", None).await;
    refused(gone, 401, "signed-out");
    ada.delete(&format!("{make}/{id}")).await.expect(404);
    server.stop().await.expect("stops");
}

async fn database(root: &Path) -> SqliteConnection {
    let database = format!("sqlite://{}", Paths::new(root).database().display());
    SqliteConnection::connect(&database).await.expect("opens")
}

#[tokio::test]
async fn a_token_that_is_over_or_whose_owner_is_shut_out_opens_nothing() {
    let (root, server, mut ada) = with_ada().await;
    let (secret, _) = token(&mut ada, &["strategy_read"]).await;
    let ask =
        async |server: &Server| by(server, &secret, Method::GET, "/api/v1/strategies", None).await;
    ask(&server).await.expect(200);
    // Its owner hears of the end in its last week, once.
    let soon = now() + SignedDuration::from_hours(24 * 24);
    let accounts = server.app().accounts().clone();
    assert_eq!(accounts.remind_of_tokens(now()).await.expect("looks"), 0);
    assert_eq!(accounts.remind_of_tokens(soon).await.expect("looks"), 1);
    assert_eq!(accounts.remind_of_tokens(soon).await.expect("looks"), 0);
    drop(accounts);
    server.stop().await.expect("stops");
    for (sql, status) in [
        ("UPDATE credentials SET created_us = 0, expires_us = 1", 401),
        ("UPDATE credentials SET expires_us = 9000000000000000", 200),
        ("UPDATE accounts SET standing = 'disabled' WHERE role = 'trader'", 401),
        ("UPDATE accounts SET standing = 'active'", 200),
        ("UPDATE accounts SET role = 'support' WHERE role = 'trader'", 403),
    ] {
        let mut connection = database(root.path()).await;
        sqlx::query(sql).execute(&mut connection).await.expect(sql);
        connection.close().await.expect("closes");
        let server = start(root.path()).await;
        assert_eq!(ask(&server).await.status.as_u16(), status, "{sql}");
        server.stop().await.expect("stops");
    }
}

#[tokio::test]
async fn a_history_is_ones_own_and_provable() {
    let (_root, server, mut ada) = with_ada().await;
    let name = json!({ "display_name": "Ada L." });
    ada.post("/api/v1/account/name", name).await.expect(204);
    assert_eq!(ada.get("/api/v1/session").await.json()["account"]["display_name"], "Ada L.");
    refused(
        ada.post("/api/v1/account/name", json!({ "display_name": "\u{202e}" })).await,
        422,
        "invalid",
    );
    token(&mut ada, &["data_read"]).await;
    let history = ada.get("/api/v1/account/history").await.expect(200).json();
    let entries = history["entries"].as_array().expect("entries");
    let kinds: Vec<&str> = entries.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert!(kinds.starts_with(&["token.made", "account.renamed"]), "{kinds:?}");
    assert!(!kinds.contains(&"server.started"), "{kinds:?}");
    let newest = entries[0]["index"].as_u64().expect("an index");
    let text = ada.get(&format!("/api/v1/account/history/{newest}/receipt")).await.expect(200);
    audit::verify_receipt(&text.text(), &server.app().desk().log_verifier().expect("a key"))
        .expect("proves it");
    // Entry 0 is the server's own; the last one is nobody's.
    for index in ["0", "999999", "x", "-1"] {
        let path = format!("/api/v1/account/history/{index}/receipt");
        refused(ada.get(&path).await, 404, "not-found");
    }
    ada.get("/api/v1/account/history?before=9007199254740992").await.expect(400);
    let page = format!("/api/v1/account/history?before={newest}&limit=1");
    let page = ada.get(&page).await.expect(200).json();
    assert_eq!(page["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["entries"][0]["kind"], "account.renamed");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_export_holds_a_line_of_everything_and_no_secret() {
    let (_root, server, mut ada) = with_ada().await;
    let (secret, _) = token(&mut ada, &["data_read"]).await;
    let strategy = json!({ "name": "mine", "text": STRATEGY });
    ada.post("/api/v1/strategies", strategy).await.expect(201);
    let factor = json!({ "name": "f", "text": "rank(close)", "note": "n" });
    ada.post("/api/v1/factors", factor).await.expect(201);
    ada.post("/api/v1/backtests", json!({ "text": STRATEGY })).await.expect(202);
    let mut other = signed_in(&server).await;
    let answer = ada.post("/api/v1/account/export", json!({})).await.expect(200);
    let disposition = answer.headers[header::CONTENT_DISPOSITION].to_str().expect("text");
    assert_eq!(disposition, "attachment; filename=\"stockade-account.jsonl\"");
    let text = answer.text();
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let part = |name: &str| lines.iter().filter(|line| line["part"] == name).count();
    for name in identity::Belonging::ALL.map(identity::Belonging::as_str) {
        assert!(part(name) > 0, "{name} is missing: {text}");
    }
    assert_eq!((part("sessions"), part("strategies"), part("tokens")), (2, 1, 1));
    assert!(text.contains(ADA) && text.contains("rank(close)") && text.contains("long: close"));
    for secret in
        [secret.as_str(), "$argon2id$"].into_iter().chain(ada.cookies.values().map(String::as_str))
    {
        assert!(!text.contains(secret), "{secret}");
    }
    let history = other.get("/api/v1/account/history").await.expect(200).json();
    assert_eq!(history["entries"][0]["kind"], "account.exported");
    server.stop().await.expect("stops");
}

/// A letter's name, its account, its sealed text, and the account's sealed key.
type Posting = (String, Option<String>, Vec<u8>, Option<Vec<u8>>);

/// The link's value of the newest letter with this path in it.
async fn link_of(root: &Path, path: &str) -> String {
    let keys = KeyFile::open(&Paths::new(root).key_file()).expect("keys");
    let vault = Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex));
    let mut connection = database(root).await;
    let rows: Vec<Posting> = sqlx::query_as(
        "SELECT p.posting_id, p.account_id, p.body_text, k.data_key FROM postings p
         LEFT JOIN data_keys k ON k.account_id = p.account_id
         WHERE p.body_text IS NOT NULL ORDER BY p.since_us DESC",
    )
    .fetch_all(&mut connection)
    .await
    .expect("reads");
    for (id, account, text, key) in rows {
        let account: Option<AccountId> = account.map(|id| id.parse().expect("an account"));
        let own = account.zip(key).map(|(account, key)| {
            vault.of_account(&vault.open_data_key(account, &key).expect("its key"))
        });
        let vault = own.as_ref().unwrap_or(&vault);
        let text = vault.open_letter((account, &id), LetterPart::Text, &text).expect("opens");
        if let Some((_, rest)) = text.expose().split_once(&format!("{path}#")) {
            return rest.split_whitespace().next().expect("a value").to_owned();
        }
    }
    panic!("no letter leads to {path}");
}

#[tokio::test]
async fn an_account_is_erased_after_a_wait_in_which_it_can_be_stopped() {
    let (root, server, mut ada) = with_ada().await;
    ada.post("/api/v1/strategies", json!({ "name": "mine", "text": STRATEGY })).await.expect(201);
    let (erase, stop) = ("/api/v1/account/erasure", "/api/v1/account/erasure/stop");
    refused(ada.post(stop, json!({})).await, 404, "not-found");
    let wrong = json!({ "proof": { "password": "wrong" } });
    refused(ada.post(erase, wrong).await, 401, "credentials");
    let asked = ada.post(erase, json!({ "proof": proof() })).await.expect(200).json();
    assert_eq!(ada.get("/api/v1/account").await.json()["erasure"], asked["due"]);
    let link = link_of(root.path(), "/link/erase-stop").await;
    ada.post(stop, json!({})).await.expect(204);
    let by_link = "/api/v1/account/erasure/stop-by-link";
    let used = json!({ "token": link });
    let mut nobody = Browser::new(&server);
    refused(nobody.post(by_link, used).await, 401, "ticket");
    ada.post(erase, json!({ "proof": proof() })).await.expect(200);
    let link = link_of(root.path(), "/link/erase-stop").await;
    refused(nobody.post(by_link, json!({ "token": "x".repeat(43) })).await, 401, "ticket");
    nobody.post(by_link, json!({ "token": link })).await.expect(204);
    refused(nobody.post(by_link, json!({ "token": link })).await, 401, "ticket");
    // Whoever asked for it had all factors: what is open ends.
    refused(ada.get("/api/v1/account").await, 401, "ended");
    let mut ada = signed_in(&server).await;
    assert_eq!(ada.get("/api/v1/account").await.json()["erasure"], Value::Null);

    let asked = ada.post(erase, json!({ "proof": proof() })).await.expect(200).json();
    let account = ada.get("/api/v1/session").await.json()["account"]["id"].clone();
    let account: AccountId = account.as_str().expect("an id").parse().expect("an account");
    let due = asked["due"].as_str().expect("a time").parse().expect("a time");
    let files = server.app().desk().paths().tenant(account);
    std::fs::create_dir_all(files.join("results")).expect("makes");
    let accounts = server.app().accounts().clone();
    let early = due - SignedDuration::from_secs(1);
    assert_eq!(accounts.carry_erasures(early).await.expect("looks"), 0);
    ada.get("/api/v1/account").await.expect(200);
    assert_eq!(accounts.carry_erasures(due).await.expect("looks"), 1);
    drop(accounts);
    assert_eq!(ada.get("/api/v1/account").await.status, 401);
    let form = json!({ "email": ADA, "password": PASSWORD });
    refused(nobody.post("/api/v1/sign-in", form).await, 401, "credentials");
    assert!(!files.exists());
    server.app().desk().verify_log(&[]).await.expect("the log is whole");

    // The last owner cannot go.
    let root = tempfile::tempdir().expect("a directory");
    let alone = start(root.path()).await;
    let mut owner = Browser::new(&alone);
    let codes = owner.set_up(&alone).await;
    let factor = json!({ "kind": "recovery", "code": codes[0] });
    let form = json!({ "proof": { "password": PASSWORD, "factor": factor } });
    refused(owner.post(erase, form).await, 409, "rule");
    alone.stop().await.expect("stops");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_strange_device_half_a_sign_in_and_a_theft_are_told_of() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let letters = async || {
        let mut connection = database(root.path()).await;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM postings")
            .fetch_one(&mut connection)
            .await
            .expect("counts");
        count
    };
    assert_eq!(letters().await, 0, "the device of the set-up is known");
    owner.sign_in("recovery", &codes[0]).await.expect(200);
    assert_eq!(letters().await, 0);
    let mut strange = Browser::new(&server);
    strange.sign_in("recovery", &codes[1]).await.expect(200);
    assert_eq!(letters().await, 1, "a new device");
    for told in [1, 1, 2, 2] {
        refused(owner.sign_in("recovery", "0-0000-0000-0000-0000").await, 401, "code");
        assert_eq!(letters().await, told);
    }
    // A refresh token that comes back after its successor was used was copied.
    let mut thief = strange.clone();
    let refresh = "/api/v1/session/refresh";
    strange.post(refresh, json!({})).await.expect(204);
    strange.post(refresh, json!({})).await.expect(204);
    refused(thief.post(refresh, json!({})).await, 401, "ended");
    assert_eq!(letters().await, 3);
    refused(strange.post(refresh, json!({})).await, 401, "ended");
    assert_eq!(letters().await, 3, "once");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_published_keys_verify_the_access_token() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut nobody = Browser::new(&server);
    let answer = nobody.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/jwk-set+json");
    let set = answer.json();
    let token = &owner.cookies["__Host-stockade-access"];
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let head = signed.split('.').next().expect("a header");
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let head: Value = serde_json::from_slice(&decoded(head)).expect("JSON");
    let key = set["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == head["kid"]);
    let key = key.expect("it is published");
    let bytes = decoded(key["x"].as_str().expect("a key"));
    let key = seal::VerifyingKey::from_bytes(&bytes).expect("a key");
    key.verify(signed.as_bytes(), &decoded(signature)).expect("verifies");
    server.stop().await.expect("stops");
}
