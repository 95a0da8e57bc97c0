//! Who decides in the simulated world: wants so many lots at a time, never more than a bound.

use super::Paid;
use crate::{
    Data, Desk, Error, MarketEvent, Trader,
    exchange::random::SplitMix64,
    order::{Amendment, OrderKind, Purpose, Restrictions, Ticket, TimeInForce},
};
use market::{Price, Quantity, Side};
use portfolio::InstrumentId;

/// Lots that it ever wants of an instrument.
pub(super) const LOTS_MAX: i64 = 10;

/// Wants a number of lots, and asks for what is missing; every so often it wants another number.
#[derive(Debug, Clone)]
pub(super) struct Wanting {
    dice: SplitMix64,
    wanted: Vec<i64>,
    paid: Paid,
}

impl Wanting {
    pub(super) fn new(seed: u64, instruments: usize, paid: Paid) -> Self {
        Self { dice: SplitMix64::new(seed), wanted: vec![0; instruments], paid }
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.dice.up_to(many - 1) == 0
    }

    /// What is missing, as one order that never turns a position round.
    fn ticket(&mut self, id: InstrumentId, price: (Price, Price), desk: &Desk) -> Option<Ticket> {
        let wanted = self.wanted.get(id.index()).copied()?;
        let held = desk.ledger().position(id).lots;
        let missing = wanted - desk.intended(id);
        if missing == 0 {
            return None;
        }
        let side = if missing > 0 { Side::Buy } else { Side::Sell };
        let shrinks = held.signum() * missing.signum() < 0;
        let lots = if shrinks { missing.abs().min(held.abs()) } else { missing.abs() };
        let ticket = Ticket::market(id, side, Quantity(lots.unsigned_abs()));
        let ticket = if shrinks {
            let exit = Ticket { purpose: Purpose::Exit, ..ticket };
            match self.paid {
                Paid::OnMargin => exit.restricted(Restrictions::REDUCE_ONLY),
                Paid::InFull(_) => exit,
            }
        } else {
            ticket
        };
        let (bid, ask) = price;
        let near = if side == Side::Buy { bid } else { ask };
        let step = i64::try_from(self.dice.up_to(6)).unwrap_or(0) - 2;
        let price = Price((near.0 - side.sign() * step).max(2));
        Some(match self.dice.up_to(5) {
            0..=2 => ticket,
            3 => ticket.of(OrderKind::Limit { price }),
            4 => ticket.of(OrderKind::Limit { price }).lasting(TimeInForce::ImmediateOrCancel),
            _ => {
                let trigger = Price(near.0 + side.sign() * 6);
                ticket.of(OrderKind::Stop { trigger })
            }
        })
    }
}

impl Trader for Wanting {
    fn on_market(&mut self, event: &MarketEvent, desk: &mut Desk) -> Result<(), Error> {
        let (Data::Quote(quote), id) = (event.data, event.instrument) else { return Ok(()) };
        if self.one_in(4) {
            let most = u64::try_from(2 * LOTS_MAX).unwrap_or(0);
            let wanted = i64::try_from(self.dice.up_to(most)).unwrap_or(0) - LOTS_MAX;
            if let Some(place) = self.wanted.get_mut(id.index()) {
                let wanted = if self.paid == Paid::OnMargin { wanted } else { wanted.max(0) };
                *place = if wanted.abs() < 4 { 0 } else { wanted };
            }
        }
        // One order at a time: what is wanted next is known once that one is through.
        if let Some(working) = desk.working(id).first().copied() {
            let order = working.order;
            if self.one_in(3) {
                desk.cancel(order.id, id);
            } else if self.one_in(3) && matches!(order.ticket.kind, OrderKind::Limit { .. }) {
                let near = if order.ticket.side == Side::Buy { quote.bid } else { quote.ask };
                desk.amend(order.id, id, Amendment { price: Some(near), ..Default::default() });
            }
            return Ok(());
        }
        if let Some(ticket) = self.ticket(id, (quote.bid, quote.ask), desk) {
            desk.submit(ticket)?;
        }
        Ok(())
    }
}
