//! Sockets: carries out what a session wants done, and brings what comes of it.

use super::input::{Arrival, Do, Input, LineId, RequestId};
use edge::{Backoff, Client, Event, Pace, Socket, SocketRequest, SocketTerms};
use http::{Request, header};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How long a stream may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// Texts that wait to be said over one stream.
const SAY_MAX: usize = 1_024;

/// What a stream's task is told.
#[derive(Debug)]
enum Line {
    Dial(String),
    Say(String),
    Hang,
}

/// All connections to one venue.
pub struct Wire {
    client: Client,
    inputs: mpsc::Sender<Input>,
    lines: BTreeMap<LineId, mpsc::Sender<Line>>,
    seed: u64,
}

impl Wire {
    /// Over this client; what comes in goes into `inputs`. `seed` spreads the pauses of streams.
    #[must_use]
    pub const fn new(client: Client, inputs: mpsc::Sender<Input>, seed: u64) -> Self {
        Self { client, inputs, lines: BTreeMap::new(), seed }
    }

    /// Carries out one thing; what a person is to be told is not for this one.
    pub fn carry_out(&mut self, one: Do) {
        match one {
            Do::Dial(id, uri) => self.tell(id, Line::Dial(uri)),
            Do::Say(id, text) => self.tell(id, Line::Say(text)),
            Do::Hang(id) => self.tell(id, Line::Hang),
            Do::Send(id, request, within) => self.send(id, &request, within),
            Do::Tell(_) => {}
        }
    }

    fn tell(&mut self, id: LineId, what: Line) {
        let sender = self.lines.entry(id).or_insert_with(|| {
            let (sender, told) = mpsc::channel(SAY_MAX);
            let backoff = Backoff::new(Pace::default(), self.seed ^ u64::from(id.0));
            let task = LineTask {
                id,
                client: self.client.clone(),
                inputs: self.inputs.clone(),
                told,
                backoff,
            };
            tokio::spawn(task.run());
            sender
        });
        if let Err(error) = sender.try_send(what) {
            // A stream that takes nothing is dead, and its task will say so.
            tracing::warn!(line = id.0, %error, "a stream takes no more");
        }
    }

    fn send(&self, id: RequestId, request: &Request<Vec<u8>>, within: Duration) {
        let (client, inputs) = (self.client.clone(), self.inputs.clone());
        let request = of_http(request);
        tokio::spawn(async move {
            let arrival = match request {
                Some(request) => arrived(&client, &request, within).await,
                None => Arrival::Unsent,
            };
            // Nobody listens any more when the bot ends.
            let _ = inputs.send(Input::Came(id, arrival)).await;
        });
    }
}

/// Sends a request and says what came of it.
pub async fn arrived(client: &Client, request: &edge::Request, within: Duration) -> Arrival {
    match client.send(request, within).await {
        Ok(response) => Arrival::of(&response),
        Err(error) => {
            tracing::warn!(%error, "a request has no answer");
            if error.is_never_sent() { Arrival::Unsent } else { Arrival::Lost }
        }
    }
}

/// A protocol's request as the client sends it, its target byte for byte; `None` if it goes nowhere.
#[must_use]
pub fn of_http(request: &Request<Vec<u8>>) -> Option<edge::Request> {
    let (origin, target) = place_of(&request.uri().to_string())?;
    let mut sent = edge::Request::new(request.method().clone(), origin, target);
    sent.headers = request
        .headers()
        .iter()
        .filter(|(name, _)| **name != header::HOST && **name != header::CONTENT_LENGTH)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    sent.body = request.body().clone().into();
    Some(sent)
}

/// Origin and target of an absolute address.
fn place_of(uri: &str) -> Option<(edge::Origin, String)> {
    let (scheme, rest) = uri.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(at)?;
    let origin = format!("{scheme}://{authority}").parse().ok()?;
    let target = match target {
        "" => "/".to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_owned(),
    };
    Some((origin, target))
}

/// One stream, connected again as often as it is dialled.
struct LineTask {
    id: LineId,
    client: Client,
    inputs: mpsc::Sender<Input>,
    told: mpsc::Receiver<Line>,
    backoff: Backoff,
}

impl LineTask {
    async fn run(mut self) {
        let mut pause = Duration::ZERO;
        while let Some(uri) = self.dialled().await {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            match self.connected(&uri).await {
                Some(socket) => {
                    if self.inputs.send(Input::Opened(self.id)).await.is_err() {
                        return;
                    }
                    self.carry(socket).await;
                    pause = self.backoff.failed(begun.elapsed());
                }
                None => pause = self.backoff.failed(Duration::ZERO),
            }
            if self.inputs.send(Input::Closed(self.id)).await.is_err() {
                return;
            }
        }
    }

    /// The next address to connect to; what was to be said over the last connection is dropped.
    async fn dialled(&mut self) -> Option<String> {
        loop {
            if let Line::Dial(uri) = self.told.recv().await? {
                return Some(uri);
            }
        }
    }

    async fn connected(&self, uri: &str) -> Option<Socket> {
        let (origin, target) = place_of(uri)?;
        let request = SocketRequest { origin, target, headers: Vec::new() };
        match self.client.websocket(&request, SocketTerms::default(), CONNECT).await {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(line = self.id.0, %error, "a stream does not connect");
                None
            }
        }
    }

    async fn carry(&mut self, mut socket: Socket) {
        loop {
            tokio::select! {
                event = socket.next() => match event {
                    Event::Text(text) => {
                        let input = Input::Text(self.id, text.as_str().to_owned());
                        if self.inputs.send(input).await.is_err() {
                            return;
                        }
                    }
                    Event::Closed(closed) => {
                        let reason = crate::clean::line(&closed.reason);
                        tracing::warn!(line = self.id.0, ?closed.end, reason, "a stream ended");
                        return;
                    }
                    Event::Binary(_) | Event::Ping | Event::Pong => {}
                },
                told = self.told.recv() => match told {
                    Some(Line::Say(text)) => {
                        if socket.send_text(text).await.is_err() {
                            return;
                        }
                    }
                    Some(Line::Hang) | None => {
                        socket.close(1000, "").await;
                        return;
                    }
                    // It is connected already.
                    Some(Line::Dial(_)) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_byte_for_byte() {
        let check = |uri: &str, want: Option<(&str, &str)>| {
            let found = place_of(uri).map(|(origin, target)| (origin.authority(), target));
            let want = want.map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(found, want, "{uri}");
        };
        check("https://api.x.com/v1/a?b=%20c&d=1", Some(("api.x.com", "/v1/a?b=%20c&d=1")));
        check("wss://s.x.com:9443/ws", Some(("s.x.com:9443", "/ws")));
        check("wss://s.x.com", Some(("s.x.com", "/")));
        check("https://x.com?a=1", Some(("x.com", "/?a=1")));
        check("ftp://x.com/", None);
        check("http://example.org/", None);
        check("nowhere", None);
    }
}
