//! The kill switch, the closing of what must be closed, and the heartbeat.

use super::{
    Call,
    answers::after,
    custodian::{About, Custodian, Notice},
    held::{Held, Stage},
    record::{Record, Role},
    terms::{Each, Kill},
};
use crate::order::{Ending, Order, OrderId, Purpose, Restrictions, Shortfall, Ticket, TimeInForce};
use market::{Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg};

/// How long a close-all is given before it is looked at again, in nanoseconds.
const CLOSE_AGAIN: i64 = 1_000_000_000;

impl Custodian {
    /// Pulls the kill switch. It goes further only; [`Custodian::release`] lets it go.
    pub fn pull(&mut self, level: Kill, now: Timestamp) {
        if level > self.kill {
            self.kill = level;
            self.flat_told = false;
            self.record(&Record::Kill { level, time: now });
        }
        self.obey(now);
        self.settle(now);
    }

    /// Lets the kill switch go. Only an owner at the machine may ask for this.
    pub fn release(&mut self, now: Timestamp) {
        if self.kill != Kill::Off || self.other_bot.is_some() {
            self.kill = Kill::Off;
            self.other_bot = None;
            self.closing.clear();
            let waits = |held: &Held| held.role == Role::Close && held.stage == Stage::Waiting;
            for client in self.orders.names(waits) {
                self.finish(client, Ending::Cancelled, now);
            }
            self.record(&Record::Kill { level: Kill::Off, time: now });
        }
    }

    /// Does what the level asks for; any number of times.
    pub(super) fn obey(&mut self, now: Timestamp) {
        if self.kill >= Kill::NoEntries {
            let waits = |held: &Held| {
                held.stage == Stage::Waiting
                    && held.role == Role::Kernel
                    && !self.waits_for_coins(held)
            };
            for client in self.orders.names(waits) {
                self.finish(client, Ending::Cancelled, now);
            }
        }
        if self.kill >= Kill::CancelAll {
            let doomed = self.orders.names(|held| {
                let guards = held.is_conditional()
                    && held.order.ticket.restrictions.has(Restrictions::REDUCE_ONLY);
                // An exit that is on its way closes.
                let exits = self.waits_for_coins(held) && self.is_due(held);
                matches!(held.role, Role::Kernel | Role::Foreign) && !guards && !exits
            });
            for client in doomed {
                if self.orders.get(client).is_some_and(|held| held.stage == Stage::Waiting) {
                    self.finish(client, Ending::Cancelled, now);
                } else if let Some(held) = self.orders.get_mut(client) {
                    held.unwant();
                }
            }
        }
        if self.kill == Kill::Flatten {
            for (instrument, leg, stock) in self.stocks.all().collect::<Vec<_>>() {
                if stock.lots != 0 {
                    self.closing.entry((instrument, leg)).or_insert(now);
                }
            }
        }
    }

    /// Closes, at the market, every position that is to be closed.
    pub(super) fn close_what_must_be(&mut self, now: Timestamp) {
        self.obey(now);
        for ((instrument, leg), due) in self.closing.clone() {
            let lots = self.stocks.of(instrument, leg).lots;
            if lots == 0 {
                self.closing.remove(&(instrument, leg));
            } else if due <= now && !self.is_closing_out((instrument, leg)) {
                self.close((instrument, leg), lots, now);
                self.closing.insert((instrument, leg), after(now, CLOSE_AGAIN));
            }
        }
        self.tell_when_flat();
    }

    /// Whether an order that closes this position is out.
    fn is_closing_out(&self, key: (InstrumentId, Leg)) -> bool {
        self.orders.all().any(|held| {
            let ticket = &held.order.ticket;
            held.role == Role::Close && (ticket.instrument, ticket.leg) == key
        })
    }

    /// When to try again to close what is not closed yet.
    pub(super) fn close_deadline(&self) -> Option<Timestamp> {
        let idle = self.closing.iter().filter(|(key, _)| !self.is_closing_out(**key));
        idle.map(|(_, due)| *due).min()
    }

    fn close(&mut self, (instrument, leg): (InstrumentId, Leg), lots: i64, now: Timestamp) {
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        let lots = if self.is_spot(instrument) {
            // What another sale has is its own until it is over.
            self.unsold(instrument)
        } else {
            lots.unsigned_abs()
        };
        if lots == 0 {
            return;
        }
        let Some(client) = self.name(Role::Close) else { return };
        let ticket = Ticket {
            leg,
            purpose: Purpose::Flatten,
            shortfall: Shortfall::Reduce,
            tif: TimeInForce::ImmediateOrCancel,
            ..Ticket::market(instrument, side, Quantity(lots))
        };
        let ticket = if self.is_margin(instrument) {
            ticket.restricted(Restrictions::REDUCE_ONLY)
        } else {
            ticket
        };
        let order = Order { id: OrderId(0), tick: 0, row: 0, time: now, ticket };
        self.orders.insert(Held::new(client, Role::Close, order, Stage::Waiting));
        self.exit(client, now);
    }

    fn tell_when_flat(&mut self) {
        let nothing = self.stocks.all().all(|(.., stock)| stock.lots == 0)
            && self.orders.all().next().is_none();
        if self.kill == Kill::Flatten && nothing && self.is_ready() && !self.flat_told {
            self.flat_told = true;
            self.notice(Notice::Flat);
        }
    }

    /// Says that the bot is alive, where the venue cancels orders otherwise.
    pub(super) fn beat(&mut self, now: Timestamp) {
        let Some(heartbeat) = self.terms.heartbeat else { return };
        if self.beat_at.is_some_and(|at| at > now) || self.link == super::Link::Down {
            return;
        }
        let third = i64::from(heartbeat.seconds) * 1_000_000_000 / 3;
        self.beat_at = Some(after(now, third));
        let seconds = heartbeat.seconds;
        match heartbeat.by_instrument {
            Each::Account => {
                self.send(Call::Heartbeat { instrument: None, seconds }, About::Heartbeat, now);
            }
            Each::Instrument => {
                let working: std::collections::BTreeSet<InstrumentId> = self
                    .orders
                    .all()
                    .filter(|held| held.may_stand() && held.role != Role::Stop)
                    .map(|held| held.order.ticket.instrument)
                    .collect();
                for instrument in working {
                    let instrument = Some(instrument);
                    self.send(Call::Heartbeat { instrument, seconds }, About::Heartbeat, now);
                }
            }
        }
    }
}
