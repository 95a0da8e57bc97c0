//! A server behind a proxy: who asks is who the proxy saw, and nobody else's word counts. S17.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    reason = "the test starts nginx and looks at a socket, and says what is skipped"
)]

use crate::browser::{Browser, options, request};
use edge::{Exposure, Proxies, Telling};
use http::{Method, header};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use stockade::server::{Front, Options, Rates, Server};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    process::Command,
};
use tokio_rustls::TlsConnector;

const WITHIN: Duration = Duration::from_secs(30);
/// Calls in a minute that one address has here.
const CALLS: u32 = 3;

/// A server that believes 127.0.0.2, and lets few calls of one address through.
async fn behind(root: &Path, telling: Telling, socket: Option<PathBuf>) -> Server {
    let proxies = Proxies::parse("127.0.0.2", telling).expect("a list");
    let front = Front { proxies, socket, ..Front::default() };
    let rates = Rates { api: CALLS, ..options(root).rates };
    let exposure = Exposure::Public;
    Server::start(Options { front, rates, exposure, ..options(root) }).await.expect("starts")
}

/// The status of one call from `source` with these lines.
async fn call(browser: &mut Browser, source: &str, lines: &[(&'static str, &str)]) -> u16 {
    browser.source = Some(source.parse().expect("an address"));
    let mut asked = request(Method::GET, "/api/v1/session", None);
    for (name, value) in lines {
        asked.headers_mut().append(*name, value.parse().expect("a value"));
    }
    browser.raw(asked).await.status.as_u16()
}

#[tokio::test]
async fn who_is_no_proxy_has_one_quota_whatever_it_writes() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = behind(directory.path(), Telling::ForwardedFor, None).await;
    let mut browser = Browser::new(&server);
    let said = "x-forwarded-for";
    for n in 0..CALLS {
        let lie = format!("203.0.113.{n}");
        let lines =
            [(said, lie.as_str()), ("forwarded", "for=203.0.113.9"), ("x-real-ip", lie.as_str())];
        assert_eq!(call(&mut browser, "127.0.0.3", &lines).await, 200, "{n}");
    }
    for lie in ["203.0.113.77", "127.0.0.2", "127.0.0.1", "rubbish", ""] {
        assert_eq!(call(&mut browser, "127.0.0.3", &[(said, lie)]).await, 429, "{lie}");
    }
    // Somebody else, and the proxy's own clients, have theirs.
    assert_eq!(call(&mut browser, "127.0.0.4", &[]).await, 200);
    assert_eq!(call(&mut browser, "127.0.0.2", &[(said, "203.0.113.77")]).await, 200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn behind_a_proxy_each_of_its_clients_has_a_quota_and_none_gets_another_by_lying() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = behind(directory.path(), Telling::ForwardedFor, None).await;
    let mut browser = Browser::new(&server);
    let said = "x-forwarded-for";
    for client in ["203.0.113.1", "203.0.113.2", "2001:db8::1"] {
        for n in 0..CALLS {
            // What the client wrote stands before what the proxy adds.
            let line = format!("198.51.100.{n}, {client}");
            assert_eq!(call(&mut browser, "127.0.0.2", &[(said, &line)]).await, 200, "{line}");
        }
        let line = format!("198.51.100.99, {client}");
        assert_eq!(call(&mut browser, "127.0.0.2", &[(said, &line)]).await, 429, "{line}");
        let lines = [(said, "198.51.100.98"), (said, client)];
        assert_eq!(call(&mut browser, "127.0.0.2", &lines).await, 429, "{client}");
    }
    // The neighbour in the same /64 is the same network.
    assert_eq!(call(&mut browser, "127.0.0.2", &[(said, "2001:db8::2")]).await, 429);
    for useless in ["unknown", "203.0.113.4,", "203.0.113.400", &vec!["127.0.0.2"; 20].join(",")] {
        assert_eq!(call(&mut browser, "127.0.0.2", &[(said, useless)]).await, 400, "{useless}");
    }
    let mut asked = request(Method::GET, "/api/v1/session", None);
    asked.headers_mut().insert(said, "unknown".parse().expect("a value"));
    let refused = browser.raw(asked).await.expect(400);
    assert_eq!(refused.json()["code"], "bad-forwarding");
    assert!(refused.json()["fix"].as_str().expect("a fix").contains("server.forwarded"));
    assert!(refused.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn only_the_configured_header_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = behind(directory.path(), Telling::Forwarded, None).await;
    let mut browser = Browser::new(&server);
    for n in 0..CALLS {
        let lie = format!("203.0.113.{n}");
        let lines = [("x-forwarded-for", lie.as_str()), ("forwarded", "for=198.51.100.1")];
        assert_eq!(call(&mut browser, "127.0.0.2", &lines).await, 200);
    }
    let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=\"198.51.100.1:4711\"")];
    assert_eq!(call(&mut browser, "127.0.0.2", &lines).await, 429);
    assert_eq!(call(&mut browser, "127.0.0.2", &[("forwarded", "for=198.51.100.2")]).await, 200);
    server.stop().await.expect("stops");
}

/// Asks over any connection; the status and the whole answer.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, lines: &str) -> (u16, String) {
    let text = format!(
        "GET /api/v1/session HTTP/1.1\r\nhost: trade.example.org\r\nconnection: close\r\n{lines}\r\n"
    );
    stream.write_all(text.as_bytes()).await.expect("writes");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WITHIN, stream.read_to_end(&mut answer));
    // A proxy may end TLS without its last word.
    let _ = read.await.expect("it closes");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), answer)
}

