//! A handler that breaks: the answer says nothing of the cause, and the server goes on.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::start;
use axum::body::Body;
use edge::{Limits, LocalDoor};
use futures_util::stream;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::{path::Path, sync::Mutex};
use stockade::server::{self, Cost, Rule, Table, Words, headers::ALWAYS, routes};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

const CAUSE: &str = "canary-cause at /home/ada/stockade.key";

static HELD: Mutex<()> = Mutex::new(());

/// Our table, and routes that break in each way that there is.
fn broken() -> Table {
    let open = Rule::Open("a test");
    let words = || Words::new(Cost::Light, "breaks");
    // Something always keeps the compiler from knowing that the rest is not reached.
    let told = |yes: bool, how: fn()| {
        if yes {
            how();
        }
        ""
    };
    routes::table()
        .get("/broken/text", open, words(), async move || {
            told(true, || std::panic::panic_any(CAUSE))
        })
        .get("/broken/words", open, words(), async move || told(true, || panic!("{CAUSE}")))
        .get("/broken/thing", open, words(), async move || {
            told(true, || std::panic::panic_any(7_u64))
        })
        .get("/broken/lock", open, words(), async move || {
            told(true, || {
                let _held = HELD.lock();
                panic!("{CAUSE}")
            })
        })
        .get("/broken/body", open, words(), async || {
            let pieces = (0..3).map(|n| {
                assert!(n < 1, "{CAUSE}");
                Ok::<_, std::io::Error>(Bytes::from_static(b"begun"))
            });
            Body::from_stream(stream::iter(pieces))
        })
}

async fn connect(path: &Path) -> http1::SendRequest<Empty<Bytes>> {
    let stream = UnixStream::connect(path).await.expect("connects");
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    sender
}

fn ask(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header(header::HOST, "localhost").body(Empty::new()).expect("a request")
}

#[tokio::test]
async fn a_handler_that_breaks_says_nothing_and_the_server_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let path = directory.path().join("broken.sock");
    let door = LocalDoor::bind(&path).await.expect("binds");
    let stop = CancellationToken::new();
    let pages = server::service(server.app(), broken());
    let ended = tokio::spawn(edge::serve(door, pages, Limits::default(), stop.clone()));
    let mut sender = connect(&path).await;
    for how in ["text", "words", "thing", "lock", "lock"] {
        // The same connection, again and again: not even that is lost.
        let answer = sender.send_request(ask(&format!("/broken/{how}"))).await.expect("an answer");
        assert_eq!(answer.status(), 500, "{how}");
        for (name, value) in ALWAYS {
            assert_eq!(answer.headers()[&name], value, "{name}, {how}");
        }
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.headers().contains_key("x-request-id"), "{how}");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        for word in ["canary", "panic", ".rs", "unwrap", "/home", "7"] {
            assert!(!text.contains(word), "{how}: {word} in {text}");
        }
        assert!(text.contains("\"code\":\"internal\""), "{text}");
        let well = sender.send_request(ask("/health")).await.expect("an answer");
        assert_eq!(well.status(), 200, "after {how}");
        well.into_body().collect().await.expect("a body");
    }
    // An answer that broke in its middle is cut off, not ended as if it were whole.
    if let Ok(begun) = sender.send_request(ask("/broken/body")).await {
        begun.into_body().collect().await.expect_err("cut off");
    }
    let mut sender = connect(&path).await;
    let well = sender.send_request(ask("/health")).await.expect("an answer");
    assert_eq!(well.status(), 200);
    drop(sender);
    stop.cancel();
    ended.await.expect("joins");
    server.stop().await.expect("stops");
}
