//! What the kernel asks for, and what may stop it: only entries can be stopped.

use super::{
    ClientId,
    brought::Standby,
    custodian::{Barrier, Custodian, Notice, Tidings, Writing},
    held::{Held, Stage, Wish},
    record::{Record, Role},
    terms::{Kill, Permit},
};
use crate::{
    Action,
    order::{
        Amendment, Amount, Breach, Ending, Limit, Order, OrderId, OrderKind, Reason, Restrictions,
        Ticket, TimeInForce,
    },
    risk::State,
};
use market::{Listing, Money, Price, Rate, Settlement, Side, Timestamp, Towards};
use portfolio::{Contract, InstrumentId, Leg};

/// A minute in nanoseconds.
pub(super) const MINUTE: i64 = 60_000_000_000;

impl Custodian {
    /// Carries out what the kernel asked for.
    pub(super) fn act(&mut self, action: &Action, now: Timestamp) {
        match action {
            Action::Submit(order) => self.submit(order, now),
            Action::Cancel(id, _) => self.take_back(*id, now),
            Action::Amend(id, _, change) => self.change(*id, change, now),
            Action::Timer(..) | Action::State(_) => {}
        }
        self.settle(now);
    }

    fn submit(&mut self, order: &Order, now: Timestamp) {
        let reduces = self.reduces(&order.ticket);
        let mut order = *order;
        if reduces && self.is_margin(order.ticket.instrument) {
            order.ticket = order.ticket.restricted(Restrictions::REDUCE_ONLY);
        }
        let Some(client) = self.name(Role::Kernel) else { return };
        let barrier = (!reduces).then(|| self.barrier(&order.ticket, now)).flatten();
        self.examine(client, (&order.ticket, reduces), barrier, now);
        if let Some(barrier) = barrier {
            self.orders.insert(Held::new(client, Role::Kernel, order, Stage::Waiting));
            self.refuse(client, barrier, now);
            return;
        }
        if !reduces {
            self.entries.push_back(now);
            order.ticket = self.collared(order.ticket);
        }
        self.orders.insert(Held::new(client, Role::Kernel, order, Stage::Waiting));
        if reduces {
            self.dirty.insert(order.ticket.instrument);
            self.exit(client, now);
        } else {
            self.enter(client, now);
        }
    }

    /// Sends an entry: behind its stop where the venue takes stops first, with it where it takes both
    /// together.
    pub(super) fn enter(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get(client) else { return };
        let ticket = held.order.ticket;
        // It may have waited for its stop until nobody would decide so any more.
        let age = now.nanos().saturating_sub(held.order.time.nanos());
        let is_stale = age > self.terms.window.nanos();
        let stale = is_stale.then_some(Barrier::Stale);
        if let Some(barrier) = self.standing_barrier().or(stale) {
            self.refuse(client, barrier, now);
            return;
        }
        match self.stand_by(client, &ticket, now) {
            Standby::Guarded(guarded) => self.open(client, guarded, now),
            Standby::Coming => {}
            Standby::None => self.refuse(client, Barrier::NoStop, now),
        }
    }

    /// An entry is refused here; the kernel hears why.
    pub(super) fn refuse(&mut self, client: ClientId, barrier: Barrier, now: Timestamp) {
        let Some(held) = self.orders.get(client) else { return };
        let instrument = held.order.ticket.instrument;
        let reason = match barrier {
            Barrier::Killed | Barrier::Licence | Barrier::OtherBot => Reason::Limit(Breach {
                limit: Limit::State,
                value: Amount::State(State::ReduceOnly),
                bound: Amount::State(State::Normal),
            }),
            Barrier::NotReady | Barrier::Stale | Barrier::Journal => Reason::NotTrading,
            Barrier::NoStop => Reason::Unsupported,
            Barrier::Cap => Reason::Limit(Breach {
                limit: Limit::OrderNotional,
                value: Amount::Unknown,
                bound: Amount::Unknown,
            }),
        };
        self.notice(Notice::EntryRefused(instrument, barrier));
        self.finish(client, Ending::Refused(reason), now);
    }

    /// What keeps every entry back now.
    fn standing_barrier(&self) -> Option<Barrier> {
        if self.kill != Kill::Off {
            return Some(Barrier::Killed);
        }
        if self.writing == Writing::Fails {
            return Some(Barrier::Journal);
        }
        if self.permit != Permit::Open {
            return Some(Barrier::Licence);
        }
        if self.other_bot.is_some() {
            return Some(Barrier::OtherBot);
        }
        (!self.is_certain()).then_some(Barrier::NotReady)
    }

