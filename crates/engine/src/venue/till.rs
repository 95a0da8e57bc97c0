//! An account's books at its venue, and the money that its orders hold back until they trade or end.
//!
//! Binance: the cost of an order is its initial margin and its open loss, at the order's price (support FAQ
//! "How to calculate the cost required to open a position"). OKX: `imr` of an account counts positions and
//! pending orders (docs-v5, "Get balance"). What waits for a trigger holds nothing back where there is margin,
//! and on spot what [`StopHolds`] says of the venue; an order that only closes never holds anything back. Of a position's buys and
//! sells, the side that would need more counts: that no venue's page was found to say, and the box chooses.

use crate::{
    Account, Error,
    exchange::FeeTerms,
    live::StopHolds,
    order::{Change, Order, OrderId, OrderKind, Reason, Restrictions, Ticket, Update},
};
use market::{Listing, Money, Price, Settlement, Side};
use portfolio::{InstrumentId, Ledger, Leg, Liquidity};
use std::collections::{BTreeMap, BTreeSet};

/// Cash, positions, and what orders that work have been promised of both.
#[derive(Debug, Clone)]
pub(super) struct Till {
    pub(super) ledger: Ledger,
    /// Everything that the exchange did and the account has not followed yet, in order.
    pub(super) updates: Vec<Update>,
    /// How each instrument is paid.
    settlements: Vec<Settlement>,
    fees: FeeTerms,
    holds: StopHolds,
    promises: BTreeMap<OrderId, Promise>,
    /// Orders that woke and whose money nobody has looked at.
    woken: Vec<OrderId>,
}

/// An order that may cost something.
#[derive(Debug, Clone, Copy)]
struct Promise {
    ticket: Ticket,
    filled: u64,
    standing: Standing,
}

/// Whether the venue has taken an order in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is on its way, has just woken, or waits where waiting is free.
    Unbacked,
    /// Its money is put aside.
    Backed,
}

/// Orders of one side of a leg.
#[derive(Debug, Clone, Copy, Default)]
struct Stack {
    value: Money,
    lots: u64,
}

/// What is held of an instrument on a leg, and at which price it counts.
#[derive(Debug, Clone, Copy)]
struct Held {
    lots: i64,
    price: Price,
}

/// A trade that has not happened: of which leg, how many lots with their sign, at which price.
type Supposed = ((InstrumentId, Leg), i64, Price);

impl Account for Till {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn update(&mut self, update: &Update) -> Result<(), Error> {
        if let Change::Filled(fill) = &update.change {
            self.ledger.apply(fill)?;
        }
        self.follow(update);
        self.updates.push(*update);
        Ok(())
    }

    fn objection(&self, order: &Order, market: Option<Price>) -> Result<Option<Reason>, Error> {
        let ticket = &order.ticket;
        if self.is_spot(ticket.instrument) && ticket.side == Side::Sell {
            if self.holds == StopHolds::Nothing && !is_awake(ticket.kind) {
                // Nobody looks for its coins before it wakes.
                return Ok(None);
            }
            return self.missing_coins(order, market);
        }
        if ticket.kind.limit().is_none() && !self.waits_backed(ticket) {
            // It takes what there is: the exchange looks at its money then.
            return Ok(None);
        }
        self.missing_money(order, market)
    }

    fn bars(&self, order: &Order) -> Result<Option<Reason>, Error> {
        let ticket = &order.ticket;
        let is_bare = self.holds == StopHolds::Nothing
            && self.is_spot(ticket.instrument)
            && ticket.side == Side::Sell;
        if is_bare { self.missing_coins(order, None) } else { Ok(None) }
    }

