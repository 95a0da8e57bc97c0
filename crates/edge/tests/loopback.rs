//! Endpoints for this machine only, over real sockets.

#![allow(clippy::indexing_slicing, reason = "a test: a failure may panic")]

use edge::{Drained, Error, Limits, LoopbackDoor, Page};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn pages_are_for_this_machine_and_for_reading() {
    let door = LoopbackDoor::bind("127.0.0.1:0".parse().expect("an address")).await;
    let door = door.expect("binds");
    let address = door.address();
    let stop = CancellationToken::new();
    let page = |path: &str| {
        let text = "orders_total 3\n".to_owned();
        (path == "/metrics").then_some(Page { content_type: "text/plain; version=0.0.4", text })
    };
    let ended = tokio::spawn(edge::serve_pages(door, page, Limits::default(), stop.clone()));
    let check = async |request: String, status: &str, end: &str| {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let head = request.replace('\n', "\r\n");
        let close = format!("{head}\r\nconnection: close\r\n\r\n");
        stream.write_all(close.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.ends_with(end), "{request}: {answer}");
        assert!(answer.contains("nosniff"), "{answer}");
    };
    let here = address.to_string();
    check(format!("GET /metrics HTTP/1.1\nhost: {here}"), "200", "orders_total 3\n").await;
    check(format!("HEAD /metrics HTTP/1.1\nhost: {here}"), "200", "\r\n\r\n").await;
    check(format!("GET /metrics?x=1 HTTP/1.1\nhost: {here}"), "200", "orders_total 3\n").await;
    check(format!("GET /other HTTP/1.1\nhost: {here}"), "404", "Not Found\n").await;
    check(format!("POST /metrics HTTP/1.1\nhost: {here}"), "405", "Not Allowed\n").await;
    check("GET /metrics HTTP/1.1\nhost: rebound.example".to_owned(), "421", "Request\n").await;
    let from = "origin: http://rebound.example";
    check(format!("GET /metrics HTTP/1.1\nhost: {here}\n{from}"), "403", "Forbidden\n").await;
    stop.cancel();
    assert_eq!(ended.await.expect("no panic"), Drained::Clean);
}

#[tokio::test]
async fn another_address_is_refused() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let bound = LoopbackDoor::bind(address.parse().expect("an address")).await;
        assert!(matches!(bound, Err(Error::LoopbackOnly { .. })), "{address}");
    }
}
