//! What a bot asks of a venue, and what it is answered, in no venue's words.

use super::{
    Balance, ClientId, FillReport, FundingReport, KeyScope, OrderReport, PositionReport, TradeId,
    VenueId,
};
use crate::order::{Amendment, Ticket};
use market::{Price, Side, Timestamp};
use portfolio::InstrumentId;

/// One request with a key, about one account at one venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Make an order.
    Place(NewOrder),
    /// Take an order back.
    Cancel(OrderRef),
    /// Change an order's price, size or trigger; the order keeps its name. Some venues want the size and
    /// the price of a limit order both, changed or not, and which way it goes: whoever knows them says
    /// them.
    Amend(OrderRef, Amendment, Option<Side>),
    /// Take every order of an instrument back; of all with [`None`].
    CancelAll(Option<InstrumentId>, Book),
    /// What became of an order.
    Order(OrderRef),
    /// Every order that works; of all instruments with [`None`].
    OpenOrders(Option<InstrumentId>, Book),
    /// Trades of the account in an instrument, oldest first, behind one that is known or from a
    /// moment on.
    Fills {
        /// Of which instrument.
        instrument: InstrumentId,
        /// From this moment on.
        since: Timestamp,
        /// Behind this trade.
        after: Option<TradeId>,
    },
    /// Payments of funding for positions in an instrument, within a span of at most two days.
    Funding {
        /// In which instrument.
        instrument: InstrumentId,
        /// From this moment on.
        since: Timestamp,
        /// Up to this moment.
        until: Timestamp,
    },
    /// Every position that is not flat.
    Positions,
    /// What the account holds of each coin.
    Balances,
    /// Cancel every order unless this is said again within so many seconds; 0 disarms. Venues call it
    /// countdown cancel-all, disconnect protection, cancel all after.
    Heartbeat {
        /// Of which instrument, at venues that count by instrument.
        instrument: Option<InstrumentId>,
        /// Within so many seconds.
        seconds: u32,
    },
    /// What the key may do, and from where.
    KeyScope,
    /// Whether the account keeps one position per instrument or a long and a short one.
    Mode,
    /// Make it so. A venue that has it so already answers [`Answer::Done`].
    SetMode(Mode),
    /// Trade an instrument on so much leverage.
    SetLeverage(InstrumentId, u32),
    /// A key for the private stream, at venues that want one; the same one again, kept alive.
    ListenKey,
}

/// Which orders of an account: some venues keep those that wait for a trigger in a book of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// All of them.
    Both,
    /// Those that meet the market.
    Plain,
    /// Those that wait for a trigger.
    Conditional,
}

/// How an account keeps positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One position per instrument.
    OneWay,
    /// A long and a short one.
    Hedge,
}

/// An order that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Its name, unique for ever.
    pub client: ClientId,
    /// What is asked.
    pub ticket: Ticket,
    /// Whether it is for its size or for all there is.
    pub scope: Scope,
    /// The stop that it brings along, at a venue where an order can: see
    /// [`super::StopTiming::WithEntry`].
    pub stop: Option<AttachedStop>,
}

/// A stop that comes along with an order that opens a position. It closes, at the market, as much as
/// that order traded, on the side and the leg that follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachedStop {
    /// The name that it has once it is an order of its own.
    pub client: ClientId,
    /// The price at which it wakes.
    pub trigger: Price,
}

/// How much an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What its ticket says.
    Size,
    /// The whole position that there is when it wakes; only for a [`crate::order::OrderKind::Stop`] or
    /// `Touched` that reduces. A venue without such orders takes the ticket's size.
    Position,
}

