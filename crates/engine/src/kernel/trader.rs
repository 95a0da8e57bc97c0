//! Who decides: a strategy in code, or the rules of a strategy's text.

use super::{Decision, Desk, TimerId};
use crate::{Error, MarketEvent, ValueRows, order::Update};
use std::ops::Range;

/// A strategy as code. Every call may look at the [`Desk`] and ask it for orders; what it asks goes
/// through the risk gate before anything else happens.
///
/// It has no clock and no chance: the same calls give the same orders, in a backtest, on paper and
/// live. Rules in a strategy's text are an implementation like any other.
///
/// ```
/// use engine::{
///     Data, Desk, Digest, Error, MarketEvent, Session, Trader,
///     exchange::{Model, Terms},
///     order::{OrderKind, Ticket},
///     ticks::{Log, Recording},
/// };
/// use market::{Currency, Instrument, Listing, Money, Price, Quantity, Quote, Side, Timestamp};
/// use portfolio::{AccountTerms, InstrumentId};
///
/// /// Bids once for ten, two ticks below the best bid.
/// struct Patient {
///     sent: bool,
/// }
///
/// impl Trader for Patient {
///     fn on_market(&mut self, event: &MarketEvent, desk: &mut Desk) -> Result<(), Error> {
///         if let (Data::Quote(quote), false) = (event.data, self.sent) {
///             let price = Price(quote.bid.0 - 2);
///             let ticket = Ticket::market(event.instrument, Side::Buy, Quantity(10));
///             self.sent = desk.submit(ticket.of(OrderKind::Limit { price }))?.is_some();
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listing = Listing::of(Instrument::share("ACME".parse()?));
/// let account = AccountTerms::cash(Currency::USD, Money::from_whole(10_000));
/// let log = Log::new(Recording::Chain, Digest([0; 32]));
/// let venue = Terms::of(Model::Touch);
/// let mut session = Session::new(Patient { sent: false }, (account, &[listing]), venue, (0, log))?;
/// for (second, bid) in [(1, 1000), (2, 1001), (3, 996)] {
///     let time = Timestamp::from_nanos(second * 1_000_000_000);
///     let (bid, ask) = (Price(bid), Price(bid + 1));
///     let size = Quantity(100);
///     let quote = Quote { time, bid, ask, bid_size: size, ask_size: size };
///     session.push(&MarketEvent { time, instrument: InstrumentId(0), data: Data::Quote(quote) })?;
/// }
/// // The bid of 9.98 rested until somebody sold at 9.97.
/// let run = session.finish()?;
/// assert_eq!(run.fills.iter().map(|fill| fill.price).collect::<Vec<_>>(), [Price(998)]);
/// # Ok(())
/// # }
/// ```
pub trait Trader {
    /// The market told something about one instrument.
    fn on_market(&mut self, event: &MarketEvent, desk: &mut Desk) -> Result<(), Error> {
        let _ = (event, desk);
        Ok(())
    }

    /// A row is complete: all its bars have closed, and these are the expressions' values.
    fn on_row(&mut self, values: Decision<'_>, desk: &mut Desk) -> Result<(), Error> {
        let _ = (values, desk);
        Ok(())
    }

    /// The venue said something about an order.
    fn on_update(&mut self, update: &Update, desk: &mut Desk) -> Result<(), Error> {
        let _ = (update, desk);
        Ok(())
    }

    /// A timer that it set is due.
    fn on_timer(&mut self, timer: TimerId, desk: &mut Desk) -> Result<(), Error> {
        let _ = (timer, desk);
        Ok(())
    }

    /// The first of these rows on which it may ask for anything, if nothing but rows happens
    /// before: rows that it leaves out are not handed to it. The default leaves none out.
    fn wakes(&mut self, values: &ValueRows<'_>, rows: Range<usize>, desk: &Desk) -> usize {
        let _ = (values, desk);
        rows.start
    }
}
