//! Spot: each coin can be sold once, by an exit or by a stop.
//!
//! Where a stop that waits sets aside the coins that it would sell, an exit takes the stop back first and
//! goes out once the venue has said that the stop is gone; where it holds nothing, at once. A stop for what
//! the exit leaves goes out behind it, and one for what it did not trade follows. Nothing of
//! an exit that waits is written down: if this life ends in between, the next one finds a position without
//! a stop, and protects or closes it. A stop that woke meanwhile has sold what the exit wanted to sell: an
//! exit is never for more than is left.
//!
//! An exit that would rest is kept here until the market is where it wants to trade, because its coins
//! would have no stop, or one that finds no coins, for as long as it rests. Then it goes out as one that does not rest.

use super::{
    ClientId,
    custodian::{Custodian, Tidings},
    held::{Held, Stage, Wish},
    record::Role,
    stops::{Key, is_stop_of},
    terms::StopHolds,
};
use crate::order::{Ending, OrderKind, Reason, Restrictions, Ticket, TimeInForce};
use market::{Price, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg};

/// Where the coins of an instrument are sold.
const fn place(instrument: InstrumentId) -> Key {
    (instrument, Leg::Net, Side::Sell)
}

impl Custodian {
    /// Whether an instrument is paid in full: its position are coins, of which each can be sold once.
    pub(super) fn is_spot(&self, instrument: InstrumentId) -> bool {
        self.listing(instrument).is_some() && !self.is_margin(instrument)
    }

    /// Whether an order sells coins.
    pub(super) fn sells_coins(&self, ticket: &Ticket) -> bool {
        ticket.side == Side::Sell && self.is_spot(ticket.instrument)
    }

    /// Whether an order is an exit that waits here, for its coins or for its price.
    pub(super) fn waits_for_coins(&self, held: &Held) -> bool {
        held.stage == Stage::Waiting
            && matches!(held.role, Role::Kernel | Role::Close)
            && self.sells_coins(&held.order.ticket)
    }

    /// Sends an exit: at once, or once no stop holds its coins.
    pub(super) fn exit(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get(client) else { return };
        let ticket = held.order.ticket;
        if !self.sells_coins(&ticket) {
            self.place(client, now);
        } else if self.terms.stop.is_some() && must_rest(&ticket) {
            self.finish(client, Ending::Refused(Reason::Unsupported), now);
        } else {
            if self.terms.stop.is_some() && rests(&ticket) {
                // Kept here, it works as well as at the venue.
                self.tell(client, Tidings::Accepted, now);
            }
            self.dirty.insert(ticket.instrument);
        }
    }

    /// Coins that are held, in lots.
    fn coins(&self, instrument: InstrumentId) -> u64 {
        u64::try_from(self.stocks.of(instrument, Leg::Net).lots).unwrap_or(0)
    }

    /// Coins that no sale on its way or at the venue is for.
    pub(super) fn unsold(&self, instrument: InstrumentId) -> u64 {
        let is_sale = |held: &&Held| {
            let ticket = &held.order.ticket;
            (ticket.instrument, ticket.side) == (instrument, Side::Sell)
                && held.role != Role::Stop
                && held.stage != Stage::Waiting
        };
        let sold = self.orders.all().filter(is_sale).map(Held::open).fold(0, u64::saturating_add);
        self.coins(instrument).saturating_sub(sold)
    }

    /// Coins that neither a sale nor an exit that wants to go out now is for: those a stop has to answer for.
    pub(super) fn unspoken(&self, instrument: InstrumentId) -> u64 {
        let due = self.due_exits(instrument);
        self.unsold(instrument).saturating_sub(self.lots_of(&due))
    }

    fn lots_of(&self, names: &[ClientId]) -> u64 {
        let open = names.iter().filter_map(|name| self.orders.get(*name)).map(Held::open);
        open.fold(0, u64::saturating_add)
    }

