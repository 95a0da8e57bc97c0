//! The server as whoever runs it watches it: its parts and readiness, its metrics, the inbox of reports, visits.

use crate::{
    browser::{Answer, Browser, EMAIL, options, request, start},
    house::has,
};
use audit::posture::{Expected, Health, Standing};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::SignedDuration;
use kms::SystemEntropy;
use seal::AgeIdentity;
use serde_json::json;
use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};
use stockade::{
    desk::{DisclosureTerms, now},
    server::{OperationsTerms, Options, Server, operations::Part, posture::Probe},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Looks at every part now.
async fn looked(server: &Server) {
    for part in Part::ALL {
        server.app().operations().health().look(server.app(), part).await;
    }
}

async fn with(root: &Path, operations: OperationsTerms) -> Server {
    Server::start(Options { operations, ..options(root) }).await.expect("starts")
}

/// The signed word on health, checked as an outsider checks it.
async fn signed(server: &Server, browser: &mut Browser) -> Result<Health, audit::Error> {
    let envelope = browser.get("/.well-known/stockade/health.json").await.expect(200).text();
    let key = browser.get("/.well-known/stockade/posture-key").await.expect(200).text();
    let spki = server.app().observatory().served().expect("a certificate").spki_sha256;
    let spki = hex::encode(spki);
    let age_max = SignedDuration::from_mins(1);
    let expected = Expected { spki_sha256: &spki, seen_before: None, age_max };
    Health::open(&envelope, &key.trim().parse().expect("a key"), &expected, now())
}

fn standing(health: &Health, part: Part) -> Standing {
    let found = health.parts.iter().find(|one| one.part == part.name());
    found.expect("it is there").standing
}

#[tokio::test]
async fn a_server_is_ready_once_its_parts_were_looked_at_and_signs_when_that_was() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut browser = Browser::new(&server);
    // It is there, and nobody knows yet whether it works.
    browser.get("/health").await.expect(200);
    let answer = browser.get("/ready").await.expect(503).json();
    assert_eq!(answer["code"], "not-ready", "{answer}");
    let before = signed(&server, &mut browser).await.expect("signed");
    assert!(!before.is_ready() && before.parts.iter().all(|part| part.probed_at.is_none()));
    looked(&server).await;
    assert_eq!(browser.get("/ready").await.expect(200).json()["ready"], true);
    let after = signed(&server, &mut browser).await.expect("signed");
    assert!(after.is_ready());
    assert!(after.parts.iter().all(|part| part.probed_at.is_some()), "{after:?}");
    for part in [Part::Database, Part::Disk, Part::Log, Part::Certificate] {
        assert!(standing(&after, part).serves(), "{part:?}: {after:?}");
    }
    // Nobody carries letters here, and no backups are made.
    assert_eq!(standing(&after, Part::Letters), Standing::Off);
    assert_eq!(standing(&after, Part::Backups), Standing::Warning);
    // A request makes nobody look: the times stay.
    let again = signed(&server, &mut browser).await.expect("signed");
    assert_eq!(again.parts, after.parts);
    let envelope = browser.get("/.well-known/stockade/health.json").await.expect(200).json();
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("text")).expect("base64");
    let parts = String::from_utf8(payload).expect("text");
    let parts = parts.split("\"parts\"").nth(1).expect("parts");
    for told in ["MiB", "/", "letters wait", "ms"] {
        assert!(!parts.contains(told), "details are not for everybody: {parts}");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_part_that_fails_takes_readiness_and_nobodys_way_out() {
    let root = tempfile::tempdir().expect("a directory");
    // A disk that has less room than it must have.
    let full = OperationsTerms { disk_free_min: u64::MAX, ..OperationsTerms::default() };
    let server = with(root.path(), full).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    looked(&server).await;
    let answer = browser.get("/ready").await.expect(503).json();
    assert!(answer["detail"].as_str().expect("text").ends_with(": disk"), "{answer}");
    let health = signed(&server, &mut browser).await.expect("signed");
    assert_eq!(standing(&health, Part::Disk), Standing::Failing);
    assert!(!health.is_ready());
    // The claim is red as well, and says which part.
    server.app().observatory().look(server.app(), &[Probe::Health]).await;
    let page = browser.get("/api/v1/operations").await.expect(200).json();
    let red = page["red"].as_array().expect("rows").iter().find(|row| row["id"] == "M44");
    let why = red.expect("it is red")["why"].as_str().expect("text");
    assert!(why.contains("disk is failing"), "{why}");
    let disk = page["parts"].as_array().expect("rows").iter().find(|row| row["part"] == "disk");
    assert!(disk.expect("a row")["fix"].as_str().expect("text").contains("make room"), "{page}");
    // Whoever is in can still act and leave.
    browser.get("/health").await.expect(200);
    browser.get("/api/v1/sessions").await.expect(200);
    browser.post("/api/v1/sign-out", json!({})).await.expect(204);
    // A database that takes nothing any more fails, too.
    server.app().desk().close().await;
    server.app().operations().health().look(server.app(), Part::Database).await;
    let health = signed(&server, &mut browser).await.expect("signed");
    assert_eq!(standing(&health, Part::Database), Standing::Failing);
}

/// What is read at the port of metrics.
async fn metrics(address: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let asked = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.expect("writes");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("reads");
    text
}

#[tokio::test]
async fn metrics_are_read_on_this_machine_and_hold_no_name_of_anybody() {
    let root = tempfile::tempdir().expect("a directory");
    let address = Some("127.0.0.1:0".parse().expect("an address"));
    let terms = OperationsTerms { metrics: address, ..OperationsTerms::default() };
    let server = with(root.path(), terms).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    looked(&server).await;
    for path in [
        "/api/v1/users/01890000-0000-7000-8000-00000000cafe",
        "/canary-page",
        "/security/canary-claim",
        "/api/v1/canary?canary=1",
    ] {
        browser.get(path).await;
    }
    browser.raw(request(Method::from_bytes(b"CANARY").expect("one"), "/health", None)).await;
    let at = server.app().operations().metrics_at().expect("a port");
    let answer = metrics(at, &at.to_string()).await;
    let (head, text) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"),
        "{head}"
    );
    for wanted in [
        "stockade_requests_total{method=\"GET\",route=\"/api/v1/users/{id}\",code=\"4xx\"} 1",
        "stockade_request_seconds_bucket{method=\"GET\",route=\"/api/v1/users/{id}\",le=\"+Inf\"} 1",
        "stockade_limiter_decisions_total{zone=\"account\",verdict=\"admitted\"}",
        "stockade_health{part=\"database\",standing=\"good\"} 1",
        "stockade_sessions 1",
        "stockade_act_seconds_count",
        "stockade_certificate_not_after_seconds",
        "stockade_log_entries",
        "stockade_disk_free_bytes",
        "stockade_resident_memory_bytes",
        "stockade_open_fds",
        "stockade_ready ",
        "stockade_build_info{version=",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    for kept in ["canary", "CANARY", "cafe", EMAIL, "127.0.0.1", "0189"] {
        assert!(!text.contains(kept), "{kept} is told");
    }
    assert!(text.lines().count() < 5000);
    // A page of a browser comes by another name, and the public port has no such page.
    assert!(metrics(at, "rebound.example").await.starts_with("HTTP/1.1 421"));
    let public = browser.get("/metrics").await;
    assert!(!public.text().contains("stockade_requests_total"));
    checked(text);
    server.stop().await.expect("stops");
}

/// Prometheus' own reader takes the text.
fn checked(text: &str) {
    if !has("promtool", "--version") {
        println!("promtool comes with the package prometheus");
        return;
    }
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut child = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("writes");
    let said = child.wait_with_output().expect("ends");
    let words =
        String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "promtool: {words}");
}

