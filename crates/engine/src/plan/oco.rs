//! One cancels the others, for venues without groups.

use super::{
    Input, Key, News, Outcome, Plan, PlanError, Step,
    child::{Child, Told},
};
use crate::order::{Ending, Restrictions, Ticket};
use market::Quantity;

/// What happens in the time between a trade and the cancels that follow from it: another order of
/// the group can trade in it, and nobody outside the venue can prevent that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Race {
    /// All are exits, and made reduce-only: together they never close more than what is held. When
    /// one trades a part the others are made smaller by it, so that the rest stays covered.
    Guarded,
    /// They may be entries. When one trades, however little, the others are cancelled; until that
    /// is through a second one can open a position as well.
    Accepted,
}

/// One cancels the others, by cancels of our own. An order that is refused or that somebody else
/// cancels leaves the others as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oco {
    tickets: Vec<Ticket>,
    race: Race,
    children: Vec<Child>,
    /// The first one that traded.
    first: Option<Key>,
    amends: bool,
    is_wanted: bool,
    is_over: bool,
    last: Option<Ending>,
}

impl Oco {
    /// Orders that one can be in.
    pub const ORDERS_MAX: usize = 16;

    /// A group that was not begun; the order of place `n` is called `Key(n)`.
    pub fn new(mut tickets: Vec<Ticket>, race: Race) -> Result<Self, PlanError> {
        let (found, most) = (tickets.len(), Self::ORDERS_MAX);
        if !(2..=most).contains(&found) {
            return Err(PlanError::Children { found, least: 2, most });
        }
        if tickets.iter().any(|ticket| ticket.quantity == Quantity::ZERO) {
            return Err(PlanError::Nothing);
        }
        for ticket in &mut tickets {
            ticket.group = None;
            if race == Race::Guarded {
                *ticket = ticket.restricted(Restrictions::REDUCE_ONLY);
            }
        }
        Ok(Self {
            tickets,
            race,
            children: Vec::new(),
            first: None,
            amends: true,
            is_wanted: true,
            is_over: false,
            last: None,
        })
    }

    fn start(&mut self, out: &mut Vec<Step>) {
        let numbered = (0..).zip(&self.tickets);
        self.children = numbered.map(|(key, ticket)| Child::send(Key(key), *ticket, out)).collect();
    }

    fn update(&mut self, key: Key, change: &crate::order::Change) {
        let Some(child) = self.children.iter_mut().find(|child| child.key == key) else { return };
        match child.told(change) {
            Told::Traded(_) => self.first = self.first.or(Some(key)),
            Told::NotAmended => self.amends = false,
            Told::Lost(_) | Told::Noted => {}
        }
        self.last = child.ending().or(self.last);
    }

    fn traded(&self) -> u64 {
        self.children.iter().map(|child| child.filled).fold(0, u64::saturating_add)
    }

    fn settle(&mut self, out: &mut Vec<Step>) {
        let traded = self.traded();
        for (child, ticket) in self.children.iter_mut().zip(&self.tickets) {
            let rest = match self.race {
                _ if !self.is_wanted => 0,
                Race::Accepted if self.first.is_some_and(|first| first != child.key) => 0,
                Race::Accepted => child.rest(),
                Race::Guarded => ticket.quantity.0.saturating_sub(traded),
            };
            if rest < child.rest() && (rest == 0 || self.amends) {
                child.resize(rest, out);
            }
        }
        if !self.children.iter().any(Child::is_live) {
            self.is_over = true;
            out.push(Step::Done(self.outcome(traded)));
        }
    }

    /// What one of them could have traded is what was asked.
    fn outcome(&self, traded: u64) -> Outcome {
        let asked = self.tickets.iter().map(|ticket| ticket.quantity.0).max().unwrap_or(0);
        let rest = Quantity(asked.saturating_sub(traded));
        match self.last {
            Some(why) if rest > Quantity::ZERO => Outcome::Incomplete { rest, why },
            _ => Outcome::Complete,
        }
    }
}

impl Plan for Oco {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        if self.is_over {
            return;
        }
        match &input.news {
            News::Start { .. } if self.children.is_empty() => self.start(out),
            News::Update { key, change } => {
                self.update(*key, change);
                self.settle(out);
            }
            News::Cancel => {
                self.is_wanted = false;
                self.settle(out);
            }
            News::Start { .. } | News::Market(_) | News::Position { .. } | News::Timer => {}
        }
    }
}
