//! Each role at each route, over HTTP: who may not is told so, and nobody else is.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::{Browser, PASSWORD, request, start};
use crate::people::{New, open, server_with, with_password};
use http::Method;
use identity::Role;
use serde_json::json;
use sqlx::Connection;
use std::collections::BTreeSet;
use stockade::server::{Rule, routes};

const EVERYBODY: [New; 6] = [
    New { email: "owner@people.example", role: "owner" },
    New { email: "admin@people.example", role: "admin" },
    New { email: "support@people.example", role: "support" },
    New { email: "auditor@people.example", role: "auditor" },
    New { email: "trader@people.example", role: "trader" },
    New { email: "viewer@people.example", role: "viewer" },
];

#[tokio::test]
async fn each_role_gets_through_where_its_row_says_and_nowhere_else() {
    let (mut let_in, mut kept_out) = (0, 0);
    // New browsers of one account are slowed after a few: two servers.
    for people in EVERYBODY.chunks(3) {
        let (some, others) = walk(people).await;
        let_in += some;
        kept_out += others;
    }
    assert!(let_in > 100 && kept_out > 60, "{let_in} and {kept_out}");
}

/// How often they were let in and kept out.
async fn walk(people: &[New]) -> (usize, usize) {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browsers) = server_with(root.path(), people).await;
    let (mut let_in, mut kept_out) = (0, 0);
    for (new, browser) in people.iter().zip(&mut browsers) {
        let role: Role = new.role.parse().expect("a role");
        let me = browser.get("/api/v1/session").await.expect(200).json();
        assert_eq!(me["account"]["role"], new.role);
        for row in routes::table().rows() {
            if matches!(row.rule, Rule::Open(_)) {
                continue;
            }
            // Ids that nobody has: the role is judged before what is asked for is looked for.
            let path = row
                .path
                .replace("{id}", "01890000-0000-7000-8000-000000000000")
                .replace(['{', '}'], "");
            let body = (row.method != Method::GET).then(|| json!({}));
            let answer = browser.raw(request(row.method.clone(), &path, body)).await;
            let what = format!("{} at {} {path}: {}", new.role, row.method, answer.text());
            if row.rule.allows(role) {
                let_in += 1;
                // A route may refuse what it was given; its door lets the role in.
                let code = if answer.status.is_client_error() { answer.json() } else { json!({}) };
                let door = ["signed-out", "ended", "permission", "stale", "mfa_required"];
                assert!(!door.iter().any(|one| code["code"] == *one), "{what}");
                assert!(!answer.status.is_server_error(), "{what}");
            } else {
                kept_out += 1;
                assert_eq!(answer.status, 403, "{what}");
                assert_eq!(answer.json()["code"], "permission", "{what}");
            }
        }
    }
    server.stop().await.expect("stops");
    (let_in, kept_out)
}

/// Roles that run the server, and who proves by a password alone that they have one. No route makes
/// such an account; a database of before, or a hand in it, does.
const STAFF: [New; 4] = [
    New { email: "second@people.example", role: "owner" },
    New { email: "admin@people.example", role: "admin" },
    New { email: "support@people.example", role: "support" },
    New { email: "auditor@people.example", role: "auditor" },
];

/// What such a session may do: enrol a factor, look at its sessions, and leave.
const OWN: [&str; 2] = ["OwnSessions", "OwnFactors"];

