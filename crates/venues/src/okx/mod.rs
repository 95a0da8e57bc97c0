//! OKX, API version 5: spot and USDT perpetuals of one account, in cross margin.
//!
//! Documentation: <https://www.okx.com/docs-v5/en/>, as of June 2026; changes since then:
//! <https://www.okx.com/docs-v5/log_en/>. What whoever keeps orders here should know:
//!
//! - **A cancel or an amendment that is acknowledged is only accepted**: [`Answer::Done`] says no more.
//!   What came of it is told by the stream or by asking for the order.
//! - **Conditional orders live in a book of their own** with numbers of their own, on a private stream of
//!   its own ([`Client::streams`]). The order that one becomes says the name of the conditional order,
//!   and its reports and trades carry that name; trades that are asked for carry the new number only
//!   ([`Answer::Woken`]).
//! - **An order that was cancelled without a trade is forgotten after two hours**; until then
//!   [`Answer::NotFound`] is certain. `51400` to a cancel says only that the order does not work any more.
//! - **Nothing cancels everything at once**: [`Call::CancelAll`] lists and then cancels by the handful
//!   ([`Client::further`]).
//! - Trades are told for three months back, those of the last three days from a list of their own.
//! - A market order for contracts is one at the price limit; with immediate-or-cancel nothing of it rests.
//! - Trades of liquidations have no number on the stream: it says [`Word::Gap`] instead, and the trades
//!   have to be asked for.
//! - **An entry brings its stop along** (`attachAlgoOrds`). The venue makes an order of it once the entry is over,
//!   for what it traded, with the name that was given to it here; from then on it is an order that waits, as any
//!   other, and it does not end with the position.
//! - The countdown cancels orders that meet the market; stops stay.
//!
//! [`Answer::Done`]: engine::live::Answer::Done
//! [`Answer::NotFound`]: engine::live::Answer::NotFound
//! [`Answer::Woken`]: engine::live::Answer::Woken
//! [`Call::CancelAll`]: engine::live::Call::CancelAll
//! [`Word::Gap`]: engine::live::Word::Gap
//! [`Client::streams`]: crate::Client::streams
//! [`Client::further`]: crate::Client::further

mod answer;
mod counter;
mod errors;
mod place;
mod reports;
mod request;
mod rows;
mod sign;
mod stream;
mod text;
mod walk;

pub use counter::Counter;
pub use sign::sign;

use crate::{Error, Heartbeat, Load, Setup, Stream, Traits, by_book};
use engine::{
    live::{Answer, Call, Mode, StopTiming},
    order::Capabilities,
};
use http::{Request, Response};
use market::{Product, Timestamp, VenueName};
use std::sync::Arc;
use stream::{Line, Listener};

/// The bot's end.
#[derive(Debug, Clone)]
pub struct Client {
    setup: Arc<Setup>,
}

impl Client {
    /// For one account and one product.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { setup: Arc::new(setup) }
    }

    fn line(&self, line: Line) -> Box<dyn Stream> {
        Box::new(Listener::new(Arc::clone(&self.setup), line))
    }
}

impl crate::Client for Client {
    fn venue(&self) -> VenueName {
        VenueName::Okx
    }

    fn traits(&self) -> Traits {
        let both = Capabilities::STOP
            .with(Capabilities::STOP_LIMIT)
            .with(Capabilities::TOUCHED)
            .with(Capabilities::TRAILING)
            .with(Capabilities::POST_ONLY)
            .with(Capabilities::FILL_OR_KILL);
        let capabilities = match self.setup.product {
            Product::Spot => both,
            Product::Perpetual => both.with(Capabilities::REDUCE_ONLY),
        };
        Traits {
            capabilities,
            // An order that closes needs a position in its direction: `51169` refuses it before. But an
            // entry brings one along.
            stops: match self.setup.product {
                Product::Spot => StopTiming::Behind,
                Product::Perpetual => StopTiming::WithEntry,
            },
            holds: crate::stop_holds(self.venue(), self.setup.product),
            heartbeat: Heartbeat::Account,
            listen_key_seconds: None,
            mode: match self.setup.product {
                Product::Spot => Mode::OneWay,
                Product::Perpetual => Mode::Hedge,
            },
        }
    }

    fn split(&self, call: &Call) -> Vec<Call> {
        by_book(call)
    }

    fn request(&self, call: &Call, now: Timestamp) -> Result<Request<Vec<u8>>, Error> {
        request::signed(&self.setup, request::target(&self.setup, call, now)?, now)
    }

    fn answer(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Answer {
        answer::answer(&self.setup, call, response, now)
    }

    fn further(
        &self,
        call: &Call,
        responses: &[Response<Vec<u8>>],
        now: Timestamp,
    ) -> Result<Option<Request<Vec<u8>>>, Error> {
        let target = walk::further(&self.setup, call, responses, now)?;
        target.map(|target| request::signed(&self.setup, target, now)).transpose()
    }

    fn conclude(&self, call: &Call, responses: &[Response<Vec<u8>>], now: Timestamp) -> Answer {
        match call {
            Call::CancelAll(..) | Call::OpenOrders(..) | Call::Fills { .. } => {
                walk::conclude(&self.setup, call, responses, now)
            }
            _ => match responses.last() {
                Some(last) => self.answer(call, last, now),
                None => Answer::Unknown(engine::live::Unknown::Unsent),
            },
        }
    }

    fn load(&self, _response: &Response<Vec<u8>>, _now: Timestamp) -> Option<Load> {
        // The venue documents its limits and counts by itself: no header says how much is used.
        None
    }

    fn stream(&self, _listen_key: Option<&str>) -> Box<dyn Stream> {
        self.line(Line::Private)
    }

    fn streams(&self, _listen_key: Option<&str>) -> Vec<Box<dyn Stream>> {
        vec![self.line(Line::Private), self.line(Line::Business)]
    }
}
