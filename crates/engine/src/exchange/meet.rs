//! Tick models: an order goes to the market and takes what is there.

use super::{
    Desk,
    cash::{self, closable},
    desk::Slice,
    price::{beyond, within},
    resting::{Resting, Taker, ticks},
    terms::Model,
};
use crate::{
    Account, Error,
    order::{Ending, Reason, Shortfall, TimeInForce},
};
use market::{Money, Price, Quantity, Side, Status};
use portfolio::Liquidity;

impl<A: Account> Desk<'_, A> {
    /// An order that is awake takes what it can. What may not rest is ended; whatever else is left
    /// stays.
    pub(super) fn meet(&mut self, at: usize) -> Result<(), Error> {
        let model = self.shared.terms.model;
        let Some(resting) = self.pit.order(at).filter(|order| order.is_awake()) else {
            return Ok(());
        };
        if model.reads_bars() {
            return Ok(());
        }
        let hasty = resting.is_hasty();
        if self.pit.status != Status::Trading {
            return if hasty { self.refuse(at, Reason::NotTrading) } else { Ok(()) };
        }
        let Some(best) = self.pit.touch(resting.side().opposite(), model) else {
            return if hasty { self.refuse(at, Reason::NeverPriced) } else { Ok(()) };
        };
        if resting.posts_only() {
            return match self.would_take(resting) {
                Some(reason) => self.refuse(at, reason),
                None if hasty => self.end(at, Ending::Expired),
                None => Ok(()),
            };
        }
        let taker = resting.taker();
        if taker.limit.is_none_or(|limit| within(taker.side, best, limit)) {
            match model {
                Model::Book(_) => self.walk(at, best)?,
                _ => self.take_whole(at, taker, best)?,
            }
        } else if resting.order.ticket.tif == TimeInForce::FillOrKill {
            let wanted = resting.left;
            return self.refuse(at, Reason::Liquidity { wanted, there: Quantity::ZERO });
        }
        if hasty { self.end(at, Ending::Expired) } else { Ok(()) }
    }

    /// What a post-only order would trade with on arrival; `None` if it would rest.
    pub(super) fn would_take(&self, resting: &Resting) -> Option<Reason> {
        let side = resting.side();
        let best = self.pit.touch(side.opposite(), self.shared.terms.model)?;
        let price = resting.limit().unwrap_or(best);
        within(side, best, price).then_some(Reason::WouldTake { price, best })
    }

    /// `touch`: the whole size at the best price.
    fn take_whole(&mut self, at: usize, taker: Taker, best: Price) -> Result<(), Error> {
        let shown = self.pit.quote.map_or(0, |quote| match taker.side {
            Side::Buy => quote.ask_size.0,
            Side::Sell => quote.bid_size.0,
        });
        let price = self.taken_at(taker, best, shown);
        self.execute(at, price, u64::MAX, Liquidity::Taker).map(|_| ())
    }

    /// `book`: level after level, within the order's limit or the venue's price protection.
    fn walk(&mut self, at: usize, best: Price) -> Result<(), Error> {
        let mut plan = std::mem::take(&mut self.shared.plan);
        plan.clear();
        let done = self.walk_by(at, best, &mut plan);
        self.shared.plan = plan;
        done
    }

    fn walk_by(&mut self, at: usize, best: Price, plan: &mut Vec<Slice>) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(()) };
        let (taker, reduces_only) = (resting.taker(), resting.order.reduces_only());
        let kills = resting.order.ticket.tif == TimeInForce::FillOrKill;
        let rejects = resting.order.ticket.shortfall == Shortfall::Reject;
        let planned = self.plan(taker, best, plan);
        if kills && planned < taker.lots {
            let (wanted, there) = (Quantity(taker.lots), Quantity(planned));
            return self.refuse(at, Reason::Liquidity { wanted, there });
        }
        if (kills || rejects)
            && plan.len() > 1
            && let Some(reason) = self.unpayable(at, plan)?
        {
            return self.refuse(at, reason);
        }
        for slice in plan.iter() {
            let traded = self.execute(at, slice.price, slice.lots, Liquidity::Taker)?;
            self.pit.book.take(taker.side.opposite(), slice.level, traded);
            if traded < slice.lots {
                return Ok(());
            }
        }
        // Price protection cancels the rest of a market order, but for an exit: that goes on with
        // the next change of the book.
        let protected = self.shared.terms.protection.is_some() && taker.limit.is_none();
        if protected && !reduces_only {
            self.end(at, Ending::Expired)?;
        }
        Ok(())
    }

    /// What an order will take from which level; answers how much in all.
    fn plan(&mut self, taker: Taker, best: Price, plan: &mut Vec<Slice>) -> u64 {
        let side = taker.side;
        let protection = self.shared.terms.protection;
        let guard = protection.map(|distance| beyond(side, best, ticks(distance, best)));
        let bound = taker.limit.or(guard);
        let mut left = taker.lots;
        for place in (0..self.pit.book.levels(side.opposite()).len()).rev() {
            let Some(level) = self.pit.book.level(side.opposite(), place) else { break };
            if left == 0 || bound.is_some_and(|bound| !within(side, level.price, bound)) {
                break;
            }
            let lots = level.free().min(left);
            if lots > 0 {
                let price = self.taken_at(taker, level.price, level.size);
                plan.push(Slice { level: place, price, lots });
                left -= lots;
            }
        }
        taker.lots - left
    }

    /// Whether the account cannot pay all of a plan. Only asked of orders that open and nothing
    /// else; a part that closes is never refused, so those are looked at level by level.
    fn unpayable(&self, at: usize, plan: &[Slice]) -> Result<Option<Reason>, Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(None) };
        let (order, ledger) = (&resting.order, self.account.ledger());
        if cash::only_closes(order) || closable(order, ledger) > 0 {
            return Ok(None);
        }
        let (contract, fees) = (cash::contract(order, ledger)?, self.shared.fees(order.id));
        let (mut value, mut fee, mut lots) = (Money::ZERO, Money::ZERO, 0);
        for slice in plan {
            let notional = cash::value(contract, slice.price, slice.lots)?;
            fee = fee.plus(fees.fee(notional, Liquidity::Taker, self.at.time)?)?;
            value = value.plus(Money(notional.0.abs()))?;
            lots += slice.lots;
        }
        // All of it at the dearest level: more than it will need, never less.
        let dearest = plan.iter().map(|slice| slice.price).max_by_key(|p| p.0.unsigned_abs());
        let price = dearest.unwrap_or_default();
        let others = self.account.held_back(order, (price, lots))?;
        let (needed, available) = if ledger.is_plain() {
            (value.plus(fee)?, ledger.buying_power()?)
        } else {
            let available = ledger.available_for(order.ticket.instrument)?;
            (cash::required(order, (price, lots), fee, ledger)?, available)
        };
        let needed = needed.plus(others)?;
        Ok((needed > available).then_some(Reason::Cash { needed, available }))
    }
}