    /// Exits that want to go out now; a close-all goes before the kernel's.
    fn due_exits(&self, instrument: InstrumentId) -> Vec<ClientId> {
        let is_due = |held: &Held| {
            held.order.ticket.instrument == instrument
                && self.waits_for_coins(held)
                && self.is_due(held)
        };
        let mut due = self.orders.names(is_due);
        due.sort_by_key(|name| self.orders.get(*name).is_none_or(|held| held.role != Role::Close));
        due
    }

    /// Whether the market is where an exit wants to trade.
    pub(super) fn is_due(&self, held: &Held) -> bool {
        let ticket = &held.order.ticket;
        let mark = self.marks.get(&ticket.instrument).copied();
        self.terms.stop.is_none()
            || !rests(ticket)
            || mark.is_some_and(|mark| reaches(ticket, mark))
    }

    /// A new price: exits that are kept for theirs may be due.
    pub(super) fn look_at_exits(&mut self, now: Timestamp) {
        let is_reached = |held: &&Held| {
            self.waits_for_coins(held) && rests(&held.order.ticket) && self.is_due(held)
        };
        let reached = self.orders.all().filter(is_reached).map(|held| held.order.ticket.instrument);
        let reached: Vec<InstrumentId> = reached.collect();
        if !reached.is_empty() {
            self.dirty.extend(reached);
            self.settle(now);
        }
    }

    /// Shares the coins of an instrument out: to the exits that are due, and to a stop for the rest.
    pub(super) fn share_out(&mut self, instrument: InstrumentId, now: Timestamp) {
        if self.coins(instrument) == 0 {
            let waits = |held: &Held| {
                held.order.ticket.instrument == instrument && self.waits_for_coins(held)
            };
            for client in self.orders.names(waits) {
                self.finish(client, Ending::Refused(Reason::NothingToClose), now);
            }
            // What is not known may need them.
            if self.is_certain() {
                self.take_stops_back(place(instrument));
            }
            return;
        }
        self.fit_exits(instrument, now);
        let due = self.due_exits(instrument);
        if due.is_empty() {
            self.guard_rest(instrument, now);
            return;
        }
        if self.lots_of(&due) > self.free(instrument) {
            self.free_coins(instrument, now);
        }
        if self.lots_of(&due) <= self.free(instrument) {
            for client in due {
                self.let_go(client, now);
            }
            self.guard_rest(instrument, now);
        }
    }

    /// Coins that can be sold now.
    fn free(&self, instrument: InstrumentId) -> u64 {
        let stops = self.orders.names(|held| is_stop_of(held, place(instrument)));
        let held_back = match self.terms.holds {
            StopHolds::Coins => self.lots_of(&stops),
            StopHolds::Nothing => 0,
        };
        self.unsold(instrument).saturating_sub(held_back)
    }

    /// Makes the exits that are due as small as what is left for them; one with nothing left is over.
    fn fit_exits(&mut self, instrument: InstrumentId, now: Timestamp) {
        let mut left = self.unsold(instrument);
        for client in self.due_exits(instrument) {
            let Some(held) = self.orders.get_mut(client) else { continue };
            let lots = held.open().min(left);
            left -= lots;
            if lots == 0 {
                self.finish(client, Ending::Refused(Reason::NothingToClose), now);
            } else if lots < held.open() {
                held.order.ticket.quantity = Quantity(held.counted.saturating_add(lots));
                let quantity = held.order.ticket.quantity;
                self.tell(client, Tidings::Amended(quantity), now);
            }
        }
    }

    /// Takes every stop back that holds coins.
    fn free_coins(&mut self, instrument: InstrumentId, now: Timestamp) {
        for client in self.orders.names(|held| is_stop_of(held, place(instrument))) {
            let Some(held) = self.orders.get_mut(client) else { continue };
            held.unwant();
            if held.stage == Stage::Again {
                // It is certainly not at the venue.
                self.finish(client, Ending::Cancelled, now);
            }
        }
    }

