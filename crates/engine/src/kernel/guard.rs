//! The risk gate between a wish and an order.

use super::{
    Action, Desk,
    working::{Book, book},
};
use crate::{
    Error,
    order::{Breach, Order, OrderId, Purpose, Reason, Refusal, Restrictions, Ticket},
    risk::{self, Facts, Gate, Measure, Notice, Pass, Pending, Reference, RoundTrip, State},
};
use market::{Money, Price, Quantity, Side};
use portfolio::{Direction, Fill, InstrumentId, Leg, Position};

/// The gate, and what it must be told of each position.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) gate: Gate,
    notices: Vec<Notice>,
    /// Checks since they were last taken, where somebody wants to see them.
    witnessed: Option<Vec<Checked>>,
}

/// Checks that wait to be taken; what comes after them is not kept.
const WITNESSED_MAX: usize = 4_096;

/// One order at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The order's number, if it became one.
    pub order: Option<OrderId>,
    /// As it was asked.
    pub ticket: Ticket,
    /// The figures that it was held against.
    pub facts: Facts,
    /// Every limit that is set; `None` for an order that only shrinks a position.
    pub sheet: Option<Vec<Measure>>,
    /// What the gate said.
    pub outcome: Result<Pass, Breach>,
}

/// A position since it left nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trip {
    leg: Leg,
    direction: Direction,
    entered: Money,
    /// Profit and fees of the position before.
    realised: Money,
    fees: Money,
}

impl Guard {
    pub(super) const fn new(gate: Gate) -> Self {
        Self { gate, notices: Vec::new(), witnessed: None }
    }
}

