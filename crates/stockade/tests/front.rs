//! How a server stands before the world: the port without TLS, strict transport, its certificate.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a missing field fails it"
)]
#![allow(clippy::disallowed_methods, reason = "certificates follow the real clock")]

#[path = "../../edge/tests/pebble/mod.rs"]
mod pebble;

use crate::browser::{Answer, Browser, options, request, start};
use edge::{AcmeTerms, Challenge, Exposure, Limits};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::SignedDuration;
use pebble::{Pebble, free_ports};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use stockade::{
    desk::{self, Served},
    server::{
        Front, Options, Server, StrictTransport,
        certificates::{Certificates, Standing},
        headers::ALWAYS,
        posture::Probe,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const NAME: &str = "trade.example.org";
const WITHIN: Duration = Duration::from_mins(1);

fn here() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A server that leads from a port without TLS to its public name.
async fn leading(root: &Path, limits: Limits) -> (Server, SocketAddr) {
    let origin = format!("https://{NAME}").parse().expect("an origin");
    let front = Front { origin: Some(origin), plain: Some(here()), ..Front::default() };
    let server = Server::start(Options { front, limits, ..options(root) }).await.expect("starts");
    let plain = server.started.plain.expect("it is there");
    (server, plain)
}

/// Sends these bytes and reads until the server closes; the head in lower case, and the body.
async fn say(to: SocketAddr, text: &str) -> (String, String) {
    let mut stream = TcpStream::connect(to).await.expect("connects");
    stream.write_all(text.as_bytes()).await.expect("writes");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WITHIN, stream.read_to_end(&mut answer));
    // What is refused unread may end in a reset.
    let _ = read.await.expect("it closes");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (head.to_lowercase(), body.to_owned())
}

fn line<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Each of these headers once, and no strict transport, which counts only where it came with TLS.
fn hardened(head: &str) {
    for (name, value) in ALWAYS {
        let found: Vec<_> =
            head.lines().filter(|line| line.starts_with(&format!("{name}: "))).collect();
        assert_eq!(found, [format!("{name}: {value}").to_lowercase()], "{head}");
    }
    assert_eq!(line(head, "strict-transport-security"), None, "{head}");
}

#[tokio::test]
async fn without_tls_pages_are_led_on_and_calls_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, plain) = leading(directory.path(), Limits::default()).await;
    let ask = async |what: &str, more: &str, status: &str| {
        let text =
            format!("{what} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n{more}\r\n");
        let (head, body) = say(plain, &text).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{what}: {head}");
        hardened(&head);
        assert_eq!(line(&head, "cache-control"), Some("no-store"), "{what}");
        (head, body)
    };
    for method in ["GET", "HEAD"] {
        let (head, body) = ask(&format!("{method} /some/page?x=1"), "", "308").await;
        let to = line(&head, "location").expect("a place");
        assert_eq!(to, format!("https://{NAME}/some/page?x=1"));
        assert_eq!(body, "");
    }
    let (head, _) = ask("GET http://evil.example//a/../b", "", "308").await;
    assert_eq!(line(&head, "location"), Some("https://trade.example.org//a/../b"));
    for (what, more) in [
        ("GET /api/v1/session", ""),
        ("POST /api/v1/sign-in", "content-length: 0\r\n"),
        ("POST /", "content-length: 0\r\n"),
        ("OPTIONS *", ""),
        ("DELETE /health", ""),
        ("GET /", "authorization: Bearer x\r\n"),
    ] {
        let (head, body) = ask(what, more, "403").await;
        assert_eq!(line(&head, "content-type"), Some("application/problem+json"));
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(problem["code"], "without-tls");
        assert!(problem["fix"].as_str().expect("a fix").contains("https://trade.example.org"));
    }
    ask("GET /.well-known/acme-challenge/abc", "", "404").await;
    let mut browser = Browser::new(&server);
    browser.get("/health").await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_port_without_tls_has_the_limits_of_the_other_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let short = Duration::from_millis(50);
    let limits = Limits { head: short, idle: short, ..Limits::default() };
    let (server, plain) = leading(directory.path(), limits).await;
    let (head, _) = say(plain, "no HTTP at all\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 400 "), "{head}");
    hardened(&head);
    let many = (0..80).fold(String::new(), |text, n| text + &format!("x-{n}: 1\r\n"));
    let (head, _) = say(plain, &format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(head.starts_with("http/1.1 431 "), "{head}");
    hardened(&head);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(40_000));
    let (head, _) = say(plain, &long).await;
    assert!(head.starts_with("http/1.1 4") || head.is_empty(), "{head}");
    // Who begins and falls silent is cut off, and so is who has heard an answer.
    say(plain, "GET / HTTP/1.1\r\nhost: x\r\n").await;
    say(plain, "").await;
    let (head, _) = say(plain, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 308 "), "{head}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn without_the_setting_there_is_no_port_without_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    assert_eq!(server.started.plain, None);
    let everywhere = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    let front = Front { plain: everywhere, ..Front::default() };
    let other = tempfile::tempdir().expect("a directory");
    let refused = Server::start(Options { front, ..options(other.path()) }).await;
    let refused = refused.err().expect("nobody said that it may be public").to_string();
    assert!(refused.contains("--public"), "{refused}");
    let (code, said) = typed(directory.path(), &["certificate", "show"]).await;
    assert!(code == Some(2) && said.contains("acme.directory"), "{said}");
}

