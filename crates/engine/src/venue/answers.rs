//! What a venue answers.

use super::{Account, account::read_number};
use crate::{
    Error,
    exchange::Moment,
    live::{
        Answer, Balance, Book, Call, ClientId, FundingReport, Mode, NewOrder, OrderRef,
        PositionReport, Refused, RefusedKind, Scope,
    },
    order::{Amendment, OrderId, OrderKind, Reason, Restrictions, Ticket},
};
use market::{Money, Price, Quantity, Rate, Timestamp};
use portfolio::{InstrumentId, Leg, MarginTiers};

/// Trades on one page.
const PAGE: usize = 100;
/// A second in nanoseconds.
const SECOND: i64 = 1_000_000_000;

impl Account {
    /// What comes of a call. An error is a fault of the simulation, never the caller's.
    pub fn call(&mut self, call: &Call, now: Timestamp) -> Result<Answer, Error> {
        Ok(match call {
            Call::Place(new) => self.place(new, now)?,
            Call::Cancel(order) => self.cancel(order, now)?,
            Call::Amend(order, change, _) => self.amend(order, *change, now)?,
            Call::CancelAll(of, book) => {
                let (of, book) = (*of, *book);
                let is = |conditional: bool| match book {
                    Book::Both => true,
                    Book::Plain => !conditional,
                    Book::Conditional => conditional,
                };
                self.cancel_where(
                    |placed| {
                        of.is_none_or(|id| id == placed.ticket.instrument)
                            && is(placed.is_conditional())
                    },
                    now,
                )?;
                Answer::Done
            }
            Call::Order(order) => {
                let report = self.find(order).and_then(|id| self.report(id));
                report.map_or(Answer::NotFound, Answer::Order)
            }
            Call::OpenOrders(of, book) => self.open(*of, *book),
            Call::Fills { instrument, since, after } => {
                self.trades((*instrument, *since), after.and_then(|name| read_number(&name)))
            }
            Call::Funding { instrument, since, until } => {
                let span = *since..=*until;
                let wanted = |one: &&FundingReport| {
                    one.instrument == *instrument && span.contains(&one.time)
                };
                Answer::Funding(self.payments.iter().filter(wanted).copied().collect())
            }
            Call::Positions => Answer::Positions(self.positions(now)?),
            Call::Balances => Answer::Balances(self.balances()?),
            Call::Heartbeat { seconds, .. } => {
                let until = now.nanos().saturating_add(i64::from(*seconds) * SECOND);
                self.alive_until = (*seconds > 0).then_some(Timestamp::from_nanos(until));
                Answer::Done
            }
            Call::KeyScope => Answer::Scope(self.scope),
            Call::Mode => Answer::Mode(self.mode),
            Call::SetMode(mode) => self.set_mode(*mode),
            Call::SetLeverage(instrument, leverage) => self.set_leverage(*instrument, *leverage)?,
            Call::ListenKey => Answer::ListenKey("stream-of-the-box".to_owned()),
        })
    }

    fn place(&mut self, new: &NewOrder, now: Timestamp) -> Result<Answer, Error> {
        let stop = new.stop.map(|stop| stop.client);
        let is_known = |name: &ClientId| self.names.contains_key(name) || stop == Some(new.client);
        if is_known(&new.client) || stop.as_ref().is_some_and(is_known) {
            return Ok(no(RefusedKind::DuplicateName, "an order of this name exists"));
        }
        let Some(ticket) = self.sized(new) else {
            return Ok(no(RefusedKind::ReduceOnly, "there is no position to close"));
        };
        if ticket.quantity == Quantity::ZERO {
            return Ok(no(RefusedKind::Filter, "the size is zero"));
        }
        if new.stop.is_some() && !brings(&ticket) {
            return Ok(no(RefusedKind::Attachment, "this order can bring no stop along"));
        }
        let id = self.submit(ticket, (Some(new.client), new.stop), now)?;
        let refused = self.orders.get(&id).filter(|placed| placed.filled == 0);
        if let Some(reason) = refused.and_then(|placed| placed.refused) {
            // An order that was refused on arrival never existed.
            self.forget(id, new.client);
            return Ok(no(kind(&reason), &reason.to_string()));
        }
        Ok(self.report(id).map_or(Answer::Done, Answer::Order))
    }

