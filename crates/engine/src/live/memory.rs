//! What outlives a process: the state as bytes, and records folded into it.

use super::{
    ClientId, Epoch, TradeId, VenueId,
    custodian::Custodian,
    held::{Held, Stage},
    record::{Intent, Record, Role},
    stock::{Part, Stock},
    terms::{Kill, Terms},
};
use crate::ticks::wire::Wire;
use market::Timestamp;
use portfolio::{InstrumentId, Leg};

/// Why a life cannot go on from what a former one left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The snapshot is not one of this version.
    #[error(
        "the journal's snapshot is not one that this version reads: start the version that wrote it, \
         flatten, and begin with an empty state directory"
    )]
    Snapshot,
    /// A record is not one of this version.
    #[error("record {place} of the journal is not one that this version reads")]
    Record {
        /// Its place behind the snapshot, from 0.
        place: usize,
    },
}

/// The layout of snapshots.
const LAYOUT: u8 = 1;
/// Former lives that are remembered.
const EPOCHS_MAX: usize = 1_000;

impl Custodian {
    /// The next life of a bot: everything that was not over is unknown until the venue says.
    pub(super) fn restored(
        terms: Terms,
        epoch: Epoch,
        (snapshot, records): (Option<&[u8]>, &[Vec<u8>]),
        now: Timestamp,
    ) -> Result<Self, MemoryError> {
        let mut next = Self::new(terms, epoch, now);
        if let Some(bytes) = snapshot {
            next.read_snapshot(bytes).ok_or(MemoryError::Snapshot)?;
        }
        for (place, bytes) in records.iter().enumerate() {
            let record = Record::read(bytes).ok_or(MemoryError::Record { place })?;
            next.remember(&record);
        }
        next.begin(now);
        Ok(next)
    }

