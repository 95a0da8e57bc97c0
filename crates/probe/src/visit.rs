//! A visit: one connection at a time, each request within what is left of the bounds.

use crate::{
    Answer, Bounds, Error, Pace, Target, Trust,
    answer::{Reading, Whole},
    budget::Budget,
    certificate::Certificate,
    greeting::{BYTES_MAX, Greeting, Over},
    hello::Offer,
    wire::Wire,
};
use jiff::Timestamp;
use rustls::{ClientConfig, ClientConnection, NamedGroup, Stream, crypto::SupportedKxGroup};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

/// Bytes that are read at a time.
const PIECE: usize = 16 << 10;

/// A request as it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Lines besides `Host` and `Content-Length`.
    pub headers: Vec<(&'a str, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, ..Self::default() }
    }

    /// With a JSON body.
    pub(crate) fn json(method: &'a str, path: &'a str, body: &serde_json::Value) -> Self {
        let kind = ("content-type", "application/json".to_owned());
        let body = Some(body.to_string().into_bytes());
        Self { method, path, headers: vec![kind], body }
    }

    pub(crate) fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn write(&self, host: &str) -> Vec<u8> {
        let Self { method, path, headers, body } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {host}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let agent = concat!("stockade-verify/", env!("CARGO_PKG_VERSION"));
        head.push_str(&format!("user-agent: {agent}\r\naccept: */*\r\n"));
        if body.is_some() || !matches!(*method, "GET" | "HEAD" | "DELETE") {
            head.push_str(&format!("content-length: {}\r\n", body.as_ref().map_or(0, Vec::len)));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body.as_deref().unwrap_or_default()].concat()
    }
}

/// A connection that is kept.
struct Line {
    tls: ClientConnection,
    tcp: TcpStream,
}

