//! What a payment processor tells a real server: believed by its signature, kept once with its entry, and told to
//! nobody else.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs the program, and reads its files"
)]

use crate::browser::{Answer, Browser, options, request, start};
use crate::process::{Program, count, files};
use audit::verify_receipt;
use aws_lc_rs::hmac;
use http::{HeaderName, Method, Request};
use http_body_util::Full;
use hyper::body::Bytes;
use rustix::process::Signal;
use seal::Secret;
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use stockade::{
    desk::{BY_HOST, NOTICE_SECRET, now, open_for_reading, reconcile},
    server::{Options, Rates, Server},
};

const SECRET: &str = "canary-ipn-5d0b72c9e1a64f38";
const PATH: &str = "/v1/payments/nowpayments";
const LIST: &str = "/api/v1/payments/notices";
/// To whom money is sent.
const ADDRESS: &str = "TNDFkiSmBQorNFacb3735q8MnT3sLqsAf5";

const FINISHED: &str = r#"{"payment_id":5524759814,"payment_status":"finished","pay_address":"TNDFkiSmBQorNFacb3735q8MnT3sLqsAf5","price_amount":5,"price_currency":"usd","pay_amount":165.652609,"actually_paid":180,"pay_currency":"trx","order_id":"RGDBP-21314","order_description":"Schlüssel für 1 Jahr – 年","outcome_amount":1e-7,"outcome_currency":"trx","fee":{"currency":"btc","depositFee":0.098}}"#;

fn sealed(server: &Server) {
    let secrets = server.app().desk().secrets().expect("a store");
    let value = Secret::new(SECRET.as_bytes().to_vec());
    secrets.keep(NOTICE_SECRET, BY_HOST, &value, now()).expect("is sealed");
}

fn signed(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, SECRET.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

fn notice(text: &str, signatures: &[&str]) -> Request<Full<Bytes>> {
    let mut asked = request(Method::POST, PATH, Some(Value::Null));
    *asked.body_mut() = Full::new(Bytes::from(text.to_owned()));
    for signature in signatures {
        let name = HeaderName::from_static("x-nowpayments-sig");
        asked.headers_mut().append(name, signature.parse().expect("a header"));
    }
    asked
}

/// A notice that the processor signed as it is.
async fn told(server: &Server, text: &str) -> Answer {
    Browser::new(server).raw(notice(text, &[&signed(text)])).await
}

async fn rows(browser: &mut Browser) -> Vec<Value> {
    let page = browser.get(LIST).await.expect(200).json();
    page["notices"].as_array().expect("rows").clone()
}

async fn entries(browser: &mut Browser, kind: &str) -> Vec<Value> {
    let page = browser.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
    page["entries"].as_array().expect("entries").clone()
}

fn counted(server: &Server, end: &str) -> u64 {
    let counts = server.app().notices().counts();
    counts.into_iter().find(|(word, _)| *word == end).expect("a word").1
}

#[tokio::test]
async fn a_signed_notice_is_in_the_log_with_its_proof() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    sealed(&server);
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let begun = Instant::now();
    let answer = told(&server, FINISHED).await.expect(200);
    assert!(begun.elapsed() < Duration::from_secs(3), "the processor waits no longer");
    assert!(answer.body.is_empty());
    let row = rows(&mut owner).await.remove(0);
    for (field, want) in [
        ("payment", "5524759814"),
        ("status", "finished"),
        ("stands", "finished"),
        ("price", "5 usd"),
        ("due", "165.652609 trx"),
        ("paid", "180 trx"),
        ("outcome", "0.0000001 trx"),
        ("order", "RGDBP-21314"),
        ("standing", "quarantined"),
        ("why", "order-unknown"),
        ("step", "onward"),
    ] {
        assert_eq!(row[field], want, "{field}: {row}");
    }
    let found = entries(&mut owner, "payment.quarantined").await;
    assert_eq!((found.len(), &found[0]["index"]), (1, &row["leaf"]));
    assert_eq!((&found[0]["actor"], &found[0]["subject"]), (&json!("processor"), &row["payment"]));
    // The entry is proved to be in the log, and says the digest of the row.
    let path = format!("/api/v1/audit/{}/receipt", row["leaf"]);
    let receipt = owner.get(&path).await.expect(200).text();
    let key = server.app().desk().log_key().parse().expect("a key");
    let proved = verify_receipt(&receipt, &key).expect("is proved");
    let entry = proved.entry.expect("with its body");
    assert_eq!(entry.kind.as_str(), "payment.quarantined");
    assert_eq!(entry.detail["digest"], row["digest"]);
    assert_eq!(entry.detail["paid"], "180 trx");
    assert!(!receipt.contains(ADDRESS) && !entry.detail.to_string().contains("pay_address"));
    server.stop().await.expect("stops");
    // What the claim names as its check.
    let listed = typed(root.path(), &["payments", "ls"], "");
    let shown = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.status.code(), Some(3), "it waits for a person: {listed:?}");
    assert!(
        shown.contains("5524759814") && shown.contains("quarantined: order-unknown"),
        "{shown}"
    );
    let exported = typed(root.path(), &["audit", "export"], "");
    let exported = String::from_utf8_lossy(&exported.stdout).into_owned();
    assert_eq!(exported.matches("payment.quarantined").count(), 1, "{exported}");
}

