//! A machine's connection to its server: one request after the other, each bounded in bytes and time.

use super::Kit;
use crate::Error;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, CertificateError};
use std::{error::Error as StdError, io, time::Duration};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

/// The largest answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long it may take until a connection stands.
const CONNECT: Duration = Duration::from_secs(20);

/// How long a piece of a streamed answer may take.
const PIECE_WAIT: Duration = Duration::from_mins(1);

/// How long a connection that failed is waited for to say why.
const REASON_WAIT: Duration = Duration::from_secs(1);

/// An open connection: where requests go in, and how it ended once it has.
struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    ended: JoinHandle<hyper::Result<()>>,
}

impl Line {
    fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Why a request failed. In TLS 1.3 a server refuses a client's certificate after the client's side of
    /// the handshake is done: the request then sees a closed channel, and the connection knows the alert.
    async fn reason(self, seen: hyper::Error) -> hyper::Error {
        drop(self.sender);
        match timeout(REASON_WAIT, self.ended).await {
            Ok(Ok(Err(told))) => told,
            _ => seen,
        }
    }
}

/// A machine that speaks to its server. The connection stays for the next request.
pub struct MachineClient {
    kit: Kit,
    address: String,
    open: Option<Line>,
}

impl MachineClient {
    /// With this kit, to the server at `HOST:PORT`.
    #[must_use]
    pub const fn new(kit: Kit, address: String) -> Self {
        Self { kit, address, open: None }
    }

    /// What it shows.
    #[must_use]
    pub const fn kit(&self) -> &Kit {
        &self.kit
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Shows another kit from the next connection on, which is the next request's.
    pub fn change(&mut self, kit: Kit) {
        (self.kit, self.open) = (kit, None);
    }

    /// Asks, on the connection that is open or on a new one: status and body.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        said: (&'static str, Bytes),
        within: Duration,
    ) -> Result<(StatusCode, Bytes), Error> {
        let request = self.request(method, path, said)?;
        let asked = timeout(within, self.exchange(request)).await;
        match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.open = None;
                Err(error)
            }
            Err(late) => {
                self.open = None;
                Err(self.away(&late))
            }
        }
    }

    /// A request whose body is of this media type.
    fn request(
        &self,
        method: Method,
        path: &str,
        (kind, body): (&'static str, Bytes),
    ) -> Result<Request<Full<Bytes>>, Error> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "machines")
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .map_err(|error| self.away(&error))
    }

    /// Asks on a connection of its own, for an answer that may be long: the status, and its pieces.
    pub async fn stream(
        &self,
        method: Method,
        path: &str,
        said: (&'static str, Bytes),
        within: Duration,
    ) -> Result<(StatusCode, Pieces), Error> {
        let request = self.request(method, path, said)?;
        // A server that is stopped still has its kernel, which takes connections for it.
        let connected = timeout(CONNECT.min(within), self.connect()).await;
        let mut line = connected.map_err(|late| self.away(&late))??;
        let answer = match timeout(within, line.sender.send_request(request)).await {
            Err(late) => return Err(self.away(&late)),
            Ok(Err(seen)) => return Err(self.away(&line.reason(seen).await)),
            Ok(Ok(answer)) => answer,
        };
        let address = self.address.clone();
        Ok((answer.status(), Pieces { body: answer.into_body(), address, _line: line }))
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Error> {
        // One that rested may have been closed meanwhile; what machines ask may be asked twice.
        if let Some(rested) = self.open.take().filter(Line::is_ready)
            && let Ok(answer) = self.said(rested, request.clone()).await
        {
            return Ok(answer);
        }
        let fresh = self.connect().await?;
        self.said(fresh, request).await
    }

    async fn said(
        &mut self,
        mut line: Line,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let answer = match line.sender.send_request(request).await {
            Ok(answer) => answer,
            Err(seen) => return Err(self.away(&line.reason(seen).await)),
        };
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| self.away(error.as_ref()))?.to_bytes();
        self.open = Some(line);
        Ok((status, body))
    }

    async fn connect(&self) -> Result<Line, Error> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| self.away(&error))?;
        let stream = self.kit.connector()?.connect(self.kit.server(), stream).await;
        let stream = TokioIo::new(stream.map_err(|error| self.away(&error))?);
        let (sender, connection) =
            http1::handshake(stream).await.map_err(|error| self.away(&error))?;
        // It ends with the sender.
        Ok(Line { sender, ended: tokio::spawn(connection) })
    }

    /// Why the server cannot be asked, in the words of whoever has to do something about it.
    fn away(&self, error: &(dyn StdError + 'static)) -> Error {
        refusal(error, &self.kit).unwrap_or_else(|| Error::ServerAway {
            address: self.address.clone(),
            why: spelled(error),
        })
    }
}

/// An answer that comes piece by piece; its connection ends with it.
pub struct Pieces {
    body: Incoming,
    address: String,
    _line: Line,
}

impl Pieces {
    /// The next one; `None` at the end. An answer that is cut off is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let away = |why: String| Error::ServerAway { address: self.address.clone(), why };
        loop {
            let frame = timeout(PIECE_WAIT, self.body.frame()).await;
            let Some(frame) = frame.map_err(|late| away(late.to_string()))? else {
                return Ok(None);
            };
            // What is no data is a trailer, which nobody sends here.
            if let Ok(data) = frame.map_err(|error| away(spelled(&error)))?.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

/// An error and its causes.
fn spelled(error: &(dyn StdError + 'static)) -> String {
    let (mut told, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        told.push(error.to_string());
        next = error.source();
    }
    told.dedup();
    told.join(": ").chars().filter(|c| !c.is_control()).take(300).collect()
}

/// What a failed handshake says of this machine's standing.
pub(super) fn refusal(error: &(dyn StdError + 'static), kit: &Kit) -> Option<Error> {
    let machine = || kit.badge.machine.to_string();
    match tls_error(error)? {
        rustls::Error::AlertReceived(AlertDescription::CertificateRevoked) => {
            Some(Error::PutOut { machine: machine() })
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            Some(Error::RanOut { machine: machine() })
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown,
        )
        | rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. },
        ) => Some(Error::Stranger),
        _ => None,
    }
}

/// The error of TLS inside another; an `io::Error` keeps it where `source` does not look.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| tls_error(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
