//! The disaster stop of every position: placed before there is one where the venue allows, larger
//! before the position grows, and never taken away before another stands in its place.

use super::{
    ClientId,
    answers::later,
    custodian::{Custodian, Notice},
    held::{Held, Stage, Wish},
    placing::beyond,
    record::Role,
    terms::StopTiming,
};
use crate::order::{
    Ending, Order, OrderId, OrderKind, Purpose, Reason, Restrictions, Shortfall, Ticket,
    TimeInForce,
};
use market::{Price, Quantity, Side, Timestamp, Towards};
use portfolio::{InstrumentId, Leg};
use std::collections::BTreeMap;

/// Refusals in a row after which a position without a stop is closed.
const REFUSALS_MAX: u8 = 3;

/// A stop's place: the position it protects, and the side on which it trades.
pub(super) type Key = (InstrumentId, Leg, Side);

/// The stops of all positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stops(BTreeMap<Key, Guard>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Guard {
    /// It stands at the venue.
    standing: Option<ClientId>,
    /// It will take the other's place.
    coming: Option<ClientId>,
    refusals: u8,
    retry_at: Option<Timestamp>,
}

/// What protects an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// A stop that is large enough stands.
    Standing,
    /// It is on its way.
    Coming,
    /// None can be had.
    None,
}

/// The stop that a position should have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    pub(super) lots: u64,
    trigger: Price,
    /// How far off the trigger may be, in ticks.
    slack: u64,
}

impl Want {
    /// Whether a stop wakes where this one should.
    pub(super) fn is_near(&self, held: &Held) -> bool {
        let trigger = held.order.ticket.kind.trigger().unwrap_or_default();
        trigger.0.abs_diff(self.trigger.0) <= self.slack
    }
}

impl Stops {
    /// This one stands in its place.
    pub(super) fn stands(&mut self, key: Key, client: ClientId) {
        self.0.entry(key).or_default().standing = Some(client);
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|guard| guard.retry_at).min()
    }

    /// The instruments whose stop is to be tried again.
    fn due(&self, now: Timestamp) -> Vec<InstrumentId> {
        let is_due = |guard: &Guard| guard.retry_at.is_some_and(|at| at <= now);
        self.0.iter().filter(|(_, guard)| is_due(guard)).map(|(key, _)| key.0).collect()
    }

    /// A stop that a former life left: it counts once the venue says that it stands.
    pub(super) fn inherit(&mut self, held: &Held) {
        let ticket = held.order.ticket;
        let guard = self.0.entry((ticket.instrument, ticket.leg, ticket.side)).or_default();
        if guard.coming.is_none() && !held.is_unwanted() {
            guard.coming = Some(held.client);
        }
    }
}

impl Custodian {
    /// Stops whose time to be tried again has come.
    pub(super) fn retry_stops(&mut self, now: Timestamp) {
        for instrument in self.stops.due(now) {
            for (key, guard) in &mut self.stops.0 {
                if key.0 == instrument {
                    guard.retry_at = None;
                }
            }
            self.dirty.insert(instrument);
        }
    }

    /// Brings the stops of an instrument into line with what is held and what is on its way.
    pub(super) fn protect(&mut self, instrument: InstrumentId, now: Timestamp) {
        if self.is_spot(instrument) {
            self.share_out(instrument, now);
            self.let_entries_go(instrument, now);
            return;
        }
        if self.terms.stop.is_none() {
            return;
        }
        for leg in [Leg::Net, Leg::Long, Leg::Short] {
            for side in [Side::Sell, Side::Buy] {
                self.protect_side((instrument, leg, side), now);
            }
        }
        self.let_entries_go(instrument, now);
    }

    fn protect_side(&mut self, key: Key, now: Timestamp) {
        let (instrument, leg, side) = key;
        let exposed = self.exposed(key);
        let held = self.stocks.of(instrument, leg).lots.saturating_mul(-side.sign());
        if exposed == 0 {
            // What is not known may need them.
            if self.is_certain() {
                self.take_stops_back(key);
            }
            return;
        }
        let cover = self.cover(instrument, leg, side, now);
        if cover == Cover::Standing {
            self.take_others_back(key);
        }
        let guard = self.stops.0.get(&key).copied().unwrap_or_default();
        if cover == Cover::None && held > 0 && guard.refusals >= REFUSALS_MAX {
            self.unprotected((instrument, leg), now);
        }
    }

