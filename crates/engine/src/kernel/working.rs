//! Orders that are out, as the kernel knows them.

use super::guard::Trip;
use crate::order::{Change, Order, OrderId, Update};
use market::{Price, Quantity, Timestamp};
use portfolio::InstrumentId;

/// An order that is out, and how much of it is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Working {
    /// What was sent.
    pub order: Order,
    /// What has not traded yet.
    pub open: Quantity,
    /// Whether the venue has confirmed it.
    pub accepted: bool,
}

/// What the kernel knows of an instrument beside its position.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    /// Lots that working orders will add, signed.
    pub(super) pending: i64,
    /// Bars closed so far.
    pub(super) bars: usize,
    /// The latest best bid and ask.
    pub(super) quote: Option<(Price, Price)>,
    /// When the latest price was heard.
    pub(super) heard: Timestamp,
    /// Positions since they left nothing, where the gate wants to hear of them.
    pub(super) trips: Vec<Trip>,
    working: Vec<Working>,
}

impl Book {
    /// A new order is out.
    pub(super) fn add(&mut self, order: Order) {
        self.pending = self.pending.saturating_add(signed(&order, order.ticket.quantity));
        self.working.push(Working { order, open: order.ticket.quantity, accepted: false });
    }

    /// Follows an update; gives back the order it is about, unless the kernel does not know it.
    pub(super) fn follow(&mut self, update: &Update) -> Option<Order> {
        let place = self.working.iter().position(|w| w.order.id == update.order)?;
        let working = self.working.get_mut(place)?;
        let (order, before) = (working.order, working.open);
        match update.change {
            Change::Accepted | Change::Triggered => working.accepted = true,
            Change::Filled(fill) => {
                working.open = Quantity(working.open.0.saturating_sub(fill.quantity.0));
            }
            Change::Amended { quantity } => {
                let traded = working.order.ticket.quantity.0.saturating_sub(working.open.0);
                working.open = Quantity(quantity.0.saturating_sub(traded));
                working.order.ticket.quantity = quantity;
            }
            Change::Ended { .. } => working.open = Quantity::ZERO,
            Change::Unchanged { .. } => {}
        }
        let (open, gone) = (working.open, signed(&order, before));
        if open == Quantity::ZERO {
            self.working.remove(place);
        }
        self.pending = self.pending.saturating_sub(gone).saturating_add(signed(&order, open));
        Some(order)
    }

    /// Orders that are out, in the order in which they were sent.
    pub(super) fn working(&self) -> &[Working] {
        &self.working
    }

    /// One of them.
    pub(super) fn find(&self, id: OrderId) -> Option<&Working> {
        self.working.iter().find(|w| w.order.id == id)
    }
}

fn signed(order: &Order, quantity: Quantity) -> i64 {
    let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
    order.ticket.side.sign().saturating_mul(lots)
}

/// Where an instrument's book lies.
pub(super) fn book(books: &mut [Book], id: InstrumentId) -> Option<&mut Book> {
    books.get_mut(id.index())
}