/// Somebody who looks at a server from outside.
pub(crate) struct Visit<'a> {
    target: &'a Target,
    config: Arc<ClientConfig>,
    budget: Budget,
    pace: Pace,
    line: Option<Line>,
    /// What the last new connection showed.
    certificate: Option<Certificate>,
    group: Option<NamedGroup>,
    clock: fn() -> Timestamp,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        target: &'a Target,
        trust: &Trust,
        (bounds, pace): (Bounds, Pace),
        clock: fn() -> Timestamp,
    ) -> Result<Self, Error> {
        let (config, budget) = (trust.config()?, Budget::new(bounds));
        Ok(Self { target, config, budget, pace, line: None, certificate: None, group: None, clock })
    }

    pub(crate) const fn target(&self) -> &Target {
        self.target
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Requests and handshakes until now.
    pub(crate) fn asked(&self) -> u32 {
        self.budget.asked()
    }

    /// How long the last request may still take.
    pub(crate) fn patience(&self) -> Result<Duration, Error> {
        self.budget.patience()
    }

    /// The certificate that the last handshake showed.
    pub(crate) const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The group that the last handshake agreed on.
    pub(crate) const fn group(&self) -> Option<NamedGroup> {
        self.group
    }

    /// A handshake as a good client does it, with its certificate believed.
    pub(crate) fn handshake(&mut self) -> Result<(), Error> {
        self.budget.request()?;
        let address = self.target.address(None)?;
        let tcp = self.dial(address)?;
        let mut tls = ClientConnection::new(Arc::clone(&self.config), self.target.name())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut Wire::new(&tcp, &self.budget)).map_err(of_tls)?;
        }
        let leaf = tls.peer_certificates().and_then(|chain| chain.first());
        self.certificate = leaf.and_then(|leaf| Certificate::read(leaf));
        self.group = tls.negotiated_key_exchange_group().map(SupportedKxGroup::name);
        self.line = Some(Line { tls, tcp });
        Ok(())
    }

    /// The first answer to an offer that is written by hand.
    pub(crate) fn offer(&mut self, offer: &Offer<'_>) -> Result<Greeting, Error> {
        self.line = None;
        self.budget.request()?;
        let seed = self.seed();
        let tcp = self.dial(self.target.address(None)?)?;
        let mut wire = Wire::new(&tcp, &self.budget);
        let record = offer.record(self.target.host(), &seed);
        if let Err(error) = wire.write_all(&record) {
            return if is_end(error.kind()) { Ok(Greeting::Closed) } else { Err(of_tls(error)) };
        }
        let mut bytes = Vec::new();
        loop {
            let mut piece = [0; PIECE];
            let over = match wire.read(&mut piece) {
                Ok(0) => Over::Yes,
                Ok(count) => {
                    bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
                    Over::No
                }
                Err(error) if is_end(error.kind()) => Over::Yes,
                Err(error) => return Err(of_tls(error)),
            };
            if let Some(said) = Greeting::read(&bytes, over) {
                return Ok(said);
            }
            if bytes.len() > BYTES_MAX {
                return Ok(Greeting::Strange);
            }
        }
    }

    /// Asks over TLS; the connection is kept for the next one. Whoever is patient comes again when told to.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Result<Answer, Error> {
        loop {
            let answer = self.ask_at_once(request)?;
            let Some(pause) = self.pace.pause(&answer, self.budget.left()) else {
                return Ok(answer);
            };
            thread::sleep(pause);
        }
    }

    /// The same, and the answer stands.
    pub(crate) fn ask_at_once(&mut self, request: &Request<'_>) -> Result<Answer, Error> {
        let bytes = request.write(&self.target.authority());
        let was_kept = self.line.is_some();
        match self.say(&bytes) {
            // A kept connection may have ended while nobody spoke.
            Err(Error::HungUp) if was_kept => {
                self.line = None;
                self.say(&bytes)
            }
            said => said,
        }
    }

    /// Says bytes that are no request of ours, over a connection of their own.
    pub(crate) fn blurt(&mut self, bytes: &[u8]) -> Result<Answer, Error> {
        self.line = None;
        let said = self.say(bytes);
        self.line = None;
        said
    }

    /// Asks without TLS at another port.
    pub(crate) fn ask_plainly(
        &mut self,
        port: u16,
        request: &Request<'_>,
    ) -> Result<Answer, Error> {
        self.line = None;
        self.budget.request()?;
        let tcp = self.dial(self.target.address(Some(port))?)?;
        let host = self.target.host();
        let host = if port == 80 { host.to_owned() } else { format!("{host}:{port}") };
        let mut request = request.clone();
        request.headers.push(("connection", "close".to_owned()));
        let mut wire = Wire::new(&tcp, &self.budget);
        wire.write_all(&request.write(&host)).map_err(of_tls)?;
        Ok(read(&mut wire, &self.budget)?.answer)
    }

    fn say(&mut self, bytes: &[u8]) -> Result<Answer, Error> {
        if self.line.is_none() {
            self.handshake()?;
        }
        self.budget.request()?;
        let Some(mut line) = self.line.take() else { return Err(Error::HungUp) };
        let mut wire = Wire::new(&line.tcp, &self.budget);
        let mut stream = Stream::new(&mut line.tls, &mut wire);
        let written = stream.write_all(bytes).and_then(|()| stream.flush());
        // Who hangs up while we still write may have answered already.
        if let Err(error) = written
            && !is_end(error.kind())
        {
            return Err(of_tls(error));
        }
        let whole = read(&mut stream, &self.budget)?;
        if whole.keeps {
            self.line = Some(line);
        }
        Ok(whole.answer)
    }

    fn dial(&self, address: SocketAddr) -> Result<TcpStream, Error> {
        let patience = self.budget.patience()?;
        let tcp = TcpStream::connect_timeout(&address, patience);
        let tcp = tcp.map_err(|source| Error::Unreachable { address, source })?;
        tcp.set_nodelay(true).map_err(Error::Socket)?;
        Ok(tcp)
    }

    /// Bytes that differ from one call to the next; nothing rests on nobody's guessing them.
    pub(crate) fn seed(&self) -> [u8; 32] {
        let now = self.now().as_nanosecond().to_be_bytes();
        seal::sha256_parts(&[
            &now,
            &self.budget.asked().to_be_bytes(),
            &std::process::id().to_be_bytes(),
        ])
    }
}

/// An answer from a connection, within what is left of the time.
fn read(stream: &mut impl Read, budget: &Budget) -> Result<Whole, Error> {
    let mut reading = Reading::default();
    let mut piece = [0; PIECE];
    loop {
        // What came long ago and waits to be read takes time, too.
        budget.patience()?;
        let (count, over) = match stream.read(&mut piece) {
            Ok(0) => (0, true),
            Ok(count) => (count, false),
            Err(error) if is_end(error.kind()) => (0, true),
            Err(error) => return Err(of_tls(error)),
        };
        if let Some(whole) = reading.take(piece.get(..count).unwrap_or_default(), over)? {
            return Ok(whole);
        }
    }
}

/// Whether the other side has gone, in whatever way.
fn is_end(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(kind, K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe)
}

/// What rustls or the budget says through a socket's error, or the error itself.
fn of_tls(error: std::io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(inner) = inner {
        return Error::Tls(inner.clone());
    }
    if is_end(error.kind()) {
        return Error::HungUp;
    }
    error.downcast::<Error>().unwrap_or_else(Error::Socket)
}
