//! What those may do who run the server, over HTTP: accounts, invitations, acts of two persons.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at the database")]

use crate::browser::{Answer, Browser, request, start};
use crate::people::{New, house_with, open};
use http::Method;
use identity::Role;
use serde_json::{Value, json};
use sqlx::Connection;
use std::path::Path;
use stockade::server::{Row, Server, names, routes};

/// Where the routes of those who run the server begin.
const PLACES: [&str; 4] =
    ["/api/v1/users", "/api/v1/invitations", "/api/v1/proposals", "/api/v1/access-review"];

const STAFF: [New; 5] = [
    New { email: "bob@people.example", role: "admin" },
    New { email: "sue@people.example", role: "support" },
    New { email: "abe@people.example", role: "auditor" },
    New { email: "tom@people.example", role: "trader" },
    New { email: "eve@people.example", role: "viewer" },
];

async fn id(browser: &mut Browser) -> String {
    let session = browser.get("/api/v1/session").await.expect(200).json();
    session["account"]["id"].as_str().expect("an id").to_owned()
}

fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

async fn user(by: &mut Browser, id: &str) -> Value {
    by.get(&format!("/api/v1/users/{id}")).await.expect(200).json()
}

async fn act(by: &mut Browser, id: &str, what: &str) -> Answer {
    by.post(&format!("/api/v1/users/{id}/{what}"), json!({})).await
}

/// Stops a server, executes statements, and starts it again.
async fn meddled(root: &Path, server: Server, statements: &[&'static str]) -> Server {
    server.stop().await.expect("stops");
    let mut connection = open(root).await;
    for statement in statements {
        sqlx::query(*statement).execute(&mut connection).await.expect("writes");
    }
    connection.close().await.expect("closes");
    start(root).await
}

/// Every route of the table, each role: whoever may not is refused before anything is looked at, and
/// whoever may is not refused for their role.
#[tokio::test]
async fn each_role_reaches_what_its_permissions_say_and_nothing_else() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, owner, browsers) = house_with(root.path(), &STAFF).await;
    let table = routes::table();
    let document: Value =
        serde_json::from_str(&table.document().expect("a document")).expect("JSON");
    let (mut refused, mut reached) = (0, 0);
    let roles = STAFF.iter().map(|new| new.role.parse::<Role>().expect("a role"));
    let all = std::iter::once((Role::Owner, owner)).chain(roles.zip(browsers));
    for (role, mut browser) in all {
        for row in table.rows().iter().filter(|row| row.rule.permission().is_some()) {
            let ours = PLACES.iter().any(|place| row.path.starts_with(place));
            // What others' routes would do is for their own tests.
            if row.rule.allows(role) && row.method != Method::GET && !ours {
                continue;
            }
            let path = filled(row.path);
            let body = (row.method != Method::GET).then(|| example(&document, row));
            let answer = browser.raw(request(row.method.clone(), &path, body)).await;
            let is_refused = answer.status == 403 && answer.json()["code"] == "permission";
            let place = format!("{role} {} {path}: {}", row.method, answer.text());
            assert_eq!(is_refused, !row.rule.allows(role), "{place}");
            *(if is_refused { &mut refused } else { &mut reached }) += 1;
        }
    }
    assert!(refused > 100 && reached > 100, "{refused} {reached}");
    server.stop().await.expect("stops");
}

