//! Messages that reach the venue: new orders, amendments, cancels.

use super::{
    Capabilities, Desk,
    resting::{Place, Resting, Since, Stage},
    terms::Passed,
};
use crate::{
    Account, Error,
    order::{
        Amendment, Breach, Change, Ending, Limit, Order, OrderId, OrderKind, Reason, TimeInForce,
    },
};
use market::{Money, Price, Quantity, Side, Status};
use portfolio::Liquidity;

impl<A: Account> Desk<'_, A> {
    /// A new order. It is refused, trades at once, rests, or waits; or one after the other.
    pub(super) fn arrive(&mut self, order: &Order) -> Result<(), Error> {
        if self.place_of(order.id).is_some() {
            *self.load = self.load.saturating_sub(1);
            return self.tell(order.id, Change::Unchanged { why: duplicate(order.id) });
        }
        self.shared.arrivals += 1;
        let at = self.pit.orders.len();
        self.pit.orders.push(Resting::new(*order, self.shared.arrivals, self.at.time));
        if matches!(order.ticket.tif, TimeInForce::GoodTill(until) if until < self.at.time) {
            return self.end(at, Ending::Expired);
        }
        if let Some(reason) = self.refusal(order) {
            return self.refuse(at, reason);
        }
        if let Some(reason) = self.too_small(order)? {
            return self.refuse(at, reason);
        }
        let market = self.reference(order.ticket.side);
        if let Some(reason) = self.account.objection(order, market)? {
            return self.refuse(at, reason);
        }
        if order.ticket.kind.trigger().is_some() || self.start_trail(at) {
            match self.passed(at) {
                Some(reason) if self.refuses_passed(order) => return self.refuse(at, reason),
                Some(_) => self.wake(at)?,
                None => {}
            }
        }
        self.meet(at)?;
        if self.pit.order(at).is_some() {
            self.join(at);
            self.accept(at)?;
        }
        Ok(())
    }

    /// The venue closes a position by itself: at once, whatever the order rules say.
    pub(super) fn liquidate(&mut self, order: Order) -> Result<(), Error> {
        *self.load += 1;
        self.shared.arrivals += 1;
        let at = self.pit.orders.len();
        let resting = Resting::new(order, self.shared.arrivals, self.at.time);
        self.pit.orders.push(resting);
        let latest = self.account.ledger().latest(self.pit.id);
        match latest.filter(|_| self.shared.terms.model.reads_bars()) {
            Some(latest) => {
                let price = self.taken_at(resting.taker(), latest, self.pit.bar.volume);
                self.execute(at, price, u64::MAX, Liquidity::Taker)?;
            }
            None => self.meet(at)?,
        }
        self.accept(at)
    }

    /// Takes an order back.
    pub(super) fn cancel(&mut self, id: OrderId) -> Result<(), Error> {
        match self.place_of(id) {
            Some(at) => self.end(at, Ending::Cancelled),
            None => self.tell(id, Change::Unchanged { why: Reason::UnknownOrder }),
        }
    }

    /// Changes an order. It keeps its place only if nothing but a smaller size is asked; a new price
    /// meets the market as a new order does.
    pub(super) fn amend(&mut self, id: OrderId, change: Amendment) -> Result<(), Error> {
        let Some((at, old)) = self.place_of(id).and_then(|at| Some((at, *self.pit.order(at)?)))
        else {
            return self.tell(id, Change::Unchanged { why: Reason::UnknownOrder });
        };
        let Some(changed) = changed(&old, change) else {
            return self.tell(id, Change::Unchanged { why: Reason::Unsupported });
        };
        if changed.left == Quantity::ZERO {
            return self.end(at, Ending::Cancelled);
        }
        if let Some(why) = self.objection(&changed)? {
            return self.tell(id, Change::Unchanged { why });
        }
        let moves = change.price.is_some() || change.trigger.is_some() || changed.left > old.left;
        let at = if moves { self.move_back(at, changed) } else { self.replace(at, changed) };
        self.tell(id, Change::Amended { quantity: changed.order.ticket.quantity })?;
        if moves {
            if self.passed(at).is_some() {
                self.wake(at)?;
            }
            self.meet(at)?;
            self.join(at);
        }
        Ok(())
    }

    /// Where an order works.
    pub(super) fn place_of(&self, id: OrderId) -> Option<usize> {
        self.pit.orders.iter().position(|resting| resting.order.id == id && resting.is_live())
    }

    pub(super) fn replace(&mut self, at: usize, changed: Resting) -> usize {
        if let Some(resting) = self.pit.orders.get_mut(at) {
            *resting = changed;
            resting.queue.shown = resting.queue.shown.min(changed.left.0);
        }
        at
    }

    /// To the end of the line, as a new arrival.
    fn move_back(&mut self, at: usize, changed: Resting) -> usize {
        self.shared.arrivals += 1;
        self.pit.orders.remove(at);
        let (place, since, queue) = (self.shared.arrivals, Since::New, Place::default());
        self.pit.orders.push(Resting { place, since, queue, arrived: self.at.time, ..changed });
        self.pit.orders.len() - 1
    }

    /// Why an amended order would not do.
    fn objection(&mut self, changed: &Resting) -> Result<Option<Reason>, Error> {
        let order = &changed.order;
        if let Some(reason) = self.refusal(order) {
            return Ok(Some(reason));
        }
        if let Some(reason) = self.too_small(order)? {
            return Ok(Some(reason));
        }
        let market = self.reference(order.ticket.side);
        if let Some(reason) = self.account.objection(&changed.as_it_works(), market)? {
            return Ok(Some(reason));
        }
        if let Some(reason) = self.passed_by(changed)
            && self.refuses_passed(order)
        {
            return Ok(Some(reason));
        }
        if changed.posts_only() && changed.is_awake() {
            return Ok(self.would_take(changed));
        }
        Ok(None)
    }

    /// The venue's rules, in the order in which they are looked at.
    fn refusal(&self, order: &Order) -> Option<Reason> {
        let (ticket, listing) = (&order.ticket, &self.pit.listing);
        if self.pit.status == Status::Closed {
            return Some(Reason::NotTrading);
        }
        if !self.shared.terms.capabilities.has(Capabilities::of(ticket)) {
            return Some(Reason::Unsupported);
        }
        if !self.account.ledger().mode().has(ticket.leg) {
            return Some(Reason::Unsupported);
        }
        let from = match ticket.kind {
            OrderKind::Trailing { from, .. } => from,
            _ => None,
        };
        let prices = [ticket.kind.limit(), ticket.kind.trigger(), from];
        if let Some(price) = prices.into_iter().flatten().find(|price| !listing.admits(*price)) {
            return Some(Reason::OffTick { price, step: listing.price_step });
        }
        let size = ticket.quantity;
        if size == Quantity::ZERO {
            return Some(Reason::LessThanALot);
        }
        if order.reduces_only() {
            return None;
        }
        let (min, max, step) = (listing.size_min, listing.size_max, listing.size_step);
        if size < min || size > max || size.0 % step.max(1) != 0 {
            return Some(Reason::Size { size, min, max, step });
        }
        None
    }

    /// Whether the order is worth less than the venue takes, at its limit, its trigger or the
    /// market; an order without any of them is let through.
    fn too_small(&self, order: &Order) -> Result<Option<Reason>, Error> {
        let bound = self.pit.listing.notional_min;
        if bound <= Money::ZERO || order.reduces_only() {
            return Ok(None);
        }
        let kind = order.ticket.kind;
        let market = || self.reference(order.ticket.side);
        let Some(price) = kind.limit().or(kind.trigger()).or_else(market) else {
            return Ok(None);
        };
        let contract = super::cash::contract(order, self.account.ledger())?;
        let value = super::cash::value(contract, price, order.ticket.quantity.0)?;
        let value = Money(value.0.abs());
        Ok((value < bound).then_some(Reason::Notional { value, bound }))
    }

    /// The market as an order of this side meets it, as far as it is known.
    fn reference(&self, side: Side) -> Option<Price> {
        let touch = self.pit.touch(side.opposite(), self.shared.terms.model);
        touch.or(self.pit.last).or_else(|| self.account.ledger().latest(self.pit.id))
    }

    /// The prices that can wake an order now: the quote's and the last print's in tick models, the
    /// account's latest price in bar models.
    fn wakers(&self, side: Side) -> [Option<Price>; 2] {
        let terms = &self.shared.terms;
        if terms.model.reads_bars() {
            return [self.account.ledger().latest(self.pit.id), None];
        }
        let quote = self.pit.touch(side.opposite(), terms.model);
        let by_quote = quote.filter(|_| terms.triggers.by_quote());
        [by_quote, self.pit.last.filter(|_| terms.triggers.by_print())]
    }

    /// Whether the market has passed the order's trigger already.
    fn passed(&self, at: usize) -> Option<Reason> {
        self.passed_by(self.pit.order(at)?)
    }

    fn passed_by(&self, resting: &Resting) -> Option<Reason> {
        let listing = &self.pit.listing;
        let trigger = resting.trigger(listing)?;
        let market = self.wakers(resting.side()).into_iter().flatten();
        let market = market.into_iter().find(|price| resting.wakes_at(listing, *price))?;
        Some(Reason::WrongSide { trigger, market })
    }

    fn refuses_passed(&self, order: &Order) -> bool {
        match self.shared.terms.passed {
            Passed::Refuse => true,
            Passed::Trigger => false,
            Passed::RefuseEntries => !order.reduces_only(),
        }
    }

    /// A trailing stop follows from the market that it finds; whether the order is one.
    fn start_trail(&mut self, at: usize) -> bool {
        let Some(resting) = self.pit.order(at) else { return false };
        if !matches!(resting.order.ticket.kind, OrderKind::Trailing { .. }) {
            return false;
        }
        let found = self.wakers(resting.side());
        if let Some(resting) = self.pit.orders.get_mut(at) {
            found.into_iter().flatten().for_each(|price| resting.follow(price));
        }
        true
    }

    /// The instrument starts or stops to trade.
    pub(super) fn turn(&mut self, status: Status) -> Result<(), Error> {
        if status == Status::Closed {
            for at in 0..self.pit.orders.len() {
                self.end(at, Ending::Expired)?;
            }
        }
        Ok(())
    }
}

