//! The kernel and its custodian, wired to one another: what a bot runs, and what the simulation kills.

use super::{
    Answer, CallId, ClientId, Custodian, Effect, Epoch, Examined, FillReport, FundingReport, Kill,
    Link, Permit, Terms, Word,
    custodian::{Journalling, Tidings, Told, Writing},
    memory::MemoryError,
    stock::Stock,
};
use crate::{
    Action, Checked, Engine, Error, Event, TimerId, Trader,
    order::{Change, Order, OrderId, Purpose, Shortfall, Ticket, TimeInForce, Update},
};
use market::{Money, Price, Quantity, Side, Timestamp};
use portfolio::{CashFlow, Fill, InstrumentId, Leg, Liquidity};
use std::collections::{BTreeMap, BTreeSet};

/// Rounds of answers at one moment.
const ROUNDS_MAX: usize = 10_000;

/// What a former life left in its journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The state that the journal begins with, if it does.
    pub snapshot: Option<Vec<u8>>,
    /// What was written after it.
    pub records: Vec<Vec<u8>>,
    /// Whether that is all that was written.
    pub tail: Tail,
}

/// Whether a journal has all that was written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tail {
    /// It has: the process ended, the machine did not.
    #[default]
    Whole,
    /// The machine lost power or was restored: what was written last may be missing, and requests of
    /// the former life may still arrive. Nothing is opened until the venue would have dropped them.
    Doubtful,
}

/// One account at one venue, run by one trader; without I/O.
///
/// Every method takes the time and appends to the effects, which [`Session::effects`] hands out in
/// the order in which they have to be carried out.
#[derive(Debug)]
pub struct Session<T> {
    engine: Engine<T>,
    custodian: Custodian,
    /// What the kernel has to call an order until it has said so itself.
    numbers: BTreeMap<ClientId, OrderId>,
    timers: BTreeSet<(Timestamp, u64, TimerId)>,
    timers_set: u64,
    actions: Vec<Action>,
    fills: Vec<Fill>,
}

impl<T: Trader> Session<T> {
    /// A life that begins with what the former ones left. The kernel must be a new one; its ledger is
    /// given the positions at their average price before anything else happens.
    ///
    /// The first effect is the life's own record, which must be durable before anything is sent.
    pub fn begin(
        engine: Engine<T>,
        terms: Terms,
        epoch: Epoch,
        past: &Past,
        now: Timestamp,
    ) -> Result<Self, BeginError> {
        let left = (past.snapshot.as_deref(), past.records.as_slice());
        let mut custodian = Custodian::restored(terms, epoch, left, now)?;
        if past.tail == Tail::Doubtful {
            custodian.hold_entries(now);
        }
        let mut session = Self {
            engine,
            custodian,
            numbers: BTreeMap::new(),
            timers: BTreeSet::new(),
            timers_set: 0,
            actions: Vec::new(),
            fills: Vec::new(),
        };
        let held = session.custodian.introduce(now);
        for (instrument, leg, stock) in held {
            session.introduce((instrument, leg), stock, now)?;
        }
        session.carry(now)?;
        Ok(session)
    }

    /// The weak twin that the simulation compares with: intents are not written down.
    pub(crate) fn forget_intents(&mut self) {
        self.custodian.journalling = Journalling::Off;
    }

    /// A position of a former life, as one trade at its average price.
    fn introduce(
        &mut self,
        (instrument, leg): (InstrumentId, Leg),
        stock: Stock,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(price) = stock.entry() else { return Ok(()) };
        let side = if stock.lots > 0 { Side::Buy } else { Side::Sell };
        let quantity = Quantity(stock.lots.unsigned_abs());
        let ticket = Ticket {
            leg,
            shortfall: Shortfall::Reduce,
            tif: TimeInForce::ImmediateOrCancel,
            ..Ticket::market(instrument, side, quantity)
        };
        let order = self.number(ticket, now);
        self.engine.handle(&Event::Adopt(&order), now, &mut self.actions)?;
        let fill = FillReport {
            trade: order_name(&order),
            client: None,
            venue: None,
            instrument,
            side,
            leg,
            price,
            quantity,
            fee: Money::ZERO,
            fee_currency: None,
            liquidity: Liquidity::Taker,
            cause: super::Cause::Owner,
            time: now,
        };
        self.fill(&order, &fill, now)
    }

    fn number(&self, ticket: Ticket, time: Timestamp) -> Order {
        let desk = self.engine.desk();
        let (tick, row) = (desk.tick(), desk.row());
        Order { id: OrderId(desk.orders() + 1), tick, row, time, ticket }
    }

    /// The market told something, or a row is complete.
    pub fn market(&mut self, event: &Event<'_>, now: Timestamp) -> Result<(), Error> {
        match event {
            Event::Market(told, _) => {
                if let Some(price) = price_of(told) {
                    self.custodian.mark(told.instrument, price);
                }
            }
            Event::Row(row) => {
                for (id, price) in row.closes {
                    self.custodian.mark(*id, *price);
                }
            }
            _ => {}
        }
        self.custodian.look_at_exits(now);
        self.engine.handle(event, now, &mut self.actions)?;
        self.carry(now)
    }

