//! What a call takes of the server: its weight in rate limits, and how many run at a time.

use super::Problem;
use axum::body::{Body, Bytes, HttpBody};
use http::StatusCode;
use http_body::{Frame, SizeHint};
use identity::AccountId;
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// An answer from memory or from a few rows.
    Light,
    /// A file, many rows, or an act that the log keeps.
    Moderate,
    /// A password or a code is hashed; the pool of hashes has a queue of its own.
    Hashing,
    /// Computes, reads whole tables or streams: so many at a time.
    Heavy(AtOnce),
}

/// How many calls of one route run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtOnce {
    /// Of everybody.
    pub all: usize,
    /// Of one person.
    pub each: usize,
}

impl AtOnce {
    /// For tables and columns that are read as a whole: a page asks for several side by side.
    pub const READING: Self = Self { all: 16, each: 6 };
    /// For what computes over data.
    pub const COMPUTING: Self = Self { all: 4, each: 2 };
    /// For what leaves the house as a whole.
    pub const EXPORT: Self = Self { all: 2, each: 1 };
}

impl Cost {
    /// Units of a rate limit that a call uses up.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::Light => 1,
            Self::Moderate => 2,
            Self::Hashing | Self::Heavy(_) => 10,
        }
    }

    /// How many run at a time; no bound but the connections' where there is none.
    #[must_use]
    pub const fn at_once(self) -> Option<AtOnce> {
        match self {
            Self::Heavy(at_once) => Some(at_once),
            Self::Light | Self::Moderate | Self::Hashing => None,
        }
    }

    /// Its word in the published table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Moderate => "moderate",
            Self::Hashing => "hashing",
            Self::Heavy(_) => "heavy",
        }
    }
}

/// How long a call waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// Calls of one route that wait.
const WAITING_MAX: usize = 64;
/// People whose places are kept although none of their calls runs.
const PEOPLE_MAX: usize = 1024;

/// The places of one route. They are given in the order of asking; whoever has as many calls
/// running as one person may waits at their own queue and not at everybody's.
#[derive(Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    each: usize,
    wait: Duration,
    people: Mutex<BTreeMap<AccountId, Arc<Semaphore>>>,
}

/// A place that is held until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// All free.
    #[must_use]
    pub fn new(at_once: AtOnce) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once.all)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            each: at_once.each,
            wait: WAIT,
            people: Mutex::default(),
        }
    }

    /// Waits for a place, not for long and not behind many.
    pub async fn take(&self, who: Option<AccountId>) -> Result<Turn, Problem> {
        let _waits = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let places = async {
            let own = match who.map(|who| self.places_of(who)) {
                Some(own) => Some(own.acquire_owned().await.ok()?),
                None => None,
            };
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _all: all, _own: own })
        };
        timeout(self.wait, places).await.ok().flatten().ok_or_else(busy)
    }

    fn places_of(&self, who: AccountId) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= PEOPLE_MAX {
            // Who holds or awaits a place holds the semaphore as well.
            people.retain(|_, places| Arc::strong_count(places) > 1);
        }
        Arc::clone(people.entry(who).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

fn busy() -> Problem {
    let detail = "as many of these are at work as may be at a time";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail)
        .fix("wait for your other requests, then repeat it")
        .retry_after(2)
}

/// A body that holds its place until it was sent or given up.
pub struct Held {
    body: Body,
    _turn: Turn,
}

impl Held {
    /// The body, the place held beside it.
    pub fn body(body: Body, turn: Turn) -> Body {
        Body::new(Self { body, _turn: turn })
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms::SystemEntropy;

    fn person() -> AccountId {
        AccountId::new(crate::desk::now(), &mut SystemEntropy::new())
    }

    fn turns(all: usize, each: usize) -> Turns {
        let wait = Duration::from_millis(20);
        Turns { wait, ..Turns::new(AtOnce { all, each }) }
    }

    #[tokio::test]
    async fn one_person_cannot_take_all_places() {
        let (turns, ada, bob) = (turns(3, 2), person(), person());
        let first = turns.take(Some(ada)).await.expect("a place");
        let _second = turns.take(Some(ada)).await.expect("a place");
        let refused = turns.take(Some(ada)).await.expect_err("the third of one person");
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (429, Some(2)));
        let _bob = turns.take(Some(bob)).await.expect("another person's place");
        turns.take(Some(bob)).await.expect_err("all places are taken");
        drop(first);
        turns.take(Some(ada)).await.expect("a place that was given back");
    }

    #[tokio::test]
    async fn a_body_gives_its_place_back_when_it_ends() {
        let turns = turns(1, 1);
        let turn = turns.take(None).await.expect("a place");
        let body = Held::body(Body::from("text"), turn);
        assert_eq!(body.size_hint().exact(), Some(4));
        turns.take(None).await.expect_err("the body is not sent yet");
        axum::body::to_bytes(body, 10).await.expect("sent");
        turns.take(None).await.expect("sent and given back");
    }

    #[tokio::test]
    async fn who_has_no_place_is_forgotten() {
        let turns = turns(1, 1);
        for _ in 0..=PEOPLE_MAX {
            drop(turns.take(Some(person())).await.expect("a place"));
        }
        assert!(turns.people.lock().expect("a lock").len() <= PEOPLE_MAX);
    }
}