    fn held_back(&self, order: &Order, (price, lots): (Price, u64)) -> Result<Money, Error> {
        let ticket = &order.ticket;
        let lots = i64::try_from(lots).unwrap_or(i64::MAX);
        let of = (ticket.instrument, ticket.leg);
        let supposed = Some((of, ticket.side.sign() * lots, price));
        match self.promises.get(&order.id) {
            Some(own) if own.standing == Standing::Backed && own.ticket.kind.limit().is_some() => {
                // All that it can cost was put aside when it was taken in.
                Ok(Money::ZERO)
            }
            Some(own) if own.standing == Standing::Backed => {
                // A stop without a limit can cost more than was put aside at its trigger.
                let mut others = self.promises.clone();
                others.remove(&order.id);
                self.all_held_back(&others, supposed)
            }
            _ => self.all_held_back(&self.promises, supposed),
        }
    }
}

impl Till {
    pub(super) fn new(
        ledger: Ledger,
        listings: &[Listing],
        (fees, holds): (FeeTerms, StopHolds),
    ) -> Self {
        let settlements = listings.iter().map(|listing| listing.settlement).collect();
        let (updates, promises, woken) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { ledger, updates, settlements, fees, holds, promises, woken }
    }

    /// An order goes to the exchange.
    pub(super) fn sent(&mut self, order: &Order) {
        let (ticket, standing) = (order.ticket, Standing::Unbacked);
        self.promises.insert(order.id, Promise { ticket, filled: 0, standing });
    }

    /// An order has another price now.
    pub(super) fn changed(&mut self, id: OrderId, ticket: Ticket) {
        if let Some(promise) = self.promises.get_mut(&id) {
            promise.ticket = ticket;
        }
    }

    /// Money that orders hold back, in the account's currency.
    pub(super) fn reserved(&self) -> Result<Money, Error> {
        self.all_held_back(&self.promises, None)
    }

    /// Equity, less the initial margin of positions, less what orders hold back. Below zero where a
    /// position has lost what there was.
    pub(super) fn available(&self) -> Result<Money, Error> {
        Ok(self.ledger.available()?.minus(self.reserved()?)?)
    }

    /// Lots of a spot instrument that orders have promised to sell.
    pub(super) fn promised_lots(&self, id: InstrumentId) -> u64 {
        let selling = self.promises.values().filter(|promise| {
            let ticket = &promise.ticket;
            ticket.instrument == id
                && ticket.side == Side::Sell
                && promise.standing == Standing::Backed
        });
        selling.map(Promise::left).fold(0, u64::saturating_add)
    }

    /// Orders that woke since this was last asked, rest, and cannot be paid, each with what it lacks.
    /// The others have their money put aside.
    pub(super) fn unpayable(&mut self) -> Result<Vec<(OrderId, Reason)>, Error> {
        let mut out = Vec::new();
        for id in std::mem::take(&mut self.woken) {
            let Some(promise) = self.promises.get(&id).copied() else { continue };
            let order = crate::kernel::unnumbered(promise.ticket, market::Timestamp::from_nanos(0));
            let order = Order { id, ..order };
            let sells = self.is_spot(order.ticket.instrument) && order.ticket.side == Side::Sell;
            let missing = if sells {
                self.missing_coins(&order, None)?
            } else {
                self.missing_money(&order, None)?
            };
            if let Some(reason) = missing {
                out.push((id, reason));
            } else if let Some(promise) = self.promises.get_mut(&id) {
                promise.standing = Standing::Backed;
            }
        }
        Ok(out)
    }

    fn follow(&mut self, update: &Update) {
        let Some(promise) = self.promises.get_mut(&update.order) else { return };
        match update.change {
            Change::Accepted => {
                let settlement = self.settlements.get(promise.ticket.instrument.index());
                let is_spot = settlement == Some(&Settlement::Cash);
                let waits_backed = is_spot && self.holds == StopHolds::Coins;
                if waits_backed || is_awake(promise.ticket.kind) {
                    promise.standing = Standing::Backed;
                }
            }
            Change::Triggered => {
                promise.ticket.kind = promise.ticket.kind.awake();
                if promise.standing == Standing::Unbacked {
                    self.woken.push(update.order);
                }
            }
            Change::Filled(fill) => {
                promise.filled = promise.filled.saturating_add(fill.quantity.0);
                if promise.left() == 0 {
                    self.promises.remove(&update.order);
                }
            }
            Change::Amended { quantity } => promise.ticket.quantity = quantity,
            Change::Unchanged { .. } => {}
            Change::Ended { .. } => {
                self.promises.remove(&update.order);
            }
        }
    }

