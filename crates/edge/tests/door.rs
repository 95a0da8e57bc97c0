//! Real sockets, real TLS: what a listener grants, refuses and how it ends.

#![allow(clippy::disallowed_methods, reason = "TLS compares certificates with the real clock")]

use edge::{
    Authority, Door, Drained, Error, Exposure, Leaf, Limits, LocalDoor, Peer, Tls, TlsDoor,
    TooManyHeaders,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, NamedGroup, ProtocolVersion, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    convert::Infallible, net::SocketAddr, os::unix::fs::PermissionsExt, sync::Arc, time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

const LOOPBACK: &str = "127.0.0.1:0";

/// A server that answers with its peer, and on `/slow` only once told to.
struct Server {
    directory: tempfile::TempDir,
    authority: Authority,
    address: SocketAddr,
    tls: Tls,
    stop: CancellationToken,
    ended: JoinHandle<Drained>,
    entered: mpsc::Receiver<oneshot::Sender<()>>,
}

fn leaf(authority: &Authority) -> Leaf {
    authority.leaf(jiff::Timestamp::now()).expect("a leaf")
}

async fn start(limits: Limits) -> Server {
    let directory = tempfile::tempdir().expect("a directory");
    let authority =
        Authority::open_or_create(directory.path(), jiff::Timestamp::now()).expect("an authority");
    let tls = Tls::new(leaf(&authority)).expect("TLS");
    let at = LOOPBACK.parse().expect("an address");
    let door = TlsDoor::bind(at, Exposure::Loopback, tls.clone()).await.expect("binds");
    let address = door.address().expect("an address");
    let (tell, entered) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let ended = tokio::spawn(run(door, tell, limits, stop.clone()));
    Server { directory, authority, address, tls, stop, ended, entered }
}

async fn run<D: Door>(
    door: D,
    tell: mpsc::Sender<oneshot::Sender<()>>,
    limits: Limits,
    stop: CancellationToken,
) -> Drained {
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let tell = tell.clone();
        async move {
            if request.uri().path() == "/slow" {
                let (go, wait) = oneshot::channel();
                tell.send(go).await.expect("the test listens");
                let _ = wait.await;
            }
            if request.extensions().get::<TooManyHeaders>().is_some() {
                let mut refusal = Response::new(Full::default());
                *refusal.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Ok(refusal);
            }
            if request.uri().path() == "/large" {
                return Ok(Response::new(Full::new(Bytes::from(vec![0; 1 << 20]))));
            }
            let peer = request.extensions().get::<Peer>().expect("every request has a peer");
            let body = match peer {
                Peer::Network(address) => address.ip().to_string(),
                Peer::Local => "local".to_owned(),
            };
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
        }
    });
    edge::serve(door, service, limits, stop).await
}

fn client(server: &Server, protocols: &[&[u8]]) -> ClientConfig {
    let pem = std::fs::read(server.authority.path()).expect("the authority's certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    config
}

async fn connect(server: &Server, name: &str, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(server.address).await.expect("connects");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connector = TlsConnector::from(Arc::new(client(server, protocols)));
    connector.connect(name, tcp).await.expect("a handshake")
}

#[tokio::test]
async fn tls_is_1_3_post_quantum_and_valid_for_the_names_of_this_machine() {
    let server = start(Limits::default()).await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = connect(&server, name, &[b"h2", b"http/1.1"]).await;
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.alpn_protocol(), Some(b"h2".as_slice()));
        let group =
            session.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name);
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768), "{name}");
    }
}

