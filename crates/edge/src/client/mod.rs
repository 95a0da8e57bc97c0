//! An HTTPS client for a process with few hosts: an allow-list, kept connections, and a word on
//! every failure that says whether the request went out.
//!
//! Redirects are not followed, proxies of the environment are not looked at, and nothing is sent
//! twice unless the caller said that it may be.

pub(crate) mod dial;
pub(crate) mod fate;
mod line;
pub(crate) mod origin;
pub(crate) mod request;
mod trust;
pub(crate) mod wire;

pub use fate::{Lost, SendError, Step, Unsent};
pub use origin::{Allowed, Origin, Reach, Scheme};
pub use request::{Request, Response, Retry};
pub(crate) use trust::Pinned;
pub use trust::{Pin, Trust};

use crate::{Error, Proxies};
use dial::dial;
use http::HeaderValue;
use line::{Failure, Line};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use wire::{Meter, Wire};

/// What one client takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// For look-up, TCP and TLS together, within the deadline of the request.
    pub connect: Duration,
    /// Requests at a time to one host.
    pub requests_per_host: usize,
    /// Connections that are kept for the next requests to one host.
    pub idle_per_host: usize,
    /// How long a connection is kept without a request.
    pub idle: Duration,
    /// Bytes of an answer's body.
    pub body_bytes: usize,
    /// Header lines of an answer.
    pub header_count: usize,
    /// Bytes of an answer's head.
    pub header_bytes: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            requests_per_host: 16,
            idle_per_host: 4,
            idle: Duration::from_secs(50),
            body_bytes: 16 << 20,
            header_count: 100,
            header_bytes: 64 << 10,
        }
    }
}

/// How often a client did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Times that a connection was begun, the look-up of the name included.
    pub dialled: u64,
    /// Requests that went over a kept connection.
    pub reused: u64,
    /// Requests that went out a second time.
    pub repeated: u64,
}

/// The client. Every clone has the same connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    places: BTreeMap<Origin, Place>,
    tls: TlsConnector,
    terms: Terms,
    /// Of which proxies we are to our own door; nobody's anywhere else.
    proxies: Proxies,
    dialled: AtomicU64,
    reused: AtomicU64,
    repeated: AtomicU64,
}

/// One allowed origin and the connections that are kept to it.
struct Place {
    reach: Reach,
    host: HeaderValue,
    gate: Semaphore,
    idle: Mutex<Vec<Line>>,
}

impl Client {
    /// A client that goes to the `allowed` origins only.
    pub fn new(allowed: &Allowed, trust: Trust, terms: Terms) -> Result<Self, Error> {
        Self::to_own_door(allowed, trust, terms, Proxies::default())
    }

    /// One that goes to this program's own door. Where that waits for the word of proxies and this machine is on
    /// their list, each connection says that it speaks for itself.
    pub fn to_own_door(
        allowed: &Allowed,
        trust: Trust,
        terms: Terms,
        proxies: Proxies,
    ) -> Result<Self, Error> {
        let mut places = BTreeMap::new();
        for (origin, reach) in allowed.origins() {
            let host = HeaderValue::try_from(origin.authority())
                .expect("a host of an origin is a name or an address");
            let gate = Semaphore::new(terms.requests_per_host.clamp(1, 1024));
            places.insert(origin.clone(), Place { reach, host, gate, idle: Mutex::default() });
        }
        let tls = dial::connector(trust.config()?);
        let [dialled, reused, repeated] = [const { AtomicU64::new(0) }; 3];
        Ok(Self(Arc::new(Inner { places, tls, terms, proxies, dialled, reused, repeated })))
    }

