//! Whose turn it is on a connection: silence of ours is work, silence of the client is idleness.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Bytes of an answer that are handed on at a time: what the library holds of a client that takes none of it.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// What one connection is doing; every clone looks at the same connection.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Mutex<Work>>);

struct Work {
    /// Requests whose next step is the server's.
    busy: usize,
    /// When a turn last began or ended.
    since: Instant,
    /// Answers whose next step is the client's, and since when. Each has a time of its own: who asks for more does
    /// not thereby take what was asked for before.
    waiting: Vec<(u64, Instant)>,
    /// Requests so far.
    requests: u64,
}

impl Activity {
    pub(crate) fn new() -> Self {
        let since = Instant::now();
        Self(Arc::new(Mutex::new(Work { busy: 0, since, waiting: Vec::new(), requests: 0 })))
    }

    /// A request has come: it is the server's turn.
    pub(crate) fn request(&self) -> Turn {
        let number = self.change(|work, _| {
            work.busy += 1;
            work.requests += 1;
            work.requests
        });
        Turn { activity: self.clone(), number, whose: Whose::Server }
    }

    /// Starts the client's time anew.
    pub(crate) fn touch(&self) {
        self.change(|work, now| work.waiting.iter_mut().for_each(|(_, since)| *since = now));
    }

    /// Waits until the client has let its turn pass for `limit`, the connection's or that of one answer; late by
    /// `limit` at most.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let left = self.left(limit);
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn left(&self, limit: Duration) -> Duration {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |since: Instant| limit.saturating_sub(since.elapsed());
        let whole = if work.busy > 0 { limit } else { left(work.since) };
        let oldest = work.waiting.iter().map(|(_, since)| *since).min();
        oldest.map_or(whole, |since| left(since).min(whole))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Work, Instant) -> T) -> T {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        work.since = now;
        change(&mut work, now)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Server,
    Client,
}

/// Whose turn it is in one request; ends with it.
pub(crate) struct Turn {
    activity: Activity,
    number: u64,
    whose: Whose,
}

impl Turn {
    pub(crate) fn give(&mut self, whose: Whose) {
        if self.whose == whose {
            return;
        }
        self.whose = whose;
        let number = self.number;
        self.activity.change(|work, now| match whose {
            Whose::Server => {
                work.busy += 1;
                work.waiting.retain(|(waiting, _)| *waiting != number);
            }
            Whose::Client => {
                work.busy -= 1;
                work.waiting.push((number, now));
            }
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (number, whose) = (self.number, self.whose);
        self.activity.change(|work, _| match whose {
            Whose::Server => work.busy -= 1,
            Whose::Client => work.waiting.retain(|(waiting, _)| *waiting != number),
        });
    }
}

/// An answer's body. From a piece that is ready until hyper, which waits for room on the
/// connection, asks for the next, it is the client's turn: it must take what it asked for.
pub(crate) struct Tracked<B> {
    body: Pin<Box<B>>,
    /// What the body gave and was not handed on yet.
    rest: Bytes,
    turn: Turn,
}

impl<B: Body<Data = Bytes>> Tracked<B> {
    pub(crate) fn new(body: B, mut turn: Turn) -> Self {
        turn.give(Whose::Client);
        Self { body: Box::pin(body), rest: Bytes::new(), turn }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX)))
    }
}

impl<B: Body<Data = Bytes>> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.turn.give(Whose::Server);
        if self.rest.is_empty() {
            let mut frame = match ready!(self.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => {
                    self.turn.give(Whose::Client);
                    return Poll::Ready(other);
                }
            };
            match frame.data_mut() {
                Some(data) if data.len() > PIECE_BYTES_MAX => self.rest = std::mem::take(data),
                _ => {
                    self.turn.give(Whose::Client);
                    return Poll::Ready(Some(Ok(frame)));
                }
            }
        }
        self.turn.give(Whose::Client);
        Poll::Ready(Some(Ok(self.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}
