//! What a stranger may send: few header lines, a short body, and answers that are hardened too.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

mod browser;

use browser::{Browser, start};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
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
    let mut check = async |lines: usize, want: StatusCode| {
        let mut request = Request::get("https://localhost/health").body(Empty::new()).expect("one");
        for n in 0..lines {
            let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
            request.headers_mut().insert(name, HeaderValue::from_static("1"));
        }
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), want);
        for (name, value) in ALWAYS {
            assert_eq!(answer.headers().get(&name).expect("a header"), value, "{name}");
        }
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    };
    check(64, StatusCode::OK).await;
    check(65, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).await;
}
