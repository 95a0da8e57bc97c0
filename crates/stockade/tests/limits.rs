//! What a stranger may send: few header lines, a short body, and answers that are hardened too.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::{Browser, start};
use crate::people::open;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
use sqlx::Connection;
use std::sync::Arc;
use stockade::server::{Server, headers::ALWAYS};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn an_open_route_takes_16_kib_and_others_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let text = |bytes: usize| json!({ "text": "x".repeat(bytes) });
    browser.post("/csp-report", text(16_000)).await.expect(204);
    browser.post("/csp-report", text(17_000)).await.expect(413);
    browser.post("/api/v1/sign-in", text(17_000)).await.expect(413);
    browser.post("/api/v1/strategies/check", text(20_000)).await.expect(200);
}

async fn http2(server: &Server) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let authority = CertificateDer::from_pem_file(&server.started.authority).expect("PEM");
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(server.started.address).await.expect("connects");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("TLS");
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn too_many_headers_are_refused_with_the_headers_of_every_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut sender = http2(&server).await;
    let mut check = async |lines: usize, bytes: usize, want: StatusCode| {
        let mut request = Request::get("https://localhost/health").body(Empty::new()).expect("one");
        for n in 0..lines {
            let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
            let value = HeaderValue::try_from("1".repeat(bytes)).expect("a value");
            request.headers_mut().insert(name, value);
        }
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), want);
        for (name, value) in ALWAYS {
            assert_eq!(answer.headers().get(&name).expect("a header"), value, "{name}");
        }
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    };
    check(64, 1, StatusCode::OK).await;
    check(65, 1, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).await;
    check(4, 4000, StatusCode::OK).await;
    check(5, 4000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).await;
}

/// Rows up to one below what a person may keep, written behind the back of a stopped server.
const NEARLY_ALL: [&str; 4] = [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
     INSERT INTO strategies (strategy_id, account_id, name, strategy_text, revision, created_us, updated_us)
     SELECT printf('01890000-0000-7000-8000-%012x', i), account_id, 'S' || i, 'x', 1, i, i
     FROM n, accounts",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998)
     INSERT INTO factors (factor_id, account_id, name, version, created_us, updated_us)
     SELECT printf('01890000-0000-7000-8000-%012x', i), account_id, 'F' || i, 1, i, i
     FROM n, accounts",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998)
     INSERT INTO factor_versions (factor_id, version, factor_text, note, leaf_index, created_us)
     SELECT printf('01890000-0000-7000-8000-%012x', i), 1, 'close', '', 0, i FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
     INSERT INTO factor_versions (factor_id, version, factor_text, note, leaf_index, created_us)
     SELECT factor_id, i, 'close', '', 0, i FROM n, factors WHERE name = 'mine'",
];

#[tokio::test]
async fn a_thousand_strategies_factors_and_versions_are_kept_and_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let mine = json!({ "name": "mine", "text": "close" });
    let mine = browser.post("/api/v1/factors", mine).await.expect(201).json();
    let versions = format!("/api/v1/factors/{}/versions", mine["id"].as_str().expect("an id"));
    server.stop().await.expect("stops");
    let mut connection = open(directory.path()).await;
    for text in NEARLY_ALL {
        sqlx::query(text).execute(&mut connection).await.expect("writes");
    }
    let bump = "UPDATE factors SET version = 999 WHERE name = 'mine'";
    sqlx::query(bump).execute(&mut connection).await.expect("writes");
    connection.close().await.expect("closes");
    let server = start(directory.path()).await;
    let mut browser = browser.moved(&server);
    let strategy = json!({ "name": "one more", "text": STRATEGY });
    let factor = json!({ "name": "one more", "text": "open" });
    let version = |base: u64| json!({ "text": format!("close + {base}"), "base_version": base });
    // The thousandth is taken, the next one is not.
    browser.post("/api/v1/strategies", strategy.clone()).await.expect(201);
    browser.post("/api/v1/factors", factor).await.expect(201);
    browser.post(&versions, version(999)).await.expect(201);
    let another = json!({ "name": "too many", "text": "open" });
    for (path, body) in [
        ("/api/v1/strategies", strategy),
        ("/api/v1/factors", another),
        (versions.as_str(), version(1000)),
    ] {
        let refused = browser.post(path, body).await.expect(422).json();
        assert_eq!(refused["code"], "limit", "{path}: {refused}");
        assert!(refused["detail"].to_string().contains("1000 at most"), "{path}: {refused}");
    }
    server.stop().await.expect("stops");
}