#[tokio::test]
async fn both_protocols_are_served_and_the_peer_is_handed_on() {
    let server = start(Limits::default()).await;
    let request = || Request::get("https://localhost/").body(Empty::<Bytes>::new()).expect("valid");
    let stream = TokioIo::new(connect(&server, "localhost", &[b"http/1.1"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let answer = sender.send_request(request()).await.expect("an answer");
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(body, "127.0.0.1");

    let stream = TokioIo::new(connect(&server, "localhost", &[b"h2"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let answer = sender.send_request(request()).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let mut many = request();
    for n in 0..100 {
        let name = http::HeaderName::try_from(format!("x-{n}")).expect("a name");
        many.headers_mut().insert(name, http::HeaderValue::from_static("1"));
    }
    let refused = sender.send_request(many).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn plain_http_hears_what_to_do() {
    let server = start(Limits::default()).await;
    let mut plain = TcpStream::connect(server.address).await.expect("connects");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("writes");
    let mut answer = Vec::new();
    // The server closes without reading the request, so the end may be a reset.
    let _ = plain.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("https.\n"), "{answer}");
}

#[tokio::test]
async fn silence_instead_of_a_handshake_is_cut() {
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let server = start(limits).await;
    let mut silent = TcpStream::connect(server.address).await.expect("connects");
    let mut byte = [0];
    assert_eq!(silent.read(&mut byte).await.expect("an end"), 0);
}

#[tokio::test]
async fn a_taken_port_and_a_public_address_are_named() {
    let server = start(Limits::default()).await;
    let bind = |address: SocketAddr, tls: Tls| TlsDoor::bind(address, Exposure::Loopback, tls);
    let taken = bind(server.address, server.tls.clone()).await.err().expect("taken");
    assert!(matches!(taken, Error::PortTaken { .. }));
    let port = server.address.port().to_string();
    assert!(taken.to_string().contains(&port) && taken.to_string().contains("--listen"));
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let refused = bind(everywhere, server.tls.clone()).await.err().expect("refused");
    assert!(matches!(refused, Error::NotLoopback { .. }), "{refused}");
}

#[tokio::test]
async fn a_replaced_leaf_serves_the_next_handshake() {
    let server = start(Limits::default()).await;
    let serial = |stream: &TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
    };
    let before = serial(&connect(&server, "localhost", &[]).await);
    std::fs::remove_file(server.directory.path().join("server.pem")).expect("removes");
    server.tls.replace(leaf(&server.authority)).expect("replaces");
    assert_ne!(serial(&connect(&server, "localhost", &[]).await), before);
}

#[tokio::test]
async fn a_drain_waits_for_requests_in_flight_and_frees_the_port_at_once() {
    let mut server = start(Limits::default()).await;
    let stream = TokioIo::new(connect(&server, "localhost", &[b"http/1.1"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let slow = Request::get("/slow").body(Empty::<Bytes>::new()).expect("valid");
    let answer = tokio::spawn(sender.send_request(slow));
    let go = server.entered.recv().await.expect("entered");
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.send(()).expect("the handler waits");
    assert_eq!(answer.await.expect("joins").expect("an answer").status(), StatusCode::OK);
    assert_eq!(server.ended.await.expect("joins"), Drained::Clean);
}

#[tokio::test]
async fn a_drain_has_a_deadline() {
    let limits = Limits { drain: Duration::from_millis(20), ..Limits::default() };
    let mut server = start(limits).await;
    let stream = TokioIo::new(connect(&server, "localhost", &[b"http/1.1"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let slow = Request::get("/slow").body(Empty::<Bytes>::new()).expect("valid");
    let answer = tokio::spawn(sender.send_request(slow));
    let _never = server.entered.recv().await.expect("entered");
    server.stop.cancel();
    assert_eq!(server.ended.await.expect("joins"), Drained::Cut { connections: 1 });
    assert!(answer.await.expect("joins").is_err());
}

#[tokio::test]
async fn the_unix_socket_is_the_owners_alone_and_survives_a_dead_predecessor() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a dead server's socket"));
    let long = directory.path().join("x".repeat(100));
    let refused = LocalDoor::bind(&long).await.err().expect("too long");
    assert!(matches!(refused, Error::SocketPath { .. }), "{refused}");
    let door = LocalDoor::bind(&path).await.expect("binds");
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let taken = LocalDoor::bind(&path).await.err().expect("taken");
    assert!(matches!(taken, Error::SocketTaken { .. }));
    let (tell, _entered) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let ended = tokio::spawn(run(door, tell, Limits::default(), stop.clone()));
    let stream = TokioIo::new(UnixStream::connect(&path).await.expect("connects"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let request = Request::get("/").body(Empty::<Bytes>::new()).expect("valid");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "local");
    stop.cancel();
    assert_eq!(ended.await.expect("joins"), Drained::Clean);
    assert!(!path.exists());
}

/// Fails where the server keeps a connection for ever.
async fn closed(mut stream: impl AsyncRead + Unpin) {
    let mut rest = Vec::new();
    // How it ends (an alert, a reset, a plain end) is the server's choice.
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
    let _ = end.await.expect("the server closes the connection");
}

#[tokio::test]
async fn silence_after_the_handshake_gives_the_place_back() {
    let short = Duration::from_millis(30);
    let limits = Limits { head: short, idle: short, connections: 1, ..Limits::default() };
    let server = start(limits).await;
    // One place: each connection is greeted only once the one before is gone.
    let protocols: [&[&[u8]]; 3] = [&[b"h2"], &[b"http/1.1"], &[]];
    for protocols in protocols {
        closed(connect(&server, "localhost", protocols).await).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_one_whose_request_is_in_work() {
    let short = Duration::from_millis(30);
    let mut server = start(Limits { idle: short, ..Limits::default() }).await;
    let open = async || {
        let stream = TokioIo::new(connect(&server, "localhost", &[b"h2"]).await);
        let executor = TokioExecutor::new();
        hyper::client::conn::http2::handshake(executor, stream).await.expect("HTTP/2")
    };
    let to = |path: &str| Request::get(path).body(Empty::<Bytes>::new()).expect("valid");
    let (mut busy, connection) = open().await;
    tokio::spawn(connection);
    let answer = tokio::spawn(busy.send_request(to("https://localhost/slow")));
    let (mut other, connection) = open().await;
    let connection = tokio::spawn(connection);
    let quick = other.send_request(to("https://localhost/")).await.expect("an answer");
    assert_eq!(quick.status(), StatusCode::OK);
    let go = server.entered.recv().await.expect("entered");
    connection.await.expect("joins").expect("closed gracefully, while its sender lives");
    drop(other);
    go.send(()).expect("the handler still waits");
    assert_eq!(answer.await.expect("joins").expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn who_does_not_take_an_answer_is_cut_whatever_else_they_ask_for() {
    // Long enough that a busy machine asks again within it.
    let short = Duration::from_millis(500);
    let server = start(Limits { idle: short, ..Limits::default() }).await;
    let stream = TokioIo::new(connect(&server, "localhost", &[b"h2"]).await);
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1)
        .handshake(stream)
        .await
        .expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let to = |method: Method, path: &str| {
        let uri = format!("https://localhost{path}");
        Request::builder().method(method).uri(uri).body(Empty::<Bytes>::new()).expect("valid")
    };
    let large = sender.send_request(to(Method::GET, "/large"));
    let unread = large.await.expect("an answer");
    let asking =
        tokio::spawn(
            async move { while sender.send_request(to(Method::HEAD, "/")).await.is_ok() {} },
        );
    let end = tokio::time::timeout(Duration::from_secs(20), connection);
    let _ = end.await.expect("the server cuts the connection");
    asking.await.expect("is refused in the end");
    let taken = unread.into_body().collect().await;
    assert!(taken.is_err(), "most of it was never sent");
}

#[tokio::test]
async fn one_peer_has_its_share_of_the_places_and_no_more() {
    let server = start(Limits { connections_from_loopback: 2, ..Limits::default() }).await;
    let mut seated = Vec::new();
    for _ in 0..2 {
        seated.push(connect(&server, "localhost", &[b"h2"]).await);
    }
    closed(TcpStream::connect(server.address).await.expect("the kernel connects")).await;
    drop(seated);
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(client(&server, &[b"h2"])));
    // The server sees the others leave a moment later.
    let again = async {
        loop {
            let tcp = TcpStream::connect(server.address).await.expect("connects");
            if connector.connect(name.clone(), tcp).await.is_ok() {
                return;
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(20), again);
    again.await.expect("who leaves gives the place back");
}
