//! A real server on a port of its own, and a real TLS client that keeps cookies.

#![allow(clippy::disallowed_methods, reason = "certificates and codes follow the real clock")]

use edge::{Exposure, Limits};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use identity::RegistrationMode;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};
use stockade::{
    desk,
    server::{Options, Rates, Server, jobs::Capacity},
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use totp_rs::{Algorithm, Builder, Secret};

/// The owner's password in every test.
pub const PASSWORD: &str = "correct horse battery staple";
/// The owner's address in every test.
pub const EMAIL: &str = "ada@example.org";

/// Nobody here can open what is sealed to it.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
/// A quota that nobody uses up.
const FREE: u32 = 1 << 30;

/// What the server is started with: loopback, any free port.
pub fn options(root: &Path) -> Options {
    Options {
        witnesses: stockade::desk::WitnessTerms::default(),
        backups: stockade::desk::BackupTerms::default(),
        home: root.into(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        exposure: Exposure::Loopback,
        front: stockade::server::Front::default(),
        capacity: Capacity { workers: 1, queue: 8 },
        limits: Limits::default(),
        // Tests ask more often than people.
        rates: Rates { general: FREE, api: FREE, account: FREE, files: FREE },
        letters: None,
        relay: None,
        registration: RegistrationMode::Invite,
        breached_passwords: None,
        machines: None,
        disclosure: stockade::desk::DisclosureTerms {
            contact: "security@example.org".to_owned(),
            recipients: vec![RECIPIENT.parse().expect("a key of age")],
        },
        operations: stockade::server::OperationsTerms::default(),
        self_tests: stockade::server::SelfTests::OnCall,
        addresses: stockade::desk::AddressTerms::default(),
    }
}

/// Starts a server on a directory.
pub async fn start(root: &Path) -> Server {
    Server::start(options(root)).await.expect("the server starts")
}

/// A browser without pages: one TLS connection per request, cookies kept.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    tls: TlsConnector,
    pub cookies: BTreeMap<String, String>,
    /// What the authenticator knows since the set-up.
    pub secret: String,
    /// From which of this machine's addresses it comes, where not from the usual one.
    pub source: Option<IpAddr>,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails with the body unless the status is the expected one.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Browser {
    /// Trusts the server's own authority and nobody else.
    pub fn new(server: &Server) -> Self {
        Self::at(server.started.address, &server.started.authority)
    }

    /// At an address, trusting the authority in a file and nobody else.
    pub fn at(address: SocketAddr, authority: &Path) -> Self {
        let pem = std::fs::read(authority).expect("the authority");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        Self { address, tls, cookies: BTreeMap::new(), secret: String::new(), source: None }
    }

    /// A connection, on which nothing was said yet.
    pub async fn connect(&self) -> TlsStream<TcpStream> {
        let tcp = match self.source {
            None => TcpStream::connect(self.address).await,
            Some(source) => {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind((source, 0).into()).expect("one of this machine's");
                socket.connect(self.address).await
            }
        };
        let tcp = tcp.expect("connects");
        let name = ServerName::try_from("localhost").expect("a name");
        self.tls.connect(name, tcp).await.expect("a handshake")
    }

    /// Sends a request as it is, with the cookies; the body is still to be read.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = self.connect().await;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert("localhost".parse().expect("a host"));
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let line = pairs.collect::<Vec<_>>().join("; ");
            headers.insert(header::COOKIE, line.parse().expect("cookies"));
        }
        sender.send_request(request).await.expect("an answer")
    }

    /// Sends a request as it is and reads the answer to its end.
    pub async fn raw(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("text");
            let (pair, rest) = line.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.raw(request(Method::GET, path, None)).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.raw(request(Method::POST, path, Some(body))).await
    }

    /// Posts what was refused for want of work, with the work.
    pub async fn post_worked(&mut self, path: &str, body: Value) -> Answer {
        let given = self.get("/api/v1/puzzle").await.expect(200).json();
        let (puzzle, bits) = (given["puzzle"].as_str().expect("text"), given["bits"].as_u64());
        let answer = (0..1_u64 << 40)
            .map(|n| format!("{n:x}"))
            .find(|answer| {
                u64::from(identity::zero_bits(puzzle, answer)) >= bits.expect("a number")
            })
            .expect("there is one");
        let mut asked = request(Method::POST, path, Some(body));
        let work = format!("{puzzle}.{answer}").parse().expect("a header");
        asked.headers_mut().insert("stockade-work", work);
        self.raw(asked).await
    }

    pub async fn put(&mut self, path: &str, body: Value) -> Answer {
        self.raw(request(Method::PUT, path, Some(body))).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        self.raw(request(Method::DELETE, path, None)).await
    }

    /// Makes the owner's account from the printed link; the recovery codes.
    pub async fn set_up(&mut self, server: &Server) -> Vec<String> {
        let link = server.started.setup_link.clone().expect("a link");
        self.set_up_by(&link).await
    }

    /// The same from a link that somebody read off a terminal.
    pub async fn set_up_by(&mut self, link: &str) -> Vec<String> {
        let token = link.split_once('#').expect("a fragment").1;
        let form = json!({ "token": token, "email": EMAIL, "password": PASSWORD });
        let begun = self.post("/api/v1/setup/begin", form).await.expect(200).json();
        let secret = begun["totp"]["secret"].as_str().expect("a secret").to_owned();
        assert!(begun["totp"]["qr_svg"].as_str().expect("a picture").contains("<svg"));
        let code = code(&secret, 0);
        self.secret = secret;
        let finish = json!({ "ticket": begun["ticket"], "code": code });
        let done = self.post("/api/v1/setup/finish", finish).await.expect(200).json();
        let codes = done["recovery_codes"].as_array().expect("codes");
        assert_eq!(codes.len(), 10);
        codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect()
    }

    /// The same person at a server that has started again.
    pub fn moved(&self, server: &Server) -> Self {
        let (cookies, secret) = (self.cookies.clone(), self.secret.clone());
        Self { cookies, secret, ..Self::new(server) }
    }

    /// Gives both factors again.
    pub async fn step_up(&mut self, password: &str, kind: &str, code: &str) -> Answer {
        let form = json!({ "password": password, "factor": { "kind": kind, "code": code } });
        self.post("/api/v1/session/step-up", form).await
    }

    /// Signs in. After the enrolment that takes a recovery code: an authenticator's code works
    /// once, and the next one is half a minute away.
    pub async fn sign_in(&mut self, kind: &str, code: &str) -> Answer {
        let form = json!({ "email": EMAIL, "password": PASSWORD });
        let asked = self.post("/api/v1/sign-in", form).await.expect(200).json();
        let factor = json!({ "challenge": asked["challenge"], "kind": kind, "code": code });
        self.post("/api/v1/sign-in/factor", factor).await
    }
}

