//! The port of the machines: who has a token comes in by one protocol, who has a certificate works by another.
//!
//! What is spoken is settled in the handshake (ALPN). Only who asks for the enrolment is asked for no
//! certificate, and is heard for nothing else.

use super::{Admission, Badge, Issued, JOINING, RENEWING, Wish, enrolment::serve_enrolment};
use crate::{
    Door, Drained, Error, Leaf, Limits, Peer, Protocol, Proxies, Tls,
    accept::accept,
    authority::expiry,
    door::listen,
    serve::{Line, converse},
};
use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use jiff::Timestamp;
use rustls::server::Acceptor;
use std::{
    convert::Infallible, error::Error as StdError, fmt, future::Future, io, net::SocketAddr,
    sync::Arc, time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Where machines come in.
pub struct MachineDoor {
    listener: TcpListener,
    working: Tls,
    joining: Tls,
    admission: Arc<Admission>,
}

impl MachineDoor {
    /// Listens on `address`; port 0 takes any free one. `leaf` makes the server's certificate, anew for each
    /// of the two protocols.
    pub async fn bind(
        address: SocketAddr,
        admission: Arc<Admission>,
        leaf: impl Fn() -> Result<Leaf, Error>,
    ) -> Result<Self, Error> {
        let working = Tls::mutual(leaf()?, Arc::clone(&admission))?;
        let joining = Tls::joining(leaf()?)?;
        Ok(Self { listener: listen(address).await?, working, joining, admission })
    }

    /// The address that is listened on, its port filled in.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What serves the certificates, so that they can be replaced while connections live.
    #[must_use]
    pub fn tls(&self) -> [Tls; 2] {
        [self.working.clone(), self.joining.clone()]
    }
}

impl Door for MachineDoor {
    type Raw = TcpStream;
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = self.listener.accept().await?;
        Ok((stream, Peer::Network(address)))
    }

    async fn greet(&self, raw: TcpStream) -> io::Result<Self::Stream> {
        raw.set_nodelay(true)?;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), raw).await?;
        let joins =
            hello.client_hello().alpn().is_some_and(|mut all| all.any(|one| one == JOINING));
        let tls = if joins { &self.joining } else { &self.working };
        hello.into_stream(tls.config()).await
    }

    fn protocol(_stream: &Self::Stream) -> Protocol {
        Protocol::Http1
    }
}

/// Serves machines until `stop`: `enrol` decides about tokens and renewals, `service` answers requests, each of
/// which carries the [`Badge`] of its machine. A connection ends with its certificate, and as soon as its
/// machine does not belong any more.
pub async fn serve_machines<S, B, E, F, W>(
    door: MachineDoor,
    (service, enrol): (S, E),
    limits: Limits,
    stop: CancellationToken,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
    E: FnOnce(Wish) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Issued, W>> + Send,
    W: fmt::Display + Send,
{
    let admission = Arc::clone(&door.admission);
    let line_limits = (limits, Proxies::default());
    accept(door, line_limits, stop, move |stream: TlsStream<TcpStream>, peer, stop| async move {
        let guest = Guest::of(&stream, &admission);
        match guest {
            Guest::Joins => enrolled(stream, None, enrol, limits.head).await,
            Guest::Renews(badge) => enrolled(stream, Some(&badge), enrol, limits.head).await,
            Guest::Works(badge, left) => {
                let (protocol, badge_shown) = (Protocol::Http1, Some(badge.clone()));
                let proxies = Proxies::default();
                let line = Line { peer, protocol, limits, badge: badge_shown, proxies };
                tokio::select! {
                    () = converse(stream, line, service, stop) => {}
                    () = admission.gone(&badge) => {
                        tracing::info!(machine = %badge.machine, "put out: its connection is cut");
                    }
                    () = sleep(left) => {
                        tracing::debug!(machine = %badge.machine, "its certificate ran out");
                    }
                }
            }
            Guest::Nobody => tracing::debug!(?peer, "a certificate without a name"),
        }
    })
    .await
}

async fn enrolled<E, F, W>(
    stream: TlsStream<TcpStream>,
    badge: Option<&Badge>,
    enrol: E,
    within: Duration,
) where
    E: FnOnce(Wish) -> F,
    F: Future<Output = Result<Issued, W>>,
    W: fmt::Display,
{
    match timeout(within, serve_enrolment(stream, badge, enrol)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an enrolment ended early"),
        Err(_) => tracing::debug!("an enrolment took too long"),
    }
}

/// Who is at the other end, and what for.
enum Guest {
    Joins,
    Renews(Badge),
    /// Until its certificate runs out.
    Works(Badge, Duration),
    Nobody,
}

impl Guest {
    fn of(stream: &TlsStream<TcpStream>, admission: &Admission) -> Self {
        let session = stream.get_ref().1;
        let spoken = session.alpn_protocol();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        match (spoken, shown.and_then(|one| Some((admission.badge(one)?, expiry(one)?)))) {
            (Some(JOINING), None) => Self::Joins,
            (Some(RENEWING), Some((badge, _))) => Self::Renews(badge),
            (_, Some((badge, expires))) => {
                let left = expires.duration_since(Timestamp::now());
                Self::Works(badge, Duration::try_from(left).unwrap_or(Duration::ZERO))
            }
            (_, None) => Self::Nobody,
        }
    }
}
