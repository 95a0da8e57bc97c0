//! The connection to an object store: HTTP/1.1 over TLS, a few connections that are used again, tries that are
//! counted. Whoever calls waits, in a task or out of one: the connections have a thread of their own.

use super::sign::{Signer, encoded};
use crate::Error;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto, pki_types::ServerName};
use std::{
    fmt, io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

/// An answer is shorter: the largest pack is.
const BODY_BYTES_MAX: usize = 512 << 20;
/// Connections that are kept for the next request.
const IDLE_MAX: usize = 16;
/// How often one request is tried.
const TRIES: u32 = 5;
/// How long it is waited after the first that failed; then twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(10);
/// A pack over a slow line takes its time.
const WHOLE: Duration = Duration::from_mins(10);

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    scheme: Scheme,
    host: String,
    pub(super) port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Endpoint {
    /// `https://HOST` or `https://HOST:PORT`; `http` is for this machine alone.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refused = |why| Error::Address { found: text.to_owned(), why };
        let uri: http::Uri = text.parse().map_err(|_| refused("it is no https://HOST:PORT"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || uri.path().len() > 1 || uri.query().is_some() || text.contains('@') {
            return Err(refused("it is no https://HOST:PORT"));
        }
        let is_here = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") if is_here => Scheme::Http,
            _ => {
                return Err(refused("it must begin with https:// (http:// on this machine alone)"));
            }
        };
        let usual = if scheme == Scheme::Https { 443 } else { 80 };
        Ok(Self { scheme, host, port: uri.port_u16().unwrap_or(usual) })
    }

    /// As the header has it: without the usual port.
    fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// A request before it is signed.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    /// In the order of their names.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Asked {
    /// As it is signed, and sent.
    pub(super) fn query(&self) -> String {
        let pairs = self.query.iter();
        let pairs =
            pairs.map(|(name, value)| format!("{}={}", encoded(name, ""), encoded(value, "")));
        pairs.collect::<Vec<_>>().join("&")
    }
}

type Sender = SendRequest<Full<Bytes>>;

struct Line {
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
    idle: Mutex<Vec<Sender>>,
}

/// The connections.
pub(super) struct Wire {
    /// Taken out when it goes: a runtime may not be dropped where a task waits.
    runtime: Option<Runtime>,
    line: Arc<Line>,
}

impl Wire {
    pub(super) fn new(endpoint: Endpoint) -> io::Result<Self> {
        let tls = match endpoint.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(connector()?),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let line = Arc::new(Line { endpoint, tls, idle: Mutex::default() });
        Ok(Self { runtime: Some(runtime), line })
    }

    /// Has a request answered; weather is tried again.
    pub(super) fn send(&self, asked: &Asked, signer: Signer) -> io::Result<(StatusCode, Bytes)> {
        let (tell, told) = mpsc::channel();
        let (line, asked) = (Arc::clone(&self.line), asked.clone());
        let gone = || io::Error::other("the connection's thread is gone");
        self.runtime.as_ref().ok_or_else(gone)?.spawn(async move {
            // Whoever asked may be gone.
            let _ = tell.send(line.persist(&asked, &signer).await);
        });
        told.recv().map_err(|_| gone())?
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Line {
    async fn persist(&self, asked: &Asked, signer: &Signer) -> io::Result<(StatusCode, Bytes)> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(asked, signer).await {
                Ok((status, _)) if again(status) => {}
                Ok(answer) => return Ok(answer),
                // A certificate does not get better.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
                Err(_) => {}
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.once(asked, signer).await
    }

    async fn once(&self, asked: &Asked, signer: &Signer) -> io::Result<(StatusCode, Bytes)> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let kept = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|sender| !sender.is_closed());
            idle.pop()
        };
        let mut sender = match kept {
            Some(sender) if sender.is_ready() => sender,
            _ => timeout(CONNECT, self.connect()).await.map_err(late)??,
        };
        let request = self.request(asked, signer)?;
        let answer = timeout(WHOLE, async {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
            Ok::<_, io::Error>((status, body.map_err(io::Error::other)?.to_bytes()))
        });
        let answer = answer.await.map_err(late)??;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
        Ok(answer)
    }

    fn request(&self, asked: &Asked, signer: &Signer) -> io::Result<Request<Full<Bytes>>> {
        let query = asked.query();
        let mark = if query.is_empty() { "" } else { "?" };
        let path = encoded(&asked.path, "/");
        let mut request =
            Request::builder().method(&asked.method).uri(format!("{path}{mark}{query}"));
        let now = jiff::Timestamp::now();
        for (name, value) in signer.headers(asked, &self.endpoint.authority(), now) {
            request = request.header(name, value);
        }
        request.body(Full::new(asked.body.clone())).map_err(io::Error::other)
    }

    async fn connect(&self) -> io::Result<Sender> {
        let Endpoint { host, port, .. } = &self.endpoint;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            let (sender, line) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
            tokio::spawn(line);
            return Ok(sender);
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = tls.connect(name, stream).await?;
        let (sender, line) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(line);
        Ok(sender)
    }
}

/// Whether the same request may be answered otherwise in a moment.
const fn again(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// Believes the authorities of the web, as Mozilla lists them.
fn connector() -> io::Result<TlsConnector> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config =
        ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
