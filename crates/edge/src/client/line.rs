//! One HTTP/1.1 connection, driven by whoever has a request on it.
//!
//! No task of its own stands behind it: the request's task writes to the kernel itself, which
//! saves a wake-up on the way out and leaves no moment in which a request waits in a queue.

use super::{
    Terms,
    fate::{Lost, Step, Unsent},
    wire::{Meter, Wire},
};
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant as Moment,
};
use tokio::time::{Instant, timeout_at};

/// Looks at a connection until it says whether it is ready.
const LOOKS_MAX: usize = 3;

pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<Connection<TokioIo<Wire>, Full<Bytes>>>,
    meter: Meter,
    pub(crate) idle_since: Instant,
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) handed_at: Moment,
}

/// Why there is none.
pub(crate) enum Failure {
    Unsent(Unsent),
    Lost(Lost, Option<StatusCode>),
}

impl Line {
    pub(crate) async fn open(wire: Wire, meter: Meter, terms: &Terms) -> Result<Self, Unsent> {
        let (sender, connection) = http1::Builder::new()
            .max_headers(terms.header_count)
            .max_buf_size(terms.header_bytes.max(8192))
            .handshake(TokioIo::new(wire))
            .await
            .map_err(Unsent::Closed)?;
        Ok(Self { sender, connection: Some(connection), meter, idle_since: Instant::now() })
    }

    /// Whether it can take a request now; reads what has come, and waits for nothing.
    pub(crate) async fn is_ready(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(self.look(context))).await
    }

    fn look(&mut self, context: &mut Context<'_>) -> bool {
        for _ in 0..LOOKS_MAX {
            self.push(context);
            if self.connection.is_none() {
                return false;
            }
            match self.sender.poll_ready(context) {
                Poll::Ready(ready) => return ready.is_ok(),
                Poll::Pending => {}
            }
        }
        false
    }

    fn push(&mut self, context: &mut Context<'_>) {
        push(&mut self.connection, context);
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn ask(
        &mut self,
        request: http::Request<Full<Bytes>>,
        body_bytes_max: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let before = self.meter.written();
        let answering = pin!(self.sender.try_send_request(request));
        let answered = timeout_at(deadline, drive(&mut self.connection, answering)).await;
        let is_unsent = self.meter.written() == before;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(broken(error.into_error(), is_unsent)),
            Err(_) if is_unsent => {
                return Err(Failure::Unsent(Unsent::Timeout { step: Step::Write }));
            }
            Err(_) => return Err(Failure::Lost(Lost::Timeout, None)),
        };
        let handed_at = self.meter.written_at();
        let (head, body) = response.into_parts();
        let declared = head.headers.get(CONTENT_LENGTH).and_then(|text| text.to_str().ok());
        let declared = declared.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let lost = |why| Failure::Lost(why, Some(head.status));
        if declared > body_bytes_max as u64 {
            return Err(lost(Lost::TooLarge { limit: body_bytes_max }));
        }
        let read = collect(&mut self.connection, body, body_bytes_max);
        let body = match timeout_at(deadline, read).await {
            Ok(read) => read.map_err(lost)?,
            Err(_) => return Err(lost(Lost::Timeout)),
        };
        Ok(Answer { status: head.status, headers: head.headers, body, handed_at })
    }
}

fn push(
    connection: &mut Option<Connection<TokioIo<Wire>, Full<Bytes>>>,
    context: &mut Context<'_>,
) {
    if let Some(live) = connection
        && Pin::new(live).poll(context).is_ready()
    {
        *connection = None;
    }
}

/// Moves the connection on until `work` is done; the connection tells `work` of its own errors.
async fn drive<F: Future>(
    connection: &mut Option<Connection<TokioIo<Wire>, Full<Bytes>>>,
    mut work: Pin<&mut F>,
) -> F::Output {
    poll_fn(|context| {
        push(connection, context);
        work.as_mut().poll(context)
    })
    .await
}

async fn collect(
    connection: &mut Option<Connection<TokioIo<Wire>, Full<Bytes>>>,
    mut body: Incoming,
    limit: usize,
) -> Result<Bytes, Lost> {
    // Most answers come in one piece, which needs no copy.
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    loop {
        let bytes = first.len().max(whole.len());
        let piece = match drive(connection, pin!(body.frame())).await {
            None => return Ok(if whole.is_empty() { first } else { whole.into() }),
            Some(Err(_)) => return Err(Lost::Truncated { bytes }),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if bytes + piece.len() > limit {
            return Err(Lost::TooLarge { limit });
        }
        if bytes == 0 {
            first = piece;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
        }
    }
}

fn broken(error: hyper::Error, is_unsent: bool) -> Failure {
    if is_unsent {
        Failure::Unsent(Unsent::Closed(error))
    } else if error.is_parse() {
        Failure::Lost(Lost::Malformed(error), None)
    } else {
        Failure::Lost(Lost::Closed(error), None)
    }
}
