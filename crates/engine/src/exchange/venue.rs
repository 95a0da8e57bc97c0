//! The exchange as a whole: messages come in, markets move, time passes.

use super::{
    Capabilities, Desk, Moment, Resting, Terms,
    desk::{Shared, Traded},
    fees::Metered,
    pit::Pit,
    random::SplitMix64,
};
use crate::{
    Account, Data, Error, MarketEvent,
    order::{Amendment, Change, Ending, Order, OrderId, Purpose, Restrictions, Ticket, Update},
};
use market::{Listing, Quantity, Side, Timestamp};
use portfolio::InstrumentId;
use std::collections::VecDeque;

/// Orders of one account on many instruments, and the markets that they meet.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub(super) shared: Shared,
    pits: Vec<Pit>,
    /// By instrument: orders that work or are on their way, and messages on their way.
    load: Vec<u32>,
    inbox: VecDeque<Message>,
    /// When the message sent last arrives.
    last_due: Timestamp,
    /// Places of orders of several instruments; kept so that nothing is allocated.
    pub(super) line: Vec<(u64, usize, usize)>,
}

/// A message on its way to the venue.
#[derive(Debug, Clone, Copy)]
struct Message {
    due: Timestamp,
    instrument: InstrumentId,
    wish: Wish,
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Submit(Order),
    Cancel(OrderId),
    Amend(OrderId, Amendment),
    /// An order whose group traded before it arrived.
    Withdraw(OrderId, Quantity),
}

impl Exchange {
    /// Nothing works yet. Instruments are named by their place in `listings`.
    #[must_use]
    pub fn new(terms: Terms, listings: &[Listing]) -> Self {
        let shared = Shared {
            terms,
            dice: SplitMix64::new(terms.seed),
            reports: VecDeque::new(),
            expiries: Vec::new(),
            traded: Vec::new(),
            arrivals: 0,
            queue: Vec::new(),
            plan: Vec::new(),
            metered: None,
        };
        let pits = (0..).map(InstrumentId).zip(listings);
        Self {
            shared,
            pits: pits.map(|(id, listing)| Pit::new(id, listing.clone())).collect(),
            load: vec![0; listings.len()],
            inbox: VecDeque::new(),
            last_due: Timestamp::from_nanos(i64::MIN),
            line: Vec::new(),
        }
    }

    /// The same, with fees by the volume of the last thirty days in the place of fixed ones. Nothing
    /// was traded yet; all notionals are taken as amounts of one currency.
    #[must_use]
    pub fn metered(mut self, schedule: portfolio::FeeSchedule) -> Self {
        self.shared.metered = Some(Box::new(Metered::new(schedule)));
        self
    }