const STRATEGY: &str = "version: 1\nname: N\ndata: none\nbar: 1d\nsignals:\n  long: close > 1\n\
sizing: { fixed: 1 }\ncosts: { fee_bps: 0 }\nconvention: next_open\ncash: 1000\ncurrency: USD\n";

const ON_DATA: &str = "version: 1\nname: N\ndata: made-up\nsignals:\n  long: close > 1\n\
sizing: { fixed: 1 }\ncosts: { fee_bps: 0 }\ncash: 1000\n";

/// Factors that were put away count like all others: their versions stay.
#[tokio::test]
async fn what_was_put_away_takes_its_place_still() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    server.stop().await.expect("stops");
    let mut connection = open(directory.path()).await;
    for text in &NEARLY_ALL[1..3] {
        sqlx::query(*text).execute(&mut connection).await.expect("writes");
    }
    let away = "UPDATE factors SET archived_us = 1";
    sqlx::query(away).execute(&mut connection).await.expect("writes");
    connection.close().await.expect("closes");
    let server = start(directory.path()).await;
    let mut browser = browser.moved(&server);
    for (name, status) in [("one", 201), ("two", 201), ("three", 422)] {
        let factor = json!({ "name": name, "text": "open" });
        browser.post("/api/v1/factors", factor).await.expect(status);
    }
    server.stop().await.expect("stops");
}

/// Backtests are kept in number and in bytes up to a bound, and removing one makes room.
#[tokio::test]
async fn results_take_so_much_room_and_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let server = start(root).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    crate::browser::import(root, 30).await;
    let ask = json!({ "text": ON_DATA });
    let run = async |browser: &mut Browser| {
        let path = "/api/v1/backtests";
        let started = browser.post(path, ask.clone()).await.expect(202).json();
        let path = format!("{path}/{}", started["id"].as_str().expect("an id"));
        crate::browser::events(browser, &format!("{path}/events"), None).await;
        assert_eq!(browser.get(&path).await.expect(200).json()["state"], "done");
        path
    };
    let (first, second) = (run(&mut browser).await, run(&mut browser).await);
    let account = browser.get("/api/v1/session").await.expect(200).json()["account"]["id"].clone();
    let own = stockade::desk::Paths::new(root).tenants().join(account.as_str().expect("an id"));
    let results = || std::fs::read_dir(own.join("results")).expect("results").count();
    assert_eq!(results(), 1, "both have the same result");
    // Its result stays as long as a backtest has it.
    browser.delete(&first).await.expect(204);
    browser.delete(&first).await.expect(404);
    assert_eq!(results(), 1);
    browser.get(&format!("{second}/result")).await.expect(200);
    browser.delete(&second).await.expect(204);
    assert_eq!(results(), 0);
    // A file that is as large as all the room there is, and takes none of it.
    let large = own.join("results/large");
    let file = std::fs::File::create(&large).expect("a file");
    file.set_len(stockade::desk::ROOM_BYTES_MAX).expect("sparse");
    let refused = browser.post("/api/v1/backtests", ask.clone()).await.expect(422).json();
    assert_eq!(refused["code"], "limit", "{refused}");
    assert!(refused["detail"].to_string().contains("bytes of results"), "{refused}");
    std::fs::remove_file(&large).expect("removes");
    run(&mut browser).await;
    server.stop().await.expect("stops");
    let mut connection = open(root).await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         INSERT INTO backtests (backtest_id, account_id, name, strategy_text, state, created_us, finished_us)
         SELECT printf('01890000-0000-7000-8000-%012x', i), account_id, 'B', 'x', 'cancelled', i, i
         FROM n, accounts";
    sqlx::query(many).execute(&mut connection).await.expect("writes");
    connection.close().await.expect("closes");
    let server = start(root).await;
    let mut browser = browser.moved(&server);
    let refused = browser.post("/api/v1/backtests", ask.clone()).await.expect(422).json();
    assert!(refused["detail"].to_string().contains("10000 at most"), "{refused}");
    browser.delete("/api/v1/backtests/01890000-0000-7000-8000-000000000001").await.expect(204);
    run(&mut browser).await;
    server.stop().await.expect("stops");
}
