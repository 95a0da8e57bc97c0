//! The blotter: every order of a run with what became of it, read off the log.

use crate::{
    Action,
    order::{Change, Ending, Order, OrderId, Reason, Refusal},
    risk,
    ticks::{Block, Damaged, Entry},
};
use market::{Money, Quantity, Timestamp};
use portfolio::Fill;

/// What a run did, in the order in which it was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blotter {
    /// Every order, in the order of its number.
    pub orders: Vec<OrderRecord>,
    /// Every execution, with its tick.
    pub fills: Vec<(u64, Fill)>,
    /// Everything that was refused, with its tick: by the gate, by the venue, or before it became
    /// an order.
    pub refusals: Vec<(u64, Refusal)>,
    /// Every change of the gate's state, with its tick.
    pub states: Vec<(u64, risk::State)>,
    /// The latest tick.
    tick: u64,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// What was sent.
    pub order: Order,
    /// How much of it traded.
    pub filled: Quantity,
    /// Σ price × quantity of what traded.
    pub notional: Money,
    /// Σ fees of what traded.
    pub fees: Money,
    /// The latest that is known of it.
    pub state: OrderState,
    /// When it was filled whole or ended otherwise.
    pub ended: Option<Timestamp>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// It is out.
    Working,
    /// All of it traded.
    Filled,
    /// What was left was taken back.
    Cancelled,
    /// What was left ran out of time.
    Expired,
    /// What was left was refused.
    Refused(Reason),
}

impl OrderState {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refused(_) => "refused",
        }
    }
}

impl Blotter {
    /// Of a run's blocks, all of them, in order.
    pub fn of(blocks: &[Block]) -> Result<Self, Damaged> {
        let mut blotter = Self::default();
        blocks.iter().try_for_each(|block| blotter.add(block))?;
        Ok(blotter)
    }

    /// One more block.
    pub fn add(&mut self, block: &Block) -> Result<(), Damaged> {
        for entry in block.entries() {
            let entry = entry?;
            self.tick += entry.ticks();
            self.take(self.tick, &entry);
        }
        Ok(())
    }

    /// The first orders of which nothing more will be heard.
    #[must_use]
    pub fn ended(&self) -> &[OrderRecord] {
        let open = |record: &OrderRecord| record.state == OrderState::Working;
        let count = self.orders.iter().position(open).unwrap_or(self.orders.len());
        self.orders.get(..count).unwrap_or(&[])
    }

    /// Forgets those, and every fill, refusal and change of state: a run of any length is told in
    /// the memory of what is open.
    pub fn forget(&mut self) {
        let count = self.ended().len();
        self.orders.drain(..count);
        self.fills.clear();
        self.refusals.clear();
        self.states.clear();
    }

    fn take(&mut self, tick: u64, entry: &Entry) {
        match entry {
            Entry::Action(Action::Submit(order)) | Entry::Adopted(order) => {
                self.orders.push(OrderRecord {
                    order: *order,
                    filled: Quantity::ZERO,
                    notional: Money::ZERO,
                    fees: Money::ZERO,
                    state: OrderState::Working,
                    ended: None,
                });
            }
            Entry::Action(Action::State(state)) => self.states.push((tick, *state)),
            Entry::Refusal(refusal) => self.refusals.push((tick, *refusal)),
            Entry::Update(update) => {
                if let Change::Filled(fill) = update.change {
                    self.fills.push((tick, fill));
                }
                if let Some(record) = self.find(update.order) {
                    record.follow(&update.change, update.time);
                }
            }
            _ => {}
        }
    }

    /// An order by its number.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&OrderRecord> {
        let place = self.orders.binary_search_by_key(&id, |record| record.order.id).ok()?;
        self.orders.get(place)
    }

    /// Orders are numbered as they are sent, from 1.
    fn find(&mut self, id: OrderId) -> Option<&mut OrderRecord> {
        let place = self.orders.binary_search_by_key(&id, |record| record.order.id).ok()?;
        self.orders.get_mut(place)
    }
}

impl OrderRecord {
    fn follow(&mut self, change: &Change, time: Timestamp) {
        match *change {
            Change::Filled(fill) => {
                self.filled = Quantity(self.filled.0.saturating_add(fill.quantity.0));
                self.notional = Money(self.notional.0.saturating_add(fill.notional.0));
                self.fees = Money(self.fees.0.saturating_add(fill.fee.0));
                if self.filled >= self.order.ticket.quantity {
                    (self.state, self.ended) = (OrderState::Filled, Some(time));
                }
            }
            Change::Amended { quantity } => self.order.ticket.quantity = quantity,
            Change::Ended { why, .. } => {
                self.state = match why {
                    Ending::Cancelled => OrderState::Cancelled,
                    Ending::Expired => OrderState::Expired,
                    Ending::Refused(reason) => OrderState::Refused(reason),
                };
                self.ended = Some(time);
            }
            Change::Accepted | Change::Triggered | Change::Unchanged { .. } => {}
        }
    }
}
