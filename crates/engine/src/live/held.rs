//! The orders that something may still come of, found by either of their names.

use super::{AttachedStop, ClientId, OrderRef, VenueId, record::Role, report::OrderState};
use crate::order::Order;
use market::{Quantity, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// An order that was asked about so often is told of.
pub(super) const TRIES_LOUD: u8 = 8;

/// An order and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) client: ClientId,
    pub(super) role: Role,
    /// As it was asked of the venue; the number is 0 until the kernel knows it.
    pub(super) order: Order,
    /// The stop that it brings along.
    pub(super) stop: Option<AttachedStop>,
    /// The venue's number.
    pub(super) venue: Option<VenueId>,
    pub(super) stage: Stage,
    /// When its request last went out; before that, nobody can have heard of it.
    pub(super) sent: Timestamp,
    /// Lots traded, as written down.
    pub(super) counted: u64,
    /// Lots that had traded before the kernel came to know it.
    pub(super) before: u64,
    /// Lots traded, as the venue says in sum.
    pub(super) reported: Option<u64>,
    /// Whether the kernel was told that the venue has it.
    pub(super) accepted: bool,
    /// What its owner wants of it.
    pub(super) wish: Wish,
    /// Whether a call about it is under way.
    pub(super) asking: bool,
    /// When to ask the venue next.
    pub(super) ask_at: Option<Timestamp>,
    /// Calls about it that brought nothing, in a row.
    pub(super) tries: u8,
}

/// How an order stands, as far as is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not sent: it waits for the stop that goes before it. Nothing of it is written down.
    Waiting,
    /// A stop that came along with an entry, which is not over: until then it is no order of its own.
    Brought,
    /// Its entry is over: the venue has made an order of it, but has not said so yet.
    Released,
    /// Sent, and not answered yet.
    Sent,
    /// Certainly not at the venue; it is sent again under the same name.
    Again,
    /// Nobody knows; only the venue's word ends this.
    Unknown,
    /// The venue has it.
    Live,
    /// The venue says that it is over; trades may still have to be fetched.
    Over(OrderState),
}

/// What the owner of an order wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// It stands as long as the venue lets it.
    Keep,
    /// It is to be taken back, and no cancel has gone out.
    TakeBack,
    /// A cancel was sent: from then on it may be gone at any time.
    TakenBack,
}

impl Held {
    pub(super) const fn new(client: ClientId, role: Role, order: Order, stage: Stage) -> Self {
        Self {
            client,
            role,
            order,
            stop: None,
            venue: None,
            stage,
            sent: order.time,
            counted: 0,
            before: 0,
            reported: None,
            accepted: false,
            wish: Wish::Keep,
            asking: false,
            ask_at: None,
            tries: 0,
        }
    }

    /// Its owner wants it back.
    pub(super) fn unwant(&mut self) {
        if self.wish == Wish::Keep {
            self.wish = Wish::TakeBack;
        }
    }

    /// Whether its owner wants it back.
    pub(super) fn is_unwanted(&self) -> bool {
        self.wish != Wish::Keep
    }

    /// Whether the venue has it, by the last that was heard; not so while it is asked what became of it.
    pub(super) fn is_sure(&self) -> bool {
        self.stage == Stage::Live && !self.asking && self.ask_at.is_none()
    }

    /// Whether the venue may have it under a number that is not known here. Whoever was asked often
    /// without a word counts as never heard of.
    pub(super) fn is_unnumbered(&self) -> bool {
        self.venue.is_none()
            && self.tries < TRIES_LOUD
            && matches!(self.stage, Stage::Sent | Stage::Unknown | Stage::Released)
    }

    /// Lots that may still trade.
    pub(super) const fn open(&self) -> u64 {
        self.order.ticket.quantity.0.saturating_sub(self.counted)
    }

    pub(super) const fn rest(&self) -> Quantity {
        Quantity(self.open())
    }

    /// Whether it waits for a trigger.
    pub(super) const fn is_conditional(&self) -> bool {
        use crate::order::OrderKind;
        matches!(
            self.order.ticket.kind,
            OrderKind::Stop { .. }
                | OrderKind::StopLimit { .. }
                | OrderKind::Touched { .. }
                | OrderKind::TouchedLimit { .. }
                | OrderKind::Trailing { .. }
        )
    }

    /// By both of its names. One that nobody named has the venue's number for a name.
    pub(super) fn reference(&self) -> OrderRef {
        let named = self.venue != Some(self.client);
        OrderRef {
            instrument: self.order.ticket.instrument,
            client: named.then_some(self.client),
            venue: self.venue,
            conditional: self.is_conditional(),
        }
    }

    /// Whether it may stand at the venue.
    pub(super) const fn may_stand(&self) -> bool {
        matches!(self.stage, Stage::Released | Stage::Sent | Stage::Unknown | Stage::Live)
    }
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Orders {
    by_client: BTreeMap<ClientId, Held>,
    by_venue: BTreeMap<VenueId, ClientId>,
    /// Orders that the venue said are over, the oldest first: late words of them say nothing.
    over: VecDeque<ClientId>,
}

/// Orders that are over and still recognised.
const OVER_MAX: usize = 1_000;

impl Orders {
    pub(super) fn insert(&mut self, held: Held) {
        if let Some(venue) = held.venue {
            self.by_venue.insert(venue, held.client);
        }
        self.by_client.insert(held.client, held);
    }

    /// The venue's number of an order, or one more: a conditional order trades under another.
    pub(super) fn bind(&mut self, client: ClientId, venue: VenueId) {
        if let Some(held) = self.by_client.get_mut(&client) {
            held.venue = held.venue.or(Some(venue));
            self.by_venue.insert(venue, client);
        }
    }

    pub(super) fn remove(&mut self, client: ClientId) -> Option<Held> {
        let held = self.by_client.remove(&client)?;
        self.by_venue.retain(|_, owner| *owner != client);
        Some(held)
    }

    /// The venue's last word of an order has been heard.
    pub(super) fn bury(&mut self, client: ClientId) {
        self.over.push_back(client);
        if self.over.len() > OVER_MAX {
            self.over.pop_front();
        }
    }

    /// Whether an order is over by the venue's own word.
    pub(super) fn is_over(&self, client: Option<ClientId>) -> bool {
        client.is_some_and(|client| self.over.contains(&client))
    }

    pub(super) fn get(&self, client: ClientId) -> Option<&Held> {
        self.by_client.get(&client)
    }

    pub(super) fn get_mut(&mut self, client: ClientId) -> Option<&mut Held> {
        self.by_client.get_mut(&client)
    }

    /// By whichever of its names is known.
    pub(super) fn find(
        &self,
        client: Option<ClientId>,
        venue: Option<VenueId>,
    ) -> Option<ClientId> {
        let named = client.filter(|name| self.by_client.contains_key(name));
        named.or_else(|| venue.and_then(|number| self.by_venue.get(&number).copied()))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Held> {
        self.by_client.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.by_client.values_mut()
    }

    /// The names of those that are such.
    pub(super) fn names(&self, is: impl Fn(&Held) -> bool) -> Vec<ClientId> {
        self.by_client.values().filter(|held| is(held)).map(|held| held.client).collect()
    }
}