    /// Sends `request` and reads the whole answer, all `within` so much time.
    ///
    /// Dropping the future closes the connection; what became of the request is then unknown.
    pub async fn send(&self, request: &Request, within: Duration) -> Result<Response, SendError> {
        let deadline = Instant::now() + within;
        let unsent = |why| SendError::NeverSent { origin: request.origin.clone(), why };
        let place = self.place(&request.origin)?;
        let mut words = Some(request.to_http(&place.host).map_err(unsent)?);
        let _permit = self.permit(place, deadline).await.map_err(unsent)?;
        let mut kept = self.kept(place).await;
        loop {
            let is_kept = kept.is_some();
            let mut line = match kept.take() {
                Some(line) => {
                    self.0.reused.fetch_add(1, Ordering::Relaxed);
                    line
                }
                None => self.open(&request.origin, place, deadline).await.map_err(unsent)?,
            };
            let words = match words.take() {
                Some(words) => words,
                None => request.to_http(&place.host).map_err(unsent)?,
            };
            match line.ask(words, self.0.terms.body_bytes, deadline).await {
                Ok(answer) => {
                    self.keep(place, line).await;
                    let line::Answer { status, headers, body, handed_at } = answer;
                    return Ok(Response { status, headers, body, handed_at });
                }
                // Nothing has left: the fresh connection is the first attempt.
                Err(Failure::Unsent(Unsent::Closed(_))) if is_kept => {}
                Err(Failure::Lost(Lost::Closed(_), None)) if is_kept && request.may_repeat() => {
                    self.0.repeated.fetch_add(1, Ordering::Relaxed);
                }
                Err(Failure::Unsent(why)) => return Err(unsent(why)),
                Err(Failure::Lost(why, status)) => {
                    let origin = request.origin.clone();
                    return Err(SendError::Unknown { origin, status, why });
                }
            }
        }
    }

    /// Opens connections until `count` are kept for `origin`, and says how many are; those kept
    /// are looked at first, and what has ended is dropped.
    pub async fn prewarm(
        &self,
        origin: &Origin,
        count: usize,
        within: Duration,
    ) -> Result<usize, SendError> {
        let deadline = Instant::now() + within;
        let place = self.place(origin)?;
        let mut live = Vec::new();
        while let Some(line) = self.kept(place).await {
            live.push(line);
        }
        let failed = |why| SendError::NeverSent { origin: origin.clone(), why };
        let mut opened = Ok(());
        while opened.is_ok() && live.len() < count.min(self.0.terms.idle_per_host) {
            opened = self.open(origin, place, deadline).await.map(|line| live.push(line));
        }
        let count = live.len();
        for line in live {
            self.keep(place, line).await;
        }
        opened.map(|()| count).map_err(failed)
    }

    /// How often it did what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            dialled: read(&self.0.dialled),
            reused: read(&self.0.reused),
            repeated: read(&self.0.repeated),
        }
    }

    /// A connection of its own, for a stream that is not HTTP for long.
    pub(crate) async fn dial(
        &self,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<(Wire, Meter), SendError> {
        let place = self.place(origin)?;
        let dialled = self.dial_place(origin, place, deadline).await;
        dialled.map_err(|why| SendError::NeverSent { origin: origin.clone(), why })
    }

    fn place(&self, origin: &Origin) -> Result<&Place, SendError> {
        self.0
            .places
            .get(origin)
            .ok_or_else(|| SendError::NeverSent { origin: origin.clone(), why: Unsent::NotAllowed })
    }

    async fn permit<'a>(
        &self,
        place: &'a Place,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'a>, Unsent> {
        match timeout_at(deadline, place.gate.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Unsent::Busy { limit: self.0.terms.requests_per_host }),
        }
    }

    /// The connection used last that still lives; what has ended or is too old is dropped.
    async fn kept(&self, place: &Place) -> Option<Line> {
        loop {
            let mut line = place.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if line.idle_since.elapsed() < self.0.terms.idle && line.is_ready().await {
                return Some(line);
            }
        }
    }

    async fn keep(&self, place: &Place, mut line: Line) {
        if self.0.terms.idle_per_host == 0 || !line.is_ready().await {
            return;
        }
        line.idle_since = Instant::now();
        let mut idle = place.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The oldest lies at the bottom.
        let excess = (idle.len() + 1).saturating_sub(self.0.terms.idle_per_host.max(1));
        idle.drain(..excess);
        idle.push(line);
    }

    async fn dial_place(
        &self,
        origin: &Origin,
        place: &Place,
        deadline: Instant,
    ) -> Result<(Wire, Meter), Unsent> {
        self.0.dialled.fetch_add(1, Ordering::Relaxed);
        let deadline = deadline.min(Instant::now() + self.0.terms.connect);
        dial((&self.0.tls, &self.0.proxies), origin, place.reach, deadline).await
    }

    async fn open(
        &self,
        origin: &Origin,
        place: &Place,
        deadline: Instant,
    ) -> Result<Line, Unsent> {
        let (wire, meter) = self.dial_place(origin, place, deadline).await?;
        let mut line = Line::open(wire, meter, &self.0.terms).await?;
        line.is_ready().await;
        Ok(line)
    }
}
