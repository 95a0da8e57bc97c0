//! One instrument's orders meeting the account: fills, endings, and what is told of them.

use super::{
    Moment,
    cash::{self, Cost, Trade},
    fees::{Fees, Metered},
    pit::Pit,
    price::worse,
    random::SplitMix64,
    resting::{Since, Stage, Taker},
    slippage::Shot,
    terms::{Delay, Terms},
};
use crate::{
    Account, Error,
    order::{Change, Ending, GroupId, OrderId, Purpose, Reason, TimeInForce, Update},
};
use market::{Price, Quantity, Timestamp};
use portfolio::{Fill, InstrumentId, Liquidity};
use std::collections::VecDeque;

/// What all instruments of an exchange share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) terms: Terms,
    pub(super) dice: SplitMix64,
    /// What is on its way back, by the time it arrives.
    pub(super) reports: VecDeque<(Timestamp, Update)>,
    /// Orders that are good till a moment, the latest moment first.
    pub(super) expiries: Vec<Expiry>,
    /// Orders of groups that traded; the other instruments have not heard of it yet.
    pub(super) traded: Vec<Traded>,
    /// Orders that arrived so far.
    pub(super) arrivals: u64,
    /// Places of orders, by the key they are worked through in; kept so that nothing is allocated.
    pub(super) queue: Vec<(i64, u64, usize)>,
    /// What a walk through a book will take; kept likewise.
    pub(super) plan: Vec<Slice>,
    /// Fees by volume, where the venue has them.
    pub(super) metered: Option<Box<Metered>>,
}

/// An order that is good till a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expiry {
    pub(super) until: Timestamp,
    pub(super) instrument: InstrumentId,
    pub(super) order: OrderId,
}

/// What is to be taken from one level of a book.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    /// The level's place, counted from the worst.
    pub(super) level: usize,
    pub(super) price: Price,
    pub(super) lots: u64,
}

/// An order of a group traded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traded {
    pub(super) group: GroupId,
    pub(super) by: OrderId,
    /// Whether nothing of it is left.
    pub(super) whole: bool,
}

impl Traded {
    /// Whether a member of the group is cancelled by it. A reduce-only order outlives a partial
    /// fill of its sibling: what is left of the position keeps its stop.
    pub(super) fn cancels(&self, resting: &crate::order::Order) -> bool {
        resting.ticket.group == Some(self.group)
            && resting.id != self.by
            && (self.whole || !resting.reduces_only())
    }
}

impl Shared {
    /// What fills of an order would cost now.
    #[inline]
    pub(super) fn fees(&self, order: OrderId) -> Fees<'_> {
        match &self.metered {
            None => Fees::Fixed(&self.terms.fees),
            Some(metered) => Fees::Tiered(metered, order),
        }
    }

    /// When a message that is sent now arrives, if it does not overtake the one before it.
    pub(super) fn arrival(&mut self, delay: Delay, now: Timestamp, before: Timestamp) -> Timestamp {
        if delay == Delay::NONE {
            return now.max(before);
        }
        let nanos = delay.nanos.saturating_add(self.dice.up_to(delay.jitter_nanos));
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        Timestamp::from_nanos(now.nanos().saturating_add(nanos)).max(before)
    }
}

/// One instrument, the account, and a moment.
pub(super) struct Desk<'a, A> {
    pub(super) shared: &'a mut Shared,
    pub(super) pit: &'a mut Pit,
    /// Orders that work or are on their way, and messages on their way.
    pub(super) load: &'a mut u32,
    pub(super) account: &'a mut A,
    pub(super) at: Moment,
}