    /// What was agreed on.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.shared.terms
    }

    /// Whether the venue takes such an order; what it does not is emulated by the sender.
    #[must_use]
    pub fn takes(&self, ticket: &Ticket) -> bool {
        self.shared.terms.capabilities.has(Capabilities::of(ticket))
    }

    /// Sends an order. It arrives by [`Exchange::wake`], at once if there is no latency.
    #[inline]
    pub fn submit(&mut self, order: Order, now: Timestamp) {
        self.send(order.ticket.instrument, Wish::Submit(order), now);
    }

    /// Asks for an order to be taken back.
    pub fn cancel(&mut self, id: OrderId, instrument: InstrumentId, now: Timestamp) {
        self.send(instrument, Wish::Cancel(id), now);
    }

    /// Asks for an order to be changed.
    pub fn amend(
        &mut self,
        (id, instrument): (OrderId, InstrumentId),
        change: Amendment,
        now: Timestamp,
    ) {
        self.send(instrument, Wish::Amend(id, change), now);
    }

    #[inline]
    fn send(&mut self, instrument: InstrumentId, wish: Wish, now: Timestamp) {
        if let Some(load) = self.load.get_mut(instrument.index()) {
            *load += 1;
        }
        let due = self.shared.arrival(self.shared.terms.latency.entry, now, self.last_due);
        self.last_due = due;
        self.inbox.push_back(Message { due, instrument, wish });
    }

    /// Whether nothing of this instrument works or is on its way: bars can then be left out, ticks
    /// must be told nevertheless.
    #[inline]
    #[must_use]
    pub fn is_idle(&self, instrument: InstrumentId) -> bool {
        self.load.get(instrument.index()).is_none_or(|load| *load == 0)
    }

    /// Whether nothing works or is on its way, in either direction.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let nothing_travels = self.inbox.is_empty() && self.shared.reports.is_empty();
        nothing_travels && self.load.iter().all(|load| *load == 0)
    }

    /// Everything that works or is on its way, by instrument, then by arrival.
    pub fn open_orders(&self) -> impl Iterator<Item = Order> {
        let resting = self.pits.iter().flat_map(|pit| &pit.orders).filter(|o| o.is_live());
        let travelling = self.inbox.iter().filter_map(|message| match message.wish {
            Wish::Submit(order) => Some(order),
            _ => None,
        });
        resting.map(|resting| resting.order).chain(travelling)
    }

    /// What works at the venue, by arrival.
    pub fn working(&self, instrument: InstrumentId) -> impl Iterator<Item = &Resting> {
        let pit = self.pits.get(instrument.index());
        pit.into_iter().flat_map(|pit| &pit.orders).filter(|order| order.is_live())
    }

    /// When to call [`Exchange::wake`], or to ask for a report, if nothing happens first.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let after = |until: Timestamp| Timestamp::from_nanos(until.nanos().saturating_add(1));
        let message = self.inbox.front().map(|message| message.due);
        let expiry = self.shared.expiries.last().map(|expiry| after(expiry.until));
        let report = self.shared.reports.front().map(|(due, _)| *due);
        [message, expiry, report].into_iter().flatten().min()
    }

    /// The next update that has reached the sender by now; only with a response latency.
    pub fn report(&mut self, now: Timestamp) -> Option<Update> {
        let arrived = self.shared.reports.front().is_some_and(|(due, _)| *due <= now);
        if arrived { self.shared.reports.pop_front().map(|(_, update)| update) } else { None }
    }

    /// Messages arrive and orders expire, each at its own time, up to now.
    #[inline]
    pub fn wake<A: Account>(&mut self, now: Moment, account: &mut A) -> Result<(), Error> {
        loop {
            let due = self.inbox.front().map(|message| message.due);
            let until = self.shared.expiries.last().map(|expiry| expiry.until);
            let expires = until.filter(|until| *until < now.time);
            if expires.is_some_and(|until| due.is_none_or(|due| until < due)) {
                self.expire(now.row, account)?;
            } else if due.is_some_and(|due| due <= now.time) {
                self.receive(now.row, account)?;
            } else {
                return Ok(());
            }
        }
    }

    fn expire<A: Account>(&mut self, row: u32, account: &mut A) -> Result<(), Error> {
        let Some(expiry) = self.shared.expiries.pop() else { return Ok(()) };
        let time = Timestamp::from_nanos(expiry.until.nanos().saturating_add(1));
        let mut desk = self.desk(expiry.instrument, account, Moment { time, row })?;
        if let Some(at) = desk.place_of(expiry.order) {
            desk.end(at, Ending::Expired)?;
        }
        desk.pit.sweep();
        Ok(())
    }

    fn receive<A: Account>(&mut self, row: u32, account: &mut A) -> Result<(), Error> {
        let known = self.pits.len();
        let Some(Message { due, instrument, wish }) = self.inbox.front() else { return Ok(()) };
        let (instrument, at) = (*instrument, Moment { time: *due, row });
        let index = instrument.index();
        let (Some(pit), Some(load)) = (self.pits.get_mut(index), self.load.get_mut(index)) else {
            return Err(Error::Ledger(portfolio::Error::Instrument { instrument, known }));
        };
        // An order's place on the way becomes its place at the venue.
        if !matches!(wish, Wish::Submit(_)) {
            *load = load.saturating_sub(1);
        }
        let mut desk = Desk { shared: &mut self.shared, pit, load, account, at };
        match wish {
            Wish::Submit(order) => desk.arrive(order)?,
            Wish::Cancel(id) => desk.cancel(*id)?,
            Wish::Amend(id, change) => desk.amend(*id, *change)?,
            Wish::Withdraw(id, rest) => {
                desk.tell(*id, Change::Ended { rest: *rest, why: Ending::Cancelled })?;
            }
        }
        self.inbox.pop_front();
        self.finish(instrument, account, at)
    }

    /// One event of the market. Tick models live by them; a bar of a bar model passes all its
    /// phases at once.
    #[inline]
    pub fn on_market<A: Account>(
        &mut self,
        event: &MarketEvent,
        row: u32,
        account: &mut A,
    ) -> Result<(), Error> {
        let at = Moment { time: event.time, row };
        match &event.data {
            Data::Conversion { .. } | Data::Funding(_) | Data::Dividend { .. } => return Ok(()),
            Data::Bar(bar, _) => return self.whole_bar(event.instrument, bar, at, account),
            _ => {}
        }
        if !self.inbox.is_empty() || !self.shared.expiries.is_empty() {
            self.wake(at, account)?;
        }
        let (index, model) = (event.instrument.index(), self.shared.terms.model);
        if let Some(pit) = self.pits.get_mut(index) {
            if !pit.believes(&event.data) {
                return Ok(());
            }
            if self.load.get(index) == Some(&0) && !matches!(event.data, Data::Split { .. }) {
                pit.record(&event.data, model);
                return Ok(());
            }
        }
        self.desk(event.instrument, account, at)?.on_tick(&event.data)?;
        self.finish(event.instrument, account, at)
    }

    /// The venue takes the account over: all orders that work are cancelled, and every position is
    /// closed at the market (bar models: at the account's latest prices), with the liquidation fee.
    /// What is on its way arrives afterwards, as any order does.
    /// `number` makes an order of a ticket.
    pub fn liquidate<A: Account>(
        &mut self,
        mut number: impl FnMut(Ticket) -> Order,
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        let instruments = (0..).map(InstrumentId).take(self.pits.len());
        for instrument in instruments.clone() {
            let mut desk = self.desk(instrument, account, at)?;
            for place in 0..desk.pit.orders.len() {
                desk.end(place, Ending::Cancelled)?;
            }
            desk.pit.sweep();
        }
        for instrument in instruments {
            let held = account.ledger().position(instrument).lots;
            if held == 0 {
                continue;
            }
            let side = if held > 0 { Side::Sell } else { Side::Buy };
            let ticket = Ticket {
                purpose: Purpose::Liquidation,
                ..Ticket::market(instrument, side, Quantity(held.unsigned_abs()))
                    .restricted(Restrictions::REDUCE_ONLY)
            };
            let order = number(ticket);
            self.desk(instrument, account, at)?.liquidate(order)?;
            self.finish(instrument, account, at)?;
        }
        Ok(())
    }

    pub(super) fn desk<'a, A: Account>(
        &'a mut self,
        instrument: InstrumentId,
        account: &'a mut A,
        at: Moment,
    ) -> Result<Desk<'a, A>, Error> {
        let known = self.pits.len();
        let index = instrument.index();
        match (self.pits.get_mut(index), self.load.get_mut(index)) {
            (Some(pit), Some(load)) => {
                Ok(Desk { shared: &mut self.shared, pit, load, account, at })
            }
            _ => Err(Error::Ledger(portfolio::Error::Instrument { instrument, known })),
        }
    }

    #[inline]
    pub(super) fn finish<A: Account>(
        &mut self,
        instrument: InstrumentId,
        account: &mut A,
        at: Moment,
    ) -> Result<(), Error> {
        if let Some(pit) = self.pits.get_mut(instrument.index()) {
            pit.sweep();
        }
        self.spread_word(instrument, account, at)
    }

    /// Tells the other instruments, and what is on its way, that groups have traded.
    #[inline]
    pub(super) fn spread_word<A: Account>(
        &mut self,
        from: InstrumentId,
        account: &mut A,
        at: Moment,
    ) -> Result<(), Error> {
        while let Some(traded) = self.shared.traded.pop() {
            self.cancel_group(traded, from, account, at)?;
        }
        Ok(())
    }

    fn cancel_group<A: Account>(
        &mut self,
        traded: Traded,
        from: InstrumentId,
        account: &mut A,
        at: Moment,
    ) -> Result<(), Error> {
        for message in &mut self.inbox {
            if let Wish::Submit(order) = message.wish
                && traded.cancels(&order)
            {
                message.wish = Wish::Withdraw(order.id, order.ticket.quantity);
            }
        }
        for index in (0..).map(InstrumentId).take(self.pits.len()) {
            if index == from || self.is_idle(index) {
                continue;
            }
            let mut desk = self.desk(index, account, at)?;
            for place in 0..desk.pit.orders.len() {
                if desk.pit.order(place).is_some_and(|order| traded.cancels(&order.order)) {
                    desk.end(place, Ending::Cancelled)?;
                }
            }
        }
        Ok(())
    }
}