    /// Lots that a stop on this side has to answer for.
    fn exposed(&self, (instrument, leg, side): Key) -> u64 {
        let entry = side.opposite();
        let is_leg = match leg {
            Leg::Net => true,
            Leg::Long => side == Side::Sell,
            Leg::Short => side == Side::Buy,
        };
        if !is_leg {
            return 0;
        }
        if self.is_spot(instrument) {
            let sells = (leg, side) == (Leg::Net, Side::Sell);
            return if sells { self.unspoken(instrument) } else { 0 };
        }
        let ahead = self.terms.stops == StopTiming::First;
        if ahead && self.is_margin(instrument) {
            return self.exposure(instrument, leg, entry);
        }
        let lots = self.stocks.of(instrument, leg).lots.saturating_mul(entry.sign());
        u64::try_from(lots).unwrap_or(0)
    }

    /// Lots of a position for which stops stand that nobody wants back, as far as is known here; `None`
    /// if another number of lots is held than is known of.
    pub(crate) fn guards(&self, instrument: InstrumentId, lots: i64) -> Option<u64> {
        let known = self.stocks.of(instrument, Leg::Net).lots;
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        let stops = self.orders.all().filter(|held| is_stop_of(held, (instrument, Leg::Net, side)));
        let stand = stops.filter(|held| held.stage == Stage::Live && !held.is_unwanted());
        (known == lots).then(|| stand.map(Held::open).sum())
    }

    /// Whether what is exposed on this side has its stop; places one if it has not.
    pub(super) fn cover(
        &mut self,
        instrument: InstrumentId,
        leg: Leg,
        side: Side,
        now: Timestamp,
    ) -> Cover {
        let key = (instrument, leg, side);
        let Some(mut want) = self.wanted(key) else { return Cover::None };
        if want.lots == 0 {
            return Cover::Standing;
        }
        let guard = self.stops.0.get(&key).copied().unwrap_or_default();
        if !self.is_certain() {
            // What is on its way unknown may need all that stands.
            let stands = guard.standing.and_then(|name| self.orders.get(name)).map(Held::open);
            want.lots = want.lots.max(stands.unwrap_or(0));
        }
        self.want_again([guard.standing, guard.coming]);
        let is_margin = self.is_margin(instrument);
        let good = |name: Option<ClientId>, lots: u64| {
            name.and_then(|name| self.orders.get(name)).is_some_and(|held| {
                !held.is_unwanted()
                    && held.open() >= lots
                    && want.is_near(held)
                    // One that came along may be no reducing one, by the venue's own word.
                    && (!is_margin || self.is_reducing(held))
            })
        };
        let large = |name: Option<ClientId>| {
            let held = name.and_then(|name| self.orders.get(name));
            held.is_some_and(|held| {
                !held.is_unwanted() && held.open() >= want.lots && held.is_sure()
            })
        };
        let enough = if large(guard.standing) { Cover::Standing } else { Cover::Coming };
        if good(guard.standing, want.lots) && large(guard.standing) {
            return Cover::Standing;
        }
        // What the venue is asked about keeps its place until the venue says that it is gone.
        let is_asked_about = guard
            .standing
            .and_then(|name| self.orders.get(name))
            .is_some_and(|held| held.stage == Stage::Live && !held.is_sure());
        if guard.coming.is_some() || (is_asked_about && good(guard.standing, want.lots)) {
            return enough;
        }
        // Several that came along with entries are put together once they stand.
        let stands = guard.standing.filter(|name| good(Some(*name), 0));
        let stands = stands.and_then(|name| self.orders.get(name)).map_or(0, Held::open);
        let coming = self.on_their_way(key);
        if coming > 0 && coming.saturating_add(stands) >= want.lots {
            return enough;
        }
        if guard.retry_at.is_some_and(|at| at > now) {
            return if enough == Cover::Standing { enough } else { Cover::None };
        }
        match self.place_stop(key, &want, now) {
            Some(()) => enough,
            None => Cover::None,
        }
    }

    /// Stops that were to be taken back, and for which no cancel has gone out.
    fn want_again(&mut self, names: [Option<ClientId>; 2]) {
        for name in names.into_iter().flatten() {
            let held = self.orders.get_mut(name);
            if let Some(held) = held.filter(|held| held.wish == Wish::TakeBack) {
                held.wish = Wish::Keep;
            }
        }
    }

    /// Every instrument that has a stop somewhere is looked at anew.
    pub(super) fn review_stops(&mut self) {
        let instruments: Vec<InstrumentId> = self.stops.0.keys().map(|key| key.0).collect();
        self.dirty.extend(instruments);
    }

