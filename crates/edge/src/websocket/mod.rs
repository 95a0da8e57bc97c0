//! A WebSocket (RFC 6455), either end: it answers pings, notices a dead peer and says how it ended.

pub(crate) mod connect;

pub use connect::{ConnectError, SocketRequest};

use crate::{
    client::wire::{Meter, Wire},
    faults::{LivePlan, MessageFault},
};
use futures_util::{SinkExt, StreamExt};
use hyper::body::Bytes;
use std::{pin::Pin, time::Duration};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::ProtocolError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

/// What one socket takes at most, and how long a silence is death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketTerms {
    /// Bytes of one message, of all its frames together.
    pub message_bytes: usize,
    /// After so long without a byte a ping is sent.
    pub ping_after: Duration,
    /// After so long without a byte the peer is dead.
    pub dead_after: Duration,
    /// For the kernel to take a message, and for the peer to answer a close.
    pub patience: Duration,
}

impl Default for SocketTerms {
    fn default() -> Self {
        Self {
            message_bytes: 8 << 20,
            ping_after: Duration::from_secs(15),
            dead_after: Duration::from_secs(30),
            patience: Duration::from_secs(5),
        }
    }
}

/// What comes out of a socket. A ping has its answer already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message of text.
    Text(Utf8Bytes),
    /// A message of bytes.
    Binary(Bytes),
    /// A ping; many venues send them, and some count them.
    Ping,
    /// The answer to a ping of ours.
    Pong,
    /// The end: nothing comes after it.
    Closed(Closed),
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The peer's code, if it sent a close frame with one.
    pub code: Option<u16>,
    /// The peer's words; text from outside, not cleaned.
    pub reason: String,
    /// Why it ended.
    pub end: End,
}

/// Why a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer closed it as one does.
    Peer,
    /// This side closed it.
    Ours,
    /// The connection broke without a close frame.
    Broken,
    /// No byte came for too long, or none was taken.
    Silent,
    /// A message is longer than allowed.
    TooLarge,
    /// What came is no WebSocket.
    Malformed,
}

/// A message that could not be sent, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream ended ({:?}): {}", closed.end, fate.words())]
pub struct Unsaid {
    /// Whether the peer can have any of it.
    pub fate: Fate,
    /// How the socket ended.
    pub closed: Closed,
}

/// What is known of a message that could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not one byte of it left this machine.
    NeverSent,
    /// Bytes left: the peer may have all of it.
    Unknown,
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Self::NeverSent => "nothing of the message was sent",
            Self::Unknown => "whether the message was received is unknown",
        }
    }
}

/// One end of a WebSocket.
pub struct Socket {
    stream: WebSocketStream<Wire>,
    meter: Meter,
    terms: SocketTerms,
    watch: Pin<Box<Sleep>>,
    /// A ping went out since the last byte came.
    is_asking: bool,
    ended: Option<Closed>,
    mischief: Option<Box<Mischief>>,
}

/// Faults of the sending side.
struct Mischief {
    plan: LivePlan,
    /// A message that waits for the next to go first, and how long.
    held: Option<(Message, Instant)>,
}

/// How long a message waits for the one that should go first.
const HELD: Duration = Duration::from_secs(1);

impl Socket {
    pub(crate) fn new(stream: WebSocketStream<Wire>, meter: Meter, terms: SocketTerms) -> Self {
        let watch = Box::pin(sleep(terms.ping_after.min(terms.dead_after)));
        Self { stream, meter, terms, watch, is_asking: false, ended: None, mischief: None }
    }