    /// Whether everything that is at the venue or on its way there is known.
    pub(super) fn is_certain(&self) -> bool {
        let is_early = self.hold_until.is_some_and(|until| self.compare.begun() < Some(until));
        !is_early && self.is_ready()
    }

    /// What keeps this entry back.
    fn barrier(&mut self, ticket: &Ticket, now: Timestamp) -> Option<Barrier> {
        let standing = self.standing_barrier();
        if standing.is_some() {
            return standing;
        }
        let key = (ticket.instrument, ticket.leg);
        if self.closing.contains_key(&key) {
            return Some(Barrier::NoStop);
        }
        let caps = self.terms.caps;
        while self.entries.front().is_some_and(|at| now.nanos() - at.nanos() >= MINUTE) {
            self.entries.pop_front();
        }
        if caps.per_minute.is_some_and(|most| self.entries.len() >= most as usize) {
            return Some(Barrier::Cap);
        }
        let worth = |lots: u64| self.worth(ticket, lots);
        let above = |cap: Option<Money>, lots: u64| {
            cap.is_some_and(|cap| worth(lots).is_none_or(|value| value > cap))
        };
        let exposed = self.exposure(ticket.instrument, ticket.leg, ticket.side);
        let is_over = above(caps.order, ticket.quantity.0)
            || above(caps.position, exposed.saturating_add(ticket.quantity.0));
        is_over.then_some(Barrier::Cap)
    }

    /// |value| of lots at the order's price; `None` if there is none.
    pub(super) fn worth(&self, ticket: &Ticket, lots: u64) -> Option<Money> {
        let own = ticket.kind.limit().or(ticket.kind.trigger());
        let price = own.or(self.marks.get(&ticket.instrument).copied())?;
        let listing = self.listing(ticket.instrument)?;
        let value = Contract::listed(listing).ok()?.value(price, i64::try_from(lots).ok()?).ok()?;
        value.magnitude().ok()
    }

    /// A market order that goes no further than the cap on slippage; what is left of it is not
    /// traded at all.
    fn collared(&self, ticket: Ticket) -> Ticket {
        let (Some(slippage), OrderKind::Market) = (self.terms.caps.slippage, ticket.kind) else {
            return ticket;
        };
        let listing = self.listing(ticket.instrument);
        let Some((mark, listing)) = self.marks.get(&ticket.instrument).copied().zip(listing) else {
            return ticket;
        };
        match beyond(mark, slippage, ticket.side) {
            Some(price) => {
                let towards = if ticket.side == Side::Buy { Towards::Down } else { Towards::Up };
                let kind = OrderKind::Limit { price: listing.snap(price, towards) };
                ticket.of(kind).lasting(TimeInForce::ImmediateOrCancel)
            }
            None => ticket,
        }
    }

    /// Whether an order can only shrink what is held.
    pub(super) fn reduces(&self, ticket: &Ticket) -> bool {
        if ticket.restrictions.has(Restrictions::REDUCE_ONLY) {
            return true;
        }
        match (ticket.leg, ticket.side) {
            (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy) => true,
            (Leg::Long | Leg::Short, _) => false,
            (Leg::Net, side) => {
                let held = self.stocks.of(ticket.instrument, Leg::Net).lots;
                if self.sells_coins(ticket) {
                    // It is made as small as what is there before it goes out.
                    return held > 0;
                }
                let shrinks = held.signum() * side.sign() < 0;
                // What is on its way already shrinks the same lots.
                let same = |held: &&Held| {
                    let other = held.order.ticket;
                    other.instrument == ticket.instrument
                        && other.side == side
                        && held.role != Role::Stop
                        && !held.is_conditional()
                };
                let under_way: u64 = self.orders.all().filter(same).map(Held::open).sum();
                shrinks && ticket.quantity.0.saturating_add(under_way) <= held.unsigned_abs()
            }
        }
    }

    /// Lots that would be held on one side if all entries that are out came through.
    pub(super) fn exposure(&self, instrument: InstrumentId, leg: Leg, side: Side) -> u64 {
        // What is held the other way may be closed before an entry trades: it does not count.
        let lots = self.stocks.of(instrument, leg).lots.saturating_mul(side.sign()).max(0);
        let is_one = |held: &&Held| {
            let ticket = &held.order.ticket;
            (ticket.instrument, ticket.leg, ticket.side) == (instrument, leg, side)
                && matches!(held.role, Role::Kernel | Role::Foreign)
                && !self.is_reducing(held)
        };
        let entries: u64 = self.orders.all().filter(is_one).map(Held::open).sum();
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        u64::try_from(lots.saturating_add(entries)).unwrap_or(0)
    }