    /// The ticket with the size of the position where the order is for all there is.
    fn sized(&self, new: &NewOrder) -> Option<Ticket> {
        if new.scope == Scope::Size {
            return Some(new.ticket);
        }
        let lots = self.books.ledger.held(new.ticket.instrument, new.ticket.leg);
        let shrinks = lots.signum() * new.ticket.side.sign() < 0;
        shrinks.then_some(Ticket { quantity: Quantity(lots.unsigned_abs()), ..new.ticket })
    }

    fn find(&self, order: &OrderRef) -> Option<OrderId> {
        let by_name = order.client.and_then(|name| self.names.get(&name)).copied();
        let by_number = order.venue.and_then(|name| read_number(&name)).map(OrderId);
        by_name.or(by_number).filter(|id| self.orders.contains_key(id))
    }

    fn cancel(&mut self, order: &OrderRef, now: Timestamp) -> Result<Answer, Error> {
        let Some(id) = self.find(order) else { return Ok(Answer::NotFound) };
        let Some(placed) = self.orders.get(&id) else { return Ok(Answer::NotFound) };
        if placed.state.is_final() {
            return Ok(no(RefusedKind::OrderDone, "the order is over"));
        }
        self.exchange.cancel(id, placed.ticket.instrument, now);
        self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        self.listen(now)?;
        Ok(self.report(id).map_or(Answer::Done, Answer::Order))
    }

    fn amend(
        &mut self,
        order: &OrderRef,
        change: Amendment,
        now: Timestamp,
    ) -> Result<Answer, Error> {
        let Some(id) = self.find(order) else { return Ok(Answer::NotFound) };
        let Some(placed) = self.orders.get_mut(&id) else { return Ok(Answer::NotFound) };
        if placed.state.is_final() {
            return Ok(no(RefusedKind::OrderDone, "the order is over"));
        }
        placed.refused = None;
        let (instrument, before) = (placed.ticket.instrument, placed.ticket);
        self.exchange.amend((id, instrument), change, now);
        self.exchange.wake(Moment { time: now, row: 0 }, &mut self.books)?;
        self.listen(now)?;
        let Some(placed) = self.orders.get_mut(&id) else { return Ok(Answer::NotFound) };
        if let Some(reason) = placed.refused.take() {
            // One that met the market under its new price and could not be paid is over, not refused.
            let is_over = placed.state.is_final();
            let told = self.report(id).filter(|_| is_over).map(Answer::Order);
            return Ok(told.unwrap_or_else(|| no(kind(&reason), &reason.to_string())));
        }
        let quantity = placed.ticket.quantity;
        placed.ticket = crate::live::amended(&before, &change);
        placed.ticket.quantity = quantity;
        let ticket = placed.ticket;
        self.books.changed(id, ticket);
        self.end_unpayable(now)?;
        Ok(self.report(id).map_or(Answer::Done, Answer::Order))
    }

    fn open(&self, of: Option<InstrumentId>, book: Book) -> Answer {
        let is = |conditional: bool| match book {
            Book::Both => true,
            Book::Plain => !conditional,
            Book::Conditional => conditional,
        };
        let wanted = |id: &&crate::order::OrderId| {
            self.orders.get(id).is_some_and(|placed| {
                of.is_none_or(|id| id == placed.ticket.instrument) && is(placed.is_conditional())
            })
        };
        Answer::Orders(self.open.iter().filter(wanted).filter_map(|id| self.report(*id)).collect())
    }

    fn trades(&self, (of, since): (InstrumentId, Timestamp), after: Option<u64>) -> Answer {
        let wanted = self.fills.iter().filter(|fill| {
            let behind = after.is_none_or(|last| read_number(&fill.trade) > Some(last));
            fill.instrument == of && fill.time >= since && behind
        });
        let mut fills: Vec<_> = wanted.take(PAGE + 1).copied().collect();
        let more = fills.len() > PAGE;
        fills.truncate(PAGE);
        Answer::Fills { fills, more }
    }

    fn positions(&self, now: Timestamp) -> Result<Vec<PositionReport>, Error> {
        let ledger = &self.books.ledger;
        let legs: &[Leg] = match self.mode {
            Mode::OneWay => &[Leg::Net],
            Mode::Hedge => &[Leg::Long, Leg::Short],
        };
        let ids = (0..).map(InstrumentId).take(self.listings.len());
        let all = ids.flat_map(|id| legs.iter().map(move |leg| (id, *leg)));
        let mut out = Vec::new();
        for (instrument, leg) in all {
            let position = ledger.position_on(instrument, leg);
            if position.lots == 0 {
                continue;
            }
            out.push(PositionReport {
                instrument,
                leg,
                lots: ledger.held(instrument, leg),
                entry: self.entry(instrument, &position),
                liquidation: ledger.liquidation_price(instrument, leg)?,
                leverage: self.leverage_of(instrument),
                time: now,
            });
        }
        Ok(out)
    }

