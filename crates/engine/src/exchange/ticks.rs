//! Tick models: what the market tells wakes, fills and moves the orders that wait.

use super::{
    Desk,
    price::through,
    resting::{Place, Resting},
    terms::{Feed, Model, Queue},
};
use crate::{Account, Data, Error, order::OrderKind};
use market::{Price, Print, Quote, Side, Status};
use portfolio::Liquidity;

impl<A: Account> Desk<'_, A> {
    /// One event of this instrument, while orders work.
    pub(super) fn on_tick(&mut self, data: &Data) -> Result<(), Error> {
        let model = self.shared.terms.model;
        match data {
            Data::Quote(_) if model == Model::Touch => {
                self.pit.record(data, model);
                self.quoted()
            }
            Data::Quote(quote) if model == Model::Book(Feed::Best) => {
                let shown = [Side::Buy, Side::Sell].map(|side| self.pit.book.best(side).copied());
                self.pit.record(data, model);
                self.advance_all(quote, shown.map(|best| best.map(|b| (b.price, b.size))));
                self.quoted()
            }
            Data::Depth(depth) if model == Model::Book(Feed::Depth) => {
                let before = self.pit.book.size_at(depth.side, depth.price);
                self.pit.record(data, model);
                self.advance((depth.side, depth.price), before, depth.size.0);
                self.quoted()
            }
            Data::Print(print) => {
                self.pit.record(data, model);
                self.printed(print)
            }
            Data::Status(status) => {
                self.pit.record(data, model);
                self.turn(*status)
            }
            Data::Split { numerator, denominator } => self.split(*numerator, *denominator),
            _ => Ok(()),
        }
    }

    /// The market shows other prices: sleeping orders first, then those that wait for a price.
    fn quoted(&mut self) -> Result<(), Error> {
        let model = self.shared.terms.model;
        if self.pit.status != Status::Trading || model.reads_bars() {
            return Ok(());
        }
        let touch = [Side::Buy, Side::Sell].map(|side| self.pit.touch(side, model));
        let [bid, ask] = touch;
        let taken = |side| if side == Side::Buy { ask } else { bid };
        if self.shared.terms.triggers.by_quote() {
            self.wake_all(taken)?;
        }
        for at in 0..self.pit.orders.len() {
            let Some(resting) = self.pit.order(at).filter(|order| order.is_awake()) else {
                continue;
            };
            match resting.limit() {
                None => self.meet(at)?,
                Some(limit) => {
                    let side = resting.side();
                    if taken(side).is_some_and(|price| through(side, price, limit)) {
                        self.crossed(at, limit)?;
                    }
                }
            }
        }
        if self.shared.terms.triggers.by_quote() {
            self.follow_all(taken);
        }
        Ok(())
    }

    /// A trade printed: resting orders first, for it came before whatever it wakes.
    fn printed(&mut self, print: &Print) -> Result<(), Error> {
        let model = self.shared.terms.model;
        if self.pit.status != Status::Trading || model.reads_bars() {
            return Ok(());
        }
        match model {
            Model::Book(_) => {
                self.share_print(print, Side::Buy)?;
                self.share_print(print, Side::Sell)?;
            }
            _ => self.print_through(print)?,
        }
        if self.shared.terms.triggers.by_print() {
            self.wake_all(|_| Some(print.price))?;
            self.follow_all(|_| Some(print.price));
        }
        Ok(())
    }

    /// Wakes what sleeps and is reached at the price for its side.
    fn wake_all(&mut self, price: impl Fn(Side) -> Option<Price>) -> Result<(), Error> {
        for at in 0..self.pit.orders.len() {
            let Some(resting) = self.pit.order(at) else { continue };
            let reached = |price| resting.wakes_at(&self.pit.listing, price);
            if price(resting.side()).is_some_and(reached) {
                self.wake(at)?;
                self.meet(at)?;
                self.join(at);
            }
        }
        Ok(())
    }

    fn follow_all(&mut self, price: impl Fn(Side) -> Option<Price>) {
        for resting in &mut self.pit.orders {
            if let Some(price) = price(resting.side())
                && resting.sense().is_some()
            {
                resting.follow(price);
            }
        }
    }

    /// The other side came through a resting limit: it traded at its own price, as far as what came
    /// through goes round.
    fn crossed(&mut self, at: usize, limit: Price) -> Result<(), Error> {
        if self.shared.terms.model == Model::Touch {
            return self.execute(at, limit, u64::MAX, Liquidity::Maker).map(|_| ());
        }
        let Some(side) = self.pit.order(at).map(Resting::side) else { return Ok(()) };
        for place in (0..self.pit.book.levels(side.opposite()).len()).rev() {
            let Some(level) = self.pit.book.level(side.opposite(), place) else { break };
            if !through(side, level.price, limit) || self.pit.order(at).is_none() {
                break;
            }
            let traded = self.execute(at, limit, level.free(), Liquidity::Maker)?;
            self.pit.book.take(side.opposite(), place, traded);
        }
        self.refill(at);
        Ok(())
    }

    /// `touch`: a print beyond a resting limit fills it whole.
    fn print_through(&mut self, print: &Print) -> Result<(), Error> {
        for at in 0..self.pit.orders.len() {
            let Some(resting) = self.pit.order(at).filter(|order| order.is_awake()) else {
                continue;
            };
            if let Some(limit) = resting.limit()
                && through(resting.side(), print.price, limit)
            {
                self.execute(at, limit, u64::MAX, Liquidity::Maker)?;
            }
        }
        Ok(())
    }

    /// `book`: a print is shared by our resting orders of one side, by price, then by arrival.
    fn share_print(&mut self, print: &Print, side: Side) -> Result<(), Error> {
        let mut queue = std::mem::take(&mut self.shared.queue);
        queue.clear();
        for (at, resting) in self.pit.orders.iter().enumerate() {
            let Some(limit) = resting.limit() else { continue };
            let hit = through(side, print.price, limit) || self.hits(print, side, limit);
            if resting.is_awake() && resting.side() == side && hit {
                queue.push((-side.sign().saturating_mul(limit.0), resting.place, at));
            }
        }
        queue.sort_unstable();
        let mut ours = 0;
        let mut done = Ok(());
        for (_, _, at) in &queue {
            match self.take_print(print, *at, ours) {
                Ok(traded) => ours += traded,
                Err(error) => done = Err(error),
            }
            if done.is_err() {
                break;
            }
        }
        self.shared.queue = queue;
        done
    }

    /// Whether a print at a resting order's own price was against its side of the book. Where the
    /// venue does not say who took, a print at the other side's best price was not.
    fn hits(&self, print: &Print, side: Side, limit: Price) -> bool {
        let told = print.aggressor.map(|aggressor| aggressor == side.opposite());
        print.price == limit
            && told.unwrap_or_else(|| {
                let other = self.pit.book.best(side.opposite());
                other.is_none_or(|level| through(side, print.price, level.price))
            })
    }

    /// One order's part of a print of which our better-placed orders took `ours` lots already.
    fn take_print(&mut self, print: &Print, at: usize, ours: u64) -> Result<u64, Error> {
        let Some(resting) = self.pit.orders.get_mut(at).filter(|order| order.is_live()) else {
            return Ok(0);
        };
        let Some(limit) = resting.limit() else { return Ok(0) };
        let rest = print.size.0.saturating_sub(ours);
        if through(resting.side(), print.price, limit) {
            let traded = self.execute(at, limit, rest, Liquidity::Maker)?;
            self.refill(at);
            return Ok(traded);
        }
        resting.queue.printed = resting.queue.printed.saturating_add(print.size.0);
        let Some(ahead) = resting.queue.ahead else { return Ok(0) };
        resting.queue.ahead = Some(ahead.saturating_sub(rest));
        let (reaches, shown) = (rest.saturating_sub(ahead), resting.queue.shown);
        let traded = self.execute(at, limit, reaches.min(shown), Liquidity::Maker)?;
        self.refill(at);
        Ok(traded)
    }

    /// An iceberg that traded what it showed shows the next part, at the end of the queue.
    fn refill(&mut self, at: usize) {
        if self.pit.order(at).is_some_and(|resting| resting.queue.shown == 0) {
            self.join(at);
        }
    }

    /// An order that rests in a book stands behind whatever is there.
    pub(super) fn join(&mut self, at: usize) {
        if !matches!(self.shared.terms.model, Model::Book(_)) {
            return;
        }
        let Some(resting) = self.pit.orders.get_mut(at).filter(|order| order.is_awake()) else {
            return;
        };
        if let OrderKind::Market = resting.order.ticket.kind {
            return;
        }
        let Some(limit) = resting.limit() else { return };
        let ahead = self.pit.book.size_at(resting.side(), limit);
        let display = resting.order.ticket.display.unwrap_or(resting.left);
        let shown = display.min(resting.left).0.max(1);
        resting.queue = Place { ahead, printed: 0, shown };
    }

    /// Quotes tell the best level of each side; what stood before at the same price is known.
    fn advance_all(&mut self, quote: &Quote, before: [Option<(Price, u64)>; 2]) {
        let quote = super::book::uncrossed(*quote);
        let shown = [(quote.bid, quote.bid_size.0), (quote.ask, quote.ask_size.0)];
        for at in 0..self.pit.orders.len() {
            let Some(resting) = self.pit.order(at) else { continue };
            let (side, Some(limit)) = (resting.side(), resting.limit()) else { continue };
            let ([bid, ask], [old_bid, old_ask]) = (shown, before);
            let (now, old) = if side == Side::Buy { (bid, old_bid) } else { (ask, old_ask) };
            let old = old.filter(|(price, _)| *price == limit).map(|(_, size)| size);
            if now.0 == limit {
                self.advance_one(at, old, now.1);
            } else if through(side, now.0, limit) {
                // The best of the others is worse than ours: nobody is left at our price.
                self.advance_one(at, old, 0);
            }
        }
    }

    /// A level has another size now.
    fn advance(&mut self, (side, price): (Side, Price), before: Option<u64>, now: u64) {
        for at in 0..self.pit.orders.len() {
            let ours = |order: &Resting| order.side() == side && order.limit() == Some(price);
            if self.pit.order(at).is_some_and(ours) {
                self.advance_one(at, before, now);
            }
        }
    }

    /// Who left the queue of a level that has another size now: what printed has been counted, the
    /// rest was cancelled.
    fn advance_one(&mut self, at: usize, before: Option<u64>, now: u64) {
        let (rule, dice) = (self.shared.terms.queue, &mut self.shared.dice);
        let Some(resting) = self.pit.orders.get_mut(at).filter(|order| order.is_awake()) else {
            return;
        };
        let queue = &mut resting.queue;
        let stood = before.map(|before| before.saturating_sub(queue.printed));
        queue.printed = 0;
        let Some(ahead) = queue.ahead else {
            queue.ahead = Some(now);
            return;
        };
        let gone = match (rule, stood) {
            (Queue::Even, Some(stood)) if stood > now => {
                let product = u128::from(stood - now) * u128::from(ahead.min(stood));
                let (whole, part) = (product / u128::from(stood), product % u128::from(stood));
                let drawn = u128::from(dice.up_to(stood - 1)) < part;
                u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(u64::from(drawn))
            }
            _ => 0,
        };
        queue.ahead = Some(ahead.saturating_sub(gone).min(now));
    }
}