    /// Places a stop where none is, unless the venue refused one a moment ago. After several refusals the
    /// position is closed.
    pub(super) fn stop_or_close(&mut self, key: Key, want: &Want, now: Timestamp) {
        let guard = self.stops.0.get(&key).copied().unwrap_or_default();
        let is_early = guard.retry_at.is_some_and(|at| at > now);
        if is_early && guard.refusals >= REFUSALS_MAX {
            self.unprotected((key.0, key.1), now);
        } else if !is_early {
            self.place_stop(key, want, now);
        }
    }

    fn place_stop(&mut self, key: Key, want: &Want, now: Timestamp) -> Option<()> {
        let client = self.name(Role::Stop)?;
        let ticket = self.stop_ticket(key, want.lots, want.trigger);
        let order = Order { id: OrderId(0), tick: 0, row: 0, time: now, ticket };
        self.orders.insert(Held::new(client, Role::Stop, order, Stage::Waiting));
        self.stops.0.entry(key).or_default().coming = Some(client);
        self.place(client, now);
        Some(())
    }

    /// A stop as it is asked of the venue.
    pub(super) fn stop_ticket(
        &self,
        (instrument, leg, side): Key,
        lots: u64,
        trigger: Price,
    ) -> Ticket {
        let ticket = Ticket {
            leg,
            purpose: Purpose::StopLoss,
            shortfall: Shortfall::Reduce,
            tif: TimeInForce::GoodTillCancelled,
            ..Ticket::market(instrument, side, Quantity(lots))
        };
        let ticket = ticket.of(OrderKind::Stop { trigger });
        if self.is_margin(instrument) {
            ticket.restricted(Restrictions::REDUCE_ONLY)
        } else {
            ticket
        }
    }

    /// What should stand there now; `None` without a price to go by.
    pub(super) fn wanted(&self, key: Key) -> Option<Want> {
        let (instrument, leg, side) = key;
        let stock = self.stocks.of(instrument, leg);
        let is_held = stock.lots.saturating_mul(side.sign()) < 0;
        let base = stock.entry().filter(|_| is_held);
        let base = base.or_else(|| self.marks.get(&instrument).copied())?;
        let (trigger, slack) = self.belongs(key, base, self.own_stop(key))?;
        Some(Want { lots: self.exposed(key), trigger, slack })
    }

    /// Where a stop belongs for what was entered at a price, given the kernel's own, and how far off it
    /// may be, in ticks.
    pub(super) fn belongs(
        &self,
        (instrument, _, side): Key,
        base: Price,
        own: Option<Price>,
    ) -> Option<(Price, u64)> {
        let rule = self.terms.stop?;
        let listing = self.listing(instrument)?;
        let far = beyond(base, rule.distance, side)?;
        let own = own.and_then(|trigger| beyond(trigger, rule.beyond, side));
        // The nearer of the two: the higher one under a long position.
        let trigger = match (own, side) {
            (Some(own), Side::Sell) => own.max(far),
            (Some(own), Side::Buy) => own.min(far),
            (None, _) => far,
        };
        let towards = if side == Side::Sell { Towards::Up } else { Towards::Down };
        let trigger = listing.snap(trigger, towards);
        let slack = base.0.abs_diff(far.0) / 10;
        (trigger.0 > 0).then_some((trigger, slack))
    }

    /// The trigger of the kernel's own stop for a position, the nearest if there are several.
    pub(super) fn own_stop(&self, (instrument, leg, side): Key) -> Option<Price> {
        let is_own = |held: &&Held| {
            let ticket = &held.order.ticket;
            held.role == Role::Kernel
                && (held.stage == Stage::Live || self.waits_for_coins(held))
                && matches!(ticket.kind, OrderKind::Stop { .. } | OrderKind::StopLimit { .. })
                && (ticket.instrument, ticket.leg, ticket.side) == (instrument, leg, side)
        };
        let triggers =
            self.orders.all().filter(is_own).filter_map(|held| held.order.ticket.kind.trigger());
        if side == Side::Sell { triggers.max() } else { triggers.min() }
    }

    /// Nothing is held and nothing is on its way: no stop is needed.
    pub(super) fn take_stops_back(&mut self, key: Key) {
        let Some(guard) = self.stops.0.get_mut(&key) else { return };
        (guard.refusals, guard.retry_at) = (0, None);
        if guard.standing.is_none() && guard.coming.is_none() {
            self.stops.0.remove(&key);
        }
        self.unwant_stops(key, None);
    }

    /// Takes the stops in a place back, but for one, and for those whose entry may still trade.
    pub(super) fn unwant_stops(&mut self, key: Key, but: Option<ClientId>) {
        let is_idle = |held: &Held| is_stop_of(held, key) && self.entry_of(held).is_none();
        for client in self.orders.names(is_idle).into_iter().filter(|name| Some(*name) != but) {
            if let Some(held) = self.orders.get_mut(client) {
                held.unwant();
            }
        }
    }