impl<A: Account> Desk<'_, A> {
    /// Tells the account, and sends word back if that takes time.
    #[inline]
    pub(super) fn tell(&mut self, order: OrderId, change: Change) -> Result<(), Error> {
        self.report(&Update { order, instrument: self.pit.id, time: self.at.time, change })
    }

    #[inline]
    fn report(&mut self, update: &Update) -> Result<(), Error> {
        self.account.update(update)?;
        let delay = self.shared.terms.latency.response;
        if delay != Delay::NONE {
            let before = self.shared.reports.back().map_or(update.time, |(due, _)| *due);
            let due = self.shared.arrival(delay, update.time, before);
            self.shared.reports.push_back((due, *update));
        }
        Ok(())
    }

    /// What is left of an order is gone.
    pub(super) fn end(&mut self, at: usize, why: Ending) -> Result<(), Error> {
        let Some(resting) = self.pit.orders.get_mut(at).filter(|o| o.is_live()) else {
            return Ok(());
        };
        let (id, rest, tif) = (resting.order.id, resting.left, resting.order.ticket.tif);
        resting.stage = Stage::Ended;
        self.forget(id, tif);
        self.tell(id, Change::Ended { rest, why })
    }

    pub(super) fn refuse(&mut self, at: usize, reason: Reason) -> Result<(), Error> {
        self.end(at, Ending::Refused(reason))
    }

    /// An order does not work any more.
    fn forget(&mut self, id: OrderId, tif: TimeInForce) {
        if let Some(metered) = &mut self.shared.metered {
            metered.forget(id);
        }
        self.pit.ended += 1;
        *self.load = self.load.saturating_sub(1);
        if matches!(tif, TimeInForce::GoodTill(_)) {
            self.shared.expiries.retain(|expiry| expiry.order != id);
        }
    }

    /// It rests from now on, or waits.
    pub(super) fn accept(&mut self, at: usize) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(()) };
        let (id, tif) = (resting.order.id, resting.order.ticket.tif);
        if let TimeInForce::GoodTill(until) = tif {
            let expiry = Expiry { until, instrument: self.pit.id, order: id };
            let place = self.shared.expiries.partition_point(|other| other.until >= until);
            self.shared.expiries.insert(place, expiry);
        }
        self.tell(id, Change::Accepted)
    }

    /// Its trigger was reached.
    pub(super) fn wake(&mut self, at: usize) -> Result<(), Error> {
        let Some(resting) = self.pit.orders.get_mut(at).filter(|o| o.is_live()) else {
            return Ok(());
        };
        resting.stage = Stage::Awake;
        resting.since = Since::New;
        let order = resting.order;
        self.tell(order.id, Change::Triggered)?;
        match self.account.bars(&order)? {
            Some(reason) => self.refuse(at, reason),
            None => Ok(()),
        }
    }

    /// The price at which a taker trades: worse by the slippage, never beyond its limit.
    #[inline]
    pub(super) fn taken_at(&mut self, taker: Taker, price: Price, volume: u64) -> Price {
        let Terms { slippage, model, .. } = &self.shared.terms;
        if slippage.is_none() {
            return price;
        }
        let Taker { side, lots, limit } = taker;
        let lots = if volume == 0 { lots } else { lots.min(volume) };
        let shot = Shot { side, price, lots, volume, spread: self.pit.spread(*model) };
        let worsened = slippage.worsen(shot, &self.pit.listing, &mut self.shared.dice);
        match limit {
            // The limit is better than what slippage makes of the price: it is the price.
            Some(limit) if worse(side, worsened, limit) == worsened => limit,
            _ => worsened,
        }
    }

    /// Trades up to `most` lots of an order at a price, as far as the account allows, and ends what
    /// it does not allow. Answers how much traded.
    pub(super) fn execute(
        &mut self,
        at: usize,
        price: Price,
        most: u64,
        liquidity: Liquidity,
    ) -> Result<u64, Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(0) };
        let lots = resting.left.0.min(most);
        if lots == 0 {
            return Ok(0);
        }
        let (ledger, fees) = (self.account.ledger(), self.shared.fees(resting.order.id));
        let contract = cash::contract(&resting.order, ledger)?;
        let trade = Trade { price, lots, liquidity, time: self.at.time };
        let cost = trade.cost(contract, fees)?;
        if cash::lets_all(&resting.order, (trade, cost), &*self.account)? {
            self.settle(at, trade, cost)?;
            return Ok(lots);
        }
        let mut allowed = cash::allowed(&resting.order, trade, (contract, fees), &*self.account)?;
        if resting.order.ticket.tif == TimeInForce::FillOrKill && allowed.reason.is_some() {
            allowed.lots = 0;
        }
        if allowed.lots > 0 {
            let part = Trade { lots: allowed.lots, ..trade };
            let cost = part.cost(contract, fees)?;
            self.settle(at, part, cost)?;
        }
        if let Some(reason) = allowed.reason {
            self.refuse(at, reason)?;
        }
        Ok(allowed.lots)
    }

    /// Writes a fill and tells it.
    fn settle(&mut self, at: usize, trade: Trade, cost: Cost) -> Result<(), Error> {
        let Some(resting) = self.pit.orders.get_mut(at) else { return Ok(()) };
        let order = &resting.order;
        let Cost { notional, mut fee } = cost;
        if order.ticket.purpose == Purpose::Liquidation {
            fee = fee.plus(self.shared.terms.fees.liquidation(notional)?)?;
        }
        let (id, tif, group) = (order.id, order.ticket.tif, order.ticket.group);
        if let Some(metered) = &mut self.shared.metered {
            metered.count(id, notional, (trade.liquidity, trade.time))?;
        }
        let (side, leg) = (order.ticket.side, order.ticket.leg);
        resting.left.0 = resting.left.0.saturating_sub(trade.lots);
        resting.queue.shown = resting.queue.shown.saturating_sub(trade.lots);
        let whole = resting.left == Quantity::ZERO;
        if whole {
            resting.stage = Stage::Ended;
            self.forget(id, tif);
        }
        if let Some(budget) = self.pit.bar.budget.as_mut() {
            *budget = budget.saturating_sub(trade.lots);
        }
        // Written in place: copied from part to part, it costs as much as all the sums above.
        let (instrument, time) = (self.pit.id, self.at.time);
        let update = Update {
            order: id,
            instrument,
            time,
            change: Change::Filled(Fill {
                order: id.0,
                row: self.at.row,
                time,
                instrument,
                side,
                quantity: Quantity(trade.lots),
                price: trade.price,
                notional,
                fee,
                leg,
                liquidity: trade.liquidity,
            }),
        };
        self.report(&update)?;
        match group {
            Some(group) => self.cancel_siblings(Traded { group, by: id, whole }),
            None => Ok(()),
        }
    }

    fn cancel_siblings(&mut self, traded: Traded) -> Result<(), Error> {
        self.shared.traded.push(traded);
        for at in 0..self.pit.orders.len() {
            if self.pit.order(at).is_some_and(|sibling| traded.cancels(&sibling.order)) {
                self.end(at, Ending::Cancelled)?;
            }
        }
        Ok(())
    }
}
