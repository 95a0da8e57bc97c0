//! Bybit: spot and USDT perpetuals of the unified account, API version 5.
//!
//! Sources, read in November 2026: <https://bybit-exchange.github.io/docs/v5/guide> (signing),
//! `/order/create-order`, `/order/amend-order`, `/order/cancel-order`, `/order/cancel-all`,
//! `/order/open-order`, `/order/order-list`, `/order/execution`, `/order/dcp`, `/position`,
//! `/position/leverage`, `/position/position-mode`, `/account/wallet-balance`, `/user/apikey-info`,
//! `/ws/connect`, `/websocket/private/*`, `/rate-limit`, `/error`, `/enum` and the changelog.
//!
//! What is peculiar here:
//!
//! - **Everything is acknowledged, not done.** An answer to an order, a change or a cancel says that the
//!   request was taken; what came of it is on the stream. So a cancel is answered [`Answer::Done`], and
//!   the order is done when the stream or a query says so.
//! - **An order is looked for twice**: among the open and the last 500 closed ones, which a restart of
//!   the venue empties of the closed, then in the history, which lags. Only if neither knows it is it
//!   [`Answer::NotFound`]; [`crate::Client::further`] asks both. Even so an order that is under way is in
//!   neither: its absence counts once the request's window has passed ([`Setup::window_ms`]) and some
//!   seconds more. The history answers for the last seven days, and keeps what was cancelled without a
//!   trade for one: of an order that is older the list of trades tells, which reaches back two years.
//! - **Conditional orders** keep their number when they wake, so nothing is ever [`Word::Triggered`].
//!   On spot the venue takes the direction of the trigger from where the market stands: there only
//!   stops are sent, and a report tells if one was taken for its opposite.
//! - **A stop for a whole position** is an order for nothing that reduces and closes on its trigger. The
//!   documents do not say that one is taken before there is a position, so entries come first.
//! - **Trailing stops** belong to a position, and have no name by which they could be found again: they
//!   are left to the bot.
//! - **The countdown** ("disconnection protection") counts from a lost connection, is given to
//!   institutions only, and would cancel stops too: it is not used.
//!
//! [`Word::Triggered`]: engine::live::Word::Triggered

mod answer;
mod counter;
mod errors;
mod read;
mod request;
mod sign;
mod stream;
mod text;
mod wire;

use crate::{Error, Heartbeat, Load, Setup, Stream, Traits, by_book};
use answer::Step;

pub use counter::Counter;
use engine::{
    live::{Answer, Book, Call, Mode, StopTiming},
    order::Capabilities,
};
use http::{HeaderMap, Request, Response};
use market::{Product, Timestamp, VenueName};
use read::Reader;
use seal::Secret;

/// The venue's name of a product.
const fn category(product: Product) -> &'static str {
    match product {
        Product::Spot => "spot",
        Product::Perpetual => "linear",
    }
}

/// What the venue wants signed over these bytes, in lower hex.
#[must_use]
pub fn sign(secret: &Secret<Vec<u8>>, payload: &[u8]) -> String {
    hex::encode(seal::hmac_sha256(secret.expose(), payload))
}

/// The bot's end.
#[derive(Debug)]
pub struct Client {
    setup: Setup,
}

impl Client {
    /// For one account and one product.
    #[must_use]
    pub const fn new(setup: Setup) -> Self {
        Self { setup }
    }

    fn reader(&self) -> Reader<'_> {
        let setup = &self.setup;
        Reader { roster: &setup.roster, product: setup.product, mode: setup.mode }
    }

    fn sign(&self, unsigned: sign::Unsigned, now: Timestamp) -> Result<Request<Vec<u8>>, Error> {
        let Setup { hosts, keys, window_ms, .. } = &self.setup;
        sign::signed(unsigned, &hosts.rest, keys, *window_ms, now)
    }
}

/// A number in a header.
fn header(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

impl crate::Client for Client {
    fn venue(&self) -> VenueName {
        VenueName::Bybit
    }

    fn traits(&self) -> Traits {
        let capabilities = [
            Capabilities::STOP,
            Capabilities::STOP_LIMIT,
            Capabilities::POST_ONLY,
            Capabilities::REDUCE_ONLY,
            Capabilities::FILL_OR_KILL,
        ];
        let capabilities = capabilities.into_iter().fold(Capabilities::PLAIN, Capabilities::with);
        Traits {
            capabilities: match self.setup.product {
                Product::Spot => capabilities,
                Product::Perpetual => capabilities.with(Capabilities::TOUCHED),
            },
            stops: StopTiming::Behind,
            holds: crate::stop_holds(self.venue(), self.setup.product),
            heartbeat: Heartbeat::None,
            listen_key_seconds: None,
            mode: Mode::OneWay,
        }
    }

    fn split(&self, call: &Call) -> Vec<Call> {
        match call {
            Call::CancelAll(_, Book::Both) if self.setup.product == Product::Spot => by_book(call),
            other => vec![other.clone()],
        }
    }

    fn request(&self, call: &Call, now: Timestamp) -> Result<Request<Vec<u8>>, Error> {
        self.sign(request::write(&self.setup, call, now)?, now)
    }

    fn answer(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Answer {
        self.conclude(call, std::slice::from_ref(response), now)
    }

    fn further(
        &self,
        call: &Call,
        responses: &[Response<Vec<u8>>],
        now: Timestamp,
    ) -> Result<Option<Request<Vec<u8>>>, Error> {
        match self.step(call, responses, now)? {
            Step::Ask(unsigned, _) => self.sign(unsigned, now).map(Some),
            Step::Answer(_) => Ok(None),
        }
    }

    fn conclude(&self, call: &Call, responses: &[Response<Vec<u8>>], now: Timestamp) -> Answer {
        match self.step(call, responses, now) {
            Ok(Step::Answer(answer) | Step::Ask(_, answer)) => answer,
            Err(_) => answer::INCOMPLETE,
        }
    }

    fn load(&self, response: &Response<Vec<u8>>, _: Timestamp) -> Option<Load> {
        let headers = response.headers();
        let limit = u32::try_from(header(headers, "x-bapi-limit")?).ok()?;
        let left = u32::try_from(header(headers, "x-bapi-limit-status")?).ok()?;
        let reset = header(headers, "x-bapi-limit-reset-timestamp").and_then(text::from_ms);
        Some(Load { used: limit.saturating_sub(left), limit, reset })
    }

    fn stream(&self, _: Option<&str>) -> Box<dyn Stream> {
        Box::new(stream::Private::new(self.setup.clone()))
    }
}
