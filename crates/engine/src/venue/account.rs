//! One account at the simulated exchange.

use super::till::Till;
use crate::{
    Error, MarketEvent,
    exchange::{Exchange, Moment, Terms},
    live::{
        AttachedStop, Cause, ClientId, FillReport, FundingReport, KeyScope, Mode, OrderReport,
        OrderState, StopHolds, TradeId, VenueId, Word,
    },
    order::{
        Change, Ending, Order, OrderId, OrderKind, Purpose, Reason, Restrictions, Shortfall,
        Ticket, Update,
    },
};
use market::{Listing, Money, Quantity, Timestamp};
use portfolio::{AccountTerms, CashFlow, Flow, InstrumentId, Ledger, MarginTiers};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Trades and orders that are over, as many as the venue goes on knowing.
const KEPT_MAX: usize = 50_000;

/// What an account begins with.
#[derive(Debug, Clone)]
pub struct AccountSetup {
    /// How the venue fills.
    pub terms: Terms,
    /// Money and margin.
    pub account: AccountTerms,
    /// What is traded.
    pub listings: Vec<Listing>,
    /// What the account's key may do.
    pub scope: KeyScope,
    /// What an order that waits for its trigger holds back on spot.
    pub holds: StopHolds,
}

/// An order as the venue keeps it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) client: Option<ClientId>,
    pub(super) ticket: Ticket,
    pub(super) filled: u64,
    pub(super) state: OrderState,
    pub(super) cause: Cause,
    pub(super) time: Timestamp,
    /// The stop that it brought along, until that is an order of its own.
    pub(super) stop: Option<AttachedStop>,
    /// Why it was refused, if it was on arrival.
    pub(super) refused: Option<Reason>,
}

/// One account: orders, trades, positions, and what the private stream is to tell.
#[derive(Debug, Clone)]
pub struct Account {
    pub(super) exchange: Exchange,
    pub(super) books: Till,
    pub(super) listings: Vec<Listing>,
    pub(super) scope: KeyScope,
    pub(super) mode: Mode,
    /// What the venue asks at its most leverage, of instruments on margin.
    pub(super) tiers: BTreeMap<InstrumentId, MarginTiers>,
    /// The leverage that was chosen.
    pub(super) leverage: BTreeMap<InstrumentId, u32>,
    pub(super) orders: BTreeMap<OrderId, Placed>,
    pub(super) names: BTreeMap<ClientId, OrderId>,
    /// Orders that are not over.
    pub(super) open: BTreeSet<OrderId>,
    /// Orders that are over, the oldest first: they are forgotten in this order.
    over: VecDeque<OrderId>,
    pub(super) fills: VecDeque<FillReport>,
    pub(super) alive_until: Option<Timestamp>,
    pub(super) orders_made: u64,
    trades_made: u64,
    pub(super) payments: VecDeque<FundingReport>,
    payments_made: u64,
    words: Vec<Word>,
    /// Stops whose entries are over, with what those traded.
    released: Vec<(AttachedStop, Ticket)>,
}

impl Account {
    /// An account that has not traded yet.
    pub fn new(setup: AccountSetup) -> Result<Self, Error> {
        let AccountSetup { terms, account, listings, scope, holds } = setup;
        let mode = match account.mode {
            portfolio::PositionMode::Netted => Mode::OneWay,
            portfolio::PositionMode::Hedged => Mode::Hedge,
        };
        let tiers = account.margin.iter().cloned().collect();
        let ledger = Ledger::on(account, &listings)?;
        let books = Till::new(ledger, &listings, (terms.fees, holds));
        Ok(Self {
            exchange: Exchange::new(terms, &listings),
            books,
            listings,
            scope,
            mode,
            tiers,
            leverage: BTreeMap::new(),
            orders: BTreeMap::new(),
            names: BTreeMap::new(),
            open: BTreeSet::new(),
            over: VecDeque::new(),
            fills: VecDeque::new(),
            alive_until: None,
            orders_made: 0,
            trades_made: 0,
            payments: VecDeque::new(),
            payments_made: 0,
            words: Vec::new(),
            released: Vec::new(),
        })
    }