async fn sent(browser: &mut Browser, text: &str) -> Answer {
    let mut asked = request(Method::POST, "/security/report", None);
    *asked.body_mut() = Full::new(Bytes::from(format!("text={text}")));
    let kind = "application/x-www-form-urlencoded".parse().expect("a type");
    asked.headers_mut().insert("content-type", kind);
    browser.raw(asked).await
}

#[tokio::test]
async fn a_report_is_told_by_mail_once_and_answered_from_the_inbox() {
    let root = tempfile::tempdir().expect("a directory");
    let key = AgeIdentity::generate(&mut SystemEntropy::new());
    let disclosure = DisclosureTerms {
        contact: "security@example.org".to_owned(),
        recipients: vec![key.recipient()],
    };
    let server = Server::start(Options { disclosure, ..options(root.path()) }).await;
    let server = server.expect("starts");
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    sent(&mut Browser::new(&server), "canary").await.expect(201);
    let accounts = server.app().accounts();
    let tell = async |after: SignedDuration| {
        accounts.tell_of_reports(server.app().reporting().address(), now() + after).await
    };
    // The owner and the address of those who answer, each once.
    assert_eq!(tell(SignedDuration::ZERO).await.expect("tells"), 2);
    assert_eq!(tell(SignedDuration::from_mins(1)).await.expect("tells"), 0);
    let letters = browser.get("/api/v1/outbox").await.expect(200).json();
    let to: Vec<&str> = letters["letters"]
        .as_array()
        .expect("letters")
        .iter()
        .filter(|letter| letter["subject"] == "A report of a weakness came")
        .map(|letter| letter["to"].as_str().expect("text"))
        .collect();
    assert_eq!(to.len(), 2, "{letters}");
    assert!(to.contains(&EMAIL) && to.contains(&"security@example.org"), "{to:?}");
    assert!(!letters.to_string().contains("canary"), "what it says is in no letter");
    // An hour before four hours are over, and once more after them.
    assert_eq!(tell(SignedDuration::from_mins(190)).await.expect("tells"), 2);
    assert_eq!(tell(SignedDuration::from_mins(250)).await.expect("tells"), 2);
    assert_eq!(tell(SignedDuration::from_mins(251)).await.expect("tells"), 0);

    let inbox = browser.get("/api/v1/security-reports").await.expect(200).json();
    assert_eq!(inbox["answers"].as_array().map(Vec::len), Some(6));
    let id = inbox["reports"][0]["id"].as_str().expect("a number").to_owned();
    let path = |act: &str| format!("/api/v1/security-reports/{id}/{act}");
    let sealed = browser.get(&path("sealed")).await.expect(200).text();
    assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") && !sealed.contains("canary"));
    let file = seal::age_file(sealed.as_bytes()).expect("a file of age");
    assert_eq!(key.open(&file).expect("opens").expose(), b"canary");
    for (step, want) in [
        (json!({ "step": "acknowledge" }), "acknowledged"),
        (json!({ "step": "triage", "severity": "critical" }), "triaged"),
        (json!({ "step": "fix" }), "fixed"),
    ] {
        let moved = browser.post(&path("move"), step).await.expect(200).json();
        assert_eq!(moved["standing"], want, "{moved}");
    }
    browser.post(&path("move"), json!({ "step": "triage" })).await.expect(422);
    browser.post(&path("move"), json!({ "step": "acknowledge" })).await.expect(409);
    // Its sender wished no thanks.
    browser.post(&path("thanks"), json!({ "name": "Ada" })).await.expect(409);
    let nobody = "/api/v1/security-reports/01890000-0000-7000-8000-000000000000/sealed";
    browser.get(nobody).await.expect(404);
    let log = browser.get("/api/v1/audit").await.expect(200).json().to_string();
    assert!(log.contains("report.opened") && log.contains("report.moved"), "{log}");
    // What is done is told of no more.
    assert_eq!(tell(SignedDuration::from_hours(30)).await.expect("tells"), 0);
    server.stop().await.expect("stops");
}

