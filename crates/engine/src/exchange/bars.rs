//! Bar models: a bar passes in phases, open, path and close.

use super::{
    Desk,
    cash::closable,
    price::{better, through, within, worse},
    resting::{Resting, Sense, Since, Stage, Walk},
    terms::Model,
};
use crate::{
    Account, Error,
    order::{Ending, OrderKind, Reason, TimeInForce},
};
use market::{Bar, Price, Quantity, Status};
use portfolio::Liquidity;

impl<A: Account> Desk<'_, A> {
    /// A bar is under way; whether the instrument trades, at prices that can be.
    pub(super) fn begins(&mut self, bar: &Bar) -> bool {
        self.pit.begin(bar, self.shared.terms.participation);
        self.pit.status == Status::Trading && self.pit.can_be(bar.low)
    }

    /// One order meets the open.
    pub(super) fn open(&mut self, at: usize, bar: &Bar) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(()) };
        // It was still on its way when the bar opened.
        if resting.arrived > bar.open_time {
            return Ok(());
        }
        if resting.stage == Stage::Asleep {
            // A stop whose position is not there yet may get it in this bar.
            if !resting.wakes_at(&self.pit.listing, bar.open) || self.has_nothing_to_close(at) {
                return Ok(());
            }
            self.wake(at)?;
        } else if self.waits_for_close(resting) {
            return Ok(());
        }
        self.take_at(at, bar.open)?;
        self.survive(at)
    }

    /// `same_close`: one order meets the close that decided it.
    pub(super) fn decided(&mut self, at: usize, bar: &Bar) -> Result<(), Error> {
        if !self.pit.order(at).is_some_and(|resting| self.waits_for_close(resting)) {
            return Ok(());
        }
        self.take_at(at, bar.close)?;
        self.survive(at)
    }

    /// The orders meet what the bar did after its open: stops first, then what fills at a better
    /// price, then the stops of positions that this opened.
    pub(super) fn range(&mut self, bar: &Bar) -> Result<(), Error> {
        let late = self.pit.bar.walked;
        self.pit.bar.walked = true;
        for at in 0..self.pit.orders.len() {
            if self.walks(at, bar) && !self.has_nothing_to_close(at) {
                self.stop_in(at, bar)?;
            }
        }
        for at in 0..self.pit.orders.len() {
            if self.walks(at, bar) && !late {
                self.reach_in(at, bar)?;
            }
        }
        for at in 0..self.pit.orders.len() {
            if self.walks(at, bar) {
                self.stop_in(at, bar)?;
            }
        }
        for resting in &mut self.pit.orders {
            let on_the_way = late || resting.arrived > bar.open_time;
            let walk = if on_the_way { Walk::Late } else { Walk::Whole };
            if resting.walked.is_none_or(|(opened, _)| opened != bar.open_time) {
                resting.walked = Some((bar.open_time, walk));
            }
        }
        Ok(())
    }

    /// What a stop woke on the way may have missed the extremes: it sees no more of this path.
    fn has_walked(&mut self, at: usize, bar: &Bar) {
        if let Some(resting) = self.pit.orders.get_mut(at) {
            resting.walked = Some((bar.open_time, Walk::Late));
        }
    }

    /// The bar is complete: trails move.
    pub(super) fn close(&mut self, bar: &Bar) {
        for resting in self.pit.orders.iter_mut().filter(|order| order.stage == Stage::Asleep) {
            let extreme = better(resting.side(), bar.low, bar.high);
            let whole = resting.walked == Some((bar.open_time, Walk::Whole));
            resting.follow(if whole { extreme } else { bar.close });
        }
    }

    /// A market order of `same_close` that has not met its close.
    fn waits_for_close(&self, resting: &Resting) -> bool {
        self.shared.terms.model == Model::SameClose
            && resting.order.ticket.kind == OrderKind::Market
    }

    /// Whether the order has not been held against this bar's path.
    fn walks(&self, at: usize, bar: &Bar) -> bool {
        let seen =
            |resting: &Resting| resting.walked.is_some_and(|(opened, _)| opened == bar.open_time);
        self.pit.order(at).is_some_and(|resting| !seen(resting))
    }

    fn has_nothing_to_close(&self, at: usize) -> bool {
        self.pit.order(at).is_some_and(|resting| {
            resting.order.reduces_only() && closable(&resting.order, self.account.ledger()) == 0
        })
    }

    /// An order that is awake meets a single price: an open or a close.
    fn take_at(&mut self, at: usize, price: Price) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(()) };
        let taker = resting.taker();
        if taker.limit.is_some_and(|limit| !within(taker.side, price, limit)) {
            return Ok(());
        }
        if resting.posts_only() {
            return self.post_at(at, price);
        }
        let most = self.pit.bar.budget.unwrap_or(u64::MAX);
        if resting.order.ticket.tif == TimeInForce::FillOrKill && most < resting.left.0 {
            let (wanted, there) = (resting.left, Quantity(most));
            return self.refuse(at, Reason::Liquidity { wanted, there });
        }
        let price = self.taken_at(taker, price, self.pit.bar.volume);
        self.execute(at, price, most, Liquidity::Taker).map(|_| ())
    }

    /// A post-only order is refused at the first price that it would take; one that rested before
    /// is filled at its own price by a market that opens beyond it.
    fn post_at(&mut self, at: usize, best: Price) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at) else { return Ok(()) };
        match resting.limit() {
            Some(limit) if resting.since == Since::Rested => {
                if through(resting.side(), best, limit) {
                    self.fill_at(at, limit, Liquidity::Maker)
                } else {
                    Ok(())
                }
            }
            limit => self.refuse(at, Reason::WouldTake { price: limit.unwrap_or(best), best }),
        }
    }

    /// An order that met the market and is still there: what may not rest ends.
    fn survive(&mut self, at: usize) -> Result<(), Error> {
        let Some(resting) = self.pit.orders.get_mut(at).filter(|order| order.is_live()) else {
            return Ok(());
        };
        resting.since = Since::Rested;
        let (tif, wanted) = (resting.order.ticket.tif, resting.left);
        match tif {
            TimeInForce::ImmediateOrCancel => self.end(at, Ending::Expired),
            TimeInForce::FillOrKill => {
                let there = Quantity::ZERO;
                self.refuse(at, Reason::Liquidity { wanted, there })
            }
            TimeInForce::GoodTillCancelled | TimeInForce::GoodTill(_) => Ok(()),
        }
    }

    /// A stop whose trigger lies within the bar fills there, or at the open where that is worse.
    /// Whether its limit traded afterwards is known only where the bar closes beyond it.
    fn stop_in(&mut self, at: usize, bar: &Bar) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at).copied() else { return Ok(()) };
        let (side, listing) = (resting.side(), &self.pit.listing);
        let Some(trigger) = resting.trigger(listing) else { return Ok(()) };
        let extreme = worse(side, bar.low, bar.high);
        if resting.sense() != Some(Sense::Beyond) || !resting.wakes_at(listing, extreme) {
            return Ok(());
        }
        self.wake(at)?;
        self.has_walked(at, bar);
        self.take_at(at, worse(side, trigger, bar.open))?;
        // What is left rests from its trigger on: the open was before that.
        self.survive(at)?;
        self.rest_beyond(at, bar, bar.close)
    }

    /// A touched order fills at its trigger; a limit fills at its price if the bar traded beyond it.
    fn reach_in(&mut self, at: usize, bar: &Bar) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at).copied() else { return Ok(()) };
        // It came on the way: the extreme may lie behind it.
        if resting.arrived > bar.open_time {
            return Ok(());
        }
        let (side, listing) = (resting.side(), &self.pit.listing);
        let extreme = better(side, bar.low, bar.high);
        if resting.sense() == Some(Sense::Better) && resting.wakes_at(listing, extreme) {
            let trigger = resting.trigger(listing).unwrap_or(extreme);
            self.wake(at)?;
            self.take_at(at, better(side, trigger, worse(side, bar.low, bar.high)))?;
            self.survive(at)?;
            return self.rest_beyond(at, bar, extreme);
        }
        // What may not rest meets an open only, and so does what would have taken at this one.
        if !resting.is_awake() || resting.is_hasty() {
            return Ok(());
        }
        if resting.since == Since::New
            && resting.posts_only()
            && resting.limit().is_some_and(|limit| within(side, bar.open, limit))
        {
            return self.post_at(at, bar.open);
        }
        self.rest_beyond(at, bar, extreme)
    }

    /// A resting limit that the market went beyond fills at its own price, but at no price that the
    /// bar did not have. One that would have taken at the open, had it been there, takes.
    fn rest_beyond(&mut self, at: usize, bar: &Bar, reached: Price) -> Result<(), Error> {
        let Some(resting) = self.pit.order(at).filter(|order| order.is_awake()) else {
            return Ok(());
        };
        let (side, Some(limit)) = (resting.side(), resting.limit()) else { return Ok(()) };
        if !through(side, reached, limit) {
            return Ok(());
        }
        let price = better(side, limit, worse(side, bar.low, bar.high));
        let takes = resting.since == Since::New && within(side, bar.open, limit);
        let liquidity = if takes { Liquidity::Taker } else { Liquidity::Maker };
        self.fill_at(at, price, liquidity)
    }

    fn fill_at(&mut self, at: usize, price: Price, liquidity: Liquidity) -> Result<(), Error> {
        let most = self.pit.bar.budget.unwrap_or(u64::MAX);
        self.execute(at, price, most, liquidity).map(|_| ())
    }
}
