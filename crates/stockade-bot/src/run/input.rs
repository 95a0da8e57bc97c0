//! What comes in from outside, and what is to be done there: all that a session's decisions depend on.

use engine::live::Kill;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A stream's connection: 0 is the private one, the others are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineId(pub u16);

impl LineId {
    /// The private stream's.
    pub const PRIVATE: Self = Self(0);
}

/// A request's number in one life of a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// One thing that came in. Written down, so that a session can be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// A stream is connected.
    Opened(LineId),
    /// A stream said this.
    Text(LineId, String),
    /// A stream ended, or could not be connected.
    Closed(LineId),
    /// What came of a request.
    Came(RequestId, Arrival),
    /// The kill switch is to be pulled; `off` lets it go.
    Kill(Switch),
    /// Whether risk may be opened.
    MayOpen(bool),
    /// Time passed.
    Tick,
}

/// The kill switch, as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// Let go.
    Off,
    /// No new entries.
    NoEntries,
    /// All orders are taken back, but for the stops of positions.
    CancelAll,
    /// Every position is closed.
    Flatten,
}

impl From<Switch> for Kill {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Off => Self::Off,
            Switch::NoEntries => Self::NoEntries,
            Switch::CancelAll => Self::CancelAll,
            Switch::Flatten => Self::Flatten,
        }
    }
}

impl From<Kill> for Switch {
    fn from(kill: Kill) -> Self {
        match kill {
            Kill::Off => Self::Off,
            Kill::NoEntries => Self::NoEntries,
            Kill::CancelAll => Self::CancelAll,
            Kill::Flatten => Self::Flatten,
        }
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// An answer, whole.
    Response {
        /// Its status.
        status: u16,
        /// Its headers, as far as they are text.
        headers: Vec<(String, String)>,
        /// Its body; what is no text is not what a venue sends, and is replaced.
        body: String,
    },
    /// Nothing was sent.
    Unsent,
    /// Something was sent, and nothing is known of it.
    Lost,
}

impl Arrival {
    /// An answer as a client read it.
    #[must_use]
    pub fn of(response: &edge::Response) -> Self {
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Self::Response {
            status: response.status.as_u16(),
            headers: response.headers.iter().filter_map(header).collect(),
            body: String::from_utf8_lossy(&response.body).into_owned(),
        }
    }

    /// As a protocol reads it; `None` if there is none.
    #[must_use]
    pub fn response(&self) -> Option<Response<Vec<u8>>> {
        let Self::Response { status, headers, body } = self else { return None };
        let mut response = Response::new(body.clone().into_bytes());
        *response.status_mut() = StatusCode::from_u16(*status).ok()?;
        for (name, value) in headers {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            else {
                continue;
            };
            response.headers_mut().append(name, value);
        }
        Some(response)
    }
}

/// One thing to be done outside, in this order.
#[derive(Debug)]
pub enum Do {
    /// Connect a stream, after a pause if it ended before.
    Dial(LineId, String),
    /// Say this over a stream.
    Say(LineId, String),
    /// End a stream; it is dialled again by whoever hears of its end.
    Hang(LineId),
    /// Send a request, and bring what comes of it.
    Send(RequestId, Box<Request<Vec<u8>>>, Duration),
    /// Tell a person.
    Tell(Told),
}

/// What a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What makes two of them the same.
    pub key: String,
    /// How much it matters.
    pub level: notify::Level,
    /// In words.
    pub text: String,
}

/// What is to be done, and the numbers of requests.
#[derive(Debug, Default)]
pub struct Outbox {
    requests: u64,
    todo: Vec<Do>,
}

impl Outbox {
    /// Adds one.
    pub fn push(&mut self, one: Do) {
        self.todo.push(one);
    }

    /// Sends a request; its number.
    pub fn send(&mut self, request: Request<Vec<u8>>, within: Duration) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.push(Do::Send(id, Box::new(request), within));
        id
    }

    /// Tells a person.
    pub fn tell(&mut self, key: &str, level: notify::Level, text: &str) {
        let text = crate::clean::line(text);
        self.push(Do::Tell(Told { key: key.to_owned(), level, text }));
    }

    /// All of it, in order.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Do> {
        self.todo.drain(..)
    }
}