/// An answer of a server to who means `host`.
async fn of(browser: &mut Browser, method: Method, host: &str, path: &str) -> Answer {
    let body = (method == Method::POST).then(|| json!({}));
    let mut asked = request(method, path, body);
    asked.headers_mut().insert(header::HOST, host.parse().expect("a host"));
    browser.raw(asked).await
}

#[tokio::test]
async fn strict_transport_stands_on_every_answer_of_a_public_server_and_on_none_of_this_machine() {
    for (stage, value) in [
        (StrictTransport::Year, "max-age=31536000"),
        (StrictTransport::Subdomains, "max-age=31536000; includeSubDomains"),
        (StrictTransport::Preload, "max-age=31536000; includeSubDomains; preload"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let front = Front { strict: stage, ..Front::default() };
        let open = Options { front, exposure: Exposure::Public, ..options(directory.path()) };
        let server = Server::start(open).await.expect("starts");
        let mut browser = Browser::new(&server);
        for (method, path, status) in [
            (Method::GET, "/health", 200),
            (Method::GET, "/nothing.txt", 404),
            (Method::GET, "/api/v1/datasets", 401),
            (Method::DELETE, "/health", 405),
            (Method::POST, "/api/v1/sign-in", 422),
        ] {
            let answer = of(&mut browser, method.clone(), NAME, path).await.expect(status);
            let found: Vec<_> =
                answer.headers.get_all(header::STRICT_TRANSPORT_SECURITY).iter().collect();
            assert_eq!(found, [value], "{method} {path}");
            for own in ["localhost", "a.localhost", "127.0.0.1", "[::1]:8443"] {
                let answer = of(&mut browser, method.clone(), own, path).await.expect(status);
                let found = answer.headers.get(header::STRICT_TRANSPORT_SECURITY);
                assert_eq!(found, None, "{method} {path} at {own}");
            }
        }
        // What is refused before anything is asked has it too: no name is known then.
        let mut stream = browser.connect().await;
        stream.write_all(b"no HTTP at all\r\n\r\n").await.expect("writes");
        let mut refused = String::new();
        let _ = stream.read_to_string(&mut refused).await;
        let line = format!("strict-transport-security: {value}\r\n");
        assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains(&line), "{refused}");
        server.stop().await.expect("stops");
    }
}

fn certificates(server: &Server) -> Arc<Certificates> {
    Arc::clone(server.app().certificates().expect("somebody sees to the certificate"))
}

/// Waits until so many orders have ended.
async fn orders(server: &Server, count: u64) -> Standing {
    let certificates = certificates(server);
    let ended = async {
        loop {
            let standing = certificates.standing();
            if standing.orders >= count {
                return standing;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WITHIN, ended).await.expect("the order ends")
}

/// Types a command at the running server; how it ended, and all that was said.
async fn typed(root: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.arg("--data-dir").arg(root).args(words).env_clear().stdin(Stdio::null());
    let ended = command.output().await.expect("runs");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).expect("text"))
}

/// How often the log tells of this.
async fn told(server: &Server, kind: &str) -> usize {
    let page = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    page.lines.iter().filter(|line| line.kind == kind).count()
}

fn terms(url: &str, authority: Option<PathBuf>) -> AcmeTerms {
    let mut terms = AcmeTerms::parse(url, NAME, "").expect("good terms");
    terms.authority = authority;
    terms.challenge = Challenge::Http;
    terms
}