/// Opens a page as a browser of this name from this address of the machine.
async fn opened(server: &Server, path: &str, (source, agent): (&str, &str), more: &[&'static str]) {
    let mut browser = Browser::new(server);
    browser.source = Some(source.parse().expect("an address"));
    let mut asked = request(Method::GET, path, None);
    asked.headers_mut().insert("user-agent", agent.parse().expect("text"));
    for name in more {
        asked.headers_mut().insert(*name, "1".parse().expect("text"));
    }
    let answer = browser.raw(asked).await;
    assert!(browser.cookies.is_empty(), "no cookie is set to count: {path}");
    assert!(answer.status.is_success(), "{path}: {}", answer.status);
}

#[tokio::test]
async fn pages_are_counted_without_cookies_and_nothing_of_anybody_is_kept() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let (one, two) = (("127.0.0.2", "canary-agent/1"), ("127.0.0.3", "canary-agent/1"));
    for who in [one, one, two] {
        opened(&server, "/security", who, &[]).await;
    }
    opened(&server, "/security/M13", one, &[]).await;
    opened(&server, "/security", ("127.0.0.4", "x"), &["sec-gpc"]).await;
    opened(&server, "/security", ("127.0.0.5", "x"), &["dnt"]).await;
    // No page: what programs ask, and files.
    opened(&server, "/health", one, &[]).await;
    opened(&server, "/security/style.css", one, &[]).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let page = owner.get("/api/v1/visits?days=7").await.expect(200).json();
    assert_eq!(page["counting"], true);
    let day = &page["days"][0];
    assert_eq!((day["views"].as_u64(), day["visitors"].as_u64()), (Some(4), Some(2)), "{page}");
    assert_eq!(page["pages"], json!([{ "page": "/security", "views": 4 }]));
    owner.get("/api/v1/visits?days=0").await.expect(422);
    Browser::new(&server).get("/api/v1/visits").await.expect(401);
    server.app().observatory().look(server.app(), &[Probe::Visits]).await;
    server.stop().await.expect("stops");
    // Neither address nor browser is anywhere in the database.
    let bytes = std::fs::read(root.path().join("stockade.db")).expect("reads");
    for part in ["canary-agent", "127.0.0.2", "127.0.0.3"] {
        assert!(memchr::memmem::find(&bytes, part.as_bytes()).is_none(), "{part} is kept");
    }
    assert!(memchr::memmem::find(&bytes, b"/security").is_some(), "it is the right file");
}