    /// The private stream told something.
    pub fn word(&mut self, word: &Word, now: Timestamp) -> Result<(), Error> {
        self.custodian.heard(word, now);
        self.carry(now)
    }

    /// What came of a call.
    pub fn answer(&mut self, id: CallId, answer: &Answer, now: Timestamp) -> Result<(), Error> {
        self.custodian.answered(id, answer, now);
        self.carry(now)
    }

    /// The private stream is there, or is not.
    pub fn link(&mut self, link: Link, now: Timestamp) -> Result<(), Error> {
        self.custodian.linked(link, now);
        self.tick(now)
    }

    /// Time has passed: see [`Session::deadline`].
    pub fn tick(&mut self, now: Timestamp) -> Result<(), Error> {
        self.custodian.compare_if_due(now);
        self.custodian.ask_what_is_due(now);
        self.custodian.retry_stops(now);
        self.custodian.beat(now);
        self.custodian.settle(now);
        while let Some(due) = self.timers.first().copied().filter(|(at, ..)| *at <= now) {
            self.timers.remove(&due);
            self.engine.handle(&Event::Timer(due.2), now, &mut self.actions)?;
        }
        self.carry(now)
    }

    /// Pulls the kill switch; the kernel's gate follows.
    pub fn kill(&mut self, level: Kill, now: Timestamp) -> Result<(), Error> {
        self.custodian.pull(level, now);
        if level > Kill::Off {
            let halt = Event::Command(crate::Command::Gate(crate::risk::State::Halted));
            self.engine.handle(&halt, now, &mut self.actions)?;
        }
        self.carry(now)
    }

    /// Lets the kill switch go, by an owner at the machine.
    pub fn release(&mut self, now: Timestamp) -> Result<(), Error> {
        self.custodian.release(now);
        let normal = Event::Command(crate::Command::Gate(crate::risk::State::Normal));
        self.engine.handle(&normal, now, &mut self.actions)?;
        self.carry(now)
    }

    /// Whether what is written down stays written down. While it does not (a full disk), nothing is
    /// opened; exits, stops and close-all go out all the same, under names that the venue will give
    /// back.
    pub fn writing(&mut self, writing: Writing) {
        self.custodian.writing = writing;
    }

    /// Whether risk may be opened from now on.
    pub fn permit(&mut self, permit: Permit) {
        self.custodian.set_permit(permit);
    }