#[tokio::test]
async fn a_server_whose_acme_server_is_dead_serves_on_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let [nobody] = free_ports().await;
    let acme = Some(terms(&format!("https://localhost:{nobody}/dir"), None));
    let front = Front { acme, plain: Some(here()), ..Front::default() };
    let server = Server::start(Options { front, ..options(directory.path()) }).await;
    let server = server.expect("starts");
    let standing = orders(&server, 1).await;
    assert!(standing.served.is_none());
    let failure = standing.failure.expect("it failed");
    assert!(failure.contains("does not answer as it should"), "{failure}");
    let wait = standing.next.expect("another is due").duration_since(desk::now()).as_secs();
    assert!((500..=1200).contains(&wait), "{wait} seconds");
    let mut browser = Browser::new(&server);
    browser.get("/health").await.expect(200);
    let late = certificates(&server).late(desk::now()).expect("there is none");
    assert!(late.contains("no certificate"), "{late}");
    let entry = async { while told(&server, "certificate.late").await == 0 {} };
    tokio::time::timeout(WITHIN, entry).await.expect("the log tells of it");
    certificates(&server).renew();
    orders(&server, 2).await;
    assert_eq!(told(&server, "certificate.late").await, 1, "once a day");
    let (code, said) = typed(directory.path(), &["certificate", "show"]).await;
    assert!(code == Some(3) && said.contains("does not answer as it should"), "{said}");
    let (code, said) = typed(directory.path(), &["certificate", "renew"]).await;
    assert!(code == Some(1) && said.contains("no certificate was issued"), "{said}");
    server.app().observatory().look(server.app(), &[Probe::Certificate]).await;
    let turns = server.app().desk().turns("S07").await.expect("reads");
    assert_eq!(turns.last().expect("a row").to, audit::posture::State::NotMet);
    server.stop().await.expect("stops");
}

/// The subjects of the letters about certificates.
async fn subjects(browser: &mut Browser) -> Vec<String> {
    let outbox = browser.get("/api/v1/outbox").await.expect(200).json();
    let letters = outbox["letters"].as_array().expect("letters").iter();
    let subject = |letter: &Value| letter["subject"].as_str().map(str::to_owned);
    letters.filter_map(subject).filter(|one| one.contains("ertificate")).collect()
}

#[tokio::test]
async fn whoever_runs_the_server_is_told_by_letter_once_a_stage_and_when_it_is_well_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let [nobody] = free_ports().await;
    let acme = Some(terms(&format!("https://localhost:{nobody}/dir"), None));
    let front = Front { acme, plain: Some(here()), ..Front::default() };
    let server = Server::start(Options { front, ..options(directory.path()) }).await;
    let server = server.expect("starts");
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    orders(&server, 1).await;
    certificates(&server).renew();
    orders(&server, 2).await;
    let told = async {
        while subjects(&mut browser).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WITHIN, told).await.expect("a letter is written");
    let (accounts, now) = (server.app().accounts(), desk::now());
    assert_eq!(accounts.tell_of_late_certificate(None, now).await.expect("asks"), 0);
    assert_eq!(subjects(&mut browser).await, ["There is no certificate"]);
    // One that ends soon is told in stages, and once it is renewed that is told to whoever knew.
    let at = |days: i64| now + SignedDuration::from_hours(24 * days);
    let ending = Served { fingerprint: "ab".repeat(32), ends: at(13) };
    for (days, letters) in [(0, 1), (1, 0), (6, 1), (7, 0), (11, 1), (12, 0)] {
        let told = accounts.tell_of_late_certificate(Some(&ending), at(days)).await;
        assert_eq!(told.expect("tells"), letters, "{days}");
    }
    let unknown = Served { fingerprint: "cd".repeat(32), ends: at(13) };
    for (before, letters) in [(&ending, 1), (&ending, 0), (&unknown, 0)] {
        let told = accounts.tell_of_renewed_certificate(Some(before), at(90), at(12)).await;
        assert_eq!(told.expect("tells"), letters);
    }
    server.stop().await.expect("stops");
}