    /// Sends an exit whose coins are free.
    fn let_go(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let (waited, ticket) = (held.is_conditional(), &mut held.order.ticket);
        if self.terms.stop.is_some() {
            ticket.kind = ticket.kind.awake();
            if ticket.kind.limit().is_some() && ticket.tif != TimeInForce::FillOrKill {
                ticket.tif = TimeInForce::ImmediateOrCancel;
            }
            ticket.display = None;
            if waited {
                self.tell(client, Tidings::Triggered, now);
            }
        }
        self.place(client, now);
    }

    /// Sees to the stop for the coins that no exit is for. There is one stop, for all of them and no more:
    /// nothing cuts it down to what is there when it wakes. Where it holds the coins, one that does not fit
    /// any more is taken back before the next one can be had.
    fn guard_rest(&mut self, instrument: InstrumentId, now: Timestamp) {
        let key = place(instrument);
        let holds = self.terms.holds;
        let Some(want) = self.wanted(key) else { return };
        if want.lots == 0 {
            if holds == StopHolds::Coins {
                self.take_stops_back(key);
            }
            return;
        }
        let certain = self.is_certain();
        let stops = self.orders.names(|held| is_stop_of(held, key));
        for name in &stops {
            if let Some(held) = self.orders.get_mut(*name).filter(|h| h.wish == Wish::TakeBack) {
                held.wish = Wish::Keep;
            }
        }
        let fits = |held: &&Held| {
            let is_size = if certain { held.open() == want.lots } else { held.open() >= want.lots };
            !held.is_unwanted() && is_size && want.is_near(held)
        };
        let mut fitting = stops.iter().filter_map(|name| self.orders.get(*name)).filter(fits);
        let coming = fitting
            .clone()
            .any(|held| matches!(held.stage, Stage::Sent | Stage::Again | Stage::Unknown));
        let standing = fitting.find(|held| held.stage == Stage::Live).map(|held| held.client);
        if let Some(standing) = standing {
            self.stops.stands(key, standing);
            if certain {
                self.unwant_stops(key, Some(standing));
            }
        } else if stops.is_empty() {
            self.stop_or_close(key, &want, now);
        } else if certain && holds == StopHolds::Coins {
            for name in &stops {
                let held = self.orders.get_mut(*name).filter(|held| held.stage == Stage::Live);
                if let Some(held) = held {
                    held.unwant();
                }
            }
        } else if certain && !coming {
            self.stop_or_close(key, &want, now);
        }
    }

    /// Changes an exit that is kept here.
    pub(super) fn change_kept(&mut self, client: ClientId, ticket: Ticket, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.order.ticket = ticket;
        self.dirty.insert(ticket.instrument);
        self.tell(client, Tidings::Amended(ticket.quantity), now);
    }
}

/// Whether an order waits, at the venue, for a better price.
const fn rests(ticket: &Ticket) -> bool {
    match ticket.kind {
        OrderKind::Market => false,
        OrderKind::Limit { .. } => {
            !matches!(ticket.tif, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill)
        }
        _ => true,
    }
}

/// Whether an order cannot be kept here until it is due: one that must not meet the market, and one that
/// follows it.
fn must_rest(ticket: &Ticket) -> bool {
    ticket.restrictions.has(Restrictions::POST_ONLY)
        || matches!(ticket.kind, OrderKind::Trailing { .. })
}

/// Whether a sale would trade, or wake, at this price.
fn reaches(ticket: &Ticket, mark: Price) -> bool {
    match ticket.kind {
        OrderKind::Market => true,
        OrderKind::Limit { price } => mark >= price,
        OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => mark <= trigger,
        OrderKind::Touched { trigger } | OrderKind::TouchedLimit { trigger, .. } => mark >= trigger,
        OrderKind::Trailing { .. } => false,
    }
}
