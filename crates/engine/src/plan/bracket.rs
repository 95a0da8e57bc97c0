//! An entry with its stop, and a target.

use super::{
    Input, Key, News, Outcome, Plan, PlanError, Step,
    child::{Child, Told},
};
use crate::order::{Ending, OrderKind, Purpose, Restrictions, Ticket};
use market::{Price, Quantity, Side};

/// How a bracket's position is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exits {
    /// At a loss: a stop, a stop-limit or a trailing stop.
    pub stop: OrderKind,
    /// With a profit: a limit or an if-touched order.
    pub target: Option<OrderKind>,
}

/// An entry whose fills are covered by a stop, and by a target if there is one.
///
/// Both are reduce-only and as large as what is held: they grow with each fill of the entry and
/// shrink with each fill of the other. They are no group of the venue's, which would take the stop
/// away as soon as the target trades a part; in the moment before an order is made smaller both can
/// trade, and reduce-only keeps them from more than what is held.
///
/// Where a venue does not change an order, another one is sent for what is missing. As soon as an
/// exit trades, what is left of the entry is cancelled. If a stop is refused, what it should cover
/// is closed at the market; if that is refused too, the plan ends as [`Outcome::Unprotected`]. A
/// stop that somebody else cancels is not put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bracket {
    entry: Entry,
    stop: Cover,
    target: Option<Cover>,
    close: Cover,
    next_key: u32,
    is_over: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    ticket: Ticket,
    child: Option<Child>,
    wanted: bool,
}

impl Bracket {
    /// A bracket that was not begun; prices on the wrong side of each other are refused.
    pub fn new(entry: Ticket, exits: Exits) -> Result<Self, PlanError> {
        if entry.quantity == Quantity::ZERO {
            return Err(PlanError::Nothing);
        }
        if entry.restrictions.has(Restrictions::REDUCE_ONLY) {
            return Err(PlanError::Entry);
        }
        validate(&entry, &exits)?;
        let cover = |kind, purpose| Cover::of(Ticket { purpose, ..exit(&entry) }.of(kind));
        Ok(Self {
            stop: cover(exits.stop, Purpose::StopLoss),
            target: exits.target.map(|kind| cover(kind, Purpose::TakeProfit)),
            close: cover(OrderKind::Market, Purpose::StopLoss),
            entry: Entry { ticket: entry, child: None, wanted: true },
            next_key: 1,
            is_over: false,
        })
    }

    /// The entry's name.
    pub const ENTRY: Key = Key(0);

    /// Lots held: what entered and did not leave.
    #[must_use]
    pub fn held(&self) -> Quantity {
        let left = self.stop.traded + self.close.traded + self.target_traded();
        Quantity(self.entered().saturating_sub(left))
    }

    fn entered(&self) -> u64 {
        self.entry.child.map_or(0, |child| child.filled)
    }

    fn target_traded(&self) -> u64 {
        self.target.as_ref().map_or(0, |target| target.traded)
    }

    fn update(&mut self, key: Key, change: &crate::order::Change) {
        if let Some(child) = self.entry.child.as_mut().filter(|child| child.key == key) {
            child.told(change);
            return;
        }
        let covers = [Some(&mut self.stop), self.target.as_mut(), Some(&mut self.close)];
        for cover in covers.into_iter().flatten() {
            cover.update(key, change);
        }
    }

    /// Brings the children in line with what is held.
    fn settle(&mut self, out: &mut Vec<Step>) {
        let held = self.held().0;
        let leaves = self.stop.traded > 0 || self.close.traded > 0 || self.target_traded() > 0;
        self.entry.wanted &= !leaves && self.stop.lost.is_none();
        if let Some(entry) = self.entry.child.as_mut().filter(|_| !self.entry.wanted) {
            entry.cancel(out);
        }
        self.stop.fit(held, &mut self.next_key, out);
        let refused = matches!(self.stop.lost, Some(Ending::Refused(_)));
        let naked = if refused { held.saturating_sub(self.stop.working()) } else { 0 };
        self.close.fit(naked, &mut self.next_key, out);
        if let Some(target) = &mut self.target {
            target.fit(if naked > 0 { 0 } else { held }, &mut self.next_key, out);
        }
        self.finish(held, out);
    }

    fn finish(&mut self, held: u64, out: &mut Vec<Step>) {
        let Some(entry) = self.entry.child.filter(|child| !child.is_live()) else { return };
        let covers = [Some(&self.stop), self.target.as_ref(), Some(&self.close)];
        if covers.into_iter().flatten().any(Cover::is_live) {
            return;
        }
        let rest = Quantity(self.entry.ticket.quantity.0.saturating_sub(entry.filled));
        let outcome = match entry.ending() {
            _ if held > 0 => Outcome::Unprotected { lots: Quantity(held) },
            Some(why) if rest > Quantity::ZERO => Outcome::Incomplete { rest, why },
            _ => Outcome::Complete,
        };
        self.is_over = true;
        out.push(Step::Done(outcome));
    }
}

