//! One order triggers others.

use super::{
    Input, Key, News, Outcome, Plan, PlanError, Step,
    child::{Child, Told},
};
use crate::order::Ticket;
use market::Quantity;

/// When the others are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// All at once, when the first one has traded whole. If it never does, none is sent.
    Whole,
    /// With each fill of the first one, in its proportion: after `f` of `n` lots, each has sent
    /// `f / n` of its size, rounded down; the last fill sends the rest, so that sizes are exact.
    Proportional,
}

/// One order triggers others. Once they are sent they are orders of their own: the plan ends with
/// its first order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oto {
    first: Ticket,
    others: Vec<(Ticket, u64)>,
    release: Release,
    child: Option<Child>,
    next_key: u32,
    is_over: bool,
}

impl Oto {
    /// The first order's name.
    pub const FIRST: Key = Key(0);
    /// Orders that one can trigger.
    pub const OTHERS_MAX: usize = 16;

    /// A plan that was not begun.
    pub fn new(first: Ticket, others: Vec<Ticket>, release: Release) -> Result<Self, PlanError> {
        let (found, most) = (others.len(), Self::OTHERS_MAX);
        if found == 0 || found > most {
            return Err(PlanError::Children { found, least: 1, most });
        }
        if others.iter().chain([&first]).any(|ticket| ticket.quantity == Quantity::ZERO) {
            return Err(PlanError::Nothing);
        }
        let others = others.into_iter().map(|ticket| (ticket, 0)).collect();
        Ok(Self { first, others, release, child: None, next_key: 1, is_over: false })
    }

    fn update(&mut self, key: Key, change: &crate::order::Change, out: &mut Vec<Step>) {
        let Some(child) = self.child.as_mut().filter(|child| child.key == key) else { return };
        let (told, size) = (child.told(change), self.first.quantity.0);
        let (filled, live, ending) = (child.filled.min(size), child.is_live(), child.ending());
        if matches!(told, Told::Traded(_)) {
            let due = match self.release {
                Release::Whole if filled < size => 0,
                Release::Whole | Release::Proportional => filled,
            };
            self.send(due, out);
        }
        if live {
            return;
        }
        let rest = Quantity(size - filled);
        let outcome = ending.filter(|_| rest > Quantity::ZERO);
        let outcome = outcome.map_or(Outcome::Complete, |why| Outcome::Incomplete { rest, why });
        self.is_over = true;
        out.push(Step::Done(outcome));
    }

    /// Sends what the others owe once so many lots of the first have traded.
    fn send(&mut self, filled: u64, out: &mut Vec<Step>) {
        let size = u128::from(self.first.quantity.0);
        for (ticket, sent) in &mut self.others {
            let due = u128::from(ticket.quantity.0) * u128::from(filled) / size;
            let due = u64::try_from(due).unwrap_or(ticket.quantity.0);
            if due > *sent {
                let ticket = Ticket { quantity: Quantity(due - *sent), ..*ticket };
                out.push(Step::Submit { key: Key(self.next_key), ticket });
                self.next_key += 1;
                *sent = due;
            }
        }
    }
}

impl Plan for Oto {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        if self.is_over {
            return;
        }
        match (&input.news, &mut self.child) {
            (News::Start { .. }, child @ None) => {
                *child = Some(Child::send(Self::FIRST, self.first, out));
            }
            (News::Cancel, Some(child)) => child.cancel(out),
            (News::Update { key, change }, _) => self.update(*key, change, out),
            _ => {}
        }
    }
}
