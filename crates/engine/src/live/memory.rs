//! What outlives a process: the state as bytes, and records folded into it.

use super::{
    ClientId, Epoch, TradeId, VenueId,
    custodian::Custodian,
    funding::Paid,
    held::{Held, Stage, Wish},
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
const LAYOUT: u8 = 2;
/// The one before there were stops that come along with orders; it is read too.
const LAYOUT_BARE: u8 = 1;
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
        self.paid.first.get_or_insert(now);
        if let Some(until) = self.hold_until.filter(|until| *until > now) {
            self.compare.look_soon(until);
        }
        self.effects.push(super::Effect::Record(Record::Boot { epoch: self.epoch, time: now }));
        for held in self.orders.all_mut().filter(|held| held.stage != Stage::Brought) {
            held.ask_at = Some(now);
            held.asking = false;
        }
        let is_stop = |held: &Held| {
            let came_along = matches!(held.stage, Stage::Brought | Stage::Released);
            held.role == Role::Stop && !came_along
        };
        let stops = self.orders.names(is_stop);
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
            Record::Boot { epoch, time } => {
                self.epochs.insert(*epoch);
                self.paid.first.get_or_insert(*time);
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
            Record::Cancel { client, .. } => {
                if let Some(held) = self.orders.get_mut(*client) {
                    held.wish = Wish::TakenBack;
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
            Record::Ended { client, time } => {
                if let Some(held) = self.orders.remove(*client) {
                    self.release_stop(&held, *time);
                }
            }
            Record::Funding(paid) => {
                self.paid.note(paid);
            }
            // Whoever lives meanwhile: the doubt is not over with the life that had it first.
            Record::Doubt { until } => self.hold_until = self.hold_until.max(Some(*until)),
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
        held.stop = intent.stop;
        match self.orders.get_mut(intent.client) {
            // Sent once more: the venue may hear of it until later.
            Some(known) => {
                known.sent = known.sent.max(intent.time);
                let before = std::mem::replace(&mut known.stop, intent.stop);
                if let Some(stop) = before {
                    self.orders.remove(stop.client);
                }
            }
            None => self.orders.insert(held),
        }
        self.bring_along(intent.client, intent.time);
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
        // A stop that will come along is in what is written of its entry.
        let is_sent = |held: &&Held| !matches!(held.stage, Stage::Waiting | Stage::Brought);
        let orders: Vec<&Held> = self.orders.all().filter(is_sent).collect();
        (orders.len() as u64).put(&mut out);
        for held in orders {
            let (client, role, order, stop) = (held.client, held.role, held.order, held.stop);
            Intent { client, role, order, stop, time: held.sent }.put(&mut out);
            stop.put(&mut out);
            held.venue.put(&mut out);
            held.counted.put(&mut out);
        }
        self.paid.put(&mut out);
        self.hold_until.put(&mut out);
        let is_going = |held: &Held| held.role == Role::Stop && held.wish == Wish::TakenBack;
        let going = self.orders.names(is_going);
        (going.len() as u64).put(&mut out);
        for client in going {
            client.put(&mut out);
        }
        out
    }

    fn read_snapshot(&mut self, bytes: &[u8]) -> Option<()> {
        let (layout, mut rest) = bytes.split_first()?;
        if ![LAYOUT_BARE, LAYOUT].contains(layout) {
            return None;
        }
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
            let stop = if *layout == LAYOUT { Wire::read(rest)? } else { None };
            self.remember_order(&Intent { stop, ..intent });
            let venue = Option::<VenueId>::read(rest)?;
            let counted = u64::read(rest)?;
            if let Some(held) = self.orders.get_mut(intent.client) {
                held.counted = counted;
            }
            if let Some(venue) = venue {
                self.orders.bind(intent.client, venue);
            }
        }
        if !rest.is_empty() {
            self.paid = Paid::read(rest)?;
        }
        if !rest.is_empty() {
            self.hold_until = Wire::read(rest)?;
        }
        if !rest.is_empty() {
            for _ in 0..u64::read(rest)? {
                let going = self.orders.get_mut(Wire::read(rest)?)?;
                going.wish = Wish::TakenBack;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::AttachedStop,
        order::{Order, OrderId, Ticket},
    };
    use market::{Price, Quantity, Side};

    const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    fn intent(stop: Option<AttachedStop>) -> Intent {
        let client = Epoch(7).name(3).expect("in range");
        let ticket = Ticket::market(InstrumentId(0), Side::Buy, Quantity(5));
        let order = Order { id: OrderId(0), tick: 0, row: 0, time: NOW, ticket };
        Intent { client, role: Role::Kernel, order, stop, time: NOW }
    }

    fn restored(snapshot: Option<&[u8]>, records: &[Record]) -> Custodian {
        let bytes = |record: &Record| {
            let mut out = Vec::new();
            record.write(&mut out);
            out
        };
        let records: Vec<Vec<u8>> = records.iter().map(bytes).collect();
        let left = (snapshot, records.as_slice());
        Custodian::restored(Terms::of(Vec::new()), Epoch(8), left, NOW).expect("it is read")
    }

    #[test]
    fn a_snapshot_of_before_stops_came_along_is_read() {
        let mut old = vec![LAYOUT_BARE];
        put_all([7].into_iter(), &mut old);
        Kill::NoEntries.put(&mut old);
        for none in [0_u64, 0] {
            none.put(&mut old);
        }
        1_u64.put(&mut old);
        intent(None).put(&mut old);
        None::<VenueId>.put(&mut old);
        2_u64.put(&mut old);
        let custodian = restored(Some(&old), &[]);
        assert_eq!(custodian.kill_level(), Kill::NoEntries);
        let orders: Vec<_> = custodian.orders().map(|(name, _, _, lots)| (name, lots)).collect();
        assert_eq!(orders, [(intent(None).client, 2)]);
        for layout in [0, LAYOUT + 1] {
            let mut other = old.clone();
            other.splice(..1, [layout]);
            let left = (Some(other.as_slice()), [].as_slice());
            let refused = Custodian::restored(Terms::of(Vec::new()), Epoch(8), left, NOW);
            assert_eq!(refused.err(), Some(MemoryError::Snapshot), "layout {layout}");
        }
    }

    /// It may be gone at any time: the next life does not count on it, whichever way it learns of it.
    #[test]
    fn a_stop_that_was_taken_back_stays_so_in_the_next_life() {
        let client = Epoch(7).name_for(Role::Stop, 4).expect("in range");
        let stop = Intent { client, role: Role::Stop, ..intent(None) };
        let records = [Record::Intent(stop), Record::Cancel { client, time: NOW }];
        let next = restored(None, &records);
        let after = restored(Some(&next.snapshot()), &[]);
        for life in [next, after] {
            assert_eq!(life.orders.get(client).map(|held| held.wish), Some(Wish::TakenBack));
        }
        let kept = restored(None, records.get(..1).expect("two"));
        let after = restored(Some(&kept.snapshot()), &[]);
        assert_eq!(after.orders.get(client).map(|held| held.wish), Some(Wish::Keep));
    }

    #[test]
    fn a_stop_that_came_along_outlives_a_life_with_its_entry() {
        let (entry, time) = (intent(None).client, NOW);
        let stop = Epoch::stop_of(&entry).expect("an entry's name");
        let with = intent(Some(AttachedStop { client: stop, trigger: Price(97) }));
        let fill = |lots| {
            Record::Fill(crate::live::FillReport {
                trade: "1".parse().expect("a name"),
                client: Some(entry),
                venue: None,
                instrument: InstrumentId(0),
                side: Side::Buy,
                leg: Leg::Net,
                price: Price(100),
                quantity: Quantity(lots),
                fee: market::Money::ZERO,
                fee_currency: None,
                liquidity: portfolio::Liquidity::Taker,
                cause: crate::live::Cause::Owner,
                time,
            })
        };
        let ended = Record::Ended { client: entry, time };
        let check = |records: &[Record], stage: Option<Stage>, lots: u64| {
            let once = restored(None, records);
            let held = once.orders.get(stop);
            assert_eq!(
                held.map(|held| (held.stage, held.open())),
                stage.map(|stage| (stage, lots))
            );
            // And from the snapshot of that life; what is not over is doubted then.
            let again = restored(Some(&once.snapshot()), &[]);
            let known = again.orders.get(stop).map(|held| held.stage);
            let doubted = |stage| if stage == Stage::Released { Stage::Unknown } else { stage };
            assert_eq!(known, stage.map(doubted));
        };
        check(&[Record::Intent(with)], Some(Stage::Brought), 5);
        check(&[Record::Intent(with), fill(3)], Some(Stage::Brought), 5);
        check(&[Record::Intent(with), fill(3), ended], Some(Stage::Released), 3);
        check(&[Record::Intent(with), ended], None, 0);
        check(&[Record::Intent(with), Record::Intent(intent(None))], None, 0);
        let gone = Record::Ended { client: stop, time };
        check(&[Record::Intent(with), fill(3), ended, gone], None, 0);
    }
}
