//! What a venue says of orders, trades, positions and money, in no venue's words.

use super::{ClientId, TradeId, VenueId};
use crate::order::{OrderKind, Restrictions};
use market::{Currency, Listing, Money, Price, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg, Liquidity};

/// One order as the venue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderReport {
    /// The name that whoever made it gave it.
    pub client: Option<ClientId>,
    /// The venue's number.
    pub venue: Option<VenueId>,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Of which position.
    pub leg: Leg,
    /// When, and at which price.
    pub kind: OrderKind,
    /// What it must not do.
    pub restrictions: Restrictions,
    /// All told; zero for an order over a whole position.
    pub quantity: Quantity,
    /// Traded so far; [`None`] if this message does not say.
    pub filled: Option<Quantity>,
    /// How it stands.
    pub state: OrderState,
    /// Who made it.
    pub cause: Cause,
    /// When this became so, at the venue.
    pub time: Timestamp,
}

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderState {
    /// It waits for its trigger.
    Waiting,
    /// It woke, and is on its way into the book; its trades may come under another number.
    Triggered,
    /// It works, traded in part or not at all.
    Working,
    /// It traded whole.
    Filled,
    /// Its owner, or the venue for its owner, took it back.
    Cancelled,
    /// Its time was up.
    Expired,
    /// It was refused after it was taken.
    Rejected,
}

impl OrderState {
    /// Whether nothing more can come of it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected)
    }
}

/// Why an order or a trade is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Somebody with access to the account asked for it.
    Owner,
    /// Margin ran out.
    Liquidation,
    /// Auto-deleveraging: the other side was liquidated.
    Deleveraging,
    /// The venue settled or delisted the instrument.
    Settlement,
}

/// A conditional order that woke as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triggered {
    /// The name of the conditional order.
    pub client: Option<ClientId>,
    /// Its number.
    pub waiting: Option<VenueId>,
    /// The one that trades.
    pub venue: VenueId,
}

/// One trade of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillReport {
    /// The venue's number of it, unique within its instrument: what is told twice is told by it.
    pub trade: TradeId,
    /// The order's name, where the message has it.
    pub client: Option<ClientId>,
    /// The order's number.
    pub venue: Option<VenueId>,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Of which position.
    pub leg: Leg,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// What the venue took, in `fee_currency`; negative is a rebate.
    pub fee: Money,
    /// What the fee was paid in.
    pub fee_currency: Option<Currency>,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
    /// Why.
    pub cause: Cause,
    /// When, at the venue.
    pub time: Timestamp,
}

impl FillReport {
    /// What a fee in the coin that was bought comes to: a sale of so much of it, whole lots, whose
    /// proceeds are the fee. `None` where the fee was taken in anything but `base`.
    #[must_use]
    pub fn paid_in_kind(&self, base: Currency, listing: &Listing) -> Option<Self> {
        let is_so = self.fee_currency == Some(base) && self.side == Side::Buy && self.fee.0 > 0;
        let lot = Money::UNIT / i128::from(listing.instrument.lot_scale.units());
        let lots = is_so.then_some(self.fee.0 + lot - 1)?.checked_div(lot)?;
        let quantity = Quantity(u64::try_from(lots).ok()?.min(self.quantity.0));
        Some(Self { side: Side::Sell, quantity, fee: Money::ZERO, ..*self })
    }
}

/// A payment of funding, as the venue booked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingReport {
    /// The venue's number of it, unique within its instrument: what is told twice is told by it.
    pub payment: TradeId,
    /// For a position in what.
    pub instrument: InstrumentId,
    /// Which of the two in hedge mode, where the venue says so.
    pub leg: Leg,
    /// Received, in `currency`; negative is paid.
    pub amount: Money,
    /// What it was paid in.
    pub currency: Currency,
    /// When, at the venue.
    pub time: Timestamp,
}

/// A position as the venue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionReport {
    /// In what.
    pub instrument: InstrumentId,
    /// Which of the two in hedge mode.
    pub leg: Leg,
    /// Lots held; negative is short.
    pub lots: i64,
    /// The average price of its entry, to the nearest tick.
    pub entry: Option<Price>,
    /// Where it is liquidated, to the nearest tick.
    pub liquidation: Option<Price>,
    /// The leverage it is set to.
    pub leverage: Option<u32>,
    /// When this became so, at the venue.
    pub time: Timestamp,
}

/// What an account holds of one coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Of which coin.
    pub currency: Currency,
    /// All of it, unrealised profit not counted.
    pub total: Money,
    /// What orders and positions leave free.
    pub available: Money,
}

/// What a key may do, as far as the venue says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyScope {
    /// Whether it may trade what the bot trades.
    pub trade: Permission,
    /// Whether it may take money out, or move it to where it can be taken out: a bot refuses such a key.
    pub withdraw: Permission,
    /// Whether the venue takes it only from certain addresses.
    pub restricted: Permission,
    /// The address that the venue sees the bot at, where it says so.
    pub seen_from: Option<std::net::IpAddr>,
    /// When it ends, where it does.
    pub expires: Option<Timestamp>,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// The venue does not say.
    Unsaid,
}

/// One thing that a private stream told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An order is as this says.
    Order(OrderReport),
    /// The account traded.
    Fill(FillReport),
    /// A conditional order woke: its trades come under this other number.
    Triggered(Triggered),
    /// A position is as this says.
    Position(PositionReport),
    /// Holdings changed.
    Balance(Balance),
    /// Funding was paid or received.
    Funding(FundingReport),
    /// Funding was booked, and the message does not say for which position or under which number: it has
    /// to be asked for.
    Funded,
    /// The stream is what was asked for and tells everything from now on.
    Ready,
    /// Something may have been missed: what is known has to be compared with the venue.
    Gap,
    /// The stream is about to end, or its key has expired: open another one.
    Ending,
}