    /// This life is written down before anything else, and what was left is doubted.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.epochs.insert(self.epoch);
        while self.epochs.len() > EPOCHS_MAX {
            self.epochs.pop_first();
        }
        self.effects.push(super::Effect::Record(Record::Boot { epoch: self.epoch, time: now }));
        for held in self.orders.all_mut() {
            held.ask_at = Some(now);
            held.asking = false;
        }
        let stops = self.orders.names(|held| held.role == Role::Stop);
        for client in stops {
            if let Some(held) = self.orders.get(client) {
                self.stops.inherit(held);
            }
        }
        let instruments: Vec<InstrumentId> = self.stocks.all().map(|(id, ..)| id).collect();
        self.dirty.extend(instruments);
    }

    /// Folds a record in, as it was done then.
    fn remember(&mut self, record: &Record) {
        match record {
            Record::Boot { epoch, .. } => {
                self.epochs.insert(*epoch);
            }
            Record::Intent(intent) | Record::Foreign(intent) => self.remember_order(intent),
            Record::Bound { client, venue } => self.orders.bind(*client, *venue),
            Record::Change { client, ticket } => {
                // Whether it came through, the venue will say; the larger size is the careful one.
                if let Some(held) = self.orders.get_mut(*client) {
                    let before = held.order.ticket.quantity;
                    held.order.ticket = *ticket;
                    held.order.ticket.quantity = before.max(ticket.quantity);
                }
            }
            Record::Fill(fill) => {
                self.seen.note(fill);
                self.stocks.trade(fill);
                if let Some(paid) = self.paid_in_kind(fill) {
                    self.stocks.trade(&paid);
                }
                let found = self.orders.find(fill.client, fill.venue);
                if let Some(held) = found.and_then(|client| self.orders.get_mut(client)) {
                    held.counted = held.counted.saturating_add(fill.quantity.0);
                    let asked = &mut held.order.ticket.quantity;
                    *asked = (*asked).max(market::Quantity(held.counted));
                }
            }
            Record::Ended { client, .. } => {
                self.orders.remove(*client);
            }
            Record::Kill { level, .. } => self.kill = *level,
        }
    }

    fn remember_order(&mut self, intent: &Intent) {
        let mut order = intent.order;
        // Its number was another life's; the kernel of this one gives it a new one.
        order.id = crate::order::OrderId(0);
        let mut held = Held::new(intent.client, intent.role, order, Stage::Unknown);
        held.sent = intent.time;
        // What traded before the order itself was known is among the trades.
        held.counted = self.seen.counted(Some(intent.client), None).min(order.ticket.quantity.0);
        match self.orders.get_mut(intent.client) {
            // Sent once more: the venue may hear of it until later.
            Some(known) => known.sent = known.sent.max(intent.time),
            None => self.orders.insert(held),
        }
    }

    /// The state as bytes: what a journal begins with after its older part was dropped.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![LAYOUT];
        put_all(self.epochs.iter().map(|epoch| epoch.0), &mut out);
        self.kill.put(&mut out);
        let stocks: Vec<(InstrumentId, Leg, Stock)> = self.stocks.all().collect();
        (stocks.len() as u64).put(&mut out);
        for (instrument, leg, stock) in stocks {
            instrument.put(&mut out);
            leg.put(&mut out);
            stock.lots.put(&mut out);
            stock.cost.put(&mut out);
        }
        let trades = self.seen.all();
        (trades.len() as u64).put(&mut out);
        for ((instrument, trade, time), part) in trades {
            instrument.put(&mut out);
            trade.put(&mut out);
            time.put(&mut out);
            part.and_then(|part| part.client).put(&mut out);
            part.and_then(|part| part.venue).put(&mut out);
            part.map_or(0, |part| part.lots).put(&mut out);
        }
        let orders: Vec<&Held> =
            self.orders.all().filter(|held| held.stage != Stage::Waiting).collect();
        (orders.len() as u64).put(&mut out);
        for held in orders {
            let (client, role, order) = (held.client, held.role, held.order);
            Intent { client, role, order, time: held.sent }.put(&mut out);
            held.venue.put(&mut out);
            held.counted.put(&mut out);
        }
        out
    }

    fn read_snapshot(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = bytes.strip_prefix(&[LAYOUT])?;
        let rest = &mut rest;
        for _ in 0..u64::read(rest)? {
            self.epochs.insert(Epoch(Wire::read(rest)?));
        }
        self.kill = Kill::read(rest)?;
        for _ in 0..u64::read(rest)? {
            let (instrument, leg) = (InstrumentId::read(rest)?, Leg::read(rest)?);
            let stock = Stock { lots: Wire::read(rest)?, cost: Wire::read(rest)? };
            self.stocks.set(instrument, leg, stock);
        }
        for _ in 0..u64::read(rest)? {
            let (instrument, trade) = (InstrumentId::read(rest)?, TradeId::read(rest)?);
            let time = Timestamp::read(rest)?;
            let part = Part {
                client: Wire::read(rest)?,
                venue: Wire::read(rest)?,
                lots: Wire::read(rest)?,
            };
            self.seen.note_part((instrument, trade, time), part);
        }
        for _ in 0..u64::read(rest)? {
            let intent = Intent::read(rest)?;
            self.remember_order(&intent);
            let venue = Option::<VenueId>::read(rest)?;
            let counted = u64::read(rest)?;
            if let Some(held) = self.orders.get_mut(intent.client) {
                held.counted = counted;
            }
            if let Some(venue) = venue {
                self.orders.bind(intent.client, venue);
            }
        }
        rest.is_empty().then_some(())
    }

    /// What the kernel of this life has to hear of at its start: positions and orders.
    pub(super) fn introduce(&mut self, now: Timestamp) -> Vec<(InstrumentId, Leg, Stock)> {
        let known: Vec<ClientId> = self
            .orders
            .names(|held| matches!(held.role, Role::Kernel | Role::Foreign) && held.open() > 0);
        for client in known {
            self.tell(client, super::custodian::Tidings::Adopt, now);
        }
        self.stocks.all().collect()
    }
}

fn put_all(numbers: impl ExactSizeIterator<Item = u64>, out: &mut Vec<u8>) {
    (numbers.len() as u64).put(out);
    for number in numbers {
        number.put(out);
    }
}