#[tokio::test]
async fn where_the_machine_stands_and_what_runs_it_is_shown_to_everybody() {
    let root = tempfile::tempdir().expect("a directory");
    for (region, is_held) in [("", false), ("Frankfurt, Germany", true)] {
        let terms = OperationsTerms { region: region.to_owned(), ..OperationsTerms::default() };
        let server = with(root.path(), terms).await;
        server.app().observatory().look(server.app(), &[Probe::HostFacts]).await;
        let page = Browser::new(&server).get("/security").await.expect(200).text();
        let row = page.split("id=\"S52\"").nth(1).expect("a row");
        let row = row.split("id=\"S53\"").next().expect("a row");
        assert_eq!(row.contains("Frankfurt, Germany"), is_held, "{row}");
        assert_eq!(row.contains("set server.region"), !is_held, "{row}");
        assert!(row.contains(std::env::consts::ARCH), "{row}");
        server.stop().await.expect("stops");
    }
}

#[tokio::test]
async fn whoever_is_refused_is_shown_for_a_while_without_a_name() {
    let root = tempfile::tempdir().expect("a directory");
    let rates = stockade::server::Rates { api: 3, ..options(root.path()).rates };
    let server = Server::start(Options { rates, ..options(root.path()) }).await.expect("starts");
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut stranger = Browser::new(&server);
    stranger.source = Some("127.0.0.9".parse().expect("an address"));
    for n in 0..5 {
        let answer = stranger.get("/api/v1/session").await;
        assert_eq!(answer.status.as_u16() == 429, n >= 3, "{n}");
    }
    let page = owner.get("/api/v1/operations").await.expect(200).json();
    let blocked = page["blocked"].as_array().expect("rows");
    let found = blocked.iter().find(|row| row["who"] == "127.0.0.9").expect("it is shown");
    assert_eq!((found["zone"].as_str(), found["refused"].as_u64()), (Some("api"), Some(2)));
    server.stop().await.expect("stops");
}