    fn is_spot(&self, id: InstrumentId) -> bool {
        self.settlements.get(id.index()) == Some(&Settlement::Cash)
    }

    /// Whether an order that waits for its trigger has its money put aside.
    fn waits_backed(&self, ticket: &Ticket) -> bool {
        let holds = self.holds == StopHolds::Coins;
        holds && self.is_spot(ticket.instrument) && !is_awake(ticket.kind)
    }

    /// The orders as they would be with this one taken in.
    fn with(&self, order: &Order, market: Option<Price>) -> BTreeMap<OrderId, Promise> {
        let mut all = self.promises.clone();
        let filled = all.get(&order.id).map_or(0, |promise| promise.filled);
        let mut ticket = order.ticket;
        // A sale at a limit below the market trades at the market: that is what it needs margin for.
        if let (Side::Sell, Some(limit), Some(market)) = (ticket.side, ticket.kind.limit(), market)
            && is_awake(ticket.kind)
        {
            ticket.kind = OrderKind::Limit { price: limit.max(market) };
        }
        all.insert(order.id, Promise { ticket, filled, standing: Standing::Backed });
        all
    }

    fn missing_money(&self, order: &Order, market: Option<Price>) -> Result<Option<Reason>, Error> {
        let ticket = &order.ticket;
        if !is_awake(ticket.kind) && !self.waits_backed(ticket) {
            return Ok(None);
        }
        let closable = self.ledger.closable(ticket.instrument, ticket.leg, ticket.side);
        if order.reduces_only() || ticket.quantity.0 <= closable {
            return Ok(None);
        }
        let (before, after) =
            (self.reserved()?, self.all_held_back(&self.with(order, market), None)?);
        let needed = after.minus(before)?;
        let available = self.ledger.available_for(ticket.instrument)?.minus(before)?;
        let short = needed > Money::ZERO && needed > available;
        Ok(short.then_some(Reason::Cash { needed, available }))
    }

    /// On spot nothing is sold that is not there or that another order sells already.
    fn missing_coins(&self, order: &Order, market: Option<Price>) -> Result<Option<Reason>, Error> {
        let ticket = &order.ticket;
        let id = ticket.instrument;
        let own = self.promises.get(&order.id);
        let filled = own.map_or(0, |promise| promise.filled);
        let own =
            own.filter(|promise| promise.standing == Standing::Backed).map_or(0, Promise::left);
        let there = u64::try_from(self.ledger.held(id, Leg::Net)).unwrap_or(0);
        let others = self.promised_lots(id).saturating_sub(own);
        let free = there.saturating_sub(others);
        let wanted = ticket.quantity.0.saturating_sub(filled);
        if wanted <= free {
            return Ok(None);
        }
        let at = ticket.kind.limit().or(ticket.kind.trigger()).or(market).unwrap_or(Price(1));
        let (needed, available) = (self.value(id, at, wanted)?, self.value(id, at, free)?);
        Ok(Some(Reason::Cash { needed, available }))
    }