    /// What has to be done, in this order; from now on it counts as done.
    pub fn effects(&mut self) -> std::vec::Drain<'_, Effect> {
        self.custodian.effects.drain(..)
    }

    /// Executions since this was last asked.
    pub fn fills(&mut self) -> std::vec::Drain<'_, Fill> {
        self.fills.drain(..)
    }

    /// When to call [`Session::tick`] if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|(at, ..)| *at);
        [timer, self.custodian.deadline()].into_iter().flatten().min()
    }

    /// The kernel's state.
    #[must_use]
    pub const fn engine(&self) -> &Engine<T> {
        &self.engine
    }

    /// The kernel's log of ticks.
    pub fn engine_mut(&mut self) -> &mut Engine<T> {
        &mut self.engine
    }

    /// The state of the orders.
    #[must_use]
    pub const fn custodian(&self) -> &Custodian {
        &self.custodian
    }

    /// From now on what orders are held against is kept for [`Session::take_witnessed`]; nothing that
    /// is decided changes by it.
    pub fn witness(&mut self) {
        self.engine.witness();
        self.custodian.examined.get_or_insert_default();
    }

    /// Every order that came to the gate, and to the keeper of orders, since this was last asked.
    pub fn take_witnessed(&mut self) -> (Vec<Checked>, Vec<Examined>) {
        (self.engine.take_witnessed(), self.custodian.take_examined())
    }

    /// Carries what the kernel asks to the custodian, and its tidings back, until both are quiet.
    fn carry(&mut self, now: Timestamp) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            self.engine.take_actions(&mut self.actions);
            let mut actions = std::mem::take(&mut self.actions);
            for action in actions.drain(..) {
                if let Action::Timer(timer, at) = action {
                    self.timers_set += 1;
                    self.timers.insert((at, self.timers_set, timer));
                }
                self.custodian.act(&action, now);
            }
            self.actions = actions;
            while let Some(paid) = self.custodian.flows.pop_front() {
                let FundingReport { instrument, leg, amount, currency, .. } = paid;
                let (instrument, flow) = (Some(instrument), portfolio::Flow::Booked);
                let flow = CashFlow { instrument, leg, currency, amount, flow };
                self.engine.handle(&Event::Booked(&flow), now, &mut self.actions)?;
            }
            let Some(told) = self.custodian.told.pop_front() else { return Ok(()) };
            self.deliver(&told, now)?;
        }
        Err(Error::Endless { tick: self.engine.desk().tick(), rounds: ROUNDS_MAX })
    }

    fn deliver(&mut self, told: &Told, now: Timestamp) -> Result<(), Error> {
        let known = (told.order.id.0 != 0).then_some(told.order.id);
        let known = known.or_else(|| self.numbers.get(&told.client).copied());
        let order = match (known, told.what) {
            (Some(id), _) => Order { id, ..told.order },
            (None, Tidings::Adopt) => {
                let order = self.number(told.order.ticket, told.order.time);
                self.numbers.insert(told.client, order.id);
                self.custodian.numbered(told.client, order);
                self.engine.handle(&Event::Adopt(&order), now, &mut self.actions)?;
                return Ok(());
            }
            (None, _) => return Ok(()),
        };
        let instrument = order.ticket.instrument;
        let change = match told.what {
            Tidings::Adopt => return Ok(()),
            Tidings::Fill(fill) => return self.fill(&order, &fill, now),
            Tidings::Accepted => Change::Accepted,
            Tidings::Triggered => Change::Triggered,
            Tidings::Amended(quantity) => Change::Amended { quantity },
            Tidings::Unchanged(why) => Change::Unchanged { why },
            Tidings::Ended(rest, why) => Change::Ended { rest, why },
        };
        if matches!(change, Change::Ended { .. }) {
            self.numbers.remove(&told.client);
        }
        self.update(order.id, instrument, (told.time, change), now)
    }

    fn update(
        &mut self,
        order: OrderId,
        instrument: InstrumentId,
        (time, change): (Timestamp, Change),
        now: Timestamp,
    ) -> Result<(), Error> {
        let update = Update { order, instrument, time, change };
        self.engine.handle(&Event::Update(&update), now, &mut self.actions)
    }

    /// A trade, as the ledger counts it. A fee in the coin that was bought is a second trade: so
    /// much of it was sold, and what that brought was taken as the fee.
    fn fill(&mut self, order: &Order, told: &FillReport, now: Timestamp) -> Result<(), Error> {
        self.trade(order, told, now)?;
        let Some(paid) = self.custodian.paid_in_kind(told) else { return Ok(()) };
        let ticket = Ticket {
            leg: paid.leg,
            purpose: Purpose::Exit,
            shortfall: Shortfall::Reduce,
            tif: TimeInForce::ImmediateOrCancel,
            ..Ticket::market(paid.instrument, paid.side, paid.quantity)
        };
        let sale = self.number(ticket, paid.time);
        self.engine.handle(&Event::Adopt(&sale), now, &mut self.actions)?;
        let worth = self.worth(&paid)?;
        let home = self.custodian.listing(paid.instrument).map(|one| one.instrument.currency);
        self.trade(&sale, &FillReport { fee: worth, fee_currency: home, ..paid }, now)
    }

    /// |price × lots|.
    fn worth(&self, told: &FillReport) -> Result<Money, Error> {
        let contract = self.engine.desk().ledger().contract(told.instrument);
        let lots = i64::try_from(told.quantity.0).unwrap_or(i64::MAX);
        let Some(contract) = contract else { return Ok(Money::ZERO) };
        Ok(contract.value(told.price, lots)?.magnitude()?)
    }

    fn trade(&mut self, order: &Order, told: &FillReport, now: Timestamp) -> Result<(), Error> {
        let id = told.instrument;
        let Some(listing) = self.custodian.listing(id) else { return Ok(()) };
        let home = told.fee_currency.is_none_or(|paid| paid == listing.instrument.currency);
        let fee = if home { told.fee } else { Money::ZERO };
        let fill = Fill {
            order: order.id.0,
            row: self.engine.desk().row(),
            time: told.time,
            instrument: id,
            side: told.side,
            quantity: told.quantity,
            price: told.price,
            notional: self.worth(told)?,
            fee,
            leg: told.leg,
            liquidity: told.liquidity,
        };
        self.fills.push(fill);
        self.update(order.id, id, (told.time, Change::Filled(fill)), now)
    }
}

/// The name of a trade that only stands for a position.
fn order_name(order: &Order) -> super::TradeId {
    format!("held-{}", order.id.0).parse().expect("short and plain")
}

/// Why a life cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// What the journal holds cannot be read.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The kernel cannot take the positions over.
    #[error(transparent)]
    Kernel(#[from] Error),
}

/// The price that an event leaves as the latest one.
fn price_of(event: &crate::MarketEvent) -> Option<Price> {
    use crate::Data;
    match event.data {
        Data::Quote(quote) => Some(Price(quote.bid.0.midpoint(quote.ask.0))),
        Data::Print(print) => Some(print.price),
        Data::Bar(bar, _) => Some(bar.close),
        _ => None,
    }
}
