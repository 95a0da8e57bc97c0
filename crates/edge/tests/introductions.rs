//! A door where proxies say who comes: believed of them alone, once, and before TLS.

#![allow(clippy::disallowed_methods, reason = "TLS compares certificates with the real clock")]

use edge::{
    Authority, Drained, Exposure, Greeting, Limits, Offer, Peer, Proxies, Telling, Tls, TlsDoor,
    greet, serve_behind,
};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

const WITHIN: Duration = Duration::from_secs(20);
/// Who is believed here.
const PROXY: &str = "127.0.0.2";
/// Version 2, for 203.0.113.7:5 at 192.0.2.1:443.
const IN_BYTES: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc0\0\x02\x01\0\x05\x01\xbb";
/// The same in version 1.
const IN_TEXT: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 5 443\r\n";

struct Server {
    address: SocketAddr,
    client: Arc<ClientConfig>,
    stop: CancellationToken,
    ended: JoinHandle<Drained>,
    _directory: tempfile::TempDir,
}

/// A server that answers with the address of whoever asks.
async fn start(limits: Limits, proxies: Proxies) -> Server {
    let directory = tempfile::tempdir().expect("a directory");
    let now = jiff::Timestamp::now();
    let authority = Authority::open_or_create(directory.path(), now).expect("an authority");
    let tls = Tls::new(authority.leaf(now).expect("a leaf")).expect("TLS");
    let here = "127.0.0.1:0".parse().expect("an address");
    let door = TlsDoor::bind(here, Exposure::Loopback, tls).await.expect("binds");
    let address = door.address().expect("an address");
    let service = tower::service_fn(|request: Request<Incoming>| async move {
        let peer = request.extensions().get::<Peer>().expect("every request has a peer");
        let body = match peer {
            Peer::Network(address) => address.ip().to_string(),
            Peer::Local => "local".to_owned(),
        };
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
    });
    let stop = CancellationToken::new();
    let serving = serve_behind(door, service, (limits, proxies), stop.clone());
    let ended = tokio::spawn(serving);
    let pem = std::fs::read(authority.path()).expect("the authority's certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Server { address, client: Arc::new(client), stop, ended, _directory: directory }
}

fn believed() -> Proxies {
    Proxies::parse(PROXY, Telling::ForwardedFor).expect("a list").introducing()
}

impl Server {
    async fn tcp(&self, source: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        let source: std::net::IpAddr = source.parse().expect("an address");
        socket.bind((source, 0).into()).expect("one of this machine's");
        let stream = socket.connect(self.address).await.expect("connects");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    /// Whom the server takes for the asker; none where TLS does not come about.
    async fn asker(&self, source: &str, said: &[u8]) -> Option<String> {
        let mut tcp = self.tcp(source).await;
        tcp.write_all(said).await.ok()?;
        self.ask(tcp).await
    }

    async fn ask(&self, tcp: TcpStream) -> Option<String> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let mut stream = timeout(WITHIN, connector.connect(name, tcp)).await.expect("soon").ok()?;
        let text = "GET / HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 198.51.100.9\r\n\
            forwarded: for=198.51.100.9\r\nconnection: close\r\n\r\n";
        stream.write_all(text.as_bytes()).await.ok()?;
        let mut answer = String::new();
        // A connection may end without TLS's last word.
        let _ = timeout(WITHIN, stream.read_to_string(&mut answer)).await.expect("soon");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }

    /// What comes back to these bytes until the server closes.
    async fn say(&self, source: &str, said: &[&[u8]]) -> Vec<u8> {
        let mut tcp = self.tcp(source).await;
        for piece in said {
            if tcp.write_all(piece).await.is_err() {
                break;
            }
        }
        let _ = tcp.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(WITHIN, tcp.read_to_end(&mut answer)).await.expect("it closes");
        answer
    }

    fn hello(&self) -> Vec<u8> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).expect("a client");
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("writes");
        bytes
    }

    async fn stop(self) {
        self.stop.cancel();
        self.ended.await.expect("joins");
    }
}