    /// The server's end of a connection that was upgraded.
    pub(crate) async fn serve(
        wire: Wire,
        meter: Meter,
        terms: SocketTerms,
        plan: LivePlan,
    ) -> Self {
        let config = config(&terms);
        let stream = WebSocketStream::from_raw_socket(wire, Role::Server, Some(config)).await;
        let mut socket = Self::new(stream, meter, terms);
        socket.mischief = Some(Box::new(Mischief { plan, held: None }));
        socket
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(closed) = &self.ended {
                return Event::Closed(closed.clone());
            }
            let held_until = self.mischief.as_ref().and_then(|m| Some(m.held.as_ref()?.1));
            tokio::select! {
                biased;
                message = self.stream.next() => {
                    if let Some(event) = self.take(message).await {
                        return event;
                    }
                }
                () = self.watch.as_mut() => self.look_after().await,
                () = until(held_until) => self.release().await,
            }
        }
    }

    async fn take(&mut self, message: Option<tungstenite::Result<Message>>) -> Option<Event> {
        self.is_asking = false;
        match message {
            Some(Ok(Message::Text(text))) => Some(Event::Text(text)),
            Some(Ok(Message::Binary(bytes))) => Some(Event::Binary(bytes)),
            Some(Ok(Message::Ping(_))) => {
                self.flush().await;
                Some(Event::Ping)
            }
            Some(Ok(Message::Pong(_))) => Some(Event::Pong),
            Some(Ok(Message::Frame(_))) => None,
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = match frame {
                    Some(frame) => (Some(frame.code.into()), frame.reason.to_string()),
                    None => (None, String::new()),
                };
                self.end(Closed { code, reason, end: End::Peer });
                self.flush().await;
                None
            }
            Some(Err(error)) => {
                let end = end_of(&error);
                let code = match end {
                    End::TooLarge => Some(CloseCode::Size),
                    End::Malformed => Some(CloseCode::Protocol),
                    _ => None,
                };
                self.end(Closed::because(end));
                if let Some(code) = code {
                    let frame = CloseFrame { code, reason: Utf8Bytes::default() };
                    // The socket is given up: whether the peer hears why does not matter.
                    let _ = timeout(self.terms.patience, self.stream.close(Some(frame))).await;
                }
                None
            }
            None => {
                self.end(Closed::because(End::Broken));
                None
            }
        }
    }

    /// Looks how long it has been silent: asks first, and then gives up.
    async fn look_after(&mut self) {
        let last = Instant::from_std(self.meter.read_at());
        let silent = last.elapsed();
        if silent >= self.terms.dead_after {
            self.end(Closed::because(End::Silent));
            return;
        }
        if silent < self.terms.ping_after {
            self.is_asking = false;
            self.watch.as_mut().reset(last + self.terms.ping_after.min(self.terms.dead_after));
            return;
        }
        self.watch.as_mut().reset(last + self.terms.dead_after);
        if !self.is_asking {
            self.is_asking = true;
            // A failure is noted by the transmission itself.
            let _ = self.transmit(Message::Ping(Bytes::new())).await;
        }
    }

    /// Sends a message of text.
    pub async fn send_text(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Unsaid> {
        self.send(Message::Text(text.into())).await
    }

    /// Sends a message of bytes.
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Unsaid> {
        self.send(Message::Binary(bytes.into())).await
    }

    /// Sends a ping.
    pub async fn send_ping(&mut self) -> Result<(), Unsaid> {
        self.transmit(Message::Ping(Bytes::new())).await
    }

    /// Closes as one does: says why, and waits for the peer's word. What comes meanwhile is lost.
    pub async fn close(&mut self, code: u16, reason: &str) -> Closed {
        // A control frame has 125 bytes, two of them for the code.
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = Utf8Bytes::from(reason.get(..end).unwrap_or_default());
        let frame = CloseFrame { code: code.into(), reason };
        if self.ended.is_none() {
            let all = async {
                let _ = self.stream.close(Some(frame)).await;
                loop {
                    match self.stream.next().await {
                        Some(Ok(Message::Close(frame))) => return frame,
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return None,
                    }
                }
            };
            let frame = timeout(self.terms.patience, all).await.ok().flatten();
            let code = frame.as_ref().map(|frame| frame.code.into());
            let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
            self.end(Closed { code, reason, end: End::Ours });
        }
        self.ended.clone().unwrap_or_else(|| Closed::because(End::Ours))
    }

    /// When the kernel last took bytes: what a message sent is measured by.
    #[must_use]
    pub fn handed_at(&self) -> std::time::Instant {
        self.meter.written_at()
    }

    async fn send(&mut self, message: Message) -> Result<(), Unsaid> {
        let Some(mischief) = &mut self.mischief else { return self.transmit(message).await };
        let fault = mischief.plan.now().next_message();
        let held = mischief.held.take();
        if !fault.before.is_zero() {
            sleep(fault.before).await;
        }
        match fault.what {
            MessageFault::Drop => {}
            MessageFault::Duplicate => {
                self.transmit(message.clone()).await?;
                self.transmit(message).await?;
            }
            MessageFault::Swap if held.is_none() => {
                if let Some(mischief) = &mut self.mischief {
                    mischief.held = Some((message, Instant::now() + HELD));
                }
            }
            MessageFault::None | MessageFault::Swap => self.transmit(message).await?,
            MessageFault::Cut => return self.cut(message).await,
        }
        match held {
            Some((message, _)) => self.transmit(message).await,
            None => Ok(()),
        }
    }

    /// Sends what waited, because nothing came that could go first.
    async fn release(&mut self) {
        let held = self.mischief.as_mut().and_then(|mischief| mischief.held.take());
        if let Some((message, _)) = held {
            // A failure is noted by the transmission itself.
            let _ = self.transmit(message).await;
        }
    }

    /// The first half of a message, as a fragment that no other follows, and then nothing.
    async fn cut(&mut self, message: Message) -> Result<(), Unsaid> {
        let bytes = message.into_data();
        let half = bytes.slice(..bytes.len() / 2);
        let frame = Frame::message(half, OpCode::Data(Data::Binary), false);
        self.transmit(Message::Frame(frame)).await?;
        let closed = Closed::because(End::Broken);
        self.end(closed.clone());
        Err(Unsaid { fate: Fate::Unknown, closed })
    }

    async fn transmit(&mut self, message: Message) -> Result<(), Unsaid> {
        if let Some(closed) = &self.ended {
            return Err(Unsaid { fate: Fate::NeverSent, closed: closed.clone() });
        }
        let before = self.meter.written();
        let end = match timeout(self.terms.patience, self.stream.send(message)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => end_of(&error),
            Err(_) => End::Silent,
        };
        let fate = if self.meter.written() == before { Fate::NeverSent } else { Fate::Unknown };
        let closed = Closed::because(end);
        self.end(closed.clone());
        Err(Unsaid { fate, closed })
    }

    /// Sends answers that the protocol gives by itself: pongs and closes.
    async fn flush(&mut self) {
        // The next read finds out what is wrong, if anything is.
        let _ = timeout(self.terms.patience, self.stream.flush()).await;
    }

    fn end(&mut self, closed: Closed) {
        self.ended.get_or_insert(closed);
    }
}

impl Closed {
    fn because(end: End) -> Self {
        Self { code: None, reason: String::new(), end }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn end_of(error: &tungstenite::Error) -> End {
    use tungstenite::Error;
    match error {
        Error::Capacity(_) | Error::WriteBufferFull(_) => End::TooLarge,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => End::Broken,
        Error::ConnectionClosed | Error::AlreadyClosed => End::Ours,
        _ => End::Malformed,
    }
}

pub(crate) fn config(terms: &SocketTerms) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(32 << 10)
        .write_buffer_size(32 << 10)
        .max_write_buffer_size((32 << 10) + terms.message_bytes.max(64 << 10))
        .max_message_size(Some(terms.message_bytes))
        .max_frame_size(Some(terms.message_bytes))
}

#[cfg(test)]
mod tests {
    /// Holds part of S42: the library under a socket traces handshakes and frames whole, with the
    /// keys and signatures in them. No filter of any user can bring that into a log.
    #[test]
    fn frames_are_never_logged() {
        const { assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize) };
    }
}