/// A handshake for the public name, by who believes these roots alone.
async fn connect(at: SocketAddr, roots: &Path) -> io::Result<TlsStream<TcpStream>> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(roots).expect("PEM") {
        store.add(root.expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(at).await?;
    let name = ServerName::try_from(NAME).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

async fn shown(at: SocketAddr, roots: &Path) -> Vec<u8> {
    let stream = connect(at, roots).await.expect("is believed");
    stream.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
}

/// Four who ask without a pause: two over a connection of their own each time, two over one.
struct Load {
    stop: Arc<AtomicBool>,
    asking: Vec<JoinHandle<usize>>,
}

impl Load {
    fn start(at: SocketAddr, roots: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asking = [true, true, false, false]
            .map(|anew| tokio::spawn(asked(at, roots.to_owned(), stop.clone(), anew)));
        Self { stop, asking: asking.into() }
    }

    /// How many pages came; one that did not fails the test.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = 0;
        for one in self.asking {
            all += one.await.expect("none failed");
        }
        all
    }
}

/// Asks one page after another, each over a connection of its own or all over one; how many came.
async fn asked(at: SocketAddr, roots: PathBuf, stop: Arc<AtomicBool>, anew: bool) -> usize {
    let mut asked = 0;
    while !stop.load(Ordering::SeqCst) {
        let stream = TokioIo::new(connect(at, &roots).await.expect("a handshake"));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("h2");
        tokio::spawn(connection);
        loop {
            let page = Request::get(format!("https://{NAME}/health")).body(Empty::<Bytes>::new());
            let answer = sender.send_request(page.expect("valid")).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            answer.into_body().collect().await.expect("a body");
            asked += 1;
            if anew || stop.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_gets_its_certificate_and_renews_it_under_load_and_outlives_its_acme_server() {
    if !pebble::is_here() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let [http, https] = free_ports().await;
    let pebble = Pebble::start(http, https).await;
    let roots = pebble.authority();
    let opened = || {
        let front = Front {
            origin: Some(format!("https://{NAME}").parse().expect("an origin")),
            plain: Some(SocketAddr::from(([127, 0, 0, 1], http))),
            acme: Some(terms(&pebble.url(), Some(pebble.authority()))),
            ..Front::default()
        };
        let listen = SocketAddr::from(([127, 0, 0, 1], https));
        let exposure = Exposure::Public;
        Server::start(Options { front, listen, exposure, ..options(directory.path()) })
    };
    let server = opened().await.expect("starts");
    let at = server.started.address;
    let standing = orders(&server, 1).await;
    assert_eq!(standing.failure, None);
    let served = standing.served.expect("it is issued");
    assert_eq!(standing.next, Some(served.due()));
    let first = shown(at, &roots).await;
    assert_eq!(told(&server, "certificate.issued").await, 1);
    server.app().observatory().look(server.app(), &[Probe::Certificate]).await;
    let turns = server.app().desk().turns("S07").await.expect("reads");
    let posture = server.app().observatory().signed(server.app()).await.expect("signs");
    assert_eq!(posture.posture.subject, format!("https://{NAME}"));
    assert_eq!(posture.posture.spki_sha256, hex::encode(served.facts.spki_sha256));
    assert!(turns.iter().all(|turn| turn.to != audit::posture::State::NotMet), "{turns:?}");

    let load = Load::start(at, &roots);
    let mut before = first;
    for n in 2..=5 {
        certificates(&server).renew();
        let standing = orders(&server, n).await;
        assert_eq!(standing.failure, None);
        let after = shown(at, &roots).await;
        assert_ne!(after, before, "the next handshake has the new one");
        before = after;
    }
    let (code, said) = typed(directory.path(), &["certificate", "renew", "--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    let view: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&view["names"][0], &view["failure"]), (&json!(NAME), &Value::Null));
    let after = shown(at, &roots).await;
    assert_ne!(after, before);
    before = after;
    // Its server dies: the certificate goes on serving, and the failure is told.
    pebble.cut(true);
    certificates(&server).renew();
    let standing = orders(&server, 7).await;
    assert!(standing.failure.is_some() && standing.served.is_some());
    let asked = load.end().await;
    println!("{asked} requests over five renewals and a failure, none failed");
    assert!(asked > 20, "{asked}");
    assert_eq!(shown(at, &roots).await, before);
    assert_eq!(certificates(&server).late(desk::now()), None);
    let served = standing.served.expect("it is");
    let soon = served.facts.expires - Duration::from_hours(13 * 24);
    let late = certificates(&server).late(soon).expect("two weeks are not enough");
    assert!(late.contains("is not renewed: the ACME server does not answer"), "{late}");
    server.stop().await.expect("stops");
    // Started again without its ACME server it has what it had.
    let server = opened().await.expect("starts");
    assert_eq!(shown(at, &roots).await, before);
    assert!(certificates(&server).standing().next.expect("not yet") > desk::now());
    assert_eq!(certificates(&server).standing().orders, 0);
    server.stop().await.expect("stops");
}