#[tokio::test]
async fn a_listed_proxy_is_believed_about_its_client_and_nobody_else_is() {
    let server = start(Limits::default(), believed()).await;
    let check = async |source: &str, said: &[u8], want: Option<&str>| {
        let got = server.asker(source, said).await;
        assert_eq!(got.as_deref(), want, "{source} {}", said.escape_ascii());
    };
    // Headers are the client's own story, whoever carries them.
    check(PROXY, IN_TEXT, Some("203.0.113.7")).await;
    check(PROXY, IN_BYTES, Some("203.0.113.7")).await;
    check(PROXY, b"PROXY TCP6 2001:db8::7 ::1 5 443\r\n", Some("2001:db8::7")).await;
    check(PROXY, b"PROXY UNKNOWN\r\n", Some(PROXY)).await;
    check(PROXY, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", Some(PROXY)).await;
    // A client that calls itself the proxy gains no more than the proxy's own name.
    check(PROXY, b"PROXY TCP4 127.0.0.2 192.0.2.1 5 443\r\n", Some(PROXY)).await;
    // Who is not on the list is who it is, and its introduction is no TLS.
    check("127.0.0.3", b"", Some("127.0.0.3")).await;
    check("127.0.0.3", IN_TEXT, None).await;
    check("127.0.0.3", IN_BYTES, None).await;
    // A proxy without a word, with half of one, or with another one, is not heard.
    check(PROXY, b"", None).await;
    check(PROXY, b"PROXY TCP4 203.0.113.7 192.0.2.1 5\r\n", None).await;
    check(PROXY, b"PROXY UDP4 203.0.113.7 192.0.2.1 5 443\r\n", None).await;
    check(PROXY, b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8", None).await;
    check(PROXY, b"GET / HTTP/1.1\r\nx-forwarded-for: 203.0.113.7\r\n\r\n", None).await;
    server.stop().await;
    // The weak twin, which does not wait for a proxy's word, takes it for no TLS, and believes the client's header.
    let twin = Proxies::parse(PROXY, Telling::ForwardedFor).expect("a list");
    let twin = start(Limits::default(), twin).await;
    assert_eq!(twin.asker(PROXY, IN_BYTES).await, None);
    assert_eq!(twin.asker(PROXY, b"").await.as_deref(), Some("198.51.100.9"));
    twin.stop().await;
}

#[tokio::test]
async fn wherever_the_first_bytes_are_cut_tls_begins_where_the_introduction_ends() {
    let server = start(Limits::default(), believed()).await;
    for said in [IN_TEXT, IN_BYTES] {
        let whole = [said, &server.hello()].concat();
        let cuts = (0..=said.len() + 8).chain((said.len()..whole.len()).step_by(97));
        for cut in cuts {
            let (first, second) = whole.split_at(cut);
            let answer = server.say(PROXY, &[first, second]).await;
            assert_eq!(answer.first(), Some(&0x16), "no hello of TLS, cut at {cut}");
        }
    }
    // Said twice, the second is the client's, and no TLS.
    for second in [IN_TEXT, IN_BYTES] {
        let answer = server.say(PROXY, &[IN_BYTES, second, &server.hello()]).await;
        assert_ne!(answer.first(), Some(&0x16), "{}", answer.escape_ascii());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_proxy_that_keeps_silent_is_cut_and_its_clients_have_shares_of_their_own() {
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let server = start(limits, believed()).await;
    for begun in [&b""[..], b"PROXY TCP4 203.0.113.7", &IN_BYTES[..20]] {
        let mut tcp = server.tcp(PROXY).await;
        tcp.write_all(begun).await.expect("writes");
        let mut rest = Vec::new();
        let end = timeout(WITHIN, tcp.read_to_end(&mut rest)).await.expect("it is cut");
        assert!(end.is_err() || rest.is_empty(), "{}", rest.escape_ascii());
    }
    server.stop().await;
    let limits = Limits { connections_per_peer: 1, ..Limits::default() };
    let server = start(limits, believed()).await;
    let other: &[u8] = b"PROXY TCP4 203.0.113.8 192.0.2.1 5 443\r\n";
    let mut held = server.tcp(PROXY).await;
    held.write_all(IN_BYTES).await.expect("writes");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::clone(&server.client));
    let held = connector.connect(name, held).await.expect("the first of its share");
    assert_eq!(server.asker(PROXY, IN_TEXT).await, None, "it has all of its share");
    assert_eq!(server.asker(PROXY, other).await.as_deref(), Some("203.0.113.8"));
    assert_eq!(server.asker("127.0.0.3", b"").await.as_deref(), Some("127.0.0.3"));
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn who_looks_at_its_own_door_says_that_it_speaks_for_itself() {
    let own = Proxies::parse("127.0.0.0/8", Telling::ForwardedFor).expect("a list").introducing();
    let server = start(Limits::default(), own.clone()).await;
    let said = greet(server.address, Offer::TLS_1_2, &own).await.expect("answers");
    assert!(matches!(said, Greeting::Accepted { version: 0x0303, .. }), "{said:?}");
    let unsaid = greet(server.address, Offer::TLS_1_2, &Proxies::default()).await;
    assert!(matches!(unsaid, Ok(Greeting::Refused(None)) | Err(_)), "{unsaid:?}");
    server.stop().await;
}