/// A second order of the same number: the first one stays as it is.
fn duplicate(id: OrderId) -> Reason {
    use crate::order::Amount::Count;
    Reason::Limit(Breach { limit: Limit::Duplicate, value: Count(id.0), bound: Count(0) })
}

/// The order as an amendment makes it; `None` if it asks for a price that the order does not have.
fn changed(old: &Resting, change: Amendment) -> Option<Resting> {
    let mut new = *old;
    if let Some(quantity) = change.quantity {
        new.left = Quantity(quantity.0.saturating_sub(old.filled().0));
        new.order.ticket.quantity = quantity;
    }
    if let Some(asked) = change.price {
        match &mut new.order.ticket.kind {
            OrderKind::Limit { price }
            | OrderKind::StopLimit { price, .. }
            | OrderKind::TouchedLimit { price, .. } => *price = asked,
            _ => return None,
        }
    }
    if let Some(asked) = change.trigger {
        match &mut new.order.ticket.kind {
            OrderKind::Stop { trigger }
            | OrderKind::StopLimit { trigger, .. }
            | OrderKind::Touched { trigger }
            | OrderKind::TouchedLimit { trigger, .. }
                if old.stage == Stage::Asleep =>
            {
                *trigger = asked;
            }
            _ => return None,
        }
    }
    Some(new)
}
