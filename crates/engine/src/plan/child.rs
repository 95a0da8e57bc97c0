//! One order of a plan, as far as the plan knows it.

use super::{Key, Step};
use crate::order::{Amendment, Change, Ending, Ticket};
use market::{Quantity, Side};
use portfolio::Leg;

/// Cancels that are tried before a plan leaves an order to its venue.
const CANCELS_MAX: u8 = 3;

/// An order that was sent. Of each sort one request about it is on its way at a time, and no
/// change after a cancel: the answer to a change comes before the answer to a cancel, so that none
/// is taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) key: Key,
    /// All told, as the venue last said.
    asked: u64,
    pub(super) filled: u64,
    stage: Stage,
    /// Asked for all told, not answered yet.
    amending: Option<u64>,
    is_cancelling: bool,
    cancels: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The venue has not answered yet.
    Sent,
    Working,
    /// Over, with what never traded; traded in full without an ending.
    Ended(Option<Ending>),
}

/// What an update meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// So many lots traded.
    Traded(u64),
    /// It is over with a rest, and its owner's plan did not ask for that.
    Lost(Ending),
    /// An amendment was not taken.
    NotAmended,
    /// Nothing that a plan acts on beyond looking again.
    Noted,
}

impl Child {
    /// Sends an order.
    pub(super) fn send(key: Key, ticket: Ticket, out: &mut Vec<Step>) -> Self {
        out.push(Step::Submit { key, ticket });
        let asked = ticket.quantity.0;
        Self {
            key,
            asked,
            filled: 0,
            stage: Stage::Sent,
            amending: None,
            is_cancelling: false,
            cancels: 0,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        !matches!(self.stage, Stage::Ended(_))
    }

    /// Whether its venue has yet to answer: until then nothing else is asked of it but an end.
    pub(super) const fn is_busy(&self) -> bool {
        let asks = self.is_cancelling || self.amending.is_some();
        self.is_live() && (asks || matches!(self.stage, Stage::Sent))
    }

    /// What may still trade.
    pub(super) const fn rest(&self) -> u64 {
        if self.is_live() { self.asked.saturating_sub(self.filled) } else { 0 }
    }

    /// Why it is over, if it is and left something.
    pub(super) const fn ending(&self) -> Option<Ending> {
        match self.stage {
            Stage::Ended(ending) => ending,
            Stage::Sent | Stage::Working => None,
        }
    }

    pub(super) fn cancel(&mut self, out: &mut Vec<Step>) {
        if self.is_live() && !self.is_cancelling && self.cancels < CANCELS_MAX {
            self.cancels += 1;
            self.is_cancelling = true;
            out.push(Step::Cancel(self.key));
        }
    }

    /// Asks that so many lots rest; none is a cancel. A busy child is left for later.
    pub(super) fn resize(&mut self, rest: u64, out: &mut Vec<Step>) {
        if rest == 0 {
            return self.cancel(out);
        }
        if self.is_live() && !self.is_busy() && rest != self.rest() {
            let total = self.filled.saturating_add(rest);
            self.amending = Some(total);
            let quantity = Some(Quantity(total));
            out.push(Step::Amend(self.key, Amendment { quantity, ..Amendment::default() }));
        }
    }

    pub(super) fn told(&mut self, change: &Change) -> Told {
        if !self.is_live() {
            // A fill that comes late is a fill all the same.
            if let Change::Filled(fill) = change {
                self.filled = self.filled.saturating_add(fill.quantity.0);
                return Told::Traded(fill.quantity.0);
            }
            return Told::Noted;
        }
        match change {
            Change::Accepted | Change::Triggered => {
                self.stage = Stage::Working;
                Told::Noted
            }
            Change::Filled(fill) => {
                self.filled = self.filled.saturating_add(fill.quantity.0);
                let whole = self.filled >= self.asked;
                self.stage = if whole { Stage::Ended(None) } else { Stage::Working };
                Told::Traded(fill.quantity.0)
            }
            Change::Amended { quantity } => {
                self.asked = quantity.0;
                self.amending = None;
                Told::Noted
            }
            Change::Ended { why, .. } => {
                self.stage = Stage::Ended(Some(*why));
                if self.is_cancelling { Told::Noted } else { Told::Lost(*why) }
            }
            Change::Unchanged { .. } => match self.amending.take() {
                // What traded in between would have made any venue say no.
                Some(total) if total > self.filled => Told::NotAmended,
                Some(_) => Told::Noted,
                None => {
                    self.is_cancelling = false;
                    Told::Noted
                }
            },
        }
    }
}

/// Lots of a position that an order of this side could close.
pub(super) fn closable(side: Side, leg: Leg, held: i64) -> u64 {
    let closes = match leg {
        Leg::Net => held.signum() == -side.sign(),
        Leg::Long => side == Side::Sell && held > 0,
        Leg::Short => side == Side::Buy && held < 0,
    };
    if closes { held.unsigned_abs() } else { 0 }
}