impl Plan for Bracket {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        if self.is_over {
            return;
        }
        match &input.news {
            News::Start { .. } if self.entry.child.is_none() => {
                self.entry.child = Some(Child::send(Self::ENTRY, self.entry.ticket, out));
            }
            News::Update { key, change } => {
                self.update(*key, change);
                self.settle(out);
            }
            News::Cancel => {
                self.entry.wanted = false;
                self.settle(out);
            }
            News::Start { .. } | News::Market(_) | News::Position { .. } | News::Timer => {}
        }
    }
}

/// What closes the position that an entry opens.
fn exit(entry: &Ticket) -> Ticket {
    let side = entry.side.opposite();
    let ticket = Ticket::market(entry.instrument, side, Quantity::ZERO);
    Ticket { leg: entry.leg, ..ticket.restricted(Restrictions::REDUCE_ONLY) }
}

/// Orders of one kind that together cover what is held; one, where the venue changes orders.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cover {
    ticket: Ticket,
    children: Vec<Child>,
    traded: u64,
    amends: bool,
    /// One of them is gone, and nobody here asked for that.
    lost: Option<Ending>,
}

impl Cover {
    const fn of(ticket: Ticket) -> Self {
        Self { ticket, children: Vec::new(), traded: 0, amends: true, lost: None }
    }

    fn is_live(&self) -> bool {
        self.children.iter().any(Child::is_live)
    }

    fn working(&self) -> u64 {
        self.children.iter().map(Child::rest).fold(0, u64::saturating_add)
    }

    fn update(&mut self, key: Key, change: &crate::order::Change) {
        let Some(child) = self.children.iter_mut().find(|child| child.key == key) else { return };
        match child.told(change) {
            Told::Traded(lots) => self.traded = self.traded.saturating_add(lots),
            Told::Lost(why) => self.lost = Some(why),
            Told::NotAmended => self.amends = false,
            Told::Noted => {}
        }
    }

    /// Asks for orders over `need` lots, as soon as the venue has answered what was asked before.
    fn fit(&mut self, need: u64, next_key: &mut u32, out: &mut Vec<Step>) {
        if need == 0 {
            self.children.iter_mut().for_each(|child| child.cancel(out));
            return;
        }
        if self.children.iter().any(Child::is_busy) {
            return;
        }
        let working = self.working();
        if need > working {
            self.grow(need - working, next_key, out);
        } else {
            self.shrink(working - need, out);
        }
    }

    fn grow(&mut self, missing: u64, next_key: &mut u32, out: &mut Vec<Step>) {
        if self.lost.is_some() {
            return;
        }
        let last = self.children.iter_mut().rev().find(|child| child.is_live());
        if let Some(last) = last.filter(|_| self.amends) {
            last.resize(last.rest().saturating_add(missing), out);
            return;
        }
        let ticket = Ticket { quantity: Quantity(missing), ..self.ticket };
        self.children.push(Child::send(Key(*next_key), ticket, out));
        *next_key += 1;
    }

    /// Takes the excess off the last orders. What cannot be changed stays: it is reduce-only.
    fn shrink(&mut self, mut excess: u64, out: &mut Vec<Step>) {
        for child in self.children.iter_mut().rev().filter(|child| child.is_live()) {
            let off = child.rest().min(excess);
            if off == child.rest() || self.amends {
                child.resize(child.rest() - off, out);
                excess -= off;
            }
        }
    }
}

/// A stop loses, a target wins: for a buy they lie below and above the entry.
fn validate(entry: &Ticket, exits: &Exits) -> Result<(), PlanError> {
    use OrderKind as Kind;
    let (what, kind) = ("a stop", exits.stop.name());
    if !matches!(exits.stop, Kind::Stop { .. } | Kind::StopLimit { .. } | Kind::Trailing { .. }) {
        return Err(PlanError::Kind { what, kind });
    }
    if let Some(target) = exits.target
        && !matches!(target, Kind::Limit { .. } | Kind::Touched { .. } | Kind::TouchedLimit { .. })
    {
        return Err(PlanError::Kind { what: "a target", kind: target.name() });
    }
    let enters = entry.kind.limit().or(entry.kind.trigger());
    let stop = exits.stop.trigger();
    let target = exits.target.and_then(|kind| kind.limit().or(kind.trigger()));
    in_order("stop", stop, enters.or(target), entry.side)?;
    in_order("target", target, enters.or(stop), entry.side.opposite())
}

fn in_order(
    what: &'static str,
    price: Option<Price>,
    other: Option<Price>,
    side: Side,
) -> Result<(), PlanError> {
    let (Some(price), Some(other)) = (price, other) else { return Ok(()) };
    let fits = if side == Side::Buy { price < other } else { price > other };
    if fits { Ok(()) } else { Err(PlanError::WrongSide { what, price, other }) }
}
