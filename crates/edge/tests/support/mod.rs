//! Servers on loopback for the tests of the client: well-behaved ones and scripted ones.

#![allow(dead_code, reason = "each test file uses its own part")]

use edge::{
    Allowed, Authority, Client, Door, Exposure, Leaf, Origin, Request, Response, SendError, Terms,
    Tls, TlsDoor, Trust,
};
use http::Method;
use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::AbortHandle,
};
use tokio_rustls::server::TlsStream;

pub type Stream = TlsStream<TcpStream>;

/// Long enough for every exchange that is meant to work.
pub const SOON: Duration = Duration::from_secs(10);

/// An authority of this test's own.
pub struct Local {
    pub directory: tempfile::TempDir,
    pub authority: Authority,
}

impl Local {
    pub fn new(now: jiff::Timestamp) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let authority = Authority::open_or_create(directory.path(), now).expect("an authority");
        Self { directory, authority }
    }

    pub fn today() -> Self {
        Self::new(jiff::Timestamp::now())
    }

    pub fn leaf(&self, now: jiff::Timestamp) -> Leaf {
        self.authority.leaf(now).expect("a leaf")
    }

    pub fn trust(&self) -> Trust {
        Trust::web().and_roots(&self.authority.path()).expect("a root")
    }

    pub async fn door(&self, address: &str) -> TlsDoor {
        let tls = Tls::http1(self.leaf(jiff::Timestamp::now())).expect("TLS");
        bind(address, tls).await
    }

    pub fn client(&self, origins: &[Origin], terms: Terms) -> Client {
        let allowed: Allowed = origins.iter().cloned().collect();
        Client::new(&allowed, self.trust(), terms).expect("a client")
    }
}

pub async fn bind(address: &str, tls: Tls) -> TlsDoor {
    let address: SocketAddr = address.parse().expect("an address");
    TlsDoor::bind(address, Exposure::Loopback, tls).await.expect("binds")
}

pub fn origin_of(door: &TlsDoor) -> Origin {
    format!("https://{}", door.address().expect("an address")).parse().expect("an origin")
}

/// A server that runs `script` on each connection, which it counts.
pub struct Scripted {
    pub origin: Origin,
    pub connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub async fn new<S, F>(local: &Local, script: S) -> Self
    where
        S: Fn(usize, Stream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(local.door("127.0.0.1:0").await, script)
    }

    pub fn on<S, F>(door: TlsDoor, script: S) -> Self
    where
        S: Fn(usize, Stream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let origin = origin_of(&door);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let (raw, _) = door.accept().await.expect("accepts");
                if let Ok(stream) = door.greet(raw).await {
                    tokio::spawn(script(count.fetch_add(1, Ordering::SeqCst), stream));
                }
            }
        });
        Self { origin, connections, task: task.abort_handle() }
    }

    pub fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request's head and a body of the declared length; `None` at the end.
pub async fn read_request(stream: &mut Stream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
        if text.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(text).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).expect("text"))
}

pub async fn say(stream: &mut Stream, text: &str) {
    // The client may have gone, which is what some tests are about.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
}

pub async fn answer(stream: &mut Stream, body: &str) {
    say(stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
}

pub fn get(origin: &Origin) -> Request {
    Request::new(Method::GET, origin.clone(), "/")
}

pub fn post(origin: &Origin, body: &str) -> Request {
    let mut request = Request::new(Method::POST, origin.clone(), "/order");
    request.body = hyper::body::Bytes::copy_from_slice(body.as_bytes());
    request
}

/// The outcome in one word for a table of cases.
pub fn outcome(result: &Result<Response, SendError>) -> String {
    match result {
        Ok(response) => response.status.as_str().to_owned(),
        Err(SendError::NeverSent { why, .. }) => format!("never sent: {}", variant(why)),
        Err(SendError::Unknown { why, status: None, .. }) => format!("unknown: {}", variant(why)),
        Err(SendError::Unknown { why, status: Some(status), .. }) => {
            format!("unknown after {}: {}", status.as_str(), variant(why))
        }
    }
}

/// The name of a variant, without what it holds.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '(', '{']).next().expect("a name").to_owned()
}