/// A request as a program sends it.
pub fn request(method: Method, path: &str, body: Option<Value>) -> Request<Full<Bytes>> {
    let typed = body.is_some() || method != Method::GET;
    let mut builder = Request::builder().method(method).uri(path);
    if typed {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    let bytes = body.map(|body| body.to_string()).unwrap_or_default();
    builder.body(Full::new(Bytes::from(bytes))).expect("a request")
}

/// The code of an authenticator, so many steps from now.
pub fn code(secret: &str, steps: i64) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let totp =
        Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build_noncompliant();
    let now = jiff::Timestamp::now().as_second() + steps * 30;
    totp.generate(now.unsigned_abs()).to_string()
}

/// Made-up prices of two symbols over so many days, rising and falling in turn.
fn prices(days: u32) -> String {
    let start: jiff::civil::Date = "2020-01-01".parse().expect("a date");
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for day in 0..days {
        let date = start.checked_add(jiff::Span::new().days(i64::from(day))).expect("a date");
        for (symbol, base) in [("AAA", 100), ("BBB", 50)] {
            let price = base + (day / 20 % 2 * 10) + day % 7;
            let _ = writeln!(
                text,
                "{date},{symbol},{price}.00,{}.00,{}.00,{price}.50,1000",
                price + 2,
                price - 1
            );
        }
    }
    text
}

/// Imports the prices through the control socket of the running server.
pub async fn import(root: &Path, days: u32) {
    let (root, file) = (root.to_owned(), root.join("made-up.csv"));
    std::fs::write(&file, prices(days)).expect("writes");
    let done = tokio::task::spawn_blocking(move || {
        let desk = desk::connect(&root).expect("connects");
        assert!(desk.address().expect("answers").is_some(), "the server holds the directory");
        let request = catalog::ImportRequest::new(file, "made-up", desk::now());
        desk.import(&request, &mut |_, _| ControlFlow::Continue(())).expect("imports")
    });
    assert_eq!(done.await.expect("joins").rows_kept, u64::from(days) * 2);
}

/// The events at a path until they end: id, name, data.
pub async fn events(
    browser: &Browser,
    path: &str,
    last: Option<&str>,
) -> Vec<(u64, String, Value)> {
    let mut asked = request(Method::GET, path, None);
    if let Some(last) = last {
        asked.headers_mut().insert("last-event-id", last.parse().expect("a number"));
    }
    let answer = browser.send(asked).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let body = answer.into_body().collect().await.expect("an end").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("text");
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    let one = |event: &str| {
        let data = serde_json::from_str(&field(event, "data:")?).expect("JSON");
        Some((field(event, "id:")?.parse().expect("a number"), field(event, "event:")?, data))
    };
    text.split("\n\n").filter_map(one).collect()
}