    /// What orders hold back: on each leg, the side that would need more.
    fn all_held_back(
        &self,
        promises: &BTreeMap<OrderId, Promise>,
        supposed: Option<Supposed>,
    ) -> Result<Money, Error> {
        let backed = || promises.values().filter(|one| one.standing == Standing::Backed);
        let of = |promise: &Promise| (promise.ticket.instrument, promise.ticket.leg);
        let legs: BTreeSet<(InstrumentId, Leg)> = backed().map(of).collect();
        let mut sum = Money::ZERO;
        for leg in legs {
            let mut most = Money::ZERO;
            for side in [Side::Buy, Side::Sell] {
                let mut stack = Stack::default();
                for promise in backed().filter(|one| of(one) == leg && one.ticket.side == side) {
                    stack = self.piled(stack, promise)?;
                }
                most = most.max(self.needed(leg, (side, stack), supposed)?);
            }
            sum = sum.plus(self.ledger.converted(leg.0, most)?)?;
        }
        Ok(sum)
    }

    /// One order more on a stack; one that only closes adds nothing.
    fn piled(&self, stack: Stack, promise: &Promise) -> Result<Stack, Error> {
        let (ticket, left) = (&promise.ticket, promise.left());
        let exits =
            matches!((ticket.leg, ticket.side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy));
        if exits || ticket.restrictions.has(Restrictions::REDUCE_ONLY) {
            return Ok(stack);
        }
        let latest = || self.ledger.latest(ticket.instrument);
        let price = ticket.kind.limit().or(ticket.kind.trigger()).or_else(latest);
        let value = self.value(ticket.instrument, price.unwrap_or_default(), left)?;
        let lots = stack.lots.saturating_add(left);
        Ok(Stack { value: stack.value.plus(value)?, lots })
    }

    /// What a stack needs beyond what the leg has, in the instrument's currency: initial margin, or all
    /// of its value where there is none, and the dearer fee of what opens.
    fn needed(
        &self,
        leg: (InstrumentId, Leg),
        (side, stack): (Side, Stack),
        supposed: Option<Supposed>,
    ) -> Result<Money, Error> {
        let held = self.held(leg, supposed);
        let closable =
            if held.lots.signum() == -side.sign() { held.lots.unsigned_abs() } else { 0 };
        let opening = stack.lots.saturating_sub(closable);
        if opening == 0 {
            return Ok(Money::ZERO);
        }
        let now = self.signed_value(leg.0, held)?;
        let then = match side {
            Side::Buy => now.plus(stack.value)?,
            Side::Sell => now.minus(stack.value)?,
        };
        let margin = self.initial(leg.0, then)?.minus(self.initial(leg.0, now)?)?;
        let opened = stack.value.scaled(i128::from(opening), i128::from(stack.lots))?;
        let fee = |liquidity| self.fees.fee(opened, liquidity);
        let fee = fee(Liquidity::Taker)?.max(fee(Liquidity::Maker)?).max(Money::ZERO);
        Ok(margin.max(Money::ZERO).plus(fee)?)
    }

    fn held(&self, leg: (InstrumentId, Leg), supposed: Option<Supposed>) -> Held {
        let (lots, latest) = (self.ledger.held(leg.0, leg.1), self.ledger.latest(leg.0));
        match supposed {
            Some((of, more, price)) if of == leg => Held { lots: lots.saturating_add(more), price },
            _ => Held { lots, price: latest.unwrap_or_default() },
        }
    }

    fn initial(&self, id: InstrumentId, value: Money) -> Result<Money, Error> {
        let value = value.magnitude()?;
        Ok(self.ledger.tiers(id).map_or(Ok(value), |tiers| tiers.initial(value))?)
    }

    fn value(&self, id: InstrumentId, price: Price, lots: u64) -> Result<Money, Error> {
        let lots = i64::try_from(lots).unwrap_or(i64::MAX);
        Ok(self.signed_value(id, Held { lots, price })?.magnitude()?)
    }

    fn signed_value(&self, id: InstrumentId, held: Held) -> Result<Money, Error> {
        let Some(contract) = self.ledger.contract(id) else { return Ok(Money::ZERO) };
        Ok(contract.value(held.price, held.lots)?)
    }
}

impl Promise {
    const fn left(&self) -> u64 {
        self.ticket.quantity.0.saturating_sub(self.filled)
    }
}

const fn is_awake(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}