fn typed(root: &Path, words: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.env_clear().arg("--data-dir").arg(root).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    // Who reads nothing has ended already.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    child.wait_with_output().expect("ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_times_the_same_at_once_is_one_row_and_one_entry() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    sealed(&server);
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let signature = signed(FINISHED);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (mut browser, signature) = (Browser::new(&server), signature.clone());
        tasks.spawn(async move { browser.raw(notice(FINISHED, &[&signature])).await.status });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.len(), 100);
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(rows(&mut owner).await.len(), 1);
    assert_eq!(entries(&mut owner, "payment.quarantined").await.len(), 1);
    assert_eq!((counted(&server, "quarantined"), counted(&server, "known")), (1, 99));
    // Written otherwise, and signed by the processor's library over its own text, it is still the same.
    let value: Value = serde_json::from_str(FINISHED).expect("JSON");
    let canonical = value.to_string();
    assert!(canonical.starts_with("{\"actually_paid\":180,"), "sorted: {canonical}");
    let library = signed(&canonical);
    let blanks = format!("\n{FINISHED} ");
    Browser::new(&server).raw(notice(&blanks, &[&library])).await.expect(200);
    assert_eq!((rows(&mut owner).await.len(), counted(&server, "known")), (1, 100));
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn nothing_that_is_forged_or_malformed_is_believed() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    sealed(&server);
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let genuine = signed(FINISHED);
    let altered = FINISHED.replace("180", "181");
    // Over the first level alone, as most integrations check it; the fee is another one afterwards.
    let filtered = r#"{"fee":{},"payment_id":7,"payment_status":"finished"}"#;
    let nested = r#"{"payment_id":7,"payment_status":"finished","fee":{"serviceFee":1}}"#;
    let deep = format!("{{\"payment_id\":1,\"a\":{}1{}}}", "[".repeat(16), "]".repeat(16));
    let twice = r#"{"payment_id":1,"payment_status":"waiting","payment_id":2}"#;
    let beyond = r#"{"payment_id":1,"pay_amount":1e999}"#;
    let zeros = "0".repeat(128);
    let itself = signed(twice);
    let refused: [(&str, &str, &[&str]); 12] = [
        ("an altered amount", &altered, &[&genuine]),
        ("no signature", FINISHED, &[]),
        ("an empty one", FINISHED, &[""]),
        ("zeros", FINISHED, &[&zeros]),
        ("two, both genuine", FINISHED, &[&genuine, &genuine]),
        ("two, one genuine", FINISHED, &[&genuine, &zeros]),
        ("a changed fee", nested, &[&signed(filtered)]),
        ("a key twice", twice, &[&itself]),
        ("too deep", &deep, &[&signed(&deep)]),
        ("beyond a double", beyond, &[&signed(beyond)]),
        ("no object", "[]", &[&signed("[]")]),
        ("nothing", "", &[&signed("")]),
    ];
    let mut said = Vec::new();
    for (what, text, signatures) in &refused {
        let answer = Browser::new(&server).raw(notice(text, signatures)).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        said.push(answer.body);
    }
    assert!(said.iter().all(|body| *body == said[0]), "one answer for all reasons");
    assert_eq!(counted(&server, "refused"), 12);
    // What is too large or no JSON at all is not even looked at.
    let large = format!("{{\"payment_id\":1,\"a\":\"{}\"}}", "x".repeat(1 << 20));
    told(&server, &large).await.expect(413);
    let mut form = notice(FINISHED, &[&genuine]);
    let kind = "application/x-www-form-urlencoded".parse().expect("a type");
    form.headers_mut().insert("content-type", kind);
    Browser::new(&server).raw(form).await.expect(415);
    assert_eq!(rows(&mut owner).await, Vec::<Value>::new());
    for kind in ["payment.quarantined", "payment.notified"] {
        assert_eq!(entries(&mut owner, kind).await, Vec::<Value>::new());
    }
    told(&server, FINISHED).await.expect(200);
    assert_eq!(rows(&mut owner).await.len(), 1, "the test can fail");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn words_in_any_order_leave_a_payment_where_the_last_one_that_counts_put_it() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    sealed(&server);
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let payment = |id: &str, status: &str| {
        format!(r#"{{"payment_id":{id},"payment_status":"{status}","order_id":null}}"#)
    };
    let steps = [
        (payment("1", "finished"), "order-unknown", "onward", "finished"),
        (payment("1", "confirming"), "order-unknown", "behind", "finished"),
        // The same payment, its number being a text now.
        (payment("\"1\"", "waiting"), "order-unknown", "behind", "finished"),
        (payment("1", "expired"), "against", "against", "finished"),
        (payment("1", "REFUNDED"), "order-unknown", "onward", "refunded"),
        (payment("2", "expired"), "order-unknown", "onward", "expired"),
        (payment("2", "finished"), "late", "late", "finished"),
    ];
    for (text, why, step, stands) in &steps {
        told(&server, text).await.expect(200);
        let newest = rows(&mut owner).await.remove(0);
        assert_eq!((&newest["why"], &newest["step"]), (&json!(why), &json!(step)), "{text}");
        assert_eq!(newest["stands"], json!(stands), "{text}");
    }
    // An old genuine one that is sent again is known, and moves nothing.
    told(&server, &steps[0].0).await.expect(200);
    let of_one = |rows: &[Value]| {
        rows.iter().find(|row| row["payment"] == "1").map(|row| row["stands"].clone())
    };
    assert_eq!(of_one(&rows(&mut owner).await), Some(json!("refunded")));
    let others = [
        (payment("3", "wrong_asset"), "status-unknown", Value::Null),
        (
            r#"{"payment_id":4,"payment_status":"finished","parent_payment_id":1}"#.to_owned(),
            "hangs-on-another",
            json!("finished"),
        ),
        (payment("-5", "finished"), "unreadable", Value::Null),
        ("{}".to_owned(), "kind-unknown", Value::Null),
    ];
    for (text, why, stands) in others {
        told(&server, &text).await.expect(200);
        let newest = rows(&mut owner).await.remove(0);
        assert_eq!((&newest["why"], &newest["stands"]), (&json!(why), &stands), "{text}");
        assert_eq!(newest["standing"], "quarantined");
    }
    let withdrawal = r#"{"id":"5000000713","batch_withdrawal_id":"1","status":"FINISHED"}"#;
    told(&server, withdrawal).await.expect(200);
    let newest = rows(&mut owner).await.remove(0);
    assert_eq!((&newest["kind"], &newest["standing"]), (&json!("withdrawal"), &json!("noted")));
    assert_eq!((&newest["why"], &newest["stands"]), (&Value::Null, &Value::Null));
    assert_eq!(entries(&mut owner, "payment.notified").await.len(), 1);
    assert_eq!(entries(&mut owner, "payment.quarantined").await.len(), steps.len() + 4);
    // A page goes on where it is told to.
    let all = rows(&mut owner).await;
    let newest = all[0]["digest"].as_str().expect("a digest");
    let below = owner.get(&format!("{LIST}?before={newest}")).await.expect(200).json();
    assert_eq!(below["notices"].as_array().map(Vec::len), Some(all.len() - 1));
    assert_eq!((&below["waits"], &below["next"]), (&json!(true), &Value::Null));
    owner.get(&format!("{LIST}?before=0")).await.expect(404);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn where_no_secret_is_sealed_nobody_is_expected_and_a_busy_address_is_heard() {
    let root = tempfile::tempdir().expect("a directory");
    let rates = Rates { api: 3, ..options(root.path()).rates };
    let server = Server::start(Options { rates, ..options(root.path()) }).await.expect("starts");
    told(&server, FINISHED).await.expect(404);
    assert_eq!(counted(&server, "unexpected"), 1);
    sealed(&server);
    // Whatever else the address asked for, and however often.
    let mut stranger = Browser::new(&server);
    for _ in 0..3 {
        stranger.get("/api/v1/session").await.expect(200);
    }
    stranger.get("/api/v1/session").await.expect(429);
    let answer = told(&server, FINISHED).await.expect(200);
    assert_eq!(answer.headers["ratelimit-policy"], "\"notices\";q=600;w=60");
    server.stop().await.expect("stops");
}

/// A table that takes no more rows is as one that is full.
#[tokio::test]
async fn a_genuine_notice_that_cannot_be_kept_is_counted_and_is_to_come_again() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    sealed(&server);
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut connection = crate::people::open(root.path()).await;
    let full = "CREATE TRIGGER no_more BEFORE INSERT ON payment_notices
         BEGIN SELECT RAISE(IGNORE); END";
    sqlx::query(full).execute(&mut connection).await.expect("is full");
    let answer = told(&server, FINISHED).await.expect(503);
    assert_eq!(answer.json()["code"], "notices-full");
    assert_eq!(answer.headers["retry-after"], "600");
    assert_eq!((counted(&server, "failed"), counted(&server, "quarantined")), (1, 0));
    assert_eq!(rows(&mut owner).await, Vec::<Value>::new());
    assert_eq!(entries(&mut owner, "payment.quarantined").await, Vec::<Value>::new());
    sqlx::query("DROP TRIGGER no_more").execute(&mut connection).await.expect("has room");
    told(&server, FINISHED).await.expect(200);
    assert_eq!((counted(&server, "failed"), counted(&server, "quarantined")), (1, 1));
    assert_eq!(rows(&mut owner).await.len(), 1);
    server.stop().await.expect("stops");
}