    /// A stop stands now. It takes the place of the one before it if it is large enough for what is
    /// out by now; the other one goes once what stands is as it should be.
    pub(super) fn stop_stands(&mut self, client: ClientId, before: Stage) {
        let Some(held) = self.orders.get(client).filter(|held| held.role == Role::Stop) else {
            return;
        };
        // One that came along takes no place before all that its entry traded is known.
        let came_along = matches!(before, Stage::Brought | Stage::Released);
        if came_along && self.entry_of(held).is_some() {
            self.dirty.insert(held.order.ticket.instrument);
            return;
        }
        let (ticket, lots) = (held.order.ticket, held.open());
        let key = (ticket.instrument, ticket.leg, ticket.side);
        let exposed = self.exposed(key);
        let before = self.stops.0.get(&key).and_then(|guard| guard.standing);
        let before = before.and_then(|name| self.orders.get(name)).map(Held::open);
        if came_along {
            // It may be the first in its place.
            self.stops.0.entry(key).or_default();
        }
        let Some(guard) = self.stops.0.get_mut(&key) else { return };
        let is_larger = lots >= exposed || before.is_none_or(|before| before <= lots);
        if guard.coming == Some(client) {
            guard.coming = None;
            (guard.refusals, guard.retry_at) = (0, None);
            if is_larger {
                guard.standing = Some(client);
            }
        } else if came_along && is_larger {
            (guard.refusals, guard.retry_at) = (0, None);
            guard.standing = Some(client);
        }
        self.dirty.insert(ticket.instrument);
    }

    /// What stands is as it should be: other stops in the same place are not needed any more.
    fn take_others_back(&mut self, key: Key) {
        let guard = self.stops.0.get(&key).copied().unwrap_or_default();
        if guard.coming.is_some() || guard.standing.is_none() || !self.is_certain() {
            return;
        }
        self.unwant_stops(key, guard.standing);
    }

    /// A stop is no more: refused, cancelled, or traded.
    pub(super) fn stop_ended(&mut self, held: &Held, why: Ending, now: Timestamp) {
        if held.role != Role::Stop {
            return;
        }
        let ticket = held.order.ticket;
        let key = (ticket.instrument, ticket.leg, ticket.side);
        let Some(guard) = self.stops.0.get_mut(&key) else { return };
        if guard.standing == Some(held.client) {
            guard.standing = None;
        }
        if guard.coming == Some(held.client) {
            guard.coming = None;
            if let Ending::Refused(reason) = why {
                guard.refusals = guard.refusals.saturating_add(1);
                guard.retry_at = Some(later(now, guard.refusals));
                let is_passed = matches!(reason, Reason::WrongSide { .. });
                if is_passed {
                    guard.refusals = REFUSALS_MAX;
                }
                self.notice(Notice::StopRefused(ticket.instrument));
                self.refuse_uncovered(key, now);
            }
        }
        self.dirty.insert(ticket.instrument);
    }

    /// Entries that waited for a stop which cannot be had.
    fn refuse_uncovered(&mut self, (instrument, leg, side): Key, now: Timestamp) {
        let waits = |held: &Held| {
            let ticket = &held.order.ticket;
            held.stage == Stage::Waiting
                && held.role == Role::Kernel
                && (ticket.instrument, ticket.leg, ticket.side)
                    == (instrument, leg, side.opposite())
        };
        for client in self.orders.names(waits) {
            self.refuse(client, super::custodian::Barrier::NoStop, now);
        }
    }

    /// Entries whose stop stands now are sent.
    fn let_entries_go(&mut self, instrument: InstrumentId, now: Timestamp) {
        let waits = |held: &Held| {
            held.stage == Stage::Waiting
                && held.role == Role::Kernel
                && held.order.ticket.instrument == instrument
                && !self.waits_for_coins(held)
        };
        for client in self.orders.names(waits) {
            self.enter(client, now);
        }
    }

    /// A position that can have no stop is closed.
    fn unprotected(&mut self, key: (InstrumentId, Leg), now: Timestamp) {
        if !self.closing.contains_key(&key) {
            self.notice(Notice::Unprotected(key.0));
            self.closing.insert(key, now);
        }
    }
}

/// Whether an order is a stop in this place.
pub(super) fn is_stop_of(held: &Held, key: Key) -> bool {
    let ticket = &held.order.ticket;
    held.role == Role::Stop && (ticket.instrument, ticket.leg, ticket.side) == key
}
