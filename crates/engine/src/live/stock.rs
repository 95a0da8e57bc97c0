//! What is held, and the trades that made it so: the custodian's own count.

use super::{ClientId, FillReport, TradeId, VenueId};
use market::{Price, Side, Timestamp};
use portfolio::{InstrumentId, Leg};
use std::collections::BTreeMap;

/// A position by its own trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stock {
    /// Lots held; negative is short.
    pub lots: i64,
    /// Σ price × lots of what is held, in ticks × lots, by average cost; never negative.
    pub cost: i128,
}

impl Stock {
    /// The average price of what is held, to the nearest tick below.
    #[must_use]
    pub fn entry(&self) -> Option<Price> {
        let lots = i128::from(self.lots.unsigned_abs());
        let price = self.cost.checked_div_euclid(lots)?;
        i64::try_from(price).ok().map(Price)
    }

    /// Folds a trade in.
    pub fn trade(&mut self, side: Side, price: Price, quantity: u64) {
        let lots = i64::try_from(quantity).unwrap_or(i64::MAX);
        let signed = side.sign().saturating_mul(lots);
        let price = i128::from(price.0);
        let enlarges = self.lots.signum() * signed.signum() >= 0;
        let after = self.lots.saturating_add(signed);
        self.cost = if enlarges {
            self.cost.saturating_add(price.saturating_mul(i128::from(lots)))
        } else if after.signum() == self.lots.signum() {
            let held = i128::from(self.lots.unsigned_abs());
            self.cost * i128::from(after.unsigned_abs()) / held
        } else {
            price.saturating_mul(i128::from(after.unsigned_abs()))
        };
        self.lots = after;
    }
}

/// Trades that were counted, so that none counts twice. Those of the last ten minutes are all kept,
/// however many; older ones up to a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    by_name: BTreeMap<(InstrumentId, TradeId), Part>,
    by_time: std::collections::BTreeSet<(Timestamp, InstrumentId, TradeId)>,
    latest: BTreeMap<InstrumentId, Timestamp>,
}

/// Which order a trade was a part of, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) client: Option<ClientId>,
    pub(super) venue: Option<VenueId>,
    pub(super) lots: u64,
}

/// Older trades that are remembered.
const SEEN_MAX: usize = 20_000;
/// How far back a trade may be told again, in nanoseconds: ten minutes.
pub(super) const OVERLAP: i64 = 600_000_000_000;

impl Seen {
    /// Whether this trade was counted.
    pub(super) fn knows(&self, fill: &FillReport) -> bool {
        self.by_name.contains_key(&(fill.instrument, fill.trade))
    }

    pub(super) fn note(&mut self, fill: &FillReport) {
        let part = Part { client: fill.client, venue: fill.venue, lots: fill.quantity.0 };
        self.note_part((fill.instrument, fill.trade, fill.time), part);
    }

    pub(super) fn note_part(
        &mut self,
        (instrument, trade, time): (InstrumentId, TradeId, Timestamp),
        part: Part,
    ) {
        self.by_name.insert((instrument, trade), part);
        self.by_time.insert((time, instrument, trade));
        let latest = self.latest.entry(instrument).or_insert(time);
        *latest = (*latest).max(time);
        let newest = self.by_time.last().map_or(time, |(newest, ..)| *newest);
        while self.by_time.len() > SEEN_MAX {
            let Some(oldest) = self.by_time.first().copied() else { break };
            if newest.nanos().saturating_sub(oldest.0.nanos()) <= OVERLAP {
                break;
            }
            self.by_time.remove(&oldest);
            self.by_name.remove(&(oldest.1, oldest.2));
        }
    }

    /// From where to ask for trades of an instrument: some way before the last one that is known.
    pub(super) fn since(&self, instrument: InstrumentId, start: Timestamp) -> Timestamp {
        let latest = self.latest.get(&instrument).copied().unwrap_or(start);
        Timestamp::from_nanos(latest.nanos().saturating_sub(OVERLAP))
    }

    /// Lots of an order that were counted already, by whichever of its names its trades had.
    pub(super) fn counted(&self, client: Option<ClientId>, venue: Option<VenueId>) -> u64 {
        let is_of = |part: &&Part| {
            (client.is_some() && part.client == client) || (venue.is_some() && part.venue == venue)
        };
        self.by_name.values().filter(is_of).map(|part| part.lots).sum()
    }

    pub(super) fn all(
        &self,
    ) -> impl ExactSizeIterator<Item = ((InstrumentId, TradeId, Timestamp), Option<Part>)> {
        self.by_time.iter().map(|(time, instrument, trade)| {
            let part = self.by_name.get(&(*instrument, *trade)).copied();
            ((*instrument, *trade, *time), part)
        })
    }
}

/// Positions by instrument and leg.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stocks(BTreeMap<(InstrumentId, Leg), Stock>);

impl Stocks {
    pub(super) fn of(&self, instrument: InstrumentId, leg: Leg) -> Stock {
        self.0.get(&(instrument, leg)).copied().unwrap_or_default()
    }

    pub(super) fn trade(&mut self, fill: &FillReport) {
        let stock = self.0.entry((fill.instrument, fill.leg)).or_default();
        stock.trade(fill.side, fill.price, fill.quantity.0);
        if stock.lots == 0 {
            self.0.remove(&(fill.instrument, fill.leg));
        }
    }

    pub(super) fn set(&mut self, instrument: InstrumentId, leg: Leg, stock: Stock) {
        self.0.insert((instrument, leg), stock);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (InstrumentId, Leg, Stock)> {
        self.0.iter().map(|((instrument, leg), stock)| (*instrument, *leg, *stock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_keeps_its_average_cost() {
        let check = |trades: &[(Side, i64, u64)], lots: i64, entry: Option<i64>| {
            let mut stock = Stock::default();
            for (side, price, quantity) in trades {
                stock.trade(*side, Price(*price), *quantity);
            }
            assert_eq!((stock.lots, stock.entry()), (lots, entry.map(Price)), "{trades:?}");
        };
        check(&[(Side::Buy, 100, 2), (Side::Buy, 110, 2)], 4, Some(105));
        check(&[(Side::Buy, 100, 4), (Side::Sell, 500, 3)], 1, Some(100));
        check(&[(Side::Buy, 100, 4), (Side::Sell, 90, 6)], -2, Some(90));
        check(&[(Side::Sell, 100, 4), (Side::Buy, 90, 4)], 0, None);
        check(&[(Side::Sell, 101, 1), (Side::Sell, 102, 1)], -2, Some(101));
    }
}
