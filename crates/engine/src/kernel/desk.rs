//! What a trader sees, and the only way to an order.

use super::{
    Action, TimerId,
    guard::Guard,
    plans::Running,
    working::{Book, Working, book},
};
use crate::{
    Error,
    order::{Amendment, GroupId, Order, OrderId, Reason, Refusal, Ticket},
    risk::Gate,
    ticks::Log,
};
use market::{Money, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Ledger};

/// The kernel's state, as a trader may read it, and the door through which its orders go.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) ledger: Ledger,
    pub(super) books: Vec<Book>,
    pub(super) now: Timestamp,
    pub(super) row: u32,
    pub(super) stamp: Timestamp,
    pub(super) tick: u64,
    pub(super) log: Log,
    pub(super) out: Vec<Action>,
    pub(super) guard: Guard,
    pub(super) plans: Vec<Running>,
    pub(super) plans_begun: u64,
    pub(super) refusals: Refusals,
    orders: u64,
    groups: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    pub(super) kept: Vec<Refusal>,
    pub(super) count: u64,
}

/// Refusals that are kept; the rest is only counted. A strategy without cash is refused anew at
/// every bar.
const REFUSALS_KEPT: usize = 1000;

impl Desk {
    pub(super) fn new(ledger: Ledger, instruments: usize, log: Log) -> Self {
        Self {
            ledger,
            books: vec![Book::default(); instruments],
            now: Timestamp::from_nanos(i64::MIN),
            row: 0,
            stamp: Timestamp::from_nanos(i64::MIN),
            tick: 0,
            log,
            out: Vec::new(),
            guard: Guard::new(Gate::open()),
            plans: Vec::new(),
            plans_begun: 0,
            refusals: Refusals::default(),
            orders: 0,
            groups: 0,
        }
    }

    /// The time of the event that is being handled.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The latest row of the calendar.
    #[must_use]
    pub const fn row(&self) -> u32 {
        self.row
    }

    /// What the latest row that was told is stamped with.
    #[must_use]
    pub const fn stamp(&self) -> Timestamp {
        self.stamp
    }

    /// Events handled so far, the present one included.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Cash, positions and their prices.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many instruments there are.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.books.len()
    }

    /// Bars of an instrument that have closed so far.
    #[must_use]
    pub fn bars(&self, id: InstrumentId) -> usize {
        self.books.get(id.index()).map_or(0, |book| book.bars)
    }

    /// Lots held once all working orders are through; negative is short.
    #[inline]
    #[must_use]
    pub fn intended(&self, id: InstrumentId) -> i64 {
        let pending = self.books.get(id.index()).map_or(0, |book| book.pending);
        self.ledger.position(id).lots.saturating_add(pending)
    }

    /// Orders of an instrument that are out, in the order in which they were sent.
    #[must_use]
    pub fn working(&self, id: InstrumentId) -> &[Working] {
        self.books.get(id.index()).map_or(&[], Book::working)
    }

    /// Orders submitted so far.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.orders
    }

    /// The first thousand refusals, and how many there were.
    #[must_use]
    pub fn refusals(&self) -> (&[Refusal], u64) {
        (&self.refusals.kept, self.refusals.count)
    }

    /// A group of its own for orders of which one cancels the others.
    pub const fn group(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups)
    }

    /// Sends an order, unless it is refused here; from now on its lots count as intended. The gate
    /// may cut it to what closes a position.
    pub fn submit(&mut self, ticket: Ticket) -> Result<Option<OrderId>, Error> {
        if ticket.quantity == Quantity::ZERO {
            self.pass_over(ticket.instrument, ticket.side, Reason::LessThanALot);
            return Ok(None);
        }
        let Some(ticket) = self.pass(ticket)? else { return Ok(None) };
        let order = self.next(ticket, self.now);
        self.witness_number(order.id);
        self.adopt(&order);
        self.act(Action::Submit(order));
        Ok(Some(order.id))
    }

    /// A ticket with the next number, not yet in the books.
    pub(super) fn next(&self, ticket: Ticket, time: Timestamp) -> Order {
        let id = OrderId(self.orders + 1);
        Order { id, tick: self.tick, row: self.row, time, ticket }
    }

    /// Takes an order into the books.
    pub(super) fn adopt(&mut self, order: &Order) {
        self.orders = self.orders.max(order.id.0);
        if let Some(book) = book(&mut self.books, order.ticket.instrument) {
            book.add(*order);
        }
    }

    /// Asks for an order back; it may trade before the venue hears of it.
    pub fn cancel(&mut self, id: OrderId, instrument: InstrumentId) {
        if self.books.get(instrument.index()).is_some_and(|book| book.find(id).is_some()) {
            self.act(Action::Cancel(id, instrument));
        }
    }

    /// Asks for a change of an order.
    pub fn amend(&mut self, id: OrderId, instrument: InstrumentId, change: Amendment) {
        if self.books.get(instrument.index()).is_some_and(|book| book.find(id).is_some()) {
            self.act(Action::Amend(id, instrument, change));
        }
    }

    /// Asks to be called at a time.
    pub fn set_timer(&mut self, timer: TimerId, at: Timestamp) {
        self.act(Action::Timer(timer, at));
    }

    /// Notes a wish down that does not even become an order.
    pub fn pass_over(&mut self, instrument: InstrumentId, side: Side, reason: Reason) {
        let (order, quantity) = (None, Quantity::ZERO);
        let (row, time) = (self.row, self.now);
        self.record(Refusal { order, row, time, instrument, side, quantity, reason });
    }

    pub(super) fn record(&mut self, refusal: Refusal) {
        self.log.refusal(&refusal);
        self.refusals.count += 1;
        if self.refusals.kept.len() < REFUSALS_KEPT {
            self.refusals.kept.push(refusal);
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        self.log.action(&action);
        self.out.push(action);
    }

    /// Cash and positions, without their prices: what a block of ticks commits to.
    pub(super) fn close_block(&mut self) {
        let ids = (0..).map(InstrumentId).take(self.books.len());
        let held = ids.map(|id| (id, self.ledger.position(id))).filter(|(_, p)| p.lots != 0);
        let working = self.books.iter().map(|book| book.working().len() as u64).sum();
        let cash: Money = self.ledger.cash();
        self.log.close((cash, self.ledger.fees(), working), held);
    }
}
