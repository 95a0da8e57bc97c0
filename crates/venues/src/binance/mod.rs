//! Binance: spot and USDⓈ-M futures.
//!
//! Read on 2026-11-29 at <https://developers.binance.com/docs/binance-spot-api-docs/rest-api> and
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info>, and in the
//! venue's own SDK (`binance-sdk-derivatives-trading-usds-futures` 18.1.0, `binance-sdk-spot` 13.3.0).
//!
//! - Conditional orders of the futures stand in a book of their own, the Algo service
//!   (`/fapi/v1/algoOrder`), since 2025-12-09: [`crate::Client::split`] asks both books. A conditional
//!   order that woke has an order of its own in the plain book; [`engine::live::Word::Triggered`] and
//!   [`engine::live::Answer::Woken`] link the two. The stream says neither distance nor start of a trailing
//!   stop: they read as 0 ticks from at once.
//! - Nothing cancels all instruments at once: [`engine::live::Call::CancelAll`] of all is one call for each.
//! - Spot's user stream is a subscription of the WebSocket API since the listen keys ended on
//!   2026-02-20; the futures still have listen keys, told at `/private/ws` since 2026-04-23.
//! - "Order does not exist" (-2013) is [`engine::live::Answer::NotFound`]. The query endpoints read memory and
//!   then a database, and the venue says that they lag: it settles nothing before the request's window
//!   is over, because until then the request itself can still arrive. Futures forget orders that were
//!   cancelled or expired without a trade after 3 days, all orders after 90; spot says -2026 for
//!   such orders after 90 days, which is [`engine::live::RefusedKind::OrderDone`].
//! - A stop for the whole position stays when its position is gone, until it is cancelled. The countdown's
//!   documentation speaks of open orders and not of the Algo service: nothing may rely on its cancelling
//!   conditional orders, nor on its leaving them.
//! - Not every symbol of spot takes every conditional order (`orderTypes`, `allowTrailingStop` of
//!   exchangeInfo): one that is not taken is refused with -2010.
//! - Trades of the futures are told for 7 days from the moment that is asked for: an answer without
//!   trades and with `more` wants a later moment.
//! - The futures' stream tells wallets without what is free of them: it is passed over, ask instead.

mod account;
mod answer;
mod counter;
mod errors;
mod event;
mod names;
mod order;
mod query;
mod request;
mod stream;

pub use counter::{Counter, listen_key};

use crate::{Heartbeat, Load, Setup, Traits, by_book};
use engine::{
    live::{Answer, Book, Call, Mode, StopTiming},
    order::Capabilities,
};
use http::{Request, Response};
use market::{Product, Timestamp, VenueName};
use portfolio::InstrumentId;
use seal::Secret;

/// The bot's end.
#[derive(Debug, Clone)]
pub struct Client {
    setup: Setup,
}

/// What the venue signs with: HMAC-SHA256 of the bytes that are sent, in lower-case hexadecimal digits.
#[must_use]
pub fn sign(secret: &Secret<Vec<u8>>, payload: &[u8]) -> String {
    hex::encode(seal::hmac_sha256(secret.expose(), payload))
}

/// Where questions about a key are asked: not at the futures' own host. Whoever keeps a list of
/// allowed hosts allows this one too.
#[must_use]
pub fn account_host(rest: &str) -> &str {
    if rest == "https://fapi.binance.com" { "https://api.binance.com" } else { rest }
}

/// What a venue's end and ours agree on of time.
fn millis(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

impl Client {
    /// For one account, and the instruments of one product.
    #[must_use]
    pub const fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// The numbers of the instruments that this client is for.
    fn instruments(&self) -> impl Iterator<Item = InstrumentId> + '_ {
        let all = self.setup.roster.all().iter().enumerate();
        let own = all.filter(|(_, one)| one.product == self.setup.product);
        own.filter_map(|(place, _)| u32::try_from(place).ok().map(InstrumentId))
    }
}

impl crate::Client for Client {
    fn venue(&self) -> VenueName {
        VenueName::Binance
    }

    fn traits(&self) -> Traits {
        let shared = Capabilities::STOP
            .with(Capabilities::STOP_LIMIT)
            .with(Capabilities::TOUCHED)
            .with(Capabilities::TRAILING)
            .with(Capabilities::POST_ONLY)
            .with(Capabilities::FILL_OR_KILL);
        match self.setup.product {
            Product::Spot => Traits {
                capabilities: shared.with(Capabilities::ICEBERG),
                stops: StopTiming::Behind,
                holds: crate::stop_holds(self.venue(), self.setup.product),
                heartbeat: Heartbeat::None,
                listen_key_seconds: None,
                mode: Mode::OneWay,
            },
            Product::Perpetual => Traits {
                capabilities: shared.with(Capabilities::REDUCE_ONLY).with(Capabilities::GOOD_TILL),
                // closePosition=true says what is closed once it triggers, and nothing of now:
                // the documentation's conditions for it name no open position.
                stops: StopTiming::First,
                holds: crate::stop_holds(self.venue(), self.setup.product),
                heartbeat: Heartbeat::Instrument,
                // They live for 60 minutes.
                listen_key_seconds: Some(30 * 60),
                mode: Mode::Hedge,
            },
        }
    }

    fn split(&self, call: &Call) -> Vec<Call> {
        let whole = match (self.setup.product, call) {
            (Product::Spot, Call::CancelAll(None, book)) => {
                return self.instruments().map(|one| Call::CancelAll(Some(one), *book)).collect();
            }
            (Product::Spot, _) => return vec![call.clone()],
            (Product::Perpetual, whole) => whole,
        };
        let one_by_one = |call: Call| match call {
            Call::CancelAll(None, book) => {
                self.instruments().map(|one| Call::CancelAll(Some(one), book)).collect()
            }
            other => vec![other],
        };
        by_book(whole).into_iter().flat_map(one_by_one).collect()
    }

    fn request(&self, call: &Call, now: Timestamp) -> Result<Request<Vec<u8>>, crate::Error> {
        request::Writer { setup: &self.setup, now }.call(call)
    }

    fn answer(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Answer {
        answer::read(&self.setup, call, response, now)
    }

    fn load(&self, response: &Response<Vec<u8>>, now: Timestamp) -> Option<Load> {
        errors::load(self.setup.product, response, now)
    }

    fn stream(&self, listen_key: Option<&str>) -> Box<dyn crate::Stream> {
        match self.setup.product {
            Product::Spot => Box::new(stream::Spot::new(self.setup.clone())),
            Product::Perpetual => {
                Box::new(stream::Futures::new(self.setup.clone(), listen_key.unwrap_or("")))
            }
        }
    }
}

/// Whether a call is about orders that wait, in a book of their own.
const fn is_conditional(book: Book) -> bool {
    matches!(book, Book::Conditional)
}
