//! The bot's end of a protocol.

use crate::{Error, Keys};
use engine::{
    live::{Answer, Book, Call, Mode, StopHolds, StopTiming, Unknown, Word},
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
    /// When a position on margin comes by its stop.
    pub stops: StopTiming,
    /// What a stop that waits holds back: see [`stop_holds`].
    pub holds: StopHolds,
    /// Whether it cancels all orders unless it hears a heartbeat, and if so, whether by instrument.
    pub heartbeat: Heartbeat,
    /// Whether [`Call::ListenKey`] is needed before a private stream, and again every so many seconds.
    pub listen_key_seconds: Option<u32>,
    /// How the venue's documentation wants positions kept by this bot at the start.
    pub mode: Mode,
}

/// What a stop that waits for its trigger holds back, as this bot places it.
///
/// Binance sets the coins of a `STOP_LOSS` aside when it takes it, as for every order of spot. Bybit has two
/// orders on spot that wait, by `orderFilter`: the coins of a `tpslOrder` are occupied before it wakes, those
/// of a `StopOrder` are not (docs/v5/order/create-order), and this bot places the latter. OKX's pages of
/// algo orders do not say it of `conditional`; the balance counts frozen coins, and users of its spot see
/// them frozen by stops. Taking a stop back before a sale is right either way, so coins count as held.
#[must_use]
pub const fn stop_holds(venue: VenueName, product: Product) -> StopHolds {
    match (venue, product) {
        (_, Product::Perpetual) | (VenueName::Bybit, Product::Spot) => StopHolds::Nothing,
        (VenueName::Binance | VenueName::Okx, Product::Spot) => StopHolds::Coins,
    }
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

/// How much of one of a venue's limits is used, as an answer's headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Used so far in the span.
    pub used: u32,
    /// What the venue allows in it.
    pub limit: u32,
    /// When the count begins anew, where it is known.
    pub reset: Option<Timestamp>,
}

impl Load {
    /// Whether so much of the limit is used that one should wait: a part of it, in hundredths, is left
    /// to others at the same address.
    #[must_use]
    pub const fn is_past(&self, percent: u32) -> bool {
        self.used as u64 * 100 >= self.limit as u64 * percent as u64
    }
}

/// The bot's end of a protocol: calls to bytes, bytes to answers.
pub trait Client: Send + Sync {
    /// Whose.
    fn venue(&self) -> VenueName;

    /// What the venue is like for this product.
    fn traits(&self) -> Traits;

    /// The calls of one request each that this call comes to, in the order in which they should be
    /// sent; [`join`] makes one answer of theirs.
    fn split(&self, call: &Call) -> Vec<Call> {
        vec![call.clone()]
    }

    /// The signed request, with absolute URI; `now` is the venue's time as far as it is known.
    fn request(&self, call: &Call, now: Timestamp) -> Result<Request<Vec<u8>>, Error>;

    /// What an answer says. Total: what this version cannot read is [`Answer::Unknown`], and never
    /// [`Answer::NotFound`] or [`Answer::Refused`].
    fn answer(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Answer;

    /// The request after these responses, for a call that one request does not answer: the next page, or
    /// the next handful of orders to cancel. [`None`]: there is none, and [`Client::conclude`] answers
    /// the call.
    fn further(
        &self,
        call: &Call,
        responses: &[Response<Vec<u8>>],
        now: Timestamp,
    ) -> Result<Option<Request<Vec<u8>>>, Error> {
        let _ = (call, responses, now);
        Ok(None)
    }

    /// What all responses to a call's requests say together, in the order of the requests.
    fn conclude(&self, call: &Call, responses: &[Response<Vec<u8>>], now: Timestamp) -> Answer {
        match responses.last() {
            Some(last) => self.answer(call, last, now),
            None => Answer::Unknown(Unknown::Unsent),
        }
    }

    /// What an answer's headers say of the venue's limits: the fullest of them.
    fn load(&self, response: &Response<Vec<u8>>, now: Timestamp) -> Option<Load>;

    /// A fresh private stream.
    fn stream(&self, listen_key: Option<&str>) -> Box<dyn Stream>;

    /// Fresh private streams, all that are needed to hear of everything: some venues tell of conditional
    /// orders on a connection of its own.
    fn streams(&self, listen_key: Option<&str>) -> Vec<Box<dyn Stream>> {
        vec![self.stream(listen_key)]
    }
}

/// The parts of a call that is for both books, at a venue that keeps two.
#[must_use]
pub fn by_book(call: &Call) -> Vec<Call> {
    let books = [Book::Plain, Book::Conditional];
    match call {
        Call::CancelAll(of, Book::Both) => books.map(|book| Call::CancelAll(*of, book)).to_vec(),
        Call::OpenOrders(of, Book::Both) => books.map(|book| Call::OpenOrders(*of, book)).to_vec(),
        other => vec![other.clone()],
    }
}

/// One answer made of the answers to a call's parts: the lists together; what is not a success hides
/// what is, and of several that are none, what is least certain wins.
#[must_use]
pub fn join(answers: Vec<Answer>) -> Answer {
    let mut answers = answers.into_iter();
    let Some(first) = answers.next() else { return Answer::Unknown(Unknown::Unsent) };
    answers.fold(first, |whole, part| match (whole, part) {
        (Answer::Orders(mut all), Answer::Orders(more)) => {
            all.extend(more);
            Answer::Orders(all)
        }
        (whole, part) if doubt(&part) > doubt(&whole) => part,
        (whole, _) => whole,
    })
}

/// How little an answer settles.
const fn doubt(answer: &Answer) -> u8 {
    match answer {
        Answer::NotFound => 1,
        Answer::Refused(_) => 2,
        Answer::Throttled { .. } => 3,
        Answer::Unknown(_) => 4,
        _ => 0,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::live::{Refused, RefusedKind};

    #[test]
    fn the_least_certain_part_speaks_for_the_whole() {
        let refused = || {
            let kind = RefusedKind::Other;
            Answer::Refused(Refused { kind, code: -1, text: String::new() })
        };
        let lost = Answer::Unknown(Unknown::Lost);
        let throttled = Answer::Throttled { until: Timestamp::from_nanos(1) };
        let check = |parts: &[&Answer], want: &Answer| {
            assert_eq!(&join(parts.iter().map(|part| (*part).clone()).collect()), want);
        };
        let none = Answer::Orders(Vec::new());
        check(&[&none, &none], &none);
        check(&[&none, &lost], &lost);
        check(&[&throttled, &none], &throttled);
        check(&[&throttled, &lost, &refused()], &lost);
        check(&[&Answer::Done, &refused()], &refused());
        check(&[], &Answer::Unknown(Unknown::Unsent));
    }

    #[test]
    fn a_load_is_past_its_share_at_it() {
        let load = |used| Load { used, limit: 2400, reset: None };
        assert!(!load(1919).is_past(80) && load(1920).is_past(80));
        assert!(Load { used: u32::MAX, limit: u32::MAX, reset: None }.is_past(80));
    }
}
