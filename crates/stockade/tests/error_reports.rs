//! Errors of the server, told to a service that speaks Sentry's protocol: what arrives is held against the
//! protocol, and against what must never leave.

use crate::browser::options;
use edge::{Limits, LocalDoor};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use seal::Secret;
use serde_json::Value;
use std::{net::SocketAddr, path::Path, time::Duration};
use stockade::{
    desk::{now, secrets_of},
    server::{
        self, Cost, Options, Rule, Server, Words,
        operations::errors::{Fault, SECRET},
        routes,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SEALED: &str = "canary-sealed-secret-value";
const CAUSE: &str = "canary said \"canary words\" at /home/canary/x.db for canary@example.org from \
                     192.0.2.77 by password=canary, canary-sealed-secret-value";

/// A request as it came over the wire.
struct Came {
    head: String,
    body: Vec<u8>,
}

/// A service of one's own: it keeps what comes and answers as it is told, in turn.
async fn service(answers: &'static [&'static str]) -> (SocketAddr, mpsc::Receiver<Came>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let (tell, heard) = mpsc::channel(100);
    tokio::spawn(async move {
        for n in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let answer = answers.get(n).or(answers.last()).copied().unwrap_or_default();
            if tell.send(read(stream, answer).await).await.is_err() {
                return;
            }
        }
    });
    (address, heard)
}

async fn read(mut stream: TcpStream, answer: &str) -> Came {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.expect("reads");
        assert!(read > 0, "the request was cut off");
        bytes.extend_from_slice(&piece[..read]);
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
            let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = line.expect("a length").parse().expect("a number");
            bytes.drain(..end + 4);
            break (head, length);
        }
    };
    while bytes.len() < length {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.expect("reads");
        assert!(read > 0, "the body was cut off");
        bytes.extend_from_slice(&piece[..read]);
    }
    let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.expect("writes");
    Came { head, body: bytes }
}

