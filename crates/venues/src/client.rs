//! The bot's end of a protocol.

use crate::{Error, Keys};
use engine::{
    live::{Answer, Call, Mode, Word},
    order::Capabilities,
};
use http::{Request, Response};
use market::{Product, Roster, Timestamp, VenueName};

/// Where a venue is: other hosts for its test network, or for an exchange in a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Scheme and authority of signed requests: `https://fapi.binance.com`.
    pub rest: String,
    /// Scheme and authority of the private stream: `wss://fstream.binance.com`.
    pub private: String,
}

/// What a client is made for: one account at one venue, for instruments of one product.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Spot or perpetual.
    pub product: Product,
    /// How the account keeps positions.
    pub mode: Mode,
    /// What is traded, under the venue's names.
    pub roster: Roster,
    /// Where the venue is.
    pub hosts: Hosts,
    /// What signs.
    pub keys: Keys,
    /// Milliseconds after which the venue drops a request that is under way.
    pub window_ms: u32,
}

/// What a venue is like, for whoever keeps the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Orders that it can keep by itself.
    pub capabilities: Capabilities,
    /// Whether a stop for the whole position can be placed before there is a position, so that an
    /// entry is never sent without its stop.
    pub stop_before_entry: bool,
    /// Whether it cancels all orders unless it hears a heartbeat, and if so, whether by instrument.
    pub heartbeat: Heartbeat,
    /// Whether [`Call::ListenKey`] is needed before a private stream, and again every so many seconds.
    pub listen_key_seconds: Option<u32>,
    /// How the venue's documentation wants positions kept by this bot at the start.
    pub mode: Mode,
}

/// Countdown cancel-all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The venue has none.
    None,
    /// One for each instrument.
    Instrument,
    /// One for the account (or for the kind of product).
    Account,
}

/// The bot's end of a protocol: calls to bytes, bytes to answers.
pub trait Client: Send + Sync {
    /// Whose.
    fn venue(&self) -> VenueName;

    /// What the venue is like for this product.
    fn traits(&self) -> Traits;

    /// The signed request, with absolute URI; `now` is the venue's time as far as it is known.
    fn request(&self, call: &Call, now: Timestamp) -> Result<Request<Vec<u8>>, Error>;

    /// What an answer says. Total: what this version cannot read is [`Answer::Unknown`], and never
    /// [`Answer::NotFound`] or [`Answer::Refused`].
    fn answer(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Answer;

    /// A fresh private stream.
    fn stream(&self, listen_key: Option<&str>) -> Box<dyn Stream>;
}

/// One connection of a private stream, from its opening to its end; without I/O.
pub trait Stream: Send {
    /// The absolute URI to connect to.
    fn uri(&self) -> String;

    /// What to send once connected: log in, subscribe.
    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>);

    /// Reads one text message; appends what it says, and what to send next. An unknown message is
    /// passed over; one that is known and cannot be read is [`Error::Unreadable`], and whoever hears
    /// it treats it as a [`Word::Gap`].
    fn hear(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Vec<Word>,
        send: &mut Vec<String>,
    ) -> Result<(), Error>;

    /// When to call [`Stream::tick`], to keep the connection alive.
    fn deadline(&self) -> Option<Timestamp>;

    /// Keeps the connection alive.
    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>);
}