#[tokio::test]
async fn staff_with_a_password_alone_reach_no_route_of_administration() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    Browser::new(&server).set_up(&server).await;
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    for new in STAFF {
        with_password(root.path(), &mut connection, new.email, new.role).await;
    }
    // A trader with a password alone works: it is the role that asks for more.
    with_password(root.path(), &mut connection, "trader@people.example", "trader").await;
    connection.close().await.expect("closes");
    let server = start(root.path()).await;
    let (mut kept_out, mut let_in) = (BTreeSet::new(), BTreeSet::new());
    for new in STAFF {
        let role: Role = new.role.parse().expect("a role");
        let mut browser = signed_in(&server, new.email).await;
        for row in routes::table().rows() {
            let Some(permission) = row.rule.permission().filter(|_| row.rule.allows(role)) else {
                continue;
            };
            let path = row
                .path
                .replace("{id}", "01890000-0000-7000-8000-000000000000")
                .replace(['{', '}'], "");
            let body = (row.method != Method::GET).then(|| json!({}));
            let answer = browser.raw(request(row.method.clone(), &path, body)).await;
            let what = format!("{role} at {} {path}: {}", row.method, answer.text());
            let name = format!("{permission:?}");
            let refused = answer.status == 403 && answer.json()["code"] == "mfa_required";
            assert_eq!(refused, !OWN.contains(&name.as_str()), "{what}");
            if refused { &mut kept_out } else { &mut let_in }.insert((row.path, name));
            // Ending one's own session is among what it may: it comes back.
            if !browser.cookies.contains_key("__Host-stockade-access") {
                browser = signed_in(&server, new.email).await;
            }
        }
    }
    let asked: BTreeSet<&str> = kept_out.iter().map(|(_, name)| name.as_str()).collect();
    for name in ["AccountRead", "AccountManage", "RoleGrant", "ActDecide", "AuditExport"] {
        assert!(asked.contains(name), "{name} of {asked:?}");
    }
    assert!(kept_out.len() > 30 && !let_in.is_empty(), "{kept_out:?} {let_in:?}");
    signed_in(&server, "trader@people.example").await.get("/api/v1/strategies").await.expect(200);
    server.stop().await.expect("stops");
}

/// Somebody's browser after a sign-in with what they have: the password.
async fn signed_in(server: &stockade::server::Server, email: &str) -> Browser {
    let mut browser = Browser::new(server);
    let form = json!({ "email": email, "password": PASSWORD });
    let opened = browser.post("/api/v1/sign-in", form).await.expect(200).json();
    assert!(browser.cookies.contains_key("__Host-stockade-access"), "{opened}");
    browser
}

#[tokio::test]
async fn a_password_opens_years_later_and_nothing_hints_at_it() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    Browser::new(&server).set_up(&server).await;
    server.stop().await.expect("stops");
    let mut connection = open(root.path()).await;
    with_password(root.path(), &mut connection, "old@people.example", "trader").await;
    // Twenty years: what a rule of ninety days, or of a year, would look at.
    let mut aged = 0;
    let columns = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table'";
    let columns: Vec<(String, String)> =
        sqlx::query_as(columns).fetch_all(&mut connection).await.expect("reads");
    for (table, column) in &columns {
        for word in HINTS {
            assert!(!column.contains(word), "{table}.{column}");
        }
        if ["accounts", "passwords"].contains(&table.as_str()) && column.ends_with("_us") {
            let age = format!("UPDATE {table} SET {column} = {column} - 631152000000000");
            let done = sqlx::query(sqlx::AssertSqlSafe(age)).execute(&mut connection).await;
            aged += done.expect("ages").rows_affected();
        }
    }
    assert!(aged >= 2 && columns.len() > 50, "{aged} rows, {} columns", columns.len());
    connection.close().await.expect("closes");
    let server = start(root.path()).await;
    let mut old = signed_in(&server, "old@people.example").await;
    old.get("/api/v1/strategies").await.expect(200);
    server.stop().await.expect("stops");
    // No body has a field for a hint, and no answer one.
    let document = routes::table().document().expect("a document");
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let fields = schemas.values().filter_map(|schema| schema["properties"].as_object());
    let fields: Vec<&String> = fields.flat_map(|fields| fields.keys()).collect();
    assert!(fields.len() > 200 && fields.iter().any(|name| *name == "password"));
    for (field, word) in fields.iter().flat_map(|field| HINTS.map(|word| (field, word))) {
        assert!(!field.contains(word), "{field}");
    }
}

/// What a hint or a secret question would be called.
const HINTS: [&str; 6] =
    ["hint", "question", "reminder_text", "maiden", "memorable", "security_answer"];