#[tokio::test]
async fn by_the_socket_comes_a_proxy_that_says_who_asks_or_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("front.sock");
    let root = directory.path().join("data");
    let server = behind(&root, Telling::ForwardedFor, Some(socket.clone())).await;
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "the owner and its group alone");
    let by_socket =
        async |lines: &str| ask(UnixStream::connect(&socket).await.expect("connects"), lines).await;
    let (status, answer) = by_socket("").await;
    assert_eq!(status, 400, "nobody asks: {answer}");
    for _ in 0..CALLS {
        assert_eq!(by_socket("x-forwarded-for: 203.0.113.1\r\n").await.0, 200);
    }
    assert_eq!(by_socket("x-forwarded-for: 9.9.9.9, 203.0.113.1\r\n").await.0, 429);
    let (status, answer) = by_socket("x-forwarded-for: 203.0.113.2\r\n").await;
    assert_eq!(status, 200);
    assert!(answer.to_lowercase().contains("strict-transport-security: max-age="), "{answer}");
    server.stop().await.expect("stops");
    assert!(!socket.exists(), "it is taken away");
}

/// The example of the packaging, at this test's own places.
fn nginx_config(scratch: &Path, socket: &Path, port: u16) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/nginx.conf");
    let mut text = std::fs::read_to_string(example).expect("it is there");
    let (at, socket) = (scratch.display(), socket.display());
    for (from, to) in [
        ("/run/stockade/front.sock", socket.to_string()),
        ("/etc/letsencrypt/live/trade.example.org/fullchain.pem", format!("{at}/server.pem")),
        ("/etc/letsencrypt/live/trade.example.org/privkey.pem", format!("{at}/server.pem")),
        ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
        ("listen [::]:443 ssl", format!("listen 127.0.0.2:{port} ssl")),
    ] {
        assert!(text.contains(from), "the example has lost {from}");
        text = text.replace(from, &to);
    }
    // The port without TLS is the server's own in this test.
    let plain = text.find("# Without TLS").expect("the part without TLS");
    text.truncate(plain);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
        .concat();
    format!(
        "daemon off; master_process off; user root; pid {at}/nginx.pid; error_log {at}/error.log;\n\
        events {{}}\nhttp {{ access_log off; {temporary}\n{text}\n}}\n"
    )
}

fn nginx() -> Option<PathBuf> {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    let found = found.into_iter().map(PathBuf::from).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: nginx is not on this machine (apt-get install nginx-light)");
    }
    found.filter(|_| {
        let root = rustix::process::geteuid().is_root();
        if !root {
            println!("skipped: this user may not start nginx as the example has it");
        }
        root
    })
}

#[tokio::test]
async fn behind_a_real_nginx_who_lies_about_its_address_gains_nothing() {
    let Some(nginx) = nginx() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("front.sock");
    let root = directory.path().join("data");
    let server = behind(&root, Telling::ForwardedFor, Some(socket.clone())).await;
    let own = root.join("tls/server.pem");
    std::fs::copy(own, directory.path().join("server.pem")).expect("copies");
    let held = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = held.local_addr().expect("an address").port();
    drop(held);
    let config = directory.path().join("nginx.conf");
    std::fs::write(&config, nginx_config(directory.path(), &socket, port)).expect("writes");
    let mut command = Command::new(nginx);
    command.arg("-p").arg(directory.path()).arg("-c").arg(&config).kill_on_drop(true);
    let output = std::fs::File::create(directory.path().join("said")).expect("makes");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let mut running = command.spawn().expect("starts");
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let answers = async { while TcpStream::connect(at).await.is_err() {} };
    if tokio::time::timeout(WITHIN, answers).await.is_err() {
        let said = std::fs::read_to_string(directory.path().join("said")).unwrap_or_default();
        panic!("nginx does not start: {said}");
    }
    let pem = std::fs::read(&server.started.authority).expect("the authority");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(tls));
    let through = async |lines: &str| {
        let tcp = TcpStream::connect(at).await.expect("connects");
        let name = ServerName::try_from("localhost").expect("a name");
        ask(tls.connect(name, tcp).await.expect("a handshake"), lines).await
    };
    for n in 0..CALLS {
        let lie = format!("x-forwarded-for: 203.0.113.{n}\r\nforwarded: for=203.0.113.{n}\r\n");
        let (status, answer) = through(&lie).await;
        assert_eq!(status, 200, "{answer}");
        let heads = answer.to_lowercase();
        assert_eq!(heads.matches("\r\ncontent-security-policy: ").count(), 1, "{answer}");
        assert_eq!(heads.matches("\r\nstrict-transport-security: ").count(), 1, "{answer}");
    }
    let lie = "x-forwarded-for: 203.0.113.77, 127.0.0.2\r\n";
    assert_eq!(through(lie).await.0, 429, "the client is who nginx saw");
    running.kill().await.expect("ends");
    server.stop().await.expect("stops");
}