    /// The average price of a position, to the nearest tick below.
    fn entry(&self, instrument: InstrumentId, position: &portfolio::Position) -> Option<Price> {
        let contract = self.books.ledger.contract(instrument)?;
        // What one tick is worth on this many lots.
        let lots = i64::try_from(position.lots.unsigned_abs()).ok()?;
        let tick = contract.value(Price(1), lots).ok().filter(|value| value.0 > 0)?;
        let ticks = position.basis.magnitude().ok()?.0 / tick.0;
        i64::try_from(ticks).ok().map(Price)
    }

    fn balances(&self) -> Result<Vec<Balance>, Error> {
        let ledger = &self.books.ledger;
        let currency = ledger.currency();
        let available = self.books.available()?.max(Money::ZERO);
        Ok(vec![Balance { currency, total: ledger.cash(), available }])
    }

    /// The leverage of an instrument: what was chosen, or the most that the venue gives.
    fn leverage_of(&self, instrument: InstrumentId) -> Option<u32> {
        let most = || leverage_max(self.tiers.get(&instrument)?);
        self.leverage.get(&instrument).copied().or_else(most)
    }

    /// Positions and orders of an instrument need their value divided by this from now on. A venue
    /// refuses what it does not give, and what the account could not stand for.
    fn set_leverage(&mut self, id: InstrumentId, leverage: u32) -> Result<Answer, Error> {
        let Some(tiers) = self.tiers.get(&id) else {
            return Ok(no(RefusedKind::Setup, "there is no leverage here"));
        };
        if leverage == 0 || leverage_max(tiers).is_none_or(|most| leverage > most) {
            return Ok(no(RefusedKind::Setup, "leverage is not valid"));
        }
        let chosen = tiers.clone().at_leverage(leverage);
        let before = self.books.available()?;
        let old = self.books.ledger.retier(id, chosen)?;
        let after = self.books.available()?;
        if after < Money::ZERO && after < before {
            self.books.ledger.retier(id, old)?;
            return Ok(no(RefusedKind::Balance, "margin is insufficient for this leverage"));
        }
        self.leverage.insert(id, leverage);
        Ok(Answer::Done)
    }

    fn set_mode(&mut self, mode: Mode) -> Answer {
        if mode == self.mode {
            Answer::Done
        } else {
            no(RefusedKind::Setup, "the box keeps the mode it was opened with")
        }
    }
}

/// Whether an order can bring a stop along: one that opens, and meets the market.
fn brings(ticket: &Ticket) -> bool {
    matches!(ticket.kind, OrderKind::Market | OrderKind::Limit { .. })
        && !ticket.restrictions.has(Restrictions::REDUCE_ONLY)
}

/// The most leverage that margin of a position of no size allows.
fn leverage_max(tiers: &MarginTiers) -> Option<u32> {
    let first = tiers.brackets().first()?;
    u32::try_from(Rate::ONE.0.checked_div(first.initial.0)?).ok()
}

fn no(kind: RefusedKind, text: &str) -> Answer {
    let text = text.chars().take(200).collect();
    Answer::Refused(Refused { kind, code: 0, text })
}

const fn kind(reason: &Reason) -> RefusedKind {
    match reason {
        Reason::Cash { .. } => RefusedKind::Balance,
        Reason::NothingToClose => RefusedKind::ReduceOnly,
        Reason::WouldTake { .. } => RefusedKind::WouldTake,
        Reason::WrongSide { .. } => RefusedKind::WouldTrigger,
        Reason::NotTrading | Reason::NeverPriced => RefusedKind::NotTrading,
        Reason::UnknownOrder => RefusedKind::OrderDone,
        Reason::LessThanALot
        | Reason::OffTick { .. }
        | Reason::Size { .. }
        | Reason::Notional { .. } => RefusedKind::Filter,
        Reason::Liquidity { .. } | Reason::Unsupported | Reason::Limit(_) => RefusedKind::Other,
    }
}