/// The event of a request, read as strictly as the protocol is written.
fn event(came: &Came) -> Value {
    let mut lines = came.head.lines();
    assert_eq!(lines.next(), Some("POST /in/api/42/envelope/ HTTP/1.1"));
    let field = |name: &str| {
        let mut found = came.head.lines().filter_map(|line| line.strip_prefix(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name}: {}", came.head));
        assert!(found.next().is_none(), "{name} twice");
        value
    };
    assert_eq!(field("content-type: "), "application/x-sentry-envelope");
    let signed_in = field("x-sentry-auth: ").strip_prefix("Sentry ").expect("the scheme");
    let part = |name: &str| {
        let parts = signed_in.split(", ").filter_map(|part| part.split_once('='));
        parts.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    assert_eq!(part("sentry_version").as_deref(), Some("7"));
    assert_eq!(part("sentry_key").as_deref(), Some(KEY));
    assert!(part("sentry_client").is_some_and(|client| client.starts_with("stockade/")));
    let end = |bytes: &[u8]| memchr::memchr(b'\n', bytes).expect("a line ends by a newline");
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
    let (head, rest) = came.body.split_at(end(&came.body));
    let (item, rest) = rest[1..].split_at(end(&rest[1..]));
    let (head, item, rest) = (json(head), json(item), &rest[1..]);
    let id = head["event_id"].as_str().expect("an id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let sent: jiff::Timestamp = head["sent_at"].as_str().expect("a time").parse().expect("a time");
    assert!(now().duration_since(sent).abs() < jiff::SignedDuration::from_mins(1));
    assert_eq!(item["type"], "event");
    let length = usize::try_from(item["length"].as_u64().expect("a length")).expect("small");
    let payload = json(&rest[..length]);
    assert!(matches!(&rest[length..], b"" | b"\n"), "one item, and a newline at most");
    assert_eq!(payload["event_id"], head["event_id"]);
    assert!(matches!(payload["level"].as_str(), Some("error" | "fatal")), "{payload}");
    assert_eq!(payload["platform"], "native");
    assert!(payload["exception"]["values"][0]["type"].is_string(), "{payload}");
    payload
}

/// Seals a DSN, and another secret, before the server is started.
async fn sealed(root: &Path, dsn: &str) {
    let secrets = secrets_of(&root.into()).await.expect("opens");
    for (name, value) in [(SECRET, dsn), ("vendor.canary", SEALED)] {
        let value = Secret::new(value.as_bytes().to_vec());
        secrets.keep(name, "host", &value, now()).expect("keeps");
    }
}

fn dsn(address: SocketAddr) -> String {
    format!("http://{KEY}@{address}/in/42")
}

/// A server whose handlers break, behind a socket of its own.
struct Broken {
    server: Server,
    stop: CancellationToken,
    sender: http1::SendRequest<Empty<Bytes>>,
}

impl Broken {
    async fn start(root: &Path) -> Self {
        let server = Server::start(options(root)).await.expect("starts");
        let open = Rule::Open("a test");
        let words = || Words::new(Cost::Light, "breaks");
        let told = |yes: bool| {
            assert!(!yes, "{CAUSE}");
            ""
        };
        let table = routes::table()
            .get("/broken/{what}", open, words(), async move || told(true))
            .get("/full", open, words(), async || -> server::Answer<&'static str> {
                Err(server::Problem::internal(&CAUSE))
            });
        let path = root.join("broken.sock");
        let door = LocalDoor::bind(&path).await.expect("binds");
        let stop = CancellationToken::new();
        let pages = server::service(server.app(), table);
        tokio::spawn(edge::serve(door, pages, Limits::default(), stop.clone()));
        let stream = UnixStream::connect(&path).await.expect("connects");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Self { server, stop, sender }
    }

    async fn ask(&mut self, path: &str) -> u16 {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, "Bearer canary-token")
            .header(header::COOKIE, "session=canary-cookie")
            .header(header::USER_AGENT, "canary-agent");
        let request = request.body(Empty::new()).expect("a request");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status().as_u16();
        answer.into_body().collect().await.expect("a body");
        status
    }

    async fn stop(self) {
        self.stop.cancel();
        drop(self.sender);
        self.server.stop().await.expect("stops");
    }
}

/// Waits for the next request, as long as a slow machine needs.
async fn next(heard: &mut mpsc::Receiver<Came>) -> Came {
    let waiting = tokio::time::timeout(Duration::from_secs(30), heard.recv());
    waiting.await.expect("in time").expect("a request")
}

#[tokio::test]
async fn an_error_arrives_as_the_protocol_has_it_and_without_anything_of_anybody() {
    let root = tempfile::tempdir().expect("a directory");
    let (address, mut heard) = service(&["200 OK"]).await;
    sealed(root.path(), &dsn(address)).await;
    let mut broken = Broken::start(root.path()).await;
    for (path, kind, route) in [
        ("/broken/canary-path", "Panic", "GET /broken/{what}"),
        ("/full", "ServerError", "GET /full"),
    ] {
        assert_eq!(broken.ask(path).await, 500, "{path}");
        let came = next(&mut heard).await;
        let told = event(&came);
        assert_eq!(told["transaction"], route, "{told}");
        assert_eq!(told["exception"]["values"][0]["type"], kind);
        assert_eq!(told["tags"]["status"], "500");
        let all = came.head.clone() + &String::from_utf8_lossy(&came.body);
        for word in ["canary", "192.0.2", "/home", "example.org", "password"] {
            assert!(!all.contains(word), "{word} left: {all}");
        }
        assert!(came.body.len() < 16 << 10);
    }
    // What goes well, and what a client does wrong, is no error of ours.
    assert_eq!(broken.ask("/health").await, 200);
    assert_eq!(broken.ask("/api/v1/nothing").await, 404);
    assert_eq!(broken.ask("/ready").await, 503);
    let reporter = broken.server.app().operations().reporter().expect("there is one").clone();
    broken.stop().await;
    assert!(heard.try_recv().is_err(), "nothing else was told");
    let told = reporter.told();
    assert_eq!((told.sent, told.dropped, told.failed), (2, 0, 0));
}

#[tokio::test]
async fn a_fault_that_repeats_itself_is_told_thirty_times_a_minute_and_the_rest_is_counted() {
    let root = tempfile::tempdir().expect("a directory");
    let (address, mut heard) = service(&["200 OK"]).await;
    sealed(root.path(), &dsn(address)).await;
    let server = Server::start(options(root.path())).await.expect("starts");
    let reporter = server.app().operations().reporter().expect("there is one").clone();
    let fault = Fault {
        kind: "ServerError",
        told: "x".to_owned(),
        route: None,
        status: Some(500),
        place: None,
    };
    for _ in 0..100 {
        reporter.report(&fault);
    }
    for _ in 0..30 {
        event(&next(&mut heard).await);
    }
    server.stop().await.expect("stops");
    assert!(heard.try_recv().is_err());
    let told = reporter.told();
    assert_eq!((told.sent, told.dropped), (30, 70));
}

#[tokio::test]
async fn a_service_that_asks_for_a_pause_gets_one_and_its_redirects_lead_nowhere() {
    let root = tempfile::tempdir().expect("a directory");
    let (elsewhere, mut lured) = service(&["200 OK"]).await;
    let redirect: &'static str =
        Box::leak(format!("307 Temporary Redirect\r\nlocation: http://{elsewhere}/").into());
    let answers: &'static [&'static str] =
        Box::leak(vec![redirect, "429 Too Many Requests\r\nretry-after: 3600", "200 OK"].into());
    let (address, mut heard) = service(answers).await;
    sealed(root.path(), &dsn(address)).await;
    let server = Server::start(options(root.path())).await.expect("starts");
    let reporter = server.app().operations().reporter().expect("there is one").clone();
    let fault =
        Fault { kind: "Panic", told: String::new(), route: None, status: None, place: None };
    for _ in 0..5 {
        reporter.report(&fault);
    }
    for _ in 0..2 {
        event(&next(&mut heard).await);
    }
    server.stop().await.expect("stops");
    assert!(heard.try_recv().is_err(), "after 429 nothing is sent for an hour");
    assert!(lured.try_recv().is_err(), "a redirect is an answer like others");
    let told = reporter.told();
    assert_eq!((told.sent, told.dropped, told.failed), (0, 4, 1));
}

#[tokio::test]
async fn without_a_dsn_nobody_is_told_and_a_wrong_one_stops_the_start() {
    let root = tempfile::tempdir().expect("a directory");
    let mut broken = Broken::start(root.path()).await;
    assert_eq!(broken.ask("/full").await, 500);
    assert!(broken.server.app().operations().reporter().is_none());
    broken.stop().await;
    for wrong in ["canary", "http://canary@errors.example/7", "https://canary@errors.example/x"] {
        let root = tempfile::tempdir().expect("a directory");
        sealed(root.path(), wrong).await;
        let refused = Server::start(Options { ..options(root.path()) }).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