    /// Cash, positions and their prices.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.books.ledger
    }

    /// Money that orders hold back until they trade or end, in the account's currency.
    pub fn reserved(&self) -> Result<Money, Error> {
        self.books.reserved()
    }

    /// What is there for new orders: equity, less the initial margin of positions, less
    /// [`Account::reserved`]. Below zero only where prices have taken it.
    pub fn available(&self) -> Result<Money, Error> {
        self.books.available()
    }

    /// Lots of a spot instrument that orders are about to sell.
    #[must_use]
    pub fn promised(&self, instrument: InstrumentId) -> Quantity {
        Quantity(self.books.promised_lots(instrument))
    }

    /// Orders that work, and how much of each is open.
    pub fn working(&self) -> impl Iterator<Item = (Option<ClientId>, &Ticket, Quantity)> {
        let open = self.open.iter().filter_map(|id| self.orders.get(id));
        open.map(|placed| {
            let rest = placed.ticket.quantity.0.saturating_sub(placed.filled);
            (placed.client, &placed.ticket, Quantity(rest))
        })
    }

    /// Trades so far, the oldest first; the venue forgets the oldest of very many.
    pub fn fills(&self) -> impl Iterator<Item = &FillReport> {
        self.fills.iter()
    }

    /// Orders by name that were ever made, with what they traded.
    pub fn named(&self) -> impl Iterator<Item = (ClientId, &Ticket, u64)> {
        let of = |(name, id): (&ClientId, &OrderId)| {
            let placed = self.orders.get(id)?;
            Some((*name, &placed.ticket, placed.filled))
        };
        self.names.iter().filter_map(of)
    }

    /// Lots that an order traded; [`None`] if the venue knows of none of this name.
    #[must_use]
    pub fn traded(&self, client: ClientId) -> Option<u64> {
        let id = self.names.get(&client)?;
        self.orders.get(id).map(|placed| placed.filled)
    }

    /// What the private stream tells since this was last asked.
    pub fn words(&mut self) -> std::vec::Drain<'_, Word> {
        self.words.drain(..)
    }

    /// The market moves; orders trade.
    pub fn market(&mut self, event: &MarketEvent) -> Result<(), Error> {
        for flow in crate::kernel::settle(&mut self.books.ledger, event)?.iter() {
            self.booked(flow, event.time);
        }
        self.exchange.on_market(event, 0, &mut self.books)?;
        self.listen(event.time)?;
        self.end_unpayable(event.time)?;
        if !self.tiers.is_empty() && self.books.ledger.is_liquidated()? {
            self.liquidate(event.time)?;
        }
        Ok(())
    }

    /// Cash that no trade moved: funding is told, and can be asked for.
    fn booked(&mut self, flow: &CashFlow, time: Timestamp) {
        let (Some(instrument), Flow::Funding { .. }) = (flow.instrument, flow.flow) else { return };
        self.payments_made += 1;
        let CashFlow { leg, currency, amount, .. } = *flow;
        let payment = number(self.payments_made);
        let report = FundingReport { payment, instrument, leg, amount, currency, time };
        self.payments.push_back(report);
        if self.payments.len() > KEPT_MAX {
            self.payments.pop_front();
        }
        self.words.push(Word::Funding(report));
    }

    /// Time passes: what has expired is over, and who has not said that he is alive is cut off.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), Error> {
        self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        self.listen(now)?;
        self.end_unpayable(now)?;
        if self.alive_until.is_some_and(|until| until <= now) {
            self.alive_until = None;
            self.cancel_where(|placed| !placed.is_conditional(), now)?;
        }
        Ok(())
    }

    /// When to call [`Account::tick`] if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        [self.exchange.deadline(), self.alive_until].into_iter().flatten().min()
    }

    /// The venue closes every position of the account.
    pub fn liquidate(&mut self, now: Timestamp) -> Result<(), Error> {
        let mut made = Vec::new();
        let mut next = self.orders_made;
        let at = Moment { time: now, row: 0 };
        let number = |ticket| {
            next += 1;
            let order = Order { id: OrderId(next), tick: 0, row: 0, time: now, ticket };
            made.push(order);
            order
        };
        self.exchange.liquidate(number, at, &mut self.books)?;
        self.orders_made = next;
        for order in made {
            self.know(order, (None, None), Cause::Liquidation);
        }
        self.listen(now)
    }

    /// Sends an order to the exchange; what became of it at once.
    pub(super) fn submit(
        &mut self,
        ticket: Ticket,
        names: (Option<ClientId>, Option<AttachedStop>),
        now: Timestamp,
    ) -> Result<OrderId, Error> {
        let id = self.send(ticket, names, now)?;
        self.listen(now)?;
        self.end_unpayable(now)?;
        Ok(id)
    }

    fn send(
        &mut self,
        ticket: Ticket,
        names: (Option<ClientId>, Option<AttachedStop>),
        now: Timestamp,
    ) -> Result<OrderId, Error> {
        self.orders_made += 1;
        let order = Order { id: OrderId(self.orders_made), tick: 0, row: 0, time: now, ticket };
        self.know(order, names, Cause::Owner);
        self.books.sent(&order);
        self.exchange.submit(order, now);
        self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        Ok(order.id)
    }

    fn know(
        &mut self,
        order: Order,
        (client, stop): (Option<ClientId>, Option<AttachedStop>),
        cause: Cause,
    ) {
        let placed = Placed {
            client,
            ticket: order.ticket,
            filled: 0,
            state: OrderState::Working,
            cause,
            time: order.time,
            stop,
            refused: None,
        };
        self.orders.insert(order.id, placed);
        self.open.insert(order.id);
        if let Some(client) = client {
            self.names.insert(client, order.id);
        }
    }

    /// Takes back every order that is such.
    pub(super) fn cancel_where(
        &mut self,
        is: impl Fn(&Placed) -> bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let open = self.open.iter().filter_map(|id| Some((*id, self.orders.get(id)?)));
        let doomed: Vec<(OrderId, InstrumentId)> = open
            .filter(|(_, placed)| is(placed))
            .map(|(id, placed)| (id, placed.ticket.instrument))
            .collect();
        for (id, instrument) in doomed {
            self.exchange.cancel(id, instrument, now);
        }
        self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        self.listen(now)
    }

    /// What woke, would rest and cannot be paid is over: nobody looked at its money before.
    pub(super) fn end_unpayable(&mut self, now: Timestamp) -> Result<(), Error> {
        for (id, reason) in self.books.unpayable()? {
            let Some(placed) = self.orders.get_mut(&id) else { continue };
            placed.refused = Some(reason);
            self.exchange.cancel(id, placed.ticket.instrument, now);
            self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        }
        self.listen(now)
    }

    /// What the exchange did becomes what the venue knows and tells; stops whose entries are over
    /// become orders.
    pub(super) fn listen(&mut self, now: Timestamp) -> Result<(), Error> {
        loop {
            for update in std::mem::take(&mut self.books.updates) {
                self.follow(&update);
            }
            let Some((stop, ticket)) = self.released.pop() else { return Ok(()) };
            self.send(ticket, (Some(stop.client), None), now)?;
        }
    }

    /// An order is over: the stop that it brought is for what it traded, and for nothing else.
    fn release(&mut self, id: OrderId) {
        let Some(placed) = self.orders.get_mut(&id) else { return };
        let (ticket, filled) = (placed.ticket, placed.filled);
        if let Some(stop) = placed.stop.take().filter(|_| filled > 0) {
            let side = ticket.side.opposite();
            let ticket = Ticket {
                leg: ticket.leg,
                shortfall: Shortfall::Reduce,
                purpose: Purpose::StopLoss,
                ..Ticket::market(ticket.instrument, side, Quantity(filled))
            };
            let ticket = ticket.of(OrderKind::Stop { trigger: stop.trigger });
            self.released.push((stop, ticket.restricted(Restrictions::REDUCE_ONLY)));
        }
    }

    fn follow(&mut self, update: &Update) {
        let Some(placed) = self.orders.get_mut(&update.order) else { return };
        placed.time = update.time;
        match update.change {
            Change::Accepted if placed.is_conditional() => placed.state = OrderState::Waiting,
            Change::Accepted => placed.state = OrderState::Working,
            Change::Triggered => {
                placed.state = OrderState::Triggered;
                self.tell(update.order);
                if let Some(placed) = self.orders.get_mut(&update.order) {
                    placed.state = OrderState::Working;
                    placed.ticket.kind = placed.ticket.kind.awake();
                }
                return;
            }
            Change::Filled(fill) => {
                placed.filled = placed.filled.saturating_add(fill.quantity.0);
                let whole = placed.filled >= placed.ticket.quantity.0;
                placed.state = if whole { OrderState::Filled } else { OrderState::Working };
                self.tell(update.order);
                self.trade(update.order, &fill);
                if whole {
                    self.end(update.order);
                }
                return;
            }
            Change::Amended { quantity } => placed.ticket.quantity = quantity,
            Change::Unchanged { why } => {
                placed.refused = Some(why);
                return;
            }
            Change::Ended { why, .. } => {
                placed.state = match why {
                    Ending::Cancelled if placed.refused.is_some() => OrderState::Expired,
                    Ending::Cancelled => OrderState::Cancelled,
                    Ending::Expired => OrderState::Expired,
                    Ending::Refused(_) => OrderState::Rejected,
                };
                if let Ending::Refused(reason) = why {
                    placed.refused = Some(reason);
                }
                self.end(update.order);
            }
        }
        self.tell(update.order);
    }

    /// An order that was refused on arrival: nobody will ask for it.
    pub(super) fn forget(&mut self, id: OrderId, client: ClientId) {
        self.orders.remove(&id);
        self.names.remove(&client);
        self.open.remove(&id);
        self.over.retain(|over| *over != id);
    }

    fn end(&mut self, id: OrderId) {
        self.release(id);
        self.open.remove(&id);
        self.over.push_back(id);
        while self.over.len() > KEPT_MAX {
            let Some(oldest) = self.over.pop_front() else { break };
            if let Some(client) = self.orders.remove(&oldest).and_then(|placed| placed.client) {
                self.names.remove(&client);
            }
        }
    }

    fn trade(&mut self, id: OrderId, fill: &portfolio::Fill) {
        let Some(placed) = self.orders.get(&id) else { return };
        self.trades_made += 1;
        let currency = self.listings.get(fill.instrument.index()).map(|l| l.instrument.currency);
        let report = FillReport {
            trade: number(self.trades_made),
            client: placed.client,
            venue: Some(number(id.0)),
            instrument: fill.instrument,
            side: fill.side,
            leg: fill.leg,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            fee_currency: currency,
            liquidity: fill.liquidity,
            cause: placed.cause,
            time: fill.time,
        };
        self.fills.push_back(report);
        if self.fills.len() > KEPT_MAX {
            self.fills.pop_front();
        }
        self.words.push(Word::Fill(report));
    }

    fn tell(&mut self, id: OrderId) {
        if let Some(report) = self.report(id) {
            self.words.push(Word::Order(report));
        }
    }

    /// An order as the venue shows it.
    pub(super) fn report(&self, id: OrderId) -> Option<OrderReport> {
        let placed = self.orders.get(&id)?;
        Some(OrderReport {
            client: placed.client,
            venue: Some(number(id.0)),
            instrument: placed.ticket.instrument,
            side: placed.ticket.side,
            leg: placed.ticket.leg,
            kind: placed.ticket.kind,
            restrictions: placed.ticket.restrictions,
            quantity: placed.ticket.quantity,
            filled: Some(Quantity(placed.filled)),
            state: placed.state,
            cause: placed.cause,
            time: placed.time,
        })
    }
}

impl Placed {
    /// Whether it waits for a trigger.
    pub(super) const fn is_conditional(&self) -> bool {
        !matches!(self.ticket.kind, OrderKind::Market | OrderKind::Limit { .. })
            && !matches!(self.ticket.purpose, Purpose::Liquidation)
    }
}

/// A number as the venue writes it.
pub(super) fn number(number: u64) -> VenueId {
    number.to_string().parse().expect("digits are plain, and twenty at most")
}

/// The number of an order, read back.
pub(super) fn read_number(name: &TradeId) -> Option<u64> {
    name.as_str().parse().ok()
}
