//! Both ends of public market data.

use crate::Error;
use engine::MarketEvent;
use http::{Request, Response};
use market::{Bar, BarSize, Price, Product, Quantity, Roster, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;

/// Where a venue's public data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Scheme and authority of requests.
    pub rest: String,
    /// Scheme and authority of the public stream.
    pub stream: String,
}

/// One request for public data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The venue's time.
    Time,
    /// Everything that is traded of a product, or only what has these names.
    Instruments(Product, Vec<String>),
    /// Closed bars that open in `[from, to)`, oldest first; at most what one page holds.
    Bars {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Of which size; a venue without this size is [`Error::Unsupported`].
        size: BarSize,
        /// From this opening on.
        from: Timestamp,
        /// Up to this opening.
        to: Timestamp,
    },
    /// The order book, this many levels deep or the next size that the venue has.
    Book(InstrumentId, u32),
}

/// What the venue told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Its time.
    Time(Timestamp),
    /// What is traded.
    Instruments(Vec<Traded>),
    /// Closed bars, oldest first.
    Bars(Vec<(Timestamp, Bar)>),
    /// The book as it is.
    Book(BookLevels),
}

/// A whole order book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookLevels {
    /// The venue's number of this state.
    pub sequence: u64,
    /// Best first.
    pub bids: Vec<(Price, Quantity)>,
    /// Best first.
    pub asks: Vec<(Price, Quantity)>,
}

/// What a public stream can tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Bars of a size, each as it closes.
    Bars(InstrumentId, BarSize),
    /// Trades.
    Trades(InstrumentId),
    /// The best bid and ask.
    Quotes(InstrumentId),
    /// The order book, kept in step with the venue's.
    Book(InstrumentId),
    /// Funding as it is paid, and the mark price where it comes with it.
    Funding(InstrumentId),
}

/// What a public stream brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The market told something. A [`engine::Data::Bar`] only once, when it has closed.
    Event(MarketEvent),
    /// Everything that was subscribed to is told from now on.
    Ready,
    /// Messages of this topic were missed: a sequence broke, or a checksum failed. The stream has
    /// asked for a fresh start itself where the protocol allows; bars have to be filled from requests.
    Gap(Topic),
    /// A request is needed to start or restart a book: send it, and give the answer to
    /// [`PublicStream::fetched`].
    Fetch(Ask),
    /// The venue says that it will end the connection.
    Ending,
}

/// One venue's public data: requests to bytes, bytes to answers.
pub trait Source: Send + Sync {
    /// Whose.
    fn venue(&self) -> VenueName;

    /// The bar sizes that it has itself; others are put together from the largest that divides them.
    fn sizes(&self) -> &'static [BarSize];

    /// The request, with absolute URI.
    fn request(&self, ask: &Ask, roster: &Roster) -> Result<Request<Vec<u8>>, Error>;

    /// What an answer says.
    fn answer(
        &self,
        ask: &Ask,
        response: &Response<Vec<u8>>,
        roster: &Roster,
    ) -> Result<Told, Error>;

    /// A fresh stream of these topics; several, if the venue allows fewer topics on a connection.
    fn streams(&self, topics: &[Topic], roster: &Roster) -> Vec<Box<dyn PublicStream>>;
}

/// One connection of a public stream; without I/O.
pub trait PublicStream: Send {
    /// The absolute URI to connect to.
    fn uri(&self) -> String;

    /// What to send once connected.
    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>);

    /// Reads one text message; an unknown one is passed over.
    fn hear(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Vec<Step>,
        send: &mut Vec<String>,
    ) -> Result<(), Error>;

    /// The answer to a [`Step::Fetch`], and what was asked.
    fn fetched(&mut self, ask: &Ask, told: &Told, out: &mut Vec<Step>);

    /// When to call [`PublicStream::tick`].
    fn deadline(&self) -> Option<Timestamp>;

    /// Keeps the connection alive.
    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>);
}

/// The venue's end of public data, for the exchange in a box.
pub trait PublicCounter: Send + Sync {
    /// What a request asks for; [`None`] if the path is none of the public ones, an error response if
    /// it is one and is wrong.
    fn asked(
        &self,
        request: &Request<Vec<u8>>,
        roster: &Roster,
    ) -> Option<Result<Ask, Box<Response<Vec<u8>>>>>;

    /// The response that says this.
    fn respond(&self, ask: &Ask, told: &Told, roster: &Roster, now: Timestamp)
    -> Response<Vec<u8>>;

    /// The topics that a connection to this path begins with, if this venue has a public stream there.
    fn stream(&self, path_and_query: &str, roster: &Roster) -> Option<Vec<Topic>>;

    /// Reads what a client sent: subscriptions to add or drop, and what to send back.
    fn hear(&self, text: &str, roster: &Roster, send: &mut Vec<String>) -> Vec<(Topic, Wish)>;

    /// The messages that tell this to whoever subscribed to these topics.
    fn tell(&self, event: &MarketEvent, roster: &Roster, send: &mut Vec<(Topic, String)>);
}

/// Whether a topic is wanted from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is.
    Subscribe,
    /// No more.
    Unsubscribe,
}