    /// Whether an order that is out was a reducing one when it was sent.
    pub(super) fn is_reducing(&self, held: &Held) -> bool {
        let ticket = &held.order.ticket;
        ticket.restrictions.has(Restrictions::REDUCE_ONLY)
            || matches!((ticket.leg, ticket.side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy))
            // Nobody is short on spot.
            || (!self.is_margin(ticket.instrument) && ticket.side == Side::Sell)
    }

    pub(super) fn listing(&self, instrument: InstrumentId) -> Option<&Listing> {
        self.terms.listings.get(instrument.index())
    }

    pub(super) fn is_margin(&self, instrument: InstrumentId) -> bool {
        self.listing(instrument).is_some_and(|one| one.settlement == Settlement::Margin)
    }

    fn numbered_as(&self, id: OrderId) -> Option<ClientId> {
        // The kernel does not take back what stands guard.
        let may = |held: &&Held| matches!(held.role, Role::Kernel | Role::Foreign);
        let named = |held: &&Held| held.order.id == id && may(held);
        self.orders.all().find(named).map(|held| held.client)
    }

    fn take_back(&mut self, id: OrderId, now: Timestamp) {
        let Some(client) = self.numbered_as(id) else { return };
        if self.orders.get(client).is_some_and(|held| held.stage == Stage::Waiting) {
            self.finish(client, Ending::Cancelled, now);
        } else if let Some(held) = self.orders.get_mut(client) {
            held.unwant();
        }
    }

    fn change(&mut self, id: OrderId, change: &Amendment, now: Timestamp) {
        let Some(client) = self.numbered_as(id) else { return };
        let Some(held) = self.orders.get(client) else { return };
        let ticket = amended(&held.order.ticket, change);
        let grows = ticket.quantity > held.order.ticket.quantity && !self.is_reducing(held);
        if self.waits_for_coins(held) {
            self.change_kept(client, ticket, now);
            return;
        }
        let may = held.stage == Stage::Live && !held.asking && !held.is_unwanted();
        if !may || (grows && self.standing_barrier().is_some()) {
            self.tell(client, Tidings::Unchanged(Reason::UnknownOrder), now);
            return;
        }
        let reference = held.reference();
        if let Some(held) = self.orders.get_mut(client) {
            held.asking = true;
        }
        self.record(&Record::Change { client, ticket });
        let about = super::custodian::About::Amend(client, ticket);
        // All of it, changed or not: some venues want price and size both.
        let whole = Amendment {
            quantity: Some(ticket.quantity),
            price: ticket.kind.limit(),
            trigger: ticket.kind.trigger(),
        };
        self.send(super::Call::Amend(reference, whole, Some(ticket.side)), about, now);
    }

    /// Sends cancels for what nobody wants any more.
    pub(super) fn take_back_what_is_unwanted(&mut self, now: Timestamp) {
        let is = |held: &Held| held.is_unwanted() && held.stage == Stage::Live && !held.asking;
        for client in self.orders.names(|held| is(held) && held.ask_at.is_none()) {
            let Some(held) = self.orders.get_mut(client) else { continue };
            held.asking = true;
            let is_first = std::mem::replace(&mut held.wish, Wish::TakenBack) != Wish::TakenBack;
            let (reference, role) = (held.reference(), held.role);
            if is_first && role == Role::Stop {
                // A life after this one must not count on it.
                self.record(&Record::Cancel { client, time: now });
            }
            let about = super::custodian::About::Cancel(client);
            self.send(super::Call::Cancel(reference), about, now);
        }
    }
}

/// A ticket as a change leaves it.
pub(crate) fn amended(ticket: &Ticket, change: &Amendment) -> Ticket {
    let mut kind = ticket.kind;
    match &mut kind {
        OrderKind::Limit { price } => *price = change.price.unwrap_or(*price),
        OrderKind::Stop { trigger } | OrderKind::Touched { trigger } => {
            *trigger = change.trigger.unwrap_or(*trigger);
        }
        OrderKind::StopLimit { trigger, price } | OrderKind::TouchedLimit { trigger, price } => {
            *trigger = change.trigger.unwrap_or(*trigger);
            *price = change.price.unwrap_or(*price);
        }
        OrderKind::Market | OrderKind::Trailing { .. } => {}
    }
    Ticket { kind, quantity: change.quantity.unwrap_or(ticket.quantity), ..*ticket }
}

/// A price so far beyond another one, in the direction of a side: up for a buy.
pub(super) fn beyond(price: Price, fraction: Rate, side: Side) -> Option<Price> {
    let distance = fraction.of(Money(i128::from(price.0))).ok()?;
    let distance = i64::try_from(distance.0).ok()?;
    price.0.checked_add(side.sign().checked_mul(distance)?).map(Price)
}
