//! Keys of vendors over the API: put in by who may, told of by fingerprint, and found nowhere afterwards.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the test runs the program, and reads its files"
)]

use crate::asked::Asker;
use crate::browser::{Browser, import};
use crate::house::{House, told};
use crate::people::{New, house_with};
use crate::process::{count, files};
use crate::things::{asker, filled, own_something_of_everything};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stockade::{
    desk::Paths,
    server::{self, Cost, Rule, Table, Words, routes},
};

const CANARY: &str = "canary-vendor-9d31f0a7c2e84b65";
const KEYS: &str = "/api/v1/vendor-keys";

fn path(vendor: &str) -> String {
    format!("{KEYS}/{vendor}")
}

#[tokio::test]
async fn a_vendors_key_goes_in_by_who_may_and_is_told_of_by_fingerprint() {
    let root = tempfile::tempdir().expect("a directory");
    let people = [
        New { email: "adm@people.example", role: "admin" },
        New { email: "aud@people.example", role: "auditor" },
        New { email: "tra@people.example", role: "trader" },
    ];
    let (server, mut owner, mut others) = house_with(root.path(), &people).await;
    let form = || json!({ "key": format!(" {CANARY}\n") });
    let row = owner.put(&path("polygon"), form()).await.expect(200).json();
    let fingerprint = row["fingerprint"].as_str().expect("text").to_owned();
    assert_eq!((fingerprint.len(), &row["vendor"]), (16, &json!("polygon")));
    assert_eq!(row["by"]["email"], "ada@example.org");
    let first = row["created"].clone();
    let again = owner.put(&path("polygon"), form()).await.expect(200).json();
    assert_eq!((&again["created"], &again["fingerprint"]), (&first, &row["fingerprint"]));
    let admin = &mut others[0];
    let other = admin.put(&path("polygon"), json!({ "key": "another" })).await.expect(200).json();
    assert_ne!(other["fingerprint"], row["fingerprint"]);
    assert_eq!(other["by"]["email"], "adm@people.example");
    let listed = admin.get(KEYS).await.expect(200).json();
    assert_eq!(listed["keys"], json!([other]));
    for other in &mut others[1..] {
        other.get(KEYS).await.expect(403);
        other.put(&path("polygon"), form()).await.expect(403);
        other.delete(&path("polygon")).await.expect(403);
    }
    Browser::new(&server).get(KEYS).await.expect(401);
    owner.delete(&path("polygon")).await.expect(204);
    owner.delete(&path("polygon")).await.expect(404);
    assert_eq!(owner.get(KEYS).await.expect(200).json(), json!({ "keys": [] }));
    // A leaf for each change, and none for what changed nothing.
    let log = owner.get("/api/v1/audit?limit=50").await.expect(200).json();
    let kinds = log["entries"].as_array().expect("entries").iter();
    let kinds: Vec<&str> = kinds.map(|one| one["kind"].as_str().expect("text")).collect();
    let of = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!((of("secret.kept"), of("secret.removed")), (2, 1), "{kinds:?}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_vendors_key_asks_for_a_fresh_proof_and_a_plain_name() {
    let root = tempfile::tempdir().expect("a directory");
    let row = routes::table();
    let row = row.rows().iter().find(|row| row.method == Method::PUT && row.path.starts_with(KEYS));
    let rule = row.expect("a row").rule;
    assert_eq!(rule.level(), Some(identity::Level::Dangerous));
    assert!(!rule.suits_tokens());
    let server = crate::browser::start(root.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    for name in ["Polygon", "a.b", "-a", "%2e%2e", &"a".repeat(33)] {
        let refused = owner.put(&path(name), json!({ "key": CANARY })).await;
        assert!(matches!(refused.status.as_u16(), 404 | 422), "{name}: {}", refused.text());
    }
    // What is published is no secret: if it were kept as one, no answer could hold it any more.
    for public in ["/log/witness", "/log/key", "/.well-known/stockade/posture-key"] {
        let key = owner.get(public).await.expect(200).text();
        for part in [key.trim(), &key.trim()[key.trim().len() - 16..]] {
            owner.put(&path("x"), json!({ "key": part })).await.expect(422);
        }
        owner.get(public).await.expect(200);
    }
    for form in [
        json!({ "key": "" }),
        json!({ "key": " \n" }),
        json!({ "key": "two\nlines" }),
        json!({ "key": "x".repeat(4097) }),
        json!({ "key": [CANARY] }),
        json!({ "key": CANARY, "more": 1 }),
        json!({ "kee": CANARY }),
        json!(CANARY),
        json!([CANARY]),
    ] {
        let refused = owner.put(&path("x"), form).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
        assert!(!refused.text().contains(CANARY), "{}", refused.text());
    }
    assert!(!Paths::new(root.path()).secrets().exists());
    server.stop().await.expect("stops");
}

/// An example body of a row, as its document gives it.
fn example(document: &Value, row: &server::Row) -> Option<Value> {
    let verb = row.method.as_str().to_ascii_lowercase();
    let content = &document["paths"][row.path.replace("{*", "{")][verb]["requestBody"]["content"];
    let given = content["application/json"]["example"].clone();
    // The key that is looked for stays sealed.
    let given = if row.path.starts_with(KEYS) { json!({ "key": CANARY }) } else { given };
    let given = if given.is_null() { json!({}) } else { given };
    (row.method != Method::GET).then_some(given)
}

/// S42: with a key sealed, every route of the table is asked, by who owns the server.
#[tokio::test]
async fn no_answer_of_any_route_holds_a_vendors_key() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, _) = house_with(root.path(), &[]).await;
    import(root.path(), 300).await;
    owner.put(&path("polygon"), json!({ "key": CANARY })).await.expect(200);
    let service = server::router(server.app());
    let owner = asker(&service, &owner);
    let things = own_something_of_everything(&owner).await;
    let table = routes::table();
    let document: Value =
        serde_json::from_str(&table.document().expect("a document")).expect("JSON");
    let mut rows: Vec<&server::Row> = table.rows().iter().collect();
    // What takes something away comes last, and what ends the session is not asked for.
    let order = ["GET", "POST", "PUT", "DELETE"];
    rows.sort_by_key(|row| order.iter().position(|one| *one == row.method.as_str()));
    let mut asked = 0;
    for row in rows {
        let ends = row.path == "/api/v1/sign-out" || row.path.starts_with("/api/v1/sessions");
        if ends && row.method != Method::GET {
            continue;
        }
        let ids = things.id(row.path).into_iter().chain(["polygon", "made-up", "1"]);
        for id in ids {
            let seen =
                owner.ask(row.method.clone(), &filled(row, id), example(&document, row)).await;
            let what = format!("{} {}", row.method, row.path);
            assert!(!seen.text().contains(CANARY), "{what} holds the key");
            let headers = format!("{:?}", seen.headers);
            assert!(!headers.contains(CANARY), "{what} holds the key in a header");
            asked += 1;
            if !row.path.contains('{') {
                break;
            }
        }
    }
    assert!(asked > 150, "{asked}");
    server.stop().await.expect("stops");
}

