//! HTTP/1.1 whose connections may become streams, with faults on purpose: the sockets of an
//! exchange in a box.
//!
//! A fault acts where it would in the world: a dropped request was never handled, a dropped
//! answer belongs to a request that was.

use crate::{
    Door, Drained, Limits, Peer, Proxies,
    accept::accept,
    activity::{Activity, Tracked},
    client::wire::{Meter, Metered, Wire},
    faults::{Fault, FaultSwitch, Handled, LivePlan, Refusal, RequestFault},
    websocket::{Socket, SocketTerms},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
    request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;

/// One request, whole.
#[derive(Debug)]
pub struct Call {
    /// Who asks.
    pub peer: Peer,
    /// Method, target and headers.
    pub head: Parts,
    /// The body.
    pub body: Bytes,
}

/// What the handler says to it.
pub enum Reply {
    /// An answer.
    Answer(Response<Bytes>),
    /// The connection becomes a WebSocket and is this one's; refused with 426 or 400 where the
    /// client did not ask for one.
    Socket(SocketHandler),
}

/// What speaks on a socket until it ends.
pub type SocketHandler = Box<dyn FnOnce(Socket) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl Reply {
    /// The connection becomes a WebSocket that `handler` speaks on.
    pub fn socket<H, F>(handler: H) -> Self
    where
        H: FnOnce(Socket) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::Socket(Box::new(move |socket| Box::pin(handler(socket))))
    }
}

/// What such a server grants, and what goes wrong in it.
#[derive(Debug, Clone)]
pub struct UpgradeTerms {
    /// Limits of the listener.
    pub limits: Limits,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Limits of a socket.
    pub socket: SocketTerms,
    /// What goes wrong.
    pub faults: FaultSwitch,
}

impl Default for UpgradeTerms {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            body_bytes: 1 << 20,
            socket: SocketTerms::default(),
            faults: FaultSwitch::default(),
        }
    }
}

/// Serves `handler` on `door`, whose TLS is [`crate::Tls::http1`], until `stop`. Sockets end when their handlers do, at the latest when
/// the time to drain is over.
pub async fn serve_upgradable<D, H, F>(
    door: D,
    handler: H,
    terms: UpgradeTerms,
    stop: CancellationToken,
) -> Drained
where
    D: Door,
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    accept(door, (terms.limits, Proxies::default()), stop, move |stream, peer, stop| {
        let line = Line {
            peer,
            terms: terms.clone(),
            handler: handler.clone(),
            plan: Mutex::new(Some(terms.faults.plan())),
            next: Mutex::default(),
        };
        converse(stream, Arc::new(line), stop)
    })
    .await
}

/// One connection.
struct Line<H> {
    peer: Peer,
    terms: UpgradeTerms,
    handler: H,
    /// Goes on to the socket, if the connection becomes one.
    plan: Mutex<Option<LivePlan>>,
    next: Mutex<Option<(OnUpgrade, SocketHandler)>>,
}

async fn converse<I, H, F>(stream: I, line: Arc<Line<H>>, stop: CancellationToken)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    H: Fn(Call) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let activity = Activity::new();
    let (answering, requests) = (Arc::clone(&line), activity.clone());
    let service = service_fn(move |request| {
        let (line, turn) = (Arc::clone(&answering), requests.request());
        async move { Ok::<_, Dropped>(line.answer(request).await?.map(|body| Tracked::new(body, turn))) }
    });
    let limits = line.terms.limits;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.header_count)
        .max_buf_size(limits.header_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
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
            () = activity.idle(limits.idle) => return,
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = ?line.peer, "a connection ended early");
        return;
    }
    let next = line.next.lock().unwrap_or_else(PoisonError::into_inner).take();
    let plan = line.plan.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (Some((upgrade, handler)), Some(plan)) = (next, plan) else { return };
    let Ok(Ok(upgraded)) = timeout(limits.head, upgrade).await else { return };
    let meter = Meter::new();
    let wire = Wire::Upgraded(Metered::new(TokioIo::new(upgraded), meter.clone()));
    handler(Socket::serve(wire, meter, line.terms.socket, plan).await).await;
}

/// The connection ends here without another word.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose")]
struct Dropped;

