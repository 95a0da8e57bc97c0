//! Whose turn it is on a connection: silence of ours is work, silence of the client is idleness.

use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What one connection is doing; every clone looks at the same connection.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Mutex<Work>>);

struct Work {
    /// Requests whose next step is the server's.
    at_work: usize,
    /// When a turn last began or ended.
    since: Instant,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Work { at_work: 0, since: Instant::now() })))
    }

    /// A request has come: it is the server's turn.
    pub(crate) fn request(&self) -> Turn {
        let mut turn = Turn { activity: self.clone(), whose: Whose::Client };
        turn.give(Whose::Server);
        turn
    }

    /// Starts the client's time anew.
    pub(crate) fn touch(&self) {
        self.change(|_| {});
    }

    /// Waits until the client has let its turn pass for `limit`; late by `limit` at most.
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
        if work.at_work > 0 { limit } else { limit.saturating_sub(work.since.elapsed()) }
    }

    fn change(&self, change: impl FnOnce(&mut Work)) {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut work);
        work.since = Instant::now();
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
    whose: Whose,
}

impl Turn {
    pub(crate) fn give(&mut self, whose: Whose) {
        if self.whose == whose {
            return;
        }
        self.whose = whose;
        self.activity.change(|work| match whose {
            Whose::Server => work.at_work += 1,
            Whose::Client => work.at_work -= 1,
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give(Whose::Client);
    }
}

/// An answer's body. From a piece that is ready until hyper, which waits for room on the
/// connection, asks for the next, it is the client's turn: it must take what it asked for.
pub(crate) struct Tracked<B> {
    body: Pin<Box<B>>,
    turn: Turn,
}

impl<B: Body> Tracked<B> {
    pub(crate) fn new(body: B, mut turn: Turn) -> Self {
        turn.give(Whose::Client);
        Self { body: Box::pin(body), turn }
    }
}

impl<B: Body> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.turn.give(Whose::Server);
        let polled = self.body.as_mut().poll_frame(context);
        if polled.is_ready() {
            self.turn.give(Whose::Client);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
