//! The simulated exchange: honest, pessimistic fills. It has no clock, and draws from its seed only.
//!
//! # The rules
//!
//! **At all times.** An order ends exactly once: by its last fill, or by [`Change::Ended`]. Fills
//! never exceed its quantity. Nothing happens to an order after it ended. A reduce-only order is cut
//! to what there is to close, and refused where that is nothing; it is never refused for cash, size
//! or notional. An order that opens is paid when it trades, to the last 1e-8 with its fee; what
//! closes is free. A taker pays slippage, but never beyond its limit. Our own orders do not trade
//! with one another. *Strictly through* a limit means beyond it: at the limit itself is not enough.
//!
//! **Messages** travel for the entry latency and never overtake one another. One that is due at the
//! moment of an event comes before the event. With a response latency the account given is the
//! venue's books, and the strategy hears of an update from [`Exchange::report`]. An order that is
//! good till a moment works at that moment, and has expired after it.
//!
//! **A sleeping order** (stop, stop-limit, trailing, touched) whose trigger has been reached when it
//! arrives is treated by [`Passed`]. **A group**: once a member trades, the others are cancelled; a
//! reduce-only one only once that member is filled whole, so that a position keeps its stop.
//!
//! **Prices** that cannot exist (zero and below, unless the listing is signed) are not listened to.
//! **Halted**: nothing matches, orders keep their place, one that may not rest is refused.
//! **Closed**: all orders expire. **A split** converts working orders; what is on its way arrives
//! as it was sent.
//!
//! ## `next_open`: bars in three phases
//!
//! *Open.* Orders that reached the venue by then, of all instruments, by arrival:
//! - a market order fills at the open;
//! - a limit fills at the open if that is at its limit or better; a post-only one is refused there
//!   if it is its first open, else it fills at its limit if the open is strictly through;
//! - a sleeping order wakes if the open is at its trigger or beyond, and goes on as what it became;
//! - what may not rest ends: IOC expires, FOK is refused. FOK needs all of its size at once.
//!
//! *Path*, of which only high, low and close are known:
//! 1. Stops whose trigger the bar reached fill at the trigger, or at the open where that is worse. A
//!    stop-limit whose trigger is within its limit likewise; else it fills at its limit if the bar
//!    closes strictly through it, and rests if not. Reduce-only stops without a position wait for 3.
//! 2. Touched orders fill at their trigger. Limits fill at their limit if the bar went strictly
//!    through it.
//! 3. Stops of 1 that waited: the position was opened in 2.
//!
//! So where a stop and a limit of one position could both fill, the stop does. The path can be asked
//! again for orders that arrived after it (children of a fill on the way): only their stops can
//! fill. The same holds for orders that arrived after the open: the extremes may lie behind them.
//!
//! *Close.* Trails move by the completed bar, or by its close alone for an order that came on the way.
//!
//! All orders of an instrument together take at most [`Terms::participation`] of a bar's volume; the
//! rest goes on at the next open. An iceberg's display has no effect: no queue is modelled.
//!
//! ## `same_close`
//!
//! As above, but a market order fills at the close that decided it ([`Exchange::on_decided`]).
//!
//! ## `touch`: quotes
//!
//! A market buy fills whole at the ask, a sell at the bid, and so does a limit that is there or
//! better on arrival. A resting limit fills whole at its limit when the other side's quote, or a
//! print, is strictly through. Triggers look at prints, at the quote that the order would take, or
//! at both ([`Triggers`]). A print fills what rested before it wakes what sleeps. A crossed quote is
//! read the pessimistic way round.
//!
//! ## `book`: quotes with sizes, or changes of levels
//!
//! Takers walk the levels; what they take stays taken until the level is told anew. Where a change
//! crosses the book, the newer side wins. A market order's rest waits for the next change, unless
//! price protection is set: then it expires, except a reduce-only one. Without enough within reach,
//! FOK is refused.
//!
//! A resting order stands behind all that its level shows when it arrives; where the feed does not
//! reach, behind all that it shows first. Prints at its price against its side move it up; cancels
//! are behind it ([`Queue`]). A print larger than the queue, a print strictly through and a quote
//! strictly through fill it at its limit, up to the print's or the quote's size, shared by price and
//! then by arrival. An iceberg goes to the end of the queue with each part it shows.

mod arrival;
mod bars;
mod book;
mod cash;
mod desk;
mod fees;
mod meet;
mod phases;
mod pit;
mod price;
pub(crate) mod random;
mod resting;
mod slippage;
mod split;
mod terms;
mod ticks;
mod venue;

pub use crate::order::Capabilities;
pub use resting::{Resting, Stage};
pub use slippage::{Impact, Slippage};
pub use terms::{Delay, FeeTerms, Feed, Latency, Model, Passed, Queue, Terms, Triggers};
pub use venue::Exchange;

use desk::Desk;
use market::Timestamp;

/// A moment, and the row of the calendar that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub time: Timestamp,
    /// The row, as fills carry it.
    pub row: u32,
}