/// Routes that say a secret, as none of ours may.
fn careless() -> Table {
    let open = Rule::Open("a test");
    let words = || Words::new(Cost::Light, "says a secret");
    routes::table()
        .get("/careless/json", open, words(), async || axum::Json(json!({ "key": CANARY })))
        .get("/careless/text", open, words(), async || format!("it is {CANARY}, is it not"))
        .get("/careless/innocent", open, words(), async || "it is not said")
}

#[tokio::test]
async fn an_answer_that_would_say_a_secret_is_not_sent() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, _) = house_with(root.path(), &[]).await;
    let service = server::service(server.app(), careless());
    let nobody = Asker::of(service, String::new());
    let ask = async |path: &str| nobody.ask(Method::GET, path, None).await;
    // The twin: before the server has such a secret, these words are words.
    for path in ["/careless/json", "/careless/text"] {
        assert!(ask(path).await.text().contains(CANARY), "{path}");
    }
    owner.put(&path("polygon"), json!({ "key": CANARY })).await.expect(200);
    for path in ["/careless/json", "/careless/text"] {
        let seen = ask(path).await;
        assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(!seen.text().contains(CANARY), "{path}");
    }
    assert_eq!(ask("/careless/innocent").await.text(), "it is not said");
    owner.delete(&path("polygon")).await.expect(204);
    assert!(ask("/careless/text").await.text().contains(CANARY));
    server.stop().await.expect("stops");
}

/// S24, M40: what is backed up and brought back holds no key in plain text, and the key works there.
#[test]
fn a_backup_that_was_opened_holds_no_key_in_plain_text() {
    let house = House::new();
    house.furnish();
    let mut put = house.command(&["secrets", "put", "vendor.polygon"]);
    let file = house.at("typed");
    std::fs::write(&file, CANARY).expect("writes");
    put.stdin(std::fs::File::open(&file).expect("opens"));
    let said = put.output().expect("runs");
    assert!(said.status.success(), "{}", told(&said));
    std::fs::remove_file(&file).expect("removes");
    let fingerprint = house.json(&["secrets", "list"])[0]["fingerprint"].clone();
    house.json(&["backup", "now"]);
    let into = house.at("restored");
    let said = house.restore(&into).output().expect("runs");
    assert!(said.status.success(), "{}", told(&said));
    assert!(into.join("stockade.secrets").exists());
    for path in files(house.directory.path()) {
        let bytes = std::fs::read(&path).expect("reads");
        assert_eq!(count(&bytes, CANARY.as_bytes()), 0, "{}", path.display());
        assert_eq!(count(&bytes, hex::encode(CANARY).as_bytes()), 0, "{}", path.display());
    }
    // It came back whole: the same key has the same fingerprint there.
    let mut list = std::process::Command::new(crate::house::STOCKADE);
    list.arg("--data-dir").arg(&into).args(["secrets", "list", "--json"]).env_clear();
    let said = list.output().expect("runs");
    let listed: Value =
        serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{}", told(&said)));
    assert_eq!(listed[0]["fingerprint"], fingerprint);
}