/// A path that can be asked for and names nothing.
fn filled(path: &str) -> String {
    let id = "01890000-0000-7000-8000-000000000000";
    let parts = path.split('/').map(|part| match part {
        "{name}" => "x",
        "{index}" | "{number}" => "0",
        part if part.starts_with('{') => id,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The body of a row as the document shows it.
fn example(document: &Value, row: &Row) -> Value {
    let verb = row.method.as_str().to_ascii_lowercase();
    let content = &document["paths"][row.path][&verb]["requestBody"]["content"];
    let schema = &content["application/json"]["schema"];
    match row.takes {
        Some(_) => names::example("", schema, &document["components"]["schemas"]),
        None => json!({}),
    }
}

#[tokio::test]
async fn accounts_are_found_by_their_whole_address_their_role_and_page_by_page() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, mut browsers) = house_with(root.path(), &STAFF).await;
    let mut found = async |query: &str| {
        let page = owner.get(&format!("/api/v1/users?{query}")).await.expect(200).json();
        let users = page["users"].as_array().expect("users").clone();
        let emails = users.iter().map(|user| user["email"].as_str().expect("opens").to_owned());
        (emails.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(found("email=TOM@people.example").await.0, ["tom@people.example"]);
    assert_eq!(found("email=om@people.example").await.0, Vec::<String>::new(), "a part of one");
    assert_eq!(found("role=auditor").await.0, ["abe@people.example"]);
    assert_eq!(found("standing=disabled").await.0, Vec::<String>::new());
    let (mut seen, mut next) = found("limit=4").await;
    assert_eq!(seen.len(), 4);
    while let Some(before) = next {
        let (more, on) = found(&format!("limit=4&before={before}")).await;
        seen.extend(more);
        next = on;
    }
    seen.sort();
    assert_eq!(seen.len(), 6, "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 6, "each once");
    refused(owner.get("/api/v1/users?email=nobody").await, 422, "invalid");
    refused(owner.get("/api/v1/users?role=king").await, 422, "invalid");
    refused(owner.get("/api/v1/users?standing=no").await, 422, "invalid");
    let tom = id(&mut browsers[3]).await;
    for other in [tom.to_uppercase(), tom.replace('-', ""), format!("{tom}%20"), "x".to_owned()] {
        refused(owner.get(&format!("/api/v1/users/{other}")).await, 404, "not-found");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn nobody_sets_anothers_password_or_sees_a_secret() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, _) = house_with(root.path(), &STAFF).await;
    let mut admin = owner.clone();
    let own = id(&mut owner).await;
    let shown = admin.get(&format!("/api/v1/users/{own}")).await.expect(200);
    let (text, secret) = (shown.text(), owner.secret.clone());
    for word in ["argon2", "hash", "secret", "phc", &secret, "cookie", "stk_", "address\""] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let view = shown.json();
    let holds = (&view["password"], &view["totp"], &view["sessions"], &view["passkeys"]);
    assert_eq!(holds, (&json!(true), &json!(true), &json!(1), &json!(0)), "{view}");
    let left = view["recovery_codes"].as_u64().expect("a number");
    assert_eq!(left, 5, "five of ten were used to sign the others in");
    for (path, body) in [
        ("role", json!({ "role": "viewer", "password": "chosen by another" })),
        ("role", json!({ "role": "viewer", "password_hash": "$argon2id$" })),
    ] {
        let answer = owner.post(&format!("/api/v1/users/{own}/{path}"), body).await;
        assert_eq!(
            refused(answer, 422, "invalid")["pointer"].as_str().map(|p| &p[..5]),
            Some("/pass")
        );
    }
    let body = json!({ "password": "chosen by another" });
    let answer = owner.post(&format!("/api/v1/users/{own}/reset"), body).await;
    refused(answer, 400, "no-body");
    // No route takes a password together with somebody's account.
    for row in routes::table().rows().iter().filter(|row| row.path.contains("/users/{id}")) {
        assert!(row.takes.as_deref().is_none_or(|takes| takes == "RoleForm"), "{}", row.path);
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_one_person_decides_acts_on_the_next_request_and_is_told() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, mut browsers) = house_with(root.path(), &STAFF).await;
    let (tom, eve) = (id(&mut browsers[3]).await, id(&mut browsers[4]).await);
    let [bob, _, _, tom_there, eve_there] = &mut browsers[..] else { panic!("five") };

    // An administrator grants no roles; an owner gives those that decide nothing about others.
    refused(
        bob.post(&format!("/api/v1/users/{eve}/role"), json!({ "role": "trader" })).await,
        403,
        "permission",
    );
    owner.post(&format!("/api/v1/users/{eve}/role"), json!({ "role": "trader" })).await.expect(204);
    refused(eve_there.get("/api/v1/sessions").await, 401, "ended");
    assert_eq!(user(&mut owner, &eve).await["user"]["role"], "trader");
    refused(
        owner.post(&format!("/api/v1/users/{eve}/role"), json!({ "role": "trader" })).await,
        409,
        "rule",
    );
    refused(
        owner.post(&format!("/api/v1/users/{eve}/role"), json!({ "role": "admin" })).await,
        409,
        "second-person",
    );

    assert_eq!(user(bob, &tom).await["sessions"], 1);
    act(bob, &tom, "reset").await.expect(204);
    refused(tom_there.get("/api/v1/sessions").await, 401, "ended");
    let view = user(bob, &tom).await;
    assert_eq!(view["sessions"], 0, "{view}");
    act(bob, &tom, "end-sessions").await.expect(204);
    act(bob, &tom, "disable").await.expect(204);
    assert_eq!(user(bob, &tom).await["user"]["standing"], "disabled");
    refused(act(bob, &tom, "disable").await, 409, "rule");
    refused(act(bob, &tom, "end-sessions").await, 409, "rule");
    act(bob, &tom, "enable").await.expect(204);

    // Nobody to themselves, no administrator to an owner.
    let (own, bobs) = (id(&mut owner).await, id(bob).await);
    for what in ["disable", "reset", "end-sessions"] {
        refused(act(bob, &bobs, what).await, 409, "rule");
        refused(act(bob, &own, what).await, 409, "rule");
        refused(act(bob, "01890000-0000-7000-8000-000000000000", what).await, 404, "not-found");
    }
    // Each is a leaf that names who acted on whom.
    for kind in [
        "account.role_changed",
        "account.reset_begun",
        "account.sessions_ended",
        "account.disabled",
        "account.enabled",
    ] {
        let log = owner.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
        let entry = &log["entries"][0];
        let by = if kind == "account.role_changed" { &own } else { &bobs };
        assert_eq!(entry["actor"].as_str(), Some(by.as_str()), "{kind}: {log}");
    }
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    let letters: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM postings WHERE account_id = $1")
        .bind(&tom)
        .fetch_one(&mut connection)
        .await
        .expect("counts");
    assert_eq!(letters, 2, "the reset and the ended sessions are told by mail");
    let links: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM links")
        .fetch_one(&mut connection)
        .await
        .expect("counts");
    assert_eq!(links, 0, "what another begins has no link that opens anything");
    connection.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_remove_each_other_at_once_one_stays() {
    let root = tempfile::tempdir().expect("a directory");
    let emails = ["a1", "b1", "a2", "b2"];
    let emails = emails.map(|name| -> &'static str { format!("{name}@people.example").leak() });
    let admins = emails.map(|email| New { email, role: "admin" });
    let (server, mut owner, mut browsers) = house_with(root.path(), &admins).await;
    for pair in browsers.chunks_mut(2) {
        let [one, other] = pair else { panic!("pairs") };
        let ids = [id(one).await, id(other).await];
        let answers = tokio::join!(act(one, &ids[1], "disable"), act(other, &ids[0], "disable"));
        let statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        let done = statuses.iter().filter(|status| **status == 204).count();
        assert_eq!(done, 1, "{statuses:?}: {} {}", answers.0.text(), answers.1.text());
        let mut standings = Vec::new();
        for id in &ids {
            standings.push(user(&mut owner, id).await["user"]["standing"].clone());
        }
        standings.sort_by_key(ToString::to_string);
        assert_eq!(standings, [json!("active"), json!("disabled")]);
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn invitations_go_out_once_and_are_taken_back() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _, mut browsers) = house_with(root.path(), &STAFF).await;
    let [bob, sue, ..] = &mut browsers[..] else { panic!("five") };
    let form = |email: &str, role: &str| json!({ "email": email, "role": role });
    let list = async |by: &mut Browser| {
        by.get("/api/v1/invitations").await.expect(200).json()["invitations"].clone()
    };
    bob.post("/api/v1/invitations", form("new@people.example", "trader")).await.expect(201);
    let first = list(bob).await[0]["id"].as_str().expect("an id").to_owned();
    bob.post("/api/v1/invitations", form("new@people.example", "viewer")).await.expect(201);
    let out = list(sue).await;
    assert_eq!(out.as_array().map(Vec::len), Some(1), "the newest replaces the one before: {out}");
    assert_eq!(
        (&out[0]["email"], &out[0]["role"]),
        (&json!("new@people.example"), &json!("viewer"))
    );
    assert_eq!(out[0]["by"]["email"], "bob@people.example");
    refused(
        bob.post("/api/v1/invitations", form("x@people.example", "admin")).await,
        409,
        "second-person",
    );
    refused(
        bob.post("/api/v1/invitations", form("tom@people.example", "trader")).await,
        409,
        "has-account",
    );
    refused(bob.post("/api/v1/invitations", form("nobody", "trader")).await, 422, "invalid");
    refused(
        sue.post("/api/v1/invitations", form("y@people.example", "trader")).await,
        403,
        "permission",
    );
    refused(bob.delete(&format!("/api/v1/invitations/{first}")).await, 404, "not-found");
    let now = out[0]["id"].as_str().expect("an id");
    refused(
        bob.delete(&format!("/api/v1/invitations/{}", now.to_uppercase())).await,
        404,
        "not-found",
    );
    bob.delete(&format!("/api/v1/invitations/{now}")).await.expect(204);
    refused(bob.delete(&format!("/api/v1/invitations/{now}")).await, 404, "not-found");
    assert_eq!(list(bob).await, json!([]));
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    let letters: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM postings WHERE account_id IS NULL")
        .fetch_one(&mut connection)
        .await
        .expect("counts");
    assert_eq!(letters, 2, "each invitation has its letter");
    connection.close().await.expect("closes");
}

/// Proposes and says what came of it.
async fn propose(by: &mut Browser, act: &str, account: &str, role: Option<&str>) -> String {
    let mut form = json!({ "act": act, "account": account });
    if let Some(role) = role {
        form["role"] = json!(role);
    }
    let made = by.post("/api/v1/proposals", form).await.expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn step(by: &mut Browser, proposal: &str, what: &str) -> Answer {
    by.post(&format!("/api/v1/proposals/{proposal}/{what}"), json!({})).await
}

#[tokio::test]
async fn one_proposes_another_approves_the_first_carries_it_out() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, mut browsers) = house_with(root.path(), &STAFF).await;
    let tom = id(&mut browsers[3]).await;
    let own = id(&mut owner).await;
    let [bob, sue, _, tom_there, _] = &mut browsers[..] else { panic!("five") };
    let form = json!({ "act": "set_role", "account": tom, "role": "admin" });
    refused(bob.post("/api/v1/proposals", form).await, 403, "permission");
    let made = propose(&mut owner, "set_role", &tom, Some("admin")).await;
    let open = sue.get("/api/v1/proposals").await.expect(200).json()["proposals"].clone();
    assert_eq!(open[0]["account"]["email"], "tom@people.example", "{open}");
    let shown = (&open[0]["role"], &open[0]["mine"], &open[0]["not_before"]);
    assert_eq!(shown, (&json!("admin"), &json!(false), &json!(null)));

    refused(step(&mut owner, &made, "approve").await, 409, "rule");
    refused(step(&mut owner, &made, "carry").await, 409, "second-person");
    refused(step(sue, &made, "approve").await, 403, "permission");
    refused(step(tom_there, &made, "approve").await, 403, "permission");
    step(bob, &made, "approve").await.expect(204);
    refused(step(bob, &made, "approve").await, 409, "rule");
    refused(step(bob, &made, "carry").await, 403, "permission");
    assert_eq!(user(&mut owner, &tom).await["user"]["role"], "trader", "not before it is carried");
    step(&mut owner, &made, "carry").await.expect(204);
    assert_eq!(user(&mut owner, &tom).await["user"]["role"], "admin");
    refused(tom_there.get("/api/v1/sessions").await, 401, "ended");
    refused(step(&mut owner, &made, "carry").await, 409, "rule");
    let gone = sue.get("/api/v1/proposals").await.expect(200).json();
    assert_eq!(gone["proposals"], json!([]));

    // A refusal ends it; what is so already is not proposed; oneself neither.
    let other = propose(&mut owner, "disable", &tom, None).await;
    step(bob, &other, "cancel").await.expect(204);
    refused(step(bob, &other, "approve").await, 409, "rule");
    for (body, status, code) in [
        (json!({ "act": "set_role", "account": tom, "role": "admin" }), 409, "rule"),
        (json!({ "act": "disable", "account": own }), 409, "rule"),
        (json!({ "act": "set_role", "account": tom }), 422, "invalid"),
        (json!({ "act": "disable", "account": tom, "role": "viewer" }), 422, "invalid"),
        (
            json!({ "act": "disable", "account": "01890000-0000-7000-8000-000000000000" }),
            404,
            "not-found",
        ),
        (json!({ "act": "root_key", "account": tom }), 422, "invalid"),
    ] {
        refused(owner.post("/api/v1/proposals", body).await, status, code);
    }
    refused(
        step(&mut owner, "01890000-0000-7000-8000-000000000000", "carry").await,
        404,
        "not-found",
    );
    let log = owner.get(&format!("/api/v1/audit?account={tom}&kind=account.role_changed")).await;
    assert_eq!(log.expect(200).json()["entries"].as_array().map(Vec::len), Some(1));
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_approval_counts_only_while_both_are_who_they_were() {
    let root = tempfile::tempdir().expect("a directory");
    let people = [
        New { email: "bob@people.example", role: "admin" },
        New { email: "joe@people.example", role: "admin" },
        New { email: "ann@people.example", role: "owner" },
        New { email: "tom@people.example", role: "trader" },
    ];
    let (server, mut owner, mut browsers) = house_with(root.path(), &people).await;
    let own = id(&mut owner).await;
    let [bob, joe, ann, tom] = &mut browsers[..] else { panic!("four") };
    let (bobs, anns, toms) = (id(bob).await, id(ann).await, id(tom).await);

    // The one who approved is gone when it is carried.
    let made = propose(&mut owner, "set_role", &toms, Some("admin")).await;
    step(bob, &made, "approve").await.expect(204);
    act(joe, &bobs, "disable").await.expect(204);
    refused(step(&mut owner, &made, "carry").await, 409, "second-person");
    assert_eq!(user(&mut owner, &toms).await["user"]["role"], "trader");

    // Who proposed is none of them any more: another owner had them demoted in between.
    let made = propose(ann, "set_role", &toms, Some("admin")).await;
    step(joe, &made, "approve").await.expect(204);
    let demotion = propose(&mut owner, "set_role", &anns, Some("viewer")).await;
    step(joe, &demotion, "approve").await.expect(204);
    step(&mut owner, &demotion, "carry").await.expect(204);
    refused(step(ann, &made, "carry").await, 401, "ended");
    refused(step(&mut owner, &made, "carry").await, 409, "rule");
    assert_eq!(user(&mut owner, &toms).await["user"]["role"], "trader");
    // The last owner stays, whoever decides.
    let joes = id(joe).await;
    let last = propose(joe, "disable", &own, None).await;
    refused(step(joe, &last, "carry").await, 409, "rule");
    assert_ne!(joes, own);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_sole_administrator_waits_a_day() {
    let root = tempfile::tempdir().expect("a directory");
    let people = [New { email: "tom@people.example", role: "trader" }];
    let (server, mut owner, mut browsers) = house_with(root.path(), &people).await;
    let tom = id(&mut browsers[0]).await;
    let stopped = propose(&mut owner, "set_role", &tom, Some("admin")).await;
    let open = owner.get("/api/v1/proposals").await.expect(200).json();
    assert!(open["proposals"][0]["not_before"].is_string(), "{open}");
    refused(step(&mut owner, &stopped, "carry").await, 409, "rule");
    step(&mut owner, &stopped, "cancel").await.expect(204);
    let made = propose(&mut owner, "set_role", &tom, Some("admin")).await;
    let day = ["UPDATE proposals SET proposed_us = proposed_us - 86400000001,
         not_before_us = not_before_us - 86400000001"];
    let server = meddled(root.path(), server, &day).await;
    let mut owner = owner.moved(&server);
    step(&mut owner, &made, "carry").await.expect(204);
    assert_eq!(user(&mut owner, &tom).await["user"]["role"], "admin");

    // What nobody decides in time runs out by itself.
    let late = propose(&mut owner, "disable", &tom, None).await;
    let over = ["UPDATE proposals SET proposed_us = proposed_us - 900000000000,
         not_before_us = not_before_us - 900000000000, expires_us = expires_us - 900000000000"];
    let server = meddled(root.path(), server, &over).await;
    let mut owner = owner.moved(&server);
    assert_eq!(owner.get("/api/v1/proposals").await.expect(200).json()["proposals"], json!([]));
    server.app().accounts().tend().await;
    let log = owner.get("/api/v1/audit?kind=act.expired").await.expect(200).json();
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(1), "{log}");
    refused(step(&mut owner, &late, "carry").await, 409, "rule");
    server.stop().await.expect("stops");
}