/// Which order: by our name, and by the venue's where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRef {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The name that whoever made it gave it.
    pub client: Option<ClientId>,
    /// The venue's number.
    pub venue: Option<VenueId>,
    /// Whether it waits for a trigger: some venues keep such orders in a book of their own.
    pub conditional: bool,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The venue did it and has no more to say.
    Done,
    /// The order as it is now. After [`Call::Place`], [`Call::Cancel`] and [`Call::Amend`] a venue may
    /// know no more than its number: everything else is then as it was asked.
    Order(OrderReport),
    /// A conditional order that woke as another one: how it stands, and the number of the one that trades.
    Woken(OrderReport, VenueId),
    /// The orders that work; complete.
    Orders(Vec<OrderReport>),
    /// Trades, oldest first; `more` if there may be later ones.
    Fills {
        /// The trades.
        fills: Vec<FillReport>,
        /// Whether to ask again behind the last of them.
        more: bool,
    },
    /// Positions that are not flat; complete.
    Positions(Vec<PositionReport>),
    /// Payments of funding; all of the span.
    Funding(Vec<FundingReport>),
    /// Holdings.
    Balances(Vec<Balance>),
    /// What the key may do.
    Scope(KeyScope),
    /// How positions are kept.
    Mode(Mode),
    /// A key for the private stream.
    ListenKey(String),
    /// The venue says no, and certainly did nothing.
    Refused(Refused),
    /// The venue says that it has no such order, working or past. Only a venue's own word is this:
    /// never a network error, a timeout, an empty page or a status of 5xx.
    NotFound,
    /// The venue did nothing: too many requests. Ask again after this moment.
    Throttled {
        /// When.
        until: Timestamp,
    },
    /// Nobody knows whether the venue did it.
    Unknown(Unknown),
}

/// A venue's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What sort it is of.
    pub kind: RefusedKind,
    /// The venue's own code.
    pub code: i64,
    /// The venue's own words, without control characters, cut to 200 characters.
    pub text: String,
}

/// What a bot can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedKind {
    /// An order of this name exists: the one that was thought lost.
    DuplicateName,
    /// Not enough money.
    Balance,
    /// A filter: price, size, value, off the grid.
    Filter,
    /// It would have enlarged a position, and was to reduce only; or nothing is left to reduce.
    ReduceOnly,
    /// Post-only, and would have traded.
    WouldTake,
    /// The trigger is passed already.
    WouldTrigger,
    /// The venue does not take the stop that the order brings along: without one, it may take it.
    Attachment,
    /// The clocks differ: correct by the venue's time and ask again.
    Clock,
    /// The key, its signature, its rights or its addresses.
    Key,
    /// The instrument does not trade now.
    NotTrading,
    /// Too late: the order is done.
    OrderDone,
    /// The account is set up otherwise: position mode, margin mode, leverage.
    Setup,
    /// The venue is overloaded or under maintenance and says that nothing was done.
    Busy,
    /// Anything else.
    Other,
}

/// Why nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The connection broke, or time ran out, after something was sent.
    Lost,
    /// The venue's answer was a status of 5xx, or its own "status unknown".
    Server,
    /// The answer is not what this venue answers: an HTML page, a cut text.
    Garbled,
    /// Nothing was sent: the call can be repeated as it is.
    Unsent,
}

impl OrderRef {
    /// By our name alone.
    #[must_use]
    pub const fn named(instrument: InstrumentId, client: ClientId) -> Self {
        Self { instrument, client: Some(client), venue: None, conditional: false }
    }
}

impl Call {
    /// Whether it can change anything at the venue.
    #[must_use]
    pub const fn acts(&self) -> bool {
        matches!(
            self,
            Self::Place(_)
                | Self::Cancel(_)
                | Self::Amend(..)
                | Self::CancelAll(..)
                | Self::Heartbeat { .. }
                | Self::SetMode(_)
                | Self::SetLeverage(..)
        )
    }

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Place(_) => "place",
            Self::Cancel(_) => "cancel",
            Self::Amend(..) => "amend",
            Self::CancelAll(..) => "cancel_all",
            Self::Order(_) => "order",
            Self::OpenOrders(..) => "open_orders",
            Self::Fills { .. } => "fills",
            Self::Funding { .. } => "funding",
            Self::Positions => "positions",
            Self::Balances => "balances",
            Self::Heartbeat { .. } => "heartbeat",
            Self::KeyScope => "key_scope",
            Self::Mode => "mode",
            Self::SetMode(_) => "set_mode",
            Self::SetLeverage(..) => "set_leverage",
            Self::ListenKey => "listen_key",
        }
    }
}