/// The program itself, logging all that it can, and killed while it serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_identifies_means_of_payment_is_nowhere_on_the_disk() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, log) = (place.path().join("data"), place.path().join("log"));
    let program = Program::start(&root, &log, "[log]\nlevel = \"debug\"\n");
    let put = typed(&root, &["secrets", "put", "nowpayments.ipn"], SECRET);
    assert!(put.status.success(), "{put:?}");
    let mut browser = program.browser();
    browser.raw(notice(FINISHED, &[&signed(FINISHED)])).await.expect(200);
    browser.raw(notice(FINISHED, &[&"0".repeat(128)])).await.expect(401);
    program.end(Signal::KILL);
    let mut looked = 0;
    for path in files(place.path()) {
        let bytes = std::fs::read(&path).expect("a file");
        looked += bytes.len();
        for (what, text) in [
            ("the address", ADDRESS),
            ("the description", "Schlüssel für 1 Jahr"),
            ("the fee", "depositFee"),
            ("the secret", SECRET),
            ("the signature", &signed(FINISHED)),
        ] {
            assert_eq!(count(&bytes, text.as_bytes()), 0, "{what} in {}", path.display());
        }
    }
    let database = std::fs::read_to_string(&log).expect("a log");
    assert!(looked > 100_000 && database.contains(PATH), "the test can fail");
    // What was answered 200 before the kill is there, and one that nobody's act made is found.
    let listed = typed(&root, &["payments", "ls", "--json"], "");
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(
        (listed.as_array().map(Vec::len), &listed[0]["order"]),
        (Some(1), &json!("RGDBP-21314"))
    );
    assert_eq!(reconciled(&root).await, 0);
    let mut connection = crate::people::open(&root).await;
    let planted =
        "INSERT INTO payment_notices (notice_digest, processor, kind, standing, leaf_index,
         received_us) SELECT replace(notice_digest, substr(notice_digest, 1, 8), '00000000'),
         processor, kind, 'noted', leaf_index + 1, received_us FROM payment_notices";
    sqlx::query(planted).execute(&mut connection).await.expect("is planted");
    assert_eq!(reconciled(&root).await, 1);
    let otherwise = "UPDATE payment_notices SET standing = 'noted'";
    sqlx::query(otherwise).execute(&mut connection).await.expect("is changed");
    assert_eq!(reconciled(&root).await, 2);
}

async fn reconciled(root: &Path) -> usize {
    let store = open_for_reading(&root.into()).await.expect("opens");
    reconcile(&store).await.expect("reads").orphans.len()
}