impl Desk {
    /// What the risk gate lets through now.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.guard.gate
    }

    /// The ticket as the gate lets it through; a refusal is noted down.
    #[inline]
    pub(super) fn pass(&mut self, ticket: Ticket) -> Result<Option<Ticket>, Error> {
        if !self.guard.gate.is_armed() && self.guard.witnessed.is_none() {
            return Ok(Some(ticket));
        }
        let facts = self.facts(&ticket)?;
        let sheet = self.guard.witnessed.as_ref().map(|_| self.guard.gate.sheet(&ticket, &facts));
        let outcome = self.guard.gate.check(&ticket, &facts);
        if let (Some(all), Some(sheet)) = (&mut self.guard.witnessed, sheet)
            && all.len() < WITNESSED_MAX
        {
            all.push(Checked { order: None, ticket, facts, sheet, outcome });
        }
        Ok(match outcome {
            Ok(pass) => {
                if let Pass::Cut { at_most, breach } = pass {
                    let rest = Quantity(ticket.quantity.0.saturating_sub(at_most.0));
                    self.refuse(&ticket, rest, Reason::Limit(breach));
                }
                Some(pass.ticket(&ticket))
            }
            Err(breach) => {
                self.refuse(&ticket, ticket.quantity, Reason::Limit(breach));
                None
            }
        })
    }

    /// From now on every check is kept until it is taken: nothing that is decided changes by it.
    pub(super) fn witness(&mut self) {
        self.guard.witnessed.get_or_insert_default();
    }

    /// The checks since they were last taken.
    pub(super) fn take_witnessed(&mut self) -> Vec<Checked> {
        self.guard.witnessed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The latest check was of this order.
    pub(super) fn witness_number(&mut self, order: OrderId) {
        if let Some(last) = self.guard.witnessed.as_mut().and_then(|all| all.last_mut()) {
            last.order = Some(order);
        }
    }

    fn refuse(&mut self, ticket: &Ticket, quantity: Quantity, reason: Reason) {
        let (instrument, side) = (ticket.instrument, ticket.side);
        let (row, time) = (self.row, self.now);
        self.record(Refusal { order: None, row, time, instrument, side, quantity, reason });
    }

    /// The figures that a check needs.
    fn facts(&self, ticket: &Ticket) -> Result<Facts, Error> {
        let (id, ledger) = (ticket.instrument, &self.ledger);
        let own = self.books.get(id.index());
        let latest = ledger.latest(id);
        let quote = own.and_then(|book| book.quote);
        let taken = quote.map(|(bid, ask)| if ticket.side == Side::Buy { ask } else { bid });
        let expected = taken.or(latest);
        let held = ledger.held(id, ticket.leg);
        let price = ticket.kind.limit().or(ticket.kind.trigger()).or(expected);
        let lots = i64::try_from(ticket.quantity.0).unwrap_or(i64::MAX);
        let (buying, selling) = own.map_or_else(Default::default, |book| pending(book, ticket.leg));
        Ok(Facts {
            now: self.now,
            reference: latest.zip(own).map(|(price, book)| Reference { price, time: book.heard }),
            expected,
            held,
            held_value: self.worth(id, latest.unwrap_or_default(), held)?,
            buying,
            selling,
            equity: ledger.equity()?,
            gross: ledger.gross()?,
            opening: self.opening()?,
            working: self.books.iter().map(|book| book.working().len() as u64).sum(),
            value: price.map(|price| self.worth(id, price, lots)).transpose()?,
        })
    }

    /// |value| of lots at a price, in the account's currency.
    fn worth(&self, id: InstrumentId, price: Price, lots: i64) -> Result<Money, Error> {
        let Some(contract) = self.ledger.contract(id).filter(|_| lots != 0) else {
            return Ok(Money::ZERO);
        };
        let value = contract.value(price, lots)?.magnitude()?;
        Ok(self.ledger.converted(id, value)?)
    }

    /// Σ |value| of working orders that may enlarge a position.
    fn opening(&self) -> Result<Money, Error> {
        let mut sum = Money::ZERO;
        for working in self.books.iter().flat_map(Book::working) {
            let ticket = working.order.ticket;
            if !working.order.reduces_only() {
                let id = ticket.instrument;
                let own = ticket.kind.limit().or(ticket.kind.trigger());
                let price = own.or(self.ledger.latest(id)).unwrap_or_default();
                let lots = i64::try_from(working.open.0).unwrap_or(i64::MAX);
                sum = sum.plus(self.worth(id, price, lots)?)?;
            }
        }
        Ok(sum)
    }

    /// The gate looks at what the account is worth, and at the time.
    #[inline]
    pub(super) fn watch(&mut self) -> Result<(), Error> {
        let Guard { gate, notices, .. } = &mut self.guard;
        if gate.needs_equity() {
            gate.on_equity(self.now, self.ledger.equity()?, notices);
        } else if gate.is_armed() {
            gate.on_time(self.now, notices);
        }
        self.heed();
        Ok(())
    }

    /// A person, or the host, commands the gate.
    pub(super) fn command_gate(&mut self, state: State) {
        let by = risk::Author::Person;
        let hold = |then| risk::Command::Hold { by, then, until: None };
        let command = match state {
            State::Normal => risk::Command::Release { cause: risk::Cause::Command(by) },
            State::ReduceOnly => hold(risk::Restraint::ReduceOnly),
            State::Halted => hold(risk::Restraint::Halt),
        };
        self.guard.gate.command(self.now, &command, &mut self.guard.notices);
        self.heed();
    }

    /// Follows a fill's position: back at nothing, the gate hears of the round trip.
    pub(super) fn follow_trip(
        &mut self,
        fill: &Fill,
        (before, order): (Position, Option<Order>),
    ) -> Result<(), Error> {
        if !self.guard.gate.needs_trips() {
            return Ok(());
        }
        let after = self.ledger.position_on(fill.instrument, fill.leg);
        let now = self.now;
        let Some(book) = book(&mut self.books, fill.instrument) else { return Ok(()) };
        let place = book.trips.iter().position(|trip| trip.leg == fill.leg);
        let ended = before.lots != 0 && after.lots.signum() != before.lots.signum();
        if let Some(trip) = place.filter(|_| ended).map(|place| book.trips.remove(place)) {
            let earned = after.realised.minus(trip.realised)?;
            let profit = earned.minus(after.fees.minus(trip.fees)?)?;
            let exit = order.map_or(Purpose::Exit, |order| order.ticket.purpose);
            let instrument = fill.instrument;
            let (direction, entered) = (trip.direction, trip.entered);
            let trip = RoundTrip { instrument, direction, profit, entered, exit };
            self.guard.gate.on_round_trip(now, &trip, &mut self.guard.notices);
        } else if let Some(trip) = place.and_then(|place| book.trips.get_mut(place)) {
            if after.lots.unsigned_abs() > before.lots.unsigned_abs() {
                trip.entered = trip.entered.plus(fill.notional)?;
            }
            return Ok(());
        }
        if after.lots != 0 {
            let direction = if after.lots > 0 { Direction::Long } else { Direction::Short };
            let (realised, fees) =
                if ended { (after.realised, after.fees) } else { (before.realised, before.fees) };
            let leg = fill.leg;
            book.trips.push(Trip { leg, direction, entered: after.basis, realised, fees });
        }
        self.heed();
        Ok(())
    }

    /// Acts on what the gate did: a halt takes back what would enlarge a position.
    fn heed(&mut self) {
        if self.guard.notices.is_empty() {
            return;
        }
        for notice in std::mem::take(&mut self.guard.notices) {
            let Notice::Shifted(shift) = notice else { continue };
            if shift.from == shift.to {
                continue;
            }
            self.act(Action::State(shift.to));
            if shift.to == State::Halted {
                let enlarging = |order: &&Order| !order.reduces_only();
                let all = self.books.iter().flat_map(Book::working).map(|working| &working.order);
                let gone: Vec<_> =
                    all.filter(enlarging).map(|o| (o.id, o.ticket.instrument)).collect();
                for (id, instrument) in gone {
                    self.cancel(id, instrument);
                }
            }
        }
    }
}

/// Lots that working orders of a leg may still buy, and sell.
fn pending(book: &Book, leg: Leg) -> (Pending, Pending) {
    let mut sides = [Pending::default(); 2];
    for working in book.working().iter().filter(|w| w.order.ticket.leg == leg) {
        let ticket = working.order.ticket;
        let [buying, selling] = &mut sides;
        let side = if ticket.side == Side::Buy { buying } else { selling };
        let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY);
        let lots = if reduces { &mut side.reducing } else { &mut side.opening };
        *lots = Quantity(lots.0.saturating_add(working.open.0));
    }
    (sides[0], sides[1])
}
