//! HTTP on each connection: what a listener grants, and whose turn it is.

use crate::{
    Badge, Door, Peer, Protocol, Proxies,
    accept::accept,
    activity::{Activity, Tracked},
    refusing::Refusing,
};
use http::{HeaderMap, Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{convert::Infallible, error::Error as StdError, pin::pin, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

/// What one listener grants at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, the wait for the next one included.
    pub head: Duration,
    /// For the client's next step where the server has nothing to do: a request, or room for
    /// the next piece of an answer. Then the connection is closed, and after as long again cut.
    pub idle: Duration,
    /// Header lines of one request; more are marked as [`TooManyHeaders`].
    pub header_count: usize,
    /// Bytes of one request's head.
    pub header_bytes: usize,
    /// Connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections at a time of one IPv4 address or one IPv6 /64; more are dropped unheard.
    pub connections_per_peer: usize,
    /// Connections at a time of all loopback addresses together. That is whoever works on this
    /// machine, and all the world where a proxy stands in front, so it has most of the places.
    pub connections_from_loopback: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// For requests in flight once the listener stops.
    pub drain: Duration,
    /// Header lines, each with its CR LF, for refusals of what is no request: no service is asked then.
    pub refusal: &'static str,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            header_count: 64,
            header_bytes: 16 * 1024,
            connections: 512,
            connections_per_peer: 128,
            connections_from_loopback: 448,
            streams: 32,
            drain: Duration::from_secs(10),
            refusal: "",
        }
    }
}

/// An extension of a request with more header lines, or longer ones, than allowed. The service must refuse it
/// with 431; it is asked so that this answer, too, has the headers that it gives to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyHeaders {
    /// How many may be sent.
    pub allowed: usize,
    /// How many bytes they may have.
    pub bytes_allowed: usize,
}

impl TooManyHeaders {
    fn in_these(headers: &HeaderMap, limits: &Limits) -> Option<Self> {
        let Limits { header_count, header_bytes, .. } = *limits;
        let bytes = || headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let is_one = headers.len() > header_count || bytes().sum::<usize>() > header_bytes;
        is_one.then_some(Self { allowed: header_count, bytes_allowed: header_bytes })
    }
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request had its answer.
    Clean,
    /// The deadline passed first.
    Cut {
        /// Connections that were still open.
        connections: usize,
    },
}

/// Serves `service` on `door` until `stop`, then lets requests in flight finish.
pub async fn serve<D, S, B>(door: D, service: S, limits: Limits, stop: CancellationToken) -> Drained
where
    D: Door,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    serve_behind(door, service, (limits, Proxies::default()), stop).await
}

/// The same, where `proxies` may stand in between: every request carries as its [`Peer`] who asks by their word,
/// or [`Misled`] beside the proxy itself where that word is of no use. Such a request the service must refuse.
pub async fn serve_behind<D, S, B>(
    door: D,
    service: S,
    (limits, proxies): (Limits, Proxies),
    stop: CancellationToken,
) -> Drained
where
    D: Door,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let believed = proxies.clone();
    accept(door, (limits, believed), stop, move |stream: D::Stream, peer, stop| {
        let protocol = D::protocol(&stream);
        let line = Line { peer, protocol, limits, badge: None, proxies: proxies.clone() };
        converse(stream, line, service.clone(), stop)
    })
    .await
}

/// One connection's terms.
pub(crate) struct Line {
    pub peer: Peer,
    pub protocol: Protocol,
    pub limits: Limits,
    /// The machine that has shown its certificate; every request carries it as an extension.
    pub badge: Option<Badge>,
    /// Whose word about who asks is believed.
    pub proxies: Proxies,
}

/// Speaks HTTP on one connection until it ends, the client falls silent or the server stops.
pub(crate) async fn converse<I, S, B>(stream: I, line: Line, service: S, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let Line { peer, protocol, limits, badge, proxies } = line;
    let activity = Activity::new();
    let requests = activity.clone();
    let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let service = service.clone();
        let turn = requests.request();
        if let Some(many) = TooManyHeaders::in_these(request.headers(), &limits) {
            request.extensions_mut().insert(many);
        }
        let asker = proxies.asker(peer, request.headers()).unwrap_or_else(|misled| {
            request.extensions_mut().insert(misled);
            peer
        });
        request.extensions_mut().insert(asker);
        if let Some(badge) = &badge {
            request.extensions_mut().insert(badge.clone());
        }
        async move {
            let answer = service.oneshot(request).await?;
            Ok::<_, Infallible>(answer.map(|body| Tracked::new(body, turn)))
        }
    });
    let builder = builder(protocol, limits);
    let stream = Refusing::new(stream, limits.refusal);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let early = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = activity.idle(limits.idle) => None,
    };
    let ended = if let Some(ended) = early {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        activity.touch();
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = activity.idle(limits.idle) => Err("the client let its time pass".into()),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, ?peer, "a connection ended early");
    }
}

fn builder(protocol: Protocol, limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.header_count)
        .max_buf_size(limits.header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head)
        .keep_alive_timeout(limits.head)
        .max_concurrent_streams(limits.streams)
        // The library refuses in words of its own, so it is asked to only where there is far too much.
        .max_header_list_size(
            u32::try_from(limits.header_bytes.saturating_mul(4)).unwrap_or(u32::MAX),
        );
    // Told which, hyper does not wait for the first bytes to guess, for which it has no timer.
    match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    }
}
