//! Tick models: an order goes to the market and takes what is there.

use super::{
    Desk,
    cash::{self, closable},
    desk::Slice,
    price::{beyond, within},
    resting::{Resting, ticks},
    terms::Model,
};
use crate::{
    Account, Error,
    order::{Ending, Reason, Shortfall, TimeInForce},
};
use market::{Money, Price, Status};
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
        if resting.limit().is_none_or(|limit| within(resting.side(), best, limit)) {
            let resting = *resting;
            match model {
                Model::Book(_) => self.walk(at, &resting, best)?,
                _ => self.take_whole(at, &resting, best)?,
            }
        } else if resting.order.ticket.tif == TimeInForce::FillOrKill {
            let wanted = resting.left;
            return self.refuse(at, Reason::Liquidity { wanted, there: market::Quantity::ZERO });
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
    fn take_whole(&mut self, at: usize, resting: &Resting, best: Price) -> Result<(), Error> {
        let shown = self.pit.quote.map_or(0, |quote| match resting.side() {
            market::Side::Buy => quote.ask_size.0,
            market::Side::Sell => quote.bid_size.0,
        });
        let price = self.taken_at(resting, best, shown);
        self.execute(at, price, u64::MAX, Liquidity::Taker).map(|_| ())
    }

    /// `book`: level after level, within the order's limit or the venue's price protection.
    fn walk(&mut self, at: usize, resting: &Resting, best: Price) -> Result<(), Error> {
        let mut plan = std::mem::take(&mut self.shared.plan);
        plan.clear();
        let done = self.walk_by(at, resting, best, &mut plan);
        self.shared.plan = plan;
        done
    }

    fn walk_by(
        &mut self,
        at: usize,
        resting: &Resting,
        best: Price,
        plan: &mut Vec<Slice>,
    ) -> Result<(), Error> {
        let planned = self.plan(resting, best, plan);
        let ticket = &resting.order.ticket;
        if ticket.tif == TimeInForce::FillOrKill && planned < resting.left.0 {
            let (wanted, there) = (resting.left, market::Quantity(planned));
            return self.refuse(at, Reason::Liquidity { wanted, there });
        }
        let whole = ticket.shortfall == Shortfall::Reject || ticket.tif == TimeInForce::FillOrKill;
        if whole && let Some(reason) = self.unpayable(resting, plan)? {
            return self.refuse(at, reason);
        }
        for slice in plan.iter() {
            let traded = self.execute(at, slice.price, slice.lots, Liquidity::Taker)?;
            self.pit.book.take(resting.side().opposite(), slice.level, traded);
            if traded < slice.lots {
                return Ok(());
            }
        }
        // Price protection cancels the rest of a market order, but for an exit: that goes on with
        // the next change of the book.
        let protected = self.shared.terms.protection.is_some() && resting.limit().is_none();
        if protected && !resting.order.reduces_only() {
            self.end(at, Ending::Expired)?;
        }
        Ok(())
    }

    /// What an order will take from which level; answers how much in all.
    fn plan(&mut self, resting: &Resting, best: Price, plan: &mut Vec<Slice>) -> u64 {
        let side = resting.side();
        let protection = self.shared.terms.protection;
        let guard = protection.map(|distance| beyond(side, best, ticks(distance, best)));
        let bound = resting.limit().or(guard);
        let mut left = resting.left.0;
        for place in (0..self.pit.book.levels(side.opposite()).len()).rev() {
            let Some(level) = self.pit.book.level(side.opposite(), place) else { break };
            if left == 0 || bound.is_some_and(|bound| !within(side, level.price, bound)) {
                break;
            }
            let lots = level.free().min(left);
            if lots > 0 {
                let price = self.taken_at(resting, level.price, level.size);
                plan.push(Slice { level: place, price, lots });
                left -= lots;
            }
        }
        resting.left.0 - left
    }

    /// Whether the account cannot pay all of a plan. Only asked of orders that open and nothing
    /// else; a part that closes is never refused, so those are looked at level by level.
    fn unpayable(&self, resting: &Resting, plan: &[Slice]) -> Result<Option<Reason>, Error> {
        let (order, ledger) = (&resting.order, self.account.ledger());
        if order.reduces_only() || closable(order, ledger) > 0 {
            return Ok(None);
        }
        let contract = cash::contract(order, ledger)?;
        let mut needed = Money::ZERO;
        for slice in plan {
            let notional = cash::value(contract, slice.price, slice.lots)?;
            let fee = self.shared.terms.fees.fee(notional, Liquidity::Taker, self.at.time)?;
            needed = needed.plus(Money(notional.0.abs()))?.plus(fee)?;
        }
        let available = ledger.buying_power()?;
        Ok((needed > available).then_some(Reason::Cash { needed, available }))
    }
}