impl<H, F> Line<H>
where
    H: Fn(Call) -> F,
    F: Future<Output = Reply>,
{
    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Said>, Dropped> {
        let fault = self.fault();
        if fault.what == RequestFault::Drop {
            return Err(Dropped);
        }
        sleep_if(fault.before).await;
        if let RequestFault::Refuse(refusal) = &fault.what
            && refusal.handled == Handled::No
        {
            return Ok(refuse(refusal));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, body) = request.into_parts();
        let body = match self.read(body).await {
            Ok(body) => body,
            Err(status) => return Ok(said(status, Bytes::new())),
        };
        let key = socket_key(&head);
        let reply = (self.handler)(Call { peer: self.peer, head, body }).await;
        sleep_if(fault.after).await;
        match (fault.what, reply) {
            (RequestFault::Refuse(refusal), _) => Ok(refuse(&refusal)),
            (RequestFault::Drop | RequestFault::DropResponse, _)
            | (RequestFault::CutResponse, Reply::Socket(_)) => Err(Dropped),
            (RequestFault::CutResponse, Reply::Answer(answer)) if answer.body().is_empty() => {
                Err(Dropped)
            }
            (RequestFault::CutResponse, Reply::Answer(answer)) => {
                Ok(answer.map(|body| Said::cut(&body)))
            }
            (RequestFault::None, Reply::Answer(answer)) => Ok(answer.map(Said::whole)),
            (RequestFault::None, Reply::Socket(handler)) => Ok(match key {
                Err(status) => not_a_socket(status),
                Ok(key) => {
                    let next = Some((upgrade, handler));
                    *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
                    switch(&key)
                }
            }),
        }
    }

    fn fault(&self) -> Fault<RequestFault> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match plan.as_mut() {
            Some(plan) => plan.now().next_request(),
            None => {
                Fault { what: RequestFault::None, before: Duration::ZERO, after: Duration::ZERO }
            }
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, StatusCode> {
        let limited = Limited::new(body, self.terms.body_bytes).collect();
        match timeout(self.terms.limits.head, limited).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

async fn sleep_if(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The client's key, if the head is a handshake of RFC 6455 §4.2.1.
fn socket_key(head: &Parts) -> Result<String, StatusCode> {
    let has = |name: HeaderName, token: &str| {
        let lines = head.headers.get_all(name);
        let mut tokens = lines.iter().filter_map(|line| line.to_str().ok());
        tokens.any(|line| line.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if head.method != Method::GET
        || !has(header::CONNECTION, "upgrade")
        || !has(header::UPGRADE, "websocket")
        || !has(header::SEC_WEBSOCKET_VERSION, "13")
    {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    // 16 bytes in base64 are 24 characters.
    key.filter(|key| key.len() == 24).map(str::to_owned).ok_or(StatusCode::BAD_REQUEST)
}

fn switch(key: &str) -> Response<Said> {
    let mut answer = said(StatusCode::SWITCHING_PROTOCOLS, Bytes::new());
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.expect("base64 is a header's text"));
    answer
}

fn not_a_socket(status: StatusCode) -> Response<Said> {
    let mut answer = said(status, Bytes::new());
    let headers: &mut HeaderMap = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

fn refuse(refusal: &Refusal) -> Response<Said> {
    let status = StatusCode::from_u16(refusal.status);
    let body = Bytes::from(refusal.body.clone());
    let mut answer = said(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body);
    if let Ok(kind) = HeaderValue::try_from(&refusal.content_type) {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

fn said(status: StatusCode, body: Bytes) -> Response<Said> {
    let mut answer = Response::new(Said::whole(body));
    *answer.status_mut() = status;
    answer
}

/// The body of an answer, whole or cut short.
enum Said {
    Whole(Option<Bytes>),
    /// What still comes of it, how long it was said to be, and the wait before the end.
    Cut(Option<Bytes>, u64, Pin<Box<Sleep>>),
}

/// So long hyper gets to write what it has of an answer that is cut.
const CUT_AFTER: Duration = Duration::from_millis(5);

impl Said {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    fn cut(bytes: &Bytes) -> Self {
        let half = Some(bytes.slice(..bytes.len() / 2)).filter(|half| !half.is_empty());
        Self::Cut(half, bytes.len() as u64, Box::pin(sleep(CUT_AFTER)))
    }
}

impl Body for Said {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let (bytes, wait) = match self.get_mut() {
            Self::Whole(bytes) => (bytes, None),
            Self::Cut(bytes, _, wait) => (bytes, Some(wait)),
        };
        if let Some(bytes) = bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let Some(wait) = wait else { return Poll::Ready(None) };
        ready!(wait.as_mut().poll(context));
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Cut(_, declared, _) => *declared,
        })
    }
}
