//! Stops that come along with entries, at venues where an order can bring one.
//!
//! Such a stop is no order until its entry is over; then the venue makes one of it, for as much as the
//! entry traded and under the name that it was given. So it is known here from the entry's intent on:
//! its name is the entry's with another letter. It counts as on its way while the venue has not spoken
//! of it. The first time that the venue denies it, another one is placed behind the fill.

use super::{
    AttachedStop, ClientId, Epoch, OrderReport,
    answers::{after, later},
    custodian::Custodian,
    held::{Held, Stage},
    record::Role,
    stops::{Cover, Key},
    terms::StopTiming,
};
use crate::order::{Order, OrderId, OrderKind, Restrictions, Ticket, TimeInForce};
use market::{Quantity, Side, Timestamp};
use portfolio::InstrumentId;

/// How long a venue that refuses such stops is not asked for one again, in nanoseconds: ten
/// minutes.
const BARE: i64 = 600_000_000_000;

/// The proof that an entry may go out: its stop stands, or comes along, or follows by the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guarded(Option<AttachedStop>);

/// What an entry has of a stop before it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standby {
    /// What it needs.
    Guarded(Guarded),
    /// A stop that is on its way: the entry waits.
    Coming,
    /// None can be had.
    None,
}

impl Custodian {
    /// Sees to the stop of an entry that wants to go out.
    pub(super) fn stand_by(
        &mut self,
        client: ClientId,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Standby {
        let instrument = ticket.instrument;
        if self.terms.stop.is_none() || !self.is_margin(instrument) {
            return Standby::Guarded(Guarded(None));
        }
        match self.terms.stops {
            StopTiming::First => {
                match self.cover(instrument, ticket.leg, ticket.side.opposite(), now) {
                    Cover::Standing => Standby::Guarded(Guarded(None)),
                    Cover::Coming => Standby::Coming,
                    Cover::None => Standby::None,
                }
            }
            StopTiming::WithEntry if brings(ticket) && !self.is_bare(instrument, now) => {
                let stop = self.stop_with(client, ticket);
                stop.map_or(Standby::None, |stop| Standby::Guarded(Guarded(Some(stop))))
            }
            StopTiming::WithEntry | StopTiming::Behind => Standby::Guarded(Guarded(None)),
        }
    }

    /// Sends an entry, with the stop that it brings along.
    pub(super) fn open(&mut self, client: ClientId, Guarded(stop): Guarded, now: Timestamp) {
        if let Some(held) = self.orders.get_mut(client) {
            held.stop = stop;
        }
        self.bring_along(client, now);
        self.place(client, now);
    }

    /// The stop of an order that is known becomes known with it.
    pub(super) fn bring_along(&mut self, entry: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get(entry) else { return };
        let (Some(stop), ticket) = (held.stop, held.order.ticket) else { return };
        if self.orders.get(stop.client).is_some() {
            return;
        }
        let key = (ticket.instrument, ticket.leg, ticket.side.opposite());
        let ticket = self.stop_ticket(key, held.open(), stop.trigger);
        let order = Order { id: OrderId(0), tick: 0, row: 0, time: now, ticket };
        self.orders.insert(Held::new(stop.client, Role::Stop, order, Stage::Brought));
    }

    /// Where the stop of an entry belongs: under what the entry will probably trade at.
    fn stop_with(&self, client: ClientId, ticket: &Ticket) -> Option<AttachedStop> {
        let key = (ticket.instrument, ticket.leg, ticket.side.opposite());
        let mark = self.marks.get(&ticket.instrument).copied();
        let base = match (ticket.kind.limit(), mark, ticket.side) {
            (Some(limit), Some(mark), Side::Buy) => limit.min(mark),
            (Some(limit), Some(mark), Side::Sell) => limit.max(mark),
            (limit, mark, _) => limit.or(mark)?,
        };
        // The bot's own stop may belong to a position that was opened elsewhere: one that is passed at
        // this price is none for this entry.
        let own = self.own_stop(key).filter(|own| match key.2 {
            Side::Sell => *own < base,
            Side::Buy => *own > base,
        });
        let (trigger, _) = self.belongs(key, base, own)?;
        Some(AttachedStop { client: Epoch::stop_of(&client)?, trigger })
    }

    /// An entry is over: of its stop the venue has made an order, for what it traded; of the stop of
    /// one that traded nothing it makes none.
    pub(super) fn release_stop(&mut self, entry: &Held, now: Timestamp) {
        let Some(stop) = entry.stop else { return };
        let Some(held) = self.orders.get_mut(stop.client) else { return };
        match held.stage {
            Stage::Brought if entry.counted == 0 => {
                self.orders.remove(stop.client);
            }
            Stage::Brought => {
                held.order.ticket.quantity = Quantity(entry.counted);
                held.stage = Stage::Released;
                held.sent = now;
                held.ask_at = Some(later(now, 0));
            }
            // The venue spoke of it before it was known here what the entry had traded.
            Stage::Live => self.stop_stands(stop.client, Stage::Released),
            _ => {}
        }
    }

    /// The venue speaks of a stop that came along for the first time: what it is, it says itself.
    pub(super) fn appeared(&mut self, client: ClientId, report: &OrderReport) {
        let Some(held) = self.orders.get_mut(client) else { return };
        if matches!(held.stage, Stage::Brought | Stage::Released) {
            let ticket = &mut held.order.ticket;
            if report.quantity != Quantity::ZERO {
                ticket.quantity = report.quantity.max(Quantity(held.counted));
            }
            ticket.restrictions = report.restrictions;
        }
    }

    /// Lots of stops that came along with entries and have no place yet: that the venue has not spoken of
    /// although the entry is over, or will be in a moment, because it does not rest; and that it spoke of
    /// before all was known of the entry.
    pub(super) fn on_their_way(&self, key: Key) -> u64 {
        let is_coming = |held: &&Held| match held.stage {
            Stage::Released => true,
            Stage::Brought => self.entry_of(held).is_some_and(does_not_rest),
            Stage::Live => self.entry_of(held).is_some(),
            _ => false,
        };
        let all = self.orders.all().filter(|held| super::stops::is_stop_of(held, key));
        all.filter(|held| !held.is_unwanted()).filter(is_coming).map(Held::open).sum()
    }

    /// The entry that brings this stop along, while something may come of it.
    pub(super) fn entry_of(&self, stop: &Held) -> Option<&Held> {
        let entry = self.orders.get(Epoch::entry_of(&stop.client)?)?;
        entry.stop.is_some_and(|one| one.client == stop.client).then_some(entry)
    }

    /// The venue takes the entry without the stop that it brings: it goes out again as one whose stop
    /// follows, unless something keeps it back by now.
    pub(super) fn without_stop(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let instrument = held.order.ticket.instrument;
        held.stage = Stage::Again;
        let (stop, is_unwanted) = (held.stop.take(), held.is_unwanted());
        if let Some(stop) = stop {
            self.orders.remove(stop.client);
        }
        self.bare.insert(instrument, after(now, BARE));
        if is_unwanted {
            self.finish(client, crate::order::Ending::Cancelled, now);
        } else {
            self.enter(client, now);
        }
    }

    fn is_bare(&self, instrument: InstrumentId, now: Timestamp) -> bool {
        self.bare.get(&instrument).is_some_and(|until| *until > now)
    }
}

/// Whether an order can bring a stop along: one that waits for a trigger cannot.
const fn brings(ticket: &Ticket) -> bool {
    matches!(ticket.kind, OrderKind::Market | OrderKind::Limit { .. })
        && !ticket.restrictions.has(Restrictions::REDUCE_ONLY)
}

/// Whether an order is over as soon as it has met the market.
fn does_not_rest(entry: &Held) -> bool {
    let ticket = &entry.order.ticket;
    ticket.kind == OrderKind::Market
        || matches!(ticket.tif, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill)
}
